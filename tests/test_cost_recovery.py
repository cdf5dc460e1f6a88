"""Revenue requirement and the price that covers it while customers leave (A6, D8.4)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets.cost_recovery import recover_cost, revenue_requirement


def test_requirement_by_hand():
    """100 of opex, 50 of depreciation, 6 % of 2000 and losses of 30 are 300."""
    assert revenue_requirement(100, 50, 2000, 0.06, 30) == pytest.approx(300, abs=1e-12)


def test_fixed_point_of_linear_sales():
    """Q = 100 - 50 p, F = 20, c = 0.2: (p - 0.2)(100 - 50 p) = 20 has the smaller root 0.459688.

    p = (110 - sqrt(110^2 - 4 x 50 x 40)) / 100; contraction F b / Q^2.
    """
    found = recover_cost(20, 0.2, lambda p: 100 - 50 * p, 0.3, 1.9)
    exact = (110 - np.sqrt(110**2 - 4 * 50 * 40)) / 100
    assert found.price == pytest.approx(exact, abs=1e-9)
    assert found.energy == pytest.approx(100 - 50 * exact, abs=1e-6)
    assert found.contraction == pytest.approx(20 * 50 / (100 - 50 * exact) ** 2, abs=1e-5)
    assert found.stable
    assert found.path[:2] == pytest.approx([0.3, 0.2 + 20 / 85], abs=1e-12)
    assert found.path[-1] == pytest.approx(exact, abs=1e-9)


def test_death_spiral():
    """At F = 60 no price covers the cost, since (p - 0.2)(100 - 50 p) is at most 40.5: revisions leave the range."""
    found = recover_cost(60, 0.2, lambda p: max(100 - 50 * p, 1e-3), 0.3, 1.9)
    assert np.isnan(found.price)
    assert not found.stable
    assert found.path[-1] > 1.9


def test_an_unstable_price():
    """Sales that drop from 100 to 20 within 0.02 around 0.5 have a price there from which revisions run away."""
    found = recover_cost(20, 0.0, lambda p: 100 - 80 / (1 + np.exp(-(p - 0.4) / 0.005)), 0.39, 0.45)
    assert found.price == pytest.approx(0.2, abs=1e-6)
    runaway = recover_cost(20, 0.1, lambda p: 60 - 40 / (1 + np.exp((p - 0.6) / 0.01)), 0.61, 2.0)
    assert runaway.contraction > 1
    assert not runaway.stable


def test_nothing_to_cover():
    """Without fixed cost the price is the variable cost."""
    found = recover_cost(0, 0.2, lambda p: 100 - 50 * p, 0.2, 1.9)
    assert (found.price, found.contraction) == (0.2, 0.0)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 35), st.floats(0, 0.3))
def test_laws(fixed, variable):
    """The price covers the cost exactly, lies above the variable cost, and the smaller root is stable."""
    found = recover_cost(fixed, variable, lambda p: 100 - 50 * p, variable, 1.9)
    if fixed < 0.95 * 50 * ((2 - variable) / 2) ** 2:
        assert (found.price - variable) * found.energy == pytest.approx(fixed, abs=1e-6)
        assert found.price >= variable
        assert found.contraction < 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: revenue_requirement(-1, 0, 0, 0, 0), "costs: given -1 at place 0"),
        (lambda: recover_cost(-1, 0, lambda p: 1.0, 0, 1), "fixed: given -1"),
        (lambda: recover_cost(1, 2, lambda p: 1.0, 0, 1), "highest: given 1"),
        (lambda: recover_cost(1, 0, lambda p: 0.0, 0, 1), "energy at 0 currency/kWh: given 0"),
        (lambda: recover_cost(1, 0, lambda p: 1.0, 2, 1), "first: given 2"),
    ],
)
def test_refusals(call, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(ValueError, match=message):
        call()
