"""Section of a population about homes with an energy-management system."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gridagora.sim.plugin import Frozen


class HemsTerms(Frozen):
    """What an energy-management system minds besides the bill (model.md A1.3)."""

    comfort_band_k: Annotated[float, Field(ge=0, le=10)] = 1.0
    """How far a room may be warmed (or cooled) beyond its set point to use a cheaper period [K] (ill)."""
    wear_cost_per_kwh: Annotated[float, Field(ge=0, le=1000)] = 0.05
    """Cost of degradation of each kWh that the battery gives back [currency/kWh] (ill; model.md A1.3)."""
