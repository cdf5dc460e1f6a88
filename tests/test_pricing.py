"""Optimal retail prices in closed form (B11), and gains from real-time prices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize

from gridagora.markets.pricing import (
    LinearDemand,
    break_even_price,
    break_even_prices,
    constant_elasticity_price,
    monopoly_prices,
    ramsey_constant_elasticity,
    ramsey_linear,
    real_time_gain,
    second_best_prices,
    welfare_loss,
)

#: Four periods with demand a - 2 p and rising cost; the last two are the peak.
MARKET = LinearDemand([10, 12, 15, 20], 2.0, [0.3, 0.5, 0.8, 1.6])
PEAK = [0, 0, 1, 1]
ENERGY = np.array([10.0, 12.0, 15.0, 20.0])
FAST = settings(max_examples=50, deadline=None)


@st.composite
def markets(draw):
    """Draw four periods whose cost lies below the choke price."""
    intercept = draw(arrays(np.float64, 4, elements=st.floats(5, 50)))
    slope = draw(arrays(np.float64, 4, elements=st.floats(0.5, 4)))
    part = draw(arrays(np.float64, 4, elements=st.floats(0.01, 0.4)))
    return LinearDemand(intercept, slope, part * intercept / slope)


def test_break_even_price_and_its_loss():
    """O34: the flat price 0.949793; prices at cost gain 1.069751 = sum b (p - w)^2 / 2, 2.2799 % of the flat bill."""
    price = break_even_price(MARKET)
    assert price == pytest.approx(0.949793, abs=1e-6)
    assert MARKET.profit(price) == pytest.approx(0, abs=1e-9)
    gain = MARKET.welfare(MARKET.cost) - MARKET.welfare(price)
    assert gain == pytest.approx(1.069751, abs=1e-6)
    assert welfare_loss(MARKET, price) == pytest.approx(gain, abs=1e-9)
    assert gain / (price * MARKET.demand(price).sum()) == pytest.approx(0.022799, abs=1e-6)


def test_two_period_tariffs():
    """O34: break-even in each period 0.409823 and 1.266816 recovers 67.364 %; least loss is at 0.4 and 1.2."""
    prices = break_even_prices(MARKET, PEAK)
    assert prices == pytest.approx([0.409823, 0.409823, 1.266816, 1.266816], abs=1e-6)
    flat = welfare_loss(MARKET, break_even_price(MARKET))
    assert 1 - welfare_loss(MARKET, prices) / flat == pytest.approx(0.67364, abs=1e-5)
    best = second_best_prices(MARKET, PEAK)
    assert best == pytest.approx([0.4, 0.4, 1.2, 1.2], abs=1e-12)
    assert welfare_loss(MARKET, best) < welfare_loss(MARKET, prices)


def test_monopoly():
    """O35: (a / b + w) / 2 = 2.65, 3.25, 4.15, 5.80, which earn 83.895."""
    prices = monopoly_prices(MARKET)
    assert prices == pytest.approx([2.65, 3.25, 4.15, 5.80], abs=1e-9)
    assert MARKET.profit(prices) == pytest.approx(83.895, abs=1e-6)


def test_monopoly_within_bounds():
    """Bounds cut each price on its own."""
    assert monopoly_prices(MARKET, 3.0, 5.0) == pytest.approx([3.0, 3.25, 4.15, 5.0], abs=1e-12)


def test_monopoly_under_a_cap_on_the_average():
    """A cap of 3 on the average at weights d0 = a lowers p by mu a / (2 b); SLSQP finds the same."""
    prices = monopoly_prices(MARKET, reference=ENERGY, average_cap=3.0)
    assert ENERGY @ prices / ENERGY.sum() == pytest.approx(3, abs=1e-9)
    fall = (monopoly_prices(MARKET) - prices) / ENERGY
    assert fall == pytest.approx(np.full(4, fall[0]), abs=1e-9)
    found = minimize(
        lambda p: -np.sum((p - MARKET.cost) * (MARKET.intercept - 2 * p)),
        np.full(4, 2.0),
        constraints={"type": "ineq", "fun": lambda p: 3 * ENERGY.sum() - ENERGY @ p},
        method="SLSQP",
    )
    assert prices == pytest.approx(found.x, abs=1e-4)
    assert (monopoly_prices(MARKET, reference=ENERGY, average_cap=9.0) == monopoly_prices(MARKET)).all()


def test_lerner():
    """O36: elasticity 3 and cost 0.4 make 0.60."""
    assert constant_elasticity_price(0.4, 3) == pytest.approx(0.60, abs=1e-15)


def test_ramsey_by_hand():
    """Half the monopoly's way, kappa = 1/3: p = (w + a / 3b) / (4/3) earns 3/4 of the monopoly's profit."""
    prices = ramsey_linear(MARKET, 0.75 * 83.895)
    assert prices == pytest.approx((MARKET.cost + MARKET.choke / 3) * 0.75, abs=1e-9)
    assert ramsey_linear(MARKET, 0.0) == pytest.approx(MARKET.cost, abs=1e-12)
    assert ramsey_linear(MARKET, MARKET.profit(monopoly_prices(MARKET))) == pytest.approx(monopoly_prices(MARKET))


def test_ramsey_at_constant_elasticity():
    """Mark-ups times elasticities are equal, the sum is raised, and the inelastic class pays more; most is Lerner's."""
    eps, cost, scale = np.array([2.0, 4.0]), np.array([0.4, 0.4]), np.array([1.0, 1.0])
    most = np.sum((constant_elasticity_price(cost, eps) - cost) * constant_elasticity_price(cost, eps) ** -eps)
    prices = ramsey_constant_elasticity(scale, eps, cost, 0.8 * most)
    markup = (prices - cost) / prices * eps
    assert markup[0] == pytest.approx(markup[1], abs=1e-9)
    assert np.sum((prices - cost) * prices**-eps) == pytest.approx(0.8 * most, abs=1e-9)
    assert prices[0] > prices[1]
    inelastic = ramsey_constant_elasticity([1.0], [0.5], [0.4], 2.0)
    assert (inelastic - 0.4) * inelastic**-0.5 == pytest.approx([2.0], abs=1e-9)


@FAST
@given(markets(), st.floats(0, 1))
def test_laws_of_prices(market, part):
    """Monopoly prices lie from the cost to the choke price, Ramsey prices from the cost to the monopoly's."""
    monopoly = monopoly_prices(market)
    assert (monopoly >= market.cost).all()
    assert (monopoly <= market.choke).all()
    ramsey = ramsey_linear(market, part * market.profit(monopoly))
    assert (ramsey >= market.cost - 1e-9).all()
    assert (ramsey <= monopoly + 1e-9).all()
    for factor in (0.9, 0.99, 1.01):
        assert market.profit(np.minimum(monopoly * factor, market.choke)) <= market.profit(monopoly) + 1e-9


@FAST
@given(markets())
def test_laws_of_losses(market):
    """Second-best classes lose no more than one second-best price, and loss is the difference of welfare."""
    best, one = second_best_prices(market, PEAK), second_best_prices(market, [0, 0, 0, 0])
    if (np.maximum(best, one) > market.choke).any():
        return
    assert welfare_loss(market, best) <= welfare_loss(market, one) + 1e-9
    loss = market.welfare(market.cost) - market.welfare(one)
    assert loss == pytest.approx(welfare_loss(market, one), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("elasticity", [0.025, 0.1, 0.3])
def test_gains_grow_and_flatten_with_the_share(elasticity):
    """O33: real-time prices gain even at 0.025, more with each further customer, and less than with the one before."""
    gains = [real_time_gain(ENERGY, 0.9, elasticity, share, 0.1, 0.06).gain for share in np.linspace(0, 1, 11)]
    assert gains[0] == pytest.approx(0, abs=1e-12)
    assert (np.diff(gains) > 0).all()
    assert (np.diff(gains, 2) < 0).all()


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_gains_grow_and_flatten_with_elasticity(share):
    """O33: the same holds in the absolute elasticity."""
    gains = [real_time_gain(ENERGY, 0.9, eps, share, 0.1, 0.06).gain for eps in np.linspace(0.025, 0.5, 11)]
    assert gains[0] > 0
    assert (np.diff(gains) > 0).all()
    assert (np.diff(gains, 2) < 0).all()


def test_time_of_use_captures_a_part():
    """O33: a tariff of two periods recovers less than all that prices at cost gain, though more than nothing."""
    flat = welfare_loss(MARKET, break_even_price(MARKET))
    assert 0 < 1 - welfare_loss(MARKET, second_best_prices(MARKET, PEAK)) / flat < 1
    mixed = 1 - welfare_loss(MARKET, second_best_prices(MARKET, [0, 1, 1, 0])) / flat
    assert mixed < 0.25


def test_flat_customers_break_even():
    """What flat-rate customers pay is what their energy costs on the market, r = 0.1 + 0.06 times the demand of all."""
    a, b, share = ENERGY * 1.3, 0.3 * ENERGY / 0.9, 0.4
    found = real_time_gain(ENERGY, 0.9, 0.3, share, 0.1, 0.06)
    flat = found.flat_price
    market = (0.1 + 0.06 * (a - b * (1 - share) * flat)) / (1 + 0.06 * b * share)
    total = (1 - share) * (a - b * flat) + share * (a - b * market)
    assert market == pytest.approx(0.1 + 0.06 * total, abs=1e-12)
    assert np.sum((flat - market) * (a - b * flat)) == pytest.approx(0, abs=1e-9)


def test_losses_at_negative_costs():
    """Where energy is a gift worth more than demand, the break-even price is negative and still breaks even."""
    gift = LinearDemand([1.0, 1.0], 1.0, [-5.0, -5.0])
    assert break_even_price(gift) == pytest.approx(-5.0, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LinearDemand([1.0], [0.0], [0.1]), "slope: given 0"),
        (lambda: MARKET.demand(6.0), "price: given 6; allowed: at most the choke price, 5"),
        (lambda: monopoly_prices(LinearDemand([1.0], [1.0], [2.0])), "cost: given 2"),
        (lambda: monopoly_prices(MARKET, 3.0, 2.0), "low: above high"),
        (lambda: monopoly_prices(MARKET, average_cap=1.0), "`reference` belong together"),
        (lambda: monopoly_prices(MARKET, 2.0, reference=ENERGY, average_cap=1.0), "average_cap: given 1"),
        (lambda: constant_elasticity_price(0.4, 1.0), "elasticity: given 1"),
        (lambda: ramsey_linear(MARKET, 84.0), "requirement: given 84"),
        (lambda: ramsey_constant_elasticity([1.0], [2.0], [0.4], 10.0), "requirement: given 10; allowed: at most 0.6"),
        (lambda: break_even_price(MARKET, 200.0), "break-even price: no uniform price"),
        (lambda: break_even_price(LinearDemand([1.0, 100.0], [1.0, 1.0], [0.0, 3.0])), "choke price, 1"),
        (lambda: second_best_prices(MARKET, [0, 1]), r"classes: given shape \(2,\)"),
        (lambda: real_time_gain(ENERGY, 0.9, 0.1, 1.5, 0.1, 0.06), "share: given 1.5"),
    ],
)
def test_refusals(call, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(ValueError, match=message):
        call()
