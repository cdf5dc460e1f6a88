"""What a member costs as their number grows: user CPU time a household and settlement period, one thread.

Usage: python benchmarks/growth.py [LARGEST] [REPEATS]

Sizes are measured alternately, a day of each a turn, so that a busy machine does not favour one; the median counts.
Days of one member's worth of fixed cost (pool, books, Python) weigh on the small sizes; beyond 100,000 members the
cost must not rise.
"""

from __future__ import annotations

import sys
from statistics import median
from time import process_time

from gridagora.scenarios.load import load
from gridagora.scenarios.simulation import Simulation

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
PERIODS = 96


def model_of(members: int, days: int) -> Simulation:
    """Return a world of so many households."""
    return Simulation(load("state_grid_scale", {"households.count": members, "time.days": days, "threads": 1}))


def main() -> None:
    """Print the cost by size, and the rise beyond 100,000 members."""
    largest = int(float(sys.argv[1])) if len(sys.argv) > 1 else SIZES[-1]
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    models = {members: model_of(members, repeats + 1) for members in SIZES if members <= largest}
    cost: dict[int, list[float]] = {members: [] for members in models}
    for turn in range(repeats + 1):
        for members, model in models.items():
            started = process_time()
            model.step()
            if turn:  # in the first, kernels are compiled and memory is touched
                cost[members].append((process_time() - started) / members / PERIODS * 1e9)
    print("members | ns a member and period, median | least | most")
    for members, values in cost.items():
        print(f"{members:,} | {median(values):.1f} | {min(values):.1f} | {max(values):.1f}")
    beyond = [median(values) for members, values in cost.items() if members > 100_000]
    if beyond:
        print(f"beyond 100,000: at most {max(beyond) / median(cost[100_000]):.2f} of the cost at 100,000")


if __name__ == "__main__":
    main()
