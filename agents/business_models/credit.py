"""What a credit score is worth: default by segment (model.md D1, S1: choose users with good credit)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from gridagora.sim.bounds import within

Floats = NDArray[np.float64]

#: Standard deviation of the logarithm of members' probabilities of default: a score can reach an AUC of 0.856.
SPREAD = 1.5


def default_chances(mean: float, badness: Floats) -> Floats:
    """Return yearly probabilities of default, lognormal about a mean, at most 1, shape (n,) [1/a].

    Parameters
    ----------
    mean : float
        [1/a]
    badness : ndarray of float64, shape (n,)
        Standard normal.
    """
    return np.minimum(mean * np.exp(SPREAD * within("badness", badness) - SPREAD**2 / 2), 1.0)


def score(badness: Floats, noise: Floats, auc: float) -> Floats:
    """Return credit scores of a given quality, standard normal, higher is worse, shape (n,).

    Defaulters' badness is normal about `SPREAD` (their density is tilted by the lognormal hazard), so a score that
    correlates with it by r has the area under the curve Phi(r SPREAD / sqrt 2).

    Parameters
    ----------
    badness, noise : ndarray of float64, shape (n,)
        Independent, standard normal.
    auc : float
        0.5 to 0.85 [1].
    """
    r = float(np.sqrt(2) * ndtri(within("auc", auc, 0.5, 0.85)) / SPREAD)
    return np.asarray(r * badness + np.sqrt(1 - r**2) * noise)


def mean_of_best(mean: float, share: float, auc: float) -> float:
    """Return the mean probability of default of the best share by score [1/a], where no probability reaches 1.

    Parameters
    ----------
    mean : float
        Of all [1/a].
    share : float
        Share that is taken, above 0, at most 1 [1].
    auc : float
        Quality of the score [1].
    """
    shift = np.sqrt(2) * ndtri(within("auc", auc, 0.5, 0.85))
    return float(mean * ndtr(ndtri(share) - shift) / share)
