from types import SimpleNamespace

import numpy as np

from gridagora.agents.columns import CHARGE, DISCHARGE, LOAD, PV, T_CURTAILED, T_SHED
from gridagora.scenarios.postings import book_energy
from gridagora.sim.energy import EnergyBook


def test_what_batteries_give_and_nobody_takes_is_consumed():
    """Of 7 curtailed 5 come off PV; of 7 at night, when batteries give 10 and homes use 3, a resistor takes all."""
    delivered = {LOAD: [3, 3], CHARGE: [0, 0], DISCHARGE: [9, 10], PV: [5, 0]}
    settled = {T_SHED: [0, 0], T_CURTAILED: [7, 7]}
    nothing = np.zeros((2, 0), np.int64)
    record = SimpleNamespace(
        day=SimpleNamespace(index=4),
        delivered=lambda column: np.array(delivered[column]),
        settled=lambda column: np.array(settled[column]),
        losses=np.array([4, 0]),
        charge=nothing,
        discharge=nothing,
        generation=nothing,
    )
    parts = SimpleNamespace(area=SimpleNamespace(area="system"), units=())
    model = SimpleNamespace(parts=parts, energy=EnergyBook())
    book_energy(model, record)
    found = {kind: model.energy.quanta(4, "system", kind).tolist() for kind in ("generation_pv", "consumption")}
    assert found == {"generation_pv": [0, 0], "consumption": [5, 10]}
    model.energy.check(4)
