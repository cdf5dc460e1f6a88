"""Production follows prices as far as store, shifts and orders let it, and never at a loss to the usual day."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.production import ProductionPlanner
from gridagora.agents.production_plant import (
    Plant,
    ProductionDay,
    ProductionLine,
    outage_cost,
    shift_limits,
    usual,
    valued,
)

#: Six periods of four hours; a line makes up to 8 units in each.
PERIODS = 6
FULL = np.full((1, PERIODS), 8.0)


def line(**changes):
    """Return a line of 2 units/h and 3 kWh/unit that earns 2 a unit and stores 12."""
    return ProductionLine(**{"rate": 2.0, "energy": 3.0, "margin": 2.0, "stock": 12.0, **changes})


def day(price, orders, **changes):
    """Return a day with full capacity, the store half full."""
    data = {"capacity": FULL, "crew": FULL, "base_kwh": np.zeros(PERIODS), "stock": [6.0]}
    return ProductionDay(price, [orders], **{**data, **changes})


def test_the_store_moves_production_to_cheap_hours():
    """Four units ordered in every period: the three cheap ones make 8, 8 and 2 + 6 of them; the dear ones nothing."""
    prices = [0.1, 0.1, 0.5, 0.5, 0.5, 0.1]
    plan = ProductionPlanner(Plant((line(),)), PERIODS).plan(day(prices, [4.0] * 6))
    # The store has 6 at first, is filled to 12 by two cheap periods, serves three dear ones, ends with 6.
    assert plan.shipped.tolist() == [[4.0] * 6]
    assert plan.output[0, [0, 1]].sum() == pytest.approx(14.0)
    assert plan.output[0, 2:5].sum() == pytest.approx(2.0)
    assert plan.output[0, 5] == pytest.approx(8.0)
    assert plan.energy == pytest.approx(3 * (22 * 0.1 + 2 * 0.5))
    assert plan.profit == pytest.approx(48 - 9.6)
    plain = usual(Plant((line(),)), day(prices, [4.0] * 6))
    assert plain.energy == pytest.approx(3 * (12 * 0.1 + 12 * 0.5))
    assert plain.profit == pytest.approx(48 - 21.6)


def test_output_falls_where_energy_costs_more_than_it_earns():
    """A unit earns 2 and takes 3 kWh: at 0.7 currency/kWh and no store nothing is made, at 0.6 everything."""
    planner = ProductionPlanner(Plant((line(stock=0.0),)), PERIODS)
    plan = planner.plan(day([0.6, 0.7, 0.6, 0.7, 0.6, 0.7], [4.0] * 6, stock=[0.0]))
    assert plan.output.tolist() == [[4.0, 0.0, 4.0, 0.0, 4.0, 0.0]]
    assert plan.profit == pytest.approx(3 * 4 * (2 - 1.8))
    prices = [0.1, 0.3, 0.5, 0.66, 0.7, 1.0]
    made = [planner.plan(day([price] * 6, [4.0] * 6, stock=[0.0])).output.sum() for price in prices]
    assert made == [24.0] * 4 + [0.0] * 2


def test_at_one_price_the_usual_day_is_best():
    """Without a reason nothing is moved: any holding cost keeps the usual schedule, orders of any shape."""
    plant, orders = Plant((line(holding_cost=1e-4),)), [0.0, 3.0, 8.0, 8.0, 5.0, 1.0]
    plan = ProductionPlanner(plant, PERIODS).plan(day([0.3] * 6, orders))
    np.testing.assert_allclose(plan.output[0], orders, atol=1e-8)
    assert plan.profit == pytest.approx(usual(plant, day([0.3] * 6, orders)).profit)


def test_a_demand_charge_flattens():
    """Orders of 8 in one period are 24 kWh or 6 kW; spread over all periods the peak is 1 kW, and so is the charge."""
    plant = Plant((line(),), demand_charge=4.0)
    planner, orders = ProductionPlanner(plant, PERIODS), [0, 0, 0, 0, 0, 8.0]
    plan = planner.plan(day([0.1] * 6, orders, stock=[0.0]))
    np.testing.assert_allclose(plan.load_kwh, 4.0, atol=1e-8)
    assert (plan.demand, usual(plant, day([0.1] * 6, orders)).demand) == pytest.approx((4.0, 24.0))
    # A month that has seen 6 kW takes the peak for nothing; a base load of 1 kW adds to it.
    assert planner.plan(day([0.1] * 6, orders, peak_kw=6.0, stock=[0.0])).demand == 0.0
    assert planner.plan(day([0.1] * 6, orders, base_kwh=np.full(6, 4.0), stock=[0.0])).demand == pytest.approx(8.0)


def test_shifts_and_overtime():
    """Regular hours are 8 to 16; nights are cheap, worth overtime of 0.5 a unit and not of 1."""
    orders, prices = [0.0, 0.0, 4.0, 4.0, 0.0, 0.0], [0.1, 0.1, 0.4, 0.4, 0.4, 0.4]
    limits = shift_limits(line(), PERIODS, (8, 16), ((0, 4),))
    assert limits[0].tolist() == [8, 0, 8, 8, 0, 0]
    assert limits[1].tolist() == [0, 0, 8, 8, 0, 0]
    data = {"capacity": [limits[0]], "crew": [limits[1]], "stock": [0.0]}
    found = {}
    for cost in (0.5, 1.0):
        plant = Plant((line(overtime_cost=cost),))
        plan = ProductionPlanner(plant, PERIODS).plan(day(prices, orders, **data))
        found[cost] = plan.output[0].tolist(), plan.overtime
    assert found[0.5] == ([8.0, 0, 0, 0, 0, 0], 4.0)
    assert found[1.0][0][0] == 0.0 and sum(found[1.0][0]) == 8.0 and found[1.0][1] == 0.0


def test_least_rates_and_starts():
    """A line that runs at half its rate or not, and pays 5 for a start, makes 8 units in one go, not 4 and 4."""
    plant = Plant((line(minimum_rate=0.5, start_cost=5.0),))
    prices = [0.1, 0.2, 0.1, 0.2, 0.2, 0.2]
    plan = ProductionPlanner(plant, PERIODS).plan(day(prices, [0, 0, 0, 0, 0, 12.0], stock=[0.0]))
    assert plan.starts == 5.0
    # Twelve units at one go: 8 at 0.1 and 4 at 0.2 beside it; two starts would have saved 1.2.
    assert sorted(plan.output[0].tolist()) == pytest.approx([0, 0, 0, 0, 4, 8])
    assert plan.energy == pytest.approx(3 * (8 * 0.1 + 4 * 0.2))
    low = usual(plant, day(prices, [3.0, 4.0, 0, 0, 4.0, 9.0]))
    assert low.output.tolist() == [[0, 4, 0, 0, 4, 8]]
    assert low.starts == 10.0


def test_two_lines_share_a_peak():
    """Two lines with an order each behind one meter take turns: the peak is that of one."""
    plant = Plant((line(), line(energy=6.0)), demand_charge=2.0)
    both = np.full((2, PERIODS), 8.0)
    orders = [[0, 4.0, 0, 0, 0, 0], [0, 2.0, 0, 0, 0, 0]]
    data = ProductionDay(np.zeros(6), orders, both, both, np.zeros(6), [6.0, 6.0])
    plan = ProductionPlanner(plant, PERIODS).plan(data)
    assert plan.load_kwh.sum() == pytest.approx(24.0)
    assert plan.load_kwh.max() == pytest.approx(4.0)
    assert usual(plant, data).demand == pytest.approx(2.0 * 24 / 4)


NUMBERS = st.lists(st.floats(0, 8), min_size=PERIODS, max_size=PERIODS)
PRICES = st.lists(st.floats(-1, 2), min_size=PERIODS, max_size=PERIODS)
PLANNERS = [
    ProductionPlanner(Plant((line(),)), PERIODS),
    ProductionPlanner(Plant((line(overtime_cost=0.3, holding_cost=0.01),), demand_charge=1.0), PERIODS),
    ProductionPlanner(Plant((line(minimum_rate=0.4, start_cost=1.0),), demand_charge=1.0), PERIODS),
]


@settings(max_examples=40)
@given(st.sampled_from(PLANNERS), PRICES, NUMBERS, NUMBERS, st.floats(0, 12))
def test_never_worse_than_the_usual_day(planner, prices, orders, crew, stock):
    """At any prices and orders the plan earns at least what the usual schedule does, and keeps every limit."""
    data = day(prices, orders, crew=[crew], stock=[stock], base_kwh=np.full(PERIODS, 1.0))
    plan = planner.plan(data)
    assert plan.profit >= usual(planner.plant, data).profit - 1e-6
    assert (plan.output <= 8 + 1e-6).all() and (plan.shipped <= np.array(orders) + 1e-6).all()
    held = stock + np.cumsum(plan.output - plan.shipped)
    assert held.min() > -1e-6 and held.max() < 12 + 1e-6
    assert held[-1] == pytest.approx(stock, abs=1e-6)
    np.testing.assert_allclose(plan.load_kwh, 1 + 3 * plan.output[0], atol=1e-9)


@settings(max_examples=20)
@given(PRICES, NUMBERS, st.floats(0.1, 5))
def test_plans_grow_with_the_firm(prices, orders, scale):
    """A firm of another size with the same shape earns in proportion: one plan serves all firms of a kind."""
    small = PLANNERS[1].plan(day(prices, orders))
    large = ProductionPlanner(
        Plant((line(rate=2 * scale, stock=12 * scale, overtime_cost=0.3, holding_cost=0.01),), demand_charge=1.0),
        PERIODS,
    ).plan(day(prices, np.array(orders) * scale, capacity=FULL * scale, crew=FULL * scale, stock=[6 * scale]))
    assert large.profit == pytest.approx(small.profit * scale, abs=1e-5, rel=1e-6)


def test_a_schedule_is_valued_by_hand():
    """Eight units made where the crew makes 6, half of them shipped later: every cost on its own."""
    plant = Plant((line(overtime_cost=0.5, holding_cost=0.01, start_cost=3.0),), demand_charge=2.0)
    data = day([0.2] * 6, [4, 0, 4, 0, 0, 0], crew=np.full((1, 6), 6.0), peak_kw=1.0)
    plan = valued(plant, data, np.array([[8.0, 0, 0, 0, 0, 0]]), np.array([[4.0, 0, 4, 0, 0, 0]]))
    assert (plan.margin, plan.energy, plan.overtime, plan.starts) == pytest.approx((16.0, 4.8, 1.0, 3.0))
    assert plan.demand == pytest.approx(2 * (24 / 4 - 1))
    assert plan.holding == pytest.approx(0.01 * 4 * 2 * 4)
    assert plan.profit == pytest.approx(16 - 4.8 - 1 - 3 - 10 - 0.32)


def test_outage_by_hand():
    """Two hours without 2 units/h at 2 each, one of them in store, cost 6, and restart and spoilt material besides."""
    assert outage_cost(line(), 2.0, in_stock=1.0, restart=10.0, material=4.0) == 20.0
    assert outage_cost(line(), 1.0, in_stock=5.0) == 0.0
    assert outage_cost(line(), 0.0, restart=10.0) == 0.0
    with pytest.raises(ValueError, match="outage: hours -1"):
        outage_cost(line(), -1.0)


def test_refusals():
    """Numbers out of range, days of another shape, a store too full and shifts past midnight are refused."""
    for name, value in (("rate", 0.0), ("energy", -1.0), ("margin", -1.0), ("minimum_rate", 1.5), ("stock", -1.0)):
        with pytest.raises(ValueError, match=f"production line: {name}"):
            line(**{name: value})
    with pytest.raises(ValueError, match="plant: number of lines 0"):
        Plant(())
    with pytest.raises(ValueError, match=r"production day: given .*allowed \(lines, periods\) = \(1, 6\)"):
        day([0.1] * 6, [1.0] * 5)
    planner = PLANNERS[0]
    with pytest.raises(ValueError, match=r"stock: given \[13.0\]; allowed at most \[12.0\]"):
        planner.plan(day([0.1] * 6, [1.0] * 6, stock=[13.0]))
    two = np.ones((1, 2))
    with pytest.raises(ValueError, match=r"production day: given \(1, 2\); allowed 1 lines and 6 periods"):
        planner.plan(ProductionDay([0.1, 0.1], two, two, two, [0, 0], [0]))
    with pytest.raises(ValueError, match="shift: given 22 to 6; allowed hours from 0 to 24 that rise; split"):
        shift_limits(line(), PERIODS, (22, 6))
