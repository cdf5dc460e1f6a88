"""Sessions: traders take turns at a live book, by any rule in Python or by chance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from gridagora.markets.continuous.book import LimitOrderBook, Receipt
from gridagora.markets.continuous.columns import SUBMIT, operations
from gridagora.markets.orders import BUY, FloatArray, IntArray


class Quote(NamedTuple):
    """An order that a trader wants to submit now.

    Attributes
    ----------
    side : str
        "buy" or "sell".
    price : float
        Limit price, one of the book's. [currency/kWh]
    quantity : int
        [energy quanta]
    """

    side: Literal["buy", "sell"]
    price: float
    quantity: int = 1


def take_turns(
    book: LimitOrderBook,
    turns: IntArray,
    quote: Callable[[int, LimitOrderBook], Quote | None],
    heard: Callable[[int, Quote, Receipt], None] | None = None,
    time: IntArray | None = None,
) -> None:
    """Let traders act one after another.

    Parameters
    ----------
    book : LimitOrderBook
        Where they trade; its log holds what happened.
    turns : ndarray of int64, shape (turns,)
        Who acts at each turn, see :mod:`gridagora.markets.continuous.arrivals`.
    quote : callable
        Called with the trader and the book; returns the trader's order, or None to stay silent.
    heard : callable, optional
        Called after each order with the trader, the order and its receipt, so that all traders can learn.
    time : ndarray of int64, shape (turns,), optional
        Time of each turn.
    """
    for turn, trader in enumerate(turns.tolist()):
        wanted = quote(trader, book)
        if wanted is None:
            continue
        now = None if time is None else int(time[turn])
        receipt = book.submit(wanted.side, wanted.price, wanted.quantity, owner=trader, time=now)
        if heard is not None:
            heard(trader, wanted, receipt)


def quote_by_chance(
    book: LimitOrderBook, side: IntArray, limit: FloatArray, turns: IntArray, draw: FloatArray
) -> IntArray:
    """Let traders with a budget constraint and zero intelligence quote one unit at a time (ZI-C).

    A buyer draws one of the book's prices up to the limit of its next unit, a seller one from its limit on, all with
    the same chance. Who has no unit left is silent. Source: [GodeSunder1993]_ in
    :mod:`gridagora.markets.continuous.measures`.

    Parameters
    ----------
    book : LimitOrderBook
        Where they trade, usually by `BookRules(reset_after_trade=True, unit_lots=True, spread_improvement=True)`.
    side : ndarray of int64, shape (traders,)
        1 buys, -1 sells.
    limit : ndarray, shape (traders, units)
        Value or cost of each unit, prices of the book, the best first, nan behind the last. [currency/kWh]
    turns : ndarray of int64, shape (turns,)
        Who may quote at each turn; turns are one unit of time apart, from the book's time on.
    draw : ndarray, shape (turns,)
        Uniform draws from (0, 1).

    Returns
    -------
    ndarray of int64, shape (traders,)
        Units that each traded.
    """
    given = ~np.isnan(limit)
    tick = np.full((len(limit), limit.shape[1] + 1), -1, np.int64)
    tick[:, :-1][given] = [book.tick(price) for price in limit[given]]
    used, start, now, ticks = np.zeros(len(limit), np.int64), book.time, 0, len(book.price)
    while now < len(turns):
        who = turns[now:]
        at = tick[who, used[who]]
        able = np.flatnonzero(at >= 0)
        who, at = who[able], at[able]
        buys = side[who] == BUY
        # A draw just below 1 may round up to it.
        step = np.floor(draw[now:][able] * np.where(buys, at + 1, ticks - at)).astype(np.int64)
        quoted = np.minimum(np.where(buys, 0, at) + step, np.where(buys, at, ticks - 1))
        kinds = np.full(len(who), SUBMIT)
        met = book.run_until_trade(
            operations(kinds, side=side[who], tick=quoted, quantity=1, owner=who, time=start + now + able)
        )
        if not met.traded:
            break
        used[[met.incoming, met.resting]] += 1
        now += int(able[met.done - 1]) + 1
    return used
