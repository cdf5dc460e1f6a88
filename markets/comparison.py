"""Mechanisms and bidding strategies side by side on the same markets (C8, C13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import signature
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gridagora.markets.clearing import MECHANISMS, rules_of
from gridagora.markets.incentives import regret
from gridagora.markets.merit_order import clear_merit_order
from gridagora.markets.orders import BUY, FloatArray
from gridagora.markets.strategies.call_market import CallMarket, Round, Traders
from gridagora.markets.strategies.draws import Draws
from gridagora.markets.strategies.registry import strategy
from gridagora.markets.strategies.session import Session, TradingDay
from gridagora.sim.streams import Streams

if TYPE_CHECKING:
    import pandas as pd

#: Mechanisms by the name they have in a table: name in `MECHANISMS`, and options.
Cases = Mapping[str, tuple[str, Mapping[str, Any]]]

#: Every mechanism with buyers and sellers, pay-as-bid with both ways of pairing.
CASES: Cases = MappingProxyType(
    {
        "uniform_price": ("uniform_price", {}),
        "pay_as_bid": ("pay_as_bid", {}),
        "pay_as_bid, midpoint": ("pay_as_bid", {"pairs": "midpoint", "list_trades": False}),
        "vcg": ("vcg", {}),
        "mcafee": ("mcafee", {}),
        "trade_reduction": ("trade_reduction", {}),
        "muda": ("muda", {}),
        "continuous": ("continuous", {"arrival": "random"}),
    }
)

#: Name of the continuous session in a table.
SESSION = "session"


class Outcome(NamedTuple):
    """What one auction, or one day of a session, brought at the true limits.

    Attributes
    ----------
    profit : ndarray, shape (traders,)
        Gains of the traders. [currency]
    paid, received : float
        What all buyers paid and all sellers got. [currency]
    volume : float
        Energy traded. [kWh]
    """

    profit: FloatArray
    paid: float
    received: float
    volume: float


def random_markets(count: int, buyers: int, sellers: int, seed: int = 0) -> list[Traders]:
    """Return markets of traders with one kWh each, whose values and costs are U(0, 1).

    Parameters
    ----------
    count, buyers, sellers : int
        Number of markets, and of traders in each.
    seed : int
        Seed of the draws; a market's limits depend on its number and the seed alone.

    Returns
    -------
    list of Traders
        Limits in currency/kWh.
    """
    side = np.repeat([1, -1], [buyers, sellers])
    draws = Streams(seed)
    return [Traders(side, draws.uniforms("limits", "comparison", len(side), day)) for day in range(count)]


def compare_mechanisms(
    markets: Sequence[Traders],
    strategies: Sequence[str],
    cases: Cases = CASES,
    *,
    warm_up: int = 150,
    rounds: int = 50,
    session_steps: int | None = None,
    floor: float = 0.0,
    cap: float = 1.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Let every strategy bid under every mechanism in the same markets, and measure what comes of it.

    In each market all traders bid with one strategy, round after round. Mechanisms that draw lots draw anew each round.

    Parameters
    ----------
    markets : sequence of Traders
        One limit a trader.
    strategies : sequence of str
        Names of :data:`gridagora.markets.strategies.registry.STRATEGIES`.
    cases : mapping
        Mechanisms with their options.
    warm_up : int
        Rounds that are not measured, for strategies that learn.
    rounds : int
        Rounds measured, at least 1.
    session_steps : int, optional
        Quotes a day of a continuous session in which traders may quote again and again; it joins the table as
        `session`, with days as rounds, where this is given. Every trader must have 1 kWh.
    floor, cap : float
        Price bounds. [currency/kWh]
    seed : int
        Seed of the strategies.

    Returns
    -------
    DataFrame
        One row a market, mechanism and strategy, means over the rounds: `efficiency` [1], the sum of `buyer_share`,
        `seller_share` and `operator_share`, parts of the most that could be gained, at true limits; `volume` [kWh];
        `paid` and `received` by the kWh, and `price_gap`, the mean of both less the competitive price, the middle of
        its interval [currency/kWh].

    Raises
    ------
    ValueError
        If nothing can be gained in a market, or no round is measured, or a name or option is unknown.

    Examples
    --------
    >>> found = compare_mechanisms(random_markets(2, 4, 4), ["truthful"], rounds=1)
    >>> found.groupby("mechanism", sort=False)["efficiency"].mean().round(2).head(4).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    import pandas as pd

    if rounds < 1:
        raise ValueError(f"rounds: given {rounds}; allowed at least 1")
    rows = []
    for number, traders in enumerate(markets):
        best = clear_merit_order(traders.truthful())
        if not best.welfare > 0:
            raise ValueError(f"market {number}: nobody can gain, so there is nothing to compare; leave it out")
        for name in strategies:
            for label, (mechanism, options) in cases.items():
                market = CallMarket(
                    traders, [strategy(name)], np.zeros(len(traders)), floor, cap, mechanism, seed, **options
                )
                held = _auctions(market, warm_up * _learns(name), rounds)
                rows.append((number, label, name, *_measures(traders, held, best.welfare, float(best.price))))
            if session_steps is not None:
                session = Session(traders, [strategy(name)], np.zeros(len(traders)), floor, cap, session_steps, seed)
                held = [_of_day(day) for day in session.run(warm_up * _learns(name) + rounds)[-rounds:]]
                rows.append((number, SESSION, name, *_measures(traders, held, best.welfare, float(best.price))))
    columns = ["market", "mechanism", "strategy", "efficiency", "buyer_share", "seller_share", "operator_share"]
    return pd.DataFrame(rows, columns=[*columns, "volume", "paid", "received", "price_gap"])


def incentive_test(markets: Sequence[Traders], cases: Cases = CASES) -> pd.DataFrame:
    """Try other limits for every trader while the others tell the truth (C8).

    Parameters
    ----------
    markets : sequence of Traders
        One limit a trader.
    cases : mapping
        Mechanisms with their options; those that draw lots take the market's number for a seed.

    Returns
    -------
    DataFrame
        One row a market and mechanism: `regret`, the most that a trader could gain [currency], and `gaining`, the part
        of the traders that could gain [1].
    """
    import pandas as pd

    rows = []
    for number, traders in enumerate(markets):
        truth = traders.truthful()
        for label, (mechanism, options) in cases.items():
            lots = {"seed": number} if _draws_lots(mechanism) else {}
            gain = regret(rules_of(mechanism, **{**options, **lots}), truth).gain
            # Sums of payments round in the last bits.
            rows.append((number, label, float(gain.max()), float(np.mean(gain > 1e-9))))
    return pd.DataFrame(rows, columns=["market", "mechanism", "regret", "gaining"])


def _auctions(market: CallMarket, warm_up: int, rounds: int) -> list[Outcome]:
    lots, held = _draws_lots(market.mechanism), []
    for number in range(warm_up + rounds):
        if lots:
            market.options["seed"] = number
        held.append(market.round())
    return [_of_round(past) for past in held[warm_up:]]


def _of_round(past: Round) -> Outcome:
    payment = past.clearing.payment
    paid, received = float(payment[past.book.is_buy].sum()), -float(payment[~past.book.is_buy].sum())
    return Outcome(past.profit, paid, received, past.clearing.volume)


def _of_day(day: TradingDay) -> Outcome:
    turnover = float(day.price.sum())
    return Outcome(day.profit, turnover, turnover, float(len(day.price)))


def _measures(traders: Traders, held: Sequence[Outcome], most: float, competitive: float) -> tuple[float, ...]:
    """Return efficiency, the shares in it, volume and prices, as means over the rounds."""
    profit = np.mean([one.profit for one in held], axis=0)
    paid, received, volume = np.mean([(one.paid, one.received, one.volume) for one in held], axis=0)
    buyers, sellers = profit[traders.side == BUY].sum() / most, profit[traders.side != BUY].sum() / most
    operator = (paid - received) / most
    by_kwh = (paid / volume, received / volume) if volume > 0 else (np.nan, np.nan)
    gap = (by_kwh[0] + by_kwh[1]) / 2 - competitive
    return tuple(map(float, (buyers + sellers + operator, buyers, sellers, operator, volume, *by_kwh, gap)))


def _learns(name: str) -> bool:
    return bool(strategy(name).remember(1, Draws(0)))


def _draws_lots(mechanism: str) -> bool:
    return mechanism in MECHANISMS and "seed" in signature(MECHANISMS[mechanism]).parameters
