"""Base profiles, like days and tables of expected loads."""

from datetime import date

import numpy as np
import pytest

from gridagora.agents.profiles import DayTables, Profiles

#: Monday 9 May 2016; Whit Monday, 16 May, is a public holiday in Germany.
FIRST = date(2016, 5, 9)
DAYS, PERIODS = 14, 24


@pytest.fixture
def profiles():
    """Return two profiles whose value is the number of the hour of the data, in the second plus 1000."""
    hours = np.arange(DAYS * PERIODS, dtype=float).reshape(DAYS, PERIODS)
    return Profiles(("flat", "steep"), np.stack([hours, hours + 1000]), FIRST)


def test_a_day_of_the_data(profiles):
    """11 May is day 2: its first hour is number 48."""
    assert profiles.index(date(2016, 5, 11)) == 2
    assert (profiles.of_day(date(2016, 5, 11)) == [np.arange(48, 72), np.arange(1048, 1072)]).all()
    assert profiles.index(FIRST) == 0
    assert profiles.index(date(2016, 5, 22)) == 13


@pytest.mark.parametrize("day", [date(2016, 5, 8), date(2016, 5, 23), date(2017, 5, 9)])
def test_a_day_outside_the_data_is_refused(profiles, day):
    """The message names the day, the range and the keys to change."""
    text = f"^{day}: the profiles run from 2016-05-09 to 2016-05-22; move time.start or time.days$"
    with pytest.raises(ValueError, match=text):
        profiles.index(day)


@pytest.mark.parametrize(
    ("day", "like"),
    [
        (date(2016, 5, 9), [0, 1, 2, 3]),
        (date(2016, 5, 11), [0, 1, 2, 3, 4]),
        (date(2016, 5, 14), [5, 12]),
        (date(2016, 5, 15), [6, 7, 13]),
        (date(2016, 5, 16), [6, 7, 13]),
        (date(2016, 5, 17), [8, 9, 10, 11]),
        (date(2016, 5, 22), [6, 7, 13]),
    ],
)
def test_like_days(profiles, day, like):
    """Workdays reach three days, Saturdays a week, Sundays and holidays a week and one another."""
    assert DayTables(profiles, 1).like_days(day).tolist() == like


@pytest.mark.parametrize(("reach", "shifts"), [(0, 1), (1, 3), (12, 25)])
def test_displacements_go_both_ways(profiles, reach, shifts):
    """A reach of one period allows three displacements: earlier, none, later."""
    assert DayTables(profiles, reach).shifts == shifts


def test_table_of_expected_loads(profiles):
    """Row (profile x candidates + candidate) x displacements + displacement holds the displaced hours.

    Saturday 14 May may be taken from days 5 and 12, whose first hours are 120 and 288.
    """
    table, candidates = DayTables(profiles, 1).expected(date(2016, 5, 14))
    assert candidates == 2
    assert table.shape == (2 * 2 * 3, PERIODS)
    firsts = [119, 120, 121, 287, 288, 289]
    assert table[:, 0].tolist() == [*firsts, *(first + 1000 for first in firsts)]
    assert (table == table[:, :1] + np.arange(PERIODS)).all()


def test_data_end_with_their_first_and_last_value(profiles):
    """An hour before the data counts as their first hour, one after them as their last."""
    tables = DayTables(profiles, 2)
    monday, candidates = tables.expected(FIRST)
    assert candidates == 4
    assert monday[0].tolist() == [0, 0, *range(22)]
    sunday, candidates = tables.expected(date(2016, 5, 22))
    last = sunday[2 * 5 + 4]
    assert candidates == 3
    assert last.tolist() == [*range(314, 336), 335, 335]


def test_without_displacement_a_day_keeps_its_energy(profiles):
    """Each row of the table sums to the energy of the day it is taken from."""
    table, _ = DayTables(profiles, 0).expected(date(2016, 5, 11))
    energy = profiles.values[:, [0, 1, 2, 3, 4]].sum(axis=2)
    assert (table.sum(axis=1) == energy.ravel()).all()
