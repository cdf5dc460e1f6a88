"""Vickrey-Clarke-Groves double auction (C4.1): everybody pays what its part costs the others."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from gridagora.markets.admission import refuse_several_areas
from gridagora.markets.mechanisms.externality import best_use
from gridagora.markets.mechanisms.margin import accepted_units, owners
from gridagora.markets.mechanisms.properties import Budget, StrategyProof
from gridagora.markets.merit_order import clear_merit_order, price_at
from gridagora.markets.orders import BUY, Clearing, FloatArray, IntArray, OrderBook
from gridagora.sim.plugin import Frozen


class Vcg(Frozen):
    """Efficient double auction with Clarke's pivot payments; the auctioneer fills the gap.

    * Awards maximise welfare and then volume, ties in proportion to quantities, as with one uniform price.
    * A trader, that is all orders of one agent, pays W(without it) - (W - value of its awards): what the others lose
      by its part. With single units a buyer pays max(s(k), b(k+1)), a seller gets min(b(k), s(k+1)).
    * The payment is spread evenly over a trader's energy. An agent that buys and sells trades with itself at the
      middle of the competitive interval, and its net energy carries the payment.

    No trader gains by another price than its own or by holding energy back, also with several orders. Source: model.md
    C4.1; E. H. Clarke, "Multipart pricing of public goods", Public Choice 11, 1971, doi:10.1007/BF01726210.
    """

    efficient: ClassVar[bool] = True
    individually_rational: ClassVar[bool] = True
    budget: ClassVar[Budget] = "deficit"
    strategy_proof: ClassVar[StrategyProof] = "yes"
    order_invariant: ClassVar[bool] = True

    method: Literal["auto", "exact", "pyomo"] = "auto"
    """`exact` reads the payments off the merit orders, `pyomo` solves the welfare model again without each trader;
    `auto` takes the exact path, which gives the same result."""

    def clear(self, book: OrderBook) -> Clearing:
        """Clear the book.

        Parameters
        ----------
        book : OrderBook
            Orders of one area; `agent` says which belong to one trader.

        Returns
        -------
        Clearing
            Awards and payments; no single price.

        Raises
        ------
        InfeasibleMarket
            If HiGHS does not end at an optimum.
        ValueError
            If the orders belong to several areas.
        """
        refuse_several_areas(book)
        owner, traders = owners(book)
        if self.method == "pyomo":
            from gridagora.markets.welfare import clear_welfare

            efficient = clear_welfare(book)
            paid = _paid_by_solving(book, efficient, owner, traders)
        else:
            efficient = clear_merit_order(book)
            paid = paid_by_pivots(book, efficient, owner, traders)
        return Clearing.of(
            book,
            efficient.accepted,
            _unit_prices(book, efficient, owner, paid),
            price=np.nan,
            price_interval=efficient.price_interval,
            method=efficient.method,
        )


def paid_by_pivots(book: OrderBook, efficient: Clearing, owner: IntArray, traders: int) -> FloatArray:
    """Return what each trader pays (negative: receives) by the two merit orders, shape (traders,). [currency].

    A trader's net purchase would go to the best of the bids not served and of the asks that need not be called; its
    net sale would be made up from the cheapest asks not called and the bids not served then.

    Parameters
    ----------
    book : OrderBook
        The orders.
    efficient : Clearing
        Its efficient awards.
    owner : ndarray of int64, shape (orders,)
        Trader of each order.
    traders : int
        Number of traders.
    """
    award, left, exponent = accepted_units(book, efficient.accepted)
    net = np.zeros(traders, dtype=np.int64)
    np.add.at(net, owner, book.side * award)
    buys = book.side == BUY
    paid = best_use(book.price, np.where(buys, left, award), owner, np.maximum(net, 0), exponent)
    return paid + best_use(-book.price, np.where(buys, award, left), owner, np.maximum(-net, 0), exponent)


def _paid_by_solving(book: OrderBook, efficient: Clearing, owner: IntArray, traders: int) -> FloatArray:
    """Return what each trader pays by one more linear program a trader, shape (traders,). [currency]."""
    from gridagora.markets.welfare import clear_welfare

    value = np.bincount(owner, weights=book.side * efficient.accepted * book.price, minlength=traders)
    paid = np.zeros(traders)
    for trader in np.unique(owner[efficient.accepted > 0]):
        others = OrderBook.from_arrays(book.side, book.price, np.where(owner == trader, 0.0, book.quantity))
        paid[trader] = clear_welfare(others).welfare - (efficient.welfare - value[trader])
    return paid


def _unit_prices(book: OrderBook, efficient: Clearing, owner: IntArray, paid: FloatArray) -> FloatArray:
    """Return the price of each order, shape (orders,). [currency/kWh]."""
    award, _, exponent = accepted_units(book, efficient.accepted)
    buys = book.side == BUY
    energy = np.zeros((2, len(paid)), dtype=np.int64)
    np.add.at(energy, (buys.astype(np.int64), owner), award)
    sold, bought = energy
    own = np.minimum(sold, bought)
    low, high = efficient.price_interval
    inside = price_at(float(low), float(high), 0.5) if own.any() else 0.0
    with_itself = inside * np.ldexp(own.astype(np.float64), -exponent)
    price = book.price.copy()
    for side, total, net_paid in (
        (buys, bought, np.where(bought > sold, paid, 0)),
        (~buys, sold, np.where(sold > bought, -paid, 0)),
    ):
        orders = np.flatnonzero(side & (award > 0))
        each = (with_itself + net_paid) / np.ldexp(np.maximum(total, 1).astype(np.float64), -exponent)
        price[orders] = each[owner[orders]]
    return price
