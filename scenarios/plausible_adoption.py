"""Checks of what spreads in a run, which its sections cannot make on their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridagora.scenarios.schema_data import Typical

if TYPE_CHECKING:
    from gridagora.scenarios.schema import ScenarioModel

Fault = tuple[tuple[str | int, ...], str]


def adoption_faults(scenario: ScenarioModel) -> list[Fault]:
    """Return the path and message of each reason to refuse what the scenario says about adoption.

    Parameters
    ----------
    scenario : ScenarioModel
        Scenario whose sections are valid on their own.
    """
    terms, chosen = scenario.adoption, scenario.time.representative_days
    found: list[Fault] = []
    if terms is None:
        return []
    if chosen is not None and chosen.years > 1 and not chosen.each_year:
        message = "given false with adoption, which makes years differ; must be true"
        found.append((("time", "representative_days", "each_year"), message))
    for place, name in enumerate(terms.populations):
        if name not in scenario.groups or name in terms.populations[:place]:
            message = f"given {name!r}; allowed each once: {', '.join(scenario.groups)}"
            found.append((("adoption", "populations", place), message))
        elif scenario.social_graph is not None and scenario.social_graph.degree >= scenario.groups[name].count:
            message = (
                f"given {scenario.social_graph.degree} for {scenario.groups[name].count} members of {name}; allowed "
                "below their number"
            )
            found.append((("social_graph", "degree"), message))
    if terms.storage is not None and terms.pv is None:
        without = [name for name in terms.populations if name in scenario.groups and not scenario.groups[name].pv_share]
        if len(without) == len(terms.populations):
            message = "given without adoption.pv where no member has PV; batteries are for those with PV"
            found.append((("adoption", "storage"), message))
    if terms.heat_pump is not None and isinstance(scenario.weather, Typical):
        message = "given with weather typical, which has no temperatures; give weather: synthetic, or own files"
        found.append((("adoption", "heat_pump"), message))
    return found
