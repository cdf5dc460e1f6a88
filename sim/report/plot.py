"""All figures by one name each: what users reach as ``gridagora.plot``."""

from gridagora.sim.report.canvas_sheet import business_canvas
from gridagora.sim.report.cash_figures import cumulative_cash, risk_fan
from gridagora.sim.report.figures import (
    auction_curve,
    bill_distribution,
    day,
    load_by_source,
    prices,
    who_paid_whom,
)
from gridagora.sim.report.market_figures import area_prices, mechanism_comparison, supply_and_demand
from gridagora.sim.report.mediation_figures import mediation
from gridagora.sim.report.network_figures import price_map, price_parts
from gridagora.sim.report.order_book_figures import order_book_depth, price_convergence
from gridagora.sim.report.response_figures import peak_reduction
from gridagora.sim.report.sensitivity_figures import convergence, morris, paired, response_surface, sensitivity
from gridagora.sim.report.stakeholders import stakeholder_flows, stakeholder_map, stakeholder_matrix
from gridagora.sim.report.tariff_figures import (
    bill_change,
    load_before_after,
    menu_choice,
    price_rounds,
    price_trials,
    tariff_shares,
)
from gridagora.sim.report.waterfall_figures import account_waterfall, cash_waterfall

__all__ = [
    "account_waterfall",
    "area_prices",
    "auction_curve",
    "bill_change",
    "bill_distribution",
    "business_canvas",
    "cash_waterfall",
    "convergence",
    "cumulative_cash",
    "day",
    "load_before_after",
    "load_by_source",
    "mechanism_comparison",
    "mediation",
    "menu_choice",
    "morris",
    "order_book_depth",
    "paired",
    "peak_reduction",
    "price_convergence",
    "price_map",
    "price_parts",
    "price_rounds",
    "price_trials",
    "prices",
    "response_surface",
    "risk_fan",
    "sensitivity",
    "stakeholder_flows",
    "stakeholder_map",
    "stakeholder_matrix",
    "supply_and_demand",
    "tariff_shares",
    "who_paid_whom",
]
