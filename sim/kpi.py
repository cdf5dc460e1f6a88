"""What a key figure is, and what it is computed from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

#: The result tables of a run by name, and ``"meta"``.
Record = Mapping[str, Any]
SYSTEM = "system"


class Kpi(NamedTuple):
    """One key figure: name, scope (``"system"``, a population, a party or a business model), value and unit."""

    kpi: str
    scope: str
    value: float
    unit: str
