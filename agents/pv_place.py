"""PV output of a roof at a place: where the sun is, what falls on the tilted plane, what comes of it (model.md A3).

Solar position, decomposition and transposition are pvlib's [Anderson2023]_. Everything is followed in steps of 5
minutes, so that sunrise and sunset fall inside long settlement periods as they should.

References
----------
.. [Anderson2023] K. S. Anderson, C. W. Hansen, W. F. Holmgren, A. R. Jensen, M. A. Mikofski, A. Driesse, "pvlib python:
   2023 project update", Journal of Open Source Software 8(92), 5994, 2023. doi:10.21105/joss.05994
.. [Erbs1982] D. G. Erbs, S. A. Klein, J. A. Duffie, "Estimation of the diffuse radiation fraction for hourly, daily
   and monthly-average global radiation", Solar Energy 28(4), 293-302, 1982. doi:10.1016/0038-092X(82)90302-4
.. [HayDavies1980] J. E. Hay, J. A. Davies, "Calculations of the solar radiation incident on an inclined surface", in
   Proc. of First Canadian Solar Radiation Data Workshop, 59, 1980.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from gridagora.agents.weather import clear_sky, pv_power
from gridagora.sim.plugin import Frozen

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

#: Step in which the sun is followed [min].
STEP = 5

Azimuth = Annotated[float, Field(ge=0, lt=360)]


def _several(value: object) -> object:
    return (value,) if isinstance(value, int | float) else value


class Roofs(Frozen):
    """PV systems at one place."""

    latitude_deg: Annotated[float, Field(ge=-90, le=90)]
    """Latitude, north positive [degree]."""
    longitude_deg: Annotated[float, Field(ge=-180, le=180)]
    """Longitude, east positive [degree]."""
    utc_offset_hours: Annotated[float, Field(ge=-12, le=14)] | None = None
    """What the run's clock is ahead of UTC [h]; `null` for the whole hours nearest to the place's solar time."""
    tilt_deg: Annotated[float, Field(ge=0, le=90)] = 35.0
    """Tilt from the horizontal [degree] (ill)."""
    azimuth_deg: Annotated[tuple[Azimuth, ...], Field(min_length=1, max_length=256), BeforeValidator(_several)] = (
        180.0,
    )
    """Direction that the modules face, clockwise from north: 90 east, 180 south, 270 west [degree] (ill). One number,
    or a list: members then draw one of the directions."""
    performance_ratio: Annotated[float, Field(gt=0, le=1)] = 0.80
    """Output over rated output under the same light, temperature apart [1] (ill; model.md A3)."""
    temperature_coefficient_per_k: Annotated[float, Field(ge=-0.02, le=0)] = -0.004
    """Change of output with cell temperature above 25 degC [1/K] (ill; model.md A3)."""
    albedo: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Share of light that the ground reflects [1] (ill)."""

    @property
    def ahead_of_utc(self) -> float:
        """What the run's clock is ahead of UTC [h]."""
        if self.utc_offset_hours is not None:
            return self.utc_offset_hours
        return float(np.floor(self.longitude_deg / 15.0 + 0.5))


@dataclass(frozen=True, slots=True, eq=False)
class Sun:
    """Where the sun stands at the middle of each step of 5 minutes.

    Attributes
    ----------
    times : pandas.DatetimeIndex
        In UTC, shape (n_days * 288,).
    zenith, azimuth : ndarray of float64, shape (n_days * 288,)
        Apparent zenith, refraction included, and direction clockwise from north. [degree]
    """

    times: pd.DatetimeIndex
    zenith: Floats
    azimuth: Floats

    @property
    def clear(self) -> Floats:
        """Global horizontal irradiance of a clear sky [W/m2]; see :func:`gridagora.agents.weather.clear_sky`."""
        return clear_sky(np.cos(np.radians(self.zenith)))


def sun_of(roofs: Roofs, first_day: date, n_days: int) -> Sun:
    """Return where the sun stands over a place on days of the run's clock.

    Parameters
    ----------
    roofs : Roofs
        With latitude, longitude and clock.
    first_day : date
        First day.
    n_days : int
        Number of days. [d]
    """
    import pandas as pd
    from pvlib import solarposition  # a second and a half, and only a run with roofs at a place needs it

    start = pd.Timestamp(first_day, tz="UTC") + pd.Timedelta(minutes=STEP / 2 - 60.0 * roofs.ahead_of_utc)
    times = pd.date_range(start, periods=n_days * 1440 // STEP, freq=f"{STEP}min")
    found = solarposition.get_solarposition(times, roofs.latitude_deg, roofs.longitude_deg)
    return Sun(times, found["apparent_zenith"].to_numpy(), found["azimuth"].to_numpy())


def followed(irradiance: Floats, sun: Sun) -> Floats:
    """Spread the mean irradiance of periods over their steps as a clear sky's would be.

    Parameters
    ----------
    irradiance : ndarray of float64, shape (n_days, periods)
        Global horizontal irradiance; what falls while the sun is down all period is left out. [W/m2]
    sun : Sun
        Of the same days.

    Returns
    -------
    ndarray of float64, shape (n_days * 288,)
        [W/m2]
    """
    clear = sun.clear.reshape(irradiance.size, -1)
    mean = clear.mean(axis=1, keepdims=True)
    shape = np.divide(clear, mean, out=np.zeros_like(clear), where=mean > 0)
    return np.asarray((irradiance.reshape(-1, 1) * shape).ravel())


def tilted(horizontal: Floats, sun: Sun, roofs: Roofs, azimuth: float) -> Floats:
    """Return the irradiance on a tilted plane: decomposed by Erbs, transposed by Hay and Davies.

    Parameters
    ----------
    horizontal : ndarray of float64, shape (n,)
        Global horizontal irradiance by step. [W/m2]
    sun : Sun
        Of the same steps.
    roofs : Roofs
        With tilt and albedo.
    azimuth : float
        Direction of the plane, clockwise from north. [degree]

    Returns
    -------
    ndarray of float64, shape (n,)
        [W/m2], source [Erbs1982]_, [HayDavies1980]_.
    """
    from pvlib import irradiance

    day_of_year = sun.times.day_of_year.to_numpy()
    parts = irradiance.erbs(horizontal, sun.zenith, day_of_year)
    extra = irradiance.get_extra_radiation(day_of_year)
    plane = irradiance.get_total_irradiance(
        roofs.tilt_deg,
        azimuth,
        sun.zenith,
        sun.azimuth,
        np.asarray(parts["dni"]),
        horizontal,
        np.asarray(parts["dhi"]),
        dni_extra=extra,
        albedo=roofs.albedo,
        model="haydavies",
    )
    return np.where(sun.zenith < 90.0, np.nan_to_num(np.asarray(plane["poa_global"])), 0.0)


def roof_power(roofs: Roofs, horizontal: Floats, temperature: Floats, sun: Sun) -> Floats:
    """Return the output of a kWp in each direction.

    Parameters
    ----------
    roofs : Roofs
        Place and directions.
    horizontal : ndarray of float64, shape (n_days * 288,)
        Global horizontal irradiance by step. [W/m2]
    temperature : ndarray of float64, shape (n_days, periods)
        Air temperature. [degC]
    sun : Sun
        Of the same days.

    Returns
    -------
    ndarray of float64, shape (n_directions, n_days, periods)
        Mean of each period. [kW/kWp]
    """
    steps = horizontal.size // temperature.size
    air = np.repeat(temperature.ravel(), steps)
    power = [
        pv_power(
            1.0,
            tilted(horizontal, sun, roofs, azimuth),
            air,
            performance_ratio=roofs.performance_ratio,
            gamma=roofs.temperature_coefficient_per_k,
        )
        for azimuth in roofs.azimuth_deg
    ]
    return np.asarray(np.array(power).reshape(len(power), *temperature.shape, steps).mean(axis=3))
