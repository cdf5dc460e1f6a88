"""Refusals of microgrids that a scenario cannot settle, and a warning of terms that are hardly meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gridagora.agents.business_models.microgrid import Microgrid
from gridagora.markets.tariffs.offers import offers_of
from gridagora.scenarios.plausible_tariffs import highest_energy, tariffs_of
from gridagora.sim.plugin import unknown

if TYPE_CHECKING:
    from gridagora.markets.tariffs.tariff import Tariff
    from gridagora.scenarios.schema import ScenarioModel

Fault = tuple[tuple[str | int, ...], str]


def microgrid_faults(scenario: ScenarioModel) -> list[Fault]:
    """Return what speaks against the microgrids of a scenario.

    Parameters
    ----------
    scenario : ScenarioModel
        Scenario whose sections are valid on their own.
    """
    found: list[Fault] = []
    for place, terms in _microgrids(scenario):
        here = ("business_models", place)
        found += [((*here, "populations"), message) for message in _of_members(scenario, terms)]
        if _tariff(scenario, terms).monthly:
            message = (
                f"given {terms.connection.tariff}, which has blocks, a package or charges on power; allowed a tariff "
                "without: `connection` has its own charge on power"
            )
            found.append(((*here, "connection", "tariff"), message))
    if scenario.tariffs.feed_in.fund == "levy" and any(_microgrids(scenario)):
        found.append((("tariffs", "feed_in", "fund"), "given levy; allowed with a microgrid: supplier"))
    return found


def _microgrids(scenario: ScenarioModel) -> Iterator[tuple[int, Microgrid]]:
    return ((place, terms) for place, terms in enumerate(scenario.business_models) if isinstance(terms, Microgrid))


def _tariff(scenario: ScenarioModel, terms: Microgrid) -> Tariff:
    """Return the tariff at which a microgrid buys."""
    return offers_of(getattr(scenario.tariffs, terms.connection.tariff))[0].tariff


def _of_members(scenario: ScenarioModel, terms: Microgrid) -> list[str]:
    """Return what speaks against the populations of a microgrid."""
    found = []
    for name in terms.populations:
        if (group := scenario.groups.get(name)) is None:
            found.append(unknown("population", name, sorted(scenario.groups)))
            continue
        if other := [tariff.supplier for tariff in tariffs_of(scenario, group) if tariff.supplier != "supplier"]:
            found.append(
                f"given {name}, who may choose the supplier {other[0]}; allowed who all buy from `supplier`: leave "
                "them out, or the tariffs of others"
            )
        if group.consent is not None:
            found.append(
                f"given {name}, who have `consent`; leave them out, or set {name}.consent to null: members trade "
                "inside only"
            )
    return found


def export_warnings(scenario: ScenarioModel) -> list[str]:
    """Return warnings of microgrids that are paid more for a kWh than one costs: they buy what they sell."""
    found = []
    for _, terms in _microgrids(scenario):
        tariff, paid = _tariff(scenario, terms), terms.connection.export_per_kwh
        cost = highest_energy(tariff) + tariff.network_per_kwh + tariff.levy_per_kwh
        if paid > cost:
            found.append(
                f"{terms.title} is paid {paid:.4g} {scenario.currency}/kWh for what it feeds in and pays {cost:.4g} at "
                "most: it buys what it sells, and each of its days takes seconds to plan; lower "
                "connection.export_per_kwh"
            )
    return found
