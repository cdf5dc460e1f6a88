"""Supply of high quality for those to whom interruptions are dear (model.md D8.2; S4: high-quality service).

The provider builds a dedicated line, a second feed or an uninterruptible supply and asks a fee by kVA. It calls on the
customers that seem to be worth most to it over their lifetime; what it does not know of them makes it miss some.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import Field

from gridagora.agents.business_models.canvas import Canvas, Entry
from gridagora.agents.business_models.connection import HOURS_A_YEAR, Connection
from gridagora.agents.business_models.contracts import LEFT, Contracts
from gridagora.agents.business_models.events import event_keys, events, held_years
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
from gridagora.agents.business_models.targeting import best, lifetime_value, precision_at_k
from gridagora.agents.business_models.terms import Money, Rate, Share, Sigma
from gridagora.sim.metrics import Kpi

if TYPE_CHECKING:
    import pandas as pd


class Scope(NamedTuple):
    """What is built.

    Parameters
    ----------
    capex_per_kva : float
        What it costs [currency/kVA] (ill).
    left : float
        Share of interruptions that are left [1] (ill).
    """

    capex_per_kva: float
    left: float


#: What the service may consist of.
SCOPES = {"dedicated_line": Scope(300.0, 0.5), "dual_feed": Scope(450.0, 0.2), "ups": Scope(900.0, 0.02)}


class PremiumSupply(BusinessModel):
    """A fee for a supply with fewer interruptions, offered to the best customers first."""

    canvas: ClassVar[Canvas] = Canvas(
        partners={"network builders": "vendor", "lenders": "bank", "insurers": "insurer"},
        activities=("rank customers", "build feeds", "guarantee"),
        resources={"feeds": "capex", "knowledge of customers": "lifetime_value"},
        value=("production does not stop",),
        relationship={"guarantee": "compensation_per_kwh"},
        channels={"account managers": "channel.reach_share"},
        segments={"most valuable": "target_share", "sensitive sectors": "segment.profiles"},
        costs=(
            Entry("feeds", ("equipment", "replacement")),
            Entry("upkeep", ("maintenance",)),
            Entry("guarantee", ("compensation",)),
            Entry("financing", ("debt_service", "insurance_premium", "tax")),
        ),
        revenues=(
            Entry("fees", ("service_fee",)),
            Entry("financing", ("loan", "subsidy", "insurance_claim", "tax")),
        ),
    )
    risk_bearers: ClassVar = {
        "performance": PROVIDER, "credit": PROVIDER, "volume": PROVIDER, "price": CUSTOMER
    }  # fmt: skip
    uncertain: ClassVar = {"interruptions": "performance_sigma", "energy_margin": "volume_sigma"}
    asset: ClassVar[str] = "premium_supply"

    kind: Literal["premium_supply"] = "premium_supply"
    """High-quality supply."""
    population: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "firms"
    """Population to whose members it is offered."""
    term_years: Annotated[int, Field(ge=1, le=50)] = 10
    """Years that a contract lasts [a] (ill)."""
    scope: Literal["dedicated_line", "dual_feed", "ups"] = "dual_feed"
    """What is built: half of the interruptions are left by a dedicated line, a fifth by a second feed, one in fifty by
    an uninterruptible supply; 300, 450 and 900 currency/kVA (ill)."""
    fee_per_kva_month: Money = 6.5
    """Fee [currency/(kVA month)] (ill)."""
    connection: Connection = Connection(load_factor=0.6)
    """How large a customer's connection is."""
    maintenance_share: Share = 0.02
    """Yearly upkeep over the investment [1/a] (ill)."""
    interruptions_per_year: Annotated[float, Field(ge=0, le=1000)] = 3.0
    """Interruptions of the usual supply [1/a] (ill)."""
    hours_per_interruption: Annotated[float, Field(ge=0, le=1000)] = 1.5
    """Time until supply and production are back [h] (ill)."""
    loss_per_kwh: Money = 30.0
    """Mean loss by energy that is not there [currency/kWh]; 15 to 80 by sector (ill; P13)."""
    loss_sigma: Sigma = 0.8
    """Standard deviation of its logarithm among customers, who know their own [1] (ill)."""
    compensation_per_kwh: Money = 5.0
    """What the provider pays for energy that is not there all the same [currency/kWh] (ill)."""
    energy_margin_per_kwh: Money = 0.03
    """What the provider keeps of each kWh that a customer who stays uses [currency/kWh] (ill)."""
    churn_per_year: Rate = 0.10
    """Share of customers without the service who go elsewhere within a year [1/a] (ill)."""
    churn_left: Share = 0.3
    """Share of it that is left with the service [1] (ill)."""
    target_share: Annotated[float, Field(gt=0, le=1)] = 0.3
    """Share of customers that are called on, those first that seem most valuable [1] (ill)."""
    estimate_sigma: Sigma = 0.4
    """Standard deviation of the logarithm of what the provider thinks it will earn of them [1] (ill)."""

    def expected(self, customers: Customers) -> Quantities:
        """Return size, interruptions, losses and lifetime values.

        Quantities: `kva` [kVA], `capex` [currency], `interruptions` under contract and `base_interruptions` [1/a],
        `kwh` of an interruption [kWh], `loss_per_kwh` [currency/kWh], `shed_kwh` by shortages of the system [kWh/a],
        `energy_margin` [currency/a], `lifetime_value` as the provider sees it [currency], and the key by which
        interruptions are drawn.
        """
        n, kva = len(customers), self.connection.kva(customers.annual_kwh)
        own = lognormal(customers.draws.uniforms("lost load", customers.number)[0], self.loss_sigma)
        return {
            "kva": kva,
            "capex": kva * SCOPES[self.scope].capex_per_kva * customers.vendor_price,
            "interruptions": np.full(n, self.interruptions_per_year * SCOPES[self.scope].left),
            "base_interruptions": np.full(n, self.interruptions_per_year),
            "kwh": customers.annual_kwh / HOURS_A_YEAR * self.hours_per_interruption,
            "loss_per_kwh": self.loss_per_kwh * own,
            "shed_kwh": np.zeros(n),
            "energy_margin": self.energy_margin_per_kwh * customers.annual_kwh,
            "lifetime_value": self.lifetime_values(customers)[0],
            "interruptions_key": event_keys(customers, "interruptions"),
        }

    def lifetime_values(self, customers: Customers) -> tuple[Floats, Floats]:
        """Return what customers with the service are worth to the provider, net of the investment [currency].

        Parameters
        ----------
        customers : Customers
            All that are looked at.

        Returns
        -------
        seen : ndarray of float64, shape (n,)
            As the provider ranks them.
        true : ndarray of float64, shape (n,)
            With each customer's own probability of default.
        """
        kva = self.connection.kva(customers.annual_kwh)
        invested, left = kva * SCOPES[self.scope].capex_per_kva * customers.vendor_price, SCOPES[self.scope].left
        lost = self.interruptions_per_year * left * customers.annual_kwh / HOURS_A_YEAR * self.hours_per_interruption
        margin = 12 * self.fee_per_kva_month * kva + self.energy_margin_per_kwh * customers.annual_kwh
        margin = margin - self.maintenance_share * invested - self.compensation_per_kwh * lost
        stays = (1 - customers.default_per_year) * (1 - self.churn_per_year * self.churn_left)
        earned = lifetime_value(margin, stays, self.finance.discount_rate, self.term_years)
        error = lognormal(customers.draws.uniforms("lifetime value", customers.number)[0], self.estimate_sigma)
        return earned * error - invested, earned - invested

    def targets(self, n: int) -> int:
        """Return how many of n customers are called on, at least one where there are some."""
        return min(n, max(1, round(self.target_share * n)))

    def eligible(self, customers: Customers) -> Bools:
        """Return the best by lifetime value, as the provider sees it, of those that are looked at."""
        return best(self.lifetime_values(customers)[0], self.targets(len(customers)))

    def truth(self, customers: Customers, agreed: Quantities) -> Quantities:
        """Return the true lifetime value in place of the provider's estimate."""
        return {**agreed, "lifetime_value": self.lifetime_values(customers)[1]}

    def upfront(self, q: Quantities) -> list[Flow]:
        """Return what the provider builds."""
        return [Flow(PROVIDER, "vendor", "equipment", q["capex"])]

    def yearly(self, q: Quantities, age: Age) -> list[Flow]:
        """Return fee, upkeep, guarantee and losses, and what the provider keeps of customers who would have gone.

        Losses by interruptions that do not happen count and are in no book.
        """
        year = np.asarray(age)
        on = year < self.term_years
        lost = q["interruptions"] * q["kwh"] * on
        stay, go = (1 - self.churn_per_year * left for left in (self.churn_left, 1.0))
        kept = q["energy_margin"] * (stay ** (year + 1.0) - go ** (year + 1.0)) * on
        return [
            Flow(CUSTOMER, PROVIDER, "service_fee", 12 * self.fee_per_kva_month * q["kva"] * on),
            Flow(PROVIDER, "outside", "maintenance", self.maintenance_share * q["capex"] * on),
            Flow(PROVIDER, CUSTOMER, "compensation", self.compensation_per_kwh * (lost + q["shed_kwh"] * on)),
            Flow(CUSTOMER, "outside", "outage_loss", lost * q["loss_per_kwh"]),
            Flow(
                *("outside", CUSTOMER, "avoided_damage"),
                q["base_interruptions"] * q["kwh"] * q["loss_per_kwh"] * on,
                metered=True,
            ),
            Flow("outside", PROVIDER, "retained_margin", kept, metered=True),
        ]

    def realised(self, q: Quantities, meters: Meters, age: Floats) -> Quantities:
        """Return interruptions as they happened since the last bill, and what was shed, as yearly rates."""
        happened = events(q["interruptions_key"], q["interruptions"], age, meters.years) / meters.years
        return {**q, "interruptions": happened, "shed_kwh": meters.shed_kwh}

    def indicators(self, books: pd.DataFrame, contracts: Contracts, day: int) -> list[Kpi]:
        """Return precision of the ranking, lifetime value, energy not served, margin and retention.

        The provider sees how well it ranked by those who signed: which of the half that looked best are in it. Energy
        not served is counted by the compensation for it: it is missing where there is none, or where prices rise.
        """
        if not len(contracts):
            return []
        true, name = contracts.true, self.title
        expected = true["interruptions"] * true["kwh"] * held_years(contracts, day, self.term_years)
        paid, seen = books.loc[books["account"] == "compensation", "amount"].sum(), contracts.agreed["lifetime_value"]
        is_known = self.compensation_per_kwh > 0 and self.finance.inflation == 0
        lost = float(paid / self.compensation_per_kwh) if is_known else float("nan")
        return [
            Kpi("premium_precision", name, precision_at_k(seen, true["lifetime_value"], -(-seen.size // 2)), "1"),
            Kpi("premium_lifetime_value", name, float(true["lifetime_value"].sum()), "currency"),
            Kpi("premium_energy_not_served", name, lost, "kWh"),
            Kpi("premium_expected_not_served", name, float(expected.sum()), "kWh"),
            Kpi("premium_retention", name, float((contracts.status != LEFT).mean()), "1"),
            Kpi("premium_margin", name, self.result(books), "currency"),
        ]
