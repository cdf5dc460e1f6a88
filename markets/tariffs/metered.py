"""Tariffs on a meter's whole series: blocks, peaks, events and packages need more than energy by price class.

Every kind answers the same questions about the same meter: what the bill says, what one more kWh in each period costs,
what a kWh costs on average, and who earns what (model.md B). The kinds that the simulation bills by price class are
one of them, :class:`ScheduledTariff`.
"""

from __future__ import annotations

import calendar as months
import math
from abc import abstractmethod
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.markets.tariffs.lines import BillLine
from gridagora.sim.clock import Calendar
from gridagora.sim.plugin import Frozen

FloatArray = NDArray[np.float64]
Series = Literal["pool_price", "system_load_kwh", "baseline_kwh", "unserved_kwh"]


def _series(name: str, values: ArrayLike, size: int, least: float = 0.0) -> FloatArray:
    given = np.array(values, np.float64)
    if given.shape != (size,):
        raise ValueError(f"{name}: given shape {given.shape}; allowed ({size},), one value a settlement period")
    if not np.isfinite(given).all() or given.min() < least:
        period = int(np.flatnonzero(~np.isfinite(given) | (given < least))[0])
        allowed = "finite" if least == -math.inf else f"finite and at least {least:g}"
        raise ValueError(f"{name} of period {period}: given {given[period]:g}; allowed {allowed}; repair or drop it")
    given.flags.writeable = False
    return given


@dataclass(frozen=True, slots=True)
class Span:
    """A month or year of a meter's series.

    Parameters
    ----------
    label : str
        Such as ``"2025-01"`` or ``"2025"``.
    part : slice
        Its settlement periods.
    share : float
        Days in the series over days of the whole month or year.
    """

    label: str
    part: slice
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class Meter:
    """What one customer withdrew over whole days.

    Parameters
    ----------
    calendar : Calendar
        Days and settlement periods, every day of it.
    withdrawal_kwh : ndarray of float64, shape (n,)
        Energy withdrawn by settlement period [kWh], at least 0; n is days times periods a day.
    reactive_kvarh : ndarray of float64, shape (n,), optional
        Reactive energy [kvarh], at least 0.

    Raises
    ------
    ValueError
        If a value is missing, negative or not finite, or the calendar leaves out days.
    """

    calendar: Calendar
    withdrawal_kwh: FloatArray
    reactive_kvarh: FloatArray | None = None

    def __post_init__(self) -> None:
        if self.calendar.chosen:
            raise ValueError(
                f"calendar: given {len(self.calendar.chosen)} representative days; allowed every day, for a month's "
                "total or peak is not known from some; meter whole months"
            )
        size = self.calendar.days * self.calendar.periods_per_day
        object.__setattr__(self, "withdrawal_kwh", _series("withdrawal_kwh", self.withdrawal_kwh, size))
        if self.reactive_kvarh is not None:
            object.__setattr__(self, "reactive_kvarh", _series("reactive_kvarh", self.reactive_kvarh, size))

    @property
    def size(self) -> int:
        """Number of settlement periods."""
        return self.withdrawal_kwh.size

    @property
    def total_kwh(self) -> float:
        """Energy withdrawn [kWh]."""
        return math.fsum(self.withdrawal_kwh)

    def spans(self, of: Literal["month", "year"]) -> list[Span]:
        """Return the calendar months or years that the series touches, in order."""
        start, periods = self.calendar.start, self.calendar.periods_per_day
        days = [start + timedelta(days=index) for index in range(self.calendar.days)]
        first: dict[str, int] = {}
        for index, day in enumerate(days):
            first.setdefault(day.strftime("%Y-%m" if of == "month" else "%Y"), index)
        edges = [*first.values(), len(days)]
        return [
            Span(label, slice(begin * periods, end * periods), (end - begin) / _length(days[begin], of))
            for label, begin, end in zip(first, edges, edges[1:], strict=False)
        ]


def _length(day: date, of: Literal["month", "year"]) -> int:
    return months.monthrange(day.year, day.month)[1] if of == "month" else 365 + months.isleap(day.year)


def combine(meters: list[Meter]) -> Meter:
    """Return the one meter that a customer with several would have: peaks at different times net out (model.md B9).

    Raises
    ------
    ValueError
        If there is no meter, calendars differ, or some count reactive energy and others do not.
    """
    if not meters or any(meter.calendar != meters[0].calendar for meter in meters):
        raise ValueError(f"meters: given {len(meters)}; allowed one or more of the same calendar")
    reactive = [meter.reactive_kvarh for meter in meters if meter.reactive_kvarh is not None]
    if len(reactive) not in (0, len(meters)):
        raise ValueError(f"reactive_kvarh: given for {len(reactive)} of {len(meters)} meters; allowed for all or none")
    return Meter(
        meters[0].calendar,
        np.sum([meter.withdrawal_kwh for meter in meters], axis=0),
        np.sum(reactive, axis=0) if reactive else None,
    )


@dataclass(frozen=True, slots=True)
class Customer:
    """What a tariff may ask of who wants it (model.md B9, foreign cases).

    Parameters
    ----------
    all_electric : bool
        Cooks, heats and washes with electricity alone.
    meters : int
        Number of meters billed together.
    transport : bool
        Drives vehicles or trains with the electricity.
    storage_air_conditioning : bool
        Makes ice or chilled water at night.
    low_income : bool
        Entitled to a free quota.
    """

    all_electric: bool = False
    meters: int = 1
    transport: bool = False
    storage_air_conditioning: bool = False
    low_income: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What a bill needs besides the meter; a tariff that needs a value says so where it is missing.

    Parameters
    ----------
    pool_price : ndarray of float64, shape (n,), optional
        Wholesale price by settlement period [currency/kWh].
    system_load_kwh : ndarray of float64, shape (n,), optional
        Load of the whole system [kWh].
    baseline_kwh : ndarray of float64, shape (n,), optional
        Contracted load profile of a two-part real-time price [kWh].
    unserved_kwh : ndarray of float64, shape (n,), optional
        Energy that the customer would have withdrawn during interruptions [kWh].
    used_before_kwh : float
        Energy used in the running month or year before the first day of the series [kWh].
    contracted_kva : float, optional
        Contracted or transformer capacity [kVA].
    customer : Customer, optional
        Who is billed.
    """

    pool_price: FloatArray | None = None
    system_load_kwh: FloatArray | None = None
    baseline_kwh: FloatArray | None = None
    unserved_kwh: FloatArray | None = None
    used_before_kwh: float = 0.0
    contracted_kva: float | None = None
    customer: Customer | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.used_before_kwh < math.inf:
            raise ValueError(f"used_before_kwh: given {self.used_before_kwh}; allowed finite and at least 0")
        if self.contracted_kva is not None and not 0 < self.contracted_kva < math.inf:
            raise ValueError(f"contracted_kva: given {self.contracted_kva}; allowed finite and above 0")

    def series(self, name: Series, meter: Meter) -> FloatArray:
        """Return one of the series, checked against the meter's length.

        Raises
        ------
        ValueError
            If it is missing, of another length, not finite, or a negative energy.
        """
        values = getattr(self, name)
        if values is None:
            raise ValueError(f"{name}: given none; this tariff needs it; pass Context({name}=...)")
        return _series(name, values, meter.size, -math.inf if name == "pool_price" else 0.0)


NO_CONTEXT = Context()


def charge(line: str, account: str, quantity: float, price: float, unit: str = "kWh") -> BillLine:
    """Return a line of `quantity` times `price`, rounded once to 1e-6 currency.

    Raises
    ------
    ValueError
        If the amount is not a finite number.
    """
    return charge_amount(line, account, quantity, quantity * price, unit, price)


def charge_amount(
    line: str, account: str, quantity: float, amount: float, unit: str = "kWh", price: float | None = None
) -> BillLine:
    """Return a line of a given amount; its price is the mean one where none is given, nan without a quantity.

    Raises
    ------
    ValueError
        If the amount is not a finite number.
    """
    if not math.isfinite(amount):
        raise ValueError(f"line {line!r}: given an amount of {amount}; allowed finite; check its price and quantity")
    mean = amount / quantity if quantity else math.nan
    return BillLine(line, account, quantity, unit, mean if price is None else price, round(amount * 1e6) / 1e6)


def written(lines: list[BillLine]) -> list[BillLine]:
    """Return the lines that have a quantity or an amount."""
    return [line for line in lines if line.quantity or line.amount]


def total(lines: list[BillLine]) -> float:
    """Return the sum of a bill [currency], an exact multiple of 1e-6."""
    return sum(round(line.amount * 1e6) for line in lines) / 1e6


class MeteredTariff(Frozen):
    """A tariff, or a part of one, that reads a meter's series.

    The three views agree: the marginal price is the right-hand derivative of the bill's total.
    """

    @abstractmethod
    def bill(self, meter: Meter, context: Context = NO_CONTEXT) -> list[BillLine]:
        """Return the lines of the bill, each rounded once to 1e-6 currency.

        Parameters
        ----------
        meter : Meter
            The customer's series.
        context : Context
            What the tariff needs besides.

        Returns
        -------
        list of BillLine
            Lines with neither quantity nor amount are left out.

        Raises
        ------
        ValueError
            If the context lacks what the tariff needs.
        """

    @abstractmethod
    def marginal_price(self, meter: Meter, context: Context = NO_CONTEXT) -> FloatArray:
        """Return what one more kWh in each period adds to the bill [currency/kWh], shape (n,), all else equal."""

    def average_price(self, meter: Meter, context: Context = NO_CONTEXT) -> float:
        """Return the bill over the energy [currency/kWh].

        Raises
        ------
        ValueError
            If nothing was withdrawn.
        """
        if not meter.total_kwh:
            raise ValueError("average price: given a meter without withdrawal; allowed above 0 kWh; use marginal_price")
        return total(self.bill(meter, context)) / meter.total_kwh

    def revenue(self, meter: Meter, context: Context = NO_CONTEXT) -> dict[str, float]:
        """Return what the bill brings by account, such as ``retail``, ``network`` and ``levy`` [currency]."""
        lines = self.bill(meter, context)
        accounts = dict.fromkeys(line.account for line in lines)
        return {account: total([line for line in lines if line.account == account]) for account in accounts}
