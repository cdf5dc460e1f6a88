"""Sections of a scenario about who acquires which technology in the course of the years (model.md A1.7)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from gridagora.agents.adoption import AdoptionModel, Bass, NpvLogit, PaybackShare, Threshold
from gridagora.scenarios.quantities import Amount, BelowOne, Share
from gridagora.sim.plugin import Frozen

Cost = Annotated[float, Field(ge=0, le=1_000_000_000)]
Rate = Annotated[float, Field(ge=0, le=10)]
Weight = Annotated[float, Field(ge=-100, le=100)]

#: Technologies in the order in which they are decided on.
TECHNOLOGIES = ("pv", "storage", "vehicle", "heat_pump")


class Technology(Frozen):
    """What a technology costs, and how it spreads."""

    model: Literal["bass", "threshold", "npv_logit", "payback_share"] = "npv_logit"
    """Who adopts: `bass` by imitation alone; `threshold` as soon as enough others have; `npv_logit` by profit, others
    and attitude; `payback_share` by imitation among those who accept the payback period (model.md A1.7)."""
    innovation: Annotated[float, Field(gt=0, le=10)] = 0.03
    """For `bass` and `payback_share`: hazard without imitation [1/a] (mem; model.md A1.7)."""
    imitation: Rate = 0.38
    """For `bass` and `payback_share`: hazard where all others have adopted, besides [1/a] (mem; model.md A1.7)."""
    threshold_mean: Annotated[float, Field(ge=-1, le=2)] = 0.25
    """For `threshold`: mean share of others from which on a member adopts [1] (ill; model.md A1.7)."""
    threshold_deviation: Annotated[float, Field(ge=0, le=2)] = 0.1
    """For `threshold`: standard deviation of that share among members, normal [1] (ill; model.md A1.7)."""
    consider_per_year: Rate = 0.2
    """For `npv_logit`: rate at which a member considers it [1/a] (ill)."""
    constant: Weight = -2.0
    """For `npv_logit`: constant of the utility [1] (ill)."""
    worth_weight: Weight = 3.0
    """For `npv_logit`: utility per net present value over what the member pays [1] (ill)."""
    share_weight: Weight = 2.0
    """For `npv_logit`: utility per share of others that have adopted [1] (ill)."""
    green_weight: Weight = 1.0
    """For `npv_logit`: utility per attitude to the environment, uniform from 0 to 1 among members [1] (ill)."""
    payback_sensitivity: Annotated[float, Field(gt=0, le=10)] = 0.3
    """For `payback_share`: at most exp(-s payback) of all accept it [1/a] (mem; model.md A1.7)."""
    cost_change_per_year: Annotated[float, Field(gt=-1, le=1)] = 0.0
    """Change of the price from one year to the next, -0.05 for 5 % cheaper every year [1/a] (ill)."""
    subsidy_share: BelowOne = 0.0
    """Share of the price that the government pays [1] (ill)."""
    lifetime_years: Annotated[int, Field(ge=1, le=50)] = 20
    """Years after which it is bought again, and over which its value is counted [a] (ill)."""
    discount_rate: Annotated[float, Field(ge=0, le=1)] = 0.07
    """Real rate at which members discount [1/a] (ill)."""

    def chooser(self) -> AdoptionModel:
        """Return the model of adoption."""
        models: dict[str, Any] = {
            "bass": lambda: Bass(self.innovation, self.imitation),
            "threshold": lambda: Threshold(self.threshold_mean, self.threshold_deviation),
            "npv_logit": lambda: NpvLogit(
                self.consider_per_year, self.constant, self.worth_weight, self.share_weight, self.green_weight
            ),
            "payback_share": lambda: PaybackShare(self.payback_sensitivity, self.innovation, self.imitation),
        }
        chosen: AdoptionModel = models[self.model]()
        return chosen


class PvAdoption(Technology):
    """Rooftop PV, of the size that `pv_kwp` draws for each member."""

    cost_per_kwp: Amount = 3800.0
    """Price of a system in the first year [currency/kWp] (ill; model.md F2)."""
    lifetime_years: Annotated[int, Field(ge=1, le=50)] = 25
    """Years after which it is bought again, and over which its value is counted [a] (ill)."""


class StorageAdoption(Technology):
    """Batteries of `storage_kwh`, for members with PV."""

    cost_per_kwh: Amount = 900.0
    """Price of a battery in the first year by usable capacity [currency/kWh] (ill; model.md F2)."""
    lifetime_years: Annotated[int, Field(ge=1, le=50)] = 12
    """Years after which it is bought again, and over which its value is counted [a] (ill)."""


class UnitAdoption(Technology):
    """A device of one size, in place of one that burns fuel."""

    cost_per_unit: Amount
    """Price above that of the device that it replaces, in the first year [currency] (ill)."""
    fuel_saved_per_year: Cost
    """Fuel and upkeep no longer paid for [currency/a] (ill)."""
    kwh_per_year: Cost
    """Electricity that it takes, at the member's mean retail price, where its worth is counted [kWh/a] (ill)."""


class VehicleAdoption(UnitAdoption):
    """Electric cars as `vehicle` of the population describes them."""

    cost_per_unit: Amount = 20_000.0
    """Price above that of a car that burns fuel, in the first year [currency] (ill)."""
    fuel_saved_per_year: Cost = 5500.0
    """Fuel and upkeep no longer paid for [currency/a] (ill)."""
    kwh_per_year: Cost = 1600.0
    """Electricity that a car takes, at the member's mean retail price, where its worth is counted [kWh/a] (ill)."""
    lifetime_years: Annotated[int, Field(ge=1, le=50)] = 12
    """Years after which it is bought again, and over which its value is counted [a] (ill)."""


class HeatPumpAdoption(UnitAdoption):
    """Heat pumps or air conditioners as `heat_pump` of the population describes them."""

    cost_per_unit: Amount = 18_000.0
    """Price above that of the heating that it replaces, in the first year [currency] (ill)."""
    fuel_saved_per_year: Cost = 4000.0
    """Fuel and upkeep no longer paid for [currency/a] (ill)."""
    kwh_per_year: Cost = 3000.0
    """Electricity that it takes, at the member's mean retail price, where its worth is counted [kWh/a] (ill)."""


class Adoption(Frozen):
    """Which technologies spread, and among whom; `null` for one that does not."""

    populations: Annotated[tuple[str, ...], Field(min_length=1)] = ("households",)
    """Names of the populations that adopt."""
    pv: PvAdoption | None = None
    """Rooftop PV."""
    storage: StorageAdoption | None = None
    """Batteries, for members with PV."""
    vehicle: VehicleAdoption | None = None
    """Electric cars."""
    heat_pump: HeatPumpAdoption | None = None
    """Heat pumps."""

    @property
    def technologies(self) -> dict[str, Technology]:
        """Those that spread, by name."""
        named: dict[str, Technology | None] = {name: getattr(self, name) for name in TECHNOLOGIES}
        return {name: terms for name, terms in named.items() if terms is not None}

    @model_validator(mode="after")
    def _something_spreads(self) -> Self:
        if not self.technologies:
            raise ValueError(f"adoption has no technology; give at least one of {', '.join(TECHNOLOGIES)}, or null")
        return self


class SocialGraph(Frozen):
    """Who sees whom within a population: a small world by Watts and Strogatz (model.md A0)."""

    degree: Annotated[int, Field(ge=2, le=1000, multiple_of=2)] = 8
    """Mean number of acquaintances of a member [1] (mem; model.md A0)."""
    rewiring: Share = 0.1
    """Probability that an acquaintance lives anywhere instead of near by [1] (mem; model.md A0)."""
