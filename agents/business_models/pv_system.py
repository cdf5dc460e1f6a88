"""A PV system on a customer's roof: its size, what it makes, saves and costs, whoever owns it (model.md D2 a)."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

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
from gridagora.agents.business_models.terms import Money, Sigma, Years

Size = Annotated[float, Field(gt=0, le=1e6)]
Price = Annotated[float, Field(ge=0, le=100)]


class PvInvestment(BusinessModel):
    """What all four contracts share: the system, what it makes and what it saves the host."""

    asset: ClassVar[str] = "roof"
    uncertain: ClassVar[dict[str, str]] = {
        "generated_kwh": "performance_sigma",
        "self_kwh": "performance_sigma",
        "use_factor": "volume_sigma",
        "price_per_kwh": "price_sigma",
        "feed_in_per_kwh": "price_sigma",
    }
    #: Role that owns the system during the term.
    owner: ClassVar[str]
    #: Name of the quantity that says what the system costs: what the provider invests is `capex` to the frame.
    outlay: ClassVar[str]

    term_years: Years = 20
    """Years that a contract lasts [a] (D2: 20)."""
    life_years: Years = 25
    """Years that a system lasts [a] (D2: 25)."""
    size_share: Annotated[float, Field(gt=0, le=10)] = 0.8
    """Size of systems: yearly generation over the host's yearly consumption [1] (ill)."""
    size_kwp: Size | None = None
    """Size of all systems [kWp]; `null`: by `size_share`."""
    size_min_kwp: Annotated[float, Field(ge=0, le=1e6)] = 1.0
    """Smallest system; who would need a smaller one gets no offer [kWp] (ill)."""
    size_max_kwp: Size | None = None
    """Largest system that a roof has room for [kWp]; `null`: any."""
    yield_kwh_per_kwp: Annotated[float, Field(gt=0, le=3000)] = 1100.0
    """Generation expected in the first year [kWh/(kWp a)] (ill; D2)."""
    cost_per_kwp: Money = 3500.0
    """Price of the vendor at the start of the run [currency/kWp] (ill; D2)."""
    opex_per_kwp: Money = 60.0
    """Cost of operating and maintaining it [currency/(kWp a)] (ill; D2)."""
    degradation: Annotated[float, Field(ge=0, lt=0.2)] = 0.005
    """Share of its output that a system loses every year [1/a] (ill; D2)."""
    performance_gap: Annotated[float, Field(ge=-1, lt=1)] = 0.03
    """Share of the generation promised that fails to appear on average [1] (ill); nobody knows it."""
    performance_deviation: Sigma = 0.05
    """Standard deviation of the logarithm of what systems really make [1] (ill)."""
    subsidy_per_kwh: Price = 0.0
    """What the government pays the owner for a kWh generated [currency/kWh] (ill)."""
    subsidy_years: Years = 20
    """Years that it does [a] (ill)."""

    @model_validator(mode="after")
    def _fits_a_roof(self) -> Self:
        if self.size_max_kwp is not None:
            for name, least in (("size_kwp", self.size_kwp), ("size_min_kwp", self.size_min_kwp)):
                if least is not None and least > self.size_max_kwp:
                    raise ValueError(
                        f"size_max_kwp: given {self.size_max_kwp:g}; allowed at least {name}, which is {least:g}"
                    )
        return self

    def sizes(self, customers: Customers) -> Floats:
        """Return the size of the system that each would get, shape (n,) [kWp]."""
        wanted = self.size_share * customers.annual_kwh / self.yield_kwh_per_kwp
        if self.size_kwp is not None:
            wanted = np.full(len(customers), self.size_kwp)
        return np.minimum(wanted, np.inf if self.size_max_kwp is None else self.size_max_kwp)

    def eligible(self, customers: Customers) -> Bools:
        """Return whose roof is free and whose system is large enough, shape (n,)."""
        sizes = self.sizes(customers)
        return np.asarray((customers.pv_kwh == 0) & (sizes >= self.size_min_kwp) & (sizes > 0))

    def expected(self, customers: Customers) -> Quantities:
        """Return what both sides expect of a first year, and what the system costs.

        `generated_kwh` and what of it the host uses, `self_kwh` [kWh/a]; `use_factor`, by which use comes otherwise
        [1]; the host's `price_per_kwh` and `feed_in_per_kwh` [currency/kWh]; `degradation` [1/a]; `kwp` [kWp];
        `capex`, or `investment` where the host pays [currency].
        """
        n, sizes = len(customers), self.sizes(customers)
        generated = sizes * self.yield_kwh_per_kwp
        return {
            self.outlay: sizes * self.cost_per_kwp * customers.vendor_price,
            "kwp": sizes,
            "generated_kwh": generated,
            "self_kwh": _used(customers, generated),
            "use_factor": np.ones(n),
            "price_per_kwh": customers.price_per_kwh.astype(np.float64),
            "feed_in_per_kwh": np.full(n, customers.feed_in_per_kwh),
            "degradation": np.full(n, self.degradation),
        }

    def truth(self, customers: Customers, agreed: Quantities) -> Quantities:
        """Return what systems really make, drawn by roof: the same under all four contracts."""
        performs = lognormal(
            customers.draws.uniforms("pv performance", customers.number)[0], self.performance_deviation
        )
        made = agreed["generated_kwh"] * (1 - self.performance_gap) * performs
        return {**agreed, "generated_kwh": made, "self_kwh": _used(customers, made)}

    def effect(self, q: Quantities, age: Floats) -> Quantities:
        """Return the generation that meters get, shape (n,) [kWh/a]."""
        return {"pv_kwh": q["generated_kwh"] * (1 - q["degradation"]) ** age}

    def realised(self, q: Quantities, meters: Meters, age: Floats) -> Quantities:
        """Return generation and use as metered; what batteries lose counts as used, and age is in the meter already."""
        exported = np.minimum(meters.injected_kwh, meters.generated_kwh)
        return {
            **q,
            "generated_kwh": meters.generated_kwh,
            "self_kwh": meters.generated_kwh - exported,
            "price_per_kwh": meters.price_per_kwh,
            "degradation": np.zeros(exported.size),
        }

    def yearly(self, q: Quantities, age: Age) -> list[Flow]:
        """Return the flows of a year of the contract [currency/a]; beyond the term the system is the host's."""
        year = np.asarray(age)
        made = q["generated_kwh"] * (1 - q["degradation"]) ** year
        used = np.minimum(q["self_kwh"] * q["use_factor"] * (1 - q["degradation"]) ** year, made)
        fed = (made - used) * q["feed_in_per_kwh"]
        in_term = year < self.term_years
        opex = self.opex_per_kwp * q["kwp"]
        support = self.subsidy_per_kwh * made * (year < self.subsidy_years)
        return [
            Flow("supplier", CUSTOMER, "retail", used * q["price_per_kwh"], metered=True),
            Flow("supplier", CUSTOMER, "feed_in", fed, metered=True),
            Flow("government", self.owner, "generation_subsidy", support * in_term),
            Flow(PROVIDER, "outside", "operation", opex * in_term),
            Flow(CUSTOMER, "outside", "operation", opex * ~in_term),
            *self.dues(q, made, used, in_term, age),
        ]

    @abstractmethod
    def dues(self, q: Quantities, made: Floats, used: Floats, in_term: Bools | np.bool_, age: Age) -> list[Flow]:
        """Return what host, provider and lenders owe each other for a year [currency/a].

        Parameters
        ----------
        q : Quantities
            Expected or metered.
        made, used : ndarray of float64, shape (n,)
            Generation, and what of it the host uses [kWh/a].
        in_term : ndarray of bool
            Whether the contract still runs.
        age : int or ndarray of int64, shape (n,)
            Full years under contract.
        """


def _used(customers: Customers, generated: Floats) -> Floats:
    """Return what hosts would use of their generation: what the meter does not see leave, shape (n,) [kWh/a]."""
    nothing = np.zeros(len(customers))
    _, before = customers.meter(nothing, nothing)
    _, injected = customers.meter(generated, nothing)
    return np.asarray(generated - np.clip(injected - before, 0.0, generated))
