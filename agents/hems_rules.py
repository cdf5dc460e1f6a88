"""What the homes of a population do without control, which their plans must beat (P5).

Cars charge on arrival up to what they need, heat pumps keep to the edge of the comfort band that costs least and
batteries idle, as :func:`gridagora.agents.home_plan.uncontrolled` has it for a single home.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from gridagora.agents.hems_kernels import BuildingColumns, Floats, StayColumns, StorageColumns
from gridagora.sim.compiled import kernel


def idle(batteries: StorageColumns, periods: int) -> Floats:
    """Return the own cost of batteries that nobody touches, infinite where they may not end so [currency] (n,)."""
    left = batteries.stored_kwh * batteries.keep**periods
    return np.where(left >= batteries.end_kwh, -batteries.end_value * left, np.inf)


@kernel(parallel=True)
def charge_on_arrival(
    device: StorageColumns, stays: StayColumns, flow: Floats, own: Floats, short: Floats, block: int
) -> None:
    """Charge cars as soon as they are at home.

    Parameters
    ----------
    device, stays : StorageColumns, StayColumns
        Cars.
    flow : ndarray, shape (n, periods)
        Written: energy drawn. [kWh]
    own : ndarray, shape (n,)
        Written: less the worth of what is left. [currency]
    short : ndarray, shape (n,)
        Written: what misses at departures. [kWh]
    block : int
        Members a block.
    """
    n, periods = flow.shape
    for b in prange((n + block - 1) // block):
        for i in range(b * block, min(n, (b + 1) * block)):
            stored, gain, pace = device.stored_kwh[i], device.charge_efficiency[i], device.charge_kwh[i]
            flow[i] = 0.0
            short[i] = 0.0
            for s in range(stays.arrive.shape[1]):
                arrive, depart = stays.arrive[i, s], stays.depart[i, s]
                if depart <= arrive:
                    continue
                later = max(depart - periods, 0) * pace * gain
                required = max(stays.required_kwh[i, s] - later, 0.0)
                stored -= stays.used_kwh[i, s] if arrive > 0 else 0.0
                for t in range(arrive, min(depart, periods)):
                    flow[i, t] = min(pace, max(required - stored, 0.0) / gain)
                    stored += gain * flow[i, t]
                short[i] += max(required - stored, 0.0)
                stored = max(stored, required)
            own[i] = -device.end_value[i] * stored


@kernel(parallel=True)
def hold_edge(device: BuildingColumns, flow: Floats, own: Floats, block: int) -> None:
    """Keep buildings at the edge of the comfort band that takes least energy.

    Parameters
    ----------
    device : BuildingColumns
        Buildings.
    flow : ndarray, shape (n, periods)
        Written: energy drawn. [kWh]
    own : ndarray, shape (n,)
        Written: cost of discomfort. [currency]
    block : int
        Members a block.
    """
    n, periods = flow.shape
    for b in prange((n + block - 1) // block):
        for i in range(b * block, min(n, (b + 1) * block)):
            flow[i] = 0.0
            own[i] = 0.0
            if device.power_kwh[i] <= 0.0:
                continue
            indoor, keep, held = device.indoor[i], device.keep[i], device.capacity_kwh_per_k[i]
            low, high = device.band_low[i], device.band_high[i]
            for t in range(periods):
                indoor = keep * indoor + (1.0 - keep) * device.outdoor[t] + device.internal_kwh[i] / held
                gain = device.cop[t] / held
                flow[i, t] = min(max((low - indoor) / gain, 0.0), device.power_kwh[i])
                indoor += gain * flow[i, t]
                own[i] += device.comfort_cost[i] * (max(low - indoor, 0.0) + max(indoor - high, 0.0))
