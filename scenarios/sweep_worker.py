"""What a Dask worker does with a batch of points: check that all is the same here as there, compute, write."""

from __future__ import annotations

import hashlib
import pickle
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from gridagora.scenarios.sweep_points import PointStore, Status, compute
from gridagora.scenarios.sweep_pool import load_all, register_again

#: What a worker looks for in the folder, to know that it is the same here and there.
TOKEN = ".at-work"
#: What that file may take to be seen from another machine [s].
TOKEN_SECONDS = 5.0
#: Hash of the source of each own module, as this process has loaded it.
_LOADED: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker has to know beside the points: plain data, which any version can read.

    Parameters
    ----------
    folder : str
        Folder of the sweep, absolute.
    token : str
        What stands in its token file as long as the sweep is at work.
    keep : str
        What a point leaves.
    versions : dict
        Versions of the packages that decide results, by name.
    plugins : dict
        Own classes and functions: their homes by sort and name.
    sources : dict
        Hash of the source of each of their modules.
    paths : tuple of str
        Where the modules of own classes are looked for.
    """

    folder: str
    token: str
    keep: str
    versions: dict[str, str]
    plugins: dict[tuple[str, str], str]
    sources: dict[str, str]
    paths: tuple[str, ...]


def run_batch(given: dict[str, Any], tasks: bytes) -> list[tuple[str, Status, float]]:
    """Compute a batch of points; the work of a Dask worker.

    Parameters
    ----------
    given : dict
        Fields of an :class:`Order`.
    tasks : bytes
        Hash and scenario of each point, pickled.

    Returns
    -------
    list of tuple
        Hash, status and time [s] of each.

    Raises
    ------
    ValueError
        If a version differs, an own class cannot be found, or the folder is not shared.
    OSError
        If a point cannot be written.
    """
    _refuse_other_versions(given["versions"])
    order = Order(**given)
    sys.path.extend(path for path in order.paths if path not in sys.path)
    try:
        register_again(order.plugins)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{_here()}: an own class cannot be found ({error}); install its module there") from None
    _refuse_other_sources(order.sources)
    load_all()
    found: list[tuple[str, Status, float]] = []
    store = PointStore(Path(order.folder))
    for key, scenario in pickle.loads(tasks):
        _refuse_other_folder(order, patient=not found)
        started = perf_counter()
        status = compute(store, key, scenario, order.keep)
        found.append((key, status, perf_counter() - started))
    return found


def _refuse_other_versions(wanted: Mapping[str, str]) -> None:
    from gridagora.scenarios.run import versions

    here = versions()
    differing = [
        f"{name} {here.get(name, 'none')} in place of {version}"
        for name, version in wanted.items()
        if here.get(name) != version
    ]
    if differing:
        raise ValueError(f"{_here()}: has {', '.join(differing)}; use one environment for all, or results would differ")


def source_of(module: str) -> str:
    """Return the hash of the source of a module that is loaded; empty where it has none."""
    file = getattr(sys.modules.get(module), "__file__", None)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""


def _refuse_other_sources(wanted: Mapping[str, str]) -> None:
    """Refuse own classes that were loaded from another source: workers outlive an edit."""
    for module, source in wanted.items():
        if module not in _LOADED:
            _LOADED[module] = source_of(module)
        if _LOADED[module] != source:
            raise ValueError(f"{_here()}: has another {module}.py than this process; restart it to load what you wrote")


def _refuse_other_folder(order: Order, patient: bool) -> None:
    """Refuse a folder that is not the client's, or no longer: its sweep is over then, or another has begun."""
    deadline = time.monotonic() + (TOKEN_SECONDS if patient else 0.0)
    while True:
        try:
            if (Path(order.folder) / TOKEN).read_text() == order.token:
                return
        except OSError:
            pass
        if time.monotonic() >= deadline:
            raise ValueError(
                f"{_here()}: does not see what was written to {order.folder}; use a folder that all machines share "
                "under one path (out=, --out)"
            )
        time.sleep(0.2)


def _here() -> str:
    from distributed import get_worker

    return f"worker {get_worker().name}"
