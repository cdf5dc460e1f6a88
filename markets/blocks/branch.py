"""The search for the best awards that leave no accepted block at a loss, by branching (P3).

A node of the search holds some candidates accepted and some rejected, and its relaxation bounds the welfare of all
choices below it. Where the relaxation is a whole choice, prices are looked for that leave no block at a loss, among
all that support the awards. If there are none, the choice is ruled out, and with it all choices below the node that
contain it: prices that suit the larger choice would, as its welfare is no higher, suit the smaller one. So at least one
more of its blocks has to be rejected, and the search branches on the one that loses most; once all of them are held,
the node is done. Source: the strengthened cuts of Madani and Van Vyve (2015), doi:10.1016/j.ejor.2014.09.060, as
branching, with families.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from time import monotonic

import numpy as np

from gridagora.markets.blocks.prices import Supported, support
from gridagora.markets.blocks.program import BlockProgram, BoolArray, Relaxation
from gridagora.markets.blocks.repair import repair
from gridagora.markets.orders import FloatArray

WHOLE = 1e-7


@dataclass(order=True, slots=True)
class _Node:
    """What is held accepted (`least` 1) and rejected (`most` 0); the best bound comes first."""

    order: tuple[float, int]
    least: FloatArray = field(compare=False)
    most: FloatArray = field(compare=False)


class Branching:
    """The search over one book.

    Parameters
    ----------
    program : BlockProgram
        The book's model.
    k : float
        Place of prices in their interval.
    gap : float
        Part of the welfare below which no better choice is looked for. [1]
    until : float
        Time, by `time.monotonic`, to stop at. [s]
    watch : callable
        Called with what was done and the welfare [currency].

    Attributes
    ----------
    best : Supported or None
        The best choice so far.
    bound : float
        No choice without losses has a higher welfare. [currency/kWh x unit]
    finished : bool
        Whether the best choice is proven.
    """

    def __init__(
        self, program: BlockProgram, k: float, gap: float, until: float, watch: Callable[[str, float], None]
    ) -> None:
        self._program, self._layout = program, program.layout
        self._k, self._gap, self._until, self._watch = k, gap, until, watch
        self._open: list[_Node] = []
        self._seen = 0
        self._repaired = False
        self._dropped = -np.inf  # bound of what was not better by more than the gap
        self.best: Supported | None = None
        self.bound = np.inf
        self._out: dict[bytes, FloatArray] = {}
        self.finished = False

    @property
    def cuts(self) -> int:
        """Choices that were ruled out."""
        return len(self._out)

    def run(self, most_nodes: int) -> None:
        """Search until the best choice is proven, time is up or `most_nodes` were looked at.

        It goes down from the best node to a choice, then on with the best node left.
        """
        count = len(self._layout.cost)
        self._push(np.inf, np.zeros(count), np.ones(count))
        while self._open:
            node = self._open[0]
            self.bound = -node.order[0]
            if self._done(self.bound) or self._seen >= most_nodes or monotonic() >= self._until:
                break
            heappop(self._open)
            self._repaired = False  # once on each way down
            on: _Node | None = node
            while on is not None and self._seen < most_nodes and monotonic() < self._until:
                on = self._visit(on)
            if on is not None:
                heappush(self._open, on)
        self.finished = not self._open or self._done(self.bound)
        self.bound = max(self.bound if self._open else -np.inf, self._dropped)
        if self.best is not None:
            self.bound = max(self.bound, self.best.awards.welfare)

    def _done(self, bound: float) -> bool:
        """Return whether nothing below `bound` can be better than the best choice."""
        if self.best is None:
            return False
        welfare = self.best.awards.welfare
        return bound <= welfare + self._gap * abs(welfare) + 1e-9

    def _push(self, bound: float, least: FloatArray, most: FloatArray) -> None:
        heappush(self._open, _Node((-bound, -len(self._open)), least, most))

    def _visit(self, node: _Node) -> _Node | None:
        """Look at a node; put one of its two children by and return the other, or None if it is done."""
        self._seen += 1
        found = self._program.relax(node.least, node.most, self._until - monotonic())
        if found is None:
            if monotonic() >= self._until:
                heappush(self._open, node)
            return None
        bound = min(found.welfare, -node.order[0])
        if self._done(bound):
            self._dropped = max(self._dropped, bound)
            return None
        chosen, doubtful = self._rounded(found)
        doubtful &= node.least < node.most
        if doubtful.any():
            at = int(np.argmax(np.where(doubtful, 1 - np.abs(2 * found.chosen - 1) + WHOLE, 0.0)))
            return self._branch(node, bound, at, found.chosen[at] > 0.5)
        lost = self._price(chosen)
        free = chosen & (node.least < node.most)
        if lost is None or not free.any():
            return None
        at = int(np.argmax(np.where(free, lost[self._layout.candidate_block], -1.0)))
        return self._branch(node, bound, at, accept_first=False)

    def _price(self, chosen: BoolArray) -> FloatArray | None:
        """Look for prices of a whole choice and keep it if it is best; return what blocks lack if there are none."""
        if (known := chosen.tobytes()) in self._out:
            return self._out[known]
        awards = self._program.award(chosen)
        if awards is None:  # whole by a hair: quantities that only rounding lets meet
            return np.zeros(len(self._layout.parent))
        result = support(self._layout, awards, self._k)
        if not isinstance(result, Supported):
            self._out[known] = result
            self._watch(f"choice {self.cuts} ruled out", awards.welfare * self._layout.unit)
            if not self._repaired:
                self._repaired = True
                repaired = repair(self._program, chosen, result, self._k, self._until)
                if repaired is not None:
                    self._improve(repaired)
            return result
        self._improve(result)
        return None

    def _improve(self, found: Supported) -> None:
        if self.best is None or found.awards.welfare > self.best.awards.welfare:
            self.best = found
            self._watch("choice without losses", found.awards.welfare * self._layout.unit)

    def _branch(self, node: _Node, bound: float, at: int, accept_first: bool) -> _Node:
        least, most = node.least.copy(), node.most.copy()
        least[at], most[at] = 1.0, 0.0
        accepted, rejected = (least, node.most), (node.least, most)
        first, second = (accepted, rejected) if accept_first else (rejected, accepted)
        self._push(bound, *second)
        return _Node((-bound, 0), *first)

    def _rounded(self, found: Relaxation) -> tuple[BoolArray, BoolArray]:
        """Return the whole choice nearest to a relaxation, and the candidates that are not whole yet.

        Where a curtailable block's share is within its limits, it may as well be chosen in full.
        """
        layout = self._layout
        chosen = found.share > WHOLE
        doubtful = chosen & (found.share < layout.least - WHOLE)
        taken = layout.of_block(chosen.astype(np.float64))
        linked = np.flatnonzero(layout.parent >= 0)
        clash = np.zeros(len(taken), dtype=bool)
        clash[linked] = taken[linked] > taken[layout.parent[linked]]
        clash |= taken > 1
        for group in layout.groups:
            clash[group] |= (taken[group].sum() > 1) & (taken[group] > 0)
        return chosen, doubtful | (chosen & clash[layout.candidate_block])
