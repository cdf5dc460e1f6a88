"""What a change is worth to the system, and how sure its size is after a few paired runs (model.md D0)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gridagora.sim.bounds import within


def avoided_capacity_cost(peak_before_kw: float, peak_after_kw: float, cost_per_kw_year: float = 500.0) -> float:
    """Return what a lower peak saves in capacity a year; below 0 where the peak has grown [currency/a].

    Parameters
    ----------
    peak_before_kw, peak_after_kw : float
        Highest load without and with the change [kW].
    cost_per_kw_year : float
        What a kW of generation and network costs a year [currency/(kW a)] (ill).
    """
    before, after = within("peak_before_kw", peak_before_kw, 0.0), within("peak_after_kw", peak_after_kw, 0.0)
    return float(within("cost_per_kw_year", cost_per_kw_year, 0.0) * (before - after))


def deferral_years(peak_before_kw: float, peak_after_kw: float, load_growth: float) -> float:
    """Return by how many years a lower peak defers an investment: how long growth takes to regain it [a].

    Parameters
    ----------
    peak_before_kw, peak_after_kw : float
        Highest load without and with the change, above 0 [kW].
    load_growth : float
        Yearly growth of the peak, above 0 [1/a].
    """
    least = np.finfo(np.float64).tiny
    before, after = within("peak_before_kw", peak_before_kw, least), within("peak_after_kw", peak_after_kw, least)
    return float(np.log(before / after) / np.log1p(within("load_growth", load_growth, least)))


def deferral_value(investment: float, years: float, rate: float, escalation: float = 0.0) -> float:
    """Return what it is worth to invest later: I (1 - ((1 + g) / (1 + r))^years) [currency].

    Parameters
    ----------
    investment : float
        What it would cost today [currency].
    years : float
        By which it is deferred; below 0 it comes earlier and the value is a loss [a].
    rate : float
        Discount rate r, above -1 [1/a].
    escalation : float
        Yearly growth g of its cost, above -1 [1/a].
    """
    above = -1 + 1e-9
    ratio = (1 + within("escalation", escalation, above)) / (1 + within("rate", rate, above))
    return float(within("investment", investment, 0.0) * (1 - ratio ** within("years", years)))


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over replications with its confidence interval.

    Attributes
    ----------
    mean, low, high : float
        In the unit of what was estimated; the interval is nan with less than two replications.
    """

    mean: float
    low: float
    high: float


def estimate(values: ArrayLike, level: float = 0.95) -> Estimate:
    """Return the mean of replications and its interval by Student's t; of differences of pairs it is the paired one.

    Parameters
    ----------
    values : array-like, shape (n,)
        One value a replication, any unit; those that are nan do not count.
    level : float
        Confidence, above 0 and below 1 [1].
    """
    if not 0 < level < 1:
        raise ValueError(f"level: given {level}; allowed above 0 and below 1")
    given = np.asarray(values, np.float64)
    known = given[~np.isnan(given)]
    if known.size == 0:
        return Estimate(np.nan, np.nan, np.nan)
    mean = float(known.mean())
    if known.size == 1:
        return Estimate(mean, np.nan, np.nan)
    from scipy.special import stdtrit

    half = float(stdtrit(known.size - 1, (1 + level) / 2) * known.std(ddof=1) / np.sqrt(known.size))
    return Estimate(mean, mean - half, mean + half)
