"""Retail prices that follow the day-ahead pool, on all energy or on what departs from a contracted profile."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from gridagora.markets.tariffs.lines import Line, money, weights
from gridagora.markets.tariffs.real_time import RealTime
from gridagora.markets.tariffs.seasonal import AnySchedule
from gridagora.markets.tariffs.tariff import Tariff
from gridagora.sim.clock import Day


class RealTimePrices(Tariff):
    """The pool's price of the day ahead plus a margin, within a collar (model.md B5).

    The prices of a day are announced when the pool is cleared. Before, members and their forecasts expect what they
    have lately seen. With a `contract` the bill has two parts: the contract's prices on all energy, and on what departs
    from the contracted profile the difference to the real-time price; the profile is the member's expected load at the
    reference price.
    """

    kind: Literal["real_time"] = "real_time"
    """Prices that follow the day-ahead pool."""
    margin_per_kwh: float = Field(default=0.02, ge=0)
    """The supplier's margin [currency/kWh] (ill)."""
    loss_share: float = Field(default=0.0, ge=0, lt=1)
    """Losses that the supplier buys for a kWh delivered; 0 where they are in the network charge [1] (mem)."""
    floor_per_kwh: float | None = None
    """Lowest energy part [currency/kWh]; none by default, so that it may be negative."""
    cap_per_kwh: float | None = None
    """Highest energy part [currency/kWh]; none by default."""
    expected_per_kwh: float = Field(default=0.353, gt=0)
    """Energy part of the price that members expect before they have seen any [currency/kWh] (ill)."""
    contract: AnySchedule | None = None
    """Whose energy prices hold for the contracted profile; without it all energy has the real-time price."""

    @model_validator(mode="after")
    def _collar(self) -> Self:
        self.formula  # noqa: B018  it refuses a collar upside down
        return self

    @property
    def formula(self) -> RealTime:
        """The price as a function of the pool's."""
        names = ("margin_per_kwh", "loss_share", "floor_per_kwh", "cap_per_kwh")
        return RealTime(**{name: getattr(self, name) for name in names})

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of the contract; one without."""
        return self.contract.classes if self.contract is not None else ("real-time",)

    @property
    def energy_prices(self) -> NDArray[np.float64]:
        """Energy part of the contract's prices by class [currency/kWh]; 0 without, for all is real-time money."""
        return self.contract.energy_prices if self.contract is not None else np.zeros(1)

    @property
    def follows_pool(self) -> bool:
        """Whether prices follow those of the day-ahead pool: yes."""
        return True

    def class_of_period(self, day_type: str, periods: int) -> NDArray[np.uint8]:
        """Return the contract's class of each period; 0 without, shape (periods,)."""
        if self.contract is not None:
            return self.contract.class_of_period(day_type, periods)
        return np.zeros(periods, np.uint8)

    def class_on(self, day: Day, periods: int) -> NDArray[np.uint8]:
        """Return the contract's class of each period of one day; 0 without, shape (periods,)."""
        return self.contract.class_on(day, periods) if self.contract is not None else np.zeros(periods, np.uint8)

    def energy_on(self, day: Day, periods: int, pool_price: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return the real-time price in each period of one day [currency/kWh]; what is expected without the pool's."""
        if pool_price is None:
            return np.full(periods, self.expected_per_kwh)
        return self.formula.price(pool_price)

    def energy_price(self, day_type: str, periods: int) -> NDArray[np.float64]:
        """Return the price that is expected before any is known [currency/kWh], shape (periods,)."""
        return np.full(periods, self.expected_per_kwh)

    def lines(self, wheeling_per_kwh: float) -> tuple[Line, ...]:
        """Return the lines of :class:`Tariff` and the real-time money."""
        n = len(self.classes)
        first, *others = super().lines(wheeling_per_kwh)
        energy = weights(n) if self.contract is not None else weights(n, "retail")
        name = "departures from the profile" if self.contract is not None else "energy at real-time prices"
        line = Line(name, "retail", "supplier", energy, 0.0, money(), real_time=True)
        return (first, line, *others) if self.contract is not None else (line, *others)
