"""Rows that go into and come out of a continuous book: operations, events, resting orders, and their codes.

Prices are ticks of a grid and quantities integers, so matching is exact and a log can be replayed to the last bit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.markets.orders import IntArray

Rows = NDArray[Any]

#: What can be asked of a book, by code.
OPERATIONS = ("submit", "move", "cancel", "resume", "close")
SUBMIT, MOVE, CANCEL, RESUME, CLOSE = range(5)

#: How long an order stays: until the gate closes, not at all, all of it at once or not at all, until its expiry.
LIMITS = ("gtc", "ioc", "fok", "gtd")
GTC, IOC, FOK, GTD = range(4)

#: What the book reports.
EVENTS = ("trade", "rested", "cancelled", "rejected", "halted", "resumed", "closed")
TRADE, RESTED, CANCELLED, REJECTED, HALTED, RESUMED, CLOSED = range(7)

#: Why an order was cancelled or an operation rejected.
REASONS = (
    "", "requested", "moved", "immediate", "not_fillable", "expired", "own_order", "outside_band", "halted", "closed",
    "trade_reset", "no_improvement", "not_one_lot", "unknown_order", "bad_side", "bad_price", "bad_quantity",
    "bad_limit", "bad_operation", "back_in_time",
)  # fmt: skip
(
    NO_REASON, REQUESTED, MOVED, IMMEDIATE, NOT_FILLABLE, EXPIRED, OWN_ORDER, OUTSIDE_BAND, IS_HALTED, IS_CLOSED,
    TRADE_RESET, NO_IMPROVEMENT, NOT_ONE_LOT, UNKNOWN_ORDER, BAD_SIDE, BAD_PRICE, BAD_QUANTITY,
    BAD_LIMIT, BAD_OPERATION, BACK_IN_TIME,
) = range(len(REASONS))  # fmt: skip

#: What happens when an order meets one of its owner's.
SELF_TRADE = ("allow", "cancel_newest", "cancel_oldest", "cancel_both", "skip")
ALLOW, CANCEL_NEWEST, CANCEL_OLDEST, CANCEL_BOTH, SKIP = range(5)

NOBODY = -1
NEVER = np.iinfo(np.int64).max

# Neither row has padding, so equal logs are equal bytes.
OPERATION = np.dtype(
    [
        ("time", "i8"),
        ("quantity", "i8"),
        ("expiry", "i8"),
        ("order", "i4"),
        ("owner", "i4"),
        ("tick", "i4"),
        ("kind", "i2"),
        ("side", "i1"),
        ("limit", "i1"),
    ],
    align=True,
)
EVENT = np.dtype(
    [
        ("quantity", "i8"),
        ("operation", "i4"),
        ("order", "i4"),
        ("other", "i4"),
        ("tick", "i4"),
        ("kind", "i4"),
        ("reason", "i4"),
    ],
    align=True,
)
ORDER = np.dtype(
    [("left", "i8"), ("tick", "i4"), ("owner", "i4"), ("next", "i4"), ("previous", "i4"), ("side", "i4")], align=True
)

#: Places in the column of state.
(
    BEST_BID, BEST_ASK, ORDERS, RESTING, ROWS, OPERATION_NUMBER, NOW, TIMED, IS_OPEN, MAY_TRADE, LOWEST, HIGHEST,
    LAST_REASON, LAST_TRADED, LAST_PARTNER,
) = range(15)  # fmt: skip
#: Places in the column of rules.
SELF_TRADE_RULE, HALT_RULE, IMPROVE_RULE, RESET_RULE, UNIT_RULE, GATE = range(6)


class Columns(NamedTuple):
    """Arrays of one book, passed to kernels as one.

    Attributes
    ----------
    orders : ndarray of ORDER, shape (capacity,)
        One row an order ever submitted; `left` is 0 unless it rests.
    levels : ndarray of int32, shape (ticks, 2)
        First and last order of each tick's queue, -1 if empty.
    bits, starts : ndarray of int64
        Ticks in use as a tree of 32-bit words, and where each storey of the tree starts.
    timed : ndarray of int64, shape (capacity, 2)
        Heap of (expiry, order).
    state, rules : ndarray of int64
        Single numbers; places above.
    events : ndarray of EVENT, shape (capacity,)
        Written from row ``state[ROWS]``.
    """

    orders: Rows
    levels: NDArray[np.int32]
    bits: IntArray
    starts: IntArray
    timed: IntArray
    state: IntArray
    rules: IntArray
    events: Rows


def operations(
    kind: ArrayLike,
    *,
    side: ArrayLike = 0,
    tick: ArrayLike = 0,
    quantity: ArrayLike = 0,
    order: ArrayLike = -1,
    owner: ArrayLike = NOBODY,
    limit: ArrayLike = GTC,
    time: ArrayLike = 0,
    expiry: ArrayLike = NEVER,
) -> Rows:
    """Return operations as rows; a single value holds for all of them.

    Parameters
    ----------
    kind : array_like of int, shape (operations,)
        `SUBMIT`, `MOVE`, `CANCEL`, `RESUME` or `CLOSE`.
    side : array_like of int
        1 buys, -1 sells; for `SUBMIT`.
    tick : array_like of int
        Limit price as a tick; for `RESUME` the lowest tick at which trade is allowed.
    quantity : array_like of int
        Energy, or what is left after a move [energy quanta]; for `RESUME` the highest tick allowed.
    order : array_like of int
        Order to move or to cancel. The n-th `SUBMIT` of a book gets the number n, counted from 0.
    owner : array_like of int
        Who submits; `NOBODY` is never the same owner as anybody.
    limit : array_like of int
        `GTC`, `IOC`, `FOK` or `GTD`.
    time, expiry : array_like of int
        Time of the operation, at least 0 and never falling, and first time at which a `GTD` order is gone. [any unit]

    Returns
    -------
    ndarray of OPERATION, shape (operations,)
    """
    given = {
        "kind": kind, "side": side, "tick": tick, "quantity": quantity, "order": order, "owner": owner,
        "limit": limit, "time": time, "expiry": expiry,
    }  # fmt: skip
    rows = np.zeros(np.broadcast_shapes(*(np.shape(column) for column in given.values())) or (1,), OPERATION)
    for name, column in given.items():
        rows[name] = column
    return rows
