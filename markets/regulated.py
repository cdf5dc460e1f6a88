"""The dispatch of the pool at other prices than its own: one factory, one price, or one series for all.

Regulated prices are those of model.md A5, the counterfactual of C1.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gridagora.markets.pool_day import PoolResult


def regulate(result: PoolResult, unit_price: NDArray[np.float64]) -> PoolResult:
    """Return the same dispatch paid at unit-specific prices.

    Plants run as in the pool (the authority dispatches by cost); buyers share what the plants receive in
    proportion to the energy they take, so their price in a period is the mean over the plants that run. Storages
    buy and sell at that price.

    Parameters
    ----------
    result : PoolResult
        Outcome of the pool.
    unit_price : ndarray of float64, shape (units,)
        Regulated price of each unit [currency/kWh].

    Returns
    -------
    PoolResult
        With `price` the mean unit price by period (that of the pool where nothing runs), its interval shrunk to
        it, and `payments` of sum 0; what rounding leaves is the first buyer's.
    """
    made = result.schedule_quanta.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (result.schedule_quanta * unit_price).sum(axis=1) / made
    price = np.where(made > 0, mean, result.price)
    return _paid(result, price, np.broadcast_to(unit_price, result.schedule_quanta.shape))


def pay_given(result: PoolResult, price: NDArray[np.float64]) -> PoolResult:
    """Return the same dispatch paid at prices from outside: all buyers pay them, all sellers receive them.

    Parameters
    ----------
    result : PoolResult
        Outcome of the pool.
    price : ndarray of float64, shape (periods,)
        Price of each period, of any sign [currency/kWh].

    Returns
    -------
    PoolResult
        With this `price`, its interval shrunk to it, and `payments` of sum 0; what rounding leaves is the first
        buyer's.
    """
    return _paid(result, price, np.broadcast_to(price[:, None], result.schedule_quanta.shape))


def _paid(result: PoolResult, price: NDArray[np.float64], unit_price: NDArray[np.float64]) -> PoolResult:
    """Return the result at the price of buyers and storages, shape (periods,), and of units, shape (periods, units)."""
    income = [-round(math.fsum(row)) for row in (result.schedule_quanta * unit_price).T]
    taken = result.demand_quanta.sum(axis=2) - result.surplus_quanta
    cost = [round(math.fsum(row * price)) for row in taken]
    charged = (result.charge_quanta - result.discharge_quanta).T
    storage = [round(math.fsum(row * price)) for row in charged]
    cost[0] -= sum(cost) + sum(income) + sum(storage)
    payments = np.array([*cost, *income, *storage], np.int64)
    return replace(result, price=price, price_low=price, price_high=price, payments=payments)
