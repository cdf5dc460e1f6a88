"""Sections of a population about its members as customers: what they earn, choose, think, share and pay."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gridagora.scenarios.quantities import Amount, BelowOne, Share, Sigma
from gridagora.sim.plugin import Frozen

Weight = Annotated[float, Field(ge=0, le=1000)]
Taste = Annotated[float, Field(ge=-1000, le=1000)]
Months = Annotated[int, Field(ge=1, le=120)]


class Income(Frozen):
    """Monthly income of a household, or revenue of a firm: lognormal, higher for those who use more."""

    median_per_month: Amount = 9000.0
    """Median of those who use as much as the mean member [currency/month] (ill)."""
    sigma: Sigma = 0.5
    """Standard deviation of its logarithm among those who use the same [1] (ill)."""
    consumption_elasticity: Annotated[float, Field(ge=0, le=2)] = 0.3
    """By how many per cent the median rises with one per cent more yearly consumption [1] (ill)."""
    low_share: Share = 0.05
    """Share of members with the lowest incomes, who may have offers for low incomes [1] (ill)."""


class Choice(Frozen):
    """How members choose among the offers of their menu: logit, by those who look around (model.md A1.6)."""

    consider_per_month: Share = 0.08
    """Share of members that look around in a month; the others stay where they are [1] (mem; model.md A1.6)."""
    compare_months: Annotated[int, Field(ge=1, le=12)] = 1
    """Last months over which who looks around compares what each offer would have cost, with the load that answers to
    that offer [month] (ill)."""
    bill_weight: Annotated[float, Field(gt=0, le=1000)] = 20.0
    """Utility per share of the income that the bill takes [1] (ill)."""
    risk_weight: Weight = 0.0
    """Utility lost per standard deviation of the monthly bill, by its scatter from day to day [1/currency] (ill)."""
    switching_cost: Weight = 0.5
    """Utility lost by any change [1] (ill)."""
    exit_fee_months: Months = 12
    """Months over which an exit fee is spread when offers are compared [month] (ill)."""
    green_weight: Taste = 0.0
    """Utility per share of green energy [1] (ill)."""
    reliability_weight: Taste = 0.0
    """Utility per reliability of supply, a share of time [1] (ill)."""
    constants: dict[str, Taste] = Field(default={})
    """Utility of an offer by name, besides all that is counted [1] (ill)."""
    default_offer: str | None = None
    """Offer that members have who never chose, and start with: that outside option which the menu names (`null`: who
    wants another must opt in), or another one (who does not want it must opt out)."""
    default_bonus: Weight = 1.39
    """Utility of the offer that one gets without choosing [1] (ill): with 1.39 an offer that 20 % take where they must
    ask for it is kept by 80 % where they get it, four times as many; reported is three to five times (model.md A1.6).
    """
    nest: tuple[str, ...] = ()
    """Offers that are more alike than others, such as the dynamic ones: they take from each other first."""
    nest_scale: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Dissimilarity of the offers in `nest`; 1 for no nest, multinomial logit [1] (ill)."""


class Satisfaction(Frozen):
    """How content members are with bill and supply, and how many leave (model.md A1.4, A7.1)."""

    saving_weight: Weight = 1.0
    """Per share of the bill saved against what one is used to pay [1] (ill)."""
    outage_weight: Weight = 0.0005
    """Lost per minute without supply and unit of its value [1/(min currency/kWh)] (ill)."""
    memory: BelowOne = 0.8
    """Share of the usual bill that a month leaves as it is; the rest moves to the month's bill [1] (ill)."""
    leave_per_month: Weight = 0.02
    """Rate at which new customers leave at satisfaction 0 [1/month] (ill)."""
    stickiness_per_month: Weight = 0.01
    """Fall of that rate with the months at the supplier, in the exponent [1/month] (ill)."""
    sensitivity: Weight = 2.0
    """Fall of that rate with satisfaction, in the exponent [1] (ill)."""


class Consent(Frozen):
    """Who lets its data be used, which the online auction needs (model.md A1.8)."""

    reward_per_month: Annotated[float, Field(ge=0, le=1_000_000)] = 5.0
    """What the auctioneer pays a member for its data [currency/month] (ill)."""
    privacy_median: Amount = 5.0
    """Median of what privacy is worth to members, lognormal [currency/month] (ill)."""
    privacy_sigma: Sigma = 1.0
    """Standard deviation of its logarithm [1] (ill)."""
    sharpness: Amount = 1.0
    """How surely members follow reward less cost [month/currency] (ill)."""
    reconsider_per_month: Share = 0.08
    """Share of members that decide again in a month; before, `consent_share` holds [1] (ill)."""


class Credit(Frozen):
    """Who does not pay in time, and what is lost (model.md A2.5)."""

    unpaid_share: Annotated[float, Field(gt=0, lt=1)] = 0.02
    """Share of bills that are not paid in their month, in the long run [1] (ill)."""
    persistence: BelowOne = 0.9
    """Share of its solvency that a month leaves a member [1] (ill)."""
    shock: Annotated[float, Field(gt=0, le=100)] = 0.4
    """Standard deviation of a member's monthly shock to solvency [1] (ill)."""
    sector_shock: Weight = 0.1
    """Standard deviation of the monthly shock to all members of a base profile, such as a sector [1] (ill)."""
    burden: Weight = 1.0
    """Fall of solvency by a bill as large as the month's income [1] (ill)."""
    default_months: Months = 3
    """Unpaid bills in a row after which a member defaults [month] (ill)."""
    loss_share: Share = 0.6
    """Share of its debt that a default loses [1] (ill)."""
