"""Equipment services in small runs: what is posted, who defaults, what happens to farms, classes of reliability."""

import numpy as np
import pytest

from gridagora.scenarios.load import load
from gridagora.scenarios.run import run

SMALL = {"time.representative_days": {"count": 2}, "households.count": 10, "firms.count": 30, "farms.count": 40}
EAGER = {"channel": {"first_month": 0, "reach_share": 1.0}, "acceptance": {"hassle": -20.0}}


def outcome(*models, scenario="equipment_services", **changed):
    """Return a small run with some business models."""
    return run(load(scenario).override({**SMALL, "business_models": list(models), **changed}))


def figures(result):
    """Return key figures of business models by name."""
    rows = result["kpis"]
    return {(scope, kpi): value for scope, kpi, value in zip(rows["scope"], rows["kpi"], rows["value"], strict=True)}


def paid(result, account, model):
    """Return what was paid on an account in the year [currency]."""
    rows = result["ledger"]
    rows = rows[(rows["account"] == account) & (rows["business_model"] == model)]
    weight = rows.get("weight", 1)
    return float((rows["amount"] * weight).sum())


@pytest.fixture(scope="module")
def year():
    """A year with all farms under contract, and firms that rent, finance or buy."""
    return outcome(
        {"kind": "electric_nanny", "population": "farms", "term_years": 2, **EAGER},
        {"kind": "equipment_rental", **EAGER, "risk": {"default_per_year": 0.0}},
        {"kind": "equipment_instalment", **EAGER, "risk": {"default_per_year": 0.0}},
        {"kind": "equipment_purchase", **EAGER, "acceptance": {"capital_months": 0.0}},
        {"kind": "premium_supply", **EAGER, "target_share": 0.5},
        {"kind": "revenue_adequacy"},
    )


def test_the_nanny_is_paid_by_size_and_month(year):
    """Fees of a year are 36 currency/kVA of all that stayed, and less where a farm defaulted."""
    contracts = year["contracts"]
    of = contracts[contracts["business_model"] == "electric_nanny"]
    assert len(of) == 40
    kva = of["terms"].str.extract(r'"kva": ([0-9.]+)')[0].astype(float)
    stayed = (of["status"] == "running").to_numpy()
    fees = paid(year, "service_fee", "electric_nanny")
    assert 36 * kva[stayed].sum() <= fees + 1e-3 <= 36 * kva.sum() + 1e-2
    assert paid(year, "liability", "electric_nanny") == pytest.approx(
        0.3 * (paid(year, "shock_damage", "electric_nanny") + paid(year, "repairs", "electric_nanny")), abs=1e-3
    )
    assert paid(year, "avoided_damage", "electric_nanny") == 0


def test_accidents_are_whole_and_near_their_hazard(year):
    """Of about 16 expected faults of 40 farms a whole number has happened, within five standard deviations."""
    found = figures(year)
    for name, unit in (("shock_damage", 30_000), ("repairs", 600)):
        count = paid(year, name, "electric_nanny") / unit
        assert count == pytest.approx(round(count), abs=1e-4)
    happened = found["electric_nanny", "nanny_shocks"] + found["electric_nanny", "nanny_faults"]
    expected = found["electric_nanny", "nanny_expected_events"]
    assert happened > 0
    assert abs(happened - expected) < 5 * np.sqrt(expected)
    without = found["electric_nanny", "nanny_expected_without"]
    assert expected == pytest.approx(without * np.exp(-0.7))
    assert 0.99 < found["electric_nanny", "nanny_availability"] < 1
    assert found["electric_nanny", "nanny_added_energy"] > 0


def test_firms_have_one_machine_and_no_money_for_a_purchase(year):
    """Every firm rents or pays by instalments; a rent of a year is paid, and stages and machines at once."""
    contracts = year["contracts"]
    of = contracts[contracts["business_model"].isin(["equipment_rental", "equipment_instalment", "equipment_purchase"])]
    assert of["party"].is_unique
    assert set(of["business_model"]) == {"equipment_rental", "equipment_instalment"}
    rent = of["terms"].str.extract(r'"rent": ([0-9.]+)')[0].astype(float).sum()
    assert paid(year, "rent", "equipment_rental") == pytest.approx(rent, rel=1e-6)
    machines = paid(year, "equipment", "equipment_rental")
    assert paid(year, "installation", "equipment_rental") == pytest.approx(0.08 * machines, rel=1e-6)
    assert paid(year, "planning", "equipment_instalment") == pytest.approx(
        0.02 * paid(year, "equipment", "equipment_instalment"), rel=1e-6
    )
    assert paid(year, "retail", "equipment_rental") == 0


def test_every_canvas_is_filled_and_no_party_is_forgotten(year):
    """Canvases have amounts from the books, the network's too, and all cash sums to nothing."""
    canvas = year["canvas"].groupby(["business_model", "entry"])["amount"].sum()
    assert canvas["premium_supply", "fees"] > 0
    assert canvas["revenue_adequacy", "network charges"] > 0
    cash = year["business_cash"].groupby(["business_model", "basis", "year"])["amount"].sum()
    assert cash.abs().max() < 1e-6
    assert figures(year)["revenue_adequacy", "adequacy_stable"] == 1
    assert "CNY/kWh" in set(year["kpis"]["unit"])


def test_machines_of_those_who_default_are_sold():
    """Who defaults within the year leaves 55 % of what is owed, all of it or what half a year's instalments leave."""
    result = outcome({"kind": "equipment_instalment", **EAGER, "risk": {"default_per_year": 1.0}})
    contracts = result["contracts"]
    of = contracts[(contracts["business_model"] == "equipment_instalment") & (contracts["status"] == "defaulted")]
    assert 5 < len(of) <= 30
    owed = of["terms"].str.extract(r'"owed": ([0-9.]+)')[0].astype(float).sum()
    sold = paid(result, "residual", "equipment_instalment")
    assert 0.55 * 0.8 * owed < sold <= 0.55 * owed * (1 + 1e-6)


def test_classes_of_reliability_have_books_of_their_own():
    """Charges and refunds of tariffs with a service class fill the canvas of the model that reads them."""
    days = {"time": {"start": "2016-01-04", "days": 2, "period_minutes": 60}, "households.count": 50}
    changed = {**days, "firms.count": 3, "farms.count": 1}
    scenario = load("reliability_menu").override({**changed, "business_models": [{"kind": "reliability_classes"}]})
    result = run(scenario)
    bills = result["bills"]
    charged = bills.loc[bills["line"].str.startswith("service at"), "amount"].sum()
    found = figures(result)
    assert found["reliability_classes", "reliability_charged"] == pytest.approx(charged, abs=1e-4)
    refunds = -bills.loc[bills["line"] == "energy not served", "amount"].sum()
    assert found["reliability_classes", "reliability_refunded"] == pytest.approx(refunds, abs=1e-4)
    canvas = result["canvas"].set_index("entry")["amount"]
    assert canvas["charges of the classes"] == pytest.approx(charged, abs=1e-4)
    assert found["reliability_classes", "reliability_cut_off_firm"] == pytest.approx(4 / 0.019)
