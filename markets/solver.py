"""Pyomo models that HiGHS keeps: built once, solved again and again with other data.

Pyomo writes the model and passes on what changed. The HiGHS object it made is run directly: Pyomo's own `solve`
redirects the process's output and returns one Python object a variable, which costs more than a re-solve.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import highspy
import numpy as np
import pyomo.environ as pyo
from pyomo.contrib.solver.common.factory import SolverFactory

from gridagora.markets.orders import FloatArray, InfeasibleMarket, IntArray

DUAL_TOLERANCE = 1e-6
MEASURED = 20_000  # columns
OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 0,
    "primal_feasibility_tolerance": 1e-10,
    "dual_feasibility_tolerance": 1e-10,
}


class PersistentSolver:
    """A model and the HiGHS instance that keeps it, so that a second solve only passes on what changed.

    Parameters
    ----------
    model : pyomo ConcreteModel
        One active objective. Values of mutable parameters are passed on at each solve, variables named in it too;
        any other change is not seen.
    **options
        Options of HiGHS beside :data:`OPTIONS`, such as ``solver="ipm"``.

    Raises
    ------
    InfeasibleMarket
        By :meth:`solve`, if HiGHS does not end at an optimum.
    ValueError
        If HiGHS does not know an option.
    """

    def __init__(self, model: Any, **options: Any) -> None:
        self.model = model
        self._pyomo = SolverFactory("highs")
        self._pyomo.set_instance(model)
        self._highs = self._pyomo._solver_model
        integers = any(not variable.is_continuous() for variable in model.component_data_objects(pyo.Var))
        chosen = OPTIONS | method_for(self._highs.getNumCol(), integers) | options
        for name, value in chosen.items():
            set_option(self._highs, name, value)
        method = f"{chosen['solver']}, presolve {chosen['presolve']}"
        self.described = {"name": "HiGHS", "version": version(), "method": method}

    def solve(self, changed: Sequence[Any] = (), objective: Any = None) -> float:
        """Solve with the model's present data and return the objective.

        Parameters
        ----------
        changed : sequence of Pyomo variables
            Those whose bounds, domain or fixed value changed since the last solve.
        objective : pyomo Objective, optional
            Takes the place of the present one.
        """
        self._pyomo.update_parameters()
        if changed:
            self._pyomo.update_variables(changed)
        if objective is not None:
            self.set_objective(objective)
        return run(self._highs, self.model.name)

    def change(self, rows: IntArray, low: FloatArray, high: FloatArray, columns: IntArray, cost: FloatArray) -> None:
        """Change bounds of constraints and costs of variables in HiGHS, past Pyomo's parameters; for large models.

        An update of a mutable parameter costs 50 microseconds, of an entry here a thousandth of it. The Pyomo model
        keeps the values with which it was built.

        Parameters
        ----------
        rows, low, high : ndarray, shape (n,)
            Places of constraints, and their bounds.
        columns, cost : ndarray, shape (m,)
            Places of variables, and what they cost.
        """
        self._highs.changeRowsBounds(len(rows), rows.astype(np.int32), low, high)
        self._highs.changeColsCost(len(columns), columns.astype(np.int32), cost)

    def limit(self, columns: IntArray, high: FloatArray) -> None:
        """Change upper bounds of variables in HiGHS whose lower bound is 0, as :meth:`change` does.

        Parameters
        ----------
        columns, high : ndarray, shape (n,)
            Places of variables, and their upper bounds in the unit of each.
        """
        self._highs.changeColsBounds(len(columns), columns.astype(np.int32), np.zeros(len(columns)), high)

    def solve_changed(self, changed: Sequence[Any] = ()) -> float:
        """Solve with what :meth:`change` and :meth:`limit` have set and return the objective.

        Parameters
        ----------
        changed : sequence of Pyomo variables
            Those whose domain changed since the last solve.
        """
        if changed:
            self._pyomo.update_variables(changed)
        return run(self._highs, self.model.name)

    def pass_on(self, changed: Sequence[Any]) -> None:
        """Pass on variables whose domain, bounds or fixed value changed, without solving."""
        self._pyomo.update_variables(changed)

    def forget(self) -> None:
        """Forget all earlier solves: the next one depends on the model's present data alone, bit by bit.

        ``clearSolver`` would keep the factors by which HiGHS scales, which come from the costs of its first solve.
        """
        self._highs.passModel(self._highs.getModel())

    def basis(self, columns: IntArray, most: IntArray, rows: IntArray) -> highspy.HighsBasis:
        """Return a basis for :meth:`begin`.

        Parameters
        ----------
        columns, most : ndarray
            Places of the variables that are basic, and of those at their upper bounds; others are at their lower ones.
        rows : ndarray
            Places of the constraints whose slack is basic; as many as there are constraints with `columns`.
        """
        status, found = highspy.HighsBasisStatus, highspy.HighsBasis()
        by_column = np.full(self._highs.getNumCol(), status.kLower)
        by_column[columns], by_column[most] = status.kBasic, status.kUpper
        by_row = np.full(self._highs.getNumRow(), status.kLower)
        by_row[rows] = status.kBasic
        found.col_status, found.row_status, found.valid = by_column.tolist(), by_row.tolist(), True
        return found

    def begin(self, basis: highspy.HighsBasis) -> None:
        """Begin the next solve of a linear program from a basis."""
        self._highs.setBasis(basis)

    def set_objective(self, objective: Any) -> None:
        """Let an objective of the model take the place of the present one."""
        self._pyomo.set_objective(objective)

    def columns(self, variables: Any) -> IntArray:
        """Return the places of `variables` in the solution, for :meth:`values`; shape (len(variables),)."""
        places = self._pyomo._pyomo_var_to_solver_var_map
        return np.array([places[id(variable)] for variable in variables], dtype=np.int64)

    def rows(self, constraints: Any) -> IntArray:
        """Return the places of `constraints` in the solution, for :meth:`duals`; shape (len(constraints),)."""
        places = self._pyomo._pyomo_con_to_solver_con_map
        return np.array([places[constraint] for constraint in constraints], dtype=np.int64)

    def values(self, *columns: IntArray) -> list[FloatArray]:
        """Return the last solution at each array of places."""
        found = np.array(self._highs.getSolution().col_value)
        return [found[places] for places in columns]

    def duals(self, rows: IntArray) -> FloatArray:
        """Return the last duals at an array of places; a model with integers has none.

        Raises
        ------
        RuntimeError
            If the last solution has no duals: fix the integers and give them the domain Reals first (C7.3).
        """
        solution = self._highs.getSolution()
        if not solution.dual_valid:
            raise RuntimeError(f"market model '{self.model.name}': a solution with integers has no duals")
        found: FloatArray = np.array(solution.row_dual)[rows]
        return found


def method_for(columns: int, integers: bool = False) -> dict[str, str]:
    """Return HiGHS's options `solver` and `presolve` for a model that is solved again and again.

    ``benchmarks/pool_resolve.py`` measures them: up to some 16,000 columns simplex without presolve beats simplex with
    presolve (two to six times from a cold start, little from a warm one) and the interior point method (five to ten
    times). Beyond `MEASURED` columns, and with integers, HiGHS decides on presolve itself.

    Parameters
    ----------
    columns : int
        Variables of the model.
    integers : bool
        Whether some of them are integers.
    """
    presolve = "choose" if integers or columns > MEASURED else "off"
    return {"solver": "choose" if integers else "simplex", "presolve": presolve}


def set_option(highs: highspy.Highs, name: str, value: Any) -> None:
    """Set an option of HiGHS, or raise ValueError if it does not know the option or the value."""
    if highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
        raise ValueError(f"HiGHS {version()}: option {name}={value!r} is not known; see its list of options")


def run(highs: highspy.Highs, name: str) -> float:
    """Run HiGHS and return the objective, or raise InfeasibleMarket with the model's name.

    Where an option limits the search, such as ``mip_max_nodes``, the best that was found by then is the solution.
    """
    highs.run()
    status, found = highs.getModelStatus(), highs.getInfo().primal_solution_status
    stopped = status == highspy.HighsModelStatus.kSolutionLimit
    limited = stopped and found == highspy.SolutionStatus.kSolutionStatusFeasible
    if status != highspy.HighsModelStatus.kOptimal and not limited:
        raise InfeasibleMarket(
            f"market model '{name}': HiGHS ended with '{highs.modelStatusToString(status)}'; "
            "check its quantities and bounds, and give demand a price at which it may stay unserved"
        )
    return float(highs.getInfo().objective_function_value)


def version() -> str:
    """Return the version of HiGHS."""
    return f"{highspy.HIGHS_VERSION_MAJOR}.{highspy.HIGHS_VERSION_MINOR}.{highspy.HIGHS_VERSION_PATCH}"


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
