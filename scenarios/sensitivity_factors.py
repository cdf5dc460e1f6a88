"""Where each row of a sweep stands in each factor, as a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridagora.scenarios.sweep_file import Range, Sweep

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor and its values in the rows of a sweep.

    Parameters
    ----------
    key : str
        Dotted key of the scenario.
    places : ndarray of float64, shape (rows,)
        From 0 at the lowest value to 1 at the highest [1], logarithmic for a range with `log`; of values that are no
        numbers their number in the list.
    values : int
        Different values of a list; 0 for a range.
    is_number : bool
        Whether its values are numbers, which have an order and distances.
    """

    key: str
    places: Floats
    values: int
    is_number: bool

    @property
    def has_direction(self) -> bool:
        """Whether more and less of it mean something: numbers, and two values, from the first to the second."""
        return self.is_number or self.values == 2


def factors_of(sweep: Sweep, rows: Sequence[Mapping[str, Any]]) -> list[Factor]:
    """Return the factors of a sweep in its order.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    rows : sequence of mapping
        Value of each factor by key, for each row.
    """
    return [_factor(key, factor, [row[key] for row in rows]) for key, factor in sweep.factors.items()]


def is_numeric(values: Sequence[Any]) -> bool:
    """Return whether all values are numbers; true and false are none."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _factor(key: str, factor: list[Any] | Range, values: list[Any]) -> Factor:
    if isinstance(factor, Range):
        ends = np.array([factor.low, factor.high], dtype=np.float64)
        given = np.array(values, dtype=np.float64)
        if factor.log:
            ends, given = np.log(ends), np.log(given)
        return Factor(key, _fixed((given - ends[0]) / (ends[1] - ends[0])), 0, True)
    different = [value for number, value in enumerate(factor) if value not in factor[:number]]
    if is_numeric(different):
        span = max(different) - min(different)
        places = (np.array(values, dtype=np.float64) - min(different)) / (span or 1)
    else:
        places = np.array([different.index(value) for value in values], dtype=np.float64)
    return Factor(key, _fixed(places), len(different), is_numeric(different))


def _fixed(places: Floats) -> Floats:
    places.setflags(write=False)
    return places
