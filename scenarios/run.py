"""Run a scenario, keep or write its results, read them back."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pandas as pd

from gridagora.scenarios import checkpoint as checkpoints
from gridagora.scenarios.checkpoint import Saved
from gridagora.scenarios.expected_tables import expected_tables
from gridagora.scenarios.interrupts import held_back as _held_back
from gridagora.scenarios.manifest import manifest_of

if TYPE_CHECKING:
    import os

    from gridagora.scenarios.load import Scenario
    from gridagora.scenarios.record import Recorder
    from gridagora.scenarios.simulation import Simulation
    from gridagora.sim.kpi import Kpi

#: Packages whose versions decide results.
_VERSIONS = ("gridagora", "mesa", "numpy", "pandas", "scipy", "numba", "pyomo", "highspy", "pyarrow")


class Result(Mapping[str, pd.DataFrame]):
    """Tables of a finished run, in memory or on disk; ``result["intervals"]`` is a DataFrame.

    Parameters
    ----------
    tables : mapping
        Tables by name.
    manifest : mapping
        Scenario hash, seed, versions, overrides, times.
    path : Path or None
        Folder of the run; None for a run kept in memory.
    """

    def __init__(
        self, tables: Mapping[str, pd.DataFrame], manifest: Mapping[str, Any], path: Path | None = None
    ) -> None:
        self._tables, self.manifest, self.path = tables, manifest, path

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._tables:
            raise KeyError(f"no table {name!r}; tables of this run: {', '.join(self.tables)}")
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables."""
        return tuple(self._tables)

    @property
    def kpis(self) -> pd.DataFrame:
        """Key figures of the whole system: index ``kpi``, columns ``value`` and ``unit``."""
        rows = self["kpis"]
        return rows[rows["scope"] == "system"].set_index("kpi")[["value", "unit"]]


def run(
    scenario: Scenario | str | Path,
    out: str | os.PathLike[str] | None = None,
    *,
    progress: bool = False,
    overwrite: bool = False,
    report: bool = False,
    checkpoint: int | None = None,
    resume: bool = False,
) -> Result:
    """Simulate a scenario.

    Parameters
    ----------
    scenario : Scenario, str or Path
        A loaded scenario, the name of a built-in one, or a file.
    out : path-like, optional
        Folder for the results; without it they stay in memory.
    progress : bool
        Show a progress bar on the terminal.
    overwrite : bool
        Replace a finished run in `out`.
    report : bool
        Write the HTML report too; needs `out`.
    checkpoint : int, optional
        Save the run in `out` each time so many days are simulated; the last two checkpoints are kept until it is
        finished. Results do not depend on it.
    resume : bool
        Go on from the last checkpoint in `out`, with as many days between checkpoints as before unless `checkpoint`
        says otherwise; begin anew where there is none; only read a run that is finished. Checkpoints are pickles:
        resume only what you trust.

    Returns
    -------
    Result

    Raises
    ------
    ScenarioError
        If the scenario does not hold.
    FileExistsError
        If `out` holds a finished run, or of another scenario where `resume` is true, or one that could be resumed where
        it is false, and `overwrite` is false.
    StaleCheckpoint
        If the checkpoint in `out` is of another scenario or seed, or was made by other versions of the program.
    ValueError
        If `checkpoint` is below 1, if it, `resume` or `report` needs `out`, or if `overwrite` contradicts `resume`.
    UnbalancedBooks
        If a book does not close: a fault of the program, never of the scenario.
    """
    from gridagora.scenarios.load import load

    _refuse_options(out, report, overwrite, checkpoint, resume)
    if isinstance(scenario, str | Path):
        scenario = load(scenario)
    if out is None:
        with _held_back() as interrupts:
            return Result(*_simulate(partial(_begin, scenario), progress, interrupts))
    if not (resume and checkpoints.is_finished(out, scenario)):
        with _held_back() as interrupts:
            _write(scenario, out, progress, interrupts, overwrite, checkpoint, resume)
    if report:
        from gridagora.sim.report import write_report

        write_report([Path(out)], None)
    return read(out)


def observed(scenario: Scenario, recorder: Recorder) -> Result:
    """Simulate a scenario in memory with a recorder of one's own, which sees each day.

    Parameters
    ----------
    scenario : Scenario
        What to simulate.
    recorder : Recorder
        Without a writer.

    Returns
    -------
    Result
    """
    with _held_back() as interrupts:
        return Result(*_simulate(partial(_begin, scenario, recorder), False, interrupts))


def key_figures(scenario: Scenario, days: Callable[[Simulation], None] | None = None) -> list[Kpi]:
    """Simulate a scenario and return its key figures alone, the same as :func:`run` finds.

    Parameters
    ----------
    scenario : Scenario
        What to simulate.
    days : callable, optional
        What takes the model through all its days, perhaps to look at it or to change it between two; by default nothing
        but its steps.

    Returns
    -------
    list of Kpi
    """
    from gridagora.markets.day_ahead import DayAheadPool
    from gridagora.scenarios.record import Recorder
    from gridagora.scenarios.simulation import Simulation

    with _held_back() as interrupts:
        model = Simulation(scenario, Recorder(figures_only=True))
        model.interrupts = interrupts
        if days is None:
            _days(model, None, False)
        else:
            days(model)
        found = _figures(model, _counted(model, model.recorder.record(model, _meta(model))))
    if isinstance(model.parts.pool, DayAheadPool):
        model.parts.pool.release()
    return found


def read(path: str | os.PathLike[str], unfinished: bool = False) -> Result:
    """Return the results of a run from its folder.

    Parameters
    ----------
    path : path-like
        Folder of the run.
    unfinished : bool
        Also read a run that was stopped: the tables that it had finished. Growing tables end with the last day that
        each had written; ``result.manifest["expected"]`` names the tables of a whole run.

    Raises
    ------
    FileNotFoundError
        If the folder holds no run or, unless `unfinished`, an unfinished one; the message says what is readable and
        what is missing.
    """
    from gridagora.sim.results import read_manifest, read_tables

    return Result(read_tables(path, unfinished), read_manifest(path, unfinished), Path(path))


def _refuse_options(out: Any, report: bool, overwrite: bool, checkpoint: int | None, resume: bool) -> None:
    wanted = {"report=True": report, "resume=True": resume, f"checkpoint={checkpoint}": checkpoint is not None}
    needing = [name for name, given in wanted.items() if given]
    if out is None and needing:
        raise ValueError(f"{needing[0]} needs a folder for the results: give out=")
    if checkpoint is not None and checkpoint < 1:
        raise ValueError(f"checkpoint: given {checkpoint}; allowed at least 1, the simulated days between two")
    if resume and overwrite:
        raise ValueError("resume=True goes on with the run in the folder, overwrite=True removes it; give one of them")


def _write(
    scenario: Scenario,
    out: str | os.PathLike[str],
    progress: bool,
    interrupts: list[int],
    overwrite: bool,
    checkpoint: int | None,
    resume: bool,
) -> None:
    """Simulate a scenario, from its last checkpoint where it is resumed, and write its folder."""
    from gridagora.scenarios.record import Recorder
    from gridagora.sim.results import ResultWriter

    saved = checkpoints.load(out, scenario) if resume else None
    if saved is not None:
        begin: Callable[[], Saved] = partial(replace, saved, every=checkpoint or saved.every)
        writer = checkpoints.writer_of(saved)
    else:
        if not (resume or overwrite):
            checkpoints.refuse_to_replace(out)
        writer = ResultWriter(out, overwrite, expected_tables(scenario), resumable=checkpoint is not None)
        begin = partial(_begin, scenario, Recorder(writer), checkpoint)
    with writer:
        try:
            writer.write_text("scenario.yaml", scenario.to_yaml())
            after = f", resumed after day {saved.model.next_day}" if saved else ""
            writer.log(f"scenario {scenario.name}, seed {scenario.seed}{after}")
            _, manifest = _simulate(begin, progress, interrupts)
            writer.log("finished")
            writer.finish(manifest)
        except BaseException as error:
            with suppress(OSError):  # of a full disk the first message is the one to tell
                writer.log(f"stopped: {type(error).__name__}: {error}")
            raise


def _begin(scenario: Scenario, recorder: Recorder | None = None, checkpoint: int | None = None) -> Saved:
    from gridagora.scenarios.simulation import Simulation

    stamp = {} if checkpoint is None else checkpoints.stamp(scenario)  # of the sources that are about to run
    return Saved(Simulation(scenario, recorder), checkpoint, stamp)


def _simulate(
    begin: Callable[[], Saved], progress: bool, interrupts: list[int]
) -> tuple[Mapping[str, pd.DataFrame], Mapping[str, Any]]:
    from gridagora.scenarios.tables import units_of
    from gridagora.scenarios.years import year_rows
    from gridagora.sim.kpi import Kpi
    from gridagora.sim.run_record import META

    started = perf_counter()
    saved = begin()
    model, recorder, writer = saved.model, saved.model.recorder, saved.model.recorder.writer
    scenario = model.scenario
    model.interrupts = interrupts
    built = perf_counter()
    _days(model, writer, progress, partial(checkpoints.save, saved, built))
    simulated = perf_counter()
    record = recorder.record(model, _meta(model))
    tables: dict[str, pd.DataFrame] = {name: record[name] for name in record if name != META}
    counted = _counted(model, record)
    tables["kpis"] = pd.DataFrame(_figures(model, counted), columns=list(Kpi._fields))
    if model.calendar.years > 1:
        tables["years"] = year_rows(model, recorder.marks, counted, _metrics(scenario))
    if writer is not None:
        for name in (name for name in record if name != META and name not in recorder.kept):
            (columns,) = record.parts(name)
            writer.write(name, columns, units_of(columns, scenario.currency))
        for name in ("kpis", "years"):
            if name in tables:
                writer.write(name, tables[name], {"value": "see column unit"})
        writer.write_text("kpis.csv", tables["kpis"].to_csv(index=False))
        if "stakeholders" in tables:
            writer.write_text("stakeholders.csv", tables["stakeholders"].to_csv(index=False))
    days = saved.seconds + simulated - built
    seconds = {"build": built - started, "simulate": days, "write": perf_counter() - simulated}
    return tables, manifest_of(saved, seconds)


def _counted(model: Any, record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return tables in which every day of the horizon counts, not only those that were simulated."""
    horizon = model.parts.horizon
    if horizon.is_whole:
        return record
    return {**record, **{name: horizon.put_together(record[name]) for name in ("intervals", "ledger")}}


def _figures(model: Any, record: Mapping[str, Any]) -> list[Kpi]:
    """Return the key figures that the scenario asks for, then those of representative days and business models."""
    from gridagora.scenarios.business_indicators import business_indicators
    from gridagora.sim.metrics import SYSTEM, Kpi, figures

    found = figures(record, _metrics(model.scenario))
    if model.scenario.time.representative_days is not None:
        found.append(Kpi("representative_energy_error", SYSTEM, model.parts.horizon.energy_error, "1"))
    return found + business_indicators(model)


def _days(model: Any, writer: Any, progress: bool, after: Callable[[], None] | None = None) -> None:
    number, first = len(model.calendar.simulated), model.next_day
    days: Iterable[int] = range(first, number)
    if progress:
        from rich.progress import track

        days = track(days, description=f"{model.scenario.name}: days", total=number, completed=first)
    for day in days:
        model.step()
        if writer is not None:
            writer.log(f"day {day + 1} of {number} done")
        if after is not None:
            after()


def _metrics(scenario: Scenario) -> list[str]:
    """Return the names of the metrics that the scenario asks for, each once."""
    from gridagora.scenarios.schema import DEFAULT_METRICS

    listed = (DEFAULT_METRICS if name == "default" else (name,) for name in scenario.metrics)
    return list(dict.fromkeys(name for names in listed for name in names))


def _meta(model: Any) -> dict[str, Any]:
    from gridagora.scenarios.inputs import load_emission_factors

    scenario = model.scenario
    return {
        "currency": scenario.currency,
        "hours_per_period": model.calendar.hours_per_period,
        "days": model.parts.horizon.total_days,
        "value_of_lost_load_per_kwh": scenario.market.value_of_lost_load_per_kwh,
        "grid_factor_kg_per_kwh": load_emission_factors()[scenario.generators.import_co2_region],
        "members": {population.name: len(population) for population in model.populations},
    }


@cache
def versions() -> Mapping[str, str]:
    """Return the versions of Python and of the packages that decide results, by name."""
    return {"python": platform.python_version(), **{name: version(name) for name in _VERSIONS}}
