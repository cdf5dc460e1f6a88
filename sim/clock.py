"""The calendar of a run: days, settlement periods, months and day types.

Time is naive local time at a fixed offset: no summer time, so every day has the same number of periods.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

DayType = Literal["workday", "saturday", "sunday"]
PERIOD_MINUTES = (5, 15, 30, 60)


@lru_cache(maxsize=256)
def public_holidays(country: str, year: int) -> frozenset[date]:
    """Public holidays of a whole country in one year.

    Parameters
    ----------
    country : str
        ISO 3166 code of two letters, such as ``"DE"``.
    year : int
        Calendar year.

    Raises
    ------
    ValueError
        If the package `holidays` does not know the country.
    """
    import holidays  # 0.1 s, and the command line's help needs no calendar

    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError:
        known = ", ".join(sorted(holidays.list_supported_countries(include_aliases=False)))
        raise ValueError(f"country: given {country!r}; allowed: {known}; or choose a neighbour of it") from None


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a run.

    Attributes
    ----------
    index : int
        Number of the day in the run, from 0.
    date : datetime.date
        Calendar date.
    month_index : int
        Number of the calendar month in the run, from 0.
    weekday : int
        0 for Monday to 6 for Sunday.
    day_type : {"workday", "saturday", "sunday"}
        Public holidays count as Sundays.
    is_month_end : bool
        True on the last day of the calendar month, or of the run, that is simulated.
    day_of_year : int
        0 on 1 January.
    year : int
        Number of the year in the run, from 0, where the calendar goes over its days once a year.
    """

    index: int
    date: date
    month_index: int
    weekday: int
    day_type: DayType
    is_month_end: bool
    day_of_year: int
    year: int = 0


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days and settlement periods of a run.

    Parameters
    ----------
    start : datetime.date
        First day.
    days : int
        Number of days, at least 1; those of one year where the calendar has several.
    period_minutes : int
        Length of a settlement period [min]: 5, 15, 30 or 60.
    country : str
        ISO 3166 code of the country whose public holidays count as Sundays.
    chosen : tuple of int
        Numbers of the days that are simulated, rising, where a few stand for all; empty for every day.
    years : int
        How often the calendar goes over its days, under the same dates; numbers of days go on.

    Raises
    ------
    ValueError
        If a value is outside what is allowed.
    """

    start: date
    days: int
    period_minutes: int
    country: str = "DE"
    chosen: tuple[int, ...] = ()
    years: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.start, datetime) or not isinstance(self.start, date):
            raise ValueError(f"start: given {self.start!r}; allowed: a date without a time, such as 2016-06-01")
        if isinstance(self.days, bool) or not isinstance(self.days, int) or self.days < 1:
            raise ValueError(f"days: given {self.days!r}; allowed: a whole number of at least 1")
        if self.period_minutes not in PERIOD_MINUTES:
            raise ValueError(f"period_minutes: given {self.period_minutes!r}; allowed: 5, 15, 30, 60")
        if isinstance(self.years, bool) or not isinstance(self.years, int) or self.years < 1:
            raise ValueError(f"years: given {self.years!r}; allowed: a whole number of at least 1")
        if list(self.chosen) != sorted(set(self.chosen)) or not all(0 <= day < self.total for day in self.chosen):
            raise ValueError(f"chosen: given {self.chosen}; allowed: rising numbers from 0 to {self.total - 1}")
        public_holidays(self.country, self.start.year)

    @property
    def total(self) -> int:
        """Number of days of all years."""
        return self.days * self.years

    @property
    def simulated(self) -> Sequence[int]:
        """Numbers of the days that are simulated, in order."""
        return self.chosen or range(self.total)

    @property
    def periods_per_day(self) -> int:
        """Number of settlement periods a day."""
        return 1440 // self.period_minutes

    @property
    def hours_per_period(self) -> float:
        """Length of a settlement period [h]."""
        return self.period_minutes / 60

    def day(self, index: int) -> Day:
        """Return the day with this number.

        Raises
        ------
        IndexError
            If the run has no such day.
        """
        self._require(index)
        today, month = self._date(index)
        later = self.simulated[bisect_right(self.simulated, index) :]
        is_rest_day = today.weekday() == 6 or today in public_holidays(self.country, today.year)
        return Day(
            index=index,
            date=today,
            month_index=month,
            weekday=today.weekday(),
            day_type="sunday" if is_rest_day else "saturday" if today.weekday() == 5 else "workday",
            is_month_end=not later or self._date(later[0])[1] != month,
            day_of_year=today.timetuple().tm_yday - 1,
            year=index // self.days,
        )

    def _date(self, index: int) -> tuple[date, int]:
        """Return the date of a day and the number of its month in the run."""
        year, number = divmod(index, self.days)
        today = self.start + timedelta(days=number)
        return today, 12 * (year + today.year - self.start.year) + today.month - self.start.month

    def times(self, day_index: int) -> npt.NDArray[np.datetime64]:
        """Start of each settlement period of a day.

        Returns
        -------
        numpy.ndarray
            Naive local times, datetime64[m], shape (periods_per_day,).

        Raises
        ------
        IndexError
            If the run has no such day.
        """
        self._require(day_index)
        midnight = np.datetime64(self.start, "m") + np.timedelta64(day_index % self.days * 1440, "m")
        return midnight + np.arange(self.periods_per_day) * np.timedelta64(self.period_minutes, "m")

    def _require(self, index: int) -> None:
        if not 0 <= index < self.total:
            raise IndexError(f"day: given {index}; allowed: 0 to {self.total - 1}, the days of this run")
