"""What the first commands take: --help, quickstart, and one settlement period of 1,000 households.

Usage: python benchmarks/quickstart.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from gridagora.scenarios.load import load
from gridagora.scenarios.simulation import Simulation

#: Verbs of a period; the pool, which Pyomo clears, is none of them.
VERBS = ("trade_online", "deliver", "settle")


def command(*arguments: str) -> float:
    """Return the wall time of a command [s], best of three."""
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "gridagora", *arguments], check=True, capture_output=True)
        best = min(best, time.perf_counter() - started)
    return best


def period(days: int = 4) -> float:
    """Return the time of one period of quickstart's populations outside the pool [s]."""
    model = Simulation(load("quickstart", {"time.days": days}))
    spent: Counter[str] = Counter()
    for name in VERBS:

        def timed(*arguments, verb=getattr(model, name), name=name):  # noqa: B008
            started = time.perf_counter()
            verb(*arguments)
            spent[name] += time.perf_counter() - started

        setattr(model, name, timed)
    model.step()
    spent.clear()
    for _ in range(days - 1):
        model.step()
    return sum(spent.values()) / (days - 1) / model.calendar.periods_per_day


def main() -> None:
    """Print the three figures."""
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "run")
        print(f"gridagora --help: {command('--help'):.2f} s")
        print(f"gridagora run quickstart --report, kernels cached: "
              f"{command('run', 'quickstart', '--report', '--overwrite', '--quiet', '--out', out):.1f} s")  # fmt: skip
    print(f"one period of 1,000 households, 20 firms and 4 farms outside the pool: {period() * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
