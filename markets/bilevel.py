"""Best retail prices against customers that optimise: a bilevel program as one MILP (model.md B11 case 3, P6).

The retailer chooses a price for each tariff period, the customer answers with the cheapest way to meet its needs. The
answer is put as its optimality conditions, with two binaries a column (Fortuny-Amat and McCarl 1981); revenue, a
product of price and energy, is replaced by what strong duality makes of it, which is linear. Where several answers are
equally cheap the program takes the one that the retailer likes best; :func:`best_tariff` solves the customer's problem
again, on its own, with ties for and against the retailer, and reports both.

Binaries multiply over periods: where no need ties periods together, solve one period at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike, NDArray

from gridagora.markets.orders import FloatArray, IntArray, read_only
from gridagora.markets.solver import PersistentSolver
from gridagora.sim.bounds import within

_OPTIONS = {"mip_rel_gap": 0.0, "mip_abs_gap": 1e-9, "mip_feasibility_tolerance": 1e-9}
_TOLERANCE = 1e-6
_TIE = 1e-6
_WIDENINGS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Follower:
    """A customer's linear program: min sum_j (p_(period of j) + u_j) x_j, A x = e, 0 <= x <= cap.

    Several customers are one with rows of their own. An inequality is a row with a slack column.

    Parameters
    ----------
    period : array-like of int, shape (columns,)
        Tariff period in which a column buys from the retailer; -1 for columns that do not.
    inconvenience : array-like, broadcast to (columns,)
        u, what a unit costs the customer beside the price; below 0 for what it is worth [currency/kWh].
    cap : array-like, broadcast to (columns,)
        Most of each column, above 0 and finite [kWh].
    rows : array-like, shape (rows, columns), optional
        A; none without it.
    needs : array-like, shape (rows,), optional
        e [kWh].
    """

    period: IntArray
    inconvenience: FloatArray
    cap: FloatArray
    rows: FloatArray
    needs: FloatArray

    def __init__(
        self,
        period: ArrayLike,
        inconvenience: ArrayLike,
        cap: ArrayLike,
        rows: ArrayLike | None = None,
        needs: ArrayLike = (),
    ) -> None:
        periods = np.array(period, dtype=np.int64)
        n = len(periods)
        matrix = np.zeros((0, n)) if rows is None else within("rows", rows).copy()
        right = within("needs", needs).copy()
        if matrix.shape != (len(right), n):
            raise ValueError(f"rows: given shape {matrix.shape}; allowed ({len(right)}, {n}), one a need and a column")
        columns = {
            "period": periods,
            "inconvenience": np.broadcast_to(within("inconvenience", inconvenience), n).copy(),
            "cap": np.broadcast_to(within("cap", cap, 1e-12), n).copy(),
            "rows": matrix,
            "needs": right,
        }
        for name, column in columns.items():
            object.__setattr__(self, name, read_only(column))


def elastic_follower(intercept: ArrayLike, slope: ArrayLike, values: ArrayLike) -> Follower:
    """Return a customer whose demand in each period is a - b p, in steps.

    Parameters
    ----------
    intercept, slope : array-like, shape (periods,)
        a [kWh] and b [kWh/(currency/kWh)], above 0.
    values : array-like, shape (periods, steps)
        Prices at which demand is exact, descending, at most a / b; all that is used above the first price uses it up to
        there, and what would be used below the last is left out [currency/kWh].
    """
    a, b = within("intercept", intercept, 1e-12), within("slope", slope, 1e-12)
    worth = within("values", values)
    used = a[:, None] - b[:, None] * worth
    step = np.diff(used, axis=1, prepend=0.0)
    if (step <= 0).any():
        raise ValueError("values: allowed: descending prices below a / b, so that every step has some demand")
    period = np.repeat(np.arange(len(a)), worth.shape[1])
    return Follower(period, -worth.ravel(), step.ravel())


@dataclass(frozen=True, slots=True, eq=False)
class BilevelTariff:
    """The retailer's best prices and what follows.

    Attributes
    ----------
    price : ndarray, shape (periods,)
        [currency/kWh]
    demand : ndarray, shape (columns,)
        Answer of the customer that the retailer likes best [kWh].
    profit : float
        Retailer's profit with that answer [currency].
    profit_pessimistic : float
        Profit with the equally cheap answer that it likes least [currency].
    customer_cost : float
        Least cost of the customer at these prices, inconvenience included [currency].
    """

    price: FloatArray
    demand: FloatArray
    profit: float
    profit_pessimistic: float
    customer_cost: float

    @property
    def gap(self) -> float:
        """What hangs on the customer's choice among equally cheap answers [currency]."""
        return self.profit - self.profit_pessimistic


@dataclass(frozen=True, slots=True, eq=False)
class Retailer:
    """The retailer's side.

    Parameters
    ----------
    cost : ndarray, shape (columns,)
        Cost of what each column buys, 0 for columns that buy nothing [currency/kWh].
    low, high : ndarray, shape (periods,)
        Bounds of the prices [currency/kWh].
    weight : ndarray, shape (periods,), or None
        Weights of the cap on the average price [kWh].
    average_cap : float
        That cap, with `weight` only [currency/kWh].
    """

    cost: FloatArray
    low: FloatArray
    high: FloatArray
    weight: FloatArray | None
    average_cap: float


def best_tariff(
    follower: Follower,
    cost: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    reference: ArrayLike | None = None,
    average_cap: float | None = None,
) -> BilevelTariff:
    """Return the prices of highest profit against a customer that optimises.

    Parameters
    ----------
    follower : Follower
        The customer, feasible at any price.
    cost : array-like, broadcast to (columns,)
        Retailer's cost of what each column buys; not read for columns that buy nothing [currency/kWh].
    low, high : array-like, shape (periods,)
        Bounds of the prices [currency/kWh].
    reference : array-like, shape (periods,), optional
        Weights of the cap on the average price [kWh].
    average_cap : float, optional
        Most of sum p d0 / sum d0 [currency/kWh]; with `reference`.

    Returns
    -------
    BilevelTariff

    Raises
    ------
    InfeasibleMarket
        If HiGHS does not end at an optimum.
    RuntimeError
        If a shadow price stays at its bound after three widenings, or the customer's own optimum contradicts the
        program's.
    ValueError
        If bounds cross, periods lack prices, or one of `reference` and `average_cap` is missing.
    """
    least, most = np.broadcast_arrays(within("low", low), within("high", high))
    periods = follower.period
    if (least > most).any() or sorted(set(periods[periods >= 0].tolist())) != list(range(len(least))):
        raise ValueError(
            "low, high: allowed: low at most high, one pair for each tariff period 0, 1, ... that is bought in"
        )
    if (reference is None) != (average_cap is None):
        raise ValueError("average_cap: it and `reference` belong together; give both or none")
    weight = None if reference is None else within("reference", reference, 0.0)
    costs = np.where(periods >= 0, np.broadcast_to(within("cost", cost), periods.shape), 0.0)
    retailer = Retailer(costs, least, most, weight, average_cap or 0.0)
    price, highest = _optimum(follower, retailer)
    return _answered(follower, retailer, price, highest)


def _unit_costs(follower: Follower, retailer: Retailer) -> tuple[FloatArray, FloatArray]:
    """Return the least and the most that a unit of each column can cost the customer [currency/kWh]."""
    bought = follower.period >= 0
    low = np.where(bought, retailer.low[follower.period], 0.0) + follower.inconvenience
    high = np.where(bought, retailer.high[follower.period], 0.0) + follower.inconvenience
    return low, high


def _optimum(follower: Follower, retailer: Retailer) -> tuple[FloatArray, float]:
    """Return prices and profit of the MILP, with bounds of the shadow prices that do not bind."""
    low, high = _unit_costs(follower, retailer)
    tied = (follower.rows != 0).any(axis=0)
    spread = 2 * max(float(high.max() - low.min()), float(np.abs(follower.inconvenience).max()), 1e-3)
    for _ in range(_WIDENINGS + 1):
        # Without a row a column's shadow price is what a unit saves or costs, so its bound is proven.
        full = np.where(tied, spread, np.maximum(-low, 0.0))
        empty = np.where(tied, spread, np.maximum(high, 0.0))
        model = build_bilevel_model(follower, retailer, full, empty)
        solver = PersistentSolver(model, **_OPTIONS)
        highest = -solver.solve()
        price, cap_dual, zero_dual, used = solver.values(
            *(
                solver.columns(list(column.values()))
                for column in (model.variable_price, model.variable_full, model.variable_empty, model.variable_used)
            )
        )
        reached = np.maximum(cap_dual, zero_dual)[tied].max(initial=0.0)
        if reached < 0.99 * spread:
            return price, highest + _TIE * float(used @ np.arange(len(used))) / len(used)
        spread *= 10
    raise RuntimeError(
        f"bilevel tariff: a shadow price reached its bound of {spread / 10} currency/kWh; rescale the data"
    )


def build_bilevel_model(follower: Follower, retailer: Retailer, full: FloatArray, empty: FloatArray) -> Any:
    """Return the MILP: the customer's primal and dual, complementarity, and the retailer's profit.

    Parameters
    ----------
    follower : Follower
        The customer.
    retailer : Retailer
        Costs and bounds.
    full, empty : ndarray, shape (columns,)
        Bounds of the shadow prices of each column's cap and of its zero [currency/kWh].

    Returns
    -------
    pyomo ConcreteModel
    """
    model = pyo.ConcreteModel("bilevel tariff")
    model.columns = pyo.RangeSet(0, len(follower.period) - 1)
    model.needs = pyo.RangeSet(0, len(follower.needs) - 1)
    model.periods = pyo.RangeSet(0, len(retailer.low) - 1)
    model.variable_price = pyo.Var(model.periods, bounds=lambda m, t: (retailer.low[t], retailer.high[t]))
    model.variable_used = pyo.Var(model.columns, bounds=lambda m, j: (0.0, follower.cap[j]))
    model.variable_worth = pyo.Var(model.needs)
    model.variable_full = pyo.Var(model.columns, bounds=lambda m, j: (0.0, full[j]))
    model.variable_empty = pyo.Var(model.columns, bounds=lambda m, j: (0.0, empty[j]))
    model.variable_is_full = pyo.Var(model.columns, domain=pyo.Binary)
    model.variable_is_empty = pyo.Var(model.columns, domain=pyo.Binary)
    matrix, period = follower.rows, follower.period

    def need(m: Any, r: int) -> Any:
        inside = np.flatnonzero(matrix[r]).tolist()
        return sum(float(matrix[r, j]) * m.variable_used[j] for j in inside) == float(follower.needs[r])

    def stationarity(m: Any, j: int) -> Any:
        price = m.variable_price[int(period[j])] if period[j] >= 0 else 0.0
        worth = sum(float(matrix[r, j]) * m.variable_worth[r] for r in np.flatnonzero(matrix[:, j]).tolist())
        return price + float(follower.inconvenience[j]) - worth + m.variable_full[j] - m.variable_empty[j] == 0

    model.constraint_need = pyo.Constraint(model.needs, rule=need)
    model.constraint_stationarity = pyo.Constraint(model.columns, rule=stationarity)
    model.constraint_pairs = pyo.ConstraintList()
    for j in model.columns:
        cap, used = float(follower.cap[j]), model.variable_used[j]
        model.constraint_pairs.add(model.variable_full[j] <= float(full[j]) * model.variable_is_full[j])
        model.constraint_pairs.add(used >= cap * model.variable_is_full[j])
        model.constraint_pairs.add(model.variable_empty[j] <= float(empty[j]) * model.variable_is_empty[j])
        model.constraint_pairs.add(used <= cap * (1 - model.variable_is_empty[j]))
    if retailer.weight is not None:
        total = float(retailer.weight.sum())
        mean = sum(float(retailer.weight[t]) * model.variable_price[t] for t in model.periods)
        model.constraint_average = pyo.Constraint(expr=mean <= retailer.average_cap * total)
    _add_profit(model, follower, retailer)
    return model


def _add_profit(model: Any, follower: Follower, retailer: Retailer) -> None:
    """Add the objective: revenue by strong duality, less cost, less a penalty that makes ties reproducible."""
    count = len(follower.period)
    worth = sum(float(follower.needs[r]) * model.variable_worth[r] for r in model.needs)
    caps = sum(float(follower.cap[j]) * model.variable_full[j] for j in model.columns)
    own = sum(float(follower.inconvenience[j] + retailer.cost[j]) * model.variable_used[j] for j in model.columns)
    tie = sum(_TIE * j / count * model.variable_used[j] for j in model.columns)
    model.objective_profit = pyo.Objective(expr=own + caps + tie - worth, sense=pyo.minimize)


def _answered(follower: Follower, retailer: Retailer, price: FloatArray, highest: float) -> BilevelTariff:
    """Return the tariff with the customer's own answers, ties for and against the retailer."""
    bought = follower.period >= 0
    unit = np.where(bought, price[follower.period], 0.0) + follower.inconvenience
    margin = np.where(bought, price[follower.period] - retailer.cost, 0.0)
    model, cost_of = _customer_model(follower)
    solver = PersistentSolver(model)
    columns = solver.columns([model.variable_used[j] for j in model.columns])

    def answer(tilt: float) -> FloatArray:
        for j in model.columns:
            cost_of[j] = float(unit[j] - tilt * margin[j])
        solver.solve()
        return np.clip(solver.values(columns)[0], 0.0, follower.cap)

    liked, disliked, plain = answer(_TIE), answer(-_TIE), answer(0.0)
    profit, least = float(margin @ liked), float(unit @ plain)
    scale = max(1.0, abs(highest), abs(least))
    if abs(profit - highest) > 100 * _TOLERANCE * scale or abs(float(unit @ liked) - least) > 100 * _TOLERANCE * scale:
        raise RuntimeError(
            f"bilevel tariff: profit {highest} by the program, {profit} by the customer's own optimum; rescale the data"
        )
    return BilevelTariff(read_only(price), read_only(liked), profit, float(margin @ disliked), least)


def _customer_model(follower: Follower) -> tuple[Any, Any]:
    """Return the customer's linear program, and the parameter that holds the cost of each column."""
    model = pyo.ConcreteModel("customer")
    model.columns = pyo.RangeSet(0, len(follower.period) - 1)
    model.needs = pyo.RangeSet(0, len(follower.needs) - 1)
    model.parameter_cost = pyo.Param(model.columns, mutable=True, initialize=0.0)
    model.variable_used = pyo.Var(model.columns, bounds=lambda m, j: (0.0, follower.cap[j]))

    def need(m: Any, r: int) -> Any:
        inside: NDArray[np.int64] = np.flatnonzero(follower.rows[r])
        return sum(float(follower.rows[r, j]) * m.variable_used[j] for j in inside.tolist()) == float(follower.needs[r])

    model.constraint_need = pyo.Constraint(model.needs, rule=need)
    model.objective_cost = pyo.Objective(
        expr=sum(model.parameter_cost[j] * model.variable_used[j] for j in model.columns), sense=pyo.minimize
    )
    return model, model.parameter_cost
