"""What every tariff shares: components energy, network and levy; prices, price classes and an explained bill.

One object serves the bill, the member's decision and the supplier's revenue (model.md B; market_day.md 2): the
energy part goes to the supplier, the network charge to the grid company, the levy to the government.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from gridagora.markets.tariffs.blocks import IncreasingBlocks
from gridagora.markets.tariffs.bundle import Bundle
from gridagora.markets.tariffs.demand_charge import DemandCharge
from gridagora.markets.tariffs.eligibility import Eligibility
from gridagora.markets.tariffs.lines import ENERGY, MONEY, BillLine, Line, Period, explain, money, weights
from gridagora.markets.tariffs.parts import ContractedCapacity, Service, part_lines
from gridagora.markets.tariffs.payment import Payment
from gridagora.markets.tariffs.rebate import PeakTimeRebate
from gridagora.sim.clock import Day
from gridagora.sim.plugin import Frozen

PartyName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


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
    supplier: PartyName = "supplier"
    """Party that sells at this tariff; every other name than `supplier` is a supplier of its own (model.md B10)."""
    blocks: IncreasingBlocks | None = None
    """Prices on top that rise with the month's or year's use; their `kind` may be left out (model.md B2)."""
    demand: DemandCharge | None = None
    """Price on the highest power of each month (model.md B6)."""
    capacity: ContractedCapacity | None = None
    """Price on contracted capacity (model.md B6)."""
    rebate: PeakTimeRebate | None = None
    """Rebate for using less than a baseline in events (model.md B7)."""
    package: Bundle | None = None
    """Monthly fee with included energy, term and green energy (model.md B8)."""
    service: Service | None = None
    """Class of reliability, which decides who is shed first (model.md B9)."""
    payment: Payment = Payment()
    """How bills are paid (model.md B10)."""
    eligible: Eligibility = Eligibility()
    """Who may choose it (model.md B9)."""

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

    def event_on(self, day: Day, periods: int) -> NDArray[np.bool_]:
        """Return the periods of one day that are called for a price above the usual ones: none, shape (periods,)."""
        return np.zeros(periods, np.bool_)

    def energy_on(self, day: Day, periods: int, pool_price: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return the energy part of the price in each period of one day [currency/kWh], shape (periods,).

        Parameters
        ----------
        day : Day
            The day.
        periods : int
            Settlement periods a day.
        pool_price : ndarray of float64, shape (periods,), optional
            Price of the day-ahead pool, announced or expected [currency/kWh]; only prices that follow it need it.
        """
        return np.asarray(self.energy_prices[self.class_on(day, periods)])

    @property
    def monthly(self) -> bool:
        """Whether a bill needs whole months, which a few representative days do not tell."""
        parts = (self.blocks, self.demand, self.capacity, self.package, self.service)
        return any(part is not None for part in parts)

    @property
    def registers(self) -> tuple[str, ...]:
        """Names of the registers that the bill needs besides energy by price class."""
        lines = self.lines(0.0)
        names = {name for line in lines for name in line.registers}
        names |= {"year"} if any(line.in_year for line in lines) else set()
        return tuple(sorted(names))

    @property
    def follows_pool(self) -> bool:
        """Whether prices follow those of the day-ahead pool."""
        return False

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
            Energy by price class, standing charge, network, wheeling, levy, those of the parts, payment.
        """
        n = len(self.classes)
        energy = (
            Line(f"energy {name}", "retail", "supplier", weights(n, index), float(price), money())
            for index, (name, price) in enumerate(zip(self.classes, self.energy_prices, strict=True))
        )
        network, levy = self.network_per_kwh, self.levy_per_kwh
        # Energy that a package includes is in none of the classes, yet goes over the grid.
        included = {"included": 1.0} if self.package is not None else {}
        lines = (
            *energy,
            Line("standing charge", "retail", "supplier", weights(n), 0.0, money(), self.standing_per_day),
            Line("network", "network", "grid_company", weights(n, "retail"), network, money(), registers=included),
            Line("wheeling", "network", "grid_company", weights(n, "used"), wheeling_per_kwh, money()),
            Line("levy", "levy", "government", weights(n, "retail", "used"), levy, money(), registers=included),
            *part_lines(self),
        )
        share = self.payment.share
        if not share:
            return lines
        name = "direct debit discount" if share < 0 else "prepayment premium"
        return (*lines, Line(name, "retail", "supplier", weights(n), 0.0, money(), on_lines=share))

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
        return explain(self.lines(0.0), energy, np.zeros(len(MONEY)), Period(days))
