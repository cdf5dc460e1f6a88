"""Who adopts a technology, and when: four interchangeable models, and Bass's closed form (model.md A1.7).

A model is a frozen set of options whose `chance` says how likely each member adopts within a step. :func:`adopt` draws.
Everything is by member, and draws come by the member's number: how members are split into blocks changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, ndtri

from gridagora.markets.strategies.draws import Draws
from gridagora.sim.bounds import within

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Prospect:
    """What members see when they decide.

    Parameters
    ----------
    member : ndarray of int64, shape (n,)
        Numbers of the members.
    draws : Draws
        Random streams of the population.
    share : array-like, broadcast to (n,)
        Share of neighbours, or of everybody, who have adopted, 0 to 1.
    technology : str
        Such as ``"pv"``, ``"storage"`` or ``"heat pump"``: each has its own draws.
    years : float
        Length of the step, above 0 [yr].
    worth : array-like, broadcast to (n,)
        Net present value over investment cost, at the member's own tariff and load; of `NpvLogit` only.
    payback : array-like, broadcast to (n,)
        Payback period [yr], infinite if it never pays; of `PaybackShare` only.
    green : array-like, broadcast to (n,)
        Environmental attitude, 0 to 1; of `NpvLogit` only.
    """

    member: IntArray
    draws: Draws
    share: ArrayLike
    technology: str = "pv"
    years: float = 1.0
    worth: ArrayLike = 0.0
    payback: ArrayLike = np.inf
    green: ArrayLike = 0.0

    def __post_init__(self) -> None:
        within("years", self.years, 1e-9)

    def drawn(self, concern: str, step: int = 0) -> FloatArray:
        """Return draws from (0, 1) by member and technology, shape (n,)."""
        return np.asarray(self.draws.uniforms(f"{concern} {self.technology}", self.member, step)[0])

    def column(self, name: str, low: float, high: float) -> FloatArray:
        """Return one attribute by member, shape (n,), checked against its bounds."""
        return np.broadcast_to(within(name, getattr(self, name), low, high), (len(self.member),))

    def payback_years(self) -> FloatArray:
        """Return payback periods by member, shape (n,) [yr]."""
        years = np.asarray(self.payback, dtype=np.float64)
        if not (years >= 0).all():
            raise ValueError("payback: given a number below 0 or nan; allowed: at least 0, infinite if it never pays")
        return np.broadcast_to(years, (len(self.member),))


class AdoptionModel(Protocol):
    """What :func:`adopt` asks of a model."""

    def chance(self, prospect: Prospect) -> FloatArray:
        """Return the probability that each member adopts within a step, if it has not, shape (n,).

        Parameters
        ----------
        prospect : Prospect
            What members see at the beginning of the step.
        """
        ...


def adopt(model: AdoptionModel, prospect: Prospect, adopted: BoolArray, step: int) -> BoolArray:
    """Return who has adopted after a step: who had before, and who does in it.

    Imitation sees the share at the beginning of the step, so long steps lag: at Bass's mean coefficients the share
    after five years is 21 % too low in yearly steps and 2 % too low in monthly ones.

    Parameters
    ----------
    model : AdoptionModel
        `Bass`, `Threshold`, `NpvLogit` or `PaybackShare`.
    prospect : Prospect
        What members see.
    adopted : ndarray of bool, shape (n,)
        Who has adopted before the step.
    step : int
        Number of the step, at least 0.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    return np.asarray(adopted | (prospect.drawn("adopts", step) < model.chance(prospect)))


@dataclass(frozen=True, slots=True)
class Bass:
    """Innovation and imitation (Bass 1969): hazard p + q f.

    Parameters
    ----------
    innovation : float
        p [1/yr], at least 0. 0.03 is the mean of a meta-analysis, from memory (A1.7).
    imitation : float
        q [1/yr], at least 0. 0.38 is the same mean, from memory.
    """

    innovation: float = 0.03
    imitation: float = 0.38

    def __post_init__(self) -> None:
        within("innovation", self.innovation, 0.0)
        within("imitation", self.imitation, 0.0)

    def chance(self, prospect: Prospect) -> FloatArray:
        """Return 1 - exp(-(p + q f) years); see :class:`AdoptionModel`."""
        share = prospect.column("share", 0.0, 1.0)
        return np.asarray(-np.expm1(-(self.innovation + self.imitation * share) * prospect.years))


@dataclass(frozen=True, slots=True)
class Threshold:
    """A crowd draws in each member at its own threshold, which stays with it (Granovetter 1978).

    Parameters
    ----------
    mean, spread : float
        Mean and standard deviation of the normal thresholds; illustrations. Who has one of 0 or less starts.
    """

    mean: float = 0.25
    spread: float = 0.10

    def __post_init__(self) -> None:
        within("mean", self.mean)
        within("spread", self.spread, 0.0)

    def thresholds(self, prospect: Prospect) -> FloatArray:
        """Return the thresholds of members, shape (n,)."""
        return np.asarray(self.mean + self.spread * ndtri(prospect.drawn("threshold")))

    def chance(self, prospect: Prospect) -> FloatArray:
        """Return 1 from the threshold on, 0 below; see :class:`AdoptionModel`."""
        share = prospect.column("share", 0.0, 1.0)
        return np.asarray(share >= self.thresholds(prospect), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class NpvLogit:
    """Some consider it, and of those a share given by profit, neighbours and attitude adopts.

    Parameters
    ----------
    hazard : float
        Rate at which a member considers it [1/yr], at least 0.
    constant, worth, share, green : float
        beta_0 to beta_3 (A1.7 c), of 1, NPV over investment, neighbours' share and attitude; illustrations.
    """

    hazard: float = 0.2
    constant: float = -2.0
    worth: float = 3.0
    share: float = 2.0
    green: float = 1.0

    def __post_init__(self) -> None:
        within("hazard", self.hazard, 0.0)
        for name in ("constant", "worth", "share", "green"):
            within(name, getattr(self, name))

    def chance(self, prospect: Prospect) -> FloatArray:
        """Return (1 - exp(-hazard years)) logistic(beta'x); see :class:`AdoptionModel`."""
        value = self.constant + self.worth * prospect.column("worth", -np.inf, np.inf)
        value = value + self.share * prospect.column("share", 0.0, 1.0)
        value = value + self.green * prospect.column("green", 0.0, 1.0)
        return np.asarray(-np.expm1(-self.hazard * prospect.years) * expit(value))


@dataclass(frozen=True, slots=True)
class PaybackShare:
    """Bass among those who would accept the payback period: at most exp(-s payback) of all (A1.7 d).

    Each member accepts payback periods up to a longest one that stays with it, exponentially distributed, so who
    accepts a long one accepts a shorter one too.

    Parameters
    ----------
    sensitivity : float
        s [1/yr], above 0. 0.3 is from memory.
    innovation, imitation : float
        As in :class:`Bass` [1/yr].
    """

    sensitivity: float = 0.3
    innovation: float = 0.03
    imitation: float = 0.38

    def __post_init__(self) -> None:
        within("sensitivity", self.sensitivity, 1e-9)
        within("innovation", self.innovation, 0.0)
        within("imitation", self.imitation, 0.0)

    def most(self, payback: ArrayLike) -> FloatArray:
        """Return the largest share that would ever adopt at a payback period [yr]."""
        return np.asarray(np.exp(-self.sensitivity * np.asarray(payback, dtype=np.float64)))

    def chance(self, prospect: Prospect) -> FloatArray:
        """Return Bass's chance with f over the largest share, for who accepts; see :class:`AdoptionModel`."""
        most = self.most(prospect.payback_years())
        accepts = prospect.drawn("longest payback") < most
        share = prospect.column("share", 0.0, 1.0)
        # More neighbours than the largest share have adopted where the payback period has grown since.
        of_those = np.minimum(np.divide(share, most, out=np.zeros(len(most)), where=most > 0), 1.0)
        return np.where(accepts, -np.expm1(-(self.innovation + self.imitation * of_those) * prospect.years), 0.0)


def bass_share(years: ArrayLike, innovation: float, imitation: float, start: float = 0.0) -> FloatArray:
    """Return the share that has adopted by Bass's closed form, F(t) (A1.7 a).

    Parameters
    ----------
    years : array-like
        Time since the start, at least 0 [yr].
    innovation, imitation : float
        p, above 0, and q, at least 0 [1/yr].
    start : float
        F(0), 0 to 1.

    Returns
    -------
    ndarray of float64
        (1 - A e^(-(p+q)t)) / (1 + (q/p) A e^(-(p+q)t)), A = (1 - F(0)) / (1 + (q/p) F(0)), which is 1 from F(0) = 0.

    Examples
    --------
    >>> bass_share([1.0, 10.0], 0.03, 0.38).round(6).tolist()
    [0.035758, 0.812803]
    """
    p, q = float(within("innovation", innovation, 1e-12)), float(within("imitation", imitation, 0.0))
    first = float(within("start", start, 0.0, 1.0))
    rest = (p + q) * within("years", years, 0.0)
    waiting = (1 - first) / (1 + q / p * first)
    return np.asarray((1 - waiting - waiting * np.expm1(-rest)) / (1 + q / p * waiting * np.exp(-rest)))


@dataclass(frozen=True, slots=True)
class BassPeak:
    """When most adopt.

    Attributes
    ----------
    time : float
        Since the start [yr].
    share : float
        Share that has adopted by then.
    rate : float
        Share that adopts in a year, then [1/yr].
    """

    time: float
    share: float
    rate: float


def bass_peak(innovation: float, imitation: float) -> BassPeak:
    """Return the peak of Bass's closed form: at the start if imitation does not exceed innovation.

    Parameters
    ----------
    innovation, imitation : float
        p, above 0, and q, at least 0 [1/yr].
    """
    p, q = float(within("innovation", innovation, 1e-12)), float(within("imitation", imitation, 0.0))
    if q <= p:
        return BassPeak(0.0, 0.0, p)
    return BassPeak(float(np.log(q / p) / (p + q)), 0.5 * (1 - p / q), (p + q) ** 2 / (4 * q))


@dataclass(frozen=True, slots=True)
class Diffusion:
    """Coefficients of Bass's model from a source.

    Attributes
    ----------
    model : Bass
        Coefficients [1/yr].
    source : str
        Where they are from.
    verified : bool
        Whether the source has been looked up; if not, they are from memory and no result should rest on them.
    """

    model: Bass
    source: str
    verified: bool


DIFFUSION = {
    "mean": Diffusion(Bass(0.03, 0.38), "average of a meta-analysis of new products, from memory", False),
    "rooftop_pv_india": Diffusion(
        Bass(0.00105, 0.12219), "abstract of a paper in JSDEWES, by analogy with solar water heaters", True
    ),
}
