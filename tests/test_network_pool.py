"""The day-ahead pool on a network: exact books, prices by area, storage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets.day_ahead import DayAheadPool
from gridagora.markets.network import Network
from gridagora.markets.network.pool import NetworkPool
from gridagora.markets.pool_day import Offers
from gridagora.markets.storage import Storage

TWO = Network("dc", ["north", "south"], [("north", "south")], x=1.0, limit_kw=400.0)
OFFERS = Offers(["wind", "gas"], [1000.0, 1000.0], [0.1, 0.3])
TERMS = {"hours": 1.0, "buyers": ("supplier", "grid"), "step_price": [1.5, 0.2], "floor": -0.05, "cap": 1.5}


def pool_of(periods=4, network=TWO, **options):
    """Return a pool with wind in the north and gas in the south."""
    return NetworkPool(OFFERS, ["north", "south"], network, periods=periods, **(TERMS | options))


def demand_of(north, south):
    """Return the supplier's inelastic demand and 7 kWh of losses at the second step in the south's first period."""
    demand = np.zeros((2, 2, len(north), 2))
    demand[0, 0, :, 0], demand[0, 1, :, 0] = north, south
    demand[1, 1, 0, 1] = 7.0
    return demand


def test_two_areas_and_a_line():
    """400 kW join the areas: one price below it, wind's and gas's above it, the cap where gas does not suffice."""
    pool = pool_of()
    result = pool.clear(demand_of([100, 200, 300, 400], [300, 500, 1500, 200]), np.zeros((2, 2, 4)))
    assert result.price.tolist() == [[0.1, 0.1], [0.1, 0.3], [0.1, 1.5], [0.1, 0.1]]
    assert (result.energy + result.congestion).tolist() == pytest.approx(result.price)
    assert result.flow_kwh[:, 0] == pytest.approx([307, 400, 400, 200])
    assert (result.schedule_quanta / 1e6).tolist() == [[407, 0], [600, 100], [700, 1000], [600, 0]]
    assert (result.unserved_quanta / 1e6).tolist() == [[0, 0], [0, 0], [0, 100], [0, 0]]
    assert (result.import_quanta[:, 1] / 1e6).tolist() == [307, 400, 400, 200]
    assert result.demand_quanta[1, 1, 0, 1] == 7_000_000
    assert result.congestion_rent == round(1e6 * (400 * 0.2 + 400 * 1.4))
    assert result.payments.sum() == result.congestion_rent
    assert result.line_price[:, 0] == pytest.approx([0, 0.2, 1.4, 0])
    assert pool.parties == ("supplier", "grid", "wind", "gas")
    assert pool.price_rule == "competitive interval by area, k = 0.5"
    assert pool.solver["name"] == "HiGHS"
    assert pool.online_offer(result, 0, np.zeros(2, np.int64)).tolist() == [593_000_000, 1_000_000_000]


def test_surplus_that_no_line_takes_away_is_spilled_at_the_floor():
    """1000 kWh of surplus in the north meet 100 of demand and a line of 400: 500 are spilled at the floor."""
    surplus = np.zeros((2, 2, 1))
    surplus[0, 0, 0] = 1000.0
    result = pool_of(1).clear(demand_of([100], [900]), surplus)
    assert (result.spilled_quanta / 1e6).tolist() == [[500, 0]]
    assert result.price.tolist() == [[-0.05, 0.3]]
    assert result.surplus_quanta[0, 0, 0] == 500_000_000


def test_a_period_without_trade_has_prices():
    """Without demand every price from the floor to wind's offer holds in both areas; k picks the middle."""
    result = pool_of(1).clear(np.zeros((2, 2, 1, 2)))
    assert result.price_low.tolist() == [[-0.05, -0.05]]
    assert result.price_high.tolist() == [[0.1, 0.1]]
    assert result.price == pytest.approx(np.array([[0.025, 0.025]]))


def test_a_store_charges_while_the_line_has_room():
    """100 kWh in stock and what the line still brings serve 90 of the 100 kWh that would stay unserved."""
    pool = pool_of(storages=[Storage("lake", 90.0, 200.0, 0.9)], storage_area=["south"])
    result = pool.clear(demand_of([100, 200, 300, 400], [293, 500, 1500, 200]))
    assert result.unserved_quanta.sum() == 10_000_000
    assert (result.discharge_quanta[2, 0], result.charge_quanta[2, 0]) == (90_000_000, 0)
    assert 0.9 * result.charge_quanta.sum() == pytest.approx(result.discharge_quanta.sum(), abs=100)
    assert result.payments.sum() == result.congestion_rent
    assert pool.parties[-1] == "lake"
    assert result.payments[-1] < 0
    assert pool.price_rule.endswith("storage by dual")
    bought = result.demand_quanta.sum() + result.charge_quanta.sum()
    assert bought == result.schedule_quanta.sum() + result.discharge_quanta.sum()
    assert result.import_quanta.sum(axis=1).tolist() == [0, 0, 0, 0]


def test_a_store_does_not_burn_surplus_at_a_negative_floor():
    """With 500 kWh spilled in every period a store that is soon full never charges and discharges at once."""
    pool = pool_of(2, storages=[Storage("lake", 90.0, 40.0, 0.5)], storage_area=["north"])
    surplus = np.zeros((2, 2, 2))
    surplus[0, 0] = 1000.0
    result = pool.clear(demand_of([100, 100], [400, 400]), surplus)
    assert np.minimum(result.charge_quanta, result.discharge_quanta).max() == 0


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_without_limits_it_is_the_pool_of_one_area(seed):
    """Sums over areas of awards, prices and intervals are those of the pool of one area; the rent is 0."""
    rng = np.random.default_rng(seed)
    free = Network("transport", ["north", "south"], [("north", "south")])
    demand = np.round(rng.uniform(0, 1500, (2, 2, 2, 2)) * rng.integers(0, 2, (2, 2, 2, 2)))
    surplus = np.round(rng.uniform(0, 300, (2, 2, 2)) * rng.integers(0, 2, (2, 2, 2)))
    result = pool_of(2, free).clear(demand, surplus)
    one = {name: value for name, value in TERMS.items() if name != "hours"}
    exact = DayAheadPool(OFFERS, periods=2, method="exact", **one).clear(demand.sum(axis=1), surplus.sum(axis=1))
    assert result.schedule_quanta == pytest.approx(exact.schedule_quanta, abs=4)
    assert result.demand_quanta.sum(axis=1) == pytest.approx(exact.demand_quanta, abs=4)
    assert result.unserved_quanta.sum(axis=1) == pytest.approx(exact.unserved_quanta, abs=4)
    for ours, theirs in ((result.price, exact.price), (result.price_low, exact.price_low)):
        assert ours == pytest.approx(np.column_stack([theirs, theirs]))
    assert abs(result.congestion_rent) <= 1000
    assert result.welfare == pytest.approx(exact.welfare, abs=1e-4)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_books_of_the_pool_close(seed):
    """Per period and area sold + imported = bought; lines keep their limits; payments leave the rent."""
    rng = np.random.default_rng(seed)
    areas = ["a", "b", "c"]
    network = Network(
        "dc", areas, [("a", "b"), ("b", "c"), ("a", "c")], x=rng.uniform(0.5, 2, 3), limit_kw=rng.uniform(5, 60, 3)
    )
    offers = Offers([f"unit {i}" for i in range(6)], rng.uniform(1, 80, 6), rng.integers(1, 6, 6) / 10)
    unit_area = rng.choice(areas, 6)
    pool = NetworkPool(offers, unit_area, network, periods=2, **TERMS)
    demand = rng.uniform(0, 60, (2, 3, 2, 2)) * rng.integers(0, 2, (2, 3, 2, 2))
    surplus = rng.uniform(0, 30, (2, 3, 2)) * rng.integers(0, 2, (2, 3, 2))
    result = pool.clear(demand, surplus)
    sold = result.surplus_quanta.sum(axis=0).T.copy()
    np.add.at(sold, (slice(None), network.area_index(unit_area)), result.schedule_quanta)
    assert (sold + result.import_quanta == result.demand_quanta.sum(axis=(0, 3)).T).all()
    assert (result.import_quanta.sum(axis=1) == 0).all()
    assert (np.abs(result.flow_kwh) <= network.limit_kw + 1e-4).all()
    assert result.payments.sum() == result.congestion_rent
    assert result.congestion_rent >= -10
    assert (result.schedule_quanta <= pool.capacity).all()
    net = network.incidence.T @ result.flow_kwh.T
    assert net.T + result.import_quanta / 1e6 == pytest.approx(np.zeros((2, 3)), abs=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "exact"}, "method 'exact' sorts offers of one area"),
        ({"storages": [Storage("lake", 1.0, 2.0, 0.9)]}, r"storage_area of shape \(0,\); give one area each of 1"),
        ({"storages": [Storage("gas", 1.0, 2.0, 0.9)], "storage_area": ["north"]}, "a name may stand once"),
        ({"storages": [Storage("x", 1.0, 2.0, 0.9)], "storage_area": ["east"]}, "area 'east' is not one of its 2"),
    ],
)
def test_what_a_pool_refuses(change, message):
    """A method for one area, storages without an area, names that repeat."""
    with pytest.raises(ValueError, match=message):
        pool_of(**change)


def test_losses_belong_to_the_grid_company():
    """A network that adds losses itself would count them twice."""
    feeder = Network("lin_dist_flow", ["north", "south"], [("north", "south")], x=1.0, r=1.0, base_kva=1e5, losses=True)
    with pytest.raises(ValueError, match="losses to the load; they are demand of the grid company"):
        pool_of(network=feeder)
    with pytest.raises(ValueError, match=r"offer_area of shape \(1,\); give one area each of 2"):
        NetworkPool(OFFERS, ["north"], TWO, periods=1, **TERMS)


def test_a_feeder_in_the_pool():
    """The voltage leaves (1000 (1 - 0.95^2) / 2 - 0.05 x 250) / 0.1 = 362.5 kW; buyers pay the reactive part."""
    feeder = Network(
        "lin_dist_flow", ["north", "south"], [("north", "south")], x=0.05, r=0.1, base_kva=1000, tan_phi=[0.0, 0.5]
    )
    result = pool_of(1, feeder).clear(demand_of([100], [500]))
    assert result.flow_kwh[0, 0] == pytest.approx(362.5)
    assert result.price[0] == pytest.approx([0.1, 0.3])
    assert result.voltage[0] == pytest.approx([0.0, 0.2])
    assert result.reactive_price[0] == pytest.approx([0.0, 0.1])
    assert result.payments.tolist() == [10e6 + 500 * 0.35e6, 0, -46.25e6, -137.5 * 0.3e6]
    assert result.payments.sum() == result.congestion_rent == round(1e6 * (362.5 * 0.2 + 250 * 0.1))
