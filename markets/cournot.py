"""Cournot competition with linear demand: closed form, best responses, learning, and how collusive an outcome is.

References
----------
.. [Calvano2020] E. Calvano, G. Calzolari, V. Denicolo, S. Pastorello, "Artificial intelligence, algorithmic pricing,
   and collusion", Am. Econ. Rev. 110(10), 3267-3297, 2020. doi:10.1257/aer.20190623
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gridagora.markets.orders import FloatArray, read_only
from gridagora.markets.strategies.draws import Draws


@dataclass(frozen=True, slots=True, eq=False, init=False)
class CournotMarket:
    """Sellers that choose quantities, and a demand price that falls with their sum.

    Parameters
    ----------
    intercept : float
        Price at which nothing is bought, a [currency/kWh].
    slope : float
        Fall of the price with each kWh, b, above 0 [currency/kWh2].
    cost : array_like, shape (sellers,)
        Marginal costs [currency/kWh].

    Raises
    ------
    ValueError
        If the slope is not above 0 or there is no seller.
    """

    intercept: float
    slope: float
    cost: FloatArray

    def __init__(self, intercept: float, slope: float, cost: ArrayLike) -> None:
        costs = np.array(cost, dtype=np.float64)
        if not slope > 0:
            raise ValueError(f"slope: given {slope}; the price must fall with the quantity, so it is above 0")
        if costs.ndim != 1 or not len(costs):
            raise ValueError(f"cost: given shape {costs.shape}; one marginal cost a seller, at least one seller")
        object.__setattr__(self, "intercept", float(intercept))
        object.__setattr__(self, "slope", float(slope))
        object.__setattr__(self, "cost", read_only(costs))

    def price(self, quantity: FloatArray) -> float:
        """Return a - b times the sum of quantities, at least 0 [currency/kWh]."""
        return max(self.intercept - self.slope * float(quantity.sum()), 0.0)

    def profit(self, quantity: FloatArray) -> FloatArray:
        """Return the profit of each seller, shape (sellers,) [currency]."""
        earned: FloatArray = (self.price(quantity) - self.cost) * quantity
        return earned

    def equilibrium(self) -> FloatArray:
        """Return the quantities of the Cournot equilibrium, shape (sellers,) [kWh].

        With n sellers in the market the price is (a + sum of their costs) / (n + 1); sellers whose cost is not below
        that price stay out.
        """
        order = np.argsort(self.cost)
        sums = self.intercept + np.cumsum(self.cost[order])
        price = sums / np.arange(2, len(order) + 2)
        # Entry pays as long as the next cost is below the price that its entry leaves.
        entered = int(np.sum(self.cost[order] < price))
        if entered == 0:
            return np.zeros(len(order))
        chosen: FloatArray = np.maximum(price[entered - 1] - self.cost, 0.0) / self.slope
        return chosen

    def monopoly(self) -> FloatArray:
        """Return the quantities that maximise the sellers' sum: the cheapest produces, equals share [kWh]."""
        cheapest = self.cost == self.cost.min()
        total = max(self.intercept - self.cost.min(), 0.0) / (2.0 * self.slope)
        return np.where(cheapest, total / cheapest.sum(), 0.0)

    def best_response(self, seller: int, quantity: FloatArray) -> float:
        """Return the quantity that is best for a seller while the others keep theirs [kWh]."""
        others = float(quantity.sum() - quantity[seller])
        return max((self.intercept - float(self.cost[seller])) / self.slope - others, 0.0) / 2.0


def best_response_path(market: CournotMarket, tolerance: float = 1e-12, rounds: int = 10_000) -> FloatArray:
    """Return the quantities at which sellers stop that answer one after the other, shape (sellers,) [kWh].

    In turns this converges for every number of sellers; all at once it would not for more than two.

    Parameters
    ----------
    market : CournotMarket
        The market; all start at 0.
    tolerance : float
        Largest change in a round at which they stop [kWh].
    rounds : int
        Most rounds.

    Raises
    ------
    RuntimeError
        If they have not stopped after `rounds`.
    """
    quantity = np.zeros(len(market.cost))
    for _ in range(rounds):
        before = quantity.copy()
        for seller in range(len(quantity)):
            quantity[seller] = market.best_response(seller, quantity)
        if np.max(np.abs(quantity - before)) <= tolerance:
            return quantity
    raise RuntimeError(f"best responses: still moving after {rounds} rounds; raise `rounds` or `tolerance`")


def learn_quantities(market: CournotMarket, rounds: int = 2000, seed: int = 0) -> FloatArray:
    """Return the mean quantities of sellers that learn what the others produce, shape (sellers,) [kWh].

    Each knows demand and its own cost, and answers best to the mean of what the others produced so far (fictitious
    play); with the chance 1 / t it tries any quantity up to its monopoly's.

    Parameters
    ----------
    market : CournotMarket
        The market.
    rounds : int
        Markets held, at least 4; the result is the mean of the last quarter.
    seed : int
        Seed of the trials.
    """
    who, draws = np.arange(len(market.cost)), Draws(seed, "cournot")
    most = np.maximum(market.intercept - market.cost, 0.0) / market.slope
    others, kept = np.zeros(len(who)), np.zeros((rounds, len(who)))
    for t in range(rounds):
        chance, part = draws.uniforms("explore", who, t, draws=2)
        kept[t] = np.where(chance < 1.0 / (t + 1.0), part * most, np.maximum(most - others, 0.0)) / 2.0
        others += (kept[t].sum() - kept[t] - others) / (t + 1.0)
    learnt: FloatArray = kept[-(rounds // 4) :].mean(axis=0)
    return learnt


def collusion_index(profit: float, competitive: float, collusive: float) -> float:
    """Return (profit - Nash) / (monopoly - Nash): 0 in the static equilibrium, 1 in full collusion [Calvano2020]_.

    Parameters
    ----------
    profit, competitive, collusive : float
        Profit found, in the static equilibrium, and at the joint maximum [currency].

    Raises
    ------
    ValueError
        If the joint maximum is not above the equilibrium.
    """
    if not collusive > competitive:
        raise ValueError(f"collusive profit {collusive}, Nash profit {competitive}; the first must be the larger")
    return (profit - competitive) / (collusive - competitive)
