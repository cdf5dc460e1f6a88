"""Plants against fixed load on a network: least cost, prices by area, and load shed where it cannot be served."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gridagora.markets.network.grid import Network
from gridagora.markets.network.optimum import NetworkModel, Optimum
from gridagora.markets.network.prices import AreaPrices, Awarded, area_prices, extremes
from gridagora.markets.orders import FloatArray, read_only


@dataclass(frozen=True, slots=True, eq=False)
class Dispatch:
    """Least-cost dispatch of one settlement period.

    Attributes
    ----------
    generation_kwh : ndarray, shape (units,)
        [kWh]
    shed_kwh : ndarray, shape (areas,)
        Load that is not served. [kWh]
    flow_kwh, losses_kwh : ndarray, shape (lines,)
        [kWh]
    prices : AreaPrices
        By area.
    cost : float
        Of generation, without what shed load would be worth. [currency]
    """

    generation_kwh: FloatArray
    shed_kwh: FloatArray
    flow_kwh: FloatArray
    losses_kwh: FloatArray
    prices: AreaPrices
    cost: float


def dispatch(
    network: Network,
    unit_area: ArrayLike,
    capacity_kw: ArrayLike,
    cost: ArrayLike,
    load_kw: ArrayLike,
    *,
    value_of_lost_load: float,
    slope: ArrayLike = 0.0,
    hours: float = 1.0,
    k: float = 0.5,
) -> Dispatch:
    """Return the least-cost dispatch of plants to fixed load (C5.1, C5.2), optionally with quadratic costs.

    Parameters
    ----------
    network : Network
        Areas and lines.
    unit_area : array_like, shape (units,)
        Area of each unit, by name.
    capacity_kw : array_like, shape (units,)
        Most power. [kW]
    cost : array_like, shape (units,)
        Marginal cost at rest. [currency/kWh]
    load_kw : array_like, shape (areas,)
        Load, in the order of the network's areas. [kW]
    value_of_lost_load : float
        Cost at which load is shed rather than served. [currency/kWh]
    slope : array_like, shape (units,)
        Rise of the marginal cost per kWh sold in the period. Duals are then right to about 1e-5 of themselves.
        [currency/kWh^2]
    hours : float
        Length of the period. [h]
    k : float
        Place of prices in their intervals.

    Raises
    ------
    ValueError
        If a column does not fit, or holds a value that is negative or not finite.
    InfeasibleMarket
        If HiGHS does not end at an optimum.
    """
    areas = network.area_index(unit_area)
    columns = {"capacity_kw": capacity_kw, "cost": cost, "slope": slope}
    capacity, price, rise = (_column(name, given, len(areas), name != "cost") for name, given in columns.items())
    load = _column("load_kw", load_kw, len(network.areas), True) * hours
    places = np.arange(len(load))
    model = NetworkModel(network, areas, places, hours=hours, slope=rise)
    bid = np.full(len(load), float(value_of_lost_load))
    found = model.solve(price, capacity * hours, bid, load)
    sold, served = found.sold[0], found.bought[0]
    awarded = awards_by_area(model, found, 0, price + rise * sold, capacity * hours, bid, load)
    return Dispatch(
        generation_kwh=sold,
        shed_kwh=read_only(load - served),
        flow_kwh=found.flow[0],
        losses_kwh=found.losses[0],
        prices=area_prices(network, awarded, k, hours, found.dual[0]),
        cost=float((price * sold + 0.5 * rise * sold**2).sum()),
    )


def _column(name: str, given: ArrayLike, length: int, at_least_0: bool) -> FloatArray:
    values = np.asarray(given, dtype=np.float64)
    if values.shape not in ((), (length,)):
        raise ValueError(f"dispatch: {name} of shape {values.shape}; give one value or one each of {length}")
    bad = ~np.isfinite(values) | (at_least_0 & (values < 0))
    if bad.any():
        rule = "finite and at least 0" if at_least_0 else "finite"
        raise ValueError(f"dispatch: {name} holds {values[bad].flat[0]}; must be {rule}")
    return np.array(np.broadcast_to(values, (length,)))


def awards_by_area(
    model: NetworkModel,
    found: Optimum,
    period: int,
    ask_price: FloatArray,
    ask_quantity: FloatArray,
    bid_price: FloatArray,
    bid_quantity: FloatArray,
) -> Awarded:
    """Return what the awards of a period say to prices.

    Parameters
    ----------
    model : NetworkModel
        Where the steps are.
    found : Optimum
        Its solution.
    period : int
        Settlement period.
    ask_price, bid_price : ndarray, shape (asks,), (bids,)
        Prices of the steps, of sloped ones at their awards. [currency/kWh]
    ask_quantity, bid_quantity : ndarray, shape (asks,), (bids,)
        Quantities of the steps. [kWh]
    """
    network, places, areas = model.network, model.places, len(model.network.areas)
    sold, bought = found.sold[period], found.bought[period]
    withdrawal = np.zeros(areas)
    np.subtract.at(withdrawal, places.asks, sold)
    np.add.at(withdrawal, places.bids, bought)
    reactive = np.zeros(areas)
    np.add.at(reactive, places.bids, network.tan_phi[places.bids] * bought)
    np.add.at(withdrawal, network.line_to, found.losses[period])
    ask_high, _ = extremes(places.asks, areas, ask_price, sold < ask_quantity)
    _, ask_low = extremes(places.asks, areas, ask_price, sold > 0)
    _, bid_low = extremes(places.bids, areas, bid_price, bought < bid_quantity)
    bid_high, _ = extremes(places.bids, areas, bid_price, bought > 0)
    return Awarded(
        withdrawal,
        reactive - found.reactive[period],
        found.reactive[period] / model.hours,
        found.flow[period],
        float(sold.sum()),
        ask_low,
        ask_high,
        bid_low,
        bid_high,
    )
