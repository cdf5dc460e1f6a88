"""The bare loop: arithmetic of a population's period and nothing else, as a yardstick for the real one."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

BLOCK = 65536
TICKS = 100
F = np.float32


@njit(parallel=True, fastmath=True, cache=True)
def physics(t, response, sun, archetype, scale, pv, capacity, soc, group, limit, net, shape):
    """Load, PV and battery of one period; bids and offers by price tick."""
    n = archetype.size
    blocks = (n + BLOCK - 1) // BLOCK
    demand = np.zeros((blocks, TICKS))
    supply = np.zeros((blocks, TICKS))
    for b in prange(blocks):
        for i in range(b * BLOCK, min(n, (b + 1) * BLOCK)):
            q = shape[archetype[i], t] * scale[i] * response[group[i]] - pv[i] * sun
            c = capacity[i]
            if c > 0:
                if q < 0:
                    d = min(-q, c - soc[i])
                    soc[i] += d * 0.95
                    q += d
                else:
                    d = min(q, soc[i])
                    soc[i] -= d
                    q -= d
            net[i] = q
            if q > 0:
                demand[b, limit[i]] += q
            else:
                supply[b, limit[i]] -= q
    return demand.sum(0), supply.sum(0)


@njit(parallel=True, fastmath=True, cache=True)
def settlement(net, limit, bought, sold, price, retail, feed_in, tariff, bill, energy):
    """Awards and bills of one period."""
    n = net.size
    blocks = (n + BLOCK - 1) // BLOCK
    sums = np.zeros((blocks, 4))
    for b in prange(blocks):
        paid = kept = earned = fed = 0.0
        for i in range(b * BLOCK, min(n, (b + 1) * BLOCK)):
            q = net[i]
            if q > 0:
                m = q * bought[limit[i]]
                x = m * price
                y = (q - m) * retail[tariff[i]]
                bill[i] += x + y
                energy[i] += q
                paid += x
                kept += y
            else:
                m = -q * sold[limit[i]]
                x = m * price
                y = (-q - m) * feed_in
                bill[i] -= x + y
                earned += x
                fed += y
        sums[b, 0], sums[b, 1], sums[b, 2], sums[b, 3] = paid, kept, earned, fed
    return sums.sum(0)


class BarePopulation:
    """Columns of the bare loop.

    Parameters
    ----------
    members : int
        Number of households.
    """

    def __init__(self, members: int) -> None:
        rng = np.random.default_rng(0)
        self.archetype = rng.integers(0, 64, members).astype(np.uint8)
        self.scale = rng.lognormal(0, 0.4, members).astype(F)
        self.pv = ((rng.random(members) < 0.2) * rng.uniform(2, 8, members)).astype(F)
        self.capacity = ((rng.random(members) < 0.1) * 10).astype(F)
        self.soc = self.capacity * F(0.5)
        self.group = rng.integers(0, 16, members).astype(np.uint8)
        self.limit = rng.integers(20, 80, members).astype(np.uint8)
        self.tariff = rng.integers(0, 4, members).astype(np.uint8)
        self.bill, self.net, self.energy = (np.zeros(members, F) for _ in range(3))
        self.shape = rng.random((64, 96)).astype(F)
        self.grid = np.linspace(0.2, 0.9, TICKS)
        self.retail = np.array([0.5, 0.6, 0.7, 0.8], F)

    def period(self, t: int) -> None:
        """Run one period: physics, clearing, settlement."""
        response = np.exp(-0.2 * np.log(self.retail.mean() / 0.5) * np.arange(16) / 16).astype(F)
        sun = F(max(0.0, np.sin(t / 96 * 6.28)))
        demand, supply = physics(
            t % 96, response, sun, self.archetype, self.scale, self.pv, self.capacity, self.soc, self.group,
            self.limit, self.net, self.shape,
        )  # fmt: skip
        price, bought, sold = self.clear(demand, supply)
        settlement(
            self.net, self.limit, bought, sold, F(price), self.retail, F(0.35), self.tariff, self.bill, self.energy
        )

    def clear(self, demand: np.ndarray, supply: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Cross the curves and return price and the share awarded at each tick."""
        falling, rising = demand[::-1].cumsum()[::-1], supply.cumsum()
        cross = int(np.argmax(rising >= falling)) if (rising >= falling).any() else TICKS - 1
        volume = min(falling[cross], rising[cross])
        shares = []
        for steps, order in ((demand, range(TICKS - 1, -1, -1)), (supply, range(TICKS))):
            share, left = np.zeros(TICKS, F), volume
            for k in order:
                if steps[k] > 0:
                    taken = min(steps[k], left)
                    share[k] = taken / steps[k]
                    left -= taken
            shares.append(share)
        return float(self.grid[cross]), shares[0], shares[1]
