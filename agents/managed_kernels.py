"""Members with an energy-management system: their batteries, cars and heat pumps follow the day's plan.

Rows up to the last that follows one are looked at one by one; whoever of them has none acts by rule, as all behind do.
What was planned is done as far as what is stored, power and presence allow: load and generation may have come out
otherwise, what is stored is kept in the same columns as without a plan. A battery charges or discharges, never both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.columns import CHARGE, DISCHARGE, DRIVEN, HEAT_PUMP, HELD, PUBLIC, PV, VEHICLE, Members
from gridagora.agents.flows import Flows
from gridagora.agents.thermal_kernels import Rooms, Thermostat
from gridagora.agents.vehicle_kernels import Cars, Charger
from gridagora.sim.compiled import kernel


@kernel(inline=True)
def steer_battery(planned: int, stored: float, capacity: float, flow: float, efficiency: float) -> tuple[int, int]:
    """Return charge and discharge of a battery that follows a plan, one of them 0 [1e-6 kWh].

    Parameters
    ----------
    planned : int
        Charge, negative for discharge [1e-6 kWh].
    stored, capacity, flow, efficiency
        As in :func:`gridagora.agents.kernels.battery`.
    """
    held, most, pace = np.float64(stored), np.float64(capacity), np.float64(flow)
    if planned >= 0:
        room = min(max(most - held, 0.0) / efficiency, pace)
        return min(planned, int(room * 1e6)), 0
    ready = min(held * efficiency, pace)
    return 0, min(-planned, int(ready * 1e6))


@kernel(inline=True)
def steer_car(planned: int, i: int, cars: Cars, period: int, charger: Charger) -> int:
    """Return what car `i` draws in a period where it follows a plan [1e-6 kWh]; nothing while it is away."""
    if int(cars.leave[i]) <= period < int(cars.back[i]):
        return 0
    lacking = int(cars.capacity[i]) - int(cars.held[i])
    return max(0, min(planned, charger.flow, int(lacking / charger.efficiency)))


@kernel(inline=True)
def steer_room(planned: int, i: int, rooms: Rooms, period: int, thermostat: Thermostat) -> tuple[int, float]:
    """Return what a device that follows a plan draws [1e-6 kWh], and the temperature at the period's end [degC]."""
    room, scale = np.float64(rooms.indoor[i]), np.float64(rooms.size[i])
    energy = max(0, min(planned, int(scale * thermostat.most * 1e6)))
    gained = thermostat.gains - thermostat.loss * (room - thermostat.outdoor[period])
    return energy, room + (gained + thermostat.heat[period] * (energy * 1e-6 / scale)) / thermostat.capacity


@kernel(inline=True)
def plan_flows(net: NDArray[np.int64], i: int, flows: Flows) -> None:
    """Add a managed member's plan to its day [1e-6 kWh], shape (periods,)."""
    slot = flows.slot[i]
    for table in (flows.battery, flows.vehicle, flows.heat_pump):
        if table.shape[0] > 0:
            for t in range(net.size):
                net[t] += table[slot, t]


@kernel(inline=True)
def spill_plan(net: NDArray[np.int64], made: NDArray[np.float64], pv_annual_kwh: float) -> None:
    """Take from a planned day what would be fed in from generation [1e-6 kWh], shape (periods,)."""
    for t in range(net.size):
        net[t] += min(max(-net[t], 0), int(np.rint(pv_annual_kwh * made[t] * 1e6)))


@kernel(inline=True)
def _not_fed_in(planned: int, net: int, spill: bool) -> int:
    """Return a battery's planned flow, less what would be fed in at a cost [1e-6 kWh]."""
    return max(planned, -max(net, 0)) if spill else planned


@kernel(inline=True)
def quote_flows(
    net: NDArray[Any],
    first: int,
    flows: Flows,
    members: Members,
    stored_plan: NDArray[np.float32],
    efficiency: float,
    pv: NDArray[np.float64],
    cars: Cars,
    charger: Charger,
    rooms: Rooms,
    thermostat: Thermostat,
    period: int,
) -> None:
    """Add what managed members mean to draw in a period to their plans.

    Parameters
    ----------
    net : ndarray of int, shape (m,)
        Plans of the members from row `first` on; of those without a plan they stay as they are [1e-6 kWh].
    first, flows, members : int, Flows, Members
        Their first row, their plans, and columns.
    stored_plan : ndarray of float32, shape (n,)
        Planned state of charge; written [kWh].
    efficiency : float
        Of charging and discharging, each.
    pv : ndarray of float64, shape (n_pv_profiles,)
        Forecast generation [kWh per annual kWh].
    cars, charger, rooms, thermostat
        Cars and heat pumps, which stay as they are.
    period : int
        Settlement period.
    """
    for j in range(net.size):
        i = first + j
        slot = flows.slot[i]
        if slot < 0:
            continue
        if cars.capacity.size > 0 and cars.capacity[i] > 0:
            net[j] += steer_car(flows.vehicle[slot, period], i, cars, period, charger)
        if rooms.size.size > 0 and rooms.size[i] > 0:
            net[j] += steer_room(flows.heat_pump[slot, period], i, rooms, period, thermostat)[0]
        if members.battery_kwh[i] > 0:
            held = float(stored_plan[i])
            planned = _not_fed_in(flows.battery[slot, period], int(net[j]), flows.spill)
            charge, discharge = steer_battery(
                planned, held, members.battery_kwh[i], members.battery_flow[i], efficiency
            )
            stored_plan[i] = held + (charge * efficiency - discharge / efficiency) * 1e-6
            net[j] += charge - discharge
        if flows.spill and net[j] < 0:
            net[j] += min(-int(net[j]), int(np.rint(members.pv_annual_kwh[i] * pv[members.pv_profile[i]] * 1e6)))


@kernel(inline=True)
def deliver_flows(
    net: NDArray[Any],
    first: int,
    flows: Flows,
    members: Members,
    stored: NDArray[np.float32],
    efficiency: float,
    pv: NDArray[np.float64],
    pv_row: NDArray[np.uint16],
    pv_noise: NDArray[np.float64],
    cars: Cars,
    held: NDArray[np.int32],
    charger: Charger,
    rooms: Rooms,
    indoor: NDArray[np.float32],
    thermostat: Thermostat,
    period: int,
    totals: NDArray[np.int64],
) -> None:
    """Let the devices of managed members follow their plans in a period, on their meters.

    Parameters
    ----------
    net : ndarray of int, shape (m,)
        Meters of the members from row `first` on; of those without a plan they stay as they are [1e-6 kWh].
    first, flows, members : int, Flows, Members
        Their first row, their plans, and columns.
    stored : ndarray of float32, shape (n,)
        Metered state of charge; written [kWh].
    efficiency : float
        Of charging and discharging, each.
    pv, pv_row, pv_noise : ndarray, shape (n_pv_profiles,), (n,) and (rows,)
        Realised generation before member noise [kWh per annual kWh], and the noise by row.
    cars, charger, rooms, thermostat
        Cars and heat pumps.
    held, indoor : ndarray of int32 and of float32, shape (n,)
        `cars.held` and `rooms.indoor` under names of their own, since they are written.
    period : int
        Settlement period.
    totals : ndarray of int64
        Row of totals of :func:`gridagora.agents.delivery.deliver`; generation shrinks by what is curtailed.
    """
    for j in range(net.size):
        i = first + j
        slot = flows.slot[i]
        if slot < 0:
            continue
        if cars.capacity.size > 0 and cars.capacity[i] > 0:
            if period == int(cars.leave[i]) and cars.back[i] > cars.leave[i]:
                totals[DRIVEN] += cars.used[i]
                totals[PUBLIC] += max(int(cars.used[i]) - int(held[i]), 0)
                held[i] -= min(cars.used[i], held[i])
            draw = steer_car(flows.vehicle[slot, period], i, cars, period, charger)
            held[i] += int(draw * charger.efficiency)
            net[j] += draw
            totals[VEHICLE] += draw
            totals[HELD] += held[i]
        if rooms.size.size > 0 and rooms.size[i] > 0:
            energy, after = steer_room(flows.heat_pump[slot, period], i, rooms, period, thermostat)
            indoor[i] = after
            net[j] += energy
            totals[HEAT_PUMP] += energy
        if members.battery_kwh[i] > 0:
            now = float(stored[i])
            planned = _not_fed_in(flows.battery[slot, period], int(net[j]), flows.spill)
            charge, discharge = steer_battery(planned, now, members.battery_kwh[i], members.battery_flow[i], efficiency)
            stored[i] = now + (charge * efficiency - discharge / efficiency) * 1e-6
            net[j] += charge - discharge
            totals[CHARGE] += charge
            totals[DISCHARGE] += discharge
        if flows.spill and net[j] < 0:
            made = members.pv_annual_kwh[i] * pv[members.pv_profile[i]] * pv_noise[pv_row[i]]
            spilt = min(-int(net[j]), int(np.rint(made * 1e6)))
            net[j] += spilt
            totals[PV] -= spilt
