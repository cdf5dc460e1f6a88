"""Checks of who sets prices in the course of a run, against tariffs, time and market."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridagora.markets.tariffs.offers import offers_of
from gridagora.scenarios.plausible_tariffs import paths_of
from gridagora.scenarios.repricing import can_scale

if TYPE_CHECKING:
    from gridagora.scenarios.plausible import Fault
    from gridagora.scenarios.schema import ScenarioModel


def pricing_faults(scenario: ScenarioModel) -> list[Fault]:
    """Return why prices cannot be set as a scenario asks.

    Parameters
    ----------
    scenario : ScenarioModel
        Scenario whose sections are valid on their own.
    """
    return [*_pricing(scenario), *_rounds(scenario), *_scarcity(scenario)]


def _pricing(scenario: ScenarioModel) -> list[Fault]:
    terms = scenario.pricing
    if terms is None:
        return []
    offers = offers_of(getattr(scenario.tariffs, terms.group))
    chosen = [offer for offer in offers if terms.offer in (None, offer.name)]
    if not chosen:
        names = ", ".join(offer.name for offer in offers)
        return [(("pricing", "offer"), f"given {terms.offer}; allowed {names}, the offers of {terms.group}")]
    found: list[Fault] = []
    if not any(group.tariff == terms.group for group in scenario.groups.values()):
        found.append((("pricing", "group"), f"given {terms.group}, which no population has; allowed a tariff in use"))
    for offer in chosen:
        if not can_scale(offer.tariff):
            message = f"given {offer.name}; allowed tariffs with energy prices of their own, not those of the pool"
            found.append((("pricing", "offer"), message))
        elif offer.supplier != "supplier":
            message = f"given {offer.name}, which {offer.supplier} sells; allowed offers of `supplier`, who learns"
            found.append((("pricing", "offer"), message))
        elif terms.every == "day" and offer.tariff.monthly:
            message = f"given day; {offer.name} has parts that need whole months; allowed month"
            found.append((("pricing", "every"), message))
    if scenario.tariff_rounds is not None and scenario.tariff_rounds.supply is not None:
        found.append((("pricing",), "given with tariff_rounds.supply; both set energy prices: leave out one"))
    return found


def _rounds(scenario: ScenarioModel) -> list[Fault]:
    terms = scenario.tariff_rounds
    if terms is None or terms.network is None:
        return []
    groups = scenario.groups.values()
    charges = [tariff.network_per_kwh for group in groups for _, tariff in paths_of(scenario, group)]
    if any(charge > 0 for charge in charges):
        return []
    message = "given while no tariff has a network_per_kwh above 0, which it would scale; give one, or leave it out"
    return [(("tariff_rounds", "network"), message)]


def _scarcity(scenario: ScenarioModel) -> list[Fault]:
    market = scenario.market
    if market.scarcity is None or market.cap_per_kwh <= market.value_of_lost_load_per_kwh:
        return []
    message = (
        f"given {market.value_of_lost_load_per_kwh:g} with market.scarcity; allowed at least cap_per_kwh, "
        f"{market.cap_per_kwh:g}: prices rise up to it"
    )
    return [(("market", "value_of_lost_load_per_kwh"), message)]
