"""Prices by area: from awards to the dual face, to prices, their parts and the congestion rent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridagora.markets.merit_order import price_at
from gridagora.markets.network.grid import Network
from gridagora.markets.network.price_face import Face, prices_on
from gridagora.markets.network.sensitivities import CORNERS, Limits, limits_of
from gridagora.markets.orders import FloatArray, IntArray, read_only
from gridagora.markets.solver import refuse_outside

BINDING = 1e-7  # of the energy sold
DIGITS = 12  # of prices: a price at a step is the step's, without the dust of linear algebra


@dataclass(frozen=True, slots=True, eq=False)
class AreaPrices:
    """Prices of a settlement period; ``price = energy + congestion + voltage`` in every area.

    Attributes
    ----------
    price, low, high : ndarray, shape (areas,)
        Price of active energy, which sellers receive, and the interval of all prices that support the awards; nan in
        areas whose interval has no end, prices also where nothing is traded. [currency/kWh]
    energy, congestion, voltage : ndarray, shape (areas,)
        Parts of the price: at the slack area, by limits of lines, by limits of voltages. [currency/kWh]
    reactive : ndarray, shape (areas,)
        Price of reactive energy, which buyers pay beside, by their area's `tan_phi`. [currency/kvarh]
    line_price : ndarray, shape (lines,)
        What one more kWh (kVAh in `lin_dist_flow`) of limit is worth; nan where nothing is traded, in `transport` also
        where an end has no price. [currency/kWh]
    rent : float
        Congestion rent: the sum of dual times bound over all limits that bind. [currency]
    """

    price: FloatArray
    low: FloatArray
    high: FloatArray
    energy: FloatArray
    congestion: FloatArray
    voltage: FloatArray
    reactive: FloatArray
    line_price: FloatArray
    rent: float


@dataclass(frozen=True, slots=True, eq=False)
class Awarded:
    """What the awards of a period say, by area.

    Parameters
    ----------
    withdrawal, reactive : ndarray, shape (areas,)
        Net energy withdrawn, with losses, and net reactive energy drawn. [kWh, kvarh]
    inverters : ndarray, shape (areas,)
        Reactive energy of inverters within it. [kvarh]
    flow : ndarray, shape (lines,)
        [kWh]
    energy : float
        Energy sold, in all areas. [kWh]
    ask_low, ask_high, bid_low, bid_high : ndarray, shape (areas,)
        Highest accepted ask, lowest ask not filled, highest bid not filled, lowest accepted bid; infinite where there
        are none. [currency/kWh]
    """

    withdrawal: FloatArray
    reactive: FloatArray
    inverters: FloatArray
    flow: FloatArray
    energy: float
    ask_low: FloatArray
    ask_high: FloatArray
    bid_low: FloatArray
    bid_high: FloatArray


def extremes(area: IntArray, areas: int, price: FloatArray, among: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Return the lowest and the highest price of the steps `among` in each area, infinite where there are none.

    Parameters
    ----------
    area : ndarray of int64, shape (steps,)
        Area of each step.
    areas : int
        Number of areas.
    price : ndarray, shape (steps,)
        [currency/kWh]
    among : ndarray of bool, shape (steps,)
        Steps that count.
    """
    lowest, highest = np.full(areas, np.inf), np.full(areas, -np.inf)
    np.minimum.at(lowest, area[among], price[among])
    np.maximum.at(highest, area[among], price[among])
    return lowest, highest


def paid_by_buyers(network: Network, prices: AreaPrices) -> FloatArray:
    """Return what a kWh costs its buyer: the price and the reactive energy it draws. [currency/kWh], shape (areas,)."""
    return prices.price + network.tan_phi * prices.reactive


def area_prices(
    network: Network,
    awarded: Awarded,
    k: float,
    hours: float,
    dual: FloatArray | None = None,
    bounds: tuple[float, float] | None = None,
) -> AreaPrices:
    """Return the prices that `k` picks from the dual face (P2).

    Parameters
    ----------
    network : Network
        Areas and lines.
    awarded : Awarded
        An optimal solution.
    k : float
        Place in the price intervals, 0 for the sellers' end and 1 for the buyers'.
    hours : float
        Length of the period. [h]
    dual : ndarray, shape (areas,), optional
        Prices of a solver, which must lie inside the intervals. [currency/kWh]
    bounds : tuple of float, optional
        Floor and cap of areas whose interval has no end; then every area has a price, traded or not. [currency/kWh]

    Raises
    ------
    RuntimeError
        If no price supports the awards, or the solver's do not lie in the intervals.
    ValueError
        If `k` is outside [0, 1].
    """
    price_at(0.0, 0.0, k)
    limits = _binding(network, awarded, hours)
    face, reactive = _zones(network, awarded, hours) if limits is None else _local(network, awarded, limits)
    if bounds is None and not (np.isfinite(face.low).any() or np.isfinite(face.high).any()):
        return _unpriced(network)
    found = prices_on(face, k)
    open_ends = ~(np.isfinite(found.low) & np.isfinite(found.high))
    if bounds is not None and open_ends.any():
        face = _closed(face, open_ends, *bounds)
        found = prices_on(face, k)
    quoted, signs = face.quoted @ found.point, face.difference @ found.point
    refuse_outside(np.concatenate([quoted, signs]), *_sides(face))
    if dual is not None:
        refuse_outside(dual, found.low, found.high)
    known = np.isfinite(found.low) & np.isfinite(found.high)
    traded = bounds is not None or bool(np.isfinite(awarded.ask_low).any() and np.isfinite(awarded.bid_high).any())
    price = np.round(face.basis @ found.point, DIGITS)
    congestion, voltage, line_price, rent = _parts(network, awarded, limits, found.point, price)
    return AreaPrices(
        price=_shown(price, known & traded),
        low=_shown(np.round(found.low, DIGITS), known),
        high=_shown(np.round(found.high, DIGITS), known),
        energy=_shown(np.full(len(price), price[network.slack]), known & traded),
        congestion=_shown(congestion, known & traded),
        voltage=_shown(voltage, known & traded),
        reactive=_shown(reactive @ found.point, known & traded),
        line_price=_shown(
            line_price, traded & (known[network.line_from] & known[network.line_to] | (limits is not None))
        ),
        rent=rent if traded else 0.0,
    )


def _closed(face: Face, areas: NDArray[np.bool_], floor: float, cap: float) -> Face:
    """Return the face with prices of some areas kept within floor and cap."""
    rows = face.basis[areas]
    low, high = np.full(len(rows), floor), np.full(len(rows), cap)
    quoted = np.vstack([face.quoted, rows])
    return face._replace(quoted=quoted, low=np.concatenate([face.low, low]), high=np.concatenate([face.high, high]))


def _sides(face: Face) -> tuple[FloatArray, FloatArray]:
    signs = len(face.difference)
    return np.concatenate([face.low, np.zeros(signs)]), np.concatenate([face.high, np.full(signs, np.inf)])


def _shown(values: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    return read_only(np.where(known, values, np.nan))


def _unpriced(network: Network) -> AreaPrices:
    areas, lines = (read_only(np.full(n, np.nan)) for n in (len(network.areas), len(network.line_from)))
    return AreaPrices(areas, areas, areas, areas, areas, areas, areas, line_price=lines, rent=0.0)


def _tolerance(awarded: Awarded) -> float:
    return BINDING * max(awarded.energy, 1e-9)


def _binding(network: Network, awarded: Awarded, hours: float) -> Limits | None:
    """Return the limits that bind, bounds in kWh; None for `transport`, whose flows withdrawals do not give."""
    if network.kind == "transport":
        return None
    limits = limits_of(network)
    bound = limits.bound * hours
    used = limits.active @ awarded.withdrawal + limits.reactive @ awarded.reactive
    at = np.flatnonzero(used >= bound - _tolerance(awarded))
    return Limits(limits.active[at], limits.reactive[at], bound[at], limits.line[at], limits.area[at])


def _local(network: Network, awarded: Awarded, limits: Limits) -> tuple[Face, FloatArray]:
    """Return the face where prices differ by limits that bind, and the basis of reactive prices."""
    areas = len(network.areas)
    basis = np.column_stack([np.ones(areas), limits.active.T])
    reactive = np.column_stack([np.zeros(areas), limits.reactive.T])
    own = network.tan_phi != 0  # buyers' price there is not the sellers'
    inverter = (network.reactive_kvar > 0) & (np.arange(areas) != network.slack)
    most = network.reactive_kvar[inverter] * (1 - BINDING)
    low = np.where(awarded.inverters[inverter] <= -most, -np.inf, 0.0)
    high = np.where(awarded.inverters[inverter] >= most, np.inf, 0.0)
    face = Face(
        basis,
        np.vstack([basis, (basis + network.tan_phi[:, None] * reactive)[own], reactive[inverter]]),
        np.concatenate(
            [np.maximum(awarded.ask_low, np.where(own, -np.inf, awarded.bid_low)), awarded.bid_low[own], low]
        ),
        np.concatenate(
            [np.minimum(awarded.ask_high, np.where(own, np.inf, awarded.bid_high)), awarded.bid_high[own], high]
        ),
        np.eye(basis.shape[1])[1:],
    )
    return face, reactive


def _zones(network: Network, awarded: Awarded, hours: float) -> tuple[Face, FloatArray]:
    """Return the face of `transport`: areas that lines with room to spare connect have one price."""
    tolerance = _tolerance(awarded)
    full = awarded.flow >= network.limit_kw * hours - tolerance
    full_back = awarded.flow <= tolerance - network.limit_back_kw * hours
    zone = np.arange(len(network.areas))
    for line in np.flatnonzero(~(full | full_back)):
        zone[zone == zone[network.line_to[line]]] = zone[network.line_from[line]]
    _, zone = np.unique(zone, return_inverse=True)
    basis = np.eye(int(zone.max()) + 1)[zone]
    rise = basis[network.line_to] - basis[network.line_from]
    difference = np.vstack([rise[full & ~full_back], -rise[full_back & ~full]])
    low, high = np.maximum(awarded.ask_low, awarded.bid_low), np.minimum(awarded.ask_high, awarded.bid_high)
    return Face(basis, basis, low, high, difference), np.zeros_like(basis)


def _parts(
    network: Network, awarded: Awarded, limits: Limits | None, point: FloatArray, price: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Return the parts by lines and by voltages, the price of each line and the rent."""
    none = np.zeros(len(network.areas))
    if limits is None:
        rise = price[network.line_to] - price[network.line_from]
        return price - price[network.slack], none, np.abs(rise), float(rise @ awarded.flow)
    dual, of_line = point[1:], limits.line >= 0
    line_price = np.zeros(len(network.line_from))
    inside = np.cos(np.pi / CORNERS) if network.kind == "lin_dist_flow" else 1.0
    np.add.at(line_price, limits.line[of_line], dual[of_line] * inside)
    support = (limits.reactive.T @ dual) @ awarded.inverters
    congestion, voltage = (limits.active[some].T @ dual[some] for some in (of_line, ~of_line))
    return congestion, voltage, line_price, float(dual @ limits.bound + support)
