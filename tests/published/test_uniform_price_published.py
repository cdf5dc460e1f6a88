import numpy as np
import pytest

from gridagora.markets import OrderBook, clear

METHODS = ["exact", "pyomo"]


@pytest.mark.parametrize("method", METHODS)
def test_three_buyers_and_three_sellers(method):
    """O1, model.md C2: bids 9, 7, 4 and asks 2, 5, 6 of one unit trade 2 units; any price in [5, 6] clears.

    Convention: k = 1/2 takes the middle 5.5; surplus 9 + 7 - 2 - 5 = 9.
    """
    book = OrderBook(["buy"] * 3 + ["sell"] * 3, [9, 7, 4, 2, 5, 6], np.ones(6))
    found = clear(book, "uniform_price", method=method)
    assert found.volume == pytest.approx(2, abs=1e-9)
    assert found.price_interval == pytest.approx((5, 6), abs=1e-9)
    assert found.price == pytest.approx(5.5, abs=1e-9)
    assert found.welfare == pytest.approx(9, abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_pymarket_dataset_0(method):
    """O2, PyMarket (github.com/kiedanski/pymarket), test fixture "dataset 0" and its test of maximum utility.

    Buyers 1 at 3, 2 at 4, 5 at 1; sellers 4 at 2, 1 at 1, 5 at 6: maximum welfare 6, volume 3. The ask at 2 is
    filled in part (2 of 4), so the price is 2 for every k.
    """
    book = OrderBook(["buy"] * 3 + ["sell"] * 3, [3, 4, 1, 2, 1, 6], [1, 2, 5, 4, 1, 5])
    for k in (0.0, 0.5, 1.0):
        found = clear(book, "uniform_price", method=method, k=k)
        assert found.welfare == pytest.approx(6, abs=1e-9)
        assert found.volume == pytest.approx(3, abs=1e-9)
        assert found.price == pytest.approx(2, abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_smith_test_1(method):
    """O11, Smith (1962) Test 1, doi:10.1086/258609: values 3.25 to 0.75, costs 0.75 to 3.25, steps of 0.25.

    Equilibrium price 2.00, surplus 7.5, 5 to 6 trades: by the maximum volume rule the pair at 2.00 trades too,
    which makes 6 and leaves no interval.
    """
    values = np.arange(3.25, 0.5, -0.25)
    book = OrderBook(["buy"] * 11 + ["sell"] * 11, np.concatenate([values, values[::-1]]), np.ones(22))
    found = clear(book, "uniform_price", method=method)
    assert found.price == pytest.approx(2.0, abs=1e-9)
    assert found.price_interval == pytest.approx((2.0, 2.0), abs=1e-9)
    assert found.volume == pytest.approx(6, abs=1e-9)
    assert found.welfare == pytest.approx(7.5, abs=1e-9)
