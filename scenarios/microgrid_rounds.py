"""Microgrids in a run: their plant's energy in the book, and at each bill who owes whom behind the connection (D6)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.business_models.contracts import Contracts
from gridagora.agents.business_models.financing import upfront_flows, yearly_flows
from gridagora.agents.business_models.frame import CUSTOMER, PROVIDER, Flow, Quantities
from gridagora.agents.business_models.life import Partners
from gridagora.agents.business_models.microgrid import Microgrid
from gridagora.agents.business_models.microgrid_terms import LINES
from gridagora.agents.microgrid_plant import CREDITORS, FLOWS, MicrogridPlant
from gridagora.markets.community.internal_tariff import Metered, internal_payments, share_gain
from gridagora.scenarios.microgrid_tables import bill_rows, day_rows, figures, line_rows, month_rows, share_rows
from gridagora.scenarios.schema import N_DAYS
from gridagora.sim.contracts import Contract
from gridagora.sim.ledger import to_micro

if TYPE_CHECKING:
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.microgrid_founding import Founding
    from gridagora.scenarios.simulation import Simulation

Floats = NDArray[np.float64]
#: Account on which a vendor pays outside for what it sells.
COST_OF_SALES = "cost_of_sales"
#: Accounts of the charges on power.
POWER = ("capacity_charge", "standby_charge")


class Noted(NamedTuple):
    """What a bill needs of a day.

    Attributes
    ----------
    metered : Metered
        Meters of groups and plant.
    energy : float
        Cost of imports without network and levy, standing charge included [currency].
    fuel_kwh, own_kwh, heat_kwh, cold_kwh : float
        Fuel burnt, generation of the plant, heat and cold served [kWh].
    """

    metered: Metered
    energy: float
    fuel_kwh: float
    own_kwh: float
    heat_kwh: float
    cold_kwh: float


class _Together:
    """Members who default are for the operator to find, not for its risk."""

    @staticmethod
    def default_per_year(_mean: float) -> Floats:
        return np.zeros(1)


class MicrogridRound:
    """One microgrid in a run, which reads like a business model at work that has one contract.

    Parameters
    ----------
    model : Simulation
        The run, built.
    founding : Founding
        The microgrid.
    plant : MicrogridPlant
        Its plant.

    Attributes
    ----------
    members : dict of Contracts
        Who is a member from when to when, by population.
    contracts : Contracts
        One: the microgrid itself, as its operator expected it and as it has been.
    sums : dict of ndarray of float64, shape (1,)
        Quantities of the microgrid so far, not per year but as they were.
    shared : ndarray of float64, shape (3, groups + 1)
        Of each group, and last the plant: bill by itself, Shapley value, payment inside so far [currency].
    values : ndarray of float64, shape (2^(groups + 1),)
        Game of groups and plant so far [currency].
    physical : dict
        Energies of the table `microgrid_days`, summed [kWh].
    by_line : dict of ndarray of float64, shape (3,)
        Fees, costs and hours of each line so far [currency, currency, h].
    """

    def __init__(self, model: Simulation, founding: Founding, plant: MicrogridPlant) -> None:
        self.terms, self.founding, self.plant = founding.terms, founding, plant
        self.groups, self.name, self.watch = founding.groups, founding.terms.title, _Together()
        others = model.scenario.counterparties
        self.partners, self.margin = Partners(others.bank, others.insurer), others.vendor.margin
        self.members, self.contracts = self._sign(model), Contracts()
        one = np.zeros(1, np.int64)
        expected = dict(founding.expected)
        self.contracts.sign(one, one, model.calendar.simulated[0], expected, expected)
        n = len(self.groups) + 1
        self.sums: Quantities = Microgrid.quantities(members=np.zeros(1))
        del self.sums["capex"]  # it was agreed
        self.shared, self.values = np.zeros((3, n)), np.zeros(1 << n)
        self.physical: defaultdict[str, float] = defaultdict(float)
        self.by_line = {name: np.zeros(3) for name in LINES}
        self.days: list[Noted] = []
        self.years, self.bills, self.power = 0.0, 0, 0.0  # charges on power and standby so far [currency]
        self.due: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        for flow in upfront_flows(self.terms, founding.expected):
            self._owe(flow, 1.0, model.calendar.simulated[0])

    def _sign(self, model: Simulation) -> dict[str, Contracts]:
        first = model.calendar.simulated[0]
        members: dict[str, Contracts] = {}
        for group in self.groups:
            contracts = members.setdefault(group.population.name, Contracts())
            one = {"members": np.ones(group.rows.size)}
            contracts.sign(group.rows, group.population.members.number[group.rows].astype(np.int64), first, one, one)
        for name, contracts in members.items():
            terms = {"members": len(contracts), "rule": self.terms.tariff.rule, "term_years": self.terms.term_years}
            entry = Contract(f"{self.name}:{name}", "microgrid", name, self.terms.provider, first, None, terms, False)
            model.contracts.add(entry)
        return members

    def close(self, model: Simulation, record: DayRecord) -> None:
        """Book the plant's wind and cogeneration; at a bill settle what members, operator and grid owe each other.

        Parameters
        ----------
        model : Simulation
            The run.
        record : DayRecord
            The day.
        """
        plant, day = self.plant, record.day.index
        for kind in plant.fuels:
            model.energy.add(day, model.parts.area.area, f"generation_{kind}", plant.flows[FLOWS.index(kind)].copy())
        model.energy.add(day, model.parts.area.area, "consumption", plant.burnt.copy())
        self._note(model, record)
        if record.day.is_month_end or not model.parts.horizon.is_whole:
            self._settle(model, record)
        for key in list(self.due):
            amount, self.due[key] = divmod(self.due[key], record.weight)
            model.ledger.post(day, *key, amount, self.name)
        if day == model.calendar.simulated[-1]:
            model.recorder.append("microgrid_lines", line_rows(self), keep=True)
            model.recorder.append("microgrid_shares", share_rows(self), keep=True)
            model.recorder.append("microgrid", figures(self, model.scenario.currency), keep=True)

    def _note(self, model: Simulation, record: DayRecord) -> None:
        """Take note of a day's meters, and of what an outage on it would have cost."""
        plant, terms = self.plant, self.terms
        entry = next(each for each in record.populations if each.population is plant)
        energy = entry.plan.energy_price[0]
        buy, sell = plant.retail(entry.plan.energy_price)[0], np.full(energy.size, terms.connection.export_per_kwh)
        metered = Metered(plant.withdrawn / 1e6, plant.injected / 1e6, plant.net / 1e6, buy, sell)
        cost = np.maximum(metered.outside, 0) @ energy + plant.offers[0].tariff.standing_per_day
        noted = Noted(
            metered,
            float(cost),
            float(plant.dispatch.fuel_kwh(terms.equipment).sum()),
            float(plant.flows[: FLOWS.index("discharge")].sum() / 1e6),
            float(plant.day.heat.sum()),
            float((plant.day.cold - plant.dispatch.cold_unserved_kwh).sum()),
        )
        self.days.append(noted)
        start = int(plant.streams.uniforms("microgrid outage", plant.name, 1, day=record.day.index)[0] * energy.size)
        rows = day_rows(self, record, noted, plant.site.island(plant.day, plant.dispatch, start))
        for name, value in rows.items():
            if name != "day":
                self.physical[name] += record.weight * float(value[0])
        model.recorder.append("microgrid_days", rows, keep=True)

    def _settle(self, model: Simulation, record: DayRecord) -> None:
        """Settle the time since the last bill: all its days, or one day that stands for others."""
        plant, day, once = self.plant, record.day.index, len(self.days) / N_DAYS
        years = record.weight * once
        members, total = self._quantities(once, record.weight)
        between = self.terms.member_flows(members)
        for flow in between:
            self._owe(flow, years, day)
        q = {**self.founding.expected, **total}
        age = np.array([int(self.years + 1e-9)])
        flows = yearly_flows(self.terms, q, age, self.partners.bank, self.partners.insurer)
        for flow in flows[len(between) :]:
            self._owe(flow, years, day)
        for place, creditor in enumerate(CREDITORS):
            self._book(creditor, plant.name, "netting", int(plant.charges[-1, place]) * record.weight)
        self._book(plant.name, CREDITORS[0], "netting", int(plant.feed_in[-1]) * record.weight)
        self.years += years
        self.power += years * sum(float(flow.amount[0]) for flow in flows if flow.account in POWER)
        for name in self.sums:
            self.sums[name] = self.sums[name] + total[name] * years
        realised = {name: value / self.years for name, value in self.sums.items()}
        self.contracts.true = {**self.founding.expected, **realised}
        fees, costs = self.terms.line_fees(total), self.terms.line_costs(total)
        for name in LINES:
            hours = self.terms.hours(total, name)
            self.by_line[name] += np.array([fees[name][0], costs[name][0], hours[0]]) * years
        model.recorder.append("microgrid_bills", bill_rows(self, record, members, between, years), keep=True)
        self.bills += 1
        model.recorder.append("business_months", month_rows(self, day), keep=True)
        self.days.clear()
        plant.peak_kw = 0.0

    def _quantities(self, once: float, weight: int) -> tuple[Quantities, Quantities]:
        """Return what was metered as yearly rates, of each group and of the microgrid.

        Parameters
        ----------
        once : float
            Length of the days noted [a].
        weight : int
            How often they count.
        """
        plant, rule, n = self.plant, self.terms.tariff, len(self.groups)
        metered = Metered(
            *(np.concatenate(parts, axis=-1) for parts in zip(*(d.metered for d in self.days), strict=True))
        )
        charges, feed_in, classes = plant.charges[:n] / 1e6, plant.feed_in[:n] / 1e6, np.arange(n)
        shares = (rule.discount_share, rule.feed_in_bonus_share)
        internal = internal_payments(rule.rule, metered, charges.sum(axis=1), feed_in, *shares, classes)
        game = share_gain(metered, classes, n)
        self.shared[:2] += weight * np.stack([game.alone, game.gain])
        self.shared[2, :n] += weight * internal
        self.values += weight * game.values
        withdrawn = metered.withdrawn.sum(axis=1)
        part = np.divide(withdrawn, withdrawn.sum(), out=np.full(n, 1 / n), where=withdrawn.sum() > 0)
        energy, fuel, own, heat, cold = np.sum([day[1:] for day in self.days], axis=0)
        members = Microgrid.quantities(
            members=np.array([float(group.rows.size) for group in self.groups]),
            withdrawn_kwh=withdrawn / once,
            market_supplier=(charges[:, 0] - feed_in) / once,
            market_grid=charges[:, 1] / once,
            market_government=charges[:, 2] / once,
            internal=internal / once,
            heat_kwh=part * heat / once,
            cold_kwh=part * cold / once,
        )
        taken, left = np.maximum(metered.outside, 0).sum(), np.maximum(-metered.outside, 0).sum()
        tariff = plant.offers[0].tariff
        total = {name: np.array([value.sum()]) for name, value in members.items() if name in self.sums}
        total |= {"operators": np.ones(1), "peak_kw": np.array([plant.peak_kw])}
        for name, amount in (
            ("pcc_energy", energy),
            ("pcc_network", taken * tariff.network_per_kwh),
            ("pcc_levy", taken * tariff.levy_per_kwh),
            ("pcc_export", left * self.terms.connection.export_per_kwh),
            ("fuel", fuel * self.terms.heat.fuel_per_kwh),
            ("own_kwh", own),
        ):
            total[name] = np.array([amount / once])
        return members, total

    def _owe(self, flow: Flow, years: float, day: int) -> None:
        """Note a flow of some time; members pay only where all of a population are bound on the day."""
        if flow.metered:
            return
        micro = to_micro(np.asarray(flow.amount) * years, f"{self.name}: {flow.account}").tolist()
        if CUSTOMER not in (flow.payer, flow.payee):
            other = {PROVIDER: self.terms.provider}
            self._book(other.get(flow.payer, flow.payer), other.get(flow.payee, flow.payee), flow.account, sum(micro))
            return
        for group, signed in zip(self.groups, micro, strict=True):
            name, amount = group.population.name, signed if flow.payer == CUSTOMER else -signed
            if amount > 0:
                contracts = self.members[name]
                contracts.require_valid(np.flatnonzero(np.isin(contracts.row, group.rows)), day)
            self._book(name, self.terms.provider, flow.account, amount)

    def _book(self, payer: str, payee: str, account: str, micro: int) -> None:
        """Note an amount, a negative one the other way round; a vendor pays outside what its sales cost."""
        if micro < 0:
            payer, payee, micro = payee, payer, -micro
        self.due[payer, payee, account] += micro
        if payee == "vendor":
            self.due["vendor", "outside", COST_OF_SALES] += round(micro * (1 - self.margin))


def microgrid_rounds(model: Simulation) -> list[MicrogridRound]:
    """Return a round for each microgrid that was founded.

    Parameters
    ----------
    model : Simulation
        The run, built.
    """
    plants = [each for each in model.parts.populations if isinstance(each, MicrogridPlant)]
    return [MicrogridRound(model, each, plant) for each, plant in zip(model.parts.microgrids, plants, strict=True)]


def microgrids_of(model: Simulation) -> list[Any]:
    """Return the microgrids at work in a run, as far as tables of business models read them."""
    return [each for each in model.parts.rounds if isinstance(each, MicrogridRound)]
