"""One business model at work: contracts are settled at each bill, and end, default or are left (model.md D0)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from gridagora.agents.business_models.contracts import DEFAULTED, ENDED, LEFT, RUNNING, Contracts
from gridagora.agents.business_models.financing import upfront_flows, yearly_flows
from gridagora.agents.business_models.frame import (
    CUSTOMER,
    PROVIDER,
    Bools,
    BusinessModel,
    Floats,
    Flow,
    Ints,
    Meters,
    Quantities,
)
from gridagora.agents.business_models.life import Partners
from gridagora.sim.ledger import to_micro

if TYPE_CHECKING:
    from gridagora.scenarios.business_view import Watch
    from gridagora.sim.ledger import Ledger

#: A contract's year is over within so much of it [a].
YEAR_ENDS = 1e-6
#: Effects of what a provider does, not of what it has installed.
SERVICES = ("managed", "awareness")


class Operation:
    """One business model: its contracts, and what is due.

    Parameters
    ----------
    terms : BusinessModel
        The terms.
    watch : Watch
        Of the population whose members are its customers.
    partners : Partners
        Lender and insurer.

    Attributes
    ----------
    contracts : Contracts
        Signed so far.
    due : dict
        What is still to be posted, by payer, payee and account [1e-6 currency].
    counts : dict
        What has happened since the last report: eligible, reached, signed and others.
    """

    def __init__(self, terms: BusinessModel, watch: Watch, partners: Partners) -> None:
        self.terms, self.watch, self.partners = terms, watch, partners
        self.contracts = Contracts()
        self.due: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self.counts: defaultdict[str, int] = defaultdict(int)
        self.bills = 0
        self.sales = 0  # by the vendor since the last posting [1e-6 currency]

    @property
    def name(self) -> str:
        """Name in the books."""
        return self.terms.title

    def party(self, role: str) -> str:
        """Return the party of the books that plays a role."""
        return {CUSTOMER: self.watch.population.name, PROVIDER: self.terms.provider}.get(role, role)

    def sign(self, rows: Ints, day: int, agreed: Quantities, true: Quantities) -> None:
        """Sign contracts from a day on, and book what is paid at once."""
        contracts = self.contracts
        places = contracts.sign(rows, self.watch.number[rows], day, agreed, true)
        for flow in upfront_flows(self.terms, agreed):
            if not flow.metered:
                self._book(flow, places, self._micro(flow, flow.amount), day)
        self.counts["signed"] += places.size

    def settle(self, day: int, years: float) -> None:
        """Settle the time since the last bill.

        Parameters
        ----------
        day : int
            The day of the bill.
        years : float
            Length of that time [a].
        """
        contracts, terms = self.contracts, self.terms
        self.bills += 1
        if not len(contracts):
            return
        running = contracts.valid(day)
        broke = running[
            self._chance(running, "default", self.watch.default_per_year(terms.risk.default_per_year), years)
        ]
        contracts.end(broke, day, DEFAULTED)
        self.counts["defaulted"] += broke.size
        # Flows count at the end of a contract's year, with its prices.
        prices = (1 + terms.finance.inflation) ** (contracts.age + 1)
        lost = {name: column[broke] for name, column in contracts.true.items()}
        for flow in terms.at_default(lost, self._age()[broke]) if broke.size else ():
            self._book(flow, broke, self._micro(flow, flow.amount * prices[broke]), day)
        # Who has defaulted or left pays no more; what a provider owes its bank stays.
        bound = np.flatnonzero(contracts.status != ENDED)
        flows = self._flows(bound, years)
        pays = contracts.status[bound] == RUNNING
        if len(contracts.posted) < len(flows):
            contracts.posted = np.zeros((len(flows), len(contracts)), np.int64)
        contracts.elapsed[contracts.status == ENDED] += years  # what they have left behind ages on
        elapsed = contracts.elapsed[bound]
        for place, flow in enumerate(flows):
            amount = np.broadcast_to(flow.amount, bound.size) * elapsed * (1.0 if flow.nominal else prices[bound])
            owed = self._micro(flow, amount)
            grown = owed - contracts.posted[place, bound]
            contracts.posted[place, bound] = owed
            if not flow.stays:
                grown = np.where(pays, grown, 0)
            contracts.benefit[bound] += grown / 1e6 * ((flow.payee == CUSTOMER) - (flow.payer == CUSTOMER))
            if not flow.metered:
                self._book(flow, bound, grown, day)
        self._turn_year(bound, day)

    def _micro(self, flow: Flow, amount: Floats) -> Ints:
        return to_micro(amount, f"{self.terms.title}: {flow.account}")

    def _flows(self, bound: Ints, years: float) -> list[Flow]:
        """Return the flows of the present contract years, by what is realised of them so far [currency/a]."""
        contracts, terms = self.contracts, self.terms
        true = {name: column[bound] for name, column in contracts.true.items()}
        age = contracts.age[bound] + contracts.elapsed[bound]
        realised = terms.realised(true, self.meters(bound, true, age, years), age)
        if terms.finance.damage_per_year > 0:
            damaged = np.zeros(bound.size)
            damaged[self._chance(bound, "damage", np.full(len(contracts), terms.finance.damage_per_year), years)] = 1.0
            realised = {**realised, "damaged": damaged / years}
        contracts.elapsed[bound] += years
        mean = {}
        for name, value in realised.items():
            total = contracts.sums.setdefault(name, np.zeros(len(contracts)))
            total[bound] += value * years
            mean[name] = total[bound] / contracts.elapsed[bound]
        return yearly_flows(terms, mean, contracts.age[bound], self.partners.bank, self.partners.insurer)

    def meters(self, places: Ints, true: Quantities, age: Floats, years: float) -> Meters:
        """Return what meters say of contracts since the last bill, as yearly rates."""
        watch, rows = self.watch, self.contracts.row[places]
        effect, offer = self.terms.effect(true, age), watch.population.members.offer[rows]
        withdrawn, injected, generated = watch.energies[:, rows] / years
        zero = np.zeros(rows.size)
        return Meters(
            years=years,
            withdrawn_kwh=withdrawn,
            injected_kwh=injected,
            generated_kwh=generated,
            bill=watch.bill[rows] / years,
            price_per_kwh=watch.price[offer],
            saved_share=np.broadcast_to(effect.get("saved_share", zero), rows.size),
            added_kwh=np.broadcast_to(effect.get("added_kwh", zero), rows.size),
            shed_kwh=watch.shed[offer] * withdrawn,
            optimised_saving=watch.optimised[rows] / years,
        )

    def _turn_year(self, bound: Ints, day: int) -> None:
        """Begin the next year of contracts whose year is over; end those that are over, or whose customers leave."""
        contracts, terms = self.contracts, self.terms
        over = bound[contracts.elapsed[bound] >= 1 - YEAR_ENDS]
        if not over.size:
            return
        contracts.age[over] += 1
        contracts.elapsed[over] = 0.0
        contracts.posted[:, over] = 0
        for total in contracts.sums.values():
            total[over] = 0.0
        running = over[contracts.status[over] == RUNNING]
        ended = running[contracts.age[running] == terms.term_years]
        last = {name: column[ended] for name, column in contracts.true.items()}
        for flow in terms.at_end(last) if ended.size else ():
            amount = flow.amount * (1 + terms.finance.inflation) ** terms.term_years
            self._book(flow, ended, self._micro(flow, amount), day)
        contracts.end(ended, day, ENDED)
        unhappy = running[(contracts.age[running] < terms.term_years) & (contracts.benefit[running] < 0)]
        draw = self.watch.draws.uniforms(f"exit {self.name}", contracts.number[unhappy], self.bills)[0]
        left = unhappy[draw < terms.risk.exit_share]
        contracts.end(left, day, LEFT)
        contracts.benefit[over] = 0.0
        self.counts["ended"] += ended.size
        self.counts["left"] += left.size

    def _chance(self, places: Ints, concern: str, per_year: Floats, years: float) -> Ints:
        """Return to which of some contracts something happens within a time, as places in `places`."""
        hazard = per_year[self.contracts.row[places]] if concern == "default" else per_year[places]
        draw = self.watch.draws.uniforms(f"{concern} {self.name}", self.contracts.number[places], self.bills)[0]
        with np.errstate(divide="ignore"):
            return np.flatnonzero(draw < -np.expm1(years * np.log1p(-hazard)))

    def _book(self, flow: Flow, places: Ints, micro: Ints, day: int) -> None:
        """Note a flow under contracts; no customer pays without one that holds on the day."""
        contracts = self.contracts
        if CUSTOMER in (flow.payer, flow.payee):
            pays = (micro > 0) if flow.payer == CUSTOMER else (micro < 0)
            contracts.require_valid(places[pays], day)
            contracts.paid[places] += np.where(pays, np.abs(micro), 0)
            contracts.received[places] += np.where(pays, 0, np.abs(micro))
        payer, payee = self.party(flow.payer), self.party(flow.payee)
        self.sales += int(micro.sum()) * ((payee == "vendor") - (payer == "vendor"))
        self.due[payer, payee, flow.account] += int(micro[micro > 0].sum())
        self.due[payee, payer, flow.account] -= int(micro[micro < 0].sum())

    def post(self, ledger: Ledger, day: int, weight: int) -> None:
        """Post what is due: on a day that stands for others its part, and what does not divide, later."""
        for key in list(self.due):
            amount, self.due[key] = divmod(self.due[key], weight)
            ledger.post(day, *key, amount, self.name)

    def occupied(self, day: int, members: int) -> Bools:
        """Return whose asset is taken: bound beyond a day, or still with what a contract has installed; by row."""
        contracts = self.contracts
        taken = contracts.bound(day, members)
        taken[contracts.row[(contracts.status != LEFT) & (self._age() < self.terms.life_years)]] = True
        return taken

    def _age(self) -> Floats:
        return self.contracts.age + self.contracts.elapsed

    def effects(self) -> Quantities:
        """Return what the contracts do to members from now on, by place of contract; empty without contracts."""
        contracts, age = self.contracts, self._age()
        found = self.terms.effect(contracts.true, age) if len(contracts) else {}
        # What was installed remains until its life is over, or the customer has left.
        there = (age < self.terms.life_years) & (contracts.status != LEFT)
        served = contracts.status == RUNNING
        if self.terms.renews:
            there &= served | ~np.isin(contracts.row, contracts.row[served])
        return {name: np.where(served if name in SERVICES else there, value, 0.0) for name, value in found.items()}
