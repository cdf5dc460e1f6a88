"""Which factors of a sweep a key figure depends on, by indices that suit its design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from gridagora.scenarios.sensitivity_factors import factors_of
from gridagora.scenarios.sensitivity_indices import Index, grid_indices, morris_indices, sobol_indices
from gridagora.scenarios.sensitivity_regression import LEAST_ROWS, regression_indices
from gridagora.scenarios.sensitivity_values import SweepLike, Values, design_of, opened, refuse_unfinished, values_of
from gridagora.scenarios.sweep_design import Row
from gridagora.scenarios.sweep_file import Sweep
from gridagora.sim.report.sensitivity_figures import of_kpi

Method = Literal["sobol", "morris", "variance", "regression"]
METHODS: dict[str, Method] = {
    "sobol": "sobol",
    "morris": "morris",
    "grid": "variance",
    "latin_hypercube": "regression",
    "list": "regression",
}
#: Indices that say how much a factor matters, by rank.
MAIN = ("ST", "mu_star", "S1", "SRC")
#: Base samples or trajectories that intervals can be drawn from.
LEAST_SAMPLES = 4
#: Relative difference up to which rows are the same: books are kept in millionths.
SAME = 1e-6
#: Share of the variance from seeds that is worth a word [1].
NOISY = 0.05


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Sensitivity indices of the key figures of a sweep.

    Attributes
    ----------
    sweep : str
        Name of the sweep.
    method : {"sobol", "morris", "variance", "regression"}
        How indices were found.
    confidence : float
        Confidence level of all intervals [1].
    indices : pandas.DataFrame
        One row an index: `kpi`, `scope`, `factor`, `other` (second factor, or empty), `index`, `value`, `low`, `high`,
        `unit`.
    figures : pandas.DataFrame
        One row a key figure: `kpi`, `scope`, `unit`, `rows`, `replications` (fewest of a row), `mean` and `sd` of the
        means of rows, `noise_share` of their variance that comes from the seeds [1] (nan with one replication), `r2`
        of the regression [1] (nan without one).
    notes : tuple of str
        What was left out or needs care.
    """

    sweep: str
    method: Method
    confidence: float
    indices: pd.DataFrame
    figures: pd.DataFrame
    notes: tuple[str, ...]

    def table(self, kpi: str | None = None) -> pd.DataFrame:
        """Return the indices of a key figure side by side: one line a factor, the most important first.

        Parameters
        ----------
        kpi : str, optional
            The key figure; not needed where there is one.

        Raises
        ------
        ValueError
            If there is no such key figure, or several and none is named.
        """
        lines = of_kpi(self.indices, kpi)
        alone = lines[lines["other"] == ""]
        wide = alone.pivot_table(index="factor", columns="index", values="value", dropna=False)
        wide = wide[list(dict.fromkeys(alone["index"]))]
        main = next(index for index in MAIN if index in wide)
        return wide.loc[wide[main].abs().sort_values(ascending=False, kind="stable").index]


def sensitivity(
    result: SweepLike,
    kpi: str | Sequence[str] | None = None,
    scope: str = "system",
    *,
    confidence: float = 0.95,
    resamples: int = 200,
) -> Sensitivity:
    """Find which factors of a sweep a key figure depends on.

    Replications of a row are averaged first. Rows share their seeds, so indices are those of the mean over these seeds,
    and intervals say what another sample of rows would give (of a grid: what other seeds would).

    Parameters
    ----------
    result : SweepResult or path-like
        The sweep.
    kpi : str or sequence of str, optional
        Key figures; by default all that exist at every point and vary.
    scope : str
        ``"system"``, or the name of a population or party.
    confidence : float
        Confidence level [1].
    resamples : int
        Bootstrap samples.

    Returns
    -------
    Sensitivity
        Design ``sobol``: ``S1``, ``ST``, with `second_order` ``S2``. ``morris``: ``mu_star``, ``mu``, ``sigma``.
        ``grid``: ``S1``, ``ST``, ``S2`` of the listed values. ``latin_hypercube``: ``SRC``, ``rank``, ``S1``.
        ``list``: ``SRC``, ``rank``.

    Raises
    ------
    ValueError
        If the design has no indices, points are missing that it needs, or a key figure that is named does not vary.
    ImportError
        If SALib is not installed and the design needs it.
    """
    if not 0 < confidence < 1 or resamples < 2:
        raise ValueError(f"given confidence {confidence}, resamples {resamples}; allowed 0 < confidence < 1, 2 or more")
    found = opened(result)
    sweep, rows = design_of(found)
    _refuse_design(sweep)
    if METHODS[sweep.design] != "regression":
        refuse_unfinished(found)
    named = [kpi] if isinstance(kpi, str) else kpi
    lines: list[dict[str, object]] = []
    figures: list[dict[str, object]] = []
    notes: list[str] = []
    for values in values_of(found, named, scope):
        try:
            indices, r2 = _indices(sweep, rows, values, confidence, resamples)
        except ValueError as error:
            if named is not None:
                raise ValueError(f"{values.kpi} of {scope}: {error}") from None
            notes.append(f"{values.kpi} is left out: {error}")
            continue
        figures.append(_figure(values, r2))
        lines += [_line(values, each) for each in indices]
        notes += _cautions(values)
    if not lines:
        raise ValueError(f"{found.path}: no key figure of {scope} has indices; the first: {notes[0]}")
    return Sensitivity(
        sweep.name,
        METHODS[sweep.design],
        confidence,
        pd.DataFrame(lines),
        pd.DataFrame(figures),
        (*notes, *_notes_on_factors(sweep, rows)),
    )


def _refuse_design(sweep: Sweep) -> None:
    if sweep.design not in METHODS:
        raise ValueError(
            f"design {sweep.design} has no indices; ga.paired(result, kpi) shows what each value changes; "
            f"allowed: {', '.join(METHODS)}"
        )
    if sweep.design in ("sobol", "morris") and sweep.samples < LEAST_SAMPLES:
        raise ValueError(f"given {sweep.samples} samples; allowed {LEAST_SAMPLES} or more: intervals come from them")


def _indices(
    sweep: Sweep, rows: list[Row], values: Values, confidence: float, resamples: int
) -> tuple[list[Index], float]:
    """Return the indices of a key figure, and R^2 where there is a regression."""
    means = values.means
    there = ~np.isnan(means)
    if METHODS[sweep.design] != "regression" and values.undefined:
        raise ValueError(f"it does not exist (nan) at {values.undefined} points, and the design needs all")
    if not there.any() or np.ptp(means[there]) <= SAME * np.abs(means[there]).max():
        raise ValueError("it is the same in all rows")
    factors = factors_of(sweep, rows)
    if sweep.design == "sobol":
        return sobol_indices(means, factors, sweep.second_order, confidence, resamples), np.nan
    if sweep.design == "morris":
        return morris_indices(means, factors, sweep.levels, confidence, resamples), np.nan
    if sweep.design == "grid":
        sizes = {key: len(each) if isinstance(each, list) else sweep.levels for key, each in sweep.factors.items()}
        return grid_indices(values.runs, sizes, confidence), np.nan
    kept = factors_of(sweep, [row for row, exists in zip(rows, there, strict=True) if exists])
    moving = [factor for factor in kept if np.ptp(factor.places)]
    return regression_indices(means[there], moving, sweep.design == "latin_hypercube", confidence, resamples)


def _line(values: Values, row: Index) -> dict[str, object]:
    unit = values.unit if row.name in ("mu_star", "mu", "sigma") else "1"
    return {
        "kpi": values.kpi,
        "scope": values.scope,
        "factor": row.factor,
        "other": row.other,
        "index": row.name,
        "value": row.value,
        "low": row.low,
        "high": row.high,
        "unit": unit,
    }


def _figure(values: Values, r2: float) -> dict[str, object]:
    means, counts = values.means, values.counts
    there = counts > 0
    return {
        "kpi": values.kpi,
        "scope": values.scope,
        "unit": values.unit,
        "rows": int(there.sum()),
        "replications": int(counts[there].min()),
        "mean": float(means[there].mean()),
        "sd": float(means[there].std(ddof=1)),
        "noise_share": values.noise_share(),
        "r2": r2,
    }


def _cautions(values: Values) -> list[str]:
    """Say where a key figure was left without values, and where the seeds blur it."""
    found = []
    empty = int(np.sum(values.counts == 0))
    if empty:
        found.append(f"{values.kpi}: {empty} of {len(values.counts)} rows have no value and are left out")
    share = values.noise_share()
    if share > NOISY:
        found.append(
            f"{values.kpi}: {100 * share:.2g} % of the variance between rows may come from their seeds, not from "
            "factors; give more replications"
        )
    return found


def _notes_on_factors(sweep: Sweep, rows: list[Row]) -> list[str]:
    """Say how values that are no numbers, and factors that do not move, were taken."""
    found = []
    for factor in factors_of(sweep, rows):
        if not np.ptp(factor.places):
            found.append(f"{factor.key} has one value")
        elif not factor.has_direction and sweep.design == "morris":
            found.append(f"{factor.key} has values without order: its effects are those of a change between any two")
        elif not factor.has_direction and METHODS[sweep.design] == "regression":
            found.append(f"{factor.key} has values without order: the regression counts each of them, no SRC, no rank")
    if sweep.design == "latin_hypercube" and len(rows) < LEAST_ROWS:
        found.append(f"no S1: {len(rows)} rows; from {LEAST_ROWS} on there are first-order indices")
    return found
