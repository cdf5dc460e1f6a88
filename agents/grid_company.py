"""The grid company: carries energy, buys its losses, holds the pool and the balancing accounts (A6)."""

from __future__ import annotations

import mesa
import numpy as np
from numpy.typing import NDArray

from gridagora.agents.institution import Institution
from gridagora.sim.ledger import Ledger


class GridCompany(Institution):
    """Distribution system operator of an area.

    Parameters
    ----------
    model : mesa.Model
        The simulation.
    name : str
        Name of the party.
    ledger : Ledger
        The money book.
    loss_rate : float
        Technical losses as a share of the energy fed in, 0 to below 1.
    """

    def __init__(self, model: mesa.Model, name: str, ledger: Ledger, loss_rate: float) -> None:
        super().__init__(model, name, ledger)
        self.loss_rate = loss_rate

    def losses(self, withdrawal: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the losses of carrying energy to the meters [1e-6 kWh].

        With the loss rate l of the energy fed in E (A6: LR = (E - billed) / E), carrying W costs W l / (1 - l).

        Parameters
        ----------
        withdrawal : ndarray of int64
            Energy withdrawn at the meters [1e-6 kWh].

        Returns
        -------
        ndarray of int64
            Of the same shape.
        """
        losses: NDArray[np.int64] = np.rint(withdrawal * (self.loss_rate / (1 - self.loss_rate))).astype(np.int64)
        return losses

    def cuts(self, withdrawal: int, injection: int, capability: int, stored: int = 0) -> tuple[float, float]:
        """Return the shares of withdrawals to shed and of injections to curtail so that a period can be balanced.

        Parameters
        ----------
        withdrawal, injection : int
            Metered sums [1e-6 kWh].
        capability : int
            What plants and imports can generate in the period [1e-6 kWh].
        stored : int
            What the pool's storages charge, negative where they discharge [1e-6 kWh].

        Returns
        -------
        shed, curtailed : float
            0 where generation can follow.
        """
        keep = 1 - self.loss_rate
        available = capability - stored + injection
        if withdrawal > available * keep - 2:
            allowed = max(available * keep - 2, 0.0)
            return 1 - allowed / withdrawal if withdrawal else 0.0, 0.0
        if injection > withdrawal / keep + stored - 2:
            allowed = max(withdrawal / keep + stored - 2, 0.0)
            return 0.0, 1 - allowed / injection if injection else 0.0
        return 0.0, 0.0
