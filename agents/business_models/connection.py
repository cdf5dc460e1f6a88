"""How large a customer's connection and mean load are."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gridagora.agents.business_models.frame import Floats
from gridagora.sim.plugin import Frozen

HOURS_A_YEAR = 8760.0


class Connection(Frozen):
    """What makes a connection out of a yearly consumption."""

    load_factor: Annotated[float, Field(gt=0, le=1)] = 0.35
    """Mean over highest load [1] (ill); 0.35 for farms, 0.45 to 0.85 for firms (P13)."""
    power_factor: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Real over apparent power [1] (ill)."""

    def kva(self, annual_kwh: Floats) -> Floats:
        """Return the apparent power of customers at their highest load, shape (n,) [kVA].

        Parameters
        ----------
        annual_kwh : ndarray of float64, shape (n,)
            Yearly consumption [kWh/a].
        """
        return annual_kwh / HOURS_A_YEAR / self.load_factor / self.power_factor
