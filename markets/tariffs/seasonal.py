"""Time-of-use prices with seasons, day types and critical-peak days."""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import lru_cache
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from gridagora.markets.tariffs.announced import DynamicTimeOfUse
from gridagora.markets.tariffs.flat import Flat
from gridagora.markets.tariffs.lines import BillLine
from gridagora.markets.tariffs.metered import NO_CONTEXT, Context, FloatArray, Meter, MeteredTariff
from gridagora.markets.tariffs.tariff import Tariff
from gridagora.markets.tariffs.time_of_use import TimeOfUse
from gridagora.markets.tariffs.windows import cover, in_windows
from gridagora.sim.clock import Calendar, Day
from gridagora.sim.plugin import Frozen

Price = Annotated[float, Field(ge=0)]
Windows = dict[str, list[str]]


class Season(Frozen):
    """Prices and windows of some months."""

    months: tuple[int, ...] = Field(min_length=1)
    """Calendar months, 1 to 12."""
    energy_per_kwh: dict[str, Price] = Field(min_length=1)
    """Energy part of the price by class [currency/kWh] (ill)."""
    windows: Windows = Field(min_length=1)
    """Windows of each class on workdays; they cover the day once."""
    saturday_windows: Windows | None = None
    """Windows on Saturdays; without it those of workdays."""
    sunday_windows: Windows | None = None
    """Windows on Sundays and public holidays; without it those of Saturdays."""

    @model_validator(mode="after")
    def _covers_the_day(self) -> Self:
        for windows in (self.windows, self.saturday_windows, self.sunday_windows):
            if windows is not None:
                cover(windows, tuple(self.energy_per_kwh))
        return self

    def class_of_period(self, day_type: str, periods: int) -> NDArray[np.uint8]:
        """Return the class of each period of a day of the season, shape (periods,)."""
        saturday = self.saturday_windows or self.windows
        chosen = {"workday": self.windows, "saturday": saturday, "sunday": self.sunday_windows or saturday}
        return TimeOfUse(energy_per_kwh=self.energy_per_kwh, windows=chosen[day_type]).class_of_period(
            day_type, periods
        )


class SeasonalPrices(Tariff):
    """Seasons that share the year out among them; the classes of all stand side by side."""

    seasons: dict[str, Season] = Field(min_length=1)
    """Seasons by name; each month belongs to one."""

    @model_validator(mode="after")
    def _shares_out_the_year(self) -> Self:
        count = Counter(month for season in self.seasons.values() for month in season.months)
        for month in (*range(1, 13), *sorted(count)):
            if count[month] != 1 or not 1 <= month <= 12:
                raise ValueError(
                    f"seasons: month {month} belongs to {count[month]} of {', '.join(self.seasons)}; allowed months "
                    "1 to 12, each in one season; add or drop it"
                )
        return self

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, after that of the season where there are several."""
        several = len(self.seasons) > 1
        return tuple(
            f"{name} {of}" if several else of for name, season in self.seasons.items() for of in season.energy_per_kwh
        )

    @property
    def energy_prices(self) -> NDArray[np.float64]:
        """Energy part of the price by class [currency/kWh], shape (n_classes,)."""
        return np.array([price for season in self.seasons.values() for price in season.energy_per_kwh.values()])

    def class_of_period(self, day_type: str, periods: int) -> NDArray[np.uint8]:
        """Return the class of each period of any day of one type, shape (periods,).

        Raises
        ------
        ValueError
            If the class depends on the date: there are several seasons or event days.
        """
        if not self._dateless:
            raise ValueError(
                f"tariff with {len(self.seasons)} season(s): prices depend on the date; ask class_on(day, periods)"
            )
        return next(iter(self.seasons.values())).class_of_period(day_type, periods)

    @property
    def _dateless(self) -> bool:
        return len(self.seasons) == 1

    def class_on(self, day: Day, periods: int) -> NDArray[np.uint8]:
        """Return the class of each period of one day, shape (periods,)."""
        seasons = list(self.seasons.values())
        number = next(number for number, season in enumerate(seasons) if day.date.month in season.months)
        first = sum(len(season.energy_per_kwh) for season in seasons[:number])
        return (seasons[number].class_of_period(day.day_type, periods) + first).astype(np.uint8)

    def reference_price(self, periods: int) -> float:
        """Return the price that responses are relative to: the mean over the year's workdays [currency/kWh]."""
        if self.reference_per_kwh is not None:
            return self.reference_per_kwh
        energy = sum(
            len(season.months) / 12 * np.array(list(season.energy_per_kwh.values()))[classes].mean()
            for season in self.seasons.values()
            for classes in [season.class_of_period("workday", periods)]
        )
        return float(energy) + self.network_per_kwh + self.levy_per_kwh


class SeasonalTimeOfUse(SeasonalPrices):
    """Prices by season, type of day and time of the day (model.md B3).

    With one season the day type alone decides the class; with several the date does, see :meth:`class_on`.
    """

    kind: Literal["seasonal_time_of_use"] = "seasonal_time_of_use"
    """Prices by season, type of day and time of the day."""


class CriticalPeak(SeasonalPrices):
    """Time-of-use prices, and a much higher one in a window of a few days that are called the day before (model.md B4).

    :mod:`gridagora.markets.tariffs.event_calls` has rules that call days.
    """

    kind: Literal["critical_peak"] = "critical_peak"
    """Time-of-use prices and event days."""
    event_days: tuple[date, ...] = Field(min_length=1)
    """Days called, rising."""
    event_windows: list[str] = Field(min_length=1)
    """Windows of the event price, such as ``["17:00-20:00"]``."""
    event_per_kwh: float = Field(gt=0)
    """Energy part of the price in events [currency/kWh], above all others; 5 to 10 times them is common (ill)."""
    most_days_a_year: int = Field(default=15, ge=1, le=366)
    """Event days a calendar year at most (ill)."""

    @model_validator(mode="after")
    def _calls_days(self) -> Self:
        highest = float(super().energy_prices.max())
        if self.event_per_kwh <= highest:
            raise ValueError(
                f"event_per_kwh: given {self.event_per_kwh:g}; allowed above the highest price, {highest:g}"
            )
        if list(self.event_days) != sorted(set(self.event_days)):
            raise ValueError(f"event_days: given {len(self.event_days)} that repeat or fall; allowed rising; sort them")
        for year, days in Counter(day.year for day in self.event_days).items():
            if days > self.most_days_a_year:
                raise ValueError(
                    f"event_days: given {days} in {year}; allowed {self.most_days_a_year}; call fewer or raise "
                    "most_days_a_year"
                )
        if "critical peak" in super().classes:
            raise ValueError("energy_per_kwh of 'critical peak': the name is the event price's; choose another")
        in_windows(self.event_windows, 288)
        return self

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of the seasons and ``"critical peak"``."""
        return (*super().classes, "critical peak")

    @property
    def energy_prices(self) -> NDArray[np.float64]:
        """Energy part of the price by class [currency/kWh], shape (n_classes,)."""
        return np.append(super().energy_prices, self.event_per_kwh)

    @property
    def _dateless(self) -> bool:
        return False

    def class_on(self, day: Day, periods: int) -> NDArray[np.uint8]:
        """Return the class of each period of one day, shape (periods,).

        Raises
        ------
        ValueError
            If an event window begins or ends within a settlement period.
        """
        event = in_windows(self.event_windows, periods) & (day.date in self.event_days)
        return np.where(event, len(self.classes) - 1, super().class_on(day, periods)).astype(np.uint8)

    def event_on(self, day: Day, periods: int) -> NDArray[np.bool_]:
        """Return the periods of one day at the event price, shape (periods,)."""
        return np.asarray(self.class_on(day, periods) == len(self.classes) - 1)


AnySchedule = Annotated[
    Flat | TimeOfUse | SeasonalTimeOfUse | CriticalPeak | DynamicTimeOfUse, Field(discriminator="kind")
]


def classes_of(prices: Tariff, meter: Meter) -> NDArray[np.uint8]:
    """Return the price class of each settlement period of a meter's series, shape (n,)."""
    return _classes(type(prices), prices.model_dump_json(), meter.calendar)


@lru_cache(maxsize=32)
def _classes(kind: type[Tariff], written: str, calendar: Calendar) -> NDArray[np.uint8]:
    # Days take 0.1 s a year and are the same for every customer; tariffs hold mappings and have no hash.
    prices = kind.model_validate_json(written)
    days = [prices.class_on(calendar.day(index), calendar.periods_per_day) for index in range(calendar.days)]
    classes = np.concatenate(days)
    classes.flags.writeable = False
    return classes


def by_class(prices: Tariff, meter: Meter) -> list[BillLine]:
    """Return the lines that a tariff makes of a meter's series, without charges of others that are 0."""
    kwh = np.bincount(classes_of(prices, meter), meter.withdrawal_kwh, len(prices.classes))
    return [line for line in prices.bill(kwh, meter.calendar.days) if line.amount or line.account == "retail"]


class ScheduledTariff(MeteredTariff):
    """A tariff with price classes, billed on a meter's series line by line as the simulation bills it."""

    kind: Literal["scheduled"] = "scheduled"
    """Prices known long before."""
    prices: AnySchedule
    """The tariff; its standing charge, network charge and levy count."""

    def bill(self, meter: Meter, context: Context = NO_CONTEXT) -> list[BillLine]:
        """Return energy by price class, standing charge, network and levy."""
        return by_class(self.prices, meter)

    def marginal_price(self, meter: Meter, context: Context = NO_CONTEXT) -> FloatArray:
        """Return energy part, network charge and levy [currency/kWh], shape (n,)."""
        energy: FloatArray = self.prices.energy_prices[classes_of(self.prices, meter)]
        return energy + self.prices.network_per_kwh + self.prices.levy_per_kwh
