"""Who pays whom: meters x contracts x prices -> bill lines and postings (market_day.md 3 and 4)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridagora.markets.tariffs.lines import Line, money, weights
from gridagora.markets.tariffs.tariff import Tariff


@dataclass(frozen=True, slots=True)
class PeerTerms:
    """What a kWh traded online costs besides its price, and what a kWh fed in earns.

    Parameters
    ----------
    wheeling, fee_buyer, fee_seller, feed_in : float
        Wheeling charge w, the auctioneer's fees phi_b and phi_s, feed-in price f [currency/kWh].
    """

    wheeling: float
    fee_buyer: float
    fee_seller: float
    feed_in: float


def member_lines(tariff: Tariff, peer: PeerTerms) -> tuple[Line, ...]:
    """Return the lines of a member's bill (market_day.md 4).

    Parameters
    ----------
    tariff : Tariff
        Its components e, n, g and standing charge.
    peer : PeerTerms
        Wheeling, fees and feed-in price.

    Returns
    -------
    tuple of Line
        Energy by price class, standing charge, network, wheeling, levy, feed-in, awards bought and sold, fees,
        energy undelivered (short) and overbought (long).
    """
    n = len(tariff.classes)
    short, long = weights(n, "undelivered"), weights(n, "overbought")
    return (
        *tariff.lines(peer.wheeling),
        Line("feed-in", "feed_in", "supplier", weights(n, "fed_in"), -peer.feed_in, money()),
        Line("bought online", "auction", "auctioneer", weights(n, "bought"), 0.0, money("paid")),
        Line("sold online", "auction", "auctioneer", weights(n, "sold"), 0.0, money("earned", -1.0)),
        Line(
            "fee on energy bought",
            "platform_fee",
            "auctioneer",
            weights(n, "bought"),
            peer.fee_buyer,
            money(),
        ),
        Line("fee on energy sold", "platform_fee", "auctioneer", weights(n, "sold"), peer.fee_seller, money()),
        Line("sold online, not delivered", "imbalance", "grid_company", short, 0.0, money("short")),
        Line("bought online, not used", "imbalance", "grid_company", long, 0.0, money("long", -1.0)),
    )


def imbalance_prices(pool: NDArray[np.float64], kappa: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what the short pay and what the long get (model.md C9).

    Parameters
    ----------
    pool : ndarray of float64, shape (periods,)
        Pool price lambda of the area [currency/kWh].
    kappa : float
        Spread, at least 0.

    Returns
    -------
    short, long : ndarray of float64, shape (periods,)
        lambda + kappa |lambda| and lambda - kappa |lambda| [currency/kWh].
    """
    spread = kappa * np.abs(pool)
    return pool + spread, pool - spread


def settle_vector(quanta: NDArray[np.int64], price: NDArray[np.float64]) -> int:
    """Return the amount of a day's energies at a day's prices, rounded once.

    Parameters
    ----------
    quanta : ndarray of int64, shape (periods,)
        Energies [1e-6 kWh].
    price : ndarray of float64, shape (periods,)
        Prices [currency/kWh].

    Returns
    -------
    int
        Amount [1e-6 currency].
    """
    return round(math.fsum(quanta * price))


def settle_columns(quanta: NDArray[np.int64], price: NDArray[np.float64]) -> list[int]:
    """Return the amount of a day's energies of each party, each rounded once.

    Parameters
    ----------
    quanta : ndarray of int64, shape (periods, parties)
        Energies [1e-6 kWh].
    price : ndarray of float64, shape (parties,) or (periods, parties)
        Prices [currency/kWh].

    Returns
    -------
    list of int
        Amounts [1e-6 currency].
    """
    return [round(math.fsum(amounts)) for amounts in (quanta * price).T.tolist()]


def activate(need: NDArray[np.int64], spare_up: NDArray[np.int64], spare_down: NDArray[np.int64]) -> NDArray[np.int64]:
    """Activate spare capability, the cheapest first upwards and the dearest first downwards (market_day.md 1).

    Parameters
    ----------
    need : ndarray of int64, shape (periods,)
        Energy to be added (positive) or taken back (negative) [1e-6 kWh].
    spare_up, spare_down : ndarray of int64, shape (periods, n_units)
        What each unit can add and take back [1e-6 kWh]; units in order of rising cost.

    Returns
    -------
    ndarray of int64, shape (periods, n_units)
        Activated energy, negative where taken back [1e-6 kWh]; sums to `need`.

    Raises
    ------
    ValueError
        If the spare capability of a period does not reach: shed or curtail first.
    """
    up = _fill(np.maximum(need, 0), spare_up)
    down = _fill(np.maximum(-need, 0), spare_down[:, ::-1])[:, ::-1]
    activated: NDArray[np.int64] = up - down
    missing = need - activated.sum(axis=1)
    if missing.any():
        period = int(np.flatnonzero(missing)[0])
        raise ValueError(
            f"period {period}: {int(need[period])} x 1e-6 kWh to activate, {abs(int(missing[period]))} more than the "
            "units can give; shed or curtail first"
        )
    return activated


def _fill(need: NDArray[np.int64], spare: NDArray[np.int64]) -> NDArray[np.int64]:
    before = np.cumsum(spare, axis=1) - spare
    filled: NDArray[np.int64] = np.clip(need[:, None] - before, 0, spare)
    return filled
