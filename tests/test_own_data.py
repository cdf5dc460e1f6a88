"""Users' own files: what is read from them, and what is refused."""

# ruff: noqa: PD011

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gridagora.agents.profiles import DayTables
from gridagora.scenarios.data_file import MAX_ALIKE, DataFileError, zone_of
from gridagora.scenarios.own_data import DataFile, OwnSeries, as_profiles, read_series
from gridagora.scenarios.yaml_lines import parse

NEW_YEAR = date(2016, 1, 1)


def spec(**keys):
    """Return a specification of hourly load in kWh, stamped in column `time`."""
    return DataFile(**{"path": "own.csv", "kind": "load", "unit": "kWh", "resolution_minutes": 60, **keys})


def stamps(n, minutes=60, first="2016-01-01"):
    """Return texts of n stamps."""
    return [str(t)[:16] for t in pd.date_range(first, periods=n, freq=f"{minutes}min")]


def write(folder, table, name="own.csv"):
    """Write a mapping of column to values, or lines as they are."""
    if isinstance(table, str):
        folder.joinpath(name).write_text(table, encoding="utf-8")
    elif name.endswith(".csv"):
        pd.DataFrame(table).to_csv(folder / name, index=False)
    else:
        pd.DataFrame(table).to_parquet(folder / name)


def day(folder, table, n_days=1, period=60, first=NEW_YEAR, **keys):
    """Write a table and read it."""
    write(folder, table)
    return read_series(spec(**keys), folder, first, n_days, period)


def refused(folder, table, **keys):
    """Write a table that is refused and return the problems."""
    with pytest.raises(DataFileError) as info:
        day(folder, table, **keys)
    assert str(info.value).splitlines() == info.value.problems
    return info.value.problems


@pytest.mark.parametrize("name", ["own.csv", "own.parquet"])
def test_columns_become_series(tmp_path, name):
    """Two of three columns come in the order asked for, in kWh per period, with their energy."""
    table = {"time": pd.date_range("2016-01-01", periods=48, freq="h"), "a": range(48), "b": 0.5, "c": 2}
    write(tmp_path, table, name)
    wanted = spec(path=name, columns=("c", "a"), time_column="time")
    series = read_series(wanted, tmp_path, date(2016, 1, 2), 1, 60)
    assert (series.kind, series.names, series.first_day) == ("load", ("c", "a"), date(2016, 1, 2))
    assert series.values.shape == (2, 1, 24)
    assert series.values[1, 0].tolist() == list(range(24, 48))
    assert series.annual_kwh.tolist() == [48.0, sum(range(24, 48))]
    assert not series.values.flags.writeable
    assert read_series(spec(path=name, time_column="time"), tmp_path, NEW_YEAR, 2, 60).names == ("a", "b", "c")


@pytest.mark.parametrize(
    ("unit", "kwh"), [("kWh", 4.0), ("MWh", 4000.0), ("Wh", 0.004), ("kW", 1.0), ("MW", 1000.0), ("W", 0.001)]
)
def test_energy_and_power(tmp_path, unit, kwh):
    """A quarter-hour of 4 kW has 1 kWh, one of 4 kWh has 4; an hour has the sum, five minutes a third."""
    table = {"a": [4.0] * 96}
    keys = {"unit": unit, "resolution_minutes": 15}
    assert day(tmp_path, table, period=15, **keys).values[0, 0, 7] == pytest.approx(kwh, rel=1e-15)
    assert day(tmp_path, table, period=60, **keys).values[0, 0, 7] == pytest.approx(4 * kwh, rel=1e-15)
    assert day(tmp_path, table, period=5, **keys).values[0, 0, 7] == pytest.approx(kwh / 3, rel=1e-15)


def test_prices_and_weather_hold(tmp_path):
    """A price of 100 per MWh is 0.1 per kWh in every quarter of its hour, or negative; 10-minute values average."""
    prices = {"p": [100.0, -20.0] * 12}
    series = day(tmp_path, prices, kind="price", unit="currency/MWh", period=15)
    assert series.values[0, 0, :8].tolist() == [0.1] * 4 + [-0.02] * 4
    kelvin = {"t": [-3.0, 0.0, 3.0, 6.0, 9.0, 12.0] * 24}
    weather = day(tmp_path, kelvin, kind="weather", unit="degC", resolution_minutes=10, period=30)
    assert weather.values[0, 0, :3].tolist() == [0.0, 9.0, 0.0]
    with pytest.raises(ValueError, match=r"kind: given weather; allowed load, pv"):
        _ = weather.annual_kwh


def test_ten_minutes_on_quarter_hours(tmp_path):
    """Where neither step divides the other, power holds: 1 and 2 kWh in 10 minutes are 1 + 1 and 1 + 3 halves."""
    series = day(tmp_path, {"a": [1.0, 2.0, 3.0] * 48}, resolution_minutes=10, period=15)
    assert series.values[0, 0, :2].tolist() == [2.0, 4.0]
    assert series.annual_kwh[0] == 288.0


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    resolution=st.sampled_from([1, 5, 10, 15, 30, 60]),
    period=st.sampled_from([5, 15, 30, 60]),
    unit=st.sampled_from(["kW", "kWh"]),
    label=st.sampled_from(["left", "right"]),
    seed=st.integers(0, 1000),
)
def test_energy_is_kept(tmp_path, resolution, period, unit, label, seed):
    """Whatever the steps and labels, the energy of the day is that of its rows."""
    rows = 1440 // resolution
    values = np.random.default_rng(seed).integers(0, 1000, rows)
    first = pd.Timestamp("2016-01-01") + pd.Timedelta(minutes=resolution * (label == "right"))
    table = {"time": stamps(rows, resolution, first), "a": values}
    keys = {"unit": unit, "resolution_minutes": resolution, "label": label, "time_column": "time"}
    series = day(tmp_path, table, period=period, **keys)
    assert series.annual_kwh[0] == pytest.approx(values.sum() * (resolution / 60 if unit == "kW" else 1), rel=1e-12)


def test_right_labels_mark_the_end(tmp_path):
    """The row stamped 01:00 is the hour from 00:00 when stamps mark ends."""
    table = {"time": stamps(24, first="2016-01-01 01:00"), "a": range(24)}
    assert day(tmp_path, table, time_column="time", label="right").values[0, 0].tolist() == list(range(24))


def berlin(first, last):
    """Return UTC instants of every hour and their texts on Berlin's clocks."""
    utc = pd.date_range(first, last, freq="h", tz="UTC")
    return utc, [str(t)[:16] for t in utc.tz_convert("Europe/Berlin")]


@pytest.mark.parametrize("label", ["left", "right"])
def test_summer_time_is_taken_out(tmp_path, label):
    """A year of Berlin's legal time, with 23 and 25 hours, becomes 366 days of standard time in the right order."""
    utc, texts = berlin("2015-12-31 23:00", "2016-12-31 22:00")
    if label == "right":
        texts = [str(t)[:16] for t in (utc + pd.Timedelta(hours=1)).tz_convert("Europe/Berlin")]
    table = {"time": texts, "a": range(8784)}
    assert len(set(texts)) == 8783
    series = day(tmp_path, table, n_days=366, time_column="time", time_zone="Europe/Berlin", label=label)
    assert series.values.ravel().tolist() == list(range(8784))


def test_clock_of_the_run(tmp_path):
    """UTC stamps move to the run's clock: 16:00 UTC on the day before is midnight of China."""
    table = {"time": stamps(24, first="2015-12-31 16:00"), "a": range(24)}
    series = day(tmp_path, table, time_column="time", time_zone="UTC", clock="+08:00")
    assert series.values[0, 0, :3].tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["own.csv", "own.parquet"])
def test_stamps_with_an_offset(tmp_path, name):
    """Stamps that carry an offset are taken at it and moved to the zone's standard time."""
    utc, _ = berlin("2016-07-01 23:00", "2016-07-02 22:00")
    local = utc.tz_convert("Europe/Berlin")
    table = {"time": local if name.endswith("parquet") else [t.isoformat() for t in local], "a": range(24)}
    write(tmp_path, table, name)
    wanted = spec(path=name, time_column="time", time_zone="Europe/Berlin")
    assert read_series(wanted, tmp_path, date(2016, 7, 2), 1, 60).values[0, 0].tolist() == list(range(24))


def test_southern_summer_time(tmp_path):
    """South of the equator the standard time is that of July: Sydney's midnight of January is 01:00 there."""
    table = {"time": stamps(24, first="2016-01-01 01:00"), "a": range(24)}
    assert day(tmp_path, table, time_column="time", time_zone="Australia/Sydney").values[0, 0, 0] == 0


def test_index_of_a_parquet_file(tmp_path):
    """Stamps in the index that pandas wrote are a column like others."""
    index = pd.date_range("2016-01-01", periods=24, freq="h", name="time")
    pd.DataFrame({7: range(24)}, index).to_parquet(tmp_path / "own.parquet")
    series = read_series(spec(path="own.parquet", time_column="time"), tmp_path, NEW_YEAR, 1, 60)
    assert series.names == ("7",)


def test_as_profiles(tmp_path):
    """Columns become base profiles that sum to 1; times the column's energy they are its values again."""
    series = day(tmp_path, {"a": range(1, 49), "b": [3.0] * 48}, n_days=2)
    profiles = as_profiles(series)
    assert profiles.names == ("a", "b")
    np.testing.assert_allclose(profiles.values.sum(axis=(1, 2)), 1.0, rtol=1e-15)
    np.testing.assert_allclose(profiles.values * series.annual_kwh[:, None, None], series.values, rtol=1e-15)
    assert profiles.of_day(date(2016, 1, 2))[1, 0] == pytest.approx(1 / 48)
    assert DayTables(profiles, 1).expected(NEW_YEAR)[0].shape == (2 * 3, 24)


def test_no_profile_without_energy():
    """A column of zeros, a price and more columns than a byte counts are no base profiles."""
    zeros = OwnSeries("pv", ("a", "b"), np.array([np.zeros((1, 24)), np.ones((1, 24))]), NEW_YEAR)
    with pytest.raises(ValueError, match="columns: given a, zero throughout; allowed columns with energy; drop them"):
        as_profiles(zeros)
    with pytest.raises(ValueError, match="kind: given price"):
        as_profiles(OwnSeries("price", ("a",), np.ones((1, 1, 24)), NEW_YEAR))
    many = OwnSeries("load", tuple(map(str, range(257))), np.ones((257, 1, 24)), NEW_YEAR)
    with pytest.raises(ValueError, match="columns: given 257; allowed at most 256; choose among them"):
        as_profiles(many)


def test_all_problems_at_once(tmp_path):
    """One refusal names every row and column at fault, the header being row 1."""
    times = stamps(24)
    del times[20]  # a gap
    times[5] = times[4]  # a repeated stamp
    times[10], times[11] = times[11], times[10]  # two rows exchanged
    a = ["1"] * 23
    a[2], a[3], a[7] = "-1.5", "n/a", ""
    assert refused(tmp_path, {"time": times, "a": a, "b": ["inf"] + ["1"] * 22}, time_column="time") == [
        "own.csv:2: b: given inf; allowed a number; fill it in",
        "own.csv:4: a: given -1.5 kWh; allowed at least 0; correct it, or the unit",
        "own.csv:5: a: given 'n/a'; allowed a number; fill it in",
        "own.csv:7: time: given 2016-01-01 04:00 after 2016-01-01 04:00; allowed each stamp once; drop one of the rows",
        "own.csv:8: time: given 2016-01-01 06:00 after 2016-01-01 04:00; allowed 60 minutes later; "
        "fill in what is missing, 1 rows; if clocks changed there, name the place as time_zone, such as Europe/Berlin",
        "own.csv:9: a: given nothing; allowed a number; fill it in",
        "own.csv:12: time: given 2016-01-01 11:00 after 2016-01-01 09:00; allowed 60 minutes later; "
        "fill in what is missing, 1 rows; if clocks changed there, name the place as time_zone, such as Europe/Berlin",
        "own.csv:13: time: given 2016-01-01 10:00 after 2016-01-01 11:00; allowed rising stamps; sort the rows by time",
        "own.csv:14: time: given 2016-01-01 12:00 after 2016-01-01 10:00; allowed 60 minutes later; "
        "fill in what is missing, 1 rows; if clocks changed there, name the place as time_zone, such as Europe/Berlin",
        "own.csv:22: time: given 2016-01-01 21:00 after 2016-01-01 19:00; allowed 60 minutes later; "
        "fill in what is missing, 1 rows; if clocks changed there, name the place as time_zone, such as Europe/Berlin",
    ]


def test_long_lists_of_problems_are_cut(tmp_path):
    """Of one sort in one column ten are shown and the rest counted; a message shows fifty in all."""
    assert refused(tmp_path, {"a": [-1.0] * 24})[MAX_ALIKE:] == ["own.csv:12: a: and 14 rows like those above"]
    write(tmp_path, {f"c{i}": [-1.0] * 24 for i in range(6)})
    with pytest.raises(DataFileError, match=r"\n\.\.\. and 16 more problems$") as info:
        read_series(spec(), tmp_path, NEW_YEAR, 1, 60)
    assert len(info.value.problems) == 66


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "own.csv: given no table: No columns to parse from file; allowed one value a column; save it anew"),
        ("a,b\n", "own.csv: given no rows; allowed at least one below the header; save the data anew"),
        ("a;b\n1;2\n", "own.csv:1: given 'a;b'; allowed commas between columns and decimal points; save it anew"),
        ("a,b,a\n1,2,3\n", "own.csv:1: a: given 2 columns of this name; allowed one; rename the others"),
        ("a,b\n1,2,3\n", "own.csv:2: given more values than columns; allowed 2; name every column in row 1"),
        (
            "a,b\n1,2\n1,2,3\n",
            "own.csv:3: given no table: Error tokenizing data. C error: Expected 2 fields in line 3, saw 3; "
            "allowed one value a column; save it anew",
        ),
        ("a,b\n1\n", "own.csv:2: b: given nothing; allowed a number; fill it in"),
        ("a\n1\n\n2\n", "own.csv:3: a: given nothing; allowed a number; fill it in"),
        ("a\nTrue\n", "own.csv:2: a: given True; allowed a number; fill it in"),
        ("a,b\n1_0,0x10\n", "own.csv:2: b: given '0x10'; allowed a number; fill it in"),
        ("a\nnan\n", "own.csv:2: a: given 'nan'; allowed a number; fill it in"),
    ],
)
def test_broken_tables(tmp_path, text, problem):
    """An empty file, other separators, ragged rows, empty lines and words are refused where they stand."""
    assert problem in refused(tmp_path, text)


def test_not_text_and_not_parquet(tmp_path):
    """Bytes that are no UTF-8, and a Parquet file that is none, are refused."""
    tmp_path.joinpath("own.csv").write_bytes(b"a\xff\n1\n")
    tmp_path.joinpath("own.parquet").write_bytes(b"a\n1\n")
    for path in ("own.csv", "own.parquet"):
        with pytest.raises(
            DataFileError, match=f"{path}: given no table: .*; allowed one value a column; save it anew"
        ):
            read_series(spec(path=path), tmp_path, NEW_YEAR, 1, 60)


def test_byte_order_mark(tmp_path):
    """The mark that spreadsheets put in front of UTF-8 is no part of the first name."""
    assert day(tmp_path, "\ufeffa\n" + "1\n" * 24).names == ("a",)


@pytest.mark.parametrize("dtype", ["Int64", "object"])
def test_kinds_of_parquet_columns(tmp_path, dtype):
    """A missing value among whole numbers or objects is refused."""
    values = pd.Series([1] * 23 + [None], dtype=dtype)
    write(tmp_path, {"a": values}, "own.parquet")
    with pytest.raises(DataFileError) as info:
        read_series(spec(path="own.parquet"), tmp_path, NEW_YEAR, 1, 60)
    assert info.value.problems == ["own.parquet:25: a: given nothing; allowed a number; fill it in"]


def test_decimals_and_times(tmp_path):
    """Decimal numbers are read as numbers; times are not."""
    times = pd.date_range("2016-01-01", periods=24, freq="h")
    write(tmp_path, {"a": [Decimal("1.5")] * 24, "b": times}, "own.parquet")
    wanted = spec(path="own.parquet", columns=("a",))
    assert read_series(wanted, tmp_path, NEW_YEAR, 1, 60).annual_kwh.tolist() == [36.0]
    with pytest.raises(DataFileError, match=r"own.parquet:2: b: given 2016-01-01 00:00:00; allowed a number"):
        read_series(spec(path="own.parquet"), tmp_path, NEW_YEAR, 1, 60)


def test_missing_file(tmp_path):
    """A path that leads nowhere is refused with the folder's nearest name."""
    write(tmp_path, {"a": [1]}, "owm.csv")
    with pytest.raises(DataFileError, match=r"own.csv: given no file at .*own\.csv; allowed a file; nearest 'owm.csv'"):
        read_series(spec(), tmp_path, NEW_YEAR, 1, 60)
    with pytest.raises(DataFileError, match=r"no/own.csv: given no file at .*; allowed a file$"):
        read_series(spec(path="no/own.csv"), tmp_path, NEW_YEAR, 1, 60)


def test_unknown_columns(tmp_path):
    """Columns that the file lacks are refused with its names and the nearest one; stamps alone are no series."""
    table = {"time": stamps(24), "house_1": [1.0] * 24}
    assert refused(tmp_path, table, columns=("house1", "x"), time_column="tim") == [
        "own.csv:1: house1: given no such column; allowed time, house_1; nearest 'house_1'",
        "own.csv:1: x: given no such column; allowed time, house_1",
        "own.csv:1: tim: given no such column; allowed time, house_1; nearest 'time'",
    ]
    assert refused(tmp_path, {"time": stamps(24)}, time_column="time") == [
        "own.csv:1: given only time; allowed a column of values beside it"
    ]


@pytest.mark.parametrize(("rows", "row"), [(23, 24), (25, 26)])
def test_wrong_length(tmp_path, rows, row):
    """Without stamps the number of rows must be that of the days."""
    assert refused(tmp_path, {"a": [1.0] * rows}) == [
        f"own.csv:{row}: given {rows} rows; allowed 24, for 1 days; give every row from 2016-01-01 00:00, "
        "or name a time_column"
    ]


def test_days_that_the_file_lacks(tmp_path):
    """A file that begins late and ends early is refused at its first and its last row."""
    table = {"time": stamps(24, first="2016-01-02"), "a": [1.0] * 24}
    assert refused(tmp_path, table, n_days=3, time_column="time", time_zone="+01:00") == [
        "own.csv:2: time: given 2016-01-02 00:00 as the first stamp; allowed one before or at the run's; "
        "add the rows from 2016-01-01 00:00 on the run's clock, UTC+01:00",
        "own.csv:25: time: given 2016-01-02 23:00 as the last stamp; allowed one at or after the run's; "
        "add the rows to the end of 2016-01-03 on the run's clock, UTC+01:00",
    ]


def test_resolution_that_is_not_that_of_the_stamps(tmp_path):
    """Stamps a quarter of an hour apart are no hours; stamps between the minutes of a clock are refused too."""
    table = {"time": stamps(96, 15), "a": [1.0] * 96}
    assert refused(tmp_path, table, time_column="time") == [
        "own.csv:3: time: given stamps 15 minutes apart; allowed 60; set resolution_minutes to 15"
    ]
    table = {"time": stamps(49, 30, "2015-12-31 23:47"), "a": [1.0] * 49}
    assert refused(tmp_path, table, time_column="time", resolution_minutes=30) == [
        "own.csv:2: time: given 2015-12-31 23:47; allowed stamps on multiples of 5 minutes; round them"
    ]
    times = stamps(24)
    times[3] = "2016-01-01 03:30"
    assert refused(tmp_path, {"time": times, "a": [1.0] * 24}, time_column="time")[1] == (
        "own.csv:6: time: given 2016-01-01 04:00 after 2016-01-01 03:30; allowed 60 minutes later; "
        "drop or correct the row"
    )


def test_stamps_that_are_none(tmp_path):
    """Texts that are no ISO 8601, and a mixture of stamps with and without offset, are refused row by row."""
    times = stamps(24)
    times[0], times[5] = "01.01.2016 00:00", "2016-01-01 24:00"
    assert refused(tmp_path, {"time": times, "a": [1.0] * 24}, time_column="time") == [
        f"own.csv:{row}: time: given '{text}'; allowed ISO 8601 such as 2016-01-01 00:15; "
        "write midnight as 00:00 of the day it begins"
        for row, text in ((2, times[0]), (7, times[5]))
    ]
    times = [f"{t}Z" for t in stamps(24)]
    times[4] = times[4][:-1]
    assert refused(tmp_path, {"time": times, "a": [1.0] * 24}, time_column="time") == [
        "own.csv:2: time: given 2016-01-01 00:00Z, with an offset; allowed without time_zone none; "
        "give time_zone, whose standard time the run then follows",
        "own.csv:6: time: given 2016-01-01 04:00; allowed an offset, as elsewhere; add it",
    ]


def test_hours_that_summer_time_skips(tmp_path):
    """A file in standard time that claims Berlin's legal time is refused at 27 March, 02:00, with the remedy."""
    table = {"time": stamps(24, first="2016-03-27"), "a": [1.0] * 24}
    problems = refused(tmp_path, table, first=date(2016, 3, 27), time_column="time", time_zone="Europe/Berlin")
    assert problems[0] == (
        "own.csv:4: time: given 2016-03-27 02:00, which summer time skips in Europe/Berlin; "
        "allowed times that its clocks show; if the file keeps standard time, write time_zone: '+01:00'"
    )
    assert day(tmp_path, table, first=date(2016, 3, 27), time_column="time", time_zone="+01:00").annual_kwh[0] == 24


def test_an_hour_that_should_come_twice(tmp_path):
    """A file that gives the repeated hour of 30 October once has a gap behind it."""
    _, texts = berlin("2016-10-29 22:00", "2016-10-30 22:00")
    del texts[3]
    assert texts[2:4] == ["2016-10-30 02:00", "2016-10-30 03:00"]
    table = {"time": texts, "a": [1.0] * 24}
    problems = refused(tmp_path, table, first=date(2016, 10, 30), time_column="time", time_zone="Europe/Berlin")
    assert problems[0] == (
        "own.csv:5: time: given 2016-10-30 03:00 after 2016-10-30 02:00; allowed 60 minutes later; "
        "fill in what is missing, 1 rows"
    )


@pytest.mark.parametrize(
    ("unit", "value", "allowed"),
    [("degC", 293.15, "-90 to 60"), ("W/m2", -4.0, "0 to 2000"), ("W/m2", 2001, "0 to 2000")],
)
def test_weather_within_reason(tmp_path, unit, value, allowed):
    """Kelvin, a pyranometer's night offset and more light than the sun gives are refused."""
    problems = refused(tmp_path, {"w": [1.0] * 23 + [value]}, kind="weather", unit=unit)
    assert problems == [f"own.csv:25: w: given {value:g} {unit}; allowed {allowed}; correct it, or the unit"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"unit": "GWh"}, "Input should be 'kW', 'kWh'"),
        ({"unit": "degC"}, "given 'degC'; allowed with kind load: kW, MW, W, kWh, MWh, Wh"),
        ({"kind": "heat"}, "Input should be 'load', 'pv', 'price' or 'weather'"),
        ({"path": "own.xlsx"}, "given 'own.xlsx'; allowed a file whose name ends with .csv or .parquet"),
        ({"columns": ["a", "b", "a"]}, "given a more than once; allowed names of columns, each once, or the word all"),
        ({"columns": []}, "given an empty list; allowed names of columns"),
        ({"columns": "a"}, "Input should be 'all'"),
        ({"resolution_minutes": 20}, "given 20; must be one of 1, 5, 10, 15, 30, 60 minutes"),
        ({"resolution_minutes": True}, "Input should be a valid integer"),
        ({"time_zone": "Europe/Berlim"}, r"given 'Europe/Berlim'; allowed UTC, .*; nearest 'Europe/Berlin'"),
        ({"time_zone": "../../etc/passwd"}, "allowed UTC, an offset such as '\\+08:00', a name such as Europe/Berlin"),
        ({"time_zone": "+15:00"}, r"given '\+15:00'; allowed UTC"),
        ({"clock": "Europe/Berlin"}, "given 'Europe/Berlin'; allowed UTC or a fixed offset such as"),
        ({"label": "right"}, "given label without time_column; name the column of the stamps"),
        ({"time_zone": "UTC", "clock": "UTC"}, "given time_zone, clock without time_column"),
        ({"time_column": "t", "clock": "UTC"}, "given clock UTC without time_zone; say which clock the stamps follow"),
        ({"timezone": "UTC"}, "Extra inputs are not permitted"),
    ],
)
def test_keys_that_are_refused(keys, message):
    """A specification is checked before any file is opened."""
    with pytest.raises(ValidationError, match=message):
        spec(**keys)


def test_zones():
    """UTC, offsets either way and names are time zones."""
    assert [zone_of(text).utcoffset(None).total_seconds() for text in ("UTC", "+05:30", "-03:00")] == [0, 19800, -10800]
    assert zone_of("Europe/Berlin") == ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(("n_days", "period"), [(0, 60), (1, 10)])
def test_days_and_periods(tmp_path, n_days, period):
    """No days, and periods that no run has, are refused."""
    with pytest.raises(ValueError, match=f"given {period} and {n_days}; allowed 5, 15, 30, 60 and at least 1"):
        day(tmp_path, {"a": [1.0]}, n_days=n_days, period=period)


HOW_TO = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "own_data.md"


def test_how_to(tmp_path):
    """The mapping, the table and the refusals that the how-to page shows are those of the program."""
    blocks = re.findall(r"```(\w+)\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)
    mapping, table, refusals = (
        next(text for _, text in blocks if text.startswith(start))
        for start in ("path: meters", "time,house_1", "mine.yaml:4: households.profiles: ")
    )
    shown = DataFile(**parse(mapping.encode()).value)
    assert shown.columns == ("house_1", "house_7")
    tmp_path.joinpath("street.csv").write_text(table, encoding="utf-8")
    street = shown.model_copy(update={"path": "street.csv", "time_zone": None})
    with pytest.raises(DataFileError) as info:  # two rows are no day
        read_series(street, tmp_path, NEW_YEAR, 1, 15)
    assert len(info.value.problems) == 1
    times = stamps(96, 15)
    times[5:8] = [times[4], times[5]]
    load = ["0.5"] * 95
    load[2], load[3] = "-1.5", "n/a"
    write(tmp_path, {"time": times, "house_1": load, "house_7": 1.0}, "street.csv")
    with pytest.raises(DataFileError) as info:
        read_series(street, tmp_path, NEW_YEAR, 1, 15)
    assert refusals.splitlines() == [f"mine.yaml:4: households.profiles: {text}" for text in info.value.problems]
