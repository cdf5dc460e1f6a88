"""Plans of batteries under one price a day: by hand, and beside those that weigh the prices of all periods."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridagora.agents.hems_batch import plan_homes
from gridagora.agents.hems_columns import battery_columns, site_columns

PERIODS = 12


def planned(net, buy, sell, export_kw=44.0, **battery):
    """Plan one home by its load less generation in hours, and return the plan."""
    net = np.asarray(net, np.float64)
    site = site_columns(buy, sell, 1, 1.0, pv_kwh=np.maximum(-net, 0), export_kw=export_kw)
    return plan_homes(site, [np.maximum(net, 0)], batteries=battery_columns(1, 1.0, **battery))


def by_period(price):
    """Return prices that differ between periods by nothing that counts, so that the day has not one price."""
    return np.full(PERIODS, price) + 1e-12 * np.arange(PERIODS)


BATTERY = {
    "capacity_kwh": 4.0,
    "charge_kw": 2.0,
    "discharge_kw": 2.0,
    "charge_efficiency": 0.9,
    "discharge_efficiency": 0.9,
    "wear_cost": 0.01,
    "stored_kwh": 1.0,
}


def test_what_is_stored_serves_first_and_comes_back():
    """1 kWh stored gives 0.9, 2 kWh of sun bring it to 1.8, of which 0.72 may go: 0.1, 0.28 and 1 kWh bought, wear."""
    found = planned([1, -2, 1, 1], [0.5] * 4, [0.2] * 4, **BATTERY)
    assert found.battery_kwh[0] == pytest.approx([-0.9, 2.0, -0.72, 0.0])
    assert found.net_kwh[0] == pytest.approx([0.1, 0.0, 0.28, 1.0])
    assert found.cost[0] == pytest.approx(1.38 * 0.5 + 1.62 * 0.01)


def test_no_more_is_stored_than_later_demand_takes():
    """Of 3 kWh of sun the battery takes what 0.9 kWh in the evening need: 0.9 / 0.81; the rest is fed in."""
    found = planned([-3, 0, 0.9, 0], [0.5] * 4, [0.2] * 4, **BATTERY)
    assert found.battery_kwh[0] == pytest.approx([0.9 / 0.81, 0.0, -0.9, 0.0])
    assert found.cost[0] == pytest.approx(-0.2 * (3 - 0.9 / 0.81) + 0.009)


@pytest.mark.parametrize(("buy", "moved"), [(0.2569, 0.0), (0.257, 0.9)])
def test_nothing_moves_where_feeding_in_pays_more(buy, moved):
    """A kWh given back needs 1 / 0.81 kWh not fed in at 0.2, and 0.01 of wear: 0.2569136 in all."""
    found = planned([-3, 0, 0.9, 0], [buy] * 4, [0.2] * 4, **BATTERY)
    assert -np.minimum(found.battery_kwh, 0).sum() == pytest.approx(moved)


@given(
    net=st.lists(st.floats(-3, 3), min_size=PERIODS, max_size=PERIODS),
    prices=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    stored=st.floats(0, 4),
    power=st.floats(0.1, 3),
    export_kw=st.sampled_from([44.0, 1.0]),
)
def test_one_price_costs_what_weighing_all_prices_finds(net, prices, stored, power, export_kw):
    """Any day, battery and pair of prices: the cost is the same, and what is stored keeps its limits."""
    sell, buy = prices
    battery = {**BATTERY, "charge_kw": power, "discharge_kw": power, "stored_kwh": stored}
    found = planned(net, [buy] * PERIODS, [sell] * PERIODS, export_kw, **battery)
    weighed = planned(net, by_period(buy), by_period(sell), export_kw, **battery)
    assert found.cost[0] == pytest.approx(weighed.cost[0], abs=1e-7)
    flow = found.battery_kwh[0]
    held = stored + np.cumsum(0.9 * np.maximum(flow, 0) - np.maximum(-flow, 0) / 0.9)
    assert held.min() >= -1e-9
    assert held.max() <= max(4.0, stored) + 1e-9
    assert held[-1] >= stored - 1e-9
    assert np.abs(flow).max() <= power + 1e-9
