"""Heat pumps and air conditioners of a population in columns: a thermostat that holds a set point (A1.3 (5)).

The building has one resistance and one capacity. In each period the device runs at the power that brings the room to
its set point at the period's end, within its own limits; with an enabling technology the set point moves by
`setback_k` while the price is above the day's mean. Electricity is an integer of 1e-6 kWh, and the room follows what
was drawn.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.columns import HEAT_PUMP
from gridagora.agents.flows import Flows, follows
from gridagora.sim.compiled import kernel


class Rooms(NamedTuple):
    """Buildings with a heat pump or air conditioner, by row of the members; empty where nobody has one.

    Parameters
    ----------
    size : ndarray of float32, shape (n,) or (0,)
        Heat loss, heat capacity, gains and power, relative to the scenario's building [1]; 0 without a device.
    set_point : ndarray of float32, shape (n,) or (0,)
        What the thermostat holds [degC].
    indoor : ndarray of float32, shape (n,) or (0,)
        Indoor temperature, planned as metered [degC].
    """

    size: NDArray[np.float32]
    set_point: NDArray[np.float32]
    indoor: NDArray[np.float32]


class Thermostat(NamedTuple):
    """Device and building of size 1 on one day.

    Parameters
    ----------
    shift : ndarray of float64, shape (n_groups, periods)
        What the price adds to the set point [K].
    outdoor : ndarray of float64, shape (periods,)
        Outdoor temperature [degC].
    heat : ndarray of float64, shape (periods,)
        Heat moved into the room over electricity, negative where it cools [1].
    loss, capacity, gains : float
        Heat lost for each kelvin in a period [kWh/K], heat that warms by a kelvin [kWh/K], and heat of people,
        appliances and windows in a period [kWh].
    most : float
        Most electricity a period [kWh].
    """

    shift: NDArray[np.float64]
    outdoor: NDArray[np.float64]
    heat: NDArray[np.float64]
    loss: float
    capacity: float
    gains: float
    most: float


@kernel(inline=True)
def conditioning(indoor: float, wanted: float, size: float, period: int, thermostat: Thermostat) -> tuple[int, float]:
    """Return the electricity of a device in a period and the indoor temperature at its end.

    Parameters
    ----------
    indoor, wanted : float
        Indoor temperature at the start, and set point [degC].
    size : float
        Size of the building [1].
    period : int
        Settlement period.
    thermostat : Thermostat
        The day.

    Returns
    -------
    tuple of int and float
        Electricity [1e-6 kWh] and temperature [degC] (model.md A1.3 (5)).
    """
    room, target, scale = np.float64(indoor), np.float64(wanted), np.float64(size)
    capacity, heat = thermostat.capacity, thermostat.heat[period]
    gained = thermostat.gains - thermostat.loss * (room - thermostat.outdoor[period])
    needed = (capacity * (target - room) - gained) / heat
    energy = int(scale * min(max(needed, 0.0), thermostat.most) * 1e6)
    return energy, room + (gained + heat * (energy * 1e-6 / scale)) / capacity


@kernel(inline=True)
def plan_conditioning(net: NDArray[np.int64], i: int, rooms: Rooms, group: int, thermostat: Thermostat) -> None:
    """Add a device's day to a member's plan.

    Parameters
    ----------
    net : ndarray of int64, shape (periods,)
        The member's plan [1e-6 kWh].
    i : int
        Row of the member, one with a device.
    rooms, thermostat : Rooms, Thermostat
        Columns, which stay as they are, and the day.
    group : int
        Group of the member.
    """
    indoor, size, set_point = rooms.indoor[i], rooms.size[i], np.float64(rooms.set_point[i])
    for t in range(net.size):
        energy, after = conditioning(indoor, set_point + thermostat.shift[group, t], size, t, thermostat)
        indoor = np.float32(after)
        net[t] += energy


@kernel(inline=True)
def quote_conditioning(
    net: NDArray[Any],
    first: int,
    rooms: Rooms,
    group: NDArray[np.uint8],
    period: int,
    thermostat: Thermostat,
    flows: Flows,
) -> None:
    """Add what devices without a plan mean to draw in a period to the plans of some members; columns stay as they are.

    Parameters
    ----------
    net : ndarray of int, shape (m,)
        Plans of the members from row `first` on [1e-6 kWh].
    first : int
        Their first row.
    rooms, thermostat : Rooms, Thermostat
        Columns of all members, and the day.
    group : ndarray of uint8, shape (n,)
        Group of each member.
    period : int
        Settlement period.
    flows : Flows
        Who follows a plan.
    """
    for j in range(net.size):
        i = first + j
        if rooms.size[i] > 0 and not follows(flows, i):
            wanted = np.float64(rooms.set_point[i]) + thermostat.shift[group[i], period]
            net[j] += conditioning(rooms.indoor[i], wanted, rooms.size[i], period, thermostat)[0]


@kernel(inline=True)
def condition(
    net: NDArray[Any],
    first: int,
    rooms: Rooms,
    indoor: NDArray[np.float32],
    group: NDArray[np.uint8],
    period: int,
    thermostat: Thermostat,
    flows: Flows,
    totals: NDArray[np.int64],
) -> None:
    """Let the devices without a plan of some members run in a period, on their meters.

    Parameters
    ----------
    net : ndarray of int, shape (m,)
        Meters of the members from row `first` on [1e-6 kWh].
    first : int
        Their first row.
    rooms, thermostat : Rooms, Thermostat
        Columns of all members, and the day.
    indoor : ndarray of float32, shape (n,)
        `rooms.indoor` under a name of its own, since it is written.
    group : ndarray of uint8, shape (n,)
        Group of each member.
    period : int
        Settlement period.
    flows : Flows
        Who follows a plan.
    totals : ndarray of int64
        Row of totals of :func:`gridagora.agents.delivery.deliver`; its column of heat pumps grows.
    """
    drawn = 0
    for j in range(net.size):
        i = first + j
        if rooms.size[i] > 0 and not follows(flows, i):
            wanted = np.float64(rooms.set_point[i]) + thermostat.shift[group[i], period]
            energy, after = conditioning(indoor[i], wanted, rooms.size[i], period, thermostat)
            indoor[i] = after
            net[j] += energy
            drawn += energy
    totals[HEAT_PUMP] += drawn
