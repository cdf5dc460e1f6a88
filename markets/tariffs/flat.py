"""Flat tariff."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gridagora.markets.tariffs.tariff import Tariff


class Flat(Tariff):
    """One price at all times (model.md B1): bill = F + p E."""

    kind: Literal["flat"] = "flat"
    """One price at all times."""
    energy_per_kwh: float = Field(default=0.353, ge=0)
    """Energy part of the price [currency/kWh] (ill)."""

    @property
    def classes(self) -> tuple[str, ...]:
        """One class."""
        return ("all day",)

    @property
    def energy_prices(self) -> NDArray[np.float64]:
        """Energy part of the price [currency/kWh], shape (1,)."""
        return np.array([self.energy_per_kwh])

    def class_of_period(self, day_type: str, periods: int) -> NDArray[np.uint8]:
        """Return class 0 for every period, shape (periods,)."""
        return np.zeros(periods, np.uint8)
