"""Windows of the day, such as ``"22:00-06:00"``."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

_WINDOW = re.compile(r"^([01]?\d|2[0-4]):([0-5]\d)-([01]?\d|2[0-4]):([0-5]\d)$")
#: Minutes.
MINUTES_A_DAY = 24 * 60


def minutes(window: str) -> list[int]:
    """Return the minutes of the day that a window such as ``"22:00-06:00"`` covers.

    Parameters
    ----------
    window : str
        ``"HH:MM-HH:MM"`` in local time; over midnight where the end is not after the start.

    Returns
    -------
    list of int
        Starts of 5-minute steps, in minutes after midnight.

    Raises
    ------
    ValueError
        If the text is no window or not on 5-minute steps.
    """
    match = _WINDOW.match(window)
    if match is None:
        raise ValueError(f"window {window!r} is not of the form 'HH:MM-HH:MM', such as '08:00-22:00'")
    h0, m0, h1, m1 = map(int, match.groups())
    start, end = h0 * 60 + m0, h1 * 60 + m1
    if start >= MINUTES_A_DAY or end > MINUTES_A_DAY or start % 5 or end % 5:
        raise ValueError(f"window {window!r} must start before 24:00, end by 24:00 and lie on 5-minute steps")
    return [m % MINUTES_A_DAY for m in range(start, end if end > start else end + MINUTES_A_DAY, 5)]


def cover(windows: dict[str, list[str]], names: tuple[str, ...]) -> NDArray[np.uint8]:
    """Return the price class of each 5-minute step of a day.

    Parameters
    ----------
    windows : dict
        Windows by class name.
    names : tuple of str
        Class names in order.

    Returns
    -------
    ndarray of uint8, shape (288,)
        Index into `names`.

    Raises
    ------
    ValueError
        If a class is unknown, or the windows overlap or leave a gap.
    """
    owner = np.full(MINUTES_A_DAY // 5, 255, np.uint8)
    for name, texts in windows.items():
        if name not in names:
            raise ValueError(f"window of {name!r}: no such price class; energy_per_kwh names {', '.join(names)}")
        for text in texts:
            for minute in minutes(text):
                if owner[minute // 5] != 255:
                    other = names[owner[minute // 5]]
                    raise ValueError(
                        f"windows overlap at {minute // 60:02d}:{minute % 60:02d}: {other!r} and {name!r}; "
                        "each minute of the day belongs to one class"
                    )
                owner[minute // 5] = names.index(name)
    gaps = np.flatnonzero(owner == 255)
    if gaps.size:
        minute = int(gaps[0]) * 5
        raise ValueError(
            f"windows leave a gap at {minute // 60:02d}:{minute % 60:02d}; each minute of the day belongs to one class"
        )
    return owner


def in_windows(windows: list[str], periods: int) -> NDArray[np.bool_]:
    """Return which settlement periods of a day lie within windows such as ``"17:00-20:00"``, shape (periods,).

    Raises
    ------
    ValueError
        If two windows overlap, or one begins or ends within a settlement period.
    """
    steps = np.zeros(288, np.int64)
    for window in windows:
        steps[np.array(minutes(window)) // 5] += 1
    if steps.max() > 1:
        raise ValueError(f"windows {windows}: overlap at step {int(steps.argmax())} of 5 minutes; keep one of them")
    by_period = steps.reshape(periods, -1)
    if (by_period != by_period[:, :1]).any():
        length = 1440 // periods
        raise ValueError(
            f"windows {windows}: one begins or ends within a settlement period of {length} minutes; move it or choose "
            "shorter settlement periods"
        )
    return np.asarray(by_period[:, 0] == 1)
