"""Plans of a battery where a day has one price to buy and one to sell, as under most tariffs.

A kWh that is given back saves the same whenever it does, and costs the same whenever it was generated. So it is enough
to do both as early as what is stored allows: between the least from which the day's end can still be reached with
what is generated, and the most that later demand has a use for. This finds the least cost in two passes over the day,
where :mod:`gridagora.agents.storage_program` weighs the prices of all periods.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gridagora.sim.compiled import kernel

Floats = NDArray[np.float64]


@kernel(inline=True)
def one_price(buys: Floats, sells: Floats) -> NDArray[np.bool_]:
    """Return which tariffs have one price all day, selling for no more than buying, shape (tariffs,).

    Parameters
    ----------
    buys, sells : ndarray, shape (tariffs, periods)
        Prices [currency/kWh].
    """
    found = np.empty(len(buys), np.bool_)
    for k in range(len(buys)):
        buy, sell = buys[k], sells[k]
        same = 0.0 <= sell[0] <= buy[0]
        for t in range(buy.size):
            same &= (buy[t] == buy[0]) & (sell[t] == sell[0])
        found[k] = same
    return found


@kernel(inline=True)
def plan_flat(
    start: float,
    capacity: float,
    most_in: float,
    most_out: float,
    gain: float,
    loss: float,
    wear: float,
    buy: float,
    sell: float,
    load: Floats,
    pv: Floats,
    low: Floats,
    high: Floats,
    flow: Floats,
) -> float:
    """Plan a battery that ends the day with what it holds; write what it draws [kWh] and return the wear [currency].

    Parameters
    ----------
    start, capacity : float
        What it holds, at first and at the end, and may hold [kWh].
    most_in, most_out : float
        Most energy drawn and given back in a period [kWh].
    gain, loss : float
        Stored by a kWh drawn, and taken from the store by a kWh given back.
    wear : float
        Cost of each kWh given back [currency/kWh].
    buy, sell : float
        Prices of all periods, 0 <= sell <= buy [currency/kWh].
    load, pv : ndarray, shape (periods,)
        Load and generation [kWh].
    low, high : ndarray, shape (periods + 1,)
        Scratch: the least and the most that is worth storing [kWh].
    flow : ndarray, shape (periods,)
        Written [kWh].
    """
    periods = len(load)
    if (buy - wear) * gain <= sell * loss:
        flow[:] = 0.0
        return 0.0
    low[periods] = high[periods] = start
    for t in range(periods - 1, -1, -1):
        net = load[t] - pv[t]
        low[t] = max(low[t + 1] - gain * min(max(-net, 0.0), most_in), 0.0)
        high[t] = min(high[t + 1] + loss * min(max(net, 0.0), most_out), capacity)
    state, given = start, 0.0
    per_stored, per_taken = 1.0 / gain, 1.0 / loss  # to divide in each period would take longer than all else
    for t in range(periods):
        net = load[t] - pv[t]
        if net > 0.0:
            drawn = -max(min(net, most_out, (state - low[t + 1]) * per_taken), 0.0)
            state += loss * drawn
            given -= drawn
        else:
            drawn = max(min(-net, most_in, (high[t + 1] - state) * per_stored), 0.0)
            state += gain * drawn
        flow[t] = drawn
    return wear * given
