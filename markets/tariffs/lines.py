"""A bill's lines: linear forms of what a member's columns hold, between bounds, each rounded once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gridagora.markets.orders import read_only

#: Energy columns of a member behind those of retail energy by price class, and its money columns.
ENERGY = ("fed_in", "bought", "sold", "overbought", "undelivered")
MONEY = ("paid", "earned", "short", "long")


#: What some tariffs need of a member's month besides: counts of 1e-6 kWh, of a period's energy where it is a power.
REGISTERS = ("included", "peak", "coincident", "contracted", "subscribed", "unserved", "rebated", "year")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill as a linear form of a member's columns, between bounds.

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
        Price of the quantity [currency/unit], negative where the member receives; 0 for money lines.
    money : ndarray of float64, shape (4,)
        Weight of each money column in the amount.
    per_day : float
        Fixed amount a day [currency/day].
    unit : str
        Unit of the quantity.
    registers : mapping
        Weights of registers in the quantity, by name.
    low, high : float
        Only what lies between the two is charged [unit].
    in_year : bool
        Whether the bounds are those of a year, of which earlier months have used up some.
    real_time : bool
        Whether the amount has the member's real-time money.
    monthly : bool
        Whether the quantity is one of a month: it counts by the share of the month's days.
    per_month : float
        Fixed amount a month [currency/month], pro rata by days.
    on_lines : float
        Share of all lines before it that is the amount [1].
    """

    name: str
    account: str
    counterparty: str
    quantity: NDArray[np.float64]
    price: float
    money: NDArray[np.float64]
    per_day: float = 0.0
    unit: str = "kWh"
    registers: Mapping[str, float] = field(default_factory=dict)
    low: float = 0.0
    high: float = math.inf
    in_year: bool = False
    real_time: bool = False
    monthly: bool = False
    per_month: float = 0.0
    on_lines: float = 0.0


@dataclass(frozen=True, slots=True)
class Period:
    """What a bill is issued for.

    Parameters
    ----------
    days : int
        Days billed [d].
    share : float
        Those days over the days of the month [1].
    registers : mapping
        Values of registers [1e-6 kWh], by name.
    real_time : float
        Real-time money [1e-6 currency].
    """

    days: int
    share: float = 1.0
    registers: Mapping[str, float] = field(default_factory=dict)
    real_time: float = 0.0


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


@lru_cache(maxsize=256)
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
    return read_only(chosen)


@lru_cache(maxsize=64)
def money(name: str = "", sign: float = 1.0) -> NDArray[np.float64]:
    """Return weights of the money columns: `sign` for the named one, shape (4,)."""
    return read_only(np.array([sign * (name == other) for other in MONEY]))


def explain(
    lines: Sequence[Line], energy: NDArray[np.int64], amounts: NDArray[np.float64], period: Period
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
    period : Period
        Days of the bill, and registers.

    Returns
    -------
    list of BillLine
        Lines with neither quantity nor amount are left out.
    """
    bill: list[BillLine] = []
    due = 0
    for line in lines:
        fixed = line.per_day != 0 or line.per_month != 0
        quanta = float(line.quantity @ energy)
        quanta += sum(weight * period.registers.get(name, 0.0) for name, weight in line.registers.items())
        low, high = line.low * 1e6, line.high * 1e6
        before = period.registers.get("year", 0.0) if line.in_year else 0.0
        quanta = min(max(quanta + before, low), high) - min(max(before, low), high)
        scale = period.share if line.monthly else 1.0
        exact = line.price * quanta * scale + float(line.money @ amounts) + line.real_time * period.real_time
        exact += (line.per_day * period.days + line.per_month * period.share) * 1e6 + line.on_lines * due
        micro = round(exact)
        days = float(period.days) if line.per_day else period.share
        quantity = days if fixed else due / 1e6 if line.on_lines else quanta * scale / 1e6
        due += micro
        if quantity or micro:
            price = line.per_day or line.per_month or line.on_lines or line.price
            price = price or (micro / 1e6 / quantity if quantity else math.nan)
            unit = ("day" if line.per_day else "month") if fixed else "currency" if line.on_lines else line.unit
            bill.append(BillLine(line.name, line.account, quantity, unit, price, micro / 1e6))
    return bill
