"""Files of a run: Parquet tables, text files and, written last, the manifest.

Every file is written under a temporary name and renamed when it is complete. A long table is a row of finished parts
until it is closed, so a run that is stopped, or killed, leaves them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import IO, TYPE_CHECKING, Any, Self

from gridagora.sim.arrow_tables import arrow_table, require_table_name
from gridagora.sim.atomic import explained, write_file, write_json
from gridagora.sim.run_folder import (
    CHECKPOINT,
    FILE,
    KEPT,
    LOG,
    MANIFEST,
    REPORT_MARK,
    UNFINISHED,
    checkpoints,
    files_of,
    is_report,
    remove_run,
    tidy,
)
from gridagora.sim.run_tables import Tables, read_manifest, read_tables, units, what_is_left

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd

__all__ = [
    "MANIFEST",
    "REPORT_MARK",
    "UNFINISHED",
    "ResultWriter",
    "TableWriter",
    "Tables",
    "is_report",
    "read_manifest",
    "read_tables",
    "units",
    "what_is_left",
]
#: Rows wait at most this long for a finished part: a kill costs no more of a table. [s]
SECONDS_PER_PART = 10.0
_PARQUET: dict[str, Any] = {"compression": "zstd", "compression_level": 3, "version": "2.6"}


class ResultWriter:
    """Writes the files of one run into a folder; use it in a ``with`` block.

    Parameters
    ----------
    path : path-like
        Folder of the run; made if it does not exist. What an unfinished run left there is removed.
    overwrite : bool
        Remove the files of a finished run that is there.
    expected : sequence of str
        Tables that the finished run will have; what a stopped one lacks is told by these.
    resumable : bool
        Keep the parts of growing tables until the run is finished, so that :meth:`reopen` can go back to them.

    Raises
    ------
    FileExistsError
        If the folder holds a finished run and `overwrite` is false.
    OSError
        If the folder cannot be made or written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        overwrite: bool = False,
        expected: Sequence[str] = (),
        resumable: bool = False,
    ) -> None:
        self.path = Path(path)
        self._files: list[str] = []
        self._expected, self._resumable = list(expected), resumable
        self._tables: dict[str, TableWriter] = {}
        if (self.path / MANIFEST).exists() and not overwrite:
            raise FileExistsError(
                f"{self.path} holds a finished run; write to another folder (out=, --out) or replace it "
                "(overwrite=True, --overwrite)"
            )
        with explained(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            remove_run(self.path)
        self._list_file(LOG)

    def write(self, name: str, data: Mapping[str, Any] | pd.DataFrame, units: Mapping[str, str]) -> Path:
        """Write a table that is complete, as ``<name>.parquet``, and return the path.

        Parameters
        ----------
        name : str
            Name of the table: lower-case letters, digits and underscores.
        data : mapping or pandas.DataFrame
            Columns of equal length by name.
        units : mapping
            Unit by column, kept in the column's metadata; every float column has one, ``"1"`` if dimensionless.

        Raises
        ------
        ValueError
            If the name, the columns or the units do not fit.
        FileExistsError
            If a file of that name is there that no run has written.
        OSError
            If it cannot be written; no half file stays behind.
        """
        import pyarrow.parquet as pq  # half a second that the command line's help does not need

        table = arrow_table(name, data, units)
        if name in self._tables:
            raise ValueError(f"table {name!r} is open for appending; give another name")
        self._list_file(f"{name}.parquet")
        return write_file(self.path / f"{name}.parquet", lambda f: pq.write_table(table, f, **_PARQUET))

    def write_text(self, name: str, text: str) -> Path:
        """Write a text file, such as ``scenario.yaml`` or ``kpis.csv``; errors as in `write`."""
        if not FILE.fullmatch(name) or name in (MANIFEST, UNFINISHED, LOG):
            raise ValueError(f"file name: given {name!r}; allowed: a plain name that is not one of a run's own")
        self._list_file(name)
        return write_file(self.path / name, lambda f: f.write(text.encode()))

    def open_table(self, name: str, units: Mapping[str, str], rows_per_part: int = 10_000) -> TableWriter:
        """Open a table that grows; a finished part is written whenever `rows_per_part` rows have come together.

        Name and units are those of `write`.
        """
        require_table_name(name)
        if f"{name}.parquet" in self._files:
            raise ValueError(f"table {name!r} is open or written already; give another name")
        self._list_file(f"{name}.parquet")
        self._tables[name] = TableWriter(self.path, name, units, rows_per_part)
        return self._tables[name]

    def write_checkpoint(self, day: int, write: Callable[[IO[bytes]], Any]) -> None:
        """Write all rows that wait, then a checkpoint; of the earlier ones the last stays.

        Parameters
        ----------
        day : int
            Simulated days that it holds; :func:`checkpoints` finds it by them.
        write : callable
            Writes it to a binary file.

        Raises
        ------
        OSError
            If it cannot be written; earlier ones stay.
        """
        for table in self._tables.values():
            table.flush()
        name = f"checkpoint-{day:05d}.state"
        self._list_file(name)
        write_file(self.path / name, write)
        for old in checkpoints(self.path)[KEPT:]:
            old.unlink()

    def reopen(self, path: str | os.PathLike[str]) -> None:
        """Go on in a folder with what it held when this writer was saved in a checkpoint; what came later is removed.

        Parameters
        ----------
        path : path-like
            The run's folder, wherever it is now.

        Raises
        ------
        FileNotFoundError
            If a part of a table is missing; then nothing is removed.
        OSError
            If the folder cannot be written.
        """
        self.path = Path(path)
        parts = [part for table in self._tables.values() for part in table.move(self.path)]
        if missing := [part.name for part in parts if not part.exists()]:
            raise FileNotFoundError(f"{self.path}: {', '.join(missing)} of the checkpoint is missing")
        mine = {self.path / name for name in self._files if not name.endswith(".parquet")} | set(parts)
        with explained(self.path):
            # Checkpoints go first: they would not fit the parts that are written from now on.
            for file in sorted(files_of(self.path), key=lambda file: file.suffix != CHECKPOINT):
                if file not in mine:
                    file.unlink(missing_ok=True)
            self._note_files()

    def log(self, line: str) -> None:
        """Append a line to ``run.log``."""
        with explained(self.path / LOG), (self.path / LOG).open("a", encoding="utf-8") as file:
            file.write(line.rstrip("\n") + "\n")

    def close(self) -> None:
        """Close the open tables; without `finish` the run stays unfinished."""
        for table in self._tables.values():
            table.close(keep_parts=self._resumable)

    def finish(self, manifest: Mapping[str, Any]) -> Path:
        """Close the open tables and write the manifest, of what JSON can hold, with ``files`` and ``tables`` added."""
        self.close()
        written = (name for name in self._files if (self.path / name).exists())
        files = sorted(name for name in written if not name.endswith(CHECKPOINT))
        tables = [name.removesuffix(".parquet") for name in files if name.endswith(".parquet")]
        path = write_json(self.path / MANIFEST, {**manifest, "files": files, "tables": tables})
        tidy(self.path)
        return path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            return
        for table in self._tables.values():
            with suppress(OSError):  # the first error is the one to tell; what cannot be merged stays in parts
                table.flush() if self._resumable else table.close()

    def _list_file(self, name: str) -> None:
        """Enter a file in the list of ours before it is written."""
        if name in self._files:
            return
        if (self.path / name).exists():
            raise FileExistsError(
                f"{self.path / name} was not written by a run; move it or use another folder (out=, --out)"
            )
        self._files.append(name)
        self._note_files()

    def _note_files(self) -> None:
        write_json(self.path / UNFINISHED, {"files": sorted(self._files), "expected": self._expected})


class TableWriter:
    """Grows one table of a run by finished parts; `ResultWriter.open_table` makes it."""

    def __init__(self, folder: Path, name: str, units: Mapping[str, str], rows_per_part: int) -> None:
        self.name = name
        self._folder = folder
        self._units = dict(units)
        self._rows_per_part = rows_per_part
        self._schema: Any = None
        # Parts on disk and rows that wait change in one assignment: an interrupt between two would count rows twice.
        self._rows: tuple[list[Path], list[Any]] = [], []
        self._last = monotonic()
        self._closed = False

    def append(self, data: Mapping[str, Any] | pd.DataFrame) -> None:
        """Append rows; all chunks have the columns of the first.

        Raises
        ------
        ValueError
            If the columns or their types differ from the first chunk's, or the table is closed.
        OSError
            If a part cannot be written.
        """
        if self._closed:
            raise ValueError(f"table {self.name!r} is closed; append before close()")
        table = arrow_table(self.name, data, self._units)
        if self._schema is None:
            self._schema = table.schema
        if not table.schema.equals(self._schema):
            given, first = (", ".join(f"{f.name} ({f.type})" for f in s) for s in (table.schema, self._schema))
            raise ValueError(f"table {self.name!r}: given columns {given}; allowed: the first chunk's {first}")
        waiting = self._rows[1]
        waiting.append(table)
        full = sum(chunk.num_rows for chunk in waiting) >= self._rows_per_part
        if full or monotonic() - self._last >= SECONDS_PER_PART:
            self.flush()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_last"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _last=monotonic())

    def move(self, folder: Path) -> list[Path]:
        """Look for the finished parts in another folder, and return where they should be."""
        self._folder = folder
        self._rows = [folder / part.name for part in self._rows[0]], self._rows[1]
        return self._rows[0]

    def flush(self) -> None:
        """Write the rows that wait as a finished part; call it at checkpoints."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._last = monotonic()
        parts, waiting = self._rows
        if not waiting:
            return
        table = pa.concat_tables(waiting).combine_chunks()
        part = self._folder / f"{self.name}.part-{len(parts) + 1:04d}.parquet"
        self._rows = [*parts, write_file(part, lambda f: pq.write_table(table, f, **_PARQUET))], []

    def close(self, keep_parts: bool = False) -> None:
        """Merge the parts into ``<name>.parquet``, and remove them; without rows appended, write nothing."""
        import pyarrow.parquet as pq

        self.flush()
        parts = self._rows[0]
        if self._closed or not parts:
            return

        def merge(file: IO[bytes]) -> None:
            with pq.ParquetWriter(file, self._schema, **_PARQUET) as writer:
                for group in self._groups(parts):
                    writer.write_table(group)

        write_file(self._folder / f"{self.name}.parquet", merge)
        self._closed = True
        for part in () if keep_parts else parts:
            part.unlink()

    def _groups(self, parts: Sequence[Path]) -> Iterator[Any]:
        """Yield the rows of the parts in groups of one size: a file does not tell when its parts were written."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        rest = self._schema.empty_table()
        for part in parts:
            rest = pa.concat_tables([rest, pq.ParquetFile(part).read()])
            while rest.num_rows >= self._rows_per_part:
                yield rest.slice(0, self._rows_per_part).combine_chunks()
                rest = rest.slice(self._rows_per_part)
        if rest.num_rows:
            yield rest.combine_chunks()
