"""What each member paid and used over a run, who it is, and what each group of customers causes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.columns import BOUGHT, ENERGY_ROWS, OVERBOUGHT, T_INJECTION, T_WITHDRAWAL

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.simulation import Simulation

Quanta = NDArray[np.int64]
#: Most members of a population that are all listed; of larger ones the sample is.
MOST_MEMBERS = 100_000


def used_quanta(population: Population, energy: Quanta | None = None) -> Quanta:
    """Return what each member has withdrawn since its last bill, from supplier or peers [1e-6 kWh], shape (n,).

    Parameters
    ----------
    population : Population
        Its bills still open.
    energy : ndarray of int64, optional
        Energies of another bill, shaped as the open account's [1e-6 kWh].
    """
    billing = population.billing
    energy, classes = billing.accounts.energy if energy is None else energy, billing.n_classes
    used: Quanta = energy[:classes].sum(axis=0) + energy[classes + BOUGHT] - energy[classes + OVERBOUGHT]
    row = billing.row("included")
    return used + energy[row] if row >= classes + ENERGY_ROWS else used


def archetypes(population: Population) -> list[str]:
    """Return the archetype of each member by number, or the population's name where it has none."""
    kinds = getattr(population.terms, "archetypes", None)
    if not kinds:
        return [population.name] * len(population)
    # The draw that gave members their yearly consumption (model.md P13).
    edges = np.cumsum([kind.share for kind in kinds.values()])
    draw = population.streams.uniforms("archetype", population.name, len(population))
    names = list(kinds)
    return [names[place] for place in np.searchsorted(edges, draw * edges[-1]).tolist()]


def member_bills(model: Simulation, billed: Mapping[str, Quanta], used: Mapping[str, Quanta]) -> dict[str, Any]:
    """Return one row a member: who it is, what it used and what it paid over the run.

    Parameters
    ----------
    model : Simulation
        The run, finished.
    billed, used : mapping
        Bills [1e-6 currency] and withdrawals [1e-6 kWh] of each member of a population, by row.
    """
    columns: dict[str, list[Any]] = {}
    for population in model.populations:
        number = np.arange(len(population)) if len(population) <= MOST_MEMBERS else model.parts.samples[population.name]
        rows, members = population.rows[number], population.members
        kinds, offers = archetypes(population), [offer.name for offer in population.offers]
        part: dict[str, Any] = {
            "population": [population.name] * number.size,
            "member": number,
            "archetype": [kinds[place] for place in number.tolist()],
            "income": _income(population)[rows],
            "annual_kwh": members.annual_kwh[rows].astype(np.float64),
            "pv": members.pv_annual_kwh[rows] > 0,
            "offer": [offers[place] for place in members.offer[rows].tolist()],
            "bill": billed[population.name][rows] / 1e6,
            "used_kwh": used[population.name][rows] / 1e6,
        }
        for name, values in part.items():
            columns.setdefault(name, []).append(values)
    return {
        name: [value for part in parts for value in part] if isinstance(parts[0], list) else np.concatenate(parts)
        for name, parts in columns.items()
    }


def _income(population: Population) -> NDArray[np.float64]:
    """Return each member's monthly income by row, nan where it has none [currency/month], shape (n,)."""
    from gridagora.agents.customers import incomes

    if getattr(population.terms, "income", None) is None:
        return np.full(len(population), np.nan)
    return incomes(population)


class CostCausation:
    """What each population causes under each offer: energy, its cost at pool prices, its part of the highest load."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, str], NDArray[np.float64]] = {}
        self.highest = 0

    def note(self, record: DayRecord) -> None:
        """Add a day, as often as it counts."""
        load = record.settled(T_WITHDRAWAL)
        period = int(load.argmax())
        new_peak = int(load[period]) > self.highest
        self.highest = max(self.highest, int(load[period]))
        price = np.asarray(record.pool.price, np.float64)
        for entry in record.populations:
            for number, offer in enumerate(entry.population.offers):
                drawn, fed = (entry.settled[:, number, column] / 1e6 for column in (T_WITHDRAWAL, T_INJECTION))
                row = self.sums.setdefault((entry.population.name, offer.name), np.zeros(4))
                row[:3] += record.weight * np.array([drawn.sum(), fed.sum(), (drawn - fed) @ price])
                row[3] = drawn[period] if new_peak else row[3]

    def table(self) -> dict[str, Any]:
        """Return one row a population and offer."""
        keys, rows = list(self.sums), np.array(list(self.sums.values()))
        names = ("withdrawal_kwh", "injection_kwh", "pool_cost", "peak_kwh")
        return {
            "population": [key[0] for key in keys],
            "offer": [key[1] for key in keys],
            **{name: rows[:, place] for place, name in enumerate(names)},
        }
