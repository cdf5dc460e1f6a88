import numpy as np
import pytest

from gridagora.markets.orders import BUY, SELL, Clearing, OrderBook


def test_columns_are_copies_that_nobody_can_change():
    """A book keeps its own read-only columns whatever happens to the caller's arrays."""
    price = np.array([3.0, 1.0])
    book = OrderBook(["buy", "sell"], price, [1, 2], area=["a", "a"], agent=[7, 8], time=[0.5, 0.25])
    price[0] = 9.0
    assert book.price.tolist() == [3.0, 1.0]
    assert book.side.tolist() == [BUY, SELL]
    assert book.is_buy.tolist() == [True, False]
    assert len(book) == 2
    for column in (book.side, book.price, book.quantity, book.area, book.agent, book.time):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = column[1]
    with pytest.raises(AttributeError):
        book.price = price


def test_codes_and_names_make_the_same_book():
    """Side codes 1 and -1 stand for buy and sell."""
    named = OrderBook(["buy", "sell", "buy"], [1, 2, 3], [4, 5, 6])
    coded = OrderBook.from_arrays(np.array([1, -1, 1], dtype=np.int8), [1, 2, 3], [4, 5, 6], agent=[0, 1, 2])
    assert coded.side.tolist() == named.side.tolist()
    assert coded.side.dtype == np.int8
    assert coded.quantity.tolist() == [4.0, 5.0, 6.0]
    assert coded.agent.tolist() == [0, 1, 2]
    assert named.agent is None


def test_an_empty_book_and_zero_quantities_are_allowed():
    """A book may hold no order, and an order of quantity zero stays in it."""
    assert len(OrderBook([], [], [])) == 0
    assert OrderBook(["sell"], [-0.05], [0.0]).quantity.tolist() == [0.0]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("side", "bid", r"order 1: side bid, must be buy or sell \(codes 1 or -1\)"),
        ("price", np.nan, "order 1: price nan, must be finite"),
        ("price", np.inf, "order 1: price inf, must be finite"),
        ("quantity", -1.0, "order 1: quantity -1.0, must be finite and at least 0 kWh"),
        ("quantity", np.nan, "order 1: quantity nan, must be finite and at least 0 kWh"),
        ("quantity", np.inf, "order 1: quantity inf, must be finite and at least 0 kWh"),
        ("time", np.nan, "order 1: time nan, must be given for every order or for none"),
    ],
)
def test_a_bad_order_is_named_with_its_value_and_the_rule(column, value, message):
    """The message tells which order, which column, what was given and what is allowed."""
    columns = {"side": ["buy", "sell"], "price": [1.0, 2.0], "quantity": [1.0, 1.0], "time": [0.0, 1.0]}
    columns[column] = [columns[column][0], value]
    with pytest.raises(ValueError, match=f"^{message}$"):
        OrderBook(**columns)


def test_all_problems_come_in_one_message_with_their_number():
    """Three kinds of errors are reported together, each with its first order and how many there are."""
    with pytest.raises(ValueError, match="order 0: side 3,") as caught:
        OrderBook.from_arrays([3, 1, 0], [1.0, np.inf, 2.0], [-1.0, -2.0, -3.0])
    assert str(caught.value) == (
        "order 0: side 3, must be buy or sell (codes 1 or -1) (2 such orders); order 1: price inf, must be finite; "
        "order 0: quantity -1.0, must be finite and at least 0 kWh (3 such orders)"
    )


def test_a_missing_point_in_time_is_refused():
    """NaT is no time of entry."""
    with pytest.raises(ValueError, match="order 0: time NaT"):
        OrderBook(["buy"], [1], [1], time=np.array(["NaT"], dtype="datetime64[m]"))


@pytest.mark.parametrize(
    "columns",
    [
        {"side": ["buy"], "price": [1.0, 2.0], "quantity": [1.0]},
        {"side": ["buy"], "price": [1.0], "quantity": [1.0], "agent": [1, 2]},
        {"side": [["buy"]], "price": [[1.0]], "quantity": [[1.0]]},
        {"side": "buy", "price": 1.0, "quantity": 1.0},
    ],
)
def test_columns_have_one_entry_per_order(columns):
    """Columns of different length or shape are refused."""
    with pytest.raises(ValueError, match="orders need columns of one length"):
        OrderBook(**columns)


def test_payments_and_surpluses_follow_from_awards():
    """Buyer 10 pays 8, seller 3 gets 5 for 2 kWh: gains 4 and 4, and 6 stay with the auctioneer."""
    book = OrderBook(["buy", "sell", "sell"], [10.0, 3.0, 4.0], [2.0, 2.0, 1.0])
    clearing = Clearing.of(
        book,
        np.array([2.0, 2.0, 0.0]),
        np.array([8.0, 5.0, 4.0]),
        price=np.nan,
        price_interval=(np.nan, np.nan),
        method="exact",
    )
    assert clearing.unit_price[:2].tolist() == [8.0, 5.0]
    assert np.isnan(clearing.unit_price[2])
    assert clearing.payment.tolist() == [16.0, -10.0, 0.0]
    assert (clearing.welfare, clearing.volume) == (14.0, 2.0)
    assert (clearing.buyer_surplus, clearing.seller_surplus, clearing.operator_surplus) == (4.0, 4.0, 6.0)
    assert clearing.trades is None
    with pytest.raises(ValueError, match="read-only"):
        clearing.payment[0] = 0.0
