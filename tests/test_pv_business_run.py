"""PV contracts, asset services and the renewable quota in runs: what is posted is what meters say; books close (D2)."""

import numpy as np
import pandas as pd
import pytest

from gridagora.agents.business_models.asset_services import OperationMaintenance, SubstationLease
from gridagora.agents.business_models.pv_investment import PvLease, PvLoan, PvOwner, PvPowerPurchase
from gridagora.agents.business_models.terms import Finance
from gridagora.scenarios.business_rounds import operations_of
from gridagora.scenarios.load import load
from gridagora.scenarios.simulation import Simulation
from gridagora.scenarios.testing import BusinessModelContract

FINANCE = Finance(debt_share=0.5, subsidy_share=0.1, insured=True, damage_per_year=0.01, tax_rate=0.25)


class TestPowerPurchase(BusinessModelContract):
    """A power purchase keeps what business models must."""

    business_model = PvPowerPurchase(finance=FINANCE, certificate_price=10.0, roof_rent_per_kwp=20.0)


class TestLease(BusinessModelContract):
    """So does a lease."""

    business_model = PvLease(finance=FINANCE, buyout_share=0.1)


class TestLoan(BusinessModelContract):
    """So does a loan."""

    business_model = PvLoan(finance=Finance(subsidy_share=0.1), subsidy_per_kwh=0.05)


class TestOwner(BusinessModelContract):
    """So does a sale."""

    business_model = PvOwner()


class TestMaintenance(BusinessModelContract):
    """So does maintenance."""

    business_model = OperationMaintenance(finance=Finance(tax_rate=0.25))


class TestSubstation(BusinessModelContract):
    """So does a lease of a substation."""

    business_model = SubstationLease(finance=FINANCE, residual_share=0.1)


SMALL = {
    "households": None,
    "farms.count": 2,
    "farms.pv_share": 0.0,
    "firms.count": 8,
    "firms.pv_share": 0.0,
    "market.online": False,
    "time.period_minutes": 60,
    "outputs.members": 2,
}
MONTH = {"time.days": 30, "time.start": "2016-06-01"}
YEARS = {"time.representative_days": {"count": 3, "years": 2, "each_year": True}}
#: Everybody hears of it, and signs, before the first day; nobody defaults.
ALL = {
    "population": "firms",
    "channel": {"first_month": 0, "reach_share": 1.0},
    "acceptance": {"trust": 100.0, "value_weight": 0.0, "risk_weight": 0.0, "capital_months": 1000.0},
    "risk": {"default_per_year": 0.0},
}


def finished(*models, **more):
    """Return the run of a few firms with business models, after its last day."""
    scenario = load("quickstart", {**SMALL, **more, "business_models": [{**ALL, **each} for each in models]})
    model = Simulation(scenario)
    while model.running:
        model.step()
    model.ledger.check()
    return model


def posted(model):
    """Return what was posted by business model and account, days by their weight [currency]."""
    books = model.ledger.frame()
    weight = model.parts.horizon.weight_of(books["day"])
    books["amount"] = books["amount_micro"] / 1e6 * weight
    return books.groupby(["business_model", "account"])["amount"].sum()


def table(model, name):
    """Return a table that the recorder keeps."""
    return pd.concat([pd.DataFrame(part) for part in model.recorder.kept[name]], ignore_index=True)


def test_power_purchase_is_what_meters_say():
    """In June the host pays 0.9 of 0.7 for what it uses of PV, and passes 0.36 on for all that it feeds in."""
    terms = {"kind": "pv_power_purchase", "size_share": 0.8, "roof_rent_per_kwp": 20.0}
    model = finished(terms, **MONTH, **{"tariffs.feed_in.price_per_kwh": 0.36})
    (operation,) = operations_of(model)
    assert len(operation.contracts) == 8
    meters, books = table(model, "intervals"), posted(model)["pv_power_purchase"]
    made, fed = meters["generation_pv_kwh"].sum(), meters["injection_kwh"].sum()
    assert fed > 100
    assert books["pv_export"] == pytest.approx(0.36 * fed, rel=1e-6)
    assert books["power_purchase"] == pytest.approx(0.9 * 0.7 * (made - fed), rel=1e-6)
    kwp = operation.contracts.agreed["kwp"].sum()
    assert books["roof_rent"] == pytest.approx(20 * kwp * 30 / 366)
    assert books["operation"] == pytest.approx(60 * kwp * 30 / 366)
    assert books["investment"] == pytest.approx(3_500 * kwp)


def test_hosts_do_not_pay_for_what_is_curtailed():
    """Where most of what could be fed in is curtailed, hosts pay for no more than what is left."""
    model = finished({"kind": "pv_power_purchase", "size_share": 6.0}, **MONTH)
    meters, (operation,) = table(model, "intervals"), operations_of(model)
    made, fed, lost = (meters[name].sum() for name in ("generation_pv_kwh", "injection_kwh", "curtailed_kwh"))
    assert lost > 0.3 * fed
    elapsed = operation.contracts.elapsed[0]
    metered = operation.contracts.sums["generated_kwh"].sum() / elapsed
    used = operation.contracts.sums["self_kwh"].sum() / elapsed
    assert metered * 30 / 366 == pytest.approx(made, rel=1e-6)
    assert used * 30 / 366 == pytest.approx(made - fed, rel=1e-6)


def test_roofs_are_taken_once():
    """Four contracts compete for eight roofs: each has one at most, and all four kinds may be signed."""
    free = {"acceptance": {"trust": 20.0, "value_weight": 0.0, "capital_months": 1000.0}}
    kinds = ("pv_power_purchase", "pv_lease", "pv_loan", "pv_owner")
    model = finished(*({"kind": kind, **free} for kind in kinds), **{"firms.count": 40, "time.days": 2})
    rows = [operation.contracts.row for operation in operations_of(model)]
    assert all(row.size for row in rows)
    assert sorted(np.concatenate(rows).tolist()) == list(range(40))
    members = next(each for each in model.populations if each.name == "firms").members
    assert (members.pv_annual_kwh > 0).all()


def test_quota_by_the_books():
    """Over two years suppliers owe a fifth of what they sell; certificates and penalties are posted as the table says.

    All that hosts generate is minted, what is over 1,000 kWh carried on.
    """
    terms = {"kind": "pv_lease", "certificate_price": 12.0, "size_share": 0.3, "performance_gap": 0.0}
    rules = {"government.renewable_quota": 0.2, "government.quota_penalty_per_kwh": 0.05}
    model = finished(terms, **YEARS, **rules)
    years, books, meters = table(model, "renewable_quota"), posted(model), table(model, "intervals")
    assert years["year"].tolist() == [1, 2]
    assert years["required"].tolist() == np.ceil(0.2 * years["sold_kwh"] / 1_000).astype(int).tolist()
    assert (years["bought"] + years["missing"] == years["required"]).all()
    assert set(years["price_per_certificate"]) <= {12.0, 50.0}
    made = meters["generation_pv_kwh"] @ meters["weight"]
    assert years["issued"].sum() == int(made / 1_000)
    assert books["pv_lease"]["certificates"] == pytest.approx(years["cost"].sum(), abs=1e-3)
    assert years["cost"].sum() == pytest.approx((years["bought"] * years["price_per_certificate"]).sum())
    assert books["renewable_quota"]["quota_penalty"] == pytest.approx(50 * years["missing"].sum(), abs=1e-3)
    assert years["due"].sum() == 50 * years["missing"].sum()


def test_quota_without_contracts():
    """In a month in which nobody generates, suppliers pay for all that they owe, once, on the last day."""
    model = finished(**MONTH, **{"government.renewable_quota": 0.1})
    (row,) = table(model, "renewable_quota").to_dict("records")
    assert (row["issued"], row["bought"]) == (0, 0)
    books = model.ledger.frame()
    penalty = books[books["account"] == "quota_penalty"]
    assert penalty["day"].tolist() == [29]
    assert penalty["amount_micro"].tolist() == [row["missing"] * 50_000_000]


def test_one_kwh_is_not_sold_twice():
    """A quota and firms that buy certificates of the same generation are refused."""
    with pytest.raises(ValueError, match=r"government.renewable_quota: given .* both would sell the same kWh twice"):
        finished(**MONTH, **{"government.renewable_quota": 0.1, "firms.green_power": {}})


def test_low_risk_only():
    """A provider that avoids risk offers where nobody defaults, and nothing where one in fifty does every year."""
    careful = {"kind": "pv_power_purchase", "finance": {"low_risk_only": True}, "size_share": 0.2}
    for default, signed in ((0.0, 8), (0.02, 0)):
        model = finished({**careful, "risk": {"default_per_year": default}}, **{"time.days": 1})
        assert len(operations_of(model)[0].contracts) == signed


def test_maintenance_in_a_run():
    """In a year fees are 2 % of the assets; repairs and penalties are for whole failures of 6 hours each."""
    terms = {"kind": "operation_maintenance", "failures_per_year": 3.0, "failure_sigma": 0.0}
    model = finished(terms, **{"time.representative_days": {"count": 3}, "firms.count": 20})
    (operation,) = operations_of(model)
    books, held = posted(model)["operation_maintenance"], operation.contracts
    value = held.agreed["asset_value"]
    assert books["service_fee"] == pytest.approx(0.02 * value.sum(), rel=1e-6)
    from gridagora.agents.business_models.asset_services import failures_of

    failures = failures_of(held.true["failures"], held.true["luck"], np.zeros(20))
    assert failures.max() > 1
    assert books["repairs"] == pytest.approx(0.01 * failures @ value, rel=1e-6)
    beyond = np.maximum(6 * failures - 6, 0)
    assert books["service_penalty"] == pytest.approx(0.05 * 0.02 * beyond @ value, rel=1e-6)
    assert "lost_load" not in books


def test_substation_in_a_run():
    """Rent of a twelfth of a year; what the customer is spared at once is counted and not posted."""
    model = finished({"kind": "substation_lease", "need_share": 1.0}, **MONTH)
    (operation,) = operations_of(model)
    books, capex = posted(model)["substation_lease"], operation.contracts.agreed["capex"].sum()
    rent = 1.1 * (capex * 0.07 / (1 - 1.07**-10) + 0.015 * capex)
    assert books["rent"] == pytest.approx(rent * 30 / 366, rel=1e-6)
    assert books["investment"] == pytest.approx(capex, rel=1e-9)
    assert set(books.index) == {"rent", "investment", "operation", "cost_of_sales"}


def test_scenario_of_ten_years():
    """The scenario, with fewer members and two of its years: all contracts are on offer, some run, books close."""
    scenario = load(
        "pv_business",
        {
            "households.count": 40,
            "firms.count": 10,
            "time.representative_days": {"count": 3, "years": 2, "each_year": True},
        },
    )
    model = Simulation(scenario)
    while model.running:
        model.step()
    model.ledger.check()
    months = table(model, "business_months").groupby("business_model")["signed"].sum()
    assert len(months) == 8
    assert months.sum() > 3
    later = table(model, "renewable_quota")
    assert later["issued"].iloc[-1] > later["issued"].iloc[0]
