"""The loop over a microgrid's members that reads their meters."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from gridagora.sim.compiled import kernel


@kernel()
def both_ways(net: NDArray[Any], rows: NDArray[Any]) -> tuple[int, int]:
    """Return what some members withdraw and inject, each by its own meter [1e-6 kWh].

    Parameters
    ----------
    net : ndarray of int32 or int64, shape (n,)
        Meters of all members [1e-6 kWh].
    rows : ndarray of int64, shape (m,)
        Rows of those who count.
    """
    withdrawn = injected = 0
    for i in rows:
        flow = int(net[i])
        withdrawn += max(flow, 0)
        injected += max(-flow, 0)
    return withdrawn, injected
