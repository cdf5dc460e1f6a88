"""Service portal: the channel on which customers are met, informed and enrolled (model.md D4 b; S1.26).

Who uses it hears of other offers, pays online, reports faults by a message instead of a call, and may enrol in demand
response, after which its devices answer prices with enabling technology.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from gridagora.agents.business_models.canvas import Canvas, Entry
from gridagora.agents.business_models.financing import TAX
from gridagora.agents.business_models.frame import (
    CUSTOMER,
    PROVIDER,
    Age,
    BusinessModel,
    Customers,
    Floats,
    Flow,
    Quantities,
)
from gridagora.agents.business_models.luck import lognormal
from gridagora.agents.business_models.terms import Acceptance, Money, Risk, Share, Sigma, Years

#: Accounts of the portal.
MEMBERSHIP, ADVERTISING, SERVICE_COST, DEMAND_RESPONSE = (
    "membership", "advertising", "service_cost", "demand_response",
)  # fmt: skip
Visits = Annotated[float, Field(ge=0, le=1000)]


def awareness(visits_per_month: Floats | float, notice_share: float) -> Floats:
    """Return the chance that a month's visits bring an offer to somebody's notice, 1 - (1 - c)^v, shape (n,) [1].

    Parameters
    ----------
    visits_per_month : ndarray of float64, shape (n,), or float
        v, visits, or notices [1/month].
    notice_share : float
        c, share of visits on which an offer is noticed [1].

    Examples
    --------
    >>> awareness(np.array([0.0, 2.0]), 0.5).tolist()
    [0.0, 0.75]
    """
    return np.asarray(1.0 - (1.0 - notice_share) ** visits_per_month)


class ServicePortal(BusinessModel):
    """The provider runs a portal; advertisers pay it, it has fewer calls to answer and load that can be shifted."""

    asset: ClassVar[str] = "portal"
    usual_provider: ClassVar[str] = "grid_company"
    uncertain: ClassVar[dict[str, str]] = {"visits_per_month": "performance_sigma", "enrolled": "volume_sigma"}
    risk_bearers: ClassVar[dict[str, str]] = {"performance": PROVIDER, "volume": PROVIDER, "data_misuse": CUSTOMER}
    canvas: ClassVar[Canvas] = Canvas(
        partners={"advertisers, cloud and telecoms": "outside", "members with load to shift": CUSTOMER},
        activities=("answer and inform", "enrol in demand response", "take fault reports for maintenance"),
        resources={"visits": "visits_per_month", "enrolled load": "enrolled"},
        value=("bills, notices and help in one place", "pay for shifting load"),
        relationship={"fee of membership": "fee_per_month"},
        channels={"who hears of the portal": "channel.reach_share", "offers seen on it": "notice_share"},
        segments={"all, by consumption and devices": "segment"},
        costs=(
            Entry("servers, messages, support", (SERVICE_COST,)),
            Entry("pay for demand response", (DEMAND_RESPONSE,)),
            Entry("tax", (TAX,)),
        ),
        revenues=(
            Entry("membership", (MEMBERSHIP,)),
            Entry("advertising", (ADVERTISING,)),
            Entry("tax credits", (TAX,)),
        ),
    )

    kind: Literal["service_portal"] = "service_portal"
    """Portal on which customers are met, informed and enrolled."""
    acceptance: Acceptance = Acceptance(hassle=0.2, capital_months=1.0)
    """How customers decide."""
    risk: Risk = Risk(default_per_year=0.0)
    """What may come otherwise than expected; without a fee nobody owes anything."""
    term_years: Years = 3
    """Years that a membership lasts [a] (ill)."""
    life_years: Years = 3
    """Years over which its value counts [a] (ill)."""
    fee_per_month: Money = 0.0
    """Fee of membership [currency/month] (ill)."""
    visits_per_month: Visits = 2.0
    """Visits expected of a member [1/month] (ill)."""
    visits_sigma: Sigma = 0.6
    """Standard deviation of the logarithm of visits among members [1] (ill)."""
    notice_share: Share = 0.2
    """Share of visits on which an offer is noticed: gives the awareness of other offers [1] (ill)."""
    advertising_per_1000_visits: Money = 30.0
    """What advertisers pay for a thousand visits [currency/1000] (A7.3) (ill)."""
    enrolment_share: Share = 0.2
    """Share of members that enrol in demand response [1] (ill)."""
    response_kw: Annotated[float, Field(ge=0, le=1e5)] = 0.5
    """Load that an enrolled member is paid for [kW] (ill)."""
    response_pay_per_kw: Money = 60.0
    """Pay for it [currency/(kW a)] (ill)."""
    response_worth_per_kw: Money = 100.0
    """What it spares dispatch and maintenance in a year; a value that no books show [currency/(kW a)] (ill)."""
    convenience_per_visit: Money = 1.0
    """Time and trips that a visit spares the customer, in money; no party pays it [currency] (ill)."""
    calls_avoided_share: Share = 0.05
    """Visits that replace a call to the provider's service centre, over all visits [1] (ill)."""
    cost_per_call: Money = 6.0
    """What such a call costs; a value, as no books follow calls [currency] (ill)."""
    cost_per_month: Money = 0.3
    """Servers, messages and support for a member [currency/month] (ill)."""

    def expected(self, customers: Customers) -> Quantities:
        """Return `visits_per_month` [1/month] and the chance to be `enrolled` in demand response [1]."""
        n = len(customers)
        return {"visits_per_month": np.full(n, self.visits_per_month), "enrolled": np.full(n, self.enrolment_share)}

    def truth(self, customers: Customers, agreed: Quantities) -> Quantities:
        """Return visits and enrolment drawn by member: lognormal about the mean, and 0 or 1."""
        visit, enrol = customers.draws.uniforms("portal", customers.number, draws=2)
        visits = agreed["visits_per_month"] * lognormal(visit, self.visits_sigma)
        return {"visits_per_month": visits, "enrolled": (enrol < self.enrolment_share).astype(np.float64)}

    def yearly(self, q: Quantities, age: Age) -> list[Flow]:
        """Return fee, advertising, pay for demand response, cost, and what no books show [currency/a]."""
        in_term = np.asarray(age) < self.term_years
        visits = 12 * q["visits_per_month"] * in_term
        response = self.response_kw * q["enrolled"] * in_term
        month = np.ones(visits.shape) * in_term
        return [
            Flow(CUSTOMER, PROVIDER, MEMBERSHIP, 12 * self.fee_per_month * month),
            Flow("outside", PROVIDER, ADVERTISING, self.advertising_per_1000_visits / 1000 * visits),
            Flow(PROVIDER, CUSTOMER, DEMAND_RESPONSE, self.response_pay_per_kw * response),
            Flow(PROVIDER, "outside", SERVICE_COST, 12 * self.cost_per_month * month),
            Flow("outside", CUSTOMER, "convenience", self.convenience_per_visit * visits, metered=True),
            Flow("outside", PROVIDER, "calls", self.calls_avoided_share * self.cost_per_call * visits, metered=True),
            Flow("outside", PROVIDER, "dispatch", self.response_worth_per_kw * response, metered=True),
        ]

    def effect(self, q: Quantities, age: Floats) -> Quantities:
        """Return the `awareness` of other offers [1] and who answers prices with enabling `technology`, shape (n,)."""
        in_term = np.asarray(age) < self.term_years
        return {
            "awareness": awareness(q["visits_per_month"], self.notice_share) * in_term,
            "technology": np.where(in_term, q["enrolled"] >= 1.0, 0.0),
        }
