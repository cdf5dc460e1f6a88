"""Plans of single homes: worked cases, refusals and laws."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents import home_planner
from gridagora.agents.devices import (
    Appliance,
    Battery,
    Building,
    Cogeneration,
    Connection,
    HeatPump,
    Home,
    Vehicle,
)
from gridagora.agents.home_outlook import HomeState, Outlook, Window
from gridagora.agents.home_plan import Decisions, follow, refuse_broken, thermal_columns, uncontrolled, violations
from gridagora.agents.home_planner import HomePlanner, exclusive_periods, without_both
from gridagora.agents.vehicle_trips import Stay
from gridagora.markets.orders import InfeasibleMarket

LOSSLESS = {"charge_efficiency": 1.0, "discharge_efficiency": 1.0, "wear_cost": 0.0}


def plan(home, buy, sell=None, base=None, **data):
    """Plan hours of the given prices, nothing fed in for money and no other load unless said."""
    sell = np.zeros(len(buy)) if sell is None else sell
    base = np.zeros(len(buy)) if base is None else base
    return HomePlanner(home, len(buy), 1.0).plan(Outlook(home, 1.0, buy, sell, base, **data))


def test_a_battery_buys_low_and_serves_high():
    """2 kWh stored take 2.222 kWh at 0.1 and give 1.8 at 0.4: 0.42222 + 0.08, and 0.018 of wear."""
    home = Home(battery=Battery(2.0, 2.0, 2.0, 0.9, 0.9, wear_cost=0.01))
    found = plan(home, [0.1, 0.1, 0.4, 0.4], base=np.ones(4))
    assert found.decisions.battery_charge_kwh.sum() == pytest.approx(2 / 0.9)
    assert found.decisions.battery_discharge_kwh.sum() == pytest.approx(1.8)
    assert found.battery_kwh[[0, 2, 4]].tolist() == pytest.approx([0.0, 2.0, 0.0], abs=1e-9)
    assert found.cost.bought == pytest.approx(4.2222222 * 0.1 + 0.2 * 0.4)
    assert found.cost.battery_wear == pytest.approx(0.018)
    assert found.cost.total == pytest.approx(0.5202222)


def test_what_is_left_in_the_battery_may_have_a_value():
    """With a kWh left worth 0.3, 2 kWh bought at 0.1 stay: 0.2 - 0.6; at the end rule nothing is bought."""
    home = Home(battery=Battery(2.0, 2.0, 2.0, **LOSSLESS))
    found = plan(home, [0.1, 0.2], battery_end_value=0.3)
    assert (found.battery_kwh[-1], found.cost.end_value) == (pytest.approx(2.0), pytest.approx(-0.6))
    assert found.cost.total == pytest.approx(-0.4)
    assert plan(home, [0.1, 0.2]).cost.total == 0.0
    assert plan(home, [0.1, 0.2], battery_end_kwh=1.5).cost.total == pytest.approx(0.15)


def test_a_battery_loses_by_the_hour():
    """Of 10 kWh, 10 % are lost an hour; 1 kWh is bought each hour to end with 10."""
    home = Home(battery=Battery(10.0, 2.0, 2.0, 1.0, 1.0, 0.1, 0.0))
    found = plan(home, [0.2, 0.1], state=HomeState(battery_kwh=10.0))
    assert found.decisions.battery_charge_kwh.tolist() == pytest.approx([0.0, 1.9], abs=1e-6)


def test_negative_prices_do_not_burn_energy():
    """Half-full at -0.2, half of a charge is lost: one charge, -0.2; charging and discharging would get -0.35."""
    home = Home(battery=Battery(1.0, 1.0, 1.0, 0.5, 0.5, wear_cost=0.0))
    found = plan(home, [-0.2, -0.2], [-0.3, -0.3], state=HomeState(battery_kwh=0.5))
    both = np.minimum(found.decisions.battery_charge_kwh, found.decisions.battery_discharge_kwh)
    assert both.max() <= 1e-9
    assert found.cost.total == pytest.approx(-0.2)
    assert found.battery_kwh[-1] == pytest.approx(1.0)


def test_no_home_buys_what_it_sells():
    """Where selling pays more than buying costs, a home without devices still only buys its load: 0.1."""
    found = plan(Home(), [0.1], [0.3], base=[1.0])
    assert (found.import_kwh.tolist(), found.export_kwh.tolist()) == ([1.0], [0.0])
    assert found.cost.total == pytest.approx(0.1)


def test_binaries_stay_only_where_prices_ask_for_them():
    """0 <= sell <= buy needs none; negative prices and sell > buy do, and cogeneration that cannot be fed in."""
    battery = Battery(1.0, 1.0, 1.0)
    home = Home(battery=battery)
    exclusive, one_way = exclusive_periods(
        home, Outlook(home, 1.0, [0.2, 0.2, -0.1, 0.2], [0.2, 0.1, -0.2, 0.3], [0.0] * 4)
    )
    assert exclusive.tolist() == [0, 0, 1, 1]
    assert one_way.tolist() == [0, 0, 0, 1]
    tight = Home(Connection(export_kw=3.5), battery, cogeneration=Cogeneration(1.0, 3.0, 9.0))
    assert exclusive_periods(tight, Outlook(tight, 1.0, [0.2], [0.1], [0.0], heat_kwh=[0.0]))[0].tolist() == [1]
    none = Home(vehicle=Vehicle())
    assert exclusive_periods(none, Outlook(none, 1.0, [-0.2], [-0.3], [0.0]))[0].tolist() == [0]


def test_charging_and_discharging_at_once_becomes_the_difference():
    """2 in and 0.9 out at a round trip of 0.9 store what 1 in stores; 0.5 in and 0.9 out what 0.45 out takes."""
    charge, discharge = without_both(np.array([2.0, 0.5]), np.array([0.9, 0.9]), 0.9)
    assert charge.tolist() == pytest.approx([1.0, 0.0])
    assert discharge.tolist() == pytest.approx([0.0, 0.45])


def test_a_car_charges_when_it_is_cheapest():
    """10 kWh by hour 4 at 5 kW: the hours of 0.1 and 0.05, for 0.75; nothing while away at 0.01."""
    home = Home(vehicle=Vehicle(charge_kw=5.0, **LOSSLESS))
    found = plan(home, [0.3, 0.1, 0.2, 0.05, 0.01], stays=[Stay(0, 4, 10.0)])
    assert found.decisions.vehicle_charge_kwh.tolist() == pytest.approx([0, 5, 0, 5, 0], abs=1e-9)
    assert found.departure_kwh.tolist() == pytest.approx([10.0])
    assert found.cost.total == pytest.approx(0.75)


def test_what_cannot_be_charged_is_counted():
    """5 of 10 kWh fit into an hour: 5 are charged on the way at 10 each, and the trip of 8 leaves 2."""
    home = Home(vehicle=Vehicle(charge_kw=5.0, **LOSSLESS))
    found = plan(home, [0.1, 0.1, 0.1], stays=[Stay(0, 1, 10.0), Stay(2, 3, 0.0, 8.0)])
    assert found.shortfall_kwh.tolist() == pytest.approx([0, 5, 0, 0], abs=1e-9)
    assert found.departure_kwh.tolist() == pytest.approx([5.0])
    assert found.vehicle_kwh[2] == pytest.approx(2.0)
    assert found.cost.shortfall == pytest.approx(50.0)


def test_a_car_may_serve_the_home():
    """2 kWh given back at 0.5 and charged again at 0.1: 0.2 + 0.4 instead of 1.4; without it 1.4."""
    prices, data = [0.5, 0.1, 0.1], {"base": np.full(3, 2.0), "stays": [Stay(0, 3, 10.0)]}
    both = Home(vehicle=Vehicle(10.0, 5.0, 5.0, **LOSSLESS))
    found = plan(both, prices, state=HomeState(vehicle_kwh=10.0), **data)
    assert found.decisions.vehicle_discharge_kwh.tolist() == pytest.approx([2, 0, 0], abs=1e-9)
    assert found.cost.total == pytest.approx(0.6)
    one = Home(vehicle=Vehicle(10.0, 5.0, 0.0, **LOSSLESS))
    assert plan(one, prices, state=HomeState(vehicle_kwh=10.0), **data).cost.total == pytest.approx(1.4)


def test_a_job_runs_when_it_is_cheapest():
    """Two hours of 2 kW cost 0.8, 0.4, 0.8, 0.7 and 0.9 from hour 0 to 4: hour 1, and from hour 2 on hour 3."""
    home = Home(appliances=(Appliance("washer", 2.0, 2), Appliance("dryer", 1.0, 1)))
    prices = [0.3, 0.1, 0.1, 0.3, 0.05, 0.4]
    found = plan(home, prices, windows=[Window(0, 6), None])
    assert (found.decisions.starts, found.delay_periods) == ((1, None), (1, None))
    assert found.job_kwh.tolist() == [0, 2, 2, 0, 0, 0]
    assert found.cost.total == pytest.approx(0.4)
    found = plan(home, prices, windows=[Window(2, 6), Window(0, 1)])
    assert (found.decisions.starts, found.delay_periods) == ((3, 0), (1, 0))
    assert found.cost.total == pytest.approx(0.7 + 0.3)


def test_a_building_is_warmed_ahead():
    """At 0 degC a kWh moves 3.08: 20.833 after an hour at 0.1 is 20 after the next at 0.5; 2.6515 kWh, 0.26515."""
    home = Home(heat_pump=HeatPump(5.0), building=Building(0.2, 5.0))
    found = plan(home, [0.1, 0.5], outdoor_c=[0.0, 0.0], comfort_c=(20.0, 21.0), state=HomeState(indoor_c=20.0))
    assert found.indoor_c.tolist() == pytest.approx([20.0, 20.8333333, 20.0])
    assert found.decisions.heat_pump_kwh.tolist() == pytest.approx([2.6515152, 0.0], abs=1e-6)
    assert (found.discomfort_kh, found.cost.total) == (pytest.approx(0.0, abs=1e-8), pytest.approx(0.2651515))


def test_discomfort_has_a_price():
    """0.1 kW cannot hold 20 degC: 19.2616 and 18.5527 miss 0.7384 and 1.4473 K, at 0.5 each."""
    home = Home(heat_pump=HeatPump(0.1), building=Building(0.2, 5.0))
    found = plan(home, [0.1, 0.1], outdoor_c=[0.0, 0.0], comfort_c=(20.0, 21.0), state=HomeState(indoor_c=20.0))
    assert found.indoor_c.tolist() == pytest.approx([20.0, 19.2616, 18.552736])
    assert found.discomfort_kh == pytest.approx(2.185664)
    assert found.cost.comfort == pytest.approx(1.092832)


def test_only_a_home_with_a_heat_pump_has_thermal_columns():
    """Without a heat pump the indoor temperature stays as it is, and asking how it would move is refused."""
    outlook = Outlook(Home(), 1.0, [0.1], [0.0], [1.0], state=HomeState(indoor_c=19.0))
    assert uncontrolled(Home(), outlook).indoor_c.tolist() == [19.0, 19.0]
    with pytest.raises(ValueError, match="home: heat_pump None; must be given"):
        thermal_columns(Home(), outlook)


def test_an_air_conditioner_cools_ahead():
    """At 35 degC, 5 kWh/K and 0.2 kW/K: 24 warms to 24.44, 1.5 kWh of cold at 3 a kWh keep 25 an hour later."""
    home = Home(heat_pump=HeatPump(5.0, "cool", 3.0, 35.0, -0.06), building=Building(0.2, 5.0))
    found = plan(home, [0.1, 0.5], outdoor_c=[35.0, 35.0], comfort_c=(22.0, 24.0), state=HomeState(indoor_c=24.0))
    after = (24.0 - 0.04 * 35.0) / 0.96
    assert found.indoor_c.tolist() == pytest.approx([24.0, after, 24.0])
    assert found.decisions.heat_pump_kwh[0] == pytest.approx((24.0 + 0.04 * 11.0 - after) * 5.0 / 3.0)


def test_cogeneration_serves_heat_and_load():
    """1 kWh with 2 of heat burns 3.333 kWh at 0.05; the boiler and the grid would cost 0.5087."""
    home = Home(cogeneration=Cogeneration(0.5, 3.0, 10.0))
    found = plan(home, [0.4], base=[1.0], heat_kwh=[2.0], fuel_price=0.05)
    assert found.decisions.cogeneration_kwh.tolist() == pytest.approx([1.0])
    assert found.cost.total == pytest.approx(1 / 6)
    assert found.cost.fuel == pytest.approx(1 / 6)
    alone = plan(home, [0.4], base=[1.0], heat_kwh=[0.5], fuel_price=0.05)
    assert alone.decisions.cogeneration_kwh.tolist() == [0.0]
    assert alone.cost.total == pytest.approx(0.4 + 0.5 / 0.92 * 0.05)


def test_a_tank_keeps_heat_for_later():
    """With a tank of 2 kWh the engine serves both hours of 1 kWh of heat when power is dear."""
    home = Home(cogeneration=Cogeneration(0.0, 3.0, 10.0, tank_kwh=2.0))
    found = plan(home, [0.4, 0.0], base=[1.0, 0.0], heat_kwh=[1.0, 1.0], fuel_price=0.05)
    assert found.tank_kwh.tolist() == pytest.approx([0.0, 1.0, 0.0], abs=1e-9)
    assert found.cost.total == pytest.approx(1 / 6)


def test_a_demand_charge_flattens_the_load():
    """Loads of 1 and 3 kW with 1 kWh of battery: 2 and 2, the month's peak of 2 so far; from 1.5 on 0.5 is paid."""
    home = Home(Connection(demand_charge=1.0), Battery(1.0, 1.0, 1.0, **LOSSLESS))
    found = plan(home, [0.2, 0.2], base=[1.0, 3.0], state=HomeState(peak_kw=2.0))
    assert found.import_kwh.tolist() == pytest.approx([2.0, 2.0])
    assert (found.peak_kw, found.cost.total) == (pytest.approx(2.0), pytest.approx(0.8))
    found = plan(home, [0.2, 0.2], base=[1.0, 3.0], state=HomeState(peak_kw=1.5))
    assert found.cost.demand_charge == pytest.approx(0.5)


def test_what_cannot_be_fed_in_is_curtailed():
    """5 kWh generated, 1 used: 2 are sold at 0.1 and 2 curtailed; at a price of -0.1 all 4 are."""
    home = Home(Connection(export_kw=2.0))
    found = plan(home, [0.2], [0.1], [1.0], pv_kwh=[5.0])
    assert (found.export_kwh.tolist(), found.decisions.curtailed_kwh.tolist()) == ([2.0], [2.0])
    assert found.cost.sold == pytest.approx(-0.2)
    assert plan(home, [0.2], [-0.1], [1.0], pv_kwh=[5.0]).decisions.curtailed_kwh.tolist() == [4.0]


def test_the_reference_needs_no_control():
    """Job at once, car on arrival until it has enough, heat at the edge, heat demand from the boiler, battery idle."""
    home = Home(
        Connection(export_kw=1.0),
        Battery(2.0, 2.0, 2.0),
        Vehicle(charge_kw=5.0, **LOSSLESS),
        HeatPump(5.0),
        Building(0.2, 5.0),
        Cogeneration(0.0, 3.0, 10.0),
        (Appliance("washer", 2.0, 1),),
    )
    outlook = Outlook(
        home,
        1.0,
        [0.4, 0.1, 0.1],
        [0.0] * 3,
        [1.0] * 3,
        pv_kwh=[0.0, 0.0, 9.0],
        outdoor_c=[0.0] * 3,
        comfort_c=(20.0, 21.0),
        heat_kwh=[1.0] * 3,
        fuel_price=0.0,
        stays=[Stay(0, 2, 7.0)],
        windows=[Window(0, 3)],
        state=HomeState(indoor_c=20.0, battery_kwh=1.0),
    )
    found = uncontrolled(home, outlook)
    assert found.decisions.vehicle_charge_kwh.tolist() == [5.0, 2.0, 0.0]
    assert found.decisions.starts == (0,)
    assert found.indoor_c.tolist() == pytest.approx([20.0] * 4)
    assert found.import_kwh.tolist() == pytest.approx([1 + 5 + 2 + 4 / 3.08, 1 + 2 + 4 / 3.08, 0.0])
    assert found.export_kwh.tolist() == pytest.approx([0, 0, 1])
    assert found.battery_kwh.tolist() == [1.0] * 4
    assert max(violations(home, outlook, found).values()) <= 1e-12
    assert HomePlanner(home, 3, 1.0).plan(outlook).cost.total < found.cost.total


@pytest.mark.parametrize(
    ("home", "data", "message"),
    [
        (Home(), {"hours": 0.2}, "outlook: hours 0.2; allowed 1/12, 0.25, 0.5, 1"),
        (Home(), {"buy": []}, r"outlook: buy of shape \(0,\); must be one row"),
        (Home(), {"buy": [0.1, np.nan]}, "outlook: buy nan in period 1; must be finite"),
        (Home(), {"sell": [0.1]}, r"outlook: sell of shape \(1,\); must be \(2,\), one entry a period"),
        (Home(), {"base_kwh": [0.1, -1.0]}, "outlook: base_kwh -1.0 in period 1; must be at least 0 and finite"),
        (Home(), {"base_kwh": [50.0, 0.0]}, r"outlook: highest load less generation \[kW\] 50.0; must be .* 44"),
        (Home(), {"stays": [Stay(0, 1, 1.0)]}, "outlook: 1 stays; must be none for a home without a car"),
        (Home(), {"windows": [Window(0, 1)]}, "outlook: 1 windows; must be 0, one an appliance"),
        (Home(), {"battery_end_value": np.inf}, "outlook: battery_end_value inf; must be at least 0 and finite"),
        (Home(heat_pump=HeatPump(1.0), building=Building()), {}, "outlook: outdoor_c None; must be given"),
        (Home(), {"comfort_c": (22.0, [23.0, 21.0])}, "outlook: comfort_c 22.0 to 21.0 in period 1"),
        (Home(cogeneration=Cogeneration(0, 1, 2)), {}, "outlook: heat_kwh None; must be given"),
        (Home(cogeneration=Cogeneration(0, 1, 2)), {"heat_kwh": [1, 3]}, "outlook: highest heat_kwh 3.0; .* at most 2"),
        (
            Home(battery=Battery(2, 1, 1)),
            {"state": HomeState(battery_kwh=3.0)},
            "outlook: state.battery_kwh 3.0; must be at least 0 and at most 2",
        ),
        (
            Home(vehicle=Vehicle()),
            {"stays": [Stay(1, 2, 1.0, 5.0)], "state": HomeState(vehicle_kwh=4.0)},
            "stay: used_kwh 5.0; must be at least 0 and at most 4",
        ),
        (
            Home(appliances=(Appliance("washer", 1.0, 2),)),
            {"windows": [Window(1, 2)]},
            "appliance washer: window 1 to 2 for a job of 2 periods; must lie within 0 to 2 and hold the job",
        ),
    ],
)
def test_bad_outlooks_are_refused(home, data, message):
    """The message names the column, the value and what is allowed."""
    given_data = {"hours": 1.0, "buy": [0.1, 0.2], "sell": [0.0, 0.0], "base_kwh": [0.0, 0.0]} | data
    with pytest.raises(ValueError, match=message):
        Outlook(home, **given_data)


def test_an_outlook_must_have_the_planner_s_length():
    """A planner of two hours refuses three, and quarters of an hour."""
    planner = HomePlanner(Home(), 2, 1.0)
    with pytest.raises(ValueError, match=r"outlook: 3 periods of 1.0 h; must be 2 of 1.0 h"):
        planner.plan(Outlook(Home(), 1.0, [0.1] * 3, [0.0] * 3, [0.0] * 3))
    with pytest.raises(ValueError, match=r"outlook: 2 periods of 0.25 h; must be 2 of 1.0 h"):
        planner.plan(Outlook(Home(), 0.25, [0.1] * 2, [0.0] * 2, [0.0] * 2))


def test_what_no_plan_can_serve_is_told():
    """A job of 2 kW beside a load of 9 kW does not go through 10 kW."""
    home = Home(Connection(import_kw=10.0), appliances=(Appliance("washer", 2.0, 1),))
    with pytest.raises(InfeasibleMarket, match="home"):
        plan(home, [0.1], base=[9.0], windows=[Window(0, 1)])


def test_a_broken_plan_is_not_handed_out():
    """A battery that gives what it does not hold breaks 'battery energy' by 1 kWh."""
    home = Home(battery=Battery(2.0, 2.0, 2.0, **LOSSLESS), appliances=(Appliance("washer", 2.0, 1),))
    outlook = Outlook(home, 1.0, [0.1], [0.0], [5.0], battery_end_value=0.0, windows=[Window(0, 1)])
    done = Decisions.none(1)
    done.battery_discharge_kwh[0] = 1.0
    done.starts = (0,)
    with pytest.raises(RuntimeError, match=r"breaks 'battery energy' by 1.0"):
        refuse_broken(home, outlook, follow(home, outlook, done))
    idle = Decisions.none(1)
    idle.starts = (None,)
    assert violations(home, outlook, follow(home, outlook, idle))["window of washer"] == 1.0


def test_a_plan_that_costs_more_than_the_model_says_is_not_handed_out(monkeypatch):
    """Decisions that lose what the solver found are noticed by their cost."""
    monkeypatch.setattr(home_planner, "decisions_of", lambda home, outlook, found: Decisions.none(len(outlook)))
    with pytest.raises(RuntimeError, match=r"home plan: costs 0.3"):
        plan(Home(battery=Battery(2.0, 2.0, 2.0, **LOSSLESS)), [0.1, 0.3], base=[0.0, 1.0])


HOURS = 6
SETS = {
    "battery": Home(battery=Battery(4.0, 2.0, 1.5, 0.9, 0.85, 0.01, 0.02)),
    "car": Home(Connection(12.0, 2.0, 0.3), vehicle=Vehicle(20.0, 4.0, 3.0)),
    "warmth": Home(battery=Battery(4.0, 2.0, 1.5), heat_pump=HeatPump(2.0), building=Building(0.2, 4.0)),
    "engine": Home(
        Connection(30.0, 2.0), Battery(3.0, 1.0, 1.0), cogeneration=Cogeneration(0.5, 2.0, 5.0, tank_kwh=3.0)
    ),
    "jobs": Home(battery=Battery(4.0, 2.0, 1.5), appliances=(Appliance("a", 1.5, 2), Appliance("b", 0.7, 3))),
}


@cache
def planner(name):
    """Return a kept planner: laws are tested on models that are solved again and again."""
    return HomePlanner(SETS[name], HOURS, 1.0)


def draw_outlook(data, name, lowest):
    """Draw an outlook of a device set with prices from `lowest` on."""

    def column(least, most):
        return data.draw(st.lists(st.integers(least, most), min_size=HOURS, max_size=HOURS).map(np.array)) / 20

    home = SETS[name]
    buy = column(lowest, 10)
    sell = buy - column(0, 4) if lowest < 0 else buy * data.draw(st.sampled_from([0.0, 0.5, 1.0]))
    if lowest < 0 and data.draw(st.booleans()):
        sell = sell[::-1]
    state = HomeState(
        battery_kwh=data.draw(st.sampled_from([0.0, 1.0, 3.0])) if home.battery else 0.0,
        vehicle_kwh=10.0 if home.vehicle else 0.0,
        tank_kwh=1.0 if home.cogeneration else 0.0,
        indoor_c=data.draw(st.sampled_from([18.0, 20.5, 23.0])),
    )
    return Outlook(
        home,
        1.0,
        buy,
        sell,
        column(0, 40),
        pv_kwh=column(0, 60),
        outdoor_c=column(-100, 200),
        heat_kwh=column(0, 60),
        fuel_price=0.06,
        stays=[Stay(0, 2, data.draw(st.sampled_from([8.0, 16.0]))), Stay(3, 6, 12.0, 6.0)] if home.vehicle else (),
        windows=[Window(0, 4), Window(1, 6)] if home.appliances else (),
        state=state,
        battery_end_kwh=0.8 * state.battery_kwh,  # what idling leaves, and more than enough
    )


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("lowest", [0, -6])
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_plans_keep_every_limit_and_never_cost_more_than_no_control(name, lowest, data):
    """Whatever the prices: limits and services hold, nothing charges and discharges at once, control never costs."""
    outlook = draw_outlook(data, name, lowest)
    home, found = SETS[name], planner(name).plan(outlook)
    assert max(violations(home, outlook, found).values()) <= 1e-6
    reference = uncontrolled(home, outlook)
    assert found.cost.total <= reference.cost.total + 1e-4
    done = found.decisions
    used = outlook.base_kwh + found.job_kwh + done.heat_pump_kwh + done.battery_charge_kwh + done.vehicle_charge_kwh
    made = outlook.pv_kwh - done.curtailed_kwh + done.cogeneration_kwh
    given_back = done.battery_discharge_kwh + done.vehicle_discharge_kwh
    np.testing.assert_allclose(found.import_kwh + made + given_back, used + found.export_kwh, atol=1e-9)
    assert np.minimum(found.import_kwh, found.export_kwh).max() == 0.0
    if home.vehicle:
        assert found.departure_kwh[0] + found.shortfall_kwh[2] >= outlook.use.required_kwh[2] - 1e-9
        assert found.cost.shortfall <= reference.cost.shortfall + 1e-6


@pytest.mark.parametrize("name", ["battery", "car", "engine"])
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_relaxing_is_exact_at_ordinary_prices(name, data):
    """With 0 <= sell <= buy the model without binaries costs what the model with all of them does."""
    outlook = draw_outlook(data, name, 0)
    kept = planner(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(home_planner, "exclusive_periods", lambda home, outlook: (np.ones(HOURS), np.ones(HOURS)))
        strict = kept.plan(outlook)
    assert kept.plan(outlook).cost.total == pytest.approx(strict.cost.total, abs=1e-4)


def test_a_kept_model_gives_what_a_new_one_gives():
    """After other outlooks, with and without binaries, costs are those of a fresh planner."""
    rng = np.random.default_rng(2)
    kept = HomePlanner(SETS["car"], HOURS, 1.0)
    for turn in range(6):
        buy = rng.uniform(-0.2 if turn % 2 else 0.0, 0.5, HOURS)
        outlook = Outlook(
            SETS["car"],
            1.0,
            buy,
            buy - 0.1 if turn % 2 else 0.5 * buy,
            rng.uniform(0, 2, HOURS),
            pv_kwh=rng.uniform(0, 3, HOURS),
            stays=[Stay(0, 1 + turn % 3, 12.0), Stay(4, 6, 12.0, 6.0)],
            state=HomeState(vehicle_kwh=10.0, peak_kw=float(turn)),
        )
        fresh = HomePlanner(SETS["car"], HOURS, 1.0).plan(outlook)
        assert kept.plan(outlook).cost.total == pytest.approx(fresh.cost.total, abs=1e-4)
