"""Sections of a scenario in which somebody sets prices in the course of a run: learning, tariff rounds, scarcity."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from gridagora.scenarios.quantities import Price, Ratio, Share
from gridagora.sim.plugin import Frozen

Yearly = Annotated[float, Field(ge=0, le=1e15)]
Factor = Annotated[float, Field(gt=0, le=100)]


class Pricing(Frozen):
    """A supplier that learns which level of prices earns most by trying (model.md B12)."""

    kind: Literal["epsilon_greedy", "linear_bandit"] = "epsilon_greedy"
    """How it learns: from the mean profit of each level, sometimes trying any; or from a line of demand in the price,
    at the most favourable line that its data leave likely."""
    group: Literal["residential", "commercial", "agricultural"] = "residential"
    """Entry of `tariffs` whose energy prices it sets."""
    offer: str | None = None
    """Option of its menu; `null` for all of them."""
    arms: tuple[Factor, ...] = Field(default=(0.8, 0.9, 1.0, 1.1, 1.2), min_length=1)
    """Factors on the energy prices to choose from [1]; the one nearest 1 comes first (ill)."""
    every: Literal["month", "day"] = "month"
    """How long a level stays; with `day`, bills are issued every day."""
    explore: Share = 0.1
    """For `epsilon_greedy`: chance to try any level [1] (ill)."""
    fade: Annotated[float, Field(gt=0, le=1e9)] | None = None
    """For `epsilon_greedy`: steps after which that chance has halved [1]; `null` if it stays."""
    optimism: Annotated[float, Field(ge=0, le=1e9)] = 1.0
    """For `linear_bandit`: standard errors of demand added to what is expected [kWh a day] (ill)."""

    @field_validator("arms")
    @classmethod
    def _differ(cls, arms: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(arms)) < len(arms):
            raise ValueError(f"given {list(arms)}; allowed each factor once")
        return arms


class Requirement(Frozen):
    """What the grid company must earn in a year beyond what losses and balancing cost it (model.md A6)."""

    opex_per_year: Yearly = 0.0
    """Operation and maintenance [currency/a] (ill)."""
    depreciation_per_year: Yearly = 0.0
    """Depreciation [currency/a] (ill)."""
    asset_base: Yearly = 0.0
    """Regulated assets [currency] (ill)."""
    return_rate: Annotated[float, Field(ge=0, le=1)] = 0.06
    """Weighted average cost of capital [1/a] (ill)."""


class NetworkRound(Frozen):
    """Network charges that follow the grid company's revenue requirement (model.md A6, D8.4)."""

    requirement: Requirement | None = None
    """What it must earn; `null`: what it earned in the first round."""
    most_change: Annotated[float, Field(gt=0, le=100)] | None = None
    """Most change of the charge in a round, as a share of it [1]; `null` for no bound (ill)."""
    highest_per_kwh: Annotated[float, Field(gt=0, le=1e6)] = 5.0
    """Highest charge that the regulator allows [currency/kWh] (ill)."""


class SupplyRound(Frozen):
    """Energy prices that follow the supplier's cost, or that of generation (model.md B13)."""

    kind: Literal["cost_recovery", "pass_through"] = "pass_through"
    """Whether prices cover the supplier's cost and a margin, or pass on changes of the pool's mean price in a band."""
    margin_per_kwh: Price | None = None
    """For `cost_recovery`: what it earns on each kWh [currency/kWh]; `null`: what it earned in the first round."""
    share: Share = 1.0
    """For `pass_through`: share of the change of the pool's mean price that is passed on [1] (ill)."""
    band: Annotated[float, Field(ge=0, le=100)] = 0.2
    """For `pass_through`: most change against the first prices, as a share of them [1] (mem)."""
    base_cost_per_kwh: Price | None = None
    """For `pass_through`: mean price of the pool under which the first prices were set [currency/kWh]; `null`: that of
    the first round."""


class TariffRounds(Frozen):
    """Tariffs that are set again from what the last round brought in; at least one of `network` and `supply`."""

    every: Literal["year", "month"] = "year"
    """When; years are those of `time.representative_days` with `each_year`."""
    network: NetworkRound | None = None
    """Network charges of all tariffs, or `null` if they stay."""
    supply: SupplyRound | None = None
    """Energy prices of the supplier `supplier`, those that follow the pool apart; `null` if they stay."""

    @model_validator(mode="after")
    def _something_moves(self) -> Self:
        if self.network is None and self.supply is None:
            raise ValueError("network, supply: given neither; allowed at least one of them, or tariff_rounds: null")
        return self


class Scarcity(Frozen):
    """An adder to the pool's price when reserves are short, by an operating reserve demand curve (model.md B13).

    It moves the prices of imbalances and those that follow the pool, not what the pool itself pays.
    """

    minimum_to_capacity: Ratio = 0.05
    """Reserves that must be left, over all capacity [1] (ill)."""
    deviation_to_capacity: Annotated[float, Field(gt=0, le=10)] = 0.05
    """Standard deviation of the forecast error of reserves, over all capacity [1] (ill)."""
    margin: Annotated[float, Field(gt=0, le=1000)] | None = None
    """Reserves over load from which nothing is added [1]; `null` if the curve alone decides."""
