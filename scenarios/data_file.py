"""What a scenario says about a user's own file, and how such a file is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta, timezone, tzinfo
from typing import Annotated, Literal, NoReturn, Self
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from gridagora.sim.plugin import Frozen, nearest

Kind = Literal["load", "pv", "price", "weather"]
Unit = Literal["kW", "kWh", "MW", "MWh", "W", "Wh", "currency/kWh", "currency/MWh", "degC", "W/m2"]

#: Energy units in kWh and power units in kW.
ENERGY: Mapping[str, float] = {"kWh": 1.0, "MWh": 1e3, "Wh": 1e-3}
POWER: Mapping[str, float] = {"kW": 1.0, "MW": 1e3, "W": 1e-3}
UNITS: Mapping[str, tuple[str, ...]] = {
    "load": (*POWER, *ENERGY),
    "pv": (*POWER, *ENERGY),
    "price": ("currency/kWh", "currency/MWh"),
    "weather": ("degC", "W/m2"),
}
RESOLUTIONS = (1, 5, 10, 15, 30, 60)
#: Problems shown in all, and of one sort in one column.
MAX_SHOWN, MAX_ALIKE = 50, 10

_OFFSET = re.compile(r"([+-])(0\d|1[0-4]):([0-5]\d)")


def zone_of(text: str) -> tzinfo:
    """Return the time zone of a checked `time_zone` or `clock`: UTC, a fixed offset or a name."""
    match = _OFFSET.fullmatch("+00:00" if text == "UTC" else text)
    if match is None:
        return ZoneInfo(text)
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-offset if match[1] == "-" else offset)


def _offset(text: str) -> str:
    if text != "UTC" and not _OFFSET.fullmatch(text):
        raise ValueError(f"given {text!r}; allowed UTC or a fixed offset such as '+01:00'")
    return text


def _zone(text: str) -> str:
    try:
        zone_of(text)
    except (KeyError, ValueError, OSError):
        close = nearest(text, available_timezones())
        hint = f"; nearest '{close}'" if close else ""
        message = f"given {text!r}; allowed UTC, an offset such as '+08:00', a name such as Europe/Berlin{hint}"
        raise ValueError(message) from None
    return text


def _known_ending(path: str) -> str:
    if not path.lower().endswith((".csv", ".parquet")):
        name = re.split(r"[/\\]", path)[-1]
        raise ValueError(f"given {name!r}; allowed a file whose name ends with .csv or .parquet; save the data as one")
    return path


def _known_resolution(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and value not in RESOLUTIONS:
        raise ValueError(f"given {value}; must be one of {', '.join(map(str, RESOLUTIONS))} minutes")
    return value


def _distinct(names: tuple[str, ...] | str) -> tuple[str, ...] | str:
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1] if isinstance(names, tuple) else []
    if not names or twice:
        given = f"{', '.join(twice)} more than once" if twice else "an empty list"
        raise ValueError(f"given {given}; allowed names of columns, each once, or the word all")
    return names


class DataFile(Frozen):
    """A file of the user's own series: one row an interval, one column a series."""

    path: Annotated[str, AfterValidator(_known_ending)]
    """CSV (commas, decimal points, UTF-8, one header row) or Parquet file, relative to the scenario file."""
    kind: Kind
    """What the series are."""
    unit: Unit
    """Unit of all columns: kW, kWh, MW, MWh, W or Wh for load and PV, currency/kWh or currency/MWh for prices, degC or
    W/m2 for weather."""
    columns: Annotated[tuple[str, ...] | Literal["all"], AfterValidator(_distinct)] = "all"
    """Names of the columns to read; `all` takes every one but `time_column`."""
    time_column: str | None = None
    """Column of ISO 8601 stamps; without one the first row begins at midnight of the first day wanted."""
    resolution_minutes: Annotated[
        int, BeforeValidator(_known_resolution), WithJsonSchema({"type": "integer", "enum": list(RESOLUTIONS)})
    ] = 15
    """Time from one row to the next [min]."""
    time_zone: Annotated[str, AfterValidator(_zone)] | None = None
    """Clock of the stamps: UTC, a fixed offset such as `+08:00`, or a name such as Europe/Berlin, whose summer time is
    taken out; without it stamps are the run's local time as they stand."""
    clock: Annotated[str, AfterValidator(_offset)] | None = None
    """Fixed offset of the run's local time, to which stamps are moved; without it the time zone's standard time."""
    label: Literal["left", "right"] = "left"
    """Whether a stamp marks the start (left) or the end (right) of its interval."""

    @field_validator("unit")
    @classmethod
    def _unit_of_kind(cls, value: str, info: ValidationInfo) -> str:
        kind = info.data.get("kind")
        if kind is not None and value not in UNITS[kind]:
            raise ValueError(f"given {value!r}; allowed with kind {kind}: {', '.join(UNITS[kind])}")
        return value

    @model_validator(mode="after")
    def _keys_that_need_stamps(self) -> Self:
        given = [name for name in ("time_zone", "clock") if getattr(self, name)] + ["label"] * (self.label == "right")
        if given and self.time_column is None:
            raise ValueError(f"given {', '.join(given)} without time_column; name the column of the stamps")
        if self.clock and not self.time_zone:
            raise ValueError(f"given clock {self.clock} without time_zone; say which clock the stamps follow")
        return self


class DataFileError(ValueError):
    """A data file that is refused, with its problems, one a line.

    Parameters
    ----------
    problems : list of str
        ``FILE:ROW: column: given ...; allowed ...; remedy``. The header is row 1, and counts in Parquet as well.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        more = [f"... and {len(problems) - MAX_SHOWN} more problems"] if len(problems) > MAX_SHOWN else []
        super().__init__("\n".join(problems[:MAX_SHOWN] + more))


@dataclass(slots=True)
class Problems:
    """Problems of one file, found so far.

    Parameters
    ----------
    file : str
        File as the user named it.
    """

    file: str
    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, row: int, column: str, message: str) -> None:
        """Note a problem.

        Parameters
        ----------
        row : int
            Row as in the file: 1 is the header, 0 the file as a whole.
        column : str
            Name of the column; ``""`` where it concerns none.
        message : str
            What was given, what is allowed, the remedy.
        """
        place = f"{self.file}:{row}" if row else self.file
        self.found.append((row, ": ".join(part for part in (place, column, message) if part)))

    def add_all(self, bad: NDArray[np.bool_], column: str, message: Callable[[int], str]) -> None:
        """Note one sort of problem of many records: the first ones in full, the rest as a number.

        Parameters
        ----------
        bad : ndarray of bool, shape (n_records,)
            Which records have it; record 0 is row 2.
        column : str
            Name of the column.
        message : callable
            From the number of a record to the message.
        """
        records = np.flatnonzero(bad)
        for record in records[:MAX_ALIKE]:
            self.add(int(record) + 2, column, message(int(record)))
        if records.size > MAX_ALIKE:
            self.add(int(records[MAX_ALIKE]) + 2, column, f"and {records.size - MAX_ALIKE} rows like those above")

    def refuse(self, row: int, column: str, message: str) -> NoReturn:
        """Note a problem and refuse the file."""
        self.add(row, column, message)
        raise DataFileError([text for _, text in sorted(self.found, key=lambda problem: problem[0])])

    def check(self) -> None:
        """Refuse the file if it has a problem.

        Raises
        ------
        DataFileError
            With every problem, by row.
        """
        if self.found:
            raise DataFileError([text for _, text in sorted(self.found, key=lambda problem: problem[0])])
