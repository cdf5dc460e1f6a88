"""Price packages made of customer files: they sell through tariffs, and this reads what they brought (D4 c, D19 D4c).

Customers choose packages through a menu of tariffs; the books are the supplier's that offers them. What the model adds
is their design (:mod:`gridagora.agents.business_models.package_design`), and what a package is worth to a supplier that
buys a share of the energy ahead and the rest at prices to come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from gridagora.agents.business_models.canvas import Canvas, Entry
from gridagora.agents.business_models.frame import (
    CUSTOMER,
    PROVIDER,
    Age,
    BusinessModel,
    Customers,
    Flow,
    Quantities,
)
from gridagora.agents.business_models.terms import Money, Name, Share, Years

if TYPE_CHECKING:
    import pandas as pd

#: Accounts on which a supplier of packages is paid by its customers, and pays for their energy.
RETAIL, WHOLESALE = "retail", "wholesale"
Price = Annotated[float, Field(ge=0, le=100)]


class PricePackages(BusinessModel):
    """A supplier sells packages with a fee, included energy, a term and an exit fee."""

    asset: ClassVar[str] = "tariff"
    usual_provider: ClassVar[str] = "supplier"
    uncertain: ClassVar[dict[str, str]] = {"annual_kwh": "volume_sigma", "spot_price": "price_sigma"}
    risk_bearers: ClassVar[dict[str, str]] = {"price": PROVIDER, "volume": PROVIDER, "credit": PROVIDER}
    canvas: ClassVar[Canvas] = Canvas(
        partners={"wholesaler": "supplier", "customers whose files are used": CUSTOMER},
        activities=("keep customer files", "design packages", "buy ahead", "bill"),
        resources={"files of use": "annual_kwh", "bought ahead": "forward_price"},
        value=("a price made for one's use", "a bill that is known"),
        relationship={"bound for a term": "term_years"},
        channels={"portal and app": "channel.reach_share"},
        segments={"by consumption": "segment.annual_kwh_min"},
        costs=(Entry("energy", (WHOLESALE,)), Entry("credits to customers", (RETAIL,))),
        revenues=(Entry("fees, energy and exit fees", (RETAIL,)),),
    )

    kind: Literal["price_packages"] = "price_packages"
    """Packages of a supplier, sold through a menu of tariffs."""
    provider: Name = "package_supplier"
    """Supplier of the packages: the `supplier` of options of the menu, whose books are read."""
    term_years: Years = 1
    """Years that a package binds [a] (ill)."""
    life_years: Years = 1
    """Years over which its value counts [a] (ill)."""
    fee_per_month: Money = 30.0
    """Fee [currency/month] (ill)."""
    included_kwh: Annotated[float, Field(ge=0, le=1e6)] = 50.0
    """Energy included each month [kWh/month] (ill)."""
    energy_per_kwh: Price = 0.36
    """Energy part of the price of further energy [currency/kWh] (ill)."""
    reference_per_kwh: Price = 0.353
    """Energy part of the price that customers have paid so far [currency/kWh] (ill)."""
    spot_per_kwh: Price = 0.30
    """Price at which the supplier expects to buy when energy is used [currency/kWh] (ill)."""
    hedge_share: Share = 0.0
    """Share of the energy bought ahead by forwards, at a price that stays [1] (ill)."""
    forward_premium: Annotated[float, Field(ge=-1, le=1)] = 0.02
    """What a forward costs above the expected price, as a share of it [1] (ill)."""

    @property
    def is_offered(self) -> bool:
        """Packages are chosen from menus of tariffs, not signed here."""
        return False

    def books(self, ledger: pd.DataFrame) -> pd.DataFrame:
        """Return what packages brought: the rows between their supplier and customers or the wholesaler.

        Parameters
        ----------
        ledger : pandas.DataFrame
            Rows payer, payee, account, business_model, amount [currency].
        """
        with_customers = (ledger["account"] == RETAIL) & (
            ((ledger["payee"] == self.provider) & (ledger["payer"] == self.population))
            | ((ledger["payer"] == self.provider) & (ledger["payee"] == self.population))
        )
        bought = (ledger["account"] == WHOLESALE) & (ledger["payer"] == self.provider)
        return ledger[with_customers | bought]

    def expected(self, customers: Customers) -> Quantities:
        """Return `annual_kwh` and what of it is bought ahead, `hedged_kwh` [kWh/a], and two prices [currency/kWh]."""
        n, used = len(customers), customers.withdrawn_kwh.astype(np.float64)
        return {
            "annual_kwh": used,
            "hedged_kwh": self.hedge_share * used,
            "spot_price": np.full(n, self.spot_per_kwh),
            "forward_price": np.full(n, self.spot_per_kwh * (1 + self.forward_premium)),
        }

    def yearly(self, q: Quantities, age: Age) -> list[Flow]:
        """Return what a package brings and its energy costs in a year [currency/a].

        What is bought ahead is for the use that is expected: what comes otherwise is bought, or sold, at the price of
        the day.
        """
        in_term = np.asarray(age) < self.term_years
        used, ahead = q["annual_kwh"], q["hedged_kwh"]
        extra = np.maximum(used - 12 * self.included_kwh, 0.0)
        bought = ahead * q["forward_price"] + (used - ahead) * q["spot_price"]
        return [
            Flow("supplier", CUSTOMER, RETAIL, used * self.reference_per_kwh * in_term, metered=True),
            Flow(CUSTOMER, PROVIDER, RETAIL, (12 * self.fee_per_month + extra * self.energy_per_kwh) * in_term),
            Flow(PROVIDER, "supplier", WHOLESALE, bought * in_term),
        ]
