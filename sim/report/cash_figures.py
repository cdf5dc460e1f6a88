"""Figures of the cash of a business model: when it is paid back, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gridagora.sim.report.business_rows import (
    CUSTOMER,
    PROVIDER,
    TablesLike,
    booked_cash,
    has_rows,
    one_model,
    rows_of,
)
from gridagora.sim.report.figures import BLUE, DARK, ORANGE, RED, SKY, styled
from gridagora.sim.report.labels import currency, number, plain, tick

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["cumulative_cash", "risk_fan"]

MONTHS_A_YEAR = 12.0
#: Lines of a life in the order of their legend.
LINES = ("agreed", "true", "true, without bills", "booked in the run")


@styled
def cumulative_cash(
    tables: TablesLike, business_model: str | None = None, parties: Sequence[str] = (PROVIDER, CUSTOMER)
) -> Figure:
    """Draw cumulative cash over the life of all signed contracts, break-even, and what was booked in the run.

    Parameters
    ----------
    tables : mapping
        Tables of a run; `business_cash` must be among them.
    business_model : str, optional
        Its name; not needed where the run has one.
    parties : sequence of str
        Roles or parties, one panel each, where they have cash; where none has, all others.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    KeyError
        If the run has no such business model, or nothing was signed.
    """
    import matplotlib.pyplot as plt

    name, cash = one_model(tables, business_model), rows_of(tables, "business_cash", business_model)
    shown = _shown(cash, parties)
    figure, axes = plt.subplots(
        len(shown), 2, figsize=(6.2, 0.9 + 1.9 * len(shown)), sharex="col", squeeze=False, width_ratios=(2.4, 1),
        layout="constrained",
    )  # fmt: skip
    for party, (ax, inset) in zip(shown, axes, strict=True):
        _life(ax, tables, name, cash[cash["party"] == party], party)
        ax.set_title(plain(party), fontsize=9)
        ax.set_ylabel(f"cumulative cash [{currency(tables)}]", fontsize=9)
        years, booked = booked_cash(tables, name, party)
        for each, scale in ((ax, 1.0), (inset, MONTHS_A_YEAR)):
            each.step(years * scale, booked, where="post", color=RED, linewidth=2.2, label="booked in the run")
            _axes_of_cash(each)
        inset.set_title("booked in the run", fontsize=9)
        if marks := [line for line in ax.get_lines() if line.get_marker() == "o"]:
            ax.legend(handles=marks, loc="best", fontsize=8)
    axes[-1, 0].set_xlabel("years since signing; booked: of the run [a]", fontsize=9)
    axes[-1, 1].set_xlabel("time [month]", fontsize=9)
    found = {str(line.get_label()): line for ax in axes[:, 0] for line in ax.get_lines()}
    keys = [label for label in LINES if label in found]
    figure.legend([found[label] for label in keys], keys, loc="outside upper left", ncols=4, columnspacing=1.2)
    return figure


@styled
def risk_fan(
    tables: TablesLike, business_model: str | None = None, parties: Sequence[str] = (PROVIDER, CUSTOMER)
) -> Figure:
    """Draw percentiles of the cumulative cash of one contract, drawn many times, from the table `business_fan`.

    Parameters, result and errors are those of :func:`cumulative_cash`.
    """
    import matplotlib.pyplot as plt

    rows = rows_of(tables, "business_fan", business_model)
    shown = _shown(rows, parties)
    size = (6.2, 0.9 + 1.9 * len(shown))
    figure, axes = plt.subplots(len(shown), 1, figsize=size, sharex=True, squeeze=False, layout="constrained")
    for party, ax in zip(shown, axes[:, 0], strict=True):
        of = rows[rows["party"] == party].sort_values("year")
        ax.fill_between(of["year"], of["p5"], of["p95"], color=SKY, alpha=0.35, linewidth=0, label="5 to 95 %")
        ax.fill_between(of["year"], of["p25"], of["p75"], color=BLUE, alpha=0.45, linewidth=0, label="25 to 75 %")
        ax.plot(of["year"], of["p50"], color="black", linewidth=1.4, label="median")
        told = risk_text(tables, one_model(tables, business_model), party)
        ax.set_title(plain(party) + (f": {told}" if told else ""), fontsize=9)
        ax.set(xlim=(0, None))
        ax.set_ylabel(f"cumulative cash [{currency(tables)}]", fontsize=9)
        _axes_of_cash(ax)
    axes[-1, 0].set_xlabel("years since signing [a]", fontsize=9)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    return figure


def risk_text(tables: TablesLike, business_model: str, party: str) -> str:
    """Return probability of a loss and conditional value at risk of a contract in words; empty where no table tells."""
    if not has_rows(tables, "business_risk", business_model):
        return ""
    rows = rows_of(tables, "business_risk", business_model)
    found = rows[rows["party"] == party]
    if not len(found):
        return ""
    loss, tail = float(found["probability_of_loss"].iloc[0]), float(found["cvar_5"].iloc[0])
    return f"P(NPV < 0) {100 * loss:.3g} %, CVaR 5 % {number(tail)} {currency(tables)}"


def _shown(rows: pd.DataFrame, parties: Sequence[str]) -> list[str]:
    """Return those of some parties that a table knows, or all that it knows."""
    known = [str(party) for party in dict.fromkeys(rows["party"])]
    return [party for party in parties if party in known] or known


def _life(ax: Axes, tables: TablesLike, name: str, cash: pd.DataFrame, party: str) -> None:
    """Draw the cumulative cash of a party over the life of contracts, as agreed and as it truly is."""
    for basis, colour, line in (("agreed", ORANGE, "--"), ("true", BLUE, "-")):
        rows = cash[cash["basis"] == basis].sort_values("year")
        ax.plot(rows["year"], rows["amount"].cumsum(), line, color=colour, label=basis)
        _mark_break_even(ax, tables, name, basis, party, colour)
        if basis == "true" and rows["through_bills"].any():
            posted = (rows["amount"] - rows["through_bills"]).cumsum()
            ax.plot(rows["year"], posted, ":", color=DARK, linewidth=1.2, label="true, without bills")


def _mark_break_even(ax: Axes, tables: TablesLike, name: str, basis: str, party: str, colour: str) -> None:
    """Mark where an outlay at signing is paid back, if it is."""
    if not has_rows(tables, "business_worth", name):
        return
    worth = rows_of(tables, "business_worth", name)
    found = worth.loc[(worth["party"] == party) & (worth["basis"] == basis), "payback_years"]
    if len(found) and np.isfinite(years := float(found.iloc[0])):
        label = f"break-even, {basis}: {years:.3g} a"
        ax.plot(years, 0, "o", color=colour, markeredgecolor="white", markersize=7, zorder=4, label=label)


def _axes_of_cash(ax: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.axhline(0, color=DARK, linewidth=0.8)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.yaxis.set_major_formatter(tick)
    ax.tick_params(labelsize=8)
