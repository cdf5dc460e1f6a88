"""Runs from a scenario to results that are read back."""

import json

import numpy as np
import pandas as pd
import pytest

import gridagora as ga
from gridagora.scenarios.auctioneer import AuditDifference

TINY = {"households.count": 30, "firms.count": 2, "farms": None, "time.days": 2, "outputs.members": 3}
TINY |= {"generators.capacity_to_peak": 2.0}  # two firms' noise is a large share of so small a peak


@pytest.fixture(scope="module")
def scenario():
    """A tiny quickstart."""
    return ga.load("quickstart", TINY)


@pytest.fixture(scope="module")
def on_disk(scenario, tmp_path_factory):
    """Results of the tiny run, on disk."""
    return ga.run(scenario, out=tmp_path_factory.mktemp("runs") / "tiny")


def test_memory_and_disk_agree(scenario, on_disk):
    """A run kept in memory has the tables of one on disk, with equal values."""
    kept = ga.run(scenario)
    assert set(kept.tables) == set(on_disk.tables)
    for name in kept.tables:
        pd.testing.assert_frame_equal(kept[name], on_disk[name], check_dtype=False)
    pd.testing.assert_frame_equal(kept.kpis, ga.read(on_disk.path).kpis)


def test_a_run_says_what_it_was(scenario, on_disk):
    """The manifest holds hash, seed, versions and overrides; the resolved scenario runs again as it is."""
    manifest = json.loads((on_disk.path / "manifest.json").read_text())
    assert manifest["scenario_hash"] == scenario.hash
    assert manifest["seed"] == 42
    assert {"gridagora", "highspy", "pyomo", "numba"} <= set(manifest["versions"])
    assert "households.count=30" in manifest["applied"]
    assert ga.load(on_disk.path / "scenario.yaml").hash == scenario.hash


def test_every_number_has_a_unit(on_disk):
    """Every column of decimal numbers carries its unit in the file."""
    from gridagora.sim.results import units

    for name in on_disk.tables:
        known = units(on_disk.path, name)
        for column, kind in on_disk[name].dtypes.items():
            if kind == np.float64:
                assert known[column], (name, column)
    assert units(on_disk.path, "intervals")["pool_price"] == "CNY/kWh"
    assert units(on_disk.path, "intervals")["consumption_kwh"] == "kWh"
    assert units(on_disk.path, "ledger")["amount"] == "CNY"


def test_amounts_are_multiples_of_a_micro_unit(on_disk):
    """Ledger amounts are the nearest numbers to whole micro-units."""
    amount = on_disk["ledger"]["amount"]
    assert (np.rint(amount * 1e6) / 1e6 == amount).all()


def test_members_add_up(on_disk):
    """A sampled member's load less generation and battery is its meter; awards appear in trades under its name."""
    members, trades = on_disk["members"], on_disk["trades"]
    assert members.groupby("population")["member"].nunique().to_dict() == {"firms": 2, "households": 3}
    plain = members[members["pv_kwh"] == 0]
    no_battery = plain[plain["soc_kwh"] == 0]
    np.testing.assert_allclose(no_battery["load_kwh"], no_battery["withdrawal_kwh"], atol=1e-9)
    bought = trades[trades["party"].str.startswith("households:") & (trades["side"] == "buy")]["quantity_kwh"].sum()
    assert bought == pytest.approx(members.loc[members["population"] == "households", "bought_kwh"].sum(), abs=1e-9)


def test_bills_table_is_the_ledger(on_disk):
    """Bill lines of all members sum to what they paid less what they received."""
    ledger, bills = on_disk["ledger"], on_disk["bills"]
    for name in ("households", "firms"):
        paid = ledger.loc[ledger["payer"] == name, "amount"].sum()
        received = ledger.loc[ledger["payee"] == name, "amount"].sum()
        assert bills.loc[bills["population"] == name, "amount"].sum() == pytest.approx(paid - received, abs=1e-6)


def test_finished_runs_are_not_overwritten(scenario, on_disk):
    """A folder with a finished run is refused, with the remedy."""
    with pytest.raises(FileExistsError, match="--overwrite"):
        ga.run(scenario, out=on_disk.path)


def test_report_needs_a_folder(scenario):
    """A report of a run that is kept in memory is refused."""
    with pytest.raises(ValueError, match="out="):
        ga.run(scenario, report=True)


def test_unknown_table_and_name(on_disk):
    """Unknown tables and public names are refused with the choices."""
    with pytest.raises(KeyError, match="intervals"):
        on_disk["interval"]
    with pytest.raises(AttributeError, match="Simulation"):
        ga.Simulator  # noqa: B018
    assert "run" in dir(ga)
    assert len(on_disk) == len(list(on_disk))


def test_a_failed_run_keeps_what_was_finished(scenario, tmp_path, monkeypatch):
    """A run that fails on its second day leaves the first readable, no manifest, and its reason in the log."""
    from gridagora.scenarios.simulation import Simulation
    from gridagora.sim.results import read_tables

    step = Simulation.close_day

    def fail(self, record):
        if record.day.index == 1:
            raise AuditDifference("the two solutions differ")
        step(self, record)

    monkeypatch.setattr(Simulation, "close_day", fail)
    with pytest.raises(AuditDifference):
        ga.run(scenario, out=tmp_path / "run")
    assert not (tmp_path / "run/manifest.json").exists()
    assert "the two solutions differ" in (tmp_path / "run/run.log").read_text()
    with pytest.raises(FileNotFoundError, match=r"manifest\.json|unfinished"):
        ga.read(tmp_path / "run")
    assert len(read_tables(tmp_path / "run", unfinished=True)["intervals"]) == 96


@pytest.mark.parametrize("method", ["exact", "pyomo"])
def test_every_method_gives_the_same_run(scenario, method):
    """Merit order and Pyomo clear pool and auctions alike: equal energy, money within a micro-unit a line."""
    one, other = ga.run(scenario), ga.run(scenario.override({"market.method": method}))
    for column in ("consumption_kwh", "losses_kwh", "pool_volume_kwh", "auction_volume_kwh", "withdrawal_kwh"):
        assert (one["intervals"][column] == other["intervals"][column]).all()
    for column in ("pool_price", "auction_price"):
        np.testing.assert_allclose(one["intervals"][column], other["intervals"][column], atol=1e-9)


def test_audit_passes(scenario):
    """Solving every tenth auction again finds no difference and changes nothing."""
    plain, audited = ga.run(scenario), ga.run(scenario.override({"market.audit": 10}))
    pd.testing.assert_frame_equal(plain["ledger"], audited["ledger"])


@pytest.mark.parametrize("minutes", [5, 30, 60])
def test_other_settlement_periods(scenario, minutes):
    """5-, 30- and 60-minute periods run, and energy is that of 15-minute periods but for noise."""
    base = ga.run(scenario).kpis.loc["consumption", "value"]
    other = ga.run(scenario.override({"time.period_minutes": minutes}))
    assert len(other["intervals"]) == 2 * 24 * 60 // minutes
    assert other.kpis.loc["consumption", "value"] == pytest.approx(base, rel=0.15)


@pytest.mark.compiled
def test_quickstart_is_plausible():
    """The built-in week keeps its bands: the supplier covers its cost, part of the surplus sells online (ill)."""
    kpis = ga.run("quickstart")["kpis"].set_index(["kpi", "scope"])["value"]
    assert kpis["mean_pool_price", "system"] < 0.353
    assert 0.2 < kpis["surplus_sold_online", "system"] < 0.9
    assert kpis["supplier_profit", "system"] > 0
    assert kpis["curtailed", "system"] == 0
    assert kpis["shed_load", "system"] == 0
    assert 0.5 < kpis["auction_efficiency", "system"] <= 1
    assert kpis["mean_pool_price", "system"] < kpis["mean_auction_price", "system"]
    assert kpis["loss_rate", "system"] == pytest.approx(0.045, abs=1e-4)


@pytest.mark.compiled
@pytest.mark.parametrize("name", ["baseline_traditional", "one_factory_one_price", "online_auction_uniform", "tou"])
def test_built_in_scenarios_run(name):
    """Every built-in scenario runs two days and closes its books."""
    result = ga.run(ga.load(name, {"time.days": 2, "households.count": 100}))
    assert result["profit"]["result"].sum() == pytest.approx(0, abs=1e-6)
    assert (result.kpis.loc["auction_volume", "value"] > 0) == (name in ("online_auction_uniform", "tou"))


def test_time_of_use_moves_load(scenario):
    """Dear hours carry less, cheap hours more load than under the flat tariff, on the same draws."""
    flat = ga.run(scenario)["intervals"].groupby("period")["consumption_kwh"].sum()
    tou = ga.run(ga.load("tou", TINY))["intervals"].groupby("period")["consumption_kwh"].sum()
    assert tou[40:80].sum() < flat[40:80].sum()
    assert tou[:24].sum() > flat[:24].sum()


def test_feed_in_funded_by_levy(scenario):
    """Where the levy funds feed-in, the government pays the supplier's loss on it."""
    result = ga.run(scenario.override({"tariffs.feed_in.fund": "levy"}))
    rows = result["ledger"]
    paid = rows[(rows["payer"] == "government") & (rows["payee"] == "supplier")]
    assert (paid["account"] == "feed_in").all()
    assert paid["amount"].sum() > 0


def test_plots_take_a_result(on_disk):
    """The figures of the report are public, and take a result as it is."""
    axes = ga.plot.load_by_source(on_disk)
    assert "kW" in axes.get_ylabel()
