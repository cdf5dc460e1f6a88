"""Who paid whom: payments of a run by role, as a matrix and as a Sankey diagram in plain SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from gridagora.sim.ledger import role_of
from gridagora.sim.report.labels import currency, number, plain

if TYPE_CHECKING:
    import pandas as pd

#: Colours of the usual roles, the same in every run; other roles take the spare ones in turn.
COLOURS = {
    "households": "#0072B2",
    "firms": "#E69F00",
    "farms": "#F0E442",
    "supplier": "#CC79A7",
    "grid_company": "#009E73",
    "plants": "#56B4E9",
    "platform": "#D55E00",
    "outside": "#4D4D4D",
}
SPARE = ("#999999", "#882255", "#44AA99", "#332288", "#999933", "#AA4499")
WIDTH, MARGIN, BAR, GAP, HEIGHT = 640.0, 165.0, 12.0, 34.0, 330.0
Flow = tuple[str, str, float]


class Svg(str):
    """SVG text that a notebook shows as a picture."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)


def payments_by_role(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Sum the ledger by role.

    Parameters
    ----------
    tables : mapping
        Tables of a run.

    Returns
    -------
    pandas.DataFrame
        Amounts [currency], one row a paying role, one column a receiving role; the largest payers and receivers
        first; 0 where nothing was paid.
    """
    rows = tables["ledger"]
    # A day that stands for others counts as often as they are.
    matrix = rows.assign(amount=rows["amount"] * rows.get("weight", 1)).pivot_table(
        index=rows["payer"].map(role_of),
        columns=rows["payee"].map(role_of),
        values="amount",
        aggfunc="sum",
        fill_value=0.0,
    )
    by_row = matrix.sum(axis=1).sort_values(ascending=False, kind="stable").index
    by_column = matrix.sum(axis=0).sort_values(ascending=False, kind="stable").index
    return matrix.loc[by_row, by_column]


def who_paid_whom(tables: Mapping[str, pd.DataFrame]) -> Svg:
    """Draw the payments of a run between roles: payers on the left, receivers on the right.

    Parameters
    ----------
    tables : mapping
        Tables of a run.

    Returns
    -------
    Svg
        Text of an SVG picture; widths are proportional to amounts.
    """
    matrix = payments_by_role(tables)
    flows = [(str(a), str(b), float(matrix.loc[a, b])) for a in matrix.index for b in matrix.columns]
    return sankey([flow for flow in flows if flow[2] > 0], currency(tables))


def sankey(flows: Sequence[Flow], unit: str) -> Svg:
    """Draw flows from sources on the left to targets on the right.

    Parameters
    ----------
    flows : sequence of (source, target, amount)
        Amounts above 0 in one unit.
    unit : str
        Unit of the amounts.

    Returns
    -------
    Svg
        Text of an SVG picture.

    Raises
    ------
    ValueError
        If there is no flow or an amount is not above 0.
    """
    if not flows or min(amount for _, _, amount in flows) <= 0:
        raise ValueError(f"flows: given {list(flows)}; allowed: at least one, with amounts above 0")
    sources, targets = _totals(flows, 0), _totals(flows, 1)
    rows = max(len(sources), len(targets))
    scale = HEIGHT / sum(sources.values())
    others = sorted((sources.keys() | targets.keys()) - COLOURS.keys())
    colour = COLOURS | {name: SPARE[i % len(SPARE)] for i, name in enumerate(others)}
    height = HEIGHT + rows * GAP
    left, right = _places(sources, scale, height), _places(targets, scale, height)
    parts = _ribbons(flows, left, right, scale, colour)
    for names, places, at_right in ((sources, left, False), (targets, right, True)):
        for name, total in names.items():
            parts.append(_node(name, f"{number(total)} {unit}", places[name], total * scale, colour[name], at_right))
    return Svg(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {height:g}" role="img" '
        f'aria-label="Payments from payers on the left to receivers on the right" font-family="sans-serif" '
        f'font-size="13">\n' + "\n".join(parts) + "\n</svg>"
    )


def _totals(flows: Sequence[Flow], end: int) -> dict[str, float]:
    totals: dict[str, float] = {}
    for flow in flows:
        totals[str(flow[end])] = totals.get(str(flow[end]), 0.0) + flow[2]
    return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))


def _places(totals: dict[str, float], scale: float, height: float) -> dict[str, float]:
    """Upper edge of each bar; the free height is shared so that labels of two lines never meet."""
    free = height - scale * sum(totals.values())
    places, y = {}, free / len(totals) / 2
    for name, total in totals.items():
        places[name] = y
        y += total * scale + free / len(totals)
    return places


def _ribbons(
    flows: Sequence[Flow],
    left: Mapping[str, float],
    right: Mapping[str, float],
    scale: float,
    colour: Mapping[str, str],
) -> list[str]:
    """Bands in the order of their ends, so that they cross as little as the two columns allow."""
    from_y, to_y = dict(left), dict(right)
    start: dict[Flow, float] = {}
    end: dict[Flow, float] = {}
    for flow in sorted(flows, key=lambda f: (left[f[0]], right[f[1]])):
        start[flow], from_y[flow[0]] = from_y[flow[0]], from_y[flow[0]] + flow[2] * scale
    for flow in sorted(flows, key=lambda f: (right[f[1]], left[f[0]])):
        end[flow], to_y[flow[1]] = to_y[flow[1]], to_y[flow[1]] + flow[2] * scale
    x0, x1 = MARGIN + BAR, WIDTH - MARGIN - BAR
    middle = (x0 + x1) / 2
    parts = []
    for flow in sorted(flows, key=lambda f: -f[2]):
        a, b, thick = start[flow], end[flow], max(flow[2] * scale, 0.4)
        title = escape(f"{flow[0]} to {flow[1]}: {flow[2]:,.2f}")
        parts.append(
            f'<path d="M{x0:g} {a:.2f}C{middle:g} {a:.2f} {middle:g} {b:.2f} {x1:g} {b:.2f}V{b + thick:.2f}'
            f'C{middle:g} {b + thick:.2f} {middle:g} {a + thick:.2f} {x0:g} {a + thick:.2f}Z" '
            f'fill="{colour[flow[0]]}" fill-opacity="0.5"><title>{title}</title></path>'
        )
    return parts


def _node(name: str, amount: str, y: float, height: float, colour: str, at_right: bool) -> str:
    x = WIDTH - MARGIN - BAR if at_right else MARGIN
    text_x, anchor = (x + BAR + 6, "start") if at_right else (x - 6, "end")
    middle = y + height / 2
    label = escape(plain(name))
    return (
        f'<rect x="{x:g}" y="{y:.2f}" width="{BAR:g}" height="{max(height, 1):.2f}" fill="{colour}"/>'
        f'<text x="{text_x:g}" y="{middle - 2:.2f}" text-anchor="{anchor}" font-weight="bold">{label}</text>'
        f'<text x="{text_x:g}" y="{middle + 13:.2f}" text-anchor="{anchor}">{escape(amount)}</text>'
    )
