"""What meters would show in a year with other devices is remembered as long as nothing changes."""

import numpy as np
import pytest

import gridagora as ga
from gridagora.scenarios import business_meters
from gridagora.scenarios.business_meters import MeterYears
from gridagora.scenarios.simulation import Simulation

TARIFF = {
    "kind": "time_of_use",
    "energy_per_kwh": {"peak": 0.60, "valley": 0.20},
    "windows": {"peak": ["06:00-22:00"], "valley": ["22:00-06:00"]},
}
SMALL = {
    "households.count": 6,
    "firms": None,
    "farms": None,
    "time.days": 1,
    "time.period_minutes": 60,
    "tariffs.residential": TARIFF,
}
ROWS = np.arange(6)
NOTHING, MORE = np.zeros(6), np.array([0.0, 1500.0, 0.0, 3000.0, 0.0, 2000.0])


@pytest.fixture
def model():
    """Return six households."""
    return Simulation(ga.load("quickstart", SMALL))


@pytest.fixture
def asked(monkeypatch):
    """Return how many members were appraised, call by call."""
    counts, years_by = [], business_meters.years_by

    def counted(population, days, cases, rows):
        counts.append(rows.size)
        return years_by(population, days, cases, rows)

    monkeypatch.setattr(business_meters, "years_by", counted)
    return counts


def test_the_same_question_is_asked_once(model, asked):
    """Of six members three get PV; who is asked again as it was is not appraised again, in another month neither."""
    years = MeterYears(model, model.households)
    first = years.with_more(ROWS, MORE, NOTHING)
    assert asked == [3, 3]
    years.renew()
    again = years.with_more(ROWS[::-1], MORE[::-1], NOTHING)
    assert asked == [3, 3]
    assert all(np.array_equal(a, b[::-1]) for a, b in zip(first, again, strict=True))
    plain = years.with_more(ROWS, NOTHING, NOTHING)
    assert asked == [3, 3, 3]
    assert (first[1] - plain[1] > 0).tolist() == (MORE > 0).tolist()


def test_who_has_changed_is_appraised_again(model, asked):
    """A member that saves half withdraws less; a larger battery injects less; the others stay as they were."""
    years, members = MeterYears(model, model.households), model.households.members
    before = years.with_more(ROWS, NOTHING, NOTHING)
    members.annual_kwh[2] /= 2
    after = years.with_more(ROWS, NOTHING, NOTHING)
    assert asked == [6, 1]
    assert np.flatnonzero(before[0] != after[0]).tolist() == [2]
    assert after[0][2] < before[0][2]
    with_pv, stored = (years.with_more(ROWS, NOTHING + 3000, NOTHING + kwh)[1] for kwh in (0.0, 6.0))
    assert asked == [6, 1, 6, 6]
    assert (stored < with_pv).all()


def test_other_loads_make_all_be_forgotten(model, asked):
    """After a bill the days are looked at again: with another answer to prices nothing that was found holds."""
    years = MeterYears(model, model.households)
    years.with_more(ROWS, NOTHING, NOTHING)
    model.households.answers.terms = model.households.answers.terms.model_copy(update={"own_elasticity": -0.9})
    years.with_more(ROWS, NOTHING, NOTHING)
    assert asked == [6]
    years.renew()
    years.with_more(ROWS, NOTHING, NOTHING)
    assert asked == [6, 6]


def test_it_is_what_a_fresh_appraisal_says(model):
    """Remembered or not, to the last bit."""
    years = MeterYears(model, model.households)
    years.with_more(ROWS[:4], MORE[:4], NOTHING[:4])
    known, fresh = (each.with_more(ROWS, MORE, NOTHING) for each in (years, MeterYears(model, model.households)))
    assert all(np.array_equal(a, b) for a, b in zip(known, fresh, strict=True))
