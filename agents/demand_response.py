"""Load that firms offer to curtail, and the baseline that it is measured from (model.md A2.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.sim.bounds import within

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class CurtailableBlocks:
    """Blocks of load that firms can do without, one entry a block.

    Parameters
    ----------
    power : array-like, shape (n,)
        [kW], at least 0.
    notice : array-like, shape (n,)
        Hours between call and beginning that the firm needs, at least 0 [h].
    duration : array-like, shape (n,)
        Longest time that a call may last, above 0 [h].
    max_calls : array-like of int, shape (n,)
        Most calls in a year.
    cost : array-like, shape (n,)
        What doing without costs the firm, at least 0 [currency/kWh].
    """

    power: ArrayLike
    notice: ArrayLike
    duration: ArrayLike
    max_calls: ArrayLike
    cost: ArrayLike

    def __post_init__(self) -> None:
        for name, low in (("power", 0.0), ("notice", 0.0), ("duration", 1e-9), ("max_calls", 0.0), ("cost", 0.0)):
            column = within(name, getattr(self, name), low).copy()
            column.flags.writeable = False
            object.__setattr__(self, name, column)

    def ready(self, calls: IntArray, lead: float, hours: float) -> BoolArray:
        """Return which blocks can be called.

        Parameters
        ----------
        calls : ndarray of int64, shape (n,)
            Calls so far in the year.
        lead : float
            Hours until the event begins [h].
        hours : float
            Length of the event [h].

        Returns
        -------
        ndarray of bool, shape (n,)
        """
        fits = (np.asarray(self.notice) <= lead) & (np.asarray(self.duration) >= hours)
        return np.asarray(fits & (calls < np.asarray(self.max_calls)))

    def offers(self, calls: IntArray, lead: float, hours: float) -> tuple[FloatArray, FloatArray]:
        """Return what blocks offer at their cost: energy [kWh], 0 if not ready, and price [currency/kWh], shape (n,).

        The offers sell energy not used ("negawatts"). To bid the same load in a market instead, a firm buys what it
        cannot do without at the cap, and the block's energy at the block's cost: :func:`split_bid`.
        """
        energy = np.where(self.ready(calls, lead, hours), np.asarray(self.power) * hours, 0.0)
        return energy, np.asarray(self.cost)


def split_bid(load: float, energy: FloatArray, cost: FloatArray, cap: float) -> tuple[FloatArray, FloatArray]:
    """Return a firm's demand as bids: what it needs at the cap, what it can do without at its cost.

    Parameters
    ----------
    load : float
        Demand of the period, at least the energy of the blocks [kWh].
    energy, cost : ndarray of float64, shape (blocks,)
        Of :meth:`CurtailableBlocks.offers` [kWh], [currency/kWh].
    cap : float
        Highest price of the market, at least every cost [currency/kWh].

    Returns
    -------
    quantity, price : ndarray of float64, shape (blocks + 1,)
        [kWh], [currency/kWh]

    Raises
    ------
    ValueError
        If the blocks hold more than the load, or cost more than the cap.
    """
    within("cost", cost, 0.0, cap)
    rest = load - float(energy.sum())
    if rest < 0:
        raise ValueError(
            f"load: given {load:g} kWh; allowed: at least the {energy.sum():g} kWh of its curtailable blocks"
        )
    return np.concatenate([[rest], energy]), np.concatenate([[cap], cost])


def baseline(
    history: ArrayLike, before: ArrayLike | None = None, window: slice | None = None, limit: float = 0.2
) -> FloatArray:
    """Return the load that a member would have had: the mean of its last similar days, moved to the day's level.

    "10 of 10": ten days before the event of the same type, without events. The adjustment is additive and goes either
    way: the mean difference of the day's load and the mean of those days in a window before the event.

    Parameters
    ----------
    history : array-like, shape (days, periods) or (n, days, periods)
        Loads of the last similar days, usually ten [kWh].
    before : array-like, shape (periods,) or (n, periods), optional
        Load of the event's day, of which the window is read [kWh]; no adjustment without it.
    window : slice, optional
        Periods before the event, with `before`.
    limit : float
        Most of the adjustment as a share of the window's mean, 0 to 1.

    Returns
    -------
    ndarray of float64, shape (periods,) or (n, periods)
        At least 0 [kWh].

    Raises
    ------
    ValueError
        If there is no day, or one of `before` and `window` is missing.
    """
    days = within("history", history, 0.0)
    if days.ndim < 2 or not days.shape[-2]:
        raise ValueError(f"history: given shape {days.shape}; allowed: at least one similar day, (days, periods)")
    mean: FloatArray = days.mean(axis=-2)
    if (before is None) != (window is None):
        raise ValueError("baseline: `before` and `window` belong together; give both or none")
    if before is None or window is None:
        return mean
    level = mean[..., window].mean(axis=-1)
    most = within("limit", limit, 0.0, 1.0) * level
    gap = within("before", before, 0.0)[..., window].mean(axis=-1) - level
    # The bound is the programme's rule; energy below 0 is none.
    return np.asarray(np.maximum(mean + np.clip(gap, -most, most)[..., None], 0.0))


def rebate(
    base: ArrayLike,
    load: ArrayLike,
    event: BoolArray,
    price: float,
    sides: Literal["one", "two"] = "one",
) -> FloatArray:
    """Return the rebate for load below the baseline during an event (A2.3, B7).

    Parameters
    ----------
    base, load : array-like, shape (..., periods)
        Baseline and metered load [kWh].
    event : ndarray of bool, shape (periods,)
        Periods of the event.
    price : float
        Rebate, at least 0 [currency/kWh].
    sides : {"one", "two"}
        Whether load above the baseline costs nothing, or as much as load below it earns. One-sided rebates pay for the
        baseline's errors too.

    Returns
    -------
    ndarray of float64, shape (...)
        [currency]
    """
    if sides not in ("one", "two"):
        raise ValueError(f"sides: given {sides!r}; allowed: one, two")
    below = (within("base", base) - within("load", load))[..., event]
    paid = np.maximum(below, 0.0) if sides == "one" else below
    return np.asarray(within("price", price, 0.0) * paid.sum(axis=-1))


def gamed(load: ArrayLike, window: slice, share: float) -> FloatArray:
    """Return the load of a member that uses more in the window that its baseline is adjusted by.

    Parameters
    ----------
    load : array-like, shape (..., periods)
        Load as it would be [kWh].
    window : slice
        Periods of the adjustment.
    share : float
        Share by which it is raised, at least 0.
    """
    raised = within("load", load, 0.0).copy()
    raised[..., window] *= 1 + within("share", share, 0.0)
    return raised
