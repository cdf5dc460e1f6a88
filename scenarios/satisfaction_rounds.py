"""Month ends at which members become more or less content, and some want to leave (model.md A1.4, A7.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.satisfaction import Churn, Weights, satisfaction

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.simulation import Simulation


class SatisfactionRound:
    """How content the members of a population are.

    A member compares the month's bill a day with what it is used to pay, which follows its bills slowly. Who has
    received more than paid, and so is used to no bill, is content with any.

    Parameters
    ----------
    population : Population
        With the section `satisfaction`.
    period_minutes : int
        Length of a settlement period [min].
    outage_value : float
        Value of lost load [currency/kWh].

    Attributes
    ----------
    satisfied : ndarray of float64, shape (n,)
        At the end of the last month; 0 for nothing gained, nothing lost.
    tenure : ndarray of int64, shape (n,)
        Months with the present supplier [month].
    """

    def __init__(self, population: Population, period_minutes: int, outage_value: float) -> None:
        terms = population.terms.satisfaction
        self.population, self.terms, self.minutes, self.outage_value = population, terms, period_minutes, outage_value
        self.weights = Weights(saving=terms.saving_weight, outage=terms.outage_weight)
        self.churn = Churn(terms.leave_per_month, terms.stickiness_per_month, terms.sensitivity)
        n = len(population)
        self.usual: NDArray[np.float64] | None = None
        self.satisfied, self.tenure = np.zeros(n), np.zeros(n, np.int64)
        self.outage, self.days = 0.0, 0

    @property
    def leaving(self) -> NDArray[np.float64]:
        """Probability of each member to leave its supplier within a month, shape (n,)."""
        return self.churn.chance(self.satisfied, self.tenure)

    def switched(self, rows: NDArray[np.int64]) -> None:
        """Note who has a new supplier."""
        self.tenure[rows] = 0

    def close(self, model: Simulation, record: DayRecord) -> None:
        """Note the day's outages; at the end of a month ask how content members are."""
        self.days += 1
        self.outage += float(record.cuts[:, 0].sum()) * self.minutes
        if not record.day.is_month_end:
            return
        daily = self.population.billing.last_bills / 1e6 / self.days
        usual = daily if self.usual is None else self.usual
        known = usual > 0
        self.satisfied = satisfaction(
            self.weights,
            np.where(known, daily, 1.0),
            np.where(known, usual, 1.0),
            outage_minutes=np.full(daily.size, self.outage),
            outage_value=self.outage_value,
        )
        self.usual = self.terms.memory * usual + (1.0 - self.terms.memory) * daily
        self.tenure += 1
        low, middle, high = np.quantile(self.satisfied, (0.05, 0.5, 0.95))
        model.recorder.append(
            "satisfaction",
            {
                "month": np.array([record.day.month_index]),
                "population": [self.population.name],
                "mean": np.array([self.satisfied.mean()]),
                "p05": np.array([low]),
                "p50": np.array([middle]),
                "p95": np.array([high]),
                "outage_minutes": np.array([self.outage]),
                "leaving_share": np.array([self.leaving.mean()]),
            },
            keep=True,
        )
        self.outage, self.days = 0.0, 0
