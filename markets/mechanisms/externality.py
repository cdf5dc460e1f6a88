"""What others would make of the energy that a trader takes: the ground of Clarke's pivot payments (C4.1)."""

from __future__ import annotations

import numpy as np

from gridagora.markets.orders import FloatArray, IntArray
from gridagora.sim.compiled import kernel


def best_use(price: FloatArray, units: IntArray, owner: IntArray, need: IntArray, exponent: int) -> FloatArray:
    """Return what each trader's energy is worth to the best of the others.

    Parameters
    ----------
    price : ndarray, shape (entries,)
        Value of each entry of a list of uses. [currency/kWh]
    units, owner : ndarray of int64, shape (entries,)
        Energy of each entry [fixed-point units] and the trader it belongs to.
    need : ndarray of int64, shape (traders,)
        Energy of each trader, at least 0. [fixed-point units]
    exponent : int
        Binary exponent of the unit, as :func:`gridagora.markets.merit_order.fixed_point` gives it.

    Returns
    -------
    ndarray, shape (traders,)
        Sum of the best `need` units of the list without the trader's own entries; units beyond its end are worth 0.
        Exactly the same for any order of the entries. [currency]
    """
    level_price, level = np.unique(-price, return_inverse=True)
    level_units = np.zeros(len(level_price), dtype=np.int64)
    np.add.at(level_units, level, units)
    start = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(level_units)])
    worth = np.concatenate([np.zeros(1), np.cumsum(-level_price * np.ldexp(level_units.astype(np.float64), -exponent))])
    by_owner = np.lexsort((units, level, owner))
    first = np.searchsorted(owner[by_owner], np.arange(len(need) + 1))
    total = np.zeros(len(need))
    _sum_best(-level_price, start, worth, first, level[by_owner], units[by_owner], need, 2.0**-exponent, total)
    return total


@kernel()
def _sum_best(
    price: FloatArray,
    start: IntArray,
    worth: FloatArray,
    first: IntArray,
    own_level: IntArray,
    own_units: IntArray,
    need: IntArray,
    unit: float,
    total: FloatArray,
) -> None:
    """Write the worth of the best units into `total`; `start` and `worth` run over the levels, best first."""
    for trader in range(len(need)):
        reach, own = need[trader], 0.0
        for entry in range(first[trader], first[trader + 1]):
            level = own_level[entry]
            if start[level] >= reach:
                break
            reach += own_units[entry]
            own += price[level] * (own_units[entry] * unit)
        if reach == 0:
            continue
        level = np.searchsorted(start, reach) - 1
        if level >= len(price):
            total[trader] = worth[-1] - own
        else:
            total[trader] = worth[level] + price[level] * ((reach - start[level]) * unit) - own
