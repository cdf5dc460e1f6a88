"""The best offers of a seller that knows how the market clears: an MPEC as one MILP (model.md C8).

The seller chooses prices, the market answers with the welfare optimum on a DC network (C5.1). The answer is put as its
optimality conditions, with a binary for each complementary pair; the seller's revenue, a product of price and energy,
is replaced by what strong duality makes of it, which is linear. Where several clearings are optimal the seller gets the
one it likes best, so the profit is an upper bound that an offer just below the price attains in the limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo

from gridagora.markets.network.grid import Network
from gridagora.markets.orders import BUY, FloatArray, IntArray, OrderBook, read_only
from gridagora.markets.solver import PersistentSolver

_OPTIONS = {"mip_rel_gap": 0.0, "mip_abs_gap": 1e-9, "mip_feasibility_tolerance": 1e-9}
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class PriceMaker:
    """What a price-maker does and what follows.

    Attributes
    ----------
    offer : ndarray, shape (own,)
        Price of each own order, in the order of the book; its area's price where it sells [currency/kWh].
    sold : ndarray, shape (own,)
        Energy sold by it [kWh].
    accepted : ndarray, shape (orders,)
        Awards of the whole book [kWh].
    price : ndarray, shape (areas,)
        Prices of the areas, in the network's order [currency/kWh].
    profit : float
        Revenue less cost of the own orders [currency].
    """

    offer: FloatArray
    sold: FloatArray
    accepted: FloatArray
    price: FloatArray
    profit: float


def best_offers(
    book: OrderBook, network: Network, agent: Any, cap: float, hours: float = 1.0, most_dual: float | None = None
) -> PriceMaker:
    """Return the offers of highest profit of one agent while all others keep theirs.

    Parameters
    ----------
    book : OrderBook
        Orders with area and agent; the agent's own stand at their true marginal costs. A load that takes any price
        is a bid at the cap.
    network : Network
        Of kind "dc".
    agent : object
        Whose offers to choose; all its orders must sell.
    cap : float
        Highest price that may be offered [currency/kWh].
    hours : float
        Length of the period, which makes energy of the lines' power [h].
    most_dual : float, optional
        Bound of every price and shadow price; ten times the highest price in sight without it [currency/kWh].

    Returns
    -------
    PriceMaker

    Raises
    ------
    InfeasibleMarket
        If HiGHS does not end at an optimum.
    RuntimeError
        If a shadow price comes near its bound, so that the bound and not the market may have decided.
    ValueError
        If areas or agents are missing, the agent has no order or buys, the cap lies below a cost, or the network is
        not of kind "dc".
    """
    own = _own_orders(book, network, agent, cap)
    bound = most_dual if most_dual is not None else 10.0 * max(float(np.abs(book.price).max()), abs(cap))
    model = build_price_maker_model(book, network, own, cap, hours, bound)
    solver = PersistentSolver(model, **_OPTIONS)
    highest = -solver.solve()
    offer, accepted, price, *pairs = solver.values(
        *(
            solver.columns(list(variables.values()))
            for variables in (
                model.variable_offer,
                model.variable_accepted,
                model.variable_price,
                model.variable_full,
                model.variable_empty,
                model.variable_rent,
            )
        )
    )
    if max(np.abs(column).max(initial=0.0) for column in (price, *pairs)) > 0.99 * bound:
        raise RuntimeError(f"price maker: a shadow price reached its bound of {bound} currency/kWh; raise most_dual")
    accepted = np.clip(accepted, 0.0, book.quantity)
    at = price[network.area_index(_areas(book)[own])]
    profit = float(np.sum((at - book.price[own]) * accepted[own]))
    if abs(profit - highest) > _TOLERANCE * max(1.0, abs(highest)):
        raise RuntimeError(
            f"price maker: revenue from prices {profit}, by strong duality {highest}; lower most_dual from {bound} to "
            "little more than the highest shadow price"
        )
    # What sells can ask its area's price: any lower offer sells the same, and this one leaves no other price.
    offer = np.where(accepted[own] > 0, np.minimum(at, cap), offer)
    return PriceMaker(read_only(offer), read_only(accepted[own]), read_only(accepted), read_only(price), profit)


def _areas(book: OrderBook) -> Any:
    if book.area is None or book.agent is None:
        raise ValueError("price maker: the book needs the columns area and agent")
    return book.area


def _own_orders(book: OrderBook, network: Network, agent: Any, cap: float) -> IntArray:
    _areas(book)
    own = np.flatnonzero(book.agent == agent)
    if network.kind != "dc":
        raise ValueError(f"price maker: network of kind {network.kind!r}; allowed 'dc', whose duals are its prices")
    if not len(own) or np.any(book.side[own] == BUY):
        raise ValueError(f"price maker: agent {agent!r} must have orders, and all of them must sell")
    if cap < book.price[own].max():
        raise ValueError(f"price maker: cap {cap} lies below the agent's cost {book.price[own].max()}")
    return own


def build_price_maker_model(
    book: OrderBook, network: Network, own: IntArray, cap: float, hours: float, bound: float
) -> Any:
    """Return the MILP: primal and dual of the market, complementarity, and the seller's profit.

    Parameters
    ----------
    book, network, cap, hours
        As in :func:`best_offers`.
    own : ndarray of int64, shape (own,)
        Positions of the agent's orders.
    bound : float
        Most of any price and shadow price [currency/kWh].

    Returns
    -------
    pyomo ConcreteModel
    """
    model = pyo.ConcreteModel("price maker")
    lines = len(network.line_names)
    limited = np.flatnonzero(np.isfinite(network.limit_kw)).tolist()
    model.orders, model.own = pyo.RangeSet(0, len(book) - 1), pyo.Set(initialize=own.tolist())
    model.areas, model.lines = pyo.RangeSet(0, len(network.areas) - 1), pyo.RangeSet(0, lines - 1)
    model.ends = pyo.Set(initialize=[(line, way) for line in limited for way in (1, -1)], dimen=2)
    model.variable_offer = pyo.Var(model.own, bounds=lambda m, i: (min(book.price[i], 0.0), cap))
    model.variable_accepted = pyo.Var(model.orders, bounds=lambda m, i: (0.0, book.quantity[i]))
    model.variable_flow = pyo.Var(model.lines)
    model.variable_angle = pyo.Var(model.areas)
    model.variable_price = pyo.Var(model.areas, bounds=(-bound, bound))
    model.variable_full = pyo.Var(model.orders, bounds=(0.0, bound))
    model.variable_empty = pyo.Var(model.orders, bounds=(0.0, bound))
    model.variable_rent = pyo.Var(model.ends, bounds=(0.0, bound))
    model.variable_loop = pyo.Var(model.lines)
    _add_primal(model, book, network, hours)
    _add_dual(model, book, network, hours)
    _add_complementarity(model, book, network.limit_kw * hours, bound)
    _add_profit(model, book, network.limit_kw * hours, own)
    return model


def _add_primal(model: Any, book: OrderBook, network: Network, hours: float) -> None:
    """Add the market's own constraints (C5.1)."""
    place = network.area_index(_areas(book))
    start, end = network.line_from, network.line_to
    across = network.base_kva * hours / network.x

    def balance(m: Any, n: int) -> Any:
        orders = np.flatnonzero(place == n).tolist()
        net = sum(-int(book.side[i]) * m.variable_accepted[i] for i in orders)
        out = sum(m.variable_flow[line] for line in np.flatnonzero(start == n).tolist())
        back = sum(m.variable_flow[line] for line in np.flatnonzero(end == n).tolist())
        return net - out + back == 0

    def flow(m: Any, line: int) -> Any:
        angle = m.variable_angle[int(start[line])] - m.variable_angle[int(end[line])]
        return m.variable_flow[line] == across[line] * angle

    model.constraint_balance = pyo.Constraint(model.areas, rule=balance)
    model.constraint_flow = pyo.Constraint(model.lines, rule=flow)
    model.variable_angle[network.slack].fix(0.0)


def _add_dual(model: Any, book: OrderBook, network: Network, hours: float) -> None:
    """Add stationarity: of each order, of each flow and of each angle (P2)."""
    place = network.area_index(_areas(book))
    start, end = network.line_from, network.line_to
    across = network.base_kva * hours / network.x

    def order(m: Any, i: int) -> Any:
        limit = m.variable_offer[i] if i in m.own else float(book.price[i])
        gap = int(book.side[i]) * (m.variable_price[int(place[i])] - limit)
        return gap + m.variable_full[i] - m.variable_empty[i] == 0

    def flow(m: Any, line: int) -> Any:
        gap = m.variable_price[int(start[line])] - m.variable_price[int(end[line])]
        rent = m.variable_rent[line, 1] - m.variable_rent[line, -1] if (line, 1) in m.ends else 0.0
        return gap + m.variable_loop[line] + rent == 0

    def angle(m: Any, n: int) -> Any:
        if n == network.slack:
            return pyo.Constraint.Skip
        out = sum(float(across[line]) * m.variable_loop[line] for line in np.flatnonzero(start == n).tolist())
        back = sum(float(across[line]) * m.variable_loop[line] for line in np.flatnonzero(end == n).tolist())
        return out - back == 0

    model.constraint_order = pyo.Constraint(model.orders, rule=order)
    model.constraint_line = pyo.Constraint(model.lines, rule=flow)
    model.constraint_angle = pyo.Constraint(model.areas, rule=angle)


def _add_complementarity(model: Any, book: OrderBook, limit: FloatArray, bound: float) -> None:
    """Add: a shadow price is above 0 only where its limit binds."""
    model.variable_is_full = pyo.Var(model.orders, domain=pyo.Binary)
    model.variable_is_empty = pyo.Var(model.orders, domain=pyo.Binary)
    model.variable_is_congested = pyo.Var(model.ends, domain=pyo.Binary)
    model.constraint_pairs = pyo.ConstraintList()
    add = model.constraint_pairs.add
    for i in model.orders:
        most, accepted = float(book.quantity[i]), model.variable_accepted[i]
        add(model.variable_full[i] <= bound * model.variable_is_full[i])
        add(accepted >= most * model.variable_is_full[i])
        add(model.variable_empty[i] <= bound * model.variable_is_empty[i])
        add(accepted <= most * (1 - model.variable_is_empty[i]))
    for line, way in model.ends:
        most, flow = float(limit[line]), way * model.variable_flow[line]
        add(flow <= most)
        add(model.variable_rent[line, way] <= bound * model.variable_is_congested[line, way])
        add(flow >= most - 2 * most * (1 - model.variable_is_congested[line, way]))


def _add_profit(model: Any, book: OrderBook, limit: FloatArray, own: IntArray) -> None:
    """Add the objective: revenue by strong duality, less true cost."""
    accepted, full = model.variable_accepted, model.variable_full
    others = np.setdiff1d(np.arange(len(book)), own).tolist()
    value = sum(int(book.side[i]) * float(book.price[i]) * accepted[i] for i in others)
    rents = sum(float(limit[line]) * model.variable_rent[line, way] for line, way in model.ends)
    revenue = value - sum(float(book.quantity[i]) * full[i] for i in others) - rents
    cost = sum(float(book.price[i]) * accepted[i] for i in own.tolist())
    model.objective_profit = pyo.Objective(expr=cost - revenue, sense=pyo.minimize)
