"""What a population means to do on one day: its plan and its quotes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class DayPlan:
    """What a population brings to one day.

    Parameters
    ----------
    load, pv : ndarray of float64, shape (periods, n_codes) and (periods, n_pv_profiles)
        Expected load (with its answer to prices) and generation [kWh per annual kWh].
    price_class : ndarray of uint8, shape (periods,)
        Price class of the tariff.
    energy_price : ndarray of float64, shape (periods,)
        Energy part of the retail price [currency/kWh].
    totals : ndarray of int64, shape (periods, 7)
        Planned sums, as :func:`gridagora.agents.kernels.plan_day` returns them.
    """

    load: NDArray[np.float64]
    pv: NDArray[np.float64]
    price_class: NDArray[np.uint8]
    energy_price: NDArray[np.float64]
    totals: NDArray[np.int64]


@dataclass(slots=True)
class Quotes:
    """Limits and ticks that members quote on one day.

    Parameters
    ----------
    buy_limit, sell_limit : ndarray of float64, shape (periods,)
        Reservation prices [currency/kWh] (market_day.md 2).
    buy, sell : ndarray of int32, shape (periods, n_strategies, rows)
        Ticks by strategy and noise row.
    """

    buy_limit: NDArray[np.float64]
    sell_limit: NDArray[np.float64]
    buy: NDArray[np.int32]
    sell: NDArray[np.int32]
