"""Financial transmission rights: who is owed the difference of two areas' prices, and whether the rent covers it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gridagora.markets.network.grid import Network
from gridagora.markets.network.prices import AreaPrices
from gridagora.markets.network.sensitivities import limits_of
from gridagora.markets.orders import FloatArray


class RightsPaid(NamedTuple):
    """What holders of rights receive in one settlement period.

    Attributes
    ----------
    payment : ndarray, shape (rights,)
        Price at the sink less price at the source, times the quantity; negative where the holder pays. [currency]
    left : float
        Congestion rent that is left. [currency]
    feasible : bool
        Whether the rights, used all at once, respect every limit; then `left` is at least 0 (C5.1).
    """

    payment: FloatArray
    left: float
    feasible: bool


def pay_rights(
    network: Network,
    prices: AreaPrices,
    source: Sequence[Hashable],
    sink: Sequence[Hashable],
    power_kw: ArrayLike,
    hours: float,
) -> RightsPaid:
    """Return what obligations from source to sink pay, and the test of their simultaneous feasibility.

    Parameters
    ----------
    network : Network
        Of kind `dc`, `lin_dist_flow` or `transport` without loops.
    prices : AreaPrices
        Prices of the period.
    source, sink : sequence, shape (rights,)
        Areas by name.
    power_kw : array_like, shape (rights,)
        At least 0. [kW]
    hours : float
        Length of the period. [h]

    Raises
    ------
    ValueError
        If columns do not fit or a power is negative.

    References
    ----------
    W. W. Hogan: Contract networks for electric power transmission. Journal of Regulatory Economics 4, 211-242, 1992.
    https://doi.org/10.1007/BF00133621
    """
    power = np.asarray(power_kw, dtype=np.float64)
    first, second = network.area_index(source), network.area_index(sink)
    if not (first.shape == second.shape == power.shape) or not (np.isfinite(power) & (power >= 0)).all():
        raise ValueError("rights: source, sink and power_kw need one entry each, powers at least 0 kW")
    withdrawal = np.zeros(len(network.areas))
    np.add.at(withdrawal, second, power)
    np.subtract.at(withdrawal, first, power)
    limits = limits_of(network)
    payment = (prices.price[second] - prices.price[first]) * power * hours
    fits = bool((limits.active @ withdrawal <= limits.bound + 1e-9 * max(1.0, float(power.sum()))).all())
    return RightsPaid(payment, prices.rent - float(payment.sum()), fits)
