"""Scarcity adders and pass-through within a band (B13)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets.scarcity import loss_of_load_probability, passed_through, scarcity_price


def test_probability_by_hand():
    """1 up to the minimum, 1/2 just above it, ndtr(-1) = 0.158655 a deviation beyond."""
    found = loss_of_load_probability([50, 100, 100 + 1e-9, 150], 100, 50)
    assert found == pytest.approx([1, 1, 0.5, 0.158655], abs=1e-6)


def test_price_by_hand():
    """At 0.5 and VoLL 20 the adder a deviation above the minimum is 19.5 x 0.158655; none beyond the margin."""
    found = scarcity_price([0.5, 0.5, 0.5], [50, 150, 150], [1000, 1000, 500], 100, 50, margin=0.2)
    assert found == pytest.approx([20, 0.5 + 19.5 * 0.158655, 0.5], abs=1e-4)


def test_pass_through_by_hand():
    """Half of a rise of 0.1 is 0.05; the band of 20 % around 0.4 ends at 0.48 and 0.32."""
    assert passed_through(0.4, [0.4, 0.8, 0.0], 0.3, share=0.5) == pytest.approx([0.45, 0.48, 0.32], abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.floats(-0.05, 20), st.floats(-500, 1e4), st.floats(0, 1000), st.floats(0.1, 500))
def test_laws(price, reserve, minimum, deviation):
    """Scarcity prices lie between the price and the value of lost load, and fall with reserves."""
    less, more = scarcity_price([price, price], [reserve, reserve + 100], [1000, 1000], minimum, deviation)
    assert price <= more <= less <= 20 + 1e-9


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 2), st.floats(-5, 5), st.floats(0, 1))
def test_band_holds(base, rise, share):
    """Prices stay within a fifth of the base."""
    assert abs(passed_through(base, 1 + rise, 1.0, share) - base) <= 0.2 * base + 1e-12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scarcity_price([21.0], [1.0], [1.0], 0, 1), "price: given 21"),
        (lambda: scarcity_price([1.0], [1.0], [0.0], 0, 1), "load: given 0"),
        (lambda: loss_of_load_probability(1.0, 0.0, 0.0), "deviation: given 0"),
        (lambda: passed_through(-1, 0, 0), "base: given -1"),
        (lambda: passed_through(1, 0, 0, share=2), "share: given 2"),
        (lambda: passed_through(1, np.nan, 0), "cost: given nan"),
    ],
)
def test_refusals(call, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(ValueError, match=message):
        call()
