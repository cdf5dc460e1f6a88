"""Files of a run: Parquet tables, text files and, written last, the manifest.

Every file is written under a temporary name and renamed when it is complete. A long table is a row of finished parts
until it is closed, so a run that is stopped, or killed, leaves them. ``unfinished.json`` lists the files of a run until
``manifest.json`` takes its place: only files listed in one of the two are replaced or removed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import IO, TYPE_CHECKING, Any, Self

from gridagora.sim.arrow_tables import arrow_table, require_table_name
from gridagora.sim.atomic import TEMPORARY, explained, write_file, write_json

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd

MANIFEST = "manifest.json"
UNFINISHED = "unfinished.json"
LOG = "run.log"
#: Rows wait at most this long for a finished part: a kill costs no more of a table. [s]
SECONDS_PER_PART = 10.0
REPORT_MARK = '<meta name="generator" content="GridAgora'
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
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

    Raises
    ------
    FileExistsError
        If the folder holds a finished run and `overwrite` is false.
    OSError
        If the folder cannot be made or written.
    """

    def __init__(self, path: str | os.PathLike[str], overwrite: bool = False, expected: Sequence[str] = ()) -> None:
        self.path = Path(path)
        self._files: list[str] = []
        self._expected = list(expected)
        self._tables: dict[str, TableWriter] = {}
        if (self.path / MANIFEST).exists() and not overwrite:
            raise FileExistsError(
                f"{self.path} holds a finished run; write to another folder (out=, --out) or replace it "
                "(overwrite=True, --overwrite)"
            )
        with explained(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            _remove_run(self.path)
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
        if not _FILE.fullmatch(name) or name in (MANIFEST, UNFINISHED, LOG):
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

    def log(self, line: str) -> None:
        """Append a line to ``run.log``."""
        with explained(self.path / LOG), (self.path / LOG).open("a", encoding="utf-8") as file:
            file.write(line.rstrip("\n") + "\n")

    def close(self) -> None:
        """Close the open tables; without `finish` the run stays unfinished."""
        for table in self._tables.values():
            table.close()

    def finish(self, manifest: Mapping[str, Any]) -> Path:
        """Close the open tables and write the manifest, of what JSON can hold, with ``files`` and ``tables`` added."""
        self.close()
        files = sorted(name for name in self._files if (self.path / name).exists())
        tables = [name.removesuffix(".parquet") for name in files if name.endswith(".parquet")]
        path = write_json(self.path / MANIFEST, {**manifest, "files": files, "tables": tables})
        (self.path / UNFINISHED).unlink(missing_ok=True)
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
                table.close()

    def _list_file(self, name: str) -> None:
        """Enter a file in the list of ours before it is written."""
        if name in self._files:
            return
        if (self.path / name).exists():
            raise FileExistsError(
                f"{self.path / name} was not written by a run; move it or use another folder (out=, --out)"
            )
        self._files.append(name)
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

    def close(self) -> None:
        """Merge the parts into ``<name>.parquet``; without rows appended, write nothing."""
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
        for part in parts:
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


class Tables(Mapping[str, "pd.DataFrame"]):
    """Tables of a run by name, each read from its file on first use; `read_tables` makes it."""

    def __init__(self, path: Path, files: Mapping[str, list[Path]]) -> None:
        self.path = path
        self._files = dict(files)
        self._frames: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            import pyarrow as pa
            import pyarrow.parquet as pq

            table = pa.concat_tables([pq.ParquetFile(file).read() for file in self._of(name)])
            self._frames[name] = table.to_pandas()
        return self._frames[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def units(self, name: str) -> dict[str, str]:
        """Units of a table by column."""
        import pyarrow.parquet as pq

        schema = pq.read_schema(self._of(name)[0])
        return {f.name: f.metadata[b"unit"].decode() for f in schema if b"unit" in (f.metadata or {})}

    def _of(self, name: str) -> list[Path]:
        if name not in self._files:
            raise KeyError(f"{self.path} has no table {name!r}; it has: {', '.join(self._files) or 'none'}")
        return self._files[name]


def read_tables(path: str | os.PathLike[str], unfinished: bool = False) -> Tables:
    """Open the tables of a run.

    Parameters
    ----------
    path : path-like
        Folder of the run.
    unfinished : bool
        Also open a run without a manifest: whatever it had finished.

    Raises
    ------
    FileNotFoundError
        If the folder holds no run or, unless `unfinished`, an unfinished one; the message says what is readable.
    """
    folder = Path(path)
    is_finished = (folder / MANIFEST).exists()
    if not is_finished and not (folder / UNFINISHED).exists():
        what = f"holds no run: neither {MANIFEST} nor {UNFINISHED}" if folder.is_dir() else "is no folder"
        raise FileNotFoundError(f"{folder} {what}; give the folder of a run, such as results/quickstart")
    names = [name.removesuffix(".parquet") for name in _listed_files(folder) if name.endswith(".parquet")]
    tables = Tables(folder, {name: found for name in names if (found := _table_files(folder, name))})
    if not (is_finished or unfinished):
        raise FileNotFoundError(
            f"{folder} holds an unfinished run ({MANIFEST} is missing: it was stopped or is still running); "
            f"{what_is_left(folder)}; read these with ga.read(..., unfinished=True), or run it again"
        )
    return tables


def read_manifest(path: str | os.PathLike[str], unfinished: bool = False) -> dict[str, Any]:
    """Read the manifest of a run, or the list of files of an unfinished one; errors as in `read_tables`."""
    read_tables(path, unfinished)
    finished = Path(path) / MANIFEST
    manifest: dict[str, Any] = json.loads(
        (finished if finished.exists() else Path(path) / UNFINISHED).read_text(encoding="utf-8")
    )
    return manifest


def what_is_left(path: str | os.PathLike[str]) -> str:
    """Say which tables of a run are readable and which are missing; nothing where no run is."""
    folder = Path(path)
    if (folder / MANIFEST).exists():
        return "the run there is complete"
    if not (folder / UNFINISHED).exists():
        return ""
    readable = list(read_tables(folder, unfinished=True))
    expected = json.loads((folder / UNFINISHED).read_text(encoding="utf-8")).get("expected", [])
    missing = [name for name in expected if name not in readable]
    lost = f"; missing: {', '.join(missing)}" if missing else ""
    return f"readable: {', '.join(readable) or 'no table'}{lost}"


def units(path: str | os.PathLike[str], table: str) -> dict[str, str]:
    """Units of a table of a run, by column."""
    return read_tables(path, unfinished=True).units(table)


def is_report(path: Path) -> bool:
    """Tell whether a file is an HTML report of ours."""
    return path.is_file() and REPORT_MARK.encode() in path.read_bytes()[:1000]


def _remove_run(folder: Path) -> None:
    if is_report(folder / "report.html"):  # it would describe the run that is replaced
        (folder / "report.html").unlink()
    files = _listed_files(folder)
    if (
        folder / MANIFEST
    ).exists():  # a removal that is cut short leaves an unfinished run, which can be taken up again
        (folder / MANIFEST).replace(folder / UNFINISHED)
    for name in files:
        (folder / name).unlink(missing_ok=True)
        for part in _table_files(folder, name.removesuffix(".parquet")):
            part.unlink()
    for temporary in folder.glob(f".*{TEMPORARY}"):
        temporary.unlink()
    (folder / UNFINISHED).unlink(missing_ok=True)


def _listed_files(folder: Path) -> list[str]:
    names: set[str] = set()
    for listing in (folder / MANIFEST, folder / UNFINISHED):
        if listing.exists():
            try:
                names.update(json.loads(listing.read_text(encoding="utf-8"))["files"])
            except (ValueError, KeyError, TypeError):
                raise ValueError(
                    f"{listing} does not list a run's files: damaged or not ours; move it or use another folder"
                ) from None
    return sorted(name for name in names if _FILE.fullmatch(name))


def _table_files(folder: Path, name: str) -> list[Path]:
    """Files of a table: the merged one, else its finished parts in order."""
    merged = folder / f"{name}.parquet"
    parts = sorted(folder.glob(f"{name}.part-*.parquet"), key=lambda part: (len(part.name), part.name))
    return [merged] if merged.exists() else parts
