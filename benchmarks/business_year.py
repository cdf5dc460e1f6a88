"""A year of 10,000 households and 200 firms with every business model on offer, against the same year without.

A third run has no business models but as many owners of PV from the start as contracts bring about: what it costs more
is what a larger auction costs, and no business model's doing. So of the two ratios of CPU time the one to the year
without is what a user pays for asking about business models, their effects on the market included; the one to the year
with more PV is what the models themselves cost: offers, appraisals, contracts, the plans of homes under a service, and
the microgrid's plant.

The three are taken in turn, day by day, for a machine's speed changes from minute to minute; each in a process of its
own, for in one the year that needs the largest tables pays for all the memory that the others keep. Before the clock
runs, a small town goes through the same stages of a year, so that no kernel is compiled within it.

Usage: OMP_NUM_THREADS=1 python benchmarks/business_year.py [MEMBERS] [DAYS] [PERIOD_MINUTES] [KIND ...]

DAYS is the number of representative days, 12 by default, or 366 for every day of the year. Kinds that are named are
left out, such as `microgrid`, whose operator plans its plant for every day by a program of its own; and so are those
that a town does not allow with their usual terms alone.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from typing import Any

import gridagora as ga
from gridagora.agents.business_models.catalogue import BUSINESS_MODELS

YEAR = 366
MARKET_PARTIES = ("supplier", "grid_company", "platform")
#: Share of the households that have PV at the end of a year of contracts.
PV_SHARE = 0.9
#: Members and representative days of the town that compiles the kernels: offers, contracts, plans of homes, a plant.
SMALL = (300, 12)


def town(members: int, days: int, minutes: int) -> ga.Scenario:
    """Return a year of a town without business models, with the companies that usually provide them."""
    few = {} if days >= YEAR else {"time.representative_days": {"count": days}}
    year = {"time.start": "2016-01-01", "time.days": YEAR, "time.period_minutes": minutes}
    people = {"households.count": members, "firms.count": max(1, members // 50), "farms.count": max(1, members // 500)}
    companies = sorted({kind.usual_provider for kind in BUSINESS_MODELS.values()} - {*MARKET_PARTIES})
    return ga.load("quickstart", {**year, **few, **people, "counterparties.companies": companies})


def offered(scenario: ga.Scenario, but: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Return the terms of all business models that the town allows but some, each with its usual terms."""
    found = []
    for name, kind in BUSINESS_MODELS.items():
        if name in but:
            continue
        terms = {"kind": name, "provider": kind.usual_provider, "channel": {"reach_share": 0.3}}
        try:
            scenario.override({"business_models": [*found, terms]})
        except ga.ScenarioError as error:
            print(f"left out: {name}: {str(error).splitlines()[0]}", flush=True)
        else:
            found.append(terms)
    return found


def simulate(pipe: Any, scenario: ga.Scenario, small: ga.Scenario) -> None:
    """Build a year, simulate a day when asked and answer with the CPU time so far [s]; at the end with contracts."""
    ga.run(small)  # kernels are compiled
    before = time.process_time()
    model = ga.Simulation(scenario)
    pipe.send(len(model.calendar.simulated))
    for _ in model.calendar.simulated:
        pipe.recv()
        model.step()
        pipe.send(time.process_time() - before)
    months = model.recorder.frame("business_months") if scenario.business_models else None
    pipe.send({} if months is None else months.groupby("business_model")["signed"].sum().to_dict())


def main() -> None:
    """Print the time of the three years, and how many contracts were signed."""
    members, days, minutes = (
        int(float(sys.argv[place])) if len(sys.argv) > place else usual
        for place, usual in ((1, 10_000), (2, 12), (3, 15))
    )
    scenario, small = town(members, days, minutes), town(*SMALL, minutes)
    terms = offered(scenario, tuple(sys.argv[4:]))
    sunny: dict[str, Any] = {"households.pv_share": PV_SHARE}
    changes = {"without": {}, "without, more PV": sunny, "with": {"business_models": terms}}
    spawn, processes, years, spent = multiprocessing.get_context("spawn"), [], {}, {}
    for name, change in changes.items():
        years[name], there = spawn.Pipe()
        asked = there, scenario.override(change), small.override(change)
        processes.append(spawn.Process(target=simulate, args=asked, daemon=True))
        processes[-1].start()
    simulated = max(pipe.recv() for pipe in years.values())
    for day in range(simulated):
        for name, pipe in years.items():
            pipe.send(None)
            spent[name] = pipe.recv()
        if day % 30 == 29 or day == simulated - 1:
            print(f"day {day + 1}: " + ", ".join(f"{name} {cpu:.1f} s" for name, cpu in spent.items()), flush=True)
    signed = {kind: count for pipe in years.values() for kind, count in pipe.recv().items()}
    for process in processes:
        process.join()
    print(f"{sum(signed.values()):,} contracts: " + ", ".join(f"{name} {count:,}" for name, count in signed.items()))
    print(
        f"{members:,} households, {len(terms)} business models, {min(days, YEAR)} days: "
        f"{spent['with'] / spent['without']:.2f} times the CPU time, "
        f"{spent['with'] / spent['without, more PV']:.2f} times that with more PV"
    )


if __name__ == "__main__":
    main()
