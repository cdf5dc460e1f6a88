"""Packages made for classes of customers from their files (model.md B8, D4 c; S1.27).

Customers are grouped by what they use when; for each group packages are made about its typical use, and the menu that
earns most is chosen, knowing that everybody takes what is best for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gridagora.markets.menu_design import (
    MenuDesign,
    best_menu,
    cluster_customers,
    enumerate_menus,
    package_candidates,
    package_market,
)
from gridagora.markets.orders import FloatArray, read_only
from gridagora.sim.bounds import within


@dataclass(frozen=True, slots=True)
class Hedge:
    """How a supplier buys what its customers use.

    Parameters
    ----------
    share : float
        Share bought ahead by forwards [1].
    premium : float
        What a forward costs above the expected price, as a share of it [1] (ill).
    sigma : float
        Standard deviation of the price to come, as a share of it [1] (ill).
    aversion : float
        What the supplier asks for a standard deviation of its cost, over it [1] (ill).
    """

    share: float = 0.0
    premium: float = 0.02
    sigma: float = 0.2
    aversion: float = 0.0

    def __post_init__(self) -> None:
        within("share", self.share, 0.0, 1.0)
        within("premium", self.premium, -1.0, 1.0)
        for name in ("sigma", "aversion"):
            within(name, getattr(self, name), 0.0)

    def deviation(self, cost_per_kwh: ArrayLike) -> FloatArray:
        """Return the standard deviation of the cost of energy, (1 - share) sigma c [currency/kWh]."""
        return np.asarray((1.0 - self.share) * self.sigma * within("cost_per_kwh", cost_per_kwh))

    def charged(self, cost_per_kwh: ArrayLike) -> FloatArray:
        """Return the cost of energy with the premium of forwards and the price of risk [currency/kWh]."""
        cost = within("cost_per_kwh", cost_per_kwh)
        return np.asarray(cost * (1.0 + self.share * self.premium) + self.aversion * self.deviation(cost))


@dataclass(frozen=True, slots=True, eq=False)
class PackageDesign:
    """A menu of packages, and for whom each was made.

    Attributes
    ----------
    group : ndarray of int64, shape (n,)
        Class of each customer.
    typical_kwh : ndarray, shape (classes,)
        Use of the customer in the middle of each class [kWh/month].
    cost_per_kwh : ndarray, shape (classes,)
        Mean cost of energy of each class with its risk, weighted by use [currency/kWh].
    fee, included_kwh, energy_per_kwh : ndarray, shape (packages,)
        Offered packages: [currency/month], [kWh/month], and beyond [currency/kWh].
    menu : MenuDesign
        Who takes what, and what the supplier earns in a month.
    """

    group: Any
    typical_kwh: FloatArray
    cost_per_kwh: FloatArray
    fee: FloatArray
    included_kwh: FloatArray
    energy_per_kwh: FloatArray
    menu: MenuDesign

    def options(self, term_months: int = 12, supplier: str | None = None) -> dict[str, dict[str, Any]]:
        """Return the packages as options of a menu of tariffs in a scenario.

        Parameters
        ----------
        term_months : int
            Months that a package binds.
        supplier : str, optional
            Who sells them; the area's supplier by default.
        """
        seller = {} if supplier is None else {"supplier": supplier}
        terms = zip(self.fee, self.included_kwh, self.energy_per_kwh, strict=True)
        return {
            f"package_{number}": {
                "kind": "flat",
                "energy_per_kwh": float(price),
                "package": {"fee_per_month": float(fee), "included_kwh": float(kwh), "term_months": term_months},
                **seller,
            }
            for number, (fee, kwh, price) in enumerate(terms, start=1)
        }


def design_packages(
    use_kwh: ArrayLike,
    cost_per_kwh: ArrayLike,
    price: float,
    classes: int,
    most: int,
    *,
    discounts: Sequence[float] = (0.0, 0.05, 0.1),
    beyond: float = 1.2,
    hedge: Hedge | None = None,
    scale: float = 0.0,
) -> PackageDesign:
    """Design a menu of packages from customer files.

    Parameters
    ----------
    use_kwh : array-like, shape (n, columns)
        What each customer uses in a month by part of the day or price class, above 0 in sum [kWh/month].
    cost_per_kwh : array-like, broadcast to (n,)
        What a kWh of each costs at expected prices of the pool, by its shape [currency/kWh].
    price : float
        Energy price that they pay now, from which the supplier earns nothing [currency/kWh].
    classes : int
        Classes of customers, 1 to n.
    most : int
        Packages offered at most.
    discounts, beyond
        As in :func:`gridagora.markets.menu_design.package_candidates`.
    hedge : Hedge, optional
        How energy is bought; all at prices to come and no price of risk by default.
    scale : float
        Scale of the random part of utility [currency/month]: 0 if everybody takes the best, else choice is a logit.

    Raises
    ------
    ValueError
        If a customer uses nothing, or a number is out of its range.
    """
    used = np.atleast_2d(within("use_kwh", use_kwh, 0.0))
    monthly = within("use_kwh of a customer", used.sum(axis=1), 1e-9)
    cost = np.broadcast_to((hedge or Hedge()).charged(cost_per_kwh), monthly.shape)
    found = cluster_customers(used, classes)
    sums = np.bincount(found.group, monthly, classes)
    by_class = np.bincount(found.group, monthly * cost, classes) / sums
    typical = monthly[found.medoid]
    terms = package_candidates(typical, price, discounts, beyond)
    market = package_market(terms, typical, price, by_class, found.members)
    menu = best_menu(market, most) if scale == 0 else enumerate_menus(market, most, scale)
    chosen = list(menu.offered)
    offered = (terms.fee[chosen], terms.included_kwh[chosen], terms.price[chosen])
    fee, included, rest = (read_only(column) for column in offered)
    return PackageDesign(found.group, read_only(typical), read_only(by_class), fee, included, rest, menu)
