"""Sections of a population about its answer to prices beyond elasticities (model.md A1.2)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gridagora.scenarios.quantities import BelowOne, Share
from gridagora.sim.plugin import Frozen


class Arcturus(Frozen):
    """Peak reduction by the regression Arcturus 2.0 over tariff pilots (model.md A1.2 c)."""

    rebound: Share = 1.0
    """Share of the energy taken off the peak that comes back off-peak [1]; 1 keeps the day's energy (ill)."""
    drop_intercept: bool = False
    """Whether to leave out the fitted intercept, which takes 1.1 % off the peak at any ratio, however near to 1."""


class Notices(Frozen):
    """Messages about prices and use that raise awareness until they are forgotten."""

    per_month: Annotated[int, Field(ge=0, le=31)] = 1
    """Notices a month; they arrive on its first simulated day (ill)."""
    rise: Share = 0.1
    """Share of what is missing to full awareness that one notice adds [1] (ill)."""
    decay_per_month: BelowOne = 0.05
    """Share of what notices have added that is forgotten in a month [1] (ill)."""
