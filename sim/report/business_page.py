"""The business models of a run in the report: an overview, and a part for each one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gridagora.sim.report.business_rows import (
    CUSTOMER,
    PROVIDER,
    TablesLike,
    business_models,
    has_rows,
    overview,
    parties_of,
    rows_of,
    running_at_end,
)
from gridagora.sim.report.canvas_sheet import business_canvas
from gridagora.sim.report.cash_figures import cumulative_cash, risk_fan, risk_text
from gridagora.sim.report.labels import number, plain
from gridagora.sim.report.picture import Picture, inline_svg
from gridagora.sim.report.stakeholders import stakeholder_flows, stakeholder_map, stakeholder_matrix
from gridagora.sim.report.waterfall_figures import account_waterfall, cash_waterfall

CAPTIONS = {
    "Canvas": "Nine blocks in words. Grey: what each entry stands for in the model, such as a party, a quantity of the "
    "contract, a key of the terms or an account. Amounts are what the provider paid and received in the run.",
    "Worth by party": "Cash over the life of all signed contracts, discounted to the day of signing, and how it adds "
    "up to the net present value: what is paid at signing, later years that end with a surplus and with a deficit, and "
    "what passes through the bills. Hatched: as agreed; solid: with the true quantities.",
    "Revenue and cost by account": "What {provider} received and paid for this business model in the run, from the "
    "ledger; payments through the bills are not among it.",
    "Cumulative cash and break-even": "Cash over the life of all signed contracts as if signed on one day, not "
    "discounted; dots mark where an outlay at signing is paid back. The thick line is what the ledger has booked so "
    "far, without what passes through the bills and as contracts were signed.",
    "Risk": "Cumulative cash of one contract of mean size: median, middle half, and 5th to 95th percentile of random "
    "draws. {risks}P(NPV < 0) is the probability of a loss, CVaR 5 % the mean of the worst twentieth.",
    "Who pays whom": "Payments under this business model over the run: rows pay, columns receive; darker is more. "
    "stakeholders.csv has those of all business models.",
    "Flow of money": "The same payments: payers on the left, receivers on the right, widths in proportion.",
}
OVERVIEW = (
    *("business model", "contracts signed", "running at the end", "NPV of the provider, agreed", "NPV of the provider"),
    *("gain of the customers (NPV)", "payback of the provider [a]", "probability of a loss"),
)
WORTH = (
    *("party", "discount rate", "NPV, agreed", "NPV", "IRR", "payback [a]", "discounted payback [a]"),
    *("NPV per outlay + 1", "least DSCR"),
)
COUNTS = ("eligible", "reached", "signed", "ended", "defaulted", "left")


@dataclass(frozen=True, slots=True)
class Section:
    """What the report says about one business model.

    Attributes
    ----------
    facts : sequence of (str, str)
        Names and values of what happened to its contracts.
    canvas : Picture or None
        The sheet.
    worth, risks : sequence of sequence of str
        Rows of tables, empty where there is nothing.
    pictures : sequence of Picture
        The figures.
    matrix : str
        Who paid whom as CSV text; empty where nothing was paid.
    """

    name: str
    facts: Sequence[tuple[str, str]]
    canvas: Picture | None
    worth: Sequence[Sequence[str]]
    risks: Sequence[tuple[str, str]]
    pictures: Sequence[Picture]
    matrix: str


@dataclass(frozen=True, slots=True)
class Business:
    """All business models of a run: heads and rows of the overview, heads of the tables of worth, a part for each."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    worth_heads: Sequence[str]
    sections: Sequence[Section]


def business_page(tables: TablesLike, prefix: str) -> Business | None:
    """Return what the report says about the business models of a run; None where it has none.

    Parameters
    ----------
    tables : mapping
        Tables of a run; what is missing is not shown.
    prefix : str
        Beginning of the names in its pictures.
    """
    names = business_models(tables)
    if not names:
        return None
    sections = [_section(tables, name, f"{prefix}b{i}") for i, name in enumerate(names)]
    return Business(OVERVIEW, _overview_rows(tables), WORTH, sections)


def _section(tables: TablesLike, name: str, prefix: str) -> Section:
    def has(table: str) -> bool:
        return has_rows(tables, table, name)

    risks = rows_of(tables, "risk_bearers", name)[["risk", "bearer"]].to_numpy() if has("risk_bearers") else ()
    return Section(
        name=plain(name),
        facts=_facts(tables, name),
        canvas=Picture("Canvas", CAPTIONS["Canvas"], business_canvas(tables, name)) if has("canvas") else None,
        worth=_worth_rows(tables, name),
        risks=[(plain(risk), plain(bearer)) for risk, bearer in risks],
        pictures=_pictures(tables, name, prefix),
        matrix=stakeholder_matrix(tables, name).to_csv(lineterminator="\n") if has("stakeholders") else "",
    )


def _facts(tables: TablesLike, name: str) -> list[tuple[str, str]]:
    facts = [
        (label, parties_of(tables, name, role)) for label, role in (("Provider", PROVIDER), ("Customers", CUSTOMER))
    ]
    found = [(label, ", ".join(map(plain, parties))) for label, parties in facts if parties]
    if has_rows(tables, "business_months", name):
        months = rows_of(tables, "business_months", name)
        n = {count: f"{int(months[count].sum()):,}" for count in COUNTS}
        running = f"{running_at_end(months):,}"
        found += [
            ("Offers, all rounds", f"{n['reached']} members reached, {n['eligible']} of them eligible"),
            (
                "Contracts",
                f"{n['signed']} signed, {running} running at the end; {n['ended']} ended, {n['defaulted']} defaulted, "
                f"{n['left']} left",
            ),
        ]
    return found


def _pictures(tables: TablesLike, name: str, prefix: str) -> list[Picture]:
    def has(*names: str) -> bool:
        return all(has_rows(tables, table, name) for table in names)

    provider = next(iter(parties_of(tables, name, PROVIDER)), None)
    words = {"provider": plain(provider), "risks": _risks(tables, name)}
    drawn: dict[str, Any] = {}
    if has("business_cash", "business_worth"):
        drawn["Worth by party"] = cash_waterfall(tables, name)
    if has("ledger") and provider is not None and _deals(tables, name, provider):
        drawn["Revenue and cost by account"] = account_waterfall(tables, name, provider)
    if has("business_cash"):
        drawn["Cumulative cash and break-even"] = cumulative_cash(tables, name)
    if has("business_fan"):
        drawn["Risk"] = risk_fan(tables, name)
    if has("stakeholders"):
        drawn["Who pays whom"] = stakeholder_map(tables, name).figure
    pictures = [
        Picture(title, CAPTIONS[title].format(**words), inline_svg(figure, f"{prefix}f{i}", title))
        for i, (title, figure) in enumerate(drawn.items())
    ]
    if has("stakeholders"):
        pictures.append(Picture("Flow of money", CAPTIONS["Flow of money"], stakeholder_flows(tables, name)))
    return pictures


def _deals(tables: TablesLike, name: str, party: str) -> bool:
    """Tell whether a party paid or received anything."""
    books = rows_of(tables, "ledger", name)
    return bool(((books["payer"] == party) != (books["payee"] == party)).any())


def _risks(tables: TablesLike, name: str) -> str:
    told = [(party, risk_text(tables, name, party)) for party in (PROVIDER, CUSTOMER)]
    return "".join(f"{party.capitalize()}: {text}. " for party, text in told if text)


def _overview_rows(tables: TablesLike) -> list[list[str]]:
    return [
        [plain(name), *(number(float(value)) for value in values[:-1]), _percent(float(values[-1]))]
        for name, *values in overview(tables).to_numpy().tolist()
    ]


def _worth_rows(tables: TablesLike, name: str) -> list[list[str]]:
    """Return a row for each party: its worth with the true quantities, and its value as agreed."""
    if not has_rows(tables, "business_worth", name):
        return []
    rows = rows_of(tables, "business_worth", name)
    agreed = rows[rows["basis"] == "agreed"].set_index("party")["npv"]
    return [
        [
            plain(row["party"]),
            _percent(row["discount_rate"]),
            number(float(agreed.get(row["party"], float("nan")))),
            number(row["npv"]),
            _percent(row["irr"]) if math.isfinite(row["irr"]) else str(row["irr_note"]) or "–",
            number(row["payback_years"]),
            number(row["discounted_payback_years"]),
            number(row["profitability"]),
            number(row["least_coverage"]),
        ]
        for row in rows[rows["basis"] == "true"].to_dict("records")
    ]


def _percent(share: float) -> str:
    if not math.isfinite(share):
        return "–"
    return f"{100 * share:,.0f} %" if abs(share) >= 1 else f"{100 * share:.3g} %"
