"""Path models: how much of the effect of x on an outcome goes through a mediator (model.md D17, P10).

    M   = i + a X + e1
    Y_k = j + c'_k X + b_k M (+ d_k X M) + e2

Least squares with HC3 standard errors, effects with Sobel's standard errors and with intervals of a bootstrap by
blocks. Columns are standardised inside, group by group, so that scales do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from gridagora.sim.block_bootstrap import Intervals, blocks_of, intervals, solved
from gridagora.sim.least_squares import Fit, least_squares, require_columns, standardised, within_blocks

FloatArray = NDArray[np.float64]
#: What is told of each outcome.
EFFECTS = ("a", "b", "direct", "indirect", "total", "proportion_mediated")


@dataclass(frozen=True, slots=True, eq=False)
class PathModel:
    """An estimated path model.

    Attributes
    ----------
    x, mediator : str
        Columns.
    outcomes : tuple of str
        Columns.
    groups : str or None
        Column of the groups.
    contrast : tuple of float
        Values of x between which effects are told.
    confidence : float
        Probability that an interval is to cover.
    paths : DataFrame
        One row a coefficient: group, equation (the column explained), path (``a``, ``b``, ``c'``, ``d`` of the product,
        ``c`` of x without mediator, ``covariate``), source, estimate, se (HC3), low, high (Student's t), p_value,
        standardised, r_squared, rows.
    frame : DataFrame
        One row an effect: group, outcome, effect, estimate, se (HC3 for a and b, for the others the delta method,
        Sobel's where there is no product), low and high (percentiles), bca_low and bca_high.
    differences : DataFrame
        The same for every two groups: group, other, outcome, effect, estimate (other less group), se (bootstrap), low,
        high, bca_low, bca_high; no rows without groups.
    """

    x: str
    mediator: str
    outcomes: tuple[str, ...]
    groups: str | None
    contrast: tuple[float, float]
    confidence: float
    paths: pd.DataFrame
    frame: pd.DataFrame
    differences: pd.DataFrame


@dataclass(frozen=True, slots=True)
class _Names:
    """Which columns play which part."""

    x: str
    mediator: str
    outcomes: tuple[str, ...]
    covariates: tuple[str, ...]
    interaction: bool

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.x, *self.covariates, self.mediator, *self.outcomes)

    @property
    def first(self) -> list[int]:
        """Regressors of the mediator in the table: intercept, x, covariates."""
        return list(range(2 + len(self.covariates)))

    @property
    def second(self) -> list[int]:
        """Regressors of outcomes: those, the mediator and perhaps the product."""
        return list(range(len(self.first) + 1 + self.interaction))

    @property
    def m(self) -> int:
        """Place of the mediator; the product follows it."""
        return len(self.first)

    @property
    def y(self) -> list[int]:
        """Places of the outcomes."""
        return [len(self.second) + place for place in range(len(self.outcomes))]


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """A group: columns standardised, ones and product among them; means and deviations by name.

    Where runs are paired columns are deviations from the means of blocks, which take leverage.
    """

    table: FloatArray
    taken: FloatArray | float
    mean: dict[str, float]
    scale: dict[str, float]


def path_model(
    frame: pd.DataFrame,
    x: str,
    mediator: str,
    outcomes: str | Sequence[str],
    *,
    covariates: Sequence[str] = (),
    interaction: bool = False,
    paired: bool = False,
    contrast: tuple[float, float] = (0.0, 1.0),
    groups: str | None = None,
    blocks: str | None = "seed",
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> PathModel:
    """Estimate direct, indirect and total effects of x, such as from ``SweepResult.wide()``.

    Parameters
    ----------
    frame : DataFrame
        One row a run.
    x, mediator : str
        Columns of numbers.
    outcomes : str or sequence of str
        Columns of numbers.
    covariates : sequence of str
        Further columns of numbers in all equations, such as other factors of the design.
    interaction : bool
        Whether the product of x and mediator, as deviations from their means, acts on outcomes; `b` and `c'` are then
        the slopes at the means.
    paired : bool
        Whether each block has intercepts of its own: what all runs of a seed share is then no common cause of mediator
        and outcome. It needs a factor that moves the mediator beside x and is no covariate.
    contrast : tuple of float
        Effects are those of moving x from the first value to the second: with interaction indirect effects are
        a (b + d x1) (x1 - x0), direct ones (c' + d E[M | x0]) (x1 - x0).
    groups : str, optional
        Column; each of its values is estimated alone, and differences are told.
    blocks : str, optional
        Column whose values are resampled as wholes; None resamples rows.
    resamples : int
        Of the bootstrap.
    confidence : float
        Probability that intervals are to cover.
    seed : int
        Of the bootstrap.

    Returns
    -------
    PathModel

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If columns hold other than finite numbers, do not vary, or do not vary on their own; if there are too few
        blocks, or an option is out of bounds.
    """
    wanted = (outcomes,) if isinstance(outcomes, str) else tuple(outcomes)
    names = _Names(x, mediator, wanted, tuple(covariates), interaction)
    _check_options(names, contrast, resamples, confidence)
    require_columns(frame, [*names.columns, *(name for name in (groups, blocks) if name is not None)])
    keys = [""] if groups is None else list(dict.fromkeys(frame[groups]))
    parts = [frame if groups is None else frame[frame[groups] == key] for key in keys]
    if groups is not None and len(keys) < 2:
        raise ValueError(f"groups: {groups!r} has one value, {keys[0]!r}; allowed two or more")
    if paired and blocks is None:
        raise ValueError("paired: given without blocks; allowed with the column whose values runs are paired by")
    labels = _labels(parts, blocks)
    samples = [
        _sample(part, names, _where(groups, key), label if paired else None)
        for part, key, label in zip(parts, keys, labels, strict=True)
    ]
    paths, errors = [], []
    for key, sample in zip(keys, samples, strict=True):
        rows, own = _paths(key, sample, names, contrast, confidence)
        paths += rows
        errors.append(own)
    statistic = partial(_statistics, names=names, samples=samples, contrast=contrast)
    found = intervals(statistic, blocks_of([s.table for s in samples], labels), resamples, seed, confidence)
    return PathModel(
        *(x, mediator, wanted, groups, contrast, confidence, pd.DataFrame(paths)),
        *_effect_tables(keys, names, found, np.concatenate(errors)),
    )


def sobel_error(a: float, a_error: float, b: float, b_error: float) -> float:
    """Return Sobel's standard error of the product a b, sqrt(b^2 s_a^2 + a^2 s_b^2).

    Parameters
    ----------
    a, b : float
        Coefficients.
    a_error, b_error : float
        Their standard errors.

    Examples
    --------
    >>> sobel_error(2.0, 0.3, 4.0, 0.8)
    2.0
    """
    return float(np.hypot(b * a_error, a * b_error))


def _check_options(names: _Names, contrast: tuple[float, float], resamples: int, confidence: float) -> None:
    if not names.outcomes:
        raise ValueError("outcomes: given none; allowed one column or more")
    if len(set(names.columns)) < len(names.columns):
        raise ValueError(f"given {', '.join(names.columns)}; allowed each column in one part only")
    if contrast[0] == contrast[1]:
        raise ValueError(f"contrast: given {contrast}; allowed two different values of {names.x}")
    if resamples < 100:
        raise ValueError(f"resamples: given {resamples}; allowed 100 or more, 2000 for intervals that hold")
    if not 0.5 <= confidence < 1:
        raise ValueError(f"confidence: given {confidence}; allowed 0.5 to below 1")


def _where(groups: str | None, key: Any) -> str:
    return "" if groups is None else f" where {groups} is {key}"


def _labels(parts: list[pd.DataFrame], blocks: str | None) -> list[NDArray[Any]]:
    """Return the block of each row; rows of their own are numbered on from group to group."""
    if blocks is not None:
        return [part[blocks].to_numpy() for part in parts]
    ends = np.cumsum([0, *(len(part) for part in parts)])
    return [np.arange(first, last) for first, last in pairwise(ends)]


def _sample(part: pd.DataFrame, names: _Names, where: str, blocks: NDArray[Any] | None) -> _Sample:
    found = {name: standardised(part[name], f"{name}{where}") for name in names.columns}
    columns = {name: values for name, (values, _, _) in found.items()}
    product = [columns[names.x] * columns[names.mediator]] if names.interaction else []
    outcomes = [columns[name] for name in names.outcomes]
    regressors = [columns[name] for name in (names.x, *names.covariates, names.mediator)]
    table = np.stack([np.ones(len(part)), *regressors, *product, *outcomes], axis=1)
    taken: FloatArray | float = 0.0
    if blocks is not None:
        table[:, 1:], taken = within_blocks(table[:, 1:], blocks)
    means = {name: mean for name, (_, mean, _) in found.items()}
    return _Sample(table, taken, means, {name: scale for name, (_, _, scale) in found.items()})


def _statistics(
    moments: FloatArray, names: _Names, samples: list[_Sample], contrast: tuple[float, float]
) -> FloatArray:
    """Return effects by group, outcome and kind, then the differences of every two groups."""
    first = solved(moments, names.first, [names.m])[..., 0]
    second = solved(moments, names.second, names.y)
    effects = np.stack(
        [
            _effects(first[..., group, :], second[..., group, :, :], names, sample, contrast)
            for group, sample in enumerate(samples)
        ],
        axis=-3,
    )
    pairs = [effects[..., j, :, :] - effects[..., i, :, :] for i, j in combinations(range(len(samples)), 2)]
    flat = (*effects.shape[:-3], -1)
    return np.concatenate([effects.reshape(flat), *(pair.reshape(flat) for pair in pairs)], axis=-1)


def _effects(
    first: FloatArray, second: FloatArray, names: _Names, sample: _Sample, contrast: tuple[float, float]
) -> FloatArray:
    """Return the effects of a group, shape (..., outcomes, kinds), from standardised coefficients."""
    start, end, step, y_scale = _units(names, sample, contrast)
    intercept, a = first[..., 0, None], first[..., 1, None]
    slope, b = second[..., 1, :], second[..., names.m, :]
    d = second[..., names.m + 1, :] if names.interaction else np.zeros_like(b)
    direct = y_scale * step * (slope + d * (intercept + a * start))
    indirect = y_scale * step * a * (b + d * end)
    total, x_scale, m_scale = direct + indirect, sample.scale[names.x], sample.scale[names.mediator]
    with np.errstate(divide="ignore", invalid="ignore"):
        kinds = (a * m_scale / x_scale + 0 * b, b * y_scale / m_scale, direct, indirect, total, indirect / total)
    return np.stack(kinds, axis=-1)


def _units(names: _Names, sample: _Sample, contrast: tuple[float, float]) -> tuple[float, float, float, FloatArray]:
    """Return the contrast and its step in standardised x, and the deviations of the outcomes."""
    start, end = ((value - sample.mean[names.x]) / sample.scale[names.x] for value in contrast)
    step = (contrast[1] - contrast[0]) / sample.scale[names.x]
    return start, end, step, np.array([sample.scale[name] for name in names.outcomes])


def _paths(
    key: Any, sample: _Sample, names: _Names, contrast: tuple[float, float], confidence: float
) -> tuple[list[dict[str, Any]], FloatArray]:
    """Return the coefficients of a group, and the standard errors of its effects, shape (1, outcomes, kinds)."""
    tell = partial(_coefficients, key, sample, names, confidence)
    table, taken = sample.table, sample.taken
    fit_m = least_squares(table[:, names.first], table[:, names.m], taken)
    rows, errors = tell(fit_m, names.mediator, ["", "a"]), []
    for name, place in zip(names.outcomes, names.y, strict=True):
        fit_y = least_squares(table[:, names.second], table[:, place], taken)
        rows += tell(fit_y, name, ["", "c'"])
        rows += tell(least_squares(table[:, names.first], table[:, place], taken), name, ["", "c"])[:1]
        errors.append(_errors(fit_m, fit_y, names, sample, contrast, sample.scale[name]))
    return rows, np.array([errors])


def _coefficients(
    key: Any, sample: _Sample, names: _Names, confidence: float, fit: Fit, equation: str, parts: list[str]
) -> list[dict[str, Any]]:
    explained = 1 - float((fit.residuals**2).mean())
    parts = [*parts, *["covariate"] * len(names.covariates), "b", "d"][: fit.coefficients.size]
    sources = [names.x, *names.covariates, names.mediator, f"{names.x} x {names.mediator}"]
    product = sample.scale[names.x] * sample.scale[names.mediator]
    scales = {**sample.scale, sources[-1]: product}
    quantile, rows = float(t.ppf((1 + confidence) / 2, fit.freedom)), []
    for place, (part, source) in enumerate(zip(parts[1:], sources, strict=False), start=1):
        unit = sample.scale[equation] / scales[source]
        coefficient, error = float(fit.coefficients[place]), float(fit.errors[place])
        ratio = abs(coefficient) / error if error > 0 else np.inf
        rows.append(
            {
                "group": key,
                "equation": equation,
                "path": part,
                "source": source,
                "estimate": coefficient * unit,
                "se": error * unit,
                "low": (coefficient - quantile * error) * unit,
                "high": (coefficient + quantile * error) * unit,
                "p_value": 2 * float(t.sf(ratio, fit.freedom)),
                "standardised": coefficient,
                "r_squared": explained,
                "rows": len(sample.table),
            }
        )
    return rows


def _errors(
    first: Fit, second: Fit, names: _Names, sample: _Sample, contrast: tuple[float, float], y_scale: float
) -> list[float]:
    """Return standard errors of a, b, direct, indirect, total effect by the delta method; nan for the proportion.

    The two equations have independent errors; without product that of the indirect effect is Sobel's.
    """
    start, end, step, _ = _units(names, sample, contrast)
    intercept, a = first.coefficients[:2]
    b = second.coefficients[names.m]
    d = second.coefficients[names.m + 1] if names.interaction else 0.0
    by_first, by_second = np.zeros((3, len(names.first))), np.zeros((3, len(names.second)))
    by_first[0, :2] = d, d * start
    by_first[1, 1] = b + d * end
    by_second[0, 1] = 1.0
    by_second[1, names.m] = a
    if names.interaction:
        by_second[:2, names.m + 1] = intercept + a * start, a * end
    by_first[2], by_second[2] = by_first[:2].sum(axis=0), by_second[:2].sum(axis=0)
    variance = [u @ first.covariance @ u + v @ second.covariance @ v for u, v in zip(by_first, by_second, strict=True)]
    m_scale = sample.scale[names.mediator]
    own = [first.errors[1] * m_scale / sample.scale[names.x], second.errors[names.m] * y_scale / m_scale]
    return [*own, *(np.sqrt(variance) * abs(step) * y_scale), np.nan]


def _effect_tables(
    keys: list[Any], names: _Names, found: Intervals, errors: FloatArray
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of effects and of their differences between groups."""
    kinds = [(outcome, effect) for outcome in names.outcomes for effect in EFFECTS]
    places = [(key, *kind) for key in keys for kind in kinds]
    pairs = [(key, other, *kind) for key, other in combinations(keys, 2) for kind in kinds]
    values = {
        **{"estimate": found.estimate, "se": found.error, "low": found.low, "high": found.high},
        **{"bca_low": found.bca_low, "bca_high": found.bca_high},
    }
    table = pd.DataFrame(values)
    effects = pd.DataFrame(places, columns=["group", "outcome", "effect"]).join(table[: len(places)])
    effects["se"] = errors.ravel()
    rest = table[len(places) :].reset_index(drop=True)
    return effects, pd.DataFrame(pairs, columns=["group", "other", "outcome", "effect"]).join(rest)
