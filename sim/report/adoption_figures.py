"""Figures of what spreads in a run, from its table `adoption` alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridagora.sim.report.figures import BLUE, DARK, GREEN, ORANGE, RED, TablesLike, axes_of, styled
from gridagora.sim.report.labels import currency, plain

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["adoption_curves", "adoption_worth"]

#: Colour and line of each technology.
LOOKS = {
    "pv": (ORANGE, "-"),
    "storage": (BLUE, "--"),
    "vehicle": (GREEN, "-."),
    "heat_pump": (RED, ":"),
}


@styled
def adoption_curves(tables: TablesLike) -> Figure:
    """Draw the share of members that have each technology, one panel a population, Bass's closed form beside it.

    Parameters
    ----------
    tables : mapping
        Tables of a run, `adoption` among them.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    KeyError
        If nothing could spread in the run.
    """
    import matplotlib.pyplot as plt

    rows = _rows(tables)
    names = list(dict.fromkeys(rows["population"]))
    size = (6.2, 1.0 + 2.6 * len(names))
    figure, axes = plt.subplots(len(names), 1, figsize=size, squeeze=False, sharex=True, layout="constrained")
    for name, ax in zip(names, axes[:, 0], strict=True):
        for technology, part in rows[rows["population"] == name].groupby("technology", sort=False):
            colour, line = LOOKS[str(technology)]
            label = plain(technology)
            ax.plot(_years(part), 100 * part["share"], color=colour, linestyle=line, label=label)
            if part["bass_share"].notna().any():
                every = slice(None, None, max(1, len(part) // 20))
                dots = {"linestyle": "", "marker": "o", "markersize": 3, "markerfacecolor": "none"}
                exact = 100 * part["bass_share"].iloc[every]
                ax.plot(_years(part).iloc[every], exact, color=DARK, label=f"{label}: Bass, closed form", **dots)
        ax.set(ylabel="members with it [%]", ylim=(0, None), title=name if len(names) > 1 else "")
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.01), ncols=3, borderaxespad=0)
    axes[-1, 0].set(xlabel="time since the start [a]", xlim=(0, None))
    return figure


@styled
def adoption_worth(tables: TablesLike, ax: Axes | None = None) -> Axes:
    """Draw the mean net present value [currency] of each technology for who could have it and does not.

    Parameters
    ----------
    tables : mapping
        Tables of a run, `adoption` among them.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    KeyError
        If nothing could spread in the run.
    """
    rows = _rows(tables)
    ax = axes_of(ax)
    several = len(set(rows["population"])) > 1
    for place, (key, part) in enumerate(rows.groupby(["population", "technology"], sort=False)):
        population, technology = (str(name) for name in key)
        colour, line = LOOKS[technology]
        label = plain(technology) + (f" ({population})" if several else "")
        mark = "os^Dv<>P"[place % 8] if several else None
        ax.plot(_years(part), part["mean_npv"], color=colour, linestyle=line, marker=mark, markevery=12, label=label)
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set(xlabel="time since the start [a]", ylabel=f"mean net present value [{currency(tables)}]", xlim=(0, None))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.01), ncols=3, borderaxespad=0)
    return ax


def _rows(tables: TablesLike) -> pd.DataFrame:
    if "adoption" not in tables:
        raise KeyError("this run has no table 'adoption': its scenario has no section adoption")
    return tables["adoption"]


def _years(rows: pd.DataFrame) -> pd.Series[float]:
    """Return the end of each row's month [a since the start of the first year]."""
    first = int(rows["year"].iloc[0])
    time: pd.Series[float] = rows["year"] - first + rows["month"] / np.float64(12)
    return time
