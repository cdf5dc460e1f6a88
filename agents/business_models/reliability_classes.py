"""Differential reliability as a business model: what tariffs with a service class have brought (model.md B9, D8.1).

No contracts of its own: customers choose a class with their tariff, and their bills charge and refund. The business
model reads those rows of the books, and says whether the classes cover what their reliability costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

from gridagora.agents.business_models.canvas import Canvas, Entry
from gridagora.agents.business_models.contracts import Contracts
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
from gridagora.agents.business_models.terms import Name
from gridagora.markets.tariffs.reliability import PriorityService, ServiceClass
from gridagora.markets.tariffs.reliability_cost import ReliabilityCost, covering_menu, shortfall
from gridagora.sim.bounds import within
from gridagora.sim.metrics import Kpi

if TYPE_CHECKING:
    import pandas as pd


class Surplus(NamedTuple):
    """What a menu is worth, per kW and month of each customer.

    Parameters
    ----------
    customers : ndarray of float64, shape (n,)
        v r - s of the class that each chooses, 0 for none [currency/(kW month)].
    grid : ndarray of float64, shape (n,)
        s - c(r) of that class [currency/(kW month)].
    """

    customers: Floats
    grid: Floats


class ReliabilityClasses(BusinessModel):
    """Classes of reliability at a charge each, the least reliable shed first (Chao and Wilson, 1987)."""

    canvas: ClassVar[Canvas] = Canvas(
        partners={"customers who are shed first": CUSTOMER},
        activities=("offer classes", "shed the least reliable first", "refund what is not served"),
        resources={},
        value=("the right reliability at the right price",),
        relationship={"classes": "menu.classes"},
        channels={"the menu of tariffs": "population"},
        segments={"population with such a menu": "population"},
        costs=(Entry("refunds of energy not served", ("reliability",)),),
        revenues=(Entry("charges of the classes", ("reliability",)),),
    )
    risk_bearers: ClassVar = {"performance": PROVIDER, "volume": PROVIDER, "price": CUSTOMER}
    asset: ClassVar[str] = "reliability"
    usual_provider: ClassVar[str] = "supplier"

    kind: Literal["reliability_classes"] = "reliability_classes"
    """Classes of reliability, by the tariffs that have `service`."""
    provider: Name = "supplier"
    """Party that charges and refunds, as the tariffs have it."""
    menu: PriorityService = PriorityService(
        classes={
            "economy": ServiceClass(reliability=0.90, charge_per_kw=2.0),
            "standard": ServiceClass(reliability=0.98, charge_per_kw=8.0),
            "firm": ServiceClass(reliability=0.999, charge_per_kw=12.0),
        }
    )
    """The classes of the tariffs, whose costs are looked at (ill)."""
    cost_scale_per_kw: Annotated[float, Field(gt=0, le=1e6)] = 1.5
    """What it costs to divide the share of energy not served by e [currency/(kW month)] (ill; B9)."""
    cost_base: Annotated[float, Field(ge=0, lt=1)] = 0.85
    """Reliability that the grid has anyway [1] (ill)."""

    @model_validator(mode="after")
    def _below_perfect(self) -> Self:
        highest = max(service.reliability for service in self.menu.classes.values())
        if highest >= 1:
            raise ValueError(f"menu: given a reliability of {highest:g}; allowed below 1, whose cost has no bound")
        return self

    @property
    def is_offered(self) -> bool:
        """No: customers choose a class with their tariff."""
        return False

    @property
    def cost(self) -> ReliabilityCost:
        """Cost of reliability by investment."""
        return ReliabilityCost(self.cost_scale_per_kw, self.cost_base)

    def books(self, ledger: pd.DataFrame) -> pd.DataFrame:
        """Return charges and refunds of tariffs with a service class, between the provider and the population.

        Parameters
        ----------
        ledger : pandas.DataFrame
            Rows payer, payee, account, business_model, amount [currency].
        """
        parties = {self.provider, self.population}
        between = ledger["payer"].isin(parties) & ledger["payee"].isin(parties)
        return ledger[between & (ledger["account"] == "reliability")]

    def expected(self, customers: Customers) -> Quantities:
        """Return nothing: there is no contract."""
        return {}

    def yearly(self, q: Quantities, age: Age) -> list[Flow]:
        """Return nothing: bills charge and refund."""
        return []

    def surplus(self, value_per_kw: Floats) -> Surplus:
        """Return what the menu is worth to customers and to the grid, after its costs.

        Parameters
        ----------
        value_per_kw : ndarray of float64, shape (n,)
            Worth of uninterrupted service, at least 0 [currency/(kW month)].
        """
        value = within("value_per_kw", value_per_kw, 0.0)
        classes = self.menu.classes.values()
        chosen = self.menu.choose(value)
        reliability = np.array([0.0, *(service.reliability for service in classes)])[chosen]
        charge = np.array([0.0, *(service.charge_per_kw for service in classes)])[chosen]
        return Surplus(value * reliability - charge, charge - self.cost.cost(reliability))

    def covering(self) -> PriorityService:
        """Return the menu with charges raised to what each step of reliability costs at least."""
        return covering_menu(self.menu, self.cost)

    def indicators(self, books: pd.DataFrame, contracts: Contracts, day: int) -> list[Kpi]:
        """Return charges, refunds, and by how much each class is too cheap."""
        charged = float(books.loc[books["payee"] == self.provider, "amount"].sum())
        refunded = float(books.loc[books["payer"] == self.provider, "amount"].sum())
        cut_offs = dict(zip(self.menu.classes, self.menu.cut_offs().tolist(), strict=True))
        lacks = shortfall(self.menu, self.cost)
        return [
            Kpi("reliability_charged", self.title, charged, "currency"),
            Kpi("reliability_refunded", self.title, refunded, "currency"),
            *(
                Kpi(f"reliability_cut_off_{name}", self.title, at, "currency/(kW month)")
                for name, at in cut_offs.items()
            ),
            *(
                Kpi(f"reliability_shortfall_{name}", self.title, by, "currency/(kW month)")
                for name, by in lacks.items()
            ),
        ]
