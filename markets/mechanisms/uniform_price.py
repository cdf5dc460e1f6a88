"""Uniform-price double auction (C2): one price for all who trade."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from gridagora.markets.merit_order import clear_merit_order
from gridagora.markets.orders import Clearing, OrderBook
from gridagora.sim.plugin import Frozen


class UniformPrice(Frozen):
    """Sealed double auction in which every kWh trades at one price.

    * Awards maximise welfare at the limit prices, and among those the volume: a bid trades with an ask at its
      own price.
    * The price lies between the lowest and the highest one that support the awards, at ``k`` of the way up.
    * Orders at the marginal price of the longer side share what is left in proportion to their quantities.
    * No trade: price nan, interval (best bid, best ask).

    The auctioneer keeps nothing. Source: model.md C2, P1.
    """

    k: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Place of the price in the competitive interval: 0 its lower end (the sellers' asks), 1 its upper end (the
    buyers' bids), 0.5 the middle."""

    method: Literal["auto", "exact", "pyomo"] = "auto"
    """`exact` sorts the orders, `pyomo` solves the welfare model with HiGHS; `auto` takes the exact path, which
    gives the same result at a single node."""

    def clear(self, book: OrderBook) -> Clearing:
        """Clear the book.

        Parameters
        ----------
        book : OrderBook
            Orders of one area.

        Returns
        -------
        Clearing
            Awards, payments and the price.

        Raises
        ------
        ValueError
            If the orders belong to several areas.
        """
        if book.area is not None and len(book) and np.any(book.area != book.area[0]):
            raise ValueError(
                f"areas {book.area[0]} and {book.area[book.area != book.area[0]][0]} stand in one book, and "
                "nothing says what the lines between them carry; clear one book for each area"
            )
        if self.method == "pyomo":
            from gridagora.markets.welfare import clear_welfare

            return clear_welfare(book, self.k)
        return clear_merit_order(book, self.k)
