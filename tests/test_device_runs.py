"""Runs with electric cars and heat pumps: books, identities, prices that move them, and what changes nothing."""

import numpy as np
import pandas as pd
import pytest

from gridagora.scenarios.load import ScenarioError, load
from gridagora.scenarios.simulation import Simulation

#: 120 households on hours, of which half have a car and four in ten a heat pump; Monday to Wednesday.
WORLD = {
    **{"households.count": 120, "households.ev_share": 0.5, "households.heat_pump_share": 0.4, "firms": None},
    **{"households.pv_share": 0.4, "households.storage_share": 0.5, "households.technology_share": 0.5},
    **{"farms": None, "time.start": "2016-01-11", "time.days": 3, "time.period_minutes": 60, "generators.blocks": 6},
    **{"weather": "synthetic", "generators.capacity_to_peak": 20.0, "outputs.members": 200},
}
DEAR_EVENING = {
    "kind": "time_of_use",
    "energy_per_kwh": {"peak": 0.5, "valley": 0.1},
    "windows": {"peak": ["08:00-22:00"], "valley": ["22:00-08:00"]},
}


def run(block=None, **changed):
    """Return a finished run of the world."""
    model = Simulation(load("quickstart", {**WORLD, **changed}), block=block)
    while model.running:
        model.step()
    return model


@pytest.fixture(scope="module")
def model():
    """Return a finished run."""
    return run()


@pytest.fixture(scope="module")
def intervals(model):
    """Return its periods."""
    return model.recorder.frame("intervals")


def test_books_close(model, intervals):
    """Consumption contains both devices, ledger and bills agree to the last micro-unit."""
    model.ledger.check()
    population = model.households
    assert int(population.billed.sum()) == -model.ledger.balance("households")
    devices = intervals["consumption_vehicle_kwh"] + intervals["consumption_heat_pump_kwh"]
    assert (devices <= intervals["consumption_kwh"]).all()
    assert (intervals.groupby("day")[["consumption_vehicle_kwh", "consumption_heat_pump_kwh"]].sum() > 1).all(axis=None)


def test_driven_energy(model, intervals):
    """Driven is what was drawn at home at 0.95, less what more is held, plus public charging."""
    cars = model.households.devices.columns.cars
    drawn = intervals["consumption_vehicle_kwh"].sum()
    more_held = intervals["vehicle_held_kwh"].iloc[-1] - 60.0 * (cars.capacity > 0).sum()
    public = intervals["vehicle_public_kwh"].sum()
    # A charge loses less than a quantum of 1e-6 kWh to rounding.
    events = len(intervals) * (cars.capacity > 0).sum()
    assert intervals["vehicle_driven_kwh"].sum() == pytest.approx(drawn * 0.95 - more_held + public, abs=events * 1e-6)
    owners = (cars.capacity > 0).sum()
    assert intervals["vehicle_driven_kwh"].sum() / owners / 3 == pytest.approx(35 * 0.17, rel=0.2)


def test_cheap_hours_are_used():
    """With a cheap night `cheapest` charges there, `on_arrival` in the evening, for the same driven energy."""
    shares = {}
    for mode in ("on_arrival", "cheapest"):
        changed = {"tariffs.residential": DEAR_EVENING, "households.vehicle": {"charging": mode}}
        frame = run(**changed, **{"households.heat_pump_share": 0.0}).recorder.frame("intervals")
        charged = frame.groupby("period")["consumption_vehicle_kwh"].sum()
        shares[mode] = charged[(charged.index >= 22) | (charged.index < 8)].sum() / charged.sum()
    assert shares["cheapest"] > 0.95
    assert shares["on_arrival"] < 0.4


def test_setback_saves_in_dear_hours():
    """Thermostats with technology that go down by 2 K while it is dear draw less in those hours."""
    drawn = {}
    for kelvin in (0.0, 2.0):
        frame = run(**{"tariffs.residential": DEAR_EVENING, "households.heat_pump": {"setback_k": kelvin}})
        frame = frame.recorder.frame("intervals")
        dear = (frame["period"] >= 8) & (frame["period"] < 22)
        drawn[kelvin] = frame.loc[dear, "consumption_heat_pump_kwh"].sum()
    assert drawn[2.0] < 0.95 * drawn[0.0]


def test_blocks_change_nothing(model):
    """Results do not depend on how many members are visited at a time."""
    other = run(block=7)
    for table in ("intervals", "members"):
        pd.testing.assert_frame_equal(model.recorder.frame(table), other.recorder.frame(table), check_exact=True)
    pd.testing.assert_frame_equal(model.ledger.frame(), other.ledger.frame())


@pytest.mark.compiled
def test_threads_change_nothing(model):
    """Two threads give what one gives."""
    other = run(threads=2)
    for table in ("intervals", "members"):
        pd.testing.assert_frame_equal(model.recorder.frame(table), other.recorder.frame(table), check_exact=True)


def test_members_are_read_like_agents(model):
    """Who has a car reads what it holds, who has a heat pump its temperature near the set point; others 0 and nan."""
    members = list(model.households)
    held = np.array([member.vehicle_kwh for member in members])
    indoor = np.array([member.indoor_c for member in members])
    assert 0.3 < (held > 0).mean() < 0.7
    assert held.max() <= 60
    assert 0.25 < np.isfinite(indoor).mean() < 0.55
    assert np.nanmin(indoor) > 14


def test_without_devices_there_are_no_columns():
    """Tables of a run without cars and heat pumps are as before."""
    frame = run(**{"households.ev_share": 0.0, "households.heat_pump_share": 0.0}).recorder.frame("intervals")
    assert not [name for name in frame if "vehicle" in name or "heat_pump" in name]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"weather": "typical"}, "weather: synthetic"),
        ({"households.vehicle": {"charge_efficiency": 1.2}}, "charge_efficiency"),
        ({"households.vehicle": {"charge_efficiency": 0.0}}, "charge_efficiency"),
        ({"households.vehicle": {"arrival_hour": 9.0}}, "arrival_hour"),
        ({"households.vehicle": {"departure_hour": 2.0}}, "departure_hour"),
        ({"households.vehicle": {"daily_km": 900.0, "kwh_per_km": 1.0}}, "lower daily_km"),
        ({"households.vehicle": {"charging": "later"}}, "cheapest"),
        ({"households.heat_pump": {"loss_kw_per_k": 6.0}}, "loss_kw_per_k"),
    ],
)
def test_refusals(changed, said):
    """What cannot be is refused with the key and the remedy."""
    with pytest.raises(ScenarioError, match=said):
        load("quickstart", {**WORLD, **changed})
