"""A live continuous book: agents submit, move and cancel one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gridagora.markets.continuous.columns import (
    BEST_ASK,
    BEST_BID,
    CANCEL,
    CLOSE,
    GTC,
    IS_OPEN,
    LAST_PARTNER,
    LAST_REASON,
    LAST_TRADED,
    LIMITS,
    MAY_TRADE,
    MOVE,
    NEVER,
    NOBODY,
    NOW,
    ORDERS,
    REASONS,
    RESUME,
    SUBMIT,
    Rows,
)
from gridagora.markets.continuous.engine import Engine
from gridagora.markets.continuous.kernels import depth_of
from gridagora.markets.continuous.log import MarketLog
from gridagora.markets.continuous.rules import BookRules
from gridagora.markets.orders import BUY, SELL, FloatArray, IntArray, read_only

if TYPE_CHECKING:
    import pandas as pd


class Receipt(NamedTuple):
    """What became of an operation.

    Attributes
    ----------
    order : int
        Number of the order, -1 where the operation has none.
    traded : int
        Quantity traded at once. [energy quanta]
    resting : int
        Quantity of the order in the book now. [energy quanta]
    rejected : str
        Why nothing was done, one of `REASONS`; empty if it was.
    """

    order: int
    traded: int
    resting: int
    rejected: str


class Depth(NamedTuple):
    """Quantity in the book by price, the best price first.

    Attributes
    ----------
    bid_price, ask_price : ndarray, shape (levels of the side,)
        Prices. [currency/kWh]
    bid_quantity, ask_quantity : ndarray of int64, shape (levels of the side,)
        Quantity at each. [energy quanta]
    """

    bid_price: FloatArray
    bid_quantity: IntArray
    ask_price: FloatArray
    ask_quantity: IntArray


class Meeting(NamedTuple):
    """How far a book came with operations, and who traded last.

    Attributes
    ----------
    done : int
        Number of operations done.
    traded : bool
        Whether the last of them traded.
    incoming, resting : int
        Owner of the order that came and of the one last met, `NOBODY` without trade or owner.
    """

    done: int
    traded: bool
    incoming: int
    resting: int


class LimitOrderBook:
    """Orders by price-time priority; trades at the resting order's price (C6, P7).

    Parameters
    ----------
    price : array_like, shape (ticks,)
        Ascending prices that orders may have, such as `tick_prices(-0.05, 0.001, 1551)`. [currency/kWh]
    rules : BookRules, optional
        Rules of the market.
    reference : float, optional
        Reference price of the circuit breaker, needed with one. [currency/kWh]

    Raises
    ------
    ValueError
        If prices do not ascend, or reference and circuit breaker do not go together.

    Examples
    --------
    >>> book = LimitOrderBook([0.30, 0.31, 0.32])
    >>> book.submit("sell", 0.31, 5, owner=1)
    Receipt(order=0, traded=0, resting=5, rejected='')
    >>> book.submit("buy", 0.32, 2, owner=2)
    Receipt(order=1, traded=2, resting=0, rejected='')
    >>> book.best_ask, book.trades()["price"].tolist()
    (0.31, [0.31])
    """

    def __init__(self, price: ArrayLike, rules: BookRules | None = None, reference: float | None = None) -> None:
        self.price: FloatArray = read_only(np.array(price, dtype=np.float64))
        self.rules = BookRules() if rules is None else rules
        ticks = len(self.price)
        if ticks == 0 or not (np.isfinite(self.price).all() and (np.diff(self.price) > 0).all()):
            raise ValueError(f"price: {ticks} ticks; need at least one, finite and strictly ascending")
        if self.rules.circuit_breaker is not None and reference is None:
            raise ValueError("reference: missing; a circuit breaker needs the price it is measured from")
        self._engine = Engine(ticks, self.rules)
        if reference is not None:
            self.resume(reference)

    def submit(
        self,
        side: Literal["buy", "sell"],
        price: float,
        quantity: int,
        *,
        owner: int = NOBODY,
        limit: Literal["gtc", "ioc", "fok", "gtd"] = "gtc",
        expiry: int | None = None,
        time: int | None = None,
    ) -> Receipt:
        """Submit an order.

        Parameters
        ----------
        side : str
            "buy" or "sell".
        price : float
            Limit price, one of the book's. [currency/kWh]
        quantity : int
            At least 1. [energy quanta]
        owner : int
            Who submits.
        limit : str
            "gtc" stays until the gate closes, "ioc" trades at once what it can, "fok" all or nothing, "gtd" stays
            until `expiry`.
        expiry : int, optional
            First time at which a "gtd" order is gone.
        time : int, optional
            Time of the operation; that of the last one by default.

        Returns
        -------
        Receipt

        Raises
        ------
        ValueError
            If a value is not allowed. What the market refuses stands in the receipt instead.
        """
        if side not in ("buy", "sell"):
            raise ValueError(f"side {side!r}; choose buy or sell")
        if limit not in LIMITS:
            raise ValueError(f"limit {limit!r}; choose one of: {', '.join(LIMITS)}")
        if (limit == "gtd") != (expiry is not None):
            raise ValueError(f"limit {limit} and expiry {expiry}; gtd, and only gtd, needs an expiry")
        code = BUY if side == "buy" else SELL
        number = int(self._state[ORDERS])
        return self._do(
            SUBMIT, time, number, owner=owner, side=code, tick=self.tick(price), quantity=_positive(quantity),
            limit=LIMITS.index(limit), expiry=NEVER if expiry is None else expiry,
        )  # fmt: skip

    def move(self, order: int, price: float, quantity: int, *, time: int | None = None) -> Receipt:
        """Give a resting order another price and quantity; it goes to the end of the queue there, or trades."""
        return self._do(MOVE, time, order, tick=self.tick(price), quantity=_positive(quantity))

    def cancel(self, order: int, *, time: int | None = None) -> Receipt:
        """Cancel a resting order; the receipt says "unknown_order" if none of that number rests."""
        return self._do(CANCEL, time, order)

    def resume(self, reference: float, *, time: int | None = None) -> Receipt:
        """Start or restart trade with the circuit breaker's band around `reference` [currency/kWh]."""
        low, high = self.rules.band(self.price, reference)
        return self._do(RESUME, time, -1, tick=low, quantity=high)

    def close(self, *, time: int | None = None) -> Receipt:
        """Close the gate: every resting order is cancelled, and every later operation is rejected."""
        return self._do(CLOSE, time, -1)

    def run(self, rows: Rows) -> None:
        """Do many operations.

        Parameters
        ----------
        rows : ndarray of OPERATION, shape (operations,)
            From :func:`gridagora.markets.continuous.columns.operations`; kept as part of the log and made read-only.

        Raises
        ------
        ValueError
            If the rows are not of dtype OPERATION. A bad operation is rejected in the log.
        """
        self._engine.run(rows)

    def run_until_trade(self, rows: Rows) -> Meeting:
        """Do operations as :meth:`run`, up to the first that trades, so that traders can react."""
        done = self._engine.run(rows, until_trade=True)
        traded = bool(self._state[LAST_TRADED]) if done else False
        met = (int(rows["owner"][done - 1]), int(self._state[LAST_PARTNER])) if traded else (NOBODY, NOBODY)
        return Meeting(done, traded, *met)

    def watch(self, rows: Rows) -> FloatArray:
        """Do many operations as :meth:`run`; return best bid and ask after each, nan where there is none.

        Returns
        -------
        ndarray, shape (operations, 2)
            [currency/kWh]
        """
        edged = np.concatenate([self.price, [np.nan]])
        best: FloatArray = edged[self._engine.watch(rows)]
        return best

    @property
    def best_bid(self) -> float:
        """Highest price bid [currency/kWh], nan if nobody bids."""
        tick = int(self._state[BEST_BID])
        return float(self.price[tick]) if tick >= 0 else np.nan

    @property
    def best_ask(self) -> float:
        """Lowest price asked [currency/kWh], nan if nobody asks."""
        tick = int(self._state[BEST_ASK])
        return float(self.price[tick]) if tick < len(self.price) else np.nan

    @property
    def time(self) -> int:
        """Time of the last operation."""
        return int(self._state[NOW])

    @property
    def status(self) -> Literal["open", "halted", "closed"]:
        """Whether orders are taken."""
        if not self._state[IS_OPEN]:
            return "closed"
        return "open" if self._state[MAY_TRADE] else "halted"

    def resting(self, order: int) -> int:
        """Return the quantity [energy quanta] of an order in the book, 0 if it is not there."""
        known = 0 <= order < self._state[ORDERS]
        return int(self._engine.columns.orders[order]["left"]) if known else 0

    def depth(self, levels: int = 10) -> Depth:
        """Return the best `levels` prices of each side and the quantity at each."""
        bid_tick, bid = depth_of(self._engine.columns, BUY, levels)
        ask_tick, ask = depth_of(self._engine.columns, SELL, levels)
        return Depth(self.price[bid_tick], bid, self.price[ask_tick], ask)

    def tick(self, price: float) -> int:
        """Return the tick of a price.

        Raises
        ------
        ValueError
            If the book has no such price; the message names the nearest one.
        """
        above = int(np.searchsorted(self.price, price))
        near = min(
            (i for i in (above - 1, above) if 0 <= i < len(self.price)), key=lambda i: abs(self.price[i] - price)
        )
        # 0.3 and 3 * 0.1 are the same price to a user, whatever their last bits.
        if not abs(self.price[near] - price) <= 1e-12 * max(1.0, abs(price)):
            raise ValueError(f"price {price}: no tick of the book, which has {self.price[near]:.12g} nearest to it")
        return near

    @property
    def log(self) -> MarketLog:
        """Everything so far."""
        return MarketLog(self.price, self.rules, self._engine.operations(), self._engine.events())

    def trades(self) -> pd.DataFrame:
        """Return the trades so far, see :meth:`MarketLog.trades`."""
        return self.log.trades()

    @property
    def _state(self) -> IntArray:
        return self._engine.columns.state

    def _do(
        self, kind: int, time: int | None, order: int, *, owner: int = NOBODY, side: int = 0, tick: int = 0,
        quantity: int = 0, limit: int = GTC, expiry: int = NEVER,
    ) -> Receipt:  # fmt: skip
        now = self.time if time is None else time
        if now < self.time:
            raise ValueError(f"time {now}: before {self.time}, the time of the last operation; time never falls")
        self._engine.do((now, quantity, expiry, order, owner, tick, kind, side, limit))
        state = self._state
        return Receipt(order, int(state[LAST_TRADED]), self.resting(order), REASONS[state[LAST_REASON]])


def _positive(quantity: int) -> int:
    if quantity < 1 or quantity != int(quantity):
        raise ValueError(f"quantity {quantity}; must be a whole number of at least 1")
    return int(quantity)
