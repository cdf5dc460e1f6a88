"""The market models in Pyomo and their solution with HiGHS.

A model is put together by verbs (``build_*``) from components named ``variable_*``, ``constraint_*`` and
``objective_*``. Models minimise cost less value, and balances read supply - demand, so that a balance's dual is
the price with its own sign (C2.1). The dual is one point of the price interval and never reported: the interval
is worked out from the awards (P1), and a dual outside it stops the run.

Orders at one price and side are merged to price steps before they reach Pyomo. The solver cannot tell prices apart
that differ by less than 1e-9 currency/kWh, nor a step below 2^-46 of the book from nothing; the exact path can.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyomo.environ as pyo
from pyomo.contrib.solver.common.factory import SolverFactory
from pyomo.contrib.solver.common.results import TerminationCondition

from gridagora.markets.merit_order import DUST, at_one_price, fixed_point, interval_of_awards
from gridagora.markets.orders import BUY, SELL, Clearing, FloatArray, InfeasibleMarket, OrderBook

__all__ = ["InfeasibleMarket", "PersistentSolver", "WelfareModel", "clear_welfare", "refuse_outside"]

DUAL_TOLERANCE = 1e-6
LEAST_STEP = 2**14  # of the 2^59 to 2^60 units of a book


class PersistentSolver:
    """A model and the HiGHS instance that keeps it, so that a second solve only passes on what changed.

    Parameters
    ----------
    model : pyomo ConcreteModel
        One active objective.
    watched : iterable of str
        What the caller changes between solves besides mutable parameters: names of Pyomo's automatic updates
        such as "update_vars". Anything else that is changed is not seen.

    Raises
    ------
    InfeasibleMarket
        By :meth:`solve`, if HiGHS does not end at an optimum.
    """

    def __init__(self, model: Any, watched: Iterable[str] = ()) -> None:
        self.model = model
        self._highs = SolverFactory("highs")
        config = self._highs.config
        config.load_solutions = False
        config.raise_exception_on_nonoptimal_result = False
        config.threads = 1
        config.solver_options = {
            "primal_feasibility_tolerance": 1e-10,
            "dual_feasibility_tolerance": 1e-10,
            "random_seed": 0,
        }
        seen = {"update_parameters", *watched}
        for name in config.auto_updates:
            config.auto_updates[name] = name in seen

    def solve(self) -> float:
        """Solve with the model's present data and return the objective."""
        results = self._highs.solve(self.model)
        if results.termination_condition != TerminationCondition.convergenceCriteriaSatisfied:
            raise InfeasibleMarket(
                f"market model '{self.model.name}': HiGHS ended with {results.termination_condition.name}; "
                "check its quantities and bounds, and give demand a price at which it may stay unserved"
            )
        self._loader = results.solution_loader
        return float(results.incumbent_objective)

    def values(self, variables: list[Any]) -> FloatArray:
        """Return the last solution of `variables`, shape (len(variables),)."""
        found = self._loader.get_vars(variables)
        return np.fromiter((found[variable] for variable in variables), float, len(variables))

    def duals(self, constraints: list[Any]) -> FloatArray:
        """Return the last duals of `constraints`, shape (len(constraints),)."""
        found = self._loader.get_duals(constraints)
        return np.fromiter((found[constraint] for constraint in constraints), float, len(constraints))


def build_welfare_model(bid_steps: int, ask_steps: int) -> Any:
    """Return the single-node welfare model (C2.1) for price steps whose data come later.

    Parameters
    ----------
    bid_steps, ask_steps : int
        Number of price steps on each side, at least 1.

    Returns
    -------
    pyomo ConcreteModel
        Parameters `bid_price` and `ask_price` [currency/kWh]; the bounds of the variables are the quantities of
        the steps; `objective_volume` is inactive, for the second stage.
    """
    model = pyo.ConcreteModel("welfare")
    model.bids = pyo.RangeSet(0, bid_steps - 1)
    model.asks = pyo.RangeSet(0, ask_steps - 1)
    model.bid_price = pyo.Param(model.bids, mutable=True, initialize=0.0)
    model.ask_price = pyo.Param(model.asks, mutable=True, initialize=0.0)
    model.variable_bought = pyo.Var(model.bids, bounds=(0.0, 0.0))
    model.variable_sold = pyo.Var(model.asks, bounds=(0.0, 0.0))
    sold, bought = pyo.quicksum(model.variable_sold.values()), pyo.quicksum(model.variable_bought.values())
    model.constraint_balance = pyo.Constraint(expr=sold - bought == 0)
    cost = pyo.sum_product(model.ask_price, model.variable_sold, index=model.asks)
    value = pyo.sum_product(model.bid_price, model.variable_bought, index=model.bids)
    model.objective_cost = pyo.Objective(expr=cost - value, sense=pyo.minimize)
    model.objective_volume = pyo.Objective(expr=-sold, sense=pyo.minimize)
    model.objective_volume.deactivate()
    return model


class WelfareOptimum(NamedTuple):
    """Solution of the welfare model; shares are exactly 0 and 1 where a step is rejected and filled.

    Attributes
    ----------
    bid_share, ask_share : ndarray, shape (bids,), (asks,)
        Accepted part of each price step.
    dual : float
        Dual of the balance, one point of the price interval. [currency/kWh]
    welfare : float
        Optimum of the solver. [currency]
    """

    bid_share: FloatArray
    ask_share: FloatArray
    dual: float
    welfare: float


class WelfareModel:
    """The welfare model with its solver, solved again and again with other price steps.

    The solver's tolerances are absolute, so quantities are handed over in a unit of which the market holds 2^15
    to 2^16.

    Parameters
    ----------
    bid_steps, ask_steps : int
        Most price steps on each side; steps that are not used get quantity 0.
    """

    def __init__(self, bid_steps: int, ask_steps: int) -> None:
        self.model = build_welfare_model(bid_steps, ask_steps)
        self._solver = PersistentSolver(self.model, watched=("update_vars", "check_for_new_objective"))
        self._bids = list(self.model.variable_bought.values())
        self._asks = list(self.model.variable_sold.values())

    def solve(
        self, bid_price: FloatArray, bid_quantity: FloatArray, ask_price: FloatArray, ask_quantity: FloatArray
    ) -> WelfareOptimum:
        """Return the awards of highest welfare and, among those, of largest volume.

        Parameters
        ----------
        bid_price, ask_price : ndarray, shape (bids,), (asks,)
            Prices of the steps. [currency/kWh]
        bid_quantity, ask_quantity : ndarray, shape (bids,), (asks,)
            Quantities, above 0. [kWh]

        Raises
        ------
        InfeasibleMarket
            If HiGHS does not end at an optimum.
        """
        exponent = 16 - int(np.frexp(float(bid_quantity.sum() + ask_quantity.sum()))[1])
        demand, supply = np.ldexp(bid_quantity, exponent), np.ldexp(ask_quantity, exponent)
        _set_steps(self.model.bid_price, self._bids, bid_price, demand)
        _set_steps(self.model.ask_price, self._asks, ask_price, supply)
        welfare = -self._solver.solve()
        dual = float(self._solver.duals([self.model.constraint_balance])[0])
        bid_share, ask_share = self._shares(demand, supply)
        at_dual = 5e-10 * max(1.0, abs(dual))
        spare_bids = (bid_share < 1) & (np.abs(bid_price - dual) <= at_dual)
        spare_asks = (ask_share < 1) & (np.abs(ask_price - dual) <= at_dual)
        if spare_bids.any() and spare_asks.any():
            self._restrict(self._bids, bid_price - dual, demand, at_dual)
            self._restrict(self._asks, dual - ask_price, supply, at_dual)
            bid_share, ask_share = self._largest_volume(demand, supply)
        return WelfareOptimum(bid_share, ask_share, dual, float(np.ldexp(welfare, -exponent)))

    def _restrict(self, variables: list[Any], gain: FloatArray, quantity: FloatArray, at_dual: float) -> None:
        """Bound the variables to the optimal face, which complementary slackness describes."""
        for variable, better, most in zip(variables, gain.tolist(), quantity.tolist(), strict=False):
            variable.setlb(most if better > at_dual else 0.0)
            variable.setub(0.0 if better < -at_dual else most)

    def _largest_volume(self, demand: FloatArray, supply: FloatArray) -> tuple[FloatArray, FloatArray]:
        self.model.objective_cost.deactivate()
        self.model.objective_volume.activate()
        try:
            self._solver.solve()
        finally:
            self.model.objective_volume.deactivate()
            self.model.objective_cost.activate()
        return self._shares(demand, supply)

    def _shares(self, demand: FloatArray, supply: FloatArray) -> tuple[FloatArray, FloatArray]:
        bought = self._solver.values(self._bids[: len(demand)])
        sold = self._solver.values(self._asks[: len(supply)])
        dust = max(1e-9, DUST * float(bought.sum()))
        bid_share, ask_share = _snap(bought, demand, dust), _snap(sold, supply, dust)
        # The one step that is cut follows from the steps that are not: no digit depends on the solver's path.
        bid_cut, ask_cut = (np.flatnonzero((share > 0) & (share < 1)) for share in (bid_share, ask_share))
        surplus = supply[ask_share == 1].sum() - demand[bid_share == 1].sum()
        if len(bid_cut) == 1 and len(ask_cut) == 0:
            bid_share[bid_cut] = surplus / demand[bid_cut]
        elif len(ask_cut) == 1 and len(bid_cut) == 0:
            ask_share[ask_cut] = -surplus / supply[ask_cut]
        return bid_share, ask_share


def _set_steps(parameter: Any, variables: list[Any], price: FloatArray, quantity: FloatArray) -> None:
    unused = [0.0] * (len(variables) - len(price))
    for i, value in enumerate(price.tolist() + unused):
        parameter[i].value = value
    for variable, most in zip(variables, quantity.tolist() + unused, strict=True):
        variable.setlb(0.0)
        variable.setub(most)


def _snap(award: FloatArray, quantity: FloatArray, dust: float) -> FloatArray:
    """Return accepted parts, 0 or 1 within `dust` of an end."""
    share = award / quantity
    share[award <= np.minimum(dust, quantity / 2)] = 0.0
    share[award >= np.maximum(quantity - dust, quantity / 2)] = 1.0
    return share


@lru_cache(maxsize=8)
def _welfare_model(bid_steps: int, ask_steps: int) -> WelfareModel:
    return WelfareModel(bid_steps, ask_steps)


def refuse_outside(dual: FloatArray | float, low: FloatArray | float, high: FloatArray | float) -> None:
    """Raise RuntimeError if a dual lies outside its price interval by more than 1e-6 currency/kWh.

    Parameters
    ----------
    dual, low, high : float or ndarray
        Duals of balances and the ends of the intervals; nan ends allow anything. [currency/kWh]
    """
    outside = np.maximum(np.subtract(low, dual), np.subtract(dual, high))
    if np.any(outside > DUAL_TOLERANCE):
        raise RuntimeError(
            f"solver's price {np.ravel(dual)[np.nanargmax(outside)]} lies outside the interval of the awards by "
            f"{np.nanmax(outside)} currency/kWh: the solution is not optimal; report the market's data"
        )


def clear_welfare(book: OrderBook, k: float = 0.5) -> Clearing:
    """Clear a book at one node and one uniform price with Pyomo and HiGHS.

    The rules are those of :mod:`gridagora.markets.merit_order`, the price comes from the awards.

    Parameters
    ----------
    book : OrderBook
        Orders; areas are not looked at.
    k : float
        Position of the price in the interval.

    Returns
    -------
    Clearing
        With method "pyomo".

    Raises
    ------
    InfeasibleMarket
        If HiGHS does not end at an optimum.
    RuntimeError
        If the solver's price contradicts the awards.
    ValueError
        If `k` is outside [0, 1].
    """
    units, exponent = fixed_point(book.quantity)
    sides = []
    for code in (BUY, SELL):
        orders = np.flatnonzero(book.side == code)
        price, step = np.unique(book.price[orders], return_inverse=True)
        quantity = np.zeros(len(price), dtype=np.int64)
        np.add.at(quantity, step, units[orders])
        solid = quantity >= LEAST_STEP
        sides.append((orders, step, solid, price[solid], np.ldexp(quantity[solid].astype(np.float64), -exponent)))
    (bid_price, demand), (ask_price, supply) = (side[3:] for side in sides)
    # Room for a power of two of steps, so that few models serve auctions of all sizes.
    room = (1 << max(3, (len(steps) - 1).bit_length()) for steps in (bid_price, ask_price))
    optimum = _welfare_model(*room).solve(bid_price, demand, ask_price, supply)
    share = np.zeros(len(book))
    for (orders, step, solid, *_), solid_share in zip(sides, optimum[:2], strict=True):
        step_share = np.zeros(len(solid))
        step_share[solid] = solid_share
        share[orders] = step_share[step]
    ends = interval_of_awards(
        bid_price,
        optimum.bid_share < 1,
        optimum.bid_share > 0,
        ask_price,
        optimum.ask_share < 1,
        optimum.ask_share > 0,
    )
    interval = (float(ends[0]), float(ends[1]))
    refuse_outside(optimum.dual, *interval)
    if not np.isfinite(interval).all():
        interval = (np.nan, np.nan)
    return at_one_price(book, share * book.quantity, interval, k, "pyomo")


def build_pool_model(capacity: FloatArray, cost: FloatArray, step_price: FloatArray, floor: float) -> Any:
    """Return the day-ahead pool of all periods of a day (C2.1 per period) on a copperplate.

    Only the net demand and the sizes of the lower demand steps change from day to day, and both stand on right
    hand sides: a mutable bound costs several times more to pass on. Demand of the first step, at the price cap,
    stays unserved at that price, so the model is always feasible.

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

    Returns
    -------
    pyomo ConcreteModel
        Parameters `net_demand` [kWh] = all demand steps less offered surplus, by period, and `step_demand` [kWh]
        by period and step from 1.
    """
    model = pyo.ConcreteModel("pool")
    periods, units = capacity.shape
    model.periods = pyo.RangeSet(0, periods - 1)
    model.units = pyo.RangeSet(0, units - 1)
    model.steps = pyo.RangeSet(0, len(step_price) - 1)
    model.lower_steps = pyo.RangeSet(1, len(step_price) - 1)
    model.net_demand = pyo.Param(model.periods, mutable=True, initialize=0.0)
    model.step_demand = pyo.Param(model.periods, model.lower_steps, mutable=True, initialize=0.0)
    model.variable_generation = pyo.Var(model.periods, model.units, bounds=lambda _, t, g: (0.0, float(capacity[t, g])))
    model.variable_unserved = pyo.Var(model.periods, model.steps, bounds=(0.0, None))
    model.variable_spilled = pyo.Var(model.periods, bounds=(0.0, None))
    model.constraint_balance = pyo.Constraint(
        model.periods,
        rule=lambda m, t: (
            pyo.quicksum(m.variable_generation[t, g] for g in m.units)
            + pyo.quicksum(m.variable_unserved[t, s] for s in m.steps)
            - m.variable_spilled[t]
            == m.net_demand[t]
        ),
    )
    model.constraint_unserved = pyo.Constraint(
        model.periods,
        model.lower_steps,
        rule=lambda m, t, s: m.variable_unserved[t, s] <= m.step_demand[t, s],
    )
    model.objective_cost = pyo.Objective(
        expr=pyo.quicksum(float(cost[g]) * model.variable_generation[t, g] for t in model.periods for g in model.units)
        + pyo.quicksum(float(step_price[s]) * model.variable_unserved[t, s] for t in model.periods for s in model.steps)
        - pyo.quicksum(floor * model.variable_spilled[t] for t in model.periods),
        sense=pyo.minimize,
    )
    return model
