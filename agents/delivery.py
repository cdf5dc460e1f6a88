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
from gridagora.agents.kernels import battery
from gridagora.markets.price_grid import award
from gridagora.sim.compiled import kernel


@kernel(inline=True)
def _deliver_range(
    first: int,
    last: int,
    members: Members,
    today: Today,
    stored: NDArray[np.float32],
    meter: NDArray[Any],
    load: NDArray[np.float64],
    pv: NDArray[np.float64],
    load_noise: NDArray[np.float64],
    pv_noise: NDArray[np.float64],
    efficiency: float,
    totals: NDArray[np.int64],
) -> None:
    """Deliver members `first` to `last`; sums stay in registers until the end."""
    consumed = made = charged = discharged = withdrawn = injected = 0
    for i in range(first, last):
        net = int(np.rint(members.annual_kwh[i] * load[today.load_code[i]] * load_noise[today.load_row[i]] * 1e6))
        consumed += net
        if members.pv_annual_kwh[i] > 0:
            generated = int(
                np.rint(members.pv_annual_kwh[i] * pv[members.pv_profile[i]] * pv_noise[today.pv_row[i]] * 1e6)
            )
            made += generated
            net -= generated
            if members.battery_kwh[i] > 0:
                held = float(stored[i])
                charge, discharge = battery(net, held, members.battery_kwh[i], members.battery_flow[i], efficiency)
                stored[i] = held + (charge * efficiency - discharge / efficiency) * 1e-6
                charged += charge
                discharged += discharge
                net += charge - discharge
        meter[i] = net
        if net > 0:
            withdrawn += net
        else:
            injected -= net
    totals[LOAD], totals[PV], totals[CHARGE], totals[DISCHARGE] = consumed, made, charged, discharged
    totals[WITHDRAWAL], totals[INJECTION] = withdrawn, injected


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
        _deliver_range(
            b * block, last, members, today, stored, meter, load, pv, load_noise, pv_noise, efficiency, totals[b]
        )
    summed: NDArray[np.int64] = totals.sum(axis=0)
    return summed


@kernel(inline=True)
def _settle_range(
    first: int,
    last: int,
    strategies: NDArray[np.uint8],
    rows: NDArray[np.uint16],
    meter: NDArray[Any],
    plans: NDArray[Any],
    energy: NDArray[np.int64],
    money: NDArray[np.float64],
    price_class: int,
    buy_ticks: NDArray[np.int32],
    sell_ticks: NDArray[np.int32],
    margins: tuple[int, int, int, int, int, int],
    prices: tuple[float, float, float],
    cuts: tuple[float, float],
    least: int,
    totals: NDArray[np.int64],
) -> None:
    """Settle members `first` to `last`; sums stay in registers until the end."""
    buy_tick, buy_num, buy_den, sell_tick, sell_num, sell_den = margins
    price, price_short, price_long = prices
    shed_share, curtailed_share = cuts
    uses = energy.shape[0] - ENERGY_ROWS
    withdrawn = injected = bought_retail = all_used = all_fed_in = all_bought = all_sold = 0
    all_delivered = shed = curtailed = buyers = sellers = 0
    for i in range(first, last):
        net = int(meter[i])
        withdrawal, injection = max(net, 0), max(-net, 0)
        if shed_share > 0:
            cut = min(withdrawal, int(np.ceil(withdrawal * shed_share)))
            withdrawal -= cut
            shed += cut
        if curtailed_share > 0:
            cut = min(injection, int(np.ceil(injection * curtailed_share)))
            injection -= cut
            curtailed += cut
        meter[i] = withdrawal - injection
        planned = int(plans[i])
        bought = sold = 0
        strategy = strategies[i]
        if strategy != NO_CONSENT:
            if planned > 0:
                bought = award(1, buy_ticks[strategy, rows[i]], planned, buy_tick, buy_num, buy_den)
            elif -planned >= least:
                sold = award(-1, sell_ticks[strategy, rows[i]], -planned, sell_tick, sell_num, sell_den)
        plans[i] = bought - sold
        used, delivered = min(bought, withdrawal), min(sold, injection)
        retail, fed_in = withdrawal - used, injection - delivered
        if retail > 0:
            energy[price_class, i] += retail
        if fed_in > 0:
            energy[uses + FED_IN, i] += fed_in
        if bought > 0:
            energy[uses + BOUGHT, i] += bought
            money[PAID, i] += bought * price
            if used < bought:
                energy[uses + OVERBOUGHT, i] += bought - used
                money[LONG, i] += (bought - used) * price_long
            all_bought += bought
            all_used += used
            buyers += 1
        if sold > 0:
            energy[uses + SOLD, i] += sold
            money[EARNED, i] += sold * price
            if delivered < sold:
                energy[uses + UNDELIVERED, i] += sold - delivered
                money[SHORT, i] += (sold - delivered) * price_short
            all_sold += sold
            all_delivered += delivered
            sellers += 1
        withdrawn += withdrawal
        injected += injection
        bought_retail += retail
        all_fed_in += fed_in
    totals[T_WITHDRAWAL], totals[T_INJECTION], totals[T_RETAIL] = withdrawn, injected, bought_retail
    totals[T_USED], totals[T_FED_IN], totals[T_BOUGHT] = all_used, all_fed_in, all_bought
    totals[T_SOLD], totals[T_DELIVERED] = all_sold, all_delivered
    totals[T_SHED], totals[T_CURTAILED] = shed, curtailed
    totals[T_BUYERS], totals[T_SELLERS] = buyers, sellers


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
    strategies, rows = members.strategy, today.quote_row
    meter, plans = state.net, state.planned
    energy, money = accounts
    blocks = (n + block - 1) // block
    totals = np.zeros((blocks, SETTLE_TOTALS), np.int64)
    for b in prange(blocks):
        _settle_range(
            b * block,
            min(n, (b + 1) * block),
            strategies,
            rows,
            meter,
            plans,
            energy,
            money,
            price_class,
            buy_ticks,
            sell_ticks,
            margins,
            prices,
            cuts,
            least,
            totals[b],
        )
    summed: NDArray[np.int64] = totals.sum(axis=0)
    return summed


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
    blocks = (n + block - 1) // block
    totals = np.zeros((blocks, lines), np.int64)
    for b in prange(blocks):
        for i in range(b * block, min(n, (b + 1) * block)):
            bill = 0
            for line in range(lines):
                used = 0.0
                for c in range(quantity.shape[1]):
                    if quantity[line, c] != 0.0:
                        used += quantity[line, c] * accounts.energy[c, i]
                amount = price[line] * used + fixed[line]
                for c in range(on_money.shape[1]):
                    if on_money[line, c] != 0.0:
                        amount += on_money[line, c] * accounts.money[c, i]
                rounded = int(np.rint(amount))
                bill += rounded
                totals[b, line] += rounded
            bills[i] = bill
    summed: NDArray[np.int64] = totals.sum(axis=0)
    return summed
