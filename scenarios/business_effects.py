"""What business models do to their customers' columns: consumption, generation, storage, technology."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gridagora.agents.billing import HOURS_A_YEAR
from gridagora.agents.columns import SEGMENTS

if TYPE_CHECKING:
    from gridagora.agents.business_models.frame import Bools, Floats
    from gridagora.agents.population import Population
    from gridagora.scenarios.business_operation import Operation


class Effects:
    """All that contracts have changed in one population.

    Parameters
    ----------
    population : Population
        Its columns change, from the next day on.

    Attributes
    ----------
    awareness : ndarray of float64, shape (n,)
        Chance by which a member hears of any offer besides the offer's own channel [1].
    generates : bool
        Whether a contract has added generation.
    """

    def __init__(self, population: Population) -> None:
        self.population = population
        self.base_kwh = population.members.annual_kwh.astype(np.float64)
        self.added = {"pv_kwh": np.zeros(len(population)), "battery_kwh": np.zeros(len(population))}
        self.awareness = np.zeros(len(population))
        self.generates = False
        self.changed = False

    def apply(self, operations: Sequence[Operation]) -> None:
        """Bring the columns up to date.

        Parameters
        ----------
        operations : sequence of Operation
            All that have their customers in this population.
        """
        if not any(len(operation.contracts) for operation in operations):
            return
        n = len(self.population)
        kept, more, aware = np.ones(n), np.zeros(n), np.zeros(n)
        added = {name: np.zeros(n) for name in self.added}
        technology, managed = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        for operation in operations:
            row = operation.contracts.row
            for name, value in operation.effects().items():
                if name == "saved_share":
                    np.multiply.at(kept, row, 1 - value)
                elif name == "added_kwh":
                    np.add.at(more, row, value)
                elif name == "awareness":
                    np.maximum.at(aware, row, value)
                elif name == "technology":
                    technology[row[value > 0]] = True
                elif name == "managed":
                    managed[row[value > 0]] = True
                else:
                    np.add.at(added[name], row, value)
        self.awareness = aware
        self._consume(self.base_kwh * kept + more)
        self._install(added)
        self._equip(technology)
        self.population.enrol(np.flatnonzero(managed))
        self.population.enrol(np.flatnonzero(self.population.under_service & ~managed), follow=False)

    def _consume(self, annual: Floats) -> None:
        population, members = self.population, self.population.members
        if not self.changed and np.array_equal(annual, self.base_kwh):
            return
        self.changed = True
        members.annual_kwh[:] = annual
        population.billing.mean_kw = members.annual_kwh / HOURS_A_YEAR
        population.billing.open_month()

    def _install(self, added: dict[str, Floats]) -> None:
        members = self.population.members
        columns = {"pv_kwh": members.pv_annual_kwh, "battery_kwh": members.battery_kwh}
        for name, column in columns.items():
            change = added[name] - self.added[name]
            column[:] += change.astype(np.float32)
            self.added[name] = added[name]
        self.generates |= bool(added["pv_kwh"].any())

    def _equip(self, technology: Bools) -> None:
        members = self.population.members
        members.group[technology] = members.group[technology] // SEGMENTS * SEGMENTS + 1
