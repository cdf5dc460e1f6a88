"""The day-ahead pool where ramps, start-up or storage couple the periods of a day (A5, C7.3, C7.4).

* The price of a period is the solver's dual of its balance. With start-up the binaries are fixed at their optimum and
  the linear program is solved again for it (C7.3); units that then lose on a day are paid the loss, `uplift`, which
  buyers bear in proportion to the energy they buy.
* A ramp limits the change of a unit's output from period to period, over midnight too; awards are rounded to quanta,
  so it holds to within as many quanta as there are units.
* Output that a ramp or a minimum load does not let units take back finds no buyer and is not sold: `idle_quanta`.
* A storage charges and discharges where that raises welfare, never both in one period, and ends the day with no less
  than it began. Several optima may exist, and HiGHS, which starts from the day before, picks one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gridagora.markets.day_ahead import DayAheadPool, Offers, PoolResult, as_quanta, close_gap
from gridagora.markets.orders import FloatArray, IntArray, read_only
from gridagora.markets.price_grid import QUANTUM_KWH, apportion, round_to_zero_sum
from gridagora.markets.storage import Storage, StorageFleet

DIGITS = 9  # of a dual, in currency/kWh: HiGHS is told 1e-10


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Technique:
    """How units may change their output; one entry a unit.

    Parameters
    ----------
    ramp_kwh : array_like, shape (units,), optional
        Most change of a period's energy to the next period's, infinite (the default) where there is no limit. [kWh]
    minimum_kwh : array_like, shape (units,), optional
        Least energy of a period in which the unit runs; counts where there is a start cost. [kWh]
    start_cost : array_like, shape (units,), optional
        Cost of a start; nan (the default) for units that neither start nor stop. [currency]

    Raises
    ------
    ValueError
        If columns differ in length, a ramp is not above 0, or a minimum load or start cost is negative or infinite.
    """

    ramp_kwh: FloatArray
    minimum_kwh: FloatArray
    start_cost: FloatArray

    def __init__(
        self,
        units: int,
        ramp_kwh: ArrayLike = np.inf,
        minimum_kwh: ArrayLike = 0.0,
        start_cost: ArrayLike = np.nan,
    ) -> None:
        for name, given, rule in (
            ("ramp_kwh", ramp_kwh, "above 0"),
            ("minimum_kwh", minimum_kwh, "finite and at least 0"),
            ("start_cost", start_cost, "finite and at least 0, or nan"),
        ):
            column = np.array(np.broadcast_to(np.asarray(given, dtype=np.float64), (units,)))
            good = column > 0 if name == "ramp_kwh" else (column >= 0) & (column < np.inf)
            if name == "start_cost":
                good |= np.isnan(column)
            if not good.all():
                first = int(np.argmin(good))
                raise ValueError(f"pool: {name} of unit {first} is {column[first]}; must be {rule}")
            object.__setattr__(self, name, read_only(column))

    @property
    def any_start(self) -> bool:
        """True if some unit starts up."""
        return bool(np.isfinite(self.start_cost).any())


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
        If `method` is "exact", or as in :class:`DayAheadPool`.
    """

    def __init__(
        self,
        offers: Offers,
        technique: Technique,
        storages: Sequence[Storage] = (),
        *,
        method: str = "auto",
        **terms: Any,
    ) -> None:
        if method == "exact":
            raise ValueError("pool: method 'exact' cannot couple periods by ramps, start-up or storage; use 'auto'")
        super().__init__(offers, method="exact", **terms)  # the merit order without its model
        self.parties = (*self.parties, *(storage.name for storage in storages))
        self.refuse_repeated()
        self.storages = StorageFleet(storages)
        self._technique, self._cost = technique, offers.cost
        self._ramp = _whole(technique.ramp_kwh)
        self._minimum = np.minimum(
            np.where(np.isnan(technique.start_cost), 0, _whole(technique.minimum_kwh)), self.capacity
        )
        self._model = _CoupledModel(self, offers.cost)
        self._level: IntArray | None = None
        self._on = np.ones(len(offers.name), dtype=bool)
        self._today = (self.capacity[0], np.ones(self.capacity.shape, dtype=bool))

    @property
    def price_rule(self) -> str:
        """How prices are found, in words."""
        return "solver's dual with binaries fixed, uplift" if self._technique.any_start else "solver's dual"

    @property
    def solver(self) -> dict[str, str]:
        """Name, version and method of the solver."""
        return self._model.solver

    def clear(self, demand_kwh: ArrayLike, surplus_kwh: ArrayLike = 0.0) -> PoolResult:
        """Clear all periods of the next day; as :meth:`DayAheadPool.clear`.

        The interval of a price is the price itself, its rule is the solver's.
        """
        demand = as_quanta("demand_kwh", demand_kwh, self.shape, axis=(0, 2))
        surplus = as_quanta("surplus_kwh", surplus_kwh, self.shape[:2], axis=0)
        bids, offered = demand.sum(axis=0), surplus.sum(axis=0)
        day = self._model.solve(bids, offered, self._level, self._on, self.storages.stored)
        charge, discharge = np.rint(day.charge).astype(np.int64), np.rint(day.discharge).astype(np.int64)
        bought = bids - np.rint(day.unserved).astype(np.int64)
        spilled = np.rint(day.spilled).astype(np.int64)
        idle = np.maximum(spilled - offered, 0)
        least = np.where(day.on, self._minimum, 0)
        level = np.clip(np.rint(day.generation).astype(np.int64), least, np.where(day.on, self.capacity, 0))
        taken_back = apportion(np.minimum(idle, level.sum(axis=1)), level)
        sold = np.column_stack([offered - spilled + idle, level - taken_back, discharge])
        power = np.broadcast_to(self.storages.power, charge.shape)
        most = np.column_stack([offered, np.where(day.on, self.capacity, 0), power])
        bought = np.column_stack([bought, charge])
        close_gap(np.column_stack([bids, power]), bought, most, sold)
        units, steps = self.capacity.shape[1], self.shape[2]
        schedule = sold[:, 1 : 1 + units]
        before = self._level if self._level is not None else self.capacity[0]
        self._today = (before, day.on)
        self._level, self._on = schedule[-1] + taken_back[-1], day.on[-1]
        starts = day.starts.sum(axis=0) * np.nan_to_num(self._technique.start_cost)
        return self._result(
            demand,
            surplus,
            day.price,
            bought[:, :steps],
            sold[:, 0],
            schedule,
            bought[:, steps:],
            sold[:, 1 + units :],
            starts,
            idle,
        )

    def deliver_as_planned(self, result: PoolResult) -> None:
        """Let the storages hold what they hold after a day on schedule."""
        for charge, discharge in zip(result.charge_quanta, result.discharge_quanta, strict=True):
            self.storages.follow(charge, discharge, 2.0 * float(discharge.sum()) + 8, 2**62)

    def online_offer(self, result: PoolResult, period: int, sold_before: IntArray) -> IntArray:
        """Return what each unit may sell online: capacity that the pool left, where it runs, within its ramp.

        Output may not rise by more than the ramp from the period before, nor above what the next period's schedule can
        be reached from; the schedule of tomorrow is not known yet.

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
        schedule = result.schedule_quanta
        now, (before, on) = schedule[period], self._today
        past = schedule[period - 1] + sold_before if period else before
        rise = past + self._ramp - now
        fall = schedule[period + 1] + self._ramp - now if period + 1 < len(schedule) else self._ramp * 0
        free = self._ramp == UNLIMITED
        within = np.where(free, self.capacity[period], np.minimum(rise, fall))
        return np.where(on[period], np.clip(within, 0, self.capacity[period] - now), 0)
