"""How members share what they save together: Shapley value, core, nucleolus (model.md C11).

A game is the array of its coalitions' values: entry m belongs to the members whose bits are set in m, entry 0 is 0.

References
----------
.. [Shapley1953] L. S. Shapley, "A value for n-person games", Contributions to the Theory of Games II, 307-317, 1953.
.. [Schmeidler1969] D. Schmeidler, "The nucleolus of a characteristic function game", SIAM J. Appl. Math. 17(6),
   1163-1170, 1969. doi:10.1137/0117107
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog

from gridagora.markets.orders import FloatArray
from gridagora.markets.strategies.draws import Draws

#: Members up to which all coalitions are looked at.
MOST_EXACT = 12
_TIGHT = 1e-9


def members_of(values: FloatArray) -> int:
    """Return the number of members of a game.

    Raises
    ------
    ValueError
        If there are not 2^n values, the empty coalition has one, or n is above 12.
    """
    n = len(values).bit_length() - 1
    if len(values) != 1 << n or n < 1 or values[0] != 0:
        raise ValueError(f"game: {len(values)} values, the first {values[:1]}; give 2^n, that of nobody 0")
    if n > MOST_EXACT:
        raise ValueError(f"game: {n} members; at most {MOST_EXACT} exactly, beyond that use shapley_sampled")
    return n


def _belongs(n: int) -> NDArray[np.bool_]:
    """Return who belongs to each coalition, shape (2^n, n)."""
    coalition = np.arange(1 << n)[:, None]
    found: NDArray[np.bool_] = (coalition >> np.arange(n)) & 1 == 1
    return found


def community_values(net_load: FloatArray, retail: ArrayLike, feed_in: ArrayLike) -> FloatArray:
    """Return what each coalition saves by sharing behind one point of common coupling.

    Parameters
    ----------
    net_load : ndarray, shape (members, periods)
        Imports (positive) and exports (negative) of each member [kWh].
    retail, feed_in : array_like, shape (periods,)
        Prices at the point of common coupling, feed_in <= retail [currency/kWh].

    Returns
    -------
    ndarray, shape (2^members,)
        Sum of the members' bills alone less the coalition's bill, at least 0 [currency].
    """
    high, low = np.asarray(retail, dtype=np.float64), np.asarray(feed_in, dtype=np.float64)
    belongs = _belongs(len(net_load)).astype(np.float64)

    def bill(load: FloatArray) -> FloatArray:
        costs: FloatArray = np.where(load > 0, load * high, load * low).sum(axis=-1)
        return costs

    values: FloatArray = belongs @ bill(net_load) - bill(belongs @ net_load)
    values[np.bitwise_count(np.arange(len(values))) < 2] = 0.0
    return values


def shapley(values: FloatArray) -> FloatArray:
    """Return the Shapley value [Shapley1953]_: each member's mean contribution over all orders of joining.

    Parameters
    ----------
    values : ndarray, shape (2^n,)
        The game, at most 12 members.

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> shapley(np.array([0.0, 0.0, 0.0, 1.0])).tolist()
    [0.5, 0.5]
    """
    n = members_of(values)
    size = np.bitwise_count(np.arange(len(values)))
    weight = np.array([1.0 / (n * math.comb(n - 1, s)) if s < n else 0.0 for s in range(n + 1)])
    share = np.empty(n)
    for member in range(n):
        without = np.flatnonzero(np.arange(len(values)) & (1 << member) == 0)
        share[member] = np.sum(weight[size[without]] * (values[without | (1 << member)] - values[without]))
    return share


class Sampled(NamedTuple):
    """Estimate with its standard error, shape (n,) each."""

    mean: FloatArray
    standard_error: FloatArray


def shapley_sampled(
    value: Callable[[NDArray[np.bool_]], float], members: int, samples: int = 1000, seed: int = 0
) -> Sampled:
    """Return the Shapley value estimated from random orders of joining.

    Parameters
    ----------
    value : callable
        Value of a coalition, given as one truth value a member.
    members : int
        At least 1.
    samples : int
        Orders, at least 2.
    seed : int
        Seed of the orders.

    Returns
    -------
    Sampled
        The means add up to the value of all, but for rounding of floats.
    """
    gained = np.empty((samples, members))
    draws = Draws(seed, "shapley")
    for sample in range(samples):
        order = np.argsort(draws.uniforms("order", np.arange(members), sample)[0], kind="stable")
        joined, before = np.zeros(members, dtype=np.bool_), 0.0
        for member in order.tolist():
            joined[member] = True
            after = value(joined)
            gained[sample, member], before = after - before, after
    return Sampled(gained.mean(axis=0), gained.std(axis=0, ddof=1) / math.sqrt(samples))


class LeastCore(NamedTuple):
    """An allocation of the least core.

    Attributes
    ----------
    share : ndarray, shape (n,)
        What each member gets.
    excess : float
        Most that a coalition could add by leaving; at most 0 where the core is not empty, and then `share` lies in it.
    """

    share: FloatArray
    excess: float


def least_core(values: FloatArray) -> LeastCore:
    """Return the allocation that leaves the most dissatisfied coalition the least to gain by leaving.

    Parameters
    ----------
    values : ndarray, shape (2^n,)
        The game, at most 12 members.

    Returns
    -------
    LeastCore
    """
    n = members_of(values)
    if n == 1:
        return LeastCore(values[1:].copy(), 0.0)
    solved = _round(n, values, np.arange(1, len(values) - 1), [len(values) - 1], [float(values[-1])])
    return LeastCore(solved[0], solved[1])


def _round(
    n: int, values: FloatArray, free: NDArray[np.int64], fixed: list[int], sums: list[float]
) -> tuple[FloatArray, float, NDArray[np.bool_]]:
    """Return allocation, least worst excess, and which of the free coalitions bind in every solution."""
    belongs = _belongs(n).astype(np.float64)
    found = linprog(
        np.append(np.zeros(n), 1.0),
        A_ub=np.hstack([-belongs[free], -np.ones((len(free), 1))]),
        b_ub=-values[free],
        A_eq=np.hstack([belongs[fixed], np.zeros((len(fixed), 1))]),
        b_eq=sums,
        bounds=(None, None),
        method="highs",
    )
    if found.status != 0:
        raise RuntimeError(f"cooperative game: HiGHS ended with '{found.message}'; check the values for nan")
    return found.x[:n], float(found.x[n]), found.ineqlin.marginals < -_TIGHT


def in_core(share: ArrayLike, values: FloatArray, tolerance: float = 1e-9) -> bool:
    """Return whether no coalition gains by leaving and all is shared out.

    Parameters
    ----------
    share : array_like, shape (n,)
        Allocation.
    values : ndarray, shape (2^n,)
        The game.
    tolerance : float
        What counts as nothing.
    """
    sums = _belongs(members_of(values)) @ np.asarray(share, dtype=np.float64)
    return bool(np.all(sums >= values - tolerance) and abs(sums[-1] - values[-1]) <= tolerance)


def nucleolus(values: FloatArray) -> FloatArray:
    """Return the allocation that makes the sorted dissatisfactions of all coalitions least [Schmeidler1969]_.

    One linear program after the other: the worst excess is made least, coalitions whose excess then cannot fall are
    fixed, and the worst of the others is next. (Members are not held to their own value; where the core is not empty
    it holds them.)

    Parameters
    ----------
    values : ndarray, shape (2^n,)
        The game, at most 12 members.

    Returns
    -------
    ndarray, shape (n,)
    """
    n = members_of(values)
    belongs = _belongs(n).astype(np.float64)
    fixed, sums = [len(values) - 1], [float(values[-1])]
    free = np.arange(1, len(values) - 1)
    while np.linalg.matrix_rank(belongs[fixed]) < n:
        _, excess, binding = _round(n, values, free, fixed, sums)
        for coalition in free[binding].tolist():
            # A coalition that follows from fixed ones adds only rounding errors.
            if np.linalg.matrix_rank(belongs[[*fixed, coalition]]) > len(fixed):
                fixed.append(coalition)
                sums.append(float(values[coalition]) - excess)
        free = free[_independent(belongs, fixed, free)]
    share: FloatArray = np.linalg.solve(belongs[fixed], np.array(sums))
    return share


def _independent(belongs: FloatArray, fixed: list[int], free: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which coalitions' sums do not follow from those that are fixed."""
    basis = np.linalg.qr(belongs[fixed].T)[0]
    rest = belongs[free] - (belongs[free] @ basis) @ basis.T
    found: NDArray[np.bool_] = np.abs(rest).max(axis=1) > _TIGHT
    return found
