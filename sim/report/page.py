"""The HTML report: one file with tables and pictures inside, the same bytes for the same runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridagora.sim.atomic import write_file
from gridagora.sim.report import figures
from gridagora.sim.report.adoption_figures import adoption_curves, adoption_worth
from gridagora.sim.report.business_page import Business, business_page
from gridagora.sim.report.labels import currency, number, plain
from gridagora.sim.report.market_figures import area_prices
from gridagora.sim.report.picture import Picture, inline_svg
from gridagora.sim.report.sankey import payments_by_role, who_paid_whom
from gridagora.sim.report.tariff_figures import (
    bill_change,
    load_before_after,
    menu_choice,
    price_rounds,
    price_trials,
    tariff_shares,
)
from gridagora.sim.results import REPORT_MARK, is_report, read_manifest, read_tables

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path(__file__).parent
CAPTIONS = {
    "One day": "The day with the highest load{of}. Above: power by source, stacked, and consumption. Below: prices of "
    "the pool and, where it ran, of the online auction; retail energy price and feed-in price are means over the "
    "households' bills.",
    "Load by source": "Up to seven days around that day. Sources are stacked; the black line is consumption. "
    "What lies above it covers losses, storage and export.",
    "Prices": "The same days. The shaded band is the interval of prices at which the auction's supply and demand meet.",
    "Auction with the largest volume": "Bids and offers as they were made, sorted by price. The price lies in the "
    "competitive interval; the mechanism's rule picks the point.",
    "Prices by area": "Day-ahead prices of the areas of the grid over the run, the cheapest area first. Where they "
    "differ, lines are full, and the grid company keeps the congestion rent.",
    "Adoption": "Members that have each technology at the end of each month; dots are the closed form of Bass's model, "
    "which members follow on average where everybody sees everybody.",
    "Worth of adoption": "Mean net present value for members that could have the technology and do not, at the tariffs "
    "and the self-consumption of the year.",
    "Tariffs chosen": "Share of the households under each offer of their menu, after the decisions of each month.",
    "Choice by income": "Offers that households have at the end of the run, by fifths of their income.",
    "Prices set again": "Charges and energy prices that follow revenue requirement and cost, and the energy that was "
    "sold at them in each round. Where sales fall and each rise is larger than the one before, prices run away.",
    "Prices tried": "Profit of the supplier in each trial of a level of prices.",
    "Load before and after": "Mean day of the run and of {first}, which comes before; where they differ, the area is "
    "shaded.",
    "Change of bills by income": "Change against {first} by fifths of the households' income: dots are medians, bars "
    "the middle half, lines the 5th to the 95th percentile.",
    "Change of bills by archetype": "Change against {first} by kind of household, drawn as above.",
    "Distribution of bills": "Members by their bill over the run, all payments for electricity included; below zero "
    "where a member earned more than it paid.",
    "Who paid whom": "Payments over the run between roles, from the ledger: payers on the left, receivers on the "
    "right, widths in proportion.",
}


@dataclass(frozen=True, slots=True)
class RunPage:
    """What the report says about one run."""

    label: str
    facts: Sequence[tuple[str, str]]
    warnings: Sequence[str]
    kpis: pd.DataFrame
    pictures: Sequence[Picture]
    bills: Sequence[Sequence[str]]
    payments: Sequence[Sequence[str]]
    business: Business | None
    currency: str


def write_report(paths: Sequence[Path], out: Path | None = None) -> Path:
    """Write the report of one or several finished runs as a self-contained HTML file.

    Parameters
    ----------
    paths : sequence of Path
        Folders of runs; several stand side by side.
    out : Path, optional
        File to write; by default ``report.html`` in the folder of a single run, or here for several.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        If no run is given.
    FileNotFoundError
        If a folder holds no finished run.
    FileExistsError
        If `out` is there and is no report.
    OSError
        If the file cannot be written.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    if not paths:
        raise ValueError("paths: given none; allowed: the folders of one or more finished runs")
    folders = [Path(path) for path in paths]
    target = Path(out) if out is not None else (folders[0] if len(folders) == 1 else Path()) / "report.html"
    if target.exists() and not is_report(target):
        raise FileExistsError(f"{target} is not a report of ours; move it or give another file (out=, --out)")
    labels = run_labels(folders)
    shown = _day_of_highest_load(read_tables(folders[0]))
    of = f" of {labels[0]}" if len(folders) > 1 else ""
    runs = [_run_page(folder, labels[i], f"r{i}", shown, of) for i, folder in enumerate(folders)]
    first = read_tables(folders[0])
    for i, (run, folder) in enumerate(zip(runs[1:], folders[1:], strict=True), 1):
        pictures = [*run.pictures, *_compared(first, read_tables(folder), labels[0], f"r{i}c")]
        runs[i] = replace(run, pictures=pictures)
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["svg"] = Markup
    text = environment.get_template("report.html").render(
        runs=runs,
        kpis=_kpi_rows(runs),
        style=Markup((FOLDER / "report.css").read_text(encoding="utf-8")),
        mark=Markup(f'{REPORT_MARK} {version("gridagora")}">'),
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    return write_file(target, lambda file: file.write(text.encode()))


def run_labels(folders: Sequence[Path]) -> list[str]:
    """Name finished runs by scenario, or by folder where scenarios repeat, or by path where folders do."""
    names = [str(read_manifest(folder).get("scenario", folder.name)) for folder in folders]
    if len(set(names)) < len(names):
        names = [folder.name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    return names


def _day_of_highest_load(tables: Mapping[str, pd.DataFrame]) -> int:
    by_period = tables["intervals"].groupby(["day", "period"], as_index=False)["consumption_kwh"].sum()
    return int(by_period["day"].to_numpy()[by_period["consumption_kwh"].to_numpy().argmax()])


def nearest_day(tables: Mapping[str, pd.DataFrame], day: int) -> int:
    """Return the simulated day of a run that is nearest to a day, which it may not have: days can be representative."""
    simulated = tables["intervals"]["day"].unique().tolist()
    return int(min(simulated, key=lambda each: abs(each - day)))


def _run_page(folder: Path, label: str, prefix: str, shown: int, of: str) -> RunPage:
    tables, manifest = read_tables(folder), read_manifest(folder)
    return RunPage(
        label=label,
        facts=_facts(tables, manifest),
        warnings=[str(warning) for warning in manifest.get("warnings", ())],
        kpis=tables["kpis"],
        pictures=_pictures(tables, prefix, shown, of),
        bills=_bill_rows(tables),
        payments=_payment_rows(tables),
        business=business_page(tables, prefix),
        currency=currency(tables),
    )


def _facts(tables: Mapping[str, pd.DataFrame], manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = tables["intervals"]
    minutes = 1440 // (int(rows["period"].max()) + 1)
    days, stand_for = rows["day"].nunique(), manifest.get("representative_days")
    first = f"{rows['time'].min():%d %B %Y}"
    told = f"{days:,} days from {first}"
    if stand_for:
        told = f"{days:,} days that stand for {sum(stand_for['weights']):,}, the first {first}"
    versions = ", ".join(f"{name} {number}" for name, number in sorted(manifest.get("versions", {}).items()))
    found = [
        ("Scenario", manifest.get("scenario")),
        ("Simulated", f"{told}, in periods of {minutes} minutes"),
        ("Seed", manifest.get("seed")),
        ("Scenario hash", manifest.get("scenario_hash")),
        ("Price rule", manifest.get("price_rule")),
        ("Changed values", ", ".join(map(str, manifest.get("applied", ())))),
        ("Versions", versions),
    ]
    return [(name, str(value)) for name, value in found if value not in (None, "")]


def _pictures(tables: Mapping[str, pd.DataFrame], prefix: str, shown: int, of: str) -> list[Picture]:
    last = int(tables["intervals"]["day"].max())
    shown, days = nearest_day(tables, shown), min(7, last + 1)
    first = min(max(0, shown - 3), last + 1 - days)
    drawn: dict[str, Any] = {"One day": figures.day(tables, shown)}
    if tables["intervals"]["day"].between(first, first + days - 1).sum() > (tables["intervals"]["day"] == shown).sum():
        drawn["Load by source"] = figures.load_by_source(tables, first, days).figure
        drawn["Prices"] = figures.prices(tables, first, days).figure
    if figures.has_trade(tables):
        drawn["Auction with the largest volume"] = figures.auction_curve(tables).figure
    if "areas" in tables:
        drawn["Prices by area"] = area_prices(tables).figure
    if "adoption" in tables:
        drawn["Adoption"] = adoption_curves(tables)
        drawn["Worth of adoption"] = adoption_worth(tables).figure
    if "choices" in tables and (tables["choices"]["population"] == "households").any():
        drawn["Tariffs chosen"] = tariff_shares(tables).figure
        drawn["Choice by income"] = menu_choice(tables, "income").figure
    if "tariff_rounds" in tables:
        drawn["Prices set again"] = price_rounds(tables)
    if "pricing" in tables:
        drawn["Prices tried"] = price_trials(tables).figure
    if "bill_distribution" in tables:
        drawn["Distribution of bills"] = figures.bill_distribution(tables)
    pictures = [
        Picture(title, CAPTIONS[title].format(of=of), inline_svg(figure, f"{prefix}f{i}", title))
        for i, (title, figure) in enumerate(drawn.items())
    ]
    return [*pictures, Picture("Who paid whom", CAPTIONS["Who paid whom"], who_paid_whom(tables))]


def _compared(
    before: Mapping[str, pd.DataFrame], after: Mapping[str, pd.DataFrame], first: str, prefix: str
) -> list[Picture]:
    """Return what a run changes against the first: load, where periods are alike, and bills, where members are."""
    drawn: dict[str, Any] = {}
    if before["intervals"]["period"].max() == after["intervals"]["period"].max():
        drawn["Load before and after"] = load_before_after(before, after).figure
    listed = [
        tables["member_bills"].query("population == 'households'")
        for tables in (before, after)
        if "member_bills" in tables
    ]
    if len(listed) == 2 and len(listed[0]) and listed[0]["member"].tolist() == listed[1]["member"].tolist():
        drawn["Change of bills by income"] = bill_change(before, after, "income").figure
        if len(set(listed[1]["archetype"])) > 1:
            drawn["Change of bills by archetype"] = bill_change(before, after).figure
    return [
        Picture(title, CAPTIONS[title].format(first=first), inline_svg(figure, f"{prefix}{i}", title))
        for i, (title, figure) in enumerate(drawn.items())
    ]


def _kpi_rows(runs: Sequence[RunPage]) -> list[tuple[str, str, str, list[tuple[str, str]]]]:
    """Rows of name, scope, unit and, for each run, value and difference from the first run."""
    values = [
        {(kpi, scope, unit): float(value) for kpi, scope, value, unit in run.kpis.to_numpy().tolist()} for run in runs
    ]
    keys = dict.fromkeys(key for found in values for key in found)
    rows = []
    for key in sorted(keys, key=lambda k: k[1] != "system"):
        numbers = [found.get(key, float("nan")) for found in values]
        cells = [(number(numbers[0]), "")] + [(number(n), _difference(n, numbers[0])) for n in numbers[1:]]
        kpi, scope, unit = (str(part) for part in key)
        rows.append((plain(kpi), scope, "–" if unit == "1" else unit, cells))
    return rows


def _difference(value: float, first: float) -> str:
    percent = 100 * (value - first) / abs(first) if first else float("nan")
    return f"{percent:+,.1f} %" if abs(percent) >= 0.05 else ""  # a nan gives no text either


def _bill_rows(tables: Mapping[str, pd.DataFrame]) -> list[list[str]]:
    if "bills" not in tables:
        return []
    rows = tables["bills"][["population", "tariff", "line", "unit", "quantity", "price", "amount"]]
    return [
        [*names, f"{number(quantity)} {unit}" if quantity else "", number(price), number(amount)]
        for *names, unit, quantity, price, amount in rows.to_numpy().tolist()
        if quantity or amount
    ]


def _payment_rows(tables: Mapping[str, pd.DataFrame]) -> list[list[str]]:
    matrix = payments_by_role(tables)
    head = ["paid by", *(plain(name) for name in matrix.columns)]
    rows = [[plain(name), *(number(amount) if amount else "" for amount in matrix.loc[name])] for name in matrix.index]
    return [head, *rows]
