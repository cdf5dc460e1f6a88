"""Real-time prices, on all energy or on what departs from a contracted profile."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from gridagora.markets.tariffs.lines import BillLine
from gridagora.markets.tariffs.metered import (
    NO_CONTEXT,
    Context,
    FloatArray,
    Meter,
    MeteredTariff,
    charge_amount,
    written,
)
from gridagora.markets.tariffs.seasonal import AnySchedule, classes_of


class RealTime(MeteredTariff):
    """Wholesale price plus a margin, within a collar (model.md B5): p_t = (1 + loss) lambda_t + margin.

    With a `contract` it has two parts: bill = sum_t c_t CBL_t + sum_t p_t (d_t - CBL_t), in which CBL is
    `Context.baseline_kwh`. Network charges and levies are parts of their own.
    """

    kind: Literal["real_time"] = "real_time"
    """Prices of the wholesale market."""
    margin_per_kwh: float = Field(default=0.02, ge=0)
    """The supplier's margin [currency/kWh] (ill)."""
    loss_share: float = Field(default=0.0, ge=0, lt=1)
    """Losses that the supplier buys for a kWh delivered; 0 where they are in the network charge [1] (mem)."""
    floor_per_kwh: float | None = None
    """Lowest price [currency/kWh]; none by default, so that it may be negative."""
    cap_per_kwh: float | None = None
    """Highest price [currency/kWh]; none by default."""
    contract: AnySchedule | None = None
    """Whose energy prices hold for the contracted profile; without it all energy has the real-time price."""

    @model_validator(mode="after")
    def _collar(self) -> Self:
        floor, cap = self.floor_per_kwh, self.cap_per_kwh
        if floor is not None and cap is not None and floor >= cap:
            raise ValueError(f"floor_per_kwh: given {floor:g}; allowed below cap_per_kwh, {cap:g}; swap or drop one")
        return self

    def marginal_price(self, meter: Meter, context: Context = NO_CONTEXT) -> FloatArray:
        """Return the price in each period [currency/kWh], shape (n,); the contract does not change it."""
        return self.price(context.series("pool_price", meter))

    def price(self, pool_price: FloatArray) -> FloatArray:
        """Return the price at prices of the pool [currency/kWh], of the same shape."""
        price = (1.0 + self.loss_share) * pool_price + self.margin_per_kwh
        floor = -np.inf if self.floor_per_kwh is None else self.floor_per_kwh
        return np.clip(price, floor, np.inf if self.cap_per_kwh is None else self.cap_per_kwh)

    def bill(self, meter: Meter, context: Context = NO_CONTEXT) -> list[BillLine]:
        """Return a line a month at its mean price; with a contract those above and below the profile as well."""
        price, used = self.marginal_price(meter, context), meter.withdrawal_kwh
        if self.contract is None:
            return written(_monthly("energy at real-time prices", meter, used, price))
        agreed = context.series("baseline_kwh", meter)
        contracted = self.contract.energy_prices[classes_of(self.contract, meter)]
        return written(
            [
                *_monthly("contracted profile", meter, agreed, contracted),
                *_monthly("above the profile", meter, np.maximum(used - agreed, 0.0), price),
                *_monthly("below the profile", meter, np.minimum(used - agreed, 0.0), price),
            ]
        )


def _monthly(name: str, meter: Meter, energy_kwh: FloatArray, price: FloatArray) -> list[BillLine]:
    return [
        charge_amount(
            f"{name}, {month.label}",
            "retail",
            float(energy_kwh[month.part].sum()),
            float(energy_kwh[month.part] @ price[month.part]),
        )
        for month in meter.spans("month")
    ]
