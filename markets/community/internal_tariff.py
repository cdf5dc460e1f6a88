"""What members of a microgrid pay its operator for energy, by rule (model.md D6, C11)."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from gridagora.markets.community.cooperative import community_values, shapley
from gridagora.markets.community.shared_prices import bill_sharing_prices, mid_market_prices, sdr_prices
from gridagora.markets.orders import FloatArray, IntArray

Rule = Literal["discount", "supply_demand_ratio", "mid_market", "bill_sharing", "shapley"]
_PRICES = {
    "supply_demand_ratio": sdr_prices,
    "mid_market": mid_market_prices,
    "bill_sharing": bill_sharing_prices,
}


class Metered(NamedTuple):
    """Meters of members or groups of them, and of the operator's plant.

    Attributes
    ----------
    withdrawn, injected : ndarray, shape (rows, periods)
        Taken from and fed into the microgrid [kWh].
    plant : ndarray, shape (periods,)
        Of the plant, positive where it withdraws [kWh].
    buy, sell : ndarray, shape (periods,)
        Prices at the point of common coupling [currency/kWh].
    """

    withdrawn: FloatArray
    injected: FloatArray
    plant: FloatArray
    buy: FloatArray
    sell: FloatArray

    @property
    def outside(self) -> FloatArray:
        """What crosses the point of common coupling, positive where it comes in, shape (periods,) [kWh]."""
        return np.asarray((self.withdrawn - self.injected).sum(axis=0) + self.plant)


class Shared(NamedTuple):
    """A cooperative game among classes of members and the plant, which comes last.

    Attributes
    ----------
    alone : ndarray, shape (classes + 1,)
        Bill of each by itself at the prices of the point of common coupling [currency].
    gain : ndarray, shape (classes + 1,)
        Its Shapley value: what it saves [currency].
    values : ndarray, shape (2^(classes + 1),)
        The game [currency].
    """

    alone: FloatArray
    gain: FloatArray
    values: FloatArray


def share_gain(metered: Metered, member_class: IntArray, classes: int) -> Shared:
    """Return what classes of members and the plant save together, by the Shapley value.

    Parameters
    ----------
    metered : Metered
        Meters.
    member_class : ndarray of int64, shape (rows,)
        Class of each row.
    classes : int
        Number of classes, at most 11.
    """
    net = np.zeros((classes + 1, metered.plant.size))
    np.add.at(net, member_class, metered.withdrawn - metered.injected)
    net[classes] = metered.plant
    sell = np.minimum(metered.sell, metered.buy)
    alone = np.where(net > 0, net * metered.buy, net * sell).sum(axis=1)
    values = community_values(net, metered.buy, sell)
    return Shared(alone, shapley(values), values)


def internal_payments(
    rule: Rule,
    metered: Metered,
    charges: FloatArray,
    feed_in: FloatArray,
    discount_share: float,
    bonus_share: float,
    member_class: IntArray,
) -> FloatArray:
    """Return what each row pays the operator for energy, negative where it receives, shape (rows,) [currency].

    Parameters
    ----------
    rule : str
        `discount`: charges of the retail tariff less a share, feed-in plus a share; `supply_demand_ratio`,
        `mid_market`, `bill_sharing`: prices of each period from what members and plant exchange (C11); `shapley`: the
        bill of a class by itself less its Shapley value, the saving shared within a class by energy metered.
    metered : Metered
        Meters.
    charges, feed_in : ndarray, shape (rows,)
        What the retail tariff would have charged and paid [currency].
    discount_share, bonus_share : float
        Of the rule `discount` [1].
    member_class : ndarray of int64, shape (rows,)
        Class of each row, from 0, for the rule `shapley`.
    """
    if rule == "discount":
        return np.asarray((1 - discount_share) * charges - (1 + bonus_share) * feed_in)
    sell = np.minimum(metered.sell, metered.buy)
    if rule != "shapley":
        exports = metered.injected.sum(axis=0) + np.maximum(-metered.plant, 0)
        imports = metered.withdrawn.sum(axis=0) + np.maximum(metered.plant, 0)
        prices = _PRICES[rule](exports, imports, metered.buy, sell)
        return np.asarray(metered.withdrawn @ prices.buy - metered.injected @ prices.sell)
    classes = int(member_class.max()) + 1
    shared = share_gain(metered, member_class, classes)
    alone = metered.withdrawn @ metered.buy - metered.injected @ sell
    weight = (metered.withdrawn + metered.injected).sum(axis=1)
    saved = np.bincount(member_class, alone, classes) - (shared.alone - shared.gain)[:classes]
    of_class = np.bincount(member_class, weight, classes)[member_class]
    part = np.divide(weight, of_class, out=np.zeros(weight.size), where=of_class > 0)
    return np.asarray(alone - saved[member_class] * part)
