"""The marginal orders of a book, what is left when they stand aside, and orders paired best with best."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridagora.markets.merit_order import DUST, cross, fixed_point
from gridagora.markets.orders import BUY, SELL, Clearing, FloatArray, IntArray, OrderBook


class Ranked(NamedTuple):
    """One side of a book, best price first and at one price the larger order first.

    Attributes
    ----------
    orders : ndarray of int64, shape (orders of the side,)
        Places in the book; orders of quantity 0 are left out.
    price : ndarray, shape (orders of the side,)
        Limit prices. [currency/kWh]
    total : ndarray of int64, shape (orders of the side,)
        Running sum of the quantities. [fixed-point units]
    """

    orders: IntArray
    price: FloatArray
    total: IntArray


class Margin(NamedTuple):
    """Where a book's merit orders cross, order by order.

    Attributes
    ----------
    bids, asks : Ranked
        The two sides.
    volume : int
        Largest volume of highest welfare. [fixed-point units]
    bid, ask : int
        Rank of the last bid and the last ask that this volume needs, in part or whole; -1 without trade.
    low, high : float
        Competitive interval (C2). [currency/kWh]
    """

    bids: Ranked
    asks: Ranked
    volume: int
    bid: int
    ask: int
    low: float
    high: float


def owners(book: OrderBook) -> tuple[IntArray, int]:
    """Return the trader of each order, counted from 0, and how many there are.

    Traders are counted in the order of the agents' names; without agents every order is its own trader.
    """
    if book.agent is None:
        return np.arange(len(book)), len(book)
    names, owner = np.unique(book.agent, return_inverse=True)
    return owner.astype(np.int64), len(names)


def accepted_units(book: OrderBook, accepted: FloatArray) -> tuple[IntArray, IntArray, int]:
    """Return awards and what is left of the orders as integers, and the exponent of their unit."""
    units, exponent = fixed_point(book.quantity)
    award = np.rint(np.ldexp(accepted, exponent)).astype(np.int64)
    # What is left by rounding alone is nothing.
    left = np.where(units - award <= (units * DUST).astype(np.int64), 0, units - award)
    return award, left, exponent


def find_margin(book: OrderBook, units: IntArray, among: NDArray[np.bool_] | None = None) -> Margin:
    """Return the marginal orders of a book or of a part of it.

    Parameters
    ----------
    book : OrderBook
        Orders of one area.
    units : ndarray of int64, shape (orders,)
        Quantities by :func:`gridagora.markets.merit_order.fixed_point`.
    among : ndarray of bool, shape (orders,), optional
        The orders that take part.
    """
    present = units > 0 if among is None else (units > 0) & among
    bids = _rank(np.flatnonzero(present & (book.side == BUY)), book.price, units, BUY)
    asks = _rank(np.flatnonzero(present & (book.side == SELL)), book.price, units, SELL)
    crossing = cross(bids.price[::-1].copy(), units[bids.orders[::-1]], asks.price, units[asks.orders], DUST)
    volume = int(crossing.volume)
    if volume == 0:
        return Margin(bids, asks, 0, -1, -1, crossing.low, crossing.high)
    needed = volume - int(volume * DUST)
    bid, ask = (int(np.searchsorted(side.total, needed)) for side in (bids, asks))
    return Margin(bids, asks, volume, bid, ask, crossing.low, crossing.high)


def _rank(orders: IntArray, price: FloatArray, units: IntArray, side: int) -> Ranked:
    best = orders[np.lexsort((-units[orders], -side * price[orders]))]
    return Ranked(best, price[best], np.cumsum(units[best]))


def no_trade(book: OrderBook, margin: Margin) -> Clearing:
    """Return the clearing in which nothing is traded."""
    return Clearing.of(
        book, np.zeros(len(book)), np.nan, price=np.nan, price_interval=(margin.low, margin.high), method="exact"
    )


def without_margin(book: OrderBook, units: IntArray, margin: Margin) -> Clearing:
    """Return the clearing without the marginal bid and the marginal ask, at their prices (C4.2, C4.3).

    The orders before the marginal ones trade; those of the longer side share the volume in proportion to their
    quantities. Orders at the price of the marginal one, which gain nothing, share what those of them that rank before
    it would get.

    Parameters
    ----------
    book, units, margin
        As in :func:`find_margin`.
    """
    if margin.bid < 1 or margin.ask < 1:
        return no_trade(book, margin)
    wanted, offered = int(margin.bids.total[margin.bid - 1]), int(margin.asks.total[margin.ask - 1])
    volume = min(wanted, offered)
    share, price = np.zeros(len(book)), np.zeros(len(book))
    for ranked, at, most in ((margin.bids, margin.bid, wanted), (margin.asks, margin.ask, offered)):
        part = 1.0 if most - volume <= int(volume * DUST) else volume / most
        tied = np.flatnonzero(ranked.price == ranked.price[at])
        before = int(ranked.total[tied[0] - 1]) if tied[0] else 0
        share[ranked.orders[: tied[0]]] = part
        share[ranked.orders[tied]] = part * ((most - before) / (int(ranked.total[tied[-1]]) - before))
        price[ranked.orders] = ranked.price[at]
    return Clearing.of(
        book,
        share * book.quantity,
        price,
        price=np.nan,
        price_interval=(margin.low, margin.high),
        method="exact",
    )
