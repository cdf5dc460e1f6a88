"""Prices by area against published and independently computed cases."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyomo.environ as pyo
import pytest
from pyomo.contrib.solver.common.factory import SolverFactory
from scipy.optimize import linprog

from gridagora.markets import OrderBook, clear
from gridagora.markets.network import Network
from gridagora.markets.network.clearing import clear_network
from gridagora.markets.network.dispatch import dispatch
from gridagora.markets.network.rights import pay_rights
from gridagora.markets.solver import PersistentSolver
from gridagora.scenarios.grids import read_grid


def of_case(name, value_of_lost_load=10.0, capacity_kw=None, **options):
    """Return a case and its dispatch."""
    grid = read_grid(name, "dc", **options)
    capacity = grid.capacity_kw if capacity_kw is None else capacity_kw
    found = dispatch(
        grid.network,
        grid.generator_area,
        capacity,
        grid.cost,
        grid.load_kw,
        value_of_lost_load=value_of_lost_load,
        slope=grid.slope,
    )
    return grid, found


LMP_CASE5 = [16.97736, 26.38446, 30.0, 39.94274, 10.0]


def test_case5_has_the_published_dispatch_and_prices():
    """O21: cost 17 479.8969, the five LMPs, line 4-5 at 240 MW worth 62.32204, rent 14 957.2901 (Li and Bo 2010)."""
    _, found = of_case("case5")
    assert found.cost == pytest.approx(17_479.8969, abs=1e-3)
    assert found.generation_kwh / 1e3 == pytest.approx([40, 170, 323.4948, 0, 466.5052], abs=1e-3)
    assert 1e3 * found.prices.price == pytest.approx(LMP_CASE5, abs=1e-4)
    assert found.flow_kwh[5] == pytest.approx(-240e3)
    assert 1e3 * found.prices.line_price == pytest.approx([0, 0, 0, 0, 0, 62.32204], abs=1e-4)
    assert found.prices.rent == pytest.approx(14_957.2901, abs=1e-3)


def test_case5_without_limits_has_one_price():
    """O22: 14 810.0 and 30 everywhere; nothing is left to explain by congestion."""
    _, found = of_case("case5", limit_kw=np.inf)
    assert found.cost == pytest.approx(14_810.0, abs=1e-6)
    assert 1e3 * found.prices.price == pytest.approx(np.full(5, 30.0), abs=1e-6)
    assert found.prices.rent == 0.0


def test_case5_with_the_older_capacities():
    """O23: Alta 110 and Park City 100 MW give the same prices and cost 17 409.8969."""
    _, found = of_case("case5", capacity_kw=[110e3, 100e3, 520e3, 200e3, 600e3])
    assert found.cost == pytest.approx(17_409.8969, abs=1e-3)
    assert 1e3 * found.prices.price == pytest.approx(LMP_CASE5, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "cost", "price"),
    [
        ("case9", 5_216.0266, 24.0442),
        ("case14", 7_642.5937, 39.0162),
        ("case30", 565.206, 3.7892),
        ("case39", 41_263.94, 13.5169),
        ("case57", 41_006.735, 41.6386),
        ("case118", 125_947.87, 39.3814),
    ],
)
def test_quadratic_costs(name, cost, price):
    """O24: costs and prices of pypower 5.1.21's DC optimal power flow, relative 1e-4; one price in every area."""
    grid, found = of_case(name)
    assert found.cost + grid.fixed_cost.sum() == pytest.approx(cost, rel=1e-4)
    assert 1e3 * found.prices.price == pytest.approx(np.full(len(grid.load_kw), price), rel=1e-4)
    assert found.shed_kwh.max() <= 1e-6


@pytest.mark.parametrize(
    ("limit", "sold", "price", "flow", "rent"),
    [
        (np.inf, [1433.3333, 566.6667], [24.3333, 24.3333], 933.3333, 0.0),
        (400.0, [900.0, 1100.0], [19.0, 35.0], 400.0, 6400.0),
    ],
)
@pytest.mark.parametrize("kind", ["dc", "transport"])
def test_borduria_and_syldavia(kind, limit, sold, price, flow, rent):
    """O25: marginal costs 10 + 0.01 P and 13 + 0.02 P, loads 500 and 1500, with and without a limit of 400."""
    areas = ["Borduria", "Syldavia"]
    network = Network(kind, areas, [tuple(areas)], limit_kw=limit, x=0.1)
    found = dispatch(
        network, areas, [5000, 5000], [10.0, 13.0], [500, 1500], value_of_lost_load=1000.0, slope=[0.01, 0.02]
    )
    assert found.generation_kwh == pytest.approx(sold, rel=1e-4)
    assert found.prices.price == pytest.approx(price, rel=1e-4)
    assert found.flow_kwh[0] == pytest.approx(flow, rel=1e-4)
    assert found.prices.rent == pytest.approx(rent, rel=1e-4)
    assert found.prices.energy + found.prices.congestion == pytest.approx(found.prices.price)


def dual_face(grid):
    """Return HiGHS's optimum of model P2's dual program of a case, and each price's bounds on its face."""
    network = grid.network
    areas, lines, units = len(grid.load_kw), len(network.line_from), len(grid.cost)
    area = network.area_index(grid.generator_area)
    limit = np.where(np.isfinite(network.limit_kw), network.limit_kw, 0.0)
    # price, sigma, mu up, mu down, alpha; mu stays 0 where a line has no limit
    cost = np.concatenate([-grid.load_kw, np.zeros(lines), limit, limit, grid.capacity_kw])
    bounds = [(None, None)] * (areas + lines)
    bounds += [(0, None if np.isfinite(most) else 0) for most in network.limit_kw] * 2 + [(0, None)] * units
    at_unit = np.zeros((units, len(cost)))
    at_unit[np.arange(units), area] = 1.0
    at_unit[:, areas + 3 * lines :] = -np.eye(units)
    eye, incidence = np.eye(lines), network.incidence
    flow = np.hstack([-incidence, eye, -eye, eye, np.zeros((lines, units))])
    angle = np.zeros((areas, len(cost)))
    angle[:, areas : areas + lines] = incidence.T / network.x
    others = np.arange(areas) != network.slack
    equal = np.vstack([flow, angle[others]])
    right = np.zeros(len(equal))
    best = linprog(cost, at_unit, grid.cost, equal, right, bounds, method="highs")
    face = np.vstack([at_unit, cost]), np.append(grid.cost, best.fun + 1e-9 * abs(best.fun))
    ends = []
    for n in range(areas):
        goal = np.eye(len(cost))[n]
        low, high = (linprog(s * goal, *face, equal, right, bounds, method="highs").fun * s for s in (1, -1))
        ends.append((low, high))
    return -best.fun, np.array(ends).T


def test_the_dual_program_of_case5_agrees():
    """O57, O70: its optimum is the cost, and every price is unique to 1e-5."""
    grid, found = of_case("case5")
    optimum, (low, high) = dual_face(grid)
    assert optimum == pytest.approx(found.cost, rel=1e-6)
    assert (1e3 * (high - low)).max() < 1e-4
    assert (1e3 * (found.prices.high - found.prices.low)).max() < 1e-5
    assert 1e3 * found.prices.price == pytest.approx(1e3 * low, abs=1e-4)


def test_an_interval_is_that_of_the_dual_program():
    """Where load ends at a step of the merit order, prices are free together; the intervals are those of P2."""
    _, found = of_case("case5", limit_kw=np.inf, capacity_kw=[40e3, 170e3, 190e3, 200e3, 600e3])
    assert 1e3 * found.prices.low == pytest.approx(np.full(5, 30.0))
    assert 1e3 * found.prices.high == pytest.approx(np.full(5, 40.0))
    assert 1e3 * found.prices.price == pytest.approx(np.full(5, 35.0))
    changed = replace(read_grid("case5", limit_kw=np.inf), capacity_kw=np.array([40e3, 170e3, 190e3, 200e3, 600e3]))
    _, (low, high) = dual_face(changed)
    assert 1e3 * low == pytest.approx(1e3 * found.prices.low, abs=1e-4)
    assert 1e3 * high == pytest.approx(1e3 * found.prices.high, abs=1e-4)


@pytest.mark.parametrize("seed", range(12))
def test_intervals_of_random_grids_are_those_of_the_dual_program(seed):
    """Cost and intervals agree with model P2's program, wide or not; a plant at 5 in each area bounds it."""
    rng = np.random.default_rng(seed)
    areas, units = int(rng.integers(2, 5)), int(rng.integers(2, 7))
    lines = [(n, n + 1) for n in range(areas - 1)] + ([(0, areas - 1)] if areas > 2 else [])
    limit = rng.choice([1.0, 2.5, 4.0, np.inf], len(lines))
    network = Network("dc", range(areas), lines, x=rng.uniform(0.5, 2, len(lines)), limit_kw=limit)
    grid = SimpleNamespace(
        network=network,
        load_kw=rng.integers(1, 4, areas).astype(float),
        generator_area=np.concatenate([rng.integers(0, areas, units), np.arange(areas)]),
        capacity_kw=np.concatenate([rng.integers(1, 5, units), np.full(areas, 100.0)]),
        cost=np.concatenate([rng.integers(0, 6, units) / 4, np.full(areas, 5.0)]),
    )
    found = dispatch(network, grid.generator_area, grid.capacity_kw, grid.cost, grid.load_kw, value_of_lost_load=50.0)
    optimum, (low, high) = dual_face(grid)
    assert optimum == pytest.approx(found.cost, abs=1e-6)
    assert found.prices.low == pytest.approx(low, abs=1e-6)
    assert found.prices.high == pytest.approx(high, abs=1e-6)


def test_the_joint_rule_keeps_prices_on_the_face():
    """A limit that binds at a step leaves two dimensions; k moves both prices, and the rent follows them (P2)."""
    network = Network("dc", ["a", "b"], [("a", "b")], x=1.0, limit_kw=2.0)
    book = OrderBook(
        ["sell", "sell", "buy", "buy"], [1.0, 2.0, 9.0, 5.0], [2.0, 2.0, 2.0, 2.0], area=["a", "a", "b", "b"]
    )
    for k, expected in ((0.0, [1.0, 5.0]), (0.5, [1.5, 7.0]), (1.0, [2.0, 9.0])):
        found = clear_network(book, network, k)
        assert found.prices.price == pytest.approx(expected)
        assert found.prices.low == pytest.approx([1.0, 5.0])
        assert found.prices.high == pytest.approx([2.0, 9.0])
        assert found.clearing.operator_surplus == pytest.approx(2 * (expected[1] - expected[0]))
        assert found.prices.rent == pytest.approx(found.clearing.operator_surplus)


def test_transport_limits_differ_by_direction_and_price_zones():
    """100 kW reach the south and 30 the north; a full line parts the zones, one with room to spare joins them."""
    network = Network(
        "transport", ["n", "m", "s"], [("n", "m"), ("m", "s")], limit_kw=[100, 500], limit_back_kw=[30, 500]
    )
    south = OrderBook(["sell", "sell", "buy"], [1.0, 3.0, 9.0], [400.0, 400.0, 200.0], area=["n", "s", "s"])
    found = clear_network(south, network)
    assert found.prices.price == pytest.approx([1.0, 3.0, 3.0])
    assert found.flow_kwh == pytest.approx([100.0, 100.0])
    assert found.prices.line_price == pytest.approx([2.0, 0.0])
    assert found.prices.rent == pytest.approx(200.0)
    north = OrderBook(["sell", "sell", "buy"], [3.0, 1.0, 9.0], [400.0, 400.0, 200.0], area=["n", "s", "n"])
    found = clear_network(north, network)
    assert found.flow_kwh == pytest.approx([-30.0, -30.0])
    assert found.prices.price == pytest.approx([3.0, 1.0, 1.0])


def test_load_is_shed_where_lines_or_plants_do_not_suffice():
    """10 kW of line and 5 kW of plant serve 15 of 20 kW: 5 are shed at b, whose price is the value of lost load."""
    network = Network("dc", ["a", "b"], [("a", "b")], x=1.0, limit_kw=10.0)
    found = dispatch(network, ["a", "b"], [100, 5], [0.1, 0.2], [3, 20], value_of_lost_load=7.0, hours=0.25)
    assert found.shed_kwh == pytest.approx([0.0, 1.25])
    assert found.generation_kwh == pytest.approx([3.25, 1.25])
    assert found.prices.price == pytest.approx([0.1, 7.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capacity_kw": [-1, 1]}, r"dispatch: capacity_kw holds -1\.0; must be finite and at least 0"),
        ({"cost": [np.inf, 1]}, r"dispatch: cost holds inf; must be finite"),
        ({"load_kw": [1, 2, 3]}, r"dispatch: load_kw of shape \(3,\); give one value or one each of 2"),
    ],
)
def test_bad_columns_of_a_dispatch_are_refused(change, message):
    """A negative capacity or load, an infinite cost and a wrong length are named."""
    network = Network("dc", ["a", "b"], [("a", "b")], x=1.0)
    given = {"unit_area": ["a", "b"], "capacity_kw": [1, 1], "cost": [1, 1], "load_kw": [1, 1]} | change
    with pytest.raises(ValueError, match=message):
        dispatch(network, **given, value_of_lost_load=1.0)


def test_voltage_prices_of_a_feeder():
    """The lower voltage at the end holds 10 kW of demand back: its price carries a voltage part, the rent is the dual.

    r p / base may fall by (1 - 0.95^2) / 2: with r = 0.05 and 0.1 per unit and 30 kW at the middle, p = 100 (0.04875 -
    0.05 x 0.3) / 0.15 = 22.5 kW fit at the end.
    """
    network = Network("lin_dist_flow", ["r", "m", "e"], [("r", "m"), ("m", "e")], x=0.01, r=[0.05, 0.1], base_kva=100)
    book = OrderBook(["sell", "buy", "buy"], [0.3, 1.0, 0.9], [500.0, 30.0, 32.5], area=["r", "m", "e"])
    found = clear_network(book, network)
    assert found.clearing.accepted == pytest.approx([52.5, 30.0, 22.5])
    assert found.prices.price == pytest.approx([0.3, 0.5, 0.9])
    assert found.prices.voltage == pytest.approx([0.0, 0.2, 0.6])
    assert found.prices.congestion == pytest.approx([0.0, 0.0, 0.0])
    assert found.clearing.operator_surplus == pytest.approx(0.2 * 30 + 0.6 * 22.5)
    assert found.prices.rent == pytest.approx(found.clearing.operator_surplus)


@pytest.mark.parametrize("reactive", [0.0, 15.0])
def test_buyers_pay_the_reactive_energy_they_draw(reactive):
    """With tan phi 0.3 the marginal buyer's price and reactive part are his bid; inverters make room for more."""
    network = Network(
        "lin_dist_flow",
        ["r", "m", "e"],
        [("r", "m"), ("m", "e")],
        x=[0.03, 0.06],
        r=[0.05, 0.1],
        base_kva=100,
        tan_phi=[0, 0.3, 0.3],
        reactive_kvar=[0.0, reactive, reactive],
        limit_kw=60.0,
    )
    book = OrderBook(["sell", "sell", "buy", "buy"], [0.3, 0.5, 1.0, 1.0], [500, 20, 30, 60], area=["r", "e", "m", "e"])
    found = clear_network(book, network)
    assert found.clearing.accepted[3] == pytest.approx(44.6610169 if reactive else 34.4915254)
    assert found.clearing.unit_price[3] == pytest.approx(1.0)
    assert found.prices.price[2] + 0.3 * found.prices.reactive[2] == pytest.approx(1.0)
    assert found.prices.rent == pytest.approx(found.clearing.operator_surplus)


def test_line_losses_are_a_fixed_point():
    """Sold energy is bought energy plus r (P^2 + Q^2) / v; the auctioneer keeps the rent less the cost of losses."""
    network = Network("lin_dist_flow", ["r", "m"], [("r", "m")], x=0.01, r=0.05, base_kva=100, losses=True)
    book = OrderBook(["sell", "buy"], [0.3, 1.0], [500.0, 40.0], area=["r", "m"])
    found = clear_network(book, network)
    loss = float(found.losses_kwh[0])
    assert loss == pytest.approx(0.05 * (40 + loss) ** 2 / 100, rel=1e-6)
    assert found.clearing.accepted == pytest.approx([40 + loss, 40.0])
    assert found.clearing.operator_surplus == pytest.approx(found.prices.rent - 0.3 * loss)


def test_rights_that_are_feasible_together_are_paid_by_the_rent():
    """Rights of 240 MW over line 4-5's direction fit and leave money; of ten times that they do not fit (C5.1)."""
    grid, found = of_case("case5")
    fits = pay_rights(grid.network, found.prices, ["5"], ["4"], [240e3], 1.0)
    assert fits.feasible
    assert fits.payment == pytest.approx([240e3 * (0.03994274 - 0.01)], rel=1e-6)
    assert fits.left == pytest.approx(14_957.2901 - 240 * 29.94274, abs=1e-2)
    too_much = pay_rights(grid.network, found.prices, ["5"], ["4"], [2400e3], 1.0)
    assert not too_much.feasible
    assert too_much.left < 0
    with pytest.raises(ValueError, match="powers at least 0 kW"):
        pay_rights(grid.network, found.prices, ["5"], ["4"], [-1.0], 1.0)


def two_units(sense=pyo.minimize, square=0.0, domain=pyo.NonNegativeReals):
    """Return a model of one balance, two units and its objective."""
    model = pyo.ConcreteModel("two units")
    model.sold = pyo.Var([0, 1], bounds=(0, 10), domain=domain)
    model.balance = pyo.Constraint(expr=model.sold[0] + model.sold[1] - 15 == 0)
    cost = 2 * model.sold[0] + 3 * model.sold[1] + square * model.sold[1] ** 2
    model.goal = pyo.Objective(expr=cost if sense == pyo.minimize else -cost, sense=sense)
    return model


@pytest.mark.parametrize(("sense", "price"), [(pyo.minimize, 3.0), (pyo.maximize, -3.0)])
def test_the_sign_of_a_dual(sense, price):
    """O71: minimised cost with supply less demand = 0 has the price as its dual, maximised value its negative."""
    model = two_units(sense)
    solver = PersistentSolver(model)
    solver.solve()
    assert solver.duals(solver.rows([model.balance]))[0] == pytest.approx(price)


def test_integers_have_no_duals_until_they_are_fixed_and_real():
    """O71: a solution with integers raises; fixed and of domain Reals it has the price."""
    model = two_units(domain=pyo.NonNegativeIntegers)
    solver = PersistentSolver(model)
    solver.solve()
    row = solver.rows([model.balance])
    with pytest.raises(RuntimeError, match="a solution with integers has no duals"):
        solver.duals(row)
    model.sold[0].domain = model.sold[1].domain = pyo.Reals
    model.sold[0].fix(10.0)
    solver.solve([model.sold[0], model.sold[1]])
    assert solver.duals(row)[0] == pytest.approx(3.0)


def test_quadratic_costs_need_the_newer_interface():
    """O71: appsi refuses a quadratic objective, `highs` solves it: marginal cost 3 + 2 x 0.5 x 5 at 5 kWh."""
    model = two_units(square=0.5)
    model.sold[0].setub(10)
    with pytest.raises(Exception, match=r"[Dd]egree|quadratic"):
        pyo.SolverFactory("appsi_highs").solve(model)
    solver = SolverFactory("highs")
    result = solver.solve(model)
    assert result.solution_loader.get_duals([model.balance])[model.balance] == pytest.approx(
        model.sold[1].value + 3, rel=1e-4
    )


def test_the_mechanism_takes_a_network():
    """Each area has a price and an interval; orders of an unknown area, or without one, are refused."""
    network = Network("dc", ["a", "b"], [("a", "b")], x=1.0, limit_kw=4.0)
    book = OrderBook(["sell", "buy"], [1.0, 3.0], [2.0, 2.0], area=["a", "b"])
    found = clear(book, "uniform_price", network=network, hours=0.25, k=1.0)
    assert found.accepted.tolist() == [1.0, 1.0]
    assert found.price.tolist() == [1.0, 3.0]
    assert [end.tolist() for end in found.price_interval] == [[1.0, 3.0], [1.0, 3.0]]
    assert found.operator_surplus == pytest.approx(2.0)
    with pytest.raises(ValueError, match="orders: area 'c' is not one of its 2 areas"):
        clear(OrderBook(["buy"], [1.0], [1.0], area=["c"]), "uniform_price", network=network)
    with pytest.raises(ValueError, match="orders without areas; give the column `area`"):
        clear(OrderBook(["buy"], [1.0], [1.0]), "uniform_price", network=network)
    with pytest.raises(ValueError, match="method 'exact' sorts orders of one area"):
        clear(book, "uniform_price", network=network, method="exact")
    with pytest.raises(ValueError, match=r"hours: given 0\.0"):
        clear_network(book, network, hours=0.0)
    with pytest.raises(ValueError, match=r"k: given 2; allowed 0"):
        clear_network(book, network, k=2)
