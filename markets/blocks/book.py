"""Orders of many periods and areas at once: simple steps, blocks, and lines between areas (C0, C7.1, C7.2).

Orders are values. What cannot be traded under any price is refused by name, never clamped.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from gridagora.markets.orders import FloatArray, IntArray, OrderBook, read_only

Side = Literal["buy", "sell"]


@dataclass(frozen=True, slots=True)
class Block:
    """An order that is accepted as a whole, over all of its periods, or not at all (C7.1).

    Parameters
    ----------
    name : str
        Its name in the book.
    side : str
        "buy" or "sell".
    price : float
        Limit of its average price. [currency/kWh]
    periods : sequence of int
        Settlement periods, counted from 0, in any order.
    quantity_kwh : float or sequence of float
        Energy in each of the periods, above 0; one number counts for every period. [kWh]
    minimum_acceptance : float
        Least share of the energy that may be accepted, the same in all periods; 1 takes all or nothing. [1]
    parent : str, optional
        Block without which this one is not accepted. The gains of a block may pay for its parent's loss, not the
        other way round.
    group : str, optional
        Exclusive group: at most one of its blocks is accepted.
    flexible : bool
        Accepted in one of its periods at most, whichever raises welfare most (a flexible hourly order).
    area : hashable, optional
        Where it trades; None in a book of a single area.

    Raises
    ------
    ValueError
        If it has no periods, or one is below 0 or stands twice, a number is not finite or out of its range, the
        side is unknown, or it is its own parent.

    Examples
    --------
    >>> Block("night", "sell", 0.05, [0, 1], 10.0).quantity_kwh
    (10.0, 10.0)
    >>> Block("night", "sell", 0.05, [], 10.0)
    Traceback (most recent call last):
    ValueError: block night: it has no periods; must have at least one
    """

    name: str
    side: Side
    price: float
    periods: Sequence[int]
    quantity_kwh: float | Sequence[float]
    minimum_acceptance: float = 1.0
    parent: str | None = None
    group: str | None = None
    flexible: bool = False
    area: Hashable = None

    def __post_init__(self) -> None:
        periods = tuple(int(period) for period in self.periods)
        given = np.asarray(self.quantity_kwh, dtype=np.float64)
        quantity = np.broadcast_to(given, (len(periods),)) if given.ndim == 0 else given
        if problem := self._problem(periods, quantity):
            raise ValueError(f"block {self.name}: {problem}")
        object.__setattr__(self, "periods", periods)
        object.__setattr__(self, "quantity_kwh", tuple(quantity.tolist()))

    def _problem(self, periods: tuple[int, ...], quantity: FloatArray) -> str:
        if self.side not in get_args(Side):
            return f"side {self.side!r}; must be buy or sell"
        if not np.isfinite(self.price):
            return f"price {self.price}; must be finite"
        if not periods:
            return "it has no periods; must have at least one"
        if min(periods) < 0 or len(set(periods)) != len(periods):
            return f"periods {list(periods)}; must be 0 or above and each stand once"
        if quantity.shape != (len(periods),):
            return (
                f"quantity_kwh of shape {quantity.shape}; must be one number, or one for each of {len(periods)} periods"
            )
        bad = ~(np.isfinite(quantity) & (quantity > 0))
        if bad.any():
            return f"quantity_kwh {quantity[bad][0]}; must be finite and above 0 (leave the period out instead)"
        if not 0 < self.minimum_acceptance <= 1:
            return f"minimum_acceptance {self.minimum_acceptance}; must be above 0 and at most 1"
        return "it is its own parent" if self.parent == self.name else ""


@dataclass(frozen=True, slots=True)
class Line:
    """What may flow between two areas in a period, without losses; flow from `start` to `end` is positive.

    Parameters
    ----------
    start, end : hashable
        Areas.
    capacity_kwh : float or sequence of float
        Most energy from start to end in a period; one number counts for every period. [kWh]
    reverse_kwh : float or sequence of float, optional
        Most energy from end to start; `capacity_kwh` if not given. [kWh]

    Raises
    ------
    ValueError
        If it starts where it ends, or a capacity is negative or not finite.
    """

    start: Hashable
    end: Hashable
    capacity_kwh: float | Sequence[float]
    reverse_kwh: float | Sequence[float] | None = None

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise ValueError(f"line {self.start} to {self.end}: must join two areas")
        if self.reverse_kwh is None:
            object.__setattr__(self, "reverse_kwh", self.capacity_kwh)
        for name, given in (("capacity_kwh", self.capacity_kwh), ("reverse_kwh", self.reverse_kwh)):
            value = np.asarray(given, dtype=np.float64)
            if not (np.isfinite(value) & (value >= 0)).all():
                raise ValueError(f"line {self.start} to {self.end}: {name} {given}; must be finite and at least 0")


@dataclass(frozen=True, slots=True, eq=False, init=False)
class BlockBook:
    """All orders of an auction over several periods, and several areas if there are any.

    Parameters
    ----------
    periods : int
        Number of settlement periods, at least 1.
    orders : OrderBook, optional
        Simple orders, each of one period; their column `area` says where.
    period : array_like of int, shape (orders,), optional
        Period of each simple order; may be left out if there is one period only.
    blocks : sequence of Block, optional
        Block, linked, exclusive and flexible orders.
    lines : sequence of Line, optional
        What joins areas. Areas without a line between them trade apart.

    Attributes
    ----------
    areas : tuple
        Names of all areas that orders or lines name, sorted; (None,) if none does.

    Raises
    ------
    ValueError
        If a period lies outside the book, a block's name stands twice, a parent is unknown or links run in a circle,
        a block and one of those it hangs on exclude each other, some orders name an area and some do not, or a
        line's capacity does not have one entry a period.

    Examples
    --------
    >>> orders = OrderBook(["buy", "buy"], [0.3, 0.2], [5.0, 5.0])
    >>> book = BlockBook(2, orders, [0, 1], [Block("night", "sell", 0.25, [0, 1], 5.0)])
    >>> book.areas, len(book)
    ((None,), 3)
    """

    periods: int
    orders: OrderBook
    period: IntArray
    blocks: tuple[Block, ...]
    lines: tuple[Line, ...]
    areas: tuple[Hashable, ...]

    def __init__(
        self,
        periods: int,
        orders: OrderBook | None = None,
        period: ArrayLike | None = None,
        blocks: Iterable[Block] = (),
        lines: Iterable[Line] = (),
    ) -> None:
        orders = OrderBook([], [], []) if orders is None else orders
        given = (
            np.zeros(len(orders)) if period is None and periods == 1 else np.asarray([] if period is None else period)
        )
        values = {"periods": periods, "orders": orders, "blocks": tuple(blocks), "lines": tuple(lines)}
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if periods < 1:
            raise ValueError(f"book: periods {periods}; must be at least 1")
        if given.shape != (len(orders),) or not ((given >= 0) & (given < periods) & (given == np.floor(given))).all():
            raise ValueError(
                f"book: period must give each of {len(orders)} simple orders a whole number below {periods}"
            )
        object.__setattr__(self, "period", read_only(given.astype(np.int64)))
        _refuse_bad_blocks(periods, self.blocks)
        object.__setattr__(self, "areas", self._named_areas())
        for line in self.lines:
            for name, capacity in (("capacity_kwh", line.capacity_kwh), ("reverse_kwh", line.reverse_kwh)):
                shape = np.asarray(capacity, dtype=np.float64).shape
                if shape not in {(), (periods,)}:
                    raise ValueError(
                        f"line {line.start} to {line.end}: {name} of shape {shape}; must be one number, or one "
                        f"for each of {periods} periods"
                    )

    def __len__(self) -> int:
        """Return the number of simple orders and blocks."""
        return len(self.orders) + len(self.blocks)

    def _named_areas(self) -> tuple[Hashable, ...]:
        column = [None] if self.orders.area is None else np.unique(self.orders.area).tolist()
        of_orders = set(column if len(self.orders) else [])
        named = (
            of_orders | {block.area for block in self.blocks} | {end for x in self.lines for end in (x.start, x.end)}
        )
        if None in named and len(named) > 1:
            block = next((f"block {block.name}" for block in self.blocks if block.area is None), "the simple orders")
            raise ValueError(f"book: {block} names no area, others do ({named - {None}}); name all or none")
        return tuple(sorted(named, key=lambda name: (str(type(name)), name))) or (None,)


def _refuse_bad_blocks(periods: int, blocks: tuple[Block, ...]) -> None:
    by_name = {block.name: block for block in blocks}
    seen: set[str] = set()
    for block in blocks:
        if block.name in seen:
            raise ValueError(f"block {block.name}: its name stands twice; each block needs its own")
        seen.add(block.name)
        if max(block.periods) >= periods:
            raise ValueError(f"block {block.name}: period {max(block.periods)}; must be below the book's {periods}")
        if block.parent is not None and block.parent not in by_name:
            raise ValueError(f"block {block.name}: parent {block.parent!r} is not in the book; add it or drop the link")
    for block in blocks:
        above = [block]
        while (parent := above[-1].parent) is not None:
            above.append(by_name[parent])
            if above[-1] in above[:-1]:
                listed = " -> ".join(each.name for each in above)
                raise ValueError(f"block {block.name}: links run in a circle ({listed}); drop one of them")
            if block.group is not None and above[-1].group == block.group:
                raise ValueError(
                    f"block {block.name}: it needs {above[-1].name}, but both stand in group {block.group!r}, which "
                    "accepts one at most, so it can never trade"
                )
