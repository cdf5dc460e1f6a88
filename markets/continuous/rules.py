"""Rules of a continuous market."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from gridagora.markets.continuous.columns import NEVER, SELF_TRADE
from gridagora.markets.orders import FloatArray, IntArray
from gridagora.sim.plugin import Frozen


class BookRules(Frozen):
    """Rules of a continuous book; the defaults are plain price-time priority.

    Source: model.md C6, P7.
    """

    self_trade: Literal["allow", "cancel_newest", "cancel_oldest", "cancel_both", "skip"] = "allow"
    """What happens when an order meets one of the same owner: both trade; the rest of the incoming one is cancelled;
    the resting one is; both are; or the resting one is passed over and the rest of the incoming one, which would
    cross it, is cancelled. Orders without an owner are never of the same one."""

    circuit_breaker: Annotated[float, Field(gt=0)] | None = None
    """Part of the reference price by which trades may differ from it, such as 0.1 for 10 %; null: no limit."""

    on_breach: Literal["halt", "reject"] = "halt"
    """`halt`: a trade outside the band does not happen and stops the market, the incoming rest is cancelled, and only
    cancellations are taken until the market resumes. `reject`: orders outside the band are refused."""

    gate_closure: Annotated[int, Field(ge=0)] | None = None
    """Time from which nothing is taken and nothing rests; null: when the book is closed."""

    spread_improvement: bool = False
    """Take only quotes better than the best of their side (the "NYSE" rule of experiments)."""

    reset_after_trade: bool = False
    """Cancel all quotes after each trade, as in the experiments of Smith and of Gode and Sunder."""

    unit_lots: bool = False
    """Take only orders of quantity 1."""

    def codes(self) -> IntArray:
        """Return the rules as the kernels read them, shape (6,)."""
        gate = NEVER if self.gate_closure is None else self.gate_closure
        halt = self.on_breach == "halt"
        return np.array(
            [
                *(SELF_TRADE.index(self.self_trade), halt, self.spread_improvement),
                *(self.reset_after_trade, self.unit_lots, gate),
            ],
            dtype=np.int64,
        )

    def band(self, price: FloatArray, reference: float) -> tuple[int, int]:
        """Return the lowest and the highest tick at which the circuit breaker allows trade.

        Parameters
        ----------
        price : ndarray, shape (ticks,)
            Ascending prices of the ticks. [currency/kWh]
        reference : float
            Price in the middle. [currency/kWh]

        Raises
        ------
        ValueError
            If there is no circuit breaker, or its band holds no tick.
        """
        if self.circuit_breaker is None:
            raise ValueError(f"reference {reference}: no circuit breaker is set; give the rules circuit_breaker")
        width = self.circuit_breaker * abs(reference)
        slack = 1e-9 * width
        low = int(np.searchsorted(price, reference - width - slack, side="left"))
        high = int(np.searchsorted(price, reference + width + slack, side="right")) - 1
        if not low <= high:
            raise ValueError(
                f"reference {reference}: no tick within {width:g}; allowed: a reference near a tick of the grid, "
                f"from {price[0]:g} to {price[-1]:g}, and not 0"
            )
        return low, high
