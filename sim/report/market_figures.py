"""Figures of single auctions and of mechanisms side by side, from books and clearings of :mod:`gridagora.markets`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gridagora.sim.report.figures import BLUE, GREY, ORANGE, RED, TablesLike, axes_of, styled
from gridagora.sim.report.labels import currency as currency_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["area_prices", "mechanism_comparison", "supply_and_demand"]


class BookLike(Protocol):
    """Columns of an order book, such as :class:`gridagora.markets.orders.OrderBook`."""

    @property
    def is_buy(self) -> NDArray[np.bool_]:
        """True for each buy order, shape (orders,)."""

    @property
    def price(self) -> NDArray[np.float64]:
        """Limit prices, shape (orders,) [currency/kWh]."""

    @property
    def quantity(self) -> NDArray[np.float64]:
        """Energies, shape (orders,) [kWh]."""


@styled
def supply_and_demand(
    book: BookLike, clearing: Any = None, ax: Axes | None = None, *, currency: str = "currency"
) -> Axes:
    """Draw the demand and supply of a book, what was accepted of each step, and the price in its interval.

    Parameters
    ----------
    book : OrderBook
        The orders.
    clearing : Clearing, optional
        Its outcome; accepted steps are filled.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    currency : str
        Name of the currency on the axis.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = axes_of(ax)
    for is_buy, colour, label in ((True, BLUE, "demand (bids)"), (False, RED, "supply (offers)")):
        chosen = np.flatnonzero((book.is_buy == is_buy) & (book.quantity > 0))
        order = chosen[np.argsort(-book.price[chosen] if is_buy else book.price[chosen], kind="stable")]
        right = np.cumsum(book.quantity[order])
        price = book.price[order]
        if not order.size:
            continue
        ax.step(np.append(0.0, right), np.append(price, price[-1]), where="post", color=colour, label=label)
        if clearing is not None:
            left = right - book.quantity[order]
            taken = clearing.accepted[order]
            filled = f"accepted {'bids' if is_buy else 'offers'}"
            ax.bar(left, price, taken, align="edge", color=colour, alpha=0.22, linewidth=0, label=filled)
    if clearing is not None:
        _price(ax, clearing)
    ax.set(xlabel="energy [kWh]", ylabel=f"price [{currency}/kWh]", xlim=(0, None))
    ax.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.18))
    return ax


def _price(ax: Axes, clearing: Any) -> None:
    low, high = (float(end) for end in clearing.price_interval)
    if np.isfinite([low, high]).all():
        bounds = sorted((low, high))  # best bid and best ask, where nothing traded, stand the other way round
        ax.axhspan(*bounds, color=ORANGE, alpha=0.45, linewidth=3, label=f"price interval {low:g} to {high:g}")
    if np.isfinite(clearing.price):
        ax.axhline(clearing.price, color="black", linestyle="--", linewidth=1.1, label=f"price {clearing.price:g}")
        return
    traded = clearing.accepted > 0
    if traded.any():
        shown = clearing.unit_price[traded]
        ax.axhspan(shown.min(), shown.max(), color=GREY, alpha=0.3, label=f"paid {shown.min():g} to {shown.max():g}")


@styled
def area_prices(tables: TablesLike, ax: Axes | None = None) -> Axes:
    """Draw the mean day-ahead price of each area of a run on a grid, and the range that it moved in.

    Parameters
    ----------
    tables : mapping
        Tables of a run; `areas` must be among them. Of more than 24 areas every so many are shown, by price.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    KeyError
        If the run had no grid.
    """
    if "areas" not in tables:
        raise KeyError("this run has no table 'areas': its network is a copperplate, or its pool has one area")
    price = tables["areas"].groupby("area", sort=False)["price"].agg(["mean", "min", "max"]).sort_values("mean")
    price = price.iloc[np.linspace(0, len(price) - 1, min(24, len(price))).round().astype(int)]
    ax = axes_of(ax)
    place = np.arange(len(price))
    ax.vlines(place, price["min"], price["max"], color=GREY, linewidth=5, alpha=0.6, label="lowest to highest")
    ax.plot(place, price["mean"], "o", color=BLUE, label="mean of all periods")
    ax.set_xticks(place, list(price.index), rotation=90 if len(price) > 12 else 0)
    ax.set(xlabel="area of the grid", ylabel=f"day-ahead price [{currency_of(tables)}/kWh]")
    ax.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, 1.16))
    return ax


@styled
def mechanism_comparison(table: pd.DataFrame, measures: dict[str, str]) -> Figure:
    """Draw measures of mechanisms (rows) under bidding strategies (columns), one panel a measure.

    Parameters
    ----------
    table : DataFrame
        Columns `mechanism`, `strategy` and one column a measure.
    measures : dict
        Column of each panel and its axis label with unit.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    mechanisms = list(dict.fromkeys(table["mechanism"]))
    strategies = list(dict.fromkeys(table["strategy"]))
    marks = "os^Dv<>P"
    figure, axes = plt.subplots(
        1, len(measures), figsize=(3.1 * len(measures), 0.9 + 0.34 * len(mechanisms)), sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    colours = (BLUE, ORANGE, "#009E73", RED, "#CC79A7", "#56B4E9", GREY, "black")
    for ax, (column, label) in zip(axes[0], measures.items(), strict=True):
        for index, strategy in enumerate(strategies):
            rows = table[table["strategy"] == strategy].set_index("mechanism").reindex(mechanisms)
            place = np.arange(len(mechanisms)) + (index - (len(strategies) - 1) / 2) * 0.15
            ax.plot(rows[column], place, marks[index % 8], color=colours[index % 8], label=strategy, markersize=5)
        ax.set_xlabel(label)
    axes[0, 0].set_yticks(np.arange(len(mechanisms)), mechanisms)
    axes[0, 0].invert_yaxis()
    figure.legend(*axes[0, 0].get_legend_handles_labels(), ncols=len(strategies), loc="outside lower center")
    return figure
