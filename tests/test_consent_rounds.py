"""Who shares its data in a run, and so may trade online."""

import numpy as np
import pytest

from gridagora.agents.columns import NO_CONSENT
from gridagora.agents.consent import strategy_codes
from gridagora.scenarios.load import load
from gridagora.scenarios.record import Recorder
from gridagora.scenarios.schema_population import Strategies
from gridagora.scenarios.simulation import Simulation

#: 30 June ends a month, and 1 July is the last day of the run.
BASE = {
    "time.start": "2016-06-30",
    "time.days": 2,
    "time.period_minutes": 60,
    "households.count": 30,
    "firms": None,
    "farms": None,
}
SURE = {"privacy_median": 5.0, "privacy_sigma": 0.0, "sharpness": 1000.0, "reconsider_per_month": 1.0}


def run(**changed):
    """Return a finished run."""
    model = Simulation(load("quickstart", {**BASE, **changed}), Recorder())
    while model.running:
        model.step()
    return model


def test_strategies_by_hand():
    """Shares of a half and a half split draws at a half; the codes begin with 1."""
    codes = strategy_codes(Strategies(truthful=0.5, zi_constrained=0.5), np.array([0.1, 0.49, 0.5, 0.9]))
    assert codes.tolist() == [1, 1, 2, 2]


def test_without_reward_all_withdraw():
    """A reward below what privacy is worth makes everybody leave after the first month; that month is paid."""
    model = run(**{"households.consent": {**SURE, "reward_per_month": 1.0}})
    assert (model.households.members.strategy == NO_CONSENT).all()
    rows = model.ledger.frame().query("account == 'data_reward'")
    assert rows["amount_micro"].tolist() == [30 * round(1e6 * 12 / 365.25)]
    table = model.recorder.frame("consent")
    assert table["members"].tolist() == [0, 0]
    assert table["left"].tolist() == [30, 0]
    assert table["reward"].tolist() == pytest.approx([30 * round(1e6 * 12 / 365.25) / 1e6, 0.0])


def test_a_reward_makes_all_join():
    """A reward above it makes everybody join, with the strategies that they would have had from the start."""
    joined = run(**{"households.consent_share": 0.0, "households.consent": {**SURE, "reward_per_month": 9.0}})
    there = run(**{"households.consent_share": 1.0})
    # Rows are ordered by what members do at first, so compare by number.
    ways = [homes.members.strategy[homes.rows].tolist() for homes in (joined.households, there.households)]
    assert ways[0] == ways[1]
    assert joined.recorder.frame("consent")["joined"].tolist() == [30, 0]


def test_few_decide_again():
    """Only the share that reconsiders changes."""
    terms = {**SURE, "reward_per_month": 1.0, "reconsider_per_month": 0.3}
    model = run(**{"households.consent": terms, "households.count": 300, "time.days": 1})
    assert model.recorder.frame("consent")["left"].item() / 300 == pytest.approx(0.3, abs=0.08)
