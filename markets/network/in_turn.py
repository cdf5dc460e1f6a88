"""Continuous trade on a network: orders arrive one after another, and the network has its word on each trade (C5.3)."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass

from gridagora.markets.network.trade_check import TradeCheck
from gridagora.markets.orders import BUY, IntArray, OrderBook

#: Energy below which nothing is left to trade [kWh].
LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Deal:
    """One trade.

    Parameters
    ----------
    first, second : int
        Order that arrived and resting order that it met, as places in the book.
    quantity : float
        Energy [kWh].
    price : float
        Price of the resting order [currency/kWh].
    charge : float
        What the network asks of the order that arrived, for each kWh [currency/kWh].
    """

    first: int
    second: int
    quantity: float
    price: float
    charge: float


def trade_in_turn(book: OrderBook, arrivals: IntArray, check: TradeCheck) -> list[Deal]:
    """Let orders arrive and trade with the best resting orders that the network lets them reach (P7, C5.3).

    Best price first, at one price the first come. An order meets a resting one if its limit covers the resting price
    and the network's charge, and takes as much as the lines still carry; what they refuse waits, and worse prices
    behind it are tried.

    Parameters
    ----------
    book : OrderBook
        Orders with their areas.
    arrivals : ndarray of int64, shape (orders,)
        Places in the book in the order of arrival.
    check : TradeCheck
        What the lines still carry; every trade is booked in it.

    Returns
    -------
    list of Deal
        Trades in the order in which they were made.
    """
    areas = [] if book.area is None else book.area.tolist()
    left, side, price = book.quantity.tolist(), book.side.tolist(), book.price.tolist()
    resting: dict[int, list[tuple[float, int, int]]] = {1: [], -1: []}
    deals = []
    for turn, own in enumerate(arrivals.tolist()):
        sign = side[own]
        for key, _, other in list(resting[-sign]):
            if left[own] <= LEAST or key > sign * price[own]:
                break
            ends = (areas[own], areas[other]) if sign == BUY else (areas[other], areas[own])
            most, charge = check.allow(*ends, min(left[own], left[other]))
            if most <= LEAST or sign * (price[own] - price[other]) < charge:
                continue
            check.commit(*ends, most)
            deals.append(Deal(own, other, most, price[other], charge))
            left[own] -= most
            left[other] -= most
        resting[-sign] = [entry for entry in resting[-sign] if left[entry[2]] > LEAST]
        if left[own] > LEAST:
            insort(resting[sign], (-sign * price[own], turn, own))
    return deals
