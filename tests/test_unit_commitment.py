"""Minimum up and down times, start-up and their prices, against hand calculation and enumeration of all schedules."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog

from gridagora.markets import coupled_pool
from gridagora.markets.coupled_pool import CoupledPool
from gridagora.markets.pool_day import Offers
from gridagora.markets.storage import Storage
from gridagora.markets.unit_commitment import Commitment, Technique

PLANTS = Offers(["coal", "gas"], [10.0, 10.0], [0.3, 0.5])
TERMS = {"buyers": ("supplier",), "step_price": [1.5], "floor": -0.05, "cap": 1.5}
DEAR = {"step_price": [9.0], "cap": 9.0}
GAS = {"minimum_kwh": [0.0, 4.0], "start_cost": [np.nan, 1.2]}


@pytest.fixture(autouse=True)
def _proven(monkeypatch):
    """Let HiGHS prove schedules optimal."""
    monkeypatch.setattr(coupled_pool, "GAP", 1e-9)


def pool_of(technique, periods, offers=PLANTS, storages=(), **changes):
    """Return a pool of coal at 0.3 and gas at 0.5, 10 kWh a period each."""
    return CoupledPool(offers, technique, storages, periods=periods, **(TERMS | changes))


def cleared(pool, demand):
    """Return the result of a day of inelastic demand."""
    return pool.clear(np.array(demand)[None, :, None])


def gas_of(result):
    """Return what gas generates, sold or not, in kWh."""
    return ((result.schedule_quanta + result.idle_quanta)[:, 1] / 1e6).tolist()


def test_a_unit_that_starts_runs_its_minimum_up_time():
    """One period of 12 kWh needs gas; with a minimum up time of 3 it runs in two more, at its minimum of 4."""
    rested = [3.0] * 5
    for up, expected in ((1, [0, 4, 0, 0, 0]), (3, [0, 4, 4, 4, 0])):
        pool = pool_of(Technique(2, **GAS, minimum_up=[1, up]), 5, **DEAR)
        cleared(pool, rested)
        assert gas_of(cleared(pool, [3.0, 12.0, 6.0, 6.0, 3.0])) == expected


def test_a_unit_that_stops_rests_its_minimum_down_time():
    """Between two peaks gas costs 2 x 4 kWh x (0.5 - 0.3) = 1.6 more than coal: it stops and starts again for 1.2.

    If it had to rest for three periods it would miss the second peak, so it runs through.
    """
    demand = [12.0, 6.0, 6.0, 12.0]
    for down, expected in ((1, [4, 0, 0, 4]), (3, [4, 4, 4, 4])):
        pool = pool_of(Technique(2, **GAS, minimum_down=[1, down]), 4, **DEAR)
        cleared(pool, [12.0] * 4)
        assert gas_of(cleared(pool, demand)) == expected


def test_minimum_times_hold_over_midnight():
    """Gas that starts in the last period of a day runs in the first two of the next, and one that stops rests."""
    pool = pool_of(Technique(2, **GAS, minimum_up=[1, 3], minimum_down=[1, 3]), 4)
    cleared(pool, [3.0] * 4)
    assert gas_of(cleared(pool, [3.0, 3.0, 3.0, 12.0])) == [0, 0, 0, 4]
    assert gas_of(cleared(pool, [6.0, 6.0, 6.0, 6.0])) == [4, 4, 0, 0]
    result = cleared(pool, [12.0, 12.0, 12.0, 3.0])
    assert gas_of(result) == [0, 4, 4, 4]
    assert (result.unserved_quanta / 1e6).tolist() == [2, 0, 0, 0]


def test_what_is_held_counts_down():
    """A unit that started 1 period ago and must run 3 is held for 2; unchanged days add up; a stop is held likewise."""
    state = Commitment(Technique(1, start_cost=1.0, minimum_up=3, minimum_down=4))
    assert [held.any() for held in state.held(5)] == [False, False]
    state.follow(np.array([[False], [True]]))
    on, off = state.held(4)
    assert on.ravel().tolist() == [True, True, False, False]
    assert not off.any()
    state.follow(np.array([[True], [True]]))
    assert not state.held(4)[0].any()
    state.follow(np.array([[False], [False]]))
    assert state.held(4)[1].ravel().tolist() == [True, True, False, False]


def test_prices_of_the_relaxation_leave_less_to_make_good():
    """A fifth of gas runs in the relaxation: 0.5 + 1.2 / 10 = 0.62 a kWh, so it lacks 4 x 0.12 - 1.2 = -0.72.

    With binaries fixed coal steps back for gas and sets 0.3: gas lacks 4 x (0.3 - 0.5) - 1.2 = -2.0.
    """
    found = {}
    for pricing in ("ip", "lp"):
        pool = pool_of(Technique(2, **GAS), 2, pricing=pricing)
        cleared(pool, [3.0, 3.0])
        found[pricing] = cleared(pool, [9.0, 12.0])
        assert gas_of(found[pricing]) == [0, 4]
        assert found[pricing].uplift.sum() == 0 == found[pricing].payments.sum()
    assert found["ip"].price.tolist() == pytest.approx([0.3, 0.3])
    assert found["lp"].price.tolist() == pytest.approx([0.3, 0.62])
    assert found["ip"].uplift.tolist() == [2_000_000, 0, -2_000_000]
    assert found["lp"].uplift.tolist() == [720_000, 0, -720_000]
    assert pool.price_rule == "solver's dual of the relaxation, uplift"


def test_nobody_loses_at_prices_of_the_relaxation():
    """Units without a start cost and storages are made good too: incomes with uplift cover all costs."""
    rng = np.random.default_rng(4)
    pool = pool_of(Technique(2, **GAS, minimum_up=[1, 2]), 6, storages=[Storage("lake", 3.0, 9.0, 0.8)], pricing="lp")
    paid = 0
    for _ in range(8):
        result = cleared(pool, rng.uniform(2.0, 17.0, 6))
        cost = (result.schedule_quanta + result.idle_quanta).sum(axis=0) * PLANTS.cost + result.start_cost
        gain = -(result.payments + result.uplift)[1:] - np.append(cost, 0.0)
        assert (gain > -5).all()
        assert result.uplift.sum() == 0
        paid += int(result.uplift[0])
    assert paid > 0


def patterns(periods, up, down):
    """Return all ways to run or rest after a long run, with their starts, that keep minimum times within the day."""
    for on in product([1, 0], repeat=periods):
        lengths, before = [], 1
        for state in on:
            if state != before:
                lengths.append([state, 0])
            if lengths:
                lengths[-1][1] += 1
            before = state
        if all(length >= (up if state else down) for state, length in lengths[:-1]):
            yield np.array(on), sum(state for state, _ in lengths)


def dispatch_cost(demand, on, cost, minimum, ramp):
    """Return the least cost of meeting demand with units that run as told, by a linear programme of its own."""
    periods, units = on.shape
    count = periods * units
    price = np.concatenate([np.tile(cost, periods), np.full(periods, 1.5), np.full(periods, 0.05)])
    balance = np.zeros((periods, len(price)))
    rows, right = [], []
    for t in range(periods):
        balance[t, t * units : (t + 1) * units] = 1.0
        balance[t, count + t], balance[t, count + periods + t] = 1.0, -1.0
        for g in range(units):
            for sign, switched in ((1.0, on[t, g] - on[t - 1, g]), (-1.0, on[t - 1, g] - on[t, g])):
                if t and np.isfinite(ramp[g]):
                    row = np.zeros(len(price))
                    row[t * units + g], row[(t - 1) * units + g] = sign, -sign
                    rows.append(row)
                    right.append(ramp[g] + max(minimum[g] - ramp[g], 0.0) * max(switched, 0))
    bounds = [(minimum[g] * on[t, g], 10.0 * on[t, g]) for t in range(periods) for g in range(units)]
    bounds += [(0, d) for d in demand] + [(0, None)] * periods
    limits = {"A_ub": np.array(rows), "b_ub": right} if rows else {}
    found = linprog(price, A_eq=balance, b_eq=demand, bounds=bounds, **limits)
    return found.fun if found.status == 0 else np.inf


@pytest.mark.parametrize("seed", range(5))
def test_the_schedule_is_the_best_of_all(seed):
    """Two units that start, one without, 4 periods: the cost is the least over all patterns of running and resting."""
    rng = np.random.default_rng(seed)
    periods, demand = 4, rng.uniform(1.0, 30.0, 4).round(2)
    cost, start = np.array([0.3, 0.5, 0.9]), [float(rng.uniform(0, 3)), float(rng.uniform(0, 2)), np.nan]
    minimum, ramp = np.array([5.0, 3.0, 0.0]), np.array([4.0 if seed % 2 else np.inf, np.inf, np.inf])
    up, down = rng.integers(1, 4, 2).tolist(), rng.integers(1, 4, 2).tolist()
    offers = Offers(["coal", "gas", "oil"], [10.0] * 3, cost)
    pool = pool_of(Technique(3, ramp, minimum, start, [*up, 1], [*down, 1]), periods, offers)
    result = cleared(pool, demand)
    idle = result.idle_quanta.sum() / 1e6
    found = 1.5 * demand.sum() - result.welfare + 0.05 * idle
    best = np.inf
    for (coal, coal_starts), (gas, gas_starts) in product(
        patterns(periods, up[0], down[0]), patterns(periods, up[1], down[1])
    ):
        on = np.column_stack([coal, gas, np.ones(periods, dtype=int)])
        starts = coal_starts * start[0] + gas_starts * start[1]
        if starts < best:
            best = min(best, starts + dispatch_cost(demand, on, cost, minimum, ramp))
    assert found == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Technique(2, minimum_up=[1, 0]), "pool: minimum_up of unit 1 is 0.0; must be a whole number"),
        (lambda: Technique(1, minimum_down=1.5), "pool: minimum_down of unit 0 is 1.5; must be a whole number"),
        (lambda: Technique(1, minimum_down=np.inf), "pool: minimum_down of unit 0 is inf; must be a whole number"),
        (lambda: pool_of(Technique(2), 2, pricing="hull"), "pool: unknown pricing 'hull'; choose one of: ip, lp"),
    ],
)
def test_bad_units_are_refused(make, message):
    """The message names the column, the unit, the value and what is allowed."""
    with pytest.raises(ValueError, match=message):
        make()
