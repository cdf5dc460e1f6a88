"""Values of a key figure at all points of a sweep, and what the seeds do to them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridagora.scenarios.sweep_design import Row
from gridagora.scenarios.sweep_file import Sweep
from gridagora.scenarios.sweep_result import SweepResult, read_sweep
from gridagora.sim.plugin import unknown

Floats = NDArray[np.float64]
SweepLike = SweepResult | str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Values:
    """A key figure at all points of a sweep.

    Parameters
    ----------
    kpi, scope, unit : str
        Which key figure.
    runs : ndarray of float64, shape (rows, replications)
        Its values [unit], by seed; nan where a point has none.
    undefined : int
        Points that are done and have nan for a value, such as a mean price without trade.
    """

    kpi: str
    scope: str
    unit: str
    runs: Floats
    undefined: int = 0

    @property
    def counts(self) -> NDArray[np.int64]:
        """Replications with a value, shape (rows,) [1]."""
        counts: NDArray[np.int64] = np.sum(~np.isnan(self.runs), axis=1)
        return counts

    @property
    def means(self) -> Floats:
        """Mean over the replications of each row, shape (rows,) [unit]; nan where there is none."""
        return row_means(self.runs)

    def noise_share(self) -> float:
        """Return the share of the variance between the means of rows that comes from their seeds [1], 1 at most."""
        means = self.means[self.counts > 0]
        spread = float(np.var(means, ddof=1)) if len(means) > 1 else 0.0
        return float(np.minimum(noise_variance(self.runs) / spread, 1.0)) if spread else float("nan")


def row_means(runs: Floats) -> Floats:
    """Return the mean of what is there in each row, nan where there is nothing."""
    counts = np.sum(~np.isnan(runs), axis=1)
    means: Floats = np.divide(np.nansum(runs, axis=1), counts, out=np.full(len(runs), np.nan), where=counts > 0)
    return means


def noise_variance(runs: Floats) -> float:
    """Return the variance of the mean of a row that comes from its seeds [unit^2]; nan with one replication.

    Where all rows have the same seeds, what a seed adds to all of them alike is no noise: it moves no difference.

    Parameters
    ----------
    runs : ndarray of float64, shape (rows, replications)
        Values by seed [unit], nan where there is none; rows without any do not count.
    """
    counts = np.sum(~np.isnan(runs), axis=1)
    runs, counts = runs[counts > 0], counts[counts > 0]
    if not len(runs) or counts.min() < 2:
        return float("nan")
    if len(runs) > 1 and not np.isnan(runs).any():
        rest = runs - runs.mean(axis=1, keepdims=True) - runs.mean(axis=0) + runs.mean()
        rows, seeds = runs.shape
        return float((rest**2).sum() / ((rows - 1) * (seeds - 1) * seeds))
    return float(np.mean(np.nanvar(runs, axis=1, ddof=1) / counts))


def opened(result: SweepLike) -> SweepResult:
    """Return the results of a sweep, from its folder where a path is given.

    Raises
    ------
    FileNotFoundError
        If the folder holds no sweep.
    """
    return result if isinstance(result, SweepResult) else read_sweep(result)


def design_of(result: SweepResult) -> tuple[Sweep, list[Row]]:
    """Return the sweep and its rows, factors in the order of the design."""
    sweep = Sweep.model_validate(result.manifest["sweep"])
    order = result.manifest["factors"]
    rows = [{key: row[key] for key in order} for row in result.manifest["rows"]]
    return sweep.model_copy(update={"factors": {key: sweep.factors[key] for key in order}}), rows


def values_of(result: SweepResult, kpis: Sequence[str] | None, scope: str) -> list[Values]:
    """Return the values of key figures.

    Parameters
    ----------
    result : SweepResult
        The sweep.
    kpis : sequence of str, optional
        Names, all of the scope by default.
    scope : str
        ``"system"``, or the name of a population or party.

    Raises
    ------
    ValueError
        If no point is done, or there is no such scope or key figure.
    """
    frame = result.frame
    if frame.empty:
        raise ValueError(f"{result.path}: no point has a result; run the sweep, or see why its points failed")
    lines = frame[frame["scope"] == scope]
    if lines.empty:
        raise ValueError(unknown("scope", scope, frame["scope"].unique().tolist()))
    names = lines["kpi"].unique().tolist()
    for kpi in kpis or ():
        if kpi not in names:
            raise ValueError(unknown("key figure", kpi, names))
    shape = len(result.manifest["rows"]), len(result.manifest["seeds"])
    by_name = dict(list(lines.groupby("kpi", sort=False)))
    return [_values(by_name[kpi], kpi, scope, shape) for kpi in (names if kpis is None else kpis)]


def _values(lines: pd.DataFrame, kpi: str, scope: str, shape: tuple[int, int]) -> Values:
    runs = np.full(shape, np.nan)
    runs[lines["row"].to_numpy(), lines["replication"].to_numpy()] = lines["value"].to_numpy()
    runs.setflags(write=False)
    return Values(kpi, scope, str(lines["unit"].iloc[0]), runs, int(lines["value"].isna().sum()))


def refuse_unfinished(result: SweepResult) -> None:
    """Refuse a sweep of which points are missing.

    Raises
    ------
    ValueError
        If it was stopped or points failed; says how many and what to do.
    """
    if not result.finished:
        total = len(result.manifest["rows"]) * len(result.manifest["seeds"])
        raise ValueError(
            f"{result.path}: {result.done} of up to {total} points are done and the sweep is not finished; the design "
            "needs all of them: go on with `gridagora sweep ... --resume`"
        )
    failures = result.failures
    if len(failures):
        lost = int((failures["status"] == "lost").sum())
        raise ValueError(
            f"{result.path}: {len(failures)} points have no result ({lost} lost, {len(failures) - lost} failed) and "
            "the design needs all of them: `gridagora sweep ... --resume` runs lost points again; for failed ones "
            f"repair what their error names, the first is {failures['error'].iloc[0]!r}, or narrow the factors, and "
            "sweep into a new folder"
        )


def labels(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what to call rows: the values of the factors that vary among them, by the ends of their keys."""
    varying = [key for key in rows[0] if any(row[key] != rows[0][key] for row in rows)]
    ends = [key.rpartition(".")[2] for key in varying]
    names = [end if ends.count(end) == 1 else key for key, end in zip(varying, ends, strict=True)]
    return [
        ", ".join(f"{n}={_short(row[key])}" for n, key in zip(names, varying, strict=True)) or "row 0" for row in rows
    ]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
