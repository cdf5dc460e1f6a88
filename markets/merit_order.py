"""Exact clearing at a single node by the crossing of two merit orders.

Rules (C2, P1), the same on every path:

* Awards maximise welfare; among welfare optima the volume is the largest, so a bid trades with an ask at its
  own price.
* The price interval [low, high] holds every price that supports the awards: low is the highest of the accepted
  asks and of the bids not fully accepted, high the lowest of the accepted bids and of the asks not fully
  accepted. The price is ``k high + (1 - k) low``.
* Orders at the marginal price of their side share its award in proportion to their quantities.
* Nothing traded: the price is nan and the interval (best bid, best ask); with an empty side both are nan.

Sums run in integers of a fixed point, about 2^-60 of the book's total, so results do not depend on the order of
the orders to the last bit. An order too small for it counts as quantity 0, and quantities that differ by float dust
(2^-40 of the volume) count as equal.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridagora.markets.orders import BUY, SELL, Clearing, FloatArray, IntArray, OrderBook
from gridagora.sim.compiled import kernel

DUST = 2.0**-40


class Crossing(NamedTuple):
    """Where the two merit orders cross, in positions of the price columns given to :func:`cross`.

    A marginal level is the worst price that was accepted on its side; its orders receive the share
    ``num / den`` of their quantity. Positions are -1 where there is none, and then ``num / den`` is 0 / 1.
    """

    volume: int
    low: float
    high: float
    bid: int
    bid_num: int
    bid_den: int
    ask: int
    ask_num: int
    ask_den: int


@kernel(inline=True)
def _margin(
    price: FloatArray, quantity: IntArray, start: int, step: int, volume: int, dust: float
) -> tuple[int, int, int, int]:
    """Return position, accepted and offered quantity of the marginal level, and the next one not filled."""
    marginal, num, den, above = -1, 0, 1, 0
    slack = int(volume * dust)
    i, count = start, len(price)
    while 0 <= i < count:
        first, level = i, 0
        while 0 <= i < count and price[i] == price[first]:
            level += quantity[i]
            i += step
        if level == 0:
            continue
        wanted = volume - above
        if wanted < level and wanted <= slack:
            return marginal, num, den, first
        marginal, den = first, level
        num = level if level - wanted <= slack else wanted
        if num < level:
            return marginal, num, den, first
        above += level
    return marginal, num, den, -1


@kernel()
def cross(
    bid_price: FloatArray, bid_quantity: IntArray, ask_price: FloatArray, ask_quantity: IntArray, dust: float
) -> Crossing:
    """Return the crossing of two merit orders.

    Parameters
    ----------
    bid_price, ask_price : ndarray of float64, shape (bids,), (asks,)
        Limit prices, ascending on both sides. [currency/kWh]
    bid_quantity, ask_quantity : ndarray of int64, shape (bids,), (asks,)
        Quantities, at least 0; each side's sum stays below 2^62.
    dust : float
        Part of the volume below which two quantities count as equal: 0 for true integers, `DUST` for floats.

    Returns
    -------
    Crossing
        Volume, price interval and marginal levels.
    """
    top = len(bid_price) - 1
    i, j = top, 0
    volume, bid_used, ask_used = 0, 0, 0
    while i >= 0 and j < len(ask_price) and bid_price[i] >= ask_price[j]:
        traded = min(bid_quantity[i] - bid_used, ask_quantity[j] - ask_used)
        volume += traded
        bid_used += traded
        ask_used += traded
        if bid_used == bid_quantity[i]:
            i, bid_used = i - 1, 0
        if ask_used == ask_quantity[j]:
            j, ask_used = j + 1, 0
    bid, bid_num, bid_den, next_bid = _margin(bid_price, bid_quantity, top, -1, volume, dust)
    ask, ask_num, ask_den, next_ask = _margin(ask_price, ask_quantity, 0, 1, volume, dust)
    low, high = -np.inf, np.inf
    if next_bid >= 0:
        low = bid_price[next_bid]
    if next_ask >= 0:
        high = ask_price[next_ask]
    if volume > 0:
        low = max(low, ask_price[ask])
        high = min(high, bid_price[bid])
    elif next_bid < 0 or next_ask < 0:
        low, high = np.nan, np.nan
    return Crossing(volume, low, high, bid, bid_num, bid_den, ask, ask_num, ask_den)


def price_at(low: float, high: float, k: float) -> float:
    """Return the price between the ends of the competitive interval (C2).

    Parameters
    ----------
    low, high : float
        Ends of the interval. [currency/kWh]
    k : float
        0 for the sellers' end, 1 for the buyers' end, 1/2 for the middle.

    Raises
    ------
    ValueError
        If `k` is outside [0, 1]: no such price supports the awards.
    """
    if not 0.0 <= k <= 1.0:
        raise ValueError(f"k: given {k}; allowed 0 (sellers' end) to 1 (buyers' end)")
    return min(max(k * high + (1.0 - k) * low, low), high)


def interval_of_awards(
    bid_price: FloatArray,
    bid_open: NDArray[np.bool_],
    bid_accepted: NDArray[np.bool_],
    ask_price: FloatArray,
    ask_open: NDArray[np.bool_],
    ask_accepted: NDArray[np.bool_],
) -> tuple[FloatArray, FloatArray]:
    """Return the price interval that supports given awards (P1), for any number of auctions at once.

    Parameters
    ----------
    bid_price, ask_price : ndarray, shape (bids,), (asks,)
        Limit prices. [currency/kWh]
    bid_open, ask_open : ndarray of bool, shape (..., bids), (..., asks)
        True where the step is not fully accepted.
    bid_accepted, ask_accepted : ndarray of bool, shape (..., bids), (..., asks)
        True where something was accepted.

    Returns
    -------
    low, high : ndarray, shape (...)
        Ends of the interval, infinite where nothing limits them. [currency/kWh]
    """

    def highest(price: FloatArray, among: NDArray[np.bool_]) -> FloatArray:
        return np.asarray(np.where(among, price, -np.inf).max(axis=-1, initial=-np.inf))

    low = np.maximum(highest(ask_price, ask_accepted), highest(bid_price, bid_open))
    high = -np.maximum(highest(-bid_price, bid_accepted), highest(-ask_price, ask_open))
    return low, high


def fixed_point(quantity: FloatArray) -> tuple[IntArray, int]:
    """Return quantities as integers whose sum stays below 2^61, and the binary exponent of that unit.

    Parameters
    ----------
    quantity : ndarray, shape (orders,)
        At least 0. [kWh]

    Returns
    -------
    units : ndarray of int64, shape (orders,)
        ``quantity * 2**exponent``, rounded.
    exponent : int
        The same for any order of the entries.
    """
    total = float(np.sort(quantity).sum())
    exponent = 60 - int(np.frexp(total)[1])
    return np.rint(np.ldexp(quantity, exponent)).astype(np.int64), exponent


def at_one_price(
    book: OrderBook, accepted: FloatArray, interval: tuple[float, float], k: float, method: str
) -> Clearing:
    """Return the clearing in which all trade at the price that `k` picks from the interval.

    Parameters
    ----------
    book : OrderBook
        The orders.
    accepted : ndarray, shape (orders,)
        Awards. [kWh]
    interval : tuple of float
        Lowest and highest price that support the awards. [currency/kWh]
    k, method
        As in :func:`price_at` and :class:`Clearing`.
    """
    price = price_at(*interval, k) if accepted.any() else np.nan
    return Clearing.of(book, accepted, price, price=price, price_interval=interval, method=method)


def clear_merit_order(book: OrderBook, k: float = 0.5) -> Clearing:
    """Clear a book at one node and one uniform price, by sorting.

    Parameters
    ----------
    book : OrderBook
        Orders; areas are not looked at.
    k : float
        Position of the price in the interval, see :func:`price_at`.

    Returns
    -------
    Clearing
        With method "exact".

    Raises
    ------
    ValueError
        If `k` is outside [0, 1].
    """
    units, _ = fixed_point(book.quantity)
    bids, asks = np.flatnonzero(book.side == BUY), np.flatnonzero(book.side == SELL)
    bid_price, ask_price = book.price[bids], book.price[asks]
    by_bid, by_ask = np.argsort(bid_price), np.argsort(ask_price)
    crossing = cross(bid_price[by_bid], units[bids[by_bid]], ask_price[by_ask], units[asks[by_ask]], DUST)
    share = np.zeros(len(book))
    if crossing.volume > 0:
        bid_margin, ask_margin = bid_price[by_bid[crossing.bid]], ask_price[by_ask[crossing.ask]]
        share[bids] = (bid_price > bid_margin) + (bid_price == bid_margin) * (crossing.bid_num / crossing.bid_den)
        share[asks] = (ask_price < ask_margin) + (ask_price == ask_margin) * (crossing.ask_num / crossing.ask_den)
    share[units == 0] = 0.0
    return at_one_price(book, share * book.quantity, (crossing.low, crossing.high), k, "exact")
