"""Maintenance to a service level and substations to rent by hand: cash of each party, failures, penalties (D2 b, c)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gridagora.agents.business_models.asset_services import (
    OperationMaintenance,
    SubstationLease,
    failures_of,
    hours_beyond,
)
from gridagora.agents.business_models.catalogue import BUSINESS_MODELS
from gridagora.agents.business_models.financing import CLAIM, DEBT_SERVICE, LOAN, PREMIUM, REPLACEMENT, SUBSIDY, TAX
from gridagora.agents.business_models.frame import CUSTOMER, PROVIDER, Customers, Meters
from gridagora.agents.business_models.lenders import Bank, Insurer
from gridagora.agents.business_models.life import Partners, coverage, life, net, parties, per_party, values, worth
from gridagora.agents.business_models.terms import Finance
from gridagora.markets.strategies.draws import Draws

NOBODY, EVERYBODY = Partners(), Partners(Bank(), Insurer())


def firms(n=1, **changed):
    """Return firms of 878,400 kWh, which are 100 kW on average in a leap year."""
    ones = np.ones(n)
    fields = {
        "population": "firms", "row": np.arange(n), "number": np.arange(n), "annual_kwh": 878_400 * ones,
        "withdrawn_kwh": 878_400 * ones, "price_per_kwh": 0.7 * ones, "feed_in_per_kwh": 0.36,
        "income": 200_000 * ones, "default_per_year": 0 * ones, "credit_score": 0 * ones, "profile": np.full(n, "G0"),
        "pv_kwh": 0 * ones, "battery_kwh": 0 * ones, "owns": {}, "satisfaction": 0 * ones,
        "draws": Draws(1, "firms"), "vendor_price": 1.0, "meter": lambda pv, battery: (pv, battery),
    }  # fmt: skip
    return Customers(**{**fields, **changed})


def case(kind, customers=None, partners=NOBODY, **terms):
    """Return a model, its expected quantities and its flows over a life."""
    model = kind(**terms)
    q = model.expected(firms() if customers is None else customers)
    return model, q, life(model, q, partners)


def nothing(n=1):
    """Return meters that say nothing."""
    return Meters(0.5, *(np.zeros(n) for _ in range(8)))


def test_maintenance_by_hand():
    """Assets of 263,520: fee 5,270.40, crews 2,635.20, a quarter of a repair of 2,635.20, penalty 0.1728 h x 263.52.

    0.25 failures of 6 h where 6 h are free: N > 1 costs, E max(0, 6 N - 6) = 6 (0.25 - 1 + e^-0.25) = 0.172805 h; the
    customer is spared staff of 5,270.40, half a repair and (6 - 1.5) h x 100 kW x 20 = 9,000.
    """
    model, q, flows = case(OperationMaintenance, life_years=5)
    beyond = 6 * (0.25 - 1 + np.exp(-0.25))
    assert q["hours_beyond"][0] == pytest.approx(beyond)
    penalty = 0.05 * 5_270.4 * beyond
    provider = 5_270.4 - 2_635.2 - 0.25 * 2_635.2 - penalty
    customer = -5_270.4 + penalty + 5_270.4 + 0.5 * 2_635.2 + 9_000
    assert net(flows, PROVIDER)[0].tolist() == pytest.approx([0] + [provider] * 5)
    assert net(flows, CUSTOMER)[0].tolist() == pytest.approx([0] + [customer] * 5)
    assert provider == pytest.approx(1_930.862506, abs=1e-5)
    assert values(model, flows, PROVIDER)[0] == pytest.approx(provider * 4.100197436)
    assert worth(net(flows, PROVIDER)[0], 0.07).irr_note == "no sign change: never an outlay"


@settings(max_examples=50)
@given(st.floats(0.0, 8.0), st.floats(0.0, 24.0), st.floats(0.0, 48.0))
def test_hours_beyond_by_summation(mean, hours, allowed):
    """The closed form is the sum over all numbers of failures; below the whole downtime, above the mean excess."""
    number = np.arange(100)
    chance = np.exp(-mean) * np.concatenate([[1.0], np.cumprod(mean / np.arange(1, 100))])
    found = hours_beyond(np.array([mean]), hours, allowed)[0]
    assert found == pytest.approx(chance @ np.maximum(number * hours - allowed, 0), abs=1e-7)
    assert max(mean * hours - allowed, 0) - 1e-7 <= found <= mean * hours + 1e-7


def test_failures_are_poisson():
    """50,000 assets with 0.7 failures a year have 0.7 on average in each year, with that variance; years differ."""
    luck, mean = (np.arange(50_000) + 0.5) / 50_000, np.full(50_000, 0.7)
    first, second = (failures_of(mean, luck, np.full(50_000, year)) for year in (0, 1))
    for count in (first, second):
        assert count.mean() == pytest.approx(0.7, abs=0.02)
        assert count.var() == pytest.approx(0.7, abs=0.03)
        assert (count == 0).mean() == pytest.approx(np.exp(-0.7), abs=0.01)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.02
    assert (failures_of(mean[:5], luck[:5], np.zeros(5)) == first[:5]).all()


def test_penalties_follow_failures():
    """Over 4,000 assets and three years fees, downtime and penalties are on average what was promised."""
    model = OperationMaintenance(failure_sigma=0.0)
    who = firms(4_000)
    agreed = model.expected(who)
    true = model.truth(who, agreed)
    assert true["own_failures"] == pytest.approx(agreed["own_failures"])
    years = [model.realised(true, nothing(4_000), np.full(4_000, age + 0.4)) for age in range(3)]
    for name in ("failures", "downtime_hours", "hours_beyond"):
        assert np.mean([each[name] for each in years]) == pytest.approx(agreed[name][0], rel=0.08)
    again = model.realised(true, nothing(4_000), np.full(4_000, 0.9))
    assert (again["failures"] == years[0]["failures"]).all()
    one = years[0]["failures"] == 2
    assert years[0]["hours_beyond"][one] == pytest.approx(np.full(one.sum(), 6.0))


def test_prone_assets():
    """Some assets are more prone to failure than others, on average as expected."""
    who = firms(4_000)
    model = OperationMaintenance()
    true = model.truth(who, model.expected(who))
    assert true["own_failures"].mean() == pytest.approx(0.5, rel=0.02)
    assert np.log(true["failures"]).std() == pytest.approx(0.3, rel=0.05)


def test_substation_by_hand():
    """292.8 kVA cost 175,680; rent is 1.1 (175,680 x 0.1423775 + 2,635.20) = 30,412.89 for ten years.

    The provider has 27,777.69 a year: 19,418.85 at 7 % and 9.3336 %. The customer is spared 193,248 at once and the
    upkeep: it pays 27,777.69 a year for it, and nothing afterwards. At the end a tenth is 17,568.
    """
    _, q, flows = case(SubstationLease, need_share=1.0)
    assert q["kva"][0] == pytest.approx(292.8)
    rent = 1.1 * (175_680 * 0.07 / (1 - 1.07**-10) + 2_635.2)
    assert rent == pytest.approx(30_412.89, abs=0.01)
    assert net(flows, PROVIDER)[0].tolist() == pytest.approx([-175_680] + [rent - 2_635.2] * 10 + [0] * 10)
    assert net(flows, CUSTOMER)[0].tolist() == pytest.approx([193_248] + [2_635.2 - rent] * 10 + [0] * 10)
    found = worth(net(flows, PROVIDER)[0], 0.07)
    assert found.npv == pytest.approx((rent - 2_635.2) * 7.0235815 - 175_680, abs=0.01)
    assert found.payback_years == pytest.approx(175_680 / (rent - 2_635.2))
    assert (1 + found.irr) ** -np.arange(11.0) @ net(flows, PROVIDER)[0, :11] == pytest.approx(0, abs=1e-5)
    _, _, sold = case(SubstationLease, residual_share=0.1)
    assert net(sold, PROVIDER)[0, 10] == pytest.approx(rent - 2_635.2 + 17_568)


def test_substation_debt():
    """87,840 at 5 % for 8 years are 13,590.81 a year; 27,777.69 cover them 2.0439 times."""
    model, q, _ = case(SubstationLease, finance=Finance(debt_share=0.5))
    flows = life(model, {**q, "debt": np.array([87_840.0])}, EVERYBODY)
    assert coverage(flows)[0] == pytest.approx(27_777.69 / 13_590.81, abs=1e-4)


def test_who_needs_a_substation():
    """A tenth needs one, and keeps needing it."""
    model, who = SubstationLease(), firms(5_000)
    needs = model.eligible(who)
    assert needs.mean() == pytest.approx(0.1, abs=0.015)
    assert (model.eligible(who.of(np.arange(100))) == needs[:100]).all()


def test_bad_terms_are_refused():
    """A residual value of what is worn out, negative values and shares above 1 are refused by name."""
    with pytest.raises(ValidationError, match=r"residual_share: given .* with life_years equal to the term"):
        SubstationLease(residual_share=0.1, term_years=10, life_years=10)
    with pytest.raises(ValidationError, match="prevented_share"):
        OperationMaintenance(prevented_share=1.1)
    with pytest.raises(ValidationError, match="allowed_hours"):
        OperationMaintenance(allowed_hours=-1.0)


def test_no_downtime_no_penalty():
    """Repairs that take no time never go beyond what is allowed."""
    assert hours_beyond(np.array([3.0]), 0.0, 0.0).tolist() == [0.0]


@pytest.mark.parametrize("kind", [OperationMaintenance, SubstationLease])
def test_canvas_and_books(kind):
    """Canvas entries map to what there is, they cover all costs and revenues, and every year sums to nothing."""
    finance = Finance(debt_share=0.5, insured=True, damage_per_year=0.01, tax_rate=0.25, subsidy_share=0.1)
    model, q, flows = case(kind, partners=EVERYBODY, finance=finance)
    accounts = {flow.account for flow in flows} | {LOAN, DEBT_SERVICE, SUBSIDY, TAX, PREMIUM, CLAIM, REPLACEMENT}
    assert model.canvas.faults(model, accounts, parties(flows), q) == []
    for side, entries in (("payer", model.canvas.costs), ("payee", model.canvas.revenues)):
        booked = {flow.account for flow in flows if getattr(flow, side) == PROVIDER}
        assert booked <= {account for entry in entries for account in entry.accounts}
    assert np.sum(list(per_party(flows).values()), axis=0) == pytest.approx(0, abs=1e-6)
    assert BUSINESS_MODELS[model.kind] is kind
