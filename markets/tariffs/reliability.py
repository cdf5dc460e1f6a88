"""Priority service: customers choose how reliably they are served, and pay for it (model.md B9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from gridagora.markets.tariffs.lines import BillLine
from gridagora.markets.tariffs.metered import (
    NO_CONTEXT,
    Context,
    FloatArray,
    Meter,
    MeteredTariff,
    charge,
    written,
)
from gridagora.sim.plugin import Frozen


class ServiceClass(Frozen):
    """One line of the menu."""

    reliability: float = Field(gt=0, le=1)
    """Share of the time, or of interruptible events, in which the class is served [1]."""
    charge_per_kw: float = Field(ge=0)
    """Charge [currency/(kW month)]."""


class PriorityService(Frozen):
    """A menu of reliabilities and charges (Chao and Wilson, 1987); to stay away, at 0 and 0, is always open.

    A customer to whom a kW of uninterrupted service is worth v takes the class with the highest v r_k - s_k.
    """

    classes: dict[str, ServiceClass] = Field(min_length=1)
    """Classes by name; reliability and charge rise, and so do the cut-offs between them."""
    compensation_per_kwh: float = Field(default=0.0, ge=0)
    """Refund of energy not served [currency/kWh]; the worth of lost load is 5 for homes, 20 to 50 for firms (ill)."""

    @model_validator(mode="after")
    def _rises(self) -> Self:
        names = tuple(self.classes)
        rises = (np.diff(self._reliability) > 0).all(), (np.diff(self._charges) >= 0).all()
        for ok, values, key in zip(
            rises, (self._reliability, self._charges), ("reliability", "charge_per_kw"), strict=True
        ):
            if not ok:
                raise ValueError(
                    f"{key}: given {values[1:].tolist()} for {', '.join(names)}; allowed rising; sort them"
                )
        cut = self.cut_offs()
        if (np.diff(cut) < 0).any():
            worse = names[int(np.flatnonzero(np.diff(cut) < 0)[0])]
            raise ValueError(
                f"classes: {worse!r} is nobody's best choice, cut-offs {cut.round(6).tolist()} fall after it; allowed "
                "cut-offs that do not fall; lower its charge or drop it"
            )
        return self

    @property
    def _reliability(self) -> FloatArray:
        return np.array([0.0, *(service.reliability for service in self.classes.values())])

    @property
    def _charges(self) -> FloatArray:
        return np.array([0.0, *(service.charge_per_kw for service in self.classes.values())])

    def cut_offs(self) -> FloatArray:
        """Return from which value each class beats the one below, (s_k - s_{k-1}) / (r_k - r_{k-1}), shape (K,)."""
        return np.asarray(np.diff(self._charges) / np.diff(self._reliability))

    def choose(self, value_per_kw: ArrayLike) -> NDArray[np.intp]:
        """Return each customer's class, 1 to K in the order of the menu, or 0 for none; the higher of equals.

        Parameters
        ----------
        value_per_kw : array_like, shape (n,)
            Worth of uninterrupted service [currency/(kW month)].

        Raises
        ------
        ValueError
            If a value is negative or not finite.
        """
        return np.searchsorted(self.cut_offs(), _values("value_per_kw", value_per_kw), side="right")


class PriorityTariff(MeteredTariff):
    """A customer's class of a priority service, beside what its energy costs."""

    kind: Literal["priority"] = "priority"
    """A chosen reliability."""
    menu: PriorityService
    """The menu."""
    choice: str
    """The class chosen, one of the menu."""
    subscribed_kw: float = Field(gt=0)
    """Power served at that reliability [kW]."""

    @model_validator(mode="after")
    def _on_the_menu(self) -> Self:
        if self.choice not in self.menu.classes:
            raise ValueError(f"choice: given {self.choice!r}; allowed {', '.join(self.menu.classes)}")
        return self

    def bill(self, meter: Meter, context: Context = NO_CONTEXT) -> list[BillLine]:
        """Return the charge of each month, pro rata by days in the series, and the refund of energy not served."""
        service = self.menu.classes[self.choice]
        name = f"service {self.choice} at a reliability of {service.reliability:g}"
        lines = [
            charge(
                f"{name}, {month.label}",
                "reliability",
                self.subscribed_kw * month.share,
                service.charge_per_kw,
                "kW month",
            )
            for month in meter.spans("month")
        ]
        refund = self.menu.compensation_per_kwh
        if refund:
            unserved = float(context.series("unserved_kwh", meter).sum())
            lines.append(charge("energy not served", "reliability", unserved, -refund))
        return written(lines)

    def marginal_price(self, meter: Meter, context: Context = NO_CONTEXT) -> FloatArray:
        """Return 0 [currency/kWh], shape (n,): the charge is on power, not on energy."""
        return np.zeros(meter.size)


def _values(name: str, given: ArrayLike) -> FloatArray:
    values = np.asarray(given, np.float64)
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(f"{name}: given {np.ravel(values).min():g} as lowest; allowed finite and at least 0")
    return values


@dataclass(frozen=True, slots=True)
class EfficientMenu:
    """Classes that ration supply by value.

    Parameters
    ----------
    reliability, charges, cut_offs : ndarray of float64, shape (K,)
        Reliability, charge [currency/kW] and lowest value [currency/kW] of each class, rising.
    choice : ndarray of intp, shape (n,)
        Class of each customer, 1 to K.
    """

    reliability: FloatArray
    charges: FloatArray
    cut_offs: FloatArray
    choice: NDArray[np.intp]

    def menu(self, compensation_per_kwh: float = 0.0) -> PriorityService:
        """Return the menu to offer, classes named by their number."""
        pairs = zip(self.reliability, self.charges, strict=True)
        classes = {
            str(number + 1): ServiceClass(reliability=float(r), charge_per_kw=float(s))
            for number, (r, s) in enumerate(pairs)
        }
        return PriorityService(classes=classes, compensation_per_kwh=compensation_per_kwh)


def ration(demand_kw: ArrayLike, supply_kw: ArrayLike) -> FloatArray:
    """Return the power of each class that is served, the highest class first [kW], shape (m, K).

    Parameters
    ----------
    demand_kw : array_like, shape (K,)
        Subscribed power by class, the lowest first [kW].
    supply_kw : array_like, shape (m,)
        Power available in each case [kW].
    """
    demand = _values("demand_kw", demand_kw)
    above = np.cumsum(demand[::-1])[::-1] - demand
    return np.asarray(np.clip(_values("supply_kw", supply_kw)[:, None] - above, 0.0, demand))


def efficient_menu(
    value_per_kw: ArrayLike, demand_kw: ArrayLike, supply_kw: ArrayLike, bounds_per_kw: ArrayLike
) -> EfficientMenu:
    """Return reliabilities and charges under which customers sort themselves by value (Chao and Wilson, 1987).

    Class k holds the customers with values from bound k up to the next; it is served after all above it. Charges obey
    s_k - s_{k-1} = (r_k - r_{k-1}) v_k with v_k the bound, from r_0 = s_0 = 0.

    Parameters
    ----------
    value_per_kw, demand_kw : array_like, shape (n,)
        Customers' worth of uninterrupted service [currency/kW] and power [kW].
    supply_kw : array_like, shape (m,)
        Power available in equally likely cases [kW].
    bounds_per_kw : array_like, shape (K,)
        Lowest value of each class [currency/kW], rising; the first at most the lowest of all.

    Raises
    ------
    ValueError
        If bounds do not rise, leave somebody out, a class is empty, or two classes are served alike.
    """
    value, demand = _values("value_per_kw", value_per_kw), _values("demand_kw", demand_kw)
    bounds = _values("bounds_per_kw", bounds_per_kw)
    if (np.diff(bounds) <= 0).any() or bounds[0] > value.min():
        raise ValueError(
            f"bounds_per_kw: given {bounds.tolist()}; allowed rising from at most the lowest value, {value.min():g}"
        )
    choice = np.searchsorted(bounds, value, side="right")
    by_class = np.bincount(choice, demand, bounds.size + 1)[1:]
    if (by_class == 0).any():
        raise ValueError(f"bounds_per_kw: given {bounds.tolist()}; allowed such that no class is empty; drop a bound")
    reliability = ration(by_class, supply_kw).mean(axis=0) / by_class
    steps = np.diff(reliability, prepend=0.0)
    if (steps <= 0).any():
        raise ValueError(
            f"supply_kw: serves classes {reliability.round(6).tolist()} of the time; allowed rising; use fewer classes"
        )
    return EfficientMenu(reliability, np.cumsum(steps * bounds), bounds, choice)
