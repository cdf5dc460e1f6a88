"""Checks of a whole scenario that its sections cannot make: refusals, and warnings about what is hardly meant."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gridagora.markets.tariffs import Tariff
    from gridagora.scenarios.schema import ScenarioModel
    from gridagora.scenarios.schema_population import Farms, Firms, Households

DAYS_A_YEAR = 366
DAY_TYPES = ("workday", "saturday", "sunday")
LARGEST = 2**62

Fault = tuple[tuple[str | int, ...], str]


#: What a run keeps for a member while it is built and run, without its price classes [bytes].
BYTES_PER_MEMBER = 192
#: What each price class of its tariff adds [bytes].
BYTES_PER_CLASS = 8


def memory_of_machine() -> int:
    """Return the physical memory [bytes]."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def faults(scenario: ScenarioModel, processors: int, memory: int) -> list[Fault]:
    """Return the path and message of each reason to refuse the scenario on this machine.

    Parameters
    ----------
    scenario : ScenarioModel
        Scenario whose sections are valid on their own.
    processors : int
        Processors of the machine.
    memory : int
        Physical memory of the machine [bytes].
    """
    return [
        *_threads(scenario, processors),
        *(_windows(scenario) or _prices(scenario)),
        *_pool(scenario),
        *_ranges(scenario),
        *_memory(scenario, memory),
    ]


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


def memory_needed(scenario: ScenarioModel) -> dict[str, int]:
    """Return an estimate of what a run needs for its members [bytes], by population."""
    return {
        name: population.count * (BYTES_PER_MEMBER + BYTES_PER_CLASS * len(_tariff(scenario, population).energy_prices))
        for name, population in scenario.populations.items()
    }


def _memory(scenario: ScenarioModel, memory: int) -> list[Fault]:
    """Refuse what cannot fit, before anything is allocated."""
    needed = memory_needed(scenario)
    if sum(needed.values()) <= memory:
        return []
    name = max(needed, key=lambda key: needed[key])
    message = (
        f"given {scenario.populations[name].count} members; a run needs about {sum(needed.values()) / 1e9:.3g} GB for "
        f"all members, the machine has {memory / 1e9:.3g} GB; lower count, or use a larger machine"
    )
    return [((name, "count"), message)]


def _pool(scenario: ScenarioModel) -> list[Fault]:
    """Refuse what the pool's rules cannot be combined with: ramps, start-up and storage couple periods."""
    generators, market = scenario.generators, scenario.market
    coupled = {
        "generators.ramp_per_hour": bool(generators.ramp_per_hour),
        "generators.start_up": bool(generators.start_up),
        "storages": bool(scenario.storages),
    }
    used = [name for name, present in coupled.items() if present]
    found: list[Fault] = []
    if market.method == "exact" and used:
        message = f"given exact, which clears each period alone; {', '.join(used)} couple periods: give auto or pyomo"
        found.append((("market", "method"), message))
    if scenario.storages and market.floor_per_kwh > 0:
        message = f"given {market.floor_per_kwh:g}; with storages allowed at most 0: a storage may keep its energy"
        found.append((("market", "floor_per_kwh"), message))
    priced = [name for name in used if name != "generators.ramp_per_hour"]
    if market.pool_rule == "regulated" and priced:
        message = f"given regulated, which has no price for {', '.join(priced)}: give uniform, or leave them out"
        found.append((("market", "pool_rule"), message))
    return found


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


def _prices(scenario: ScenarioModel) -> list[Fault]:
    """Refuse prices that members cannot answer: they do so relative to the price their profiles arose under."""
    periods = 24 * 60 // scenario.time.period_minutes
    found: list[Fault] = []
    for population in scenario.populations.values():
        tariff = _tariff(scenario, population)
        lowest = min(float(tariff.retail_price(day_type, periods).min()) for day_type in DAY_TYPES)
        path = ("tariffs", population.tariff)
        if tariff.reference_price(periods) <= 0:
            found.append((path, "given a retail price of 0; allowed above 0, or give reference_per_kwh"))
        elif lowest <= 0 and population.response == "log":
            found.append((path, "given a retail price of 0 in some period; response: log needs all above 0"))
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
