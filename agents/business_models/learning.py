"""What equipment costs after more of it has been sold: the learning curve of one factor (model.md D2; O55)."""

from __future__ import annotations

import numpy as np

from gridagora.sim.bounds import within


def price_after(sold: float, before: float, progress_ratio: float) -> float:
    """Return the price over the first one after some sales: (cumulated / before)^(-b), b = -log2(progress ratio).

    Parameters
    ----------
    sold : float
        Sold since the price was 1, at least 0, in any unit.
    before : float
        Sold by then, above 0, in the same unit.
    progress_ratio : float
        Price after a doubling of what has been sold over the price before, above 0, at most 1 [1].

    Returns
    -------
    float
        [1]

    Raises
    ------
    ValueError
        If a value is out of range.

    Examples
    --------
    >>> round(price_after(3.0, 1.0, 0.8), 12)
    0.64
    """
    within("sold", sold, 0.0)
    within("before", before, 1e-12)
    within("progress_ratio", progress_ratio, 1e-12, 1.0)
    return float((1.0 + sold / before) ** np.log2(progress_ratio))
