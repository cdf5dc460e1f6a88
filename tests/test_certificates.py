import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets.certificates import (
    QUANTA_PER_CERTIFICATE,
    CertificateRegistry,
    auction_units,
    bundled_price,
    carbon_cost,
    carbon_position,
    comply,
    mint,
    required_certificates,
    trade_allowances,
)
from gridagora.markets.settlement import imbalance_prices

ORDERS = st.lists(
    st.tuples(st.sampled_from([1, -1]), st.integers(0, 12).map(lambda n: n * 5.0), st.integers(0, 40)),
    max_size=12,
)


def test_a_certificate_is_a_megawatt_hour():
    """O67: 1,000 kWh make one certificate; what is over is carried, and nothing is lost over the months."""
    assert QUANTA_PER_CERTIFICATE == 1000 * 1_000_000
    carried, minted = np.zeros(2, np.int64), np.zeros(2, np.int64)
    months = np.array([[700_000_000, 2_400_000_000], [299_999_999, 600_000_000], [1, 0]], np.int64)
    for metered in months:
        issued, carried = mint(metered, carried)
        minted += issued
    assert minted.tolist() == [1, 3]
    assert carried.tolist() == [0, 0]
    for metered, rest in (([-1], [0]), ([0], [QUANTA_PER_CERTIFICATE])):
        with pytest.raises(ValueError, match="carried from 0 to below 1e9 quanta"):
            mint(np.array(metered), np.array(rest))


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**12), max_size=12))
def test_minting_loses_nothing(months):
    """Certificates and what is carried add up to what was metered, exactly."""
    carried, minted = np.zeros(1, np.int64), 0
    for metered in months:
        issued, carried = mint(np.array([metered], np.int64), carried)
        minted += int(issued[0])
    assert minted * QUANTA_PER_CERTIFICATE + int(carried[0]) == sum(months)


def test_a_certificate_counts_once():
    """Five are issued, two sold, three retired: what is retired cannot be sold or retired again."""
    registry = CertificateRegistry()
    registry.issue(np.array([3, 0]))
    registry.issue(np.array([2, 0]))
    assert registry.transfer(0, 1, 2).tolist() == [0, 1]
    assert registry.retire(0, 3, month=4).tolist() == [2, 3, 4]
    assert registry.held(2).tolist() == [0, 2]
    assert registry.retired(2).tolist() == [3, 0]
    for act in (registry.retire, registry.transfer):
        with pytest.raises(ValueError, match="party 0 holds 0, asked for 1; buy or mint more"):
            act(0, 1, 1)
    with pytest.raises(ValueError, match="party 1 holds 2, asked for -1"):
        registry.transfer(1, 0, -1)


def test_a_monthly_auction():
    """Bids of 8 at 50 and 10 at 30 meet offers of 8 at 10 and 8 at 40: 8 trade at the middle of [30, 40]."""
    found = auction_units([1, 1, -1, -1], [50, 30, 10, 40], [8, 10, 8, 8], penalty=100)
    assert found.price == 35
    assert found.accepted.tolist() == [8, 0, 8, 0]
    assert found.payment.tolist() == [280, 0, -280, 0]


def test_the_penalty_caps_the_price():
    """Two obligated parties would pay anything: the price is the penalty of 50, and an offer at 60 stays unsold."""
    found = auction_units([1, 1, -1], [1000, 1000, 20], [10, 10, 5], penalty=50, k=1.0)
    assert found.price == 50
    assert sorted(found.accepted.tolist()) == [2, 3, 5]
    dear = auction_units([1, -1], [1000, 60], [10, 10], penalty=50)
    assert np.isnan(dear.price)
    assert dear.accepted.tolist() == [0, 0]
    assert dear.payment.tolist() == [0, 0]


@settings(deadline=None)
@given(ORDERS, st.floats(0, 80), st.floats(0, 1))
def test_laws_of_the_auction(orders, penalty, k):
    """Whole units, equal sums, payments that cancel, nobody beyond its limit or count, no price above the penalty."""
    side, price, count = (np.array(column) for column in zip(*orders, strict=True)) if orders else ([], [], [])
    side, count, price = np.array(side, int), np.array(count, int), np.array(price, float)
    found = auction_units(side, price, count, penalty, k)
    assert np.all((found.accepted >= 0) & (found.accepted <= count))
    assert found.accepted[side == 1].sum() == found.accepted[side == -1].sum()
    assert found.payment.sum() == pytest.approx(0, abs=1e-9)
    traded = found.accepted > 0
    assert not traded.any() or found.price <= penalty + 1e-12
    assert np.all(side[traded] * (price[traded] - found.price) >= -1e-12)


def test_compliance():
    """A target of 20 % of 14,300 kWh less 300 kWh of its own asks for 3 certificates; 2 are there, 1 costs 60."""
    required = required_certificates([14_300, 5_000, 1_000], [0.2, 0.2, 0.0], [300, 0, 0])
    assert required.tolist() == [3, 1, 0]
    registry = CertificateRegistry()
    registry.issue(np.array([2, 4, 0]))
    found = comply(registry, required, month=1, penalty=60.0)
    assert found.retired.tolist() == [2, 1, 0]
    assert found.missing.tolist() == [1, 0, 0]
    assert found.penalty.tolist() == [60, 0, 0]
    assert registry.held(3).tolist() == [0, 3, 0]
    with pytest.raises(ValueError, match="a fraction from 0 to 1"):
        required_certificates([1.0], [20.0])


def test_bundled_green_power():
    """A certificate of 25 adds 0.025 to each kWh."""
    assert bundled_price([0.36, 0.40], 25.0).tolist() == pytest.approx([0.385, 0.425])


def test_carbon_allowances():
    """Benchmark 0.8: of 10 GWh, the plant at 0.9 lacks 1,000 allowances and the one at 0.75 has 500 to spare.

    At a price of 80 the first pays 0.008 a kWh more, the second earns 0.004.
    """
    position = carbon_position([1e7, 1e7], [0.9, 0.75], [0.8, 0.8])
    assert position.emissions_kg.tolist() == [9e6, 7.5e6]
    assert position.allocated.tolist() == [8000, 8000]
    assert position.surplus.tolist() == [-1000, 500]
    assert carbon_cost([0.9, 0.75], 0.8, 80.0).tolist() == pytest.approx([0.008, -0.004])
    found, missing = trade_allowances(position, bid=[90, 0], ask=[0, 70], penalty=200)
    assert found.price == 90
    assert found.accepted.tolist() == [500, 500]
    assert missing.tolist() == [500, 0]
    with pytest.raises(ValueError, match="must be at least 0"):
        carbon_position([-1.0], [0.9], [0.8])


def test_what_an_auction_of_units_refuses():
    """Parts of a certificate and a negative penalty are refused."""
    with pytest.raises(ValueError, match="counts of type float64, penalty 50; whole numbers"):
        auction_units([1], [10.0], [1.5], penalty=50)
    with pytest.raises(ValueError, match=r"penalty -1; whole numbers, at least 0"):
        auction_units([1], [10.0], [1], penalty=-1)


@settings(deadline=None)
@given(st.lists(st.floats(-1, 2), min_size=1, max_size=8), st.floats(0, 1))
def test_imbalance_prices_of_both_kinds(pool, kappa):
    """C9: the short pay at least the pool price, the long get at most it, at any sign; spread 0 is the single price.

    Whoever is long by what another is short loses, together, twice the spread.
    """
    prices = np.array(pool)
    short, long = imbalance_prices(prices, kappa)
    assert np.all((long <= prices) & (prices <= short))
    assert np.allclose(short - long, 2 * kappa * np.abs(prices), rtol=0, atol=1e-12)
    single = imbalance_prices(prices, 0.0)
    assert np.array_equal(single[0], prices)
    assert np.array_equal(single[1], prices)


def test_imbalance_prices_by_hand():
    """At 0.5 and spread 0.2 the short pay 0.6 and the long get 0.4; at -0.5 they are -0.4 and -0.6."""
    short, long = imbalance_prices(np.array([0.5, -0.5]), 0.2)
    assert short.tolist() == pytest.approx([0.6, -0.4])
    assert long.tolist() == pytest.approx([0.4, -0.6])
