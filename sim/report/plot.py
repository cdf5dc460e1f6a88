"""All figures by one name each: what users reach as ``gridagora.plot``."""

from gridagora.sim.report.figures import (
    auction_curve,
    bill_distribution,
    day,
    load_by_source,
    prices,
    who_paid_whom,
)
from gridagora.sim.report.market_figures import area_prices, mechanism_comparison, supply_and_demand
from gridagora.sim.report.network_figures import price_map, price_parts
from gridagora.sim.report.order_book_figures import order_book_depth, price_convergence

__all__ = [
    "area_prices",
    "auction_curve",
    "bill_distribution",
    "day",
    "load_by_source",
    "mechanism_comparison",
    "order_book_depth",
    "price_convergence",
    "price_map",
    "price_parts",
    "prices",
    "supply_and_demand",
    "who_paid_whom",
]
