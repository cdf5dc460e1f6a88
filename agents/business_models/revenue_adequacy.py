"""Whether a charge per kWh still covers the grid's cost while customers generate for themselves (model.md D8.4).

The price that covers the cost is a fixed point, p = (F + c Q(p)) / Q(p): what is sold falls with the price, because
own generation pays the more, the dearer the grid is. Below a contraction of 1 yearly revisions come to rest at it;
above, they run away, which is the death spiral.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from scipy.special import expit

from gridagora.agents.business_models.canvas import Canvas, Entry
from gridagora.agents.business_models.contracts import Contracts
from gridagora.agents.business_models.frame import CUSTOMER, Age, BusinessModel, Customers, Flow, Quantities
from gridagora.agents.business_models.terms import Money
from gridagora.markets.cost_recovery import CostRecovery, recover_cost
from gridagora.sim.metrics import Kpi

if TYPE_CHECKING:
    import pandas as pd

Price = Annotated[float, Field(ge=0, le=1000)]


class RevenueAdequacy(BusinessModel):
    """The grid company's charge per kWh, which has to bring in a revenue requirement."""

    canvas: ClassVar[Canvas] = Canvas(
        partners={"customers who generate": CUSTOMER, "regulator": "government"},
        activities=("carry energy", "revise the charge"),
        resources={},
        value=("access to the grid",),
        relationship={"charge at first": "first_per_kwh"},
        channels={"bills": "population"},
        segments={"everybody connected": "population"},
        costs=(Entry("losses, bought in the pool", ("pool", "imbalance", "balancing")),),
        revenues=(
            Entry("network charges", ("network",)),
            Entry("what passes through the pool", ("pool", "imbalance", "balancing")),
        ),
    )
    risk_bearers: ClassVar = {"volume": CUSTOMER, "price": CUSTOMER}
    asset: ClassVar[str] = "grid"

    kind: Literal["revenue_adequacy"] = "revenue_adequacy"
    """Network charge against the revenue requirement."""
    fixed_per_year: Money = 340_000.0
    """F: cost of the grid that does not depend on what it carries [currency/a] (ill)."""
    variable_per_kwh: Price = 0.02
    """c: cost of a kWh carried, such as its losses [currency/kWh] (ill)."""
    demand_kwh: Annotated[float, Field(gt=0, le=1e15)] = 2_400_000.0
    """What customers would withdraw in a year without generation of their own [kWh/a] (ill)."""
    other_per_kwh: Price = 0.38
    """What a kWh costs customers besides the charge [currency/kWh] (ill)."""
    own_cost_per_kwh: Price = 0.60
    """Retail price at which half of those who can do generate for themselves [currency/kWh] (ill)."""
    own_spread_per_kwh: Annotated[float, Field(gt=0, le=1000)] = 0.10
    """Difference of prices by which e times as many do, at low shares [currency/kWh] (ill)."""
    own_share: Annotated[float, Field(ge=0, lt=1)] = 0.35
    """Share of the demand that all who can would cover by themselves [1] (ill)."""
    first_per_kwh: Price = 0.17
    """Charge with which revisions begin [currency/kWh] (ill)."""
    highest_per_kwh: Annotated[float, Field(gt=0, le=1000)] = 2.0
    """Highest charge that is looked at [currency/kWh] (ill)."""

    @model_validator(mode="after")
    def _charges_in_order(self) -> Self:
        least = max(self.first_per_kwh, self.variable_per_kwh)
        if self.highest_per_kwh <= least:
            raise ValueError(
                f"highest_per_kwh: given {self.highest_per_kwh:g}; allowed above {least:g}, the higher of "
                "first_per_kwh and variable_per_kwh"
            )
        return self

    @property
    def is_offered(self) -> bool:
        """No: everybody is connected."""
        return False

    def books(self, ledger: pd.DataFrame) -> pd.DataFrame:
        """Return network charges, and what the grid company pays and receives in the pool for the energy it loses.

        Parameters
        ----------
        ledger : pandas.DataFrame
            Rows payer, payee, account, business_model, amount [currency].
        """
        own = (ledger["payer"] == self.provider) | (ledger["payee"] == self.provider)
        rows = own & ledger["account"].isin(("network", "pool", "imbalance", "balancing"))
        return ledger[rows & (ledger["business_model"] == "")]

    def expected(self, customers: Customers) -> Quantities:
        """Return nothing: there is no contract."""
        return {}

    def yearly(self, q: Quantities, age: Age) -> list[Flow]:
        """Return nothing: bills charge."""
        return []

    def energy(self, charge: float) -> float:
        """Return what is sold at a charge, Q(p) [kWh/a].

        Parameters
        ----------
        charge : float
            [currency/kWh]
        """
        dearer = (charge + self.other_per_kwh - self.own_cost_per_kwh) / self.own_spread_per_kwh
        return float(self.demand_kwh * (1 - self.own_share * expit(dearer)))

    def recovery(self) -> CostRecovery:
        """Return the charge that covers the cost, whether revisions come to rest there, and their path."""
        return recover_cost(
            self.fixed_per_year, self.variable_per_kwh, self.energy, self.first_per_kwh, self.highest_per_kwh
        )

    def indicators(self, books: pd.DataFrame, contracts: Contracts, day: int) -> list[Kpi]:
        """Return the fixed point, its stability, what generating customers cost the others, and the books."""
        found, name = self.recovery(), self.title
        alone = self.fixed_per_year / self.demand_kwh + self.variable_per_kwh
        return [
            Kpi("adequacy_price", name, found.price, "currency/kWh"),
            Kpi("adequacy_price_without_generation", name, alone, "currency/kWh"),
            Kpi("adequacy_sold", name, found.energy, "kWh"),
            Kpi("adequacy_contraction", name, found.contraction, "1"),
            Kpi("adequacy_stable", name, float(found.stable), "1"),
            Kpi("adequacy_result", name, self.result(books), "currency"),
        ]
