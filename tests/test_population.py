"""Populations: what members own, how a day runs through them, and their bills."""

from datetime import date
from types import SimpleNamespace

import mesa
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridagora.agents import population as module
from gridagora.agents.columns import (
    INJECTION,
    NO_CONSENT,
    P_BID,
    P_BUYERS,
    P_INJECTION,
    P_OFFER,
    P_SELLERS,
    P_WITHDRAWAL,
    T_BOUGHT,
    T_FED_IN,
    T_RETAIL,
    T_SOLD,
    TRUTHFUL,
    WITHDRAWAL,
    ZI_CONSTRAINED,
)
from gridagora.agents.firms import Farms, Firms
from gridagora.agents.households import Households
from gridagora.agents.population import Population
from gridagora.agents.profiles import Profiles
from gridagora.agents.ticks import ticks_of
from gridagora.markets.price_grid import clear_grid
from gridagora.markets.settlement import PeerTerms
from gridagora.markets.tariffs import Flat, TimeOfUse, offers_of
from gridagora.scenarios import schema_population
from gridagora.scenarios.schema_population import Strategies
from gridagora.sim.clock import Calendar
from gridagora.sim.streams import Streams

#: A week of hours from Monday 6 June 2016: 0.001 kWh an hour per annual kWh, PV of 0.004 at noon.
FIRST = date(2016, 6, 6)
CALENDAR = Calendar(FIRST, 7, 60)
LOADS = Profiles(("even", "double"), np.full((2, 7, 24), 0.001) * np.array([1.0, 2.0])[:, None, None], FIRST)
PANELS = Profiles(("south",), np.where(np.arange(24) == 12, 0.004, 0.0) * np.ones((1, 7, 1)), FIRST)
MONDAY = CALENDAR.day(0)
NOON, NIGHT = 12, 0
ONES = np.ones(24)
PEER = PeerTerms(wheeling=0.08, fee_buyer=0.005, fee_seller=0.005, feed_in=0.36)
LEAST = 10_000
#: Streams draw from (0, 1) in steps of 2^-32.
LARGEST_DRAW = 1 - 2.0**-33


def terms(count, **changed):
    """Return the section of a scenario with `count` members that own nothing, and no randomness."""
    fields = {
        "count": count,
        "pv_share": 0.0,
        "pv_kwp": 2.0,
        "pv_kwp_cv": 0.0,
        "pv_yield_kwh_per_kwp": 1000.0,
        "pv_noise_sigma": 0.0,
        "storage_share": 0.0,
        "storage_kwh": 4.0,
        "storage_kw": 1.0,
        "storage_efficiency": 0.8,
        "hems_share": 0.0,
        "consent_share": 1.0,
        "strategies": Strategies(truthful=1.0),
        "noise_sigma": 0.0,
        "noise_rho": 0.5,
        "own_elasticity": 0.0,
        "cross_elasticity": 0.0,
        "response": "linear",
        "substitution_elasticity": 0.0,
        "daily_elasticity": 0.0,
        "load_neutral": False,
        "awareness": 1.0,
        "conservation": 0.0,
        "technology_share": 0.0,
        "technology_factor": 1.71,
        "technology_awareness": None,
        "notices": None,
        "habit": 1.0,
        "perceived_price": "marginal",
        "use_uncertainty": 0.1,
        "rebate_salience": 0.6,
        "price_complexity_discount": 0.0,
        "annual_kwh": 2400.0,
        "annual_kwh_cv": 0.0,
        "archetypes": None,
        "annual_kwh_min": 1000.0,
        "annual_kwh_max": 16000.0,
        "sectors": None,
    }
    assert set(changed) <= set(fields)
    return SimpleNamespace(**{**dict(schema_population.Households()), **fields, **changed})


@pytest.fixture(autouse=True)
def eight_noise_rows(monkeypatch):
    """Make the noise tables short."""
    monkeypatch.setattr(module, "ROWS", 8)


def build(annual_kwh, profile=None, tariff=None, peer=PEER, seed=1, block=2, **changed):
    """Return a population of members with the given yearly consumptions."""
    n = len(annual_kwh)
    return Population(
        mesa.Model(),
        "members",
        terms(n, **changed),
        np.array(annual_kwh, np.float32),
        np.array(profile or [0] * n, np.uint8),
        LOADS,
        PANELS,
        offers_of(tariff or Flat()),
        peer,
        Streams(seed),
        CALENDAR,
        block,
    )


def replace(population, **columns):
    """Overwrite columns of the members."""
    for name, values in columns.items():
        getattr(population.members, name)[:] = values


def settle(population, plan, quotes, period, margins=(2**31 - 1, 0, 1, -1, 0, 1), prices=(0.4, 0.5, 0.3)):
    """Deliver a period without error and settle it."""
    population.deliver(period, plan, (1.0, 1.0))
    return population.settle(period, plan, quotes, margins, prices, (0.0, 0.0), LEAST)[0]


def test_plan_of_a_day_by_hand():
    """Members of 1000, 2000 and 500 kWh, the last on the double profile, use 1, 2 and 1 kWh an hour.

    The second's panel of 2 kWp makes 8 kWh at noon: it injects 6.
    """
    members = build([1000, 2000, 500], [0, 0, 1])
    replace(members, pv_annual_kwh=[0, 2000, 0])
    plan = members.forecast(CALENDAR.day(2), ONES, ONES, LEAST)
    assert plan.totals[NIGHT, [P_WITHDRAWAL, P_INJECTION]].tolist() == [4_000_000, 0]
    assert plan.totals[NOON, [P_WITHDRAWAL, P_INJECTION]].tolist() == [2_000_000, 6_000_000]
    assert plan.totals[NOON, [P_BUYERS, P_SELLERS, P_BID, P_OFFER]].tolist() == [2, 1, 2_000_000, 6_000_000]
    assert plan.pv.shape == (24, 1)
    # Two profiles, five candidate days (Monday to Friday are within three days of Wednesday), three displacements.
    assert plan.load.shape == (24, 2 * 2 * 5 * 3)  # with enabling technology and without
    assert (plan.price_class == 0).all()
    assert plan.energy_price == pytest.approx(np.full((1, 24), 0.353))


def test_forecast_errors_move_the_plan_and_not_the_expected_path():
    """A load error of 1.5 and a PV error of 0.5 turn noon's 2 and 6 kWh into 3 and 1."""
    members = build([1000, 2000, 500], [0, 0, 1])
    replace(members, pv_annual_kwh=[0, 2000, 0])
    plan = members.forecast(CALENDAR.day(2), 1.5 * ONES, 0.5 * ONES, LEAST)
    assert plan.totals[NOON, [P_WITHDRAWAL, P_INJECTION]].tolist() == [3_000_000, 1_000_000]
    assert plan.load[NOON].tolist() == 2 * ([0.001] * 15 + [0.002] * 15)
    assert plan.pv[NOON].tolist() == [0.004]


def test_price_response_reaches_the_plan():
    """Elasticity -0.5 and a price of 0.55 against a reference of 0.5: load falls by 5 %."""
    members = build([1000], tariff=Flat(reference_per_kwh=0.5), own_elasticity=-0.5)
    plan = members.forecast(CALENDAR.day(2), ONES, ONES, LEAST)
    assert plan.totals[:, P_WITHDRAWAL].tolist() == [950_000] * 24


def test_log_and_neutral_response_reach_the_plan():
    """A log response of elasticity -1 to a doubled price halves load; the neutral one with a single price is none."""
    flat = Flat(reference_per_kwh=0.275)
    halved = build([1000], tariff=flat, own_elasticity=-1.0, response="log")
    assert halved.forecast(CALENDAR.day(2), ONES, ONES, LEAST).totals[0, P_WITHDRAWAL] == 500_000
    kept = build([1000], tariff=flat, own_elasticity=-1.0, load_neutral=True)
    assert kept.forecast(CALENDAR.day(2), ONES, ONES, LEAST).totals[0, P_WITHDRAWAL] == 1_000_000
    unaware = build([1000], tariff=flat, own_elasticity=-1.0, awareness=0.0)
    assert unaware.forecast(CALENDAR.day(2), ONES, ONES, LEAST).totals[0, P_WITHDRAWAL] == 1_000_000
    half = build([1000], tariff=flat, own_elasticity=-0.5, awareness=0.5)
    assert half.forecast(CALENDAR.day(2), ONES, ONES, LEAST).totals[0, P_WITHDRAWAL] == 750_000


def test_cross_response_with_time_of_use():
    """Day 0.6 and night 0.4 against 0.5: 1 - 0.1 x 0.2 - 0.05 x 0.2 = 0.97 by day, 1.03 at night."""
    tariff = TimeOfUse(
        energy_per_kwh={"day": 0.403, "night": 0.203},
        windows={"day": ["08:00-20:00"], "night": ["20:00-08:00"]},
        reference_per_kwh=0.5,
    )
    members = build([1000], tariff=tariff, own_elasticity=-0.1, cross_elasticity=0.05)
    plan = members.forecast(CALENDAR.day(2), ONES, ONES, LEAST)
    assert plan.totals[[0, 7, 8, 19, 20], P_WITHDRAWAL].tolist() == [1_030_000, 1_030_000, 970_000, 970_000, 1_030_000]
    assert plan.price_class.tolist() == [[1] * 8 + [0] * 12 + [1] * 4]


def test_ces_response_reaches_the_plan():
    """A mean price above the reference by half and a daily elasticity of -1 take a third of an even day's load.

    Day 0.9 and night 0.6 against 0.5 with substitution 1: Q_day / Q_night = 2 / 3, so 0.8 and 1.2 of the mean.
    """
    tariff = TimeOfUse(
        energy_per_kwh={"day": 0.703, "night": 0.403},
        windows={"day": ["08:00-20:00"], "night": ["20:00-08:00"]},
        reference_per_kwh=0.5,
    )
    members = build([1000], tariff=tariff, response="ces", substitution_elasticity=1.0, daily_elasticity=-1.0)
    plan = members.forecast(CALENDAR.day(2), ONES, ONES, LEAST)
    assert plan.totals[[0, 8], P_WITHDRAWAL].tolist() == [800_000, 533_333]


@pytest.mark.parametrize("response", ["linear", "log", "ces"])
def test_without_elasticities_prices_change_bills_and_never_load(response):
    """Zero elasticities: a steep tariff leaves the tables of loads as they are, to the last bit."""
    tariff = TimeOfUse(
        energy_per_kwh={"day": 0.9, "night": 0.1},
        windows={"day": ["08:00-20:00"], "night": ["20:00-08:00"]},
        reference_per_kwh=0.37,
    )
    steep = build([1000, 2000], tariff=tariff, response=response).forecast(CALENDAR.day(2), ONES, ONES, LEAST)
    flat = build([1000, 2000], response=response).forecast(CALENDAR.day(2), ONES, ONES, LEAST)
    assert (steep.load == flat.load).all()
    assert (steep.energy_price != flat.energy_price).any()


def quoted(quotes):
    """Return bids and asks under the first offer, shape (periods, strategies, rows), two."""
    strategy, row = (column.ravel() for column in np.indices((ZI_CONSTRAINED + 1, quotes.draws.shape[1])))
    by_period = [ticks_of(quotes.gate(t), 0 * row, strategy, row) for t in range(len(quotes.most))]
    return (np.reshape(side, (len(by_period), ZI_CONSTRAINED + 1, -1)) for side in zip(*by_period, strict=True))


def test_reservation_prices_by_hand():
    """Buyers 0.353 + 0.17 - 0.08 - 0.005 = 0.438, sellers 0.36 + 0.005 = 0.365 (market_day.md 2).

    On a grid from -0.05 in steps of 0.001 these are ticks 488 and 415; in steps of 0.01 buyers round down to 0.43,
    tick 48, and sellers up to 0.37, tick 42.
    """
    members = build([1000], strategies=Strategies(truthful=1.0))
    plan = members.forecast(CALENDAR.day(2), ONES, ONES, LEAST)
    for tick, buy, sell in ((0.001, 488, 415), (0.01, 48, 42)):
        quotes = members.quotes(plan, -0.05, 1.5, tick)
        assert quotes.buy_limit[:, 0] == pytest.approx(np.full(24, 0.438))
        assert quotes.sell_limit[:, 0] == pytest.approx(np.full(24, 0.365))
        bids, asks = quoted(quotes)
        assert (bids[:, TRUTHFUL] == buy).all()
        assert (asks[:, TRUTHFUL] == sell).all()


def test_reservation_prices_follow_the_tariff_and_never_pay_for_selling():
    """The buyers' limit moves with the period's price; a negative feed-in price leaves the cost of 0 and the fee."""
    tariff = TimeOfUse(
        energy_per_kwh={"day": 0.4, "night": 0.2}, windows={"day": ["08:00-20:00"], "night": ["20:00-08:00"]}
    )
    members = build([1000], tariff=tariff, peer=PeerTerms(0.08, 0.005, 0.01, -0.2))
    quotes = members.quotes(members.forecast(CALENDAR.day(2), ONES, ONES, LEAST), 0.0, 1.0, 0.001)
    assert quotes.buy_limit[:, 0][[7, 8]] == pytest.approx([0.285, 0.485])
    assert quotes.sell_limit[:, 0][[7, 8]] == pytest.approx([0.01, 0.01])
    bids, asks = quoted(quotes)
    assert bids[[7, 8], TRUTHFUL, 0].tolist() == [285, 485]
    assert (asks[:, TRUTHFUL] == 10).all()


def test_zero_intelligence_quotes_by_hand():
    """Draws 0, 0.5 and almost 1 of a buyer with ticks 0 to 488 are 0, 244 and 488; of a seller 415 to 1550.

    415 + 0.5 x 1136 = 983.
    """
    members = build([1000])
    members.quote_draws[:, :3] = [0.0, 0.5, LARGEST_DRAW]
    quotes = members.quotes(members.forecast(CALENDAR.day(2), ONES, ONES, LEAST), -0.05, 1.5, 0.001)
    bids, asks = quoted(quotes)
    assert bids[NOON, ZI_CONSTRAINED, :3].tolist() == [0, 244, 488]
    assert asks[NOON, ZI_CONSTRAINED, :3].tolist() == [415, 983, 1550]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.floats(-1.0, 0.0),
    st.floats(0.9, 3.0),
    st.integers(5, 2000),
    st.floats(0.0, 0.6),
    st.floats(0, 0.1),
    st.floats(0.0, LARGEST_DRAW),
)
def test_no_quote_passes_its_limit(floor, cap, steps, feed_in, wheeling, draw):
    """No strategy bids above or asks below its reservation price, or outside floor and cap (A4)."""
    members = build([1000], peer=PeerTerms(wheeling, 0.005, 0.005, feed_in))
    members.quote_draws[:] = draw
    tick = (cap - floor) / steps
    quotes = members.quotes(members.forecast(CALENDAR.day(0), ONES, ONES, LEAST), floor, cap, tick)
    # A limit that is a tick but for float dust counts as that tick.
    dust = 1e-8 * tick
    columns = list(quoted(quotes))
    buy, sell = (floor + tick * column for column in columns)
    assert (buy <= quotes.buy_limit[:, 0, None, None] + dust).all()
    assert (sell >= quotes.sell_limit[:, 0, None, None] - dust).all()
    for column in columns:
        assert column.min() >= 0
        assert column.max() <= steps


def test_a_traded_period_by_hand():
    """At noon a seller of 6 kWh at tick 415 meets buyers of 1 and 1 kWh at tick 488: 2 kWh trade at 0.365.

    The second buyer keeps out in the second run: then 1 kWh trades and it buys from the supplier.
    """
    for consents, volume in ((True, 2_000_000), (False, 1_000_000)):
        members = build([1000, 2000, 500], [0, 0, 1])
        replace(members, pv_annual_kwh=[0, 2000, 0])
        if not consents:
            members.members.strategy[2] = NO_CONSENT
        plan = members.forecast(CALENDAR.day(2), ONES, ONES, LEAST)
        quotes = members.quotes(plan, -0.05, 1.5, 0.001)
        curves, (totals,) = members.quote(NOON, plan, quotes, (1.0, 1.0), LEAST)
        assert curves[0, 488] == curves[0].sum() == totals[P_BID] == volume
        assert curves[1, 415] == curves[1].sum() == totals[P_OFFER] == 6_000_000
        cleared = clear_grid(curves[0], curves[1], -0.05, 0.001)
        assert cleared.price == pytest.approx(0.365)
        margins = (cleared.buy_tick, cleared.buy_num, cleared.buy_den)
        margins += (cleared.sell_tick, cleared.sell_num, cleared.sell_den)
        settled = settle(members, plan, quotes, NOON, margins, (0.365, 0.5, 0.3))
        assert settled[[T_BOUGHT, T_SOLD]].tolist() == [volume, volume]
        assert settled[[T_RETAIL, T_FED_IN]].tolist() == [2_000_000 - volume, 6_000_000 - volume]


def test_gate_errors_move_the_quotes():
    """With a load error of 2 and no sun the seller of noon is a buyer of 4 kWh."""
    members = build([1000, 2000, 500], [0, 0, 1])
    replace(members, pv_annual_kwh=[0, 2000, 0])
    plan = members.forecast(CALENDAR.day(2), ONES, ONES, LEAST)
    quotes = members.quotes(plan, -0.05, 1.5, 0.001)
    _, (totals,) = members.quote(NOON, plan, quotes, (2.0, 0.0), LEAST)
    assert totals[[P_BID, P_OFFER]].tolist() == [8_000_000, 0]


def test_realised_errors_move_the_meters():
    """Delivery applies the area's factors and each member's noise row."""
    members = build([1000, 2000, 500], [0, 0, 1])
    replace(members, pv_annual_kwh=[0, 2000, 0])
    plan = members.forecast(CALENDAR.day(2), ONES, ONES, LEAST)
    assert members.deliver(NOON, plan, (1.5, 0.5))[[WITHDRAWAL, INJECTION]].tolist() == [3_000_000, 1_000_000]
    members.load_noise[NOON] = 2.0
    members.pv_noise[NOON] = 0.25
    assert members.deliver(NOON, plan, (1.0, 1.0))[[WITHDRAWAL, INJECTION]].tolist() == [6_000_000, 0]
    assert members.state.net.tolist() == [2_000_000, 2_000_000, 2_000_000]


def test_a_month_of_bills_by_hand():
    """Two members of 1 and 2 kWh an hour, one hour a day for two days at 0.353 + 0.17 + 0.027 and 0.2 a day.

    Day by day the lines grow by 1.059 energy, 0.4 standing charge, 0.51 network and 0.081 levy; bills are 1.5 and 2.6.
    """
    members = build([1000, 2000], tariff=Flat(standing_per_day=0.2))
    plan = members.forecast(CALENDAR.day(0), ONES, ONES, LEAST)
    quotes = members.quotes(plan, -0.05, 1.5, 0.001)
    for _ in range(2):
        settle(members, plan, quotes, NIGHT)
        grown = dict(
            zip(
                [line.name for _, line in members.billing.lines],
                members.bill_to_date(MONDAY).tolist(),
                strict=True,
            )
        )
        assert {name: amount for name, amount in grown.items() if amount} == {
            "energy all day": 1_059_000,
            "standing charge": 400_000,
            "network": 510_000,
            "levy": 81_000,
        }
    assert members.bills.tolist() == [1_500_000, 2_600_000]
    issued = {of.line.name: (of.quantity, of.amount) for of in members.close_month() if of.quantity or of.amount}
    assert issued == {
        "energy all day": (pytest.approx(6.0), pytest.approx(2.118)),
        "standing charge": (4.0, pytest.approx(0.8)),
        "network": (pytest.approx(6.0), pytest.approx(1.02)),
        "levy": (pytest.approx(6.0), pytest.approx(0.162)),
    }
    assert members.billed.tolist() == [1_500_000, 2_600_000]
    assert not members.bills.any()
    assert not members.accounts.energy.any()
    assert not members.accounts.money.any()


def test_the_next_month_starts_anew():
    """After closing, a day is posted whole and billed sums go on."""
    members = build([1000])
    plan = members.forecast(CALENDAR.day(0), ONES, ONES, LEAST)
    quotes = members.quotes(plan, -0.05, 1.5, 0.001)
    for _ in range(2):
        settle(members, plan, quotes, NIGHT)
        assert members.bill_to_date(MONDAY).sum() == 550_000
        members.close_month()
    assert members.billed.tolist() == [1_100_000]


def test_a_month_is_rounded_once():
    """Half a micro-unit a day rounds to 0 on the first day and to 1 on the second, not to 0 twice."""
    members = build([1], tariff=Flat(energy_per_kwh=0.5, network_per_kwh=0.0, levy_per_kwh=0.0))
    members.accounts.energy[0] = 1
    assert members.bill_to_date(MONDAY).tolist()[0] == 0
    members.accounts.energy[0] = 2
    assert members.bill_to_date(MONDAY).tolist()[0] == 1
    assert members.bills.tolist() == [1]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(-1.0, 0.6), st.floats(0.05, 2.0), st.floats(0.001, 0.7), st.floats(0, 3), st.floats(0, 1))
def test_who_has_no_tick_within_the_limit_gives_no_order(floor, span, tick, feed_in, wheeling):
    """Limits outside floor and cap make no order at the bound, and no quote lies above the cap."""
    members = build([1000, 2000, 500], peer=PeerTerms(wheeling, 0.005, 0.005, feed_in))
    replace(members, pv_annual_kwh=[0, 2000, 0], strategy=[TRUTHFUL, TRUTHFUL, ZI_CONSTRAINED])
    plan = members.forecast(CALENDAR.day(2), ONES, ONES, LEAST)
    quotes = members.quotes(plan, floor, floor + span, tick)
    ticks = int(np.floor(span / tick + 1e-9)) + 1
    dust = 1e-8 * tick
    price = floor + tick * np.arange(-1, ticks + 1)
    bids, asks = quoted(quotes)
    buys, sells = bids >= 0, asks < ticks
    assert (price[bids + 1] <= quotes.buy_limit[:, 0, None, None] + dust)[buys].all()
    assert (price[asks + 1] >= quotes.sell_limit[:, 0, None, None] - dust)[sells].all()
    assert (price[asks + 1] <= floor + span + dust)[sells].all()
    assert (bids < ticks).all()
    assert buys[0, TRUTHFUL, 0] == (quotes.buy_limit[:, 0][0] >= floor - dust)
    curves, (totals,) = members.quote(NOON, plan, quotes, (1.0, 1.0), LEAST)
    assert curves.sum(axis=1).tolist() == totals[[P_BID, P_OFFER]].tolist()
    assert (totals[P_OFFER] > 0) == sells[0, TRUTHFUL, 0]
    assert (totals[P_BID] > 0) == buys[0, TRUTHFUL, 0]


@pytest.mark.parametrize("block", [1, 3, 100])
def test_block_size_changes_nothing(block):
    """Blocks of 1, 2, 3 and 100 members give the same plans, meters and bills."""
    seen = []
    for size in (2, block):
        members = build([1000, 700, 900, 1300, 100], [0, 1, 0, 1, 1], block=size, noise_sigma=0.3)
        replace(members, pv_annual_kwh=[0, 1000, 2000, 0, 300], battery_kwh=[0, 2, 0, 0, 1], battery_flow=0.5)
        plan = members.forecast(CALENDAR.day(2), ONES, ONES, LEAST)
        quotes = members.quotes(plan, -0.05, 1.5, 0.001)
        settled = [settle(members, plan, quotes, period) for period in (11, 12, 13)]
        seen.append([plan.totals, np.array(settled), members.bill_to_date(MONDAY), members.bills, *members.state])
    for one, other in zip(*seen, strict=True):
        assert (one == other).all()


def test_what_members_own():
    """With PV for all of 2 kWp and 1000 kWh/kWp, and a battery for all: 2000 kWh, 4 kWh, 1 kWh an hour, half full."""
    members = build([1000] * 3, pv_share=1.0, storage_share=1.0)
    assert members.members.pv_annual_kwh.tolist() == [2000] * 3
    assert members.members.battery_kwh.tolist() == [4] * 3
    assert members.members.battery_flow.tolist() == [1] * 3
    assert members.state.stored.tolist() == members.state.stored_plan.tolist() == [2] * 3
    assert members.state.stored is not members.state.stored_plan


def test_shares_of_owners_and_strategies():
    """Of 4,000 members 30 % own PV, a quarter of those a battery, 80 % take part and of those 60 % are truthful.

    Standard errors are below 0.8, 1.3, 0.7 and 0.9 percentage points.
    """
    members = build(
        [1000] * 4000,
        pv_share=0.3,
        storage_share=0.25,
        pv_kwp_cv=0.3,
        consent_share=0.8,
        strategies=Strategies(truthful=0.6, zi_constrained=0.4),
    )
    columns = members.members
    pv = columns.pv_annual_kwh > 0
    battery = columns.battery_kwh > 0
    assert pv.mean() == pytest.approx(0.3, abs=0.03)
    assert battery[pv].mean() == pytest.approx(0.25, abs=0.05)
    assert not battery[~pv].any()
    assert columns.pv_annual_kwh[pv].mean() == pytest.approx(2000, rel=0.04)
    assert columns.pv_annual_kwh[pv].std() == pytest.approx(600, rel=0.1)
    consents = columns.strategy != NO_CONSENT
    assert consents.mean() == pytest.approx(0.8, abs=0.03)
    assert (columns.strategy[consents] == TRUTHFUL).mean() == pytest.approx(0.6, abs=0.04)
    assert set(columns.strategy.tolist()) == {NO_CONSENT, TRUTHFUL, ZI_CONSTRAINED}
    assert set(columns.shift.tolist()) == {0, 1, 2}
    # What one owns says nothing about how one bids.
    assert consents[pv].mean() == pytest.approx(consents[~pv].mean(), abs=0.05)


def test_no_consent():
    """A consent share of 0 leaves nobody in the auction."""
    members = build([1000] * 3, consent_share=0.0)
    assert (members.members.strategy == NO_CONSENT).all()
    plan = members.forecast(CALENDAR.day(2), ONES, ONES, LEAST)
    quotes = members.quotes(plan, -0.05, 1.5, 0.001)
    curves, (totals,) = members.quote(NOON, plan, quotes, (1.0, 1.0), LEAST)
    assert not curves.any()
    assert totals[P_BUYERS] == 0
    assert totals[P_WITHDRAWAL] == 3_000_000


@pytest.mark.parametrize(("annual", "kind"), [(268_000, np.int32), (269_000, np.int64)])
def test_energies_of_a_period_take_32_bits_where_four_times_the_highest_meter_fits(annual, kind):
    """2^31 quanta are 2147 kWh: 4 x 536 kWh an hour fit, 4 x 538 do not."""
    members = build([annual, 10], [1, 0])
    plan = members.forecast(CALENDAR.day(2), ONES, ONES, LEAST)
    assert members.state.net.dtype == members.state.planned.dtype == kind
    assert members.deliver(NIGHT, plan, (3.9, 1.0))[WITHDRAWAL] == members.state.net.sum(dtype=np.int64)
    assert members.state.net[0] == pytest.approx(annual * 7800)


def test_members_by_number():
    """A population has a length, gives views of members, counts from the end, and ends."""
    members = build([1000, 2000, 3000])
    assert len(members) == 3
    assert members[1].annual_kwh == 2000
    assert members[-1].index == 2
    with pytest.raises(IndexError):
        members[3]
    assert [member.annual_kwh for member in members] == [1000, 2000, 3000]


def test_rows_go_by_what_members_own_and_numbers_keep_the_member():
    """Battery owners come first, then PV owners; a member has the same consumption, draws and panel in any row."""
    annual = [1000.0 + number for number in range(40)]
    plain, owners = build(annual), build(annual, pv_share=0.5, storage_share=0.5, consent_share=0.5)
    columns = owners.members
    kind = (columns.battery_kwh == 0).astype(int) + (columns.pv_annual_kwh == 0)
    assert set(kind.tolist()) == {0, 1, 2}
    assert (np.diff(kind) >= 0).all()
    assert (owners.members.number[owners.rows] == np.arange(40)).all()
    assert [member.annual_kwh for member in owners] == annual
    for members in (plain, owners):
        members.forecast(CALENDAR.day(2), ONES, ONES, LEAST)
    for one, other in zip(plain.today, owners.today, strict=True):
        assert (one[plain.rows] == other[owners.rows]).all()
    more = build(annual, pv_share=0.9, storage_share=0.5, consent_share=0.5)
    had = owners.members.pv_annual_kwh[owners.rows]
    assert (more.members.pv_annual_kwh[more.rows][had > 0] == had[had > 0]).all()


def test_expected_energy_by_profile():
    """Yearly energies are summed in whole quanta by base profile."""
    members = build([1000, 2000, 500.5], [0, 1, 0])
    assert members.annual_quanta.tolist() == [1_500_500_000, 2_000_000_000]


NAMES = ("even", "double")


def test_households_without_spread():
    """A coefficient of variation of 0 gives every household the mean."""
    annual, profile = Households.draw(terms(500), "households", NAMES, Streams(1))
    assert (annual == 2400).all()
    assert annual.dtype == np.float32
    assert profile.mean() == pytest.approx(0.5, abs=0.1)
    assert set(profile.tolist()) == {0, 1}


def test_households_with_spread():
    """Of 4,000 households mean and coefficient of variation are 2400 kWh (standard error 0.6 %) and 0.4."""
    annual, _ = Households.draw(terms(4000, annual_kwh_cv=0.4), "households", NAMES, Streams(1))
    assert annual.mean() == pytest.approx(2400, rel=0.03)
    assert annual.std() / annual.mean() == pytest.approx(0.4, rel=0.08)


def test_households_of_archetypes():
    """A quarter of 1000 kWh and three quarters of 3000 kWh; a kind of share 0 does not occur."""
    kinds = {
        "none": SimpleNamespace(share=0.0, annual_kwh=9.0),
        "single": SimpleNamespace(share=0.25, annual_kwh=1000.0),
        "family": SimpleNamespace(share=0.75, annual_kwh=3000.0),
    }
    annual, _ = Households.draw(terms(2000, archetypes=kinds), "households", NAMES, Streams(1))
    assert set(annual.tolist()) == {1000, 3000}
    assert (annual == 1000).mean() == pytest.approx(0.25, abs=0.04)


def test_firms_are_log_uniform():
    """Between 1000 and 16000 kWh a quarter lies below 2000, between 2000 and 4000, and so on."""
    annual, profile = Firms.draw(terms(4000), "firms", NAMES, Streams(1))
    assert annual.min() >= 1000
    assert annual.max() <= 16000
    for low in (1000, 2000, 4000, 8000):
        assert ((annual >= low) & (annual < 2 * low)).mean() == pytest.approx(0.25, abs=0.03)
    assert profile.mean() == pytest.approx(0.5, abs=0.04)


def test_firms_by_sector():
    """Sectors name their profile, in any order; one of share 0 does not occur."""
    given_terms = terms(2000, sectors={"c": 0.0, "b": 0.8, "a": 0.2}, annual_kwh_max=1000.0)
    annual, profile = Firms.draw(given_terms, "firms", ("a", "b", "c"), Streams(1))
    assert (annual == 1000).all()
    assert (profile == 1).mean() == pytest.approx(0.8, abs=0.04)
    assert set(profile.tolist()) == {0, 1}


def test_farms_draw_as_firms():
    """Farms differ in name and defaults only; names own their draws."""
    farms, _ = Farms.draw(terms(20), "farms", NAMES, Streams(1))
    firms, _ = Firms.draw(terms(20), "farms", NAMES, Streams(1))
    others, _ = Firms.draw(terms(20), "firms", NAMES, Streams(1))
    assert (farms == firms).all()
    assert (farms != others).any()
