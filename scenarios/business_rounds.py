"""Business models in a run: at each bill contracts are settled, offers made and signed, and their effects felt (D0)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from gridagora.agents.business_models.contracts import DEFAULTED
from gridagora.agents.business_models.frame import Bools, BusinessModel, Ints
from gridagora.agents.business_models.learning import price_after
from gridagora.agents.business_models.lenders import GovernmentTerms
from gridagora.agents.business_models.life import Partners
from gridagora.agents.finance_house import Bank, Company, Insurer, Vendor
from gridagora.scenarios.business_effects import Effects
from gridagora.scenarios.business_offers import (
    Offer,
    appraise,
    decide,
    good_credit,
    in_segment,
    support,
    within_budget,
)
from gridagora.scenarios.business_operation import Operation
from gridagora.scenarios.business_view import Watch

if TYPE_CHECKING:
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.simulation import Simulation

#: Account on which a vendor pays outside for what it sells, and the business model of its postings.
COST_OF_SALES = "cost_of_sales"
MONTHS_A_YEAR = 12
COUNTS = ("eligible", "reached", "signed", "ended", "defaulted", "left")


class BusinessRounds:
    """All business models of a run that offer contracts.

    Parameters
    ----------
    model : Simulation
        The run, built.

    Attributes
    ----------
    operations : list of Operation
        One a business model, in the order of the scenario.
    """

    def __init__(self, model: Simulation) -> None:
        scenario = model.scenario
        self.counterparties, self.government = scenario.counterparties, scenario.government
        self.partners = Partners(self.counterparties.bank, self.counterparties.insurer)
        named = {population.name: population for population in model.parts.populations}
        offered = [_supported(terms, self.government) for terms in scenario.business_models if terms.is_offered]
        served = list(dict.fromkeys(terms.population for terms in offered))
        self.watches = {name: Watch(model, named[name]) for name in served}
        self.effects = {name: Effects(named[name]) for name in served}
        self.operations = [Operation(terms, self.watches[terms.population], self.partners) for terms in offered]
        self.sold = 0.0
        self.subsidised = 0.0
        self.months = 0
        self.years = 0.0
        if any(terms.channel.first_month == 0 for terms in offered):
            self._offer(model, model.calendar.simulated[0])
            self._post(model, model.calendar.simulated[0], model.parts.horizon.weight(model.calendar.simulated[0]))

    def close(self, model: Simulation, record: DayRecord) -> None:
        """Take note of a day; after its bills settle contracts, make offers and let both work from the next day on.

        Parameters
        ----------
        model : Simulation
            The run.
        record : DayRecord
            The day that closes.
        """
        for name, watch in self.watches.items():
            watch.note(record, self.effects[name].generates)
        whole = model.parts.horizon.is_whole
        if whole and not record.day.is_month_end:
            return
        day, years = record.day.index, 0.0
        for watch in self.watches.values():
            years = watch.close(record)
        self.years += years
        before, self.months = self.months, self.months + 1 if whole else round(self.years * MONTHS_A_YEAR)
        for operation in self.operations:
            operation.settle(day, years)
        if day != model.calendar.simulated[-1]:
            self._offer(model, day, before)
        self._post(model, day, record.weight)
        self._report(model, record)

    def _due(self, terms: BusinessModel, before: int | None) -> bool:
        """Return whether a round of offers has come between two months; the first is before the first day."""
        first, every = terms.channel.first_month, terms.channel.every_months
        if before is None or self.months < first:
            return before is None and first == 0
        return before < first or (self.months - first) // every > (before - first) // every

    def _offer(self, model: Simulation, day: int, before: int | None = None) -> None:
        by_asset: defaultdict[tuple[str, str], list[Operation]] = defaultdict(list)
        for operation in self.operations:
            by_asset[operation.terms.population, operation.terms.asset].append(operation)
        for (name, asset), operations in by_asset.items():
            due = [operation for operation in operations if self._due(operation.terms, before)]
            if due:
                self._round(model, day, name, asset, due, operations)
        for name, effects in self.effects.items():
            effects.apply([each for each in self.operations if each.terms.population == name])

    def _round(
        self, model: Simulation, day: int, name: str, asset: str, due: list[Operation], all_of_asset: list[Operation]
    ) -> None:
        """Offer contracts about one asset to the members of a population that have none."""
        watch = self.watches[name]
        n = len(watch.population)
        free = ~np.any([each.occupied(day, n) for each in all_of_asset], axis=0)
        reached = [self._reached(operation, free) for operation in due]
        rows = np.flatnonzero(np.any(reached, axis=0))
        if not rows.size:
            return
        offers = []
        for operation, heard in zip(due, reached, strict=True):
            customers = watch.customers(model, rows, operation.terms, self._vendor_price())
            fits = in_segment(operation.terms.segment, customers)
            share = operation.terms.segment.best_credit_share
            if share < 1:
                fits &= good_credit(share, watch.score(operation.terms))[rows]
            offer = Offer(operation.terms, customers, heard[rows] & fits)
            operation.counts["reached"] += int(heard.sum())
            appraise(offer, self.partners, model.scenario.seed)
            operation.counts["eligible"] += int(offer.may.sum())
            offers.append(offer)
        uniform = watch.draws.uniforms(f"business {asset}", watch.number[rows], self.months)[0]
        self._sign(due, offers, decide(offers, uniform), rows, day)

    def _reached(self, operation: Operation, free: Bools) -> Bools:
        channel, watch = operation.terms.channel, operation.watch
        aware = self.effects[operation.terms.population].awareness
        chance = 1 - (1 - channel.reach_share) * (1 - aware)
        draw = watch.draws.uniforms(f"reach {operation.name}", watch.number, self.months)[0]
        held = operation.contracts
        known = np.zeros(free.size, np.bool_)
        known[held.row[held.status == DEFAULTED]] = True  # nobody deals twice with who did not pay
        return np.asarray(free & ~known & (draw < chance))

    def _sign(self, due: list[Operation], offers: list[Offer], chosen: Ints, rows: Ints, day: int) -> None:
        """Sign what was chosen, as far as the government's budget pays the support that was promised."""
        wanted = np.zeros(rows.size)
        for place, offer in enumerate(offers):
            theirs = np.flatnonzero(chosen == place)
            if theirs.size:
                wanted[theirs] = support(offer, theirs)
        budget = self.government.subsidy_budget
        if budget is not None:
            order = np.argsort(due[0].watch.number[rows], kind="stable")
            chosen = np.where(within_budget(wanted, order, budget - self.subsidised), chosen, -1)
        self.subsidised += float(wanted[chosen >= 0].sum())
        for place, (operation, offer) in enumerate(zip(due, offers, strict=True)):
            theirs = np.flatnonzero(chosen == place)
            if theirs.size:
                agreed = {name: column[theirs] for name, column in offer.agreed.items()}
                true = operation.terms.truth(offer.customers.of(theirs), dict(agreed))
                operation.sign(rows[theirs], day, agreed, true)

    def _vendor_price(self) -> float:
        vendor = self.counterparties.vendor
        return float(price_after(self.sold, vendor.sold_before, vendor.progress_ratio))

    def _post(self, model: Simulation, day: int, weight: int) -> None:
        """Post what is due; the vendor pays outside what its sales cost."""
        margin = self.counterparties.vendor.margin
        for operation in self.operations:
            self.sold += operation.sales / 1e6
            cost = round(operation.sales * (1 - margin))
            payer, payee = ("vendor", "outside") if cost >= 0 else ("outside", "vendor")
            operation.due[payer, payee, COST_OF_SALES] += abs(cost)
            operation.sales = 0
            operation.post(model.ledger, day, weight)

    def _report(self, model: Simulation, record: DayRecord) -> None:
        if not self.operations:
            return
        model.recorder.append(
            "business_months",
            {
                "business_model": [operation.name for operation in self.operations],
                "population": [operation.terms.population for operation in self.operations],
                "month": np.full(len(self.operations), self.months),
                "day": np.full(len(self.operations), record.day.index),
                **{
                    name: np.array([operation.counts[name] for operation in self.operations], np.int64)
                    for name in COUNTS
                },
                "running": np.array(
                    [operation.contracts.valid(record.day.index + 1).size for operation in self.operations], np.int64
                ),
            },
            keep=True,
        )
        for operation in self.operations:
            operation.counts.clear()


def _supported(terms: BusinessModel, government: GovernmentTerms) -> BusinessModel:
    """Return terms with the government's incentive per tce where they leave it open."""
    if getattr(terms, "incentive_per_tce", 0.0) is not None:
        return terms
    return terms.model_copy(update={"incentive_per_tce": government.incentive_per_tce})


def join_counterparties(model: Simulation) -> None:
    """Let those with whom business models deal join the run as agents, where there are business models.

    Parameters
    ----------
    model : Simulation
        The run, built.
    """
    if not model.scenario.business_models:
        return
    terms, ledger = model.scenario.counterparties, model.parts.ledger
    if terms.bank is not None:
        Bank(model, "bank", ledger)
    if terms.insurer is not None:
        Insurer(model, "insurer", ledger)
    Vendor(model, "vendor", ledger)
    for name in terms.companies:
        Company(model, name, ledger)


def operations_of(model: Simulation) -> list[Operation]:
    """Return the business models at work in a run, in the order of the scenario.

    Parameters
    ----------
    model : Simulation
        The run.
    """
    return [each for part in model.parts.rounds if isinstance(part, BusinessRounds) for each in part.operations]


def business_rounds(model: Simulation) -> list[BusinessRounds]:
    """Return the round of the business models that offer contracts, or none.

    Parameters
    ----------
    model : Simulation
        The run, built.
    """
    join_counterparties(model)
    return [BusinessRounds(model)] if any(terms.is_offered for terms in model.scenario.business_models) else []
