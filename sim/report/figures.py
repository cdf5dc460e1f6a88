"""Figures of a run, from its result tables alone.

Each function takes the tables by name (a `Result` or what `read_tables` returns) and gives a matplotlib Axes or
Figure. The colours can be told apart by people who are colour-blind (Okabe & Ito 2008).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from gridagora.sim.report.labels import currency, plain, tick
from gridagora.sim.report.sankey import who_paid_whom

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["auction_curve", "bill_distribution", "day", "load_by_source", "prices", "who_paid_whom"]

TablesLike = Mapping[str, "pd.DataFrame"]
P = ParamSpec("P")
R = TypeVar("R")

BLUE, ORANGE, GREEN, RED, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7"
SKY, YELLOW, GREY, DARK = "#56B4E9", "#F0E442", "#999999", "#4D4D4D"
#: Sources from the bottom of the stack to its top, with colour and hatching.
SOURCES: dict[str, tuple[str, str]] = {
    "nuclear": (PURPLE, ""),
    "lignite": (RED, ""),
    "hard_coal": (DARK, ""),
    "waste": (GREEN, "xx"),
    "biomass": (GREEN, ""),
    "hydro": (BLUE, ""),
    "gas": (ORANGE, ""),
    "oil": (RED, "//"),
    "import": (GREY, ""),
    "wind": (SKY, ""),
    "pv": (YELLOW, ""),
    "storage discharge": (SKY, "\\\\"),
}
SPARE = ((GREY, "xx"), (ORANGE, "xx"), (BLUE, "//"), (GREEN, "//"))
STYLE: Any = {
    "figure.figsize": (6.2, 3.4),
    "font.size": 10,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "gridagora",
}


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Draw in the style of the report without changing the caller's."""

    @wraps(draw)
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        import matplotlib.pyplot as plt  # before the context, which would undo a notebook's choice of window

        with plt.rc_context(STYLE):
            return draw(*args, **kwargs)

    return inner


@styled
def day(tables: TablesLike, day: int = 0) -> Figure:
    """Draw one day: power by source above, prices below.

    Parameters
    ----------
    tables : mapping
        Tables of a run.
    day : int
        Day of the run.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the run has no such day.
    """
    import matplotlib.pyplot as plt

    figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(6.2, 5.6), layout="constrained")
    load_by_source(tables, day, 1, ax=above)
    above.set_xlabel("")
    prices(tables, day, 1, ax=below)
    return figure


@styled
def load_by_source(tables: TablesLike, first_day: int = 0, days: int = 7, ax: Axes | None = None) -> Axes:
    """Draw the power of each source [kW] as stacked areas, and consumption as a line, over all areas.

    Parameters
    ----------
    tables : mapping
        Tables of a run.
    first_day, days : int
        First day, and number of days.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the run has no such day.
    """
    rows = _days(tables, first_day, days)
    ax = axes_of(ax)
    power = _closed(rows.groupby("time").sum(numeric_only=True)) / _hours(tables)
    time = power.index.to_numpy()
    sources = _sources(power)
    order = [s for s in SOURCES if s in sources] + [s for s in sources if s not in SOURCES]
    spare = iter(SPARE * len(order))
    bottom = np.zeros(len(power))
    for name in order:
        top = bottom + sources[name]
        colour, hatch = SOURCES.get(name) or next(spare)
        ax.fill_between(
            *(time, bottom, top), step="post", label=plain(name), facecolor=colour, hatch=hatch,
            edgecolor="white", linewidth=0.3,
        )  # fmt: skip
        bottom = top
    ax.step(time, power["consumption_kwh"], where="post", color="black", linewidth=1.3, label="consumption")
    ax.set(ylabel="power [kW]", ylim=(0, None))
    ax.yaxis.set_major_formatter(tick)
    _time_axis(ax, rows)
    legend_above(ax)
    return ax


@styled
def prices(tables: TablesLike, first_day: int = 0, days: int = 7, ax: Axes | None = None) -> Axes:
    """Draw pool price, auction price within its competitive interval, and the households' retail and feed-in price.

    Over several areas, the price is their mean. Parameters, result and errors are those of `load_by_source`.
    """
    rows = _days(tables, first_day, days)
    ax = axes_of(ax)
    by_time = _closed(rows.groupby("time").mean(numeric_only=True))
    time = by_time.index.to_numpy()
    ax.step(time, by_time["pool_price"], where="post", color=BLUE, linewidth=1.3, label="pool")
    if by_time["auction_price"].notna().any():
        low, high = by_time["auction_price_low"], by_time["auction_price_high"]
        ax.fill_between(time, low, high, step="post", color=ORANGE, alpha=0.45, linewidth=0, label="auction interval")
        ax.step(time, by_time["auction_price"], where="post", color=RED, linewidth=1.3, label="auction")
    levels = _retail_levels(tables)
    for name, level in levels.items():
        line = "--" if name == "retail energy" else ":"
        ax.axhline(level, color=DARK, linewidth=1.1, linestyle=line, label=f"{name} ({level:.3f})")
    # The interval of a thin auction can be very wide: it may leave the frame, which the prices set.
    shown = np.concatenate([by_time["pool_price"], by_time["auction_price"], list(levels.values())])
    low_end, high_end = np.nanmin(shown), np.nanmax(shown)
    margin = 0.06 * (high_end - low_end) or 0.05
    ax.set(ylabel=f"price [{currency(tables)}/kWh]", ylim=(low_end - margin, high_end + margin))
    _time_axis(ax, rows)
    legend_above(ax)
    return ax


def has_trade(tables: TablesLike) -> bool:
    """Return whether a run had an auction with trade, for :func:`auction_curve`."""
    return "auction_curve" in tables and bool(tables["auction_curve"]["clearing_price"].notna().any())


@styled
def auction_curve(tables: TablesLike, ax: Axes | None = None) -> Axes:
    """Draw demand and supply of the auction with the largest volume, with its price and competitive interval.

    Parameters
    ----------
    tables : mapping
        Tables of a run.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    KeyError
        If the run had no auction with trade.
    """
    if not has_trade(tables):
        raise KeyError("this run has no auction to show: its online auction was off, or nothing traded")
    rows = tables["auction_curve"]
    ax = axes_of(ax)
    for side, colour, label in (("buy", BLUE, "demand (bids)"), ("sell", RED, "supply (offers)")):
        orders = rows[rows["side"] == side].sort_values("price", ascending=side == "sell")
        quantity = np.concatenate([[0.0], np.cumsum(orders["quantity_kwh"])])
        price = orders["price"].to_numpy()
        # A step leads to each order's price, runs along its quantity, and the last one ends the curve.
        ax.step(quantity, np.append(price, price[-1:]), where="post", color=colour, linewidth=1.6, label=label)
    first = rows.iloc[0]
    clearing, low, high = (float(first[f"clearing_price{end}"]) for end in ("", "_low", "_high"))
    # The edge keeps an interval of a single price visible.
    ax.axhspan(low, high, color=ORANGE, alpha=0.45, linewidth=3, label=f"competitive interval {low:.3f} to {high:.3f}")
    ax.axhline(clearing, color="black", linestyle="--", linewidth=1.1, label=f"price {clearing:.3f}")
    start = _start_of(tables, int(first["day"]), int(first["period"]))
    ax.set(xlabel=f"energy [kWh], auction for {start}", ylabel=f"price [{currency(tables)}/kWh]", xlim=(0, None))
    legend_above(ax, columns=2)
    return ax


@styled
def bill_distribution(tables: TablesLike) -> Figure:
    """Draw how many members have which bill over the run [currency], one histogram a population.

    Parameters
    ----------
    tables : mapping
        Tables of a run.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    rows = tables["bill_distribution"]
    names = list(dict.fromkeys(rows["population"]))
    figure, axes = plt.subplots(
        len(names), 1, figsize=(6.2, 1.0 + 1.7 * len(names)), squeeze=False, layout="constrained"
    )
    for name, ax in zip(names, axes[:, 0], strict=True):
        bins = rows[rows["population"] == name]
        width = bins["high"] - bins["low"]
        ax.bar(bins["low"], bins["members"], width=width, align="edge", color=BLUE, edgecolor="white", linewidth=0.5)
        ax.set(ylabel="members", title=f"{plain(name)} ({int(bins['members'].sum()):,})")
        ax.title.set_fontsize(10)
        ax.yaxis.get_major_locator().set_params(integer=True, nbins=4)
        ax.xaxis.get_major_locator().set_params(nbins=6)
        ax.xaxis.set_major_formatter(tick)
    axes[-1, 0].set_xlabel(f"bill of the run [{currency(tables)}]")
    return figure


def axes_of(ax: Axes | None, size: tuple[float, float] | None = None) -> Axes:
    """Return the axes that are given, or those of a new figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Where to draw.
    size : (float, float), optional
        Width and height of a new figure [inch]; that of the style by default.
    """
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1] if ax is None else ax


def legend_above(ax: Axes, columns: int = 3) -> None:
    """Put the legend above the axes, from the left."""
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.01), ncols=columns, borderaxespad=0, columnspacing=1.2)


def _days(tables: TablesLike, first_day: int, days: int) -> pd.DataFrame:
    rows = tables["intervals"]
    last = int(rows["day"].max())
    if not 0 <= first_day <= last or days < 1:
        raise ValueError(f"days: given {days} from day {first_day}; allowed: 1 or more from day 0 to {last}")
    found = rows[(rows["day"] >= first_day) & (rows["day"] < first_day + days)]
    if found.empty:
        simulated = ", ".join(map(str, rows["day"].unique().tolist()))
        raise ValueError(f"days: given {days} from day {first_day}, none of them simulated; simulated were {simulated}")
    return found


def _closed(by_time: pd.DataFrame) -> pd.DataFrame:
    """Repeat the last row at the end of its period, so that the last step has its length; leave gaps between days."""
    import pandas as pd

    step = by_time.index[1] - by_time.index[0]
    closed = pd.concat([by_time, by_time.iloc[[-1]].set_axis([by_time.index[-1] + step])])
    return closed.reindex(pd.date_range(closed.index[0], closed.index[-1], freq=step))


def _hours(tables: TablesLike) -> float:
    return 24 / (int(tables["intervals"]["period"].max()) + 1)


def _sources(power: pd.DataFrame) -> dict[str, Any]:
    """Power of every source that ran, by its name in `SOURCES`."""
    columns = [c for c in power if str(c).startswith("generation_")] + ["import_kwh", "storage_discharge_kwh"]
    names = [str(c).removeprefix("generation_").removesuffix("_kwh") for c in columns]
    names[-1] = "storage discharge"
    return {name: power[c].to_numpy() for name, c in zip(names, columns, strict=True) if power[c].any()}


def _retail_levels(tables: TablesLike) -> dict[str, float]:
    """Mean energy price and feed-in price of households [currency/kWh], where their bills have such lines."""
    levels = {}
    if "bills" in tables:
        rows = tables["bills"]
        rows = rows[(rows["population"] == "households") & (rows["unit"] == "kWh")]
        lines = {
            "retail energy": (rows["line"].str.startswith("energy "), 1),
            "feed-in": (rows["line"] == "feed-in", -1),
        }
        for name, (chosen, sign) in lines.items():
            quantity, amount = float(rows["quantity"][chosen].sum()), float(rows["amount"][chosen].sum())
            if quantity > 0:
                levels[name] = sign * amount / quantity
    return levels


def _start_of(tables: TablesLike, day: int, period: int) -> str:
    rows = tables["intervals"]
    time = rows["time"][(rows["day"] == day) & (rows["period"] == period)].iloc[0]
    return f"{time:%Y-%m-%d %H:%M}"


def _time_axis(ax: Axes, rows: pd.DataFrame) -> None:
    import matplotlib.dates

    dates: Any = matplotlib.dates
    step = rows["time"].drop_duplicates().diff().min()
    first, last = rows["time"].min(), rows["time"].max() + step
    ax.set_xlim(first, last)
    days = (last - first).days
    if days <= 1:
        ax.xaxis.set_major_locator(dates.AutoDateLocator(minticks=4, maxticks=7))
        ax.xaxis.set_major_formatter(dates.DateFormatter("%H:%M"))
        ax.set_xlabel(f"{first:%A %d %B %Y}, local time")
    else:
        ax.xaxis.set_major_locator(dates.DayLocator() if days <= 10 else dates.AutoDateLocator(maxticks=8))
        ax.xaxis.set_major_formatter(dates.DateFormatter("%a %d" if days <= 10 else "%d %b"))
        ax.set_xlabel(f"from {first:%d %B %Y}, local time")
