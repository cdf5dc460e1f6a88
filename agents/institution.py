"""What every institution has: a name in the books and a balance."""

from __future__ import annotations

from itertools import count
from typing import Any

import mesa

from gridagora.sim.ledger import Ledger


class _Counters:
    """Counts the agents of each model, where the model is."""

    def __getitem__(self, model: mesa.Model) -> count[int]:
        """Return the counter of a model, which starts at one."""
        counter: count[int] = vars(model).setdefault("_agent_ids", count(1))
        return counter


class Counted(mesa.Agent):
    """An agent that does not outlive its model."""

    #: Mesa's own counters keep every model of a process in memory to its end, with all columns of its agents.
    _ids: Any = _Counters()


class Institution(Counted):
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
