"""The one door to numba: every kernel is compiled through :func:`kernel`.

numba's own cache looks at one file only and would return old numbers after an edit in another file, so the
cache folder of a module carries the hash of all our sources that it imports, directly or not.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import numba

_config: Any = numba.config
F = TypeVar("F", bound=Callable[..., Any])

_IMPORTS = re.compile(r"^[ \t]*from gridagora\.?([\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)


@cache
def _imported(path: Path, root: Path) -> tuple[Path, ...]:
    """Return the files below `root` that the file at `path` imports from."""
    found = []
    for module, names in _IMPORTS.findall(path.read_text(encoding="utf-8")):
        folder = root.joinpath(*module.split(".")) if module else root
        stems = [folder, *(folder / name for name in re.findall(r"\w+", names))]
        found += [file for stem in stems for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.is_file()]
    return tuple(found)


def sources_hash(path: Path) -> str:
    """Return the hash of every source file that the kernels of a module may call.

    Parameters
    ----------
    path : Path
        The module's file.

    Returns
    -------
    str
        First 16 hexadecimal digits of the SHA-256 of names and contents of the file and of all files of the
        package that it imports, directly or not.
    """
    root = Path(__file__).resolve().parent.parent
    seen, waiting = {path}, [path]
    while waiting:
        for file in _imported(waiting.pop(), root):
            if file not in seen:
                seen.add(file)
                waiting.append(file)
    digest = hashlib.sha256(numba.__version__.encode())
    for file in sorted(seen):
        digest.update(os.path.relpath(file, root).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Return the folder of compiled kernels, created on first use.

    ``NUMBA_CACHE_DIR`` names its parent if set, else the user's cache folder; where that cannot be written the
    temporary folder serves.

    Returns
    -------
    Path
        Folder that holds one folder for each :func:`sources_hash`.
    """
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    home = Path(chosen or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    for parent in (home / "gridagora", Path(tempfile.gettempdir()) / "gridagora"):
        folder = parent / "kernels"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    raise OSError(
        f"no writable folder for compiled kernels: tried {home} and {tempfile.gettempdir()}; "
        "set NUMBA_CACHE_DIR to a writable folder"
    )


@cache
def _folder_of(source: str) -> str:
    """Return the cache folder of the kernels in a source file."""
    return str(cache_folder() / sources_hash(Path(source).resolve()))


def kernel(
    *, parallel: bool = False, plain: bool = False, inline: bool | Literal["always"] = False
) -> Callable[[F], F]:
    """Return the decorator that compiles a kernel.

    ``fastmath`` stays off: it may reorder sums and results would depend on the compiler's mood.

    Parameters
    ----------
    parallel : bool
        Let ``numba.prange`` loops run on several threads. The loop must go over fixed blocks, each writing its
        own row, so that results do not depend on the number of threads. For one thread there is another version, which
        takes half as long to call. Other kernels cannot call it.
    plain : bool
        Give a parallel kernel its named tuples as plain ones, which numba takes in a third of the time, and let it name
        them again: for kernels that are called in every settlement period.
    inline : bool or "always"
        For small functions that only other kernels call: not cached on their own. The compiler decides whether it
        copies them into their callers; "always" makes it, where a call with many arrays costs more than its work. All
        of them so would compile a third longer.

    Returns
    -------
    callable
        Decorator; with ``NUMBA_DISABLE_JIT=1`` the plain Python function stays.
    """

    def decorate(function: F) -> F:
        if parallel and not _config.DISABLE_JIT:
            return _by_threads(_compiled(function), _compiled(function, parallel=True), plain)
        return _compiled(function, inline=inline)

    return decorate


def _compiled(function: F, *, parallel: bool = False, inline: bool | Literal["always"] = False) -> F:
    """Return a function compiled when it is first called."""
    if not (inline or _config.DISABLE_JIT):
        # numba's cache would take one version of a function for the other.
        _config.CACHE_DIR = f"{_folder_of(function.__code__.co_filename)}/{'threads' if parallel else 'thread'}"
    options: Any = {"parallel": parallel, "cache": not inline, "forceinline": inline == "always"}
    return cast("F", numba.njit(nogil=True, error_model="numpy", **options)(function))


class _Use(threading.local):
    """How many threads kernels that are called from this one run on."""

    threads = 1


_use = _Use()


def _by_threads(alone: F, together: F, plain: bool = False) -> F:
    """Return a function that calls its version for one thread or the one for several."""

    @wraps(alone)
    def call(*arguments: Any) -> Any:
        given = [tuple(each) if isinstance(each, tuple) else each for each in arguments] if plain else arguments
        return (alone if _use.threads == 1 else together)(*given)

    return cast("F", call)


def use_threads(threads: int) -> None:
    """Set the number of threads of parallel kernels that are called from this thread; 1 at first.

    Parameters
    ----------
    threads : int
        At least 1 and at most the number of processors.

    Raises
    ------
    ValueError
        If the machine has fewer.
    """
    most = int(_config.NUMBA_NUM_THREADS)
    if not 1 <= threads <= most:
        raise ValueError(f"threads: given {threads}; allowed 1 to {most} on this machine; lower `threads`")
    _use.threads = threads
    if threads > 1 and not _config.DISABLE_JIT:
        numba.set_num_threads(threads)  # starts the pool, after which no copy of this process may have one
