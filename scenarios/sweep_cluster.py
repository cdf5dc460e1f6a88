"""Points in the jobs of a queue: SLURM, PBS, SGE or LSF through dask-jobqueue, or a plain SLURM job array."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from gridagora.scenarios.load import Problem, ScenarioError
from gridagora.scenarios.messages import show
from gridagora.scenarios.schema_tree import allowed, annotation_of
from gridagora.scenarios.sweep_dask import DaskExecutor, connected, require_dask
from gridagora.scenarios.sweep_pool import MOST_LOST, ONE_THREAD
from gridagora.scenarios.yaml_lines import KeyPath, YamlError, parse
from gridagora.sim.plugin import Frozen, resolve, unknown

#: Class of dask-jobqueue, command that submits, number of the job inside it, and name of the account, by kind of queue.
KINDS = {
    "slurm": ("SLURMCluster", "sbatch", "SLURM_JOB_ID", "account"),
    "pbs": ("PBSCluster", "qsub", "PBS_JOBID", "account"),
    "sge": ("SGECluster", "qsub", "JOB_ID", "project"),
    "lsf": ("LSFCluster", "bsub", "LSB_JOBID", "project"),
}
NO_DASHBOARD = {"dashboard_address": ":0", "dashboard": False}
#: What submitting jobs may take [s].
SUBMIT_SECONDS = 120.0


class ClusterOptions(Frozen):
    """Jobs of a queue."""

    jobs: Annotated[int, Field(ge=1, le=10_000)] = 4
    """Jobs at a time [1]."""
    cores: Annotated[int, Field(ge=1, le=1024)] = 1
    """Processors of a job: it runs so many points at a time, fewer where a point has several threads [1]."""
    memory_gb: Annotated[float, Field(gt=0)] = 2.0
    """Memory of a job [GB]."""
    walltime_minutes: Annotated[int, Field(ge=1)] = 60
    """Time after which the queue ends a job; another one takes its place [min]."""
    queue: str | None = None
    """Queue or partition; `null` for the cluster's default."""
    account: str | None = None
    """Account or project that pays."""
    interface: str | None = None
    """Network interface through which jobs reach this machine, such as `ib0`; `null` for the default."""
    directives: tuple[str, ...] = ()
    """Further lines of the job's head, without their prefix, such as `--constraint=skylake`."""
    prologue: tuple[str, ...] = ()
    """Lines of shell before the work, such as `module load python`."""
    python: str | None = None
    """Python of the jobs; `null` for this one, which then must be on a shared file system."""


def read_options(source: str | Path | Mapping[str, Any]) -> ClusterOptions:
    """Return the options of a cluster.

    Parameters
    ----------
    source : str, Path or mapping
        YAML file, or its content.

    Raises
    ------
    ScenarioError
        If a key or value is refused; lists all problems.
    FileNotFoundError
        If the file is not there.
    """
    lines: dict[KeyPath, int] = {}
    content, shown, problems = source, "cluster_options", []
    if not isinstance(source, Mapping):
        shown = str(source)
        if not Path(source).is_file():
            raise FileNotFoundError(f"no file {shown!r} with the options of a cluster")
        try:
            document = parse(Path(source).read_bytes())
        except YamlError as error:
            raise ScenarioError([Problem(shown, error.line, "", error.message)]) from None
        content, lines = document.value, document.lines
        problems = [
            Problem(shown, line, str(key[-1]), f"given twice, first on line {first}; remove one")
            for key, line, first in document.duplicates
        ]
    try:
        options = ClusterOptions.model_validate(content)
    except ValidationError as error:
        problems += [_fault(detail, lines, shown) for detail in error.errors(include_url=False)]
    if problems:
        raise ScenarioError(problems)
    return options


def _fault(detail: Any, lines: dict[KeyPath, int], shown: str) -> Problem:
    key = str(detail["loc"][0])
    if detail["type"] == "extra_forbidden":
        message = unknown("key", key, ClusterOptions.model_fields)
    else:
        allowed_here = allowed(annotation_of(ClusterOptions.model_fields[key]))
        message = f"given {show(detail['input'])}; allowed {allowed_here}"
    return Problem(shown, lines.get((key,), 0), key, message)


def job_arguments(kind: str, options: ClusterOptions, threads: int, logs: Path) -> dict[str, Any]:
    """Return what dask-jobqueue makes a job of.

    Parameters
    ----------
    kind : {"slurm", "pbs", "sge", "lsf"}
        Kind of queue.
    options : ClusterOptions
        Jobs.
    threads : int
        Threads of a point.
    logs : Path
        Folder of the jobs' output.
    """
    _, _, number, account = KINDS[kind]
    hours, minutes = divmod(options.walltime_minutes, 60)
    arguments: dict[str, Any] = {
        "cores": options.cores,
        "processes": max(1, options.cores // threads),
        "memory": f"{options.memory_gb:g} GB",
        "walltime": f"{hours:02d}:{minutes:02d}" + ("" if kind == "lsf" else ":00"),
        "queue": options.queue,
        account: options.account,
        "interface": options.interface,
        "job_extra_directives": list(options.directives),
        # A job says when it ends, however early: only so can another one take its place.
        "job_script_prologue": [
            f'at_end() {{ touch {shlex.quote(str(logs))}/ended-"${{{number}%%.*}}"; }}',
            "trap at_end EXIT",
            *(f"export {name}=1" for name in ONE_THREAD),
            *options.prologue,
        ],
        "worker_extra_args": ["--nthreads", "1"],
        "log_directory": str(logs),
        "job_name": "gridagora",
        "python": options.python or sys.executable,
    }
    if kind == "lsf":
        arguments["lsf_units"] = "mb"
    return arguments


@contextmanager
def on_cluster(kind: str, source: str | Path | Mapping[str, Any], threads: int, logs: Path) -> Iterator[DaskExecutor]:
    """Submit jobs whose workers run points, and cancel them at the end.

    Parameters
    ----------
    kind : {"slurm", "pbs", "sge", "lsf"}
        Kind of queue.
    source : str, Path or mapping
        Options of the jobs: a YAML file, or its content.
    threads : int
        Threads of a point.
    logs : Path
        Folder of the jobs' output.

    Raises
    ------
    ScenarioError
        If an option is refused.
    ValueError
        If the kind is unknown, its commands are not here, or the queue refuses a job.
    ModuleNotFoundError
        If Dask is not installed.
    """
    home, command, *_ = resolve("cluster", kind, KINDS)
    options = read_options(source)
    require_dask()
    if shutil.which(command) is None:
        raise ValueError(f"cluster {kind}: no command {command} here; start the sweep where jobs are submitted from")
    import dask_jobqueue

    logs.mkdir(parents=True, exist_ok=True)
    for ended in logs.glob("ended-*"):
        ended.unlink()
    arguments = job_arguments(kind, options, threads, logs)
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(getattr(dask_jobqueue, home)(**arguments, scheduler_options=NO_DASHBOARD))
            jobs = Jobs(cluster, options.jobs, logs)
            jobs.submit()
        except (RuntimeError, TimeoutError) as error:
            raise ValueError(f"cluster {kind}: no job can be submitted: {_reason(error)}") from None
        yield DaskExecutor(stack.enter_context(connected(cluster.scheduler_address)), jobs.watch)


class Jobs:
    """The jobs of a sweep: as many as wanted, whatever becomes of each.

    A job that has ended, or whose workers have been gone for Dask's ``distributed.deploy.lost-worker-timeout``, is
    replaced by another; one that waits in the queue is left alone.

    Parameters
    ----------
    cluster : dask_jobqueue.JobQueueCluster
        That submits them.
    wanted : int
        Jobs at a time.
    logs : Path
        Where jobs say that they have ended.
    """

    def __init__(self, cluster: Any, wanted: int, logs: Path) -> None:
        from dask import config
        from dask.utils import parse_timedelta

        self._cluster, self._wanted, self._logs = cluster, wanted, logs
        self._patience = parse_timedelta(config.get("distributed.deploy.lost-worker-timeout"))
        self._seen: dict[str, float] = {}
        self._in_vain = 0

    def submit(self) -> None:
        """Submit what is missing; RuntimeError if the queue refuses it."""
        cluster = self._cluster
        while len(cluster.worker_spec) < self._wanted:
            cluster.worker_spec.update(cluster.new_worker_spec())
        try:
            cluster.sync(self._settled, callback_timeout=SUBMIT_SECONDS)
        except RuntimeError:
            from distributed.core import Status

            for job in cluster.workers.values():
                if job.job_id is None:
                    job.status = Status.failed  # else the cluster does not close
            raise

    async def _settled(self) -> None:
        await self._cluster

    def watch(self, crew: Mapping[str, int]) -> None:
        """Replace jobs that are gone; RuntimeError where none ever comes to work.

        Parameters
        ----------
        crew : mapping
            Threads of each worker by its name, which begins with that of its job.
        """
        now = time.monotonic()
        here = {job for job in self._cluster.workers if _works(job, crew)}
        self._seen |= dict.fromkeys(here, now)
        if here:
            self._in_vain = 0
        gone = [job for job in self._cluster.workers if job not in here and self._is_gone(job, now)]
        for job in gone:
            self._in_vain += job not in self._seen
            self._seen.pop(job, None)
            self._cluster.sync(self._cluster.workers.pop(job).close)
        if self._in_vain >= MOST_LOST and not here:
            raise RuntimeError(f"{self._in_vain} jobs have ended before they did anything; {self._logs} says why")
        if gone:
            self._submit_again()

    def _is_gone(self, job: str, now: float) -> bool:
        number = self._cluster.workers[job].job_id
        if number is None or (self._logs / f"ended-{number}").exists():
            return True
        return job in self._seen and now - self._seen[job] > self._patience

    def _submit_again(self) -> None:
        try:
            self.submit()
        except RuntimeError as error:  # the queue may take jobs again later
            self._in_vain += 1
            if self._in_vain >= MOST_LOST:
                raise RuntimeError(f"the queue refuses jobs: {_reason(error)}") from None


def _works(job: str, crew: Iterable[str]) -> bool:
    """Return whether a worker of a job is there: its name is the job's, or begins with it and a dash."""
    return any(name == job or name.startswith(f"{job}-") for name in crew)


def _reason(error: BaseException) -> str:
    """Return what the queue's command says, in one line."""
    _, _, said = str(error).partition("stderr:")
    return " ".join((said.strip() or str(error)).split())


def array_script(call: list[str], name: str, parts: int, options: ClusterOptions, threads: int) -> str:
    """Return a SLURM job array whose tasks share the points of a sweep, without Dask.

    Parameters
    ----------
    call : list of str
        Command line of the sweep, from ``sweep`` on.
    name : str
        Name of the sweep.
    parts : int
        Tasks of the array.
    options : ClusterOptions
        Jobs; `jobs` of them run at a time.
    threads : int
        Threads of a point.
    """
    hours, minutes = divmod(options.walltime_minutes, 60)
    head = {
        "job-name": name,
        "array": f"1-{parts}%{options.jobs}",
        "ntasks": 1,
        "cpus-per-task": options.cores,
        "mem": f"{-(-options.memory_gb * 1e9 // 2**20):.0f}M",
        "time": f"{hours:02d}:{minutes:02d}:00",
        "output": f"{name}-%A_%a.txt",
        "chdir": Path.cwd(),
        "partition": options.queue,
        "account": options.account,
    }
    directives = [f"--{key}={value}" for key, value in head.items() if value is not None]
    command = shlex.join([options.python or sys.executable, "-m", "gridagora", *call])
    return "\n".join([
        "#!/bin/bash",
        *(f"#SBATCH {line}" for line in [*directives, *options.directives]),
        "# When all tasks have ended, this goes on with what is missing and writes the table:",
        f"#   {command} --resume",
        *(f"export {name}=1" for name in ONE_THREAD),
        *options.prologue,
        f"exec {command} --workers {max(1, options.cores // threads)} --part \"$SLURM_ARRAY_TASK_ID/{parts}\"",
        "",
    ])  # fmt: skip
