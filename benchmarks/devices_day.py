"""A day of many households with electric cars, heat pumps and answers to prices, against the same without.

Usage: python benchmarks/devices_day.py [MEMBERS] [THREADS] [DAYS] [alone]

Both runs stand side by side and are timed day by day in turn; with `alone` only the one with devices is held, for
populations that do not fit twice.
"""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

from gridagora.scenarios.load import load
from gridagora.scenarios.simulation import Simulation

DEVICES: dict[str, Any] = {
    "weather": "synthetic",
    "households.ev_share": 0.3,
    "households.vehicle.charging": "cheapest",
    "households.heat_pump_share": 0.3,
    "households.heat_pump.setback_k": 1.0,
    "households.technology_share": 0.3,
    "generators.capacity_to_peak": 20.0,
    "tariffs.residential": {
        "kind": "time_of_use",
        "energy_per_kwh": {"peak": 0.45, "valley": 0.2},
        "windows": {"peak": ["08:00-22:00"], "valley": ["22:00-08:00"]},
    },
}


def main() -> None:
    """Print rates in million household-periods a second, CPU time a household-period, and memory."""
    members = int(float(sys.argv[1])) if len(sys.argv) > 1 else 1_000_000
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    days = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    common = {"households.count": members, "threads": threads, "time.days": days + 1}
    models = {"devices": Simulation(load("state_grid_scale", {**common, **DEVICES}))}
    if "alone" not in sys.argv:
        models["none"] = Simulation(load("state_grid_scale", common))
    for model in models.values():
        model.step()  # kernels are compiled and memory is touched
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9:.2f} GB")
    for _ in range(days):
        for name, model in models.items():
            wall, cpu = time.perf_counter(), time.process_time()
            model.step()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            print(
                f"{name}: {members * 96 / wall / 1e6:.1f} million household-periods a second, "
                f"{cpu / members / 96 * 1e9:.1f} ns of CPU each"
            )


if __name__ == "__main__":
    main()
