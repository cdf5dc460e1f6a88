"""Rounds of sealed auctions in which members bid by strategies and learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.markets.clearing import clear
from gridagora.markets.merit_order import clear_merit_order
from gridagora.markets.orders import BUY, Clearing, FloatArray, IntArray, OrderBook, read_only
from gridagora.markets.strategies.draws import Draws
from gridagora.markets.strategies.strategy import Context, Feedback, Memory, Outlook, Published, Strategy


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Traders:
    """Who stands in a market, one entry a trader; their number is their place.

    Parameters
    ----------
    side : array_like of int, shape (traders,)
        1 buys, -1 sells.
    limit : array_like of float, shape (traders,) or (traders, units)
        Value of a buyer, cost of a seller [currency/kWh]; with units the limit of each, the best first, nan where a
        trader has no more.
    quantity : array_like of float, shape (traders,), optional
        Energy of each (or of each unit); 1 if not given [kWh].
    """

    side: NDArray[np.int8]
    limit: FloatArray
    quantity: FloatArray

    def __init__(self, side: ArrayLike, limit: ArrayLike, quantity: ArrayLike | None = None) -> None:
        sides = np.array(side, dtype=np.int8)
        limits = np.array(limit, dtype=np.float64)
        amounts = np.ones(len(sides)) if quantity is None else np.array(quantity, dtype=np.float64)
        if limits.shape[:1] != sides.shape or amounts.shape != sides.shape:
            raise ValueError(
                f"traders: side {sides.shape}, limit {limits.shape}, quantity {amounts.shape}; one entry a trader each"
            )
        if limits.ndim == 2 and np.any(np.diff(limits, axis=1) * sides[:, None] > 0):
            raise ValueError("traders: the units of a trader must stand with the best limit first")
        for name, column in (("side", sides), ("limit", limits), ("quantity", amounts)):
            object.__setattr__(self, name, read_only(column))

    def __len__(self) -> int:
        return len(self.side)

    def truthful(self) -> OrderBook:
        """Return the book in which every unit stands at its limit."""
        limit = self.limit.reshape(len(self), -1)
        live = ~np.isnan(limit)
        rows = np.nonzero(live)[0]
        return OrderBook.from_arrays(self.side[rows], limit[live], self.quantity[rows], agent=rows)


@dataclass(slots=True)
class Bidders:
    """Traders that bid with one strategy, and what they have learnt.

    Parameters
    ----------
    strategy : Strategy
        Its rules.
    trader : ndarray of int64, shape (n,)
        Places of the traders in the market; a place is also the key of the random draws.
    memory : dict of str to ndarray
        Columns for all traders of the market.
    draws : Draws
        Random streams.
    """

    strategy: Strategy
    trader: IntArray
    memory: Memory
    draws: Draws


def seat(strategies: Sequence[Strategy], assigned: IntArray, draws: Draws) -> list[Bidders]:
    """Return the bidders of a market: trader i bids with ``strategies[assigned[i]]``.

    Raises
    ------
    ValueError
        If an entry names no strategy.
    """
    if len(assigned) and not 0 <= assigned.min() <= assigned.max() < len(strategies):
        raise ValueError(f"assigned: {assigned.min()} to {assigned.max()}; allowed 0 to {len(strategies) - 1}")
    groups = ((rules, np.flatnonzero(assigned == number)) for number, rules in enumerate(strategies))
    return [Bidders(rules, who, rules.remember(len(assigned), draws), draws) for rules, who in groups]


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """One auction of a call market.

    Attributes
    ----------
    book : OrderBook
        What was quoted, one order a trader.
    clearing : Clearing
        Its clearing; surpluses in it are at the quoted prices.
    profit : ndarray, shape (traders,)
        Gains over the true limits [currency].
    efficiency : float
        Gains from trade at the true limits over the most possible; 1 where nothing can be gained.
    """

    book: OrderBook
    clearing: Clearing
    profit: FloatArray
    efficiency: float


class CallMarket:
    """A sealed auction that is held round after round among the same traders.

    Parameters
    ----------
    traders : Traders
        Sides, limits and quantities, the same in every round.
    strategies : sequence of Strategy
        Rules in use.
    assigned : array_like of int, shape (traders,)
        Place of each trader's strategy in `strategies`.
    floor, cap : float
        Price bounds [currency/kWh].
    mechanism : str
        A name of :data:`gridagora.markets.clearing.MECHANISMS`.
    seed : int
        Seed of all draws.
    **options
        Options of the mechanism.

    Examples
    --------
    >>> from gridagora.markets.strategies.registry import strategy
    >>> traders = Traders([1, 1, -1, -1], [0.5, 0.4, 0.1, 0.3])
    >>> market = CallMarket(traders, [strategy("truthful")], [0, 0, 0, 0], 0.0, 1.0)
    >>> market.round().efficiency
    1.0
    """

    def __init__(
        self,
        traders: Traders,
        strategies: Sequence[Strategy],
        assigned: ArrayLike,
        floor: float,
        cap: float,
        mechanism: str = "uniform_price",
        seed: int = 0,
        **options: Any,
    ) -> None:
        self.traders, self.bounds = traders, (floor, cap)
        self.mechanism, self.options = mechanism, options
        self.bidders = seat(strategies, np.asarray(assigned, dtype=np.int64), Draws(seed, "call market"))
        self.best = clear_merit_order(traders.truthful()).welfare
        self.rounds = 0

    def round(self, outlook: Outlook | None = None) -> Round:
        """Hold one auction, let everybody learn from it, and return it.

        Parameters
        ----------
        outlook : Outlook, optional
            For strategies that choose a quantity.
        """
        traders = self.traders
        price, quantity = np.zeros(len(traders)), np.zeros(len(traders))
        contexts = []
        for group in self.bidders:
            who = group.trader
            context = Context(
                who,
                traders.side[who],
                traders.limit[who],
                traders.quantity[who],
                *self.bounds,
                group.memory,
                group.draws,
                self.rounds,
                outlook=_outlook_of(outlook, who),
            )
            price[who], quantity[who] = group.strategy.quote(context)
            contexts.append(context)
        book = OrderBook.from_arrays(traders.side, price, quantity, agent=np.arange(len(traders)))
        clearing = clear(book, self.mechanism, **self.options)
        told = Published.of(book, clearing)
        profit = np.zeros(len(traders))
        for group, context in zip(self.bidders, contexts, strict=True):
            who = group.trader
            heard = Feedback(context, price[who], quantity[who], clearing.accepted[who], clearing.unit_price[who], told)
            group.strategy.learn(heard)
            profit[who] = heard.profit
        self.rounds += 1
        gained = float(np.sum(traders.side * traders.limit * clearing.accepted))
        return Round(book, clearing, read_only(profit), gained / self.best if self.best > 0 else 1.0)

    def run(self, rounds: int) -> list[Round]:
        """Hold several auctions.

        Parameters
        ----------
        rounds : int
            At least 1.

        Returns
        -------
        list of Round
        """
        return [self.round() for _ in range(rounds)]


def _outlook_of(outlook: Outlook | None, who: IntArray) -> Outlook | None:
    if outlook is None:
        return None
    return Outlook(outlook.price, outlook.long_price, outlook.short_price, outlook.sd[who], outlook.most[who])


def market_advantage(rounds: Sequence[Round], side: int, competitive: float) -> float:
    """Return how much more one side earned than in competition, as a part of it (Nicolaisen's index).

    Parameters
    ----------
    rounds : sequence of Round
        Auctions.
    side : int
        1 for the buyers, -1 for the sellers.
    competitive : float
        The side's profit in the truthful equilibrium, above 0 [currency].
    """
    code = BUY if side == BUY else -BUY
    earned = float(np.mean([found.profit[found.book.side == code].sum() for found in rounds]))
    return (earned - competitive) / competitive
