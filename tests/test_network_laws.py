"""Laws of every clearing on a network, on random small grids."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gridagora.markets.clearing import clear
from gridagora.markets.merit_order import clear_merit_order
from gridagora.markets.network import Network
from gridagora.markets.network.clearing import clear_network
from gridagora.markets.network.power_flow import dist_flow, lin_dist_flow
from gridagora.markets.network.trade_check import TradeCheck
from gridagora.markets.orders import OrderBook
from gridagora.scenarios.grids import read_grid

SEEDS = st.integers(0, 2**32 - 1)


def random_book(rng, areas, orders=16):
    """Return a book of few prices and whole quantities, so that there are ties in price and quantity."""
    count = int(rng.integers(1, orders))
    side = rng.choice([1, -1], count)
    return OrderBook.from_arrays(
        side, rng.integers(0, 6, count) / 4, rng.integers(0, 5, count), area=rng.integers(0, areas, count)
    )


def random_network(rng, kind, limited=True):
    """Return a ring, or a chain for a feeder, of two to four areas."""
    areas = int(rng.integers(2, 5))
    lines = [(n, n + 1) for n in range(areas - 1)]
    if areas > 2 and kind != "lin_dist_flow":
        lines.append((0, areas - 1))
    options = {"x": rng.uniform(0.5, 2.0, len(lines)), "limit_kw": np.inf}
    if limited:
        options["limit_kw"] = rng.choice([0.0, 1.0, 2.5, np.inf], len(lines))
    if kind == "lin_dist_flow":
        options |= {"r": rng.uniform(0.5, 2.0, len(lines)), "base_kva": 60.0, "slack": int(rng.integers(0, areas))}
        options["tan_phi"] = rng.choice([0.0, 0.3], areas)
    if kind == "transport" and limited:
        options["limit_back_kw"] = rng.choice([0.0, 2.0], len(lines))
    return Network(kind, list(range(areas)), lines, **options)


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.sampled_from(["transport", "dc", "lin_dist_flow"]))
def test_laws_of_a_clearing(seed, kind):
    """Balance, limits, prices that support the awards, surpluses that add up, and rent = merchandising surplus."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, kind)
    book, k = random_book(rng, len(network.areas)), float(rng.random())
    found = clear_network(book, network, k)
    cleared, prices = found.clearing, found.prices
    assert cleared.accepted.min() >= 0
    assert (cleared.accepted <= book.quantity + 1e-9).all()
    assert (book.side * cleared.accepted).sum() == pytest.approx(0.0, abs=1e-6)
    assert (found.flow_kwh <= network.limit_kw + 1e-6).all()
    assert (found.flow_kwh >= -network.limit_back_kw - 1e-6).all()
    net = np.bincount(book.area, -book.side * cleared.accepted, len(network.areas))
    assert network.incidence.T @ found.flow_kwh == pytest.approx(net, abs=1e-6)
    traded = cleared.accepted > 0
    gain = (book.side * (book.price - cleared.unit_price))[traded]
    assert gain.min(initial=0.0) >= -1e-6
    parts = cleared.buyer_surplus + cleared.seller_surplus + cleared.operator_surplus
    assert parts == pytest.approx(cleared.welfare, abs=1e-6)
    assert cleared.operator_surplus == pytest.approx(prices.rent, abs=1e-6)
    assert prices.rent >= -1e-6
    if traded.any():
        paid = np.where(
            book.is_buy, (prices.price + network.tan_phi * prices.reactive)[book.area], prices.price[book.area]
        )
        unfilled = (cleared.accepted < book.quantity - 1e-6) & np.isfinite(paid)
        assert (book.side * (book.price - paid))[unfilled].max(initial=0.0) <= 1e-6
        known = np.isfinite(prices.price)
        assert (prices.low - 1e-9 <= prices.price)[known].all()
        assert (prices.price <= prices.high + 1e-9)[known].all()
        assert (prices.energy + prices.congestion + prices.voltage)[known] == pytest.approx(prices.price[known])


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.sampled_from(["transport", "dc"]))
def test_without_limits_a_network_is_one_market(seed, kind):
    """Awards with their ties and volume, interval and price are those of the merit order, in every area."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, kind, limited=False)
    book, k = random_book(rng, len(network.areas)), float(rng.random())
    exact, found = clear_merit_order(book, k), clear_network(book, network, k)
    assert found.clearing.accepted == pytest.approx(exact.accepted, abs=1e-6)
    count = len(network.areas)
    if np.isfinite(exact.price_interval).all():
        assert found.prices.low == pytest.approx(np.full(count, exact.price_interval[0]))
        assert found.prices.high == pytest.approx(np.full(count, exact.price_interval[1]))
    else:
        assert np.isnan([found.prices.low, found.prices.high]).all()
    assert found.clearing.price == pytest.approx(np.full(count, exact.price), nan_ok=True)
    assert found.clearing.welfare == pytest.approx(exact.welfare, abs=1e-6)


def test_ties_across_areas_share_as_far_as_lines_allow():
    """Sellers of one price in three areas share in proportion; a line of 1 kW caps one, the others split the rest."""
    areas, lines = ["a", "b", "c"], [("a", "b"), ("b", "c")]
    book = OrderBook(["sell"] * 3 + ["buy"], [1.0] * 3 + [2.0], [8.0, 4.0, 4.0, 6.0], area=["a", "b", "c", "b"])
    free = clear_network(book, Network("transport", areas, lines))
    assert free.clearing.accepted == pytest.approx([3.0, 1.5, 1.5, 6.0])
    capped = clear_network(book, Network("transport", areas, lines, limit_kw=[1.0, 9.0]))
    assert capped.clearing.accepted == pytest.approx([1.0, 2.5, 2.5, 6.0])
    # Equal shares are the least squares of all; the full line then costs nothing, for one price rules on both sides.
    assert capped.prices.price == pytest.approx([1.0, 1.0, 1.0])


def test_an_area_that_is_cut_off_trades_alone():
    """Behind a line of 0 kW an area has its own price, or none where a side is missing there."""
    network = Network("dc", ["a", "b", "c"], [("a", "b"), ("b", "c")], x=1.0, limit_kw=[0.0, 5.0])
    book = OrderBook(["sell", "buy", "buy"], [1.0, 3.0, 9.0], [2.0, 2.0, 1.0], area=["b", "c", "a"])
    found = clear_network(book, network)
    assert found.clearing.accepted.tolist() == [2.0, 2.0, 0.0]
    assert found.prices.price == pytest.approx([np.nan, 2.0, 2.0], nan_ok=True)
    empty = clear_network(OrderBook([], [], [], area=[]), network)
    assert np.isnan(empty.prices.price).all()
    assert np.isnan(empty.prices.line_price).all()


def test_an_interval_without_end_spoils_no_other():
    """Area b has no orders and lines full towards it alone: it has no price, the areas listed after it have theirs."""
    network = Network(
        "transport",
        ["a", "b", "c", "d"],
        [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")],
        limit_kw=[1.0, 0.0, np.inf, 2.5],
        limit_back_kw=[0.0, 2.0, 2.0, 2.0],
    )
    book = OrderBook(["sell", "sell", "buy", "buy"], [0.0, 0.75, 0.25, 0.75], [1, 3, 2, 1], area=["a", "c", "a", "d"])
    found = clear_network(book, network)
    assert found.prices.price == pytest.approx([0.5, np.nan, 0.5, 0.5], nan_ok=True)
    assert found.prices.low == pytest.approx([0.25, np.nan, 0.25, 0.25], nan_ok=True)


def test_the_baran_and_wu_feeder():
    """O26, O27: exact losses 202.677 kW and 0.91309 at bus 18; linear 0.91593, and 176.4 or 186.0 kW afterwards."""
    grid = read_grid("case33bw")
    exact, linear = (flow(grid.network, grid.load_kw, grid.load_kvar) for flow in (dist_flow, lin_dist_flow))
    assert exact.losses_kw.sum() == pytest.approx(202.677, rel=1e-3)
    assert exact.voltage.min() == pytest.approx(0.91309, rel=1e-3)
    assert grid.network.areas[int(exact.voltage.argmin())] == "18"
    assert linear.voltage.min() == pytest.approx(0.91593, rel=1e-4)
    assert linear.losses_kw.sum() == pytest.approx(186.0, abs=0.1)
    at_one = grid.network.r * (linear.flow_kw**2 + linear.flow_kvar**2) / grid.network.base_kva
    assert at_one.sum() == pytest.approx(176.4, abs=0.1)
    assert exact.flow_kw[0] == pytest.approx(grid.load_kw.sum() + exact.losses_kw.sum())


def test_a_power_flow_that_is_refused_or_does_not_settle():
    """Another kind, loads of another shape and a load beyond what the grid carries are named."""
    grid = read_grid("lv1")
    with pytest.raises(RuntimeError, match=r"power flow: .* kW do not settle"):
        dist_flow(grid.network, 1e4 * grid.load_kw, grid.load_kvar)
    with pytest.raises(ValueError, match=r"load_kw of shape \(2,\); must be finite, one of 15 areas"):
        lin_dist_flow(grid.network, [1, 2], grid.load_kvar)
    with pytest.raises(ValueError, match="the network is of kind dc; must be lin_dist_flow"):
        dist_flow(read_grid("case5").network, np.zeros(5), np.zeros(5))


def test_what_the_market_awards_on_a_feeder_stands_the_exact_check():
    """With losses the market's voltages at the limit are within 0.002 per unit of the exact power flow."""
    grid = read_grid("lv3", v_min=0.96, v_max=1.04, losses=True)
    at = np.flatnonzero(grid.load_kw)
    names = [grid.network.areas[n] for n in at]
    book = OrderBook(
        ["sell"] + ["buy"] * len(at), [0.3] + [1.0] * len(at), [900.0, *grid.load_kw[at]], area=["MV", *names]
    )
    found = clear_network(book, grid.network)
    load = np.bincount(grid.network.area_index(book.area[1:]), found.clearing.accepted[1:], len(grid.load_kw))
    assert load.sum() < 331.0
    exact = dist_flow(grid.network, load, grid.network.tan_phi * load)
    assert exact.voltage.min() == pytest.approx(0.96, abs=2e-3)
    assert found.losses_kwh.sum() == pytest.approx(exact.losses_kw.sum(), rel=0.05)


def test_the_check_of_single_trades():
    """PTDF of the triangle: two thirds of a trade a to b use the line of 4 kWh, so 6 fit; what is booked uses it up."""
    triangle = Network("dc", ["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")], x=1.0, limit_kw=[4.0, 9.0, 9.0])
    check = TradeCheck(triangle, 1.0, line_charge=[0.3, 0.0, 0.0])
    most, charge = check.allow("b", "a", 100.0)
    assert most == pytest.approx(6.0)
    assert charge == pytest.approx(0.2)
    check.commit("b", "a", 6.0)
    assert check.allow("b", "a", 1.0)[0] == pytest.approx(0.0)
    assert check.allow("a", "b", 1.0) == pytest.approx((1.0, 0.0))
    table = check.available().set_index("element")
    assert table["available_kwh"].loc["line a-b"].tolist() == pytest.approx([0.0, 8.0])
    assert check.available_between()[0] == pytest.approx([np.inf, 0.0, 0.0])
    with pytest.raises(ValueError, match=r"1\.0 kWh from a to b pass the limit of line a-b; at most"):
        check.commit("b", "a", 1.0)
    with pytest.raises(ValueError, match=r"what is contracted passes the limit of line a-b by 2 kWh"):
        TradeCheck(triangle, 1.0, withdrawal_kwh=[-9.0, 9.0, 0.0])
    with pytest.raises(ValueError, match=r"line_charge -1\.0; must be finite and at least 0"):
        TradeCheck(triangle, 1.0, line_charge=-1.0)


def test_voltage_stops_a_trade_too():
    """Feed-in p lifts the end by r p / 100, at most (1.05^2 - 1) / 2: 25.625 kW at r = 0.2, a quarter in 15 minutes."""
    feeder = Network("lin_dist_flow", ["r", "e"], [("r", "e")], x=0.1, r=0.2, base_kva=100)
    check = TradeCheck(feeder, 0.25)
    assert check.allow("r", "e", 100.0)[0] == pytest.approx(25.625 / 4)
    with pytest.raises(ValueError, match="pass the limit of voltage at e"):
        check.commit("r", "e", 100.0)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_trades_within_the_check_keep_every_limit(seed):
    """Whatever is allowed and booked one by one, the flows of all together stay within limits."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, "dc")
    assume(np.isfinite(network.limit_kw).any())
    check = TradeCheck(network, 0.5)
    for buyer, seller, wanted in zip(*rng.integers(0, len(network.areas), (2, 12)), rng.uniform(0, 3, 12), strict=True):
        most, _ = check.allow(int(buyer), int(seller), float(wanted))
        check.commit(int(buyer), int(seller), most)
    assert check.available()["available_kwh"].min() >= -1e-9


@pytest.mark.parametrize("fails", [False, True])
def test_ties_are_settled_without_the_quadratic_program_too(monkeypatch, fails):
    """Offers of 1 and 3 kWh at one price share 2 kWh as 0.5 and 1.5, also where HiGHS fails at squared shares."""
    from gridagora.markets.network import second_stage
    from gridagora.markets.orders import InfeasibleMarket

    plain, seen = second_stage.run, []

    def run(highs, name):
        seen.append(name)
        if fails and name == "equal shares":
            raise InfeasibleMarket(name)
        return plain(highs, name)

    monkeypatch.setattr(second_stage, "run", run)
    book = OrderBook(["buy", "sell", "sell"], [3.0, 1.0, 1.0], [2.0, 1.0, 3.0], area=["a", "b", "a"])
    network = Network("dc", ["a", "b"], [("a", "b")], x=0.1, limit_kw=5.0)
    assert clear(book, "uniform_price", network=network).accepted == pytest.approx([2.0, 0.5, 1.5], abs=1e-9)
    assert ("least spread of shares" in seen) == fails
