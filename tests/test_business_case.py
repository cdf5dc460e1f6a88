"""Paired runs with and without business models: what is compared, by hand, and in small runs."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import gridagora as ga
from gridagora.scenarios.business_case import compare, system_changes
from gridagora.scenarios.business_outcome import outcome_of
from gridagora.scenarios.run import Result
from gridagora.sim.ledger import UnbalancedBooks

#: What flows without business models: payer, payee, account, business model, amount [currency].
MARKETS = [
    ("households", "supplier", "retail", "", 100.0),
    ("supplier", "plant:a", "pool", "", 60.0),
    ("plant:a", "outside", "fuel", "", 50.0),
]
#: What flows with one: 20 less is sold, a fee of 12 is paid, a device of 5 is bought outside.
WITH_ONE = [
    ("households", "supplier", "retail", "", 80.0),
    ("households", "esco", "fee", "saver", 12.0),
    ("esco", "outside", "equipment", "saver", 5.0),
    ("supplier", "plant:a", "pool", "", 48.0),
    ("plant:a", "outside", "fuel", "", 40.0),
]
#: What members withdraw and inject in the two halves of a day [kWh].
METERS = {"without": ([120.0, 60.0], [0.0, 0.0]), "with": ([96.0, 48.0], [0.0, 24.0])}
#: Bills of two members without and with it; the second has signed.
BILLS = {"without": [60.0, 40.0], "with": [60.0, 20.0]}
KPIS = {
    "without": {"peak_load": 10.0, "co2": 100.0, "co2_average_factor": 90.0},
    "with": {"peak_load": 8.0, "co2": 84.0, "co2_average_factor": 72.0},
}
UNITS = {"peak_load": "kW", "co2": "kg", "co2_average_factor": "kg"}


def result(flows, run, *, income=(1000.0, 4000.0), weight=None, extra=()):
    """Return a finished run with these flows."""
    ledger = pd.DataFrame(flows, columns=["payer", "payee", "account", "business_model", "amount"])
    times = np.ones(len(ledger)) if weight is None else np.full(len(ledger), weight)
    if weight is not None:
        ledger["weight"] = weight
    got, paid = (((ledger["amount"] * times).groupby(ledger[side])).sum() for side in ("payee", "payer"))
    profit = got.sub(paid, fill_value=0.0).rename_axis("party").reset_index(name="result")
    kpis = [(name, "system", value, UNITS[name]) for name, value in KPIS[run].items()]
    kpis += [("bill", "households", sum(BILLS[run]), "CNY"), *extra]
    bills = {"population": ["households"] * 2, "member": [0, 1], "income": income, "bill": BILLS[run]}
    withdrawn, injected = METERS[run]
    meters = {"day": 0, "period": [0, 1], "withdrawal_kwh": withdrawn, "injection_kwh": injected}
    intervals = pd.DataFrame(meters) if weight is None else pd.DataFrame({**meters, "weight": weight})
    tables = {
        "ledger": ledger,
        "intervals": intervals,
        "profit": profit,
        "kpis": pd.DataFrame(kpis, columns=["kpi", "scope", "value", "unit"]),
        "member_bills": pd.DataFrame(bills),
        "plants": pd.DataFrame({"generation_kwh": [100.0 if run == "without" else 80.0]}),
        "contracts": pd.DataFrame({"party": ["households"]}),
    }
    if run == "with":
        columns = {"party": ["households:1", "households:1"], "paid": [12.0, 1.0], "received": [0.0, 1.0]}
        tables["contracts"] = pd.DataFrame(columns)
    return Result(tables, {"currency": "CNY"})


def pair(scale=1.0, **changed):
    """Return what is kept of both runs, all flows with the business model times a scale."""
    scaled = [(*flow[:4], flow[4] * scale) for flow in WITH_ONE]
    return outcome_of(result(MARKETS, "without", **changed)), outcome_of(result(scaled, "with", **changed))


def value(frame, *names):
    """Return the change of a row by its first columns."""
    return frame.set_index(list(frame.columns[: len(names)])).loc[names, "change"]


def test_parties_by_hand():
    """Households gain 8, of which 20 by the bill; the supplier loses 8, the plant 2; the company earns 7."""
    found = compare({"all": [pair()]}, [1]).parties
    results = found[found["measure"] == "result"].set_index("party")["change"]
    assert results.to_dict() == {"esco": 7.0, "households": 8.0, "outside": -5.0, "plant:a": -2.0, "supplier": -8.0}
    assert value(found, "all", "households", "bill") == -20
    assert value(found, "all", "households", "under_contracts") == -12
    assert value(found, "all", "households", "customer_surplus") == 8
    assert set(found["unit"]) == {"CNY"}
    row = found.set_index(["party", "measure"]).loc[("esco", "result")]
    assert (row["without"], row["with"]) == (0, 7)
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])


def test_comfort_counts_where_it_is_known():
    """A metric `comfort` of 3 in both runs, and 2 more with the business model: the surplus is 10."""
    before = outcome_of(result(MARKETS, "without", extra=[("comfort", "households", 3.0, "CNY")]))
    after = outcome_of(result(WITH_ONE, "with", extra=[("comfort", "households", 5.0, "CNY")]))
    found = compare({"all": [(before, after)]}, [1]).parties
    assert value(found, "all", "households", "comfort") == 2
    assert value(found, "all", "households", "customer_surplus") == 10


def test_the_books_close_in_whole_numbers():
    """Supply costs 10 less, 5 more go outside: all inside gain 5; days that stand for three count three times."""
    found = compare({"all": [pair()]}, [7]).identity
    assert found.iloc[0].to_dict() == {
        "case": "all",
        "seed": 7,
        "gains_micro": 5_000_000,
        "supply_cost_micro": -10_000_000,
        "from_outside_micro": -5_000_000,
    }
    days = compare({"all": [pair(weight=3)]}, [7])
    assert days.identity["gains_micro"].tolist() == [15_000_000]
    assert value(days.parties, "all", "households", "under_contracts") == -36
    assert value(days.system, "all", "net_load_factor", "system") == pytest.approx(5 / 8 - 7.5 / 10)


def test_a_hole_in_the_books_is_found():
    """A micro-unit that a party has from nowhere is refused."""
    before, after = pair()
    with pytest.raises(UnbalancedBooks, match="they differ by 1"):
        compare({"all": [(before, {**after, "inside": after["inside"] + 1})]}, [1])


def test_the_system_by_hand():
    """The net peak falls from 10 to 8 kW, worth 1000 a year; 16 kg from 20 kWh fewer: 0.8 kg/kWh at the margin."""
    found = compare({"all": [pair()]}, [1]).system
    assert value(found, "all", "peak_load", "system") == -2
    assert value(found, "all", "net_peak_load", "system") == -2
    assert value(found, "all", "net_load_factor", "system") == pytest.approx(5 / 8 - 7.5 / 10)
    assert value(found, "all", "avoided_capacity_cost", "system") == 1000
    assert value(found, "all", "co2_marginal_factors", "system") == -16
    assert value(found, "all", "co2_average_factors", "system") == -18
    assert value(found, "all", "co2_marginal_factor", "system") == pytest.approx(0.8)
    assert value(found, "all", "bill", "households") == -20


def test_who_loses_by_hand():
    """Nobody pays more; of gains of 0 and 8 one has all: Gini 0.5. A fee of 24 makes the rich one lose 4."""
    before, after = pair()
    changes = system_changes(before, after)
    assert changes["bill_change_gini", "households", "1"] == pytest.approx(0.5)
    assert changes["losers", "households", "1"] == changes["poor_losers", "households", "1"] == 0
    dear = {**after, "members": after["members"].assign(bill=[60.0, 44.0])}
    assert system_changes(before, dear)["losers", "households", "1"] == 0.5
    assert system_changes(before, dear)["poor_losers", "households", "1"] == 0
    before, after = pair(income=(4000.0, 1000.0))
    dear = {**after, "members": after["members"].assign(bill=[60.0, 44.0])}
    assert system_changes(before, dear)["poor_losers", "households", "1"] == 1
    same = system_changes(before, before)
    assert np.isnan(same["bill_change_gini", "households", "1"])
    assert np.isnan(value(compare({"all": [(before, before)]}, [1]).system, "all", "co2_marginal_factor", "system"))


def test_without_incomes_amounts_are_compared():
    """Changes of 0 and -8 again, and no poor."""
    changes = system_changes(*pair(income=(np.nan, np.nan)))
    assert changes["bill_change_gini", "households", "1"] == pytest.approx(0.5)
    assert np.isnan(changes["poor_losers", "households", "1"])


def test_intervals_are_those_of_pairs():
    """The company earns 7 and 14: mean 10.5, half width 12.706205 x 3.5; two cases stand side by side."""
    found = compare({"all": [pair(), pair(2.0)], "saver": [pair(), pair()]}, [1, 2]).parties
    row = found.set_index(["case", "party", "measure"]).loc[("all", "esco", "result")]
    assert (row["change"], row["high"] - 10.5, 10.5 - row["low"]) == pytest.approx((10.5, 44.471716, 44.471716))
    alone = found.set_index(["case", "party", "measure"]).loc[("saver", "esco", "result")]
    assert (alone["low"], alone["high"]) == (7, 7)


def test_satisfaction_where_it_is_followed():
    """The last month's mean of each population."""
    tables = dict(result(MARKETS, "without"))
    tables["satisfaction"] = pd.DataFrame({"population": ["households"] * 2, "mean": [0.1, 0.3]})
    kept = outcome_of(Result(tables, {"currency": "CNY"}))
    assert kept["kpis"]["satisfaction", "households", "1"] == 0.3


def worths(npv, irr, note):
    """Return a table on what contracts are worth to the provider."""
    bank = {"business_model": "saver", "basis": "true", "party": "bank", "npv": 0.0, "irr_note": "no cash flow"}
    row = {"business_model": "saver", "basis": "true", "party": "provider", "npv": npv, "irr": irr, "irr_note": note}
    row |= {"payback_years": 3.0, "discounted_payback_years": 4.0, "profitability": 1.1, "least_coverage": np.nan}
    return pd.DataFrame([row, bank])


def test_fuel_of_microgrids_counts():
    """Six kg of it come to the 84 kg of the units that ran, and to the 72 kg at the average factor."""
    tables = dict(result(WITH_ONE, "with"))
    tables["microgrid"] = pd.DataFrame({"figure": ["members", "co2_of_fuel"], "value": [9.0, 6.0]})
    kept = outcome_of(Result(tables, {"currency": "CNY"}))["kpis"]
    assert kept["co2_marginal_factors", "system", "kg"] == 90
    assert kept["co2_average_factors", "system", "kg"] == 78


def test_worth_over_replications():
    """Means over the pairs in which a measure exists; the note says why a return may not."""
    before, after = pair()
    runs = [
        (before, {**after, "worth": worths(10.0, 0.1, "")}),
        (before, {**after, "worth": worths(20.0, np.nan, "no sign change: never an outlay")}),
        (before, after),
    ]
    found = compare({"all": runs}, [1, 2, 3]).worth
    assert set(found["party"]) == {"provider"}
    found = found.set_index("measure")
    assert found.loc["npv", ["mean", "replications", "note"]].tolist() == [15.0, 2, ""]
    assert found.loc["irr", ["mean", "replications", "note"]].tolist() == [0.1, 1, "no sign change: never an outlay"]
    assert "least_coverage" not in found.index
    assert compare({"all": [(before, after)]}, [1]).worth.empty


@pytest.fixture(scope="module")
def town():
    """Return a year of a few members by three days, with two energy services."""
    service = {"population": "firms", "channel": {"reach_share": 1.0}, "acceptance": {"hassle": -100.0}}
    return ga.load(
        "quickstart",
        {
            "households.count": 12,
            "firms.count": 6,
            "farms": None,
            "time.start": "2016-01-01",
            "time.days": 366,
            "time.period_minutes": 60,
            "time.representative_days": {"count": 3},
            "market.online": False,
            "business_models": [
                {"kind": "shared_savings", "provider": "esco", **service},
                {"kind": "guaranteed_savings", "provider": "esco", **service},
            ],
            "counterparties.companies": ["esco"],
        },
    )


def test_a_scenario_with_and_without(town):
    """Firms use less and the company books its part; both cases share the runs without, households stay as they are."""
    heard = []
    case = ga.business_case(town, replications=2, progress=lambda done, of: heard.append((done, of)))
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert case.seeds == (42, 43)
    assert set(case.system["case"]) == {"all"}
    assert value(case.system, "all", "consumption", "system") < 0
    assert value(case.parties, "all", "esco", "result") != 0
    assert value(case.parties, "all", "households", "result") == 0
    assert {"agreed", "true"} == set(case.worth["basis"])
    flows = case.identity
    assert (flows["gains_micro"] == flows["from_outside_micro"] - flows["supply_cost_micro"]).all()
    assert (flows["supply_cost_micro"] < 0).all()
    supply = value(case.system, "all", "cost_of_supply", "system")
    assert supply == pytest.approx(flows["supply_cost_micro"].mean() / 1e6)


def test_each_business_model_alone(town):
    """Named models are runs of their own, and other values hold in all runs."""
    case = ga.business_case(town, ["guaranteed_savings"], replications=1, overrides={"seed": 7, "households.count": 5})
    assert case.seeds == (7,)
    assert set(case.worth["business_model"]) == set(case.parties["case"]) == {"guaranteed_savings"}
    bills = case.parties.set_index(["party", "measure"])["without"]
    assert bills["households", "bill"] == bills["households", "customer_surplus"] * -1


def test_what_cannot_be_compared_is_refused(town):
    """No business model, an unknown one, a text for a list, no pair."""
    with pytest.raises(ValueError, match="given no business_models"):
        ga.business_case("quickstart")
    with pytest.raises(KeyError, match="models: given pv; allowed: shared_savings, guaranteed_savings"):
        ga.business_case(town, ["pv"])
    with pytest.raises(ValueError, match=r"given the text 'shared_savings'; allowed a list of names"):
        ga.business_case(town, "shared_savings")
    with pytest.raises(ValueError, match="replications: given 0"):
        ga.business_case(town, replications=0)


def test_a_case_is_read_only():
    """Frames cannot be replaced by accident."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        compare({"all": [pair()]}, [1]).seeds = ()
