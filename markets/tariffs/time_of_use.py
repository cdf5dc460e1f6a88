"""Time-of-use tariff."""

from __future__ import annotations

import re
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from gridagora.markets.tariffs.tariff import Tariff

_WINDOW = re.compile(r"^([01]?\d|2[0-4]):([0-5]\d)-([01]?\d|2[0-4]):([0-5]\d)$")
_DAY = 24 * 60


def minutes(window: str) -> list[int]:
    """Return the minutes of the day that a window such as ``"22:00-06:00"`` covers.

    Parameters
    ----------
    window : str
        ``"HH:MM-HH:MM"`` in local time; over midnight where the end is not after the start.

    Returns
    -------
    list of int
        Starts of 5-minute steps, in minutes after midnight.

    Raises
    ------
    ValueError
        If the text is no window or not on 5-minute steps.
    """
    match = _WINDOW.match(window)
    if match is None:
        raise ValueError(f"window {window!r} is not of the form 'HH:MM-HH:MM', such as '08:00-22:00'")
    h0, m0, h1, m1 = map(int, match.groups())
    start, end = h0 * 60 + m0, h1 * 60 + m1
    if start >= _DAY or end > _DAY or start % 5 or end % 5:
        raise ValueError(f"window {window!r} must start before 24:00, end by 24:00 and lie on 5-minute steps")
    return [m % _DAY for m in range(start, end if end > start else end + _DAY, 5)]


def cover(windows: dict[str, list[str]], names: tuple[str, ...]) -> NDArray[np.uint8]:
    """Return the price class of each 5-minute step of a day.

    Parameters
    ----------
    windows : dict
        Windows by class name.
    names : tuple of str
        Class names in order.

    Returns
    -------
    ndarray of uint8, shape (288,)
        Index into `names`.

    Raises
    ------
    ValueError
        If a class is unknown, or the windows overlap or leave a gap.
    """
    owner = np.full(_DAY // 5, 255, np.uint8)
    for name, texts in windows.items():
        if name not in names:
            raise ValueError(f"window of {name!r}: no such price class; energy_per_kwh names {', '.join(names)}")
        for text in texts:
            for minute in minutes(text):
                if owner[minute // 5] != 255:
                    other = names[owner[minute // 5]]
                    raise ValueError(
                        f"windows overlap at {minute // 60:02d}:{minute % 60:02d}: {other!r} and {name!r}; "
                        "each minute of the day belongs to one class"
                    )
                owner[minute // 5] = names.index(name)
    gaps = np.flatnonzero(owner == 255)
    if gaps.size:
        minute = int(gaps[0]) * 5
        raise ValueError(
            f"windows leave a gap at {minute // 60:02d}:{minute % 60:02d}; each minute of the day belongs to one class"
        )
    return owner


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
            minute = period * _DAY // periods
            raise ValueError(
                f"a time-of-use window changes within the settlement period at {minute // 60:02d}:{minute % 60:02d} "
                f"of {_DAY // periods} minutes; move the window or choose shorter settlement periods"
            )
        return np.ascontiguousarray(steps[:, 0])
