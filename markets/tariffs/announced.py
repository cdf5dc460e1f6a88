"""One price of ordinary hours, and others in windows of single days that are announced the day before."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from gridagora.markets.tariffs.tariff import Tariff
from gridagora.markets.tariffs.windows import in_windows
from gridagora.sim.clock import Day
from gridagora.sim.plugin import Frozen


class Announcement(Frozen):
    """Windows of one day with another price than the ordinary one."""

    day: date
    """The day."""
    price: str
    """Price class that holds, one of `energy_per_kwh`."""
    windows: list[str] = Field(min_length=1)
    """When it holds, such as ``["17:00-20:00"]``, in local time."""


class DynamicTimeOfUse(Tariff):
    """Price classes whose hours are announced the day before; all other hours have the ordinary one (model.md B4).

    Announced prices may be above the ordinary one, to spare the grid, or below it, to use what wind and sun give. The
    trial Low Carbon London had 0.6720, 0.1176 and 0.0399 GBP/kWh against a flat price of 0.14228 (UK Data Archive,
    SN 7857).
    """

    kind: Literal["dynamic_time_of_use"] = "dynamic_time_of_use"
    """Prices that are announced the day before."""
    energy_per_kwh: dict[str, Annotated[float, Field(ge=0)]] = Field(min_length=2)
    """Energy part of the price by class, such as ``{high: 0.9, normal: 0.35, low: 0.1}`` [currency/kWh] (ill)."""
    ordinary: str = "normal"
    """Class of all hours that are not announced."""
    announced: tuple[Announcement, ...] = Field(min_length=1)
    """Days and windows of the other classes."""

    @model_validator(mode="after")
    def _windows_of_a_day_keep_apart(self) -> Self:
        if self.ordinary not in self.energy_per_kwh:
            raise ValueError(f"ordinary: given {self.ordinary!r}; allowed one of {', '.join(self.energy_per_kwh)}")
        others = [name for name in self.energy_per_kwh if name != self.ordinary]
        windows: dict[date, list[str]] = defaultdict(list)
        for each in self.announced:
            if each.price not in others:
                raise ValueError(f"price of {each.day}: given {each.price!r}; allowed {', '.join(others)}")
            windows[each.day] += each.windows
        for day, texts in windows.items():
            try:
                in_windows(texts, 288)
            except ValueError as error:
                raise ValueError(f"announced for {day}: {error}") from None
        return self

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the price classes in the order of `energy_per_kwh`."""
        return tuple(self.energy_per_kwh)

    @property
    def energy_prices(self) -> NDArray[np.float64]:
        """Energy part of the price by class [currency/kWh], shape (n_classes,)."""
        return np.array(list(self.energy_per_kwh.values()))

    @property
    def event_days(self) -> tuple[date, ...]:
        """Days with an announcement."""
        return tuple(each.day for each in self.announced)

    def class_of_period(self, day_type: str, periods: int) -> NDArray[np.uint8]:
        """Return the ordinary class for each period of a day without announcements, shape (periods,)."""
        return np.full(periods, self.classes.index(self.ordinary), np.uint8)

    def class_on(self, day: Day, periods: int) -> NDArray[np.uint8]:
        """Return the class of each period of one day, shape (periods,).

        Raises
        ------
        ValueError
            If an announced window begins or ends within a settlement period.
        """
        found = self.class_of_period(day.day_type, periods)
        for each in self.announced:
            if each.day == day.date:
                found[in_windows(each.windows, periods)] = self.classes.index(each.price)
        return found

    def event_on(self, day: Day, periods: int) -> NDArray[np.bool_]:
        """Return the periods whose announced price is above the ordinary one, shape (periods,)."""
        return np.asarray(self.energy_on(day, periods) > self.energy_per_kwh[self.ordinary])
