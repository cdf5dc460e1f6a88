"""A programme calls dear days, pays for what is below the baseline, and overpays where the baseline is wrong."""

import numpy as np
import pytest

from gridagora.agents.curtailment import Curtailment
from gridagora.scenarios.load import ScenarioError, load
from gridagora.scenarios.schema_firms import CurtailableBlock, DemandResponse

#: Hours; the event is 17 to 19, the window before it 12 to 14.
WINDOWS = {"window": "17:00-19:00", "adjustment_window": "12:00-14:00", "baseline_days": 2, "calls": 1}
BLOCK = CurtailableBlock(share=0.2, cost_per_kwh=0.5)
TWO = np.array([3, 5])
YEARLY = np.array([1000.0, 3000.0], np.float32)
CODES = np.array([0, 1])


def programme(**changes):
    """Return a programme of two firms and one block of a fifth of the load, in periods of an hour."""
    return Curtailment(DemandResponse(**{"blocks": (BLOCK,), **WINDOWS, **changes}), TWO, 24)


def live(made, day, load, error=1.0, workday=True):
    """Let the firms live one day of expected loads, shape (2, 24) [kWh per annual kWh], and settle it."""
    factor = made.factor(day, load)
    for period in range(24):
        net = load[CODES, period] * factor[period] * YEARLY * error * 1e6
        made.observe(day, period, np.rint(net).astype(np.int64), CODES, YEARLY)
    return made.close(day, workday)


FLAT = np.full((2, 24), 1e-3)


def test_an_event_by_hand():
    """Firms of 1 and 3 kW curtail a fifth for two hours: 1.6 kWh below baselines of 8, paid 0.4 and 1.2 at 1."""
    made = programme()
    assert live(made, 0, FLAT) is None and live(made, 1, FLAT) is None
    made.days = frozenset({2})
    result = live(made, 2, FLAT)
    assert result.baseline_kwh == pytest.approx(8.0, rel=1e-6)
    assert result.metered_kwh == pytest.approx(6.4)
    assert result.curtailed_kwh == pytest.approx(1.6)
    np.testing.assert_allclose(result.paid, [0.4, 1.2], rtol=1e-5)
    assert result.overpaid == pytest.approx(0.0, abs=1e-5)


def test_the_baseline_follows_the_day_up_to_its_cap():
    """On a day 10 % above those before, the adjusted baseline knows it; 50 % above it knows 20 %, and pays less."""
    paid = {}
    for error in (1.0, 1.1, 1.5):
        made = programme()
        live(made, 0, FLAT), live(made, 1, FLAT)
        made.days = frozenset({2})
        paid[error] = live(made, 2, FLAT, error).paid.sum()
    assert paid[1.1] == pytest.approx(1.1 * paid[1.0], rel=1e-5)
    # A baseline of 1.2 x 8 = 9.6 and a load of 1.5 x 6.4 = 9.6 leave nothing.
    assert paid[1.5] == pytest.approx(0.0, abs=1e-5)


def test_gaming_is_overpaid():
    """Ten per cent more load at noon raises the baseline by ten per cent: 0.8 kWh are paid that nobody curtailed."""
    made = programme(gaming_rise=0.1)
    live(made, 0, FLAT), live(made, 1, FLAT)
    made.days = frozenset({2})
    result = live(made, 2, FLAT)
    assert made.factor(2, FLAT)[[11, 12, 14, 17, 19]].tolist() == [1.0, 1.1, 1.0, 0.8, 1.0]
    assert result.paid.sum() == pytest.approx(1.6 + 0.8, rel=1e-5)
    assert result.overpaid == pytest.approx(0.8, rel=1e-4)


def test_blocks_are_called_while_they_last():
    """A block that is dearer than the rebate, needs more notice, is too short or used up is not curtailed."""
    block = {"share": 0.1, "cost_per_kwh": 0.5}
    cases = [
        ({}, 0.1),
        ({"cost_per_kwh": 1.5}, 0.0),
        ({"notice_hours": 24.0}, 0.0),
        ({"duration_hours": 1.0}, 0.0),
        ({"max_calls": 0}, 0.0),
    ]
    for change, cut in cases:
        made = programme(blocks=(CurtailableBlock(**{**block, **change}),))
        assert made.cut == cut
    made = programme(blocks=(CurtailableBlock(**block, max_calls=1), CurtailableBlock(**block)))
    live(made, 0, FLAT), live(made, 1, FLAT)
    made.days = frozenset({2, 3})
    assert made.cut == pytest.approx(0.2)
    live(made, 2, FLAT)
    assert made.calls.tolist() == [1, 1]
    assert made.cut == pytest.approx(0.1)


def test_days_are_called_by_their_peaks():
    """The first days fill the baseline; of the others the highest is called, and never more than asked for."""
    made = programme(calls=1)
    made.call([0, 1, 2, 3, 4], np.array([9.0, 9.0, 1.0, 20.0, 2.0]))
    assert made.days == {3}
    made.call([0, 1], np.array([9.0, 9.0]))
    assert made.days == {3}
    other = programme(calls=9)
    other.call([0, 1, 4], np.array([1.0, 1.0, 1.0]))
    assert other.days == {4}


def test_events_stay_out_of_baselines():
    """Neither weekends nor events are similar days; the last two workdays are."""
    made = programme()
    live(made, 0, FLAT)
    live(made, 1, 5 * FLAT, workday=False)
    live(made, 2, 2 * FLAT)
    made.days = frozenset({3})
    live(made, 3, 7 * FLAT)
    assert made.history.shape == (2, 2, 4)
    live(made, 4, 3 * FLAT)
    np.testing.assert_allclose(made.history[0, :, 0], [2.0, 3.0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"adjustment_window": "18:00-20:00"}, "allowed before the event"),
        ({"blocks": [{"share": 0.7, "cost_per_kwh": 0}, {"share": 0.7, "cost_per_kwh": 0}]}, "at most 1, the whole"),
        ({"blocks": []}, "demand_response.blocks"),
        ({"window": "late"}, "is not of the form"),
    ],
)
def test_refusals(changes, message):
    """Windows in the wrong order, blocks of more than the load, none at all and no windows are refused."""
    with pytest.raises(ScenarioError, match=message):
        load("quickstart", {"firms.demand_response": changes, "firms.technology_share": 0.5})


def test_a_programme_needs_days_in_a_row():
    """Representative days have no baseline, and firms without technology no programme."""
    year = {"time.representative_days": {"count": 4}}
    with pytest.raises(ScenarioError, match=r"firms.demand_response: given with representative days"):
        load("quickstart", {"firms.demand_response": {}, "firms.technology_share": 0.5, **year})
    with pytest.raises(ScenarioError, match=r"firms.technology_share: given with demand_response"):
        load("quickstart", {"firms.demand_response": {}})
