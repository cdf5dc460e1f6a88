"""Checks of prices against the way in which members answer them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gridagora.scenarios.plausible_tariffs import days_of, paths_of

if TYPE_CHECKING:
    from gridagora.markets.tariffs import Tariff
    from gridagora.scenarios.plausible import Fault
    from gridagora.scenarios.schema import ScenarioModel


def response_faults(scenario: ScenarioModel) -> list[Fault]:
    """Return the reasons to refuse a scenario for prices that its members cannot answer.

    Members answer relative to the price that their profiles arose under, which must lie above 0; all forms but the
    linear one take prices above 0 only, on every day of the run.

    Parameters
    ----------
    scenario : ScenarioModel
        Scenario whose sections are valid on their own, and whose tariffs have a class in every settlement period.
    """
    periods = 24 * 60 // scenario.time.period_minutes
    found: list[Fault] = []
    for name, population in scenario.groups.items():
        if population.conservation and not population.load_neutral:
            message = f"given {population.conservation:g} without load_neutral; allowed 0, or give load_neutral: true"
            found.append(((name, "conservation"), message))
        for path, tariff in paths_of(scenario, population):
            if tariff.reference_price(periods) <= 0:
                found.append((path, "given a retail price of 0; allowed above 0, or give reference_per_kwh"))
            elif population.response != "linear":
                found += [(path, message) for message in _lowest(scenario, population, tariff, periods)]
    return found


def _lowest(scenario: ScenarioModel, population: Any, tariff: Tariff, periods: int) -> list[str]:
    """Refuse a tariff with a price of 0 or below in some period."""
    if population.perceived_price == "average":
        return []  # a bill over its energy, which the run knows
    market, every = scenario.market, tariff.network_per_kwh + tariff.levy_per_kwh
    if not tariff.follows_pool:
        if every + min(float(tariff.energy_on(day, periods).min()) for day in days_of(scenario)) > 0:
            return []
        return [f"given a retail price of 0 in some period; response: {population.response} needs all above 0"]
    # An own file of pool prices has no floor but the tariff's.
    pool = np.full(periods, -1e9 if market.pool_rule == "given" else market.floor_per_kwh)
    lowest = every + float(tariff.energy_on(days_of(scenario)[0], periods, pool).min())
    if lowest > 0:
        return []
    return [
        f"given retail prices down to {lowest:.4g}; response: {population.response} needs all above 0: raise "
        "floor_per_kwh of the tariff, or choose response: linear"
    ]
