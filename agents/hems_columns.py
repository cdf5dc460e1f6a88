"""Columns of a population's devices and prices, checked, for :func:`gridagora.agents.hems_batch.plan_homes`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gridagora.agents.devices import Floats, HeatPump
from gridagora.agents.hems_kernels import BuildingColumns, Ints, Site, StayColumns, StorageColumns


@dataclass(frozen=True, slots=True, eq=False)
class CarColumns:
    """Cars of a population.

    Attributes
    ----------
    storage : StorageColumns
        Their batteries.
    stays : StayColumns
        When they are at home.
    shortfall_cost : float
        What each kWh missing at departure costs. [currency/kWh]
    """

    storage: StorageColumns
    stays: StayColumns
    shortfall_cost: float


def _column(
    name: str, given: ArrayLike, n: int, least: float = 0.0, most: ArrayLike = np.inf, *, above: bool = False
) -> Floats:
    """Return a column of n finite numbers within a range; a single number serves all."""
    column = np.array(np.broadcast_to(np.asarray(given, dtype=np.float64), (n,)))
    allowed = np.broadcast_to(np.asarray(most, dtype=np.float64), (n,))
    bad = ~(np.isfinite(column) & ((column > least) if above else (column >= least)) & (column <= allowed))
    if bad.any():
        at = int(np.argmax(bad))
        limit = f"and at most {allowed[at]:g}" if allowed[at] < np.inf else "and finite"
        raise ValueError(
            f"homes: {name} {column[at]} of member {at}; must be {'above' if above else 'at least'} {least:g} {limit}"
        )
    return column


def site_columns(
    buy: ArrayLike,
    sell: ArrayLike,
    n: int,
    hours: float,
    *,
    pv_kwh: ArrayLike = 0.0,
    tariff: ArrayLike = 0,
    import_kw: ArrayLike = 44.0,
    export_kw: ArrayLike = 44.0,
) -> Site:
    """Return prices, generation and limits of a population.

    Parameters
    ----------
    buy, sell : array_like, shape (periods,) or (tariffs, periods)
        [currency/kWh]
    n : int
        Members.
    hours : float
        Length of a settlement period. [h]
    pv_kwh : array_like, broadcast to (n, periods)
        Generation before curtailment. [kWh]
    tariff : array_like of int, broadcast to (n,)
        Row of the prices.
    import_kw, export_kw : array_like, broadcast to (n,)
        Limits of the connections. [kW] (ill)

    Raises
    ------
    ValueError
        If shapes do not fit or a number is not finite or out of its range.
    """
    prices = [np.ascontiguousarray(np.atleast_2d(np.asarray(given, dtype=np.float64))) for given in (buy, sell)]
    if prices[0].shape != prices[1].shape or prices[0].ndim != 2:
        raise ValueError(f"homes: buy of shape {prices[0].shape}, sell of shape {prices[1].shape}; must be alike")
    for name, table in zip(("buy", "sell"), prices, strict=True):
        if not np.isfinite(table).all():
            row, at = np.argwhere(~np.isfinite(table))[0]
            raise ValueError(f"homes: {name} {table[row, at]} of tariff {row} in period {at}; must be finite")
    rows = np.array(np.broadcast_to(np.asarray(tariff, dtype=np.int64), (n,)))
    if np.any((rows < 0) | (rows >= len(prices[0]))):
        at = int(np.argmax((rows < 0) | (rows >= len(prices[0]))))
        raise ValueError(f"homes: tariff {rows[at]} of member {at}; must be 0 to {len(prices[0]) - 1}")
    pv = _table("pv_kwh", np.broadcast_to(np.asarray(pv_kwh, dtype=np.float64), (n, prices[0].shape[1])))
    limits = [_column(name, kw, n) * hours for name, kw in (("import_kw", import_kw), ("export_kw", export_kw))]
    return Site(pv, rows, *prices, *limits)


def _table(name: str, given: ArrayLike) -> Floats:
    table = np.ascontiguousarray(np.asarray(given, dtype=np.float64))
    bad = ~(np.isfinite(table) & (table >= 0.0))
    if bad.any():
        row, at = np.argwhere(bad)[0]
        raise ValueError(
            f"homes: {name} {table[row, at]} of member {row} in period {at}; must be at least 0 and finite"
        )
    return table


def check_site(site: Site, load_kwh: ArrayLike) -> Floats:
    """Return loads as a table of the site's shape, or raise ValueError."""
    if np.shape(load_kwh) != site.pv_kwh.shape:
        raise ValueError(f"homes: load_kwh of shape {np.shape(load_kwh)}; must be {site.pv_kwh.shape}")
    load = _table("load_kwh", load_kwh)
    excess = (load - site.pv_kwh).max(axis=1) - site.import_kwh
    if np.any(excess > 0.0):
        at = int(np.argmax(excess))
        raise ValueError(
            f"homes: load less generation of member {at} passes its import limit {site.import_kwh[at]} kWh a period "
            f"by {excess[at]}; raise import_kw"
        )
    return load


def battery_columns(
    n: int,
    hours: float,
    capacity_kwh: ArrayLike,
    charge_kw: ArrayLike,
    discharge_kw: ArrayLike,
    *,
    charge_efficiency: ArrayLike = 0.95,
    discharge_efficiency: ArrayLike = 0.95,
    loss_per_hour: ArrayLike = 0.0,
    wear_cost: ArrayLike = 0.05,
    stored_kwh: ArrayLike = 0.0,
    end_kwh: ArrayLike | None = None,
    end_value: ArrayLike = 0.0,
) -> StorageColumns:
    """Return the batteries of a population; each number is one for all or a column of shape (n,).

    Parameters
    ----------
    n : int
        Members.
    hours : float
        Length of a settlement period. [h]
    capacity_kwh, charge_kw, discharge_kw, charge_efficiency, discharge_efficiency, loss_per_hour, wear_cost
        As in :class:`gridagora.agents.devices.Battery`; a capacity of 0 is no battery.
    stored_kwh : array_like
        What they hold before the first period. [kWh]
    end_kwh : array_like, optional
        Least at the end; what they hold at the start by default. [kWh]
    end_value : array_like
        Worth of what is left at the end. [currency/kWh]

    Raises
    ------
    ValueError
        If a number is not finite or out of its range, or a battery loses more than it can be charged with.
    """
    capacity = _column("capacity_kwh", capacity_kwh, n)
    charge = _column("charge_kw", charge_kw, n)
    gain = _column("charge_efficiency", charge_efficiency, n, most=1.0, above=True)
    loss = _column("loss_per_hour", loss_per_hour, n, most=0.5)
    stored = _column("stored_kwh", stored_kwh, n, most=capacity)
    _column("loss_per_hour * capacity_kwh", loss * capacity, n, most=gain * charge)
    return StorageColumns(
        capacity,
        charge * hours,
        _column("discharge_kw", discharge_kw, n) * hours,
        gain,
        _column("discharge_efficiency", discharge_efficiency, n, most=1.0, above=True),
        1.0 - loss * hours,
        _column("wear_cost", wear_cost, n),
        stored,
        stored if end_kwh is None else _column("end_kwh", end_kwh, n, most=capacity),
        _column("end_value", end_value, n),
    )


def car_columns(
    n: int,
    hours: float,
    arrive: ArrayLike,
    depart: ArrayLike,
    required_kwh: ArrayLike,
    used_kwh: ArrayLike,
    *,
    stored_kwh: ArrayLike,
    capacity_kwh: ArrayLike = 60.0,
    charge_kw: ArrayLike = 7.0,
    discharge_kw: ArrayLike = 0.0,
    charge_efficiency: ArrayLike = 0.95,
    discharge_efficiency: ArrayLike = 0.95,
    wear_cost: ArrayLike = 0.05,
    shortfall_cost: float = 10.0,
    end_value: ArrayLike = 0.0,
) -> CarColumns:
    """Return the cars of a population; numbers of the car are one for all or a column of shape (n,).

    Parameters
    ----------
    n : int
        Members.
    hours : float
        Length of a settlement period. [h]
    arrive, depart : array_like of int, shape (n, stays)
        Stays at home in order of time, as in :class:`gridagora.agents.vehicle_trips.Stay`; both 0 for none.
    required_kwh, used_kwh : array_like, shape (n, stays)
        As in :class:`gridagora.agents.vehicle_trips.Stay`. [kWh]
    stored_kwh : array_like
        What they hold before the first period. [kWh]
    capacity_kwh, charge_kw, discharge_kw, charge_efficiency, discharge_efficiency, wear_cost, shortfall_cost
        As in :class:`gridagora.agents.devices.Vehicle`; a capacity of 0 is no car.
    end_value : array_like
        Worth of what is left at the end. [currency/kWh]

    Raises
    ------
    ValueError
        If shapes do not fit, a number is not finite or out of its range, a car departs before it arrives or before
        the stay before has ended, or a trip takes more than the car had to hold for it.
    """
    capacity = _column("capacity_kwh", capacity_kwh, n)
    stored = _column("stored_kwh", stored_kwh, n, most=capacity)
    times: list[Ints] = [np.ascontiguousarray(np.asarray(given, dtype=np.int64)) for given in (arrive, depart)]
    energies = [
        _table(name, given) for name, given in (("required_kwh", required_kwh), ("used_kwh", used_kwh))
    ]  # fmt: skip
    shape = times[0].shape
    if len(shape) != 2 or shape[0] != n or any(column.shape != shape for column in (*times, *energies)):
        shapes = ", ".join(str(column.shape) for column in (*times, *energies))
        raise ValueError(f"homes: arrive, depart, required_kwh, used_kwh of shapes {shapes}; must all be ({n}, stays)")
    stays = StayColumns(times[0], times[1], energies[0], energies[1])
    _refuse_stays(stays, capacity, stored)
    storage = StorageColumns(
        capacity,
        _column("charge_kw", charge_kw, n) * hours,
        _column("discharge_kw", discharge_kw, n) * hours,
        _column("charge_efficiency", charge_efficiency, n, most=1.0, above=True),
        _column("discharge_efficiency", discharge_efficiency, n, most=1.0, above=True),
        np.ones(n),
        _column("wear_cost", wear_cost, n),
        stored,
        np.zeros(n),
        _column("end_value", end_value, n),
    )
    return CarColumns(storage, stays, float(_column("shortfall_cost", shortfall_cost, 1)[0]))


def _refuse_stays(stays: StayColumns, capacity: Floats, stored: Floats) -> None:
    """Raise ValueError at the first stay that cannot be."""
    free, held = np.zeros(len(capacity), np.int64), stored
    for s in range(stays.arrive.shape[1]):
        arrive, depart, required, used = (column[:, s] for column in stays)
        some = (arrive != 0) | (depart != 0)
        late = some & ((depart <= arrive) | (arrive < free))
        if late.any():
            at = int(np.argmax(late))
            raise ValueError(
                f"homes: stay {s} of member {at}: arrive {arrive[at]}, depart {depart[at]}; must arrive at {free[at]} "
                "or later and depart after that"
            )
        greedy = some & ((required > capacity) | ((arrive > 0) & (used > held + 1e-9)))
        if greedy.any():
            at = int(np.argmax(greedy))
            raise ValueError(
                f"homes: stay {s} of member {at}: required_kwh {required[at]}, used_kwh {used[at]}; must be at most "
                f"{capacity[at]} and {held[at]}, what the car holds and had to hold"
            )
        free, held = np.where(some, depart + 1, free), np.where(some, required, held)


def building_columns(
    n: int,
    hours: float,
    outdoor_c: ArrayLike,
    pump: HeatPump,
    *,
    power_kw: ArrayLike | None = None,
    loss_kw_per_k: ArrayLike = 0.15,
    capacity_kwh_per_k: ArrayLike = 5.0,
    internal_kw: ArrayLike = 0.0,
    comfort_cost: ArrayLike = 0.5,
    comfort_c: tuple[ArrayLike, ArrayLike] = (20.0, 22.0),
    indoor_c: ArrayLike = 21.0,
) -> BuildingColumns:
    """Return the buildings of a population under one weather; numbers are one for all or columns of shape (n,).

    Parameters
    ----------
    n : int
        Members.
    hours : float
        Length of a settlement period. [h]
    outdoor_c : array_like, shape (periods,)
        Outdoor temperature. [degC]
    pump : HeatPump
        Its mode and coefficient of performance.
    power_kw : array_like, optional
        Most electric power, that of `pump` by default; 0 is no heat pump. [kW]
    loss_kw_per_k, capacity_kwh_per_k, internal_kw, comfort_cost
        As in :class:`gridagora.agents.devices.Building`.
    comfort_c : pair of array_like
        Comfort band. [degC]
    indoor_c : array_like
        Temperature before the first period. [degC]

    Raises
    ------
    ValueError
        If a number is not finite or out of its range.
    """
    outdoor = np.asarray(outdoor_c, dtype=np.float64)
    if not np.isfinite(outdoor).all():
        at = int(np.argmin(np.isfinite(outdoor)))
        raise ValueError(f"homes: outdoor_c {outdoor[at]} in period {at}; must be finite")
    held = _column("capacity_kwh_per_k", capacity_kwh_per_k, n, above=True)
    lost = _column("loss_kw_per_k", loss_kw_per_k, n, most=held * 0.999)
    low = _column("comfort_c[0]", comfort_c[0], n, least=-60.0)
    high = _column("comfort_c[1]", comfort_c[1], n, least=-60.0)
    _column("comfort_c[1] - comfort_c[0]", high - low, n)
    sign = pump.sign
    return BuildingColumns(
        _column("power_kw", pump.power_kw if power_kw is None else power_kw, n) * hours,
        1.0 - lost * hours / held,
        held,
        sign * _column("internal_kw", internal_kw, n) * hours,
        low if sign > 0 else -high,
        high if sign > 0 else -low,
        sign * _column("indoor_c", indoor_c, n, least=-60.0),
        _column("comfort_cost", comfort_cost, n) * hours,
        sign * outdoor,
        pump.cop(outdoor),
    )
