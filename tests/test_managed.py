"""Members with an energy-management system: their plans, and runs that follow them."""

from types import SimpleNamespace

import numpy as np
import pytest

from gridagora.agents import hems_batch, managed
from gridagora.agents.columns import CHARGE, DISCHARGE, PV, WITHDRAWAL
from gridagora.agents.flows import Flows, follows, managed_part, without_plan
from gridagora.agents.managed import Eve, bytes_per_managed, managed_members, night_value, plan_block
from gridagora.agents.managed_kernels import spill_plan, steer_battery, steer_car, steer_room
from gridagora.agents.thermal_kernels import Rooms, Thermostat
from gridagora.agents.vehicle_kernels import Cars, Charger
from gridagora.scenarios.load import load
from gridagora.scenarios.plausible import memory_needed
from gridagora.scenarios.plausible_hems import hems_bytes

NIGHT = {
    "kind": "time_of_use",
    "energy_per_kwh": {"peak": 0.60, "valley": 0.20},
    "windows": {"peak": ["06:00-22:00"], "valley": ["22:00-06:00"]},
}


@pytest.mark.parametrize(
    ("planned", "stored", "moved"),
    [
        (500_000, 1.0, (500_000, 0)),
        (5_000_000, 1.0, (2_000_000, 0)),
        (2_000_000, 3.5, (1_000_000, 0)),
        (-400_000, 1.0, (0, 400_000)),
        (-5_000_000, 4.0, (0, 2_000_000)),
        (-2_000_000, 1.0, (0, 500_000)),
        (0, 4.0, (0, 0)),
    ],
)
def test_a_battery_follows_its_plan_as_far_as_it_can(planned, stored, moved):
    """Of 4 kWh and 2 kWh a period at an efficiency of 0.5: power, room (0.5 kWh take 1 kWh) and content bind."""
    assert steer_battery(planned, stored, 4.0, 2.0, 0.5) == moved


def cars(held, leave, back, used=3_000_000, until=48):
    """Return the columns of one car of 10 kWh."""
    energies = (np.array([kwh], np.int32) for kwh in (10_000_000, held, used))
    return Cars(*energies, *(np.array([t], np.uint16) for t in (leave, back, until)))


def test_a_car_follows_its_plan_at_home_and_up_to_full():
    """1 kWh lacking takes 1.25 kWh at 0.8; away nothing; power binds at 2 kWh."""
    charger = Charger(2_000_000, 0.8, np.zeros((1, 1, 3), np.uint16))
    assert steer_car(3_000_000, 0, cars(9_000_000, 8, 18), 7, charger) == 1_250_000
    assert steer_car(3_000_000, 0, cars(5_000_000, 8, 18), 7, charger) == 2_000_000
    assert steer_car(3_000_000, 0, cars(5_000_000, 8, 18), 8, charger) == 0
    assert steer_car(-1, 0, cars(5_000_000, 8, 18), 18, charger) == 0


def test_a_room_follows_its_plan():
    """2 kWh move 6 kWh of heat into 2 x 3 kWh/K, which loses 2 x 0.3 kWh at 10 K: 20.9 degC; 5 kWh are too many."""
    columns = (np.array([value], np.float32) for value in (2.0, 20.0, 20.0))
    rooms, day = Rooms(*columns), Thermostat(np.zeros((1, 1)), np.array([10.0]), np.array([3.0]), 0.03, 3.0, 0.0, 2.0)
    assert steer_room(2_000_000, 0, rooms, 0, day) == (2_000_000, pytest.approx(20.9))
    assert steer_room(5_000_000, 0, rooms, 0, day)[0] == 4_000_000


def test_generation_is_spilt_up_to_what_it_makes():
    """Of 1.5 kWh fed in from 1 kWh of sun and a battery 0.5 kWh remain; what is drawn stays."""
    net = np.array([-1_500_000, -400_000, 300_000])
    spill_plan(net, np.array([0.5, 0.5, 0.5]), 2.0)
    assert net.tolist() == [-500_000, 0, 300_000]


def test_rows_that_follow_a_plan():
    """The first five rows may; the second of them has no plan."""
    flows = Flows(5, np.array([0, -1, 1, 2, 3]), *(np.zeros((0, 0), np.int64) for _ in range(3)), False)
    assert [managed_part(flows, first, 3) for first in (0, 3, 6)] == [3, 2, 0]
    assert [follows(flows, i) for i in range(6)] == [True, False, True, True, True, False]
    full = np.ones(3, np.float32)
    assert [without_plan(full, first, flows).tolist() for first in (0, 3, 6)] == [[0, 1, 0], [0, 0, 1], [1, 1, 1]]
    assert full.tolist() == [1, 1, 1]


def test_only_owners_have_a_plan():
    """Three of four draws lie below 0.8; one of these owns nothing."""
    draw, owner = np.array([0.1, 0.5, 0.79, 0.9]), np.array([True, False, True, True])
    assert managed_members(SimpleNamespace(hems_share=0.8), draw, owner).tolist() == [True, False, True, False]


def test_energy_at_midnight_is_worth_the_last_period_of_the_nights_charging():
    """Of 0.3, 0.1, 0.2, 0.4: two periods of the three before departure end at 0.2; none are left: nothing."""
    prices = np.array([[0.3, 0.1, 0.2, 0.4], [-0.1, -0.1, -0.1, -0.1]])
    offer, left, needed = (
        np.array([0, 0, 0, 0, 1]),
        np.array([3.0, 1.0, 0.0, 4.0, 4.0]),
        np.array([1.5, 2.0, 1.0, 9, 1]),
    )
    assert night_value(prices, offer, left, needed).tolist() == [0.2, 0.3, 0.0, 0.4, 0.0]


OWNERS = {
    "time.period_minutes": 60,
    "time.start": "2016-01-11",
    "households.pv_share": 0.6,
    "households.storage_share": 0.7,
    "households.ev_share": 0.5,
    "households.heat_pump_share": 0.4,
    "households.hems_share": 0.8,
    "weather": "synthetic",
    "tariffs.residential": NIGHT,
}


@pytest.fixture(scope="module")
def model(simulate):
    """Return two days with managed homes."""
    return simulate(OWNERS)


def households(model):
    """Return the population of households."""
    return next(agent for agent in model.agents if getattr(agent, "name", "") == "households")


def ahead(model):
    """Return what the households' plan of a day is made of."""
    population, record = households(model), model.recorder.records[-1]
    entry = next(each for each in record.populations if each.population is population)
    plan = entry.plan
    load_kwh = plan.load.T * record.errors["day_ahead_load"]
    pv_kwh = plan.pv.T * record.errors["day_ahead_pv"]
    return Eve(
        population.terms,
        population.members,
        population.today,
        population.state,
        population.devices,
        np.ascontiguousarray(load_kwh),
        np.ascontiguousarray(pv_kwh),
        population.retail(plan.energy_price),
        population.peer.feed_in,
    )


def own_plans(model):
    """Return the day's plans of all that have a system of their own."""
    population = households(model)
    return managed.plan_flows(np.arange(population.managed), population.under_service, ahead(model))


def test_managed_rows_come_first_and_own_something(model):
    """All managed rows have a device; some other owner has no plan."""
    population = households(model)
    members, devices = population.members, population.devices.columns
    owns = (members.battery_kwh > 0) | (devices.cars.capacity > 0) | (devices.rooms.size > 0)
    assert 0 < population.managed < owns.sum()
    assert owns[: population.managed].all()


def test_what_is_stored_stays_within_limits(model):
    """Batteries and cars hold between nothing and their capacity, rooms do not fall below their set points."""
    population = households(model)
    managed_rows, devices = slice(0, population.managed), population.devices.columns
    stored, capacity = population.state.stored[managed_rows], population.members.battery_kwh[managed_rows]
    assert stored.min() >= -1e-5
    assert np.all(stored <= capacity + 1e-5)
    assert np.all(devices.cars.held <= devices.cars.capacity)
    warm = devices.rooms.size[managed_rows] > 0
    assert (devices.rooms.indoor - devices.rooms.set_point)[managed_rows][warm].min() > -0.3


def test_cars_are_full_or_charged_all_the_time(model):
    """At the end of the day's plan a car holds what lets the night fill it up."""
    population = households(model)
    cars, charger = population.devices.columns.cars, population.devices.columns.charger
    rows = np.flatnonzero(cars.capacity[: population.managed] > 0)
    left = cars.until[rows].astype(float) - 24
    lacking = cars.capacity[rows] - cars.held[rows].astype(float)
    since = 24.0 - cars.back[rows]
    assert np.all((lacking <= left * charger.flow * charger.efficiency + 100) | (since < 1))


def test_the_plan_costs_no_more_than_no_control(model, monkeypatch):
    """On the eve's prices and forecasts each home's plan costs at most what happens without control."""
    population, eve = households(model), ahead(model)
    rows = np.arange(population.managed)
    found = plan_block(rows, eve)
    kept = {}

    def keep(name):
        inner = getattr(hems_batch, name)

        def wrapped(*given):
            kept[name] = inner(*given)
            return kept[name]

        monkeypatch.setattr(hems_batch, name, wrapped)

    keep("_uncontrolled")
    plan_block(rows, eve)
    assert np.all(found.cost <= kept["_uncontrolled"].cost + 1e-9)
    assert found.cost.sum() < kept["_uncontrolled"].cost.sum() - 0.1


def test_plans_do_not_depend_on_what_is_planned_together(model, monkeypatch):
    """Seven members at a time have the plans of all at once."""
    whole = own_plans(model)
    monkeypatch.setattr(managed, "TOGETHER", 7)
    parts = own_plans(model)
    assert whole.battery.shape == (households(model).managed, 24)
    for one, other in zip(whole[1:4], parts[1:4], strict=True):
        np.testing.assert_array_equal(one, other)


def test_flows_of_a_battery_are_delivered(model):
    """Without forecast errors a day's charge and discharge are those of the plan; generation is not curtailed."""
    population, record = households(model), model.recorder.records[-1]
    entry = next(each for each in record.populations if each.population is population)
    plan, devices = entry.plan, population.devices
    before = population.state.stored.copy()
    flows = own_plans(model)
    devices.columns = devices.columns._replace(flows=flows)
    rows = population.members.battery_kwh[: population.managed] > 0
    path = before[: population.managed].astype(np.float64)
    efficiency = population.terms.storage_efficiency
    for period in range(24):
        planned = flows.battery[:, period] / 1e6
        path += np.maximum(planned, 0) * efficiency - np.maximum(-planned, 0) / efficiency
        totals = population.deliver(period, plan, (1.0, 1.0))
        assert totals[CHARGE] >= np.maximum(flows.battery[:, period], 0).sum() - 5 * population.managed
        assert totals[DISCHARGE] >= np.maximum(-flows.battery[:, period], 0).sum() - 5 * population.managed
        assert totals[PV] >= 0 and totals[WITHDRAWAL] >= 0
    np.testing.assert_allclose(population.state.stored[: population.managed][rows], path[rows], atol=1e-3)


def test_nothing_is_fed_in_at_a_negative_price(simulate):
    """Where feeding in costs money, homes with a plan and roofs only take; without a plan they feed in."""
    changes = {"time.period_minutes": 60, "time.days": 1, "households.pv_share": 1.0, "households.storage_share": 1.0}
    changes |= {"tariffs.feed_in.price_per_kwh": -0.05, "firms.pv_share": 0.0, "farms.pv_share": 0.0}
    changes["market.online"] = False
    fed_in = [
        int(np.maximum(-households(simulate(changes | {"households.hems_share": share})).state.net, 0).sum())
        for share in (1.0, 0.0)
    ]
    assert fed_in[0] == 0


def test_memory_counts_plans():
    """Half of those with one of three devices: 8 bytes a period, three tables, half of 1 - 0.86 x 0.5 x 0.6."""
    changes = {"households.pv_share": 0.2, "households.storage_share": 0.7, "households.ev_share": 0.5}
    changes |= {"households.heat_pump_share": 0.4, "weather": "synthetic", "households.count": 1000}
    without, given = (load("quickstart", changes | {"households.hems_share": share}) for share in (0.0, 0.5))
    assert bytes_per_managed(given.households, 96) == 3 * 8 * 96
    added = round(0.5 * (1 - 0.86 * 0.5 * 0.6) * 2304)
    assert hems_bytes(given, given.households) == added
    assert memory_needed(given)["households"] - memory_needed(without)["households"] == 1000 * added
