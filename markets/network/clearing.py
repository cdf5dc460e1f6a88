"""A book of orders in several areas, cleared at one price an area."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gridagora.markets.network.dispatch import awards_by_area
from gridagora.markets.network.grid import Network
from gridagora.markets.network.optimum import NetworkModel
from gridagora.markets.network.prices import AreaPrices, area_prices, paid_by_buyers
from gridagora.markets.orders import BUY, SELL, Clearing, FloatArray, IntArray, OrderBook


@dataclass(frozen=True, slots=True, eq=False)
class NetworkClearing:
    """Result of one auction on a network.

    Attributes
    ----------
    clearing : Clearing
        Awards and payments. Its `operator_surplus` is the congestion rent less the cost of line losses.
    prices : AreaPrices
        Prices by area with their parts, prices of lines, and the rent.
    flow_kwh, losses_kwh : ndarray, shape (lines,)
        [kWh]
    """

    clearing: Clearing
    prices: AreaPrices
    flow_kwh: FloatArray
    losses_kwh: FloatArray


def clear_network(book: OrderBook, network: Network, k: float = 0.5, hours: float = 1.0) -> NetworkClearing:
    """Clear a book of orders at one uniform price in each area (C5, P2).

    * Awards maximise welfare at the limit prices, among those the volume, and among those orders at the margin share
      in proportion to their quantities as far as lines allow.
    * Prices support the awards in every area at once; `k` says where in their intervals.
    * In `lin_dist_flow` buyers pay the reactive energy they draw beside the price.

    Parameters
    ----------
    book : OrderBook
        Orders with their areas.
    network : Network
        Areas and lines.
    k : float
        Place of the prices in their intervals.
    hours : float
        Length of the settlement period, which turns limits in kW into kWh. [h]

    Raises
    ------
    ValueError
        If orders have no area or one that the network does not know, or `k` or `hours` is out of range.
    InfeasibleMarket
        If HiGHS does not end at an optimum.
    """
    if book.area is None:
        raise ValueError("network: orders without areas; give the column `area`")
    if not (np.isfinite(hours) and hours > 0):
        raise ValueError(f"hours: given {hours}; must be above 0")
    area = network.area_index(book.area)
    sides = [_steps(book, area, code) for code in (SELL, BUY)]
    rooms = [1 << max(0, int(side.place.max(initial=0))).bit_length() for side in sides]
    model = _model(network, *rooms, hours)
    columns = []
    for side, room in zip(sides, rooms, strict=True):
        price, quantity = np.zeros(room * len(network.areas)), np.zeros(room * len(network.areas))
        at = side.area * room + side.place
        price[at], quantity[at] = side.price, side.quantity
        columns.append((at, price, quantity))
    (ask_at, ask_price, offered), (bid_at, bid_price, wanted) = columns
    model.forget()  # what it cleared for others
    found = model.solve(ask_price, offered, bid_price, wanted)
    prices = area_prices(
        network, awards_by_area(model, found, 0, ask_price, offered, bid_price, wanted), k, hours, found.dual[0]
    )
    accepted = np.zeros(len(book))
    for side, at, quantity, award in zip(
        sides, (ask_at, bid_at), (offered, wanted), (found.sold, found.bought), strict=True
    ):
        share = award[0, at] / quantity[at]
        accepted[side.orders] = share[side.step] * book.quantity[side.orders]
    own = np.where(book.side == BUY, paid_by_buyers(network, prices)[area], prices.price[area])
    ends = (prices.low, prices.high)
    clearing = Clearing.of(book, accepted, own, price=prices.price, price_interval=ends, method="pyomo")
    return NetworkClearing(clearing, prices, found.flow[0], found.losses[0])


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """Orders of one side, those of one area and price merged to a step; `place` counts the steps of an area."""

    orders: IntArray
    step: IntArray
    area: IntArray
    place: IntArray
    price: FloatArray
    quantity: FloatArray


def _steps(book: OrderBook, area: IntArray, code: int) -> _Side:
    orders = np.flatnonzero((book.side == code) & (book.quantity > 0))
    keys = np.column_stack([area[orders], book.price[orders]])
    steps, step = np.unique(keys, axis=0, return_inverse=True)
    step = step.reshape(-1)
    quantity = np.zeros(len(steps))
    np.add.at(quantity, step, book.quantity[orders])
    places = steps[:, 0].astype(np.int64)
    first = np.searchsorted(places, places)
    return _Side(orders, step, places, np.arange(len(steps)) - first, steps[:, 1], quantity)


@lru_cache(maxsize=8)
def _model(network: Network, ask_room: int, bid_room: int, hours: float) -> NetworkModel:
    areas = np.arange(len(network.areas))
    return NetworkModel(network, np.repeat(areas, ask_room), np.repeat(areas, bid_room), hours=hours)
