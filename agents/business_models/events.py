"""Events such as accidents and interruptions: how many a contract has had since its last bill, from fixed draws.

A contract carries a key. The number of events between two bills is a Poisson quantile at a draw by key and by the
contract's age: no draw depends on order or on other contracts, and asking twice gives the same answer.
"""

from __future__ import annotations

import numpy as np
from scipy.special import pdtr, pdtrik

from gridagora.agents.business_models.contracts import DEFAULTED, Contracts
from gridagora.agents.business_models.frame import Customers, Floats
from gridagora.markets.strategies.draws import Draws

_KEYS = 2.0**32
_STEPS_A_YEAR = 8760.0
_DAYS_A_YEAR = 366.0


def event_keys(customers: Customers, concern: str) -> Floats:
    """Return the keys of the customers' events, whole numbers below 2^32, shape (n,).

    Parameters
    ----------
    customers : Customers
        Who signs.
    concern : str
        Which events; each concern has keys of its own.
    """
    return np.asarray(np.floor(customers.draws.uniforms(concern, customers.number)[0] * _KEYS))


def poisson_quantile(uniform: Floats, mean: Floats) -> Floats:
    """Return the least count whose cumulated probability reaches a draw, shape (n,).

    Parameters
    ----------
    uniform : ndarray of float64, shape (n,)
        From the open interval (0, 1).
    mean : ndarray of float64, shape (n,)
        Expected counts, at least 0.
    """
    rare = np.maximum(mean, 1e-12)
    count = np.maximum(np.ceil(pdtrik(uniform, rare)), 0.0)
    # The quantile is rounded up from a root that may lie a hair above a whole number.
    below = np.maximum(count - 1, 0.0)
    return np.where(mean > 0, np.where(pdtr(below, rare) >= uniform, below, count), 0.0)


def events(key: Floats, per_year: Floats, age: Floats, years: float) -> Floats:
    """Return how many events fall into the time since the last bill, shape (n,).

    Parameters
    ----------
    key : ndarray of float64, shape (n,)
        Keys, as :func:`event_keys` gives them.
    per_year : ndarray of float64, shape (n,)
        Hazards [1/a].
    age : ndarray of float64, shape (n,)
        Age of the contract at which that time begins or ends, the same for one contract from bill to bill [a].
    years : float
        Its length [a].
    """
    uniform, steps = np.empty(key.size), np.rint(age * _STEPS_A_YEAR).astype(np.int64)
    for step in np.unique(steps):
        at = np.flatnonzero(steps == step)
        uniform[at] = Draws(0, "events").uniforms("events", key[at].astype(np.int64), int(step))[0]
    return poisson_quantile(uniform, per_year * years)


def held_years(contracts: Contracts, day: int, term_years: int) -> Floats:
    """Return how long contracts have held by a day of the run, shape (n,) [a].

    Parameters
    ----------
    contracts : Contracts
        Of one business model.
    day : int
        Day of the run, itself included.
    term_years : int
        What they last at most [a].
    """
    billed = np.minimum(contracts.age + contracts.elapsed, term_years)
    until_default = (np.minimum(contracts.last_day, day) - contracts.first_day) / _DAYS_A_YEAR
    return np.where(contracts.status == DEFAULTED, until_default, billed)
