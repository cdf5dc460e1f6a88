"""The pure parts of tools/build_data.py: calendar, parsing, joining, quantisation."""

import importlib.util
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

_PATH = Path(__file__).resolve().parent.parent / "tools" / "build_data.py"
_SPEC = importlib.util.spec_from_file_location("build_data", _PATH)
build = importlib.util.module_from_spec(_SPEC)
sys.modules["build_data"] = build
_SPEC.loader.exec_module(build)

SYNPRO = """#General information: a comment
#timestep_sec: 900
YYYYMMDD;hhmmss;unixtimestamp;P_el
"""


def synpro(days, step=900):
    """Return the text of a synPRO table that counts quarter-hours from 0."""
    rows = [f"20210101;000000;{1609455600 + step * i};{i}" for i in range(days * 96)]
    return SYNPRO + "\n".join(rows)


def bdew_2025(value):
    """Return the text of a 2025 standard profile: value(month, column of the month) at every quarter-hour."""
    months = [m for m in build.GERMAN_MONTHS for _ in range(3)]
    cells = ",".join(str(value(i // 3 + 1, i % 3)) for i in range(36))
    header = "," + ",".join(months) + "\n[kWh]," + ",".join(["SA", "FT", "WT"] * 12)
    return header + "\n" + "\n".join(f"q{q},{cells}" for q in range(96))


@pytest.mark.parametrize(
    ("year", "month", "day"), [(2016, 3, 27), (2016, 10, 30), (2021, 3, 28), (2021, 10, 31), (2024, 3, 31)]
)
def test_clocks_change_on_the_last_sunday(year, month, day):
    """Summer time starts and ends on the last Sunday of March and October."""
    assert build.last_sunday(year, month) == date(year, month, day)


def test_legal_clock_of_2016():
    """German clocks run with UTC+1 in winter and four quarter-hours ahead in summer."""
    index = build.legal_index(date(2016, 1, 1), 366)
    ahead = index - np.arange(366 * 96)
    start, end = 86 * 96 + 8, 303 * 96 + 8
    assert set(ahead[:start]) == {0}
    assert set(ahead[start:end]) == {4}
    assert set(ahead[end:]) == {0}


def test_public_holidays_are_those_of_all_germany():
    """Nine days in 2016, of which 1 May and 25 December are Sundays anyway."""
    assert sorted(build.public_holidays(2016)) == [
        *(date(2016, 1, 1), date(2016, 3, 25), date(2016, 3, 28), date(2016, 5, 1), date(2016, 5, 5)),
        *(date(2016, 5, 16), date(2016, 10, 3), date(2016, 12, 25), date(2016, 12, 26)),
    ]


def test_day_kinds_treat_holidays_as_sundays():
    """Good Friday 2016 is a Sunday in winter, the Monday after Easter Monday a Monday in summer."""
    kinds = build.day_kinds(date(2016, 1, 1), 366, frozenset({date(2016, 3, 25)}))
    assert kinds[84] == build.DayKind(6, False)
    assert kinds[85] == build.DayKind(5, False)
    assert kinds[94] == build.DayKind(0, True)


def test_days_are_joined_to_the_nearest_of_their_kind():
    """Same number where the kind agrees, else the nearest around the year; excluded days are never taken."""
    monday, tuesday = build.DayKind(0, False), build.DayKind(1, False)
    source = [monday, tuesday, None, tuesday, tuesday]
    target = [monday, tuesday, tuesday, monday, monday, tuesday]
    assert build.match_days(source, target).tolist() == [0, 1, 1, 0, 0, 1]


def test_a_day_without_any_match_is_refused():
    """A target kind that the source year does not have raises and names the day."""
    with pytest.raises(ValueError, match="no source day is like target day 1"):
        build.match_days([build.DayKind(0, False)], [build.DayKind(0, False), build.DayKind(0, True)])


def test_2021_keeps_its_weeks_in_2016():
    """350 of the 366 days take the day of the same number; every day keeps weekday and summer time."""
    first = date(2021, 1, 1)
    free = build.public_holidays(2021)
    kinds = build.day_kinds(first, 365, frozenset())
    usable = [None if day in free else kind for day, kind in zip(build.dates(first, 365), kinds, strict=True)]
    target = build.day_kinds(date(2016, 1, 1), 366, build.public_holidays(2016))
    days = build.match_days(usable, target)
    assert int((days == np.arange(366)).sum()) == 350
    assert [usable[i] for i in days] == target


def test_synpro_text_is_read_by_its_unix_time():
    """Comments are skipped, the column comes back as whole days."""
    values = build.parse_synpro(synpro(2), "P_el")
    assert values.shape == (2, 96)
    assert values[1, 0] == 96.0


def test_synpro_text_with_a_hole_is_refused():
    """A step other than 900 s, or a part of a day, is not padded but refused."""
    with pytest.raises(ValueError, match="not whole days of 15 minutes"):
        build.parse_synpro(synpro(1, step=3600), "P_el")
    with pytest.raises(ValueError, match="95 rows"):
        build.parse_synpro(synpro(1).rsplit("\n", 1)[0], "P_el")


def test_2025_profile_is_read_by_month_and_day_type():
    """The German header becomes (month, day type)."""
    table = build.parse_bdew_2025(bdew_2025(lambda month, column: 10 * month + column))
    assert len(table) == 36
    assert table[3, "SA"][0] == 30.0
    assert table[12, "WT"].tolist() == [122.0] * 96


def test_2025_profile_of_the_wrong_shape_is_refused():
    """A table with a missing quarter-hour raises."""
    text = bdew_2025(lambda month, column: 1.0).rsplit("\n", 1)[0]
    with pytest.raises(ValueError, match=r"shape \(95, 36\)"):
        build.parse_bdew_2025(text)


def test_1999_profiles_are_read_by_season_and_weekday():
    """The 21 days of the table become (season, weekday 0..6) of each profile."""
    names = ",".join(n.lower() for n in build.BDEW_1999)
    blocks = [(s, w) for s in ("summer", "transition", "winter") for w in range(1, 8)]
    rows = [f"t,{s},{w}," + ",".join([str(w)] * 11) for s, w in blocks for _ in range(96)]
    tables = build.parse_bdew_1999(f",period,weekday,{names}\n" + "\n".join(rows))
    assert set(tables) == set(build.BDEW_1999)
    assert tables["H0"]["winter", 6].tolist() == [7.0] * 96
    with pytest.raises(ValueError, match="winter weekday 7 has 95 rows"):
        build.parse_bdew_1999(f",period,weekday,{names}\n" + "\n".join(rows[:-1]))


@pytest.mark.parametrize(
    ("month", "day", "season"),
    [
        (3, 20, "winter"),
        (3, 21, "transition"),
        (5, 14, "transition"),
        (5, 15, "summer"),
        (9, 14, "summer"),
        (9, 15, "transition"),
        (10, 31, "transition"),
        (11, 1, "winter"),
        (1, 1, "winter"),
    ],
)
def test_seasons_of_1999(month, day, season):
    """Winter 1.11.-20.3., summer 15.5.-14.9., transition between."""
    assert build.season_1999(date(2016, month, day)) == season


def test_day_types_of_2025():
    """Working day, Saturday, Sunday; a holiday counts as a Sunday."""
    assert build.day_type_2025(date(2016, 1, 4), False) == "WT"
    assert build.day_type_2025(date(2016, 1, 2), False) == "SA"
    assert build.day_type_2025(date(2016, 1, 3), False) == "FT"
    assert build.day_type_2025(date(2016, 1, 4), True) == "FT"


def test_means_follow_the_legal_clock():
    """At 00:00 in UTC+1 a summer day shows the mean of 01:00, and its last hour belongs to the next day."""

    def quarter(day, holiday):
        return day.toordinal() * 100.0 + np.arange(96)

    year = build.clock_series(quarter, date(2016, 1, 1), 366, frozenset()).reshape(366, 96)
    assert year[0, 0] == date(2016, 1, 1).toordinal() * 100.0
    assert year[182, 0] == date(2016, 7, 1).toordinal() * 100.0 + 4
    assert year[182, 92] == date(2016, 7, 2).toordinal() * 100.0


def test_utc_becomes_local_time():
    """A value at 11:00 UTC stands at 12:00 in UTC+1."""
    series = np.zeros(96)
    series[44] = 1.0
    assert build.utc_to_local({"pv": series})["pv"].argmax() == 48


def test_simbench_columns_are_relative_and_free_of_noise(tmp_path, monkeypatch):
    """Semicolons are read, -1e-5 becomes 0, a real negative value or a short table is refused."""
    monkeypatch.setattr(build, "N_DAYS", 1)
    path = tmp_path / "LoadProfile.csv"
    path.write_text("time;A_pload;B_pload\n" + "x;0.5;-0.00001\n" * 48 + "x;1;1\n" * 48)
    series = build.parse_simbench(path, ("A", "B"), "_pload")
    assert series["A"][0] == 0.5
    assert series["B"][0] == 0.0
    path.write_text("time;A_pload\n" + "x;-0.5\n" * 48 + "x;1\n" * 48)
    with pytest.raises(ValueError, match=r"A has -0\.5, more than noise below zero"):
        build.parse_simbench(path, ("A",), "_pload")
    path.write_text("time;A_pload\n" + "x;1\n" * 95)
    with pytest.raises(ValueError, match="95 rows, 96 expected"):
        build.parse_simbench(path, ("A",), "_pload")


def test_quantisation_keeps_a_profile_to_two_hundred_thousandths_of_its_peak():
    """Every value comes back within 1.6e-5 of the peak, the peak exactly."""
    values = np.random.default_rng(1).random(96) * 7.0
    steps = build.quantise(values)
    assert steps.dtype == np.int16
    assert steps.max() == 32767
    assert np.abs(steps * (values.max() / 32767) - values).max() < 1.6e-5 * values.max()


@pytest.mark.parametrize("bad", [[0.0, 0.0], [1.0, -1.0], [1.0, np.nan]])
def test_quantisation_refuses_what_is_no_profile(bad):
    """All zero, negative or not a number raises."""
    with pytest.raises(ValueError, match="finite, >= 0 and not all zero"):
        build.quantise(np.array(bad))


def test_files_are_the_same_bytes_each_time(tmp_path):
    """Two runs write equal Parquet and CSV files, and the lines describe the series."""
    series = {"a": np.arange(96.0), "b": np.full(96, 2.0)}
    lines = build.write_profiles(tmp_path / "x.parquet", series, "metered", 4.0)
    build.write_profiles(tmp_path / "y.parquet", series, "metered", 4.0)
    build.write_csv(tmp_path / "x.csv", lines)
    assert (tmp_path / "x.parquet").read_bytes() == (tmp_path / "y.parquet").read_bytes()
    assert lines[1] == {
        **{"file": "x.parquet", "profile": "b", "kind": "metered"},
        **{"full_load_hours": "12.0", "peak_to_mean": "1.00"},
    }
    assert (tmp_path / "x.csv").read_text().splitlines()[2] == "x.parquet,b,metered,12.0,1.00"
    field = pq.read_schema(tmp_path / "x.parquet").field("b")
    assert field.metadata == {b"full_load_hours": b"12.0"}


def test_a_missing_package_is_named():
    """The remedy points to the top of the script."""
    with pytest.raises(FileNotFoundError, match="package no_such_data is not installed: see the top of"):
        build.package_root("no_such_data")
