"""Markets on a network, solved again every settlement period: times of a day of 96 periods.

python benchmarks/network.py [--pypsa PYTHON]

case118: 54 generators in three steps each, lines limited to 0.95 of what they carry at peak without limits and at least
80 MW. lv3: a low-voltage feeder of 118 loads that bid in two steps, voltage kept within 4 %, with PV by day. Each day
is cleared once to build and warm up, then `--days` times. With the python of an environment that has PyPSA, the case118
day is also solved by PyPSA as one linear programme, with HiGHS. Times are CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np

from gridagora.markets.network.dispatch import dispatch
from gridagora.markets.network.pool import NetworkPool
from gridagora.markets.pool_day import Offers
from gridagora.scenarios.grids import read_grid

PERIODS, HOURS, CAP = 96, 0.25, 1.0
SHAPE = 0.8 + 0.2 * np.sin(2 * np.pi * (np.arange(PERIODS) - 30) / PERIODS)
TERMS = {"periods": PERIODS, "hours": HOURS, "buyers": ("supplier",), "floor": -0.05, "cap": CAP}

PYPSA = """
import json, logging, sys, time, warnings
warnings.filterwarnings("ignore"); logging.disable(logging.WARNING)
import numpy as np, pandas as pd, pypsa
d = json.load(open(sys.argv[1])); n = pypsa.Network(); n.set_snapshots(range(len(d["shape"])))
start = time.process_time()
n.add("Bus", d["areas"], v_nom=1.0)
names = [f"l{i}" for i in range(len(d["x"]))]
n.add("Line", names, bus0=d["from"], bus1=d["to"], x=d["x"], r=1e-9, s_nom=d["limit"])
n.add("Generator", d["units"], bus=d["unit_area"], p_nom=d["capacity"], marginal_cost=d["cost"])
n.add("Generator", ["shed " + a for a in d["areas"]], bus=d["areas"], p_nom=1e6, marginal_cost=d["cap"])
load = np.outer(d["shape"], d["load"])
n.add("Load", ["load " + a for a in d["areas"]], bus=d["areas"])
n.loads_t.p_set = pd.DataFrame(load, n.snapshots, ["load " + a for a in d["areas"]])
built = time.process_time()
n.optimize(solver_name="highs", log_to_console=False, include_objective_constant=False)
done = time.process_time()
print(json.dumps({"version": pypsa.__version__, "build": built - start, "solve": done - built, "cost": n.objective,
    "spread": float((n.buses_t.marginal_price.max(axis=1) - n.buses_t.marginal_price.min(axis=1)).mean())}))
"""


def stepped(grid, steps=3):
    """Return names, areas, capacities [kW] and prices of the steps that stand for quadratic costs."""
    names, areas, power, price = [], [], [], []
    for i, name in enumerate(grid.generator_names):
        width = grid.capacity_kw[i] / steps
        for j in range(steps):
            names.append(f"{name} step {j}")
            areas.append(grid.generator_area[i])
            power.append(width)
            # A hundredth of a currency unit per MWh apart, so that no two steps tie.
            price.append(grid.cost[i] + grid.slope[i] * width * (j + 0.5) + 1e-7 * i)
    return names, areas, np.array(power), np.array(price)


def case118():
    """Return the case with limits that bind, its steps and its load [kW]."""
    grid = read_grid("case118")
    free = dispatch(
        grid.network,
        grid.generator_area,
        grid.capacity_kw,
        grid.cost,
        grid.load_kw,
        slope=grid.slope,
        value_of_lost_load=CAP,
    )
    limit = np.maximum(0.95 * np.abs(free.flow_kwh), 80e3)
    return read_grid("case118", limit_kw=limit), stepped(grid)


def seconds(clear, days):
    """Return the median CPU time of a day after a first one."""
    clear(0)
    took = []
    for day in range(1, days + 1):
        started = process_time()
        clear(day)
        took.append(process_time() - started)
    return median(took)


def transmission(days):
    """Time the pool on case118 and return what PyPSA needs for the same day."""
    grid, (names, areas, power, price) = case118()
    started = process_time()
    pool = NetworkPool(Offers(names, power * HOURS, price), areas, grid.network, step_price=[CAP], **TERMS)
    built = process_time() - started
    base = grid.load_kw[None, :, None, None] * SHAPE[:, None] * HOURS
    last = pool.clear(base)
    took = seconds(lambda day: pool.clear(base * (1 - 0.002 * day)), days)
    binding, spread = (last.line_price > 1e-9).sum(axis=1), np.ptp(last.price, axis=1)
    print(
        f"case118, {PERIODS} periods: build {built:.2f} s, a day {took:.2f} s; {binding.mean():.1f} lines bind, "
        f"spread of prices {1e3 * spread.mean():.2f} per MWh, unserved {last.unserved_quanta.sum() / 1e6:.0f} kWh, "
        f"cost {CAP * base.sum() - last.welfare:.2f}"
    )
    return {
        "areas": list(grid.network.areas),
        "from": [grid.network.areas[i] for i in grid.network.line_from],
        "to": [grid.network.areas[i] for i in grid.network.line_to],
        "x": grid.network.x.tolist(),
        "limit": (grid.network.limit_kw * HOURS).tolist(),
        "units": names,
        "unit_area": areas,
        "capacity": (power * HOURS).tolist(),
        "cost": price.tolist(),
        "load": (grid.load_kw * HOURS).tolist(),
        "shape": SHAPE.tolist(),
        "cap": CAP,
    }


def feeder(days):
    """Time the pool on a feeder whose voltage binds."""
    grid = read_grid("lv3", v_min=0.96, v_max=1.04)
    areas = list(grid.network.areas)
    sun = np.maximum(np.sin(2 * np.pi * (np.arange(PERIODS) - 24) / PERIODS), 0.0)
    pool = NetworkPool(Offers(["grid"], [1000.0 * HOURS], [0.3]), ["MV"], grid.network, step_price=[CAP, 0.4], **TERMS)
    demand = np.zeros((1, len(areas), PERIODS, 2))
    demand[0, :, :, 0] = 0.8 * grid.load_kw[:, None] * SHAPE * HOURS
    demand[0, :, :, 1] = 0.2 * grid.load_kw[:, None] * SHAPE * HOURS
    surplus = (grid.pv_kw[:, None] * sun * HOURS)[None]
    last = pool.clear(demand, surplus)
    took = seconds(lambda day: pool.clear(demand * (1 - 0.002 * day), surplus), days)
    low, high = (np.abs(last.voltage) > 1e-9).any(axis=1).sum(), (last.price[:, 0] < 0.2).sum()
    print(f"lv3, {PERIODS} periods, 118 loads: a day {took:.2f} s; voltage binds in {low}, export in {high} periods")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--pypsa", help="python of an environment with PyPSA")
    arguments = parser.parse_args()
    case = transmission(arguments.days)
    feeder(arguments.days)
    if arguments.pypsa:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "case.json"
            path.write_text(json.dumps(case))
            done = subprocess.run(
                [arguments.pypsa, "-c", PYPSA, str(path)], capture_output=True, text=True, check=False
            )
            print("PyPSA, the same case118 day:", done.stdout.strip() or done.stderr[-500:])


if __name__ == "__main__":
    sys.exit(main())
