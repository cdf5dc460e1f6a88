"""Q-learning of price actions, with or without a market situation (model.md A4, P8).

References
----------
.. [WatkinsDayan1992] C. J. C. H. Watkins, P. Dayan, "Q-learning", Machine Learning 8, 279-292, 1992.
   doi:10.1007/BF00992698
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gridagora.markets.orders import FloatArray, IntArray
from gridagora.markets.strategies.actions import choose, price_of, reward
from gridagora.markets.strategies.draws import Draws
from gridagora.markets.strategies.strategy import Context, Feedback, Memory
from gridagora.sim.compiled import kernel
from gridagora.sim.plugin import Frozen


@kernel()
def choose_greedily(
    value: FloatArray, member: IntArray, visits: IntArray, fading: float, draw: FloatArray
) -> NDArray[np.int16]:
    """Return the best action of each member, the first of equals, or with a chance any action.

    Parameters
    ----------
    value : ndarray, shape (members, actions)
        Value of each action.
    member : ndarray of int64, shape (n,)
        Rows to choose from.
    visits : ndarray of int64, shape (members,)
        Rewards seen by each member, t.
    fading : float
        Rounds f after which the chance f / (f + t) of any action has halved.
    draw : ndarray, shape (2, n)
        Uniform draws.

    Returns
    -------
    ndarray of int16, shape (n,)
    """
    n, actions = member.size, value.shape[1]
    chosen = np.empty(n, np.int16)
    for i in range(n):
        row = member[i]
        if draw[0, i] * (fading + visits[row]) < fading:
            chosen[i] = int(draw[1, i] * actions)
        else:
            chosen[i] = np.argmax(value[row])
    return chosen


class QLearning(Frozen):
    """Chooses the margin of highest value, Q <- Q + a (reward + g max Q' - Q) [WatkinsDayan1992]_.

    Rewards are profits over what the quantity earns at the highest margin. Situations are public: the caller numbers
    them, for instance with :func:`price_situation`.
    """

    actions: Annotated[int, Field(ge=2, le=1000)] = 30
    """Number of margins, in equal steps from 0 to `highest_margin`."""
    highest_margin: Annotated[float, Field(gt=0)] = 1.0
    """Highest margin as a part of the limit price; quotes stay within the market's bounds."""
    situations: Annotated[int, Field(ge=1, le=1000)] = 1
    """Number of situations that are told apart; 1 for a learner without state."""
    rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Learning rate a."""
    discount: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Weight g of the next situation."""
    exploration: Literal["greedy", "boltzmann"] = "greedy"
    """`greedy` takes any action with a chance that fades with 1/t, `boltzmann` draws by exp(Q / temperature)."""
    fading: Annotated[float, Field(ge=0)] = 30.0
    """Rounds after which the chance of any action has halved: it is fading / (fading + t)."""
    temperature: Annotated[float, Field(gt=0)] = 0.02
    """Temperature of `boltzmann`, in rewards."""

    def remember(self, members: int, draws: Draws) -> Memory:
        """Return values, shape (situations, members, actions), visits and last action, shape (members,)."""
        return {
            "value": np.zeros((self.situations, members, self.actions)),
            "visits": np.zeros(members, np.int64),
            "action": np.zeros(members, np.int16),
        }

    def quote(self, context: Context) -> tuple[FloatArray, FloatArray]:
        """Return quotes at the margins chosen."""
        self._check(context.situation)
        columns, member = context.memory, context.member
        draw = context.draws.uniforms("q learning", member, context.number, draws=2)
        value = columns["value"][context.situation]
        if self.exploration == "greedy":
            action = choose_greedily(value, member, columns["visits"], self.fading, draw)
        else:
            action = choose(value, member, self.temperature, draw[0])
        columns["action"][member] = action
        return price_of(context, action, self.actions, self.highest_margin)

    def learn(self, feedback: Feedback) -> None:
        """Move the value of the action taken."""
        self._check(feedback.situation)
        columns, live = feedback.context.memory, feedback.quantity > 0
        rows = feedback.context.member[live]
        action = columns["action"][rows]
        value = columns["value"][feedback.context.situation]
        target = reward(feedback, self.highest_margin)[live]
        if self.discount > 0:
            target += self.discount * columns["value"][feedback.situation][rows].max(axis=1)
        value[rows, action] += self.rate * (target - value[rows, action])
        columns["visits"][rows] += 1

    def _check(self, situation: int) -> None:
        if not 0 <= situation < self.situations:
            raise ValueError(
                f"q_learning: situation {situation}; allowed 0 to {self.situations - 1}; set `situations` to what "
                "the market tells apart"
            )


def price_situation(price: float, terciles: tuple[float, float], hour: float) -> int:
    """Return the situation of an auction: tercile of the last price and block of six hours (A4).

    Parameters
    ----------
    price : float
        Last market price; nan counts as the middle tercile [currency/kWh].
    terciles : tuple of float
        Prices between the terciles [currency/kWh].
    hour : float
        Hour of the day, from 0 to below 24.

    Returns
    -------
    int
        0 to 11.
    """
    tercile = 1 if np.isnan(price) else int(price >= terciles[0]) + int(price >= terciles[1])
    return tercile * 4 + int(hour // 6)
