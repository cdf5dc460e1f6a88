"""Clusters around members of their own: k-medoids by partitioning around medoids [Kaufman1990]_.

Build and swap steps are deterministic; ties go to the lowest number.

References
----------
.. [Kaufman1990] L. Kaufman, P. J. Rousseeuw, "Finding Groups in Data", chapter 2, Wiley, 1990.
   doi:10.1002/9780470316801
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def distances(features: Floats) -> Floats:
    """Return the Euclidean distance of every row from every other, shape (n, n), in the unit of the features.

    Parameters
    ----------
    features : ndarray of float64, shape (n, m)
        Any unit.
    """
    from scipy.spatial.distance import pdist, squareform

    return np.asarray(squareform(pdist(features)))


def k_medoids(distance: Floats, k: int) -> Ints:
    """Return the numbers of `k` medoids in no order: build greedily, then swap while the sum of distances falls.

    Parameters
    ----------
    distance : ndarray of float64, shape (n, n)
        Distance of each object (row) from each that may be a medoid (column).
    k : int
        Number of medoids, 0 to n.
    """
    n = len(distance)
    nearest = np.full(n, np.inf)
    medoids: list[int] = []
    for _ in range(k):
        cost = np.minimum(distance, nearest[:, None]).sum(axis=0)
        cost[medoids] = np.inf
        medoids.append(int(cost.argmin()))
        nearest = np.minimum(nearest, distance[:, medoids[-1]])
    chosen = np.array(medoids, np.int64)
    while 0 < k < n:
        place, other, gain = _best_swap(distance, chosen)
        if gain <= 1e-12 * distance.sum():
            break
        chosen[place] = other
    return chosen


def _best_swap(distance: Floats, medoids: Ints) -> tuple[int, int, float]:
    """Return which medoid to exchange for which other, and by how much the sum of distances falls."""
    n, k = len(distance), len(medoids)
    order = np.argsort(distance[:, medoids], axis=1, kind="stable")
    rows = np.arange(n)
    first = distance[rows, medoids[order[:, 0]]]
    second = distance[rows, medoids[order[:, 1]]] if k > 1 else np.full(n, np.inf)
    # An object either moves to the new medoid where that is nearer, or, where its own medoid goes, to the better of
    # the new one and its second.
    moves = np.minimum(distance - first[:, None], 0.0)
    loses = np.minimum(distance, second[:, None]) - first[:, None]
    change = np.tile(moves.sum(axis=0), (k, 1))
    np.add.at(change, order[:, 0], loses - moves)
    change[:, medoids] = np.inf
    place, other = np.unravel_index(change.argmin(), change.shape)
    return int(place), int(other), -float(change[place, other])
