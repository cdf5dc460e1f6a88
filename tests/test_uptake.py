"""How one technology spreads: by hand on a ring, by Bass's closed form, and by members whatever their order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.adoption import Bass, NpvLogit, PaybackShare, Threshold, bass_share
from gridagora.agents.social_graph import SocialGraph, small_world
from gridagora.agents.uptake import Uptake
from gridagora.markets.strategies.draws import Draws
from gridagora.sim.streams import Streams

DRAWS = Draws(42, "households")


def ring(n):
    """Return a ring on which everybody knows both neighbours."""
    neighbour = np.stack([(np.arange(n) - 1) % n, (np.arange(n) + 1) % n], axis=1)
    return SocialGraph(2 * np.arange(n + 1), np.sort(neighbour, axis=1).ravel().astype(np.int32))


def decide(uptake, number, years=1.0, worth=0.0, payback=np.inf, eligible=True):
    """Let all members decide once and return who adopts."""
    n = uptake.adopted.size
    columns = (np.full(n, worth), np.full(n, payback), np.zeros(n))
    return uptake.step(number, number * years, years, np.full(n, eligible), *columns)


def test_cascade_on_a_ring():
    """Who adopts once half of two neighbours has: one starter on a ring of seven draws in two a step, three steps."""
    starter = np.arange(7) == 2
    uptake = Uptake("pv", Threshold(0.5, 0.0), DRAWS, starter, ring(7))
    assert uptake.share(np.arange(7)).tolist() == [0, 0.5, 0, 0.5, 0, 0, 0]
    assert [decide(uptake, step).tolist() for step in range(4)] == [[1, 3], [0, 4], [5, 6], []]
    assert uptake.since.tolist() == [1, 0, np.inf, 0, 1, 2, 2]
    assert uptake.count == 7


def test_cascade_that_stops():
    """Who waits for both neighbours never moves; without a graph one of seven is no half either."""
    starter = np.arange(7) == 2
    for uptake in (
        Uptake("pv", Threshold(0.6, 0.0), DRAWS, starter, ring(7)),
        Uptake("pv", Threshold(0.5, 0.0), DRAWS, starter),
    ):
        assert decide(uptake, 0).size == 0


def test_only_who_may():
    """Who may not adopt waits, and who has adopted is not asked again."""
    uptake = Uptake("pv", Threshold(-1.0, 0.0), DRAWS, np.arange(4) == 0)
    assert decide(uptake, 0, eligible=False).size == 0
    assert decide(uptake, 1).tolist() == [1, 2, 3]
    assert decide(uptake, 2).size == 0


def test_worn_out():
    """What was bought at time 0 is bought again after two years, and after four; what was there at the start is not."""
    uptake = Uptake("storage", Threshold(-1.0, 0.0), DRAWS, np.arange(3) == 0)
    decide(uptake, 0)
    assert [uptake.worn_out(now, 2.0).tolist() for now in (1.9, 2.0, 3.9, 4.0)] == [[], [1, 2], [], [1, 2]]


@pytest.mark.compiled
def test_weekly_steps_follow_bass():
    """O39: 100,000 members in weekly steps lie within 1 % of the closed form: of all members, and at 10 years of it."""
    uptake, shares = Uptake("pv", Bass(), Draws(7, "households"), np.zeros(100_000, bool)), []
    for week in range(520):
        decide(uptake, week, 1 / 52)
        shares.append(uptake.count / 100_000)
    exact = bass_share([1, 5, 10], 0.03, 0.38)
    assert np.array(shares)[[51, 259, 519]] == pytest.approx(exact, abs=0.01)
    assert shares[-1] == pytest.approx(exact[2], rel=0.01)


@pytest.mark.compiled
def test_neighbours_cluster():
    """Where neighbours imitate, more of an adopter's neighbours have adopted than of others'; without ties, not."""
    n = 4000
    graph = small_world(n, Streams(42), "households", rewire=0.05)
    lead = {}
    for name, sees in (("graph", graph), ("all", None)):
        uptake = Uptake("pv", Bass(0.005, 0.6), DRAWS, np.zeros(n, bool), sees)
        step = 0
        while uptake.count < 0.25 * n:
            decide(uptake, step, 0.1)
            step += 1
        seen = graph.share(uptake.adopted)
        lead[name] = seen[uptake.adopted].mean() - seen[~uptake.adopted].mean()
    assert lead["graph"] > 0.1
    assert abs(lead["all"]) < 0.03


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([Bass(), Threshold(), NpvLogit(), PaybackShare()]), st.booleans())
def test_counts_are_those_of_the_graph(seed, model, on_graph):
    """Shares that are kept up to date are those counted anew; nobody gives back what it has."""
    n, draws = 60, Draws(seed, "households")
    graph = small_world(n, Streams(seed), "households") if on_graph else None
    uptake = Uptake("pv", model, draws, np.arange(n) % 7 == 0, graph)
    for step in range(6):
        before = uptake.adopted.copy()
        new = decide(uptake, step, payback=5.0)
        assert (uptake.adopted == (before | np.isin(np.arange(n), new))).all()
        counted = graph.share(uptake.adopted) if graph else np.full(n, uptake.adopted.mean())
        assert uptake.share(np.arange(n)) == pytest.approx(counted, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(-2, 2), st.floats(0, 2))
def test_more_worth_more_adopters(seed, worth, more):
    """With the same draws, who adopts at a worth adopts at a higher one, or with a shorter payback period."""
    for model, low, high in (
        (NpvLogit(hazard=2.0), {"worth": worth}, {"worth": worth + more}),
        (PaybackShare(), {"payback": 3 + more}, {"payback": 3.0}),
    ):
        less, rest = (
            set(decide(Uptake("pv", model, Draws(seed, "h"), np.zeros(50, bool)), 0, **columns).tolist())
            for columns in (low, high)
        )
        assert less <= rest
