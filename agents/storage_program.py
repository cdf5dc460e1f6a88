"""Plans of one stored quantity: the loop behind batteries, cars and buildings of a population.

What is stored follows state' = keep state + shift + gain a for a >= 0 and keep state + shift + loss a for a < 0, where
a is energy drawn at the connection. A period's cost and the value of a state are piecewise linear: lists of places and
of values there. While costs are convex, as between 0 <= sell <= buy, the value before a period merges the segments of
the value after it and of the period's cost by slope, and the plan is exact. A cost that is not convex, by a negative
price or one that pays more for selling, counts there with its convex hull and as it is once its period comes.

Lists of values follow one another in one column, so that the short ones of a day share few cache lines; those of costs
are rows of a table. Functions take column or table and the place: a view would cost a kernel more than the list.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gridagora.sim.compiled import kernel

Floats = NDArray[np.float64]

#: Cost of a kWh beyond the connection's limits, above any price: limits give way only where nothing else does.
BEYOND = 1e3
#: Most kinks of a period's cost, and of the value before it for each period that follows.
KINKS = 9
#: Widths and differences of slopes below which two places or segments are one.
LEAST = 1e-9


@kernel(inline="always")
def trade_cost(net: float, buy: float, sell: float, most_import: float, most_export: float) -> float:
    """Return the cost of a net energy [kWh] taken from, or fed into, the grid [currency]."""
    if net > 0.0:
        return buy * net + BEYOND * max(net - most_import, 0.0)
    return sell * net + BEYOND * max(-net - most_export, 0.0)


@kernel(inline="always")
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


@kernel(inline="always")
def grid_cost(net: float, pv: float, buy: float, sell: float, most_import: float, most_export: float) -> float:
    """Return the least cost of a period [currency], where `net` is load less generation [kWh]."""
    if buy >= 0.0 and sell >= 0.0:  # then nothing is curtailed but for the export limit
        if net >= 0.0:
            return buy * net + BEYOND * max(net - most_import, 0.0)
        if net >= -most_export:
            return sell * net
    spilled = curtail(net, pv, buy, sell, most_import, most_export)
    return trade_cost(net + spilled, buy, sell, most_import, most_export)


@kernel(inline="always")
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


@kernel(inline="always")
def list_kinks(
    gain: float,
    loss: float,
    most_in: float,
    most_out: float,
    load: float,
    pv: float,
    buy: float,
    sell: float,
    most_import: float,
    most_export: float,
    wear: float,
    t: int,
    change: Floats,
    cost: Floats,
) -> int:
    """Fill, in order, the changes of what is stored at which the cost of period t has a kink, and the costs there.

    Returns
    -------
    int
        How many, at most `KINKS`.
    """
    here, n = load - pv, 1
    change[t, 0] = -most_out
    for kink in (
        most_in, 0.0, -here, -load, -most_export - here, most_import - here, most_import - load
    ):  # fmt: skip
        if not -most_out < kink <= most_in:
            continue
        at = n
        while change[t, at - 1] > kink:
            change[t, at] = change[t, at - 1]
            at -= 1
        change[t, at] = kink
        n += 1
    for k in range(n):
        drawn = change[t, k]
        cost[t, k] = grid_cost(here + drawn, pv, buy, sell, most_import, most_export) + wear * max(-drawn, 0.0)
        change[t, k] = drawn * (gain if drawn > 0.0 else loss)
    return n


@kernel(inline="always")
def lower_hull(place: Floats, value: Floats, t: int, n: int, last: int) -> int:
    """Fill row `last` with the lower convex hull of row t's n points in order of place, and return how many it has."""
    m = 0
    for k in range(n):
        if m and place[t, k] - place[last, m - 1] <= LEAST:
            value[last, m - 1] = min(value[last, m - 1], value[t, k])
            continue
        while m >= 2 and (value[last, m - 1] - value[last, m - 2]) * (place[t, k] - place[last, m - 1]) >= (
            value[t, k] - value[last, m - 1]
        ) * (place[last, m - 1] - place[last, m - 2]):
            m -= 1
        place[last, m], value[last, m] = place[t, k], value[t, k]
        m += 1
    return m


@kernel(inline="always")
def value_before(
    least: float,
    most: float,
    here: int,
    place: Floats,
    value: Floats,
    later: int,
    later_n: int,
    last: int,
    change: Floats,
    cost: Floats,
    changes: int,
) -> int:
    """Fill the least cost over what is there without action, from `least` to `most`, and return the number of places.

    Places and values are filled from `here` on; those of the later value begin at `later`. Row `last` of changes and
    costs has the hull of the period.
    The segments of the later value and, mirrored, of the period's cost follow one another in order of slope.
    """
    i, k, n = 0, changes - 1, 0
    at, worth = place[later] - change[last, k], value[later] + cost[last, k]
    slope = before = -np.inf
    while True:
        if at >= least and (n == 0 or at - place[here + n - 1] > LEAST):
            if n >= 2 and slope - before <= LEAST:
                n -= 1
            before = slope if n else -np.inf
            place[here + n], value[here + n] = at, worth
            n += 1
        if at >= most or (i == later_n - 1 and k == 0):
            break
        of_value = of_cost = np.inf
        if i < later_n - 1:
            of_value = (value[later + i + 1] - value[later + i]) / (place[later + i + 1] - place[later + i])
        if k > 0:
            of_cost = (cost[last, k - 1] - cost[last, k]) / (change[last, k] - change[last, k - 1])
        slope = min(of_value, of_cost)
        if of_value <= of_cost:
            width = place[later + i + 1] - place[later + i]
            i += 1
        else:
            width = change[last, k] - change[last, k - 1]
            k -= 1
        if at < least < at + width:
            worth += slope * (least - at)
            width -= least - at
            at = least
            place[here], value[here], n = at, worth, 1
        width = min(width, most - at)
        worth += slope * width
        at += width
    if n == 0:
        place[here], value[here], n = at, worth, 1
    return n


@kernel(inline="always")
def add_band(place: Floats, value: Floats, n: int, low: float, high: float, outside_cost: float) -> int:
    """Add to a value the cost of lying outside a band, and return the number of places."""
    for edge in (low, high):
        k = 1
        while k < n and place[k] <= edge + LEAST:
            k += 1
        if k < n and place[k - 1] < edge - LEAST:
            share = (edge - place[k - 1]) / (place[k] - place[k - 1])
            added = value[k - 1] + share * (value[k] - value[k - 1])
            for j in range(n, k, -1):
                place[j], value[j] = place[j - 1], value[j - 1]
            place[k], value[k] = edge, added
            n += 1
    for k in range(n):
        value[k] += outside_cost * (max(low - place[k], 0.0) + max(place[k] - high, 0.0))
    return n


@kernel(inline="always")
def best_change(
    idle: float, t: int, later: int, place: Floats, value: Floats, n: int, change: Floats, cost: Floats, changes: int
) -> float:
    """Return the change of least cost from `idle` in period t; the least sum of piecewise linear costs is at a kink."""
    first, last = float(change[t, 0]), float(change[t, changes - 1])
    least, most = max(idle + first, float(place[later])), min(idle + last, float(place[later + n - 1]))
    if most <= least:  # by rounding only
        return min(max(0.5 * (least + most) - idle, first), last)
    i = k = 0
    at, best, found = least, np.inf, 0.0
    while True:
        while i < n - 2 and place[later + i + 1] <= at:
            i += 1
        while k < changes - 2 and idle + change[t, k + 1] <= at:
            k += 1
        sum_here = value[later + i] + (at - place[later + i]) * (value[later + i + 1] - value[later + i]) / (
            place[later + i + 1] - place[later + i]
        )
        if change[t, k + 1] > change[t, k]:
            sum_here += cost[t, k] + (at - idle - change[t, k]) * (cost[t, k + 1] - cost[t, k]) / (
                change[t, k + 1] - change[t, k]
            )
        if sum_here < best:
            best, found = sum_here, at - idle
        if at >= most:
            return min(max(found, first), last)
        after = most
        if place[later + i + 1] > at:
            after = min(after, place[later + i + 1])
        if idle + change[t, k + 1] > at:
            after = min(after, idle + change[t, k + 1])
        at = after


@kernel(inline="always")
def rooms(periods: int) -> tuple[Floats, Floats, Floats, Floats, NDArray[np.int64]]:
    """Return the rooms that :func:`plan_row` works in."""
    most = (periods + 1) * KINKS * (periods + 2)
    kinks = periods + 1, KINKS
    return np.empty(most), np.empty(most), np.empty(kinks), np.empty(kinks), np.empty((3, periods + 1), np.int64)


@kernel(inline="always")
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
    places: Floats,
    values: Floats,
    changes: Floats,
    costs: Floats,
    counts: NDArray[np.int64],
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
    places, values, changes, costs, counts
        From :func:`rooms`: kinks of values, period after period from the last; of costs of periods (the last row for a
        hull); their numbers, and where the kinks of each value begin.
    flow : ndarray, shape (periods,)
        Written. [kWh]

    Returns
    -------
    float
        Wear and what lies outside the band, less the worth of what is left. [currency]
    """
    periods = len(load)
    later, n = 0, 1
    places[0], values[0] = low[periods], -end_value * low[periods]
    if high[periods] - low[periods] > LEAST:
        n = 2
        places[1], values[1] = high[periods], -end_value * high[periods]
    for t in range(periods - 1, -1, -1):
        if outside_cost > 0.0:
            n = add_band(places[later:], values[later:], n, band_low, band_high, outside_cost)
        counts[0, t + 1], counts[2, t + 1] = n, later
        counts[1, t] = list_kinks(
            gain[t], loss, most_in[t], most_out[t], load[t], pv[t], buy[t], sell[t], most_import, most_export, wear,
            t, changes, costs,
        )  # fmt: skip
        if t == 0:
            break
        hull = lower_hull(changes, costs, t, counts[1, t], periods)
        here = later + n
        n = value_before(
            keep * low[t] + shift[t], keep * high[t] + shift[t], here, places, values, later, n, periods, changes,
            costs, hull,
        )  # fmt: skip
        later = here
        if keep != 1.0 or shift[t] != 0.0:
            for k in range(later, later + n):
                places[k] = (places[k] - shift[t]) / keep
    state, own = start, 0.0
    for t in range(periods):
        idle = keep * state + shift[t]
        change = best_change(
            idle, t, counts[2, t + 1], places, values, counts[0, t + 1], changes, costs, counts[1, t]
        )  # fmt: skip
        drawn = change / (gain[t] if change > 0.0 else loss)
        flow[t] = drawn = min(max(drawn, -most_out[t]), most_in[t])
        state = idle + (gain[t] if drawn > 0.0 else loss) * drawn
        own += wear * max(-drawn, 0.0)
        own += outside_cost * (max(band_low - state, 0.0) + max(state - band_high, 0.0))
    return own - end_value * state


@kernel(inline="always")
def row_cost(
    load: Floats, flow: Floats, pv: Floats, buy: Floats, sell: Floats, most_import: float, most_export: float
) -> float:
    """Return what a row's energy costs with a device's flow on top of everything else's load [currency]."""
    cost = 0.0
    for t in range(len(load)):
        cost += grid_cost(load[t] + flow[t] - pv[t], pv[t], buy[t], sell[t], most_import, most_export)
    return cost
