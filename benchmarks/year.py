"""A year of 1,000 households: 35,136 periods, a Pyomo pool each day, an auction each period, results written.

Usage: python benchmarks/year.py [HOUSEHOLDS] [DAYS]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import gridagora as ga


def main() -> None:
    """Print the time of the run and the share of writing."""
    households = int(float(sys.argv[1])) if len(sys.argv) > 1 else 1000
    days = int(sys.argv[2]) if len(sys.argv) > 2 else 366
    ga.run(ga.load("quickstart", {"time.days": 1}))  # kernels are compiled
    scenario = ga.load("quickstart", {"households.count": households, "time.start": "2016-01-01", "time.days": days})
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        ga.run(scenario, out=folder)
        spent = time.perf_counter() - started
        seconds = json.loads((Path(folder) / "manifest.json").read_text())["seconds"]
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6
    print(f"{households:,} households, {days} days: {spent:.1f} s; {seconds}; {size:.0f} MB")


if __name__ == "__main__":
    main()
