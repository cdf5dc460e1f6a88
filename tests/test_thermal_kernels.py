"""Heat pumps and air conditioners in columns: a thermostat, a building, and prices that move the set point."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.columns import DELIVER_TOTALS, HEAT_PUMP
from gridagora.agents.devices import Building, HeatPump
from gridagora.agents.flows import NO_FLOWS
from gridagora.agents.owned_devices import OwnedDevices, setback
from gridagora.agents.thermal_kernels import (
    Rooms,
    Thermostat,
    condition,
    conditioning,
    plan_conditioning,
    quote_conditioning,
)
from gridagora.agents.weather import Weather
from gridagora.sim.clock import Calendar
from gridagora.sim.streams import Streams


def thermostat(outdoor=(0.0,) * 4, shift=None, sign=1.0, cop=2.0, loss=0.1, capacity=2.0, gains=0.0, most=3.0):
    """Return a day on which a building of size 1 loses 0.1 kWh a kelvin and period and holds 2 kWh a kelvin."""
    outside = np.array(outdoor, float)
    shifts = np.zeros((1, outside.size)) if shift is None else np.array(shift, float)
    return Thermostat(shifts, outside, np.full(outside.size, sign * cop), loss, capacity, gains, most)


def rooms(*rows):
    """Return rooms of (size, set point, indoor temperature)."""
    return Rooms(*(column.astype(np.float32) for column in np.array(rows, float).reshape(-1, 3).T.copy()))


@pytest.mark.parametrize(
    ("indoor", "wanted", "size", "terms", "kwh", "after"),
    [
        (20.0, 20.0, 1.0, {}, 1.0, 20.0),  # 20 K lose 2 kWh of heat
        (20.0, 20.0, 2.0, {}, 2.0, 20.0),
        (19.0, 20.0, 1.0, {}, 1.95, 20.0),  # 1.9 kWh, and 2 to warm by a kelvin
        (10.0, 20.0, 1.0, {}, 3.0, 12.5),  # at most 3 kWh, 6 of heat, of which 1 is lost
        (22.0, 20.0, 1.0, {}, 0.0, 20.9),  # loses 2.2 kWh
        (20.0, 20.0, 1.0, {"gains": 5.0}, 0.0, 21.5),
        (30.0, 26.0, 1.0, {"outdoor": (40.0,), "sign": -1.0}, 3.0, 27.5),  # 6 kWh out, 1 in
        (26.0, 26.0, 1.0, {"outdoor": (30.0,), "sign": -1.0}, 0.2, 26.0),
        (20.0, 26.0, 1.0, {"outdoor": (30.0,), "sign": -1.0}, 0.0, 20.5),  # never warms
    ],
)
def test_a_period_by_hand(indoor, wanted, size, terms, kwh, after):
    """Heat at twice the electricity, 0.1 kWh lost a kelvin, 2 kWh a kelvin."""
    energy, then = conditioning(indoor, wanted, size, 0, thermostat(**terms))
    assert energy == pytest.approx(kwh * 1e6, abs=1)
    assert then == pytest.approx(after, abs=1e-6)


def test_two_rooms_by_hand():
    """A room at its set point takes what it loses; one of half the size half of it; one without a device nothing."""
    homes = rooms((1, 20, 20), (0.5, 20, 20), (0, 20, 20))
    totals, net, group = np.zeros(DELIVER_TOTALS, np.int64), np.array([5, 0, 7]), np.zeros(3, np.uint8)
    condition(net, 0, homes, homes.indoor, group, 0, thermostat(), NO_FLOWS, totals)
    assert net.tolist() == [1_000_005, 500_000, 7]
    assert totals[HEAT_PUMP] == 1_500_000 == totals.sum()
    assert homes.indoor.tolist() == [20, 20, 20]


def test_setback_by_hand():
    """Dear periods let the room go: nothing is drawn until it has reached the lower set point."""
    homes, net = rooms((1, 20, 20)), np.zeros(3, np.int64)
    plan_conditioning(net, 0, homes, 0, thermostat(outdoor=(0, 0, 0), shift=[[-1, -1, 0]]))
    assert net[0] == 0  # falls to 19
    assert net[1] == pytest.approx(0.95e6, abs=1)
    assert net[2] == pytest.approx(1.95e6, abs=1)
    assert homes.indoor.tolist() == [20]


def test_setback_of_prices():
    """Only members with technology move, and only while the price is above the day's mean of their offer."""
    prices = np.array([[0.1, 0.3, 0.2, 0.2], [0.4, 0.4, 0.4, 0.4]])
    moved = setback(prices, -2.0)
    assert moved.tolist() == [[0, 0, 0, 0], [0, -2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert setback(prices, 1.5)[1].tolist() == [0, 1.5, 0, 0]


@settings(max_examples=60, deadline=None)
@given(
    homes=st.lists(st.tuples(st.floats(0.3, 3), st.floats(16, 24), st.floats(14, 26)), min_size=1, max_size=4),
    outdoor=st.lists(st.floats(-15, 40), min_size=6, max_size=6),
    sign=st.sampled_from([1.0, -1.0]),
)
def test_heat_is_conserved(homes, outdoor, sign):
    """What rooms gain is the heat moved and the gains less the losses; plan, quote and delivery draw the same."""
    day, here = thermostat(outdoor, sign=sign, gains=0.05), rooms(*homes)
    group, plans = np.zeros(len(homes), np.uint8), np.zeros((len(homes), 6), np.int64)
    for i in range(len(homes)):
        plan_conditioning(plans[i], i, here, 0, day)
    for t in range(6):
        before = here.indoor.astype(np.float64)
        quoted, net = np.zeros((2, len(homes)), np.int64)
        quote_conditioning(quoted, 0, here, group, t, day, NO_FLOWS)
        condition(net, 0, here, here.indoor, group, t, day, NO_FLOWS, np.zeros(DELIVER_TOTALS, np.int64))
        np.testing.assert_array_equal(quoted, net)
        np.testing.assert_array_equal(plans[:, t], net)
        heat = day.heat[t] * net / 1e6 + here.size * (day.gains - day.loss * (before - outdoor[t]))
        np.testing.assert_allclose(here.size * day.capacity * (here.indoor - before), heat, atol=5e-5)
        assert (net >= 0).all()
        assert (net <= here.size * day.most * 1e6).all()


def owned(n=400, weather=None, **changed):
    """Return the devices of `n` members on 24 periods."""
    fields = {"device": HeatPump(3.0), "building": Building(), "power_kw": 3.0, "held_c": 20.0}
    fields |= {"set_point_deviation": 1.0, "size_cv": 0.3, "setback_k": 0.0}
    pump = SimpleNamespace(**{**fields, **changed})
    terms = SimpleNamespace(ev_share=0.0, vehicle=None, heat_pump_share=0.5, heat_pump=pump)
    streams = Streams(1)
    number = np.arange(n, dtype=np.uint32)
    return OwnedDevices(terms, "x", streams, lambda what: streams.uniforms(what, "x", n), number, 24, weather)


def test_rooms_are_drawn():
    """Half of the members have a device; sizes have mean 1, set points 20, and rooms begin at their set points."""
    devices = owned(n=20_000)
    here = devices.columns.rooms
    has = here.size > 0
    assert has.mean() == pytest.approx(0.5, abs=0.02)
    assert here.size[has].mean() == pytest.approx(1.0, abs=0.02)
    assert here.size[has].std() == pytest.approx(0.3, abs=0.02)
    assert here.set_point[has].mean() == pytest.approx(20.0, abs=0.05)
    assert here.set_point[has].std() == pytest.approx(1.0, abs=0.05)
    np.testing.assert_array_equal(here.indoor, here.set_point)
    assert devices.highest_kwh == pytest.approx(3.0 * float(here.size.max()))


@pytest.mark.parametrize(("mode", "sign"), [("heat", 1.0), ("cool", -1.0)])
def test_a_day_takes_its_weather_and_prices(mode, sign):
    """The second day of the weather serves the second of June; dear hours move set points down to heat, up to cool."""
    temperature = np.stack([np.zeros(24), np.full(24, 7.0)])
    weather = Weather(date(2016, 6, 1), temperature, np.zeros((2, 24)))
    devices = owned(weather=weather, device=HeatPump(3.0, mode), setback_k=2.0)
    prices = np.ones((1, 24))
    prices[0, 18:] = 2.0
    devices.follow(Calendar(date(2016, 6, 2), 1, 60).day(0), prices)
    day = devices.columns.thermostat
    np.testing.assert_array_equal(day.outdoor, np.full(24, 7.0))
    np.testing.assert_allclose(day.heat, np.full(24, sign * 3.5))
    assert day.shift[1].tolist() == [0.0] * 18 + [-2.0 * sign] * 6
    assert not day.shift[0].any()
    assert (day.loss, day.capacity, day.gains, day.most) == (0.15, 5.0, 0.0, 3.0)


def test_members_come_by_heat_pumps():
    """Who gets a device later gets the one it would have had from the start."""
    early, late = owned(), owned()
    rows = np.flatnonzero(late.columns.rooms.size > 0)
    late.columns = late.columns._replace(rooms=rooms(*[(0, 0, 0)] * 400))
    late.give_pumps(rows[:50])
    late.give_pumps(rows[50:])
    for one, other in zip(early.columns.rooms, late.columns.rooms, strict=True):
        np.testing.assert_array_equal(one, other)
