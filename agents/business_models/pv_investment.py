"""PV on customers' roofs: who owns it, who pays it, who has what it makes (model.md D2 a, D19 D2a).

Four contracts compete for a roof. Under a power purchase the provider owns the system and sells the host what it uses;
under a lease the host pays a fixed rent and keeps all energy; with a loan, or its own money, the host buys it from the
vendor through the provider, who also looks after it. What the system makes and feeds in is what meters say.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from gridagora.agents.business_models.canvas import Canvas, Entry
from gridagora.agents.business_models.financing import (
    CLAIM,
    DEBT_SERVICE,
    LOAN,
    PREMIUM,
    REPLACEMENT,
    SUBSIDY,
    TAX,
    debt_service,
)
from gridagora.agents.business_models.frame import CUSTOMER, PROVIDER, Age, Bools, Floats, Flow, Quantities
from gridagora.agents.business_models.lenders import Bank
from gridagora.agents.business_models.pv_system import PvInvestment
from gridagora.agents.business_models.terms import Money, Rate, Share, Years
from gridagora.sim.finance import capital_recovery_factor

KWH_PER_CERTIFICATE = 1000.0
#: Account of what a registered owner gets for green certificates.
CERTIFICATES = "certificates"


class ProviderOwned(PvInvestment):
    """The provider invests, operates and has the certificates; at the end of the term the system is the host's."""

    owner: ClassVar[str] = PROVIDER
    outlay: ClassVar[str] = "capex"

    certificate_price: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    """What the owner expects of a green certificate of 1,000 kWh, and asks at least [currency/certificate] (ill)."""
    buyout_share: Share = 0.0
    """What the host pays for the system at the end of the term, as a share of its cost [1]; 0: it is free (ill)."""

    def upfront(self, q: Quantities) -> list[Flow]:
        """Return what the vendor gets [currency]."""
        return [Flow(PROVIDER, "vendor", "investment", q["capex"])]

    def at_end(self, q: Quantities) -> list[Flow]:
        """Return what the system changes hands for [currency]."""
        return [Flow(CUSTOMER, PROVIDER, "buyout", self.buyout_share * q["capex"])]

    def _certificates(self, made: Floats, in_term: Bools | np.bool_) -> Flow:
        """Return what certificates should earn: sold at the end of the year, they are not posted with the contract."""
        worth = made * in_term / KWH_PER_CERTIFICATE * self.certificate_price
        return Flow("supplier", PROVIDER, CERTIFICATES, worth, metered=True)


_COSTS = (
    Entry("systems and their replacement", ("investment", REPLACEMENT)),
    Entry("operation and maintenance", ("operation",)),
    Entry("capital", (DEBT_SERVICE, PREMIUM)),
    Entry("tax", (TAX,)),
)
_FINANCE = (Entry("loans, subsidies, claims and tax credits", (LOAN, SUBSIDY, "generation_subsidy", CLAIM, TAX)),)
_CHANNEL = {"account managers and platform": "channel.reach_share"}
_SEGMENT = {"consumers with a free roof of some size": "size_min_kwp", "by consumption and credit": "segment"}


class PvPowerPurchase(ProviderOwned):
    """The host buys what it uses of the provider's system, cheaper than from the grid."""

    canvas: ClassVar[Canvas] = Canvas(
        partners={"system builder": "vendor", "lender": "bank", "roof owner": CUSTOMER, "support": "government"},
        activities=("develop roofs", "finance systems", "operate them", "sell surplus and certificates"),
        resources={"systems": "kwp", "capital": "capex", "generation": "generated_kwh"},
        value=("cheap green power without an outlay", "rent for the roof"),
        relationship={"purchase over a long term": "term_years"},
        channels=_CHANNEL,
        segments=_SEGMENT,
        costs=(*_COSTS, Entry("roofs", ("roof_rent",))),
        revenues=(
            Entry("power sold to hosts", ("power_purchase",)),
            Entry("surplus", ("pv_export",)),
            Entry("green certificates", (CERTIFICATES,)),
            Entry("systems handed over", ("buyout",)),
            *_FINANCE,
        ),
    )
    risk_bearers: ClassVar[dict[str, str]] = {
        "performance": PROVIDER,
        "volume": PROVIDER,
        "price": PROVIDER,
        "credit": PROVIDER,
        "finance": PROVIDER,
    }

    kind: Literal["pv_power_purchase"] = "pv_power_purchase"
    """Power purchase from PV on the customer's roof."""
    discount: Share = 0.10
    """What the host's price for PV is below its retail price, as a share [1] (ill)."""
    roof_rent_per_kwp: Money = 0.0
    """What the provider pays for the roof [currency/(kWp a)] (ill)."""

    def dues(self, q: Quantities, made: Floats, used: Floats, in_term: Bools | np.bool_, age: Age) -> list[Flow]:
        """Return power, surplus passed on, roof rent and certificates [currency/a]."""
        power = (1 - self.discount) * q["price_per_kwh"] * used * in_term
        surplus = q["feed_in_per_kwh"] * (made - used) * in_term
        return [
            Flow(CUSTOMER, PROVIDER, "power_purchase", power),
            Flow(CUSTOMER, PROVIDER, "pv_export", surplus),
            Flow(PROVIDER, CUSTOMER, "roof_rent", self.roof_rent_per_kwp * q["kwp"] * in_term),
            self._certificates(made, in_term),
        ]


class PvLease(ProviderOwned):
    """The host rents the system and keeps what it makes."""

    canvas: ClassVar[Canvas] = Canvas(
        partners={"system builder": "vendor", "lender": "bank", "support": "government"},
        activities=("choose systems", "finance systems", "maintain them"),
        resources={"systems": "kwp", "capital": "capex"},
        value=("own green power without an outlay", "a rent that stays the same"),
        relationship={"lease over a long term": "term_years"},
        channels=_CHANNEL,
        segments=_SEGMENT,
        costs=_COSTS,
        revenues=(
            Entry("rent", ("rent",)),
            Entry("green certificates", (CERTIFICATES,)),
            Entry("systems handed over", ("buyout",)),
            *_FINANCE,
        ),
    )
    risk_bearers: ClassVar[dict[str, str]] = {
        "performance": CUSTOMER,
        "volume": CUSTOMER,
        "price": CUSTOMER,
        "credit": PROVIDER,
        "finance": PROVIDER,
    }

    kind: Literal["pv_lease"] = "pv_lease"
    """Lease of PV on the customer's roof."""
    lease_rate: Rate = 0.07
    """Interest in the rent, which is an annuity of the cost after subsidy over the term [1/a] (ill)."""
    lease_margin: Annotated[float, Field(ge=0, le=10)] = 0.05
    """What the rent is above annuity and operating cost, as a share of them [1] (ill)."""

    def dues(self, q: Quantities, made: Floats, used: Floats, in_term: Bools | np.bool_, age: Age) -> list[Flow]:
        """Return rent and certificates [currency/a]."""
        capital = q["capex"] * (1 - self.finance.subsidy_share)
        cost = capital * capital_recovery_factor(self.lease_rate, self.term_years) + self.opex_per_kwp * q["kwp"]
        return [
            Flow(CUSTOMER, PROVIDER, "rent", (1 + self.lease_margin) * cost * in_term, nominal=True),
            self._certificates(made, in_term),
        ]


class HostOwned(PvInvestment):
    """The host buys the system from the vendor through the provider, who maintains it for a fee."""

    owner: ClassVar[str] = CUSTOMER
    outlay: ClassVar[str] = "investment"
    canvas: ClassVar[Canvas] = Canvas(
        partners={"system builder": "vendor", "roof owner": CUSTOMER, "support": "government"},
        activities=("advise", "sell systems", "maintain them"),
        resources={"systems": "kwp", "turnover": "investment"},
        value=("own green power from one hand", "care for the system"),
        relationship={"maintenance over a long term": "term_years"},
        channels=_CHANNEL,
        segments=_SEGMENT,
        costs=(
            Entry("systems", ("investment",)),
            Entry("operation and maintenance", ("operation",)),
            Entry("tax", (TAX,)),
        ),
        revenues=(
            Entry("systems sold", ("equipment_sale",)),
            Entry("maintenance fee", ("service_fee",)),
            Entry("tax credits", (TAX,)),
        ),
    )

    commission: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Share of the price that the provider keeps when it sells for the vendor [1] (ill)."""
    service_margin: Annotated[float, Field(ge=0, le=10)] = 0.10
    """What the maintenance fee is above operating cost, as a share of it [1] (ill)."""

    def upfront(self, q: Quantities) -> list[Flow]:
        """Return price, what the vendor gets of it, and the host's subsidy [currency]."""
        return [
            Flow(CUSTOMER, PROVIDER, "equipment_sale", q["investment"]),
            Flow(PROVIDER, "vendor", "investment", (1 - self.commission) * q["investment"]),
            Flow("government", CUSTOMER, SUBSIDY, self.finance.subsidy_share * q["investment"]),
        ]

    def dues(self, q: Quantities, made: Floats, used: Floats, in_term: Bools | np.bool_, age: Age) -> list[Flow]:
        """Return the maintenance fee [currency/a]."""
        fee = (1 + self.service_margin) * self.opex_per_kwp * q["kwp"]
        return [Flow(CUSTOMER, PROVIDER, "service_fee", fee * in_term)]


class PvOwner(HostOwned):
    """The host pays for its system itself."""

    risk_bearers: ClassVar[dict[str, str]] = {
        "performance": CUSTOMER,
        "volume": CUSTOMER,
        "price": CUSTOMER,
        "credit": PROVIDER,
        "finance": CUSTOMER,
    }

    kind: Literal["pv_owner"] = "pv_owner"
    """PV that the customer pays for itself."""


class PvLoan(HostOwned):
    """The host pays for its system with a loan of the bank."""

    risk_bearers: ClassVar[dict[str, str]] = {
        "performance": CUSTOMER,
        "volume": CUSTOMER,
        "price": CUSTOMER,
        "credit": "bank",
        "finance": CUSTOMER,
    }

    kind: Literal["pv_loan"] = "pv_loan"
    """PV that the customer pays for with a loan."""
    loan_share: Share = 0.8
    """Share of the price after subsidy that the bank lends the host [1] (ill)."""
    loan_rate: Rate = 0.06
    """Nominal interest of that loan [1/a] (ill)."""
    loan_years: Years = 10
    """Years of its repayment, at most the term [a] (ill)."""

    @model_validator(mode="after")
    def _paid_back_in_term(self) -> Self:
        if self.loan_years > self.term_years:
            raise ValueError(
                f"loan_years: given {self.loan_years}; allowed at most term_years, which is {self.term_years}"
            )
        return self

    def upfront(self, q: Quantities) -> list[Flow]:
        """Return a sale and its loan [currency]."""
        return [*super().upfront(q), Flow("bank", CUSTOMER, LOAN, self._lent(q), nominal=True)]

    def dues(self, q: Quantities, made: Floats, used: Floats, in_term: Bools | np.bool_, age: Age) -> list[Flow]:
        """Return maintenance fee and debt service [currency/a]."""
        bank = Bank(rate_per_year=self.loan_rate, tenor_years=self.loan_years)
        service, _ = debt_service(self._lent(q), bank, age)
        return [
            *super().dues(q, made, used, in_term, age),
            Flow(CUSTOMER, "bank", DEBT_SERVICE, service, nominal=True),
        ]

    def _lent(self, q: Quantities) -> Floats:
        return self.loan_share * (1 - self.finance.subsidy_share) * q["investment"]
