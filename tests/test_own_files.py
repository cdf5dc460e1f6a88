"""Own files in a scenario: their numbers come out of the run, and what is wrong with them is told before it."""

# ruff: noqa: PD011

import hashlib
import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from gridagora.scenarios.cli import app
from gridagora.scenarios.load import ScenarioError, load
from gridagora.scenarios.own_files import series_of
from gridagora.scenarios.run import run
from gridagora.scenarios.schema import Time
from gridagora.scenarios.schema_data import LoadFile, PvFile
from gridagora.scenarios.simulation import Simulation

DAY = "base: quickstart\ntime: {start: 2016-06-07, days: 1, period_minutes: 60}\n"
#: Nothing but the file decides: no own deviations, no errors of the area, no answer to prices.
EXACT = "noise_sigma: 0, pv_noise_sigma: 0, own_elasticity: 0, cross_elasticity: 0, storage_share: 0"
QUIET = DAY + "firms: null\nfarms: null\nforecasts: {realised_sigma: 0}\n"
HOURS = np.arange(24)
METER = "{path: data/street.csv, use: meter, unit: kW, time_column: time, resolution_minutes: 60}"


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a scenario's own data below it: two meters over two days."""
    (tmp_path / "data").mkdir()
    times = pd.date_range("2016-06-06", periods=48, freq="h")
    street = pd.DataFrame({"time": times, "a": np.tile(HOURS / 8, 2), "b": 0.5})
    street.to_csv(tmp_path / "data/street.csv", index=False)
    street.to_parquet(tmp_path / "data/street.parquet")
    return tmp_path


def written(folder, text, name="mine.yaml"):
    """Write a scenario and return its path."""
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def possible(rows):
    """Return what PV generated and what it could have, had the area had a use for it [kWh]."""
    return (rows["generation_pv_kwh"] + rows["curtailed_kwh"]).to_numpy()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_meters_come_out_in_intervals(folder, ending):
    """Three members on two columns take a, b and a again: consumption is 2 a + b in every hour, to a millionth."""
    text = QUIET + f"households: {{count: 3, pv_share: 0, profiles: {METER}, {EXACT}}}\n"
    result = run(written(folder, text.replace("street.csv", f"street.{ending}")))
    wanted = 2 * HOURS / 8 + 0.5
    assert result["intervals"]["consumption_kwh"].to_numpy() == pytest.approx(wanted, abs=3e-6)
    members = result["members"]
    assert members[members["member"] == 1]["load_kwh"].to_numpy() == pytest.approx(0.5, abs=1e-6)


def test_meters_need_the_run_only(folder):
    """A file of two days serves a run of either, and is refused by a run of a third."""
    text = QUIET + f"households: {{count: 2, pv_share: 0, profiles: {METER}, {EXACT}}}\n"
    assert load(written(folder, text.replace("06-07", "06-06"))).households.profiles.use == "meter"
    with pytest.raises(ScenarioError, match="last stamp; allowed one at or after"):
        load(written(folder, text.replace("06-07", "06-08")))


def year(column):
    """Return a year of hours in which each day repeats `column`."""
    return pd.DataFrame({"shape": np.tile(column, 366)})


def test_columns_become_profiles(folder):
    """A column gives the shape alone: 24 kWh of every day of 8784 kWh a year come to 366 x 24 kWh / 8784 a member."""
    year(np.ones(24)).to_csv(folder / "data/flat.csv", index=False)
    text = QUIET + (
        "households: {count: 5, annual_kwh: 8784, annual_kwh_cv: 0, pv_share: 0, " + EXACT + ", "
        "profiles: {path: data/flat.csv, unit: Wh, resolution_minutes: 60}}\n"
    )
    result = run(written(folder, text))
    assert result["intervals"]["consumption_kwh"].to_numpy() == pytest.approx(np.full(24, 5.0), abs=1e-5)


def test_sectors_may_be_columns(folder):
    """Firms choose among the columns of their file; another name is refused with the nearest."""
    table = year(np.ones(24)).assign(bakery=np.tile(HOURS + 1.0, 366))
    table.to_csv(folder / "data/firms.csv", index=False)
    firms = "firms: {count: 3, annual_kwh_min: 8784, annual_kwh_max: 8784, sectors: {SECTOR: 1}, "
    firms += EXACT + ", profiles: {path: data/firms.csv, unit: kWh, resolution_minutes: 60}}\n"
    text = DAY + "households: null\nfarms: null\nforecasts: {realised_sigma: 0}\n" + firms
    result = run(written(folder, text.replace("SECTOR", "shape")))
    assert result["intervals"]["consumption_kwh"].to_numpy() == pytest.approx(np.full(24, 3.0), abs=1e-5)
    with pytest.raises(ScenarioError, match=r"firms.sectors.bakry: unknown firm profile 'bakry'; .* nearest 'bakery'"):
        load(written(folder, text.replace("SECTOR", "bakry")))
    with pytest.raises(ScenarioError, match=r"firms.sectors: given with profiles of use meter"):
        load(written(folder, text.replace("SECTOR", "shape").replace("unit: kWh", "unit: kWh, use: meter")))


def test_standard_profiles_of_firms(folder):
    """Firms may follow the standard profile, whose sector is G25 alone."""
    assert load(written(folder, DAY + "firms: {profiles: bdew, sectors: {G25: 1}}\n")).firms.profiles == "bdew"
    with pytest.raises(ScenarioError, match=r"firms.sectors.G0-A: unknown firm profile .*choose one of: G25"):
        load(written(folder, DAY + "firms: {profiles: bdew, sectors: {G0-A: 1}}\n"))


def test_pv_per_rated_power(folder):
    """A system of 5 kW that made 2 kWh at noon makes 4 kWh on each of three roofs of 10 kW."""
    pd.DataFrame({"roof": np.where(HOURS == 12, 2.0, 0.0)}).to_csv(folder / "data/roof.csv", index=False)
    roof = "{path: data/roof.csv, unit: kWh, rated_kwp: 5, resolution_minutes: 60}"
    households = f"households: {{count: 3, pv_share: 1, pv_kwp: 10, pv_kwp_cv: 0, pv_profiles: {roof}, {EXACT}}}\n"
    result = run(written(folder, QUIET + households))
    generated = possible(result["intervals"])
    assert generated == pytest.approx(np.where(HOURS == 12, 12.0, 0.0), abs=1e-5)


def test_pv_by_shape(folder):
    """Without its rated power a column is a shape: 366 equal days of one hour share 1098 kWh per kW, 3 kWh a day."""
    year(np.where(HOURS == 11, 1.0, 0.0)).to_csv(folder / "data/pv.csv", index=False)
    source = "{path: data/pv.csv, unit: kWh, resolution_minutes: 60}"
    households = f"households: {{count: 2, pv_share: 1, pv_kwp: 1, pv_kwp_cv: 0, pv_yield_kwh_per_kwp: 1098, {EXACT}, "
    result = run(written(folder, QUIET + households + f"pv_profiles: {source}}}\n"))
    generated = possible(result["intervals"])
    assert generated == pytest.approx(np.where(HOURS == 11, 6.0, 0.0), abs=1e-5)


WEATHER = """weather:
  kind: file
  temperature: {path: data/weather.csv, columns: [air], resolution_minutes: 60}
  irradiance: {path: data/weather.csv, columns: [sun], resolution_minutes: 60}
"""


def test_pv_from_own_weather(folder):
    """1000 W/m2 at -5 degC heat the cell to 25: 10 kW at a performance of 0.8 make 8 kWh in that hour."""
    sun = np.where(HOURS == 12, 1000.0, 0.0)
    pd.DataFrame({"air": np.full(24, -5.0), "sun": sun, "roof": sun}).to_csv(folder / "data/weather.csv", index=False)
    households = f"households: {{count: 1, pv_share: 1, pv_kwp: 10, pv_kwp_cv: 0, pv_profiles: weather, {EXACT}}}\n"
    result = run(written(folder, QUIET + WEATHER + households))
    rows = result["intervals"]
    assert possible(rows) == pytest.approx(np.where(HOURS == 12, 8.0, 0.0), abs=1e-5)
    assert (rows["temperature"] == -5.0).all()
    assert rows["irradiance"].tolist() == sun.tolist()
    assert set(result.manifest["data_files"]) == {"weather.temperature", "weather.irradiance"}
    with pytest.raises(ScenarioError, match=r"weather.irradiance: given columns sun, roof; allowed one; name it"):
        load(written(folder, QUIET + WEATHER.replace("[sun]", "[sun, roof]")))


def test_synthetic_weather_moves_pv(folder):
    """PV follows drawn weather: none at night, and the same whether the run begins that day or the day before."""
    text = QUIET + f"weather: synthetic\nhouseholds: {{count: 4, pv_share: 1, pv_profiles: weather, {EXACT}}}\n"
    one = run(written(folder, text))["intervals"]
    two = run(written(folder, text.replace("06-07, days: 1", "06-06, days: 2")))["intervals"]
    assert possible(one).sum() > 0
    assert (possible(one)[one["irradiance"] == 0] == 0).all()
    assert possible(one) == pytest.approx(possible(two)[24:], abs=1e-6)
    assert one["temperature"].tolist() == two["temperature"][24:].tolist()


def test_pv_needs_weather():
    """PV from the weather is refused where weather is typical, for every population."""
    with pytest.raises(
        ScenarioError, match=r"farms.pv_profiles: given weather; allowed with weather of kind synthetic"
    ):
        load("quickstart", {"farms.pv_profiles": "weather"})


FAULTS = [
    (
        "time,a\n2016-06-07 00:00,1\n2016-06-07 01:00,1\n2016-06-07 02:00,1\n2016-06-07 05:00,1\n",
        ["street.csv:5: time: given 2016-06-07 05:00 after", "fill in what is missing, 2 rows"],
    ),
    ("time,a\n2016-06-07 00:00,1\n2016-06-07 00:00,1\n", ["street.csv:3: time: ", "each stamp once"]),
    ("time,a\n2016-06-07 00:00,-1\n", ["street.csv:2: a: given -1 kW; allowed at least 0"]),
    ("time,a\n2016-06-07 00:00,n/a\n", ["street.csv:2: a: given 'n/a'; allowed a number"]),
    ("time,a\n2016-06-07 00:00,1\n", ["street.csv:2: time: given 2016-06-07 00:00 as the last stamp"]),
    ("when,a\n1,1\n", ["street.csv:1: time: given no such column; allowed when, a"]),
    ("time,a\n" + "".join(f"2016-06-07 {h:02d}:00,0\n" for h in range(24)), ["given a, zero throughout"]),
]


@pytest.mark.parametrize(("content", "told"), FAULTS)
def test_refused_with_file_row_and_column(folder, content, told):
    """A faulty file stops the check with exit code 2 and names the key, file, row and column."""
    (folder / "data/street.csv").write_text(content, encoding="utf-8")
    path = written(folder, QUIET + f"households: {{count: 2, profiles: {METER}}}\n")
    result = CliRunner().invoke(app, ["validate", str(path)])
    assert result.exit_code == 2
    assert f"{path}:6: households.profiles: " in result.output
    for part in told:
        assert part in result.output


def test_every_fault_of_every_file_at_once(folder):
    """Two files with three faults between them make three lines, each with its key."""
    (folder / "data/street.csv").write_text("time,a\n2016-06-07 00:00,x\n2016-06-07 01:00,-2\n", encoding="utf-8")
    pv = "{path: data/rof.csv, unit: kWh}"
    path = written(folder, QUIET + f"households: {{count: 2, profiles: {METER}, pv_profiles: {pv}}}\n")
    with pytest.raises(ScenarioError) as info:
        load(path)
    keys = [problem.key for problem in info.value.problems]
    assert keys.count("households.profiles") == 3  # both cells, and the day that is not whole
    assert keys.count("households.pv_profiles") == 1
    assert "rof.csv: given no file" in str(info.value)


@pytest.mark.parametrize(
    ("profiles", "message"),
    [
        ("{path: a.csv, unit: kmh}", "profiles.unit: given 'kmh'; allowed one of kW, kWh, MW, MWh, W, Wh"),
        ("{path: a.csv}", "profiles.unit: missing; allowed one of kW, kWh"),
        (
            "{path: a.xls, unit: kW}",
            "profiles.path: given 'a.xls'; allowed a file whose name ends with .csv or .parquet",
        ),
        ("{path: a.csv, unit: kW, colums: [a]}", "profiles.colums: unknown key 'colums'; allowed path, "),
        ("street", "profiles: given 'street'; allowed one of all, simbench, synpro, bdew, bottom_up or a mapping"),
        ("3", "profiles: given 3; allowed one of all"),
    ],
)
def test_the_mapping_is_checked(folder, profiles, message):
    """Units, keys and endings of a file's description are refused like every other key."""
    with pytest.raises(ScenarioError) as info:
        load(written(folder, f"households: {{profiles: {profiles}}}\n"))
    assert f":1: households.{message}" in str(info.value)


def test_paths_start_from_their_own_file(folder, monkeypatch):
    """A path in a base starts from the base's folder, one in an override from the working folder."""
    (folder / "sub").mkdir()
    written(folder, QUIET + f"households: {{count: 2, profiles: {METER}}}\n", "base.yaml")
    mine = load(written(folder / "sub", "base: ../base.yaml\n"))
    assert mine.households.profiles.path == str(folder / "data/street.csv")
    monkeypatch.chdir(folder / "data")
    other = mine.override({"households.profiles.path": "street.parquet"})
    assert other.households.profiles.path == str(folder / "data/street.parquet")
    assert other.households.profiles.time_column == "time"
    again = mine.override({"households.profiles.path": folder / "data/street.csv"})
    assert again.hash == mine.hash


def test_hash_and_manifest_know_the_content(folder, tmp_path):
    """The same bytes elsewhere leave the hash alone, another number changes it; the manifest has the fingerprint."""
    text = QUIET + f"households: {{count: 2, pv_share: 0, profiles: {METER}}}\n"
    first = load(written(folder, text))
    content = (folder / "data/street.csv").read_bytes()
    result = run(first, out=tmp_path / "run")
    named = {"path": str(folder / "data/street.csv"), "sha256": hashlib.sha256(content).hexdigest()}
    assert json.loads((tmp_path / "run/manifest.json").read_text())["data_files"] == {"households.profiles": named}

    (folder / "there/data").mkdir(parents=True)
    (folder / "there/data/street.csv").write_bytes(content)
    assert load(written(folder / "there", text)).hash == first.hash
    (folder / "there/data/street.csv").write_bytes(content.replace(b"0.5\n", b"0.6\n", 1))
    assert load(folder / "there/mine.yaml").hash != first.hash

    again = run(tmp_path / "run/scenario.yaml")
    for name in ("consumption_kwh", "pool_price"):
        assert again["intervals"][name].tolist() == result["intervals"][name].tolist()
    assert again.manifest["scenario_hash"] == result.manifest["scenario_hash"]


def test_days_that_a_file_must_hold(folder):
    """Profiles need their whole year, meters and rated systems the run, representative days the year again."""
    (folder / "hours.csv").write_text("a\n" + "1\n" * 8784, encoding="utf-8")
    path, hours = str(folder / "hours.csv"), {"resolution_minutes": 60}
    week, months = Time(period_minutes=60), Time(period_minutes=60, representative_days={"count": 3})
    shape = LoadFile(path=path, unit="kWh", **hours)
    assert np.shape(series_of(shape, week).values) == (1, 366, 24)
    for spec in (
        LoadFile(path=path, unit="kWh", use="meter", **hours),
        PvFile(path=path, unit="kW", rated_kwp=1, **hours),
    ):
        found = series_of(spec, months)
        assert (found.first_day, found.values.shape) == (date(2016, 1, 1), (1, 366, 24))
        with pytest.raises(ValueError, match="given 8784 rows; allowed 168"):
            series_of(spec, week)


def test_a_file_that_changes_before_the_run(folder):
    """A run of a scenario whose file has changed since it was loaded, or is gone, is refused."""
    scenario = load(written(folder, QUIET + f"households: {{count: 2, pv_share: 0, profiles: {METER}}}\n"))
    street = folder / "data/street.csv"
    street.write_text(street.read_text(encoding="utf-8").replace("0.5", "0.6"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"street.csv: given as households.profiles, changed since .* load it again"):
        run(scenario)
    street.unlink()
    with pytest.raises(ValueError, match="changed since the scenario was loaded"):
        run(scenario)


PRICES = 1000 * np.where(HOURS == 13, -0.08, 0.1 + HOURS / 100)
PRICED = DAY + "market: {pool_rule: given, pool_price: {path: data/spot.csv, unit: currency/MWh, COLUMN}}\n"
PRICED = PRICED.replace("COLUMN", "time_column: time, columns: [spot], resolution_minutes: 60")
FEW = "households: {count: 20}\nfirms: {count: 2}\nfarms: null\n"


@pytest.fixture
def spot(folder):
    """Return the folder with hourly prices per MWh of two days below it, one of them negative."""
    times = pd.date_range("2016-06-06", periods=48, freq="h")
    table = pd.DataFrame({"time": times, "spot": np.concatenate([np.zeros(24), PRICES]), "other": 1.0})
    table.to_csv(folder / "data/spot.csv", index=False)
    return folder


def test_given_prices_are_those_of_the_pool(spot):
    """All buy and sell in the pool at the file's price, the negative one too; the dispatch stays as it was."""
    result = run(written(spot, PRICED + FEW))
    usual = run(written(spot, DAY + FEW, "usual.yaml"))
    rows = result["intervals"]
    wanted = PRICES / 1000
    for name in ("pool_price", "pool_price_low", "pool_price_high"):
        assert rows[name].to_numpy() == pytest.approx(wanted)
    assert rows["imbalance_price_short"].to_numpy() == pytest.approx(wanted + 0.2 * np.abs(wanted))
    assert rows["imbalance_price_long"].to_numpy() == pytest.approx(wanted - 0.2 * np.abs(wanted))
    for name in ("pool_volume_kwh", "generation_lignite_kwh", "auction_volume_kwh"):
        assert rows[name].tolist() == usual["intervals"][name].tolist()
    kpis = result["kpis"].set_index("kpi")["value"]
    assert kpis["mean_pool_price"] == pytest.approx(np.average(wanted, weights=rows["pool_volume_kwh"]))
    assert result.manifest["price_rule"] == "prices of market.pool_price"
    content = (spot / "data/spot.csv").read_bytes()
    named = {"path": str(spot / "data/spot.csv"), "sha256": hashlib.sha256(content).hexdigest()}
    assert result.manifest["data_files"] == {"market.pool_price": named}


def test_given_prices_close_the_books(spot):
    """What supplier, grid company and plants pay and receive in the pool is energy times price, and sums to 0."""
    model = Simulation(load(written(spot, PRICED + FEW)))
    model.step()
    pool, price = model.record.pool, PRICES / 1000
    assert pool.payments.sum() == 0
    assert -pool.payments[2:] == pytest.approx(price @ pool.schedule_quanta, abs=0.51)
    bought = pool.demand_quanta.sum(axis=2) - pool.surplus_quanta
    assert pool.payments[:2] == pytest.approx(bought @ price, abs=30)
    ledger = model.ledger.frame()
    paid = ledger[(ledger["account"] == "pool") & (ledger["payer"] == "supplier")]["amount_micro"].sum()
    assert paid == pool.payments[0] > 0


def test_given_prices_of_representative_days(spot):
    """They are those of the day's own date: day d of a year of constant days costs d / 1000. Ramps may hold."""
    hours = pd.date_range("2016-01-01", periods=8784, freq="h")
    pd.DataFrame({"time": hours, "spot": hours.dayofyear}).to_csv(spot / "data/spot.csv", index=False)
    text = PRICED.replace("start: 2016-06-07, days: 1", "representative_days: {count: 2}")
    scenario = load(written(spot, text + FEW), {"generators.ramp_per_hour": {"lignite": 0.2}})
    model = Simulation(scenario)
    model.step()
    assert model.record.pool.price == pytest.approx(np.full(24, (model.record.day.day_of_year + 1) / 1000))


def test_given_prices_count_in_the_hash(spot):
    """Another price is another scenario."""
    path = written(spot, PRICED)
    first = load(path).hash
    text = (spot / "data/spot.csv").read_text(encoding="utf-8")
    (spot / "data/spot.csv").write_text(text.replace("-80.0", "-81.0"), encoding="utf-8")
    assert load(path).hash != first


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"market.pool_price": None}, "market.pool_price: missing, with pool_rule given; describe a file of prices"),
        (
            {"market.pool_rule": "uniform"},
            "market.pool_price: given with pool_rule uniform, which does not use it; set",
        ),
        ({"market.pool_price.columns": ["spot", "other"]}, "market.pool_price: given columns spot, other; allowed one"),
        ({"market.pool_price.unit": "kWh"}, "market.pool_price.unit: given 'kWh'; allowed one of currency/kWh, "),
        (
            {"time.start": date(2016, 6, 8)},
            "market.pool_price: spot.csv:49: time: given 2016-06-07 23:00:00 as the last",
        ),
        ({"time.days": 2}, "market.pool_price: spot.csv:49: time: given 2016-06-07 23:00:00 as the last"),
        (
            {"storages": [{"name": "lake"}]},
            "market.pool_rule: given given, whose prices are not those that dispatch storages: give uniform",
        ),
        (
            {"generators.start_up": {"gas": {"cost_per_kw": 0.1}}},
            "market.pool_rule: given given, whose prices are not those that dispatch generators.start_up: give uniform",
        ),
        (
            {"network.kind": "dc", "network.grid": "case5"},
            "market.pool_rule: given given with network dc, whose areas have prices of their own: give uniform",
        ),
    ],
)
def test_given_prices_that_are_refused(spot, changes, message):
    """File and rule come together, and without what has prices of its own; days, columns and units are checked."""
    scenario = load(written(spot, PRICED))
    with pytest.raises(ScenarioError) as info:
        scenario.override(changes)
    assert message in str(info.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2016-06-07 13:00:00,-80.0,1.0\n", "", "fill in what is missing, 1 row"),
        (",-80.0,", ",,", "spot.csv:39: spot: given nothing; allowed a number"),
        (",-80.0,", ",-8e15,", "given prices up to 8e+12 CNY/kWh; with about "),
    ],
)
def test_given_prices_with_a_fault(spot, old, new, message):
    """A gap, an empty cell and a price beyond the range of the ledger are told under the key."""
    file = spot / "data/spot.csv"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"market\.pool_price: ") as info:
        load(written(spot, PRICED))
    assert message in str(info.value)
