"""Which orders a market lets in: price bounds, areas, order numbers and gate closure (C0)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.markets.orders import OrderBook


def admit(
    book: OrderBook,
    *,
    floor_per_kwh: float | None = None,
    cap_per_kwh: float | None = None,
    areas: Collection[Any] | None = None,
    ids: ArrayLike | None = None,
    gate: Any = None,
) -> OrderBook:
    """Return the book if all its orders keep the market's rules, and refuse it otherwise.

    Every book refuses missing, infinite and negative numbers by itself; a rule that is not given is not checked.
    An empty book is admitted.

    Parameters
    ----------
    book : OrderBook
        The orders.
    floor_per_kwh, cap_per_kwh : float, optional
        Lowest and highest limit price. [currency/kWh]
    areas : collection, optional
        Areas of the market; every order then needs one of them.
    ids : array_like, shape (orders,), optional
        Order numbers or names, each given once.
    gate : number or datetime64, optional
        Gate closure in the unit of the book's times; an order entered at this moment is in time.

    Raises
    ------
    ValueError
        Naming for each broken rule the first order, what it gave, what is allowed and how many such orders there are.

    Examples
    --------
    >>> admit(OrderBook(["buy", "sell"], [0.2, 3.0], [1, 1]), cap_per_kwh=1.5)
    Traceback (most recent call last):
    ValueError: order 1: price 3.0, must be at most the market's cap 1.5 currency/kWh
    """
    found: list[tuple[str, NDArray[Any], NDArray[np.bool_], str]] = []
    if floor_per_kwh is not None:
        rule = f"must be at least the market's floor {floor_per_kwh} currency/kWh"
        found.append(("price", book.price, book.price < floor_per_kwh, rule))
    if cap_per_kwh is not None:
        rule = f"must be at most the market's cap {cap_per_kwh} currency/kWh"
        found.append(("price", book.price, book.price > cap_per_kwh, rule))
    if areas is not None:
        area = _column(book, "area")
        rule = f"must be one of the market's areas: {', '.join(map(str, areas))}"
        found.append(("area", area, ~np.isin(area, list(areas)), rule))
    if ids is not None:
        number = np.asarray(ids)
        if number.shape != (len(book),):
            raise ValueError(f"ids: given shape {number.shape}; allowed one for each of the {len(book)} orders")
        again = np.ones(len(book), dtype=np.bool_)
        again[np.unique(number, return_index=True)[1]] = False
        found.append(("id", number, again, "stands for an earlier order already; give every order its own"))
    if gate is not None:
        time = _column(book, "time")
        found.append(("time", time, time > gate, f"is after gate closure at {gate}; enter it for a later period"))
    problems = [_problem(*rule) for rule in found if rule[2].any()]
    if problems:
        raise ValueError("; ".join(problems))
    return book


def _column(book: OrderBook, name: str) -> NDArray[Any]:
    """Return a column that a rule needs."""
    column: NDArray[Any] | None = getattr(book, name)
    if column is None:
        if len(book):
            raise ValueError(
                f"order 0: no {name} given, and the market's rules ask for it; give the book a column {name}"
            )
        return np.zeros(0)
    return column


def _problem(name: str, column: NDArray[Any], bad: NDArray[np.bool_], rule: str) -> str:
    first, count = int(np.argmax(bad)), int(bad.sum())
    more = f" ({count} such orders)" if count > 1 else ""
    return f"order {first}: {name} {column[first]}, {rule}{more}"


def refuse_several_areas(book: OrderBook) -> None:
    """Refuse a book of several areas where nothing says what the lines between them carry.

    Raises
    ------
    ValueError
        Naming two of the areas.
    """
    if book.area is not None and len(book) and np.any(book.area != book.area[0]):
        raise ValueError(
            f"areas {book.area[0]} and {book.area[book.area != book.area[0]][0]} stand in one book, and "
            "nothing says what the lines between them carry; clear one book for each area"
        )
