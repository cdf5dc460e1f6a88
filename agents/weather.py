"""Synthetic weather and the PV output that follows from it (model.md A0, A3).

Temperature is a yearly and a daily cosine with autoregressive noise; irradiation is that of a clear sky times a
clearness with a Beta law, made persistent by a Gaussian copula. Noise and clearness hold for an hour. Every hour of
the calendar has its own draws, so a date's weather does not depend on where a run begins or ends, nor on its
settlement period.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import betaincinv, ndtr

from gridagora.agents.exogenous import autoregression
from gridagora.sim.clock import PERIOD_MINUTES
from gridagora.sim.plugin import Frozen
from gridagora.sim.streams import Streams

Floats = NDArray[np.float64]

#: Days that the noise runs in before the first one, so that where it starts is forgotten (0.99**720 = 7e-4 at worst).
RUN_IN_DAYS = 30
#: Step in which the sun is followed; each settlement period is a mean over it. [min]
_STEP = 5

Persistence = Annotated[float, Field(ge=0, le=0.99)]


class Climate(Frozen):
    """Parameters of synthetic weather (model.md A0)."""

    latitude_deg: Annotated[float, Field(ge=-90, le=90)] = 35.0
    """Latitude, north positive [degree] (ill)."""
    solar_noon_hour: Annotated[float, Field(ge=9, le=15)] = 12.0
    """Time on the run's clock when the sun is highest, the same all year [h] (ill)."""
    mean_temperature: Annotated[float, Field(ge=-30, le=40)] = 12.0
    """Mean of the year [degC] (ill)."""
    yearly_amplitude: Annotated[float, Field(ge=0, le=40)] = 12.0
    """Amplitude from summer to mean [K] (ill)."""
    warmest_day: Annotated[float, Field(ge=0, le=366)] = 200.0
    """Day of the year around which it is warmest, 1 on 1 January [d] (ill)."""
    daily_amplitude: Annotated[float, Field(ge=0, le=20)] = 4.0
    """Amplitude from 15:00, the warmest hour, to the day's mean [K] (ill)."""
    noise_sigma: Annotated[float, Field(ge=0, le=20)] = 2.0
    """Standard deviation of the deviation from the two cosines [K] (ill; model.md A0)."""
    noise_rho: Persistence = 0.9
    """Correlation of the deviation from hour to hour [1] (ill; model.md A0)."""
    clearness_alpha: Annotated[float, Field(gt=0, le=100)] = 2.4
    """First parameter of the Beta law of clearness; its mean is alpha / (alpha + beta) [1] (ill)."""
    clearness_beta: Annotated[float, Field(gt=0, le=100)] = 1.2
    """Second parameter of the Beta law of clearness [1] (ill)."""
    clearness_rho: Persistence = 0.95
    """Correlation from hour to hour of the normal variable behind clearness [1] (ill)."""


@dataclass(frozen=True, slots=True, eq=False)
class Weather:
    """Weather of some days.

    Attributes
    ----------
    first_day : date
        First day.
    temperature : ndarray of float64, shape (n_days, periods)
        Air temperature, mean of each settlement period. [degC]
    irradiance : ndarray of float64, shape (n_days, periods)
        Global horizontal irradiance, mean of each settlement period. [W/m2]
    """

    first_day: date
    temperature: Floats
    irradiance: Floats

    def __post_init__(self) -> None:
        self.temperature.flags.writeable = False
        self.irradiance.flags.writeable = False


def synthetic_weather(
    climate: Climate, streams: Streams, area: str, first_day: date, n_days: int, period_minutes: int
) -> Weather:
    """Draw the weather of an area (model.md A0).

    Parameters
    ----------
    climate : Climate
        Parameters.
    streams : Streams
        Random streams of the run.
    area : str
        Name of the area, part of the key of the streams.
    first_day : date
        First day.
    n_days : int
        Number of days. [d]
    period_minutes : int
        Settlement period: 5, 15, 30 or 60. [min]

    Returns
    -------
    Weather

    Raises
    ------
    ValueError
        If `n_days` or `period_minutes` is not allowed.
    """
    if period_minutes not in PERIOD_MINUTES or n_days < 1:
        raise ValueError(
            f"period_minutes and n_days: given {period_minutes} and {n_days}; "
            f"allowed {', '.join(map(str, PERIOD_MINUTES))} and at least 1"
        )
    hour: Floats = (np.arange(1440 // _STEP) + 0.5) * np.float64(_STEP / 60.0)
    days = [first_day + timedelta(days=i) for i in range(n_days)]
    day_of_year = np.array([day.timetuple().tm_yday for day in days])[:, None]
    per_hour = 60 // _STEP
    noise = climate.noise_sigma * hourly_normals(streams, "temperature", area, first_day, n_days, climate.noise_rho)
    clearness = clearness_of(
        hourly_normals(streams, "clearness", area, first_day, n_days, climate.clearness_rho),
        climate.clearness_alpha,
        climate.clearness_beta,
    )
    temperature = expected_temperature(climate, day_of_year, hour) + np.repeat(noise, per_hour, axis=1)
    height = sine_of_height(climate.latitude_deg, day_of_year, hour - climate.solar_noon_hour)
    irradiance = clear_sky(height) * np.repeat(clearness, per_hour, axis=1)
    shape = (n_days, 1440 // period_minutes, period_minutes // _STEP)
    return Weather(first_day, temperature.reshape(shape).mean(axis=2), irradiance.reshape(shape).mean(axis=2))


def expected_temperature(climate: Climate, day_of_year: NDArray[np.int64], hour: Floats) -> Floats:
    """Return the yearly plus the daily cosine of air temperature (model.md A0).

    Parameters
    ----------
    climate : Climate
        Parameters.
    day_of_year : ndarray of int64
        1 on 1 January. [d], any shape
    hour : ndarray of float64
        Time of day. [h], a shape that broadcasts with it

    Returns
    -------
    ndarray of float64
        [degC]
    """
    season = climate.yearly_amplitude * np.cos(2 * np.pi * (day_of_year - climate.warmest_day) / 365.0)
    daytime = climate.daily_amplitude * np.cos(2 * np.pi * (hour - 15.0) / 24.0)
    temperature: Floats = climate.mean_temperature + season + daytime
    return temperature


def hourly_normals(streams: Streams, concern: str, area: str, first_day: date, n_days: int, rho: float) -> Floats:
    """Return a first-order autoregression of unit variance whose draws belong to hours of the calendar.

    Parameters
    ----------
    streams : Streams
        Random streams of the run.
    concern, area : str
        Name the stream.
    first_day : date
        First day.
    n_days : int
        Number of days. [d]
    rho : float
        Correlation from hour to hour.

    Returns
    -------
    ndarray of float64, shape (n_days, 24)
    """
    begin, end = first_day - timedelta(days=RUN_IN_DAYS), first_day + timedelta(days=n_days)
    new_years = [date(year, 1, 1).toordinal() for year in range(begin.year, end.year + 2)]
    draws = [
        streams.normals(f"weather {concern}", area, 24 * (later - earlier), day=begin.year + i)
        for i, (earlier, later) in enumerate(pairwise(new_years))
    ]
    hours = slice(24 * (begin.toordinal() - new_years[0]), 24 * (end.toordinal() - new_years[0]))
    path = autoregression(np.concatenate(draws)[hours], rho, None)
    return path.reshape(-1, 24)[RUN_IN_DAYS:]


def clearness_of(normal: Floats, alpha: float, beta: float) -> Floats:
    """Return Beta-distributed clearness, the share of a clear sky's irradiance, of a standard normal variable.

    Parameters
    ----------
    normal : ndarray of float64
        Any shape.
    alpha, beta : float
        Parameters of the Beta law.

    Returns
    -------
    ndarray of float64
        Same shape, between 0 and 1. [1]
    """
    clearness: Floats = betaincinv(alpha, beta, ndtr(normal))
    return clearness


def sine_of_height(latitude_deg: float, day_of_year: NDArray[np.int64], hours_from_noon: Floats) -> Floats:
    """Return the sine of the sun's height over the horizon, which is the cosine of its zenith angle.

    Declination as in [Cooper1969]_: 23.45 degrees x sin(360 degrees x (284 + day) / 365).

    Parameters
    ----------
    latitude_deg : float
        North positive. [degree]
    day_of_year : ndarray of int64
        1 on 1 January. [d], any shape
    hours_from_noon : ndarray of float64
        Solar time less 12. [h], a shape that broadcasts with it

    Returns
    -------
    ndarray of float64
        Negative at night. [1]

    References
    ----------
    .. [Cooper1969] P. I. Cooper, "The absorption of radiation in solar stills", Solar Energy 12(3), 333-346, 1969.
       doi:10.1016/0038-092X(69)90047-4
    """
    declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + day_of_year) / 365.0)
    latitude, angle = np.radians(latitude_deg), np.pi * hours_from_noon / 12.0
    sine: Floats = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(angle)
    return sine


def clear_sky(sine_of_height: Floats) -> Floats:
    """Return the global horizontal irradiance of a clear sky, 1098 s exp(-0.059 / s) [Haurwitz1945]_.

    Coefficients as in pvlib 0.11, ``clearsky.haurwitz``.

    Parameters
    ----------
    sine_of_height : ndarray of float64
        Sine of the sun's height, any shape. [1]

    Returns
    -------
    ndarray of float64
        Same shape, 0 while the sun is down. [W/m2]

    References
    ----------
    .. [Haurwitz1945] B. Haurwitz, "Insolation in relation to cloudiness and cloud density", Journal of Meteorology
       2, 154-166, 1945.
    """
    # Below 1e-3 (0.06 degrees) the exponential is smaller than 1e-25.
    up = np.maximum(sine_of_height, 1e-3)
    return np.where(sine_of_height > 1e-3, 1098.0 * up * np.exp(-0.059 / up), 0.0)


def pv_power(
    rated_kwp: float,
    irradiance: Floats,
    temperature: Floats,
    *,
    performance_ratio: float = 0.80,
    gamma: float = -0.004,
    age_years: float = 0.0,
    degradation: float = 0.005,
) -> Floats:
    """Return the output of a PV system (model.md A3).

    P = rated x GHI / 1000 x PR x (1 + gamma (T_cell - 25)) x (1 - degradation) ** age, T_cell = T_air + 0.03 GHI.

    Parameters
    ----------
    rated_kwp : float
        Power at 1000 W/m2 and 25 degC. [kW]
    irradiance : ndarray of float64
        Global horizontal irradiance, any shape. [W/m2]
    temperature : ndarray of float64
        Air temperature, same shape. [degC]
    performance_ratio : float
        Output over rated output under the same light, temperature apart. [1]
    gamma : float
        Change of output with cell temperature. [1/K]
    age_years : float
        Age of the system. [a]
    degradation : float
        Loss of output a year. [1/a]

    Returns
    -------
    ndarray of float64
        Same shape. [kW]
    """
    cell = temperature + 0.03 * irradiance
    aged = rated_kwp * performance_ratio * (1.0 - degradation) ** age_years
    power: Floats = aged * irradiance / 1000.0 * (1.0 + gamma * (cell - 25.0))
    return power
