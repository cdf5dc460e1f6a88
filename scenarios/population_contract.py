"""What every population must keep, as tests that a user's own population inherits.

from gridagora.scenarios.testing import PopulationContract

class TestVans(PopulationContract):
    kind = "vans"
    terms = {"count": 30}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from gridagora.agents.columns import CHARGE, DISCHARGE, INJECTION, LOAD, PV, WITHDRAWAL
from gridagora.scenarios.load import load
from gridagora.scenarios.record import Recorder
from gridagora.scenarios.simulation import Simulation

if TYPE_CHECKING:
    from gridagora.scenarios.day_record import DayRecord

#: A town of twenty households around the population, two days of hours.
WORLD: Mapping[str, Any] = {
    **{"households.count": 20, "households.pv_share": 0.5, "firms": None, "farms": None},
    **{"time.days": 2, "time.period_minutes": 60, "generators.blocks": 6, "outputs.members": 100},
}
NAME = "population_on_trial"


class _Keeping(Recorder):
    """Keeps the record of every day."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[DayRecord] = []

    def day(self, model: Simulation, record: DayRecord) -> None:
        self.records.append(record)
        super().day(model, record)


def rows_of(model: Simulation, table: str, population: str) -> pd.DataFrame:
    """Return the rows of a table of members that belong to a population."""
    frame = model.recorder.frame(table)
    return frame[frame["population"] == population].reset_index(drop=True)


class PopulationContract:
    """Tests of a registered population; name its kind, and keys that it needs.

    Attributes
    ----------
    kind : str
        Kind by which scenarios ask for it.
    terms : mapping
        Keys of its entry in `populations`, without kind and name.
    world : mapping
        Overrides of the scenario around it.
    """

    kind: ClassVar[str]
    terms: ClassVar[Mapping[str, Any]] = {}
    world: ClassVar[Mapping[str, Any]] = WORLD

    def simulate(self, present: bool = True, block: int | None = None, **overrides: Any) -> Simulation:
        """Return a finished run of the world, with the population or without it."""
        entry = {**self.terms, "kind": self.kind, "name": NAME}
        scenario = load("quickstart", {**self.world, "populations": [entry] if present else [], **overrides})
        model = Simulation(scenario, _Keeping(), block)
        while model.running:
            model.step()
        return model

    def test_same_seed_same_results(self) -> None:
        """Two runs of one scenario agree to the last bit."""
        _agree(self.simulate(), self.simulate())

    def test_blocks(self) -> None:
        """Results do not depend on how many members are visited at a time."""
        _agree(self.simulate(), self.simulate(block=3))

    def test_draws_depend_on_the_seed(self) -> None:
        """Columns are read-only inputs of the run: the same again for a seed, whoever else is there."""
        own = [
            next(p for p in model.populations if p.name == NAME).members
            for model in (self.simulate(), self.simulate(households=None))
        ]
        for one, other in zip(*own, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_energy_is_conserved(self) -> None:
        """What passes the meters is load less generation plus charge less discharge, in every period."""
        model = self.simulate()
        for record in model.recorder.records:  # type: ignore[attr-defined]
            entry = next(entry for entry in record.populations if entry.population.name == NAME)
            sums = entry.delivered.T
            behind = sums[LOAD] - sums[PV] + sums[CHARGE] - sums[DISCHARGE]
            np.testing.assert_array_equal(sums[WITHDRAWAL] - sums[INJECTION], behind)
            assert (sums >= 0).all(), "load, generation, storage and meters are never negative"

    def test_bills_are_what_the_ledger_says(self) -> None:
        """Bills of the members add up to what the population paid less what it received, to the last micro-unit."""
        model = self.simulate()
        population = next(p for p in model.populations if p.name == NAME)
        assert int(population.billed.sum()) == -model.ledger.balance(NAME)

    def test_others_keep_their_draws(self) -> None:
        """Load and generation of the others are the same with the population and without it."""
        with_it, without = (rows_of(self.simulate(present), "members", "households") for present in (True, False))
        for column in ("load_kwh", "pv_kwh"):
            np.testing.assert_array_equal(with_it[column], without[column])


def _agree(one: Simulation, other: Simulation) -> None:
    for table in ("intervals", "members"):
        pd.testing.assert_frame_equal(one.recorder.frame(table), other.recorder.frame(table), check_exact=True)
    pd.testing.assert_frame_equal(one.ledger.frame(), other.ledger.frame())
