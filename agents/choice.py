"""Choice among tariffs and packages: multinomial and nested logit (model.md A1.6, after McFadden 1974).

Utilities have one row a member and one column an option. What a member does not consider is left out by a mask; a cost
of nan or infinity is an error and never an option that silently nobody takes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.sim.bounds import within

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

#: Share of members who look at other tariffs in a month; from memory, an assumption of the model (A1.6).
CONSIDERATION = 0.08
#: Opt-out enrolment over opt-in enrolment, lower and upper end, after Faruqui 2014 (A1.6).
DEFAULT_RATIO = (3.0, 5.0)


@dataclass(frozen=True, slots=True)
class Tastes:
    """Weights of what a tariff or package is valued by; those here are illustrations.

    Parameters
    ----------
    bill : float
        Per share of the monthly income that the expected bill takes, above 0.
    risk : float
        Per unit of the bill's standard deviation [1/currency], at least 0.
    switching : float
        Cost of any option but the present one, at least 0.
    default : float
        Bonus of the option that one gets without choosing, at least 0: see :func:`default_bonus`.
    green : float
        Per share of green energy.
    reliability : float
        Per unit of the reliability index of the option.
    """

    bill: float = 20.0
    risk: float = 0.0
    switching: float = 0.5
    default: float = 0.0
    green: float = 0.0
    reliability: float = 0.0

    def __post_init__(self) -> None:
        within("bill", self.bill, 1e-12)
        for name in ("risk", "switching", "default"):
            within(name, getattr(self, name), 0.0)
        within("green", self.green)
        within("reliability", self.reliability)


def utilities(
    tastes: Tastes,
    bill: ArrayLike,
    income: ArrayLike,
    current: IntArray,
    *,
    deviation: ArrayLike = 0.0,
    green: ArrayLike = 0.0,
    reliability: ArrayLike = 0.0,
    constant: ArrayLike = 0.0,
    default: int | None = None,
) -> FloatArray:
    """Return the systematic utility of each option for each member (A1.6).

    Parameters
    ----------
    tastes : Tastes
        Weights.
    bill : array-like, shape (n, options)
        Expected bill of the month [currency].
    income : array-like, shape (n,)
        Monthly income, above 0 [currency].
    current : ndarray of int64, shape (n,)
        Option that the member has now; -1 for none of them.
    deviation : array-like, broadcast to (n, options)
        Standard deviation of the bill [currency].
    green, reliability, constant : array-like, broadcast to (n, options)
        Share of green energy, reliability index, alternative-specific constant.
    default : int, optional
        Option that one gets without choosing.

    Returns
    -------
    ndarray of float64, shape (n, options)

    Raises
    ------
    ValueError
        If a bill or another attribute is not finite, or an income not above 0.
    """
    bills = within("bill", bill)
    value = -tastes.bill * bills / within("income", income, 1e-12)[:, None]
    value = value - tastes.risk * within("deviation", deviation, 0.0)
    value = value + tastes.green * within("green", green) + tastes.reliability * within("reliability", reliability)
    value = value + within("constant", constant)
    option = np.arange(bills.shape[1])
    value = value - tastes.switching * (option != np.asarray(current)[:, None])
    if default is not None:
        value = value + tastes.default * (option == default)
    return np.asarray(value)


def _masked(value: ArrayLike, available: BoolArray | None) -> FloatArray:
    """Return utilities with -inf where an option is not considered."""
    values = within("utility", value)
    if available is None:
        return values
    mask = np.broadcast_to(available, values.shape)
    if not mask.any(axis=-1).all():
        raise ValueError("available: a member has no option; allowed: at least one each, such as the present one")
    return np.where(mask, values, -np.inf)


def probabilities(value: ArrayLike, available: BoolArray | None = None) -> FloatArray:
    """Return the probabilities of multinomial logit, exp V_k / sum_j exp V_j (A1.6).

    Parameters
    ----------
    value : array-like, shape (..., options)
        Utilities.
    available : ndarray of bool, broadcast to that shape, optional
        Options that are considered; all without it.

    Returns
    -------
    ndarray of float64, shape (..., options)
        Sums to 1 over options.

    Raises
    ------
    ValueError
        If a utility is not finite or a member has no option.

    Examples
    --------
    >>> probabilities([np.log(3.0), 0.0]).round(4).tolist()
    [0.75, 0.25]
    """
    values = _masked(value, available)
    weight = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


def logsum(value: ArrayLike, available: BoolArray | None = None) -> FloatArray:
    """Return ln sum_k exp V_k, the expected utility of the best option less Euler's constant; shape (...)."""
    values = _masked(value, available)
    top = values.max(axis=-1)
    return np.asarray(top + np.log(np.exp(values - top[..., None]).sum(axis=-1)))


def surplus_change(before: ArrayLike, after: ArrayLike, money: ArrayLike) -> FloatArray:
    """Return the change of expected consumer surplus between two sets of options (A1.6).

    Parameters
    ----------
    before, after : array-like, shape (n,)
        Log sums.
    money : array-like, broadcast to (n,)
        Marginal utility of money [1/currency], above 0: `Tastes.bill` over the monthly income.

    Returns
    -------
    ndarray of float64, shape (n,)
        [currency] a month.
    """
    return np.asarray((within("after", after) - within("before", before)) / within("money", money, 1e-300))


def _nests(
    value: ArrayLike, nest: IntArray, scale: ArrayLike, available: BoolArray | None
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Return probabilities within nests (..., options), inclusive values (..., nests) and which nests have options."""
    values, scales = within("utility", value), within("scale", scale, 1e-6, 1.0)
    count = len(scales)
    if sorted(set(np.asarray(nest).tolist())) != list(range(count)):
        raise ValueError(
            f"nest: given {np.asarray(nest).tolist()}; allowed 0 to {count - 1}, one scale and an option each"
        )
    mask = np.ones(values.shape, bool) if available is None else np.broadcast_to(available, values.shape)
    inside, inclusive = np.zeros_like(values), np.zeros((*values.shape[:-1], count))
    present = np.empty(inclusive.shape, bool)
    for m in range(count):
        members = np.flatnonzero(np.asarray(nest) == m)
        scaled, offered = values[..., members] / scales[m], mask[..., members]
        some = np.asarray(offered.any(axis=-1))
        present[..., m] = some
        filled = offered | ~some[..., None]  # a nest without options gets no share, whatever is computed in it
        inside[..., members] = probabilities(scaled, filled)
        inclusive[..., m] = scales[m] * logsum(scaled, filled)
    return inside, inclusive, present


def nested_probabilities(
    value: ArrayLike, nest: IntArray, scale: ArrayLike, available: BoolArray | None = None
) -> FloatArray:
    """Return the probabilities of two-level nested logit, such as dynamic tariffs in one nest (A1.6).

    Parameters
    ----------
    value : array-like, shape (..., options)
        Utilities.
    nest : ndarray of int64, shape (options,)
        Nest of each option, 0, 1, ...
    scale : array-like, shape (nests,)
        Dissimilarity of the options of a nest, above 0 and at most 1; all 1 is multinomial logit.
    available : ndarray of bool, broadcast to the utilities, optional
        Options that are considered; all without it.

    Returns
    -------
    ndarray of float64, shape (..., options)

    Raises
    ------
    ValueError
        If a utility is not finite, a scale out of range, a nest empty, or a member has no option.
    """
    inside, inclusive, present = _nests(value, nest, scale, available)
    return np.asarray(inside * probabilities(inclusive, present)[..., np.asarray(nest)])


def nested_logsum(value: ArrayLike, nest: IntArray, scale: ArrayLike, available: BoolArray | None = None) -> FloatArray:
    """Return the log sum of :func:`nested_probabilities`, of the same parameters; shape (...)."""
    _, inclusive, present = _nests(value, nest, scale, available)
    return logsum(inclusive, present)


def choose(probability: ArrayLike, uniform: ArrayLike) -> IntArray:
    """Return the option that each member takes.

    Parameters
    ----------
    probability : array-like, shape (n, options)
        Sums to 1 over options.
    uniform : array-like, shape (n,)
        Draws from (0, 1), one a member: the same draws in two scenarios make them comparable.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    cumulated = np.cumsum(within("probability", probability, 0.0, 1.0), axis=-1)
    if np.abs(cumulated[..., -1] - 1.0).max(initial=0.0) > 1e-9:
        raise ValueError(f"probability: sums to {cumulated[..., -1].ravel()[0]:g}; allowed: 1 over the options")
    # Rounding may leave the last sum a hair below 1, and a draw above it.
    cumulated[..., -1] = 1.0
    return np.asarray((np.asarray(uniform)[:, None] >= cumulated).sum(axis=-1), dtype=np.int64)


def switch(
    current: IntArray, probability: ArrayLike, consider: ArrayLike, uniform: ArrayLike, share: float = CONSIDERATION
) -> IntArray:
    """Return the option that each member has after a month in which only some look around (A1.6).

    Parameters
    ----------
    current : ndarray of int64, shape (n,)
        Option of each member.
    probability : array-like, shape (n, options)
        Chance of each option for who looks around.
    consider, uniform : array-like, shape (n,)
        Two independent draws from (0, 1) for each member.
    share : float
        Chance to look around, 0 to 1.
    """
    within("share", share, 0.0, 1.0)
    return np.where(np.asarray(consider) < share, choose(probability, uniform), current)


def default_bonus(opt_in: float, ratio: float) -> float:
    """Return the bonus of the default option at which opt-out enrolment is a multiple of opt-in enrolment (A1.6).

    With two options, the bonus stands on the other side under opt-in and on this side under opt-out, so the log odds
    of the two shares lie twice the bonus apart.

    Parameters
    ----------
    opt_in : float
        Share that enrols where one must ask for the tariff, in (0, 1).
    ratio : float
        Opt-out enrolment over `opt_in`, at least 1 and below 1 / opt_in; reported are `DEFAULT_RATIO`.

    Raises
    ------
    ValueError
        If more than everybody would enrol.
    """
    within("opt_in", opt_in, 1e-9, 1 - 1e-9)
    within("ratio", ratio, 1.0, (1 - 1e-12) / opt_in)
    opt_out = ratio * opt_in
    return float(np.log(opt_out / (1 - opt_out) * (1 - opt_in) / opt_in) / 2)
