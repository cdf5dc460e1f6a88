"""What comes otherwise than expected: lognormal factors with mean 1 (model.md D0)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]


def lognormal(uniform: Floats, sigma: float) -> Floats:
    """Return lognormal factors with mean 1, the shape of the draws [1].

    Parameters
    ----------
    uniform : ndarray of float64
        Draws from the open interval (0, 1).
    sigma : float
        Standard deviation of the logarithm [1].

    Examples
    --------
    >>> lognormal(np.array([0.5]), 0.2).round(6).tolist()
    [0.980199]
    """
    return np.asarray(np.exp(sigma * ndtri(uniform) - sigma**2 / 2))
