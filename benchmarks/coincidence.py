"""Do many households peak as published curves say? Prints the figures and draws ``docs/explanation/coincidence.svg``.

Run it from anywhere: ``python benchmarks/coincidence.py [FILE.svg]``.
"""

from __future__ import annotations

import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.exogenous import noise_table
from gridagora.agents.households import Households
from gridagora.agents.population import ROWS
from gridagora.agents.profiles import DayTables, Profiles
from gridagora.scenarios.inputs import load_profiles
from gridagora.scenarios.schema_population import Households as Terms
from gridagora.sim.streams import Streams

Floats = NDArray[np.float64]

NAME = "households"
NUMBERS = (1, 3, 10, 30, 100, 300, 1000)
WINTER, SUMMER = date(2016, 1, 11), date(2016, 7, 4)
DAYS = 14
SEEDS = range(1, 7)
HOURS = 0.25
FIGURE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "coincidence.svg"


def base_profiles() -> Profiles:
    """Return the ten base profiles that households draw from."""
    loaded = load_profiles("household", "all")
    return Profiles(loaded.names, loaded.values, loaded.first_day)


def member_loads(seed: int, first: date, count: int = 1000, days: int = DAYS, diverse: bool = True) -> Floats:
    """Return the load of each household, drawn as a run draws it, without PV, price response and area errors.

    A test compares it with what a population plans.

    Parameters
    ----------
    seed : int
        Seed of the streams.
    first : date
        First day.
    count : int
        Households.
    days : int
        Days. [d]
    diverse : bool
        False gives scaled copies of the base profiles, as they were on the day.

    Returns
    -------
    ndarray of float64, shape (count, days * 96)
        [kW]
    """
    terms, streams, profiles = Terms(count=count), Streams(seed), base_profiles()
    tables = DayTables(profiles, round(1 / HOURS))
    annual, profile = Households.draw(terms, NAME, profiles.names, streams)
    shift = (streams.uniforms("shift", NAME, count) * tables.shifts).astype(np.int64)
    noise = noise_table(streams, "load noise", NAME, 96, ROWS, terms.noise_sigma, terms.noise_rho)
    loads = []
    for day in range(days):
        here = first + timedelta(days=day)
        if diverse:
            expected, candidates = tables.expected(here)
            word = streams.words("day", NAME, count, day).astype(np.int64)
            code = (profile.astype(np.int64) * candidates + (word[:, 0] * candidates >> 32)) * tables.shifts + shift
            loads.append(expected[code] * noise[:, word[:, 1] % ROWS].T)
        else:
            loads.append(profiles.of_day(here)[profile])
    power: Floats = np.concatenate(loads, axis=1) * annual[:, None] / HOURS
    return power


def coincidence(loads: Floats, n: int) -> float:
    """Return the peak of the sum over the sum of the peaks [1], the mean over disjoint groups of `n` members."""
    groups = loads[: len(loads) // n * n].reshape(-1, n, loads.shape[1])
    return float((groups.sum(axis=1).max(axis=1) / groups.max(axis=2).sum(axis=1)).mean())


def rusck(n: NDArray[Any], limit: float) -> Floats:
    """Return Rusck's coincidence factor, limit + (1 - limit) / sqrt(n) [1]."""
    return np.asarray(limit + (1 - limit) / np.sqrt(n))


def fitted_limit(n: NDArray[Any], factor: Floats) -> float:
    """Return the limit with which :func:`rusck` comes nearest to `factor` by least squares."""
    rest = 1 - 1 / np.sqrt(n)
    return float(rest @ (factor - 1 / np.sqrt(n)) / (rest @ rest))


def aggregate(loads: Floats, first: date, standard: Floats) -> dict[str, Any]:
    """Return the mean workday of the sum and of a standard profile of the same yearly energy, and what sets them apart.

    Parameters
    ----------
    loads : ndarray of float64, shape (count, days * 96)
        [kW]
    first : date
        First day.
    standard : ndarray of float64, shape (366, 96)
        Standard profile as shares of its year's energy.
    """
    total = loads.sum(axis=0).reshape(-1, 96)
    begin = (first - date(2016, 1, 1)).days
    same = standard[begin : begin + len(total)]
    workday = [day for day in range(len(total)) if (first + timedelta(days=day)).weekday() < 5]
    ours, theirs = total[workday].mean(axis=0), same[workday].mean(axis=0)
    return {
        "ours": ours / total.mean(),
        "standard": theirs / same.mean(),
        "correlation": float(np.corrcoef(ours, theirs)[0, 1]),
        "peak_to_mean": float(total.max() / total.mean()),
        "standard_peak_to_mean": float(same.max() / same.mean()),
    }


def measure(diverse: bool = True) -> Floats:
    """Return coincidence factors in winter, shape (seeds, numbers)."""
    return np.array(
        [
            [coincidence(loads, n) for n in NUMBERS]
            for loads in (member_loads(s, WINTER, diverse=diverse) for s in SEEDS)
        ]
    )


def save(factors: Floats, copies: Floats, winter: dict[str, Any], summer: dict[str, Any], file: Path) -> None:
    """Save the figure of ``docs/explanation/coincidence.md``: the same bytes from the same numbers."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    style: Any = {"svg.hashsalt": "gridagora", "svg.fonttype": "none", "font.size": 9}
    with mpl.rc_context(style):
        figure = _figure(plt, factors, copies, winter, summer)
        figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)
        plt.close(figure)


def _figure(plt: Any, factors: Floats, copies: Floats, winter: dict[str, Any], summer: dict[str, Any]) -> Any:
    numbers = np.array(NUMBERS)
    limit = fitted_limit(numbers, factors.mean(axis=0))
    fine = np.geomspace(1, 1000, 200)
    figure, (left, *days) = plt.subplots(1, 3, figsize=(10, 3.6), width_ratios=(1.35, 1, 1), layout="constrained")
    left.plot(fine, rusck(fine, limit), color="#777777", label=f"Rusck, limit {limit:.2f} fitted")
    low, high = factors.min(axis=0), factors.max(axis=0)
    mean = factors.mean(axis=0)
    left.errorbar(numbers, mean, (mean - low, high - mean), fmt="o", color="#0072b2", capsize=3, label="GridAgora")
    left.plot(numbers, copies.mean(axis=0), "s--", color="#d55e00", mfc="none", label="scaled copies of 10 profiles")
    left.set(xscale="log", ylim=(0, 1.05), xlabel="households", ylabel="peak of sum / sum of peaks")
    left.set_xticks(numbers, [str(n) for n in numbers])
    left.minorticks_off()
    left.set_title("Coincidence, two winter weeks", fontsize=9)
    hours = (np.arange(96) + 0.5) / 4
    for axis, season, name in ((days[0], winter, "January"), (days[1], summer, "July")):
        axis.plot(hours, season["standard"], color="#777777", label="BDEW H25")
        axis.plot(hours, season["ours"], color="#0072b2", label="1,000 households")
        axis.set(xlim=(0, 24), ylim=(0, 2.0), xlabel="hour, UTC+1", ylabel="load / mean load")
        axis.set_xticks(range(0, 25, 6))
        axis.set_title(f"Mean workday, {name}: r = {season['correlation']:.2f}", fontsize=9)
    for axis in (left, days[0]):
        axis.legend(frameon=False, fontsize=8, loc="upper right" if axis is left else "lower right")
    for axis in (left, *days):
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def main(file: Path) -> None:
    """Print the figures and draw the figure."""
    standard = load_profiles("household", "bdew").values[0]
    factors, copies = measure(), measure(diverse=False)
    limit = fitted_limit(np.array(NUMBERS), factors.mean(axis=0))
    print("households      ", *(f"{n:6d}" for n in NUMBERS))
    print("GridAgora       ", *(f"{g:6.3f}" for g in factors.mean(axis=0)))
    print(
        "least, most draw", *(f"{a:.3f}-{b:.3f}" for a, b in zip(factors.min(axis=0), factors.max(axis=0), strict=True))
    )
    print(f"Rusck {limit:.3f}     ", *(f"{g:6.3f}" for g in rusck(np.array(NUMBERS), limit)))
    print("scaled copies   ", *(f"{g:6.3f}" for g in copies.mean(axis=0)))
    seasons = []
    for name, first in (("winter", WINTER), ("summer", SUMMER)):
        drawn = [aggregate(member_loads(seed, first), first, standard) for seed in SEEDS]
        for key in ("correlation", "peak_to_mean", "standard_peak_to_mean"):
            values = [one[key] for one in drawn]
            print(f"{name} {key}: {min(values):.3f} to {max(values):.3f}")
        seasons.append(drawn[0])
    save(factors, copies, seasons[0], seasons[1], file)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FIGURE)
