"""Plans of the members that have an energy-management system: made on the eve, block by block (A1.3, P5).

They know the announced prices, or what they expect of real-time prices, the forecast of load and generation, the
weather and their trips. Their batteries end a day with no less than they began it with. Their cars are full at each
departure that leaves time for it; what a car holds at midnight is worth what the night's charging would cost at this
day's prices. Their rooms stay between the set point and a band beyond it. Who is under a service follows its plan on
days on which it is expected to cost less than what devices do by rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.columns import QUANTA_PER_KWH, Members, State, Today
from gridagora.agents.flows import NO_FLOWS, Flows
from gridagora.agents.hems_batch import HomesPlan, plan_homes
from gridagora.agents.hems_columns import CarColumns, battery_columns, building_columns, car_columns, site_columns
from gridagora.agents.managed_rules import by_rule

if TYPE_CHECKING:
    from gridagora.agents.hems_kernels import BuildingColumns, StorageColumns
    from gridagora.agents.owned_devices import OwnedDevices

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: Members whose plans are made together, so that their tables take little memory.
TOGETHER = 4096
#: A connection's limit that no home reaches [kW].
UNLIMITED_KW = 1e6


def managed_members(terms: Any, draw: NDArray[np.float64], owner: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return who follows a plan, by number of the member, shape (n,).

    Parameters
    ----------
    terms : section of the scenario
        With `hems_share`.
    draw : ndarray, shape (n,)
        Uniform draws.
    owner : ndarray of bool, shape (n,)
        Who has a battery, a car or a heat pump.
    """
    chosen: NDArray[np.bool_] = owner & (draw < terms.hems_share)
    return chosen


class Eve(NamedTuple):
    """What a day's plans are made of.

    Parameters
    ----------
    terms : section of the scenario
        The population, with `hems`.
    members, today, state : Members, Today, State
        Columns.
    devices : OwnedDevices
        Cars and heat pumps, with the day's trips and weather.
    load : ndarray, shape (n_codes, periods)
        Forecast load by load code [kWh per annual kWh].
    pv : ndarray, shape (n_pv_profiles, periods)
        Forecast generation by profile [kWh per annual kWh].
    prices : ndarray, shape (n_offers, periods)
        Retail prices of the day, as members know them [currency/kWh].
    feed_in : float
        Price of what is fed in [currency/kWh].
    """

    terms: Any
    members: Members
    today: Today
    state: State
    devices: OwnedDevices
    load: Floats
    pv: Floats
    prices: Floats
    feed_in: float


class Costs(NamedTuple):
    """What a day is expected to cost members, what is stored at its end credited, shape (n,) [currency]."""

    by_plan: Floats
    by_rule: Floats


def plan_flows(rows: Ints, compared: NDArray[np.bool_], eve: Eve) -> Flows:
    """Plan the day of some rows of a population.

    Parameters
    ----------
    rows : ndarray of int64, shape (m,)
        Rows of the members that have a plan, rising.
    compared : ndarray of bool, shape (n,)
        By row, whose plan is followed only where it is expected to cost less than their rules.
    eve : Eve
        What is known.
    """
    if rows.size == 0:
        return NO_FLOWS
    members, devices = eve.members, eve.devices
    shape = rows.size, eve.load.shape[1]
    some = (members.battery_kwh[rows].any(), devices.has_cars, devices.has_pumps)
    tables = [np.zeros(shape if there else (0, 0), np.int64) for there in some]
    slot = np.full(rows[-1] + 1, -1, np.int64)
    slot[rows] = np.arange(rows.size)
    for first in range(0, rows.size, TOGETHER):
        part = rows[first : first + TOGETHER]
        found = plan_block(part, eve)
        for table, planned in zip(tables, (found.battery_kwh, found.vehicle_kwh, found.heat_pump_kwh), strict=True):
            if table.size:
                table[first : first + part.size] = np.rint(planned * QUANTA_PER_KWH)
        if (asked := compared[part]).any():
            costs = expected_costs(part, found, eve)
            slot[part[asked & (costs.by_rule <= costs.by_plan)]] = -1
    return Flows(slot.size, slot, tables[0], tables[1], tables[2], eve.feed_in < 0.0)


def plan_block(rows: Ints, eve: Eve) -> HomesPlan:
    """Plan the day of some rows; parameters as in :func:`plan_flows`."""
    terms, members, devices, prices = eve.terms, eve.members, eve.devices, eve.prices
    expected = members.annual_kwh[rows, None].astype(np.float64) * eve.load[eve.today.load_code[rows]]
    made = members.pv_annual_kwh[rows, None].astype(np.float64) * eve.pv[members.pv_profile[rows]]
    offer, hours = members.offer[rows].astype(np.int64), devices.hours
    sell = np.full_like(prices, eve.feed_in)
    limits = {"import_kw": UNLIMITED_KW, "export_kw": UNLIMITED_KW}
    site = site_columns(prices, sell, len(expected), hours, pv_kwh=made, tariff=offer, **limits)
    return plan_homes(
        site,
        expected,
        batteries=_batteries(rows, terms, members, eve.state, hours),
        cars=_cars(rows, devices, offer, prices) if devices.has_cars else None,
        buildings=_buildings(rows, terms, devices, float(np.abs(prices).max())) if devices.has_pumps else None,
    )


def expected_costs(rows: Ints, plan: HomesPlan, eve: Eve) -> Costs:
    """Return what a day is expected to cost some members by their plan and by their rules.

    What batteries hold at its end is worth the mean price of the day, less the loss of discharging (P5), what cars hold
    what the night's charging would cost, both ways.

    Parameters
    ----------
    rows : ndarray of int64, shape (m,)
        Rows of the members.
    plan : HomesPlan
        Their plans.
    eve : Eve
        What is known.
    """
    terms, members, devices, columns = eve.terms, eve.members, eve.devices, eve.devices.columns
    sign = terms.heat_pump.device.sign if devices.has_pumps else 1
    efficiency, offer = terms.storage_efficiency, members.offer[rows].astype(np.int64)
    ruled = by_rule(
        rows, members, eve.today, eve.state.stored, np.ascontiguousarray(eve.load), np.ascontiguousarray(eve.pv),
        eve.prices, float(eve.feed_in), efficiency, float(sign * terms.hems.comfort_band_k), columns.cars,
        columns.charger, columns.rooms, columns.thermostat,
    )  # fmt: skip
    cost = ruled.energy + terms.hems.wear_cost_per_kwh * ruled.discharged
    if devices.has_cars:
        cost -= _cars(rows, devices, offer, eve.prices).storage.end_value * ruled.held
    if devices.has_pumps:
        cost += _buildings(rows, terms, devices, float(np.abs(eve.prices).max())).comfort_cost * ruled.outside
    moved = np.maximum(plan.battery_kwh, 0.0) * efficiency - np.maximum(-plan.battery_kwh, 0.0) / efficiency
    left = np.where(members.battery_kwh[rows] > 0, eve.state.stored[rows] + moved.sum(axis=1), 0.0)
    worth = efficiency * np.maximum(eve.prices.mean(axis=1), 0.0)[offer]
    return Costs(plan.cost - worth * left, cost - worth * ruled.stored)


def _batteries(rows: Ints, terms: Any, members: Members, state: State, hours: float) -> StorageColumns | None:
    capacity = members.battery_kwh[rows].astype(np.float64)
    if not capacity.any():
        return None
    kilowatts = members.battery_flow[rows] / hours
    stored = np.minimum(state.stored[rows], capacity)
    efficiency = terms.storage_efficiency
    both = {"charge_efficiency": efficiency, "discharge_efficiency": efficiency}
    wear = terms.hems.wear_cost_per_kwh
    return battery_columns(
        len(capacity), hours, capacity, kilowatts, kilowatts, wear_cost=wear, stored_kwh=stored, **both
    )


def _cars(rows: Ints, devices: OwnedDevices, offer: NDArray[np.int64], prices: Floats) -> CarColumns:
    """Return cars that are as full at each departure as their stay allows."""
    charger, periods = devices.columns.charger, devices.periods
    capacity, held, used, leave, back, until = (column[rows].astype(np.float64) for column in devices.columns.cars)
    pace = charger.flow * charger.efficiency
    at_leave = np.where(leave > 0, np.minimum(capacity, held + leave * pace), held)
    at_return = np.where(back > 0, np.maximum(at_leave - used, 0.0), held)
    at_end = np.minimum(capacity, at_return + (until - back) * pace)
    some = capacity > 0
    arrive, depart = np.stack([np.zeros_like(leave), back], axis=1), np.stack([leave, until], axis=1)
    energies = np.stack([at_leave, at_end], axis=1), np.stack([np.zeros_like(leave), at_leave - at_return], axis=1)
    for table in (arrive, depart, *energies):
        table[~some] = 0.0
        table[back == 0, 0] = 0.0
    return car_columns(
        len(capacity),
        devices.hours,
        arrive.astype(np.int64),
        depart.astype(np.int64),
        *(energy / QUANTA_PER_KWH for energy in energies),
        stored_kwh=held / QUANTA_PER_KWH,
        capacity_kwh=capacity / QUANTA_PER_KWH,
        charge_kw=charger.flow / QUANTA_PER_KWH / devices.hours,
        charge_efficiency=charger.efficiency,
        end_value=night_value(prices, offer, until - periods, (capacity - at_return) / pace) / charger.efficiency,
    )


def night_value(prices: Floats, offer: NDArray[np.int64], left: Floats, needed: Floats) -> Floats:
    """Return the price at which the night's charging ends [currency/kWh], shape (n,).

    A car that needs four periods after midnight takes the four cheapest; what it holds at midnight is worth the
    dearest of these, or nothing where prices are negative.

    Parameters
    ----------
    prices : ndarray, shape (n_offers, periods)
        Retail prices, taken to be the next day's too [currency/kWh].
    offer : ndarray of int64, shape (n,)
        Offers.
    left, needed : ndarray, shape (n,)
        Periods from midnight to the departure, and those that charging takes.
    """
    periods = prices.shape[1]
    ordered = np.zeros((len(prices), periods + 1, periods))
    for count in range(1, periods + 1):
        ordered[:, count, :count] = np.sort(prices[:, :count], axis=1)
    end = np.clip(left, 0, periods).astype(np.int64)
    place = np.minimum(np.ceil(needed), np.maximum(end, 1)).astype(np.int64) - 1
    worth: Floats = np.maximum(ordered[offer, end, np.maximum(place, 0)], 0.0)
    return worth


def _buildings(rows: Ints, terms: Any, devices: OwnedDevices, dearest: float) -> BuildingColumns:
    """Return buildings in which a kelvin outside the band costs twice what it ever saves, at the day's end too."""
    rooms, thermostat = devices.columns.rooms, devices.columns.thermostat
    size = rooms.size[rows].astype(np.float64)
    wanted, pump, building = rooms.set_point[rows].astype(np.float64), terms.heat_pump.device, terms.heat_pump.building
    scale = np.where(size > 0, size, 1.0)
    saved = dearest * building.capacity_kwh_per_k / (float(np.abs(thermostat.heat).min()) * devices.hours)
    beyond = wanted + pump.sign * terms.hems.comfort_band_k
    return building_columns(
        len(size),
        devices.hours,
        thermostat.outdoor,
        pump,
        power_kw=size * pump.power_kw,
        loss_kw_per_k=scale * building.loss_kw_per_k,
        capacity_kwh_per_k=scale * building.capacity_kwh_per_k,
        internal_kw=scale * building.internal_kw,
        comfort_cost=2.0 * scale * saved,
        comfort_c=(np.minimum(wanted, beyond), np.maximum(wanted, beyond)),
        indoor_c=rooms.indoor[rows].astype(np.float64),
    )


def bytes_per_managed(terms: Any, periods: int) -> int:
    """Return what the plan of a managed member takes [bytes].

    Parameters
    ----------
    terms : section of the scenario
        The population.
    periods : int
        Settlement periods of a day.
    """
    tables = (terms.storage_share > 0) + (terms.ev_share > 0) + (terms.heat_pump_share > 0)
    return int(8 * periods * tables)
