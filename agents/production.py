"""Load that follows production: a firm's day at least cost, and what an outage costs it (model.md A2.1).

The model is built once a plant and length of day; prices, orders and shifts are mutable parameters. It is a linear
programme unless a line has a least rate or a cost of starting. Energies are in kWh and outputs in units a settlement
period.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from gridagora.agents.production_plant import Plant, ProductionDay, ProductionLine, ProductionPlan, valued
from gridagora.markets.solver import PersistentSolver

Floats = NDArray[np.float64]

_OPTIONS = {"mip_rel_gap": 1e-6, "mip_abs_gap": 1e-6}


@dataclass(slots=True)
class ProductionPlanner:
    """Plans of one plant, from a model that is built at the first use and solved again with each day's data.

    Parameters
    ----------
    plant : Plant
        Lines.
    periods : int
        Settlement periods of the day.

    Examples
    --------
    >>> line = ProductionLine(rate=1.0, energy=2.0, margin=5.0, stock=1.0)
    >>> planner = ProductionPlanner(Plant((line,)), 2)
    >>> day = ProductionDay([1.0, 3.0], [[0, 12]], [[12, 12]], [[12, 12]], [0, 0], [0])
    >>> planner.plan(day).output.tolist()
    [[1.0, 11.0]]
    """

    plant: Plant
    periods: int
    _kept: _Kept | None = field(default=None, init=False)

    def plan(self, day: ProductionDay) -> ProductionPlan:
        """Return the schedule that earns most.

        Parameters
        ----------
        day : ProductionDay
            Data, of the planner's lines and periods.

        Raises
        ------
        ValueError
            If the day has another number of lines or periods, or more in store than the store holds.
        """
        if np.shape(day.orders) != (len(self.plant.lines), self.periods):
            raise ValueError(
                f"production day: given {np.shape(day.orders)}; allowed {len(self.plant.lines)} lines and "
                f"{self.periods} periods"
            )
        most = [line.stock for line in self.plant.lines]
        if (np.asarray(day.stock) > most).any():
            raise ValueError(f"stock: given {np.asarray(day.stock).tolist()}; allowed at most {most}")
        if self._kept is None:
            self._kept = _Kept(self.plant, self.periods)
        output, shipped = self._kept.solve(day)
        return valued(self.plant, day, output, shipped)


class _Kept:
    """A model, its solver and the places of its schedule."""

    def __init__(self, plant: Plant, periods: int) -> None:
        self._made_of = plant, periods
        self.model = build_production_model(plant, periods)
        self.shape = (len(plant.lines), periods)
        self.solver = PersistentSolver(self.model, **_OPTIONS)
        self.places = [
            self.solver.columns(list(variable.values()))
            for variable in (self.model.variable_output, self.model.variable_shipped)
        ]

    def __reduce__(self) -> tuple[Any, ...]:
        return _Kept, self._made_of

    def solve(self, day: ProductionDay) -> tuple[Floats, Floats]:
        self.solver.forget()
        for name in ("price", "orders", "capacity", "crew", "base_kwh", "stock"):
            values = np.ravel(getattr(day, name)).tolist()
            getattr(self.model, name).store_values(dict(zip(getattr(self.model, name), values, strict=True)))
        self.model.peak_before.set_value(day.peak_kw * 24.0 / self.shape[1])
        self.solver.solve()
        found = [np.maximum(part, 0.0).reshape(self.shape) for part in self.solver.values(*self.places)]
        # The solver's tolerance is no output.
        output, shipped = (np.where(part < 1e-9, 0.0, part) for part in found)
        return output, shipped


def build_production_model(plant: Plant, periods: int) -> Any:
    """Return the model of A2.1 for a plant, its data to be set.

    Parameters
    ----------
    plant : Plant
        Lines.
    periods : int
        Settlement periods of the day.

    Returns
    -------
    pyomo ConcreteModel
        Least cost less margin [currency].
    """
    hours = 24.0 / periods
    model = pyo.ConcreteModel("production")
    model.periods, model.lines = pyo.RangeSet(0, periods - 1), pyo.RangeSet(0, len(plant.lines) - 1)
    for name in ("price", "base_kwh"):
        model.add_component(name, pyo.Param(model.periods, mutable=True, initialize=0.0))
    for name in ("orders", "capacity", "crew"):
        model.add_component(name, pyo.Param(model.lines, model.periods, mutable=True, initialize=0.0))
    model.stock = pyo.Param(model.lines, mutable=True, initialize=0.0)
    model.peak_before = pyo.Param(mutable=True, initialize=0.0)
    cost: list[Any] = []
    _add_flow(model, plant, hours, cost)
    for number, line in enumerate(plant.lines):
        if not line.is_linear:
            _add_commitment(model, number, line, hours, cost)
    load = {
        t: sum(line.energy * model.variable_output[m, t] for m, line in enumerate(plant.lines)) for t in model.periods
    }
    cost += [model.price[t] * load[t] for t in model.periods]
    if plant.demand_charge > 0:
        model.variable_peak = pyo.Var(bounds=(0.0, None))
        model.constraint_peak_before = pyo.Constraint(expr=model.variable_peak >= model.peak_before)
        model.constraint_peak = pyo.Constraint(
            model.periods, rule=lambda m, t: load[t] - m.variable_peak <= -m.base_kwh[t]
        )
        cost.append(plant.demand_charge / hours * model.variable_peak)
    model.objective_cost = pyo.Objective(expr=sum(cost), sense=pyo.minimize)
    return model


def _add_flow(model: Any, plant: Plant, hours: float, cost: list[Any]) -> None:
    """Add output, store, shipping and overtime; the store ends as it began."""
    lines, periods, last = model.lines, model.periods, model.periods.last()
    most = [line.stock for line in plant.lines]
    model.variable_output = pyo.Var(lines, periods, bounds=(0.0, None))
    model.variable_shipped = pyo.Var(lines, periods, bounds=(0.0, None))
    model.variable_stock = pyo.Var(lines, periods, bounds=lambda _, m, t: (0.0, most[m]))
    model.variable_overtime = pyo.Var(lines, periods, bounds=(0.0, None))
    model.variable_moved = pyo.Var(lines, periods, bounds=(0.0, None))
    rules = {
        "capacity": lambda b, m, t: b.variable_output[m, t] <= b.capacity[m, t],
        "orders": lambda b, m, t: b.variable_shipped[m, t] <= b.orders[m, t],
        "overtime": lambda b, m, t: b.variable_output[m, t] - b.variable_overtime[m, t] <= b.crew[m, t],
        "more": lambda b, m, t: b.variable_stock[m, t] - b.variable_moved[m, t] <= b.stock[m],
        "fewer": lambda b, m, t: b.variable_stock[m, t] + b.variable_moved[m, t] >= b.stock[m],
        "stock": lambda b, m, t: (
            b.variable_stock[m, t]
            - (b.variable_stock[m, t - 1] if t else 0.0)
            - b.variable_output[m, t]
            + b.variable_shipped[m, t]
            == (0.0 if t else b.stock[m])
        ),
    }
    for name, rule in rules.items():
        model.add_component(f"constraint_{name}", pyo.Constraint(lines, periods, rule=rule))
    model.constraint_end = pyo.Constraint(lines, rule=lambda b, m: b.variable_stock[m, last] == b.stock[m])
    for m, line in enumerate(plant.lines):
        for t in periods:
            cost.append(-line.margin * model.variable_shipped[m, t])
            cost.append(line.overtime_cost * model.variable_overtime[m, t])
            cost.append(line.holding_cost * hours * model.variable_moved[m, t])


def _add_commitment(model: Any, number: int, line: ProductionLine, hours: float, cost: list[Any]) -> None:
    """Let a line run at its least rate or not at all, and pay for its starts."""
    block = pyo.Block()
    model.add_component(f"line_{number}", block)
    most = line.rate * hours
    block.variable_on = pyo.Var(model.periods, domain=pyo.Binary)
    block.variable_start = pyo.Var(model.periods, bounds=(0.0, 1.0))
    block.constraint_most = pyo.Constraint(
        model.periods, rule=lambda b, t: model.variable_output[number, t] <= most * b.variable_on[t]
    )
    block.constraint_least = pyo.Constraint(
        model.periods,
        rule=lambda b, t: model.variable_output[number, t] >= line.minimum_rate * most * b.variable_on[t],
    )
    block.constraint_start = pyo.Constraint(
        model.periods,
        rule=lambda b, t: b.variable_start[t] >= b.variable_on[t] - (b.variable_on[t - 1] if t else 0.0),
    )
    cost += [line.start_cost * block.variable_start[t] for t in model.periods]
