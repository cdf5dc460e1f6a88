"""Roth-Erev reinforcement of price actions, original and modified (model.md A4, P8).

References
----------
.. [RothErev1995] A. E. Roth, I. Erev, "Learning in extensive-form games", Games Econ. Behav. 8, 164-212, 1995.
   doi:10.1016/S0899-8256(05)80020-X
.. [Nicolaisen2001] J. Nicolaisen, V. Petrov, L. Tesfatsion, "Market power and efficiency in a computational
   electricity market with discriminatory double-auction pricing", IEEE Trans. Evol. Comp. 5(5), 504-523, 2001.
   doi:10.1109/4235.956714
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

#: Propensities never fall below this, so that every action keeps a chance.
LEAST = 1e-9


@kernel()
def reinforce(
    member: IntArray,
    action: NDArray[np.int16],
    gain: FloatArray,
    live: NDArray[np.bool_],
    recency: float,
    experiment: float,
    modified: bool,
    propensity: FloatArray,
) -> None:
    """Change the propensities of members that quoted.

    Parameters
    ----------
    member, action, gain, live : ndarray, shape (n,)
        Rows, the actions chosen, their rewards, and whether there was an order.
    recency, experiment : float
        r and e.
    modified : bool
        Whether actions not chosen are reinforced by their own propensity.
    propensity : ndarray, shape (members, actions)
        Written.
    """
    n, actions = member.size, propensity.shape[1]
    for i in range(n):
        if not live[i]:
            continue
        row = member[i]
        for k in range(actions):
            old = propensity[row, k]
            if k == action[i]:
                felt = gain[i] * (1.0 - experiment)
            elif modified:
                felt = old * experiment / (actions - 1)
            else:
                felt = gain[i] * experiment / (actions - 1)
            propensity[row, k] = max((1.0 - recency) * old + felt, LEAST)


class RothErev(Frozen):
    """Chooses among margins in proportion to what each has earned.

    Propensities follow q <- (1 - r) q + E. The action chosen feels E = reward (1 - e). The others share reward e in
    the original [RothErev1995]_; in the modified form each feels e of its own propensity, so that it is not forgotten
    where nothing is earned [Nicolaisen2001]_. Rewards are profits over what the quantity earns at the highest margin.
    """

    variant: Literal["original", "modified"] = "modified"
    """How actions that were not chosen are reinforced."""
    actions: Annotated[int, Field(ge=2, le=1000)] = 30
    """Number of margins K, in equal steps from 0 to `highest_margin`."""
    highest_margin: Annotated[float, Field(gt=0)] = 1.0
    """Highest margin as a part of the limit price; quotes stay within the market's bounds."""
    recency: Annotated[float, Field(ge=0, lt=1)] = 0.10
    """Forgetting r."""
    experimentation: Annotated[float, Field(ge=0, lt=1)] = 0.20
    """Share e of the reward that goes to other actions."""
    strength: Annotated[float, Field(gt=0)] = 9.0
    """First propensities, as a multiple of the expected reward 1/2, shared by all actions."""
    temperature: Annotated[float, Field(ge=0)] = 0.0
    """0 chooses in proportion to the propensities, above 0 by Gibbs with this temperature."""

    def remember(self, members: int, draws: Draws) -> Memory:
        """Return propensities, shape (members, actions), and the last action, shape (members,)."""
        first = self.strength * 0.5 / self.actions
        return {
            "propensity": np.full((members, self.actions), first),
            "action": np.zeros(members, np.int16),
        }

    def quote(self, context: Context) -> tuple[FloatArray, FloatArray]:
        """Return quotes at drawn margins."""
        draw = context.draws.uniforms("roth erev", context.member, context.number)[0]
        action = choose(context.memory["propensity"], context.member, self.temperature, draw)
        context.memory["action"][context.member] = action
        return price_of(context, action, self.actions, self.highest_margin)

    def learn(self, feedback: Feedback) -> None:
        """Reinforce by the profit."""
        columns, member = feedback.context.memory, feedback.context.member
        reinforce(
            member,
            columns["action"][member],
            reward(feedback, self.highest_margin),
            feedback.quantity > 0,
            self.recency,
            self.experimentation,
            self.variant == "modified",
            columns["propensity"],
        )

    def settled(self, memory: Memory) -> NDArray[np.bool_]:
        """Return who chooses one action with more than 99 % (P8; not for Gibbs), shape (members,)."""
        propensity = memory["propensity"]
        found: NDArray[np.bool_] = propensity.max(axis=1) > 0.99 * propensity.sum(axis=1)
        return found
