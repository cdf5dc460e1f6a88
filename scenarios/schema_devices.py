"""Sections of a population about large devices: electric cars, and heat pumps or air conditioners."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gridagora.agents.devices import Building, HeatPump
from gridagora.agents.vehicle_trips import REACH, Commuting
from gridagora.scenarios.quantities import Efficiency, Share
from gridagora.sim.plugin import Frozen

Hour = Annotated[float, Field(ge=0, le=24)]
Deviation = Annotated[float, Field(gt=0, le=6)]
Spread = Annotated[float, Field(ge=0, le=2)]
#: The longest trip takes at most so much [kWh].
MOST_USED_KWH = 1000.0


class VehicleTerms(Frozen):
    """Electric cars, their trips and how they charge at home (model.md A1.5)."""

    capacity_kwh: Annotated[float, Field(gt=0, le=1000)] = 60.0
    """Usable capacity of a car's battery [kWh] (ill; model.md A1.5)."""
    charge_kw: Annotated[float, Field(gt=0, le=1000)] = 7.0
    """Charging power at the connection [kW] (ill; model.md A1.1)."""
    charge_efficiency: Efficiency = 0.95
    """Efficiency of charging [1] (ill; model.md A1.3)."""
    kwh_per_km: Annotated[float, Field(gt=0, le=10)] = 0.17
    """Energy that driving takes from the battery [kWh/km] (ill; model.md A1.5)."""
    charging: Literal["on_arrival", "cheapest"] = "on_arrival"
    """When a car at home charges until it is full: at once, or in the periods of its stay whose retail price is lowest,
    the earlier of equally dear ones, so that it is full at departure; the night is taken to cost what the same hours
    cost on the day before, until its prices are known. What a trip lacks is charged in public."""
    departure_hour: Hour = 7.5
    """Mean time of departure [h] (ill; model.md A1.5)."""
    departure_deviation: Deviation = 1.0
    """Standard deviation of the departure, normal up to 3.5 of them [h] (ill; model.md A1.5)."""
    arrival_hour: Hour = 18.0
    """Mean time of return [h] (ill; model.md A1.5)."""
    arrival_deviation: Deviation = 1.5
    """Standard deviation of the return, normal up to 3.5 of them [h] (ill; model.md A1.5)."""
    daily_km: Annotated[float, Field(gt=0, le=1000)] = 35.0
    """Mean distance of a day with a trip [km] (ill; model.md A1.5)."""
    daily_km_variation: Annotated[float, Field(gt=0, le=2)] = 0.6
    """Coefficient of variation of the distance, lognormal [1] (ill; model.md A1.5)."""
    workday_trips: Share = 1.0
    """Probability of a trip on a workday [1] (ill)."""
    weekend_trips: Share = 0.0
    """Probability of a trip on a Saturday, Sunday or holiday [1] (ill)."""

    @property
    def commuting(self) -> Commuting:
        """Laws of the trips.

        Raises
        ------
        ValueError
            If a car could depart before it arrives, or not on the same day.
        """
        return Commuting(
            self.departure_hour,
            self.departure_deviation,
            self.arrival_hour,
            self.arrival_deviation,
            self.daily_km,
            self.daily_km_variation,
        )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        spread = math.log1p(self.commuting.daily_km_variation**2)
        longest = self.daily_km * math.exp(math.sqrt(spread) * REACH - spread / 2)
        if longest * self.kwh_per_km > MOST_USED_KWH:
            raise ValueError(
                f"given a longest trip of {longest:.4g} km, which takes {longest * self.kwh_per_km:.4g} kWh; allowed "
                f"{MOST_USED_KWH:g} kWh; lower daily_km, daily_km_variation or kwh_per_km"
            )
        return self


class HeatPumpTerms(Frozen):
    """Heat pumps or air conditioners with a thermostat, and the building they serve (model.md A1.3 (5))."""

    mode: Literal["heat", "cool"] = "heat"
    """Whether the devices warm or cool."""
    power_kw: Annotated[float, Field(gt=0, le=1000)] = 3.0
    """Most electric power, in a building of mean size [kW] (ill)."""
    rated_cop: Annotated[float, Field(ge=1, le=20)] = 3.5
    """Heat moved over electricity at `rated_outdoor_c` [1] (ill)."""
    rated_outdoor_c: Annotated[float, Field(ge=-60, le=60)] | None = None
    """Outdoor temperature of the rating [degC] (ill); `null`: 7 to heat, 35 to cool."""
    cop_per_k: Annotated[float, Field(ge=-1, le=1)] | None = None
    """Change of that ratio with outdoor temperature; it never falls below 1 [1/K] (ill); `null`: 0.06 to heat, -0.06 to
    cool."""
    set_point_c: Annotated[float, Field(ge=0, le=40)] | None = None
    """Mean temperature that thermostats hold [degC] (ill); `null`: 20 to heat, 26 to cool."""
    set_point_deviation: Annotated[float, Field(ge=0, le=5)] = 1.0
    """Standard deviation of set points among members, normal [K] (ill)."""
    setback_k: Annotated[float, Field(ge=0, le=10)] = 0.0
    """How far members with enabling technology let the set point go, down to heat and up to cool, in periods whose
    retail price is above the day's mean [K] (ill)."""
    loss_kw_per_k: Annotated[float, Field(ge=0, le=100)] = 0.15
    """Heat that a building of mean size loses for each kelvin between in and outside [kW/K] (ill; model.md A1.3)."""
    capacity_kwh_per_k: Annotated[float, Field(gt=0, le=10_000)] = 5.0
    """Heat that warms it by a kelvin [kWh/K] (ill; model.md A1.3)."""
    internal_kw: Annotated[float, Field(ge=0, le=100)] = 0.3
    """Heat of people, appliances and windows in it [kW] (ill)."""
    size_cv: Spread = 0.3
    """Coefficient of variation of the size of buildings, lognormal; heat loss, capacity, gains and power grow with it
    [1] (ill)."""

    @property
    def held_c(self) -> float:
        """Mean temperature that thermostats hold [degC]."""
        return self.set_point_c if self.set_point_c is not None else 20.0 if self.mode == "heat" else 26.0

    @property
    def device(self) -> HeatPump:
        """The device in a building of mean size."""
        heats = self.mode == "heat"
        rated_at = self.rated_outdoor_c if self.rated_outdoor_c is not None else 7.0 if heats else 35.0
        slope = self.cop_per_k if self.cop_per_k is not None else 0.06 if heats else -0.06
        return HeatPump(self.power_kw, self.mode, self.rated_cop, rated_at, slope)

    @property
    def building(self) -> Building:
        """A building of mean size.

        Raises
        ------
        ValueError
            If it loses its heat within an hour.
        """
        return Building(self.loss_kw_per_k, self.capacity_kwh_per_k, self.internal_kw)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        assert self.building and self.device
        return self
