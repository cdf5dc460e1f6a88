"""Key figures by year, of a run that simulates each of its years."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gridagora.sim.metrics import kpis

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gridagora.scenarios.simulation import Simulation

#: Population, offer, line and unit.
Line = tuple[str, str, str, str]


class YearMarks:
    """What bills and plants had added up to at the end of each year."""

    def __init__(self) -> None:
        self._bills: dict[int, dict[Line, list[float]]] = {}
        self._generated: dict[int, list[float]] = {}

    def note(self, year: int, bill_rows: Mapping[Line, list[float]], generated: list[float]) -> None:
        """Keep the sums of a year so far.

        Parameters
        ----------
        year : int
            Number of the year, from 0.
        bill_rows : mapping
            Quantity [kWh or d] and amount [currency] since the start, by population, offer, line and unit.
        generated : list of float
            Generation of each unit since the start [kWh].
        """
        self._bills[year] = {key: list(sums) for key, sums in bill_rows.items()}
        self._generated[year] = generated

    def bills(self, year: int) -> dict[str, Any]:
        """Return population, tariff, line, unit, quantity and amount [currency] of the bill lines of one year."""
        now, before = self._bills[year], self._bills.get(year - 1, {})
        keys = list(now)
        grown = np.array([np.subtract(now[key], before.get(key, (0.0, 0.0))) for key in keys]).reshape(-1, 2)
        names = {
            name: [key[place] for key in keys] for place, name in enumerate(("population", "tariff", "line", "unit"))
        }
        return {**names, "quantity": grown[:, 0], "amount": grown[:, 1]}

    def generated(self, year: int) -> Any:
        """Return the generation of each unit in one year, shape (n_units,) [kWh]."""
        now = np.array(self._generated[year])
        return now - np.array(self._generated[year - 1]) if year else now


def year_rows(
    model: Simulation, marks: YearMarks, record: Mapping[str, Any], names: Iterable[str] | None = None
) -> pd.DataFrame:
    """Return the key figures of each year.

    Parameters
    ----------
    model : Simulation
        The run, finished.
    marks : YearMarks
        Its sums by year.
    record : mapping
        What key figures of the whole run are computed from: tables by day of all days, and ``"meta"``. Tables without
        days, other than bills and plants, are those of the whole run.
    names : iterable of str, optional
        Metrics to compute, all by default.

    Returns
    -------
    pandas.DataFrame
        Columns year (from 1), kpi, scope, value, unit.
    """
    n_days = model.calendar.days
    years = []
    for year in range(model.calendar.years):
        part: dict[str, Any] = dict(record)
        for name, table in record.items():
            if isinstance(table, pd.DataFrame) and "day" in table:
                part[name] = table[table["day"].to_numpy() // n_days == year]
        for name in ("member_bills", "cost_causation"):
            part.pop(name, None)  # sums over all years
        part["bills"] = pd.DataFrame(marks.bills(year))
        part["plants"] = record["plants"].assign(generation_kwh=marks.generated(year))
        part["meta"] = {**record["meta"], "days": n_days}
        rows = kpis(part, names)
        rows.insert(0, "year", year + 1)
        years.append(rows)
    return pd.concat(years, ignore_index=True)
