"""Matching of one incoming order against the book: price first, then time, at the resting order's price."""

from __future__ import annotations

from gridagora.markets.continuous.columns import (
    ALLOW,
    BEST_ASK,
    BEST_BID,
    CANCEL_BOTH,
    CANCEL_NEWEST,
    CANCEL_OLDEST,
    CANCELLED,
    HALT_RULE,
    HALTED,
    HIGHEST,
    IS_HALTED,
    LAST_PARTNER,
    LAST_TRADED,
    LOWEST,
    MAY_TRADE,
    NO_REASON,
    NOBODY,
    OPERATION_NUMBER,
    OUTSIDE_BAND,
    OWN_ORDER,
    ROWS,
    SELF_TRADE_RULE,
    SKIP,
    TRADE,
    Columns,
)
from gridagora.markets.continuous.levels import remove, used_from, used_to
from gridagora.markets.continuous.uncounted import uncounted
from gridagora.markets.orders import BUY


@uncounted(inline=True)
def report(book: Columns, kind: int, reason: int, order: int, other: int, tick: int, quantity: int) -> None:
    """Write the next event."""
    state = book.state
    row = book.events[state[ROWS]]
    row["quantity"] = quantity
    row["operation"] = state[OPERATION_NUMBER]
    row["order"] = order
    row["other"] = other
    row["tick"] = tick
    row["kind"] = kind
    row["reason"] = reason
    state[ROWS] += 1


@uncounted(inline=True)
def withdraw(book: Columns, order: int, reason: int) -> None:
    """Cancel a resting order."""
    row = book.orders[order]
    report(book, CANCELLED, reason, order, -1, row["tick"], row["left"])
    remove(book, order)


@uncounted(inline=True)
def best_against(book: Columns, side: int) -> int:
    """Return the best tick of the other side; beyond the grid where it is empty."""
    return int(book.state[BEST_ASK] if side == BUY else book.state[BEST_BID])


@uncounted(inline=True)
def level_after(book: Columns, side: int, tick: int) -> int:
    """Return the level of the other side that an order of `side` reaches after the one at `tick`."""
    return used_from(book, tick + 1) if side == BUY else used_to(book, tick - 1)


@uncounted(inline=True)
def in_band(book: Columns, tick: int) -> bool:
    """Return whether trade at `tick` is allowed."""
    return bool(book.state[LOWEST] <= tick <= book.state[HIGHEST])


@uncounted(inline=True)
def _trade(book: Columns, order: int, other: int, left: int) -> int:
    """Trade with a resting order at its price; return what is left of the incoming one."""
    row = book.orders[other]
    quantity = min(left, row["left"])
    report(book, TRADE, NO_REASON, order, other, row["tick"], quantity)
    book.state[LAST_TRADED] += quantity
    book.state[LAST_PARTNER] = row["owner"]
    if quantity == row["left"]:
        remove(book, other)
    else:
        row["left"] = row["left"] - quantity
    return int(left - quantity)


@uncounted()
def _pass_own(book: Columns, order: int, side: int, tick: int, left: int) -> int:
    """Match beside the owner's own orders, which keep their places; return what is left."""
    orders, owner = book.orders, book.orders[order]["owner"]
    level = best_against(book, side)
    while left > 0 and side * (level - tick) <= 0 and in_band(book, level):
        other = book.levels[level, 0]
        while other >= 0 and left > 0:
            following = orders[other]["next"]
            if orders[other]["owner"] != owner:
                left = _trade(book, order, other, left)
            other = following
        level = level_after(book, side, level)
    return left


@uncounted(inline=True)
def match(book: Columns, order: int, side: int, tick: int, left: int) -> tuple[int, int]:
    """Trade as long as the best resting price is acceptable.

    Parameters
    ----------
    book : Columns
        The book.
    order, side, tick, left : int
        Incoming order: number, 1 or -1, limit price, quantity above 0.

    Returns
    -------
    left : int
        What did not trade.
    reason : int
        Why the rest may not stay in the book, or `NO_REASON`.
    """
    orders, state, policy = book.orders, book.state, book.rules[SELF_TRADE_RULE]
    owner = orders[order]["owner"]
    while left > 0:
        best = best_against(book, side)
        if side * (best - tick) > 0:
            break
        if not in_band(book, best):
            if book.rules[HALT_RULE] == 0:
                return left, OUTSIDE_BAND
            state[MAY_TRADE] = 0
            report(book, HALTED, OUTSIDE_BAND, order, -1, best, 0)
            return left, IS_HALTED
        other = book.levels[best, 0]
        if policy != ALLOW and owner != NOBODY and orders[other]["owner"] == owner:
            if policy == SKIP:
                left = _pass_own(book, order, side, tick, left)
                return left, OWN_ORDER
            if policy != CANCEL_NEWEST:
                withdraw(book, other, OWN_ORDER)
            if policy != CANCEL_OLDEST:
                return left, OWN_ORDER
        else:
            left = _trade(book, order, other, left)
    return left, NO_REASON


@uncounted()
def fillable(book: Columns, order: int, side: int, tick: int, quantity: int) -> bool:
    """Return whether an order would trade all of its quantity at once, own orders and the band considered."""
    orders, policy = book.orders, book.rules[SELF_TRADE_RULE]
    owner = orders[order]["owner"]
    level = best_against(book, side)
    while side * (level - tick) <= 0 and in_band(book, level):
        other = book.levels[level, 0]
        while other >= 0:
            if policy == ALLOW or owner == NOBODY or orders[other]["owner"] != owner:
                quantity -= orders[other]["left"]
                if quantity <= 0:
                    return True
            elif policy in (CANCEL_NEWEST, CANCEL_BOTH):
                return False
            other = orders[other]["next"]
        level = level_after(book, side, level)
    return False
