"""Time all mechanisms on one book of random orders, and PyMarket's beside them.

Usage: python benchmarks/mechanisms.py [--orders 10000] [--seed 0] [--pymarket PYTHON]

Half buyers, half sellers, prices U(0, 1), quantities U(0.1, 5) kWh. PYTHON is an interpreter that has `pymarket`
installed; its MUDA clears the same book (and Huang's trade reduction, where its pandas lets it), and volumes stand
beside each other.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from time import perf_counter, process_time
from typing import Any

import numpy as np

from gridagora.markets.clearing import MECHANISMS, Mechanism
from gridagora.markets.indicators import auction_indicators
from gridagora.markets.orders import OrderBook

#: Mechanisms with options; block orders are timed by blocks.py.
CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("uniform_price", {}),
    ("pay_as_bid", {}),
    ("pay_as_bid", {"pairs": "midpoint"}),
    ("vcg", {}),
    ("vickrey_reverse", {}),
    ("mcafee", {}),
    ("trade_reduction", {}),
    ("muda", {}),
    ("muda", {"excess": "vickrey"}),
    ("continuous", {}),
)

PYMARKET = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np, pymarket
orders, seed, name = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
rng = np.random.default_rng(seed)
price, quantity = rng.random(orders), rng.uniform(0.1, 5, orders)
market = pymarket.Market()
for i in range(orders):
    market.accept_bid(float(quantity[i]), float(price[i]), i, i % 2 == 0, 0)
options = {"r": np.random.RandomState(seed)} if name == "muda" else {}
started, cpu = time.perf_counter(), time.process_time()
try:
    trades, _ = market.run(name, **options)
    frame = trades.get_df()
    volume = float(frame.loc[frame["bid"] % 2 == 0, "quantity"].sum())
    print(json.dumps([time.perf_counter() - started, time.process_time() - cpu, volume]))
except Exception as error:
    print(json.dumps(f"{type(error).__name__}: {error}"))
"""


def random_book(orders: int, seed: int) -> OrderBook:
    """Return the book that PyMarket gets too."""
    rng = np.random.default_rng(seed)
    price, quantity = rng.random(orders), rng.uniform(0.1, 5, orders)
    return OrderBook.from_arrays(np.where(np.arange(orders) % 2 == 0, 1, -1), price, quantity)


def median_times(mechanism: Mechanism, book: OrderBook, repeats: int = 5) -> tuple[float, float]:
    """Return wall and CPU time of a clearing [s], after one that is not counted."""
    times = []
    for _ in range(repeats + 1):
        started, cpu = perf_counter(), process_time()
        mechanism.clear(book)
        times.append((perf_counter() - started, process_time() - cpu))
    wall, used = np.median(times[1:], axis=0)
    return float(wall), float(used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pymarket", metavar="PYTHON")
    given = parser.parse_args()
    book = random_book(given.orders, given.seed)
    print(f"{given.orders} orders, seed {given.seed}; median of 5")
    for name, options in CASES:
        mechanism = MECHANISMS[name](**options)
        seconds, cpu = median_times(mechanism, book)
        found = auction_indicators(book, mechanism.clear(book))
        label = " ".join([name, *(f"{key}={value}" for key, value in options.items())])
        times = f"{seconds * 1e3:8.2f} ms   CPU {cpu * 1e3:8.2f} ms"
        outcome = f"efficiency {found.efficiency:.4f}   auctioneer {found.operator_surplus:+.2f}"
        print(f"{label:26s} {times}   {found.volume:9.1f} kWh   {outcome}")
    for name in ("muda", "huang") if given.pymarket else ():
        arguments = [given.pymarket, "-c", PYMARKET, str(given.orders), str(given.seed), name]
        answer = json.loads(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)
        if isinstance(answer, str):
            print(f"{'PyMarket ' + name:26s} {answer}")
        else:
            seconds, cpu, volume = answer
            print(f"{'PyMarket ' + name:26s} {seconds * 1e3:8.2f} ms   CPU {cpu * 1e3:8.2f} ms   {volume:9.1f} kWh")


if __name__ == "__main__":
    main()
