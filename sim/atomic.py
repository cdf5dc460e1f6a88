"""Files that are complete or absent."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

#: Ending of a file that is being written.
TEMPORARY = ".gridagora-tmp"


def write_json(path: Path, value: Mapping[str, Any]) -> Path:
    """Write what JSON can hold, atomically; else OSError."""
    text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n"
    return write_file(path, lambda f: f.write(text.encode()))


def write_file(path: Path, write: Callable[[IO[bytes]], Any], *, to_disk: bool = True) -> Path:
    """Write a file under a temporary name, then rename it: it is complete or absent; else OSError.

    Without `to_disk` a file may be damaged after a power cut in the next half minute, but not by a killed process.
    """
    writer = f"{platform.node()}-{os.getpid()}"  # several processes may write the same file of a shared folder at once
    temporary = path.with_name(f".{path.name}.{writer}{TEMPORARY}")
    with explained(path):
        try:
            with temporary.open("wb") as file:
                write(file)
                if to_disk:
                    file.flush()
                    os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    return path


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Name the file and the remedy in an error of the operating system."""
    try:
        yield
    except OSError as error:
        raise OSError(
            error.errno,
            f"cannot write {path}: {error.strerror or error}; free disk space or use another folder (out=, --out)",
        ) from error
