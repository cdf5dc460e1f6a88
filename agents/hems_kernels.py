"""The loops over members that plan their batteries, cars and buildings, each on top of the others' load.

Rows do not see one another, so results depend neither on the block size nor on the number of threads. A new plan
takes the place of the old one only where it costs less.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange
from numpy.typing import NDArray

from gridagora.agents.storage_flat import one_price, plan_flat
from gridagora.agents.storage_program import bound_states, curtail, plan_row, rooms, row_cost
from gridagora.sim.compiled import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Site(NamedTuple):
    """What a row's energy costs: columns of members, and prices by tariff.

    Attributes
    ----------
    pv_kwh : ndarray, shape (n, periods)
        Generation before curtailment. [kWh]
    tariff : ndarray of int64, shape (n,)
        Row of the prices.
    buy, sell : ndarray, shape (tariffs, periods)
        [currency/kWh]
    import_kwh, export_kwh : ndarray, shape (n,)
        Limits of a period. [kWh]
    """

    pv_kwh: Floats
    tariff: Ints
    buy: Floats
    sell: Floats
    import_kwh: Floats
    export_kwh: Floats


class StorageColumns(NamedTuple):
    """Batteries or cars; columns of shape (n,), energies of a period at the connection [kWh].

    Attributes
    ----------
    capacity_kwh, charge_kwh, discharge_kwh, charge_efficiency, discharge_efficiency, keep, wear_cost, stored_kwh
        As in :class:`gridagora.agents.devices.Battery`; `keep` is the share left after a period.
    end_kwh, end_value : ndarray, shape (n,)
        Least at the end [kWh], and worth of what is left [currency/kWh].
    """

    capacity_kwh: Floats
    charge_kwh: Floats
    discharge_kwh: Floats
    charge_efficiency: Floats
    discharge_efficiency: Floats
    keep: Floats
    wear_cost: Floats
    stored_kwh: Floats
    end_kwh: Floats
    end_value: Floats


class StayColumns(NamedTuple):
    """Stays of cars at home, shape (n, stays), in order of time; arrive = depart = 0 for none.

    Attributes
    ----------
    arrive, depart : ndarray of int64
        Settlement periods.
    required_kwh, used_kwh : ndarray
        As in :class:`gridagora.agents.vehicle_trips.Stay`. [kWh]
    """

    arrive: Ints
    depart: Ints
    required_kwh: Floats
    used_kwh: Floats


class BuildingColumns(NamedTuple):
    """Buildings with a heat pump; columns of shape (n,), temperatures times the sign of the heat pump.

    Attributes
    ----------
    power_kwh : ndarray, shape (n,)
        Most electricity of a period. [kWh]
    keep : ndarray, shape (n,)
        Share of the difference to outside that is left after a period. [1]
    capacity_kwh_per_k, internal_kwh : ndarray, shape (n,)
        Heat capacity [kWh/K] and internal heat of a period, negative for cooling [kWh].
    band_low, band_high, indoor : ndarray, shape (n,)
        Comfort band and temperature before the first period. [degC]
    comfort_cost : ndarray, shape (n,)
        Cost of a kelvin outside the band for a period. [currency/K]
    outdoor, cop : ndarray, shape (periods,)
        Outdoor temperature [degC] and coefficient of performance [1].
    """

    power_kwh: Floats
    keep: Floats
    capacity_kwh_per_k: Floats
    internal_kwh: Floats
    band_low: Floats
    band_high: Floats
    indoor: Floats
    comfort_cost: Floats
    outdoor: Floats
    cop: Floats


@kernel(parallel=True)
def plan_batteries(site: Site, load: Floats, device: StorageColumns, flow: Floats, own: Floats, block: int) -> None:
    """Plan batteries; `flow` [kWh] (n, periods) and `own` cost [currency] (n,) are improved in place.

    Parameters
    ----------
    site : Site
        Prices, generation and limits.
    load : ndarray, shape (n, periods)
        Load of everything else. [kWh]
    device : StorageColumns
        Batteries.
    flow : ndarray, shape (n, periods)
        Energy drawn, negative where given back; the old plan, and the new one where it costs less. [kWh]
    own : ndarray, shape (n,)
        Wear less the worth of what is left, infinite before the first plan. [currency]
    block : int
        Members a block.
    """
    n, periods = load.shape
    pv, tariff, buys, sells, most_import, most_export = site
    flat = one_price(buys, sells)
    for b in prange((n + block - 1) // block):
        places, values, changes, costs, counts = rooms(periods)
        new = np.empty(periods)
        gain, shift, most_in, most_out = np.empty(periods), np.zeros(periods), np.empty(periods), np.empty(periods)
        floor, ceiling = np.zeros(periods + 1), np.empty(periods + 1)
        low, high = np.empty(periods + 1), np.empty(periods + 1)
        for i in range(b * block, min(n, (b + 1) * block)):
            if device.capacity_kwh[i] <= 0.0:
                continue
            buy, sell, limits = buys[tariff[i]], sells[tariff[i]], (most_import[i], most_export[i])
            loss = 1.0 / device.discharge_efficiency[i]
            start, keep = device.stored_kwh[i], device.keep[i]
            if (
                flat[tariff[i]] and keep == 1.0 and device.end_kwh[i] == start and device.end_value[i] == 0.0
                and (load[i] - pv[i]).min() >= -limits[1]
            ):  # fmt: skip
                new_own = plan_flat(
                    start, device.capacity_kwh[i], device.charge_kwh[i], device.discharge_kwh[i],
                    device.charge_efficiency[i], loss, device.wear_cost[i], buy[0], sell[0], load[i], pv[i], low, high,
                    new,
                )  # fmt: skip
            else:
                gain[:] = device.charge_efficiency[i]
                most_in[:] = device.charge_kwh[i]
                most_out[:] = device.discharge_kwh[i]
                ceiling[:] = device.capacity_kwh[i]
                floor[periods] = device.end_kwh[i]
                bound_states(start, keep, gain, shift, most_in, loss, most_out, floor, ceiling, low, high)
                new_own = plan_row(
                    start, keep, gain, shift, most_in, loss, most_out, low, high, load[i], pv[i], buy, sell, limits[0],
                    limits[1], device.wear_cost[i], 0.0, np.inf, 0.0, device.end_value[i], places, values, changes,
                    costs, counts, new,
                )  # fmt: skip
            before = own[i] + row_cost(load[i], flow[i], pv[i], buy, sell, limits[0], limits[1])
            if new_own + row_cost(load[i], new, pv[i], buy, sell, limits[0], limits[1]) < before:
                own[i] = new_own
                flow[i] = new


@kernel(inline=True)
def lay_out_stays(
    stays: StayColumns,
    i: int,
    start: float,
    charge: float,
    discharge: float,
    gain: float,
    capacity: float,
    most_in: Floats,
    most_out: Floats,
    shift: Floats,
    floor: Floats,
) -> float:
    """Fill a car's limits, use and floors by period, and return what it must charge on its way [kWh]."""
    periods = len(most_in)
    most_in[:] = 0.0
    most_out[:] = 0.0
    shift[:] = 0.0
    floor[:] = 0.0
    for s in range(stays.arrive.shape[1]):
        arrive, depart = stays.arrive[i, s], stays.depart[i, s]
        if depart <= arrive:
            continue
        for t in range(arrive, min(depart, periods)):
            most_in[t] = charge
            most_out[t] = discharge
        if arrive > 0:
            shift[arrive - 1] -= stays.used_kwh[i, s]
        later = max(depart - periods, 0) * charge * gain
        floor[min(depart, periods)] = max(stays.required_kwh[i, s] - later, 0.0)
    short, most = 0.0, start
    for t in range(periods + 1):
        missing = max(floor[t] - most, 0.0)
        short += missing
        floor[t] -= missing
        if t < periods:
            shift[t] += missing
            most = min(capacity, most + gain * most_in[t] + shift[t])
    return short


@kernel(parallel=True)
def plan_vehicles(
    site: Site,
    load: Floats,
    device: StorageColumns,
    stays: StayColumns,
    flow: Floats,
    own: Floats,
    short: Floats,
    block: int,
) -> None:
    """Plan cars; `flow`, `own` and `short` are written.

    Parameters
    ----------
    site, load, flow, own, block
        As in :func:`plan_batteries`; the shortfall's cost is not in `own`.
    device : StorageColumns
        Cars; `keep` and `end_kwh` are not used.
    stays : StayColumns
        When they are at home.
    short : ndarray, shape (n,)
        What misses at departures. [kWh]
    """
    n, periods = load.shape
    pv, tariff, buys, sells, most_import, most_export = site
    for b in prange((n + block - 1) // block):
        places, values, changes, costs, counts = rooms(periods)
        new = np.empty(periods)
        gain, shift, most_in, most_out = np.empty(periods), np.zeros(periods), np.empty(periods), np.empty(periods)
        floor, ceiling = np.zeros(periods + 1), np.empty(periods + 1)
        low, high = np.empty(periods + 1), np.empty(periods + 1)
        for i in range(b * block, min(n, (b + 1) * block)):
            capacity, start = device.capacity_kwh[i], device.stored_kwh[i]
            if capacity <= 0.0:
                continue
            gain[:] = device.charge_efficiency[i]
            ceiling[:] = capacity
            charge, discharge = device.charge_kwh[i], device.discharge_kwh[i]
            short[i] = lay_out_stays(
                stays, i, start, charge, discharge, gain[0], capacity, most_in, most_out, shift, floor
            )
            loss = 1.0 / device.discharge_efficiency[i]
            bound_states(start, 1.0, gain, shift, most_in, loss, most_out, floor, ceiling, low, high)
            buy, sell = buys[tariff[i]], sells[tariff[i]]
            new_own = plan_row(
                start, 1.0, gain, shift, most_in, loss, most_out, low, high, load[i], pv[i], buy, sell,
                most_import[i], most_export[i], device.wear_cost[i], 0.0, np.inf, 0.0, device.end_value[i],
                places, values, changes, costs, counts, new,
            )  # fmt: skip
            limits = most_import[i], most_export[i]
            before = own[i] + row_cost(load[i], flow[i], pv[i], buy, sell, limits[0], limits[1])
            if new_own + row_cost(load[i], new, pv[i], buy, sell, limits[0], limits[1]) < before:
                own[i] = new_own
                flow[i] = new


@kernel(inline=True)
def bound_band(
    start: float,
    keep: float,
    gain: Floats,
    shift: Floats,
    most_in: Floats,
    buy: Floats,
    sell: Floats,
    band_low: float,
    band_high: float,
    outside_cost: float,
    floor: Floats,
    ceiling: Floats,
) -> None:
    """Fill the temperatures between which the best plan lies.

    To be d kelvin too cold takes at least d / r periods of cooling at a rate r, so it costs at least half of
    outside_cost d^2 / r; it saves at most the heat of d kelvin at the highest price. That bounds d. Above the band
    only energy that is paid for being taken leads.
    """
    periods = len(gain)
    price, rate, weakest = 0.0, 0.0, np.inf
    for t in range(periods):
        price = max(price, abs(buy[t]), abs(sell[t]))
        rate = max(rate, (1.0 - keep) * band_low - shift[t])
        weakest = min(weakest, gain[t])
    deep = min(2.0 * rate * price / (weakest * outside_cost), 1e6) if outside_cost > 0.0 else 1e6
    most, hot = start, band_high
    floor[0] = ceiling[0] = start
    for t in range(periods):
        most = keep * most + shift[t] + gain[t] * most_in[t]
        floor[t + 1] = min(band_low, most) - deep
        hot += gain[t] * most_in[t] if buy[t] < 0.0 else 0.0
        ceiling[t + 1] = hot


@kernel(parallel=True)
def plan_buildings(site: Site, load: Floats, device: BuildingColumns, flow: Floats, own: Floats, block: int) -> None:
    """Plan heat pumps; `flow` and `own`, the cost of discomfort, are improved in place.

    Parameters
    ----------
    site, load, flow, own, block
        As in :func:`plan_batteries`.
    device : BuildingColumns
        Buildings.
    """
    n, periods = load.shape
    pv, tariff, buys, sells, most_import, most_export = site
    for b in prange((n + block - 1) // block):
        places, values, changes, costs, counts = rooms(periods)
        new = np.empty(periods)
        gain, shift, most_in, most_out = np.empty(periods), np.zeros(periods), np.empty(periods), np.zeros(periods)
        floor, ceiling = np.empty(periods + 1), np.empty(periods + 1)
        low, high = np.empty(periods + 1), np.empty(periods + 1)
        for i in range(b * block, min(n, (b + 1) * block)):
            if device.power_kwh[i] <= 0.0:
                continue
            keep, held, start = device.keep[i], device.capacity_kwh_per_k[i], device.indoor[i]
            gain[:] = device.cop / held
            shift[:] = (1.0 - keep) * device.outdoor + device.internal_kwh[i] / held
            most_in[:] = device.power_kwh[i]
            buy, sell = buys[tariff[i]], sells[tariff[i]]
            bound_band(
                start, keep, gain, shift, most_in, buy, sell, device.band_low[i], device.band_high[i],
                device.comfort_cost[i], floor, ceiling,
            )  # fmt: skip
            bound_states(start, keep, gain, shift, most_in, 1.0, most_out, floor, ceiling, low, high)
            new_own = plan_row(
                start, keep, gain, shift, most_in, 1.0, most_out, low, high, load[i], pv[i], buy, sell,
                most_import[i], most_export[i], 0.0, device.band_low[i], device.band_high[i], device.comfort_cost[i],
                0.0, places, values, changes, costs, counts, new,
            )  # fmt: skip
            limits = most_import[i], most_export[i]
            before = own[i] + row_cost(load[i], flow[i], pv[i], buy, sell, limits[0], limits[1])
            if new_own + row_cost(load[i], new, pv[i], buy, sell, limits[0], limits[1]) < before:
                own[i] = new_own
                flow[i] = new


@kernel(parallel=True)
def settle_rows(site: Site, load: Floats, curtailed: Floats, cost: Floats, block: int) -> None:
    """Write the curtailment of least cost [kWh] (n, periods) and what energy costs [currency] (n,) for a total load."""
    n, periods = load.shape
    pv, tariff, buys, sells, most_import, most_export = site
    for b in prange((n + block - 1) // block):
        none = np.zeros(periods)
        for i in range(b * block, min(n, (b + 1) * block)):
            buy, sell = buys[tariff[i]], sells[tariff[i]]
            for t in range(periods):
                curtailed[i, t] = curtail(
                    load[i, t] - pv[i, t], pv[i, t], buy[t], sell[t], most_import[i], most_export[i]
                )
            cost[i] = row_cost(load[i], none, pv[i], buy, sell, most_import[i], most_export[i])
