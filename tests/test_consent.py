"""Consent to the use of data (A1.8)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.consent import METER_QUALITY, Privacy, consents, data_quality
from gridagora.markets.strategies.draws import Draws

DRAWS, MEMBER = Draws(42, "households"), np.arange(2000)


def test_chance_by_hand():
    """A reward at the cost convinces half, one above it by ln 3 three quarters."""
    assert Privacy().chance([5.0, 5.0 + np.log(3)], [5.0, 5.0]) == pytest.approx([0.5, 0.75], abs=1e-12)


def test_costs_are_lognormal_and_stay():
    """Median 5, standard deviation of the logarithm 1; a member keeps its cost in any block."""
    cost = Privacy().costs(MEMBER, DRAWS)
    assert np.median(cost) == pytest.approx(5, rel=0.1)
    assert np.log(cost).std() == pytest.approx(1, abs=0.06)
    assert (Privacy().costs(MEMBER[50:60], DRAWS) == cost[50:60]).all()


def test_share_of_consent():
    """Without spread and with a sharp choice all consent above the median and none below."""
    sharp = Privacy(spread=0, sharpness=50)
    assert consents(sharp, 6.0, MEMBER, DRAWS).all()
    assert not consents(sharp, 4.0, MEMBER, DRAWS).any()


@settings(max_examples=30, deadline=None)
@given(st.floats(-10, 50), st.floats(0, 20))
def test_more_reward_never_loses_consent(reward, more):
    """Who consents at a reward does at any higher one."""
    low, high = (consents(Privacy(), r, MEMBER[:200], DRAWS) for r in (reward, reward + more))
    assert (high >= low).all()


def test_quality_by_meter():
    """Finer meters give better data; an unknown one is refused."""
    assert data_quality(["monthly_reading", "submeter"]).tolist() == [0.2, 1.0]
    assert list(METER_QUALITY.values()) == sorted(METER_QUALITY.values())
    with pytest.raises(ValueError, match="meter: given 'sundial'; allowed: monthly_reading"):
        data_quality(["sundial"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Privacy(median=0), "median: given 0"),
        (lambda: Privacy(spread=-1), "spread: given -1"),
        (lambda: Privacy(sharpness=0), "sharpness: given 0"),
        (lambda: Privacy().chance([1.0], [-1.0]), "cost: given -1"),
    ],
)
def test_refusals(call, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(ValueError, match=message):
        call()
