"""Who knows whom: small worlds and groups of members, as neighbour lists in two arrays (model.md A0).

Every member draws its own acquaintances from the random streams, all members at a time, so a graph over a million is
built in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import pdtr

from gridagora.sim.bounds import within
from gridagora.sim.streams import Streams

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_ATTEMPTS = 32
_CONCERN = "acquaintances"


@dataclass(frozen=True, slots=True, eq=False)
class SocialGraph:
    """Neighbours of each member, in compressed rows.

    Parameters
    ----------
    start : ndarray of int64, shape (n + 1,)
        Neighbours of member i stand at ``start[i]`` to ``start[i + 1]``.
    neighbour : ndarray of int32, shape (2 * edges,)
        Their numbers, ascending within a member; acquaintance is mutual.
    """

    start: IntArray
    neighbour: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def degree(self) -> IntArray:
        """Number of neighbours of each member, shape (n,)."""
        return np.diff(self.start)

    def share(self, adopted: ArrayLike, first: int = 0, last: int | None = None) -> FloatArray:
        """Return the share of neighbours for whom something holds.

        Parameters
        ----------
        adopted : array-like of bool, shape (n,)
            Whether it holds, of all members.
        first, last : int
            Range of members to answer for; all without it.

        Returns
        -------
        ndarray of float64, shape (last - first,)
            0 for who has no neighbour.
        """
        held = np.asarray(adopted, dtype=bool)
        if held.shape != (len(self),):
            raise ValueError(f"adopted: given shape {held.shape}; allowed ({len(self)},), one a member of the graph")
        ends = self.start[first : len(self) + 1 if last is None else last + 1]
        counted = np.concatenate([[0], np.cumsum(held[self.neighbour[ends[0] : ends[-1]]], dtype=np.int64)])
        known = np.diff(counted[ends - ends[0]])
        return np.asarray(known / np.maximum(np.diff(ends), 1))


def graph_of(n: int, one: IntArray, other: IntArray) -> SocialGraph:
    """Return the graph of a list of acquaintances, each counted once however often it occurs.

    Parameters
    ----------
    n : int
        Number of members, below 2**31.
    one, other : ndarray of int64, shape (edges,)
        Ends of each acquaintance; who stands at both ends is not its own neighbour.
    """
    apart = one != other
    codes = np.concatenate([one[apart] * n + other[apart], other[apart] * n + one[apart]])
    codes = _distinct(codes)
    counts = np.bincount(codes // n, minlength=n) if n else np.zeros(0, np.int64)
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    neighbour = (codes % max(n, 1)).astype(np.int32)
    start.flags.writeable = neighbour.flags.writeable = False
    return SocialGraph(start, neighbour)


def small_world(n: int, streams: Streams, name: str, degree: int = 8, rewire: float = 0.1) -> SocialGraph:
    """Draw a small world: a ring of neighbours of which some live elsewhere (Watts and Strogatz 1998).

    Each member knows the next `degree / 2` around the ring; each such acquaintance is, with probability `rewire`, one
    with a member drawn from all instead, never itself nor one that it knows already. Who finds none in 32 draws goes
    without, which happens only among a handful.

    Parameters
    ----------
    n : int
        Number of members.
    streams : Streams
        Random streams of the run.
    name : str
        Name of the population, the key of the draws.
    degree : int
        Mean number of neighbours: even, at least 2, below n. 8 is from memory, an assumption (A0).
    rewire : float
        Probability, 0 to 1.

    Raises
    ------
    ValueError
        If the degree is odd or too large.

    References
    ----------
    D. J. Watts, S. H. Strogatz, Nature 393, 440-442, 1998. doi:10.1038/30918
    """
    within("rewire", rewire, 0.0, 1.0)
    if degree < 2 or degree % 2 or degree >= n:
        raise ValueError(
            f"degree: given {degree} for {n} members; allowed: even, at least 2, below the number of members"
        )
    member = np.arange(n, dtype=np.int64)
    half = degree // 2
    one = np.tile(member, half)
    other = np.concatenate([(member + step) % n for step in range(1, half + 1)])
    moving = np.concatenate([streams.uniforms(_CONCERN, name, n, day=step) < rewire for step in range(1, half + 1)])
    ring = np.sort(_code(n, one[~moving], other[~moving]))
    waiting, moved = np.flatnonzero(moving), np.zeros(0, np.int64)
    for attempt in range(1, _ATTEMPTS + 1):
        draws = np.empty((half, n))
        for step in (np.unique(waiting // n) + 1).tolist():
            draws[step - 1] = streams.uniforms(_CONCERN, name, n, day=step, draw=attempt)
        ahead = 1 + (draws.ravel()[waiting] * (n - 1)).astype(np.int64)
        codes = _code(n, one[waiting], (one[waiting] + ahead) % n)
        fresh = ~(_known(codes, ring) | _known(codes, moved))
        order = np.argsort(codes, kind="stable")
        fresh[order[1:]] &= codes[order[1:]] != codes[order[:-1]]  # the first of two that want the same
        moved = np.sort(np.concatenate([moved, codes[fresh]]))
        waiting = waiting[~fresh]
        if not waiting.size:
            break
    placed = np.concatenate([ring, moved])
    return graph_of(n, placed // n, placed % n)


def _distinct(codes: IntArray) -> IntArray:
    """Return numbers ascending, each once; several times as fast as np.unique, which hashes."""
    ascending = np.sort(codes)
    return np.asarray(ascending[np.concatenate([[True], ascending[1:] != ascending[:-1]])[: len(ascending)]])


def _known(codes: IntArray, ascending: IntArray) -> NDArray[np.bool_]:
    """Return which numbers occur among others that ascend."""
    place = np.searchsorted(ascending, codes)
    return np.asarray(np.append(ascending, -1)[place] == codes)


def _code(n: int, one: IntArray, other: IntArray) -> IntArray:
    """Return one number for each unordered pair."""
    return np.asarray(np.minimum(one, other) * n + np.maximum(one, other))


def block_graph(block: ArrayLike, streams: Streams, name: str, inside: float, outside: float) -> SocialGraph:
    """Draw a stochastic block graph: members know more of their own group than of all others.

    The sparse form of the planted partition (Holland, Laskey and Leinhardt 1983): each member draws Poisson numbers of
    acquaintances, with half the means below, uniformly from its group and from outside it; acquaintance is mutual, so
    the means are those below, less what is drawn twice.

    Parameters
    ----------
    block : array-like of int, shape (n,)
        Group of each member, such as its street or feeder.
    streams : Streams
        Random streams of the run.
    name : str
        Name of the population, the key of the draws.
    inside, outside : float
        Mean number of neighbours in the own group and outside it, 0 to 1000.

    References
    ----------
    P. W. Holland, K. B. Laskey, S. Leinhardt, Social Networks 5(2), 109-137, 1983. doi:10.1016/0378-8733(83)90021-7
    """
    groups = np.unique(np.asarray(block), return_inverse=True)[1]
    n = len(groups)
    order = np.argsort(groups, kind="stable")
    size = np.bincount(groups, minlength=1)
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n)
    ends = []
    for reach, mean, choices in (("inside", inside, size - 1), ("outside", outside, n - size)):
        within(reach, mean, 0.0, 1000.0)
        concern = f"{_CONCERN} {reach}"
        count = _poisson(mean / 2, streams.uniforms(concern, name, n))
        count[choices[groups] == 0] = 0
        for number in range(1, int(count.max(initial=0)) + 1):
            who = np.flatnonzero(count >= number)
            group = groups[who]
            ahead = (streams.uniforms(concern, name, n, draw=number)[who] * choices[group]).astype(np.int64)
            if reach == "inside":
                place = first[group] + (rank[who] - first[group] + 1 + ahead) % size[group]
            else:
                place = (first[group] + size[group] + ahead) % n
            ends.append((who, order[place]))
    if not ends:
        return graph_of(n, np.zeros(0, np.int64), np.zeros(0, np.int64))
    return graph_of(n, np.concatenate([one for one, _ in ends]), np.concatenate([other for _, other in ends]))


def _poisson(mean: float, uniform: FloatArray) -> IntArray:
    """Return Poisson numbers of a mean by inversion of uniform draws."""
    most = int(mean + 12 * np.sqrt(mean) + 20)  # beyond it lies less than a draw can tell
    return np.searchsorted(pdtr(np.arange(most), mean), uniform).astype(np.int64)
