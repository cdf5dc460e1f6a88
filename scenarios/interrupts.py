"""Ctrl-C in a run: it waits for a moment at which nothing can break."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_back() -> Iterator[list[int]]:
    """Hold the first Ctrl-C back for a moment between two kernels.

    Within its calls numba may crash on one; within an import it is lost or leaves half a module behind. A second one
    is not held back. Other threads and callers with a handler of their own keep what they have.
    """
    held: list[int] = []

    def hold(number: int, _frame: object) -> None:
        if held:
            raise KeyboardInterrupt
        held.append(number)

    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield held
        return
    signal.signal(signal.SIGINT, hold)
    try:
        yield held
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if held:
        raise KeyboardInterrupt
