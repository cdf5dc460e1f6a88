"""The network's welfare model in Pyomo: C5.1 (DC), C5.2 (LinDistFlow), transport, and C5.4 (storage).

The model knows the network and where each step is. Prices, quantities, limits and losses are data that
:class:`gridagora.markets.network.optimum.NetworkModel` passes to HiGHS as arrays before each solve: here all bounds
are 0 and all prices 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo

from gridagora.markets.network.grid import Network
from gridagora.markets.network.sensitivities import CORNERS
from gridagora.markets.orders import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where steps and storages are, and what does not change from solve to solve.

    Parameters
    ----------
    asks, bids, storages : ndarray of int64, shape (asks,), (bids,), (storages,)
        Their areas, as positions.
    slope : ndarray, shape (asks,)
        Rise of each ask's price with its award, 0 for a step. [currency/kWh^2]
    efficiency : ndarray, shape (storages,)
        Energy discharged over energy charged. [1]
    """

    asks: IntArray
    bids: IntArray
    storages: IntArray
    slope: FloatArray
    efficiency: FloatArray


def build_network_model(network: Network, places: Places, periods: int = 1) -> Any:
    """Return the welfare model of a network.

    Parameters
    ----------
    network : Network
        Areas and lines.
    places : Places
        Steps and storages.
    periods : int
        Settlement periods that are solved together.

    Returns
    -------
    pyomo ConcreteModel
        ``constraint_balance[t, n]`` reads sold - bought = net export, so its dual is the price of the area.
    """
    model = pyo.ConcreteModel(f"{network.kind} network")
    model.periods = pyo.RangeSet(0, periods - 1)
    for name, count in (
        ("areas", len(network.areas)),
        ("lines", len(network.line_from)),
        ("asks", len(places.asks)),
        ("bids", len(places.bids)),
        ("storages", len(places.storages)),
    ):
        model.add_component(name, pyo.RangeSet(0, count - 1))
    model.variable_sold = pyo.Var(model.periods, model.asks, bounds=(0.0, 0.0))
    model.variable_bought = pyo.Var(model.periods, model.bids, bounds=(0.0, 0.0))
    model.variable_flow = pyo.Var(model.periods, model.lines, bounds=(0.0, 0.0))
    add_storage(model, places)
    add_balance(model, network, places)
    if network.kind == "dc":
        add_angles(model, network)
    elif network.kind == "lin_dist_flow":
        add_reactive(model, network, places)
        add_voltages(model, network)
    model.sloped = pyo.Set(initialize=np.flatnonzero(places.slope).tolist())
    model.slope = pyo.Param(model.sloped, mutable=True, initialize=1.0)
    model.objective_cost = pyo.Objective(
        expr=pyo.quicksum(model.variable_sold.values())
        - pyo.quicksum(model.variable_bought.values())
        + pyo.quicksum(
            0.5 * model.slope[s] * model.variable_sold[t, s] ** 2 for t in model.periods for s in model.sloped
        ),
        sense=pyo.minimize,
    )
    return model


def at_areas(model: Any, places: IntArray) -> list[list[int]]:
    """Return for each area the entries of `places` that are in it."""
    members: list[list[int]] = [[] for _ in model.areas]
    for entry, area in enumerate(places.tolist()):
        members[area].append(entry)
    return members


def add_balance(model: Any, network: Network, places: Places) -> None:
    """Add the active balance of each area; its right-hand side takes line losses."""
    asks, bids, storages = (at_areas(model, column) for column in (places.asks, places.bids, places.storages))
    leaving, arriving = at_areas(model, network.line_from), at_areas(model, network.line_to)

    def balance(m: Any, t: int, n: int) -> Any:
        terms = [m.variable_sold[t, s] for s in asks[n]] + [-m.variable_bought[t, b] for b in bids[n]]
        terms += [m.variable_discharge[t, s] - m.variable_charge[t, s] for s in storages[n]]
        terms += [-m.variable_flow[t, line] for line in leaving[n]]
        terms += [m.variable_flow[t, line] for line in arriving[n]]
        return pyo.quicksum(terms) == 0.0

    model.constraint_balance = pyo.Constraint(model.periods, model.areas, rule=balance)


def add_angles(model: Any, network: Network) -> None:
    """Add the angles of the DC approximation (C5.1), in units in which the typical line has reactance 1."""
    typical = float(np.median(np.abs(network.x))) if len(network.x) else 1.0
    susceptance = (typical / network.x).tolist()
    first, second = network.line_from.tolist(), network.line_to.tolist()
    model.variable_angle = pyo.Var(model.periods, model.areas)
    for t in model.periods:
        model.variable_angle[t, network.slack].setlb(0.0)
        model.variable_angle[t, network.slack].setub(0.0)
    model.constraint_angle = pyo.Constraint(
        model.periods,
        model.lines,
        rule=lambda m, t, line: (
            m.variable_flow[t, line]
            - susceptance[line] * (m.variable_angle[t, first[line]] - m.variable_angle[t, second[line]])
            == 0.0
        ),
    )


def add_reactive(model: Any, network: Network, places: Places) -> None:
    """Add reactive flows, what inverters feed in, and the polygon of apparent power (C5.2)."""
    bids, tan_phi = at_areas(model, places.bids), network.tan_phi.tolist()
    leaving, arriving = at_areas(model, network.line_from), at_areas(model, network.line_to)
    able = [n for n in np.flatnonzero(network.reactive_kvar).tolist() if n != network.slack]
    model.inverters = pyo.Set(initialize=able)
    model.limited = pyo.Set(initialize=np.flatnonzero(np.isfinite(network.limit_kw)).tolist())
    model.corners = pyo.RangeSet(0, CORNERS // 2 - 1)  # opposite corners share a row
    model.variable_reactive_flow = pyo.Var(model.periods, model.lines)
    model.variable_reactive = pyo.Var(model.periods, model.inverters, bounds=(0.0, 0.0))

    def balance(m: Any, t: int, n: int) -> Any:
        if n == network.slack:
            return pyo.Constraint.Skip
        terms = [m.variable_reactive_flow[t, line] for line in arriving[n]]
        terms += [-m.variable_reactive_flow[t, line] for line in leaving[n]]
        terms += [-tan_phi[n] * m.variable_bought[t, b] for b in bids[n] if tan_phi[n]]
        terms += [m.variable_reactive[t, n]] if n in m.inverters else []
        return pyo.quicksum(terms) == 0.0

    model.constraint_reactive_balance = pyo.Constraint(model.periods, model.areas, rule=balance)
    angle = 2 * np.pi / CORNERS * np.arange(CORNERS // 2)
    cosine, sine = np.cos(angle).round(15).tolist(), np.sin(angle).round(15).tolist()
    model.constraint_apparent = pyo.Constraint(
        model.periods,
        model.limited,
        model.corners,
        rule=lambda m, t, line, c: (
            -1.0,
            cosine[c] * m.variable_flow[t, line] + sine[c] * m.variable_reactive_flow[t, line],
            1.0,
        ),
    )


def add_voltages(model: Any, network: Network) -> None:
    """Add the drop of squared voltage along each line (C5.2), in units in which the largest impedance is 1."""
    scale = impedance_scale(network)
    resistance, reactance = (network.r / scale).tolist(), (network.x / scale).tolist()
    first, second = network.line_from.tolist(), network.line_to.tolist()
    model.variable_drop = pyo.Var(model.periods, model.areas, bounds=(0.0, 0.0))
    model.constraint_drop = pyo.Constraint(
        model.periods,
        model.lines,
        rule=lambda m, t, line: (
            m.variable_drop[t, second[line]]
            - m.variable_drop[t, first[line]]
            - resistance[line] * m.variable_flow[t, line]
            - reactance[line] * m.variable_reactive_flow[t, line]
            == 0.0
        ),
    )


def impedance_scale(network: Network) -> float:
    """Return the largest resistance or reactance. [per unit]."""
    return float(max(network.r.max(initial=0.0), np.abs(network.x).max(initial=0.0))) or 1.0


def add_storage(model: Any, places: Places) -> None:
    """Add storages (C5.4): what is held follows from charge and discharge, and ends no lower than it began."""
    efficiency, last = places.efficiency.tolist(), model.periods.last()
    model.variable_charge = pyo.Var(model.periods, model.storages, bounds=(0.0, 0.0))
    model.variable_discharge = pyo.Var(model.periods, model.storages, bounds=(0.0, 0.0))
    model.variable_stored = pyo.Var(model.periods, model.storages, bounds=(0.0, 0.0))
    model.constraint_stored = pyo.Constraint(
        model.periods,
        model.storages,
        rule=lambda m, t, s: (
            m.variable_stored[t, s]
            - (m.variable_stored[t - 1, s] if t else 0.0)
            - efficiency[s] * m.variable_charge[t, s]
            + m.variable_discharge[t, s]
            == 0.0
        ),
    )
    model.constraint_stored_after = pyo.Constraint(model.storages, rule=lambda m, s: m.variable_stored[last, s] >= 0.0)
