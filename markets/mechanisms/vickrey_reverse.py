"""Vickrey reverse auction (C4.5): energy or demand response bought from the lowest offers at their pivots."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from gridagora.markets.admission import refuse_several_areas
from gridagora.markets.mechanisms.margin import accepted_units, owners
from gridagora.markets.mechanisms.properties import Budget, StrategyProof
from gridagora.markets.mechanisms.vcg import paid_by_pivots
from gridagora.markets.merit_order import clear_merit_order
from gridagora.markets.orders import BUY, SELL, Clearing, OrderBook
from gridagora.sim.plugin import Frozen


class VickreyReverse(Frozen):
    """Procurement by one buyer: the buy orders are its need, their prices the most it pays.

    * The lowest offers that the need takes up are accepted; ties in proportion to quantities.
    * A seller, that is all sell orders of one agent, receives what its energy costs to replace: by the next offers
      or, where these run out or are dearer, by doing without at the buyer's price. With one unit wanted this is the
      second-lowest offer, or the reserve price.
    * The buyer pays the sum. Where it has several orders, each gains the same per kWh, so none pays above its price.

    No seller gains by another price than its own; the buyer is taken at its word. Source: model.md C4.5; W. Vickrey,
    "Counterspeculation, auctions, and competitive sealed tenders", J. Finance 16(1), 1961,
    doi:10.1111/j.1540-6261.1961.tb02789.x.
    """

    efficient: ClassVar[bool] = True
    individually_rational: ClassVar[bool] = True
    budget: ClassVar[Budget] = "strong"
    strategy_proof: ClassVar[StrategyProof] = "sellers"
    order_invariant: ClassVar[bool] = True

    def clear(self, book: OrderBook) -> Clearing:
        """Clear the book.

        Parameters
        ----------
        book : OrderBook
            Orders of one area; agents of buy orders are not looked at.

        Returns
        -------
        Clearing
            Awards and payments; no single price.

        Raises
        ------
        ValueError
            If the orders belong to several areas.
        """
        refuse_several_areas(book)
        efficient = clear_merit_order(book)
        sells = book.side == SELL
        owner, traders = owners(book)
        # The buyer is one trader more, and its own pivot is not asked for.
        received = -paid_by_pivots(book, efficient, np.where(sells, owner, traders), traders + 1)[:traders]
        award, _, exponent = accepted_units(book, efficient.accepted)
        sold = np.zeros(traders, dtype=np.int64)
        np.add.at(sold, owner, np.where(sells, award, 0))
        price = (received / np.ldexp(np.maximum(sold, 1).astype(np.float64), -exponent))[owner]
        bids = np.flatnonzero((book.side == BUY) & (efficient.accepted > 0))
        if bids.size:
            bought = efficient.accepted[bids]
            value = np.sort(bought * book.price[bids]).sum()
            price[bids] = book.price[bids] - (value - np.sort(received).sum()) / np.sort(bought).sum()
        return Clearing.of(
            book,
            efficient.accepted,
            price,
            price=np.nan,
            price_interval=efficient.price_interval,
            method=efficient.method,
        )
