"""Paired differences and running means of a sweep, by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

import gridagora as ga
from gridagora.scenarios.sensitivity_pairs import _removed, mean_and_half_width
from gridagora.scenarios.sensitivity_values import labels

SHARE, MECHANISM = "households.pv_share", "market.mechanism"
#: Value by seed of the rows of a list.
RUNS = {0.0: [1.0, 2.0, 3.0], 0.5: [2.0, 3.5, 3.5], 1.0: [0.0, math.nan, 3.0]}


@pytest.fixture
def three(swept):
    """Three rows with three seeds; one point has no value."""
    figures = {"peak": lambda row, seed: RUNS[row[SHARE]][seed - 42], "always": lambda *_: 1.0}
    return swept(figures, 3, factors={SHARE: [0.0, 0.5, 1.0]}, design="list")


def test_differences_by_hand(three):
    """Differences 1, 1.5, 0.5: mean 1, sd 0.5, t(0.975, 2) 4.3027, half-width 1.2421; unpaired variance 1 + 0.75."""
    rows = ga.paired(three, "peak")
    first = rows.iloc[0]
    assert first[["row", "label", "baseline_row", "baseline", "pairs", "unit"]].tolist() == [
        1, "pv_share=0.5", 0, "pv_share=0", 3, "kW"
    ]  # fmt: skip
    assert first[["baseline_value", "value", "difference"]].tolist() == [2.0, 3.0, 1.0]
    assert (first["low"], first["high"]) == pytest.approx((1 - 1.2421, 1 + 1.2421), abs=1e-4)
    assert first["variance_removed"] == pytest.approx(1 - 0.25 / 1.75)
    assert first[SHARE] == 0.5


def test_pairs_are_seeds_of_both(three):
    """A point without a value takes its pair with it: of 1, 3 and 0, 3 the means are 2 and 1.5."""
    second = ga.paired(three.path, "peak").iloc[1]
    assert second[["baseline_value", "value", "difference", "pairs"]].tolist() == [2.0, 1.5, -0.5, 2]
    assert ga.paired(three, "peak", 2)["difference"].tolist() == [0.5, 1.25]


def test_no_pair_and_one_pair(swept):
    """One seed gives a difference without interval, none gives nan."""
    figures = {"peak": lambda row, _: math.nan if row[SHARE] == 1.0 else row[SHARE]}
    rows = ga.paired(swept(figures, factors={SHARE: [0.0, 0.5, 1.0]}, design="list"), "peak")
    assert rows["pairs"].tolist() == [1, 0]
    assert rows["difference"].iloc[0] == 0.5
    assert rows[["low", "high", "variance_removed"]].isna().all(axis=None)
    assert rows.iloc[1][["baseline_value", "value", "difference"]].isna().all()


def test_a_baseline_of_values(swept):
    """Each row is compared with the one that has the value and else its own: mechanisms at equal shares."""
    figures = {"price": lambda row, seed: row[SHARE] + (row[MECHANISM] == "b") * (1 + row[SHARE]) + seed}
    result = swept(figures, 2, factors={MECHANISM: ["a", "b"], SHARE: [0.0, 0.5]}, design="grid")
    rows = ga.paired(result, "price", {MECHANISM: "a"})
    assert rows[["row", "baseline_row", "difference"]].to_numpy().tolist() == [[2, 0, 1.0], [3, 1, 1.5]]
    assert rows["variance_removed"].tolist() == [1.0, 1.0]
    assert rows["label"].tolist() == ["mechanism=b, pv_share=0", "mechanism=b, pv_share=0.5"]
    with pytest.raises(ValueError, match=r"unknown factor 'market.mechanisms'.*nearest 'market.mechanism'"):
        ga.paired(result, "price", {"market.mechanisms": "a"})
    with pytest.raises(ValueError, match=r"no row has it and is otherwise as row 0, .*use design grid"):
        ga.paired(result, "price", {MECHANISM: "c"})


def test_what_cannot_be_compared(three, swept):
    """No such row; a sweep of equal rows; a confidence level that is none."""
    with pytest.raises(ValueError, match="row: given 3; allowed 0 to 2"):
        ga.paired(three, "peak", 3)
    with pytest.raises(ValueError, match="allowed a baseline that some row differs from"):
        ga.paired(swept({"peak": lambda *_: 1.0}, factors={SHARE: [0.5]}), "peak")
    with pytest.raises(ValueError, match=r"confidence: given 1\.5"):
        ga.paired(three, "peak", confidence=1.5)


@given(
    st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=2, max_size=20).filter(
        lambda pairs: np.ptp([a - b for a, b in pairs]) > 1e-3
    )
)
def test_intervals_are_those_of_the_paired_t_test(pairs):
    """SciPy's paired t-test has the same interval; what pairing removes is the covariance."""
    after, before = np.array(pairs).T
    mean, half = mean_and_half_width(after - before, 0.9)
    interval = ttest_rel(after, before).confidence_interval(0.9)
    assert (mean - half, mean + half) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-6)
    covariance = np.cov(after, before)
    assert _removed(after, before) == pytest.approx(2 * covariance[0, 1] / np.trace(covariance), abs=1e-6)


def test_means_settle(three):
    """1, then 1.5 with half-width 12.706 * 0.7071 / 1.4142 = 6.3531, then 2 with 4.3027 / 1.7321 = 2.4842."""
    rows = ga.convergence(three, "peak", 0)
    assert rows["replications"].tolist() == [1, 2, 3]
    assert rows["mean"].tolist() == [1.0, 1.5, 2.0]
    assert math.isnan(rows["half_width"].iloc[0])
    assert rows["half_width"].iloc[1:].tolist() == pytest.approx([6.3531, 2.4842], abs=1e-4)
    assert rows["high"].iloc[2] == pytest.approx(4.4842, abs=1e-4)


def test_all_rows_settle(three, swept):
    """By default all rows, of each the seeds that have a value; a row without any is refused."""
    rows = ga.convergence(three, "peak")
    assert rows.groupby("row")["replications"].max().tolist() == [3, 3, 2]
    assert set(rows["unit"]) == {"kW"}
    assert ga.convergence(three, "always")["half_width"].max() == 0
    with pytest.raises(ValueError, match="row: given -1; allowed 0 to 2"):
        ga.convergence(three, "peak", -1)
    empty = swept({"peak": lambda *_: math.nan}, factors={SHARE: [0.0, 1.0]})
    with pytest.raises(ValueError, match="peak of system: row 1 has no value"):
        ga.convergence(empty, "peak", 1)


def test_labels_tell_factors_apart():
    """The end of a key is enough unless two factors share it; what does not vary is not named."""
    rows = [
        {"a.share": 0.1, "b.share": 1, "c.kind": "x", "d": 2},
        {"a.share": 0.25, "b.share": 2, "c.kind": "y", "d": 2},
    ]
    assert labels(rows) == ["a.share=0.1, b.share=1, kind=x", "a.share=0.25, b.share=2, kind=y"]
    assert labels(rows[:1]) == ["row 0"]
