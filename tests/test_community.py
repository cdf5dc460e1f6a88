import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets import OrderBook, clear
from gridagora.markets.community.bilateral import random_bilateral
from gridagora.markets.community.shared_prices import (
    bill_sharing_prices,
    mid_market_prices,
    sdr_prices,
    settle_community,
)

RULES = [sdr_prices, mid_market_prices, bill_sharing_prices]
ENERGY = st.floats(0, 1e4, allow_subnormal=False)
PRICES = st.tuples(st.floats(0, 2), st.floats(0, 2)).map(sorted)
LOADS = st.lists(st.floats(-50, 50, allow_subnormal=False), min_size=1, max_size=12)
ORDERS = st.lists(
    st.tuples(st.sampled_from([1, -1]), st.integers(0, 20).map(lambda n: n / 20), st.integers(0, 9).map(float)),
    max_size=14,
)


def test_supply_demand_ratio():
    """At retail .60 and feed-in .20: ratio 0 gives .60 / .60, 1/2 gives .30 / .45, 1 and 2 give .20 / .20 [Liu2017]."""
    found = sdr_prices([0, 5, 10, 20], 10, 0.60, 0.20)
    assert found.sell == pytest.approx([0.60, 0.30, 0.20, 0.20], abs=1e-12)
    assert found.buy == pytest.approx([0.60, 0.45, 0.20, 0.20], abs=1e-12)


def test_limits_of_the_ratio():
    """No imports: the feed-in price. Feed-in price 0: exporters get nothing but where nobody exports."""
    assert sdr_prices(5, 0, 0.60, 0.20).sell == pytest.approx(0.20)
    assert sdr_prices(0, 0, 0.60, 0.20).buy == pytest.approx(0.20)
    free = sdr_prices([0, 5, 10], 10, 0.60, 0.0)
    assert free.sell.tolist() == [0.60, 0.0, 0.0]
    assert free.buy == pytest.approx([0.60, 0.30, 0.0])
    nothing = sdr_prices([0, 5], 10, 0.0, 0.0)
    assert nothing.sell.tolist() == nothing.buy.tolist() == [0.0, 0.0]


def test_mid_market_rate():
    """5, 10 and 20 against 10 kWh at .60 and .20: importers pay .50, .40, .40, exporters get .40, .40, .30."""
    found = mid_market_prices([5, 10, 20], 10, 0.60, 0.20)
    assert found.buy == pytest.approx([0.50, 0.40, 0.40])
    assert found.sell == pytest.approx([0.40, 0.40, 0.30])


def test_bill_sharing():
    """Half of 10 kWh is bought outside: each imported kWh costs .30; half of 20 kWh is fed in: each earns .10."""
    found = bill_sharing_prices([5, 20, 0], [10, 10, 0], 0.60, 0.20)
    assert found.buy == pytest.approx([0.30, 0, 0])
    assert found.sell == pytest.approx([0, 0.10, 0])


@pytest.mark.parametrize("rule", RULES)
@settings(deadline=None)
@given(loads=LOADS, prices=PRICES)
def test_the_community_pays_its_bill(rule, loads, prices):
    """Members' payments add up to the bill at the coupling point: nothing is left over, whoever is in it."""
    feed_in, retail = prices
    net = np.array(loads)[:, None]
    exports, imports = np.maximum(-net, 0).sum(axis=0), np.maximum(net, 0).sum(axis=0)
    bill = settle_community(net, rule(exports, imports, retail, feed_in), retail, feed_in)
    assert bill.payment.sum(axis=0) == pytest.approx(bill.outside, abs=1e-9)


@pytest.mark.parametrize("rule", [sdr_prices, mid_market_prices])
@settings(deadline=None)
@given(exports=ENERGY, imports=ENERGY, prices=PRICES)
def test_prices_stay_between_feed_in_and_retail(rule, exports, imports, prices):
    """Nobody does worse than alone: feed-in <= sell <= buy <= retail."""
    feed_in, retail = prices
    found = rule(exports, imports, retail, feed_in)
    assert feed_in - 1e-12 <= found.sell <= retail + 1e-12
    assert feed_in - 1e-12 <= found.buy <= retail + 1e-12
    if exports > 0 and imports > 0:
        assert found.sell <= found.buy + 1e-12


@settings(deadline=None)
@given(exports=ENERGY, imports=ENERGY, prices=PRICES)
def test_bill_sharing_stays_below_retail_and_feed_in(exports, imports, prices):
    """Importers pay from 0 to the retail price, exporters get from 0 to the feed-in price: they may lose by sharing."""
    feed_in, retail = prices
    found = bill_sharing_prices(exports, imports, retail, feed_in)
    assert 0 <= found.buy <= retail * (1 + 1e-12)
    assert 0 <= found.sell <= feed_in * (1 + 1e-12)


def test_the_sell_price_falls_with_supply():
    """More exports never raise the price of the ratio, and it has no jump where supply meets demand."""
    exports = np.linspace(0, 20, 401)
    sell = sdr_prices(exports, 10.0, 0.6, 0.2).sell
    assert np.all(np.diff(sell) <= 1e-12)
    assert np.abs(np.diff(sell)).max() < 0.01


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ((-1, 1, 0.6, 0.2), "exports and imports must be at least 0 kWh"),
        ((1, 1, 0.2, 0.6), "feed_in must be at least 0 and at most retail"),
        ((1, 1, 0.6, -0.1), "feed_in must be at least 0 and at most retail"),
    ],
)
def test_what_community_prices_refuse(given_, message):
    """Negative energies and a feed-in price above retail are refused."""
    with pytest.raises(ValueError, match=message):
        sdr_prices(*given_)


def test_pymarket_random_meeting():
    """O4, PyMarket's quick start: a buyer of 1 at 2 and a seller of 2 at 1 trade 1 at 1.5 and gain 0.5 each."""
    found = random_bilateral(OrderBook(["buy", "sell"], [2, 1], [1, 2]))
    assert found.accepted.tolist() == [1, 1]
    assert found.unit_price.tolist() == [1.5, 1.5]
    assert (found.buyer_surplus, found.seller_surplus, found.operator_surplus) == (0.5, 0.5, 0.0)
    assert found.trades.to_dict("records") == [{"buyer": 0, "seller": 1, "quantity": 1.0, "price": 1.5, "seq": 0}]


def test_meetings_depend_on_the_seed():
    """Another seed or number of the auction gives other trades; the same gives the same."""
    world = np.random.default_rng(0)
    book = OrderBook(["buy"] * 20 + ["sell"] * 20, world.random(40), world.integers(1, 5, 40))
    first = random_bilateral(book, seed=1)
    assert first.trades.equals(random_bilateral(book, seed=1).trades)
    assert not first.trades.equals(random_bilateral(book, seed=2).trades)
    assert not first.trades.equals(random_bilateral(book, seed=1, number=1).trades)


@settings(deadline=None)
@given(ORDERS, st.integers(0, 5))
def test_laws_of_random_meetings(orders, seed):
    """Each trade lies within both limits, sides balance, nobody trades more than it has, no pair is left.

    The welfare is at most the optimum's.
    """
    side, price, quantity = zip(*orders, strict=True) if orders else ((), (), ())
    book = OrderBook.from_arrays(np.array(side, np.int8), price, quantity)
    found = random_bilateral(book, seed)
    trades = found.trades
    assert np.all(book.price[trades.seller] <= trades.price)
    assert np.all(trades.price <= book.price[trades.buyer])
    assert np.all(found.accepted <= book.quantity)
    assert np.sum(book.side * found.accepted) == 0.0
    assert found.payment.sum() == pytest.approx(0.0, abs=1e-9)
    left = found.accepted < book.quantity
    bids, asks = book.price[left & book.is_buy], book.price[left & ~book.is_buy]
    assert bids.max(initial=-np.inf) < asks.min(initial=np.inf)
    assert found.welfare <= clear(book, "uniform_price").welfare + 1e-9


def test_random_meetings_waste_welfare_in_the_mean():
    """A worse pair may meet first: of 200 seeds some reach less than the optimum of 9, none more."""
    book = OrderBook(["buy"] * 3 + ["sell"] * 3, [9, 7, 4, 2, 5, 6], np.ones(6))
    welfare = [random_bilateral(book, seed).welfare for seed in range(200)]
    assert max(welfare) == 9
    assert min(welfare) < 9
    assert np.mean(welfare) > 0.8 * 9
