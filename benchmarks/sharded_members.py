"""A shard: members of one population from a number to another, and what they answer day by day.

Draws are keyed by the member's number, and every energy and every bill line is a whole number, so that sums of shards
are the sums of the population to the last bit, whoever holds which members.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

import mesa
import numpy as np
from numpy.typing import NDArray

from gridagora.agents.columns import DELIVER_TOTALS, PLAN_TOTALS, SETTLE_TOTALS
from gridagora.agents.households import Households
from gridagora.agents.plans import DayPlan, Quotes
from gridagora.agents.population import Population
from gridagora.markets.settlement import PeerTerms
from gridagora.markets.tariffs.offers import offers_of
from gridagora.scenarios.base_profiles import load_profiles, pv_profiles
from gridagora.scenarios.load import Scenario, load
from gridagora.sim.clock import Calendar
from gridagora.sim.compiled import use_threads
from gridagora.sim.streams import Streams, fill_words, stream_key

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
NAME = "households"


@dataclass(frozen=True, slots=True)
class StreamsFrom(Streams):
    """Random streams of the members from a number on.

    Parameters
    ----------
    seed : int
        Seed of the scenario.
    first : int
        Number of the first member.
    """

    first: int = 0

    def uniforms(self, concern: str, name: str, n: int, day: int = 0, draw: int = 0) -> Floats:
        """Return :meth:`Streams.uniforms` of ``n`` members from `first` on, shape (n,)."""
        words = np.empty((n, 4), np.uint32)
        fill_words(*stream_key(self.seed, concern, name), self.first, day, draw, words)
        return np.asarray((words[:, 0] + 0.5) * 2.0**-32)


class SomeHouseholds(Households):
    """Households from one number to another, which draw what they draw among all others.

    Parameters
    ----------
    *columns
        As :class:`Households` takes them, of these members alone.
    first : int
        Number of the first.
    """

    def __init__(self, *columns: Any, first: int) -> None:
        self.first, self.size = first, columns[3].size
        super().__init__(*columns)
        self.members.number[:] += np.uint32(first)

    def _draw(self, concern: str) -> Floats:
        return StreamsFrom(self.streams.seed, self.first).uniforms(concern, self.name, self.size)


def calendar_of(scenario: Scenario) -> Calendar:
    """Return the days of a scenario."""
    return Calendar(*scenario.time.span, scenario.time.period_minutes)


def some_households(scenario: Scenario, first: int, last: int) -> SomeHouseholds:
    """Return the members of a scenario's households from `first` on, before `last`."""
    terms, market = scenario.households, scenario.market
    profiles = load_profiles(scenario, terms, "household")
    drawn = terms.model_copy(update={"count": last - first})
    annual, profile = Households.draw(drawn, NAME, profiles.names, StreamsFrom(scenario.seed, first))
    feed_in = scenario.tariffs.feed_in.price_per_kwh
    peer = PeerTerms(market.wheeling_per_kwh, market.fee_buyer_per_kwh, market.fee_seller_per_kwh, feed_in)
    largest = math.exp(8 * max(scenario.forecasts.realised_sigma, scenario.forecasts.gate_sigma))
    return SomeHouseholds(
        *(mesa.Model(rng=scenario.seed), NAME, terms, annual, profile, profiles, pv_profiles(scenario, terms, None)),
        *(offers_of(getattr(scenario.tariffs, terms.tariff)), peer, Streams(scenario.seed), calendar_of(scenario)),
        *(2**16, largest),
        first=first,
    )


class Settlement(NamedTuple):
    """What the centre says of a period that was delivered.

    Parameters
    ----------
    margins : tuple of int
        Marginal tick, accepted and offered energy there, of bids and of offers.
    prices : tuple of float
        Auction price, and imbalance prices of the short and the long [currency/kWh].
    cuts : tuple of float
        Share of withdrawals shed and of injections curtailed [1].
    """

    margins: tuple[int, int, int, int, int, int]
    prices: tuple[float, float, float]
    cuts: tuple[float, float]


class Reply(NamedTuple):
    """What a shard says: sums over its members, and what that took.

    Parameters
    ----------
    curves : ndarray of int64, shape (2, ticks)
        Energy bid and offered by tick [1e-6 kWh].
    planned, delivered, settled : ndarray of int64
        Totals of quote, deliver and settle [1e-6 kWh].
    seconds, cpu_seconds : float
        [s]
    """

    curves: Ints
    planned: Ints
    delivered: Ints
    settled: Ints
    seconds: float
    cpu_seconds: float


class Shard:
    """Members that answer the centre, once a period.

    Parameters
    ----------
    population : Population
        The members.
    calendar : Calendar
        Days of the run.
    ticks, least : int
        Price ticks of the auction, and least energy of an offer [1e-6 kWh].

    Raises
    ------
    ValueError
        If tariffs need registers, which know the system's peak only a message later.
    """

    plan: DayPlan
    quoted: Quotes

    def __init__(self, population: Population, calendar: Calendar, ticks: int, least: int) -> None:
        if population.metering.needed or population.metering.rebates is not None:
            raise ValueError(f"{population.name}: tariff with registers; allowed prices by period and fixed charges")
        self.population, self.calendar, self.ticks, self.least = population, calendar, ticks, least

    def forecast(self, day: int, load_error: Floats, pv_error: Floats) -> Ints:
        """Plan a day on the day-ahead forecast; return planned sums, shape (periods, 7)."""
        self.plan = self.population.forecast(self.calendar.day(day), load_error, pv_error, self.least)
        return self.plan.totals

    def announce(self, pool_price: Floats, floor: float, cap: float, tick: float) -> int:
        """Answer the day's prices; return the number of members."""
        self.population.announce(self.plan, pool_price)
        self.quoted = self.population.quotes(self.plan, floor, cap, tick)
        return len(self.population)

    def step(
        self,
        period: int,
        settlement: Settlement | None,
        gate: tuple[float, float] | None,
        realised: tuple[float, float] | None,
    ) -> Reply:
        """Settle the period before, if there is one; then quote and deliver this one, if it is in the day.

        Nothing that is quoted or delivered depends on how the period before was settled, so that one message a period
        is enough: the centre clears this period, and finds what has to be cut, while no shard waits for it to settle.
        """
        population, wall, cpu = self.population, time.perf_counter(), time.thread_time()
        n_offers = len(population.offers)
        curves, planned = np.zeros((2, self.ticks), np.int64), np.zeros((n_offers, PLAN_TOTALS), np.int64)
        delivered, settled = np.zeros(DELIVER_TOTALS, np.int64), np.zeros((n_offers, SETTLE_TOTALS), np.int64)
        if settlement is not None:
            settled = population.settle(period - 1, self.plan, self.quoted, *settlement, self.least)
        if gate is not None and realised is not None:
            curves, planned = population.quote(period, self.plan, self.quoted, gate, self.least)
            delivered = population.deliver(period, self.plan, realised)
        spent = time.perf_counter() - wall, time.thread_time() - cpu
        return Reply(curves, planned, delivered, settled, *spent)

    def close(self) -> dict[tuple[str, str], int]:
        """Bill the day; return the members' money by counterparty and account [1e-6 currency]."""
        grown = self.population.bill_to_date(self.plan.day)
        sums: defaultdict[tuple[str, str], int] = defaultdict(int)
        for (_, line), amount in zip(self.population.billing.lines, grown.tolist(), strict=True):
            sums[line.counterparty, line.account] += amount
        return dict(sums)


class HeldShard(Shard):
    """A shard on a worker, which builds its own members there.

    Parameters
    ----------
    name : str
        Scenario.
    overrides : dict
        Other values of it.
    first, last : int
        Members from `first` on, before `last`.
    ticks, least : int
        As :class:`Shard` takes them.
    """

    def __init__(self, name: str, overrides: dict[str, Any], first: int, last: int, ticks: int, least: int) -> None:
        scenario = load(name, overrides)
        use_threads(1)
        super().__init__(some_households(scenario, first, last), calendar_of(scenario), ticks, least)

    def step(
        self,
        period: int,
        settlement: Settlement | None,
        gate: tuple[float, float] | None,
        realised: tuple[float, float] | None,
    ) -> Reply:
        """Answer on one thread: the number is the calling thread's, and actors answer on one of their own."""
        use_threads(1)
        return super().step(period, settlement, gate, realised)
