"""Checks of a whole scenario that its sections cannot make: refusals, and warnings about what is hardly meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gridagora.markets.tariffs import Tariff
    from gridagora.scenarios.schema import ScenarioModel
    from gridagora.scenarios.schema_population import Farms, Firms, Households

DAYS_A_YEAR = 366
DAY_TYPES = ("workday", "saturday", "sunday")
LARGEST = 2**62

Fault = tuple[tuple[str | int, ...], str]


def faults(scenario: ScenarioModel, processors: int) -> list[Fault]:
    """Return the path and message of each reason to refuse the scenario on this machine.

    Parameters
    ----------
    scenario : ScenarioModel
        Scenario whose sections are valid on their own.
    processors : int
        Processors of the machine.
    """
    return [*_threads(scenario, processors), *_windows(scenario), *_ranges(scenario)]


def warnings(scenario: ScenarioModel) -> list[str]:
    """Return what is allowed but hardly meant: an online auction in which no one can trade."""
    market = scenario.market
    only_members = market.online_sellers == market.online_buyers == "members"
    if not (market.online and only_members):
        return []
    buyer = max(
        float(_tariff(scenario, population).energy_prices.max())
        + _tariff(scenario, population).network_per_kwh
        - market.wheeling_per_kwh
        - market.fee_buyer_per_kwh
        for population in scenario.populations.values()
    )
    seller = max(scenario.tariffs.feed_in.price_per_kwh, 0.0) + market.fee_seller_per_kwh
    if buyer >= seller:
        return []
    return [
        f"nothing will trade online: buyers pay up to {buyer:.4g} {scenario.currency}/kWh (energy + network - wheeling "
        f"- fee), sellers ask from {seller:.4g} (feed-in + fee); lower market.wheeling_per_kwh or "
        "tariffs.feed_in.price_per_kwh, or set market.online: false"
    ]


def _tariff(scenario: ScenarioModel, population: Households | Firms | Farms) -> Tariff:
    tariff: Tariff = getattr(scenario.tariffs, population.tariff)
    return tariff


def _threads(scenario: ScenarioModel, processors: int) -> list[Fault]:
    if scenario.threads <= processors:
        return []
    message = f"given {scenario.threads}; allowed 1 to {processors} on this machine; results do not depend on it"
    return [(("threads",), message)]


def _windows(scenario: ScenarioModel) -> list[Fault]:
    periods = 24 * 60 // scenario.time.period_minutes
    found: list[Fault] = []
    for group in ("residential", "commercial", "agricultural"):
        try:
            for day_type in DAY_TYPES:
                getattr(scenario.tariffs, group).class_of_period(day_type, periods)
        except ValueError as error:
            found.append((("tariffs", group, "windows"), str(error)))
    return found


def _ranges(scenario: ScenarioModel) -> list[Fault]:
    """Refuse what could pass the range of the integer books within a year."""
    energy = {name: _yearly_kwh(population) for name, population in scenario.populations.items()}
    name = max(energy, key=lambda key: energy[key])
    if sum(energy.values()) * 1e6 > LARGEST:
        message = (
            f"about {sum(energy.values()):.3g} kWh a year, generation included; allowed {LARGEST / 1e6:.3g}, the range "
            "of the energy book; lower count, consumption or PV"
        )
        return [((name,), message)]
    turnover = sum(
        energy[name] * _highest_price(scenario, population)
        + population.count * DAYS_A_YEAR * _tariff(scenario, population).standing_per_day
        for name, population in scenario.populations.items()
    )
    if turnover * 1e6 > LARGEST:
        message = (
            f"a yearly turnover of up to {turnover:.3g} {scenario.currency}; allowed {LARGEST / 1e6:.3g}, the range of "
            f"the ledger; choose a larger money unit, such as thousands of {scenario.currency}, and give prices in it"
        )
        return [(("currency",), message)]
    return []


def _yearly_kwh(population: Households | Firms | Farms) -> float:
    generated = population.pv_share * population.pv_kwp * population.pv_yield_kwh_per_kwp
    return population.count * (population.mean_annual_kwh + generated)


def _highest_price(scenario: ScenarioModel, population: Households | Firms | Farms) -> float:
    # No price that a member accepts online is above the retail price.
    tariff = _tariff(scenario, population)
    retail = float(tariff.energy_prices.max()) + tariff.network_per_kwh + tariff.levy_per_kwh
    return max(retail, scenario.generators.import_price_per_kwh, scenario.tariffs.feed_in.price_per_kwh)
