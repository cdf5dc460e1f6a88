"""Auction mechanisms by name, and the one function that clears a book with any of them."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any, Protocol

from pydantic import ValidationError

from gridagora.markets.mechanisms.uniform_price import UniformPrice
from gridagora.markets.orders import Clearing, OrderBook
from gridagora.sim.plugin import resolve, unknown


class Mechanism(Protocol):
    """A frozen set of options with one pure method; called once per auction."""

    def clear(self, book: OrderBook) -> Clearing:
        """Return the clearing of `book`; nothing else is read or changed."""


MECHANISMS: dict[str, Callable[..., Mechanism]] = {
    "uniform_price": UniformPrice,
}


def clear(book: OrderBook, mechanism: str, **options: Any) -> Clearing:
    """Clear a book of orders with a mechanism.

    Parameters
    ----------
    book : OrderBook
        The orders.
    mechanism : str
        A name of `MECHANISMS`; its class states the rules of price, ties and volume.
    **options
        Options of the mechanism, such as ``k=0.5`` or ``method="pyomo"``.

    Returns
    -------
    Clearing
        Awards, payments and prices.

    Raises
    ------
    ValueError
        If the mechanism, an option or its value is not allowed; the message lists the choices.

    Examples
    --------
    >>> book = OrderBook(["buy", "buy", "sell"], price=[0.5, 0.4, 0.3], quantity=[2.0, 2.0, 3.0])
    >>> found = clear(book, "uniform_price")
    >>> found.price, found.accepted.tolist()
    (0.4, [2.0, 1.0, 3.0])
    """
    chosen = resolve("mechanism", mechanism, MECHANISMS)
    allowed = signature(chosen).parameters
    for name in options:
        if name not in allowed:
            raise ValueError(unknown(f"option of {mechanism}", name, allowed))
    try:
        rules = chosen(**options)
    except ValidationError as error:
        listed = (f"{part['loc'][0]}: given {part['input']!r}; {part['msg']}" for part in error.errors())
        raise ValueError(f"{mechanism}: {'; '.join(listed)}") from None
    return rules.clear(book)
