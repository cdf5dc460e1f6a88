"""Bounded kinds of numbers and names that the sections of a scenario are written in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from gridagora.sim.plugin import unknown

Share = Annotated[float, Field(ge=0, le=1)]
"""Fraction [1]."""
BelowOne = Annotated[float, Field(ge=0, lt=1)]
"""Fraction or correlation below one [1]."""
Efficiency = Annotated[float, Field(gt=0, le=1)]
"""Efficiency [1]."""
Sigma = Annotated[float, Field(ge=0, le=2)]
"""Standard deviation of a logarithm [1]."""
Variation = Annotated[float, Field(ge=0, le=10)]
"""Coefficient of variation [1]."""
Price = Annotated[float, Field(ge=0, le=1_000_000)]
"""Price that cannot be negative [currency/kWh]."""
SignedPrice = Annotated[float, Field(ge=-1_000_000, le=1_000_000)]
"""Price of any sign [currency/kWh]."""
Amount = Annotated[float, Field(gt=0, le=1_000_000_000)]
"""Positive quantity, unit in the name of its key."""
Ratio = Annotated[float, Field(ge=0, le=1_000)]
"""Ratio of two quantities of one unit [1]."""
Elasticity = Annotated[float, Field(ge=-10, le=0)]
"""Own-price elasticity of demand [1]."""
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
"""Number of members."""


#: Names by kind of choice; registered ones join their list, which the checks and the JSON schema share.
CHOICES: dict[str, list[str]] = {}


def one_of(kind: str, names: Iterable[str]) -> Any:
    """Return the type of a text that must be one of `names`; the refusal lists them and the nearest.

    Parameters
    ----------
    kind : str
        What is chosen, for the message, such as ``"mechanism"``.
    names : iterable of str
        Valid names.
    """
    choices = CHOICES.setdefault(kind, sorted(names))

    def check(name: str) -> str:
        if name not in choices:
            raise ValueError(unknown(kind, name, choices))
        return name

    return Annotated[str, AfterValidator(check), WithJsonSchema({"type": "string", "enum": choices})]


def sums_to_one(shares: dict[str, float]) -> dict[str, float]:
    """Return `shares` if they sum to one within 1e-6.

    Raises
    ------
    ValueError
        If they do not; the message says the sum.
    """
    total = sum(shares.values())
    if abs(total - 1) > 1e-6:
        raise ValueError(f"given shares that sum to {total:.6g}; they must sum to 1")
    return shares


def _iso_date(value: Any) -> Any:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"given {value!r}; allowed a date such as 2016-06-06") from None


Day = Annotated[date, BeforeValidator(_iso_date)]
"""Calendar day."""
