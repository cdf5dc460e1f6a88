"""Dynamic programming over one stored quantity: the loop behind batteries, cars and buildings of a population.

What is stored follows state' = keep state + shift + gain a for a >= 0 and keep state + shift + loss a for a < 0, where
a is energy drawn at the connection. The value of a state is known at points between the least and the most that can be
reached and still serves all later needs, and is interpolated between them. Each step looks at the points in reach and
at every place where cost has a kink, so the minimum over an interpolated value is exact, whatever the signs of prices.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gridagora.sim.compiled import kernel

Floats = NDArray[np.float64]

#: Cost of a kWh beyond the connection's limits, above any price: limits give way only where nothing else does.
BEYOND = 1e3


@kernel(inline=True)
def trade_cost(net: float, buy: float, sell: float, most_import: float, most_export: float) -> float:
    """Return the cost of a net energy [kWh] taken from, or fed into, the grid [currency]."""
    if net > 0.0:
        return buy * net + BEYOND * max(net - most_import, 0.0)
    return sell * net + BEYOND * max(-net - most_export, 0.0)


@kernel(inline=True)
def curtail(net: float, pv: float, buy: float, sell: float, most_import: float, most_export: float) -> float:
    """Return the curtailment of least cost [kWh], from 0 to `pv`, where `net` is load less generation [kWh]."""
    if pv <= 0.0 or (0.0 <= sell <= buy and net >= -most_export):
        return 0.0
    best, found = trade_cost(net, buy, sell, most_import, most_export), 0.0
    for option in (pv, min(max(-net, 0.0), pv), min(max(-most_export - net, 0.0), pv)):
        cost = trade_cost(net + option, buy, sell, most_import, most_export)
        if cost < best:
            best, found = cost, option
    return found


@kernel(inline=True)
def grid_cost(net: float, pv: float, buy: float, sell: float, most_import: float, most_export: float) -> float:
    """Return the least cost of a period [currency], where `net` is load less generation [kWh]."""
    if buy >= 0.0 and sell >= 0.0:  # then nothing is curtailed but for the export limit
        if net >= 0.0:
            return buy * net + BEYOND * max(net - most_import, 0.0)
        if net >= -most_export:
            return sell * net
    spilled = curtail(net, pv, buy, sell, most_import, most_export)
    return trade_cost(net + spilled, buy, sell, most_import, most_export)


@kernel(inline=True)
def bound_states(
    start: float,
    keep: float,
    gain: Floats,
    shift: Floats,
    most_in: Floats,
    loss: float,
    most_out: Floats,
    floor: Floats,
    ceiling: Floats,
    low: Floats,
    high: Floats,
) -> None:
    """Fill the least and the most that may be stored before each period and at the end.

    Both can be reached from the start, and from both every later floor can. A ceiling gives way to what is there
    without any action.

    Parameters
    ----------
    start, keep, gain, shift, loss
        As in the module's first lines; gain, shift of shape (periods,).
    most_in, most_out : ndarray, shape (periods,)
        Most energy drawn and given back in a period. [kWh]
    floor, ceiling : ndarray, shape (periods + 1,)
        Least and most that may be stored; floors must be in reach.
    low, high : ndarray, shape (periods + 1,)
        Written.
    """
    periods = len(gain)
    low[periods] = floor[periods]
    for t in range(periods - 1, -1, -1):
        low[t] = max(floor[t], (low[t + 1] - gain[t] * most_in[t] - shift[t]) / keep)
    low[0] = start
    high[0] = start
    for t in range(periods):
        idle_low, idle_high = keep * low[t] + shift[t], keep * high[t] + shift[t]
        low[t + 1] = max(low[t + 1], idle_low - loss * most_out[t])
        most = min(max(ceiling[t + 1], idle_high - loss * most_out[t]), idle_high + gain[t] * most_in[t])
        high[t + 1] = max(low[t + 1], most)


@kernel(inline=True)
def best_action(
    state: float,
    keep: float,
    gain: float,
    shift: float,
    loss: float,
    most_in: float,
    most_out: float,
    low: float,
    high: float,
    later: Floats,
    load: float,
    pv: float,
    buy: float,
    sell: float,
    most_import: float,
    most_export: float,
    wear: float,
    band_low: float,
    band_high: float,
    outside_cost: float,
    kinks: Floats,
) -> tuple[float, float]:
    """Return the least cost from a period on [currency] and the energy drawn in it [kWh], negative where given back."""
    points = len(later)
    idle = keep * state + shift
    least = max(low, idle - loss * most_out)
    most = min(high, idle + gain * most_in)
    if most < least:  # by rounding only
        least = most = min(max(0.5 * (least + most), idle - loss * most_out), idle + gain * most_in)
    width = high - low
    step, per = width / (points - 1), (points - 1) / width if width > 1e-9 else 0.0
    per_gain, per_loss = 1.0 / gain, 1.0 / loss
    here = load - pv
    kinks[0], kinks[1], kinks[2], kinks[3], kinks[4] = least, most, idle, band_low, band_high
    kinks[5], kinks[6], kinks[7] = -here, -load, -most_export - here
    kinks[8], kinks[9] = most_import - here, most_import - load
    best, found = np.inf, 0.0
    for i in range(10):
        if 3 <= i < 5 and outside_cost == 0.0:
            continue
        then = kinks[i] if i < 5 else idle + (gain if kinks[i] > 0.0 else loss) * kinks[i]
        if then < least or then > most:
            continue
        change = then - idle
        drawn = change * (per_gain if change > 0.0 else per_loss)
        place = (then - low) * per
        below = min(int(place), points - 2)
        cost = grid_cost(here + drawn, pv, buy, sell, most_import, most_export) + wear * max(-drawn, 0.0)
        cost += outside_cost * (max(band_low - then, 0.0) + max(then - band_high, 0.0))
        cost += later[below] + (place - below) * (later[below + 1] - later[below])
        if cost < best:
            best, found = cost, drawn
    if per > 0.0:
        for k in range(int(np.ceil((least - low) * per)), int((most - low) * per) + 1):
            then = low + k * step
            change = then - idle
            drawn = change * (per_gain if change > 0.0 else per_loss)
            cost = grid_cost(here + drawn, pv, buy, sell, most_import, most_export) + wear * max(-drawn, 0.0)
            cost += outside_cost * (max(band_low - then, 0.0) + max(then - band_high, 0.0)) + later[k]
            if cost < best:
                best, found = cost, drawn
    return best, min(max(found, -most_out), most_in)


@kernel(inline=True)
def plan_row(
    start: float,
    keep: float,
    gain: Floats,
    shift: Floats,
    most_in: Floats,
    loss: float,
    most_out: Floats,
    low: Floats,
    high: Floats,
    load: Floats,
    pv: Floats,
    buy: Floats,
    sell: Floats,
    most_import: float,
    most_export: float,
    wear: float,
    band_low: float,
    band_high: float,
    outside_cost: float,
    end_value: float,
    value: Floats,
    kinks: Floats,
    flow: Floats,
) -> float:
    """Plan one row; write the energy drawn in each period and return the device's own cost.

    Parameters
    ----------
    start, keep, gain, shift, most_in, loss, most_out, low, high
        As in :func:`bound_states`, which fills the last two.
    load, pv : ndarray, shape (periods,)
        Load of everything else, and generation before curtailment. [kWh]
    buy, sell : ndarray, shape (periods,)
        Prices. [currency/kWh]
    most_import, most_export : float
        Limits of the connection. [kWh]
    wear : float
        Cost of each kWh given back. [currency/kWh]
    band_low, band_high, outside_cost : float
        What may be stored at no cost, and the cost of each unit outside it in a period. [currency]
    end_value : float
        Worth of a unit stored at the end. [currency]
    value : ndarray, shape (periods + 1, points)
        Room for values.
    kinks : ndarray, shape (10,)
        Room for places of kinks.
    flow : ndarray, shape (periods,)
        Written. [kWh]

    Returns
    -------
    float
        Wear and what lies outside the band, less the worth of what is left. [currency]
    """
    periods, points = len(load), value.shape[1]
    for k in range(points):
        value[periods, k] = -end_value * (low[periods] + (high[periods] - low[periods]) * k / (points - 1))
    for t in range(periods - 1, 0, -1):
        step = (high[t] - low[t]) / (points - 1)
        for k in range(points):
            value[t, k], _ = best_action(
                low[t] + step * k, keep, gain[t], shift[t], loss, most_in[t], most_out[t], low[t + 1], high[t + 1],
                value[t + 1], load[t], pv[t], buy[t], sell[t], most_import, most_export, wear, band_low, band_high,
                outside_cost, kinks,
            )  # fmt: skip
    state, own = start, 0.0
    for t in range(periods):
        _, drawn = best_action(
            state, keep, gain[t], shift[t], loss, most_in[t], most_out[t], low[t + 1], high[t + 1],
            value[t + 1], load[t], pv[t], buy[t], sell[t], most_import, most_export, wear, band_low, band_high,
            outside_cost, kinks,
        )  # fmt: skip
        flow[t] = drawn
        state = keep * state + shift[t] + (gain[t] if drawn > 0.0 else loss) * drawn
        own += wear * max(-drawn, 0.0)
        own += outside_cost * (max(band_low - state, 0.0) + max(state - band_high, 0.0))
    return own - end_value * state


@kernel(inline=True)
def row_cost(
    load: Floats, flow: Floats, pv: Floats, buy: Floats, sell: Floats, most_import: float, most_export: float
) -> float:
    """Return what a row's energy costs with a device's flow on top of everything else's load [currency]."""
    cost = 0.0
    for t in range(len(load)):
        cost += grid_cost(load[t] + flow[t] - pv[t], pv[t], buy[t], sell[t], most_import, most_export)
    return cost
