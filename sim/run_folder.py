"""The folder of a run: which files are its own, which of them make a table, and what a finished one needs no more.

``unfinished.json`` lists the files of a run until ``manifest.json`` takes its place: only files listed in one of the
two are replaced or removed.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from gridagora.sim.atomic import TEMPORARY

MANIFEST = "manifest.json"
UNFINISHED = "unfinished.json"
LOG = "run.log"
#: Ending of checkpoints, and how many of them are kept: one that turns out damaged has one before it.
CHECKPOINT, KEPT = ".state", 2
REPORT_MARK = '<meta name="generator" content="GridAgora'
#: What the file of a run may be called.
FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def is_report(path: Path) -> bool:
    """Tell whether a file is an HTML report of ours."""
    return path.is_file() and REPORT_MARK.encode() in path.read_bytes()[:1000]


def checkpoints(path: str | os.PathLike[str]) -> list[Path]:
    """Return the checkpoints of an unfinished run, the last first."""
    folder = Path(path)
    files = (folder / name for name in reversed(listed_files(folder)) if name.endswith(CHECKPOINT))
    return [file for file in files if file.exists()]


def tidy(path: str | os.PathLike[str]) -> None:
    """Remove what a finished run needs no more: list of files, checkpoints and parts of tables, temporary files."""
    folder = Path(path)
    files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    for file in files_of(folder):
        if file.name not in files:
            file.unlink(missing_ok=True)
    (folder / UNFINISHED).unlink(missing_ok=True)


def remove_run(folder: Path) -> None:
    """Remove the run of a folder, and no other file."""
    if is_report(folder / "report.html"):  # it would describe the run that is replaced
        (folder / "report.html").unlink()
    files = files_of(folder)
    if (
        folder / MANIFEST
    ).exists():  # a removal that is cut short leaves an unfinished run, which can be taken up again
        (folder / MANIFEST).replace(folder / UNFINISHED)
    for file in files:
        file.unlink(missing_ok=True)
    (folder / UNFINISHED).unlink(missing_ok=True)


def files_of(folder: Path) -> list[Path]:
    """Return the files of a run but manifest and list: those listed, parts of tables, and temporary files."""
    names = listed_files(folder)
    parts = [part for name in names if name.endswith(".parquet") for part in _parts(folder, name[: -len(".parquet")])]
    return [*(file for name in names if (file := folder / name).exists()), *parts, *folder.glob(f".*{TEMPORARY}")]


def listed_files(folder: Path) -> list[str]:
    """Return the names of a run's files, whether they are there or not; ValueError if the list is not one of ours."""
    names: set[str] = set()
    for listing in (folder / MANIFEST, folder / UNFINISHED):
        if listing.exists():
            try:
                names.update(json.loads(listing.read_text(encoding="utf-8"))["files"])
            except (ValueError, KeyError, TypeError):
                raise ValueError(
                    f"{listing} does not list a run's files: damaged or not ours; move it or use another folder"
                ) from None
    return sorted(name for name in names if FILE.fullmatch(name))


def table_files(folder: Path, name: str) -> list[Path]:
    """Files of a table: the merged one, else its finished parts in order."""
    merged = folder / f"{name}.parquet"
    return [merged] if merged.exists() else _parts(folder, name)


def _parts(folder: Path, name: str) -> list[Path]:
    return sorted(folder.glob(f"{name}.part-*.parquet"), key=lambda part: (len(part.name), part.name))
