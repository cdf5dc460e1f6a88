"""The loop over members at the gate: plan a period and quote it (market_day.md 2).

As in :mod:`gridagora.agents.kernels`, blocks are fixed and energies are integers of 1e-6 kWh.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from gridagora.agents.columns import (
    CHUNK,
    NO_CONSENT,
    P_BID,
    P_BUYERS,
    P_INJECTION,
    P_OFFER,
    P_SELLERS,
    P_WITHDRAWAL,
    P_WITHDRAWN,
    PLAN_TOTALS,
    Members,
    State,
    Today,
)
from gridagora.agents.flows import Flows, managed_part, without_plan
from gridagora.agents.kernels import any_of_sign, generate, store, use
from gridagora.agents.managed_kernels import quote_flows
from gridagora.agents.thermal_kernels import Rooms, Thermostat, quote_conditioning
from gridagora.agents.ticks import Gate, ask_tick, bid_tick
from gridagora.agents.vehicle_kernels import Cars, Charger, quote_charging
from gridagora.sim.compiled import kernel


@kernel(inline=True)
def _collect(
    plans: NDArray[Any],
    strategies: NDArray[np.uint8],
    rows: NDArray[np.uint16],
    gate: Gate,
    offer: int,
    least: int,
    curves: NDArray[np.int64],
    totals: NDArray[np.int64],
) -> None:
    """Add the plans of some members to the sums and their orders to the curves."""
    withdrawal = injection = 0
    for i in range(plans.size):
        withdrawal += max(int(plans[i]), 0)
        injection += max(-int(plans[i]), 0)
    buyers = sellers = bids = offers = withdrawn = 0
    most, limit = gate.most[offer], gate.least[offer]
    for i in range(plans.size):
        net, strategy = int(plans[i]), strategies[i]
        if strategy != NO_CONSENT:
            if net > 0:
                tick = bid_tick(strategy, most, gate.draws[rows[i]])
                if tick >= 0:
                    buyers += 1
                    bids += net
                    curves[0, tick] += net
            elif net < 0:
                tick = ask_tick(strategy, limit, gate.draws[rows[i]], gate.highest)
                if tick < curves.shape[1]:
                    if -net >= least:
                        sellers += 1
                        offers -= net
                        curves[1, tick] -= net
                    else:
                        withdrawn += 1
    totals[P_WITHDRAWAL] += withdrawal
    totals[P_INJECTION] += injection
    totals[P_BUYERS] += buyers
    totals[P_SELLERS] += sellers
    totals[P_BID] += bids
    totals[P_OFFER] += offers
    totals[P_WITHDRAWN] += withdrawn


@kernel(inline=True)
def _of_offer(plans: NDArray[Any], offers: NDArray[np.uint8], offer: int) -> NDArray[Any]:
    """Return the plans of some members, as if those who have another offer planned nothing."""
    own = plans.copy()
    for i in range(own.size):
        if offers[i] != offer:
            own[i] = 0
    return own


@kernel(inline=True)
def _by_rule(
    net: NDArray[Any],
    first: int,
    members: Members,
    stored_plan: NDArray[np.float32],
    efficiency: float,
    cars: Cars,
    charger: Charger,
    rooms: Rooms,
    thermostat: Thermostat,
    flows: Flows,
    period: int,
) -> None:
    """Add what devices without a plan mean to draw to the plans of some members."""
    part = slice(first, first + net.size)
    if any_of_sign(cars.capacity[part], 1):
        quote_charging(net, first, cars, members.offer, period, charger, flows)
    if any_of_sign(rooms.size[part], 1):
        quote_conditioning(net, first, rooms, members.group, period, thermostat, flows)
    if any_of_sign(members.battery_kwh[part], 1):
        capacity = without_plan(members.battery_kwh[part], first, flows)
        store(net, stored_plan[part], capacity, members.battery_flow[part], efficiency)


@kernel(parallel=True, plain=True)
def quote(
    members: Members,
    today: Today,
    state: State,
    load: NDArray[np.float64],
    pv: NDArray[np.float64],
    gate: Gate,
    efficiency: float,
    least: int,
    cars: Cars,
    charger: Charger,
    rooms: Rooms,
    thermostat: Thermostat,
    flows: Flows,
    period: int,
    block: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Plan one period at the gate and quote it: withdrawal as bids, surplus as offers, on price ticks.

    Parameters
    ----------
    members, today, state : Members, Today, State
        Columns; `state.planned` and `state.stored_plan` are written.
    load : ndarray of float64, shape (n_codes,)
        Load forecast at the gate by load code [kWh per annual kWh].
    pv : ndarray of float64, shape (n_pv_profiles,)
        Generation forecast at the gate [kWh per annual kWh].
    gate : Gate
        What members of an offer, strategy and noise row bid and ask.
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
    period : int64
        Settlement period.
    block : int64
        Members a block.

    Returns
    -------
    curves : ndarray of int64, shape (2, ticks)
        Energy bid and offered by tick [1e-6 kWh].
    totals : ndarray of int64, shape (n_offers, 7)
        Withdrawal, injection, buyers, sellers, bids, offers, and members with a surplus below `least`.
    """
    members, today, state = Members(*members), Today(*today), State(*state)
    gate = Gate(*gate)
    cars, charger, rooms = Cars(*cars), Charger(*charger), Rooms(*rooms)
    thermostat, flows = Thermostat(*thermostat), Flows(*flows)
    n = members.annual_kwh.size
    stored_plan, plans = state.stored_plan, state.planned
    n_offers, ticks = gate.most.size, gate.highest + 1
    blocks, sunny = (n + block - 1) // block, any_of_sign(pv, 1)
    curves = np.zeros((blocks, 2, ticks), np.int64)
    totals = np.zeros((blocks, n_offers, PLAN_TOTALS), np.int64)
    for b in prange(blocks):
        last = min(n, (b + 1) * block)
        for first in range(b * block, last, CHUNK):
            part = slice(first, min(last, first + CHUNK))
            net, pv_annual_kwh = plans[part], members.pv_annual_kwh[part]
            use(net, members.annual_kwh[part], today.load_code[part], load)
            if sunny and any_of_sign(pv_annual_kwh, 1):
                generate(net, pv_annual_kwh, members.pv_profile[part], pv)
            head = managed_part(flows, first, net.size)
            if head:
                quote_flows(
                    net[:head], first, flows, members, stored_plan, efficiency, pv, cars, charger, rooms, thermostat,
                    period,
                )  # fmt: skip
            _by_rule(net, first, members, stored_plan, efficiency, cars, charger, rooms, thermostat, flows, period)
            strategy, row, curve = members.strategy[part], today.quote_row[part], curves[b]
            if n_offers == 1:
                _collect(net, strategy, row, gate, 0, least, curve, totals[b, 0])
            else:
                for o in range(n_offers):
                    own = _of_offer(net, members.offer[part], o)
                    _collect(own, strategy, row, gate, o, least, curve, totals[b, o])
    if blocks == 1:
        return curves[0], totals[0]
    return curves.sum(axis=0), totals.sum(axis=0)
