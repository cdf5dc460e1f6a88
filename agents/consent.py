"""Who lets data about its consumption be used, for which reward (model.md A1.8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, ndtri

from gridagora.agents.columns import STRATEGY_NAMES, TRUTHFUL
from gridagora.markets.strategies.draws import Draws
from gridagora.sim.bounds import within

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Quality of a member's data, 0 to 1, by kind of meter; illustrations.
METER_QUALITY = {"monthly_reading": 0.2, "daily_reading": 0.5, "interval_60": 0.8, "interval_15": 0.95, "submeter": 1.0}


@dataclass(frozen=True, slots=True)
class Privacy:
    """What privacy is worth to members; illustrations.

    Parameters
    ----------
    median : float
        Median of the lognormal privacy cost [currency/month], above 0.
    spread : float
        Standard deviation of its logarithm, at least 0.
    sharpness : float
        Per unit of reward over cost [month/currency], above 0: how surely members follow it.
    """

    median: float = 5.0
    spread: float = 1.0
    sharpness: float = 1.0

    def __post_init__(self) -> None:
        within("median", self.median, 1e-12)
        within("spread", self.spread, 0.0)
        within("sharpness", self.sharpness, 1e-12)

    def costs(self, member: IntArray, draws: Draws) -> FloatArray:
        """Return the privacy cost of members, which stays with them, shape (n,) [currency/month]."""
        normal = ndtri(draws.uniforms("privacy cost", member)[0])
        return np.asarray(self.median * np.exp(self.spread * normal))

    def chance(self, reward: ArrayLike, cost: ArrayLike) -> FloatArray:
        """Return the probability of consent, logistic(sharpness (reward - cost)).

        Parameters
        ----------
        reward, cost : array-like, shape (n,)
            What a member gets for its data, and its privacy cost, the latter at least 0 [currency/month].

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        return np.asarray(expit(self.sharpness * (within("reward", reward) - within("cost", cost, 0.0))))


def consents(privacy: Privacy, reward: ArrayLike, member: IntArray, draws: Draws) -> NDArray[np.bool_]:
    """Return who consents at a reward; who does at one does at any higher one.

    Parameters
    ----------
    privacy : Privacy
        What privacy is worth.
    reward : array-like, broadcast to (n,)
        What each member gets [currency/month].
    member : ndarray of int64, shape (n,)
        Numbers of the members.
    draws : Draws
        Random streams of the population.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    return np.asarray(draws.uniforms("consent", member)[0] < privacy.chance(reward, privacy.costs(member, draws)))


def strategy_codes(strategies: Any, uniform: FloatArray) -> NDArray[np.uint8]:
    """Return how members bid if they take part, by the code of their strategy.

    Parameters
    ----------
    strategies : section of the scenario
        Shares of the strategies.
    uniform : ndarray of float64, shape (n,)
        Draws from (0, 1).

    Returns
    -------
    ndarray of uint8, shape (n,)
    """
    shares = np.cumsum([getattr(strategies, each) for each in STRATEGY_NAMES])
    return (TRUTHFUL + np.searchsorted(shares[:-1], uniform, side="right")).astype(np.uint8)


def data_quality(meters: list[str]) -> FloatArray:
    """Return the quality of data by kind of meter, shape (n,), of `METER_QUALITY`.

    Raises
    ------
    ValueError
        If a kind is not known.
    """
    unknown = sorted(set(meters) - METER_QUALITY.keys())
    if unknown:
        raise ValueError(f"meter: given {unknown[0]!r}; allowed: {', '.join(METER_QUALITY)}")
    return np.array([METER_QUALITY[meter] for meter in meters])
