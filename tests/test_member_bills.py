"""Bills of single members and what populations cause, against the books; figures of equity by hand."""

import numpy as np
import pandas as pd
import pytest

import gridagora as ga
from gridagora.scenarios import member_bills
from gridagora.sim.metrics import kpis

SMALL = {
    "time.days": 1,
    "time.period_minutes": 60,
    "households.count": 30,
    "households.pv_share": 0.3,
    "households.archetypes": {
        "single": {"share": 0.5, "annual_kwh": 1000},
        "family": {"share": 0.5, "annual_kwh": 5000},
    },
    "firms.count": 2,
    "farms": None,
    "outputs.members": 3,
}


@pytest.fixture(scope="module")
def result():
    """Return the results of a small town with peer trade."""
    return ga.run(ga.load("quickstart", SMALL))


def test_bills_are_those_of_the_books(result):
    """Members' bills add up to what their population paid less what it received; their use to the meters' sum."""
    rows, ledger = result["member_bills"], result["ledger"]
    for name, part in rows.groupby("population"):
        paid = ledger["amount"][ledger["payer"] == name].sum() - ledger["amount"][ledger["payee"] == name].sum()
        assert part["bill"].sum() == pytest.approx(paid, abs=1e-6)
    assert rows["used_kwh"].sum() == pytest.approx(result["intervals"]["withdrawal_kwh"].sum(), abs=1e-6)
    assert rows.groupby("population").size().to_dict() == {"firms": 2, "households": 30}


def test_who_members_are(result):
    """Families use more than singles; households with PV are marked; firms are an archetype of their own."""
    rows = result["member_bills"].query("population == 'households'")
    use = rows.groupby("archetype")["annual_kwh"].mean()
    assert use["family"] > 2.5 * use["single"]
    assert 0 < rows["pv"].sum() < 30
    assert (rows["income"] > 0).all()
    assert set(rows["offer"]) == {"flat"}
    assert set(result["member_bills"].query("population == 'firms'")["archetype"]) == {"firms"}


def test_causes_add_up(result):
    """Cost at pool prices is that of the net load; parts of the peak are those of the period when all draw most."""
    rows, causes = result["intervals"], result["cost_causation"]
    net = rows["withdrawal_kwh"] - rows["injection_kwh"]
    assert causes["pool_cost"].sum() == pytest.approx((net * rows["pool_price"]).sum(), rel=1e-9)
    assert causes["peak_kwh"].sum() == pytest.approx(rows["withdrawal_kwh"].max())
    assert causes["withdrawal_kwh"].sum() == pytest.approx(rows["withdrawal_kwh"].sum())
    assert causes["injection_kwh"].sum() == pytest.approx(rows["injection_kwh"].sum())


def test_large_populations_are_sampled(monkeypatch):
    """Beyond the limit only the sampled members are listed, by their own numbers."""
    monkeypatch.setattr(member_bills, "MOST_MEMBERS", 10)
    model = ga.Simulation(ga.load("quickstart", SMALL))
    model.step()
    rows = pd.DataFrame(model.recorder.finish(model)["member_bills"]).query("population == 'households'")
    assert rows["member"].tolist() == [0, 14, 29]
    households = model.households
    assert rows["bill"].tolist() == pytest.approx((households.billed[households.rows[[0, 14, 29]]] / 1e6).tolist())


def test_included_energy_is_use():
    """With a package every kWh counts, included or not."""
    world = {**SMALL, "tariffs.residential.package": {"included_kwh": 1000.0, "fee_per_month": 10.0}, "firms": None}
    found = ga.run(ga.load("quickstart", world))
    assert found["member_bills"]["used_kwh"].sum() == pytest.approx(
        found["intervals"]["withdrawal_kwh"].sum(), abs=1e-6
    )


def test_populations_without_income(result):
    """Where a population says nothing of income, there is none."""
    model = ga.Simulation(ga.load("quickstart", SMALL))
    households = model.households
    households.terms = households.terms.model_copy(update={"income": None})
    model.step()
    rows = pd.DataFrame(model.recorder.finish(model)["member_bills"])
    assert np.isnan(rows.query("population == 'households'")["income"]).all()


def test_figures_by_hand():
    """Bills 10 and 30 for 20 kWh each: variation 0.5, Gini 0.25; a population without listed members has no figure."""
    rows = pd.DataFrame({"population": ["homes"] * 2, "bill": [10.0, 30.0], "used_kwh": [20.0, 20.0]})
    record = {"member_bills": rows, "meta": {"members": {"homes": 2, "firms": 1}}}
    found = kpis(record, ["bill_equity"]).set_index(["kpi", "scope"])["value"].to_dict()
    assert found == {("bill_variation", "homes"): 0.5, ("unit_price_gini", "homes"): 0.25}
    assert kpis({"meta": {"members": {}}}, ["bill_equity", "cross_subsidy"]).empty
    idle = rows.assign(used_kwh=0.0)
    found = kpis({**record, "member_bills": idle}, ["bill_equity"]).set_index("kpi")["value"]
    assert np.isnan(found["unit_price_gini"])


def test_cross_subsidy_by_hand():
    """Homes pay 50, network 10 and levy 5 of it, and cause 30, the levy and 3/4 of 14: 4.5 beyond; firms 0.5."""
    ledger = pd.DataFrame(
        [
            ("homes", "supplier", "retail", 35.0),
            ("homes", "grid_company", "network", 10.0),
            ("homes", "government", "levy", 5.0),
            ("firms", "supplier", "retail", 10.0),
            ("firms", "grid_company", "network", 4.0),
        ],
        columns=["payer", "payee", "account", "amount"],
    ).assign(business_model="", day=0)
    causes = pd.DataFrame(
        {"population": ["homes", "homes", "firms"], "pool_cost": [20.0, 10.0, 10.0], "peak_kwh": [2.0, 1.0, 1.0]}
    )
    meta = {"currency": "CNY", "days": 30, "members": {"homes": 2, "firms": 1}}
    found = kpis({"ledger": ledger, "cost_causation": causes, "meta": meta}, ["cross_subsidy"])
    assert found.set_index("scope")["value"].to_dict() == pytest.approx({"homes": 4.5, "firms": 0.5})
