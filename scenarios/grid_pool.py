"""The day-ahead pool of a run on a grid: where members and plants stand, and what the system sees of its areas.

Members are settled at one price, the mean of the areas' prices weighted with what each buys; plants receive the price
of their area (market_day.md 4). What the two leave is congestion rent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.markets.network.pool import NetworkPool
from gridagora.markets.pool_day import Offers, PoolResult
from gridagora.scenarios.grids import Grid, read_grid

if TYPE_CHECKING:
    from gridagora.agents.generators import Plant
    from gridagora.markets.network.pool_result import NetworkPoolResult
    from gridagora.markets.storage import Storage
    from gridagora.scenarios.schema_market import Network

Quanta = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class GridPoolResult(PoolResult):
    """A day of the pool, areas put together.

    Attributes
    ----------
    rent : ndarray of int64, shape (buyers,)
        The part of each buyer's payment that is congestion rent; `payments` are without it [1e-6 currency].
    by_area : NetworkPoolResult
        The day by area and line.
    """

    rent: Quanta
    by_area: NetworkPoolResult


def scaled_grid(terms: Network, peak_kw: float) -> Grid:
    """Return the scenario's grid with lines that carry the run's peak as they carry the load of the source.

    Parameters
    ----------
    terms : section of the scenario
        Kind and name of the grid, factor on its limits.
    peak_kw : float
        Forecast peak of the run [kW].
    """
    source = read_grid(str(terms.grid))
    factor = peak_kw / float(source.load_kw.sum())
    limit, base = source.network.limit_kw * (factor * terms.limit_factor), source.network.base_kva * factor
    kind: Any = terms.kind
    return read_grid(str(terms.grid), kind, limit_kw=limit, base_kva=base)


def place_plants(units: Sequence[Plant], grid: Grid) -> list[str]:
    """Return the area of each unit: the largest first, each where most of the grid's own capacity is still missing.

    Parameters
    ----------
    units : sequence of Plant
        Plants, and imports, which enter at the grid's slack area.
    grid : Grid
        Its generators say where capacity stands.
    """
    missing = dict.fromkeys(grid.generator_area, 0.0)
    whole = sum(unit.capacity_kw for unit in units if unit.fuel != "import")
    for area, capacity in zip(grid.generator_area, grid.capacity_kw.tolist(), strict=True):
        missing[area] += capacity / float(grid.capacity_kw.sum()) * whole
    areas = [str(grid.network.areas[grid.network.slack])] * len(units)
    plants = [number for number, unit in enumerate(units) if unit.fuel != "import"]
    for number in sorted(plants, key=lambda at: (-units[at].capacity_kw, at)):
        areas[number] = max(missing, key=lambda area: missing[area])
        missing[areas[number]] -= units[number].capacity_kw
    return areas


@dataclass(frozen=True, slots=True, eq=False)
class Feeder:
    """The low-voltage grid on which members trade online.

    Parameters
    ----------
    grid : Grid
        Areas and lines.
    """

    grid: Grid

    def areas_of(self, numbers: NDArray[Any]) -> NDArray[np.str_]:
        """Return the areas of members by number: dealt out in turn to all areas that have load, shape (n,)."""
        loaded = np.asarray(self.grid.network.areas)[self.grid.load_kw > 0]
        dealt: NDArray[np.str_] = loaded[numbers % loaded.size]
        return dealt

    @property
    def entry(self) -> str:
        """Area where the feeder joins the grid above."""
        return str(self.grid.network.areas[self.grid.network.slack])


def split(total: NDArray[np.int64], share: NDArray[np.float64]) -> Quanta:
    """Share whole numbers in fixed proportions so that they add up exactly.

    Parameters
    ----------
    total : ndarray of int64, shape (...)
        What to share, at least 0.
    share : ndarray of float64, shape (n,)
        Proportions that sum to 1.

    Returns
    -------
    ndarray of int64, shape (..., n)
        Each part within one of its exact share.
    """
    ends = np.rint(total[..., None] * np.cumsum(share)).astype(np.int64)
    ends[..., -1] = total
    return np.diff(ends, axis=-1, prepend=0)


class GridPool:
    """The pool of a run whose members and plants stand at areas of a grid.

    Parameters
    ----------
    offers : Offers
        Plants and imports.
    area : sequence of str
        Area of each.
    grid : Grid
        Areas and lines; demand and surplus are spread over the areas as its loads are.
    storages : sequence of Storage
        They stand at the slack area.
    **terms
        As for :class:`NetworkPool`.
    """

    def __init__(
        self, offers: Offers, area: Sequence[str], grid: Grid, storages: Sequence[Storage], **terms: Any
    ) -> None:
        slack = grid.network.areas[grid.network.slack]
        self.pool = NetworkPool(offers, area, grid.network, storages, np.full(len(storages), slack), **terms)
        self.share = grid.load_kw / grid.load_kw.sum()
        self.parties, self.storages = self.pool.parties, self.pool.storages
        self.price_rule, self.solver = self.pool.price_rule, self.pool.solver
        self.online_offer = self.pool.online_offer

    def clear(self, demand_kwh: ArrayLike, surplus_kwh: ArrayLike) -> GridPoolResult:
        """Clear all periods of a day.

        Parameters
        ----------
        demand_kwh : array_like, shape (buyers, periods, steps)
            Energy wanted at each step price [kWh].
        surplus_kwh : array_like, shape (buyers, periods)
            Energy offered at the floor [kWh].

        Returns
        -------
        GridPoolResult
        """
        demand, surplus = (np.rint(np.asarray(kwh) * 1e6).astype(np.int64) for kwh in (demand_kwh, surplus_kwh))
        found = self.pool.clear(
            split(demand, self.share).transpose(0, 3, 1, 2) / 1e6, split(surplus, self.share).transpose(0, 2, 1) / 1e6
        )
        bought = found.demand_quanta.sum(axis=(0, 3)).T
        weight = np.where(bought.sum(axis=1, keepdims=True) > 0, bought, self.share)
        buyers = len(demand)
        paid = np.maximum(found.payments[:buyers], 0)
        rent = split(np.array(found.congestion_rent), paid / max(int(paid.sum()), 1))
        payments = found.payments.copy()
        payments[:buyers] -= rent
        columns = {field.name: getattr(found, field.name) for field in fields(PoolResult)}
        columns |= {
            name: np.average(getattr(found, name), axis=1, weights=weight)
            for name in ("price", "price_low", "price_high")
        }
        columns |= {
            "demand_quanta": found.demand_quanta.sum(axis=1),
            "surplus_quanta": found.surplus_quanta.sum(axis=1),
            "unserved_quanta": found.unserved_quanta.sum(axis=1),
            "spilled_quanta": found.spilled_quanta.sum(axis=1),
            "payments": payments,
        }
        return GridPoolResult(**columns, rent=rent, by_area=found)
