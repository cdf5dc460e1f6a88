"""Sensitivity indices of designs that are made for them: Sobol, Morris, and all combinations of a grid.

References
----------
.. [Campolongo2007] F. Campolongo, J. Cariboni, A. Saltelli, "An effective screening design for sensitivity analysis of
   large models", Environmental Modelling & Software 22(10), 2007. doi:10.1016/j.envsoft.2006.10.004
.. [Homma1996] T. Homma, A. Saltelli, "Importance measures in global sensitivity analysis of nonlinear models",
   Reliability Engineering & System Safety 52(1), 1996. doi:10.1016/0951-8320(96)00002-6
.. [Morris1991] M. D. Morris, "Factorial sampling plans for preliminary computational experiments", Technometrics
   33(2), 1991. doi:10.1080/00401706.1991.10484804
.. [Saltelli2010] A. Saltelli et al., "Variance based sensitivity analysis of model output", Computer Physics
   Communications 181(2), 2010. doi:10.1016/j.cpc.2009.09.018
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from gridagora.scenarios.sensitivity_factors import Factor, Floats
from gridagora.scenarios.sensitivity_values import row_means

#: Seed of all resampling, so that the same sweep always has the same intervals; SALib takes 0 for none.
SEED = 20_100_201


class Index(NamedTuple):
    """An index of one factor, or of two together.

    Attributes
    ----------
    factor, other : str
        Dotted keys; `other` is empty but for indices of second order.
    name : str
        Which index.
    value, low, high : float
        The index and its confidence interval; nan where there is none.
    """

    factor: str
    other: str
    name: str
    value: float
    low: float
    high: float


def around(factor: str, name: str, value: float, half_width: float, other: str = "") -> Index:
    """Return an index with an interval to both sides of it."""
    value, half_width = float(value), float(half_width)
    return Index(factor, other, name, value, value - half_width, value + half_width)


def salib() -> Any:
    """Return SALib's methods.

    Raises
    ------
    ImportError
        If SALib is not installed.
    """
    try:
        from SALib import analyze
        from SALib.analyze import morris, rbd_fast, sobol  # noqa: F401  become attributes of the package
    except ImportError:
        raise ImportError('sensitivity analysis needs SALib: pip install "gridagora[analysis]"') from None
    return analyze


def sobol_indices(
    values: Floats, factors: Sequence[Factor], second_order: bool, confidence: float, resamples: int
) -> list[Index]:
    """Return Sobol indices from the rows of a design ``sobol`` [Saltelli2010]_.

    Parameters
    ----------
    values : ndarray of float64, shape (rows,)
        Mean of the key figure in each row.
    factors : sequence of Factor
        The factors.
    second_order : bool
        Whether the design has the rows of second-order indices.
    confidence : float
        Confidence level [1].
    resamples : int
        Bootstrap samples of the base samples.

    Returns
    -------
    list of Index
        ``S1`` and ``ST`` of each factor, with `second_order` ``S2`` of each pair [1].

    Raises
    ------
    ValueError
        If the base samples alone have no variance, or the rows are not those of the design.
    """
    step = len(factors) * (2 if second_order else 1) + 2
    _refuse_other_order(factors, step)
    if not np.ptp(np.concatenate([values[::step], values[step - 1 :: step]])):
        raise ValueError("no difference between base samples, which give the variance; give more samples")
    names = [factor.key for factor in factors]
    found = salib().sobol.analyze(
        {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)},
        values,
        calc_second_order=second_order,
        num_resamples=resamples,
        conf_level=confidence,
        seed=SEED,
    )
    rows = [
        around(name, index, found[index][place], found[f"{index}_conf"][place])
        for place, name in enumerate(names)
        for index in ("S1", "ST")
    ]
    if second_order:
        rows += [
            around(names[i], "S2", found["S2"][i, j], found["S2_conf"][i, j], names[j])
            for i, j in combinations(range(len(names)), 2)
        ]
    return rows


def _refuse_other_order(factors: Sequence[Factor], step: int) -> None:
    """Refuse rows of which the one after A, for each factor, differs from A in more than that factor."""
    places = np.stack([factor.places for factor in factors], axis=-1).reshape(-1, step, len(factors))
    differs = places[:, 1 : len(factors) + 1] != places[:, :1]
    if differs[:, ~np.eye(len(factors), dtype=np.bool_)].any():
        raise ValueError("its rows are not in the order of a design sobol; sweep into a new folder")


def morris_indices(
    values: Floats, factors: Sequence[Factor], levels: int, confidence: float, resamples: int
) -> list[Index]:
    """Return the mean effects of a design ``morris`` [Morris1991]_ [Campolongo2007]_.

    Parameters
    ----------
    values : ndarray of float64, shape (rows,)
        Mean of the key figure in each row [unit].
    factors : sequence of Factor
        The factors.
    levels : int
        Levels of the design.
    confidence : float
        Confidence level [1].
    resamples : int
        Bootstrap samples of the trajectories.

    Returns
    -------
    list of Index
        ``mu_star``, ``mu`` and ``sigma`` of each factor [unit], for a change over its whole range; of three values or
        more that are no numbers, for a change from one to another, and `mu` is nan.
    """
    from scipy.stats import norm

    number = len(factors)
    moves, shares = _trajectories(factors)
    step = levels / (2 * (levels - 1))
    # SALib takes every move for one of the same length; lists and whole numbers have others.
    paths = values.reshape(-1, number + 1)
    lengths = np.where(moves > 0, moves, 1.0)
    grown = np.cumsum(np.diff(paths, axis=1) * (step / lengths), axis=1)
    straight = np.concatenate([np.zeros((len(paths), 1)), grown], axis=1).ravel()
    names = [factor.key for factor in factors]
    found = salib().morris.analyze(
        {"num_vars": number, "names": names, "bounds": [[0.0, 1.0]] * number},
        shares,
        straight,
        num_resamples=resamples,
        conf_level=confidence,
        num_levels=levels,
        seed=SEED,
    )
    quantile = float(norm.ppf(0.5 + confidence / 2))
    rows = []
    for place, factor in enumerate(factors):
        spread = float(found["sigma"][place])
        mean = float(found["mu"][place]) if factor.has_direction else np.nan
        rows += [
            around(factor.key, "mu_star", found["mu_star"][place], found["mu_star_conf"][place]),
            around(factor.key, "mu", mean, quantile * spread / np.sqrt(len(paths))),
            around(factor.key, "sigma", spread, np.nan),
        ]
    return rows


def _trajectories(factors: Sequence[Factor]) -> tuple[Floats, Floats]:
    """Return how far each move goes, shape (trajectories, D), and the places of all rows, shape (rows, D)."""
    places = np.column_stack([factor.places for factor in factors])
    moved = np.abs(np.diff(places.reshape(-1, len(factors) + 1, len(factors)), axis=1))
    apart = np.array([not factor.is_number for factor in factors])
    moved = np.where(apart, np.minimum(moved, 1.0), moved)
    return moved.sum(axis=2), places


def grid_indices(runs: Floats, sizes: Mapping[str, int], confidence: float) -> list[Index]:
    """Return the variance indices of all combinations of listed values, each value as likely as the others.

    They are exact for the grid [Homma1996]_; intervals say what other seeds would change (jackknife over the seeds,
    Student's t), and are nan with one replication.

    Parameters
    ----------
    runs : ndarray of float64, shape (rows, replications)
        The key figure at all points.
    sizes : mapping of str to int
        Number of values of each factor; the last one varies first.
    confidence : float
        Confidence level [1].

    Returns
    -------
    list of Index
        ``S1`` and ``ST`` of each factor, ``S2`` of each pair [1].
    """
    from scipy.stats import t

    names, shape = list(sizes), tuple(sizes.values())
    keys = [(name, "", index) for name in names for index in ("S1", "ST")]
    keys += [(first, other, "S2") for first, other in combinations(names, 2)]
    found = _shares(row_means(runs).reshape(shape))
    half = np.full(len(keys), np.nan)
    seeds = runs.shape[1]
    if seeds > 1:
        without = [_shares(row_means(np.delete(runs, seed, axis=1)).reshape(shape)) for seed in range(seeds)]
        error = np.sqrt((seeds - 1) * np.var(without, axis=0))
        half = error * float(t.ppf(0.5 + confidence / 2, seeds - 1))
    return [
        around(factor, name, value, width, other)
        for (factor, other, name), value, width in zip(keys, found, half, strict=True)
    ]


def _shares(values: Floats) -> Floats:
    """Return S1 and ST of each axis, then S2 of each pair of axes; 0 where nothing varies."""
    axes = range(values.ndim)
    total = float(values.var())
    if not total:
        return np.zeros(2 * values.ndim + values.ndim * (values.ndim - 1) // 2)

    def explained(*kept: int) -> float:
        return float(values.mean(axis=tuple(axis for axis in axes if axis not in kept)).var()) / total

    first = [explained(axis) for axis in axes]
    alone = [(first[axis], 1 - explained(*(other for other in axes if other != axis))) for axis in axes]
    pairs = [explained(i, j) - first[i] - first[j] for i, j in combinations(axes, 2)]
    return np.array([*(share for both in alone for share in both), *pairs])
