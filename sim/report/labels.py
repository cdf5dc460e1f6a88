"""How the report writes numbers and their currency."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def number(value: float) -> str:
    """Write a number with thousands separators and about four digits; a dash where there is none."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    digits = 0 if size >= 1000 or value == round(value) else 1 if size >= 100 else 2 if size >= 10 else 3
    return f"{value:,.{digits}f}" if value == 0 or size >= 0.001 else f"{value:.1e}"


def currency(tables: Mapping[str, pd.DataFrame]) -> str:
    """Currency of a run, from the unit of its cost of supply."""
    rows = tables["kpis"]
    found = rows["unit"][rows["kpi"] == "cost_of_supply"]
    return str(found.iloc[0]) if len(found) else "currency"
