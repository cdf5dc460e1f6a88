import runpy
import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

import gridagora.markets
from gridagora.markets import MECHANISMS, OrderBook, clear
from gridagora.markets.mechanisms.uniform_price import UniformPrice

BOOK = OrderBook(["buy"] * 3 + ["sell"] * 3, [9, 7, 4, 2, 5, 6], np.ones(6))


@pytest.mark.parametrize("method", ["auto", "exact", "pyomo"])
def test_every_method_gives_the_same_result(method):
    """Two of three pairs trade at the middle of [5, 6] whichever path computes it."""
    clearing = clear(BOOK, "uniform_price", method=method)
    assert clearing.accepted.tolist() == [1, 1, 0, 1, 1, 0]
    assert clearing.price == 5.5
    assert clearing.price_interval == (5.0, 6.0)
    assert clearing.method == ("pyomo" if method == "pyomo" else "exact")


def test_options_reach_the_mechanism():
    """The buyers' end of the interval is taken with k = 1."""
    assert clear(BOOK, "uniform_price", k=1.0).price == 6.0
    assert clear(BOOK, "uniform_price", k=0, method="pyomo").price == 5.0
    assert UniformPrice(k=0.25).clear(BOOK).price == 5.25


@pytest.mark.parametrize(
    ("mechanism", "options", "message"),
    [
        (
            "uniform_prise",
            {},
            f"unknown mechanism 'uniform_prise'; choose one of: {', '.join(sorted(MECHANISMS))}; "
            "nearest 'uniform_price'",
        ),
        (
            "uniform_price",
            {"metod": "exact"},
            "unknown option of uniform_price 'metod'; choose one of: hours, k, method, network; nearest 'method'",
        ),
        (
            "uniform_price",
            {"method": "lp"},
            "uniform_price: method: given 'lp'; Input should be 'auto', 'exact' or 'pyomo'",
        ),
        ("uniform_price", {"k": 1.5}, "uniform_price: k: given 1.5; Input should be less than or equal to 1"),
    ],
)
def test_what_is_not_allowed_is_answered_with_the_choices(mechanism, options, message):
    """A wrong name, option or value names what was given and what is allowed."""
    with pytest.raises(ValueError, match=r"unknown|given") as caught:
        clear(BOOK, mechanism, **options)
    assert str(caught.value) == message


def test_a_mechanism_is_frozen_and_listed():
    """Options of a mechanism cannot change after it was made; the dictionary holds it by name."""
    assert MECHANISMS["uniform_price"] is UniformPrice
    with pytest.raises(ValidationError):
        UniformPrice().k = 0.2


def test_a_book_of_several_areas_is_refused():
    """Without a network nothing says what may flow between areas."""
    one = OrderBook(["buy", "sell"], [2, 1], [1, 1], area=["north", "north"])
    assert clear(one, "uniform_price").volume == 1.0
    two = OrderBook(["buy", "sell"], [2, 1], [1, 1], area=["north", "south"])
    with pytest.raises(ValueError, match=r"areas north and south stand in one book, .* clear one book for each area"):
        clear(two, "uniform_price")


def test_public_names_load_on_first_use():
    """Importing the package loads neither numba nor Pyomo, clearing exactly does not load Pyomo."""
    text = (
        "import sys; from gridagora import markets; assert 'numba' not in sys.modules;"
        "book = markets.OrderBook(['buy', 'sell'], [2, 1], [1, 1]);"
        "assert markets.clear(book, 'uniform_price').price == 1.5; assert 'pyomo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", text], check=True)
    assert set(gridagora.markets.__all__) <= set(dir(gridagora.markets))
    assert all(hasattr(gridagora.markets, name) for name in gridagora.markets.__all__)
    with pytest.raises(AttributeError, match="has no name 'Auction'; public names: MECHANISMS"):
        _ = gridagora.markets.Auction
    with pytest.raises(ImportError, match=r"import gridagora\.markets, not markets"):
        runpy.run_path(gridagora.markets.__file__)
