import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets.coupled_pool import CoupledPool, Technique
from gridagora.markets.day_ahead import DayAheadPool
from gridagora.markets.pool_day import Offers
from gridagora.markets.storage import Storage

PLANTS = Offers(["coal", "gas"], [10.0, 10.0], [0.3, 0.5])
TERMS = {"buyers": ("supplier", "grid_company"), "step_price": [1.5], "floor": -0.05, "cap": 1.5}
RAMPED = Technique(2, ramp_kwh=[2.0, np.inf])


def pool_of(technique=None, storages=(), offers=PLANTS, periods=2, **changes):
    """Return a coupled pool of coal at 0.3 and gas at 0.5, 10 kWh a period each."""
    technique = technique or Technique(len(offers.name))
    return CoupledPool(offers, technique, storages, periods=periods, **(TERMS | changes))


def demand_of(supplier, losses=0.0):
    """Return inelastic demand of the supplier and, period by period alike, the grid company."""
    demand = np.zeros((2, len(supplier), 1))
    demand[0, :, 0], demand[1, :, 0] = supplier, losses
    return demand


def kwh(quanta):
    """Return quanta in kWh as a list."""
    return (quanta / 1e6).tolist()


def balanced(result):
    """Return whether sales and purchases agree in every period, exactly, and payments cancel."""
    sold = result.schedule_quanta.sum(axis=1) + result.surplus_quanta.sum(axis=0) + result.discharge_quanta.sum(axis=1)
    bought = result.demand_quanta.sum(axis=(0, 2)) + result.charge_quanta.sum(axis=1)
    return (sold == bought).all() and result.payments.sum() == 0 == result.uplift.sum()


def test_without_couplings_it_is_the_plain_pool():
    """Schedules and accepted demand equal those of the merit order, and the dual lies in its price interval."""
    demand = demand_of([4.0, 14.0], 1.0)
    plain = DayAheadPool(PLANTS, periods=2, method="exact", **TERMS).clear(demand)
    found = pool_of().clear(demand)
    assert found.schedule_quanta.tolist() == plain.schedule_quanta.tolist() == [[5_000_000, 0], [10_000_000, 5_000_000]]
    assert found.price.tolist() == plain.price.tolist() == [0.3, 0.5]
    assert found.payments.tolist() == plain.payments.tolist()
    assert found.welfare == pytest.approx(plain.welfare)


def test_storage_earns_the_difference_of_two_prices():
    """4 kWh bought at 0.3 give 3.2 kWh in place of gas at 0.5: the storage receives 1.6 - 1.2 = 0.4."""
    result = pool_of(storages=[Storage("storage:a", 4.0, 10.0, 0.8)]).clear(demand_of([4.0, 14.0]))
    assert kwh(result.charge_quanta) == [[4], [0]]
    assert kwh(result.discharge_quanta) == [[0], [3.2]]
    assert kwh(result.schedule_quanta) == [[8, 0], [10, 0.8]]
    assert result.price.tolist() == [0.3, 0.5]
    assert result.payments.tolist() == [8_200_000, 0, -5_000_000 - 2_400_000, -400_000, -400_000]
    assert balanced(result)


def test_the_value_of_stored_energy_sets_the_price():
    """6 kWh of spare coal give 4.8 kWh in place of gas, so a kWh is worth 0.8 x 0.5 = 0.4 while coal is full."""
    result = pool_of(storages=[Storage("storage:a", 9.0, 20.0, 0.8)]).clear(demand_of([4.0, 20.0]))
    assert kwh(result.charge_quanta) == [[6], [0]]
    assert kwh(result.discharge_quanta) == [[0], [4.8]]
    assert kwh(result.schedule_quanta) == [[10, 0], [10, 5.2]]
    assert result.price.tolist() == pytest.approx([0.4, 0.5], abs=1e-9)
    assert result.payments[-1] == 0  # bought at 0.4, sold 0.8 of it at 0.5
    assert result.price_low.tolist() == result.price_high.tolist() == result.price.tolist()


def test_no_arbitrage_where_losses_eat_the_difference():
    """0.5 x 0.55 is below 0.3: nothing is stored."""
    result = pool_of(storages=[Storage("storage:a", 4.0, 10.0, 0.55)]).clear(demand_of([4.0, 14.0]))
    assert not result.charge_quanta.any()
    assert not result.discharge_quanta.any()


def test_storage_is_no_furnace_at_negative_prices():
    """8 kWh of surplus meet 5 kWh of demand at -0.05: the storage does not burn any by doing both at once."""
    pool = pool_of(storages=[Storage("storage:a", 4.0, 4.0, 0.5)], floor=-0.2)
    result = pool.clear(demand_of([5.0, 5.0]), np.array([[8.0, 8.0], [0, 0]]))
    assert not (np.minimum(result.charge_quanta, result.discharge_quanta) > 1).any()
    assert balanced(result)
    again = pool.clear(demand_of([5.0, 5.0]), np.array([[8.0, 8.0], [0, 0]]))
    assert again.payments.tolist() == result.payments.tolist()


def test_a_price_below_the_floor_is_the_floor():
    """Half of each kWh stored is lost, so demand that empties storage saves two of surplus at -0.05: dual -0.1."""
    pool = pool_of(storages=[Storage("storage:a", 9.0, 4.0, 0.5)])
    result = pool.clear(demand_of([0.5, 0.0]), np.array([[0.0, 9.0], [0, 0]]))
    assert pool._coupled._solver.duals(pool._coupled._balances)[0] == pytest.approx(-0.1)
    assert result.price.tolist() == [-0.05, -0.05]
    assert kwh(result.discharge_quanta) == [[0.5], [0]]
    assert kwh(result.charge_quanta[:, 0]) == pytest.approx([0, 5], abs=1e-4)
    assert kwh(result.spilled_quanta) == pytest.approx([0, 4], abs=1e-4)


def test_ramps_bind_and_hold_across_midnight():
    """Coal may rise by 2 kWh a period: 4, 6, 8, the rest is gas; the next day goes on from there."""
    pool = pool_of(RAMPED, periods=3, floor=-1.0)
    first = pool.clear(demand_of([4.0, 9.0, 9.0]))
    assert kwh(first.schedule_quanta) == [[4, 0], [6, 3], [8, 1]]
    assert first.price.tolist() == pytest.approx([0.3 - 2 * 0.2, 0.5, 0.5])  # a kWh more at first saves gas twice
    second = pool.clear(demand_of([12.0, 12.0, 4.0]))
    assert kwh(second.schedule_quanta) == [[8, 4], [6, 6], [4, 0]]
    third = pool.clear(demand_of([9.0, 9.0, 9.0]))
    assert kwh(third.schedule_quanta) == [[6, 3], [8, 1], [9, 0]]


def test_output_that_cannot_be_taken_back_idles():
    """Coal at 10 kWh may fall by 2: of 8 kWh at a demand of 3, 5 are burnt for nothing, at the floor's price."""
    pool = pool_of(RAMPED, periods=2)
    pool.clear(demand_of([12.0, 12.0]))
    result = pool.clear(demand_of([3.0, 6.0]))
    assert kwh(result.schedule_quanta) == [[3, 0], [6, 0]]
    assert kwh(result.idle_quanta) == [[5, 0], [0, 0]]
    assert result.price[0] == -0.05
    assert result.welfare == pytest.approx(9 * 1.5 - 14 * 0.3)
    assert balanced(result)


def test_a_ramp_too_short_sheds_load_at_the_cap():
    """With coal alone, 4 kWh on the day before and a ramp of 2, demand of 9 is served by 6 and 8 kWh."""
    alone = Offers(["coal"], [10.0], [0.3])
    pool = pool_of(Technique(1, ramp_kwh=2.0), offers=alone, floor=-1.4)
    pool.clear(demand_of([4.0, 4.0]))
    result = pool.clear(demand_of([9.0, 9.0]))
    assert kwh(result.schedule_quanta) == [[6], [8]]
    assert kwh(result.unserved_quanta) == [3, 1]
    assert result.price.tolist() == [1.5, 1.5]


STARTS = Technique(2, minimum_kwh=[0.0, 4.0], start_cost=[np.nan, 1.2])


def test_start_up_by_hand_with_uplift():
    """Gas must start (1.2) to serve 2 kWh beyond coal and runs at 4 at least, so coal steps back to 8 and sets 0.3.

    Gas loses 4 x (0.3 - 0.5) - 1.2 = -2.0; supplier and grid company bear it in proportion to 21 and 1 kWh.
    """
    pool = pool_of(STARTS)
    pool.clear(demand_of([3.0, 3.0]))
    result = pool.clear(demand_of([9.5, 11.5], 0.5))
    assert kwh(result.schedule_quanta) == [[10, 0], [8, 4]]
    assert result.start_cost.tolist() == [0, 1_200_000]
    assert result.price[1] == 0.3
    assert result.uplift.tolist() == [1_909_091, 90_909, 0, -2_000_000]
    assert result.welfare == pytest.approx(22 * 1.5 - 18 * 0.3 - 4 * 0.5 - 1.2)
    assert pool.price_rule == "solver's dual with binaries fixed, uplift"
    assert balanced(result)


def test_a_unit_that_runs_over_midnight_starts_once():
    """Gas runs at the end of a day and in the next morning: no second start; coal alone needs none."""
    pool = pool_of(STARTS)
    assert pool.clear(demand_of([3.0, 3.0])).start_cost.tolist() == [0, 0]
    assert pool.clear(demand_of([3.0, 12.0])).start_cost.tolist() == [0, 1_200_000]
    morning = pool.clear(demand_of([12.0, 3.0]))
    assert morning.start_cost.tolist() == [0, 0]
    assert kwh(morning.schedule_quanta) == [[8, 4], [3, 0]]


def test_a_start_may_jump_to_the_minimum_load():
    """With a ramp of 1 gas still starts at its minimum of 4, and stops from it."""
    technique = Technique(2, ramp_kwh=[np.inf, 1.0], minimum_kwh=[0.0, 4.0], start_cost=[np.nan, 0.1])
    pool = pool_of(technique, periods=4)
    pool.clear(demand_of([3.0] * 4))
    result = pool.clear(demand_of([3.0, 12.0, 15.0, 3.0]))
    assert kwh(result.schedule_quanta)[0] == [3, 0]
    assert kwh(result.schedule_quanta)[1] == [8, 4]
    assert kwh(result.schedule_quanta)[2] == [10, 5]


def test_online_offers_stay_within_capacity_ramps_and_what_runs():
    """Coal at 4, 6, 8 with a ramp of 2 adds what both neighbours allow; gas that is off adds nothing."""
    pool = pool_of(RAMPED, periods=3, floor=-1.0)
    result = pool.clear(demand_of([4.0, 5.0, 5.0]))
    none = np.zeros(2, np.int64)
    assert kwh(pool.online_offer(result, 0, none)) == [3, 10]
    assert kwh(pool.online_offer(result, 1, np.array([3_000_000, 0]))) == [2, 10]
    assert kwh(pool.online_offer(result, 2, none)) == [0, 10]
    pool = pool_of(STARTS)
    pool.clear(demand_of([3.0, 3.0]))
    result = pool.clear(demand_of([3.0, 12.0]))
    assert kwh(pool.online_offer(result, 0, none)) == [7, 0]
    assert kwh(pool.online_offer(result, 1, none)) == [2, 6]


def test_the_plain_pool_offers_what_is_left():
    """Without couplings the online offer is capacity less schedule."""
    pool = DayAheadPool(PLANTS, periods=2, method="exact", **TERMS)
    result = pool.clear(demand_of([4.0, 14.0]))
    assert kwh(pool.online_offer(result, 1, np.zeros(2, np.int64))) == [0, 6]
    assert pool.solver["name"] == "merit order"
    assert pool.price_rule == "competitive interval, k = 0.5"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.0, 30.0), min_size=12, max_size=12), st.floats(0.3, 1.0), st.integers(0, 2))
def test_days_of_any_demand_balance(demand, efficiency, technique):
    """Energy and money close exactly; ramps hold, storage stays within its energy and ends as full as it began."""
    ramp = [2.0, np.inf]
    techniques = [Technique(2), Technique(2, ramp), Technique(2, ramp, [3.0, 4.0], [0.5, np.nan])]
    storage = Storage("storage:a", 3.0, 7.0, efficiency)
    pool = pool_of(techniques[technique], [storage], periods=4)
    last = None
    for day in np.reshape(demand, (3, 4)):
        before = float(pool.storages.stored[0])
        result = pool.clear(demand_of(day), np.array([[0, 0, 9.0, 0], [0, 0, 0, 0]]))
        assert balanced(result)
        assert (result.schedule_quanta >= 0).all()
        assert (result.schedule_quanta <= 10_000_000).all()
        assert not np.minimum(result.charge_quanta, result.discharge_quanta).any()
        held = before + np.cumsum(efficiency * result.charge_quanta[:, 0] - result.discharge_quanta[:, 0])
        assert held.min() >= 0
        assert held.max() <= 7e6
        assert held[-1] >= min(before, 7e6 - 16) - 8
        pool.deliver_as_planned(result)
        assert pool.storages.stored[0] == pytest.approx(held[-1])
        level = (result.schedule_quanta + result.idle_quanta)[:, 0]
        if technique == 1:
            assert np.abs(np.diff(level)).max() <= 2e6 + 4
            assert last is None or abs(int(level[0]) - last) <= 2e6 + 4
        last = int(level[-1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pool_of(method="exact"), "pool: method 'exact' cannot couple periods .*; use 'auto'"),
        (
            lambda: pool_of(storages=[Storage("a", 1, 1, 1)], floor=0.1),
            "pool: floor 0.1; must be at most 0 with storage",
        ),
        (lambda: pool_of(storages=[Storage("coal", 1, 1, 1)]), "'gas', 'coal'.; a name may stand once"),
        (lambda: Technique(2, ramp_kwh=[1.0, 0.0]), "pool: ramp_kwh of unit 1 is 0.0; must be above 0"),
        (lambda: Technique(1, minimum_kwh=np.inf), "pool: minimum_kwh of unit 0 is inf; must be finite"),
        (
            lambda: Technique(1, start_cost=-1.0),
            "pool: start_cost of unit 0 is -1.0; must be finite and at least 0, or",
        ),
    ],
)
def test_bad_couplings_are_refused(make, message):
    """The message names the column, the unit, the value and what is allowed."""
    with pytest.raises(ValueError, match=message):
        make()
