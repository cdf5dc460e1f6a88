"""Figures of sweeps: sensitivity indices, paired differences, response surfaces, how means settle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gridagora.sim.report.figures import BLUE, DARK, GREEN, GREY, ORANGE, PURPLE, RED, axes_of, styled
from gridagora.sim.report.labels import tick

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["convergence", "morris", "paired", "response_surface", "sensitivity"]

#: Colour, hatching and words of each index.
INDICES = {
    "ST": (ORANGE, "", "total: with all interactions (ST)"),
    "S1": (BLUE, "//", "first order: alone (S1)"),
    "SRC": (GREEN, "", "regression coefficient (SRC)"),
    "rank": (PURPLE, "\\\\", "rank correlation"),
}
SHARES = {"S1", "ST"}
LINES = ((BLUE, "-"), (ORANGE, "--"), (GREEN, "-."), (RED, ":"), (PURPLE, (0, (5, 1, 1, 1, 1, 1))))


class Indices(Protocol):
    """Sensitivity indices, as `gridagora.sensitivity` returns them."""

    @property
    def confidence(self) -> float:
        """Confidence level of the intervals [1]."""
        ...

    @property
    def indices(self) -> pd.DataFrame:
        """One row an index: kpi, scope, factor, other, index, value, low, high, unit."""
        ...

    @property
    def figures(self) -> pd.DataFrame:
        """One row a key figure: kpi, scope, unit, rows, replications, ..."""
        ...


class Surface(Protocol):
    """A response surface, as `gridagora.response_surface` returns it."""

    @property
    def kpi(self) -> str:
        """Key figure."""
        ...

    @property
    def scope(self) -> str:
        """Of what."""
        ...

    @property
    def unit(self) -> str:
        """Unit of the key figure."""
        ...

    @property
    def x(self) -> Any:
        """First factor: key, low, high, log."""
        ...

    @property
    def y(self) -> Any:
        """Second factor."""
        ...

    @property
    def points(self) -> pd.DataFrame:
        """Rows: x, y, value, left_out."""
        ...

    @property
    def r2(self) -> float:
        """Share of the variance explained [1]."""
        ...

    @property
    def r2_left_out(self) -> float:
        """The same for rows left out [1]."""
        ...

    @property
    def error_left_out(self) -> float:
        """Root mean square error of rows left out [unit]."""
        ...

    def predict(self, x: Any, y: Any) -> Any:
        """Return value, error and scatter."""
        ...


@styled
def sensitivity(found: Indices, kpi: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the indices of each factor as bars with their intervals, the most important factor on top.

    Parameters
    ----------
    found : Sensitivity
        Indices of a sweep, of any design but morris.
    kpi : str, optional
        Key figure; not needed where there is one.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there is no such key figure, or the indices are those of Morris.
    """
    lines = of_kpi(found.indices, kpi)
    drawn = [name for name in INDICES if name in set(lines["index"])]
    if not drawn:
        raise ValueError("these indices are mu_star and sigma; draw them with ga.plot.morris")
    by_index = {name: lines[(lines["index"] == name) & (lines["other"] == "")].set_index("factor") for name in drawn}
    main = by_index[drawn[0]]["value"].abs()
    factors = [str(each) for each in main.reindex(lines[lines["other"] == ""]["factor"].unique()).sort_values().index]
    own = ax is None
    ax = axes_of(ax, (6.2, 1.3 + 0.2 * len(factors) * (len(drawn) + 1)))
    width = 0.8 / len(drawn)
    for number, name in enumerate(drawn):
        colour, hatch, words = INDICES[name]
        rows = by_index[name].reindex(factors)
        places = np.arange(len(factors)) + 0.4 - width * (number + 0.5)
        ax.barh(places, rows["value"], width, color=colour, hatch=hatch, edgecolor="white", label=words)
        spread = [rows["value"] - rows["low"], rows["high"] - rows["value"]]
        ax.errorbar(rows["value"], places, xerr=spread, fmt="none", ecolor="black", elinewidth=1, capsize=3)
    ax.axvline(0, color=DARK, linewidth=0.8)
    ax.set_yticks(range(len(factors)), [_folded(factor) for factor in factors])
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("share of the variance [1]" if set(drawn) <= SHARES else "index [1]")
    ax.set_title(_told(found, lines), fontsize=9, loc="left")
    _legend(ax, own)
    return ax


@styled
def morris(found: Indices, kpi: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the spread of elementary effects against their mean size: which factors matter, and which are not linear.

    Parameters
    ----------
    found : Sensitivity
        Indices of a sweep of design morris.
    kpi, ax
        As in :func:`sensitivity`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there is no such key figure, or the indices are not those of Morris.
    """
    lines = of_kpi(found.indices, kpi)
    if "mu_star" not in set(lines["index"]):
        raise ValueError("these indices are no mu_star and sigma; draw them with ga.plot.sensitivity")
    sizes = lines[lines["index"] == "mu_star"].set_index("factor")
    spreads = lines[lines["index"] == "sigma"].set_index("factor")["value"]
    own = ax is None
    ax = axes_of(ax, (6.2, 4.2))
    unit = sizes["unit"].iloc[0]
    error = [sizes["value"] - sizes["low"], sizes["high"] - sizes["value"]]
    ax.errorbar(sizes["value"], spreads, xerr=error, fmt="o", color=BLUE, ecolor=BLUE, capsize=3, clip_on=False)
    top, widest = float(spreads.max()), 1.15 * float(sizes["high"].max())
    order = sizes["value"].argsort().argsort()  # labels of neighbours stand above and below by turns
    for factor, size, spread, place in zip(sizes.index, sizes["value"], spreads, order, strict=True):
        below = place % 2 and spread > 0.1 * top
        side = "left" if size < 0.3 * widest else "right" if size > 0.7 * widest else "center"
        ax.annotate(
            *(str(factor), (float(size), float(spread))), xytext=(0, -15 if below else 7), textcoords="offset points",
            ha=side, fontsize=8, bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
        )  # fmt: skip
    reach = max(widest, 1.15 * top)
    ax.plot([0, reach], [0, reach], "--", color=GREY, linewidth=1, label="sigma = mu*: not monotone, or interactions")
    ax.set(xlim=(0, widest), ylim=(0, 1.3 * top or 1))
    ax.set_xlabel(f"mean size of the effect over the whole range, mu* [{unit}]")
    ax.set_ylabel(f"spread of the effect, sigma [{unit}]")
    ax.set_title(_told(found, lines), fontsize=9, loc="left")
    _legend(ax, own)
    return ax


@styled
def response_surface(surface: Surface) -> Figure:
    """Draw a response surface with the rows that it was fitted to, and what it says of rows that were left out.

    Parameters
    ----------
    surface : ResponseSurface
        What was fitted.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    figure, (ax, beside) = plt.subplots(1, 2, figsize=(8.4, 3.8), width_ratios=(1.35, 1), layout="constrained")
    points, label = surface.points, f"{surface.kpi} [{surface.unit}]"
    x, y = (_steps(axis) for axis in (surface.x, surface.y))
    height = surface.predict(*np.meshgrid(x, y)).value
    ends = min(height.min(), points["value"].min()), max(height.max(), points["value"].max())
    if ends[1] - ends[0] <= 1e-9 * abs(ends[1]):  # a plain has no levels of its own
        ends = ends[0] - 0.5, ends[1] + 0.5
    levels = MaxNLocator(12).tick_values(*ends)
    filled = ax.contourf(x, y, height, levels, cmap="cividis")
    ax.scatter(
        points["x"], points["y"], c=points["value"], cmap="cividis", vmin=levels[0], vmax=levels[-1], s=34,
        edgecolors="white", linewidths=1, clip_on=False, zorder=3, label="rows of the sweep",
    )  # fmt: skip
    figure.colorbar(filled, ax=ax, label=label, format="%.4g")
    ax.set(xlabel=surface.x.key, ylabel=surface.y.key)
    ax.set_xscale("log" if surface.x.log else "linear")
    ax.set_yscale("log" if surface.y.log else "linear")
    ax.grid(visible=False)
    ax.set_title("surface, and rows of the sweep (circles)", fontsize=9, loc="left")
    beside.plot(points["value"], points["left_out"], "o", color=BLUE, markersize=5)
    beside.axline((points["value"].mean(),) * 2, slope=1, color=GREY, linestyle="--", linewidth=1)
    beside.set(xlabel=f"simulated {label}", ylabel=f"told by all other rows [{surface.unit}]")
    beside.set_title(
        f"R² {surface.r2:.3f}, of rows left out {surface.r2_left_out:.3f}\n"
        f"error of rows left out {surface.error_left_out:.3g} [{surface.unit}]",
        fontsize=9,
        loc="left",
    )
    return figure


@styled
def convergence(table: pd.DataFrame, half_width: float | None = None) -> Figure:
    """Draw how the mean of rows settles with replications: running mean with interval, and half-width.

    Parameters
    ----------
    table : pandas.DataFrame
        As `gridagora.convergence` returns it; the first five rows are in colour.
    half_width : float, optional
        What is enough, drawn as a line [unit].

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6), layout="constrained")
    kpi, unit = table["kpi"].iloc[0], table["unit"].iloc[0]
    for number, (label, rows) in enumerate(table.groupby("row", sort=False)):
        known = number < len(LINES)
        colour, line = LINES[number] if known else (GREY, "-")
        if known:
            left.plot(rows["replications"], rows["mean"], color=colour, linestyle=line, label=rows["label"].iloc[0])
            left.fill_between(rows["replications"], rows["low"], rows["high"], color=colour, alpha=0.15, linewidth=0)
        words = "other rows" if number == len(LINES) else f"_{label}"
        right.plot(rows["replications"], rows["half_width"], color=colour, linestyle=line, label=words)
    if half_width is not None:
        right.axhline(
            half_width, color="black", linewidth=1, linestyle=(0, (1, 1)), label=f"enough: {tick(half_width)}"
        )
    right.set(xscale="log", yscale="log")
    _plain_logarithm(right)
    left.yaxis.set_major_formatter(tick)
    left.set(xlabel="replications [1]", ylabel=f"mean {kpi} [{unit}]", title="running mean and its interval")
    right.set(xlabel="replications [1]", ylabel=f"half-width of the interval [{unit}]", title="half-width")
    for ax in (left, right):
        ax.title.set_fontsize(9)
    if right.get_legend_handles_labels()[0]:
        right.legend(loc="lower left")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8)
    return figure


@styled
def paired(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw paired differences with their intervals; marks are filled where the interval leaves 0 out.

    Parameters
    ----------
    table : pandas.DataFrame
        As `gridagora.paired` returns it.
    ax
        As in :func:`sensitivity`.

    Returns
    -------
    matplotlib.axes.Axes
    """
    own = ax is None
    ax = axes_of(ax, (6.2, 1.5 + 0.3 * len(table)))
    places = np.arange(len(table))
    clear = ((table["low"] > 0) | (table["high"] < 0)).to_numpy()
    spread = np.array([table["difference"] - table["low"], table["high"] - table["difference"]])
    for chosen, fill, words in (
        (clear, BLUE, "interval without 0"),
        (~clear, "white", "0 in the interval, or one pair"),
    ):
        if chosen.any():
            ax.errorbar(
                table["difference"][chosen], places[chosen], xerr=spread[:, chosen], fmt="o", color=BLUE,
                markerfacecolor=fill, capsize=3, label=words,
            )  # fmt: skip
    ax.axvline(0, color=DARK, linewidth=0.8)
    ax.set_yticks(places, table["label"], fontsize=8)
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    for place, share in zip(places, table["variance_removed"], strict=True):
        if np.isfinite(share):
            ax.annotate(*(_percent(share), (1.01, place)), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    ax.annotate(
        "variance\nremoved\nby pairing", (1.01, 1.02), xycoords="axes fraction", va="bottom", fontsize=7, color=DARK
    )
    fewest, most = table["pairs"].min(), table["pairs"].max()
    pairs = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    base = table["baseline"].iloc[0] if len(set(table["baseline_row"])) == 1 else "a row each that is else the same"
    ax.xaxis.set_major_formatter(tick)
    ax.set_xlabel(f"difference of {table['kpi'].iloc[0]} [{table['unit'].iloc[0]}]")
    ax.set_title(f"pairs: {pairs}\nbaseline: {base}", fontsize=9, loc="left")
    _legend(ax, own)
    return ax


def of_kpi(lines: pd.DataFrame, kpi: str | None) -> pd.DataFrame:
    """Return the lines of a key figure, of the only one by default.

    Raises
    ------
    ValueError
        If there is no such key figure, or several and none is named.
    """
    known = list(dict.fromkeys(lines["kpi"]))
    if (kpi is None and len(known) > 1) or (kpi is not None and kpi not in known):
        raise ValueError(f"kpi: given {kpi!r}; allowed: {', '.join(known)}")
    return lines if kpi is None else lines[lines["kpi"] == kpi]


def _legend(ax: Axes, own: bool) -> None:
    """Put the legend below a figure of its own, or below axes that were given."""
    if own:
        ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    else:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2))


def _told(found: Indices, lines: pd.DataFrame) -> str:
    """Say which key figure of how many rows, and what intervals mean."""
    figure = of_kpi(found.figures, str(lines["kpi"].iloc[0])).iloc[0]
    return (
        f"{figure['kpi']} of {figure['scope']}\n{figure['rows']} rows x {figure['replications']} seeds, "
        f"{100 * found.confidence:g} % intervals"
    )


def _folded(factor: str) -> str:
    """Break a long key before its last part."""
    before, dot, last = factor.rpartition(".")
    return f"{before}{dot}\n{last}" if len(factor) > 30 and dot else factor


def _percent(share: float) -> str:
    return "> 99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"


def _steps(axis: Any) -> Any:
    steps = np.geomspace if axis.log else np.linspace
    return np.clip(steps(axis.low, axis.high, 61), axis.low, axis.high)


def _plain_logarithm(ax: Axes) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_formatter(NullFormatter())
        axis.set_major_formatter(tick)
