"""How content members are, and who leaves (model.md A1.4, A7.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.sim.bounds import within

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weights:
    """What satisfaction is made of; illustrations.

    Parameters
    ----------
    saving : float
        Per share of the reference bill that is saved.
    discomfort : float
        Per unit of comfort and delay loss [1/(K h)].
    outage : float
        Per minute without supply and unit of its value [1/(min currency/kWh)].
    wait : float
        Per minute that a complaint waits [1/min].
    """

    saving: float = 1.0
    discomfort: float = 0.01
    outage: float = 0.0005
    wait: float = 0.01

    def __post_init__(self) -> None:
        for name in ("saving", "discomfort", "outage", "wait"):
            within(name, getattr(self, name), 0.0)


def comfort_loss(below: ArrayLike, above: ArrayLike, hours: float) -> FloatArray:
    """Return the comfort lost to temperatures off the set point, sum_t (s- + s+) dt.

    Parameters
    ----------
    below, above : array-like, shape (n, periods)
        Kelvin below and above the band, each at least 0 [K].
    hours : float
        Length of a period [h].

    Returns
    -------
    ndarray of float64, shape (n,)
        [K h]
    """
    off = within("below", below, 0.0) + within("above", above, 0.0)
    return np.asarray(off.sum(axis=-1) * within("hours", hours, 0.0))


def delay_loss(wanted: ArrayLike, given: ArrayLike, per_hour: float) -> FloatArray:
    """Return the loss by jobs that end late; none for jobs that end early.

    Parameters
    ----------
    wanted, given : array-like, shape (n, jobs)
        Hour at which a job should end and does end [h].
    per_hour : float
        Loss of an hour's delay in units of comfort loss [K h/h].

    Returns
    -------
    ndarray of float64, shape (n,)
        [K h]
    """
    late = np.maximum(within("given", given) - within("wanted", wanted), 0.0)
    return np.asarray(late.sum(axis=-1) * within("per_hour", per_hour, 0.0))


def satisfaction(
    weights: Weights,
    bill: ArrayLike,
    reference: ArrayLike,
    *,
    discomfort: ArrayLike = 0.0,
    outage_minutes: ArrayLike = 0.0,
    outage_value: ArrayLike = 0.0,
    wait_minutes: ArrayLike = 0.0,
) -> FloatArray:
    """Return satisfaction w1 (B0 - B) / B0 - w2 discomfort - w3 outage VoLL - w4 wait (A1.4).

    Parameters
    ----------
    weights : Weights
        w1 to w4.
    bill, reference : array-like, shape (n,)
        Bill of the month and that under the reference tariff, the latter above 0 [currency].
    discomfort : array-like, shape (n,)
        Of :func:`comfort_loss` and :func:`delay_loss`, at least 0 [K h].
    outage_minutes, wait_minutes : array-like, shape (n,)
        Minutes without supply, and of a complaint's wait, at least 0 [min].
    outage_value : array-like, shape (n,)
        Value of lost load, at least 0 [currency/kWh].

    Returns
    -------
    ndarray of float64, shape (n,)
        0 at the reference bill with nothing amiss.
    """
    base = within("reference", reference, 1e-12)
    value = weights.saving * (base - within("bill", bill)) / base
    value = value - weights.discomfort * within("discomfort", discomfort, 0.0)
    lost = within("outage_minutes", outage_minutes, 0.0) * within("outage_value", outage_value, 0.0)
    return np.asarray(value - weights.outage * lost - weights.wait * within("wait_minutes", wait_minutes, 0.0))


@dataclass(frozen=True, slots=True)
class Churn:
    """Who leaves: fewer with tenure, fewer the more content; illustrations.

    Parameters
    ----------
    rate : float
        chi_0, monthly rate of a new member at satisfaction 0 [1/month], at least 0.
    stickiness : float
        kappa, fall of the rate with tenure [1/month], at least 0.
    sensitivity : float
        zeta, fall of the rate with satisfaction, at least 0.
    """

    rate: float = 0.02
    stickiness: float = 0.01
    sensitivity: float = 2.0

    def __post_init__(self) -> None:
        for name in ("rate", "stickiness", "sensitivity"):
            within(name, getattr(self, name), 0.0)

    def chance(self, satisfied: ArrayLike, tenure: ArrayLike) -> FloatArray:
        """Return the probability to leave within a month, 1 - exp(-chi_0 e^(-kappa tenure - zeta u)) (A7.1).

        Parameters
        ----------
        satisfied : array-like, shape (n,)
            Of :func:`satisfaction`.
        tenure : array-like, shape (n,)
            Months with the supplier, at least 0 [month].

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        power = self.stickiness * within("tenure", tenure, 0.0) + self.sensitivity * within("satisfied", satisfied)
        return np.asarray(-np.expm1(-self.rate * np.exp(np.minimum(-power, 700.0))))
