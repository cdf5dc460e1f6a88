"""Prices when reserves are short, and when the cost of generation moves (model.md B13)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from gridagora.markets.orders import FloatArray
from gridagora.sim.bounds import within

#: Value of lost load; an illustration [currency/kWh].
VALUE_OF_LOST_LOAD = 20.0
#: Band of the market-based on-grid price around its base, from memory of the reform of 2021.
PASS_THROUGH_BAND = 0.2


def loss_of_load_probability(reserve: ArrayLike, minimum: float, deviation: float) -> FloatArray:
    """Return the probability that reserves fall below what the operator must hold.

    Parameters
    ----------
    reserve : array-like
        Reserves as forecast [kW].
    minimum : float
        Least that must be left, such as the largest unit [kW], at least 0.
    deviation : float
        Standard deviation of the normal forecast error [kW], above 0.

    Returns
    -------
    ndarray
        1 where no more than the minimum is forecast: load is then shed to keep it.
    """
    above = within("reserve", reserve) - within("minimum", minimum, 0.0)
    return np.where(above <= 0, 1.0, ndtr(-above / within("deviation", deviation, 1e-12)))


def scarcity_price(
    price: ArrayLike,
    reserve: ArrayLike,
    load: ArrayLike,
    minimum: float,
    deviation: float,
    *,
    margin: float = np.inf,
    value: float = VALUE_OF_LOST_LOAD,
) -> FloatArray:
    """Return energy prices with the adder of an operating reserve demand curve, lambda + (VoLL - lambda) LOLP(R) (B13).

    Parameters
    ----------
    price : array-like, shape (periods,)
        Market price, at most `value` [currency/kWh].
    reserve, load : array-like, shape (periods,)
        Reserves and load, the latter above 0 [kW].
    minimum, deviation : float
        As in :func:`loss_of_load_probability` [kW].
    margin : float
        Reserves over load from which nothing is added; infinite if the curve alone decides.
    value : float
        Value of lost load [currency/kWh].

    Returns
    -------
    ndarray, shape (periods,)
        Between the price and the value of lost load [currency/kWh].

    Raises
    ------
    ValueError
        If a price exceeds the value of lost load.
    """
    prices = within("price", price, high=value)
    short = within("reserve", reserve) < margin * within("load", load, 1e-300)
    adder = (value - prices) * loss_of_load_probability(reserve, minimum, deviation)
    return prices + np.where(short, adder, 0.0)


def passed_through(
    base: ArrayLike, cost: ArrayLike, base_cost: ArrayLike, share: float = 1.0, band: float = PASS_THROUGH_BAND
) -> FloatArray:
    """Return prices that follow the cost of generation within a regulated band, p0 + phi (cost - base cost) (B13).

    Parameters
    ----------
    base : array-like
        Regulated price, at least 0 [currency/kWh].
    cost, base_cost : array-like
        Mean cost of generation, now and when the base was set [currency/kWh].
    share : float
        phi, share that is passed on, 0 to 1.
    band : float
        Most of the change as a share of the base, at least 0.

    Returns
    -------
    ndarray
        [currency/kWh]
    """
    start = within("base", base, 0.0)
    moved = within("share", share, 0.0, 1.0) * (within("cost", cost) - within("base_cost", base_cost))
    most = within("band", band, 0.0) * start
    return np.asarray(start + np.clip(moved, -most, most))  # the band is the regulator's rule
