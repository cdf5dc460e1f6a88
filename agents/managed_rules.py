"""What the devices of some members would do by rule on the eve's forecast, beside the plan that they might follow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange
from numpy.typing import NDArray

from gridagora.agents.columns import Members, Today
from gridagora.agents.kernels import battery
from gridagora.agents.thermal_kernels import Rooms, Thermostat, conditioning
from gridagora.agents.vehicle_kernels import Cars, Charger, charging
from gridagora.sim.compiled import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: Members that a thread takes at once; results do not depend on it.
BLOCK = 128


class ByRule(NamedTuple):
    """A day by rule, columns of shape (n,).

    Parameters
    ----------
    energy : ndarray of float64
        What is withdrawn costs less what is fed in earns [currency].
    discharged, stored, held : ndarray of float64
        Given back by batteries, left in them, and left in cars at the end [kWh].
    outside : ndarray of float64
        Kelvin outside the comfort band, summed over periods [K].
    """

    energy: Floats
    discharged: Floats
    stored: Floats
    held: Floats
    outside: Floats


@kernel(parallel=True)
def by_rule(
    rows: Ints,
    members: Members,
    today: Today,
    stored: NDArray[np.float32],
    load: Floats,
    pv: Floats,
    prices: Floats,
    feed_in: float,
    efficiency: float,
    band: float,
    cars: Cars,
    charger: Charger,
    rooms: Rooms,
    thermostat: Thermostat,
) -> ByRule:
    """Run the day of some members by rule, on forecasts; columns stay as they are.

    Parameters
    ----------
    rows : ndarray of int64, shape (n,)
        Rows of the members.
    members, today : Members, Today
        Columns.
    stored : ndarray of float32
        State of charge of all members' batteries [kWh].
    load, pv : ndarray, shape (n_codes, periods) and (n_pv_profiles, periods)
        Forecast load and generation [kWh per annual kWh].
    prices : ndarray, shape (n_offers, periods)
        Retail prices [currency/kWh].
    feed_in : float
        Price of what is fed in [currency/kWh].
    efficiency : float
        Of charging and discharging, each.
    band : float
        How far from its set point a room may be, positive upwards [K].
    cars, charger, rooms, thermostat
        Cars and heat pumps.
    """
    n, periods = rows.size, load.shape[1]
    energy, discharged, left, held_kwh, outside = (
        np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n),
    )  # fmt: skip
    for b in prange((n + BLOCK - 1) // BLOCK):
        nets = np.empty(periods, np.int64)
        for k in range(b * BLOCK, min(n, (b + 1) * BLOCK)):
            i = rows[k]
            offer, content = int(members.offer[i]), np.float64(stored[i])
            has_car = cars.capacity.size > 0 and cars.capacity[i] > 0
            has_room = rooms.size.size > 0 and rooms.size[i] > 0
            held = int(cars.held[i]) if has_car else 0
            wanted = np.float64(rooms.set_point[i]) if has_room else 0.0
            indoor = np.float64(rooms.indoor[i]) if has_room else 0.0
            low, high = min(wanted, wanted + band), max(wanted, wanted + band)
            code, profile = today.load_code[i], members.pv_profile[i]
            expected, made, price = load[code], pv[profile], prices[offer]
            annual_kwh, pv_annual_kwh = members.annual_kwh[i], members.pv_annual_kwh[i]
            capacity, flow = members.battery_kwh[i], members.battery_flow[i]
            cost = given = uncomfortable = 0.0
            for t in range(periods):  # on vectors
                nets[t] = int(np.rint(annual_kwh * expected[t] * 1e6)) - int(np.rint(pv_annual_kwh * made[t] * 1e6))
            for t in range(periods):
                net = nets[t]
                if has_car:
                    leave, back = int(cars.leave[i]), int(cars.back[i])
                    if t == leave and back > leave:
                        held -= min(held, int(cars.used[i]))
                    elif not leave <= t < back:
                        end = leave if t < leave else int(cars.until[i])
                        cheaper = int(charger.cheaper[offer, t, end])
                        draw = charging(int(cars.capacity[i]) - held, cheaper, charger.flow, charger.efficiency)
                        held += int(draw * charger.efficiency)
                        net += draw
                if has_room:
                    target = wanted + thermostat.shift[int(members.group[i]), t]
                    drawn, indoor = conditioning(indoor, target, rooms.size[i], t, thermostat)
                    net += drawn
                    uncomfortable += max(low - indoor, 0.0) + max(indoor - high, 0.0)
                if capacity > 0:
                    charge, discharge = battery(net, content, capacity, flow, efficiency)
                    content += (charge * efficiency - discharge / efficiency) * 1e-6
                    net += charge - discharge
                    given += discharge * 1e-6
                cost += net * 1e-6 * (price[t] if net > 0 else feed_in)
            energy[k], discharged[k], outside[k] = cost, given, uncomfortable
            left[k] = content if capacity > 0 else 0.0
            held_kwh[k] = held * 1e-6
    return ByRule(energy, discharged, left, held_kwh, outside)
