"""Section of a scenario that describes households whose load is made of appliances."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gridagora.scenarios.quantities import Share
from gridagora.sim.plugin import Frozen


class BottomUp(Frozen):
    """Load profiles made of occupancy and appliances (model.md A1.1)."""

    profiles: Annotated[int, Field(ge=1, le=256)] = 40
    """Households that are followed through the year, each a load profile (ill)."""
    water_heater_share: Share = 0.0
    """Share of them with an electric water heater [1] (ill)."""
    air_conditioner_share: Share = 0.0
    """Share of them with an air conditioner, cooling to 26 degC by the temperature of the year [1] (ill). It is part of
    the household's load; `heat_pump_share` describes devices that react to prices."""
    exchange: bool = True
    """Whether members exchange like days and shift them by up to an hour. Each day is a draw of its own, so nothing is
    lost but what runs at midnight, which is cut; with `false` all appliances run to their end, and members with one
    profile move in step."""
