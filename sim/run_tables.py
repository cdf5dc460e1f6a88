"""The tables of a run read back from its folder, finished or not."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridagora.sim.arrow_tables import read_parquet, units_in
from gridagora.sim.run_folder import MANIFEST, UNFINISHED, listed_files, table_files

if TYPE_CHECKING:
    import pandas as pd


class Tables(Mapping[str, "pd.DataFrame"]):
    """Tables of a run by name, each read from its file on first use; `read_tables` makes it."""

    def __init__(self, path: Path, files: Mapping[str, list[Path]]) -> None:
        self.path = path
        self._files = dict(files)
        self._frames: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            self._frames[name] = read_parquet(self._of(name))
        return self._frames[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def units(self, name: str) -> dict[str, str]:
        """Units of a table by column."""
        return units_in(self._of(name)[0])

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
    names = [name.removesuffix(".parquet") for name in listed_files(folder) if name.endswith(".parquet")]
    tables = Tables(folder, {name: found for name in names if (found := table_files(folder, name))})
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
