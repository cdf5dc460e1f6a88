"""The electric nanny: inspection and small works for farms, by subscription (model.md D3c; S1).

Visits lower the hazard of electric shocks and faults, h = h0 exp(-kappa nu). A farm with a safe supply does by
electricity what it did by fuel before: more energy is sold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from gridagora.agents.business_models.canvas import Canvas, Entry
from gridagora.agents.business_models.connection import HOURS_A_YEAR, Connection
from gridagora.agents.business_models.contracts import Contracts
from gridagora.agents.business_models.events import event_keys, events, held_years
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
from gridagora.agents.business_models.terms import Money, Share, Sigma, Years
from gridagora.sim.metrics import Kpi
from gridagora.sim.plugin import Frozen

if TYPE_CHECKING:
    import pandas as pd

Hours = Annotated[float, Field(ge=0, le=8760)]
Cost = Annotated[float, Field(gt=0, le=1e12)]


class ServiceItem(Frozen):
    """Something that the provider does at the customer's again and again, the first time at signing."""

    cost_per_kva: Money
    """What it costs the provider each time [currency/kVA] (ill)."""
    every_years: Years = 1
    """Years between two times [a] (ill)."""

    def due(self, age: Age) -> Floats:
        """Return what it costs within the year `age`, the first time apart [currency/kVA]."""
        year = np.asarray(age)
        return np.asarray(self.cost_per_kva * ((year > 0) & (year % self.every_years == 0)))


class ElectricNanny(BusinessModel):
    """A subscription by kVA and month for inspections, leak protectors, knife switches and wiring checks."""

    canvas: ClassVar[Canvas] = Canvas(
        partners={"makers of protectors and switches": "vendor", "insurers": "insurer", "lenders": "bank"},
        activities=("inspect on site", "install leak protectors", "renew knife switches", "check wiring"),
        resources={"crews by connection": "kva", "what is installed": "capex"},
        value=("nobody is hurt", "fewer faults", "electricity in place of fuel"),
        relationship={"visits on site": "visits_per_month"},
        channels={"service hall": "channel.reach_share"},
        segments={"size": "segment.annual_kwh_min", "kind of farm": "segment.profiles"},
        costs=(
            Entry("crews", ("visits",)),
            Entry("protectors, switches, wiring", ("leak_protectors", "knife_switches", "wiring_checks")),
            Entry("liability", ("liability",)),
            Entry("financing", ("debt_service", "insurance_premium", "replacement", "tax")),
        ),
        revenues=(
            Entry("subscriptions", ("service_fee",)),
            Entry("financing", ("loan", "subsidy", "insurance_claim", "tax")),
        ),
    )
    risk_bearers: ClassVar = {
        "performance": PROVIDER, "liability": PROVIDER, "credit": PROVIDER, "volume": CUSTOMER, "price": CUSTOMER
    }  # fmt: skip
    uncertain: ClassVar = {
        "added_kwh": "volume_sigma",
        "price_per_kwh": "price_sigma",
        "shocks": "performance_sigma",
        "faults": "performance_sigma",
    }
    asset: ClassVar[str] = "electrical_safety"

    kind: Literal["electric_nanny"] = "electric_nanny"
    """The electric nanny."""
    population: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "farms"
    """Population to whose members it is offered."""
    fee_per_kva_month: Money = 3.0
    """Subscription [currency/(kVA month)] (ill; D3)."""
    connection: Connection = Connection()
    """How large a customer's connection is."""
    visits_per_month: Annotated[float, Field(ge=0, le=31)] = 1.0
    """Inspections nu [1/month] (ill)."""
    visit_cost: Money = 20.0
    """What an inspection costs the provider [currency] (ill)."""
    visit_effect_months: Annotated[float, Field(ge=0, le=100)] = 0.7
    """kappa: by how much a monthly inspection lowers the logarithm of the hazard [month] (ill)."""
    shocks_per_year: Annotated[float, Field(ge=0, le=1000)] = 0.02
    """Hazard of electric shocks without inspections [1/a] (ill)."""
    faults_per_year: Annotated[float, Field(ge=0, le=1000)] = 0.8
    """Hazard of faults without inspections [1/a] (ill)."""
    hazard_sigma: Sigma = 0.5
    """Standard deviation of the logarithm of a customer's own hazards; their mean is that of all [1] (ill)."""
    damage_per_shock: Cost = 30_000.0
    """Damage of an electric shock [currency] (ill)."""
    cost_per_repair: Cost = 600.0
    """Repair of a fault [currency] (ill)."""
    hours_per_fault: Hours = 10.0
    """Time without supply after a fault [h] (ill)."""
    loss_per_kwh: Money = 6.0
    """Loss by energy that is not there [currency/kWh] (ill; P13)."""
    liability_share: Share = 0.3
    """Share of damages by shocks and of repairs that the provider pays [1] (ill)."""
    leak_protector: ServiceItem = ServiceItem(cost_per_kva=4.0, every_years=5)
    """Residual-current devices."""
    knife_switch: ServiceItem = ServiceItem(cost_per_kva=3.0, every_years=10)
    """Open knife switches replaced by closed ones."""
    wiring_check: ServiceItem = ServiceItem(cost_per_kva=1.0, every_years=1)
    """Insulation, earthing and joints measured."""
    added_share: Annotated[float, Field(ge=0, le=10)] = 0.08
    """Energy of processes that are electrified under contract, over the customer's consumption [1] (ill)."""
    fuel_per_kwh: Money = 0.65
    """What a kWh of these processes cost by fuel [currency/kWh] (ill)."""

    @property
    def hazard_left(self) -> float:
        """Hazard under inspection over the hazard without, exp(-kappa nu) [1]."""
        return float(np.exp(-self.visit_effect_months * self.visits_per_month))

    def expected(self, customers: Customers) -> Quantities:
        """Return size, hazards and energy of each customer.

        Quantities: `kva` [kVA], `capex` [currency], `shocks`, `faults` under contract and `base_shocks`, `base_faults`
        without [1/a], `outage_loss` of a fault [currency], `added_kwh` [kWh/a], `price_per_kwh` [currency/kWh],
        and the keys by which accidents are drawn.
        """
        n, kva = len(customers), self.connection.kva(customers.annual_kwh)
        lost = customers.annual_kwh / HOURS_A_YEAR * self.hours_per_fault * self.loss_per_kwh
        first = self.leak_protector.cost_per_kva + self.knife_switch.cost_per_kva
        return {
            "kva": kva,
            "capex": kva * first * customers.vendor_price,
            "shocks": np.full(n, self.shocks_per_year * self.hazard_left),
            "faults": np.full(n, self.faults_per_year * self.hazard_left),
            "base_shocks": np.full(n, self.shocks_per_year),
            "base_faults": np.full(n, self.faults_per_year),
            "outage_loss": lost,
            "added_kwh": self.added_share * customers.annual_kwh,
            "price_per_kwh": customers.price_per_kwh,
            **{f"{name}_key": event_keys(customers, name) for name in ("shocks", "faults")},
        }

    def truth(self, customers: Customers, agreed: Quantities) -> Quantities:
        """Draw how dangerous each customer's wiring is."""
        frailty = lognormal(customers.draws.uniforms("hazard", customers.number)[0], self.hazard_sigma)
        own = {name: agreed[name] * frailty for name in ("shocks", "faults", "base_shocks", "base_faults")}
        return {**agreed, **own}

    def upfront(self, q: Quantities) -> list[Flow]:
        """Return what the provider installs at signing."""
        items = {"leak_protectors": self.leak_protector, "knife_switches": self.knife_switch}
        total = sum(item.cost_per_kva for item in items.values())
        return [
            Flow(PROVIDER, "vendor", name, q["capex"] * (item.cost_per_kva / total if total else 0.0))
            for name, item in items.items()
        ]

    def yearly(self, q: Quantities, age: Age) -> list[Flow]:
        """Return subscription, crews and works, accidents and who pays for them, and what electrified processes use.

        The damage that there would be without inspections counts and is in no book: it does not happen.
        """
        on = np.asarray(age) < self.term_years
        kva = q["kva"] * on
        shocks, repairs = q["shocks"] * self.damage_per_shock * on, q["faults"] * self.cost_per_repair * on
        before = q["base_shocks"] * self.damage_per_shock
        before = before + q["base_faults"] * (self.cost_per_repair + q["outage_loss"])
        return [
            Flow(CUSTOMER, PROVIDER, "service_fee", 12 * self.fee_per_kva_month * kva),
            Flow(PROVIDER, "outside", "visits", 12 * self.visits_per_month * self.visit_cost * on * np.ones(kva.size)),
            Flow(PROVIDER, "vendor", "leak_protectors", self.leak_protector.due(age) * kva),
            Flow(PROVIDER, "vendor", "knife_switches", self.knife_switch.due(age) * kva),
            Flow(
                PROVIDER,
                "outside",
                "wiring_checks",
                self.wiring_check.cost_per_kva / self.wiring_check.every_years * kva,
            ),
            Flow(CUSTOMER, "outside", "shock_damage", shocks),
            Flow(CUSTOMER, "outside", "repairs", repairs),
            Flow(CUSTOMER, "outside", "outage_loss", q["faults"] * q["outage_loss"] * on),
            Flow(PROVIDER, CUSTOMER, "liability", self.liability_share * (shocks + repairs)),
            Flow("outside", CUSTOMER, "avoided_damage", before * on, metered=True),
            Flow("outside", CUSTOMER, "replaced_fuel", q["added_kwh"] * self.fuel_per_kwh * on),
            Flow(CUSTOMER, "supplier", "retail", q["added_kwh"] * q["price_per_kwh"] * on, metered=True),
        ]

    def effect(self, q: Quantities, age: Floats) -> Quantities:
        """Return the energy of electrified processes."""
        return {"added_kwh": q["added_kwh"] * (age < self.term_years)}

    def realised(self, q: Quantities, meters: Meters, age: Floats) -> Quantities:
        """Return accidents as they happened since the last bill, as yearly rates, and the price that was paid."""
        happened = {
            name: events(q[f"{name}_key"], q[name], age, meters.years) / meters.years for name in ("shocks", "faults")
        }
        return {**q, **happened, "price_per_kwh": meters.price_per_kwh}

    def indicators(self, books: pd.DataFrame, contracts: Contracts, day: int) -> list[Kpi]:
        """Return accidents, time between them, availability, margin and energy sold in addition.

        Accidents are counted by what they cost: where prices rise, their number is missing.
        """
        if not len(contracts):
            return []
        true, years = contracts.true, held_years(contracts, day, self.term_years)
        paid = books.groupby("account")["amount"].sum()
        one = float("nan") if self.finance.inflation else 1.0
        shocks = one * float(paid.get("shock_damage", 0.0)) / self.damage_per_shock
        faults = one * float(paid.get("repairs", 0.0)) / self.cost_per_repair
        hours, name = float(years.sum()) * HOURS_A_YEAR, self.title
        happened = shocks + faults
        return [
            Kpi("nanny_shocks", name, shocks, "1"),
            Kpi("nanny_faults", name, faults, "1"),
            Kpi("nanny_expected_events", name, float(((true["shocks"] + true["faults"]) * years).sum()), "1"),
            Kpi(
                "nanny_expected_without", name, float(((true["base_shocks"] + true["base_faults"]) * years).sum()), "1"
            ),
            Kpi("nanny_time_between_failures", name, hours / happened if happened else float("nan"), "h"),
            Kpi("nanny_availability", name, 1 - faults * self.hours_per_fault / hours if hours else 1.0, "1"),
            Kpi("nanny_margin", name, self.result(books), "currency"),
            Kpi("nanny_added_energy", name, float((true["added_kwh"] * years).sum()), "kWh"),
        ]
