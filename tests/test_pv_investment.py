"""PV on customers' roofs by hand: cash, value and coverage of each party under each contract, learning, risk (D2)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gridagora.agents.business_models.catalogue import BUSINESS_MODELS
from gridagora.agents.business_models.financing import CLAIM, DEBT_SERVICE, LOAN, PREMIUM, REPLACEMENT, SUBSIDY, TAX
from gridagora.agents.business_models.frame import CUSTOMER, PROVIDER, Customers, Meters
from gridagora.agents.business_models.learning import price_after
from gridagora.agents.business_models.lenders import Bank, Insurer
from gridagora.agents.business_models.life import (
    Partners,
    coverage,
    life,
    net,
    parties,
    per_party,
    simulate,
    values,
    worth,
)
from gridagora.agents.business_models.low_risk import low_risk, worst_values
from gridagora.agents.business_models.pv_investment import PvLease, PvLoan, PvOwner, PvPowerPurchase
from gridagora.agents.business_models.terms import Finance, Risk
from gridagora.markets.strategies.draws import Draws
from gridagora.scenarios.business_offers import Offer, appraise
from gridagora.sim.finance import conditional_value_at_risk, lcoe

KINDS = (PvPowerPurchase, PvLease, PvLoan, PvOwner)
NOBODY, EVERYBODY = Partners(), Partners(Bank(), Insurer())
#: 10 kWp for 35,000 that make 11,000 kWh a year and do not age.
PLAIN = {"size_kwp": 10.0, "degradation": 0.0, "performance_gap": 0.0}


def firms(n=1, **changed):
    """Return firms of 100,000 kWh at 0.70 that would inject a quarter of what PV makes, at 0.36."""
    ones = np.ones(n)
    fields = {
        "population": "firms", "row": np.arange(n), "number": np.arange(n), "annual_kwh": 100_000 * ones,
        "withdrawn_kwh": 100_000 * ones, "price_per_kwh": 0.7 * ones, "feed_in_per_kwh": 0.36,
        "income": 200_000 * ones, "default_per_year": 0 * ones, "credit_score": 0 * ones, "profile": np.full(n, "G0"),
        "pv_kwh": 0 * ones, "battery_kwh": 0 * ones, "owns": {}, "satisfaction": 0 * ones,
        "draws": Draws(1, "firms"), "vendor_price": 1.0, "meter": lambda pv, _: (100_000 - 0.75 * pv, 0.25 * pv),
    }  # fmt: skip
    return Customers(**{**fields, **changed})


def case(kind, customers=None, partners=NOBODY, **terms):
    """Return a model, its expected quantities and its flows over a life."""
    model = kind(**{**PLAIN, **terms})
    q = model.expected(firms() if customers is None else customers)
    return model, q, life(model, q, partners)


def test_power_purchase_by_hand():
    """The provider pays 35,000, sells 8,250 kWh at 0.63, has 990 of surplus, pays 600 and 200 of rent: 5,387.50 a year.

    The host saves 577.50 and has 200 of rent for 20 years, then 5,775 and 990 less 600. The provider's value is
    22,075.25 at 7 %, its return 14.3371 %, and it is paid back after 6.4965 years.
    """
    model, _, flows = case(PvPowerPurchase, roof_rent_per_kwp=20.0)
    cash = net(flows, PROVIDER)[0]
    assert cash.tolist() == pytest.approx([-35_000] + [5_387.5] * 20 + [0] * 5)
    assert net(flows, CUSTOMER)[0].tolist() == pytest.approx([0] + [777.5] * 20 + [6_165] * 5)
    assert values(model, flows, PROVIDER)[0] == pytest.approx(22_075.251744)
    found = worth(cash, 0.07)
    assert found.irr == pytest.approx(0.14337065, abs=1e-8)
    assert found.payback_years == pytest.approx(35_000 / 5_387.5)
    assert found.profitability == pytest.approx(1 + 22_075.251744 / 35_000)
    assert values(model, flows, CUSTOMER)[0] == pytest.approx(777.5 * 8.5135637 + 6_165 * 3.7907868 / 1.1**20, abs=1e-3)


def test_lease_by_hand():
    """Rent is 1.05 (35,000 x 0.0943929 + 600) = 4,098.94: 2,666.06 a year are the host's, 3,498.94 the provider's."""
    model, _, flows = case(PvLease)
    assert net(flows, PROVIDER)[0].tolist() == pytest.approx([-35_000] + [3_498.940012] * 20 + [0] * 5)
    assert net(flows, CUSTOMER)[0].tolist() == pytest.approx([0] + [2_666.059988] * 20 + [6_165] * 5)
    assert values(model, flows, PROVIDER)[0] == pytest.approx(3_498.940012 * 10.5940142 - 35_000, abs=1e-3)
    assert worth(net(flows, PROVIDER)[0], 0.07).irr == pytest.approx(0.07750663, abs=1e-8)
    assert worth(net(flows, CUSTOMER)[0], 0.1).irr_note == "no sign change: never an outlay"


def test_loan_by_hand():
    """The host pays 7,000 at once and 3,804.30 for ten years; the bank has 6 %, the provider 1,750 and 60 a year."""
    _, _, flows = case(PvLoan)
    host = net(flows, CUSTOMER)[0]
    assert host.tolist() == pytest.approx([-7_000] + [2_300.697171] * 10 + [6_105] * 10 + [6_165] * 5)
    assert net(flows, PROVIDER)[0].tolist() == pytest.approx([1_750] + [60] * 20 + [0] * 5)
    assert net(flows, "vendor")[0, 0] == pytest.approx(33_250)
    bank = worth(net(flows, "bank")[0], 0.05)
    assert bank.irr == pytest.approx(0.06)
    assert bank.payback_years == pytest.approx(28_000 / 3_804.302829)
    assert worth(host, 0.1).irr == pytest.approx(0.35440609, abs=1e-8)


def test_own_money_by_hand():
    """The host pays 35,000 and has 6,105 a year: 17.1105 %, paid back after 5.7330 years; the system stays its own."""
    _, _, flows = case(PvOwner)
    found = worth(net(flows, CUSTOMER)[0], 0.1)
    assert net(flows, CUSTOMER)[0].tolist() == pytest.approx([-35_000] + [6_105] * 20 + [6_165] * 5)
    assert found.irr == pytest.approx(0.17110539, abs=1e-8)
    assert found.payback_years == pytest.approx(35_000 / 6_105)
    assert found.npv == pytest.approx(6_105 * 8.5135637 + 6_165 * 3.7907868 / 1.1**20 - 35_000, abs=1e-3)


def test_levelised_cost():
    """3,500 a kWp, 60 of upkeep, 1,100 kWh that fall by 0.5 % a year: 0.317380 a kWh at 6 % over 25 years (D2)."""
    model, q, flows = case(PvOwner, firms(meter=lambda pv, _: (0 * pv, 0 * pv)), size_kwp=1.0, degradation=0.005)
    upkeep = sum(flow.amount[0, 1:] for flow in flows if flow.account == "operation")
    made = next(flow.amount[0, 1:] for flow in flows if flow.account == "retail") / 0.7
    assert upkeep.tolist() == pytest.approx([60.0] * 25)
    assert made[:2].tolist() == pytest.approx([1_100, 1_094.5])
    assert lcoe(float(q["investment"][0]), upkeep, made, 0.06) == pytest.approx(0.3173804880, abs=1e-9)
    assert model.finance.debt_share == 0


def test_debt_service_coverage():
    """24,500 at 5 % for 8 years are 3,790.69 a year; 5,587.50 cover them 1.474 times, which is above 1.2: it is lent.

    At a price of 0.50 the 4,102.50 that are left cover them 1.08 times: there is no loan.
    """
    model, q, _ = case(PvPowerPurchase, finance=Finance(debt_share=0.7))
    flows = life(model, {**q, "debt": np.array([24_500.0])}, EVERYBODY)
    assert coverage(flows)[0] == pytest.approx(5_587.5 / 3_790.685, abs=1e-5)
    both = firms(2, price_per_kwh=np.array([0.7, 0.5]))
    offer = Offer(model, both, np.ones(2, bool))
    appraise(offer, EVERYBODY, 1)
    assert offer.agreed["debt"].tolist() == pytest.approx([24_500, 0])


def test_sizes():
    """0.8 of 100,000 kWh at 1,100 are 72.7 kWp, at most the roof's 50; who has PV or needs a small one gets none."""
    assert PvOwner().sizes(firms()).tolist() == pytest.approx([80 / 1.1])
    assert PvOwner(size_max_kwp=50.0).sizes(firms()).tolist() == [50.0]
    who = firms(3, pv_kwh=np.array([0, 1.0, 0]), annual_kwh=np.array([10_000.0, 10_000, 500]))
    assert PvOwner().eligible(who).tolist() == [True, False, False]
    with pytest.raises(ValidationError, match="size_max_kwp: given 5; allowed at least size_kwp, which is 10"):
        PvOwner(size_kwp=10.0, size_max_kwp=5.0)
    with pytest.raises(ValidationError, match="loan_years: given 10; allowed at most term_years, which is 5"):
        PvLoan(term_years=5)
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        PvPowerPurchase(discount=1.2)


def test_truth_belongs_to_the_roof():
    """A roof makes the same whoever owns the system, on average what was promised less the gap."""
    who = firms(4_000)
    true = [kind(size_kwp=10.0, performance_gap=0.1).truth(who, kind(size_kwp=10.0).expected(who)) for kind in KINDS]
    made = [each["generated_kwh"] for each in true]
    assert all((each == made[0]).all() for each in made)
    assert made[0].mean() == pytest.approx(11_000 * 0.9, rel=0.003)
    assert np.log(made[0]).std() == pytest.approx(0.05, rel=0.05)
    assert true[0]["self_kwh"] == pytest.approx(0.75 * made[0])


def test_effect_and_meters():
    """In its third year a system makes 0.99^2 of 11,000 kWh; of 10,000 metered and 3,000 injected 7,000 are used."""
    model, q, _ = case(PvPowerPurchase, degradation=0.01)
    assert model.effect(q, np.array([2.0]))["pv_kwh"][0] == pytest.approx(11_000 * 0.99**2)
    one = np.ones(1)
    metered = Meters(
        0.1, 60_000 * one, 3_000 * one, 10_000 * one, 42_000 * one, 0.8 * one, 0 * one, 0 * one, 0 * one
    )  # fmt: skip
    real = model.realised(q, metered, np.array([2.0]))
    flows = {flow.account: flow.amount[0] for flow in model.yearly(real, np.array([2])) if flow.payer == CUSTOMER}
    assert flows["power_purchase"] == pytest.approx(0.9 * 0.8 * 7_000)
    assert flows["pv_export"] == pytest.approx(0.36 * 3_000)


def test_public_money_and_certificates():
    """0.1 a kWh for five years are 1,100 a year to the owner; 11 certificates at 20 are expected, not posted.

    A subsidy of 20 % is 7,000, for the host that invests itself too.
    """
    support = {"subsidy_per_kwh": 0.1, "subsidy_years": 5, "finance": Finance(subsidy_share=0.2)}
    _, _, flows = case(PvPowerPurchase, certificate_price=20.0, **support)
    assert net(flows, "government")[0].tolist() == pytest.approx([-7_000] + [-1_100] * 5 + [0] * 20)
    worth_of = next(flow for flow in flows if flow.account == "certificates")
    assert worth_of.metered
    assert worth_of.amount[0].tolist() == pytest.approx([0] + [220] * 20 + [0] * 5)
    _, _, own = case(PvOwner, **support)
    assert net(own, "government")[0].tolist() == pytest.approx([-7_000] + [-1_100] * 5 + [0] * 20)
    assert net(own, CUSTOMER)[0, :2].tolist() == pytest.approx([-28_000, 7_205])


def test_system_changes_hands():
    """A tenth of 35,000 is paid at the end of the term."""
    _, _, flows = case(PvLease, buyout_share=0.1)
    assert net(flows, PROVIDER)[0, 20] == pytest.approx(3_498.940012 + 3_500)


@pytest.mark.parametrize("kind", KINDS)
def test_canvas_maps_to_what_there_is(kind):
    """Every entry of the canvas maps to an account, a party, a quantity or a key; costs and revenues are covered."""
    model, q, flows = case(
        kind, partners=EVERYBODY, finance=Finance(debt_share=0.5, insured=True, damage_per_year=0.01)
    )
    frame = {LOAN, DEBT_SERVICE, SUBSIDY, TAX, PREMIUM, CLAIM, REPLACEMENT}
    accounts = {flow.account for flow in flows} | frame
    assert model.canvas.faults(model, accounts, parties(flows), q) == []
    paid = {flow.account for flow in flows if flow.payer == PROVIDER}
    received = {flow.account for flow in flows if flow.payee == PROVIDER}
    assert paid <= {account for entry in model.canvas.costs for account in entry.accounts}
    assert received <= {account for entry in model.canvas.revenues for account in entry.accounts}
    assert BUSINESS_MODELS[model.kind] is kind
    assert model.asset == "roof"


@settings(max_examples=25)
@given(
    st.sampled_from(KINDS), st.floats(0.05, 2.0), st.floats(0.0, 1.0), st.floats(0.0, 0.9), st.floats(0, 0.4),
    st.floats(0, 0.1),
)  # fmt: skip
def test_nothing_is_lost(kind, price, injected, debt, tax, inflation):
    """In every year all parties together have nothing; a higher price helps the host, and the owner who sells at it."""
    finance = Finance(
        debt_share=debt, subsidy_share=0.1, tax_rate=tax, insured=True, damage_per_year=0.02, inflation=inflation
    )
    terms = {"finance": finance, "certificate_price": 10.0} if kind in KINDS[:2] else {"finance": finance}
    who = firms(price_per_kwh=np.array([price]), meter=lambda pv, _: (0 * pv, injected * pv))
    model, q, flows = case(kind, who, EVERYBODY, **terms)
    everybody = np.sum(list(per_party(flows).values()), axis=0)
    assert everybody == pytest.approx(np.zeros(26), abs=1e-6)
    dearer = life(model, {**q, "price_per_kwh": q["price_per_kwh"] * 1.1}, EVERYBODY)
    for role in (CUSTOMER, PROVIDER):
        assert values(model, dearer, role)[0] >= values(model, flows, role)[0] - 1e-6


def test_learning_curve():
    """At a progress ratio of 0.8 the second unit costs 0.8 and the fourth 0.64 (O55); without learning all cost 1."""
    assert [price_after(sold, 1.0, 0.8) for sold in (0.0, 1.0, 3.0)] == pytest.approx([1.0, 0.8, 0.64], abs=1e-15)
    assert price_after(10.0, 5.0, 1.0) == 1.0
    with pytest.raises(ValueError, match="progress_ratio: given"):
        price_after(1.0, 1.0, 1.2)
    _, q, _ = case(PvPowerPurchase, firms(vendor_price=0.64))
    assert q["capex"][0] == pytest.approx(0.64 * 35_000)


def test_low_risk_is_what_draws_say():
    """The worst twentieth of each contract is that of its own simulation; the mask tells who stays above 0."""
    finance = Finance(debt_share=0.5, inflation=0.02, tax_rate=0.25, insured=True, damage_per_year=0.01)
    model = PvPowerPurchase(**PLAIN, finance=finance, buyout_share=0.1, risk=Risk(default_per_year=0.001))
    who = firms(30, price_per_kwh=np.linspace(0.3, 1.5, 30))
    q = model.expected(who) | {"debt": np.full(30, 10_000.0)}
    worst = worst_values(model, q, EVERYBODY, seed=5)
    for place in (0, 13, 29):
        one = {name: value[place : place + 1] for name, value in q.items()}
        cash = simulate(model, one, EVERYBODY, 400, 5)[PROVIDER]
        value = cash @ (1.07 * 1.02) ** -np.arange(26.0)
        assert worst[place] == pytest.approx(conditional_value_at_risk(value), rel=1e-9)
    assert (np.diff(worst) > 0).all()
    mask = low_risk(model, q, EVERYBODY, seed=5)
    assert mask.tolist() == (worst > 0).tolist()
    assert 0 < mask.sum() < 30


def test_low_risk_without_risk():
    """Where nothing is uncertain the worst value is the value."""
    calm = Risk(volume_sigma=0.0, price_sigma=0.0, performance_sigma=0.0, default_per_year=0.0)
    model, q, flows = case(PvLease, risk=calm)
    assert worst_values(model, q, NOBODY, seed=1) == pytest.approx(values(model, flows, PROVIDER))
