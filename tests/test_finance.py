import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gridagora.sim import finance as f

FLOWS = (-1000, 300, 420, 680)
RATES = st.floats(-0.5, 2.0)
MONEY = st.floats(-1e6, 1e6)


def test_net_present_value_and_return_of_reference_flows():
    """O44: -1000, 300, 420, 680 are worth 130.728775 at 10 % and return 16.340560 %."""
    assert f.npv(0.10, FLOWS) == pytest.approx(130.728775, abs=1e-6)
    assert f.irr(FLOWS) == pytest.approx(0.16340560, abs=1e-8)


def test_annuities_and_a_loan():
    """O45: CRF(8 %, 20), its inverse, and 100,000 at 6 %/12 over 120 months."""
    assert f.capital_recovery_factor(0.08, 20) == pytest.approx(0.101852, abs=1e-6)
    assert f.annuity_factor(0.08, 20) == pytest.approx(9.818147, abs=1e-6)
    assert f.annuity(100_000, 0.06 / 12, 120) == pytest.approx(1110.2050, abs=1e-4)
    assert f.annuity(1200, 0.0, 12) == 100.0


def test_no_return_without_a_change_of_sign():
    """Gains only, losses only, nothing at all, and flows whose value stays positive have no internal rate."""
    for flows in ([1, 2], [-1, -2], [0, 0], [1, -2, 2]):
        assert math.isnan(f.irr(flows))
        assert f.irr_all(flows).size == 0


def test_several_returns_are_listed():
    """-1000 (1 + r)^2 + 2300 (1 + r) - 1320 = 0 at 10 % and 20 %: no single rate, but a modified one."""
    flows = (-1000, 2300, -1320)
    assert f.irr_all(flows) == pytest.approx([0.1, 0.2], abs=1e-9)
    assert math.isnan(f.irr(flows))
    outlay = 1000 + 1320 / 1.1**2
    assert f.mirr(flows, 0.1, 0.12) == pytest.approx(math.sqrt(2300 * 1.12 / outlay) - 1, abs=1e-12)


def test_a_return_of_zero_is_found():
    """Paying 100 and receiving 100 returns 0 %, a zero of the search grid itself."""
    assert f.irr([-100, 100]) == pytest.approx(0.0, abs=1e-12)
    assert f.irr([-100, 25, 25, 25, 25]) == pytest.approx(0.0, abs=1e-9)


def test_returns_of_long_and_bad_investments():
    """360 monthly payments and a loss of nine tenths stay within the search."""
    monthly = [-100_000.0] + [f.annuity(100_000, 0.005, 360)] * 360
    assert f.irr(monthly) == pytest.approx(0.005, abs=1e-10)
    assert f.irr([-100, 10]) == pytest.approx(-0.9, abs=1e-12)


def test_modified_return_needs_both_signs():
    """Outlays alone or returns alone have none."""
    assert math.isnan(f.mirr([1, 2], 0.1, 0.1))
    assert math.isnan(f.mirr([-1, -2], 0.1, 0.1))
    assert math.isnan(f.mirr([-1], 0.1, 0.1))


def test_payback_is_interpolated():
    """-1000 + 300 + 420 leaves 280 of the 680 of year 3: 2.41 years; at 10 % it is 2.74 years."""
    assert f.payback(FLOWS) == pytest.approx(2 + 280 / 680)
    left = 1000 - 300 / 1.1 - 420 / 1.21
    assert f.payback(FLOWS, 0.1) == pytest.approx(2 + left / (680 / 1.331))
    assert math.isnan(f.payback([-10, 1, 1]))
    assert f.payback([0, 5]) == 0.0
    assert f.payback([-10, 10]) == 1.0


def test_indices_per_outlay():
    """NPV 130.728775 on 1000 is an index of 1.130729; the plain return is 400 of 1000."""
    assert f.profitability_index(0.1, FLOWS) == pytest.approx(1.130728775, abs=1e-9)
    assert f.return_on_investment(FLOWS) == pytest.approx(0.4)
    with pytest.raises(ValueError, match=r"given 5.0 at step 0; allowed: an outlay"):
        f.profitability_index(0.1, [5, 1])


def test_a_small_loan_by_hand():
    """200 at 10 % in two payments of 115.238095: interest 20 and 10.476190."""
    loan = f.loan_schedule(200, 0.1, 2)
    assert loan.payment == pytest.approx(115.2380952)
    assert loan.interest == pytest.approx([20, 10.4761905])
    assert loan.principal == pytest.approx([95.2380952, 104.7619048])
    assert loan.balance == pytest.approx([104.7619048, 0], abs=1e-7)
    assert not loan.balance.flags.writeable


def test_levelised_cost():
    """110 now and 11 + 0 over two years of 100 and 121 kWh at 10 % cost 120 / 190.909 = 0.628571 a kWh."""
    assert f.lcoe(110, [11, 0], [100, 121], 0.1) == pytest.approx(120 / (100 / 1.1 + 100))


def test_levelised_cost_of_rooftop_pv():
    """Model D2a: 3500 a kWp, 60 a year, 1100 kWh falling by 0.5 % a year, 25 years at 6 % cost 0.317 a kWh."""
    energy = 1100 * 0.995 ** np.arange(25)
    assert f.lcoe(3500, np.full(25, 60.0), energy, 0.06) == pytest.approx(0.317, abs=5e-4)


def test_debt_service_coverage():
    """120 over 100 covers 1.2 times; without service there is no ratio."""
    assert f.dscr([120, 90, 5], [100, 100, 0])[:2] == pytest.approx([1.2, 0.9])
    assert math.isnan(f.dscr([120, 90, 5], [100, 100, 0])[2])


def test_real_and_nominal_rates():
    """5 % real at 2 % inflation is 7.1 % nominal, and back."""
    assert f.nominal_rate(0.05, 0.02) == pytest.approx(0.071)
    assert f.real_rate(0.071, 0.02) == pytest.approx(0.05)


def test_tax_is_paid_on_profit():
    """At 25 %, 100 less 40 depreciation and 20 interest pays 10; a loss earns a credit."""
    assert f.cash_flow_after_tax([100, 0], 0.25, [40, 40], 20) == pytest.approx([90, 15])


def test_risk_of_twenty_outcomes():
    """Of 1 to 20 the worst 10 % are 1 and 2, of which the border is 2 and the mean 1.5; 12.5 % add half of 3."""
    outcomes = np.arange(20, 0, -1)
    assert f.value_at_risk(outcomes, 0.1) == 2
    assert f.conditional_value_at_risk(outcomes, 0.1) == pytest.approx(1.5)
    assert f.value_at_risk(outcomes, 0.125) == 3
    assert f.conditional_value_at_risk(outcomes, 0.125) == pytest.approx((1 + 2 + 1.5) / 2.5)
    assert f.value_at_risk(outcomes) == 1
    assert f.conditional_value_at_risk(outcomes, 1.0) == pytest.approx(10.5)
    assert f.probability_of_loss([-1, 0, 1, 2]) == 0.25


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: f.npv(-1, [1]), "rate: given -1; allowed: above -1"),
        (lambda: f.npv(math.nan, [1]), "rate: given nan"),
        (lambda: f.npv(0.1, []), r"cash_flows: given shape \(0,\)"),
        (lambda: f.npv(0.1, [math.nan]), "finite numbers only"),
        (lambda: f.npv(0.1, [[1.0]]), "one dimension"),
        (lambda: f.annuity_factor(0.1, 0), "steps: given 0; allowed: at least 1"),
        (lambda: f.loan_schedule(-1, 0.1, 2), "principal: given -1"),
        (lambda: f.lcoe(1, [1], [1, 2], 0.1), "given 1 and 2 steps"),
        (lambda: f.lcoe(1, [1], [0], 0.1), r"discounted sum of 0.0; allowed: above 0"),
        (lambda: f.dscr([1], [1, 2]), "as many steps as cash_available"),
        (lambda: f.dscr([1], [-1]), "each at least 0"),
        (lambda: f.cash_flow_after_tax([1], 1.5), "tax_rate: given 1.5; allowed: 0 to 1"),
        (lambda: f.value_at_risk([1], 0), "share: given 0; allowed: above 0"),
    ],
)
def test_bad_values_are_refused(call, message):
    """Each refusal names the quantity and what is allowed."""
    with pytest.raises(ValueError, match=message):
        call()


@given(RATES, st.lists(MONEY, min_size=1, max_size=12), st.lists(MONEY, min_size=12, max_size=12), st.floats(-5, 5))
def test_present_value_is_linear(rate, flows, others, factor):
    """NPV(a x + y) = a NPV(x) + NPV(y)."""
    x, y = np.array(flows), np.array(others[: len(flows)])
    scale = 1 + sum(abs(v) * (1 + rate) ** -t for t, v in enumerate(np.abs(x) * abs(factor) + np.abs(y)))
    assert f.npv(rate, factor * x + y) == pytest.approx(factor * f.npv(rate, x) + f.npv(rate, y), abs=1e-12 * scale)


@settings(max_examples=50)
@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=20), st.floats(1, 1e6))
def test_at_the_internal_rate_nothing_is_left(returns, outlay):
    """One outlay and positive returns have one rate, at which the net present value vanishes."""
    flows = np.array([-outlay, *returns])
    assume(0.01 < sum(returns) / outlay < 100)
    rate = f.irr(flows)
    assert f.npv(rate, flows) == pytest.approx(0, abs=1e-7 * outlay)


@given(st.floats(-0.05, 0.5), st.integers(1, 120), st.floats(0, 1e7))
def test_a_loan_is_worth_its_principal(rate, steps, principal):
    """Payments repay the principal once and are worth it; interest is the rate on the debt before."""
    loan = f.loan_schedule(principal, rate, steps)
    close = {"rel": 1e-7, "abs": 1e-6 * (1 + principal)}
    assert loan.principal.sum() == pytest.approx(principal, **close)
    assert loan.balance[-1] == pytest.approx(0, **close)
    assert loan.interest + loan.principal == pytest.approx(np.full(steps, loan.payment), **close)
    before = np.concatenate([[principal], loan.balance[:-1]])
    assert loan.interest == pytest.approx(rate * before, **close)
    assert f.npv(rate, [0.0] + [loan.payment] * steps) == pytest.approx(principal, **close)


@given(st.floats(-0.5, 1), st.floats(-0.5, 1))
def test_real_and_nominal_are_inverse(real, inflation):
    """Turning a rate nominal and back gives the rate."""
    assert f.real_rate(f.nominal_rate(real, inflation), inflation) == pytest.approx(real, abs=1e-12)


@given(st.lists(MONEY, min_size=1, max_size=40), st.floats(0.01, 1), st.floats(-1e3, 1e3))
def test_the_mean_of_the_worst_lies_below_their_border(outcomes, share, shift):
    """CVaR <= VaR, CVaR <= mean, and both move with a constant."""
    var, cvar = f.value_at_risk(outcomes, share), f.conditional_value_at_risk(outcomes, share)
    slack = 1e-9 * (1 + max(abs(v) for v in outcomes))
    assert cvar <= var + slack
    assert cvar <= np.mean(outcomes) + slack
    moved = np.array(outcomes) + shift
    assert f.conditional_value_at_risk(moved, share) == pytest.approx(cvar + shift, abs=10 * slack + 1e-6)
