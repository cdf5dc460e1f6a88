"""The loop over a microgrid's members that reads their meters."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from gridagora.sim.compiled import kernel


@kernel()
def read_meters(
    net: NDArray[Any],
    rows: NDArray[Any],
    ends: NDArray[Any],
    withdrawn: NDArray[Any],
    injected: NDArray[Any],
    period: int,
) -> int:
    """Note what groups of members withdraw and inject, each member by its own meter, and return the sum of the meters.

    Parameters
    ----------
    net : ndarray of int32 or int64, shape (n,)
        Meters of all members [1e-6 kWh].
    rows : ndarray of int64, shape (m,)
        Rows of those who count, group by group.
    ends : ndarray of int64, shape (groups,)
        Where each group ends among them.
    withdrawn, injected : ndarray of int64, shape (groups, periods)
        Written for the period [1e-6 kWh].
    period : int
        Settlement period.
    """
    first = outside = 0
    for group in range(ends.size):
        taken = given = 0
        for place in range(first, ends[group]):
            flow = int(net[rows[place]])
            taken += max(flow, 0)
            given += max(-flow, 0)
        withdrawn[group, period], injected[group, period] = taken, given
        outside += taken - given
        first = ends[group]
    return outside
