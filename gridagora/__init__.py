"""GridAgora: agent-based simulation of electricity markets and power business models.

Names load on first use, so that ``gridagora --help`` answers at once: numba and Mesa cost half a second each.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gridagora.markets.orders import InfeasibleMarket
    from gridagora.scenarios.business_case import business_case
    from gridagora.scenarios.compare import compare
    from gridagora.scenarios.load import Scenario, ScenarioError, load
    from gridagora.scenarios.mediation import mediation
    from gridagora.scenarios.price_search import break_even, search_prices
    from gridagora.scenarios.registry import register
    from gridagora.scenarios.run import Result, read, run
    from gridagora.scenarios.sensitivity import sensitivity
    from gridagora.scenarios.sensitivity_pairs import convergence, paired
    from gridagora.scenarios.sensitivity_surface import response_surface
    from gridagora.scenarios.simulation import Simulation
    from gridagora.scenarios.sweep import sweep
    from gridagora.scenarios.sweep_result import SweepResult, read_sweep
    from gridagora.sim.ledger import UnbalancedBooks
    from gridagora.sim.path_models import path_model
    from gridagora.sim.recursive_sem import recursive_sem
    from gridagora.sim.report import plot

_HOME = {
    "Scenario": "gridagora.scenarios.load",
    "ScenarioError": "gridagora.scenarios.load",
    "compare": "gridagora.scenarios.compare",
    "load": "gridagora.scenarios.load",
    "mediation": "gridagora.scenarios.mediation",
    "path_model": "gridagora.sim.path_models",
    "recursive_sem": "gridagora.sim.recursive_sem",
    "Result": "gridagora.scenarios.run",
    "read": "gridagora.scenarios.run",
    "register": "gridagora.scenarios.registry",
    "run": "gridagora.scenarios.run",
    "convergence": "gridagora.scenarios.sensitivity_pairs",
    "paired": "gridagora.scenarios.sensitivity_pairs",
    "response_surface": "gridagora.scenarios.sensitivity_surface",
    "sensitivity": "gridagora.scenarios.sensitivity",
    "Simulation": "gridagora.scenarios.simulation",
    "break_even": "gridagora.scenarios.price_search",
    "business_case": "gridagora.scenarios.business_case",
    "search_prices": "gridagora.scenarios.price_search",
    "SweepResult": "gridagora.scenarios.sweep_result",
    "read_sweep": "gridagora.scenarios.sweep_result",
    "sweep": "gridagora.scenarios.sweep",
    "InfeasibleMarket": "gridagora.markets.orders",
    "UnbalancedBooks": "gridagora.sim.ledger",
    "plot": "gridagora.sim.report.plot",
}
__all__ = [
    "InfeasibleMarket",
    "Result",
    "Scenario",
    "ScenarioError",
    "Simulation",
    "SweepResult",
    "UnbalancedBooks",
    "break_even",
    "business_case",
    "compare",
    "convergence",
    "load",
    "mediation",
    "paired",
    "path_model",
    "plot",
    "read",
    "read_sweep",
    "recursive_sem",
    "register",
    "response_surface",
    "run",
    "search_prices",
    "sensitivity",
    "sweep",
]
__version__ = _version("gridagora")


def __getattr__(name: str) -> Any:
    """Load a public name from its home on first use."""
    if name not in _HOME:
        raise AttributeError(f"gridagora has no name {name!r}; public names: {', '.join(__all__)}")
    home = import_module(_HOME[name])
    value = home if name == "plot" else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
