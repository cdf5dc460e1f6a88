"""Devices of a home and trips of a car."""

import numpy as np
import pytest

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
from gridagora.agents.vehicle_trips import Commuting, Stay, Trips, draw_trips, stays_of_day, vehicle_use
from gridagora.sim.streams import Streams


def test_the_coefficient_of_performance_follows_the_weather():
    """3.5 at 7 degC and 0.06 a kelvin: 3.8 at 12, 2.9 at -3, never below 1; an air conditioner falls with heat."""
    outdoor = np.array([7.0, 12.0, -3.0, -60.0])
    assert HeatPump(3.0).cop(outdoor).tolist() == pytest.approx([3.5, 3.8, 2.9, 1.0])
    cooler = HeatPump(1.5, "cool", 3.0, 35.0, -0.06)
    assert cooler.cop(np.array([35.0, 40.0])).tolist() == pytest.approx([3.0, 2.7])
    assert (HeatPump(3.0).sign, cooler.sign) == (1.0, -1.0)


def test_cogeneration_makes_heat_in_proportion():
    """0.3 of the fuel as electricity and 0.6 as heat: 2 kWh of heat a kWh."""
    assert Cogeneration(1.0, 3.0, 20.0).heat_ratio == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Connection(import_kw=0.0), "connection: import_kw 0.0; must be above 0 and finite"),
        (lambda: Battery(0.0, 1, 1), "battery: capacity_kwh 0.0; must be above 0 and finite"),
        (
            lambda: Battery(1, 1, 1, charge_efficiency=1.01),
            "battery: charge_efficiency 1.01; must be above 0 and at most 1",
        ),
        (
            lambda: Battery(1, 1, 1, discharge_efficiency=0.0),
            "battery: discharge_efficiency 0.0; must be above 0 and at most 1",
        ),
        (lambda: Battery(100, 1, 1, loss_per_hour=0.1), "battery: loss_per_hour 0.1 of 100 kWh is more than 1 kW"),
        (lambda: Vehicle(charge_kw=float("nan")), "vehicle: charge_kw nan; must be above 0 and finite"),
        (lambda: HeatPump(3.0, "both"), "heat pump: mode 'both'; allowed heat, cool"),
        (lambda: Building(6.0, 5.0), "building: loss_kw_per_k 6.0; must be below capacity_kwh_per_k 5.0"),
        (lambda: Cogeneration(4.0, 3.0, 20.0), "cogeneration: least_kw 4.0; must be at least 0 and at most 3"),
        (
            lambda: Cogeneration(1, 3, 20, 0.5, 0.6),
            r"cogeneration: electric_efficiency \+ thermal_efficiency 1.1; must be at least 0 and at most 1",
        ),
        (lambda: Appliance("washer", 0.8, 0), "appliance washer: periods 0; must be at least 1 and finite"),
        (lambda: Home(heat_pump=HeatPump(3.0)), "home: heat_pump .* building None; must both be given or neither"),
        (lambda: Stay(10, 10, 5.0), "stay: arrive 10, depart 10; must be at least 0, and depart after arrive"),
        (lambda: Stay(0, 10, -5.0), "stay: required_kwh -5.0; must be at least 0 and finite"),
        (lambda: Commuting(departure_hour=13.0), "commuting: arrival_hour 18.0; must be at least 22.75 and at most"),
    ],
)
def test_bad_devices_are_refused(make, message):
    """The message names the device, the number, its value and what is allowed."""
    with pytest.raises(ValueError, match=message):
        make()


def test_stays_become_columns():
    """Away in periods 3 to 5: the trip's 8 kWh are gone before period 6, and 20 kWh are due at period 3."""
    use = vehicle_use([Stay(0, 3, 20.0), Stay(6, 8, 30.0, 8.0)], Vehicle(), 8, 1.0)
    assert use.at_home.tolist() == [True] * 3 + [False] * 3 + [True] * 2
    assert use.used_kwh.tolist() == [0, 0, 0, 0, 0, 8, 0, 0]
    assert use.required_kwh.tolist() == [0, 0, 0, 20, 0, 0, 0, 0, 30]


def test_a_stay_beyond_the_end_leaves_time_to_charge():
    """30 kWh due two hours after the end, at 7 kW and 0.95: 30 - 13.3 are due at the end, and 0 after five hours."""
    assert vehicle_use([Stay(0, 6, 30.0)], Vehicle(), 4, 1.0).required_kwh[4] == pytest.approx(16.7)
    assert vehicle_use([Stay(0, 9, 30.0)], Vehicle(), 4, 1.0).required_kwh.tolist() == [0.0] * 5


@pytest.mark.parametrize(
    ("stays", "message"),
    [
        ([Stay(0, 3, 61.0)], "stay: required_kwh 61.0; must be at least 0 and at most 60"),
        ([Stay(0, 3, 20.0), Stay(3, 8, 30.0)], "stay: arrive 3; must be at least 4 and below 8"),
        ([Stay(8, 9, 20.0)], "stay: arrive 8; must be at least 0 and below 8"),
        ([Stay(0, 3, 20.0), Stay(6, 8, 30.0, 21.0)], "stay: used_kwh 21.0; must be at least 0 and at most 20"),
        ([Stay(0, 3, 20.0, 1.0)], "stay: used_kwh 1.0; must be at least 0 and at most 0"),
    ],
)
def test_bad_stays_are_refused(stays, message):
    """A car cannot hold or use more than there is, nor arrive before it has left."""
    with pytest.raises(ValueError, match=message):
        vehicle_use(stays, Vehicle(), 8, 1.0)


def test_trips_follow_their_laws():
    """20,000 draws: means 7.5 h, 18 h and 35 km, deviations 1 h, 1.5 h and 21 km, away before home again."""
    trips = draw_trips(Commuting(), Streams(1), "cars", 20_000, day=3)
    assert trips.departure_hour.mean() == pytest.approx(7.5, abs=0.03)
    assert trips.departure_hour.std() == pytest.approx(1.0, abs=0.03)
    assert trips.arrival_hour.mean() == pytest.approx(18.0, abs=0.04)
    assert trips.arrival_hour.std() == pytest.approx(1.5, abs=0.04)
    assert trips.distance_km.mean() == pytest.approx(35.0, rel=0.02)
    assert trips.distance_km.std() == pytest.approx(21.0, rel=0.04)
    assert np.all(trips.departure_hour + 1.0 <= trips.arrival_hour)
    assert (trips.departure_hour.min() >= 4.0, trips.arrival_hour.max() <= 23.25) == (True, True)


def test_a_member_keeps_its_trips():
    """Draws belong to member and day: a larger population has the same first members, another day other trips."""
    few = draw_trips(Commuting(), Streams(1), "cars", 5, day=3)
    many = draw_trips(Commuting(), Streams(1), "cars", 50, day=3)
    other = draw_trips(Commuting(), Streams(1), "cars", 5, day=4)
    assert few.distance_km.tolist() == many.distance_km[:5].tolist()
    assert few.arrival_hour.tolist() == many.arrival_hour[:5].tolist()
    assert np.all(few.departure_hour != other.departure_hour)


def test_a_trip_becomes_two_stays():
    """Off at 7:20, back at 18:05, 100 km: periods 0 to 28 and 73 to 95, 17 kWh used and 22 due with a reserve of 5."""
    trips = Trips(np.array([7.0 + 1 / 3]), np.array([18.0 + 5 / 60]), np.array([100.0]))
    assert stays_of_day(trips, 0, Vehicle(), 96, 5.0) == (Stay(0, 29, 22.0), Stay(73, 96, 22.0, 17.0))
    with pytest.raises(ValueError, match=r"kwh_per_km \+ reserve_kwh 67.0; must be at least 0 and at most 60"):
        stays_of_day(trips, 0, Vehicle(), 96, 50.0)
