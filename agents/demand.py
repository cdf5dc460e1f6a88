"""How members answer prices: reduced forms (model.md A1.2)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray


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
    """
    used, place = np.unique(classes, return_inverse=True)
    ratio = np.array([prices[classes == s].mean() for s in used]) / reference
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
