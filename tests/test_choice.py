"""Multinomial and nested logit with inertia, consideration and a default (A1.6)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gridagora.agents.choice import (
    CONSIDERATION,
    DEFAULT_RATIO,
    Tastes,
    choose,
    default_bonus,
    logsum,
    nested_logsum,
    nested_probabilities,
    probabilities,
    surplus_change,
    switch,
    utilities,
)
from gridagora.sim.streams import Streams

VALUES = arrays(np.float64, (3, 4), elements=st.floats(-50, 50))
FAST = settings(max_examples=50, deadline=None)


def test_published_figures():
    """O41: a lead of ln 3 is chosen by 0.75; the log sum of 1, 0.5 and 0 is 1.680270."""
    assert probabilities([np.log(3), 0.0])[0] == pytest.approx(0.75, abs=1e-9)
    assert logsum([1.0, 0.5, 0.0]) == pytest.approx(np.log(np.e + np.exp(0.5) + 1), abs=1e-12)
    assert logsum([1.0, 0.5, 0.0]) == pytest.approx(1.680270, abs=5e-7)


def test_independence_of_irrelevant_alternatives_by_hand():
    """O41: with utilities ln 2, 0 and 0 the shares are 1/2, 1/4, 1/4; without the last 2/3 and 1/3."""
    value = np.array([np.log(2), 0, 0])
    assert probabilities(value) == pytest.approx([0.5, 0.25, 0.25], abs=1e-12)
    assert probabilities(value, np.array([True, True, False])) == pytest.approx([2 / 3, 1 / 3, 0], abs=1e-12)


@FAST
@given(VALUES, st.floats(-100, 100))
def test_laws_of_multinomial_logit(value, shift):
    """Chances are in [0, 1] and sum to 1; a shift of all utilities changes none and moves the log sum."""
    chance = probabilities(value)
    assert ((chance >= 0) & (chance <= 1)).all()
    assert chance.sum(axis=1) == pytest.approx(1, abs=1e-12)
    assert probabilities(value + shift) == pytest.approx(chance, abs=1e-9)
    assert logsum(value + shift) == pytest.approx(logsum(value) + shift, abs=1e-9)
    assert (logsum(value) >= value.max(axis=1) - 1e-12).all()


@FAST
@given(VALUES)
def test_odds_do_not_depend_on_other_options(value):
    """O41: leaving options out keeps the odds of the others."""
    mask = np.array([True, True, False, False])
    whole, part = probabilities(value), probabilities(value, mask)
    pair = whole[:, :2].sum(axis=1)
    seen = pair > 1e-12
    assert part[seen, 0] == pytest.approx(whole[seen, 0] / pair[seen], rel=1e-9, abs=1e-12)
    assert (part[:, 2:] == 0).all()


@FAST
@given(VALUES, st.floats(0.05, 1), st.floats(0.05, 1))
def test_laws_of_nested_logit(value, one, other):
    """Chances sum to 1; the derivative of the log sum by a utility is the chance of the option."""
    nest, step = np.array([0, 1, 0, 1]), 1e-4
    chance = nested_probabilities(value, nest, [one, other])
    assert chance.sum(axis=1) == pytest.approx(1, abs=1e-12)
    raised, lowered = value.copy(), value.copy()
    raised[:, 2] += step
    lowered[:, 2] -= step
    slope = (nested_logsum(raised, nest, [one, other]) - nested_logsum(lowered, nest, [one, other])) / (2 * step)
    assert slope == pytest.approx(chance[:, 2], abs=1e-4)


def test_nests_of_scale_one_are_multinomial():
    """With scales 1 nothing is left of the nests."""
    value, nest = np.array([[1.0, 0.5, 0.0]]), np.array([0, 1, 1])
    assert nested_probabilities(value, nest, [1, 1]) == pytest.approx(probabilities(value), abs=1e-12)
    assert nested_logsum(value, nest, [1, 1]) == pytest.approx([1.680270], abs=5e-7)


def test_twins_of_a_nest_share():
    """Two twins of scale 0.5 against one other: the nest is worth ln 2 / 2, its odds sqrt 2 to 1."""
    chance = nested_probabilities([0.0, 0.0, 0.0], np.array([0, 1, 1]), [1.0, 0.5])
    assert chance[0] == pytest.approx(1 / (1 + np.sqrt(2)), abs=1e-12)
    assert chance[1] == chance[2] == pytest.approx(np.sqrt(2) / (1 + np.sqrt(2)) / 2, abs=1e-12)


def test_utility_by_hand():
    """Bills 50 and 40 of 2000 at weight 20 are -0.5 and -0.4; risk, switching, default and attributes add up."""
    tastes = Tastes(bill=20, risk=0.01, switching=0.5, default=0.3, green=2, reliability=1)
    value = utilities(
        tastes,
        [[50, 40]],
        [2000],
        np.array([0]),
        deviation=[[5, 10]],
        green=[[0, 0.5]],
        reliability=[[0.1, 0.2]],
        constant=[[0, -0.25]],
        default=1,
    )
    assert value == pytest.approx(np.array([[-0.5 - 0.05 + 0.1, -0.4 - 0.1 + 1 + 0.2 - 0.25 - 0.5 + 0.3]]), abs=1e-12)
    assert utilities(Tastes(), [[50, 40]], [2000], np.array([-1])) == pytest.approx(np.array([[-1.0, -0.9]]))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_cost_that_is_no_number_is_an_error(bad):
    """It is refused by name, and never an option that silently nobody takes."""
    with pytest.raises(ValueError, match="bill: given"):
        utilities(Tastes(), [[50, bad]], [2000], np.array([0]))
    with pytest.raises(ValueError, match="utility: given"):
        probabilities([0.0, bad])


def test_surplus_is_money():
    """A bill lower by 10 with one option is worth 10, whatever the weight."""
    before = logsum(utilities(Tastes(), [[50]], [2000], np.array([0])))
    after = logsum(utilities(Tastes(), [[40]], [2000], np.array([0])))
    assert surplus_change(before, after, 20 / 2000) == pytest.approx([10], abs=1e-9)


def test_choices_follow_draws():
    """Draws of 0.2, 0.5 and 0.99 against 0.25, 0.25, 0.5 take options 0, 2 and 2; the bound belongs to the next."""
    chance = np.tile([0.25, 0.25, 0.5], (4, 1))
    assert choose(chance, [0.2, 0.5, 0.99, 0.25]).tolist() == [0, 2, 2, 1]


def test_only_some_look_around():
    """Of 5,000 members who all prefer the other option, the share that considers switches in a month."""
    streams, n = Streams(42), 5_000
    consider, uniform = streams.uniforms("consider", "h", n), streams.uniforms("tariff", "h", n)
    now = switch(np.zeros(n, np.int64), np.tile([0.0, 1.0], (n, 1)), consider, uniform)
    assert now.mean() == pytest.approx(CONSIDERATION, abs=0.012)


def test_default_bonus_turns_opt_in_into_opt_out():
    """At 20 % opt-in and a ratio of 4, 80 % stay: log odds +-ln 4 lie twice ln 4 apart."""
    bonus = default_bonus(0.2, 4)
    assert bonus == pytest.approx(np.log(4), abs=1e-12)
    lead = np.log(0.2 / 0.8) + bonus  # of the tariff, before anybody's default
    assert probabilities([lead, bonus])[0] == pytest.approx(0.2, abs=1e-12)
    assert probabilities([lead + bonus, 0.0])[0] == pytest.approx(0.8, abs=1e-12)
    assert DEFAULT_RATIO == (3.0, 5.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: default_bonus(0.3, 4), "ratio: given 4"),
        (lambda: probabilities([0.0, 1.0], np.array([False, False])), "a member has no option"),
        (lambda: nested_probabilities([0.0, 1.0], np.array([0, 2]), [1, 1]), r"nest: given \[0, 2\]"),
        (lambda: nested_probabilities([0.0, 1.0], np.array([0, 1]), [1, 1.5]), "scale: given 1.5 at place 1"),
        (lambda: choose([[0.5, 0.4]], [0.1]), "probability: sums to 0.9"),
        (lambda: Tastes(switching=-1), "switching: given -1"),
        (lambda: utilities(Tastes(), [[1.0]], [0.0], np.array([0])), "income: given 0"),
    ],
)
def test_refusals(call, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(ValueError, match=message):
        call()
