"""A microgrid's least-cost day: cases by hand, and what every plan keeps."""

import numpy as np
import pyomo.environ as pyo
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets.community.microgrid_day import Equipment, MicrogridDay, day_of
from gridagora.markets.community.microgrid_dispatch import WHOLE, MicrogridDispatch, build_dispatch_model
from gridagora.markets.orders import InfeasibleMarket
from gridagora.markets.solver import PersistentSolver

BATTERY = Equipment(connection_kw=100, battery_kwh=10, battery_kw=10, battery_efficiency=0.9)
CHP = Equipment(connection_kw=100, chp_kw=10, chp_electric=0.4, chp_heat=0.5, fuel_per_kwh=0.2, boiler_efficiency=0.8)
ICE = Equipment(connection_kw=100, chiller_kw=10, cop=4, ice_cop=3, tank_kwh=12, tank_kw=12)


def solve(equipment, *day, **more):
    """Solve one day of hours."""
    made = day_of(*day, **more)
    return MicrogridDispatch(equipment, *made.demand.shape, 1.0).solve(made)


def test_a_battery_buys_in_the_cheap_hour_what_the_dear_one_needs():
    """2 kWh at 1.0 come from 2 / 0.81 kWh bought at 0.2: 0.4 for the first hour and 0.493827 for the second."""
    plan = solve(BATTERY, [2, 2], [0.2, 1.0], 0.1)
    assert plan.charge_kwh == pytest.approx([2 / 0.81, 0])
    assert plan.discharge_kwh == pytest.approx([0, 2])
    assert plan.stored_kwh == pytest.approx([2 / 0.9, 0])
    assert plan.cost == pytest.approx(0.4 + 0.4 / 0.81)
    assert plan.plant_kwh == pytest.approx([2 / 0.81, -2])


def test_wear_stops_what_does_not_pay():
    """With wear of 0.8 a kWh from the battery costs 0.2 / 0.81 + 0.8 > 1.0, and stays where it is."""
    plan = solve(Equipment(100, 10, 10, 0.9, wear_per_kwh=0.8), [2, 2], [0.2, 1.0], 0.1)
    assert plan.charge_kwh.sum() == 0
    assert plan.cost == pytest.approx(2.4)


def test_cogeneration_runs_where_its_heat_or_the_price_pays_for_it():
    """A kWh costs 0.5, less 0.3125 where its heat spares the boiler: 8, 8 and 4 kWh; 4 + 4 + 2 + 1.2 in all."""
    plan = solve(CHP, [8, 8, 8], [0.6, 0.6, 0.3], 0.1, heat=[10, 0, 5])
    assert plan.chp_kwh == pytest.approx([8, 8, 4])
    assert plan.boiler_heat_kwh == pytest.approx([0, 0, 0])
    assert plan.import_kwh == pytest.approx([0, 0, 4])
    assert plan.cost == pytest.approx(11.2)
    assert plan.fuel_kwh(CHP) == pytest.approx([20, 20, 10])


def test_the_boiler_serves_the_rest_of_the_heat():
    """At 0.1 for a kWh cogeneration stands still, and 8 kWh of heat take 10 kWh of fuel: 0.8 + 2."""
    plan = solve(CHP, [8], [0.1], 0.0, heat=[8])
    assert plan.chp_kwh == pytest.approx([0])
    assert plan.boiler_heat_kwh == pytest.approx([8])
    assert plan.cost == pytest.approx(2.8)


@pytest.mark.parametrize(("dear", "stored", "cost"), [(0.6, 12, 1.2), (0.36, 0, 1.08)])
def test_ice_is_made_ahead_where_the_price_pays_for_its_worse_efficiency(dear, stored, cost):
    """12 kWh of cold take 4 kWh at 0.3 as ice, 3 kWh when made at once: ice pays from a price of 0.4 on."""
    plan = solve(ICE, [0, 0], [0.3, dear], 0.1, cold=[0, 12])
    assert plan.cold_charge_kwh == pytest.approx([stored, 0])
    assert plan.cold_direct_kwh == pytest.approx([0, 12 - stored])
    assert plan.chiller_kwh == pytest.approx([stored / 3, (12 - stored) / 4])
    assert plan.cost == pytest.approx(cost)


def test_a_store_of_cold_loses_part_of_it():
    """Of 10 kWh a tenth is lost in each hour: 8.1 are left after two."""
    plan = solve(
        Equipment(100, chiller_kw=0, tank_kwh=12, tank_kw=12, tank_loss_per_hour=0.1),
        *([0, 0], 0.3, 0.1),
        cold=[0, 9],
        cold_stored_kwh=10.0,
    )
    assert plan.cold_stored_kwh == pytest.approx([9, 0])
    assert plan.cold_discharge_kwh == pytest.approx([0, 8.1])
    assert plan.cold_unserved_kwh == pytest.approx([0, 0.9])
    assert plan.cost == pytest.approx(0.9 * 2.0)


def test_cold_that_lacks_at_the_end_is_paid_for():
    """Without chillers the store ends 3 kWh short of what it should hold, at 2.0 each."""
    assert solve(ICE, [0], 0.3, 0.1, cold_end_kwh=3.0).cost == pytest.approx(1.0 * 0.3)
    assert solve(Equipment(100, tank_kwh=12, tank_kw=12), [0], 0.3, 0.1, cold_end_kwh=3.0).cost == pytest.approx(6.0)


def test_power_above_the_peak_so_far_is_charged():
    """10 kW at 0.2 and 6 kW above 4 kW at 5.0 cost 2 + 30; the battery halves what it can."""
    assert solve(Equipment(100), [10, 0], 0.2, 0.1, peak_kw=4.0, peak_per_kw=5.0).cost == pytest.approx(32)
    shaved = solve(BATTERY, [0, 10], 0.2, 0.1, peak_kw=4.0, peak_per_kw=5.0)
    assert shaved.import_kwh.max() == pytest.approx(4 + 6 - shaved.discharge_kwh[1])


def test_an_island_sheds_what_is_worth_least():
    """With 12 kWh for two loads of 10, 8 kWh of the load worth 5 are shed, and none of that worth 50."""
    plan = solve(Equipment(100), np.array([[10.0], [10.0]]), 0.5, 0.1, [5, 50], pv=12.0, connected=0.0)
    assert plan.import_kwh == pytest.approx([0])
    assert plan.shed_kwh.ravel() == pytest.approx([8, 0])
    assert plan.cost == pytest.approx(40)


def test_an_island_keeps_its_battery_for_the_dearest_load():
    """5 kWh stored serve the hour of the load worth 50 and not that of the load worth 5."""
    plan = solve(
        Equipment(100, 10, 10, 1.0),
        np.array([[5.0, 0.0], [0.0, 5.0]]),
        *(0.5, 0.1, [5, 50]),
        connected=0.0,
        stored_kwh=5.0,
    )
    assert plan.shed_kwh.tolist() == [[5, 0], [0, 0]]
    assert plan.cost == pytest.approx(25)


def test_an_island_spills_what_nobody_needs():
    """Of 4 kWh of the members' own generation 1 finds a use."""
    plan = solve(Equipment(100), [1], 0.5, 0.1, surplus=4.0, connected=0.0)
    assert plan.spilled_kwh == pytest.approx([3])
    assert plan.cost == pytest.approx(0)


def test_nothing_is_bought_to_be_sold_at_once():
    """Where exports pay more than imports cost, a linear program would do both; the plan does one, and the battery."""
    dispatch = MicrogridDispatch(BATTERY, 1, 2, 1.0)
    plan = dispatch.solve(day_of([0, 0], 0.2, 0.5))
    assert np.minimum(plan.import_kwh, plan.export_kwh).max() == 0
    assert np.minimum(plan.charge_kwh, plan.discharge_kwh).max() == 0
    assert plan.cost == pytest.approx(0.2 * 10 - 0.5 * 8.1)
    # The next day starts from a model without binaries, and the one with them is as good as new.
    assert dispatch.solve(day_of([2, 2], [0.2, 1.0], 0.1)).cost == pytest.approx(0.4 + 0.4 / 0.81)
    variables = dispatch.one_way.model.component_data_objects(pyo.Var)
    assert all(variable.is_continuous() for variable in variables)


def test_a_battery_full_of_free_energy_does_not_burn_it():
    """At a price of -0.2 only what the battery takes in is bought: it does not discharge beside."""
    plan = solve(BATTERY, [0, 0], [-0.2, 0.2], 0.0)
    assert plan.charge_kwh == pytest.approx([10, 0])
    assert plan.discharge_kwh.tolist() == [0, 0]
    assert plan.cost == pytest.approx(-2.0)


def test_refusals():
    """Energies below 0, prices that are no numbers, days of another shape and stores beyond reach are refused."""
    with pytest.raises(
        ValueError, match="microgrid day: heat: given -1 to 2; allowed finite energies of at least 0 kWh"
    ):
        day_of([1, 1], 0.5, 0.1, heat=[-1, 2])
    with pytest.raises(ValueError, match="buy: given nan to nan; allowed finite prices"):
        day_of([1, 1], [np.nan, 0.1], 0.1)
    dispatch = MicrogridDispatch(BATTERY, 1, 2, 1.0)
    with pytest.raises(ValueError, match=r"given demand of shape \(1, 3\); allowed \(1, 2\)"):
        dispatch.solve(day_of([1, 1, 1], 0.5, 0.1))
    with pytest.raises(InfeasibleMarket, match="microgrid"):
        dispatch.solve(day_of([0, 0], 0.5, 0.1, connected=0.0, stored_end_kwh=5.0))


ALL = Equipment(
    *(30, 20, 8, 0.9, 0.01, 12, 0.4, 0.45, 0.25, 0.9, 6, 4.0, 3.0, 30, 15, 0.02, 2.0),
)
KEPT = MicrogridDispatch(ALL, 2, 6, 0.5)
energies = st.lists(st.floats(0, 20), min_size=6, max_size=6)
prices = st.lists(st.floats(-0.3, 1.5), min_size=6, max_size=6)


@settings(max_examples=30)
@given(
    *(energies, energies, energies, energies, energies, energies),
    prices,
    prices,
    st.lists(st.sampled_from([0.0, 1.0]), min_size=6, max_size=6),
)
def test_every_plan_keeps_balances_and_limits(low, high, surplus, pv, heat, cold, buy, sell, connected):
    """Electricity, heat and cold balance, stores keep their limits, and nothing runs both ways at once."""
    day = day_of(
        np.array([low, high]), buy, sell, [5, 40], surplus=surplus, pv=pv, heat=heat, cold=cold, connected=connected
    )
    plan = KEPT.solve(day)
    made = plan.pv_kwh + plan.chp_kwh + day.surplus - plan.spilled_kwh + plan.discharge_kwh + plan.import_kwh
    used = day.demand.sum(axis=0) - plan.shed_kwh.sum(axis=0) + plan.charge_kwh + plan.chiller_kwh + plan.export_kwh
    assert made == pytest.approx(used, abs=1e-4)
    outside = (day.demand - plan.shed_kwh).sum(axis=0) - day.surplus + plan.spilled_kwh + plan.plant_kwh
    assert outside == pytest.approx(plan.import_kwh - plan.export_kwh, abs=1e-4)
    assert (plan.chp_kwh * 0.45 / 0.4 + plan.boiler_heat_kwh >= day.heat - 1e-4).all()
    served = plan.cold_direct_kwh + plan.cold_discharge_kwh + plan.cold_unserved_kwh
    assert served == pytest.approx(day.cold, abs=1e-4)
    held = np.cumsum(0.9 * plan.charge_kwh - plan.discharge_kwh / 0.9)
    assert plan.stored_kwh == pytest.approx(held, abs=1e-4)
    assert plan.stored_kwh.max() <= 20 + 1e-6
    assert plan.chiller_kwh.max() <= 3 + 1e-6
    for one, other in (("import", "export"), ("charge", "discharge"), ("cold_charge", "cold_discharge")):
        assert np.minimum(getattr(plan, f"{one}_kwh"), getattr(plan, f"{other}_kwh")).max() == 0
    assert plan.import_kwh[np.array(connected) == 0].sum() == 0


@settings(max_examples=15)
@given(st.floats(0, 40), st.floats(0, 20), st.floats(0, 20), st.floats(1, 100), st.floats(1, 100))
def test_no_other_shedding_is_worth_less(pv, first, second, value, other):
    """An island's loss is what lacks, taken from the cheaper load first."""
    plan = solve(Equipment(100), np.array([[first], [second]]), 0.5, 0.1, [value, other], pv=pv, connected=0.0)
    lacks = max(first + second - pv, 0.0)
    cheap, dear = sorted([(value, first), (other, second)])
    by_hand = cheap[0] * min(lacks, cheap[1]) + dear[0] * max(lacks - cheap[1], 0.0)
    assert plan.cost == pytest.approx(by_hand, abs=1e-4)


def test_changed_bounds_are_those_of_a_model_built_for_the_day():
    """A day put into HiGHS by bounds and costs has the optimum of a Pyomo model that was built with its numbers."""
    draws = np.random.default_rng(5)
    equipment = Equipment(
        *(60.0, 40.0, 20.0, 0.9, 0.02),
        **{"chp_kw": 30.0, "chiller_kw": 12.0, "tank_kwh": 50.0, "tank_kw": 15.0, "tank_loss_per_hour": 0.01},
    )
    dispatch = MicrogridDispatch(equipment, 2, 4, 1.0)
    for _ in range(3):
        by_period = {name: draws.uniform(0, 30, 4) for name in ("surplus", "pv", "wind", "heat", "cold", "buy", "sell")}
        by_period["buy"] = 1.0 + by_period["sell"]
        day = MicrogridDay(
            demand=draws.uniform(5, 40, (2, 4)),
            connected=draws.integers(0, 2, 4).astype(float),
            lost_load_per_kwh=np.array([80.0, 60.0]),
            **by_period,
            **{"stored_kwh": 10.0, "cold_stored_kwh": 20.0, "stored_end_kwh": 5.0, "cold_end_kwh": 10.0},
            **{"peak_kw": 8.0, "peak_per_kw": 2.0},
        )
        built = build_dispatch_model(equipment, 2, 4, 1.0, day)
        for pair in ("import", "charge", "cold_charge"):
            for variable in getattr(built, f"variable_{pair}_only").values():
                variable.domain = pyo.Binary
        expected = PersistentSolver(built, solver="choose", presolve="choose").solve()
        assert dispatch.solve(day).cost == pytest.approx(expected, rel=1e-6)


def test_a_search_cut_short_still_keeps_to_one_way(monkeypatch):
    """Paid 2.0 for what costs 0.7, a park sells in some hours what it bought in others: one node earns over 3,000."""
    monkeypatch.setitem(WHOLE, "mip_max_nodes", 1)
    park = Equipment(1500, 400, 150, wear_per_kwh=0.03, chp_kw=100, chiller_kw=60, tank_kwh=600, tank_kw=17)
    heat, cold = np.repeat([46.0, 131.0, 46.0], 8), np.repeat([2.0, 11.0, 2.0], 8)
    day = day_of(np.full(24, 4.0), 0.7, 2.0, heat=heat, cold=cold, stored_kwh=200, stored_end_kwh=200)
    plan = MicrogridDispatch(park, 1, 24, 1.0).solve(day)
    assert np.minimum(plan.import_kwh, plan.export_kwh).max() == 0
    assert np.minimum(plan.charge_kwh, plan.discharge_kwh).max() == 0
    assert -3_200 < plan.cost < -3_000
