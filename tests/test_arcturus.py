"""Peak reduction by the regression over tariff pilots (A1.2 c)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.arcturus import arcturus_response, peak_change

#: Two periods at the peak and two off it.
CLASSES = np.array([1, 1, 0, 0], np.uint8)
LOAD = np.array([[1.0, 1.0, 2.0, 4.0], [0.5, 1.5, 0.0, 0.0]])


def at_ratio(ratio):
    """Return prices at a peak to off-peak ratio."""
    return np.where(CLASSES == 1, 0.2 * ratio, 0.2)


@pytest.mark.parametrize(
    ("ratio", "without", "with_technology"),
    [(2, 5.61, 8.79), (3, 8.24, 13.29), (4, 10.11, 16.49), (5, 11.56, 18.96), (8, 14.62, 24.18)],
)
def test_published_reductions(ratio, without, with_technology):
    """O28: peak reductions in percent at ratios 2, 3, 4, 5 and 8, without and with technology."""
    assert -100 * peak_change(ratio) == pytest.approx(without, abs=0.006)
    assert -100 * peak_change(ratio, 1.0) == pytest.approx(with_technology, abs=0.006)
    factor = arcturus_response(at_ratio(ratio), CLASSES, LOAD[:1], technology=1.0)
    assert -100 * (factor[0, 0] - 1) == pytest.approx(with_technology, abs=0.006)


def test_equal_prices():
    """The fitted intercept takes 1.1 % off the peak at ratio 1; without it nothing, and a flat tariff never."""
    assert peak_change(1.0) == pytest.approx(-0.011, abs=1e-15)
    assert peak_change(1.0, drop_intercept=True) == 0
    assert (arcturus_response(at_ratio(1), CLASSES, LOAD) == 1).all()
    assert (arcturus_response(np.full(4, 0.3), np.zeros(4, np.uint8), LOAD) == 1).all()


def test_rebound_by_hand():
    """At ratio e without intercept 6.5 % of 2 kWh leaves the peak; half of 0.13 kWh comes to 6 kWh off-peak."""
    factor = arcturus_response(at_ratio(np.e), CLASSES, LOAD, rebound=0.5, drop_intercept=True)
    assert factor[0] == pytest.approx([0.935, 0.935, 1 + 0.065 / 6, 1 + 0.065 / 6], abs=1e-12)
    assert factor[1] == pytest.approx([0.935, 0.935, 1, 1], abs=1e-12)


def test_off_peak_price_is_the_mean_of_the_rest():
    """Three classes at 0.8, 0.5 and 0.3: the ratio is 2."""
    prices, classes = np.array([0.8, 0.5, 0.3]), np.array([2, 1, 0], np.uint8)
    factor = arcturus_response(prices, classes, np.ones((1, 3)), technology=np.array([1.0]))
    assert factor[0, 0] == pytest.approx(1 + peak_change(2.0, 1.0), abs=1e-12)


def test_awareness_scales():
    """Half aware members answer half."""
    whole, half = (arcturus_response(at_ratio(3), CLASSES, LOAD, awareness=a) - 1 for a in (1.0, 0.5))
    assert half == pytest.approx(whole / 2, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.floats(1, 10), st.floats(0, 1), st.floats(0, 1), st.floats(1, 2))
def test_laws(ratio, technology, rebound, further):
    """A higher ratio or more technology never means more peak; full rebound keeps the day's energy."""
    assert peak_change(ratio * further, technology) <= peak_change(ratio, technology)
    assert peak_change(ratio, 1.0) <= peak_change(ratio, technology)
    factor = arcturus_response(at_ratio(ratio), CLASSES, LOAD, technology=technology, rebound=rebound)
    day = (LOAD * factor).sum(axis=1)
    assert (factor >= 0).all()
    assert (day <= LOAD.sum(axis=1) + 1e-12).all()
    whole = arcturus_response(at_ratio(ratio), CLASSES, LOAD, technology=technology)
    assert (LOAD[0] * whole[0]).sum() == pytest.approx(LOAD[0].sum(), abs=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: peak_change(0.9), "ratio: given 0.9"),
        (lambda: peak_change(2, 1.1), "technology: given 1.1"),
        (lambda: arcturus_response(np.zeros(4), CLASSES, LOAD), "prices: given 0"),
        (lambda: arcturus_response(at_ratio(2), CLASSES, LOAD, rebound=2), "rebound: given 2"),
        (lambda: arcturus_response(at_ratio(2), CLASSES, LOAD, awareness=-1), "awareness: given -1"),
        (lambda: arcturus_response(at_ratio(1e7), CLASSES, LOAD, technology=1), "price ratio: given 1e"),
    ],
)
def test_refusals(call, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(ValueError, match=message):
        call()
