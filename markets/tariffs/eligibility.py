"""Who may have a tariff."""

from __future__ import annotations

from pydantic import Field

from gridagora.markets.tariffs.metered import Customer
from gridagora.sim.plugin import Frozen


class Eligibility(Frozen):
    """Who may have a tariff (model.md B9, foreign cases); without a condition, everybody."""

    all_electric: bool = False
    """Only homes without another fuel."""
    least_meters: int = Field(default=1, ge=1)
    """Only customers with so many meters billed together."""
    transport: bool = False
    """Only electricity for transport."""
    storage_air_conditioning: bool = False
    """Only customers that make ice or chilled water at night."""
    low_income: bool = False
    """Only customers entitled to a free quota."""

    def missing(self, customer: Customer) -> tuple[str, ...]:
        """Return the conditions that a customer does not meet, in the order above."""
        asked = ("all_electric", "transport", "storage_air_conditioning", "low_income")
        found = [name for name in asked if getattr(self, name) and not getattr(customer, name)]
        if customer.meters < self.least_meters:
            found.append(f"least_meters of {self.least_meters}")
        return tuple(found)

    def admits(self, customer: Customer) -> bool:
        """Return whether a customer meets all conditions."""
        return not self.missing(customer)
