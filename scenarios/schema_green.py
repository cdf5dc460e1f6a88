"""Sections of a scenario about what firms do for the environment: green certificates, and measures that save energy."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from gridagora.scenarios.quantities import Amount, Share, Sigma
from gridagora.sim.plugin import Frozen

Rate = Annotated[float, Field(ge=0, le=1)]


class GreenPower(Frozen):
    """Firms that want green energy, and the monthly auction of certificates of 1 MWh (model.md A2.4, C10)."""

    committed_share: Share = 0.3
    """Share of firms that have a target [1] (ill)."""
    target_min: Share = 0.2
    """Least target: share of a firm's consumption that is to be green [1] (ill)."""
    target_max: Share = 1.0
    """Highest target; firms lie uniformly between the two [1] (ill)."""
    willingness_per_certificate: Amount = 20.0
    """Median of what firms would pay, lognormal [currency/certificate] (ill)."""
    willingness_sigma: Sigma = 0.5
    """Standard deviation of its logarithm [1] (ill)."""
    ask_per_certificate: Annotated[float, Field(ge=0, le=1_000_000)] = 5.0
    """What members ask for certificates of the PV energy that they feed in [currency/certificate] (ill)."""
    outside_per_certificate: Annotated[float, Field(ge=0, le=1_000_000)] | None = 30.0
    """Price at which there are as many as wanted from outside [currency/certificate] (ill); `null`: none are sold."""
    cap_per_certificate: Amount = 50.0
    """Highest price of the auction [currency/certificate] (ill; model.md C10: 5 to 50)."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.target_max < self.target_min:
            raise ValueError(
                f"target_max: given {self.target_max:g}; allowed at least target_min, which is {self.target_min:g}"
            )
        for name in ("ask_per_certificate", "outside_per_certificate"):
            price = getattr(self, name)
            if price is not None and price > self.cap_per_certificate:
                raise ValueError(
                    f"{name}: given {price:g}; allowed at most cap_per_certificate, which is "
                    f"{self.cap_per_certificate:g}: nobody may pay more"
                )
        return self


class ServiceContract(Frozen):
    """What the service company offers (model.md D1)."""

    term_years: Annotated[int, Field(ge=1, le=50)] = 5
    """Years of shared savings and of the energy-cost trust [yr] (ill)."""
    customer_share: Share = 0.2
    """Share of the value saved that the firm keeps under shared savings [1] (ill)."""
    guarantee: Share = 0.8
    """Guaranteed saving as a share of the audit's estimate [1] (ill)."""
    bonus: Share = 0.5
    """Share of what is saved above the guarantee that goes to the service company [1] (ill)."""
    fee: Rate = 0.02
    """Yearly fee of the guarantee as a share of the investment [1/yr] (ill)."""
    discount: Share = 0.08
    """Discount on the reference bill under the energy-cost trust [1] (ill)."""


class Retrofit(Frozen):
    """A measure that saves energy: which firms take it, and under which contract (model.md A2.2)."""

    every_months: Annotated[int, Field(ge=1, le=12)] = 3
    """Months between two decisions [month] (ill); there is none at the end of the run."""
    audit_share: Share = 0.25
    """Share of the firms without the measure that are audited, and decide, at each of them [1] (ill)."""
    saving_min: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Least estimate of an audit: share of consumption that the measure saves [1] (ill)."""
    saving_max: Annotated[float, Field(gt=0, le=1)] = 0.25
    """Highest estimate; firms lie uniformly between the two [1] (ill)."""
    deviation: Share = 0.03
    """Standard deviation of the true saving, as a share of consumption [1] (ill)."""
    performance_gap: Annotated[float, Field(ge=-1, lt=1)] = 0.2
    """Share of the estimate that fails to appear on average [1] (ill); firms do not know it."""
    cost_per_kwh_saved: Amount = 1.5
    """Investment over what the audit expects to save in a year [currency/(kWh/yr)] (ill)."""
    life_years: Annotated[int, Field(ge=1, le=100)] = 10
    """Years that the measure lasts [yr] (ill)."""
    discount_rate: Rate = 0.1
    """Real discount rate of firms [1/yr] (ill)."""
    capital_months: Annotated[float, Field(ge=0, le=120)] = 0.5
    """What a firm can invest itself, in months of its `income` [month] (ill)."""
    sensitivity: Annotated[float, Field(ge=0, le=1000)] = 3.0
    """Utility per present value over investment [1] (ill)."""
    risk_aversion: Annotated[float, Field(ge=0, le=1000)] = 0.5
    """Value that a unit of standard deviation costs [1] (ill)."""
    contract: ServiceContract = ServiceContract()
    """Terms of the service company."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.saving_max < self.saving_min:
            raise ValueError(
                f"saving_max: given {self.saving_max:g}; allowed at least saving_min, which is {self.saving_min:g}"
            )
        if self.life_years < self.contract.term_years:
            raise ValueError(
                f"life_years: given {self.life_years}; allowed at least contract.term_years, which is "
                f"{self.contract.term_years}"
            )
        return self
