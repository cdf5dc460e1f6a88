"""Auctions with blocks, up to the size of Europe's day-ahead auction: time, gap to the bound, choices ruled out.

python benchmarks/blocks.py [--sizes small medium large] [--time-limit 900] [--pricing no_pab] [--search heuristic]

The books are made up: areas on a grid with lines between neighbours, stepped demand and supply in each area and period,
and blocks of 2 to 24 periods near the money, some linked, some exclusive, some curtailable. Bound: no awards have a
higher welfare, with or without losses of blocks.
"""

from __future__ import annotations

import argparse
import sys
from math import inf
from resource import RUSAGE_SELF, getrusage
from time import monotonic, process_time

import numpy as np

from gridagora.markets.blocks import Block, BlockBook, Line, clear_blocks
from gridagora.markets.orders import OrderBook

#: periods, areas, blocks, steps a side
SIZES = {"small": (24, 5, 60, 8), "medium": (24, 20, 300, 10), "large": (168, 40, 1000, 10)}


def made_up_book(periods, areas, blocks, steps, seed=0):
    """Return a book of random orders that looks like a day-ahead auction."""
    rng = np.random.default_rng(seed)
    names = [f"area {i:02d}" for i in range(areas)]
    level = rng.uniform(0.05, 0.09, areas)
    wave = 1 + 0.25 * np.sin(2 * np.pi * (np.arange(periods) - 8) / 24)
    shape = (periods, areas, steps)
    bid = rng.uniform(0.0, 0.2, shape) + np.array([0.15] + [0.0] * (steps - 1))
    ask = np.sort(rng.uniform(0.2, 1.8, shape), axis=2) * level[:, None]
    size = rng.uniform(0.5, 1.5, shape)
    wanted = size * np.where(np.arange(steps) == 0, 0.4 * steps, 0.3) * wave[:, None, None]
    period = np.broadcast_to(np.arange(periods)[:, None, None], shape).ravel()
    area = np.broadcast_to(np.arange(areas)[None, :, None], shape).ravel()
    orders = OrderBook.from_arrays(
        np.repeat([1, -1], period.size),
        np.round(np.concatenate([bid.ravel(), ask.ravel()]), 4),
        np.round(1000 * np.concatenate([wanted.ravel(), rng.uniform(0.5, 1.5, shape).ravel()]), 1),
        area=np.array(names)[np.tile(area, 2)],
    )
    return BlockBook(
        periods, orders, np.tile(period, 2), random_blocks(rng, periods, names, level, blocks), grid(names)
    )


def random_blocks(rng, periods, names, level, count):
    """Return blocks around the areas' price levels: 80 % sell, 30 % curtailable, 10 % linked, 6 % exclusive."""
    found = []
    for i in range(count):
        length = int(rng.integers(2, min(periods, 24) + 1))
        start = int(rng.integers(0, periods - length + 1))
        place = int(rng.integers(len(names)))
        near = [b for b in found[-40:] if b.area == names[place] and b.group is None]
        found.append(
            Block(
                f"block {i}",
                "sell" if rng.random() < 0.8 else "buy",
                round(float(level[place] * rng.uniform(0.7, 1.3)), 4),
                range(start, start + length),
                round(float(rng.uniform(100, 1500)), 1),
                minimum_acceptance=float(rng.choice([1.0, 0.5], p=[0.7, 0.3])),
                parent=near[-1].name if near and rng.random() < 0.2 else None,
                group=f"group {i // 50}" if rng.random() < 0.06 else None,
                area=names[place],
            )
        )
    return found


def grid(names):
    """Return lines between neighbours of areas that stand in rows of eight."""
    near = [(i, i + 1) for i in range(len(names) - 1) if (i + 1) % 8] + [(i, i + 8) for i in range(len(names) - 8)]
    return [Line(names[i], names[j], 800.0 + 100.0 * (i % 5)) for i, j in near]


def shown():
    """Return what tells a terminal how far it is."""
    started = monotonic()

    def tell(done, welfare):
        if sys.stderr.isatty():
            print(f"\r{monotonic() - started:7.0f} s  {done}: welfare {welfare:,.2f}   ", end="", file=sys.stderr)

    return tell


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["small"])
    parser.add_argument("--pricing", nargs="+", default=["uplift", "no_pab"])
    parser.add_argument("--search", nargs="+", default=["branching"])
    parser.add_argument("--time-limit", type=float, default=inf)
    parser.add_argument("--gap", type=float, default=1e-6)
    chosen = parser.parse_args()
    print(
        "size | orders, blocks | rule | wall s | CPU s | welfare | gap to bound | cuts | rejected though in the money"
    )
    for size in chosen.sizes:
        book = made_up_book(*SIZES[size])
        for pricing in chosen.pricing:
            for search in chosen.search if pricing == "no_pab" else [""]:
                started, cpu = monotonic(), process_time()
                found = clear_blocks(
                    book,
                    pricing,
                    search=search or "branching",
                    time_limit=chosen.time_limit,
                    gap=chosen.gap,
                    watch=shown(),
                )
                wall, cpu = monotonic() - started, process_time() - cpu
                rule = f"{found.pricing} ({search})" if pricing == "no_pab" else found.pricing
                rule += "" if found.proven else ", not proven"
                print(
                    f"{size} | {len(book.orders):,}, {len(book.blocks):,} | {rule} | {wall:.1f} | {cpu:.1f} | "
                    f"{found.welfare:,.2f} | {found.gap:.2e} | {found.cuts} | "
                    f"{np.count_nonzero(found.paradoxically_rejected)} of {np.count_nonzero(found.share == 0)}",
                    flush=True,
                )
    print(f"peak memory {getrusage(RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
