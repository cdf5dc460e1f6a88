"""Key figures of runs against those of a baseline, paired over seeds, with confidence intervals.

Runs with the same seed share their random numbers, so their difference is the scenario's, not chance's. Differences of
pairs are taken for independent and normal: the interval is that of Student's t.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gridagora.scenarios.run import Result, read
from gridagora.scenarios.yaml_lines import parse

Run = Result | str | os.PathLike[str]
#: Probability that an interval covers the mean difference.
CONFIDENCE = 0.95
KEY = ["kpi", "scope"]


@dataclass(frozen=True, slots=True)
class Group:
    """Runs of one scenario, its replications.

    Attributes
    ----------
    label : str
        What it is called.
    runs : dict
        Result by seed.
    """

    label: str
    runs: Mapping[int, Result]


def compare(runs: Mapping[str, Run | Sequence[Run]], baseline: str | None = None) -> pd.DataFrame:
    """Compare the key figures of runs with those of a baseline.

    Runs under one label are replications. Where two labels have seeds in common, only these count, pair by pair; with
    two pairs or more there is a confidence interval. Without a seed in common the means are subtracted, and there is
    none: what differs may be chance.

    Parameters
    ----------
    runs : mapping of str to Result, path, or sequence of these
        At least two labels.
    baseline : str, optional
        Label to compare with; the first by default.

    Returns
    -------
    pandas.DataFrame
        One row a label and key figure: `run`, `kpi`, `scope`, `unit`; `baseline_value` and `value`, means over the
        runs that count; `difference` of the two; `low` and `high`, its 95 % interval, nan without one; `pairs`, number
        of seeds in common for which the figure exists.

    Raises
    ------
    ValueError
        If there is nothing to compare, a label has a seed twice, or units differ.
    KeyError
        If `baseline` is no label.
    FileNotFoundError
        If a folder holds no finished run.
    """
    groups = [replications(label, given) for label, given in runs.items()]
    if len(groups) < 2:
        raise ValueError(f"runs: given {', '.join(runs) or 'none'}; allowed: two or more to compare with each other")
    if baseline is not None and baseline not in runs:
        raise KeyError(f"baseline: given {baseline!r}; allowed: {', '.join(runs)}")
    first = next(group for group in groups if baseline in (None, group.label))
    return pd.concat([_differences(first, group) for group in groups if group is not first], ignore_index=True)


def replications(label: str, given: Run | Sequence[Run]) -> Group:
    """Read the runs of one scenario.

    Parameters
    ----------
    label : str
        What it is called.
    given : Result, path, or sequence of these
        Its runs.

    Raises
    ------
    ValueError
        If there is none, or a seed comes twice.
    FileNotFoundError
        If a folder holds no finished run.
    """
    several = [given] if isinstance(given, Result | str | os.PathLike) else list(given)
    if not several:
        raise ValueError(f"{label}: given no run; allowed one or more")
    found: dict[int, Result] = {}
    for each in several:
        result = each if isinstance(each, Result) else read(each)
        seed = int(result.manifest["seed"])
        if seed in found:
            where = " and ".join(str(run.path or "a run in memory") for run in (found[seed], result))
            raise ValueError(
                f"{label}: given two runs of one scenario with the seed {seed}, {where}; give one of them, or in "
                "Python different labels: ga.compare({'old': ..., 'new': ...})"
            )
        found[seed] = result
    return Group(label, found)


def group_folders(folders: Sequence[Path]) -> dict[str, list[Path]]:
    """Group the folders of runs that differ only in their seeds, by label.

    Parameters
    ----------
    folders : sequence of Path
        Folders of finished runs; what is given twice counts once.

    Returns
    -------
    dict
        Folders of each scenario by its name, or by the name or path of its first folder where scenarios share one.

    Raises
    ------
    FileNotFoundError
        If a folder holds no finished run.
    ValueError
        If the files of a run are damaged.
    """
    from gridagora.sim.report.page import run_labels

    groups: dict[str, list[Path]] = {}
    for folder in {folder.resolve(): folder for folder in folders}.values():
        groups.setdefault(scenario_key(folder), []).append(folder)
    return dict(zip(run_labels([group[0] for group in groups.values()]), groups.values(), strict=True))


def scenario_key(folder: Path) -> str:
    """Return a hash of a run's scenario that is the same for all seeds, names and places of own files.

    Parameters
    ----------
    folder : Path
        Folder of a finished run.

    Raises
    ------
    FileNotFoundError
        If it holds no finished run, or no scenario.
    ValueError
        If its scenario is damaged.
    """
    from gridagora.sim.results import read_manifest

    manifest, file = read_manifest(folder), folder / "scenario.yaml"
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing; give the folder of a run as it was written, or run it again")
    content: dict[str, Any] = {
        key: value
        for key, value in parse(file.read_bytes()).value.items()
        if key not in ("name", "description", "seed")
    }
    for dotted, data in manifest.get("data_files", {}).items():
        here: Any = content
        for part in str(dotted).split("."):
            here = here[int(part) if isinstance(here, list) else part]
        here["path"] = data["sha256"]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def pairing(first: Group, other: Group) -> str:
    """Say in words how the runs of two groups are compared."""
    common = sorted(first.runs.keys() & other.runs.keys())
    if not common:
        seeds = " and ".join(_seeds(group.runs) for group in (first, other))
        return f"unpaired, {seeds}: a difference of means without an interval, which may be chance; use common seeds"
    alone = sorted(first.runs.keys() ^ other.runs.keys())
    rest = f"; left out without a partner: {_seeds(alone)}" if alone else ""
    if len(common) == 1:
        return f"one pair, {_seeds(common)}: no interval; run both with more seeds{rest}"
    return f"{len(common)} pairs, {_seeds(common)}{rest}"


def worth_by_party(groups: Iterable[Group]) -> pd.DataFrame:
    """Put the business models of runs side by side.

    Parameters
    ----------
    groups : iterable of Group
        Runs; those without business models have no rows.

    Returns
    -------
    pandas.DataFrame
        One row a business model, party and label: `business_model`, `party`, `run`, `npv_agreed` and `npv`
        [currency], with the true quantities where not agreed, `irr` [1/a], `payback_years` [a], `least_coverage` [1]:
        means over the runs where they exist; `runs`, their number.
    """
    columns = ("npv_agreed", "npv", "irr", "payback_years", "least_coverage")
    rows = [
        {"business_model": model, "party": party, "run": group.label}
        | {name: float(each[name].mean()) for name in columns}
        | {"runs": len(each)}
        for group in groups
        for (model, party), each in _worth(group).groupby(["business_model", "party"], sort=False)
    ]
    if not rows:
        return pd.DataFrame(columns=["business_model", "party", "run", *columns, "runs"])
    found = pd.DataFrame(rows)
    order = found.groupby(["business_model", "party"], sort=False).ngroup()
    return found.iloc[np.argsort(order.to_numpy(), kind="stable")].reset_index(drop=True)


def _worth(group: Group) -> pd.DataFrame:
    """Return worth by business model and party of all runs of a group that have business models."""
    key = ["business_model", "party"]
    found = []
    for result in group.runs.values():
        if "business_worth" in result:
            rows = result["business_worth"]
            agreed = rows[rows["basis"] == "agreed"].set_index(key)["npv"].rename("npv_agreed")
            found.append(rows[rows["basis"] == "true"].join(agreed, on=key))
    return pd.concat(found) if found else pd.DataFrame(columns=key)


def _differences(first: Group, other: Group) -> pd.DataFrame:
    from scipy.stats import t

    common = sorted(first.runs.keys() & other.runs.keys())
    before, after = (_values(group, common) for group in (first, other))
    units = _units(first, other)
    keys = pd.MultiIndex.from_tuples(list(units), names=KEY)
    before, after = before.reindex(keys), after.reindex(keys)
    if common:
        by_pair = after - before
        exists = by_pair.notna()
        pairs = exists.sum(axis=1).to_numpy()
        # Where a figure exists on one side alone, that side is still shown.
        paired = pd.Series(pairs > 0, keys)
        before_mean, after_mean = (
            side.where(exists).mean(axis=1).where(paired, side.mean(axis=1)) for side in (before, after)
        )
        difference = by_pair.mean(axis=1)
        error = by_pair.std(axis=1, ddof=1) / np.sqrt(np.maximum(pairs, 1))
        half = (error * t.ppf((1 + CONFIDENCE) / 2, np.maximum(pairs - 1, 1))).to_numpy()
    else:
        before_mean, after_mean = before.mean(axis=1), after.mean(axis=1)
        difference, pairs, half = after_mean - before_mean, np.zeros(len(keys), np.int64), np.full(len(keys), np.nan)
    return pd.DataFrame(
        {
            "run": other.label,
            "kpi": keys.get_level_values("kpi"),
            "scope": keys.get_level_values("scope"),
            "unit": list(units.values()),
            "baseline_value": before_mean.to_numpy(),
            "value": after_mean.to_numpy(),
            "difference": difference.to_numpy(),
            "low": difference.to_numpy() - half,
            "high": difference.to_numpy() + half,
            "pairs": pairs,
        }
    )


def _values(group: Group, seeds: Sequence[int]) -> pd.DataFrame:
    """Return key figures by seed, of some seeds or, without any, of all."""
    return pd.DataFrame(
        {seed: group.runs[seed]["kpis"].set_index(KEY)["value"].astype(float) for seed in seeds or sorted(group.runs)}
    )


def _units(first: Group, other: Group) -> dict[tuple[str, str], str]:
    """Return the unit of every key figure of two groups, in the order of the tables."""
    units: dict[tuple[str, str], str] = {}
    for group in (first, other):
        for result in group.runs.values():
            rows = result["kpis"]
            for kpi, scope, unit in zip(rows["kpi"], rows["scope"], rows["unit"], strict=True):
                known = units.setdefault((kpi, scope), unit)
                if known != unit:
                    raise ValueError(
                        f"{kpi} of {scope}: given in {known} by {first.label} and in {unit} by {group.label}; allowed: "
                        "one unit; run both scenarios with the same currency"
                    )
    return units


def _seeds(seeds: Iterable[int]) -> str:
    listed = sorted(seeds)
    return f"seed{'s' if len(listed) > 1 else ''} {', '.join(map(str, listed))}"
