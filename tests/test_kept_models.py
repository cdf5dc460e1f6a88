"""Models that solvers keep: what was solved before never shows, so a resumed run ends at the same bits."""

import pickle
from dataclasses import fields

import numpy as np
import pyomo.environ as pyo
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.production import ProductionPlanner
from gridagora.agents.production_plant import Plant, ProductionDay, ProductionLine
from gridagora.markets.community.microgrid_day import Equipment, day_of
from gridagora.markets.community.microgrid_dispatch import MicrogridDispatch
from gridagora.markets.coupled_pool import CoupledPool, Technique
from gridagora.markets.day_ahead import DayAheadPool
from gridagora.markets.network import Network
from gridagora.markets.network.clearing import clear_network
from gridagora.markets.network.pool import NetworkPool
from gridagora.markets.orders import OrderBook
from gridagora.markets.pool_day import Offers
from gridagora.markets.solver import PersistentSolver
from gridagora.markets.storage import Storage
from gridagora.markets.welfare import clear_welfare

#: Two plants of one cost: HiGHS has many optima to choose from.
PLANTS = Offers(["coal", "lignite", "gas"], [10.0, 10.0, 10.0], [0.3, 0.3, 0.5])
TERMS = {"buyers": ("supplier",), "step_price": [1.5, 0.4], "floor": -0.05, "cap": 1.5, "periods": 4}
TWO = Network("dc", ["north", "south"], [("north", "south")], x=1.0, limit_kw=6.0)
BATTERY = Storage("storage:a", 3.0, 7.0, 0.8)
EQUIPMENT = Equipment(
    **{"connection_kw": 20, "battery_kwh": 10, "battery_kw": 5, "battery_efficiency": 0.9},
    **{"chp_kw": 5, "chp_electric": 0.4, "chp_heat": 0.5, "fuel_per_kwh": 0.2, "boiler_efficiency": 0.8},
)


def bits(result):
    """Return the numbers of a result as bytes, by name."""
    return {each.name: np.asarray(getattr(result, each.name)).tobytes() for each in fields(result)}


def assert_no_memory(model, solve, days):
    """Assert that a copy of a model by pickle, which never solved anything, solves each day to the same bits."""
    for day in days:
        copy = pickle.loads(pickle.dumps(model))
        assert bits(solve(copy, day)) == bits(solve(model, day))


def pool_days(seed, areas=None):
    """Return demand and surplus of five days, with equal numbers often enough for ties."""
    rng = np.random.default_rng(seed)
    shape = (1, 4) if areas is None else (1, areas, 4)
    return [(rng.integers(0, 25, (*shape, 2)).astype(float), rng.integers(0, 12, shape)) for _ in range(5)]


def next_day(pool, day):
    """Clear a day of a pool, and let its storages hold what they then hold."""
    result = pool.clear(*day)
    for charge, discharge in zip(result.charge_quanta, result.discharge_quanta, strict=True):
        pool.storages.follow(charge, discharge, 2.0 * float(discharge.sum()) + 8, 2**62)
    return result


@pytest.mark.parametrize("pricing", ["ip", "lp"])
@settings(max_examples=3)
@given(seed=st.integers(0, 1000))
def test_the_coupled_pool(pricing, seed):
    """Ramps, starts and a storage: each day's solution depends on its data and on what the day before left."""
    technique = Technique(3, [4.0, np.inf, np.inf], [3.0, 0.0, 4.0], [0.5, np.nan, 2.0], [2, 1, 1], [1, 1, 2])
    pool = CoupledPool(PLANTS, technique, [BATTERY], pricing=pricing, **TERMS)
    assert_no_memory(pool, next_day, pool_days(seed))


@settings(max_examples=3)
@given(seed=st.integers(0, 1000), storages=st.sampled_from([(), (BATTERY,)]))
def test_the_pool_of_a_grid(seed, storages):
    """One model a period without storage, one a day with it."""
    pool = NetworkPool(
        PLANTS, ["north", "south", "south"], TWO, storages, ["south"] * len(storages), hours=1.0, **TERMS
    )
    assert_no_memory(pool, next_day, pool_days(seed, areas=2))


def test_the_plain_pool():
    """A pool of one area; a model that another pool left is as good as new."""
    pool = DayAheadPool(PLANTS, **TERMS)
    assert_no_memory(pool, next_day, pool_days(3))
    first = bits(DayAheadPool(PLANTS, **TERMS).clear(*pool_days(3)[0]))
    pool.release()
    again = DayAheadPool(PLANTS, **TERMS)
    assert bits(again.clear(*pool_days(3)[0])) == first


@settings(max_examples=3)
@given(seed=st.integers(0, 1000))
def test_a_microgrid(seed):
    """A price below what is paid for what is fed in puts binaries into the model; the next day knows none of them."""
    rng = np.random.default_rng(seed)
    days = [
        day_of(
            rng.integers(0, 12, (2, 6)).astype(float),
            rng.choice([0.1, 0.3, 0.9], 6),
            rng.choice([0.05, 0.5]),
            np.array([1.0, 4.0]),
            pv=rng.integers(0, 9, 6).astype(float),
            heat=rng.integers(0, 4, 6).astype(float),
            stored_kwh=float(rng.integers(2, 8)),
            stored_end_kwh=2.0,
        )
        for _ in range(5)
    ]
    assert_no_memory(MicrogridDispatch(EQUIPMENT, 2, 6, 1.0), MicrogridDispatch.solve, days)


@settings(max_examples=3)
@given(seed=st.integers(0, 1000))
def test_a_plant_that_produces(seed):
    """Prices of one cent and of nine: HiGHS scales by the costs of the day, not by those of the first."""
    rng = np.random.default_rng(seed)
    line = ProductionLine(rate=2.0, energy=2.0, margin=5.0, stock=3.0, holding_cost=0.01)
    days = [
        ProductionDay(
            scale * rng.integers(1, 4, 6), rng.integers(0, 3, (1, 6)), [[3] * 6], [[3] * 6], [1] * 6, [1], 2.0
        )
        for scale in (0.01, 3.0, 0.1, 1.0)
    ]
    assert_no_memory(ProductionPlanner(Plant((line,), 0.5), 6), ProductionPlanner.plan, days)


@pytest.mark.parametrize("clear", [clear_welfare, lambda book: clear_network(book, TWO).clearing])
def test_an_auction_solved_by_pyomo(clear):
    """The model of one size is shared by all books of a process: one of them clears alike before and after others."""
    rng = np.random.default_rng(5)
    sides, prices, areas = ([-1, 1], [0.2, 0.3, 0.4], ["north", "south"])
    books = [
        OrderBook.from_arrays(
            rng.choice(sides, 12), rng.choice(prices, 12) * scale, rng.integers(1, 9, 12), area=rng.choice(areas, 12)
        )
        for scale in (1.0, 0.01, 5.0, 1.0)
    ]
    first = [clear(book) for book in books]
    again = [clear(book) for book in reversed(books)][::-1]
    for one, other in zip(first, again, strict=True):
        assert one.accepted.tobytes() == other.accepted.tobytes()
        assert np.asarray(one.price).tobytes() == np.asarray(other.price).tobytes()


def test_forget_forgets_the_scaling_too():
    """Of rows 1000 x + y / 1000 >= 1 the scaling depends on the costs; after forget a solve is as in a new model."""

    def model_of():
        model = pyo.ConcreteModel("scaled")
        model.n = pyo.RangeSet(0, 7)
        model.cost = pyo.Param(model.n, mutable=True, initialize=1.0)
        model.need = pyo.Param(model.n, mutable=True, initialize=1.0)
        model.x = pyo.Var(model.n, bounds=(0, 10))
        size = np.power(10.0, np.random.default_rng(1).uniform(-3, 3, (8, 8)))
        model.rows = pyo.Constraint(
            model.n, rule=lambda m, i: sum(size[i, j] * m.x[j] for j in m.n) >= m.need[i] * float(size[i].sum())
        )
        model.objective = pyo.Objective(expr=sum(model.cost[j] * model.x[j] for j in model.n))
        return model

    def solved(solver, cost, need):
        for place in range(8):
            solver.model.cost[place].value, solver.model.need[place].value = float(cost[place]), float(need[place])
        solver.solve()
        return solver.values(solver.columns(list(solver.model.x.values())))[0].tobytes()

    rng = np.random.default_rng(2)
    data = [(np.power(10.0, rng.uniform(-k, 1, 8)), rng.uniform(0, 3, 8)) for k in (4, 0, 4, 0, 3, 1)]
    kept, differ = PersistentSolver(model_of()), 0
    warm = PersistentSolver(model_of())
    for cost, need in data:
        kept.forget()
        new = solved(PersistentSolver(model_of()), cost, need)
        assert solved(kept, cost, need) == new
        differ += solved(warm, cost, need) != new
    assert differ, "the data are too tame to tell"
