"""Clearing of a population's orders summed per price tick, in whole energy quanta.

The rules are those of :mod:`gridagora.markets.merit_order`. Awards are rounded down to the quantum; what the sides
then differ by, under one quantum an order, is the auctioneer's. Kernels of populations call :func:`award` and
:func:`floor_share` themselves.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gridagora.markets.merit_order import Crossing, cross, price_at
from gridagora.markets.orders import FloatArray, IntArray, read_only
from gridagora.sim.compiled import kernel

QUANTUM_KWH = 1e-6
MOST_QUANTA = 2**52


class GridClearing(NamedTuple):
    """Result of one auction on a price grid; plain numbers, so kernels can take it.

    Ticks better than the marginal one of their side are filled, worse ones get nothing, the marginal tick gets
    ``num / den`` of each quantity. Without trade, ``buy_tick`` is the number of ticks and ``sell_tick`` -1.

    Attributes
    ----------
    price, low, high : float
        Market price and its competitive interval; nan as in C2. [currency/kWh]
    volume_quanta : int
        Traded energy before awards are rounded down. [1e-6 kWh]
    buy_tick, buy_num, buy_den : int
        Marginal tick of the buyers and the part of it that is accepted. [-, 1e-6 kWh, 1e-6 kWh]
    sell_tick, sell_num, sell_den : int
        The same of the sellers.
    welfare : float
        Value of the volume at the buyers' ticks less the sellers'. [currency]
    """

    price: float
    low: float
    high: float
    volume_quanta: int
    buy_tick: int
    buy_num: int
    buy_den: int
    sell_tick: int
    sell_num: int
    sell_den: int
    welfare: float


@lru_cache(maxsize=32)
def tick_prices(floor: float, tick_size: float, ticks: int) -> FloatArray:
    """Return the price of each tick, ``floor + tick_size * i``. [currency/kWh], shape (ticks,)."""
    if not (np.isfinite(floor) and np.isfinite(tick_size) and tick_size > 0):
        raise ValueError(f"price grid: floor {floor}, tick size {tick_size}; both finite and the size above 0")
    return read_only(floor + tick_size * np.arange(ticks, dtype=np.float64))


@kernel()
def _cross_ticks(price: FloatArray, buy: IntArray, sell: IntArray) -> tuple[Crossing, float, int, float]:
    """Return crossing, welfare [quanta times price], first bad tick or -1, and the larger side's sum."""
    bought, sold = 0.0, 0.0
    for i in range(len(price)):
        if buy[i] < 0 or sell[i] < 0:
            return Crossing(0, 0.0, 0.0, -1, 0, 1, -1, 0, 1), 0.0, i, 0.0
        bought += buy[i]
        sold += sell[i]
    found = cross(price, buy, price, sell, 0.0)
    welfare = 0.0
    if found.volume > 0:
        welfare = found.bid_num * price[found.bid] - found.ask_num * price[found.ask]
        for i in range(found.bid + 1, len(price)):
            welfare += buy[i] * price[i]
        for i in range(found.ask):
            welfare -= sell[i] * price[i]
    return found, welfare, -1, max(bought, sold)


def clear_grid(
    buy_quanta: IntArray, sell_quanta: IntArray, floor: float, tick_size: float, k: float = 0.5
) -> GridClearing:
    """Clear orders that were summed per price tick (C2, P1).

    Parameters
    ----------
    buy_quanta, sell_quanta : ndarray of int64, shape (ticks,)
        Energy bid for and offered at each tick, at least 0, in sum below 2^52. [1e-6 kWh]
    floor, tick_size : float
        Price of tick 0 and distance of ticks. [currency/kWh]
    k : float
        Position of the price in the interval, see :func:`gridagora.markets.merit_order.price_at`.

    Returns
    -------
    GridClearing
        Price, volume and marginal ticks.

    Raises
    ------
    ValueError
        If the columns are no int64 of one length, hold a negative entry or too much energy, or `k`, `floor` or
        `tick_size` is out of range.
    """
    ticks = len(buy_quanta)
    if len(sell_quanta) != ticks or buy_quanta.dtype != np.int64 or sell_quanta.dtype != np.int64:
        raise ValueError(
            f"price grid: buy {buy_quanta.dtype} of {ticks} ticks, sell {sell_quanta.dtype} of "
            f"{len(sell_quanta)}; both must be int64 with one entry per tick"
        )
    found, welfare, bad, total = _cross_ticks(tick_prices(floor, tick_size, ticks), buy_quanta, sell_quanta)
    if bad >= 0:
        given = f"buy {buy_quanta[bad]}, sell {sell_quanta[bad]}"
        raise ValueError(f"price grid: tick {bad}: {given} quanta; must be at least 0")
    if total >= MOST_QUANTA:
        raise ValueError(f"price grid: {total:.4g} quanta on one side; must stay below 2^52; split the area")
    price = price_at(found.low, found.high, k)
    traded = found.volume > 0
    return GridClearing(
        price=price if traded else np.nan,
        low=found.low,
        high=found.high,
        volume_quanta=found.volume,
        buy_tick=found.bid if traded else ticks,
        buy_num=found.bid_num,
        buy_den=found.bid_den,
        sell_tick=found.ask,
        sell_num=found.ask_num,
        sell_den=found.ask_den,
        welfare=welfare * QUANTUM_KWH,
    )


@kernel(inline=True)
def floor_share(quantity: int, num: int, den: int) -> int:
    """Return ``floor(quantity * num / den)`` exactly, for quantity and num up to den and den below 2^52.

    A float estimate is at most two quanta off; the remainder decides. The products may pass 2^63 and wrap, but
    their difference is small and hence exact.
    """
    quantity, num, den = int(quantity), int(num), int(den)
    share = int(quantity * (num / den))
    rest = quantity * num - share * den
    while rest < 0:
        share -= 1
        rest += den
    while rest >= den:
        share += 1
        rest -= den
    return share


@kernel(inline=True)
def award(side: int, tick: int, quantity: int, margin: int, num: int, den: int) -> int:
    """Return the award of one order: all, the floored share at the marginal tick, or nothing.

    Parameters
    ----------
    side : int
        1 buys, -1 sells.
    tick, quantity : int
        Limit price and energy of the order. [-, 1e-6 kWh]
    margin, num, den : int
        Marginal tick of that side with its accepted part, from :class:`GridClearing`.
    """
    better = side * (tick - margin)
    if better == 0:
        return floor_share(quantity, num, den)
    return quantity if better > 0 else 0


@kernel()
def _awards(side: int, tick: IntArray, quantity: IntArray, margin: int, num: int, den: int) -> IntArray:
    result = np.empty_like(quantity)
    for i in range(len(quantity)):
        result[i] = award(side, tick[i], quantity[i], margin, num, den)
    return result


def buy_awards(tick: IntArray, quantity: IntArray, clearing: GridClearing) -> IntArray:
    """Return the awards of buy orders, rounded down to the quantum.

    Parameters
    ----------
    tick, quantity : ndarray of int64, shape (orders,)
        Limit price and energy of the orders that were summed for `clearing`. [-, 1e-6 kWh]
    clearing : GridClearing
        The auction's result.

    Returns
    -------
    ndarray of int64, shape (orders,)
        In sum at most the volume. [1e-6 kWh]
    """
    return _awards(1, tick, quantity, clearing.buy_tick, clearing.buy_num, clearing.buy_den)


def sell_awards(tick: IntArray, quantity: IntArray, clearing: GridClearing) -> IntArray:
    """Return the awards of sell orders; as :func:`buy_awards`."""
    return _awards(-1, tick, quantity, clearing.sell_tick, clearing.sell_num, clearing.sell_den)


@kernel()
def apportion(total: IntArray, weight: IntArray) -> IntArray:
    """Share whole quanta in proportion to weights so that they add up exactly.

    Each share is rounded down; the quanta left go one each to the largest remainders, the first of equals. No
    share passes its weight.

    Parameters
    ----------
    total : ndarray of int64, shape (rows,)
        What to share, from 0 to the row's sum of weights. [1e-6 kWh]
    weight : ndarray of int64, shape (rows, members)
        At least 0, each row's sum below 2^52. [1e-6 kWh]

    Returns
    -------
    ndarray of int64, shape (rows, members)
        Shares. [1e-6 kWh]
    """
    share = np.zeros_like(weight)
    rest = np.zeros(weight.shape[1], dtype=np.int64)
    for row in range(len(total)):
        whole, left = weight[row].sum(), total[row]
        if left == 0:
            continue
        for i in range(weight.shape[1]):
            share[row, i] = floor_share(weight[row, i], total[row], whole)
            rest[i] = int(weight[row, i]) * int(total[row]) - int(share[row, i]) * int(whole)
            left -= share[row, i]
        for _ in range(left):
            most = np.argmax(rest)
            share[row, most] += 1
            rest[most] = -1
    return share


def round_to_zero_sum(amount: FloatArray) -> IntArray:
    """Round amounts that cancel to integers that cancel exactly.

    Each is rounded down; the units missing to a sum of zero go one each to the largest remainders, the first of
    equals.

    Parameters
    ----------
    amount : ndarray, shape (parties,)
        Payments that add up to 0 but for float dust. [1e-6 currency]

    Returns
    -------
    ndarray of int64, shape (parties,)
        Sum 0. [1e-6 currency]

    Examples
    --------
    >>> round_to_zero_sum(np.array([10.0, -3.4, -3.3, -3.3]))
    array([10, -4, -3, -3])
    """
    down = np.floor(amount)
    whole = down.astype(np.int64)
    each, rest = divmod(-int(whole.sum()), len(whole))
    whole += each
    whole[np.argsort(down - amount, kind="stable")[:rest]] += 1
    return whole
