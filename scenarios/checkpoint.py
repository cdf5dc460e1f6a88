"""Checkpoints of a long run: the whole simulation between two days, as one file in the folder of the run.

A checkpoint is the simulation's object graph. Random draws have no state, and solvers forget what they solved before
(:meth:`gridagora.markets.solver.PersistentSolver.forget`), so their models are built anew: a run that goes on from a
checkpoint ends at the same bytes as one that was never stopped. To make sure of that, a checkpoint is read only by the
versions and sources that made it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import pickle
import sys
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import IO, TYPE_CHECKING, Any

from gridagora.sim.run_folder import MANIFEST, checkpoints, tidy
from gridagora.sim.run_tables import read_manifest

if TYPE_CHECKING:
    import os

    from gridagora.scenarios.load import Scenario
    from gridagora.scenarios.simulation import Simulation
    from gridagora.sim.results import ResultWriter

_LOG = logging.getLogger(__name__)
_MARK = b"GridAgora checkpoint 1 "
_DIGEST = 32  # bytes at the end of the file
_PACKAGES = ("sim", "markets", "agents", "scenarios")


class StaleCheckpoint(ValueError):
    """A checkpoint of another scenario, seed or program; going on from it would end at other results."""


class _Damaged(ValueError):
    """A file that is no whole checkpoint."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A run between two days.

    Parameters
    ----------
    model : Simulation
        The run.
    every : int or None
        Simulated days from one checkpoint to the next; None for no checkpoints.
    stamp : dict
        What :func:`stamp` said when the run began.
    resumed : int
        How often the run was resumed.
    seconds : float
        What its days have taken so far [s].
    """

    model: Simulation
    every: int | None = None
    stamp: dict[str, str] = field(default_factory=dict)
    resumed: int = 0
    seconds: float = 0.0


def save(saved: Saved, since: float) -> None:
    """Write a checkpoint if one is due after the day that ended; of the earlier ones the last stays.

    Parameters
    ----------
    saved : Saved
        The run as it began in this process.
    since : float
        Time on ``perf_counter`` when its days began in this process [s].

    Raises
    ------
    OSError
        If it cannot be written; earlier ones stay.
    """
    model = saved.model
    if saved.every is None or model.next_day % saved.every or not model.running:
        return
    now = replace(saved, seconds=saved.seconds + perf_counter() - since)
    writer_of(saved).write_checkpoint(model.next_day, lambda file: _write(file, now))


def writer_of(saved: Saved) -> ResultWriter:
    """Return the writer of a run that has a folder."""
    writer = saved.model.recorder.writer
    assert writer is not None, "only runs with a folder have checkpoints"
    return writer


def load(folder: str | os.PathLike[str], scenario: Scenario) -> Saved | None:
    """Return the run of a folder as its last whole checkpoint has it, and take the folder back to that day.

    Parameters
    ----------
    folder : path-like
        Folder of an unfinished run.
    scenario : Scenario
        What is to be simulated: its hash and seed are those of the checkpoint.

    Returns
    -------
    Saved or None
        None where there is no whole checkpoint.

    Raises
    ------
    StaleCheckpoint
        If the checkpoint is of another scenario or seed, or was made by other versions or sources.
    ScenarioError
        If an own file has changed.
    """
    from gridagora.scenarios.own_files import require_unchanged
    from gridagora.sim.compiled import use_threads

    for file in checkpoints(folder):
        try:
            saved = _read(file, scenario)
            writer_of(saved).reopen(folder)
        except (_Damaged, FileNotFoundError) as error:
            _LOG.warning("%s: cannot be resumed from: %s", file, error)
            continue
        require_unchanged(scenario)
        use_threads(scenario.threads)
        saved.model.scenario = scenario
        days = len(saved.model.calendar.simulated)
        _LOG.info("%s: resumed after day %d of %d", folder, saved.model.next_day, days)
        return replace(saved, resumed=saved.resumed + 1)
    _LOG.warning("%s: no checkpoint to resume from; the run begins anew", folder)
    return None


def is_finished(folder: str | os.PathLike[str], scenario: Scenario) -> bool:
    """Tell whether a folder holds the finished run of a scenario; what such a run needs no more is removed from it."""
    manifest = Path(folder) / MANIFEST
    if not manifest.exists() or read_manifest(folder).get("scenario_hash") != scenario.hash:
        return False
    tidy(folder)
    return True


def refuse_to_replace(folder: str | os.PathLike[str]) -> None:
    """Raise FileExistsError where a run could be resumed, so that nobody loses its days by forgetting to say so."""
    found = checkpoints(folder)
    if found:
        raise FileExistsError(
            f"{found[0].parent} holds an unfinished run with {found[0].name}; resume it (resume=True, --resume) or "
            "replace it (overwrite=True, --overwrite)"
        )


def stamp(scenario: Scenario) -> dict[str, str]:
    """Return what a checkpoint must share with who reads it: scenario, seed, versions, sources of ours and of plug-ins.

    Parameters
    ----------
    scenario : Scenario
        What is simulated.
    """
    from gridagora.scenarios.registry import REGISTERED
    from gridagora.scenarios.run import versions

    modules = sorted({home.partition(":")[0] for home in REGISTERED.values()})
    files = {module: getattr(sys.modules.get(module), "__file__", None) for module in modules}
    own = {
        f"plug-in {module}": hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""
        for module, file in files.items()
    }
    return {"seed": str(scenario.seed), "scenario hash": scenario.hash, **versions(), "sources": _sources(), **own}


@cache
def _sources() -> str:
    """Return the SHA-256 of all sources of the package, names and contents."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        spec = find_spec(f"gridagora.{package}")
        for folder in (spec and spec.submodule_search_locations) or ():
            for file in sorted(Path(folder).rglob("*.py")):
                digest.update(f"{package}/{file.relative_to(folder).as_posix()}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()


class _Hashing:
    """A file that keeps the SHA-256 of what is written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.digest = file, hashlib.sha256()

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return self.file.write(data)


def _write(file: IO[bytes], saved: Saved) -> None:
    hashing = _Hashing(file)
    hashing.write(_MARK + json.dumps(saved.stamp).encode() + b"\n")
    pickle.dump(saved, hashing, protocol=5)
    file.write(hashing.digest.digest())


def _read(path: Path, scenario: Scenario) -> Saved:
    with path.open("rb") as file:
        _refuse_damaged(file)
        made = json.loads(file.readline().removeprefix(_MARK))
        here = stamp(scenario)
        other = {
            name: (made.get(name), here.get(name)) for name in {**made, **here} if made.get(name) != here.get(name)
        }
        if other:
            listed = ", ".join(f"{name} {_short(then)}, now {_short(now)}" for name, (then, now) in other.items())
            raise StaleCheckpoint(
                f"{path} was made with {listed}; resume with what made it, or start again (overwrite=True, --overwrite)"
            )
        saved = pickle.load(file)
        assert isinstance(saved, Saved)
        return saved


def _short(value: str | None) -> str:
    return "none" if value is None else value[:12]


def _refuse_damaged(file: IO[bytes]) -> None:
    """Raise if a file does not end with the digest of all that is before it; go back to its beginning."""
    size = file.seek(0, 2) - _DIGEST
    file.seek(0)
    if file.read(len(_MARK)) != _MARK:
        raise _Damaged("it is no checkpoint, or one of another format")
    file.seek(0)
    digest, left = hashlib.sha256(), size
    while left > 0:
        piece = file.read(min(left, 1 << 20))
        digest.update(piece)
        left -= len(piece)
    if digest.digest() != file.read(_DIGEST):
        raise _Damaged("it is damaged: its content is not what was written")
    file.seek(0)
