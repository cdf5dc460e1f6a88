"""Causal mediation by clamping: which part of an effect goes through a mediator (model.md D17).

Y(x, M(m)) is the outcome with the factor at x and the mediator as it is with the factor at m, day by day and seed by
seed. In a simulator all four are run, where data show two at most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from gridagora.scenarios.load import Scenario
from gridagora.scenarios.mediators import MEDIATORS, Mediator, alike
from gridagora.sim.plugin import nearest, resolve

if TYPE_CHECKING:
    from gridagora.scenarios.simulation import Simulation

FloatArray = NDArray[np.float64]
#: Outcomes by name, and the mediator's values by day: ``world(level, seed, imposed)`` with the factor at its first (0)
#: or second (1) value, and the mediator's values imposed, or None to let it be.
World = Callable[[int, int, "Mapping[Any, Any] | None"], tuple[Mapping[str, float], Mapping[Any, Any]]]
#: Largest difference of two runs that are to be the same, relative or absolute: payments are rounded to 1e-6 currency.
SAME = 1e-5
#: Effects in the order of the table: what is added and what is subtracted of Y(x, M(m)).
EFFECTS = {
    "NDE": ((1, 0), (0, 0)),
    "NIE": ((1, 1), (1, 0)),
    "total": ((1, 1), (0, 0)),
    "TDE": ((1, 1), (0, 1)),
    "PIE": ((0, 1), (0, 0)),
}


@dataclass(frozen=True, slots=True, eq=False)
class MediationResult:
    """Direct and indirect effects.

    Attributes
    ----------
    factor, mediator : str
        What was changed, and what was clamped.
    outcomes : tuple of str
        Key figures.
    confidence : float
        Probability that an interval is to cover.
    frame : DataFrame
        One row an outcome and effect: outcome, effect, value, low, high, share (of the total), unit. Effects are NDE
        and NIE, which add up to total; TDE and PIE, which do too (reversed decomposition); and interaction, TDE - NDE.
    runs : DataFrame
        One row a seed and outcome: y00, y01, y10, y11 are Y(x, M(m)), first x and then m.
    """

    factor: str
    mediator: str
    outcomes: tuple[str, ...]
    confidence: float
    frame: pd.DataFrame
    runs: pd.DataFrame


def mediation(
    scenario: Scenario,
    factor: Mapping[str, tuple[Any, Any]],
    mediator: str | Mediator | Mapping[str, tuple[Any, Any]],
    outcome: str | Sequence[str],
    *,
    scope: str = "system",
    seeds: int | Sequence[int] = 20,
    confidence: float = 0.95,
) -> MediationResult:
    """Split the effect of a factor into what goes through a mediator and what does not.

    Each seed has four runs, two of them with the mediator's values of another run. Before all of them it is checked,
    with the first seed, that a run with its own values imposed is the same run, and in every run that the values that
    were imposed did hold.

    Parameters
    ----------
    scenario : Scenario
        What to simulate.
    factor : mapping of str to (low, high)
        One key or several that change together, each with its two values.
    mediator : str, Mediator or mapping of str to (low, high)
        Name of a mediator, an object, or keys of the scenario with the values that they have with the first and the
        second value of the factor.
    outcome : str or sequence of str
        Key figures.
    scope : str
        Theirs.
    seeds : int or sequence of int
        Number of seeds, from the scenario's on, or the seeds; 2 or more.
    confidence : float
        Probability that intervals are to cover: Student's t over the differences of pairs, as in
        :func:`gridagora.compare`.

    Returns
    -------
    MediationResult

    Raises
    ------
    ScenarioError
        If a value is refused.
    KeyError
        If a run has no such key figure.
    ValueError
        If the mediator is unknown, does not do what it should, or an option is out of bounds.
    """
    wanted = (outcome,) if isinstance(outcome, str) else tuple(outcome)
    if not 0.5 <= confidence < 1:
        raise ValueError(f"confidence: given {confidence}; allowed 0.5 to below 1")
    units: dict[str, str] = {}
    label, world = _world(scenario, factor, mediator, _reader(wanted, scope, units))
    numbers = list(range(scenario.seed, scenario.seed + seeds)) if isinstance(seeds, int) else list(seeds)
    found = potential_outcomes(world, numbers)
    frames = [natural_effects(found[name], confidence).assign(unit=units[name]) for name in wanted]
    for name, frame in zip(wanted, frames, strict=True):
        frame.insert(0, "outcome", name)
    runs = [
        pd.DataFrame(
            {"seed": numbers, "outcome": name, **{f"y{x}{m}": found[name][:, x, m] for x in (0, 1) for m in (0, 1)}}
        )
        for name in wanted
    ]
    changed = ", ".join(f"{key}: {low} → {high}" for key, (low, high) in factor.items())
    tables = (pd.concat(frames, ignore_index=True), pd.concat(runs, ignore_index=True))
    return MediationResult(changed, label, wanted, confidence, *tables)


def potential_outcomes(world: World, seeds: Sequence[int]) -> dict[str, FloatArray]:
    """Run a world with all four combinations of factor and mediator.

    Parameters
    ----------
    world : callable
        ``world(level, seed, imposed)`` returns outcomes by name, and the mediator's values by day.
    seeds : sequence of int
        Two or more.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_seeds, 2, 2)
        Y(x, M(m)) of each outcome, by seed, x and m.

    Raises
    ------
    ValueError
        If there are fewer than two seeds or one comes twice; if imposing its own values changes a run, or imposed
        values do not hold.
    """
    if len(seeds) < 2 or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds: given {list(seeds)}; allowed two or more, each once")
    rows: list[list[list[Mapping[str, float]]]] = []
    for seed in seeds:
        free = [world(level, seed, None) for level in (0, 1)]
        if not rows:
            for level, (outcomes, values) in enumerate(free):
                _require_same(outcomes, _clamped(world, level, seed, values))
        crossed = [_clamped(world, level, seed, free[1 - level][1]) for level in (0, 1)]
        rows.append([[free[0][0], crossed[0]], [crossed[1], free[1][0]]])
    names = list(rows[0][0][0])
    return {name: np.array([[[cell[name] for cell in pair] for pair in row] for row in rows]) for name in names}


def natural_effects(outcomes: FloatArray, confidence: float = 0.95) -> pd.DataFrame:
    """Return mean effects over seeds, with intervals of Student's t over the differences of pairs.

    Parameters
    ----------
    outcomes : ndarray of float64, shape (n_seeds, 2, 2)
        Y(x, M(m)) by seed, x and m.
    confidence : float
        Probability that intervals are to cover.

    Returns
    -------
    DataFrame
        Columns effect, value, low, high, share; the values of NDE and NIE add up to that of total exactly.
    """
    effects = {name: outcomes[:, *plus] - outcomes[:, *minus] for name, (plus, minus) in EFFECTS.items()}
    effects["interaction"] = effects["TDE"] - effects["NDE"]
    values = {name: float(each.mean()) for name, each in effects.items()}
    values["total"] = values["NDE"] + values["NIE"]
    count = len(outcomes)
    quantile = float(t.ppf((1 + confidence) / 2, count - 1))
    half = {name: quantile * float(each.std(ddof=1)) / np.sqrt(count) for name, each in effects.items()}
    total = values["total"] or np.nan
    rows = [(name, value, value - half[name], value + half[name], value / total) for name, value in values.items()]
    return pd.DataFrame(rows, columns=["effect", "value", "low", "high", "share"])


def _world(
    scenario: Scenario, factor: Mapping[str, tuple[Any, Any]], mediator: Any, read: Callable[..., dict[str, float]]
) -> tuple[str, World]:
    """Return what the mediator is called, and the runs of a scenario."""
    if not factor:
        raise ValueError("factor: given no key; allowed {'key': (low, high)}, one key or several")
    levels = [{key: _pair("factor", key, pair)[level] for key, pair in factor.items()} for level in (0, 1)]
    scenarios = [scenario.override(values) for values in levels]
    if isinstance(mediator, Mapping):
        both = sorted(set(factor) & set(mediator))
        if both or not mediator:
            given = ", ".join(both) or "no key"
            raise ValueError(f"mediator: given {given}; allowed keys of the scenario that factor does not have")
        own = [{key: _pair("mediator", key, pair)[level] for key, pair in mediator.items()} for level in (0, 1)]
        for base in scenarios:
            for values in own:
                base.override(values)
        return ", ".join(mediator), _KeyRuns(scenarios, own, read)
    if isinstance(mediator, str):
        return mediator, _ClampedRuns(scenarios, resolve("mediator", mediator, MEDIATORS)(), read)
    if missing := [name for name in ("before", "record", "impose") if not hasattr(mediator, name)]:
        raise ValueError(
            f"mediator {mediator!r}: no {', '.join(missing)}; allowed a name, keys, or an object with these"
        )
    return type(mediator).__name__, _ClampedRuns(scenarios, mediator, read)


def _pair(part: str, key: str, pair: Any) -> tuple[Any, Any]:
    if not isinstance(pair, tuple | list) or len(pair) != 2 or pair[0] == pair[1]:
        raise ValueError(f"{part} {key}: given {pair!r}; allowed two different values, (low, high)")
    return pair[0], pair[1]


@dataclass(frozen=True, slots=True)
class _KeyRuns:
    """A world whose mediator is keys of the scenario."""

    scenarios: list[Scenario]
    own: list[dict[str, Any]]
    read: Callable[..., dict[str, float]]

    def __call__(
        self, level: int, seed: int, imposed: Mapping[Any, Any] | None
    ) -> tuple[dict[str, float], Mapping[Any, Any]]:
        """Run a scenario with the keys of its level, or those of the other one."""
        values = self.own[level] if imposed is None else imposed
        return self.read(self.scenarios[level].override(values).with_seed(seed)), values


@dataclass(frozen=True, slots=True)
class _ClampedRuns:
    """A world whose mediator is recorded and imposed day by day."""

    scenarios: list[Scenario]
    mediator: Mediator
    read: Callable[..., dict[str, float]]

    def __call__(
        self, level: int, seed: int, imposed: Mapping[Any, Any] | None
    ) -> tuple[dict[str, float], Mapping[Any, Any]]:
        """Run a scenario and record the mediator, after its values of another run are imposed if they are given."""
        seen: dict[int, Any] = {}
        mediator = self.mediator

        def live(model: Simulation) -> None:
            days = [model.calendar.day(number) for number in model.calendar.simulated]
            if imposed is not None and list(imposed) != [day.index for day in days]:
                raise ValueError(
                    "factor: it changes which days are simulated; allowed factors that leave the days alone"
                )
            for day in days:
                if imposed is not None:
                    mediator.impose(model, day, imposed[day.index])
                if mediator.before:
                    seen[day.index] = mediator.record(model, day)
                model.step()
                if not mediator.before:
                    seen[day.index] = mediator.record(model, day)

        return self.read(self.scenarios[level].with_seed(seed), live), seen


def _reader(wanted: tuple[str, ...], scope: str, units: dict[str, str]) -> Callable[..., dict[str, float]]:
    """Return what runs a scenario and reads its outcomes, and notes their units."""
    from gridagora.scenarios.run import key_figures

    def read(scenario: Scenario, live: Callable[[Simulation], None] | None = None) -> dict[str, float]:
        found = {row.kpi: row for row in key_figures(scenario, live) if row.scope == scope}
        for name in wanted:
            if name not in found:
                close = nearest(name, found)
                hint = f"; nearest {close!r}" if close else ""
                raise KeyError(
                    f"a run has no key figure {name!r} of scope {scope!r}{hint}; there are {', '.join(found)}"
                )
            if not np.isfinite(found[name].value):
                raise ValueError(
                    f"outcome {name}: {found[name].value} with seed {scenario.seed}; allowed finite figures"
                )
        units.update({name: found[name].unit for name in wanted})
        return {name: float(found[name].value) for name in wanted}

    return read


def _clamped(world: World, level: int, seed: int, imposed: Mapping[Any, Any]) -> Mapping[str, float]:
    """Run a world with the mediator's values of another run, and look whether they held."""
    outcomes, seen = world(level, seed, imposed)
    if not alike(dict(seen), dict(imposed)):
        days = [day for day in imposed if not alike(seen.get(day), imposed[day])]
        raise ValueError(
            f"mediator: what was imposed did not hold on day {days[0]} (seed {seed}): `impose` must set what `record` "
            "returns, and the scenario must use it"
        )
    return outcomes


def _require_same(free: Mapping[str, float], clamped: Mapping[str, float]) -> None:
    """Refuse a mediator that changes a run when the run's own values are imposed."""
    for name, value in free.items():
        if not np.isclose(clamped[name], value, rtol=SAME, atol=SAME):
            raise ValueError(
                f"mediator: a run with its own values imposed has {name} {clamped[name]!r}, without {value!r}; allowed "
                "a mediator whose `impose` does what the run did itself: then clamping it means something"
            )
