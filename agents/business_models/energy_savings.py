"""What energy services save, as it is measured and valued: baselines, break-even shares (model.md D1).

A baseline is a regression of consumption on what drives it before the measure, such as production and degree days. Put
forward to the drivers of the time after it, it says what would have been consumed: the saving is that less what was
consumed (International Performance Measurement and Verification Protocol, option C: the whole facility's meter).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.sim.bounds import within
from gridagora.sim.finance import annuity_factor

Floats = NDArray[np.float64]

#: Calorific value of electricity: 3.6 MJ over 29.307 MJ/kgce (GB/T 2589-2008, annex A) [kgce/kWh].
KGCE_PER_KWH = 0.1229
#: Bases of degree days by Chinese building codes: heating below, cooling above them (mem) [degC].
HEATING_BASE, COOLING_BASE = 18.0, 26.0


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """Consumption as a linear function of its drivers, with an intercept.

    Attributes
    ----------
    coefficients : ndarray of float64, shape (k + 1,)
        Consumption of a period without any driver [kWh], then that of a unit of each driver [kWh/unit].
    deviation : float
        Standard deviation of what drivers do not explain, by degrees of freedom [kWh].
    r_squared : float
        Share of the variance that they explain [1]; nan if consumption was constant.
    cv_rmse : float
        `deviation` over mean consumption [1].
    spread : ndarray of float64, shape (k + 1, k + 1)
        Covariance of the coefficients over the square of `deviation`.
    """

    coefficients: Floats
    deviation: float
    r_squared: float
    cv_rmse: float
    spread: Floats

    def adjusted(self, drivers: ArrayLike) -> Floats:
        """Return what would have been consumed with other drivers, shape (m,) [kWh].

        Parameters
        ----------
        drivers : array-like, shape (m, k)
            In the order of the fit.
        """
        return np.asarray(_design(drivers, self.coefficients.size) @ self.coefficients)

    def saving(self, consumed_kwh: ArrayLike, drivers: ArrayLike) -> tuple[float, float]:
        """Return what was saved in some periods together, and its standard error [kWh].

        The error has two parts, that of the periods themselves and that of the coefficients, which does not average
        out: it is why an error of measurement stays the same over a contract.

        Parameters
        ----------
        consumed_kwh : array-like, shape (m,)
            Metered with the measure [kWh].
        drivers : array-like, shape (m, k)
            Of the same periods.
        """
        consumed, design = within("consumed_kwh", consumed_kwh), _design(drivers, self.coefficients.size)
        if consumed.shape != (len(design),):
            raise ValueError(f"consumed_kwh: given shape {consumed.shape}; allowed one value for each of {len(design)}")
        total = design.sum(axis=0)
        variance = len(design) + total @ self.spread @ total
        return float((design @ self.coefficients - consumed).sum()), float(self.deviation * np.sqrt(variance))


def fit_baseline(consumed_kwh: ArrayLike, drivers: ArrayLike) -> Baseline:
    """Fit a baseline by least squares.

    Parameters
    ----------
    consumed_kwh : array-like, shape (n,)
        Metered before the measure, by period [kWh].
    drivers : array-like, shape (n, k)
        What drives it, such as production, heating and cooling degree days.

    Raises
    ------
    ValueError
        If periods are too few, or a driver is constant or follows from the others.
    """
    consumed = within("consumed_kwh", consumed_kwh, 0.0)
    design = _design(drivers)
    n, k = design.shape
    if consumed.shape != (n,) or n <= k:
        raise ValueError(f"consumed_kwh: given shape {consumed.shape}; allowed one of {n} periods, and more than {k}")
    if np.linalg.matrix_rank(design) < k:
        raise ValueError("drivers: one is constant or follows from the others; allowed independent ones")
    coefficients = np.asarray(np.linalg.lstsq(design, consumed, rcond=None)[0], np.float64)
    residual, mean = consumed - design @ coefficients, float(consumed.mean())
    deviation = float(np.sqrt(residual @ residual / (n - k)))
    total = float(((consumed - mean) ** 2).sum())
    spread = np.asarray(np.linalg.inv(design.T @ design), np.float64)
    for column in (coefficients, spread):
        column.flags.writeable = False
    explained = 1 - float(residual @ residual) / total if total > 0 else float("nan")
    return Baseline(coefficients, deviation, explained, deviation / mean if mean > 0 else float("nan"), spread)


def _design(drivers: ArrayLike, columns: int | None = None) -> Floats:
    values = within("drivers", drivers)
    if values.ndim != 2 or columns not in (None, values.shape[1] + 1):
        wanted = "two axes" if columns is None else f"shape (m, {columns - 1})"
        raise ValueError(f"drivers: given shape {values.shape}; allowed {wanted}: a row a period, a column a driver")
    return np.column_stack([np.ones(len(values)), values])


def degree_days(
    temperature: ArrayLike, heating_base: float = HEATING_BASE, cooling_base: float = COOLING_BASE
) -> tuple[float, float]:
    """Return heating and cooling degree days of a time [K d].

    Parameters
    ----------
    temperature : array-like, shape (days,)
        Mean temperature of each day [degC].
    heating_base, cooling_base : float
        Heating is counted below, cooling above them [degC].

    Examples
    --------
    >>> degree_days([8.0, 20.0, 28.5])
    (10.0, 2.5)
    """
    days = within("temperature", temperature)
    return float(np.maximum(heating_base - days, 0).sum()), float(np.maximum(days - cooling_base, 0).sum())


def break_even_share(
    investment: ArrayLike,
    value_saved: ArrayLike,
    rate: float,
    years: int,
    yearly_cost: ArrayLike = 0.0,
    default_per_year: float = 0.0,
) -> Floats:
    """Return the share of the saving at which a service company's investment is just worth it: I / (p S a_n).

    Parameters
    ----------
    investment : array-like, shape (n,)
        I, less what the government pays of it, at least 0 [currency].
    value_saved : array-like, shape (n,)
        p S, above 0 [currency/a].
    rate : float
        Discount rate [1/a].
    years : int
        Years for which the saving is shared [a].
    yearly_cost : array-like, shape (n,)
        Operation and measurement, at least 0 [currency/a].
    default_per_year : float
        Probability that the customer defaults within a year, from which on nothing is paid, below 1 [1/a].

    Returns
    -------
    ndarray of float64, shape (n,)
        [1]; above 1 where even the whole saving is not enough.
    """
    chance = float(within("default_per_year", default_per_year, 0.0, np.nextafter(1.0, 0.0)))
    factor = annuity_factor((1 + rate) / (1 - chance) - 1, years)
    cost = within("investment", investment, 0.0) / factor + within("yearly_cost", yearly_cost, 0.0)
    return np.asarray(cost / within("value_saved", value_saved, np.nextafter(0.0, 1.0)))
