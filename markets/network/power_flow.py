"""Power flow of a radial grid for given loads: the linear one of the market, and the exact one to check it (P4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gridagora.markets.network.grid import Network
from gridagora.markets.network.sensitivities import shift_factors
from gridagora.markets.orders import FloatArray, read_only

ROUNDS, SETTLED = 100, 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class PowerFlow:
    """Flows and voltages.

    Attributes
    ----------
    voltage : ndarray, shape (areas,)
        [per unit]
    flow_kw, flow_kvar : ndarray, shape (lines,)
        At the beginning of each line. [kW, kvar]
    losses_kw : ndarray, shape (lines,)
        [kW]
    """

    voltage: FloatArray
    flow_kw: FloatArray
    flow_kvar: FloatArray
    losses_kw: FloatArray


def lin_dist_flow(network: Network, load_kw: ArrayLike, load_kvar: ArrayLike) -> PowerFlow:
    """Return the linear power flow (C5.2), with losses r (P^2 + Q^2) / v worked out afterwards.

    Parameters
    ----------
    network : Network
        Of kind `lin_dist_flow`.
    load_kw, load_kvar : array_like, shape (areas,)
        Net withdrawals; what stands at the slack area flows over no line. [kW, kvar]

    Raises
    ------
    ValueError
        If the network is of another kind or a load does not fit.
    """
    active, reactive = _loads(network, load_kw, load_kvar)
    path = -shift_factors(network)
    flow, flow_q = path @ active, path @ reactive
    drop = path.T @ (network.r * flow + network.x * flow_q) * (2 / network.base_kva)
    squared = network.v_slack**2 - drop
    losses = network.r * (flow**2 + flow_q**2) / squared[network.line_from] / network.base_kva
    return _flow(np.sqrt(np.maximum(squared, 0.0)), flow, flow_q, losses)


def dist_flow(network: Network, load_kw: ArrayLike, load_kvar: ArrayLike) -> PowerFlow:
    """Return the exact power flow of a radial grid, by a fixed point of currents ``(P^2 + Q^2) / v`` (DistFlow, C5.2).

    Parameters
    ----------
    network : Network
        Of kind `lin_dist_flow`.
    load_kw, load_kvar : array_like, shape (areas,)
        Net withdrawals. [kW, kvar]

    Raises
    ------
    ValueError
        As in :func:`lin_dist_flow`.
    RuntimeError
        If it does not settle: the load is more than the grid can carry.

    References
    ----------
    M. E. Baran, F. F. Wu: Optimal capacitor placement on radial distribution systems. IEEE Transactions on Power
    Delivery 4(1), 725-734, 1989. https://doi.org/10.1109/61.19265
    """
    active, reactive = (load / network.base_kva for load in _loads(network, load_kw, load_kvar))
    path = -shift_factors(network)
    current = np.zeros(len(network.r))
    squared = np.full(len(active), network.v_slack**2)
    for _ in range(ROUNDS):
        at_end = [np.bincount(network.line_to, part * current, len(active)) for part in (network.r, network.x)]
        flow, flow_q = (path @ (load + loss) for load, loss in zip((active, reactive), at_end, strict=True))
        fall = 2 * (network.r * flow + network.x * flow_q) - (network.r**2 + network.x**2) * current
        squared = network.v_slack**2 - path.T @ fall
        if squared.min() <= 0:
            break
        before, current = current, (flow**2 + flow_q**2) / squared[network.line_from]
        if np.abs(current - before).max(initial=0.0) <= SETTLED * max(1.0, np.abs(current).max(initial=0.0)):
            kw, kvar, lost = (part * network.base_kva for part in (flow, flow_q, network.r * current))
            return _flow(np.sqrt(squared), kw, kvar, lost)
    raise RuntimeError(
        f"power flow: {np.sum(active) * network.base_kva:.4g} kW do not settle: more than the grid carries"
    )


def _loads(network: Network, load_kw: ArrayLike, load_kvar: ArrayLike) -> tuple[FloatArray, FloatArray]:
    if network.kind != "lin_dist_flow":
        raise ValueError(f"power flow: the network is of kind {network.kind}; must be lin_dist_flow")
    loads = np.asarray(load_kw, dtype=np.float64), np.asarray(load_kvar, dtype=np.float64)
    for name, load in zip(("load_kw", "load_kvar"), loads, strict=True):
        if load.shape != (len(network.areas),) or not np.isfinite(load).all():
            raise ValueError(
                f"power flow: {name} of shape {load.shape}; must be finite, one of {len(network.areas)} areas"
            )
    return loads


def _flow(*columns: FloatArray) -> PowerFlow:
    return PowerFlow(*(read_only(column) for column in columns))
