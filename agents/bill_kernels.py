"""The loop over members that turns their columns into bills.

As in :mod:`gridagora.agents.kernels`, blocks are fixed; every line of every member is rounded once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange
from numpy.typing import NDArray

from gridagora.agents.columns import CHUNK, Accounts
from gridagora.sim.compiled import kernel


class LineTable(NamedTuple):
    """The lines of all offers as columns, the lines of an offer in the order of its bill.

    Parameters
    ----------
    offer : ndarray of int64, shape (n_lines,)
        Whose bill the line is on.
    quantity : ndarray of float64, shape (n_lines, n_rows)
        Weight of each energy row in a line's quantity.
    price : ndarray of float64, shape (n_lines,)
        Price of the quantity [currency/unit].
    on_money : ndarray of float64, shape (n_lines, n_money)
        Factor of each money row.
    low, high : ndarray of float64, shape (n_lines,)
        Bounds between which the quantity is charged [1e-6 unit].
    before : ndarray of int64, shape (n_lines,)
        Energy row that fills up the bounds first, -1 for none.
    on_lines : ndarray of float64, shape (n_lines,)
        Factor of all lines before.
    """

    offer: NDArray[np.int64]
    quantity: NDArray[np.float64]
    price: NDArray[np.float64]
    on_money: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    before: NDArray[np.int64]
    on_lines: NDArray[np.float64]


@kernel(parallel=True)
def bill_lines(
    accounts: Accounts,
    offers: NDArray[np.uint8],
    lines: LineTable,
    fixed: NDArray[np.float64],
    scale: NDArray[np.float64],
    bills: NDArray[np.int64],
    block: int,
) -> NDArray[np.int64]:
    """Round every line of every member's bill to date once and return the sums by line.

    Parameters
    ----------
    accounts : Accounts
        Columns.
    offers : ndarray of uint8, shape (n,)
        Offer of each member.
    lines : LineTable
        Lines of all offers.
    fixed : ndarray of float64, shape (n_lines,)
        Fixed amount of a line to date [1e-6 currency].
    scale : ndarray of float64, shape (n_lines,)
        Factor on the quantity: the share of the month for what is charged by month, else 1.
    bills : ndarray of int64, shape (n,)
        Written: sum of the member's lines [1e-6 currency].
    block : int64
        Members a block.

    Returns
    -------
    ndarray of int64, shape (n_lines,)
        Sum of each line over the members, negative where they receive [1e-6 currency].
    """
    n = bills.size
    of, quantity, price, on_money, lows, highs, before, on_lines = lines
    n_lines = price.size
    several = of.max() > 0
    energy, money = accounts
    blocks = (n + block - 1) // block
    totals = np.zeros((blocks, n_lines), np.int64)
    for b in prange(blocks):
        last = min(n, (b + 1) * block)
        for first in range(b * block, last, CHUNK):
            part = slice(first, min(last, first + CHUNK))
            bill = bills[part]
            bill[:] = 0
            for line in range(n_lines):
                if several and not (offers[part] == of[line]).any():
                    continue
                amounts = np.zeros(bill.size)
                for c in range(quantity.shape[1]):
                    if quantity[line, c] != 0.0:
                        amounts += quantity[line, c] * energy[c, part]
                if lows[line] > -np.inf:
                    _within(amounts, lows[line], highs[line], energy[max(before[line], 0), part], before[line] >= 0)
                amounts *= price[line] * scale[line]
                amounts += fixed[line]
                for c in range(on_money.shape[1]):
                    if on_money[line, c] != 0.0:
                        amounts += on_money[line, c] * money[c, part]
                if on_lines[line] != 0.0:
                    amounts += on_lines[line] * bill
                rounded = np.rint(amounts).astype(np.int64)
                if several:
                    rounded *= offers[part] == of[line]
                bill += rounded
                totals[b, line] += rounded.sum()
    summed: NDArray[np.int64] = totals.sum(axis=0)
    return summed


@kernel(inline=True)
def _within(amounts: NDArray[np.float64], low: float, high: float, before: NDArray[np.int64], counts: bool) -> None:
    """Replace quantities by what of them lies between two bounds, above what came before."""
    for i in range(amounts.size):
        start = float(before[i]) if counts else 0.0
        amounts[i] = min(max(amounts[i] + start, low), high) - min(max(start, low), high)
