"""A supplier that learns the best price by trying: bandits over price arms, and what learning costs (model.md B12)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from gridagora.markets.orders import FloatArray, IntArray, read_only
from gridagora.sim.bounds import within
from gridagora.sim.streams import Streams


class PriceSetter(Protocol):
    """What :func:`set_prices` asks of a learner: a choice, then what became of it."""

    prices: FloatArray

    def choose(self, step: int, cost: float) -> int:
        """Return the number of the price to post, at a cost of energy [currency/kWh]."""
        ...

    def learn(self, arm: int, cost: float, demand: float) -> None:
        """Take notice of the demand [kWh] at a posted price."""
        ...


class EpsilonGreedy:
    """Mostly the price of highest mean profit so far, sometimes any; each is tried once first.

    Parameters
    ----------
    prices : array-like, shape (arms,)
        Prices to choose from [currency/kWh].
    streams : Streams
        Random streams of the run.
    name : str
        Name of the supplier, the key of the draws.
    explore : float
        Chance to try any price, 0 to 1.
    fade : float
        Steps after which that chance has halved: explore / (1 + step / fade); infinite if it stays.
    """

    def __init__(
        self, prices: ArrayLike, streams: Streams, name: str, explore: float = 0.1, fade: float = np.inf
    ) -> None:
        self.prices = read_only(within("prices", prices).copy())
        self.explore = float(within("explore", explore, 0.0, 1.0))
        if not fade > 0:
            raise ValueError(f"fade: given {fade}; allowed: above 0 steps, infinite if exploration stays")
        self.fade, self.streams, self.name = fade, streams, name
        self.tries, self.profit = np.zeros(len(self.prices), np.int64), np.zeros(len(self.prices))

    def choose(self, step: int, cost: float) -> int:  # noqa: D102
        if not self.tries.all():
            return int(np.argmin(self.tries))
        explores, which = self.streams.uniforms("price trial", self.name, 2, step)
        if explores < self.explore / (1 + step / self.fade):
            return int(which * len(self.prices))
        return int(np.argmax(self.profit / self.tries))

    def learn(self, arm: int, cost: float, demand: float) -> None:  # noqa: D102
        self.tries[arm] += 1
        self.profit[arm] += (self.prices[arm] - cost) * demand


class LinearBandit:
    """The price of highest profit at the most favourable demand line that the data leave likely (LinUCB).

    Demand is taken to be linear in the price, so a trial at one price teaches about all. The cost of energy is known
    and may change from step to step.

    Parameters
    ----------
    prices : array-like, shape (arms,)
        Prices to choose from [currency/kWh].
    optimism : float
        Standard errors added to the demand that is expected [kWh], at least 0.
    ridge : float
        Weight of the first guess, no demand at any price, above 0.

    References
    ----------
    L. Li, W. Chu, J. Langford, R. E. Schapire, WWW 2010. doi:10.1145/1772690.1772758
    """

    def __init__(self, prices: ArrayLike, optimism: float = 1.0, ridge: float = 1e-3) -> None:
        self.prices = read_only(within("prices", prices).copy())
        self.optimism = float(within("optimism", optimism, 0.0))
        self.features = np.column_stack([np.ones(len(self.prices)), self.prices])
        self.weight = np.eye(2) * float(within("ridge", ridge, 1e-12))
        self.seen = np.zeros(2)

    @property
    def line(self) -> FloatArray:
        """Intercept [kWh] and slope [kWh/(currency/kWh)] of the demand that is expected, shape (2,)."""
        return np.asarray(np.linalg.solve(self.weight, self.seen))

    def choose(self, step: int, cost: float) -> int:  # noqa: D102
        error = np.sqrt(np.einsum("ij,ji->i", self.features, np.linalg.solve(self.weight, self.features.T)))
        demand = np.maximum(self.features @ self.line + self.optimism * error, 0.0)
        return int(np.argmax((self.prices - cost) * demand))

    def learn(self, arm: int, cost: float, demand: float) -> None:  # noqa: D102
        row = self.features[arm]
        self.weight += np.outer(row, row)
        self.seen += demand * row


@dataclass(frozen=True, slots=True, eq=False)
class PriceTrials:
    """What a learner did, and what it missed.

    Attributes
    ----------
    arm : ndarray of int64, shape (steps,)
        Price chosen.
    profit : ndarray, shape (steps,)
        Profit made [currency].
    regret : ndarray, shape (steps,)
        Expected profit of the best price less that of the price chosen, at least 0 [currency].
    """

    arm: IntArray
    profit: FloatArray
    regret: FloatArray


def set_prices(
    setter: PriceSetter,
    cost: ArrayLike,
    expected: Callable[[FloatArray], FloatArray],
    noise: ArrayLike = 0.0,
) -> PriceTrials:
    """Let a supplier post a price at each step, see the demand and learn.

    Parameters
    ----------
    setter : PriceSetter
        Learner; changed.
    cost : array-like, shape (steps,)
        Cost of energy, known when the price is set [currency/kWh].
    expected : callable
        Mean demand [kWh] at an array of prices [currency/kWh]; the learner does not know it.
    noise : array-like, broadcast to (steps,)
        What is added to the mean demand [kWh].

    Returns
    -------
    PriceTrials
    """
    costs = within("cost", cost)
    added = np.broadcast_to(within("noise", noise), costs.shape)
    demand = within("expected", expected(setter.prices))
    arms, profits, regrets = np.zeros(len(costs), np.int64), np.zeros(len(costs)), np.zeros(len(costs))
    for step, now in enumerate(costs.tolist()):
        arm = setter.choose(step, now)
        seen = float(demand[arm] + added[step])
        setter.learn(arm, now, seen)
        means = (setter.prices - now) * demand
        arms[step], profits[step] = arm, (setter.prices[arm] - now) * seen
        regrets[step] = means.max() - means[arm]
    return PriceTrials(read_only(arms), read_only(profits), read_only(regrets))
