"""Who is at home and awake: a chain of four states for each resident of a household (model.md A1.1).

A resident is at home or away, awake or asleep, after the four-state model of [McKenna2015]_. The tables of shares
below are our own illustration, not theirs; each step's transition matrix is made of two neighbouring rows, so that the
shares of all residents follow the tables exactly, whatever the persistence.

References
----------
.. [McKenna2015] E. McKenna, M. Krawczynski, M. Thomson, "Four-state domestic building occupancy model for energy
   demand applications", Energy and Buildings 96, 30-39, 2015. doi:10.1016/j.enbuild.2015.03.013
"""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy.typing import NDArray

from gridagora.sim.compiled import kernel
from gridagora.sim.streams import Streams, philox, stream_key

Floats = NDArray[np.float64]

#: Step of the chain and of appliances [min], and steps a day.
STEP_MINUTES = 5
STEPS = 24 * 60 // STEP_MINUTES
#: States of a resident.
ACTIVE, ASLEEP, AWAY_ASLEEP, AWAY = range(4)
DAY_TYPES = ("workday", "saturday", "sunday")
#: Share of households with 1, 2, ... residents (ill).
SIZES = (0.38, 0.33, 0.14, 0.11, 0.04)
MOST_RESIDENTS = len(SIZES)
#: Share of residents who go out on workdays; the others live every workday like a Saturday (ill).
EMPLOYED = 0.55
#: Share of steps in which a resident moves as the household does (ill).
TOGETHER = 0.6
#: Mean time after which a resident's state is drawn anew, wherever the tables would let it stay [h] (ill).
MEMORY_HOURS = 2.5

#: Percent of residents in the first three states at each full hour; the rest are away and awake (ill).
#: Midnight is the same on all days, so that one day follows another.
SHARES: dict[str, tuple[tuple[int, int, int], ...]] = {
    "workday": (
        *((22, 62, 3), (10, 79, 4), (5, 86, 4), (3, 89, 4), (4, 88, 4), (10, 80, 3), (30, 55, 3), (46, 30, 2)),
        *((34, 16, 1), (24, 9, 1), (20, 6, 1), (20, 5, 0), (24, 4, 0), (22, 4, 0), (21, 5, 0), (25, 5, 0)),
        *((36, 5, 0), (52, 4, 0), (66, 3, 0), (73, 3, 0), (74, 5, 1), (70, 11, 1), (55, 27, 2), (36, 46, 2)),
    ),
    "saturday": (
        *((22, 62, 3), (15, 72, 4), (8, 80, 5), (5, 85, 5), (4, 87, 5), (6, 85, 5), (12, 78, 4), (24, 64, 4)),
        *((38, 46, 3), (48, 30, 2), (50, 20, 1), (48, 13, 1), (48, 9, 1), (46, 8, 0), (44, 9, 0), (45, 9, 0)),
        *((48, 8, 0), (54, 6, 0), (60, 5, 0), (62, 4, 0), (62, 5, 1), (60, 9, 1), (52, 20, 2), (38, 38, 3)),
    ),
    "sunday": (
        *((22, 62, 3), (16, 70, 5), (10, 78, 5), (6, 84, 5), (4, 87, 5), (5, 87, 4), (9, 82, 4), (17, 72, 4)),
        *((32, 54, 3), (46, 36, 2), (55, 23, 2), (58, 14, 1), (60, 10, 1), (56, 10, 0), (50, 11, 0), (50, 10, 0)),
        *((54, 9, 0), (62, 7, 0), (69, 5, 0), (73, 4, 0), (74, 6, 1), (69, 13, 1), (54, 30, 2), (36, 47, 2)),
    ),
}


def state_shares(day_type: str) -> Floats:
    """Return the share of residents in each state by step of a day, the next midnight included.

    Parameters
    ----------
    day_type : {"workday", "saturday", "sunday"}
        Type of the day, as residents live it.

    Returns
    -------
    ndarray of float64, shape (289, 4)
        Straight lines between full hours; rows sum to 1. [1]
    """
    table = np.array([*SHARES[day_type], SHARES[day_type][0]]) / 100.0
    hours = np.arange(STEPS + 1) * (STEP_MINUTES / 60.0)
    states = np.stack([np.interp(hours, np.arange(25), column) for column in table.T], axis=1)
    return np.column_stack([states, 1.0 - states.sum(axis=1)])


def transition(before: Floats, after: Floats, renewal: float) -> Floats:
    """Return the transition matrix that leads from one set of shares to the next.

    With probability `renewal` the state is drawn anew from `after`; otherwise as few residents move as can.

    Parameters
    ----------
    before, after : ndarray of float64, shape (4,)
        Shares of the states, each summing to 1.
    renewal : float
        Probability of a fresh draw, 0 to 1.

    Returns
    -------
    ndarray of float64, shape (4, 4)
        Rows sum to 1, and ``before @ matrix == after``.
    """
    missing, leaving = np.maximum(after - before, 0.0), np.maximum(before - after, 0.0)
    moves = missing / missing.sum() if missing.sum() > 0 else after
    out = np.divide(leaving, before, out=np.zeros(before.size), where=before > 0)
    fewest = np.diag(1.0 - out) + out[:, None] * moves
    matrix: Floats = renewal * after + (1.0 - renewal) * fewest
    return matrix


def transition_matrices() -> Floats:
    """Return all transition matrices, shape (3 day types, 288 steps, 4, 4)."""
    renewal = 1.0 - np.exp(-STEP_MINUTES / 60.0 / MEMORY_HOURS)
    shares = [state_shares(day_type) for day_type in DAY_TYPES]
    return np.array([[transition(day[s], day[s + 1], renewal) for s in range(STEPS)] for day in shares])


def residents_of(streams: Streams, name: str, first: int, count: int) -> NDArray[np.uint8]:
    """Draw the residents of households.

    Parameters
    ----------
    streams : Streams
        Random streams of the run.
    name : str
        Name of the population.
    first, count : int
        Number of the first household, and how many.

    Returns
    -------
    ndarray of uint8, shape (count, 2)
        Number of residents, 1 to 5, and how many of them go out on workdays.
    """
    size_of = streams.uniforms("residents", name, first + count)[first:]
    size = 1 + np.searchsorted(np.cumsum(SIZES)[:-1], size_of, side="right")
    going = np.stack(
        [streams.uniforms("employed", name, first + count, draw=r)[first:] < EMPLOYED for r in range(MOST_RESIDENTS)],
        axis=1,
    )
    employed = (going & (np.arange(MOST_RESIDENTS) < size[:, None])).sum(axis=1)
    return np.stack([size, employed], axis=1).astype(np.uint8)


def occupancy(
    streams: Streams, name: str, first: int, residents: NDArray[np.uint8], day_types: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return how many residents are at home and awake, and at home at all.

    Parameters
    ----------
    streams : Streams
        Random streams of the run.
    name : str
        Name of the population.
    first : int
        Number of the first household.
    residents : ndarray of uint8, shape (count, 2)
        Of :func:`residents_of`.
    day_types : ndarray of int64, shape (n_days,)
        Place of each day's type in :data:`DAY_TYPES`, from the first day of the chain on.

    Returns
    -------
    active, home : ndarray of uint8, shape (count, n_days * 288)
        Residents by step of 5 minutes.
    """
    shape = (len(residents), day_types.size * STEPS)
    active, home = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    k0, k1 = stream_key(streams.seed, "occupancy", name)
    edges = np.cumsum(transition_matrices(), axis=3)
    start = np.cumsum(state_shares("workday")[0])
    _live(k0, k1, first, residents, day_types, edges, start, active, home)
    return active, home


@kernel(parallel=True)
def _live(
    k0: np.uint64,
    k1: np.uint64,
    first: int,
    residents: NDArray[np.uint8],
    day_types: NDArray[np.int64],
    edges: Floats,
    start: Floats,
    active: NDArray[np.uint8],
    home: NDArray[np.uint8],
) -> None:
    """Write the chains of all residents; each household writes its own rows."""
    scale = 1.0 / 4294967296.0
    steps = edges.shape[1]
    for i in prange(residents.shape[0]):
        household = np.uint64(first + i)
        state = np.zeros(MOST_RESIDENTS, np.int64)
        for r in range(residents[i, 0]):
            w = philox(household, np.uint64(r), np.uint64(0), np.uint64(steps), k0, k1)
            state[r] = _drawn(start, (w[0] + 0.5) * scale)
        for day in range(day_types.size):
            for step in range(steps):
                at = day * steps + step
                for r in range(residents[i, 0]):
                    active[i, at] += state[r] == ACTIVE
                    home[i, at] += state[r] == ACTIVE or state[r] == ASLEEP
                common = philox(household, np.uint64(MOST_RESIDENTS), np.uint64(day), np.uint64(step), k0, k1)
                for r in range(residents[i, 0]):
                    w = philox(household, np.uint64(r), np.uint64(day), np.uint64(step), k0, k1)
                    u = common[0] if (w[1] + 0.5) * scale < TOGETHER else w[0]
                    lived = day_types[day] if r < residents[i, 1] or day_types[day] > 0 else 1
                    state[r] = _drawn(edges[lived, step, state[r]], (u + 0.5) * scale)


@kernel(inline=True)
def _drawn(edges: Floats, u: float) -> int:
    """Return the first place whose cumulated probability passes a uniform draw."""
    for place in range(edges.size - 1):
        if u < edges[place]:
            return place
    return int(edges.size - 1)
