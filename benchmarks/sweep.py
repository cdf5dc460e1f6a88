"""What a sweep costs beyond its points: overhead and two workers at one second a point, points a second of small runs.

Usage: python benchmarks/sweep.py [--points 1000] [--small 5000] [--workers 2]

Points of one second do nothing but keep a processor busy for that time, so that overhead is all that is left.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import gridagora as ga
from gridagora.scenarios.sweep_pool import LocalPool
from gridagora.sim.metrics import Kpi

#: A hundred households and one day of hours: the smallest town with PV, a pool and an online auction.
TOWN = {
    "households.count": 100,
    "firms": None,
    "farms": None,
    "time.days": 1,
    "time.period_minutes": 60,
    "market.method": "exact",
}


@ga.register
def a_second(record):
    """Take a second of processor time [s]."""
    started = time.process_time()
    while time.process_time() - started < 1.0:
        pass
    return [Kpi("busy", "system", 1.0, "s")]


def wall(content, workers):
    """Return wall time of a sweep [s], with the start of its processes."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        result = ga.sweep(content, Path(folder) / "sweep", workers=workers)
        spent = time.perf_counter() - started
        assert result.failures.empty, result.failures
    return spent


def in_one_process(content):
    """Return processor time of a point in a warm process, planned, simulated and written [ms]."""
    with tempfile.TemporaryDirectory() as folder:
        for name, samples in (("first", 20), ("measured", 200)):
            before = time.process_time()
            ga.sweep(content | {"samples": samples}, Path(folder) / name, workers=0)
        return (time.process_time() - before) / 200 * 1000


def started(workers):
    """Return the time that the processes of another pool take to start [s]."""
    before = time.perf_counter()
    with LocalPool(workers) as pool:
        pool._begin()
        for worker in pool._crew:
            worker.pipe.recv()
            worker.ready = True
        return time.perf_counter() - before


def main():
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--small", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    small = {"base": "quickstart", "overrides": TOWN, "design": "latin_hypercube"}
    small["factors"] = {"households.pv_share": {"low": 0.0, "high": 0.5}}
    if asked.small:  # before all else, so that nothing is loaded yet
        spent = wall(small | {"samples": asked.small}, asked.workers)
        print(f"{asked.small} points of 100 households and a day on {asked.workers} workers: "
              f"{asked.small / spent:.0f} a second, all told")  # fmt: skip
    without = small | {"overrides": TOWN | {"market.online": False}}
    print(f"a point of 100 households and a day takes {in_one_process(small):.1f} ms of CPU in one process, "
          f"{in_one_process(without):.1f} ms without online auction")  # fmt: skip
    print(f"{asked.workers} more processes are ready after {started(asked.workers):.1f} s")
    if asked.points:
        busy = small | {"samples": asked.points, "overrides": TOWN | {"metrics": ["a_second"]}}
        spent = {workers: wall(busy, workers) for workers in (1, asked.workers)}
        print(f"{asked.points} points of a second on 1 worker: {spent[1]:.1f} s, "
              f"{spent[1] / asked.points - 1:.1%} more than the second each")  # fmt: skip
        ratio = spent[1] / spent[asked.workers]
        print(f"on {asked.workers} workers: {spent[asked.workers]:.1f} s, {ratio:.2f} times as fast")


if __name__ == "__main__":
    main()
