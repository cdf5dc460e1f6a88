"""Increasing blocks: the more is used in a month or a year, the more the next kWh costs."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, model_validator

from gridagora.markets.tariffs.lines import BillLine
from gridagora.markets.tariffs.metered import NO_CONTEXT, Context, FloatArray, Meter, MeteredTariff, charge, written


class IncreasingBlocks(MeteredTariff):
    """Blocks of a month or year (model.md B2): bill = sum_k p_k max(0, min(E, B_k) - B_{k-1}).

    With a first price of 0 it is the adder of a ladder on top of time-of-use prices. A month that the series holds
    in part has its full limits; `Context.used_before_kwh` fills them up.
    """

    kind: Literal["increasing_blocks"] = "increasing_blocks"
    """Prices that rise with use."""
    limits_kwh: tuple[float, ...] = Field(default=(240.0, 400.0), min_length=1)
    """Upper limits of all blocks but the last [kWh], rising (chk: Beijing 2012, a month)."""
    prices_per_kwh: tuple[float, ...] = (0.4883, 0.5383, 0.7883)
    """Prices of the blocks [currency/kWh], not falling (chk: Beijing 2012)."""
    accumulate: Literal["month", "year"] = "month"
    """Over what use adds up."""
    free_kwh: float = Field(default=0.0, ge=0)
    """Energy that costs nothing at the beginning of each month or year [kWh]; 10 to 15 a month for the poor (mem)."""

    @model_validator(mode="after")
    def _rises(self) -> Self:
        limits, prices = self.limits_kwh, self.prices_per_kwh
        if limits[0] <= 0 or (np.diff(limits) <= 0).any():
            raise ValueError(f"limits_kwh: given {limits}; allowed above 0 and each above the one before; sort them")
        if len(prices) != len(limits) + 1:
            raise ValueError(
                f"prices_per_kwh: given {len(prices)}; allowed {len(limits) + 1}, one more than limits_kwh"
            )
        if prices[0] < 0 or (np.diff(prices) < 0).any():
            raise ValueError(f"prices_per_kwh: given {prices}; allowed at least 0, none below the one before")
        if self.free_kwh > limits[0]:
            raise ValueError(f"free_kwh: given {self.free_kwh:g}; allowed 0 to the first limit, {limits[0]:g}")
        return self

    @property
    def _edges(self) -> FloatArray:
        return np.array([0.0, self.free_kwh, *self.limits_kwh, np.inf])

    @property
    def _prices(self) -> FloatArray:
        return np.array([0.0, *self.prices_per_kwh])

    def energies(self, used_kwh: ArrayLike, before_kwh: ArrayLike = 0.0) -> FloatArray:
        """Return the energy in the free quota and in each block [kWh], shape (..., n_blocks + 1).

        Parameters
        ----------
        used_kwh, before_kwh : array_like, shape (...)
            Use, and use before it in the same month or year [kWh].
        """
        before = np.asarray(before_kwh, np.float64)[..., None]
        after = before + np.asarray(used_kwh, np.float64)[..., None]
        edges = self._edges
        inside: FloatArray = np.minimum(after, edges[1:]) - np.maximum(before, edges[:-1])
        return np.maximum(inside, 0.0)

    def amounts(self, used_kwh: ArrayLike, before_kwh: ArrayLike = 0.0) -> FloatArray:
        """Return what use in one month or year costs [currency], shape (...): one value a member, unrounded."""
        return np.asarray(self.energies(used_kwh, before_kwh) @ self._prices)

    def next_price(self, used_kwh: ArrayLike) -> FloatArray:
        """Return the price of the next kWh after so much use in the month or year [currency/kWh], shape (...)."""
        return np.asarray(self._prices[np.searchsorted(self._edges[1:], used_kwh, side="right")])

    def bill(self, meter: Meter, context: Context = NO_CONTEXT) -> list[BillLine]:
        """Return a line for each month or year and block."""
        lines, before = [], context.used_before_kwh
        names = ["free quota", *(f"block {number + 1}" for number in range(len(self.prices_per_kwh)))]
        for span in meter.spans(self.accumulate):
            energies = self.energies(meter.withdrawal_kwh[span.part].sum(), before)
            lines += [
                charge(f"{name}, {span.label}", "retail", float(kwh), float(price))
                for name, kwh, price in zip(names, energies, self._prices, strict=True)
            ]
            before = 0.0
        return written(lines)

    def marginal_price(self, meter: Meter, context: Context = NO_CONTEXT) -> FloatArray:
        """Return the price of the block that the month or year ends in [currency/kWh], shape (n,).

        That knows the whole span; who decides within it knows :meth:`next_price`.
        """
        prices, before = np.empty(meter.size), context.used_before_kwh
        for span in meter.spans(self.accumulate):
            prices[span.part] = self.next_price(before + meter.withdrawal_kwh[span.part].sum())
            before = 0.0
        return prices
