"""The command ``gridagora sensitivity``: indices of a sweep as tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from gridagora.scenarios.sensitivity import Sensitivity


def sensitivity(
    sweep: Annotated[Path, typer.Argument(metavar="SWEEP_DIR", help="Folder of a sweep.")],
    kpi: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Key figure; may be repeated [all that vary].")
    ] = None,
    scope: Annotated[str, typer.Option(help="system, or the name of a population or party.")] = "system",
    out: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Write the indices as CSV too.")] = None,
) -> None:
    """Show which factors of a sweep its key figures depend on.

    Sobol or Morris indices by the design of the sweep, regression for others, with 95 % intervals.

    Example: gridagora sensitivity results/mine --kpi peak_load
    """
    from gridagora.scenarios import sensitivity as analysis
    from gridagora.scenarios.compare_text import show

    try:
        if out is not None and out.exists():
            raise FileExistsError(f"--out: {out} exists; choose another name or remove it")
        found = analysis.sensitivity(sweep, kpi, scope)
        if out is not None:
            found.indices.to_csv(out, index=False)
    except (ValueError, OSError, ImportError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    for title, table in tables(found):
        typer.echo(title)
        show([table])
    for note in found.notes:
        typer.echo(f"note: {note}")
    if out is not None:
        typer.echo(f"Indices: {out}")


def tables(found: Sensitivity) -> Iterator[tuple[str, Table]]:
    """Yield title and table of each key figure: a line a factor; then one for pairs of factors."""
    from rich.markup import escape
    from rich.table import Table

    for figure in found.figures.to_dict("records"):
        lines = found.indices[found.indices["kpi"] == figure["kpi"]]
        order = [str(factor) for factor in found.table(str(figure["kpi"])).index]
        names = list(dict.fromkeys(lines.loc[lines["other"] == "", "index"]))
        table = Table("factor", box=None)
        for name in names:
            unit = lines.loc[lines["index"] == name, "unit"].iloc[0]
            table.add_column(escape(name if unit == "1" else f"{name} [{unit}]"), justify="right")
        for factor in order:
            table.add_row(factor, *(_cell(lines, factor, "", name) for name in names))
        yield _title(found, figure), table
        pairs = lines[lines["other"] != ""]
        if len(pairs):
            second = Table("factors together", box=None)
            second.add_column("S2", justify="right")
            for first, other in pairs[["factor", "other"]].itertuples(index=False):
                second.add_row(f"{first} x {other}", _cell(lines, first, other, "S2"))
            yield f"{figure['kpi']}: two factors together, beyond what each does alone", second


def _title(found: Sensitivity, figure: dict[object, object]) -> str:
    from gridagora.sim.report.labels import number

    share, r2 = float(str(figure["noise_share"])), float(str(figure["r2"]))
    mean, spread = number(float(str(figure["mean"]))), number(float(str(figure["sd"])))
    title = (
        f"{figure['kpi']} of {figure['scope']}, {found.method}: {mean} ± {spread} {figure['unit']} over "
        f"{figure['rows']} rows x {figure['replications']} seeds"
    )
    if math.isfinite(share):
        title += f"; {100 * share:.2g} % of the variance from seeds"
    return title + (f"; R2 {r2:.3f}" if math.isfinite(r2) else "")


def _cell(lines: pd.DataFrame, factor: str, other: str, index: str) -> str:
    """Write an index and the half-width of its interval; a dash where there is none."""
    row = lines[(lines["factor"] == factor) & (lines["other"] == other) & (lines["index"] == index)]
    value = float(row["value"].iloc[0]) if len(row) else math.nan
    if not math.isfinite(value):
        return "–"
    half = float(row["high"].iloc[0]) - value
    return f"{value:.3g} ± {half:.2g}" if math.isfinite(half) else f"{value:.3g}"
