"""The supplier: buys for its customers in the pool, sells at its tariffs, learns from what they buy elsewhere (A6)."""

from __future__ import annotations

import mesa
import numpy as np
from numpy.typing import NDArray

from gridagora.agents.institution import Institution
from gridagora.sim.ledger import Ledger


class Retailer(Institution):
    """A supplier that sells at tariffs of its own, and leaves buying and balancing to the main one (model.md B10)."""


class Supplier(Institution):
    """Supplier of all customers of an area.

    Parameters
    ----------
    model : mesa.Model
        The simulation.
    name : str
        Name of the party.
    ledger : Ledger
        The money book.
    periods : int
        Settlement periods a day.
    weight : float
        Weight of the newest day in what it learns, 0 to 1.
    """

    def __init__(self, model: mesa.Model, name: str, ledger: Ledger, periods: int, weight: float = 0.3) -> None:
        super().__init__(model, name, ledger)
        self.weight = weight
        self.bought_elsewhere = np.zeros(periods)

    def pool_position(self, net: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return what to buy and what to sell in the pool.

        The forecast net withdrawal at the meter, less what customers have lately bought from others.

        Parameters
        ----------
        net : ndarray of int64, shape (periods,)
            Forecast net withdrawal of its customers at the meter [1e-6 kWh].

        Returns
        -------
        demand, surplus : ndarray of int64, shape (periods,)
            [1e-6 kWh]
        """
        needed = net - np.rint(self.bought_elsewhere).astype(np.int64)
        return np.maximum(needed, 0), np.maximum(-needed, 0)

    def expected_shortfall(self, period: int, net: int, purchased: int) -> int:
        """Return how much it expects to lack in a period, negative where it is long [1e-6 kWh].

        Parameters
        ----------
        period : int
            Settlement period of the day.
        net : int
            Net withdrawal of its customers on the gate forecast [1e-6 kWh].
        purchased : int
            Bought in the pool, net of what it sold there [1e-6 kWh].
        """
        return net - round(float(self.bought_elsewhere[period])) - purchased

    def learn(self, outside: NDArray[np.int64]) -> None:
        """Take note of what its customers bought from others than its customers.

        Parameters
        ----------
        outside : ndarray of int64, shape (periods,)
            Online sales to customers by plants, less its customers' sales to others [1e-6 kWh].
        """
        self.bought_elsewhere += self.weight * (outside - self.bought_elsewhere)
