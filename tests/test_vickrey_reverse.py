import numpy as np
import pytest

from gridagora.markets import OrderBook, clear, regret
from gridagora.markets.mechanisms.vickrey_reverse import VickreyReverse


def test_the_lowest_offer_gets_the_second_lowest():
    """One unit wanted at most at 10: offers 3, 5, 4 give the award to 3, at 4, which the buyer pays."""
    found = clear(OrderBook(["buy", "sell", "sell", "sell"], [10, 3, 5, 4], np.ones(4)), "vickrey_reverse")
    assert found.accepted.tolist() == [1, 1, 0, 0]
    assert found.payment.tolist() == [4, -4, 0, 0]
    assert found.operator_surplus == 0.0


def test_the_reserve_price_bounds_what_a_seller_gets():
    """Alone, or with rivals dearer than the reserve price, a seller gets that price."""
    alone = clear(OrderBook(["buy", "sell"], [10, 3], [1, 1]), "vickrey_reverse")
    dear = clear(OrderBook(["buy", "sell", "sell"], [10, 3, 12], [1, 1, 1]), "vickrey_reverse")
    assert alone.payment.tolist() == [10, -10]
    assert dear.payment.tolist() == [10, -10, 0]


def test_large_sellers_get_what_their_energy_costs_to_replace():
    """Of 5 wanted 3 come at 2 and 2 at 4; the first is replaced by 1 more at 4 and 2 at 6, the second by 2 at 6."""
    book = OrderBook(["buy", "sell", "sell", "sell"], [9, 2, 4, 6], [5, 3, 3, 2])
    found = clear(book, "vickrey_reverse")
    assert found.accepted.tolist() == [5, 3, 2, 0]
    assert found.payment[1] == -(4 + 6 + 6)
    assert found.payment[2] == -(6 + 6)
    assert found.payment[0] == 28.0


def test_orders_of_one_seller_count_together():
    """Its second offer is no rival to its first: both units are replaced at 7."""
    book = OrderBook(
        ["buy", "sell", "sell", "sell", "sell"], [9, 2, 3, 7, 7], [2, 1, 1, 1, 1], agent=["b", "s", "s", "t", "u"]
    )
    assert clear(book, "vickrey_reverse").payment.tolist() == [14, -7, -7, 0, 0]


def test_steps_of_need_gain_the_same():
    """Need of 1 at 10 and 1 at 6 is served at 2 each, replaceable at 3: the buyer gains 5 a unit, at 5 and 1."""
    book = OrderBook(["buy", "buy", "sell", "sell"], [10, 6, 2, 3], [1, 1, 2, 3])
    found = clear(book, "vickrey_reverse")
    assert found.payment[2] == -6.0
    assert found.unit_price[:2].tolist() == [5.0, 1.0]


@pytest.mark.parametrize("seed", range(3))
def test_sellers_with_several_offers_report_the_truth(seed):
    """No price and no energy held back earns a seller more."""
    rng = np.random.default_rng(seed)
    book = OrderBook.from_arrays(
        [1, -1, -1, -1, -1, -1],
        [0.9, *np.round(rng.random(5), 2)],
        [4, *rng.integers(1, 4, 5)],
        agent=[9, 0, 0, 1, 2, 3],
    )
    found = regret(VickreyReverse(), book, shares=(0.5, 1.0))
    assert found.gain[1:].max() <= 1e-9
