"""Tariffs of several parts, who may have them, how they are paid, and menus to choose from."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from gridagora.markets.tariffs.blocks import IncreasingBlocks
from gridagora.markets.tariffs.demand_charge import CapacityCharge, DemandCharge, ReactiveCharge
from gridagora.markets.tariffs.eligibility import Eligibility
from gridagora.markets.tariffs.lines import BillLine
from gridagora.markets.tariffs.metered import (
    NO_CONTEXT,
    Context,
    Customer,
    FloatArray,
    Meter,
    MeteredTariff,
    total,
)
from gridagora.markets.tariffs.package import Package
from gridagora.markets.tariffs.payment import Payment
from gridagora.markets.tariffs.real_time import RealTime
from gridagora.markets.tariffs.rebate import PeakTimeRebate
from gridagora.markets.tariffs.reliability import PriorityTariff
from gridagora.markets.tariffs.seasonal import ScheduledTariff
from gridagora.sim.plugin import Frozen

AnyPart = Annotated[
    ScheduledTariff
    | IncreasingBlocks
    | RealTime
    | DemandCharge
    | CapacityCharge
    | ReactiveCharge
    | PeakTimeRebate
    | Package
    | PriorityTariff,
    Field(discriminator="kind"),
]


class CombinedTariff(MeteredTariff):
    """Parts that add up, such as time-of-use prices, a ladder on top and a demand charge, for those who may have it."""

    kind: Literal["combined"] = "combined"
    """Parts that add up."""
    parts: tuple[AnyPart, ...] = Field(min_length=1)
    """The parts; a network charge and a levy belong in one of them only."""
    payment: Payment = Payment()
    """How the bill is paid."""
    eligible: Eligibility = Eligibility()
    """Who may have it."""

    @model_validator(mode="after")
    def _charges_once(self) -> Self:
        schedules = [part.prices for part in self.parts if isinstance(part, ScheduledTariff | Package)]
        for name in ("network_per_kwh", "levy_per_kwh"):
            given = [getattr(prices, name) for prices in schedules if getattr(prices, name)]
            if len(given) > 1:
                raise ValueError(
                    f"{name}: given {given} in {len(given)} parts; allowed in one, for they add up; set the others to 0"
                )
        return self

    def _admit(self, context: Context) -> None:
        missing = self.eligible.missing(context.customer or Customer())
        if missing:
            raise ValueError(
                f"customer: does not meet {', '.join(missing)}; allowed who does; pass Context(customer=...) or choose "
                "another tariff"
            )

    def bill(self, meter: Meter, context: Context = NO_CONTEXT) -> list[BillLine]:
        """Return the lines of all parts, and the discount or premium of the way to pay.

        Raises
        ------
        ValueError
            If the customer may not have the tariff.
        """
        self._admit(context)
        lines = [line for part in self.parts for line in part.bill(meter, context)]
        return lines + self.payment.line(lines)

    def marginal_price(self, meter: Meter, context: Context = NO_CONTEXT) -> FloatArray:
        """Return the sum of the parts' marginal prices, with discount or premium [currency/kWh], shape (n,)."""
        self._admit(context)
        parts = np.sum([part.marginal_price(meter, context) for part in self.parts], axis=0)
        return np.asarray((1.0 + self.payment.share) * parts)


class Menu(Frozen):
    """Tariffs that a customer chooses from; one of them is what those have who choose none (model.md B8, B10)."""

    options: dict[str, CombinedTariff] = Field(min_length=2)
    """Tariffs by name."""
    outside: str
    """The option of those who choose none: open to everybody, free to leave."""

    @model_validator(mode="after")
    def _has_an_outside_option(self) -> Self:
        if self.outside not in self.options:
            raise ValueError(f"outside: given {self.outside!r}; allowed one of options: {', '.join(self.options)}")
        free = self.options[self.outside]
        if free.eligible != Eligibility() or any(isinstance(part, Package) and part.term_months for part in free.parts):
            raise ValueError(
                f"outside: {self.outside!r} has a term or a condition; allowed open to everybody and free to leave; "
                "name another option"
            )
        return self

    def bills(self, meter: Meter, context: Context = NO_CONTEXT) -> dict[str, float]:
        """Return what each option that the customer may have would cost [currency]."""
        customer = context.customer or Customer()
        return {
            name: total(option.bill(meter, context))
            for name, option in self.options.items()
            if option.eligible.admits(customer)
        }

    def cheapest(self, meter: Meter, context: Context = NO_CONTEXT) -> str:
        """Return the option with the lowest bill; the outside option, then the order of the menu, decides equals."""
        bills = self.bills(meter, context)
        return min(bills, key=lambda name: (bills[name], name != self.outside))
