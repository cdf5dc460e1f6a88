"""Sensitivity from designs that are not made for it: regression, ranks, and first-order indices of a random sample.

References
----------
.. [Kelley1935] T. L. Kelley, "An unbiased correlation ratio measure", Proceedings of the National Academy of Sciences
   21(9), 1935. doi:10.1073/pnas.21.9.554
.. [Saltelli2008] A. Saltelli et al., "Global Sensitivity Analysis: The Primer", Wiley, 2008.
   doi:10.1002/9780470725184
.. [Tarantola2006] S. Tarantola, D. Gatelli, T. A. Mara, "Random balance designs for the estimation of first order
   global sensitivity indices", Reliability Engineering & System Safety 91(6), 2006. doi:10.1016/j.ress.2005.06.003
.. [Tissot2012] J.-Y. Tissot, C. Prieur, "Bias correction for the estimation of sensitivity indices based on random
   balance designs", Reliability Engineering & System Safety 107, 2012. doi:10.1016/j.ress.2012.06.010
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gridagora.scenarios.sensitivity_factors import Factor, Floats
from gridagora.scenarios.sensitivity_indices import SEED, Index, around, salib

#: Rows that first-order indices of a random sample need: with fewer their bias exceeds what they show.
LEAST_ROWS = 64


def regression_indices(
    values: Floats, factors: Sequence[Factor], is_random: bool, confidence: float, resamples: int
) -> tuple[list[Index], float]:
    """Return regression coefficients, rank correlations and, of a random sample, first-order indices.

    Parameters
    ----------
    values : ndarray of float64, shape (rows,)
        Mean of the key figure in each row.
    factors : sequence of Factor
        The factors, each with two places or more.
    is_random : bool
        Whether rows are drawn independently in all factors.
    confidence : float
        Confidence level [1].
    resamples : int
        Bootstrap samples of the rows.

    Returns
    -------
    list of Index
        ``SRC``, the standardised coefficient of a linear regression on all factors [Saltelli2008]_, and ``rank``,
        Spearman's correlation, of factors that have a direction; ``S1`` with `is_random` and `LEAST_ROWS` rows: by
        RBD-FAST for ranges [Tarantola2006]_ [Tissot2012]_, the adjusted correlation ratio for lists [Kelley1935]_ [1].
    float
        Share of the variance that the linear regression explains, R^2 [1].

    Raises
    ------
    ValueError
        If there are too few rows, factors that move together, or none with an order.
    """
    from scipy.stats import norm

    columns, owners = _columns(factors)
    _refuse_undetermined(columns, factors)
    with_first = is_random and len(values) >= LEAST_ROWS
    lists = [factor for factor in factors if with_first and factor.values]

    def statistics(chosen: slice | Floats) -> Floats:
        coefficients, _ = _standardised(values[chosen], columns[chosen])
        ranks = [_rank_correlation(values[chosen], factor.places[chosen]) for factor in factors]
        return np.array([*coefficients, *ranks, *(_adjusted_ratio(values[chosen], f.places[chosen]) for f in lists)])

    found = statistics(slice(None))
    draws = np.random.default_rng(SEED).integers(len(values), size=(resamples, len(values)))
    spread = np.std([statistics(draw) for draw in draws], axis=0, ddof=1)
    half = spread * float(norm.ppf(0.5 + confidence / 2))
    indices = []
    for place, factor in enumerate(factors):
        if factor.has_direction:
            column, rank = owners.index(place), len(owners) + place
            indices.append(around(factor.key, "SRC", found[column], half[column]))
            indices.append(around(factor.key, "rank", found[rank], half[rank]))
        if with_first and factor in lists:
            ratio = len(owners) + len(factors) + lists.index(factor)
            indices.append(around(factor.key, "S1", found[ratio], half[ratio]))
        elif with_first:
            indices.append(_first_order(values, factor, confidence, resamples))
    if not indices:
        raise ValueError("no factor has values with an order; use design grid, which needs none")
    return indices, _standardised(values, columns)[1]


def _columns(factors: Sequence[Factor]) -> tuple[Floats, list[int]]:
    """Return the columns of the regression, and the factor of each: values without direction have one each."""
    columns, owners = [], []
    for place, factor in enumerate(factors):
        if factor.has_direction:
            columns.append(factor.places)
            owners.append(place)
            continue
        for value in np.unique(factor.places)[1:]:
            columns.append((factor.places == value).astype(np.float64))
            owners.append(place)
    return np.column_stack(columns), owners


def _refuse_undetermined(columns: Floats, factors: Sequence[Factor]) -> None:
    rows, number = columns.shape
    if rows < number + 3:
        raise ValueError(
            f"given {rows} rows for {number} coefficients; allowed {number + 3} or more: give more samples"
        )
    rank = int(np.linalg.matrix_rank(columns - columns.mean(axis=0)))
    if rank < number:
        names = ", ".join(factor.key for factor in factors)
        raise ValueError(
            f"factors {names} move together ({rank} of {number} directions): their effects cannot be told apart; "
            "use design latin_hypercube, or leave one out"
        )


def _standardised(values: Floats, columns: Floats) -> tuple[Floats, float]:
    """Return coefficients of variables that have variance 1, and R^2."""
    given, wanted = columns - columns.mean(axis=0), values - values.mean()
    spread, total = given.std(axis=0), float(wanted.std())
    given = np.divide(given, spread, out=np.zeros_like(given), where=spread > 0)
    wanted = wanted / total if total else wanted
    coefficients: Floats = np.linalg.lstsq(given, wanted, rcond=None)[0]
    return coefficients, 1 - float(np.mean((wanted - given @ coefficients) ** 2)) if total else 0.0


def _rank_correlation(values: Floats, places: Floats) -> float:
    from scipy.stats import rankdata

    first, second = rankdata(values), rankdata(places)
    spread = float(first.std() * second.std())
    return float(np.mean((first - first.mean()) * (second - second.mean()))) / spread if spread else 0.0


def _adjusted_ratio(values: Floats, places: Floats) -> float:
    """Return the share of the variance between the values of a list, less what chance would show."""
    _, group = np.unique(places, return_inverse=True)
    sizes = np.bincount(group)
    inner = values - (np.bincount(group, values) / sizes)[group]
    total = float(np.sum((values - values.mean()) ** 2))
    free = len(values) - len(sizes)
    return 1 - float(np.sum(inner**2)) / free / (total / (len(values) - 1)) if total and free else 0.0


def _first_order(values: Floats, factor: Factor, confidence: float, resamples: int) -> Index:
    found = salib().rbd_fast.analyze(
        {"num_vars": 1, "names": [factor.key], "bounds": [[0.0, 1.0]]},
        factor.places[:, None],
        values,
        num_resamples=resamples,
        conf_level=confidence,
        seed=SEED,
    )
    return around(factor.key, "S1", found["S1"][0], found["S1_conf"][0])
