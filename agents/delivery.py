"""The loops over members after the gate: deliver, settle, bill.

As in :mod:`gridagora.agents.kernels`, blocks are fixed and energies are integers of 1e-6 kWh.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from gridagora.agents.columns import (
    BOUGHT,
    CHARGE,
    CHUNK,
    DELIVER_TOTALS,
    DISCHARGE,
    EARNED,
    ENERGY_ROWS,
    FED_IN,
    INJECTION,
    LOAD,
    LONG,
    NO_CONSENT,
    OVERBOUGHT,
    PAID,
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
    UNDELIVERED,
    WITHDRAWAL,
    Accounts,
    Members,
    State,
    Today,
)
from gridagora.agents.kernels import any_of_sign, store
from gridagora.markets.price_grid import award
from gridagora.sim.compiled import kernel


@kernel(inline=True)
def _use(
    net: NDArray[Any],
    annual_kwh: NDArray[np.float32],
    code: NDArray[np.uint16],
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
        if annual_kwh[i] > 0:
            generated = int(np.rint(annual_kwh[i] * pv[profile[i]] * noise[row[i]] * 1e6))
            made += generated
            net[i] -= generated
    return made


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
    stored, meter = state.stored, state.net
    blocks = (n + block - 1) // block
    totals = np.zeros((blocks, DELIVER_TOTALS), np.int64)
    for b in prange(blocks):
        last = min(n, (b + 1) * block)
        for first in range(b * block, last, CHUNK):
            part = slice(first, min(last, first + CHUNK))
            net, pv_annual_kwh, battery_kwh = meter[part], members.pv_annual_kwh[part], members.battery_kwh[part]
            totals[b, LOAD] += _use(
                net, members.annual_kwh[part], today.load_code[part], load, today.load_row[part], load_noise
            )
            if any_of_sign(pv_annual_kwh, 1):
                totals[b, PV] += _generate(
                    net, pv_annual_kwh, members.pv_profile[part], pv, today.pv_row[part], pv_noise
                )
            if any_of_sign(battery_kwh, 1):
                charge, discharge = store(net, stored[part], battery_kwh, members.battery_flow[part], efficiency)
                totals[b, CHARGE] += charge
                totals[b, DISCHARGE] += discharge
            totals[b, WITHDRAWAL] += np.maximum(net, 0).sum()
            totals[b, INJECTION] += np.maximum(-net, 0).sum()
    summed: NDArray[np.int64] = totals.sum(axis=0)
    return summed


@kernel(inline=True)
def _cut(meter: NDArray[Any], shed_share: float, curtailed_share: float) -> tuple[int, int]:
    """Shed withdrawals and curtail injections of some members; return how much."""
    shed = curtailed = 0
    for i in range(meter.size):
        net = int(meter[i])
        if net > 0:
            cut = min(net, int(np.ceil(net * shed_share)))
            meter[i] = net - cut
            shed += cut
        else:
            cut = min(-net, int(np.ceil(-net * curtailed_share)))
            meter[i] = net + cut
            curtailed += cut
    return shed, curtailed


@kernel(inline=True)
def _award(
    plans: NDArray[Any],
    strategies: NDArray[np.uint8],
    rows: NDArray[np.uint16],
    buy_ticks: NDArray[np.int32],
    sell_ticks: NDArray[np.int32],
    margins: tuple[int, int, int, int, int, int],
    least: int,
) -> None:
    """Replace the plans of some members by their awards: bought positive, sold negative."""
    buy_tick, buy_num, buy_den, sell_tick, sell_num, sell_den = margins
    for i in range(plans.size):
        planned = int(plans[i])
        strategy = strategies[i]
        awarded = 0
        if strategy != NO_CONSENT:
            if planned > 0:
                awarded = award(1, buy_ticks[strategy, rows[i]], planned, buy_tick, buy_num, buy_den)
            elif -planned >= least:
                awarded = -award(-1, sell_ticks[strategy, rows[i]], -planned, sell_tick, sell_num, sell_den)
        plans[i] = awarded


@kernel(inline=True)
def _add_used(
    flow: NDArray[np.int64],
    won: NDArray[np.int64],
    energy: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    money: tuple[NDArray[np.float64], NDArray[np.float64]],
    prices: tuple[float, float],
    own_price: NDArray[np.float64],
    totals: NDArray[np.int64],
) -> None:
    """Add metered and awarded energy of one direction to some members' accounts.

    Column by column, so that the loops run on vectors and columns that none of the members needs are left alone.
    """
    rest, traded, unused = energy
    paid, paid_unused = money
    price, price_unused = prices
    metered = awarded = left = traders = 0
    for i in range(flow.size):
        metered += flow[i]
        awarded += won[i]
        left += max(won[i] - flow[i], 0)
        traders += won[i] > 0
    if metered > awarded - left:
        for i in range(flow.size):
            rest[i] += max(flow[i] - won[i], 0)
    if awarded > 0:
        for i in range(flow.size):
            traded[i] += won[i]
        if own_price.size > 0:
            for i in range(flow.size):
                paid[i] += won[i] * own_price[i]
        else:
            for i in range(flow.size):
                paid[i] += won[i] * price
    if left > 0:
        for i in range(flow.size):
            over = max(won[i] - flow[i], 0)
            unused[i] += over
            paid_unused[i] += over * price_unused
    totals[0] += metered
    totals[1] += awarded
    totals[2] += left
    totals[3] += traders


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
    own_price: NDArray[np.float64],
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
    own_price : ndarray of float64, shape (n,) or (0,)
        Where members trade at prices of their own, those [currency/kWh]: `state.planned` holds the awards already, and
        neither the ticks nor the auction price count.
    block : int64
        Members a block.

    Returns
    -------
    ndarray of int64, shape (12,)
        Sums of withdrawal, injection, retail, used, fed-in, bought, sold, delivered, shed and curtailed energy
        [1e-6 kWh]; members that bought and that sold.
    """
    n = members.annual_kwh.size
    strategies, rows = members.strategy, today.quote_row
    meter, plans = state.net, state.planned
    energy, money = accounts
    uses = energy.shape[0] - ENERGY_ROWS
    price, price_short, price_long = prices
    shed_share, curtailed_share = cuts
    own = own_price.size > 0
    trades = buy_ticks.max() >= margins[0] or sell_ticks.min() <= margins[3]
    blocks = (n + block - 1) // block
    sums = np.zeros((blocks, 2, 4), np.int64)
    cut = np.zeros((blocks, 2), np.int64)
    for b in prange(blocks):
        last = min(n, (b + 1) * block)
        for first in range(b * block, last, CHUNK):
            part = slice(first, min(last, first + CHUNK))
            net, awards = meter[part], plans[part]
            if shed_share > 0 or curtailed_share > 0:
                shed, curtailed = _cut(net, shed_share, curtailed_share)
                cut[b, 0] += shed
                cut[b, 1] += curtailed
            if trades and not own:
                _award(awards, strategies[part], rows[part], buy_ticks, sell_ticks, margins, least)
            elif not own:
                awards[:] = 0
            _add_used(
                np.maximum(net, 0),
                np.maximum(awards, 0),
                (energy[price_class, part], energy[uses + BOUGHT, part], energy[uses + OVERBOUGHT, part]),
                (money[PAID, part], money[LONG, part]),
                (price, price_long),
                own_price[part],
                sums[b, 0],
            )
            if any_of_sign(net, -1) or any_of_sign(awards, -1):
                _add_used(
                    np.maximum(-net, 0),
                    np.maximum(-awards, 0),
                    (energy[uses + FED_IN, part], energy[uses + SOLD, part], energy[uses + UNDELIVERED, part]),
                    (money[EARNED, part], money[SHORT, part]),
                    (price, price_short),
                    own_price[part],
                    sums[b, 1],
                )
    totals = np.zeros(SETTLE_TOTALS, np.int64)
    (withdrawn, bought, overbought, buyers), (injected, sold, undelivered, sellers) = sums.sum(axis=0)
    totals[T_WITHDRAWAL], totals[T_INJECTION] = withdrawn, injected
    totals[T_USED], totals[T_DELIVERED] = bought - overbought, sold - undelivered
    totals[T_RETAIL], totals[T_FED_IN] = withdrawn - totals[T_USED], injected - totals[T_DELIVERED]
    totals[T_BOUGHT], totals[T_SOLD] = bought, sold
    totals[T_SHED], totals[T_CURTAILED] = cut.sum(axis=0)
    totals[T_BUYERS], totals[T_SELLERS] = buyers, sellers
    return totals


@kernel(parallel=True)
def bill_lines(
    accounts: Accounts,
    quantity: NDArray[np.float64],
    price: NDArray[np.float64],
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
    quantity : ndarray of float64, shape (n_lines, n_classes + 5)
        Weight of each energy column in a line's quantity.
    price : ndarray of float64, shape (n_lines,)
        Price of a line's quantity [currency/kWh].
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
    lines = price.size
    energy, money = accounts
    blocks = (n + block - 1) // block
    totals = np.zeros((blocks, lines), np.int64)
    for b in prange(blocks):
        last = min(n, (b + 1) * block)
        for first in range(b * block, last, CHUNK):
            part = slice(first, min(last, first + CHUNK))
            bill = bills[part]
            bill[:] = 0
            for line in range(lines):
                amounts = np.zeros(bill.size)
                for c in range(quantity.shape[1]):
                    if quantity[line, c] != 0.0:
                        amounts += quantity[line, c] * energy[c, part]
                amounts *= price[line]
                amounts += fixed[line]
                for c in range(on_money.shape[1]):
                    if on_money[line, c] != 0.0:
                        amounts += on_money[line, c] * money[c, part]
                rounded = np.rint(amounts).astype(np.int64)
                bill += rounded
                totals[b, line] += rounded.sum()
    summed: NDArray[np.int64] = totals.sum(axis=0)
    return summed
