"""The day-ahead pool: plants and imports sell, suppliers and the grid company buy, all periods of a day at once.

One area, one price per settlement period (C2, C5 on a copperplate, market_day.md 1 and 2). Energy is counted in
whole quanta of 1e-6 kWh and money in whole micro-units of the currency: what is sold equals what is bought in
every period, and what is paid equals what is received over the day, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.markets.merit_order import interval_of_awards, price_at
from gridagora.markets.orders import FloatArray, IntArray, read_only
from gridagora.markets.pool_day import Offers, PoolResult
from gridagora.markets.price_grid import MOST_QUANTA, QUANTUM_KWH, apportion, round_to_zero_sum
from gridagora.markets.storage import StorageFleet

Number = TypeVar("Number", np.int64, np.float64)
Method = Literal["auto", "exact", "pyomo"]


class DayAheadPool:
    """The pool of one area, built once per run and cleared once a day.

    * Each period has one price, picked by `k` from the competitive interval of the awards (P1) within floor and
      cap. A period without trade has a price too: every price from the best bid, or the floor, to the best offer,
      or the cap, supports it, and `k` picks as usual.
    * Volume is the largest among welfare optima. Units of one cost share in proportion to capacity, buyers within
      a step in proportion to demand; quanta that cannot be split go one each to the largest remainders.
    * Demand at the cap beyond all supply stays unserved, surplus at the floor beyond all demand is spilled: the
      pool is never infeasible.
    * A party's payment is the sum over periods of price x energy, rounded once per day by
      :func:`gridagora.markets.price_grid.round_to_zero_sum`.

    Parameters
    ----------
    offers : Offers
        Plants and imports; costs above `floor` and at most `cap`.
    periods : int
        Settlement periods of a day.
    buyers : sequence of str
        Parties that buy and may offer surplus, such as suppliers and the grid company (its losses).
    step_price : array_like, shape (steps,)
        Prices of the demand steps, descending from `cap`, at which price-inelastic load is bid, to above `floor`.
        [currency/kWh]
    floor, cap : float
        Lowest and highest price. [currency/kWh]
    k : float
        Place of the price in its interval: 0 its lower, 1 its upper end.
    method : str
        "auto" and "pyomo" solve one model of all periods with HiGHS, "exact" crosses the merit orders of each
        period.

    Attributes
    ----------
    parties : tuple of str
        Buyers, then offers, then storages, as in `PoolResult.payments`.
    storages : StorageFleet
        What stores and trades; none in this pool.

    Raises
    ------
    ValueError
        If a price lies outside floor and cap, steps do not descend from the cap, a name repeats, or `k` or
        `method` is not allowed.
    """

    def __init__(
        self,
        offers: Offers,
        *,
        periods: int,
        buyers: Sequence[str],
        step_price: ArrayLike,
        floor: float,
        cap: float,
        k: float = 0.5,
        method: Method = "auto",
    ) -> None:
        steps = np.array(step_price, dtype=np.float64)
        _refuse_bad_prices(offers, steps, floor, cap)
        price_at(floor, cap, k)
        if method not in get_args(Method):
            raise ValueError(f"pool: unknown method {method!r}; choose one of: {', '.join(get_args(Method))}")
        self.parties = (*buyers, *offers.name)
        refuse_repeated(self.parties)
        self.storages, self.shape = StorageFleet(()), (len(buyers), periods, len(steps))
        self.step_price = read_only(steps)
        self.floor, self.cap, self.k = floor, cap, k
        self.capacity = read_only(as_quanta("capacity_kwh", offers.capacity_kwh, (periods, len(offers.name)), axis=1))
        self._order = np.argsort(offers.cost, kind="stable")
        costs, self._first = np.unique(offers.cost[self._order], return_index=True)
        self._units_at = np.split(self._order, self._first[1:])
        self._ask_price = np.concatenate([[floor], costs])
        self._offered = self._by_cost(self.capacity)
        self._model = None if method == "exact" else _model_of(self.capacity, offers.cost, steps, floor)

    @property
    def price_rule(self) -> str:
        """How prices are found, in words."""
        return f"competitive interval, k = {self.k:g}"

    @property
    def solver(self) -> dict[str, str]:
        """Name, version and method of the solver."""
        if self._model is None:
            return {"name": "merit order", "version": "", "method": "exact"}
        return self._model.solver

    def release(self) -> None:
        """Leave the model to the next pool of the same plants and prices in this process; this one is done with."""
        if self._model is not None:
            if len(_SPARE) == MOST_SPARE:
                _SPARE.pop(next(iter(_SPARE)))
            _SPARE[self._model.key] = self._model
            del self._model

    def clear(self, demand_kwh: ArrayLike, surplus_kwh: ArrayLike = 0.0) -> PoolResult:
        """Clear all periods of a day.

        Parameters
        ----------
        demand_kwh : array_like, shape (buyers, periods, steps)
            Energy wanted at each step price, at the meter; inelastic load and losses stand in step 0. [kWh]
        surplus_kwh : array_like, shape (buyers, periods), optional
            Energy offered at the floor by buyers whose customers feed in more than they draw. [kWh]

        Returns
        -------
        PoolResult
            Prices, schedules and payments.

        Raises
        ------
        ValueError
            If a shape does not fit or a quantity is negative, not finite or beyond 2^52 quanta a period.
        InfeasibleMarket
            If HiGHS does not end at an optimum.
        RuntimeError
            If the solver's prices or quantities contradict each other.
        """
        demand = as_quanta("demand_kwh", demand_kwh, self.shape, axis=(0, 2))
        surplus = as_quanta("surplus_kwh", surplus_kwh, self.shape[:2], axis=0)
        bids = demand.sum(axis=0)
        asks = np.column_stack([surplus.sum(axis=0), self._offered])
        if self._model is None:
            bought, sold = _cross_periods(self.step_price, bids, self._ask_price, asks)
        else:
            unserved, spilled, generation = self._model.solve(bids, asks[:, 0])
            bought = bids - np.rint(unserved).astype(np.int64)
            rejected = np.column_stack([spilled, self._offered - self._by_cost(generation)])
            sold = asks - np.rint(rejected).astype(np.int64)
            close_gap(bids, bought, asks, sold)
            _trade_ties(self.step_price, bids, bought, self._ask_price, asks, sold)
        low, high = interval_of_awards(
            self.step_price, bought < bids, bought > 0, self._ask_price, sold < asks, sold > 0
        )
        low, high = np.maximum(low, self.floor), np.minimum(high, self.cap)
        if self._model is not None:
            self._model.check_prices(low, high)
        price = np.array([price_at(*ends, self.k) for ends in zip(low.tolist(), high.tolist(), strict=True)])
        schedule = np.zeros_like(self.capacity)
        schedule[:, self._order[self._first]] = sold[:, 1:]
        for award, units in zip(sold.T[1:], self._units_at, strict=True):
            if len(units) > 1:
                schedule[:, units] = apportion(award.copy(), np.ascontiguousarray(self.capacity[:, units]))
        none = np.zeros((len(price), 0), dtype=np.int64)
        welfare = float((bought * self.step_price).sum() - (sold * self._ask_price).sum()) * QUANTUM_KWH
        return self._result(
            demand,
            surplus,
            bought,
            sold[:, 0],
            schedule,
            none,
            none,
            price=price,
            price_low=low,
            price_high=high,
            welfare=welfare,
            method="exact" if self._model is None else "pyomo",
            idle_quanta=np.zeros_like(schedule),
            start_cost=np.zeros(schedule.shape[1], dtype=np.int64),
            uplift=np.zeros(len(self.parties), dtype=np.int64),
        )

    def online_offer(self, result: PoolResult, period: int, sold_before: IntArray) -> IntArray:
        """Return what each unit may sell online: the capacity that the pool left.

        Parameters
        ----------
        result : PoolResult
            The day's pool.
        period : int
            Settlement period.
        sold_before : ndarray of int64, shape (units,)
            Sold online in the period before; only ramps ask. [1e-6 kWh]

        Returns
        -------
        ndarray of int64, shape (units,)
            [1e-6 kWh]
        """
        return np.asarray(self.capacity[period] - result.schedule_quanta[period])

    def _by_cost(self, energy: NDArray[Number]) -> NDArray[Number]:
        """Return the sums over units of one cost, shape (periods, costs)."""
        return np.add.reduceat(energy[:, self._order], self._first, axis=1)

    def _result(
        self,
        demand: IntArray,
        surplus: IntArray,
        bought: IntArray,
        fed_in: IntArray,
        schedule: IntArray,
        charge: IntArray,
        discharge: IntArray,
        *,
        price: FloatArray,
        **columns: Any,
    ) -> PoolResult:
        """Return the result: who gets how much of the awards, and pays what for it."""
        buyers, periods, steps = self.shape
        by_step = np.ascontiguousarray(demand.transpose(1, 2, 0)).reshape(-1, buyers)
        accepted = apportion(bought.reshape(-1), by_step).reshape(periods, steps, buyers).transpose(2, 0, 1)
        own = apportion(np.ascontiguousarray(fed_in), np.ascontiguousarray(surplus.T)).T
        net = np.concatenate([accepted.sum(axis=2) - own, -schedule.T, (charge - discharge).T])
        columns |= {
            "price": price,
            "schedule_quanta": schedule,
            "demand_quanta": accepted,
            "surplus_quanta": own,
            "unserved_quanta": demand[:, :, 0].sum(axis=0) - bought[:, 0],
            "spilled_quanta": surplus.sum(axis=0) - fed_in,
            "charge_quanta": charge,
            "discharge_quanta": discharge,
            "payments": round_to_zero_sum((net * price).sum(axis=1)),
        }
        for column in columns.values():
            if isinstance(column, np.ndarray):
                read_only(column)
        return PoolResult(**columns)


#: Models that no pool uses, by what they are made of, and how many at most: a sweep has thousands of like pools.
_SPARE: dict[tuple[bytes, ...], _PoolModel] = {}
MOST_SPARE = 8


def _model_of(capacity: IntArray, cost: FloatArray, step_price: FloatArray, floor: float) -> _PoolModel:
    """Return a model that was left, or a new one: each solve is a first one."""
    key = tuple(np.ascontiguousarray(part).tobytes() for part in (capacity, cost, step_price, np.float64(floor)))
    return _SPARE.pop(key, None) or _PoolModel(key, capacity, cost, step_price, floor)


class _PoolModel:
    """The pool's Pyomo model with its solver.

    The solver's tolerances are absolute, so energy is handed over in a unit of which the units offer at most 2^16
    in a period; the unit is a power of two, so no digit is lost.
    """

    def __init__(
        self, key: tuple[bytes, ...], capacity: IntArray, cost: FloatArray, step_price: FloatArray, floor: float
    ) -> None:
        from gridagora.markets.pool_model import build_pool_model
        from gridagora.markets.solver import PersistentSolver

        self.key, self._made_of = key, (capacity, cost, step_price, floor)
        self._unit = solver_unit(capacity)
        model = build_pool_model(capacity / self._unit, cost, step_price, floor)
        self._solver = PersistentSolver(model)
        self.solver = self._solver.described
        self._net_demand = list(model.net_demand.values())
        self._step_demand = list(model.step_demand.values())
        self._balances = self._solver.rows(model.constraint_balance.values())
        self._columns = [
            self._solver.columns(part.values())
            for part in (model.variable_unserved, model.variable_spilled, model.variable_generation)
        ]

    def __reduce__(self) -> tuple[Any, ...]:
        return _model_of, self._made_of

    def solve(self, bids: IntArray, surplus: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return unserved demand, spilled surplus and generation. [1e-6 kWh]."""
        self._solver.forget()
        assign(self._net_demand, (bids.sum(axis=1) - surplus) / self._unit)
        assign(self._step_demand, bids[:, 1:] / self._unit)
        self._solver.solve()
        unserved, spilled, generation = (self._unit * part for part in self._solver.values(*self._columns))
        return unserved.reshape(bids.shape), spilled, generation.reshape(len(bids), -1)

    def check_prices(self, low: FloatArray, high: FloatArray) -> None:
        """Raise RuntimeError if a dual of the last solution lies outside its period's interval."""
        from gridagora.markets.solver import refuse_outside

        refuse_outside(self._solver.duals(self._balances), low, high)


def solver_unit(capacity: IntArray) -> float:
    """Return the power of two of quanta in which a period's capacity is at most 2^16."""
    return float(2.0 ** max(0, int(capacity.sum(axis=1).max()).bit_length() - 16))


def assign(parameters: list[Any], values: FloatArray) -> None:
    """Give parameters of a Pyomo model their values, in order."""
    for parameter, value in zip(parameters, values.reshape(-1).tolist(), strict=True):
        parameter.value = value


def _cross_periods(
    bid_price: FloatArray, bids: IntArray, ask_price: FloatArray, asks: IntArray
) -> tuple[IntArray, IntArray]:
    """Return the awards of the merit orders of all periods.

    Buyers down to the price of a step and sellers up to it can trade the smaller of their sums, each pair at a
    gain; the best step gives the volume.
    """
    wanted = np.cumsum(bids, axis=1)
    offered = np.cumsum(asks, axis=1)
    reach = np.searchsorted(ask_price, bid_price, side="right") - 1
    volume = np.minimum(wanted, offered[:, reach]).max(axis=1, keepdims=True)
    return np.clip(volume - (wanted - bids), 0, bids), np.clip(volume - (offered - asks), 0, asks)


def close_gap(bids: IntArray, bought: IntArray, asks: IntArray, sold: IntArray) -> None:
    """Put what rounding left between demand and supply of a period on its marginal step, in place.

    The marginal step is the one farthest from both of its ends: all others are integers already.
    """
    gap = bought.sum(axis=1) - sold.sum(axis=1)
    room = np.minimum(np.column_stack([bids - bought, asks - sold]), np.column_stack([bought, sold]))
    steps = bids.shape[1]
    for period in np.flatnonzero(gap):
        marginal = int(np.argmax(room[period]))
        if abs(gap[period]) > min(room[period, marginal], room.shape[1]):
            raise RuntimeError(
                f"pool: period {period}: solver's demand and supply differ by {gap[period]} quanta, more than "
                "rounding explains; report the day's data"
            )
        if marginal < steps:
            bought[period, marginal] -= gap[period]
        else:
            sold[period, marginal - steps] += gap[period]


def _trade_ties(
    bid_price: FloatArray, bids: IntArray, bought: IntArray, ask_price: FloatArray, asks: IntArray, sold: IntArray
) -> None:
    """Let demand and supply of equal price trade in full, in place: the largest volume of equal welfare."""
    for step, level in np.argwhere(bid_price[:, None] == ask_price):
        more = np.minimum(bids[:, step] - bought[:, step], asks[:, level] - sold[:, level])
        bought[:, step] += more
        sold[:, level] += more


def as_quanta(name: str, energy_kwh: ArrayLike, shape: tuple[int, ...], axis: int | tuple[int, ...]) -> IntArray:
    """Return energy in quanta, repeated to `shape` where an axis is missing; `axis` are those within a period."""
    given = np.asarray(energy_kwh, dtype=np.float64)
    try:
        energy = np.broadcast_to(given, shape)
    except ValueError:
        raise ValueError(f"pool: {name} has shape {given.shape}; must be {shape}") from None
    bad = ~(np.isfinite(energy) & (energy >= 0))
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"pool: {name}{list(place)} is {energy[place]} kWh; must be finite and at least 0")
    most = energy.sum(axis=axis).max()
    if most >= MOST_QUANTA * QUANTUM_KWH:
        raise ValueError(f"pool: {name} holds {most:.4g} kWh in a period; must stay below 4.5e9; split the area")
    return np.rint(energy / QUANTUM_KWH).astype(np.int64)


def refuse_repeated(parties: tuple[str, ...]) -> None:
    """Raise ValueError if a party stands twice among buyers, offers and storages."""
    if len(set(parties)) != len(parties):
        raise ValueError(f"pool: parties {parties}; a name may stand once among buyers, offers and storages")


def _refuse_bad_prices(offers: Offers, steps: FloatArray, floor: float, cap: float) -> None:
    if not (np.isfinite(floor) and np.isfinite(cap) and floor < cap):
        raise ValueError(f"pool: floor {floor}, cap {cap}; both must be finite and the floor below the cap")
    bad = (offers.cost <= floor) | (offers.cost > cap)
    if bad.any():
        first = int(np.argmax(bad))
        raise ValueError(
            f"pool: {offers.name[first]} offers at {offers.cost[first]}; must lie above the floor {floor} and at "
            f"most at the cap {cap} currency/kWh; widen them or correct the cost"
        )
    if steps.ndim != 1 or len(steps) == 0 or steps[0] != cap or np.any(np.diff(steps) >= 0) or steps[-1] <= floor:
        raise ValueError(
            f"pool: step_price {steps.tolist()}; must descend from the cap {cap} and stay above the floor {floor}"
        )
