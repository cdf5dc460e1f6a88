import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from gridagora.markets.community.consensus import consensus_trades
from gridagora.markets.community.cooperative import (
    community_values,
    in_core,
    least_core,
    nucleolus,
    shapley,
    shapley_sampled,
)


def game(members, value):
    """Return the values of all coalitions of 0, 1, ... members - 1."""
    coalitions = ([i for i in range(members) if m >> i & 1] for m in range(1 << members))
    return np.array([value(coalition) for coalition in coalitions], float)


GLOVES = game(3, lambda who: min(who.count(0), len([i for i in who if i > 0])))
AIRPORT = game(3, lambda who: -max([(1, 2, 3)[i] for i in who], default=0))
MAJORITY = game(3, lambda who: float(sum((50, 49, 1)[i] for i in who) >= 51))
LOADS = st.lists(st.floats(-5, 5, allow_subnormal=False), min_size=2, max_size=5)


def test_shapley_of_textbook_games():
    """O49: gloves (2/3, 1/6, 1/6), airport costs (1/3, 5/6, 11/6), majority of 51 among 50, 49, 1 (2/3, 1/6, 1/6)."""
    assert shapley(GLOVES) == pytest.approx([2 / 3, 1 / 6, 1 / 6], abs=1e-12)
    assert shapley(AIRPORT) == pytest.approx([-1 / 3, -5 / 6, -11 / 6], abs=1e-12)
    assert shapley(MAJORITY) == pytest.approx([2 / 3, 1 / 6, 1 / 6], abs=1e-12)


def test_shapley_by_sampling():
    """4,000 random orders come within four standard errors of the exact value, and share out all of it."""
    costs = (1, 2, 3)
    found = shapley_sampled(lambda who: -max(np.compress(who, costs), default=0.0), 3, samples=4000, seed=1)
    assert np.all(np.abs(found.mean - shapley(AIRPORT)) <= 4 * found.standard_error)
    assert found.mean.sum() == pytest.approx(-3, abs=1e-9)
    assert np.all(found.standard_error < 0.02)


def test_core_and_nucleolus_of_textbook_games():
    """One left glove takes all; the airport's nucleolus is (1/2, 3/4, 7/4); the core of each holds it."""
    assert least_core(GLOVES).excess == pytest.approx(0, abs=1e-9)
    assert nucleolus(GLOVES) == pytest.approx([1, 0, 0], abs=1e-9)
    assert nucleolus(AIRPORT) == pytest.approx([-0.5, -0.75, -1.75], abs=1e-9)
    assert in_core(nucleolus(AIRPORT), AIRPORT)
    assert in_core([1, 0, 0], GLOVES)
    assert not in_core([2 / 3, 1 / 6, 1 / 6], GLOVES)
    assert not in_core([0.9, 0, 0], GLOVES)


def test_an_empty_core():
    """Three who can share 1 by any two: 1/3 each, and every pair could add 1/3 by leaving."""
    simple = game(3, lambda who: float(len(who) >= 2))
    found = least_core(simple)
    assert found.excess == pytest.approx(1 / 3)
    assert found.share == pytest.approx([1 / 3] * 3)
    assert nucleolus(simple) == pytest.approx([1 / 3] * 3)
    assert not in_core(found.share, simple)


def test_nucleolus_goes_beyond_the_least_core():
    """Of all allocations the sorted excesses of the nucleolus are the least: tried against 400 of the least core."""
    world = np.random.default_rng(3)
    values = np.append(0.0, world.integers(0, 10, 15).astype(float))
    found = nucleolus(values)
    belongs = (np.arange(16)[:, None] >> np.arange(4)) & 1

    def excesses(share):
        return np.sort((values - belongs @ share)[1:-1])[::-1]

    best = excesses(found)
    assert best[0] == pytest.approx(least_core(values).excess, abs=1e-8)
    for _ in range(400):
        step = world.normal(0, 0.3, 4)
        other = excesses(found + step - step.mean())
        first = np.flatnonzero(np.abs(other - best) > 1e-9)[0]
        assert other[first] > best[first]


def test_what_a_community_saves():
    """An importer of 2 kWh and an exporter of 3 kWh at .60 and .20 save .40 on each of 2 kWh; alone nothing."""
    values = community_values(np.array([[2.0], [-3.0]]), 0.60, 0.20)
    assert values.tolist() == pytest.approx([0, 0, 0, 0.8])
    assert shapley(values) == pytest.approx([0.4, 0.4])
    two = community_values(np.array([[2.0, 1.0], [-3.0, 1.0]]), [0.60, 0.60], [0.20, 0.0])
    assert two.tolist() == pytest.approx([0, 0, 0, 0.8])


@settings(max_examples=40, deadline=None)
@given(LOADS, st.integers(1, 3))
def test_laws_of_sharing_savings(loads, periods):
    """Savings are never negative, all rules share out all of them, the core is not empty and holds the nucleolus."""
    net = np.array([np.roll(loads, shift) for shift in range(periods)]).T
    values = community_values(net, 0.6, 0.2)
    assert values.min() >= -1e-9
    for share in (shapley(values), nucleolus(values), least_core(values).share):
        assert share.sum() == pytest.approx(values[-1], abs=1e-7)
        assert share.min() >= -1e-7
    assert least_core(values).excess <= 1e-7
    assert in_core(nucleolus(values), values, 1e-6)


def test_a_member_alone():
    """A game of one has nothing to share but its own value."""
    assert least_core(np.array([0.0, 5.0])) == (pytest.approx([5.0]), 0.0)
    assert nucleolus(np.array([0.0, 5.0])).tolist() == [5.0]


def test_what_a_game_refuses():
    """Values that are not 2^n, a value of nobody, too many members and nan are refused."""
    for values in ([0.0, 1.0, 2.0], [1.0, 2.0], [0.0]):
        with pytest.raises(ValueError, match=r"give 2\^n, that of nobody 0"):
            shapley(np.array(values))
    with pytest.raises(ValueError, match="13 members; at most 12 exactly, beyond that use shapley_sampled"):
        shapley(np.zeros(1 << 13))
    with pytest.raises((RuntimeError, ValueError), match=r"nan|HiGHS"):
        least_core(np.array([0.0, np.nan, 0.0, 1.0]))


def test_two_neighbours_agree():
    """Cost 0.05 p^2 against value 0.6 - 0.1 p a kWh: 3 kWh at 0.30; a charge of 0.1 on each side leaves 2 kWh.

    Then the buyer pays 0.30, of which the charge takes 0.1 from both: marginal cost 0.2, marginal value 0.4.
    """
    sides = ([0.1, 0.1], [0.0, 0.6], [0.0, -10.0], [10.0, 0.0])
    found = consensus_trades(*sides, penalty=0.05)
    assert found.energy == pytest.approx(np.array([[0, 3], [-3, 0]]), abs=1e-4)
    assert found.price[0, 1] == pytest.approx(0.30, abs=1e-5)
    assert found.income == pytest.approx([0.9, -0.9], abs=1e-4)
    charged = consensus_trades(*sides, charge=[[0, 0.1], [0.1, 0]], penalty=0.05)
    assert charged.injection == pytest.approx([2, -2], abs=1e-4)
    assert charged.price[0, 1] == pytest.approx(0.30, abs=1e-5)


def test_product_differentiation():
    """A buyer that dislikes one of two sellers by 0.1 takes all of the other first; the prices differ by just that."""
    charge = np.zeros((3, 3))
    charge[2, 1] = 0.1
    found = consensus_trades([0.1, 0.1, 0.1], [0, 0, 1.0], [0, 0, -10], [0.5, 9, 0], charge, penalty=0.1)
    assert found.energy[0, 2] == pytest.approx(0.5, abs=1e-4)
    assert found.price[0, 2] - found.price[1, 2] == pytest.approx(0.1, abs=1e-4)
    assert np.isnan(found.price[0, 1])


@pytest.mark.compiled
def test_consensus_is_the_optimum():
    """Eight members find the least cost that one who knew everything would find, within 1e-4."""
    world = np.random.default_rng(4)
    a, sells = world.uniform(0.02, 0.1, 8), np.arange(8) % 2 == 0
    b = np.where(sells, world.uniform(0, 0.3, 8), world.uniform(0.4, 0.9, 8))
    low, high = np.where(sells, 0.0, -5.0), np.where(sells, 5.0, 0.0)
    found = consensus_trades(a, b, low, high, penalty=0.1)
    central = minimize(
        lambda p: np.sum(a * p * p / 2 + b * p),
        np.zeros(8),
        jac=lambda p: a * p + b,
        bounds=list(zip(low, high, strict=True)),
        constraints={"type": "eq", "fun": np.sum, "jac": np.ones_like},
        options={"ftol": 1e-12},
    )
    assert central.success
    assert found.injection == pytest.approx(central.x, abs=1e-3)
    cost = np.sum(a * found.injection**2 / 2 + b * found.injection)
    assert cost == pytest.approx(central.fun, abs=1e-4)


@pytest.mark.compiled
@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.5, 5)), min_size=2, max_size=6))
def test_laws_of_consensus(members):
    """Money is neither made nor lost, bounds hold, and with the grid in it all prices lie in [feed-in, retail]."""
    value, size = (np.array(column) for column in zip(*members, strict=True))
    sells = np.arange(len(value)) % 2 == 0
    linear = np.append(value, [0.6, 0.2])
    low = np.append(np.where(sells, 0.0, -size), [0.0, -50.0])
    high = np.append(np.where(sells, size, 0.0), [50.0, 0.0])
    quadratic = np.append(np.full(len(value), 0.05), [0.0, 0.0])
    found = consensus_trades(quadratic, linear, low, high, penalty=0.1, tolerance=1e-5)
    assert found.income.sum() == pytest.approx(0, abs=1e-9)
    assert np.array_equal(found.energy, -found.energy.T)
    assert np.all((low - 1e-3 <= found.injection) & (found.injection <= high + 1e-3))
    priced = found.price[np.abs(found.energy) > 1e-3]
    assert np.all((priced >= 0.2 - 1e-3) & (priced <= 0.6 + 1e-3))


def test_what_consensus_refuses():
    """Columns of unequal length, open bounds, negative charges, and too few rounds are refused."""
    with pytest.raises(ValueError, match="1, 2, 2 and 2 entries; give one a member each"):
        consensus_trades([0.1], [0, 1], [0, -1], [1, 0])
    with pytest.raises(ValueError, match="least and most must be finite"):
        consensus_trades([0.1, 0.1], [0, 1], [0, -np.inf], [1, 0])
    with pytest.raises(ValueError, match="penalty above 0"):
        consensus_trades([0.1, 0.1], [0, 1], [0, -1], [1, 0], charge=-1.0)
    with pytest.raises(RuntimeError, match="after 2 rounds two sides still differ"):
        consensus_trades([0.1, 0.1], [0, 1], [0, -1], [1, 0], penalty=0.01, rounds=2)
