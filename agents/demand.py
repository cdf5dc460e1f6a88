"""How members answer prices: reduced forms (model.md A1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gridagora.markets.tariffs.tariff import Tariff


def respond(terms: Any, tariff: Tariff, day_type: str, load: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return load relative to the load at the reference price, by the response model of a population (A1.2).

    Parameters
    ----------
    terms : section of the scenario
        Such as ``households``: its `response` names the model.
    tariff : Tariff
        Prices and price classes.
    day_type : str
        ``"workday"``, ``"saturday"`` or ``"sunday"``.
    load : ndarray of float64, shape (n, periods)
        Loads at the reference price, any unit.

    Returns
    -------
    ndarray of float64, shape (periods,) or (n, periods)
        Factor on the load.

    Raises
    ------
    ValueError
        If the model needs prices above 0 and the tariff has others.
    """
    periods = load.shape[-1]
    prices, reference = tariff.retail_price(day_type, periods), tariff.reference_price(periods)
    classes = tariff.class_of_period(day_type, periods)
    if terms.response == "ces":
        elasticities = terms.substitution_elasticity, terms.daily_elasticity
        return ces_response(prices, reference, classes, load, *elasticities, awareness=terms.awareness)
    return price_response(
        prices,
        reference,
        classes,
        load,
        terms.own_elasticity,
        terms.cross_elasticity,
        form=terms.response,
        neutral=terms.load_neutral,
        awareness=terms.awareness,
    )


def _relative_prices(
    prices: NDArray[np.float64], reference: float, classes: NDArray[np.uint8], positive: bool
) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.intp]]:
    """Return the relative price of each class that occurs, those classes, and the place of each period in them."""
    used, place = np.unique(classes, return_inverse=True)
    ratio = np.array([prices[classes == s].mean() for s in used]) / reference
    if positive and ratio.min() <= 0:
        raise ValueError(
            f"retail price: given {ratio.min() * reference:g}; the responses `log` and `ces` take prices above 0 only; "
            "choose `response: linear`"
        )
    return ratio, used, place


def ces_response(
    prices: NDArray[np.float64],
    reference: float,
    classes: NDArray[np.uint8],
    load: NDArray[np.float64],
    substitution: float,
    daily: float,
    *,
    awareness: float = 1.0,
) -> NDArray[np.float64]:
    """Return load relative to the load at the reference price, by two-stage constant elasticity of substitution.

    The day's load answers to the mean price, ln (Q / Q0) = eta ln (P / p0), and is split so that the ratio of two
    classes answers to that of their prices, ln (Q_i / Q_j) = ln (Q0_i / Q0_j) - sigma ln (p_i / p_j). P weighs prices
    by the loads at the reference price. What does not depend on prices, the model's alpha, kappa and its term in
    degree hours, is the profile itself (model.md A1.2 b, after Caves and Christensen).

    Parameters
    ----------
    prices : ndarray of float64, shape (periods,)
        Retail price [currency/kWh], above 0.
    reference : float
        Price under which the profiles arose [currency/kWh].
    classes : ndarray of uint8, shape (periods,)
        Price class of each period.
    load : ndarray of float64, shape (..., periods)
        Loads at the reference price, any unit.
    substitution : float
        Elasticity of substitution sigma between classes, at least 0.
    daily : float
        Elasticity eta of the day's load to the mean price, at most 0.
    awareness : float
        Share of both that shows, 0 to 1: the information factor.

    Returns
    -------
    ndarray of float64, shape (..., periods)
        Factor on the load.

    Raises
    ------
    ValueError
        If a price is not above 0.
    """
    ratio, used, place = _relative_prices(prices, reference, classes, positive=True)
    weights = np.stack([load[..., classes == s].sum(axis=-1) for s in used], axis=-1)
    total = weights.sum(axis=-1, keepdims=True)

    def mean(of: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weigh by load; 1 where there is none, and exactly 1 where all are 1."""
        weighed = (weights * of).sum(axis=-1, keepdims=True)
        return np.asarray(np.divide(weighed, total, out=np.ones_like(total), where=total > 0))

    turned = ratio ** (-awareness * substitution)
    by_class = mean(ratio) ** (awareness * daily) * turned / mean(turned)
    return np.asarray(by_class[..., place])


def price_response(
    prices: NDArray[np.float64],
    reference: float,
    classes: NDArray[np.uint8],
    load: NDArray[np.float64],
    own: float,
    cross: float,
    *,
    form: Literal["linear", "log"] = "linear",
    neutral: bool = False,
    awareness: float = 1.0,
) -> NDArray[np.float64]:
    """Return load relative to the load at the reference price, by elasticities between price classes (A1.2 a).

    Linear: d_t / d0_t = 1 + sum_s eps_ts (p_s - p0) / p0. Log: d_t / d0_t = prod_s (p_s / p0) ** eps_ts. Periods
    of one class share one price, so s runs over classes: a cross-elasticity between single periods would grow
    with their number.

    Parameters
    ----------
    prices : ndarray of float64, shape (periods,)
        Retail price [currency/kWh].
    reference : float
        Price under which the profiles arose [currency/kWh].
    classes : ndarray of uint8, shape (periods,)
        Price class of each period.
    load : ndarray of float64, shape (..., periods)
        Loads at the reference price, any unit; each weighs the classes for `neutral`.
    own, cross : float
        Elasticity to the price of the own class (at most 0) and of each other class (at least 0).
    form : {"linear", "log"}
        Functional form.
    neutral : bool
        Pure shifting: what leaves class s because of its price arrives in the others in proportion to their load,
        sum_t d0_t eps_ts = 0; `cross` is then not used.
    awareness : float
        Share of the elasticity that shows, 0 to 1: the information factor.

    Returns
    -------
    ndarray of float64, shape (periods,), or that of `load` if `neutral`
        Factor on the load, at least 0.

    Raises
    ------
    ValueError
        If the form is logarithmic and a price not above 0.
    """
    ratio, used, place = _relative_prices(prices, reference, classes, positive=form == "log")
    change = ratio - 1.0 if form == "linear" else np.log(ratio)
    if neutral:
        weights = np.stack([load[..., classes == s].sum(axis=-1) for s in used], axis=-1)
        others = weights.sum(axis=-1, keepdims=True) - weights
        # Load that has nowhere to go stays.
        arriving = np.divide(-own * weights, others, out=np.zeros_like(weights), where=others > 0) * change
        answer = np.where(others > 0, own, 0.0) * change + arriving.sum(axis=-1, keepdims=True) - arriving
    else:
        answer = own * change + cross * (change.sum() - change)
    by_class = 1.0 + awareness * answer if form == "linear" else np.exp(awareness * answer)
    return np.asarray(np.maximum(by_class, 0.0)[..., place])
