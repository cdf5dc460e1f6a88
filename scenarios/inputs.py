"""Real input that travels with the package: profiles, power plants, emission factors.

Everything is read from ``scenarios/data``; each folder there has a data card, a licence and an attribution.
All profiles share one calendar: 2016, fixed offset UTC+1, no summer time.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gridagora.sim.plugin import resolve

Group = Literal["household", "firm", "farm", "pv", "wind", "ev", "heat_pump"]
Floats = npt.NDArray[np.float64]

FIRST_DAY = date(2016, 1, 1)
N_DAYS = 366
LAST_DAY = FIRST_DAY + timedelta(days=N_DAYS - 1)
DEFAULT_EMISSION_REGION = "national"

_DATA = Path(__file__).resolve().parent / "data"
_QUARTERS = 96
_PERIOD_MINUTES = (5, 15, 30, 60)
_DYNAMISED = ("H25", "P25", "S25", "H0")


@dataclass(frozen=True, slots=True)
class _Table:
    """A Parquet file below ``data`` and which of its columns; all of them where none is named."""

    path: str
    columns: tuple[str, ...] = ()


def _bdew(new: str, *old: str) -> dict[str, tuple[_Table, ...]]:
    return {"bdew": (_Table("bdew/slp_2025", (new,)),), "bdew_1999": (_Table("bdew/slp_1999", old),)}


def _simbench(group: str) -> dict[str, tuple[_Table, ...]]:
    table = _Table(f"simbench/{group}")
    return {"simbench": (table,), "all": (table,)}


def _simbench_and_synpro(group: str) -> dict[str, tuple[_Table, ...]]:
    simbench, synpro = _Table(f"simbench/{group}"), _Table(f"synpro/{group}")
    return {"simbench": (simbench,), "synpro": (synpro,), "all": (simbench, synpro)}


_SOURCES: Mapping[str, Mapping[str, tuple[_Table, ...]]] = {
    "household": {
        **_simbench_and_synpro("household"),
        **_bdew("H25", "H0"),
        "bdew_pv": (_Table("bdew/slp_2025", ("P25",)),),
        "bdew_pv_storage": (_Table("bdew/slp_2025", ("S25",)),),
    },
    "firm": {**_simbench("firm"), **_bdew("G25", *(f"G{i}" for i in range(7)))},
    "farm": {**_simbench("farm"), **_bdew("L25", "L0", "L1", "L2")},
    "pv": _simbench("pv"),
    "wind": _simbench("wind"),
    "ev": _simbench_and_synpro("ev"),
    "heat_pump": _simbench("heat_pump"),
}


def _freeze(value: Any) -> None:
    """Make the arrays of a dataclass read-only."""
    for field in fields(value):
        content = getattr(value, field.name)
        if isinstance(content, np.ndarray):
            content.flags.writeable = False


@dataclass(frozen=True, slots=True, eq=False)
class Profiles:
    """A year of several profiles, each as shares of its annual energy.

    Attributes
    ----------
    names : tuple of str
        Name of each profile.
    values : ndarray
        Fraction of the annual energy in each period; each profile sums to 1. [1], shape (n, n_days, periods_per_day)
    full_load_hours : ndarray
        Annual energy over rated power; the peak of the 15-minute series stands for the rating where the source
        gives none (households, firms, farms, synPRO cars). [h], shape (n,)
    first_day : date
        First day of the year.
    n_days : int
        Number of days.
    """

    names: tuple[str, ...]
    values: Floats
    full_load_hours: Floats
    first_day: date = FIRST_DAY
    n_days: int = N_DAYS

    def __post_init__(self) -> None:
        _freeze(self)


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """Power plants as cost blocks, cheapest first.

    Attributes
    ----------
    names : tuple of str
        ``<fuel>_<number>``, numbered from the cheapest block of the fuel.
    fuel : tuple of str
        Fuel of each block.
    share : ndarray
        Share of the fleet's capacity; sums to 1. [1], shape (n,)
    cost_per_kwh : ndarray
        Marginal cost, ascending. [CNY/kWh], shape (n,)
    co2_kg_per_kwh : ndarray
        Emission per electric energy. [kg/kWh], shape (n,)
    """

    names: tuple[str, ...]
    fuel: tuple[str, ...]
    share: Floats
    cost_per_kwh: Floats
    co2_kg_per_kwh: Floats

    def __post_init__(self) -> None:
        _freeze(self)


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Plants of one fuel, cheapest first."""

    fuel: str
    mw: Floats
    cost: Floats
    co2: Floats

    def halves(self) -> tuple[_Block, _Block]:
        """Cut where the cumulated capacity is nearest to one half."""
        below = np.cumsum(self.mw)[:-1]
        cut = int(np.abs(below - self.mw.sum() / 2.0).argmin()) + 1
        low, high = slice(None, cut), slice(cut, None)
        return (
            _Block(self.fuel, self.mw[low], self.cost[low], self.co2[low]),
            _Block(self.fuel, self.mw[high], self.cost[high], self.co2[high]),
        )


def check_dates(start: date, days: int) -> None:
    """Refuse a run that leaves the year of the profiles.

    Parameters
    ----------
    start : date
        First day of the run.
    days : int
        Number of days of the run. [d]

    Raises
    ------
    ValueError
        If a day of the run has no profile.
    """
    if days < 1 or not FIRST_DAY <= start <= LAST_DAY - timedelta(days=days - 1):
        raise ValueError(
            f"start {start} and days {days}: profiles serve {FIRST_DAY} to {LAST_DAY} ({N_DAYS} days); "
            "choose days within that year"
        )


def dynamisation(day_of_year: npt.ArrayLike) -> Floats:
    """Return the BDEW factor that turns a static household profile into a dynamic one (model.md A1.1).

    Parameters
    ----------
    day_of_year : array_like
        1 on 1 January. [d], any shape

    Returns
    -------
    ndarray
        Factor of the day, the same shape. [1]

    Examples
    --------
    >>> round(float(dynamisation(180)), 6)
    0.798254
    """
    return np.polynomial.polynomial.polyval(
        np.asarray(day_of_year, dtype=np.float64), [1.24, 2.1e-3, -7.02e-5, 3.2e-7, -3.92e-10]
    ).astype(np.float64)


def load_profiles(group: Group, source: str = "all", period_minutes: int = 15) -> Profiles:
    """Read all profiles of a group from one source.

    Parameters
    ----------
    group : {"household", "firm", "farm", "pv", "wind", "ev", "heat_pump"}
        Kind of member.
    source : str
        ``simbench``; ``synpro`` (households, cars at home); ``all`` (every individual series of these two);
        ``bdew`` and ``bdew_1999`` (standard profiles, which are means over many customers, of households, firms and
        farms); ``bdew_pv`` and ``bdew_pv_storage`` (net withdrawal of households with PV, and with PV and battery).
    period_minutes : int
        Settlement period: 5 (power is held), 15, 30 or 60 (energy is summed). [min]

    Returns
    -------
    Profiles
        Profiles with `periods_per_day` = 1440 / `period_minutes`.

    Raises
    ------
    ValueError
        If the group, the source or the period is unknown; the message lists what is allowed.
    FileNotFoundError
        If the package lacks its data.
    """
    if period_minutes not in _PERIOD_MINUTES:
        raise ValueError(f"period_minutes: given {period_minutes}; allowed {', '.join(map(str, _PERIOD_MINUTES))}")
    tables = resolve(f"{group} source", source, resolve("group", group, _SOURCES))
    names, years, hours = zip(*(profile for table in tables for profile in _read(table)), strict=True)
    values = np.stack(years)
    values /= values.sum(axis=(1, 2), keepdims=True)
    peaks = values.max(axis=(1, 2))
    full_load_hours = [given or 0.25 / peak for given, peak in zip(hours, peaks, strict=True)]
    return Profiles(tuple(names), _to_period(values, period_minutes), np.array(full_load_hours))


def _read(table: _Table) -> list[tuple[str, Floats, float | None]]:
    """Return (name, values of shape (n_days, 96) up to a factor, full-load hours where the source rates it)."""
    import pyarrow.parquet as pq  # 0.6 s, and only a run needs it

    data = pq.read_table(_file(f"{table.path}.parquet"), columns=list(table.columns) or None)
    profiles = []
    for name in data.column_names:
        values = data[name].to_numpy().astype(np.float64).reshape(N_DAYS, _QUARTERS)
        if name in _DYNAMISED:
            values *= dynamisation(np.arange(1, N_DAYS + 1))[:, None]
        rated = (data.schema.field(name).metadata or {}).get(b"full_load_hours")
        profiles.append((name, values, float(rated) if rated else None))
    return profiles


def _to_period(values: Floats, period_minutes: int) -> Floats:
    """Spread or sum quarter-hours of energy, shape (n, days, 96), to settlement periods."""
    if period_minutes == 5:
        return np.repeat(values, 3, axis=2) / 3.0
    sums: Floats = values.reshape(*values.shape[:2], -1, period_minutes // 15).sum(axis=3)
    return sums


def load_fleet(fleet: str = "germany_simbench", costs: str = "china_illustrative", blocks: int = 24) -> Fleet:
    """Read power plants and group them into cost blocks (model.md A5).

    Marginal cost is (fuel price + CO2 factor x CO2 price) / efficiency + variable cost. The tables give a range of
    efficiency for each fuel: a plant takes its place in it by size, so that efficiency is spread evenly over the
    fuel's capacity and the largest plant is the best. Starting from one block a fuel, the largest block is cut near
    its middle until there are `blocks`; a block has the capacity-weighted mean cost and emission of its plants.

    Parameters
    ----------
    fleet : str
        Table of plants: ``germany_simbench``.
    costs : str
        Table of costs: ``china_illustrative`` or ``germany_2016`` (sourced, converted from EUR).
    blocks : int
        Number of blocks, at least one a fuel and at most one a plant. [1]

    Returns
    -------
    Fleet
        Blocks by rising cost in CNY.

    Raises
    ------
    ValueError
        If a name is unknown, `blocks` is out of range, or a cost table misses a number.
    FileNotFoundError
        If the package lacks its data.
    """
    resolve("fleet", fleet, {"germany_simbench": None})
    resolve("cost table", costs, {"china_illustrative": None, "germany_2016": None})
    parts = _one_block_a_fuel(f"plants/{fleet}.csv", f"plants/costs_{costs}.csv")
    plants = sum(len(part.mw) for part in parts)
    if not len(parts) <= blocks <= plants:
        raise ValueError(
            f"blocks: given {blocks}; allowed {len(parts)} (one a fuel) to {plants} (one a plant) with fleet '{fleet}'"
        )
    while len(parts) < blocks:
        largest = max((part for part in parts if len(part.mw) > 1), key=lambda part: part.mw.sum())
        parts.remove(largest)
        parts.extend(largest.halves())
    return _fleet(parts)


@lru_cache(maxsize=16)
def fleet_once(fleet: str, costs: str, blocks: int) -> Fleet:
    """Return :func:`load_fleet`, read once a process: every point of a sweep asks for it."""
    return load_fleet(fleet, costs, blocks)


def _fleet(parts: list[_Block]) -> Fleet:
    means = [(float(np.average(p.cost, weights=p.mw)), float(np.average(p.co2, weights=p.mw)), p) for p in parts]
    means.sort(key=lambda mean: (mean[0], mean[2].fuel))
    fuel = tuple(part.fuel for _, _, part in means)
    total = sum(part.mw.sum() for part in parts)
    return Fleet(
        names=tuple(f"{f}_{fuel[: i + 1].count(f)}" for i, f in enumerate(fuel)),
        fuel=fuel,
        share=np.array([part.mw.sum() / total for _, _, part in means]),
        cost_per_kwh=np.array([cost for cost, _, _ in means]),
        co2_kg_per_kwh=np.array([co2 for _, co2, _ in means]),
    )


def _one_block_a_fuel(plants: str, costs: str) -> list[_Block]:
    sizes: dict[str, list[float]] = {}
    for row in _rows(plants):
        sizes.setdefault(row["fuel"], []).append(float(row["mw"]))
    numbers = {(row["fuel"], row["parameter"]): float(row["value"]) for row in _rows(costs)}

    def number(fuel: str, parameter: str) -> float:
        if (fuel, parameter) not in numbers:
            raise ValueError(f"{costs}: no row with fuel '{fuel}' and parameter '{parameter}'; add it with its source")
        return numbers[fuel, parameter]

    blocks = []
    for fuel, given in sizes.items():
        mw = np.sort(given)[::-1]
        place = 1.0 - (np.cumsum(mw) - mw / 2.0) / mw.sum()  # 0 worst .. 1 best, even over capacity
        low, high = number(fuel, "efficiency_low"), number(fuel, "efficiency_high")
        heat = 1.0 / (low + (high - low) * place)
        co2 = number(fuel, "co2_factor") * heat
        per_mwh = number(fuel, "fuel_price") * heat + co2 * number("all", "co2_price") + number(fuel, "variable_cost")
        blocks.append(_Block(fuel, mw, per_mwh * number("all", "cny_per_unit") / 1000.0, co2))
    return blocks


@cache
def load_emission_factors() -> Mapping[str, float]:
    """Return grid emission factors by region or definition (validation.md O61).

    Returns
    -------
    mapping
        Name to factor; `DEFAULT_EMISSION_REGION` is the national average of China in 2022, 0.5366. [kg/kWh]

    Raises
    ------
    FileNotFoundError
        If the package lacks its data.
    """
    factors = {row["region"]: float(row["kg_per_kwh"]) for row in _rows("plants/emission_factors.csv")}
    return MappingProxyType(factors)


def _rows(path: str) -> list[dict[str, str]]:
    with _file(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _file(path: str) -> Path:
    file = _DATA / path
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing: reinstall gridagora, or rebuild the data with tools/build_data.py")
    return file
