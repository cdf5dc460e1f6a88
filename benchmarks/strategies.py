"""Quotes and learning a second of each bidding strategy, for a population of a million members.

Usage: python benchmarks/strategies.py [MEMBERS] [ROUNDS]

Every round asks all members for a quote and lets all of them learn from a made-up outcome; contexts are built before
the clock starts. One thread, processor time. The ratio to `truthful`, which only copies the limits within the price
bounds, is what to compare between machines.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from gridagora.markets.strategies.draws import Draws
from gridagora.markets.strategies.registry import STRATEGIES, strategy
from gridagora.markets.strategies.strategy import Context, Feedback, Outlook, Published


def main() -> None:
    """Print a line for each strategy."""
    members = int(float(sys.argv[1])) if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    print(f"{members:,} members, median of {rounds} rounds after a first one; millions a processor second")
    print(f"{'strategy':20} {'quotes':>8} {'learning':>9} {'bytes a member':>15}")
    for name in STRATEGIES:
        quotes, learning, size = measure(name, members, rounds)
        learns = f"{members / learning / 1e6:9.1f}" if size else f"{'-':>9}"
        print(f"{name:20} {members / quotes / 1e6:8.1f} {learns} {size / members:15.0f}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


def measure(name: str, members: int, rounds: int) -> tuple[float, float, int]:
    """Return the seconds of quoting and of learning, and the bytes of what is learnt."""
    rules, draws = strategy(name), Draws(1, "households")
    world = np.random.default_rng(0)
    side = np.where(world.random(members) < 0.8, 1, -1).astype(np.int8)
    limit = np.where(side == 1, world.uniform(0.3, 0.5, members), world.uniform(0.2, 0.4, members))
    quantity = world.uniform(0.01, 2.0, members)
    outlook = Outlook(0.4, 0.35, 0.45, 0.2 * quantity, 2.0 * quantity)
    memory = rules.remember(members, draws)
    seen = world.integers(0, members, 1000)
    times = []
    for number in range(rounds + 1):
        context = Context(np.arange(members), side, limit, quantity, 0.0, 1.0, memory, draws, number, outlook=outlook)
        start = time.process_time()
        price, offered = rules.quote(context)
        quoted = time.process_time()
        traded = side * (price - 0.36) >= 0
        told = Published(0.36, 0.36, 0.36, side[seen], price[seen], traded[seen])
        heard = Feedback(context, price, offered, np.where(traded, offered, 0.0), np.where(traded, 0.36, np.nan), told)
        ready = time.process_time()
        rules.learn(heard)
        times.append((quoted - start, time.process_time() - ready))
    best = np.median(times[1:], axis=0)
    return float(best[0]), max(float(best[1]), 1e-9), sum(column.nbytes for column in memory.values())


if __name__ == "__main__":
    main()
