"""Comfort, satisfaction and who leaves (A1.4, A7.1)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.satisfaction import Churn, Weights, comfort_loss, delay_loss, satisfaction


def test_comfort_and_delay_by_hand():
    """1 K below for a quarter and 2 K above for two quarters of an hour are 1.25 K h; early jobs lose nothing."""
    assert comfort_loss([[1, 0, 0]], [[0, 2, 2]], 0.25) == pytest.approx([1.25], abs=1e-12)
    assert delay_loss([[20, 8]], [[22, 7]], 0.5) == pytest.approx([1.0], abs=1e-12)


def test_satisfaction_by_hand():
    """A bill of 90 for 100 is 0.1; 2 K h, 30 min at 5 and 10 min of waiting take 0.02, 0.075 and 0.1."""
    weights = Weights(saving=1, discomfort=0.01, outage=0.0005, wait=0.01)
    assert satisfaction(weights, [100.0], [100.0]) == [0.0]
    found = satisfaction(
        weights, [90.0], [100.0], discomfort=[2.0], outage_minutes=[30.0], outage_value=[5.0], wait_minutes=[10.0]
    )
    assert found == pytest.approx([0.1 - 0.02 - 0.075 - 0.1], abs=1e-12)


def test_churn_by_hand():
    """A new content member leaves at 1 - exp(-0.02); after 100 months at kappa 0.01 at 1 - exp(-0.02 / e)."""
    found = Churn().chance([0.0, 0.0], [0.0, 100.0])
    assert found == pytest.approx([1 - np.exp(-0.02), 1 - np.exp(-0.02 / np.e)], abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.floats(-1e4, 1e4), st.floats(0, 10), st.floats(0, 600))
def test_laws_of_churn(satisfied, more, tenure):
    """It is a probability that falls with satisfaction and with tenure."""
    low, high, later = Churn().chance([satisfied + more, satisfied, satisfied], [tenure, tenure, tenure + more])
    assert 0 <= low <= high <= 1
    assert later <= high


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Weights(wait=-1), "wait: given -1"),
        (lambda: satisfaction(Weights(), [1.0], [0.0]), "reference: given 0"),
        (lambda: satisfaction(Weights(), [np.nan], [1.0]), "bill: given nan"),
        (lambda: Churn(rate=-1), "rate: given -1"),
        (lambda: Churn().chance([0.0], [-1.0]), "tenure: given -1"),
    ],
)
def test_refusals(call, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(ValueError, match=message):
        call()
