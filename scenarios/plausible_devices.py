"""Checks of cars and heat pumps that need more of a scenario than their own section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridagora.scenarios.schema_data import Typical

if TYPE_CHECKING:
    from gridagora.scenarios.schema import ScenarioModel

Fault = tuple[tuple[str | int, ...], str]

#: What the columns of cars, and those of heat pumps, add to a member where anybody has one [bytes].
BYTES_PER_CAR, BYTES_PER_PUMP = 18, 12


def device_faults(scenario: ScenarioModel) -> list[Fault]:
    """Return the path and message of each reason to refuse the devices of a scenario."""
    found: list[Fault] = []
    for name, population in scenario.groups.items():
        if population.heat_pump_share > 0 and isinstance(scenario.weather, Typical):
            message = (
                f"given {population.heat_pump_share:g} with weather typical, which has no temperatures; give weather: "
                "synthetic, or own files"
            )
            found.append(((name, "heat_pump_share"), message))
    return found


def device_bytes(population: Any) -> int:
    """Return what devices add for each member of a population [bytes]."""
    return int(BYTES_PER_CAR * (population.ev_share > 0) + BYTES_PER_PUMP * (population.heat_pump_share > 0))


def device_yearly_kwh(population: Any) -> float:
    """Return the most that the devices of a population's mean member draw in a year [kWh]."""
    cars = population.ev_share * population.vehicle.charge_kw
    pumps = population.heat_pump_share * population.heat_pump.power_kw
    return float((cars + pumps) * 8784)
