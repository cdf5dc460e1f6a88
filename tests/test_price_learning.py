"""Bandits that learn the best price (B12)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets.price_learning import EpsilonGreedy, LinearBandit, set_prices
from gridagora.sim.streams import Streams

PRICES = np.linspace(1.0, 5.0, 9)
STEPS = 400
NOISE = Streams(7).normals("demand noise", "s", STEPS)


def demand(price):
    """Return 10 - 2 p: at a cost of 0.3 the best of the prices is 2.5, where the monopoly's is 2.65."""
    return 10 - 2 * price


def learners():
    """Return one learner of each kind."""
    return {
        "greedy": EpsilonGreedy(PRICES, Streams(42), "s", explore=0.2, fade=50),
        "linear": LinearBandit(PRICES, optimism=1.0),
    }


@pytest.mark.parametrize("kind", ["greedy", "linear"])
def test_learners_find_the_best_price(kind):
    """In the last 100 steps they lose less than 5 % of the best profit, 11, and in each half less than before."""
    found = set_prices(learners()[kind], np.full(STEPS, 0.3), demand, NOISE)
    assert found.regret[-100:].mean() < 0.05 * 11
    assert found.regret[STEPS // 2 :].sum() < found.regret[: STEPS // 2].sum()
    assert (found.regret >= 0).all()


def test_a_line_learns_faster_than_arms():
    """Trials at one price teach about all: the linear bandit ends at 2.5, and its total regret is the smaller."""
    line = set_prices(LinearBandit(PRICES), np.full(STEPS, 0.3), demand, NOISE)
    assert (PRICES[line.arm[-100:]] == 2.5).mean() > 0.9
    totals = {kind: set_prices(s, np.full(STEPS, 0.3), demand, NOISE).regret.sum() for kind, s in learners().items()}
    assert totals["linear"] < totals["greedy"]


def test_line_is_found():
    """Without noise the demand line is 10 and -2, but for the ridge."""
    setter = LinearBandit(PRICES, optimism=20.0, ridge=1e-9)
    set_prices(setter, np.full(20, 0.3), demand)
    assert setter.line == pytest.approx([10, -2], abs=1e-4)


def test_price_follows_a_cost_that_moves():
    """At costs 0.3 and 3.0 the best prices are 2.5 and 4.0; the linear bandit tells them apart."""
    costs = np.tile([0.3, 3.0], 100)
    found = set_prices(LinearBandit(PRICES), costs, demand)
    assert PRICES[found.arm[-2:]].tolist() == [2.5, 4.0]


def test_profit_and_regret_by_hand():
    """First each price is tried once: profits (p - 0.3)(10 - 2 p); the best is 2.2 x 5 = 11."""
    found = set_prices(EpsilonGreedy(PRICES, Streams(42), "s"), np.full(9, 0.3), demand)
    profit = (PRICES - 0.3) * (10 - 2 * PRICES)
    assert found.arm.tolist() == list(range(9))
    assert found.profit == pytest.approx(profit, abs=1e-12)
    assert found.regret == pytest.approx(11.0 - profit, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 1))
def test_laws(seed, explore):
    """Prices come from the list, regret is never negative, and the same seed gives the same run."""
    runs = [
        set_prices(EpsilonGreedy(PRICES, Streams(seed), "s", explore), np.full(30, 0.3), demand, NOISE[:30])
        for _ in range(2)
    ]
    assert (runs[0].arm == runs[1].arm).all()
    assert ((runs[0].arm >= 0) & (runs[0].arm < 9)).all()
    assert (runs[0].regret >= 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: EpsilonGreedy(PRICES, Streams(1), "s", explore=2), "explore: given 2"),
        (lambda: EpsilonGreedy(PRICES, Streams(1), "s", fade=0), "fade: given 0"),
        (lambda: LinearBandit(PRICES, optimism=-1), "optimism: given -1"),
        (lambda: LinearBandit(PRICES, ridge=0), "ridge: given 0"),
        (lambda: set_prices(LinearBandit(PRICES), [np.nan], demand), "cost: given nan"),
    ],
)
def test_refusals(call, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(ValueError, match=message):
        call()
