"""The simulation: a Mesa model whose step is one day in ten verbs (house.md section 4, market_day.md)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mesa
import numpy as np

from gridagora.agents.columns import (
    INJECTION,
    P_INJECTION,
    P_OFFER,
    P_SELLERS,
    P_WITHDRAWAL,
    T_INJECTION,
    T_SHED,
    T_WITHDRAWAL,
    WITHDRAWAL,
)
from gridagora.markets.regulated import pay_given, regulate
from gridagora.markets.settlement import activate, imbalance_prices
from gridagora.scenarios.auctioneer import note_audit, run_auction
from gridagora.scenarios.build import NO_AWARDS, Parts, build
from gridagora.scenarios.day_record import DayRecord, summed
from gridagora.scenarios.load import Scenario, load
from gridagora.scenarios.postings import book_energy, post_day
from gridagora.scenarios.record import Recorder
from gridagora.scenarios.reliability import shed_by_reliability
from gridagora.scenarios.rounds import rounds_of
from gridagora.scenarios.scarcity_prices import announced_price

if TYPE_CHECKING:
    from gridagora.agents.population import Population

#: What Mesa's DataCollector takes as a reporter of a model: a function of it, or the name of an attribute.
Reporter = Callable[[Any], Any] | str


class Simulation(mesa.Model):
    """One run of a scenario.

    Parameters
    ----------
    scenario : Scenario, str or Path
        What to simulate: a loaded scenario, the name of a built-in one, or a file.
    recorder : Recorder, optional
        Receives each day's tables; without it they stay in memory.
    block : int, optional
        Members a block; results do not depend on it.
    collect : mapping, optional
        Reporters of the model by name, for Mesa's DataCollector; each is read at the end of every step. Functions
        of a module, unlike lambdas, can be sent to other processes.
    **overrides
        Values of the scenario by key, with two underscores for the dot: ``households__count=50``, ``seed=7``.

    Raises
    ------
    ScenarioError
        If the scenario or an override is refused.

    Attributes
    ----------
    households, firms, farms : Population or None
        Populations of members.
    ledger, energy, contracts
        The books.
    record : DayRecord
        The day of the last step; there is none before the first.
    datacollector : mesa.DataCollector
        What `collect` asks for, by step.
    running : bool
        Whether days of the calendar are left.
    interrupts : list of int
        Signals that were held back: with any, a step stops before its next settlement period.
    """

    record: DayRecord

    def __init__(
        self,
        scenario: Scenario | str | Path = "quickstart",
        recorder: Recorder | None = None,
        block: int | None = None,
        *,
        collect: Mapping[str, Reporter] | None = None,
        **overrides: Any,
    ) -> None:
        values = {key.replace("__", "."): value for key, value in overrides.items()}
        if not isinstance(scenario, Scenario):
            scenario = load(scenario, values)
        elif values:
            scenario = scenario.override(values)
        super().__init__(rng=scenario.seed)
        self.scenario = scenario
        self.parts: Parts = build(self, scenario, block)
        self.ledger, self.energy = self.parts.ledger, self.parts.energy
        self.contracts, self.calendar = self.parts.contracts, self.parts.calendar
        self.populations = self.parts.populations
        by_name = {population.name: population for population in self.populations}
        self.households: Population | None = by_name.get("households")
        self.firms: Population | None = by_name.get("firms")
        self.farms: Population | None = by_name.get("farms")
        self.recorder = recorder or Recorder()
        self.recorder.open(scenario.currency)
        self.datacollector = mesa.DataCollector(dict(collect or {}))  # type: ignore[no-untyped-call]
        self.parts.rounds = rounds_of(self)
        self.interrupts: list[int] = []
        self.next_day = 0

    def step(self) -> None:
        """Simulate one day."""
        record = self.record = self.open_day()
        self.draw_exogenous(record)
        self.clear_day_ahead(record)
        self.announce_prices(record)
        self.plan(record)
        for period in range(self.calendar.periods_per_day):
            if self.interrupts:
                raise KeyboardInterrupt
            self.trade_online(record, period)
            self.deliver(record, period)
            self.settle(record, period)
        self.book(record)
        self.run_business(record)
        self.close_day(record)

    def open_day(self) -> DayRecord:
        """Start the next day of the calendar."""
        if not self.running:
            raise ValueError(
                f"all {self.next_day} days are simulated; give a larger time.days, or start a new Simulation"
            )
        day = self.calendar.day(self.calendar.simulated[self.next_day])
        periods, units = self.calendar.periods_per_day, len(self.parts.units)
        self.next_day += 1
        record = DayRecord(day, self.populations, self.recorder.sampled(self.parts.samples), periods, units)
        record.weight = self.parts.horizon.weight(day.index)
        return record

    def draw_exogenous(self, record: DayRecord) -> None:
        """Draw the area's realised errors, which only `deliver` opens, and those of the two forecasts."""
        record.errors = self.parts.area.draw(record.day.index, self.calendar.periods_per_day)

    def clear_day_ahead(self, record: DayRecord) -> None:
        """Forecast the day on the eve and clear the pool for all its periods."""
        for population in record.populations:
            population.plan = population.population.forecast(
                record.day, record.errors["day_ahead_load"], record.errors["day_ahead_pv"], self.parts.least_offer
            )
        withdrawal, injection = record.planned(P_WITHDRAWAL), record.planned(P_INJECTION)
        record.forecast_losses = self.parts.grid_company.losses(withdrawal)
        demand, surplus = self.parts.supplier.pool_position(withdrawal - injection)
        wanted = np.zeros((2, len(demand), len(self.parts.demand_shares)))
        wanted[0, :, 1:] = np.floor(demand[:, None] * self.parts.demand_shares[1:])
        wanted[0, :, 0] = demand - wanted[0, :, 1:].sum(axis=1)
        wanted[1, :, 0] = record.forecast_losses
        record.pool = self.parts.pool.clear(wanted / 1e6, np.stack([surplus, np.zeros_like(surplus)]) / 1e6)
        record.charge, record.discharge = record.pool.charge_quanta.copy(), record.pool.discharge_quanta.copy()
        record.held = np.zeros(record.charge.shape)
        if self.scenario.market.pool_rule == "regulated":
            record.pool = regulate(record.pool, self.parts.regulated_price)
        elif self.parts.given_price is not None:
            record.pool = pay_given(record.pool, self.parts.given_price[record.day.index % self.calendar.days])

    def announce_prices(self, record: DayRecord) -> None:
        """Publish the day's imbalance prices; real-time prices; all others are known beforehand."""
        kappa = self.scenario.market.imbalance_kappa
        record.announced_price = announced_price(self, record)
        record.short_price, record.long_price = imbalance_prices(record.announced_price, kappa)
        for entry in record.populations:
            entry.population.announce(entry.plan, record.announced_price)

    def plan(self, record: DayRecord) -> None:
        """Turn the day's plan into reservation prices, and announce what members mean to offer."""
        market = self.scenario.market
        for population in record.populations:
            population.quotes = population.population.quotes(
                population.plan, market.floor_per_kwh, market.cap_per_kwh, market.tick_per_kwh
            )
        if market.online:
            record.auctions.audit.intend(record.planned(P_SELLERS), record.planned(P_OFFER))

    def trade_online(self, record: DayRecord, period: int) -> None:
        """Plan the period at the gate, collect the orders and clear the auction."""
        if not self.scenario.market.online:
            return
        errors = (float(record.errors["gate_load"][period]), float(record.errors["gate_pv"][period]))
        orders = []
        for population in record.populations:
            curves, population.gate[period] = population.population.quote(
                period, population.plan, population.quotes, errors, self.parts.least_offer
            )
            orders.append(curves)
        self.parts.margins = run_auction(self, record, period, summed(orders))

    def deliver(self, record: DayRecord, period: int) -> None:
        """Open the realised values; shed or curtail where generation cannot follow."""
        errors = (float(record.errors["realised_load"][period]), float(record.errors["realised_pv"][period]))
        for population in record.populations:
            population.delivered[period] = population.population.deliver(period, population.plan, errors)
        totals = summed(p.delivered[period] for p in record.populations)
        withdrawal, injection = int(totals[WITHDRAWAL]), int(totals[INJECTION])
        stored = self._store(record, period, withdrawal, injection)
        record.cuts[period] = self.parts.grid_company.cuts(withdrawal, injection, self.parts.capability, stored)

    def _store(self, record: DayRecord, period: int, withdrawal: int, injection: int) -> int:
        """Charge and discharge the pool's storages as scheduled, or less where the area cannot follow; return the net.

        Positive where they charge [1e-6 kWh].
        """
        storages, grid = self.parts.pool.storages, self.parts.grid_company
        if not len(storages):
            return 0
        need = withdrawal / (1 - grid.loss_rate) - injection
        record.charge[period], record.discharge[period] = storages.follow(
            record.pool.charge_quanta[period], record.pool.discharge_quanta[period], need, self.parts.capability
        )
        record.held[period] = storages.stored
        return int(record.charge[period].sum() - record.discharge[period].sum())

    def settle(self, record: DayRecord, period: int) -> None:
        """Split the meters into their uses and add them to the members' accounts."""
        price = float(record.auctions.price[period])
        price = 0.0 if math.isnan(price) else price
        prices = (price, float(record.short_price[period]), float(record.long_price[period]))
        cuts = (float(record.cuts[period, 0]), float(record.cuts[period, 1]))
        margins = self.parts.margins if self.scenario.market.online else NO_AWARDS
        shed = shed_by_reliability(record.populations, cuts[0])
        if shed is not None:
            cuts = (0.0, cuts[1])
        for population in record.populations:
            population.settled[period] = population.population.settle(
                period,
                population.plan,
                population.quotes,
                margins,
                prices,
                cuts,
                self.parts.least_offer,
                population.own_price,
            )
            population.observe(period, price)
        if shed is not None:
            for population, amount in zip(record.populations, shed, strict=True):
                population.settled[period, 0, T_SHED] += amount
        system = sum(int(p.settled[period, :, T_WITHDRAWAL].sum()) for p in record.populations)
        for population in record.populations:
            population.population.meter(period, population.plan, system)

    def book(self, record: DayRecord) -> None:
        """Activate balancing energy and post the day: every amount with payer and payee."""
        parts, auctions = self.parts, record.auctions
        withdrawal, injection = record.settled(T_WITHDRAWAL), record.settled(T_INJECTION)
        record.losses = parts.grid_company.losses(withdrawal)
        scheduled = record.pool.schedule_quanta + auctions.unit_sold
        need = withdrawal + record.losses - injection - scheduled.sum(axis=1)
        need += (record.charge - record.discharge).sum(axis=1)
        record.activated = activate(need, parts.unit_quanta - scheduled, scheduled)
        if self.scenario.market.online:
            note_audit(record)
        book_energy(self, record)
        post_day(self, record)

    def run_business(self, record: DayRecord) -> None:
        """Let the supplier learn from the day; issue the bills of a month that ends."""
        self.parts.supplier.learn(record.auctions.unit_sold.sum(axis=1))
        # Days that stand for different numbers of others have a bill each, counted so many times.
        if record.day.is_month_end or not self.parts.horizon.is_whole:
            for population in self.populations:
                self.recorder.bill(population, record.weight)
        for part in self.parts.rounds:
            part.close(self, record)

    def close_day(self, record: DayRecord) -> None:
        """Check the books and write the day's tables."""
        self.ledger.check()
        self.energy.check(record.day.index)
        self.recorder.day(self, record)
        self.datacollector.collect(self)  # type: ignore[no-untyped-call]
        if self.next_day == len(self.calendar.simulated):
            self.running = False
