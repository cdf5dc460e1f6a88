"""Auction mechanisms by name, and the one function that clears a book with any of them."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any, ClassVar, Protocol

from pydantic import ValidationError

from gridagora.markets.mechanisms.blocks import Blocks
from gridagora.markets.mechanisms.continuous import ContinuousAuction
from gridagora.markets.mechanisms.mcafee import McAfee
from gridagora.markets.mechanisms.muda import Muda
from gridagora.markets.mechanisms.pay_as_bid import PayAsBid
from gridagora.markets.mechanisms.properties import Budget, StrategyProof
from gridagora.markets.mechanisms.trade_reduction import TradeReduction
from gridagora.markets.mechanisms.uniform_price import UniformPrice
from gridagora.markets.mechanisms.vcg import Vcg
from gridagora.markets.mechanisms.vickrey_reverse import VickreyReverse
from gridagora.markets.orders import Clearing, OrderBook
from gridagora.sim.plugin import resolve, unknown


class Mechanism(Protocol):
    """A frozen set of options with one pure method; called once per auction.

    What a class declares of itself is tested by :class:`gridagora.scenarios.mechanism_contract.MechanismContract`.
    """

    efficient: ClassVar[bool]
    """Whether awards maximise welfare at the limit prices."""

    individually_rational: ClassVar[bool]
    """Whether no order trades at a price worse than its limit."""

    budget: ClassVar[Budget]
    """Whether the auctioneer is left with nothing (`strong`), at least nothing (`weak`) or a gap (`deficit`)."""

    strategy_proof: ClassVar[StrategyProof]
    """For whom the true limit price is the best report whatever the others do."""

    order_invariant: ClassVar[bool]
    """Whether the places of the orders in the book, and their times, change nothing; if not, the class states its rule
    of chance or time."""

    def clear(self, book: OrderBook) -> Clearing:
        """Return the clearing of `book`; nothing else is read or changed."""


MECHANISMS: dict[str, Callable[..., Mechanism]] = {
    "uniform_price": UniformPrice,
    "pay_as_bid": PayAsBid,
    "vcg": Vcg,
    "vickrey_reverse": VickreyReverse,
    "mcafee": McAfee,
    "trade_reduction": TradeReduction,
    "muda": Muda,
    "continuous": ContinuousAuction,
    "blocks": Blocks,
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
    return rules_of(mechanism, **options).clear(book)


def rules_of(mechanism: str, **options: Any) -> Mechanism:
    """Return a mechanism with its options, checked; for those who clear many books by the same rules.

    Parameters
    ----------
    mechanism, **options
        As for :func:`clear`.

    Returns
    -------
    Mechanism

    Raises
    ------
    ValueError
        If the mechanism, an option or its value is not allowed; the message lists the choices.
    """
    chosen = resolve("mechanism", mechanism, MECHANISMS)
    allowed = signature(chosen).parameters
    for name in options:
        if name not in allowed:
            raise ValueError(unknown(f"option of {mechanism}", name, allowed))
    try:
        return chosen(**options)
    except ValidationError as error:
        listed = (f"{part['loc'][0]}: given {part['input']!r}; {part['msg']}" for part in error.errors())
        raise ValueError(f"{mechanism}: {'; '.join(listed)}") from None
