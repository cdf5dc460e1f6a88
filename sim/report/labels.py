"""How the report writes names, numbers and their currency."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def plain(name: object) -> str:
    """Write a name as words, abbreviations in capitals."""
    return re.sub(r"\b(n?pv|irr|co2|chp|pcc)\b", lambda word: word[0].upper(), str(name).replace("_", " "))


def tick(value: float, _: float = 0.0) -> str:
    """Write the label of a tick in full, with thousands separators."""
    return f"{value:,.10g}"


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
