import numpy as np
import pyomo.environ as pyo
import pytest

from gridagora.markets.orders import InfeasibleMarket
from gridagora.markets.solver import PersistentSolver, method_for, refuse_outside, version


def limited():
    """Return max x with x at most a mutable 4."""
    model = pyo.ConcreteModel("limited")
    model.most = pyo.Param(mutable=True, initialize=4.0)
    model.x = pyo.Var(bounds=(0, None))
    model.limit = pyo.Constraint(expr=model.x <= model.most)
    model.objective = pyo.Objective(expr=-model.x)
    return model


def test_a_new_value_of_a_parameter_is_passed_on():
    """X <= 4 becomes x <= 6 and then 5; values and duals are those of the last solve."""
    model = limited()
    solver = PersistentSolver(model)
    column, row = solver.columns([model.x]), solver.rows([model.limit])
    for most in (4.0, 6.0, 5.0):
        model.most.value = most
        assert solver.solve() == -most
        assert solver.values(column)[0].tolist() == [most]
        assert solver.duals(row).tolist() == [-1.0]


def test_a_changed_variable_is_seen_if_it_is_named():
    """A bound of 3 on x holds once the variable is named as changed; a new constraint is never seen."""
    model = limited()
    solver = PersistentSolver(model)
    assert solver.solve() == -4.0
    model.x.setub(3.0)
    assert solver.solve() == -4.0
    assert solver.solve([model.x]) == -3.0
    model.second = pyo.Constraint(expr=model.x <= 1.0)
    assert solver.solve([model.x]) == -3.0


def test_another_objective_takes_over():
    """After max x comes min x, which stays until the next one."""
    model = limited()
    model.least = pyo.Objective(expr=model.x)
    model.least.deactivate()
    solver = PersistentSolver(model)
    assert [solver.solve(), solver.solve(objective=model.least), solver.solve()] == [-4.0, 0.0, 0.0]


def test_a_solve_begins_from_a_basis():
    """With x at its bound of 3 and y making up the rest, 3 + 2 * 1 are the optimum without an iteration."""
    model = pyo.ConcreteModel("bought")
    model.x, model.y = pyo.Var(bounds=(0, 3)), pyo.Var(bounds=(0, None))
    model.need = pyo.Constraint(expr=model.x + model.y >= 4)
    model.objective = pyo.Objective(expr=model.x + 2 * model.y)
    solver = PersistentSolver(model)
    x, y, nothing = solver.columns([model.x]), solver.columns([model.y]), np.zeros(0, np.int64)
    for columns, most, rows, searches in ((y, x, nothing, False), (nothing, nothing, solver.rows([model.need]), True)):
        solver.forget()
        solver.begin(solver.basis(columns, most, rows))
        assert solver.solve_changed() == 5.0
        assert (solver._highs.getInfo().simplex_iteration_count > 0) == searches


def test_a_solution_with_integers_has_no_duals():
    """A binary's model refuses duals; fixed and real it has them (C7.3)."""
    model = limited()
    model.switch = pyo.Var(domain=pyo.Binary)
    model.start = pyo.Constraint(expr=model.x <= 3 * model.switch)
    solver = PersistentSolver(model)
    assert solver.solve() == -3.0
    with pytest.raises(RuntimeError, match="market model 'limited': a solution with integers has no duals"):
        solver.duals(solver.rows([model.start]))
    model.switch.domain = pyo.Reals
    model.switch.fix(1.0)
    assert solver.solve([model.switch]) == -3.0
    assert solver.duals(solver.rows([model.start])).tolist() == [-1.0]


def test_an_infeasible_model_is_reported_with_its_name():
    """Bounds that exclude each other raise InfeasibleMarket, a RuntimeError, and say what to do."""
    model = limited()
    model.x.setlb(5.0)
    with pytest.raises(InfeasibleMarket, match=r"market model 'limited': HiGHS ended with '\w*nfeasible\w*'; check"):
        PersistentSolver(model).solve()
    assert issubclass(InfeasibleMarket, RuntimeError)


def test_the_method_depends_on_the_size():
    """Simplex, without presolve as far as that was measured; with integers HiGHS chooses."""
    assert method_for(20_000) == {"solver": "simplex", "presolve": "off"}
    assert method_for(20_001) == {"solver": "simplex", "presolve": "choose"}
    assert method_for(10, integers=True) == {"solver": "choose", "presolve": "choose"}


def test_the_solver_says_what_it_is():
    """Name, version and method stand in the manifest; the caller's options go before the choice by size."""
    solver = PersistentSolver(limited())
    options = method_for(1)
    method = f"{options['solver']}, presolve {options['presolve']}"
    assert solver.described == {"name": "HiGHS", "version": version(), "method": method}
    assert PersistentSolver(limited(), solver="ipm").described["method"].startswith("ipm")
    with pytest.raises(ValueError, match="option nonsense=1 is not known"):
        PersistentSolver(limited(), nonsense=1)


def test_a_dual_outside_the_interval_stops_the_run():
    """More than 1e-6 outside is an error, nan ends say nothing."""
    refuse_outside(5.0000005, 4.0, 5.0)
    refuse_outside(7.0, np.nan, np.nan)
    refuse_outside(np.array([1.0, 2.0]), np.array([-np.inf, 2.0]), np.array([1.0, np.inf]))
    with pytest.raises(RuntimeError, match=r"solver's price 6\.0 lies outside .* by 1\.0 currency/kWh"):
        refuse_outside(np.array([4.5, 6.0]), np.array([4.0, 4.0]), np.array([5.0, 5.0]))
