"""Menus of packages: by hand, by enumeration and by the mixed-integer program (B8)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets import menu_design
from gridagora.markets.menu_design import (
    PackageMarket,
    answer,
    best_menu,
    cluster_customers,
    enumerate_menus,
    package_candidates,
    package_market,
)

#: Two groups, three packages: package 0 suits both, 1 suits the first only, 2 earns most and is worth little.
BY_HAND = PackageMarket([[5.0, 6.0, 1.0], [4.0, -1.0, 2.0]], [[2.0, 3.0, 8.0], [2.0, 9.0, 5.0]], [10.0, 1.0])


def test_self_selection_by_hand():
    """With 1 and 2 offered the first group takes 1 (worth 6 over 1), the second 2: profit 10 x 3 + 5 = 35, gain 62."""
    found = answer(BY_HAND, [1, 2])
    assert found.share.tolist() == [[0, 1, 0, 0], [0, 0, 1, 0]]
    assert (found.profit, found.utility, found.offered) == (35.0, 62.0, (1, 2))
    assert answer(BY_HAND, []).share[:, 3].tolist() == [1, 1]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_best_menu_by_hand(most):
    """Package 2 alone earns 10 x 8 + 5 = 85: anything beside it would draw the first group away."""
    assert best_menu(BY_HAND, most).offered == (2,)
    assert best_menu(BY_HAND, most).profit == pytest.approx(85)
    assert enumerate_menus(BY_HAND, most).offered == (2,)


def test_ties_are_reported():
    """Packages of equal worth that earn 3 and 1: the supplier counts on 3 and gets at least 1 of each of 2 members."""
    market = PackageMarket([[1.0, 1.0]], [[3.0, 1.0]], [2.0])
    found = answer(market, [0, 1])
    assert (found.profit, found.profit_pessimistic, found.gap) == (6.0, 2.0, 4.0)
    assert best_menu(market, 2).offered == (0,)
    outside = answer(PackageMarket([[0.0]], [[3.0]]), [0])
    assert (outside.profit, outside.profit_pessimistic) == (3.0, 0.0)


def test_choice_by_chance_by_hand():
    """Worth ln 3 at scale 1: three quarters take it, and the logsum is ln 4."""
    found = answer(PackageMarket([[np.log(3)]], [[2.0]], [4.0]), [0], scale=1.0)
    assert found.share[0] == pytest.approx([0.75, 0.25])
    assert (found.profit, found.utility) == (pytest.approx(6.0), pytest.approx(4 * np.log(4)))
    assert found.gap == 0
    assert enumerate_menus(PackageMarket([[np.log(3)]], [[-2.0]]), 1, scale=1.0).offered == ()


def test_nothing_worth_taking():
    """Where every package is worse than to stay outside, nothing is offered and nothing earned."""
    found = best_menu(PackageMarket([[-1.0, -2.0]], [[5.0, 5.0]]), 2)
    assert (found.offered, found.profit) == ((), 0.0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 6), st.integers(1, 4))
def test_program_equals_enumeration(seed, groups, packages, most):
    """The program earns what the best of all menus earns, and nobody would rather have another package."""
    rng = np.random.default_rng(seed)
    worth, earned = rng.integers(-5, 10, (groups, packages)), rng.integers(-5, 10, (groups, packages))
    market = PackageMarket(worth, earned, rng.integers(1, 5, groups))
    found = best_menu(market, most)
    assert found.profit == pytest.approx(enumerate_menus(market, most).profit, abs=1e-6)
    assert len(found.offered) <= most
    assert found.profit_pessimistic <= found.profit + 1e-9
    taken = (found.share[:, :-1] * worth).sum(axis=1)
    assert (taken >= worth[:, list(found.offered)].max(axis=1, initial=0.0) - 1e-9).all()


def test_clusters_by_hand():
    """Four customers in two pairs: medoids are members, each pair is a group."""
    found = cluster_customers([[1.0, 0.0], [1.1, 0.0], [0.0, 5.0], [0.0, 5.2]], 2)
    assert found.group.tolist() == [0, 0, 1, 1]
    assert found.members.tolist() == [2, 2]
    assert set(found.medoid.tolist()) <= {0, 1, 2, 3}


def test_packages_by_hand():
    """Typical use 100 and 300 kWh at 0.5, 10 % off: fees 45 and 135, what is beyond at 0.6; the rest by subtraction."""
    terms = package_candidates([100.0, 300.0], 0.5, [0.1])
    assert terms.fee.tolist() == pytest.approx([45.0, 135.0])
    assert terms.bills([100.0, 300.0]).tolist() == pytest.approx(np.array([[45.0, 135.0], [165.0, 135.0]]))
    market = package_market(terms, [100.0, 300.0], 0.5, [0.3, 0.4], [3.0, 1.0])
    assert market.utility == pytest.approx(np.array([[5.0, -85.0], [-15.0, 15.0]]))
    assert market.profit == pytest.approx(np.array([[15.0, 105.0], [45.0, 15.0]]))
    found = best_menu(market, 2)
    assert (found.offered, found.profit) == ((0, 1), pytest.approx(3 * 15 + 15))
    assert best_menu(market, 1).offered == (0,)


def test_program_that_contradicts_itself_is_an_error(monkeypatch):
    """Where the customers' choice earned less than the program says, that is told."""
    empty = answer(BY_HAND, [])
    monkeypatch.setattr(menu_design, "answer", lambda *_: empty)
    with pytest.raises(RuntimeError, match="profit 85"):
        best_menu(BY_HAND, 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PackageMarket([1.0], [1.0]), "given shapes"),
        (lambda: PackageMarket([[1.0]], [[1.0, 2.0]]), "given shapes"),
        (lambda: PackageMarket([[np.nan]], [[1.0]]), "utility: given nan"),
        (lambda: PackageMarket([[1.0]], [[1.0]], 0.0), "members: given 0"),
        (lambda: answer(BY_HAND, [3]), "offered: given"),
        (lambda: answer(BY_HAND, [0], -1.0), "scale: given -1"),
        (lambda: best_menu(BY_HAND, 0), "most: given 0"),
        (lambda: enumerate_menus(PackageMarket(np.ones((1, 40)), np.ones((1, 40))), 20), "most: given 20 of 40"),
        (lambda: cluster_customers([[1.0]], 2), "k: given 2"),
        (lambda: package_candidates([1.0], 0.5, [1.0]), "discounts: given 1"),
    ],
)
def test_refusals(call, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(ValueError, match=message):
        call()
