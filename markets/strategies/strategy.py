"""What a bidding strategy sees, says and hears; what all of them share (model.md A4).

A strategy is a frozen set of options. What members have learnt stands in columns, one row a member, that the caller
owns and hands over with every call; so one strategy object serves any number of populations.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from gridagora.markets.orders import BUY, Clearing, FloatArray, IntArray, OrderBook
from gridagora.markets.strategies.draws import Draws

#: Columns of what was learnt, by name; the first axis is the member's number where it is a member's own.
Memory = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """What members expect of delivery and of the prices of a difference (model.md C9).

    Parameters
    ----------
    price : float
        Expected price of the auction [currency/kWh].
    long_price, short_price : float
        What the long get and the short pay [currency/kWh]; the first is at most the second.
    sd : ndarray, shape (n,)
        Standard deviation of the forecast of each member's quantity, at least 0 [kWh].
    most : ndarray, shape (n,)
        Most that each member can deliver or use [kWh].
    """

    price: float
    long_price: float
    short_price: float
    sd: FloatArray
    most: FloatArray

    def __post_init__(self) -> None:
        """Refuse prices in the wrong order and negative spreads."""
        if not self.long_price <= self.short_price:
            raise ValueError(
                f"outlook: long_price {self.long_price} above short_price {self.short_price}; the long never get "
                "more than the short pay"
            )
        if np.any(~(self.sd >= 0)) or np.any(~(self.most >= 0)):
            raise ValueError("outlook: sd and most must be at least 0 kWh for every member")


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What members know when they quote in one auction; one entry an order, at most one order a member.

    Parameters
    ----------
    member : ndarray of int64, shape (n,)
        Number of the member: its row in `memory` and the counter of its random draws.
    side : ndarray of int8, shape (n,)
        1 buys, -1 sells.
    limit : ndarray of float64, shape (n,)
        Reservation price: value of a buyer, cost of a seller [currency/kWh].
    quantity : ndarray of float64, shape (n,)
        Most energy [kWh].
    floor, cap : float
        Price bounds of the market [currency/kWh].
    memory : dict of str to ndarray
        Columns that the strategy made by `remember`; written by `quote` and `learn`.
    draws : Draws
        Random streams of the population.
    number : int
        Number of the auction: counter of the random draws.
    situation : int
        What all members see of the market, as a number from 0; see
        :func:`gridagora.markets.strategies.q_learning.price_situation`.
    outlook : Outlook, optional
        Expectations, for strategies that choose a quantity.

    Raises
    ------
    ValueError
        If columns differ in length, hold what is not finite, or a member has two orders.
    """

    member: IntArray
    side: NDArray[np.int8]
    limit: FloatArray
    quantity: FloatArray
    floor: float
    cap: float
    memory: Memory
    draws: Draws
    number: int = 0
    situation: int = 0
    outlook: Outlook | None = None

    def __post_init__(self) -> None:
        """Refuse what no market could have asked."""
        n = len(self.member)
        for name in ("side", "limit", "quantity"):
            if getattr(self, name).shape != (n,):
                raise ValueError(f"context: {name} has shape {getattr(self, name).shape}, member has ({n},)")
        if not (np.isfinite(self.floor) and np.isfinite(self.cap) and self.floor < self.cap):
            raise ValueError(f"context: floor {self.floor}, cap {self.cap}; both finite, the floor below the cap")
        if n and not (np.isfinite(self.limit).all() and np.isfinite(self.quantity).all() and self.quantity.min() >= 0):
            raise ValueError("context: every limit must be finite, every quantity finite and at least 0 kWh")
        if n and not np.all(np.abs(self.side) == 1):
            raise ValueError("context: side must be 1 (buy) or -1 (sell)")
        if n and (self.member.min() < 0 or np.bincount(self.member).max() > 1):
            raise ValueError("context: a member number is negative or stands in two orders; merge its orders")

    def room(self) -> tuple[FloatArray, FloatArray]:
        """Return the lowest and highest price within both limit and bounds, lowest above highest where none is."""
        buys = self.side == BUY
        low = np.where(buys, self.floor, np.maximum(self.limit, self.floor))
        high = np.where(buys, np.minimum(self.limit, self.cap), self.cap)
        return low, high

    def scale(self) -> FloatArray:
        """Return the price that a margin of 1 is worth: the limit's size, at least a thousandth of the price range.

        Margins are parts of the limit price in A4; the least scale lets them work at limits near 0.
        """
        return np.maximum(np.abs(self.limit), (self.cap - self.floor) / 1000.0)

    def offer(self, price: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return prices brought within limit and bounds, and quantities: 0 where no price is within both."""
        low, high = self.room()
        bounded = np.minimum(np.maximum(price, low), high)
        closed = low > high
        if closed.any():
            bounded = np.minimum(np.maximum(bounded, self.floor), self.cap)
            return bounded, np.where(closed, 0.0, self.quantity)
        return bounded, self.quantity


@dataclass(frozen=True, slots=True, eq=False)
class Published:
    """What everyone learns about an auction.

    Parameters
    ----------
    price : float
        Market price, nan where there is none [currency/kWh].
    low, high : float
        Its interval: best bid and best ask where nothing was traded [currency/kWh].
    side : ndarray of int8, shape (orders,)
        1 for bids, -1 for asks.
    quoted : ndarray of float64, shape (orders,)
        Limit prices of the orders [currency/kWh].
    taken : ndarray of bool, shape (orders,)
        Whether the order traded.
    """

    price: float
    low: float
    high: float
    side: NDArray[np.int8]
    quoted: FloatArray
    taken: NDArray[np.bool_]

    @classmethod
    def of(cls, book: OrderBook, clearing: Clearing) -> Self:
        """Return what a cleared book tells; orders of quantity 0 are left out."""
        live = book.quantity > 0
        low, high = clearing.price_interval
        return cls(
            float(clearing.price),
            float(low),
            float(high),
            book.side[live],
            book.price[live],
            clearing.accepted[live] > 0,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Feedback:
    """What members hear after an auction.

    Parameters
    ----------
    context : Context
        What they quoted on.
    price, quantity : ndarray, shape (n,)
        What they quoted [currency/kWh, kWh].
    accepted : ndarray, shape (n,)
        Their awards [kWh].
    unit_price : ndarray, shape (n,)
        Price of the award, nan without one [currency/kWh].
    published : Published
        What everyone learns.
    situation : int
        Number of the next auction's situation.
    """

    context: Context
    price: FloatArray
    quantity: FloatArray
    accepted: FloatArray
    unit_price: FloatArray
    published: Published
    situation: int = 0
    profit: FloatArray = field(init=False)
    """Gain over the limit price, shape (n,) [currency]."""

    def __post_init__(self) -> None:
        """Work out the profits."""
        traded = self.accepted > 0
        paid = np.where(traded, self.unit_price, self.context.limit)
        gain = self.context.side * (self.context.limit - paid) * self.accepted
        object.__setattr__(self, "profit", gain)


class Strategy(Protocol):
    """A frozen set of options; `quote` is called before each auction, `learn` after it."""

    def remember(self, members: int, draws: Draws) -> Memory:
        """Return the columns of `members` members that have learnt nothing yet."""
        ...

    def quote(self, context: Context) -> tuple[FloatArray, FloatArray]:
        """Return price [currency/kWh] and quantity [kWh] of each order, shape (n,); quantity 0 is no order."""
        ...

    def learn(self, feedback: Feedback) -> None:
        """Change the columns of `feedback.context.memory` by what was heard."""
        ...
