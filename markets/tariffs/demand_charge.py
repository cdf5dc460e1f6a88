"""Charges on power: own peak, share in the system's peak, contracted capacity, reactive energy."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gridagora.markets.tariffs.lines import BillLine
from gridagora.markets.tariffs.metered import (
    NO_CONTEXT,
    Context,
    FloatArray,
    Meter,
    MeteredTariff,
    Span,
    charge,
    written,
)

Minutes = Literal[15, 30, 60]


def _steps(meter: Meter, window_minutes: int) -> int:
    """Return how many settlement periods the power is averaged over: at least one."""
    return max(1, window_minutes // meter.calendar.period_minutes)


def _averaged(energy: FloatArray, steps: int) -> FloatArray:
    return np.asarray(energy.reshape(-1, steps).sum(axis=1))


def _hours(meter: Meter, steps: int) -> float:
    return steps * meter.calendar.hours_per_period


def _month(span: Span, steps: int) -> slice:
    return slice(span.part.start // steps, span.part.stop // steps)


def _clock(meter: Meter, steps: int, window: int) -> str:
    day, place = divmod(window * steps, meter.calendar.periods_per_day)
    return str(meter.calendar.times(day)[place]).replace("T", " ")


class DemandCharge(MeteredTariff):
    """A price on the highest average power of each month (model.md B6), pro rata by days in the series."""

    kind: Literal["demand_charge"] = "demand_charge"
    """Highest power of a month."""
    price_per_kw_month: float = Field(default=40.0, ge=0)
    """Price [currency/(kW month)]; China's two-part tariffs have 35 to 45 (ill)."""
    basis: Literal["own_peak", "coincident_peak"] = "own_peak"
    """The customer's own peak, or its mean power while the system peaks."""
    window_minutes: Minutes = 15
    """Over what power is averaged [min]; longer settlement periods count as they are (mem)."""
    system_peaks: int = Field(default=1, ge=1, le=96)
    """Highest windows of the system a month that a coincident peak is the mean over (ill)."""

    def bill(self, meter: Meter, context: Context = NO_CONTEXT) -> list[BillLine]:
        """Return a line a month; it says when the peak was."""
        steps = _steps(meter, self.window_minutes)
        power = _averaged(meter.withdrawal_kwh, steps) / _hours(meter, steps)
        lines = []
        for month, windows in self._peaks(meter, context):
            kw = float(power[windows].mean())
            when = _clock(meter, steps, int(windows[0]))
            name = "own peak" if self.basis == "own_peak" else "coincident peak"
            line = f"{name} of {kw:g} kW at {when}, {month.label}"
            lines.append(charge(line, "network", kw * month.share, self.price_per_kw_month, "kW month"))
        return written(lines)

    def marginal_price(self, meter: Meter, context: Context = NO_CONTEXT) -> FloatArray:
        """Return the price of a kW over the hours of the window in peak windows, 0 elsewhere [currency/kWh].

        Where the own peak comes several times, each of those windows has it: the peak rises with any of them.
        """
        steps = _steps(meter, self.window_minutes)
        power = _averaged(meter.withdrawal_kwh, steps)
        price = np.zeros(power.size)
        for month, windows in self._peaks(meter, context):
            at = windows
            if self.basis == "own_peak":
                at = month_start(month, steps) + np.flatnonzero(power[_month(month, steps)] == power[windows[0]])
            price[at] = month.share * self.price_per_kw_month / (windows.size * _hours(meter, steps))
        return np.repeat(price, steps)

    def _peaks(self, meter: Meter, context: Context) -> list[tuple[Span, NDArray[np.intp]]]:
        """Return each month and its peak windows, the earlier of equals first."""
        steps = _steps(meter, self.window_minutes)
        own = self.basis == "own_peak"
        load = meter.withdrawal_kwh if own else context.series("system_load_kwh", meter)
        ranked, count = -_averaged(load, steps), 1 if own else self.system_peaks
        found = []
        for month in meter.spans("month"):
            order = np.argsort(ranked[_month(month, steps)], kind="stable")[:count]
            found.append((month, order + month_start(month, steps)))
        return found


def month_start(month: Span, steps: int) -> int:
    """Return the first window of a month when `steps` settlement periods make one."""
    return int(month.part.start) // steps


class CapacityCharge(MeteredTariff):
    """A price on contracted or transformer capacity, and a dearer one on what passes it (model.md B6).

    Apparent power is sqrt(P^2 + Q^2) where the meter counts reactive energy, else P over `power_factor`.
    """

    kind: Literal["capacity_charge"] = "capacity_charge"
    """Contracted capacity."""
    price_per_kva_month: float = Field(default=28.0, ge=0)
    """Price [currency/(kVA month)]; China's two-part tariffs have 25 to 30 (ill)."""
    excess_factor: float = Field(default=2.0, ge=1)
    """Price of capacity beyond the contract, in multiples of that within [1] (mem)."""
    power_factor: float = Field(default=0.95, gt=0, le=1)
    """Active over apparent power where reactive energy is not metered [1] (ill)."""
    window_minutes: Minutes = 15
    """Over what power is averaged [min] (mem)."""

    def _apparent(self, meter: Meter, steps: int) -> FloatArray:
        active = _averaged(meter.withdrawal_kwh, steps) / _hours(meter, steps)
        if meter.reactive_kvarh is None:
            return active / self.power_factor
        return np.hypot(active, _averaged(meter.reactive_kvarh, steps) / _hours(meter, steps))

    def _contracted(self, context: Context) -> float:
        if context.contracted_kva is None:
            raise ValueError("contracted_kva: given none; this tariff needs it; pass Context(contracted_kva=...)")
        return context.contracted_kva

    def bill(self, meter: Meter, context: Context = NO_CONTEXT) -> list[BillLine]:
        """Return the contracted capacity of each month and what the peak passes it by."""
        contracted, price = self._contracted(context), self.price_per_kva_month
        steps = _steps(meter, self.window_minutes)
        power, lines = self._apparent(meter, steps), []
        for month in meter.spans("month"):
            excess = max(0.0, float(power[_month(month, steps)].max()) - contracted)
            lines += [
                charge(f"contracted capacity, {month.label}", "network", contracted * month.share, price, "kVA month"),
                charge(
                    f"capacity beyond the contract, {month.label}",
                    "network",
                    excess * month.share,
                    price * self.excess_factor,
                    "kVA month",
                ),
            ]
        return written(lines)

    def marginal_price(self, meter: Meter, context: Context = NO_CONTEXT) -> FloatArray:
        """Return the dearer price over the hours of the window where the peak passes the contract, 0 elsewhere."""
        contracted, steps = self._contracted(context), _steps(meter, self.window_minutes)
        power, price = self._apparent(meter, steps), np.zeros(meter.size // steps)
        hours = _hours(meter, steps)
        active = _averaged(meter.withdrawal_kwh, steps) / hours
        for month in meter.spans("month"):
            part = _month(month, steps)
            peak = float(power[part].max())
            if peak >= contracted:
                at = part.start + np.flatnonzero(power[part] == peak)
                slope = active[at] / peak if meter.reactive_kvarh is not None else 1.0 / self.power_factor
                price[at] = slope * month.share * self.price_per_kva_month * self.excess_factor / hours
        return np.repeat(price, steps)


class ReactiveCharge(MeteredTariff):
    """A price on reactive energy beyond a share of the active energy of each month."""

    kind: Literal["reactive_charge"] = "reactive_charge"
    """Reactive energy."""
    price_per_kvarh: float = Field(default=0.1, ge=0)
    """Price [currency/kvarh] (ill)."""
    least_power_factor: float = Field(default=0.9, gt=0, le=1)
    """Mean power factor of a month from which nothing is due (mem)."""

    def _free_share(self) -> float:
        return math.sqrt(1.0 / self.least_power_factor**2 - 1.0)

    def _excess(self, meter: Meter, month: Span) -> float:
        if meter.reactive_kvarh is None:
            raise ValueError("reactive_kvarh: given none; this tariff needs it; pass Meter(reactive_kvarh=...)")
        free = self._free_share() * meter.withdrawal_kwh[month.part].sum()
        return float(meter.reactive_kvarh[month.part].sum() - free)

    def bill(self, meter: Meter, context: Context = NO_CONTEXT) -> list[BillLine]:
        """Return a line for each month below the least power factor."""
        return written(
            [
                charge(
                    f"reactive energy below a power factor of {self.least_power_factor:g}, {month.label}",
                    "network",
                    max(0.0, self._excess(meter, month)),
                    self.price_per_kvarh,
                    "kvarh",
                )
                for month in meter.spans("month")
            ]
        )

    def marginal_price(self, meter: Meter, context: Context = NO_CONTEXT) -> FloatArray:
        """Return what a kWh of active energy takes off where reactive energy is charged [currency/kWh], at most 0."""
        price = np.zeros(meter.size)
        for month in meter.spans("month"):
            if self._excess(meter, month) > 0:
                price[month.part] = -self.price_per_kvarh * self._free_share()
        return price
