"""Uniform-price double auction (C2): one price for all who trade."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, InstanceOf

from gridagora.markets.mechanisms.properties import Budget, StrategyProof
from gridagora.markets.merit_order import clear_merit_order
from gridagora.markets.network.grid import Network
from gridagora.markets.orders import Clearing, OrderBook
from gridagora.sim.plugin import Frozen


class UniformPrice(Frozen):
    """Sealed double auction in which every kWh trades at one price.

    * Awards maximise welfare at the limit prices, and among those the volume: a bid trades with an ask at its
      own price.
    * The price lies between the lowest and the highest one that support the awards, at ``k`` of the way up.
    * Orders at the marginal price of the longer side share what is left in proportion to their quantities.
    * No trade: price nan, interval (best bid, best ask).

    The auctioneer keeps nothing. On a network each area has its price, and the auctioneer keeps the congestion rent
    less the cost of line losses. Source: model.md C2, C5, P1, P2.
    """

    efficient: ClassVar[bool] = True
    individually_rational: ClassVar[bool] = True
    budget: ClassVar[Budget] = "strong"
    strategy_proof: ClassVar[StrategyProof] = "no"
    order_invariant: ClassVar[bool] = True

    k: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Place of the price in the competitive interval: 0 its lower end (the sellers' asks), 1 its upper end (the
    buyers' bids), 0.5 the middle."""

    method: Literal["auto", "exact", "pyomo"] = "auto"
    """`exact` sorts the orders, `pyomo` solves the welfare model with HiGHS; `auto` takes the exact path, which
    gives the same result at a single node."""

    network: InstanceOf[Network] | None = None
    """Areas and lines; each area then has a price of its own, and the welfare model finds it."""

    hours: Annotated[float, Field(gt=0)] = 1.0
    """Length of the settlement period [h], in which a line of 1 kW carries as many kWh; counts on a network alone."""

    def clear(self, book: OrderBook) -> Clearing:
        """Clear the book.

        Parameters
        ----------
        book : OrderBook
            Orders of one area; of any area of the network, if there is one.

        Returns
        -------
        Clearing
            Awards, payments and the price; on a network one price an area, in the order of its areas.

        Raises
        ------
        ValueError
            If the orders belong to several areas and there is no network, or to none that the network knows, or
            `method` is "exact" on a network.
        InfeasibleMarket
            If HiGHS does not end at an optimum.
        """
        if self.network is not None:
            if self.method == "exact":
                raise ValueError("method 'exact' sorts orders of one area; on a network use 'auto' or 'pyomo'")
            from gridagora.markets.network.clearing import clear_network

            return clear_network(book, self.network, self.k, self.hours).clearing
        if book.area is not None and len(book) and np.any(book.area != book.area[0]):
            raise ValueError(
                f"areas {book.area[0]} and {book.area[book.area != book.area[0]][0]} stand in one book, and "
                "nothing says what the lines between them carry; give a network, or clear one book for each area"
            )
        if self.method == "pyomo":
            from gridagora.markets.welfare import clear_welfare

            return clear_welfare(book, self.k)
        return clear_merit_order(book, self.k)
