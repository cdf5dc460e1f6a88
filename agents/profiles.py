"""From a few base profiles to many members: displacement in time and exchange of like days (A1.1, top-down).

Exchanging days and shifting keep each base profile's shape and energy, and break the lock-step in which members
with the same profile would otherwise peak.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gridagora.markets.orders import read_only
from gridagora.sim.clock import Calendar


@dataclass(frozen=True, slots=True)
class Profiles:
    """Base profiles of one group over the year of the data.

    Parameters
    ----------
    names : tuple of str
        Names of the profiles.
    values : ndarray of float64, shape (n_profiles, n_days, periods)
        Share of the year's energy in each period; a profile sums to 1 over the year.
    first_day : date
        First day of the data.
    exchange : bool
        Whether members exchange like days and shift them in time; otherwise they follow their profile as it stands.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    first_day: date
    exchange: bool = True

    def index(self, day: date) -> int:
        """Return the number of a day in the data.

        Raises
        ------
        ValueError
            If the data do not hold the day.
        """
        index = (day - self.first_day).days
        if not 0 <= index < self.values.shape[1]:
            last = self.first_day + timedelta(days=self.values.shape[1] - 1)
            raise ValueError(f"{day}: the profiles run from {self.first_day} to {last}; move time.start or time.days")
        return index

    def of_day(self, day: date) -> NDArray[np.float64]:
        """Return the profiles of one day, shape (n_profiles, periods)."""
        return self.values[:, self.index(day)]


@lru_cache(maxsize=16)
def _day_types(first_day: date, n_days: int, period_minutes: int) -> tuple[str, ...]:
    """Return the type of each day, found once a process."""
    calendar = Calendar(first_day, n_days, period_minutes)
    return tuple(calendar.day(i).day_type for i in range(n_days))


@dataclass(slots=True)
class DayTables:
    """Tables of expected loads by load code: base profile, day it is taken from, displacement.

    Parameters
    ----------
    profiles : Profiles
        Base profiles.
    reach : int
        Largest displacement either way, in periods; an hour by default of the population.
    """

    profiles: Profiles
    reach: int
    day_types: tuple[str, ...] = field(init=False)
    #: The table last asked for, and its day: several ask for the same.
    _last: tuple[date | None, NDArray[np.float64], int] = field(
        init=False, default=(None, np.zeros(0), 0), repr=False, compare=False
    )

    def __post_init__(self) -> None:
        n_days, periods = self.profiles.values.shape[1:]
        if not self.profiles.exchange:
            self.reach = 0
        self.day_types = _day_types(self.profiles.first_day, n_days, 24 * 60 // periods)

    @property
    def shifts(self) -> int:
        """Number of displacements."""
        return 2 * self.reach + 1

    @property
    def most_codes(self) -> int:
        """No table of a day has more load codes for a group of members."""
        # Saturdays, or Sundays and holidays, at most a week away are at most all days of two weeks.
        return len(self.profiles.names) * self.shifts * (15 if self.profiles.exchange else 1)

    def like_days(self, day: date) -> NDArray[np.int64]:
        """Return the days that a member's load of `day` may be taken from.

        Workdays are exchanged with workdays at most three days away, Saturdays with Saturdays and Sundays and
        holidays with their like at most a week away.

        Returns
        -------
        ndarray of int64, shape (n_candidates,)
            Numbers of days in the data.
        """
        here = self.profiles.index(day)
        if not self.profiles.exchange:
            return np.array([here])
        kind = self.day_types[here]
        reach = 3 if kind == "workday" else 7
        around = range(max(0, here - reach), min(len(self.day_types), here + reach + 1))
        return np.array([other for other in around if self.day_types[other] == kind])

    def expected(self, day: date) -> tuple[NDArray[np.float64], int]:
        """Return the day's table of expected loads.

        Returns
        -------
        table : ndarray of float64, shape (n_profiles * n_candidates * shifts, periods)
            Share of the year's energy in each period by load code
            (profile * n_candidates + candidate) * shifts + displacement.
        n_candidates : int
            Number of days that loads may be taken from.
        """
        if day == self._last[0]:
            return self._last[1:]
        values = self.profiles.values
        periods = values.shape[2]
        days = self.like_days(day)
        year = values.reshape(len(values), -1)
        starts = days[:, None, None] * periods + np.arange(-self.reach, self.reach + 1)[None, :, None]
        at = np.clip(starts + np.arange(periods), 0, year.shape[1] - 1)
        self._last = day, read_only(year[:, at].reshape(-1, periods)), len(days)
        return self._last[1:]
