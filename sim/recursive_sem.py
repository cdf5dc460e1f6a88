"""Recursive structural equations, such as the chain X -> M -> Y1 -> Y2 -> Y3 (model.md D17).

Variables v obey v = B v + e with B acyclic and cov(e) = Psi, so their covariance is
Sigma = (I - B)^-1 Psi (I - B)^-T. Errors of the equations are independent; then least squares, equation by equation,
is maximum likelihood, and the difference of Sigma from the sample's covariance tells which paths are missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from gridagora.sim.block_bootstrap import Intervals, blocks_of, intervals, solved
from gridagora.sim.least_squares import least_squares, require_columns, standardised, within_blocks

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RecursiveModel:
    """An estimated system of equations; matrices have one row and column a variable, causes first.

    Attributes
    ----------
    variables : tuple of str
        Columns, causes before effects.
    coefficients : DataFrame
        B: of the variable of the column in the equation of that of the row.
    error_covariance, implied, sample : DataFrame
        Psi, Sigma and the sample's covariance, all with division by the number of rows.
    frame : DataFrame
        One row for each cause and effect: source, target, direct, indirect and total, and of the last two the
        bootstrap's intervals, such as indirect_low, indirect_high (percentiles), indirect_bca_low, indirect_bca_high.
    fit : dict
        ``chi2``, ``df`` and ``p_value`` of the likelihood ratio, ``srmr``, ``rmsea``, ``rows`` that count.
    """

    variables: tuple[str, ...]
    coefficients: pd.DataFrame
    error_covariance: pd.DataFrame
    implied: pd.DataFrame
    sample: pd.DataFrame
    frame: pd.DataFrame
    fit: Mapping[str, float]

    def along(self, *path: str) -> float:
        """Return the effect along one path, the product of its coefficients.

        Parameters
        ----------
        *path : str
            Variables from cause to effect, two or more.

        Raises
        ------
        KeyError
            If there is no such variable.
        ValueError
            If the path has fewer than two.
        """
        if len(path) < 2:
            raise ValueError(f"path: given {', '.join(path) or 'none'}; allowed two variables or more")
        if unknown := [name for name in path if name not in self.variables]:
            raise KeyError(f"no variable {', '.join(unknown)}; variables: {', '.join(self.variables)}")
        matrix = self.coefficients.to_numpy()
        places = [self.variables.index(name) for name in path]
        return float(np.prod([matrix[target, source] for source, target in pairwise(places)]))


def recursive_sem(
    frame: pd.DataFrame,
    equations: Mapping[str, Sequence[str]],
    *,
    paired: bool = False,
    blocks: str | None = "seed",
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> RecursiveModel:
    """Estimate a recursive system of linear equations.

    Parameters
    ----------
    frame : DataFrame
        One row a run.
    equations : mapping of str to sequence of str
        Causes of each variable that has any; all are columns of numbers. Variables without equation are given, and may
        be correlated.
    paired : bool
        Whether each block has intercepts of its own, as in :func:`gridagora.sim.path_models.path_model`.
    blocks : str, optional
        Column whose values are resampled as wholes; None resamples rows.
    resamples, confidence, seed
        Of the bootstrap.

    Returns
    -------
    RecursiveModel

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If there is no equation, a variable causes itself, or columns will not do, as in
        :func:`gridagora.sim.path_models.path_model`.
    """
    names, causes = _ordered(equations)
    require_columns(frame, [*names, *([] if blocks is None else [blocks])])
    columns = [standardised(frame[name], name) for name in names]
    table = np.stack([np.ones(len(frame)), *(values for values, _, _ in columns)], axis=1)
    scale = np.array([each for _, _, each in columns])
    label, taken = np.arange(len(frame)) if blocks is None else frame[blocks].to_numpy(), np.zeros(len(frame))
    if paired:
        if blocks is None:
            raise ValueError("paired: given without blocks; allowed with the column whose values runs are paired by")
        table[:, 1:], taken = within_blocks(table[:, 1:], label)
    for target, sources in causes.items():  # refuses causes that depend on each other
        least_squares(table[:, [0, *(place + 1 for place in sources)]], table[:, target + 1], taken)
    statistic = partial(_both_effects, causes=causes, scale=scale)
    found = intervals(statistic, blocks_of([table], [label]), resamples, seed, confidence)
    matrix = _coefficients((table.T @ table)[None], causes, scale)[0]
    sample = np.cov(table[:, 1:].T, bias=True) * np.outer(scale, scale)
    psi, implied = _implied(matrix, sample, causes)

    def named(values: FloatArray) -> pd.DataFrame:
        return pd.DataFrame(values, index=list(names), columns=list(names))

    effects = pd.DataFrame(_rows(names, causes, matrix, found))
    unit = np.outer(scale, scale)
    fit = _fit(implied / unit, sample / unit, causes, len(frame) - round(taken.sum()))
    return RecursiveModel(names, named(matrix), named(psi), named(implied), named(sample), effects, fit)


def _ordered(equations: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], dict[int, list[int]]]:
    """Return the variables, causes first and otherwise as given, and the places of the causes of each."""
    if not equations or not all(equations.values()):
        raise ValueError("equations: given none, or one without causes; allowed {'effect': ['cause', ...], ...}")
    try:
        order = tuple(TopologicalSorter({name: list(sources) for name, sources in equations.items()}).static_order())
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise ValueError(
            f"equations: {circle} is a circle; allowed only effects that are not their own cause"
        ) from None
    given = [name for name in order if name not in equations]
    names = (*given, *(name for name in order if name in equations))
    return names, {names.index(name): [names.index(each) for each in equations[name]] for name in names[len(given) :]}


def _coefficients(moments: FloatArray, causes: dict[int, list[int]], scale: FloatArray) -> FloatArray:
    """Return B in the units of the variables, shape (..., n, n), from sums of products of ones and variables."""
    found = np.zeros((*moments.shape[:-2], scale.size, scale.size))
    for target, sources in causes.items():
        solution = solved(moments, [0, *(place + 1 for place in sources)], [target + 1])[..., 1:, 0]
        found[..., target, sources] = solution * scale[target] / scale[sources]
    return found


def _total(matrix: FloatArray) -> FloatArray:
    """Return (I - B)^-1 - I, the sum over all paths."""
    unit = np.eye(matrix.shape[-1])
    defined = np.isfinite(matrix.sum(axis=(-1, -2), keepdims=True))
    return np.where(defined, np.linalg.inv(unit - np.where(defined, matrix, 0.0)) - unit, np.nan)


def _both_effects(moments: FloatArray, causes: dict[int, list[int]], scale: FloatArray) -> FloatArray:
    """Return total and indirect effects, shape (..., 2 n n)."""
    matrix = _coefficients(moments[..., 0, :, :], causes, scale)
    total = _total(matrix)
    return np.stack([total, total - matrix], axis=-3).reshape(*matrix.shape[:-2], -1)


def _implied(matrix: FloatArray, sample: FloatArray, causes: dict[int, list[int]]) -> tuple[FloatArray, FloatArray]:
    """Return Psi and Sigma; given variables have the sample's covariance."""
    unit, given = np.eye(len(matrix)), len(matrix) - len(causes)
    residual = (unit - matrix) @ sample @ (unit - matrix).T
    psi = np.diag(np.diag(residual))
    psi[:given, :given] = sample[:given, :given]
    spread = np.linalg.inv(unit - matrix)
    return psi, spread @ psi @ spread.T


def _fit(implied: FloatArray, sample: FloatArray, causes: dict[int, list[int]], rows: int) -> dict[str, float]:
    """Compare the implied with the sample's correlations: likelihood ratio and what is left over."""
    n = len(sample)
    given = n - len(causes)
    free = n * (n - 1) // 2 - given * (given - 1) // 2 - sum(map(len, causes.values()))
    gap = float(np.linalg.slogdet(implied)[1] - np.linalg.slogdet(sample)[1])
    ratio = max(rows * (gap + float(np.trace(np.linalg.solve(implied, sample))) - n), 0.0)
    left = (sample - implied)[np.tril_indices(n)]
    return {
        "chi2": ratio,
        "df": float(free),
        "p_value": float(chi2.sf(ratio, free)) if free else float("nan"),
        "srmr": float(np.sqrt((left**2).mean())),
        "rmsea": float(np.sqrt(max(ratio - free, 0.0) / (free * rows))) if free else 0.0,
        "rows": float(rows),
    }


def _rows(
    names: tuple[str, ...], causes: dict[int, list[int]], matrix: FloatArray, found: Intervals
) -> list[dict[str, object]]:
    """Return what the table says of each pair of cause and effect."""
    n, rows, paths = len(names), [], np.zeros_like(matrix)
    for target, sources in causes.items():
        paths[target, sources] = 1.0
    ways = _total(paths)
    for target, source in np.argwhere(ways > 0.5).tolist():
        row: dict[str, object] = {"source": names[source], "target": names[target], "direct": matrix[target, source]}
        for place, effect in zip(
            (n * n + n * target + source, n * target + source), ("indirect", "total"), strict=True
        ):
            exists = effect == "total" or ways[target, source] > paths[target, source] + 0.5
            ends = ("estimate", "low", "high", "bca_low", "bca_high")
            values = [float(getattr(found, end)[place]) if exists else 0.0 for end in ends]
            row |= dict(zip((effect, *(f"{effect}_{end}" for end in ends[1:])), values, strict=True))
        rows.append(row)
    return rows
