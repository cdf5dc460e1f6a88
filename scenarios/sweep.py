"""Sweeps: many points of one scenario, each computed once, and one tidy table at the end."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridagora.scenarios.load import Problem, Scenario, ScenarioError
from gridagora.scenarios.sweep_design import Row, design_rows
from gridagora.scenarios.sweep_file import Stop, Sweep, SweepFile, load_sweep
from gridagora.scenarios.sweep_points import Outcome, Point, PointStore
from gridagora.scenarios.sweep_pool import Executor, HereExecutor, LocalPool, run_points

if TYPE_CHECKING:
    from gridagora.scenarios.sweep_result import SweepResult

MANIFEST, SCENARIO, TABLE, LOCK = "manifest.json", "scenario.yaml", "results.parquet", ".lock"
KIND = "gridagora sweep"
#: Memory of a process with all that it loads, beyond its members [bytes].
PROCESS_BYTES = 600_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """All points that a sweep may need, checked.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    base : Scenario
        Its base, with the overrides.
    rows : list of dict
        Values of the factors by row.
    scenarios : list of Scenario
        Checked scenario of each row, with the first seed.
    hashes : list of list of str
        Hash of the scenario by row and replication.
    """

    sweep: Sweep
    base: Scenario
    rows: list[Row]
    scenarios: list[Scenario]
    hashes: list[list[str]]

    @property
    def seeds(self) -> list[int]:
        """Seed of each replication, the same in all rows."""
        return [self.base.seed + number for number in range(self.sweep.replications)]

    def points(self, row: int, first: int, last: int) -> list[Point]:
        """Return replications `first` to before `last` of a row."""
        scenario, seeds = self.scenarios[row], self.seeds
        return [
            Point(row, number, self.hashes[row][number], scenario.with_seed(seeds[number]))
            for number in range(first, last)
        ]

    def manifest(self) -> dict[str, Any]:
        """Return all that is needed to run any point alone."""
        from gridagora.scenarios.registry import REGISTERED
        from gridagora.scenarios.run import versions

        content: dict[str, Any] = {
            "kind": KIND,
            "name": self.sweep.name,
            "sweep": self.sweep.model_dump(mode="json"),
            "base": SCENARIO,
            "base_hash": self.base.hash,
            "applied": list(self.base.applied),
            "currency": self.base.currency,
            "data_files": self.base.data_files,
            "plugins": {f"{sort} {name}": home for (sort, name), home in sorted(REGISTERED.items())},
            "versions": dict(versions()),
            "one_point": f"gridagora run {SCENARIO} --set KEY=VALUE for each value of its row, --seed SEED",
            "seeds": self.seeds,
            "rows": self.rows,
            "hashes": self.hashes,
        }
        named = {key: content[key] for key in ("hashes", "rows", "plugins", "versions")}
        named["sweep"] = {key: content["sweep"][key] for key in ("stop", "keep")}
        return content | {"identity": hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()}


def sweep(
    source: str | Path | Mapping[str, Any],
    out: str | os.PathLike[str],
    *,
    workers: int | None = None,
    resume: bool = False,
    progress: bool = False,
) -> SweepResult:
    """Run all points of a sweep.

    Parameters
    ----------
    source : str, Path or mapping
        Name of a built-in sweep, a YAML file, or its content.
    out : path-like
        Folder for the results.
    workers : int, optional
        Processes; 0 runs the points in this one. By default one for each processor, fewer where memory would not do.
    resume : bool
        Go on with the sweep that `out` holds: points that are there stay, those that failed too.
    progress : bool
        Show points done, rate, remaining time and failures on the terminal.

    Returns
    -------
    SweepResult

    Raises
    ------
    ScenarioError
        If the sweep or any of its points is refused; nothing has run then.
    FileExistsError
        If `out` holds a sweep and `resume` is false, or other files.
    ValueError
        If `out` belongs to another sweep, or `workers` is negative.
    BlockingIOError
        If another process is at work on `out`.
    """
    from gridagora.scenarios.sweep_result import read_sweep, write_table

    file = load_sweep(source)
    folder = Path(out)
    wanted = enough_workers(file.base) if workers is None else workers
    if wanted < 0:
        raise ValueError(f"workers: given {wanted}; allowed 0 (this process) or more")
    _refuse_taken(folder, resume)
    pool: AbstractContextManager[Executor] = LocalPool(wanted) if wanted else nullcontext(HereExecutor())
    with pool as executor:
        plan = make_plan(file)
        with _locked(folder):
            _open_folder(folder, plan)
            store = PointStore(folder)
            store.clean()
            used = _run_all(plan, executor, store, progress)
            write_table(plan.manifest(), store, used, folder / TABLE)
    return read_sweep(folder)


def make_plan(file: SweepFile) -> Plan:
    """Make all points of a sweep and check them.

    Raises
    ------
    ScenarioError
        With each reason once, at the factor that causes it, and the first row that it refuses.
    """
    sweep = file.sweep
    own = {key: _value_at(file.base, key) for key in sweep.factors}
    problems: dict[tuple[str, str], Problem] = {}
    rows, scenarios = design_rows(sweep, own), []
    for number, row in enumerate(rows):
        try:
            scenarios.append(file.base.override(row, file.folder))
        except ScenarioError as error:
            for refused in error.problems:
                problem = file.problem("factors", refused.key, f"{refused.message} (row {number})")
                problems.setdefault((refused.key, refused.message), problem)
    if problems:
        raise ScenarioError(list(problems.values()))
    last = file.base.seed + sweep.replications - 1
    if last > 2**63 - 1:
        raise ScenarioError([file.problem("replications", "", f"the last seed would be {last}; lower the base's seed")])
    seeds = range(file.base.seed, last + 1)
    hashes = [[scenario.with_seed(seed).hash for seed in seeds] for scenario in scenarios]
    return Plan(sweep, file.base, rows, scenarios, hashes)


def enough_workers(scenario: Scenario) -> int:
    """Return how many processes this machine has processors and memory for, at least 1."""
    from gridagora.scenarios.plausible import memory_needed, memory_of_machine

    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    each = PROCESS_BYTES + sum(memory_needed(scenario).values())
    return max(1, min(processors // scenario.threads, int(0.8 * memory_of_machine() / each)))


def reached(stop: Stop, values: list[float]) -> bool:
    """Return whether the mean of some values is known well enough.

    Parameters
    ----------
    stop : Stop
        Half-width of the confidence interval that is enough.
    values : list of float
        One a replication; nan never is enough.
    """
    import numpy as np
    from scipy.stats import t

    if len(values) < 2:
        return False
    quantile = float(t.ppf(0.5 + stop.confidence / 2, len(values) - 1))
    return bool(quantile * np.std(values, ddof=1) / np.sqrt(len(values)) <= stop.half_width)


def _run_all(plan: Plan, executor: Executor, store: PointStore, progress: bool) -> list[int]:
    """Run the points of every row until it has enough; return how many replications each row has.

    Rows stop one by one, by their first replications alone: neither workers nor interruptions matter.
    """
    sweep = plan.sweep
    used, most = [0] * len(plan.rows), sweep.replications
    step = most if sweep.stop is None else sweep.stop.every
    open_rows = list(range(len(plan.rows)))
    with _shown(sweep.name, len(plan.rows) * most, progress) as show:
        while open_rows:
            points = [point for row in open_rows for point in plan.points(row, used[row], min(used[row] + step, most))]
            points.sort(key=lambda point: point.replication)  # like seeds behind each other share what depends on them
            for _, status in run_points(points, executor, store, sweep.keep):
                show(status)
            for row in open_rows:
                used[row] = min(used[row] + step, most)
            open_rows = [row for row in open_rows if used[row] < most and not _enough(plan, store, row, used[row])]
    return used


def _enough(plan: Plan, store: PointStore, row: int, count: int) -> bool:
    stop = plan.sweep.stop
    if stop is None:
        return False
    outcomes = [outcome for _, outcome in store.outcomes(plan.hashes[row][:count])]
    return reached(stop, [_figure(outcome, stop) for outcome in outcomes if outcome.status == "done"])


def _figure(outcome: Outcome, stop: Stop) -> float:
    found = [value for kpi, scope, value, _ in outcome.kpis if (kpi, scope) == (stop.kpi, stop.scope)]
    if not found:
        names = ", ".join(sorted({kpi for kpi, scope, *_ in outcome.kpis if scope == stop.scope}))
        raise ValueError(f"stop.kpi: no key figure {stop.kpi!r} of scope {stop.scope!r}; there are {names or 'none'}")
    return found[0]


def _value_at(scenario: Scenario, key: str) -> Any:
    """Return the base's own value at a dotted key; None where there is none."""
    here: Any = scenario.resolved()
    for part in key.split("."):
        here = here.get(part) if isinstance(here, dict) else None
    return here


def _refuse_taken(folder: Path, resume: bool) -> None:
    """Refuse a folder of something else before anything is made or checked."""
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
    foreign = sorted(p.name for p in folder.iterdir() if p.name not in (SCENARIO, LOCK) and not p.name.startswith("."))
    if foreign:
        raise FileExistsError(f"{folder} holds other files ({', '.join(foreign[:3])}); use another folder")


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except ValueError:
        content = None
    return content if isinstance(content, dict) else {}


def _open_folder(folder: Path, plan: Plan) -> None:
    """Begin a sweep in an empty folder, or refuse one that was begun for other points."""
    from gridagora.sim.atomic import write_file, write_json

    manifest = plan.manifest()
    if not (folder / MANIFEST).exists():
        write_file(folder / SCENARIO, lambda file: file.write(plan.base.to_yaml().encode()))
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
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder: the system lets go of it when this process ends, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows has none
        yield
        return
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(
                f"another process is at work on {folder}; wait for it, or use another folder"
            ) from None
        yield


@contextmanager
def _shown(name: str, total: int, progress: bool) -> Iterator[Any]:
    """Show points done, rate, remaining time and failures; yields what notes a point's status."""
    if not progress:
        yield lambda status: None
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TextColumn("{task.completed:.0f} of {task.total:.0f}, {task.fields[rate]}, {task.fields[failed]} failed"),
        bars.TimeRemainingColumn(),
    )
    failed = 0
    with bars.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(f"{name}: points", total=total, rate="-", failed=0)

        def note(status: str) -> None:
            nonlocal failed
            failed += status != "done"
            speed = bar.tasks[0].speed
            bar.update(task, advance=1, failed=failed, rate=f"{speed:.3g} a second" if speed else "-")

        yield note
