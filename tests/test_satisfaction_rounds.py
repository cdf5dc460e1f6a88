"""How content members become in a run: by their bills and by outages."""

import numpy as np
import pytest

from gridagora.scenarios.load import load
from gridagora.scenarios.record import Recorder
from gridagora.scenarios.simulation import Simulation

#: 30 June ends a month, and 1 July is the last day of the run.
BASE = {
    "time.start": "2016-06-30",
    "time.days": 2,
    "time.period_minutes": 60,
    "market.online": False,
    "households.count": 8,
    "firms": None,
    "farms": None,
}


def run(satisfaction, **changed):
    """Return a run with the section `satisfaction`, its first month, and the whole run."""
    terms = {**BASE, "households.satisfaction": satisfaction, **changed}
    model = Simulation(load("quickstart", terms), Recorder())
    model.step()
    return model, model.households.billing.last_bills / 1e6


def test_by_hand():
    """The first bill is the usual one; of the second, a share saved counts, and the usual bill follows by a fifth."""
    model, first = run({"outage_weight": 0.0}, **{"households.pv_share": 0.0})
    round_ = model.parts.rounds[0]
    assert round_.satisfied.tolist() == [0.0] * 8
    assert round_.leaving.tolist() == pytest.approx([1 - np.exp(-0.02 * np.exp(-0.01))] * 8)
    model.step()
    second = model.households.billing.last_bills / 1e6
    assert round_.satisfied == pytest.approx((first - second) / first)
    assert round_.usual == pytest.approx(0.8 * first + 0.2 * second)
    assert round_.tenure.tolist() == [2] * 8
    table = model.recorder.frame("satisfaction")
    assert table["month"].tolist() == [0, 1]
    assert table["mean"].iloc[1] == pytest.approx(round_.satisfied.mean())
    assert (table["p05"] <= table["p50"]).all()
    assert (table["p50"] <= table["p95"]).all()


def test_who_earns_with_pv_is_content_with_any_bill():
    """A usual bill below zero has no shares to save."""
    sunny = {"households.pv_share": 1.0, "households.pv_yield_kwh_per_kwp": 3000.0, "firms": {"count": 20}}
    model, first = run({"outage_weight": 0.0}, **sunny)
    model.step()
    assert (first < 0).any()
    assert not model.parts.rounds[0].satisfied[first < 0].any()


def test_outages_count():
    """Where plants reach for half of the peak only, minutes without supply are noted and lower satisfaction."""
    model, _ = run({"outage_weight": 0.01}, **{"generators.capacity_to_peak": 0.3, "households.pv_share": 0.0})
    minutes = model.recorder.frame("satisfaction")["outage_minutes"].iloc[0]
    assert minutes == pytest.approx(model.record.cuts[:, 0].sum() * 60.0)
    assert minutes > 0
    assert model.parts.rounds[0].satisfied == pytest.approx(np.full(8, -0.01 * minutes * 20.0))
