"""Checks of what members decide as customers, which need more of a scenario than their own sections."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gridagora.markets.tariffs.offers import offers_of

if TYPE_CHECKING:
    from gridagora.scenarios.schema import ScenarioModel

Fault = tuple[tuple[str | int, ...], str]

#: Sections that act at month ends.
MONTHLY = ("choice", "satisfaction", "consent", "credit", "green_power", "retrofit")
#: What a member's columns add in each of them [bytes], and a member's row under one offer while it compares.
BYTES = {"choice": 24, "satisfaction": 24, "consent": 10, "credit": 48, "green_power": 80, "retrofit": 80}
BYTES_PER_ROW = 200


def customer_faults(scenario: ScenarioModel) -> list[Fault]:
    """Return the path and message of each reason to refuse what the scenario says about customers.

    Parameters
    ----------
    scenario : ScenarioModel
        Scenario whose sections are valid on their own.
    """
    found: list[Fault] = []
    for name, group in scenario.groups.items():
        found += [((name, *path), message) for path, message in _of_group(scenario, group)]
    return found + _green(scenario)


def customer_bytes(scenario: ScenarioModel, population: Any) -> int:
    """Return what a member needs more as a customer, on average [bytes]."""
    needed: int = sum(size for section, size in BYTES.items() if getattr(population, section, None) is not None)
    if population.choice is None:
        return needed
    rows: float = population.choice.consider_per_month * population.choice.compare_months
    return needed + round(rows * BYTES_PER_ROW * len(offers_of(getattr(scenario.tariffs, population.tariff))))


def _green(scenario: ScenarioModel) -> list[Fault]:
    """Refuse a second market for the certificates of one run."""
    buyers = [name for name, group in scenario.groups.items() if getattr(group, "green_power", None) is not None]
    message = f"given as in {buyers[0]}; allowed in one population, for all PV sells to one market" if buyers else ""
    return [((name, "green_power"), message) for name in buyers[1:]]


def _retrofit(scenario: ScenarioModel, every: int) -> list[Fault]:
    """Refuse decisions that the run is too short for."""
    time = scenario.time
    last = time.start + timedelta(days=time.days - 1)
    months = 12 * (last.year - time.start.year) + last.month - time.start.month + 1
    if every < months:
        return []
    message = f"given {every} in a run over {months} calendar months; allowed below that: lower it, or raise time.days"
    return [(("retrofit", "every_months"), message)]


def _of_group(scenario: ScenarioModel, group: Any) -> list[Fault]:
    used = [section for section in MONTHLY if getattr(group, section, None) is not None]
    if used and scenario.time.representative_days is not None:
        message = "given with time.representative_days; allowed with days in a row, for members decide at month ends"
        return [((section,), message) for section in used]
    found: list[Fault] = []
    if getattr(group, "retrofit", None) is not None:
        found += _retrofit(scenario, group.retrofit.every_months)
    if group.choice is not None:
        found += _choice(group, getattr(scenario.tariffs, group.tariff))
    if group.consent is not None and not scenario.market.online:
        found.append((("consent",), "given with market.online false, where nobody trades; leave it out"))
    if group.consent is not None and group.strategies.learning > 0:
        message = "given with strategies that learn, whose members must not come and go; give truthful, zi_constrained"
        found.append((("consent",), message))
    return found


def _choice(group: Any, entry: Any) -> list[Fault]:
    """Refuse a choice without a menu, and names that the menu does not have."""
    if entry.kind != "menu":
        message = f"given with tariffs.{group.tariff} of kind {entry.kind}; allowed with a menu, from which to choose"
        return [(("choice",), message)]
    terms, names = group.choice, list(entry.options)
    found: list[Fault] = []
    listed = [("nest", name) for name in terms.nest] + [("constants", name) for name in terms.constants]
    if terms.default_offer is not None:
        listed.append(("default_offer", terms.default_offer))
    for key, name in listed:
        if name not in names:
            found.append((("choice", key), f"given {name!r}; allowed the options of the menu: {', '.join(names)}"))
    if len(set(terms.nest)) < len(terms.nest) or set(terms.nest) == set(names):
        found.append((("choice", "nest"), "given all options, or one twice; allowed some of them, each once"))
    for name, option in entry.options.items():
        if option.eligible.least_meters > 1 or option.eligible.storage_air_conditioning:
            message = f"given a menu whose option {name!r} no member may have: each has one meter and stores no cold"
            found.append((("choice",), message))
    return found
