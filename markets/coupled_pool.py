"""The day-ahead pool where ramps, start-up or storage couple the periods of a day (A5, C7.3, C7.4).

* The price of a period is the solver's dual of its balance. With start-up the binaries are fixed at their optimum and
  the linear program is solved again for it (C7.3, `pricing` "ip"); or it is the dual of the relaxation in which units
  may run in part ("lp"), which is closer to the prices of least lost opportunity (convex hull). Units that then lose
  on a day, and with "lp" storages too, are paid the loss, `uplift`, which buyers bear in proportion to the energy they
  buy.
* Minimum up and down times hold over midnight; a day looks no further than its end.
* A storage loses energy, so where surplus is spilled at a floor below 0, demand that empties it may have a dual below
  the floor, down to floor / efficiency: the price is then the floor. Any other dual outside floor and cap is an error.
* A ramp limits the change of a unit's output from period to period, over midnight too; awards are rounded to quanta,
  so it holds to within as many quanta as there are units.
* Units that a ramp or a minimum load keeps from going down, or that prepare to go up, may run above what they sell:
  `idle_quanta` burn their fuel for nothing. The pool's own price of it is the floor, so no price ever leaves the floor.
* A storage charges and discharges where that raises welfare, never both in one period, and ends the day with no less
  than it began. Several optima may exist, and HiGHS, which forgets the day before, picks one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.markets.day_ahead import (
    DayAheadPool,
    as_quanta,
    assign,
    close_gap,
    refuse_repeated,
    solver_unit,
)
from gridagora.markets.orders import FloatArray, IntArray, read_only
from gridagora.markets.pool_day import Offers, PoolResult
from gridagora.markets.price_grid import QUANTUM_KWH, apportion, round_to_zero_sum
from gridagora.markets.storage import Storage, StorageFleet
from gridagora.markets.unit_commitment import Commitment, Technique, add_minimum_times

__all__ = ["CoupledPool", "Technique"]
Pricing = Literal["ip", "lp"]

DIGITS = 9  # of a dual, in currency/kWh; HiGHS is told 1e-10
UNLIMITED = 2**62  # quanta
GAP = 1e-3  # of the day's cost, within which HiGHS proves the starts of units optimal


class CoupledPool(DayAheadPool):
    """The pool of one area with ramps, start-up or storage; days are cleared in order.

    Parameters
    ----------
    offers : Offers
        Plants and imports.
    technique : Technique
        Their ramps and starts.
    storages : sequence of Storage
        They are parties too, after the offers.
    pricing : str
        "ip" or "lp": where prices come from if units start up.
    **terms
        As for :class:`DayAheadPool`; `method` must not be "exact", and `k` is not used.

    Attributes
    ----------
    storages : StorageFleet
        What the storages hold before the next day: whoever reads the meters keeps it up to date, by
        :meth:`StorageFleet.follow` period by period or :meth:`deliver_as_planned`.

    Raises
    ------
    ValueError
        If `method` is "exact", `pricing` is unknown, or as in :class:`DayAheadPool`.
    """

    def __init__(
        self,
        offers: Offers,
        technique: Technique,
        storages: Sequence[Storage] = (),
        *,
        method: str = "auto",
        pricing: Pricing = "ip",
        **terms: Any,
    ) -> None:
        if method == "exact":
            raise ValueError("pool: method 'exact' cannot couple periods by ramps, start-up or storage; use 'auto'")
        if pricing not in get_args(Pricing):
            raise ValueError(f"pool: unknown pricing {pricing!r}; choose one of: {', '.join(get_args(Pricing))}")
        if storages and terms["floor"] > 0:
            raise ValueError(f"pool: floor {terms['floor']}; must be at most 0 with storage, which may keep its energy")
        super().__init__(offers, method="exact", **terms)  # orders and checks; the model is this class's own
        self.parties = (*self.parties, *(storage.name for storage in storages))
        refuse_repeated(self.parties)
        self.storages = StorageFleet(storages)
        self._cost, self._start_cost = offers.cost, technique.start_cost
        self._pricing = pricing if np.isfinite(technique.start_cost).any() else "ip"
        self._ramp = _whole(technique.ramp_kwh)
        starts = np.isfinite(technique.start_cost)
        self._minimum = np.where(starts, np.minimum(_whole(technique.minimum_kwh), self.capacity.min(axis=0)), 0)
        self._technique = technique
        self._coupled = _CoupledModel(self, technique, self._ramp, self._minimum)
        self._level: IntArray | None = None
        self._commitment = Commitment(technique)
        self._today = (self.capacity[0], np.ones(self.capacity.shape, dtype=bool))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_coupled"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._coupled = _CoupledModel(self, self._technique, self._ramp, self._minimum)

    @property
    def price_rule(self) -> str:
        """How prices are found, in words."""
        if not np.isfinite(self._start_cost).any():
            return "solver's dual"
        return "solver's dual " + ("with binaries fixed" if self._pricing == "ip" else "of the relaxation") + ", uplift"

    @property
    def solver(self) -> dict[str, str]:
        """Name, version and method of the solver."""
        return self._coupled.solver

    def clear(self, demand_kwh: ArrayLike, surplus_kwh: ArrayLike = 0.0) -> PoolResult:
        """Clear all periods of the next day; as :meth:`DayAheadPool.clear`.

        The interval of a price is the price itself, its rule is the solver's.
        """
        demand = as_quanta("demand_kwh", demand_kwh, self.shape, axis=(0, 2))
        surplus = as_quanta("surplus_kwh", surplus_kwh, self.shape[:2], axis=0)
        bids, offered = demand.sum(axis=0), surplus.sum(axis=0)
        day = self._coupled.solve(bids, offered, self._level, self._commitment, self.storages.stored)
        least = np.where(day.on, self._minimum, 0)
        most = np.where(day.on, self.capacity, 0)
        level = np.clip(_nearest(day.generation), least, most)
        spilled = _nearest(day.spilled)
        over = np.clip(spilled - offered, 0, level.sum(axis=1))
        idle = apportion(over, level)
        power = np.broadcast_to(self.storages.power, day.charge.shape)
        bought = np.column_stack([bids - _nearest(day.unserved), _nearest(day.charge)])
        sold = np.column_stack([offered - spilled + over, level - idle, _nearest(day.discharge)])
        close_gap(np.column_stack([bids, power]), bought, np.column_stack([offered, most, power]), sold)
        units, steps = self.capacity.shape[1], self.shape[2]
        fed_in, schedule, discharge = np.split(sold, [1, 1 + units], axis=1)
        bought, charge = np.split(bought, [steps], axis=1)
        self._today = (self.capacity[0] if self._level is None else self._level, day.on)
        self._level = schedule[-1] + idle[-1]
        self._commitment.follow(day.on)
        starts = day.starts * np.nan_to_num(self._start_cost)
        welfare = (bought * self.step_price).sum() - ((schedule + idle) * self._cost).sum() - fed_in.sum() * self.floor
        result = self._result(
            demand,
            surplus,
            bought,
            fed_in[:, 0],
            schedule,
            charge,
            discharge,
            price=day.price,
            price_low=day.price,
            price_high=day.price,
            idle_quanta=idle,
            start_cost=np.rint(starts * 1e6).astype(np.int64),
            uplift=np.zeros(len(self.parties), dtype=np.int64),
            welfare=float(welfare) * QUANTUM_KWH - float(starts.sum()),
            method="pyomo",
        )
        return replace(result, uplift=read_only(self._uplift(result)))

    def _uplift(self, result: PoolResult) -> IntArray:
        """Return who pays (positive) for those that lose at the prices, and who receives it (C7.3)."""
        income = (result.schedule_quanta * result.price[:, None]).sum(axis=0)
        gain = income - (result.schedule_quanta + result.idle_quanta).sum(axis=0) * self._cost - result.start_cost
        traded = ((result.discharge_quanta - result.charge_quanta) * result.price[:, None]).sum(axis=0)
        starts = np.append(np.isfinite(self._start_cost), np.zeros(len(traded), dtype=bool))
        loss = np.where(starts | (self._pricing == "lp"), np.maximum(-np.append(gain, traded), 0.0), 0.0)
        bought = result.demand_quanta.sum(axis=(1, 2)).astype(np.float64)
        amount = np.zeros(len(self.parties))
        if bought.any() and loss.any():
            amount[: len(bought)] = loss.sum() * bought / bought.sum()
            amount[len(bought) :] = -loss
        return round_to_zero_sum(amount)

    def deliver_as_planned(self, result: PoolResult) -> None:
        """Let the storages hold what they hold after a day on schedule."""
        for charge, discharge in zip(result.charge_quanta, result.discharge_quanta, strict=True):
            self.storages.follow(charge, discharge, 2.0 * float(discharge.sum()) + 8, 2**62)

    def online_offer(self, result: PoolResult, period: int, sold_before: IntArray) -> IntArray:
        """Return what each unit may sell online: capacity that the pool left, where it runs, within its ramp.

        Output that would idle may be sold. Beyond it output may not rise by more than the ramp from the period
        before, nor above what the next period's schedule can be reached from; that of tomorrow is not known yet.

        Parameters
        ----------
        result : PoolResult
            The day's pool.
        period : int
            Settlement period.
        sold_before : ndarray of int64, shape (units,)
            Sold online in the period before. [1e-6 kWh]

        Returns
        -------
        ndarray of int64, shape (units,)
            [1e-6 kWh]
        """
        schedule, (before, on) = result.schedule_quanta, self._today
        output = schedule + result.idle_quanta
        past = np.maximum(output[period - 1], schedule[period - 1] + sold_before) if period else before
        ahead = output[period + 1] if period + 1 < len(output) else output[period] - self._ramp
        more = np.minimum(past, ahead) + self._ramp - output[period]
        within = np.where(
            self._ramp == UNLIMITED, self.capacity[period], result.idle_quanta[period] + np.maximum(more, 0)
        )
        return np.where(on[period], np.minimum(within, self.capacity[period] - schedule[period]), 0)


class _Day(NamedTuple):
    """Solution of a day in quanta, prices in currency/kWh."""

    generation: FloatArray
    unserved: FloatArray
    spilled: FloatArray
    charge: FloatArray
    discharge: FloatArray
    on: NDArray[np.bool_]
    starts: IntArray
    price: FloatArray


class _CoupledModel:
    """The coupled pool's Pyomo model with its solver; energy in a power of two of quanta, as in the plain pool."""

    def __init__(self, pool: CoupledPool, technique: Technique, ramp: IntArray, minimum: IntArray) -> None:
        from gridagora.markets.pool_model import Couplings, build_pool_model
        from gridagora.markets.solver import PersistentSolver

        self._unit = solver_unit(pool.capacity)
        self._capacity, self._ramp, self._storages = pool.capacity, ramp, pool.storages
        self._floor, self._cap = pool.floor, pool.cap
        # What rounding of charge and discharge can move is kept free at both ends.
        spare = np.minimum(4.0 * len(pool.capacity), pool.storages.energy / 4)
        self._full, self._empty = pool.storages.energy - spare, spare
        couplings = Couplings(
            ramp=np.where(ramp == UNLIMITED, np.inf, ramp / self._unit),
            minimum=minimum / self._unit,
            start_cost=pool._start_cost / (self._unit * QUANTUM_KWH),
            power=pool.storages.power / self._unit,
            most=self._full / self._unit,
            least=self._empty / self._unit,
            efficiency=pool.storages.efficiency,
        )
        model = build_pool_model(pool.capacity / self._unit, pool._cost, pool.step_price, pool.floor, couplings)
        add_minimum_times(model, technique)
        self.model, self._solver = model, PersistentSolver(model, mip_rel_gap=GAP)
        self._timed, self._relaxes = list(model.timed), pool._pricing == "lp"
        self.solver = self._solver.described
        self._switches = list(model.variable_on.values())
        self._committed, self._ramped = couplings.committed, couplings.ramped
        self._on, self._starts = (self._solver.columns(v.values()) for v in (model.variable_on, model.variable_start))
        self._balances = self._solver.rows(model.constraint_balance.values())
        parts = (
            *(model.variable_generation, model.variable_unserved, model.variable_spilled),
            *(model.variable_charge, model.variable_discharge),
        )
        self._columns = [self._solver.columns(part.values()) for part in parts]
        self._stopped: list[Any] = []

    def solve(
        self, bids: IntArray, offered: IntArray, level: IntArray | None, before: Commitment, stored: FloatArray
    ) -> _Day:
        """Return the solution of a day that follows on `level`, `before` and `stored`."""
        self._solver.forget()
        self._set_day(bids, offered, level, before, stored)
        running = np.ones(self._capacity.shape, dtype=bool)
        starts = np.zeros(self._capacity.shape[1], dtype=np.int64)
        free = self._let_store()
        relaxed = self._relaxed_prices(free) if self._relaxes else None
        self._solver.solve([*free, *self._let_switch("Binary")])
        if self._switches:
            running[:, self._committed], starts[self._committed] = self._fix_switches(before.on)
        while rivals := self._both_ways():
            self._stopped += rivals
            for variable in rivals:
                variable.setub(0.0)
            self._solver.solve(rivals)
        values = (self._unit * part.reshape(len(bids), -1) for part in self._solver.values(*self._columns))
        generation, unserved, spilled, charge, discharge = values
        price = self._prices() if relaxed is None else relaxed
        return _Day(generation, unserved, spilled[:, 0], charge, discharge, running, starts, price)

    def _set_day(
        self, bids: IntArray, offered: IntArray, level: IntArray | None, before: Commitment, stored: FloatArray
    ) -> None:
        model, first = self.model, self._capacity[0]
        assign(list(model.net_demand.values()), (bids.sum(axis=1) - offered) / self._unit)
        assign(list(model.step_demand.values()), bids / self._unit)
        assign(list(model.surplus.values()), offered / self._unit)
        most, least = first, np.zeros_like(first)
        if level is not None:
            most, least = level + self._ramp, np.minimum(level - self._ramp, first)
        assign(list(model.most_first.values()), most[self._ramped] / self._unit)
        assign(list(model.least_first.values()), least[self._ramped] / self._unit)
        assign(list(model.on_before.values()), before.on[self._committed].astype(np.float64))
        for parameter, bound in zip((model.held_on, model.held_off), before.held(len(bids)), strict=True):
            assign(list(parameter.values()), bound[:, self._timed].astype(np.float64))
        held = np.clip(stored, self._empty, self._full) / self._unit  # no storage has to move for rounding's sake
        assign(list(model.stored_before.values()), held)
        assign(list(model.stored_after.values()), held)

    def _let_store(self) -> list[Any]:
        """Return the variables that were held at 0 on the day before, free again."""
        freed, self._stopped = self._stopped, []
        for variable in freed:
            variable.setub(float(self._storages.power[variable.index()[1]] / self._unit))
        return freed

    def _let_switch(self, domain: str) -> list[Any]:
        import pyomo.environ as pyo

        for variable in self._switches:
            variable.unfix()
            variable.domain = getattr(pyo, domain)
        return self._switches

    def _relaxed_prices(self, free: list[Any]) -> FloatArray:
        self._solver.solve([*free, *self._let_switch("UnitInterval")])
        return self._prices()

    def _fix_switches(self, on: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], IntArray]:
        """Fix the switches where they are and solve again for duals (C7.3); return what runs, and starts by unit."""
        import pyomo.environ as pyo

        running = self._solver.values(self._on)[0].reshape(len(self._capacity), -1) > 0.5
        for variable, value in zip(self._switches, running.reshape(-1).tolist(), strict=True):
            variable.domain = pyo.Reals
            variable.fix(float(value))
        self._solver.solve(self._switches)
        before = np.vstack([on[self._committed], running[:-1]])
        return running, (running & ~before).sum(axis=0)

    def _both_ways(self) -> list[Any]:
        """Return, where a storage charges and discharges at once to burn surplus, the smaller of the two."""
        charge, discharge = self._solver.values(*self._columns[3:])
        both = np.minimum(charge, discharge) * self._unit > 1.0
        columns = list(zip(self.model.variable_charge.values(), self.model.variable_discharge.values(), strict=True))
        return [columns[i][int(discharge[i] <= charge[i])] for i in np.flatnonzero(both)]

    def _prices(self) -> FloatArray:
        from gridagora.markets.solver import refuse_outside

        dual = self._solver.duals(self._balances)
        # Demand that empties a storage of efficiency e saves the spilling of 1 / e of surplus, at a floor below 0.
        lowest = self._floor / float(np.prod(self._storages.efficiency))
        refuse_outside(dual, lowest, self._cap)
        return np.clip(np.round(dual, DIGITS), self._floor, self._cap)


def _whole(energy_kwh: FloatArray) -> IntArray:
    """Return energy in quanta rounded down, `UNLIMITED` for infinity."""
    finite = np.where(np.isfinite(energy_kwh), energy_kwh, 0.0)
    return np.where(np.isfinite(energy_kwh), np.floor(finite / QUANTUM_KWH + 1e-6), UNLIMITED).astype(np.int64)


def _nearest(energy: FloatArray) -> IntArray:
    return np.rint(energy).astype(np.int64)
