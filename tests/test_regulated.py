"""One factory, one price, and given prices: the dispatch of the pool at other prices than its own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets.pool_day import PoolResult
from gridagora.markets.regulated import pay_given, regulate

UNIT_PRICE = np.array([0.3, 0.6])


def pool(schedule, demand, surplus, charge=(), discharge=(), price=0.25):
    """Return a pool outcome of two units and two buyers with one demand step, and storages by row."""
    schedule, surplus = np.array(schedule, np.int64), np.array(surplus, np.int64)
    periods = len(schedule)
    return PoolResult(
        price=np.full(periods, price),
        price_low=np.full(periods, price - 0.01),
        price_high=np.full(periods, price + 0.01),
        schedule_quanta=schedule,
        demand_quanta=np.array(demand, np.int64)[:, :, None],
        surplus_quanta=surplus,
        unserved_quanta=np.zeros(periods, np.int64),
        spilled_quanta=np.zeros(periods, np.int64),
        payments=np.zeros(4 + len(charge), np.int64),
        charge_quanta=np.array(charge, np.int64).reshape(len(charge), periods).T,
        discharge_quanta=np.array(discharge, np.int64).reshape(len(discharge), periods).T,
        idle_quanta=np.zeros(periods, np.int64),
        start_cost=np.zeros(2, np.int64),
        uplift=np.zeros(4 + len(charge), np.int64),
        welfare=7.0,
        method="exact",
    )


def test_three_periods_by_hand():
    """100 and 50 kWh at 0.3 and 0.6 cost 0.4 a kWh, 100 of the first alone 0.3; where nothing runs the pool's 0.25.

    The first buyer takes 120, 110 and 10: 48 + 33 + 2.5. The second takes 30 and sells 10 twice: 12 - 3 - 2.5.
    """
    kwh = 1_000_000
    before = pool(
        [[100 * kwh, 50 * kwh], [100 * kwh, 0], [0, 0]],
        [[120 * kwh, 110 * kwh, 10 * kwh], [30 * kwh, 0, 0]],
        [[0, 0, 0], [0, 10 * kwh, 10 * kwh]],
    )
    after = regulate(before, UNIT_PRICE)
    assert after.price == pytest.approx([0.4, 0.3, 0.25])
    assert (after.price_low == after.price).all()
    assert (after.price_high == after.price).all()
    assert after.payments.tolist() == [83_500_000, 6_500_000, -60_000_000, -30_000_000]
    assert after.schedule_quanta is before.schedule_quanta
    assert (after.welfare, after.method) == (7.0, "exact")


def test_storages_trade_at_the_buyers_price():
    """A storage charges 20 of 100 kWh at 0.3 and adds 15 to 50 kWh at 0.6: it earns 9 - 6, the buyer pays 24 + 39."""
    kwh = 1_000_000
    before = pool(
        [[100 * kwh, 0], [0, 50 * kwh]],
        [[80 * kwh, 65 * kwh], [0, 0]],
        [[0, 0], [0, 0]],
        charge=[[20 * kwh, 0]],
        discharge=[[0, 15 * kwh]],
    )
    after = regulate(before, UNIT_PRICE)
    assert after.price == pytest.approx([0.3, 0.6])
    assert after.payments.tolist() == [63_000_000, 0, -30_000_000, -30_000_000, -3_000_000]


def test_the_first_buyer_bears_what_rounding_leaves():
    """Amounts are rounded party by party, half to even; the first buyer pays or gets the difference.

    3 quanta at 0.5: with 1 and 2 on both sides, 0.5 and 1 are rounded to 0 and 1 on both. With 0 and 3 made, the
    second unit earns 1.5, rounded to 2, while the buyers owe 0 and 1.
    """
    even = regulate(pool([[1, 2]], [[1], [2]], [[0], [0]]), np.array([0.5, 0.5]))
    assert even.payments.tolist() == [0, 1, 0, -1]
    odd = regulate(pool([[0, 3]], [[1], [2]], [[0], [0]]), np.array([0.5, 0.5]))
    assert odd.payments.tolist() == [1, 1, 0, -2]


QUANTA = st.integers(0, 10**9)
PERIOD = st.tuples(QUANTA, QUANTA, st.floats(0, 1), QUANTA)


@settings(deadline=None)
@given(st.lists(PERIOD, min_size=1, max_size=4), st.floats(0.01, 2), st.floats(0.01, 2))
def test_payments_cancel_and_the_price_is_a_mean(periods, first, second):
    """Payments sum to 0, each unit gets its own price, and the price lies between those of the units that run."""
    schedule = [[a, b] for a, b, _, _ in periods]
    surplus = [[0] * len(periods), [s for _, _, _, s in periods]]
    total = [a + b + s for a, b, _, s in periods]
    demand = [[int(share * t) for t, (_, _, share, _) in zip(total, periods, strict=True)]]
    demand.append([t - d for t, d in zip(total, demand[0], strict=True)])
    after = regulate(pool(schedule, demand, surplus), np.array([first, second]))
    assert after.payments.sum() == 0
    made = np.array(schedule)
    assert -after.payments[2] == pytest.approx(first * made[:, 0].sum(), abs=0.51)
    assert -after.payments[3] == pytest.approx(second * made[:, 1].sum(), abs=0.51)
    runs = made.sum(axis=1) > 0
    assert (after.price[~runs] == 0.25).all()
    assert (after.price[runs] >= min(first, second) * (1 - 1e-12)).all()
    assert (after.price[runs] <= max(first, second) * (1 + 1e-12)).all()


def test_given_prices_by_hand():
    """150 kWh at 0.2, 100 at -0.1 and 0 at 0.9: 30 - 10 of which the plants get 20 - 10 and 10 for 50 kWh.

    The first buyer takes 120, 110 and 10: 24 - 11 + 9. The second takes 30 and sells 10 twice: 6 + 1 - 9.
    """
    kwh = 1_000_000
    before = pool(
        [[100 * kwh, 50 * kwh], [100 * kwh, 0], [0, 0]],
        [[120 * kwh, 110 * kwh, 10 * kwh], [30 * kwh, 0, 0]],
        [[0, 0, 0], [0, 10 * kwh, 10 * kwh]],
    )
    price = np.array([0.2, -0.1, 0.9])
    after = pay_given(before, price)
    assert after.price.tolist() == after.price_low.tolist() == after.price_high.tolist() == price.tolist()
    assert after.payments.tolist() == [22_000_000, -2_000_000, -10_000_000, -10_000_000]
    assert after.schedule_quanta is before.schedule_quanta
    assert (after.welfare, after.method) == (7.0, "exact")


@settings(deadline=None)
@given(st.lists(st.tuples(QUANTA, QUANTA, st.integers(0, 100), st.floats(-2, 2)), min_size=1, max_size=4))
def test_payments_at_given_prices_cancel(periods):
    """Whatever the prices' signs, payments sum to 0 and each party has its own to the rounding."""
    schedule = np.array([[a, b] for a, b, _, _ in periods])
    price = np.array([p for _, _, _, p in periods])
    total = schedule.sum(axis=1)
    first = total * np.array([share for _, _, share, _ in periods]) // 100
    after = pay_given(pool(schedule, [first, total - first], np.zeros((2, len(periods)))), price)
    assert after.payments.sum() == 0
    assert after.payments[0] == pytest.approx(float((first * price).sum()), abs=2)
    assert after.payments[1] == pytest.approx(float(((total - first) * price).sum()), abs=0.51)
    assert -after.payments[2:] == pytest.approx((schedule * price[:, None]).sum(axis=0), abs=0.51)
