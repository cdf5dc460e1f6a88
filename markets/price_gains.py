"""What real-time and time-of-use prices bring when agents answer: any model of demand as the oracle (model.md B11).

:func:`gridagora.markets.pricing.real_time_gain` knows linear demand in closed form; here demand is a function of
prices, such as the load of a population with its answer to them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from gridagora.markets.orders import FloatArray, read_only
from gridagora.sim.bounds import within

#: Points of the Gauss-Legendre rule for consumer surplus; exact for polynomials up to degree 15.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(8)


@dataclass(frozen=True, slots=True)
class PriceGain:
    """What other prices than one flat price bring.

    Attributes
    ----------
    gain : float
        Change of consumer surplus and of what suppliers earn above the cost of energy [currency].
    prices : ndarray of float64, shape (periods,)
        What customers on the new prices pay [currency/kWh].
    bill : float
        What all pay when all pay the flat price, of which gains are a share [currency].
    """

    gain: float
    prices: FloatArray
    bill: float


@dataclass(frozen=True, slots=True)
class AnsweringMarket:
    """Customers that answer prices, and a market price that rises with what they use.

    Parameters
    ----------
    demand : callable
        Takes prices, shape (periods,) [currency/kWh], and gives what all use, shape (periods,) [kWh]; use falls with
        its own price and depends on no other.
    cost, rise : float
        Market price at no demand [currency/kWh] and its rise [currency/kWh per kWh], at least 0.
    low, high : float
        Between which the flat price is sought [currency/kWh].
    """

    demand: Callable[[FloatArray], FloatArray]
    cost: float
    rise: float
    low: float
    high: float

    def flat(self) -> FloatArray:
        """Return the lowest flat price at which all break even, once a period [currency/kWh]."""
        size = self.demand(np.array([self.low])).size
        price = brentq(lambda p: self._short(np.full(size, p)).sum(), self.low, self.high, xtol=1e-13)
        return np.full(size, price)

    def real_time(self, share: float) -> PriceGain:
        """Return what real-time prices for a share of the customers bring; the others' flat price breaks even too.

        Parameters
        ----------
        share : float
            Share on real-time prices, 0 to 1.

        Raises
        ------
        ValueError
            If the share is out of range, or no flat price within bounds breaks even.
        """
        alpha = float(within("share", share, 0.0, 1.0))
        everybody = self.flat()
        size = everybody.size

        def short(price: float) -> float:
            flat = np.full(size, price)
            return float(((flat - self._market(alpha, flat)) * self.demand(flat)).sum())

        others = np.full(size, brentq(short, self.low, self.high, xtol=1e-13))
        real = self._market(alpha, others)
        return self._gain(everybody, [(1 - alpha, others), (alpha, real)], real)

    def time_of_use(self, classes: ArrayLike) -> PriceGain:
        """Return what prices by class bring that break even within each class, for all customers.

        Parameters
        ----------
        classes : array-like of int, shape (periods,)
            Price class of each period.
        """
        place = np.asarray(classes)
        prices = everybody = self.flat()
        for each in np.unique(place):
            mine = place == each

            def short(price: float, mine: NDArray[np.bool_] = mine) -> float:
                return float(self._short(np.where(mine, price, everybody))[mine].sum())

            prices = np.where(mine, brentq(short, self.low, self.high, xtol=1e-13), prices)
        return self._gain(everybody, [(1.0, prices)], prices)

    def _short(self, prices: FloatArray) -> FloatArray:
        used = self.demand(prices)
        return np.asarray((prices - self.cost - self.rise * used) * used)

    def _market(self, alpha: float, others: FloatArray) -> FloatArray:
        """Return the market price that a share of the customers pays and makes, by bisection in every period."""
        if alpha == 0:
            return np.asarray(self.cost + self.rise * self.demand(others))
        rest = (1 - alpha) * self.demand(others)
        low, high = np.full(others.size, self.cost), self.cost + self.rise * (rest + alpha * self.demand(others))
        high = np.maximum(high, others)
        for _ in range(48):  # double precision
            middle = (low + high) / 2
            above = middle > self.cost + self.rise * (rest + alpha * self.demand(middle))
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return np.asarray((low + high) / 2)

    def _gain(self, flat: FloatArray, groups: list[tuple[float, FloatArray]], prices: FloatArray) -> PriceGain:
        before = self.demand(flat)
        used, revenue, surplus = np.zeros(flat.size), 0.0, 0.0
        for share, paid in groups:
            load = share * self.demand(paid)
            used, revenue = used + load, revenue + float(paid @ load)
            half = (flat - paid) / 2
            nodes = [self.demand((flat + paid) / 2 - half * node) for node in NODES]
            surplus += share * float(half @ np.tensordot(WEIGHTS, nodes, axes=1))
        gain = surplus + revenue - self._cost(used) - (float(flat @ before) - self._cost(before))
        return PriceGain(gain, read_only(prices.copy()), float(flat @ before))

    def _cost(self, used: FloatArray) -> float:
        return float(np.sum(self.cost * used + self.rise * used**2 / 2))
