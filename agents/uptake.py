"""How one technology spreads through one population, step by step (model.md A1.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridagora.agents.adoption import AdoptionModel, BoolArray, FloatArray, IntArray, Prospect

if TYPE_CHECKING:
    from gridagora.agents.social_graph import SocialGraph
    from gridagora.markets.strategies.draws import Draws


class Uptake:
    """Who has a technology, and who sees it; members by their number.

    Parameters
    ----------
    technology : str
        Name, key of the random draws.
    model : AdoptionModel
        How members decide.
    draws : Draws
        Random streams of the population.
    adopted : ndarray of bool, shape (n,)
        Who has it at the start.
    graph : SocialGraph, optional
        Who sees whom; without it everybody sees everybody.

    Attributes
    ----------
    adopted : ndarray of bool, shape (n,)
        Who has it.
    since : ndarray of float64, shape (n,)
        When it was bought [a since the start]; infinite for who does not have it, or had it at the start.
    """

    def __init__(
        self,
        technology: str,
        model: AdoptionModel,
        draws: Draws,
        adopted: BoolArray,
        graph: SocialGraph | None = None,
    ) -> None:
        self.technology, self.model, self.draws, self.graph = technology, model, draws, graph
        self.adopted = np.array(adopted, dtype=bool)
        self.since = np.full(self.adopted.size, np.inf)
        self._known = np.zeros(self.adopted.size, np.int64)
        self._tell(np.flatnonzero(self.adopted))

    @property
    def count(self) -> int:
        """Number of members that have it."""
        return int(self.adopted.sum())

    def share(self, member: IntArray) -> FloatArray:
        """Return the share of adopters that members see, among neighbours or all, shape of `member`."""
        if self.graph is None:
            return np.full(member.size, self.count / self.adopted.size)
        return np.asarray(self._known[member] / np.maximum(self.graph.degree[member], 1))

    def step(
        self,
        number: int,
        now: float,
        years: float,
        eligible: BoolArray,
        worth: FloatArray,
        payback: FloatArray,
        green: FloatArray,
    ) -> IntArray:
        """Let those decide who may and have not yet, and return the numbers of who adopts.

        Parameters
        ----------
        number : int
            Number of the step, which no other step of the run has.
        now, years : float
            Time since the start, and length of the step [a].
        eligible : ndarray of bool, shape (n,)
            Who may adopt.
        worth : ndarray of float64, shape (n,)
            Net present value over investment [1].
        payback : ndarray of float64, shape (n,)
            Payback period, infinite where there is none [a].
        green : ndarray of float64, shape (n,)
            Attitude to the environment, 0 to 1.

        Returns
        -------
        ndarray of int64, shape (n_new,)
            Ascending.
        """
        waiting = np.flatnonzero(eligible & ~self.adopted)
        seen = Prospect(
            waiting,
            self.draws,
            self.share(waiting),
            self.technology,
            years,
            worth[waiting],
            payback[waiting],
            green[waiting],
        )
        new = waiting[seen.drawn("adopts", number) < self.model.chance(seen)]
        self.adopted[new] = True
        self.since[new] = now
        self._tell(new)
        return np.asarray(new)

    def worn_out(self, now: float, lifetime: float) -> IntArray:
        """Return who buys again because what was bought has reached the end of its life, and note that they do.

        Parameters
        ----------
        now, lifetime : float
            Time since the start, and of use [a].
        """
        old = np.flatnonzero(self.since <= now - lifetime)
        self.since[old] = now
        return old

    def _tell(self, new: IntArray) -> None:
        """Let the neighbours of new adopters see them: work grows with who is new, not with all."""
        if self.graph is None or not new.size:
            return
        first, length = self.graph.start[new], self.graph.degree[new]
        before = np.cumsum(length) - length
        places = np.repeat(first - before, length) + np.arange(length.sum())
        np.add.at(self._known, self.graph.neighbour[places], 1)
