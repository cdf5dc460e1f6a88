"""What goes into the pool every day and what comes out of one day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gridagora.markets.orders import FloatArray, IntArray, read_only


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Offers:
    """What sells into the pool every day: cost blocks of plants, and imports as further rows.

    Parameters
    ----------
    name : sequence of str, shape (units,)
        One name each, the party in the ledger.
    capacity_kwh : array_like, shape (units,) or (periods, units)
        Most energy in a settlement period. [kWh]
    cost : array_like, shape (units,)
        Offer price. [currency/kWh]

    Raises
    ------
    ValueError
        If shapes do not fit, or a capacity or cost is not finite or a capacity negative.
    """

    name: tuple[str, ...]
    capacity_kwh: FloatArray
    cost: FloatArray

    def __init__(self, name: Sequence[str], capacity_kwh: ArrayLike, cost: ArrayLike) -> None:
        capacity, price = np.array(capacity_kwh, dtype=np.float64), np.array(cost, dtype=np.float64)
        units = len(name)
        if price.shape != (units,) or capacity.ndim not in (1, 2) or capacity.shape[-1] != units:
            raise ValueError(
                f"offers: {units} names, capacity of shape {capacity.shape}, cost of shape {price.shape}; both "
                "need one entry per name (capacity may have one row per period)"
            )
        bad = ~np.isfinite(price) | ~(np.isfinite(capacity) & (capacity >= 0)).reshape(-1, units).all(axis=0)
        if bad.any():
            first = int(np.argmax(bad))
            raise ValueError(
                f"offers: {name[first]}: capacity {capacity[..., first]} kWh at {price[first]} currency/kWh; both "
                "must be finite and the capacity at least 0"
            )
        object.__setattr__(self, "name", tuple(name))
        object.__setattr__(self, "capacity_kwh", read_only(capacity))
        object.__setattr__(self, "cost", read_only(price))


@dataclass(frozen=True, slots=True, eq=False)
class PoolResult:
    """Prices, schedules and payments of one day.

    Attributes
    ----------
    price, price_low, price_high : ndarray, shape (periods,)
        Pool price and the interval it was picked from, within floor and cap. [currency/kWh]
    schedule_quanta : ndarray of int64, shape (periods, units)
        Energy sold by each unit; with the accepted surplus and what storages discharge it adds up to the accepted
        demand and what they charge. [1e-6 kWh]
    demand_quanta : ndarray of int64, shape (buyers, periods, steps)
        Accepted demand. [1e-6 kWh]
    surplus_quanta : ndarray of int64, shape (buyers, periods)
        Accepted surplus. [1e-6 kWh]
    unserved_quanta : ndarray of int64, shape (periods,)
        Demand at the price cap that finds no supply: load to shed. [1e-6 kWh]
    spilled_quanta : ndarray of int64, shape (periods,)
        Surplus at the floor that finds no demand. [1e-6 kWh]
    payments : ndarray of int64, shape (buyers + units + storages,)
        The day's payment of each of the pool's `parties`: positive pays, negative receives, sum 0.
        [1e-6 currency]
    charge_quanta, discharge_quanta : ndarray of int64, shape (periods, storages)
        Energy bought and sold by each storage. [1e-6 kWh]
    idle_quanta : ndarray of int64, shape (periods, units)
        Output for which a unit burns fuel and that is not sold, where ramps or minimum loads ask for it. [1e-6 kWh]
    start_cost : ndarray of int64, shape (units,)
        Cost of the day's starts. [1e-6 currency]
    uplift : ndarray of int64, shape (buyers + units + storages,)
        What each party pays (positive) or receives so that no unit that starts up loses, sum 0. [1e-6 currency]
    welfare : float
        Value of accepted demand at its step prices less cost of accepted supply at its offers and of starts.
        [currency]
    method : str
        Path that computed it: "exact" or "pyomo".
    """

    price: FloatArray
    price_low: FloatArray
    price_high: FloatArray
    schedule_quanta: IntArray
    demand_quanta: IntArray
    surplus_quanta: IntArray
    unserved_quanta: IntArray
    spilled_quanta: IntArray
    payments: IntArray
    charge_quanta: IntArray
    discharge_quanta: IntArray
    idle_quanta: IntArray
    start_cost: IntArray
    uplift: IntArray
    welfare: float
    method: str
