"""What comes out of the clearing of a book with blocks."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from gridagora.markets.blocks.book import BlockBook
from gridagora.markets.blocks.layout import Layout
from gridagora.markets.blocks.prices import TOLERANCE
from gridagora.markets.blocks.program import Awards
from gridagora.markets.orders import FloatArray, IntArray, read_only


@dataclass(frozen=True, slots=True, eq=False)
class BlockClearing:
    """Awards, prices and payments of an auction with blocks, in the order of its book.

    Attributes
    ----------
    accepted : ndarray, shape (orders,)
        Energy awarded to simple orders. [kWh]
    share : ndarray, shape (blocks,)
        Accepted share of each block. [1]
    block_kwh : ndarray, shape (blocks, periods)
        Energy awarded to blocks. [kWh]
    price, price_low, price_high : ndarray, shape (periods, areas)
        Price, nan where nothing is traded, and the interval in which steps and lines alone allow it, infinite where
        nothing limits it. [currency/kWh]
    flow : ndarray, shape (periods, lines)
        Energy from a line's start to its end. [kWh]
    payment, block_payment : ndarray, shape (orders,), (blocks,)
        Positive pays, negative receives, at the prices. [currency]
    uplift, block_uplift : ndarray, shape (orders,), (blocks,)
        Beside that: losses made good (negative), borne by all who buy in proportion to energy (positive); sum 0.
        [currency]
    paradoxically_accepted, paradoxically_rejected : ndarray of bool, shape (blocks,)
        Accepted at a loss that is made good; rejected although it would gain at the prices and its parent and group
        would let it trade.
    welfare : float
        Value at the limit prices of what was bought less what was sold. [currency]
    bound : float
        No awards that keep the rule have a higher welfare; that of the awards, where it is proven. [currency]
    buyer_surplus, seller_surplus, operator_surplus : float
        How buyers, sellers and who runs the lines share the welfare, uplift included. [currency]
    lost_opportunity : float
        What all together would gain beside, if each could choose its awards at the prices. [currency]
    volume : float
        Energy bought. [kWh]
    pricing : str
        Rule the prices follow.
    proven : bool
        True where no better choice of blocks keeps the rule, within the gap asked for.
    cuts : int
        Choices of blocks that were ruled out because some block would lose at any prices.
    """

    accepted: FloatArray
    share: FloatArray
    block_kwh: FloatArray
    price: FloatArray
    price_low: FloatArray
    price_high: FloatArray
    flow: FloatArray
    payment: FloatArray
    block_payment: FloatArray
    uplift: FloatArray
    block_uplift: FloatArray
    paradoxically_accepted: NDArray[np.bool_]
    paradoxically_rejected: NDArray[np.bool_]
    welfare: float
    bound: float
    buyer_surplus: float
    seller_surplus: float
    operator_surplus: float
    lost_opportunity: float
    volume: float
    pricing: str
    proven: bool
    cuts: int

    @property
    def gap(self) -> float:
        """Part of the bound that the welfare may lack, at least 0; infinite if no bound was found. [1]."""
        if not np.isfinite(self.bound):
            return np.inf
        return max(0.0, self.bound - self.welfare) / abs(self.bound) if self.bound else 0.0


def settle(
    book: BlockBook,
    layout: Layout,
    awards: Awards,
    price: FloatArray,
    interval: tuple[FloatArray, FloatArray],
    **of: Any,
) -> BlockClearing:
    """Return the clearing that follows from awards and prices.

    Parameters
    ----------
    book, layout : BlockBook, Layout
        The orders.
    awards : Awards
        What is accepted.
    price : ndarray, shape (nodes,)
        [currency/kWh]
    interval : tuple of ndarray, shape (nodes,)
        Lowest and highest price that steps and lines allow. [currency/kWh]
    **of
        The result's `pricing`, `proven`, `cuts` and `bound` [currency].
    """
    grid = (book.periods, len(book.areas))
    part = np.divide(awards.traded, layout.step_most, out=np.zeros_like(awards.traded), where=layout.step_most > 0)
    accepted = part[layout.step_of] * book.orders.quantity
    payment = book.orders.side * accepted * price[layout.step_node][layout.step_of] + 0.0
    gain = book.orders.side * accepted * book.orders.price - payment
    injected = sparse.diags(awards.share) @ layout.injection * layout.unit
    block_payment = layout.of_block(-(injected @ price)) + 0.0
    made_good = family_losses(layout, awards, price) * layout.unit
    block_gain = layout.of_block(-awards.share * layout.cost * layout.unit) - block_payment
    lost = np.maximum(-gain, 0.0) if of["pricing"] == "convex_hull" else np.zeros_like(gain)
    sells = np.array([block.side == "sell" for block in book.blocks], dtype=bool)
    bought = np.where(book.orders.is_buy, accepted, 0.0)
    block_kwh = _by_block(layout, injected, grid)
    block_bought = np.where(sells, 0.0, block_kwh.sum(axis=1))
    volume = float(bought.sum() + block_bought.sum())
    per_kwh = (float(made_good.sum()) + float(lost.sum())) / volume if volume else 0.0
    uplift, block_uplift = bought * per_kwh - lost, block_bought * per_kwh - made_good
    gain, block_gain = gain - uplift, block_gain - block_uplift
    welfare = awards.welfare * layout.unit
    shown = np.where(_touched(layout, awards), price, np.nan)
    clearing = BlockClearing(
        accepted=accepted,
        share=layout.of_block(awards.share),
        block_kwh=block_kwh,
        price=shown.reshape(grid),
        price_low=interval[0].reshape(grid).copy(),
        price_high=interval[1].reshape(grid).copy(),
        flow=awards.flow.reshape(len(book.lines), book.periods).T * layout.unit,
        payment=payment,
        block_payment=block_payment,
        uplift=uplift,
        block_uplift=block_uplift,
        paradoxically_accepted=made_good > 0,
        paradoxically_rejected=would_gain(layout, awards, price) > 0,
        welfare=welfare,
        buyer_surplus=float(gain[book.orders.is_buy].sum() + block_gain[~sells].sum()),
        seller_surplus=float(gain[~book.orders.is_buy].sum() + block_gain[sells].sum()),
        operator_surplus=float(awards.flow @ (price[layout.line_end] - price[layout.line_start])) * layout.unit,
        lost_opportunity=max(0.0, best_gains(layout, price) * layout.unit - welfare),
        volume=volume,
        **of,
    )
    for field in fields(clearing):
        if isinstance(value := getattr(clearing, field.name), np.ndarray):
            read_only(value)
    return clearing


def _by_block(layout: Layout, injected: sparse.csr_matrix, grid: tuple[int, int]) -> FloatArray:
    energy = np.zeros((len(layout.parent), grid[0]))
    entries = injected.tocoo()
    np.add.at(energy, (layout.candidate_block[entries.row], entries.col // grid[1]), np.abs(entries.data))
    return energy


def _touched(layout: Layout, awards: Awards) -> NDArray[np.bool_]:
    touched = np.zeros(layout.nodes, dtype=bool)
    touched[layout.step_node[awards.traded > 0]] = True
    touched[layout.injection[awards.share > 0].indices] = True
    touched[layout.line_start[awards.flow != 0]] = True
    touched[layout.line_end[awards.flow != 0]] = True
    return touched


def family_losses(layout: Layout, awards: Awards, price: FloatArray) -> FloatArray:
    """Return what each block lacks, once the gains of those that hang on it are counted; shape (blocks,)."""
    gain = layout.of_block(awards.share * (layout.injection @ price - layout.cost))
    slack = TOLERANCE * layout.of_block(awards.share * np.asarray(abs(layout.injection).sum(axis=1)).reshape(-1))
    for block in layout.depth_first:
        gain[layout.parent[block]] += max(gain[block], 0.0)
    return np.where(-gain > slack, -gain, 0.0)


def would_gain(layout: Layout, awards: Awards, price: FloatArray) -> FloatArray:
    """Return what rejected blocks would gain at the prices if accepted in full, 0 where their links forbid it.

    A member of an exclusive group of which another is accepted is not counted, nor is a block whose parent is rejected.
    """
    full = layout.injection @ price - layout.cost
    slack = TOLERANCE * np.asarray(abs(layout.injection).sum(axis=1)).reshape(-1)
    taken = layout.of_block(awards.share) > 0
    free = ~taken & ((layout.parent < 0) | taken[layout.parent]) if len(taken) else ~taken
    for group in layout.groups:
        if taken[group].any():
            free[group] = False
    gain = np.zeros(len(taken))
    np.maximum.at(gain, layout.candidate_block, np.where(full > slack, full, 0.0))
    return np.where(free, gain, 0.0)


def best_gains(layout: Layout, price: FloatArray) -> float:
    """Return what steps, lines and blocks would gain together if all chose freely at the prices (the Lagrangian).

    [currency/kWh x unit]
    """
    steps = np.maximum(layout.step_sign * (price[layout.step_node] - layout.step_price), 0.0) @ layout.step_most
    rise = price[layout.line_end] - price[layout.line_start]
    lines = np.maximum(rise * layout.line_most, -rise * layout.line_reverse).sum()
    full = layout.injection @ price - layout.cost
    blocks = choose_freely(layout, np.maximum(full, layout.least * full))
    return float(steps + lines) + blocks


def choose_freely(layout: Layout, gain: FloatArray) -> float:
    """Return the largest sum of gains of candidates that links, groups and flexible orders allow."""
    candidates, blocks = len(gain), len(layout.parent)
    if not candidates or not (gain > 0).any():
        return 0.0
    of_block = sparse.csr_matrix((np.ones(candidates), (layout.candidate_block, np.arange(candidates))))
    child = np.flatnonzero(layout.parent >= 0)
    rules = [LinearConstraint(of_block, -np.inf, 1.0)]
    if len(child):
        rules.append(LinearConstraint(of_block[child] - of_block[layout.parent[child]], -np.inf, 0.0))
    if layout.groups:
        ones = np.concatenate([np.ones(len(group)) for group in layout.groups])
        rows = np.concatenate([np.full(len(group), i) for i, group in enumerate(layout.groups)])
        columns: IntArray = np.concatenate(layout.groups)
        grouped = sparse.csr_matrix((ones, (rows, columns)), shape=(len(layout.groups), blocks))
        rules.append(LinearConstraint(grouped @ of_block, -np.inf, 1.0))
    found = milp(-gain, integrality=np.ones(candidates), bounds=Bounds(0, 1), constraints=rules)
    return -float(found.fun)
