"""Rules of trade: order books, mechanisms, pool, tariffs, settlement; knows no agent.

Names load on first use: numba and Pyomo cost half a second and more.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if __name__ != "gridagora.markets":  # a second copy of every class would break isinstance
    raise ImportError("import gridagora.markets, not markets: the folder is a part of the package gridagora")

if TYPE_CHECKING:
    from gridagora.markets.admission import admit
    from gridagora.markets.blocks.book import Block, BlockBook
    from gridagora.markets.blocks.clear import clear_blocks
    from gridagora.markets.clearing import MECHANISMS, clear
    from gridagora.markets.continuous.book import LimitOrderBook
    from gridagora.markets.continuous.rules import BookRules
    from gridagora.markets.day_ahead import DayAheadPool
    from gridagora.markets.incentives import Regret, regret
    from gridagora.markets.indicators import AuctionIndicators, auction_indicators
    from gridagora.markets.network.clearing import clear_network
    from gridagora.markets.network.grid import Network
    from gridagora.markets.orders import Clearing, InfeasibleMarket, OrderBook
    from gridagora.markets.pool_day import Offers, PoolResult
    from gridagora.markets.strategies.registry import STRATEGIES, strategy

_HOME = {
    "strategy": "gridagora.markets.strategies.registry",
    "STRATEGIES": "gridagora.markets.strategies.registry",
    "clear_blocks": "gridagora.markets.blocks.clear",
    "BlockBook": "gridagora.markets.blocks.book",
    "Block": "gridagora.markets.blocks.book",
    "BookRules": "gridagora.markets.continuous.rules",
    "LimitOrderBook": "gridagora.markets.continuous.book",
    "clear_network": "gridagora.markets.network.clearing",
    "Network": "gridagora.markets.network.grid",
    "MECHANISMS": "gridagora.markets.clearing",
    "admit": "gridagora.markets.admission",
    "clear": "gridagora.markets.clearing",
    "Regret": "gridagora.markets.incentives",
    "regret": "gridagora.markets.incentives",
    "AuctionIndicators": "gridagora.markets.indicators",
    "auction_indicators": "gridagora.markets.indicators",
    "DayAheadPool": "gridagora.markets.day_ahead",
    "Offers": "gridagora.markets.pool_day",
    "PoolResult": "gridagora.markets.pool_day",
    "Clearing": "gridagora.markets.orders",
    "InfeasibleMarket": "gridagora.markets.orders",
    "OrderBook": "gridagora.markets.orders",
}
__all__ = [
    "MECHANISMS",
    "STRATEGIES",
    "AuctionIndicators",
    "Block",
    "BlockBook",
    "BookRules",
    "Clearing",
    "DayAheadPool",
    "InfeasibleMarket",
    "LimitOrderBook",
    "Network",
    "Offers",
    "OrderBook",
    "PoolResult",
    "Regret",
    "admit",
    "auction_indicators",
    "clear",
    "clear_blocks",
    "clear_network",
    "regret",
    "strategy",
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
