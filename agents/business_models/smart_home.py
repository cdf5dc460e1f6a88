"""Smart home: home energy management sold and run for a subscription (model.md D5; S1.28, S1.29, S1.32).

The provider sells a device with a margin, runs an app and other services for fees, bundles the homes' flexible load
into demand response and shares what that earns. Homes with a battery, a car or a heat pump are planned day by day and
keep all that this saves; besides, every home answers prices with enabling technology.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

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
    Meters,
    Quantities,
)
from gridagora.agents.business_models.luck import lognormal
from gridagora.agents.business_models.optimisation_service import plannable
from gridagora.agents.business_models.service_portal import awareness
from gridagora.agents.business_models.terms import Acceptance, Money, Name, Share, Sigma, Years
from gridagora.sim.plugin import Frozen

#: Accounts of the product.
DEVICE, DEVICE_PURCHASE, SUBSCRIPTION, SERVICE_FEE = "device_sale", "device_purchase", "subscription", "service_fee"
DEMAND_RESPONSE, ADVERTISING, REFERRAL, SERVICE_COST = "demand_response", "advertising", "referral", "service_cost"


class Service(Frozen):
    """A service beside the subscription."""

    fee_per_month: Money = 0.0
    """Fee of who uses it [currency/month] (ill)."""
    uptake_share: Share = 0.5
    """Share of customers that use it [1] (ill)."""


#: What a home may use: pay online, switch from afar, an app with notices, voice, a set-top box, use by appliance.
SERVICES = {
    "online_payment": Service(fee_per_month=0.0, uptake_share=0.7),
    "remote_control": Service(fee_per_month=1.0, uptake_share=0.3),
    "app": Service(fee_per_month=0.0, uptake_share=0.8),
    "voice_control": Service(fee_per_month=1.5, uptake_share=0.1),
    "set_top_box": Service(fee_per_month=2.0, uptake_share=0.05),
    "appliance_statistics": Service(fee_per_month=0.5, uptake_share=0.2),
}


class HomeEnergyManager(BusinessModel):
    """The provider sells a home energy manager and runs it for a subscription."""

    asset: ClassVar[str] = "energy_management"
    usual_provider: ClassVar[str] = "supplier"
    uncertain: ClassVar[dict[str, str]] = {
        "saving": "performance_sigma",
        "response_kw": "volume_sigma",
        "price_factor": "price_sigma",
    }
    risk_bearers: ClassVar[dict[str, str]] = {
        "performance": CUSTOMER,
        "price": CUSTOMER,
        "volume": PROVIDER,
        "credit": PROVIDER,
        "device": "vendor",
    }
    canvas: ClassVar[Canvas] = Canvas(
        partners={"device makers": "vendor", "app stores, advertisers": "outside", "dispatch": "grid_company"},
        activities=("sell devices", "monitor and control", "bundle flexible load", "advise and notify"),
        resources={
            "devices in homes": "device_price",
            "flexible load": "response_kw",
            "users of services": "service_fee",
        },
        value=("insight and control", "lower bills at the same comfort", "pay for flexible load"),
        relationship={"self-service by subscription": "subscription_per_month"},
        channels={"web, app and set-top box": "channel.reach_share", "notices": "notices_per_month"},
        segments={"homes, by consumption and devices": "segment"},
        costs=(
            Entry("devices", (DEVICE_PURCHASE,)),
            Entry("servers, reports, support", (SERVICE_COST,)),
            Entry("the homes' share of demand response", (DEMAND_RESPONSE,)),
            Entry("tax", (TAX,)),
        ),
        revenues=(
            Entry("devices", (DEVICE,)),
            Entry("subscription", (SUBSCRIPTION,)),
            Entry("fees of services", (SERVICE_FEE,)),
            Entry("demand response", (DEMAND_RESPONSE,)),
            Entry("advertising and referrals", (ADVERTISING, REFERRAL)),
            Entry("tax credits", (TAX,)),
        ),
    )

    kind: Literal["home_energy_manager"] = "home_energy_manager"
    """Home energy manager: device, subscription and services."""
    provider: Name = "supplier"
    """Party that sells and runs it: `supplier`, `platform` or a company; the grid company pays it for response."""
    acceptance: Acceptance = Acceptance(hassle=0.5)
    """How customers decide."""
    term_years: Years = 5
    """Years of subscription [a] (ill)."""
    life_years: Years = 5
    """Years that a device lasts [a] (ill)."""
    device_price: Money = 400.0
    """Price of the device to the customer, at the vendor's first prices [currency] (ill)."""
    device_margin: Share = 0.25
    """Share of that price that the provider keeps [1] (ill)."""
    subscription_per_month: Money = 5.0
    """Subscription [currency/month] (D5) (ill)."""
    services: dict[str, Service] = SERVICES
    """Services beside it, by name, each with its fee and uptake."""
    saving_per_storage_kwh: Money = 40.0
    """Saving expected of planning each kWh of the battery [currency/(kWh a)] (ill)."""
    saving_per_vehicle: Money = 250.0
    """Saving expected of planning a car [currency/a] (ill)."""
    saving_per_heat_pump: Money = 100.0
    """Saving expected of planning a heat pump or air conditioner [currency/a] (ill)."""
    saving_sigma: Sigma = 0.3
    """Standard deviation of the logarithm of the true over the expected saving, by home [1] (ill)."""
    insight_per_month: Money = 6.0
    """What insight and control are worth to the customer; no party pays it [currency/month] (ill)."""
    response_kw: Annotated[float, Field(ge=0, le=1e5)] = 0.5
    """Load of a home that demand response may call [kW] (ill)."""
    response_pay_per_kw: Money = 100.0
    """What the grid company pays the provider for it [currency/(kW a)] (ill)."""
    response_home_share: Share = 0.7
    """Share of that which the home gets [1] (ill)."""
    advertising_per_year: Money = 4.0
    """What advertisers pay for a home [currency/a] (ill)."""
    referral_per_year: Money = 3.0
    """What makers of appliances pay for a home's orders [currency/a] (ill)."""
    server_per_month: Money = 0.5
    """Server of a home [currency/month] (ill)."""
    report_per_month: Money = 0.5
    """Report [currency/month] (D5) (ill)."""
    support_per_month: Money = 0.8
    """Support [currency/month] (ill)."""
    notices_per_month: Annotated[float, Field(ge=0, le=100)] = 2.0
    """Notices of outages and prices [1/month] (ill)."""
    notice_share: Share = 0.1
    """Share of notices on which an offer is noticed: gives the awareness of other offers [1] (ill)."""

    @field_validator("provider")
    @classmethod
    def _not_its_own_payer(cls, value: str) -> str:
        if value == "grid_company":
            raise ValueError("given grid_company, which pays for demand response; allowed any other provider")
        return value

    def expected(self, customers: Customers) -> Quantities:
        """Return `device_price` [currency], `saving` and `service_fee` [currency/a], `response_kw` [kW], two factors.

        What a home that has nothing to plan saves, shows on its meter as its answer to prices; it is not promised.
        """
        n, plan = len(customers), plannable(customers)
        owns = customers.owns
        saving = self.saving_per_storage_kwh * customers.battery_kwh
        saving = saving + self.saving_per_vehicle * owns["vehicle"] + self.saving_per_heat_pump * owns["heat_pump"]
        fee = sum(12 * service.fee_per_month * service.uptake_share for service in self.services.values())
        return {
            "device_price": np.full(n, self.device_price * customers.vendor_price),
            "saving": saving * plan,
            "price_factor": np.ones(n),
            "planned": plan.astype(np.float64),
            "service_fee": np.full(n, float(fee)),
            "response_kw": np.full(n, self.response_kw),
        }

    def truth(self, customers: Customers, agreed: Quantities) -> Quantities:
        """Return savings and used services drawn by member."""
        factor = lognormal(customers.draws.uniforms("energy manager", customers.number)[0], self.saving_sigma)
        fee = np.zeros(len(customers))
        for name, service in self.services.items():
            uses = customers.draws.uniforms(f"service {name}", customers.number)[0] < service.uptake_share
            fee += 12 * service.fee_per_month * uses
        return {**agreed, "saving": agreed["saving"] * factor, "service_fee": fee}

    def upfront(self, q: Quantities) -> list[Flow]:
        """Return the sale of the device, and its purchase from the vendor [currency]."""
        return [
            Flow(CUSTOMER, PROVIDER, DEVICE, q["device_price"]),
            Flow(PROVIDER, "vendor", DEVICE_PURCHASE, (1 - self.device_margin) * q["device_price"]),
        ]

    def yearly(self, q: Quantities, age: Age) -> list[Flow]:
        """Return what flows in a year of the subscription [currency/a]."""
        year = np.ones(q["saving"].shape) * (np.asarray(age) < self.term_years)
        response = self.response_pay_per_kw * q["response_kw"] * year
        cost = 12 * (self.server_per_month + self.report_per_month + self.support_per_month)
        return [
            Flow("supplier", CUSTOMER, "retail", q["saving"] * q["price_factor"] * year, metered=True),
            Flow("outside", CUSTOMER, "insight", 12 * self.insight_per_month * year, metered=True),
            Flow(CUSTOMER, PROVIDER, SUBSCRIPTION, 12 * self.subscription_per_month * year),
            Flow(CUSTOMER, PROVIDER, SERVICE_FEE, q["service_fee"] * year),
            Flow("grid_company", PROVIDER, DEMAND_RESPONSE, response),
            Flow(PROVIDER, CUSTOMER, DEMAND_RESPONSE, self.response_home_share * response),
            Flow("outside", PROVIDER, ADVERTISING, self.advertising_per_year * year),
            Flow("outside", PROVIDER, REFERRAL, self.referral_per_year * year),
            Flow(PROVIDER, "outside", SERVICE_COST, cost * year),
        ]

    def effect(self, q: Quantities, age: Floats) -> Quantities:
        """Return who is planned, `managed`, who answers by `technology`, and `awareness` by notices, shape (n,)."""
        in_term = (np.asarray(age) < self.term_years).astype(np.float64)
        noticed = awareness(self.notices_per_month, self.notice_share)
        return {"managed": q["planned"] * in_term, "technology": in_term, "awareness": noticed * in_term}

    def realised(self, q: Quantities, meters: Meters, age: Floats) -> Quantities:
        """Return what planning saved as the home's twin measures it, at the prices that were."""
        return {**q, "saving": np.broadcast_to(meters.optimised_saving, q["saving"].shape).astype(np.float64)}
