"""Power plants and imports (model.md A5)."""

from __future__ import annotations

import mesa

from gridagora.agents.institution import Institution
from gridagora.sim.ledger import Ledger


class Plant(Institution):
    """One cost block of the fleet, or the imports.

    Parameters
    ----------
    model : mesa.Model
        The simulation.
    name : str
        Name of the party.
    ledger : Ledger
        The money book.
    fuel : str
        Kind of generation in the energy book; ``"import"`` for imports.
    capacity_kw : float
        Capacity [kW].
    cost_per_kwh : float
        Marginal cost [currency/kWh].
    co2_kg_per_kwh : float
        Emissions [kg/kWh].
    """

    def __init__(
        self,
        model: mesa.Model,
        name: str,
        ledger: Ledger,
        fuel: str,
        capacity_kw: float,
        cost_per_kwh: float,
        co2_kg_per_kwh: float,
    ) -> None:
        super().__init__(model, name, ledger)
        self.fuel, self.capacity_kw = fuel, capacity_kw
        self.cost_per_kwh, self.co2_kg_per_kwh = cost_per_kwh, co2_kg_per_kwh
        self.generated = 0

    @property
    def generation_kwh(self) -> float:
        """Generation since the start [kWh]."""
        return self.generated / 1e6
