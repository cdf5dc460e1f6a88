"""Gjerstad-Dickhaut bidding: the price of highest expected gain under a belief from past orders (model.md A4).

References
----------
.. [GjerstadDickhaut1998] S. Gjerstad, J. Dickhaut, "Price formation in double auctions", Games Econ. Behav. 22(1),
   1-29, 1998. doi:10.1006/game.1997.0576
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gridagora.markets.orders import BUY, SELL, FloatArray
from gridagora.markets.strategies.draws import Draws
from gridagora.markets.strategies.strategy import Context, Feedback, Memory
from gridagora.sim.compiled import kernel
from gridagora.sim.plugin import Frozen


@kernel()
def best_quotes(
    side: NDArray[np.int8], limit: FloatArray, price: FloatArray, bid_belief: FloatArray, ask_belief: FloatArray
) -> FloatArray:
    """Return the price of highest gain times belief for each order; the limit where no price gains.

    Parameters
    ----------
    side, limit : ndarray, shape (n,)
        Of each order [-, currency/kWh].
    price, bid_belief, ask_belief : ndarray, shape (points,)
        Prices, ascending [currency/kWh], and the chance that a bid and an ask at it trades.

    Returns
    -------
    ndarray, shape (n,)
        The first of equals from the market's far end, that is the one of largest margin [currency/kWh].
    """
    n, points = limit.size, price.size
    found = np.empty(n)
    for i in range(n):
        best, most = limit[i], 0.0
        if side[i] == BUY:
            for k in range(points):
                gain = (limit[i] - price[k]) * bid_belief[k]
                if gain > most:
                    best, most = price[k], gain
        else:
            for k in range(points - 1, -1, -1):
                gain = (price[k] - limit[i]) * ask_belief[k]
                if gain > most:
                    best, most = price[k], gain
        found[i] = best
    return found


class GjerstadDickhaut(Frozen):
    """Quotes the price that maximises gain times chance of a trade [GjerstadDickhaut1998]_.

    All members share one belief, counted from published orders on a grid of prices: a bid is believed to trade where
    bids that traded and asks stood at or below it, less where rejected bids stood at or above it; asks in reverse.
    Past auctions fade. Where nothing was seen, the chance grows evenly from floor to cap (for asks from cap to floor),
    with the weight of `prior` orders; the original's spline between observed prices is replaced by that.
    """

    points: Annotated[int, Field(ge=2, le=10_000)] = 101
    """Prices of the grid, from floor to cap."""
    memory_share: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Weight that past orders keep from one auction to the next."""
    prior: Annotated[float, Field(gt=0)] = 1.0
    """Weight of the even belief, in orders."""

    def remember(self, members: int, draws: Draws) -> Memory:
        """Return counts of bids and asks that traded and did not, shape (2, 2, points), common to all members."""
        return {"seen": np.zeros((2, 2, self.points))}

    def beliefs(self, memory: Memory) -> tuple[FloatArray, FloatArray]:
        """Return the chance that a bid, and that an ask, trades at each price of the grid, shape (points,)."""
        (bids_taken, bids_left), (asks_taken, asks_left) = memory["seen"]
        ease = np.linspace(0.0, 1.0, self.points)
        bid_for = np.cumsum(bids_taken + asks_taken + asks_left) + self.prior * ease
        bid_against = np.cumsum(bids_left[::-1])[::-1] + self.prior * (1.0 - ease)
        ask_for = np.cumsum((asks_taken + bids_taken + bids_left)[::-1])[::-1] + self.prior * (1.0 - ease)
        ask_against = np.cumsum(asks_left) + self.prior * ease
        return bid_for / (bid_for + bid_against), ask_for / (ask_for + ask_against)

    def quote(self, context: Context) -> tuple[FloatArray, FloatArray]:
        """Return the quotes of highest expected gain."""
        price = np.linspace(context.floor, context.cap, self.points)
        return context.offer(best_quotes(context.side, context.limit, price, *self.beliefs(context.memory)))

    def learn(self, feedback: Feedback) -> None:
        """Count the published orders; called once an auction, as the count is common to all members."""
        told, context = feedback.published, feedback.context
        seen = context.memory["seen"]
        seen *= self.memory_share
        step = (context.cap - context.floor) / (self.points - 1)
        tick = np.clip(np.rint((told.quoted - context.floor) / step), 0, self.points - 1).astype(np.int64)
        for row, side in enumerate((BUY, SELL)):
            for column, orders in enumerate((told.taken, ~told.taken)):
                seen[row, column] += np.bincount(tick[(told.side == side) & orders], minlength=self.points)
