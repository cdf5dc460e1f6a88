"""Who pays more and who less: dispersion of bills and prices, cross-subsidies, changes of bills (model.md B8, F1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.sim.bounds import within

FloatArray = NDArray[np.float64]


def gini(values: ArrayLike, weights: ArrayLike = 1.0) -> float:
    """Return the Gini coefficient: half the mean absolute difference of two members, over the mean.

    Parameters
    ----------
    values : array-like, shape (n,)
        Such as unit prices or bills, any unit; where some are negative the coefficient may pass 1.
    weights : array-like, broadcast to (n,)
        Members that each value stands for, at least 0.

    Returns
    -------
    float
        0 where all are equal; nan where the mean is not above 0, which nothing can be a share of.
    """
    value, weight = _weighted("values", values, weights)
    total, mean = float(weight.sum()), float(weight @ value) / float(weight.sum())
    if mean <= 0:
        return float("nan")
    order = np.argsort(value, kind="stable")
    value, weight = value[order], weight[order]
    below = np.cumsum(weight) - weight / 2  # members below, half of the equal ones included
    return max(float(weight @ (value * (2 * below / total - 1))) / (total * mean), 0.0)


def dispersion(values: ArrayLike, weights: ArrayLike = 1.0) -> float:
    """Return the coefficient of variation [1]; nan where the mean is 0. Parameters are those of :func:`gini`."""
    value, weight = _weighted("values", values, weights)
    mean = float(weight @ value) / float(weight.sum())
    spread = float(np.sqrt(weight @ (value - mean) ** 2 / weight.sum()))
    return float(spread / abs(mean)) if mean else float("nan")


def unit_prices(bills: ArrayLike, energy_kwh: ArrayLike) -> FloatArray:
    """Return what each member pays a kWh; members without energy are left out.

    Parameters
    ----------
    bills : array-like, shape (n,)
        [currency]
    energy_kwh : array-like, shape (n,)
        At least 0 [kWh].

    Returns
    -------
    ndarray, shape (members with energy,)
        [currency/kWh]
    """
    paid, used = within("bills", bills), within("energy_kwh", energy_kwh, 0.0)
    return np.asarray(paid[used > 0] / used[used > 0])


@dataclass(frozen=True, slots=True)
class BillChange:
    """How the bills of a group change.

    Attributes
    ----------
    members : int
        Size of the group.
    p5, p25, p50, p75, p95, mean : float
        Percentiles and mean of the change [currency], or of the share of the bill before [1].
    losers : float
        Share of members that pay more than before [1].
    """

    members: int
    p5: float
    p25: float
    p50: float
    p75: float
    p95: float
    mean: float
    losers: float


def bill_changes(
    before: ArrayLike, after: ArrayLike, groups: Sequence[object] | None = None, *, relative: bool = False
) -> dict[str, BillChange]:
    """Return how bills change from one run to another, by group of members.

    Parameters
    ----------
    before, after : array-like, shape (n,)
        Bills of the same members in the same order [currency].
    groups : sequence, shape (n,), optional
        Group of each member, such as income or archetype; all in ``"all"`` without it.
    relative : bool
        Changes as shares of the bill before; members whose bill before is not above 0 are then left out.

    Returns
    -------
    dict
        By name of the group, in order of their first member.
    """
    old, new = within("before", before), within("after", after)
    if old.shape != new.shape or old.ndim != 1:
        raise ValueError(f"after: given shape {new.shape}; allowed {old.shape}, the same members as before")
    names = np.array(["all"] * old.size if groups is None else [str(group) for group in groups], dtype=object)
    if names.shape != old.shape:
        raise ValueError(f"groups: given {names.size}; allowed {old.size}, one a member")
    change = new - old
    if relative:
        kept = old > 0
        change, names = change[kept] / old[kept], names[kept]
    found = {}
    for name in dict.fromkeys(names.tolist()):
        part = change[names == name]
        p5, p25, p50, p75, p95 = np.percentile(part, [5, 25, 50, 75, 95]).tolist()
        found[name] = BillChange(part.size, p5, p25, p50, p75, p95, float(part.mean()), float((part > 0).mean()))
    return found


def pool_cost(use_kwh: ArrayLike, price: ArrayLike) -> FloatArray:
    """Return what each group's use costs at pool prices, sum_t lambda_t d_t [currency], shape (groups,).

    Parameters
    ----------
    use_kwh : array-like, shape (groups, periods)
        Net withdrawal [kWh].
    price : array-like, shape (periods,)
        Pool price [currency/kWh].
    """
    return np.asarray(within("use_kwh", use_kwh) @ within("price", price))


def peak_shares(use_kwh: ArrayLike) -> FloatArray:
    """Return each group's part of the use in the period when all together use most [1], shape (groups,).

    Parameters
    ----------
    use_kwh : array-like, shape (groups, periods)
        Withdrawal, at least 0 [kWh].
    """
    use = within("use_kwh", use_kwh, 0.0)
    peak = use[:, int(use.sum(axis=0).argmax())]
    if not peak.sum():
        raise ValueError("use_kwh: given no use at all; allowed a period with some")
    return np.asarray(peak / peak.sum())


def cross_subsidies(paid: Mapping[str, float], cost: Mapping[str, float]) -> dict[tuple[str, str], float]:
    """Return who pays for whom: what each group pays beyond its cost, by the group that falls short of its own.

    The companies are the group ``"companies"``: they receive what all groups together pay beyond their cost, and bear
    what they fall short. Surpluses go to those who fall short in proportion to their shortfall.

    Parameters
    ----------
    paid : mapping
        What each group pays [currency].
    cost : mapping
        What each group causes, by the same names: energy at pool prices and its part of the network [currency].

    Returns
    -------
    dict
        Amount above 0 by payer and receiver [currency].
    """
    if set(paid) != set(cost) or "companies" in paid:
        raise ValueError(f"cost: given {', '.join(cost)}; allowed the groups of paid, {', '.join(paid)}")
    beyond = {name: float(within(name, paid[name]) - within(name, cost[name])) for name in paid}
    beyond["companies"] = -sum(beyond.values())
    short = {name: -amount for name, amount in beyond.items() if amount < 0}
    total = sum(short.values())
    return {
        (payer, receiver): amount * part / total
        for payer, amount in beyond.items()
        if amount > 0
        for receiver, part in short.items()
    }


def _weighted(name: str, values: ArrayLike, weights: ArrayLike) -> tuple[FloatArray, FloatArray]:
    value = np.atleast_1d(within(name, values))
    weight = np.broadcast_to(within("weights", weights, 0.0), value.shape)
    if value.ndim != 1 or not weight.sum():
        raise ValueError(f"{name}: given {value.size} values of weight {weight.sum():g}; allowed one or more of weight")
    return value, weight
