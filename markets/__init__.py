"""Rules of trade: order books, mechanisms, pool, tariffs, settlement; knows no agent.

Names load on first use: numba and Pyomo cost half a second and more.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if __name__ != "gridagora.markets":  # a second copy of every class would break isinstance
    raise ImportError("import gridagora.markets, not markets: the folder is a part of the package gridagora")

if TYPE_CHECKING:
    from gridagora.markets.clearing import MECHANISMS, clear
    from gridagora.markets.day_ahead import DayAheadPool
    from gridagora.markets.orders import Clearing, InfeasibleMarket, OrderBook
    from gridagora.markets.pool_day import Offers, PoolResult

_HOME = {
    "MECHANISMS": "gridagora.markets.clearing",
    "clear": "gridagora.markets.clearing",
    "DayAheadPool": "gridagora.markets.day_ahead",
    "Offers": "gridagora.markets.pool_day",
    "PoolResult": "gridagora.markets.pool_day",
    "Clearing": "gridagora.markets.orders",
    "InfeasibleMarket": "gridagora.markets.orders",
    "OrderBook": "gridagora.markets.orders",
}
__all__ = [
    "MECHANISMS",
    "Clearing",
    "DayAheadPool",
    "InfeasibleMarket",
    "Offers",
    "OrderBook",
    "PoolResult",
    "clear",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its home on first use."""
    if name not in _HOME:
        raise AttributeError(f"gridagora.markets has no name {name!r}; public names: {', '.join(__all__)}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
