"""Small worlds that several test modules share."""

import numba
import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from gridagora.agents import population
from gridagora.scenarios.load import load
from gridagora.scenarios.record import Recorder
from gridagora.scenarios.simulation import Simulation
from gridagora.scenarios.sweep_design import design_rows
from gridagora.scenarios.sweep_file import Sweep
from gridagora.scenarios.sweep_result import factor_column, read_sweep
from gridagora.sim.atomic import write_json

settings.register_profile("patient", deadline=None)  # machines are shared: no test asserts a time
settings.load_profile("patient")

if numba.config.DISABLE_JIT:
    population.ROWS = 64  # noise tables take ten seconds a run where kernels are plain Python


class KeepingRecorder(Recorder):
    """A recorder that keeps every day's record, for tests that look into one."""

    def __init__(self):
        super().__init__()
        self.records = []

    def day(self, model, record):
        """Keep the record, then do what a recorder does."""
        self.records.append(record)
        super().day(model, record)


SMALL = {
    "households.count": 60,
    "households.pv_share": 0.25,
    "households.storage_share": 0.4,
    "firms.count": 4,
    "farms.count": 2,
    "time.days": 2,
    "outputs.members": 100,
}


@pytest.fixture(scope="session")
def simulate():
    """Return a function that runs quickstart, small, with overrides, and returns the finished model."""

    def run(overrides=None, base="quickstart", block=None, before=None):
        model = Simulation(load(base, {**SMALL, **(overrides or {})}), KeepingRecorder(), block)
        if before is not None:
            before(model)
        for _ in range(model.calendar.days):
            model.step()
        return model

    return run


@pytest.fixture
def swept(tmp_path):
    """Return a function that writes a finished sweep whose key figures are functions of the row and the seed."""

    def write(figures, replications=1, unit="kW", base=None, **keys):
        sweep = Sweep(base="quickstart", replications=replications, **keys)
        rows, seeds = design_rows(sweep, base or {}), list(range(42, 42 + replications))
        folder = tmp_path / f"sweep_{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        hashes = [[f"{row:06x}{seed}" for seed in seeds] for row in range(len(rows))]
        manifest = {"kind": "gridagora sweep", "name": "made", "sweep": sweep.model_dump(mode="json")}
        write_json(
            folder / "manifest.json",
            manifest | {"factors": list(sweep.factors), "rows": rows, "seeds": seeds, "hashes": hashes},
        )
        row, number, kpi = (part.ravel() for part in np.indices((len(rows), replications, len(figures))))
        names, functions = list(figures), list(figures.values())
        values = [functions[k](rows[r], seeds[n]) for r, n, k in zip(row, number, kpi, strict=True)]
        columns = {
            "row": row,
            "replication": number,
            "seed": np.array(seeds)[number],
            "hash": np.array(hashes)[row, number],
        }
        columns |= {key: factor_column([each[key] for each in rows])[row] for key in rows[0]}
        table = pd.DataFrame(columns | {"kpi": np.array(names)[kpi], "scope": "system", "value": values, "unit": unit})
        table.to_parquet(folder / "results.parquet")
        return read_sweep(folder)

    return write
