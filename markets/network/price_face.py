"""Every price vector that supports given awards on a network: the dual-optimal face (P2).

Complementary slackness with one optimal solution describes the face: an area's price lies between what its accepted and
its rejected steps say, and differs from the slack's only through limits that bind. So prices are ``basis @ t``: for
`dc` and `lin_dist_flow` t holds the slack's price and one value >= 0 for each binding limit; for `transport` it holds
one price for each group of areas that lines with room to spare connect. The face is the set of t that meet

    low <= quoted @ t <= high,   difference @ t >= 0

and has the few dimensions that the marginal steps leave free, most often none.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import highspy
import numpy as np
from scipy.optimize import nnls

from gridagora.markets.network.second_stage import empty_program
from gridagora.markets.orders import FloatArray

PINNED = 1e-12  # relative rank tolerance
SHORTEST = 1e-7  # weight of a short t against prices
SLACK = 1e-9  # currency/kWh by which rounding may empty the face


class Face(NamedTuple):
    """Prices ``basis @ t`` with ``low <= quoted @ t <= high`` and ``difference @ t >= 0``.

    Attributes
    ----------
    basis : ndarray, shape (areas, d)
        Prices of the areas.
    quoted : ndarray, shape (quotes, d)
        What an accepted or rejected step is compared with.
    low, high : ndarray, shape (quotes,)
        Highest of the accepted asks and the bids not filled; lowest of the accepted bids and the asks not filled,
        infinite where there are none. [currency/kWh]
    difference : ndarray, shape (signs, d)
        What must not be negative.
    """

    basis: FloatArray
    quoted: FloatArray
    low: FloatArray
    high: FloatArray
    difference: FloatArray


class FacePrices(NamedTuple):
    """The point of the face that the rule picks, and its extent.

    Attributes
    ----------
    point : ndarray, shape (d,)
        t of the prices.
    low, high : ndarray, shape (areas,)
        Least and greatest price of each area on the face, infinite where nothing limits it. [currency/kWh]
    """

    point: FloatArray
    low: FloatArray
    high: FloatArray


def prices_on(face: Face, k: float) -> FacePrices:
    """Return price intervals and the vector nearest to the place `k` in all of them (P2).

    Bounds are never mixed area by area: the vector of least squares to ``k high + (1 - k) low`` stays on the face, so
    it supports the awards and keeps the identity of congestion rent.

    Parameters
    ----------
    face : Face
        Must not be empty.
    k : float
        Place in the interval, 0 its lower and 1 its upper end.

    Raises
    ------
    RuntimeError
        If no price supports the awards.
    """
    pinned = face.low == face.high
    point, free = _solutions(face.quoted[pinned], face.low[pinned], face.basis.shape[1])
    start = face.basis @ point
    if free.shape[1] == 0:
        return FacePrices(point, start, start)
    rows = np.vstack([face.quoted, face.difference]) @ free
    offset = np.concatenate([face.quoted, face.difference]) @ point
    low = np.concatenate([face.low, np.zeros(len(face.difference))]) - offset - SLACK
    high = np.concatenate([face.high, np.full(len(face.difference), np.inf)]) - offset + SLACK
    moving = np.abs(rows).max(axis=1) > PINNED
    region = _Region(rows[moving], low[moving], high[moving])
    direction = face.basis @ free
    least, greatest = region.extent(direction)
    slack = np.minimum(SLACK, np.maximum(greatest - least, 0.0) / 2)
    least, greatest = least + slack, greatest - slack
    bounded = np.isfinite(least) & np.isfinite(greatest)
    step = region.nearest(direction[bounded], k * greatest[bounded] + (1 - k) * least[bounded])
    return FacePrices(point + free @ step, start + least, start + greatest)


def _solutions(rows: FloatArray, sides: FloatArray, dimensions: int) -> tuple[FloatArray, FloatArray]:
    """Return one solution of ``rows @ t = sides`` and a basis of the directions it leaves free."""
    if len(rows) == 0:
        return np.zeros(dimensions), np.eye(dimensions)
    left, size, right = np.linalg.svd(rows, full_matrices=True)
    rank = int((size > 1e-9 * size[0]).sum()) if size.size else 0
    point = right[:rank].T @ ((left[:, :rank].T @ sides) / size[:rank])
    return point, right[rank:].T


class _Region:
    """A polyhedron ``low <= rows @ s <= high``, of one dimension or of several."""

    def __init__(self, rows: FloatArray, low: FloatArray, high: FloatArray) -> None:
        self.rows, self.low, self.high = rows, low, high

    @property
    def _line(self) -> bool:
        return bool(self.rows.shape[1] == 1)

    def _ends(self) -> tuple[float, float]:
        slope = self.rows[:, 0]
        first, second = self.low / slope, self.high / slope
        return float(np.minimum(first, second).max(initial=-np.inf)), float(
            np.maximum(first, second).min(initial=np.inf)
        )

    def extent(self, direction: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the least and greatest value of each row of `direction` in the region."""
        still = np.abs(direction).max(axis=1) <= PINNED
        if self._line:
            ends = np.zeros((len(direction), 2))
            ends[~still] = direction[~still] * np.array(self._ends())
            return ends.min(axis=1), ends.max(axis=1)
        least, greatest = np.zeros(len(direction)), np.zeros(len(direction))
        program = self._program()
        columns = np.arange(self.rows.shape[1], dtype=np.int32)
        for area in np.flatnonzero(~still):
            for sign, found in ((1.0, least), (-1.0, greatest)):
                program.changeColsCost(len(columns), columns, sign * direction[area])
                program.clearSolver()  # after an unbounded one the next would start from its ray
                program.run()
                bounded = program.getModelStatus() == highspy.HighsModelStatus.kOptimal
                found[area] = sign * program.getInfo().objective_function_value if bounded else -sign * np.inf
        return least, greatest

    def nearest(self, direction: FloatArray, aim: FloatArray) -> FloatArray:
        """Return the point of the region where ``direction @ s`` is nearest to `aim`."""
        if self._line:
            low, high = self._ends()
            along = direction[:, 0]
            best = float(along @ aim / (along @ along)) if along.any() else 0.0
            return np.array([min(max(best, low), high) if low <= high else 0.5 * (low + high)])
        return _least_distance(direction, aim, self.rows, self.low, self.high)

    def _program(self) -> Any:
        program = empty_program({"presolve": "off"})
        width = self.rows.shape[1]
        for _ in range(width):
            program.addVar(-np.inf, np.inf)
        columns = np.arange(width, dtype=np.int32)
        for row, low, high in zip(self.rows, self.low, self.high, strict=True):
            program.addRow(low, high, width, columns, row)
        return program


def _least_distance(
    direction: FloatArray, aim: FloatArray, rows: FloatArray, low: FloatArray, high: FloatArray
) -> FloatArray:
    """Return the s of least ``|direction @ s - aim|`` with ``low <= rows @ s <= high``; the shortest of equals.

    Least squares with inequalities as a problem of least distance, solved by non-negative least squares (C. L. Lawson,
    R. J. Hanson: Solving Least Squares Problems, chapter 23, https://doi.org/10.1137/1.9781611971217). HiGHS's
    quadratic solver does not end on some of these, whose Hessian is singular.
    """
    width = rows.shape[1]
    tall = np.vstack([direction, SHORTEST * np.eye(width)])
    orthogonal, upper = np.linalg.qr(tall)
    target = orthogonal.T @ np.concatenate([aim, np.zeros(width)])
    below, above = np.isfinite(low), np.isfinite(high)
    sides = np.linalg.solve(upper.T, np.vstack([rows[below], -rows[above]]).T).T
    least = np.concatenate([low[below], -high[above]]) - sides @ target
    weights, _ = nnls(np.vstack([sides.T, least]), np.append(np.zeros(width), 1.0))
    residual = np.append(sides.T @ weights, least @ weights - 1.0)
    if abs(residual[-1]) < 1e-14:
        raise RuntimeError(
            "network: no price supports the awards: the solution is not optimal; report the market's data"
        )
    nearest: FloatArray = np.linalg.solve(upper, target - residual[:-1] / residual[-1])
    return nearest
