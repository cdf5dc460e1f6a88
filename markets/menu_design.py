"""Menus of packages that customers sort themselves into, chosen for the supplier's profit (model.md B8).

A supplier knows what each package is worth to each group of customers and what it would earn there, and offers at most
K packages beside the outside option. Two ways to choose: every menu in turn, with any rule of choice, or one
mixed-integer program in which every group takes what it likes best. Among equally good packages the program takes the
one the supplier likes; what hangs on it is reported.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike

from gridagora.markets.orders import FloatArray, IntArray, read_only
from gridagora.markets.solver import PersistentSolver
from gridagora.sim.bounds import within
from gridagora.sim.medoids import distances, k_medoids

#: Most menus that are looked at one by one.
MAX_MENUS = 200_000
_OPTIONS = {"mip_rel_gap": 0.0, "mip_abs_gap": 1e-9, "mip_feasibility_tolerance": 1e-9}
#: Utilities closer than this are equally good [currency].
_EQUAL = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class PackageMarket:
    """Groups of customers and candidate packages; the outside option is worth 0 to everybody and earns 0.

    Parameters
    ----------
    utility : array-like, shape (groups, packages)
        Worth of a package to a member of a group beyond the outside option, such as what it saves [currency].
    profit : array-like, shape (groups, packages)
        What the supplier earns on such a member, revenue less cost, beyond what it earns outside [currency].
    members : array-like, broadcast to (groups,)
        Size of each group, above 0 [1].
    """

    utility: FloatArray
    profit: FloatArray
    members: FloatArray

    def __init__(self, utility: ArrayLike, profit: ArrayLike, members: ArrayLike = 1.0) -> None:
        worth, earned = within("utility", utility).copy(), within("profit", profit).copy()
        if worth.ndim != 2 or worth.shape != earned.shape or 0 in worth.shape:
            raise ValueError(
                f"utility, profit: given shapes {worth.shape} and {earned.shape}; allowed (groups, packages) both"
            )
        size = np.broadcast_to(within("members", members, 1e-12), worth.shape[0]).copy()
        for name, column in (("utility", worth), ("profit", earned), ("members", size)):
            object.__setattr__(self, name, read_only(column))


@dataclass(frozen=True, slots=True, eq=False)
class MenuDesign:
    """A menu and who takes what.

    Attributes
    ----------
    offered : tuple of int
        Numbers of the packages offered, rising.
    share : ndarray, shape (groups, packages + 1)
        Share of each group that takes each package; the last column stays outside [1].
    profit : float
        What the supplier earns [currency]; of equally good packages groups take the one that it likes best.
    profit_pessimistic : float
        The same where they take the one that it likes least [currency].
    utility : float
        What members gain by the menu, the sum over all of them [currency]; with choice by chance the gain in logsum.
    """

    offered: tuple[int, ...]
    share: FloatArray
    profit: float
    profit_pessimistic: float
    utility: float

    @property
    def gap(self) -> float:
        """What hangs on the choice among equally good packages [currency]."""
        return self.profit - self.profit_pessimistic


def answer(market: PackageMarket, offered: Sequence[int], scale: float = 0.0) -> MenuDesign:
    """Return what customers make of a menu.

    Parameters
    ----------
    market : PackageMarket
        The customers.
    offered : sequence of int
        Numbers of the packages offered.
    scale : float
        Scale of the random part of utility [currency]: 0 if everybody takes the best, else choice is a logit.

    Returns
    -------
    MenuDesign
    """
    within("scale", scale, 0.0)
    groups, packages = market.utility.shape
    inside = sorted(set(offered))
    if inside and not 0 <= inside[0] <= inside[-1] < packages:
        raise ValueError(f"offered: given {list(offered)}; allowed numbers of packages, 0 to {packages - 1}")
    worth = np.column_stack([market.utility, np.zeros(groups)])
    earned = np.column_stack([market.profit, np.zeros(groups)])
    columns = np.array([*inside, packages])
    share = np.zeros((groups, packages + 1))
    if scale > 0:
        level = worth[:, columns] / scale
        top = level.max(axis=1, keepdims=True)
        weight = np.exp(level - top)
        share[:, columns] = weight / weight.sum(axis=1, keepdims=True)
        profit = float(market.members @ (share * earned).sum(axis=1))
        gain = scale * (top[:, 0] + np.log(weight.sum(axis=1)))
        return MenuDesign(tuple(inside), read_only(share), profit, profit, float(market.members @ gain))
    best = worth[:, columns].max(axis=1)
    equal = worth[:, columns] >= best[:, None] - _EQUAL
    liked = columns[np.where(equal, earned[:, columns], -np.inf).argmax(axis=1)]
    rows = np.arange(groups)
    share[rows, liked] = 1.0
    least = np.where(equal, earned[:, columns], np.inf).min(axis=1)
    profit, low = float(market.members @ earned[rows, liked]), float(market.members @ least)
    return MenuDesign(tuple(inside), read_only(share), profit, low, float(market.members @ best))


def enumerate_menus(market: PackageMarket, most: int, scale: float = 0.0) -> MenuDesign:
    """Return the best menu of at most so many packages by looking at each; of equals the first and smallest.

    Parameters
    ----------
    market : PackageMarket
        Customers and candidates.
    most : int
        K, packages offered at most, at least 1.
    scale : float
        As in :func:`answer`.

    Raises
    ------
    ValueError
        If there are more than `MAX_MENUS` menus.
    """
    packages = market.utility.shape[1]
    sizes = range(min(_at_least_one(most), packages) + 1)
    count = sum(math.comb(packages, size) for size in sizes)
    if count > MAX_MENUS:
        raise ValueError(
            f"most: given {most} of {packages} packages, {count} menus; allowed {MAX_MENUS}: use best_menu, or fewer "
            "candidates"
        )
    menus = (menu for size in sizes for menu in combinations(range(packages), size))
    return max((answer(market, menu, scale) for menu in menus), key=lambda found: round(found.profit, 9))


def best_menu(market: PackageMarket, most: int) -> MenuDesign:
    """Return the menu of at most so many packages with the highest profit when everybody takes the best.

    Parameters
    ----------
    market : PackageMarket
        Customers and candidates.
    most : int
        K, packages offered at most, at least 1.

    Returns
    -------
    MenuDesign

    Raises
    ------
    InfeasibleMarket
        If HiGHS does not end at an optimum.
    RuntimeError
        If the customers' own choice contradicts the program's profit.
    """
    model = build_menu_model(market, _at_least_one(most))
    solver = PersistentSolver(model, **_OPTIONS)
    highest = -solver.solve()
    chosen = solver.values(solver.columns(list(model.variable_offered.values())))[0]
    found = answer(market, np.flatnonzero(chosen > 0.5).tolist())
    if abs(found.profit - highest) > 1e-6 * max(1.0, abs(highest)):
        raise RuntimeError(
            f"menu: profit {highest} by the program, {found.profit} by the customers' choice; rescale the data"
        )
    taken = np.flatnonzero(found.share[:, :-1].any(axis=0)).tolist()
    return answer(market, taken)  # what nobody takes need not be offered


def build_menu_model(market: PackageMarket, most: int) -> Any:
    """Return the program: who takes what, what is offered, and that nobody would rather have something else.

    Parameters
    ----------
    market : PackageMarket
        Customers and candidates.
    most : int
        K, packages offered at most.

    Returns
    -------
    pyomo ConcreteModel
    """
    groups, packages = market.utility.shape
    model = pyo.ConcreteModel("menu of packages")
    model.packages = pyo.RangeSet(0, packages - 1)
    # Nobody takes what is worse than to stay outside, so such pairs need neither variable nor row.
    pairs = [(h, k) for h in range(groups) for k in range(packages) if market.utility[h, k] >= -_EQUAL]
    model.pairs = pyo.Set(initialize=pairs, dimen=2)
    model.variable_offered = pyo.Var(model.packages, domain=pyo.Binary)
    model.variable_taken = pyo.Var(model.pairs, domain=pyo.Binary)
    of_group: list[list[int]] = [[] for _ in range(groups)]
    for h, k in pairs:
        of_group[h].append(k)

    def worth(m: Any, h: int) -> Any:
        return sum(float(market.utility[h, k]) * m.variable_taken[h, k] for k in of_group[h])

    model.constraint_one = pyo.ConstraintList()
    for h in range(groups):
        if of_group[h]:
            model.constraint_one.add(sum(model.variable_taken[h, k] for k in of_group[h]) <= 1)
    model.constraint_offered = pyo.Constraint(
        model.pairs, rule=lambda m, h, k: m.variable_taken[h, k] <= m.variable_offered[k]
    )
    # To stay outside is worth 0, so a group's utility is at least 0 and M = u_hj is the tightest that holds.
    model.constraint_best = pyo.Constraint(
        model.pairs, rule=lambda m, h, j: worth(m, h) >= float(market.utility[h, j]) * m.variable_offered[j] - _EQUAL
    )
    model.constraint_most = pyo.Constraint(expr=sum(model.variable_offered.values()) <= most)
    earned = sum(float(market.members[h] * market.profit[h, k]) * model.variable_taken[h, k] for h, k in pairs)
    model.objective_profit = pyo.Objective(expr=-earned if pairs else 0.0, sense=pyo.minimize)
    return model


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Customers grouped around customers of their own kind.

    Attributes
    ----------
    medoid : ndarray of int64, shape (k,)
        Number of the customer in the middle of each group, rising.
    group : ndarray of int64, shape (n,)
        Group of each customer.
    members : ndarray of int64, shape (k,)
        Customers in each group.
    """

    medoid: IntArray
    group: IntArray
    members: IntArray


def cluster_customers(use_kwh: ArrayLike, k: int) -> Clusters:
    """Group customers by what they use when, at Euclidean distance of their series.

    Parameters
    ----------
    use_kwh : array-like, shape (n, periods)
        Use of each customer by period or price class [kWh]; in shares of their sums to compare shapes alone.
    k : int
        Number of groups, 1 to n.

    Returns
    -------
    Clusters
    """
    series = np.atleast_2d(within("use_kwh", use_kwh))
    if not 1 <= k <= len(series):
        raise ValueError(f"k: given {k}; allowed 1 to {len(series)}, the number of customers")
    apart = distances(series)
    medoid = np.sort(k_medoids(apart, k))
    group = apart[:, medoid].argmin(axis=1)
    group[medoid] = np.arange(k)
    parts = (medoid.astype(np.int64), group.astype(np.int64), np.bincount(group, minlength=k).astype(np.int64))
    return Clusters(*(read_only(part) for part in parts))


@dataclass(frozen=True, slots=True, eq=False)
class PackageTerms:
    """Candidate packages in their simplest form: a fee, energy that it includes, and a price for the rest.

    Attributes
    ----------
    fee : ndarray, shape (packages,)
        [currency a billing period]
    included_kwh : ndarray, shape (packages,)
        [kWh a billing period]
    price : ndarray, shape (packages,)
        Of each kWh beyond [currency/kWh].
    """

    fee: FloatArray
    included_kwh: FloatArray
    price: FloatArray

    def bills(self, use_kwh: ArrayLike) -> FloatArray:
        """Return what each customer would pay for each package [currency], shape (n, packages).

        Parameters
        ----------
        use_kwh : array-like, shape (n,)
            Use in a billing period, at least 0 [kWh].
        """
        used = within("use_kwh", use_kwh, 0.0)[:, None]
        return np.asarray(self.fee + self.price * np.maximum(used - self.included_kwh, 0.0))


def package_candidates(
    typical_kwh: ArrayLike, price: float, discounts: Sequence[float] = (0.0, 0.05, 0.1), beyond: float = 1.2
) -> PackageTerms:
    """Return packages made for each group: its typical use is included at a discount, what is beyond costs more.

    Parameters
    ----------
    typical_kwh : array-like, shape (groups,)
        Use of the customer in the middle of each group, above 0 [kWh a billing period].
    price : float
        Price outside, above 0 [currency/kWh].
    discounts : sequence of float
        Discounts on the included energy, below 1; each makes a candidate a group [1] (ill).
    beyond : float
        Price of further energy over `price`, at least 0 [1] (ill).

    Returns
    -------
    PackageTerms
        Of groups times discounts, the discounts of the first group first.
    """
    size = np.repeat(within("typical_kwh", typical_kwh, 1e-12), len(discounts))
    factor = np.tile(1.0 - within("discounts", list(discounts), high=1.0 - 1e-12), len(size) // len(discounts))
    unit = float(within("price", price, 1e-12))
    rest = np.full(size.shape, unit * float(within("beyond", beyond, 0.0)))
    return PackageTerms(read_only(size * unit * factor), read_only(size), read_only(rest))


def package_market(
    terms: PackageTerms, use_kwh: ArrayLike, price: float, cost: ArrayLike, members: ArrayLike = 1.0
) -> PackageMarket:
    """Return the market that candidates meet when use stays what it is and the outside option is a rival's.

    A package is worth what it saves against the rival's price, and earns its bill less the cost of the energy.

    Parameters
    ----------
    terms : PackageTerms
        Candidates.
    use_kwh : array-like, shape (groups,)
        Use of a member of each group in a billing period [kWh].
    price : float
        Price of the rival, from whose customers the supplier earns nothing [currency/kWh].
    cost : array-like, broadcast to (groups,)
        What a kWh of the group costs the supplier, at pool prices by its shape [currency/kWh].
    members : array-like, broadcast to (groups,)
        Size of each group [1].

    Returns
    -------
    PackageMarket
    """
    used = within("use_kwh", use_kwh, 0.0)
    bills = terms.bills(used)
    spent = used * within("cost", cost)
    return PackageMarket((used * float(within("price", price)))[:, None] - bills, bills - spent[:, None], members)


def _at_least_one(most: int) -> int:
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise ValueError(f"most: given {most!r}; allowed a whole number of at least 1")
    return most
