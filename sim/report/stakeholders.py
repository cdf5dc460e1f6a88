"""Who pays whom: payments between stakeholders as a matrix, a heat map and a Sankey diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gridagora.sim.ledger import role_of
from gridagora.sim.report.business_rows import TablesLike, rows_of
from gridagora.sim.report.figures import axes_of, styled
from gridagora.sim.report.labels import currency, number, plain
from gridagora.sim.report.sankey import Svg, sankey

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["stakeholder_flows", "stakeholder_map", "stakeholder_matrix"]

#: Every payment of the run, whatever has caused it.
ALL = "all"


def stakeholder_matrix(tables: TablesLike, business_model: str | None = None) -> pd.DataFrame:
    """Return what each stakeholder paid to each other one.

    Parameters
    ----------
    tables : mapping
        Tables of a run; `stakeholders` must be among them.
    business_model : str, optional
        Its name; not needed where the run has one; ``"all"`` for all payments of the run, those of the markets
        included.

    Returns
    -------
    pandas.DataFrame
        Amounts [currency], one row a payer, one column a payee; rows and columns have the same names, those that move
        most money first; 0 where nothing was paid. ``.to_csv("matrix.csv")`` writes it.

    Raises
    ------
    KeyError
        If the run has no such business model, or it moved no money.
    """
    if business_model == ALL:
        if "stakeholders" not in tables:
            raise KeyError("this run has no table 'stakeholders': its scenario names no business models")
        rows = tables["stakeholders"]
    else:
        rows = rows_of(tables, "stakeholders", business_model)
    named = rows.assign(payer=rows["payer"].map(role_of), payee=rows["payee"].map(role_of))
    matrix = named.pivot_table(index="payer", columns="payee", values="amount", aggfunc="sum", fill_value=0.0)
    moved = matrix.sum(axis=1).add(matrix.sum(axis=0), fill_value=0.0)
    order = moved.sort_values(ascending=False, kind="stable").index
    square = matrix.reindex(index=order, columns=order, fill_value=0.0)
    return square.rename_axis(index="payer", columns="payee")


@styled
def stakeholder_map(tables: TablesLike, business_model: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the matrix of payments as a heat map with its numbers.

    Parameters
    ----------
    tables, business_model
        As in :func:`stakeholder_matrix`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
    """
    matrix = stakeholder_matrix(tables, business_model)
    amounts, names = matrix.to_numpy(), [plain(name) for name in matrix.index]
    # Columns are wide enough for their numbers; the page makes a wide figure smaller as a whole.
    wide = max(len(number(amount)) for amount in amounts.ravel())
    ax = axes_of(ax, (max(6.2, 1.5 + 0.075 * (wide + 1) * len(names)), 1.3 + 0.42 * len(names)))
    # Amounts differ by orders of magnitude: the root keeps the small ones visible.
    shade = np.sqrt(amounts / amounts.max())
    shown: Any = np.where(amounts > 0, shade, np.nan)
    ax.imshow(shown, cmap="Blues", vmin=-0.15, vmax=1.0, aspect="auto")
    for row, column in zip(*np.nonzero(amounts), strict=True):
        light = "white" if shade[row, column] > 0.6 else "black"
        ax.text(column, row, number(amounts[row, column]), ha="center", va="center", color=light, fontsize=8)
    ax.set_xticks(range(len(names)), names, rotation=35, ha="left", rotation_mode="anchor")
    ax.set_yticks(range(len(names)), names)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.set(xlabel=f"receives [{currency(tables)}]", ylabel="pays")
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.set_xticks(np.arange(0.5, len(names) - 1), minor=True)
    ax.set_yticks(np.arange(0.5, len(names) - 1), minor=True)
    ax.grid(which="minor", color="#dddddd", linewidth=0.6)
    ax.tick_params(which="minor", length=0)
    ax.spines[:].set_visible(False)
    return ax


def stakeholder_flows(tables: TablesLike, business_model: str | None = None) -> Svg:
    """Draw the payments between stakeholders: payers on the left, receivers on the right.

    Parameters
    ----------
    tables, business_model
        As in :func:`stakeholder_matrix`.

    Returns
    -------
    Svg
        Text of an SVG picture; widths are proportional to amounts.
    """
    matrix = stakeholder_matrix(tables, business_model)
    flows = [(str(a), str(b), float(matrix.loc[a, b])) for a in matrix.index for b in matrix.columns]
    return sankey([flow for flow in flows if flow[2] > 0], currency(tables))
