"""The market models in Pyomo and their solution with HiGHS.

A model is put together by verbs (``build_*``) from components named ``variable_*``, ``constraint_*`` and
``objective_*``. Models minimise cost less value, and balances read supply - demand, so that a balance's dual is
the price with its own sign (C2.1). The dual is one point of the price interval and never reported: the interval
is worked out from the awards (P1), and a dual outside it stops the run.

Orders at one price and side are merged to price steps before they reach Pyomo. The solver cannot tell prices apart
that differ by less than 1e-9 currency/kWh, nor a step below 2^-46 of the book from nothing; the exact path can.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyomo.environ as pyo

from gridagora.markets.merit_order import DUST, at_one_price, fixed_point, interval_of_awards
from gridagora.markets.orders import BUY, SELL, Clearing, FloatArray, OrderBook
from gridagora.markets.solver import PersistentSolver, refuse_outside

LEAST_STEP = 2**14  # of the 2^59 to 2^60 units of a book


def build_welfare_model(bid_steps: int, ask_steps: int) -> Any:
    """Return the single-node welfare model (C2.1) for price steps whose data come later.

    Parameters
    ----------
    bid_steps, ask_steps : int
        Number of price steps on each side, at least 1.

    Returns
    -------
    pyomo ConcreteModel
        Parameters `bid_price` and `ask_price` [currency/kWh]; the bounds of the variables are the quantities of
        the steps; `objective_volume` is inactive, for the second stage.
    """
    model = pyo.ConcreteModel("welfare")
    model.bids = pyo.RangeSet(0, bid_steps - 1)
    model.asks = pyo.RangeSet(0, ask_steps - 1)
    model.bid_price = pyo.Param(model.bids, mutable=True, initialize=0.0)
    model.ask_price = pyo.Param(model.asks, mutable=True, initialize=0.0)
    model.variable_bought = pyo.Var(model.bids, bounds=(0.0, 0.0))
    model.variable_sold = pyo.Var(model.asks, bounds=(0.0, 0.0))
    sold, bought = pyo.quicksum(model.variable_sold.values()), pyo.quicksum(model.variable_bought.values())
    model.constraint_balance = pyo.Constraint(expr=sold - bought == 0)
    cost = pyo.sum_product(model.ask_price, model.variable_sold, index=model.asks)
    value = pyo.sum_product(model.bid_price, model.variable_bought, index=model.bids)
    model.objective_cost = pyo.Objective(expr=cost - value, sense=pyo.minimize)
    model.objective_volume = pyo.Objective(expr=-sold, sense=pyo.minimize)
    model.objective_volume.deactivate()
    return model


class WelfareOptimum(NamedTuple):
    """Solution of the welfare model; shares are exactly 0 and 1 where a step is rejected and filled.

    Attributes
    ----------
    bid_share, ask_share : ndarray, shape (bids,), (asks,)
        Accepted part of each price step.
    dual : float
        Dual of the balance, one point of the price interval. [currency/kWh]
    welfare : float
        Optimum of the solver. [currency]
    """

    bid_share: FloatArray
    ask_share: FloatArray
    dual: float
    welfare: float


class WelfareModel:
    """The welfare model with its solver, solved again and again with other price steps.

    The solver's tolerances are absolute, so quantities are handed over in a unit of which the market holds 2^15
    to 2^16.

    Parameters
    ----------
    bid_steps, ask_steps : int
        Most price steps on each side; steps that are not used get quantity 0.
    """

    def __init__(self, bid_steps: int, ask_steps: int) -> None:
        self.model = build_welfare_model(bid_steps, ask_steps)
        self._solver = PersistentSolver(self.model)
        self._bids = list(self.model.variable_bought.values())
        self._asks = list(self.model.variable_sold.values())
        self._bought, self._sold = self._solver.columns(self._bids), self._solver.columns(self._asks)
        self._balance = self._solver.rows([self.model.constraint_balance])

    def solve(
        self, bid_price: FloatArray, bid_quantity: FloatArray, ask_price: FloatArray, ask_quantity: FloatArray
    ) -> WelfareOptimum:
        """Return the awards of highest welfare and, among those, of largest volume.

        Parameters
        ----------
        bid_price, ask_price : ndarray, shape (bids,), (asks,)
            Prices of the steps. [currency/kWh]
        bid_quantity, ask_quantity : ndarray, shape (bids,), (asks,)
            Quantities, above 0. [kWh]

        Raises
        ------
        InfeasibleMarket
            If HiGHS does not end at an optimum.
        """
        exponent = 16 - int(np.frexp(float(bid_quantity.sum() + ask_quantity.sum()))[1])
        demand, supply = np.ldexp(bid_quantity, exponent), np.ldexp(ask_quantity, exponent)
        self._solver.forget()
        _set_steps(self.model.bid_price, self._bids, bid_price, demand)
        _set_steps(self.model.ask_price, self._asks, ask_price, supply)
        welfare = -self._solver.solve(self._bids + self._asks)
        dual = float(self._solver.duals(self._balance)[0])
        bid_share, ask_share = self._shares(demand, supply)
        at_dual = 5e-10 * max(1.0, abs(dual))
        spare_bids = (bid_share < 1) & (np.abs(bid_price - dual) <= at_dual)
        spare_asks = (ask_share < 1) & (np.abs(ask_price - dual) <= at_dual)
        if spare_bids.any() and spare_asks.any():
            self._restrict(self._bids, bid_price - dual, demand, at_dual)
            self._restrict(self._asks, dual - ask_price, supply, at_dual)
            bid_share, ask_share = self._largest_volume(demand, supply)
        return WelfareOptimum(bid_share, ask_share, dual, float(np.ldexp(welfare, -exponent)))

    def _restrict(self, variables: list[Any], gain: FloatArray, quantity: FloatArray, at_dual: float) -> None:
        """Bound the variables to the optimal face, which complementary slackness describes."""
        for variable, better, most in zip(variables, gain.tolist(), quantity.tolist(), strict=False):
            variable.setlb(most if better > at_dual else 0.0)
            variable.setub(0.0 if better < -at_dual else most)

    def _largest_volume(self, demand: FloatArray, supply: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the shares of largest volume on the optimal face; the objective of the next solve is the cost."""
        try:
            self._solver.solve(self._bids + self._asks, self.model.objective_volume)
            return self._shares(demand, supply)
        finally:
            self._solver.set_objective(self.model.objective_cost)

    def _shares(self, demand: FloatArray, supply: FloatArray) -> tuple[FloatArray, FloatArray]:
        bought, sold = self._solver.values(self._bought[: len(demand)], self._sold[: len(supply)])
        dust = max(1e-9, DUST * float(bought.sum()))
        bid_share, ask_share = _snap(bought, demand, dust), _snap(sold, supply, dust)
        # The one step that is cut follows from the steps that are not: no digit depends on the solver's path.
        bid_cut, ask_cut = (np.flatnonzero((share > 0) & (share < 1)) for share in (bid_share, ask_share))
        surplus = supply[ask_share == 1].sum() - demand[bid_share == 1].sum()
        if len(bid_cut) == 1 and len(ask_cut) == 0:
            bid_share[bid_cut] = surplus / demand[bid_cut]
        elif len(ask_cut) == 1 and len(bid_cut) == 0:
            ask_share[ask_cut] = -surplus / supply[ask_cut]
        return bid_share, ask_share


def _set_steps(parameter: Any, variables: list[Any], price: FloatArray, quantity: FloatArray) -> None:
    unused = [0.0] * (len(variables) - len(price))
    for i, value in enumerate(price.tolist() + unused):
        parameter[i].value = value
    for variable, most in zip(variables, quantity.tolist() + unused, strict=True):
        variable.setlb(0.0)
        variable.setub(most)


def _snap(award: FloatArray, quantity: FloatArray, dust: float) -> FloatArray:
    """Return accepted parts, 0 or 1 within `dust` of an end."""
    share = award / quantity
    share[award <= np.minimum(dust, quantity / 2)] = 0.0
    share[award >= np.maximum(quantity - dust, quantity / 2)] = 1.0
    return share


@lru_cache(maxsize=8)
def _welfare_model(bid_steps: int, ask_steps: int) -> WelfareModel:
    return WelfareModel(bid_steps, ask_steps)


def clear_welfare(book: OrderBook, k: float = 0.5) -> Clearing:
    """Clear a book at one node and one uniform price with Pyomo and HiGHS.

    The rules are those of :mod:`gridagora.markets.merit_order`, the price comes from the awards.

    Parameters
    ----------
    book : OrderBook
        Orders; areas are not looked at.
    k : float
        Position of the price in the interval.

    Returns
    -------
    Clearing
        With method "pyomo".

    Raises
    ------
    InfeasibleMarket
        If HiGHS does not end at an optimum.
    RuntimeError
        If the solver's price contradicts the awards.
    ValueError
        If `k` is outside [0, 1].
    """
    units, exponent = fixed_point(book.quantity)
    sides = []
    for code in (BUY, SELL):
        orders = np.flatnonzero(book.side == code)
        price, step = np.unique(book.price[orders], return_inverse=True)
        quantity = np.zeros(len(price), dtype=np.int64)
        np.add.at(quantity, step, units[orders])
        solid = quantity >= LEAST_STEP
        sides.append((orders, step, solid, price[solid], np.ldexp(quantity[solid].astype(np.float64), -exponent)))
    (bid_price, demand), (ask_price, supply) = (side[3:] for side in sides)
    # Room for a power of two of steps, so that few models serve auctions of all sizes.
    room = (1 << max(3, (len(steps) - 1).bit_length()) for steps in (bid_price, ask_price))
    optimum = _welfare_model(*room).solve(bid_price, demand, ask_price, supply)
    share = np.zeros(len(book))
    for (orders, step, solid, *_), solid_share in zip(sides, optimum[:2], strict=True):
        step_share = np.zeros(len(solid))
        step_share[solid] = solid_share
        share[orders] = step_share[step]
    ends = interval_of_awards(
        bid_price,
        optimum.bid_share < 1,
        optimum.bid_share > 0,
        ask_price,
        optimum.ask_share < 1,
        optimum.ask_share > 0,
    )
    interval = (float(ends[0]), float(ends[1]))
    refuse_outside(optimum.dual, *interval)
    if not np.isfinite(interval).all():
        interval = (np.nan, np.nan)
    return at_one_price(book, share * book.quantity, interval, k, "pyomo")
