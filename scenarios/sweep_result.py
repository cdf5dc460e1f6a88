"""What a sweep came to: one tidy table, and the points that failed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gridagora.scenarios.load import Scenario, load
from gridagora.scenarios.sweep_points import PointStore

#: Columns of the tidy table that are no factors.
FIXED = ("row", "replication", "seed", "hash", "kpi", "scope", "value", "unit")


class SweepResult:
    """Results of a sweep on disk, finished or not.

    Parameters
    ----------
    path : Path
        Folder of the sweep.
    manifest : mapping
        What the sweep is: base, rows, seeds, hashes, versions.

    Attributes
    ----------
    path : Path
        Folder of the sweep.
    manifest : mapping
        As given.
    """

    def __init__(self, path: Path, manifest: Mapping[str, Any]) -> None:
        self.path, self.manifest = path, manifest
        self._store = PointStore(path)

    @property
    def finished(self) -> bool:
        """Whether every point was tried."""
        return (self.path / "results.parquet").exists()

    @property
    def done(self) -> int:
        """Points that have a result."""
        return sum(outcome.status == "done" for _, outcome in self._store.outcomes(key for _, key in self._points()))

    @property
    def frame(self) -> pd.DataFrame:
        """The tidy table: one line a point and key figure.

        Columns row, replication, seed, hash, one for each factor by its dotted key, then kpi, scope, value, unit; of
        an unfinished sweep what is there.
        """
        if self.finished:
            return pd.read_parquet(self.path / "results.parquet")
        return pd.DataFrame(tidy_columns(self.manifest, self._store, self._all()))

    @property
    def failures(self) -> pd.DataFrame:
        """Points without result: row, replication, seed, hash, factors, status ("failed" or "lost"), error."""
        places, errors = [], []
        for place, key in self._points():
            outcome = self._store.read(key)
            if outcome is not None and outcome.status != "done":
                places.append(place)
                errors.append((outcome.status, outcome.error))
        columns = _point_columns(self.manifest, places)
        columns["status"] = [status for status, _ in errors]
        columns["error"] = [error for _, error in errors]
        return pd.DataFrame(columns)

    def wide(self, scope: str = "system") -> pd.DataFrame:
        """Return one line a point: row, replication, seed, factors, and a column for each key figure of a scope."""
        frame = self.frame
        rows = frame[frame["scope"] == scope]
        places = [name for name in frame.columns if name not in ("hash", "kpi", "scope", "value", "unit")]
        points = rows[places].drop_duplicates(["row", "replication"]).set_index(["row", "replication"])
        values = rows.pivot_table(index=["row", "replication"], columns="kpi", values="value", dropna=False, sort=False)
        return points.join(values).reset_index()

    def scenario(self, row: int, replication: int = 0) -> Scenario:
        """Return the scenario of one point, to run it alone.

        Raises
        ------
        IndexError
            If the sweep has no such point.
        """
        rows, seeds = self.manifest["rows"], self.manifest["seeds"]
        if not (0 <= row < len(rows) and 0 <= replication < len(seeds)):
            raise IndexError(
                f"given row {row}, replication {replication}; allowed rows 0 to {len(rows) - 1}, "
                f"replications 0 to {len(seeds) - 1}"
            )
        return load(self.path / "scenario.yaml", rows[row] | {"seed": seeds[replication]})

    def __repr__(self) -> str:
        """Return name, folder and size."""
        state = "finished" if self.finished else "unfinished"
        return f"SweepResult({self.manifest['name']!r}, {str(self.path)!r}, {len(self.manifest['rows'])} rows, {state})"

    def _points(self) -> list[tuple[tuple[int, int], str]]:
        return [((row, n), key) for row, keys in enumerate(self.manifest["hashes"]) for n, key in enumerate(keys)]

    def _all(self) -> list[int]:
        return [len(self.manifest["seeds"])] * len(self.manifest["rows"])


def read_sweep(path: str | os.PathLike[str]) -> SweepResult:
    """Return the results of a sweep from its folder, finished or not.

    Parameters
    ----------
    path : path-like
        Folder of the sweep.

    Raises
    ------
    FileNotFoundError
        If the folder holds no sweep.
    """
    folder = Path(path)
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        manifest = None
    if not isinstance(manifest, dict) or manifest.get("kind") != "gridagora sweep":
        raise FileNotFoundError(f"{folder} holds no sweep; give the folder that `gridagora sweep --out` wrote")
    return SweepResult(folder, manifest)


def write_table(manifest: Mapping[str, Any], store: PointStore, used: list[int], path: Path) -> Path:
    """Write the tidy table, atomically; the same points give the same bytes.

    Parameters
    ----------
    manifest : mapping
        What the sweep is.
    store : PointStore
        Its points.
    used : list of int
        Replications of each row.
    path : Path
        Parquet file.
    """
    from gridagora.sim.arrow_tables import write_parquet

    columns = tidy_columns(manifest, store, used)
    units = {name: "see scenario" for name in columns if name not in FIXED and columns[name].dtype == np.float64}
    return write_parquet(path, columns, units | {"value": "see column unit"})


def tidy_columns(manifest: Mapping[str, Any], store: PointStore, used: list[int]) -> dict[str, Any]:
    """Return the columns of the tidy table, ordered by row, replication and key figure."""
    places: list[tuple[int, int]] = []
    figures: list[tuple[str, str, float, str]] = []
    for row, count in enumerate(used):
        for number, key in enumerate(manifest["hashes"][row][:count]):
            outcome = store.read(key)
            if outcome is not None:
                places += [(row, number)] * len(outcome.kpis)
                figures += outcome.kpis
    columns = _point_columns(manifest, places)
    columns["kpi"] = np.array([figure[0] for figure in figures], dtype=object)
    columns["scope"] = np.array([figure[1] for figure in figures], dtype=object)
    columns["value"] = np.array([figure[2] for figure in figures], dtype=np.float64)
    columns["unit"] = np.array([figure[3] for figure in figures], dtype=object)
    return columns


def _point_columns(manifest: Mapping[str, Any], places: list[tuple[int, int]]) -> dict[str, Any]:
    """Return the columns that say which point a line belongs to."""
    row = np.array([place[0] for place in places], dtype=np.int64)
    number = np.array([place[1] for place in places], dtype=np.int64)
    hashes = manifest["hashes"]
    columns: dict[str, Any] = {
        "row": row,
        "replication": number,
        "seed": np.array(manifest["seeds"], dtype=np.int64)[number],
        "hash": np.array([hashes[place[0]][place[1]] for place in places], dtype=object),
    }
    rows = manifest["rows"]
    return columns | {key: factor_column([values[key] for values in rows])[row] for key in manifest["factors"]}


def factor_column(values: list[Any]) -> Any:
    """Return the values of a factor as an array: numbers, true or false, or texts; all else as JSON text."""
    kinds = {type(value) for value in values}
    if kinds <= {bool}:
        return np.array(values, dtype=np.bool_)
    if kinds <= {int}:
        return np.array(values, dtype=np.int64)
    if kinds <= {int, float}:
        return np.array(values, dtype=np.float64)
    texts = values if kinds <= {str} else [json.dumps(value) for value in values]
    return np.array(texts, dtype=object)
