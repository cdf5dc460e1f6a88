"""Year ends at which suppliers buy green certificates of contracts, or pay for those that lack (model.md A8, C10)."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from gridagora.agents.business_models.pv_investment import CERTIFICATES, ProviderOwned
from gridagora.agents.business_models.renewable_quota import QuotaMarket, QuotaYear
from gridagora.agents.columns import T_RETAIL
from gridagora.scenarios.business_rounds import operations_of

if TYPE_CHECKING:
    from gridagora.scenarios.business_operation import Operation
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.simulation import Simulation

#: Ledger account of what lacks, table of the years, and name of the business model of penalties.
PENALTY, TABLE, BUSINESS_MODEL = "quota_penalty", "renewable_quota", "renewable_quota"


def quota_rounds(model: Simulation) -> list[QuotaRound]:
    """Return the round of the suppliers' quota, or none.

    Parameters
    ----------
    model : Simulation
        The run, built.
    """
    if model.scenario.government.renewable_quota == 0:
        return []
    return [QuotaRound(model)]


class QuotaRound:
    """What suppliers sell and what systems of providers generate, settled once a year and at the end of the run.

    Parameters
    ----------
    model : Simulation
        The run, built.

    Attributes
    ----------
    suppliers : list of str
        Who has a quota.
    due : dict
        What is still to be posted by payer, payee, account and business model [1e-6 currency].
    """

    def __init__(self, model: Simulation) -> None:
        self.terms = model.scenario.government
        sellers = [offer.supplier for population in model.parts.populations for offer in population.offers]
        self.suppliers = list(dict.fromkeys(sellers))
        self.sold = np.zeros(len(self.suppliers))
        self.due: defaultdict[tuple[str, str, str, str], int] = defaultdict(int)
        self.market: QuotaMarket | None = None
        self.generated = np.zeros(0)

    def close(self, model: Simulation, record: DayRecord) -> None:
        """Count the day; at the end of a year, and of the run, hold the auction and charge what lacks.

        Parameters
        ----------
        model : Simulation
            The run, whose business models have taken note of the day.
        record : DayRecord
            The day.
        """
        owners = [each for each in operations_of(model) if isinstance(each.terms, ProviderOwned)]
        if self.market is None:
            terms = self.terms
            self.market = QuotaMarket(
                len(owners), len(self.suppliers), terms.renewable_quota, terms.quota_penalty_per_kwh
            )
            self.generated = np.zeros(len(owners))
        for entry in record.populations:
            for number, offer in enumerate(entry.population.offers):
                retail = int(entry.settled[:, number, T_RETAIL].sum()) * record.weight / 1e6
                self.sold[self.suppliers.index(offer.supplier)] += retail
        if record.day.is_month_end or not model.parts.horizon.is_whole:
            # Meters were read with the bills of the day.
            self.generated += [
                each.watch.energies[2, each.contracts.row[each.contracts.valid(record.day.index)]].sum()
                for each in owners
            ]
        if self._ends_year(model, record):
            asked = np.array([each.terms.certificate_price for each in owners])  # type: ignore[attr-defined]
            generated = np.rint(self.generated * 1e6).astype(np.int64)
            year = self.market.settle(generated, asked, self.sold, record.day.year)
            self._book(owners, year)
            self._note(model, record, year)
            self.sold, self.generated = np.zeros_like(self.sold), np.zeros_like(self.generated)
            self._post(model, record)

    @staticmethod
    def _ends_year(model: Simulation, record: DayRecord) -> bool:
        calendar = model.calendar
        later = calendar.simulated[bisect_right(calendar.simulated, record.day.index) :]
        return not later or calendar.day(later[0]).year != record.day.year

    def _book(self, owners: list[Operation], year: QuotaYear) -> None:
        price = round(year.price * 1e6) if np.isfinite(year.price) else 0
        for place, supplier in enumerate(self.suppliers):
            for owner, units in zip(owners, year.traded[place].tolist(), strict=True):
                self.due[supplier, owner.terms.provider, CERTIFICATES, owner.name] += units * price
            self.due[supplier, "government", PENALTY, BUSINESS_MODEL] += round(float(year.penalty[place]) * 1e6)

    def _post(self, model: Simulation, record: DayRecord) -> None:
        """Post what is due: on a day that stands for others its part, and what does not divide, later."""
        for key in list(self.due):
            payer, payee, account, name = key
            amount, self.due[key] = divmod(self.due[key], record.weight)
            model.ledger.post(record.day.index, payer, payee, account, amount, name)

    def _note(self, model: Simulation, record: DayRecord, year: QuotaYear) -> None:
        bought, n = year.traded.sum(axis=1), len(self.suppliers)
        price = year.price if np.isfinite(year.price) else 0.0
        model.recorder.append(
            TABLE,
            {
                "year": np.full(n, record.day.year + 1),
                "supplier": list(self.suppliers),
                "sold_kwh": self.sold.copy(),
                "required": year.required,
                "issued": np.full(n, int(year.issued.sum())),
                "bought": bought,
                "missing": year.missing,
                "price_per_certificate": np.full(n, year.price),
                "cost": bought * price,
                "due": year.penalty,
            },
            keep=True,
        )
