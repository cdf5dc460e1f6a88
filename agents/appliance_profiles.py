"""Base profiles that are made of appliances, and what of a member's load each appliance takes (model.md A1.1).

Totals of a year are kept; labels of a household are made again when somebody asks, as its draws are its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.appliances import LABELS, Surroundings, appliance_loads
from gridagora.agents.occupancy import DAY_TYPES
from gridagora.agents.profiles import Profiles
from gridagora.sim.streams import Streams, fill_words, stream_key

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.agents.weather import Weather
    from gridagora.sim.clock import Day

Quanta = NDArray[np.int64]

#: Households whose appliances are in memory together while the profiles are made.
BLOCK = 8


@dataclass(frozen=True, slots=True, eq=False)
class Households:
    """Households whose appliances make the profiles.

    Parameters
    ----------
    streams : Streams
        Random streams of the run.
    name : str
        Name of the population.
    around : Surroundings
        Days and weather.
    period_minutes : int
        Settlement period [min].
    shares : tuple of float
        Share with an electric water heater, and with an air conditioner.
    """

    streams: Streams
    name: str
    around: Surroundings
    period_minutes: int
    shares: tuple[float, float] = (0.0, 0.0)
    kept: dict[int, NDArray[np.int32]] = field(default_factory=dict)

    def loads(self, first: int, count: int) -> NDArray[np.int32]:
        """Return loads by label [1e-6 kWh]; see :func:`gridagora.agents.appliances.appliance_loads`."""
        return appliance_loads(self.streams, self.name, first, count, self.around, self.period_minutes, self.shares)

    def labels(self, number: int) -> NDArray[np.int32]:
        """Return the load of one household by label, shape (n_days, periods, 9) [1e-6 kWh], read-only."""
        if number not in self.kept:
            made = self.loads(number, 1)[0]
            made.flags.writeable = False
            self.kept[number] = made
        return self.kept[number]


@dataclass(frozen=True, slots=True)
class LabelledProfiles(Profiles):
    """Base profiles whose appliances are known.

    Parameters
    ----------
    households : Households
        One a profile, in order.
    """

    households: Households = field(kw_only=True)


def surroundings(weather: Weather, days: Sequence[Day]) -> Surroundings:
    """Return what households share, of weather in steps of 5 minutes and the days that it covers."""
    types = np.array([DAY_TYPES.index(day.day_type) for day in days])
    return Surroundings(types, weather.temperature.ravel(), weather.irradiance.ravel())


def appliance_profiles(
    households: Households, count: int, first_day: date, *, exchange: bool = True, block: int = BLOCK
) -> LabelledProfiles:
    """Make base profiles of appliances.

    Every day of a household is a draw of its own, given its type and season, so members may exchange like days and
    shift them as with other profiles: that only cuts what runs at midnight.

    Parameters
    ----------
    households : Households
        Who they are.
    count : int
        Number of profiles, at most 256.
    first_day : date
        First day of the surroundings.
    exchange : bool
        Whether members exchange like days and shift them in time.
    block : int
        Households at once; profiles do not depend on it.

    Returns
    -------
    LabelledProfiles
        Each sums to 1.
    """
    parts = [
        households.loads(first, min(block, count - first)).sum(axis=3, dtype=np.int64)
        for first in range(0, count, block)
    ]
    loads = np.concatenate(parts)
    values = loads / loads.sum(axis=(1, 2))[:, None, None]
    names = tuple(f"household_{number}" for number in range(count))
    return LabelledProfiles(names, values, first_day, exchange, households=households)


def labels_of(population: Population, member: int, day: Day) -> NDArray[np.int32]:
    """Return the labels of the day that a member's load is taken from, displaced as the member is.

    Parameters
    ----------
    population : Population
        With profiles of appliances.
    member : int
        Number of the member.
    day : Day
        Day of the run.

    Returns
    -------
    ndarray of int32, shape (periods, 9)
        Of the household behind the member's profile, in its own size [1e-6 kWh].

    Raises
    ------
    ValueError
        If the population has other profiles.
    """
    profiles, tables = population.tables.profiles, population.tables
    if not isinstance(profiles, LabelledProfiles):
        raise ValueError(f"{population.name}: its profiles have no appliances; give profiles: bottom_up")
    row = int(population.rows[member])
    word = np.empty((1, 4), np.uint32)
    fill_words(*stream_key(population.streams.seed, "day", population.name), member, day.index, 0, word)
    days = tables.like_days(day.date)
    taken = int(days[(int(word[0, 0]) * len(days)) >> 32])
    labels = profiles.households.labels(int(population.members.profile[row]))
    periods = labels.shape[1]
    start = taken * periods + int(population.members.shift[row]) - tables.reach
    year = labels.reshape(-1, len(LABELS))
    chosen: NDArray[np.int32] = year[np.clip(start + np.arange(periods), 0, len(year) - 1)]
    return chosen


def split(load: Quanta, labels: NDArray[np.int32]) -> Quanta:
    """Split metered load in proportion to its labels.

    Parameters
    ----------
    load : ndarray of int64, shape (periods,)
        [1e-6 kWh], at least 0.
    labels : ndarray of int32, shape (periods, n)
        Of :func:`labels_of`.

    Returns
    -------
    ndarray of int64, shape (periods, n)
        Rows add up to `load`; what rounding leaves, fewer than n quanta, goes to the largest label [1e-6 kWh].
    """
    wide = labels.astype(np.int64)
    parts = load[:, None] * wide // wide.sum(axis=1)[:, None]
    parts[np.arange(load.size), wide.argmax(axis=1)] += load - parts.sum(axis=1)
    return np.asarray(parts)
