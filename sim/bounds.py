"""Bad numbers are refused, with their name and what is allowed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def within(name: str, values: ArrayLike, low: float = -np.inf, high: float = np.inf) -> NDArray[np.float64]:
    """Return numbers as an array, or refuse them.

    Parameters
    ----------
    name : str
        What they are, for the message.
    values : array-like
        Any shape, any unit.
    low, high : float
        Least and most that is allowed, in the unit of the values; infinite numbers are never allowed.

    Returns
    -------
    ndarray of float64

    Raises
    ------
    ValueError
        If a value is nan, infinite or out of bounds.

    Examples
    --------
    >>> within("share", 0.25, 0.0, 1.0)
    array(0.25)
    """
    array = np.asarray(values, dtype=np.float64)
    wrong = ~(np.isfinite(array) & (array >= low) & (array <= high))
    if wrong.any():
        place = f" at place {int(np.argmax(wrong.ravel()))}" if array.ndim else ""
        raise ValueError(
            f"{name}: given {array[wrong].ravel()[0]:g}{place}; allowed: finite numbers from {low:g} to {high:g}"
        )
    return array
