import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gridagora.markets import engines
from gridagora.markets.engines import ENGINES, EnginesDiffer, Outcome, compare, random_book
from gridagora.markets.orders import OrderBook

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "differential.py"


@pytest.mark.compiled
def test_two_thousand_random_books_agree():
    """Sorting, price grid, HiGHS on arrays and Pyomo say the same of 2,000 books; most of them trade."""
    traded = 0
    for number in range(2000):
        try:
            outcomes = compare(random_book(1, number), k=(0.5, 0.0, 1.0)[number % 3])
        except EnginesDiffer as error:
            raise AssertionError(f"random_book(1, {number}): {error}") from error
        traded += outcomes["sorting"].volume > 0
    assert traded > 1000


def test_random_books_hold_the_hard_cases():
    """Among 500 books some are empty, one-sided, full of ties, of equal quantities, tiny and huge."""
    books = [random_book(1, number) for number in range(500)]
    assert any(len(book) == 0 for book in books)
    assert any(len(book) > 3 and book.is_buy.all() for book in books)
    assert any(len(book) > 3 and not book.is_buy.any() for book in books)
    assert any(len(book) > 9 and len(np.unique(book.price)) == 1 for book in books)
    assert any(len(book) > 9 and len(np.unique(book.quantity)) == 1 for book in books)
    totals = [book.quantity.sum() for book in books if len(book)]
    assert min(totals) < 1e-4
    assert max(totals) > 1e8
    again = random_book(1, 7)
    assert again.price.tolist() == books[7].price.tolist()


def test_all_engines_clear_a_book_by_hand():
    """Bids 5 and 3 meet asks 1 and 3 cents: 2 + 1 kWh at 3 cents, gains 2 x 5 + 1 x 3 - 1 x 1 - 2 x 3 = 6 cents."""
    book = OrderBook(["buy", "buy", "sell", "sell"], [0.05, 0.03, 0.01, 0.03], [2, 1, 1, 9])
    for name, outcome in compare(book).items():
        assert outcome == pytest.approx((0.06, 3.0, 0.03, 0.03, 0.03)), name


@pytest.mark.parametrize("field", Outcome._fields)
def test_a_difference_in_any_figure_is_found(monkeypatch, field):
    """An engine that is off by a millionth in one figure stops the comparison, which names all engines."""
    book = OrderBook(["buy", "sell"], [0.5, 0.3], [1.0, 2.0])
    right = ENGINES["price grid"]
    wrong = lambda book, k: (o := right(book, k))._replace(**{field: getattr(o, field) + 2e-6})  # noqa: E731
    monkeypatch.setitem(engines.ENGINES, "price grid", wrong)
    with pytest.raises(EnginesDiffer, match=r"2 orders by sorting: .*price grid: .*HiGHS arrays: .*Pyomo: "):
        compare(book)


def test_a_dual_outside_the_awards_interval_is_found(monkeypatch):
    """Awards that HiGHS's own price contradicts are no optimum."""
    book = OrderBook(["buy", "sell"], [0.5, 0.3], [1.0, 2.0])
    solve = engines._solve
    monkeypatch.setattr(engines, "_solve", lambda *given: (solve(*given)[0], 0.4))
    with pytest.raises(EnginesDiffer, match=r"dual 0.4 outside the interval \[0.3, 0.3\]"):
        engines.by_arrays(book, 0.5)


@pytest.mark.parametrize(("price", "quantity"), [(0.0005, 1.0), (1.501, 1.0), (-0.501, 1.0), (0.5, 1.5e-6)])
def test_books_off_the_grid_are_refused(price, quantity):
    """The price grid says which order does not lie on it."""
    with pytest.raises(ValueError, match=r"order 0: .*; the price grid takes prices from -0.5 to 1.5 in"):
        compare(OrderBook(["buy"], [price], [quantity]))


def test_the_script_prints_its_seed():
    """The benchmark prints the seed, the books and how many traded."""
    given = [sys.executable, str(SCRIPT), "--books", "20", "--seed", "5", "--first", "100"]
    done = subprocess.run(given, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("seed 5, books 100 to 119\n20 books agree on four engines, ")


@pytest.mark.slow
def test_a_hundred_thousand_random_books_agree():
    """O: 100,000 books by four engines on two processes."""
    given = [sys.executable, str(SCRIPT), "--books", "100000", "--seed", "2", "--workers", "2"]
    done = subprocess.run(given, capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "100000 books agree" in done.stdout
