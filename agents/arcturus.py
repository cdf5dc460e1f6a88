"""How much of the peak leaves it, by a regression over tariff pilots (model.md A1.2 c).

Arcturus 2.0 (Faruqui, Sergici and Warner 2017) relates the fall of peak load to the logarithm of the price ratio. The
coefficients come from two independent transcriptions of the paper, not from the paper. Pilots were run mostly outside
China, at ratios of 2 to 10.
"""

from __future__ import annotations

from typing import Any

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
    classes: NDArray[np.integer[Any]],
    load: NDArray[np.float64],
    *,
    technology: ArrayLike = 0.0,
    rebound: float = 1.0,
    drop_intercept: bool = False,
    awareness: float = 1.0,
) -> FloatArray:
    """Return load relative to that under a flat price: the peak falls, the rest of the day takes a share of it.

    Periods dearer than the mean over the day's periods are the peak, the others are off-peak, and each period of the
    peak falls by the ratio of its own price to the mean price off-peak: on a day with an event the event by its high
    ratio, a peak beside it by a low one. With two prices that is the regression itself. A day of equal prices keeps its
    load.

    Parameters
    ----------
    prices : ndarray of float64, shape (periods,)
        Retail price, above 0 [currency/kWh].
    classes : ndarray of int, shape (periods,)
        Price class of each period; the mean price of a class counts.
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
    used, place = np.unique(classes, return_inverse=True)
    means = np.array([prices[classes == s].mean() for s in used])
    if np.ptp(means) == 0:
        return np.ones(load.shape)
    price = means[place]
    peak = price > price.mean()
    ratio = price[peak] / price[~peak].mean()
    share = np.asarray(technology)[..., None]
    change = np.broadcast_to(
        awareness * peak_change(ratio, share, drop_intercept=drop_intercept), (*load.shape[:-1], ratio.size)
    )
    if change.min(initial=0.0) < -1:
        raise ValueError(
            f"price ratio: given {ratio.max():g}, at which the peak falls by {-change.min():.0%}; lower the ratio"
        )
    removed = -(change * load[..., peak]).sum(axis=-1)
    rest = load[..., ~peak].sum(axis=-1)
    added = np.divide(rebound * removed, rest, out=np.zeros_like(removed), where=rest > 0)
    factor = np.empty(load.shape)
    factor[..., peak], factor[..., ~peak] = 1.0 + change, 1.0 + added[..., None]
    return factor


def like_arcturus(
    ratios: ArrayLike, peak_share: float = 0.0, technology: float = 0.0, *, drop_intercept: bool = False
) -> float:
    """Return the elasticity of substitution with which agents answer as in the pilots: the calibration.

    With elasticity sigma and no daily elasticity a peak that has the share w of the day's load falls by the factor
    R^-sigma / (w R^-sigma + 1 - w). Each ratio R thus asks for a sigma; the least squares of their logarithms' fit is
    returned. With `peak_share` of 0 it is the negative own-price elasticity of the logarithmic form for a peak of which
    nothing else is known, at off-peak prices equal to the reference.

    Parameters
    ----------
    ratios : array-like, shape (n,)
        Price ratios to fit at, above 1.
    peak_share : float
        Share of the day's load that lies in the peak, 0 to below 1.
    technology, drop_intercept
        As in :func:`peak_change`.

    Returns
    -------
    float
        At least 0 [1].

    Examples
    --------
    >>> round(like_arcturus([2, 3, 4, 5, 8]), 4), round(like_arcturus([2, 3, 4, 5, 8], technology=1.0), 4)
    (0.0768, 0.1316)
    """
    log_ratio = np.log(within("ratios", ratios, 1.0 + 1e-9))
    share = float(within("peak_share", peak_share, 0.0, 1.0 - 1e-9))
    left = 1.0 + peak_change(ratios, technology, drop_intercept=drop_intercept)
    asked = -np.log(left * (1.0 - share) / (1.0 - share * left))
    return float(asked @ log_ratio / (log_ratio @ log_ratio))
