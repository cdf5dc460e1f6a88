"""What every tariff shares: components energy, network and levy; prices, price classes and an explained bill.

One object serves the bill, the member's decision and the supplier's revenue (model.md B; market_day.md 2): the
energy part goes to the supplier, the network charge to the grid company, the levy to the government.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from gridagora.sim.clock import Day
from gridagora.sim.plugin import Frozen

#: Energy columns of a member behind those of retail energy by price class, and its money columns.
ENERGY = ("fed_in", "bought", "sold", "overbought", "undelivered")
MONEY = ("paid", "earned", "short", "long")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill as a linear form of a member's energy and money columns.

    Parameters
    ----------
    name : str
        What is charged.
    account : str
        Ledger account.
    counterparty : str
        Role at the other end: ``supplier``, ``grid_company``, ``government`` or ``auctioneer``.
    quantity : ndarray of float64, shape (n_classes + 5,)
        Weight of each energy column in the line's quantity.
    price : float
        Price of the quantity [currency/kWh], negative where the member receives; 0 for money lines.
    money : ndarray of float64, shape (4,)
        Weight of each money column in the amount.
    per_day : float
        Fixed amount a day [currency/day].
    """

    name: str
    account: str
    counterparty: str
    quantity: NDArray[np.float64]
    price: float
    money: NDArray[np.float64]
    per_day: float = 0.0


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line of a bill: what was used, at which price, and what it costs.

    Parameters
    ----------
    line : str
        What is charged, such as ``"energy peak"``.
    account : str
        Ledger account that the amount is booked on.
    quantity : float
        Quantity in `unit`.
    unit : str
        ``"kWh"`` or ``"day"``; on a metered bill also ``"kW month"``, ``"kVA month"``, ``"kvarh"``, ``"month"``,
        ``"fee"`` and ``"currency"``.
    price : float
        Price [currency/unit]; the mean price where it varied, nan without a quantity.
    amount : float
        Amount [currency], a multiple of 1e-6; negative where the member receives.
    """

    line: str
    account: str
    quantity: float
    unit: str
    price: float
    amount: float


def weights(classes: int, *names: str | int) -> NDArray[np.float64]:
    """Return weights of the energy columns: 1 for each class index or column name.

    ``"retail"`` stands for all classes, ``"used"`` for what was bought online and withdrawn.

    Parameters
    ----------
    classes : int
        Number of price classes.
    *names : str or int
        Columns.

    Returns
    -------
    ndarray of float64, shape (classes + 5,)
    """
    chosen = np.zeros(classes + len(ENERGY))
    for name in names:
        if isinstance(name, int):
            chosen[name] = 1.0
        elif name == "retail":
            chosen[:classes] = 1.0
        elif name == "used":
            chosen += weights(classes, "bought") - weights(classes, "overbought")
        else:
            chosen[classes + ENERGY.index(name)] = 1.0
    return chosen


def money(name: str = "", sign: float = 1.0) -> NDArray[np.float64]:
    """Return weights of the money columns: `sign` for the named one, shape (4,)."""
    return np.array([sign * (name == other) for other in MONEY])


def explain(
    lines: Sequence[Line], energy: NDArray[np.int64], amounts: NDArray[np.float64], days: int
) -> list[BillLine]:
    """Return the bill that the lines make of a member's columns, each line rounded once.

    Parameters
    ----------
    lines : sequence of Line
        Lines of the bill.
    energy : ndarray of int64, shape (n_classes + 5,)
        Energy columns [1e-6 kWh].
    amounts : ndarray of float64, shape (4,)
        Money columns [1e-6 currency].
    days : int
        Days of the bill.

    Returns
    -------
    list of BillLine
        Lines with neither quantity nor amount are left out.
    """
    bill = []
    for line in lines:
        fixed = line.per_day != 0
        quantity = float(days) if fixed else float(line.quantity @ energy) / 1e6
        micro = round(float(line.price * (line.quantity @ energy) + line.money @ amounts + line.per_day * days * 1e6))
        if quantity or micro:
            price = micro / 1e6 / quantity if quantity else float("nan")
            exact = line.per_day if fixed else line.price or price
            bill.append(BillLine(line.name, line.account, quantity, "day" if fixed else "kWh", exact, micro / 1e6))
    return bill


class Tariff(Frozen):
    """Prices of one group of customers.

    A sub-class names its price classes and says which one holds in which settlement period.
    """

    network_per_kwh: float = Field(default=0.17, ge=0)
    """Volumetric network charge [currency/kWh], paid to the grid company on energy bought from the supplier (ill)."""
    levy_per_kwh: float = Field(default=0.027, ge=0)
    """Taxes and government funds [currency/kWh], paid on every metered kWh withdrawn (ill)."""
    standing_per_day: float = Field(default=0.0, ge=0)
    """Standing charge [currency/day], paid to the supplier pro rata by day (ill)."""
    reference_per_kwh: float | None = Field(default=None, gt=0)
    """Retail price [currency/kWh] under which the load profiles arose; without it the mean over a workday's periods.
    Members respond to prices relative to it (model.md A1.2)."""

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """Names of the price classes."""

    @property
    @abstractmethod
    def energy_prices(self) -> NDArray[np.float64]:
        """Energy part of the price by class [currency/kWh], shape (n_classes,)."""

    @abstractmethod
    def class_of_period(self, day_type: str, periods: int) -> NDArray[np.uint8]:
        """Return the price class of each settlement period of a day.

        Parameters
        ----------
        day_type : str
            ``"workday"``, ``"saturday"`` or ``"sunday"``.
        periods : int
            Settlement periods a day.

        Returns
        -------
        ndarray of uint8, shape (periods,)
            Index into :attr:`classes`.
        """

    def class_on(self, day: Day, periods: int) -> NDArray[np.uint8]:
        """Return the price class of each settlement period of one day, shape (periods,).

        A tariff whose prices depend on the date, not on the day type alone, answers here.
        """
        return self.class_of_period(day.day_type, periods)

    def energy_price(self, day_type: str, periods: int) -> NDArray[np.float64]:
        """Return the energy part of the price in each period of a day [currency/kWh], shape (periods,)."""
        prices: NDArray[np.float64] = self.energy_prices[self.class_of_period(day_type, periods)]
        return prices

    def retail_price(self, day_type: str, periods: int) -> NDArray[np.float64]:
        """Return what one more kWh from the supplier costs, e + n + g [currency/kWh], shape (periods,)."""
        return self.energy_price(day_type, periods) + self.network_per_kwh + self.levy_per_kwh

    def reference_price(self, periods: int) -> float:
        """Return the price that responses are relative to [currency/kWh]."""
        if self.reference_per_kwh is not None:
            return self.reference_per_kwh
        return float(self.retail_price("workday", periods).mean())

    def lines(self, wheeling_per_kwh: float) -> tuple[Line, ...]:
        """Return the lines that supplier, grid company and government charge (market_day.md 4).

        Parameters
        ----------
        wheeling_per_kwh : float
            Wheeling charge w in place of the network charge on energy bought from peers and used [currency/kWh].

        Returns
        -------
        tuple of Line
            Energy by price class, standing charge, network, wheeling, levy.
        """
        n = len(self.classes)
        energy = (
            Line(f"energy {name}", "retail", "supplier", weights(n, index), float(price), money())
            for index, (name, price) in enumerate(zip(self.classes, self.energy_prices, strict=True))
        )
        network = self.network_per_kwh
        return (
            *energy,
            Line("standing charge", "retail", "supplier", weights(n), 0.0, money(), self.standing_per_day),
            Line("network", "network", "grid_company", weights(n, "retail"), network, money()),
            Line("wheeling", "network", "grid_company", weights(n, "used"), wheeling_per_kwh, money()),
            Line("levy", "levy", "government", weights(n, "retail", "used"), self.levy_per_kwh, money()),
        )

    def bill(self, retail_kwh: ArrayLike, days: int) -> list[BillLine]:
        """Return the bill of a customer without peer trade.

        Parameters
        ----------
        retail_kwh : array_like of float64, shape (n_classes,)
            Energy bought from the supplier by price class [kWh], at least 0.
        days : int
            Days under the tariff.

        Returns
        -------
        list of BillLine
            Each line rounded once to 1e-6 currency.

        Raises
        ------
        ValueError
            If there is not one finite energy of at least 0 for each class.
        """
        used = np.asarray(retail_kwh, np.float64)
        if used.shape != (len(self.classes),) or not np.isfinite(used).all() or (used < 0).any():
            raise ValueError(
                f"retail_kwh: given {used.tolist()}; allowed a finite energy of at least 0 [kWh] for each of "
                f"{', '.join(self.classes)}; sum the meter by price class"
            )
        energy = np.zeros(len(self.classes) + len(ENERGY), np.int64)
        energy[: len(self.classes)] = np.rint(used * 1e6)
        return explain(self.lines(0.0), energy, np.zeros(len(MONEY)), days)
