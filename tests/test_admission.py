import numpy as np
import pytest

from gridagora.markets import OrderBook, admit
from gridagora.markets.admission import refuse_several_areas

BOOK = OrderBook(["buy", "sell", "sell"], [0.5, -0.1, 0.3], [1, 1, 1], area=["n", "n", "s"], time=[1, 2, 3])


def test_a_book_that_keeps_the_rules_comes_back():
    """Prices at the bounds, known areas, own numbers and the moment of gate closure itself are allowed."""
    rules = {"floor_per_kwh": -0.1, "cap_per_kwh": 0.5, "areas": ["n", "s"], "ids": ["a", "b", "c"], "gate": 3}
    assert admit(BOOK, **rules) is BOOK
    assert admit(BOOK) is BOOK


def test_an_empty_book_is_admitted():
    """No order, no broken rule, with or without columns."""
    book = OrderBook([], [], [])
    assert admit(book, floor_per_kwh=0, cap_per_kwh=1, areas=["n"], ids=[], gate=0) is book


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"floor_per_kwh": 0.0}, "order 1: price -0.1, must be at least the market's floor 0.0 currency/kWh"),
        (
            {"cap_per_kwh": 0.2},
            "order 0: price 0.5, must be at most the market's cap 0.2 currency/kWh (2 such orders)",
        ),
        ({"areas": ["n", "w"]}, "order 2: area s, must be one of the market's areas: n, w"),
        ({"ids": [7, 8, 7]}, "order 2: id 7, stands for an earlier order already; give every order its own"),
        ({"gate": 2}, "order 2: time 3, is after gate closure at 2; enter it for a later period"),
        (
            {"floor_per_kwh": 0.0, "gate": 2},
            "order 1: price -0.1, must be at least the market's floor 0.0 currency/kWh; "
            "order 2: time 3, is after gate closure at 2; enter it for a later period",
        ),
        ({"ids": [7, 8]}, "ids: given shape (2,); allowed one for each of the 3 orders"),
    ],
)
def test_a_broken_rule_is_named_with_order_and_value(rules, message):
    """One message tells order, value, rule and how many orders break it."""
    with pytest.raises(ValueError, match=r"order|ids") as caught:
        admit(BOOK, **rules)
    assert str(caught.value) == message


@pytest.mark.parametrize(("rules", "name"), [({"areas": ["n"]}, "area"), ({"gate": 1}, "time")])
def test_a_rule_asks_for_its_column(rules, name):
    """Areas and gate closure cannot be checked where orders do not tell area or time."""
    with pytest.raises(ValueError, match=f"order 0: no {name} given, .*; give the book a column {name}"):
        admit(OrderBook(["buy"], [1], [1]), **rules)


def test_gate_closure_takes_dates():
    """Times may be moments of a calendar."""
    times = np.array(["2026-01-01T10:00", "2026-01-01T10:31"], dtype="datetime64[m]")
    book = OrderBook(["buy", "sell"], [1, 1], [1, 1], time=times)
    with pytest.raises(ValueError, match="order 1: time 2026-01-01T10:31, is after gate closure at 2026-01-01T10:30"):
        admit(book, gate=np.datetime64("2026-01-01T10:30"))


def test_several_areas_are_refused():
    """Where no lines are given, one book is one area."""
    refuse_several_areas(OrderBook(["buy"], [1], [1], area=["n"]))
    refuse_several_areas(OrderBook([], [], [], area=[]))
    with pytest.raises(ValueError, match="areas n and s stand in one book"):
        refuse_several_areas(BOOK)
