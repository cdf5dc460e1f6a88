"""The loops over members: draw the day, plan it, quote, deliver, settle, bill.

Each runs over fixed blocks; a block writes integer totals of its own, so that results depend neither on the block
size nor on the number of threads. Energies are integers of 1e-6 kWh from the moment they are computed.

Columns that a kernel writes are named before the parallel loop: numba 0.68 loses what a ``prange`` loop writes to
an array reached through a tuple inside it.
"""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy.typing import NDArray

from gridagora.agents.columns import (
    BOUGHT,
    CHARGE,
    DELIVER_TOTALS,
    DELIVERED,
    DISCHARGE,
    EARNED,
    FED_IN,
    INJECTION,
    LOAD,
    LONG,
    NO_CONSENT,
    P_BID,
    P_BUYERS,
    P_INJECTION,
    P_OFFER,
    P_SELLERS,
    P_WITHDRAWAL,
    P_WITHDRAWN,
    PAID,
    PLAN_TOTALS,
    PV,
    SETTLE_TOTALS,
    SHORT,
    SOLD,
    T_BOUGHT,
    T_BUYERS,
    T_CURTAILED,
    T_DELIVERED,
    T_FED_IN,
    T_INJECTION,
    T_RETAIL,
    T_SELLERS,
    T_SHED,
    T_SOLD,
    T_USED,
    T_WITHDRAWAL,
    USED,
    WITHDRAWAL,
    Accounts,
    Members,
    State,
    Today,
)
from gridagora.markets.price_grid import award
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
            member = np.uint64(i)
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
        Tick that a member of a strategy and noise row quotes.
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
    plans = state.planned
    stored_plan = state.stored_plan
    blocks = (n + block - 1) // block
    curves = np.zeros((blocks, 2, ticks), np.int64)
    totals = np.zeros((blocks, PLAN_TOTALS), np.int64)
    for b in prange(blocks):
        for i in range(b * block, min(n, (b + 1) * block)):
            net = int(np.rint(members.annual_kwh[i] * load[today.load_code[i]] * 1e6))
            if members.pv_annual_kwh[i] > 0:
                net -= int(np.rint(members.pv_annual_kwh[i] * pv[members.pv_profile[i]] * 1e6))
                if members.battery_kwh[i] > 0:
                    stored = float(stored_plan[i])
                    charge, discharge = battery(
                        net, stored, members.battery_kwh[i], members.battery_flow[i], efficiency
                    )
                    stored_plan[i] = stored + (charge * efficiency - discharge / efficiency) * 1e-6
                    net += charge - discharge
            plans[i] = net
            strategy = members.strategy[i]
            if net > 0:
                totals[b, P_WITHDRAWAL] += net
                if strategy != NO_CONSENT:
                    totals[b, P_BUYERS] += 1
                    totals[b, P_BID] += net
                    curves[b, 0, buy_ticks[strategy, today.quote_row[i]]] += net
            elif net < 0:
                totals[b, P_INJECTION] -= net
                if strategy != NO_CONSENT:
                    if -net >= least:
                        totals[b, P_SELLERS] += 1
                        totals[b, P_OFFER] -= net
                        curves[b, 1, sell_ticks[strategy, today.quote_row[i]]] -= net
                    else:
                        totals[b, P_WITHDRAWN] += 1
    return curves.sum(axis=0), totals.sum(axis=0)


@kernel(parallel=True)
def deliver(
    members: Members,
    today: Today,
    state: State,
    load: NDArray[np.float64],
    pv: NDArray[np.float64],
    load_noise: NDArray[np.float64],
    pv_noise: NDArray[np.float64],
    efficiency: float,
    block: int,
) -> NDArray[np.int64]:
    """Open the realised values of one period: load, generation, battery, meter.

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
    block : int64
        Members a block.

    Returns
    -------
    ndarray of int64, shape (6,)
        Sums of load, generation, charge, discharge, withdrawal and injection [1e-6 kWh].
    """
    n = members.annual_kwh.size
    meter = state.net
    stored = state.stored
    blocks = (n + block - 1) // block
    totals = np.zeros((blocks, DELIVER_TOTALS), np.int64)
    for b in prange(blocks):
        for i in range(b * block, min(n, (b + 1) * block)):
            net = int(np.rint(members.annual_kwh[i] * load[today.load_code[i]] * load_noise[today.load_row[i]] * 1e6))
            totals[b, LOAD] += net
            if members.pv_annual_kwh[i] > 0:
                made = int(
                    np.rint(members.pv_annual_kwh[i] * pv[members.pv_profile[i]] * pv_noise[today.pv_row[i]] * 1e6)
                )
                totals[b, PV] += made
                net -= made
                if members.battery_kwh[i] > 0:
                    held = float(stored[i])
                    charge, discharge = battery(
                        net, held, members.battery_kwh[i], members.battery_flow[i], efficiency
                    )
                    stored[i] = held + (charge * efficiency - discharge / efficiency) * 1e-6
                    totals[b, CHARGE] += charge
                    totals[b, DISCHARGE] += discharge
                    net += charge - discharge
            meter[i] = net
            if net > 0:
                totals[b, WITHDRAWAL] += net
            else:
                totals[b, INJECTION] -= net
    summed: NDArray[np.int64] = totals.sum(axis=0)
    return summed


@kernel(parallel=True)
def settle(
    members: Members,
    today: Today,
    state: State,
    accounts: Accounts,
    price_class: int,
    buy_ticks: NDArray[np.int32],
    sell_ticks: NDArray[np.int32],
    margins: tuple[int, int, int, int, int, int],
    prices: tuple[float, float, float],
    cuts: tuple[float, float],
    least: int,
    block: int,
) -> NDArray[np.int64]:
    """Split each meter of one period into its uses and add them to the members' accounts (market_day.md 3).

    Parameters
    ----------
    members, today, state, accounts : Members, Today, State, Accounts
        Columns. `state.net` becomes the meter after shedding and curtailment, `state.planned` the award
        (bought positive, sold negative).
    price_class : int64
        Price class of the period.
    buy_ticks, sell_ticks : ndarray of int32, shape (n_strategies, rows)
        As quoted.
    margins : tuple
        Marginal tick of the bids, and accepted and bid energy there; the same of the offers.
    prices : tuple of float
        Auction price, and imbalance prices of the short and the long [currency/kWh].
    cuts : tuple of float
        Share of withdrawals shed and of injections curtailed.
    least : int64
        Least energy of an offer [1e-6 kWh].
    block : int64
        Members a block.

    Returns
    -------
    ndarray of int64, shape (12,)
        Sums of withdrawal, injection, retail, used, fed-in, bought, sold, delivered, shed and curtailed energy
        [1e-6 kWh]; members that bought and that sold.
    """
    n = members.annual_kwh.size
    meter = state.net
    plans = state.planned
    energy = accounts.energy
    money = accounts.money
    blocks = (n + block - 1) // block
    totals = np.zeros((blocks, SETTLE_TOTALS), np.int64)
    buy_tick, buy_num, buy_den, sell_tick, sell_num, sell_den = margins
    price, price_short, price_long = prices
    shed_share, curtailed_share = cuts
    uses = energy.shape[0] - 5
    for b in prange(blocks):
        for i in range(b * block, min(n, (b + 1) * block)):
            net = int(meter[i])
            withdrawal = max(net, 0)
            injection = max(-net, 0)
            if shed_share > 0:
                cut = min(withdrawal, int(np.ceil(withdrawal * shed_share)))
                withdrawal -= cut
                totals[b, T_SHED] += cut
            if curtailed_share > 0:
                cut = min(injection, int(np.ceil(injection * curtailed_share)))
                injection -= cut
                totals[b, T_CURTAILED] += cut
            meter[i] = withdrawal - injection
            planned = int(plans[i])
            bought = 0
            sold = 0
            strategy = members.strategy[i]
            if strategy != NO_CONSENT:
                row = today.quote_row[i]
                if planned > 0:
                    bought = award(1, buy_ticks[strategy, row], planned, buy_tick, buy_num, buy_den)
                elif -planned >= least:
                    sold = award(-1, sell_ticks[strategy, row], -planned, sell_tick, sell_num, sell_den)
            plans[i] = bought - sold
            used = min(bought, withdrawal)
            retail = withdrawal - used
            delivered = min(sold, injection)
            fed_in = injection - delivered
            if retail > 0:
                energy[price_class, i] += retail
            if fed_in > 0:
                energy[uses + FED_IN, i] += fed_in
            if bought > 0:
                energy[uses + USED, i] += used
                energy[uses + BOUGHT, i] += bought
                money[PAID, i] += bought * price
                money[LONG, i] += (bought - used) * price_long
                totals[b, T_BOUGHT] += bought
                totals[b, T_USED] += used
                totals[b, T_BUYERS] += 1
            if sold > 0:
                energy[uses + SOLD, i] += sold
                energy[uses + DELIVERED, i] += delivered
                money[EARNED, i] += sold * price
                money[SHORT, i] += (sold - delivered) * price_short
                totals[b, T_SOLD] += sold
                totals[b, T_DELIVERED] += delivered
                totals[b, T_SELLERS] += 1
            totals[b, T_WITHDRAWAL] += withdrawal
            totals[b, T_INJECTION] += injection
            totals[b, T_RETAIL] += retail
            totals[b, T_FED_IN] += fed_in
    summed: NDArray[np.int64] = totals.sum(axis=0)
    return summed


@kernel(parallel=True)
def bill_lines(
    accounts: Accounts,
    on_energy: NDArray[np.float64],
    on_money: NDArray[np.float64],
    fixed: NDArray[np.float64],
    bills: NDArray[np.int64],
    block: int,
) -> NDArray[np.int64]:
    """Round every line of every member's bill to date once and return the sums by line.

    Parameters
    ----------
    accounts : Accounts
        Columns.
    on_energy : ndarray of float64, shape (n_lines, n_classes + 5)
        Price of each energy column in a line [currency/kWh].
    on_money : ndarray of float64, shape (n_lines, 4)
        Factor of each money column in a line.
    fixed : ndarray of float64, shape (n_lines,)
        Fixed amount of a line to date [1e-6 currency].
    bills : ndarray of int64, shape (n,)
        Written: sum of the member's lines [1e-6 currency].
    block : int64
        Members a block.

    Returns
    -------
    ndarray of int64, shape (n_lines,)
        Sum of each line over the members, negative where they receive [1e-6 currency].
    """
    n = bills.size
    lines = on_energy.shape[0]
    blocks = (n + block - 1) // block
    totals = np.zeros((blocks, lines), np.int64)
    for b in prange(blocks):
        for i in range(b * block, min(n, (b + 1) * block)):
            bill = 0
            for line in range(lines):
                amount = fixed[line]
                for c in range(on_energy.shape[1]):
                    if on_energy[line, c] != 0.0:
                        amount += on_energy[line, c] * accounts.energy[c, i]
                for c in range(on_money.shape[1]):
                    if on_money[line, c] != 0.0:
                        amount += on_money[line, c] * accounts.money[c, i]
                rounded = int(np.rint(amount))
                bill += rounded
                totals[b, line] += rounded
            bills[i] = bill
    summed: NDArray[np.int64] = totals.sum(axis=0)
    return summed
