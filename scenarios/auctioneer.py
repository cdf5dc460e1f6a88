"""One online auction: orders of institutions join those of the members, the mechanism clears, awards go out."""

from __future__ import annotations

import math
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
)
from gridagora.markets.clearing import clear
from gridagora.markets.orders import Clearing, OrderBook
from gridagora.markets.price_grid import GridClearing, clear_grid, tick_prices
from gridagora.markets.price_grid import award as grid_award

if TYPE_CHECKING:
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.simulation import Simulation


class AuditDifference(RuntimeError):
    """An online auction and its second solution through Pyomo differ."""


def run_auction(
    model: Simulation, record: DayRecord, period: int, curves: NDArray[np.int64], totals: NDArray[np.int64]
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
    totals : ndarray of int64, shape (7,)
        Sums of the members' gate plans, as :func:`gridagora.agents.kernels.quote` returns them.

    Returns
    -------
    tuple of int
        Marginal tick, accepted and offered energy there, of bids and of offers.

    Raises
    ------
    AuditDifference
        If the audit is due and finds a difference.
    """
    market, auctions = model.scenario.market, record.auctions
    ticks = _institutions(model, record, period, curves, int(totals[P_WITHDRAWAL] - totals[P_INJECTION]))
    _publish(record, period, totals)
    grid = clear_grid(curves[0], curves[1], market.floor_per_kwh, market.tick_per_kwh, market.k)
    number = record.day.index * len(auctions.price) + period
    if market.method == "pyomo" or (market.audit and number % market.audit == 0):
        audit(
            grid, curves, market.floor_per_kwh, market.tick_per_kwh, market.k, f"day {record.day.date} period {period}"
        )
    auctions.price[period], auctions.low[period], auctions.high[period] = grid.price, grid.low, grid.high
    auctions.volume[period] = grid.volume_quanta
    margins = (grid.buy_tick, grid.buy_num, grid.buy_den, grid.sell_tick, grid.sell_num, grid.sell_den)
    if ticks is not None:
        unit_ticks, buy_tick, sell_tick = ticks
        auctions.unit_sold[period] = [
            grid_award(-1, int(tick), int(offer), *margins[3:])
            for tick, offer in zip(unit_ticks, auctions.unit_offer[period], strict=True)
        ]
        auctions.supplier_bought[period] = grid_award(1, buy_tick, int(auctions.supplier_bid[period]), *margins[:3])
        auctions.supplier_sold[period] = grid_award(-1, sell_tick, int(auctions.supplier_offer[period]), *margins[3:])
    if auctions.largest is None or grid.volume_quanta > auctions.volume[auctions.largest[0]]:
        auctions.largest = (period, curves.copy())
    return margins


def _publish(record: DayRecord, period: int, totals: NDArray[np.int64]) -> None:
    """List all offers and bids, of members and institutions, in the audit."""
    auctions = record.auctions
    units, supply, demand = auctions.unit_offer[period], auctions.supplier_offer[period], auctions.supplier_bid[period]
    auctions.audit.publish(
        period,
        int(totals[P_SELLERS] + (units > 0).sum() + (supply > 0)),
        int(totals[P_OFFER] + units.sum() + supply),
        int(totals[P_BUYERS] + (demand > 0)),
        int(totals[P_BID] + demand),
        int(totals[P_WITHDRAWN]),
    )


def _institutions(
    model: Simulation, record: DayRecord, period: int, curves: NDArray[np.int64], net: int
) -> tuple[NDArray[np.int64], int, int] | None:
    """Add the orders of plants and supplier (market_day.md 2); return their ticks, or None where they keep out."""
    market, parts, auctions = model.scenario.market, model.parts, record.auctions
    if market.online_sellers != "all" and market.online_buyers != "all":
        return None

    def tick_of(price: float, rounding: int) -> int:
        at = (price - market.floor_per_kwh) / market.tick_per_kwh
        # Inwards, never past the limit; -1 and the number of ticks are no order.
        tick = math.floor(at + 1e-9) if rounding < 0 else math.ceil(at - 1e-9)
        return min(max(tick, -1 if rounding < 0 else 0), parts.ticks - (rounding < 0))

    purchased = int(record.purchased[period])
    shortfall = parts.supplier.expected_shortfall(period, net, purchased)
    buy_tick = tick_of(float(record.short_price[period]) - market.fee_buyer_per_kwh, -1)
    sell_tick = tick_of(float(record.long_price[period]) + market.fee_seller_per_kwh, 1)
    unit_ticks = parts.unit_ticks
    if market.online_buyers == "all" and shortfall > 0 and buy_tick >= 0:
        auctions.supplier_bid[period] = shortfall
        curves[0, buy_tick] += shortfall
    if market.online_sellers == "all":
        # Nothing is sold yet in the last period, which stands for the one before the first.
        auctions.unit_offer[period] = parts.pool.online_offer(record.pool, period, auctions.unit_sold[period - 1])
        np.add.at(curves[1], unit_ticks, auctions.unit_offer[period])
        if shortfall < 0:
            auctions.supplier_offer[period] = -shortfall
            curves[1, sell_tick] -= shortfall
    return unit_ticks, buy_tick, sell_tick


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
