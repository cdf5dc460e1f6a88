"""Plans of populations against worked cases and the exact plans of single homes."""

from functools import cache

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.devices import Battery, Building, Connection, HeatPump, Home, Vehicle
from gridagora.agents.hems_batch import plan_homes
from gridagora.agents.hems_columns import battery_columns, building_columns, car_columns, site_columns
from gridagora.agents.home_outlook import HomeState, Outlook
from gridagora.agents.home_plan import Decisions, follow, uncontrolled, violations
from gridagora.agents.home_planner import HomePlanner
from gridagora.agents.vehicle_trips import Stay
from gridagora.sim.compiled import use_threads

HOURS = 6
COOLER = HeatPump(2.0, "cool", 3.0, 35.0, -0.06)
SETS = {
    "battery": Home(Connection(10.0, 2.0), Battery(4.0, 2.0, 1.5, 0.9, 0.85, 0.01, 0.02)),
    "car": Home(Connection(10.0, 2.0), vehicle=Vehicle(20.0, 4.0, 3.0)),
    "heat": Home(heat_pump=HeatPump(2.0), building=Building(0.2, 4.0, 0.1, 0.2)),
    "cool": Home(heat_pump=COOLER, building=Building(0.2, 4.0, 0.1)),
    "all": Home(Connection(), Battery(4.0, 2.0, 1.5), Vehicle(20.0, 4.0, 0.0), HeatPump(2.0), Building(0.2, 4.0)),
}


def columns(home, n, outlook):
    """Return the devices of n like homes as columns."""
    found, state = {}, outlook.state
    if home.battery:
        b = home.battery
        found["batteries"] = battery_columns(
            n,
            1.0,
            b.capacity_kwh,
            b.charge_kw,
            b.discharge_kw,
            charge_efficiency=b.charge_efficiency,
            discharge_efficiency=b.discharge_efficiency,
            loss_per_hour=b.loss_per_hour,
            wear_cost=b.wear_cost,
            stored_kwh=state.battery_kwh,
            end_kwh=outlook.battery_end_kwh,
            end_value=outlook.battery_end_value or 0.0,
        )
    if home.vehicle:
        v, stays = home.vehicle, outlook.stays
        rows = [[getattr(s, key) for s in stays] for key in ("arrive", "depart", "required_kwh", "used_kwh")]
        found["cars"] = car_columns(
            n,
            1.0,
            *(np.tile(row, (n, 1)) for row in rows),
            stored_kwh=state.vehicle_kwh,
            capacity_kwh=v.capacity_kwh,
            charge_kw=v.charge_kw,
            discharge_kw=v.discharge_kw,
            shortfall_cost=v.shortfall_cost,
        )
    if home.building:
        b = home.building
        found["buildings"] = building_columns(
            n,
            1.0,
            outlook.outdoor_c,
            home.heat_pump,
            loss_kw_per_k=b.loss_kw_per_k,
            capacity_kwh_per_k=b.capacity_kwh_per_k,
            internal_kw=b.internal_kw,
            comfort_cost=b.comfort_cost,
            comfort_c=(outlook.comfort_low_c[0], outlook.comfort_high_c[0]),
            indoor_c=state.indoor_c,
        )
    return found


def batch(home, outlook, n=1, **options):
    """Plan n like homes as a population."""
    kw = home.connection.import_kw, home.connection.export_kw
    site = site_columns(outlook.buy, outlook.sell, n, 1.0, pv_kwh=outlook.pv_kwh, import_kw=kw[0], export_kw=kw[1])
    return plan_homes(site, np.tile(outlook.base_kwh, (n, 1)), **columns(home, n, outlook), **options)


def followed(home, outlook, found, row=0):
    """Return what follows from a row of a population's plan, counted as for single homes."""
    done = Decisions.none(len(outlook))
    for flow, name in ((found.battery_kwh, "battery"), (found.vehicle_kwh, "vehicle")):
        setattr(done, f"{name}_charge_kwh", np.maximum(flow[row], 0.0))
        setattr(done, f"{name}_discharge_kwh", np.maximum(-flow[row], 0.0))
    done.heat_pump_kwh = found.heat_pump_kwh[row].copy()
    done.curtailed_kwh = found.curtailed_kwh[row].copy()
    return follow(home, outlook, done)


def test_a_battery_buys_low_and_serves_high():
    """2 kWh stored take 2.222 kWh at 0.1 and give 1.8 at 0.4, and 0.018 of wear: 0.52022."""
    site = site_columns([0.1, 0.1, 0.4, 0.4], np.zeros(4), 2, 1.0)
    batteries = battery_columns(
        2, 1.0, [2.0, 0.0], 2.0, 2.0, charge_efficiency=0.9, discharge_efficiency=0.9, wear_cost=0.01
    )
    found = plan_homes(site, np.ones((2, 4)), batteries=batteries)
    assert found.cost.tolist() == pytest.approx([0.5202222, 1.0])
    assert np.minimum(found.battery_kwh[0], 0.0).sum() == pytest.approx(-1.8)
    assert found.battery_kwh[1].tolist() == [0.0] * 4


def test_members_have_their_own_tariff():
    """The second tariff has one price: nothing to gain."""
    site = site_columns([[0.1, 0.4], [0.3, 0.3]], np.zeros((2, 2)), 2, 1.0, tariff=[0, 1])
    found = plan_homes(
        site,
        np.ones((2, 2)),
        batteries=battery_columns(2, 1.0, 1.0, 1.0, 1.0, charge_efficiency=1.0, discharge_efficiency=1.0, wear_cost=0),
    )
    assert found.net_kwh[0].tolist() == pytest.approx([2.0, 0.0])
    assert found.cost.tolist() == pytest.approx([0.2, 0.6])


def test_a_car_charges_when_it_is_cheapest_and_its_shortfall_is_counted():
    """10 kWh by hour 4 cost 0.75; by hour 1 five of them are missing, for 0.3 x 5 and 50."""
    site = site_columns([0.3, 0.1, 0.2, 0.05, 0.01], np.zeros(5), 4, 1.0)
    cars = car_columns(
        4,
        1.0,
        [[0], [0], [0], [0]],
        [[4], [1], [0], [0]],
        [[10.0], [10.0], [0.0], [0.0]],
        np.zeros((4, 1)),
        stored_kwh=0.0,
        capacity_kwh=[60.0, 60.0, 60.0, 0.0],
        charge_kw=5.0,
        charge_efficiency=1.0,
    )
    found = plan_homes(site, np.zeros((4, 5)), cars=cars)
    assert found.vehicle_kwh.tolist() == [[0, 5, 0, 5, 0], [5, 0, 0, 0, 0], [0] * 5, [0] * 5]
    assert found.shortfall_kwh.tolist() == [0.0, 5.0, 0.0, 0.0]
    assert found.cost.tolist() == pytest.approx([0.75, 51.5, 0.0, 0.0])


def test_a_building_is_warmed_ahead():
    """2.6515 kWh at 0.1 keep 20 degC through the hour of 0.5, as in the exact plan; no power, no plan."""
    site = site_columns([0.1, 0.5], np.zeros(2), 2, 1.0)
    buildings = building_columns(
        2, 1.0, [0.0, 0.0], HeatPump(5.0), power_kw=[5.0, 0.0], loss_kw_per_k=0.2, comfort_c=(20, 21), indoor_c=20.0
    )
    found = plan_homes(site, np.zeros((2, 2)), buildings=buildings)
    assert found.heat_pump_kwh[0].tolist() == pytest.approx([2.6515152, 0.0], abs=1e-7)
    assert found.cost.tolist() == pytest.approx([0.2651515, 0.0])


def test_negative_prices_do_not_burn_energy():
    """The half-full battery of the exact plan is charged once at -0.2; generation is curtailed to buy more."""
    site = site_columns([-0.2, -0.2], [-0.3, -0.3], 2, 1.0, pv_kwh=[[0.0, 0.0], [2.0, 0.0]])
    batteries = battery_columns(
        2, 1.0, 1.0, 1.0, 1.0, charge_efficiency=0.5, discharge_efficiency=0.5, wear_cost=0.0, stored_kwh=0.5
    )
    found = plan_homes(site, np.zeros((2, 2)), batteries=batteries)
    assert found.cost.tolist() == pytest.approx([-0.2, -0.2])
    assert found.curtailed_kwh[1].tolist() == [2.0, 0.0]


@cache
def planner(name):
    """Return a kept exact planner."""
    return HomePlanner(SETS[name], HOURS, 1.0)


def draw_outlook(data, name, lowest):
    """Draw an outlook of a device set with prices from `lowest` on."""

    def column(least, most):
        return data.draw(st.lists(st.integers(least, most), min_size=HOURS, max_size=HOURS).map(np.array)) / 20

    home, buy = SETS[name], column(lowest, 10)
    sell = buy - column(0, 4) if lowest < 0 else buy * data.draw(st.sampled_from([0.0, 0.5, 1.0]))
    held = data.draw(st.sampled_from([0.0, 1.0, 3.0])) if home.battery else 0.0
    warm = column(500, 800) if name == "cool" else column(-100, 200)
    return Outlook(
        home,
        1.0,
        buy,
        sell,
        column(0, 40),
        pv_kwh=column(0, 60),
        outdoor_c=warm,
        stays=[Stay(0, 2, data.draw(st.sampled_from([8.0, 16.0]))), Stay(3, 7, 14.0, 6.0)] if home.vehicle else (),
        state=HomeState(held, 10.0 if home.vehicle else 0.0, 0.0, data.draw(st.sampled_from([18.0, 21.0, 24.0]))),
        battery_end_kwh=data.draw(st.sampled_from([0.0, 0.8 * held, 2.0])) if home.battery else 0.0,
        battery_end_value=data.draw(st.sampled_from([None, 0.2])) if home.battery else None,
    )


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("lowest", [0, -6])
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_plans_of_populations_are_feasible_and_never_cheaper_than_exact_ones(name, lowest, data):
    """Counted as a single home's, a row's plan keeps every limit, costs what it says and no less than the optimum."""
    outlook = draw_outlook(data, name, lowest)
    home, found = SETS[name], batch(SETS[name], outlook)
    plan = followed(home, outlook, found)
    assert max(violations(home, outlook, plan).values()) <= 1e-6
    assert plan.cost.total == pytest.approx(found.cost[0], abs=1e-6)
    np.testing.assert_allclose(plan.import_kwh - plan.export_kwh, found.net_kwh[0], atol=1e-9)
    assert plan.shortfall_kwh.sum() == pytest.approx(found.shortfall_kwh[0], abs=1e-6)
    exact = planner(name).plan(outlook)
    assert found.cost[0] >= exact.cost.total - 1e-4
    assert found.shortfall_kwh[0] <= exact.shortfall_kwh.sum() + 1e-6
    without = uncontrolled(home, outlook)
    if max(violations(home, outlook, without).values()) <= 0.0:
        assert found.cost[0] <= without.cost.total + 1e-6


def population(n):
    """Return n homes with everything over a day of hours, unlike one another."""
    rng = np.random.default_rng(3)
    hour = np.arange(24)
    buy = np.stack([0.3 + 0.1 * np.sin(hour / 3), np.where((hour > 6) & (hour < 20), 0.4, 0.2)])
    site = site_columns(buy, 0.3 * buy, n, 1.0, pv_kwh=rng.uniform(0, 2, (n, 24)), tariff=np.arange(n) % 2)
    devices = {
        "batteries": battery_columns(n, 1.0, rng.uniform(0, 10, n), 3.0, 3.0),
        "cars": car_columns(
            n,
            1.0,
            np.tile([0, 18], (n, 1)),
            np.tile([7, 24], (n, 1)),
            np.tile([30.0, 30.0], (n, 1)),
            np.tile([0.0, 8.0], (n, 1)),
            stored_kwh=rng.uniform(10, 25, n),
        ),
        "buildings": building_columns(n, 1.0, 5 + 4 * np.sin(hour / 4), HeatPump(3.0), loss_kw_per_k=0.2),
    }
    return site, rng.uniform(0, 1, (n, 24)), devices


def same(one, other):
    """Tell whether two plans of a population are equal to the last bit."""
    names = ("battery_kwh", "vehicle_kwh", "heat_pump_kwh", "curtailed_kwh", "net_kwh", "shortfall_kwh", "cost")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def test_blocks_do_not_change_results():
    """Blocks of 1, 2 and 100 members give the same plans to the last bit; so does a member's own population."""
    site, load, devices = population(3)
    first = plan_homes(site, load, **devices, block=1)
    assert same(first, plan_homes(site, load, **devices, block=2))
    assert same(first, plan_homes(site, load, **devices, block=100))


@pytest.mark.compiled
def test_threads_do_not_change_results():
    """One thread and two give the same plans to the last bit."""
    site, load, devices = population(40)
    found = []
    try:
        for threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
            use_threads(threads)
            found.append(plan_homes(site, load, **devices, block=3))
    finally:
        use_threads(1)
    assert same(*found)


@pytest.mark.compiled
def test_more_rounds_cost_no_more():
    """A later round never costs more."""
    site, load, devices = population(40)
    one, two, four = (plan_homes(site, load, **devices, rounds=rounds).cost for rounds in (1, 2, 4))
    assert np.all(two <= one + 1e-9)
    assert np.all(four <= two + 1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"buy": [0.1, np.nan]}, "homes: buy nan of tariff 0 in period 1; must be finite"),
        ({"sell": [0.1]}, r"homes: buy of shape \(1, 2\), sell of shape \(1, 1\); must be alike"),
        ({"tariff": [0, 1]}, "homes: tariff 1 of member 1; must be 0 to 0"),
        ({"pv_kwh": [[0, 0], [0, -1]]}, "homes: pv_kwh -1.0 of member 1 in period 1; must be at least 0 and finite"),
        ({"load": np.ones((2, 3))}, r"homes: load_kwh of shape \(2, 3\); must be \(2, 2\)"),
        ({"load": [[0, 0], [0, 50]]}, "homes: load less generation of member 1 passes its import limit 44.0"),
        ({"rounds": 0}, "homes: rounds 0; must be at least 1"),
        ({"capacity_kwh": [1.0, -1.0]}, "homes: capacity_kwh -1.0 of member 1; must be at least 0 and finite"),
        ({"charge_efficiency": 1.1}, "homes: charge_efficiency 1.1 of member 0; must be above 0 and at most 1"),
        ({"stored_kwh": 2.0}, "homes: stored_kwh 2.0 of member 0; must be at least 0 and at most 1"),
        ({"depart": [[2], [0]], "arrive": [[0], [1]]}, "homes: stay 0 of member 1: arrive 1, depart 0; must arrive"),
        ({"required_kwh": [[1.0], [61.0]]}, "homes: stay 0 of member 1: required_kwh 61.0, used_kwh 0.0; must be"),
        ({"used_kwh": [[1.0]]}, r"homes: arrive, depart, .* \(1, 1\); must all be \(2, stays\)"),
        ({"outdoor_c": [1.0, np.inf]}, "homes: outdoor_c inf in period 1; must be finite"),
        ({"comfort_c": (22.0, 21.0)}, r"homes: comfort_c\[1\] - comfort_c\[0\] -1.0 of member 0; must be at least 0"),
    ],
)
def test_bad_columns_are_refused(change, message):
    """The message names the column, the member, the value and what is allowed."""
    good = {"buy": [0.1, 0.2], "sell": [0.0, 0.0], "load": np.zeros((2, 2)), "arrive": [[0], [0]], "depart": [[2], [2]]}
    good |= {"required_kwh": [[1.0], [1.0]], "used_kwh": [[0.0], [0.0]], "outdoor_c": [1.0, 1.0], "capacity_kwh": 1.0}
    given_data = good | change

    def chosen(*names):
        return {name: given_data[name] for name in names if name in given_data}

    with pytest.raises(ValueError, match=message):
        plan_homes(
            site_columns(given_data["buy"], given_data["sell"], 2, 1.0, **chosen("tariff", "pv_kwh")),
            given_data["load"],
            batteries=battery_columns(
                2, 1.0, given_data["capacity_kwh"], 1, 1, **chosen("charge_efficiency", "stored_kwh")
            ),
            cars=car_columns(2, 1.0, **chosen("arrive", "depart", "required_kwh", "used_kwh"), stored_kwh=0.0),
            buildings=building_columns(2, 1.0, given_data["outdoor_c"], HeatPump(1.0), **chosen("comfort_c")),
            **chosen("rounds"),
        )
