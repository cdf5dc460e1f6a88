"""Month ends at which some members do not pay: arrears, late payment and bad debt in the books (model.md A2.5, B10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.arrears import collect
from gridagora.agents.customers import incomes
from gridagora.agents.firm_behaviour import CreditProcess
from gridagora.markets.strategies.draws import Draws
from gridagora.sim.metrics import DAYS_PER_MONTH

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.simulation import Simulation
    from gridagora.sim.ledger import Ledger

IntArray = NDArray[np.int64]

#: Business model of the postings, so that lending does not count as a lower bill.
CREDIT = "credit"


class CreditRound:
    """Who of a population pays its bills in time.

    A bill is posted as it grows, to all whom it pays. What a member then does not pay, its supplier lends: account
    `arrears`. What is paid later comes back as `arrears_paid`; a default settles the whole debt, and the supplier
    gives its loss back as `bad_debt`. So `arrears` less `arrears_paid` is what is owed, at any time.

    Parameters
    ----------
    population : Population
        With the section `credit`.

    Attributes
    ----------
    arrears : ndarray of int64, shape (n,)
        What each member owes [1e-6 currency].
    """

    def __init__(self, population: Population) -> None:
        terms, members = population.terms.credit, population.members
        self.population, self.terms = population, terms
        self.process = CreditProcess(
            terms.persistence,
            terms.shock,
            terms.sector_shock,
            terms.burden,
            terms.default_months,
            terms.loss_share,
        )
        self.draws = Draws(population.streams.seed, population.name)
        self.number = members.number.astype(np.int64)
        self.sector = members.profile.astype(np.int64)
        self.income = incomes(population)
        n = self.number.size
        spread = np.hypot(terms.shock, terms.sector_shock) / np.sqrt(1.0 - terms.persistence**2)
        self.solvency = spread * population.streams.normals("first solvency", population.name, n)[self.number]
        self.threshold = np.full(n, np.nan)
        self.arrears, self.unpaid_months = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.days = 0

    def close(self, model: Simulation, record: DayRecord) -> None:
        """Collect the bills of a month that ends."""
        self.days += 1
        if not record.day.is_month_end:
            return
        population = self.population
        bills = np.maximum(population.billing.last_bills, 0)
        share = bills / 1e6 * (DAYS_PER_MONTH / self.days) / self.income
        if np.isnan(self.threshold[0]):
            self._settle_in(share)
        self.solvency = self.process.step(
            self.solvency, share, self.sector, self.number, self.draws, record.day.month_index
        )
        result = collect(
            self.process,
            self.solvency,
            self.threshold,
            bills,
            self.arrears,
            self.unpaid_months,
            self._in_advance()[population.members.offer],
        )
        self.arrears, self.unpaid_months = result.arrears, result.unpaid_months
        by_supplier = {}
        for supplier, theirs in self._customers().items():
            sums = [int(amounts[theirs].sum()) for amounts in (result.lent, result.settled, result.lost)]
            self._post(model.ledger, record.day.index, supplier, *sums)
            by_supplier[supplier] = (theirs, sums)
        model.recorder.append(
            "arrears",
            {
                "month": np.full(len(by_supplier), record.day.month_index),
                "population": [population.name] * len(by_supplier),
                "supplier": list(by_supplier),
                "billed": np.array([int(bills[theirs].sum()) for theirs, _ in by_supplier.values()]) / 1e6,
                "lent": np.array([sums[0] for _, sums in by_supplier.values()]) / 1e6,
                "settled": np.array([sums[1] for _, sums in by_supplier.values()]) / 1e6,
                "bad_debt": np.array([sums[2] for _, sums in by_supplier.values()]) / 1e6,
                "owed": np.array([int(self.arrears[theirs].sum()) for theirs, _ in by_supplier.values()]) / 1e6,
                "in_arrears": np.array([int((self.arrears[theirs] > 0).sum()) for theirs, _ in by_supplier.values()]),
                "defaults": np.array([int(result.defaulted[theirs].sum()) for theirs, _ in by_supplier.values()]),
            },
            keep=True,
        )
        self.days = 0

    def _settle_in(self, share: NDArray[np.float64]) -> None:
        """Take the first bill for a usual one: it sets where members begin and whom a bill overtaxes."""
        self.threshold = self.process.threshold(np.full(share.size, self.terms.unpaid_share), share)
        self.solvency = self.solvency - self.process.burden * share / (1.0 - self.process.persistence)

    def _in_advance(self) -> NDArray[np.bool_]:
        return np.array([offer.tariff.payment.method == "prepayment" for offer in self.population.offers])

    def _customers(self) -> dict[str, NDArray[np.bool_]]:
        """Return who is supplied by whom, in the order of the offers."""
        suppliers = [offer.supplier for offer in self.population.offers]
        of = self.population.members.offer
        return {name: np.array([name == each for each in suppliers])[of] for name in dict.fromkeys(suppliers)}

    def _post(self, ledger: Ledger, day: int, supplier: str, lent: int, settled: int, lost: int) -> None:
        name = self.population.name
        ledger.post(day, supplier, name, "arrears", lent, CREDIT)
        ledger.post(day, name, supplier, "arrears_paid", settled, CREDIT)
        ledger.post(day, supplier, name, "bad_debt", lost, CREDIT)
