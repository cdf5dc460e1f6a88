"""Price levels: a queue of orders at each tick, and a tree of bits that finds the next tick in use.

A bit of a word stands for a tick, a bit of the storey above for a word, and so on, so the search takes four steps on
a million ticks however sparse the book is. Buyers' and sellers' levels share queues and bits: all bids lie below all
asks.
"""

from __future__ import annotations

from math import frexp

import numpy as np

from gridagora.markets.continuous.columns import BEST_ASK, BEST_BID, RESTING, Columns
from gridagora.markets.continuous.uncounted import uncounted
from gridagora.markets.orders import BUY, IntArray


def storeys(ticks: int) -> IntArray:
    """Return where each storey of the tree over `ticks` ticks starts, and the tree's size, shape (storeys + 1,)."""
    starts, words = [0], ticks
    while words > 1 or len(starts) == 1:
        words = -(-words // 32)
        starts.append(starts[-1] + words)
    return np.array(starts, dtype=np.int64)


@uncounted(inline=True)
def _mark(book: Columns, tick: int) -> None:
    bits, starts = book.bits, book.starts
    for storey in range(len(starts) - 1):
        word = starts[storey] + (tick >> 5)
        before = bits[word]
        bits[word] = before | (1 << (tick & 31))
        if before != 0:
            return
        tick >>= 5


@uncounted(inline=True)
def _unmark(book: Columns, tick: int) -> None:
    bits, starts = book.bits, book.starts
    for storey in range(len(starts) - 1):
        word = starts[storey] + (tick >> 5)
        bits[word] &= ~(1 << (tick & 31))
        if bits[word] != 0:
            return
        tick >>= 5


@uncounted(inline=True)
def used_from(book: Columns, tick: int) -> int:
    """Return the lowest tick in use that is at least `tick`, or the number of ticks."""
    bits, starts = book.bits, book.starts
    for storey in range(len(starts) - 1):
        word = tick >> 5
        if word >= starts[storey + 1] - starts[storey]:
            break
        rest = bits[starts[storey] + word] >> (tick & 31)
        if rest != 0:
            tick += frexp(float(rest & -rest))[1] - 1
            for below in range(storey - 1, -1, -1):
                rest = bits[starts[below] + tick]
                tick = (tick << 5) + frexp(float(rest & -rest))[1] - 1
            return tick
        tick = word + 1
    return len(book.levels)


@uncounted(inline=True)
def used_to(book: Columns, tick: int) -> int:
    """Return the highest tick in use that is at most `tick`, or -1."""
    bits, starts = book.bits, book.starts
    for storey in range(len(starts) - 1):
        if tick < 0:
            break
        word = tick >> 5
        rest = bits[starts[storey] + word] & ((2 << (tick & 31)) - 1)
        if rest != 0:
            tick = (word << 5) + frexp(float(rest))[1] - 1
            for below in range(storey - 1, -1, -1):
                tick = (tick << 5) + frexp(float(bits[starts[below] + tick]))[1] - 1
            return tick
        tick = word - 1
    return -1


@uncounted(inline=True)
def append(book: Columns, order: int, side: int, tick: int, quantity: int) -> None:
    """Put an order at the end of its tick's queue."""
    orders, levels, state = book.orders, book.levels, book.state
    last = levels[tick, 1]
    row = orders[order]
    row["left"] = quantity
    row["tick"] = tick
    row["side"] = side
    row["next"] = -1
    row["previous"] = last
    if last < 0:
        levels[tick, 0] = order
        _mark(book, tick)
        if side == BUY:
            state[BEST_BID] = max(state[BEST_BID], tick)
        else:
            state[BEST_ASK] = min(state[BEST_ASK], tick)
    else:
        orders[last]["next"] = order
    levels[tick, 1] = order
    state[RESTING] += 1


@uncounted(inline=True)
def remove(book: Columns, order: int) -> None:
    """Take a resting order out of its queue, wherever it stands."""
    orders, levels, state = book.orders, book.levels, book.state
    row = orders[order]
    before, after, tick = row["previous"], row["next"], int(row["tick"])
    row["left"] = 0
    if before < 0:
        levels[tick, 0] = after
    else:
        orders[before]["next"] = after
    if after < 0:
        levels[tick, 1] = before
    else:
        orders[after]["previous"] = before
    state[RESTING] -= 1
    if before < 0 and after < 0:
        _unmark(book, tick)
        if tick == state[BEST_BID]:
            state[BEST_BID] = used_to(book, tick)
        elif tick == state[BEST_ASK]:
            state[BEST_ASK] = used_from(book, tick)
