"""Plans for populations: a row a home, batteries, cars and heat pumps by dynamic programming (A1.3, P5).

Each device is planned on top of the others' load, heat pumps first, then cars, then batteries, and again for some
rounds. A plan keeps every limit of A1.3; its cost lies above the exact optimum of
:class:`gridagora.agents.home_planner.HomePlanner` by what `benchmarks/hems.py` measures. Jobs, cogeneration and
demand charges are for single homes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gridagora.agents.devices import Floats
from gridagora.agents.hems_columns import CarColumns, check_site
from gridagora.agents.hems_kernels import (
    BuildingColumns,
    Site,
    StorageColumns,
    plan_batteries,
    plan_buildings,
    plan_vehicles,
    settle_rows,
)
from gridagora.markets.orders import read_only

POINTS = 25
ROUNDS = 2
BLOCK = 128


@dataclass(frozen=True, slots=True, eq=False)
class HomesPlan:
    """Schedules and costs of a population.

    Attributes
    ----------
    battery_kwh, vehicle_kwh, heat_pump_kwh : ndarray, shape (n, periods)
        Energy drawn at the connection, negative where given back. [kWh]
    curtailed_kwh : ndarray, shape (n, periods)
        Generation not used. [kWh]
    net_kwh : ndarray, shape (n, periods)
        Energy taken from the grid, negative where fed in. [kWh]
    shortfall_kwh : ndarray, shape (n,)
        What cars miss at their departures. [kWh]
    cost : ndarray, shape (n,)
        As the total of :class:`gridagora.agents.home_plan.HomeCost`. [currency]
    """

    battery_kwh: Floats
    vehicle_kwh: Floats
    heat_pump_kwh: Floats
    curtailed_kwh: Floats
    net_kwh: Floats
    shortfall_kwh: Floats
    cost: Floats


def plan_homes(
    site: Site,
    load_kwh: ArrayLike,
    *,
    batteries: StorageColumns | None = None,
    cars: CarColumns | None = None,
    buildings: BuildingColumns | None = None,
    points: int = POINTS,
    rounds: int = ROUNDS,
    block: int = BLOCK,
) -> HomesPlan:
    """Plan every home of a population.

    Parameters
    ----------
    site : Site
        Prices, generation and limits, from :func:`gridagora.agents.hems_columns.site_columns`.
    load_kwh : array_like, shape (n, periods)
        Load that is not planned. [kWh]
    batteries, cars, buildings : optional
        Devices, from the functions of :mod:`gridagora.agents.hems_columns`; a home without one has capacity or
        power 0.
    points : int
        Points at which the value of what is stored is known, at least 2.
    rounds : int
        Times that each device is planned, at least 1; one is enough for homes with one device.
    block : int
        Members that a thread takes at once; results do not depend on it.

    Raises
    ------
    ValueError
        If shapes do not fit, a number is not finite, or `points`, `rounds` or `block` is too low.
    """
    load = check_site(site, load_kwh)
    for name, given, least in (("points", points, 2), ("rounds", rounds, 1), ("block", block, 1)):
        if given < least:
            raise ValueError(f"homes: {name} {given}; must be at least {least}")
    n = len(load)
    battery, vehicle, pump = np.zeros_like(load), np.zeros_like(load), np.zeros_like(load)
    own, short = {name: np.full(n, np.inf) for name in ("battery", "vehicle", "pump")}, np.zeros(n)
    devices = [device for device in (batteries, cars, buildings) if device is not None]
    for _ in range(rounds if len(devices) > 1 else 1):
        if buildings is not None:
            plan_buildings(site, load + battery + vehicle, buildings, points, pump, own["pump"], block)
        if cars is not None:
            args = cars.storage, cars.stays, points, vehicle, own["vehicle"], short
            plan_vehicles(site, load + battery + pump, *args, block)
        if batteries is not None:
            plan_batteries(site, load + vehicle + pump, batteries, points, battery, own["battery"], block)
    total, curtailed, cost = load + battery + vehicle + pump, np.empty_like(load), np.empty(n)
    settle_rows(site, total, curtailed, cost, block)
    for part in own.values():
        cost += np.where(np.isfinite(part), part, 0.0)
    if cars is not None:
        cost += cars.shortfall_cost * short
    net = total - site.pv_kwh + curtailed
    return HomesPlan(*map(read_only, (battery, vehicle, pump, curtailed, net, short, cost)))
