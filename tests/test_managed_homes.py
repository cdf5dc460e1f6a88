"""Members that a service enrols in the course of a run: who follows a plan, and what it saves."""

import numpy as np
import pytest

from gridagora.agents.managed import Eve, expected_costs, plan_block
from gridagora.scenarios.load import load
from gridagora.scenarios.simulation import Simulation

PEAK = {
    "kind": "time_of_use",
    "energy_per_kwh": {"peak": 0.60, "valley": 0.20},
    "windows": {"peak": ["06:00-22:00"], "valley": ["22:00-06:00"]},
}
HOMES = {
    "time.period_minutes": 60,
    "time.start": "2016-03-14",
    "time.days": 4,
    "households.count": 16,
    "households.pv_share": 0.7,
    "households.storage_share": 0.8,
    "households.ev_share": 0.4,
    "households.heat_pump_share": 0.2,
    "households.hems.wear_cost_per_kwh": 0.01,
    "firms.count": 2,
    "farms.count": 1,
    "weather": "synthetic",
    "market.online": False,
    "tariffs.residential": PEAK,
}


def simulated(enrol=None, days=4, **changes):
    """Return a run in which `enrol` is called with the households after the first day."""
    model = Simulation(load("quickstart", HOMES | changes))
    for day in range(days):
        model.step()
        if day == 0 and enrol is not None:
            enrol(model.households)
    return model


def owners(population):
    """Return the rows of those who own something that can be planned."""
    devices = population.devices.columns
    owns = (population.members.battery_kwh > 0) | (devices.cars.capacity > 0) | (devices.rooms.size > 0)
    return np.flatnonzero(owns)


def state(population):
    """Return all that a day leaves behind, by row."""
    cars, rooms = population.devices.columns.cars, population.devices.columns.rooms
    columns = (population.bills, population.billed, population.state.stored, population.state.net)
    return [column.tobytes() for column in (*columns, cars.held, rooms.indoor)]


@pytest.fixture(scope="module")
def without():
    """Return a run in which nobody is enrolled."""
    return simulated()


@pytest.fixture(scope="module")
def enrolled():
    """Return a run in which every second owner is enrolled after the first day."""
    return simulated(lambda population: population.enrol(owners(population)[1::2]))


def test_nobody_enrolled_changes_nothing(without):
    """To enrol no rows, or some and at once release them, leaves every byte of a run as it was."""

    def back_and_forth(population):
        population.enrol(np.zeros(0, np.int64))
        population.enrol(owners(population))
        population.enrol(owners(population), follow=False)

    other = simulated(back_and_forth)
    assert state(other.households) == state(without.households)
    assert not other.households.optimised_saving.any()
    assert other.ledger.frame().equals(without.ledger.frame())


def test_only_the_enrolled_act_otherwise(without, enrolled):
    """Those without a plan store, draw and are billed what they would have been, wherever their rows stand."""
    old, new = without.households, enrolled.households
    rows = owners(new)[1::2]
    assert np.flatnonzero(new.enrolled).tolist() == rows.tolist() == new.twin.rows.tolist()
    assert new.managed == rows[-1] + 1
    rest = np.setdiff1d(np.arange(len(new)), rows)
    assert np.array_equal(old.state.stored[rest], new.state.stored[rest])
    assert np.array_equal((old.bills + old.billed)[rest], (new.bills + new.billed)[rest])
    assert not np.array_equal(old.state.stored[rows], new.state.stored[rows])


def test_the_twin_is_the_home_without_a_plan(without, enrolled):
    """What the twins' devices hold is what the same homes hold in a run without plans, to the last bit."""
    old, twin = without.households, enrolled.households.twin
    cars, rooms = old.devices.columns.cars, old.devices.columns.rooms
    assert np.array_equal(twin.stored, old.state.stored[twin.rows])
    assert np.array_equal(twin.held, cars.held[twin.rows])
    assert np.array_equal(twin.indoor, rooms.indoor[twin.rows])


def test_the_saving_is_what_the_bills_differ_by(without, enrolled):
    """Under prices a kWh the measured saving is the difference of two runs' bills, to the rounding of bills."""
    old, new = without.households, enrolled.households
    differ = ((old.bills + old.billed) - (new.bills + new.billed)) / 1e6
    np.testing.assert_allclose(new.optimised_saving, differ, atol=1e-4)
    assert new.optimised_saving.sum() > 1.0


def test_what_was_saved_stays_when_the_service_ends(without):
    """A home that is released acts by rule again and keeps its saving; enrolled anew its twin starts from it."""
    model = simulated(lambda population: population.enrol(owners(population)), days=2)
    population = model.households
    rows = owners(population)[:2]
    population.enrol(rows, follow=False)
    saved = population.optimised_saving.copy()
    model.step()
    assert np.array_equal(population.optimised_saving[rows], saved[rows])
    assert (population.optimised_saving != saved).any()
    population.enrol(rows)
    places = np.searchsorted(population.twin.rows, rows)
    assert np.array_equal(population.twin.stored[places], population.state.stored[rows])


def test_a_plan_is_followed_only_where_it_should_cost_less(enrolled):
    """On the forecast nobody under a service is expected to pay more than by rule: such homes keep to the rule."""
    population = enrolled.households
    rows = population.twin.rows
    day = enrolled.calendar.day(0)
    expected, _ = population.tables.expected(day.date)
    prices = population.retail(population.prices_on(day))
    load_kwh = population.responding(day, expected, population.prices_on(day))
    columns = (population.terms, population.members, population.today, population.state, population.devices)
    eve = Eve(*columns, load_kwh, population.pv_profiles.of_day(day.date), prices, population.peer.feed_in)
    costs = expected_costs(rows, plan_block(rows, eve), eve)
    population.manage(eve.load, eve.pv, prices)
    slot = population.devices.columns.flows.slot[rows]
    assert np.array_equal(slot >= 0, costs.by_plan < costs.by_rule)
    followed = np.where(slot >= 0, costs.by_plan, costs.by_rule)
    assert np.all(followed <= costs.by_rule)
    assert followed.sum() < costs.by_rule.sum()


def test_without_a_better_plan_the_rule_holds():
    """Under one price all day self-consumption is hard to beat: who keeps to it has drawn what its twin has."""
    flat = {"kind": "flat", "energy_per_kwh": 0.4}
    changes = {"tariffs.residential": flat, "households.ev_share": 0.0, "households.heat_pump_share": 0.0}
    model = simulated(lambda population: population.enrol(np.arange(len(population))), days=2, **changes)
    population = model.households
    ruled = population.devices.columns.flows.slot < 0
    batteries = population.members.battery_kwh > 0
    assert (ruled & batteries).any()
    assert not population.optimised_saving[ruled].any()
    assert np.array_equal(population.twin.stored[ruled], population.state.stored[ruled])


def test_who_has_a_system_is_not_enrolled():
    """A home that plans for itself, or a row that does not exist, is refused by number."""
    model = simulated(days=1, **{"households.hems_share": 1.0})
    with pytest.raises(ValueError, match="row 0: its member has a system of its own"):
        model.households.enrol(np.array([0]))
    with pytest.raises(ValueError, match="given 3 to 99; allowed 0 to 15"):
        model.households.enrol(np.array([3, 99]))


def test_who_gets_a_battery_later_is_planned_too():
    """A battery that comes after enrolment is empty at the home and at its twin."""
    model = simulated(days=1, **{"households.storage_share": 0.0})
    population = model.households
    row = int(np.flatnonzero(population.members.pv_annual_kwh > 0)[0])
    population.enrol(np.array([row]))
    population.members.battery_kwh[row] = 8.0
    population.state.stored[row] = 0.0
    model.step()
    assert population.members.battery_kwh[population.twin.rows] == 8.0
    assert 0.0 <= population.twin.stored[0] <= 8.0
