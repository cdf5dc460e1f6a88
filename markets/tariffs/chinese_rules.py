"""Rules for time-of-use prices in China, NDRC 2021 (model.md B3)."""

from __future__ import annotations

import math
from collections.abc import Mapping

_TOLERANCE = 1e-9


def check_peak_valley(prices: Mapping[str, float], system_difference: float) -> None:
    """Refuse time-of-use prices that break the rules of July 2021 for firms.

    Peak over valley is at least 4 where the system's load in its valley is more than 40 % below that of its peak, else
    at least 3 (chk: press of July 2021); a sharp price is at least 1.2 times the peak price (mem).

    Parameters
    ----------
    prices : mapping of str to float
        Prices of ``peak`` and ``valley``, and of ``sharp`` where there is one [currency/kWh]; others are not looked at.
    system_difference : float
        Highest difference between the system's peak and valley load over the peak load, 0 to 1.

    Raises
    ------
    ValueError
        If a ratio is too low, a price is missing, not above 0 or not finite, or the difference is out of range.
    """
    if not 0 <= system_difference <= 1:
        raise ValueError(f"system_difference: given {system_difference}; allowed a share from 0 to 1")
    for name in ("peak", "valley", *(["sharp"] if "sharp" in prices else [])):
        given = prices.get(name)
        if given is None or not 0 < given < math.inf:
            raise ValueError(f"price of {name!r}: given {given}; allowed finite and above 0 [currency/kWh]")
    least = 4.0 if system_difference > 0.4 else 3.0
    _ratio("peak", "valley", prices, least, f"at a system difference of {system_difference:.0%}")
    if "sharp" in prices:
        _ratio("sharp", "peak", prices, 1.2, "whenever there is a sharp price")


def _ratio(high: str, low: str, prices: Mapping[str, float], least: float, when: str) -> None:
    ratio = prices[high] / prices[low]
    if ratio < least * (1 - _TOLERANCE):
        raise ValueError(
            f"{high} over {low}: given {ratio:.4g}; allowed at least {least:g} {when}; raise {high!r} to "
            f"{least * prices[low]:.6g} or lower {low!r} to {prices[high] / least:.6g}"
        )
