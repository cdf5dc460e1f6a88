"""The energy book: what each area consumed, lost, generated, stored and exchanged in each settlement period.

Entries are int64 quanta of 1e-6 kWh, sums over meters; the balance of an area and period is an equality of
integers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from gridagora.sim.ledger import UnbalancedBooks

if TYPE_CHECKING:
    import pandas as pd

QUANTA_PER_KWH = 1_000_000
USES = ("consumption", "losses", "export", "storage_charge")
SOURCES = ("import", "storage_discharge")
KINDS = (*USES, *SOURCES)
_GENERATION = re.compile(r"generation_[a-z][a-z0-9_]*")
# A day of 288 periods and some dozens of kinds then sum below 2^62 without a wrap.
MAX_QUANTA = 2**52
Quanta = npt.NDArray[np.int64]


class EnergyBook:
    """Energy of a run by day, area, kind and settlement period.

    The kinds are consumption (after shedding), losses, export, storage_charge, storage_discharge, import and
    generation_<fuel> (after curtailment). All are at least 0.
    """

    def __init__(self) -> None:
        self._days: dict[int, dict[tuple[str, str], Quanta]] = {}
        self._periods = 0

    def add(self, day: int, area: str, kind: str, quanta: Quanta) -> None:
        """Add the energy of one day to what is booked already.

        Parameters
        ----------
        day : int
            Day of the run.
        area : str
            Area of the network.
        kind : str
            One of the kinds of this book.
        quanta : numpy.ndarray
            Energy [1e-6 kWh], int64, shape (periods,).

        Raises
        ------
        ValueError
            If the kind is unknown, or the array is not int64, is negative, or differs in length from the first.
        OverflowError
            If one entry or period passes 2^51 quanta (2.25e9 kWh).
        """
        where = f"energy book, day {day}, area {area!r}, kind {kind!r}"
        if kind not in KINDS and not _GENERATION.fullmatch(kind):
            raise ValueError(f"{where}: allowed kinds: {', '.join(KINDS)}, generation_<fuel>")
        if not isinstance(quanta, np.ndarray) or quanta.dtype != np.int64 or quanta.ndim != 1 or not len(quanta):
            given = f"{getattr(quanta, 'dtype', type(quanta).__name__)} of shape {np.shape(quanta)}"
            raise ValueError(f"{where}: given {given}; allowed: int64 of shape (periods,)")
        if self._periods not in (0, len(quanta)):
            raise ValueError(f"{where}: given {len(quanta)} periods; allowed: {self._periods}, as in earlier entries")
        if quanta.min() < 0:
            period = int(quanta.argmin())
            raise ValueError(f"{where}: given {quanta[period]} quanta in period {period}; allowed: at least 0")
        columns = self._days.setdefault(int(day), {})
        booked = columns.get((area, kind))
        if max(int(quanta.max()), 0 if booked is None else int(booked.max())) > MAX_QUANTA // 2:
            raise OverflowError(f"{where}: one period passes 2^51 quanta; split the area or shorten the period")
        self._periods = len(quanta)
        columns[area, kind] = quanta.copy() if booked is None else booked + quanta

    def quanta(self, day: int, area: str, kind: str) -> Quanta:
        """Booked energy of one day [1e-6 kWh], int64, shape (periods,); zeros where nothing was added."""
        booked = self._days.get(day, {}).get((area, kind))
        return np.zeros(self._periods, dtype=np.int64) if booked is None else booked.copy()

    def check(self, day: int) -> None:
        """Check that what came in went out, per area and period of one day, exactly.

        Raises
        ------
        UnbalancedBooks
            With the area, the period and the difference of the first period that does not close.
        KeyError
            If nothing was booked on that day.
        """
        if day not in self._days:
            raise KeyError(f"energy book has nothing on day {day}; booked days: {_span(self._days)}")
        surplus: dict[str, Quanta] = {}
        for (area, kind), quanta in self._days[day].items():
            signed = -quanta if kind in USES else quanta
            surplus[area] = surplus.get(area, 0) + signed
        for area, difference in sorted(surplus.items()):
            if difference.any():
                period = int(np.flatnonzero(difference)[0])
                raise UnbalancedBooks(
                    f"energy book, day {day}, area {area!r}, period {period}: generation + import + "
                    "storage_discharge - consumption - losses - export - storage_charge = "
                    f"{difference[period]} quanta of 1e-6 kWh instead of 0; "
                    f"{np.count_nonzero(difference)} of {len(difference)} periods differ"
                )

    def totals(self, area: str | None = None) -> dict[str, int]:
        """Energy of the run by kind [1e-6 kWh], over all areas or one."""
        sums: dict[str, int] = {}
        for columns in self._days.values():
            for (where, kind), quanta in columns.items():
                if area is None or where == area:
                    sums[kind] = sums.get(kind, 0) + int(quanta.sum())
        return {kind: sums[kind] for kind in _ordered(set(sums))}

    def frame(self, unit: Literal["kwh", "quanta"] = "kwh", day: int | None = None) -> pd.DataFrame:
        """Energy per day, period and area.

        Parameters
        ----------
        unit : {"kwh", "quanta"}
            Columns ``<kind>_kwh`` in kWh (float64), or ``<kind>`` in quanta of 1e-6 kWh (int64).
        day : int, optional
            One day only; every kind of the run has a column all the same.

        Returns
        -------
        pandas.DataFrame
            Columns day, period, area and one a kind, sorted; 0 where nothing was added.
        """
        import pandas as pd  # half a second that the command line's help does not need

        kinds = _ordered({kind for columns in self._days.values() for _, kind in columns})
        days = sorted(self._days) if day is None else [day]
        blocks = [(d, area) for d in days for area in sorted({area for area, _ in self._days.get(d, {})})]
        n = self._periods
        columns: dict[str, object] = {
            "day": np.repeat(np.array([d for d, _ in blocks], dtype=np.int64), n),
            "period": np.tile(np.arange(n), len(blocks)),
            "area": [area for _, area in blocks for _ in range(n)],
        }
        for kind in kinds:
            values = np.zeros(len(blocks) * n, dtype=np.int64)
            for i, (d, area) in enumerate(blocks):
                if (booked := self._days[d].get((area, kind))) is not None:
                    values[i * n : (i + 1) * n] = booked
            if unit == "kwh":
                columns[f"{kind}_kwh"] = values / QUANTA_PER_KWH
            else:
                columns[kind] = values
        return pd.DataFrame(columns)


def _ordered(kinds: set[str]) -> list[str]:
    return [kind for kind in KINDS if kind in kinds] + sorted(kinds - set(KINDS))


def _span(days: dict[int, dict[tuple[str, str], Quanta]]) -> str:
    return f"{min(days)} to {max(days)}" if days else "none"
