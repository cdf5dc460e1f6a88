"""McAfee's dominant-strategy double auction (C4.2)."""

from __future__ import annotations

from typing import ClassVar

from gridagora.markets.admission import refuse_several_areas
from gridagora.markets.mechanisms.margin import find_margin, no_trade, without_margin
from gridagora.markets.mechanisms.properties import Budget, StrategyProof
from gridagora.markets.merit_order import clear_merit_order, fixed_point
from gridagora.markets.orders import Clearing, OrderBook
from gridagora.sim.plugin import Frozen


class McAfee(Frozen):
    """Double auction that trades at the middle of the first excluded bid and ask where it can.

    With bids b falling and asks s rising, k the last that the efficient volume needs and p the middle of b(k+1) and
    s(k+1):

    * s(k) <= p <= b(k): the efficient awards trade at p, and the auctioneer keeps nothing.
    * Otherwise, or where b(k+1) or s(k+1) does not exist: trade without the marginal orders, buyers pay b(k), sellers
      get s(k), the auctioneer keeps the difference (:class:`TradeReduction`, with its rules of ties and rationing).

    Orders at the marginal price share in proportion to their quantities. With orders of equal quantity and one order a
    trader nobody gains by another price than its own, and at least 1 - 1/k of the gains from trade are realised. The
    interval of the clearing is the book's competitive one, for comparison. Source: model.md C4.2; R. P. McAfee, "A
    dominant strategy double auction", J. Economic Theory 56(2), 1992, doi:10.1016/0022-0531(92)90091-U.
    """

    efficient: ClassVar[bool] = False
    individually_rational: ClassVar[bool] = True
    budget: ClassVar[Budget] = "weak"
    strategy_proof: ClassVar[StrategyProof] = "equal quantities"
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
            Awards and payments; a single price if all trade at p.

        Raises
        ------
        ValueError
            If the orders belong to several areas.
        """
        refuse_several_areas(book)
        units, _ = fixed_point(book.quantity)
        margin = find_margin(book, units)
        if margin.volume == 0:
            return no_trade(book, margin)
        bids, asks = margin.bids.price, margin.asks.price
        if margin.bid + 1 < len(bids) and margin.ask + 1 < len(asks):
            price = float(bids[margin.bid + 1] + asks[margin.ask + 1]) / 2
            if asks[margin.ask] <= price <= bids[margin.bid]:
                efficient = clear_merit_order(book)
                return Clearing.of(
                    book,
                    efficient.accepted,
                    price,
                    price=price,
                    price_interval=efficient.price_interval,
                    method="exact",
                )
        return without_margin(book, units, margin)
