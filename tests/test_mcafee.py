import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets import OrderBook, clear, regret
from gridagora.markets.mechanisms.mcafee import McAfee
from gridagora.markets.mechanisms.trade_reduction import TradeReduction


def book_of(bids, asks, quantity=1.0):
    """Return a book of orders of one quantity."""
    side = ["buy"] * len(bids) + ["sell"] * len(asks)
    return OrderBook(side, [*bids, *asks], np.full(len(side), quantity))


def test_without_a_next_bid_the_last_pair_stands_aside():
    """Bids 9, 8 and asks 2, 3, 4: there is no third bid, so one unit trades, 8 is paid and 3 received."""
    found = clear(book_of([9, 8], [2, 3, 4]), "mcafee")
    assert found.accepted.tolist() == [1, 0, 1, 0, 0]
    assert found.payment.tolist() == [8, 0, -3, 0, 0]
    assert found.operator_surplus == 5.0


def test_without_a_next_ask_the_last_pair_stands_aside():
    """Bids 9, 8, 1 and asks 2, 3: there is no third ask."""
    found = clear(book_of([9, 8, 1], [2, 3]), "mcafee")
    assert found.payment.tolist() == [8, 0, 0, -3, 0]


def test_one_pair_alone_does_not_trade():
    """The only bid and the only ask are the marginal ones."""
    found = clear(book_of([9], [2]), "mcafee")
    assert found.volume == 0.0
    assert found.price_interval == (2.0, 9.0)


def test_equal_marginal_bids_share_and_gain_nothing():
    """Bids 9, 7, 7 and asks 2, 3, 8: 7.5 is above 7, so one unit trades at 7 and 3; nobody but 9 and 2 gains."""
    found = clear(book_of([9, 7, 7], [2, 3, 8]), "mcafee")
    assert found.accepted.tolist() == [1, 0, 0, 1, 0, 0]
    assert found.payment.tolist() == [7, 0, 0, -3, 0, 0]
    twice = clear(book_of([9, 7, 7, 7], [1, 2, 3, 8]), "mcafee")
    assert twice.accepted[:4].tolist() == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3])
    assert twice.accepted[4:].tolist() == [1, 1, 0, 0]


def test_unequal_quantities_trade_at_one_price_where_it_fits():
    """Bids 2 at 9 and 2 at 7 meet 3 at 2; the next bid 3 and ask 8 make 5.5, between 2 and 7."""
    book = OrderBook(["buy", "buy", "buy", "sell", "sell"], [9, 7, 3, 2, 8], [2, 2, 1, 3, 1])
    found = clear(book, "mcafee")
    assert found.price == 5.5
    assert found.accepted.tolist() == [2, 1, 0, 3, 0]
    assert found.operator_surplus == 0.0


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=8),
    st.lists(st.integers(0, 40), min_size=1, max_size=8),
    st.sampled_from([1.0, 0.1, 7.3]),
)
def test_gains_bound(bids, asks, quantity):
    """With k efficient trades, at least 1 - 1/k of the gains are realised (C4.2)."""
    book = book_of(bids, asks, quantity)
    best, found = clear(book, "uniform_price"), clear(book, "mcafee")
    trades = round(best.volume / quantity)
    assert found.welfare >= (1 - 1 / max(trades, 1)) * best.welfare - 1e-9
    assert round(found.volume / quantity, 9) in (trades, max(trades - 1, 0))


@pytest.mark.parametrize("quantity", [1.0, 0.3])
def test_true_prices_are_best_with_equal_quantities(quantity):
    """Ten random books of equal quantities: no other price earns more, in both branches."""
    rng = np.random.default_rng(11)
    branches = set()
    for _ in range(10):
        book = book_of(np.round(rng.random(4), 2), np.round(rng.random(4), 2), quantity)
        branches.add(np.isnan(clear(book, "mcafee").price))
        assert regret(McAfee(), book).largest <= 1e-9
    assert branches == {True, False}


def test_unequal_quantities_can_be_exploited():
    """Why strategy-proofness is declared for equal quantities only: a random book where somebody gains."""
    rng = np.random.default_rng(0)
    gains = []
    for _ in range(10):
        book = OrderBook.from_arrays([1] * 4 + [-1] * 4, np.round(rng.random(8), 2), rng.integers(1, 5, 8))
        gains.append((regret(McAfee(), book).largest, regret(TradeReduction(), book).largest))
    most = np.max(gains, axis=0)
    assert most[0] > 0.01
    assert most[1] <= 1e-9
