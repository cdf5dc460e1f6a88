"""The matching engine: kernels, room for their arrays, and the record of all operations and events."""

from __future__ import annotations

import numpy as np

from gridagora.markets.continuous.columns import (
    BEST_ASK,
    BEST_BID,
    EVENT,
    GTD,
    HIGHEST,
    IS_OPEN,
    LAST_PARTNER,
    MAY_TRADE,
    OPERATION,
    ORDER,
    ORDERS,
    RESTING,
    ROWS,
    SUBMIT,
    TIMED,
    Columns,
    Rows,
)
from gridagora.markets.continuous.kernels import process
from gridagora.markets.continuous.levels import storeys
from gridagora.markets.continuous.rules import BookRules
from gridagora.markets.orders import IntArray, read_only

_ROOM = 1024
_UNWATCHED = np.empty((0, 2), np.int64)


class Engine:
    """A book of integer prices and quantities, and its record.

    Parameters
    ----------
    ticks : int
        Number of price ticks, at least 1.
    rules : BookRules
        Rules of the market.
    orders : int
        For how many orders there is room at once; more make the room grow.

    Attributes
    ----------
    columns : Columns
        The book's arrays; replaced when they grow.
    """

    def __init__(self, ticks: int, rules: BookRules, orders: int = _ROOM) -> None:
        starts = storeys(ticks)
        self.columns = Columns(
            orders=np.repeat(np.zeros(1, ORDER), orders),
            levels=np.full((ticks, 2), -1, np.int32),
            bits=np.zeros(starts[-1], np.int64),
            starts=starts,
            timed=np.zeros((_ROOM, 2), np.int64),
            state=_start(ticks),
            rules=rules.codes(),
            events=np.empty(_ROOM, EVENT),
        )
        self._asked: list[Rows] = []
        self._happened: list[Rows] = []
        self._single, self._singles = np.zeros(_ROOM, OPERATION), 0

    def do(self, row: tuple[int, ...]) -> None:
        """Do one operation, given as the values of a row of OPERATION."""
        if self._singles == len(self._single):
            self._keep_singles()
        at = self._singles
        self._single[at] = row
        self._singles += 1
        self._make_room(1, 1, 1)
        process(self.columns, self._single[at : at + 1], _UNWATCHED, False)

    def run(self, rows: Rows, until_trade: bool = False) -> int:
        """Do many operations; return how many were done.

        Parameters
        ----------
        rows : ndarray of OPERATION, shape (operations,)
            What to do; those done become a part of the record, and the rows read-only.
        until_trade : bool
            Stop after the first operation that trades.

        Raises
        ------
        ValueError
            If the rows are not of dtype OPERATION or were run before.
        """
        return self._run(rows, _UNWATCHED, until_trade)

    def watch(self, rows: Rows) -> IntArray:
        """Do many operations as :meth:`run`; return best bid and ask tick after each, shape (operations, 2).

        -1 and the number of ticks stand for an empty side.
        """
        best = np.empty((len(rows), 2), np.int64)
        self._run(rows, best, False)
        return best

    def operations(self) -> Rows:
        """Return all operations so far, read-only."""
        return _joined([*self._asked, self._single[: self._singles]])

    def events(self) -> Rows:
        """Return all events so far, read-only."""
        return _joined([*self._happened, self.columns.events[: self.columns.state[ROWS]]])

    def take_events(self) -> Rows:
        """Return the events so far, read-only, and forget them, for runs whose log goes elsewhere part by part."""
        events = self.events()
        self._happened.clear()
        self.columns.state[ROWS] = 0
        return events

    def _run(self, rows: Rows, best: IntArray, until_trade: bool) -> int:
        if rows.dtype != OPERATION or rows.ndim != 1 or not rows.flags.writeable:
            raise ValueError(
                f"operations: given {rows.dtype} of {rows.ndim} dimensions, writeable {rows.flags.writeable}; "
                "make them with operations(...), and a copy() to run them again"
            )
        self._keep_singles()
        submitted = int(np.count_nonzero(rows["kind"] == SUBMIT))
        self._make_room(len(rows), submitted, int(np.count_nonzero(rows["limit"] == GTD)))
        done = int(process(self.columns, rows, best, until_trade))
        self._asked.append(read_only(rows)[:done])
        return done

    def _keep_singles(self) -> None:
        if self._singles:
            self._asked.append(self._single[: self._singles])
            self._single, self._singles = np.zeros(_ROOM, OPERATION), 0

    def _make_room(self, operations: int, orders: int, timed: int) -> None:
        """Grow what the kernels write to, so that they never have to look."""
        columns = self.columns
        state = columns.state
        if state[ORDERS] + orders > len(columns.orders) or state[TIMED] + timed > len(columns.timed):
            self.columns = columns._replace(
                orders=_grown(columns.orders, int(state[ORDERS]) + orders),
                timed=_grown(columns.timed, int(state[TIMED]) + timed),
            )
        # An operation makes at most five events besides those that end a resting order; an order ends once.
        events = 6 * operations + int(state[RESTING]) + 8
        if state[ROWS] + events > len(columns.events):
            self._happened.append(columns.events[: state[ROWS]])
            state[ROWS] = 0
            self.columns = self.columns._replace(events=np.empty(max(2 * events, 32 * _ROOM), EVENT))


def _grown(rows: Rows, needed: int) -> Rows:
    if needed <= len(rows):
        return rows
    grown = np.zeros((max(needed, 2 * len(rows)), *rows.shape[1:]), rows.dtype)
    grown[: len(rows)] = rows
    return grown


def _joined(parts: list[Rows]) -> Rows:
    # Also of one part a copy: what is given out must not change when the engine goes on.
    return read_only(np.concatenate(parts))


def _start(ticks: int) -> IntArray:
    state = np.zeros(LAST_PARTNER + 1, dtype=np.int64)
    state[BEST_BID], state[BEST_ASK], state[HIGHEST] = -1, ticks, ticks - 1
    state[IS_OPEN] = state[MAY_TRADE] = 1
    return state
