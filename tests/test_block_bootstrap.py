"""The bootstrap by blocks: its draws, its intervals against scipy's, and what it refuses."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from gridagora.sim import block_bootstrap
from gridagora.sim.block_bootstrap import Blocks, blocks_of, intervals, replicates, solved

DRAWS = np.random.default_rng(3)
X = DRAWS.normal(size=30)
TABLE = np.stack([np.ones(30), X, 2.0 * X + DRAWS.exponential(size=30)], axis=1)


def slope(moments):
    """Return the slope of the third column on the second one."""
    return solved(moments[..., 0, :, :], [0, 1], [2])[..., 1, :]


def mean_of_last(moments):
    """Return the mean of the last column of each group, and the difference of the first two."""
    means = moments[..., 0, -1] / moments[..., 0, 0]
    return np.concatenate([means, means[..., 1:2] - means[..., 0:1]], axis=-1)


def test_moments_are_sums_over_the_rows_of_a_block():
    """Rows (1, 2) and (1, 3) of block a give 2, 5, 13; block b has (1, 4)."""
    table, label = np.array([[1.0, 2.0], [1.0, 4.0], [1.0, 3.0]]), np.array(["a", "b", "a"])
    labels = np.concatenate([label, ["c"]])
    found = blocks_of([np.vstack([table, [1.0, 0.0]])], [labels])
    assert found.moments[:, 0].tolist() == [[[2, 5], [5, 13]], [[1, 4], [4, 16]], [[1, 0], [0, 0]]]
    assert found.stratum.tolist() == [0, 0, 0]


def test_replicates_are_regressions_on_rows_drawn_again():
    """Each replicate is the regression on the rows that its counts say, drawn by the same generator."""
    blocks = blocks_of([TABLE], [np.arange(30)])
    drawn = replicates(slope, blocks, 5, seed=7)
    counts = np.random.default_rng(7).multinomial(30, np.full(30, 1 / 30), size=5)
    by_hand = [stats.linregress(*np.repeat(TABLE[:, 1:], count, axis=0).T).slope for count in counts]
    assert drawn[:, 0] == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_intervals_are_those_of_scipy(confidence):
    """Percentile and BCa intervals are scipy's on the same resamples."""
    blocks = blocks_of([TABLE], [np.arange(30)])
    found = intervals(slope, blocks, 2000, 7, confidence)
    drawn = replicates(slope, blocks, 2000, seed=7)[:, 0]
    assert found.error[0] == drawn.std(ddof=1)

    def statistic(x, y):
        return stats.linregress(x, y).slope

    for method, low, high in (("percentile", found.low, found.high), ("BCa", found.bca_low, found.bca_high)):
        theirs = stats.bootstrap(
            *((TABLE[:, 1], TABLE[:, 2]), statistic),
            **{"paired": True, "vectorized": False, "n_resamples": 0, "method": method},
            **{"confidence_level": confidence, "bootstrap_result": SimpleNamespace(bootstrap_distribution=drawn)},
        ).confidence_interval
        assert (low[0], high[0]) == pytest.approx((theirs.low, theirs.high), rel=1e-10)


def test_intervals_are_like_those_of_scipy_on_its_own_resamples():
    """With draws of its own scipy finds the same interval within a tenth of its width."""
    found = intervals(slope, blocks_of([TABLE], [np.arange(30)]), 2000, 7, 0.95)
    theirs = stats.bootstrap(
        *((TABLE[:, 1], TABLE[:, 2]), lambda x, y: stats.linregress(x, y).slope),
        **{"paired": True, "vectorized": False, "n_resamples": 999, "rng": 1},
    ).confidence_interval
    assert found.bca_low[0] == pytest.approx(theirs.low, abs=0.1 * (theirs.high - theirs.low))
    assert found.bca_high[0] == pytest.approx(theirs.high, abs=0.1 * (theirs.high - theirs.low))


def test_groups_with_the_same_blocks_stay_paired():
    """What a seed adds to both groups does not blur their difference."""
    shock = DRAWS.normal(size=12)
    tables = [np.stack([np.ones(12), shock + shift], axis=1) for shift in (0.0, 1.5)]
    found = intervals(mean_of_last, blocks_of(tables, [np.arange(12)] * 2), 200, 0, 0.95)
    assert found.error[0] > 0.1
    assert found.error[2] == pytest.approx(0.0, abs=1e-12)
    assert (found.bca_low[2], found.bca_high[2]) == pytest.approx((1.5, 1.5))


def test_groups_with_blocks_of_their_own_are_drawn_apart():
    """Each group keeps its number of rows; BCa of the difference is scipy's of two samples."""
    samples = DRAWS.exponential(size=11), DRAWS.exponential(size=17)
    tables = [np.stack([np.ones(each.size), each], axis=1) for each in samples]
    blocks = blocks_of(tables, [np.arange(11), np.arange(11, 28)])
    assert [members.size for members in blocks.strata] == [11, 17]
    found, drawn = intervals(mean_of_last, blocks, 500, 2, 0.95), replicates(mean_of_last, blocks, 500, 2)
    theirs = stats.bootstrap(
        *(samples, lambda one, other: other.mean() - one.mean()),
        **{"vectorized": False, "n_resamples": 0, "method": "BCa"},
        bootstrap_result=SimpleNamespace(bootstrap_distribution=drawn[:, 2]),
    ).confidence_interval
    assert (found.bca_low[2], found.bca_high[2]) == pytest.approx((theirs.low, theirs.high), rel=1e-10)


def test_memory_of_draws_is_bounded(monkeypatch):
    """Drawn three at a time, one stratum has the same resamples."""
    blocks = blocks_of([TABLE], [np.arange(30)])
    whole = replicates(slope, blocks, 10, seed=4)
    monkeypatch.setattr(block_bootstrap, "MOST_DRAWN", 90)
    assert replicates(slope, blocks, 10, seed=4) == pytest.approx(whole)


def test_columns_that_depend_on_each_other_have_no_coefficients():
    """A regressor that is constant beside the intercept gives nan, the other set of moments its slope of 2."""
    one, other = np.array([[2.0, 4.0, 6.0], [4.0, 8.0, 12.0], [6.0, 12.0, 18.0]]), np.eye(3)
    other[1, 2] = 2.0
    found = solved(np.stack([one, other]), [0, 1], [2])
    assert np.isnan(found[0]).all()
    assert found[1, :, 0].tolist() == [0, 2]


def test_refusals():
    """Too few blocks, blocks of some groups only, and resamples without variation are refused."""
    two = np.ones((4, 2)), np.ones((4, 2))
    with pytest.raises(ValueError, match="blocks: given 2; allowed 3 or more"):
        blocks_of(two[:1], [np.array([0, 0, 1, 1])])
    with pytest.raises(ValueError, match="2 of 6 are in some groups only; allowed the same"):
        blocks_of(two, [np.arange(4), np.arange(2, 6)])
    lonely = np.stack([np.ones(5), [1.0, 0, 0, 0, 0], np.arange(5.0)], axis=1)
    with pytest.raises(ValueError, match="resamples leave columns that depend on each other"):
        intervals(slope, blocks_of([lonely], [np.arange(5)]), 200, 0, 0.95)


def test_strata_are_read_from_their_codes():
    """Blocks 0 and 2 are one stratum, block 1 the other."""
    blocks = Blocks(np.zeros((3, 1, 1, 1)), np.array([5, 7, 5]))
    assert [members.tolist() for members in blocks.strata] == [[0, 2], [1]]
