"""The folder of a sweep: whose it is, and who is at work on it."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from gridagora.sim.atomic import write_file, write_json

MANIFEST, SCENARIO, TABLE, LOCK = "manifest.json", "scenario.yaml", "results.parquet", ".lock"
#: Folder of what jobs of a queue have to say.
LOGS = "jobs"
KIND = "gridagora sweep"
#: Errors of file systems that know no locks.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


class Part(NamedTuple):
    """One of several processes that share a sweep.

    Attributes
    ----------
    number : int
        Which one, from 1.
    parts : int
        How many there are.
    """

    number: int
    parts: int

    @classmethod
    def of(cls, text: str) -> Part:
        """Return the part that a text such as ``3/8`` names.

        Raises
        ------
        ValueError
            If it names none.
        """
        first, _, second = text.partition("/")
        if first.isdecimal() and second.isdecimal() and 1 <= int(first) <= int(second):
            return cls(int(first), int(second))
        raise ValueError(f"part: given {text!r}; allowed K/N with K from 1 to N, such as 3/8")

    def of_items(self, items: list[Any]) -> list[Any]:
        """Return every N-th of some items, from the K-th."""
        return items[self.number - 1 :: self.parts]


def refuse_taken(folder: Path, resume: bool) -> None:
    """Refuse a folder of something else before anything is made or checked.

    Parameters
    ----------
    folder : Path
        Folder of a sweep, or none yet.
    resume : bool
        Whether a sweep may be there.

    Raises
    ------
    NotADirectoryError
        If it is a file.
    FileExistsError
        If it holds other files, or a sweep and `resume` is false.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; give a folder")
    if not folder.is_dir():
        return
    if (folder / MANIFEST).exists():
        if _manifest(folder).get("kind") != KIND:
            raise FileExistsError(f"{folder} holds something else than a sweep; use another folder")
        if not resume:
            raise FileExistsError(
                f"{folder} holds a sweep: go on with it (resume=True, --resume) or use another folder"
            )
        return
    own = (SCENARIO, LOGS)
    foreign = sorted(p.name for p in folder.iterdir() if p.name not in own and not p.name.startswith("."))
    if foreign:
        raise FileExistsError(f"{folder} holds other files ({', '.join(foreign[:3])}); use another folder")


def open_folder(folder: Path, manifest: Mapping[str, Any], base: str) -> None:
    """Begin a sweep in an empty folder, or refuse one that was begun for other points.

    Parameters
    ----------
    folder : Path
        That exists.
    manifest : mapping
        What the sweep is.
    base : str
        Its base scenario, as YAML.

    Raises
    ------
    ValueError
        If the folder belongs to another sweep.
    """
    if not (folder / MANIFEST).exists():
        write_file(folder / SCENARIO, lambda file: file.write(base.encode()))
        write_json(folder / MANIFEST, manifest)
        return
    known = _manifest(folder)
    if known.get("identity") == manifest["identity"]:
        return
    differing = [
        key for key in ("versions", "plugins", "rows", "seeds", "base_hash", "sweep") if known.get(key) != manifest[key]
    ]
    raise ValueError(
        f"{folder} belongs to another sweep, {known.get('name')!r}: it differs in "
        f"{', '.join(differing) or 'its points'}; use another folder, or the sweep and the versions it was begun with"
    )


@contextmanager
def held(folder: Path, part: Part | None) -> Iterator[None]:
    """Hold the folder: the system lets go of it when this process ends, however it ends.

    Parameters
    ----------
    folder : Path
        Made where it is not there.
    part : Part, optional
        The part of the sweep that this process works on: others may work on other parts meanwhile.

    Raises
    ------
    BlockingIOError
        If another process is at work on the folder, or on the part.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        if part is None:
            stack.enter_context(_locked(folder / LOCK, f"{folder}"))
        else:
            stack.enter_context(_locked(folder / LOCK, f"{folder}", shared=True))
            name = f"{LOCK}-{part.number}-of-{part.parts}"
            stack.enter_context(_locked(folder / name, f"part {part.number}/{part.parts} of {folder}"))
        yield


@contextmanager
def _locked(path: Path, shown: str, shared: bool = False) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows has none
        yield
        return
    with path.open("a+") as file:  # network file systems ask for both rights
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(
                f"another process is at work on {shown}; wait for it, or use another folder"
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        yield


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except ValueError:
        content = None
    return content if isinstance(content, dict) else {}
