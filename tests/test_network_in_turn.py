"""Continuous trade on a network: every trade asks for its way."""

import numpy as np
import pytest

from gridagora.markets import Network, OrderBook, clear
from gridagora.markets.network.in_turn import trade_in_turn
from gridagora.markets.network.trade_check import TradeCheck

NARROW = Network("dc", ["north", "south"], [("north", "south")], x=0.1, limit_kw=1.0)


def test_what_the_line_refuses_is_bought_nearby():
    """The cheap seller is behind a line of 1 kWh; the rest of 3 kWh comes from the dearer one, 2 at 5 CNY/kWh."""
    book = OrderBook(["sell", "sell", "buy"], [2.0, 5.0, 6.0], [4.0, 4.0, 3.0], area=["north", "south", "south"])
    found = clear(book, "continuous", network=NARROW)
    assert found.accepted.tolist() == [1.0, 2.0, 3.0]
    assert found.trades[["buyer", "seller", "quantity", "price", "seq"]].to_numpy().tolist() == [
        [2, 0, 1.0, 2.0, 0],
        [2, 1, 2.0, 5.0, 1],
    ]
    assert found.unit_price.tolist() == [2.0, 5.0, 4.0]
    assert found.operator_surplus == 0.0


def test_a_trade_the_other_way_frees_the_line():
    """1 kWh south fills the line; 2 kWh north relieve it, so that 3 more pass south."""
    areas = ["north", "south", "south", "north", "north", "south"]
    book = OrderBook(["sell", "buy", "sell", "buy", "sell", "buy"], [1.0, 9.0] * 3, [1, 1, 2, 2, 5, 5], area=areas)
    assert clear(book, "continuous", network=NARROW).accepted.tolist() == [1, 1, 2, 2, 2, 2]


def test_who_comes_later_pays_for_the_line():
    """At 0.5 CNY/kWh a line, the buyer pays 2.5 and the auctioneer keeps 0.5; a buyer at 2.4 does not trade."""
    orders = {"price": [2.0, 6.0], "quantity": [1.0, 1.0], "area": ["north", "south"]}
    found = clear(OrderBook(["sell", "buy"], **orders), "continuous", network=NARROW, line_charge=0.5)
    assert found.unit_price.tolist() == [2.0, 2.5]
    assert found.operator_surplus == pytest.approx(0.5)
    orders["price"] = [2.0, 2.4]
    assert clear(OrderBook(["sell", "buy"], **orders), "continuous", network=NARROW, line_charge=0.5).volume == 0


def test_the_length_of_the_period_and_the_order_of_arrival_count():
    """In half an hour the line carries half a kWh; who comes first has the better price."""
    book = OrderBook(["sell", "buy"], [2.0, 6.0], [4.0, 4.0], area=["north", "south"], time=[2, 1])
    found = clear(book, "continuous", network=NARROW, hours=0.5)
    assert found.accepted.tolist() == [0.5, 0.5]
    assert found.unit_price.tolist() == [6.0, 6.0]


def test_at_one_price_the_first_come_is_served():
    """Two sellers at 2 CNY/kWh: the earlier one sells first; an order of nothing never enters."""
    book = OrderBook(["sell", "sell", "sell", "buy"], [2.0] * 3 + [3.0], [1.0, 0.0, 1.0, 1.5], area=["south"] * 4)
    assert clear(book, "continuous", network=NARROW).accepted.tolist() == [1.0, 0.0, 0.5, 1.5]


@pytest.mark.parametrize("seed", range(8))
def test_without_limits_it_is_the_market_without_a_network(seed):
    """On a line that carries everything, awards and prices are those of the order book."""
    rng = np.random.default_rng(seed)
    side = rng.choice(["buy", "sell"], 30)
    price, quantity = rng.integers(1, 9, 30).astype(float), rng.integers(0, 5, 30).astype(float)
    wide = Network("dc", ["north", "south"], [("north", "south")], x=0.1)
    areas = rng.choice(["north", "south"], 30)
    one = clear(OrderBook(side, price, quantity, area=areas), "continuous", network=wide)
    other = clear(OrderBook(side, price, quantity), "continuous")
    np.testing.assert_allclose(one.accepted, other.accepted, atol=1e-9)
    np.testing.assert_allclose(one.payment, other.payment, atol=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_no_limit_is_passed_and_nobody_loses(seed):
    """Flows stay within the line, trades within both limits, whatever arrives."""
    rng = np.random.default_rng(seed)
    book = OrderBook(
        rng.choice(["buy", "sell"], 40),
        rng.uniform(0, 9, 40),
        rng.uniform(0, 2, 40),
        area=rng.choice(["north", "south"], 40),
    )
    check = TradeCheck(NARROW, 1.0, line_charge=0.1)
    deals = trade_in_turn(book, np.arange(40), check)
    assert (check.available()["available_kwh"] >= -1e-9).all()
    for deal in deals:
        sign = book.side[deal.first]
        assert sign * (book.price[deal.first] - deal.price - sign * deal.charge) >= -1e-12
        assert deal.price == book.price[deal.second]
    assert deals


def test_options_without_effect_are_refused():
    """Own trade and the spread rule belong to the order book alone; areas are needed."""
    book = OrderBook(["sell", "buy"], [2.0, 6.0], [1.0, 1.0], area=["north", "south"], agent=[1, 2])
    with pytest.raises(ValueError, match="self_trade and spread_improvement have no effect there"):
        clear(book, "continuous", network=NARROW, self_trade="skip")
    with pytest.raises(ValueError, match="give the column `area`"):
        clear(OrderBook(["sell"], [2.0], [1.0]), "continuous", network=NARROW)
    with pytest.raises(ValueError, match="east"):
        clear(OrderBook(["sell"], [2.0], [1.0], area=["east"]), "continuous", network=NARROW)
