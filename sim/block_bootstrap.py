"""Bootstrap of whole blocks, such as all runs of one seed, for statistics of sums of products.

A regression needs nothing of its rows but sums of products of columns, and those of a resample are the sums over the
blocks that it drew: a thousand resamples cost one product of matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

FloatArray = NDArray[np.float64]
#: Statistics of the sums of products: shape (..., groups, columns, columns) to (..., q); nan where not defined.
Statistic = Callable[[FloatArray], FloatArray]

#: Numbers drawn at a time, which bounds the memory of a bootstrap.
MOST_DRAWN = 4_000_000
#: Fewest blocks of a bootstrap, and least share of its resamples that must be of use.
FEWEST_BLOCKS, LEAST_USED = 3, 0.9
#: Condition number of standardised sums of products from which on columns depend on each other.
WORST_CONDITION = 1e12


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Sums of products of columns, by block and group.

    Parameters
    ----------
    moments : ndarray of float64, shape (n_blocks, groups, columns, columns)
        Sums over the rows of the block in the group; 0 where it has none.
    stratum : ndarray of int64, shape (n_blocks,)
        Blocks are drawn within strata.
    """

    moments: FloatArray
    stratum: NDArray[np.int64]

    @property
    def strata(self) -> list[NDArray[np.intp]]:
        """Numbers of the blocks of each stratum."""
        return [np.flatnonzero(self.stratum == code) for code in np.unique(self.stratum)]


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Bootstrap of statistics, shape (q,) each.

    Attributes
    ----------
    estimate, error : ndarray of float64
        Of the sample, and standard deviation of the resamples.
    low, high : ndarray of float64
        Percentile interval.
    bca_low, bca_high : ndarray of float64
        Interval corrected for bias and acceleration (Efron 1987, doi:10.1080/01621459.1987.10478410).
    """

    estimate: FloatArray
    error: FloatArray
    low: FloatArray
    high: FloatArray
    bca_low: FloatArray
    bca_high: FloatArray


def blocks_of(tables: Sequence[FloatArray], labels: Sequence[NDArray[Any]]) -> Blocks:
    """Return the sums of products of each block.

    Blocks that all groups have are drawn together, so that groups stay paired; blocks that belong to one group each are
    drawn within it.

    Parameters
    ----------
    tables : sequence of ndarray of float64, shape (rows, columns)
        Columns of each group.
    labels : sequence of ndarray, shape (rows,)
        Block of each row.

    Raises
    ------
    ValueError
        If there are too few blocks, or some groups share some of their blocks only.
    """
    names, codes = np.unique(np.concatenate(list(labels)), return_inverse=True)
    moments = np.zeros((names.size, len(tables), tables[0].shape[1], tables[0].shape[1]))
    has = np.zeros((names.size, len(tables)), bool)
    ends = np.cumsum([label.size for label in labels])
    for group, (table, code) in enumerate(zip(tables, np.split(codes, ends[:-1]), strict=True)):
        np.add.at(moments[:, group], code, table[:, :, None] * table[:, None, :])
        has[code, group] = True
    together = has.all()
    if not together and (has.sum(axis=1) > 1).any():
        raise ValueError(
            f"blocks: {int((has.sum(axis=1) > 1).sum())} of {names.size} are in some groups only; allowed the same "
            "blocks in all groups, or none in two; give blocks=None to take rows as independent"
        )
    stratum = np.zeros(names.size, np.int64) if together else has.argmax(axis=1)
    fewest = int(np.bincount(stratum).min())
    if fewest < FEWEST_BLOCKS:
        raise ValueError(
            f"blocks: given {fewest}; allowed {FEWEST_BLOCKS} or more in a group, 10 or more for intervals that hold; "
            "run more seeds"
        )
    return Blocks(moments, stratum)


def replicates(statistic: Statistic, blocks: Blocks, resamples: int, seed: int) -> FloatArray:
    """Return the statistics of resamples of the blocks, drawn with replacement, shape (resamples, q).

    Parameters
    ----------
    statistic : callable
        What to compute.
    blocks : Blocks
        The sample.
    resamples : int
        Number of resamples.
    seed : int
        Seed of the draws.
    """
    rng, number = np.random.default_rng(seed), blocks.stratum.size
    step, found = max(1, MOST_DRAWN // number), []
    for first in range(0, resamples, step):
        counts = np.zeros((min(step, resamples - first), number))
        for members in blocks.strata:
            chance = np.full(members.size, 1 / members.size)
            counts[:, members] = rng.multinomial(members.size, chance, size=len(counts))
        found.append(statistic(np.tensordot(counts, blocks.moments, axes=1)))
    return np.concatenate(found)


def intervals(statistic: Statistic, blocks: Blocks, resamples: int, seed: int, confidence: float) -> Intervals:
    """Return statistics with bootstrap intervals.

    Parameters
    ----------
    statistic, blocks, resamples, seed
        As in :func:`replicates`.
    confidence : float
        Probability that an interval is to cover, 0 to 1.

    Raises
    ------
    ValueError
        If more than a tenth of the resamples determine no coefficients.
    """
    estimate = statistic(blocks.moments.sum(axis=0))
    drawn = replicates(statistic, blocks, resamples, seed)
    drawn = drawn[~np.isnan(drawn).any(axis=1)]
    if len(drawn) < LEAST_USED * resamples:
        raise ValueError(
            f"blocks: {resamples - len(drawn)} of {resamples} resamples leave columns that depend on each other; "
            "give more blocks, or blocks that hold all values of x"
        )
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    corrected = _corrected(estimate, drawn, _acceleration(statistic, blocks), tails)
    columns = zip(drawn.T, corrected, strict=True)
    bca = np.array([np.percentile(column, 100 * levels) for column, levels in columns])
    low, high = np.percentile(drawn, 100 * tails, axis=0)
    return Intervals(estimate, drawn.std(axis=0, ddof=1), low, high, bca[:, 0], bca[:, 1])


def _acceleration(statistic: Statistic, blocks: Blocks) -> FloatArray:
    """Return a sixth of the skewness of the influence of blocks, by leaving out one at a time, shape (q,)."""
    without = statistic(blocks.moments.sum(axis=0) - blocks.moments)
    cubes = squares = np.zeros(without.shape[1])
    for members in blocks.strata:
        left_out, size = without[members], members.size
        influence = (size - 1) * (left_out.mean(axis=0) - left_out) / size
        cubes = cubes + (influence**3).sum(axis=0)
        squares = squares + (influence**2).sum(axis=0)
    skewed = np.divide(cubes, squares**1.5, out=np.zeros_like(cubes), where=squares > 0)
    return np.asarray(skewed / 6)


def _corrected(estimate: FloatArray, drawn: FloatArray, acceleration: FloatArray, tails: FloatArray) -> FloatArray:
    """Return the levels at which the resamples are read, shape (q, 2)."""
    below = ((drawn < estimate).mean(axis=0) + (drawn <= estimate).mean(axis=0)) / 2
    # All resamples on one side of the estimate would ask for a level beyond all of them.
    bias = ndtri(np.clip(below, 0.5 / len(drawn), 1 - 0.5 / len(drawn)))[:, None]
    shifted = bias + ndtri(tails)
    return np.asarray(ndtr(bias + shifted / (1 - acceleration[:, None] * shifted)))


def solved(moments: FloatArray, rows: Sequence[int], targets: Sequence[int]) -> FloatArray:
    """Return least-squares coefficients from sums of products; nan where regressors depend on each other.

    Parameters
    ----------
    moments : ndarray of float64, shape (..., columns, columns)
        Sums of products of standardised columns.
    rows, targets : sequence of int
        Columns of the regressors and of the responses.

    Returns
    -------
    ndarray of float64, shape (..., regressors, responses)
    """
    left, right = moments[..., rows, :][..., :, rows], moments[..., rows, :][..., :, targets]
    usable = np.asarray(np.linalg.cond(left) < WORST_CONDITION)[..., None, None]
    return np.where(usable, np.linalg.solve(np.where(usable, left, np.eye(len(rows))), right), np.nan)
