"""Key figures of auctions (C13): how much was gained, by whom, at which price."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.markets.clearing import Mechanism
from gridagora.markets.merit_order import clear_merit_order, fixed_point
from gridagora.markets.orders import BUY, SELL, Clearing, OrderBook


@dataclass(frozen=True, slots=True)
class AuctionIndicators:
    """Key figures of one auction, at the true limits of its traders.

    Attributes
    ----------
    welfare, most_welfare : float
        Gains from trade realised, and the most there could be. [currency]
    efficiency : float
        Their ratio, nan where nothing can be gained.
    buyer_surplus, seller_surplus, operator_surplus : float
        How the gains are shared; a negative operator's surplus is a gap in the budget. [currency]
    volume, efficient_volume, most_volume : float
        Energy traded, traded at highest welfare, and the most that pairs of a bid and an ask no dearer could trade.
        [kWh]
    paid, received : float
        Mean prices of buyers and sellers, nan without trade. [currency/kWh]
    liquidity : float
        Volume over the shorter side's offered energy, nan where a side is empty.
    """

    welfare: float
    most_welfare: float
    efficiency: float
    buyer_surplus: float
    seller_surplus: float
    operator_surplus: float
    volume: float
    efficient_volume: float
    most_volume: float
    paid: float
    received: float
    liquidity: float


def auction_indicators(book: OrderBook, clearing: Clearing, truth: OrderBook | None = None) -> AuctionIndicators:
    """Return the key figures of a cleared book.

    Parameters
    ----------
    book : OrderBook
        The orders as reported, of one area.
    clearing : Clearing
        What the mechanism made of them.
    truth : OrderBook, optional
        The same orders at true value, cost and quantity; default: as reported.

    Examples
    --------
    >>> from gridagora.markets import clear
    >>> book = OrderBook(["buy", "buy", "sell", "sell"], [4, 3, 1, 2], [1, 1, 1, 1])
    >>> found = auction_indicators(book, clear(book, "trade_reduction"))
    >>> found.efficiency, found.paid, found.received, found.operator_surplus
    (0.75, 3.0, 2.0, 1.0)
    """
    true = book if truth is None else truth
    best = clear_merit_order(true)
    buys, sells = true.side == BUY, true.side == SELL
    gain = true.side * clearing.accepted * true.price - clearing.payment
    welfare = float((true.side * clearing.accepted * true.price).sum())
    sold = float(clearing.accepted[sells].sum())
    return AuctionIndicators(
        welfare=welfare,
        most_welfare=best.welfare,
        efficiency=_ratio(welfare, best.welfare),
        buyer_surplus=float(gain[buys].sum()),
        seller_surplus=float(gain[sells].sum()),
        operator_surplus=float(clearing.payment.sum()),
        volume=clearing.volume,
        efficient_volume=best.volume,
        most_volume=most_volume(true),
        paid=_ratio(float(clearing.payment[buys].sum()), clearing.volume),
        received=_ratio(-float(clearing.payment[sells].sum()), sold),
        liquidity=_ratio(clearing.volume, float(min(book.quantity[buys].sum(), book.quantity[sells].sum()))),
    )


def most_volume(book: OrderBook) -> float:
    """Return the most energy that pairs of a bid and an ask no dearer could trade. [kWh].

    It is no less than the efficient volume: low bids may take up low asks, and high bids the dearer ones.
    """
    units, exponent = fixed_point(book.quantity)
    bids, asks = np.flatnonzero(book.side == BUY), np.flatnonzero(book.side == SELL)
    bids, asks = bids[np.argsort(book.price[bids])], asks[np.argsort(book.price[asks])]
    wanted, supply = units[bids], np.concatenate([[0], np.cumsum(units[asks])])
    within_reach = supply[np.searchsorted(book.price[asks], book.price[bids], side="right")]
    # Bids from the lowest up take asks from the lowest up; the tightest cut says how far that goes.
    cuts = within_reach + wanted[::-1].cumsum()[::-1] - wanted
    return float(np.ldexp(float(min(wanted.sum(), cuts.min(initial=wanted.sum()))), -exponent))


def saving(
    book: OrderBook, clearing: Clearing, buyers_otherwise: ArrayLike, sellers_otherwise: ArrayLike
) -> tuple[float, float]:
    """Return what buyers save and sellers earn more than at regulated prices ("one factory, one price").

    Parameters
    ----------
    book, clearing
        The orders and their outcome.
    buyers_otherwise, sellers_otherwise : float or array_like, shape (orders,)
        What a kWh bought would cost at the tariff, and a kWh sold would earn as feed-in. [currency/kWh]

    Returns
    -------
    tuple of float
        [currency]
    """
    parts = []
    for side, price in ((BUY, buyers_otherwise), (SELL, sellers_otherwise)):
        otherwise = side * clearing.accepted * np.asarray(price, dtype=np.float64)
        parts.append(float((otherwise - clearing.payment)[book.side == side].sum()))
    return parts[0], parts[1]


@dataclass(frozen=True, slots=True)
class GroupSales:
    """What a group of sellers, such as distributed generation, made of its offers.

    Attributes
    ----------
    sold, unsold : float
        Energy sold, and offered in vain: curtailed unless it goes elsewhere. [kWh]
    share : float
        Part of all energy sold, nan without trade.
    revenue : float
        [currency]
    """

    sold: float
    unsold: float
    share: float
    revenue: float


def group_sales(book: OrderBook, clearing: Clearing, group: NDArray[np.bool_]) -> GroupSales:
    """Return the sales of a group of sellers.

    Parameters
    ----------
    book, clearing
        The orders and their outcome.
    group : ndarray of bool, shape (orders,)
        Orders of the group; its buy orders are left out.
    """
    sells = book.side == SELL
    own = sells & group
    sold = float(clearing.accepted[own].sum())
    return GroupSales(
        sold=sold,
        unsold=float((book.quantity - clearing.accepted)[own].sum()),
        share=_ratio(sold, float(clearing.accepted[sells].sum())),
        revenue=-float(clearing.payment[own].sum()),
    )


def avoided_co2(energy: ArrayLike, own_factor: ArrayLike, grid_factor: float) -> float:
    """Return the emission that sold energy keeps the grid from. [kg].

    Parameters
    ----------
    energy : array_like, shape (n,)
        Energy sold. [kWh]
    own_factor : float or array_like, shape (n,)
        Emission of its production. [kg/kWh]
    grid_factor : float
        Emission of the grid's energy in its place. [kg/kWh]
    """
    return float((np.asarray(energy) * (grid_factor - np.asarray(own_factor))).sum())


def avoided_peak(before: ArrayLike, after: ArrayLike) -> float:
    """Return by how much the highest load falls. [kW].

    Parameters
    ----------
    before, after : array_like, shape (periods,)
        Load without and with the local trade. [kW]
    """
    return float(np.max(before) - np.max(after))


def price_level(price: ArrayLike, volume: ArrayLike) -> tuple[float, float]:
    """Return mean price and volatility of a sequence of auctions.

    Parameters
    ----------
    price : array_like, shape (auctions,)
        Prices, nan where nothing was traded. [currency/kWh]
    volume : array_like, shape (auctions,)
        Energy traded. [kWh]

    Returns
    -------
    mean : float
        Weighted with the volumes, nan without trade. [currency/kWh]
    volatility : float
        Standard deviation of the changes between auctions that trade, nan with fewer than two of these.
        [currency/kWh]

    Examples
    --------
    >>> price_level([0.2, float("nan"), 0.4], [3.0, 0.0, 1.0])
    (0.25, 0.0)
    """
    prices, volumes = np.asarray(price, dtype=np.float64), np.asarray(volume, dtype=np.float64)
    traded = np.flatnonzero(volumes > 0)
    change = np.diff(prices[traded])
    mean = _ratio(float((prices[traded] * volumes[traded]).sum()), float(volumes[traded].sum()))
    return mean, float(change.std()) if change.size else np.nan


def clearing_seconds(mechanism: Mechanism, book: OrderBook, repeats: int = 5) -> float:
    """Return the median time of clearing a book, after one that is not counted. [s].

    Parameters
    ----------
    mechanism : Mechanism
        Rules with their options.
    book : OrderBook
        The orders.
    repeats : int
        Clearings timed, at least 1.
    """
    times = []
    for _ in range(repeats + 1):
        started = perf_counter()
        mechanism.clear(book)
        times.append(perf_counter() - started)
    return float(np.median(times[1:]))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else np.nan
