"""Kernels that only read and write arrays of their caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from gridagora.sim.compiled import kernel

F = TypeVar("F", bound=Callable[..., Any])


def uncounted(*, inline: bool = False) -> Callable[[F], F]:
    """Return the decorator for kernels that create no array and return none.

    numba counts references to each array at each call of a function, by atomic operations, and a call copies some
    sixty words of a book. Both together cost more than ten times as much as matching. So these kernels are compiled
    without counting, their caller holds the arrays anyway, and small ones become a part of their caller.

    Parameters
    ----------
    inline : bool
        As of :func:`gridagora.sim.compiled.kernel`, and always a part of the caller.
    """

    def decorate(function: F) -> F:
        compiled: Any = kernel(inline=inline)(function)
        # Where kernels are plain Python there are no options.
        getattr(compiled, "targetoptions", {}).update(_nrt=False, forceinline=inline)
        return compiled  # type: ignore[no-any-return]

    return decorate
