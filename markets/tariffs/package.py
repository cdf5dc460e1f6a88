"""Packages: a monthly fee that includes some energy, for a term."""

from __future__ import annotations

from typing import Literal

import numpy as np

from gridagora.markets.tariffs.bundle import Bundle
from gridagora.markets.tariffs.lines import BillLine
from gridagora.markets.tariffs.metered import (
    NO_CONTEXT,
    Context,
    FloatArray,
    Meter,
    MeteredTariff,
    charge,
    written,
)
from gridagora.markets.tariffs.seasonal import AnySchedule, by_class, classes_of


class Package(Bundle, MeteredTariff):
    """Monthly fee, included energy, unit prices, term, exit fee and green share (model.md B8).

    The first kWh of a month are the included ones; energy prices of `prices` hold for the rest. Its standing charge,
    network charge and levy are due on every kWh.
    """

    kind: Literal["package"] = "package"
    """A monthly fee that includes some energy."""
    prices: AnySchedule
    """Unit prices beyond the included energy."""

    def bill(self, meter: Meter, context: Context = NO_CONTEXT) -> list[BillLine]:
        """Return fee, included and further energy by month and class, green energy, standing charge, network, levy."""
        prices, classes = self.prices, classes_of(self.prices, meter)
        lines = []
        for month in meter.spans("month"):
            charged = self._charged(meter, month.part, month.share)
            included = float((meter.withdrawal_kwh[month.part] - charged).sum())
            lines += [
                charge(f"fee, {month.label}", "retail", month.share, self.fee_per_month, "month"),
                charge(f"included energy, {month.label}", "retail", included, 0.0),
            ]
            further = np.bincount(classes[month.part], charged, len(prices.classes))
            lines += [
                charge(f"energy {name}, {month.label}", "retail", float(kwh), float(price))
                for name, kwh, price in zip(prices.classes, further, prices.energy_prices, strict=True)
            ]
        green = self.green_share * meter.total_kwh
        lines.append(charge("green energy", "retail", green, self.green_per_kwh))
        return written(lines) + [line for line in by_class(prices, meter) if not line.line.startswith("energy ")]

    def marginal_price(self, meter: Meter, context: Context = NO_CONTEXT) -> FloatArray:
        """Return what one more kWh adds [currency/kWh], shape (n,).

        Before the included energy is used up it costs nothing itself, but moves the moment when it is: it then costs
        what energy costs at that moment.
        """
        energy = self.prices.energy_prices[classes_of(self.prices, meter)]
        price = np.zeros(meter.size)
        for month in meter.spans("month"):
            used = np.cumsum(meter.withdrawal_kwh[month.part])
            out = int(np.searchsorted(used, self.included_kwh * month.share))
            if out < used.size:
                price[month.part] = energy[month.part][np.maximum(np.arange(used.size), out)]
        every = self.prices.network_per_kwh + self.prices.levy_per_kwh + self.green_share * self.green_per_kwh
        return price + every

    def _charged(self, meter: Meter, part: slice, share: float) -> FloatArray:
        """Return the energy beyond the included one in each period of a month [kWh]."""
        used = meter.withdrawal_kwh[part]
        return np.asarray(np.clip(np.cumsum(used) - self.included_kwh * share, 0.0, used))
