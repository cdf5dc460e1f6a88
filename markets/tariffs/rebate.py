"""Peak-time rebates: paid for using less than a baseline during events."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike
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
from gridagora.markets.tariffs.windows import in_windows
from gridagora.sim.plugin import Frozen


class Baseline(Frozen):
    """What a customer would have used, from days without events (model.md A2.3)."""

    days: int = Field(default=10, ge=1, le=60)
    """Last similar days without event that are averaged: 10-of-10 (mem)."""
    adjustment_windows: list[str] = Field(default_factory=list)
    """Windows before the event in which the day's use shifts the baseline up or down; none, no adjustment."""
    adjustment_cap: float = Field(default=0.2, ge=0, le=1)
    """Largest shift, as a share of the unadjusted baseline in those windows [1] (mem)."""

    @model_validator(mode="after")
    def _windows(self) -> Self:
        in_windows(self.adjustment_windows, 288)
        return self

    def estimate(self, past_kwh: ArrayLike, today_kwh: ArrayLike) -> FloatArray:
        """Return the baseline of one day.

        The mean of the past days plus a constant: the day's mean difference from it in the adjustment windows, no
        larger than the cap, either way.

        Parameters
        ----------
        past_kwh : array_like, shape (days, periods)
            Use on similar days without event [kWh].
        today_kwh : array_like, shape (periods,)
            Use on the day [kWh]; only that in the adjustment windows counts.

        Returns
        -------
        ndarray of float64, shape (periods,)
            Baseline [kWh], at least 0.
        """
        mean = np.asarray(past_kwh, np.float64).mean(axis=0)
        before = in_windows(self.adjustment_windows, mean.size)
        if not before.any():
            return np.asarray(mean)
        shift = np.asarray(today_kwh, np.float64)[before].mean() - mean[before].mean()
        most = self.adjustment_cap * mean[before].mean()
        return np.asarray(np.maximum(mean + np.clip(shift, -most, most), 0.0))

    def of_day(self, meter: Meter, day: int, event_days: tuple[date, ...]) -> FloatArray:
        """Return the baseline of one day of a meter's series [kWh], shape (periods,).

        Workdays are similar to workdays, Saturdays, Sundays and public holidays to one another.

        Raises
        ------
        ValueError
            If too few similar days without event come before it.
        """
        calendar = meter.calendar
        use = meter.withdrawal_kwh.reshape(calendar.days, -1)
        works = calendar.day(day).day_type == "workday"
        similar = [
            index
            for index, other in ((index, calendar.day(index)) for index in range(day))
            if (other.day_type == "workday") == works and other.date not in event_days
        ]
        if len(similar) < self.days:
            raise ValueError(
                f"baseline of {calendar.day(day).date}: given {len(similar)} similar days before it; allowed at least "
                f"{self.days}; begin the series earlier or lower `days`"
            )
        return self.estimate(use[similar[-self.days :]], use[day])


class PeakTimeRebate(MeteredTariff):
    """A rebate on each kWh below the baseline in events (model.md B7): sum_t max(0, b_t - d_t) pi.

    One-sided: who uses more pays nothing. The baseline is an estimate, see :meth:`error_cost`, and one that the
    customer can raise by using more on ordinary days.
    """

    kind: Literal["peak_time_rebate"] = "peak_time_rebate"
    """Paid for less than the baseline."""
    rebate_per_kwh: float = Field(default=1.0, gt=0)
    """Rebate pi [currency/kWh] (ill)."""
    event_days: tuple[date, ...] = Field(min_length=1)
    """Days called, rising."""
    event_windows: list[str] = Field(min_length=1)
    """Windows of the events, such as ``["17:00-20:00"]``."""
    baseline: Baseline = Baseline()
    """How the baseline is estimated."""

    @model_validator(mode="after")
    def _events(self) -> Self:
        if list(self.event_days) != sorted(set(self.event_days)):
            raise ValueError(f"event_days: given {len(self.event_days)} that repeat or fall; allowed rising; sort them")
        both = in_windows(self.event_windows, 288) & in_windows(self.baseline.adjustment_windows, 288)
        if both.any():
            raise ValueError(
                f"adjustment_windows: given {self.baseline.adjustment_windows}, within the event {self.event_windows}; "
                "allowed outside it, for the response would shift its own baseline"
            )
        return self

    def _events_of(self, meter: Meter) -> list[tuple[date, slice, FloatArray]]:
        """Return each event day within the series, its settlement periods and what is below the baseline there."""
        periods, start = meter.calendar.periods_per_day, meter.calendar.start
        window = in_windows(self.event_windows, periods)
        found = []
        for called in self.event_days:
            day = (called - start).days
            if 0 <= day < meter.calendar.days:
                part = slice(day * periods, (day + 1) * periods)
                below = self.baseline.of_day(meter, day, self.event_days) - meter.withdrawal_kwh[part]
                found.append((called, part, np.where(window, np.maximum(below, 0.0), 0.0)))
        return found

    def bill(self, meter: Meter, context: Context = NO_CONTEXT) -> list[BillLine]:
        """Return a negative line for each event with a reduction."""
        return written(
            [
                charge(f"rebate on {called}", "retail", float(below.sum()), -self.rebate_per_kwh)
                for called, _, below in self._events_of(meter)
            ]
        )

    def marginal_price(self, meter: Meter, context: Context = NO_CONTEXT) -> FloatArray:
        """Return the rebate lost where use in an event is below the baseline, 0 elsewhere [currency/kWh].

        It takes the baseline as given: what one more kWh on an ordinary day would add to it is left out.
        """
        price = np.zeros(meter.size)
        for _, part, below in self._events_of(meter):
            price[part][below > 0] = self.rebate_per_kwh
        return price

    def error_cost(self, meter: Meter, counterfactual_kwh: ArrayLike) -> float:
        """Return what is paid because the baseline errs [currency], positive where it pays too much.

        Parameters
        ----------
        meter : Meter
            The customer's series.
        counterfactual_kwh : array_like, shape (n,)
            What it would have used without events [kWh], as a simulation knows it.
        """
        true = np.asarray(counterfactual_kwh, np.float64)
        window = in_windows(self.event_windows, meter.calendar.periods_per_day)
        paid = earned = 0.0
        for _, part, below in self._events_of(meter):
            paid += float(below.sum())
            earned += float(np.maximum(true[part] - meter.withdrawal_kwh[part], 0.0)[window].sum())
        return self.rebate_per_kwh * (paid - earned)
