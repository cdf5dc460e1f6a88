import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets import OrderBook, clear, regret
from gridagora.markets.mechanisms.externality import best_use
from gridagora.markets.mechanisms.margin import owners
from gridagora.markets.mechanisms.vcg import Vcg
from gridagora.markets.merit_order import clear_merit_order

ORDERS = st.lists(
    st.tuples(
        st.sampled_from([1, -1]),
        st.one_of(st.integers(0, 12).map(lambda tick: tick / 8), st.floats(0, 1.5)),
        st.one_of(st.integers(0, 4).map(float), st.floats(0.01, 9)),
        st.integers(0, 5),
    ),
    min_size=1,
    max_size=12,
)


def book_of(orders, agents=True):
    """Return a book from (side code, price, quantity, agent)."""
    side, price, quantity, agent = zip(*orders, strict=True)
    return OrderBook.from_arrays(np.array(side, dtype=np.int8), price, quantity, agent=agent if agents else None)


def pivots(book):
    """Return payments by their definition, with one more clearing a trader."""
    owner, traders = owners(book)
    found = clear_merit_order(book)
    value = np.bincount(owner, weights=book.side * found.accepted * book.price, minlength=traders)
    without = [
        clear_merit_order(OrderBook.from_arrays(book.side, book.price, np.where(owner == i, 0, book.quantity))).welfare
        for i in range(traders)
    ]
    return np.array(without) - (found.welfare - value)


@settings(deadline=None)
@given(ORDERS, st.booleans())
def test_payments_are_what_others_lose(orders, agents):
    """The closed form is W without the trader less what the others have, also for traders with many orders."""
    book = book_of(orders, agents)
    owner, traders = owners(book)
    paid = np.bincount(owner, weights=clear(book, "vcg").payment, minlength=traders)
    scale = max(1.0, float((book.price * book.quantity).sum()))
    np.testing.assert_allclose(paid, pivots(book), rtol=0, atol=1e-9 * scale)


@pytest.mark.parametrize("seed", range(12))
def test_solving_again_gives_the_same(seed):
    """Awards and every order's payment agree between the merit orders and n + 1 linear programs."""
    rng = np.random.default_rng(seed)
    count = 9
    book = OrderBook.from_arrays(
        np.where(rng.random(count) < 0.5, 1, -1),
        rng.integers(0, 12, count) / 8,
        rng.integers(1, 5, count),
        agent=rng.integers(0, 6, count) if seed % 2 else None,
    )
    exact, solved = Vcg(method="exact").clear(book), Vcg(method="pyomo").clear(book)
    assert solved.method == "pyomo"
    np.testing.assert_allclose(solved.accepted, exact.accepted, rtol=0, atol=1e-9)
    np.testing.assert_allclose(solved.payment, exact.payment, rtol=0, atol=1e-9)


def test_a_step_order_pays_for_each_step_that_it_pushes_out():
    """A bid for 3 takes the place of 1 bid at 5, 1 bid at 4 and saves no cost beyond the ask at 3: it pays 12."""
    book = OrderBook(["buy", "buy", "buy", "sell"], [9, 5, 4, 3], [3, 1, 1, 3])
    found = clear(book, "vcg")
    assert found.accepted.tolist() == [3, 0, 0, 3]
    assert found.payment[0] == 12.0
    assert found.unit_price[0] == 4.0
    assert found.payment[3] == -27.0
    assert found.operator_surplus == -15.0


def test_an_agent_that_trades_with_itself():
    """Its own energy moves at the middle of the interval, and only its net purchase is paid for."""
    book = OrderBook(
        ["buy", "buy", "sell", "sell", "buy"], [9, 8, 1, 3, 2], [1, 1, 1, 1, 1], agent=["a", "a", "a", "b", "c"]
    )
    found = clear(book, "vcg")
    assert found.price_interval == (3.0, 8.0)
    assert found.payment[:3].sum() == pytest.approx(3.0)  # b's cost is saved without a
    assert found.unit_price[2] == 5.5
    assert found.unit_price[:2].tolist() == [4.25, 4.25]
    seller = OrderBook(["buy", "sell", "sell", "buy"], [9, 1, 2, 4], [1, 1, 1, 1], agent=["a", "a", "a", "c"])
    sold = clear(seller, "vcg")
    assert sold.payment[:3].sum() == pytest.approx(-4.0)  # c's value is lost without a
    even = OrderBook(["buy", "sell"], [9, 1], [1, 1], agent=["a", "a"])
    assert clear(even, "vcg").payment.tolist() == [5.0, -5.0]


@pytest.mark.parametrize("seed", range(4))
def test_traders_with_several_orders_report_the_truth(seed):
    """No other price, and no energy held back, earns a trader of several orders more."""
    rng = np.random.default_rng(seed)
    side, agent = np.array([1, 1, 1, -1, -1, -1]), np.array([0, 0, 1, 2, 2, 3])
    book = OrderBook.from_arrays(side, np.round(rng.random(6), 2), rng.integers(1, 4, 6), agent=agent)
    assert regret(Vcg(), book, shares=(0.5, 1.0)).largest <= 1e-9


def test_best_use_leaves_out_own_entries():
    """Of 1 at 5 (own), 2 at 4 and 1 at 3, trader 0's three units are worth 4 + 4 + 3 to others, and beyond is 0."""
    found = best_use(
        np.array([3.0, 5.0, 4.0]),
        np.array([1, 1, 2]),
        np.array([1, 0, 1]),
        np.array([3, 0, 0, 9]),
        0,
    )
    assert found.tolist() == [11.0, 0.0, 0.0, 16.0]
