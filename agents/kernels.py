"""The loops over members before the gate: draw the day and plan it.

Each runs over fixed blocks; a block writes integer totals of its own, so that results depend neither on the block
size nor on the number of threads. Energies are integers of 1e-6 kWh from the moment they are computed.

Columns that a kernel writes are named before the parallel loop: numba 0.68 loses what a ``prange`` loop writes to
an array reached through a tuple inside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from gridagora.agents.columns import (
    NO_CONSENT,
    P_BID,
    P_BUYERS,
    P_INJECTION,
    P_OFFER,
    P_SELLERS,
    P_WITHDRAWAL,
    PLAN_TOTALS,
    Members,
    State,
    Today,
)
from gridagora.agents.flows import Flows, follows, without_plan
from gridagora.agents.managed_kernels import plan_flows, spill_plan
from gridagora.agents.thermal_kernels import Rooms, Thermostat, plan_conditioning
from gridagora.agents.vehicle_kernels import Cars, Charger, plan_charging
from gridagora.sim.compiled import kernel
from gridagora.sim.streams import philox

#: Members whose days are planned together: their batteries wait for one another's results, not each for its own.
GROUP = 16

_MASK = np.uint64(0xFFFFFFFF)
_SHIFT32 = np.uint64(32)
_SHIFT16 = np.uint64(16)


@kernel(parallel=True)
def draw_day(
    k0: np.uint64,
    k1: np.uint64,
    day: int,
    candidates: int,
    shifts: int,
    codes: int,
    rows: int,
    members: Members,
    today: Today,
    block: int,
) -> None:
    """Draw the day a member's load is taken from and its rows of the noise tables.

    Parameters
    ----------
    k0, k1 : uint64
        Key of the stream "day" of the population.
    day : int64
        Day of the run.
    candidates, shifts : int64
        Days to draw from, and displacements a profile has.
    codes : int64
        Rows of the day's table of expected loads for each group of members.
    rows : int64
        Rows of a noise table; a power of two, at most 65536.
    members, today : Members, Today
        Columns; `today` is written.
    block : int64
        Members a block.
    """
    n = members.annual_kwh.size
    load_code = today.load_code
    load_row = today.load_row
    pv_row = today.pv_row
    quote_row = today.quote_row
    mask = np.uint64(rows - 1)
    for b in prange((n + block - 1) // block):
        for i in range(b * block, min(n, (b + 1) * block)):
            member = np.uint64(members.number[i])
            w = philox(member & _MASK, member >> _SHIFT32, np.uint64(day), np.uint64(0), k0, k1)
            # The high bits of a product of a word and a range are a fair draw from the range.
            taken = int((w[0] * np.uint64(candidates)) >> _SHIFT32)
            code = (int(members.profile[i]) * candidates + taken) * shifts + int(members.shift[i])
            load_code[i] = int(members.group[i]) * codes + code
            load_row[i] = w[1] & mask
            pv_row[i] = (w[1] >> _SHIFT16) & mask
            quote_row[i] = w[2] & mask


@kernel(inline=True)
def battery(net: int, stored: float, capacity: float, flow: float, efficiency: float) -> tuple[int, int]:
    """Return charge and discharge of a battery in self-consumption mode: it never buys to charge and never exports.

    Parameters
    ----------
    net : int
        Load less generation [1e-6 kWh].
    stored, capacity, flow : float
        State of charge, usable capacity and most energy a period at the connection [kWh].
    efficiency : float
        Of charging and of discharging, each.

    Returns
    -------
    tuple of int
        Charge and discharge at the connection [1e-6 kWh], one of them 0 (model.md A1.3 (3)).
    """
    # In plain Python float32 would stay float32, and round up past capacity and flow.
    held, most, pace = np.float64(stored), np.float64(capacity), np.float64(flow)
    if net < 0:
        room = min(max(most - held, 0.0) / efficiency, pace)
        return min(-net, int(room * 1e6)), 0
    ready = min(held * efficiency, pace)
    return 0, min(net, int(ready * 1e6))


@kernel(inline=True)
def any_of_sign(column: NDArray[Any], sign: int) -> bool:
    """Return whether an entry has a sign, 1 or -1, in a loop that runs on vectors."""
    found = 0
    for i in range(column.size):
        found += sign * column[i] > 0
    return found > 0


@kernel(inline=True)
def use(net: NDArray[Any], annual_kwh: NDArray[np.float32], code: NDArray[Any], load: NDArray[np.float64]) -> None:
    """Set the meters of some members to their load [1e-6 kWh]."""
    for i in range(net.size):
        net[i] = int(np.rint(annual_kwh[i] * load[code[i]] * 1e6))


@kernel(inline=True)
def generate(
    net: NDArray[Any], annual_kwh: NDArray[np.float32], profile: NDArray[np.uint8], pv: NDArray[np.float64]
) -> None:
    """Subtract the generation of some members from their meters [1e-6 kWh]."""
    for i in range(net.size):
        net[i] -= int(np.rint(annual_kwh[i] * pv[profile[i]] * 1e6))


@kernel(inline=True)
def store(
    net: NDArray[Any],
    stored: NDArray[np.float32],
    capacity: NDArray[np.float32],
    flow: NDArray[np.float32],
    efficiency: float,
) -> tuple[int, int]:
    """Let the batteries of some members work on their meters; return charge and discharge [1e-6 kWh]."""
    charged = discharged = 0
    for i in range(net.size):
        if capacity[i] > 0:
            held = float(stored[i])
            charge, discharge = battery(int(net[i]), held, capacity[i], flow[i], efficiency)
            stored[i] = held + (charge * efficiency - discharge / efficiency) * 1e-6
            net[i] += charge - discharge
            charged += charge
            discharged += discharge
    return charged, discharged


@kernel(inline=True)
def _add_plan(nets: NDArray[np.int64], least: int, totals: NDArray[np.int64]) -> None:
    """Add a member's day to the sums of those who bid like it."""
    withdrawal, buyers = totals[P_WITHDRAWAL], totals[P_BUYERS]
    for t in range(nets.size):
        withdrawal[t] += max(nets[t], 0)
        buyers[t] += nets[t] > 0
    if any_of_sign(nets, -1):
        injection, sellers, offers = totals[P_INJECTION], totals[P_SELLERS], totals[P_OFFER]
        for t in range(nets.size):
            injection[t] += max(-nets[t], 0)
            sellers[t] += -nets[t] >= least
            offers[t] += -nets[t] if -nets[t] >= least else 0


@kernel(parallel=True)
def plan_day(
    members: Members,
    today: Today,
    state: State,
    load: NDArray[np.float64],
    pv: NDArray[np.float64],
    efficiency: float,
    least: int,
    cars: Cars,
    charger: Charger,
    rooms: Rooms,
    thermostat: Thermostat,
    flows: Flows,
    block: int,
) -> NDArray[np.int64]:
    """Roll the day on forecasts and return what the population means to withdraw and inject.

    Parameters
    ----------
    members, today, state : Members, Today, State
        Columns; `state.stored_plan` is set to the metered state of charge.
    load : ndarray of float64, shape (n_codes, periods)
        Forecast load by load code [kWh per annual kWh].
    pv : ndarray of float64, shape (n_pv_profiles, periods)
        Forecast generation by profile [kWh per annual kWh].
    efficiency : float
        Of charging and discharging, each.
    least : int64
        Least energy of an offer [1e-6 kWh].
    cars, charger : Cars, Charger
        Cars, which stay as they are, and how they charge.
    rooms, thermostat : Rooms, Thermostat
        Heat pumps, which stay as they are, and how they run.
    flows : Flows
        Plans of the members that follow one.
    block : int64
        Members a block.

    Returns
    -------
    ndarray of int64, shape (periods, 7)
        Sums of withdrawal, injection, buyers, sellers, bids and offers: energies in 1e-6 kWh.
    """
    n = members.annual_kwh.size
    stored, stored_plan = state.stored, state.stored_plan
    periods = load.shape[1]
    blocks = (n + block - 1) // block
    # Sums of those who do not bid, and of those who do.
    totals = np.zeros((blocks, 2, PLAN_TOTALS, periods), np.int64)
    for b in prange(blocks):
        nets = np.empty((GROUP, periods), np.int64)
        last = min(n, (b + 1) * block)
        for first in range(b * block, last, GROUP):
            part = slice(first, min(last, first + GROUP))
            battery_kwh, flow, held = members.battery_kwh[part], members.battery_flow[part], stored_plan[part]
            for j in range(held.size):
                i = first + j
                expected, made, net = load[today.load_code[i]], pv[members.pv_profile[i]], nets[j]
                annual_kwh, pv_annual_kwh = members.annual_kwh[i], members.pv_annual_kwh[i]
                for t in range(periods):
                    net[t] = int(np.rint(annual_kwh * expected[t] * 1e6))
                if pv_annual_kwh > 0:
                    for t in range(periods):
                        net[t] -= int(np.rint(pv_annual_kwh * made[t] * 1e6))
                if follows(flows, i):
                    plan_flows(net, i, flows)
                    if flows.spill:
                        spill_plan(net, made, pv_annual_kwh)
                    continue
                if cars.capacity.size > 0 and cars.capacity[i] > 0:
                    plan_charging(net, i, cars, int(members.offer[i]), charger)
                if rooms.size.size > 0 and rooms.size[i] > 0:
                    plan_conditioning(net, i, rooms, int(members.group[i]), thermostat)
            if any_of_sign(battery_kwh, 1):
                held[:] = stored[part]
                free_kwh = without_plan(battery_kwh, first, flows)
                for t in range(periods):
                    store(nets[: held.size, t], held, free_kwh, flow, efficiency)
            held[:] = stored[part]
            for j in range(held.size):
                _add_plan(nets[j], least, totals[b, int(members.strategy[first + j] != NO_CONSENT)])
    sums = totals.sum(axis=0)
    summed = sums[0] + sums[1]
    summed[P_BUYERS], summed[P_SELLERS] = sums[1, P_BUYERS], sums[1, P_SELLERS]
    summed[P_BID], summed[P_OFFER] = sums[1, P_WITHDRAWAL], sums[1, P_OFFER]
    by_period: NDArray[np.int64] = summed.T.copy()
    return by_period
