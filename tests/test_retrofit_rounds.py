"""Firms that save energy under a contract in a run: who invests, what falls, who owes whom; books close."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.customers import incomes
from gridagora.agents.retrofit import CONTRACTS, ContractTerms, Measure, contract_dues, contract_values
from gridagora.scenarios.choice_rounds import ChoiceRound
from gridagora.scenarios.load import ScenarioError, load
from gridagora.scenarios.run import expected_tables
from gridagora.scenarios.simulation import Simulation
from gridagora.sim.finance import annuity_factor

#: Audits expect 20 %, a quarter of which fails to appear: 15 % is saved. All decide, and take what is best.
SURE = {
    "every_months": 1,
    "audit_share": 1.0,
    "saving_min": 0.2,
    "saving_max": 0.2,
    "deviation": 0.0,
    "performance_gap": 0.25,
    "sensitivity": 1000.0,
}
#: Firms keep 90 % under shared savings, and there is nothing to gain under a trust or a guarantee.
SHARED = {**SURE, "capital_months": 0.0, "contract": {"customer_share": 0.9, "discount": 0.0}}
#: 30 June ends a month; 1 and 2 July are the last days of the run.
RUN = {
    "time.start": "2016-06-30",
    "time.days": 3,
    "time.period_minutes": 60,
    "market.online": False,
    "households.count": 5,
    "firms.count": 3,
    "firms.annual_kwh_min": 100_000.0,
    "firms.annual_kwh_max": 100_000.0,
    "firms.pv_share": 0.0,
    "farms": None,
}


def run(retrofit=None, block=None, **changed):
    """Return a finished run, and what firms had used after its first day [kWh]."""
    terms = {} if retrofit is None else {"firms.retrofit": retrofit}
    model = Simulation(load("quickstart", {**RUN, **terms, **changed}), block=block)
    model.step()
    first = model.recorder.used["firms"] / 1e6
    while model.running:
        model.step()
    return model, first


def amounts(model, account):
    """Return what was paid on an account by day, payer and payee [1e-6 currency]."""
    rows = model.ledger.frame().query("account == @account")
    return {(row.day, row.payer, row.payee): row.amount_micro for row in rows.itertuples()}


def first_bill(model):
    """Return what firms were billed for the first day [1e-6 currency]."""
    rows = model.ledger.frame().query("day == 0 and payer == 'firms' and business_model == ''")
    return int(rows["amount_micro"].sum())


def test_dues_by_hand():
    """A bill of 5000, 500 expected and 300 saved, 1000 invested: shared 240, guarantee 20 less 100, trust 300 less 400.

    With 500 saved 400, 20 + 50 and 100; who makes things worse shares nothing.
    """
    every = np.arange(5)

    def due(saved):
        return contract_dues(every, np.full(5, saved), 500.0, 1000.0, 5000.0, ContractTerms()).tolist()

    assert due(300.0) == pytest.approx([0, 0, 240, -80, -100])
    assert due(500.0) == pytest.approx([0, 0, 400, 70, 100])
    assert due(-100.0) == pytest.approx([0, 0, 0, -480, -500])


@given(
    st.floats(0.0, 0.5),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 0.2),
)
@settings(max_examples=60)
def test_dues_are_those_that_firms_count_with(saving, share, guarantee, bonus, rate):
    """Without risk, the present value of saving less dues and own investment is the one by which firms choose."""
    terms = ContractTerms(5, share, guarantee, bonus)
    mean, _ = contract_values(Measure([1000.0], [5000.0], [saving], [0.0]), terms, rate)
    saved = np.full(5, saving * 5000.0)
    due = contract_dues(np.arange(5), saved, saved, 1000.0, 5000.0, terms)
    whole, during = annuity_factor(rate, 10), annuity_factor(rate, 5)
    years = np.array([0.0, whole, during, whole, during])
    own = np.array([0.0, 1000.0, 0.0, 1000.0, 0.0])
    value = whole * saved * [0, 1, 1, 1, 1] - years * due - own
    assert value == pytest.approx(mean[0], abs=1e-6)


def test_shared_savings_by_hand():
    """The company invests 1.5 x 20 % of 100,000 kWh for each of three firms; 85,000 kWh are left from 1 July on."""
    model, first = run(SHARED)
    plain, _ = run()
    firms = model.firms
    assert firms.members.annual_kwh.tolist() == [85_000.0] * 3
    assert firms.billing.mean_kw == pytest.approx([85_000 / 8760] * 3, rel=1e-6)
    assert amounts(model, "investment") == {(0, "esco", "outside"): 90_000_000_000}
    later, before = model.recorder.used["firms"] / 1e6 - first, plain.recorder.used["firms"] / 1e6 - first
    assert later == pytest.approx(0.85 * before, rel=1e-6)
    table = model.recorder.frame("retrofits").set_index(["month", "contract"])
    assert table.loc[(0, "shared_savings"), "chosen"] == 3
    assert table["firms"].to_numpy().reshape(2, 5).tolist() == [[0, 0, 3, 0, 0]] * 2
    assert table.loc[(0, "shared_savings"), "expected_saving_kwh"] == pytest.approx(60_000.0)
    assert table.loc[(0, "shared_savings"), "true_saving_kwh"] == pytest.approx(45_000.0)
    assert table["chosen"].loc[1].sum() == 0


def test_savings_are_shared():
    """Firms pay 10 % of 15 % of the bill of their first day, for each of the two days that follow."""
    model, _ = run(SHARED)
    paid = amounts(model, "energy_service")
    assert list(paid) == [(2, "firms", "esco")]
    assert paid[2, "firms", "esco"] == pytest.approx(0.1 * 0.15 * first_bill(model) * 2, abs=3)
    due = model.recorder.frame("retrofits").query("month == 1 and contract == 'shared_savings'")["due"]
    assert due.item() * 1e6 == pytest.approx(paid[2, "firms", "esco"], abs=0.5)
    assert sum(model.ledger.balances().values()) == 0


def test_own_finance_needs_capital():
    """With money enough firms invest themselves where contracts are poor; without, nobody does."""
    poor = {"customer_share": 0.0, "discount": 0.0, "guarantee": 0.0, "bonus": 1.0}
    terms = {**SURE, "contract": {**poor, "term_years": 10}, "capital_months": 120.0}
    model, _ = run(terms)
    assert amounts(model, "investment") == {(0, "firms", "outside"): 90_000_000_000}
    assert amounts(model, "energy_service") == {}
    model, _ = run({**terms, "capital_months": 0.0, "sensitivity": 0.0})
    frame = model.recorder.frame("retrofits").query("month == 0").set_index("contract")
    assert frame.loc[["self_finance", "guaranteed_savings"], "chosen"].tolist() == [0, 0]
    assert frame["chosen"].sum() == 3
    assert frame.loc["none", ["investment", "expected_saving_kwh", "true_saving_kwh"]].tolist() == [0, 0, 0]


def test_the_company_pays_what_it_guaranteed():
    """All of 20 % is guaranteed, free of charge, so all sign for it; the company pays for what fails to appear."""
    contract = {"guarantee": 1.0, "bonus": 0.0, "fee": 0.0, "customer_share": 0.0, "discount": 0.0, "term_years": 10}
    terms = {**SURE, "contract": contract, "capital_months": 120.0, "deviation": 0.01}
    model, _ = run(terms, **{"firms.count": 1})
    row = model.recorder.frame("retrofits").query("chosen == 1")
    assert row["contract"].item() == "guaranteed_savings"
    missing = 0.2 - row["true_saving_kwh"].item() / 100_000
    assert 0.02 < missing < 0.08
    paid = amounts(model, "energy_service")
    assert paid == {(2, "esco", "firms"): pytest.approx(missing * first_bill(model) * 2, rel=1e-5)}


def test_income_and_the_day_itself_stay():
    """Who saves energy earns what it earned, and the day of the decision is metered as it was."""
    model, first = run(SHARED)
    plain, same = run()
    assert incomes(model.firms).tolist() == incomes(plain.firms).tolist()
    assert first.tolist() == same.tolist()
    assert model.firms.next_kwh is None


def test_audited_once_signed_and_never_on_the_last_day():
    """Firms with the measure are done; a run that ends with the month decides no more; nobody is audited at 0."""
    model, _ = run(SHARED, **{"time.start": "2016-05-31", "time.days": 31, "households.count": 1})
    table = model.recorder.frame("retrofits")
    assert table["month"].tolist() == [0] * 5 + [1] * 5
    assert table.groupby("month")["chosen"].sum().tolist() == [3, 0]
    half, _ = run({**SHARED, "audit_share": 0.5}, **{"time.start": "2016-05-31", "time.days": 32, "firms.count": 40})
    table = half.recorder.frame("retrofits")
    first, second, last = table.groupby("month")["chosen"].sum().tolist()
    assert 10 < first < 30
    assert 0 < second < 40 - first
    assert last == 0
    assert table.query("month == 2")["firms"].tolist() == [40 - first - second, 0, first + second, 0, 0]
    model, _ = run({**SHARED, "audit_share": 0.0})
    assert model.recorder.frame("retrofits")["chosen"].sum() == 0
    assert model.firms.first_kwh is None


def test_blocks_change_nothing():
    """Who saves how much does not depend on the members a block."""
    terms = {"every_months": 1, "audit_share": 0.7}
    one, _ = run(terms, **{"firms.count": 40})
    other, _ = run(terms, block=7, **{"firms.count": 40})
    assert one.recorder.frame("retrofits").equals(other.recorder.frame("retrofits"))
    assert one.ledger.balances() == other.ledger.balances()
    signed = one.recorder.frame("retrofits").query("month == 0")
    assert 15 < signed["chosen"].sum() < 40
    gap = signed["true_saving_kwh"].sum() / signed["expected_saving_kwh"].sum()
    assert gap == pytest.approx(0.8, abs=0.15)


def test_offers_are_compared_with_the_load_that_is_left(monkeypatch):
    """Who looks around after a retrofit sees under its present offer exactly what it is billed, contract included."""
    seen = []

    def compare(self, model, day, cohort):
        own = cohort.trial.bills()[np.arange(cohort.rows.size), self.population.members.offer[cohort.rows]]
        seen.append((own, self.population.billing.last_bills[cohort.rows] / 1e6))

    monkeypatch.setattr(ChoiceRound, "_decide", compare)
    contracted = {"kind": "flat", "capacity": {"contracted_to_mean": 3.0, "window_minutes": 60}}
    menu = {"kind": "menu", "outside": "contracted", "options": {"contracted": contracted, "other": {"kind": "flat"}}}
    run(SHARED, **{"tariffs.commercial": menu, "firms.choice": {"consider_per_month": 1.0}})
    assert len(seen) == 2
    for own, billed in seen:
        assert own.tolist() == billed.tolist()


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"saving_min": 0.3, "saving_max": 0.2}, r"saving_max: given 0.2; allowed at least saving_min, which is 0.3"),
        ({"life_years": 4}, r"life_years: given 4; allowed at least contract.term_years, which is 5"),
        ({"every_months": 2}, r"firms.retrofit.every_months: given 2 in a run over 2 calendar months; allowed below"),
        ({"performance_gap": 1.0}, r"performance_gap"),
        ({"saving_min": 0.0}, r"saving_min"),
    ],
)
def test_refused(terms, message):
    """Every refusal names the key, what was given and what is allowed."""
    with pytest.raises(ScenarioError, match=message):
        load("quickstart", {**RUN, "firms.retrofit": {"every_months": 1, **terms}})


def test_days_in_a_row_and_a_table():
    """Representative days have no month ends; the section has its table, of five contracts."""
    with pytest.raises(ScenarioError, match=r"firms.retrofit: given with time.representative_days"):
        load("quickstart", {"firms.retrofit": {"every_months": 1}, "time.representative_days": {"count": 3}})
    assert "retrofits" in expected_tables(load("quickstart", {**RUN, "firms.retrofit": SURE}))
    assert len(CONTRACTS) == 5
