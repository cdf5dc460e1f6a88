"""What some tariffs need of a member's month besides energy by price class: peaks, included energy, rebates.

One loop over members after settlement, which runs only where some tariff asks for it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange
from numpy.typing import NDArray

from gridagora.agents.columns import Accounts, Members, State
from gridagora.sim.compiled import kernel

#: Row of the money columns for energy at real-time prices.
REAL_TIME = 4


class Rows(NamedTuple):
    """Rows of the registers in the energy columns; -1 for one that no tariff needs."""

    included: int
    peak: int
    coincident: int
    unserved: int
    rebated: int


class Terms(NamedTuple):
    """What the offers ask of one settlement period.

    Parameters
    ----------
    price_class : ndarray of uint8, shape (n_offers,)
        Price class.
    premium : ndarray of float64, shape (n_offers,)
        Real-time price above that of the class [currency/kWh].
    contracted : ndarray of bool, shape (n_offers,)
        Whether only what departs from the contracted profile has that premium.
    quota : ndarray of float64, shape (n_offers,)
        Energy that the package includes this month [1e-6 kWh].
    """

    price_class: NDArray[np.uint8]
    premium: NDArray[np.float64]
    contracted: NDArray[np.bool_]
    quota: NDArray[np.float64]


@kernel(parallel=True)
def register(
    members: Members,
    load_code: NDArray[np.uint32],
    state: State,
    accounts: Accounts,
    rows: Rows,
    terms: Terms,
    profile: NDArray[np.float64],
    window: NDArray[np.int64],
    close_window: bool,
    system_peak: bool,
    windows_per_hour: int,
    block: int,
) -> None:
    """Note one settlement period of every member, after settlement.

    Parameters
    ----------
    members, state, accounts : Members, State, Accounts
        Columns, as settlement leaves them; `accounts` is written.
    load_code : ndarray of uint, shape (n,)
        Load code of each member on this day.
    rows : Rows
        Where registers stand.
    terms : Terms
        What the offers ask.
    profile : ndarray of float64, shape (n_codes,)
        Contracted profile of the period by load code [kWh per annual kWh].
    window : ndarray of int64, shape (n,)
        Written: energy withdrawn in the window over which power is averaged [1e-6 kWh].
    close_window : bool
        Whether this period is its last.
    system_peak : bool
        Whether the system's load has not been higher in a window of this month.
    windows_per_hour : int64
        Windows an hour.
    block : int64
        Members a block.
    """
    n = members.annual_kwh.size
    offers, annual_kwh = members.offer, members.annual_kwh
    net, awards = state.net, state.planned
    energy, money = accounts
    peaks = rows.peak >= 0 or rows.coincident >= 0
    real_time = money.shape[0] > REAL_TIME
    blocks = (n + block - 1) // block
    for b in prange(blocks):
        for i in range(b * block, min(n, (b + 1) * block)):
            o = offers[i]
            metered = max(int(net[i]), 0)
            retail = max(metered - max(int(awards[i]), 0), 0)
            if real_time and terms.premium[o] != 0.0:
                agreed = annual_kwh[i] * profile[load_code[i]] * 1e6 if terms.contracted[o] else 0.0
                money[REAL_TIME, i] += terms.premium[o] * (retail - agreed)
            if rows.included >= 0 and terms.quota[o] > 0.0:
                free = min(retail, max(int(terms.quota[o]) - energy[rows.included, i], 0))
                energy[rows.included, i] += free
                energy[terms.price_class[o], i] -= free
            if peaks:
                window[i] += metered
                if close_window:
                    power = window[i] * windows_per_hour
                    window[i] = 0
                    if rows.peak >= 0 and power > energy[rows.peak, i]:
                        energy[rows.peak, i] = power
                    if rows.coincident >= 0 and system_peak:
                        energy[rows.coincident, i] = power


@kernel(parallel=True)
def shed_by_service(
    members: Members,
    state: State,
    accounts: Accounts,
    share: NDArray[np.float64],
    row: int,
    block: int,
) -> int:
    """Shed withdrawals by the reliability of each member's tariff; return how much [1e-6 kWh].

    Parameters
    ----------
    members, state, accounts : Members, State, Accounts
        Columns; `state.net` and the register of energy not served are written.
    share : ndarray of float64, shape (n_offers,)
        Share of withdrawals shed under each offer [1].
    row : int64
        Row of energy not served; -1 for none.
    block : int64
        Members a block.
    """
    n = members.annual_kwh.size
    offers, net, energy = members.offer, state.net, accounts.energy
    blocks = (n + block - 1) // block
    shed = np.zeros(blocks, np.int64)
    for b in prange(blocks):
        for i in range(b * block, min(n, (b + 1) * block)):
            metered = int(net[i])
            if metered > 0 and share[offers[i]] > 0.0:
                cut = min(metered, int(np.ceil(metered * share[offers[i]])))
                net[i] = metered - cut
                shed[b] += cut
                if row >= 0:
                    energy[row, i] += cut
    return int(shed.sum())


@kernel(parallel=True)
def remember(net: NDArray[np.int64], history: NDArray[np.float32], slot: int, block: int) -> None:
    """Keep what members withdrew in a period of an ordinary day.

    Parameters
    ----------
    net : ndarray of int, shape (n,)
        Meters [1e-6 kWh].
    history : ndarray of float32, shape (days, n)
        Withdrawals in the same period of past days [kWh]; row `slot` is written.
    slot : int64
        Which past day gives way.
    block : int64
        Members a block.
    """
    n = net.size
    row = history[slot]
    for b in prange((n + block - 1) // block):
        for i in range(b * block, min(n, (b + 1) * block)):
            row[i] = max(int(net[i]), 0) * 1e-6


@kernel(parallel=True)
def rebate(
    net: NDArray[np.int64],
    offers: NDArray[np.uint8],
    entitled: NDArray[np.bool_],
    history: NDArray[np.float32],
    shift: NDArray[np.float32],
    rebated: NDArray[np.int64],
    block: int,
) -> None:
    """Add what members used less than their baseline in a period of an event (model.md B7).

    Parameters
    ----------
    net : ndarray of int, shape (n,)
        Meters [1e-6 kWh].
    offers : ndarray of uint8, shape (n,)
        Offer of each member.
    entitled : ndarray of bool, shape (n_offers,)
        Offers with the rebate.
    history : ndarray of float32, shape (days, n)
        Withdrawals in this period of past days [kWh].
    shift : ndarray of float32, shape (n,)
        Adjustment of the baseline by the same day [kWh].
    rebated : ndarray of int64, shape (n,)
        Written: energy below the baseline [1e-6 kWh].
    block : int64
        Members a block.
    """
    n = net.size
    days = history.shape[0]
    for b in prange((n + block - 1) // block):
        for i in range(b * block, min(n, (b + 1) * block)):
            if entitled[offers[i]]:
                baseline = 0.0
                for day in range(days):
                    baseline += history[day, i]
                baseline = max(baseline / days + shift[i], 0.0)
                rebated[i] += max(int(np.rint(baseline * 1e6)) - max(int(net[i]), 0), 0)
