"""Adoption in a run: members decide month by month, acquire devices and pay for them (model.md A1.7)."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.adoption import Bass, bass_share
from gridagora.agents.appraisal import Floats, YearOfMeter, years_of_meter
from gridagora.agents.columns import NO_CONSENT, T_CURTAILED, T_FED_IN, T_SOLD
from gridagora.agents.ownership import acquire, owns, pv_candidates
from gridagora.agents.social_graph import SocialGraph, small_world
from gridagora.agents.uptake import Uptake
from gridagora.markets.strategies.draws import Draws
from gridagora.scenarios.schema import N_DAYS
from gridagora.scenarios.schema_adoption import Technology, UnitAdoption
from gridagora.sim.finance import annuity_factor
from gridagora.sim.ledger import to_micro

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.scenarios.day_record import DayRecord, PopulationDay
    from gridagora.scenarios.simulation import Simulation

#: Longest step [d]: at Bass's mean coefficients the share after five years is then 0.5 % too low.
STEP_DAYS = 7
#: Ledger account of what devices cost, and name of the business model, which keeps it out of the bills.
ACCOUNT, BUSINESS_MODEL = "investment", "adoption"


class Adopters:
    """One population: who has what, what it would cost and bring; members by their number.

    Parameters
    ----------
    population : Population
        Members.
    technologies : dict
        Terms of each technology that spreads, by name.
    graph : SocialGraph or None
        Who sees whom.
    feed_in, fee : float
        Price of energy fed in, and the seller's fee of the online auction [currency/kWh].
    """

    def __init__(
        self,
        population: Population,
        technologies: dict[str, Technology],
        graph: SocialGraph | None,
        feed_in: float,
        fee: float,
    ) -> None:
        self.population, self.technologies = population, technologies
        self.feed_in, self.fee = feed_in, fee
        self.pv_kwh = pv_candidates(population)
        draws = Draws(population.streams.seed, population.name)
        number = np.arange(len(population))
        self.green = draws.uniforms("green attitude", number)[0]
        self.uptakes = {
            name: Uptake(name, terms.chooser(), draws, owns(population, name), graph)
            for name, terms in technologies.items()
        }
        self.start = {name: uptake.count for name, uptake in self.uptakes.items()}
        self.reported = dict(self.start)
        self.cost = {name: self._cost(name, terms) for name, terms in technologies.items()}
        self.saved: dict[str, Floats] = {}
        # Energy sold online [kWh], what it brought [currency], energy fed in and curtailed [kWh]: this year's and
        # the last one's.
        self.sales: list[Floats] = [np.zeros(4), np.zeros(4)]

    def _cost(self, name: str, terms: Any) -> Floats:
        """Return what the technology costs each member in the first year, shape (n,) [currency]."""
        own = self.population.terms
        if name == "pv":
            return np.asarray(self.pv_kwh / own.pv_yield_kwh_per_kwp * terms.cost_per_kwp, dtype=np.float64)
        each = terms.cost_per_kwh * own.storage_kwh if name == "storage" else terms.cost_per_unit
        return np.full(len(self.population), float(each))

    def note_sales(self, entry: PopulationDay, weight: int) -> None:
        """Add a day to what members earned with what they injected."""
        by_period = entry.settled.sum(axis=1)[:, [T_SOLD, T_FED_IN, T_CURTAILED]] / 1e6
        sold, fed, curtailed = by_period.T
        earned = sold @ (entry.mean_price[:, 1] - self.fee)
        self.sales[0] += weight * np.array([sold.sum(), earned, fed.sum(), curtailed.sum()])

    def begin_year(self) -> None:
        """Let the year's sales become those of the last year."""
        self.sales = [np.zeros(4), self.sales[0]]

    @property
    def export_price(self) -> Floats:
        """What a kWh to spare earns each member, shape (n,) [currency/kWh]: as in the market since last year began.

        As large a share of it is curtailed as of all; who takes part in the auction sells as large a share of the rest
        online, at the same mean price less fee, as all did.
        """
        sold, earned, fed, curtailed = self.sales[0] + self.sales[1]
        spare = sold + fed + curtailed
        online, rest = self.feed_in, self.feed_in
        if spare > 0:
            online, rest = (earned + fed * self.feed_in) / spare, (sold + fed) / spare * self.feed_in
        by_row = np.where(self.population.members.strategy != NO_CONSENT, online, rest)
        return np.asarray(by_row[self.population.rows])

    def appraise(self, model: Simulation, days: NDArray[np.int64], weights: Floats) -> None:
        """Set what each technology would save each member in a year, beside the devices that it has.

        Parameters
        ----------
        model : Simulation
            The run.
        days : ndarray of int64, shape (k,)
            Simulated days of a year.
        weights : ndarray of float64, shape (k,)
            Days that each stands for [d].
        """
        population, members = self.population, self.population.members
        has_pv = members.pv_annual_kwh > 0
        pv = np.where(has_pv, members.pv_annual_kwh, self.pv_kwh[members.number]).astype(np.float32)
        kwh = np.float32(population.terms.storage_kwh)
        battery = np.where(members.battery_kwh == 0, kwh, members.battery_kwh).astype(np.float32)
        cases = {"base": members}
        if {"pv", "storage"} & set(self.technologies):
            cases["pv"] = members._replace(pv_annual_kwh=pv)
        if "storage" in self.technologies:  # beside PV, which who has none yet may have by then
            cases["storage"] = cases["pv"]._replace(battery_kwh=battery)
        found = years_of_meter(population, model.calendar, days, weights, list(cases.values()))
        by_case = {
            name: YearOfMeter(*(column[population.rows] for column in (year.paid, year.withdrawn, year.injected)))
            for name, year in zip(cases, found, strict=True)
        }
        base, price = by_case["base"], self.export_price
        for name, terms in self.technologies.items():
            if name in by_case:
                without, other = by_case["pv" if name == "storage" else "base"], by_case[name]
                self.saved[name] = without.paid - other.paid + (other.injected - without.injected) * price
            elif isinstance(terms, UnitAdoption):
                mean = base.paid / np.maximum(base.withdrawn, 1e-9)
                self.saved[name] = terms.fuel_saved_per_year - terms.kwh_per_year * mean

    def may(self, name: str) -> NDArray[np.bool_]:
        """Return who may adopt a technology: batteries are for those with PV."""
        if name == "storage":
            return owns(self.population, "pv")
        return np.ones(len(self.population), dtype=bool)

    def price(self, name: str, now: float) -> Floats:
        """Return what each member would pay at a time [a], the subsidy not subtracted, shape (n,) [currency]."""
        return np.asarray(self.cost[name] * (1 + self.technologies[name].cost_change_per_year) ** now)

    def worth(self, name: str, now: float) -> tuple[Floats, Floats]:
        """Return net present value [currency] and payback period [a, infinite if never] at a time, shape (n,) each."""
        terms, saved = self.technologies[name], self.saved[name]
        paid = self.price(name, now) * (1 - terms.subsidy_share)
        value = saved * annuity_factor(terms.discount_rate, terms.lifetime_years) - paid
        return value, np.divide(paid, saved, out=np.full(paid.size, np.inf), where=saved > 0)

    def step(self, name: str, first: int, last: int) -> tuple[int, int]:
        """Let members decide on the days from `first` to before `last`; return what they and the government pay.

        Returns
        -------
        tuple of int
            [1e-6 currency]
        """
        terms, uptake, now = self.technologies[name], self.uptakes[name], first / N_DAYS
        value, payback = self.worth(name, now)
        price = self.price(name, now)
        worth = value / (price * (1 - terms.subsidy_share))
        old = uptake.worn_out(now, terms.lifetime_years)
        years = (last - first) / N_DAYS
        new = uptake.step(first, now, years, self.may(name), worth, payback, self.green)
        if new.size:
            acquire(self.population, name, new)
        micro = to_micro(price[np.concatenate([old, new])], name)
        shared = np.rint(micro * terms.subsidy_share).astype(np.int64)
        return int((micro - shared).sum()), int(shared.sum())

    def row(self, name: str, days: int) -> dict[str, Any]:
        """Return what the table says of a technology at the end of a month.

        Parameters
        ----------
        name : str
            Technology.
        days : int
            Days since the start of the run.
        """
        terms, uptake, n = self.technologies[name], self.uptakes[name], len(self.population)
        value, _ = self.worth(name, days / N_DAYS)
        waiting = self.may(name) & ~uptake.adopted
        paid = self.price(name, days / N_DAYS)[waiting].sum() * (1 - terms.subsidy_share)
        saved = self.saved[name][waiting].sum()
        exact = np.nan
        if isinstance(uptake.model, Bass):
            start = self.start[name] / n
            exact = float(bass_share(days / N_DAYS, uptake.model.innovation, uptake.model.imitation, start))
        count, before = uptake.count, self.reported[name]
        self.reported[name] = count
        return {
            "population": self.population.name,
            "technology": name,
            "adopters": count,
            "share": count / n,
            "new": count - before,
            "mean_npv": float(value[waiting].mean()) if waiting.any() else np.nan,
            "mean_payback": float(paid / saved) if saved > 0 else np.nan,
            "bass_share": exact,
        }


class AdoptionRounds:
    """All that spreads in a run; takes part in the closing of each simulated day.

    Parameters
    ----------
    model : Simulation
        The run, whose scenario has `adoption` and perhaps `social_graph`.
    """

    def __init__(self, model: Simulation) -> None:
        scenario = model.scenario
        terms, market = scenario.adoption, scenario.market
        assert terms is not None  # nobody asks for adoption otherwise
        self.adopters = []
        for population in model.parts.populations:
            if population.name in terms.populations:
                graph = None
                if scenario.social_graph is not None:
                    ties = scenario.social_graph
                    graph = small_world(
                        len(population), population.streams, population.name, ties.degree, ties.rewiring
                    )
                prices = scenario.tariffs.feed_in.price_per_kwh, market.fee_seller_per_kwh
                self.adopters.append(Adopters(population, terms.technologies, graph, *prices))
        self.year = -1
        self.done = 0
        self.due: defaultdict[str, int] = defaultdict(int)

    def close(self, model: Simulation, record: DayRecord) -> None:
        """Let members decide on the days up to the next simulated one, week by week.

        Parameters
        ----------
        model : Simulation
            The run.
        record : DayRecord
            The day that closes.
        """
        if record.day.year != self.year:
            for group in self.adopters:
                group.begin_year()
        by_name = {entry.population.name: entry for entry in record.populations}
        for group in self.adopters:
            group.note_sales(by_name[group.population.name], record.weight)
        if record.day.year != self.year:
            self.year = record.day.year
            self._appraise(model)
        calendar = model.calendar
        later = calendar.simulated[bisect_right(calendar.simulated, record.day.index) :]
        until = later[0] if later else calendar.total
        while self.done < until:
            last = self.done + 1
            month = calendar.day(self.done).month_index
            while last < until and last - self.done < STEP_DAYS and calendar.day(last).month_index == month:
                last += 1
            self._step(last)
            if last == calendar.total or calendar.day(last).month_index != month:
                self._report(model, last)
            self.done = last
        self._pay(model, record)

    def _appraise(self, model: Simulation) -> None:
        """Appraise a year, the one that begins, by the days that are simulated of it."""
        horizon, n_days = model.parts.horizon, model.calendar.days
        chosen = horizon.days // n_days == self.year
        weights = horizon.weights[chosen] * (N_DAYS / horizon.weights[chosen].sum())
        for group in self.adopters:
            group.appraise(model, horizon.days[chosen], weights)

    def _step(self, last: int) -> None:
        for group in self.adopters:
            for name in group.technologies:
                own, shared = group.step(name, self.done, last)
                self.due[group.population.name] += own
                self.due["government"] += shared

    def _pay(self, model: Simulation, record: DayRecord) -> None:
        """Post what is due to vendors: of a day that stands for others its part, and what does not divide, later."""
        for payer in list(self.due):
            amount, self.due[payer] = divmod(self.due[payer], record.weight)
            model.ledger.post(record.day.index, payer, "outside", ACCOUNT, amount, BUSINESS_MODEL)

    def _report(self, model: Simulation, last: int) -> None:
        day = model.calendar.day(last - 1)
        rows = [group.row(name, last) for group in self.adopters for name in group.technologies]
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        when = {"year": [day.year + 1] * len(rows), "month": [day.date.month] * len(rows)}
        model.recorder.append("adoption", {**when, **columns}, keep=True)
