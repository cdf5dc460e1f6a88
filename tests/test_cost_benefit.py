"""What a change is worth to the system, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from gridagora.sim.cost_benefit import avoided_capacity_cost, deferral_value, deferral_years, estimate


def test_avoided_capacity_by_hand():
    """Ten of 100 kW less save 5000 a year at 500 each; ten more cost as much; another price scales it."""
    assert avoided_capacity_cost(100, 90) == 5000
    assert avoided_capacity_cost(90, 100) == -5000
    assert avoided_capacity_cost(100, 90, 80) == 800


def test_deferral_years_by_hand():
    """From 100 to 1.02^-3 of it growth of 2 % needs three years; a higher peak brings the investment forward."""
    assert deferral_years(100, 100 / 1.02**3, 0.02) == pytest.approx(3)
    assert deferral_years(100, 104.04, 0.02) == pytest.approx(-2)


def test_deferral_value_by_hand():
    """A million, two years later, at 8 % and 2 % dearer each year: 1e6 (1 - (1.02 / 1.08)^2) = 108,024.69."""
    assert deferral_value(1e6, 2, 0.08, 0.02) == pytest.approx(108_024.691358)
    assert deferral_value(1e6, 1, 0.0) == 0
    assert deferral_value(1e6, 0, 0.08) == 0
    assert deferral_value(1e6, -1, 0.08) == pytest.approx(-80_000)


@given(st.floats(1, 1e6), st.floats(0, 30), st.floats(0, 0.3), st.floats(0, 0.3))
def test_deferral_is_the_difference_of_present_values(investment, years, rate, escalation):
    """Investing now, less the dearer investment later, discounted."""
    later = investment * (1 + escalation) ** years / (1 + rate) ** years
    assert deferral_value(investment, years, rate, escalation) == pytest.approx(investment - later, abs=1e-6 * later)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: avoided_capacity_cost(-1, 0), "peak_before_kw"),
        (lambda: avoided_capacity_cost(1, 0, -1), "cost_per_kw_year"),
        (lambda: deferral_years(1, 0, 0.02), "peak_after_kw"),
        (lambda: deferral_years(1, 1, 0), "load_growth"),
        (lambda: deferral_value(-1, 1, 0.08), "investment"),
        (lambda: deferral_value(1, 1, -1), "rate"),
        (lambda: estimate([1.0], 1.0), "level"),
    ],
)
def test_numbers_out_of_range_are_refused(call, name):
    """With their name."""
    with pytest.raises(ValueError, match=name):
        call()


def test_estimate_by_hand():
    """1, 2, 3: mean 2, standard error 1 / sqrt 3, t 4.302653; nan does not count, one value has no interval."""
    found = estimate([1.0, np.nan, 2.0, 3.0])
    assert (found.mean, found.high - 2, 2 - found.low) == pytest.approx((2, 4.302653 / 3**0.5, 4.302653 / 3**0.5))
    one = estimate([5.0])
    assert (one.mean, np.isnan(one.low), np.isnan(one.high)) == (5.0, True, True)
    assert np.isnan(estimate([np.nan]).mean)


def test_the_interval_is_that_of_the_paired_test():
    """The same as SciPy's for differences of pairs, at another level too."""
    rng = np.random.default_rng(1)
    without, with_it = rng.normal(size=(2, 7))
    for level in (0.95, 0.8):
        found = estimate(with_it - without, level)
        interval = ttest_rel(with_it, without).confidence_interval(level)
        assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
