"""Four ways to clear one book, held against each other: the differential test of the markets.

Sorted merit order and price grid share their crossing; HiGHS on arrays and the Pyomo model share their solver. A fault
in one of these, or in what is built on them, shows as a difference. :func:`random_book` makes the books.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import highspy
import numpy as np
from numpy.typing import NDArray

from gridagora.markets.merit_order import clear_merit_order, interval_of_awards, price_at
from gridagora.markets.orders import BUY, FloatArray, OrderBook
from gridagora.markets.price_grid import QUANTUM_KWH, clear_grid
from gridagora.markets.solver import DUAL_TOLERANCE, OPTIONS, run, set_option
from gridagora.markets.welfare import clear_welfare

TICK = 0.001
TICKS = 2_001
FLOOR = -0.5
WELFARE_TOLERANCE = 1e-9


class Outcome(NamedTuple):
    """What an engine says of a book.

    Attributes
    ----------
    welfare : float
        Value of what is bought less what is sold. [currency]
    volume : float
        Energy bought. [kWh]
    low, high : float
        Price interval, nan where a side is empty. [currency/kWh]
    price : float
        Picked from the interval, nan without trade. [currency/kWh]
    """

    welfare: float
    volume: float
    low: float
    high: float
    price: float


class EnginesDiffer(AssertionError):
    """Two engines clear one book differently; the message holds the book's outcomes."""


def by_sorting(book: OrderBook, k: float) -> Outcome:
    """Clear by :func:`gridagora.markets.merit_order.clear_merit_order`."""
    return _outcome(clear_merit_order(book, k))


def by_pyomo(book: OrderBook, k: float) -> Outcome:
    """Clear by :func:`gridagora.markets.welfare.clear_welfare`, which checks its own dual."""
    return _outcome(clear_welfare(book, k))


def _outcome(clearing: object) -> Outcome:
    low, high = clearing.price_interval  # type: ignore[attr-defined]
    return Outcome(clearing.welfare, clearing.volume, low, high, clearing.price)  # type: ignore[attr-defined]


def by_price_grid(book: OrderBook, k: float) -> Outcome:
    """Clear by :func:`gridagora.markets.price_grid.clear_grid`, in ticks of 0.001 from -0.5 to 1.5 and in quanta.

    Raises
    ------
    ValueError
        If a price lies off the grid or a quantity is no whole number of quanta.
    """
    place = (book.price - FLOOR) / TICK
    tick = np.rint(place).astype(np.int64)
    quanta = np.rint(book.quantity / QUANTUM_KWH)
    off = (np.abs(place - tick) > 1e-6) | (tick < 0) | (tick >= TICKS)
    off |= np.abs(book.quantity / QUANTUM_KWH - quanta) > 1e-6 * np.maximum(1.0, quanta)
    if off.any():
        first = int(np.argmax(off))
        raise ValueError(
            f"order {first}: {book.quantity[first]} kWh at {book.price[first]}; the price grid takes prices from "
            f"{FLOOR} to {FLOOR + TICK * (TICKS - 1):g} in steps of {TICK} and whole quanta of {QUANTUM_KWH:g} kWh"
        )
    curves = np.zeros((2, TICKS), dtype=np.int64)
    np.add.at(curves, ((book.side != BUY).astype(np.int64), tick), quanta.astype(np.int64))
    found = clear_grid(curves[0], curves[1], FLOOR, TICK, k)
    return Outcome(found.welfare, found.volume_quanta * QUANTUM_KWH, found.low, found.high, found.price)


def by_arrays(book: OrderBook, k: float) -> Outcome:
    """Clear the linear program (C2.1) handed to HiGHS as arrays, one column an order.

    Awards of highest welfare come from HiGHS; bids and offers of one price that both have energy left then trade it,
    which makes the volume the largest. The interval follows from the awards (P1) and must hold HiGHS's dual.

    Raises
    ------
    InfeasibleMarket
        If HiGHS does not end at an optimum.
    EnginesDiffer
        If the dual lies outside the interval.
    """
    buys = book.side == BUY
    wanted, offered = book.quantity[buys], book.quantity[~buys]
    total = float(book.quantity.sum())
    if total == 0.0:
        return Outcome(0.0, 0.0, np.nan, np.nan, np.nan)
    exponent = 16 - int(np.frexp(total)[1])
    award, dual = _solve(book.side, book.price, np.ldexp(book.quantity, exponent))
    share = np.ldexp(award, -exponent)
    dust = max(2.0**-40 * float(share[buys].sum()), 1e-9 * 2.0**-exponent)
    share[share <= np.minimum(dust, book.quantity / 2)] = 0.0
    full = share >= np.maximum(book.quantity - dust, book.quantity / 2)
    share[full] = book.quantity[full]
    bought, sold = share[buys], share[~buys]
    bid_price, ask_price = book.price[buys], book.price[~buys]
    _trade_ties(bid_price, wanted, bought, ask_price, offered, sold, dust)
    real_bids, real_asks = wanted > 0, offered > 0
    low, high = (
        float(end)
        for end in interval_of_awards(
            bid_price, real_bids & (bought < wanted), bought > 0, ask_price, real_asks & (sold < offered), sold > 0
        )
    )
    if max(low - dual, dual - high) > DUAL_TOLERANCE:
        raise EnginesDiffer(f"HiGHS on arrays: dual {dual!r} outside the interval [{low!r}, {high!r}] of its awards")
    volume = float(bought.sum())
    welfare = float((bid_price * bought).sum() - (ask_price * sold).sum())
    if not (np.isfinite(low) and np.isfinite(high)):
        low = high = np.nan
    return Outcome(welfare, volume, low, high, price_at(low, high, k) if volume > 0 else np.nan)


def _solve(side: NDArray[np.int8], price: FloatArray, most: FloatArray) -> tuple[FloatArray, float]:
    """Return the awards and the dual of the balance, sold less bought."""
    lp = highspy.HighsLp()
    count = len(side)
    lp.num_col_, lp.num_row_ = count, 1
    lp.col_cost_ = -side * price
    lp.col_lower_, lp.col_upper_ = np.zeros(count), most
    lp.row_lower_, lp.row_upper_ = np.zeros(1), np.zeros(1)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.array([0, count])
    lp.a_matrix_.index_ = np.arange(count)
    lp.a_matrix_.value_ = -side.astype(np.float64)
    highs = _highs()
    highs.passModel(lp)
    run(highs, "arrays")
    solution = highs.getSolution()
    return np.array(solution.col_value), float(solution.row_dual[0])


@lru_cache(maxsize=1)
def _highs() -> highspy.Highs:
    """Return HiGHS with the project's options; a new model clears what it knows of the last one."""
    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, value in OPTIONS.items():
        set_option(highs, name, value)
    return highs


def _trade_ties(
    bid_price: FloatArray,
    wanted: FloatArray,
    bought: FloatArray,
    ask_price: FloatArray,
    offered: FloatArray,
    sold: FloatArray,
    dust: float,
) -> None:
    """Let what is left at one price on both sides trade, in place."""
    for price in np.intersect1d(bid_price[bought < wanted], ask_price[sold < offered]):
        bids, asks = np.flatnonzero(bid_price == price), np.flatnonzero(ask_price == price)
        more = min(float((wanted - bought)[bids].sum()), float((offered - sold)[asks].sum()))
        for orders, most, award in ((bids, wanted, bought), (asks, offered, sold)):
            left = more
            for order in orders:
                step = min(left, float(most[order] - award[order]))
                award[order] = most[order] if most[order] - award[order] - step <= dust else award[order] + step
                left -= step


#: The engines by name.
ENGINES: dict[str, Callable[[OrderBook, float], Outcome]] = {
    "sorting": by_sorting,
    "price grid": by_price_grid,
    "HiGHS arrays": by_arrays,
    "Pyomo": by_pyomo,
}


def compare(book: OrderBook, k: float = 0.5) -> dict[str, Outcome]:
    """Clear a book with all engines and compare what they say.

    Parameters
    ----------
    book : OrderBook
        Prices from -0.5 to 1.5 in steps of 0.001 currency/kWh and quantities in whole quanta of 1e-6 kWh, for the
        price grid.
    k : float
        Position of the price in its interval.

    Returns
    -------
    dict
        Outcome of each of :data:`ENGINES` by name.

    Raises
    ------
    EnginesDiffer
        If welfare, volume or value at the limits differ by more than 1e-9 of the trade, or an end of the interval or
        the price by more than 1e-6 currency/kWh.
    ValueError
        If the book does not lie on the price grid.
    """
    outcomes = {name: engine(book, k) for name, engine in ENGINES.items()}
    first = outcomes["sorting"]
    for outcome in outcomes.values():
        near = WELFARE_TOLERANCE * max(abs(first.volume), abs(first.welfare), 1e-9)
        amounts = abs(outcome.welfare - first.welfare) <= near and abs(outcome.volume - first.volume) <= near
        prices = np.allclose(outcome[2:], first[2:], rtol=0.0, atol=DUAL_TOLERANCE, equal_nan=True)
        if not (amounts and prices):
            listed = "; ".join(f"{name}: {tuple(map(float, found))}" for name, found in outcomes.items())
            raise EnginesDiffer(f"welfare, volume, low, high, price of {len(book)} orders by {listed}")
    return outcomes


def random_book(seed: int, number: int) -> OrderBook:
    """Return one of a sequence of random books.

    A book holds up to 24 orders: few prices, so that ties abound, or many; quantities that are equal, small, tiny (some
    quanta) or huge (up to 10^8 kWh); on one side alone or none at times.

    Parameters
    ----------
    seed, number : int
        Sequence, and place of the book in it; a book depends on nothing else.

    Returns
    -------
    OrderBook
    """
    rng = np.random.default_rng([seed, number])
    count = int(rng.integers(0, 25))
    side = np.where(rng.random(count) < rng.choice([0.0, 0.2, 0.5, 0.5, 0.5, 0.5, 0.8, 1.0]), 1, -1)
    span = int(rng.choice([1, 3, 8, 40, 2000]))
    lowest = int(rng.integers(0, TICKS - span))
    tick = rng.integers(lowest, lowest + span, count)
    most, unit = ((1, 1_000_000), (5, 1), (9, 1_000_000), (10**9, 1), (10**6, 10**8))[int(rng.integers(5))]
    quanta = rng.integers(0 if rng.random() < 0.2 else 1, most + 1, count) * unit
    return OrderBook.from_arrays(side, FLOOR + TICK * tick, quanta * QUANTUM_KWH)
