"""Residents come and go as the tables say, whatever the block they are drawn in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridagora.agents.occupancy import (
    ACTIVE,
    ASLEEP,
    AWAY,
    AWAY_ASLEEP,
    DAY_TYPES,
    SIZES,
    STEPS,
    occupancy,
    residents_of,
    state_shares,
    transition,
    transition_matrices,
)
from gridagora.sim.streams import Streams

WEEK = np.array([0, 0, 0, 0, 0, 1, 2])


def test_shares_by_hand():
    """At 03:00 of a workday 89 of 100 sleep at home, at 03:30 half a point less; every row is a distribution."""
    night = state_shares("workday")
    assert night[36].tolist() == pytest.approx([0.03, 0.89, 0.04, 0.04])
    assert night[42].tolist() == pytest.approx([0.035, 0.885, 0.04, 0.04])
    for day_type in DAY_TYPES:
        shares = state_shares(day_type)
        assert shares.shape == (STEPS + 1, 4)
        assert shares.min() >= 0
        np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-12)
        # Any day can follow any other.
        np.testing.assert_array_equal(shares[[0, -1]], night[[0, 0]])


def test_transition_by_hand():
    """From half and half to a quarter and three: half of the first move; a fresh draw in one of two steps mixes."""
    before, after = np.array([0.5, 0.5, 0.0, 0.0]), np.array([0.25, 0.75, 0.0, 0.0])
    assert transition(before, after, 0.0)[0].tolist() == [0.5, 0.5, 0, 0]
    assert transition(before, after, 0.0)[1].tolist() == [0, 1, 0, 0]
    assert transition(before, after, 0.5)[0].tolist() == [0.375, 0.625, 0, 0]


SHARES = st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(lambda x: sum(x) > 0.1)


@given(SHARES, SHARES, st.floats(0, 1))
def test_transitions_keep_the_shares(before, after, renewal):
    """Whatever the persistence, rows are distributions and lead from the one set of shares to the other."""
    before, after = np.array(before) / sum(before), np.array(after) / sum(after)
    matrix = transition(before, after, renewal)
    assert matrix.min() >= -1e-12
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, atol=1e-9)
    np.testing.assert_allclose(before @ matrix, after, atol=1e-9)


def test_the_chain_is_stationary():
    """The matrices of a week lead from midnight's shares back to them, and from any start nearly there in two days."""
    matrices = transition_matrices()
    midnight = state_shares("workday")[0]
    shares, start = midnight, np.array([0.0, 0.0, 0.0, 1.0])
    for day_type in WEEK:
        for step, matrix in enumerate(matrices[day_type]):
            np.testing.assert_allclose(shares, state_shares(DAY_TYPES[day_type])[step], atol=1e-10)
            shares, start = shares @ matrix, start @ matrix
    np.testing.assert_allclose(shares, midnight, atol=1e-10)
    np.testing.assert_allclose(start, midnight, atol=1e-6)


def test_residents():
    """Sizes have the shares of their table, and nobody goes to work who does not live there."""
    residents = residents_of(Streams(3), "households", 0, 20_000)
    for size, share in enumerate(SIZES, 1):
        assert (residents[:, 0] == size).mean() == pytest.approx(share, abs=0.012)
    assert (residents[:, 1] <= residents[:, 0]).all()
    assert residents[:, 1].sum() / residents[:, 0].sum() == pytest.approx(0.55, abs=0.01)
    np.testing.assert_array_equal(residents_of(Streams(3), "households", 7, 5), residents[7:12])


def test_draws_belong_to_households():
    """A household lives the same days whether it is drawn alone or among others, and others live others."""
    streams, residents = Streams(5), np.array([[2, 1], [4, 2], [1, 0]], np.uint8)
    active, home = occupancy(streams, "households", 10, residents, WEEK[4:])
    for i in range(3):
        alone = occupancy(streams, "households", 10 + i, residents[i : i + 1], WEEK[4:])
        np.testing.assert_array_equal(alone[0][0], active[i])
        np.testing.assert_array_equal(alone[1][0], home[i])
    assert (active <= home).all()
    assert (home <= residents[:, :1]).all()
    twin = occupancy(streams, "households", 11, residents[:1], WEEK[4:])
    assert (twin[0][0] != active[0]).any()


@pytest.mark.compiled
def test_chains_follow_the_tables():
    """Over many single residents, workers on workdays and others on their Saturdays are up as the tables say."""
    count = 4000
    for employed, lived in ((1, DAY_TYPES[0]), (0, DAY_TYPES[1])):
        residents = np.tile(np.array([1, employed], np.uint8), (count, 1))
        active, home = occupancy(Streams(8), "households", 0, residents, np.zeros(2, np.int64))
        shares = state_shares(lived)
        expected = np.tile(shares[:-1], (2, 1))
        assert np.abs(active.mean(axis=0) - expected[:, ACTIVE]).max() < 0.035
        inside = expected[:, ACTIVE] + expected[:, ASLEEP]
        assert np.abs(home.mean(axis=0) - inside).max() < 0.035
        np.testing.assert_allclose(1 - inside, expected[:, AWAY] + expected[:, AWAY_ASLEEP], atol=1e-12)


@pytest.mark.compiled
def test_a_family_moves_together():
    """Two residents of one house are up at the same time more often than two of different houses."""
    residents = np.tile(np.array([2, 2], np.uint8), (500, 1))
    active, _ = occupancy(Streams(2), "households", 0, residents, WEEK)
    both, one = (active == 2).mean(), active.mean() / 2
    hourly = (active / 2).mean(axis=0)
    assert both > (hourly**2).mean() * 1.1
    assert 0.2 < one < 0.5
