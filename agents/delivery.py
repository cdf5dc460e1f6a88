"""The loop over members after the gate that opens what is realised.

As in :mod:`gridagora.agents.kernels`, blocks are fixed and energies are integers of 1e-6 kWh.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from gridagora.agents.columns import (
    CHARGE,
    CHUNK,
    DELIVER_TOTALS,
    DISCHARGE,
    HEAT_PUMP,
    INJECTION,
    LOAD,
    PV,
    VEHICLE,
    WITHDRAWAL,
    Members,
    State,
    Today,
)
from gridagora.agents.flows import Flows, managed_part, without_plan
from gridagora.agents.kernels import any_of_sign, store
from gridagora.agents.managed_kernels import deliver_flows
from gridagora.agents.thermal_kernels import Rooms, Thermostat, condition
from gridagora.agents.vehicle_kernels import Cars, Charger, charge
from gridagora.sim.compiled import kernel


@kernel(inline=True)
def _use(
    net: NDArray[Any],
    annual_kwh: NDArray[np.float32],
    code: NDArray[Any],
    load: NDArray[np.float64],
    row: NDArray[np.uint16],
    noise: NDArray[np.float64],
) -> int:
    """Set the meters of some members to their load and return its sum [1e-6 kWh]."""
    for i in range(net.size):
        net[i] = int(np.rint(annual_kwh[i] * load[code[i]] * noise[row[i]] * 1e6))
    return int(net.sum())


@kernel(inline=True)
def _generate(
    net: NDArray[Any],
    annual_kwh: NDArray[np.float32],
    profile: NDArray[np.uint8],
    pv: NDArray[np.float64],
    row: NDArray[np.uint16],
    noise: NDArray[np.float64],
) -> int:
    """Subtract the generation of some members from their meters and return its sum [1e-6 kWh]."""
    made = 0
    for i in range(net.size):
        generated = int(np.rint(annual_kwh[i] * pv[profile[i]] * noise[row[i]] * 1e6))
        made += generated
        net[i] -= generated
    return made


@kernel(inline=True)
def _by_rule(
    net: NDArray[Any],
    first: int,
    members: Members,
    stored: NDArray[np.float32],
    efficiency: float,
    cars: Cars,
    held: NDArray[np.int32],
    charger: Charger,
    rooms: Rooms,
    indoor: NDArray[np.float32],
    thermostat: Thermostat,
    flows: Flows,
    period: int,
    totals: NDArray[np.int64],
) -> None:
    """Let the devices of some members without a plan run, on their meters."""
    part = slice(first, first + net.size)
    if any_of_sign(cars.capacity[part], 1):
        charge(net, first, cars, held, members.offer, period, charger, flows, totals)
    if any_of_sign(rooms.size[part], 1):
        condition(net, first, rooms, indoor, members.group, period, thermostat, flows, totals)
    if any_of_sign(members.battery_kwh[part], 1):
        capacity = without_plan(members.battery_kwh[part], first, flows)
        stored_now, released = store(net, stored[part], capacity, members.battery_flow[part], efficiency)
        totals[CHARGE] += stored_now
        totals[DISCHARGE] += released


@kernel(parallel=True, plain=True)
def deliver(
    members: Members,
    today: Today,
    state: State,
    load: NDArray[np.float64],
    pv: NDArray[np.float64],
    load_noise: NDArray[np.float64],
    pv_noise: NDArray[np.float64],
    efficiency: float,
    cars: Cars,
    charger: Charger,
    rooms: Rooms,
    thermostat: Thermostat,
    flows: Flows,
    period: int,
    block: int,
) -> NDArray[np.int64]:
    """Open the realised values of one period: load, generation, cars and heat pumps, battery, meter.

    Parameters
    ----------
    members, today, state : Members, Today, State
        Columns; `state.net` and `state.stored` are written.
    load, pv : ndarray of float64, shape (n_codes,) and (n_pv_profiles,)
        Realised path before member noise [kWh per annual kWh].
    load_noise, pv_noise : ndarray of float64, shape (rows,)
        Member noise of the period by row, mean 1.
    efficiency : float
        Of charging and discharging, each.
    cars, charger : Cars, Charger
        Cars, and how they charge; what cars hold is written.
    rooms, thermostat : Rooms, Thermostat
        Heat pumps, and how they run; indoor temperatures are written.
    flows : Flows
        Plans of the members that follow one.
    period : int64
        Settlement period.
    block : int64
        Members a block.

    Returns
    -------
    ndarray of int64, shape (11,)
        Sums of load, generation, charge, discharge, withdrawal and injection; of cars: drawn, driven, charged in public
        and held; drawn by heat pumps [1e-6 kWh]. The load contains what cars and heat pumps draw.
    """
    members, today, state = Members(*members), Today(*today), State(*state)
    cars, charger, rooms = Cars(*cars), Charger(*charger), Rooms(*rooms)
    thermostat, flows = Thermostat(*thermostat), Flows(*flows)
    n = members.annual_kwh.size
    stored, meter = state.stored, state.net
    held, indoor = cars.held, rooms.indoor
    blocks, sunny = (n + block - 1) // block, any_of_sign(pv, 1)
    totals = np.zeros((blocks, DELIVER_TOTALS), np.int64)
    for b in prange(blocks):
        last = min(n, (b + 1) * block)
        for first in range(b * block, last, CHUNK):
            part = slice(first, min(last, first + CHUNK))
            net, pv_annual_kwh = meter[part], members.pv_annual_kwh[part]
            totals[b, LOAD] += _use(
                net, members.annual_kwh[part], today.load_code[part], load, today.load_row[part], load_noise
            )
            if sunny and any_of_sign(pv_annual_kwh, 1):
                totals[b, PV] += _generate(
                    net, pv_annual_kwh, members.pv_profile[part], pv, today.pv_row[part], pv_noise
                )
            head = managed_part(flows, first, net.size)
            if head:
                deliver_flows(
                    net[:head], first, flows, members, stored, efficiency, pv, today.pv_row, pv_noise, cars, held,
                    charger, rooms, indoor, thermostat, period, totals[b],
                )  # fmt: skip
            _by_rule(
                net, first, members, stored, efficiency, cars, held, charger, rooms, indoor, thermostat, flows, period,
                totals[b],
            )  # fmt: skip
            totals[b, WITHDRAWAL] += np.maximum(net, 0).sum()
            totals[b, INJECTION] += np.maximum(-net, 0).sum()
    summed: NDArray[np.int64] = totals.sum(axis=0)
    summed[LOAD] += summed[VEHICLE] + summed[HEAT_PUMP]
    return summed


@kernel(parallel=True)
def deliver_day(
    members: Members,
    today: Today,
    state: State,
    load: NDArray[np.float64],
    pv: NDArray[np.float64],
    load_noise: NDArray[np.float64],
    pv_noise: NDArray[np.float64],
    efficiency: float,
    cars: Cars,
    charger: Charger,
    rooms: Rooms,
    thermostat: Thermostat,
    flows: Flows,
    meters: NDArray[np.int64],
    block: int,
) -> None:
    """Open the realised values of all periods of a day of members without a plan; as :func:`deliver` does of one.

    Parameters
    ----------
    members, today, state, load_noise, pv_noise, efficiency, cars, charger, rooms, thermostat, flows, block
        As there; the noise by period too, shape (periods, rows).
    load, pv : ndarray of float64, shape (periods, n_codes) and (periods, n_pv_profiles)
        Realised path before member noise [kWh per annual kWh].
    meters : ndarray of int64, shape (n, periods)
        Meters, written [1e-6 kWh].
    """
    n, periods = meters.shape
    stored, meter = state.stored, state.net
    held, indoor = cars.held, rooms.indoor
    for b in prange((n + block - 1) // block):
        part = slice(b * block, min(n, (b + 1) * block))
        net, totals = meter[part], np.zeros(DELIVER_TOTALS, np.int64)
        annual_kwh, pv_annual_kwh = members.annual_kwh[part], members.pv_annual_kwh[part]
        code, profile = today.load_code[part], members.pv_profile[part]
        load_row, pv_row = today.load_row[part], today.pv_row[part]
        for t in range(periods):
            _use(net, annual_kwh, code, load[t], load_row, load_noise[t])
            _generate(net, pv_annual_kwh, profile, pv[t], pv_row, pv_noise[t])
            _by_rule(
                net, b * block, members, stored, efficiency, cars, held, charger, rooms, indoor, thermostat, flows, t,
                totals,
            )  # fmt: skip
            meters[part, t] = net
