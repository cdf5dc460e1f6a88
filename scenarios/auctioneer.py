"""One online auction: orders of institutions join those of the members, the mechanism clears, awards go out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.columns import (
    P_BID,
    P_BUYERS,
    P_INJECTION,
    P_OFFER,
    P_SELLERS,
    P_WITHDRAWAL,
    P_WITHDRAWN,
    T_BOUGHT,
    T_BUYERS,
    T_DELIVERED,
    T_SELLERS,
    T_SOLD,
    T_USED,
)
from gridagora.markets.clearing import clear
from gridagora.markets.online_auction import BUY as BUYERS
from gridagora.markets.online_auction import SELL as SELLERS
from gridagora.markets.orders import BUY, SELL, Clearing, OrderBook
from gridagora.markets.price_grid import GridClearing, buy_awards, clear_grid, sell_awards, tick_prices
from gridagora.scenarios.book_auction import Orders, clear_book
from gridagora.scenarios.build import NO_AWARDS
from gridagora.scenarios.day_record import SUPPLIER_BID, SUPPLIER_OFFER

if TYPE_CHECKING:
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.schema_market import Market
    from gridagora.scenarios.simulation import Simulation

_NONE: NDArray[np.int64] = np.zeros(0, np.int64)
NO_ORDERS = Orders(_NONE, _NONE.astype(np.int8), _NONE, _NONE)


class AuditDifference(RuntimeError):
    """An online auction and its second solution through Pyomo differ."""


def run_auction(
    model: Simulation, record: DayRecord, period: int, curves: NDArray[np.int64]
) -> tuple[int, int, int, int, int, int]:
    """Clear the auction of one period and note its outcome.

    Parameters
    ----------
    model : Simulation
        The run.
    record : DayRecord
        The day; its auctions are written.
    period : int
        Settlement period.
    curves : ndarray of int64, shape (2, ticks)
        Bids and offers of the members by tick [1e-6 kWh]; institutions are added.

    Returns
    -------
    tuple of int
        Marginal tick, accepted and offered energy there, of bids and of offers.

    Raises
    ------
    AuditDifference
        If the audit is due and finds a difference.
    """
    others = _institutions(model, record, period, curves)
    auctions, before = record.auctions, record.auctions.largest
    if model.parts.mechanism_options is None:
        margins = _on_grid(model, record, period, curves, others)
    else:
        clear_book(model, record, period, others, curves)
        margins = NO_AWARDS
    if before is None or auctions.volume[period] > auctions.volume[before[0]]:
        auctions.largest = (period, curves.copy())
    return margins


def _on_grid(
    model: Simulation, record: DayRecord, period: int, curves: NDArray[np.int64], others: Orders
) -> tuple[int, int, int, int, int, int]:
    """Clear sums over ticks at one price and note the outcome; members' awards follow from the margins."""
    market, auctions = model.scenario.market, record.auctions
    grid = clear_grid(curves[0], curves[1], market.floor_per_kwh, market.tick_per_kwh, market.k)
    number = record.day.index * len(auctions.price) + period
    if market.method == "pyomo" or (market.audit and number % market.audit == 0):
        audit(
            grid, curves, market.floor_per_kwh, market.tick_per_kwh, market.k, f"day {record.day.date} period {period}"
        )
    auctions.price[period], auctions.low[period], auctions.high[period] = grid.price, grid.low, grid.high
    auctions.volume[period] = grid.volume_quanta
    margins = (grid.buy_tick, grid.buy_num, grid.buy_den, grid.sell_tick, grid.sell_num, grid.sell_den)
    if others.tick.size:
        buy, sell = buy_awards(others.tick, others.quanta, grid), sell_awards(others.tick, others.quanta, grid)
        awards = np.where(others.side == BUY, buy, sell)
        auctions.note_others(period, others.place, awards, np.full(awards.size, grid.price))
    return margins


def note_audit(record: DayRecord) -> None:
    """Register the offers and bids of a day, of members and institutions, what came of them, and their settlement."""
    auctions, every = record.auctions, slice(None)
    supply, demand, units = auctions.supplier_offer, auctions.supplier_bid, auctions.unit_offer
    auctions.audit.publish(
        every,
        record.gate(P_SELLERS) + np.count_nonzero(units > 0, axis=1) + (supply > 0),
        record.gate(P_OFFER) + units.sum(axis=1) + supply,
        record.gate(P_BUYERS) + (demand > 0),
        record.gate(P_BID) + demand,
        record.gate(P_WITHDRAWN),
    )
    bought, sold, generated = auctions.supplier_bought, auctions.supplier_sold, auctions.unit_sold
    buyers = record.settled(T_BUYERS) + (bought > 0)
    sellers = record.settled(T_SELLERS) + np.count_nonzero(generated > 0, axis=1) + (sold > 0)
    by_others = generated.sum(axis=1) + sold
    auctions.audit.award(every, BUYERS, buyers, record.settled(T_BOUGHT) + bought)
    auctions.audit.award(every, SELLERS, sellers, record.settled(T_SOLD) + by_others)
    auctions.audit.settle(record.settled(T_USED) + bought, record.settled(T_DELIVERED) + by_others)


def _institutions(model: Simulation, record: DayRecord, period: int, curves: NDArray[np.int64]) -> Orders:
    """Return the orders of plants and supplier (market_day.md 2), and add them to the curves."""
    market, parts, auctions = model.scenario.market, model.parts, record.auctions
    rows: list[tuple[int, int, int, int]] = []
    if market.online_sellers == "all" or market.online_buyers == "all":
        planned = [p.gate[period].sum(axis=0) for p in record.populations]
        net = sum(int(totals[P_WITHDRAWAL] - totals[P_INJECTION]) for totals in planned)
        shortfall = parts.supplier.expected_shortfall(period, net, int(record.purchased[period]))
        buy_tick = _tick(market, float(record.short_price[period]) - market.fee_buyer_per_kwh, math.floor)
        sell_tick = _tick(market, float(record.long_price[period]) + market.fee_seller_per_kwh, math.ceil)
        if market.online_buyers == "all" and shortfall > 0 and buy_tick >= 0:
            auctions.supplier_bid[period] = shortfall
            rows.append((SUPPLIER_BID, BUY, min(buy_tick, parts.ticks - 1), shortfall))
        if market.online_sellers == "all" and shortfall < 0 and sell_tick < parts.ticks:
            auctions.supplier_offer[period] = -shortfall
            rows.append((SUPPLIER_OFFER, SELL, max(sell_tick, 0), -shortfall))
    if market.online_sellers == "all":
        # Nothing is sold yet in the last period, which stands for the one before the first.
        offer = parts.pool.online_offer(record.pool, period, auctions.unit_sold[period - 1])
        auctions.unit_offer[period] = np.where(parts.unit_ticks < parts.ticks, offer, 0)  # the cap has the last tick
        offered = zip(parts.unit_ticks.tolist(), auctions.unit_offer[period].tolist(), strict=True)
        rows += [(unit, SELL, tick, quanta) for unit, (tick, quanta) in enumerate(offered) if quanta > 0]
    if not rows:
        return NO_ORDERS
    place, side, tick, quanta = np.ascontiguousarray(np.array(rows, np.int64).reshape(-1, 4).T)
    np.add.at(curves, (np.where(side == BUY, 0, 1), tick), quanta)
    return Orders(place, side.astype(np.int8), tick, quanta)


def _tick(market: Market, price: float, inwards: Callable[[float], int]) -> int:
    """Return the tick of a limit, rounded so that no order passes it; beyond the ticks is no order."""
    at = (price - market.floor_per_kwh) / market.tick_per_kwh
    return inwards(at + 1e-9 if inwards is math.floor else at - 1e-9)


def audit(
    grid: GridClearing, curves: NDArray[np.int64], floor: float, tick: float, k: float, where: str
) -> Clearing | None:
    """Solve an auction again through Pyomo and compare (house.md section 1, idea 4).

    Parameters
    ----------
    grid : GridClearing
        Outcome on the price grid.
    curves : ndarray of int64, shape (2, ticks)
        Bids and offers by tick [1e-6 kWh].
    floor, tick, k : float
        Price of the first tick, price step [currency/kWh] and place of the price in its interval.
    where : str
        Which auction, for the message.

    Returns
    -------
    Clearing or None
        The second solution; None where a side is empty.

    Raises
    ------
    AuditDifference
        If welfare differs by more than 1e-9 relative, or the price lies outside the second interval by more than
        1e-6 currency/kWh.
    """
    prices = tick_prices(floor, tick, curves.shape[1])
    bids, offers = np.flatnonzero(curves[0]), np.flatnonzero(curves[1])
    if not bids.size or not offers.size:
        return None
    book = OrderBook.from_arrays(
        side=np.concatenate([np.ones(bids.size, np.int8), -np.ones(offers.size, np.int8)]),
        price=np.concatenate([prices[bids], prices[offers]]),
        quantity=np.concatenate([curves[0, bids], curves[1, offers]]) * 1e-6,
    )
    second = clear(book, "uniform_price", method="pyomo", k=k)
    low, high = second.price_interval
    same_welfare = abs(second.welfare - grid.welfare) <= 1e-9 * max(1.0, abs(grid.welfare))
    inside = grid.volume_quanta == 0 or low - 1e-6 <= grid.price <= high + 1e-6
    if not (same_welfare and inside):
        raise AuditDifference(
            f"online auction of {where}: price grid: welfare {grid.welfare!r}, price {grid.price!r} in "
            f"[{grid.low!r}, {grid.high!r}], {grid.volume_quanta * 1e-6!r} kWh; Pyomo: welfare {second.welfare!r}, "
            f"price {second.price!r} in [{low!r}, {high!r}], {second.volume!r} kWh"
        )
    return second
