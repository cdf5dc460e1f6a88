"""What the manifest of a run says: all that is needed to run it again, and what it took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gridagora.scenarios.checkpoint import Saved
    from gridagora.scenarios.load import Scenario

#: How pool prices are found that are not those of the pool's own model.
_PRICE_RULES = {"regulated": "regulated unit prices", "given": "prices of market.pool_price"}


def manifest_of(saved: Saved, seconds: Mapping[str, float]) -> dict[str, Any]:
    """Return the manifest of a run whose days are simulated.

    Parameters
    ----------
    saved : Saved
        The run.
    seconds : mapping
        What each part of it took [s].
    """
    from gridagora.scenarios.registry import REGISTERED
    from gridagora.scenarios.run import versions

    model = saved.model
    scenario = model.scenario
    return {
        "scenario": scenario.name,
        "scenario_hash": scenario.hash,
        "seed": scenario.seed,
        "currency": scenario.currency,
        "applied": list(scenario.applied),
        "warnings": list(scenario.warnings),
        "data_files": scenario.data_files,
        "plugins": {f"{sort} {name}": home for (sort, name), home in sorted(REGISTERED.items())},
        "representative_days": _representative(scenario, model),
        "versions": dict(versions()),
        "price_rule": _PRICE_RULES.get(scenario.market.pool_rule, model.parts.pool.price_rule),
        "solver": model.parts.pool.solver,
        "resumed": saved.resumed,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }


def _representative(scenario: Scenario, model: Any) -> dict[str, Any] | None:
    """Return which days were simulated, how many days each stands for, and what that does to the load."""
    if scenario.time.representative_days is None:
        return None
    calendar, horizon = model.calendar, model.parts.horizon
    return {
        "days": [str(calendar.day(number).date) for number in horizon.days.tolist()],
        "weights": horizon.weights.tolist(),
        "years": scenario.time.representative_days.years,
        "energy_error": horizon.energy_error,
    }
