"""What members are as customers: what they earn, and which offers they may have (model.md A1.6, B9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from gridagora.markets.strategies.draws import Draws
from gridagora.sim.bounds import within

if TYPE_CHECKING:
    from gridagora.markets.tariffs.eligibility import Eligibility

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


def monthly_income(terms: Any, annual_kwh: NDArray[Any], mean_annual_kwh: float, normal: FloatArray) -> FloatArray:
    """Return the monthly income of members: lognormal, higher for those who use more.

    Parameters
    ----------
    terms : section of the scenario
        A population's `income`.
    annual_kwh : ndarray, shape (n,)
        Yearly consumption, above 0 [kWh].
    mean_annual_kwh : float
        That of the mean member, above 0 [kWh].
    normal : ndarray of float64, shape (n,)
        Standard normal draws, one a member.

    Returns
    -------
    ndarray of float64, shape (n,)
        [currency/month]
    """
    relative = within("annual_kwh", annual_kwh, 1e-12) / within("mean_annual_kwh", mean_annual_kwh, 1e-12)
    return np.asarray(terms.median_per_month * relative**terms.consumption_elasticity * np.exp(terms.sigma * normal))


def incomes(population: Any) -> FloatArray:
    """Return the monthly income of a population's members, by row, the same in every call [currency/month]."""
    terms, members = population.terms, population.members
    uniform = Draws(population.streams.seed, population.name).uniforms("income", members.number.astype(np.int64))[0]
    first = getattr(population, "first_kwh", None)  # who saves energy earns no less
    annual = members.annual_kwh if first is None else first
    mean = terms.mean_annual_kwh or 1.0
    return monthly_income(terms.income, np.where(annual > 0, annual, mean), mean, ndtri(uniform))


def admitted(
    condition: Eligibility, income: FloatArray, low_income: float, car: BoolArray, pump: BoolArray
) -> BoolArray:
    """Return which members may have an offer, shape (n,).

    Parameters
    ----------
    condition : Eligibility
        What the offer asks.
    income : ndarray of float64, shape (n,)
        Monthly income [currency/month].
    low_income : float
        Below it, members are entitled to what is meant for low incomes [currency/month].
    car, pump : ndarray of bool, shape (n,)
        Whether members have an electric car, which is transport, and a heat pump, with which a home is all-electric.
    """
    may = np.ones(income.size, np.bool_)
    if condition.least_meters > 1 or condition.storage_air_conditioning:
        may[:] = False
    if condition.low_income:
        may &= income < low_income
    if condition.transport:
        may &= car
    if condition.all_electric:
        may &= pump
    return may
