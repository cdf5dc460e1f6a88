"""How much of the peak leaves it, by a regression over tariff pilots (model.md A1.2 c).

Arcturus 2.0 (Faruqui, Sergici and Warner 2017) relates the fall of peak load to the logarithm of the price ratio. The
coefficients come from two independent transcriptions of the paper, not from the paper. Pilots were run mostly outside
China, at ratios of 2 to 10.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.sim.bounds import within

FloatArray = NDArray[np.float64]

INTERCEPT, SLOPE, TECHNOLOGY_SLOPE = -0.011, -0.065, -0.046


def peak_change(ratio: ArrayLike, technology: ArrayLike = 0.0, *, drop_intercept: bool = False) -> FloatArray:
    """Return the relative change of peak load at a price ratio.

    Parameters
    ----------
    ratio : array-like
        Peak price over off-peak price, at least 1.
    technology : array-like
        Share of the members with automatic control, 0 to 1.
    drop_intercept : bool
        Leave out the fitted intercept, which says that peak load falls by 1.1 % at equal prices.

    Returns
    -------
    ndarray of float64
        At most 0.

    Examples
    --------
    >>> peak_change([2.0, 8.0], 1.0).round(4).tolist()
    [-0.0879, -0.2418]
    """
    log_ratio = np.log(within("ratio", ratio, 1.0))
    slope = SLOPE + TECHNOLOGY_SLOPE * within("technology", technology, 0.0, 1.0)
    return np.asarray((0.0 if drop_intercept else INTERCEPT) + slope * log_ratio)


def arcturus_response(
    prices: NDArray[np.float64],
    classes: NDArray[np.uint8],
    load: NDArray[np.float64],
    *,
    technology: ArrayLike = 0.0,
    rebound: float = 1.0,
    drop_intercept: bool = False,
    awareness: float = 1.0,
) -> FloatArray:
    """Return load relative to that under a flat price: the peak falls, the rest of the day takes a share of it.

    The dearest price class is the peak; the off-peak price is the mean of all other periods. A day of one class, or of
    equal prices, keeps its load.

    Parameters
    ----------
    prices : ndarray of float64, shape (periods,)
        Retail price, above 0 [currency/kWh].
    classes : ndarray of uint8, shape (periods,)
        Price class of each period.
    load : ndarray of float64, shape (..., periods)
        Loads under a flat price, any unit, at least 0.
    technology : array-like, broadcast to the leading shape of `load`
        Whether a member has automatic control, or the share that does, 0 to 1.
    rebound : float
        Share of the energy taken off the peak that comes back off-peak, in proportion to the load there, 0 to 1; 1
        keeps the day's energy. Where nothing is used off-peak nothing comes back.
    drop_intercept : bool
        As in :func:`peak_change`.
    awareness : float
        Share of the response that shows, 0 to 1: the information factor.

    Returns
    -------
    ndarray of float64, shape of `load`
        Factor on the load, at least 0.

    Raises
    ------
    ValueError
        If a price is not above 0, or the ratio so large that more than the whole peak would leave.
    """
    within("prices", prices, 1e-12)
    within("rebound", rebound, 0.0, 1.0)
    within("awareness", awareness, 0.0, 1.0)
    used = np.unique(classes)
    means = np.array([prices[classes == s].mean() for s in used])
    peak = classes == used[np.argmax(means)]
    if peak.all() or np.ptp(means) == 0:
        return np.ones(load.shape)
    ratio = float(means.max() / prices[~peak].mean())
    change = np.broadcast_to(awareness * peak_change(ratio, technology, drop_intercept=drop_intercept), load.shape[:-1])
    if change.min(initial=0.0) < -1:
        raise ValueError(
            f"price ratio: given {ratio:g}, at which the peak falls by {-change.min():.0%}; lower the ratio"
        )
    removed = -change * load[..., peak].sum(axis=-1)
    rest = load[..., ~peak].sum(axis=-1)
    added = np.divide(rebound * removed, rest, out=np.zeros_like(removed), where=rest > 0)
    return np.where(peak, 1.0 + change[..., None], 1.0 + added[..., None])
