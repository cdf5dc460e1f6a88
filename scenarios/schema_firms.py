"""Sections of a scenario about what firms do with their load."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from gridagora.markets.tariffs.windows import in_windows
from gridagora.scenarios.quantities import Price, Ratio, Share
from gridagora.sim.plugin import Frozen


class Production(Frozen):
    """Firms that schedule their production by the day's prices (model.md A2.1): the share `technology_share`."""

    flexible_share: Annotated[float, Field(gt=0, le=1)] = 0.3
    """Share of a firm's load that follows production [1] (ill)."""
    spare_capacity: Ratio = 0.25
    """How far capacity passes the day's highest usual output, as a share of it [1] (ill)."""
    stock_hours: Annotated[float, Field(ge=0, le=24)] = 4.0
    """Mean output that the store holds [h]; it is half full in the morning, and again at night (ill)."""
    margin_per_kwh: Price = 3.0
    """What the product of a kWh earns, electricity apart [currency/kWh] (ill); above it a firm stands still."""
    shift: Annotated[tuple[str, ...], Field(min_length=1)] = ("06:00-22:00",)
    """Windows of the regular shift, such as `06:00-22:00` (ill). Outside, what is made above the usual is overtime."""
    overtime_per_kwh: Price = 0.2
    """Wages of overtime on the product of a kWh [currency/kWh] (ill)."""
    holding_per_kwh_hour: Annotated[float, Field(gt=0, le=1000)] = 0.002
    """Cost of having the product of a kWh made an hour before or after it is usual [currency/(kWh h)] (ill)."""

    @field_validator("shift")
    @classmethod
    def _read(cls, shift: tuple[str, ...]) -> tuple[str, ...]:
        in_windows(list(shift), 288)
        return shift


class CurtailableBlock(Frozen):
    """Load that a firm can do without for a while."""

    share: Share
    """Share of the firm's load [1] (ill)."""
    cost_per_kwh: Price
    """What doing without costs the firm [currency/kWh] (ill); above the rebate it is not offered."""
    notice_hours: Annotated[float, Field(ge=0, le=48)] = 4.0
    """Time between call and event that the firm needs [h] (ill)."""
    duration_hours: Annotated[float, Field(gt=0, le=24)] = 4.0
    """Longest event that it can do without it [h] (ill)."""
    max_calls: Annotated[int, Field(ge=0, le=366)] = 15
    """Most calls in a run [1] (ill)."""


class DemandResponse(Frozen):
    """A programme by which firms, the share `technology_share`, are paid for load below a baseline (model.md A2.3)."""

    blocks: Annotated[tuple[CurtailableBlock, ...], Field(min_length=1)] = (
        CurtailableBlock(share=0.10, cost_per_kwh=0.5),
        CurtailableBlock(share=0.10, cost_per_kwh=2.0, max_calls=5),
    )
    """What each firm can do without (ill)."""
    rebate_per_kwh: Price = 1.0
    """Paid by the supplier on each kWh below the baseline in an event [currency/kWh] (ill)."""
    calls: Annotated[int, Field(ge=1, le=366)] = 10
    """Events in the run [1] (ill): on workdays of the highest load, chosen day by day by thresholds."""
    window: str = "17:00-20:00"
    """When events are."""
    lead_hours: Annotated[float, Field(ge=0, le=48)] = 12.0
    """Time between call and event [h] (ill)."""
    baseline_days: Annotated[int, Field(ge=1, le=60)] = 10
    """Last workdays without event that the baseline is the mean of [d] (mem); there are no events before."""
    adjustment_window: str = "12:00-15:00"
    """When the day's load shifts the baseline up or down, before the event."""
    adjustment_cap: Share = 0.2
    """Largest shift, as a share of the baseline in that window [1] (mem)."""
    gaming_rise: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share by which participants raise their load in the adjustment window of an event's day [1] (ill)."""

    @model_validator(mode="after")
    def _windows_apart(self) -> Self:
        event, before = in_windows([self.window], 288), in_windows([self.adjustment_window], 288)
        if np.nonzero(before)[0].max() >= np.nonzero(event)[0].min():
            raise ValueError(
                f"adjustment_window: given {self.adjustment_window} with window {self.window}; allowed before the event"
            )
        return self

    @model_validator(mode="after")
    def _blocks_within_load(self) -> Self:
        total = sum(block.share for block in self.blocks)
        if total > 1 + 1e-9:
            raise ValueError(f"blocks: given shares that sum to {total:.6g}; allowed at most 1, the whole load")
        return self
