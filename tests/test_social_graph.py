"""Small worlds and groups of members in compressed rows (A0)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.social_graph import block_graph, graph_of, small_world
from gridagora.sim.streams import Streams

FAST = settings(max_examples=30, deadline=None)


def pairs(graph):
    """Return all (member, neighbour)."""
    return list(zip(np.repeat(np.arange(len(graph)), graph.degree).tolist(), graph.neighbour.tolist(), strict=True))


def clustering(graph):
    """Return the mean share of pairs of neighbours who know each other."""
    known = set(pairs(graph))
    shares = []
    for i in range(len(graph)):
        of = graph.neighbour[graph.start[i] : graph.start[i + 1]].tolist()
        shares.append(np.mean([(a, b) in known for a in of for b in of if a != b]))
    return float(np.mean(shares))


def test_graph_by_hand():
    """Edges 0-1, 1-0, 1-2 and 2-2 among four are two acquaintances; member 3 has none."""
    graph = graph_of(4, np.array([0, 1, 1, 2]), np.array([1, 0, 2, 2]))
    assert graph.start.tolist() == [0, 1, 3, 4, 4]
    assert graph.neighbour.tolist() == [1, 0, 2, 1]
    assert graph.share([True, False, False, True]).tolist() == [0.0, 0.5, 0.0, 0.0]
    assert not graph.neighbour.flags.writeable


def test_ring():
    """Without rewiring everybody knows 8; the clustering is 3 (k - 2) / (4 (k - 1)) = 18 / 28."""
    graph = small_world(40, Streams(42), "h", rewire=0.0)
    assert (graph.degree == 8).all()
    assert sorted(graph.neighbour[: graph.start[1]].tolist()) == [1, 2, 3, 4, 36, 37, 38, 39]
    assert clustering(graph) == pytest.approx(18 / 28, abs=1e-12)


def test_rewiring_keeps_the_number_of_acquaintances_and_loosens_groups():
    """600 members at 0.1: still 2400 acquaintances; clustering near 18/28 x 0.9^3 (Barrat and Weigt 2000)."""
    graph = small_world(600, Streams(42), "h")
    assert len(graph.neighbour) == 2 * 2400
    assert clustering(graph) == pytest.approx(18 / 28 * 0.9**3, abs=0.04)


@FAST
@given(st.integers(10, 60), st.sampled_from([2, 4, 8]), st.floats(0, 1), st.integers(0, 100))
def test_laws_of_small_worlds(n, degree, rewire, seed):
    """Acquaintance is mutual, nobody knows itself or one twice, and at most a few are left out."""
    graph = small_world(n, Streams(seed), "h", degree, rewire)
    known = pairs(graph)
    assert len(set(known)) == len(known)
    assert all(a != b for a, b in known)
    assert {(b, a) for a, b in known} == set(known)
    assert n * degree - 8 <= len(known) <= n * degree


def test_saturated_small_world_ends():
    """Of three members who all rewire one may know both others already: the draws end, and two acquaintances stay."""
    found = {len(small_world(3, Streams(seed), "h", 2, 1.0).neighbour) for seed in range(20)}
    assert found == {4, 6}


def test_groups():
    """2000 members of 20 groups with means 6 and 2: degrees are Poisson, mostly within the group."""
    block = np.arange(2000) % 20
    graph = block_graph(block, Streams(42), "h", 6, 2)
    same = block[np.repeat(np.arange(2000), graph.degree)] == block[graph.neighbour]
    assert graph.degree.mean() == pytest.approx(8, abs=0.4)
    assert graph.degree.var() == pytest.approx(8, abs=1.2)
    assert same.mean() == pytest.approx(0.75, abs=0.03)
    assert {(b, a) for a, b in pairs(graph)} == set(pairs(graph))


def test_groups_of_one_and_one_group():
    """Who is alone in its group knows none in it; with one group there is no outside; with neither, nobody."""
    alone = block_graph(np.arange(5), Streams(1), "h", 50, 0)
    together = block_graph(np.zeros(5, int), Streams(1), "h", 0, 50)
    assert len(alone.neighbour) == len(together.neighbour) == 0
    everybody = block_graph([7, 7, 7], Streams(1), "h", 50, 0)
    assert everybody.degree.tolist() == [2, 2, 2]
    assert len(block_graph(np.zeros(0, int), Streams(1), "h", 1, 1)) == 0


def test_shares_of_a_block_of_members():
    """A part of the members gets the same answer as within all."""
    graph = small_world(50, Streams(3), "h")
    held = np.arange(50) % 3 == 0
    whole = graph.share(held)
    assert (np.concatenate([graph.share(held, 0, 20), graph.share(held, 20)]) == whole).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: small_world(10, Streams(1), "h", 3), "degree: given 3 for 10 members"),
        (lambda: small_world(8, Streams(1), "h", 8), "degree: given 8 for 8 members"),
        (lambda: small_world(10, Streams(1), "h", 2, 1.5), "rewire: given 1.5"),
        (lambda: block_graph([0, 1], Streams(1), "h", -1, 0), "inside: given -1"),
        (lambda: graph_of(2, np.array([0]), np.array([1])).share([True]), r"adopted: given shape \(1,\)"),
    ],
)
def test_refusals(call, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(ValueError, match=message):
        call()
