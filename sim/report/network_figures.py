"""Figures of a network's prices: a map of areas and lines, and what each price is made of.

They take plain columns, such as those of :class:`gridagora.markets.network.Network` and of its prices.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.sim.report.figures import BLUE, DARK, GREEN, ORANGE, RED, axes_of, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["layout", "price_map", "price_parts"]

FULL = 0.999  # of a limit, from which a line is drawn as full
NAMED = 40  # most areas that are named on a map


class NetworkLike(Protocol):
    """Areas and lines, such as :class:`gridagora.markets.network.Network`."""

    @property
    def areas(self) -> tuple[Hashable, ...]:
        """Names of the areas."""

    @property
    def line_from(self) -> NDArray[np.int64]:
        """First area of each line, shape (lines,)."""

    @property
    def line_to(self) -> NDArray[np.int64]:
        """Second area of each line, shape (lines,)."""

    @property
    def slack(self) -> int:
        """Area where a tree begins."""

    @property
    def position(self) -> NDArray[np.float64] | None:
        """Places of the areas, shape (areas, 2)."""


class PricesLike(Protocol):
    """Prices by area with their parts, such as `AreaPrices` of :mod:`gridagora.markets.network.prices`."""

    @property
    def price(self) -> NDArray[np.float64]:
        """Price, shape (areas,) [currency/kWh]."""

    @property
    def energy(self) -> NDArray[np.float64]:
        """Price at the slack area, shape (areas,) [currency/kWh]."""

    @property
    def congestion(self) -> NDArray[np.float64]:
        """Part by limits of lines, shape (areas,) [currency/kWh]."""

    @property
    def voltage(self) -> NDArray[np.float64]:
        """Part by limits of voltages, shape (areas,) [currency/kWh]."""


def layout(network: NetworkLike, own: bool = True) -> NDArray[np.float64]:
    """Return places for a drawing: the network's own, or a tree from its slack, or springs; the same every time.

    Parameters
    ----------
    network : Network
        Areas and lines.
    own : bool
        Whether the network's own places are taken where it has them.

    Returns
    -------
    ndarray, shape (areas, 2)
    """
    if own and network.position is not None:
        return network.position
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(range(len(network.areas)))
    graph.add_edges_from(zip(network.line_from.tolist(), network.line_to.tolist(), strict=True))
    places = _tree(graph, network.slack) if nx.is_tree(graph) else nx.kamada_kawai_layout(graph)
    return np.array([places[area] for area in range(len(network.areas))])


def _tree(graph: Any, root: int) -> dict[int, tuple[float, float]]:
    """Return places of a tree: lines away from the root go to the right, every end has a row of its own."""
    places: dict[int, tuple[float, float]] = {}
    next_row = 0.0

    def place(node: int, before: int, depth: int) -> float:
        nonlocal next_row
        rows = [place(after, node, depth + 1) for after in sorted(graph[node]) if after != before]
        row = (rows[0] + rows[-1]) / 2 if rows else next_row
        next_row += 0.0 if rows else 1.0
        places[node] = (float(depth), -row)
        return row

    place(root, -1, 0)
    return places


@styled
def price_map(
    network: NetworkLike,
    price: ArrayLike,
    flow_kwh: ArrayLike | None = None,
    limit_kwh: ArrayLike | None = None,
    ax: Axes | None = None,
    *,
    position: ArrayLike | None = None,
    unit: str = "currency/kWh",
) -> Axes:
    """Draw areas in the colour of their price, and lines as wide as their flow, those at their limit in red.

    Parameters
    ----------
    network : Network
        Areas and lines.
    price : array_like, shape (areas,)
        Areas without a price are left white.
    flow_kwh, limit_kwh : array_like, shape (lines,), optional
        Flows and limits; without flows all lines are thin, without limits none is full. [kWh]
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    position : array_like, shape (areas, 2), optional
        Places; without them those of :func:`layout`.
    unit : str
        Unit of the price, for the colour bar.

    Returns
    -------
    matplotlib.axes.Axes
    """
    from matplotlib.collections import LineCollection

    ax = axes_of(ax, (6.2, 4.6))
    places = layout(network) if position is None else np.asarray(position, dtype=np.float64)
    ends = np.stack([places[network.line_from], places[network.line_to]], axis=1)
    flow = np.zeros(len(ends)) if flow_kwh is None else np.abs(np.asarray(flow_kwh, dtype=np.float64))
    full = np.zeros(len(ends), dtype=bool)
    if limit_kwh is not None:
        full = flow >= FULL * np.asarray(limit_kwh, dtype=np.float64)
    width = 0.8 + 3.2 * flow / (flow.max(initial=0.0) or 1.0)
    for some, colour, label in ((~full, "#b5b5b5", None), (full, RED, "line at its limit")):
        if some.any():
            lines = LineCollection(list(ends[some]), colors=colour, linewidths=width[some], label=label, zorder=1)
            ax.add_collection(lines)
    values = np.asarray(price, dtype=np.float64)
    known, size = np.isfinite(values), float(np.clip(4000 / max(len(values), 1), 18, 260))
    x, y = places.T
    edge: dict[str, Any] = {"s": size, "edgecolors": DARK, "linewidths": 0.6, "zorder": 3}
    ax.scatter(x[~known], y[~known], c="white", **edge)
    dots = ax.scatter(x[known], y[known], c=values[known], cmap="viridis", **edge)
    bar = ax.figure.colorbar(dots, ax=ax, shrink=0.85)
    bar.set_label(f"price [{unit}]")
    if len(values) <= NAMED:
        above = 0.6 * np.sqrt(size) + 1
        for name, place in zip(network.areas, places, strict=True):
            ax.annotate(str(name), place, (0, above), textcoords="offset points", ha="center", fontsize=8, zorder=4)
    if full.any():
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.02))
    ax.set_axis_off()
    ax.margins(0.08)
    return ax


@styled
def price_parts(
    network: NetworkLike,
    prices: PricesLike,
    areas: Sequence[Hashable] | None = None,
    ax: Axes | None = None,
    *,
    unit: str = "currency/kWh",
) -> Axes:
    """Draw what the price of each area is made of: energy, lines, voltages.

    Parameters
    ----------
    network : Network
        Areas and lines.
    prices : AreaPrices
        Prices with their parts.
    areas : sequence, optional
        Areas to show, by name; without it the 24 of them that the range of prices is spread over.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    unit : str
        Unit of the price.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If an area is not the network's.
    """
    ax = axes_of(ax)
    shown = _shown(network, prices, areas)
    above, below = np.zeros(len(shown)), np.zeros(len(shown))
    place = np.arange(len(shown))
    for part, colour, hatch, label in (
        (prices.energy, BLUE, "", "energy (slack area)"),
        (prices.congestion, ORANGE, "//", "lines"),
        (prices.voltage, GREEN, "\\\\", "voltages"),
    ):
        height = part[shown]
        if not np.abs(height).max(initial=0.0) > 0:
            continue
        bottom = np.where(height >= 0, above, below)
        look: dict[str, Any] = {"color": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0.4}
        ax.bar(place, height, 0.7, bottom=bottom, label=label, **look)
        above, below = above + np.maximum(height, 0.0), below + np.minimum(height, 0.0)
    dots: dict[str, Any] = {"color": DARK, "markerfacecolor": "white", "markersize": 5, "zorder": 4}
    ax.plot(place, prices.price[shown], "D", label="price", **dots)
    ax.use_sticky_edges = False
    ax.margins(y=0.08)
    ax.axhline(0.0, color=DARK, linewidth=0.8)
    names = [str(network.areas[area]) for area in shown]
    crowded = sum(map(len, names)) > 50
    ax.set_xticks(place, names, rotation=90 if crowded else 0)
    ax.grid(axis="x", visible=False)
    ax.set_xlabel("area")
    ax.set_ylabel(unit)
    ax.legend(loc="upper left", bbox_to_anchor=(0.0, 1.14), ncols=4)
    return ax


def _shown(network: NetworkLike, prices: PricesLike, areas: Sequence[Hashable] | None) -> list[int]:
    if areas is not None:
        for area in areas:
            if area not in network.areas:
                raise ValueError(f"price parts: area {area!r} is not one of the network's {len(network.areas)}")
        return [network.areas.index(area) for area in areas]
    known = np.flatnonzero(np.isfinite(prices.price))
    if len(known) <= 24:
        return [int(area) for area in known]
    ranked = known[np.argsort(prices.price[known], kind="stable")]
    spread: list[int] = ranked[np.linspace(0, len(ranked) - 1, 24).round().astype(int)].tolist()
    return spread
