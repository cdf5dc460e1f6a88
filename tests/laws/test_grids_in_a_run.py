"""A run on a grid: areas have prices of their own, and what they leave is congestion rent, to the last micro-unit."""

import numpy as np
import pytest

from gridagora.scenarios.grid_pool import Feeder, place_plants, split
from gridagora.scenarios.grids import read_grid
from gridagora.scenarios.load import ScenarioError, load

ONE_DAY = {"time.days": 1, "outputs.members": 0}
CASE5 = {"network": {"kind": "dc", "grid": "case5", "limit_factor": 0.3}} | ONE_DAY
FEEDER = {"network": {"kind": "lin_dist_flow", "grid": "lv1", "limit_factor": 0.005}} | ONE_DAY


def account(model, name, party):
    """Return what a party received on an account less what it paid [1e-6 currency]."""
    rows = model.ledger.frame()
    rows = rows[(rows["account"] == name) & (rows["payer"] != rows["payee"])]
    received, paid = (int(rows.loc[rows[end] == party, "amount_micro"].sum()) for end in ("payee", "payer"))
    return received - paid


@pytest.fixture(scope="module")
def nodal(simulate):
    """A day of the pool on five congested areas."""
    return simulate(CASE5)


def test_every_area_balances_and_lines_keep_their_limits(nodal):
    """Bought less imported is what stands in the area; imports sum to zero; flows pass no limit but by rounding."""
    areas, lines = nodal.recorder.frame("areas"), nodal.recorder.frame("lines")
    assert areas.groupby("period")["import_kwh"].sum().abs().max() < 1e-9
    assert (lines["flow_kwh"].abs() <= lines["limit_kwh"] + 1e-4).all()
    assert (lines["flow_kwh"].abs() >= lines["limit_kwh"] - 1e-4).any()
    np.testing.assert_allclose(areas["energy_price"] + areas["congestion_price"], areas["price"], atol=1e-7)
    assert areas.groupby("period")["price"].std().max() > 0.05


def test_congestion_rent_is_the_value_of_the_limits(nodal):
    """O58: what buyers pay above what sellers receive is the sum over lines of price times limit, and is booked."""
    lines = nodal.recorder.frame("lines")
    binding = lines[lines["price"].abs() > 0]
    rent = float((binding["price"].abs() * binding["limit_kwh"]).sum())
    day = nodal.recorder.records[0].pool
    assert rent > 0.1
    assert day.by_area.congestion_rent / 1e6 == pytest.approx(rent, rel=1e-3)
    assert int(day.rent.sum()) == day.by_area.congestion_rent
    assert int(day.payments.sum()) == 0
    supplier_share = int(day.rent[0])
    assert account(nodal, "congestion_rent", "grid_company") == supplier_share


def test_members_pay_the_mean_price_of_the_areas(nodal):
    """The system's price is what buyers pay on average, and lies between the cheapest and the dearest area."""
    day = nodal.recorder.records[0].pool
    bought = day.by_area.demand_quanta.sum(axis=(0, 3)).T
    mean = (bought * day.by_area.price).sum(axis=1) / bought.sum(axis=1)
    np.testing.assert_allclose(day.price, mean, rtol=1e-12)
    assert (day.price <= day.by_area.price.max(axis=1) + 1e-12).all()


def test_wide_lines_are_a_copperplate(simulate):
    """Without limits that bind, the run is that of one area: prices to 1e-7, energies to a quantum a step."""
    wide = simulate({"network": {"kind": "dc", "grid": "case5", "limit_factor": 1000}} | ONE_DAY)
    plain = simulate(ONE_DAY)
    one, other = wide.recorder.frame("intervals"), plain.recorder.frame("intervals")
    np.testing.assert_allclose(one["pool_price"], other["pool_price"], atol=1e-7)
    np.testing.assert_allclose(one["auction_volume_kwh"], other["auction_volume_kwh"], atol=1e-5)
    assert wide.recorder.records[0].pool.by_area.congestion_rent == 0


def test_a_feeder_limits_trade_and_its_rent_goes_to_the_grid_company(simulate):
    """On thin lines members trade less than on wide ones, and buyers pay for the lines too; the rent is booked."""
    thin = simulate(FEEDER)
    wide = simulate({"network": {"kind": "lin_dist_flow", "grid": "lv1"}} | ONE_DAY)
    volumes = [float(m.recorder.frame("intervals")["auction_volume_kwh"].sum()) for m in (thin, wide)]
    assert 0 < volumes[0] < 0.9 * volumes[1]
    prices = thin.recorder.frame("auction_areas")
    assert list(prices["area"].unique()) == list(read_grid("lv1").network.areas)
    dearer = prices["paid_price"] - prices["price"]  # reactive power comes from above, through the limits
    assert dearer.max() > 0.05
    assert dearer.min() > -1e-9
    rent = account(thin, "congestion_rent", "grid_company")
    assert rent > 0
    assert abs(account(thin, "auction", thin.parts.auctioneer) - rent) <= 200


def test_continuous_trade_asks_the_feeder_before_each_trade(simulate):
    """On thin lines less is traded one after another than on wide ones, at resting orders' prices, and books close."""
    chosen = {"market.mechanism": "continuous"}
    thin = simulate(FEEDER | chosen)
    wide = simulate({"network": {"kind": "lin_dist_flow", "grid": "lv1"}} | ONE_DAY | chosen)
    volumes = [float(m.recorder.frame("intervals")["auction_volume_kwh"].sum()) for m in (thin, wide)]
    assert 0 < volumes[0] < 0.9 * volumes[1]
    thin.ledger.check()
    assert abs(account(thin, "auction", thin.parts.auctioneer)) <= 200


def test_plants_stand_where_the_grid_has_generators():
    """Imports enter at the slack area; each plant goes where most capacity is missing, the largest first."""

    class Unit:
        def __init__(self, capacity_kw, fuel="gas"):
            self.capacity_kw, self.fuel = capacity_kw, fuel

    grid = read_grid("case5")  # generators: 40 and 170 MW at 1, 520 at 3, 200 at 4, 600 at 5; slack 4
    units = [Unit(100.0), Unit(600.0), Unit(9.0, "import"), Unit(500.0)]
    assert place_plants(units, grid) == ["1", "5", "4", "3"]


def test_parts_add_up_exactly():
    """Seven quanta in thirds are 2, 3 and 2; a large number keeps every quantum."""
    assert split(np.array([7]), np.full(3, 1 / 3)).tolist() == [[2, 3, 2]]
    assert split(np.array(10**15 + 1), np.array([0.25, 0.75])).sum() == 10**15 + 1


def test_members_are_dealt_out_to_the_areas_with_load():
    """Member 0 stands at the first area with load of lv1, the 14th begins again."""
    feeder = Feeder(read_grid("lv1"))
    loaded = [a for a, kw in zip(feeder.grid.network.areas, feeder.grid.load_kw, strict=True) if kw > 0]
    dealt = feeder.areas_of(np.array([0, 1, len(loaded)]))
    assert dealt.tolist() == [loaded[0], loaded[1], loaded[0]]
    assert feeder.entry not in loaded


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"network": {"kind": "dc"}}, "grid: given None with kind dc; allowed the name of a grid: case5"),
        ({"network": {"grid": "case5"}}, "grid: given case5 with kind copperplate; allowed no grid"),
        ({"network": {"kind": "dc", "grid": "lv3"}}, "allowed grids with plants: case5, case9"),
        ({"network": {"kind": "lin_dist_flow", "grid": "case9"}}, "allowed radial grids: case33bw, lv1"),
        ({"network": {"kind": "dc", "grid": "case6"}}, "unknown grid 'case6'.*nearest 'case"),
        (CASE5 | {"market.pool_rule": "regulated"}, "market.pool_rule: given regulated with network dc"),
        (CASE5 | {"market.method": "exact"}, "market.method: given exact with network dc"),
        (CASE5 | {"generators.ramp_per_hour": {"gas": 1.0}}, "network.kind: given dc, whose pool has no generators"),
        (FEEDER | {"market.online": False}, "network.kind: given lin_dist_flow, on which members trade online"),
        (FEEDER | {"market.mechanism": "vcg"}, "market.mechanism: given vcg with network lin_dist_flow; allowed there"),
        (FEEDER | {"market.audit": 5}, "market.audit: given 5; a second solution exists"),
    ],
)
def test_what_does_not_fit_a_grid_is_refused(overrides, message):
    """Each combination names its key and what is allowed."""
    with pytest.raises(ScenarioError, match=message):
        load("quickstart", overrides)
