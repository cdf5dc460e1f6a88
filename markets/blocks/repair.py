"""From a choice of blocks that no prices suit to a good one that some do, quickly (P3).

The block that loses most is rejected with all that hang on it, until none loses; then blocks that would gain at the
prices are accepted after all, one by one, where welfare rises and still none loses. Nothing is proven.
"""

from __future__ import annotations

from time import monotonic

import numpy as np

from gridagora.markets.blocks.layout import Layout
from gridagora.markets.blocks.prices import Supported, support
from gridagora.markets.blocks.program import BlockProgram, BoolArray
from gridagora.markets.blocks.result import would_gain
from gridagora.markets.orders import FloatArray


def repair(program: BlockProgram, chosen: BoolArray, lost: FloatArray, k: float, until: float) -> Supported | None:
    """Return awards without losses, or None if time is up or the other blocks need those rejected.

    Parameters
    ----------
    program : BlockProgram
        The book's model.
    chosen : ndarray of bool, shape (candidates,)
        The choice.
    lost : ndarray, shape (blocks,)
        What its blocks lack. [currency/kWh x unit]
    k : float
        Place of prices in their interval.
    until : float
        Time to stop at, by `time.monotonic`. [s]
    """
    while monotonic() < until:
        chosen = without(program.layout, chosen, int(np.argmax(lost)))
        awards = program.award(chosen)
        if awards is None:
            return None
        result = support(program.layout, awards, k)
        if isinstance(result, Supported):
            return _taken_back(program, chosen, result, k, until)
        lost = result
    return None


def without(layout: Layout, chosen: BoolArray, block: int) -> BoolArray:
    """Return a choice without a block and all that hang on it."""
    rejected = np.zeros(len(layout.parent), dtype=bool)
    rejected[block] = True
    for below in reversed(layout.depth_first):
        rejected[below] |= rejected[layout.parent[below]]
    return chosen & ~rejected[layout.candidate_block]


def _taken_back(program: BlockProgram, chosen: BoolArray, found: Supported, k: float, until: float) -> Supported:
    layout = program.layout
    gain = would_gain(layout, found.awards, found.price)
    group_of = np.full(len(gain), -1)
    for number, group in enumerate(layout.groups):
        group_of[group] = number
    for block in np.argsort(-gain, kind="stable")[: np.count_nonzero(gain)]:
        if monotonic() >= until:
            break
        own = np.flatnonzero(layout.candidate_block == block)
        more = chosen.copy()
        more[own[np.argmax((layout.injection @ found.price - layout.cost)[own])]] = True
        taken = group_of[layout.candidate_block[more]]
        awards = None if (taken == group_of[block]).sum() > 1 and group_of[block] >= 0 else program.award(more)
        if awards is None or awards.welfare <= found.awards.welfare:
            continue
        result = support(layout, awards, k)
        if isinstance(result, Supported):
            chosen, found = more, result
    return found
