"""What rented, sold and financed machines share: stages of their life, output, energy, wrong choice (model.md D3)."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from gridagora.agents.business_models.canvas import Canvas, Entry
from gridagora.agents.business_models.connection import HOURS_A_YEAR
from gridagora.agents.business_models.contracts import Contracts
from gridagora.agents.business_models.events import held_years
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
from gridagora.agents.business_models.terms import Rate, Share
from gridagora.sim.metrics import Kpi
from gridagora.sim.plugin import Frozen

if TYPE_CHECKING:
    import pandas as pd

STAGES = ("planning", "selection", "installation", "commissioning")


class Stages(Frozen):
    """What comes before a machine runs, as shares of its price (S1: the whole process of equipment management)."""

    planning: Share = 0.02
    """Finding out what is needed [1] (ill)."""
    selection: Share = 0.03
    """Choosing the machine [1] (ill)."""
    installation: Share = 0.08
    """Building it in [1] (ill)."""
    commissioning: Share = 0.02
    """Testing it [1] (ill)."""

    @property
    def total(self) -> float:
        """Share of all stages [1]."""
        return self.planning + self.selection + self.installation + self.commissioning


class EquipmentModel(BusinessModel):
    """A machine by which customers produce more; sub-classes say who pays for it when."""

    asset: ClassVar[str] = "equipment"
    uncertain: ClassVar = {
        "output_per_kwh": "performance_sigma", "added_kwh": "volume_sigma", "price_per_kwh": "price_sigma",
    }  # fmt: skip

    population: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "firms"
    """Population to whose members it is offered."""
    term_years: Annotated[int, Field(ge=1, le=50)] = 8
    """Years that a contract lasts [a] (ill)."""
    life_years: Annotated[int, Field(ge=1, le=50)] = 8
    """Years that the machine serves, at least the term [a] (ill)."""
    kw_to_mean: Annotated[float, Field(gt=0, le=10)] = 0.3
    """Rated power over the customer's mean power [1] (ill)."""
    price_per_kw: Annotated[float, Field(gt=0, le=1e6)] = 900.0
    """The vendor's price [currency/kW] (ill)."""
    stages: Stages = Stages()
    """What comes before it runs."""
    maintenance_share: Share = 0.03
    """Yearly upkeep over the price [1/a] (ill)."""
    hours_per_year: Annotated[float, Field(gt=0, le=8784)] = 1500.0
    """Yearly use at rated power [h/a] (ill)."""
    output_per_kwh: Annotated[float, Field(ge=0, le=1000)] = 0.95
    """What the product of a kWh earns, electricity apart [currency/kWh] (ill)."""
    wrong_share: Share = 0.15
    """Probability that a customer who chooses alone takes the wrong machine [1] (ill; D3)."""
    wrong_output_share: Share = 0.25
    """Share of the product that a wrong machine loses by standing still and by bad quality [1] (ill; S1)."""
    wrong_use_share: Share = 0.10
    """Share by which a wrong machine uses more energy [1] (ill)."""
    residual_share: Share = 0.20
    """What the machine is worth at the end over its price, if nothing better has come [1] (ill)."""
    scrap_share: Share = 0.02
    """What it is worth at the end over its price otherwise [1] (ill)."""
    obsolete_per_year: Rate = 0.05
    """Probability that something better comes within a year [1/a] (ill)."""
    loss_given_default: Share = 0.45
    """Share of what is owed that is lost with a customer who defaults, the machine taken back and sold [1] (ill)."""

    @model_validator(mode="after")
    def _worth_more_than_scrap(self) -> Self:
        if self.residual_share < self.scrap_share:
            raise ValueError(
                f"residual_share: given {self.residual_share:g}; allowed at least scrap_share, which is "
                f"{self.scrap_share:g}"
            )
        return self

    @property
    @abstractmethod
    def kept_years(self) -> int:
        """Years that the customer has the machine, after which it is still worth something [a]."""

    def expected(self, customers: Customers) -> Quantities:
        """Return price, output, energy and risks of each machine; sub-classes add what is paid for it.

        Quantities: `kw` [kW], `price`, `capex` with all stages [currency], `added_kwh` of a right machine [kWh/a],
        `output_per_kwh`, `price_per_kwh` [currency/kWh], `wrong` [1], `residual` [currency], `default_per_year` [1/a].
        """
        n = len(customers)
        kw = self.kw_to_mean * customers.annual_kwh / HOURS_A_YEAR
        price = kw * self.price_per_kw * customers.vendor_price
        added = kw * self.hours_per_year
        current = (1 - self.obsolete_per_year) ** self.kept_years
        return {
            "kw": kw,
            "price": price,
            "capex": price * (1 + self.stages.total),
            "added_kwh": added,
            "output_per_kwh": np.full(n, self.output_per_kwh),
            "price_per_kwh": customers.price_per_kwh,
            "wrong": np.full(n, self.wrong_share),
            "residual": price * (self.scrap_share + (self.residual_share - self.scrap_share) * current),
            "default_per_year": customers.default_per_year,
        }

    def truth(self, customers: Customers, agreed: Quantities) -> Quantities:
        """Draw whether the machine was the wrong one, and whether something better comes within its time."""
        chosen, better = customers.draws.uniforms("equipment", customers.number, draws=2)
        current = better < (1 - self.obsolete_per_year) ** self.kept_years
        worth = np.where(current, self.residual_share, self.scrap_share)
        return {**agreed, "wrong": (chosen < self.wrong_share) * 1.0, "residual": agreed["price"] * worth}

    def upfront(self, q: Quantities) -> list[Flow]:
        """Return what the provider pays for the machine and its stages."""
        stages = [Flow(PROVIDER, "outside", stage, q["price"] * getattr(self.stages, stage)) for stage in STAGES]
        return [Flow(PROVIDER, "vendor", "equipment", q["price"]), *stages]

    def effect(self, q: Quantities, age: Floats) -> Quantities:
        """Return the energy that the machine uses."""
        return {"added_kwh": self._used(q) * (age < self.kept_years)}

    def realised(self, q: Quantities, meters: Meters, age: Floats) -> Quantities:
        """Return the quantities at the price that was paid."""
        return {**q, "price_per_kwh": meters.price_per_kwh}

    def _used(self, q: Quantities) -> Floats:
        """Return the energy that a machine uses [kWh/a]; who chooses alone may have a wrong one."""
        return q["added_kwh"] * (1 + q["wrong"] * self.wrong_use_share)

    def _gain(self, q: Quantities) -> Floats:
        """Return what a machine earns, electricity apart [currency/a]."""
        return q["added_kwh"] * q["output_per_kwh"] * (1 - q["wrong"] * self.wrong_output_share)

    def _work(self, q: Quantities, age: Age) -> list[Flow]:
        """Return what a machine brings and uses while the customer has it."""
        has = np.asarray(age) < self.kept_years
        return [
            Flow("outside", CUSTOMER, "output", self._gain(q) * has),
            Flow(CUSTOMER, "supplier", "retail", self._used(q) * q["price_per_kwh"] * has, metered=True),
        ]

    def _own(self, q: Quantities, age: Age) -> list[Flow]:
        """Return what an owner pays for upkeep, and receives for the machine in its last year."""
        year = np.asarray(age)
        return [
            Flow(CUSTOMER, "outside", "maintenance", self.maintenance_share * q["price"] * (year < self.life_years)),
            Flow("outside", CUSTOMER, "residual", q["residual"] * (year == self.life_years - 1)),
        ]

    def indicators(self, books: pd.DataFrame, contracts: Contracts, day: int) -> list[Kpi]:
        """Return key figures of all contracts: machines, wrong ones, energy added."""
        if not len(contracts):
            return []
        years, true = held_years(contracts, day, self.term_years), contracts.true
        return [
            Kpi("equipment_kw", self.title, float(true["kw"].sum()), "kW"),
            Kpi("equipment_wrong_share", self.title, float(true["wrong"].mean()), "1"),
            Kpi("equipment_added_energy", self.title, float((self._used(true) * years).sum()), "kWh"),
            Kpi("equipment_provider_cash", self.title, self.result(books), "currency"),
        ]


def equipment_canvas(costs: tuple[Entry, ...], revenues: tuple[Entry, ...], value: tuple[str, ...]) -> Canvas:
    """Return a canvas of D3; the three models share all but value, cost and revenue."""
    return Canvas(
        partners={"manufacturers": "vendor", "lenders": "bank", "insurers": "insurer"},
        activities=("plan", "select", "install", "commission", "finance"),
        resources={"machines": "capex", "credit file": "default_per_year"},
        value=value,
        relationship={"length of the bond": "term_years"},
        channels={"service hall": "channel.reach_share", "rounds of account managers": "channel.every_months"},
        segments={"size": "segment.annual_kwh_min", "sector": "segment.profiles", "good credit": "segment.score_auc"},
        costs=(
            Entry("machines", ("equipment", "replacement")),
            Entry("stages before operation", STAGES),
            Entry("debt service", ("debt_service",)),
            Entry("insurance", ("insurance_premium",)),
            Entry("tax", ("tax",)),
            *costs,
        ),
        revenues=(
            Entry("loans", ("loan",)),
            Entry("subsidies", ("subsidy",)),
            Entry("insured damage", ("insurance_claim",)),
            Entry("tax on losses", ("tax",)),
            *revenues,
        ),
    )
