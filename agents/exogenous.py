"""What the day brings to an area: realised errors, sealed until delivery, and two forecasts of them.

Forecasts are the expected path times an error of their own; they are never computed from realised values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gridagora.markets.orders import read_only
from gridagora.sim.streams import Streams

#: Most tables that are kept to be used again, each of at most 2.4 MB.
MOST_TABLES = 12
#: Paths of an area: what is drawn, and the key of its standard deviation.
PATHS = {
    "realised_load": "realised_sigma",
    "realised_pv": "realised_sigma",
    "gate_load": "gate_sigma",
    "gate_pv": "gate_sigma",
    "day_ahead_load": "day_ahead_sigma",
    "day_ahead_pv": "day_ahead_sigma",
}


@dataclass(slots=True)
class AreaErrors:
    """First-order autoregressive errors of an area, carried from day to day.

    Parameters
    ----------
    streams : Streams
        Random streams of the run.
    area : str
        Name of the area.
    sigma : dict
        Standard deviation of the log error by path name.
    rho : float
        Autocorrelation from one settlement period to the next, 0 to below 1.
    """

    streams: Streams
    area: str
    sigma: dict[str, float]
    rho: float
    last: NDArray[np.float64] | None = None

    def draw(self, day: int, periods: int) -> dict[str, NDArray[np.float64]]:
        """Return the day's factor of each path, with mean 1.

        Parameters
        ----------
        day : int
            Day of the run; days are drawn in order.
        periods : int
            Settlement periods a day.

        Returns
        -------
        dict of ndarray of float64, shape (periods,)
            exp(sigma x_t - sigma^2 / 2) with x_t = rho x_(t-1) + sqrt(1 - rho^2) z_t.
        """
        z = [self.streams.normals(f"area {path}", self.area, periods, day) for path in self.sigma]
        x = autoregression(np.stack(z, axis=1), self.rho, self.last)
        self.last = x[-1].copy()
        return {
            path: np.exp(sigma * x[:, place] - sigma**2 / 2) for place, (path, sigma) in enumerate(self.sigma.items())
        }


def autoregression(z: NDArray[np.float64], rho: float, last: float | NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return a stationary first-order autoregression of unit variance.

    Parameters
    ----------
    z : ndarray of float64, shape (n,) or (n, m)
        Standard normal draws.
    rho : float
        Autocorrelation.
    last : float, ndarray of float64, shape (m,), or None
        Value before the first; without it the first is drawn from the stationary law.

    Returns
    -------
    ndarray of float64, shape of `z`
    """
    x = np.empty_like(z)
    spread = np.sqrt(1 - rho**2)
    x[0] = z[0] if last is None else rho * last + spread * z[0]
    for t in range(1, len(z)):
        x[t] = rho * x[t - 1] + spread * z[t]
    return x


def noise_table(
    streams: Streams, concern: str, name: str, periods: int, rows: int, sigma: float, rho: float
) -> NDArray[np.float64]:
    """Return the shared table of member noise: each member takes one row of it a day.

    Parameters
    ----------
    streams : Streams
        Random streams of the run.
    concern, name : str
        Stream of the table.
    periods, rows : int
        Settlement periods a day, and rows.
    sigma, rho : float
        Standard deviation of the log noise, and its autocorrelation from period to period.

    Returns
    -------
    ndarray of float64, shape (periods, rows)
        Factors; their mean over the rows is 1 in every period.
    """
    z = streams.normal_rows(concern, name, rows, periods)
    factor = np.exp(sigma * autoregression(z, rho, None))
    table: NDArray[np.float64] = factor / factor.mean(axis=1, keepdims=True)
    return table


@lru_cache(maxsize=MOST_TABLES)
def noise_once(
    streams: Streams, concern: str, name: str, periods: int, rows: int, sigma: float, rho: float
) -> NDArray[np.float64]:
    """Return :func:`noise_table`, read-only, made once a process: points of a sweep share their draws."""
    return read_only(noise_table(streams, concern, name, periods, rows, sigma, rho))


@lru_cache(maxsize=MOST_TABLES)
def uniforms_once(streams: Streams, concern: str, name: str, rows: int, draws: int) -> NDArray[np.float64]:
    """Return draws from (0, 1), read-only, shape (draws, rows), made once a process."""
    return read_only(streams.uniform_rows(concern, name, rows, draws))
