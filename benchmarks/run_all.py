"""Run the benchmarks one after the other; ``make bench`` calls it. Rows worth keeping go to results.md by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPTS = (
    *("quickstart.py", "year.py", "population_day.py", "growth.py", "auction.py", "pool_resolve.py"),
    *("mechanisms.py", "continuous.py", "network.py", "blocks.py", "strategies.py", "hems.py", "devices_day.py"),
    *("contract_draws.py", "business_year.py", "sweep.py", "checkpoint.py", "sharded_population.py"),
)


def main() -> None:
    """Run each script and show what it prints."""
    here = Path(__file__).resolve().parent
    for script in SCRIPTS:
        print(f"== {script}", flush=True)
        subprocess.run([sys.executable, str(here / script)], check=True)


if __name__ == "__main__":
    main()
