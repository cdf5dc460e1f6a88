"""The electric nanny by hand: hazard, accidents that are drawn, cash of every party (D3c)."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gridagora.agents.business_models import life as frame
from gridagora.agents.business_models.contracts import DEFAULTED, Contracts
from gridagora.agents.business_models.electric_nanny import ElectricNanny, ServiceItem
from gridagora.agents.business_models.events import events, held_years, poisson_quantile
from gridagora.agents.business_models.frame import CUSTOMER, PROVIDER, Customers, Meters
from gridagora.agents.business_models.lenders import Bank, Insurer
from gridagora.agents.business_models.life import Partners
from gridagora.agents.business_models.terms import Finance
from gridagora.markets.strategies.draws import Draws

#: One visit a month halves hazards; 10 kVA and 1 kW on average; two years.
NANNY = ElectricNanny(
    connection={"load_factor": 0.1, "power_factor": 1.0},
    visit_effect_months=float(np.log(2)),
    visit_cost=10.0,
    shocks_per_year=0.02,
    faults_per_year=1.0,
    damage_per_shock=10_000.0,
    cost_per_repair=500.0,
    hours_per_fault=10.0,
    loss_per_kwh=6.0,
    liability_share=0.3,
    leak_protector={"cost_per_kva": 4.0, "every_years": 1},
    knife_switch={"cost_per_kva": 3.0, "every_years": 10},
    wiring_check={"cost_per_kva": 2.0, "every_years": 2},
    added_share=0.1,
    fuel_per_kwh=0.7,
    term_years=2,
    life_years=2,
    finance=Finance(discount_rate=0.10),
)
MEAN = {"shocks": 0.01, "faults": 0.5}


def people(n=1, annual=8760.0):
    """Return farms of 1 kW on average."""
    ones, numbers = np.ones(n), np.arange(n)
    return Customers(
        population="farms", row=numbers, number=numbers, annual_kwh=annual * ones, withdrawn_kwh=annual * ones,
        price_per_kwh=0.5 * ones, feed_in_per_kwh=0.36, income=9000 * ones, default_per_year=0.02 * ones,
        credit_score=0 * ones, profile=np.full(n, "L0"), pv_kwh=0 * ones, battery_kwh=0 * ones, owns={},
        satisfaction=0 * ones, draws=Draws(1, "farms"), vendor_price=1.0,
        meter=lambda pv, battery: (annual * ones - pv, battery),
    )  # fmt: skip


def test_hazard_falls_exponentially_with_visits():
    """By h = h0 exp(-kappa nu) a half after one visit a month, a quarter after two, and all without any are left."""
    assert NANNY.hazard_left == pytest.approx(0.5)
    for visits, left in ((0.0, 1.0), (2.0, 0.25), (0.5, 0.5**0.5)):
        model = NANNY.model_copy(update={"visits_per_month": visits})
        q = model.expected(people())
        assert q["faults"][0] == pytest.approx(1.0 * left)
        assert q["shocks"][0] == pytest.approx(0.02 * left)
        assert q["base_faults"][0] == 1.0


@given(st.floats(0, 10), st.floats(0, 10), st.floats(0, 3))
def test_more_visits_never_raise_the_hazard(few, more, effect):
    """Whatever kappa, the hazard falls with visits, and log(h) in proportion to them."""
    low, high = (ElectricNanny(visits_per_month=v, visit_effect_months=effect).hazard_left for v in (few, few + more))
    assert high <= low <= 1
    assert np.log(low) == pytest.approx(-effect * few, abs=1e-9)


def test_cash_by_hand():
    """Fee 360, crews 120, works 70 and 10 a year and 40 after one, damage 100 and 250 and 30, and 876 kWh."""
    q = NANNY.expected(people())
    assert (q["kva"][0], q["capex"][0], q["added_kwh"][0]) == pytest.approx((10, 70, 876))
    flows = frame.life(NANNY, q, Partners())
    damage = 0.01 * 10_000 + 0.5 * 500
    avoided = 0.02 * 10_000 + 1.0 * (500 + 60)
    gain = 876 * (0.7 - 0.5)
    yearly = -360 - damage - 0.5 * 60 + 0.3 * damage + avoided + gain
    assert frame.net(flows, CUSTOMER)[0] == pytest.approx([0, yearly, yearly])
    margin = 360 - 120 - 10 - 0.3 * damage
    assert frame.net(flows, PROVIDER)[0] == pytest.approx([-70, margin, margin - 40])
    assert frame.net(flows, "vendor")[0] == pytest.approx([70, 0, 40])
    assert frame.net(flows, "supplier")[0] == pytest.approx([0, 438, 438])
    found = frame.worth(frame.net(flows, PROVIDER)[0], 0.10)
    assert margin == pytest.approx(125)
    assert found.npv == pytest.approx(-70 + 125 / 1.1 + 85 / 1.21)
    assert -70 * (1 + found.irr) ** 2 + 125 * (1 + found.irr) + 85 == pytest.approx(0, abs=1e-9)


def test_every_flow_has_two_sides_and_the_canvas_maps():
    """With loan, tax, insurance, damage and subsidy the parties' cash sums to nothing in each year."""
    finance = Finance(debt_share=0.5, subsidy_share=0.1, insured=True, damage_per_year=0.05, tax_rate=0.25)
    model = ElectricNanny(finance=finance)
    q = model.expected(people(3))
    q["debt"] = 0.45 * q["capex"]
    flows = frame.life(model, q, Partners(Bank(), Insurer()))
    cash_of = frame.per_party(flows)
    assert sum(cash_of.values()) == pytest.approx(np.zeros(11), abs=1e-9)
    assert model.canvas.faults(model, {flow.account for flow in flows}, cash_of, q) == []
    own = {f.account for f in flows if PROVIDER in (f.payer, f.payee)}
    covered = {account for entry in (*model.canvas.costs, *model.canvas.revenues) for account in entry.accounts}
    assert own <= covered


def test_works_come_again():
    """What lasts a year is due in each year after the first, what lasts three in every third."""
    assert [float(ServiceItem(cost_per_kva=4.0).due(age)) for age in range(4)] == [0, 4, 4, 4]
    item = ServiceItem(cost_per_kva=4.0, every_years=3)
    assert item.due(np.arange(7)).tolist() == [0, 0, 0, 4, 0, 0, 4]
    free = ElectricNanny(leak_protector=ServiceItem(cost_per_kva=0.0), knife_switch=ServiceItem(cost_per_kva=0.0))
    assert [flow.amount.tolist() for flow in free.upfront(free.expected(people()))] == [[0.0], [0.0]]


def test_a_quantile_of_the_poisson_distribution():
    """With a mean of 1: nothing up to 0.3679, one up to 0.7358, two up to 0.9197; with a mean of 0 nothing."""
    draws = np.array([0.36, 0.37, 0.73, 0.74, 0.91, 0.92])
    assert poisson_quantile(draws, np.ones(6)).tolist() == [0, 1, 1, 2, 2, 3]
    assert poisson_quantile(draws, np.zeros(6)).tolist() == [0] * 6
    assert poisson_quantile(np.array([np.exp(-1.0)]), np.ones(1)).tolist() == [0]


def test_accidents_are_drawn_by_member_and_month_and_agree_with_the_hazard():
    """Of 4,000 farms in 12 months 0.5 faults each, give or take three standard errors; asked twice, the same."""
    customers = people(4000)
    model = NANNY.model_copy(update={"hazard_sigma": 0.0})
    q = model.truth(customers, model.expected(customers))
    months = [events(q["faults_key"], q["faults"], np.full(4000, month / 12), 1 / 12) for month in range(12)]
    total = np.sum(months, axis=0)
    assert total.mean() == pytest.approx(0.5, abs=3 * (0.5 / 4000) ** 0.5)
    assert total.var() == pytest.approx(0.5, abs=0.05)
    assert (months[3] != months[4]).any()
    again = events(q["faults_key"][:10], q["faults"][:10], np.full(10, 3 / 12), 1 / 12)
    assert again.tolist() == months[3][:10].tolist()


def test_dangerous_farms_differ_and_keep_the_mean():
    """Own hazards scatter about the mean with and without contract alike."""
    customers = people(20_000)
    q = NANNY.truth(customers, NANNY.expected(customers))
    assert q["faults"].mean() == pytest.approx(0.5, rel=0.02)
    assert np.log(q["faults"]).std() == pytest.approx(0.5, rel=0.02)
    assert q["faults"] == pytest.approx(q["base_faults"] / 2)
    assert (q["shocks_key"] != q["faults_key"]).any()


def test_what_happened_is_settled():
    """Rates of accidents since the last bill are whole numbers over its time; the price is the metered one."""
    customers = people(50)
    q = NANNY.truth(customers, NANNY.expected(customers))
    zero = np.zeros(50)
    meters = Meters(0.5, zero, zero, zero, zero, zero + 0.6, zero, zero, zero)
    realised = NANNY.realised(q, meters, zero)
    assert set((realised["faults"] * 0.5).tolist()) <= {0.0, 1.0, 2.0, 3.0, 4.0}
    assert realised["faults"].sum() > 0
    assert realised["price_per_kwh"].tolist() == [0.6] * 50
    repairs = next(flow for flow in NANNY.yearly(realised, 0) if flow.account == "repairs")
    assert repairs.amount == pytest.approx(500 * realised["faults"])
    assert NANNY.effect(q, np.array([0.0, 2.0] * 25))["added_kwh"][:2] == pytest.approx([876, 0])


def test_indicators_by_hand():
    """Two farms for a year: one shock, three faults, 4,380 h between failures, 15 h each without supply."""
    books = pd.DataFrame(
        [
            ("farms", "outside", "shock_damage", 10_000.0),
            ("farms", "outside", "repairs", 1500.0),
            ("farms", "grid_company", "service_fee", 720.0),
            ("grid_company", "outside", "visits", 240.0),
        ],
        columns=["payer", "payee", "account", "amount"],
    )
    contracts, customers = Contracts(), people(2)
    agreed = NANNY.expected(customers)
    contracts.sign(customers.row, customers.number, 0, agreed, {**NANNY.truth(customers, agreed), **agreed})
    contracts.age += 1
    found = {kpi.kpi: kpi.value for kpi in NANNY.indicators(books, contracts, 364)}
    assert (found["nanny_shocks"], found["nanny_faults"], found["nanny_margin"]) == (1, 3, 480)
    assert found["nanny_expected_events"] == pytest.approx(2 * 0.51)
    assert found["nanny_expected_without"] == pytest.approx(2 * 1.02)
    assert found["nanny_time_between_failures"] == pytest.approx(2 * 8760 / 4)
    assert found["nanny_availability"] == pytest.approx(1 - 30 / (2 * 8760))
    assert found["nanny_added_energy"] == pytest.approx(2 * 876)
    assert NANNY.indicators(books, Contracts(), 364) == []
    quiet = {kpi.kpi: kpi.value for kpi in NANNY.indicators(books[2:], contracts, 364)}
    assert np.isnan(quiet["nanny_time_between_failures"])
    dearer = NANNY.model_copy(update={"finance": Finance(inflation=0.02)}).indicators(books, contracts, 364)
    assert [kpi.kpi for kpi in dearer if np.isnan(kpi.value)] == [
        "nanny_shocks", "nanny_faults", "nanny_time_between_failures", "nanny_availability",
    ]  # fmt: skip
    contracts.elapsed += 2.0
    contracts.end(np.array([1]), 183, DEFAULTED)
    assert held_years(contracts, 364, 2).tolist() == [2.0, 0.5]


def test_bad_terms_are_refused():
    """Damage without cost could not be counted; more visits than days, negative fees and shares above one are none."""
    for terms in (
        {"cost_per_repair": 0.0}, {"visits_per_month": 32.0}, {"fee_per_kva_month": -1.0}, {"liability_share": 1.1},
        {"leak_protector": {"cost_per_kva": -1.0}}, {"connection": {"load_factor": 0.0}},
    ):  # fmt: skip
        with pytest.raises(ValidationError, match=next(iter(terms))):
            ElectricNanny(**terms)
