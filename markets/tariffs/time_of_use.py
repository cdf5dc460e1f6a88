"""Time-of-use tariff."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from gridagora.markets.tariffs.tariff import Tariff
from gridagora.markets.tariffs.windows import MINUTES_A_DAY, cover


class TimeOfUse(Tariff):
    """Prices by time of the day and type of day (model.md B3)."""

    kind: Literal["time_of_use"] = "time_of_use"
    """Prices by time of the day."""
    energy_per_kwh: dict[str, float] = Field(min_length=1)
    """Energy part of the price by class, such as ``{peak: 0.36, valley: 0.16}`` [currency/kWh] (ill)."""
    windows: dict[str, list[str]] = Field(min_length=1)
    """Windows of each class, such as ``{peak: ["08:00-22:00"], valley: ["22:00-08:00"]}`` in local time; they cover
    the day once."""
    weekend_windows: dict[str, list[str]] | None = None
    """Windows on Saturdays, Sundays and public holidays; without it those of workdays."""

    @model_validator(mode="after")
    def _covers_the_day(self) -> Self:
        negative = [name for name, price in self.energy_per_kwh.items() if price < 0]
        if negative:
            raise ValueError(f"energy_per_kwh of {negative[0]!r} is negative; allowed at least 0")
        cover(self.windows, self.classes)
        if self.weekend_windows is not None:
            cover(self.weekend_windows, self.classes)
        return self

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the price classes in the order of `energy_per_kwh`."""
        return tuple(self.energy_per_kwh)

    @property
    def energy_prices(self) -> NDArray[np.float64]:
        """Energy part of the price by class [currency/kWh], shape (n_classes,)."""
        return np.array(list(self.energy_per_kwh.values()))

    def class_of_period(self, day_type: str, periods: int) -> NDArray[np.uint8]:
        """Return the class of each period, shape (periods,).

        Raises
        ------
        ValueError
            If a window begins or ends within a settlement period.
        """
        weekend = day_type != "workday" and self.weekend_windows is not None
        windows = self.weekend_windows if weekend and self.weekend_windows is not None else self.windows
        steps = cover(windows, self.classes).reshape(periods, -1)
        if (steps != steps[:, :1]).any():
            period = int(np.flatnonzero((steps != steps[:, :1]).any(axis=1))[0])
            minute = period * MINUTES_A_DAY // periods
            raise ValueError(
                f"a time-of-use window changes within the settlement period at {minute // 60:02d}:{minute % 60:02d} "
                f"of {MINUTES_A_DAY // periods} minutes; move the window or choose shorter settlement periods"
            )
        return np.ascontiguousarray(steps[:, 0])
