"""The network model with its solver: built once, then prices, quantities and limits change and it is solved again.

The arrays of a solve go straight to the HiGHS object that Pyomo filled. Quantities are handed over in a power of two
of kWh of which the market holds 2^15 to 2^16 (2^6 to 2^7 with quadratic costs), because the solver's tolerances are
absolute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gridagora.markets.merit_order import DUST
from gridagora.markets.network.grid import Network
from gridagora.markets.network.model import Places, build_network_model, impedance_scale
from gridagora.markets.network.second_stage import settle_ties
from gridagora.markets.network.sensitivities import CORNERS
from gridagora.markets.orders import FloatArray, IntArray, read_only
from gridagora.markets.solver import PersistentSolver

ROUNDS, SETTLED = 5, 1e-6  # of the fixed point of line losses (C5.2), and its relative end
NO_STORAGE = np.zeros(0)
#: HiGHS's method for quadratic costs. Its regularisation, 1e-7 by default, would move prices by 1e-5 of themselves.
QUADRATIC = {"solver": "choose", "presolve": "choose", "qp_regularization_value": 1e-11, "qp_iteration_limit": 100_000}


class ArraySolver(PersistentSolver):
    """A persistent solver whose bounds, costs and right-hand sides are passed on as arrays."""

    @property
    def highs(self) -> Any:
        """The HiGHS object that keeps the model."""
        return self._highs

    def set_bounds(self, columns: IntArray, low: FloatArray, high: FloatArray) -> None:
        """Set the bounds of variables at places of :meth:`columns`."""
        self._highs.changeColsBounds(len(columns), columns.astype(np.int32), low, high)

    def set_costs(self, columns: IntArray, cost: FloatArray) -> None:
        """Set the linear costs of variables."""
        self._highs.changeColsCost(len(columns), columns.astype(np.int32), cost)

    def set_sides(self, rows: IntArray, low: FloatArray, high: FloatArray) -> None:
        """Set the bounds of constraints at places of :meth:`rows`."""
        self._highs.changeRowsBounds(len(rows), rows.astype(np.int32), low, high)


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """Solution of the network model; first axis the periods.

    Attributes
    ----------
    sold, bought : ndarray, shape (periods, asks), (periods, bids)
        Awards of the steps, exactly 0 or the whole quantity within float dust. [kWh]
    flow, reactive_flow : ndarray, shape (periods, lines)
        From the first to the second area of each line. [kWh, kvarh]
    reactive : ndarray, shape (periods, areas)
        What inverters feed in. [kvarh]
    losses : ndarray, shape (periods, lines)
        Line losses, taken at the end of the line away from the slack. [kWh]
    charge, discharge, stored : ndarray, shape (periods, storages)
        Of the storages. [kWh]
    dual : ndarray, shape (periods, areas)
        Solver's duals of the balances, one point of the price intervals. [currency/kWh]
    """

    sold: FloatArray
    bought: FloatArray
    flow: FloatArray
    reactive_flow: FloatArray
    reactive: FloatArray
    losses: FloatArray
    charge: FloatArray
    discharge: FloatArray
    stored: FloatArray
    dual: FloatArray


class NetworkModel:
    """A network's welfare model, kept by HiGHS.

    Parameters
    ----------
    network : Network
        Areas and lines.
    ask_area, bid_area : array_like of int, shape (asks,), (bids,)
        Areas of the steps, as positions.
    hours : float
        Length of a settlement period. [h]
    periods : int
        Settlement periods that are solved together.
    slope : array_like, shape (asks,)
        Rise of each ask's price with its award; HiGHS's duals are then right to about 1e-5. [currency/kWh^2]
    storage_area, efficiency : array_like, shape (storages,)
        Areas of storages, and energy discharged over energy charged. [1]
    """

    def __init__(
        self,
        network: Network,
        ask_area: Sequence[int] | IntArray,
        bid_area: Sequence[int] | IntArray,
        *,
        hours: float = 1.0,
        periods: int = 1,
        slope: float | FloatArray = 0.0,
        storage_area: Sequence[int] | IntArray = (),
        efficiency: Sequence[float] | FloatArray = (),
    ) -> None:
        asks, bids, stores = (np.asarray(area, dtype=np.int64) for area in (ask_area, bid_area, storage_area))
        slopes = np.array(np.broadcast_to(slope, asks.shape), dtype=np.float64)
        self.places = Places(asks, bids, stores, slopes, np.asarray(efficiency, dtype=np.float64))
        self._made_of = network, asks, bids, hours, periods, slope, stores, efficiency
        self.network, self.hours, self.periods = network, hours, periods
        self._unit = 1.0
        self.model = build_network_model(network, self.places, periods)
        self._solver = ArraySolver(self.model, **(QUADRATIC if slopes.any() else {}))
        self._columns = {
            name: self._solver.columns(getattr(self.model, f"variable_{name}").values())
            for name in ("sold", "bought", "flow", "charge", "discharge", "stored", "reactive_flow", "reactive", "drop")
            if hasattr(self.model, f"variable_{name}")
        }
        self._balances = self._solver.rows(self.model.constraint_balance.values())
        first = [row for (t, _), row in self.model.constraint_stored.items() if t == 0]
        self._held = self._solver.rows(first), self._solver.rows(self.model.constraint_stored_after.values())
        if network.kind == "lin_dist_flow":
            self._apparent = self._solver.rows(self.model.constraint_apparent.values())
        self._ties = not (slopes.any() or len(stores))
        self._dust = 1e-6 if slopes.any() else 1e-9

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, self._made_of

    @property
    def described(self) -> dict[str, str]:
        """Name, version and method of the solver."""
        return self._solver.described

    def forget(self) -> None:
        """Forget all earlier solves: the next ones depend on each other, but not on those."""
        self._solver.forget()

    def solve(
        self,
        ask_price: FloatArray,
        ask_quantity: FloatArray,
        bid_price: FloatArray,
        bid_quantity: FloatArray,
        *,
        power: FloatArray = NO_STORAGE,
        energy: FloatArray = NO_STORAGE,
        stored: FloatArray = NO_STORAGE,
    ) -> Optimum:
        """Return the awards of highest welfare; among those of largest volume; among those in proportion.

        With storage or sloped asks the first of the three rules alone decides.

        Parameters
        ----------
        ask_price, bid_price : ndarray, shape (asks,), (bids,)
            Prices of the steps, of sloped asks at award 0. [currency/kWh]
        ask_quantity, bid_quantity : ndarray, shape (periods, asks), (periods, bids)
            Most energy. [kWh]
        power, energy, stored : ndarray, shape (storages,)
            Most energy of a period charged and discharged, most held, held at the start and at least at the end. [kWh]

        Raises
        ------
        InfeasibleMarket
            If HiGHS does not end at an optimum.
        """
        offered, wanted = (np.asarray(q, dtype=np.float64) for q in (ask_quantity, bid_quantity))
        offered, wanted = offered.reshape(self.periods, -1), wanted.reshape(self.periods, -1)
        total = float((offered.sum(axis=1) + wanted.sum(axis=1)).max() + power.sum())
        self._unit, money = _power_of_two(total, 16), 1.0
        if len(self.model.sloped):
            self._unit, money = _power_of_two(total, 7), _power_of_two(float(np.abs(ask_price).max()), 5)
        for s in self.model.sloped:
            self.model.slope[s].value = float(self.places.slope[s]) * self._unit / money
        self._bound("sold", offered / self._unit)
        self._bound("bought", wanted / self._unit)
        self._set_limits()
        self._set_storage(power, energy, stored)
        self._solver.set_costs(self._columns["sold"], np.tile(ask_price / money, self.periods))
        self._solver.set_costs(self._columns["bought"], np.tile(-bid_price / money, self.periods))
        losses = np.zeros((self.periods, len(self.network.line_from)))
        self._lose(losses)
        for _ in range(ROUNDS if self.network.losses else 0):
            before, losses = losses, self._losses()
            self._lose(losses)
            if np.abs(losses - before).sum() <= SETTLED * losses.sum():
                break
        self._part_ways()
        dual = self._solver.duals(self._balances).reshape(self.periods, -1) * money
        values = np.asarray(self._solver.highs.getSolution().col_value)
        if self._ties:
            values = settle_ties(self._solver.highs, self._columns["sold"], self._columns["bought"], values)
        return self._optimum(values, offered, wanted, losses, dual)

    def _set_limits(self) -> None:
        """Pass the network's limits on, in the unit of the solve."""
        network, scale = self.network, self.hours / self._unit
        if network.kind != "lin_dist_flow":
            self._bound("flow", network.limit_kw * scale, -network.limit_back_kw * scale)
            return
        self._bound("flow", np.full(len(network.limit_kw), np.inf), -np.inf)
        inside = np.repeat(network.limit_kw[list(self.model.limited)] * (np.cos(np.pi / CORNERS) * scale), CORNERS // 2)
        inside = np.tile(inside, self.periods)
        self._solver.set_sides(self._apparent, -inside, inside)
        able = network.reactive_kvar[list(self.model.inverters)] * scale
        self._bound("reactive", able, -able)
        most = scale * network.base_kva / (2 * impedance_scale(network))
        fall, rise = ((network.v_slack**2 - limit**2) * most for limit in (network.v_min, network.v_max))
        fall[network.slack], rise[network.slack] = 0.0, 0.0
        self._bound("drop", fall, rise)

    def _set_storage(self, power: FloatArray, energy: FloatArray, stored: FloatArray) -> None:
        self._bound("charge", power / self._unit)
        self._bound("discharge", power / self._unit)
        self._bound("stored", energy / self._unit)
        before, after = self._held
        self._solver.set_sides(before, stored / self._unit, stored / self._unit)
        self._solver.set_sides(after, stored / self._unit, np.full(len(after), np.inf))

    def _part_ways(self) -> None:
        """Solve again until no storage charges and discharges at once, which would burn energy of negative price."""
        while True:
            columns = self._columns["charge"], self._columns["discharge"]
            charge, discharge = self._solver.values(*columns)
            both = np.minimum(charge, discharge) > 1e-6
            if not both.any():
                return
            smaller = np.where(charge <= discharge, *columns)[both]
            self._solver.set_bounds(smaller, np.zeros(len(smaller)), np.zeros(len(smaller)))
            self._solver.solve()

    def _bound(self, name: str, high: FloatArray, low: FloatArray | float = 0.0) -> None:
        """Bound variables by what holds in every period, or by one row a period; in the unit of the solve."""
        columns = self._columns[name]
        most, least = (np.resize(np.asarray(side, dtype=np.float64), len(columns)) for side in (high, low))
        self._solver.set_bounds(columns, least, most)

    def _lose(self, losses: FloatArray) -> float:
        """Solve with line losses [kWh] as load at the far end of each line."""
        load = np.zeros((self.periods, len(self.network.areas)))
        np.add.at(load.T, self.network.line_to, losses.T / self._unit)
        self._solver.set_sides(self._balances, load.reshape(-1), load.reshape(-1))
        return self._solver.solve()

    def _losses(self) -> FloatArray:
        """Return the losses r (P^2 + Q^2) / v of the last solution, at the voltage of each line's beginning. [kWh]."""
        network = self.network
        parts = self._solver.values(*(self._columns[name] for name in ("flow", "reactive_flow", "drop")))
        flow, reactive, drop = (part.reshape(self.periods, -1) * self._unit / self.hours for part in parts)
        voltage = network.v_slack**2 - drop * (2 * impedance_scale(network) / network.base_kva)
        return network.r * (flow**2 + reactive**2) / voltage[:, network.line_from] * (self.hours / network.base_kva)

    def _optimum(
        self, values: FloatArray, offered: FloatArray, wanted: FloatArray, losses: FloatArray, dual: FloatArray
    ) -> Optimum:
        def energy(name: str, width: int) -> FloatArray:
            if name not in self._columns:
                return np.zeros((self.periods, width))
            return values[self._columns[name]].reshape(self.periods, -1) * self._unit

        lines, areas = len(self.network.line_from), len(self.network.areas)
        reactive = np.zeros((self.periods, areas))
        if self.network.kind == "lin_dist_flow":
            reactive[:, list(self.model.inverters)] = energy("reactive", 0)
        sold, bought = (
            _snap(energy(name, 0), most, self._dust) for name, most in (("sold", offered), ("bought", wanted))
        )
        columns = {
            "sold": sold,
            "bought": bought,
            "flow": energy("flow", lines),
            "reactive_flow": energy("reactive_flow", lines),
            "reactive": reactive,
            "losses": losses,
            "charge": energy("charge", 0),
            "discharge": energy("discharge", 0),
            "stored": energy("stored", 0),
            "dual": dual,
        }
        return Optimum(**{name: read_only(column) for name, column in columns.items()})


def _rebuilt(network: Network, asks: IntArray, bids: IntArray, *rest: Any) -> NetworkModel:
    names = ("hours", "periods", "slope", "storage_area", "efficiency")
    return NetworkModel(network, asks, bids, **dict(zip(names, rest, strict=True)))


def _power_of_two(total: float, bits: int) -> float:
    """Return the power of two in which `total` is at most 2^`bits` and more than half of it; 1 for nothing."""
    return float(2.0 ** (int(np.frexp(total)[1]) - bits)) if total > 0 else 1.0


def _snap(award: FloatArray, quantity: FloatArray, least: float) -> FloatArray:
    """Return awards, 0 or the whole quantity where they differ from it by float dust, or `least` of the quantity."""
    dust = np.minimum(np.maximum(DUST * award.sum(axis=1, keepdims=True), least * quantity), quantity / 2)
    return np.where(award <= dust, 0.0, np.where(award >= quantity - dust, quantity, award))
