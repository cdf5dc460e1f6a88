"""A few days that stand for a year, each with the number of days it stands for (model.md 0.4).

k-medoids by partitioning around medoids [Kaufman1990]_: a real day stands for the days most like it, in build and
swap steps that are deterministic. The day in the middle of a cluster is not its mean: twelve days miss the yearly
energy of the package's households by 5 %, twenty-four by 2 %.

References
----------
.. [Kaufman1990] L. Kaufman, P. J. Rousseeuw, "Finding Groups in Data", chapter 2, Wiley, 1990.
   doi:10.1002/9780470316801
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridagora.sim.medoids import distances, k_medoids

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class RepresentativeDays:
    """Chosen days and their weights.

    Attributes
    ----------
    days : ndarray of int64, shape (k,)
        Number of each chosen day, from 0, rising.
    weights : ndarray of float64, shape (k,)
        Days that each one stands for, itself included; their sum is exactly the number of days. [d]
    stand_in : ndarray of int64, shape (n_days,)
        For every day the place in `days` of the one that stands for it.
    """

    days: Ints
    weights: Floats
    stand_in: Ints

    def __post_init__(self) -> None:
        for array in (self.days, self.weights, self.stand_in):
            array.flags.writeable = False

    def total(self, daily: Floats) -> Floats:
        """Return the sum over all days of a quantity known on the chosen ones.

        Parameters
        ----------
        daily : ndarray of float64, shape (k, ...)
            The quantity on each chosen day, any unit.

        Returns
        -------
        ndarray of float64, shape (...)
            Same unit.
        """
        return np.asarray(np.tensordot(self.weights, daily, axes=1))


def representative_days(series: Sequence[Floats], k: int, always: Sequence[int] = ()) -> RepresentativeDays:
    """Choose `k` days that stand for all.

    Days are compared by their values in all periods of all series, each series less its mean and over its standard
    deviation, at Euclidean distance. Days in `always`, such as the :func:`peak_day`, stand for themselves alone with
    weight 1, which keeps extremes out of means; the others stand for the rest. Ties go to the lowest day.

    Parameters
    ----------
    series : sequence of ndarray of float64, shape (n_days, periods) each
        Such as load, PV and price; any units, any number of periods.
    k : int
        Number of days to choose, those in `always` included.
    always : sequence of int
        Numbers of days that must be chosen, from 0.

    Returns
    -------
    RepresentativeDays

    Raises
    ------
    ValueError
        If there are no series, their days differ or they hold a value that is not finite; if `k` or a day in
        `always` is not allowed.
    """
    features = _features(series)
    n_days = len(features)
    kept = np.unique(np.asarray(always, np.int64))
    if kept.size and not 0 <= kept[0] <= kept[-1] < n_days:
        raise ValueError(f"always: given {list(always)}; allowed 0 to {n_days - 1}, the days of the series")
    least = kept.size + (kept.size < n_days)
    if not least <= k <= n_days:
        raise ValueError(f"k: given {k}; allowed {least} to {n_days}: a day more than `always` has, at most every day")
    others = np.setdiff1d(np.arange(n_days), kept)
    distance = distances(features)[others]
    medoids = others[k_medoids(distance[:, others], k - kept.size)]
    days = np.sort(np.concatenate([kept, medoids]))
    stand_in = np.empty(n_days, np.int64)
    if others.size:
        stand_in[others] = np.searchsorted(days, medoids[distance[:, medoids].argmin(axis=1)])
    stand_in[days] = np.arange(k)  # also where two chosen days are alike
    return RepresentativeDays(days, np.bincount(stand_in, minlength=k).astype(np.float64), stand_in)


def peak_day(series: Floats) -> int:
    """Return the number of the (first) day with the highest value of a series of shape (n_days, periods)."""
    return int(series.max(axis=1).argmax())


def _features(series: Sequence[Floats]) -> Floats:
    lengths = {len(one) for one in series}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"series: given {sorted(lengths)} days; allowed one or more series of the same days")
    columns = []
    for number, one in enumerate(series):
        if not np.isfinite(one).all():
            raise ValueError(
                f"series: given a value in series {number} that is not finite; allowed numbers; fill it in"
            )
        spread = one.std()
        columns.append((one - one.mean()) / spread if spread > 0 else np.zeros_like(one))
    return np.concatenate(columns, axis=1)
