"""Plans for populations: a row a home, batteries, cars and heat pumps by dynamic programming (A1.3, P5).

Each device is planned on top of the others' load, heat pumps first, then cars, then batteries, and again for some
rounds. A plan keeps every limit of A1.3 and costs no more than what happens without control; its cost lies above the
exact optimum of :class:`gridagora.agents.home_planner.HomePlanner` by what `benchmarks/hems.py` measures. Jobs,
cogeneration and demand charges are for single homes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

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
from gridagora.agents.hems_rules import charge_on_arrival, hold_edge, idle
from gridagora.markets.orders import read_only

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
    rounds : int
        Times that each device is planned, at least 1; one is enough for homes with one device.
    block : int
        Members that a thread takes at once; results do not depend on it.

    Raises
    ------
    ValueError
        If shapes do not fit, a number is not finite, or `rounds` or `block` is too low.
    """
    load = check_site(site, load_kwh)
    for name, given in (("rounds", rounds), ("block", block)):
        if given < 1:
            raise ValueError(f"homes: {name} {given}; must be at least 1")
    devices = batteries, cars, buildings
    plan = _controlled(site, load, devices, rounds, block)
    if cars is not None or buildings is not None:
        without = _uncontrolled(site, load, devices, block)
        cheaper = without.cost < plan.cost
        if cheaper.any():
            for column, other in zip(_columns(plan), _columns(without), strict=True):
                column[cheaper] = other[cheaper]
    net = load + plan.battery + plan.vehicle + plan.pump - site.pv_kwh + plan.curtailed
    found = plan.battery, plan.vehicle, plan.pump, plan.curtailed, net, plan.short, plan.cost
    return HomesPlan(*map(read_only, found))


Devices = tuple[StorageColumns | None, CarColumns | None, BuildingColumns | None]


@dataclass(slots=True)
class _Draft:
    """Columns of a plan that is being made, as :class:`HomesPlan` names them."""

    battery: Floats
    vehicle: Floats
    pump: Floats
    curtailed: Floats
    short: Floats
    cost: Floats

    @classmethod
    def like(cls, load: Floats) -> _Draft:
        """Return columns of zeros for loads of shape (n, periods)."""
        a, b, c, d = (np.zeros_like(load) for _ in range(4))
        return cls(a, b, c, d, np.zeros(len(load)), np.zeros(len(load)))


def _columns(draft: _Draft) -> list[Floats]:
    return [getattr(draft, field.name) for field in fields(draft)]


def _controlled(site: Site, load: Floats, devices: Devices, rounds: int, block: int) -> _Draft:
    """Return plans that use the devices."""
    batteries, cars, buildings = devices
    draft, n = _Draft.like(load), len(load)
    own = {name: np.full(n, np.inf) for name in ("battery", "vehicle", "pump")}
    if batteries is not None:
        own["battery"] = idle(batteries, load.shape[1])
    for _ in range(rounds if sum(device is not None for device in devices) > 1 else 1):
        if buildings is not None:
            plan_buildings(site, load + draft.battery + draft.vehicle, buildings, draft.pump, own["pump"], block)
        if cars is not None:
            args = cars.storage, cars.stays, draft.vehicle, own["vehicle"], draft.short
            plan_vehicles(site, load + draft.battery + draft.pump, *args, block)
        if batteries is not None:
            plan_batteries(site, load + draft.vehicle + draft.pump, batteries, draft.battery, own["battery"], block)
    costs = [np.where(np.isfinite(part), part, 0.0) for part in own.values()]
    return _priced(site, load, draft, sum(costs, np.zeros(n)), cars, block)


def _uncontrolled(site: Site, load: Floats, devices: Devices, block: int) -> _Draft:
    """Return what happens without control."""
    batteries, cars, buildings = devices
    draft, n = _Draft.like(load), len(load)
    own, part = np.zeros(n), np.zeros(n)
    if batteries is not None:
        own += idle(batteries, load.shape[1])
    if cars is not None:
        charge_on_arrival(cars.storage, cars.stays, draft.vehicle, part, draft.short, block)
        own += part
    if buildings is not None:
        hold_edge(buildings, draft.pump, part, block)
        own += part
    return _priced(site, load, draft, own, cars, block)


def _priced(site: Site, load: Floats, draft: _Draft, own: Floats, cars: CarColumns | None, block: int) -> _Draft:
    """Fill a draft's curtailment and cost, which is `own` [currency] (n,) and what energy and shortfall cost."""
    settle_rows(site, load + draft.battery + draft.vehicle + draft.pump, draft.curtailed, draft.cost, block)
    draft.cost += own
    if cars is not None:
        draft.cost += cars.shortfall_cost * draft.short
    return draft
