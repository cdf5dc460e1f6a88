"""Re-solve of the day-ahead pool through Pyomo against raw highspy on the same model.

python benchmarks/pool_resolve.py: 96 periods, 24 units, once as it is and once with ramps and storage. Every day has
other demand. A re-solve passes the data on, runs HiGHS and reads awards and prices back; cold, HiGHS forgets the day
before, warm it starts from there. The raw side sets the balances on a copy of the same program. Times are CPU times.
"""

from __future__ import annotations

import argparse
from statistics import median
from time import process_time

import highspy
import numpy as np

from gridagora.markets.coupled_pool import CoupledPool, Technique
from gridagora.markets.day_ahead import DayAheadPool
from gridagora.markets.pool_day import Offers
from gridagora.markets.solver import OPTIONS, method_for
from gridagora.markets.storage import Storage

PERIODS, UNITS = 96, 24
TERMS = {"periods": PERIODS, "buyers": ("supplier",), "step_price": [1.5], "floor": -0.05, "cap": 1.5}
METHODS = [{"solver": solver, "presolve": presolve} for solver in ("simplex", "ipm") for presolve in ("on", "off")]


def demands(days):
    """Return net demand of each day in quanta, shape (days, periods)."""
    rng = np.random.default_rng(1)
    shape = 600 * (1 + 0.4 * np.sin(np.arange(PERIODS) / 15))
    return np.rint(1e6 * shape * rng.uniform(0.9, 1.1, (days, PERIODS))).astype(np.int64)


def pools():
    """Return the model object of each kind of pool, and a function that re-solves it for a day's demand."""
    rng = np.random.default_rng(0)
    offers = Offers(
        [f"unit {i}" for i in range(UNITS)], rng.uniform(20, 60, UNITS), np.sort(rng.uniform(0.1, 0.8, UNITS))
    )
    plain = DayAheadPool(offers, **TERMS)._model
    technique = Technique(
        UNITS, ramp_kwh=np.where(np.arange(UNITS) < 16, 0.05 * np.asarray(offers.capacity_kwh), np.inf)
    )
    coupled = CoupledPool(offers, technique, [Storage("lake", 20.0, 480.0, 0.78)], **TERMS)
    model, stored, on = coupled._coupled, coupled.storages.stored, np.ones(UNITS, bool)
    none = np.zeros(PERIODS, np.int64)
    return {
        "plain": (plain, lambda day: plain.solve(day[:, None], none)),
        "ramps and storage": (model, lambda day: model.solve(day[:, None], none, None, on, stored)),
    }


def raw_copy(kept, options):
    """Return highspy's own copy of a kept model, and the rows of its balances."""
    raw = highspy.Highs()
    for name, value in (OPTIONS | options).items():
        raw.setOptionValue(name, value)
    raw.passModel(kept._solver._highs.getLp())
    return raw, kept._balances.astype(np.int32)


def solve_raw(raw, rows, demand):
    raw.changeRowsBounds(len(rows), rows, demand, demand)
    raw.run()
    solution = raw.getSolution()
    return np.array(solution.col_value), np.array(solution.row_dual)[rows]


def seconds(solve, days, forget):
    """Return the median CPU time of a re-solve; `forget` is called before each, off the clock."""
    took = []
    for day in days:
        forget()
        started = process_time()
        solve(day)
        took.append(process_time() - started)
    return median(took[2:])


def measure(kept, solve, days, options):
    """Return the times in ms of Pyomo and raw re-solves, cold and warm."""
    for name, value in options.items():
        kept._solver._highs.setOptionValue(name, value)
    solve(days[0])
    raw, rows = raw_copy(kept, options)
    unit = kept._unit
    found = {}
    for state in ("cold", "warm"):

        def forget(highs, cold=state == "cold"):
            return highs.clearSolver() if cold else None

        found[state] = (
            1e3 * seconds(solve, days, lambda: forget(kept._solver._highs)),
            1e3 * seconds(lambda day: solve_raw(raw, rows, day / unit), days, lambda: forget(raw)),
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    days = demands(parser.parse_args().days)
    print("pool | HiGHS | cold: Pyomo, raw [ms], ratio | warm: Pyomo, raw [ms], ratio")
    for name, (kept, solve) in pools().items():
        chosen = method_for(kept._solver._highs.getNumCol())
        for options in METHODS:
            found = measure(kept, solve, days, options)
            cells = [f"{mine:.1f}, {raw:.1f}, {mine / raw:.2f}" for mine, raw in found.values()]
            mark = " (chosen)" if options == chosen else ""
            print(
                f"{name} | {options['solver']}, presolve {options['presolve']}{mark} | {' | '.join(cells)}", flush=True
            )


if __name__ == "__main__":
    main()
