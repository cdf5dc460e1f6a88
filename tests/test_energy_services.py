"""Energy services by hand: cash, value and risk of each party under each contract, and what measures save (D1)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gridagora.agents.business_models.credit import default_chances, mean_of_best, score
from gridagora.agents.business_models.energy_measure import provider_worth
from gridagora.agents.business_models.energy_savings import break_even_share
from gridagora.agents.business_models.energy_services import EnergyCostTrust, GuaranteedSavings, SharedSavings
from gridagora.agents.business_models.financing import CLAIM, DEBT_SERVICE, LOAN, PREMIUM, REPLACEMENT, SUBSIDY, TAX
from gridagora.agents.business_models.frame import CUSTOMER, MOST_SAVED, PROVIDER, Customers, Meters
from gridagora.agents.business_models.lenders import Bank, Insurer
from gridagora.agents.business_models.life import (
    Partners,
    deviations,
    life,
    net,
    parties,
    per_party,
    simulate,
    values,
    worth,
)
from gridagora.agents.business_models.terms import Finance, Risk
from gridagora.agents.retrofit import ContractTerms, Measure, contract_values
from gridagora.markets.strategies.draws import Draws

KINDS = (SharedSavings, GuaranteedSavings, EnergyCostTrust)
NOBODY = Partners()
EVERYBODY = Partners(Bank(), Insurer())
#: A measure of 30,000 that saves 20,000 of 100,000 kWh at 0.70, for sure and for ten years.
PLAIN = {"saving_min": 0.2, "saving_max": 0.2, "rebound_share": 0.0, "fade_per_year": 0.0, "performance_gap": 0.0}


def firms(n=1, **changed):
    """Return firms of 100,000 kWh at 0.70."""
    ones = np.ones(n)
    fields = {
        "population": "firms", "row": np.arange(n), "number": np.arange(n), "annual_kwh": 100_000 * ones,
        "withdrawn_kwh": 100_000 * ones, "price_per_kwh": 0.7 * ones, "feed_in_per_kwh": 0.36,
        "income": 200_000 * ones, "default_per_year": 0 * ones, "credit_score": 0 * ones, "profile": np.full(n, "G0"),
        "pv_kwh": 0 * ones, "battery_kwh": 0 * ones, "owns": {}, "satisfaction": 0 * ones,
        "draws": Draws(1, "firms"), "vendor_price": 1.0, "meter": lambda pv, battery: (pv, battery),
    }  # fmt: skip
    return Customers(**{**fields, **changed})


def case(kind, customers=None, **terms):
    """Return a model, its expected quantities and its flows over a life."""
    model = kind(**{**PLAIN, **terms})
    q = model.expected(firms() if customers is None else customers)
    return model, q, life(model, q, NOBODY)


def test_shared_savings_by_hand():
    """The provider pays 30,000, gets 80 % of 14,000 for five years less 900 of upkeep; then all is the customer's.

    12,232.03 at 7 % and 21.2113 % to the provider; 42,154.86 at 10 % to the customer, who never pays anything first.
    """
    model, q, flows = case(SharedSavings)
    assert net(flows, PROVIDER)[0].tolist() == pytest.approx([-30_000] + [10_300] * 5 + [0] * 5)
    assert net(flows, CUSTOMER)[0].tolist() == pytest.approx([0] + [2_800] * 5 + [13_400] * 5)
    assert values(model, flows, PROVIDER)[0] == pytest.approx(12_232.03359)
    assert values(model, flows, CUSTOMER)[0] == pytest.approx(42_154.85946)
    assert worth(net(flows, PROVIDER)[0], 0.07).irr == pytest.approx(0.2121134691)
    assert worth(net(flows, CUSTOMER)[0], 0.10).irr_note == "no sign change: never an outlay"
    assert provider_worth(model, q, np.zeros(1))[0] == pytest.approx(12_232.03359)


def test_guaranteed_savings_by_hand():
    """The customer pays 30,000, a fee of 1,500 and half of 2,800 above 80 %; of 2,900 the provider keeps 2,000 a year.

    43,618.39 at 10 % and 36.6409 % to the customer; 8,200.39 at 7 % to the provider, who invests nothing.
    """
    model, _, flows = case(GuaranteedSavings)
    assert net(flows, CUSTOMER)[0].tolist() == pytest.approx([-30_000] + [11_100] * 5 + [13_400] * 5)
    assert net(flows, PROVIDER)[0].tolist() == pytest.approx([0] + [2_000] * 5 + [0] * 5)
    assert values(model, flows, CUSTOMER)[0] == pytest.approx(43_618.38965)
    assert values(model, flows, PROVIDER)[0] == pytest.approx(8_200.394872)
    assert worth(net(flows, CUSTOMER)[0], 0.10).irr == pytest.approx(0.3664085485)


def test_energy_cost_trust_by_hand():
    """Of a bill of 70,000 the customer pays 64,400 as a fee, for ten years; the provider pays 30,000 and 56,000 a year.

    22,676.86 at 7 % and 21.4065 % to the provider; 34,409.58 at 10 % to the customer.
    """
    model, _, flows = case(EnergyCostTrust)
    assert net(flows, CUSTOMER)[0].tolist() == pytest.approx([0] + [5_600] * 10)
    assert net(flows, PROVIDER)[0].tolist() == pytest.approx([-30_000] + [7_500] * 10)
    assert values(model, flows, PROVIDER)[0] == pytest.approx(22_676.86156)
    assert values(model, flows, CUSTOMER)[0] == pytest.approx(34_409.57579)
    assert worth(net(flows, PROVIDER)[0], 0.07).irr == pytest.approx(0.2140646511)


def test_contracts_are_what_their_definitions_say():
    """Shared: the provider buys, the asset passes free; guaranteed: the customer buys; trust: all bills (O69)."""
    for kind, buyer in ((SharedSavings, PROVIDER), (GuaranteedSavings, CUSTOMER), (EnergyCostTrust, PROVIDER)):
        model, q, flows = case(kind)
        bought = [flow for flow in flows if flow.payee == "vendor" and flow.amount.any()]
        assert [flow.payer for flow in bought] == [buyer]
        assert model.at_end(q) == []
        due = [f for f in flows if PROVIDER in (f.payer, f.payee)]
        assert all((flow.amount[:, model.term_years + 1 :] == 0).all() for flow in due)
    _, _, shared = case(SharedSavings)
    assert net(shared, CUSTOMER)[0, 6:].tolist() == pytest.approx([14_000 - 600] * 5)
    _, _, trust = case(EnergyCostTrust)
    (bill,) = (flow for flow in trust if flow.account == "energy_bill")
    assert (bill.payer, bill.amount[0, 1]) == (PROVIDER, pytest.approx(0.7 * 80_000))
    assert {kind.asset for kind in KINDS} == {"efficiency"}


@pytest.mark.parametrize("kind", KINDS)
@given(
    st.floats(0, 0.5), st.floats(0, 0.2), st.floats(0, 1), st.floats(0.02, 0.9), st.floats(0, 500), st.floats(-0.5, 0.5)
)
def test_what_one_pays_another_gets(kind, rebound, fade, subsidy, saving, incentive, gap):
    """Whatever the terms, in every year the cash of all parties sums to zero."""
    model = kind(
        rebound_share=rebound,
        fade_per_year=fade,
        saving_min=saving,
        saving_max=saving,
        incentive_per_tce=incentive,
        performance_gap=gap,
        finance=Finance(subsidy_share=subsidy, debt_share=0.5, tax_rate=0.25, damage_per_year=0.01, insured=True),
    )
    customers = firms(3)
    q = model.truth(customers, model.expected(customers))
    if "capex" in q:
        q["debt"] = 0.3 * q["capex"]
    flows = life(model, q, EVERYBODY)
    total = sum(per_party(flows).values())
    assert np.abs(total).max() < 1e-6
    assert set(parties(flows)) >= {CUSTOMER, PROVIDER, "vendor", "supplier", "outside", "government"}


def test_agrees_with_the_present_values_of_a_firm_that_decides_alone():
    """Customers' values are those of the retrofit decision with the same terms, worked out there in closed form."""
    measure = Measure([30_000.0], [70_000.0], [0.2], [0.0], life=10)
    other = ContractTerms(term=10, fee=0.05)
    mean, _ = contract_values(measure, other, 0.10)
    free = {"operation_share": 0.0, "term_years": 10}
    for place, kind in zip((2, 3, 4), KINDS, strict=True):
        model, _, flows = case(kind, **free)
        assert values(model, flows, CUSTOMER)[0] == pytest.approx(mean[0, place])


def test_a_share_that_steps_down():
    """80 % falling by 10 points a year: 11,200, 9,800, 8,400, 7,000 and 5,600 of 14,000."""
    _, _, flows = case(SharedSavings, step_down=0.1, operation_share=0.0, measurement_share=0.0)
    assert net(flows, PROVIDER)[0, 1:6].tolist() == pytest.approx([11_200, 9_800, 8_400, 7_000, 5_600])


def test_guarantee_that_is_called_and_that_is_not():
    """At 75 % of the expected saving the provider refunds 700 of 11,200 guaranteed; at 80 % nobody owes anything."""
    model, q, _ = case(GuaranteedSavings)
    for share, bonus, refund in ((0.2, 1_400, 0), (0.16, 0, 0), (0.15, 0, 700), (-0.01, 0, 11_900)):
        flows = {flow.account: flow for flow in model.yearly({**q, "saved_share": np.array([share])}, 0)}
        assert flows["guarantee_bonus"].amount[0] == pytest.approx(bonus, abs=1e-9)
        assert flows["guarantee_refund"].amount[0] == pytest.approx(refund, abs=1e-9)
    beyond = {flow.account: flow for flow in model.yearly({**q, "saved_share": np.array([0.1])}, 5)}
    assert beyond["guarantee_refund"].amount[0] == 0


def test_guaranteed_savings_by_loan():
    """With 70 % lent at 6 % for five years the customer pays 9,000 at once and 4,985.32 a year more."""
    _, _, flows = case(GuaranteedSavings, loan_share=0.7)
    service = 21_000 * 0.06 / (1 - 1.06**-5)
    assert net(flows, CUSTOMER)[0].tolist() == pytest.approx([-9_000] + [11_100 - service] * 5 + [13_400] * 5)
    assert service == pytest.approx(4_985.324410)
    assert net(flows, "bank")[0].tolist() == pytest.approx([-21_000] + [service] * 5 + [0] * 5)


def test_fade_rebound_and_an_incentive():
    """19,000 kWh after a rebound of 5 %, 18,620 in the second year; 300 a tonne for 2.3351 tce, once."""
    model, _, flows = case(SharedSavings, rebound_share=0.05, fade_per_year=0.02, incentive_per_tce=300)
    retail = next(flow for flow in flows if flow.account == "retail")
    assert retail.amount[0, :4].tolist() == pytest.approx([0, 13_300, 13_034, 12_773.32])
    paid = next(flow for flow in flows if flow.account == "efficiency_incentive")
    assert paid.amount[0].tolist() == pytest.approx([0, 300 * 0.1229 * 19] + [0] * 9)
    assert model.effect({"saved_share": np.full(4, 0.2), "fade": np.full(4, 0.02)}, np.array([0, 0.9, 2.5, 10]))[
        "saved_share"
    ].tolist() == pytest.approx([0.2, 0.2, 0.2 * 0.98**2, 0])


def test_truth_is_below_the_audit():
    """A gap of 10 %: 4,000 firms save 90 % of what is expected on average, and 95 % of their consumption at most."""
    model = SharedSavings(risk=Risk(performance_sigma=0.2), performance_gap=0.1)
    customers = firms(4000)
    q = model.expected(customers)
    true = model.truth(customers, q)
    assert (true["saved_share"] / q["saved_share"]).mean() == pytest.approx(0.9, abs=0.01)
    assert true["measured_ratio"].mean() == pytest.approx(1, abs=0.003)
    assert np.log(true["measured_ratio"]).std() == pytest.approx(0.05, rel=0.05)
    assert (q["saved_share"].min(), q["saved_share"].max()) == pytest.approx((0.095, 0.2375), rel=1e-3)
    great = SharedSavings(saving_min=0.9, saving_max=0.9, performance_gap=-1)
    assert (great.truth(customers, great.expected(customers))["saved_share"] == MOST_SAVED).all()
    same = [kind().truth(firms(5), kind().expected(firms(5)))["saved_share"].tolist() for kind in KINDS]
    assert same[0] == same[1] == same[2]


def test_what_meters_say():
    """80,000 kWh with a fifth taken away had been 100,000; what has faded has gone from the meter already."""
    model, q, _ = case(SharedSavings, fade_per_year=0.5)
    meters = Meters(1.0, np.array([80_000.0]), *np.zeros((2, 1)), *np.array([[60_000.0], [0.75], [0.2], [0.0], [0.0]]))
    seen = model.realised(q, meters, np.array([1.5]))
    assert seen["base_kwh"][0] == pytest.approx(100_000)
    retail = model.yearly(seen, np.array([1]))[0]
    assert (retail.amount[0], retail.metered) == (pytest.approx(20_000 * 0.75), True)


def test_the_trust_bears_price_and_volume():
    """Prices or volumes half as high again cost the customer of a trust nothing, its provider 28,000 a year."""
    model, q, _ = case(EnergyCostTrust)
    before = net(model.yearly(q, 0), PROVIDER)[0]
    for name in ("price", "base_kwh"):
        flows = model.yearly({**q, name: 1.5 * q[name]}, 0)
        assert net(flows, CUSTOMER)[0] == pytest.approx(5_600)
        assert net(flows, PROVIDER)[0] - before == pytest.approx(-28_000)
    indexed, q, _ = case(EnergyCostTrust, price_index=1.0, volume_index=1.0)
    flows = indexed.yearly({**q, "price": 1.5 * q["price"]}, 0)
    assert net(flows, PROVIDER)[0] - before == pytest.approx(0.5 * (64_400 - 56_000))
    q = {name: 0 * value for name, value in q.items()}
    assert net(indexed.yearly(q, 0), CUSTOMER)[0] == 0  # nothing used, nothing due


def test_who_bears_the_risk():
    """The customer's value varies less under a trust than under shared savings, guaranteed savings, its own investment.

    Its own investment is guaranteed savings with nothing guaranteed, neither fee nor bonus. By performance alone: a
    share of 1 over ten years, (1 + 1 - 0.5) / 2 of it or so guaranteed, 0.2 for five years shared.
    """
    own = case(GuaranteedSavings, guarantee_share=0.0, bonus_share=0.0, fee_share=0.0)
    ranked = [case(EnergyCostTrust), case(SharedSavings), case(GuaranteedSavings), own]
    spread = [deviations(model, q, NOBODY, CUSTOMER)[0] for model, q, _ in ranked]
    drawn = [simulate(model, q, NOBODY, 500, 1, 0.0)[CUSTOMER] for model, q, _ in ranked]
    assert spread == sorted(spread)
    assert spread[0] == pytest.approx(0, abs=1e-6)
    sampled = [(cash @ 1.1 ** -np.arange(11.0)).std() for cash in drawn]
    assert sampled == sorted(sampled)
    assert sampled == pytest.approx(spread, rel=0.12, abs=1e-6)
    risks = {"volume_sigma": 0.0, "price_sigma": 0.0, "performance_sigma": 0.1}
    model, q, _ = case(GuaranteedSavings, guarantee_share=0.0, bonus_share=0.0, risk=Risk(**risks))
    annuity = (1 - 1.1**-10) / 0.1
    assert deviations(model, q, NOBODY, CUSTOMER)[0] == pytest.approx(14_000 * annuity * np.sinh(0.1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("risk", "name"), [("performance", "saved_share"), ("volume", "base_kwh"), ("price", "price")])
def test_the_map_of_risk_bearers_is_true_in_numbers(kind, risk, name):
    """Within the term half of a saving, a volume or a price costs most whom the map names."""
    model, q, _ = case(kind)
    change = 2.0 if kind is EnergyCostTrust and risk != "performance" else 0.5  # a trust fears more, the others less
    before, after = (model.yearly({**q, name: factor * q[name]}, 0) for factor in (1.0, change))
    lost = {role: net(before, role)[0] - net(after, role)[0] for role in (CUSTOMER, PROVIDER)}
    assert max(lost, key=lost.get) == model.risk_bearers[risk]
    assert min(lost.values()) >= -1e-9


def test_defaults_lower_what_a_provider_expects():
    """With 5 % a year the t-th payment is worth 0.95^t of itself; with 20 % a provider would not sign."""
    model, q, _ = case(SharedSavings)
    expected = -30_000 + sum(10_300 * (0.95 / 1.07) ** t for t in range(1, 6))
    assert provider_worth(model, q, np.array([0.05]))[0] == pytest.approx(expected)
    customers = firms(3, default_per_year=np.array([0.0, 0.05, 0.2]))
    assert model.eligible(customers).tolist() == [True, True, False]
    cash = simulate(model, q, NOBODY, 4000, 3, 0.05)[PROVIDER] @ 1.07 ** -np.arange(11.0)
    sure = case(SharedSavings, risk=Risk(volume_sigma=0, price_sigma=0, performance_sigma=0))
    exact = simulate(*sure[:2], NOBODY, 4000, 3, 0.05)[PROVIDER] @ 1.07 ** -np.arange(11.0)
    assert exact.mean() == pytest.approx(expected, abs=600)
    assert cash.std() > exact.std()


def test_good_credit_is_what_screening_selects():
    """Of 20,000 firms with 4 % the better half by a score of AUC 0.75 default as expected: at much less than 4 %."""
    rng = np.random.default_rng(5)
    badness, noise = rng.standard_normal((2, 20_000))
    chances = default_chances(0.04, badness)
    best = np.argsort(score(badness, noise, 0.75))[:10_000]
    assert chances[best].mean() == pytest.approx(mean_of_best(0.04, 0.5, 0.75), rel=0.04)
    assert chances[best].mean() < 0.02


def test_break_even_share():
    """30,000 for five years of 14,000 at 7 %: 52.26 %, 58.69 % with 900 a year; at it the provider's value is nil."""
    share = float(break_even_share(30_000, 14_000, 0.07, 5))
    assert share == pytest.approx(30_000 / (14_000 * (1 - 1.07**-5) / 0.07))
    assert share == pytest.approx(0.5226, abs=1e-4)
    share = float(break_even_share(30_000, 14_000, 0.07, 5, yearly_cost=900))
    assert share == pytest.approx(0.5869, abs=1e-4)
    model, q, _ = case(SharedSavings, provider_share=share)
    assert provider_worth(model, q, np.zeros(1))[0] == pytest.approx(0, abs=1e-6)
    share = float(break_even_share(30_000, 14_000, 0.07, 5, 900, 0.05))
    model, q, _ = case(SharedSavings, provider_share=share)
    assert provider_worth(model, q, np.array([0.05]))[0] == pytest.approx(0, abs=1e-6)


def test_tax_holiday():
    """At 25 %, three years free and three at half: on 10,300 less 6,000 written off 0, 0, 0, 537.50 and 537.50."""
    finance = Finance(tax_rate=0.25, tax_exempt_years=3, tax_half_years=3)
    _, _, flows = case(SharedSavings, finance=finance)
    (tax,) = (flow for flow in flows if flow.account == "tax")
    assert tax.amount[0].tolist() == pytest.approx([0, 0, 0, 0, 537.5, 537.5] + [0] * 5)


@pytest.mark.parametrize("kind", KINDS)
def test_canvas_is_complete(kind):
    """Every entry maps to an account, a party, a quantity or a key; every account of the provider has an entry."""
    finance = Finance(debt_share=0.5, subsidy_share=0.1, insured=True, damage_per_year=0.01, tax_rate=0.25)
    model = kind(finance=finance)
    flows = life(model, model.expected(firms()), EVERYBODY)
    of_frame = {DEBT_SERVICE, LOAN, SUBSIDY, TAX, PREMIUM, CLAIM, REPLACEMENT}
    accounts = {flow.account for flow in flows} | of_frame
    roles = {role for flow in flows for role in (flow.payer, flow.payee)}
    assert model.canvas.faults(model, accounts, roles, model.expected(firms())) == []
    booked = [flow for flow in flows if not flow.metered]
    for side, entries in (("payer", model.canvas.costs), ("payee", model.canvas.revenues)):
        covered = {account for entry in entries for account in entry.accounts}
        assert {flow.account for flow in booked if getattr(flow, side) == PROVIDER} <= covered


@pytest.mark.parametrize(
    ("kind", "terms", "message"),
    [
        (SharedSavings, {"provider_share": -0.1}, "provider_share"),
        (SharedSavings, {"provider_share": 1.1}, "provider_share"),
        (SharedSavings, {"step_down": 0.3}, "at most provider_share"),
        (SharedSavings, {"saving_min": 0.5, "saving_max": 0.3}, "at least saving_min"),
        (SharedSavings, {"cost_per_kwh_saved": -1}, "cost_per_kwh_saved"),
        (GuaranteedSavings, {"bonus_share": 1.01}, "bonus_share"),
        (GuaranteedSavings, {"loan_share": 0.5, "loan_years": 6}, "at most term_years"),
        (EnergyCostTrust, {"discount": -0.01}, "discount"),
        (EnergyCostTrust, {"term_years": 11}, "at least term_years"),
    ],
)
def test_terms_out_of_range_are_refused(kind, terms, message):
    """With the name of the term and what is allowed."""
    with pytest.raises(ValidationError, match=message):
        kind(**terms)


def test_the_price_of_the_vendor():
    """Equipment that has become a tenth dearer costs 33,000."""
    model = GuaranteedSavings(**PLAIN)
    q = model.expected(firms(vendor_price=1.1))
    assert -net(life(model, q, NOBODY), CUSTOMER)[0, 0] == pytest.approx(33_000)
