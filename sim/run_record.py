"""The tables of a run as key figures see them: each is put together when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Columns of equal length by name.
Columns = dict[str, Any]
#: Where the figures of a record stand that are no table.
META = "meta"


class RunRecord(Mapping[str, Any]):
    """Tables of a run by name and, under ``"meta"``, what is known of the run as a whole.

    A table without rows is none. A table is made from its parts when it is first looked at, and a frame only where a
    whole table is asked for.

    Parameters
    ----------
    parts : mapping
        By name of the table, a function that returns its rows: columns of one or several stretches, one after the
        other.
    meta : mapping
        Figures of the run.
    """

    def __init__(self, parts: Mapping[str, Callable[[], Sequence[Columns]]], meta: Mapping[str, Any]) -> None:
        self._makers, self._meta = parts, meta
        self._parts: dict[str, list[Columns]] = {}
        self._frames: dict[str, Any] = {}
        self._columns: dict[tuple[str, str], NDArray[Any]] = {}
        self._rows: dict[tuple[str, str, str], NDArray[np.bool_]] = {}

    def parts(self, name: str) -> list[Columns]:
        """Return the rows of a table as stretches of columns; none for a table that is not there."""
        if name not in self._parts:
            made = self._makers[name]() if name in self._makers else ()
            self._parts[name] = [columns for columns in made if len(next(iter(columns.values())))]
        return self._parts[name]

    def column(self, table: str, name: str) -> NDArray[Any]:
        """Return a column of a table, which all stretches have."""
        if (table, name) not in self._columns:
            stretches = [np.asarray(columns[name]) for columns in self.parts(table)]
            self._columns[table, name] = stretches[0] if len(stretches) == 1 else np.concatenate(stretches)
        return self._columns[table, name]

    def rows(self, table: str, name: str, value: str) -> NDArray[np.bool_]:
        """Return in which rows of a table a column has a value: figures ask for the same ones again and again."""
        key = table, name, value
        if key not in self._rows:
            self._rows[key] = self.column(table, name) == value
        return self._rows[key]

    def __getitem__(self, name: str) -> Any:
        """Return a table as a DataFrame, or the figures of the run."""
        if name == META:
            return self._meta
        if name not in self._frames:
            if not self.parts(name):
                raise KeyError(name)
            self._frames[name] = as_frame(self.parts(name))
        return self._frames[name]

    def __contains__(self, name: object) -> bool:
        return name == META or (isinstance(name, str) and bool(self.parts(name)))

    def __iter__(self) -> Iterator[str]:
        """Visit the tables that have rows, then ``"meta"``."""
        yield from (name for name in self._makers if self.parts(name))
        yield META

    def __len__(self) -> int:
        return sum(1 for _ in self)


def as_frame(parts: Sequence[Columns]) -> Any:
    """Return stretches of rows as one DataFrame.

    Parameters
    ----------
    parts : sequence of mapping
        At least one; a column that a stretch does not have is missing there.
    """
    import pandas as pd  # half a second that the command line's help does not need

    frames = [pd.DataFrame(columns) for columns in parts]
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def column_of(record: Mapping[str, Any], table: str, name: str) -> NDArray[Any]:
    """Return a column of a table of any record, without a frame where there is none yet.

    Parameters
    ----------
    record : mapping
        Tables by name, DataFrames or a :class:`RunRecord`.
    table, name : str
        Which column.

    Raises
    ------
    KeyError
        If the record has no such table, with those that it has.
    """
    if table not in record:
        raise KeyError(f"a metric needs the table {table!r}; the record has: {', '.join(record)}")
    if isinstance(record, RunRecord):
        return record.column(table, name)
    values: NDArray[Any] = record[table][name].to_numpy()
    return values


def rows_of(record: Mapping[str, Any], table: str, name: str, value: str) -> NDArray[np.bool_]:
    """Return in which rows of a table of any record a column has a value; parameters are those of :func:`column_of`."""
    if isinstance(record, RunRecord) and table in record:
        return record.rows(table, name, value)
    return np.asarray(column_of(record, table, name) == value)
