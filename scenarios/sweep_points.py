"""Points of a sweep on disk: each known by the hash of its scenario, written once, complete or absent."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gridagora.sim.atomic import TEMPORARY, write_file

if TYPE_CHECKING:
    from gridagora.scenarios.load import Scenario

Status = Literal["done", "failed", "lost"]


@dataclass(frozen=True, slots=True)
class Point:
    """One run of a sweep.

    Parameters
    ----------
    row, replication : int
        Place in the design.
    hash : str
        Hash of the scenario, which includes the seed.
    scenario : Scenario
        Checked.
    """

    row: int
    replication: int
    hash: str
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a point came to.

    Parameters
    ----------
    hash : str
        Hash of the scenario.
    status : {"done", "failed", "lost"}
        Done; failed with an error of the run; lost to its surroundings, such as a full disk or a killed process.
    kpis : tuple of (kpi, scope, value, unit)
        Key figures; none unless done.
    error : str
        Why it failed, in one line.
    details : str
        Traceback.
    """

    hash: str
    status: Status
    kpis: tuple[tuple[str, str, float, str], ...] = ()
    error: str = ""
    details: str = ""


@dataclass(frozen=True, slots=True)
class PointStore:
    """A folder of points.

    Parameters
    ----------
    folder : Path
        Folder of the sweep; points are in ``points/<first two digits>/<hash>.json``, runs that are kept in ``runs``.
    """

    folder: Path

    def path(self, key: str) -> Path:
        """Return the file of a point."""
        return Path(f"{self.folder}/points/{key[:2]}/{key}.json")

    def run_folder(self, key: str) -> Path:
        """Return the folder of the run of a point whose tables are kept."""
        return self.folder / "runs" / key

    def write(self, outcome: Outcome) -> None:
        """Write a point: afterwards it is there in full, or else not at all; one that is finished stays as it is.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        if self.finished(outcome.hash) is not None:
            return
        path = self.path(outcome.hash)
        rows = [[kpi, scope, _storable(value), unit] for kpi, scope, value, unit in outcome.kpis]
        content: dict[str, Any] = {"hash": outcome.hash, "status": outcome.status, "kpis": rows}
        content |= {"error": outcome.error, "details": outcome.details}
        text = json.dumps(content, allow_nan=False)  # on one line: indented text is written in Python, item by item
        if not path.parent.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
        # The disk takes a millisecond, and a point that a power cut damages is computed again.
        write_file(path, lambda file: file.write(text.encode()), to_disk=False)

    def read(self, key: str) -> Outcome | None:
        """Return a point; None where it is not there, or not a point."""
        try:
            content = json.loads(self.path(key).read_bytes())
            kpis = tuple((kpi, scope, float(value), unit) for kpi, scope, value, unit in content["kpis"])
            return Outcome(content["hash"], content["status"], kpis, content["error"], content["details"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):  # a damaged disk: the point is computed again
            return None

    def finished(self, key: str) -> Status | None:
        """Return what a point has come to; None where it is not there, or was lost: it is to be computed then."""
        known = self.read(key)
        return None if known is None or known.status == "lost" else known.status

    def outcomes(self, keys: Iterable[str]) -> Iterator[tuple[str, Outcome]]:
        """Yield the points that are there, of those asked for."""
        for key in keys:
            outcome = self.read(key)
            if outcome is not None and outcome.hash == key:
                yield key, outcome

    def clean(self) -> None:
        """Remove what processes that were killed had begun to write."""
        for temporary in self.folder.glob(f"points/*/.*{TEMPORARY}"):
            temporary.unlink(missing_ok=True)


def _storable(value: float) -> float | str:
    """Return a number as JSON can hold it: Python writes the shortest digits that read back the same."""
    return value if math.isfinite(value) else str(value)


def compute(store: PointStore, key: str, scenario: Scenario, keep: str) -> Status:
    """Run a point and write what it came to; where it is finished already, do nothing.

    Parameters
    ----------
    store : PointStore
        Where to.
    key : str
        Hash of the scenario.
    scenario : Scenario
        What to simulate.
    keep : {"kpis", "tables"}
        Whether the folder of the run is kept too.

    Returns
    -------
    {"done", "failed", "lost"}

    Raises
    ------
    OSError
        If the point cannot be written.
    """
    import traceback

    known = store.finished(key)
    if known is not None:
        return known
    from gridagora.scenarios.run import key_figures, run

    try:
        if keep == "tables":
            figures = run(scenario, store.run_folder(key), overwrite=True)["kpis"].itertuples(index=False, name=None)
        else:
            figures = iter(key_figures(scenario))
        outcome = Outcome(key, "done", tuple((kpi, scope, float(value), unit) for kpi, scope, value, unit in figures))
    except Exception as error:  # whatever goes wrong inside a point, the others go on
        text = " ".join(str(error).split()) or "no message"
        # A full disk or memory is no property of the point: resume tries it again.
        status: Status = "lost" if isinstance(error, OSError | MemoryError) else "failed"
        outcome = Outcome(key, status, (), f"{type(error).__name__}: {text}", traceback.format_exc())
    store.write(outcome)
    return outcome.status
