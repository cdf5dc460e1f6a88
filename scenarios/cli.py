"""The command line: ``gridagora``.

Everything heavy is imported inside the commands, so that ``gridagora --help`` answers at once.
Exit codes: 0 done; 1 the run failed; 2 wrong usage or bad input; 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from gridagora.scenarios.checkpoint_cli import Checkpoint, Resume, hint, told
from gridagora.scenarios.sensitivity_cli import sensitivity
from gridagora.scenarios.sweep_cli import sweep

if TYPE_CHECKING:
    import pandas as pd

    from gridagora.scenarios.load import Scenario

app = typer.Typer(
    name="gridagora",
    help="Agent-based simulation of electricity markets and power business models.\n\n"
    "Example: gridagora run quickstart --report",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
scenarios_app = typer.Typer(help="List, show or copy the built-in scenarios.\n\nExample: gridagora scenarios list")
app.add_typer(scenarios_app, name="scenarios", invoke_without_command=True)
app.command()(sweep)
app.command()(sensitivity)

Plugins = Annotated[
    list[str] | None,
    typer.Option("--plugin", metavar="MODULE", help="Python module that registers own classes; may be repeated."),
]
Name = Annotated[str, typer.Argument(metavar="SCENARIO", help="Built-in name or path of a YAML file.")]


def main() -> None:
    """Run the command line."""
    try:
        app()
    except KeyboardInterrupt:  # before or after the commands, which answer it themselves
        sys.exit(130)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"gridagora {version('gridagora')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


@app.command()
def run(
    scenario: Name,
    out: Annotated[Path | None, typer.Option(help="Folder of the results [results/<name>].")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replace a value; may be repeated.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the random numbers.")] = None,
    plugin: Plugins = None,
    report: Annotated[bool, typer.Option("--report", help="Write report.html too.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace finished results in the folder.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar, no table; only the folder.")] = False,
    checkpoint: Checkpoint = None,
    resume: Resume = False,
) -> None:
    """Run a scenario and print its indicators.

    Example: gridagora run quickstart --set households.count=200 --seed 7
    """
    with _bad_input():
        _load_plugins(plugin)
        overrides = _overrides(set_ or [], seed)
        chosen = _load(scenario, overrides)
        folder = out or Path("results") / chosen.name
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(f"--out: {folder} is a file; give a folder")
    for warning in chosen.warnings:
        typer.echo(f"{chosen.name}: warning: {warning}", err=True)
    shown = {"progress": sys.stderr.isatty() and not quiet, "report": report}
    result = _run(chosen, folder, overwrite=overwrite, checkpoint=checkpoint, resume=resume, **shown)
    if quiet:
        typer.echo(str(result.path))
        return
    _print_kpis(chosen, result.kpis)
    typer.echo(f"Results: {result.path}")
    if report:
        typer.echo(f"Report:  {Path(result.path) / 'report.html'}")


@app.command()
def validate(
    scenarios: Annotated[list[str], typer.Argument(metavar="SCENARIO...", help="Built-in names or paths.")],
    plugin: Plugins = None,
) -> None:
    """Check scenarios without running them.

    All problems of all files are printed at once.

    Example: gridagora validate mine.yaml
    """
    with _bad_input():
        _load_plugins(plugin)
    valid = True
    for name in scenarios:
        try:
            scenario = _load(name, {})
        except (ValueError, OSError) as error:
            valid = False
            typer.echo(str(error), err=True)
            continue
        typer.echo(f"{name}: valid, hash {scenario.hash[:12]}")
        for warning in scenario.warnings:
            typer.echo(f"{name}: warning: {warning}", err=True)
    if not valid:
        raise typer.Exit(2)


@app.command()
def schema(
    markdown: Annotated[bool, typer.Option("--markdown", help="A page to read, in place of JSON.")] = False,
    plugin: Plugins = None,
) -> None:
    """Print every key that a scenario may have.

    As JSON schema for editors, or as a page to read.

    Example: gridagora schema > scenario.schema.json
    """
    import json

    from gridagora.scenarios import schema_text

    with _bad_input():
        _load_plugins(plugin)
    text = schema_text.markdown() if markdown else json.dumps(schema_text.json_schema(), indent=2)
    typer.echo(text.rstrip("\n"))


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of finished runs.")],
    out: Annotated[Path | None, typer.Option(help="HTML file [RUN/report.html; report.html for several runs].")] = None,
) -> None:
    """Write the HTML report of runs.

    One self-contained file; several runs stand side by side.

    Example: gridagora report results/quickstart results/tou --out compared.html
    """
    from gridagora.sim.report import write_report

    target = out or (runs[0] / "report.html" if len(runs) == 1 else Path("report.html"))
    with _bad_input():
        write_report(runs, target)
    typer.echo(f"Report: {target}")


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of finished runs.")],
    baseline: Annotated[Path | None, typer.Option(metavar="RUN", help="Run to compare with [the first].")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Write the differences as CSV too.")] = None,
) -> None:
    """Compare the indicators of runs, and what business models are worth in them.

    Runs that differ only in their seeds are replications of one scenario; those of two scenarios are paired by seed,
    and two pairs or more give a confidence interval.

    Example: gridagora compare results/flat results/tou --baseline results/flat --out differences.csv
    """
    from gridagora.scenarios.compare_text import compare_folders, show

    with _bad_input():
        if out is not None and out.exists():
            raise FileExistsError(f"--out: {out} exists; choose another name or remove it")
        differences, tables = compare_folders(runs, baseline)
        show(tables)
        if out is not None:
            differences.to_csv(out, index=False)
            typer.echo(f"Differences: {out}")


@app.command()
def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new scenario; writes NAME.yaml.")],
) -> None:
    """Write a commented scenario to start from.

    Example: gridagora init mine && gridagora run mine.yaml
    """
    with _bad_input():
        from gridagora.scenarios.starter import starter

        _load("quickstart", {"name": name})  # refuses what is no name
        _write_new(Path(f"{name}.yaml"), starter(name))


@app.command()
def doctor() -> None:
    """Print what is installed, and where.

    Versions, folder of compiled kernels, threads, extras.

    Example: gridagora doctor
    """
    from gridagora.scenarios.doctor import diagnose

    lines, healthy = diagnose()
    typer.echo("\n".join(lines))
    if not healthy:
        raise typer.Exit(1)


@scenarios_app.callback()
def _scenarios(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_()


@scenarios_app.command("list")
def list_() -> None:
    """List the built-in scenarios with one line each.

    Example: gridagora scenarios list
    """
    from gridagora.scenarios.load import builtin

    width = max(map(len, builtin()))
    for name in builtin():
        typer.echo(f"{name:{width}}  {_load(name, {}).description}")


@scenarios_app.command()
def show(
    name: Name,
    resolved: Annotated[bool, typer.Option("--resolved", help="Every key with its value.")] = False,
) -> None:
    """Print a scenario as it is written, or with every key.

    Example: gridagora scenarios show tou --resolved
    """
    with _bad_input():
        scenario = _load(name, {})
        typer.echo((scenario.to_yaml() if resolved else _source(name)).rstrip("\n"))


@scenarios_app.command()
def copy(
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="New file.")],
) -> None:
    """Copy a built-in scenario to a new file, to change it.

    Example: gridagora scenarios copy quickstart mine.yaml
    """
    with _bad_input():
        _load(name, {})
        _write_new(file, _source(name))


@contextmanager
def _bad_input() -> Iterator[None]:
    """Turn a refusal into its message and exit code 2."""
    try:
        yield
    except (ValueError, OSError) as error:
        _stop(str(error), 2)


def _stop(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)


def _load_plugins(modules: list[str] | None) -> None:
    if modules:
        from gridagora.scenarios.registry import load_plugins

        load_plugins(modules)


def _load(name: str, overrides: dict[str, Any]) -> Scenario:
    from gridagora.scenarios.load import load

    return load(name, overrides)


def _source(name: str) -> str:
    from gridagora.scenarios.load import builtin

    return builtin().get(name, Path(name)).read_text(encoding="utf-8")


def _overrides(pairs: list[str], seed: int | None) -> dict[str, Any]:
    from gridagora.scenarios.yaml_lines import YamlError, parse_value

    overrides: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise ValueError(f"--set: given {pair!r}; allowed KEY=VALUE, such as --set households.count=200")
        try:
            overrides[key.strip()] = parse_value(text)
        except YamlError as error:
            raise ValueError(f"--set {pair}: {error.message}") from None
    return overrides | ({} if seed is None else {"seed": seed})


def _run(scenario: Scenario, folder: Path, **options: Any) -> Any:
    """Run, with the exit codes of a run; what was finished stays in the folder."""
    from gridagora.scenarios import run as runner
    from gridagora.scenarios.checkpoint import StaleCheckpoint

    if options["resume"] and options["overwrite"]:
        _stop("--resume goes on with the run in the folder, --overwrite removes it; give one of them", 2)
    try:
        with told():
            return runner.run(scenario, out=folder, **options)
    except (FileExistsError, StaleCheckpoint) as error:
        _stop(str(error), 2)
    except KeyboardInterrupt:
        _stop(f"interrupted; what was finished is kept in {folder}{_left(folder)}", 130)
    except Exception as error:  # whatever went wrong inside the model, users get one line and the log
        _stop(f"the run failed: {type(error).__name__}: {error}{_log(folder)}{_left(folder)}", 1)


def _left(folder: Path) -> str:
    """Say what a run that was stopped has left, if anything."""
    from gridagora.sim.results import what_is_left

    try:
        left = what_is_left(folder)
    except (OSError, ValueError):
        return ""
    return f"; {left}{hint(folder)}" if left else ""


def _log(folder: Path) -> str:
    """Append the traceback to the run's log; return where it is, or nothing where it cannot be written."""
    import traceback

    log = folder / "run.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(traceback.format_exc())
    except OSError:
        return ""
    return f"; details in {log}"


def _write_new(file: Path, text: str) -> None:
    if file.exists():
        raise FileExistsError(f"{file} exists; choose another name or remove it")
    file.write_text(text, encoding="utf-8")
    typer.echo(f"Wrote {file}; next: gridagora run {file}")


def _print_kpis(scenario: Scenario, kpis: pd.DataFrame) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("indicator", box=None, title=f"{scenario.name}, seed {scenario.seed}", title_justify="left")
    table.add_column("value", justify="right")
    table.add_column("unit")
    for name, value, unit in zip(kpis.index, kpis["value"], kpis["unit"], strict=True):
        table.add_row(str(name), _number(float(value)), str(unit))
    Console(highlight=False).print(table)


def _number(value: float) -> str:
    if value != value:  # noqa: PLR0124  nan: an indicator that this run does not have
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"
