"""What ``gridagora compare`` prints: tables of differences and of what business models are worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gridagora.scenarios.compare import Group, compare, group_folders, pairing, replications, worth_by_party
from gridagora.sim.report.labels import number

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

#: Width of the tables where they do not go to a terminal [characters].
WIDTH = 160


def compare_folders(folders: Sequence[Path], baseline: Path | None) -> tuple[pd.DataFrame, list[Table]]:
    """Compare the runs of some folders.

    Parameters
    ----------
    folders : sequence of Path
        Folders of finished runs; those that differ only in their seeds are the replications of one scenario.
    baseline : Path, optional
        A run of the scenario to compare with; the first folder by default. It counts whether it is among `folders` or
        not.

    Returns
    -------
    DataFrame
        As :func:`gridagora.scenarios.compare.compare` returns it.
    list of rich.table.Table
        The same to print, and the worth of business models where there are any.

    Raises
    ------
    ValueError
        If there is nothing to compare, runs repeat each other, or units differ.
    FileNotFoundError
        If a folder holds no finished run.
    """
    first = folders[0] if baseline is None else baseline
    grouped = group_folders([first, *folders])  # its group comes first
    if len(grouped) < 2:
        given = ", ".join(map(str, folders))
        raise ValueError(
            f"RUN: given {given}: runs of one scenario, with nothing to compare; give runs of two or more scenarios"
        )
    groups = [replications(label, paths) for label, paths in grouped.items()]
    base, *others = groups
    differences = compare({group.label: list(group.runs.values()) for group in groups})
    tables = [_differences(base, group, differences[differences["run"] == group.label]) for group in others]
    worth = worth_by_party(groups)
    return differences, [*tables, *([_worth(worth, base)] if len(worth) else [])]


def show(tables: Sequence[Table]) -> None:
    """Print tables, each as wide as the terminal allows.

    Parameters
    ----------
    tables : sequence of rich.table.Table
        What to print.
    """
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    for table in tables:
        console.print(table)
        console.print()


def _differences(base: Group, group: Group, rows: pd.DataFrame) -> Table:
    title = f"{group.label} against {base.label}: {pairing(base, group)}"
    table = _table(title, ("indicator", "of"), (base.label, group.label, "difference", "95 % interval"))
    table.add_column("unit")
    for row in rows.to_dict("records"):
        has_interval = math.isfinite(row["low"])
        table.add_row(
            *(str(row["kpi"]), str(row["scope"]), number(row["baseline_value"]), number(row["value"])),
            _signed(row["difference"]),
            f"{_signed(row['low'])} to {_signed(row['high'])}" if has_interval else "–",
            str(row["unit"]),
        )
    return table


def _worth(rows: pd.DataFrame, base: Group) -> Table:
    unit = next(iter(base.runs.values())).manifest.get("currency", "currency")
    title = f"Business models: worth by party, NPV in {unit}, with the true quantities where not agreed"
    heads = ("NPV, agreed", "NPV", "IRR", "payback [a]", "least DSCR", "runs")
    table = _table(title, ("business model", "party", "in"), heads)
    for row in rows.to_dict("records"):
        rate = f"{100 * row['irr']:.3g} %" if math.isfinite(row["irr"]) else "–"
        table.add_row(
            *(str(row["business_model"]), str(row["party"]), str(row["run"])),
            *(number(row["npv_agreed"]), number(row["npv"]), rate),
            *(number(row["payback_years"]), number(row["least_coverage"]), str(row["runs"])),
        )
    return table


def _table(title: str, names: Sequence[str], numbers: Sequence[str]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, title=escape(title), title_justify="left")
    for name in names:
        table.add_column(escape(name), overflow="fold")
    for name in numbers:
        table.add_column(escape(name), justify="right", overflow="fold")
    return table


def _signed(value: float) -> str:
    return f"+{number(value)}" if value > 0 else number(value)
