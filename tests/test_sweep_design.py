"""Designs: rows by hand, and what every sample must hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import qmc

from gridagora.scenarios.sweep_design import design_rows, is_whole, morris_shares, saltelli_shares, scaled
from gridagora.scenarios.sweep_file import Range, Sweep

SHARE, COUNT, MECHANISM = "households.pv_share", "households.count", "market.mechanism"


def rows(base=None, **keys):
    """Return the rows of a sweep."""
    return design_rows(Sweep(base="quickstart", **keys), base or {})


def test_grid():
    """All combinations, the last factor first; a range has its levels."""
    found = rows(factors={COUNT: {"low": 10, "high": 40}, MECHANISM: ["a", "b"]}, levels=3)
    assert [tuple(row.values()) for row in found] == [
        (10, "a"), (10, "b"), (25, "a"), (25, "b"), (40, "a"), (40, "b")
    ]  # fmt: skip
    assert type(found[0][COUNT]) is int


def test_list():
    """Values of one place belong together."""
    found = rows(factors={SHARE: [0.1, 0.2], COUNT: [5, 6]}, design="list")
    assert found == [{SHARE: 0.1, COUNT: 5}, {SHARE: 0.2, COUNT: 6}]


def test_one_at_a_time():
    """The base first, then each other value alone; the base's own value is not repeated."""
    found = rows({SHARE: 0.2, COUNT: 1000}, factors={SHARE: [0.0, 0.2], COUNT: [5]}, design="one_at_a_time")
    assert found == [{SHARE: 0.2, COUNT: 1000}, {SHARE: 0.0, COUNT: 1000}, {SHARE: 0.2, COUNT: 5}]


@given(samples=st.integers(1, 40), seed=st.integers(0, 100))
def test_latin_hypercube_has_one_point_a_stratum(samples, seed):
    """Each of n equal parts of a range holds one of n points."""
    found = rows(
        factors={SHARE: {"low": 0.0, "high": 0.5}, "households.pv_kwp": {"low": 1.0, "high": 3.0}},
        design="latin_hypercube", samples=samples, design_seed=seed,
    )  # fmt: skip
    strata = np.floor(np.array([row[SHARE] for row in found]) / 0.5 * samples)
    assert sorted(strata) == list(range(samples))


def test_designs_depend_on_their_seed_alone():
    """The same sweep has the same rows, another seed others."""
    keys = {"factors": {SHARE: {"low": 0.0, "high": 1.0}}, "design": "latin_hypercube", "samples": 5}
    assert rows(**keys) == rows(**keys)
    assert rows(**keys) != rows(**keys, design_seed=1)


def test_saltelli_rows_by_hand():
    """A, A with a column of B, B with a column of A, B: two factors, one sample."""
    both = np.array([[0.1, 0.2, 0.8, 0.9]])
    assert saltelli_shares(both, False).tolist() == [[0.1, 0.2], [0.8, 0.2], [0.1, 0.9], [0.8, 0.9]]
    assert saltelli_shares(both, True).tolist() == [
        [0.1, 0.2], [0.8, 0.2], [0.1, 0.9], [0.1, 0.9], [0.8, 0.2], [0.8, 0.9]
    ]  # fmt: skip


def test_sobol_is_spread_more_evenly_than_chance():
    """Eight base samples of two factors give 32 rows; every eighth of a factor holds one of A."""
    found = rows(
        factors={SHARE: {"low": 0.0, "high": 1.0}, "households.ev_share": {"low": 0.0, "high": 1.0}},
        design="sobol", samples=8,
    )  # fmt: skip
    assert len(found) == 32
    first = np.array([row[SHARE] for row in found[::4]])
    assert sorted(np.floor(first * 8)) == list(range(8))
    assert qmc.discrepancy(np.array([list(row.values()) for row in found[::4]])) < 0.02


@given(st.integers(1, 6), st.integers(1, 5), st.sampled_from([2, 4, 6, 10]), st.integers(0, 50))
def test_morris_moves_one_factor_at_a_time(number, trajectories, levels, seed):
    """In a trajectory each factor moves once, by p / (2 (p - 1)), and stays on the levels."""
    shares = morris_shares(number, trajectories, levels, seed).reshape(trajectories, number + 1, number)
    moves = np.diff(shares, axis=1)
    np.testing.assert_allclose(np.abs(moves).sum(axis=2), levels / (2 * (levels - 1)))
    assert ((moves != 0).sum(axis=1) == 1).all()
    np.testing.assert_allclose(shares * (levels - 1), np.rint(shares * (levels - 1)), atol=1e-12)
    assert shares.min() >= 0
    assert shares.max() <= 1


def test_morris_of_a_sweep():
    """Three trajectories of two factors are nine rows; a list of values is cut into equal parts."""
    found = rows(factors={SHARE: {"low": 0.0, "high": 0.6}, MECHANISM: ["a", "b"]}, design="morris", samples=3)
    assert len(found) == 9
    assert {row[MECHANISM] for row in found} == {"a", "b"}
    assert {round(row[SHARE], 12) for row in found} <= {0.0, 0.2, 0.4, 0.6}


def test_scales():
    """Shares of a range, of its logarithm, of whole numbers, of a list."""
    half = np.array([0.0, 0.5, 1.0])
    assert scaled(SHARE, Range(low=0.0, high=0.4), half) == [0.0, 0.2, 0.4]
    assert scaled("households.pv_kwp", Range(low=1, high=100, log=True), half) == pytest.approx([1.0, 10.0, 100.0])
    assert scaled(COUNT, Range(low=10, high=21), half) == [10, 16, 21]
    assert scaled(MECHANISM, ["a", "b", "c"], half) == ["a", "b", "c"]


def test_whole_keys():
    """Numbers of members and days are whole, shares are not, unknown keys say so when points are checked."""
    assert is_whole(COUNT)
    assert is_whole("time.days")
    assert not is_whole(SHARE)
    assert not is_whole("nothing.there")
