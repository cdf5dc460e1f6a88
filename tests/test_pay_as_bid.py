import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets import OrderBook, clear, regret
from gridagora.markets.mechanisms.pay_as_bid import PayAsBid

BOOK = OrderBook(["buy"] * 3 + ["sell"] * 3, [9, 7, 4, 2, 5, 6], np.ones(6))
ORDERS = st.lists(
    st.tuples(st.sampled_from([1, -1]), st.integers(0, 8).map(lambda tick: tick / 8), st.floats(0, 9)), max_size=14
)


@pytest.mark.parametrize("method", ["auto", "exact", "pyomo"])
def test_everybody_deals_at_the_own_price(method):
    """O1's book: buyers pay 9 and 7, sellers get 2 and 5, the auctioneer keeps 9."""
    found = clear(BOOK, "pay_as_bid", method=method)
    assert found.accepted.tolist() == pytest.approx([1, 1, 0, 1, 1, 0])
    assert found.payment.tolist() == pytest.approx([9, 7, 0, -2, -5, 0])
    assert found.operator_surplus == pytest.approx(9.0)
    assert (found.buyer_surplus, found.seller_surplus) == (0.0, 0.0)
    assert np.isnan(found.price)
    assert found.price_interval == (5.0, 6.0)
    assert found.trades is None
    assert found.method == ("pyomo" if method == "pyomo" else "exact")


def test_pairs_deal_in_the_middle():
    """Best with best: 9 meets 2 at 5.5 and 7 meets 5 at 6."""
    found = clear(BOOK, "pay_as_bid", pairs="midpoint")
    assert found.payment.tolist() == [5.5, 6, 0, -5.5, -6, 0]
    assert found.operator_surplus == 0.0
    assert found.trades.to_dict("list") == {
        "buyer": [0, 1],
        "seller": [3, 4],
        "quantity": [1.0, 1.0],
        "price": [5.5, 6.0],
        "seq": [0, 1],
    }


def test_one_pair():
    """A buyer of 1 kWh at 2 and a seller of 2 kWh at 1 deal 1 kWh at 1.5, half a unit of money each."""
    found = clear(OrderBook(["buy", "sell"], [2, 1], [1, 2]), "pay_as_bid", pairs="midpoint")
    assert found.trades[["quantity", "price"]].values.tolist() == [[1.0, 1.5]]
    assert (found.buyer_surplus, found.seller_surplus) == (0.5, 0.5)


def test_equal_bids_meet_the_same_partners():
    """Two bids of 3 and 1 at 8 share asks 2 at 2 and 2 at 4 in proportion: both pay 5.5, wherever they stand."""
    book = OrderBook(["buy", "buy", "sell", "sell"], [8, 8, 2, 4], [3, 1, 2, 2])
    found = clear(book, "pay_as_bid", pairs="midpoint")
    assert found.unit_price.tolist() == [5.5, 5.5, 5.0, 6.0]
    assert found.trades[["buyer", "seller", "quantity", "price"]].values.tolist() == [
        [0, 2, 1.5, 5.0],
        [1, 2, 0.5, 5.0],
        [0, 3, 1.5, 6.0],
        [1, 3, 0.5, 6.0],
    ]


def test_the_list_can_be_left_out():
    """Payments do not need it."""
    found = clear(BOOK, "pay_as_bid", pairs="midpoint", list_trades=False)
    assert found.trades is None
    assert found.payment.tolist() == [5.5, 6, 0, -5.5, -6, 0]


@settings(deadline=None)
@given(ORDERS)
def test_pairs_share_the_welfare(orders):
    """The trades of each order add up to its award and payment, at prices no worse than both limits."""
    side, price, quantity = zip(*orders, strict=True) if orders else ((), (), ())
    book = OrderBook.from_arrays(np.array(side, dtype=np.int8), price, quantity)
    found = clear(book, "pay_as_bid", pairs="midpoint")
    trades, scale = found.trades, max(1.0, book.quantity.sum())
    assert abs(found.operator_surplus) <= 1e-9 * scale
    buyer, seller = trades["buyer"].to_numpy(int), trades["seller"].to_numpy(int)
    assert (trades["price"] == (book.price[buyer] + book.price[seller]) / 2).all()
    assert (book.price[buyer] >= book.price[seller]).all()
    energy = np.bincount(buyer, trades["quantity"], len(book)) + np.bincount(seller, trades["quantity"], len(book))
    np.testing.assert_allclose(energy, found.accepted, rtol=0, atol=1e-9 * scale)
    assert len(trades) <= len(book) * len(np.unique(book.price)) + 1


def test_shading_pays():
    """A buyer that bids 5.01 instead of 9 still trades and keeps the difference."""
    found = regret(PayAsBid(), BOOK, prices=[5.01])
    assert found.gain[0] == pytest.approx(3.99)
    assert found.price[0] == 5.01
