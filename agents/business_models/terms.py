"""Sections that the terms of every business model share: whom it is for, how it is sold, financed and put at risk."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gridagora.sim.plugin import Frozen

Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=0, le=1)]
Money = Annotated[float, Field(ge=0, le=1e12)]
Years = Annotated[int, Field(ge=1, le=50)]
Sigma = Annotated[float, Field(ge=0, le=3)]
Weight = Annotated[float, Field(ge=0, le=1000)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Device = Literal["pv", "storage", "vehicle", "heat_pump"]


class Segment(Frozen):
    """Which members of a population a business model is for: the customer segment of its canvas."""

    annual_kwh_min: Annotated[float, Field(ge=0)] = 0.0
    """Least yearly consumption [kWh] (ill)."""
    annual_kwh_max: Annotated[float, Field(gt=0)] | None = None
    """Highest yearly consumption [kWh]; `null`: any."""
    profiles: tuple[str, ...] = ()
    """Base profiles, such as a sector's; none named: all."""
    has: tuple[Device, ...] = ()
    """Devices that a customer must have."""
    lacks: tuple[Device, ...] = ()
    """Devices that a customer must not have."""
    best_credit_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of members that the provider takes, best first by its credit score [1] (ill)."""
    score_auc: Annotated[float, Field(ge=0.5, le=0.85)] = 0.75
    """How well that score tells who will default: area under its curve; 0.5 is chance [1] (ill)."""

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.annual_kwh_max is not None and self.annual_kwh_max < self.annual_kwh_min:
            raise ValueError(
                f"annual_kwh_max: given {self.annual_kwh_max:g}; allowed at least annual_kwh_min, which is "
                f"{self.annual_kwh_min:g}"
            )
        if both := set(self.has) & set(self.lacks):
            raise ValueError(f"lacks: given {', '.join(sorted(both))}, which `has` asks for; allowed one of the two")
        return self


class Channel(Frozen):
    """How customers hear of an offer."""

    first_month: Annotated[int, Field(ge=0, le=1200)] = 1
    """Month of the run at whose end the first offers are made; 0: before the first day [month]."""
    every_months: Annotated[int, Field(ge=1, le=120)] = 1
    """Months between two rounds of offers [month] (ill)."""
    reach_share: Share = 0.5
    """Share of those without a contract whom a round reaches [1] (ill)."""


class Acceptance(Frozen):
    """How customers decide: logit over value, risk, trust and hassle, beside the offers for the same asset (D0)."""

    value_weight: Weight = 3.0
    """Utility per net present value over what a year's consumption costs [1] (ill)."""
    risk_weight: Weight = 1.0
    """Utility that a standard deviation of the value, over the same, costs [1] (ill)."""
    trust: Annotated[float, Field(ge=-100, le=100)] = 0.0
    """Utility of dealing with this provider [1] (ill)."""
    hassle: Annotated[float, Field(ge=-100, le=100)] = 1.0
    """Utility that signing costs [1] (ill)."""
    discount_rate: Rate = 0.10
    """Real discount rate of customers [1/a] (ill)."""
    capital_months: Annotated[float, Field(ge=0, le=1200)] = 1.0
    """Most that a customer can pay at once, in months of its income [month] (ill)."""


class Finance(Frozen):
    """How the provider pays for what it invests."""

    discount_rate: Rate = 0.07
    """Real discount rate of the provider and all others but customers [1/a] (ill)."""
    debt_share: Annotated[float, Field(ge=0, le=0.95)] = 0.0
    """Share of the investment that the bank lends, if the loan meets its least coverage [1] (ill)."""
    subsidy_share: Share = 0.0
    """Share of the investment that the government pays while its budget lasts [1] (ill)."""
    insured: bool = False
    """Whether the insurer covers damage to what the provider invests in."""
    damage_per_year: Rate = 0.0
    """Probability a year that it has to be replaced [1/a] (ill)."""
    tax_rate: Share = 0.0
    """Tax on the provider's profit [1] (ill)."""
    tax_exempt_years: Annotated[int, Field(ge=0, le=50)] = 0
    """First years without it, as for energy services in China: three exempt, three half [a] (mem)."""
    tax_half_years: Annotated[int, Field(ge=0, le=50)] = 0
    """Years after them at half the rate [a] (mem)."""
    depreciation_years: Years = 10
    """Years of straight depreciation, at most the term of the contract [a] (ill)."""
    inflation: Annotated[float, Field(ge=-0.1, le=0.5)] = 0.0
    """Yearly growth of all prices but debt service, which is nominal [1/a] (ill)."""
    low_risk_only: bool = False
    """Whether the provider offers only where the mean of its worst 5 % of net present values is above 0 (D2)."""


class Risk(Frozen):
    """What may come otherwise than expected, each factor lognormal with mean 1 over the whole contract."""

    volume_sigma: Sigma = 0.05
    """Standard deviation of the logarithm of energies [1] (ill)."""
    price_sigma: Sigma = 0.10
    """Of prices of energy [1] (ill)."""
    performance_sigma: Sigma = 0.10
    """Of what a measure or a device does [1] (ill)."""
    default_per_year: Rate = 0.02
    """Mean probability that a customer defaults within a year [1/a] (ill)."""
    exit_share: Share = 0.0
    """Share of those whose year under contract cost them more than it brought who leave at its end [1] (ill)."""
