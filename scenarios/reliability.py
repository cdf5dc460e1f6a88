"""Who is shed first: the customers that chose to be served least reliably (model.md B9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.registers import shed_by_service

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.scenarios.day_record import PopulationDay


def reliabilities(population: Population) -> NDArray[np.float64]:
    """Return the reliability of each offer, 1 where it sells none, shape (n_offers,)."""
    services = [offer.tariff.service for offer in population.offers]
    return np.array([1.0 if service is None else service.reliability for service in services])


def shed_by_reliability(entries: list[PopulationDay], share: float) -> list[int] | None:
    """Shed a share of all withdrawals, the least reliable service first; return how much by population.

    Parameters
    ----------
    entries : list of PopulationDay
        Populations, delivered; their meters are written.
    share : float
        Share of withdrawals to shed [1].

    Returns
    -------
    list of int, or None
        Energy shed [1e-6 kWh]; None where nothing is to be shed or no tariff tells customers apart.
    """
    if share <= 0:
        return None
    classes = [reliabilities(entry.population) for entry in entries]
    if len(np.unique(np.concatenate(classes))) < 2:
        return None
    withdrawn = []
    for entry, reliability in zip(entries, classes, strict=True):
        population = entry.population
        positive = np.maximum(population.state.net, 0)
        withdrawn.append(np.bincount(population.members.offer, positive, reliability.size))
    levels = np.unique(np.concatenate(classes))
    total = np.array(
        [sum(float(w[r == level].sum()) for w, r in zip(withdrawn, classes, strict=True)) for level in levels]
    )
    below = np.cumsum(total) - total
    cut = np.clip(share * total.sum() - below, 0.0, total)
    shares = np.divide(cut, total, out=np.zeros_like(total), where=total > 0)
    shed = []
    for entry, reliability in zip(entries, classes, strict=True):
        population = entry.population
        by_offer = shares[np.searchsorted(levels, reliability)]
        row = population.billing.row("unserved")
        shed.append(
            int(
                shed_by_service(
                    population.members, population.state, population.accounts, by_offer, row, population.block
                )
            )
        )
    return shed
