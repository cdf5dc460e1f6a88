"""A day of many households against a bare loop that does only the arithmetic, in one run.

Usage: python benchmarks/population_day.py [MEMBERS] [THREADS] [DAYS]

The bare loop (response, PV, battery, offers on a price grid, clearing, awards, settlement; no diversification, no
forecasts, no integers, no books) is a lower bound for a period. Both are timed alternately, day by day; the ratio of
their rates is what to quote, because machines differ and are shared.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
from bare_population import BarePopulation

from gridagora.scenarios.load import load
from gridagora.scenarios.simulation import Simulation


def main() -> None:
    """Print the rates and their ratio, the memory, and the share of each verb."""
    members = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000_000
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    days = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    overrides = {"households.count": members, "threads": threads, "time.days": days + 1}
    started = time.perf_counter()
    model = Simulation(load("state_grid_scale", overrides))
    print(f"{members:,} households, {threads} threads; built in {time.perf_counter() - started:.1f} s")
    model.step()  # kernels are compiled and memory is touched
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"peak memory {peak / 1e9:.2f} GB, {peak / members:.0f} bytes a member")
    bare = BarePopulation(members)
    bare.period(0)
    ratios, rates = [], []
    for _ in range(days):
        first = time.perf_counter()
        for period in range(12):
            bare.period(4 + 6 * period)
        between = time.perf_counter()
        model.step()
        last = time.perf_counter()
        rates.append((members * 12 / (between - first) / 1e6, members * 96 / (last - between) / 1e6))
        ratios.append(rates[-1][1] / rates[-1][0])
        print(f"bare loop {rates[-1][0]:.1f}, simulation {rates[-1][1]:.1f} million household-periods a second")
    print(f"ratio {np.median(ratios):.2f}")


if __name__ == "__main__":
    main()
