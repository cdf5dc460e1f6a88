"""Waterfalls of the money of a business model: by party over the life, by account in the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gridagora.sim.report.business_rows import PROVIDER, TablesLike, one_model, parties_of, rows_of, whole_run
from gridagora.sim.report.figures import DARK, GREEN, GREY, RED, styled
from gridagora.sim.report.labels import currency, plain, tick

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["account_waterfall", "cash_waterfall"]

STEPS = ("at signing", "years of surplus", "years of deficit", "through bills", "net present value")
#: Label, start and growth of one bar of a waterfall.
Step = tuple[str, float, float]


@styled
def cash_waterfall(tables: TablesLike, business_model: str | None = None) -> Figure:
    """Draw how each party comes to its net present value: as agreed, and with the true quantities.

    Parameters
    ----------
    tables : mapping
        Tables of a run; `business_cash` and `business_worth` must be among them.
    business_model : str, optional
        Its name; not needed where the run has one.

    Returns
    -------
    matplotlib.figure.Figure
        One panel a party that has cash: discounted cash over the life of all signed contracts.

    Raises
    ------
    KeyError
        If the run has no such business model, or nothing was signed.
    """
    import matplotlib.pyplot as plt

    cash = rows_of(tables, "business_cash", business_model)
    worth = rows_of(tables, "business_worth", business_model)
    moved = cash.loc[(cash["amount"] != 0) | (cash["through_bills"] != 0), "party"]
    parties = list(dict.fromkeys(moved if len(moved) else cash["party"]))
    lines = -(-len(parties) // 2)
    size = (6.2, 0.75 + 1.55 * lines)
    figure, axes = plt.subplots(
        lines, 2, figsize=size, sharey=True, squeeze=False, gridspec_kw={"wspace": 0.08}, layout="constrained"
    )
    for party, ax in zip(parties, axes.flat, strict=False):
        rate = float(worth.loc[worth["party"] == party, "discount_rate"].iloc[0])
        for shift, basis in ((-0.2, "agreed"), (0.2, "true")):
            rows = cash[(cash["party"] == party) & (cash["basis"] == basis)].sort_values("year")
            _bars(ax, life_steps(rows, rate), shift, 0.36, basis == "agreed")
        ax.set_title(f"{plain(party)}, discounted at {100 * rate:.3g} %", fontsize=9)
        ax.set_yticks(range(len(STEPS)), STEPS, fontsize=9)
        ax.set_ylim(len(STEPS) - 0.4, -0.6)
        _money_axis(ax, 4)
    for ax in axes.flat[len(parties) :]:
        ax.remove()
    figure.supxlabel(f"present value [{currency(tables)}]", fontsize=10)
    figure.legend(handles=_keys(), loc="outside upper left", ncols=5, columnspacing=1.2)
    return figure


@styled
def account_waterfall(tables: TablesLike, business_model: str | None = None, party: str | None = None) -> Figure:
    """Draw what a party received and paid in the run by account, and what is left.

    Parameters
    ----------
    tables : mapping
        Tables of a run; `ledger` is used.
    business_model : str, optional
        Its name; not needed where the run has one.
    party : str, optional
        Name in the ledger; the provider by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    KeyError
        If the run has no such business model, nothing was booked, or nobody is known to be its provider.
    ValueError
        If the party neither paid nor received anything.
    """
    import matplotlib.pyplot as plt

    name = one_model(tables, business_model)
    books = rows_of(tables, "ledger", name)
    party = party or next(iter(parties_of(tables, name, PROVIDER)), None)
    if party is None:
        raise KeyError(f"this run does not tell who the provider of {name} is: give party=")
    steps = account_steps(whole_run(tables, books), party)
    figure, ax = plt.subplots(figsize=(6.2, 0.9 + 0.32 * len(steps)), layout="constrained")
    _bars(ax, steps, 0.0, 0.6, False)
    span = ax.get_xlim()
    for place, (_, start, growth) in enumerate(steps):
        ax.annotate(
            *(f"{growth:+,.0f}" if abs(growth) >= 100 else f"{growth:+,.3g}", (max(start, start + growth), place)),
            xytext=(4, 0), textcoords="offset points", va="center", fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
        )  # fmt: skip
    ax.set_xlim(span[0], span[1] + 0.14 * (span[1] - span[0]))
    ax.set_yticks(range(len(steps)), [label for label, _, _ in steps])
    ax.set(ylim=(len(steps) - 0.4, -0.6))
    ax.set_xlabel(f"booked by {plain(party)} over the run [{currency(tables)}]")
    _money_axis(ax, 6)
    return figure


def life_steps(rows: pd.DataFrame, rate: float) -> list[Step]:
    """Split the present value of a party's cash: what starts and ends each bar of a waterfall [currency].

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns year, amount and through_bills [currency] of one party, by year from 0.
    rate : float
        Discount rate [1/a].
    """
    factor = (1 + rate) ** -rows["year"].to_numpy(dtype=np.float64)
    bills = rows["through_bills"].to_numpy() * factor
    posted = rows["amount"].to_numpy() * factor - bills
    later = posted[1:]
    growths = [float(posted[0]), float(later[later > 0].sum()), float(later[later < 0].sum()), float(bills.sum())]
    starts = np.cumsum([0.0, *growths])
    total = (STEPS[-1], 0.0, float(starts[-1]))
    return [*zip(STEPS[:-1], starts[:-1].tolist(), growths, strict=True), total]


def account_steps(books: pd.DataFrame, party: str) -> list[Step]:
    """Return what a party received and paid by account, the largest first, and the result [currency].

    Parameters
    ----------
    books : pandas.DataFrame
        Rows payer, payee, account, amount [currency].
    party : str
        Its name there.

    Raises
    ------
    ValueError
        If it neither paid nor received anything.
    """
    others = books[books["payer"] != books["payee"]]
    received = others[others["payee"] == party].groupby("account")["amount"].sum().sort_values(ascending=False)
    paid = others[others["payer"] == party].groupby("account")["amount"].sum().sort_values(ascending=False)
    if not len(received) + len(paid):
        named = ", ".join(sorted({*books["payer"], *books["payee"]}))
        raise ValueError(f"party: given {party!r}, which nothing was booked for; allowed: {named}")
    both = set(received.index) & set(paid.index)
    steps: list[Step] = []
    level = 0.0
    for sign, side in ((1.0, received), (-1.0, paid)):
        for account, amount in side.items():
            way = (" (received)" if sign > 0 else " (paid)") if account in both else ""
            steps.append((plain(account) + way, level, sign * float(amount)))
            level += sign * float(amount)
    return [*steps, ("result", 0.0, level)]


def _bars(ax: Axes, steps: Sequence[Step], shift: float, height: float, is_promise: bool) -> None:
    """Draw the bars of a waterfall from top to bottom, joined by thin lines."""
    for place, (_, start, growth) in enumerate(steps):
        colour = DARK if place == len(steps) - 1 else GREEN if growth >= 0 else RED
        looks: Any = {"color": "white", "edgecolor": colour, "hatch": "//////"} if is_promise else {"color": colour}
        ax.barh(place + shift, growth, height, left=start, linewidth=0.8 if growth else 0.0, **looks)
        if place < len(steps) - 1:
            ax.plot([start + growth] * 2, [place + shift, place + 1 + shift], color=GREY, linewidth=0.6)
    ax.axvline(0, color=DARK, linewidth=0.8)
    ax.use_sticky_edges = False  # bars keep a margin
    ax.autoscale_view()
    ax.grid(visible=False, axis="y")


def _keys() -> list[Any]:
    from matplotlib.patches import Patch

    return [
        Patch(facecolor="white", edgecolor=DARK, hatch="//////", label="as agreed"),
        Patch(color=DARK, label="true"),
        Patch(color=GREEN, label="gain"),
        Patch(color=RED, label="loss"),
    ]


def _money_axis(ax: Axes, most: int) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(most - 1))
    ax.xaxis.set_major_formatter(tick)
    ax.tick_params(axis="x", labelsize=8)
