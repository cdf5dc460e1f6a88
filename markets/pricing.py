"""Optimal retail prices in closed form: monopoly, Ramsey, break-even, second-best time-of-use (model.md B11).

Demand of period t is linear, d = a - b p, or of constant elasticity, d = A p^-eps, and answers to its own price only.
The cost w of energy is given; :func:`real_time_gain` lets it rise with demand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from gridagora.markets.orders import FloatArray, IntArray, read_only
from gridagora.sim.bounds import within


@dataclass(frozen=True, slots=True, eq=False)
class LinearDemand:
    """Linear demand and cost of energy by period.

    Parameters
    ----------
    intercept : array-like, shape (periods,)
        a, demand at price 0, above 0 [kWh].
    slope : array-like, broadcast to (periods,)
        b, fall of demand with its price, above 0 [kWh/(currency/kWh)].
    cost : array-like, broadcast to (periods,)
        w, cost of energy [currency/kWh].
    """

    intercept: FloatArray
    slope: FloatArray
    cost: FloatArray

    def __init__(self, intercept: ArrayLike, slope: ArrayLike, cost: ArrayLike) -> None:
        columns = np.broadcast_arrays(
            within("intercept", intercept, 1e-300), within("slope", slope, 1e-300), within("cost", cost)
        )
        for name, column in zip(("intercept", "slope", "cost"), columns, strict=True):
            object.__setattr__(self, name, read_only(column.copy()))

    @property
    def choke(self) -> FloatArray:
        """Price at which nothing is used any more, a / b [currency/kWh]."""
        return np.asarray(self.intercept / self.slope)

    def demand(self, price: ArrayLike) -> FloatArray:
        """Return demand [kWh]; refuse a price above the choke price, where the line would turn negative."""
        prices = np.broadcast_to(within("price", price), self.intercept.shape)
        if (prices > self.choke * (1 + 1e-12)).any():
            raise ValueError(f"price: given {prices.max():g}; allowed: at most the choke price, {self.choke.min():g}")
        return np.asarray(np.maximum(self.intercept - self.slope * prices, 0.0))

    def profit(self, price: ArrayLike) -> float:
        """Return sum_t (p - w) d(p) [currency]."""
        return float(np.sum((np.asarray(price) - self.cost) * self.demand(price)))

    def welfare(self, price: ArrayLike) -> float:
        """Return gross surplus less cost of energy, sum_t (d (a - d/2) / b - w d) [currency]."""
        used = self.demand(price)
        return float(np.sum(used * (self.intercept - used / 2) / self.slope - self.cost * used))


def monopoly_prices(
    market: LinearDemand,
    low: ArrayLike = -np.inf,
    high: ArrayLike = np.inf,
    *,
    reference: ArrayLike | None = None,
    average_cap: float | None = None,
) -> FloatArray:
    """Return the prices of highest profit: (a / b + w) / 2, within bounds and a cap on the average (B11 case 1).

    Parameters
    ----------
    market : LinearDemand
        No cost above its choke price.
    low, high : array-like, broadcast to (periods,)
        Bounds of the prices [currency/kWh]; none without them.
    reference : array-like, shape (periods,), optional
        Weights of the cap, d0, above 0 [kWh].
    average_cap : float, optional
        Most of sum p d0 / sum d0 [currency/kWh]; with `reference`.

    Returns
    -------
    ndarray, shape (periods,)
        [currency/kWh]

    Raises
    ------
    ValueError
        If a cost exceeds the choke price, bounds cross, or no price within bounds keeps the cap.
    """
    if (market.cost > market.choke).any():
        raise ValueError(
            f"cost: given {market.cost.max():g}; allowed: at most the choke price, or leave out the period"
        )
    if (np.asarray(low) > np.asarray(high)).any():
        raise ValueError("low: above high; allowed: low at most high in every period")
    free = (market.choke + market.cost) / 2
    # The objective is concave and separable, so bounds cut each price on its own.
    prices = np.clip(free, low, high)
    if reference is None or average_cap is None:
        if (reference is None) != (average_cap is None):
            raise ValueError("average_cap: it and `reference` belong together; give both or none")
        return np.asarray(prices)
    weight = within("reference", reference, 1e-300)

    def capped(shadow: float) -> FloatArray:
        return np.asarray(np.clip(free - shadow * weight / (2 * market.slope), low, high))

    def excess(shadow: float) -> float:
        return float(weight @ (capped(shadow) - average_cap))

    if excess(0.0) <= 0:
        return np.asarray(prices)
    most = 1.0
    while excess(most) > 0:
        most *= 2
        if most > 1e12:
            raise ValueError(f"average_cap: given {average_cap:g}; allowed: at least the average of the lowest prices")
    return capped(brentq(excess, 0.0, most, xtol=1e-14))


def constant_elasticity_price(cost: ArrayLike, elasticity: ArrayLike) -> FloatArray:
    """Return the monopoly price at constant elasticity, w eps / (eps - 1) (Lerner; B11 case 2).

    Parameters
    ----------
    cost : array-like
        w, above 0 [currency/kWh].
    elasticity : array-like
        eps, absolute value, above 1: at 1 and below every higher price earns more.
    """
    eps = within("elasticity", elasticity, 1 + 1e-9)
    return np.asarray(within("cost", cost, 1e-300) * eps / (eps - 1))


def ramsey_linear(market: LinearDemand, requirement: float) -> FloatArray:
    """Return the prices that raise a sum at least welfare loss: (p - w) / p = kappa / eps, for linear demand (B11).

    Parameters
    ----------
    market : LinearDemand
        No cost above its choke price.
    requirement : float
        What prices must earn beyond the cost of energy, from 0 to the monopoly's profit [currency].

    Returns
    -------
    ndarray, shape (periods,)
        (w + kappa a / b) / (1 + kappa); the cost at 0, the monopoly's price at kappa = 1 [currency/kWh].

    Raises
    ------
    ValueError
        If no prices earn so much.
    """
    most = market.profit(monopoly_prices(market))
    within("requirement", requirement, 0.0, most)

    def prices(kappa: float) -> FloatArray:
        return np.asarray((market.cost + kappa * market.choke) / (1 + kappa))

    def short(kappa: float) -> float:
        return market.profit(prices(kappa)) - requirement

    return prices(1.0) if short(1.0) <= 0 else prices(brentq(short, 0.0, 1.0, xtol=1e-15))


def ramsey_constant_elasticity(
    scale: ArrayLike, elasticity: ArrayLike, cost: ArrayLike, requirement: float
) -> FloatArray:
    """Return Ramsey prices for demand A p^-eps: w / (1 - kappa / eps) (B11).

    Parameters
    ----------
    scale : array-like, shape (classes,)
        A, demand at price 1, above 0 [kWh].
    elasticity : array-like, shape (classes,)
        eps, absolute value, above 0.
    cost : array-like, shape (classes,)
        w, above 0 [currency/kWh].
    requirement : float
        What prices must earn beyond the cost of energy, at least 0 [currency].

    Returns
    -------
    ndarray, shape (classes,)
        [currency/kWh]

    Raises
    ------
    ValueError
        If no prices earn so much.
    """
    size, eps, w = within("scale", scale, 1e-300), within("elasticity", elasticity, 1e-9), within("cost", cost, 1e-300)
    within("requirement", requirement, 0.0)

    def prices(kappa: float) -> FloatArray:
        return np.asarray(w / (1 - kappa / eps))

    def short(kappa: float) -> float:
        found = prices(kappa)
        return float(np.sum((found - w) * size * found**-eps) - requirement)

    # Profit rises with kappa up to the monopoly at 1, or to where the price of the least elastic class has no bound.
    most = min(1.0, float(eps.min()) * (1 - 1e-9))
    if short(most) < 0:
        raise ValueError(f"requirement: given {requirement:g}; allowed: at most {short(most) + requirement:g} currency")
    return prices(brentq(short, 0.0, most, xtol=1e-16))


def break_even_price(market: LinearDemand, requirement: float = 0.0) -> float:
    """Return the lowest uniform price at which profit is a given sum, 0 by default (B11).

    Parameters
    ----------
    market : LinearDemand
        Demand and cost of the periods that share the price.
    requirement : float
        Profit to earn [currency].

    Returns
    -------
    float
        The smaller root of sum_t (p - w)(a - b p) = requirement [currency/kWh].

    Raises
    ------
    ValueError
        If no price breaks even, or only one at which a period's demand would be negative.
    """
    a, b, w = market.intercept, market.slope, market.cost
    square, linear, constant = b.sum(), (a + b * w).sum(), (a * w).sum() + within("requirement", requirement)
    inside = linear**2 - 4 * square * constant
    if inside < 0:
        raise ValueError("break-even price: no uniform price covers the cost; lower the cost or the requirement")
    price = 2 * constant / (linear + np.sqrt(inside)) if linear > 0 else (linear - np.sqrt(inside)) / (2 * square)
    market.demand(price)
    return float(price)


def welfare_loss(market: LinearDemand, price: ArrayLike) -> float:
    """Return the welfare lost against prices at cost, sum_t b (p - w)^2 / 2 [currency] (B11).

    Parameters
    ----------
    market : LinearDemand
        No cost above its choke price: there the best use is none, and the formula would not hold.
    price : array-like, broadcast to (periods,)
        At most the choke price [currency/kWh].
    """
    market.demand(price)
    market.demand(market.cost)
    return float(np.sum(market.slope * (np.asarray(price) - market.cost) ** 2) / 2)


def _by_class(market: LinearDemand, classes: ArrayLike) -> tuple[IntArray, list[LinearDemand]]:
    """Return the place of each period among the price classes, and the market of each class."""
    used, place = np.unique(np.asarray(classes), return_inverse=True)
    if place.shape != market.cost.shape:
        raise ValueError(f"classes: given shape {place.shape}; allowed {market.cost.shape}, one a period")
    parts = [
        LinearDemand(market.intercept[place == c], market.slope[place == c], market.cost[place == c])
        for c in range(len(used))
    ]
    return place, parts


def second_best_prices(market: LinearDemand, classes: ArrayLike) -> FloatArray:
    """Return the time-of-use prices of least welfare loss: in each class sum b w / sum b (B11).

    They need not cover the cost: in a class where demand and cost rise together they lose money.

    Parameters
    ----------
    market : LinearDemand
        Demand and cost.
    classes : array-like of int, shape (periods,)
        Price class of each period.

    Returns
    -------
    ndarray, shape (periods,)
        [currency/kWh]
    """
    place, parts = _by_class(market, classes)
    return np.array([float(part.slope @ part.cost / part.slope.sum()) for part in parts])[place]


def break_even_prices(market: LinearDemand, classes: ArrayLike) -> FloatArray:
    """Return the time-of-use prices that break even within each class, of parameters as in `second_best_prices`."""
    place, parts = _by_class(market, classes)
    return np.array([break_even_price(part) for part in parts])[place]


@dataclass(frozen=True, slots=True)
class RealTimeGain:
    """What real-time prices for a share of customers bring to all.

    Attributes
    ----------
    gain : float
        Welfare beyond that with one flat price for all [currency].
    flat_price : float
        Price at which the flat-rate customers break even [currency/kWh].
    bill : float
        What all pay when all pay the flat price, of which gains are a share [currency].
    """

    gain: float
    flat_price: float
    bill: float


def real_time_gain(
    energy: ArrayLike, price: float, elasticity: float, share: float, cost: float, rise: float
) -> RealTimeGain:
    """Return what real-time prices bring when the cost of energy rises with demand.

    A share of the customers pays the market price, the others a flat price at which they break even. Demand is linear
    through `energy` at `price` with the given elasticity there; the market price is linear in demand. With more on
    real-time prices the peaks are lower for all, so each further customer gains less: what Borenstein (2005) finds in a
    long-run model shows in a short-run one too.

    Parameters
    ----------
    energy : array-like, shape (periods,)
        Demand of all at the price `price`, above 0 [kWh].
    price : float
        Above 0 [currency/kWh].
    elasticity : float
        Absolute own-price elasticity there, above 0.
    share : float
        Share of customers on real-time prices, 0 to 1.
    cost, rise : float
        Market price at no demand [currency/kWh] and its rise [currency/kWh per kWh], each at least 0.

    Returns
    -------
    RealTimeGain

    References
    ----------
    S. Borenstein, The Energy Journal 26(3), 93-116, 2005.
    """
    used, p0 = within("energy", energy, 1e-300), float(within("price", price, 1e-300))
    eps = float(within("elasticity", elasticity, 1e-12))
    alpha = float(within("share", share, 0.0, 1.0))
    c, k = float(within("cost", cost, 0.0)), float(within("rise", rise, 0.0))
    a, b = used * (1 + eps), eps * used / p0

    def market_price(on_market: float, flat: float) -> FloatArray:
        return np.asarray((c + k * (a - b * (1 - on_market) * flat)) / (1 + k * b * on_market))

    def flat_price(on_market: float) -> float:
        # The market price moves with the flat one, but the flat-rate customers' profit stays a quadratic: the market
        # price is r - s p, so sum (p - r + s p)(a - b p) = 0.
        fixed, moving = market_price(on_market, 0.0), market_price(on_market, 0.0) - market_price(on_market, 1.0)
        square, linear = ((1 + moving) * b).sum(), ((1 + moving) * a + fixed * b).sum()
        constant = (fixed * a).sum()
        return float(2 * constant / (linear + np.sqrt(linear**2 - 4 * square * constant)))

    def welfare(on_market: float, flat: float) -> float:
        free, real = LinearDemand(a, b, 0.0), market_price(on_market, flat)
        total = (1 - on_market) * free.demand(flat) + on_market * free.demand(real)
        gross = (1 - on_market) * free.welfare(flat) + on_market * free.welfare(real)
        return float(gross - np.sum(c * total + k * total**2 / 2))

    everybody, others = flat_price(0.0), flat_price(alpha)
    bill = everybody * float((a - b * everybody).sum())
    return RealTimeGain(welfare(alpha, others) - welfare(0.0, everybody), others, bill)
