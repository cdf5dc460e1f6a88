"""What a population means to do on one day: its plan and its quotes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.ticks import Gate

if TYPE_CHECKING:
    from gridagora.sim.clock import Day


@dataclass(slots=True)
class DayPlan:
    """What a population brings to one day.

    Parameters
    ----------
    day : Day
        The day.
    load, pv : ndarray of float64, shape (periods, n_codes) and (periods, n_pv_profiles)
        Expected load (with its answer to prices) and generation [kWh per annual kWh].
    price_class : ndarray of uint8, shape (n_offers, periods)
        Price class of each tariff.
    energy_price : ndarray of float64, shape (n_offers, periods)
        Energy part of the retail price [currency/kWh].
    totals : ndarray of int64, shape (periods, 7)
        Planned sums, as :func:`gridagora.agents.kernels.plan_day` returns them.
    contracted : ndarray of float64, shape (periods, n_codes), or None
        Profile that two-part real-time prices take as contracted [kWh per annual kWh].
    """

    day: Day
    load: NDArray[np.float64]
    pv: NDArray[np.float64]
    price_class: NDArray[np.uint8]
    energy_price: NDArray[np.float64]
    totals: NDArray[np.int64]
    contracted: NDArray[np.float64] | None = None


@dataclass(slots=True)
class Quotes:
    """Limits and ticks that members quote on one day.

    Parameters
    ----------
    buy_limit, sell_limit : ndarray of float64, shape (periods, n_offers)
        Reservation prices [currency/kWh] (market_day.md 2).
    most, least : ndarray of float64, shape (periods, n_offers)
        Tick that buyers bid at most and sellers ask at least, as :class:`gridagora.agents.ticks.Gate` has them.
    draws : ndarray of float64, shape (periods, rows)
        Uniform draws of the noise rows.
    highest : int
        Tick of the cap.
    """

    buy_limit: NDArray[np.float64]
    sell_limit: NDArray[np.float64]
    most: NDArray[np.float64]
    least: NDArray[np.float64]
    draws: NDArray[np.float64]
    highest: int

    def gate(self, period: int) -> Gate:
        """Return what members bid and ask in a settlement period."""
        return Gate(self.most[period], self.least[period], self.draws[period], self.highest)
