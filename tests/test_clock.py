from datetime import date, datetime

import numpy as np
import pytest

from gridagora.sim.clock import Calendar, Day


def test_a_day_knows_its_date_month_type_and_place():
    """31 December 2016 is a Saturday, the last day of its month and the 366th of a leap year."""
    calendar = Calendar(start=date(2016, 12, 30), days=4, period_minutes=15)
    assert calendar.day(1) == Day(
        index=1,
        date=date(2016, 12, 31),
        month_index=0,
        weekday=5,
        day_type="saturday",
        is_month_end=True,
        day_of_year=365,
    )
    assert calendar.day(2).month_index == 1
    assert calendar.day(2).day_of_year == 0


def test_public_holidays_count_as_sundays():
    """26 December 2016 is a Monday and a holiday in Germany, a working day in China."""
    assert Calendar(date(2016, 12, 26), 1, 60).day(0).day_type == "sunday"
    assert Calendar(date(2016, 12, 26), 1, 60, country="CN").day(0).day_type == "workday"
    assert Calendar(date(2016, 12, 25), 1, 60, country="CN").day(0).day_type == "sunday"


def test_a_run_ends_with_a_month_end():
    """The last day of a run is a month end, so that open bills are closed."""
    calendar = Calendar(date(2016, 6, 1), 7, 15)
    assert [calendar.day(i).is_month_end for i in range(7)] == [False] * 6 + [True]


@pytest.mark.parametrize(
    ("minutes", "periods", "hours"), [(5, 288, 1 / 12), (15, 96, 0.25), (30, 48, 0.5), (60, 24, 1)]
)
def test_periods_fill_the_day(minutes, periods, hours):
    """Periods of 5, 15, 30 and 60 minutes give 288, 96, 48 and 24 a day."""
    calendar = Calendar(date(2016, 3, 27), 2, minutes)
    assert calendar.periods_per_day == periods
    assert calendar.hours_per_period == pytest.approx(hours, rel=1e-15)
    times = calendar.times(1)
    assert times.dtype == np.dtype("datetime64[m]")
    assert times.shape == (periods,)
    assert times[0] == np.datetime64("2016-03-28T00:00")
    assert times[-1] + np.timedelta64(minutes, "m") == np.datetime64("2016-03-29T00:00")


def test_no_hour_is_lost_to_summer_time():
    """On 27 March 2016, when German clocks jump, every quarter-hour is there once."""
    assert set(np.diff(Calendar(date(2016, 3, 27), 1, 15).times(0)).astype(int)) == {15}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"period_minutes": 10}, "period_minutes: given 10; allowed: 5, 15, 30, 60"),
        ({"days": 0}, "days: given 0; allowed: a whole number of at least 1"),
        ({"days": True}, "days: given True"),
        ({"days": 1.5}, "days: given 1.5"),
        ({"start": datetime(2016, 1, 1)}, "start: given datetime"),
        ({"start": "2016-01-01"}, "start: given '2016-01-01'"),
        ({"country": "XX"}, "country: given 'XX'; allowed: AD"),
    ],
)
def test_bad_values_are_refused(changed, message):
    """Each refusal names the field, the value and what is allowed."""
    with pytest.raises(ValueError, match=message):
        Calendar(**{"start": date(2016, 1, 1), "days": 1, "period_minutes": 15, **changed})


@pytest.mark.parametrize("index", [-1, 3])
def test_days_outside_the_run_do_not_exist(index):
    """A run of three days has the days 0 to 2."""
    calendar = Calendar(date(2016, 1, 1), 3, 15)
    for ask in (calendar.day, calendar.times):
        with pytest.raises(IndexError, match="allowed: 0 to 2"):
            ask(index)
