"""Run a scenario, keep or write its results, read them back."""

from __future__ import annotations

import platform
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    import os

    from gridagora.scenarios.load import Scenario
    from gridagora.scenarios.record import Recorder

#: Packages whose versions decide results.
_VERSIONS = ("gridagora", "mesa", "numpy", "pandas", "scipy", "numba", "pyomo", "highspy", "pyarrow")

#: How pool prices are found that are not those of the pool's own model.
_PRICE_RULES = {"regulated": "regulated unit prices", "given": "prices of market.pool_price"}
#: Tables that every run ends with.
_CLOSING = (
    *("bill_distribution", "bills", "contracts", "cost_causation", "flows", "kpis", "ledger", "member_bills", "plants"),
    "profit",
)
#: Tables that members' decisions at month ends add, by section of a population.
_MONTHLY = {
    **{"choice": "choices", "satisfaction": "satisfaction", "consent": "consent", "credit": "arrears"},
    **{"green_power": "certificates", "retrofit": "retrofits"},
}


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

    Returns
    -------
    Result

    Raises
    ------
    ScenarioError
        If the scenario does not hold.
    FileExistsError
        If `out` holds a finished run and `overwrite` is false.
    UnbalancedBooks
        If a book does not close: a fault of the program, never of the scenario.
    """
    from gridagora.scenarios.load import load
    from gridagora.sim.results import ResultWriter

    if report and out is None:
        raise ValueError("report=True needs a folder for the results: give out=")
    if isinstance(scenario, str | Path):
        scenario = load(scenario)
    if out is None:
        with _held_back() as interrupts:
            tables, manifest = _simulate(scenario, None, progress, interrupts)
        return Result(tables, manifest)
    expected = expected_tables(scenario)
    with _held_back() as interrupts, ResultWriter(out, overwrite=overwrite, expected=expected) as writer:
        try:
            writer.write_text("scenario.yaml", scenario.to_yaml())
            writer.log(f"scenario {scenario.name}, seed {scenario.seed}")
            _, manifest = _simulate(scenario, writer, progress, interrupts)
            writer.log("finished")
            writer.finish(manifest)
        except BaseException as error:
            with suppress(OSError):  # of a full disk the first message is the one to tell
                writer.log(f"stopped: {type(error).__name__}: {error}")
            raise
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
        return Result(*_simulate(scenario, None, False, interrupts, recorder))


def key_figures(scenario: Scenario) -> pd.DataFrame:
    """Simulate a scenario and return its key figures alone, the same as :func:`run` finds.

    Parameters
    ----------
    scenario : Scenario
        What to simulate.

    Returns
    -------
    DataFrame
        Columns kpi, scope, value, unit.
    """
    from gridagora.scenarios.record import Recorder

    return observed(scenario, Recorder(figures_only=True))["kpis"]


def expected_tables(scenario: Scenario) -> list[str]:
    """Return the tables that a finished run of the scenario has; auction tables only where something was traded."""
    names = ["intervals", *_CLOSING]
    groups = scenario.groups.values()
    names += [table for section, table in _MONTHLY.items() if any(getattr(each, section, None) for each in groups)]
    if scenario.outputs.members:
        names.append("members")
    representative = scenario.time.representative_days
    if representative is not None and representative.simulated_years > 1:
        names.append("years")
    if scenario.adoption is not None:
        names.append("adoption")
    names += [name for name in ("pricing", "tariff_rounds") if getattr(scenario, name) is not None]
    names += {"dc": ["areas", "lines"], "transport": ["areas", "lines"], "lin_dist_flow": ["auction_areas"]}.get(
        scenario.network.kind, []
    )
    if scenario.business_models:
        names += ["canvas", "risk_bearers", "stakeholders"]
    if any(terms.is_offered for terms in scenario.business_models):
        names.append("business_months")
    if scenario.market.online:
        names += ["auction_audit", "trades"]
    if scenario.market.online and scenario.outputs.curve:
        names.append("auction_curve")
    return sorted(names)


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


def _simulate(
    scenario: Scenario, writer: Any, progress: bool, interrupts: list[int], recorder: Recorder | None = None
) -> tuple[Mapping[str, pd.DataFrame], Mapping[str, Any]]:
    from gridagora.markets.day_ahead import DayAheadPool
    from gridagora.scenarios.business_indicators import business_indicators
    from gridagora.scenarios.record import Recorder
    from gridagora.scenarios.simulation import Simulation
    from gridagora.scenarios.tables import units_of
    from gridagora.scenarios.years import year_rows
    from gridagora.sim.metrics import SYSTEM, Kpi, kpis

    started = perf_counter()
    recorder = recorder or Recorder(writer)
    model = Simulation(scenario, recorder)
    model.interrupts = interrupts
    built = perf_counter()
    _days(model, writer, progress)
    simulated = perf_counter()
    tables: dict[str, pd.DataFrame] = {name: recorder.frame(name) for name in recorder.kept}
    closing = recorder.finish(model)
    tables.update({name: pd.DataFrame(columns) for name, columns in closing.items()})
    record: dict[str, Any] = {**tables, "meta": _meta(model)}
    horizon = model.parts.horizon
    if not horizon.is_whole:
        record |= {name: horizon.put_together(tables[name]) for name in ("intervals", "ledger")}
    tables["kpis"] = kpis(record, _metrics(scenario))
    if scenario.time.representative_days is not None:
        error = pd.DataFrame([Kpi("representative_energy_error", SYSTEM, horizon.energy_error, "1")])
        tables["kpis"] = pd.concat([tables["kpis"], error], ignore_index=True)
    if own := business_indicators(model):
        tables["kpis"] = pd.concat([tables["kpis"], pd.DataFrame(own)], ignore_index=True)
    if model.calendar.years > 1:
        tables["years"] = year_rows(model, recorder.marks, record, _metrics(scenario))
    if writer is not None:
        for name, columns in closing.items():
            writer.write(name, columns, units_of(columns, scenario.currency))
        for name in ("kpis", "years"):
            if name in tables:
                writer.write(name, tables[name], {"value": "see column unit"})
        writer.write_text("kpis.csv", tables["kpis"].to_csv(index=False))
        if "stakeholders" in tables:
            writer.write_text("stakeholders.csv", tables["stakeholders"].to_csv(index=False))
    seconds = {"build": built - started, "simulate": simulated - built, "write": perf_counter() - simulated}
    manifest = _manifest(scenario, model, seconds)
    if recorder.figures_only and isinstance(model.parts.pool, DayAheadPool):
        model.parts.pool.release()
    return tables, manifest


@contextmanager
def _held_back() -> Iterator[list[int]]:
    """Hold the first Ctrl-C back for a moment between two kernels.

    Within its calls numba may crash on one; within an import it is lost or leaves half a module behind. A second one
    is not held back. Other threads and callers with a handler of their own keep what they have.
    """
    held: list[int] = []

    def hold(number: int, _frame: object) -> None:
        if held:
            raise KeyboardInterrupt
        held.append(number)

    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield held
        return
    signal.signal(signal.SIGINT, hold)
    try:
        yield held
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if held:
        raise KeyboardInterrupt


def _days(model: Any, writer: Any, progress: bool) -> None:
    number = len(model.calendar.simulated)
    days: Iterable[int] = range(number)
    if progress:
        from rich.progress import track

        days = track(days, description=f"{model.scenario.name}: days")
    for day in days:
        model.step()
        if writer is not None:
            writer.log(f"day {day + 1} of {number} done")


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


def _manifest(scenario: Scenario, model: Any, seconds: Mapping[str, float]) -> dict[str, Any]:
    from gridagora.scenarios.registry import REGISTERED

    return {
        "scenario": scenario.name,
        "scenario_hash": scenario.hash,
        "seed": scenario.seed,
        "currency": scenario.currency,
        "applied": list(scenario.applied),
        "warnings": list(scenario.warnings),
        "data_files": scenario.data_files,
        "plugins": {f"{sort} {name}": home for (sort, name), home in sorted(REGISTERED.items())},
        "representative_days": _representative(scenario, model),
        "versions": dict(versions()),
        "price_rule": _PRICE_RULES.get(scenario.market.pool_rule, model.parts.pool.price_rule),
        "solver": model.parts.pool.solver,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }


@cache
def versions() -> Mapping[str, str]:
    """Return the versions of Python and of the packages that decide results, by name."""
    return {"python": platform.python_version(), **{name: version(name) for name in _VERSIONS}}


def _representative(scenario: Scenario, model: Any) -> dict[str, Any] | None:
    """Return which days were simulated, how many days each stands for, and what that does to the load."""
    if scenario.time.representative_days is None:
        return None
    calendar, horizon = model.calendar, model.parts.horizon
    return {
        "days": [str(calendar.day(number).date) for number in horizon.days.tolist()],
        "weights": horizon.weights.tolist(),
        "years": scenario.time.representative_days.years,
        "energy_error": horizon.energy_error,
    }
