"""An online auction whose orders stand one by one, for rules that sums over price ticks cannot carry.

Pay-as-bid, McAfee or a continuous market need to know whose order is whose, so members' orders become a book.
Orders stand by population name and member number: the outcome does not depend on blocks or on the order of
populations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.columns import NO_CONSENT
from gridagora.agents.ticks import ticks_of
from gridagora.markets.clearing import clear
from gridagora.markets.orders import BUY, SELL, Clearing, OrderBook
from gridagora.markets.price_grid import tick_prices
from gridagora.markets.strategies.strategy import Published
from gridagora.scenarios.learners import Learners, Quoted, learn

if TYPE_CHECKING:
    from gridagora.scenarios.day_record import Auctions, DayRecord, PopulationDay
    from gridagora.scenarios.grid_pool import Feeder
    from gridagora.scenarios.simulation import Simulation

Quanta = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders of one party or population, with their place in its columns.

    Parameters
    ----------
    place : ndarray of int64, shape (orders,)
        Row of a member or number of a unit.
    side : ndarray of int8, shape (orders,)
        1 to buy, -1 to sell.
    tick : ndarray of int64, shape (orders,)
        Price tick of the limit.
    quanta : ndarray of int64, shape (orders,)
        Energy [1e-6 kWh].
    """

    place: Quanta
    side: NDArray[np.int8]
    tick: Quanta
    quanta: Quanta


def member_orders(entry: PopulationDay, period: int, least: int) -> Orders:
    """Return the orders that a population's members stand by at the gate, by member number.

    Parameters
    ----------
    entry : PopulationDay
        The population, after its gate plan.
    period : int
        Settlement period.
    least : int
        Least energy of an offer [1e-6 kWh].
    """
    population, rows = entry.population, entry.population.rows
    planned = population.state.planned[rows].astype(np.int64)
    strategy, noise = population.members.strategy[rows], population.today.quote_row[rows]
    buy, sell = ticks_of(entry.quotes.gate(period), population.members.offer[rows], strategy, noise)
    bids, offers = (planned > 0) & (buy >= 0), (planned < 0) & (-planned >= least) & (sell <= entry.quotes.highest)
    stands = np.flatnonzero((bids | offers) & (strategy != NO_CONSENT))
    is_bid = bids[stands]
    return Orders(
        place=rows[stands],
        side=np.where(is_bid, BUY, SELL).astype(np.int8),
        tick=np.where(is_bid, buy[stands], sell[stands]),
        quanta=np.abs(planned[stands]),
    )


def clear_book(model: Simulation, record: DayRecord, period: int, others: Orders, curves: Quanta) -> None:
    """Clear the orders of members and institutions one by one, give awards to both and note the outcome.

    Parameters
    ----------
    model : Simulation
        The run.
    record : DayRecord
        The day; its auctions are written, and each population's planned energies become its awards, with a price
        for each.
    period : int
        Settlement period.
    others : Orders
        Orders of institutions.
    curves : ndarray of int64, shape (2, ticks)
        Bids and offers by tick, written anew: those who learn quote here [1e-6 kWh].
    """
    market, parts, auctions = model.scenario.market, model.parts, record.auctions
    entries = sorted(record.populations, key=lambda entry: entry.population.name)
    orders = [*(member_orders(entry, period, parts.least_offer) for entry in entries), others]
    number = record.day.index * auctions.price.size + period
    quoted = [_quote(parts.learners, entry, part, period, number) for entry, part in zip(entries, orders, strict=False)]
    columns = ("side", "tick", "quanta")
    side, tick, quanta = (np.concatenate([getattr(part, name) for part in orders]) for name in columns)
    curves[:] = 0
    np.add.at(curves, (np.where(side == BUY, 0, 1), tick), quanta)
    book = OrderBook.from_arrays(
        side=side,
        price=tick_prices(market.floor_per_kwh, market.tick_per_kwh, parts.ticks)[tick],
        quantity=quanta * 1e-6,
        agent=np.arange(side.size),
        area=None if parts.feeder is None else _areas(parts.feeder, entries, orders),
    )
    found = clear(book, market.mechanism, **_options(model, record.day.index, period))
    # Awards are rounded down to the quantum; a thousandth of it is the error of kWh in floating point.
    award = np.minimum(np.floor(found.accepted * 1e6 + 1e-3).astype(np.int64), quanta)
    price = np.where(award > 0, np.nan_to_num(found.unit_price), 0.0)
    told = _note_outcome(auctions, period, book, found, award, price)
    if parts.feeder is not None:
        areas = np.broadcast_to(found.price, (len(parts.feeder.grid.network.areas),))
        _note_areas(auctions, period, book, award, price, areas, parts.feeder)
    ends = np.cumsum([part.place.size for part in orders])[:-1]
    awards, prices = np.split(award, ends), np.split(price, ends)
    auctions.note_others(period, others.place, awards[-1], prices[-1])
    for entry, part, own, paid, heard in zip(entries, orders, awards, prices, quoted, strict=False):
        _award(entry, period, part, own, paid)
        learn(heard, own, paid, told)


def _quote(
    learners: dict[str, Learners], entry: PopulationDay, orders: Orders, period: int, number: int
) -> list[Quoted]:
    """Let the learners of a population quote; their ticks in `orders` are replaced."""
    population = entry.population
    if population.name not in learners:
        return []
    members, place, quotes = population.members, orders.place, entry.quotes
    return learners[population.name].quote(
        members.number[place].astype(np.int64),
        members.strategy[place],
        orders.side,
        orders.tick,
        orders.quanta,
        np.where(
            orders.side == BUY,
            quotes.buy_limit[period][members.offer[place]],
            quotes.sell_limit[period][members.offer[place]],
        ),
        number,
    )


def _note_outcome(
    auctions: Auctions, period: int, book: OrderBook, found: Clearing, award: Quanta, price: NDArray[np.float64]
) -> Published:
    """Note volume and prices of an auction, and return what everyone learns of it."""
    bought = np.where(book.side == BUY, award, 0)
    auctions.volume[period] = bought.sum()
    # Where there is no single price, what buyers pay on average stands for it.
    auctions.price[period] = (bought * price).sum() / bought.sum() if bought.any() else np.nan
    if np.ndim(found.price) == 0:
        auctions.low[period], auctions.high[period] = found.price_interval
        if np.isfinite(found.price):
            auctions.price[period] = found.price
    elif award.any():
        auctions.low[period], auctions.high[period] = price[award > 0].min(), price[award > 0].max()
    single = float(auctions.price[period]), float(auctions.low[period]), float(auctions.high[period])
    return Published(*single, book.side, book.price, award > 0)


def _note_areas(
    auctions: Auctions,
    period: int,
    book: OrderBook,
    award: Quanta,
    price: NDArray[np.float64],
    by_area: NDArray[np.float64],
    feeder: Feeder,
) -> None:
    """Note the prices of a feeder's areas, and what buyers pay above what sellers receive."""
    auctions.rent[period] = math.fsum(book.side * award * price)
    buys = np.flatnonzero((book.side == BUY) & (award > 0))
    at = feeder.grid.network.area_index(np.asarray(book.area)[buys])
    amount, energy = (np.bincount(at, award[buys] * factor, by_area.size) for factor in (price[buys], 1.0))
    paid = np.divide(amount, energy, out=np.full(by_area.size, np.nan), where=energy > 0)
    auctions.area_price.append(np.stack([by_area, paid]))


def _areas(feeder: Feeder, entries: list[PopulationDay], orders: list[Orders]) -> NDArray[np.str_]:
    """Return the area of each order: the members' own, and for institutions where the feeder begins."""
    numbers = (entry.population.members.number[part.place] for entry, part in zip(entries, orders, strict=False))
    return np.concatenate([*(feeder.areas_of(own) for own in numbers), np.full(orders[-1].place.size, feeder.entry)])


def _award(entry: PopulationDay, period: int, orders: Orders, award: Quanta, price: NDArray[np.float64]) -> None:
    """Turn the plans of a population into its awards, each with its own price."""
    planned = entry.population.state.planned
    planned[:] = 0
    planned[orders.place] = orders.side * award
    entry.own_price = np.zeros(planned.size)
    entry.own_price[orders.place] = price
    for column, side in enumerate((BUY, SELL)):
        energy = np.where(orders.side == side, award, 0)
        entry.mean_price[period, column] = (energy * price).sum() / max(int(energy.sum()), 1)


def _options(model: Simulation, day: int, period: int) -> dict[str, Any]:
    """Return the mechanism's options of the scenario, with a seed of its own for each auction where it draws."""
    options = dict(model.parts.mechanism_options or {})
    if "seed" in options:
        options["seed"] = int(model.parts.streams.words("mechanism", "online auction", 1, day, period).ravel()[0])
    return options
