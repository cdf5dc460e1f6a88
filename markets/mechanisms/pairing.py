"""Accepted orders paired best with best, price level by price level."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridagora.markets.mechanisms.margin import accepted_units
from gridagora.markets.orders import BUY, SELL, FloatArray, IntArray, OrderBook

if TYPE_CHECKING:
    import pandas as pd


class Level(NamedTuple):
    """One side's accepted orders by price, best first.

    Attributes
    ----------
    orders : ndarray of int64, shape (orders,)
        Places in the book, level by level.
    award : ndarray of int64, shape (orders,)
        Their awards. [fixed-point units]
    level : ndarray of int64, shape (orders,)
        Price level of each order.
    price : ndarray, shape (levels,)
        [currency/kWh]
    total : ndarray of int64, shape (levels + 1,)
        Running sum of the awards, from 0. [fixed-point units]
    """

    orders: IntArray
    award: IntArray
    level: IntArray
    price: FloatArray
    total: IntArray


class Pairing(NamedTuple):
    """Price levels that deal with each other.

    Attributes
    ----------
    bids, asks : Level
        The two sides.
    bid, ask : ndarray of int64, shape (pairs,)
        Price levels of each pair.
    start : ndarray of int64, shape (pairs + 1,)
        Where each pair begins on the common axis of energy. [fixed-point units]
    price : ndarray, shape (pairs,)
        Middle of the two prices. [currency/kWh]
    unit_price : ndarray, shape (orders of the book,)
        Mean price of each order. [currency/kWh]
    exponent : int
        Binary exponent of the unit.
    """

    bids: Level
    asks: Level
    bid: IntArray
    ask: IntArray
    start: IntArray
    price: FloatArray
    unit_price: FloatArray
    exponent: int


def pair_best(book: OrderBook, accepted: FloatArray) -> Pairing:
    """Pair accepted bids from the highest down with accepted asks from the lowest up (C3).

    Parameters
    ----------
    book : OrderBook
        The orders.
    accepted : ndarray, shape (orders,)
        Awards of both sides with one sum. [kWh]
    """
    award, _, exponent = accepted_units(book, accepted)
    bids, asks = _levels(book, award, BUY), _levels(book, award, SELL)
    start = np.union1d(bids.total, asks.total)
    start = start[start <= min(bids.total[-1], asks.total[-1])]
    bid, ask = (np.searchsorted(side.total, start[:-1], side="right") - 1 for side in (bids, asks))
    price = (bids.price[bid] + asks.price[ask]) / 2
    energy = np.diff(start).astype(np.float64)
    unit_price = book.price.copy()
    for side, level in ((bids, bid), (asks, ask)):
        met = np.bincount(level, weights=energy, minlength=len(side.price))
        paid = np.bincount(level, weights=energy * price, minlength=len(side.price))
        # A level that met nobody holds no energy but rounding.
        mean = np.where(met > 0, paid / np.maximum(met, 1.0), side.price)
        unit_price[side.orders] = mean[side.level]
    return Pairing(bids, asks, bid, ask, start, price, unit_price, exponent)


def _levels(book: OrderBook, award: IntArray, side: int) -> Level:
    orders = np.flatnonzero((book.side == side) & (award > 0))
    price, level = np.unique(-side * book.price[orders], return_inverse=True)
    by_level = np.argsort(level, kind="stable")
    energy = np.zeros(len(price), dtype=np.int64)
    np.add.at(energy, level, award[orders])
    total = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(energy)])
    return Level(orders[by_level], award[orders[by_level]], level[by_level], -side * price, total)


def trades_of(pairing: Pairing) -> pd.DataFrame:
    """Return the bilateral trades of a pairing.

    Within a pair of price levels each order takes part in proportion to its award; who meets whom there follows the
    places in the book and moves no money.

    Returns
    -------
    DataFrame
        Columns buyer, seller (places in the book), quantity [kWh], price [currency/kWh], seq.
    """
    import pandas as pd

    bid_pair, buyer, bid_end = _ends(pairing, pairing.bids, pairing.bid)
    _, seller, ask_end = _ends(pairing, pairing.asks, pairing.ask)
    cut = np.union1d(bid_end, ask_end)
    quantity = np.diff(cut, prepend=0.0)
    row_buyer, row_seller = np.searchsorted(bid_end, cut), np.searchsorted(ask_end, cut)
    return pd.DataFrame(
        {
            "buyer": buyer[row_buyer],
            "seller": seller[row_seller],
            "quantity": np.ldexp(quantity, -pairing.exponent),
            "price": pairing.price[bid_pair[row_buyer]],
            "seq": np.arange(len(cut)),
        }
    )


def _ends(pairing: Pairing, side: Level, level: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Return pair, order and end on the axis of energy of every order's part in every pair."""
    first = np.searchsorted(side.level, np.arange(len(side.price) + 1))
    count = np.diff(first)[level]
    pair = np.repeat(np.arange(len(level)), count)
    place = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count) + first[level][pair]
    running = np.cumsum(side.award)
    share = (running[place] - side.total[level][pair]) / np.diff(side.total)[level][pair]
    start = pairing.start.astype(np.float64)
    end = np.minimum(start[pair] + (start[pair + 1] - start[pair]) * share, start[pair + 1])
    return pair, side.orders[place], np.where(share == 1.0, start[pair + 1], end)
