"""Optimisation as a service: a plan for battery, car and heat pump, paid by a share of what it saves (D4 a, D19 D4a).

The saving is what the home would have paid with its devices run by rule, less what it pays with the plan, both at its
retail prices; in a run it is measured by a twin of the home (:mod:`gridagora.agents.managed_twin`).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from gridagora.agents.business_models.canvas import Canvas, Entry
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
from gridagora.agents.business_models.terms import Money, Name, Share, Sigma, Years

#: Accounts of the service: the fee, the controller at the home, commission of its maker, running costs.
FEE, INVESTMENT, COMMISSION, SERVICE_COST = "optimisation_fee", "investment", "device_commission", "service_cost"


def plannable(customers: Customers) -> Bools:
    """Return who owns a battery, a car or a heat pump, and has no system that plans it yet, shape (n,)."""
    has = customers.owns["storage"] | customers.owns["vehicle"] | customers.owns["heat_pump"]
    return np.asarray(has & ~customers.owns.get("hems", np.zeros(len(customers), np.bool_)))


class OptimisationService(BusinessModel):
    """The provider plans the customer's devices for each day and has a share of what that saves."""

    asset: ClassVar[str] = "energy_management"
    usual_provider: ClassVar[str] = "supplier"
    uncertain: ClassVar[dict[str, str]] = {"saving": "performance_sigma", "price_factor": "price_sigma"}
    risk_bearers: ClassVar[dict[str, str]] = {
        "model_error": PROVIDER,
        "performance": PROVIDER,
        "price": PROVIDER,
        "credit": PROVIDER,
        "comfort": CUSTOMER,
    }
    canvas: ClassVar[Canvas] = Canvas(
        partners={"makers of controllers": "vendor", "cloud and telecoms": "outside", "retailer": "supplier"},
        activities=("forecast load and sun", "plan each day's charging and heating", "measure what was saved"),
        resources={"meter data and algorithms": "saving", "controllers": "capex"},
        value=("lowest price at the same comfort", "no fee without a saving"),
        relationship={"paid by result, over a term": "term_years"},
        channels={"portal and app": "channel.reach_share"},
        segments={"homes with battery, car or heat pump": "segment.has", "by consumption": "segment.annual_kwh_min"},
        costs=(
            Entry("controllers and their replacement", (INVESTMENT, REPLACEMENT)),
            Entry("computing, communication, support", (SERVICE_COST,)),
            Entry("capital and insurance", (DEBT_SERVICE, PREMIUM)),
            Entry("tax", (TAX,)),
        ),
        revenues=(
            Entry("share of the saving", (FEE,)),
            Entry("commission of device makers", (COMMISSION,)),
            Entry("loans, subsidies, claims, tax credits", (LOAN, SUBSIDY, CLAIM, TAX)),
        ),
    )

    kind: Literal["optimisation_service"] = "optimisation_service"
    """Planning of a home's devices for a share of the saving."""
    provider: Name = "supplier"
    """Party that offers the service: `supplier`, `grid_company`, `platform`, or a company."""
    term_years: Years = 5
    """Years that a contract lasts [a] (ill)."""
    life_years: Years = 5
    """Years over which its value counts, at least its term; when it ends so does the plan [a] (ill)."""
    saving_share: Share = 0.20
    """Share of the optimised saving that the customer pays; nothing in a year that saved nothing [1] (D4) (ill)."""
    saving_per_storage_kwh: Money = 40.0
    """Saving promised for each kWh of the battery [currency/(kWh a)] (ill)."""
    saving_per_vehicle: Money = 250.0
    """Saving promised for a car [currency/a] (ill)."""
    saving_per_heat_pump: Money = 100.0
    """Saving promised for a heat pump or air conditioner [currency/a] (ill)."""
    model_error: Sigma = 0.3
    """Standard deviation of the logarithm of the true saving over the promised one, by home [1] (ill)."""
    controller_cost: Money = 300.0
    """Price of the controller that the provider puts into the home, at the vendor's first prices [currency] (ill)."""
    commission_share: Share = 0.0
    """Share of that price that its maker pays back as commission [1] (ill)."""
    cost_per_month: Annotated[float, Field(ge=0, le=1e6)] = 1.0
    """Computing, communication and support of a home [currency/month] (ill)."""

    def eligible(self, customers: Customers) -> Bools:
        """Return who has devices to plan and no plan yet, shape (n,)."""
        return plannable(customers)

    def expected(self, customers: Customers) -> Quantities:
        """Return the promised `saving` [currency/a], `price_factor` on it [1] and `capex` [currency]."""
        owns = customers.owns
        saving = self.saving_per_storage_kwh * customers.battery_kwh
        saving = saving + self.saving_per_vehicle * owns["vehicle"] + self.saving_per_heat_pump * owns["heat_pump"]
        return {
            "saving": saving,
            "price_factor": np.ones(len(customers)),
            "capex": np.full(len(customers), self.controller_cost * customers.vendor_price),
        }

    def truth(self, customers: Customers, agreed: Quantities) -> Quantities:
        """Return the saving with the model's error, lognormal with mean 1, drawn by member."""
        error = lognormal(customers.draws.uniforms("optimisation", customers.number)[0], self.model_error)
        return {**agreed, "saving": agreed["saving"] * error}

    def upfront(self, q: Quantities) -> list[Flow]:
        """Return the purchase of the controller, and its maker's commission [currency]."""
        return [
            Flow(PROVIDER, "vendor", INVESTMENT, q["capex"]),
            Flow("vendor", PROVIDER, COMMISSION, self.commission_share * q["capex"]),
        ]

    def yearly(self, q: Quantities, age: Age) -> list[Flow]:
        """Return saving, fee and running cost of a year [currency/a]; beyond the term there is no plan."""
        in_term = np.asarray(age) < self.term_years
        saved = q["saving"] * q["price_factor"] * in_term
        return [
            Flow("supplier", CUSTOMER, "retail", saved, metered=True),
            Flow(CUSTOMER, PROVIDER, FEE, self.saving_share * np.maximum(saved, 0.0)),
            Flow(PROVIDER, "outside", SERVICE_COST, np.full(saved.shape, 12 * self.cost_per_month) * in_term),
        ]

    def effect(self, q: Quantities, age: Floats) -> Quantities:
        """Return who follows a plan from the next day on, shape (n,)."""
        return {"managed": np.where(np.asarray(age) < self.term_years, 1.0, 0.0)}

    def realised(self, q: Quantities, meters: Meters, age: Floats) -> Quantities:
        """Return the saving as the twin measures it, at the prices that were."""
        return {**q, "saving": np.broadcast_to(meters.optimised_saving, q["saving"].shape).astype(np.float64)}
