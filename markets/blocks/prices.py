"""Prices that support given awards, and among them those that leave no accepted block at a loss (P1, P2, P3).

Steps and lines bound prices by complementary slackness: an accepted offer costs no more than the price, a bid not
filled is worth no more, and a line that is not full carries energy to no dearer area. These conditions alone form a
lattice, so the vector of lowest prices and that of highest prices support the awards too, and so does any mixture of
the two: `k` picks one. Blocks couple the periods; where the prices of `k` do not suit them, the nearest that do are
taken: those whose greatest distance from them is least and, among these, whose distances add up to least.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from gridagora.markets.blocks.layout import Layout
from gridagora.markets.blocks.program import Awards
from gridagora.markets.orders import FloatArray, IntArray
from gridagora.markets.solver import DUAL_TOLERANCE, refuse_outside

TOLERANCE = 1e-8  # currency/kWh by which the average price of a block may miss its limit


class Rows(NamedTuple):
    """Conditions ``matrix @ price >= least``."""

    matrix: sparse.csr_matrix
    least: FloatArray

    def hold(self, price: FloatArray) -> bool:
        """Return whether prices meet all conditions, within 1e-9 of the energy of each."""
        size = np.asarray(abs(self.matrix).sum(axis=1)).reshape(-1)
        return bool((self.matrix @ price - self.least >= -1e-9 * np.maximum(size, 1.0)).all())


class Face(NamedTuple):
    """All prices that support awards.

    Attributes
    ----------
    low, high : ndarray, shape (nodes,)
        Lowest and highest price of each node, by steps and lines. [currency/kWh]
    rows : Rows
        What lines, and blocks accepted in part, ask for besides.
    """

    low: FloatArray
    high: FloatArray
    rows: Rows


def price_face(layout: Layout, awards: Awards) -> Face:
    """Return the prices that support awards, given which blocks are accepted.

    Raises
    ------
    RuntimeError
        If the solver's own price is not among them.
    """
    order = _line_orders(layout, awards)
    low, high = _step_ends(layout, awards.traded)
    _propagate(low, high, *order)
    wrong = low > high
    if (low[wrong] - high[wrong] > DUAL_TOLERANCE).any():
        node = int(np.argmax(np.where(wrong, low - high, 0.0)))
        raise RuntimeError(f"blocks: node {node}: awards ask for a price above {low[node]} and below {high[node]}")
    low[wrong] = high[wrong] = (low[wrong] + high[wrong]) / 2
    refuse_outside(awards.dual, low, high)
    rows = _stack(_order_rows(layout.nodes, *order), _part_rows(layout, awards))
    return Face(low, high, rows)


def _step_ends(layout: Layout, traded: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the price interval of each node by its own steps (P1)."""
    low, high = np.full(layout.nodes, -np.inf), np.full(layout.nodes, np.inf)
    some, all_of_it = traded > 0, traded >= layout.step_most
    ask = layout.step_sign == 1
    below, above = np.where(ask, some, ~all_of_it), np.where(ask, ~all_of_it, some)
    np.maximum.at(low, layout.step_node[below], layout.step_price[below])
    np.minimum.at(high, layout.step_node[above], layout.step_price[above])
    return low, high


def _line_orders(layout: Layout, awards: Awards) -> tuple[IntArray, IntArray]:
    """Return pairs of nodes of which the first is no dearer than the second."""
    more, less = awards.flow < layout.line_most, awards.flow > -layout.line_reverse
    start, end = layout.line_start, layout.line_end
    return np.concatenate([end[more], start[less]]), np.concatenate([start[more], end[less]])


def _propagate(low: FloatArray, high: FloatArray, cheap: IntArray, dear: IntArray) -> None:
    """Carry ends of intervals along the order of nodes, in place."""
    while True:
        before = low.copy(), high.copy()
        np.maximum.at(low, dear, low[cheap])
        np.minimum.at(high, cheap, high[dear])
        if (low == before[0]).all() and (high == before[1]).all():
            return


def _order_rows(nodes: int, cheap: IntArray, dear: IntArray) -> Rows:
    count = np.arange(len(cheap))
    ones = np.ones(len(cheap))
    shape = (len(cheap), nodes)
    matrix = sparse.csr_matrix((ones, (count, dear)), shape) - sparse.csr_matrix((ones, (count, cheap)), shape)
    return Rows(matrix, np.zeros(len(cheap)))


def _part_rows(layout: Layout, awards: Awards) -> Rows:
    """Return what a curtailable block asks for: cut, its price is met; in full, it gains; at its least, it does not."""
    curtailable = (awards.share > 0) & (layout.least < 1)
    up = np.flatnonzero(curtailable & (awards.share > layout.least))
    down = np.flatnonzero(curtailable & (awards.share < 1))
    return _stack(
        Rows(layout.injection[up], layout.cost[up]),
        Rows(-layout.injection[down], -layout.cost[down]),
    )


def _stack(first: Rows, second: Rows) -> Rows:
    matrix = sparse.vstack([first.matrix, second.matrix], format="csr")
    return Rows(matrix, np.concatenate([first.least, second.least]))


def prices_at(layout: Layout, face: Face, k: float) -> FloatArray:
    """Return the prices that `k` picks, before blocks are asked; where one end is open the other one counts."""
    limits = np.concatenate([layout.step_price, layout.cost / np.asarray(layout.injection.sum(axis=1)).reshape(-1)])
    middle = (limits.min() + limits.max()) / 2 if len(limits) else 0.0
    with np.errstate(invalid="ignore"):
        between = np.where(face.low == face.high, face.low, k * face.high + (1 - k) * face.low)
    open_low, open_high = np.isinf(face.low), np.isinf(face.high)
    one_end = np.where(open_low, np.where(open_high, middle, face.high), face.low)
    return np.where(open_low | open_high, one_end, between)


class Families(NamedTuple):
    """Accepted blocks, each with all accepted ones that hang on it.

    Attributes
    ----------
    gain : Rows
        Holds where a block and those below it gain together.
    member : csr_matrix, shape (accepted, accepted)
        1 where the block of the column is that of the row or below it.
    block : ndarray of int64, shape (accepted,)
        Which blocks.
    energy : ndarray, shape (accepted,)
        Energy of each family. [unit]
    """

    gain: Rows
    member: sparse.csr_matrix
    block: IntArray
    energy: FloatArray


def families(layout: Layout, awards: Awards) -> Families:
    """Return who shares gains with whom among the accepted blocks (C7.2)."""
    accepted = np.flatnonzero(awards.share > 0)
    own = {block: row for row, block in enumerate(layout.candidate_block[accepted].tolist())}
    above, below = [], []
    for block, row in own.items():
        ancestor = block
        while ancestor >= 0:
            above.append(own[ancestor])
            below.append(row)
            ancestor = int(layout.parent[ancestor])
    member = sparse.csr_matrix((np.ones(len(above)), (above, below)), shape=(len(own), len(own)))
    each = sparse.diags(awards.share[accepted]) @ layout.injection[accepted]
    gain = Rows((member @ each).tocsr(), member @ (awards.share * layout.cost)[accepted])
    energy = member @ np.asarray(abs(each).sum(axis=1)).reshape(-1)
    return Families(gain, member, layout.candidate_block[accepted], energy)


def nearest_prices(face: Face, wanted: FloatArray, more: Rows | None = None) -> FloatArray:
    """Return the prices of the face nearest to those wanted, that meet more conditions too.

    Raises
    ------
    RuntimeError
        If there are none.
    """
    rows = face.rows if more is None else _stack(face.rows, more)
    if rows.hold(wanted) and ((face.low <= wanted) & (wanted <= face.high)).all():
        return wanted
    nodes = len(wanted)
    same, one = sparse.identity(nodes, format="csr"), np.ones((nodes, 1))
    matrix = sparse.bmat([[-rows.matrix, None, None], [same, -same, None], [-same, -same, None], [None, same, -one]])
    most = np.concatenate([-rows.least, wanted, -wanted, np.zeros(nodes)])
    bounds = np.column_stack(
        [np.append(face.low, np.zeros(nodes + 1)), np.append(face.high, np.full(nodes + 1, np.inf))]
    )
    greatest = np.append(np.zeros(2 * nodes), 1.0)
    bounds[-1, 1] = (1 + 1e-9) * _solve(greatest, matrix, most, bounds)[-1] + 1e-12
    total = np.append(np.repeat([0.0, 1.0], nodes), 0.0)
    return np.clip(_solve(total, matrix, most, bounds)[:nodes], face.low, face.high)


def least_losses(layout: Layout, face: Face, family: Families) -> tuple[FloatArray, FloatArray]:
    """Return the prices that leave accepted blocks the smallest sum of losses, and each block's (P3).

    Returns
    -------
    price : ndarray, shape (nodes,)
        [currency/kWh]
    loss : ndarray, shape (accepted blocks,)
        What each lacks, gains of those below it counted. [currency/kWh x unit]
    """
    nodes, blocks = layout.nodes, len(family.block)
    within = sparse.csr_matrix((face.rows.matrix.shape[0], blocks))
    matrix = sparse.bmat([[-face.rows.matrix, within], [-family.gain.matrix, -family.member]])
    most = np.concatenate([-face.rows.least, -family.gain.least])
    bounds = np.column_stack([np.append(face.low, np.zeros(blocks)), np.append(face.high, np.full(blocks, np.inf))])
    found = _solve(np.repeat([0.0, 1.0], [nodes, blocks]), matrix, most, bounds)
    return found[:nodes], found[nodes:]


class Supported(NamedTuple):
    """Awards with prices that leave no accepted block at a loss."""

    awards: Awards
    face: Face
    price: FloatArray


def support(layout: Layout, awards: Awards, k: float) -> Supported | FloatArray:
    """Return awards with prices without losses, nearest to those of `k`; or else what each block lacks.

    Returns
    -------
    Supported or ndarray, shape (blocks,)
        The least sum of losses is looked for in the face of prices; where it is not 0, losses. [currency/kWh x unit]
    """
    face, family = price_face(layout, awards), families(layout, awards)
    wanted = prices_at(layout, face, k)
    slack = TOLERANCE * family.energy / 2
    needed = family.gain.least - slack
    if not (family.gain._replace(least=needed).hold(wanted) and face.rows.hold(wanted)):
        _, lack = least_losses(layout, face, family)
        if (lack > slack).any():
            lost = np.zeros(len(layout.parent))
            lost[family.block] = np.where(lack > slack, lack, 0.0)
            return lost
        needed -= family.member @ lack
    return Supported(awards, face, nearest_prices(face, wanted, family.gain._replace(least=needed)))


def _solve(cost: FloatArray, matrix: sparse.csr_matrix, most: FloatArray, bounds: NDArray[np.float64]) -> FloatArray:
    tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    found = linprog(cost, A_ub=matrix, b_ub=most, bounds=bounds, method="highs", options=tight)
    if found.status != 0:
        raise RuntimeError(f"blocks: no prices support the awards: {found.message}")
    solution: FloatArray = found.x
    return solution
