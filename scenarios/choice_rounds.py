"""Month ends at which some members look around and may take another offer of their menu (model.md A1.6, B10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.choice import (
    Tastes,
    choose,
    logsum,
    nested_logsum,
    nested_probabilities,
    probabilities,
    surplus_change,
    utilities,
)
from gridagora.agents.columns import T_WITHDRAWAL
from gridagora.agents.customers import admitted, incomes
from gridagora.agents.valuation import RealisedDay, Trial
from gridagora.markets.strategies.draws import Draws
from gridagora.sim.metrics import DAYS_PER_MONTH

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.scenarios.credit_rounds import CreditRound
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.satisfaction_rounds import SatisfactionRound
    from gridagora.scenarios.simulation import Simulation

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(slots=True, eq=False)
class Cohort:
    """Those who look around at one month end.

    Parameters
    ----------
    month : int
        Month of the run at whose end they decide.
    rows : ndarray of int64, shape (m,)
        Their rows.
    leaves : ndarray of bool, shape (m,)
        Who wants another supplier than the present one.
    trial : Trial
        What each offer would have cost them.
    """

    month: int
    rows: IntArray
    leaves: BoolArray
    trial: Trial


class ChoiceRound:
    """How the members of a population choose among their offers.

    Who looks around in a month is known at its start: it is then that their costs under every offer begin to count.

    Parameters
    ----------
    population : Population
        With the section `choice` and a menu; members of an offer that is not open to them begin with the outside one.
    satisfaction : SatisfactionRound, optional
        Who is so dissatisfied as to leave the supplier.
    credit : CreditRound, optional
        Who owes money, and so must stay with its supplier.
    """

    def __init__(
        self,
        population: Population,
        satisfaction: SatisfactionRound | None = None,
        credit: CreditRound | None = None,
    ) -> None:
        terms, offers = population.terms.choice, population.offers
        self.population, self.terms, self.satisfaction, self.credit = population, terms, satisfaction, credit
        self.names = [offer.name for offer in offers]
        self.draws = Draws(population.streams.seed, population.name)
        self.number = population.members.number.astype(np.int64)
        self.income = incomes(population)
        self.default = self.names.index(terms.default_offer) if terms.default_offer is not None else 0
        self.tastes = Tastes(
            bill=terms.bill_weight,
            risk=terms.risk_weight,
            switching=terms.switching_cost,
            default=terms.default_bonus,
            green=terms.green_weight,
            reliability=terms.reliability_weight,
        )
        self.constant = np.array([terms.constants.get(name, 0.0) for name in self.names])
        self.nest = np.array([int(name in terms.nest) for name in self.names])
        suppliers = [offer.supplier for offer in offers]
        self.supplier = np.array([suppliers.index(name) for name in suppliers])
        self.served = np.zeros(self.number.size, np.int64)
        start = np.flatnonzero(self._open()[:, self.default])
        population.switch(start, np.full(start.size, self.default, np.uint8))
        self.cohorts = [self._gather(month) for month in range(terms.compare_months)]

    def _open(self) -> BoolArray:
        """Return which offers are open to which members, shape (n, n_offers)."""
        population, devices = self.population, self.population.devices.columns
        nobody = np.zeros(self.number.size, np.bool_)
        car = devices.cars.capacity > 0 if devices.cars.capacity.size else nobody
        pump = devices.rooms.size > 0 if devices.rooms.size.size else nobody
        low = float(np.quantile(self.income, population.terms.income.low_share))
        return np.stack([admitted(each.eligible, self.income, low, car, pump) for each in population.offers], axis=1)

    def _gather(self, month: int) -> Cohort:
        """Draw who will look around at the end of a month, and begin to count what offers cost them."""
        looks, leaves = self.draws.uniforms("look around", self.number, month, 2)
        leaving = leaves < (self.satisfaction.leaving if self.satisfaction is not None else 0.0)
        rows = np.flatnonzero((looks < self.terms.consider_per_month) | leaving)
        return Cohort(month, rows, leaving[rows], Trial(self.population, rows))

    def close(self, model: Simulation, record: DayRecord) -> None:
        """Let those who compare live the day under every offer; at the end of a month let some decide."""
        entry = next(each for each in record.populations if each.population is self.population)
        day = realised(model, record, entry)
        for cohort in self.cohorts:
            cohort.trial.day(day)
        if not record.day.is_month_end:
            return
        for cohort in self.cohorts:
            cohort.trial.close_month()
        self.served += 1
        deciding = self.cohorts.pop(0)
        self._decide(model, record.day.index, deciding)
        if record.day.index < model.calendar.simulated[-1]:
            self.cohorts.append(self._gather(deciding.month + self.terms.compare_months))

    def _decide(self, model: Simulation, day: int, cohort: Cohort) -> None:
        rows = cohort.rows
        present = self.population.members.offer[rows].astype(np.int64)
        due = self._exit_fees(rows, present)
        value = self._value(cohort, present, due)
        mask = self._available(cohort, present)
        scales = [1.0, self.terms.nest_scale] if self.nest.any() else None
        if scales is None:
            chance, best = probabilities(value, mask), logsum(value, mask)
        else:
            chance = nested_probabilities(value, self.nest, scales, mask)
            best = nested_logsum(value, self.nest, scales, mask)
        uniform = self.draws.uniforms("offer", self.number[rows], cohort.month)[0]
        chosen = choose(chance, uniform)
        own = np.take_along_axis(value, present[:, None], axis=1)[:, 0]
        surplus = surplus_change(own, best, self.tastes.bill / self.income[rows])
        moves = chosen != present
        fees = np.where(moves, due, 0)
        self._post_fees(model, day, rows, present, fees)
        self.population.switch(rows[moves], chosen[moves].astype(np.uint8))
        self.served[rows[moves]] = 0
        if self.satisfaction is not None:
            self.satisfaction.switched(rows[self.supplier[chosen] != self.supplier[present]])
        self._note(model, cohort, present, chosen, fees, surplus)

    def _exit_fees(self, rows: IntArray, present: IntArray) -> IntArray:
        """Return what leaving would cost members [1e-6 currency], shape (m,)."""
        packages = [offer.tariff.package for offer in self.population.offers]
        term = np.array([0 if package is None else package.term_months for package in packages])
        fee = np.array([0.0 if package is None else package.exit_fee for package in packages])
        bound = self.served[rows] < term[present]
        return np.where(bound, np.rint(fee[present] * 1e6), 0.0).astype(np.int64)

    def _value(self, cohort: Cohort, present: IntArray, due: IntArray) -> FloatArray:
        trial = cohort.trial
        monthly = DAYS_PER_MONTH / max(trial.days, 1)
        other = np.arange(len(self.names)) != present[:, None]
        tariffs = [offer.tariff for offer in self.population.offers]
        bill = trial.bills() * monthly + other * (due[:, None] / 1e6 / self.terms.exit_fee_months)
        return utilities(
            self.tastes,
            bill,
            self.income[cohort.rows],
            present,
            deviation=trial.deviations() * np.sqrt(DAYS_PER_MONTH),
            green=[0.0 if tariff.package is None else tariff.package.green_share for tariff in tariffs],
            reliability=[1.0 if tariff.service is None else tariff.service.reliability for tariff in tariffs],
            constant=self.constant,
            default=self.default,
        )

    def _available(self, cohort: Cohort, present: IntArray) -> BoolArray:
        """Return what members may take: what is open to them, of others if they leave, of their own if they owe."""
        mask = self._open()[cohort.rows]
        mask[np.arange(present.size), present] = True
        same = self.supplier == self.supplier[present][:, None]
        leaves = cohort.leaves
        if self.credit is not None:
            owes = self.credit.arrears[cohort.rows] > 0
            mask[owes] &= same[owes]
            leaves = leaves & ~owes
        leaves = leaves & (mask & ~same).any(axis=1)
        mask[leaves] &= ~same[leaves]
        return mask

    def _post_fees(self, model: Simulation, day: int, rows: IntArray, present: IntArray, fees: IntArray) -> None:
        """Let who leaves within a term pay the old supplier, as a line of its bill."""
        population = self.population
        for number, offer in enumerate(population.offers):
            theirs = fees[present == number]
            model.ledger.post(day, population.name, offer.supplier, "exit_fee", int(theirs.sum()))
            if theirs.any():
                key = (population.name, offer.name, "exit fee", "fee")
                row = model.recorder.bill_rows.setdefault(key, [0.0, 0.0])
                row[0] += int((theirs > 0).sum())
                row[1] += int(theirs.sum()) / 1e6
        model.recorder.billed[population.name][rows] += fees

    def _note(
        self,
        model: Simulation,
        cohort: Cohort,
        present: IntArray,
        chosen: IntArray,
        fees: IntArray,
        surplus: FloatArray,
    ) -> None:
        kinds, moves = len(self.names), chosen != present

        def count(values: Any, weights: Any = None) -> Any:
            # Without values numpy counts weights in whole numbers.
            return np.bincount(values, weights, kinds).astype(np.int64 if weights is None else np.float64)

        model.recorder.append(
            "choices",
            {
                "month": np.full(kinds, cohort.month),
                "population": [self.population.name] * kinds,
                "offer": self.names,
                "supplier": [offer.supplier for offer in self.population.offers],
                "members": count(self.population.members.offer),
                "considered": count(present),
                "leaving": count(present[cohort.leaves]),
                "switched_in": count(chosen[moves]),
                "switched_out": count(present[moves]),
                "exit_fees": count(present, fees / 1e6),
                "surplus": count(present, surplus),
            },
            keep=True,
        )


def realised(model: Simulation, record: DayRecord, entry: Any) -> RealisedDay:
    """Return what a day brought to one population, as a trial takes it.

    Parameters
    ----------
    model : Simulation
        The run.
    record : DayRecord
        The day, booked.
    entry : PopulationDay
        The population's.
    """
    forecast, errors = (
        np.stack([record.errors[f"{stage}_load"], record.errors[f"{stage}_pv"]]) for stage in ("day_ahead", "realised")
    )
    prices = np.stack([np.nan_to_num(record.auctions.price), record.short_price, record.long_price], axis=1)
    withdrawal = np.sum([each.settled[:, :, T_WITHDRAWAL].sum(axis=1) for each in record.populations], axis=0)
    return RealisedDay(
        entry.plan, entry.quotes, forecast, errors, record.cuts, prices, withdrawal, model.parts.least_offer
    )
