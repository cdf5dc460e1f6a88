"""Auctions with block orders (C7) as a mechanism; a plain book is cleared at one uniform price."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, overload

import numpy as np
from pydantic import Field

from gridagora.markets.mechanisms.properties import Budget, StrategyProof
from gridagora.markets.merit_order import at_one_price
from gridagora.markets.orders import BUY, SELL, Clearing, FloatArray, OrderBook
from gridagora.markets.price_grid import apportion
from gridagora.sim.plugin import Frozen

if TYPE_CHECKING:
    from gridagora.markets.blocks import BlockBook, BlockClearing

MOST_LOTS = 2**40


class Blocks(Frozen):
    """Double auction over periods and areas with block, linked, exclusive and flexible orders.

    A `BlockBook` is cleared by :func:`gridagora.markets.blocks.clear_blocks`. An `OrderBook` is a book of one period
    without blocks: awards, price and interval are those of the uniform-price auction, whatever the rule of pricing.

    Source: model.md C7, P3.
    """

    efficient: ClassVar[bool] = True
    individually_rational: ClassVar[bool] = True
    budget: ClassVar[Budget] = "strong"
    strategy_proof: ClassVar[StrategyProof] = "no"
    order_invariant: ClassVar[bool] = True

    pricing: Literal["no_pab", "uplift", "convex_hull"] = "no_pab"
    """`no_pab` accepts no block that loses at the prices (European), `uplift` maximises welfare and makes losses good
    (US), `convex_hull` does so at the prices of the relaxation."""

    k: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Place of prices in their interval: 0 the sellers' end, 1 the buyers' end."""

    lot: Annotated[float, Field(gt=0)] | None = None
    """Energy of a lot [kWh], in whole numbers of which orders of an `OrderBook` are awarded; what an order holds beyond
    whole lots does not trade."""

    search: Literal["branching", "primal_dual"] = "branching"
    """How `no_pab` looks for its choice of blocks."""

    most_nodes: Annotated[int, Field(ge=1)] = 100_000
    """Nodes at which `branching` looks before the best choice so far counts."""

    time_limit: Annotated[float, Field(gt=0)] | None = None
    """Time for a `BlockBook`. [s]"""

    gap: Annotated[float, Field(ge=0)] = 1e-9
    """Part of the welfare within which a choice of blocks is proven optimal."""

    @overload
    def clear(self, book: OrderBook) -> Clearing: ...

    @overload
    def clear(self, book: BlockBook) -> BlockClearing: ...

    def clear(self, book: OrderBook | BlockBook) -> Clearing | BlockClearing:
        """Clear the book.

        Parameters
        ----------
        book : OrderBook or BlockBook
            Orders of one area and period, or of many.

        Returns
        -------
        Clearing or BlockClearing
            Awards, payments and prices, in the order of the book.

        Raises
        ------
        ValueError
            If an `OrderBook` holds several areas, or `lot` is given with a `BlockBook`, or some order has more than
            2^40 lots.
        """
        if not isinstance(book, OrderBook):
            if self.lot is not None:
                raise ValueError(
                    f"blocks: lot {self.lot}; lots are for books of one period without blocks; leave it out"
                )
            return self._clear_all(book)
        if book.area is not None and len(np.unique(book.area)) > 1:
            raise ValueError(
                f"areas {', '.join(map(str, np.unique(book.area)))} stand in one book, and nothing says what the lines "
                "between them carry; use a BlockBook with lines"
            )
        quantity = book.quantity if self.lot is None else _whole_lots(book.quantity, self.lot) * self.lot
        accepted, low, high = self._clear_one(book, quantity)
        if self.lot is not None:
            accepted = _in_lots(book, quantity, accepted, self.lot)
        interval = (low, high) if np.isfinite([low, high]).all() else (np.nan, np.nan)
        return at_one_price(book, accepted, interval, self.k, "pyomo")

    def _clear_all(self, book: BlockBook) -> BlockClearing:
        from gridagora.markets.blocks import clear_blocks

        options = self.model_dump(exclude={"lot", "time_limit"})
        return clear_blocks(book, **options, time_limit=np.inf if self.time_limit is None else self.time_limit)

    def _clear_one(self, book: OrderBook, quantity: FloatArray) -> tuple[FloatArray, float, float]:
        """Return the awards and the price interval of a book of one period."""
        from gridagora.markets.blocks import BlockBook

        found = self._clear_all(BlockBook(1, OrderBook.from_arrays(book.side, book.price, quantity)))
        return found.accepted.copy(), float(found.price_low[0, 0]), float(found.price_high[0, 0])


def _whole_lots(quantity: FloatArray, lot: float) -> FloatArray:
    """Return how many lots fit into each quantity; one part in 2^40 that a decimal number lacks is forgiven."""
    lots = np.floor(quantity / lot * (1 + 2.0**-40))
    if lots.max(initial=0.0) > MOST_LOTS:
        raise ValueError(f"blocks: lot {lot} kWh is too small for an order of {quantity.max()} kWh; at most 2^40 lots")
    return lots


def _in_lots(book: OrderBook, quantity: FloatArray, accepted: FloatArray, lot: float) -> FloatArray:
    """Return awards in whole lots: the balance of whole numbers is whole, and orders of one price share its lots."""
    awarded = np.zeros(len(book))
    offered = np.rint(quantity / lot).astype(np.int64)
    for side in (BUY, SELL):
        for price in np.unique(book.price[(book.side == side) & (accepted > 0)]):
            tied = np.flatnonzero((book.side == side) & (book.price == price))
            total = np.rint(accepted[tied].sum(keepdims=True) / lot).astype(np.int64)
            awarded[tied] = apportion(total, offered[tied][None, :])[0] * lot
    return awarded
