import numpy as np
import pytest

from gridagora.markets import merit_order
from gridagora.markets.merit_order import (
    DUST,
    clear_merit_order,
    cross,
    fixed_point,
    interval_of_awards,
    price_at,
)
from gridagora.markets.orders import OrderBook

NAN = np.nan


def book_of(bids, asks):
    """Return a book from (price, quantity) pairs."""
    orders = [("buy", *bid) for bid in bids] + [("sell", *ask) for ask in asks]
    side, price, quantity = zip(*orders, strict=True) if orders else ((), (), ())
    return OrderBook(side, price, quantity)


CASES = {
    "all trade that can": ([(9, 1), (7, 1), (4, 1)], [(2, 1), (5, 1), (6, 1)], 5.5, (5, 6), [1, 1, 0, 1, 1, 0]),
    "no crossing: best bid and best ask": ([(3, 1), (2, 1)], [(4, 1), (5, 1)], NAN, (3, 4), [0, 0, 0, 0]),
    "buyers only": ([(3, 1), (2, 1)], [], NAN, (NAN, NAN), [0, 0]),
    "sellers only": ([], [(3, 1)], NAN, (NAN, NAN), [0]),
    "nobody": ([], [], NAN, (NAN, NAN), []),
    "the other side has quantity 0 only": ([(3, 1)], [(1, 0)], NAN, (NAN, NAN), [0, 0]),
    "demand in excess: the cut bid sets the price": ([(9, 2), (8, 2)], [(1, 3)], 8, (8, 8), [2, 1, 3]),
    "supply in excess: the cut ask sets the price": ([(9, 2)], [(1, 1), (3, 4)], 3, (3, 3), [2, 1, 1]),
    "inelastic demand at the cap beyond supply": ([(1.5, 9)], [(0.3, 4)], 1.5, (1.5, 1.5), [4, 4]),
    "equal quantities: the price is free between": ([(9, 3)], [(1, 1), (3, 2)], 6, (3, 9), [3, 1, 2]),
    "the next bid narrows the interval": ([(9, 3), (5, 1)], [(3, 3)], 7, (5, 9), [3, 0, 3]),
    "the next ask narrows the interval": ([(9, 3)], [(3, 3), (5, 1)], 4, (3, 5), [3, 3, 0]),
    "a bid meets an ask at its own price": ([(5, 2), (3, 2)], [(1, 1), (3, 2)], 3, (3, 3), [2, 1, 1, 2]),
    "equal buyers share by quantity": ([(9, 1), (7, 1), (7, 3)], [(2, 3)], 7, (7, 7), [1, 0.5, 1.5, 3]),
    "equal sellers share by quantity": ([(9, 3)], [(2, 1), (4, 2), (4, 6)], 4, (4, 4), [3, 1, 0.5, 1.5]),
    "both sides at one price": ([(4, 1), (4, 3)], [(4, 2)], 4, (4, 4), [0.5, 1.5, 2]),
    "negative prices": ([(-1, 2)], [(-3, 1), (-2, 4)], -2, (-2, -2), [2, 1, 1]),
    "quantity 0 moves no price": ([(9, 1), (8, 0)], [(2, 1), (3, 0)], 5.5, (2, 9), [1, 0, 1, 0]),
    "quantity 0 is no best bid": ([(3, 1), (3.5, 0)], [(4, 1)], NAN, (3, 4), [0, 0, 0]),
    "float dust is no excess": ([(9, 0.3)], [(2, 0.1), (5, 0.2)], 7, (5, 9), [0.3, 0.1, 0.2]),
    "float dust does not reach the next bid": (
        [(9, 0.3), (5.5, 1)],
        [(2, 0.1), (5, 0.2), (7, 1)],
        6.25,
        (5.5, 7),
        [0.3, 0, 0.1, 0.2, 0],
    ),
}


@pytest.mark.parametrize(("bids", "asks", "price", "interval", "accepted"), CASES.values(), ids=CASES.keys())
def test_worked_cases(bids, asks, price, interval, accepted):
    """Price, interval and awards of small books, worked by hand from C2 and P1."""
    clearing = clear_merit_order(book_of(bids, asks))
    np.testing.assert_allclose(clearing.price, price, rtol=1e-15)
    np.testing.assert_array_equal(clearing.price_interval, interval)
    np.testing.assert_allclose(clearing.accepted, accepted, rtol=0, atol=1e-15)
    assert clearing.method == "exact"


def test_money_of_one_auction():
    """Bids 9, 7 buy from asks 2, 5 at 5.5: welfare 9, of which buyers keep 5 and sellers 4."""
    clearing = clear_merit_order(book_of([(9, 1), (7, 1), (4, 1)], [(2, 1), (5, 1), (6, 1)]))
    assert clearing.payment.tolist() == [5.5, 5.5, 0.0, -5.5, -5.5, 0.0]
    assert clearing.unit_price[[0, 1, 3, 4]].tolist() == [5.5] * 4
    assert np.isnan(clearing.unit_price[[2, 5]]).all()
    assert (clearing.welfare, clearing.buyer_surplus, clearing.seller_surplus) == (9.0, 5.0, 4.0)
    assert (clearing.operator_surplus, clearing.volume) == (0.0, 2.0)


def test_a_partly_filled_bid_sets_the_price():
    """Where demand is elastic the price is the marginal bid's, not the highest accepted ask."""
    clearing = clear_merit_order(book_of([(60, 3), (50.709, 4)], [(20, 5), (50.684, 1), (70, 2)]), k=0.0)
    assert clearing.price == 50.709
    assert clearing.accepted.tolist() == [3.0, 3.0, 5.0, 1.0, 0.0]


@pytest.mark.parametrize(("k", "price"), [(0.0, 5.0), (0.25, 5.25), (0.5, 5.5), (1.0, 6.0)])
def test_k_picks_the_price_from_the_interval(k, price):
    """The sellers' end belongs to k = 0, the buyers' end to k = 1."""
    assert clear_merit_order(book_of([(9, 1), (7, 1), (4, 1)], [(2, 1), (5, 1), (6, 1)]), k).price == price


@pytest.mark.parametrize("k", [-0.1, 1.1, NAN])
def test_k_outside_the_interval_is_refused(k):
    """Such a price would break somebody's limit."""
    with pytest.raises(ValueError, match=r"k: given .*; allowed 0"):
        clear_merit_order(book_of([(2, 1)], [(1, 1)]), k)


def test_the_price_never_leaves_a_closed_interval_by_rounding():
    """With both ends equal the price is that number to the last bit for every k."""
    for k in np.linspace(0, 1, 101):
        assert price_at(0.1, 0.1, float(k)) == 0.1


def test_fixed_point_keeps_sums_and_ignores_order():
    """Integer units add up to the same total in any order and go back to the floats they came from."""
    quantity = np.array([0.1, 0.2, 1e6, 0.0])
    units, exponent = fixed_point(quantity)
    assert units.sum() < 2**60
    assert np.ldexp(units.astype(float), -exponent).tolist() == pytest.approx(quantity.tolist(), abs=1e-12)
    again, same = fixed_point(quantity[::-1])
    assert (again[::-1].tolist(), same) == (units.tolist(), exponent)
    assert fixed_point(np.zeros(2))[0].tolist() == [0, 0]


def test_intervals_of_several_auctions_at_once():
    """First auction: the cut bid at 8 sets the price; second: nothing traded; third: no ask at all."""
    low, high = interval_of_awards(
        np.array([9.0, 8.0]),
        np.array([[False, True], [True, True], [True, False]]),
        np.array([[True, True], [False, False], [False, False]]),
        np.array([1.0, 9.5]),
        np.array([[False, True], [False, True], [False, False]]),
        np.array([[True, False], [False, False], [False, False]]),
    )
    assert low.tolist() == [8.0, 9.0, 9.0]
    assert high.tolist() == [8.0, 9.5, np.inf]


def test_the_kernel_says_what_its_python_text_says():
    """Compiled and interpreted kernels agree, so the text that is read is the text that runs."""
    margin = getattr(merit_order._margin, "py_func", merit_order._margin)
    rng = np.random.default_rng(3)
    nobody = np.zeros(0), np.zeros(0, dtype=np.int64)
    assert np.isnan(getattr(cross, "py_func", cross)(*nobody, *nobody, DUST).low)
    for _ in range(200):
        price = np.sort(rng.integers(0, 8, (2, 6)).astype(float), axis=1)
        quantity = rng.integers(0, 4, (2, 6))
        found = cross(price[0], quantity[0], price[1], quantity[1], DUST)
        plain = getattr(cross, "py_func", cross)(price[0], quantity[0], price[1], quantity[1], DUST)
        np.testing.assert_array_equal(found, plain)
        assert margin(price[0], quantity[0], 5, -1, found.volume, DUST)[:3] == found[3:6]
        assert margin(price[1], quantity[1], 0, 1, found.volume, DUST)[:3] == found[6:9]


def test_the_kernel_drops_a_marginal_level_of_dust():
    """One unit of 2^50 beyond the last filled level is float dust: that level counts as not accepted."""
    margin = getattr(merit_order._margin, "py_func", merit_order._margin)
    price, quantity = np.array([1.0, 2.0]), np.array([2**50, 5])
    assert margin(price, quantity, 0, 1, 2**50 + 1, DUST) == (0, 2**50, 2**50, 1)
    assert margin(price, quantity, 0, 1, 2**50 + 1, 0.0) == (1, 1, 5, 1)
    assert margin(price, quantity, 0, 1, 2**50 - 1, DUST) == (0, 2**50, 2**50, 1)
