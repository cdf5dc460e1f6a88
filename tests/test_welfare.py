import numpy as np
import pyomo.environ as pyo
import pytest
from pyomo.contrib.solver.common.factory import SolverFactory
from pyomo.contrib.solver.common.util import NoDualsError

from gridagora.markets.merit_order import clear_merit_order
from gridagora.markets.orders import InfeasibleMarket, OrderBook
from gridagora.markets.solver import PersistentSolver
from gridagora.markets.welfare import WelfareModel, build_welfare_model, clear_welfare


def solver():
    """Return HiGHS as the project sets it up, without a model."""
    highs = SolverFactory("highs")
    highs.config.load_solutions = False
    highs.config.raise_exception_on_nonoptimal_result = False
    highs.config.threads = 1
    return highs


def one_node(sense=pyo.minimize, quadratic=False):
    """Return supply at cost 3 (or 3 + x/2) that meets a demand of 4: the price is 3 (or 7)."""
    model = pyo.ConcreteModel("one node")
    model.sold = pyo.Var(bounds=(0, 10))
    cost = 3 * model.sold + (0.5 * model.sold**2 if quadratic else 0)
    model.balance = pyo.Constraint(expr=model.sold - 4 == 0)
    model.objective = pyo.Objective(expr=cost if sense == pyo.minimize else -cost, sense=sense)
    return model


def test_components_carry_the_prefixes_of_the_mathematics():
    """Variables, constraints and objectives are named as such; the balance reads supply - demand."""
    model = build_welfare_model(2, 3)
    names = [component.name for component in model.component_objects((pyo.Var, pyo.Constraint, pyo.Objective))]
    assert sorted(names) == [
        "constraint_balance",
        "objective_cost",
        "objective_volume",
        "variable_bought",
        "variable_sold",
    ]
    assert (len(model.variable_bought), len(model.variable_sold)) == (2, 3)
    model.variable_sold[0].value = 1.0
    for variable in [*model.variable_bought.values(), *list(model.variable_sold.values())[1:]]:
        variable.value = 0.0
    assert pyo.value(model.constraint_balance.body) == 1.0


def test_shares_dual_and_welfare_of_a_worked_case():
    """Steps 9, 7, 4 against 2, 5, 6 of 1 kWh: two trade, welfare 9, and the dual lies in [5, 6]."""
    one = np.ones(3)
    optimum = WelfareModel(4, 8).solve(np.array([4.0, 7.0, 9.0]), one, np.array([2.0, 5.0, 6.0]), one)
    assert optimum.bid_share.tolist() == [0.0, 1.0, 1.0]
    assert optimum.ask_share.tolist() == [1.0, 1.0, 0.0]
    assert optimum.welfare == pytest.approx(9.0, rel=1e-12)
    assert 5.0 <= optimum.dual <= 6.0


def test_equal_prices_trade_in_full():
    """Among welfare optima the volume is the largest: the second stage trades bid 3 with ask 3."""
    book = OrderBook(["buy", "buy", "sell", "sell"], [5, 3, 1, 3], [2, 2, 1, 9])
    clearing = clear_welfare(book)
    assert clearing.accepted.tolist() == pytest.approx([2, 2, 1, 3], abs=1e-12)
    assert (clearing.price, clearing.price_interval, clearing.method) == (3.0, (3.0, 3.0), "pyomo")
    alone = OrderBook(["buy", "sell"], [3, 3], [1, 1])
    assert clear_welfare(alone).volume == 1.0


@pytest.mark.parametrize(
    ("side", "price", "interval"),
    [
        (["buy", "sell"], [1, 2], (1.0, 2.0)),
        (["buy", "buy"], [1, 2], (np.nan, np.nan)),
        (["sell"], [1], (np.nan, np.nan)),
        ([], [], (np.nan, np.nan)),
    ],
)
def test_without_trade_the_price_is_nan(side, price, interval):
    """Best bid and best ask are reported, nan where a side is empty."""
    clearing = clear_welfare(OrderBook(side, price, np.ones(len(side))))
    assert np.isnan(clearing.price)
    np.testing.assert_array_equal(clearing.price_interval, interval)
    assert clearing.accepted.tolist() == [0.0] * len(side)


def test_orders_of_one_price_are_one_variable():
    """4,000 orders on four prices need no more room than four steps a side."""
    rng = np.random.default_rng(0)
    side = np.where(rng.random(4000) < 0.5, 1, -1)
    book = OrderBook.from_arrays(side, rng.integers(1, 5, 4000), rng.random(4000))
    room = []

    class Spy(WelfareModel):
        def __init__(self, bid_steps, ask_steps):
            room.append((bid_steps, ask_steps))
            super().__init__(bid_steps, ask_steps)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gridagora.markets.welfare._welfare_model", Spy)
        clearing = clear_welfare(book)
    assert room == [(8, 8)]
    assert clearing.welfare == pytest.approx(clear_merit_order(book).welfare, rel=1e-12)


def test_a_kept_model_gives_what_a_new_one_gives():
    """Awards after other auctions equal those of a fresh model to the last bit, ties and small sides included."""
    rng = np.random.default_rng(4)
    kept = WelfareModel(8, 8)
    for _ in range(30):
        bids, asks = rng.integers(1, 9, 2)
        steps = [
            np.sort(rng.choice(np.arange(12.0), n, replace=False)) if i % 2 == 0 else rng.integers(1, 9, n) * 1.0
            for i, n in enumerate((bids, bids, asks, asks))
        ]
        again, fresh = kept.solve(*steps), WelfareModel(8, 8).solve(*steps)
        assert again.bid_share.tolist() == fresh.bid_share.tolist()
        assert again.ask_share.tolist() == fresh.ask_share.tolist()
        assert again.welfare == pytest.approx(fresh.welfare, rel=1e-12, abs=1e-12)


def test_a_failed_second_stage_leaves_the_model_usable(monkeypatch):
    """After an error in the second stage, bid 3 with ask 3, the next auction is cleared by its welfare again."""
    model = WelfareModel(1, 1)
    one, solve = np.ones(1), model._solver.solve

    def fail(changed, objective=None):
        if objective is None:
            return solve(changed)
        model._solver.set_objective(objective)
        raise InfeasibleMarket("second stage")

    monkeypatch.setattr(model._solver, "solve", fail)
    monkeypatch.setattr(model, "_shares", lambda *_: (np.zeros(1), np.zeros(1)))
    with pytest.raises(InfeasibleMarket, match="second stage"):
        model.solve(one * 3, one, one * 3, one)
    monkeypatch.undo()
    assert model.solve(one * 5, one, one * 3, one).welfare == pytest.approx(2.0)


def test_the_dual_of_a_minimisation_is_the_price():
    """`minimize` with supply - demand = 0 gives +3, `maximize` gives -3 (O71)."""
    for sense, price in ((pyo.minimize, 3.0), (pyo.maximize, -3.0)):
        model = one_node(sense)
        highs = PersistentSolver(model)
        highs.solve()
        assert highs.duals(highs.rows([model.balance])).tolist() == [price]


def test_quadratic_costs_need_the_newer_interface():
    """`highs` solves 3 x + x^2 / 2 with the dual 7 within 1e-4, `appsi_highs` refuses the degree (O71)."""
    model = one_node(quadratic=True)
    highs = PersistentSolver(model)
    assert highs.solve() == pytest.approx(20.0, rel=1e-4)
    assert highs.duals(highs.rows([model.balance]))[0] == pytest.approx(7.0, rel=1e-4)
    with pytest.raises(Exception, match="does not support expressions of degree"):
        pyo.SolverFactory("appsi_highs").solve(one_node(quadratic=True))


def test_duals_after_integers_need_fixed_variables_of_real_domain():
    """A MILP has no duals; fixing its binary is not enough, its domain must become Reals (O71)."""
    model = one_node()
    model.switch = pyo.Var(domain=pyo.Binary)
    model.start = pyo.Constraint(expr=model.sold <= 10 * model.switch)
    with pytest.raises(NoDualsError):
        solver().solve(model).solution_loader.get_duals([model.balance])
    model.switch.fix(1)
    with pytest.raises(NoDualsError):
        solver().solve(model).solution_loader.get_duals([model.balance])
    model.switch.domain = pyo.Reals
    assert solver().solve(model).solution_loader.get_duals([model.balance])[model.balance] == 3.0
