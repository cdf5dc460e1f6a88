"""Pictures and tables of business models show the numbers that they are given."""

import re
import xml.etree.ElementTree as ET

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import gridagora as ga
from gridagora.sim.report import write_report
from gridagora.sim.report.business_page import business_page
from gridagora.sim.report.business_rows import booked_cash, business_models, one_model, overview, parties_of
from gridagora.sim.report.canvas_sheet import Sheet, business_canvas
from gridagora.sim.report.cash_figures import cumulative_cash, risk_fan, risk_text
from gridagora.sim.report.page import nearest_day
from gridagora.sim.report.stakeholders import stakeholder_flows, stakeholder_map, stakeholder_matrix
from gridagora.sim.report.waterfall_figures import account_steps, account_waterfall, cash_waterfall, life_steps
from gridagora.sim.results import ResultWriter, read_tables

NAN = float("nan")
BLOCKS = {
    "KP": ("Key partners", "Equipment vendors", "vendor", NAN),
    "KA": ("Key activities", "Audit, retrofit and measurement of what is saved", "", NAN),
    "KR": ("Key resources", "Load data", "annual_kwh", NAN),
    "VP": ("Value proposition", "Lower cost of energy without an investment of one's own", "", NAN),
    "CR": ("Customer relationships", "Contract over several years", "term_years", NAN),
    "CH": ("Channels", "Account managers", "channel.reach_share", NAN),
    "CS": ("Customer segments", "Firms that use much energy & pay their bills", "segment.at_least_kwh", NAN),
    "C$": ("Cost structure", "Equipment", "equipment", 1000.0),
    "R$": ("Revenue streams", "Share of the saving", "saving_share, subsidy", 330.0),
}
#: Yearly cash by model, basis and party: amounts, and the part of it that passes through the bills [CNY].
CASH = {
    ("shared_savings", "agreed", "customer"): ([0, 200, 200, 700], [0, 700, 700, 700]),
    ("shared_savings", "agreed", "provider"): ([-1000, 500, 500, 500], [0] * 4),
    ("shared_savings", "agreed", "vendor"): ([1000, 0, 0, 0], [0] * 4),
    ("shared_savings", "true", "customer"): ([0, 160, 160, 560], [0, 560, 560, 560]),
    ("shared_savings", "true", "provider"): ([-1000, 400, 400, 400], [0] * 4),
    ("shared_savings", "true", "vendor"): ([1000, 0, 0, 0], [0] * 4),
    ("roof", "agreed", "provider"): ([-500, 300, 300, -50], [0] * 4),
    ("roof", "true", "provider"): ([-500, 300, 300, -50], [0] * 4),
}


def business_tables():
    """Build the tables of two business models: 2 contracts of three years that save energy, and one about a roof."""
    cash = [
        {"business_model": model, "basis": basis, "party": party, "year": year, "amount": float(amount)}
        | {"through_bills": float(bills)}
        for (model, basis, party), columns in CASH.items()
        for year, (amount, bills) in enumerate(zip(*columns, strict=True))
    ]
    worth = pd.DataFrame(
        [
            ("shared_savings", "agreed", "customer", 0.1, 873.0, NAN, "no sign change: never an outlay", NAN, NAN),
            ("shared_savings", "agreed", "provider", 0.0, 500.0, 0.2338, "", 2.0, 2.0),
            ("shared_savings", "agreed", "vendor", 0.0, 1000.0, NAN, "no sign change: never an outlay", NAN, NAN),
            ("shared_savings", "true", "customer", 0.1, 698.4, NAN, "no sign change: never an outlay", NAN, NAN),
            ("shared_savings", "true", "provider", 0.0, 200.0, 0.0970, "", 2.5, 2.5),
            ("shared_savings", "true", "vendor", 0.0, 1000.0, NAN, "no sign change: never an outlay", NAN, NAN),
            ("roof", "agreed", "provider", 0.1, -17.0, NAN, "several rates: 5.00 %, 9.00 %", NAN, NAN),
            ("roof", "true", "provider", 0.1, -17.0, NAN, "several rates: 5.00 %, 9.00 %", NAN, NAN),
        ],
        columns=["business_model", "basis", "party", "discount_rate", "npv", "irr", "irr_note", "payback_years",
                 "discounted_payback_years"],
    ).assign(profitability=1.2, least_coverage=NAN)  # fmt: skip
    fan = [
        {"business_model": "shared_savings", "party": party, "year": year, "p5": middle - 90, "p25": middle - 30}
        | {"p50": middle, "p75": middle + 30, "p95": middle + 90}
        for party, total in (("customer", 100.0), ("provider", -500.0))
        for year, middle in enumerate(total + 200.0 * np.arange(4))
    ]
    months = {"population": "firms", "month": [1, 2] * 2, "day": [30, 60] * 2, "eligible": [5, 3, 9, 9]}
    paid = [
        ("firms", "esco", "shared_savings", 300.0), ("esco", "vendor", "shared_savings", 1000.0),
        ("government", "esco", "shared_savings", 30.0), ("households", "supplier", "", 5000.0),
        ("supplier", "plant:north", "", 4000.0),
    ]  # fmt: skip
    return {
        "canvas": pd.DataFrame(
            [(name, block, *rest) for name in ("shared_savings", "roof") for block, rest in BLOCKS.items()],
            columns=["business_model", "block", "label", "entry", "maps_to", "amount"],
        ),
        "risk_bearers": pd.DataFrame(
            {"business_model": "shared_savings", "risk": ["performance", "credit"], "bearer": ["provider", "bank"]}
        ),
        "business_cash": pd.DataFrame(cash),
        "business_worth": worth,
        "business_risk": pd.DataFrame(
            {"business_model": "shared_savings", "party": ["customer", "provider"], "npv_mean": [436.0, 100.0],
             "npv_sd": [50.0, 80.0], "probability_of_loss": [0.0, 0.125], "value_at_risk_5": [300.0, -60.0],
             "cvar_5": [250.0, -80.0]}
        ),
        "business_fan": pd.DataFrame(fan),
        "business_months": pd.DataFrame(
            {"business_model": ["shared_savings"] * 2 + ["roof"] * 2, **months, "reached": [7, 4, 9, 9],
             "signed": [1, 1, 0, 0], "ended": 0, "defaulted": [0, 1, 0, 0], "left": 0, "running": [1, 1, 0, 0]}
        ),
        "contracts": pd.DataFrame(
            {"contract": ["supply", "shared_savings:firms:7:0"], "counterparty": ["supplier", "esco"],
             "business_model": ["", "shared_savings"]}
        ),
        "stakeholders": pd.DataFrame(paid, columns=["payer", "payee", "business_model", "amount"]),
        "ledger": pd.DataFrame(
            [
                (0, "esco", "vendor", "equipment", "shared_savings", 1000.0),
                (0, "government", "esco", "subsidy", "shared_savings", 30.0),
                (0, "households", "supplier", "retail", "", 5000.0),
                (30, "firms", "esco", "saving_share", "shared_savings", 100.0),
                (60, "firms", "esco", "saving_share", "shared_savings", 200.0),
                (60, "esco", "firms", "saving_share", "shared_savings", 10.0),
            ],
            columns=["day", "payer", "payee", "account", "business_model", "amount"],
        ),
    }  # fmt: skip


def run_tables(without=()):
    """Build the tables of a run of 73 days, a fifth of a year, with two business models."""
    hours = pd.DataFrame(
        {"day": np.repeat(np.arange(73), 24), "period": np.tile(np.arange(24), 73), "area": "area",
         "time": np.datetime64("2016-01-01", "ms") + np.arange(73 * 24) * np.timedelta64(3_600_000, "ms")}
    )  # fmt: skip
    columns = ("consumption_kwh", "generation_gas_kwh", "import_kwh", "storage_discharge_kwh", "pool_price")
    prices = dict.fromkeys(("auction_price", "auction_price_low", "auction_price_high"), NAN)
    kpis = {
        "kpi": ["cost_of_supply", "npv_provider", "pv_income"], "scope": "system", "value": [10.0, 200.0, 1.0],
        "unit": "CNY",
    }  # fmt: skip
    tables = {
        **business_tables(),
        "intervals": hours.assign(**dict.fromkeys(columns, 1.0), **prices),
        "kpis": pd.DataFrame(kpis),
    }
    return {name: table for name, table in tables.items() if name not in without}


def write_run(path, tables):
    """Write tables as a finished run."""
    with ResultWriter(path) as writer:
        for name, frame in tables.items():
            writer.write(name, frame, {c: "1" for c in frame if frame[c].dtype.kind == "f"})
        writer.finish({"scenario": "two_models", "seed": 1, "versions": {}, "warnings": [], "applied": [],
                       "representative_days": {"weights": [5] * 73}})  # fmt: skip
    return path


@pytest.fixture(autouse=True)
def _close_figures():
    """Close what a test has drawn."""
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Write a run and return the text of its report."""
    run = write_run(tmp_path_factory.mktemp("results") / "two", run_tables())
    return write_report([run]).read_text(encoding="utf-8")


def test_names_come_from_the_tables():
    """Two business models in the order of the scenario; without their tables there are none."""
    tables = run_tables()
    assert business_models(tables) == ["shared_savings", "roof"]
    assert business_models({"kpis": tables["kpis"]}) == []
    assert one_model({"canvas": tables["canvas"].iloc[:9]}, None) == "shared_savings"
    with pytest.raises(KeyError, match="this run has no business models: its scenario names none"):
        one_model({}, None)
    with pytest.raises(KeyError, match="business_model: given None; allowed: shared_savings, roof"):
        one_model(tables, None)
    with pytest.raises(KeyError, match="no rows of roof in a table 'business_fan': nothing was signed or booked"):
        risk_fan(tables, "roof")


def test_roles_have_parties():
    """Contracts tell the provider, without them the canvas; business_months tells the customers."""
    tables = run_tables()
    assert parties_of(tables, "shared_savings", "provider") == ["esco"]
    assert parties_of(run_tables(without=("contracts",)), "shared_savings", "provider") == ["esco"]
    assert parties_of(tables, "roof", "provider") == []
    only_costs = tables | {"ledger": tables["ledger"].iloc[:1], "contracts": tables["contracts"].iloc[:1]}
    assert parties_of(only_costs, "shared_savings", "provider") == []
    assert parties_of(tables, "shared_savings", "customer") == ["firms"]
    assert parties_of(run_tables(without=("business_months",)), "roof", "customer") == []
    assert parties_of(tables, "shared_savings", "bank") == ["bank"]


def test_customers_of_two_populations_count_together():
    """Firms with 1 and households with 4 running contracts are 5; what both were paid is the customers' cash."""
    tables = run_tables()
    months = tables["business_months"]
    more = months[months["business_model"] == "shared_savings"].assign(population="households", signed=2, running=4)
    tables["business_months"] = pd.concat([months, more]).sort_values("month", kind="stable")
    assert parties_of(tables, "shared_savings", "customer") == ["firms", "households"]
    assert overview(tables).set_index("business_model").loc["shared_savings", "running"] == 5
    tables["ledger"] = tables["ledger"].replace({"payer": {"government": "households"}})
    assert booked_cash(tables, "shared_savings", "customer")[1].tolist() == [0, -30, -130, -320, -320]
    assert ("Customers", "firms, households") in business_page(tables, "r0").sections[0].facts
    assert "6 signed, 5 running at the end" in dict(business_page(tables, "r0").sections[0].facts)["Contracts"]


def test_overview_puts_models_side_by_side():
    """Signed and running contracts, worth, payback and the probability of a loss; nan where nothing tells."""
    lines = overview(run_tables()).set_index("business_model")
    assert lines.loc["shared_savings"].tolist() == [2.0, 1.0, 500.0, 200.0, 698.4, 2.5, 0.125]
    assert lines.loc["roof", ["signed", "provider_npv"]].tolist() == [0.0, -17.0]
    assert lines.loc["roof", ["customer_npv", "payback_years", "probability_of_loss"]].isna().all()
    bare = overview({"canvas": run_tables()["canvas"]})
    assert bare.iloc[:, 1:].isna().all(axis=None)


def test_canvas_has_nine_blocks_in_their_places():
    """Partners at the left, customers at the right, money below with amounts; text is escaped."""
    sheet = business_canvas(run_tables(), "shared_savings")
    assert isinstance(sheet, Sheet)
    assert sheet._repr_html_() == str(sheet)
    root = ET.fromstring(str(sheet))
    areas = [re.match(r"grid-area:(\w+)", block.get("style"))[1] for block in root]
    assert areas == ["kp", "ka", "kr", "vp", "cr", "ch", "cs", "co", "re"]
    texts = [" ".join(part.strip() for part in block.itertext()) for block in root]
    assert texts[0] == "Key partners KP Equipment vendors vendor"
    assert texts[6] == "Customer segments CS Firms that use much energy & pay their bills segment.at_least_kwh"
    assert texts[7] == "Cost structure C$ Equipment equipment 1,000 CNY"
    assert texts[8] == "Revenue streams R$ Share of the saving saving_share, subsidy 330 CNY"


def test_an_empty_block_stays_in_its_place():
    """A canvas without partners still has nine blocks."""
    tables = {"canvas": run_tables()["canvas"].iloc[1:9], "kpis": run_tables()["kpis"]}
    assert business_canvas(tables).count("<section") == 9


def test_steps_of_a_life():
    """-100 at signing, +44 and -12.1 after one and two years at 10 %: 40 and -10; 22 through bills in year 1: 20."""
    rows = pd.DataFrame({"year": [0, 1, 2], "amount": [-100.0, 66.0, -12.1], "through_bills": [0.0, 22.0, 0.0]})
    steps = life_steps(rows, 0.1)
    assert [label for label, _, _ in steps] == [
        "at signing", "years of surplus", "years of deficit", "through bills", "net present value",
    ]  # fmt: skip
    assert [growth for _, _, growth in steps] == pytest.approx([-100, 40, -10, 20, -50])
    assert [start for _, start, _ in steps] == pytest.approx([0, -100, -60, -70, 0])


def test_waterfall_has_a_panel_for_each_party():
    """The provider's bars as agreed and as they are end at 500 and 200, undiscounted; each panel has ten bars."""
    figure = cash_waterfall(run_tables(), "shared_savings")
    customer, provider, vendor = figure.axes
    assert provider.get_title() == "provider, discounted at 0 %"
    assert [len(ax.patches) for ax in figure.axes] == [10, 10, 10]
    assert [round(bar.get_width()) for bar in provider.patches] == [-1000, 1500, 0, 0, 500, -1000, 1200, 0, 0, 200]
    assert [bar.get_hatch() is None for bar in provider.patches] == [False] * 5 + [True] * 5
    assert customer.get_title() == "customer, discounted at 10 %"
    assert vendor.patches[-1].get_width() == 1000
    assert figure.get_supxlabel() == "present value [CNY]"
    tables = run_tables()
    tables["business_cash"].loc[tables["business_cash"]["party"] == "vendor", "amount"] = 0.0
    assert len(cash_waterfall(tables, "shared_savings").axes) == 2
    tables["business_cash"] = tables["business_cash"].assign(amount=0.0, through_bills=0.0)
    assert len(cash_waterfall(tables, "roof").axes) == 1


def test_accounts_of_the_provider():
    """The ESCO received 300 and 30 and paid 1000 and 10: what it has both of is told apart, -680 is left."""
    tables = run_tables()
    figure = account_waterfall(tables, "shared_savings")
    (ax,) = figure.axes
    labels = ["saving share (received)", "subsidy", "equipment", "saving share (paid)", "result"]
    assert [label.get_text() for label in ax.get_yticklabels()] == labels
    assert [bar.get_width() for bar in ax.patches] == [300, 30, -1000, -10, -680]
    assert [text.get_text() for text in ax.texts] == ["+300", "+30", "-1,000", "-10", "-680"]
    assert ax.get_xlabel() == "booked by esco over the run [CNY]"
    (other,) = account_waterfall(tables, "shared_savings", "vendor").axes
    assert [bar.get_width() for bar in other.patches] == [1000, 1000]
    with pytest.raises(ValueError, match="party: given 'bank', which nothing was booked for; allowed: esco, firms, "):
        account_steps(tables["ledger"], "bank")
    tables["ledger"] = tables["ledger"].assign(business_model="roof")
    tables["canvas"] = tables["canvas"].assign(maps_to="other")
    with pytest.raises(KeyError, match="who the provider of roof is: give party="):
        account_waterfall(tables, "roof")


def test_break_even_is_marked_where_it_is():
    """Agreed after 2, truly after 2.5 years; the customer, who invests nothing, has none."""
    figure = cumulative_cash(run_tables(), "shared_savings")
    provider, booked, customer, _ = figure.axes
    lines = {str(line.get_label()): line for line in provider.get_lines()}
    assert lines["agreed"].get_ydata().tolist() == [-1000, -500, 0, 500]
    assert lines["true"].get_ydata().tolist() == [-1000, -600, -200, 200]
    marks = [(str(line.get_label()), line.get_xdata()[0]) for line in provider.get_lines() if line.get_marker() == "o"]
    assert marks == [("break-even, agreed: 2 a", 2.0), ("break-even, true: 2.5 a", 2.5)]
    assert [text.get_text() for text in provider.get_legend().get_texts()] == [label for label, _ in marks]
    assert customer.get_legend() is None
    without = {str(line.get_label()): line for line in customer.get_lines()}["true, without bills"]
    assert without.get_ydata().tolist() == [0, -400, -800, -800]
    assert lines["booked in the run"].get_ydata().tolist() == [0, -970, -870, -680, -680]
    assert lines["booked in the run"].get_xdata() == pytest.approx([0, 1 / 366, 31 / 366, 61 / 366, 73 / 366])
    assert booked.get_lines()[0].get_xdata()[-1] == pytest.approx(12 * 73 / 366)


def test_days_that_stand_for_others_count_as_often():
    """With a weight of 5 a day, five times as much was booked in five times as long."""
    tables = run_tables()
    tables["intervals"] = tables["intervals"].assign(weight=5.0)
    years, cash = booked_cash(tables, "shared_savings", "provider")
    assert years == pytest.approx([0, 5 / 366, 155 / 366, 305 / 366, 365 / 366])
    assert cash.tolist() == [0, -4850, -4350, -3400, -3400]
    assert booked_cash(tables, "roof", "provider")[0].size == 0
    assert booked_cash(tables, "shared_savings", "bank")[0].size == 0


def test_break_even_needs_the_table_of_worth():
    """Without it the lines are drawn and no year is marked."""
    provider = cumulative_cash(run_tables(without=("business_worth",)), "shared_savings").axes[0]
    assert provider.get_legend() is None


def test_where_only_others_have_cash_they_are_shown():
    """A business model between a vendor and others has the vendor's panel."""
    tables = run_tables()
    tables["business_cash"] = tables["business_cash"].query("party == 'vendor'")
    assert cumulative_cash(tables, "shared_savings").axes[0].get_title() == "vendor"


def test_risk_is_told_in_words_and_bands():
    """The fan of the provider ends at 100, with bands of 30 and 90; P(NPV < 0) and CVaR are in its title."""
    tables = run_tables()
    provider, customer = risk_fan(tables, "shared_savings").axes
    assert provider.get_title() == "provider: P(NPV < 0) 12.5 %, CVaR 5 % -80 CNY"
    assert provider.get_lines()[0].get_ydata().tolist() == [-500, -300, -100, 100]
    bands = [collection.get_paths()[0].vertices[:, 1] for collection in provider.collections]
    assert [(band.min(), band.max()) for band in bands] == [(-590, 190), (-530, 130)]
    assert customer.get_xlabel() == "years since signing [a]"
    assert risk_text(tables, "roof", "provider") == ""
    assert risk_text(tables, "shared_savings", "vendor") == ""


def test_matrix_of_payments_is_square():
    """Who moves most comes first; the markets' payments are in that of the whole run, plants by role."""
    tables = run_tables()
    matrix = stakeholder_matrix(tables, "shared_savings")
    assert matrix.index.tolist() == matrix.columns.tolist() == ["esco", "vendor", "firms", "government"]
    assert matrix.loc["esco"].tolist() == [0, 1000, 0, 0]
    assert matrix.loc[["firms", "government"], "esco"].tolist() == [300, 30]
    assert matrix.to_csv().splitlines()[1] == "esco,0.0,1000.0,0.0,0.0"
    whole = stakeholder_matrix(tables, "all")
    assert whole.loc["supplier", "plants"] == 4000
    assert whole.to_numpy().sum() == 10_330
    with pytest.raises(KeyError, match="no rows of roof in a table 'stakeholders'"):
        stakeholder_matrix(tables, "roof")
    with pytest.raises(KeyError, match="no table 'stakeholders'"):
        stakeholder_matrix({}, "all")


def test_heat_map_has_the_numbers():
    """One number a payment, payers down, payees across, with the currency."""
    ax = stakeholder_map(run_tables(), "shared_savings")
    assert {text.get_text(): text.get_position() for text in ax.texts} == {
        "1,000": (1, 0), "300": (0, 2), "30": (0, 3),
    }  # fmt: skip
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("receives [CNY]", "pays")
    mine = plt.figure().add_subplot()
    assert stakeholder_map(run_tables(), "shared_savings", ax=mine) is mine


def test_flows_are_as_wide_as_payments():
    """Of 1330 the ESCO's 1000 is three quarters of the height."""
    picture = stakeholder_flows(run_tables(), "shared_savings")
    assert "esco to vendor: 1,000.00" in picture
    assert ">1,330 CNY</text>" not in picture
    assert ">330 CNY</text>" in picture


def test_report_has_a_part_for_each_model(page):
    """An overview, then canvas, worth, risks, six pictures and the matrix as CSV; of the second what there is."""
    assert page.count('class="business"') == 2
    assert page.count("nine-grid") == 0
    assert len(re.findall("Canvas of ", page)) == 2
    first, second = page.split('<section class="business">')[1:]
    titles = re.findall("<h3>(.*?)</h3>", first)
    assert titles == [
        "Canvas", "What it is worth to whom [CNY]", "Who bears which risk", "Worth by party",
        "Revenue and cost by account", "Cumulative cash and break-even", "Risk", "Who pays whom", "Flow of money",
    ]  # fmt: skip
    assert re.findall("<h3>(.*?)</h3>", second) == [*titles[:2], titles[3], titles[5]]
    assert "2 signed, 1 running at the end; 0 ended, 1 defaulted, 0 left" in first
    assert "Provider: P(NPV &lt; 0) 12.5 %, CVaR 5 % -80 CNY. Customer: P(NPV &lt; 0) 0 %" in first
    assert "government,30.0,0.0,0.0,0.0" in first
    assert "several rates: 5.00 %, 9.00 %" in second
    overview_rows = page.split("<h2>Business models of")[1].split("</section>")[0]
    assert re.findall(r'<td class="number">(.*?)</td>', overview_rows)[:7] == [
        "2", "1", "500", "200", "698.4", "2.500", "12.5 %",
    ]  # fmt: skip


def test_figures_and_days_are_named(page):
    """Abbreviations are capitals; representative days say what they stand for."""
    assert '<th scope="row">NPV provider</th>' in page
    assert '<th scope="row">PV income</th>' in page
    assert "73 days that stand for 365, the first 01 January 2016, in periods of 60 minutes" in page


def test_names_in_pictures_are_unique(page):
    """No two elements of the page share a name."""
    names = re.findall(r'\bid="([^"]+)"', page)
    assert len(set(names)) == len(names)


def test_a_day_that_was_not_simulated_is_shown_by_the_nearest():
    """Of the representative days 3, 40 and 90, day 70 of another run is nearest to 90."""
    tables = {"intervals": pd.DataFrame({"day": [3, 3, 40, 90]})}
    assert [nearest_day(tables, day) for day in (0, 40, 70)] == [3, 40, 90]


def test_large_rates_are_written_in_full():
    """A tenfold return a year is 1,030 %, a small one 9.7 %."""
    tables = run_tables()
    worth = tables["business_worth"]
    for rate, cell in ((10.3, "1,030 %"), (0.097, "9.7 %")):
        tables["business_worth"] = worth.assign(irr=worth["irr"].where(worth["business_model"] != "roof", rate))
        assert business_page(tables, "r0").sections[1].worth[0][4] == cell


def test_what_is_missing_is_not_shown():
    """With the canvas alone there is the canvas alone, and without business models nothing."""
    tables = run_tables()
    alone = business_page({"canvas": tables["canvas"], "kpis": tables["kpis"]}, "r0")
    assert [section.name for section in alone.sections] == ["shared savings", "roof"]
    section = alone.sections[0]
    assert section.canvas is not None
    assert not any((section.facts, section.worth, section.risks, section.pictures, section.matrix))
    assert business_page({"kpis": tables["kpis"]}, "r0") is None


def test_nothing_booked_by_the_provider_is_not_drawn():
    """Where only others paid each other, there is no waterfall of accounts."""
    tables = run_tables(without=("business_cash", "business_fan", "stakeholders"))
    assert [picture.title for picture in business_page(tables, "r0").sections[0].pictures] == [
        "Revenue and cost by account"
    ]
    tables["ledger"] = tables["ledger"].iloc[:1].assign(payer="firms")
    assert not business_page(tables, "r0").sections[0].pictures


def test_figures_are_public(tmp_path):
    """All are found under ga.plot and draw a run that was read from its folder."""
    result = read_tables(write_run(tmp_path / "run", run_tables()))
    for name in ("business_canvas", "cash_waterfall", "account_waterfall", "cumulative_cash", "risk_fan",
                 "stakeholder_map", "stakeholder_matrix", "stakeholder_flows"):  # fmt: skip
        assert name in ga.plot.__all__
        assert getattr(ga.plot, name)(result, "shared_savings") is not None
