"""How flows and voltages follow from what areas withdraw, and the limits written in withdrawals alone.

Rows are the bridge between the network model, whose flows are variables, and everything that only looks at areas:
prices on the dual face (P2), the check of single trades (C5.3), transmission rights.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gridagora.markets.network.grid import Network
from gridagora.markets.orders import FloatArray, IntArray, read_only

CORNERS = 12  # of the polygon inside the circle of apparent power (C5.2)


@lru_cache(maxsize=32)
def shift_factors(network: Network) -> FloatArray:
    """Return how much of an injection, taken out at the slack area, flows over each line (PTDF).

    Parameters
    ----------
    network : Network
        Of kind `dc`, or any network without loops.

    Returns
    -------
    ndarray, shape (lines, areas)
        [kWh/kWh]

    Raises
    ------
    ValueError
        If the network is of kind `transport` and has a loop: flows do not follow from injections then.
    """
    if network.kind == "transport" and len(network.line_from) >= len(network.areas):
        raise ValueError(
            f"network: {len(network.line_from)} lines between {len(network.areas)} areas close a loop, and kind "
            "transport does not say how flows share them; use kind dc"
        )
    incidence = network.incidence
    susceptance = 1.0 / network.x if network.kind == "dc" else np.ones(len(incidence))
    others = np.arange(len(network.areas)) != network.slack
    reduced = incidence[:, others]
    factors = np.zeros_like(incidence)
    if reduced.size:
        laplacian = reduced.T @ (susceptance[:, None] * reduced)
        factors[:, others] = np.linalg.solve(laplacian, reduced.T * susceptance).T
    return read_only(factors)


class Limits(NamedTuple):
    """Limits as ``active @ withdrawal + reactive @ reactive withdrawal <= bound``, withdrawals net and by area.

    Attributes
    ----------
    active, reactive : ndarray, shape (limits, areas)
        Sensitivities to active [1/kWh] and reactive [1/kvarh] energy withdrawn.
    bound : ndarray, shape (limits,)
        Power that the limit leaves. [kW]
    line, area : ndarray of int64, shape (limits,)
        The line or the area whose flow or voltage is limited, -1 for the other.
    """

    active: FloatArray
    reactive: FloatArray
    bound: FloatArray
    line: IntArray
    area: IntArray


@lru_cache(maxsize=32)
def limits_of(network: Network) -> Limits:
    """Return the limits of lines and voltages of a `dc` or radial network, those that are infinite left out.

    Parameters
    ----------
    network : Network
        As in :func:`shift_factors`.

    Returns
    -------
    Limits
        For `dc` and `transport` two rows a line; for `lin_dist_flow` the polygon of each line and two rows for the
        voltage of each area but the slack, in units in which the largest sensitivity is 1.
    """
    withdrawal = -shift_factors(network)
    lines = np.arange(len(withdrawal))
    if network.kind == "lin_dist_flow":
        parts = [_polygon(network, withdrawal), _voltages(network, withdrawal)]
    else:
        nothing = np.zeros_like(withdrawal)
        parts = [
            Limits(withdrawal, nothing, network.limit_kw, lines, np.full(len(lines), -1)),
            Limits(-withdrawal, nothing, network.limit_back_kw, lines, np.full(len(lines), -1)),
        ]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    finite = np.isfinite(columns[2])
    return Limits(*(read_only(column[finite]) for column in columns))


def _polygon(network: Network, path: FloatArray) -> Limits:
    angle = np.repeat(2 * np.pi / CORNERS * np.arange(CORNERS), len(path))
    rows = np.tile(np.arange(len(path)), CORNERS)
    bound = network.limit_kw[rows] * np.cos(np.pi / CORNERS)
    active, reactive = (turn(angle)[:, None] * path[rows] for turn in (np.cos, np.sin))
    return Limits(active, reactive, bound, rows, np.full(len(rows), -1))


def _voltages(network: Network, path: FloatArray) -> Limits:
    """Return the limits of squared voltages ``v_slack^2 - 2 (R p + X q) / base``."""
    others = np.flatnonzero(np.arange(len(network.areas)) != network.slack)
    resistance, reactance = (path.T @ (column[:, None] * path) for column in (network.r, network.x))
    scale = np.maximum(np.abs(resistance), np.abs(reactance)).max(axis=1, initial=0.0)[others]
    active, reactive = resistance[others] / scale[:, None], reactance[others] / scale[:, None]
    drop, rise = (
        (network.v_slack**2 - network.v_min[others] ** 2) * network.base_kva / (2 * scale),
        (network.v_max[others] ** 2 - network.v_slack**2) * network.base_kva / (2 * scale),
    )
    return Limits(
        np.concatenate([active, -active]),
        np.concatenate([reactive, -reactive]),
        np.concatenate([drop, rise]),
        np.full(2 * len(others), -1),
        np.concatenate([others, others]),
    )
