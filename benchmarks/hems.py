"""Home energy management: time of a re-solve, rate of the batch, and its gap to the exact optimum.

python benchmarks/hems.py [--homes 20000] [--sample 30]: 96 periods of a quarter of an hour. Re-solves are
CPU times, median of days with other data; the batch runs on all processors, after a warm-up. The gap is the
cost of the batch above that of the exact plans on a sample: in the mean as a share of the mean cost, and at most in
money, since the cost of a single home may be near 0.
"""

from __future__ import annotations

import argparse
from statistics import median
from time import perf_counter, process_time

import numba
import numpy as np

from gridagora.agents.devices import Appliance, Battery, Building, Cogeneration, Connection, HeatPump, Home, Vehicle
from gridagora.agents.hems_batch import plan_homes
from gridagora.agents.hems_columns import battery_columns, building_columns, car_columns, site_columns
from gridagora.agents.home_outlook import HomeState, Outlook, Window
from gridagora.agents.home_planner import HomePlanner
from gridagora.agents.vehicle_trips import Commuting, draw_trips, stays_of_day
from gridagora.sim.compiled import use_threads
from gridagora.sim.streams import Streams

PERIODS, HOURS = 96, 0.25
BATTERY, CAR, PUMP = Battery(8.0, 4.0, 4.0), Vehicle(), HeatPump(3.0)
JOBS = (Appliance("washer", 0.8, 4), Appliance("dishwasher", 1.5, 5))
HOMES = {
    "battery": Home(battery=BATTERY),
    "battery, car, heat pump": Home(battery=BATTERY, vehicle=CAR, heat_pump=PUMP, building=Building()),
    "the same with two jobs": Home(battery=BATTERY, vehicle=CAR, heat_pump=PUMP, building=Building(), appliances=JOBS),
    "the same with a demand charge": Home(
        Connection(demand_charge=0.2), BATTERY, CAR, PUMP, Building(), appliances=JOBS
    ),
    "battery, cogeneration": Home(battery=BATTERY, cogeneration=Cogeneration(1.0, 3.0, 20.0, tank_kwh=10.0)),
}


def world(n, lowest=0.05):
    """Return prices of three tariffs, loads, generation, outdoor temperature and trips of n members."""
    rng, hour = np.random.default_rng(0), np.arange(PERIODS) / 4
    real_time = 0.28 + 0.12 * np.sin((hour - 13) / 24 * 4 * np.pi) + rng.normal(0, 0.03, PERIODS)
    two_rates = np.where((hour >= 6) & (hour < 22), 0.36, 0.20)
    spot = np.maximum(real_time + rng.normal(0, 0.12, PERIODS), lowest)
    buy = np.stack([real_time, two_rates, spot])
    sun = np.maximum(np.sin((hour - 6) / 13 * np.pi), 0) * (hour > 6) * (hour < 19)
    pv = sun * rng.uniform(0.2, 1, (n, PERIODS)) * rng.choice([0.0, 1.2], (n, 1))
    load = 0.03 + rng.gamma(1.0, 0.1, (n, PERIODS)) * (1 + (hour > 17) * (hour < 22))
    return buy, np.minimum(0.08, buy - 0.04), load, pv, 5 - 4 * np.cos((hour - 3) / 12 * np.pi), trips(n)


def trips(n):
    drawn = draw_trips(Commuting(), Streams(0), "homes", n, 0)
    return [stays_of_day(drawn, i, CAR, PERIODS, 5.0) for i in range(n)]


def outlook(home, data, i, rng=None):
    """Return the outlook of member i; with a generator, prices are drawn anew."""
    buy, sell, load, pv, outdoor, stays = data
    moved = rng.permutation(PERIODS) if rng else slice(None)
    return Outlook(
        home,
        HOURS,
        buy[i % 3][moved],
        sell[i % 3][moved],
        load[i],
        pv_kwh=pv[i],
        outdoor_c=outdoor,
        heat_kwh=load[i] + 1.0,
        fuel_price=0.08,
        stays=stays[i] if home.vehicle else (),
        windows=[Window(24, 84), Window(40, 96)] if home.appliances else None,
        state=HomeState(4.0 if home.battery else 0.0, 20.0 if home.vehicle else 0.0),
    )


def resolves(days=15):
    print("single home | CPU time of the first plan [ms] | of a re-solve [ms], median and most")
    for prices, lowest in (("0 <= sell <= buy", 0.05), ("some below 0", -1.0)):
        data, rng = world(days, lowest), np.random.default_rng(1)
        for name, home in HOMES.items():
            planner, took = HomePlanner(home, PERIODS, HOURS), []
            for i in range(days):
                seen, started = outlook(home, data, 3 * (i // 3) + 2, rng), process_time()
                planner.plan(seen)
                took.append(1e3 * (process_time() - started))
            print(f"{name}, {prices} | {took[0]:.0f} | {median(took[1:]):.1f}, {max(took[1:]):.0f}", flush=True)


def devices(kind, n, data):
    """Return the columns of the devices that a kind names."""
    stays = data[5][:n]
    found = {}
    if "battery" in kind:
        found["batteries"] = battery_columns(n, HOURS, 8.0, 4.0, 4.0, stored_kwh=4.0)
    if "car" in kind:
        names = ("arrive", "depart", "required_kwh", "used_kwh")
        columns = ([[getattr(stay, name) for stay in pair] for pair in stays] for name in names)
        found["cars"] = car_columns(n, HOURS, *columns, stored_kwh=20.0)
    if "heat pump" in kind:
        found["buildings"] = building_columns(n, HOURS, data[4], PUMP)
    return found


def batches(homes, sample):
    threads = int(numba.config.NUMBA_NUM_THREADS)
    use_threads(threads)
    print(
        f"population | for 100,000 homes: clock time on {threads} threads, CPU time [s] | mean gap [%], most [currency]"
    )
    for kind in ("battery", "car", "heat pump", "battery, car", "battery, car, heat pump"):
        for prices, lowest in (("0 <= sell <= buy", 0.05), ("some below 0", -1.0)):
            data = world(homes, lowest)
            site = site_columns(data[0], data[1], homes, HOURS, pv_kwh=data[3], tariff=np.arange(homes) % 3)
            columns = devices(kind, homes, data)
            few = site_columns(data[0], data[1], 1, HOURS)
            plan_homes(few, data[2][:1], **devices(kind, 1, data))
            started, busy = perf_counter(), process_time()
            found = plan_homes(site, data[2], **columns)
            clock, cpu = (1e5 * took / homes for took in (perf_counter() - started, process_time() - busy))
            gap, most = gaps(kind, data, found, sample)
            print(f"{kind}, {prices} | {clock:.0f}, {cpu:.0f} | {gap:.2f}, {most:.3f}", flush=True)


def gaps(kind, data, found, sample):
    heated = "heat pump" in kind
    home = Home(
        battery=BATTERY if "battery" in kind else None,
        vehicle=CAR if "car" in kind else None,
        heat_pump=PUMP if heated else None,
        building=Building() if heated else None,
    )
    planner = HomePlanner(home, PERIODS, HOURS)
    exact = np.array([planner.plan(outlook(home, data, i)).cost.total for i in range(sample)])
    more = found.cost[:sample] - exact
    return 100 * more.mean() / abs(exact.mean()), more.max()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=int, default=20_000)
    parser.add_argument("--sample", type=int, default=30)
    args = parser.parse_args()
    resolves()
    batches(args.homes, args.sample)


if __name__ == "__main__":
    main()
