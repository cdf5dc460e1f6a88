"""Result tables of a run on a grid: prices by area, flows by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridagora.scenarios.grid_pool import GridPool, GridPoolResult
from gridagora.scenarios.tables import Columns, kwh

if TYPE_CHECKING:
    from gridagora.markets.network.grid import Network
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.simulation import Simulation


def grid_tables(model: Simulation, record: DayRecord) -> dict[str, Columns]:
    """Return the day's tables of areas and lines, none on a copperplate.

    Parameters
    ----------
    model : Simulation
        The run.
    record : DayRecord
        The day.
    """
    pool, found = model.parts.pool, record.pool
    if isinstance(pool, GridPool) and isinstance(found, GridPoolResult):
        network, hours = pool.pool.network, model.calendar.hours_per_period
        return {"areas": _areas(network, record, found), "lines": _lines(network, record, found, hours)}
    if model.parts.feeder is not None:
        network = model.parts.feeder.grid.network
        price, paid = np.array(record.auctions.area_price).swapaxes(0, 1)
        keys = _keys(record, price, "area", network.areas)
        return {"auction_areas": {**keys, "price": price.ravel(), "paid_price": paid.ravel()}}
    return {}


def _keys(record: DayRecord, values: NDArray[np.float64], name: str, names: tuple[object, ...]) -> Columns:
    """Return day, period and name of each entry of `values`, shape (periods, names)."""
    periods, n = values.shape
    return {
        "day": np.full(periods * n, record.day.index),
        "period": np.repeat(np.arange(periods), n),
        name: [str(one) for one in names] * periods,
    }


def _areas(network: Network, record: DayRecord, found: GridPoolResult) -> Columns:
    """Return price with its parts, energy bought, imported and not served of each area and period."""
    day = found.by_area
    return {
        **_keys(record, day.price, "area", network.areas),
        "price": day.price.ravel(),
        "price_low": day.price_low.ravel(),
        "price_high": day.price_high.ravel(),
        "energy_price": day.energy.ravel(),
        "congestion_price": day.congestion.ravel(),
        "bought_kwh": kwh(day.demand_quanta.sum(axis=(0, 3)).T).ravel(),
        "import_kwh": kwh(day.import_quanta).ravel(),
        "unserved_kwh": kwh(day.unserved_quanta).ravel(),
    }


def _lines(network: Network, record: DayRecord, found: GridPoolResult, hours: float) -> Columns:
    """Return flow, limit and price of each line and period."""
    day = found.by_area
    return {
        **_keys(record, day.flow_kwh, "line", network.line_names),
        "flow_kwh": day.flow_kwh.ravel(),
        "limit_kwh": np.tile(network.limit_kw * hours, len(day.flow_kwh)),
        "price": day.line_price.ravel(),
    }
