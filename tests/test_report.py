import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from gridagora.sim.report import figures, write_report
from gridagora.sim.report.labels import number
from gridagora.sim.report.page import run_labels
from gridagora.sim.report.sankey import Svg, payments_by_role, sankey, who_paid_whom
from gridagora.sim.results import REPORT_MARK, ResultWriter, read_tables


def intervals(days=2, auction=True, areas=("north",)):
    """Build hourly rows: 10 kW of coal, sun at noon, an unknown fuel, prices."""
    n = 24 * days * len(areas)
    hour = np.tile(np.repeat(np.arange(24), len(areas)), days)
    sun = np.maximum(0.0, 6 - np.abs(hour - 12.0))
    price = np.where(sun > 0, 0.4, np.nan) if auction else np.full(n, np.nan)
    start = np.datetime64("2016-06-06", "ms")
    return pd.DataFrame(
        {
            "day": np.repeat(np.arange(days), 24 * len(areas)),
            "period": hour,
            "time": start + np.repeat(np.arange(24 * days), len(areas)) * np.timedelta64(3_600_000, "ms"),
            "area": list(areas) * (24 * days),
            "consumption_kwh": 10.0 + sun + np.repeat(np.arange(days), 24 * len(areas)) * 0.1,
            "import_kwh": np.zeros(n),
            "storage_discharge_kwh": np.where(hour > 20, 1.0, 0.0),
            "generation_hard_coal_kwh": np.full(n, 10.0),
            "generation_pv_kwh": sun,
            "generation_geothermal_kwh": np.full(n, 0.5),
            "pool_price": np.full(n, 0.3),
            "auction_price": price,
            "auction_price_low": price - 0.02,
            "auction_price_high": price + 0.05,
        }
    )


def tables(**options):
    """Build the tables that a report reads."""
    cost = 12.0 if options.get("auction", True) else 10.0
    built = {
        "intervals": intervals(**options),
        "kpis": pd.DataFrame(
            {
                "kpi": ["cost_of_supply", "pv_income", "load_factor", "mean_auction_price"],
                "scope": ["system", "households", "system", "system"],
                "value": [cost, 3.5, 0.75, np.nan],
                "unit": ["CNY", "CNY", "1", "CNY/kWh"],
            }
        ),
        "ledger": pd.DataFrame(
            {
                "day": [0, 0, 0, 1],
                "payer": ["households", "supplier", "supplier", "platform"],
                "payee": ["supplier", "plant:a", "plant:b", "households"],
                "account": ["retail", "pool", "pool", "auction"],
                "business_model": [""] * 4,
                "amount": [12_345.5, 4000.0, 3000.0, 20.25],
            }
        ),
        "bills": pd.DataFrame(
            {
                "population": ["households"] * 3,
                "tariff": ["flat"] * 3,
                "line": ["energy all day", "feed-in", "never used"],
                "unit": ["kWh"] * 3,
                "quantity": [1000.0, 100.0, 0.0],
                "price": [0.353, -0.36, np.nan],
                "amount": [353.0, -36.0, 0.0],
            }
        ),
        "bill_distribution": pd.DataFrame(
            {"population": ["firms", "households"], "low": [0.0, -1.0], "high": [9.0, 2.0], "members": [2, 1500]}
        ),
    }
    if options.get("auction", True):
        built["auction_curve"] = pd.DataFrame(
            {
                "side": ["buy", "buy", "sell", "sell"],
                "price": [0.3, 0.5, 0.2, 0.45],
                "quantity_kwh": [2.0, 3.0, 3.0, 1.0],
                "day": 0,
                "period": 12,
                "clearing_price": 0.4,
                "clearing_price_low": 0.3,
                "clearing_price_high": 0.45,
            }
        )
    return built


def write_run(path, scenario="demo", warnings=(), made=None, **options):
    """Write a finished run, of tables that are made by hand or those of the options."""
    with ResultWriter(path) as writer:
        for name, frame in (made or tables(**options)).items():
            writer.write(name, frame, {c: "1" for c in frame if frame[c].dtype.kind == "f"})
        manifest = {"scenario": scenario, "seed": 42, "versions": {"numpy": "2"}, "warnings": list(warnings)}
        writer.finish({**manifest, "applied": []})
    return path


class Page(HTMLParser):
    """Collects tags, attributes and texts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.links, self.texts = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Note a tag."""
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name in ("href", "src", "xlink:href")]

    def handle_data(self, data):
        """Note a text."""
        self.texts.append(data.strip())


@pytest.fixture(autouse=True)
def _close_figures():
    """Close what a test has drawn."""
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Write a run and, beside it, its report."""
    run = write_run(tmp_path_factory.mktemp("results") / "demo")
    path = write_report([run])
    assert path == run / "report.html"
    return path


def test_the_report_stands_alone(report):
    """One file without scripts or anything from outside, with figures, numbers and units."""
    text = report.read_text(encoding="utf-8")
    assert REPORT_MARK in text[:1000]
    page = Page(text)
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert page.tags.count("svg") == 6
    assert page.tags.count("figcaption") == 6
    assert all(link.startswith("#") for link in page.links)
    assert len(page.ids) == len(set(page.ids))
    assert "url(http" not in text
    for expected in (
        "cost of supply",
        "PV income",
        "12,346",
        "0.353",
        "What is illustration.",
        "2 days from 06 June 2016",
    ):
        assert any(expected in found for found in page.texts), expected
    assert "never used" not in page.texts
    assert plt.get_fignums() == []


def test_the_same_run_gives_the_same_report(report):
    """No date and no random name is in the file: written over itself, it stays the same."""
    before = report.read_bytes()
    assert write_report([report.parent], report).read_bytes() == before


def test_runs_stand_side_by_side(tmp_path, monkeypatch):
    """Two runs are two columns, the second with its difference; a run without auction has no auction curve."""
    monkeypatch.chdir(tmp_path)
    first = write_run(tmp_path / "with", "with")
    second = write_run(tmp_path / "without", "without", auction=False, warnings=["no <buyer> reaches a seller"])
    path = write_report([first, second])
    assert path.resolve() == tmp_path / "report.html"
    page = Page(path.read_text(encoding="utf-8"))
    assert page.tags.count("svg") == 6 + 6  # the second has its load beside that of the first
    assert len(page.ids) == len(set(page.ids))
    assert "-16.7 %" in page.texts
    assert any("no <buyer> reaches a seller" in text for text in page.texts)
    assert any("highest load of with." in text for text in page.texts)


def test_runs_of_one_scenario_are_named_by_folder(tmp_path):
    """Equal scenario names give way to folder names, and equal folder names to paths."""
    runs = [write_run(tmp_path / folder, "demo") for folder in ("a", "b", "c/a")]
    assert run_labels(runs[:1]) == ["demo"]
    assert run_labels(runs[:2]) == ["a", "b"]
    assert run_labels(runs) == [str(run) for run in runs]


def test_a_run_with_few_tables_has_a_report(tmp_path):
    """Without bills there are no bill tables and no histogram."""
    with ResultWriter(tmp_path / "run") as writer:
        for name in ("intervals", "kpis", "ledger"):
            frame = tables()[name]
            writer.write(name, frame, {c: "1" for c in frame if frame[c].dtype.kind == "f"})
        writer.finish({})
    text = write_report([tmp_path / "run"], tmp_path / "new" / "r.html").read_text(encoding="utf-8")
    assert "Bills by population" not in text
    assert Page(text).tags.count("svg") == 4


def test_bad_targets_are_refused(tmp_path):
    """No run, an unfinished run and a foreign file are told apart; the foreign file stays."""
    with pytest.raises(ValueError, match="paths: given none"):
        write_report([])
    with pytest.raises(FileNotFoundError, match="is no folder"):
        write_report([tmp_path / "nowhere"], tmp_path / "r.html")
    mine = tmp_path / "mine.html"
    mine.write_text("mine")
    with pytest.raises(FileExistsError, match=r"mine.html is not a report of ours"):
        write_report([write_run(tmp_path / "run")], mine)
    assert mine.read_text() == "mine"


def test_overwriting_a_run_removes_its_report(tmp_path):
    """A report of the replaced run would mislead, a foreign report.html stays."""
    write_run(tmp_path)
    report = tmp_path / "report.html"
    report.write_text(f'{REPORT_MARK} 0.1.0">')
    ResultWriter(tmp_path, overwrite=True).finish({})
    assert not report.exists()
    report.write_text("mine")
    ResultWriter(tmp_path, overwrite=True).finish({})
    assert report.read_text() == "mine"


def test_load_is_stacked_power():
    """At noon of day 0, 10 kW of coal, half a kW of an unknown fuel and 6 kW of sun are stacked in this order."""
    ax = figures.load_by_source(tables(), 0, 1)
    assert ax.get_ylabel() == "power [kW]"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "hard coal", "PV", "storage discharge", "geothermal", "consumption",
    ]  # fmt: skip
    tops = [collection.get_paths()[0].vertices[:, 1].max() for collection in ax.collections]
    assert tops == [10.0, 16.0, 16.0, 16.5]
    line = ax.get_lines()[0]
    assert line.get_ydata().max() == 16.0
    assert len(line.get_xdata()) == 25


def test_areas_are_added_up_and_prices_averaged():
    """Two equal areas have twice the load and the same price."""
    both = {**tables(), "intervals": intervals(areas=("north", "south"))}
    assert figures.load_by_source(both).get_lines()[0].get_ydata().max() == pytest.approx(32.2)
    assert set(figures.prices(both).get_lines()[0].get_ydata()) == {0.3}


def test_prices_show_what_there_is():
    """With an auction: its interval and price, and the household's levels; without: neither."""
    ax = figures.prices(tables())
    assert ax.get_ylabel() == "price [CNY/kWh]"
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["pool", "auction interval", "auction", "retail energy (0.353)", "feed-in (0.360)"]
    plain = tables(auction=False)
    del plain["bills"]
    plain["kpis"] = plain["kpis"].iloc[1:]
    ax = figures.prices(plain)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["pool"]
    assert ax.get_ylabel() == "price [currency/kWh]"


def test_a_long_run_has_fewer_dates():
    """Twelve days are labelled by day and month."""
    ax = figures.prices(tables(days=12), days=12)
    ax.figure.canvas.draw()
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert len(labels) <= 8
    assert all(re.fullmatch(r"\d\d Jun", label) for label in labels)


def test_the_day_has_two_panels():
    """Power above, prices below, one day wide."""
    figure = figures.day(tables(), 1)
    assert isinstance(figure, Figure)
    assert [ax.get_ylabel() for ax in figure.axes] == ["power [kW]", "price [CNY/kWh]"]
    assert figure.axes[1].get_xlabel() == "Tuesday 07 June 2016, local time"


@pytest.mark.parametrize(("first", "days"), [(-1, 1), (2, 1), (0, 0)])
def test_days_outside_the_run_are_refused(first, days):
    """A run of two days has the days 0 and 1."""
    with pytest.raises(ValueError, match=f"days: given {days} from day {first}; allowed: 1 or more from day 0 to 1"):
        figures.load_by_source(tables(), first, days)


def test_days_between_representative_days_stay_empty():
    """Of the days 0 and 3, nothing is drawn in the two days between; a day that was not simulated is refused."""
    whole = tables(days=4)
    some = {**whole, "intervals": whole["intervals"].query("day in (0, 3)")}
    line = figures.load_by_source(some, 0, 4).get_lines()[0].get_ydata()
    assert np.isnan(line).tolist() == [False] * 24 + [True] * 48 + [False] * 25
    with pytest.raises(ValueError, match="days: given 2 from day 1, none of them simulated; simulated were 0, 3"):
        figures.prices(some, 1, 2)


def test_a_week_of_a_single_day_is_not_drawn(tmp_path):
    """Where only one of seven days was simulated, load and prices of the week would repeat the day."""
    whole = tables(days=30, auction=False)
    for days, count in (([2, 20], 0), ([2, 3], 1)):
        made = {**whole, "intervals": whole["intervals"][whole["intervals"]["day"].isin(days)]}
        run = write_run(tmp_path / f"{count}", made=made)
        assert write_report([run]).read_text(encoding="utf-8").count("<h3>Load by source</h3>") == count


def test_curves_step_down_and_up():
    """Demand falls from 0.5 to 0.3, supply rises from 0.2 to 0.45, over 5 and 4 kWh."""
    ax = figures.auction_curve(tables())
    demand, supply, price = ax.get_lines()
    assert demand.get_xydata().tolist() == [[0, 0.5], [3, 0.3], [5, 0.3]]
    assert supply.get_xydata().tolist() == [[0, 0.2], [3, 0.45], [4, 0.45]]
    assert set(price.get_ydata()) == {0.4}
    assert ax.get_xlabel() == "energy [kWh], auction for 2016-06-06 12:00"
    with pytest.raises(KeyError, match="online auction was off, or nothing traded"):
        figures.auction_curve(tables(auction=False))


def test_an_auction_without_trade_has_no_curve(tmp_path):
    """Bids that met no offer have no price: the report goes without, and who asks for the figure is told."""
    made = tables()
    bids = made["auction_curve"][made["auction_curve"]["side"] == "buy"]
    made["auction_curve"] = bids.assign(clearing_price=np.nan, clearing_price_low=np.nan, clearing_price_high=np.nan)
    with pytest.raises(KeyError, match="nothing traded"):
        figures.auction_curve(made)
    assert "largest volume" not in write_report([write_run(tmp_path, made=made)]).read_text(encoding="utf-8")


def test_each_population_has_its_histogram():
    """Firms and households have a panel each, with their number."""
    figure = figures.bill_distribution(tables())
    assert [ax.get_title() for ax in figure.axes] == ["firms (2)", "households (1,500)"]
    assert figure.axes[1].get_xlabel() == "bill of the run [CNY]"


def test_the_style_of_the_caller_stays():
    """Drawing does not change matplotlib's settings."""
    before = dict(plt.rcParams)
    figures.prices(tables())
    assert dict(plt.rcParams) == before


def test_payments_by_role():
    """Plants are one column; the largest payer and receiver come first."""
    matrix = payments_by_role(tables())
    assert matrix.index.tolist() == ["households", "supplier", "platform"]
    assert matrix.columns.tolist() == ["supplier", "plants", "households"]
    assert matrix.loc["supplier"].tolist() == [0.0, 7000.0, 0.0]


def test_a_day_that_stands_for_others_is_paid_as_often():
    """Ten paid on a day that stands for 30 are 300 in the run."""
    rows = pd.DataFrame({"day": [4], "payer": ["firms"], "payee": ["supplier"], "amount": [10.0], "weight": [30]})
    assert payments_by_role({"ledger": rows}).loc["firms", "supplier"] == 300.0


def test_ribbons_are_as_wide_as_their_amounts():
    """Of 4, a flow of 3 is three quarters of the height of all bars; labels carry unit and separators."""
    picture = sankey([("a", "x_y", 3000.0), ("b", "x_y", 1000.0)], "CNY")
    heights = [float(h) for h in re.findall(r'<rect [^>]*height="([\d.]+)"', picture)]
    assert heights == [247.5, 82.5, 330.0]
    assert "a to x_y: 3,000.00" in picture
    assert ">x y</text>" in picture
    assert "4,000 CNY" in picture
    assert isinstance(picture, Svg)
    assert picture._repr_svg_() == str(picture)


def test_labels_of_small_roles_do_not_meet():
    """Ten tiny receivers beside a huge one are at least the height of a label apart."""
    picture = sankey([("a", f"t{i}", 1e6 if i == 0 else 0.01) for i in range(11)], "CNY")
    middles = [float(y) for y in re.findall(r'y="([\d.]+)" text-anchor="start" font-weight', picture)]
    assert min(np.diff(middles)) >= 30


@pytest.mark.parametrize("flows", [[], [("a", "b", 0.0)]])
def test_flows_need_amounts(flows):
    """No flow and an empty flow are refused."""
    with pytest.raises(ValueError, match=r"flows: given .*at least one, with amounts above 0"):
        sankey(flows, "CNY")


def test_the_picture_of_a_run(tmp_path):
    """The tables of a run give a picture with their currency and markup in names escaped."""
    assert "12,346 CNY" in who_paid_whom(read_tables(write_run(tmp_path)))
    assert "&lt;b&gt;" in sankey([("<b>", "c", 1.0)], "CNY")


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234567.8, "1,234,568"), (123.45, "123.5"), (12.345, "12.35"), (1.5, "1.500"), (28.0, "28"), (0.0, "0"),
     (-0.36, "-0.360"), (0.00012, "1.2e-04"), (float("nan"), "–"), (float("inf"), "–")],
)  # fmt: skip
def test_numbers_have_separators_and_four_digits(value, text):
    """Large numbers lose their decimals, small ones keep three; nothing is a dash."""
    assert number(value) == text
