"""The frame of business models by hand: cash over a life, financing, risk, credit, contracts, canvas."""

import dataclasses
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.special import ndtri

from gridagora.agents.business_models import life as frame
from gridagora.agents.business_models.canvas import BLOCKS, Canvas, Entry
from gridagora.agents.business_models.contracts import DEFAULTED, ENDED, NO_DAY, Contracts
from gridagora.agents.business_models.credit import SPREAD, default_chances, mean_of_best, score
from gridagora.agents.business_models.financing import debt_service, upfront_flows, yearly_flows
from gridagora.agents.business_models.frame import CUSTOMER, PROVIDER, BusinessModel, Customers, Flow
from gridagora.agents.business_models.lenders import Bank, Insurer
from gridagora.agents.business_models.life import Partners
from gridagora.agents.business_models.luck import lognormal
from gridagora.agents.business_models.terms import Acceptance, Finance, Risk, Segment
from gridagora.markets.strategies.draws import Draws


class Device(BusinessModel):
    """A device that the provider buys, the customer pays for by the year, and that saves energy."""

    canvas = Canvas(
        partners={"maker": "vendor"},
        activities=("install",),
        resources={"device": "capex"},
        value=("lower bill",),
        relationship={"length": "term_years"},
        channels={"letters": "channel.reach_share"},
        segments={"large": "segment.annual_kwh_min"},
        costs=(Entry("devices", ("equipment",)),),
        revenues=(Entry("fees", ("fee", "residual")),),
    )
    risk_bearers: ClassVar = {"performance": "customer", "credit": "provider"}
    uncertain: ClassVar = {"saved_kwh": "performance_sigma", "price": "price_sigma"}
    asset = "device"
    kind: Literal["device"] = "device"
    fees: tuple[float, ...] = (300.0, 300.0, 300.0, 300.0, 300.0)

    def expected(self, customers):
        """A device of 1000, which saves 400 kWh of 0.5 a year."""
        return quantities(len(customers))

    def upfront(self, q):
        """The provider buys it."""
        return [Flow(PROVIDER, "vendor", "equipment", q["capex"])]

    def yearly(self, q, age):
        """The customer pays a fee within the term and saves all the life."""
        fee = np.append(np.array(self.fees), 0.0)[np.minimum(age, len(self.fees))] * np.ones(q["capex"].shape)
        saved = q["saved_kwh"] * q["price"]
        return [Flow(CUSTOMER, PROVIDER, "fee", fee), Flow("supplier", CUSTOMER, "retail", saved, metered=True)]

    def at_end(self, q):
        """The customer buys what is left."""
        return [Flow(CUSTOMER, PROVIDER, "residual", q["residual"])]


NOBODY = Partners()
CUSTOMERS = {"saved_kwh": 400.0, "price": 0.5, "capex": 1000.0, "residual": 0.0}


def quantities(n=1, **changed):
    """Return the expected quantities of n contracts."""
    return {name: np.full(n, value) for name, value in {**CUSTOMERS, **changed}.items()}


def terms(years=5, life=None, fees=None, **finance):
    """Return a model of so many years."""
    fees = (300.0,) * years if fees is None else fees
    return Device(term_years=years, life_years=life or years, fees=fees, finance=Finance(**finance))


def cash(model, role=PROVIDER, partners=NOBODY, **changed):
    """Return the cash of a role under one contract."""
    return frame.net(frame.life(model, quantities(**changed), partners), role)[0]


def people(n=3):
    """Return members by hand."""
    ones, numbers = np.ones(n), np.arange(n)
    return Customers(
        population="households", row=numbers[::-1].copy(), number=numbers, annual_kwh=1000 * (1 + numbers),
        withdrawn_kwh=900.0 * (1 + numbers), price_per_kwh=0.5 * ones, feed_in_per_kwh=0.36, income=9000 * ones,
        default_per_year=0.02 * ones, credit_score=0 * ones, profile=np.full(n, "H0"), pv_kwh=0 * ones,
        battery_kwh=0 * ones, owns={"pv": numbers > 0}, satisfaction=0.5 * ones, draws=Draws(1, "households"),
        vendor_price=1.0,
        meter=lambda pv, battery: (900.0 * (1 + numbers) - pv, battery),
    )  # fmt: skip


def test_value_and_return_of_the_published_example():
    """(-1000, 300, 420, 680) is worth 130.728775 at 10 % and returns 16.340560 % (O44)."""
    model = terms(3, fees=(300.0, 420.0, 680.0), discount_rate=0.10)
    assert cash(model).tolist() == [-1000, 300, 420, 680]
    assert frame.values(model, frame.life(model, quantities(), NOBODY), PROVIDER)[0] == pytest.approx(130.728775, 1e-8)
    found = frame.worth(cash(model), 0.10)
    assert (found.npv, found.irr) == pytest.approx((130.728775, 0.16340560), rel=1e-7)
    assert found.irr_note == ""
    assert found.payback_years == pytest.approx(2 + 280 / 680)
    assert found.discounted_payback_years == pytest.approx(3 - 130.728775 / (680 / 1.1**3))
    assert found.profitability == pytest.approx(1.130728775)
    assert np.isnan(found.least_coverage)


def test_the_customer_saves_beyond_the_term():
    """Five years of 200 less 300, then 50 for what is left, and five years of 200; nobody's gain is lost."""
    flows = frame.life(terms(5, life=10), quantities(2, residual=50.0), NOBODY)
    assert frame.net(flows, CUSTOMER).tolist() == [[0, -100, -100, -100, -100, -150, 200, 200, 200, 200, 200]] * 2
    assert frame.net(flows, CUSTOMER, metered=False)[0].tolist() == [0, -300, -300, -300, -300, -350, 0, 0, 0, 0, 0]
    assert frame.parties(flows) == [CUSTOMER, PROVIDER, "bank", "government", "supplier", "vendor"]
    total = frame.per_party(flows)
    assert list(total) == frame.parties(flows)
    assert total["vendor"][0] == 2000
    assert sum(total.values()).tolist() == [0.0] * 11


@pytest.mark.parametrize(
    ("flows", "note"),
    [
        ([0, 0], "no cash flow"),
        ([0, 5], "no sign change: never an outlay"),
        ([-5, -1], "no sign change: never a return"),
        ([1000, -2500, 2000], "no rate from -99.99 % to 999,900 % brings the net present value to 0"),
        ([-100, 230, -132], "several rates: 10.00 %, 20.00 %"),
    ],
)
def test_a_return_that_does_not_exist_says_why(flows, note):
    """The rate is nan, and the note gives the reason."""
    found = frame.worth(np.array(flows, float), 0.07)
    assert np.isnan(found.irr)
    assert found.irr_note == note
    assert np.isnan(found.payback_years) == (flows[0] >= 0 or flows == [-5, -1])


def test_debt_service_closes_the_debt():
    """At 6 % over 10 years 100,000 cost 13,586.80 a year; the parts that are no interest repay exactly the debt."""
    years = np.arange(12)
    service, interest = debt_service(np.full(12, 100_000.0), Bank(rate_per_year=0.06, tenor_years=10), years)
    assert service[:10] == pytest.approx(13_586.795822)
    assert service[10:].tolist() == [0, 0]
    assert interest[0] == pytest.approx(6000)
    assert interest[1] == pytest.approx(0.06 * (100_000 - 7_586.795822))
    assert interest[10:].tolist() == [0, 0]
    assert (service - interest).sum() == pytest.approx(100_000)
    free, nothing = debt_service(np.array([100.0]), Bank(rate_per_year=0.0, tenor_years=4), 1)
    assert (free[0], nothing[0]) == (25.0, 0.0)


def test_a_loan_is_repaid_within_the_term():
    """A tenor of 8 years is cut to the term of 5: the lender's cash is worth nothing at its own rate."""
    model = terms(5, life=9, debt_share=0.5)
    bank = cash(model, "bank", Partners(Bank(rate_per_year=0.06)), debt=500.0)
    assert bank[0] == -500
    assert bank[1:6] == pytest.approx(118.698200)
    assert bank[6:].tolist() == [0] * 4
    assert frame.worth(bank, 0.06).npv == pytest.approx(0, abs=1e-9)


def test_coverage_by_hand():
    """Fees of 300, 240 and 300 over 118.698: the least is 240 / 118.698; without debt there is none."""
    model, partners = (
        terms(5, fees=(300.0, 240.0, 300.0, 300.0, 300.0), debt_share=0.5),
        Partners(Bank(rate_per_year=0.06)),
    )
    flows = frame.life(model, quantities(2, debt=500.0), partners)
    assert frame.coverage(flows) == pytest.approx([240 / 118.698200] * 2)
    assert frame.worth(frame.net(flows, PROVIDER)[0], 0.07, frame.coverage(flows)[0]).least_coverage > 2
    assert np.isnan(frame.coverage(frame.life(model, quantities(2), partners))).all()
    assert np.isnan(frame.coverage(frame.life(terms(), quantities(), NOBODY)))


def test_tax_with_a_holiday():
    """Profit is 300 less 1000 / 5: a year exempt, two at 12.5 %, two at 25 %, and none after the term."""
    model = terms(5, life=7, tax_rate=0.25, tax_exempt_years=1, tax_half_years=2)
    assert cash(model, "government").tolist() == [0, 0, 12.5, 12.5, 25, 25, 0, 0]
    assert cash(terms(5, tax_rate=0.25, depreciation_years=2), "government").tolist() == [0, -50, -50, 75, 75, 75]


def test_tax_deducts_interest_and_what_is_not_subsidised():
    """Fee 300, interest 30 in the first year, write-off 1000 (1 - 0.2) / 5: tax 0.25 x 110, after a subsidy of 200."""
    model = terms(5, tax_rate=0.25, subsidy_share=0.2, debt_share=0.5)
    government = cash(model, "government", Partners(Bank(rate_per_year=0.06)), debt=500.0)
    assert government[:2] == pytest.approx([-200, 27.5])
    provider = cash(model, PROVIDER, Partners(Bank(rate_per_year=0.06)), debt=500.0)
    assert provider[:2] == pytest.approx([-1000 + 200 + 500, 300 - 118.698200 - 27.5])


def test_tax_without_an_investment():
    """A model that invests nothing pays on its fees alone; one without flows pays none."""

    class Advice(Device):
        def upfront(self, q):
            return []

        def yearly(self, q, age):
            return [Flow(CUSTOMER, PROVIDER, "fee", q["fee"])]

        def at_end(self, q):
            return []

    class Reading(Advice):
        def yearly(self, q, age):
            return []

    model = Advice(term_years=2, life_years=2, finance=Finance(tax_rate=0.25))
    flows = frame.life(model, {"fee": np.array([100.0, 60.0])}, NOBODY)
    assert frame.net(flows, "government").tolist() == [[0, 25, 25], [0, 15, 15]]
    nothing = Reading(finance=Finance(tax_rate=0.25))
    assert yearly_flows(nothing, {"fee": np.ones(1)}, 0, None, None) == []


def test_insurance():
    """Damage of 10 % a year: 100 to replace, 80 of it from the insurer for a premium of 104, within the term only."""
    model = terms(5, life=6, damage_per_year=0.1, insured=True)
    partners = Partners(insurer=Insurer(cover=0.8, loading=0.3))
    assert cash(model, "insurer", partners) == pytest.approx([0, 24, 24, 24, 24, 24, 0])
    assert cash(model, "vendor", partners) == pytest.approx([1000, 100, 100, 100, 100, 100, 0])
    own_risk = terms(5, damage_per_year=0.1)
    assert cash(own_risk, PROVIDER, partners)[1] == pytest.approx(200)
    happened = yearly_flows(model, quantities(damaged=1.0), 0, None, partners.insurer)
    assert frame.net(happened, "insurer") == pytest.approx(104 - 800)


@given(st.floats(-0.05, 0.3), st.floats(0, 0.3))
def test_real_and_nominal_values_agree(inflation, rate):
    """Where all flows rise with prices, (1 + r)(1 + inflation) - 1 discounts them to the real value."""
    changed = {"residual": 70.0}
    values = []
    for pi in (0.0, inflation):
        model = terms(5, life=8, discount_rate=rate, inflation=pi, subsidy_share=0.1, damage_per_year=0.05)
        assert frame.discount(model, PROVIDER) == pytest.approx((1 + rate) * (1 + pi) - 1)
        flows = frame.life(model, quantities(**changed), NOBODY)
        values.append([frame.values(model, flows, role)[0] for role in (CUSTOMER, PROVIDER)])
    assert values[1] == pytest.approx(values[0], rel=1e-9, abs=1e-6)


def test_inflation_leaves_nominal_amounts():
    """At 10 % fees rise to 330 and 363; debt service, interest and write-off do not: tax 0.25 (330 - 200 - 30)."""
    model = terms(5, inflation=0.1, debt_share=0.5, tax_rate=0.25)
    partners = Partners(Bank(rate_per_year=0.06))
    fees = [flow for flow in frame.life(model, quantities(debt=500.0), partners) if flow.account == "fee"]
    assert fees[0].amount[0, :3] == pytest.approx([0, 330, 363])
    assert cash(model, "bank", partners, debt=500.0)[:3] == pytest.approx([-500, 118.6982, 118.6982], abs=1e-4)
    owed = 500 - (118.698200 - 30)
    expected = [0, 0.25 * (330 - 200 - 30), 0.25 * (363 - 200 - 0.06 * owed)]
    assert cash(model, "government", partners, debt=500.0)[:3] == pytest.approx(expected)


def test_draws_of_linear_flows_have_the_expected_mean():
    """Factors have mean 1, so the mean of the draws is the expected flow within four standard errors."""
    model = terms().model_copy(update={"risk": Risk(performance_sigma=0.3, price_sigma=0.0, default_per_year=0.0)})
    drawn = frame.simulate(model, quantities(), NOBODY, 4000, seed=3)
    assert set(drawn) == {CUSTOMER, PROVIDER, "bank", "government", "supplier", "vendor"}
    error = drawn[CUSTOMER][:, 1].std() / np.sqrt(4000)
    assert drawn[CUSTOMER][:, 1].mean() == pytest.approx(-100, abs=4 * error)
    assert (drawn[PROVIDER] == [-1000, 300, 300, 300, 300, 300]).all()
    assert np.log((drawn[CUSTOMER][:, 1] + 300) / 200).std() == pytest.approx(0.3, rel=0.05)
    assert frame.simulate(model, quantities(), NOBODY, 9, seed=3)[CUSTOMER].tolist() == drawn[CUSTOMER][:9].tolist()


def test_deviations_equal_those_of_draws_for_one_small_factor():
    """Half the difference of one standard deviation up and down is what 5 % of performance do to the value."""
    model = terms().model_copy(update={"risk": Risk(performance_sigma=0.05, price_sigma=0.0, default_per_year=0.0)})
    drawn = frame.simulate(model, quantities(), NOBODY, 20_000, seed=1)[CUSTOMER]
    value = drawn @ (1 + frame.discount(model, CUSTOMER)) ** -np.arange(6.0)
    by_hand = 200 * np.sinh(0.05) * (1 - 1.1**-5) / 0.1
    assert frame.deviations(model, quantities(2), NOBODY, CUSTOMER) == pytest.approx([by_hand] * 2)
    assert value.std() == pytest.approx(by_hand, rel=0.03)
    assert frame.deviations(model, quantities(2), NOBODY, PROVIDER).tolist() == [0, 0]


@pytest.mark.parametrize("role", [CUSTOMER, PROVIDER, "vendor", "nobody"])
def test_value_without_the_flows_is_the_same(role):
    """A role's value is that of the flows over a life: with inflation, tax, debt, insurance and residual."""
    finance = {"inflation": 0.02, "tax_rate": 0.25, "debt_share": 0.7, "damage_per_year": 0.02, "subsidy_share": 0.1}
    model, partners = terms(4, life=6, **finance), Partners(Bank(), Insurer())
    q = {**quantities(3, residual=50.0, debt=600.0), "saved_kwh": np.array([400.0, 0.0, 1 / 3])}
    expected = frame.values(model, frame.life(model, q, partners), role)
    assert frame.value_of(model, q, partners, role) == pytest.approx(expected, rel=1e-12)


def test_parts_of_the_risk_are_independent():
    """Two factors of the same size on a product add their squares."""
    both = terms().model_copy(update={"risk": Risk(performance_sigma=0.05, price_sigma=0.05)})
    one = terms().model_copy(update={"risk": Risk(performance_sigma=0.05, price_sigma=0.0)})
    ratio = frame.deviations(both, quantities(), NOBODY, CUSTOMER) / frame.deviations(
        one, quantities(), NOBODY, CUSTOMER
    )
    assert ratio == pytest.approx(np.sqrt(2))


def test_default_cuts_all_but_what_stays():
    """At 20 % a year the t-th fee is worth 300 x 0.8^t; debt service is due in full; nothing is owed after the term."""
    model = terms(3, life=5, debt_share=0.5).model_copy(update={"risk": Risk(price_sigma=0.0, performance_sigma=0.0)})
    partners = Partners(Bank(rate_per_year=0.06))
    drawn = frame.simulate(model, quantities(debt=500.0), partners, 20_000, seed=5, default_per_year=0.2)
    service = drawn["bank"][:, 1:4]
    assert service == pytest.approx(np.full((20_000, 3), 500 * 0.06 / (1 - 1.06**-3)))
    fees = (drawn[PROVIDER] + drawn["bank"])[:, 1:4].mean(axis=0)
    assert fees == pytest.approx(300 * 0.8 ** np.arange(1, 4), abs=5)
    saved = -drawn["supplier"].mean(axis=0)
    assert saved[4:] == pytest.approx(200 * 0.8**3, abs=4)
    sure = frame.simulate(model, quantities(debt=500.0), partners, 50, seed=5, default_per_year=1.0)
    assert (sure[CUSTOMER][:, 1:] == 0).all()
    own = frame.simulate(model, quantities(debt=500.0), partners, 20_000, seed=5)
    assert (own[CUSTOMER][:, 1] == 0).mean() == pytest.approx(0.02, abs=0.005)


def test_what_is_taken_back_at_default():
    """Half of what is not written off comes in the year of the default: 500 x (1 - t / 5) after t full years."""

    class Returned(Device):
        def at_default(self, q, age):
            return [Flow("outside", PROVIDER, "residual", 0.5 * q["capex"] * (1 - age / self.term_years))]

    sure = frame.simulate(Returned(), quantities(), NOBODY, 10, seed=5, default_per_year=1.0)
    assert (sure["outside"] == [0, -500, 0, 0, 0, 0, 0, 0, 0, 0, 0]).all()
    drawn = frame.simulate(Returned(), quantities(), NOBODY, 20_000, seed=5, default_per_year=0.2)
    expected = [0.2 * 0.8**t * 500 * (1 - t / 5) for t in range(5)]
    assert -drawn["outside"].mean(axis=0)[1:6] == pytest.approx(expected, abs=6)
    assert "outside" in frame.simulate(Returned(), quantities(), NOBODY, 10, seed=5, default_per_year=0.0)
    assert Device().at_default(quantities(), np.zeros(1)) == []
    dearer = Returned(finance=Finance(inflation=0.1))
    later = frame.simulate(dearer, quantities(), NOBODY, 10, seed=5, default_per_year=1.0)
    assert later["outside"][0, 1] == pytest.approx(-500 * 1.1)  # at prices of the year, as it is posted


def test_factors_have_the_mean_one():
    """At the middle draw a factor of sigma 0.2 is exp(-0.02); over all draws the mean is 1."""
    assert lognormal(np.array([0.5]), 0.2) == pytest.approx([0.980199], abs=1e-6)
    assert lognormal((np.arange(100_000) + 0.5) / 100_000, 0.5).mean() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(("share", "auc"), [(1.0, 0.75), (0.5, 0.75), (0.2, 0.85), (0.4, 0.5)])
def test_the_best_by_score_default_less(share, auc):
    """The mean of the best share is what 400,000 members show, and all of them have the mean."""
    rng = np.random.default_rng(2)
    badness, noise = rng.standard_normal((2, 400_000))
    chances = default_chances(0.01, badness)
    scores = score(badness, noise, auc)
    best = scores <= np.quantile(scores, share)
    assert chances[best].mean() == pytest.approx(mean_of_best(0.01, share, auc), rel=0.03)
    assert mean_of_best(0.01, 1.0, auc) == pytest.approx(0.01)


def test_a_score_has_its_quality():
    """Of a defaulter and another the score tells who is who in 75 % of pairs."""
    rng = np.random.default_rng(4)
    badness, noise = rng.standard_normal((2, 400_000))
    fell = rng.random(400_000) < default_chances(0.005, badness)
    scores = score(badness, noise, 0.75)
    order = np.argsort(np.argsort(scores)) + 1.0
    area = (order[fell].sum() - fell.sum() * (fell.sum() + 1) / 2) / (fell.sum() * (~fell).sum())
    assert area == pytest.approx(0.75, abs=0.015)
    assert scores.std() == pytest.approx(1, rel=0.01)
    with pytest.raises(ValueError, match="auc"):
        score(badness, noise, 0.9)


def test_one_default_chance_by_hand():
    """A median member has exp(-1.125) of the mean; no chance passes 1."""
    assert default_chances(0.02, np.zeros(1)) == pytest.approx([0.02 * np.exp(-(SPREAD**2) / 2)])
    assert default_chances(0.9, np.array([3.0])).tolist() == [1.0]
    assert mean_of_best(0.02, 0.5, 0.5) == pytest.approx(0.02)
    assert ndtri(0.5) == 0


def signed(contracts, rows, day, **changed):
    """Sign contracts of members whose number is their row plus 100."""
    rows = np.array(rows)
    return contracts.sign(rows, rows + 100, day, quantities(rows.size, **changed), quantities(rows.size))


def test_contracts_by_hand():
    """Three sign on day 0 and one on day 30; the first ends on day 9 and may sign again on day 10."""
    contracts = Contracts()
    assert signed(contracts, [4, 2, 7], 0).tolist() == [0, 1, 2]
    contracts.sums = {"saved_kwh": np.ones(3)}
    contracts.posted = np.ones((2, 3), np.int64)
    assert signed(contracts, [5], 30, capex=900.0).tolist() == [3]
    assert (len(contracts), contracts.agreed["capex"].tolist()) == (4, [1000, 1000, 1000, 900])
    assert contracts.sums["saved_kwh"].tolist() == [1, 1, 1, 0]
    assert contracts.posted.tolist() == [[1, 1, 1, 0]] * 2
    contracts.end(np.array([0]), 9, ENDED)
    assert contracts.last_day.tolist() == [9, NO_DAY, NO_DAY, NO_DAY]
    assert contracts.valid(9).tolist() == [0, 1, 2]
    assert contracts.valid(10).tolist() == [1, 2]
    assert np.flatnonzero(contracts.bound(30, 9)).tolist() == [2, 5, 7]
    assert signed(contracts, [4], 10).tolist() == [4]


def test_no_customer_signs_twice():
    """Neither before a contract's last day, at whose end the next may be signed, nor twice at once."""
    contracts = Contracts()
    signed(contracts, [4, 2], 0)
    with pytest.raises(ValueError, match="row 2 is bound already on day 5: two exclusive contracts on one asset"):
        signed(contracts, [3, 2], 5)
    contracts.end(np.array([1]), 9, DEFAULTED)
    with pytest.raises(ValueError, match="row 2"):
        signed(contracts, [2], 8)
    with pytest.raises(ValueError, match="row 6"):
        signed(contracts, [6, 6], 20)
    with pytest.raises(ValueError, match=r"agreed: given .* allowed the same as before"):
        signed(contracts, [8], 20, extra=1.0)
    assert len(contracts) == 2
    assert signed(contracts, [2], 9).tolist() == [2]


def test_no_debit_out_of_term():
    """A contract from day 3 to day 9 allows debits on these days only."""
    contracts = Contracts()
    signed(contracts, [4], 3)
    contracts.end(np.array([0]), 9, ENDED)
    contracts.require_valid(np.array([0]), 3)
    contracts.require_valid(np.array([0]), 9)
    contracts.require_valid(np.array([], np.int64), 99)
    for day in (2, 10):
        with pytest.raises(ValueError, match=f"contract 0 of member 104 does not hold on day {day}"):
            contracts.require_valid(np.array([0]), day)


def faults(**changed):
    """Return the faults of a canvas with some blocks changed."""
    canvas = dataclasses.replace(Device.canvas, **changed)
    return canvas.faults(Device(), ["equipment", "fee", "residual"], ["vendor", PROVIDER], CUSTOMERS)


def test_a_canvas_maps_to_what_exists():
    """The model's own has no fault; each entry that maps to nothing is named."""
    assert faults() == []
    assert faults(costs=(Entry("crews", ("labour",)),))[0].startswith("C$ 'crews': books on labour; allowed accounts: ")
    assert faults(revenues=(Entry("fees", ()),))[0].startswith("R$ 'fees': books on no account")
    assert faults(partners={"bank": "bank"}) == ["KP 'bank': maps to 'bank'; allowed: provider, vendor"]
    assert faults(resources={"crew": "crew"})[0].startswith("KR 'crew': maps to 'crew'")
    assert faults(channels={"app": "channel.app"}) == ["CH 'app': no key 'channel.app' in the terms"]
    assert faults(relationship={"x": "x"}, segments={"y": "segment.y"}) == [
        "CR 'x': no key 'x' in the terms",
        "CS 'y': no key 'segment.y' in the terms",
    ]
    assert faults(activities=(), value=()) == [
        "KA: empty; give at least one entry",
        "VP: empty; give at least one entry",
    ]


def books(*rows):
    """Return rows of a ledger."""
    return pd.DataFrame(rows, columns=["payer", "payee", "account", "amount"])


def test_the_canvas_is_filled_from_the_books():
    """Devices cost 1000, fees and what is left bring 350; the other blocks have no money."""
    filled = Device.canvas.realised(
        books(
            ("esco", "vendor", "equipment", 1000.0),
            ("households", "esco", "fee", 300.0),
            ("households", "esco", "residual", 50.0),
            ("households", "vendor", "other", 7.0),
        ),
        "esco",
    )
    assert filled["block"].drop_duplicates().tolist() == list(BLOCKS)
    money = filled.set_index("entry")["amount"].dropna()
    assert money.to_dict() == {"devices": 1000.0, "fees": 350.0}
    assert filled.set_index("entry").loc["fees", "maps_to"] == "fee, residual"


def test_what_comes_back_lessens_the_amount():
    """20 of 1000 paid for devices come back; an account on both sides counts on each."""
    rows = [("esco", "vendor", "equipment", 1000.0), ("vendor", "esco", "equipment", 20.0)]
    filled = Device.canvas.realised(books(*rows, ("esco", "households", "fee", 5.0)), "esco").set_index("entry")
    assert filled["amount"].dropna().to_dict() == {"devices": 980.0, "fees": -5.0}
    both = dataclasses.replace(Device.canvas, revenues=(Entry("fees and returns", ("fee", "equipment")),))
    filled = both.realised(books(*rows), "esco").set_index("entry")
    assert filled["amount"].dropna().to_dict() == {"devices": 1000.0, "fees and returns": 20.0}


@pytest.mark.parametrize("canvas", [Device.canvas, dataclasses.replace(Device.canvas, costs=(), revenues=())])
def test_money_that_the_canvas_does_not_know_is_refused(canvas):
    """Also where a block has no entry at all."""
    with pytest.raises(ValueError, match=r"C\$ has no entry for the account labour, on which esco books"):
        canvas.realised(books(("esco", "outside", "labour", 1.0)), "esco")
    with pytest.raises(ValueError, match=r"R\$ has no entry for the account tips"):
        canvas.realised(books(("households", "esco", "tips", 1.0)), "esco")


def test_some_customers():
    """Chosen members keep their columns, and a meter that asks the whole."""
    customers = people()
    some = customers.of(np.array([2, 0]))
    assert (len(some), some.number.tolist(), some.owns["pv"].tolist()) == (2, [2, 0], [True, False])
    assert some.bill.tolist() == [1350.0, 450.0]
    withdrawn, injected = some.meter(np.array([100.0, 50.0]), np.array([1.0, 2.0]))
    assert (withdrawn.tolist(), injected.tolist()) == ([2600.0, 850.0], [1.0, 2.0])
    assert customers.of(customers.owns["pv"]).row.tolist() == [1, 0]


def test_what_a_model_does_by_default():
    """Everybody may sign, all is as agreed and metered as it is, and its rows of the ledger bear its name."""
    model, customers = Device(name="cool"), people()
    q = model.expected(customers)
    assert (model.title, Device().title, model.is_offered) == ("cool", "device", True)
    assert model.eligible(customers).tolist() == [True] * 3
    assert model.truth(customers, q) is q
    assert model.realised(q, None, np.zeros(3)) is q
    assert model.effect(q, np.zeros(3)) == {}
    assert BusinessModel.upfront(model, q) == BusinessModel.at_end(model, q) == []
    rows = pd.DataFrame({"business_model": ["", "cool", "other"], "amount": [1.0, 2.0, 3.0]})
    assert model.books(rows)["amount"].tolist() == [2.0]
    assert [flow.account for flow in upfront_flows(model, q)] == ["equipment", "subsidy", "loan"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Device(term_years=5, life_years=4), "life_years: given 4; allowed at least term_years, which is 5"),
        (lambda: Segment(annual_kwh_min=5, annual_kwh_max=4), "annual_kwh_max: given 4; allowed at least"),
        (lambda: Segment(has=("pv",), lacks=("pv",)), "lacks: given pv, which `has` asks for"),
        (lambda: Finance(subsidy_share=1.1), "subsidy_share"),
        (lambda: Finance(tax_rate=-0.1), "tax_rate"),
        (lambda: Finance(debt_share=1.0), "debt_share"),
        (lambda: Risk(default_per_year=1.5), "default_per_year"),
        (lambda: Acceptance(discount_rate=-0.01), "discount_rate"),
        (lambda: Device(fee=1), "fee"),
    ],
)
def test_terms_out_of_range_are_refused(make, message):
    """With the name of the term and what is allowed."""
    with pytest.raises(ValidationError, match=message):
        make()
