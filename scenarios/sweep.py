"""Sweeps: many points of one scenario, each computed once, and one tidy table at the end."""

from __future__ import annotations

import gc
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
from gridagora.scenarios.sweep_folder import KIND, LOGS, SCENARIO, TABLE, Part, held, open_folder, refuse_taken
from gridagora.scenarios.sweep_points import Outcome, Point, PointStore
from gridagora.scenarios.sweep_pool import Executor, HereExecutor, LocalPool, run_points

if TYPE_CHECKING:
    from gridagora.scenarios.sweep_result import SweepResult

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

    def hashes_of(self, part: Part | None) -> set[str]:
        """Return the points of a part, or all: each belongs to one part, a row that decides when to stop as a whole."""
        if self.sweep.stop is None:
            keys = list(dict.fromkeys(key for keys in self.hashes for key in keys))
            return set(part.of_items(keys) if part else keys)
        rows = list({keys[0]: keys for keys in self.hashes}.values())
        return {key for keys in (part.of_items(rows) if part else rows) for key in keys}

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
            "factors": list(self.sweep.factors),
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
    scheduler: str | None = None,
    cluster: str | None = None,
    cluster_options: str | Path | Mapping[str, Any] | None = None,
    part: str | None = None,
    resume: bool = False,
    progress: bool = False,
) -> SweepResult:
    """Run all points of a sweep, or a part of them.

    Parameters
    ----------
    source : str, Path or mapping
        Name of a built-in sweep, a YAML file, or its content.
    out : path-like
        Folder for the results. Workers of other machines must see it under the same path.
    workers : int, optional
        Processes; 0 runs the points in this one. By default one for each processor, fewer where memory would not do.
    scheduler : str, optional
        Address of a Dask scheduler whose workers run the points in place of local processes.
    cluster : {"slurm", "pbs", "sge", "lsf"}, optional
        Kind of queue to submit jobs to, whose workers run the points in place of local processes.
    cluster_options : str, Path or mapping, optional
        YAML file of the jobs, or its content; see :class:`gridagora.scenarios.sweep_cluster.ClusterOptions`.
    part : str, optional
        ``K/N``: only the K-th of N parts, without table; other processes may work on other parts meanwhile.
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
        If the sweep, any of its points or the options of the cluster are refused; nothing has run then.
    FileExistsError
        If `out` holds a sweep and neither `resume` nor `part` is given, or other files.
    ValueError
        If `out` belongs to another sweep, `workers` is negative, options exclude one another, the queue refuses the
        job, or a worker has other versions of the packages or does not see `out`.
    ConnectionError
        If no scheduler answers, or it has no workers.
    BlockingIOError
        If another process is at work on `out`, or on the part.
    """
    from gridagora.scenarios.sweep_result import read_sweep, write_table

    _refuse_mixture(workers, scheduler, cluster, cluster_options, part)
    file = load_sweep(source)
    folder, mine = Path(out), Part.of(part) if part else None
    refuse_taken(folder, resume or mine is not None)
    with _executor(file.base, folder, workers, scheduler, cluster, cluster_options) as executor:
        plan = make_plan(file)
        with held(folder, mine), _frozen():
            open_folder(folder, plan.manifest(), plan.base.to_yaml())
            store = PointStore(folder)
            if mine is None:
                store.clean()
            used = _run_all(plan, executor, store, mine, progress)
            if mine is None:
                write_table(plan.manifest(), store, used, folder / TABLE)
    return read_sweep(folder)


def _refuse_mixture(
    workers: int | None, scheduler: str | None, cluster: str | None, options: Any, part: str | None
) -> None:
    """Refuse options that exclude one another."""
    given = {"workers": workers is not None, "scheduler": scheduler is not None, "cluster": cluster is not None}
    places = [name for name, is_given in given.items() if is_given]
    if len(places) > 1:
        raise ValueError(f"given {' and '.join(places)}; allowed one of them: they say where points run")
    if options is not None and cluster is None:
        raise ValueError("cluster_options: given without cluster; say which queue the jobs are for")
    if part is not None and (scheduler is not None or cluster is not None):
        raise ValueError(f"part: given with {places[0]}, which spreads the points itself; leave one of them out")
    if workers is not None and workers < 0:
        raise ValueError(f"workers: given {workers}; allowed 0 (this process) or more")


def _executor(
    base: Scenario, folder: Path, workers: int | None, scheduler: str | None, cluster: str | None, options: Any
) -> AbstractContextManager[Executor]:
    """Return what runs the points, not yet entered."""
    if scheduler is not None:
        from gridagora.scenarios.sweep_dask import on_scheduler

        return on_scheduler(scheduler)
    if cluster is not None:
        from gridagora.scenarios.sweep_cluster import on_cluster

        return on_cluster(cluster, options or {}, base.threads, folder.resolve() / LOGS)
    wanted = enough_workers(base) if workers is None else workers
    return LocalPool(wanted) if wanted else nullcontext(HereExecutor())


def make_plan(file: SweepFile) -> Plan:
    """Make all points of a sweep and check them.

    Raises
    ------
    ScenarioError
        With each reason once, at the factor that causes it, and the first row that it refuses.
    """
    sweep = file.sweep
    own = {key: _value_at(file.base, key) for key in sweep.factors}
    rows = design_rows(sweep, own)
    last = file.base.seed + sweep.replications - 1
    with _no_collection():
        scenarios = _overridden(file, rows)
        if last > 2**63 - 1:
            message = f"the last seed would be {last}; lower the base's seed"
            raise ScenarioError([file.problem("replications", "", message)])
        seeds = range(file.base.seed, last + 1)
        hashes = [[scenario.with_seed(seed).hash for seed in seeds] for scenario in scenarios]
    return Plan(sweep, file.base, rows, scenarios, hashes)


def _overridden(file: SweepFile, rows: list[dict[str, Any]]) -> list[Scenario]:
    """Return the base with the values of each row, or raise all problems at once."""
    problems: dict[tuple[str, str], Problem] = {}
    scenarios = []
    for number, row in enumerate(rows):
        try:
            scenarios.append(file.base.override(row, file.folder))
        except ScenarioError as error:
            for refused in error.problems:
                problem = file.problem("factors", refused.key, f"{refused.message} (row {number})")
                problems.setdefault((refused.key, refused.message), problem)
    if problems:
        raise ScenarioError(list(problems.values()))
    return scenarios


@contextmanager
def _no_collection() -> Iterator[None]:
    """Search for no garbage: scenarios by the thousand, all of which stay, would be visited again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextmanager
def _frozen() -> Iterator[None]:
    """Let searches for garbage pass over what is there: the points stay to the end."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


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


def _run_all(plan: Plan, executor: Executor, store: PointStore, part: Part | None, progress: bool) -> list[int]:
    """Run the points of every row until it has enough; return how many replications each row has.

    Rows stop one by one, by their first replications alone: neither workers nor interruptions matter.
    """
    sweep = plan.sweep
    used, most = [0] * len(plan.rows), sweep.replications
    step = most if sweep.stop is None else sweep.stop.every
    mine = plan.hashes_of(part)
    open_rows = [row for row, keys in enumerate(plan.hashes) if not mine.isdisjoint(keys)]
    with _shown(sweep.name, len(mine), progress) as show:
        while open_rows:
            points = [point for row in open_rows for point in plan.points(row, used[row], min(used[row] + step, most))]
            points.sort(key=lambda point: point.replication)  # like seeds behind each other share what depends on them
            for _, status in run_points([p for p in points if p.hash in mine], executor, store, sweep.keep):
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
