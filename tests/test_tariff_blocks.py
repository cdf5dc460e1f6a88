"""Increasing blocks: the published ladder of Beijing, accumulation, free quota, refusals."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gridagora.markets.tariffs.blocks import IncreasingBlocks
from gridagora.markets.tariffs.combined import CombinedTariff
from gridagora.markets.tariffs.metered import Context, Meter
from gridagora.markets.tariffs.seasonal import ScheduledTariff
from gridagora.markets.tariffs.time_of_use import TimeOfUse
from gridagora.sim.clock import Calendar

ZHEJIANG = IncreasingBlocks(
    limits_kwh=(2760.0, 4800.0), prices_per_kwh=(0.538, 0.588, 0.838), accumulate="year"
)  # 0.538 and the limits were in the press of 2012, the adders 0.05 and 0.30 are national


def january(kwh, days=31):
    """Return an hourly meter that uses so much at noon of 1 January 2025, and nothing else."""
    used = np.zeros(24 * days)
    used[12] = kwh
    return Meter(Calendar(date(2025, 1, 1), days, 60), used)


def shown(bill):
    """Return name, quantity, price and amount of each line."""
    return [(line.line, line.quantity, line.price, line.amount) for line in bill]


@pytest.mark.parametrize(
    ("kwh", "amount"), [(200, 97.66), (240, 117.192), (320, 160.256), (400, 203.32), (500, 282.15)]
)
def test_ladder_of_beijing(kwh, amount):
    """0.4883, 0.5383 and 0.7883 to 240, 400 and beyond in a month give the five bills of O37."""
    ladder, meter = IncreasingBlocks(), january(kwh)
    assert sum(line.amount for line in ladder.bill(meter)) == pytest.approx(amount, abs=1e-6)
    assert ladder.amounts(kwh) == pytest.approx(amount, abs=1e-9)
    assert ladder.revenue(meter) == {"retail": pytest.approx(amount, abs=1e-6)}
    assert ladder.average_price(meter) == pytest.approx(amount / kwh, abs=1e-8)


def test_lines_of_the_ladder():
    """500 kWh: 240 at 0.4883, 160 at 0.5383, 100 at 0.7883; the next one costs 0.7883."""
    bill = IncreasingBlocks().bill(january(500))
    assert shown(bill) == [
        ("block 1, 2025-01", 240.0, 0.4883, 117.192),
        ("block 2, 2025-01", 160.0, 0.5383, 86.128),
        ("block 3, 2025-01", 100.0, 0.7883, 78.83),
    ]
    assert {(line.account, line.unit) for line in bill} == {("retail", "kWh")}
    assert (IncreasingBlocks().marginal_price(january(500)) == 0.7883).all()


def test_price_of_the_next_kwh():
    """At a limit the next kWh is in the next block."""
    assert IncreasingBlocks().next_price([0, 239.9, 240, 400, 1e9]).tolist() == [0.4883, 0.4883, 0.5383, 0.7883, 0.7883]
    assert IncreasingBlocks(free_kwh=15.0).next_price([0, 14.9, 15]).tolist() == [0.0, 0.0, 0.4883]


def test_free_quota():
    """Of 100 kWh, 15 are free and 85 cost 41.5055."""
    assert shown(IncreasingBlocks(free_kwh=15.0).bill(january(100))) == [
        ("free quota, 2025-01", 15.0, 0.0, 0.0),
        ("block 1, 2025-01", 85.0, 0.4883, 41.5055),
    ]


def test_months_begin_anew_and_years_add_up():
    """300 kWh in January and in February are twice 60 in block 2 by month; by year 600 fill limits of 300 and 500."""
    used = np.zeros(24 * 59)
    used[0], used[24 * 31] = 300.0, 300.0
    meter = Meter(Calendar(date(2025, 1, 1), 59, 60), used)
    assert [line[:2] for line in shown(IncreasingBlocks().bill(meter))] == [
        ("block 1, 2025-01", 240.0),
        ("block 2, 2025-01", 60.0),
        ("block 1, 2025-02", 240.0),
        ("block 2, 2025-02", 60.0),
    ]
    yearly = IncreasingBlocks(limits_kwh=(300.0, 500.0), accumulate="year")
    assert shown(yearly.bill(meter)) == [
        ("block 1, 2025", 300.0, 0.4883, 146.49),
        ("block 2, 2025", 200.0, 0.5383, 107.66),
        ("block 3, 2025", 100.0, 0.7883, 78.83),
    ]
    assert (yearly.marginal_price(meter) == 0.7883).all()


def test_use_before_the_series_fills_the_first_span_only():
    """With 230 kWh used before, 20 in January are 10 in each block; February begins at 0."""
    used = np.zeros(48)
    used[0], used[24] = 20.0, 20.0
    meter = Meter(Calendar(date(2025, 1, 31), 2, 60), used)
    context = Context(used_before_kwh=230.0)
    assert shown(IncreasingBlocks().bill(meter, context)) == [
        ("block 1, 2025-01", 10.0, 0.4883, 4.883),
        ("block 2, 2025-01", 10.0, 0.5383, 5.383),
        ("block 1, 2025-02", 20.0, 0.4883, 9.766),
    ]
    assert IncreasingBlocks().marginal_price(meter, context).tolist() == [0.5383] * 24 + [0.4883] * 24


def test_ladder_of_zhejiang():
    """5 000 kWh in a year: 2 760 at 0.538, 2 040 at 0.588, 200 at 0.838, in sum 2 852.00."""
    assert ZHEJIANG.amounts([2760, 4800, 5000]) == pytest.approx([1484.88, 2684.4, 2852.0])


def test_ladder_on_top_of_time_of_use():
    """300 kWh by day at 0.5583 with an adder of 0.05 from 240 on cost 167.49 and 3; at noon the next one 0.6083."""
    windows = {"peak": ["08:00-22:00"], "valley": ["22:00-08:00"]}
    prices = TimeOfUse(
        energy_per_kwh={"peak": 0.5583, "valley": 0.3583}, windows=windows, network_per_kwh=0.0, levy_per_kwh=0.0
    )
    tariff = CombinedTariff(
        parts=(ScheduledTariff(prices=prices), IncreasingBlocks(prices_per_kwh=(0.0, 0.05, 0.30))),
    )
    assert [(name, kwh, amount) for name, kwh, _, amount in shown(tariff.bill(january(300)))] == [
        ("energy peak", 300.0, 167.49),
        ("block 1, 2025-01", 240.0, 0.0),
        ("block 2, 2025-01", 60.0, 3.0),
    ]
    assert tariff.marginal_price(january(300))[[12, 23]] == pytest.approx([0.6083, 0.4083])


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"limits_kwh": (400.0, 240.0)}, r"limits_kwh: given \(400.0, 240.0\); allowed above 0 and each above"),
        ({"limits_kwh": (240.0, 240.0)}, "limits_kwh: given"),
        ({"limits_kwh": (0.0, 240.0)}, "limits_kwh: given"),
        ({"prices_per_kwh": (0.5, 0.6)}, "prices_per_kwh: given 2; allowed 3, one more than limits_kwh"),
        ({"prices_per_kwh": (0.5, 0.4, 0.6)}, "prices_per_kwh: given .* none below the one before"),
        ({"prices_per_kwh": (-0.1, 0.4, 0.6)}, "prices_per_kwh: given .* allowed at least 0"),
        ({"prices_per_kwh": (0.1, float("nan"), 0.6)}, "finite"),
        ({"free_kwh": 300.0}, "free_kwh: given 300; allowed 0 to the first limit, 240"),
        ({"free_kwh": -1.0}, "free_kwh"),
        ({"limits_kwh": ()}, "limits_kwh"),
    ],
)
def test_refused(values, text):
    """Limits that do not rise, prices that fall or are too few, and quotas out of range are refused."""
    with pytest.raises(ValidationError, match=text):
        IncreasingBlocks(**values)


KWH = st.floats(0, 2000, allow_subnormal=False)


@given(KWH, KWH, st.floats(0, 1), st.floats(0, 200))
def test_bill_is_convex_and_its_mean_price_below_the_next(low, high, weight, free):
    """A mixture of two uses costs no more than the mixture of their bills; average is at most marginal."""
    ladder = IncreasingBlocks(free_kwh=free)
    between = weight * low + (1 - weight) * high
    assert ladder.amounts(between) <= weight * ladder.amounts(low) + (1 - weight) * ladder.amounts(high) + 1e-9
    assert ladder.amounts(high) <= float(ladder.next_price(high)) * high + 1e-9


@given(KWH, KWH)
def test_bill_is_continuous_monotone_and_adds_up_over_time(first, second):
    """Using more costs more, by at most the dearest price; a use billed in two steps costs the same."""
    ladder = IncreasingBlocks()
    step = ladder.amounts(second, first)
    assert 0.4883 * second - 1e-9 <= step <= 0.7883 * second + 1e-9
    assert ladder.amounts(first) + step == pytest.approx(float(ladder.amounts(first + second)), abs=1e-9)
    assert ladder.energies(second, first).sum() == pytest.approx(second, abs=1e-9)
