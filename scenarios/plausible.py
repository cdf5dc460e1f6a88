"""Checks of a whole scenario that its sections cannot make: refusals, and warnings about what is hardly meant."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from gridagora.scenarios import plausible_load
from gridagora.scenarios.plausible_adoption import adoption_faults
from gridagora.scenarios.plausible_business import business_faults
from gridagora.scenarios.plausible_customers import customer_bytes, customer_faults
from gridagora.scenarios.plausible_devices import device_bytes, device_faults, device_yearly_kwh
from gridagora.scenarios.plausible_hems import hems_bytes
from gridagora.scenarios.plausible_microgrid import export_warnings
from gridagora.scenarios.plausible_pricing import pricing_faults
from gridagora.scenarios.plausible_response import response_faults
from gridagora.scenarios.plausible_tariffs import (
    highest_energy,
    rebate_columns,
    tariff_faults,
    tariffs_of,
)

if TYPE_CHECKING:
    from gridagora.scenarios.schema import ScenarioModel

DAYS_A_YEAR = 366
LARGEST = 2**62

Fault = tuple[tuple[str | int, ...], str]


#: What a run keeps for a member while it is built and run, without its price classes [bytes].
BYTES_PER_MEMBER = 192
#: Least energy of a pool storage, with room for members that use less than the mean [kWh].
LEAST_STORED_KWH = 0.1
#: What an order that stands on its own adds while an auction clears [bytes].
BYTES_PER_ORDER = 200
#: What a member that learns adds: values of 30 margins, for buying and for selling [bytes].
BYTES_PER_LEARNER = 500
#: What each price class of its tariff adds [bytes].
BYTES_PER_CLASS = 8

#: Why a rule of the pool cannot price what couples periods.
_NOT_THEIRS = {"regulated": "which has no price for", "given": "whose prices are not those that dispatch"}


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
        *(tariff_faults(scenario) or response_faults(scenario)),
        *_pool(scenario),
        *_given(scenario),
        *_storages(scenario),
        *_network(scenario),
        *_audit(scenario),
        *_costs(scenario),
        *_ranges(scenario),
        *plausible_load.faults(scenario),
        *device_faults(scenario),
        *customer_faults(scenario),
        *adoption_faults(scenario),
        *pricing_faults(scenario),
        *business_faults(scenario),
        *_memory(scenario, memory),
    ]


def warnings(scenario: ScenarioModel) -> list[str]:
    """Return what is allowed but hardly meant."""
    return [*_without_trade(scenario), *export_warnings(scenario)]


def _without_trade(scenario: ScenarioModel) -> list[str]:
    """Return a warning of an online auction in which no one can trade."""
    market = scenario.market
    only_members = market.online_sellers == market.online_buyers == "members"
    if not (market.online and only_members):
        return []
    buyer = max(
        highest_energy(tariff) + tariff.network_per_kwh - market.wheeling_per_kwh - market.fee_buyer_per_kwh
        for population in scenario.groups.values()
        for tariff in tariffs_of(scenario, population)
    )
    seller = max(scenario.tariffs.feed_in.price_per_kwh, 0.0) + market.fee_seller_per_kwh
    if buyer >= seller:
        return []
    return [
        f"nothing will trade online: buyers pay up to {buyer:.4g} {scenario.currency}/kWh (energy + network - wheeling "
        f"- fee), sellers ask from {seller:.4g} (feed-in + fee); lower market.wheeling_per_kwh or "
        "tariffs.feed_in.price_per_kwh, or set market.online: false"
    ]


def _threads(scenario: ScenarioModel, processors: int) -> list[Fault]:
    if scenario.threads <= processors:
        return []
    message = f"given {scenario.threads}; allowed 1 to {processors} on this machine; results do not depend on it"
    return [(("threads",), message)]


def _columns(scenario: ScenarioModel, population: Any) -> int:
    """Return the columns of 8 bytes that a member's tariffs need."""
    tariffs = tariffs_of(scenario, population)
    registers = {name for tariff in tariffs for name in tariff.registers}
    history = max((rebate_columns(tariff, scenario.time.period_minutes) for tariff in tariffs), default=0)
    return max(len(tariff.classes) for tariff in tariffs) + 2 * len(registers) + history


def memory_needed(scenario: ScenarioModel) -> dict[str, int]:
    """Return an estimate of what a run needs for its members [bytes], by population."""
    one_by_one = BYTES_PER_ORDER if scenario.order_by_order else 0
    return {
        name: population.count
        * (
            BYTES_PER_MEMBER
            + device_bytes(population)
            + hems_bytes(scenario, population)
            + customer_bytes(scenario, population)
            + one_by_one
            + BYTES_PER_CLASS * _columns(scenario, population)
            + round(BYTES_PER_LEARNER * population.strategies.learning)
        )
        for name, population in scenario.groups.items()
    }


def _memory(scenario: ScenarioModel, memory: int) -> list[Fault]:
    """Refuse what cannot fit, before anything is allocated."""
    needed = memory_needed(scenario)
    if sum(needed.values()) <= memory:
        return []
    name = max(needed, key=lambda key: needed[key])
    message = (
        f"given {scenario.groups[name].count} members; a run needs about {sum(needed.values()) / 1e9:.3g} GB for "
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
    if market.pool_rule in _NOT_THEIRS and priced:
        why = f"{_NOT_THEIRS[market.pool_rule]} {', '.join(priced)}"
        message = f"given {market.pool_rule}, {why}: give uniform, or leave them out"
        found.append((("market", "pool_rule"), message))
    return found


def _given(scenario: ScenarioModel) -> list[Fault]:
    """Refuse prices without the rule that pays them, and the rule without prices."""
    market = scenario.market
    if market.pool_rule == "given" and market.pool_price is None:
        return [(("market", "pool_price"), "missing, with pool_rule given; describe a file of prices, or give uniform")]
    if market.pool_rule != "given" and market.pool_price is not None:
        message = (
            f"given with pool_rule {market.pool_rule}, which does not use it; set pool_rule: given, or leave it out"
        )
        return [(("market", "pool_price"), message)]
    return []


def _storages(scenario: ScenarioModel) -> list[Fault]:
    """Refuse storages of next to nothing, by the mean load, which no peak is below."""
    groups: list[Any] = list(scenario.groups.values())
    mean_kw = sum(group.count * group.mean_annual_kwh for group in groups) / (24 * DAYS_A_YEAR)
    found: list[Fault] = []
    for number, storage in enumerate(scenario.storages):
        least = LEAST_STORED_KWH / max(mean_kw * storage.hours_of_power, 1e-300)
        if storage.power_to_peak < least:
            message = (
                f"given {storage.power_to_peak:g}, which at a mean load of {mean_kw:.3g} kW and "
                f"{storage.hours_of_power:g} hours holds less than {LEAST_STORED_KWH} kWh; allowed at least {least:.3g}"
            )
            found.append((("storages", number, "power_to_peak"), message))
    return found


def _network(scenario: ScenarioModel) -> list[Fault]:
    """Refuse what the markets on a grid cannot be combined with."""
    network, generators, market = scenario.network, scenario.generators, scenario.market
    found: list[Fault] = []
    if network.kind in ("dc", "transport"):
        options = {"ramp_per_hour": generators.ramp_per_hour, "start_up": generators.start_up}
        used = [f"generators.{name}" for name, given in options.items() if given]
        if used:
            message = f"given {network.kind}, whose pool has no {' and no '.join(used)}: give copperplate"
            found.append((("network", "kind"), message))
        if market.pool_rule in _NOT_THEIRS:
            message = (
                f"given {market.pool_rule} with network {network.kind}, whose areas have prices of their own: "
                "give uniform"
            )
            found.append((("market", "pool_rule"), message))
        if market.method == "exact":
            message = f"given exact with network {network.kind}, which only the model clears: give auto or pyomo"
            found.append((("market", "method"), message))
    if network.kind == "lin_dist_flow":
        if not market.online:
            message = "given lin_dist_flow, on which members trade online, with market.online false: give copperplate"
            found.append((("network", "kind"), message))
        if market.mechanism not in ("uniform_price", "continuous"):
            message = f"given {market.mechanism} with network lin_dist_flow; allowed there: uniform_price, continuous"
            found.append((("market", "mechanism"), message))
        if market.method == "exact":
            message = "given exact with network lin_dist_flow, which only the model clears: give auto or pyomo"
            found.append((("market", "method"), message))
    return found


def _audit(scenario: ScenarioModel) -> list[Fault]:
    """Refuse an audit where there is no second way to clear."""
    market = scenario.market
    if not (market.audit and scenario.order_by_order):
        return []
    message = (
        f"given {market.audit}; a second solution exists for uniform_price on a copperplate without members that learn "
        "only: give 0"
    )
    return [(("market", "audit"), message)]


def _costs(scenario: ScenarioModel) -> list[Fault]:
    """Refuse offers that the pool does not take: at or below its floor, or above its cap."""
    from gridagora.scenarios.inputs import fleet_once

    generators, market = scenario.generators, scenario.market
    found: list[Fault] = []
    price = generators.import_price_per_kwh
    if generators.import_capacity_to_peak > 0 and not market.floor_per_kwh < price <= market.cap_per_kwh:
        message = (
            f"given {price:g}; allowed above {market.floor_per_kwh:g} (market.floor_per_kwh) and at most "
            f"{market.cap_per_kwh:g} (market.cap_per_kwh)"
        )
        found.append((("generators", "import_price_per_kwh"), message))
    cost = fleet_once(generators.fleet, generators.costs, generators.blocks).cost_per_kwh
    if cost.min() <= market.floor_per_kwh:
        message = f"given {market.floor_per_kwh:g}; allowed below {cost.min():.4g}, the cost of the cheapest plant"
        found.append((("market", "floor_per_kwh"), message))
    if cost.max() > market.cap_per_kwh:
        message = f"given {market.cap_per_kwh:g}; allowed at least {cost.max():.4g}, the cost of the dearest plant"
        found.append((("market", "cap_per_kwh"), message))
    return found


def _ranges(scenario: ScenarioModel) -> list[Fault]:
    """Refuse what could pass the range of the integer books within a year."""
    energy = {name: _yearly_kwh(population) for name, population in scenario.groups.items()}
    name = max(energy, key=lambda key: energy[key])
    if sum(energy.values()) * 1e6 > LARGEST:
        message = (
            f"about {sum(energy.values()):.3g} kWh a year, generation included; allowed {LARGEST / 1e6:.3g}, the range "
            "of the energy book; lower count, consumption or PV"
        )
        return [((name,), message)]
    turnover = sum(
        energy[name] * _highest_price(scenario, population)
        + population.count * DAYS_A_YEAR * max(t.standing_per_day for t in tariffs_of(scenario, population))
        for name, population in scenario.groups.items()
    )
    if turnover * 1e6 > LARGEST:
        message = (
            f"a yearly turnover of up to {turnover:.3g} {scenario.currency}; allowed {LARGEST / 1e6:.3g}, the range of "
            f"the ledger; choose a larger money unit, such as thousands of {scenario.currency}, and give prices in it"
        )
        return [(("currency",), message)]
    return []


def given_price_fault(scenario: ScenarioModel, highest: float) -> str:
    """Return why prices of the pool up to `highest` [currency/kWh] could pass the range of the ledger, or nothing."""
    energy = sum(_yearly_kwh(population) for population in scenario.groups.values())
    most = LARGEST / 1e6 / energy
    if highest <= most:
        return ""
    return (
        f"given prices up to {highest:.3g} {scenario.currency}/kWh; with about {energy:.3g} kWh a year allowed "
        f"{most:.3g}, the range of the ledger; correct them, or the unit"
    )


def _yearly_kwh(population: Any) -> float:
    generated = population.pv_share * population.pv_kwp * population.pv_yield_kwh_per_kwp
    return float(population.count * (population.mean_annual_kwh + generated + device_yearly_kwh(population)))


def _highest_price(scenario: ScenarioModel, population: Any) -> float:
    # No price that a member accepts online is above the retail price.
    tariffs = tariffs_of(scenario, population)
    retail = max(highest_energy(tariff) + tariff.network_per_kwh + tariff.levy_per_kwh for tariff in tariffs)
    return max(retail, scenario.generators.import_price_per_kwh, scenario.tariffs.feed_in.price_per_kwh)
