"""The nine-grid canvas of a business model as a sheet in plain HTML, with amounts from the books."""

from __future__ import annotations

from html import escape

from gridagora.sim.report.business_rows import TablesLike, one_model, rows_of
from gridagora.sim.report.labels import currency, number

__all__ = ["Sheet", "business_canvas"]

#: Where each block lies: partners at the left, customers at the right, money below.
AREAS = {"KP": "kp", "KA": "ka", "KR": "kr", "VP": "vp", "CR": "cr", "CH": "ch", "CS": "cs", "C$": "co", "R$": "re"}
PLACES = (
    "grid-template-areas:'kp kp ka ka vp vp cr cr cs cs' 'kp kp kr kr vp vp ch ch cs cs' "
    "'co co co co co re re re re re';grid-template-columns:repeat(10,minmax(0,1fr))"
)
TINTS = {"VP": "#e6f1f8", "C$": "#fbeee6", "R$": "#e5f4ef"}
MUTED = "color:#5a5a5a;font-size:.88em"


class Sheet(str):
    """HTML text that a notebook shows as a table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)


def business_canvas(tables: TablesLike, business_model: str | None = None) -> Sheet:
    """Draw the canvas of a business model: nine blocks, and what was paid and received on each cost and revenue.

    Parameters
    ----------
    tables : mapping
        Tables of a run; `canvas` must be among them.
    business_model : str, optional
        Its name; not needed where the run has one.

    Returns
    -------
    Sheet
        HTML text that needs nothing else.

    Raises
    ------
    KeyError
        If the run has no such business model.
    """
    name, rows = one_model(tables, business_model), rows_of(tables, "canvas", business_model)
    unit = currency(tables)
    blocks = []
    for block, area in AREAS.items():
        entries = rows[rows["block"] == block]
        label = str(entries["label"].iloc[0]) if len(entries) else block
        items = "".join(
            _entry(str(entry), str(target), float(amount), unit)
            for entry, target, amount in entries[["entry", "maps_to", "amount"]].to_numpy().tolist()
        )
        blocks.append(
            f'<section style="grid-area:{area};background:{TINTS.get(block, "#fff")};padding:.5em .6em;min-width:0;'
            f'margin:0;overflow-wrap:anywhere"><strong style="display:block;margin-bottom:.3em">{escape(label)} '
            f'<span style="{MUTED};font-weight:400">{escape(block)}</span></strong>{items}</section>'
        )
    return Sheet(
        f'<div role="group" aria-label="Canvas of {escape(name)}" style="display:grid;{PLACES};gap:1px;'
        f"background:#8a8a8a;border:1px solid #8a8a8a;color:#1a1a1a;font-size:.8rem;line-height:1.35;min-width:42rem;"
        f'hyphens:auto">\n' + "\n".join(blocks) + "\n</div>"
    )


def _entry(entry: str, target: str, amount: float, unit: str) -> str:
    told = f'<span style="{MUTED};display:block">{escape(target)}</span>' if target else ""
    if amount != amount:  # noqa: PLR0124  nan: a block without money
        return f'<div style="margin-bottom:.35em">{escape(entry)}{told}</div>'
    return (
        f'<div style="margin-bottom:.35em;display:flex;justify-content:space-between;gap:.8em">'
        f'<span style="min-width:0">{escape(entry)}{told}</span>'
        f'<span style="white-space:nowrap;font-variant-numeric:tabular-nums">{number(amount)} {escape(unit)}</span>'
        "</div>"
    )
