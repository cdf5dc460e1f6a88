"""Supply of high quality by hand: lifetime value, precision of a ranking, cash of every party (D8.2)."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gridagora.agents.business_models import life as frame
from gridagora.agents.business_models.contracts import LEFT, Contracts
from gridagora.agents.business_models.frame import CUSTOMER, PROVIDER, Customers, Meters
from gridagora.agents.business_models.lenders import Bank, Insurer
from gridagora.agents.business_models.life import Partners
from gridagora.agents.business_models.premium_supply import PremiumSupply
from gridagora.agents.business_models.targeting import best, lifetime_value, precision_at_k
from gridagora.agents.business_models.terms import Finance
from gridagora.markets.strategies.draws import Draws

#: 10 kVA and 1 kW on average; five interruptions of two hours a year, one of which is left; two years.
PREMIUM = PremiumSupply(
    connection={"load_factor": 0.1, "power_factor": 1.0},
    fee_per_kva_month=25.0,
    maintenance_share=0.02,
    interruptions_per_year=5.0,
    hours_per_interruption=2.0,
    loss_per_kwh=400.0,
    loss_sigma=0.0,
    compensation_per_kwh=5.0,
    energy_margin_per_kwh=0.05,
    churn_per_year=0.2,
    churn_left=0.5,
    target_share=0.4,
    term_years=2,
    life_years=2,
    finance=Finance(discount_rate=0.10),
)


def people(n=1, annual=8760.0, default=0.02):
    """Return firms of 1 kW on average."""
    ones, numbers = np.ones(n), np.arange(n)
    return Customers(
        population="firms", row=numbers, number=numbers, annual_kwh=annual * ones, withdrawn_kwh=annual * ones,
        price_per_kwh=0.7 * ones, feed_in_per_kwh=0.36, income=9000 * ones, default_per_year=default * ones,
        credit_score=0 * ones, profile=np.full(n, "G0"), pv_kwh=0 * ones, battery_kwh=0 * ones, owns={},
        satisfaction=0 * ones, draws=Draws(1, "firms"), vendor_price=1.0,
        meter=lambda pv, battery: (annual * ones - pv, battery),
    )  # fmt: skip


def test_lifetime_value_of_customers_who_stay():
    """100 a year, a tenth lost each year, 10 % interest: 100 x (0.818182 + 0.669421) over two years."""
    assert float(lifetime_value(100.0, 0.9, 0.1, 2)) == pytest.approx(100 * (0.9 / 1.1 + 0.81 / 1.21))
    assert lifetime_value(np.array([1.0, 2.0]), 0.0, 0.1, 5).tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match=r"stays: given 1\.1"):
        lifetime_value(100.0, 1.1, 0.1, 2)


def test_precision_of_a_short_list():
    """Of five customers, the three that look best hold two of the three that are; the best one is missed."""
    score = np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    value = np.array([10.0, 40.0, 20.0, 50.0, 5.0])
    assert precision_at_k(score, value, 3) == pytest.approx(2 / 3)
    assert precision_at_k(score, value, 1) == 0.0
    assert precision_at_k(score, value, 5) == 1.0
    assert best(np.array([1.0, 3.0, 3.0, 3.0]), 2).tolist() == [False, True, True, False]
    assert not best(score, 0).any()
    with pytest.raises(ValueError, match="k: given 6; allowed 0 to 5"):
        best(score, 6)
    with pytest.raises(ValueError, match="k: given 0; allowed 1 to 5"):
        precision_at_k(score, value, 0)


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=30, unique=True), st.data())
def test_a_perfect_ranking_has_precision_one(values, data):
    """Whoever ranks by true value, in whatever unit, finds the best k for every k."""
    value = np.array(values, np.float64)
    k = data.draw(st.integers(1, value.size))
    assert precision_at_k(3 * value + 1, value, k) == 1.0
    assert 0 <= precision_at_k(-value, value, k) <= 1


def test_cash_by_hand():
    """A fee of 3000 for 4500 of feeds and 90 of upkeep; one interruption of 2 kWh in place of five; who stays."""
    q = PREMIUM.expected(people())
    assert (q["kva"][0], q["capex"][0], q["kwh"][0], q["interruptions"][0]) == pytest.approx((10, 4500, 2, 1))
    flows = frame.life(PREMIUM, q, Partners())
    customer = -3000 + 5 * 2 - 2 * 400 + 5 * 2 * 400
    assert frame.net(flows, CUSTOMER)[0] == pytest.approx([0, customer, customer])
    kept = 0.05 * 8760
    provider = 3000 - 90 - 10 + kept * np.array([0.9 - 0.8, 0.81 - 0.64])
    assert frame.net(flows, PROVIDER)[0] == pytest.approx([-4500, *provider])
    assert frame.net(flows, PROVIDER, metered=False)[0] == pytest.approx([-4500, 2900, 2900])
    assert frame.values(PREMIUM, flows, CUSTOMER)[0] == pytest.approx(210 / 1.1 + 210 / 1.21)
    found = frame.worth(frame.net(flows, PROVIDER)[0], 0.1)
    assert found.npv == pytest.approx(-4500 + provider[0] / 1.1 + provider[1] / 1.21)
    assert -4500 * (1 + found.irr) ** 2 + provider[0] * (1 + found.irr) + provider[1] == pytest.approx(0, abs=1e-8)


def test_every_flow_has_two_sides_and_the_canvas_maps():
    """With loan, tax, insurance, damage and subsidy the parties' cash sums to nothing in each year."""
    finance = Finance(debt_share=0.5, subsidy_share=0.1, insured=True, damage_per_year=0.05, tax_rate=0.25)
    model = PremiumSupply(finance=finance)
    q = model.expected(people(3))
    q["debt"] = 0.45 * q["capex"]
    flows = frame.life(model, q, Partners(Bank(), Insurer()))
    cash_of = frame.per_party(flows)
    assert sum(cash_of.values()) == pytest.approx(np.zeros(11), abs=1e-9)
    assert model.canvas.faults(model, {flow.account for flow in flows}, cash_of, q) == []
    own = {f.account for f in flows if PROVIDER in (f.payer, f.payee) and not f.metered}
    covered = {account for entry in (*model.canvas.costs, *model.canvas.revenues) for account in entry.accounts}
    assert own <= covered


@pytest.mark.parametrize(("scope", "capex", "left"), [("dedicated_line", 300, 0.5), ("ups", 900, 0.02)])
def test_what_is_built_decides_what_is_left(scope, capex, left):
    """A dedicated line leaves half of the interruptions, an uninterruptible supply a fiftieth."""
    q = PREMIUM.model_copy(update={"scope": scope}).expected(people())
    assert q["capex"][0] == pytest.approx(10 * capex)
    assert q["interruptions"][0] == pytest.approx(5 * left)


def test_losses_differ_and_customers_know_theirs():
    """With a scatter of 0.8 the mean loss stays 30, and sensitive customers gain what the others would not."""
    model = PremiumSupply()
    q = model.expected(people(20_000))
    assert q["loss_per_kwh"].mean() == pytest.approx(30, rel=0.03)
    gains = frame.values(model, frame.life(model, q, Partners()), CUSTOMER) > 0
    assert 0.1 < gains.mean() < 0.4
    assert q["loss_per_kwh"][gains].min() > q["loss_per_kwh"][~gains].max()


def test_the_provider_calls_on_those_who_seem_best():
    """Two of five are called on; with nothing unknown they are the best."""
    customers = people(5, annual=np.array([2.0, 9.0, 4.0, 8.0, 1.0]) * 1e4)
    knows = PREMIUM.model_copy(update={"estimate_sigma": 0.0})
    seen, true = knows.lifetime_values(customers)
    assert seen.tolist() == true.tolist()
    assert knows.eligible(customers).tolist() == [False, True, False, True, False]
    assert knows.expected(customers)["lifetime_value"].tolist() == seen.tolist()
    margin = (3000 - 90 - 10) / 8760 * 9e4 + 0.05 * 9e4
    stays = 0.98 * 0.9 / 1.1
    assert true[1] == pytest.approx(margin * (stays + stays**2) - 4500 / 8760 * 9e4)
    assert [knows.targets(n) for n in (0, 1, 2, 5)] == [0, 1, 1, 2]
    careless = people(5, annual=np.array([2.0, 9.0, 4.0, 8.0, 1.0]) * 1e4, default=np.array([0, 1.0, 0, 0, 0]))
    assert knows.eligible(careless).tolist() == [False, False, True, True, False]


def test_ignorance_costs_precision():
    """The noisier the estimate, the fewer of the best are among those called on; chance alone would find 30 %."""
    annual = 1e4 * 10 ** np.linspace(0, 1, 3000)
    customers, precision = people(3000, annual=annual), []
    for sigma in (0.0, 0.2, 0.8):
        model = PremiumSupply(estimate_sigma=sigma)
        seen, true = model.lifetime_values(customers)
        precision.append(precision_at_k(seen, true, model.targets(3000)))
    assert precision[0] == 1.0 > precision[1] > precision[2] > 0.3


def test_interruptions_that_happened_and_shortages_are_compensated():
    """Rates are whole numbers over the time; what the system sheds is compensated too."""
    customers = people(200)
    q = PREMIUM.truth(customers, PREMIUM.expected(customers))
    zero = np.zeros(200)
    realised = PREMIUM.realised(q, Meters(0.5, zero, zero, zero, zero, zero, zero, zero, zero + 3.0), zero)
    assert (realised["interruptions"] * 0.5 == np.rint(realised["interruptions"] * 0.5)).all()
    assert realised["interruptions"].mean() == pytest.approx(1.0, abs=3 * (2 / 200) ** 0.5)
    paid = next(flow for flow in PREMIUM.yearly(realised, 0) if flow.account == "compensation").amount
    assert paid == pytest.approx(5 * (2 * realised["interruptions"] + 3))
    assert q["lifetime_value"] == pytest.approx(PREMIUM.lifetime_values(customers)[1])


def test_indicators_by_hand():
    """Four contracts of a year, one of them left; of the two that looked best one is; 20 kWh were compensated."""
    books = pd.DataFrame(
        [("firms", "grid_company", "service_fee", 900.0), ("grid_company", "firms", "compensation", 100.0)],
        columns=["payer", "payee", "account", "amount"],
    )
    contracts, customers = Contracts(), people(4)
    agreed = PREMIUM.expected(customers)
    agreed["lifetime_value"] = np.array([4.0, 3.0, 2.0, 1.0])
    true = {**PREMIUM.truth(customers, agreed), "lifetime_value": np.array([30.0, 10.0, 10.0, 20.0])}
    contracts.sign(customers.row, customers.number, 0, agreed, true)
    contracts.age += 1
    contracts.end(np.array([0]), 364, LEFT)
    found = {kpi.kpi: kpi.value for kpi in PREMIUM.indicators(books, contracts, 364)}
    assert found["premium_precision"] == 0.5
    assert found["premium_retention"] == 0.75
    assert found["premium_margin"] == 800
    assert found["premium_energy_not_served"] == pytest.approx(20)
    assert found["premium_expected_not_served"] == pytest.approx(4 * 2)
    assert found["premium_lifetime_value"] == 70
    free = PREMIUM.model_copy(update={"compensation_per_kwh": 0.0})
    unknown = {kpi.kpi: kpi.value for kpi in free.indicators(books, contracts, 364)}
    dearer = PREMIUM.model_copy(update={"finance": Finance(inflation=0.02)}).indicators(books, contracts, 364)
    assert np.isnan(unknown["premium_energy_not_served"])
    assert [kpi.kpi for kpi in dearer if np.isnan(kpi.value)] == ["premium_energy_not_served"]
    assert PREMIUM.indicators(books, Contracts(), 364) == []


def test_bad_terms_are_refused():
    """Unknown feeds, nobody called on, a share above one."""
    for terms in ({"scope": "cable"}, {"target_share": 0.0}, {"churn_left": 1.1}, {"fee_per_kva_month": -1.0}):
        with pytest.raises(ValidationError, match=next(iter(terms))):
            PremiumSupply(**terms)
