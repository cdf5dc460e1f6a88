"""The network's word on single trades, one after the other (C5.3): what a line still carries, and what it charges."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from gridagora.markets.network.grid import Network
from gridagora.markets.network.sensitivities import limits_of, shift_factors
from gridagora.markets.orders import FloatArray

if TYPE_CHECKING:
    import pandas as pd


class TradeCheck:
    """What is contracted in one settlement period, and what the network leaves for the next trade.

    A trade moves flows and voltages in proportion (PTDF, voltage sensitivities). :meth:`allow` says how much of it fits
    and what it costs, :meth:`commit` books it.

    Parameters
    ----------
    network : Network
        Of kind `dc`, `lin_dist_flow`, or `transport` without loops.
    hours : float
        Length of the period. [h]
    withdrawal_kwh : array_like, shape (areas,)
        Net withdrawals already contracted, such as the pool's. [kWh]
    line_charge : array_like, shape (lines,)
        Charge for each kWh by which a trade raises the flow of a line; relief is free. [currency/kWh]

    Raises
    ------
    ValueError
        If a column does not fit, a charge is negative, or what is contracted already passes a limit.
    """

    def __init__(
        self, network: Network, hours: float, withdrawal_kwh: ArrayLike = 0.0, line_charge: ArrayLike = 0.0
    ) -> None:
        self.network = network
        self._limits, self._factors = limits_of(network), shift_factors(network)
        self._bound = self._limits.bound * hours
        self.withdrawal = np.array(np.broadcast_to(withdrawal_kwh, (len(network.areas),)), dtype=np.float64)
        self._charge = np.array(np.broadcast_to(line_charge, (len(network.line_from),)), dtype=np.float64)
        if not (np.isfinite(self._charge) & (self._charge >= 0)).all():
            raise ValueError(
                f"trade check: line_charge {self._charge.min()}; must be finite and at least 0 currency/kWh"
            )
        reactive = network.tan_phi * np.maximum(self.withdrawal, 0.0)
        self._used = self._limits.active @ self.withdrawal + self._limits.reactive @ reactive
        over = self._used - self._bound
        if len(over) and over.max() > 1e-6 * max(1.0, float(np.abs(self.withdrawal).sum())):
            raise ValueError(
                f"trade check: what is contracted passes the limit of {self._named(int(np.argmax(over)))} by "
                f"{over.max():.6g} kWh; clear it on the network first"
            )

    def allow(self, buy_area: Hashable, sell_area: Hashable, quantity: float) -> tuple[float, float]:
        """Return how much of a trade fits, and the charge for a kWh of it.

        Parameters
        ----------
        buy_area, sell_area : hashable
            Areas of buyer and seller.
        quantity : float
            Energy wanted. [kWh]

        Returns
        -------
        most : float
            At most `quantity`. [kWh]
        charge : float
            [currency/kWh]
        """
        buyer, seller = self.network.area_index([buy_area, sell_area]).tolist()
        change, room = self._change(buyer, seller), np.maximum(self._bound - self._used, 0.0)
        tight = change > 1e-12
        most = min(float(quantity), float((room[tight] / change[tight]).min(initial=np.inf)))
        flow = self._factors @ self.withdrawal
        shift = self._factors[:, seller] - self._factors[:, buyer]
        raised = np.abs(shift) * (np.sign(shift) * -np.sign(flow) >= 0)
        return most, float(raised @ self._charge)

    def commit(self, buy_area: Hashable, sell_area: Hashable, quantity: float) -> None:
        """Book a trade.

        Parameters
        ----------
        buy_area, sell_area, quantity
            As in :meth:`allow`.

        Raises
        ------
        ValueError
            If it does not fit; the message names the limit.
        """
        most, _ = self.allow(buy_area, sell_area, quantity)
        buyer, seller = self.network.area_index([buy_area, sell_area]).tolist()
        change = self._change(buyer, seller)
        if quantity < 0 or quantity > most + 1e-9 * max(1.0, abs(quantity)):
            left = self._used + change * quantity - self._bound
            raise ValueError(
                f"trade check: {quantity} kWh from {sell_area} to {buy_area} pass the limit of "
                f"{self._named(int(np.argmax(left)))}; at most {most:.6g} kWh fit"
            )
        self._used = self._used + change * quantity
        self.withdrawal[buyer] += quantity
        self.withdrawal[seller] -= quantity

    def available(self) -> pd.DataFrame:
        """Return the table of available capacity: columns element, limit_kwh, used_kwh, available_kwh."""
        import pandas as pd

        return pd.DataFrame(
            {
                "element": [self._named(row) for row in range(len(self._bound))],
                "limit_kwh": self._bound,
                "used_kwh": self._used,
                "available_kwh": self._bound - self._used,
            }
        )

    def available_between(self) -> FloatArray:
        """Return the most that each area can still sell to each other, shape (sellers, buyers). [kWh]."""
        areas = len(self.network.areas)
        found = np.full((areas, areas), np.inf)
        room = np.maximum(self._bound - self._used, 0.0)
        for seller in range(areas):
            for buyer in range(areas):
                change = self._change(buyer, seller)
                tight = change > 1e-12
                found[seller, buyer] = (room[tight] / change[tight]).min(initial=np.inf)
        return found

    def _change(self, buyer: int, seller: int) -> FloatArray:
        """Return what a kWh moved does to each limit; the buyer draws reactive energy too."""
        active, reactive = self._limits.active, self._limits.reactive
        change: FloatArray = active[:, buyer] - active[:, seller] + self.network.tan_phi[buyer] * reactive[:, buyer]
        return change

    def _named(self, row: int) -> str:
        line, area = int(self._limits.line[row]), int(self._limits.area[row])
        return f"line {self.network.line_names[line]}" if line >= 0 else f"voltage at {self.network.areas[area]}"
