"""What members bid and ask at the gate, as price ticks (model.md A4)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.columns import ZI_CONSTRAINED
from gridagora.sim.compiled import kernel


class Gate(NamedTuple):
    """Limits of a period in ticks, and what draws a tick within them.

    Parameters
    ----------
    most : ndarray of float64, shape (n_offers,)
        Tick that buyers of an offer bid at most, -1 for no order.
    least : ndarray of float64, shape (n_offers,)
        Tick that sellers ask at least, `highest` + 1 for no order.
    draws : ndarray of float64, shape (rows,)
        Uniform draws of the noise rows.
    highest : int
        Tick of the cap.
    """

    most: NDArray[np.float64]
    least: NDArray[np.float64]
    draws: NDArray[np.float64]
    highest: int


@kernel(inline=True)
def bid_tick(strategy: int, most: float, draw: float) -> int:
    """Return a buyer's tick: its limit, or with zero intelligence any tick up to it alike; -1 for no order."""
    drawn = min(draw * (most + 1), most)
    return int(drawn if strategy == ZI_CONSTRAINED else most)


@kernel(inline=True)
def ask_tick(strategy: int, least: float, draw: float, highest: int) -> int:
    """Return a seller's tick: its limit, or with zero intelligence any tick from it on alike; beyond for no order."""
    drawn = least + draw * (highest - least + 1)
    return int(drawn if strategy == ZI_CONSTRAINED else least)


@kernel()
def ticks_of(
    gate: Gate, offer: NDArray[Any], strategy: NDArray[Any], row: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what some members bid and ask, shape (n,) each.

    Parameters
    ----------
    gate : Gate
        Of the period.
    offer, strategy, row : ndarray of int, shape (n,)
        Their offers, strategies and noise rows.
    """
    bids, asks = np.empty(offer.size, np.int64), np.empty(offer.size, np.int64)
    for i in range(offer.size):
        draw = gate.draws[row[i]]
        bids[i] = bid_tick(strategy[i], gate.most[offer[i]], draw)
        asks[i] = ask_tick(strategy[i], gate.least[offer[i]], draw, gate.highest)
    return bids, asks
