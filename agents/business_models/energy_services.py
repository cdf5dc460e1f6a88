"""Energy services: shared savings, guaranteed savings, energy-cost trust (model.md D1; O62, O69)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from gridagora.agents.business_models.canvas import Entry
from gridagora.agents.business_models.energy_measure import INVESTED, INVESTMENT, RAISED, EnergyService, service_canvas
from gridagora.agents.business_models.financing import DEBT_SERVICE, LOAN, debt_service
from gridagora.agents.business_models.frame import CUSTOMER, PROVIDER, Age, Customers, Floats, Flow, Quantities
from gridagora.agents.business_models.lenders import Bank
from gridagora.agents.business_models.terms import Money, Rate, Share, Years

SAVING_SHARE, GUARANTEE_FEE = "saving_share", "guarantee_fee"
GUARANTEE_BONUS, GUARANTEE_REFUND = "guarantee_bonus", "guarantee_refund"
TRUST_FEE, ENERGY_BILL = "trust_fee", "energy_bill"


class SharedSavings(EnergyService):
    """The provider invests all, has a share of the measured saving for the term, and then leaves the asset for free."""

    canvas = service_canvas(
        {"capital": "capex"},
        ("lower energy cost without own capital", "no risk of the measure until it is one's own"),
        INVESTED,
        (Entry("share of the saving", (SAVING_SHARE,)), *RAISED),
    )
    risk_bearers: ClassVar = dict.fromkeys(("performance", "volume", "price", "credit", "finance"), PROVIDER)
    kind: Literal["shared_savings"] = "shared_savings"
    """The provider invests and both share what is saved."""
    incentive_per_tce: Money | None = None
    """Paid once by the government to the provider for the measured saving of the first year [currency/tce]; `null`:
    `government.incentive_per_tce`. China paid it for this contract alone, 300 and more from 2010 on."""
    provider_share: Share = 0.8
    """Share of the measured saving that goes to the provider in the first year [1] (ill)."""
    step_down: Share = 0.0
    """By how much that share falls each year [1/a] (ill)."""

    @model_validator(mode="after")
    def _share_left(self) -> Self:
        if self.provider_share < self.step_down * (self.term_years - 1) - 1e-12:
            raise ValueError(
                f"step_down: given {self.step_down:g}; allowed at most provider_share over the "
                f"{self.term_years - 1} years after the first, {self.provider_share / (self.term_years - 1):g}"
            )
        return self

    def dues(self, q: Quantities, year: Age, measured: Floats) -> list[Flow]:
        """Return the provider's share of the measured saving; of a loss of energy it bears nothing."""
        share = self.provider_share - self.step_down * np.minimum(year, self.term_years - 1)
        return [Flow(CUSTOMER, PROVIDER, SAVING_SHARE, share * measured * (np.asarray(year) < self.term_years))]


class GuaranteedSavings(EnergyService):
    """The customer invests; for a fee the provider guarantees part of the saving, and shares in what exceeds it."""

    canvas = service_canvas(
        {"guarantee": "guaranteed_share"},
        ("lower energy cost that is sure", "the asset is one's own from the first day"),
        (Entry("refunds under the guarantee", (GUARANTEE_REFUND,)),),
        (Entry("fee", (GUARANTEE_FEE,)), Entry("bonus", (GUARANTEE_BONUS,))),
    )
    risk_bearers: ClassVar = {
        "performance": PROVIDER, "volume": CUSTOMER, "price": CUSTOMER, "credit": CUSTOMER, "finance": CUSTOMER,
    }  # fmt: skip
    investment = "investment"
    kind: Literal["guaranteed_savings"] = "guaranteed_savings"
    """The customer invests and the provider guarantees what is saved."""
    guarantee_share: Annotated[float, Field(ge=0, le=1.5)] = 0.8
    """Guaranteed over expected saving of the first year, as a share of the adjusted baseline [1] (ill)."""
    bonus_share: Share = 0.5
    """Share of the measured saving above the guarantee that goes to the provider [1] (ill)."""
    fee_share: Rate = 0.05
    """Yearly fee in the term, over the investment [1/a] (ill)."""
    loan_share: Share = 0.0
    """Share of the investment that the bank lends the customer [1] (ill)."""
    loan_rate: Rate = 0.06
    """Nominal interest of that loan [1/a] (ill)."""
    loan_years: Years = 5
    """Years of its repayment, at most the term [a] (ill)."""

    @model_validator(mode="after")
    def _repaid_in_term(self) -> Self:
        if self.loan_share > 0 and self.loan_years > self.term_years:
            raise ValueError(
                f"loan_years: given {self.loan_years}; allowed at most term_years, which is {self.term_years}"
            )
        return self

    def expected(self, customers: Customers) -> Quantities:
        """Return the audit's estimate, and the part of it that is guaranteed."""
        q = super().expected(customers)
        return {**q, "guaranteed_share": self.guarantee_share * q["saved_share"]}

    def upfront(self, q: Quantities) -> list[Flow]:
        """Return the customer's purchase of the equipment, and its loan."""
        lent = self.loan_share * q["investment"]
        return [
            Flow(CUSTOMER, "vendor", INVESTMENT, q["investment"]),
            Flow("bank", CUSTOMER, LOAN, lent, nominal=True),
        ]

    def dues(self, q: Quantities, year: Age, measured: Floats) -> list[Flow]:
        """Return fee, bonus above and refund below the guarantee, and what the customer pays its bank."""
        in_term = np.asarray(year) < self.term_years
        above = (measured - q["guaranteed_share"] * q["base_kwh"] * q["price"]) * in_term
        loan = Bank(rate_per_year=self.loan_rate, tenor_years=self.loan_years)
        service = debt_service(self.loan_share * q["investment"], loan, year)[0]
        return [
            Flow(CUSTOMER, PROVIDER, GUARANTEE_FEE, self.fee_share * q["investment"] * in_term),
            Flow(CUSTOMER, PROVIDER, GUARANTEE_BONUS, self.bonus_share * np.maximum(above, 0.0)),
            Flow(PROVIDER, CUSTOMER, GUARANTEE_REFUND, np.maximum(-above, 0.0)),
            Flow(CUSTOMER, "bank", DEBT_SERVICE, service, nominal=True),
        ]


class EnergyCostTrust(EnergyService):
    """The provider runs the whole energy system: it invests and pays the energy bill, the customer a trust fee.

    The fee follows the bill at signing. Standing charges stay with the customer. The asset is the customer's after the
    term.
    """

    canvas = service_canvas(
        {"capital": "capex", "bill taken over": "agreed_bill"},
        ("a known energy cost, lower than before", "no energy staff, no energy risk"),
        (Entry("energy bills of customers", (ENERGY_BILL,)), *INVESTED),
        (Entry("trust fee", (TRUST_FEE,)), *RAISED),
    )
    risk_bearers: ClassVar = dict.fromkeys(("performance", "volume", "price", "credit", "finance"), PROVIDER)
    kind: Literal["energy_cost_trust"] = "energy_cost_trust"
    """The provider takes over the energy cost for a fee."""
    term_years: Years = 10
    """Years that a contract lasts [a] (ill)."""
    discount: Share = 0.08
    """By how much the fee is below the bill at signing [1] (ill)."""
    volume_index: Share = 0.0
    """Share of the fee that follows production: consumption without the measure over that at signing [1] (ill)."""
    price_index: Share = 0.0
    """Share of the fee that follows the price of energy [1] (ill)."""

    def expected(self, customers: Customers) -> Quantities:
        """Return the audit's estimate, and the bill that the fee follows."""
        q = super().expected(customers)
        agreed = {"agreed_kwh": q["base_kwh"], "agreed_price": q["price"]}
        return {**q, **agreed, "agreed_bill": q["base_kwh"] * q["price"]}

    def dues(self, q: Quantities, year: Age, measured: Floats) -> list[Flow]:
        """Return the fee and the bill that the provider pays; no measurement matters.

        Through the bills passes what the customer would pay more, or less, than at signing without the contract, too:
        under the trust this makes no difference to it, which is what it pays the fee for.
        """
        in_term = np.asarray(year) < self.term_years
        without = q["base_kwh"] * q["price"]
        bill = q["base_kwh"] * (1 - self.share_left(q, year)) * q["price"]
        volume = 1 + self.volume_index * (_over(q["base_kwh"], q["agreed_kwh"]) - 1)
        price = 1 + self.price_index * (_over(q["price"], q["agreed_price"]) - 1)
        fee = (1 - self.discount) * q["agreed_bill"] * volume * price
        return [
            Flow(CUSTOMER, PROVIDER, TRUST_FEE, fee * in_term),
            Flow(PROVIDER, CUSTOMER, ENERGY_BILL, bill * in_term),
            Flow(CUSTOMER, "supplier", "retail", (without - q["agreed_bill"]) * in_term, metered=True),
        ]


def _over(now: Floats, then: Floats) -> Floats:
    """Return a ratio, 1 where there was nothing."""
    return np.divide(now, then, out=np.ones(np.broadcast_shapes(now.shape, then.shape)), where=then > 0)
