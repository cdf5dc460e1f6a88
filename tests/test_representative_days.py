"""Days that stand for a year."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.scenarios.inputs import load_profiles
from gridagora.scenarios.representative_days import peak_day, representative_days
from gridagora.sim.medoids import distances, k_medoids


@pytest.fixture(scope="module")
def year():
    """Households, firms and PV of 2016, each shape (366, 96)."""
    return [load_profiles(group).values.mean(axis=0) for group in ("household", "firm", "pv")]


def cost(distance, medoids):
    """Return the sum of the distances to the nearest medoid."""
    return distance[:, list(medoids)].min(axis=1).sum()


def test_every_day_for_itself(year):
    """With as many days as the year has, each stands for itself with weight 1."""
    chosen = representative_days(year, 366)
    assert chosen.days.tolist() == list(range(366))
    assert chosen.weights.tolist() == [1.0] * 366
    assert chosen.stand_in.tolist() == list(range(366))


def test_like_days_apart():
    """Days that are all the same still stand for themselves, the first for the rest."""
    chosen = representative_days([np.ones((5, 4))], 3)
    assert chosen.days.tolist() == [0, 1, 2]
    assert chosen.weights.tolist() == [3.0, 1.0, 1.0]


def test_two_clusters():
    """Four days near 1 and three near 9 are found: their middle days stand for four and three."""
    days = np.array([1.0, 9.0, 1.1, 1.2, 9.2, 9.1, 0.9])[:, None]
    chosen = representative_days([days], 2)
    assert chosen.days.tolist() == [0, 5]  # 1.0 before 1.1: the sums are equal
    assert chosen.weights.tolist() == [4.0, 3.0]
    assert chosen.stand_in.tolist() == [0, 1, 0, 0, 1, 1, 0]
    assert chosen.total(days[chosen.days]) == pytest.approx([4 * 1.0 + 3 * 9.1])


def test_one_day():
    """A single day is the one nearest to all: 3 among 0, 2, 3, 4 and 9."""
    chosen = representative_days([np.array([[0.0], [9.0], [2.0], [3.0], [4.0]])], 1)
    assert (chosen.days.tolist(), chosen.weights.tolist()) == ([3], [5.0])


def test_series_count_alike():
    """A series in MW weighs as much as one in kW: both cut the days, whatever their unit; a constant one does not."""
    a, b = np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([[0.0], [1.0], [0.0], [1.0]])
    for scale in (1.0, 1000.0):
        distance = distances(np.concatenate([a, b], axis=1))
        assert representative_days([a, scale * b, np.ones((4, 3))], 4).weights.tolist() == [1.0] * 4
        assert representative_days([a * scale, np.ones((4, 3))], 2).days.tolist() == [0, 2]
        assert representative_days([b * scale], 2).days.tolist() == [0, 1]
    assert distance[0, 3] == pytest.approx(2**0.5)


def test_energy_of_a_year(year):
    """Twelve days keep the year's energy of each series to 6 %, a hundred to 1.5 %."""
    for k, tolerance in ((12, 0.06), (100, 0.015)):
        chosen = representative_days(year, k)
        assert chosen.weights.sum() == 366.0
        for one in year:
            assert chosen.total(one[chosen.days]).sum() == pytest.approx(one.sum(), rel=tolerance)


def test_peak_day_stands_alone(year):
    """The day of the highest load is chosen with weight 1, and the sum of the weights stays 366."""
    peak = peak_day(year[0])
    assert year[0][peak].max() == year[0].max()
    assert peak not in representative_days(year, 12).days
    chosen = representative_days(year, 12, always=[peak, peak])
    assert len(chosen.days) == 12
    assert chosen.weights[chosen.days.tolist().index(peak)] == 1.0
    assert chosen.weights.sum() == 366.0


def test_only_days_that_must_be():
    """Where every day must be chosen, every day is."""
    chosen = representative_days([np.arange(6.0).reshape(3, 2)], 3, always=[2, 0, 1])
    assert (chosen.days.tolist(), chosen.weights.tolist()) == ([0, 1, 2], [1.0, 1.0, 1.0])


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 9), k=st.integers(1, 4), seed=st.integers(0, 10**6))
def test_no_swap_is_better(n, k, seed):
    """No exchange of one chosen day makes the sum of distances smaller, and the best choice is at most 1/4 better."""
    k = min(k, n)
    distance = distances(np.random.default_rng(seed).random((n, 3)))
    medoids = k_medoids(distance, k).tolist()
    found = cost(distance, medoids)
    for i in range(k):
        for day in set(range(n)) - set(medoids):
            assert found <= cost(distance, [*medoids[:i], day, *medoids[i + 1 :]]) + 1e-9
    assert found <= 1.25 * min(cost(distance, choice) for choice in combinations(range(n), k)) + 1e-9


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 40), k=st.integers(1, 10), seed=st.integers(0, 10**6), levels=st.integers(1, 50))
def test_weights_are_days(n, k, seed, levels):
    """Weights are at least 1 and sum to the days, also where many days are alike; a chosen day stands for itself."""
    k = min(k, n)
    series = np.random.default_rng(seed).integers(0, levels, (n, 2)).astype(float)
    chosen = representative_days([series], k)
    assert chosen.weights.sum() == n
    assert (chosen.weights >= 1).all()
    assert (np.diff(chosen.days) > 0).all()
    assert chosen.stand_in[chosen.days].tolist() == list(range(k))
    again = representative_days([series], k)
    assert again.days.tolist() == chosen.days.tolist()


@pytest.mark.parametrize(
    ("series", "k", "always", "message"),
    [
        ([], 1, (), r"series: given \[\] days; allowed one or more series of the same days"),
        ([np.ones((3, 2)), np.ones((4, 2))], 1, (), r"series: given \[3, 4\] days"),
        ([np.ones((0, 2))], 1, (), r"series: given \[0\] days"),
        ([np.ones((2, 1)), np.array([[1.0], [np.nan]])], 1, (), "given a value in series 1 that is not finite"),
        ([np.ones((3, 2))], 0, (), "k: given 0; allowed 1 to 3"),
        ([np.ones((3, 2))], 4, (), "k: given 4; allowed 1 to 3"),
        ([np.ones((3, 2))], 1, (2,), "k: given 1; allowed 2 to 3: a day more than `always` has, at most every day"),
        ([np.ones((3, 2))], 2, (3,), r"always: given \[3\]; allowed 0 to 2, the days of the series"),
        ([np.ones((3, 2))], 2, (-1,), r"always: given \[-1\]; allowed 0 to 2"),
    ],
)
def test_refusals(series, k, always, message):
    """No days, other numbers of days, values that are none, and more or other days than there are, are refused."""
    with pytest.raises(ValueError, match=message):
        representative_days(series, k, always)
