"""Designs of experiments: from the factors of a sweep to its rows.

References
----------
.. [McKay1979] M. D. McKay, R. J. Beckman, W. J. Conover, "A comparison of three methods for selecting values of input
   variables", Technometrics 21(2), 1979. doi:10.1080/00401706.1979.10489755
.. [Morris1991] M. D. Morris, "Factorial sampling plans for preliminary computational experiments", Technometrics
   33(2), 1991. doi:10.1080/00401706.1991.10484804
.. [Saltelli2010] A. Saltelli et al., "Variance based sensitivity analysis of model output", Computer Physics
   Communications 181(2), 2010. doi:10.1016/j.cpc.2009.09.018
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridagora.scenarios.schema import ScenarioModel
from gridagora.scenarios.schema_tree import allowed, child
from gridagora.scenarios.sweep_file import Range, Sweep

Row = dict[str, Any]
Floats = NDArray[np.float64]


def design_rows(sweep: Sweep, base: Mapping[str, Any]) -> list[Row]:
    """Return the rows of a sweep: a value of each factor by its dotted key.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    base : mapping
        The base's own value of each factor, for the design ``one_at_a_time``.

    Returns
    -------
    list of dict
        In an order that depends on nothing else. ``sobol`` has for each base sample A, the D rows of A with a column
        of B, with `second_order` the D rows of B with a column of A, then B: SALib's order [Saltelli2010]_. ``morris``
        has D + 1 rows a trajectory [Morris1991]_.
    """
    if sweep.design in ("grid", "list", "one_at_a_time"):
        values = {key: listed(key, factor, sweep.levels) for key, factor in sweep.factors.items()}
        if sweep.design == "grid":
            return [dict(zip(values, row, strict=True)) for row in product(*values.values())]
        if sweep.design == "list":
            return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
        others = [dict(base) | {key: value} for key, levels in values.items() for value in levels]
        return [dict(base), *(row for row in others if row != base)]
    shares = shares_of(sweep)
    columns = [scaled(key, factor, shares[:, i]) for i, (key, factor) in enumerate(sweep.factors.items())]
    return [dict(zip(sweep.factors, row, strict=True)) for row in zip(*columns, strict=True)]


def shares_of(sweep: Sweep) -> Floats:
    """Return the rows of a sampled design in the unit cube, shape (rows, factors) [1]."""
    from scipy.stats import qmc

    number = len(sweep.factors)
    if sweep.design == "morris":
        return morris_shares(number, sweep.samples, sweep.levels, sweep.design_seed)
    rng = np.random.default_rng(sweep.design_seed)
    if sweep.design == "latin_hypercube":
        cube: Floats = qmc.LatinHypercube(number, rng=rng).random(sweep.samples)
        return cube
    both = qmc.Sobol(2 * number, scramble=True, rng=rng).random_base2(sweep.samples.bit_length() - 1)
    return saltelli_shares(both, sweep.second_order)


def saltelli_shares(both: Floats, second_order: bool) -> Floats:
    """Return the rows that Sobol indices need, from two samples side by side.

    Parameters
    ----------
    both : ndarray of float64, shape (samples, 2 D)
        Samples A and B [1].
    second_order : bool
        Whether rows of B with a column of A are there too.

    Returns
    -------
    ndarray of float64, shape (samples (D + 2), D), or (samples (2 D + 2), D)
    """
    number = both.shape[1] // 2
    here, there = both[:, :number], both[:, number:]
    crossed = np.eye(number, dtype=np.bool_)
    blocks = [here[:, None], np.where(crossed, there[:, None], here[:, None])]
    if second_order:
        blocks.append(np.where(crossed, here[:, None], there[:, None]))
    return np.concatenate([*blocks, there[:, None]], axis=1).reshape(-1, number)


def morris_shares(number: int, trajectories: int, levels: int, seed: int) -> Floats:
    """Return trajectories that move one factor at a time by p / (2 (p - 1)) [Morris1991]_.

    Parameters
    ----------
    number : int
        Factors.
    trajectories, levels : int
        Trajectories, and levels p of each factor, an even number.
    seed : int
        Seed of the draws.

    Returns
    -------
    ndarray of float64, shape (trajectories (number + 1), number)
    """
    rng = np.random.default_rng(seed)
    step = levels / (2 * (levels - 1))
    shares = np.empty((trajectories, number + 1, number))
    for path in shares:
        low = rng.integers(levels // 2, size=number) / (levels - 1)
        up = rng.random(number) < 0.5
        first, second = np.where(up, low, low + step), np.where(up, low + step, low)
        path[:] = first
        for place, factor in enumerate(rng.permutation(number)):
            path[place + 1 :, factor] = second[factor]
    return np.minimum(shares.reshape(-1, number), 1.0)


def listed(key: str, factor: list[Any] | Range, levels: int) -> list[Any]:
    """Return the values of a factor in a design without draws."""
    return factor if isinstance(factor, list) else _between(key, factor, np.linspace(0, 1, levels))


def scaled(key: str, factor: list[Any] | Range, share: Floats) -> list[Any]:
    """Return the values of a factor at shares from 0 to 1; of a list, each value has an equal part of them."""
    if isinstance(factor, Range):
        return _between(key, factor, share)
    places = np.minimum((share * len(factor)).astype(np.int64), len(factor) - 1)
    return [factor[place] for place in places.tolist()]


def _between(key: str, factor: Range, share: Floats) -> list[Any]:
    """Return values between two ends; whole numbers, nearest, where the key takes no others."""
    if factor.log:
        values = factor.low * np.exp(share * np.log(factor.high / factor.low))
    else:
        values = factor.low + share * (factor.high - factor.low)
    values = np.clip(values, factor.low, factor.high)
    found: list[Any] = (np.rint(values).astype(np.int64) if is_whole(key) else values).tolist()
    return found


def is_whole(key: str) -> bool:
    """Return whether a key of the scenario takes whole numbers only."""
    annotation: Any = ScenarioModel
    for part in key.split("."):
        annotation = child(annotation, part)
    return allowed(annotation).startswith(("a whole number", "one of 5, 15, 30, 60"))
