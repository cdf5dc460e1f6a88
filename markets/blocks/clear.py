"""The clearing of a book with blocks under three rules of price (C7.3, P3).

* `uplift`: the awards of highest welfare; prices support all but whole blocks, and blocks that lose are made good by
  all who buy (US style).
* `no_pab`: the best awards for which prices exist that leave no accepted block at a loss (European style). Blocks that
  would gain may be rejected, and are counted.
* `convex_hull`: the awards of highest welfare; prices are those of the relaxation in which blocks may be cut, which
  make the sum of lost opportunities least (for blocks, families and exclusive groups that do not overlap).

Gains of a block may pay for the loss of its parent; a block that nothing hangs on never lives on others.

Prices of `uplift` and `no_pab` are, where several support the awards, those that `k` picks, or the nearest to them that
blocks can bear. A book without blocks is cleared at uniform prices.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Literal, NamedTuple, get_args

import numpy as np

from gridagora.markets.blocks.book import BlockBook
from gridagora.markets.blocks.branch import Branching
from gridagora.markets.blocks.exact import choose_without_losses
from gridagora.markets.blocks.layout import Layout, lay_out
from gridagora.markets.blocks.prices import Face, Supported, nearest_prices, price_face, prices_at, support
from gridagora.markets.blocks.program import Awards, BlockProgram, BoolArray
from gridagora.markets.blocks.result import BlockClearing, settle
from gridagora.markets.merit_order import price_at
from gridagora.markets.orders import FloatArray, InfeasibleMarket

Pricing = Literal["uplift", "no_pab", "convex_hull"]
Search = Literal["branching", "primal_dual"]
Watch = Callable[[str, float], None]


def clear_blocks(
    book: BlockBook,
    pricing: Pricing = "no_pab",
    *,
    k: float = 0.5,
    search: Search = "branching",
    most_nodes: int = 100_000,
    time_limit: float = np.inf,
    gap: float = 1e-9,
    watch: Watch | None = None,
) -> BlockClearing:
    """Clear a book of simple and block orders over periods and areas.

    Parameters
    ----------
    book : BlockBook
        The orders.
    pricing : str
        "no_pab", "uplift" or "convex_hull".
    k : float
        Place of prices in their interval: 0 the sellers' end, 1 the buyers' end. Not used for "convex_hull".
    search : str
        How "no_pab" looks for the best choice of blocks: "branching" (:mod:`gridagora.markets.blocks.branch`), or
        "primal_dual", a single mixed integer program, for books of a few blocks.
    most_nodes : int
        "branching" looks at most at as many nodes. The best choice by then counts, and `bound` says how good it is.
    time_limit : float
        Time after which no more is tried; with "no_pab" the best choice by then counts, without blocks if there is
        none. [s]
    gap : float
        Part of the welfare within which the solver proves a choice optimal. [1]
    watch : callable, optional
        Called with what was just done and the welfare [currency], for a display.

    Returns
    -------
    BlockClearing
        Awards, prices and payments; an empty book gives an empty clearing.

    Raises
    ------
    ValueError
        If an option is not allowed.
    InfeasibleMarket
        If HiGHS does not end at an optimum.
    RuntimeError
        If the solver's prices contradict the awards.

    Examples
    --------
    >>> from gridagora.markets.blocks import Block, BlockBook
    >>> from gridagora.markets.orders import OrderBook
    >>> bids = OrderBook(["buy", "buy"], [0.3, 0.2], [5.0, 5.0])
    >>> found = clear_blocks(BlockBook(2, bids, [0, 1], [Block("night", "sell", 0.24, [0, 1], 5.0)]))
    >>> found.share.tolist(), found.price.ravel().tolist(), round(found.welfare, 9)
    ([1.0], [0.3, 0.2], 0.1)
    """
    for name, value, allowed in (("pricing", pricing, Pricing), ("search", search, Search)):
        if value not in get_args(allowed):
            raise ValueError(f"blocks: unknown {name} {value!r}; choose one of: {', '.join(get_args(allowed))}")
    price_at(0.0, 0.0, k)
    if most_nodes < 1 or not time_limit > 0 or not gap >= 0:
        raise ValueError(
            f"blocks: most_nodes {most_nodes}, time_limit {time_limit}, gap {gap}; must be at least 1, above 0 and at "
            "least 0"
        )
    layout, until = lay_out(book), monotonic() + time_limit
    if pricing != "no_pab":
        found = _best(layout, pricing, k, gap, until)
    elif search == "primal_dual":
        found = _by_program(layout, k, gap, until)
    else:
        found = _by_branching(layout, k, gap, until, most_nodes, watch or _unwatched)
    return settle(
        book,
        layout,
        found.awards,
        found.price,
        (found.face.low, found.face.high),
        bound=max(found.bound, found.awards.welfare) * layout.unit,
        pricing=pricing,
        proven=found.proven,
        cuts=found.cuts,
    )


def _unwatched(_: str, __: float) -> None:
    pass


class _Found(NamedTuple):
    """Awards and prices of a book; `bound` in currency/kWh x unit."""

    awards: Awards
    face: Face
    price: FloatArray
    bound: float
    proven: bool
    cuts: int = 0


def _best(layout: Layout, pricing: Pricing, k: float, gap: float, until: float) -> _Found:
    """Return the awards of highest welfare at prices of "uplift" or "convex_hull"."""
    program = BlockProgram(layout, gap)
    chosen, bound, proven = program.choose(until - monotonic())
    awards = _awarded(program, chosen)
    face = price_face(layout, awards)
    if pricing == "convex_hull" and len(chosen):
        program.relax(np.zeros(len(chosen)), np.ones(len(chosen)))
        price = program.prices()
    else:
        price = nearest_prices(face, prices_at(layout, face, k))
    return _Found(awards, face, price, bound, proven)


def _by_program(layout: Layout, k: float, gap: float, until: float) -> _Found:
    """Return the best awards without losses, from one program."""
    chosen, bound, proven = choose_without_losses(layout, gap, until - monotonic())
    program = BlockProgram(layout, gap)
    found = support(layout, _awarded(program, chosen), k)
    if not isinstance(found, Supported):
        raise RuntimeError(
            f"blocks: no prices suit the program's choice; use search='branching' (lacking {found.sum()})"
        )
    return _Found(*found, bound, proven)


def _by_branching(layout: Layout, k: float, gap: float, until: float, most_nodes: int, watch: Watch) -> _Found:
    """Return the best awards without losses that branching finds, or those without blocks."""
    program = BlockProgram(layout, gap)
    search = Branching(program, k, gap, until, watch)
    search.run(most_nodes)
    found = search.best or support(layout, _awarded(program, np.zeros(len(layout.cost), dtype=bool)), k)
    if not isinstance(found, Supported):
        raise RuntimeError("blocks: no prices support the awards without blocks; report the book")
    return _Found(*found, search.bound, search.finished, search.cuts)


def _awarded(program: BlockProgram, chosen: BoolArray) -> Awards:
    awards = program.award(chosen)
    if awards is None:
        raise InfeasibleMarket("market model 'blocks': HiGHS finds no awards for its own choice; report the book")
    return awards
