"""Supplier, grid company, plants and the rest: one party of the books each."""

import gc
import weakref

import mesa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.generators import Plant
from gridagora.agents.grid_company import GridCompany
from gridagora.agents.institution import Government, Outside, Platform
from gridagora.agents.suppliers import Supplier
from gridagora.sim.ledger import Ledger


def grid(loss_rate):
    """Return a grid company."""
    return GridCompany(mesa.Model(), "grid_company", Ledger(), loss_rate)


def supplier(periods=2, weight=0.5):
    """Return a supplier."""
    return Supplier(mesa.Model(), "supplier", Ledger(), periods, weight)


@pytest.mark.parametrize("kind", [Government, Outside, Platform])
def test_a_balance_is_received_less_paid(kind):
    """Received 5 and paid 2.25: the balance is 2.75, and the agent is in its model."""
    model, ledger = mesa.Model(), Ledger()
    party = kind(model, "party", ledger)
    ledger.post(0, "households", "party", "levy", 5_000_000)
    ledger.post(1, "party", "supplier", "feed_in", 2_250_000)
    assert party.balance == pytest.approx(2.75)
    assert party.name == "party"
    assert list(model.agents) == [party]


def test_agents_count_in_their_model_and_end_with_it():
    """Two models number their agents from one each, and nothing in the process keeps a model that is done with."""
    models = [mesa.Model(), mesa.Model()]
    numbers = [Outside(model, f"party {n}", Ledger()).unique_id for model in models for n in range(2)]
    assert numbers == [1, 2, 1, 2]
    watched = [weakref.ref(model) for model in models]
    del models
    gc.collect()
    assert [each() for each in watched] == [None, None]


def test_a_plant():
    """A plant knows its terms and counts what it generated in kWh."""
    plant = Plant(mesa.Model(), "plant:gas", Ledger(), "gas", 500.0, 0.4, 0.37)
    assert (plant.fuel, plant.capacity_kw, plant.cost_per_kwh, plant.co2_kg_per_kwh) == ("gas", 500.0, 0.4, 0.37)
    assert plant.generation_kwh == 0
    plant.generated += 1_500_000
    assert plant.generation_kwh == pytest.approx(1.5)
    assert plant.balance == 0


def test_a_supplier_buys_what_its_customers_need():
    """Net withdrawal of 3 kWh is bought, net injection of 2 kWh sold."""
    demand, surplus = supplier().pool_position(np.array([3_000_000, -2_000_000]))
    assert demand.tolist() == [3_000_000, 0]
    assert surplus.tolist() == [0, 2_000_000]


def test_a_supplier_learns_what_its_customers_buy_elsewhere():
    """Half of 1 kWh after a day, three quarters after two; it buys so much less, or sells what it has too much."""
    one = supplier(weight=0.5)
    one.learn(np.array([1_000_000, 0]))
    assert one.bought_elsewhere.tolist() == [500_000, 0]
    one.learn(np.array([1_000_000, 0]))
    assert one.bought_elsewhere.tolist() == [750_000, 0]
    demand, surplus = one.pool_position(np.array([3_000_000, 3_000_000]))
    assert demand.tolist() == [2_250_000, 3_000_000]
    demand, surplus = one.pool_position(np.array([700_000, 0]))
    assert (demand.tolist(), surplus.tolist()) == ([0, 0], [50_000, 0])


def test_customers_that_sell_outside_leave_their_supplier_short():
    """A negative figure raises what is bought."""
    one = supplier(weight=1.0)
    one.learn(np.array([-400_000, 0]))
    assert one.pool_position(np.array([1_000_000, 0]))[0].tolist() == [1_400_000, 0]


def test_what_a_supplier_lacks_at_the_gate():
    """Of 3 kWh its customers buy 0.5 elsewhere and it has 2: 0.5 kWh short; with 4 it is 1.5 kWh long."""
    one = supplier(weight=0.5)
    one.learn(np.array([1_000_000, 0]))
    assert one.expected_shortfall(0, 3_000_000, 2_000_000) == 500_000
    assert one.expected_shortfall(0, 3_000_000, 4_000_000) == -1_500_000
    assert one.expected_shortfall(1, 3_000_000, 2_000_000) == 1_000_000


def test_a_supplier_expects_nothing_before_its_first_day():
    """The default weight of a day is 0.3."""
    one = Supplier(mesa.Model(), "supplier", Ledger(), 1)
    assert one.expected_shortfall(0, 5, 0) == 5
    one.learn(np.array([1_000_000]))
    assert one.bought_elsewhere == pytest.approx([300_000])


def test_losses_by_hand():
    """A loss rate of 0.2 of the energy fed in: 4 kWh at the meter need 5, so 1 is lost."""
    assert grid(0.2).losses(np.array([4_000_000, 0, 1])).tolist() == [1_000_000, 0, 0]
    assert grid(0.0).losses(np.array([4_000_000])).tolist() == [0]
    assert grid(0.2).losses(np.array([4_000_000])).dtype == np.int64


@settings(deadline=None)
@given(st.integers(0, 10**13), st.floats(0, 0.5))
def test_loss_rate_is_the_share_of_the_energy_fed_in(withdrawal, rate):
    """LR = (E - billed) / E (A6)."""
    lost = int(grid(rate).losses(np.array([withdrawal]))[0])
    assert lost == pytest.approx(rate * (withdrawal + lost), rel=1e-9, abs=1)


def test_no_cuts_where_generation_can_follow():
    """9 kWh withdrawn and 2 injected at a loss of 10 % need 8 of 10 kWh."""
    assert grid(0.1).cuts(9_000_000, 2_000_000, 10_000_000) == (0.0, 0.0)
    assert grid(0.1).cuts(0, 0, 10_000_000) == (0.0, 0.0)


def test_shedding_by_hand():
    """Of 20 kWh, 10 of plants and 2 of members at a loss of 10 % carry 10.8, less two quanta: 0.46 are shed."""
    shed, curtailed = grid(0.1).cuts(20_000_000, 2_000_000, 10_000_000)
    assert shed == pytest.approx(1 - 10_799_998 / 20_000_000, abs=1e-15)
    assert curtailed == 0.0


def test_curtailment_by_hand():
    """9 kWh withdrawn at a loss of 10 % take 10 of 40 kWh injected, less two quanta: 0.75 are curtailed."""
    shed, curtailed = grid(0.1).cuts(9_000_000, 40_000_000, 10_000_000)
    assert shed == 0.0
    assert curtailed == pytest.approx(1 - 9_999_998 / 40_000_000, abs=1e-15)


def test_without_any_capability_everything_is_shed():
    """And without withdrawal everything injected is curtailed."""
    assert grid(0.1).cuts(5_000_000, 0, 0) == (1.0, 0.0)
    assert grid(0.1).cuts(0, 5_000_000, 10_000_000) == (0.0, 1.0)


METERS = st.lists(st.integers(0, 10**9), max_size=4)


@settings(max_examples=200, deadline=None)
@given(METERS, METERS, st.integers(100, 10**9), st.floats(0, 0.5))
def test_after_the_cuts_the_period_balances(withdrawals, injections, capability, rate):
    """Meters cut member by member, rounded up as settlement does, leave a need within 0 and the capability."""
    company = grid(rate)
    withdrawal, injection = sum(withdrawals), sum(injections)
    shed, curtailed = company.cuts(withdrawal, injection, capability)
    assert 0 <= shed <= 1
    assert 0 <= curtailed <= 1
    kept = sum(w - min(w, int(np.ceil(w * shed))) for w in withdrawals)
    fed = sum(g - min(g, int(np.ceil(g * curtailed))) for g in injections)
    need = kept + int(company.losses(np.array([kept]))[0]) - fed
    assert 0 <= need <= capability
    uncut = withdrawal + int(company.losses(np.array([withdrawal]))[0]) - injection
    if 4 <= uncut <= capability - 4:
        assert (shed, curtailed) == (0.0, 0.0)
