"""The least joint cost of some homes behind one connection, who may use one another's energy (A1.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gridagora.agents.devices import Floats, Home, refuse_outside
from gridagora.agents.home_outlook import Outlook
from gridagora.agents.home_plan import HomePlan, follow, refuse_broken
from gridagora.agents.home_planner import OPTIONS, decisions_of, exclusive_periods, model_data, places_of, store_data
from gridagora.markets.orders import read_only
from gridagora.markets.solver import PersistentSolver


@dataclass(frozen=True, slots=True, eq=False)
class CommunityPlan:
    """Plans of homes that share a connection.

    Attributes
    ----------
    homes : tuple of HomePlan
        Their plans; import and export are at their own meters, and costs what each would pay alone.
    import_kwh, export_kwh : ndarray, shape (periods,)
        Taken from and fed into the grid together, one of them 0. [kWh]
    cost : float
        What all pay together: energy at the shared connection, and wear, fuel, discomfort and the like. [currency]
    """

    homes: tuple[HomePlan, ...]
    import_kwh: Floats
    export_kwh: Floats
    cost: float


def plan_community(
    homes: Sequence[Home], outlooks: Sequence[Outlook], *, import_kw: float, export_kw: float
) -> CommunityPlan:
    """Plan some homes together.

    Energy from one home to another costs nothing; only what passes the shared connection is bought or sold.

    Parameters
    ----------
    homes : sequence of Home
        At least one.
    outlooks : sequence of Outlook
        One for each home, of the same periods and prices.
    import_kw, export_kw : float
        Limits of the shared connection. [kW]

    Raises
    ------
    InfeasibleMarket
        If no plan keeps all limits.
    ValueError
        If numbers, periods or prices of the outlooks differ, or a limit is negative or not finite.

    Examples
    --------
    >>> home = Home()
    >>> sun = Outlook(home, 1.0, [0.3], [0.1], [0.0], pv_kwh=[2.0])
    >>> night = Outlook(home, 1.0, [0.3], [0.1], [3.0])
    >>> round(plan_community([home, home], [sun, night], import_kw=10.0, export_kw=10.0).cost, 9)
    0.3
    """
    _refuse_unlike(homes, outlooks)
    refuse_outside("community", "import_kw", import_kw)
    refuse_outside("community", "export_kw", export_kw)
    first = outlooks[0]
    model, parts = _build(homes, outlooks, import_kw * first.hours, export_kw * first.hours)
    solver = PersistentSolver(model, **OPTIONS)
    objective = solver.solve()
    plans = []
    for home, outlook, part in zip(homes, outlooks, parts, strict=True):
        places = places_of(solver, part, home)
        found = dict(zip(places, solver.values(*places.values()), strict=True))
        plans.append(refuse_broken(home, outlook, follow(home, outlook, decisions_of(home, outlook, found))))
    net = sum((plan.import_kwh - plan.export_kwh for plan in plans), np.zeros(len(first)))
    bought, sold = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    own = sum(plan.cost.total - plan.cost.bought - plan.cost.sold for plan in plans)
    cost = float(own + first.buy @ bought - first.sell @ sold)
    if cost > objective + 1e-6 * max(1.0, abs(objective)):
        raise RuntimeError(f"community plan: costs {cost}, the model says {objective}: report the outlooks")
    return CommunityPlan(tuple(plans), read_only(bought), read_only(sold), cost)


def _refuse_unlike(homes: Sequence[Home], outlooks: Sequence[Outlook]) -> None:
    if not homes or len(homes) != len(outlooks):
        raise ValueError(f"community: {len(homes)} homes, {len(outlooks)} outlooks; must be at least 1, and as many")
    first = outlooks[0]
    for number, outlook in enumerate(outlooks):
        if (len(outlook), outlook.hours) != (len(first), first.hours):
            raise ValueError(
                f"community: outlook {number} has {len(outlook)} periods of {outlook.hours} h; must be {len(first)} of "
                f"{first.hours} h, as the first"
            )
        if not (np.array_equal(outlook.buy, first.buy) and np.array_equal(outlook.sell, first.sell)):
            raise ValueError(f"community: outlook {number} has other prices than the first; must be those of all")


def _build(
    homes: Sequence[Home], outlooks: Sequence[Outlook], most_import: float, most_export: float
) -> tuple[Any, list[Any]]:
    """Return the joint model and its homes' parts, whose own trade has no price."""
    import pyomo.environ as pyo

    from gridagora.agents.hems import build_home_model

    first = outlooks[0]
    model, parts = pyo.ConcreteModel("community"), []
    model.periods = pyo.RangeSet(0, len(first) - 1)
    model.variable_import = pyo.Var(model.periods, bounds=(0.0, most_import))
    model.variable_export = pyo.Var(model.periods, bounds=(0.0, most_export))
    for number, (home, outlook) in enumerate(zip(homes, outlooks, strict=True)):
        exclusive, _ = exclusive_periods(home, outlook)
        part = build_home_model(home, len(outlook), outlook.hours, bool(exclusive.any()))
        data = model_data(home, outlook) | {"buy": 0.0 * outlook.buy, "sell": 0.0 * outlook.sell}
        store_data(part, data | {"may_do_both": 1.0 - exclusive, "may_go_both_ways": np.ones(len(outlook))})
        part.objective_cost.deactivate()
        model.add_component(f"home_{number}", part)
        parts.append(part)
    model.constraint_balance = pyo.Constraint(
        model.periods,
        rule=lambda m, t: (
            m.variable_import[t] - m.variable_export[t]
            == sum(p.variable_import[t] - p.variable_export[t] for p in parts)
        ),
    )
    passed_on = np.flatnonzero(first.sell > first.buy).tolist()
    model.variable_imports = pyo.Var(passed_on, domain=pyo.Binary)
    model.constraint_imports = pyo.Constraint(
        passed_on, rule=lambda m, t: m.variable_import[t] <= most_import * m.variable_imports[t]
    )
    model.constraint_exports = pyo.Constraint(
        passed_on, rule=lambda m, t: m.variable_export[t] <= most_export * (1.0 - m.variable_imports[t])
    )
    buy, sell = first.buy.tolist(), first.sell.tolist()
    traded = sum(buy[t] * model.variable_import[t] - sell[t] * model.variable_export[t] for t in model.periods)
    model.objective_joint = pyo.Objective(expr=traded + sum(part.objective_cost.expr for part in parts))
    return model, parts
