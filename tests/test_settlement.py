"""Bill lines of members, imbalance prices, balancing energy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets.settlement import (
    PeerTerms,
    activate,
    imbalance_prices,
    member_lines,
    settle_columns,
    settle_vector,
)
from gridagora.markets.tariffs import Flat, TimeOfUse
from gridagora.markets.tariffs.lines import Period, explain

PEER = PeerTerms(wheeling=0.08, fee_buyer=0.004, fee_seller=0.006, feed_in=0.36)
TWO_CLASSES = TimeOfUse(
    energy_per_kwh={"day": 0.5, "night": 0.2}, windows={"day": ["08:00-20:00"], "night": ["20:00-08:00"]}
)


def bill(energy, money=(0.0, 0.0, 0.0, 0.0), tariff=None, peer=PEER, days=0):
    """Return amounts and counterparties by line of a member with the given kWh and currency."""
    lines = member_lines(tariff or Flat(), peer)
    quanta = np.rint(np.array(energy) * 1e6).astype(np.int64)
    counterparty = {line.name: (line.counterparty, line.account) for line in lines}
    return {
        line.line: (line.amount, *counterparty[line.line])
        for line in explain(lines, quanta, np.array(money) * 1e6, Period(days))
    }


def test_a_buyer_by_hand():
    """A member buys 3 kWh at 0.4 online and uses 2, and 4 from its supplier (market_day.md 4).

    It pays 1.412 + 0.68 + 0.16 + 0.162 + 1.2 + 0.012 and gets 0.25 for the kWh left over.
    """
    energy = {"retail": 4, "fed_in": 0, "bought": 3, "sold": 0, "overbought": 1, "undelivered": 0}
    assert bill(list(energy.values()), (1.2, 0, 0, 0.25)) == {
        "energy all day": (pytest.approx(1.412), "supplier", "retail"),
        "network": (pytest.approx(0.68), "grid_company", "network"),
        "wheeling": (pytest.approx(0.16), "grid_company", "network"),
        "levy": (pytest.approx(0.162), "government", "levy"),
        "bought online": (pytest.approx(1.2), "auctioneer", "auction"),
        "fee on energy bought": (pytest.approx(0.012), "auctioneer", "platform_fee"),
        "bought online, not used": (pytest.approx(-0.25), "grid_company", "imbalance"),
    }


def test_a_seller_by_hand():
    """A member sells 5 kWh at 0.4 online, delivers 4 and feeds in 3: it gets 2 and 1.08, pays 0.03 and 0.45."""
    energy = {"retail": 0, "fed_in": 3, "bought": 0, "sold": 5, "overbought": 0, "undelivered": 1}
    assert bill(list(energy.values()), (0, 2.0, 0.45, 0)) == {
        "feed-in": (pytest.approx(-1.08), "supplier", "feed_in"),
        "sold online": (pytest.approx(-2.0), "auctioneer", "auction"),
        "fee on energy sold": (pytest.approx(0.03), "auctioneer", "platform_fee"),
        "sold online, not delivered": (pytest.approx(0.45), "grid_company", "imbalance"),
    }


def test_energy_by_price_class_and_standing_charge():
    """Each class has its line, and the standing charge counts days."""
    tariff = TWO_CLASSES.model_copy(update={"standing_per_day": 0.2})
    lines = bill([2, 3, 0, 0, 0, 0, 0], tariff=tariff, days=30)
    assert lines["energy day"] == (pytest.approx(1.0), "supplier", "retail")
    assert lines["energy night"] == (pytest.approx(0.6), "supplier", "retail")
    assert lines["standing charge"] == (pytest.approx(6.0), "supplier", "retail")


def test_a_negative_feed_in_price_is_paid_by_the_producer():
    """At -0.1 feeding in 3 kWh costs 0.3."""
    peer = PeerTerms(0.08, 0.004, 0.006, -0.1)
    assert bill([0, 3, 0, 0, 0, 0], peer=peer)["feed-in"][0] == pytest.approx(0.3)


def test_a_peer_kwh_replaces_network_and_energy_and_no_levy():
    """Used instead of retail saves e + n - w - fee = 0.353 + 0.17 - 0.08 - 0.004 = 0.439, the buyers' limit."""
    retail = sum(line[0] for line in bill([1, 0, 0, 0, 0, 0]).values())
    peer = sum(line[0] for line in bill([0, 0, 1, 0, 0, 0]).values())
    assert retail - peer == pytest.approx(0.439)


@settings(deadline=None)
@given(st.floats(-2, 2), st.floats(0, 1), st.floats(0, 9), st.floats(0, 9), st.floats(0, 9), st.floats(0, 9))
def test_no_one_loses_by_trading_within_the_limits(share, feed_in, retail, surplus, traded, length):
    """At a price between f + fee and e + n - w - fee both sides do at least as well (identity 4).

    The buyer uses and the seller delivers what is traded; bills are rounded line by line to a micro-unit.
    """
    peer = PeerTerms(0.08, 0.005, 0.005, feed_in)
    low, high = feed_in + 0.005, 0.353 + 0.17 - 0.08 - 0.005
    price = low + (high - low) * (share % 1.0)
    amount = min(traded, retail, surplus)

    def total(energy, money=(0.0, 0.0, 0.0, 0.0)):
        return sum(line[0] for line in bill(energy, money, peer=peer, days=round(length)).values())

    if low <= high:
        buyer = total([retail - amount, 0, amount, 0, 0, 0], (price * amount, 0, 0, 0))
        seller = total([0, surplus - amount, 0, amount, 0, 0], (0, price * amount, 0, 0))
        assert buyer <= total([retail, 0, 0, 0, 0, 0]) + 8e-6
        assert seller <= total([0, surplus, 0, 0, 0, 0]) + 8e-6


def test_imbalance_prices_by_hand():
    """With kappa 0.2: 0.5 becomes 0.6 and 0.4, -0.5 becomes -0.4 and -0.6, 0 stays (C9)."""
    short, long = imbalance_prices(np.array([0.5, -0.5, 0.0]), 0.2)
    assert short == pytest.approx([0.6, -0.4, 0.0])
    assert long == pytest.approx([0.4, -0.6, 0.0])


@settings(deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=5), st.floats(0, 5))
def test_the_short_pay_at_least_what_the_long_get(pool, kappa):
    """lambda+ <= lambda <= lambda- at any sign of lambda (identity 5)."""
    price = np.array(pool)
    short, long = imbalance_prices(price, kappa)
    assert (long <= price).all()
    assert (price <= short).all()


def test_a_day_is_settled_with_one_rounding():
    """Three halves of a micro-unit make 1.5, rounded to 2, where each alone would round to 0."""
    assert settle_vector(np.array([1, 1, 1]), np.full(3, 0.5)) == 2
    assert settle_vector(np.array([2_000_000, -1_000_000]), np.array([0.3, 0.5])) == 100_000
    assert settle_vector(np.zeros(2, np.int64), np.array([0.3, 0.5])) == 0


def test_parties_are_settled_each_alone():
    """Two parties: 1 kWh at 0.3 and 3 at 0.5 are 0.3 and 1.5; at prices of each period 0.1 + 0.4 and 0.6 + 0.8."""
    quanta = np.array([[1_000_000, 1_000_000], [0, 2_000_000]])
    assert settle_columns(quanta, np.array([0.3, 0.5])) == [300_000, 1_500_000]
    quanta[1, 0] = 2_000_000
    assert settle_columns(quanta, np.array([[0.1, 0.6], [0.2, 0.4]])) == [500_000, 1_400_000]
    assert settle_columns(quanta[:, :1], np.array([1.0])) == [settle_vector(quanta[:, 0], np.ones(2))]


def test_a_sum_loses_no_small_terms():
    """Large amounts that cancel leave the small one: 10^15 + 1 - 10^15 micro-units of 10^12 kWh are 1."""
    assert settle_vector(np.array([10**16, 3, -(10**16)]), np.array([1.0, 1.0, 1.0])) == 3


SPARE_UP = np.array([[2, 3, 4], [2, 3, 4], [2, 3, 4], [2, 3, 4]])
SPARE_DOWN = np.array([[5, 6, 7], [5, 6, 7], [5, 6, 7], [5, 6, 7]])


def test_activation_by_hand():
    """Up: units 1, 2, 3 in turn, 4 of 2 + 3 + 4 take 2 and 2. Down: the dearest first, 9 of 7 + 6 + 5 take 7 and 2."""
    activated = activate(np.array([4, -9, 0, 9]), SPARE_UP, SPARE_DOWN)
    assert activated.tolist() == [[2, 2, 0], [0, -2, -7], [0, 0, 0], [2, 3, 4]]
    assert activated.dtype == np.int64


def test_what_cannot_be_activated_is_refused():
    """The message names the first such period, what was to be activated and by how much it is too much."""
    text = "^period 1: 12 x 1e-6 kWh to activate, 3 more than the units can give; shed or curtail first$"
    with pytest.raises(ValueError, match=text):
        activate(np.array([9, 12, 99, 0]), SPARE_UP, SPARE_DOWN)
    text = "^period 3: -20 x 1e-6 kWh to activate, 2 more than the units can give; shed or curtail first$"
    with pytest.raises(ValueError, match=text):
        activate(np.array([0, 0, 0, -20]), SPARE_UP, SPARE_DOWN)


UNITS = st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)), min_size=1, max_size=5)


@settings(deadline=None)
@given(UNITS, st.floats(-1, 1))
def test_activation_laws(units, part):
    """It sums to the need, stays within each unit, goes one way and leaves no cheaper unit idle."""
    up, down = (np.array([column]) for column in zip(*units, strict=True))
    need = round(part * int((up if part > 0 else down).sum()))
    given_up = activate(np.array([need]), up, down)[0]
    assert given_up.sum() == need
    assert (given_up <= up[0]).all()
    assert (-given_up <= down[0]).all()
    assert (given_up * np.sign(need) >= 0).all()
    # Who comes earlier is full before who comes later begins: rising cost upwards, falling downwards.
    taken, spare = (given_up, up[0]) if need > 0 else (-given_up[::-1], down[0][::-1])
    begun = np.flatnonzero(taken)
    if begun.size:
        assert (taken[: begun[-1]] == spare[: begun[-1]]).all()
