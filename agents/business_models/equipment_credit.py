"""What sellers on credit lose: payments, balances and expected loss = PD x LGD x EAD (model.md D3b)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.sim.bounds import within
from gridagora.sim.finance import annuity, loan_schedule

Floats = NDArray[np.float64]


def monthly_payment(owed: Floats, interest_per_year: float, instalments: int) -> Floats:
    """Return the constant monthly instalment, shape (n,) [currency/month].

    Parameters
    ----------
    owed : ndarray of float64, shape (n,)
        What is paid back [currency].
    interest_per_year : float
        Nominal, a twelfth of it a month [1/a].
    instalments : int
        Their number, at least 1.
    """
    return np.asarray(owed * annuity(1.0, interest_per_year / 12, instalments))


def balance_after(owed: Floats, interest_per_year: float, instalments: int, paid: Floats) -> Floats:
    """Return what is still owed after some instalments, shape (n,) [currency].

    Parameters
    ----------
    owed : ndarray of float64, shape (n,)
        What is owed at first [currency].
    interest_per_year : float
        Nominal [1/a].
    instalments : int
        Their number.
    paid : ndarray of float64, shape (n,)
        Whole number of those that were paid, at least 0.
    """
    left = np.append(1.0, loan_schedule(1.0, interest_per_year / 12, instalments).balance)
    return np.asarray(owed * left[np.minimum(paid, instalments).astype(np.int64)])


def expected_loss(default: ArrayLike, loss_given_default: ArrayLike, exposure: ArrayLike) -> Floats:
    """Return PD x LGD x EAD [currency].

    Parameters
    ----------
    default, loss_given_default : array-like
        Probability of default, and share of the exposure that is lost then [1].
    exposure : array-like
        Exposure at default [currency].

    Raises
    ------
    ValueError
        If a probability or share is not from 0 to 1, or an exposure is negative.
    """
    pd, lgd = within("default", default, 0.0, 1.0), within("loss_given_default", loss_given_default, 0.0, 1.0)
    return np.asarray(pd * lgd * within("exposure", exposure, 0.0))


def lifetime_loss(
    owed: Floats, interest_per_year: float, instalments: int, default_per_year: Floats, loss_given_default: float
) -> Floats:
    """Return the expected loss over all instalments, not discounted, shape (n,) [currency].

    The sum over months of PD x LGD x EAD: the probability to have paid so far and to default in the month, and what is
    owed at its beginning.

    Parameters
    ----------
    owed : ndarray of float64, shape (n,)
        What is owed at first [currency].
    interest_per_year : float
        Nominal [1/a].
    instalments : int
        Their number.
    default_per_year : ndarray of float64, shape (n,)
        Probability of default within a year [1/a].
    loss_given_default : float
        [1]
    """
    exposure = np.append(1.0, loan_schedule(1.0, interest_per_year / 12, instalments).balance[:-1])
    alive = (1 - default_per_year[:, None]) ** (np.arange(instalments + 1) / 12)
    default = alive[:, :-1] - alive[:, 1:]
    return np.asarray(expected_loss(default, loss_given_default, owed[:, None] * exposure).sum(axis=1))


def covering_interest(funding_per_year: float, default_per_year: float, loss_given_default: float) -> float:
    """Return the nominal interest at which a seller on credit just earns what its money costs [1/a].

    A month's claim B (1 + i) is worth (1 - h LGD) of it, with h the probability to default in the month, so that
    (1 + i) (1 - h LGD) = 1 + f.

    Parameters
    ----------
    funding_per_year : float
        Nominal interest that the seller pays, a twelfth of it a month, at least 0 [1/a].
    default_per_year : float
        From 0 to below 1 [1/a].
    loss_given_default : float
        From 0 to 1 [1].
    """
    within("funding_per_year", funding_per_year, 0.0)
    hazard = 1 - (1 - within("default_per_year", default_per_year, 0.0, np.nextafter(1.0, 0.0))) ** (1 / 12)
    lost = hazard * within("loss_given_default", loss_given_default, 0.0, 1.0)
    return float(12 * ((1 + funding_per_year / 12) / (1 - lost) - 1))
