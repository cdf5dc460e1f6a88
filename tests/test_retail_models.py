"""Models that only read the books: classes of reliability, and a charge that has to cover a cost (D8.1, D8.4)."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gridagora.agents.business_models.contracts import Contracts
from gridagora.agents.business_models.reliability_classes import ReliabilityClasses
from gridagora.agents.business_models.revenue_adequacy import RevenueAdequacy

COLUMNS = ["payer", "payee", "account", "business_model", "amount"]
BOOKS = pd.DataFrame(
    [
        ("households", "supplier", "retail", "", 500.0),
        ("households", "supplier", "reliability", "", 80.0),
        ("supplier", "households", "reliability", "", 30.0),
        ("firms", "supplier", "reliability", "", 7.0),
        ("households", "grid_company", "network", "", 100.0),
        ("firms", "grid_company", "network", "", 50.0),
        ("supplier", "grid_company", "pool", "", 400.0),
        ("grid_company", "plant:gas", "pool", "", 420.0),
        ("firms", "grid_company", "network", "some_model", 9.0),
    ],
    columns=COLUMNS,
)
NOBODY = Contracts()


def values(found):
    """Return key figures by name."""
    return {kpi.kpi: kpi.value for kpi in found}


def test_books_of_the_reliability_classes():
    """80 charged and 30 refunded on their own account, between one population and the supplier."""
    model = ReliabilityClasses()
    books = model.books(BOOKS)
    assert books["amount"].tolist() == [80.0, 30.0]
    found = values(model.indicators(books, NOBODY, 364))
    assert (found["reliability_charged"], found["reliability_refunded"]) == (80.0, 30.0)
    assert not model.is_offered
    assert (model.expected(None), model.yearly({}, 0)) == ({}, [])
    canvas = model.canvas.realised(books, "supplier")
    assert canvas.loc[canvas["block"] == "R$", "amount"].tolist() == [80.0]
    assert canvas.loc[canvas["block"] == "C$", "amount"].tolist() == [30.0]
    assert model.canvas.faults(model, ["reliability"], ["customer", "supplier"], []) == []


def test_what_classes_are_worth_by_hand():
    """Classes (0.5, 1) and (0.75, 3): cut-offs 2 and 8; cost ln 2 for each half of what is not served."""
    menu = {
        "classes": {
            "low": {"reliability": 0.5, "charge_per_kw": 1.0},
            "high": {"reliability": 0.75, "charge_per_kw": 3.0},
        }
    }
    model = ReliabilityClasses(menu=menu, cost_scale_per_kw=1.0, cost_base=0.0)
    surplus = model.surplus(np.array([1.0, 4.0, 12.0]))
    assert surplus.customers.tolist() == [0.0, 1.0, 6.0]
    assert surplus.grid == pytest.approx([0.0, 1 - np.log(2), 3 - np.log(4)])
    dear = model.model_copy(update={"cost_scale_per_kw": 2.0})
    found = values(dear.indicators(BOOKS[:0], NOBODY, 0))
    assert (found["reliability_cut_off_low"], found["reliability_cut_off_high"]) == (2.0, 8.0)
    assert found["reliability_shortfall_low"] == pytest.approx(2 * np.log(2) - 1)
    assert found["reliability_shortfall_high"] == 0.0
    raised = [service.charge_per_kw for service in dear.covering().classes.values()]
    assert raised == pytest.approx([2 * np.log(2), 2 * np.log(2) + 2])
    with pytest.raises(ValueError, match="value_per_kw"):
        model.surplus(np.array([-1.0]))


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=20))
def test_nobody_loses_by_a_menu(value):
    """Whoever chooses a class gains by it, and more the more supply is worth to it."""
    gained = ReliabilityClasses().surplus(np.sort(np.array(value))).customers
    assert (gained >= -1e-12).all()
    assert (np.diff(gained) >= -1e-9).all()


def test_perfect_service_is_refused():
    """A reliability of 1 would cost without bound."""
    perfect = {"classes": {"all": {"reliability": 1.0, "charge_per_kw": 1.0}}}
    with pytest.raises(ValidationError, match="menu: given a reliability of 1; allowed below 1"):
        ReliabilityClasses(menu=perfect)


def linear(**terms):
    """Return a charge that nobody can escape, and one that half of the customers escape above 1."""
    base = {"fixed_per_year": 100.0, "variable_per_kwh": 0.1, "demand_kwh": 1000.0, "other_per_kwh": 0.0}
    return RevenueAdequacy(**{**base, "first_per_kwh": 0.15, **terms})


def test_fixed_point_without_own_generation():
    """F = 100, c = 0.1 and 1000 kWh: 0.2 currency/kWh after one revision, whatever the first charge."""
    found = linear(own_share=0.0).recovery()
    assert (found.price, found.energy) == pytest.approx((0.2, 1000.0))
    assert found.contraction == pytest.approx(0.0, abs=1e-9)
    assert found.stable
    assert found.path.tolist() == pytest.approx([0.15, 0.2, 0.2])


def test_fixed_point_under_own_generation_by_hand():
    """At the price where half of those who can do generate, half of 0.4 is gone: p = 0.1 + 100 / 800 = 0.225.

    The slope of sales there is -1000 x 0.4 / 4 / spread, so the contraction is 100 / 800^2 x 1000 x 0.1 / spread.
    """
    for spread, stable in ((0.1, True), (0.01, False)):
        model = linear(own_share=0.4, own_cost_per_kwh=0.225, own_spread_per_kwh=spread)
        found = model.recovery()
        assert model.energy(0.225) == pytest.approx(800.0)
        contraction = 100 / 800**2 * 1000 * 0.1 / spread
        if stable:
            assert found.price == pytest.approx(0.225)
            assert found.contraction == pytest.approx(contraction, rel=1e-4)
            assert found.path[-1] == pytest.approx(0.225)
        else:
            # 0.225 still covers the cost, but revisions run away from it: to the lower price that covers it as well.
            assert contraction > 1
            assert found.price < 0.225 - 1e-3
            assert found.price == pytest.approx(0.1 + 100 / model.energy(found.price))
    assert found.stable


def test_death_spiral():
    """Where 95 % can leave and cost has to be borne by who stays, no charge up to the highest covers it."""
    model = linear(own_share=0.95, own_cost_per_kwh=0.15, own_spread_per_kwh=0.01, highest_per_kwh=1.5)
    found = model.recovery()
    assert np.isnan(found.price)
    assert not found.stable
    assert found.path[-1] > 1.5
    figures = values(model.indicators(BOOKS[:0], NOBODY, 0))
    assert figures["adequacy_stable"] == 0.0
    assert figures["adequacy_price_without_generation"] == pytest.approx(0.2)


@given(st.floats(0, 0.6), st.floats(0.05, 0.5))
def test_the_price_covers_the_cost_and_own_generation_never_lowers_it(share, spread):
    """The identity p Q(p) = F + c Q(p) holds at each price, which is at least that without own generation."""
    model = linear(own_share=share, own_spread_per_kwh=spread, own_cost_per_kwh=0.3)
    found = model.recovery()
    assert found.price * found.energy == pytest.approx(100 + 0.1 * found.energy)
    assert found.price >= 0.2 - 1e-9


def test_books_of_the_grid_company():
    """Charges of 150, and 420 paid for 400 received in the pool: losses cost 20; business models stay outside."""
    model = RevenueAdequacy()
    books = model.books(BOOKS)
    assert books["amount"].tolist() == [100.0, 50.0, 400.0, 420.0]
    found = values(model.indicators(books, NOBODY, 364))
    assert found["adequacy_result"] == 130.0
    assert found["adequacy_sold"] < 2_400_000
    assert not model.is_offered
    assert (model.expected(None), model.yearly({}, 0)) == ({}, [])
    canvas = model.canvas.realised(books, "grid_company")
    assert canvas.loc[canvas["block"] == "R$", "amount"].tolist() == [150.0, 400.0]
    assert canvas.loc[canvas["block"] == "C$", "amount"].tolist() == [420.0]
    accounts = ["network", "pool", "imbalance", "balancing"]
    assert model.canvas.faults(model, accounts, ["customer", "government"], []) == []


def test_a_range_without_prices_is_refused():
    """The highest charge lies above the first and above what a kWh costs."""
    with pytest.raises(ValidationError, match=r"highest_per_kwh: given 0\.1; allowed above 0\.17"):
        RevenueAdequacy(highest_per_kwh=0.1)
