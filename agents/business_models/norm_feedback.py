"""Norm feedback: reports that compare a home with its neighbours, and what they save (model.md D5; O66).

A home that gets reports saves a share delta of its consumption, normal among homes. It fades from one report to the
next, and for good after the last. The mean of 2 % is a reading of Allcott's trials from memory: an assumption here, not
an estimate.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy.special import ndtri

from gridagora.agents.business_models.canvas import Canvas, Entry
from gridagora.agents.business_models.financing import TAX
from gridagora.agents.business_models.frame import (
    CUSTOMER,
    MOST_SAVED,
    PROVIDER,
    Age,
    BusinessModel,
    Customers,
    Floats,
    Flow,
    Meters,
    Quantities,
)
from gridagora.agents.business_models.terms import Acceptance, Money, Risk, Sigma, Years

#: Accounts of the reports.
REPORTS, FUND, ADVERTISING = "report_cost", "efficiency_fund", "advertising"


def faded(since: Floats, decay_per_year: float) -> Floats:
    """Return what is left of an effect some time after a report, exp(-decay t) [1].

    Parameters
    ----------
    since : ndarray of float64
        Time since the last report, at least 0 [a].
    decay_per_year : float
        [1/a]
    """
    return np.asarray(np.exp(-decay_per_year * np.asarray(since, np.float64)))


def mean_faded(since: Floats, during: float, decay_per_year: float) -> Floats:
    """Return the mean of :func:`faded` from a time to `during` later [1].

    Parameters
    ----------
    since : ndarray of float64
        Where the time begins, at least 0 [a].
    during : float
        Its length, above 0 [a].
    decay_per_year : float
        [1/a]

    Examples
    --------
    >>> mean_faded(np.array([0.0]), 1.0, np.log(2)).round(4).tolist()
    [0.7213]
    """
    x = decay_per_year * during
    return np.asarray(faded(since, decay_per_year) * (-np.expm1(-x) / x if x > 0 else 1.0))


class NormFeedback(BusinessModel):
    """The provider sends reports; the homes pay nothing for them, a fund and advertisers may."""

    asset: ClassVar[str] = "feedback"
    renews: ClassVar[bool] = True
    usual_provider: ClassVar[str] = "grid_company"
    uncertain: ClassVar[dict[str, str]] = {"saved_share": "performance_sigma", "price_per_kwh": "price_sigma"}
    risk_bearers: ClassVar[dict[str, str]] = {"performance": "government", "volume": PROVIDER, "data_misuse": CUSTOMER}
    canvas: ClassVar[Canvas] = Canvas(
        partners={"efficiency fund": "government", "printers and advertisers": "outside"},
        activities=("compare homes of one age under one weather", "advise", "report"),
        resources={"meter data": "annual_kwh", "effect of a report": "saved_share"},
        value=("know where one stands, and what would help",),
        relationship={"regular reports": "reports_per_year"},
        channels={"bill, letter and app": "channel.reach_share"},
        segments={"homes, by consumption": "segment.annual_kwh_min"},
        costs=(Entry("reports", (REPORTS,)), Entry("tax", (TAX,))),
        revenues=(
            Entry("efficiency fund", (FUND,)),
            Entry("advertising", (ADVERTISING,)),
            Entry("tax credits", (TAX,)),
        ),
    )

    kind: Literal["norm_feedback"] = "norm_feedback"
    """Reports that compare a home with its neighbours."""
    acceptance: Acceptance = Acceptance(trust=2.0, hassle=0.0)
    """How customers decide; who does not opt out is reached."""
    risk: Risk = Risk(default_per_year=0.0)
    """What may come otherwise than expected; nobody can owe anything."""
    term_years: Years = 2
    """Years of reports [a] (ill)."""
    life_years: Years = 5
    """Years over which what they have saved counts [a] (ill)."""
    saving_mean: Annotated[float, Field(ge=-0.5, le=0.5)] = 0.02
    """Mean share of consumption saved just after a report [1] (mem; O66)."""
    saving_deviation: Sigma = 0.01
    """Standard deviation of that share among homes; a few use more [1] (D5) (ill)."""
    decay_per_year: Annotated[float, Field(ge=0, le=100)] = 0.5
    """How fast it fades without a report: exp(-decay t) is left after t years [1/a] (ill)."""
    reports_per_year: Annotated[float, Field(gt=0, le=365)] = 12.0
    """Reports [1/a] (ill)."""
    cost_per_report: Money = 0.5
    """Cost of a report [currency] (D5) (ill)."""
    advertising_per_report: Money = 0.0
    """What advertisers pay for a place on it [currency] (ill)."""
    fund_per_kwh: Annotated[float, Field(ge=0, le=100)] = 0.0
    """What the government's efficiency fund pays for each kWh saved in the term [currency/kWh] (ill)."""

    def expected(self, customers: Customers) -> Quantities:
        """Return `annual_kwh` without reports [kWh/a], `saved_share` after a report [1], `price_per_kwh`."""
        return {
            "annual_kwh": customers.annual_kwh.astype(np.float64),
            "saved_share": np.full(len(customers), self.saving_mean),
            "price_per_kwh": customers.price_per_kwh.astype(np.float64),
        }

    def truth(self, customers: Customers, agreed: Quantities) -> Quantities:
        """Return the share that each home really saves: normal, at most `MOST_SAVED`, by member."""
        normal = ndtri(customers.draws.uniforms("norm feedback", customers.number)[0])
        saved = self.saving_mean + self.saving_deviation * normal
        return {**agreed, "saved_share": np.minimum(saved, MOST_SAVED)}

    @property
    def between(self) -> float:
        """Mean of what is there of the effect from one report to the next [1]."""
        return float(mean_faded(np.zeros(1), 1.0 / self.reports_per_year, self.decay_per_year)[0])

    def kept(self, age: Floats, during: float) -> Floats:
        """Return the mean of what is there of the effect from an age on, for a time within term or after it [1].

        Within the term the mean from report to report; after it what fades from the end of the term on.

        Parameters
        ----------
        age : ndarray of float64
            Time since signing [a].
        during : float
            Length of the time, above 0 [a].
        """
        between = self.between
        after = between * mean_faded(np.maximum(np.asarray(age) - self.term_years, 0.0), during, self.decay_per_year)
        return np.where(np.asarray(age) < self.term_years, between, after)

    def yearly(self, q: Quantities, age: Age) -> list[Flow]:
        """Return savings on the bill, the cost of reports and who pays for them [currency/a]."""
        saved = q["annual_kwh"] * q["saved_share"] * self.kept(np.asarray(age, np.float64), 1.0)
        in_term = np.asarray(age) < self.term_years
        sent = np.full(saved.shape, self.reports_per_year) * in_term
        return [
            Flow("supplier", CUSTOMER, "retail", saved * q["price_per_kwh"], metered=True),
            Flow(PROVIDER, "outside", REPORTS, self.cost_per_report * sent),
            Flow("outside", PROVIDER, ADVERTISING, self.advertising_per_report * sent),
            Flow("government", PROVIDER, FUND, self.fund_per_kwh * np.maximum(saved, 0.0) * in_term),
        ]

    def effect(self, q: Quantities, age: Floats) -> Quantities:
        """Return the share of consumption saved at an age, shape (n,) [1]."""
        since = np.maximum(np.asarray(age, np.float64) - self.term_years, 0.0)
        return {"saved_share": q["saved_share"] * self.between * faded(since, self.decay_per_year)}

    def realised(self, q: Quantities, meters: Meters, age: Floats) -> Quantities:
        """Return consumption before the saving, as meters and the effect have it, and the price that was."""
        use = meters.withdrawn_kwh + meters.generated_kwh - meters.injected_kwh
        return {**q, "annual_kwh": use / (1.0 - meters.saved_share), "price_per_kwh": meters.price_per_kwh}
