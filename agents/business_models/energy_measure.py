"""What energy services are about: a measure, its audit, its true saving, its upkeep and measurement (model.md D1).

An audit estimates what a measure saves; who invests, and who bears what comes otherwise, is a matter of the contract,
see :mod:`gridagora.agents.business_models.energy_services`. The whole facility's meter measures the saving, so what an
own generator serves does not count.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from gridagora.agents.business_models.canvas import Canvas, Entry
from gridagora.agents.business_models.energy_savings import KGCE_PER_KWH
from gridagora.agents.business_models.financing import CLAIM, DEBT_SERVICE, LOAN, PREMIUM, REPLACEMENT, SUBSIDY, TAX
from gridagora.agents.business_models.frame import (
    CUSTOMER,
    MOST_SAVED,
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
from gridagora.agents.business_models.life import Partners, discount, life, net
from gridagora.agents.business_models.luck import lognormal
from gridagora.agents.business_models.terms import Money, Name, Rate, Share, Sigma

INVESTMENT, OPERATION, MEASUREMENT, INCENTIVE = "investment", "operation", "measurement", "efficiency_incentive"


def service_canvas(
    resources: dict[str, str], value: tuple[str, ...], costs: tuple[Entry, ...], revenues: tuple[Entry, ...]
) -> Canvas:
    """Return the canvas that energy services share, with what is their own (D20)."""
    return Canvas(
        partners={"makers of equipment": "vendor", "lenders": "bank", "public efficiency fund": "government"},
        activities=("audit", "retrofit", "operate and maintain", "measure and verify"),
        resources={"consumption data": "base_kwh", "audited saving": "saved_share", **resources},
        value=value,
        relationship={"contract over years": "term_years"},
        channels={"account managers, platform": "channel.reach_share"},
        segments={"energy-intensive firms": "segment.annual_kwh_min", "good credit": "segment.best_credit_share"},
        costs=(
            *costs,
            Entry("operation and maintenance", (OPERATION,)),
            Entry("measurement and verification", (MEASUREMENT,)),
            Entry("taxes", (TAX,)),
        ),
        revenues=(*revenues, Entry("state incentive", (INCENTIVE,)), Entry("tax credit", (TAX,))),
    )


#: Costs and revenues of a provider that invests.
INVESTED = (
    Entry("equipment", (INVESTMENT, REPLACEMENT)),
    Entry("capital", (DEBT_SERVICE,)),
    Entry("insurance", (PREMIUM,)),
)
RAISED = (Entry("loans", (LOAN,)), Entry("subsidies", (SUBSIDY,)), Entry("claims", (CLAIM,)))


class EnergyService(BusinessModel):
    """What energy services have in common: the measure, its audit, its true saving, its upkeep and measurement."""

    uncertain: ClassVar = {"base_kwh": "volume_sigma", "price": "price_sigma", "saved_share": "performance_sigma"}
    asset = "efficiency"
    usual_provider = "esco"
    #: Quantity that holds the investment: `capex` where the provider invests.
    investment: ClassVar[str] = "capex"

    population: Name = "firms"
    """Population to whose members it is offered."""
    saving_min: Annotated[float, Field(gt=0, le=0.9)] = 0.10
    """Least estimate of an audit: share of consumption that the measure saves [1] (ill)."""
    saving_max: Annotated[float, Field(gt=0, le=0.9)] = 0.25
    """Highest estimate; members lie uniformly between the two, the same under all contracts [1] (ill)."""
    cost_per_kwh_saved: Money = 1.5
    """Investment over what the audit expects to save in a year [currency/(kWh/a)] (ill)."""
    fade_per_year: Rate = 0.02
    """Share of the saving that is lost each year [1/a] (ill)."""
    rebound_share: Share = 0.05
    """Share of the saving that is used up by more consumption, as it has become cheaper [1] (ill)."""
    performance_gap: Annotated[float, Field(ge=-1, lt=1)] = 0.10
    """Share of the expected saving that fails to appear on average; nobody expects it [1] (ill)."""
    measurement_sigma: Sigma = 0.05
    """Standard deviation of the logarithm of measured over true saving, the same for a contract's years [1] (ill)."""
    operation_share: Rate = 0.02
    """Operation and maintenance a year, over the investment: of the provider in the term, then of the customer
    [1/a] (ill)."""
    measurement_share: Rate = 0.01
    """Measurement and verification a year in the term, paid by the provider, over the investment [1/a] (ill)."""
    incentive_per_tce: Money | None = 0.0
    """Paid once by the government to the provider for the measured saving of the first year [currency/tce]; `null`:
    `government.incentive_per_tce` (ill)."""
    kgce_per_kwh: Annotated[float, Field(gt=0, le=1)] = KGCE_PER_KWH
    """Coal equivalent of electricity: 0.1229 by calorific value (GB/T 2589-2008), 0.3 and more by what power plants
    burn (mem) [kgce/kWh]."""

    @model_validator(mode="after")
    def _estimates_in_order(self) -> Self:
        if self.saving_max < self.saving_min:
            raise ValueError(
                f"saving_max: given {self.saving_max:g}; allowed at least saving_min, which is {self.saving_min:g}"
            )
        return self

    def eligible(self, customers: Customers) -> Bools:
        """Return with whom the provider expects to gain, defaults included, shape (n,)."""
        return provider_worth(self, self.expected(customers), customers.default_per_year) > 0

    def expected(self, customers: Customers) -> Quantities:
        """Return the audit's estimate: what is consumed, saved, and invested for it."""
        estimate = self._chance(customers)[0]
        audited = self.saving_min + (self.saving_max - self.saving_min) * estimate
        one = np.ones(len(customers))
        cost = self.cost_per_kwh_saved * customers.vendor_price
        return {
            "base_kwh": customers.withdrawn_kwh * one,
            "price": customers.price_per_kwh * one,
            "saved_share": audited * (1 - self.rebound_share),
            "measured_ratio": one,
            "fade": self.fade_per_year * one,
            self.investment: cost * audited * customers.withdrawn_kwh,
        }

    def truth(self, customers: Customers, agreed: Quantities) -> Quantities:
        """Return the saving less the performance gap, by member above or below it, and the error of its meter."""
        _, luck, error = self._chance(customers)
        performs = (1 - self.performance_gap) * lognormal(luck, self.risk.performance_sigma)
        return {
            **agreed,
            "saved_share": np.minimum(agreed["saved_share"] * performs, MOST_SAVED),
            "measured_ratio": lognormal(error, self.measurement_sigma),
        }

    def effect(self, q: Quantities, age: Floats) -> Quantities:
        """Return the share that the measure takes away, less with each full year, until its life is over."""
        return {"saved_share": self.share_left(q, np.floor(age + 1e-6))}

    def realised(self, q: Quantities, meters: Meters, age: Floats) -> Quantities:
        """Return what the meters say: the baseline is what was withdrawn and what the measure took away."""
        base = meters.withdrawn_kwh / (1 - meters.saved_share)
        seen = {"base_kwh": base, "price": meters.price_per_kwh, "saved_share": meters.saved_share}
        return {**q, **seen, "fade": np.zeros(base.size)}  # the meters have seen what has faded

    def upfront(self, q: Quantities) -> list[Flow]:
        """Return the purchase of the equipment, by the provider unless a contract says otherwise."""
        return [Flow(PROVIDER, "vendor", INVESTMENT, q[self.investment])]

    def yearly(self, q: Quantities, age: Age) -> list[Flow]:
        """Return the flows that all contracts have, then the contract's own."""
        year, invested = np.asarray(age), q[self.investment]
        in_term, in_life = year < self.term_years, year < self.life_years
        saved = q["base_kwh"] * self.share_left(q, year)
        measured = saved * q["measured_ratio"]
        tonnes = self.kgce_per_kwh / 1000 * measured * (year == 0)
        return [
            Flow("supplier", CUSTOMER, "retail", saved * q["price"], metered=True),
            Flow(PROVIDER, "outside", OPERATION, self.operation_share * invested * in_term),
            Flow(CUSTOMER, "outside", OPERATION, self.operation_share * invested * (in_life & ~in_term)),
            Flow(PROVIDER, "outside", MEASUREMENT, self.measurement_share * invested * in_term),
            Flow("government", PROVIDER, INCENTIVE, (self.incentive_per_tce or 0.0) * tonnes),
            *self.dues(q, year, measured * q["price"]),
        ]

    @abstractmethod
    def dues(self, q: Quantities, year: Age, measured: Floats) -> list[Flow]:
        """Return what customer and provider owe each other in a year [currency/a].

        Parameters
        ----------
        q : Quantities
            Expected or metered, as for :meth:`yearly`.
        year : int or ndarray of int64, shape (n,)
            Full years under contract.
        measured : ndarray of float64, shape (n,)
            Value of the saving as measured [currency/a].
        """

    def share_left(self, q: Quantities, year: Age | Floats) -> Floats:
        """Return the share of consumption that the measure takes away after full years, shape (n,) [1]."""
        return np.asarray(q["saved_share"] * (1 - q["fade"]) ** year * (np.asarray(year) < self.life_years))

    def _chance(self, customers: Customers) -> Floats:
        """Return draws for the audit's estimate, the true saving and the meter, shape (3, n)."""
        return customers.draws.uniforms("efficiency", customers.number, draws=3)


def provider_worth(model: BusinessModel, q: Quantities, default_per_year: Floats) -> Floats:
    """Return the net present value to the provider if customers default, without loans, shape (n,) [currency] (D1).

    Parameters
    ----------
    model : BusinessModel
        The terms.
    q : Quantities
        Expected, shape (n,) each.
    default_per_year : ndarray of float64, shape (n,)
        Probability that the customer defaults within a year, from which on nothing flows [1/a].
    """
    cash = net(life(model, q, Partners()), PROVIDER)
    survives = (1 - default_per_year[:, None]) / (1 + discount(model, PROVIDER))
    return np.asarray((cash * survives ** np.arange(cash.shape[1])).sum(axis=1))
