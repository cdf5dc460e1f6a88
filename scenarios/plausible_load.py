"""Checks of how load and generation are described: what one section asks for and another does not give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridagora.scenarios.schema_pv import PvPlace

if TYPE_CHECKING:
    from gridagora.scenarios.plausible import Fault
    from gridagora.scenarios.schema import ScenarioModel


def faults(scenario: ScenarioModel) -> list[Fault]:
    """Return the path and message of each reason to refuse the scenario."""
    return [*_appliances(scenario), *_roofs(scenario), *_firms(scenario)]


def _appliances(scenario: ScenarioModel) -> list[Fault]:
    made = any(getattr(group, "profiles", "") == "bottom_up" for group in scenario.groups.values())
    if made or not scenario.outputs.appliances:
        return []
    message = "given true, and no households with profiles: bottom_up; give them, or leave it out"
    return [(("outputs", "appliances"), message)]


def _roofs(scenario: ScenarioModel) -> list[Fault]:
    """Refuse roofs at a place without weather, of which their output is made."""
    if scenario.weather.kind != "typical":
        return []
    message = "given roofs at a place; allowed with weather of kind synthetic or file, not typical: add one of them"
    return [
        ((name, "pv_profiles"), message)
        for name, group in scenario.groups.items()
        if isinstance(group.pv_profiles, PvPlace)
    ]


def _firms(scenario: ScenarioModel) -> list[Fault]:
    """Refuse what no firm would do, and a programme without days in a row."""
    found: list[Fault] = []
    for name, group in scenario.groups.items():
        for section in ("production", "demand_response"):
            if getattr(group, section, None) is not None and group.technology_share == 0:
                message = f"given with {section}, which only firms with enabling technology take part in: raise it"
                found.append(((name, "technology_share"), message))
        if getattr(group, "demand_response", None) is not None and scenario.time.representative_days is not None:
            message = "given with representative days; allowed with days in a row, which have a baseline"
            found.append(((name, "demand_response"), message))
    return found
