"""Who acts when: orders of arrival for sealed books and sessions, from a seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gridagora.markets.orders import FloatArray, IntArray
from gridagora.sim.streams import Streams


def by_time(time: ArrayLike) -> IntArray:
    """Return the order of arrival by time of entry; of equal times the first given comes first, shape (orders,)."""
    return np.argsort(np.asarray(time), kind="stable")


def random_rounds(traders: int, rounds: int, seed: int) -> IntArray:
    """Return rounds in which each trader acts once, in a new random order each time.

    Parameters
    ----------
    traders, rounds : int
        How many.
    seed : int
        Seed of the draws.

    Returns
    -------
    ndarray of int64, shape (rounds, traders)
        Trader by trader.
    """
    draws = Streams(seed)
    each = [np.argsort(draws.uniforms("arrivals", "rounds", traders, day), kind="stable") for day in range(rounds)]
    return np.array(each, dtype=np.int64).reshape(rounds, traders)


def random_turns(traders: int, turns: int, seed: int) -> IntArray:
    """Return who acts at each turn, every trader with the same chance each time, shape (turns,)."""
    return (Streams(seed).uniforms("arrivals", "turns", turns) * traders).astype(np.int64)


def poisson_arrivals(traders: int, rate: float, horizon: float, seed: int) -> tuple[FloatArray, IntArray]:
    """Return arrivals of traders that each come as a Poisson process.

    Parameters
    ----------
    traders : int
        How many.
    rate : float
        Mean number of arrivals of one trader per unit of time, above 0.
    horizon : float
        Length of the session, at least 0. [unit of time]
    seed : int
        Seed of the draws.

    Returns
    -------
    time : ndarray, shape (arrivals,)
        Times within [0, horizon), ascending.
    trader : ndarray of int64, shape (arrivals,)
        Who arrives.

    Raises
    ------
    ValueError
        If the rate is not above 0, or the horizon is below 0.
    """
    if not (rate > 0 and horizon >= 0):
        raise ValueError(f"arrivals: rate {rate}, horizon {horizon}; the rate must be above 0, the horizon at least 0")
    draws, block = Streams(seed), 1024
    gaps: list[FloatArray] = []
    elapsed = 0.0
    while elapsed < horizon:
        gaps.append(-np.log(draws.uniforms("arrivals", "gaps", block, draw=len(gaps))) / (rate * traders))
        elapsed += float(gaps[-1].sum())
    time = np.cumsum(np.concatenate([np.empty(0), *gaps]))
    time = time[time < horizon]
    return time, random_turns(traders, len(time), seed)
