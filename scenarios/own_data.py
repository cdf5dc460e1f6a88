"""A user's own series of load, PV, prices or weather, from a CSV or a Parquet file.

A file is taken as it is or refused with all its problems at once: nothing is filled in, cut off or guessed.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.profiles import Profiles
from gridagora.scenarios.data_file import ENERGY, POWER, UNITS, DataFile, DataFileError, Kind, Problems
from gridagora.scenarios.stamps import start_minute
from gridagora.sim.clock import PERIOD_MINUTES
from gridagora.sim.plugin import nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DataFile", "DataFileError", "OwnSeries", "as_profiles", "read_series"]

#: Members hold the number of their base profile in one byte.
MAX_PROFILES = 256

#: Least and largest value that is believed; temperatures in kelvin and irradiation in J/cm2 fall outside.
_BOUNDS: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(UNITS["load"], (0.0, math.inf)),
    **dict.fromkeys(UNITS["price"], (-math.inf, math.inf)),
    "degC": (-90.0, 60.0),
    "W/m2": (0.0, 2000.0),
}

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class OwnSeries:
    """Series of a user's file on the settlement periods of a run.

    Attributes
    ----------
    kind : {"load", "pv", "price", "weather"}
        What the series are.
    names : tuple of str
        Names of the columns.
    values : ndarray of float64, shape (n_columns, n_days, periods)
        Load and PV [kWh per settlement period], prices [currency/kWh], weather [degC or W/m2]; read-only.
    first_day : date
        First day.
    """

    kind: Kind
    names: tuple[str, ...]
    values: Floats
    first_day: date

    def __post_init__(self) -> None:
        self.values.flags.writeable = False

    @property
    def annual_kwh(self) -> Floats:
        """Energy of each column over the days that were read, a year for profiles [kWh], shape (n_columns,).

        Raises
        ------
        ValueError
            If the series are prices or weather.
        """
        if self.kind not in ("load", "pv"):
            raise ValueError(f"kind: given {self.kind}; allowed load, pv: nothing else has an energy")
        energy: Floats = self.values.sum(axis=(1, 2))
        return energy


def as_profiles(series: OwnSeries) -> Profiles:
    """Return load or PV columns as base profiles of a population.

    Parameters
    ----------
    series : OwnSeries
        Of kind load or pv; a member's yearly consumption then belongs to the days that were read.

    Returns
    -------
    Profiles
        Share of the column's energy in each period; a profile sums to 1. [1]

    Raises
    ------
    ValueError
        If the series have no energy, a column is zero throughout, or there are more than 256 columns.
    """
    energy = series.annual_kwh
    empty = [name for name, kwh in zip(series.names, energy, strict=True) if kwh == 0]
    if empty:
        raise ValueError(f"columns: given {', '.join(empty)}, zero throughout; allowed columns with energy; drop them")
    if len(series.names) > MAX_PROFILES:
        raise ValueError(f"columns: given {len(series.names)}; allowed at most {MAX_PROFILES}; choose among them")
    return Profiles(series.names, series.values / energy[:, None, None], series.first_day)  # noqa: PD011


def read_series(spec: DataFile, folder: Path, first_day: date, n_days: int, period_minutes: int) -> OwnSeries:
    """Read the columns of a file onto the settlement periods of a run.

    Power is taken as constant within a row's interval: fine rows are summed, coarse rows split evenly. Prices and
    weather hold within the interval: fine rows are averaged.

    Parameters
    ----------
    spec : DataFile
        The file and what it holds.
    folder : Path
        Folder that the path starts from: that of the scenario file.
    first_day : date
        First day wanted.
    n_days : int
        Number of days wanted. [d]
    period_minutes : int
        Settlement period: 5, 15, 30 or 60. [min]

    Returns
    -------
    OwnSeries

    Raises
    ------
    DataFileError
        If the file is missing or empty, lacks a column or a day, or has a gap, a repeated or disordered stamp, a
        value that is no number or a negative load.
    ValueError
        If `n_days` or `period_minutes` is not allowed.
    """
    if period_minutes not in PERIOD_MINUTES or n_days < 1:
        raise ValueError(
            f"period_minutes and n_days: given {period_minutes} and {n_days}; "
            f"allowed {', '.join(map(str, PERIOD_MINUTES))} and at least 1"
        )
    problems = Problems(spec.path)
    frame = _read(spec, Path(folder), problems)
    names = _names(spec, list(frame.columns), problems)
    values = np.stack([_numbers(frame[name], name, spec.unit, problems) for name in names])
    start = 0
    if spec.time_column is not None:
        start = start_minute(frame[spec.time_column], spec, first_day, n_days, problems)
    elif len(frame) != (rows := n_days * 1440 // spec.resolution_minutes):
        remedy = f"give every row from {first_day} 00:00, or name a time_column"
        problems.add(len(frame) + 1, "", f"given {len(frame)} rows; allowed {rows}, for {n_days} days; {remedy}")
    problems.check()
    return OwnSeries(spec.kind, names, _to_periods(values, spec, start, n_days, period_minutes), first_day)


def _to_periods(values: Floats, spec: DataFile, start: int, n_days: int, period_minutes: int) -> Floats:
    """Bring rows, shape (n, rows), to shape (n, n_days, periods); `start` is the first row's minute of the run."""
    is_energy = spec.kind in ("load", "pv")
    hours = spec.resolution_minutes / 60.0
    factor = {**ENERGY, **{unit: kw * hours for unit, kw in POWER.items()}, "currency/MWh": 1e-3}.get(spec.unit, 1.0)
    step = math.gcd(spec.resolution_minutes, period_minutes, start)
    pieces = spec.resolution_minutes // step
    fine = np.repeat(values * (factor / pieces if is_energy else factor), pieces, axis=1)
    wanted = fine[:, -start // step : (n_days * 1440 - start) // step]
    parts = wanted.reshape(len(values), n_days, 1440 // period_minutes, period_minutes // step)
    return np.asarray(parts.sum(axis=3) if is_energy else parts.mean(axis=3))


def _read(spec: DataFile, folder: Path, problems: Problems) -> pd.DataFrame:
    """Return the whole table with its rows as they stand in the file."""
    import pandas as pd  # a second, and only a run with own data needs it

    file = folder / spec.path
    if not file.is_file():
        beside = [other.name for other in file.parent.iterdir()] if file.parent.is_dir() else []
        close = nearest(file.name, beside)
        problems.refuse(0, "", f"given no file at {file}; allowed a file" + (f"; nearest '{close}'" if close else ""))
    try:
        frame = pd.read_parquet(file) if file.suffix.lower() == ".parquet" else _read_csv(file, spec, problems)
    except DataFileError:
        raise
    except (ValueError, OSError) as error:
        line = re.search(r"\bline (\d+)", str(error))
        what = " ".join(str(error).split()) or "no content"
        problems.refuse(
            int(line[1]) if line else 0, "", f"given no table: {what}; allowed one value a column; save it anew"
        )
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    frame.columns = frame.columns.map(str)
    if frame.empty:
        problems.refuse(0, "", "given no rows; allowed at least one below the header; save the data anew")
    return frame


def _read_csv(file: Path, spec: DataFile, problems: Problems) -> pd.DataFrame:
    import pandas as pd

    with file.open(encoding="utf-8-sig", newline="") as lines:
        header = next(csv.reader(lines), [])
    if len(header) == 1 and re.search("[;\t]", header[0]):
        problems.refuse(1, "", f"given {header[0]!r}; allowed commas between columns and decimal points; save it anew")
    for name in dict.fromkeys(header):
        if header.count(name) > 1:
            problems.add(1, name, f"given {header.count(name)} columns of this name; allowed one; rename the others")
    problems.check()
    frame = pd.read_csv(
        file,
        encoding="utf-8-sig",
        dtype={spec.time_column: str} if spec.time_column in header else None,
        keep_default_na=False,
        skip_blank_lines=False,  # row numbers must stay those of the file
        low_memory=False,
    )
    if not isinstance(frame.index, pd.RangeIndex):
        problems.refuse(2, "", f"given more values than columns; allowed {len(header)}; name every column in row 1")
    return frame


def _names(spec: DataFile, present: list[str], problems: Problems) -> tuple[str, ...]:
    """Return the names of the columns to read."""
    chosen = tuple(name for name in present if name != spec.time_column) if spec.columns == "all" else spec.columns
    for name in (*chosen, *([spec.time_column] if spec.time_column is not None else [])):
        if name not in present:
            close = nearest(name, present)
            hint = f"; nearest '{close}'" if close else ""
            problems.add(1, name, f"given no such column; allowed {', '.join(present[:20])}{hint}")
    if not chosen:
        problems.add(1, "", f"given only {spec.time_column}; allowed a column of values beside it")
    problems.check()
    return chosen


def _numbers(column: pd.Series[Any], name: str, unit: str, problems: Problems) -> Floats:
    """Return a column's values; a cell that is no number or out of bounds is a problem."""
    import pandas as pd
    from pandas.api import types

    if types.is_numeric_dtype(column) and not types.is_bool_dtype(column):
        values = column.to_numpy(np.float64, na_value=np.nan)
    elif types.is_string_dtype(column) or types.is_object_dtype(column):
        values = pd.to_numeric(column.astype(str), errors="coerce").to_numpy(np.float64, na_value=np.nan)
    else:
        values = np.full(len(column), np.nan)

    def given(record: int) -> str:
        cell = column.iloc[record]
        text = repr(cell) if isinstance(cell, str) else str(cell)
        return "nothing" if pd.isna(cell) or cell == "" else text[:40]

    problems.add_all(~np.isfinite(values), name, lambda i: f"given {given(i)}; allowed a number; fill it in")
    least, most = _BOUNDS[unit]
    outside = np.isfinite(values) & ((values < least) | (values > most))
    allowed = f"at least {least:g}" if most == math.inf else f"{least:g} to {most:g}"
    problems.add_all(outside, name, lambda i: f"given {values[i]:g} {unit}; allowed {allowed}; correct it, or the unit")
    return values
