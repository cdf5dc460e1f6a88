"""Equipment for customers: rented, sold by instalments, or bought outright (model.md D3; S1).

All three provide the same machine with the same stages of its life, so that customers compare like with like. What
differs is who chooses it and bears a wrong choice, who keeps what it is worth at the end, and who waits for the money.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from gridagora.agents.business_models.canvas import Canvas, Entry
from gridagora.agents.business_models.contracts import Contracts
from gridagora.agents.business_models.equipment_credit import balance_after, lifetime_loss, monthly_payment
from gridagora.agents.business_models.equipment_machine import EquipmentModel, equipment_canvas
from gridagora.agents.business_models.frame import CUSTOMER, PROVIDER, Age, Customers, Floats, Flow, Quantities
from gridagora.agents.business_models.terms import Rate, Share
from gridagora.sim.finance import capital_recovery_factor
from gridagora.sim.metrics import Kpi

if TYPE_CHECKING:
    import pandas as pd


class EquipmentRental(EquipmentModel):
    """The provider chooses, owns and maintains a machine, and takes it back at the end of the term (D3a).

    A year's rent is (I - RV / (1 + r)^n) CRF(r, n) + upkeep, with a margin on both; r is the provider's discount rate.
    """

    canvas: ClassVar[Canvas] = equipment_canvas(
        costs=(Entry("upkeep", ("maintenance",)), Entry("wrong machines exchanged", ("reselection",))),
        revenues=(Entry("rent", ("rent",)), Entry("machines sold at the end", ("residual",))),
        value=("a right machine", "no capital bound", "nothing obsolete"),
    )
    risk_bearers: ClassVar = {
        "performance": PROVIDER, "selection": PROVIDER, "obsolescence": PROVIDER, "residual": PROVIDER,
        "credit": PROVIDER, "volume": CUSTOMER, "price": CUSTOMER,
    }  # fmt: skip

    kind: Literal["equipment_rental"] = "equipment_rental"
    """Rented equipment."""
    margin_share: Share = 0.10
    """What is asked above cost, as a share of it [1] (ill)."""
    reselection_share: Share = 0.12
    """Cost of exchanging a wrong machine in the first year, over all that was invested [1] (ill)."""

    @property
    def kept_years(self) -> int:
        """The customer returns it at the end of the term."""
        return self.term_years

    def expected(self, customers: Customers) -> Quantities:
        """Add the yearly `rent` [currency/a]."""
        q = super().expected(customers)
        r, n = self.finance.discount_rate, self.term_years
        capital = (q["capex"] - q["residual"] * (1 + r) ** -n) * capital_recovery_factor(r, n)
        return {**q, "rent": (capital + self.maintenance_share * q["price"]) * (1 + self.margin_share)}

    def yearly(self, q: Quantities, age: Age) -> list[Flow]:
        """Return the rent for a machine that is maintained, and exchanged if it was the wrong one."""
        year = np.asarray(age)
        on = year < self.term_years
        return [
            Flow(CUSTOMER, PROVIDER, "rent", q["rent"] * on),
            Flow(PROVIDER, "outside", "maintenance", self.maintenance_share * q["price"] * on),
            Flow(PROVIDER, "outside", "reselection", q["wrong"] * self.reselection_share * q["capex"] * (year == 0)),
            *self._work(q, age),
        ]

    def at_end(self, q: Quantities) -> list[Flow]:
        """Return what the provider sells the machine for."""
        return [Flow("outside", PROVIDER, "residual", q["residual"])]

    def at_default(self, q: Quantities, age: Floats) -> list[Flow]:
        """Return what the machine is sold for that is taken back from a customer who defaults."""
        book = q["capex"] - (q["capex"] - q["residual"]) * np.minimum(age / self.term_years, 1.0)
        return [Flow("outside", PROVIDER, "residual", (1 - self.loss_given_default) * book)]

    def _used(self, q: Quantities) -> Floats:
        return q["added_kwh"]

    def _gain(self, q: Quantities) -> Floats:
        return q["added_kwh"] * q["output_per_kwh"]


class EquipmentPurchase(EquipmentModel):
    """The customer chooses a machine and pays for it at once, all stages included: the usual way, for comparison."""

    canvas: ClassVar[Canvas] = equipment_canvas(
        costs=(), revenues=(Entry("sales", ("equipment_sale",)),), value=("a machine", "installed and commissioned")
    )
    risk_bearers: ClassVar = {
        "performance": CUSTOMER, "selection": CUSTOMER, "obsolescence": CUSTOMER, "residual": CUSTOMER,
        "credit": CUSTOMER, "volume": CUSTOMER, "price": CUSTOMER,
    }  # fmt: skip

    kind: Literal["equipment_purchase"] = "equipment_purchase"
    """Equipment bought at once."""
    markup_share: Share = 0.08
    """What is asked above cost, as a share of it [1] (ill)."""

    @property
    def kept_years(self) -> int:
        """The customer has it for life."""
        return self.life_years

    def expected(self, customers: Customers) -> Quantities:
        """Add the price of the `sale` [currency]."""
        q = super().expected(customers)
        return {**q, "sale": q["capex"] * (1 + self.markup_share)}

    def upfront(self, q: Quantities) -> list[Flow]:
        """Add what the customer pays for the machine and its stages."""
        return [*super().upfront(q), Flow(CUSTOMER, PROVIDER, "equipment_sale", q["sale"])]

    def yearly(self, q: Quantities, age: Age) -> list[Flow]:
        """Return upkeep, output and energy."""
        return [*self._own(q, age), *self._work(q, age)]


class EquipmentInstalment(EquipmentModel):
    """The customer chooses a machine, and pays a deposit and m monthly instalments A = P i / (1 - (1 + i)^-m) (D3b)."""

    canvas: ClassVar[Canvas] = equipment_canvas(
        costs=(),
        revenues=(Entry("deposits and instalments", ("deposit", "instalment")), Entry("resold", ("residual",))),
        value=("a machine at once", "paid out of what it earns"),
    )
    risk_bearers: ClassVar = {
        "performance": CUSTOMER, "selection": CUSTOMER, "obsolescence": CUSTOMER, "residual": CUSTOMER,
        "credit": PROVIDER, "volume": CUSTOMER, "price": CUSTOMER,
    }  # fmt: skip

    kind: Literal["equipment_instalment"] = "equipment_instalment"
    """Equipment paid in instalments."""
    term_years: Annotated[int, Field(ge=1, le=50)] = 3
    """Years that instalments are paid, at most [a] (ill)."""
    markup_share: Share = 0.08
    """What the cash price is above cost, as a share of it [1] (ill)."""
    deposit_share: Annotated[float, Field(ge=0, lt=1)] = 0.20
    """Share of the cash price that is due at once [1] (ill)."""
    instalments: Annotated[int, Field(ge=1, le=600)] = 36
    """Monthly instalments, at most 12 in each year of the term [1] (ill)."""
    interest_per_year: Rate = 0.10
    """Nominal interest on what is owed, a twelfth of it a month [1/a] (ill)."""

    @model_validator(mode="after")
    def _within_the_term(self) -> Self:
        if not 12 * (self.term_years - 1) < self.instalments <= 12 * self.term_years:
            raise ValueError(
                f"instalments: given {self.instalments}; allowed {12 * self.term_years - 11} to {12 * self.term_years} "
                f"within term_years, which is {self.term_years}"
            )
        return self

    @property
    def kept_years(self) -> int:
        """The customer has it for life."""
        return self.life_years

    def expected(self, customers: Customers) -> Quantities:
        """Add `deposit`, `owed` after it [currency] and the monthly `instalment` [currency/month]."""
        q = super().expected(customers)
        price = q["capex"] * (1 + self.markup_share)
        owed = price * (1 - self.deposit_share)
        instalment = monthly_payment(owed, self.interest_per_year, self.instalments)
        return {**q, "deposit": price * self.deposit_share, "owed": owed, "instalment": instalment}

    def upfront(self, q: Quantities) -> list[Flow]:
        """Add the deposit."""
        return [*super().upfront(q), Flow(CUSTOMER, PROVIDER, "deposit", q["deposit"])]

    def yearly(self, q: Quantities, age: Age) -> list[Flow]:
        """Return the instalments of the year, then the same as with an outright purchase."""
        due = np.clip(self.instalments - 12 * np.asarray(age), 0, 12)
        paid = Flow(CUSTOMER, PROVIDER, "instalment", q["instalment"] * due, nominal=True)
        return [paid, *self._own(q, age), *self._work(q, age)]

    def at_default(self, q: Quantities, age: Floats) -> list[Flow]:
        """Return what the machine is sold for that is taken back from a customer who defaults: a part of the debt."""
        owed = balance_after(q["owed"], self.interest_per_year, self.instalments, np.floor(12 * age + 1e-9))
        return [Flow("outside", PROVIDER, "residual", (1 - self.loss_given_default) * owed)]

    def liquidity_benefit(self, q: Quantities) -> Floats:
        """Return what waiting for the money is worth to customers, shape (n,) [currency].

        The cash price less deposit and instalments at the customer's discount rate, its shadow price of capital.
        """
        years = np.arange(1, self.term_years + 1)
        due = np.clip(self.instalments - 12 * (years - 1), 0, 12)
        real, inflation = self.acceptance.discount_rate, self.finance.inflation
        worth = float(due @ ((1 + real) * (1 + inflation)) ** -years.astype(np.float64))
        return q["owed"] - q["instalment"] * worth

    def expected_loss(self, q: Quantities) -> Floats:
        """Return the expected credit loss over all instalments, shape (n,) [currency]."""
        terms = self.interest_per_year, self.instalments
        return lifetime_loss(q["owed"], *terms, q["default_per_year"], self.loss_given_default)

    def indicators(self, books: pd.DataFrame, contracts: Contracts, day: int) -> list[Kpi]:
        """Add what is lent, the loss expected of it, and the interest, which has to cover it."""
        found = super().indicators(books, contracts, day)
        if not found:
            return []
        q = contracts.agreed
        interest = self.instalments * q["instalment"] - q["owed"]
        return [
            *found,
            Kpi("instalment_lent", self.title, float(q["owed"].sum()), "currency"),
            Kpi("instalment_expected_loss", self.title, float(self.expected_loss(q).sum()), "currency"),
            Kpi("instalment_interest", self.title, float(interest.sum()), "currency"),
            Kpi("instalment_liquidity_benefit", self.title, float(self.liquidity_benefit(q).sum()), "currency"),
        ]
