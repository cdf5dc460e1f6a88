"""The loops over members up to the gate: draw the day, plan it, quote.

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
    P_WITHDRAWN,
    PLAN_TOTALS,
    Members,
    State,
    Today,
)
from gridagora.sim.compiled import kernel
from gridagora.sim.streams import philox

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
            load_code[i] = code
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


@kernel(parallel=True)
def plan_day(
    members: Members,
    today: Today,
    state: State,
    load: NDArray[np.float64],
    pv: NDArray[np.float64],
    efficiency: float,
    least: int,
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
    block : int64
        Members a block.

    Returns
    -------
    ndarray of int64, shape (periods, 7)
        Sums of withdrawal, injection, buyers, sellers, bids and offers: energies in 1e-6 kWh.
    """
    n = members.annual_kwh.size
    stored_plan = state.stored_plan
    periods = load.shape[1]
    blocks = (n + block - 1) // block
    totals = np.zeros((blocks, periods, PLAN_TOTALS), np.int64)
    for b in prange(blocks):
        for i in range(b * block, min(n, (b + 1) * block)):
            capacity = members.battery_kwh[i]
            stored = float(state.stored[i])
            stored_plan[i] = state.stored[i]
            takes_part = members.strategy[i] != NO_CONSENT
            code = today.load_code[i]
            panel = members.pv_profile[i]
            for t in range(periods):
                net = int(np.rint(members.annual_kwh[i] * load[code, t] * 1e6))
                if members.pv_annual_kwh[i] > 0:
                    net -= int(np.rint(members.pv_annual_kwh[i] * pv[panel, t] * 1e6))
                    if capacity > 0:
                        charge, discharge = battery(net, stored, capacity, members.battery_flow[i], efficiency)
                        # As the column holds it, so that a perfect forecast ends where the meter does.
                        stored = float(np.float32(stored + (charge * efficiency - discharge / efficiency) * 1e-6))
                        net += charge - discharge
                if net > 0:
                    totals[b, t, P_WITHDRAWAL] += net
                    if takes_part:
                        totals[b, t, P_BUYERS] += 1
                        totals[b, t, P_BID] += net
                else:
                    totals[b, t, P_INJECTION] -= net
                    if takes_part and -net >= least:
                        totals[b, t, P_SELLERS] += 1
                        totals[b, t, P_OFFER] -= net
    summed: NDArray[np.int64] = totals.sum(axis=0)
    return summed


@kernel(inline=True)
def _quote_range(
    first: int,
    last: int,
    members: Members,
    today: Today,
    stored_plan: NDArray[np.float32],
    plans: NDArray[Any],
    load: NDArray[np.float64],
    pv: NDArray[np.float64],
    buy_ticks: NDArray[np.int32],
    sell_ticks: NDArray[np.int32],
    efficiency: float,
    least: int,
    curves: NDArray[np.int64],
    totals: NDArray[np.int64],
) -> None:
    """Quote members `first` to `last`; sums stay in registers until the end."""
    withdrawal = injection = buyers = sellers = bids = offers = withdrawn = 0
    for i in range(first, last):
        net = int(np.rint(members.annual_kwh[i] * load[today.load_code[i]] * 1e6))
        if members.pv_annual_kwh[i] > 0:
            net -= int(np.rint(members.pv_annual_kwh[i] * pv[members.pv_profile[i]] * 1e6))
            if members.battery_kwh[i] > 0:
                held = float(stored_plan[i])
                charge, discharge = battery(net, held, members.battery_kwh[i], members.battery_flow[i], efficiency)
                stored_plan[i] = held + (charge * efficiency - discharge / efficiency) * 1e-6
                net += charge - discharge
        plans[i] = net
        strategy = members.strategy[i]
        if net > 0:
            withdrawal += net
            tick = buy_ticks[strategy, today.quote_row[i]]
            if strategy != NO_CONSENT and tick >= 0:
                buyers += 1
                bids += net
                curves[0, tick] += net
        elif net < 0:
            injection -= net
            tick = sell_ticks[strategy, today.quote_row[i]]
            if strategy != NO_CONSENT and tick < curves.shape[1]:
                if -net >= least:
                    sellers += 1
                    offers -= net
                    curves[1, tick] -= net
                else:
                    withdrawn += 1
    totals[P_WITHDRAWAL], totals[P_INJECTION], totals[P_WITHDRAWN] = withdrawal, injection, withdrawn
    totals[P_BUYERS], totals[P_SELLERS], totals[P_BID], totals[P_OFFER] = buyers, sellers, bids, offers


@kernel(parallel=True)
def quote(
    members: Members,
    today: Today,
    state: State,
    load: NDArray[np.float64],
    pv: NDArray[np.float64],
    buy_ticks: NDArray[np.int32],
    sell_ticks: NDArray[np.int32],
    ticks: int,
    efficiency: float,
    least: int,
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
    buy_ticks, sell_ticks : ndarray of int32, shape (n_strategies, rows)
        Tick that a member of a strategy and noise row quotes; -1 to buy or `ticks` to sell is no order.
    ticks : int64
        Price ticks of the auction.
    efficiency : float
        Of charging and discharging, each.
    least : int64
        Least energy of an offer [1e-6 kWh].
    block : int64
        Members a block.

    Returns
    -------
    curves : ndarray of int64, shape (2, ticks)
        Energy bid and offered by tick [1e-6 kWh].
    totals : ndarray of int64, shape (7,)
        Withdrawal, injection, buyers, sellers, bids, offers, and members with a surplus below `least`.
    """
    n = members.annual_kwh.size
    stored_plan, plans = state.stored_plan, state.planned
    blocks = (n + block - 1) // block
    curves = np.zeros((blocks, 2, ticks), np.int64)
    totals = np.zeros((blocks, PLAN_TOTALS), np.int64)
    for b in prange(blocks):
        _quote_range(
            b * block,
            min(n, (b + 1) * block),
            members,
            today,
            stored_plan,
            plans,
            load,
            pv,
            buy_ticks,
            sell_ticks,
            efficiency,
            least,
            curves[b],
            totals[b],
        )
    return curves.sum(axis=0), totals.sum(axis=0)
