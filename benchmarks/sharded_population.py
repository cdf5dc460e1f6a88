"""One population of households on 1, 2 and 4 Dask workers: the same bytes, and what a period costs.

Usage: python benchmarks/sharded_population.py [MEMBERS ...]

For each number of members a day of 96 periods, in this process and in shards on workers of one thread each. A digest
covers prices, volumes, the totals of each period and the money of the day; it is the same in every row of a number of
members, or the script fails. Up to 100,000 members the day is also that of `Simulation.step`. On a machine with fewer
processors than workers, shards take turns: read processor time of shards and of the centre's process, which sends,
receives and clears, and what is left of the wall time beside the slowest shard.
"""

from __future__ import annotations

import pickle
import resource
import sys
import time
from typing import Any

import numpy as np
from sharded_day import DAYS, SCENARIO, DayInputs, DayOutcome, alone, inputs_of, on_workers, reference, run_day
from sharded_members import HeldShard, Shard, calendar_of

from gridagora.agents.columns import SETTLE_TOTALS
from gridagora.scenarios.simulation import Simulation

SHARDS = (1, 2, 4)
#: Members of the simulation that gives the day's errors and prices where there are more than it serves.
MOST_SIMULATED = 100_000
PERIODS = 96


def agrees(model: Simulation, found: DayOutcome) -> bool:
    """Return whether a day in shards is the day that a simulation has done."""
    record = model.record
    (entry,) = record.populations
    lines = zip(entry.population.billing.lines, entry.population.billing.posted.tolist(), strict=True)
    money: dict[tuple[str, str], int] = {}
    for (_, line), amount in lines:
        money[line.counterparty, line.account] = money.get((line.counterparty, line.account), 0) + amount
    return (
        np.array_equal(record.auctions.price, found.price, equal_nan=True)
        and np.array_equal(record.auctions.volume, found.volume)
        and np.array_equal(entry.delivered, found.delivered)
        and np.array_equal(entry.settled.sum(axis=1), found.settled)
        and money == found.money
    )


def report(members: int, shards: str, found: DayOutcome, wall: float) -> None:
    """Print a row."""
    rest = found.waited - found.slowest
    print(
        f"{members:,} | {shards} | {wall:.1f} | "
        + "".join(f"{each / PERIODS * 1e3:.2f} | " for each in (found.cpu, found.slowest, rest, found.process_cpu))
        + f"{found.cpu / PERIODS / members * 1e9:.1f} | {found.digest}",
        flush=True,
    )


def measure(client: Any, members: int) -> None:
    """Print the rows of a number of members."""
    simulated = min(members, MOST_SIMULATED)
    model, ticks, least = reference({"households.count": simulated})
    inputs: DayInputs = inputs_of(model, members / simulated)
    overrides = {"households.count": members}
    local = HeldShard(SCENARIO, DAYS | overrides, 0, members, ticks, least)
    begun = time.perf_counter()
    found = run_day(alone(local), inputs)
    report(members, "none", found, time.perf_counter() - begun)
    if members == simulated:
        fresh = Simulation(SCENARIO, households__count=members, time__days=2)
        own = run_day(alone(Shard(fresh.populations[0], calendar_of(fresh.scenario), ticks, least)), inputs)
        if not (agrees(model, found) and own.digest == found.digest):
            raise SystemExit(f"{members} members: shards and Simulation.step differ")
        print(f"{members:,} | `Simulation.step` | the same", flush=True)
    del local, model
    for shards in SHARDS:
        with on_workers(client, overrides, shards, ticks, least) as ask:
            begun = time.perf_counter()
            split = run_day(ask, inputs)
            report(members, str(shards), split, time.perf_counter() - begun)
        if split.digest != found.digest:
            raise SystemExit(f"{members} members in {shards} shards: {split.digest}, alone {found.digest}")


def warm_up(client: Any) -> None:
    """Let all workers compile their kernels: for few members, and for so many that meters need 64 bits."""
    for members in (1000, 400_000):
        model, ticks, least = reference({"households.count": 1000})
        with on_workers(client, {"households.count": members}, max(SHARDS), ticks, least) as ask:
            run_day(ask, inputs_of(model, members / 1000))


def main() -> None:
    """Print a table."""
    from distributed import Client, LocalCluster

    sizes = [int(float(each)) for each in sys.argv[1:]] or [100_000, 1_000_000, 4_000_000]
    with (
        LocalCluster(
            n_workers=max(SHARDS), threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0
        ) as cluster,
        Client(cluster) as client,
    ):  # fmt: skip
        warm_up(client)
        print(
            "members | shards | day [s] | cpu | slowest shard | rest | centre cpu [ms a period] | ns a member | digest"
        )
        for members in sizes:
            measure(client, members)
        ticks = reference({"households.count": 100})[1]
    reply = len(pickle.dumps((np.zeros((2, ticks), np.int64), np.zeros(SETTLE_TOTALS, np.int64))))
    print(f"{ticks:,} ticks, {reply:,} bytes a reply; peak of this process {_peak():.2f} GB")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    main()
