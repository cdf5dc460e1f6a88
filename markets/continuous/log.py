"""The log of a continuous market: every operation and every event in order, and its replay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridagora.markets.continuous.columns import EVENTS, OPERATIONS, REASONS, SUBMIT, TRADE, Rows
from gridagora.markets.continuous.engine import Engine
from gridagora.markets.continuous.rules import BookRules
from gridagora.markets.orders import BUY, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class MarketLog:
    """What was asked of a book and what it did; enough to do it again.

    Attributes
    ----------
    price : ndarray, shape (ticks,)
        Price of each tick. [currency/kWh]
    rules : BookRules
        Rules of the book.
    operations : ndarray of OPERATION, shape (operations,)
        What was asked, in order.
    events : ndarray of EVENT, shape (events,)
        What happened. An event's place is its sequence number; `operation` is the place of its cause.
    """

    price: FloatArray
    rules: BookRules
    operations: Rows
    events: Rows

    def trades(self) -> pd.DataFrame:
        """Return one row a trade.

        Returns
        -------
        DataFrame
            buyer, seller : owners; quantity [energy quanta]; price, that of the resting order [currency/kWh];
            seq, the sequence number; buy_order, sell_order; time.
        """
        import pandas as pd

        seq = np.flatnonzero(self.events["kind"] == TRADE)
        rows = self.events[seq]
        submitted = self.operations[self.operations["kind"] == SUBMIT]
        buys = submitted["side"][rows["order"]] == BUY
        buy_order = np.where(buys, rows["order"], rows["other"])
        sell_order = np.where(buys, rows["other"], rows["order"])
        return pd.DataFrame(
            {
                "buyer": submitted["owner"][buy_order],
                "seller": submitted["owner"][sell_order],
                "quantity": rows["quantity"],
                "price": self.price[rows["tick"]],
                "seq": seq,
                "buy_order": buy_order,
                "sell_order": sell_order,
                "time": self.operations["time"][rows["operation"]],
            }
        )

    def replay(self) -> MarketLog:
        """Return the log of an empty book that does the same operations; it is equal bit by bit.

        Raises
        ------
        ValueError
            If an event differs: the log was changed, or comes from another version of the program.
        """
        engine = Engine(len(self.price), self.rules)
        engine.run(self.operations.copy())
        events = engine.events()
        if not same(events, self.events):
            kept = min(len(events), len(self.events))
            differs = np.append(events[:kept] != self.events[:kept], True)
            raise ValueError(
                f"replay differs from event {int(np.argmax(differs))} on: the log was changed, or another version of "
                "the program wrote it"
            )
        return MarketLog(self.price, self.rules, self.operations, events)

    def frame(self) -> pd.DataFrame:
        """Return all events in words.

        Returns
        -------
        DataFrame
            Index seq; time; operation, its name; event; reason; order; other, the resting order of a trade; price
            [currency/kWh], nan where none; quantity [energy quanta].
        """
        import pandas as pd

        rows = self.events
        cause = self.operations[rows["operation"]]
        ticks = len(self.price)
        priced = (rows["tick"] >= 0) & (rows["tick"] < ticks)
        return pd.DataFrame(
            {
                "time": cause["time"],
                "operation": _named(OPERATIONS, cause["kind"]),
                "event": _named(EVENTS, rows["kind"]),
                "reason": _named(REASONS, rows["reason"]),
                "order": rows["order"],
                "other": rows["other"],
                "price": np.where(priced, self.price[np.where(priced, rows["tick"], 0)], np.nan),
                "quantity": rows["quantity"],
            },
            index=pd.RangeIndex(len(rows), name="seq"),
        )


def same(first: Rows, second: Rows) -> bool:
    """Return whether two columns of events are equal, value by value."""
    return len(first) == len(second) and bool((first == second).all())


def _named(names: tuple[str, ...], code: IntArray) -> list[str]:
    return [names[i] if 0 <= i < len(names) else str(i) for i in code.tolist()]
