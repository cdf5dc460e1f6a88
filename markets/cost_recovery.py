"""Tariffs that cover a revenue requirement while customers generate for themselves (model.md A6, D8.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from gridagora.markets.orders import FloatArray, read_only
from gridagora.sim.bounds import within

_GRID = 400
_ROUNDS = 200


def revenue_requirement(
    opex: float, depreciation: float, asset_base: float, return_rate: float, losses: float
) -> float:
    """Return what tariffs must bring in: opex + depreciation + asset base x rate of return + cost of losses (A6).

    Parameters
    ----------
    opex, depreciation, losses : float
        Yearly costs, at least 0 [currency/yr].
    asset_base : float
        Regulated assets, at least 0 [currency].
    return_rate : float
        Weighted average cost of capital, at least 0 [1/yr].

    Returns
    -------
    float
        [currency/yr]
    """
    parts = within("costs", [opex, depreciation, asset_base, return_rate, losses], 0.0)
    return float(parts[0] + parts[1] + parts[2] * parts[3] + parts[4])


@dataclass(frozen=True, slots=True, eq=False)
class CostRecovery:
    """Price at which sales cover the cost, and what happens on the way there.

    Attributes
    ----------
    price : float
        Lowest price that covers the cost; nan if none does: the tariff is in a death spiral [currency/kWh].
    energy : float
        Energy sold at it [kWh].
    contraction : float
        |dp_(k+1) / dp_k| there: below 1 yearly price revisions come back to it, above 1 they run away.
    path : ndarray, shape (rounds,)
        Prices when each year's price covers the cost at the sales of the year before, from the first price on; it ends
        at the price found or where it leaves the range [currency/kWh].
    """

    price: float
    energy: float
    contraction: float
    path: FloatArray

    @property
    def stable(self) -> bool:
        """Whether revisions come back to the price after a small disturbance."""
        return self.contraction < 1


def recover_cost(
    fixed: float, variable: float, energy: Callable[[float], float], first: float, highest: float
) -> CostRecovery:
    """Find the price p = (F + c Q(p)) / Q(p) when sales fall as customers generate for themselves (D8.4).

    Parameters
    ----------
    fixed, variable : float
        Cost F that does not depend on sales [currency], and cost c of each kWh [currency/kWh]; each at least 0.
    energy : callable
        Sales Q at a price, above 0 [kWh]; such as demand less what photovoltaics at that price would cover.
    first : float
        Price at which revisions start [currency/kWh].
    highest : float
        Most that is looked at, above `variable` [currency/kWh].

    Returns
    -------
    CostRecovery

    Raises
    ------
    ValueError
        If a cost is out of range or sales are not above 0 at some price looked at.
    """
    within("fixed", fixed, 0.0)
    within("variable", variable, 0.0)
    within("highest", highest, variable)
    within("first", first, 0.0, highest)

    def revised(price: float) -> float:
        return variable + fixed / float(within(f"energy at {price:g} currency/kWh", energy(price), 1e-300))

    def gap(price: float) -> float:
        return revised(price) - price

    path = [first]
    while len(path) < _ROUNDS and (len(path) < 2 or abs(path[-1] - path[-2]) > 1e-12) and path[-1] <= highest:
        path.append(revised(path[-1]))
    taken = read_only(np.array(path))
    grid = np.linspace(variable, highest, _GRID + 1).tolist()
    values = [gap(price) for price in grid]
    below = next((i for i, value in enumerate(values) if value <= 0), None)
    if below is None:
        return CostRecovery(float("nan"), float("nan"), float("nan"), taken)
    price = grid[0] if below == 0 else float(brentq(gap, grid[below - 1], grid[below], xtol=1e-14))
    step = 1e-6 * max(price, 1e-6)
    slope = (revised(price + step) - revised(price - step)) / (2 * step)
    return CostRecovery(price, float(energy(price)), abs(slope), taken)
