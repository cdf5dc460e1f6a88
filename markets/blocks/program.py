"""The welfare model of a book with blocks in Pyomo (C7.1, C7.2), and HiGHS, which keeps it.

The model minimises cost less value; a balance reads supply - demand = 0, so its dual is the price. HiGHS gives no duals
for a mixed integer program: awards and prices come from a second solution, with the binaries fixed and no binaries any
more (C7.3).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import highspy
import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from gridagora.markets.blocks.layout import TOP, Layout
from gridagora.markets.orders import FloatArray, InfeasibleMarket
from gridagora.markets.solver import PersistentSolver, set_option

BoolArray = NDArray[np.bool_]
DUST = 2.0 ** (TOP - 34)  # solver units: below it an award is none, and what is left of a full one too
FEASIBLE = 2  # HiGHS's code of a solution that keeps all limits


def build_block_model(layout: Layout) -> Any:
    """Return the welfare model of simple steps, blocks and lines (C2.1, C5.4 without storage, C7.1, C7.2).

    Parameters
    ----------
    layout : Layout
        The book.

    Returns
    -------
    pyomo ConcreteModel
        `variable_traded` by step, `variable_chosen` (binary) by candidate, `variable_share` by candidate that may be
        accepted in part, `variable_flow` by line and period; `constraint_balance` by node.
    """
    model = pyo.ConcreteModel("blocks")
    model.nodes = pyo.RangeSet(0, layout.nodes - 1)
    model.steps = pyo.RangeSet(0, len(layout.step_node) - 1)
    model.candidates = pyo.RangeSet(0, len(layout.cost) - 1)
    model.curtailable = pyo.Set(initialize=np.flatnonzero(layout.least < 1).tolist())
    model.flows = pyo.RangeSet(0, len(layout.line_start) - 1)
    most, reverse, traded = layout.line_most.tolist(), layout.line_reverse.tolist(), layout.step_most.tolist()
    model.variable_traded = pyo.Var(model.steps, bounds=lambda _, i: (0.0, traded[i]))
    model.variable_flow = pyo.Var(model.flows, bounds=lambda _, i: (-reverse[i], most[i]))
    add_blocks(model, layout)
    add_balance(model, layout)
    value = (layout.step_sign * layout.step_price).tolist()
    cost = layout.cost.tolist()
    model.objective_cost = pyo.Objective(
        expr=pyo.quicksum(value[i] * model.variable_traded[i] for i in model.steps)
        + pyo.quicksum(cost[c] * share_of(model, c) for c in model.candidates),
        sense=pyo.minimize,
    )
    return model


def share_of(model: Any, candidate: int) -> Any:
    """Return the accepted share of a candidate: its binary, if it takes all or nothing."""
    return model.variable_share[candidate] if candidate in model.curtailable else model.variable_chosen[candidate]


def add_blocks(model: Any, layout: Layout) -> None:
    """Add the binaries and what they are bound by: least shares, links, exclusive groups, one period if flexible."""
    model.variable_chosen = pyo.Var(model.candidates, domain=pyo.Binary)
    model.variable_share = pyo.Var(model.curtailable, bounds=(0.0, 1.0))
    least = layout.least.tolist()
    model.constraint_most = pyo.Constraint(
        model.curtailable, rule=lambda m, c: m.variable_share[c] <= m.variable_chosen[c]
    )
    model.constraint_least = pyo.Constraint(
        model.curtailable, rule=lambda m, c: m.variable_share[c] >= least[c] * m.variable_chosen[c]
    )
    of_block: dict[int, list[int]] = {}
    for candidate, block in enumerate(layout.candidate_block.tolist()):
        of_block.setdefault(block, []).append(candidate)
    chosen = {
        block: pyo.quicksum(model.variable_chosen[c] for c in candidates) for block, candidates in of_block.items()
    }
    linked = np.flatnonzero(layout.parent >= 0).tolist()
    model.constraint_link = pyo.Constraint(linked, rule=lambda _, k: chosen[k] <= chosen[int(layout.parent[k])])
    alone = {block for group in layout.groups for block in group.tolist()}
    choices = [sum(chosen[k] for k in group.tolist()) for group in layout.groups]
    choices += [chosen[k] for k, candidates in of_block.items() if len(candidates) > 1 and k not in alone]
    model.constraint_exclusive = pyo.Constraint(range(len(choices)), rule=lambda _, i: choices[i] <= 1)


def add_balance(model: Any, layout: Layout) -> None:
    """Add the balance of each node: what is sold there less what is bought, plus what flows in, is 0."""
    terms: list[list[Any]] = [[] for _ in range(layout.nodes)]
    for i, (node, sign) in enumerate(zip(layout.step_node.tolist(), layout.step_sign.tolist(), strict=True)):
        terms[node].append(sign * model.variable_traded[i])
    injection = layout.injection.tocoo()
    for c, node, energy in zip(injection.row.tolist(), injection.col.tolist(), injection.data.tolist(), strict=True):
        terms[node].append(energy * share_of(model, c))
    for i, (start, end) in enumerate(zip(layout.line_start.tolist(), layout.line_end.tolist(), strict=True)):
        terms[start].append(-model.variable_flow[i])
        terms[end].append(model.variable_flow[i])
    model.constraint_balance = pyo.Constraint(
        model.nodes, rule=lambda _, n: pyo.quicksum(terms[n]) == 0 if terms[n] else pyo.Constraint.Skip
    )


class Awards(NamedTuple):
    """Solution for given binaries, in solver units; ends of ranges are met exactly.

    Attributes
    ----------
    traded : ndarray, shape (steps,)
        Accepted energy. [unit]
    share : ndarray, shape (candidates,)
        Accepted share. [1]
    flow : ndarray, shape (lines * periods,)
        Positive from start to end. [unit]
    dual : ndarray, shape (nodes,)
        The solver's price, 0 where nothing is offered. [currency/kWh]
    welfare : float
        [currency/kWh x unit]
    """

    traded: FloatArray
    share: FloatArray
    flow: FloatArray
    dual: FloatArray
    welfare: float


class Relaxation(NamedTuple):
    """Optimum in which candidates may be chosen in part.

    Attributes
    ----------
    chosen, share : ndarray, shape (candidates,)
        How far each candidate is chosen, and the accepted share of its energy. [1]
    welfare : float
        [currency/kWh x unit]
    """

    chosen: FloatArray
    share: FloatArray
    welfare: float


class BlockProgram(PersistentSolver):
    """The welfare model with its solver.

    Parameters
    ----------
    layout : Layout
        The book.
    gap : float
        Part of the welfare within which HiGHS proves a choice optimal. [1]
    model : pyomo ConcreteModel, optional
        The model of :func:`build_block_model`, with more constraints.
    **options
        Options of HiGHS.
    """

    def __init__(self, layout: Layout, gap: float, model: Any = None, **options: Any) -> None:
        mixed = {"mip_rel_gap": gap, "mip_abs_gap": 1e-9, "mip_feasibility_tolerance": 1e-9}
        super().__init__(build_block_model(layout) if model is None else model, **mixed, **options)
        self.layout = layout
        model = self.model
        self._binaries = list(model.variable_chosen.values())
        self._domain = pyo.Binary
        self._chosen = self.columns(self._binaries)
        self._traded, self._flow = (self.columns(v.values()) for v in (model.variable_traded, model.variable_flow))
        self._curtailed = np.array(list(model.variable_share), dtype=np.int64)
        self._share = self.columns(model.variable_share.values())
        self._rows = self.rows(model.constraint_balance.values())
        self._balanced = np.array(list(model.constraint_balance), dtype=np.int64)

    def choose(self, seconds: float) -> tuple[BoolArray, float, bool]:
        """Return the candidates of highest welfare, an upper bound of the welfare, and whether it is proven.

        Parameters
        ----------
        seconds : float
            Time limit; when it is up, the best choice found so far counts, or none at all. [s]
        """
        if not self._binaries:
            return np.zeros(0, dtype=bool), -np.inf, True
        self._let(pyo.Binary)
        set_option(self._highs, "time_limit", self._highs.getRunTime() + max(seconds, 0.1))
        self._highs.run()
        set_option(self._highs, "time_limit", highspy.kHighsInf)
        status, info = self._highs.getModelStatus(), self._highs.getInfo()
        proven = status == highspy.HighsModelStatus.kOptimal
        if not proven and status != highspy.HighsModelStatus.kTimeLimit:
            raise InfeasibleMarket(_ended(self._highs))
        if info.primal_solution_status != FEASIBLE:
            return np.zeros(len(self._binaries), dtype=bool), -info.mip_dual_bound, False
        return self.values(self._chosen)[0] > 0.5, -info.mip_dual_bound, proven

    def relax(self, least: FloatArray, most: FloatArray, seconds: float = np.inf) -> Relaxation | None:
        """Return the optimum in which candidates may be chosen in part, or None if there is none or time is up.

        Parameters
        ----------
        least, most : ndarray, shape (candidates,)
            Bounds of what is chosen, between 0 and 1.
        seconds : float
            Time limit. [s]
        """
        if not len(self._rows):  # HiGHS does not solve an empty book
            return Relaxation(least, least, 0.0)
        self._let(pyo.UnitInterval)
        count = len(self._chosen)
        self._highs.changeColsBounds(count, self._chosen.astype(np.int32), least, most)
        set_option(self._highs, "time_limit", self._highs.getRunTime() + max(seconds, 0.1))
        self._highs.run()
        set_option(self._highs, "time_limit", highspy.kHighsInf)
        status = self._highs.getModelStatus()
        if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kTimeLimit):
            return None
        if status != highspy.HighsModelStatus.kOptimal:
            raise InfeasibleMarket(_ended(self._highs))
        chosen, part = self.values(self._chosen, self._share)
        share = chosen.copy()
        share[self._curtailed] = part
        return Relaxation(chosen, share, -float(self._highs.getInfo().objective_function_value))

    def award(self, chosen: BoolArray) -> Awards | None:
        """Return the best awards with just these candidates accepted, or None if they cannot all be.

        Parameters
        ----------
        chosen : ndarray of bool, shape (candidates,)
            They keep links and groups.
        """
        share = chosen.astype(np.float64)
        if self.relax(share, share) is None:
            return None
        least = self.layout.least[self._curtailed]
        part, flow, traded = self.values(self._share, self._flow, self._traded)
        low = np.where(chosen[self._curtailed], least, 0.0)
        part[part <= low + DUST] = low[part <= low + DUST]
        part[part >= 1 - DUST] = 1.0
        share[self._curtailed] = part
        flow = _snap(flow, -self.layout.line_reverse, self.layout.line_most)
        traded = self._settle(_snap(traded, np.zeros_like(traded), self.layout.step_most), share, flow)
        welfare = -float(self.layout.step_sign * self.layout.step_price @ traded) - float(self.layout.cost @ share)
        return Awards(traded, share, flow, self.prices(), welfare)

    def _let(self, domain: Any) -> None:
        """Let the binaries have a domain; fixed or not, HiGHS has duals only where it is not Binary (C7.3)."""
        if self._domain is not domain:
            for variable in self._binaries:
                variable.domain = domain
            self._pyomo.update_variables(self._binaries)
            self._domain = domain

    def prices(self) -> FloatArray:
        """Return the duals of the balances of the last solution, 0 where nothing is offered; shape (nodes,)."""
        found = np.zeros(self.layout.nodes)
        if len(self._rows):
            found[self._balanced] = self.duals(self._rows)
        return found

    def _settle(self, traded: FloatArray, share: FloatArray, flow: FloatArray) -> FloatArray:
        """Return awards that balance to the last digit where one step of a node is cut, and trade ties in full."""
        layout = self.layout
        net = np.bincount(layout.step_node, weights=layout.step_sign * traded, minlength=layout.nodes)
        net = net + layout.injection.T @ share
        np.add.at(net, layout.line_end, flow)
        np.add.at(net, layout.line_start, -flow)
        inside = np.flatnonzero((traded > 0) & (traded < layout.step_most))
        count = np.bincount(layout.step_node[inside], minlength=layout.nodes)
        alone = inside[count[layout.step_node[inside]] == 1]
        exact = traded[alone] - layout.step_sign[alone] * net[layout.step_node[alone]]
        traded[alone] = np.clip(exact, 0.0, layout.step_most[alone])
        return _trade_ties(layout, traded)


def _ended(highs: Any) -> str:
    status = highs.modelStatusToString(highs.getModelStatus())
    return f"market model 'blocks': HiGHS ended with '{status}'; check quantities and prices for extreme numbers"


def _snap(award: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return awards, at an end of their range if they are within `DUST` of it."""
    near = np.minimum(DUST, (high - low) / 2)
    return np.where(award <= low + near, low, np.where(award >= high - near, high, award))


def _trade_ties(layout: Layout, traded: FloatArray) -> FloatArray:
    """Let bids and offers of one node and price trade in full: the largest volume of equal welfare there."""
    by_tie = np.lexsort((layout.step_sign, layout.step_price, layout.step_node))
    first, second = by_tie[:-1], by_tie[1:]
    tied = (layout.step_node[first] == layout.step_node[second]) & (
        layout.step_price[first] == layout.step_price[second]
    )
    bid, ask = first[tied], second[tied]
    more = np.minimum(layout.step_most[bid] - traded[bid], layout.step_most[ask] - traded[ask])
    traded[bid] += more
    traded[ask] += more
    return traded
