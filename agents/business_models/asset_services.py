"""Care for customers' electrical assets: maintenance to a service level, substations to rent (model.md D2 b, c)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from scipy.special import pdtrc

from gridagora.agents.business_models.canvas import Canvas, Entry
from gridagora.agents.business_models.events import poisson_quantile
from gridagora.agents.business_models.financing import CLAIM, DEBT_SERVICE, LOAN, PREMIUM, REPLACEMENT, SUBSIDY, TAX
from gridagora.agents.business_models.frame import (
    CUSTOMER,
    PROVIDER,
    Age,
    Bools,
    BusinessModel,
    Customers,
    Floats,
    Flow,
    Meters,
    Quantities,
)
from gridagora.agents.business_models.luck import lognormal
from gridagora.agents.business_models.terms import Money, Rate, Share, Sigma, Years
from gridagora.markets.strategies.draws import Draws
from gridagora.sim.finance import capital_recovery_factor

HOURS_A_YEAR = 8784.0
Hours = Annotated[float, Field(ge=0, le=8784)]
PerYear = Annotated[float, Field(ge=0, le=100)]
#: Words of random numbers that a uniform draw tells apart.
_WORDS = 2.0**32


def hours_beyond(failures: Floats, hours_each: float, allowed: float) -> Floats:
    """Return the hours by which a year's downtime is expected to exceed what is allowed, shape (n,) [h/a].

    Failures are Poisson: E max(0, N h - S) = m h P(N > k - 1) - S P(N > k) with k = floor(S / h).

    Parameters
    ----------
    failures : ndarray of float64, shape (n,)
        Mean number m of failures in a year [1/a].
    hours_each : float
        Downtime h of a failure [h].
    allowed : float
        Downtime S of a year that is free of penalty [h/a].
    """
    if hours_each == 0:
        return np.zeros(failures.shape)
    most = np.floor(allowed / hours_each)
    more = pdtrc(most - 1, failures) if most > 0 else np.ones(failures.shape)
    return np.asarray(failures * hours_each * more - allowed * pdtrc(most, failures))


def failures_of(mean: Floats, luck: Floats, year: Floats) -> Floats:
    """Return the number of failures of each asset in a year, Poisson, shape (n,).

    Parameters
    ----------
    mean : ndarray of float64, shape (n,)
        Failures a year, at most 100 [1/a].
    luck : ndarray of float64, shape (n,)
        Uniform, of each asset: its own stream of draws.
    year : ndarray of int64, shape (n,)
        Years under contract.
    """
    uniform = np.zeros(mean.size)
    word = (luck * _WORDS).astype(np.int64)
    for each in np.unique(year).tolist():
        now = year == each
        uniform[now] = Draws(0, "failures").uniforms("failures of a year", word[now], int(each))[0]
    return poisson_quantile(uniform, mean)


class OperationMaintenance(BusinessModel):
    """The provider looks after a customer's transformers, switchgear and cables for a fee, to a service level."""

    asset: ClassVar[str] = "maintenance"
    uncertain: ClassVar[dict[str, str]] = {
        "failures": "performance_sigma",
        "downtime_hours": "performance_sigma",
        "hours_beyond": "performance_sigma",
        "load_kw": "volume_sigma",
    }
    canvas: ClassVar[Canvas] = Canvas(
        partners={"owner of the asset": CUSTOMER},
        activities=("inspect", "monitor", "repair"),
        resources={"assets in care": "asset_value", "crews, by failures": "failures"},
        value=("fewer and shorter outages", "no staff of one's own", "a penalty if service is poor"),
        relationship={"service level": "allowed_hours", "term": "term_years"},
        channels={"account managers and platform": "channel.reach_share"},
        segments={"consumers with assets of their own": "segment.annual_kwh_min"},
        costs=(
            Entry("crews and monitoring", ("operation",)),
            Entry("repairs", ("repairs",)),
            Entry("penalties", ("service_penalty",)),
            Entry("tax", (TAX,)),
        ),
        revenues=(Entry("maintenance fee", ("service_fee",)), Entry("tax credits", (TAX,))),
    )
    risk_bearers: ClassVar[dict[str, str]] = {
        "performance": PROVIDER,
        "volume": CUSTOMER,
        "price": PROVIDER,
        "credit": PROVIDER,
        "finance": PROVIDER,
    }

    kind: Literal["operation_maintenance"] = "operation_maintenance"
    """Maintenance of customers' assets by the provider."""
    asset_per_kwh: Annotated[float, Field(gt=0, le=1000)] = 0.3
    """Value of a customer's assets over its yearly consumption [currency/(kWh/a)] (ill)."""
    fee_share: Rate = 0.02
    """Yearly fee as a share of the value of the assets [1/a] (ill; D2)."""
    staff_share: Rate = 0.02
    """What a customer's own staff would cost, as a share of it [1/a] (ill)."""
    provider_staff_share: Rate = 0.010
    """What the provider's crews cost, who look after many [1/a] (ill)."""
    failures_per_year: PerYear = 0.5
    """Failures of assets in the care of their owners [1/a] (ill)."""
    prevented_share: Share = 0.5
    """Share of them that does not happen in the provider's care [1] (ill)."""
    failure_sigma: Sigma = 0.3
    """Standard deviation of the logarithm of how prone to failure assets really are [1] (ill)."""
    own_repair_hours: Hours = 12.0
    """Downtime of a failure in the owner's care [h] (ill)."""
    repair_hours: Hours = 6.0
    """In the provider's care [h] (ill)."""
    repair_share: Rate = 0.01
    """Cost of a repair as a share of the value of the assets [1] (ill)."""
    lost_load_per_kwh: Annotated[float, Field(ge=0, le=10_000)] = 20.0
    """What a customer loses by a kWh that it lacks [currency/kWh] (ill; P13: 6 to 80)."""
    allowed_hours: Hours = 6.0
    """Downtime of a year that is free of penalty [h/a] (ill)."""
    penalty_share_per_hour: Rate = 0.05
    """Penalty for every hour beyond, as a share of the yearly fee [1/h] (ill)."""

    def expected(self, customers: Customers) -> Quantities:
        """Return the value of the assets [currency], failures [1/a], downtime [h/a] and mean load [kW], shape (n,)."""
        n = len(customers)
        own = np.full(n, self.failures_per_year)
        return {
            "asset_value": self.asset_per_kwh * customers.annual_kwh,
            "load_kw": customers.annual_kwh / HOURS_A_YEAR,
            "luck": np.zeros(n),
            **self._care(own),
        }

    def truth(self, customers: Customers, agreed: Quantities) -> Quantities:
        """Return how prone to failure assets really are, and their luck, drawn by member."""
        prone, luck = customers.draws.uniforms("failures", customers.number, draws=2)
        own = self.failures_per_year * lognormal(prone, self.failure_sigma)
        return {**agreed, "luck": luck, **self._care(own)}

    def realised(self, q: Quantities, meters: Meters, age: Floats) -> Quantities:
        """Return the failures of the year, spread over it."""
        failures = failures_of(q["failures"], q["luck"], age.astype(np.int64))
        downtime = failures * self.repair_hours
        beyond = np.maximum(downtime - self.allowed_hours, 0.0)
        return {**q, "failures": failures, "downtime_hours": downtime, "hours_beyond": beyond}

    def yearly(self, q: Quantities, age: Age) -> list[Flow]:
        """Return fee, costs and penalty, and what the customer is spared [currency/a]."""
        on = np.asarray(age) < self.term_years
        value, fee = q["asset_value"] * on, self.fee_share * q["asset_value"] * on
        spared = (q["own_downtime_hours"] - q["downtime_hours"]) * q["load_kw"] * self.lost_load_per_kwh * on
        penalty = self.penalty_share_per_hour * fee * q["hours_beyond"]
        return [
            Flow(CUSTOMER, PROVIDER, "service_fee", fee),
            Flow(PROVIDER, "outside", "operation", self.provider_staff_share * value),
            Flow(PROVIDER, "outside", "repairs", self.repair_share * q["failures"] * value),
            Flow(PROVIDER, CUSTOMER, "service_penalty", penalty),
            Flow("outside", CUSTOMER, "own_staff", self.staff_share * value, metered=True),
            Flow("outside", CUSTOMER, "own_repair", self.repair_share * q["own_failures"] * value, metered=True),
            Flow("outside", CUSTOMER, "lost_load", spared, metered=True),
        ]

    def _care(self, own: Floats) -> Quantities:
        failures = own * (1 - self.prevented_share)
        return {
            "own_failures": own,
            "own_downtime_hours": own * self.own_repair_hours,
            "failures": failures,
            "downtime_hours": failures * self.repair_hours,
            "hours_beyond": hours_beyond(failures, self.repair_hours, self.allowed_hours),
        }


class SubstationLease(BusinessModel):
    """The provider builds a customer's substation and rents it out."""

    asset: ClassVar[str] = "substation"
    uncertain: ClassVar[dict[str, str]] = {"residual": "price_sigma"}
    canvas: ClassVar[Canvas] = Canvas(
        partners={"builder of substations": "vendor", "lender": "bank", "support": "government"},
        activities=("plan", "build", "finance", "maintain"),
        resources={"substations": "kva", "capital": "capex"},
        value=("a connection without an outlay", "the right size, and maintenance, from one hand"),
        relationship={"lease over a long term": "term_years"},
        channels={"account managers and platform": "channel.reach_share"},
        segments={"consumers that grow": "need_share", "of some size": "segment.annual_kwh_min"},
        costs=(
            Entry("substations and their replacement", ("investment", REPLACEMENT)),
            Entry("maintenance", ("operation",)),
            Entry("capital", (DEBT_SERVICE, PREMIUM)),
            Entry("tax", (TAX,)),
        ),
        revenues=(
            Entry("rent", ("rent",)),
            Entry("substations handed over", ("buyout",)),
            Entry("loans, subsidies, claims and tax credits", (LOAN, SUBSIDY, CLAIM, TAX)),
        ),
    )
    risk_bearers: ClassVar[dict[str, str]] = {
        "performance": PROVIDER,
        "volume": CUSTOMER,
        "price": PROVIDER,
        "credit": PROVIDER,
        "finance": PROVIDER,
    }

    kind: Literal["substation_lease"] = "substation_lease"
    """Substation that the provider builds and the customer rents."""
    term_years: Years = 10
    """Years that a contract lasts [a] (ill)."""
    life_years: Years = 20
    """Years that a substation lasts [a] (ill)."""
    need_share: Share = 0.1
    """Share of customers that need a new substation [1] (ill)."""
    utilisation_hours: Annotated[float, Field(gt=0, le=8784)] = 3000.0
    """Yearly consumption over the capacity of the substation [kWh/kVA] (ill)."""
    cost_per_kva: Money = 600.0
    """Price of the vendor at the start of the run [currency/kVA] (ill)."""
    own_cost_factor: Annotated[float, Field(ge=0, le=10)] = 1.1
    """What a customer that builds its own pays, over what the provider does [1] (ill)."""
    operation_share: Rate = 0.015
    """Cost of maintenance as a share of that of the substation [1/a] (ill)."""
    lease_rate: Rate = 0.07
    """Interest in the rent, which is an annuity of the cost over the term [1/a] (ill)."""
    lease_margin: Annotated[float, Field(ge=0, le=10)] = 0.10
    """What the rent is above annuity and maintenance, as a share of them [1] (ill)."""
    residual_share: Share = 0.0
    """What the customer pays for it at the end of the term, as a share of its cost [1]; 0: it is free (ill)."""

    @model_validator(mode="after")
    def _pays_rent_once(self) -> Self:
        if self.residual_share > 0 and self.life_years == self.term_years:
            raise ValueError(
                f"residual_share: given {self.residual_share:g} with life_years equal to the term; allowed 0 or "
                "a longer life: what is worn out is worth nothing"
            )
        return self

    def eligible(self, customers: Customers) -> Bools:
        """Return who needs a substation, drawn by member, shape (n,)."""
        drawn = customers.draws.uniforms("substation need", customers.number)[0]
        return np.asarray((drawn < self.need_share) & (customers.annual_kwh > 0))

    def expected(self, customers: Customers) -> Quantities:
        """Return capacity [kVA], cost and value at the end of the term [currency], shape (n,)."""
        kva = customers.annual_kwh / self.utilisation_hours
        capex = kva * self.cost_per_kva * customers.vendor_price
        return {"kva": kva, "capex": capex, "residual": self.residual_share * capex}

    def upfront(self, q: Quantities) -> list[Flow]:
        """Return what the vendor gets, and what the customer need not spend [currency]."""
        return [
            Flow(PROVIDER, "vendor", "investment", q["capex"]),
            Flow("outside", CUSTOMER, "own_investment", self.own_cost_factor * q["capex"], metered=True),
        ]

    def yearly(self, q: Quantities, age: Age) -> list[Flow]:
        """Return rent and maintenance, from the end of the term the customer's own [currency/a]."""
        on = np.asarray(age) < self.term_years
        capital = q["capex"] * (1 - self.finance.subsidy_share)
        care = self.operation_share * q["capex"]
        rent = (1 + self.lease_margin) * (capital * capital_recovery_factor(self.lease_rate, self.term_years) + care)
        return [
            Flow(CUSTOMER, PROVIDER, "rent", rent * on, nominal=True),
            Flow(PROVIDER, "outside", "operation", care * on),
            Flow("outside", CUSTOMER, "own_operation", care * on, metered=True),
        ]

    def at_end(self, q: Quantities) -> list[Flow]:
        """Return what the substation changes hands for [currency]."""
        return [Flow(CUSTOMER, PROVIDER, "buyout", q["residual"])]
