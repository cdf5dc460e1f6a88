"""The command ``gridagora sweep``: what it says, and its exit code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

if TYPE_CHECKING:
    from gridagora.scenarios.sweep_result import SweepResult


class Ended(NamedTuple):
    """How the command ended.

    Attributes
    ----------
    lines : list of str
        What to say.
    code : int
        Exit code.
    """

    lines: list[str]
    code: int


def sweep(
    file: Annotated[str, typer.Argument(metavar="SWEEP", help="Built-in name or path of a YAML file.")],
    out: Annotated[Path | None, typer.Option(help="Folder of the results [results/<name>].")] = None,
    workers: Annotated[int | None, typer.Option(min=0, help="Processes; 0: only this one [as many as fit].")] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler whose workers run the points.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(metavar="KIND", help="Queue whose jobs run the points: slurm, pbs, sge or lsf.")
    ] = None,
    cluster_options: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML file of the jobs: number, memory, time ...")
    ] = None,
    part: Annotated[
        str | None, typer.Option(metavar="K/N", help="Only the K-th of N parts; --resume then writes the table.")
    ] = None,
    array: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Run nothing: print a SLURM job array of N parts.")
    ] = None,
    plugin: Annotated[
        list[str] | None,
        typer.Option("--plugin", metavar="MODULE", help="Python module that registers own classes; may be repeated."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the sweep in the folder.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check all points, run none.")] = False,
) -> None:
    """Run a design of experiments: many points of one scenario.

    Points that are done stay, whatever happens; --resume goes on.

    Example: gridagora sweep pv_share --workers 2
    """
    places = {"workers": workers, "scheduler": scheduler, "cluster": cluster, "part": part}
    try:
        if plugin:
            from gridagora.scenarios.registry import load_plugins

            load_plugins(plugin)
        if array is not None:
            refuse = [name for name, value in (places | {"resume": resume or None}).items() if value is not None]
            if refuse:
                raise ValueError(f"--array: given with --{refuse[0]}; it prints a script that runs the points")
            ended = _array(file, out, array, cluster_options, plugin or [])
        elif dry_run:
            ended = _checked(file, cluster_options)
        else:
            ended = _run(file, out, places | {"cluster_options": cluster_options, "resume": resume})
    except (ValueError, OSError, ModuleNotFoundError) as error:
        ended = Ended([str(error)], 2)
    for line in ended.lines:
        typer.echo(line, err=ended.code != 0)
    if ended.code:
        raise typer.Exit(ended.code)


def _checked(name: str, options: Path | None) -> Ended:
    """Check all points, and the options of a cluster."""
    from gridagora.scenarios.sweep import make_plan
    from gridagora.scenarios.sweep_cluster import read_options
    from gridagora.scenarios.sweep_file import load_sweep

    file = load_sweep(name)
    read_options(options or {})
    plan = make_plan(file)
    points = len({key for keys in plan.hashes for key in keys})
    most = "up to " if file.sweep.stop else ""
    sizes = f"{len(plan.rows)} rows, {most}{len(plan.seeds)} replications, {most}{points} different points"
    return Ended([f"{name}: valid; {sizes}"], 0)


def _array(name: str, out: Path | None, parts: int, options: Path | None, plugins: list[str]) -> Ended:
    """Check all points and return the script of a job array."""
    from gridagora.scenarios.sweep import make_plan
    from gridagora.scenarios.sweep_cluster import array_script, read_options
    from gridagora.scenarios.sweep_file import load_sweep

    file = load_sweep(name)
    chosen = read_options(options or {})
    make_plan(file)
    folder = (out or Path("results") / file.sweep.name).resolve()
    source = str(Path(name).resolve()) if file.lines and Path(name).is_file() else name
    call = ["sweep", source, "--out", str(folder), *(word for each in plugins for word in ("--plugin", each))]
    return Ended([array_script(call, file.sweep.name, parts, chosen, file.base.threads)], 0)


def _run(name: str, out: Path | None, options: dict[str, Any]) -> Ended:
    """Run all points; code 1 where some failed, 130 where it was interrupted."""
    from gridagora.scenarios import sweep as sweeps
    from gridagora.scenarios.sweep_file import load_sweep

    folder = out or Path("results") / load_sweep(name).sweep.name
    try:
        result = sweeps.sweep(name, folder, **options, progress=sys.stderr.isatty())
    except KeyboardInterrupt:
        return Ended([f"interrupted; {_kept(folder)}: --resume goes on"], 130)
    except (FileNotFoundError, FileExistsError, NotADirectoryError, BlockingIOError, ConnectionError):
        raise
    except (RuntimeError, OSError) as error:  # no process starts, a full disk
        return Ended([f"the sweep stopped: {error}; {_kept(folder)}: --resume goes on"], 1)
    return _told(result, options["part"])


def _told(result: SweepResult, part: str | None) -> Ended:
    failures = result.failures
    lines = [
        f"row {row}, replication {number}: {error}"
        for row, number, error in failures[["row", "replication", "error"]].head(10).itertuples(index=False)
    ]
    if len(failures) > len(lines):
        lines.append(f"... and {len(failures) - len(lines)} more; all of them: gridagora.read_sweep(...).failures")
    done = result.done
    lines.append(f"{done} points done, {len(failures)} failed")
    if part is None:
        lines.append(f"Table: {result.path / 'results.parquet'}")
    else:
        lines.append(f"part {part} is done; when all are, --resume in place of --part writes the table")
    return Ended(lines, 1 if len(failures) else 0)


def _kept(folder: Path) -> str:
    """Say how many points a sweep that was stopped has."""
    from gridagora.scenarios.sweep_result import read_sweep

    try:
        return f"{read_sweep(folder).done} points are kept in {folder}"
    except FileNotFoundError:
        return "nothing was begun"
