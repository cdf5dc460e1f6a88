"""What providers and members know when a contract is offered, and what meters say of it when a bill is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from gridagora.agents.business_models.credit import default_chances, score
from gridagora.agents.business_models.frame import BusinessModel, Customers, Floats, Ints
from gridagora.agents.columns import (
    FED_IN,
    QUANTA_PER_KWH,
    SOLD,
    T_CURTAILED,
    T_INJECTION,
    T_RETAIL,
    T_SHED,
    T_WITHDRAWAL,
    UNDELIVERED,
)
from gridagora.agents.customers import incomes
from gridagora.agents.ownership import owns
from gridagora.markets.strategies.draws import Draws
from gridagora.scenarios.business_meters import MeterYears
from gridagora.scenarios.member_bills import used_quanta
from gridagora.scenarios.schema import N_DAYS

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.simulation import Simulation

DEVICES = ("pv", "storage", "vehicle", "heat_pump")


class Watch:
    """What is known of the members of one population, by row.

    Parameters
    ----------
    model : Simulation
        The run, built.
    population : Population
        The members; their bills keep their energies from now on.
    """

    def __init__(self, model: Simulation, population: Population) -> None:
        self.population = population
        population.billing.keeps_energy = True
        self.number = population.members.number.astype(np.int64)
        self.draws = Draws(population.streams.seed, population.name)
        badness, luck = self.draws.uniforms("credit score", self.number, draws=2)
        self.badness, self.luck = ndtri(badness), ndtri(luck)
        self.income = incomes(population)
        self.sums = np.zeros((4, len(population.offers)))  # retail x price, retail, shed, withdrawn
        self.energies = np.zeros((3, len(population)))  # withdrawn, injected, generated since the last bill [kWh]
        self.generated = np.zeros(len(population))
        self.given = np.zeros(2)  # curtailed and injected [kWh]
        self.bill = np.zeros(len(population))
        self.days = 0
        self.total = np.zeros((2, len(population)))  # withdrawn [kWh] and days so far
        self.price = self._first_price(model)
        self.shed = np.zeros(len(population.offers))
        self.optimised, self.optimised_before = np.zeros(len(population)), np.zeros(len(population))
        self.years = MeterYears(model, population)

    def _first_price(self, model: Simulation) -> Floats:
        """Return the mean retail price of each offer on the first day, before anything is billed [currency/kWh]."""
        day = model.calendar.day(model.calendar.simulated[0])
        return np.asarray(self.population.retail(self.population.prices_on(day)).mean(axis=1))

    def note(self, record: DayRecord, generates: bool) -> None:
        """Take note of a day.

        Parameters
        ----------
        record : DayRecord
            The day, settled.
        generates : bool
            Whether somebody needs the generation of single members.
        """
        entry = next(each for each in record.populations if each.population is self.population)
        plan, settled = entry.plan, entry.settled / QUANTA_PER_KWH
        price = self.population.retail(plan.energy_price)
        self.sums[0] += record.weight * (price * settled[:, :, T_RETAIL].T).sum(axis=1)
        for place, column in enumerate((T_RETAIL, T_SHED, T_WITHDRAWAL), start=1):
            self.sums[place] += record.weight * settled[:, :, column].sum(axis=0)
        self.days += record.weight
        if generates:
            self.given += record.weight * settled[:, :, [T_CURTAILED, T_INJECTION]].sum(axis=(0, 1))
            error = record.errors["realised_pv"]
            day = (plan.pv * error[:, None]).T @ self.population.pv_noise  # by profile and noise row
            members, rows = self.population.members, self.population.today.pv_row
            self.generated += record.weight * members.pv_annual_kwh * day[members.pv_profile, rows]

    def close(self, record: DayRecord) -> float:
        """Read the meters at a bill; return the time that it is for [a]."""
        billing, weight = self.population.billing, record.weight
        energy = billing.last_energy
        assert energy is not None  # the bill was issued before
        at = billing.n_classes
        injected = energy[at + FED_IN] + energy[at + SOLD] - energy[at + UNDELIVERED]
        self.energies[0] = used_quanta(self.population, energy) / QUANTA_PER_KWH * weight
        self.energies[1] = injected / QUANTA_PER_KWH * weight
        self.energies[2] = self.generated - self._curtailed()
        self.generated, self.given = np.zeros(len(self.population)), np.zeros(2)
        self.bill = billing.last_bills / 1e6 * weight
        retail_cost, retail, shed, withdrawn = self.sums
        self.price = np.where(retail > 0, retail_cost / np.maximum(retail, 1e-9), self.price)
        self.shed = np.where(withdrawn > 0, shed / np.maximum(withdrawn, 1e-9), 0.0)
        saved = self.population.optimised_saving
        self.optimised, self.optimised_before = weight * (saved - self.optimised_before), saved.copy()
        self.total += self.energies[0], np.full(len(self.population), float(self.days))
        years, self.days = self.days / N_DAYS, 0
        self.years.renew()
        self.sums[:] = 0.0
        return years

    def _curtailed(self) -> Floats:
        """Return what each generated and could not feed in since the last bill, shape (n,) [kWh]: in all what it was.

        As large a share of what each would have injected as of all, as far as it can be.
        """
        could = np.maximum(self.generated - self.energies[1], 0.0)
        lost = np.minimum(self.energies[1] * self.given[0] / max(self.given[1], 1e-9), could)
        could -= lost
        more = (self.given[0] - lost.sum()) / max(could.sum(), 1e-9)
        return np.asarray(lost + could * np.clip(more, 0.0, 1.0))

    def default_per_year(self, mean: float) -> Floats:
        """Return each member's probability of default, shape (n,) [1/a]."""
        return default_chances(mean, self.badness)

    def score(self, terms: BusinessModel) -> Floats:
        """Return the provider's credit scores, higher is worse, shape (n,)."""
        return score(self.badness, self.luck, terms.segment.score_auc)

    def customers(self, model: Simulation, rows: Ints, terms: BusinessModel, vendor_price: float) -> Customers:
        """Return members as customers.

        Parameters
        ----------
        model : Simulation
            The run.
        rows : ndarray of int64, shape (n,)
            Their rows.
        terms : BusinessModel
            Whose customers they may become.
        vendor_price : float
            Of the vendor, over its first price [1].
        """
        population, members = self.population, self.population.members
        annual = members.annual_kwh[rows].astype(np.float64)
        pv_kwh = members.pv_annual_kwh[rows].astype(np.float64)
        withdrawn, days = self.total[0, rows], self.total[1, rows]
        yearly = np.where(days > 0, withdrawn / np.maximum(days, 1) * N_DAYS, annual)
        number = self.number[rows]
        names = np.array(population.tables.profiles.names)

        def meter(more_pv: Floats, more_battery: Floats) -> tuple[Floats, Floats]:
            return self.years.with_more(rows, more_pv, more_battery)

        return Customers(
            population=population.name,
            row=rows,
            number=number,
            annual_kwh=annual,
            withdrawn_kwh=np.where(pv_kwh > 0, yearly, annual),
            price_per_kwh=self.price[members.offer[rows]],
            feed_in_per_kwh=population.peer.feed_in,
            income=self.income[rows],
            default_per_year=self.default_per_year(terms.risk.default_per_year)[rows],
            credit_score=self.score(terms)[rows],
            profile=names[members.profile[rows]],
            pv_kwh=pv_kwh,
            battery_kwh=members.battery_kwh[rows].astype(np.float64),
            owns={name: owns(population, name)[number] for name in DEVICES} | {"hems": population.enrolled[rows]},
            satisfaction=_satisfaction(model, population)[rows],
            draws=self.draws,
            vendor_price=vendor_price,
            meter=meter,
        )


def _satisfaction(model: Simulation, population: Population) -> Floats:
    from gridagora.scenarios.satisfaction_rounds import SatisfactionRound

    for part in model.parts.rounds:
        if isinstance(part, SatisfactionRound) and part.population is population:
            return part.satisfied
    return np.zeros(len(population))
