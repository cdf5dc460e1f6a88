"""Best retail prices against customers that optimise (B11 case 3, P6)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from gridagora.markets import bilevel
from gridagora.markets.bilevel import Follower, best_tariff, elastic_follower
from gridagora.markets.pricing import LinearDemand, monopoly_prices

INTERCEPT, SLOPE, COST = np.array([10.0, 12.0, 15.0, 20.0]), np.full(4, 2.0), np.array([0.3, 0.5, 0.8, 1.6])

#: 2 kWh are needed, at most 1.5 of them in each of two periods; the second comes at an inconvenience of 0.2.
SHIFTING = Follower([0, 1], [0.0, 0.2], 1.5, [[1.0, 1.0]], [2.0])


def test_monopoly_in_steps():
    """O35: zooming in on prices around the last ones reaches 2.65, 3.25, 4.15, 5.80 and 83.895 within 1e-3."""
    low, high = COST.copy(), 0.98 * INTERCEPT / SLOPE
    for _ in range(6):
        step = (high - low) / 8
        follower = elastic_follower(INTERCEPT, SLOPE, high[:, None] - step[:, None] * np.arange(9))
        found = best_tariff(follower, COST[follower.period], low, high)
        low, high = found.price - step, np.minimum(found.price + step, 0.98 * INTERCEPT / SLOPE)
    assert found.price == pytest.approx([2.65, 3.25, 4.15, 5.80], abs=1e-3)
    assert found.profit == pytest.approx(83.895, abs=1e-3)
    assert found.price == pytest.approx(monopoly_prices(LinearDemand(INTERCEPT, SLOPE, COST)), abs=1e-3)
    assert found.gap > 0


def test_shifting_by_hand():
    """Costs 0.1 and 0.6, prices up to 1: at 1 and 1 the customer buys 1.5 kWh in the first period, which is certain.

    The retailer earns 1.5 x 0.9 + 0.5 x 0.4 = 1.55; the customer pays 1.5 x 1 + 0.5 x 1.2 = 2.1.
    """
    found = best_tariff(SHIFTING, [0.1, 0.6], [0.0, 0.0], [1.0, 1.0])
    assert found.price == pytest.approx([1.0, 1.0], abs=1e-6)
    assert found.demand == pytest.approx([1.5, 0.5], abs=1e-6)
    assert (found.profit, found.profit_pessimistic) == pytest.approx((1.55, 1.55), abs=1e-6)
    assert found.customer_cost == pytest.approx(2.1, abs=1e-6)


def test_ties_make_a_gap():
    """Energy dear in the first period: the retailer wants 1.5 kWh in the second, at 0.8 where the customer just would.

    Prices 1 and 0.8 earn 0.5 x (1 - 0.9) + 1.5 x (0.8 - 0.1) = 1.10; the customer who would rather not leaves
    1.5 x 0.1 + 0.5 x 0.7 = 0.50.
    """
    found = best_tariff(SHIFTING, [0.9, 0.1], [0.0, 0.0], [1.0, 1.0])
    assert found.price == pytest.approx([1.0, 0.8], abs=1e-6)
    assert (found.profit, found.profit_pessimistic, found.gap) == pytest.approx((1.10, 0.50, 0.60), abs=1e-6)


def test_cap_on_the_average():
    """A mean of at most 0.5 at weights 3 and 1 leaves 3 p1 + p2 = 2, which earns 0.8 wherever the first is cheaper."""
    found = best_tariff(SHIFTING, [0.1, 0.1], [0.0, 0.0], [1.0, 1.0], reference=[3.0, 1.0], average_cap=0.5)
    assert 3 * found.price[0] + found.price[1] <= 2 + 1e-6
    # While p1 <= p2 + 0.2: 1.5 p1 + 0.5 p2 = 1.5 (2 - p2) / 3 + 0.5 p2 = 1, less the cost of 2 x 0.1.
    assert found.profit == pytest.approx(0.8, abs=1e-6)


def battery():
    """Return a customer with 1 kWh in each of two periods and a store of 1 kWh that loses a fifth.

    Columns: bought in each period, charged in the first, discharged in the second.
    """
    rows = [[1.0, 0.0, -1.0, 0.0], [0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.8, -1.0]]
    return Follower([0, 1, -1, -1], 0.0, [3.0, 3.0, 1.0, 1.0], rows, [1.0, 1.0, 0.0])


def test_a_battery_limits_the_spread():
    """With the first price at most 0.4, a second one above 0.4 / 0.8 = 0.5 makes the store take 0.8 kWh over.

    Where energy costs nothing and the second price may be 2, that earns 2 x 0.4 + 0.2 x 2 = 1.2 against 0.4 + 0.5.
    Where it costs 0.39 in the first period and the second price ends at 0.6, 0.5 earns 0.01 + 0.5 = 0.51 if the
    customer leaves the store alone, and 2 x 0.01 + 0.2 x 0.5 = 0.12 if it does not, which costs it the same.
    """
    found = best_tariff(battery(), 0.0, [0.0, 0.0], [0.4, 2.0])
    assert (found.profit, found.price[1]) == pytest.approx((1.2, 2.0), abs=1e-6)
    assert found.demand == pytest.approx([2.0, 0.2, 1.0, 0.8], abs=1e-6)
    dear = best_tariff(battery(), [0.39, 0.0, 0.0, 0.0], [0.0, 0.0], [0.4, 0.6])
    assert dear.price == pytest.approx([0.4, 0.5], abs=1e-6)
    assert dear.profit == pytest.approx(0.51, abs=1e-6)
    assert dear.profit_pessimistic == pytest.approx(0.12, abs=1e-6)


@settings(max_examples=12, deadline=None)
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.2, 1.0), st.floats(0.0, 0.5))
def test_no_grid_price_is_better(one, other, highest, inconvenience):
    """On a grid of prices nobody earns more, the customer's cost agrees with another solver, and bounds hold."""
    follower = Follower([0, 1], [0.0, inconvenience], 1.5, [[1.0, 1.0]], [2.0])
    cost = np.array([one, other])
    found = best_tariff(follower, cost, [0.0, 0.0], [highest, highest])
    assert ((found.price >= -1e-9) & (found.price <= highest + 1e-9)).all()
    assert found.gap >= -1e-6
    for first in np.linspace(0, highest, 5):
        for second in np.linspace(0, highest, 5):
            unit = [first, second + inconvenience]
            if abs(unit[0] - unit[1]) < 1e-3:
                continue
            answer = linprog(unit, A_eq=[[1, 1]], b_eq=[2], bounds=[(0, 1.5)] * 2).x
            assert (np.array([first, second]) - cost) @ answer <= found.profit + 1e-5
    unit = found.price + np.array([0.0, inconvenience])
    least = linprog(unit, A_eq=[[1, 1]], b_eq=[2], bounds=[(0, 1.5)] * 2)
    assert found.customer_cost == pytest.approx(least.fun, abs=1e-6)


def test_bounds_of_shadow_prices_widen(monkeypatch):
    """If no bound is ever wide enough the program says so instead of answering."""
    monkeypatch.setattr(bilevel, "_WIDENINGS", -1)
    with pytest.raises(RuntimeError, match="a shadow price reached its bound"):
        best_tariff(SHIFTING, [0.1, 0.6], [0.0, 0.0], [1.0, 1.0])


def test_contradiction_is_told(monkeypatch):
    """A profit that the customer's own optimum does not confirm is an error."""
    true = bilevel._optimum
    monkeypatch.setattr(bilevel, "_optimum", lambda *a: (true(*a)[0], true(*a)[1] + 1))
    with pytest.raises(RuntimeError, match="by the customer's own optimum"):
        best_tariff(SHIFTING, [0.1, 0.6], [0.0, 0.0], [1.0, 1.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Follower([0], 0.0, 0.0), "cap: given 0"),
        (lambda: Follower([0], 0.0, 1.0, [[1.0, 1.0]], [1.0]), r"rows: given shape \(1, 2\); allowed \(1, 1\)"),
        (lambda: elastic_follower([10.0], [2.0], [[1.0, 2.0]]), "values: allowed: descending"),
        (lambda: best_tariff(SHIFTING, 0.1, [1.0, 0.0], [0.5, 1.0]), "low at most high"),
        (lambda: best_tariff(SHIFTING, 0.1, [0.0], [0.5]), "one pair for each tariff period"),
        (lambda: best_tariff(SHIFTING, 0.1, [0, 0], [1, 1], average_cap=1.0), "`reference` belong together"),
    ],
)
def test_refusals(call, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(ValueError, match=message):
        call()


def test_shadow_prices_beyond_the_first_bound():
    """A need of 1 met by 50 kWh at 0.01 each makes the other way worth 100 times the price; the bound widens to it."""
    follower = Follower([0, -1], 0.0, [100.0, 0.5], [[0.01, 1.0]], [1.0])
    found = best_tariff(follower, 0.0, [0.0], [1.0])
    assert found.demand == pytest.approx([50.0, 0.5], abs=1e-6)
    assert (found.price[0], found.profit) == pytest.approx((1.0, 50.0), abs=1e-6)
