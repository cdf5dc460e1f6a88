"""What a book does with operations: the kernel behind everything that trades continuously."""

from __future__ import annotations

import numpy as np

from gridagora.markets.continuous.columns import (
    BACK_IN_TIME,
    BAD_LIMIT,
    BAD_OPERATION,
    BAD_PRICE,
    BAD_QUANTITY,
    BAD_SIDE,
    BEST_ASK,
    BEST_BID,
    CANCEL,
    CANCELLED,
    CLOSE,
    CLOSED,
    EXPIRED,
    FOK,
    GATE,
    GTC,
    GTD,
    HALT_RULE,
    HIGHEST,
    IMMEDIATE,
    IMPROVE_RULE,
    IOC,
    IS_CLOSED,
    IS_HALTED,
    IS_OPEN,
    LAST_REASON,
    LAST_TRADED,
    LOWEST,
    MAY_TRADE,
    MOVE,
    MOVED,
    NO_IMPROVEMENT,
    NO_REASON,
    NOT_FILLABLE,
    NOT_ONE_LOT,
    NOW,
    OPERATION_NUMBER,
    ORDERS,
    OUTSIDE_BAND,
    REJECTED,
    REQUESTED,
    RESET_RULE,
    RESTED,
    RESUME,
    RESUMED,
    SUBMIT,
    TIMED,
    TRADE_RESET,
    UNIT_RULE,
    UNKNOWN_ORDER,
    Columns,
    Rows,
)
from gridagora.markets.continuous.expiry import pop, push
from gridagora.markets.continuous.levels import append, used_from
from gridagora.markets.continuous.matching import best_against, fillable, in_band, level_after, match, report, withdraw
from gridagora.markets.continuous.uncounted import uncounted
from gridagora.markets.orders import BUY, SELL, IntArray
from gridagora.sim.compiled import kernel


@uncounted()
def _empty(book: Columns, reason: int) -> None:
    """Cancel all resting orders, from the lowest price up and the oldest first."""
    tick = used_from(book, 0)
    while tick < len(book.levels):
        while book.levels[tick, 0] >= 0:
            withdraw(book, book.levels[tick, 0], reason)
        tick = used_from(book, tick)


@uncounted()
def _close(book: Columns) -> None:
    book.state[IS_OPEN] = 0
    report(book, CLOSED, NO_REASON, -1, -1, -1, 0)
    _empty(book, IS_CLOSED)


@uncounted()
def _expire(book: Columns, now: int) -> None:
    """Cancel the orders whose time has come and that still rest."""
    while book.state[TIMED] > 0 and book.timed[0, 0] <= now:
        order = pop(book)
        if book.orders[order]["left"] > 0:
            withdraw(book, order, EXPIRED)


@uncounted(inline=True)
def _objection(book: Columns, side: int, tick: int, quantity: int) -> int:
    """Return why the state of the market or its rules forbid an order, or `NO_REASON`."""
    state, rules = book.state, book.rules
    if state[MAY_TRADE] == 0:
        return IS_HALTED
    if not 0 <= tick < len(book.levels):
        return BAD_PRICE
    if quantity <= 0:
        return BAD_QUANTITY
    if rules[UNIT_RULE] and quantity != 1:
        return NOT_ONE_LOT
    if not rules[HALT_RULE] and not in_band(book, tick):
        return OUTSIDE_BAND
    if rules[IMPROVE_RULE] and (tick <= state[BEST_BID] if side == BUY else tick >= state[BEST_ASK]):
        return NO_IMPROVEMENT
    return NO_REASON


@uncounted(inline=True)
def _enter(book: Columns, order: int, side: int, tick: int, quantity: int, limit: int) -> None:
    """Match an order and let what is left rest, if it may."""
    left, reason = match(book, order, side, tick, quantity)
    if left > 0:
        if reason == NO_REASON:
            if limit in (IOC, FOK):
                reason = IMMEDIATE
            elif book.rules[RESET_RULE] and left < quantity:
                reason = TRADE_RESET
        if reason == NO_REASON:
            append(book, order, side, tick, left)
            report(book, RESTED, NO_REASON, order, -1, tick, left)
        else:
            report(book, CANCELLED, reason, order, -1, tick, left)
    if book.rules[RESET_RULE] and book.state[LAST_TRADED] > 0:
        _empty(book, TRADE_RESET)


@uncounted(inline=True)
def _admit(book: Columns, order: int, side: int, tick: int, quantity: int, limit: int, expiry: int) -> int:
    """Return why an order may not be submitted, or `NO_REASON`."""
    if side not in (BUY, SELL):
        return BAD_SIDE
    if not GTC <= limit <= GTD or (limit == GTD and expiry <= book.state[NOW]):
        return BAD_LIMIT
    reason = _objection(book, side, tick, quantity)
    if reason == NO_REASON and limit == FOK and not fillable(book, order, side, tick, quantity):
        return NOT_FILLABLE
    return reason


@uncounted()
def _resume(book: Columns, lowest: int, highest: int) -> int:
    """Allow trade from the lowest to the highest tick; return why not, or `NO_REASON`."""
    state = book.state
    if not 0 <= lowest <= highest < len(book.levels):
        return BAD_PRICE
    state[LOWEST], state[HIGHEST], state[MAY_TRADE] = lowest, highest, 1
    report(book, RESUMED, NO_REASON, -1, -1, lowest, highest)
    return NO_REASON


@uncounted(inline=True)
def step(
    book: Columns, time: int, kind: int, order: int, owner: int, side: int, tick: int, quantity: int, limit: int,
    expiry: int,
) -> None:  # fmt: skip
    """Do one operation: first what the clock brings, then what was asked.

    Parameters are those of :func:`gridagora.markets.continuous.columns.operations`; what happened stands in the
    events and in the state.
    """
    state = book.state
    state[LAST_TRADED] = 0
    late = time < state[NOW]
    if not late:
        state[NOW] = time
        if state[TIMED] > 0:
            _expire(book, time)
        if time >= book.rules[GATE] and state[IS_OPEN]:
            _close(book)
    if kind == SUBMIT:
        order = state[ORDERS]
        state[ORDERS] += 1
        book.orders[order]["left"] = 0
        book.orders[order]["owner"] = owner
    known = False
    if kind in (MOVE, CANCEL):
        known = 0 <= order < state[ORDERS] and book.orders[order]["left"] > 0
        if known:
            side, limit = int(book.orders[order]["side"]), GTC
    reason = NO_REASON
    if late or not state[IS_OPEN]:
        reason = BACK_IN_TIME if late else IS_CLOSED
    elif kind == SUBMIT:
        reason = _admit(book, order, side, tick, quantity, limit, expiry)
    elif kind in (MOVE, CANCEL):
        reason = NO_REASON if known else UNKNOWN_ORDER
        if known and kind == MOVE:
            reason = _objection(book, side, tick, quantity)
        if reason == NO_REASON:
            withdraw(book, order, MOVED if kind == MOVE else REQUESTED)
    elif kind == RESUME:
        reason = _resume(book, tick, quantity)
    elif kind == CLOSE:
        _close(book)
    else:
        reason = BAD_OPERATION
    if reason != NO_REASON:
        report(book, REJECTED, reason, order, -1, -1, 0)
    elif kind in (SUBMIT, MOVE):
        _enter(book, order, side, tick, quantity, limit)
        if limit == GTD and book.orders[order]["left"] > 0:
            push(book, expiry, order)
    state[LAST_REASON] = reason
    state[OPERATION_NUMBER] += 1


@uncounted()
def process(book: Columns, rows: Rows, best: IntArray, until_trade: bool) -> int:
    """Do operations one after the other.

    Parameters
    ----------
    book : Columns
        Changed; its orders, timed orders and events must have room.
    rows : ndarray of OPERATION, shape (operations,)
        What to do.
    best : ndarray of int64, shape (operations, 2) or (0, 2)
        Best bid and ask tick after each, -1 and the number of ticks where none; written if it has rows.
    until_trade : bool
        Stop after the first operation that trades.

    Returns
    -------
    int
        Number of operations done.
    """
    state = book.state
    for i in range(len(rows)):
        row = rows[i]
        step(
            book, int(row["time"]), int(row["kind"]), int(row["order"]), int(row["owner"]), int(row["side"]),
            int(row["tick"]), int(row["quantity"]), int(row["limit"]), int(row["expiry"]),
        )  # fmt: skip
        if len(best) > 0:
            best[i, 0], best[i, 1] = state[BEST_BID], state[BEST_ASK]
        if until_trade and state[LAST_TRADED] > 0:
            return i + 1
    return len(rows)


@kernel()
def depth_of(book: Columns, side: int, levels: int) -> tuple[IntArray, IntArray]:
    """Return the best `levels` ticks of one side and the quantity at each, shapes (levels found,)."""
    ticks, quantity = np.zeros(levels, dtype=np.int64), np.zeros(levels, dtype=np.int64)
    tick, found = best_against(book, -side), 0
    while found < levels and 0 <= tick < len(book.levels):
        ticks[found] = tick
        order = book.levels[tick, 0]
        while order >= 0:
            quantity[found] += book.orders[order]["left"]
            order = book.orders[order]["next"]
        tick = level_after(book, -side, tick)
        found += 1
    return ticks[:found], quantity[:found]
