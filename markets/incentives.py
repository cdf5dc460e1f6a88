"""What traders could gain by misreporting, measured by trying (C8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gridagora.markets.clearing import Mechanism
from gridagora.markets.mechanisms.margin import owners
from gridagora.markets.orders import Clearing, FloatArray, OrderBook, read_only


@dataclass(frozen=True, slots=True, eq=False)
class Regret:
    """Most that another report of an order would have earned its trader.

    Attributes
    ----------
    gain : ndarray, shape (orders,)
        Best surplus among the reports tried less the surplus of the truth, at least 0. [currency]
    price : ndarray, shape (orders,)
        Limit price of the best report, the true one where none gains. [currency/kWh]
    share : ndarray, shape (orders,)
        Part of the quantity in the best report.
    """

    gain: FloatArray
    price: FloatArray
    share: FloatArray

    @property
    def largest(self) -> float:
        """Largest gain of all orders, 0 without orders. [currency]."""
        return float(self.gain.max(initial=0.0))


def trader_surplus(truth: OrderBook, clearing: Clearing) -> FloatArray:
    """Return the surplus of each trader at its true limit prices.

    Parameters
    ----------
    truth : OrderBook
        Orders at true value and cost.
    clearing : Clearing
        Outcome of the reports, order by order.

    Returns
    -------
    ndarray, shape (traders,)
        Traders by the sorted names of the agents, or one an order without agents. [currency]
    """
    owner, traders = owners(truth)
    gain = truth.side * clearing.accepted * truth.price - clearing.payment
    surplus: FloatArray = np.bincount(owner, weights=gain, minlength=traders).astype(np.float64)
    return surplus


def telling_prices(book: OrderBook) -> FloatArray:
    """Return limit prices between which a mechanism that ranks orders can tell. [currency/kWh].

    All prices of the book, the middles of neighbours, and one beyond each end.
    """
    price = np.unique(book.price)
    if not price.size:
        return price
    step = max(1.0, float(price[-1] - price[0]))
    return np.unique(np.concatenate([price, (price[1:] + price[:-1]) / 2, [price[0] - step, price[-1] + step]]))


def regret(
    mechanism: Mechanism, truth: OrderBook, prices: ArrayLike | None = None, shares: Sequence[float] = (1.0,)
) -> Regret:
    """Try other reports of every order, one order at a time, and return what they would have earned.

    A mechanism whose traders cannot gain shows no gain beyond rounding; a gain proves that they can. Whatever a
    mechanism draws at random is held fixed by its seed, since the orders keep their places.

    Parameters
    ----------
    mechanism : Mechanism
        Rules with their options.
    truth : OrderBook
        Orders at true value and cost; `agent` says which belong to one trader, whose whole surplus counts.
    prices : array_like, optional
        Limit prices to try; default :func:`telling_prices`. [currency/kWh]
    shares : sequence of float
        Parts of the true quantity to report, above 0 and at most 1.

    Raises
    ------
    ValueError
        If a share lies outside: what energy beyond the true quantity is worth is not known.

    Examples
    --------
    >>> from gridagora.markets.mechanisms.pay_as_bid import PayAsBid
    >>> book = OrderBook(["buy", "sell"], [3.0, 1.0], [1.0, 1.0])
    >>> found = regret(PayAsBid(), book)
    >>> found.gain.tolist(), found.price.tolist()
    ([2.0, 2.0], [1.0, 3.0])
    """
    if any(not 0 < share <= 1 for share in shares):
        raise ValueError(f"shares: given {list(shares)}; allowed above 0 and at most 1, parts of the true quantity")
    tried = telling_prices(truth) if prices is None else np.asarray(prices, dtype=np.float64)
    owner, _ = owners(truth)
    honest = trader_surplus(truth, mechanism.clear(truth))
    gain, best_price, best_share = np.zeros(len(truth)), truth.price.copy(), np.ones(len(truth))
    for order in np.flatnonzero(truth.quantity > 0).tolist():
        for price in tried.tolist():
            for share in shares:
                report = _with_report(truth, order, price, share)
                more = trader_surplus(truth, mechanism.clear(report))[owner[order]] - honest[owner[order]]
                if more > gain[order]:
                    gain[order], best_price[order], best_share[order] = more, price, share
    return Regret(read_only(gain), read_only(best_price), read_only(best_share))


def _with_report(truth: OrderBook, order: int, price: float, share: float) -> OrderBook:
    """Return the book with another limit price and quantity of one order."""
    prices, quantities = truth.price.copy(), truth.quantity.copy()
    prices[order] = price
    quantities[order] *= share
    return OrderBook.from_arrays(truth.side, prices, quantities, truth.area, truth.agent, truth.time)
