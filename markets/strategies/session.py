"""Continuous sessions of unit lots, as in Smith's and Gode and Sunder's experiments (model.md A4, C6).

One trader drawn at random quotes its next unit at a time. A quote better than the standing one of its side replaces
it; a quote that meets the other side's standing quote trades at that quote's price, and both standing quotes are
cleared (`reset_after_trade`). A trading day ends after a number of steps, then everybody gets new units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.markets.merit_order import clear_merit_order
from gridagora.markets.orders import BUY, FloatArray, IntArray, read_only
from gridagora.markets.strategies.call_market import Bidders, Traders, seat
from gridagora.markets.strategies.draws import Draws
from gridagora.markets.strategies.strategy import Context, Feedback, Published, Strategy
from gridagora.markets.strategies.zero_intelligence import ZeroIntelligenceConstrained, ZeroIntelligenceUnconstrained
from gridagora.markets.strategies.zip import STAY, Zip, adapt, response
from gridagora.sim.compiled import kernel
from gridagora.sim.streams import philox, stream_key

_SCALE = 1.0 / 4294967296.0

#: How a trader prices its quotes within a day: at the price it chose at the opening, by chance, or by ZIP.
POSTED, ZI_U, ZI_C, ZIP = 0, 1, 2, 3


@kernel(inline=True)
def _uniform(word: np.uint64) -> float:
    return (np.float64(word) + 0.5) * _SCALE


@kernel(inline=True)
def _price(
    kind: int,
    side: int,
    limit: float,
    posted: float,
    margin: float,
    draw: float,
    bounds: tuple[float, float],
    least_scale: float,
) -> float:
    """Return what a trader quotes for a unit."""
    floor, cap = bounds
    if kind == ZI_U:
        return floor + draw * (cap - floor)
    low, high = (floor, min(limit, cap)) if side == BUY else (max(limit, floor), cap)
    if kind == ZI_C:
        return low + draw * (high - low)
    wanted = posted if kind == POSTED else limit - side * margin * max(abs(limit), least_scale)
    return min(max(wanted, low), high)


@kernel(inline=True)
def _listen(
    shout: tuple[float, bool, int],
    at: tuple[int, int],
    key: tuple[np.uint64, np.uint64],
    kind: NDArray[np.int8],
    side: NDArray[np.int8],
    limit: FloatArray,
    used: IntArray,
    bounds: tuple[float, float],
    beta: FloatArray,
    gamma: FloatArray,
    spread: FloatArray,
    momentum: FloatArray,
    margin: FloatArray,
) -> None:
    """Let ZIP traders hear a shout: its price, whether it was accepted, and its side; `at` is step and day."""
    heard, accepted, shout_side = shout
    floor, cap = bounds
    least_scale = (cap - floor) / 1000.0
    for i in range(len(kind)):
        if kind[i] != ZIP:
            continue
        # Who has nothing left listens at the limit of its last unit.
        active = used[i] < limit.shape[1] and not np.isnan(limit[i, used[i]])
        place = used[i] if active else max(used[i] - 1, 0)
        own = limit[i, place]
        if np.isnan(own):
            continue
        low, high = (floor, min(own, cap)) if side[i] == BUY else (max(own, floor), cap)
        if low > high:
            continue
        scale = max(abs(own), least_scale)
        price = min(max(own - side[i] * margin[i] * scale, low), high)
        answer = response(side[i], active, price, heard, accepted, shout_side)
        if answer == STAY:
            continue
        word = philox(np.uint64(i), np.uint64(at[0]), np.uint64(at[1]), np.uint64(1), key[0], key[1])
        price, momentum[i] = adapt(
            price,
            heard,
            -side[i] * answer,
            beta[i],
            gamma[i],
            momentum[i],
            _uniform(word[0]) * spread[i, 0],
            _uniform(word[1]) * spread[i, 1],
        )
        margin[i] = side[i] * (own - min(max(price, low), high)) / scale


@kernel()
def trade_day(
    kind: NDArray[np.int8],
    side: NDArray[np.int8],
    limit: FloatArray,
    posted: FloatArray,
    beta: FloatArray,
    gamma: FloatArray,
    spread: FloatArray,
    momentum: FloatArray,
    margin: FloatArray,
    bounds: tuple[float, float],
    steps: int,
    day: int,
    k0: np.uint64,
    k1: np.uint64,
    trades: IntArray,
    prices: FloatArray,
) -> int:
    """Run one trading day and return the number of trades.

    Parameters
    ----------
    kind, side : ndarray of int8, shape (traders,)
        How each quotes, and 1 for buyers, -1 for sellers.
    limit : ndarray, shape (traders, units)
        Limits, the best unit first, nan behind the last [currency/kWh].
    posted : ndarray, shape (traders,)
        Price chosen at the opening [currency/kWh].
    beta, gamma : ndarray, shape (traders,)
        Learning rates and weights of the past of ZIP.
    spread : ndarray, shape (traders, 2)
        Most relative and absolute distance of a target [-, currency/kWh].
    momentum, margin : ndarray, shape (traders,)
        Of ZIP; written.
    bounds : tuple of float
        Floor and cap [currency/kWh].
    steps, day : int
        Quotes of the day, and its number.
    k0, k1 : uint64
        Key of the stream.
    trades : ndarray of int64, shape (most, 3)
        Step, buyer and seller of each trade; written.
    prices : ndarray, shape (most,)
        Prices of the trades [currency/kWh]; written.

    Returns
    -------
    int
    """
    n, units = limit.shape
    floor, cap = bounds
    least_scale = (cap - floor) / 1000.0
    used = np.zeros(n, np.int64)
    bid, ask, bidder, asker = -np.inf, np.inf, -1, -1
    count = 0
    for step in range(steps):
        word = philox(np.uint64(step), np.uint64(0), np.uint64(day), np.uint64(0), k0, k1)
        who = int(_uniform(word[0]) * n)
        if used[who] >= units or np.isnan(limit[who, used[who]]):
            continue
        at = limit[who, used[who]]
        if (side[who] == BUY and at < floor) or (side[who] != BUY and at > cap):
            continue
        shout = _price(kind[who], side[who], at, posted[who], margin[who], _uniform(word[1]), bounds, least_scale)
        accepted = shout >= ask if side[who] == BUY else shout <= bid
        heard = shout
        if accepted:
            heard = ask if side[who] == BUY else bid
            buyer, seller = (who, asker) if side[who] == BUY else (bidder, who)
            trades[count, 0], trades[count, 1], trades[count, 2] = step, buyer, seller
            prices[count] = heard
            used[buyer] += 1
            used[seller] += 1
            count += 1
            bid, ask, bidder, asker = -np.inf, np.inf, -1, -1
        elif side[who] == BUY and shout > bid:
            bid, bidder = shout, who
        elif side[who] != BUY and shout < ask:
            ask, asker = shout, who
        _listen(
            (heard, accepted, side[who]),
            (step, day),
            (k0, k1),
            kind,
            side,
            limit,
            used,
            bounds,
            beta,
            gamma,
            spread,
            momentum,
            margin,
        )
    return count


@dataclass(frozen=True, slots=True, eq=False)
class TradingDay:
    """Trades of one day of a continuous session, in their order.

    Attributes
    ----------
    step, buyer, seller : ndarray of int64, shape (trades,)
        When, and the places of the traders.
    price : ndarray, shape (trades,)
        [currency/kWh]
    efficiency : float
        Gains from trade at the true limits over the most possible; 1 where nothing can be gained.
    profit : ndarray, shape (traders,)
        Gains over the limits [currency].
    """

    step: IntArray
    buyer: IntArray
    seller: IntArray
    price: FloatArray
    efficiency: float
    profit: FloatArray


class Session:
    """A continuous double auction of unit lots among traders with strategies.

    ZIP answers every shout; zero-intelligence traders draw a price each time; every other strategy posts one price a
    day and learns when the day closes.

    Parameters
    ----------
    traders : Traders
        Limits of each trader's units; `quantity` must be 1 everywhere.
    strategies : sequence of Strategy
        Rules in use.
    assigned : array_like of int, shape (traders,)
        Place of each trader's strategy in `strategies`.
    floor, cap : float
        Price bounds [currency/kWh].
    steps : int
        Quotes a day.
    seed : int
        Seed of all draws.
    """

    def __init__(
        self,
        traders: Traders,
        strategies: Sequence[Strategy],
        assigned: ArrayLike,
        floor: float,
        cap: float,
        steps: int = 3000,
        seed: int = 0,
    ) -> None:
        if np.any(traders.quantity != 1.0):
            raise ValueError("session: a unit is 1 kWh; give each trader its units as columns of `limit`")
        self.traders, self.bounds, self.steps, self.seed = traders, (floor, cap), steps, seed
        self.bidders = seat(strategies, np.asarray(assigned, dtype=np.int64), Draws(seed, "session"))
        self.limit = np.ascontiguousarray(traders.limit.reshape(len(traders), -1))
        truth = clear_merit_order(traders.truthful())
        self.best, self.equilibrium = truth.welfare, float(truth.price)
        self.days = 0
        self._seat_zip()

    def _seat_zip(self) -> None:
        """Gather what the kernel needs of ZIP traders; theirs are views of nothing but these columns."""
        n = len(self.traders)
        self.kind = np.zeros(n, np.int8)
        self.spread = np.zeros((n, 2))
        self.zip_columns = {name: np.zeros(n) for name in ("beta", "gamma", "momentum", "margin")}
        for group in self.bidders:
            rules = group.strategy
            self.kind[group.trader] = _kind(rules)
            if isinstance(rules, Zip):
                self.spread[group.trader] = rules.relative_spread, rules.absolute_spread
                for name, column in self.zip_columns.items():
                    column[group.trader] = group.memory[name][group.trader]
                    group.memory[name] = column

    def day(self) -> TradingDay:
        """Run one trading day, let everybody learn from it, and return its trades."""
        n = len(self.traders)
        posted, quoted = np.zeros(n), []
        for group in self.bidders:
            if _kind(group.strategy) == POSTED:
                context = self._context(group)
                price, quantity = group.strategy.quote(context)
                posted[group.trader] = price
                quoted.append((group, context, price, quantity))
        trades = np.empty((self.limit.size // 2 + 1, 3), np.int64)
        prices = np.empty(len(trades))
        k0, k1 = stream_key(self.seed, "session", "")
        columns = self.zip_columns
        count = trade_day(
            self.kind,
            self.traders.side,
            self.limit,
            posted,
            columns["beta"],
            columns["gamma"],
            self.spread,
            columns["momentum"],
            columns["margin"],
            self.bounds,
            self.steps,
            self.days,
            k0,
            k1,
            trades,
            prices,
        )
        day = self._closed(trades[:count], prices[:count])
        for group, context, price, quantity in quoted:
            group.strategy.learn(self._heard(context, price, quantity, posted, day))
        self.days += 1
        return day

    def run(self, days: int) -> list[TradingDay]:
        """Run several trading days.

        Parameters
        ----------
        days : int
            At least 1.

        Returns
        -------
        list of TradingDay
        """
        return [self.day() for _ in range(days)]

    def _context(self, group: Bidders) -> Context:
        who = group.trader
        units = np.sum(~np.isnan(self.limit[who]), axis=1).astype(np.float64)
        return Context(
            who,
            self.traders.side[who],
            np.where(units > 0, self.limit[who, 0], 0.0),
            units,
            *self.bounds,
            group.memory,
            group.draws,
            self.days,
        )

    def _closed(self, trades: IntArray, prices: FloatArray) -> TradingDay:
        profit = np.zeros(len(self.traders))
        for column, side in ((1, BUY), (2, -BUY)):
            who = trades[:, column]
            # The k-th trade of a trader is its k-th unit.
            nth = np.array([np.sum(who[:place] == trader) for place, trader in enumerate(who)], dtype=np.int64)
            np.add.at(profit, who, side * (self.limit[who, nth] - prices))
        efficiency = float(profit.sum()) / self.best if self.best > 0 else 1.0
        step, buyer, seller = (read_only(trades[:, column].copy()) for column in range(3))
        return TradingDay(step, buyer, seller, read_only(prices.copy()), efficiency, read_only(profit))

    def _heard(
        self, context: Context, price: FloatArray, quantity: FloatArray, posted: FloatArray, day: TradingDay
    ) -> Feedback:
        """Return what posted prices earned; the day's mean price is the market's."""
        n, who = len(self.traders), context.member
        sold = np.bincount(np.concatenate([day.buyer, day.seller]), minlength=n)
        paid = np.bincount(np.concatenate([day.buyer, day.seller]), np.tile(day.price, 2), minlength=n)
        unit_price = np.divide(paid, sold, out=np.full(n, np.nan), where=sold > 0)
        mean = float(day.price.mean()) if len(day.price) else np.nan
        fixed = self.kind == POSTED
        bids, asks = posted[fixed & (self.traders.side == BUY)], posted[fixed & (self.traders.side != BUY)]
        told = Published(
            mean,
            float(bids.max(initial=-np.inf)) if len(bids) else np.nan,
            float(asks.min(initial=np.inf)) if len(asks) else np.nan,
            self.traders.side[fixed],
            posted[fixed],
            sold[fixed] > 0,
        )
        return Feedback(context, price, quantity, sold[who].astype(np.float64), unit_price[who], told)


def _kind(rules: Strategy) -> int:
    kinds = ((ZeroIntelligenceUnconstrained, ZI_U), (ZeroIntelligenceConstrained, ZI_C), (Zip, ZIP))
    return next((kind for cls, kind in kinds if isinstance(rules, cls)), POSTED)
