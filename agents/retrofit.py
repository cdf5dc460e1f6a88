"""Whether a firm saves energy, and under which contract (model.md A2.2, D1).

The firm sees the audit's estimate of what a measure saves and how uncertain it is; what it really saves is drawn apart,
so there is a performance gap. Under each contract the present value is linear in the saving but for the guarantee,
whose value follows from the normal distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from gridagora.agents.choice import probabilities
from gridagora.sim.bounds import within
from gridagora.sim.finance import annuity_factor

FloatArray = NDArray[np.float64]

CONTRACTS = ("none", "self_finance", "shared_savings", "guaranteed_savings", "energy_cost_trust")
_NONE, _SELF, _SHARED, _GUARANTEED, _TRUST = range(5)
#: Contracts under which the firm invests itself; under the others the service company does.
SELF_INVESTED = (_SELF, _GUARANTEED)


@dataclass(frozen=True, slots=True)
class ContractTerms:
    """Terms that the service company offers; defaults of D1, illustrations.

    Parameters
    ----------
    term : int
        Years of shared savings and of the cost trust, at least 1 [yr].
    customer_share : float
        Share of the value saved that the firm keeps during the term of shared savings, 0 to 1.
    guarantee : float
        Guaranteed saving as a share of the audit's estimate, 0 to 1.
    bonus : float
        Share of the value above the guarantee that goes to the service company, 0 to 1.
    fee : float
        Yearly fee of the guarantee as a share of the investment, at least 0 [1/yr].
    discount : float
        Discount on the reference bill under the cost trust, 0 to 1.
    """

    term: int = 5
    customer_share: float = 0.2
    guarantee: float = 0.8
    bonus: float = 0.5
    fee: float = 0.02
    discount: float = 0.08

    def __post_init__(self) -> None:
        within("term", self.term, 1)
        for name in ("customer_share", "guarantee", "bonus", "discount"):
            within(name, getattr(self, name), 0.0, 1.0)
        within("fee", self.fee, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """What the audit says about a measure, one entry a firm.

    Parameters
    ----------
    investment : array-like, shape (n,)
        Cost today, above 0 [currency].
    bill : array-like, shape (n,)
        Yearly energy bill without the measure, above 0 [currency/yr].
    saving, deviation : array-like, shape (n,)
        Estimated share of the bill that it saves, 0 to 1, and its standard deviation, at least 0.
    life : int
        Years that the measure lasts, at least the contract's term [yr].
    """

    investment: ArrayLike
    bill: ArrayLike
    saving: ArrayLike
    deviation: ArrayLike
    life: int = 10


def contract_values(measure: Measure, terms: ContractTerms, rate: float) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation of each contract's present value to the firm.

    One draw of the saving holds for all years. After the term of shared savings or of the trust the equipment is the
    firm's, and so is the whole saving.

    Parameters
    ----------
    measure : Measure
        The audit's estimate.
    terms : ContractTerms
        Terms on offer.
    rate : float
        Real discount rate of the firm [1/yr].

    Returns
    -------
    mean, deviation : ndarray of float64, shape (n, 5)
        In the order of `CONTRACTS` [currency].

    Raises
    ------
    ValueError
        If an estimate is out of range or the term longer than the life.
    """
    if measure.life < terms.term:
        raise ValueError(f"life: given {measure.life} years; allowed: at least the term of {terms.term} years")
    invested, bill = within("investment", measure.investment, 1e-12), within("bill", measure.bill, 1e-12)
    expected, spread = (
        bill * within("saving", measure.saving, 0.0, 1.0),
        bill * within("deviation", measure.deviation, 0.0),
    )
    whole, during = annuity_factor(rate, measure.life), annuity_factor(rate, terms.term)
    shared = terms.customer_share * during + whole - during
    mean, deviation = np.zeros((2, len(invested), len(CONTRACTS)))
    mean[:, _SELF], deviation[:, _SELF] = whole * expected - invested, whole * spread
    mean[:, _SHARED], deviation[:, _SHARED] = shared * expected, shared * spread
    kept, kept_spread = _guaranteed(expected, spread, terms)
    mean[:, _GUARANTEED] = whole * (kept - terms.fee * invested) - invested
    deviation[:, _GUARANTEED] = whole * kept_spread
    mean[:, _TRUST] = during * terms.discount * bill + (whole - during) * expected
    deviation[:, _TRUST] = (whole - during) * spread
    return mean, deviation


def _guaranteed(expected: FloatArray, spread: FloatArray, terms: ContractTerms) -> tuple[FloatArray, FloatArray]:
    """Return mean and deviation of what a firm keeps in a year: G + (1 - bonus) max(0, S - G), S normal [currency]."""
    floor = terms.guarantee * expected
    above = expected - floor
    uncertain = spread > above / 40  # beyond forty deviations the guarantee is never called
    score = np.where(uncertain, above / np.where(uncertain, spread, 1.0), 0.0)
    density, mass = np.exp(-(score**2) / 2) / np.sqrt(2 * np.pi), ndtr(score)
    first = np.where(uncertain, above * mass + spread * density, above)
    second = (above**2 + spread**2) * mass + above * spread * density
    varied = np.where(uncertain, np.sqrt(np.maximum(second - first**2, 0.0)), spread)
    keep = 1 - terms.bonus
    return floor + keep * first, keep * varied


def contract_chances(
    mean: ArrayLike,
    deviation: ArrayLike,
    investment: ArrayLike,
    capital: ArrayLike,
    *,
    sensitivity: float = 3.0,
    aversion: float = 0.5,
) -> FloatArray:
    """Return the probability that a firm signs each contract: logit over value less risk, as shares of the investment.

    Parameters
    ----------
    mean, deviation : array-like, shape (n, 5)
        Of :func:`contract_values` [currency].
    investment : array-like, shape (n,)
        Above 0 [currency].
    capital : array-like, shape (n,)
        What the firm can invest, at least 0 [currency]; below the investment it cannot finance it itself, nor sign
        for guaranteed savings, where it is the one that invests.
    sensitivity : float
        Per value over investment, at least 0.
    aversion : float
        Value that a unit of standard deviation costs, at least 0.

    Returns
    -------
    ndarray of float64, shape (n, 5)
        Sums to 1; in the order of `CONTRACTS`.
    """
    invested = within("investment", investment, 1e-12)
    worth = within("mean", mean) - within("aversion", aversion, 0.0) * within("deviation", deviation, 0.0)
    affordable = np.ones(worth.shape, bool)
    affordable[:, SELF_INVESTED] = (within("capital", capital, 0.0) >= invested)[:, None]
    return probabilities(within("sensitivity", sensitivity, 0.0) * worth / invested[:, None], affordable)


def contract_dues(
    contract: NDArray[np.int64],
    saved: ArrayLike,
    expected: ArrayLike,
    investment: ArrayLike,
    bill: ArrayLike,
    terms: ContractTerms,
) -> FloatArray:
    """Return what firms owe their service company for a year under contract, negative where it owes them (D1).

    Under the trust the company takes the reference bill less the discount and pays the actual one.

    Parameters
    ----------
    contract : ndarray of int64, shape (n,)
        Numbers in `CONTRACTS`.
    saved, expected : array-like, shape (n,)
        What is truly saved in a year, and what the audit expected [currency/yr].
    investment : array-like, shape (n,)
        At least 0 [currency].
    bill : array-like, shape (n,)
        Yearly bill without the measure, at least 0 [currency/yr].
    terms : ContractTerms
        Terms on offer.

    Returns
    -------
    ndarray of float64, shape (n,)
        [currency/yr]
    """
    real, invested = within("saved", saved), within("investment", investment, 0.0)
    above = real - terms.guarantee * within("expected", expected)
    due = np.zeros((real.size, len(CONTRACTS)))
    due[:, _SHARED] = (1 - terms.customer_share) * np.maximum(real, 0.0)
    due[:, _GUARANTEED] = terms.fee * invested + np.where(above > 0, terms.bonus, 1.0) * above
    due[:, _TRUST] = real - terms.discount * within("bill", bill, 0.0)
    return np.asarray(np.take_along_axis(due, contract[:, None], axis=1)[:, 0])


def true_saving(saving: ArrayLike, gap: ArrayLike, deviation: ArrayLike, normal: ArrayLike) -> FloatArray:
    """Return what measures really save, as shares of the bill: off the audit's estimate by the performance gap.

    Parameters
    ----------
    saving : array-like, shape (n,)
        The audit's estimate, 0 to 1.
    gap : array-like, broadcast to (n,)
        Share of the estimate that fails to appear on average, below 1; negative where audits are cautious.
    deviation : array-like, shape (n,)
        Standard deviation of the share of the bill, at least 0.
    normal : array-like, shape (n,)
        Standard normal draws, one a firm.

    Returns
    -------
    ndarray of float64, shape (n,)
        Below 0 where a measure makes things worse; at most 1.
    """
    mean = within("saving", saving, 0.0, 1.0) * (1 - within("gap", gap, high=1.0))
    return np.asarray(np.minimum(mean + within("deviation", deviation, 0.0) * within("normal", normal), 1.0))
