"""What members make of a tariff: slow habits, and the price that they believe to pay (model.md A1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from gridagora.markets.tariffs.windows import in_windows
from gridagora.sim.bounds import within

if TYPE_CHECKING:
    from gridagora.markets.tariffs.blocks import IncreasingBlocks
    from gridagora.markets.tariffs.tariff import Tariff
    from gridagora.sim.clock import Day

FloatArray = NDArray[np.float64]
Perceived = Literal["marginal", "average", "expected_marginal"]

#: Share of the way to the new habit that a month covers; an assumption of the model.
HABIT_SHARE = 0.2


def habit(before: ArrayLike, wanted: ArrayLike, months: float = 1.0, share: float = HABIT_SHARE) -> FloatArray:
    """Return load, or a factor on it, on its way from an old habit to a new one.

    Parameters
    ----------
    before, wanted : array-like
        Load under the habit so far, and once used to the new prices; any unit.
    months : float
        Time since the prices changed, or since `before` was taken, at least 0 [month].
    share : float
        Share of the distance that a month covers, 0 to 1.

    Returns
    -------
    ndarray of float64
        (1 - share)^months before + (1 - (1 - share)^months) wanted.

    Examples
    --------
    >>> habit(10.0, 9.0, 2).round(2)
    np.float64(9.64)
    """
    left = (1 - within("share", share, 0.0, 1.0)) ** within("months", months, 0.0)
    return np.asarray(left * within("before", before) + (1 - left) * within("wanted", wanted))


def block_bill(energy: ArrayLike, limits: ArrayLike, prices: ArrayLike) -> FloatArray:
    """Return the bill of a block tariff, sum_k p_k max(0, min(E, B_k) - B_(k-1)) (B2).

    Parameters
    ----------
    energy : array-like, shape (n,)
        Energy of the billing period, at least 0 [kWh].
    limits : array-like, shape (blocks - 1,)
        Upper ends of all blocks but the last, ascending and above 0 [kWh].
    prices : array-like, shape (blocks,)
        Price within each block [currency/kWh].

    Returns
    -------
    ndarray of float64, shape (n,)
        [currency]
    """
    used, low, high, price = _blocks(energy, limits, prices)
    return np.asarray((np.clip(used[..., None] - low, 0.0, high - low) * price).sum(axis=-1))


def perceived_price(
    perceived: Perceived,
    energy: ArrayLike,
    limits: ArrayLike,
    prices: ArrayLike,
    *,
    fixed: float = 0.0,
    deviation: float = 0.1,
) -> FloatArray:
    """Return the price of a block tariff that members respond to (A1.2, after Ito 2014).

    Parameters
    ----------
    perceived : {"marginal", "average", "expected_marginal"}
        Price of the next kWh; bill over energy; or the mean price of the next kWh when the energy of the billing
        period is not known yet, but normal around its expectation.
    energy : array-like, shape (n,)
        Energy of the billing period as expected, above 0 [kWh].
    limits, prices : array-like
        As in :func:`block_bill`.
    fixed : float
        Fixed charge of the billing period [currency], which counts in the average only.
    deviation : float
        Standard deviation of the energy as a share of it, above 0; of ``expected_marginal`` only.

    Returns
    -------
    ndarray of float64, shape (n,)
        [currency/kWh]

    Raises
    ------
    ValueError
        If the kind is not known, or energy, limits or prices are out of range.

    References
    ----------
    K. Ito, American Economic Review 104(2), 537-563, 2014. doi:10.1257/aer.104.2.537
    """
    used, low, high, price = _blocks(within("energy", energy, 1e-9), limits, prices)
    if perceived == "marginal":
        return np.asarray(price[np.searchsorted(high[:-1], used, side="right")])
    if perceived == "average":
        return np.asarray((within("fixed", fixed) + block_bill(used, limits, prices)) / used)
    if perceived == "expected_marginal":
        spread = within("deviation", deviation, 1e-9) * used[..., None]
        inside = ndtr((high - used[..., None]) / spread) - ndtr((low - used[..., None]) / spread)
        inside[..., 0] += ndtr(-used / spread[..., 0])  # below 0 there is no block, the first one goes on
        return np.asarray((inside * price).sum(axis=-1))
    raise ValueError(f"perceived: given {perceived!r}; allowed: marginal, average, expected_marginal")


def events_on(tariff: Tariff, day: Day, periods: int) -> NDArray[np.bool_]:
    """Return the periods of a day with an event, of a called price or of a peak-time rebate, shape (periods,)."""
    return rebated_on(tariff, day, periods) | tariff.event_on(day, periods)


def rebated_on(tariff: Tariff, day: Day, periods: int) -> NDArray[np.bool_]:
    """Return the periods of a day in which a tariff pays a rebate, shape (periods,)."""
    if tariff.rebate is None or day.date not in tariff.rebate.event_days:
        return np.zeros(periods, bool)
    return in_windows(tariff.rebate.event_windows, periods)


def block_price(perceived: Perceived, blocks: IncreasingBlocks, monthly_kwh: float, deviation: float = 0.1) -> float:
    """Return what members believe that the blocks of a tariff add to a kWh [currency/kWh].

    Parameters
    ----------
    perceived : {"marginal", "average", "expected_marginal"}
        As in :func:`perceived_price`.
    blocks : IncreasingBlocks
        Of a month, or of a year: then of a year like this month.
    monthly_kwh : float
        Use of a mean month, above 0 [kWh].
    deviation : float
        As in :func:`perceived_price`.
    """
    used = monthly_kwh * (12.0 if blocks.accumulate == "year" else 1.0)
    quota = blocks.free_kwh > 0
    limits = [blocks.free_kwh, *blocks.limits_kwh] if quota else list(blocks.limits_kwh)
    prices = [0.0, *blocks.prices_per_kwh] if quota else list(blocks.prices_per_kwh)
    if len(limits) > 1 and limits[0] == limits[1]:  # a quota as large as the first block leaves none of it
        del limits[1], prices[1]
    return float(perceived_price(perceived, used, limits, prices, deviation=deviation))


def _blocks(
    energy: ArrayLike, limits: ArrayLike, prices: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return energy, lower ends, upper ends and prices of the blocks, the last without an end."""
    limit, price = within("limits", limits, 1e-9), within("prices", prices)
    if len(price) != len(limit) + 1 or (np.diff(limit) <= 0).any():
        raise ValueError(
            f"limits: given {limit.tolist()} for {len(price)} prices; allowed: ascending, one fewer than prices"
        )
    low, high = np.concatenate([[0.0], limit]), np.concatenate([limit, [np.inf]])
    return within("energy", energy, 0.0), low, high, price
