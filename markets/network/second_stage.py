"""Among the optima of a market the largest volume, and among those equal shares (C2), whatever the network.

The first solution and its duals describe the optimal face: a variable with a reduced cost, and a constraint with a
dual, stay where they are. On that face a second program is solved, on a copy of the HiGHS model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray

from gridagora.markets.orders import FloatArray, InfeasibleMarket, IntArray
from gridagora.markets.solver import OPTIONS, run, set_option

AT_MARGIN = 1e-9  # currency/kWh
SPARE = 1e-7  # of the unit of the solve
SMALLER = 2.0**-9  # energy in a unit in which the quadratic program is well scaled
#: HiGHS fails at its own regularisation of 0, and at tolerances near rounding.
FACE_OPTIONS = {
    "qp_regularization_value": 1e-11,
    "qp_iteration_limit": 10_000,
    "primal_feasibility_tolerance": 1e-8,
    "dual_feasibility_tolerance": 1e-8,
}


def settle_ties(highs: highspy.Highs, sold: IntArray, bought: IntArray, values: FloatArray) -> FloatArray:
    """Return the solution of largest volume, its marginal steps filled in proportion as far as lines allow.

    Parameters
    ----------
    highs : Highs
        Solved welfare model; it is not changed.
    sold, bought : ndarray of int64, shape (asks,), (bids,)
        Columns of the awards.
    values : ndarray, shape (columns,)
        Its solution, returned as it is where no step has an equal.

    Returns
    -------
    ndarray, shape (columns,)

    Raises
    ------
    InfeasibleMarket
        If HiGHS does not end at an optimum on the face, neither of squared shares nor of their spread.
    """
    solution = highs.getSolution()
    program = highs.getLp()
    high, price = np.array(program.col_upper_), np.array(program.col_cost_)
    free = np.abs(np.asarray(solution.col_dual)) <= AT_MARGIN * np.maximum(1.0, np.abs(price))
    asks, bids = (side[free[side] & (high[side] > 0)] for side in (sold, bought))
    more = (values[asks] < high[asks] - SPARE).any() and (values[bids] < high[bids] - SPARE).any()
    tied = _repeats(price[asks]) or _repeats(price[bids])
    if not (more or tied):
        return values
    face = _face(program, np.asarray(solution.row_dual), np.asarray(solution.row_value), values, free)
    columns = np.arange(len(values), dtype=np.int32)
    goal = np.zeros(len(values))
    if more:
        goal[asks] = -1.0
        face.changeColsCost(len(goal), columns, goal)
        run(face, "largest volume")
        values = np.asarray(face.getSolution().col_value) / SMALLER
    if tied:
        face.changeColsCost(len(goal), columns, 0.0 * goal)
        if len(asks) and len(bids):
            volume = SMALLER * float(values[asks].sum())
            face.addRow(volume, volume, len(asks), asks.astype(np.int32), np.ones(len(asks)))
        steps = np.sort(np.concatenate([asks, bids])).astype(np.int32)
        start = np.searchsorted(steps, np.arange(len(goal) + 1)).astype(np.int32)
        weight = np.median(high[steps]) / high[steps]
        face.passHessian(len(goal), len(steps), int(highspy.HessianFormat.kTriangular), start, steps, weight)
        try:
            run(face, "equal shares")
        except InfeasibleMarket:  # HiGHS's quadratic programs end with errors at times
            face.passHessian(len(goal), 0, int(highspy.HessianFormat.kTriangular), 0 * start, steps[:0], weight[:0])
            _least_spread(face, [asks, bids], high)
        values = np.asarray(face.getSolution().col_value)[: len(goal)] / SMALLER
    return values


def _least_spread(face: Any, sides: list[IntArray], high: FloatArray) -> None:
    """Solve for the least difference between the highest and the lowest share of a side: 0 where lines allow it."""
    for steps in sides:
        first = face.getNumCol()
        for cost in (1.0, -1.0):  # highest and lowest share
            face.addVar(0.0, 1.0)
            face.changeColCost(face.getNumCol() - 1, cost)
        for step in steps.tolist():
            for share, ends in ((first, (-np.inf, 0.0)), (first + 1, (0.0, np.inf))):
                row = np.array([1.0, -SMALLER * high[step]])
                face.addRow(*ends, 2, np.array([step, share], dtype=np.int32), row)
    run(face, "least spread of shares")


def _face(
    program: highspy.HighsLp, dual: FloatArray, activity: FloatArray, values: FloatArray, free: NDArray[np.bool_]
) -> Any:
    """Return the program with what has a dual or a reduced cost held at its place, in a larger unit of energy."""
    face = empty_program(FACE_OPTIONS)
    face.passModel(program)
    low, high = (np.where(free, side, values) * SMALLER for side in (program.col_lower_, program.col_upper_))
    face.changeColsBounds(len(low), np.arange(len(low), dtype=np.int32), low, high)
    held = np.abs(dual) > AT_MARGIN
    low, high = (np.where(held, activity, side) * SMALLER for side in (program.row_lower_, program.row_upper_))
    face.changeRowsBounds(len(low), np.arange(len(low), dtype=np.int32), low, high)
    return face


def empty_program(options: Mapping[str, Any]) -> Any:
    """Return a HiGHS object without a model, with the options of all models and those given."""
    program: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, value in {**OPTIONS, **options}.items():
        set_option(program, name, value)
    return program


def _repeats(price: FloatArray) -> bool:
    """Return whether a price stands twice."""
    return len(np.unique(price)) < len(price)
