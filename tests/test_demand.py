"""Price response by elasticities between price classes (A1.2 a) and by substitution between them (A1.2 b)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.demand import ces_response, price_response

#: Two periods at 0.6 and one at 0.3, reference 0.5: relative prices 1.2 and 0.6.
PRICES = np.array([0.6, 0.6, 0.3])
CLASSES = np.array([0, 0, 1], np.uint8)
LOAD = np.array([0.5, 0.5, 3.0])


def test_linear_form():
    """1 - 0.1 x 0.2 + 0.02 x (-0.4) = 0.972 in the dear class, 1 + 0.02 x 0.2 - 0.1 x (-0.4) = 1.044 in the other."""
    factor = price_response(PRICES, 0.5, CLASSES, LOAD, -0.1, 0.02)
    assert factor == pytest.approx([0.972, 0.972, 1.044], abs=1e-12)


def test_log_form():
    """The factor is 1.2^-0.1 x 0.6^0.02 = 0.971952 in the dear class, 1.2^0.02 x 0.6^-0.1 = 1.056254 in the other."""
    factor = price_response(PRICES, 0.5, CLASSES, LOAD, -0.1, 0.02, form="log")
    # ln 1.2 = 0.18232156, ln 0.6 = -0.51082562: exponents -0.02844867 and 0.05472899.
    assert factor == pytest.approx([0.9719522, 0.9719522, 1.0562543], abs=1e-7)


def test_two_stages_of_substitution():
    """O43: 10 kWh a day, a fifth at peak, flat 0.5 to 0.9 and 0.4: the mean price stays, the peak is 1.873400 kWh."""
    load, prices, classes = np.array([2.0, 8.0]), np.array([0.9, 0.4]), np.array([0, 1], np.uint8)
    answer = load * ces_response(prices, 0.5, classes, load, 0.10, -0.04)
    assert answer[0] == pytest.approx(1.873400, abs=1e-6)
    assert answer[0] / 2 - 1 == pytest.approx(-0.06330, abs=1e-5)
    assert answer.sum() == pytest.approx(10.0, abs=1e-6)


def test_substitution_of_several_loads_and_periods():
    """Loads 1 and 3, 3 and 1 in dear and cheap classes, 0.6 and 0.3 against 0.5: mean prices 0.375 and 0.525.

    With sigma = eta = -1 the classes keep what they spend: 1 x 0.3 : 3 x 0.6, 3 x 0.3 : 1 x 0.6.
    """
    loads = np.array([LOAD, [1.5, 1.5, 1.0], [0.0, 0.0, 0.0]])
    factor = ces_response(PRICES, 0.5, CLASSES, loads, 1.0, -1.0)
    dear, cheap = factor[:2, 0] * [1, 3], factor[:2, 2] * [3, 1]
    assert (factor[:, 0] == factor[:, 1]).all()
    assert dear / cheap == pytest.approx([0.3 / 1.8, 0.9 / 0.6])
    assert dear + cheap == pytest.approx([4 / 0.75, 4 / 1.05])
    assert np.isfinite(factor).all()


def test_awareness_scales_substitution():
    """Half the awareness is half of both elasticities; without any the load stays, to the last bit."""
    half = ces_response(PRICES, 0.5, CLASSES, LOAD, 0.1, -0.04, awareness=0.5)
    assert half == pytest.approx(ces_response(PRICES, 0.5, CLASSES, LOAD, 0.05, -0.02), abs=1e-12)
    assert (ces_response(PRICES, 0.5, CLASSES, LOAD, 0.1, -0.04, awareness=0.0) == 1.0).all()


def test_logarithms_need_prices_above_zero():
    """Free energy has no logarithm; the linear form takes it."""
    free = np.array([0.6, 0.6, 0.0])
    assert np.isfinite(price_response(free, 0.5, CLASSES, LOAD, -0.1, 0.0)).all()
    with pytest.raises(ValueError, match=r"retail price: given 0; the responses `log` and `ces` take prices above 0"):
        price_response(free, 0.5, CLASSES, LOAD, -0.1, 0.0, form="log")
    with pytest.raises(ValueError, match=r"retail price: given -0.1; .* choose `response: linear`"):
        ces_response(free - 0.1, 0.5, CLASSES, LOAD, 0.1, -0.04)


def test_awareness_scales_the_elasticities():
    """Half the awareness is half the linear response."""
    factor = price_response(PRICES, 0.5, CLASSES, LOAD, -0.1, 0.02, awareness=0.5)
    assert factor == pytest.approx([0.986, 0.986, 1.022], abs=1e-12)
    blind = price_response(PRICES, 0.5, CLASSES, LOAD, -0.1, 0.02, form="log", awareness=0.0)
    assert (blind == 1.0).all()


def test_neutral_form():
    """What leaves a class arrives in the other: 1 - 0.02 + 0.3 x (-0.4) = 0.86 and 1 + 0.1 / 3 x 0.2 + 0.04.

    The dear class has load 1, the cheap one 3; the load stays 4.
    """
    factor = price_response(PRICES, 0.5, CLASSES, LOAD, -0.1, 0.9, neutral=True)
    assert factor == pytest.approx([0.86, 0.86, 1.0466666667], abs=1e-9)
    assert (factor * LOAD).sum() == pytest.approx(4.0, abs=1e-12)


@pytest.mark.parametrize("form", ["linear", "log"])
def test_neutral_with_a_single_class_does_nothing(form):
    """With one price there is nowhere to shift load to."""
    factor = price_response(np.full(3, 0.9), 0.5, np.zeros(3, np.uint8), LOAD, -0.5, 0.0, form=form, neutral=True)
    assert (factor == 1.0).all()


@pytest.mark.parametrize("form", ["linear", "log"])
def test_neutral_with_load_in_one_class_only(form):
    """Load that no other period could take stays where it is."""
    load = np.array([4000.0, 4000.0, 0.0])
    factor = price_response(PRICES, 0.5, CLASSES, load, -0.5, 0.0, form=form, neutral=True)
    assert (factor * load == load).all()


def test_neutral_for_each_of_several_loads():
    """A table of loads is neutral row by row: 0.86 and 1.046667 for 1 against 3, 0.94 and 1.06 for 2 against 2."""
    loads = np.array([LOAD, [1.0, 1.0, 2.0]])
    factor = price_response(PRICES, 0.5, CLASSES, loads, -0.1, 0.0, neutral=True)
    assert factor == pytest.approx(np.array([[0.86, 0.86, 1.0466666667], [0.94, 0.94, 1.06]]), abs=1e-9)
    assert (factor * loads).sum(axis=1) == pytest.approx([4.0, 4.0])


def test_load_is_never_negative():
    """A linear response of 1 - 2 x 1 ends at 0."""
    factor = price_response(np.full(2, 1.0), 0.5, np.zeros(2, np.uint8), np.ones(2), -2.0, 0.0)
    assert (factor == 0.0).all()


def test_classes_need_not_be_numbered_without_gaps():
    """A class without a period today takes no part: classes 0 and 2 answer as 0 and 1 do."""
    factor = price_response(PRICES, 0.5, np.array([0, 0, 2], np.uint8), LOAD, -0.1, 0.02)
    assert factor == pytest.approx([0.972, 0.972, 1.044], abs=1e-12)


def days(largest_change):
    """Return a strategy of days: reference, relative price of three classes, class and load of each period."""
    ratio = st.floats(1 - largest_change, 1 + largest_change)
    period = st.tuples(st.integers(0, 2), st.floats(0.5, 2.0))
    return st.tuples(st.floats(0.1, 2.0), st.tuples(ratio, ratio, ratio), st.lists(period, min_size=1, max_size=8))


def arrays(day):
    """Return prices, reference, classes and load of a day."""
    reference, ratios, periods = day
    classes = np.array([s for s, _ in periods], np.uint8)
    return reference * np.array(ratios)[classes], reference, classes, np.array([load for _, load in periods])


@settings(deadline=None)
@given(days(0.02), st.floats(-0.5, 0.0), st.floats(0.0, 1.0))
def test_neutral_form_keeps_the_load(day, own, awareness):
    """Whatever the prices, pure shifting conserves the day's load (A1.2: sum_t d0_t eps_ts = 0)."""
    prices, reference, classes, load = arrays(day)
    factor = price_response(prices, reference, classes, load, own, 0.0, neutral=True, awareness=awareness)
    assert (factor * load).sum() == pytest.approx(load.sum(), rel=1e-12)


@settings(deadline=None)
@given(days(0.01), st.floats(-0.5, 0.0), st.floats(0.0, 0.1))
def test_linear_and_log_agree_for_small_changes(day, own, cross):
    """Prices within 1 % of the reference: the forms differ by second-order terms, below 1e-4."""
    prices, reference, classes, load = arrays(day)
    linear, log = (
        price_response(prices, reference, classes, load, own, cross, form=form) for form in ("linear", "log")
    )
    assert np.abs(linear - log).max() < 1e-4


@settings(deadline=None)
@given(days(0.5), st.floats(-2.0, 0.0), st.floats(0.0, 1.0), st.booleans(), st.sampled_from(["linear", "log"]))
def test_nothing_happens_at_the_reference_price(day, own, cross, neutral, form):
    """At the reference price the factor is 1 in every form."""
    prices, reference, classes, load = arrays(day)
    same = np.full_like(prices, reference)
    factor = price_response(same, reference, classes, load, own, cross, form=form, neutral=neutral)
    assert factor == pytest.approx(np.ones(load.size), abs=1e-12)


@settings(deadline=None)
@given(days(0.3), st.floats(-0.5, 0.0), st.sampled_from(["linear", "log"]))
def test_without_cross_elasticity_a_dearer_class_never_uses_more(day, own, form):
    """Own-price response has the sign of the price change, turned round."""
    prices, reference, classes, load = arrays(day)
    factor = price_response(prices, reference, classes, load, own, 0.0, form=form)
    assert ((factor - 1) * (prices - reference) <= 1e-12).all()


@settings(deadline=None)
@given(days(0.5), st.floats(0.0, 2.0))
def test_substitution_alone_keeps_the_load(day, substitution):
    """Without a daily elasticity the day's load stays; a class dearer than all others never gains (A1.2 b)."""
    prices, reference, classes, load = arrays(day)
    factor = ces_response(prices, reference, classes, load, substitution, 0.0)
    assert (factor * load).sum() == pytest.approx(load.sum(), rel=1e-12)
    assert (factor[prices == prices.max()] <= 1 + 1e-12).all()
