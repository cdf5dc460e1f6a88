"""Figures of what tariffs do: load and bills of two runs, what customers choose, prices that are set again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gridagora.sim.equity import bill_changes
from gridagora.sim.report.figures import (
    BLUE,
    DARK,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    YELLOW,
    TablesLike,
    axes_of,
    legend_above,
    styled,
)
from gridagora.sim.report.labels import currency, plain

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["bill_change", "load_before_after", "menu_choice", "price_rounds", "price_trials", "tariff_shares"]

COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, GREY)
HATCHES = ("", "//", "\\\\", "xx", "..", "++", "oo", "--")
#: Groups of members by income [quantiles].
QUINTILES = ("lowest fifth", "second", "third", "fourth", "highest fifth")


@styled
def load_before_after(before: TablesLike, after: TablesLike, ax: Axes | None = None) -> Axes:
    """Draw the mean day of two runs, and what the second one uses less and more.

    Parameters
    ----------
    before, after : mapping
        Tables of two runs of the same days and settlement periods.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If settlement periods differ.
    """
    first, second = _mean_day(before), _mean_day(after)
    if first.size != second.size:
        raise ValueError(f"after: given {second.size} settlement periods a day; allowed {first.size}, as before")
    ax = axes_of(ax)
    hours = np.arange(first.size + 1) * 24 / first.size
    old, new = (np.append(load, load[-1]) for load in (first, second))
    ax.fill_between(hours, old, new, where=new < old, step="post", color=GREEN, alpha=0.35, linewidth=0, label="less")
    ax.fill_between(
        *(hours, old, new), where=new > old, step="post", facecolor=ORANGE, alpha=0.45, hatch="//", linewidth=0,
        edgecolor="white", label="more",
    )  # fmt: skip
    ax.step(hours, old, where="post", color=DARK, linewidth=1.2, linestyle="--", label="before")
    ax.step(hours, new, where="post", color=BLUE, linewidth=1.5, label="after")
    ax.set(xlabel="hour of the day, local time", ylabel="mean power consumed [kW]", xlim=(0, 24), ylim=(0, None))
    ax.set_xticks(range(0, 25, 4))
    legend_above(ax, 4)
    return ax


@styled
def bill_change(
    before: TablesLike, after: TablesLike, by: str = "archetype", population: str = "households", ax: Axes | None = None
) -> Axes:
    """Draw how members' bills change from one run to another: percentiles 5, 25, 50, 75 and 95 by group.

    Parameters
    ----------
    before, after : mapping
        Tables of two runs with the same members; `member_bills` must be among them.
    by : str
        ``"archetype"``, ``"income"`` (fifths of the members), ``"offer"`` (that of the second run) or ``"pv"``.
    population : str
        Whose bills.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    KeyError
        If a run lists no bills of such members.
    ValueError
        If `by` is not allowed, or the members differ.
    """
    old, new = _members_of(before, population), _members_of(after, population)
    if old["member"].tolist() != new["member"].tolist():
        raise ValueError(f"after: given {len(new)} members of {population}; allowed the {len(old)} members of before")
    found = bill_changes(old["bill"], new["bill"], _groups(new, by), relative=True)
    names = [name for name in QUINTILES if name in found] if by == "income" else sorted(found)
    ax = axes_of(ax)
    for place, name in enumerate(names):
        group = found[name]
        ax.plot([100 * group.p5, 100 * group.p95], [place] * 2, color=GREY, linewidth=2, zorder=1)
        ax.plot(
            [100 * group.p25, 100 * group.p75], [place] * 2, color=BLUE, linewidth=8, solid_capstyle="butt", zorder=2
        )
        ax.plot(100 * group.p50, place, "o", color="white", markeredgecolor=DARK, markersize=6, zorder=3)
    labels = [f"{name.replace('_', ' ')} ({found[name].members:,})" for name in names]
    ax.axvline(0, color=DARK, linewidth=0.8)
    ax.set_yticks(range(len(names)), labels)
    ax.set(xlabel=f"change of the bill of {population} [%]", ylim=(len(names) - 0.4, -0.6))
    ax.grid(visible=False, axis="y")
    return ax


@styled
def tariff_shares(tables: TablesLike, population: str = "households", ax: Axes | None = None) -> Axes:
    """Draw which share of a population has each offer of its menu, month by month.

    Parameters
    ----------
    tables : mapping
        Tables of a run; `choices` must be among them.
    population : str
        Whose offers.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    KeyError
        If nobody of the population could choose.
    """
    rows = _of(tables, "choices", population, "its members had no choice of tariffs")
    shares = rows.pivot_table(index="month", columns="offer", values="members", sort=False).sort_index()
    shares = 100 * shares.div(shares.sum(axis=1), axis=0)
    month, bottom = shares.index.to_numpy() + 1, np.zeros(len(shares))
    ax = axes_of(ax)
    for place, name in enumerate(shares):
        top = shares[name].to_numpy()
        looks: Any = {"color": COLOURS[place % 8], "hatch": HATCHES[place % 8], "edgecolor": "white"}
        ax.bar(month, top, 0.9, bottom=bottom, linewidth=0.4, label=plain(name), **looks)
        bottom += top
    ax.set(xlabel="month of the run", ylabel=f"share of {population} [%]", ylim=(0, 100))
    _whole_numbers(ax)
    legend_above(ax, 3)
    return ax


@styled
def menu_choice(
    tables: TablesLike, by: str = "archetype", population: str = "households", ax: Axes | None = None
) -> Axes:
    """Draw which offers the members of each group have at the end of a run.

    Parameters
    ----------
    tables : mapping
        Tables of a run; `member_bills` must be among them.
    by : str
        Groups, as in :func:`bill_change`.
    population : str
        Whose offers.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
    """
    rows = _members_of(tables, population)
    groups = np.array(_groups(rows, by))
    names = [name for name in QUINTILES if name in groups] if by == "income" else sorted(set(groups.tolist()))
    offers, left = list(dict.fromkeys(rows["offer"])), np.zeros(len(names))
    ax = axes_of(ax)
    for place, offer in enumerate(offers):
        width = np.array([100 * float((rows["offer"].to_numpy()[groups == name] == offer).mean()) for name in names])
        looks: Any = {"color": COLOURS[place % 8], "hatch": HATCHES[place % 8], "edgecolor": "white"}
        ax.barh(range(len(names)), width, 0.7, left=left, linewidth=0.4, label=plain(offer), **looks)
        left += width
    ax.set_yticks(range(len(names)), [f"{plain(name)} ({int((groups == name).sum()):,})" for name in names])
    ax.set(xlabel=f"share of {population} [%]", xlim=(0, 100), ylim=(len(names) - 0.5, -0.5))
    ax.grid(visible=False, axis="y")
    legend_above(ax, 3)
    return ax


@styled
def price_rounds(tables: TablesLike) -> Figure:
    """Draw charges and prices that are set again round by round, and the energy sold at them.

    Parameters
    ----------
    tables : mapping
        Tables of a run; `tariff_rounds` must be among them.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    KeyError
        If tariffs stayed what they were.
    """
    import matplotlib.pyplot as plt

    if "tariff_rounds" not in tables:
        raise KeyError("this run has no table 'tariff_rounds': its tariffs stayed what they were")
    rows = tables["tariff_rounds"]
    figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(6.2, 5.0), layout="constrained")
    for place, ((part, name, offer), of) in enumerate(rows.groupby(["part", "population", "offer"], sort=False)):
        looks: Any = {"color": COLOURS[place % 8], "linestyle": ("-", "--", "-.", ":")[place % 4]}
        label = f"{part}, {plain(name)}, {plain(offer)}"
        price = np.append(of["old_price"].to_numpy(), of["price"].to_numpy()[-1])
        above.step(np.arange(price.size) + 1, price, where="post", label=label, **looks)
        below.plot(of["round"] + 1.5, of["sold_kwh"], marker="o", markersize=3, **looks)
    above.set(ylabel=f"price [{currency(tables)}/kWh]")
    below.set(xlabel="round", ylabel="energy sold in it [kWh]", ylim=(0, None))
    _whole_numbers(below)
    legend_above(above, 2)
    return figure


@styled
def price_trials(tables: TablesLike, ax: Axes | None = None) -> Axes:
    """Draw the levels that a learning supplier tried one after the other, and the profit a day at each.

    Parameters
    ----------
    tables : mapping
        Tables of a run; `pricing` must be among them.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    KeyError
        If nobody learned to set prices.
    """
    if "pricing" not in tables:
        raise KeyError("this run has no table 'pricing': nobody learned to set prices")
    rows = tables["pricing"]
    ax = axes_of(ax)
    for place, (factor, of) in enumerate(rows.groupby("factor")):
        mark = "os^Dv<>P"[place % 8]
        profit = of["profit"] / of["days"]
        ax.plot(of["step"] + 1, profit, mark, color=COLOURS[place % 8], label=f"{factor:g} of the first price")
    ax.plot(rows["step"] + 1, rows["profit"] / rows["days"], color=GREY, linewidth=0.8, zorder=0)
    ax.set(xlabel="trial", ylabel=f"profit [{currency(tables)}/day]")
    _whole_numbers(ax)
    legend_above(ax, 3)
    return ax


def _whole_numbers(ax: Axes) -> None:
    locator: Any = ax.xaxis.get_major_locator()
    locator.set_params(integer=True)


def _mean_day(tables: TablesLike) -> Any:
    """Return the mean power of each settlement period over the days of a run [kW], shape (periods,)."""
    rows = tables["intervals"]
    weight = rows.get("weight", 1)
    hours = 24 / (int(rows["period"].max()) + 1)
    by_day = (rows["consumption_kwh"] * weight).groupby(rows["period"]).sum().to_numpy() / hours
    days = rows.groupby("day")["weight"].first().sum() if "weight" in rows else rows["day"].nunique()
    return by_day / float(days)


def _of(tables: TablesLike, table: str, population: str, why: str) -> pd.DataFrame:
    rows = tables.get(table)
    if rows is None or not (rows["population"] == population).any():
        raise KeyError(f"this run has no rows of {population} in a table {table!r}: {why}")
    return rows[rows["population"] == population]


def _members_of(tables: TablesLike, population: str) -> pd.DataFrame:
    return _of(tables, "member_bills", population, "no such members, or none of them listed")


def _groups(rows: pd.DataFrame, by: str) -> list[str]:
    """Return the group of each member."""
    if by == "income":
        order = rows["income"].rank(method="first").to_numpy() - 1
        return [QUINTILES[place] for place in (order * 5 // len(rows)).astype(int).tolist()]
    if by == "pv":
        return ["with PV" if owns else "without PV" for owns in rows["pv"]]
    if by not in ("archetype", "offer"):
        raise ValueError(f"by: given {by!r}; allowed archetype, income, offer, pv")
    return [str(value) for value in rows[by]]
