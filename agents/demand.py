"""How members answer prices: reduced forms (model.md A1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.arcturus import arcturus_response
from gridagora.agents.perception import events_on

if TYPE_CHECKING:
    from gridagora.markets.tariffs.tariff import Tariff
    from gridagora.sim.clock import Day

Classes = NDArray[np.integer[Any]]


def respond(
    terms: Any,
    tariff: Tariff,
    day: Day,
    periods: int,
    load: NDArray[np.float64],
    *,
    prices: NDArray[np.float64] | None = None,
    technology: bool = False,
    awareness: float | None = None,
    reference: float | None = None,
) -> NDArray[np.float64]:
    """Return load relative to the load at the reference price, by the response model of a population (A1.2).

    Parameters
    ----------
    terms : section of the scenario
        Such as ``households``: its `response` names the model.
    tariff : Tariff
        Prices and price classes.
    day : Day
        The day.
    periods : int
        Settlement periods a day.
    load : ndarray of float64, shape (n, periods)
        Loads at the reference price, any unit.
    prices : ndarray of float64, shape (periods,), optional
        Retail price of the day as members believe it [currency/kWh]; without it the announced one.
    technology : bool
        Whether the members have enabling technology.
    awareness : float, optional
        Share of the response that shows, 0 to 1; that of `terms` by default.
    reference : float, optional
        Price under which the profiles arose [currency/kWh]; that of the tariff by default.

    Returns
    -------
    ndarray of float64, shape (periods,) or (n, periods)
        Factor on the load.

    Raises
    ------
    ValueError
        If the model needs prices above 0 and the day has others.
    """
    if prices is None:
        prices = tariff.energy_on(day, periods) + tariff.network_per_kwh + tariff.levy_per_kwh
    if reference is None:
        reference = tariff.reference_price(periods)
    aware = terms.awareness if awareness is None else awareness
    if terms.price_complexity_discount and comes_on_top(tariff, day, prices):
        aware *= 1.0 - terms.price_complexity_discount
    classes, rest = price_groups(prices, tariff.class_on(day, periods))
    if terms.response == "arcturus":
        options = {"rebound": terms.arcturus.rebound, "drop_intercept": terms.arcturus.drop_intercept}
        return arcturus_response(prices, classes, load, technology=float(technology), awareness=aware, **options)
    stronger = terms.technology_factor if technology else 1.0
    if terms.response == "ces":
        elasticities = stronger * terms.substitution_elasticity, stronger * terms.daily_elasticity
        return ces_response(prices, reference, classes, load, *elasticities, awareness=aware)
    return price_response(
        prices,
        reference,
        classes,
        load,
        stronger * terms.own_elasticity,
        stronger * terms.cross_elasticity,
        form=terms.response,
        neutral=terms.load_neutral,
        conservation=terms.conservation,
        awareness=aware,
        rest=rest,
    )


def comes_on_top(tariff: Tariff, day: Day, prices: NDArray[np.float64]) -> bool:
    """Return whether a day has an event while prices differ among its other periods."""
    event = events_on(tariff, day, prices.size)
    return bool(event.any() and np.unique(prices[~event]).size > 1)


def price_groups(prices: NDArray[np.float64], classes: Classes) -> tuple[Classes, bool]:
    """Return which periods members take for one price class, and whether cross-elasticities are to the rest of the day.

    The classes of the tariff, where each has one price on this day; one class, where the whole day has one price. Where
    prices change within a class, as those that follow the pool do, periods of equal price are a class, and the other
    one is the rest of the day: with as many classes as periods, cross-elasticities to each would add up without bound.

    Parameters
    ----------
    prices : ndarray of float64, shape (periods,)
        Retail price as members believe it [currency/kWh].
    classes : ndarray of uint8, shape (periods,)
        Price class of the tariff.

    Returns
    -------
    classes : ndarray of int, shape (periods,)
    rest : bool
    """
    if np.ptp(prices) == 0:
        return np.zeros(prices.size, np.uint8), False
    if all(np.ptp(prices[classes == s]) == 0 for s in np.unique(classes)):
        return classes, False
    return np.unique(prices, return_inverse=True)[1], True


def _relative_prices(
    prices: NDArray[np.float64], reference: float, classes: Classes, positive: bool
) -> tuple[NDArray[np.float64], Classes, NDArray[np.intp]]:
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
    classes: Classes,
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
    classes: Classes,
    load: NDArray[np.float64],
    own: float,
    cross: float,
    *,
    form: Literal["linear", "log"] = "linear",
    neutral: bool = False,
    conservation: float = 0.0,
    awareness: float = 1.0,
    rest: bool = False,
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
    conservation : float
        With `neutral`: share of what leaves a class that arrives nowhere, 0 to 1.
    awareness : float
        Share of the elasticity that shows, 0 to 1: the information factor.
    rest : bool
        Whether `cross` is the elasticity to the price of the rest of the day, the mean over its periods, instead of
        that to each other class; with two classes both are the same.

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
        arriving *= 1.0 - conservation
        answer = np.where(others > 0, own, 0.0) * change + arriving.sum(axis=-1, keepdims=True) - arriving
    elif rest:
        count = np.bincount(place)
        answer = own * change + cross * (count @ change - count * change) / np.maximum(place.size - count, 1)
    else:
        answer = own * change + cross * (change.sum() - change)
    by_class = 1.0 + awareness * answer if form == "linear" else np.exp(awareness * answer)
    return np.asarray(np.maximum(by_class, 0.0)[..., place])
