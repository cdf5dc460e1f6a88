"""Price actions of strategies that learn which margin pays: the grid, the choice and the reward (model.md P8)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gridagora.markets.orders import FloatArray, IntArray
from gridagora.markets.strategies.strategy import Context, Feedback
from gridagora.sim.compiled import kernel


@kernel()
def choose(weight: FloatArray, member: IntArray, temperature: float, draw: FloatArray) -> NDArray[np.int16]:
    """Return an action of each member, drawn by its weights.

    Parameters
    ----------
    weight : ndarray, shape (members, actions)
        At least 0 and not all 0, or any values with a temperature.
    member : ndarray of int64, shape (n,)
        Rows to draw from.
    temperature : float
        0 draws in proportion to the weights, above 0 in proportion to exp(weight / temperature) (Gibbs).
    draw : ndarray, shape (n,)
        Uniform draws.

    Returns
    -------
    ndarray of int16, shape (n,)
    """
    n, actions = member.size, weight.shape[1]
    chosen = np.empty(n, np.int16)
    share = np.empty(actions)
    for i in range(n):
        row = member[i]
        most = weight[row].max() if temperature > 0 else 0.0
        total = 0.0
        for k in range(actions):
            value = weight[row, k]
            share[k] = np.exp((value - most) / temperature) if temperature > 0 else value
            total += share[k]
        left = draw[i] * total
        action = 0
        while action < actions - 1 and left >= share[action]:
            left -= share[action]
            action += 1
        chosen[i] = action
    return chosen


def price_of(
    context: Context, action: NDArray[np.int16], actions: int, highest: float
) -> tuple[FloatArray, FloatArray]:
    """Return price and quantity of actions: margins in equal steps from 0 to `highest` of the limit (P8)."""
    margin = action * (highest / (actions - 1))
    return context.offer(context.limit - context.side * margin * context.scale())


def reward(feedback: Feedback, highest: float) -> FloatArray:
    """Return profits as parts of what the whole quantity earns at the highest margin, shape (n,).

    So propensities and values do not depend on the units of price and energy, nor on how much a member has to trade.
    """
    most = feedback.quantity * feedback.context.scale() * highest
    return np.divide(feedback.profit, most, out=np.zeros(len(most)), where=most > 0)
