"""Electric cars of a population in columns: the day's trips, and charging at home by rule (A1.5).

A car is plugged in whenever it is at home and charges until it is full. In each period it takes what is lacking less
what the cheaper periods that are left of the stay can take: so it fills up by departure at the least cost, exactly,
and keeps nothing in mind but what it holds. Where no period counts as cheaper it charges on arrival. All energies are
integers of 1e-6 kWh, so what is driven is exactly what was put in, less what more is held, plus public charging.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import prange
from numpy.typing import NDArray

from gridagora.agents.columns import DRIVEN, HELD, PUBLIC, VEHICLE
from gridagora.agents.flows import Flows, follows
from gridagora.sim.compiled import kernel
from gridagora.sim.streams import philox

#: Equally likely values that a trip's departure, return and distance are drawn from; a power of two.
LAW_ROWS = 4096

_MASK = np.uint64(0xFFFFFFFF)
_SHIFT32 = np.uint64(32)
_SHIFT20 = np.uint64(20)


class Cars(NamedTuple):
    """Cars of a population, by row of its members; all columns are empty where nobody has one.

    Parameters
    ----------
    capacity : ndarray of int32, shape (n,) or (0,)
        Usable energy [1e-6 kWh]; 0 without a car.
    held : ndarray of int32, shape (n,) or (0,)
        What the battery holds, planned as metered [1e-6 kWh].
    used : ndarray of int32, shape (n,) or (0,)
        What the day's trip takes [1e-6 kWh].
    leave, back : ndarray of uint16, shape (n,) or (0,)
        First period away and first one at home again; both 0 on a day without a trip.
    until : ndarray of uint16, shape (n,) or (0,)
        Period at which the stay after the return ends, counted from the start of the day, so above its last one.
    """

    capacity: NDArray[np.int32]
    held: NDArray[np.int32]
    used: NDArray[np.int32]
    leave: NDArray[np.uint16]
    back: NDArray[np.uint16]
    until: NDArray[np.uint16]


class Charger(NamedTuple):
    """How cars charge on one day.

    Parameters
    ----------
    flow : int
        Most energy a period at the connection [1e-6 kWh].
    efficiency : float
        Of charging [1].
    cheaper : ndarray of uint16, shape (n_offers, periods, 2 * periods + 1)
        Periods after one and before another that are cheaper than the one, as :func:`cheaper_periods` counts them.
    """

    flow: int
    efficiency: float
    cheaper: NDArray[np.uint16]


class TripLaws(NamedTuple):
    """Equally likely values of a trip, in rising order.

    Parameters
    ----------
    leave, back : ndarray of uint16, shape (4096,)
        First period away, and first one at home again; every departure is before every return.
    used : ndarray of int32, shape (4096,)
        Energy that the trip takes [1e-6 kWh].
    """

    leave: NDArray[np.uint16]
    back: NDArray[np.uint16]
    used: NDArray[np.int32]


def cheaper_periods(prices: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Count the cheaper periods of what is left of a stay, by offer, period and end of the stay.

    The next day is taken to have this day's prices; once it has come its own count. Of equally dear periods the
    earlier is used first. Prices are compared to 1e-9 currency/kWh.

    Parameters
    ----------
    prices : ndarray of float64, shape (n_offers, periods)
        Retail prices [currency/kWh].

    Returns
    -------
    ndarray of uint16, shape (n_offers, periods, 2 * periods + 1)
        Entry (o, t, e): periods s with t < s < e and a price below that of t.
    """
    rounded = np.round(prices, 9)
    n_offers, periods = prices.shape
    two_days = np.concatenate([rounded, rounded], axis=1)
    less = two_days[:, None, :] < rounded[:, :, None]
    less &= np.arange(2 * periods) > np.arange(periods)[:, None]
    count = np.zeros((n_offers, periods, 2 * periods + 1), np.uint16)
    count[:, :, 1:] = np.cumsum(less, axis=2)
    return count


@kernel(inline=True)
def _trip(
    member: np.uint64, day: np.uint64, k0: np.uint64, k1: np.uint64, laws: TripLaws, chance: int
) -> tuple[bool, int, int, int]:
    """Return whether a member's car makes a trip on a day, its departure, return and energy."""
    w = philox(member & _MASK, member >> _SHIFT32, day, np.uint64(0), k0, k1)
    goes = int(w[3]) < chance
    return goes, int(laws.leave[w[0] >> _SHIFT20]), int(laws.back[w[1] >> _SHIFT20]), int(laws.used[w[2] >> _SHIFT20])


@kernel(parallel=True)
def draw_trips(
    k0: np.uint64,
    k1: np.uint64,
    day: int,
    chances: tuple[int, int],
    laws: TripLaws,
    periods: int,
    number: NDArray[np.uint32],
    cars: Cars,
    block: int,
) -> None:
    """Draw the day's trip of each car, and the departure that ends the stay after it.

    Parameters
    ----------
    k0, k1 : uint64
        Key of the stream of trips; the draws belong to member and day.
    day : int64
        Day of the run.
    chances : tuple of int64
        Probability that a car makes its trip on this day and on the next, in parts of 2**32.
    laws : TripLaws
        Laws.
    periods : int64
        Settlement periods of a day.
    number : ndarray of uint32, shape (n,)
        Number of each member.
    cars : Cars
        `used`, `leave`, `back` and `until` are written.
    block : int64
        Members a block.
    """
    n = cars.capacity.size
    capacity, used, leave, back, until = cars.capacity, cars.used, cars.leave, cars.back, cars.until
    today, tomorrow = chances
    for b in prange((n + block - 1) // block):
        for i in range(b * block, min(n, (b + 1) * block)):
            if capacity[i] > 0:
                member = np.uint64(number[i])
                goes, out, home, energy = _trip(member, np.uint64(day), k0, k1, laws, today)
                leave[i] = out if goes else 0
                back[i] = home if goes else 0
                used[i] = energy if goes else 0
                goes, out, _, _ = _trip(member, np.uint64(day + 1), k0, k1, laws, tomorrow)
                until[i] = periods + (out if goes else periods)


@kernel(inline=True)
def charging(lacking: int, cheaper: int, flow: int, efficiency: float) -> int:
    """Return what a car at home draws in a period: what the cheaper periods of its stay cannot take.

    Parameters
    ----------
    lacking : int
        What the battery lacks until it is full [1e-6 kWh].
    cheaper : int
        Cheaper periods left of the stay.
    flow : int
        Most energy a period at the connection [1e-6 kWh].
    efficiency : float
        Of charging.

    Returns
    -------
    int
        At the connection [1e-6 kWh].
    """
    return max(0, min(flow, int(lacking / efficiency) - cheaper * flow))


@kernel(inline=True)
def _drawn(i: int, cars: Cars, offer: int, period: int, charger: Charger) -> int:
    """Return what car `i` draws in a period [1e-6 kWh]; nothing while it is away."""
    leave, back = int(cars.leave[i]), int(cars.back[i])
    if leave <= period < back:
        return 0
    end = leave if period < leave else int(cars.until[i])
    lacking = int(cars.capacity[i]) - int(cars.held[i])
    return charging(lacking, int(charger.cheaper[offer, period, end]), charger.flow, charger.efficiency)


@kernel(inline=True)
def plan_charging(net: NDArray[np.int64], i: int, cars: Cars, offer: int, charger: Charger) -> None:
    """Add a car's day to a member's plan.

    Parameters
    ----------
    net : ndarray of int64, shape (periods,)
        The member's plan [1e-6 kWh].
    i : int
        Row of the member, one with a car.
    cars, charger : Cars, Charger
        Columns, which stay as they are, and the day.
    offer : int
        Offer of the member.
    """
    leave, back, capacity, held = int(cars.leave[i]), int(cars.back[i]), int(cars.capacity[i]), int(cars.held[i])
    for t in range(net.size):
        if leave <= t < back:
            if t == leave:
                held -= min(held, int(cars.used[i]))
        else:
            end = leave if t < leave else int(cars.until[i])
            draw = charging(capacity - held, int(charger.cheaper[offer, t, end]), charger.flow, charger.efficiency)
            held += int(draw * charger.efficiency)
            net[t] += draw


@kernel(inline=True)
def quote_charging(
    net: NDArray[Any], first: int, cars: Cars, offer: NDArray[np.uint8], period: int, charger: Charger, flows: Flows
) -> None:
    """Add what cars without a plan mean to draw in a period to the plans of some members; columns stay as they are.

    Parameters
    ----------
    net : ndarray of int, shape (m,)
        Plans of the members from row `first` on [1e-6 kWh].
    first : int
        Their first row.
    cars, charger : Cars, Charger
        Columns of all members, and the day.
    offer : ndarray of uint8, shape (n,)
        Offer of each member.
    period : int
        Settlement period.
    flows : Flows
        Who follows a plan.
    """
    for j in range(net.size):
        i = first + j
        if cars.capacity[i] > 0 and not follows(flows, i):
            net[j] += _drawn(i, cars, int(offer[i]), period, charger)


@kernel(inline=True)
def charge(
    net: NDArray[Any],
    first: int,
    cars: Cars,
    held: NDArray[np.int32],
    offer: NDArray[np.uint8],
    period: int,
    charger: Charger,
    flows: Flows,
    totals: NDArray[np.int64],
) -> None:
    """Let the cars without a plan of some members drive off or charge in a period, on their meters.

    Who leaves with less than the trip takes charges the rest in public, on the way, and comes back empty.

    Parameters
    ----------
    net : ndarray of int, shape (m,)
        Meters of the members from row `first` on [1e-6 kWh].
    first : int
        Their first row.
    cars, charger : Cars, Charger
        Columns of all members, and the day.
    held : ndarray of int32, shape (n,)
        `cars.held` under a name of its own, since it is written.
    offer : ndarray of uint8, shape (n,)
        Offer of each member.
    period : int
        Settlement period.
    flows : Flows
        Who follows a plan.
    totals : ndarray of int64
        Row of totals of :func:`gridagora.agents.delivery.deliver`; its columns of cars grow.
    """
    drawn = driven = public = kept = 0
    for j in range(net.size):
        i = first + j
        if cars.capacity[i] > 0 and not follows(flows, i):
            holds = int(held[i])
            if period == int(cars.leave[i]) and cars.back[i] > cars.leave[i]:
                used = int(cars.used[i])
                driven += used
                public += max(used - holds, 0)
                holds -= min(used, holds)
            else:
                draw = _drawn(i, cars, int(offer[i]), period, charger)
                holds += int(draw * charger.efficiency)
                net[j] += draw
                drawn += draw
            held[i] = holds
            kept += holds
    totals[VEHICLE] += drawn
    totals[DRIVEN] += driven
    totals[PUBLIC] += public
    totals[HELD] += kept
