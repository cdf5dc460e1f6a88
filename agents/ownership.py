"""Who owns which device, and how members come by one during a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

if TYPE_CHECKING:
    from gridagora.agents.population import Population


def pv_candidates(population: Population) -> NDArray[np.float32]:
    """Return the expected yearly generation of the PV system that each member has or would buy, by number, (n,) [kWh].

    Owners have exactly this one.
    """
    terms = population.terms
    spread = np.sqrt(np.log1p(terms.pv_kwp_cv**2))
    drawn = ndtri(population.streams.uniforms("pv size", population.name, len(population)))
    size = terms.pv_kwp * np.exp(spread * drawn - spread**2 / 2)
    return np.asarray(size * terms.pv_yield_kwh_per_kwp, dtype=np.float32)


def owns(population: Population, technology: str) -> NDArray[np.bool_]:
    """Return who has a technology, by number of the member, shape (n,).

    Parameters
    ----------
    population : Population
        Members.
    technology : str
        ``"pv"``, ``"storage"``, ``"vehicle"`` or ``"heat_pump"``.
    """
    members, devices = population.members, population.devices.columns
    columns: dict[str, NDArray[Any]] = {
        "pv": members.pv_annual_kwh,
        "storage": members.battery_kwh,
        "vehicle": devices.cars.capacity,
        "heat_pump": devices.rooms.size,
    }
    column = columns[technology]
    return np.asarray(column[population.rows] > 0) if column.size else np.zeros(len(population), dtype=bool)


def acquire(population: Population, technology: str, number: NDArray[np.int64]) -> None:
    """Give members a technology; a battery comes empty, a car full.

    Parameters
    ----------
    population : Population
        Members, whose columns change.
    technology : str
        As in :func:`owns`.
    number : ndarray of int64, shape (n_new,)
        Numbers of the members that do not have it yet.
    """
    rows, members = population.rows[number], population.members
    if technology == "pv":
        members.pv_annual_kwh[rows] = pv_candidates(population)[number]
    elif technology == "storage":
        members.battery_kwh[rows] = population.terms.storage_kwh
    elif technology == "vehicle":
        population.devices.give_cars(rows)
    else:
        population.devices.give_pumps(rows)
