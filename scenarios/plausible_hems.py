"""Memory that energy-management systems need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridagora.agents.managed import bytes_per_managed

if TYPE_CHECKING:
    from gridagora.scenarios.schema import ScenarioModel


def hems_bytes(scenario: ScenarioModel, population: Any) -> int:
    """Return what the day's plans add for a member, in the mean over all members [bytes]."""
    periods = 24 * 60 // scenario.time.period_minutes
    none = 1.0
    for share in (population.pv_share * population.storage_share, population.ev_share, population.heat_pump_share):
        none *= 1.0 - share
    return round(float(population.hems_share) * (1.0 - none) * bytes_per_managed(population, periods))
