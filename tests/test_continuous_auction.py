"""The continuous mechanism on sealed books."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets.mechanisms.continuous import ContinuousAuction
from gridagora.markets.merit_order import clear_merit_order
from gridagora.markets.orders import OrderBook

PRICES = st.one_of(st.floats(-0.05, 1.5), st.integers(-2, 6).map(lambda tick: tick / 4))
QUANTITIES = st.one_of(st.floats(0, 100), st.integers(0, 30).map(lambda n: n / 10))
ORDERS = st.lists(st.tuples(st.sampled_from([1, -1]), PRICES, QUANTITIES), max_size=20)


def book_of(orders, time=None):
    """Return a book from (side code, price, quantity)."""
    side, price, quantity = zip(*orders, strict=True) if orders else ((), (), ())
    return OrderBook.from_arrays(np.array(side, dtype=np.int8), price, quantity, time=time)


def test_orders_trade_as_they_come():
    """Asks 2 at 0.31 and 4 at 0.35 wait; a bid of 3 at 0.40 pays 0.31 for 2 and 0.35 for 1; the next ask waits."""
    book = OrderBook(["sell", "sell", "buy", "sell"], [0.35, 0.31, 0.40, 0.39], [4, 2, 3, 1])
    found = ContinuousAuction().clear(book)
    assert found.accepted.tolist() == [1, 2, 3, 0]
    assert found.unit_price[:3] == pytest.approx([0.35, 0.31, (2 * 0.31 + 0.35) / 3])
    assert np.isnan(found.unit_price[3])
    assert found.payment.tolist() == pytest.approx([-0.35, -0.62, 0.97, 0.0])
    assert np.isnan(found.price)
    assert found.price_interval == clear_merit_order(book).price_interval
    assert found.volume == 3
    assert found.trades.to_dict("list") == {
        "buyer": [2, 2], "seller": [1, 0], "quantity": [2.0, 1.0], "price": [0.31, 0.35], "seq": [2, 3],
    }  # fmt: skip


def test_time_of_entry_decides_the_order():
    """By time the dear bid comes before the cheap ask, whose price it then does not pay but sets."""
    late_ask = OrderBook(["sell", "buy"], [0.2, 0.4], [1, 1], time=[2, 1])
    assert ContinuousAuction().clear(late_ask).trades["price"].tolist() == [0.4]
    assert ContinuousAuction().clear(OrderBook(["sell", "buy"], [0.2, 0.4], [1, 1])).trades["price"].tolist() == [0.2]
    stamps = np.array(["2016-01-02", "2016-01-01"], dtype="datetime64[m]")
    dated = OrderBook(["sell", "buy"], [0.2, 0.4], [1, 1], time=stamps)
    assert ContinuousAuction().clear(dated).trades["price"].tolist() == [0.4]


def test_random_arrival_depends_on_the_seed_alone():
    """One seed gives one outcome; over seeds both orders of arrival occur."""
    book = OrderBook(["sell", "buy"], [0.2, 0.4], [1, 1])
    prices = [ContinuousAuction(arrival="random", seed=seed).clear(book).trades["price"][0] for seed in range(20)]
    assert set(prices) == {0.2, 0.4}
    again = [ContinuousAuction(arrival="random", seed=seed).clear(book).trades["price"][0] for seed in range(20)]
    assert prices == again


def test_own_trade_is_prevented_between_orders_of_one_agent():
    """The agent's own ask is passed over, or its bid is cancelled; without agents nothing can be prevented."""
    orders = (["sell", "sell", "buy"], [0.2, 0.3, 0.4], [1, 1, 1])
    book = OrderBook(*orders, agent=["a", "b", "a"])
    assert ContinuousAuction(self_trade="skip").clear(book).trades["seller"].tolist() == [1]
    assert ContinuousAuction(self_trade="cancel_newest").clear(book).volume == 0
    with pytest.raises(ValueError, match="self_trade skip: the book does not say whose orders are whose; give `agent`"):
        ContinuousAuction(self_trade="skip").clear(OrderBook(*orders))


def test_the_spread_rule_keeps_worse_quotes_out():
    """The second bid is worse than the first and does not enter, so the ask of 2 sells 1 only."""
    book = OrderBook(["buy", "buy", "sell"], [0.4, 0.3, 0.2], [1, 1, 2])
    assert ContinuousAuction().clear(book).volume == 2
    assert ContinuousAuction(spread_improvement=True).clear(book).volume == 1


def test_nothing_trades_in_books_without_crossing():
    """The interval is (best bid, best ask), nan with an empty side; a book without orders clears too."""
    apart = ContinuousAuction().clear(OrderBook(["buy", "sell"], [0.2, 0.4], [1, 1]))
    assert apart.price_interval == (0.2, 0.4)
    assert apart.trades.empty
    for book in (OrderBook([], [], []), OrderBook(["buy"], [0.2], [1]), OrderBook(["buy", "sell"], [0.4, 0.2], [1, 0])):
        found = ContinuousAuction().clear(book)
        assert found.volume == found.welfare == 0
        assert np.isnan(found.price_interval).any()


def test_a_book_of_several_areas_is_refused():
    """Nothing says what flows between areas."""
    with pytest.raises(ValueError, match="areas north and south stand in one book"):
        ContinuousAuction().clear(OrderBook(["buy", "sell"], [2, 1], [1, 1], area=["north", "south"]))


@settings(deadline=None)
@given(ORDERS)
def test_free_prices_trade_exactly_at_a_price_of_the_book(orders):
    """Every trade is at the limit of one partner and acceptable to the other; energy and money cancel."""
    book = book_of(orders)
    found = ContinuousAuction().clear(book)
    for buyer, seller, quantity, price, _ in found.trades.itertuples(index=False):
        assert price in (book.price[buyer], book.price[seller])
        assert book.price[seller] <= price <= book.price[buyer]
        assert quantity > 0
    assert ((found.accepted >= 0) & (found.accepted <= book.quantity)).all()
    traded = found.accepted > 0
    assert (book.side * (book.price - found.unit_price) >= 0)[traded].all()
    scale = 1e-12 * max(1.0, float((np.abs(book.price) * book.quantity).sum()))
    assert found.accepted[book.is_buy].sum() == pytest.approx(found.volume, rel=1e-12)
    assert found.operator_surplus == pytest.approx(0, abs=scale)
    assert found.welfare <= clear_merit_order(book).welfare + scale
    assert found.trades["quantity"].sum() == pytest.approx(found.volume, rel=1e-9, abs=1e-12)


@settings(deadline=None)
@given(ORDERS, st.randoms())
def test_places_in_the_book_do_not_matter_where_times_are_given(orders, random):
    """With distinct times a permuted book gives each order the same award and payment to the last bit (O64)."""
    place = list(range(len(orders)))
    random.shuffle(place)
    first = ContinuousAuction().clear(book_of(orders, time=np.arange(len(orders))))
    second = ContinuousAuction().clear(book_of([orders[i] for i in place], time=np.array(place, dtype=np.int64)))
    np.testing.assert_array_equal(first.accepted[place], second.accepted)
    np.testing.assert_array_equal(first.payment[place], second.payment)


@settings(deadline=None)
@given(ORDERS)
def test_what_is_left_no_longer_crosses(orders):
    """After the last arrival no bid with a rest accepts an ask with a rest."""
    book = book_of(orders)
    found = ContinuousAuction().clear(book)
    dust = 1e-15 * book.quantity.sum()
    left = book.quantity - found.accepted > dust
    bids, asks = book.price[left & book.is_buy], book.price[left & ~book.is_buy]
    assert bids.max(initial=-np.inf) < asks.min(initial=np.inf)
