"""A book of blocks as arrays: what the model, the prices and the result are made of.

A node is an area in a period, number ``period * areas + area``. Simple orders of one node, side and price are merged to
a step. A candidate is a block in all of its periods, or a flexible one in one of them: what a binary decides on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from gridagora.markets.blocks.book import Block, BlockBook
from gridagora.markets.orders import FloatArray, IntArray

TOP = 10  # energy at a node is below 2^TOP solver units


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Arrays of a book; energies in solver units, a power of two of kWh.

    Attributes
    ----------
    unit : float
        Solver unit. [kWh]
    nodes : int
        Areas times periods.
    step_of : ndarray of int64, shape (orders,)
        Step of each simple order.
    step_node, step_sign : ndarray of int64, shape (steps,)
        Node; 1 for offers, -1 for bids.
    step_price, step_most : ndarray, shape (steps,)
        Price and energy. [currency/kWh], [unit]
    candidate_block, candidate_period : ndarray of int64, shape (candidates,)
        Block of each candidate, and its period if flexible, else -1.
    injection : csr_matrix, shape (candidates, nodes)
        What a candidate in full adds to a node, negative for bids. [unit]
    cost : ndarray, shape (candidates,)
        What it asks for that, negative for bids. [currency/kWh x unit]
    least : ndarray, shape (candidates,)
        Minimum acceptance. [1]
    parent : ndarray of int64, shape (blocks,)
        Number of each block's parent, or -1.
    groups : tuple of ndarray of int64
        Blocks of each exclusive group.
    line_start, line_end : ndarray of int64, shape (lines * periods,)
        Nodes that a line joins, period by period.
    line_most, line_reverse : ndarray, shape (lines * periods,)
        Capacities. [unit]
    """

    unit: float
    nodes: int
    step_of: IntArray
    step_node: IntArray
    step_sign: IntArray
    step_price: FloatArray
    step_most: FloatArray
    candidate_block: IntArray
    candidate_period: IntArray
    injection: sparse.csr_matrix
    cost: FloatArray
    least: FloatArray
    parent: IntArray
    groups: tuple[IntArray, ...]
    line_start: IntArray
    line_end: IntArray
    line_most: FloatArray
    line_reverse: FloatArray

    def of_block(self, accepted: FloatArray) -> FloatArray:
        """Return sums over each block's candidates, shape (blocks,)."""
        sums = np.bincount(self.candidate_block, weights=accepted, minlength=len(self.parent))
        return sums.astype(np.float64)

    @property
    def depth_first(self) -> list[int]:
        """Blocks with a parent, each before its parent."""
        depth = np.zeros(len(self.parent), dtype=np.int64)
        above = self.parent
        while (above >= 0).any():
            depth += above >= 0
            above = np.where(above >= 0, self.parent[above], -1)
        return [int(block) for block in np.argsort(-depth, kind="stable") if self.parent[block] >= 0]


def lay_out(book: BlockBook) -> Layout:
    """Return the arrays of a book."""
    number = {area: i for i, area in enumerate(book.areas)}
    areas, nodes = len(number), len(number) * book.periods
    column = [None] * len(book.orders) if book.orders.area is None else book.orders.area.tolist()
    at = book.period * areas + np.array([number[area] for area in column], dtype=np.int64)
    key = np.stack([at, -book.orders.side.astype(np.float64), book.orders.price], axis=1)
    steps, step_of = np.unique(key, axis=0, return_inverse=True)
    step_of = step_of.reshape(-1)
    most = _exact_sums(step_of, book.orders.quantity, len(steps))
    candidates = [
        (i, period) for i, block in enumerate(book.blocks) for period in (block.periods if block.flexible else (-1,))
    ]
    injection = _injection(book, candidates, number, nodes)
    at_node = np.bincount(steps[:, 0].astype(np.int64), weights=most, minlength=nodes).astype(np.float64)
    at_node += np.asarray(abs(injection).sum(axis=0)).reshape(-1)
    unit = float(2.0 ** (int(np.frexp(at_node.max(initial=0.0))[1]) - TOP))
    names = {block.name: i for i, block in enumerate(book.blocks)}
    which = np.array([i for i, _ in candidates], dtype=np.int64)
    price = np.array([block.price for block in book.blocks])
    sold = np.asarray(injection.sum(axis=1)).reshape(-1)
    starts, ends = ([number[end] for end in x] for x in ([a.start for a in book.lines], [a.end for a in book.lines]))
    every = np.arange(book.periods) * areas
    return Layout(
        unit=unit,
        nodes=nodes,
        step_of=step_of,
        step_node=steps[:, 0].astype(np.int64),
        step_sign=steps[:, 1].astype(np.int64),
        step_price=steps[:, 2],
        step_most=most / unit,
        candidate_block=which,
        candidate_period=np.array([period for _, period in candidates], dtype=np.int64),
        injection=injection / unit,
        cost=sold * price[which] / unit if len(which) else np.zeros(0),
        least=np.array([book.blocks[i].minimum_acceptance for i in which]),
        parent=np.array([-1 if block.parent is None else names[block.parent] for block in book.blocks], dtype=np.int64),
        groups=_groups(book.blocks),
        line_start=np.array([every + i for i in starts], dtype=np.int64).reshape(-1),
        line_end=np.array([every + i for i in ends], dtype=np.int64).reshape(-1),
        line_most=_capacities(book, "capacity_kwh") / unit,
        line_reverse=_capacities(book, "reverse_kwh") / unit,
    )


def _exact_sums(step_of: IntArray, quantity: FloatArray, steps: int) -> FloatArray:
    """Return the energy of each step, summed from the smallest order up: no digit depends on the order of orders."""
    by_size = np.argsort(quantity, kind="stable")
    return np.bincount(step_of[by_size], weights=quantity[by_size], minlength=steps).astype(np.float64)


def _injection(
    book: BlockBook, candidates: list[tuple[int, int]], number: dict[object, int], nodes: int
) -> sparse.csr_matrix:
    rows, columns, energy = [], [], []
    for row, (i, only) in enumerate(candidates):
        block = book.blocks[i]
        sign = 1.0 if block.side == "sell" else -1.0
        for period, quantity in zip(block.periods, block.quantity_kwh, strict=True):  # type: ignore[arg-type]
            if only in (-1, period):
                rows.append(row)
                columns.append(period * len(number) + number[block.area])
                energy.append(sign * quantity)
    return sparse.csr_matrix((energy, (rows, columns)), shape=(len(candidates), nodes))


def _groups(blocks: tuple[Block, ...]) -> tuple[IntArray, ...]:
    members: dict[str, list[int]] = {}
    for i, block in enumerate(blocks):
        if block.group is not None:
            members.setdefault(block.group, []).append(i)
    return tuple(np.array(group, dtype=np.int64) for group in members.values())


def _capacities(book: BlockBook, name: str) -> FloatArray:
    wide = [np.broadcast_to(np.asarray(getattr(line, name), dtype=np.float64), (book.periods,)) for line in book.lines]
    return np.array(wide, dtype=np.float64).reshape(-1)
