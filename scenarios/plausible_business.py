"""Refusals of business models that a scenario has no party, population or room for."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gridagora.scenarios.plausible_microgrid import microgrid_faults
from gridagora.scenarios.plausible_tariffs import tariffs_of
from gridagora.sim.plugin import unknown

if TYPE_CHECKING:
    from gridagora.scenarios.schema import ScenarioModel

Fault = tuple[tuple[str | int, ...], str]

#: Names in the books that no company may take.
TAKEN = ("bank", "insurer", "vendor", "customer", "provider")


def business_faults(scenario: ScenarioModel) -> list[Fault]:
    """Return what speaks against the business models of a scenario.

    Parameters
    ----------
    scenario : ScenarioModel
        Scenario whose sections are valid on their own.
    """
    checks = (_companies, _names, _parties, _assets, _certificates, _horizon, microgrid_faults)
    return [fault for check in checks for fault in check(scenario)]


def _suppliers(scenario: ScenarioModel) -> set[str]:
    groups = scenario.groups.values()
    return {tariff.supplier for group in groups for tariff in tariffs_of(scenario, group)}


def providers(scenario: ScenarioModel) -> list[str]:
    """Return who may provide a business model."""
    platform = {"platform"} if scenario.platform.present else set()
    named = {"supplier", "grid_company", *scenario.counterparties.companies}
    return sorted(named | platform | _suppliers(scenario))


def _companies(scenario: ScenarioModel) -> list[Fault]:
    from gridagora.scenarios.schema import RESERVED

    names = Counter(scenario.counterparties.companies)
    taken = {*RESERVED, *TAKEN, *scenario.groups, *_suppliers(scenario)}
    return [
        (("counterparties", "companies"), f"given {name}; each name once, and none of {', '.join(sorted(taken))}")
        for name, count in names.items()
        if count > 1 or name in taken
    ]


def _names(scenario: ScenarioModel) -> list[Fault]:
    names = Counter(terms.title for terms in scenario.business_models)
    return [
        (("business_models", place, "name"), f"given {terms.title}, which another one has; give each an own `name`")
        for place, terms in enumerate(scenario.business_models)
        if names[terms.title] > 1
    ]


def _parties(scenario: ScenarioModel) -> list[Fault]:
    """Refuse contracts with those whom the scenario does not have."""
    found: list[Fault] = []
    known, groups = providers(scenario), sorted(scenario.groups)
    for place, terms in enumerate(scenario.business_models):
        here = ("business_models", place)
        if terms.provider not in known:
            message = f"{unknown('party', terms.provider, known)}; add it to counterparties.companies"
            found.append(((*here, "provider"), message))
        if terms.population not in groups:
            found.append(((*here, "population"), unknown("population", terms.population, groups)))
        loans = {("finance", "debt_share"): terms.finance.debt_share, ("loan_share",): getattr(terms, "loan_share", 0)}
        for key, share in loans.items():
            if share > 0 and scenario.counterparties.bank is None:
                found.append(((*here, *key), "given without a lender; set counterparties.bank, or it to 0"))
        if terms.finance.insured and scenario.counterparties.insurer is None:
            message = "given without an insurer; set counterparties.insurer, or insured to false"
            found.append(((*here, "finance", "insured"), message))
    return found


def _assets(scenario: ScenarioModel) -> list[Fault]:
    """Refuse what else would change the same asset: two exclusive contracts on it."""
    found: list[Fault] = []
    adoption = scenario.adoption
    for place, terms in enumerate(scenario.business_models):
        group = scenario.groups.get(terms.population)
        if terms.asset == "efficiency" and getattr(group, "retrofit", None) is not None:
            message = (
                f"given with {terms.population}.retrofit, which changes the same asset; allowed one of the two: two "
                "exclusive contracts on one asset"
            )
            found.append((("business_models", place, "kind"), message))
        spreads = adoption is not None and adoption.pv is not None and terms.population in adoption.populations
        if terms.asset == "roof" and spreads:
            message = "given with adoption.pv for the same roofs; allowed one of the two"
            found.append((("business_models", place, "kind"), message))
    return found


def _certificates(scenario: ScenarioModel) -> list[Fault]:
    """Refuse a quota beside firms that buy certificates of the same generation."""
    quota = scenario.government.renewable_quota
    return [
        (
            ("government", "renewable_quota"),
            f"given {quota:g} with {name}.green_power; allowed one of them: both would sell the same kWh twice",
        )
        for name, group in scenario.groups.items()
        if quota > 0 and getattr(group, "green_power", None) is not None
    ]


def _horizon(scenario: ScenarioModel) -> list[Fault]:
    """Refuse representative days that are not simulated year by year: contracts run on."""
    days = scenario.time.representative_days
    if not scenario.business_models or days is None or days.each_year or days.years == 1:
        return []
    message = "given false with business_models over several years; allowed true, so that contracts age"
    return [(("time", "representative_days", "each_year"), message)]
