"""The loops over members, on five to nine members with columns written out."""

from typing import NamedTuple

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents import delivery, kernels, quoting, settling
from gridagora.agents.bill_kernels import LineTable, bill_lines
from gridagora.agents.columns import (
    BOUGHT,
    CHARGE,
    DISCHARGE,
    EARNED,
    ENERGY_ROWS,
    FED_IN,
    HEAT_PUMP,
    HELD,
    INJECTION,
    LOAD,
    LONG,
    NO_CONSENT,
    OVERBOUGHT,
    P_BID,
    P_BUYERS,
    P_INJECTION,
    P_OFFER,
    P_SELLERS,
    P_WITHDRAWAL,
    P_WITHDRAWN,
    PAID,
    PV,
    SHORT,
    SOLD,
    T_BOUGHT,
    T_BUYERS,
    T_CURTAILED,
    T_DELIVERED,
    T_FED_IN,
    T_INJECTION,
    T_RETAIL,
    T_SELLERS,
    T_SHED,
    T_SOLD,
    T_USED,
    T_WITHDRAWAL,
    TRUTHFUL,
    UNDELIVERED,
    VEHICLE,
    WITHDRAWAL,
    ZI_CONSTRAINED,
    Accounts,
    Members,
    State,
    Today,
)
from gridagora.agents.owned_devices import NO_DEVICES, Devices
from gridagora.agents.population import NO_PRICES
from gridagora.agents.thermal_kernels import Rooms, Thermostat
from gridagora.agents.ticks import Gate
from gridagora.agents.vehicle_kernels import Cars, Charger, cheaper_periods
from gridagora.sim.compiled import use_threads
from gridagora.sim.streams import Streams, stream_key

KWH = 1_000_000
BLOCKS = (1, 2, 3, 100)
NOTHING_TRADES = (2**31 - 1, 0, 1, -1, 0, 1)


class World(NamedTuple):
    """The columns of a few members."""

    members: Members
    today: Today
    state: State
    accounts: Accounts


def world(n, classes=1, **columns):
    """Return `n` members that own and use nothing, but for the columns given by name."""
    kinds = {"annual_kwh": np.float32, "pv_annual_kwh": np.float32, "battery_kwh": np.float32}
    kinds |= {"battery_flow": np.float32, "stored": np.float32, "planned": np.int64, "net": np.int64}
    kinds |= {"load_code": np.uint16, "load_row": np.uint16, "pv_row": np.uint16, "quote_row": np.uint16}

    columns.setdefault("number", range(n))
    kinds["number"] = np.uint32

    def column(name):
        return np.array(columns.pop(name, [0] * n), kinds.get(name, np.uint8))

    members = Members(*(column(name) for name in Members._fields))
    today = Today(*(column(name) for name in Today._fields))
    stored = column("stored")
    state = State(stored, stored.copy(), column("planned"), column("net"))
    assert not columns
    return World(members, today, state, Accounts(np.zeros((classes + ENERGY_ROWS, n), np.int64), np.zeros((4, n))))


def table(*rows, kind=np.float64):
    """Return rows of numbers as a contiguous array."""
    return np.array(rows, kind)


def town(efficiency_stored=1.0):
    """Return five members: plain, no consent, PV, PV with battery, and PV without consent."""
    return world(
        5,
        annual_kwh=[1000, 2000, 1000, 1000, 500],
        pv_annual_kwh=[0, 0, 2000, 4000, 1000],
        pv_profile=[0, 0, 0, 0, 1],
        battery_kwh=[0, 0, 0, 4, 0],
        battery_flow=[1, 1, 1, 1, 1],
        stored=[0, 0, 0, efficiency_stored, 0],
        strategy=[TRUTHFUL, NO_CONSENT, TRUTHFUL, ZI_CONSTRAINED, NO_CONSENT],
        load_code=[0, 1, 0, 1, 0],
        load_row=[0, 0, 1, 0, 0],
        pv_row=[0, 0, 0, 1, 0],
        quote_row=[0, 1, 2, 3, 0],
    )


#: Load by code and PV by profile in three periods [kWh per annual kWh].
TOWN_LOAD = table([0.001, 0.002, 0.003], [0.002, 0.002, 0.002])
TOWN_PV = table([0.0, 0.002, 0.001], [0.0, 0.001, 0.0])
EFFICIENCY = 0.8
#: Truthful members bid tick 5 and ask 4; of noise rows 0 to 3, those with zero intelligence bid 1 to 4 and ask 5 to 8.
GATE = Gate(table(5.0), table(4.0), table(0.2, 0.4, 0.55, 0.7), 9)


def test_plan_of_a_day_by_hand():
    """The five members plan 7.7 kWh, then 6 against 7, then 9.5 against 1.

    Night: 1, 4, 1 and 0.5 kWh, and 2 less the 0.8 that the battery's 1 kWh gives. Noon: 2 and 4 kWh of load; 2 - 4
    and 2 - 8 + 1 kWh of charge (as much as the flow allows); 1 - 1. Evening: 3, 4, 3 - 2, 1.5 and 2 - 4 + 1.
    """
    here = town()
    totals = kernels.plan_day(
        here.members, here.today, here.state, TOWN_LOAD, TOWN_PV, EFFICIENCY, 1_500_000, *NO_DEVICES, 2
    )
    assert totals[:, P_WITHDRAWAL].tolist() == [7_700_000, 6_000_000, 9_500_000]
    assert totals[:, P_INJECTION].tolist() == [0, 7_000_000, 1_000_000]
    assert totals[:, P_BUYERS].tolist() == [3, 1, 2]
    assert totals[:, P_BID].tolist() == [3_200_000, 2_000_000, 4_000_000]
    # 1 kWh is below the least offer of 1.5 kWh.
    assert totals[:, P_SELLERS].tolist() == [0, 2, 0]
    assert totals[:, P_OFFER].tolist() == [0, 7_000_000, 0]
    assert (totals[:, P_WITHDRAWN] == 0).all()


def test_a_plan_starts_from_the_meter_and_leaves_it_alone():
    """The planned state of charge of the day begins with the metered one, which planning does not change."""
    here = town()
    here.state.stored_plan[:] = 3.0
    kernels.plan_day(here.members, here.today, here.state, TOWN_LOAD, TOWN_PV, EFFICIENCY, 1, *NO_DEVICES, 2)
    assert here.state.stored.tolist() == here.state.stored_plan.tolist() == [0, 0, 0, 1, 0]


def test_quotes_of_a_period_by_hand():
    """At noon the plain member bids 2 kWh at tick 5; 2 kWh are offered at tick 4 and 5 kWh at tick 8."""
    here = town()
    curves, totals = quoting.quote(
        here.members,
        here.today,
        here.state,
        TOWN_LOAD[:, 1].copy(),
        TOWN_PV[:, 1].copy(),
        GATE,
        EFFICIENCY,
        1_000_000,
        *NO_DEVICES,
        1,
        2,
    )
    (totals,) = totals
    assert curves[0].tolist() == [0, 0, 0, 0, 0, 2_000_000, 0, 0, 0, 0]
    assert curves[1].tolist() == [0, 0, 0, 0, 2_000_000, 0, 0, 0, 5_000_000, 0]
    assert totals[P_WITHDRAWAL] == 6_000_000
    assert totals[P_INJECTION] == 7_000_000
    assert totals[[P_BUYERS, P_SELLERS, P_WITHDRAWN]].tolist() == [1, 2, 0]
    assert totals[[P_BID, P_OFFER]].tolist() == [2_000_000, 7_000_000]
    assert here.state.planned.tolist() == [2_000_000, 4_000_000, -2_000_000, -5_000_000, 0]
    # 1 kWh charged at 0.8.
    assert here.state.stored_plan[3] == np.float32(1.8)


@pytest.mark.parametrize(("least", "sellers", "withdrawn"), [(2_000_000, 2, 0), (2_000_001, 1, 1), (9_000_000, 0, 2)])
def test_least_offer(least, sellers, withdrawn):
    """A surplus of exactly the least offer is quoted; one quantum less is withdrawn and still planned."""
    here = town()
    curves, totals = quoting.quote(
        here.members,
        here.today,
        here.state,
        TOWN_LOAD[:, 1].copy(),
        TOWN_PV[:, 1].copy(),
        GATE,
        EFFICIENCY,
        least,
        *NO_DEVICES,
        1,
        2,
    )
    (totals,) = totals
    assert totals[P_SELLERS] == sellers
    assert totals[P_WITHDRAWN] == withdrawn
    assert curves[1].sum() == totals[P_OFFER]
    assert here.state.planned[2] == -2_000_000


def test_offers_quote_apart():
    """Members of two offers quote by the ticks of their own, and are counted apart."""
    here = world(4, annual_kwh=[1000, 1000, 3000, 1000], strategy=[1] * 4, offer=[0, 1, 1, 0])
    ticks = Gate(table(2.0, 7.0), table(2.0, 7.0), np.zeros(1), 9)
    load, pv = np.array([0.001]), np.zeros(1)
    gate = (here.members, here.today, here.state, load, pv)
    curves, totals = quoting.quote(*gate, ticks, EFFICIENCY, 1, *NO_DEVICES, 0, 3)
    assert np.flatnonzero(curves[0]).tolist() == [2, 7]
    assert curves[0, [2, 7]].tolist() == [2_000_000, 4_000_000]
    assert totals[:, [P_WITHDRAWAL, P_BUYERS]].tolist() == [[2_000_000, 2], [4_000_000, 2]]
    assert here.state.planned.tolist() == [1_000_000, 1_000_000, 3_000_000, 1_000_000]


def test_devices_come_before_the_battery():
    """A car draws 2 kWh and a heat pump 1 on top of 1 kWh of load; the battery then serves all of them with 2."""
    here = world(1, annual_kwh=[1000], battery_kwh=[10], battery_flow=[2], stored=[5])
    cars = Cars(*(np.array([kwh * KWH], np.int32) for kwh in (9, 1, 0)), *(np.zeros(1, np.uint16),) * 2, UNTIL)
    rooms = Rooms(*(np.array([value], np.float32) for value in (1.0, 20.0, 20.0)))
    thermostat = Thermostat(np.zeros((1, 1)), np.zeros(1), np.full(1, 2.0), 0.1, 2.0, 0.0, 3.0)
    devices = Devices(cars, Charger(2 * KWH, 1.0, cheaper_periods(np.zeros((1, 1)))), rooms, thermostat)
    load, pv, one = np.array([0.001]), np.zeros(1), np.ones(1)
    plan = kernels.plan_day(here.members, here.today, here.state, load[:, None], pv[:, None], 1.0, 1, *devices, 2)
    gate = (here.members, here.today, here.state, load, pv)
    _, quoted = quoting.quote(*gate, GATE, 1.0, 1, *devices, 0, 2)
    met = delivery.deliver(*gate, one, one, 1.0, *devices, 0, 2)
    assert plan[0, P_WITHDRAWAL] == quoted[0, P_WITHDRAWAL] == met[WITHDRAWAL] == 2 * KWH
    assert met[[LOAD, VEHICLE, HEAT_PUMP, DISCHARGE, HELD]].tolist() == [4 * KWH, 2 * KWH, KWH, 2 * KWH, 3 * KWH]
    assert cars.held.tolist() == [3 * KWH]


UNTIL = np.array([2], np.uint16)


def test_delivery_by_hand():
    """With member noise 1.5 on load and 0.5 on PV, noon brings other meters than planned.

    Loads 2, 4, 2 x 1.5 = 3, 2, 1; PV 4, 8 x 0.5 = 4, 1; the battery charges 1 of 4 - 2.
    """
    here = town()
    totals = delivery.deliver(
        here.members,
        here.today,
        here.state,
        TOWN_LOAD[:, 1].copy(),
        TOWN_PV[:, 1].copy(),
        table(1.0, 1.5),
        table(1.0, 0.5),
        EFFICIENCY,
        *NO_DEVICES,
        1,
        2,
    )
    assert here.state.net.tolist() == [2_000_000, 4_000_000, -1_000_000, -1_000_000, 0]
    assert totals[[LOAD, PV]].tolist() == [12_000_000, 9_000_000]
    assert totals[[CHARGE, DISCHARGE]].tolist() == [1_000_000, 0]
    assert totals[[WITHDRAWAL, INJECTION]].tolist() == [6_000_000, 2_000_000]
    assert here.state.stored[3] == np.float32(1.8)


def test_delivery_at_night_by_hand():
    """At night the battery's 1 kWh gives 0.8 kWh and is empty."""
    here = town()
    load, pv = TOWN_LOAD[:, 0].copy(), TOWN_PV[:, 0].copy()
    noise = np.ones(2)
    totals = delivery.deliver(
        here.members, here.today, here.state, load, pv, noise, noise, EFFICIENCY, *NO_DEVICES, 0, 2
    )
    assert here.state.net.tolist() == [1_000_000, 4_000_000, 1_000_000, 1_200_000, 500_000]
    assert totals[[CHARGE, DISCHARGE]].tolist() == [0, 800_000]
    assert here.state.stored[3] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("net", "stored", "capacity", "flow", "efficiency", "charge", "discharge"),
    [
        (-3 * KWH, 0.0, 10.0, 5.0, 0.95, 3 * KWH, 0),
        (-9 * KWH, 0.0, 10.0, 5.0, 0.95, 5 * KWH, 0),
        (-20 * KWH, 0.5, 10.0, 50.0, 0.95, 10 * KWH, 0),
        (-20 * KWH, 0.0, 10.0, 50.0, 0.95, 10_526_315, 0),
        (-1 * KWH, 10.0, 10.0, 5.0, 0.95, 0, 0),
        (2 * KWH, 10.0, 10.0, 5.0, 0.95, 0, 2 * KWH),
        (9 * KWH, 10.0, 10.0, 5.0, 0.95, 0, 5 * KWH),
        (9 * KWH, 2.0, 10.0, 5.0, 0.95, 0, 1_900_000),
        (9 * KWH, 0.0, 10.0, 5.0, 0.95, 0, 0),
        (0, 5.0, 10.0, 5.0, 0.95, 0, 0),
    ],
)
def test_battery_by_hand(net, stored, capacity, flow, efficiency, charge, discharge):
    """Charge is the least of surplus, room / efficiency and flow; discharge of load, stored x efficiency and flow."""
    assert kernels.battery(net, stored, capacity, flow, efficiency) == (charge, discharge)
    columns = map(np.float32, (stored, capacity, flow))
    assert kernels.battery(net, *columns, efficiency) == (charge, discharge)


PARTS = st.floats(0.0, 1.0, width=32)
SIZES = st.floats(0.015625, 100.0, width=32)
NETS = st.integers(-50 * KWH, 50 * KWH)


@settings(deadline=None)
@given(NETS, SIZES, PARTS, SIZES, st.floats(0.25, 1.0))
def test_battery_laws(net, capacity, part, flow, efficiency):
    """Never beyond capacity or flow, never export, never buy to charge, one direction at a time (A1.3 (3))."""
    stored = capacity * part
    charge, discharge = kernels.battery(net, stored, capacity, flow, efficiency)
    assert charge == 0 or discharge == 0
    assert 0 <= charge <= max(-net, 0)
    assert 0 <= discharge <= max(net, 0)
    assert max(charge, discharge) <= flow * 1e6
    assert stored + charge * efficiency * 1e-6 <= capacity * (1 + 1e-12)
    assert stored - discharge / efficiency * 1e-6 >= -1e-12 * capacity
    # It does what it can: a quantum more would break one of these.
    more = max(charge, discharge) + 1
    if net < 0:
        assert more > -net or more > flow * 1e6 or stored + more * efficiency * 1e-6 > capacity * (1 - 1e-12)
    else:
        assert more > net or more > flow * 1e6 or more / efficiency * 1e-6 > stored * (1 - 1e-12)


BATTERIES = st.lists(st.tuples(SIZES, PARTS, SIZES), min_size=1, max_size=4)
DAY = st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20)), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(BATTERIES, DAY, st.floats(0.25, 1.0))
def test_batteries_over_a_day(batteries, day, efficiency):
    """In the kernel too: limits hold at every meter, and energy is conserved in each and in the totals."""
    n = len(batteries)
    capacity, part, flow = (np.array(column, np.float32) for column in zip(*batteries, strict=True))
    here = world(
        n,
        annual_kwh=[1] * n,
        pv_annual_kwh=[1] * n,
        battery_kwh=capacity,
        battery_flow=flow,
        stored=(capacity * part).astype(np.float32),
    )
    ones = np.ones(1)
    for load, pv in day:
        before = here.state.stored.astype(float)
        totals = delivery.deliver(
            here.members, here.today, here.state, table(load), table(pv), ones, ones, efficiency, *NO_DEVICES, 0, 2
        )
        raw = round(load * 1e6) - round(pv * 1e6)
        net, stored = here.state.net, here.state.stored.astype(float)
        assert (np.abs(net - raw) <= flow.astype(float) * 1e6).all()
        assert (np.sign(raw) * net >= 0).all()
        assert (np.abs(net) <= abs(raw)).all()
        assert (stored <= capacity).all()
        assert (stored >= -1e-9).all()
        charged = np.maximum(net - raw, 0) * efficiency - np.maximum(raw - net, 0) / efficiency
        # The column holds float32.
        assert (np.abs(stored - before - charged * 1e-6) <= np.spacing(capacity)).all()
        assert totals[LOAD] - totals[PV] == n * raw
        assert totals[CHARGE] == np.maximum(net - raw, 0).sum()
        assert totals[DISCHARGE] == np.maximum(raw - net, 0).sum()
        assert totals[LOAD] - totals[PV] + totals[CHARGE] - totals[DISCHARGE] == totals[WITHDRAWAL] - totals[INJECTION]


def test_a_perfect_forecast_is_what_the_meter_says():
    """Without errors and noise the plan of the day, the gate's and the meters agree in every period."""
    here = town()
    plan = kernels.plan_day(here.members, here.today, here.state, TOWN_LOAD, TOWN_PV, EFFICIENCY, 1, *NO_DEVICES, 2)
    noise = np.ones(2)
    for t in range(3):
        load, pv = TOWN_LOAD[:, t].copy(), TOWN_PV[:, t].copy()
        gate = (here.members, here.today, here.state, load, pv)
        _, quoted = quoting.quote(*gate, GATE, EFFICIENCY, 1, *NO_DEVICES, t, 2)
        met = delivery.deliver(*gate, noise, noise, EFFICIENCY, *NO_DEVICES, t, 2)
        assert (here.state.planned == here.state.net).all()
        assert (quoted[0, :6] == plan[t, :6]).all()
        assert plan[t, [P_WITHDRAWAL, P_INJECTION]].tolist() == met[[WITHDRAWAL, INJECTION]].tolist()
    assert (here.state.stored == here.state.stored_plan).all()


#: Auction 0.4, short 0.5, long 0.3; bids at tick 5 get a half, offers at tick 3 a third.
PRICES = (0.4, 0.5, 0.3)
MARGINS = (5, 500, 1000, 3, 1, 3)


def traders():
    """Return nine members at the gate: what they planned, then what their meters say."""
    return world(
        9,
        classes=2,
        strategy=[1, 0, 2, 2, 2, 1, 2, 1, 2],
        quote_row=[1, 1, 0, 3, 4, 4, 2, 1, 4],
        planned=[2_000_000, 1_000_000, 1_000_001, -3_000_001, -2_000_000, -5_000, 1_000_000, 1_000_000, -1_000_000],
        net=[1_500_000, 3_000_000, 2_000_000, -400_000, -2_500_000, -5_000, 1_000_000, -250_000, 500_000],
    )


#: Of noise rows 0 to 2, buyers bid ticks 5 (marginal), 6 and 4; of rows 3 and 4, sellers ask 3 (marginal) and 2.
SETTLE_GATE = Gate(table(6.0), table(2.0), table(0.75, 0.9, 0.6, 0.15, 0.05), 9)


def settle(here, margins=MARGINS, cuts=(0.0, 0.0), least=10_000, price_class=1, block=2, own_price=NO_PRICES):
    """Settle the period of `here` in the prices and ticks above, under one offer."""
    (totals,) = settling.settle(
        here.members,
        here.today,
        here.state,
        here.accounts,
        len(here.accounts.energy) - ENERGY_ROWS,
        np.array([price_class], np.uint8),
        SETTLE_GATE,
        margins,
        PRICES,
        cuts,
        least,
        own_price,
        block,
    )
    return totals


def lines_of(quantity, price, on_money):
    """Return lines without bounds, all on the bill of the first offer."""
    n = len(price)
    low, high = np.full(n, -np.inf), np.full(n, np.inf)
    return LineTable(np.zeros(n, np.int64), quantity, price, on_money, low, high, np.full(n, -1), np.zeros(n))


def bill_of(accounts, lines, fixed, bills, block):
    """Return the sums of the lines' amounts; members all have the first offer."""
    one = np.ones(len(fixed))
    return bill_lines(accounts, np.zeros(bills.size, np.uint8), lines, fixed, one, bills, block)


def test_settlement_by_hand():
    """Nine members, one of each kind.

    0 bought 2 and used 1.5; 1 takes no part; 2 gets half of its 1.000001 at the margin; 3 sold a third of 3.000001
    and delivered 0.4; 4 sold 2 of 2.5; 5 lies below the least offer; 6 bid too little; 7 bought 1 but fed in; 8 sold
    1 but withdrew.
    """
    here = traders()
    totals = settle(here)
    energy, money = here.accounts
    assert here.state.planned.tolist() == [2_000_000, 0, 500_000, -1_000_000, -2_000_000, 0, 0, 1_000_000, -1_000_000]
    assert (energy[0] == 0).all()
    assert energy[1].tolist() == [0, 3_000_000, 1_500_000, 0, 0, 0, 1_000_000, 0, 500_000]
    assert energy[2 + OVERBOUGHT].tolist() == [500_000, 0, 0, 0, 0, 0, 0, 1_000_000, 0]
    assert energy[2 + FED_IN].tolist() == [0, 0, 0, 0, 500_000, 5_000, 0, 250_000, 0]
    assert energy[2 + BOUGHT].tolist() == [2_000_000, 0, 500_000, 0, 0, 0, 0, 1_000_000, 0]
    assert energy[2 + SOLD].tolist() == [0, 0, 0, 1_000_000, 2_000_000, 0, 0, 0, 1_000_000]
    assert energy[2 + UNDELIVERED].tolist() == [0, 0, 0, 600_000, 0, 0, 0, 0, 1_000_000]
    # 0.4 a kWh awarded; 0.3 for 0.5 and 1 kWh overbought; 0.5 for 0.6 and 1 kWh undelivered.
    assert money[PAID] == pytest.approx([800_000, 0, 200_000, 0, 0, 0, 0, 400_000, 0])
    assert money[EARNED] == pytest.approx([0, 0, 0, 400_000, 800_000, 0, 0, 0, 400_000])
    assert money[LONG] == pytest.approx([150_000, 0, 0, 0, 0, 0, 0, 300_000, 0])
    assert money[SHORT] == pytest.approx([0, 0, 0, 300_000, 0, 0, 0, 0, 500_000])
    assert totals[[T_WITHDRAWAL, T_INJECTION]].tolist() == [8_000_000, 3_155_000]
    assert totals[[T_RETAIL, T_USED]].tolist() == [6_000_000, 2_000_000]
    assert totals[[T_FED_IN, T_DELIVERED]].tolist() == [755_000, 2_400_000]
    assert totals[[T_BOUGHT, T_SOLD]].tolist() == [3_500_000, 4_000_000]
    assert totals[[T_BUYERS, T_SELLERS]].tolist() == [3, 3]
    assert totals[[T_SHED, T_CURTAILED]].tolist() == [0, 0]


def test_awards_at_prices_of_their_own():
    """Awards that are known already stay as they are: 2 kWh at 0.3 for 1.5 withdrawn, 1 kWh at 0.25 for 0.4 fed in.

    Neither the margins nor the auction price count; undelivered and overbought energy has the imbalance prices.
    """
    here = world(2, strategy=[1, 1], planned=[2_000_000, -1_000_000], net=[1_500_000, -400_000])
    totals = settle(here, margins=NOTHING_TRADES, price_class=0, own_price=np.array([0.3, 0.25]))
    assert here.state.planned.tolist() == [2_000_000, -1_000_000]
    assert here.accounts.money[PAID] == pytest.approx([600_000, 0])
    assert here.accounts.money[EARNED] == pytest.approx([0, 250_000])
    assert here.accounts.money[LONG] == pytest.approx([150_000, 0])
    assert here.accounts.money[SHORT] == pytest.approx([0, 300_000])
    assert totals[[T_BOUGHT, T_USED, T_SOLD, T_DELIVERED]].tolist() == [2_000_000, 1_500_000, 1_000_000, 400_000]


def test_accounts_grow_from_period_to_period():
    """A second settlement of the same meters, in the other price class, adds to the sums."""
    here = traders()
    settle(here)
    here.state.planned[:] = traders().state.planned
    settle(here, price_class=0)
    energy, money = here.accounts
    assert (energy[0] == energy[1]).all()
    assert energy[2 + BOUGHT, 0] == 4_000_000
    assert money[PAID, 0] == pytest.approx(1_600_000)


def test_without_an_auction_everything_is_retail_or_fed_in():
    """Margins that award nothing leave retail = withdrawal and fed-in = injection."""
    here = traders()
    totals = settle(here, margins=NOTHING_TRADES)
    assert (here.state.planned == 0).all()
    assert (here.accounts.money == 0).all()
    assert totals[[T_RETAIL, T_FED_IN]].tolist() == totals[[T_WITHDRAWAL, T_INJECTION]].tolist()
    assert totals[[T_BOUGHT, T_SOLD, T_USED, T_DELIVERED, T_BUYERS, T_SELLERS]].tolist() == [0] * 6


def test_shedding_and_curtailment_by_hand():
    """A share of 0.25 takes 250,001 of 1,000,001 quanta; of 400,000 injected a half stays.

    The first member bought 0.9 kWh and uses the 0.75 that it gets; the second sold 0.3 and delivers 0.2.
    """
    here = world(2, strategy=[1, 1], quote_row=[1, 1], planned=[900_000, -300_000], net=[1_000_001, -400_000])
    totals = settle(here, cuts=(0.25, 0.5), price_class=0)
    assert here.state.net.tolist() == [750_000, -200_000]
    assert totals[[T_SHED, T_CURTAILED]].tolist() == [250_001, 200_000]
    assert totals[[T_WITHDRAWAL, T_INJECTION]].tolist() == [750_000, 200_000]
    assert totals[[T_USED, T_RETAIL, T_DELIVERED, T_FED_IN]].tolist() == [750_000, 0, 200_000, 0]
    assert here.accounts.money[LONG, 0] == pytest.approx(150_000 * 0.3)
    assert here.accounts.money[SHORT, 1] == pytest.approx(100_000 * 0.5)


QUANTA = st.integers(-3 * KWH, 3 * KWH)
TRADER = st.tuples(QUANTA, QUANTA, st.integers(0, 2), st.integers(0, 2))
SHARES = st.one_of(st.just(0.0), st.floats(0.0, 1.0))


@settings(max_examples=100, deadline=None)
@given(st.lists(TRADER, min_size=1, max_size=6), st.integers(0, 1000), st.integers(0, 3), SHARES, SHARES)
def test_settlement_identities(rows, accepted, third, shed, curtailed):
    """Every member: u + r = W, d + q = G, W - G = (x+ - x-) + (r - q) - (a - b) (market_day.md 5, identity 1)."""
    planned, net, strategy, row = (list(column) for column in zip(*rows, strict=True))
    here = world(len(rows), strategy=strategy, quote_row=row, planned=planned, net=net)
    totals = settle(here, (5, accepted, 1000, 3, third, 3), (shed, curtailed), price_class=0)
    retail, fed_in, bought, sold, overbought, undelivered = here.accounts.energy
    withdrawal, injection = np.maximum(here.state.net, 0), np.maximum(-here.state.net, 0)
    used, delivered = bought - overbought, sold - undelivered
    assert (here.accounts.energy >= 0).all()
    assert (used + retail == withdrawal).all()
    assert (delivered + fed_in == injection).all()
    assert (withdrawal - injection == bought - sold + retail - fed_in - (overbought - undelivered)).all()
    assert (bought <= np.maximum(planned, 0)).all()
    assert (sold <= np.maximum(-np.array(planned), 0)).all()
    assert (here.state.planned == bought - sold).all()
    assert ((bought + sold)[np.array(strategy) == NO_CONSENT] == 0).all()
    before_w, before_g = np.maximum(net, 0), np.maximum(-np.array(net), 0)
    assert totals[T_SHED] == (before_w - withdrawal).sum() >= shed * before_w.sum() - 1e-3
    assert totals[T_CURTAILED] == (before_g - injection).sum() >= curtailed * before_g.sum() - 1e-3
    assert (withdrawal >= 0).all()
    sums = [retail, used, fed_in, bought, sold, delivered]
    columns = [T_RETAIL, T_USED, T_FED_IN, T_BOUGHT, T_SOLD, T_DELIVERED]
    assert totals[columns].tolist() == [int(column.sum()) for column in sums]
    assert totals[[T_BUYERS, T_SELLERS]].tolist() == [(bought > 0).sum(), (sold > 0).sum()]


def test_bill_lines_by_hand():
    """Two members and two lines: energy at 0.3, and what was paid online plus a fixed amount.

    Member 0: 0.3 x 1,000,005 = 300,001.5, to even 300,002; 7.25 + 100 = 107.25, so 107. Member 1: 0.3 x 10 = 3, and
    -0.75 + 100 = 99.25, so 99.
    """
    here = world(2)
    here.accounts.energy[0] = [1_000_005, 10]
    here.accounts.energy[1 + SOLD] = [77, 77]
    here.accounts.money[PAID] = [7.25, -0.75]
    quantity, price, on_money = np.zeros((2, 6)), np.array([0.3, 0.0]), np.zeros((2, 4))
    quantity[0, 0], on_money[1, PAID] = 1.0, 1.0
    bills = np.zeros(2, np.int64)
    sums = bill_of(here.accounts, lines_of(quantity, price, on_money), np.array([0.0, 100.0]), bills, 1)
    assert bills.tolist() == [300_109, 102]
    assert sums.tolist() == [300_005, 206]


LINES = st.lists(
    st.tuples(st.lists(st.floats(-2, 2), min_size=6, max_size=6), st.lists(st.floats(-1, 1), min_size=4, max_size=4)),
    min_size=1,
    max_size=3,
)
ACCOUNT = st.tuples(
    st.lists(st.integers(0, 10**12), min_size=6, max_size=6), st.lists(st.floats(0, 1e12), min_size=4, max_size=4)
)


@settings(max_examples=60, deadline=None)
@given(LINES, st.lists(ACCOUNT, min_size=1, max_size=4), st.floats(0, 1e9))
def test_bills_sum_to_the_lines(lines, members, per_day):
    """What members are billed is what the lines post, to the micro-unit, and each line is its exact amount rounded."""
    here = world(len(members))
    for i, (energy, money) in enumerate(members):
        here.accounts.energy[:, i], here.accounts.money[:, i] = energy, money
    on_energy, on_money = (np.array(column) for column in zip(*lines, strict=True))
    fixed = np.full(len(lines), per_day)
    bills = np.zeros(len(members), np.int64)
    sums = bill_of(here.accounts, lines_of(on_energy, np.ones(len(lines)), on_money), fixed, bills, 2)
    assert bills.sum() == sums.sum()
    exact = on_energy @ here.accounts.energy + on_money @ here.accounts.money + fixed[:, None]
    size = np.abs(on_energy) @ here.accounts.energy + np.abs(on_money) @ here.accounts.money + fixed[:, None]
    assert (np.abs(sums - exact.sum(axis=1)) <= (0.5 + 1e-14 * size).sum(axis=1)).all()


def test_draw_of_a_day():
    """Codes lie within (profile x candidates + candidate) x displacements + displacement, rows within the tables."""
    n = 400
    here = world(n, profile=np.arange(n) % 3, shift=np.arange(n) % 5)
    k0, k1 = stream_key(1, "day", "households")
    kernels.draw_day(k0, k1, 4, 2, 5, 30, 8, here.members, here.today, 64)
    taken, shift = np.divmod(here.today.load_code, 5)
    profile, candidate = np.divmod(taken, 2)
    assert (shift == here.members.shift).all()
    assert (profile == here.members.profile).all()
    assert set(candidate.tolist()) == {0, 1}
    for rows in (here.today.load_row, here.today.pv_row, here.today.quote_row):
        assert set(rows.tolist()) == set(range(8))
    assert (here.today.load_row != here.today.pv_row).any()
    assert (here.today.load_row != here.today.quote_row).any()


def test_draw_of_a_day_in_groups():
    """Members of a group have the codes of its part of the table, behind those of the groups before."""
    k0, k1 = stream_key(1, "day", "households")
    plain, grouped = world(5), world(5, group=[0, 1, 2, 3, 70])
    for some in (plain, grouped):
        kernels.draw_day(k0, k1, 4, 3, 1, 3, 1024, some.members, some.today, 2)
    assert (grouped.today.load_code == plain.today.load_code + 3 * np.array([0, 1, 2, 3, 70])).all()


def test_draw_of_a_day_follows_the_stream():
    """Candidate and rows are the member's three words of the day: high bits of the first, low bits of the others."""
    here = world(5)
    k0, k1 = stream_key(9, "day", "firms")
    kernels.draw_day(k0, k1, 3, 4, 1, 4, 16, here.members, here.today, 2)
    words = Streams(9).words("day", "firms", 5, day=3).astype(np.int64)
    assert here.today.load_code.tolist() == (words[:, 0] * 4 >> 32).tolist()
    assert here.today.load_row.tolist() == (words[:, 1] % 16).tolist()
    assert here.today.pv_row.tolist() == ((words[:, 1] >> 16) % 16).tolist()
    assert here.today.quote_row.tolist() == (words[:, 2] % 16).tolist()


def test_draws_go_by_the_number_and_not_by_the_row():
    """Members in another order draw what they drew before."""
    k0, k1 = stream_key(1, "day", "households")
    here, turned = world(5, number=[0, 1, 2, 3, 4]), world(5, number=[4, 2, 0, 3, 1])
    for some in (here, turned):
        kernels.draw_day(k0, k1, 4, 3, 1, 3, 1024, some.members, some.today, 2)
    for one, other in zip(here.today, turned.today, strict=True):
        assert (one[[4, 2, 0, 3, 1]] == other).all()


def test_a_member_draws_the_same_in_any_population_and_another_thing_tomorrow():
    """The draw depends on key, member and day alone."""
    k0, k1 = stream_key(1, "day", "households")
    few, many, next_day = world(5), world(50), world(50)
    kernels.draw_day(k0, k1, 4, 3, 1, 3, 1024, few.members, few.today, 2)
    kernels.draw_day(k0, k1, 4, 3, 1, 3, 1024, many.members, many.today, 7)
    kernels.draw_day(k0, k1, 5, 3, 1, 3, 1024, next_day.members, next_day.today, 7)
    for left, right, other in zip(few.today, many.today, next_day.today, strict=True):
        assert (left == right[:5]).all()
        assert (right != other).any()


def garage(n):
    """Return cars of every fifth of `n` members, with a trip they cannot make, and heat pumps of every fourth."""
    kwh = [np.where(np.arange(n) % 5 == 0, energy * KWH, 0).astype(np.int32) for energy in (6, 1, 4)]
    cars = Cars(*kwh, *(np.full(n, period, np.uint16) for period in (1, 2, 5)))
    size = np.where(np.arange(n) % 4 == 1, 1 + np.arange(n) / 50, 0).astype(np.float32)
    rooms = Rooms(size, np.full(n, 20.3, np.float32), np.full(n, 19.9, np.float32))
    charger = Charger(2 * KWH, 0.9, cheaper_periods(np.array([[0.3, 0.2, 0.1]])))
    return Devices(cars, charger, rooms, Thermostat(np.zeros((1, 3)), np.zeros(3), np.full(3, 3.0), 0.1, 2.0, 0.0, 3.0))


def whole_day(block):
    """Return all totals and columns of a day of 37 unlike members, visited in blocks of `block`."""
    n, periods, rows = 37, 3, 8
    i = np.arange(n)
    here = world(
        n,
        annual_kwh=1000 + 91.7 * i,
        profile=i % 2,
        shift=i % 3,
        pv_annual_kwh=np.where(i % 3 == 0, 0, 1500 + 37.3 * i),
        pv_profile=i % 2,
        battery_kwh=np.where(i % 3 == 1, 3.3 + i / 10, 0),
        battery_flow=np.full(n, 1.7),
        stored=np.where(i % 3 == 1, 1.1, 0),
        strategy=i % 4 % 3,
    )
    load = 0.001 * (1 + np.arange(12 * periods).reshape(12, periods) % 7)
    pv = 0.0015 * (np.arange(2 * periods).reshape(2, periods) % 4)
    noise = 0.7 + 0.1 * np.arange(rows)
    ticks = Gate(table(6.0), table(3.0), np.arange(rows) / rows, 9)
    devices = garage(n)
    k0, k1 = stream_key(1, "day", "test")
    kernels.draw_day(k0, k1, 0, 2, 3, 12, rows, here.members, here.today, block)
    seen = [kernels.plan_day(here.members, here.today, here.state, load, pv, 0.9, 10_000, *devices, block)]
    for t in range(periods):
        gate = (here.members, here.today, here.state, load[:, t].copy(), pv[:, t].copy())
        curves, totals = quoting.quote(*gate, ticks, 0.9, 10_000, *devices, t, block)
        assert curves.sum(axis=1).tolist() == totals[0, [P_BID, P_OFFER]].tolist()
        seen += [curves, totals, here.state.planned.copy()]
        seen += [delivery.deliver(*gate, noise, noise[::-1].copy(), 0.9, *devices, t, block), here.state.net.copy()]
        margins, cuts = (6, 1, 3, 4, 2, 3), (0.01, 0.02)
        book = (here.members, here.today, here.state, here.accounts)
        now = (1, np.zeros(1, np.uint8), ticks)
        seen.append(settling.settle(*book, *now, margins, PRICES, cuts, 10_000, NO_PRICES, block))
    bills = np.zeros(n, np.int64)
    weights = np.linspace(-0.5, 0.6, 3 * 6).reshape(3, 6)
    lines = lines_of(weights, np.array([0.3, -1.0, 0.0]), weights[:, :4].copy())
    sums = bill_of(here.accounts, lines, np.arange(3.0), bills, block)
    seen += [sums, bills]
    return [*seen, *here.today, *here.state, *here.accounts, devices.cars.held, devices.rooms.indoor]


@pytest.mark.parametrize("block", BLOCKS[1:])
def test_block_size_changes_nothing(block):
    """Blocks of 1, 2, 3 and 100 of 37 members give the same totals and columns, bit by bit."""
    for one, other in zip(whole_day(BLOCKS[0]), whole_day(block), strict=True):
        assert one.dtype == other.dtype
        assert (one == other).all()


@pytest.mark.compiled
def test_threads_change_nothing():
    """One thread and all of the machine give the same totals and columns, bit by bit."""
    days = []
    try:
        for threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
            use_threads(threads)
            days.append(whole_day(2))
    finally:
        use_threads(1)
    for one, other in zip(*days, strict=True):
        assert (one == other).all()


def test_the_whole_day_trades_in_both_directions():
    """The day of the tests above is worth comparing: bids, offers, awards, charge and discharge all occur."""
    seen = whole_day(2)
    delivered = np.sum([seen[4], seen[10], seen[16]], axis=0)
    settled = np.sum([seen[6], seen[12], seen[18]], axis=0)
    assert (delivered > 0).all()
    assert (settled > 0).all()
