"""Key figures by year: sums between marks, and calendars that go over their days again."""

from datetime import date

import numpy as np
import pytest

from gridagora.scenarios.horizon import choose
from gridagora.scenarios.years import YearMarks
from gridagora.sim.clock import Calendar


def test_marks():
    """Bills of 3 and then 10 in all are 3 and 7 of two years; a line of the second year alone counts whole."""
    marks, key, late = YearMarks(), ("households", "flat", "levy", "kWh"), ("households", "flat", "fee", "day")
    sums = {key: [30.0, 3.0]}
    marks.note(0, sums, [5.0, 0.0])
    sums[key][0], sums[key][1], sums[late] = 90.0, 10.0, [2.0, 1.0]
    marks.note(1, sums, [9.0, 1.0])
    assert marks.bills(0)["amount"].tolist() == [3.0]
    second = marks.bills(1)
    assert (second["line"], second["tariff"]) == (["levy", "fee"], ["flat", "flat"])
    assert (second["quantity"].tolist(), second["amount"].tolist()) == ([60.0, 2.0], [7.0, 1.0])
    assert [marks.generated(year).tolist() for year in (0, 1)] == [[5.0, 0.0], [4.0, 1.0]]


def test_calendar_of_years():
    """Day 366 is 1 January again, of the second year; months end with their last day chosen."""
    calendar = Calendar(date(2016, 1, 1), 366, 60, chosen=(3, 40, 366 + 3, 366 + 40), years=2)
    assert calendar.total == 732
    days = [calendar.day(number) for number in calendar.simulated]
    assert [(day.year, day.month_index) for day in days] == [(0, 0), (0, 1), (1, 12), (1, 13)]
    assert all(day.is_month_end for day in days)
    assert days[2].date == days[0].date == date(2016, 1, 4)
    assert (calendar.times(369) == calendar.times(3)).all()
    again = Calendar(date(2016, 1, 1), 366, 60, chosen=(3, 366 + 3), years=2)
    assert again.day(3).is_month_end  # the next day simulated is of the same month, a year later
    assert len(Calendar(date(2016, 6, 6), 7, 60, years=3).simulated) == 21
    with pytest.raises(IndexError, match="allowed: 0 to 731"):
        calendar.day(732)
    for years in (0, 1.5, True):
        with pytest.raises(ValueError, match="years: given"):
            Calendar(date(2016, 1, 1), 366, 60, years=years)


def test_days_of_each_year():
    """Two of three days, in each of two years: the same days with their weights within the year, numbered on."""
    load = np.array([[1.0], [1.0], [9.0]])
    horizon = choose(load, np.zeros((3, 1)), 2, 2, each_year=True)
    assert (horizon.days.tolist(), horizon.weights.tolist()) == ([0, 2, 3, 5], [2, 1, 2, 1])
    assert horizon.stand_in.tolist() == [0, 0, 2, 3, 3, 5]
    assert (horizon.years, horizon.total_days) == (1, 6)
    assert choose(load, np.zeros((3, 1)), 2, 2).total_days == 6
