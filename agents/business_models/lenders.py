"""Terms of banks, insurers and vendors (model.md A9), and of what a government pays and asks (A8)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gridagora.agents.business_models.terms import Money, Name, Rate, Share, Years
from gridagora.sim.plugin import Frozen


class Bank(Frozen):
    """Lends to providers and customers at an annuity."""

    rate_per_year: Rate = 0.05
    """Nominal interest [1/a] (ill)."""
    tenor_years: Years = 8
    """Years of repayment, at most the term of the contract that the loan is for [a] (ill)."""
    least_coverage: Annotated[float, Field(ge=0, le=10)] = 1.2
    """Least cash over debt service in any year of the expected contract, or there is no loan [1] (ill; D2)."""


class Insurer(Frozen):
    """Covers damage to what providers invest in."""

    cover: Share = 0.8
    """Share of a damage that it pays [1] (ill)."""
    loading: Annotated[float, Field(ge=0, le=10)] = 0.3
    """What premiums are above expected claims [1] (ill)."""


class Vendor(Frozen):
    """Sells equipment, which gets cheaper with all that it has sold (learning curve, O55)."""

    margin: Annotated[float, Field(ge=0, lt=1)] = 0.15
    """Share of its price that it keeps; the rest it pays outside [1] (ill)."""
    progress_ratio: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Price after each doubling of all sales over the price before; 1: no learning [1] (ill)."""
    sold_before: Annotated[float, Field(gt=0, le=1e15)] = 1e6
    """Value of what was sold before the run, at the first price [currency] (ill)."""


class Counterparties(Frozen):
    """Those with whom providers and customers of business models deal, besides each other."""

    bank: Bank | None = Bank()
    """Lender, or `null` for none."""
    insurer: Insurer | None = Insurer()
    """Insurer, or `null` for none."""
    vendor: Vendor = Vendor()
    """Vendor of equipment."""
    companies: tuple[Name, ...] = ()
    """Further companies that may provide business models, such as an energy service company."""


class GovernmentTerms(Frozen):
    """What the government pays for and asks."""

    subsidy_budget: Money | None = None
    """Most that it pays in subsidies within the run; who comes too late applies again [currency]; `null`: no limit."""
    incentive_per_tce: Money = 0.0
    """Paid for a yearly saving of a tonne of coal equivalent by an energy service [currency/tce]; 240 to 600 (mem)."""
    renewable_quota: Share = 0.0
    """Share of what suppliers sell that green certificates have to cover [1] (A8, C10) (ill)."""
    quota_penalty_per_kwh: Annotated[float, Field(ge=0, le=100)] = 0.05
    """What a supplier pays for each kWh that lacks [currency/kWh] (ill)."""
