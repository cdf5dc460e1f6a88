"""What a home can own: battery, car, heat pump in a building, cogeneration, appliances; and its connection (A1.3).

Powers are in kW; whoever plans turns them into energies of a settlement period.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def refuse_outside(
    owner: str, name: str, value: float, least: float = 0.0, most: float = math.inf, *, above: bool = False
) -> None:
    """Raise ValueError unless a number is finite and within its range.

    Parameters
    ----------
    owner, name : str
        Whose number it is and what it is called, for the message.
    value : float
        The number.
    least, most : float
        Range.
    above : bool
        Whether the number must lie above `least`, not on it.
    """
    if math.isfinite(value) and (value > least if above else value >= least) and value <= most:
        return
    limit = f" and at most {most:g}" if most < math.inf else " and finite"
    raise ValueError(f"{owner}: {name} {value}; must be {'above' if above else 'at least'} {least:g}{limit}")


@dataclass(frozen=True, slots=True)
class Connection:
    """The point where a home meets the grid (A1.3 (7)).

    Parameters
    ----------
    import_kw, export_kw : float
        Most power taken and fed in. [kW] (ill)
    demand_charge : float
        Price of each kW by which the highest import passes the month's highest so far. [currency/kW]
    """

    import_kw: float = 44.0
    export_kw: float = 44.0
    demand_charge: float = 0.0

    def __post_init__(self) -> None:
        refuse_outside("connection", "import_kw", self.import_kw, above=True)
        refuse_outside("connection", "export_kw", self.export_kw)
        refuse_outside("connection", "demand_charge", self.demand_charge)


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery (A1.3 (3)).

    Parameters
    ----------
    capacity_kwh : float
        Usable energy. [kWh]
    charge_kw, discharge_kw : float
        Most power at the connection. [kW]
    charge_efficiency, discharge_efficiency : float
        Above 0 and at most 1. [1]
    loss_per_hour : float
        Share of what is stored that is lost in an hour. [1/h]
    wear_cost : float
        Cost of degradation of each kWh discharged. [currency/kWh] (ill)

    Raises
    ------
    ValueError
        If a number is out of its range, or a full battery loses more than it can be charged with.
    """

    capacity_kwh: float
    charge_kw: float
    discharge_kw: float
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    loss_per_hour: float = 0.0
    wear_cost: float = 0.05

    def __post_init__(self) -> None:
        _refuse_storage("battery", self)
        refuse_outside("battery", "loss_per_hour", self.loss_per_hour, most=0.5)
        if self.loss_per_hour * self.capacity_kwh > self.charge_efficiency * self.charge_kw:
            raise ValueError(
                f"battery: loss_per_hour {self.loss_per_hour} of {self.capacity_kwh} kWh is more than {self.charge_kw} "
                "kW can replace; lower loss_per_hour or raise charge_kw"
            )


@dataclass(frozen=True, slots=True)
class Vehicle:
    """An electric car and its charger (A1.3 (4), A1.5).

    Parameters
    ----------
    capacity_kwh : float
        Usable energy. [kWh] (ill)
    charge_kw : float
        Most charging power at the connection. [kW] (ill)
    discharge_kw : float
        Most power back to the home or grid; 0 without vehicle-to-grid. [kW]
    charge_efficiency, discharge_efficiency : float
        Above 0 and at most 1. [1]
    kwh_per_km : float
        Energy that driving takes from the battery. [kWh/km] (ill)
    wear_cost : float
        Cost of degradation of each kWh discharged at the connection. [currency/kWh] (ill)
    shortfall_cost : float
        What each kWh missing at departure costs, charged on the way. [currency/kWh] (ill)
    """

    capacity_kwh: float = 60.0
    charge_kw: float = 7.0
    discharge_kw: float = 0.0
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    kwh_per_km: float = 0.17
    wear_cost: float = 0.05
    shortfall_cost: float = 10.0

    def __post_init__(self) -> None:
        _refuse_storage("vehicle", self)
        refuse_outside("vehicle", "kwh_per_km", self.kwh_per_km, above=True)
        refuse_outside("vehicle", "shortfall_cost", self.shortfall_cost)


def _refuse_storage(owner: str, device: Battery | Vehicle) -> None:
    refuse_outside(owner, "capacity_kwh", device.capacity_kwh, above=True)
    refuse_outside(owner, "charge_kw", device.charge_kw, above=True)
    refuse_outside(owner, "discharge_kw", device.discharge_kw)
    refuse_outside(owner, "charge_efficiency", device.charge_efficiency, most=1.0, above=True)
    refuse_outside(owner, "discharge_efficiency", device.discharge_efficiency, most=1.0, above=True)
    refuse_outside(owner, "wear_cost", device.wear_cost)


@dataclass(frozen=True, slots=True)
class HeatPump:
    """A heat pump or an air conditioner (A1.3 (5)).

    Parameters
    ----------
    power_kw : float
        Most electric power. [kW]
    mode : {"heat", "cool"}
        Whether it warms or cools the building.
    rated_cop : float
        Heat moved over electricity at `rated_outdoor_c`. [1] (ill)
    rated_outdoor_c : float
        Outdoor temperature of the rating. [degC]
    cop_per_k : float
        Change of the coefficient of performance with outdoor temperature; negative for cooling. [1/K] (ill)
    """

    power_kw: float
    mode: Literal["heat", "cool"] = "heat"
    rated_cop: float = 3.5
    rated_outdoor_c: float = 7.0
    cop_per_k: float = 0.06

    def __post_init__(self) -> None:
        refuse_outside("heat pump", "power_kw", self.power_kw, above=True)
        refuse_outside("heat pump", "rated_cop", self.rated_cop, least=1.0)
        refuse_outside("heat pump", "rated_outdoor_c", self.rated_outdoor_c, least=-60.0, most=60.0)
        refuse_outside("heat pump", "cop_per_k", self.cop_per_k, least=-1.0, most=1.0)
        if self.mode not in ("heat", "cool"):
            raise ValueError(f"heat pump: mode {self.mode!r}; allowed heat, cool")

    @property
    def sign(self) -> float:
        """Return 1 where it warms, -1 where it cools."""
        return 1.0 if self.mode == "heat" else -1.0

    def cop(self, outdoor_c: Floats) -> Floats:
        """Return heat moved over electricity at outdoor temperatures [degC], at least 1, of the same shape."""
        return np.maximum(self.rated_cop + self.cop_per_k * (outdoor_c - self.rated_outdoor_c), 1.0)


@dataclass(frozen=True, slots=True)
class Building:
    """The heat that a building holds and loses (A1.3 (5), one resistance and one capacity).

    Parameters
    ----------
    loss_kw_per_k : float
        Heat lost for each kelvin between inside and outside. [kW/K] (ill)
    capacity_kwh_per_k : float
        Heat that warms it by a kelvin. [kWh/K] (ill)
    internal_kw : float
        Heat of people, appliances and windows. [kW]
    comfort_cost : float
        Cost of a kelvin outside the comfort band for an hour. [currency/(K h)] (ill)
    """

    loss_kw_per_k: float = 0.15
    capacity_kwh_per_k: float = 5.0
    internal_kw: float = 0.0
    comfort_cost: float = 0.5

    def __post_init__(self) -> None:
        refuse_outside("building", "loss_kw_per_k", self.loss_kw_per_k)
        refuse_outside("building", "capacity_kwh_per_k", self.capacity_kwh_per_k, above=True)
        refuse_outside("building", "internal_kw", self.internal_kw)
        refuse_outside("building", "comfort_cost", self.comfort_cost)
        if self.loss_kw_per_k >= self.capacity_kwh_per_k:
            raise ValueError(
                f"building: loss_kw_per_k {self.loss_kw_per_k}; must be below capacity_kwh_per_k "
                f"{self.capacity_kwh_per_k} per hour, or its temperature jumps past the outdoor one in an hour"
            )


@dataclass(frozen=True, slots=True)
class Cogeneration:
    """Combined heat and power with a boiler and a heat tank (A1.3 (6)).

    Parameters
    ----------
    least_kw, most_kw : float
        Electric power while it runs. [kW]
    electric_efficiency, thermal_efficiency : float
        Electricity and heat over fuel; at most 1 together. [1]
    boiler_kw : float
        Most heat of the boiler, which must cover any heat demand alone. [kW]
    boiler_efficiency : float
        Heat over fuel. [1]
    tank_kwh : float
        Heat that the tank holds. [kWh]
    tank_loss_per_hour : float
        Share of the tank's heat that is lost in an hour. [1/h]
    """

    least_kw: float
    most_kw: float
    boiler_kw: float
    electric_efficiency: float = 0.30
    thermal_efficiency: float = 0.60
    boiler_efficiency: float = 0.92
    tank_kwh: float = 0.0
    tank_loss_per_hour: float = 0.0

    def __post_init__(self) -> None:
        refuse_outside("cogeneration", "most_kw", self.most_kw, above=True)
        refuse_outside("cogeneration", "least_kw", self.least_kw, most=self.most_kw)
        refuse_outside("cogeneration", "boiler_kw", self.boiler_kw, above=True)
        for name in ("electric_efficiency", "thermal_efficiency", "boiler_efficiency"):
            refuse_outside("cogeneration", name, getattr(self, name), most=1.0, above=True)
        both = self.electric_efficiency + self.thermal_efficiency
        refuse_outside("cogeneration", "electric_efficiency + thermal_efficiency", both, most=1.0 + 1e-12)
        refuse_outside("cogeneration", "tank_kwh", self.tank_kwh)
        refuse_outside("cogeneration", "tank_loss_per_hour", self.tank_loss_per_hour, most=0.5)

    @property
    def heat_ratio(self) -> float:
        """Return heat over electricity [1]."""
        return self.thermal_efficiency / self.electric_efficiency


@dataclass(frozen=True, slots=True)
class Appliance:
    """An appliance whose job runs once started (A1.3 (2)).

    Parameters
    ----------
    name : str
        For messages.
    power_kw : float
        Power while it runs. [kW]
    periods : int
        Settlement periods that a job takes.
    """

    name: str
    power_kw: float
    periods: int

    def __post_init__(self) -> None:
        refuse_outside(f"appliance {self.name}", "power_kw", self.power_kw, above=True)
        refuse_outside(f"appliance {self.name}", "periods", self.periods, least=1)


@dataclass(frozen=True, slots=True)
class Home:
    """A device set: what its plan is made for.

    Parameters
    ----------
    connection : Connection
        Limits and demand charge.
    battery, vehicle, heat_pump, building, cogeneration : optional
        Devices; a heat pump needs a building and the other way round.
    appliances : tuple of Appliance
        Those whose jobs can be shifted.
    """

    connection: Connection = field(default_factory=Connection)
    battery: Battery | None = None
    vehicle: Vehicle | None = None
    heat_pump: HeatPump | None = None
    building: Building | None = None
    cogeneration: Cogeneration | None = None
    appliances: tuple[Appliance, ...] = ()

    def __post_init__(self) -> None:
        if (self.heat_pump is None) != (self.building is None):
            raise ValueError(
                f"home: heat_pump {self.heat_pump}, building {self.building}; must both be given or neither"
            )
