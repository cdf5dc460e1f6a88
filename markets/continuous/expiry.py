"""Orders that are good till a time: a binary heap of (expiry, order), the earliest first, of equals the oldest.

An order that trades or is cancelled stays in the heap until its time and is passed over then.
"""

from __future__ import annotations

from gridagora.markets.continuous.columns import TIMED, Columns
from gridagora.markets.continuous.uncounted import uncounted
from gridagora.markets.orders import IntArray


@uncounted(inline=True)
def _before(heap: IntArray, a: int, b: int) -> bool:
    return bool(heap[a, 0] < heap[b, 0] or (heap[a, 0] == heap[b, 0] and heap[a, 1] < heap[b, 1]))


@uncounted(inline=True)
def _swap(heap: IntArray, a: int, b: int) -> None:
    for column in range(2):
        heap[a, column], heap[b, column] = heap[b, column], heap[a, column]


@uncounted()
def push(book: Columns, expiry: int, order: int) -> None:
    """Remember when an order expires."""
    heap, at = book.timed, book.state[TIMED]
    heap[at, 0], heap[at, 1] = expiry, order
    book.state[TIMED] += 1
    while at > 0 and _before(heap, at, (at - 1) >> 1):
        _swap(heap, at, (at - 1) >> 1)
        at = (at - 1) >> 1


@uncounted()
def pop(book: Columns) -> int:
    """Take the order that expires first out of the heap."""
    heap, state = book.timed, book.state
    order = heap[0, 1]
    state[TIMED] -= 1
    size, at = state[TIMED], 0
    _swap(heap, 0, size)
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and _before(heap, child + 1, child):
            child += 1
        if not _before(heap, child, at):
            break
        _swap(heap, child, at)
        at = child
    return int(order)
