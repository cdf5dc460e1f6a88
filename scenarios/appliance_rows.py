"""Rows of the result table `appliances`: what of the sampled members' load each appliance takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridagora.agents.appliance_profiles import LabelledProfiles, labels_of, split
from gridagora.agents.appliances import LABELS
from gridagora.scenarios.tables import Columns, kwh, member_rows

if TYPE_CHECKING:
    from gridagora.scenarios.day_record import DayRecord, PopulationDay


def appliance_rows(record: DayRecord, entry: PopulationDay) -> Columns:
    """Return one row a period and sampled member; the labels of a row add up to its `load_kwh` in `members`.

    Noise and the answer to prices scale all labels of a period alike.

    Parameters
    ----------
    record : DayRecord
        The day.
    entry : PopulationDay
        A population; without appliances in its profiles there are no rows.
    """
    population = entry.population
    if not isinstance(population.tables.profiles, LabelledProfiles):
        return {"member": entry.sample[:0]}
    rows = member_rows(record, entry)
    load = np.rint(rows["load_kwh"] * 1e6).astype(np.int64).reshape(-1, entry.sample.size)
    columns: Columns = {name: rows[name] for name in ("population", "member", "day", "period")}
    parts = [split(load[:, i], labels_of(population, int(n), record.day)) for i, n in enumerate(entry.sample)]
    stacked = np.stack(parts, axis=1).reshape(-1, len(LABELS))
    return columns | {f"{label}_kwh": kwh(column) for label, column in zip(LABELS, stacked.T, strict=True)}
