"""The loops over members after delivery: settle the meters of a period.

As in :mod:`gridagora.agents.kernels`, blocks are fixed and energies are integers of 1e-6 kWh.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from gridagora.agents.columns import (
    BOUGHT,
    CHUNK,
    EARNED,
    FED_IN,
    LONG,
    NO_CONSENT,
    OVERBOUGHT,
    PAID,
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
    Accounts,
    Members,
    State,
    Today,
)
from gridagora.agents.kernels import any_of_sign
from gridagora.agents.ticks import Gate, ask_tick, bid_tick
from gridagora.markets.price_grid import award
from gridagora.sim.compiled import kernel


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
    offers: NDArray[np.uint8],
    gate: Gate,
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
                tick = bid_tick(strategy, gate.most[offers[i]], gate.draws[rows[i]])
                awarded = award(1, tick, planned, buy_tick, buy_num, buy_den)
            elif -planned >= least:
                tick = ask_tick(strategy, gate.least[offers[i]], gate.draws[rows[i]], gate.highest)
                awarded = -award(-1, tick, -planned, sell_tick, sell_num, sell_den)
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


@kernel(inline=True)
def _split(
    net: NDArray[Any],
    awards: NDArray[Any],
    energy: NDArray[np.int64],
    money: NDArray[np.float64],
    part: slice,
    price_class: int,
    n_classes: int,
    prices: tuple[float, float, float],
    own_price: NDArray[np.float64],
    sums: NDArray[np.int64],
) -> None:
    """Split the meters of some members into their uses, in both directions."""
    price, price_short, price_long = prices
    _add_used(
        np.maximum(net, 0),
        np.maximum(awards, 0),
        (energy[price_class, part], energy[n_classes + BOUGHT, part], energy[n_classes + OVERBOUGHT, part]),
        (money[PAID, part], money[LONG, part]),
        (price, price_long),
        own_price[part],
        sums[0],
    )
    if any_of_sign(net, -1) or any_of_sign(awards, -1):
        _add_used(
            np.maximum(-net, 0),
            np.maximum(-awards, 0),
            (energy[n_classes + FED_IN, part], energy[n_classes + SOLD, part], energy[n_classes + UNDELIVERED, part]),
            (money[EARNED, part], money[SHORT, part]),
            (price, price_short),
            own_price[part],
            sums[1],
        )


@kernel(parallel=True, plain=True)
def settle(
    members: Members,
    today: Today,
    state: State,
    accounts: Accounts,
    n_classes: int,
    price_class: NDArray[np.uint8],
    gate: Gate,
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
    n_classes : int64
        Rows of retail energy by price class.
    price_class : ndarray of uint8, shape (n_offers,)
        Price class of the period under each offer.
    gate : Gate
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
    ndarray of int64, shape (n_offers, 12)
        Sums of withdrawal, injection, retail, used, fed-in, bought, sold, delivered, shed and curtailed energy
        [1e-6 kWh]; members that bought and that sold. What was shed and curtailed stands with the first offer.
    """
    members, today, state = Members(*members), Today(*today), State(*state)
    accounts, gate = Accounts(*accounts), Gate(*gate)
    n = members.annual_kwh.size
    strategies, rows, offers = members.strategy, today.quote_row, members.offer
    meter, plans = state.net, state.planned
    energy, money = accounts
    shed_share, curtailed_share = cuts
    own = own_price.size > 0
    n_offers = price_class.size
    trades = gate.most.max() >= margins[0] or gate.least.min() <= margins[3]
    blocks = (n + block - 1) // block
    sums = np.zeros((blocks, n_offers, 2, 4), np.int64)
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
                _award(awards, strategies[part], rows[part], offers[part], gate, margins, least)
            elif not own:
                awards[:] = 0
            if n_offers == 1:
                _split(net, awards, energy, money, part, price_class[0], n_classes, prices, own_price, sums[b, 0])
            else:
                for o in range(n_offers):
                    # Each tariff's members are settled in turn, with the others' meters at nothing.
                    theirs = (offers[part] == o).astype(np.int64)
                    metered, won, of = net * theirs, awards * theirs, price_class[o]
                    _split(metered, won, energy, money, part, of, n_classes, prices, own_price, sums[b, o])
    totals = np.zeros((n_offers, SETTLE_TOTALS), np.int64)
    by_offer = sums.sum(axis=0)
    for o in range(n_offers):
        withdrawn, bought, overbought, buyers = by_offer[o, 0]
        injected, sold, undelivered, sellers = by_offer[o, 1]
        total = totals[o]
        total[T_WITHDRAWAL], total[T_INJECTION] = withdrawn, injected
        total[T_USED], total[T_DELIVERED] = bought - overbought, sold - undelivered
        total[T_RETAIL], total[T_FED_IN] = withdrawn - total[T_USED], injected - total[T_DELIVERED]
        total[T_BOUGHT], total[T_SOLD] = bought, sold
        total[T_BUYERS], total[T_SELLERS] = buyers, sellers
    totals[0, T_SHED], totals[0, T_CURTAILED] = cut.sum(axis=0)
    return totals
