"""What every institution has: a name in the books and a balance."""

from __future__ import annotations

import mesa

from gridagora.sim.ledger import Ledger


class Institution(mesa.Agent):
    """An agent that is one party of the books.

    Parameters
    ----------
    model : mesa.Model
        The simulation.
    name : str
        Name of the party.
    ledger : Ledger
        The money book.
    """

    def __init__(self, model: mesa.Model, name: str, ledger: Ledger) -> None:
        super().__init__(model)
        self.name, self.ledger = name, ledger

    @property
    def balance(self) -> float:
        """Money received less money paid since the start [currency]."""
        return self.ledger.balance(self.name) / 1e6


class Government(Institution):
    """Receives the levies and, where it funds the feed-in tariff, pays the supplier's loss on it (A8)."""


class Outside(Institution):
    """The rest of the world: sells fuel, so that the economy closes (model.md 0.2)."""


class Platform(Institution):
    """Runs the online auction as auctioneer and lives on its fees (A7, C1)."""
