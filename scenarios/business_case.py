"""Business models with and without: paired runs of a scenario that differ by them alone (model.md D0).

Both runs of a pair have the same seed and the same draws by member, so that a difference is what the business models
do and not chance. What chance there is in a difference is shown by several pairs, as a confidence interval.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gridagora.agents.business_models.life import NO_CASH
from gridagora.scenarios.business_outcome import Measure, Outcome, outcome_of
from gridagora.scenarios.load import Scenario, load
from gridagora.sim.cost_benefit import avoided_capacity_cost, estimate
from gridagora.sim.equity import gini
from gridagora.sim.ledger import UnbalancedBooks

if TYPE_CHECKING:
    import pandas as pd

#: All business models of the scenario together.
ALL = "all"
#: Account on which plants and imports pay outside for what the system's energy costs.
SUPPLY = "fuel"
_WORTH = ("npv", "irr", "payback_years", "discounted_payback_years", "profitability", "least_coverage")


@dataclass(frozen=True, slots=True, eq=False)
class BusinessCase:
    """What business models change, with 95 % confidence intervals over pairs of runs.

    Changes are with less without. All money is for the days of the run, but what is said to be a year's. Each frame
    has a column `case`: ``"all"``, or the name of the one business model that the runs had.

    Attributes
    ----------
    parties : DataFrame
        Columns case, party, measure, unit, without, with, change, low, high. Measures: `result`, received less paid in
        the books; and of populations also `bill`, paid to the markets; `under_contracts`, received less paid under
        business models; `comfort`, where the scenario has such a metric; and `customer_surplus`, less bill plus the
        other two.
    system : DataFrame
        Columns case, kpi, scope, unit, without, with, change, low, high: all key figures; those of
        :func:`system_changes`; `net_peak_load` and `net_load_factor`, of what members withdraw less what they inject;
        `satisfaction`, where the scenario follows it. The change of `co2_marginal_factors` is that of the emissions of
        the units that ran; that of `co2_average_factors` is the change of generation at the factor of the grid; fuel of
        microgrids counts in both. `co2_marginal_factor` is the former over the change of the units' generation, in all
        pairs together.
    worth : DataFrame
        Columns case, business_model, basis, party, measure, mean, low, high, replications, note: what all signed
        contracts are worth over their life, to parties that pay or receive. `replications` counts those where the
        measure exists; the others have no row, but `irr`, whose note says why.
    identity : DataFrame
        Columns case, seed, gains_micro, supply_cost_micro, from_outside_micro: changes in 1e-6 currency, exact whole
        numbers. Gains of all parties inside are what less the supply costs, plus what comes from outside otherwise:
        ``gains_micro == from_outside_micro - supply_cost_micro``.
    seeds : tuple of int
        Of the pairs.
    """

    parties: pd.DataFrame
    system: pd.DataFrame
    worth: pd.DataFrame
    identity: pd.DataFrame
    seeds: tuple[int, ...]


def business_case(
    scenario: Scenario | str | Path,
    models: Sequence[str] | None = None,
    replications: int = 5,
    overrides: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BusinessCase:
    """Run a scenario with and without its business models, and compare.

    Parameters
    ----------
    scenario : Scenario, str or Path
        With `business_models`.
    models : sequence of str, optional
        Names of business models, each of which is compared alone; all together without it.
    replications : int
        Pairs of runs, with seeds from the scenario's on; one pair gives no intervals.
    overrides : mapping, optional
        Other values by dotted key, for all runs.
    progress : callable, optional
        Called with the runs done and the number of runs after each.

    Returns
    -------
    BusinessCase

    Raises
    ------
    ScenarioError
        If the scenario does not hold.
    ValueError
        If there is no business model, or no replication.
    KeyError
        If the scenario has no business model of a name.
    """
    from gridagora.scenarios.run import run

    if replications < 1:
        raise ValueError(f"replications: given {replications}; allowed 1 or more")
    base = scenario if isinstance(scenario, Scenario) else load(scenario)
    base = base.override(dict(overrides)) if overrides else base
    cases = _cases(base, models)
    seeds = tuple(range(base.seed, base.seed + replications))
    total, done = replications * (1 + len(cases)), 0

    def outcome(chosen: list[dict[str, Any]], seed: int) -> Outcome:
        nonlocal done
        result = run(base.override({"business_models": chosen, "seed": seed}))
        done += 1
        if progress is not None:
            progress(done, total)
        return outcome_of(result)

    without = [outcome([], seed) for seed in seeds]
    pairs = {
        name: [(before, outcome(chosen, seed)) for before, seed in zip(without, seeds, strict=True)]
        for name, chosen in cases.items()
    }
    return compare(pairs, seeds)


def _cases(base: Scenario, models: Sequence[str] | None) -> dict[str, list[dict[str, Any]]]:
    """Return the terms of the business models of each case as plain data."""
    known = {terms.title: terms.model_dump(mode="json") for terms in base.business_models}
    if not known:
        raise ValueError(f"scenario {base.name}: given no business_models; allowed one or more")
    if models is None:
        return {ALL: list(known.values())}
    if isinstance(models, str):
        raise ValueError(f"models: given the text {models!r}; allowed a list of names, such as [{models!r}]")
    if unknown := [name for name in models if name not in known]:
        raise KeyError(f"models: given {', '.join(unknown)}; allowed: {', '.join(known)}")
    return {name: [known[name]] for name in models}


def compare(pairs: Mapping[str, Sequence[tuple[Outcome, Outcome]]], seeds: Sequence[int]) -> BusinessCase:
    """Return what pairs of runs show.

    Parameters
    ----------
    pairs : mapping
        By case, for each seed what :func:`outcome_of` kept of the run without and of the one with business models.
    seeds : sequence of int
        Seeds of the pairs.

    Raises
    ------
    UnbalancedBooks
        If gains are not what the system's cost and payments from outside leave: a fault of the program.
    """
    import pandas as pd

    parties, system, worth, identity = [], [], [], []
    for case, runs in pairs.items():
        parties += _changes(case, [(a["parties"], b["parties"]) for a, b in runs], 0.0)
        kpis = [(dict(a["kpis"]), b["kpis"] | system_changes(a, b)) for a, b in runs]
        system += [*_changes(case, kpis, float("nan")), _marginal_factor(case, runs)]
        worth += _worths(case, [b["worth"] for _, b in runs if b["worth"] is not None])
        identity += [{"case": case, "seed": seed, **_identity(a, b)} for seed, (a, b) in zip(seeds, runs, strict=True)]
    ends = ["unit", "without", "with", "change", "low", "high"]
    estimates = ["mean", "low", "high", "replications", "note"]
    return BusinessCase(
        pd.DataFrame(parties, columns=["case", "measure", "party", *ends])[["case", "party", "measure", *ends]],
        pd.DataFrame(system, columns=["case", "kpi", "scope", *ends]),
        pd.DataFrame(worth, columns=["case", "business_model", "basis", "party", "measure", *estimates]),
        pd.DataFrame(identity),
        tuple(seeds),
    )


def system_changes(without: Outcome, with_them: Outcome) -> dict[Measure, float]:
    """Return figures that only a pair of runs has.

    Parameters
    ----------
    without, with_them : dict
        Of :func:`outcome_of`.

    Returns
    -------
    dict
        By name, scope and unit: `avoided_capacity_cost`, of the net peak load [currency/a]; and by population
        `bill_change_gini`, Gini coefficient of changes of what members pay, over their incomes where these are known,
        gains positive where they gain on the whole; `losers`, share that pays more, and `poor_losers`, the same among
        the fifth with the lowest incomes, nan without incomes [1].
    """
    before, after, unit = without["kpis"], with_them["kpis"], without["unit"]
    peak = ("net_peak_load", "system", "kW")
    found: dict[Measure, float] = {
        ("avoided_capacity_cost", "system", f"{unit}/a"): avoided_capacity_cost(before[peak], after[peak])
    }
    old, new = without["members"], with_them["members"]
    change = (new["bill"] - old["bill"]).reindex(old.index)
    for name, part in old.groupby("population", sort=False):
        theirs, income = change[part.index].to_numpy(), part["income"].to_numpy()
        known = bool(np.isfinite(income).all())
        size = theirs / income if known else theirs
        gain = gini(-size if size.sum() < 0 else size) if size.any() else float("nan")
        found["bill_change_gini", str(name), "1"] = gain
        found["losers", str(name), "1"] = float((theirs > 0).mean())
        poor = theirs[income <= np.quantile(income, 0.2)] > 0 if known else np.array([np.nan])
        found["poor_losers", str(name), "1"] = float(poor.mean())
    return found


def _identity(without: Outcome, with_them: Outcome) -> dict[str, int]:
    """Return the changes of which the books' identity consists, after checking it [1e-6 currency]."""
    gains = with_them["inside"] - without["inside"]
    accounts = sorted({*without["outside"], *with_them["outside"]})
    received = {name: with_them["outside"].get(name, 0) - without["outside"].get(name, 0) for name in accounts}
    supply = received.pop(SUPPLY, 0)
    given = -sum(received.values())
    if gains != given - supply:
        raise UnbalancedBooks(
            f"gains of all parties change by {gains}, payments from outside by {given}, the cost of supply by {supply} "
            f"micro-units: they differ by {gains - given + supply}"
        )
    return {"gains_micro": gains, "supply_cost_micro": supply, "from_outside_micro": given}


def _marginal_factor(case: str, runs: Sequence[tuple[Outcome, Outcome]]) -> tuple[Any, ...]:
    """Return the row of emissions at the margin: their change in all pairs over that of generation; no interval."""
    key, gap = ("co2_marginal_factors", "system", "kg"), float("nan")
    generated = sum(b["generation_kwh"] - a["generation_kwh"] for a, b in runs)
    emitted = sum(b["kpis"].get(key, gap) - a["kpis"].get(key, gap) for a, b in runs)
    factor = emitted / generated if generated else gap
    return (case, "co2_marginal_factor", "system", "kg/kWh", gap, gap, factor, gap, gap)


def _changes(
    case: str, runs: Sequence[tuple[Mapping[Measure, float], Mapping[Measure, float]]], missing: float
) -> list[tuple[Any, ...]]:
    """Return one row a measure: its means without and with, and its change with the paired interval."""
    rows = []
    for key in dict.fromkeys(key for pair in runs for values in pair for key in values):
        before, after = (np.array([pair[place].get(key, missing) for pair in runs]) for place in (0, 1))
        paired = key[0] not in _OF_PAIRS
        found = estimate(after - before if paired else after)
        means = (estimate(before).mean, estimate(after).mean if paired else float("nan"))
        rows.append((case, *key, *means, found.mean, found.low, found.high))
    return rows


#: Figures of a pair, which are changes themselves.
_OF_PAIRS = ("avoided_capacity_cost", "bill_change_gini", "losers", "poor_losers")


def _worths(case: str, frames: Sequence[pd.DataFrame]) -> list[tuple[Any, ...]]:
    """Return one row a business model, basis, party and measure."""
    if not frames:
        return []
    import pandas as pd

    rows = []
    keys = ["business_model", "basis", "party"]
    for names, part in pd.concat(frames).groupby(keys, sort=False):
        notes = [note for note in dict.fromkeys(part["irr_note"]) if note]
        if notes == [NO_CASH]:
            continue
        for measure in _WORTH:
            values = part[measure].to_numpy(np.float64)
            found, count = estimate(values), int(np.isfinite(values).sum())
            if count or measure == "irr":
                note = "; ".join(notes) if measure == "irr" else ""
                rows.append((case, *names, measure, found.mean, found.low, found.high, count, note))
    return rows
