"""Bilateral trades that neighbours agree on without an auctioneer, by consensus ADMM (model.md C11).

References
----------
.. [Sorin2019] E. Sorin, L. Bobo, P. Pinson, "Consensus-based approach to peer-to-peer electricity markets with product
   differentiation", IEEE Trans. Power Syst. 34(2), 994-1004, 2019. doi:10.1109/TPWRS.2018.2872880
.. [Boyd2011] S. Boyd, N. Parikh, E. Chu, B. Peleato, J. Eckstein, "Distributed optimization and statistical learning
   via the alternating direction method of multipliers", Found. Trends Mach. Learn. 3(1), 1-122, 2011.
   doi:10.1561/2200000016
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gridagora.markets.orders import FloatArray, read_only
from gridagora.sim.compiled import kernel

#: Halvings of a member's interval of marginal prices: 2^-60 of it is below the accuracy of a float.
_HALVINGS = 60


@kernel(inline=True)
def _answer(target: float, level: float, charge: float, sells: bool, buys: bool) -> float:
    """Return the trade at a marginal price: nothing while the gain is below the charge on it."""
    gain = target - level
    if gain > charge:
        return gain - charge if sells else 0.0
    return min(gain + charge, 0.0) if buys else 0.0


@kernel()
def answer_all(
    quadratic: FloatArray,
    linear: FloatArray,
    least: FloatArray,
    most: FloatArray,
    charge: FloatArray,
    wished: FloatArray,
    penalty: float,
    trades: FloatArray,
) -> None:
    """Let every member choose its trades, given what it agreed on last and at which prices.

    Parameters
    ----------
    quadratic, linear, least, most : ndarray, shape (members,)
        Cost a p^2 / 2 + b p of injecting p, and its bounds.
    charge : ndarray, shape (members, members)
        What a member counts against each kWh traded with another [currency/kWh].
    wished : ndarray, shape (members, members)
        Last agreed trades plus price over penalty [kWh].
    penalty : float
        Weight of disagreement [currency/kWh2].
    trades : ndarray, shape (members, members)
        Written: energy sold (positive) or bought (negative) [kWh].
    """
    n = linear.size
    for i in range(n):
        sells, buys = most[i] > 0, least[i] < 0
        low = linear[i] + quadratic[i] * least[i]
        high = linear[i] + quadratic[i] * most[i]
        for j in range(n):
            low = min(low, penalty * wished[i, j] - charge[i, j])
            high = max(high, penalty * wished[i, j] + charge[i, j])
        room = high - low + penalty * (most[i] - least[i])
        low, high = low - room, high + room
        for _ in range(_HALVINGS):
            level = (low + high) / 2.0
            total = 0.0
            for j in range(n):
                if j != i:
                    total += _answer(wished[i, j], level / penalty, charge[i, j] / penalty, sells, buys)
            if quadratic[i] > 0:
                best = min(max((level - linear[i]) / quadratic[i], least[i]), most[i])
            else:
                best = least[i] if level < linear[i] else most[i]
            if total > best:
                low = level
            else:
                high = level
        for j in range(n):
            if j != i:
                trades[i, j] = _answer(wished[i, j], high / penalty, charge[i, j] / penalty, sells, buys)


@dataclass(frozen=True, slots=True, eq=False)
class ConsensusTrades:
    """Trades on which all agree.

    Attributes
    ----------
    energy : ndarray, shape (members, members)
        What the row sells to the column; negative where it buys; antisymmetric [kWh].
    price : ndarray, shape (members, members)
        Price of each trade, symmetric, nan without a trade [currency/kWh].
    injection : ndarray, shape (members,)
        Sum of each row [kWh].
    income : ndarray, shape (members,)
        What each receives less what it pays; sums to 0 [currency].
    rounds : int
        Exchanges of messages.
    """

    energy: FloatArray
    price: FloatArray
    injection: FloatArray
    income: FloatArray
    rounds: int


def consensus_trades(
    quadratic: ArrayLike,
    linear: ArrayLike,
    least: ArrayLike,
    most: ArrayLike,
    charge: ArrayLike = 0.0,
    penalty: float = 1.0,
    tolerance: float = 1e-6,
    rounds: int = 20_000,
) -> ConsensusTrades:
    """Return bilateral trades and prices of least total cost, found by members that only talk to one another.

    Each member minimises its own cost, charges on trades included, plus a penalty on what differs from the last
    agreement; then each pair moves its trade to the middle and its price against the difference [Sorin2019]_,
    [Boyd2011]_. Charges are the product differentiation: distance, or an aversion to what is not green. The grid
    takes part as two members with linear cost: one that sells at the retail price and one that buys at the feed-in
    price; then no marginal price leaves that range. Who can only inject does not buy, who can only withdraw does
    not sell; who can do both may pass energy on.

    Parameters
    ----------
    quadratic, linear : array_like, shape (members,)
        Cost a p^2 / 2 + b p of injecting p: a at least 0 [currency/kWh2], b [currency/kWh]. A consumer injects
        negative energy, so its cost is minus its value.
    least, most : array_like, shape (members,)
        Bounds of the injection, finite [kWh].
    charge : array_like, shape (members, members), optional
        What the row counts against each kWh traded with the column, at least 0 [currency/kWh].
    penalty : float
        Weight of disagreement; it decides on the number of rounds, not on the result [currency/kWh2].
    tolerance : float
        Most that two sides of a trade may differ by and a trade may move in a round [kWh].
    rounds : int
        Most rounds.

    Returns
    -------
    ConsensusTrades

    Raises
    ------
    RuntimeError
        If they do not agree within `rounds`.
    ValueError
        If columns differ in length, bounds are out of order or not finite, or a, a charge or the penalty is negative.

    Examples
    --------
    >>> found = consensus_trades([0.1, 0.1], [0.0, 0.6], [0.0, -10.0], [10.0, 0.0], penalty=0.05)
    >>> found.energy[0, 1].round(4), found.price[0, 1].round(4)
    (np.float64(3.0), np.float64(0.3))
    """
    a, b, low, high = (np.array(column, dtype=np.float64) for column in (quadratic, linear, least, most))
    n = len(b)
    charges = np.ascontiguousarray(np.broadcast_to(np.asarray(charge, dtype=np.float64), (n, n)))
    _refuse(a, b, low, high, charges, penalty)
    trades, agreed, price = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
    done = 0
    while done < rounds:
        done += 1
        answer_all(a, b, low, high, charges, agreed + price / penalty, penalty, trades)
        before, agreed = agreed, (trades - trades.T) / 2.0
        gap = trades + trades.T
        price -= penalty * gap / 2.0
        if max(np.abs(gap).max(), np.abs(agreed - before).max()) <= tolerance:
            break
    else:
        raise RuntimeError(
            f"consensus: after {rounds} rounds two sides still differ by {np.abs(gap).max():.2g} kWh or move by "
            f"{np.abs(agreed - before).max():.2g} kWh; change `penalty` ({penalty}) or raise `rounds`"
        )
    agreed[np.abs(agreed) <= tolerance] = 0.0
    shown = np.where(agreed != 0, price, np.nan)
    injection, income = agreed.sum(axis=1), (price * agreed).sum(axis=1)
    return ConsensusTrades(read_only(agreed), read_only(shown), read_only(injection), read_only(income), done)


def _refuse(
    a: FloatArray, b: FloatArray, low: FloatArray, high: FloatArray, charge: FloatArray, penalty: float
) -> None:
    if not len(a) == len(b) == len(low) == len(high):
        raise ValueError(f"consensus: {len(a)}, {len(b)}, {len(low)} and {len(high)} entries; give one a member each")
    if not (np.isfinite(low).all() and np.isfinite(high).all() and np.all(low <= high)):
        raise ValueError("consensus: least and most must be finite, least at most `most` [kWh]")
    if not (np.all(a >= 0) and np.all(charge >= 0) and penalty > 0 and np.isfinite(b).all()):
        raise ValueError("consensus: quadratic and charge must be at least 0, penalty above 0, linear finite")
