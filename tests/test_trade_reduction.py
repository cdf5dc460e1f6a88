import numpy as np
import pytest

from gridagora.markets import OrderBook, clear


def test_the_longer_side_is_cut_in_proportion():
    """Demand 4 and 2 before the marginal bid meets supply 3: buyers get 2 and 1, pay 5; sellers get 2."""
    book = OrderBook(["buy"] * 3 + ["sell"] * 2, [9, 8, 5, 1, 2], [4, 2, 1, 3, 4])
    found = clear(book, "trade_reduction")
    assert found.accepted.tolist() == [2, 1, 0, 3, 0]
    assert found.unit_price[[0, 1, 3]].tolist() == [5, 5, 2]
    assert found.operator_surplus == 9.0
    assert np.isnan(found.price)


def test_the_shorter_side_may_be_the_buyers():
    """Supply 3 and 3 before the marginal ask meets demand 2: each seller delivers 1."""
    book = OrderBook(["buy"] * 2 + ["sell"] * 3, [9, 6, 1, 2, 4], [2, 6, 3, 3, 5])
    found = clear(book, "trade_reduction")
    assert found.accepted.tolist() == [2, 0, 1, 1, 0]
    assert found.payment.tolist() == [12, 0, -4, -4, 0]


def test_of_equal_prices_the_larger_order_ranks_first():
    """Bids 3 and 1 at 7: the small one is marginal, so 3 units stay; both share them by size, wherever they stand."""
    for bids in ([3, 1], [1, 3]):
        book = OrderBook(["buy", "buy", "sell", "sell"], [7, 7, 1, 2], [*bids, 3, 3])
        found = clear(book, "trade_reduction")
        assert found.volume == 3.0
        assert found.accepted[:2].tolist() == pytest.approx([quantity * 0.75 for quantity in bids])
        assert found.accepted[2:].tolist() == [3, 0]


def test_quantities_that_differ_by_rounding_are_equal():
    """0.1 + 0.2 sold meets 0.3 wanted without a residue."""
    book = OrderBook(["buy", "buy", "sell", "sell", "sell"], [9, 5, 1, 1.5, 2], [0.3, 1, 0.1, 0.2, 1])
    found = clear(book, "trade_reduction")
    assert found.accepted.tolist() == [0.3, 0, 0.1, 0.2, 0]


def test_no_single_trader_is_left():
    """Where the first order of a side is marginal nothing trades, and the interval is the competitive one."""
    found = clear(OrderBook(["buy", "sell", "sell"], [9, 1, 2], [5, 1, 1]), "trade_reduction")
    assert found.volume == 0.0
    assert found.price_interval == (9.0, 9.0)
