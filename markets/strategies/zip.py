"""Zero-intelligence-plus: a profit margin that follows the last shout (model.md A4).

References
----------
.. [Cliff1997] D. Cliff, "Minimal-intelligence agents for bargaining behaviors in market-based environments",
   HP Laboratories technical report HPL-97-91, 1997.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gridagora.markets.orders import BUY, FloatArray, IntArray
from gridagora.markets.strategies.draws import Draws
from gridagora.markets.strategies.strategy import Context, Feedback, Memory
from gridagora.sim.compiled import kernel
from gridagora.sim.plugin import Frozen

Share = Annotated[float, Field(ge=0, le=1)]

#: What a shout asks of a margin: nothing, a better price for the member, a price that trades more easily.
STAY, RAISE, LOWER = 0, 1, -1


@kernel(inline=True)
def response(side: int, active: bool, price: float, shout: float, accepted: bool, shout_side: int) -> int:
    """Return what a member does on hearing a shout (Cliff's rules, A4).

    Who would have traded at an accepted shout raises its margin. Who would not have lowers it if it is active and
    its own side lost: a rejected shout of that side, or one of the other side that somebody else accepted.

    Parameters
    ----------
    side, shout_side : int
        1 buys, -1 sells: of the member and of the shout.
    active : bool
        Whether the member still has something to trade.
    price, shout : float
        The member's price and the price shouted [currency/kWh].
    accepted : bool
        Whether the shout ended in a trade.

    Returns
    -------
    int
        1 to raise the margin, -1 to lower it, else 0.
    """
    ahead = side * (price - shout)
    if accepted and ahead >= 0:
        return RAISE
    heard = shout_side == -side if accepted else shout_side == side
    return LOWER if active and ahead <= 0 and heard else STAY


@kernel(inline=True)
def adapt(
    price: float,
    shout: float,
    rises: int,
    beta: float,
    gamma: float,
    momentum: float,
    relative: float,
    absolute: float,
) -> tuple[float, float]:
    """Return price and momentum after one step of Widrow-Hoff learning towards a target near the shout.

    Parameters
    ----------
    price, shout : float
        Own price and the price shouted [currency/kWh].
    rises : int
        1 for a target above the shout, -1 below.
    beta, gamma, momentum : float
        Learning rate, weight of the past, and past change [currency/kWh].
    relative, absolute : float
        Draws of the distance of the target from the shout: a part of it, and a price [currency/kWh].
    """
    # The relative part follows the size of the shout, so that it keeps its direction at prices below 0.
    target = shout + rises * (relative * abs(shout) + absolute)
    momentum = gamma * momentum + (1.0 - gamma) * beta * (target - price)
    return price + momentum, momentum


@kernel()
def hear(
    member: IntArray,
    side: NDArray[np.int8],
    limit: FloatArray,
    scale: FloatArray,
    low: FloatArray,
    high: FloatArray,
    price: FloatArray,
    shout: FloatArray,
    moves: NDArray[np.bool_],
    draw: FloatArray,
    spread: tuple[float, float],
    beta: FloatArray,
    gamma: FloatArray,
    momentum: FloatArray,
    margin: FloatArray,
) -> None:
    """Move members' quotes towards just inside one price each: bids above it, asks below; margins are written.

    Parameters
    ----------
    member : ndarray of int64, shape (n,)
        Rows of the last four columns.
    side, limit, scale, low, high, price, shout, moves : ndarray, shape (n,)
        Of each order: side, limit, worth of a margin of 1, room, quote, price heard [currency/kWh], whether it moves.
    draw : ndarray, shape (2, n)
        Uniform draws.
    spread : tuple of float
        Most relative and absolute distance of a target [-, currency/kWh].
    beta, gamma, momentum, margin : ndarray, shape (members,)
        Columns.
    """
    n = member.size
    for i in range(n):
        if not moves[i]:
            continue
        row = member[i]
        moved, momentum[row] = adapt(
            price[i],
            shout[i],
            int(side[i]),
            beta[row],
            gamma[row],
            momentum[row],
            draw[0, i] * spread[0],
            draw[1, i] * spread[1],
        )
        moved = min(max(moved, low[i]), high[i])
        margin[row] = side[i] * (limit[i] - moved) / scale[i]


class Zip(Frozen):
    """Zero-intelligence-plus [Cliff1997]_: price = limit (1 + margin), the margin follows the market's shouts.

    Each member draws its learning rate, momentum and first margin once. In the continuous protocol of
    :mod:`gridagora.markets.strategies.session` every shout counts, by Cliff's rules. A sealed auction has one price in
    place of shouts, so the rules are adapted: who traded and could have done so on better terms, and who did not and
    was not better, aims just inside that price (a bid above it, an ask below). With Cliff's targets on the far side
    of it half of the traders would miss each auction. Without a trade the best quote of the own side stands in.
    """

    beta: tuple[Share, Share] = (0.1, 0.5)
    """Range of the learning rate."""
    gamma: tuple[Share, Share] = (0.0, 0.1)
    """Range of the momentum."""
    margin: tuple[Share, Share] = (0.05, 0.35)
    """Range of the first margin, as a part of the limit price."""
    relative_spread: Share = 0.05
    """Most distance of a target from the shout, as a part of the shout (c_r)."""
    absolute_spread: Annotated[float, Field(ge=0)] = 0.05
    """Most distance of a target from the shout as a price (c_a) [currency/kWh]. The value is meant for prices of
    order 1: scale it with your prices."""

    def remember(self, members: int, draws: Draws) -> Memory:
        """Return learning rate, momentum weight, margin and momentum of each member, shape (members,) each."""
        draw = draws.uniforms("zip", np.arange(members), draws=3)
        ranges = (self.beta, self.gamma, self.margin)
        beta, gamma, margin = (low + u * (high - low) for u, (low, high) in zip(draw, ranges, strict=True))
        return {"beta": beta, "gamma": gamma, "margin": margin, "momentum": np.zeros(members)}

    def quote(self, context: Context) -> tuple[FloatArray, FloatArray]:
        """Return the limits moved by the margins."""
        margin = context.memory["margin"][context.member]
        return context.offer(context.limit - context.side * margin * context.scale())

    def learn(self, feedback: Feedback) -> None:
        """Move the margins by what the auction told."""
        context, columns = feedback.context, feedback.context.memory
        moves, shout = _answers(feedback)
        low, high = context.room()
        moves &= (feedback.quantity > 0) & (low <= high)
        hear(
            context.member,
            context.side,
            context.limit,
            context.scale(),
            low,
            high,
            feedback.price,
            shout,
            moves,
            context.draws.uniforms("zip shout", context.member, context.number, draws=2),
            (self.relative_spread, self.absolute_spread),
            columns["beta"],
            columns["gamma"],
            columns["momentum"],
            columns["margin"],
        )


def _answers(feedback: Feedback) -> tuple[NDArray[np.bool_], FloatArray]:
    """Return who moves and towards which price in a sealed auction; an order filled in part counts as traded."""
    side, told = feedback.context.side, feedback.published
    traded = feedback.accepted > 0
    best: Any = np.where(side == BUY, told.low, told.high)
    missed = best if np.isnan(told.price) else told.price
    shout = np.where(traded, feedback.unit_price, missed)
    ahead = side * (feedback.price - shout)
    return np.where(traded, ahead >= 0, ahead <= 0), shout
