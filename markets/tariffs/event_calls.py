"""Rules that call the few event days of a critical-peak price or a rebate (model.md B4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.markets.tariffs.metered import FloatArray


def _finite(name: str, values: ArrayLike) -> FloatArray:
    given = np.asarray(values, np.float64)
    if given.ndim != 1 or not given.size or not np.isfinite(given).all():
        raise ValueError(f"{name}: given shape {given.shape} or values that are not finite; allowed finite, one a day")
    return given


def _within(name: str, value: int, highest: int) -> None:
    if not 1 <= value <= highest:
        raise ValueError(f"{name}: given {value}; allowed 1 to {highest}, the number of days")


def call_highest(forecast_kw: ArrayLike, calls: int) -> NDArray[np.bool_]:
    """Call the days with the highest forecasts, the earlier one of equals.

    It takes the forecast of the whole season at its beginning: a plan, or the bound that no rule of
    :func:`call_by_threshold` passes.

    Parameters
    ----------
    forecast_kw : array_like, shape (days,)
        Forecast of each day's highest residual load [kW].
    calls : int
        Days to call, 1 to days.

    Returns
    -------
    ndarray of bool, shape (days,)

    Raises
    ------
    ValueError
        If a forecast is not finite or the calls are out of range.
    """
    forecast = _finite("forecast_kw", forecast_kw)
    _within("calls", calls, forecast.size)
    called = np.zeros(forecast.size, np.bool_)
    called[np.argsort(-forecast, kind="stable")[:calls]] = True
    return called


def call_thresholds(sample_kw: ArrayLike, days: int, calls: int) -> FloatArray:
    """Return from which forecast on a day is worth a call, by optimal stopping.

    V(k, d), the highest expected sum of called peaks with k calls and d days left, obeys
    V(k, d) = E max(x + V(k - 1, d - 1), V(k, d - 1)), so a day is called if its forecast reaches
    V(k, d - 1) - V(k - 1, d - 1). Daily peaks x are taken as independent draws of the sample.

    Parameters
    ----------
    sample_kw : array_like, shape (m,)
        Daily peaks of past seasons [kW], at least 0.
    days : int
        Days of the season.
    calls : int
        Days to call, 1 to days.

    Returns
    -------
    ndarray of float64, shape (calls, days)
        Threshold with k + 1 calls left before the last d + 1 days [kW]; 0 where every day left can be called.

    Raises
    ------
    ValueError
        If the sample is empty, negative or not finite, or calls or days are out of range.
    """
    sample = _finite("sample_kw", sample_kw)
    if sample.min() < 0:
        raise ValueError(f"sample_kw: given {sample.min():g}; allowed at least 0; add the same amount to all loads")
    _within("calls", calls, days)
    value = np.zeros(calls + 1)
    thresholds = np.empty((calls, days))
    for left in range(days):
        thresholds[:, left] = np.diff(value)
        reached = np.maximum(sample + value[:-1, None], value[1:, None]).mean(axis=1)
        value = np.concatenate(([0.0], reached))
    return thresholds


def call_by_threshold(forecast_kw: ArrayLike, sample_kw: ArrayLike, calls: int) -> NDArray[np.bool_]:
    """Call days one by one, each on the forecast of the day before alone.

    Parameters
    ----------
    forecast_kw : array_like, shape (days,)
        Day-ahead forecast of each day's highest residual load [kW].
    sample_kw : array_like, shape (m,)
        Daily peaks of past seasons [kW], at least 0.
    calls : int
        Days to call, 1 to days.

    Returns
    -------
    ndarray of bool, shape (days,)

    Raises
    ------
    ValueError
        As :func:`call_thresholds` and :func:`call_highest`.
    """
    forecast = _finite("forecast_kw", forecast_kw)
    thresholds = call_thresholds(sample_kw, forecast.size, calls)
    called, left = np.zeros(forecast.size, np.bool_), calls
    for day, peak in enumerate(forecast):
        if left and peak >= thresholds[left - 1, forecast.size - 1 - day]:
            called[day] = True
            left -= 1
    return called
