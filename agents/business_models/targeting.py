"""Whom a provider should call on: lifetime values, and how well a ranking finds the best (model.md D8.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.sim.bounds import within

Floats = NDArray[np.float64]


def lifetime_value(margin: ArrayLike, stays: ArrayLike, rate: float, years: int) -> Floats:
    """Return sum over t = 1 ... n of margin s^t / (1 + r)^t: what customers are worth while they stay [currency].

    Parameters
    ----------
    margin : array-like
        What the provider keeps of a customer in a year [currency/a].
    stays : array-like
        Share of customers that are still there a year later [1].
    rate : float
        Discount rate, above -1 [1/a].
    years : int
        n, at least 1 [a].

    Examples
    --------
    >>> float(lifetime_value(100.0, 0.5, 0.0, 2))
    75.0
    """
    kept = within("stays", stays, 0.0, 1.0) / (1 + rate)
    return np.asarray(np.asarray(margin) * sum(kept**t for t in range(1, years + 1)))


def best(score: Floats, k: int) -> NDArray[np.bool_]:
    """Return who is among the k highest scores, ties by place, shape (n,).

    Parameters
    ----------
    score : ndarray of float64, shape (n,)
        Higher is better.
    k : int
        How many, 0 to n.

    Raises
    ------
    ValueError
        If there are fewer than k.
    """
    if not 0 <= k <= score.size:
        raise ValueError(f"k: given {k}; allowed 0 to {score.size}, the number of scores")
    found = np.zeros(score.size, np.bool_)
    found[np.argsort(-score, kind="stable")[:k]] = True
    return found


def precision_at_k(score: Floats, value: Floats, k: int) -> float:
    """Return the share of the k best by score that are among the k best by value [1].

    Parameters
    ----------
    score : ndarray of float64, shape (n,)
        By which customers are ranked.
    value : ndarray of float64, shape (n,)
        What they are truly worth.
    k : int
        1 to n.

    Examples
    --------
    >>> precision_at_k(np.array([3.0, 2.0, 1.0]), np.array([5.0, 1.0, 2.0]), 2)
    0.5
    """
    if k < 1:
        raise ValueError(f"k: given {k}; allowed 1 to {score.size}, the number of scores")
    return float((best(score, k) & best(value, k)).sum() / k)
