"""Figures of continuous markets, from plain columns: the order book in depth, and prices over the trades."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from gridagora.sim.report.figures import BLUE, DARK, GREY, ORANGE, RED, axes_of, legend_above, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@styled
def order_book_depth(
    bid_price: ArrayLike,
    bid_quantity: ArrayLike,
    ask_price: ArrayLike,
    ask_quantity: ArrayLike,
    currency: str = "currency",
    quantity_unit: str = "kWh",
    ax: Axes | None = None,
) -> Axes:
    """Draw what can be bought and sold at each price or better, with best bid and ask.

    Parameters
    ----------
    bid_price, ask_price : array_like, shape (levels of the side,)
        Prices, the best first. [currency/kWh]
    bid_quantity, ask_quantity : array_like, shape (levels of the side,)
        Quantity at each. [quantity_unit]
    currency, quantity_unit : str
        Names for the axes.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If both sides are empty.
    """
    sides = [
        (np.asarray(bid_price, dtype=float), np.asarray(bid_quantity, dtype=float), BLUE, "", "bids"),
        (np.asarray(ask_price, dtype=float), np.asarray(ask_quantity, dtype=float), RED, "//", "asks"),
    ]
    if not any(len(price) for price, *_ in sides):
        raise ValueError("depth: both sides are empty; draw it while orders rest")
    ax = axes_of(ax)
    best = [float(price[0]) for price, *_ in sides if len(price)]
    every = np.concatenate([price for price, *_ in sides])
    beyond = 0.05 * float(np.ptp(every)) or 0.01
    for price, quantity, colour, hatch, name in sides:
        if len(price):
            total = np.concatenate([[0.0], np.cumsum(quantity)])
            steps = np.append(price, every.min() - beyond if name == "bids" else every.max() + beyond)
            label = f"{name}, best {price[0]:.6g}"
            ax.fill_between(steps, total, step="pre", color=colour, alpha=0.25, hatch=hatch, linewidth=0)
            ax.step(steps, total, where="pre", color=colour, linewidth=1.6, label=label)
    if len(best) == 2:
        spread = f"spread {best[1] - best[0]:.3g}"
        ax.axvspan(*best, facecolor=GREY, alpha=0.3, linewidth=0, label=spread)
    ax.set(
        xlabel=f"price [{currency}/kWh]", ylabel=f"quantity at this price or better [{quantity_unit}]", ylim=(0, None)
    )
    legend_above(ax, 3)
    return ax


@styled
def price_convergence(
    price: ArrayLike,
    equilibrium: float,
    period: ArrayLike | None = None,
    currency: str = "currency",
    ax: Axes | None = None,
) -> Axes:
    """Draw trade prices in their order against the equilibrium price, with Smith's alpha of each period.

    Parameters
    ----------
    price : array_like, shape (trades,)
        Prices. [currency/kWh]
    equilibrium : float
        Equilibrium price, above 0. [currency/kWh]
    period : array_like, shape (trades,), optional
        Trading period of each trade, ascending; one period by default.
    currency : str
        Name for the axis.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there is no trade, or the equilibrium price is not above 0.
    """
    from matplotlib.ticker import MaxNLocator

    paid = np.asarray(price, dtype=float)
    if len(paid) == 0 or not equilibrium > 0:
        raise ValueError(
            f"convergence: {len(paid)} trades, equilibrium {equilibrium}; need a trade and a price above 0"
        )
    periods = np.zeros(len(paid), dtype=int) if period is None else np.asarray(period)
    ax = axes_of(ax)
    number = np.arange(1, len(paid) + 1)
    ax.axhline(equilibrium, color="black", linestyle="--", linewidth=1.1, label=f"equilibrium {equilibrium:.6g}")
    spread = 0.0
    for i, each in enumerate(np.unique(periods)):
        own = periods == each
        alpha = 100 * np.sqrt(np.mean((paid[own] - equilibrium) ** 2)) / equilibrium
        spread = equilibrium * alpha / 100
        ends = (number[own][0] - 0.5, number[own][-1] + 0.5)
        ax.fill_between(
            ends, equilibrium - spread, equilibrium + spread, color=ORANGE, alpha=0.3, linewidth=0,
            label="" if i else "rms distance, Smith's alpha above",
        )  # fmt: skip
        ax.plot(
            number[own], paid[own], color=BLUE, marker="o", markersize=3.5, linewidth=1, label="" if i else "trades"
        )
        ax.annotate(
            f"{alpha:.1f} %", (np.mean(ends), 1.0), xycoords=("data", "axes fraction"), ha="center", va="top",
            fontsize=9, color=DARK,
        )  # fmt: skip
        if i:
            ax.axvline(ends[0], color=GREY, linewidth=0.8)
    low, high = ax.get_ylim()
    ax.set(
        xlabel="trade, in order of time" + ("" if period is None else "; lines part the periods"),
        ylabel=f"price [{currency}/kWh]", xlim=(0.5, len(paid) + 0.5), ylim=(low, high + 0.12 * (high - low)),
    )  # fmt: skip
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_above(ax, 3)
    return ax
