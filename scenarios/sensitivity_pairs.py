"""Differences between rows of a sweep that share their seeds, and how means settle with replications."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gridagora.scenarios.sensitivity_factors import Floats
from gridagora.scenarios.sensitivity_values import SweepLike, design_of, labels, opened, values_of
from gridagora.sim.plugin import unknown


def paired(
    result: SweepLike,
    kpi: str,
    baseline: int | Mapping[str, Any] = 0,
    scope: str = "system",
    *,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare rows of a sweep with a baseline, seed by seed.

    All rows have the same seeds and a member keeps its random draws, so most of what chance does falls out of the
    difference of a pair. Differences are taken for independent and normal: the interval is that of Student's t.

    Parameters
    ----------
    result : SweepResult or path-like
        The sweep.
    kpi : str
        Key figure.
    baseline : int or mapping
        Row that all others are compared with; or values of some factors: each row is then compared with the row that
        has these values and is otherwise the same.
    scope : str
        ``"system"``, or the name of a population or party.
    confidence : float
        Confidence level [1].

    Returns
    -------
    pandas.DataFrame
        One line a row that differs from its baseline: `kpi`, `scope`, `row`, `label`, `baseline_row`, `baseline`;
        `baseline_value` and `value`, means over the pairs; `difference`, `low`, `high`; `pairs`, seeds where both
        exist; `variance_removed`, by which share pairing lowers the variance of the difference [1] (below 0 where it
        raises it); `unit`; then the factors. Without a pair there is nan, with one no interval.

    Raises
    ------
    ValueError
        If there is no such key figure, scope, row, factor or value.
    """
    found = opened(result)
    (values,) = values_of(found, [kpi], scope)
    rows = design_of(found)[1]
    named = labels(rows)
    lines = []
    for row, base in _partners(rows, baseline):
        both = ~np.isnan(values.runs[row] + values.runs[base])
        after, before = values.runs[row, both], values.runs[base, both]
        mean, half = mean_and_half_width(after - before, confidence)
        lines.append(
            {
                "kpi": kpi,
                "scope": scope,
                "row": row,
                "label": named[row],
                "baseline_row": base,
                "baseline": named[base],
                "baseline_value": float(before.mean()) if len(before) else np.nan,
                "value": float(after.mean()) if len(after) else np.nan,
                "difference": mean,
                "low": mean - half,
                "high": mean + half,
                "pairs": len(after),
                "variance_removed": _removed(after, before),
                "unit": values.unit,
                **rows[row],
            }
        )
    if not lines:
        raise ValueError(f"baseline: given {baseline}; allowed a baseline that some row differs from")
    return pd.DataFrame(lines)


def convergence(
    result: SweepLike, kpi: str, row: int | None = None, scope: str = "system", *, confidence: float = 0.95
) -> pd.DataFrame:
    """Return how the mean of each row settles as replications are added, in the order of the seeds.

    Parameters
    ----------
    result : SweepResult or path-like
        The sweep.
    kpi : str
        Key figure.
    row : int, optional
        One row; all by default.
    scope : str
        ``"system"``, or the name of a population or party.
    confidence : float
        Confidence level [1].

    Returns
    -------
    pandas.DataFrame
        One line a row and number of replications: `kpi`, `scope`, `row`, `label`, `replications`, `mean`, `half_width`
        (Student's t, nan with one replication), `low`, `high`, `unit`.

    Raises
    ------
    ValueError
        If there is no such key figure, scope or row.
    """
    found = opened(result)
    (values,) = values_of(found, [kpi], scope)
    rows = design_of(found)[1]
    named = labels(rows)
    lines = []
    for place in range(len(rows)) if row is None else [_checked(row, len(rows))]:
        runs = values.runs[place]
        there = runs[~np.isnan(runs)]
        for count in range(1, len(there) + 1):
            mean, half = mean_and_half_width(there[:count], confidence)
            lines.append(
                {
                    "kpi": kpi,
                    "scope": scope,
                    "row": place,
                    "label": named[place],
                    "replications": count,
                    "mean": mean,
                    "half_width": half,
                    "low": mean - half,
                    "high": mean + half,
                    "unit": values.unit,
                }
            )
    if not lines:
        raise ValueError(f"{kpi} of {scope}: row {row} has no value; see result.failures")
    return pd.DataFrame(lines)


def mean_and_half_width(values: Floats, confidence: float) -> tuple[float, float]:
    """Return the mean of some values and the half-width of its interval by Student's t.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Values; without one the mean is nan, with one the half-width.
    confidence : float
        Confidence level [1].
    """
    from scipy.stats import t

    if not 0 < confidence < 1:
        raise ValueError(f"confidence: given {confidence}; allowed above 0 and below 1")
    count = len(values)
    if count < 2:
        return (float(values[0]) if count else np.nan), np.nan
    error = float(np.std(values, ddof=1)) / np.sqrt(count)
    return float(values.mean()), float(t.ppf(0.5 + confidence / 2, count - 1)) * error


def _removed(after: Floats, before: Floats) -> float:
    """Return by which share the variance of the difference is lower than with draws of their own."""
    if len(after) < 2:
        return np.nan
    alone = float(np.var(after, ddof=1) + np.var(before, ddof=1))
    return 1 - float(np.var(after - before, ddof=1)) / alone if alone else np.nan


def _partners(rows: list[dict[str, Any]], baseline: int | Mapping[str, Any]) -> list[tuple[int, int]]:
    """Return each row with the row that it is compared with."""
    if isinstance(baseline, int):
        _checked(baseline, len(rows))
        return [(row, baseline) for row in range(len(rows)) if row != baseline]
    for key in baseline:
        if key not in rows[0]:
            raise ValueError(f"baseline: {unknown('factor', key, rows[0])}")
    pairs = []
    for number, row in enumerate(rows):
        wanted = row | dict(baseline)
        base = next((place for place, other in enumerate(rows) if other == wanted), None)
        if base is None:
            raise ValueError(
                f"baseline: given {dict(baseline)}; no row has it and is otherwise as row {number}, {row}; use design "
                "grid, or the number of a row"
            )
        if base != number and row != rows[base]:
            pairs.append((number, base))
    return pairs


def _checked(row: int, rows: int) -> int:
    if not 0 <= row < rows:
        raise ValueError(f"row: given {row}; allowed 0 to {rows - 1}")
    return row
