"""MUDA, the truthful multi-unit double auction (C4.4): each half of the traders deals at the other half's price."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gridagora.markets.admission import refuse_several_areas
from gridagora.markets.mechanisms.externality import best_use
from gridagora.markets.mechanisms.margin import find_margin, owners
from gridagora.markets.mechanisms.properties import Budget, StrategyProof
from gridagora.markets.merit_order import DUST, fixed_point, price_at
from gridagora.markets.orders import BUY, SELL, Clearing, FloatArray, IntArray, OrderBook, read_only
from gridagora.sim.plugin import Frozen

Flags = NDArray[np.bool_]


class Muda(Frozen):
    """Random halves of the traders, each clearing at the competitive price of the other one.

    * A trader, that is all orders of one agent, falls into the left or the right half by a toss of `seed`, or by
      `split`. The toss and the lottery belong to the trader's place among the agents' names; without agents, to the
      order's place in the book.
    * Each half's price is that of its own orders alone; it has none where one of its sides is empty.
    * All orders of a half that accept the other half's price deal at it. The longer side is rationed by lottery over
      traders, each taking all it wants until nothing is left, or by `excess: vickrey`: the best orders deal and pay,
      besides the price, what those they push out would have gained (ties in proportion).

    No trader gains by another price than its own or by holding energy back, whatever the toss. The auctioneer keeps
    the fees of `vickrey` and nothing otherwise. The interval of the clearing is the book's competitive one, for
    comparison. Source: model.md C4.4; E. Segal-Halevi, A. Hassidim, Y. Aumann, "MUDA: a truthful multi-unit
    double-auction mechanism", AAAI 2018, arXiv:1712.06848.
    """

    efficient: ClassVar[bool] = False
    individually_rational: ClassVar[bool] = True
    budget: ClassVar[Budget] = "weak"
    strategy_proof: ClassVar[StrategyProof] = "yes"
    order_invariant: ClassVar[bool] = False

    split: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    """Places in the book of the orders of the left half; None tosses for each trader."""

    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the toss and the lottery."""

    half_price: Literal["interval", "marginal_pair"] = "interval"
    """A half's price: the middle of its competitive interval (C2), or of its last accepted bid and ask."""

    excess: Literal["lottery", "vickrey"] = "lottery"
    """How the longer side is rationed."""

    def clear(self, book: OrderBook) -> Clearing:
        """Clear the book.

        Parameters
        ----------
        book : OrderBook
            Orders of one area; `agent` says which belong to one trader.

        Returns
        -------
        Clearing
            Awards and payments; no single price.

        Raises
        ------
        ValueError
            If the orders belong to several areas, or `split` names an order that does not exist or parts a trader.
        """
        refuse_several_areas(book)
        owner, traders = owners(book)
        units, exponent = fixed_point(book.quantity)
        draws = _draws(self.seed, traders)
        left = self._left(book, owner, draws)
        award, price = np.zeros(len(book), dtype=np.int64), np.zeros(len(book))
        for half, at in zip((left, ~left), self._prices(book, units, left)[::-1], strict=True):
            willing = half & (units > 0) & (book.side * (book.price - at) >= 0)
            price[willing] = at
            bids, asks = np.flatnonzero(willing & (book.side == BUY)), np.flatnonzero(willing & (book.side == SELL))
            gap = int(units[bids].sum()) - int(units[asks].sum())
            short, long = (asks, bids) if gap > 0 else (bids, asks)
            volume = int(units[short].sum())
            award[short] = units[short]
            if abs(gap) <= int(volume * DUST):
                award[long] = units[long] * (volume > 0)
            elif self.excess == "lottery":
                award[long] = _by_lottery(units[long], book, long, owner[long], draws, volume)
            elif volume > 0:
                gain = book.side[long] * (book.price[long] - at)
                award[long], fee = _by_gain(gain, units[long], owner[long], traders, volume, exponent)
                price[long] += book.side[long] * fee
        whole = find_margin(book, units)
        return Clearing.of(
            book,
            np.where(award == units, book.quantity, np.ldexp(award.astype(np.float64), -exponent)),
            price,
            price=np.nan,
            price_interval=(whole.low, whole.high),
            method="exact",
        )

    def half_prices(self, book: OrderBook) -> tuple[float, float]:
        """Return the prices of the left and of the right half, at which the other one deals. [currency/kWh].

        Parameters
        ----------
        book : OrderBook
            The orders.

        Returns
        -------
        tuple of float
            Nan where a half has no bid or no ask.
        """
        owner, traders = owners(book)
        left = self._left(book, owner, _draws(self.seed, traders))
        return self._prices(book, fixed_point(book.quantity)[0], left)

    def _prices(self, book: OrderBook, units: IntArray, left: Flags) -> tuple[float, float]:
        return self._price(book, units, left), self._price(book, units, ~left)

    def _price(self, book: OrderBook, units: IntArray, half: Flags) -> float:
        margin = find_margin(book, units, half)
        if self.half_price == "marginal_pair" and margin.volume:
            return float(margin.bids.price[margin.bid] + margin.asks.price[margin.ask]) / 2
        return price_at(margin.low, margin.high, 0.5)

    def _left(self, book: OrderBook, owner: IntArray, draws: NDArray[np.uint32]) -> Flags:
        """Return which orders belong to the left half."""
        if self.split is None:
            return np.asarray(draws[owner, 0] < 2**31)
        left = np.zeros(len(book), dtype=np.bool_)
        beyond = [place for place in self.split if place >= len(book)]
        if beyond:
            raise ValueError(f"split: given order {beyond[0]}; allowed 0 to {len(book) - 1}, the places of the book")
        left[list(self.split)] = True
        parted = np.flatnonzero(np.isin(owner, owner[left]) & ~left)
        if parted.size:
            name = "" if book.agent is None else f" {book.agent[parted[0]]}"
            raise ValueError(
                f"split: agent{name} has orders in both halves; put its order {parted[0]} into the left too"
            )
        return left


@lru_cache(maxsize=8)
def _draws(seed: int, traders: int) -> NDArray[np.uint32]:
    """Return random words of each trader: of the toss, of its turn, and to tell equal turns apart."""
    from gridagora.sim.streams import Streams

    return read_only(Streams(seed).words("muda", "", traders))


def _by_lottery(
    units: IntArray, book: OrderBook, orders: IntArray, owner: IntArray, draws: NDArray[np.uint32], volume: int
) -> IntArray:
    """Return the awards of orders whose traders come in random order, each with its best order first."""
    best_first = -book.side[orders] * book.price[orders]
    turn = np.lexsort((-units, best_first, owner, draws[owner, 2], draws[owner, 1]))
    before = np.cumsum(units[turn]) - units[turn]
    award = np.zeros(len(units), dtype=np.int64)
    award[turn] = np.clip(volume - before, 0, units[turn])
    return award


def _by_gain(
    gain: FloatArray, units: IntArray, owner: IntArray, traders: int, volume: int, exponent: int
) -> tuple[IntArray, FloatArray]:
    """Return the awards of the orders that gain most, and the fee of each [currency/kWh]."""
    level, place = np.unique(-gain, return_inverse=True)
    offered = np.zeros(len(level), dtype=np.int64)
    np.add.at(offered, place, units)
    before = np.cumsum(offered) - offered
    share = np.clip((volume - before) / offered, 0.0, 1.0)
    award = np.where(share[place] == 1.0, units, np.rint(share[place] * units).astype(np.int64))
    served = np.zeros(traders, dtype=np.int64)
    np.add.at(served, owner, award)
    pushed_out = best_use(gain, units - award, owner, served, exponent)
    energy = np.ldexp(np.maximum(served, 1).astype(np.float64), -exponent)
    return award, (pushed_out / energy)[owner]
