"""Rules that call event days, baselines and peak-time rebates."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gridagora.markets.tariffs.event_calls import call_by_threshold, call_highest, call_thresholds
from gridagora.markets.tariffs.metered import Meter
from gridagora.markets.tariffs.rebate import Baseline, PeakTimeRebate
from gridagora.sim.clock import Calendar

#: Monday 3 to Tuesday 18 March 2025: eleven workdays come before Tuesday.
MARCH = Calendar(date(2025, 3, 3), 16, 60)
EVENT = date(2025, 3, 18)


def rebate(**changed):
    """Return a rebate of 1.5 a kWh from 17:00 to 19:00 on 18 March 2025."""
    return PeakTimeRebate(
        **{"rebate_per_kwh": 1.5, "event_days": (EVENT,), "event_windows": ["17:00-19:00"], **changed}
    )


def use(workday=2.0, event=1.2):
    """Return a meter of so much an hour on workdays, 9 at the weekend, and `event` in the event."""
    hours = np.full((16, 24), workday)
    hours[[5, 6, 12, 13]] = 9.0
    hours[15, 17:19] = event
    return Meter(MARCH, hours.ravel())


def test_highest_forecasts():
    """Of 5, 9, 7, 9 the two nines are called, of three equals the first two."""
    assert call_highest([5, 9, 7, 9], 2).tolist() == [False, True, False, True]
    assert call_highest([4, 4, 4], 2).tolist() == [True, True, False]


def test_thresholds_by_hand():
    """Peaks of 1, 2, 3 alike: one call is worth 2, 7/3, 23/9 with 1, 2, 3 days, two calls 4, 41/9 with 2, 3."""
    thresholds = call_thresholds([1, 2, 3], 4, 2)
    assert thresholds[0] == pytest.approx([0, 2, 7 / 3, 23 / 9])
    # V(2, 2) = 4 and V(2, 3) = E max(x + 7/3, 4) = (4 + 13/3 + 16/3) / 3 = 41/9.
    assert thresholds[1] == pytest.approx([0, 0, 4 - 7 / 3, 41 / 9 - 23 / 9])


def test_optimal_stopping_of_uniform_peaks():
    """With uniform peaks one call is worth 1/2, 5/8, 89/128 with 1, 2, 3 days (Moser, 1956)."""
    sample = (np.arange(10_000) + 0.5) / 10_000
    assert call_thresholds(sample, 4, 1)[0] == pytest.approx([0, 1 / 2, 5 / 8, 89 / 128], abs=1e-4)


def test_calls_on_the_day_before():
    """One call in 3, 2, 2.5, 1: 3 passes 23/9 and is taken; of 2, 2, 1, 1 nothing passes until the last day."""
    assert call_by_threshold([3, 2, 2.5, 1], [1, 2, 3], 1).tolist() == [True, False, False, False]
    assert call_by_threshold([2, 2, 1, 1], [1, 2, 3], 1).tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: call_highest([1, 2], 3), "calls: given 3; allowed 1 to 2, the number of days"),
        (lambda: call_highest([1, 2], 0), "calls: given 0"),
        (lambda: call_highest([1, float("nan")], 1), "forecast_kw: given shape .* not finite; allowed finite"),
        (lambda: call_highest([], 1), "forecast_kw"),
        (lambda: call_thresholds([-1, 2], 3, 1), "sample_kw: given -1; allowed at least 0"),
        (lambda: call_by_threshold([1, 2], [], 1), "sample_kw"),
    ],
)
def test_calls_refused(call, text):
    """More calls than days, none, and forecasts that are missing are refused."""
    with pytest.raises(ValueError, match=text):
        call()


PEAKS = st.lists(st.integers(0, 9), min_size=1, max_size=12)


@given(PEAKS, PEAKS, st.data())
def test_laws_of_the_rules(forecast, sample, data):
    """Both rules call exactly so many days, and foresight calls the higher ones."""
    calls = data.draw(st.integers(1, len(forecast)))
    best, real = call_highest(forecast, calls), call_by_threshold(forecast, sample, calls)
    assert best.sum() == real.sum() == calls
    assert np.array(forecast)[best].sum() >= np.array(forecast)[real].sum()


def test_baseline_by_hand():
    """Days of 2 and 4 average 3; the morning's 5 instead of 3 shifts by 2, capped at 0.2 x 3 either way."""
    past, today = np.array([[2.0] * 24, [4.0] * 24]), np.full(24, 5.0)
    assert Baseline().estimate(past, today).tolist() == [3.0] * 24
    adjusted = Baseline(adjustment_windows=["08:00-10:00"])
    assert adjusted.estimate(past, today) == pytest.approx(np.full(24, 3.6))
    assert adjusted.estimate(past, np.full(24, 3.3)) == pytest.approx(np.full(24, 3.3))
    assert adjusted.estimate(past, np.zeros(24)) == pytest.approx(np.full(24, 2.4))


def test_rebate_by_hand():
    """Ten workdays of 2 kWh an hour and 1.2 in two event hours: 1.6 below, 2.40 paid; weekends do not count."""
    bill = rebate().bill(use())
    assert [(line.line, line.account, line.unit) for line in bill] == [("rebate on 2025-03-18", "retail", "kWh")]
    assert (bill[0].quantity, bill[0].price, bill[0].amount) == (pytest.approx(1.6), -1.5, -2.4)
    price = rebate().marginal_price(use())
    assert np.flatnonzero(price).tolist() == [15 * 24 + 17, 15 * 24 + 18]
    assert price.max() == 1.5


def test_who_uses_more_pays_nothing():
    """Above the baseline there is neither line nor price; nor for an event outside the series."""
    assert rebate().bill(use(event=3.0)) == []
    assert not rebate().marginal_price(use(event=3.0)).any()
    assert rebate(event_days=(date(2026, 3, 18),)).bill(use()) == []


def test_event_days_are_no_days_of_the_baseline():
    """With Monday an event as well, Tuesday's baseline leaves it out: it still holds ten days of 2 kWh."""
    hours = use().withdrawal_kwh.reshape(16, 24).copy()
    hours[14] = 0.0
    tariff = rebate(event_days=(date(2025, 3, 17), EVENT))
    assert [line.quantity for line in tariff.bill(Meter(MARCH, hours.ravel()))] == pytest.approx([4.0, 1.6])


def test_cost_of_an_erring_baseline():
    """It would have used 1.5 an hour: 0.6 kWh are saved, 1.6 paid, so 1.0 x 1.5 is paid for nothing."""
    assert rebate().error_cost(use(), np.full(16 * 24, 1.5)) == pytest.approx(1.5)
    assert rebate().error_cost(use(), np.full(16 * 24, 2.0)) == pytest.approx(0.0)


def test_too_few_days():
    """Twelve days back there are only so many workdays."""
    text = "baseline of 2025-03-18: given 11 similar days before it; allowed at least 12; begin the series earlier"
    with pytest.raises(ValueError, match=text):
        rebate(baseline=Baseline(days=12)).bill(use())


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"event_days": ()}, "event_days"),
        ({"event_days": (EVENT, EVENT)}, "event_days: given 2 that repeat or fall; allowed rising; sort them"),
        ({"event_windows": []}, "event_windows"),
        ({"rebate_per_kwh": 0.0}, "rebate_per_kwh"),
        (
            {"baseline": Baseline(adjustment_windows=["16:00-18:00"])},
            r"adjustment_windows: given \['16:00-18:00'\], within the event",
        ),
    ],
)
def test_rebate_refuses(changed, text):
    """No days, no windows, no rebate, or a baseline that the response shifts."""
    with pytest.raises(ValidationError, match=text):
        rebate(**changed)


@given(st.lists(st.floats(0, 5), min_size=2, max_size=2), st.floats(0, 3))
def test_rebate_falls_with_use_and_is_never_negative(event, more):
    """Using more in the event lowers the rebate, down to nothing."""

    def paid(kwh):
        return -sum(line.amount for line in rebate().bill(use(event=kwh)))

    assert 0 <= paid(np.array(event) + more) <= paid(np.array(event)) <= 2 * 2 * 1.5


@given(st.integers(0, 5), st.integers(0, 1))
def test_price_of_a_rebate_is_its_slope(kwh, hour):
    """A 64th of a kWh more in an event hour costs its share of the marginal price."""
    before, after = use(event=kwh / 2), use(event=np.where(np.arange(2) == hour, kwh / 2 + 1 / 64, kwh / 2))
    amounts = [sum(line.amount for line in rebate().bill(meter)) for meter in (before, after)]
    price = rebate().marginal_price(before)[15 * 24 + 17 + hour]
    assert (amounts[1] - amounts[0]) * 64 == pytest.approx(price, abs=1e-3)
