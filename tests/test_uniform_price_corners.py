"""Corner cases that double auctions of power-system simulators got wrong (peers' issue lists), as one uniform price."""

import numpy as np
import pytest

from gridagora.markets import OrderBook, clear

METHODS = pytest.mark.parametrize("method", ["exact", "pyomo"])


def uniform(bids, asks, method="exact", k=0.5):
    """Return the clearing of (quantity, price) bids and asks."""
    side = ["buy"] * len(bids) + ["sell"] * len(asks)
    quantity, price = zip(*bids, *asks, strict=True)
    return clear(OrderBook(side, price, quantity), "uniform_price", method=method, k=k)


@METHODS
def test_curves_overlap_at_one_quantity(method):
    """Steps end together at 5 kWh: every price from 3 to 7 clears, the middle is 5, and nobody is cut."""
    found = uniform([(5, 7), (2, 2)], [(5, 3), (2, 9)], method)
    assert found.price_interval == (3.0, 7.0)
    assert found.price == 5.0
    assert found.accepted.tolist() == [5, 0, 5, 0]


@METHODS
def test_curves_overlap_at_one_price(method):
    """Bids 4 at 5 and asks 3 at 5: the largest volume trades, and the longer side is cut."""
    found = uniform([(1, 8), (4, 5)], [(1, 2), (3, 5)], method)
    assert found.price == 5.0
    assert found.accepted.tolist() == pytest.approx([1, 3, 1, 3])


@METHODS
def test_curves_overlap_in_quantity_and_touch_the_next_steps(method):
    """The next bid and the next ask lie inside the overlap and narrow the interval to [4, 6]."""
    found = uniform([(5, 7), (2, 4)], [(5, 3), (2, 6)], method)
    assert found.price_interval == (4.0, 6.0)


@METHODS
@pytest.mark.parametrize("first", [0, 1])
def test_equal_buyer_prices_share_in_proportion(method, first):
    """Bids of 3 and 1 at 5 share 2 kWh as 1.5 and 0.5, whichever comes first; the price is theirs."""
    bids = [(3, 5), (1, 5)]
    found = uniform([bids[first], bids[1 - first]], [(2, 1)], method)
    assert found.accepted[:2].tolist() == pytest.approx([1.5, 0.5] if first == 0 else [0.5, 1.5])
    assert found.price == 5.0


@METHODS
def test_duplicate_sellers_share_in_proportion(method):
    """Three equal asks of 2 at 3 sell 1 kWh each of 3 wanted, at their price."""
    found = uniform([(3, 9)], [(2, 3), (2, 3), (2, 3)], method)
    assert found.accepted.tolist() == pytest.approx([3, 1, 1, 1])
    assert found.price == 3.0


@METHODS
def test_no_trade_is_a_result(method):
    """A bid below the ask is no error: nothing trades, the interval shows best bid and best ask."""
    found = uniform([(1, 2), (1, 1)], [(1, 3), (1, 4)], method)
    assert found.volume == 0.0
    assert np.isnan(found.price)
    assert found.price_interval == (2.0, 3.0)
    assert found.payment.tolist() == [0, 0, 0, 0]


@METHODS
def test_unresponsive_buyers_set_the_cap_when_supply_is_short(method):
    """Load bids at the cap 10: 6 kWh offered of 8 wanted, so the price is 10 at every k."""
    for k in (0.0, 0.5, 1.0):
        found = uniform([(8, 10)], [(4, 1), (2, 2)], method, k)
        assert found.price == 10.0
        assert found.accepted[0] == pytest.approx(6)


@METHODS
def test_unresponsive_buyers_leave_the_price_to_the_marginal_ask(method):
    """Load of 5 at the cap meets 4 at 1 and 2 at 2: the second ask is cut and sets the price."""
    found = uniform([(5, 10)], [(4, 1), (2, 2)], method)
    assert found.price_interval == (2.0, 2.0)
    assert found.accepted.tolist() == pytest.approx([5, 4, 1])


@METHODS
def test_unresponsive_buyers_that_take_up_all_supply(method):
    """Load of 6 takes up all 6 offered: any price from 2 to the cap 10 clears."""
    found = uniform([(6, 10)], [(4, 1), (2, 2)], method)
    assert found.price_interval == (2.0, 10.0)
    assert found.price == 6.0


@METHODS
def test_a_marginal_buyer_sets_the_price(method):
    """A bid of 4 at 50.709 filled to 75 % is marginal: the price is 50.709, not the last accepted ask 50.684."""
    found = uniform([(2, 60), (4, 50.709)], [(3, 20), (2, 50.684)], method)
    assert found.accepted.tolist() == pytest.approx([2, 3, 3, 2])
    assert found.price == 50.709
    assert found.price_interval == (50.709, 50.709)


@METHODS
def test_an_order_of_nothing_moves_nothing(method):
    """Bids and asks of 0 kWh at prices inside the interval leave it as it is."""
    found = uniform([(1, 9), (0, 6)], [(1, 2), (0, 5)], method)
    assert found.price_interval == (2.0, 9.0)
    assert found.accepted.tolist() == [1, 0, 1, 0]
