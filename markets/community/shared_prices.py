"""Prices from the ratio of supply to demand, and the mid-market rate and bill sharing beside it (model.md C11).

All three settle a community whose members stand behind one point of common coupling: what is short is bought at the
retail price, what is left is fed in at the feed-in price. Each returns one price for the members' imports and one for
their exports, so that what importers pay is what exporters get plus the community's own bill.

References
----------
.. [Liu2017] N. Liu, X. Yu, C. Wang, C. Li, L. Ma, J. Lei, "Energy-sharing model with price-based demand response for
   microgrids of peer-to-peer prosumers", IEEE Trans. Power Syst. 32(5), 3569-3583, 2017.
   doi:10.1109/TPWRS.2017.2649558
.. [Long2017] C. Long, J. Wu, C. Zhang, L. Thomas, M. Cheng, N. Jenkins, "Peer-to-peer energy trading in a community
   microgrid", IEEE PES General Meeting, 2017. doi:10.1109/PESGM.2017.8274546
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gridagora.markets.orders import FloatArray


class CommunityPrices(NamedTuple):
    """Prices inside a community.

    Attributes
    ----------
    buy : ndarray, shape (periods,)
        What a member pays for each kWh it imports [currency/kWh].
    sell : ndarray, shape (periods,)
        What a member gets for each kWh it exports [currency/kWh].
    """

    buy: FloatArray
    sell: FloatArray


def _checked(
    exports: ArrayLike, imports: ArrayLike, retail: ArrayLike, feed_in: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the columns at one shape, or refuse them."""
    given = np.broadcast_arrays(
        *(np.asarray(column, dtype=np.float64) for column in (exports, imports, retail, feed_in))
    )
    supply, demand, high, low = given
    if not (np.all(supply >= 0) and np.all(demand >= 0)):
        raise ValueError("community: exports and imports must be at least 0 kWh; give sums over the members")
    if not np.all((low >= 0) & (low <= high)):
        raise ValueError("community: feed_in must be at least 0 and at most retail; else nobody would share")
    return supply, demand, high, low


def sdr_prices(exports: ArrayLike, imports: ArrayLike, retail: ArrayLike, feed_in: ArrayLike) -> CommunityPrices:
    """Return the prices of the supply-demand ratio [Liu2017]_.

    With s = exports / imports up to 1, exporters get f r / ((r - f) s + f) and importers pay that for the part s and
    the retail price r for the rest. Beyond 1 both have the feed-in price f. Without exports (or at f = 0 and s = 0)
    both prices are r, without imports f.

    Parameters
    ----------
    exports, imports : array_like, shape (periods,)
        Sums over the members of what each has left and what each lacks, at least 0 [kWh].
    retail, feed_in : array_like, shape (periods,)
        Prices at the point of common coupling, 0 <= feed_in <= retail [currency/kWh].

    Returns
    -------
    CommunityPrices

    Raises
    ------
    ValueError
        If a quantity is negative or the prices are out of order.

    Examples
    --------
    >>> prices = sdr_prices([0.0, 5.0, 10.0], 10.0, 0.60, 0.20)
    >>> prices.sell.round(3).tolist(), prices.buy.round(3).tolist()
    ([0.6, 0.3, 0.2], [0.6, 0.45, 0.2])
    """
    supply, demand, high, low = _checked(exports, imports, retail, feed_in)
    ratio = np.divide(supply, demand, out=np.ones(supply.shape), where=supply < demand)
    weight = (high - low) * ratio + low
    part = np.divide(low, weight, out=np.ones(supply.shape), where=(weight > 0) & (ratio > 0))
    sell = np.minimum(np.maximum(np.where(ratio >= 1.0, low, high * part), low), high)
    return CommunityPrices(sell * ratio + high * (1.0 - ratio), sell)


def mid_market_prices(exports: ArrayLike, imports: ArrayLike, retail: ArrayLike, feed_in: ArrayLike) -> CommunityPrices:
    """Return the mid-market rate [Long2017]_.

    What is shared trades at (r + f) / 2; importers share the cost of what is missing, exporters the feed-in of what
    is left, in proportion to their energy. A side without energy has the rate itself.

    Parameters
    ----------
    exports, imports, retail, feed_in
        As in :func:`sdr_prices`.

    Returns
    -------
    CommunityPrices

    Raises
    ------
    ValueError
        As :func:`sdr_prices`.

    Examples
    --------
    >>> prices = mid_market_prices([5.0, 10.0, 20.0], 10.0, 0.60, 0.20)
    >>> prices.buy.round(3).tolist(), prices.sell.round(3).tolist()
    ([0.5, 0.4, 0.4], [0.4, 0.4, 0.3])
    """
    supply, demand, high, low = _checked(exports, imports, retail, feed_in)
    shared, middle = np.minimum(supply, demand), (high + low) / 2.0
    inside_demand = np.divide(shared, demand, out=np.ones(shared.shape), where=demand > 0)
    inside_supply = np.divide(shared, supply, out=np.ones(shared.shape), where=supply > 0)
    return CommunityPrices(
        middle * inside_demand + high * (1.0 - inside_demand), middle * inside_supply + low * (1.0 - inside_supply)
    )


def bill_sharing_prices(
    exports: ArrayLike, imports: ArrayLike, retail: ArrayLike, feed_in: ArrayLike
) -> CommunityPrices:
    """Return the prices of bill sharing: what is shared is free [Long2017]_.

    Importers share the community's bill in proportion to their imports, exporters its earnings in proportion to their
    exports. So the importers' price lies in [0, r] and the exporters' in [0, f]: exporters may get less than f.

    Parameters
    ----------
    exports, imports, retail, feed_in
        As in :func:`sdr_prices`.

    Returns
    -------
    CommunityPrices
        0 for a side without energy.

    Raises
    ------
    ValueError
        As :func:`sdr_prices`.
    """
    supply, demand, high, low = _checked(exports, imports, retail, feed_in)
    short, left = np.maximum(demand - supply, 0.0), np.maximum(supply - demand, 0.0)
    buy = np.divide(high * short, demand, out=np.zeros(short.shape), where=demand > 0)
    return CommunityPrices(buy, np.divide(low * left, supply, out=np.zeros(left.shape), where=supply > 0))


class CommunityBill(NamedTuple):
    """Who pays what inside a community.

    Attributes
    ----------
    payment : ndarray, shape (members, periods)
        Positive pays, negative receives [currency].
    outside : ndarray, shape (periods,)
        What the community pays at the point of common coupling; negative where it earns [currency].
    """

    payment: FloatArray
    outside: FloatArray


def settle_community(
    net_load: FloatArray, prices: CommunityPrices, retail: ArrayLike, feed_in: ArrayLike
) -> CommunityBill:
    """Return the payments of members at community prices.

    Parameters
    ----------
    net_load : ndarray, shape (members, periods)
        Metered imports (positive) and exports (negative) of each member [kWh].
    prices : CommunityPrices
        Prices of the periods, from the sums of the same meters.
    retail, feed_in : array_like, shape (periods,)
        Prices at the point of common coupling [currency/kWh].

    Returns
    -------
    CommunityBill
        Payments sum to `outside` in each period, but for rounding of floats.
    """
    total = net_load.sum(axis=0)
    outside = np.where(total > 0, total * np.asarray(retail), total * np.asarray(feed_in))
    return CommunityBill(np.where(net_load > 0, net_load * prices.buy, net_load * prices.sell), outside)
