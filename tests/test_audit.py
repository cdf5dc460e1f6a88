"""The second solution of an online auction through Pyomo."""

import re

import numpy as np
import pytest

from gridagora.markets.price_grid import clear_grid
from gridagora.scenarios.auctioneer import AuditDifference, audit

KWH = 1_000_000


def curves(bids, offers):
    """Return energy by tick of 1 currency/kWh, from kWh by price."""
    column = np.zeros((2, 12), np.int64)
    for side, orders in enumerate((bids, offers)):
        for price, kwh in orders.items():
            column[side, price] = round(kwh * KWH)
    return column


#: One kWh each at 9, 7, 4 and 2, 5, 6: 2 kWh trade at a price in [5, 6] for a welfare of 9 (validation.md O1).
O1 = curves({9: 1, 7: 1, 4: 1}, {2: 1, 5: 1, 6: 1})


def cleared(column, k=0.5):
    """Return the outcome on the price grid."""
    return clear_grid(column[0], column[1], 0.0, 1.0, k)


@pytest.mark.parametrize(("k", "price"), [(0.0, 5.0), (0.5, 5.5), (1.0, 6.0)])
def test_both_solutions_agree(k, price):
    """The second solution has welfare 9, volume 2 and the same interval."""
    grid = cleared(O1, k)
    assert grid.price == price
    second = audit(grid, O1, 0.0, 1.0, k, "day 1 period 2")
    assert second.welfare == pytest.approx(9.0)
    assert second.volume == pytest.approx(2.0)
    assert second.price_interval == pytest.approx((5.0, 6.0))
    assert second.price == pytest.approx(price)


def test_an_unequal_book():
    """4 and 6 kWh at 8 and 6 meet 7 at 3: the price is 6, welfare 4 x 8 + 3 x 6 - 7 x 3 = 29."""
    column = curves({8: 4, 6: 6}, {3: 7})
    second = audit(cleared(column), column, 0.0, 1.0, 0.5, "")
    assert second.welfare == pytest.approx(29.0)
    assert second.price == pytest.approx(6.0)


def test_floor_and_tick_count():
    """On a grid from -0.05 in steps of 0.01 ticks 2 and 6 are -0.03 and 0.01: with k 1/2 the price is -0.01."""
    column = curves({6: 2}, {2: 2})
    grid = clear_grid(column[0], column[1], -0.05, 0.01)
    assert grid.price == pytest.approx(-0.01)
    assert audit(grid, column, -0.05, 0.01, 0.5, "").welfare == pytest.approx(0.08)


def test_without_a_crossing_there_is_no_price_to_compare():
    """Bids below all offers trade nothing in either solution."""
    column = curves({2: 1}, {5: 1})
    second = audit(cleared(column), column, 0.0, 1.0, 0.5, "")
    assert second.volume == 0
    assert second.welfare == 0


@pytest.mark.parametrize(("bids", "offers"), [({}, {}), ({5: 1}, {}), ({}, {5: 1})])
def test_with_an_empty_side_there_is_nothing_to_solve(bids, offers):
    """A side without orders trades nothing."""
    column = curves(bids, offers)
    assert audit(cleared(column), column, 0.0, 1.0, 0.5, "") is None


@pytest.mark.parametrize(
    "wrong", [{"price": 6.1}, {"price": 4.9}, {"welfare": 9.0001}, {"welfare": 8.9999}, {"price": float("nan")}]
)
def test_a_difference_stops_the_run(wrong):
    """A price outside the second interval or another welfare is an error that shows both solutions."""
    grid = cleared(O1)._replace(**wrong)
    with pytest.raises(AuditDifference, match=r"^online auction of day 3 period 7: price grid: welfare ") as caught:
        audit(grid, O1, 0.0, 1.0, 0.5, "day 3 period 7")
    # Without the compiler the numbers are numpy's and say so.
    text = re.sub(r"np\.float64\((.*?)\)", r"\1", str(caught.value))
    assert f"welfare {grid.welfare}, price {grid.price} in [5.0, 6.0], 2.0 kWh; Pyomo: welfare " in text


def test_a_price_within_a_millionth_passes():
    """Solver prices carry dust: half of 1e-6 outside the interval is no difference, twice is."""
    audit(cleared(O1)._replace(price=6.0000005), O1, 0.0, 1.0, 0.5, "")
    with pytest.raises(AuditDifference):
        audit(cleared(O1)._replace(price=6.000002), O1, 0.0, 1.0, 0.5, "")
