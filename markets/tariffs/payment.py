"""How a bill is paid: on account, by direct debit, in advance (model.md B10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from gridagora.markets.tariffs.lines import BillLine
from gridagora.markets.tariffs.metered import FloatArray, charge, total, written
from gridagora.sim.plugin import Frozen


class Payment(Frozen):
    """A customer's way to pay, and what it changes in the bill."""

    method: Literal["on_bill", "direct_debit", "prepayment"] = "on_bill"
    """On receipt of the bill, by monthly direct debit, or before use."""
    direct_debit_discount: float = Field(default=0.03, ge=0, lt=1)
    """Discount on the whole bill for direct debit, as a share of it [1] (ill)."""
    prepayment_premium: float = Field(default=0.05, ge=0, le=1)
    """Premium on the whole bill for a prepayment meter, as a share of it [1] (ill)."""

    @property
    def share(self) -> float:
        """What is added to the bill, as a share of it; negative for a discount."""
        return {
            "on_bill": 0.0,
            "direct_debit": -self.direct_debit_discount,
            "prepayment": self.prepayment_premium,
        }[self.method]

    def line(self, lines: list[BillLine]) -> list[BillLine]:
        """Return the discount or premium on a bill's lines, or none."""
        name = "direct debit discount" if self.share < 0 else "prepayment premium"
        due = total(lines) if self.share else 0.0
        return written([charge(name, "retail", due, self.share, "currency")])


@dataclass(frozen=True, slots=True)
class PrepaidAccount:
    """A prepayment meter day by day.

    Parameters
    ----------
    balance : ndarray of float64, shape (days,)
        Credit at the end of each day [currency]; negative within the emergency credit.
    connected : ndarray of bool, shape (days,)
        Whether the day was served.
    """

    balance: FloatArray
    connected: NDArray[np.bool_]


def prepaid(
    cost_per_day: ArrayLike, top_ups: ArrayLike, opening: float = 0.0, emergency_credit: float = 0.0
) -> PrepaidAccount:
    """Return the account of a prepayment meter.

    Top-ups count from the morning. A day whose cost passes balance and emergency credit is not served and costs
    nothing: it is served whole or not at all.

    Parameters
    ----------
    cost_per_day, top_ups : array_like, shape (days,)
        What a served day costs and what is paid in [currency], at least 0.
    opening : float
        Balance at the beginning [currency], at least 0.
    emergency_credit : float
        How far the balance may fall below 0 [currency], at least 0.

    Raises
    ------
    ValueError
        If an amount is negative or not finite, or the lengths differ.
    """
    cost, paid = np.asarray(cost_per_day, np.float64), np.asarray(top_ups, np.float64)
    if cost.ndim != 1 or cost.shape != paid.shape:
        raise ValueError(f"top_ups: given shape {paid.shape}; allowed that of cost_per_day, {cost.shape}, one a day")
    amounts = np.concatenate([cost, paid, [opening, emergency_credit]])
    if not np.isfinite(amounts).all() or amounts.min() < 0:
        raise ValueError(f"prepaid amounts: given {amounts.min():g} as lowest; allowed finite and at least 0")
    balance, connected, credit = np.empty(cost.size), np.empty(cost.size, np.bool_), opening
    for day in range(cost.size):
        credit += paid[day]
        connected[day] = credit + emergency_credit >= cost[day]
        credit -= cost[day] * connected[day]
        balance[day] = credit
    return PrepaidAccount(balance, connected)
