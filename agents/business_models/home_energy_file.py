"""Home energy file: what a home of its age would use in this weather, what uses it, and what to do (D5; S1.30, S1.31).

The benchmark is a regression over all homes: the logarithm of use on the age of the house and on degree days. Ages are
drawn, as no meter knows them: the scale of the effect of age is an assumption of :func:`house_ages`' callers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.agents.appliance_profiles import LabelledProfiles, labels_of, split
from gridagora.agents.appliances import LABELS
from gridagora.markets.orders import read_only
from gridagora.markets.strategies.draws import Draws
from gridagora.sim.bounds import within

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.sim.clock import Day

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: Days of the year that a yearly consumption is for [d].
YEAR_DAYS = 366
#: Shares of a home's use where no appliances are known [1] (ill).
USUAL_SPLIT = {
    **{"standby": 0.08, "fridge": 0.16, "lighting": 0.14, "cooking": 0.14, "washing": 0.10},
    **{"television_and_computer": 0.14, "water_heater": 0.14, "other": 0.10},
}


def house_ages(draws: Draws, number: Ints, oldest_years: float = 60.0) -> Floats:
    """Return ages of houses, uniform from new to the oldest, drawn by member, shape (n,) [a].

    Parameters
    ----------
    draws : Draws
        Of the population.
    number : ndarray of int64, shape (n,)
        Numbers of the members.
    oldest_years : float
        [a] (ill)
    """
    return np.asarray(oldest_years * draws.uniforms("house age", number)[0])


@dataclass(frozen=True, slots=True, eq=False)
class Benchmark:
    """What homes use, by the age of the house and the weather.

    Attributes
    ----------
    coefficients : ndarray, shape (3,)
        Of the logarithm of use: constant, by year of age [1/a] and by a thousand degree days [1/(1000 K d)].
    expected_kwh : ndarray, shape (n, months)
        [kWh]
    ratio : ndarray, shape (n,)
        Use over what is expected, over all months [1].
    rank : ndarray, shape (n,)
        Share of homes whose ratio is lower [1].
    """

    coefficients: Floats
    expected_kwh: Floats
    ratio: Floats
    rank: Floats


def benchmark(use_kwh: ArrayLike, age_years: ArrayLike, degree_days_month: ArrayLike) -> Benchmark:
    """Return the benchmark of some homes by least squares.

    Parameters
    ----------
    use_kwh : array-like, shape (n, months)
        Use of each home in each month, above 0 [kWh].
    age_years : array-like, shape (n,)
        Ages of the houses [a].
    degree_days_month : array-like, shape (months,)
        Heating and cooling degree days of each month, summed [K d].

    Raises
    ------
    ValueError
        If shapes do not fit, a use is not above 0, or there are fewer than three uses.
    """
    used, age = within("use_kwh", use_kwh, 1e-9), within("age_years", age_years, 0.0)
    degrees = within("degree_days_month", degree_days_month, 0.0) / 1000.0
    if used.ndim != 2 or used.shape != (age.size, degrees.size) or used.size < 3:
        raise ValueError(
            f"use_kwh: given shape {used.shape}; allowed (homes, months), here ({age.size}, {degrees.size}), at least 3"
        )
    rows = np.stack(
        [np.ones(used.shape), np.broadcast_to(age[:, None], used.shape), np.broadcast_to(degrees, used.shape)], axis=-1
    )
    found = np.linalg.lstsq(rows.reshape(-1, 3), np.log(used).ravel(), rcond=None)[0]
    expected = np.exp(rows @ found)
    ratio = used.sum(axis=1) / expected.sum(axis=1)
    rank = np.searchsorted(np.sort(ratio), ratio) / ratio.size
    return Benchmark(*(read_only(column) for column in (found, expected, ratio, rank)))


def appliance_statistics(population: Population, member: int, days: Sequence[Day]) -> dict[str, float]:
    """Return what a member's home uses by appliance [kWh]: from its appliances, or by usual shares.

    Parameters
    ----------
    population : Population
        With profiles `bottom_up`, whose appliances are known; others get :data:`USUAL_SPLIT`.
    member : int
        Number of the member.
    days : sequence of Day
        Days of the run, at least one.
    """
    row = int(population.rows[member])
    annual = float(population.members.annual_kwh[row])
    if not isinstance(population.tables.profiles, LabelledProfiles):
        return {name: share * annual * len(days) / YEAR_DAYS for name, share in USUAL_SPLIT.items()}
    profile = population.tables.profiles.values[population.members.profile[row]]
    total = np.zeros(len(LABELS))
    for day in days:
        labels = labels_of(population, member, day)
        made = labels.sum(axis=1, dtype=np.int64)
        total += split(made, labels).sum(axis=0)
    # Labels are in the size of the household behind the profile, whose year sums to its whole use.
    household = population.tables.profiles.households.labels(int(population.members.profile[row])).sum(dtype=np.int64)
    scale = annual * profile.sum() / float(household)
    return {name: float(kwh) for name, kwh in zip(LABELS, total * scale, strict=True)}


@dataclass(frozen=True, slots=True)
class HomeEnergyFile:
    """What a report tells a home.

    Attributes
    ----------
    number : int
        Number of the member.
    age_years : float
        Age of the house [a].
    use_kwh, expected_kwh : float
        Use, and what a home of that age would use in that weather [kWh].
    rank : float
        Share of homes that use less, all compared to what is expected of them [1].
    appliances : dict of float
        Use by appliance [kWh].
    advice : tuple of str
        What would help.
    """

    number: int
    age_years: float
    use_kwh: float
    expected_kwh: float
    rank: float
    appliances: dict[str, float]
    advice: tuple[str, ...]


def energy_file(
    number: int, age_years: float, use_kwh: float, expected_kwh: float, rank: float, appliances: dict[str, float]
) -> HomeEnergyFile:
    """Return a home's energy file with advice.

    Parameters
    ----------
    number, age_years, use_kwh, expected_kwh, rank, appliances
        As in :class:`HomeEnergyFile`.
    """
    known = sum(appliances.values())
    advice = []
    if use_kwh <= expected_kwh:
        advice.append("uses no more than homes like it")
    else:
        advice.append(f"uses {use_kwh / expected_kwh - 1:.0%} more than homes like it")
        if appliances:
            largest = max(appliances, key=lambda name: appliances[name])
            advice.append(f"look at {largest.replace('_', ' ')} first: {appliances[largest] / known:.0%} of its use")
        if age_years >= 30:
            advice.append("have walls, windows and wiring of the house looked at")
    if known > 0 and appliances.get("standby", 0.0) > 0.1 * known:
        advice.append("switch off what stands by")
    return HomeEnergyFile(number, age_years, use_kwh, expected_kwh, rank, dict(appliances), tuple(advice))
