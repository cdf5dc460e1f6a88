"""Members meet at random and trade half-way between their prices (model.md C11)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gridagora.markets.merit_order import fixed_point
from gridagora.markets.orders import BUY, SELL, Clearing, FloatArray, IntArray, OrderBook
from gridagora.markets.strategies.draws import Draws
from gridagora.sim.compiled import kernel


@kernel()
def meet(bid: FloatArray, wanted: IntArray, ask: FloatArray, offered: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Let every buyer meet every seller once, in the order of the columns, and return their trades.

    In round r buyer i meets seller i + r, counted around; the shorter side waits in the rounds it has no partner.

    Parameters
    ----------
    bid, ask : ndarray, shape (buyers,), (sellers,)
        Limit prices [currency/kWh].
    wanted, offered : ndarray of int64, shape (buyers,), (sellers,)
        Energy left; written [any unit].

    Returns
    -------
    buyer, seller, quantity : ndarray of int64, shape (trades,)
        In the order of the trades.
    """
    buyers, sellers = bid.size, ask.size
    around = max(buyers, sellers)
    # Each trade fills an order of one side at least.
    trades = np.empty((buyers + sellers, 3), np.int64)
    count = 0
    for turn in range(around):
        for i in range(buyers):
            j = (i + turn) % around
            if j < sellers and wanted[i] > 0 and offered[j] > 0 and bid[i] >= ask[j]:
                quantity = min(wanted[i], offered[j])
                wanted[i] -= quantity
                offered[j] -= quantity
                trades[count, 0], trades[count, 1], trades[count, 2] = i, j, quantity
                count += 1
    return trades[:count, 0], trades[:count, 1], trades[:count, 2]


def random_bilateral(book: OrderBook, seed: int = 0, number: int = 0) -> Clearing:
    """Clear a book by random meetings: who meets and agrees trades at (bid + ask) / 2.

    Both sides stand in a random order, drawn by the place of an order in the book; then each buyer meets each seller
    once, and they trade what both still have if the bid is not below the ask. Every price lies between the two limits,
    the auctioneer keeps nothing, and no pair is left that could still trade. The welfare may fall short of the
    optimum.

    Parameters
    ----------
    book : OrderBook
        Orders; areas are not looked at.
    seed : int
        Seed of the order.
    number : int
        Number of the auction, for other meetings of the same seed.

    Returns
    -------
    Clearing
        With `trades`, no single price, and method "exact".

    Examples
    --------
    >>> found = random_bilateral(OrderBook(["buy", "sell"], [2.0, 1.0], [1.0, 2.0]))
    >>> found.accepted.tolist(), found.unit_price.tolist()
    ([1.0, 1.0], [1.5, 1.5])
    """
    units, exponent = fixed_point(book.quantity)
    lot = Draws(seed, "bilateral").uniforms("meeting", np.arange(len(book)), number)[0]
    bids, asks = (side[np.argsort(lot[side], kind="stable")] for side in (_orders(book, BUY), _orders(book, SELL)))
    i, j, amount = meet(book.price[bids], units[bids], book.price[asks], units[asks])
    buyer, seller, quantity = bids[i], asks[j], np.ldexp(amount.astype(np.float64), -exponent)
    price = (book.price[buyer] + book.price[seller]) / 2.0
    accepted, paid = np.zeros(len(book)), np.zeros(len(book))
    for side in (buyer, seller):
        np.add.at(accepted, side, quantity)
        np.add.at(paid, side, quantity * price)
    # Sums of binary fractions of the quantity are exact, so a filled order holds its own quantity.
    unit_price = np.divide(paid, accepted, out=np.full(len(book), np.nan), where=accepted > 0)
    columns = {"buyer": buyer, "seller": seller, "quantity": quantity, "price": price, "seq": np.arange(len(price))}
    return Clearing.of(
        book,
        accepted,
        unit_price,
        price=np.nan,
        price_interval=(float(price.min()), float(price.max())) if len(price) else (np.nan, np.nan),
        method="exact",
        trades=pd.DataFrame(columns),
    )


def _orders(book: OrderBook, side: int) -> IntArray:
    return np.flatnonzero(book.side == side)
