"""The best choice of blocks without losses in one mixed integer program: the primal and the dual side by side.

Welfare of the awards must reach the sum of all gains at the prices. By weak duality it never passes it, so the two are
equal and the prices support the awards; the gains of accepted blocks are variables, so families can be asked not to
lose. No product of price and binary appears: where a block is rejected, its gain is 0 and its price condition is
switched off by a large number. Source: Madani and Van Vyve (2015), doi:10.1016/j.ejor.2014.09.060, extended to least
shares and families.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from gridagora.markets.blocks.layout import Layout
from gridagora.markets.blocks.program import BlockProgram, BoolArray, build_block_model
from gridagora.markets.orders import FloatArray

SLACK = 1e-9  # currency/kWh by which welfare may miss the sum of gains: HiGHS meets no equation of that size exactly


def choose_without_losses(layout: Layout, gap: float, seconds: float) -> tuple[BoolArray, float, bool]:
    """Return the candidates of highest welfare that prices without losses support; as `BlockProgram.choose`.

    Parameters
    ----------
    layout : Layout
        The book.
    gap, seconds : float
        As for :class:`BlockProgram` and its `choose`.
    """
    model = build_block_model(layout)
    add_prices(model, layout)
    # HiGHS 1.15.1 finds some of these programs infeasible in its presolve, and optimal without it.
    return BlockProgram(layout, gap, model, presolve="off").choose(seconds)


def price_range(layout: Layout) -> tuple[float, float]:
    """Return the prices between which the program looks: the limit prices, widened by their span in each period."""
    net = np.asarray(layout.injection.sum(axis=1)).reshape(-1)
    limits = np.concatenate([layout.step_price, layout.cost / net])
    wide = max(float(np.ptp(limits)), 1e-3) * max(1, int(np.diff(layout.injection.indptr).max(initial=1)))
    return float(limits.min()) - wide, float(limits.max()) + wide


def add_prices(model: Any, layout: Layout) -> None:
    """Add prices, gains of all at these prices, and the demand that welfare reaches their sum."""
    low, high = price_range(layout)
    model.variable_price = pyo.Var(model.nodes, bounds=(low, high))
    model.variable_step_gain = pyo.Var(model.steps, domain=pyo.NonNegativeReals)
    model.variable_rent = pyo.Var(model.flows, [1, -1], domain=pyo.NonNegativeReals)
    model.variable_gain = pyo.Var(model.candidates, domain=pyo.NonNegativeReals)
    model.variable_loss = pyo.Var(model.candidates, domain=pyo.NonNegativeReals)
    node, sign = layout.step_node.tolist(), layout.step_sign.tolist()
    price, most = layout.step_price.tolist(), layout.step_most.tolist()
    model.constraint_step_gain = pyo.Constraint(
        model.steps,
        rule=lambda m, i: m.variable_step_gain[i] >= most[i] * sign[i] * (m.variable_price[node[i]] - price[i]),
    )
    start, end = layout.line_start.tolist(), layout.line_end.tolist()
    model.constraint_rent = pyo.Constraint(
        model.flows,
        rule=lambda m, i: (
            m.variable_rent[i, 1] - m.variable_rent[i, -1] == m.variable_price[end[i]] - m.variable_price[start[i]]
        ),
    )
    add_block_gains(model, layout, low, high)
    forward, back = layout.line_most.tolist(), layout.line_reverse.tolist()
    energy = float(layout.step_most.sum() + abs(layout.injection).sum())
    model.constraint_welfare = pyo.Constraint(
        expr=SLACK * energy - model.objective_cost.expr
        >= pyo.quicksum(model.variable_step_gain.values())
        + pyo.quicksum(
            forward[i] * model.variable_rent[i, 1] + back[i] * model.variable_rent[i, -1] for i in model.flows
        )
        + pyo.quicksum(_kept(model, layout, c) for c in model.candidates)
    )


def _kept(model: Any, layout: Layout, candidate: int) -> Any:
    return model.variable_gain[candidate] - float(layout.least[candidate]) * model.variable_loss[candidate]


def add_block_gains(model: Any, layout: Layout, low: float, high: float) -> None:
    """Add gain and loss in full of each accepted block, and that no family of accepted blocks loses."""
    large: FloatArray = np.asarray(abs(layout.injection).sum(axis=1)).reshape(-1) * (high - low)
    bound, cost = large.tolist(), layout.cost.tolist()
    value = [
        pyo.quicksum(
            float(layout.injection.data[at]) * model.variable_price[int(layout.injection.indices[at])]
            for at in range(layout.injection.indptr[c], layout.injection.indptr[c + 1])
        )
        for c in model.candidates
    ]

    def difference(m: Any, c: int) -> Any:
        return m.variable_gain[c] - m.variable_loss[c] - value[c] + cost[c]

    model.constraint_gain_from = pyo.Constraint(
        model.candidates, rule=lambda m, c: difference(m, c) >= -bound[c] * (1 - m.variable_chosen[c])
    )
    model.constraint_gain_to = pyo.Constraint(
        model.candidates, rule=lambda m, c: difference(m, c) <= bound[c] * (1 - m.variable_chosen[c])
    )
    model.constraint_no_gain = pyo.Constraint(
        model.candidates, rule=lambda m, c: m.variable_gain[c] <= bound[c] * m.variable_chosen[c]
    )
    model.constraint_no_loss = pyo.Constraint(
        model.candidates, rule=lambda m, c: m.variable_loss[c] <= bound[c] * m.variable_chosen[c]
    )
    below: list[list[int]] = [[] for _ in layout.parent]
    for candidate, block in enumerate(layout.candidate_block.tolist()):
        above = block
        while above >= 0:
            below[above].append(candidate)
            above = int(layout.parent[above])
    model.constraint_family = pyo.Constraint(
        range(len(below)), rule=lambda m, k: sum(_kept(m, layout, c) for c in below[k]) >= 0
    )
