"""Speed of the continuous book: python benchmarks/continuous.py [--orders 20000000] [--operations 3000000].

All operations are made, and room for all orders, before the clock of their batch starts. What is timed is matching
with the log of every event, on one thread and on integer prices. Each run is repeated from the same operations and must
write the same bytes.

* Simple mix: limit orders, good till cancelled, in batches of a million. Sides and quantities (1 to 5) are uniform,
  prices normal with a deviation of 100 ticks on a grid of 1,000, around 480 for buyers and 520 for sellers.
* Engine mix, the shares of the benchmark of the open-source engine exchange-core: 9 % resting orders, 3 % immediate
  ones, 6 % cancellations, 82 % moves, by 1,000 owners. Orders lie on 750 ticks a side at random; about 1,000 rest. The
  operations are made one by one beside a book of their own, so that cancellations and moves name orders that rest.
"""

from __future__ import annotations

import argparse
import os
import platform
from functools import partial
from hashlib import sha256
from time import perf_counter, process_time

import numba
import numpy as np

from gridagora.markets.continuous.columns import (
    BEST_ASK,
    BEST_BID,
    CANCEL,
    IOC,
    MOVE,
    ORDERS,
    RESTING,
    ROWS,
    SUBMIT,
    TRADE,
    operations,
)
from gridagora.markets.continuous.engine import Engine
from gridagora.markets.continuous.kernels import process
from gridagora.markets.continuous.rules import BookRules

BATCH = 1_000_000
RESTS = 1_000
SPAN = 750
TICKS = 2 * SPAN + 3
ACROSS = 0.06


def simple_mix(seed, batch, orders, ticks=1_000):
    """Return limit orders that trade two times of three."""
    rng = np.random.default_rng([seed, batch])
    side = rng.integers(0, 2, orders) * 2 - 1
    tick = np.clip((500 + 100 * rng.standard_normal(orders) - 20 * side).astype(np.int64), 0, ticks - 1)
    owner = rng.integers(0, 1_000, orders)
    return operations(np.full(orders, SUBMIT), side=side, tick=tick, quantity=rng.integers(1, 6, orders), owner=owner)


@numba.njit
def fill_engine_mix(book, rows, best, share, uniform, live):
    """Fill `rows` with operations on orders that rest in `book` at that moment; `live` is room for their numbers."""
    state, count = book.state, 0
    for i in range(len(rows)):
        row, u = rows[i], uniform[i]
        filling = i < RESTS
        immediate = not filling and share[0] <= u[0] < share[1]
        acts = not filling and u[0] >= share[1]
        side = 1 if u[1] < 0.5 else -1
        row["quantity"] = 1 + int(u[2] * 100)
        row["owner"] = int(u[3] * 1_000)
        if acts:
            at = int(u[3] * count)
            while book.orders[live[at]]["left"] == 0:
                count -= 1
                live[at] = live[count]
                at %= count
            row["kind"] = CANCEL if u[0] < share[2] else MOVE
            row["order"] = live[at]
            side = book.orders[live[at]]["side"]
        else:
            live[count] = state[ORDERS]
            count += 1
        row["side"] = side
        row["tick"] = SPAN + 1 - side * (1 + int(u[4] * SPAN))
        # Some orders reach across while the book is larger than it should be: that keeps its size.
        if immediate or (not filling and state[RESTING] > RESTS and u[5] < ACROSS):
            row["tick"] = min(state[BEST_ASK], TICKS - 1) if side == 1 else max(state[BEST_BID], 0)
        if immediate:
            row["limit"] = IOC
            row["quantity"] = 1 + int(u[2] * 10)
        state[ROWS] = 0
        process(book, rows[i : i + 1], best, False)


def engine_mix(rng, count):
    """Return the operations that fill the book, and `count` operations of the mix."""
    engine = Engine(TICKS, BookRules())
    rows = operations(np.full(RESTS + count, SUBMIT))
    engine._make_room(1, len(rows), 0)
    shares, live = np.cumsum([0.09, 0.03, 0.06]), np.zeros(len(rows), np.int64)
    best = np.empty((0, 2), np.int64)
    fill_engine_mix(engine.columns, rows, best, shares, rng.random((len(rows), 6)), live)
    return rows[:RESTS].copy(), rows[RESTS:].copy()


def describe_engine_mix(first, rows):
    """Print what the made operations are: shares, how many orders rest and at how many prices, how many trade."""
    engine = Engine(TICKS, BookRules())
    engine.run(first.copy())
    before, resting, slots = len(engine.events()), [], []
    for part in np.array_split(rows.copy(), 20):
        engine.run(part.copy())
        left = engine.columns.orders["left"] > 0
        resting.append(int(left.sum()))
        slots.append(len(np.unique(engine.columns.orders["tick"][left])))
    events = engine.events()[before:]
    trading = len(np.unique(events["operation"][events["kind"] == TRADE]))
    kinds = np.where(rows["limit"] == IOC, -1, rows["kind"])
    shares = [float(np.mean(kinds == kind)) for kind in (SUBMIT, -1, CANCEL, MOVE)]
    print("engine mix: {:.1%} resting, {:.1%} immediate, {:.1%} cancellations, {:.1%} moves".format(*shares), end="; ")
    print(
        f"{min(resting)} to {max(resting)} orders rest at {np.mean(slots):.0f} prices; {trading / len(rows):.1%} trade"
    )


def timed(ticks, parts, orders, first=None):
    """Run parts one after the other; return wall and processor seconds, number of events and hash of all events."""
    engine, digest, count, wall, cpu = Engine(ticks, BookRules(), orders), sha256(), 0, 0.0, 0.0
    if first is not None:
        engine.run(first.copy())
    for make in parts:
        part = make()
        began = perf_counter(), process_time()
        engine.run(part)
        wall, cpu = wall + perf_counter() - began[0], cpu + process_time() - began[1]
        events = engine.take_events()
        digest.update(events.tobytes())
        count += len(events)
    return wall, cpu, count, digest.hexdigest()


def compare(name, operations_done, ticks, parts, first=None, rounds=3):
    """Time some rounds, of which each must write the same log; print the best and the spread."""
    found = [timed(ticks, parts, operations_done + RESTS, first) for _ in range(rounds)]
    assert len({each[3] for each in found}) == 1, "replay differs"
    wall, cpu = min(each[0] for each in found), min(each[1] for each in found)
    print(f"{name}: {operations_done:,} operations, {found[0][2]:,} events, the same bytes in {rounds} runs")
    print(f"  wall      {wall:6.2f} s, {operations_done / wall / 1e6:5.1f} million operations a second")
    print(f"  processor {cpu:6.2f} s, {operations_done / cpu / 1e6:5.1f} million operations a second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=20_000_000)
    parser.add_argument("--operations", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    Engine(4, BookRules()).run(operations(np.full(2, SUBMIT), side=[1, -1], tick=1, quantity=1))
    print(f"Python {platform.python_version()}, numba {numba.__version__}, one thread, log on, seed {given.seed}")
    print(f"load of the last minute {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    first, rows = engine_mix(np.random.default_rng(given.seed), given.operations)
    describe_engine_mix(first, rows)
    compare("engine mix", len(rows), TICKS, [rows.copy], first, given.rounds)
    starts = range(0, given.orders, BATCH)
    parts = [partial(simple_mix, given.seed, start, min(BATCH, given.orders - start)) for start in starts]
    compare("simple mix", given.orders, 1_000, parts, None, given.rounds)


if __name__ == "__main__":
    main()
