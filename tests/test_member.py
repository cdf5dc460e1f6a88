"""A member reads like an agent and holds nothing of its own."""

from datetime import date

import mesa
import numpy as np
import pytest

from gridagora.agents import population as module
from gridagora.agents.columns import (
    BOUGHT,
    EARNED,
    FED_IN,
    LONG,
    NO_CONSENT,
    OVERBOUGHT,
    PAID,
    SOLD,
    TRUTHFUL,
    ZI_CONSTRAINED,
)
from gridagora.agents.member import Member
from gridagora.agents.population import Population
from gridagora.agents.profiles import Profiles
from gridagora.markets.settlement import PeerTerms
from gridagora.markets.tariffs import Flat, offers_of
from gridagora.scenarios.schema_population import Households, Strategies
from gridagora.sim.clock import Calendar
from gridagora.sim.streams import Streams

CALENDAR = Calendar(date(2016, 6, 6), 7, 60)


@pytest.fixture
def members(monkeypatch):
    """Return three members: a consumer, a PV owner with battery, and one without consent."""
    monkeypatch.setattr(module, "ROWS", 4)
    first = date(2016, 6, 6)
    terms = Households(
        count=3,
        pv_share=0.0,
        pv_kwp=1.0,
        pv_kwp_cv=0.0,
        pv_yield_kwh_per_kwp=1000.0,
        pv_noise_sigma=0.0,
        storage_share=0.0,
        storage_kwh=1.0,
        storage_kw=1.0,
        consent_share=1.0,
        strategies=Strategies(truthful=1.0),
        noise_sigma=0.0,
        noise_rho=0.0,
    )
    population = Population(
        mesa.Model(),
        "members",
        terms,
        np.array([1000, 2000, 500], np.float32),
        np.array([0, 1, 1], np.uint8),
        Profiles(("even", "double"), np.full((2, 1, 24), 0.001), first),
        Profiles(("south",), np.zeros((1, 1, 24)), first),
        offers_of(Flat(standing_per_day=0.2)),
        PeerTerms(wheeling=0.08, fee_buyer=0.005, fee_seller=0.005, feed_in=0.36),
        Streams(1),
        CALENDAR,
    )
    population.members.pv_annual_kwh[1] = 4000
    population.members.battery_kwh[1] = 5
    population.members.strategy[:] = [TRUTHFUL, ZI_CONSTRAINED, NO_CONSENT]
    population.state.stored[1] = 2.5
    population.state.net[:] = [1_500_000, -2_000_000, 0]
    return population


def test_what_a_member_is(members):
    """Each property reads the member's row."""
    one, two, three = members
    assert (one.annual_kwh, two.annual_kwh, three.annual_kwh) == (1000, 2000, 500)
    assert (one.profile, two.profile, three.profile) == ("even", "double", "double")
    assert (one.pv_annual_kwh, two.pv_annual_kwh) == (0, 4000)
    assert (one.battery_kwh, two.battery_kwh) == (0, 5)
    assert (one.stored_kwh, two.stored_kwh) == (0, 2.5)
    assert (one.strategy, two.strategy, three.strategy) == ("truthful", "zi_constrained", "no consent")
    assert (one.net_kwh, two.net_kwh, three.net_kwh) == pytest.approx((1.5, -2.0, 0.0))


def test_a_member_is_a_view(members):
    """What changes in the columns shows in the member; two views of one row are equal."""
    member = members[1]
    members.state.stored[1] = 3.0
    assert member.stored_kwh == 3.0
    assert member == Member(members, 1, 1)


def test_a_bill_by_hand(members):
    """A trader used 3 kWh of the supplier's and 1 of 2 bought at 0.4, fed in 5, sold 2 at 0.4, in two days.

    Energy 1.059, standing 0.4, network 0.51, wheeling 0.08, levy 0.108, feed-in -1.8, bought 0.8, sold -0.8, fees
    0.01 each, 0.2 back for the kWh not used: 0.177 in sum.
    """
    energy, money = members.accounts
    energy[0, 1] = 3_000_000
    for row, quanta in ((OVERBOUGHT, 1_000_000), (BOUGHT, 2_000_000), (FED_IN, 5_000_000), (SOLD, 2_000_000)):
        energy[1 + row, 1] = quanta
    money[PAID, 1] = money[EARNED, 1] = 800_000
    money[LONG, 1] = 200_000
    members.bill_to_date(CALENDAR.day(0))
    members.bill_to_date(CALENDAR.day(0))
    bill = members[1].bill
    assert list(bill.columns) == ["line", "account", "quantity", "unit", "price", "amount"]
    assert dict(zip(bill.line, bill.amount, strict=True)) == pytest.approx(
        {
            "energy all day": 1.059,
            "standing charge": 0.4,
            "network": 0.51,
            "wheeling": 0.08,
            "levy": 0.108,
            "feed-in": -1.8,
            "bought online": 0.8,
            "sold online": -0.8,
            "fee on energy bought": 0.01,
            "fee on energy sold": 0.01,
            "bought online, not used": -0.2,
        }
    )
    rows = bill.set_index("line")
    assert rows.loc["standing charge", ["quantity", "unit", "price"]].tolist() == [2.0, "day", 0.2]
    assert rows.loc["feed-in", ["quantity", "unit", "price"]].tolist() == [pytest.approx(5.0), "kWh", -0.36]
    assert rows.loc["bought online", "price"] == pytest.approx(0.4)
    assert rows.loc["sold online", "price"] == pytest.approx(-0.4)
    assert members[1].paid == pytest.approx(0.177)
    assert members.bills[1] == 177_000


def test_paid_counts_closed_months_and_the_open_one(members):
    """0.2 a day: after a closed day and an open one the consumer has paid 0.4, and the open bill says 0.2."""
    members.bill_to_date(CALENDAR.day(0))
    members.close_month()
    assert members[0].paid == pytest.approx(0.2)
    assert members[0].bill.empty
    members.bill_to_date(CALENDAR.day(0))
    assert members[0].paid == pytest.approx(0.4)
    assert members[0].bill.amount.tolist() == [pytest.approx(0.2)]
