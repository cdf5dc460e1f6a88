"""Electric cars in columns: trips, charging by rule, and where every kilowatt-hour went."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.columns import DELIVER_TOTALS, DRIVEN, HELD, PUBLIC, VEHICLE
from gridagora.agents.flows import NO_FLOWS
from gridagora.agents.owned_devices import OwnedDevices, owners, trip_laws
from gridagora.agents.vehicle_kernels import (
    LAW_ROWS,
    Cars,
    Charger,
    TripLaws,
    charge,
    charging,
    cheaper_periods,
    draw_trips,
    plan_charging,
    quote_charging,
)
from gridagora.agents.vehicle_trips import Commuting
from gridagora.sim.clock import Calendar
from gridagora.sim.streams import Streams

KWH = 1_000_000
#: Prices of four periods.
PRICES = np.array([[0.2, 0.1, 0.4, 0.3]])


def cars(*rows):
    """Return cars of (capacity, held, used [kWh], leave, back, until)."""
    columns = np.array(rows, float).reshape(-1, 6).T
    energies = [np.rint(column * KWH).astype(np.int32) for column in columns[:3]]
    return Cars(*energies, *(column.astype(np.uint16) for column in columns[3:]))


def day(parked, charger, offer=None, periods=4):
    """Return what each car draws in each period [kWh] and the totals, delivered period by period."""
    n = parked.capacity.size
    offers = np.zeros(n, np.uint8) if offer is None else np.array(offer, np.uint8)
    drawn, totals = np.zeros((n, periods), np.int64), np.zeros((periods, DELIVER_TOTALS), np.int64)
    for t in range(periods):
        net = np.zeros(n, np.int64)
        charge(net, 0, parked, parked.held, offers, t, charger, NO_FLOWS, totals[t])
        drawn[:, t] = net
    return drawn / KWH, totals


def charger(prices=None, flow=2.0, efficiency=0.5, periods=4):
    """Return a charger of `flow` kWh a period that follows prices, or charges on arrival."""
    table = cheaper_periods(np.zeros((1, periods)) if prices is None else np.asarray(prices))
    return Charger(int(flow * KWH), efficiency, table)


def test_cheaper_periods_by_hand():
    """Behind 0.2 come 0.1, 0.4, 0.3 and the same day again: one of them is cheaper, and another on the next day."""
    table = cheaper_periods(PRICES)
    assert table.shape == (1, 4, 9)
    assert table[0, 0].tolist() == [0, 0, 1, 1, 1, 1, 2, 2, 2]
    assert table[0, 1].tolist() == [0] * 9
    assert table[0, 3].tolist() == [0, 0, 0, 0, 0, 1, 2, 2, 2]


def test_equal_prices_charge_on_arrival():
    """Where all prices are alike no later period is cheaper, and differences below 1e-9 are none."""
    assert not cheaper_periods(np.array([[0.1 + 0.2, 0.3, 0.3 + 1e-12]])).any()


@pytest.mark.parametrize(
    ("lacking", "cheaper", "drawn"), [(10, 0, 6), (2, 0, 4), (2, 1, 0), (4, 1, 2), (0, 0, 0), (100, 16, 6)]
)
def test_charging_by_hand(lacking, cheaper, drawn):
    """With 6 a period at efficiency 1/2 a car takes what the cheaper periods cannot: 4 kWh need 8, so 2 remain now."""
    assert charging(lacking * KWH, cheaper, 6 * KWH, 0.5) == drawn * KWH


def test_on_arrival_by_hand():
    """A car that lacks 3 kWh at efficiency 1/2 takes 2, 2 and 2; one that leaves at 1 and is back at 3 takes 2 and 2.

    The second holds 5 of 6 kWh, is full after the first period, drives 4 and charges 1 of them in the last.
    """
    parked = cars((6, 3, 0, 0, 0, 8), (6, 5, 4, 1, 3, 5))
    drawn, totals = day(parked, charger())
    assert drawn.tolist() == [[2, 2, 2, 0], [2, 0, 0, 2]]
    assert (parked.held / KWH).tolist() == [6, 3]
    assert (totals[:, DRIVEN] / KWH).tolist() == [0, 4, 0, 0]
    assert (totals[:, HELD] / KWH).tolist() == [10, 7, 8, 9]
    assert not totals[:, PUBLIC].any()


def test_cheapest_by_hand():
    """A stay of all day that needs 3 kWh takes 2 at 0.1 and 1 at 0.2; one that ends at 1 takes all it can at once.

    What 0.2 adds is what 0.1 cannot take, so it is the dearer period that is used in part.
    """
    prices = [[0.2, 0.1, 0.4, 0.3]]
    drawn, _ = day(cars((10, 7, 0, 0, 0, 4), (10, 7, 1, 1, 4, 5)), charger(prices, efficiency=1.0))
    assert drawn.tolist() == [[1, 2, 0, 0], [2, 0, 0, 0]]


def test_the_night_counts_with_the_prices_of_the_day():
    """A car back at 3 that leaves at 2 of the next day waits for the 0.2 and 0.1 of its morning."""
    drawn, _ = day(cars((10, 6, 1, 0, 3, 6)), charger(PRICES, efficiency=1.0))
    assert drawn.tolist() == [[0, 0, 0, 1]]
    longer, _ = day(cars((10, 7, 1, 0, 3, 6)), charger(PRICES, efficiency=1.0))
    assert longer.tolist() == [[0, 0, 0, 0]]


def test_offers_have_prices_of_their_own():
    """Of two like cars the one whose offer is cheap at the end waits."""
    prices = np.array([[0.1, 0.2, 0.2, 0.2], [0.2, 0.2, 0.2, 0.1]])
    parked = cars(*[(10, 8, 0, 0, 0, 4)] * 2)
    drawn, _ = day(parked, charger(prices, efficiency=1.0), offer=[0, 1])
    assert drawn.tolist() == [[2, 0, 0, 0], [0, 0, 0, 2]]


def test_what_a_trip_lacks_is_charged_in_public():
    """A car that holds 2 kWh and drives 5 takes 3 in public and comes back empty."""
    parked = cars((10, 2, 5, 0, 3, 8))
    drawn, totals = day(parked, charger(efficiency=1.0))
    assert totals[0, [DRIVEN, PUBLIC, HELD]].tolist() == [5 * KWH, 3 * KWH, 0]
    assert drawn.tolist() == [[0, 0, 0, 2]]


def test_members_without_a_car_are_left_alone():
    """A capacity of 0 is no car."""
    drawn, totals = day(cars((0, 0, 0, 0, 0, 0)), charger())
    assert not drawn.any()
    assert not totals.any()


stay = st.tuples(
    *(st.integers(1, 40), st.floats(0, 1), st.integers(0, 50), st.integers(0, 3), st.integers(1, 5), st.integers(8, 16))
)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(stay, min_size=1, max_size=5),
    prices=st.lists(st.integers(-3, 3), min_size=8, max_size=8),
    efficiency=st.sampled_from([0.5, 0.9, 0.95, 1.0]),
)
def test_no_energy_is_lost(rows, prices, efficiency):
    """Driven is drawn less losses, less what more is held, plus public; plan, quote and delivery draw the same."""
    parked = cars(*((c, c * share, used, leave, leave + away, until) for c, share, used, leave, away, until in rows))
    table = charger([prices], flow=1.5, efficiency=efficiency)
    before, plans, quotes = parked.held.copy(), [], []
    for i in range(len(rows)):
        plans.append(np.zeros(8, np.int64))
        plan_charging(plans[-1], i, parked, 0, table)
    offers, totals = np.zeros(len(rows), np.uint8), np.zeros((8, DELIVER_TOTALS), np.int64)
    delivered = np.zeros((8, len(rows)), np.int64)
    for t in range(8):
        quotes.append(np.zeros(len(rows), np.int64))
        quote_charging(quotes[-1], 0, parked, offers, t, table, NO_FLOWS)
        charge(delivered[t], 0, parked, parked.held, offers, t, table, NO_FLOWS, totals[t])
    np.testing.assert_array_equal(np.array(plans).T, delivered)
    np.testing.assert_array_equal(quotes, delivered)
    stored = sum(int(int(quanta) * efficiency) for quanta in delivered.ravel())
    driven, public = totals[:, DRIVEN].sum(), totals[:, PUBLIC].sum()
    assert driven == stored - (parked.held - before).sum() + public
    assert delivered.sum() == totals[:, VEHICLE].sum()
    assert (parked.held >= 0).all()
    assert (parked.held <= parked.capacity).all()
    for i, row in enumerate(rows):
        assert not delivered[row[3] : row[3] + row[4], i].any()


@settings(max_examples=60, deadline=None)
@given(
    prices=st.lists(st.integers(0, 9), min_size=8, max_size=8),
    lacking=st.floats(0, 20),
    leave=st.integers(1, 8),
)
def test_cheapest_costs_least(prices, lacking, leave):
    """A stay takes its cheapest periods in full and the dearest of them in part: no schedule costs less."""
    parked = cars((20, 20 - lacking, 0, leave, 9, 16))
    drawn, _ = day(parked, charger([prices], flow=1.5, efficiency=1.0, periods=8), periods=8)
    assert not drawn[0, leave:].any()
    wanted = min((int(parked.capacity[0]) - cars((20, 20 - lacking, 0, leave, 9, 16)).held[0]) / KWH, leave * 1.5)
    assert drawn.sum() == pytest.approx(wanted, abs=1e-9)
    cost, rest = 0.0, wanted
    for price in sorted(prices[:leave]):
        cost, rest = cost + price * min(rest, 1.5), max(rest - 1.5, 0.0)
    assert drawn[0] @ np.array(prices) == pytest.approx(cost, abs=1e-5)


def section(**changed):
    """Return the section of a population of cars that commute by default."""
    fields = {"capacity_kwh": 60.0, "charge_kw": 7.0, "charge_efficiency": 0.95, "kwh_per_km": 0.2}
    fields |= {"charging": "on_arrival", "workday_trips": 1.0, "weekend_trips": 0.0, "commuting": Commuting()}
    return SimpleNamespace(**{**fields, **changed})


def owned(n=6, ev_share=1.0, **changed):
    """Return the devices of `n` members on 24 periods."""
    terms = SimpleNamespace(ev_share=ev_share, vehicle=section(**changed), heat_pump_share=0.0, heat_pump=None)
    streams = Streams(1)
    number = np.arange(n, dtype=np.uint32)
    return OwnedDevices(terms, "x", streams, lambda what: streams.uniforms(what, "x", n), number, 24, None)


def test_laws_of_trips():
    """Equally likely values have the laws' means, stay within the day, and nobody is back before leaving."""
    laws = trip_laws(section(), 96)
    assert all(column.size == LAW_ROWS for column in laws)
    assert laws.leave.max() < laws.back.min()
    assert laws.back.max() <= 96
    assert (laws.leave.mean() + 0.5) / 4 == pytest.approx(7.5, abs=0.01)
    assert (laws.back.mean() - 0.5) / 4 == pytest.approx(18.0, abs=0.01)
    # Without its tails the lognormal law loses 0.1 % of its mean.
    assert laws.used.mean() / KWH == pytest.approx(35 * 0.2, rel=2e-3)


LAWS = TripLaws(*(np.arange(LAW_ROWS).astype(kind) // 512 for kind in (np.uint16, np.uint16, np.int32)))


def test_draws_belong_to_member_and_day():
    """A member's trip is the same in whatever block and row it stands, and the night ends with the next one."""
    some = cars(*[(60, 60, 0, 0, 0, 0)] * 5)
    more = cars(*[(60, 60, 0, 0, 0, 0)] * 5)
    law = TripLaws(LAWS.leave, LAWS.back + np.uint16(10), LAWS.used)
    one, two = np.uint64(1), np.uint64(2)
    certain = (2**32, 2**32)
    draw_trips(one, two, 3, certain, law, 24, np.array([0, 1, 2, 3, 4], np.uint32), some, 2)
    draw_trips(one, two, 3, certain, law, 24, np.array([4, 3, 2, 1, 0], np.uint32), more, 100)
    for column, reverse in zip(some[2:], more[2:], strict=True):
        np.testing.assert_array_equal(column, reverse[::-1])
    draw_trips(one, two, 4, certain, law, 24, np.array([0, 1, 2, 3, 4], np.uint32), more, 3)
    np.testing.assert_array_equal(some.until, 24 + more.leave)
    assert len(set(some.used.tolist())) > 1


def test_no_trip_and_no_car():
    """Without a trip the car stays to the end of the next day; who has no car has no trip."""
    some = cars((60, 60, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0))
    law = TripLaws(LAWS.leave + np.uint16(1), LAWS.back + np.uint16(10), LAWS.used + 1)
    draw_trips(np.uint64(1), np.uint64(2), 3, (0, 0), law, 24, np.arange(2, dtype=np.uint32), some, 2)
    assert [column.tolist() for column in some[2:]] == [[0, 0], [0, 0], [0, 0], [48, 0]]
    draw_trips(np.uint64(1), np.uint64(2), 3, (2**32, 2**32), law, 24, np.arange(2, dtype=np.uint32), some, 2)
    assert some.used[0] > 0
    assert [int(column[1]) for column in some[2:]] == [0, 0, 0, 0]


def test_commuters_leave_on_workdays():
    """Cars leave from Monday to Friday by default; on Fridays the stay ends with Saturday, on Sundays on Monday."""
    devices = owned()
    calendar = Calendar(date(2016, 6, 3), 4, 60)  # Friday to Monday
    away, ends = [], []
    for index in range(4):
        devices.draw(calendar.day(index), 4)
        parked = devices.columns.cars
        away.append(bool((parked.back > parked.leave).all()))
        ends.append((int(parked.until.min()), int(parked.until.max())))
    assert away == [True, False, False, True]
    assert ends[0] == ends[1] == (48, 48)
    assert 24 < ends[2][0] <= ends[2][1] < 48


def test_weekend_trips():
    """With a probability of trips on Saturdays some cars leave."""
    devices = owned(n=200, workday_trips=0.0, weekend_trips=0.5)
    devices.draw(Calendar(date(2016, 6, 4), 1, 60).day(0), 64)
    leaving = (devices.columns.cars.back > 0).mean()
    assert 0.4 < leaving < 0.6


def test_who_owns_a_car():
    """A third of the members has a car; with a share of 0 there are no columns, nor a highest power."""
    devices = owned(n=600, ev_share=1 / 3)
    has = devices.columns.cars.capacity > 0
    assert 0.28 < has.mean() < 0.38
    np.testing.assert_array_equal(devices.columns.cars.held, np.where(has, 60 * KWH, 0))
    assert devices.highest_kwh == 7.0
    none = owned(ev_share=0.0)
    assert none.columns.cars.capacity.size == 0
    assert none.highest_kwh == 0.0
    assert not owners(SimpleNamespace(ev_share=0.0, heat_pump_share=0.0), None)[0].size


def test_cheapest_follows_the_offers_prices():
    """Only `cheapest` counts cheaper periods."""
    monday = Calendar(date(2016, 6, 6), 1, 60).day(0)
    prices = np.arange(24.0)[None, ::-1].copy()
    for mode, counts in (("on_arrival", False), ("cheapest", True)):
        devices = owned(charging=mode)
        devices.follow(monday, prices)
        assert bool(devices.columns.charger.cheaper.any()) is counts
        assert devices.columns.charger.flow == 7 * KWH


def test_members_come_by_cars():
    """Who gets a car gets a full one; the first brings the columns."""
    devices = owned(ev_share=0.0)
    devices.give_cars(np.array([2]))
    assert (devices.columns.cars.held / KWH).tolist() == [0, 0, 60, 0, 0, 0]
    devices.columns.cars.held[2] = 0
    devices.give_cars(np.array([4, 5]))
    assert (devices.columns.cars.capacity / KWH).tolist() == [0, 0, 60, 0, 60, 60]
    assert (devices.columns.cars.held / KWH).tolist() == [0, 0, 0, 0, 60, 60]
