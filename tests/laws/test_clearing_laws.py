import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets.day_ahead import DayAheadPool
from gridagora.markets.merit_order import clear_merit_order
from gridagora.markets.orders import OrderBook
from gridagora.markets.pool_day import Offers
from gridagora.markets.price_grid import (
    apportion,
    buy_awards,
    clear_grid,
    round_to_zero_sum,
    sell_awards,
    tick_prices,
)
from gridagora.markets.welfare import WelfareModel, clear_welfare

PRICES = st.one_of(st.floats(-0.05, 1.5), st.integers(-2, 6).map(lambda tick: tick / 4))
QUANTITIES = st.one_of(st.floats(0, 100), st.integers(0, 5).map(float), st.integers(0, 30).map(lambda n: n / 10))
ORDERS = st.lists(st.tuples(st.sampled_from([1, -1]), PRICES, QUANTITIES), max_size=25)
TICKS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 10**9)), max_size=12)
UNIT = st.floats(0, 1)


def book_of(orders):
    """Return a book from (side code, price, quantity)."""
    side, price, quantity = zip(*orders, strict=True) if orders else ((), (), ())
    return OrderBook.from_arrays(np.array(side, dtype=np.int8), price, quantity)


def random_book(rng):
    """Return a book with ties, equal quantities, empty sides and zero quantities in turn."""
    orders = int(rng.integers(0, 25))
    side = np.where(rng.random(orders) < rng.choice([0.0, 0.5, 0.5, 0.5, 1.0]), 1, -1)
    prices = {
        "free": rng.uniform(-0.05, 1.5, orders),
        "ticks": rng.integers(-1, 12, orders) / 8,
        "few": rng.choice([0.0, 0.4, 0.7], orders),
    }
    quantities = {
        "free": rng.random(orders) * 10.0 ** rng.uniform(-5, 5),
        "units": rng.integers(0, 4, orders).astype(float),
        "tenths": rng.integers(0, 9, orders) / 10,
    }
    kind = rng.choice(list(prices)), rng.choice(list(quantities))
    return OrderBook.from_arrays(side, prices[kind[0]], quantities[kind[1]])


@pytest.mark.parametrize("seed", range(6))
def test_the_exact_path_is_the_welfare_model(seed):
    """600 books with ties and empty sides: welfare within 1e-9, awards, interval and price agree (O59).

    The solver's dual is compared with the interval inside the model's path, which would raise.
    """
    rng = np.random.default_rng(seed)
    for _ in range(100):
        book, k = random_book(rng), float(rng.random())
        exact, solved = clear_merit_order(book, k), clear_welfare(book, k)
        scale = max(1.0, abs(exact.welfare))
        assert solved.welfare == pytest.approx(exact.welfare, rel=0, abs=1e-9 * scale)
        assert solved.volume == pytest.approx(exact.volume, rel=1e-9)
        np.testing.assert_allclose(solved.accepted, exact.accepted, rtol=1e-9, atol=1e-12 * book.quantity.sum())
        np.testing.assert_array_equal(solved.price_interval, exact.price_interval)
        np.testing.assert_array_equal(solved.price, exact.price)


@pytest.mark.parametrize("seed", range(2))
def test_strong_duality_and_complementary_slackness(seed):
    """Welfare equals the rents of all orders at the solver's dual, and who gains is filled (O57)."""
    rng = np.random.default_rng(100 + seed)
    model = WelfareModel(12, 12)
    for _ in range(40):
        sides = []
        for _ in range(2):
            price = np.unique(rng.integers(0, 30, int(rng.integers(1, 12))) / 20)
            sides += [price, rng.uniform(0.1, 9, len(price))]
        bid_price, demand, ask_price, supply = sides
        optimum = model.solve(*sides)
        bid_rent = np.maximum(bid_price - optimum.dual, 0)
        ask_rent = np.maximum(optimum.dual - ask_price, 0)
        assert optimum.welfare == pytest.approx((demand * bid_rent).sum() + (supply * ask_rent).sum(), rel=1e-6)
        bought, sold = optimum.bid_share * demand, optimum.ask_share * supply
        assert optimum.welfare == pytest.approx((bid_price * bought).sum() - (ask_price * sold).sum(), rel=1e-9)
        assert bought.sum() == pytest.approx(sold.sum(), rel=1e-9)
        assert (optimum.bid_share[bid_rent > 1e-6] == 1).all()
        assert (optimum.ask_share[ask_rent > 1e-6] == 1).all()
        assert (optimum.bid_share[bid_price < optimum.dual - 1e-6] == 0).all()
        assert (optimum.ask_share[ask_price > optimum.dual + 1e-6] == 0).all()


@settings(deadline=None)
@given(ORDERS, UNIT)
def test_nobody_trades_at_a_loss_and_the_budget_balances(orders, k):
    """Awards stay within orders, no price passes a limit, payments cancel, surpluses add up to welfare (O57)."""
    book = book_of(orders)
    found = clear_merit_order(book, k)
    assert ((found.accepted >= 0) & (found.accepted <= book.quantity)).all()
    bought, sold = found.accepted[book.is_buy].sum(), found.accepted[~book.is_buy].sum()
    assert bought == pytest.approx(sold, rel=1e-12, abs=1e-15 * book.quantity.sum())
    turnover = np.abs(found.payment).sum()
    dust = 1e-12 * turnover + 1e-14 * book.quantity.sum()
    assert found.operator_surplus == pytest.approx(0, rel=0, abs=dust)
    surplus = found.buyer_surplus + found.seller_surplus + found.operator_surplus
    scale = (np.abs(book.price) * found.accepted).sum() + turnover
    assert surplus == pytest.approx(found.welfare, rel=0, abs=1e-12 * scale + dust)
    traded = found.accepted > 0
    assert (book.side * (book.price - found.unit_price) >= 0)[traded].all()
    assert found.welfare >= -1e-12 * scale - dust
    low, high = found.price_interval
    assert np.isnan(low) or low <= high
    if traded.any():
        assert low <= found.price <= high
        assert ((found.accepted == 0) | (book.side * (book.price - found.price) >= 0)).all()
        better = book.side * (book.price - found.price) > 0
        filled = (found.accepted == book.quantity) | (book.quantity < 1e-15 * book.quantity.sum())
        assert (filled | ~better | (book.price == low) | (book.price == high)).all()


@settings(deadline=None)
@given(ORDERS, UNIT, st.randoms())
def test_payments_do_not_depend_on_the_order_of_orders(orders, k, random):
    """A permuted book gives each order the same award, price and payment to the last bit (O64)."""
    place = list(range(len(orders)))
    random.shuffle(place)
    first = clear_merit_order(book_of(orders), k)
    second = clear_merit_order(book_of([orders[i] for i in place]), k)
    np.testing.assert_array_equal(first.payment[place], second.payment)
    np.testing.assert_array_equal(first.accepted[place], second.accepted)
    np.testing.assert_array_equal(first.unit_price[place], second.unit_price)
    np.testing.assert_array_equal((first.price, *first.price_interval), (second.price, *second.price_interval))


@settings(deadline=None, max_examples=20)
@given(ORDERS, UNIT, st.randoms())
def test_the_model_does_not_depend_on_the_order_of_orders(orders, k, random):
    """The same holds for the path through Pyomo, for prices of at most six decimals (O64)."""
    orders = [(side, round(price, 6), quantity) for side, price, quantity in orders]
    place = list(range(len(orders)))
    random.shuffle(place)
    first = clear_welfare(book_of(orders), k)
    second = clear_welfare(book_of([orders[i] for i in place]), k)
    np.testing.assert_array_equal(first.payment[place], second.payment)


@settings(deadline=None)
@given(TICKS, TICKS, UNIT)
def test_the_price_grid_is_the_sorted_book(bids, asks, k):
    """Sums per tick give the price, interval and volume of the single orders; awards lose under a quantum each."""
    prices = tick_prices(-0.05, 0.1, 13)
    tick, quanta = (np.array([order[i] for order in bids + asks], dtype=np.int64) for i in (0, 1))
    is_buy = np.arange(len(tick)) < len(bids)
    curves = np.zeros((2, 13), dtype=np.int64)
    np.add.at(curves, (np.where(is_buy, 0, 1), tick), quanta)
    grid = clear_grid(curves[0], curves[1], -0.05, 0.1, k)
    book = OrderBook.from_arrays(np.where(is_buy, 1, -1), prices[tick], quanta * 1e-6)
    sorted_out = clear_merit_order(book, k)
    np.testing.assert_array_equal(grid[:3], (sorted_out.price, *sorted_out.price_interval))
    assert grid.volume_quanta == pytest.approx(sorted_out.volume * 1e6, rel=0, abs=1e-12 * max(1, quanta.sum()))
    scale = max(1.0, float((np.abs(book.price) * book.quantity).sum()))
    assert grid.welfare == pytest.approx(sorted_out.welfare, rel=0, abs=1e-12 * scale)
    bought, sold = buy_awards(tick[is_buy], quanta[is_buy], grid), sell_awards(tick[~is_buy], quanta[~is_buy], grid)
    awards = np.concatenate([bought, sold])
    np.testing.assert_allclose(awards, sorted_out.accepted * 1e6, rtol=1e-12, atol=1.001)
    for side in (bought, sold):
        assert grid.volume_quanta - len(side) <= side.sum() <= grid.volume_quanta


@pytest.mark.compiled  # whole quanta wrap by design, which plain Python reports
@settings(deadline=None)
@given(st.lists(st.integers(0, 2**48), min_size=1, max_size=12), UNIT)
def test_shares_of_whole_quanta_are_fair_and_exact(weights, part):
    """Shares add up to the total, stay within the weights and within one quantum of proportion."""
    whole = sum(weights)
    total = min(int(whole * part), whole)
    shares = apportion(np.array([total]), np.array([weights]))[0].tolist()
    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        assert 0 <= share <= weight
        assert whole == 0 or abs(share * whole - weight * total) < whole


@given(st.lists(st.floats(-1e12, 1e12), max_size=12))
def test_rounded_payments_cancel(amounts):
    """Amounts that cancel are rounded to integers that cancel exactly, each by less than one unit and dust."""
    closed = np.array([*amounts, -float(np.sum(amounts))])
    rounded = round_to_zero_sum(closed)
    assert rounded.sum() == 0
    assert (np.abs(rounded - closed) <= 1.01).all()


def random_day(rng):
    """Return pool settings, offers and one day of demand and surplus, with ties and shortage at random."""
    steps = np.unique(np.round(rng.uniform(0.1, 1.4, int(rng.integers(0, 4))), 1))[::-1]
    settings_of = {
        "periods": 6,
        "buyers": ("supplier", "grid_company"),
        "step_price": [1.5, *steps],
        "floor": -0.05,
        "cap": 1.5,
        "k": float(rng.random()),
    }
    units = int(rng.integers(1, 9))
    scale = 10.0 ** rng.integers(-5, 7)
    cost = np.round(rng.uniform(0, 1.5, units), int(rng.integers(1, 4)))
    offers = Offers([f"plant:{i}" for i in range(units)], rng.uniform(0, 9, units) * scale, cost)
    demand = rng.uniform(0, 6, (2, 6, 1 + len(steps))) * scale * (rng.random((2, 6, 1 + len(steps))) < 0.8)
    surplus = rng.uniform(0, 40, (2, 6)) * scale * (rng.random((2, 6)) < 0.2)
    return settings_of, offers, demand, surplus


@pytest.mark.compiled  # whole quanta wrap by design, which plain Python reports
@pytest.mark.parametrize("seed", range(4))
def test_the_pool_keeps_its_laws_on_both_paths(seed):
    """Energy and money close exactly, prices stay within floor and cap, and exact equals Pyomo (O56, O59)."""
    rng = np.random.default_rng(200 + seed)
    for _ in range(12):
        settings_of, offers, demand, surplus = random_day(rng)
        exact = DayAheadPool(offers, **settings_of, method="exact").clear(demand, surplus)
        solved = DayAheadPool(offers, **settings_of, method="pyomo").clear(demand, surplus)
        for name in ("price_low", "price_high", "price", "schedule_quanta", "demand_quanta", "payments"):
            np.testing.assert_array_equal(getattr(exact, name), getattr(solved, name), err_msg=name)
        assert solved.welfare == pytest.approx(exact.welfare, rel=1e-9, abs=1e-9)
        bought = exact.demand_quanta.sum(axis=(0, 2)) - exact.surplus_quanta.sum(axis=0)
        assert (exact.schedule_quanta.sum(axis=1) == bought).all()
        assert (exact.schedule_quanta <= np.rint(offers.capacity_kwh * 1e6)).all()
        assert (exact.schedule_quanta >= 0).all()
        wanted, offered = np.rint(demand * 1e6).astype(np.int64), np.rint(surplus * 1e6).astype(np.int64)
        assert ((exact.demand_quanta >= 0) & (exact.demand_quanta <= wanted)).all()
        assert (wanted[:, :, 0].sum(axis=0) - exact.demand_quanta[:, :, 0].sum(axis=0) == exact.unserved_quanta).all()
        assert (offered.sum(axis=0) - exact.surplus_quanta.sum(axis=0) == exact.spilled_quanta).all()
        assert exact.payments.sum() == 0
        assert ((exact.price >= -0.05) & (exact.price <= 1.5)).all()
        assert ((exact.price_low <= exact.price) & (exact.price <= exact.price_high)).all()
        assert (exact.price[exact.unserved_quanta > 0] == 1.5).all()
        assert (exact.price[exact.spilled_quanta > 0] == -0.05).all()


@pytest.mark.compiled  # whole quanta wrap by design, which plain Python reports
@pytest.mark.parametrize("seed", range(3))
def test_more_demand_never_lowers_the_pool_price(seed):
    """Adding inelastic load in any period leaves the price of every period as it was or higher."""
    rng = np.random.default_rng(300 + seed)
    for _ in range(60):
        settings_of, offers, demand, surplus = random_day(rng)
        pool = DayAheadPool(offers, **settings_of, method="exact")
        more = demand.copy()
        more[0, :, 0] += rng.uniform(0, demand.max() + 1e-3, 6) * (rng.random(6) < 0.7)
        before, after = pool.clear(demand, surplus), pool.clear(more, surplus)
        assert (after.price >= before.price).all()
        assert (after.price_low >= before.price_low).all()
        assert (after.price_high >= before.price_high).all()
        assert (after.unserved_quanta >= before.unserved_quanta).all()
