"""Stamps of a user's file: from texts on a wall clock, summer time included, to minutes of the run."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridagora.scenarios.data_file import DataFile, Problems, zone_of

if TYPE_CHECKING:
    import pandas as pd

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: Stamps are compared in microseconds.
_MINUTE = 60_000_000
_CARRIES_OFFSET = r":\d\d(?:\.\d+)?\s*(?:[zZ]|[+-]\d\d(?::?\d\d)?)$"


def start_minute(column: pd.Series[Any], spec: DataFile, first_day: date, n_days: int, problems: Problems) -> int:
    """Return when the first row's interval begins, in minutes of the run.

    Parameters
    ----------
    column : pandas.Series
        Stamps, as ISO 8601 texts or as times.
    spec : DataFile
        With a time column.
    first_day : date
        First day wanted.
    n_days : int
        Number of days wanted. [d]
    problems : Problems
        Takes stamps that cannot be read, that do not follow one another, or that leave out a day.

    Returns
    -------
    int
        Minutes from `first_day` 00:00 on the run's clock; unless there are problems, at most 0 and a multiple of 5
        (of 1 with a resolution of 1).
    """
    name, step = str(spec.time_column), spec.resolution_minutes * _MINUTE
    utc, known = _utc(column, name, spec, problems)
    _check_steps(column, utc, known, spec, problems)
    if not (known[0] and known[-1]):
        return 0
    clock = zone_of(spec.clock).utcoffset(None) if spec.clock else _standard_offset(spec.time_zone, first_day.year)
    assert clock is not None  # a fixed offset needs no date
    shift = clock // timedelta(microseconds=1) - (step if spec.label == "right" else 0)
    midnight = np.datetime64(first_day, "us").astype(np.int64)
    begin, end = int(utc[0] + shift - midnight), int(utc[-1] + shift + step - midnight)
    last_day = first_day + timedelta(days=n_days - 1)
    on_clock = f"on the run's clock, UTC{_text(clock)}"
    if begin % (min(spec.resolution_minutes, 5) * _MINUTE):
        problems.add(2, name, f"given {column.iloc[0]}; allowed stamps on multiples of 5 minutes; round them")
    if begin > 0:
        given = f"given {column.iloc[0]} as the first stamp; allowed one before or at the run's"
        problems.add(2, name, f"{given}; add the rows from {first_day} 00:00 {on_clock}")
    if end < n_days * 1440 * _MINUTE:
        given = f"given {column.iloc[-1]} as the last stamp; allowed one at or after the run's"
        problems.add(len(column) + 1, name, f"{given}; add the rows to the end of {last_day} {on_clock}")
    return begin // _MINUTE


def _utc(column: pd.Series[Any], name: str, spec: DataFile, problems: Problems) -> tuple[Ints, Bools]:
    """Return stamps in UTC [1e-6 s] and which of them are known."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column):
        aware = np.full(len(column), column.dt.tz is not None)
        parsed = pd.to_datetime(column, utc=True)
    else:
        text = column.astype(str).str.strip()
        aware = text.str.contains(_CARRIES_OFFSET).to_numpy(np.bool_)
        parsed = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
    stamps = _microseconds(parsed.dt.tz_localize(None))
    known = parsed.notna().to_numpy(np.bool_)
    remedy = "write midnight as 00:00 of the day it begins"
    problems.add_all(
        ~known, name, lambda i: f"given {column.iloc[i]!r}; allowed ISO 8601 such as 2016-01-01 00:15; {remedy}"
    )
    if aware.any():
        naive = known & ~aware
        problems.add_all(naive, name, lambda i: f"given {column.iloc[i]}; allowed an offset, as elsewhere; add it")
        if spec.time_zone is None:
            remedy = "give time_zone, whose standard time the run then follows"
            problems.add(2, name, f"given {column.iloc[0]}, with an offset; allowed without time_zone none; {remedy}")
        return stamps, known & aware
    if spec.time_zone is None:
        return stamps, known
    return _from_wall_clock(stamps, known, column, name, spec.time_zone, problems)


def _microseconds(stamps: Any) -> Ints:
    return np.asarray(stamps.to_numpy("datetime64[us]").astype(np.int64))


def _from_wall_clock(
    wall: Ints, known: Bools, column: pd.Series[Any], name: str, zone: str, problems: Problems
) -> tuple[Ints, Bools]:
    """Return UTC of local stamps: an hour that summer time repeats is told apart by its order."""
    import pandas as pd

    index = pd.DatetimeIndex(wall.astype("datetime64[us]"))
    first, second = (
        _microseconds(
            index.tz_localize(zone_of(zone), ambiguous=np.full(len(wall), is_summer), nonexistent="NaT").tz_convert(
                None
            )
        )
        for is_summer in (True, False)
    )
    exists = first != np.iinfo(np.int64).min
    standard = _text(_standard_offset(zone, 2000)) if not exists.all() else ""
    problems.add_all(
        known & ~exists,
        name,
        lambda i: (
            f"given {column.iloc[i]}, which summer time skips in {zone}; allowed times that its clocks show; "
            f"if the file keeps standard time, write time_zone: '{standard}'"
        ),
    )
    repeated = exists & (first != second)
    utc, is_second = first.copy(), False
    for i in np.flatnonzero(repeated):
        is_second = bool(i > 0 and repeated[i - 1] and (is_second or wall[i] <= wall[i - 1]))
        if is_second:
            utc[i] = second[i]
    return utc, known & exists


def _check_steps(column: pd.Series[Any], utc: Ints, known: Bools, spec: DataFile, problems: Problems) -> None:
    """Note where a stamp does not follow the one before it by the resolution."""
    name, step = str(spec.time_column), spec.resolution_minutes * _MINUTE
    both = known[1:] & known[:-1]
    steps = np.concatenate([[step], np.where(both, np.diff(utc), step)])
    forward = steps[1:][both & (steps[1:] > 0)]
    usual = int(np.median(forward)) if forward.size else step
    if usual != step:
        given, wanted = f"{usual / _MINUTE:g}", step // _MINUTE
        problems.add(
            3, name, f"given stamps {given} minutes apart; allowed {wanted}; set resolution_minutes to {given}"
        )
        return

    def after(i: int) -> str:
        return f"given {column.iloc[i]} after {column.iloc[i - 1]}"

    problems.add_all(steps == 0, name, lambda i: f"{after(i)}; allowed each stamp once; drop one of the rows")
    problems.add_all(steps < 0, name, lambda i: f"{after(i)}; allowed rising stamps; sort the rows by time")
    problems.add_all(
        steps > step,
        name,
        lambda i: (
            f"{after(i)}; allowed {step // _MINUTE} minutes later; fill in what is missing, "
            f"{(int(steps[i]) - 1) // step} rows" + _summer_time_hint(int(steps[i]) - step, spec)
        ),
    )
    problems.add_all(
        (steps > 0) & (steps < step),
        name,
        lambda i: f"{after(i)}; allowed {step // _MINUTE} minutes later; drop or correct the row",
    )


def _summer_time_hint(missing: int, spec: DataFile) -> str:
    is_hour = missing == 60 * _MINUTE and spec.time_zone is None
    return "; if clocks changed there, name the place as time_zone, such as Europe/Berlin" if is_hour else ""


def _standard_offset(zone: str | None, year: int) -> timedelta:
    """Return the offset of a zone outside summer time: the smaller of those in January and in July."""
    if zone is None:
        return timedelta(0)
    offsets = [datetime(year, month, 1, tzinfo=zone_of(zone)).utcoffset() for month in (1, 7)]
    return min(offset for offset in offsets if offset is not None)


def _text(offset: timedelta) -> str:
    minutes = abs(offset) // timedelta(minutes=1)
    return f"{'-' if offset < timedelta(0) else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
