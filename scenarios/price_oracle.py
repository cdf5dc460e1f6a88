"""Runs of a scenario at trial prices: what each brings, against the scenario as it stands (model.md B11 case 4)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gridagora.scenarios.load import Scenario, load
from gridagora.sim.atomic import write_file

if TYPE_CHECKING:
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.simulation import Simulation

Bounds = Mapping[str, tuple[float, float]]
Limits = Mapping[str, tuple[float | None, float | None]]
Measures = dict[str, float]


@dataclass(slots=True)
class Oracle:
    """Measures of a scenario at other prices, each computed once.

    Parameters
    ----------
    scenario : Scenario, str or Path
        The scenario as given, which trials are compared with.
    replications : int
        Seeds of each trial.
    cache : path-like, optional
        Folder where measures are kept.
    """

    scenario: Scenario | str | Path
    replications: int = 1
    cache: str | Path | None = None
    base: Scenario = field(init=False)
    runs: int = field(init=False, default=0)
    _known: dict[str, Measures] = field(init=False, default_factory=dict)
    _references: dict[int, _Outcome] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if self.replications < 1:
            raise ValueError(f"replications: given {self.replications}; allowed 1 or more")
        self.base = self.scenario if isinstance(self.scenario, Scenario) else load(self.scenario)

    def __call__(self, prices: Mapping[str, Any]) -> Measures:
        """Return every measure at these prices, by name; means over the seeds."""
        found = [self._measures(self.base.override({**prices, "seed": seed}), seed) for seed in self._seeds()]
        return {name: float(np.mean([one.get(name, np.nan) for one in found])) for name in found[0]}

    def _seeds(self) -> range:
        return range(self.base.seed, self.base.seed + self.replications)

    def _measures(self, trial: Scenario, seed: int) -> Measures:
        if trial.hash not in self._known:
            place = None if self.cache is None else self._place(trial)
            if place is not None and place.is_file():
                self._known[trial.hash] = json.loads(place.read_text(encoding="utf-8"))
            else:
                reference = self._reference(seed)
                outcome = reference if trial.hash == reference.hash else self._simulated(trial)
                self._known[trial.hash] = {**outcome.measures, **_compared(reference, outcome)}
                if place is not None:
                    text = json.dumps(self._known[trial.hash], indent=1)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    write_file(place, lambda file: file.write(text.encode()))
        return self._known[trial.hash]

    def _place(self, trial: Scenario) -> Path:
        """Return the file of a trial; its name depends on the reference and the version too."""
        name = hashlib.sha256(f"{trial.hash} {self.base.hash} {version('gridagora')}".encode()).hexdigest()
        return Path(str(self.cache)) / f"{name}.json"

    def _reference(self, seed: int) -> _Outcome:
        if seed not in self._references:
            self._references[seed] = self._simulated(self.base.override({"seed": seed}))
        return self._references[seed]

    def _simulated(self, trial: Scenario) -> _Outcome:
        self.runs += 1
        return _simulated(trial)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What is kept of a run.

    Attributes
    ----------
    hash : str
        Of the scenario.
    measures : dict
        Key figures and results.
    energy_lines : dict
        Quantity [kWh] and mean price [currency/kWh] of the energy lines by population and line.
    loads, prices : dict
        Load [kWh] and retail price [currency/kWh] of each period by population, shape (days * periods,).
    weight : ndarray, shape (days * periods,)
        Days that each simulated day stands for [1].
    """

    hash: str
    measures: Measures
    energy_lines: dict[tuple[str, str], tuple[float, float]]
    loads: dict[str, np.ndarray[Any, Any]]
    prices: dict[str, np.ndarray[Any, Any]]
    weight: np.ndarray[Any, Any]


def _simulated(scenario: Scenario) -> _Outcome:
    from gridagora.agents.columns import LOAD
    from gridagora.scenarios.record import Recorder
    from gridagora.scenarios.run import observed

    loads: dict[str, list[Any]] = {}
    prices: dict[str, list[Any]] = {}
    weight: list[Any] = []

    class Watcher(Recorder):
        """Keeps each population's load and price beside the tables."""

        def day(self, model: Simulation, record: DayRecord) -> None:
            for entry in record.populations:
                name = entry.population.name
                loads.setdefault(name, []).append(entry.delivered[:, LOAD] / 1e6)
                prices.setdefault(name, []).append(_retail(entry))
            weight.append(np.full(record.losses.size, record.weight))
            Recorder.day(self, model, record)

    result = observed(scenario, Watcher())
    rows = result["kpis"]
    measures = {
        kpi if scope == "system" else f"{kpi}@{scope}": float(value)
        for kpi, scope, value in zip(rows["kpi"], rows["scope"], rows["value"], strict=True)
    }
    profit = result["profit"]
    measures |= {f"result@{p}": float(v) for p, v in zip(profit["party"], profit["result"], strict=True)}
    bills = result["bills"]
    bills = bills[bills["line"].str.startswith("energy ") & (bills["unit"] == "kWh")]
    columns = (bills[name] for name in ("population", "tariff", "line", "quantity", "price"))
    lines = {(name, f"{of} {line}"): (float(q), float(p)) for name, of, line, q, p in zip(*columns, strict=True)}
    load, price = ({name: np.concatenate(days) for name, days in of.items()} for of in (loads, prices))
    return _Outcome(scenario.hash, measures, lines, load, price, np.concatenate(weight))


def _retail(entry: Any) -> np.ndarray[Any, Any]:
    """Return what one more kWh costs in each period, the mean over what is drawn under each offer [currency/kWh]."""
    from gridagora.agents.columns import T_WITHDRAWAL

    tariffs = [offer.tariff for offer in entry.population.offers]
    adders = np.array([tariff.network_per_kwh + tariff.levy_per_kwh for tariff in tariffs])
    price = (entry.plan.energy_price + adders[:, None]).T
    weight = entry.settled[:, :, T_WITHDRAWAL] + 1e-6  # equal weights where nothing is drawn
    return np.asarray((price * weight).sum(axis=1) / weight.sum(axis=1))


def _compared(reference: _Outcome, trial: _Outcome) -> Measures:
    """Return the measures that compare a trial with the scenario as given."""
    found: Measures = {}
    names = sorted(trial.loads)
    for label, chosen in [("average_price", names), *((f"average_price@{name}", [name]) for name in names)]:
        paid = energy = 0.0
        for (name, line), (quantity, _) in reference.energy_lines.items():
            if name in chosen and quantity > 0:
                paid += quantity * trial.energy_lines.get((name, line), (0.0, np.nan))[1]
                energy += quantity
        found[label] = paid / energy if energy else float("nan")
    gained = sum(
        float(
            trial.weight
            @ ((reference.prices[name] + trial.prices[name]) / 2 * (trial.loads[name] - reference.loads[name]))
        )
        for name in names
    )
    cost = "cost_of_supply_and_shed_load"
    found["welfare"] = gained - trial.measures.get(cost, np.nan) + reference.measures.get(cost, np.nan)
    return found


def result_of(party: str, measures: Measures) -> str:
    """Return the name of a party's result among what a trial brings.

    Raises
    ------
    KeyError
        If the run has no such party.
    """
    name = f"result@{party}"
    if name not in measures:
        known = ", ".join(key.removeprefix("result@") for key in measures if key.startswith("result@"))
        raise KeyError(f"party: given {party}; allowed: {known}")
    return name
