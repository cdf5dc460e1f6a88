import math

import numpy as np
import pandas as pd
import pytest

from gridagora.sim.metrics import METRICS, Kpi, kpis

NAN = float("nan")


@pytest.fixture
def record():
    """One day of two half-hour periods in two areas: 10 households with PV, 2 firms, a coal plant, imports."""
    intervals = pd.DataFrame(
        {
            "day": 0,
            "period": [0, 0, 1, 1],
            "area": ["n", "s", "n", "s"],
            "consumption_kwh": [10.0, 5.0, 20.0, 10.0],
            "losses_kwh": [0.5, 0.5, 1.0, 0.0],
            "export_kwh": [0.0, 0.0, 0.0, 6.0],
            "generation_pv_kwh": [4.0, 0.0, 6.0, 0.0],
            "withdrawal_kwh": [9.0, 5.0, 18.0, 10.0],
            "injection_kwh": [3.0, 0.0, 5.0, 0.0],
            "shed_kwh": [0.0, 0.0, 2.0, 0.0],
            "curtailed_kwh": [0.0, 0.25, 0.0, 0.25],
            "activation_up_kwh": [1.0, 0.0, 0.0, 0.0],
            "activation_down_kwh": [0.0, 0.0, 0.0, 3.0],
            "pool_price": [0.2, 0.3, 0.4, NAN],
            "pool_volume_kwh": [10.0, 10.0, 20.0, 0.0],
            "auction_price": [0.4, NAN, 0.3, NAN],
            "auction_volume_kwh": [1.0, 0.0, 3.0, 0.0],
            "auction_surplus": [0.1, 0.0, 0.2, 0.0],
            "auction_max_surplus": [0.1, 0.0, 0.3, 0.0],
            "stranded_hedge_kwh": [0.5, 0.0, 1.5, 0.0],
        }
    )
    rows = [
        ("households", "supplier", "retail", "", 12.0),
        ("households", "grid_company", "network", "", 3.0),
        ("households", "esco:1", "service", "esco", 100.0),
        ("firms", "supplier", "retail", "", 20.0),
        ("supplier", "households", "feed_in", "", 1.5),
        ("platform", "households", "auction", "", 1.3),
        ("firms", "platform", "auction", "", 1.3),
        ("supplier", "grid_company", "pool", "", 9.0),
        ("supplier", "grid_company", "imbalance", "", 0.4),
        ("grid_company", "firms", "imbalance", "", 0.1),
        ("grid_company", "plant:coal", "balancing", "", 0.3),
        ("plant:coal", "grid_company", "balancing", "", 0.2),
        ("plant:coal", "outside", "fuel", "", 4.0),
        ("imports", "outside", "fuel", "", 2.5),
    ]
    ledger = pd.DataFrame(rows, columns=["payer", "payee", "account", "business_model", "amount"]).assign(day=0)
    plants = pd.DataFrame({"plant": ["plant:coal", "imports"], "generation_kwh": [30.0, 10.0]})
    plants["co2_kg_per_kwh"] = [0.9, 0.5]
    bills = pd.DataFrame({"population": "households", "line": ["network", "feed-in"], "quantity": [42.0, 2.0]})
    meta = {
        "currency": "CNY",
        "hours_per_period": 0.5,
        "days": 1,
        "value_of_lost_load_per_kwh": 10.0,
        "grid_factor_kg_per_kwh": 0.5366,
        "members": {"households": 10, "firms": 2},
    }
    return {"intervals": intervals, "ledger": ledger, "plants": plants, "bills": bills, "meta": meta}


@pytest.mark.parametrize(
    ("kpi", "scope", "value", "unit"),
    [
        ("consumption", "system", 45.0, "kWh"),
        ("peak_load", "system", 60.0, "kW"),  # 30 kWh in half an hour
        ("load_factor", "system", 0.75, "1"),  # mean 45 kW
        ("mean_pool_price", "system", 0.325, "CNY/kWh"),  # (2 + 3 + 8) / 40
        ("mean_auction_price", "system", 0.325, "CNY/kWh"),  # (0.4 + 0.9) / 4
        ("auction_volume", "system", 4.0, "kWh"),
        ("surplus_sold_online", "system", 0.75, "1"),  # 2 of 8 kWh were fed in
        ("self_consumption", "system", 0.2, "1"),  # 2 of 10 kWh
        ("self_sufficiency", "system", 3 / 45, "1"),  # 42 of 45 kWh pass a meter
        ("bill", "households", 12.2, "CNY"),  # 12 + 3 - 1.5 - 1.3; the service belongs to a business model
        ("bill", "firms", 21.2, "CNY"),
        ("bill", "system", 33.4, "CNY"),
        ("bill_per_member_month", "households", 1.22 * 30.4375, "CNY"),
        ("pv_income", "system", 2.8, "CNY"),
        ("pv_income", "firms", 0.0, "CNY"),
        ("supplier_profit", "system", 21.1, "CNY"),  # 32 - 1.5 - 9 - 0.4
        ("grid_company_result", "system", 12.2, "CNY"),  # 3 + 9 + 0.4 - 0.1 - 0.3 + 0.2
        ("cost_of_supply", "system", 6.5, "CNY"),
        ("auction_gains", "system", 0.3, "CNY"),
        ("cost_of_supply_and_shed_load", "system", 26.5, "CNY"),  # 6.5 + 2 x 10
        ("auction_efficiency", "system", 0.75, "1"),
        ("stranded_hedge", "system", 2.0, "kWh"),
        ("imbalance_volume", "system", 4.0, "kWh"),
        ("imbalance_cost", "system", 0.3, "CNY"),
        ("balancing_cost", "system", 0.1, "CNY"),
        ("losses", "system", 2.0, "kWh"),
        ("loss_rate", "system", 0.04, "1"),  # 2 of 42 + 6 + 2
        ("shed_load", "system", 2.0, "kWh"),
        ("curtailed", "system", 0.5, "kWh"),
        ("co2", "system", 32.0, "kg"),
        ("co2_average_factor", "system", 21.464, "kg"),  # 40 x 0.5366
    ],
)
def test_each_figure_has_its_value_and_unit(record, kpi, scope, value, unit):
    """Every key figure of the small record equals the number worked out by hand."""
    rows = kpis(record)
    found = rows[(rows.kpi == kpi) & (rows.scope == scope)]
    assert found["value"].tolist() == [pytest.approx(value, rel=1e-12)]
    assert found["unit"].tolist() == [unit]


def test_without_trade_there_is_no_mean(record):
    """A run without auction has no mean price and no efficiency; its volume is 0 and all surplus is fed in."""
    intervals = record["intervals"].assign(auction_price=NAN, auction_surplus=0.0)
    intervals[["auction_volume_kwh", "auction_max_surplus"]] = 0.0
    bills = record["bills"].assign(quantity=[42.0, 8.0])
    rows = kpis({**record, "intervals": intervals, "bills": bills}).set_index(["kpi", "scope"])["value"]
    assert math.isnan(rows["mean_auction_price", "system"])
    assert math.isnan(rows["auction_efficiency", "system"])
    assert rows["auction_volume", "system"] == 0.0
    assert rows["surplus_sold_online", "system"] == 0.0


def test_chosen_metrics_only(record):
    """Names choose metrics and their order; unknown ones are refused with the list."""
    rows = kpis(record, ["shed_load", "losses"])
    assert rows.kpi.tolist() == ["shed_load", "losses", "loss_rate"]
    assert rows.columns.tolist() == ["kpi", "scope", "value", "unit"]
    assert kpis(record, []).empty
    with pytest.raises(KeyError, match="metrics: given happiness; allowed: consumption, peak_load"):
        kpis(record, ["losses", "happiness"])


def test_a_metric_is_added_by_name(record, monkeypatch):
    """A function of the record that returns rows is all it takes."""
    monkeypatch.setitem(METRICS, "periods", lambda r: [Kpi("periods", "system", len(r["intervals"]), "1")])
    assert kpis(record).iloc[-1].tolist() == ["periods", "system", 4, "1"]


def test_a_missing_table_is_named(record):
    """A record without plants cannot give emissions; one without bills has sold all surplus online."""
    del record["plants"], record["bills"]
    with pytest.raises(KeyError, match="needs the table 'plants'; the record has: intervals, ledger, meta"):
        kpis(record, ["co2"])
    assert kpis(record, ["surplus_sold_online"])["value"].tolist() == [1.0]


def test_every_metric_states_its_unit(record):
    """The first line of each docstring holds the unit in brackets, and every row has one."""
    for name, metric in METRICS.items():
        assert "[" in (metric.__doc__ or "").split("\n")[0], name
        assert all(row.unit for row in metric(record)), name


def test_several_suppliers_are_one_role(record):
    """Profits of supplier:a and supplier:b add up."""
    ledger = record["ledger"].replace("supplier", "supplier:a")
    extra = ledger[ledger.payer == "firms"].assign(payee="supplier:b", amount=np.array([1.0, 2.0]))
    record["ledger"] = pd.concat([ledger, extra])
    assert kpis(record, ["supplier_profit"])["value"].tolist() == [pytest.approx(24.1)]
