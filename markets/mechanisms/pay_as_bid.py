"""Pay-as-bid double auction (C3): the efficient awards at the traders' own prices."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from gridagora.markets.admission import refuse_several_areas
from gridagora.markets.mechanisms.pairing import pair_best, trades_of
from gridagora.markets.mechanisms.properties import Budget, StrategyProof
from gridagora.markets.merit_order import clear_merit_order
from gridagora.markets.orders import Clearing, OrderBook
from gridagora.sim.plugin import Frozen


class PayAsBid(Frozen):
    """Discriminatory double auction with the awards of the uniform price.

    * Awards maximise welfare and then volume; ties in proportion to quantities.
    * `pairs: none`: buyers pay their bids, sellers get their asks, the auctioneer keeps the difference.
    * `pairs: midpoint`: accepted bids from the highest down meet accepted asks from the lowest up, and each pair deals
      in the middle of its two prices; the auctioneer keeps nothing. Orders of one side and price meet the same partners
      in proportion to their awards, so they pay the same.

    Traders gain by bidding below their value. Source: model.md C3; J. Nicolaisen, V. Petrov, L. Tesfatsion, "Market
    power and efficiency in a computational electricity market with discriminatory double-auction pricing", IEEE Trans.
    Evolutionary Computation 5(5), 2001, doi:10.1109/4235.956714.
    """

    efficient: ClassVar[bool] = True
    individually_rational: ClassVar[bool] = True
    budget: ClassVar[Budget] = "weak"
    strategy_proof: ClassVar[StrategyProof] = "no"
    order_invariant: ClassVar[bool] = True

    pairs: Literal["none", "midpoint"] = "none"
    """Whether the auctioneer deals with each trader at its own price, or pairs deal in the middle."""

    list_trades: bool = True
    """Whether pairs are listed. The list is as long as the book, but where many orders at one price meet many prices
    it has a row for each order and price."""

    method: Literal["auto", "exact", "pyomo"] = "auto"
    """`exact` sorts the orders, `pyomo` solves the welfare model with HiGHS; `auto` takes the exact path."""

    def clear(self, book: OrderBook) -> Clearing:
        """Clear the book.

        Parameters
        ----------
        book : OrderBook
            Orders of one area.

        Returns
        -------
        Clearing
            Awards and payments; no single price; `trades` with pairs.

        Raises
        ------
        InfeasibleMarket
            If HiGHS does not end at an optimum.
        ValueError
            If the orders belong to several areas.
        """
        refuse_several_areas(book)
        if self.method == "pyomo":
            from gridagora.markets.welfare import clear_welfare

            efficient = clear_welfare(book)
        else:
            efficient = clear_merit_order(book)
        unit_price, trades = book.price, None
        if self.pairs == "midpoint":
            pairing = pair_best(book, efficient.accepted)
            unit_price = pairing.unit_price
            trades = trades_of(pairing) if self.list_trades else None
        return Clearing.of(
            book,
            efficient.accepted,
            unit_price,
            price=np.nan,
            price_interval=efficient.price_interval,
            method=efficient.method,
            trades=trades,
        )
