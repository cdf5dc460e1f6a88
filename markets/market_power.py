"""Measures of market power and tests of conduct (model.md C8).

What a single order could gain by misreporting is measured by :func:`gridagora.markets.incentives.regret`.

Shares are fractions: multiply the Herfindahl-Hirschman index by 10,000 for the points that authorities use.

References
----------
.. [Lerner1934] A. P. Lerner, "The concept of monopoly and the measurement of monopoly power", Rev. Econ. Stud. 1(3),
   157-175, 1934. doi:10.2307/2967480
.. [Borenstein2002] S. Borenstein, J. B. Bushnell, F. A. Wolak, "Measuring market inefficiencies in California's
   restructured wholesale electricity market", Am. Econ. Rev. 92(5), 1376-1405, 2002. doi:10.1257/000282802762024557
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.markets.clearing import clear
from gridagora.markets.orders import BUY, SELL, FloatArray, OrderBook


def lerner_index(price: ArrayLike, marginal_cost: ArrayLike) -> FloatArray:
    """Return (price - marginal cost) / price [Lerner1934]_.

    Parameters
    ----------
    price, marginal_cost : array_like, shape (...)
        [currency/kWh]

    Returns
    -------
    ndarray, shape (...)
        nan where the price is not above 0: a part of it then means nothing.
    """
    paid = np.asarray(price, dtype=np.float64)
    gap = paid - np.asarray(marginal_cost, dtype=np.float64)
    index = np.full(np.broadcast(gap, paid).shape, np.nan)
    np.divide(gap, paid, out=index, where=paid > 0)
    return index


def herfindahl_index(quantity: ArrayLike) -> float:
    """Return the sum of squared market shares, from 1 / sellers to 1.

    Parameters
    ----------
    quantity : array_like, shape (sellers,)
        Energy or capacity of each seller, at least 0 and not all 0 [kWh].

    Raises
    ------
    ValueError
        If a quantity is negative or none is above 0.

    Examples
    --------
    >>> herfindahl_index([50.0, 30.0, 20.0])
    0.38
    """
    held = np.asarray(quantity, dtype=np.float64)
    if not (np.all(held >= 0) and held.sum() > 0):
        raise ValueError(f"quantity: given {held.tolist()}; each must be at least 0 kWh and one above it")
    share = held / held.sum()
    return float(np.sum(share * share))


def residual_supply_index(capacity: ArrayLike, demand: ArrayLike) -> FloatArray:
    """Return what the others could deliver over the demand, for each seller.

    Parameters
    ----------
    capacity : array_like, shape (sellers,)
        Most energy of each seller, at least 0 [kWh].
    demand : array_like, shape (periods,)
        Demand that must be met, above 0 [kWh].

    Returns
    -------
    ndarray, shape (periods, sellers)
        Below 1 the seller is pivotal: without it demand is not met.

    Raises
    ------
    ValueError
        If a demand is not above 0 or a capacity is negative.
    """
    held, need = np.asarray(capacity, dtype=np.float64), np.atleast_1d(np.asarray(demand, dtype=np.float64))
    if not (np.all(held >= 0) and np.all(need > 0)):
        raise ValueError("residual supply: every capacity must be at least 0 kWh and every demand above 0 kWh")
    others: FloatArray = held.sum() - held
    return others / need[:, None]


def pivotal(capacity: ArrayLike, demand: ArrayLike) -> NDArray[np.bool_]:
    """Return whether demand cannot be met without each seller, shape (periods, sellers)."""
    found: NDArray[np.bool_] = residual_supply_index(capacity, demand) < 1.0
    return found


class Conduct(NamedTuple):
    """What bids above cost change against the competitive benchmark, in which everybody quotes its true limit.

    Attributes
    ----------
    price, competitive_price : float
        Of the market and of the benchmark, nan without trade [currency/kWh].
    markup : float
        (price - competitive price) / price, the index of [Borenstein2002]_; nan where either is missing.
    lost_welfare : float
        Welfare of the benchmark less that of the market, both at true limits, at least 0 [currency].
    seller_gain, buyer_gain : float
        Profit and consumer surplus at true limits less those of the benchmark [currency].
    withheld_kwh : float
        Energy offered above the market price, or not at all, that would have been worth selling at it [kWh].
    """

    price: float
    competitive_price: float
    markup: float
    lost_welfare: float
    seller_gain: float
    buyer_gain: float
    withheld_kwh: float


def conduct(quoted: OrderBook, true: OrderBook, mechanism: str = "uniform_price", **options: Any) -> Conduct:
    """Compare a market with the same market in which nobody uses its power.

    Parameters
    ----------
    quoted : OrderBook
        Orders as they were given; quantities may be smaller than the true ones (physical withholding).
    true : OrderBook
        The same orders, in the same order, at true values and costs.
    mechanism, **options
        How both are cleared; see :func:`gridagora.markets.clearing.clear`.

    Returns
    -------
    Conduct

    Raises
    ------
    ValueError
        If the books differ in length or side, or more is quoted than there is.
    """
    if len(quoted) != len(true) or np.any(quoted.side != true.side):
        raise ValueError(f"conduct: books of {len(quoted)} and {len(true)} orders; give the same orders twice")
    if np.any(quoted.quantity > true.quantity):
        first = int(np.argmax(quoted.quantity > true.quantity))
        raise ValueError(f"conduct: order {first} quotes {quoted.quantity[first]} kWh of {true.quantity[first]} kWh")
    market, benchmark = clear(quoted, mechanism, **options), clear(true, mechanism, **options)
    value = true.side * true.price * market.accepted
    gain = value - market.payment
    price, competitive = float(market.price), float(benchmark.price)
    selling = true.side == SELL
    worth = selling & (true.price < price)
    return Conduct(
        price=price,
        competitive_price=competitive,
        markup=float(lerner_index(price, competitive)),
        lost_welfare=benchmark.welfare - float(value.sum()),
        seller_gain=float(gain[selling].sum()) - benchmark.seller_surplus,
        buyer_gain=float(gain[true.side == BUY].sum()) - benchmark.buyer_surplus,
        withheld_kwh=float((true.quantity - market.accepted)[worth].sum()),
    )


def elasticity_adjusted_lerner(lerner: float, elasticity: float) -> float:
    """Return the conduct parameter: 0 in competition, 1 / n in a symmetric Cournot market, 1 for a monopoly.

    Parameters
    ----------
    lerner : float
        Lerner index.
    elasticity : float
        Own-price elasticity of demand at the price, below 0.

    Raises
    ------
    ValueError
        If the elasticity is not below 0.
    """
    if not elasticity < 0:
        raise ValueError(f"elasticity: given {elasticity}; demand must fall with the price, so it is below 0")
    return lerner * -elasticity
