"""Small worlds that several test modules share."""

import numba
import pytest
from hypothesis import settings

from gridagora.agents import population
from gridagora.scenarios.load import load
from gridagora.scenarios.record import Recorder
from gridagora.scenarios.simulation import Simulation

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
