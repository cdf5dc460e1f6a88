import numpy as np
import pytest

from gridagora.markets.day_ahead import DayAheadPool, Offers, _PoolModel, close_gap
from gridagora.markets.orders import InfeasibleMarket

METHODS = ["exact", "pyomo"]
PLANTS = Offers(["coal", "gas", "imports"], [10.0, 6.0, 4.0], [0.3, 0.5, 0.8])


def pool_of(offers=PLANTS, **changes):
    """Return a pool of two periods with a cap of 1.5, a step at 0.4 and a floor of -0.05."""
    settings = {
        "periods": 2,
        "buyers": ("supplier", "grid_company"),
        "step_price": [1.5, 0.4],
        "floor": -0.05,
        "cap": 1.5,
    }
    return DayAheadPool(offers, **(settings | changes))


def demand_of(supplier, losses=0.0, step=0.0):
    """Return demand of two periods: the supplier's inelastic load and 0.4 step, and the grid company's losses."""
    demand = np.zeros((2, 2, 2))
    demand[0, :, 0], demand[1, :, 0], demand[0, :, 1] = supplier, losses, step
    return demand


def kwh(quanta):
    """Return quanta in kWh as a list."""
    return (quanta / 1e6).tolist()


@pytest.mark.parametrize("method", METHODS)
def test_a_day_of_two_periods(method):
    """12 + 1 kWh at the cap make gas marginal at 0.5; 7 + 1 kWh and 5 at 0.4 fill coal and price the step at 0.4."""
    result = pool_of(method=method).clear(demand_of([12, 7], [1, 1], [5, 5]))
    assert kwh(result.schedule_quanta) == [[10, 3, 0], [10, 0, 0]]
    assert result.price.tolist() == [0.5, 0.4]
    assert result.price_low.tolist() == result.price_high.tolist() == [0.5, 0.4]
    assert kwh(result.demand_quanta) == [[[12, 0], [7, 2]], [[1, 0], [1, 0]]]
    assert result.unserved_quanta.tolist() == result.spilled_quanta.tolist() == [0, 0]
    assert result.payments.tolist() == [9_600_000, 900_000, -9_000_000, -1_500_000, 0]
    assert result.welfare == pytest.approx(21 * 1.5 + 2 * 0.4 - 20 * 0.3 - 3 * 0.5)
    assert result.method == method


def test_auto_solves_with_pyomo():
    """The pool's default path is the model, whose parties are buyers, then offers."""
    pool = pool_of()
    assert pool.clear(demand_of(1)).method == "pyomo"
    assert pool.parties == ("supplier", "grid_company", "coal", "gas", "imports")


@pytest.mark.parametrize("method", METHODS)
def test_load_beyond_all_supply_is_shed_at_the_cap(method):
    """25 + 1 kWh against 20: the price is the cap, 6 kWh stay unserved, both buyers are cut alike, 25 : 1."""
    result = pool_of(method=method).clear(demand_of(25, 1))
    assert result.price.tolist() == [1.5, 1.5]
    assert kwh(result.unserved_quanta) == [6, 6]
    assert result.demand_quanta[:, 0, 0].tolist() == [19_230_769, 769_231]
    assert kwh(result.schedule_quanta.sum(axis=1)) == [20, 20]
    assert result.payments.sum() == 0


@pytest.mark.parametrize("method", METHODS)
def test_surplus_beyond_demand_is_spilled_at_the_floor(method):
    """8 kWh offered by the supplier meet 5 kWh of demand: price -0.05, 3 kWh spilled; sellers pay to deliver."""
    surplus = np.array([[8.0, 0.0], [0.0, 0.0]])
    result = pool_of(method=method).clear(demand_of([0, 0], [5, 0]), surplus)
    assert result.price[0] == -0.05
    assert kwh(result.spilled_quanta) == [3, 0]
    assert kwh(result.surplus_quanta) == [[5, 0], [0, 0]]
    assert result.payments.tolist() == [250_000, -250_000, 0, 0, 0]


@pytest.mark.parametrize("method", METHODS)
def test_demand_that_equals_a_step_of_supply_has_an_interval(method):
    """10 kWh fill coal exactly: any price from 0.3 to gas at 0.5 clears, k picks; full supply reaches to the cap."""
    results = [pool_of(method=method, k=k).clear(demand_of([10, 20])) for k in (0.0, 0.5, 1.0)]
    assert [result.price.tolist() for result in results] == [[0.3, 0.8], [0.4, 1.15], [0.5, 1.5]]
    assert results[0].price_low.tolist() == [0.3, 0.8]
    assert results[0].price_high.tolist() == [0.5, 1.5]


@pytest.mark.parametrize("method", METHODS)
def test_a_period_without_trade_has_a_price(method):
    """No demand: any price from the floor to the best offer; no supply and no demand: from floor to cap."""
    result = pool_of(method=method).clear(demand_of(0))
    assert result.price_low.tolist() == [-0.05, -0.05]
    assert result.price_high.tolist() == [0.3, 0.3]
    empty = pool_of(Offers(["coal"], [0.0], [0.3]), method=method).clear(demand_of([0, 2]))
    assert empty.price.tolist() == [pytest.approx(0.725), 1.5]
    assert kwh(empty.unserved_quanta) == [0, 2]


@pytest.mark.parametrize("method", METHODS)
def test_units_of_one_cost_share_by_capacity(method):
    """7 quanta of two equal plants of 5 and 10 kWh: 2 and 5; the larger remainder takes the odd quantum."""
    twins = Offers(["a", "b"], [5.0, 10.0], [0.3, 0.3])
    result = pool_of(twins, method=method).clear(demand_of([7e-6, 8e-6]))
    assert result.schedule_quanta.tolist() == [[2, 5], [3, 5]]


@pytest.mark.parametrize("method", METHODS)
def test_a_step_at_a_plants_cost_is_served_in_full(method):
    """A demand step at gas's own 0.5 trades with it: the largest volume among equal welfare."""
    result = pool_of(step_price=[1.5, 0.5], method=method).clear(demand_of([10, 12], step=[4, 9]))
    assert kwh(result.schedule_quanta) == [[10, 4, 0], [10, 6, 0]]
    assert kwh(result.demand_quanta[0]) == [[10, 4], [12, 4]]
    assert result.price.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("method", METHODS)
def test_capacity_may_differ_by_period(method):
    """A plant out of service in period 0 leaves gas and imports to serve 8 kWh."""
    outage = Offers(["coal", "gas", "imports"], [[0, 6, 4], [10, 6, 4]], [0.3, 0.5, 0.8])
    result = pool_of(outage, method=method).clear(demand_of(8))
    assert kwh(result.schedule_quanta) == [[0, 6, 2], [8, 0, 0]]
    assert result.price.tolist() == [0.8, 0.3]


def test_a_kept_model_forgets_the_day_before():
    """A day after others equals the same day in a new pool, in all numbers."""
    rng = np.random.default_rng(6)
    kept = pool_of()
    for _ in range(5):
        kept.clear(rng.uniform(0, 9, (2, 2, 2)), rng.uniform(0, 9, (2, 2)))
    day = rng.uniform(0, 9, (2, 2, 2))
    again, fresh = kept.clear(day), pool_of().clear(day)
    for name in ("price", "schedule_quanta", "demand_quanta", "payments"):
        assert getattr(again, name).tolist() == getattr(fresh, name).tolist()


def test_results_are_read_only():
    """Nobody can change a published result."""
    result = pool_of(method="exact").clear(demand_of(1))
    for name in ("price", "schedule_quanta", "demand_quanta", "surplus_quanta", "payments"):
        assert not getattr(result, name).flags.writeable


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"floor": 2.0}, "pool: floor 2.0, cap 1.5; both must be finite and the floor below"),
        ({"cap": 0.7, "step_price": [0.7]}, "pool: imports offers at 0.8; must lie above the floor -0.05 and at most"),
        ({"floor": 0.3}, "pool: coal offers at 0.3; must lie above the floor 0.3"),
        ({"step_price": [1.4, 0.4]}, r"pool: step_price \[1.4, 0.4\]; must descend from the cap 1.5"),
        ({"step_price": [1.5, 0.4, 0.4]}, "must descend from the cap 1.5"),
        ({"step_price": [1.5, -0.05]}, "stay above the floor -0.05"),
        ({"step_price": []}, "must descend"),
        ({"buyers": ("supplier", "coal")}, "'coal', 'gas', 'imports'.; a name may stand once"),
        ({"method": "lp"}, "pool: unknown method 'lp'; choose one of: auto, exact, pyomo"),
        ({"k": 1.2}, "k: given 1.2; allowed 0"),
    ],
)
def test_a_bad_pool_is_refused(changes, message):
    """The message names the value, what is allowed and which offer is meant."""
    with pytest.raises(ValueError, match=message):
        pool_of(**changes)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((["a", "b"], [1.0], [0.1, 0.2]), r"offers: 2 names, capacity of shape \(1,\), cost of shape \(2,\)"),
        ((["a"], 1.0, [0.1]), r"capacity of shape \(\)"),
        ((["a", "b"], [1.0, -2.0], [0.1, 0.2]), "offers: b: capacity -2.0 kWh at 0.2 currency/kWh; both must be"),
        ((["a", "b"], [1.0, 2.0], [np.nan, 0.2]), "offers: a: capacity 1.0 kWh at nan"),
    ],
)
def test_bad_offers_are_refused(columns, message):
    """Shapes must fit, capacities be finite and at least zero, costs finite."""
    with pytest.raises(ValueError, match=message):
        Offers(*columns)


@pytest.mark.parametrize(
    ("demand", "surplus", "message"),
    [
        (np.zeros((2, 3, 2)), 0.0, r"pool: demand_kwh has shape \(2, 3, 2\); must be \(2, 2, 2\)"),
        (demand_of([1, -1]), 0.0, r"pool: demand_kwh\[0, 1, 0\] is -1.0 kWh; must be finite and at least 0"),
        (demand_of([1, np.nan]), 0.0, r"demand_kwh\[0, 1, 0\] is nan kWh"),
        (demand_of(1), np.array([[0, 0], [np.inf, 0]]), r"pool: surplus_kwh\[1, 0\] is inf kWh"),
        (demand_of(5e9), 0.0, r"pool: demand_kwh holds 5e\+09 kWh in a period; must stay below 4.5e9; split"),
    ],
)
def test_bad_days_are_refused(demand, surplus, message):
    """The message names the column, the place and what is allowed."""
    with pytest.raises(ValueError, match=message):
        pool_of(method="exact").clear(demand, surplus)


def test_rounding_goes_to_the_marginal_step():
    """One quantum between the sides goes to the step farthest from both ends, more than rounding is an error."""
    bids, asks = np.array([[10, 10]]), np.array([[20, 20]])
    bought, sold = np.array([[10, 0]]), np.array([[9, 0]])
    close_gap(bids, bought, asks, sold)
    assert (bought.tolist(), sold.tolist()) == ([[10, 0]], [[10, 0]])
    bought, sold = np.array([[10, 5]]), np.array([[16, 0]])
    close_gap(bids, bought, np.array([[16, 20]]), sold)
    assert (bought.tolist(), sold.tolist()) == ([[10, 6]], [[16, 0]])
    with pytest.raises(RuntimeError, match="pool: period 0: solver's demand and supply differ by 1 quanta"):
        close_gap(bids, np.array([[10, 0]]), np.array([[9, 20]]), np.array([[9, 0]]))
    with pytest.raises(RuntimeError, match="differ by 5 quanta"):
        close_gap(bids, np.array([[10, 5]]), asks, np.array([[10, 0]]))


def test_a_contradiction_of_the_solver_stops_the_run(monkeypatch):
    """Duals outside the interval of the awards, and a solver without optimum, are errors."""
    pool = pool_of()
    pool.clear(demand_of(12))
    with pytest.raises(RuntimeError, match=r"solver's price 0\.5 lies outside"):
        pool._model.check_prices(np.array([0.7, 0.5]), np.array([0.7, 0.5]))

    def fail(*_):
        raise InfeasibleMarket("pool")

    monkeypatch.setattr(_PoolModel, "solve", fail)
    with pytest.raises(InfeasibleMarket):
        pool.clear(demand_of(12))
