"""Everything that one simulated day fills in, period by period."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.columns import DELIVER_TOTALS, PLAN_TOTALS, SETTLE_TOTALS
from gridagora.markets.online_auction import AuctionDay

if TYPE_CHECKING:
    from gridagora.agents.plans import DayPlan, Quotes
    from gridagora.agents.population import Population
    from gridagora.markets.pool_day import PoolResult
    from gridagora.sim.clock import Day

Quanta = NDArray[np.int64]
Prices = NDArray[np.float64]

#: Buyers in the pool, in order.
BUYERS = ("supplier", "grid_company")
SUPPLIER, GRID_COMPANY = 0, 1


#: Places of the supplier's orders among those of institutions; plants follow by number.
SUPPLIER_BID, SUPPLIER_OFFER = -2, -1


def summed(parts: Iterable[Quanta]) -> Quanta:
    """Return the sum of arrays of one shape, at least one: for short ones faster than numpy's over a list."""
    first, *others = parts
    total: Quanta = first.copy()
    for part in others:
        total += part
    return total


class PopulationDay:
    """Sums of one population by period, and the sampled members.

    Parameters
    ----------
    population : Population
        Whose day it is.
    periods : int
        Settlement periods of the day.
    sample : ndarray of int64, shape (n_sample,)
        Numbers of the sampled members.
    """

    plan: DayPlan
    quotes: Quotes

    def __init__(self, population: Population, periods: int, sample: Quanta) -> None:
        self.population, self.sample, self.rows = population, sample, population.rows[sample]
        offers = len(population.offers)
        self.gate: Quanta = np.zeros((periods, offers, PLAN_TOTALS), np.int64)
        self.delivered: Quanta = np.zeros((periods, DELIVER_TOTALS), np.int64)
        self.settled: Quanta = np.zeros((periods, offers, SETTLE_TOTALS), np.int64)
        self.net: Quanta = np.zeros((periods, sample.size), np.int64)
        self.award: Quanta = np.zeros((periods, sample.size), np.int64)
        self.award_price: Prices = np.zeros((periods, sample.size))
        #: Mean price of the awards bought and sold [currency/kWh].
        self.mean_price: Prices = np.zeros((periods, 2))
        #: Price of each member's award where members have their own [currency/kWh], by row; else empty.
        self.own_price: Prices = np.zeros(0)
        self.stored = np.zeros((periods, sample.size), np.float32)

    def observe(self, period: int, price: float) -> None:
        """Keep meter, award, its price and state of charge of the sampled members.

        Parameters
        ----------
        period : int
            Settlement period.
        price : float
            Price of all awards, where members have none of their own [currency/kWh].
        """
        if not self.own_price.size:
            self.mean_price[period] = price
        if not self.rows.size:
            return
        state = self.population.state
        self.net[period] = state.net[self.rows]
        self.award[period] = state.planned[self.rows]
        if self.own_price.size:
            self.award_price[period] = self.own_price[self.rows]
        else:
            self.award_price[period] = price
        self.stored[period] = state.stored[self.rows]


@dataclass(slots=True)
class Auctions:
    """Outcomes of the online auctions of a day, nan and 0 where there was none.

    Parameters
    ----------
    periods, units, ticks : int
        Settlement periods, generating units and price ticks.
    """

    periods: int
    units: int
    audit: AuctionDay = field(init=False)
    price: Prices = field(init=False)
    low: Prices = field(init=False)
    high: Prices = field(init=False)
    volume: Quanta = field(init=False)
    unit_offer: Quanta = field(init=False)
    unit_sold: Quanta = field(init=False)
    supplier_bid: Quanta = field(init=False)
    supplier_offer: Quanta = field(init=False)
    supplier_bought: Quanta = field(init=False)
    supplier_sold: Quanta = field(init=False)
    unit_price: Prices = field(init=False)
    rent: Prices = field(init=False)
    area_price: list[Prices] = field(default_factory=list)
    supplier_bought_price: Prices = field(init=False)
    supplier_sold_price: Prices = field(init=False)
    largest: tuple[int, Quanta] | None = None

    def __post_init__(self) -> None:
        self.audit = AuctionDay(self.periods)
        for name in ("price", "low", "high"):
            setattr(self, name, np.full(self.periods, np.nan))
        for name in ("volume", "supplier_bid", "supplier_offer", "supplier_bought", "supplier_sold"):
            setattr(self, name, np.zeros(self.periods, np.int64))
        for name in ("supplier_bought_price", "supplier_sold_price", "rent"):
            setattr(self, name, np.zeros(self.periods))
        self.unit_price = np.zeros((self.periods, self.units))
        for name in ("unit_offer", "unit_sold"):
            setattr(self, name, np.zeros((self.periods, self.units), np.int64))

    def note_others(self, period: int, place: Quanta, award: Quanta, price: Prices) -> None:
        """Note what institutions bought and sold.

        Parameters
        ----------
        period : int
            Settlement period.
        place : ndarray of int64, shape (orders,)
            Number of a plant, `SUPPLIER_BID` or `SUPPLIER_OFFER`.
        award, price : ndarray, shape (orders,)
            Energy [1e-6 kWh] and price [currency/kWh] of each order.
        """
        paid = np.where(award > 0, price, 0.0)
        units = place >= 0
        self.unit_sold[period, place[units]], self.unit_price[period, place[units]] = award[units], paid[units]
        for at in np.flatnonzero(~units).tolist():
            if place[at] == SUPPLIER_BID:
                self.supplier_bought[period], self.supplier_bought_price[period] = award[at], paid[at]
            else:
                self.supplier_sold[period], self.supplier_sold_price[period] = award[at], paid[at]


class DayRecord:
    """One day of one area.

    Parameters
    ----------
    day : Day
        Day of the run.
    populations : list of Population
        Who takes part.
    samples : dict
        Numbers of the sampled members by population name.
    periods, units : int
        Settlement periods and generating units.
    """

    pool: PoolResult
    errors: dict[str, Prices]
    #: The pool's price with the adder for scarcity, which imbalances and real-time tariffs have [currency/kWh].
    announced_price: Prices
    short_price: Prices
    long_price: Prices
    charge: Quanta
    discharge: Quanta
    held: Prices
    #: Days that this one stands for [d].
    weight: int = 1

    def __init__(
        self, day: Day, populations: list[Population], samples: dict[str, Quanta], periods: int, units: int
    ) -> None:
        self.day = day
        self.populations = [PopulationDay(p, periods, samples[p.name]) for p in populations]
        self.auctions = Auctions(periods, units)
        self.cuts = np.zeros((periods, 2))
        self.forecast_losses: Quanta = np.zeros(periods, np.int64)
        self.losses: Quanta = np.zeros(periods, np.int64)
        self.activated: Quanta = np.zeros((periods, units), np.int64)

    def delivered(self, column: int) -> Quanta:
        """Return a column of :func:`gridagora.agents.delivery.deliver` summed over populations, shape (periods,)."""
        return summed(p.delivered[:, column] for p in self.populations)

    def settled(self, column: int) -> Quanta:
        """Return a column of :func:`gridagora.agents.settling.settle` summed over populations, shape (periods,).

        The first to ask does so once all periods are settled.
        """
        return self._settled[:, column].copy()

    def planned(self, column: int) -> Quanta:
        """Return a column of the day-ahead plan summed over populations, shape (periods,)."""
        return summed(p.plan.totals[:, column] for p in self.populations)

    def gate(self, column: int) -> Quanta:
        """Return a column of the gate plan summed over populations, shape (periods,); once all periods are planned."""
        return self._gate[:, column].copy()

    @cached_property
    def _settled(self) -> Quanta:
        return summed(p.settled.sum(axis=1) for p in self.populations)

    @cached_property
    def _gate(self) -> Quanta:
        return summed(p.gate.sum(axis=1) for p in self.populations)

    @property
    def generation(self) -> Quanta:
        """Generation of each unit, shape (periods, n_units) [1e-6 kWh]."""
        generated: Quanta = self.pool.schedule_quanta + self.auctions.unit_sold + self.activated
        return generated

    @cached_property
    def purchased(self) -> Quanta:
        """What the supplier bought in the pool less what it sold there, shape (periods,) [1e-6 kWh]."""
        bought: Quanta = self.pool.demand_quanta[SUPPLIER].sum(axis=1) - self.pool.surplus_quanta[SUPPLIER]
        return bought

    @property
    def losses_bought(self) -> Quanta:
        """What the grid company bought in the pool for losses, shape (periods,) [1e-6 kWh]."""
        bought: Quanta = self.pool.demand_quanta[GRID_COMPANY].sum(axis=1)
        return bought
