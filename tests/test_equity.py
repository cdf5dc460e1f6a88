"""Dispersion, cross-subsidies and bill changes, by hand and by laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gridagora.sim.equity import (
    bill_changes,
    cross_subsidies,
    dispersion,
    gini,
    peak_shares,
    pool_cost,
    unit_prices,
)


def test_gini_by_hand():
    """1, 2, 3, 4: mean absolute difference 1.25, mean 2.5: 0.25. One that has all of four: 0.75."""
    assert gini([4, 1, 3, 2]) == pytest.approx(0.25)
    assert gini([0, 0, 0, 1]) == pytest.approx(0.75)
    assert gini([1, 3], [3, 1]) == pytest.approx(gini([1, 1, 1, 3]))
    assert gini([5.0, 5.0]) == 0
    assert np.isnan(gini([-1.0, 1.0]))


@given(arrays(float, st.integers(1, 30), elements=st.floats(0.01, 1e3)), st.floats(0.1, 10))
def test_gini_is_half_the_relative_mean_difference(values, scale):
    """It equals the double sum, lies below 1, and does not depend on the unit."""
    pairs = np.abs(values[:, None] - values).mean() / (2 * values.mean())
    assert gini(values) == pytest.approx(pairs, abs=1e-9)
    assert 0 <= gini(values) < 1
    assert gini(values * scale) == pytest.approx(gini(values), abs=1e-9)


def test_dispersion_by_hand():
    """1 and 3: standard deviation 1 over mean 2; no share of a mean of 0."""
    assert dispersion([1, 3]) == pytest.approx(0.5)
    assert dispersion([1, 3], [1, 0]) == 0
    assert np.isnan(dispersion([-1, 1]))


def test_unit_prices_leave_out_who_uses_nothing():
    """10 for 20 kWh and 3 for none: one price, 0.5."""
    assert unit_prices([10, 3], [20, 0]).tolist() == [0.5]


def test_bill_changes_by_hand():
    """Rich pay 10 and 20 more of 100, poor 5 less of 50: by group, as amounts and shares."""
    found = bill_changes([100, 100, 50], [110, 120, 45], ["rich", "rich", "poor"])
    assert list(found) == ["rich", "poor"]
    rich = found["rich"]
    assert (rich.members, rich.p5, rich.p25, rich.p50, rich.p75, rich.p95) == pytest.approx(
        (2, 10.5, 12.5, 15, 17.5, 19.5)
    )
    assert (rich.mean, rich.losers, found["poor"].p50, found["poor"].losers) == (15, 1, -5, 0)
    shares = bill_changes([100, 50, 0], [110, 45, 5], relative=True)["all"]
    assert (shares.members, shares.mean, shares.losers) == (2, pytest.approx(0.0), 0.5)


def test_cost_causation_by_hand():
    """At prices 1 and 2 uses of (3, 1) and (0, 4) cost 5 and 8; at the joint peak of 5 they have 1/5 and 4/5."""
    use = [[3.0, 1.0], [0.0, 4.0]]
    assert pool_cost(use, [1.0, 2.0]).tolist() == [5.0, 8.0]
    assert peak_shares(use).tolist() == [0.2, 0.8]


def test_cross_subsidies_by_hand():
    """A pays 10 of cost 6, b 3 of 5, so companies keep 2: a's 4 go half to b, half to them."""
    assert cross_subsidies({"a": 10, "b": 3}, {"a": 6, "b": 5}) == {("a", "b"): 2.0, ("a", "companies"): 2.0}
    assert cross_subsidies({"a": 1}, {"a": 3}) == {("companies", "a"): 2.0}
    assert cross_subsidies({"a": 1}, {"a": 1}) == {}


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), min_size=1, max_size=6))
def test_transfers_balance(pairs):
    """Every group gives what it pays beyond its cost and receives what it falls short."""
    paid, cost = ({str(i): pair[side] for i, pair in enumerate(pairs)} for side in (0, 1))
    found = cross_subsidies(paid, cost)
    for name in paid:
        given = sum(amount for (payer, _), amount in found.items() if payer == name)
        taken = sum(amount for (_, receiver), amount in found.items() if receiver == name)
        assert given - taken == pytest.approx(paid[name] - cost[name], abs=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gini([np.nan]), "values: given nan"),
        (lambda: gini([]), "values: given 0 values"),
        (lambda: gini([1.0], 0.0), "of weight 0"),
        (lambda: gini([1.0], -1.0), "weights: given -1"),
        (lambda: unit_prices([1], [-1]), "energy_kwh: given -1"),
        (lambda: bill_changes([1, 2], [1]), "after: given shape"),
        (lambda: bill_changes([1, 2], [1, 2], ["a"]), "groups: given 1"),
        (lambda: peak_shares([[0.0]]), "no use at all"),
        (lambda: cross_subsidies({"a": 1}, {"b": 1}), "cost: given b"),
        (lambda: cross_subsidies({"companies": 1}, {"companies": 1}), "cost: given companies"),
    ],
)
def test_refusals(call, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(ValueError, match=message):
        call()
