"""Units that start and stop: what binds them, and for how long they must run or rest (A5, C7.4).

The model is the usual one of three variables a unit and period: it runs (binary), it starts, it stops. Running now less
running before is start less stop; a unit that started within its minimum up time runs, one that stopped within its
minimum down time rests. Given the binaries, starts and stops are whole by themselves. The inequalities of the minimum
times are those of Rajan and Takriti (2005, IBM research report RC23628).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.markets.orders import FloatArray, IntArray, read_only

BoolArray = NDArray[np.bool_]
EVER = 2**31  # periods


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Technique:
    """How units may change their output; one entry a unit.

    Parameters
    ----------
    units : int
        Number of units.
    ramp_kwh : array_like, shape (units,), optional
        Most change of a period's energy to the next period's, infinite (the default) where there is no limit. [kWh]
    minimum_kwh : array_like, shape (units,), optional
        Least energy of a period in which the unit runs; counts where there is a start cost. [kWh]
    start_cost : array_like, shape (units,), optional
        Cost of a start; nan (the default) for units that neither start nor stop. [currency]
    minimum_up, minimum_down : array_like of int, shape (units,), optional
        Periods that a unit runs at least once it started, and rests at least once it stopped; count where there is a
        start cost. [periods]

    Raises
    ------
    ValueError
        If columns differ in length, a ramp is not above 0, a minimum load or start cost is negative or infinite, or a
        minimum time is not a whole number of at least 1.
    """

    ramp_kwh: FloatArray
    minimum_kwh: FloatArray
    start_cost: FloatArray
    minimum_up: IntArray
    minimum_down: IntArray

    def __init__(
        self,
        units: int,
        ramp_kwh: ArrayLike = np.inf,
        minimum_kwh: ArrayLike = 0.0,
        start_cost: ArrayLike = np.nan,
        minimum_up: ArrayLike = 1,
        minimum_down: ArrayLike = 1,
    ) -> None:
        for name, given, rule in (
            ("ramp_kwh", ramp_kwh, "above 0"),
            ("minimum_kwh", minimum_kwh, "finite and at least 0"),
            ("start_cost", start_cost, "finite and at least 0, or nan"),
            ("minimum_up", minimum_up, "a whole number of periods, at least 1"),
            ("minimum_down", minimum_down, "a whole number of periods, at least 1"),
        ):
            column = np.array(np.broadcast_to(np.asarray(given, dtype=np.float64), (units,)))
            good = column > 0 if name == "ramp_kwh" else (column >= 0) & (column < np.inf)
            if name == "start_cost":
                good |= np.isnan(column)
            if name in ("minimum_up", "minimum_down"):
                good &= (column >= 1) & (column == np.floor(column))
            if not good.all():
                first = int(np.argmin(good))
                raise ValueError(f"pool: {name} of unit {first} is {column[first]}; must be {rule}")
            value = column.astype(np.int64) if name in ("minimum_up", "minimum_down") else column
            object.__setattr__(self, name, read_only(value))


class Commitment:
    """Which units run, and for how many periods they have run or rested; all may stop when a run begins.

    Parameters
    ----------
    technique : Technique
        The units' minimum times.

    Attributes
    ----------
    on : ndarray of bool, shape (units,)
        Whether each unit ran in the last period.
    """

    def __init__(self, technique: Technique) -> None:
        self._up, self._down = technique.minimum_up, technique.minimum_down
        self.on: BoolArray = np.ones(len(self._up), dtype=bool)
        self._since: IntArray = np.full(len(self._up), EVER)

    def held(self, periods: int) -> tuple[BoolArray, BoolArray]:
        """Return where units have to run on and to rest on, in the next periods; shapes (periods, units)."""
        left = np.where(self.on, self._up, self._down) - self._since
        bound = np.arange(periods)[:, None] < left
        return bound & self.on, bound & ~self.on

    def follow(self, running: BoolArray) -> None:
        """Take note of what ran in the periods just cleared, shape (periods, units)."""
        periods = len(running)
        changed = np.diff(np.vstack([self.on, running]).astype(np.int8), axis=0) != 0
        last = np.where(changed.any(axis=0), periods - 1 - np.argmax(changed[::-1], axis=0), -1)
        self._since = np.where(last >= 0, periods - last, np.minimum(self._since + periods, EVER))
        self.on = running[-1].copy()


def add_minimum_times(model: Any, technique: Technique) -> None:
    """Add stops and minimum up and down times to a pool with start-up (C7.4).

    Adds the parameters `held_on` and `held_off` by period and unit with such a time: 1 where what ran or rested before
    the first period has to go on.

    Parameters
    ----------
    model : pyomo ConcreteModel
        From :func:`gridagora.markets.pool_model.build_pool_model`.
    technique : Technique
        The units.
    """
    import pyomo.environ as pyo  # half a second, which a pool without couplings need not spend

    up, down = technique.minimum_up.tolist(), technique.minimum_down.tolist()
    model.timed = pyo.Set(initialize=[g for g in model.committed if up[g] > 1 or down[g] > 1])
    model.held_on = pyo.Param(model.periods, model.timed, mutable=True, initialize=0.0)
    model.held_off = pyo.Param(model.periods, model.timed, mutable=True, initialize=0.0)
    model.variable_stop = pyo.Var(model.periods, model.timed, bounds=(0.0, 1.0))
    on, start, stop = model.variable_on, model.variable_start, model.variable_stop
    model.constraint_switch = pyo.Constraint(
        model.periods,
        model.timed,
        rule=lambda m, t, g: (
            on[t, g] - (on[t - 1, g] if t else 0.0) - start[t, g] + stop[t, g] == (0.0 if t else m.on_before[g])
        ),
    )
    model.constraint_up = pyo.Constraint(
        model.periods,
        model.timed,
        rule=lambda _, t, g: pyo.quicksum(start[i, g] for i in range(max(0, t - up[g] + 1), t + 1)) <= on[t, g],
    )
    model.constraint_down = pyo.Constraint(
        model.periods,
        model.timed,
        rule=lambda _, t, g: pyo.quicksum(stop[i, g] for i in range(max(0, t - down[g] + 1), t + 1)) <= 1 - on[t, g],
    )
    model.constraint_held_on = pyo.Constraint(
        model.periods, model.timed, rule=lambda m, t, g: on[t, g] >= m.held_on[t, g]
    )
    model.constraint_held_off = pyo.Constraint(
        model.periods, model.timed, rule=lambda m, t, g: on[t, g] + m.held_off[t, g] <= 1
    )
