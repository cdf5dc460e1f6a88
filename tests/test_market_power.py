import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets import OrderBook
from gridagora.markets.cournot import CournotMarket, best_response_path, collusion_index, learn_quantities
from gridagora.markets.market_power import (
    conduct,
    elasticity_adjusted_lerner,
    herfindahl_index,
    lerner_index,
    pivotal,
    residual_supply_index,
)

COURNOT = [(1, 0.75), (2, 0.60), (3, 0.525), (5, 0.45), (10, 0.3818181818181818)]
COSTS = st.lists(st.floats(0.0, 1.5), min_size=1, max_size=6)


def market(sellers):
    """Return O20's market: P = 1.2 - 0.01 Q, marginal cost 0.3."""
    return CournotMarket(1.2, 0.01, [0.3] * sellers)


def test_lerner_index():
    """Price 0.60 at marginal cost 0.40 is a third above cost; at a price of 0 or less there is no such part."""
    assert float(lerner_index(0.6, 0.4)) == pytest.approx(1 / 3)
    assert lerner_index([0.5, 0.0, -0.1], 0.25).tolist() == pytest.approx([0.5, np.nan, np.nan], nan_ok=True)


def test_herfindahl_index():
    """Shares 50, 30 and 20 % give 0.38, a monopoly 1, four equals 0.25."""
    assert herfindahl_index([50, 30, 20]) == pytest.approx(0.38)
    assert herfindahl_index([0, 7]) == 1.0
    assert herfindahl_index([3] * 4) == 0.25
    for bad in ([-1, 2], [0, 0]):
        with pytest.raises(ValueError, match="must be at least 0 kWh and one above it"):
            herfindahl_index(bad)


def test_pivotal_suppliers():
    """Of 60, 30 and 20 kWh, demand 60 cannot be met without the first (50 left), demand 40 without none."""
    index = residual_supply_index([60, 30, 20], [60, 40])
    assert index[0] == pytest.approx([50 / 60, 80 / 60, 90 / 60])
    assert pivotal([60, 30, 20], [60, 40]).tolist() == [[True, False, False], [False, False, False]]
    assert pivotal([60, 30, 20], 110).tolist() == [[True, True, True]]
    with pytest.raises(ValueError, match="every demand above 0 kWh"):
        residual_supply_index([1.0], [0.0])


def test_conduct_of_economic_withholding():
    """A plant at cost 2 asks 6, so one at cost 4 sets the price: 4 instead of 2, and the dearer one runs.

    Demand 10 at 9. True: 10 kWh of the plant at 2, welfare 70, price 2 (k = 0). Quoted: 8 kWh at 4 and 2 kWh at 6.
    """
    true = OrderBook(["buy", "sell", "sell"], [9, 2, 4], [10, 12, 8])
    quoted = OrderBook(["buy", "sell", "sell"], [9, 6, 4], [10, 12, 8])
    found = conduct(quoted, true, k=0)
    assert (found.price, found.competitive_price) == (6, 2)
    assert found.markup == pytest.approx(4 / 6)
    assert found.lost_welfare == pytest.approx(70 - (90 - 32 - 4))
    assert found.seller_gain == pytest.approx((6 - 4) * 8 + (6 - 2) * 2 - 0)
    assert found.buyer_gain == pytest.approx(30 - 70)
    assert found.withheld_kwh == 10.0


def test_conduct_of_physical_withholding():
    """Half of a plant is kept back: the price rises to 4 and 6 kWh are missed; quoting more than there is, no."""
    true = OrderBook(["buy", "sell", "sell"], [9, 2, 4], [10, 12, 8])
    found = conduct(OrderBook(["buy", "sell", "sell"], [9, 2, 4], [10, 6, 8]), true)
    assert (found.price, found.withheld_kwh) == (4, 6)
    assert found.lost_welfare == pytest.approx(4 * 2)
    with pytest.raises(ValueError, match="order 1 quotes 12"):
        conduct(true, OrderBook(["buy", "sell", "sell"], [9, 2, 4], [10, 6, 8]))
    with pytest.raises(ValueError, match="give the same orders twice"):
        conduct(true, OrderBook(["buy"], [9], [10]))


def test_truthful_conduct_changes_nothing():
    """The market against itself: no mark-up, no loss, no gain."""
    book = OrderBook(["buy", "buy", "sell", "sell"], [9, 5, 2, 4], [4, 4, 5, 8])
    found = conduct(book, book)
    assert (found.markup, found.lost_welfare, found.seller_gain, found.buyer_gain) == (0, 0, 0, 0)


def test_conduct_parameter():
    """In a symmetric Cournot market the elasticity-adjusted Lerner index is 1 / n."""
    for sellers, price in COURNOT:
        elasticity = -price / (0.01 * (1.2 - price) / 0.01)
        assert elasticity_adjusted_lerner((price - 0.3) / price, elasticity) == pytest.approx(1 / sellers)
    with pytest.raises(ValueError, match="it is below 0"):
        elasticity_adjusted_lerner(0.5, 0.1)


@pytest.mark.parametrize(("sellers", "price"), COURNOT)
def test_cournot(sellers, price):
    """O20: closed form and best responses give the price (a + n c) / (n + 1), learners come within 0.03 of it."""
    found = market(sellers)
    assert found.price(found.equilibrium()) == pytest.approx(price, abs=1e-12)
    assert found.price(best_response_path(found)) == pytest.approx(price, abs=1e-9)
    for seed in range(3):
        assert found.price(learn_quantities(found, 400, seed)) == pytest.approx(price, abs=0.03)


def test_cournot_with_unequal_costs():
    """Demand 1 - 0.01 Q, costs 0.1, 0.3 and 0.9: the dear one stays out, price (1 + 0.4) / 3."""
    found = CournotMarket(1.0, 0.01, [0.9, 0.1, 0.3])
    assert found.price(found.equilibrium()) == pytest.approx(1.4 / 3)
    assert found.equilibrium() == pytest.approx([0, (1.4 / 3 - 0.1) * 100, (1.4 / 3 - 0.3) * 100])
    assert found.monopoly().tolist() == pytest.approx([0, 45, 0])
    assert CournotMarket(0.2, 0.01, [0.3]).equilibrium().tolist() == [0.0]


@settings(deadline=None)
@given(COSTS)
def test_nobody_gains_by_leaving_the_equilibrium(costs):
    """Every quantity of the closed form is the best response to the others, whatever the costs."""
    found = CournotMarket(1.0, 0.02, costs)
    quantity = found.equilibrium()
    for seller in range(len(costs)):
        assert found.best_response(seller, quantity) == pytest.approx(quantity[seller], abs=1e-9)


def test_collusion_index():
    """Two sellers at the Cournot quantities score 0, at half the monopoly's 1."""
    found = market(2)
    nash, monopoly = found.profit(found.equilibrium()).sum(), found.profit(found.monopoly()).sum()
    assert monopoly == pytest.approx(20.25)
    assert collusion_index(nash, nash, monopoly) == 0.0
    assert collusion_index(monopoly, nash, monopoly) == 1.0
    with pytest.raises(ValueError, match="the first must be the larger"):
        collusion_index(1.0, 2.0, 2.0)


def test_what_a_cournot_market_refuses():
    """A price that does not fall, no sellers, and answers that do not settle in time are refused."""
    with pytest.raises(ValueError, match=r"slope: given 0\.0|slope: given 0"):
        CournotMarket(1.0, 0, [0.1])
    with pytest.raises(ValueError, match="at least one seller"):
        CournotMarket(1.0, 0.1, [])
    with pytest.raises(RuntimeError, match="still moving after 1 rounds"):
        best_response_path(market(2), rounds=1)
    assert market(1).price(np.array([500.0])) == 0.0
