"""Slow habits and perceived prices (A1.2)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.perception import block_bill, habit, perceived_price

#: Three blocks: 0.5 up to 200 kWh, 0.6 up to 400 kWh, 0.9 beyond.
LIMITS, PRICES = [200.0, 400.0], [0.5, 0.6, 0.9]


def test_habit_by_hand():
    """A fifth of the way in the first month, 0.36 after two; months add up."""
    assert habit(10, 5, 1) == pytest.approx(9.0, abs=1e-12)
    assert habit(10, 5, 2) == pytest.approx(8.2, abs=1e-12)
    assert habit(habit(10, 5, 1), 5, 1) == pytest.approx(habit(10, 5, 2), abs=1e-12)
    assert habit(10, 5, 0) == 10
    assert habit(10, 5, 1, share=1) == 5


def test_bill_by_hand():
    """500 kWh are 200 x 0.5 + 200 x 0.6 + 100 x 0.9 = 310."""
    assert block_bill([0, 100, 500], LIMITS, PRICES) == pytest.approx([0, 50, 310], abs=1e-12)


def test_marginal_and_average_by_hand():
    """The next kWh at 200 is in the second block; the average of 500 kWh with a fixed 10 is 320 / 500."""
    assert perceived_price("marginal", [100, 200, 500], LIMITS, PRICES).tolist() == [0.5, 0.6, 0.9]
    assert perceived_price("average", [500], LIMITS, PRICES, fixed=10) == pytest.approx([0.64], abs=1e-12)


def test_expected_marginal_by_hand():
    """At the limit of 200 half the chance is the first block; sure of it, all; a wide guess stays within the prices."""
    assert perceived_price("expected_marginal", [200], LIMITS, PRICES) == pytest.approx([0.55], abs=1e-9)
    assert perceived_price("expected_marginal", [100], LIMITS, PRICES, deviation=1e-6) == pytest.approx(
        [0.5], abs=1e-12
    )
    # Standard deviation 200 around 200: 0.5 + 0.1 (1/2) + 0.3 (1 - ndtr(1)), with ndtr(1) = 0.841345.
    wide = perceived_price("expected_marginal", [200], LIMITS, PRICES, deviation=1.0)
    assert wide == pytest.approx([0.55 + 0.3 * 0.158655], abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.floats(1, 2000), st.floats(0.01, 2))
def test_laws(energy, deviation):
    """With rising blocks the average is at most the marginal price, and all lie within the prices."""
    kinds = ("average", "marginal", "expected_marginal")
    average, marginal, expected = (
        perceived_price(kind, [energy], LIMITS, PRICES, deviation=deviation)[0] for kind in kinds
    )
    assert average <= marginal + 1e-12
    for price in (average, marginal, expected):
        assert 0.5 - 1e-9 <= price <= 0.9 + 1e-9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: habit(1, 1, 1, share=2), "share: given 2"),
        (lambda: habit(1, 1, -1), "months: given -1"),
        (lambda: block_bill([1], [400, 200], PRICES), r"limits: given \[400.0, 200.0\] for 3 prices"),
        (lambda: block_bill([1], [200], PRICES), r"limits: given \[200.0\] for 3 prices"),
        (lambda: perceived_price("average", [0], LIMITS, PRICES), "energy: given 0"),
        (lambda: perceived_price("felt", [1], LIMITS, PRICES), "perceived: given 'felt'; allowed: marginal"),
        (lambda: perceived_price("expected_marginal", [1], LIMITS, PRICES, deviation=0), "deviation: given 0"),
    ],
)
def test_refusals(call, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(ValueError, match=message):
        call()


def test_shapes():
    """Answers have one entry a member."""
    assert perceived_price("expected_marginal", np.arange(1.0, 6.0), LIMITS, PRICES).shape == (5,)
