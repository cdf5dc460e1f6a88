"""Continuous double auction of a sealed book: orders arrive one by one and trade by price-time priority (C6)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, InstanceOf

from gridagora.markets.admission import refuse_several_areas
from gridagora.markets.continuous.arrivals import by_time, random_rounds
from gridagora.markets.continuous.columns import NOBODY, SUBMIT, TRADE, Rows, operations
from gridagora.markets.continuous.engine import Engine
from gridagora.markets.continuous.rules import BookRules
from gridagora.markets.mechanisms.properties import Budget, StrategyProof
from gridagora.markets.merit_order import clear_merit_order, fixed_point
from gridagora.markets.network.grid import Network
from gridagora.markets.network.in_turn import trade_in_turn
from gridagora.markets.network.trade_check import TradeCheck
from gridagora.markets.orders import BUY, Clearing, FloatArray, IntArray, OrderBook
from gridagora.sim.plugin import Frozen


class ContinuousAuction(Frozen):
    """The orders of a book arrive one after another; each trades at once with the best resting orders it accepts.

    * Best price first, at one price the first come; the trade price is the resting order's.
    * What does not trade rests until the last order has arrived.
    * Every distinct price of the book is a tick, so nothing is rounded; quantities are counted in about 2^-60 of the
      book's total.
    * There is no single price: `price` is nan, `unit_price` the mean price of each order's trades.

    Trades name buyer and seller by their orders' places in the book; `seq` is the place in the log of events. The
    interval of the clearing is the book's competitive one, for comparison. Outcomes depend on the order of arrival, by
    nature. The auctioneer keeps nothing. Source: model.md C6, P7.
    """

    efficient: ClassVar[bool] = False
    individually_rational: ClassVar[bool] = True
    budget: ClassVar[Budget] = "strong"
    strategy_proof: ClassVar[StrategyProof] = "no"
    order_invariant: ClassVar[bool] = False

    arrival: Literal["given", "random"] = "given"
    """`given`: by time of entry where the book has one, of equal times and else by place in the book. `random`: a
    permutation drawn from the seed, which depends on places in the book."""

    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the random arrival."""

    self_trade: Literal["allow", "cancel_newest", "cancel_oldest", "cancel_both", "skip"] = "allow"
    """What happens when an order meets one of the same agent, see `BookRules`; needs agents in the book."""

    spread_improvement: bool = False
    """Take only orders better than the best resting one of their side (the "NYSE" rule of experiments)."""

    network: InstanceOf[Network] | None = None
    """Areas and lines; before each trade the network says how much of it they still carry (C5.3)."""

    hours: Annotated[float, Field(gt=0)] = 1.0
    """Length of the settlement period [h]; counts on a network alone."""

    line_charge: Annotated[float, Field(ge=0)] = 0.0
    """What an order that meets a resting one pays for each kWh by which the trade raises the flow of a line
    [currency/kWh]; the auctioneer keeps it. Counts on a network alone."""

    def clear(self, book: OrderBook) -> Clearing:
        """Clear the book.

        Parameters
        ----------
        book : OrderBook
            Orders of one area, or of any area of the network; those of quantity 0 do not enter.

        Returns
        -------
        Clearing
            Awards, payments and trades.

        Raises
        ------
        ValueError
            If the orders belong to several areas and there is no network, or own trade is to be prevented in a book
            without agents or on a network.
        """
        import pandas as pd

        if self.network is not None:
            return self._on_network(book, self.network)
        refuse_several_areas(book)
        if self.self_trade != "allow" and book.agent is None:
            raise ValueError(
                f"self_trade {self.self_trade}: the book does not say whose orders are whose; give `agent`"
            )
        units, exponent = fixed_point(book.quantity)
        order = self._arrivals(book)
        order = order[units[order] > 0]
        price, tick = np.unique(book.price, return_inverse=True)
        seq, met = self._trades(book, order, tick[order], units[order], max(1, len(price)))
        first, second = order[met["order"]], order[met["other"]]
        accepted, unit_price = _per_order(units, met["quantity"], (first, second), price[met["tick"]])
        return Clearing.of(
            book,
            np.where(
                (accepted == units) & (units > 0), book.quantity, np.ldexp(accepted.astype(np.float64), -exponent)
            ),
            unit_price,
            price=np.nan,
            price_interval=clear_merit_order(book).price_interval,
            method="exact",
            trades=pd.DataFrame(
                {
                    "buyer": np.where(book.side[first] == BUY, first, second),
                    "seller": np.where(book.side[first] == BUY, second, first),
                    "quantity": np.ldexp(met["quantity"].astype(np.float64), -exponent),
                    "price": price[met["tick"]],
                    "seq": seq,
                }
            ),
        )

    def _on_network(self, book: OrderBook, network: Network) -> Clearing:
        """Clear the book trade by trade, each checked by the network; who comes later pays its charge."""
        import pandas as pd

        if book.area is None or self.self_trade != "allow" or self.spread_improvement:
            raise ValueError(
                "on a network orders need areas, and self_trade and spread_improvement have no effect there; "
                "give the column `area`, leave the two out"
            )
        network.area_index(book.area)
        order = self._arrivals(book)
        deals = trade_in_turn(
            book, order[book.quantity[order] > 0], TradeCheck(network, self.hours, 0.0, self.line_charge)
        )
        accepted, value = np.zeros(len(book)), np.zeros(len(book))
        for deal in deals:
            accepted[[deal.first, deal.second]] += deal.quantity
            value[deal.second] += deal.quantity * deal.price
            value[deal.first] += deal.quantity * (deal.price + book.side[deal.first] * deal.charge)
        unit_price = np.divide(value, accepted, out=np.full(len(book), np.nan), where=accepted > 0)
        swapped = [(d.first, d.second) if book.side[d.first] == BUY else (d.second, d.first) for d in deals]
        return Clearing.of(
            book,
            np.minimum(accepted, book.quantity),
            unit_price,
            price=np.nan,
            price_interval=clear_merit_order(book).price_interval,
            method="exact",
            trades=pd.DataFrame(
                {
                    "buyer": [buyer for buyer, _ in swapped],
                    "seller": [seller for _, seller in swapped],
                    "quantity": [deal.quantity for deal in deals],
                    "price": [deal.price for deal in deals],
                    "seq": np.arange(len(deals)),
                }
            ),
        )

    def _arrivals(self, book: OrderBook) -> IntArray:
        if self.arrival == "random":
            return random_rounds(len(book), 1, self.seed).ravel()
        return by_time(np.zeros(len(book)) if book.time is None else book.time)

    def _trades(
        self, book: OrderBook, order: IntArray, tick: IntArray, units: IntArray, ticks: int
    ) -> tuple[IntArray, Rows]:
        """Return the trade events in which orders have their numbers of arrival, and their places in the log."""
        owner = np.full(len(order), NOBODY)
        if book.agent is not None:
            owner = np.unique(book.agent, return_inverse=True)[1][order]
        rules = BookRules(self_trade=self.self_trade, spread_improvement=self.spread_improvement)
        engine = Engine(ticks, rules)
        engine.run(
            operations(np.full(len(order), SUBMIT), side=book.side[order], tick=tick, quantity=units, owner=owner)
        )
        events = engine.events()
        seq = np.flatnonzero(events["kind"] == TRADE)
        return seq, events[seq]


def _per_order(
    units: IntArray, quantity: IntArray, sides: tuple[IntArray, IntArray], price: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Return award and mean price of each order."""
    accepted, value = np.zeros(len(units), np.int64), np.zeros(len(units))
    low, high = np.full(len(units), np.inf), np.full(len(units), -np.inf)
    for order in sides:
        np.add.at(accepted, order, quantity)
        np.add.at(value, order, quantity * price)
        np.minimum.at(low, order, price)
        np.maximum.at(high, order, price)
    # Rounding must not carry the mean of equal prices past a limit.
    return accepted, np.clip(value / np.maximum(accepted, 1), low, high)
