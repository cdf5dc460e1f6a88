"""One uniform-price auction against pay-as-clear of ASSUME and MUDA of PyMarket, on the same orders.

Usage: python benchmarks/auction.py [--orders 10000] [--repeats 3] [--assume PYTHON] [--pymarket PYTHON]

Half the orders buy, quantities U(0.1, 5) kWh, prices U(0, 1). PYTHON is an interpreter whose environment has the peer;
make one with ``python -m venv peer && peer/bin/pip install assume-framework`` (or ``pymarket 'numpy<2' 'pandas<2'``,
in another). Without it the present interpreter is tried. Clearing alone is timed, in CPU time; all take turns and
medians count. Our own side is timed at a million orders too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from statistics import median
from time import process_time
from typing import Any

import numpy as np

from gridagora.markets.clearing import clear
from gridagora.markets.orders import OrderBook

ORDERS = """
import json, sys, time, warnings, logging
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
import numpy as np
orders, seed = int(sys.argv[1]), int(sys.argv[2])
rng = np.random.default_rng(seed)
price, quantity = rng.random(orders), rng.uniform(0.1, 5, orders)
"""
ASSUME = """
from datetime import datetime, timedelta
from dateutil import rrule
from dateutil.relativedelta import relativedelta
from assume.common.market_objects import MarketConfig, MarketProduct
from assume.markets import clearing_mechanisms
first, hour = datetime(2024, 1, 1), timedelta(hours=1)
hours = rrule.rrule(rrule.HOURLY, dtstart=first, until=datetime(2024, 1, 3))
products = [MarketProduct(relativedelta(hours=1), 1, relativedelta(hours=1))]
config = MarketConfig(opening_hours=hours, market_mechanism="pay_as_clear", maximum_bid_volume=1e6,
                      market_products=products)
role = clearing_mechanisms["pay_as_clear"](config)
book = [dict(start_time=first, end_time=first + hour, only_hours=None, agent_addr=f"a{i}", bid_id=f"b{i}",
             unit_id=f"u{i}", node="node0", volume=float(quantity[i]) * (-1 if i % 2 == 0 else 1),
             price=float(price[i])) for i in range(orders)]
started = time.process_time()
found = role.clear(book, [(first, first + hour, None)])
spent = time.process_time() - started
print(json.dumps([spent, sum(float(product["supply_volume"]) for product in found[2])]))
"""
PYMARKET = """
import pymarket
market = pymarket.Market()
for i in range(orders):
    market.accept_bid(float(quantity[i]), float(price[i]), i, i % 2 == 0, 0)
started = time.process_time()
trades, _ = market.run("muda", r=np.random.RandomState(seed))
spent = time.process_time() - started
frame = trades.get_df()
print(json.dumps([spent, float(frame.loc[frame["bid"] % 2 == 0, "quantity"].sum())]))
"""
PEERS = {"ASSUME pay-as-clear": (ASSUME, "assume"), "PyMarket MUDA": (PYMARKET, "pymarket")}


def random_book(orders: int, seed: int) -> OrderBook:
    """Return the orders that the peers get too."""
    rng = np.random.default_rng(seed)
    price, quantity = rng.random(orders), rng.uniform(0.1, 5, orders)
    return OrderBook.from_arrays(np.where(np.arange(orders) % 2 == 0, 1, -1), price, quantity)


def own(orders: int, seed: int) -> tuple[float, float]:
    """Return CPU time [s] of our clearing and the volume traded [kWh]."""
    book = random_book(orders, seed)
    started = process_time()
    found = clear(book, "uniform_price")
    spent = process_time() - started
    return spent, float(found.accepted[book.is_buy].sum())


def peer(python: str, script: str, orders: int, seed: int) -> tuple[float, float] | str:
    """Return CPU time [s] and volume [kWh] of a peer's clearing, or why there is none."""
    command = [python, "-c", ORDERS + script, str(orders), str(seed)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    spent, volume = json.loads(done.stdout.splitlines()[-1])
    return spent, volume


def main() -> None:
    """Print times, volumes and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--assume", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--pymarket", default=sys.executable, metavar="PYTHON")
    given = parser.parse_args()
    pythons: dict[str, str] = {"assume": given.assume, "pymarket": given.pymarket}
    own(given.orders, 0)  # kernels are compiled
    found: dict[str, list[Any]] = {"GridAgora uniform price": [], **{name: [] for name in PEERS}}
    for seed in range(given.repeats):
        found["GridAgora uniform price"].append(own(given.orders, seed))
        for name, (script, package) in PEERS.items():
            if not any(isinstance(one, str) for one in found[name]):
                found[name].append(peer(pythons[package], script, given.orders, seed))
    mine = median(spent for spent, _ in found["GridAgora uniform price"])
    for name, times in found.items():
        if isinstance(times[-1], str):
            print(f"{name}: not measured ({times[-1]}); --help says how to get it")
            continue
        seconds = median(spent for spent, _ in times)
        print(
            f"{name}, {given.orders:,} orders: {seconds * 1e3:.1f} ms, {seconds / mine:,.0f} x, {times[0][1]:.1f} kWh"
        )
    million = median(own(1_000_000, seed)[0] for seed in range(given.repeats))
    print(f"GridAgora uniform price, 1,000,000 orders: {million * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
