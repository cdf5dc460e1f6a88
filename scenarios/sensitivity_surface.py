"""A key figure as a polynomial of two factors of a sweep, with its error where it was not told the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from gridagora.scenarios.sensitivity_factors import Floats, is_numeric
from gridagora.scenarios.sensitivity_values import SweepLike, design_of, noise_variance, opened, values_of
from gridagora.scenarios.sweep_file import Range, Sweep
from gridagora.sim.plugin import unknown


class Prediction(NamedTuple):
    """What a response surface says at some places.

    Attributes
    ----------
    value : ndarray of float64
        Key figure [unit].
    error : ndarray of float64
        Standard error of the surface itself [unit].
    scatter : ndarray of float64
        Standard error of another row at this place: the surface's and what it leaves unexplained [unit].
    """

    value: Floats
    error: Floats
    scatter: Floats


@dataclass(frozen=True, slots=True)
class Axis:
    """A factor of a response surface.

    Attributes
    ----------
    key : str
        Dotted key of the scenario.
    low, high : float
        Ends of its range, or of the values of the rows.
    log : bool
        Whether the polynomial is one of the logarithm.
    """

    key: str
    low: float
    high: float
    log: bool

    def scaled(self, values: ArrayLike) -> Floats:
        """Return values from -1 at the lowest to 1 at the highest.

        Raises
        ------
        ValueError
            If some are outside: a polynomial knows nothing there.
        """
        given = np.asarray(values, dtype=np.float64)
        room = 1e-9 * (self.high - self.low)
        if np.any(~((given >= self.low - room) & (given <= self.high + room))):
            raise ValueError(
                f"{self.key}: given {given.tolist()}; allowed {self.low:g} to {self.high:g}, where the sweep was"
            )
        ends = np.array([self.low, self.high])
        if self.log:
            given, ends = np.log(given), np.log(ends)
        scaled: Floats = 2 * (given - ends[0]) / (ends[1] - ends[0]) - 1
        return scaled


@dataclass(frozen=True, slots=True)
class ResponseSurface:
    """A polynomial of two factors, fitted to the means of the rows of a sweep by least squares.

    Attributes
    ----------
    kpi, scope, unit : str
        The key figure.
    x, y : Axis
        The factors.
    degree : int
        Highest total power of the polynomial.
    coefficients : pandas.DataFrame
        One row a term: powers of `x` and `y`, each scaled to -1 ... 1, `value` and standard error `error` [unit].
    points : pandas.DataFrame
        One line a row of the sweep: `row`, `x`, `y`, `value`, `fitted`, and `left_out`, what the surface says there
        when it is fitted to the rows at all other places [unit].
    r2 : float
        Share of the variance that the surface explains [1].
    r2_left_out : float
        The same for rows that it was not fitted to, those at one place left out at a time [1]; below 0 the mean would
        say more.
    error_left_out : float
        Root mean square error of these [unit].
    residual : float
        Standard deviation of rows around the surface [unit].
    noise : float
        Standard error of the mean of a row that comes from its seeds [unit]; nan with one replication. Where the
        residual is much larger, the key figure is no such polynomial, or other factors move it.
    varying : tuple of str
        Other factors that vary in these rows; what they do is in the residual.
    covariance : ndarray of float64, shape (terms, terms)
        Of the coefficients [unit^2].
    """

    kpi: str
    scope: str
    unit: str
    x: Axis
    y: Axis
    degree: int
    coefficients: pd.DataFrame
    points: pd.DataFrame
    r2: float
    r2_left_out: float
    error_left_out: float
    residual: float
    noise: float
    varying: tuple[str, ...]
    covariance: Floats

    def predict(self, x: ArrayLike, y: ArrayLike) -> Prediction:
        """Return what the surface says at some places.

        Parameters
        ----------
        x, y : array-like of float
            Values of the factors, of one shape.

        Raises
        ------
        ValueError
            If some are outside the sweep.
        """
        terms = _terms(self.x.scaled(x), self.y.scaled(y), self.degree)
        variance = np.einsum("...i,ij,...j->...", terms, self.covariance, terms)
        value = terms @ self.coefficients["value"].to_numpy()
        return Prediction(value, np.sqrt(variance), np.sqrt(variance + self.residual**2))


def response_surface(
    result: SweepLike,
    kpi: str,
    x: str,
    y: str,
    scope: str = "system",
    *,
    degree: int = 2,
    at: Mapping[str, Any] | None = None,
) -> ResponseSurface:
    """Fit a polynomial of two factors to a key figure.

    Replications of a row are averaged first. The errors of prediction assume that what is left is independent noise of
    one size; `r2_left_out` and `error_left_out` do not.

    Parameters
    ----------
    result : SweepResult or path-like
        The sweep; rows without a value are left out.
    kpi : str
        Key figure.
    x, y : str
        Dotted keys of two factors whose values are numbers.
    scope : str
        ``"system"``, or the name of a population or party.
    degree : int
        Highest total power, 1 to 3.
    at : mapping, optional
        Values of other factors: only rows that have them count.

    Returns
    -------
    ResponseSurface

    Raises
    ------
    ValueError
        If there is no such key figure, scope or factor, or the rows are too few or too alike for the polynomial.
    """
    found = opened(result)
    sweep, rows = design_of(found)
    fixed = dict(at or {})
    _refuse_factors(x, y, fixed, rows, degree)
    (values,) = values_of(found, [kpi], scope)
    chosen = [
        row
        for row, factors in enumerate(rows)
        if values.counts[row] and all(factors[key] == value for key, value in fixed.items())
    ]
    xs, ys = (np.array([rows[row][key] for row in chosen], dtype=np.float64) for key in (x, y))
    axes = _axis(sweep, x, xs), _axis(sweep, y, ys)
    terms = _terms(axes[0].scaled(xs), axes[1].scaled(ys), degree)
    _refuse_alike(terms, {x: xs, y: ys}, degree)
    fit = _fit(terms, values.means[chosen])
    powers = np.array(_powers(degree))
    first = rows[chosen[0]]
    return ResponseSurface(
        *(kpi, scope, values.unit, *axes, degree),
        pd.DataFrame(
            {"x_power": powers[:, 0], "y_power": powers[:, 1], "value": fit.coefficients}
            | {"error": np.sqrt(np.diag(fit.covariance))}
        ),
        pd.DataFrame(
            {"row": chosen, "x": xs, "y": ys, "value": values.means[chosen]}
            | {"fitted": fit.fitted, "left_out": fit.left_out}
        ),
        r2=_explained(values.means[chosen], fit.fitted),
        r2_left_out=_explained(values.means[chosen], fit.left_out),
        error_left_out=float(np.sqrt(np.mean((values.means[chosen] - fit.left_out) ** 2))),
        residual=fit.residual,
        noise=float(np.sqrt(noise_variance(values.runs[chosen]))),
        varying=tuple(k for k in first if k not in (x, y) and any(rows[row][k] != first[k] for row in chosen)),
        covariance=fit.covariance,
    )


class _Fit(NamedTuple):
    coefficients: Floats
    covariance: Floats
    fitted: Floats
    left_out: Floats
    residual: float


def _fit(terms: Floats, values: Floats) -> _Fit:
    """Fit by least squares; what a row would be without those at its place follows from its leverage."""
    inverse = np.linalg.pinv(terms)
    coefficients = inverse @ values
    rest = values - terms @ coefficients
    leverage = np.sum(terms * inverse.T, axis=1)
    # Rows at one place would tell each other: they are left out together. All have the same leverage h, so that of
    # residuals r the error is r + h sum(r) / (1 - m h) for m rows, r / (1 - h) for one.
    _, place = np.unique(terms, axis=0, return_inverse=True)
    together, alike = np.bincount(place, rest)[place], np.bincount(place)[place]
    left = 1 - alike * leverage
    # A place that alone settles a term says nothing about places that were left out.
    error = rest + np.divide(leverage * together, left, out=np.full(len(rest), np.inf), where=left > 1e-9)
    variance = float(rest @ rest) / (len(rest) - terms.shape[1])
    covariance = variance * (inverse @ inverse.T)
    covariance.setflags(write=False)
    return _Fit(coefficients, covariance, values - rest, values - error, float(np.sqrt(variance)))


def _explained(values: Floats, told: Floats) -> float:
    spread = float(np.sum((values - values.mean()) ** 2))
    return 1 - float(np.sum((values - told) ** 2)) / spread if spread else np.nan


def _refuse_factors(x: str, y: str, fixed: Mapping[str, Any], rows: list[dict[str, Any]], degree: int) -> None:
    for key in (x, y, *fixed):
        if key not in rows[0]:
            raise ValueError(unknown("factor", key, rows[0]))
    for key in (x, y):
        if not is_numeric([row[key] for row in rows]):
            raise ValueError(f"{key}: its values are no numbers; give at={{{key!r}: ...}} and take another factor")
    if x == y or {x, y} & fixed.keys():
        raise ValueError(f"given x {x!r}, y {y!r}, at {dict(fixed)}; allowed two factors, others in at")
    if degree not in (1, 2, 3):
        raise ValueError(f"degree: given {degree}; allowed 1, 2 or 3")
    for key, value in fixed.items():
        if all(row[key] != value for row in rows):
            known = list(dict.fromkeys(str(row[key]) for row in rows))
            raise ValueError(f"at: no row has {key} {value!r}; there are {', '.join(known[:8])}")


def _axis(sweep: Sweep, key: str, values: Floats) -> Axis:
    factor = sweep.factors[key]
    if len(np.unique(values)) < 2:
        raise ValueError(f"{key}: given {len(values)} rows of one value; allowed two different values or more")
    low, high = float(values.min()), float(values.max())
    if not isinstance(factor, Range):
        return Axis(key, low, high, False)
    low, high = min(factor.low, low), max(factor.high, high)  # the base's own value may be outside, one at a time
    return Axis(key, low, high, factor.log and low > 0)


def _powers(degree: int) -> list[tuple[int, int]]:
    return [(total - j, j) for total in range(degree + 1) for j in range(total + 1)]


def _terms(x: Floats, y: Floats, degree: int) -> Floats:
    return np.stack([x**i * y**j for i, j in _powers(degree)], axis=-1)


def _refuse_alike(terms: Floats, given: Mapping[str, Floats], degree: int) -> None:
    rows, number = terms.shape
    if rows <= number:
        raise ValueError(f"given {rows} rows for {number} coefficients; allowed more rows, or a lower degree")
    if np.linalg.matrix_rank(terms) < number:
        levels = " and ".join(f"{len(np.unique(values))} of {key}" for key, values in given.items())
        raise ValueError(
            f"the rows do not settle a polynomial of degree {degree}: different values are {levels}; allowed "
            f"{degree + 1} of each in all combinations: give more values, or a lower degree"
        )
