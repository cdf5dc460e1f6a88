"""The day-ahead pool in Pyomo: all periods of a day, with ramps, start-up and storage where there are any.

Only what changes from day to day is a mutable parameter, and all of these stand on right hand sides: a mutable bound
costs several times more to pass on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo

from gridagora.markets.orders import FloatArray

BoolArray = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True, eq=False)
class Couplings:
    """What couples the periods of a day; energies in the unit of the model.

    Parameters
    ----------
    ramp : ndarray, shape (units,)
        Most change from one period to the next, infinite where there is no limit. [unit]
    minimum : ndarray, shape (units,)
        Least output of a unit that runs. [unit]
    start_cost : ndarray, shape (units,)
        Cost of a start, nan for units that need none. [currency/kWh x unit]
    power, most, least : ndarray, shape (storages,)
        Most energy of a period; most and least that may be held. [unit]
    efficiency : ndarray, shape (storages,)
        Energy discharged over energy charged. [1]
    """

    ramp: FloatArray
    minimum: FloatArray
    start_cost: FloatArray
    power: FloatArray
    most: FloatArray
    least: FloatArray
    efficiency: FloatArray

    @property
    def ramped(self) -> list[int]:
        """Units with a ramp limit."""
        return np.flatnonzero(np.isfinite(self.ramp)).tolist()

    @property
    def committed(self) -> list[int]:
        """Units that start up."""
        return np.flatnonzero(np.isfinite(self.start_cost)).tolist()


def build_pool_model(
    capacity: FloatArray, cost: FloatArray, step_price: FloatArray, floor: float, couplings: Couplings | None = None
) -> Any:
    """Return the day-ahead pool of all periods of a day (C2.1 per period, A5, C7.4) on a copperplate.

    Demand of the first step, at the price cap, stays unserved at that price, and energy that no one takes is spilled
    at the floor, so the model is always feasible and the dual of a balance stays within floor and cap. Storage could
    shift unserved or spilled energy between periods at no cost; so with couplings no more stays unserved than is
    wanted, and no more is spilled than members offer and units generate.

    Parameters
    ----------
    capacity : ndarray, shape (periods, units)
        Most energy of each unit. [kWh]
    cost : ndarray, shape (units,)
        Offer prices, above the floor. [currency/kWh]
    step_price : ndarray, shape (steps,)
        Prices of the demand steps, descending from the cap. [currency/kWh]
    floor : float
        Price at which surplus is offered. [currency/kWh]
    couplings : Couplings, optional
        Ramps, start-up and storage.

    Returns
    -------
    pyomo ConcreteModel
        Parameters `net_demand` [kWh] = all demand steps less offered surplus, by period, and `step_demand` [kWh]
        by period and step from 1; with couplings from step 0, `surplus` [kWh] by period, and those of
        :func:`add_ramps`, :func:`add_start_up` and :func:`add_storage`.
    """
    model = pyo.ConcreteModel("pool")
    periods, units = capacity.shape
    model.periods = pyo.RangeSet(0, periods - 1)
    model.units = pyo.RangeSet(0, units - 1)
    model.steps = pyo.RangeSet(0, len(step_price) - 1)
    model.bounded_steps = pyo.RangeSet(1 if couplings is None else 0, len(step_price) - 1)
    model.net_demand = pyo.Param(model.periods, mutable=True, initialize=0.0)
    model.step_demand = pyo.Param(model.periods, model.bounded_steps, mutable=True, initialize=0.0)
    model.variable_generation = pyo.Var(model.periods, model.units, bounds=lambda _, t, g: (0.0, float(capacity[t, g])))
    model.variable_unserved = pyo.Var(model.periods, model.steps, bounds=(0.0, None))
    model.variable_spilled = pyo.Var(model.periods, bounds=(0.0, None))
    start_cost: Any = 0.0
    if couplings is not None:
        add_storage(model, couplings)
        start_cost = add_start_up(model, capacity, couplings)
        add_ramps(model, capacity, couplings)
        model.surplus = pyo.Param(model.periods, mutable=True, initialize=0.0)
        model.constraint_spilled = pyo.Constraint(
            model.periods,
            rule=lambda m, t: (
                m.variable_spilled[t] - pyo.quicksum(m.variable_generation[t, g] for g in m.units) <= m.surplus[t]
            ),
        )
    model.constraint_balance = pyo.Constraint(
        model.periods,
        rule=lambda m, t: (
            pyo.quicksum(m.variable_generation[t, g] for g in m.units)
            + pyo.quicksum(m.variable_unserved[t, s] for s in m.steps)
            - m.variable_spilled[t]
            + (0.0 if couplings is None else pyo.quicksum(_delivered(m, t, s) for s in m.storages))
            == m.net_demand[t]
        ),
    )
    model.constraint_unserved = pyo.Constraint(
        model.periods,
        model.bounded_steps,
        rule=lambda m, t, s: m.variable_unserved[t, s] <= m.step_demand[t, s],
    )
    model.objective_cost = pyo.Objective(
        expr=pyo.quicksum(float(cost[g]) * model.variable_generation[t, g] for t in model.periods for g in model.units)
        + pyo.quicksum(float(step_price[s]) * model.variable_unserved[t, s] for t in model.periods for s in model.steps)
        - pyo.quicksum(floor * model.variable_spilled[t] for t in model.periods)
        + start_cost,
        sense=pyo.minimize,
    )
    return model


def _delivered(model: Any, period: int, storage: int) -> Any:
    return model.variable_discharge[period, storage] - model.variable_charge[period, storage]


def add_storage(model: Any, couplings: Couplings) -> None:
    """Add storages: what is held follows from charge and discharge, and ends the day no lower than it began.

    Adds the parameters `stored_before` and `stored_after` [kWh] by storage: what is held before the first period, and
    at least after the last.
    """
    model.storages = pyo.RangeSet(0, len(couplings.power) - 1)
    model.stored_before = pyo.Param(model.storages, mutable=True, initialize=0.0)
    model.stored_after = pyo.Param(model.storages, mutable=True, initialize=0.0)
    power, most, least = couplings.power.tolist(), couplings.most.tolist(), couplings.least.tolist()
    efficiency = couplings.efficiency.tolist()
    last = model.periods.last()
    model.variable_charge = pyo.Var(model.periods, model.storages, bounds=lambda _, t, s: (0.0, power[s]))
    model.variable_discharge = pyo.Var(model.periods, model.storages, bounds=lambda _, t, s: (0.0, power[s]))
    model.variable_stored = pyo.Var(model.periods, model.storages, bounds=lambda _, t, s: (least[s], most[s]))
    model.constraint_stored = pyo.Constraint(
        model.periods,
        model.storages,
        rule=lambda m, t, s: (
            m.variable_stored[t, s]
            - (m.variable_stored[t - 1, s] if t else 0.0)
            - efficiency[s] * m.variable_charge[t, s]
            + m.variable_discharge[t, s]
            == (0.0 if t else m.stored_before[s])
        ),
    )
    model.constraint_stored_after = pyo.Constraint(
        model.storages, rule=lambda m, s: m.variable_stored[last, s] >= m.stored_after[s]
    )


def add_start_up(model: Any, capacity: FloatArray, couplings: Couplings) -> Any:
    """Add units that run or not (C7.4 without minimum times), and return the cost of their starts.

    Adds the parameter `on_before` by such unit: 1 where it ran before the first period.
    """
    minimum, start_cost = couplings.minimum.tolist(), couplings.start_cost.tolist()
    model.committed = pyo.Set(initialize=couplings.committed)
    model.on_before = pyo.Param(model.committed, mutable=True, initialize=1.0)
    model.variable_on = pyo.Var(model.periods, model.committed, domain=pyo.Binary)
    model.variable_start = pyo.Var(model.periods, model.committed, bounds=(0.0, 1.0))
    model.constraint_most = pyo.Constraint(
        model.periods,
        model.committed,
        rule=lambda m, t, g: m.variable_generation[t, g] <= float(capacity[t, g]) * m.variable_on[t, g],
    )
    model.constraint_least = pyo.Constraint(
        model.periods,
        model.committed,
        rule=lambda m, t, g: m.variable_generation[t, g] >= minimum[g] * m.variable_on[t, g],
    )
    model.constraint_start = pyo.Constraint(
        model.periods,
        model.committed,
        rule=lambda m, t, g: (
            m.variable_start[t, g] - m.variable_on[t, g] + (m.variable_on[t - 1, g] if t else 0.0)
            >= (0.0 if t else -m.on_before[g])
        ),
    )
    return pyo.quicksum(start_cost[g] * model.variable_start[t, g] for t in model.periods for g in model.committed)


def add_ramps(model: Any, capacity: FloatArray, couplings: Couplings) -> None:
    """Add limits to the change of output from period to period (A5).

    A start may go to the minimum load at once, and a stop from it. Adds the parameters `most_first` and `least_first`
    [kWh] by unit with a ramp: bounds of its output in the first period, the start or stop apart.
    """
    ramp = couplings.ramp.tolist()
    jump = np.maximum(
        np.where(np.isfinite(couplings.start_cost), couplings.minimum - couplings.ramp, 0.0), 0.0
    ).tolist()
    model.ramped = pyo.Set(initialize=couplings.ramped)
    model.most_first = pyo.Param(model.ramped, mutable=True, initialize=0.0)
    model.least_first = pyo.Param(model.ramped, mutable=True, initialize=0.0)

    def before(m: Any, t: int, g: int) -> Any:
        return m.variable_generation[t - 1, g] if t else 0.0

    def rise(m: Any, t: int, g: int) -> Any:
        jumped = jump[g] * m.variable_start[t, g] if jump[g] else 0.0
        return m.variable_generation[t, g] - before(m, t, g) - jumped <= (ramp[g] if t else m.most_first[g])

    def fall(m: Any, t: int, g: int) -> Any:
        was_on = (m.variable_on[t - 1, g] if t else m.on_before[g]) if jump[g] else 0.0
        stopped = was_on - m.variable_on[t, g] + m.variable_start[t, g] if jump[g] else 0.0
        return m.variable_generation[t, g] - before(m, t, g) + jump[g] * stopped >= (
            -ramp[g] if t else m.least_first[g]
        )

    model.constraint_rise = pyo.Constraint(model.periods, model.ramped, rule=rise)
    model.constraint_fall = pyo.Constraint(model.periods, model.ramped, rule=fall)
