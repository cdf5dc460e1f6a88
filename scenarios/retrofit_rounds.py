"""Month ends at which firms have themselves audited, and save energy under a contract or not (model.md A2.2, D1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from gridagora.agents.choice import choose
from gridagora.agents.customers import incomes
from gridagora.agents.retrofit import (
    CONTRACTS,
    SELF_INVESTED,
    ContractTerms,
    Measure,
    contract_chances,
    contract_dues,
    contract_values,
    true_saving,
)
from gridagora.markets.strategies.draws import Draws
from gridagora.sim.ledger import to_micro

if TYPE_CHECKING:
    from gridagora.agents.firms import Firms
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.simulation import Simulation

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Accounts of the ledger: what vendors get, and what firms and their service company owe each other by contract.
INVESTMENT, DUES = "investment", "energy_service"
#: The service company, and the business model, which keeps all of it out of the bills.
COMPANY, BUSINESS_MODEL = "esco", "retrofit"
DAYS_A_YEAR = 365.0


class RetrofitRound:
    """Which firms of a population save energy.

    What is due under a contract is fixed when it is signed: the true saving times the yearly bill of that time. No
    contract ends within a run of days in a row, which is a year at most.

    Parameters
    ----------
    population : Firms
        With the section `retrofit`.

    Attributes
    ----------
    contract : ndarray of int64, shape (n,)
        Number of each firm's contract in `CONTRACTS`, by row; 0 without one.
    dues : ndarray of float64, shape (n,)
        What each firm owes the service company, negative where it is owed [currency/yr].
    """

    def __init__(self, population: Firms) -> None:
        terms = population.terms.retrofit
        self.population, self.terms = population, terms
        offered = terms.contract
        self.contracts = ContractTerms(
            offered.term_years, offered.customer_share, offered.guarantee, offered.bonus, offered.fee, offered.discount
        )
        self.draws = Draws(population.streams.seed, population.name)
        self.number = population.members.number.astype(np.int64)
        self.capital = terms.capital_months * incomes(population)
        n = self.number.size
        estimate, self.luck = self.draws.uniforms("retrofit", self.number, draws=2)
        self.estimate: FloatArray = terms.saving_min + (terms.saving_max - terms.saving_min) * estimate
        self.contract, self.dues = np.zeros(n, np.int64), np.zeros(n)
        self.billed, self.billed_days = np.zeros(n, np.int64), 0
        self.months, self.days = 0, 0

    def close(self, model: Simulation, record: DayRecord) -> None:
        """At the end of a month settle what is due by contract, and let audited firms decide if it is time.

        Parameters
        ----------
        model : Simulation
            The run.
        record : DayRecord
            The day.
        """
        self.days += 1
        if not record.day.is_month_end:
            return
        day, name = record.day.index, self.population.name
        micro = to_micro(self.dues * (self.days / DAYS_A_YEAR), DUES)
        model.ledger.post_array(day, name, COMPANY, DUES, micro, BUSINESS_MODEL)
        due = np.asarray(np.bincount(self.contract, micro / 1e6, len(CONTRACTS)), np.float64)
        self.billed += self.population.billing.last_bills
        self.billed_days += self.days
        self.months, self.days = self.months + 1, 0
        counted = np.zeros((4, len(CONTRACTS)))
        if self.months % self.terms.every_months == 0 and day < model.calendar.simulated[-1]:
            counted = self._decide(model, record)
            self.billed[:], self.billed_days = 0, 0
        self._note(model, record, due, counted)

    def _decide(self, model: Simulation, record: DayRecord) -> FloatArray:
        """Let audited firms sign; return by contract who did, what it costs, should save and saves, shape (4, 5)."""
        terms, population = self.terms, self.population
        drawn, pick = self.draws.uniforms("retrofit decision", self.number, self.months, 2)
        bill = self.billed / 1e6 * (DAYS_A_YEAR / self.billed_days)
        rows = np.flatnonzero((drawn < terms.audit_share) & (self.contract == 0) & (bill > 0))
        if not rows.size:
            return np.zeros((4, len(CONTRACTS)))
        saving, bill = self.estimate[rows], bill[rows]
        annual = population.members.annual_kwh[rows].astype(np.float64)
        invested = terms.cost_per_kwh_saved * saving * annual
        measure = Measure(invested, bill, saving, np.full(rows.size, terms.deviation), terms.life_years)
        values = contract_values(measure, self.contracts, terms.discount_rate)
        weights = {"sensitivity": terms.sensitivity, "aversion": terms.risk_aversion}
        chosen = choose(contract_chances(*values, invested, self.capital[rows], **weights), pick[rows])
        saved = true_saving(saving, terms.performance_gap, terms.deviation, ndtri(self.luck[rows]))
        self.contract[rows] = chosen
        self.dues[rows] = contract_dues(chosen, saved * bill, saving * bill, invested, bill, self.contracts)
        signed = chosen > 0
        population.save(rows[signed], saved[signed])
        micro = to_micro(invested, INVESTMENT)
        own = np.isin(chosen, SELF_INVESTED)
        for payer, theirs in ((population.name, own), (COMPANY, signed & ~own)):
            model.ledger.post(record.day.index, payer, "outside", INVESTMENT, int(micro[theirs].sum()), BUSINESS_MODEL)
        weighed = (np.ones(rows.size), micro / 1e6, saving * annual, saved * annual)
        found = np.array([np.bincount(chosen, weight, len(CONTRACTS)) for weight in weighed], np.float64)
        found[1:, 0] = 0.0  # who signs nothing neither pays nor saves
        return found

    def _note(self, model: Simulation, record: DayRecord, due: FloatArray, counted: FloatArray) -> None:
        kinds = len(CONTRACTS)
        chosen, investment, expected, saved = counted
        model.recorder.append(
            "retrofits",
            {
                "month": np.full(kinds, record.day.month_index),
                "population": [self.population.name] * kinds,
                "contract": list(CONTRACTS),
                "firms": np.bincount(self.contract, minlength=kinds),
                "chosen": chosen.astype(np.int64),
                "investment": investment,
                "expected_saving_kwh": expected,
                "true_saving_kwh": saved,
                "due": due,
            },
            keep=True,
        )
