"""How many days each simulated day stands for, and tables of the days that it stands for (model.md 0.4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridagora.scenarios.representative_days import peak_day, representative_days

if TYPE_CHECKING:
    import pandas as pd

    from gridagora.sim.clock import Calendar

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Horizon:
    """The days that results are for, and which simulated day stands for each.

    Attributes
    ----------
    days : ndarray of int64, shape (k,)
        Numbers of the simulated days in the calendar, rising.
    weights : ndarray of int64, shape (k,)
        Days that each one stands for, itself included, over all years [d].
    stand_in : ndarray of int64, shape (n_days,)
        For every day of one year, or of all years that are simulated, the number of the day that stands for it.
    years : int
        How often these days count: years like this one.
    energy_error : float
        Expected load by weights over that of every day, less 1 [1]; 0 where every day is simulated.
    """

    days: Ints
    weights: Ints
    stand_in: Ints
    years: int
    energy_error: float

    def __post_init__(self) -> None:
        for array in (self.days, self.weights, self.stand_in):
            array.flags.writeable = False

    @property
    def is_whole(self) -> bool:
        """Whether the results are those of the simulated days, each counted once."""
        return bool((self.weights == 1).all())

    @property
    def total_days(self) -> int:
        """Days that the results are for [d]."""
        return int(self.weights.sum())

    def weight(self, day: int) -> int:
        """Return how many days a simulated day stands for [d]."""
        return int(self.weights[np.searchsorted(self.days, day)])

    def weight_of(self, days: Any) -> Ints:
        """Return how many days each of many simulated days stands for [d], shape of `days`."""
        weights: Ints = self.weights[np.searchsorted(self.days, np.asarray(days))]
        return weights

    def put_together(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table by day of all days of the horizon: each has the rows of the day that stands for it.

        Parameters
        ----------
        table : pandas.DataFrame
            With a column `day` of simulated days.

        Returns
        -------
        pandas.DataFrame
            Its column `day` counts the days of all years from 0; other columns are those of the simulated day.
        """
        places = table.groupby("day").indices
        nothing = np.zeros(0, np.int64)
        stand_ins = np.tile(self.stand_in, self.years)
        rows = [places.get(day, nothing) for day in stand_ins.tolist()]
        day = np.repeat(np.arange(stand_ins.size), [len(part) for part in rows])
        whole: pd.DataFrame = table.iloc[np.concatenate(rows)].assign(day=day).reset_index(drop=True)
        return whole


def every_day(calendar: Calendar) -> Horizon:
    """Return the horizon of a run that simulates each day once."""
    days = np.arange(calendar.days)
    return Horizon(days, np.ones(calendar.days, np.int64), days.copy(), 1, 0.0)


def choose(
    load: NDArray[np.float64], pv: NDArray[np.float64], count: int, years: int, each_year: bool = False
) -> Horizon:
    """Choose the days that stand for a year by expected load and PV generation.

    Parameters
    ----------
    load, pv : ndarray of float64, shape (n_days, periods)
        Expected load and generation, any unit each; the day of the highest load is always chosen.
    count : int
        Number of days to choose.
    years : int
        Number of years.
    each_year : bool
        Simulate the days of every year in order; otherwise once, and count them for all years.
    """
    found = representative_days([load, pv], count, always=[peak_day(load)])
    weights = found.weights.astype(np.int64)
    daily = load.sum(axis=1)
    error = math.fsum(found.weights * daily[found.days]) / math.fsum(daily) - 1.0
    stand_in = found.days[found.stand_in]
    if not each_year:
        return Horizon(found.days, weights * years, stand_in, years, error)
    begins = len(load) * np.arange(years, dtype=np.int64)[:, None]
    return Horizon((begins + found.days).ravel(), np.tile(weights, years), (begins + stand_in).ravel(), 1, error)
