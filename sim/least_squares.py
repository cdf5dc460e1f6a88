"""Columns of a table, and ordinary least squares with standard errors that allow unequal variances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
#: Least part of a regressor that the others must not explain, and most that one row may weigh [1].
LEAST_OWN, MOST_LEVERAGE = 1e-9, 1 - 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A regression.

    Attributes
    ----------
    coefficients : ndarray of float64, shape (k,)
        In the order of the regressors.
    covariance : ndarray of float64, shape (k, k)
        HC3 (MacKinnon and White 1985, doi:10.1016/0304-4076(85)90158-7).
    residuals : ndarray of float64, shape (n,)
        Response less what is fitted.
    freedom : float
        Rows less all coefficients, those of means that were subtracted before included.
    """

    coefficients: FloatArray
    covariance: FloatArray
    residuals: FloatArray
    freedom: float

    @property
    def errors(self) -> FloatArray:
        """Standard errors of the coefficients, shape (k,)."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))


def within_blocks(table: FloatArray, blocks: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
    """Return columns as deviations from the means of their blocks, and the leverage that these means take of each row.

    Parameters
    ----------
    table : ndarray of float64, shape (n, k)
        Columns of mean 0.
    blocks : ndarray, shape (n,)
        Block of each row.

    Returns
    -------
    deviations : ndarray of float64, shape (n, k)
        A regression on them is one with an intercept for each block (Frisch, Waugh and Lovell).
    taken : ndarray of float64, shape (n,)
        Beyond that of one intercept; it sums to the number of blocks less 1.
    """
    _, codes, sizes = np.unique(blocks, return_inverse=True, return_counts=True)
    sums = np.zeros((sizes.size, table.shape[1]))
    np.add.at(sums, codes, table)
    return table - (sums / sizes[:, None])[codes], 1 / sizes[codes] - 1 / codes.size


def least_squares(design: FloatArray, response: FloatArray, taken: FloatArray | float = 0.0) -> Fit:
    """Fit coefficients; their covariance is (X'X)^-1 X' diag(e_i^2 / (1 - h_i)^2) X (X'X)^-1, h_i the leverage.

    Parameters
    ----------
    design : ndarray of float64, shape (n, k)
        Regressors, a column of ones among them where there is to be an intercept.
    response : ndarray of float64, shape (n,)
        What is explained.
    taken : ndarray of float64, shape (n,), optional
        Leverage of means of blocks that were subtracted, as :func:`within_blocks` returns it.

    Raises
    ------
    ValueError
        If there are no more rows than regressors, regressors depend on each other, or a row alone decides a
        coefficient.
    """
    n, k = design.shape
    freedom = n - k - float(np.round(np.sum(taken)))
    if freedom <= 0:
        raise ValueError(f"given {n} rows for {n - freedom:g} coefficients; allowed more rows than coefficients")
    q, r = np.linalg.qr(design)
    if (np.abs(np.diag(r)) <= LEAST_OWN * np.linalg.norm(design, axis=0)).any():
        raise ValueError(
            "regressors depend on each other: each must vary on its own; leave one out, add points, or for paired runs "
            "a factor that moves the mediator beside x"
        )
    leverage = (q**2).sum(axis=1) + taken
    if leverage.max() > MOST_LEVERAGE:
        raise ValueError(f"row {leverage.argmax()} alone decides a coefficient; add points like it, or leave it out")
    coefficients = solve_triangular(r, q.T @ response)
    residuals = response - design @ coefficients
    weighed = q * (residuals / (1 - leverage))[:, None]
    half = solve_triangular(r, weighed.T)
    return Fit(coefficients, half @ half.T, residuals, freedom)


def require_columns(frame: pd.DataFrame, names: Sequence[str]) -> None:
    """Refuse names that are no columns.

    Raises
    ------
    KeyError
        With what there is.
    """
    if missing := [name for name in names if name not in frame]:
        raise KeyError(f"no column {', '.join(map(repr, missing))}; columns: {', '.join(map(str, frame.columns))}")


def standardised(values: pd.Series[Any], where: str) -> tuple[FloatArray, float, float]:
    """Return a column less its mean, over its standard deviation, and these two.

    Parameters
    ----------
    values : Series
        A column of numbers, or of true and false.
    where : str
        Begins the message.

    Raises
    ------
    ValueError
        If it holds anything but finite numbers, or one value alone.
    """
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{where}: given {values.iloc[0]!r}; allowed numbers: code texts first, such as 0 and 1")
    numbers = values.to_numpy(np.float64)
    if missing := int((~np.isfinite(numbers)).sum()):
        raise ValueError(f"{where}: {missing} of {numbers.size} values are not finite; leave these rows out")
    mean, scale = float(numbers.mean()), float(numbers.std())
    if scale <= 1e-14 * abs(mean):
        raise ValueError(f"{where}: all {numbers.size} values are {mean:g}; allowed columns that vary")
    return (numbers - mean) / scale, mean, scale
