"""Trade reduction (C4.3): the marginal bid and ask set the prices and stand aside."""

from __future__ import annotations

from typing import ClassVar

from gridagora.markets.admission import refuse_several_areas
from gridagora.markets.mechanisms.margin import find_margin, without_margin
from gridagora.markets.mechanisms.properties import Budget, StrategyProof
from gridagora.markets.merit_order import fixed_point
from gridagora.markets.orders import Clearing, OrderBook
from gridagora.sim.plugin import Frozen


class TradeReduction(Frozen):
    """Double auction of divisible orders in which the marginal orders do not trade.

    * Bids in falling and asks in rising price meet; at one price the larger order ranks first. The last bid and the
      last ask that the efficient volume needs, in part or whole, are the marginal orders.
    * The orders before them trade: buyers pay the marginal bid, sellers get the marginal ask, the auctioneer keeps the
      difference.
    * The orders of the longer side share the volume in proportion to their quantities.
    * Orders at the marginal order's price gain nothing whatever they get; they share what those of them that rank
      before it would get.

    No trader with one order gains by another price than its own, whatever the quantities. The interval of the clearing
    is the book's competitive one, for comparison. Source: model.md C4.3; P. Huang, A. Scheller-Wolf, K. Sycara,
    "Design of a multi-unit double auction e-market", Computational Intelligence 18(4), 2002,
    doi:10.1111/1467-8640.t01-1-00206, whose long side cuts every order by the same energy instead.
    """

    efficient: ClassVar[bool] = False
    individually_rational: ClassVar[bool] = True
    budget: ClassVar[Budget] = "weak"
    strategy_proof: ClassVar[StrategyProof] = "yes"
    order_invariant: ClassVar[bool] = True

    def clear(self, book: OrderBook) -> Clearing:
        """Clear the book.

        Parameters
        ----------
        book : OrderBook
            Orders of one area; each counts as a trader of its own.

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
        units, _ = fixed_point(book.quantity)
        return without_margin(book, units, find_margin(book, units))
