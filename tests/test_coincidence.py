"""Households, diversified from ten base profiles, peak together about as little as real ones."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from gridagora.scenarios.inputs import load_profiles
from gridagora.scenarios.load import load
from gridagora.scenarios.simulation import Simulation

_PATH = Path(__file__).resolve().parent.parent / "benchmarks" / "coincidence.py"
_SPEC = importlib.util.spec_from_file_location("coincidence", _PATH)
bench = importlib.util.module_from_spec(_SPEC)
sys.modules["coincidence"] = bench
_SPEC.loader.exec_module(bench)

NUMBERS = np.array(bench.NUMBERS)


@pytest.fixture(scope="module")
def draws():
    """Return two winter weeks of a thousand households, drawn with two seeds."""
    return [bench.member_loads(seed, bench.WINTER) for seed in (1, 2)]


@pytest.fixture(scope="module")
def factors(draws):
    """Return coincidence factors, shape (draws, numbers)."""
    return np.array([[bench.coincidence(loads, n) for n in NUMBERS] for loads in draws])


@pytest.fixture(scope="module")
def h25():
    """Return the standard profile of households, shape (366, 96)."""
    return load_profiles("household", "bdew").values[0]


def test_coincidence_by_hand():
    """Peaks of 2 and 4 kW that miss each other: their sum peaks at 5 of 6; a household alone peaks with itself."""
    loads = np.array([[2.0, 1.0, 0.0], [0.0, 4.0, 1.0]])
    assert bench.coincidence(loads, 2) == pytest.approx(5 / 6)
    assert bench.coincidence(loads, 1) == 1.0


def test_rusck_by_hand():
    """With a limit of 0.2 four households reach 0.2 + 0.8 / 2; the fit finds the limit of such a curve again."""
    assert bench.rusck(np.array([1, 4, 16]), 0.2).tolist() == pytest.approx([1.0, 0.6, 0.4])
    assert bench.fitted_limit(NUMBERS, bench.rusck(NUMBERS, 0.13)) == pytest.approx(0.13)


def test_loads_are_those_of_a_run():
    """A run without PV and without answer to prices plans the very loads that are measured here."""
    quiet = {"own_elasticity": 0.0, "cross_elasticity": 0.0, "pv_share": 0.0, "storage_share": 0.0}
    overrides = {"seed": 5, "households.count": 50, "firms": None, "farms": None, "outputs.members": 0}
    scenario = load("quickstart", {**overrides, **{f"households.{key}": value for key, value in quiet.items()}})
    model = Simulation(scenario)
    population = model.populations[0]
    plan = population.forecast(model.calendar.day(0), np.ones(96), np.ones(96), 1)
    load_of = plan.load[:, population.today.load_code] * population.load_noise[:, population.today.load_row]
    ours = bench.member_loads(5, scenario.time.start, count=50, days=1)
    planned = (load_of * population.members.annual_kwh).T[population.rows] / bench.HOURS
    np.testing.assert_allclose(ours, planned, rtol=1e-6)


def test_falls_with_the_number(factors):
    """More households coincide less, in every draw: never more than before, and much less from 1 to 100."""
    assert (factors[:, 0] == 1.0).all()
    assert (np.diff(factors, axis=1) < 0.005).all()
    assert (factors[:, 4] < 0.3).all()


def test_is_near_the_published_curve(factors):
    """One limit between 0.12 and 0.20 brings Rusck's curve within 0.05 of every factor from 1 to 1000 households."""
    mean = factors.mean(axis=0)
    limit = bench.fitted_limit(NUMBERS, mean)
    assert 0.12 < limit < 0.20
    assert np.abs(mean - bench.rusck(NUMBERS, limit)).max() < 0.05


def test_flattens_before_the_published_curve(factors):
    """Ten base profiles leave a floor: beyond 300 households the factor hardly falls, where Rusck's loses 0.02."""
    last, before = factors.mean(axis=0)[[-1, -2]]
    limit = bench.fitted_limit(NUMBERS, factors.mean(axis=0))
    assert before - last < 0.015
    assert last > bench.rusck(np.array([1000]), limit)[0]


def test_copies_would_peak_together(factors):
    """Scaled copies of the ten profiles would coincide at 0.43, nearly twice as much as the households drawn."""
    copies = bench.member_loads(1, bench.WINTER, diverse=False)
    assert bench.coincidence(copies, 1000) == pytest.approx(0.43, abs=0.03)
    assert bench.coincidence(copies, 1000) > 1.8 * factors[:, -1].max()


def test_sum_is_like_the_standard_profile(draws, h25):
    """In winter a thousand households have the mean workday of H25 (r > 0.9) and a peak 1.8 to 2.0 times their mean."""
    for loads in draws:
        winter = bench.aggregate(loads, bench.WINTER, h25)
        assert winter["correlation"] > 0.9
        assert 1.8 < winter["peak_to_mean"] < 2.0
        assert winter["standard_peak_to_mean"] == pytest.approx(1.685, abs=0.001)


def test_summer_evenings_come_later_than_in_the_standard_profile(h25):
    """In July r is only 0.8: the evening peak lies two hours behind H25's, as docs/explanation/coincidence.md says."""
    summer = bench.aggregate(bench.member_loads(1, bench.SUMMER), bench.SUMMER, h25)
    assert 0.75 < summer["correlation"] < 0.9
    assert (summer["ours"].argmax() - summer["standard"].argmax()) / 4 == pytest.approx(2.5, abs=0.75)


def test_energy_is_that_of_the_year():
    """Two weeks of January hold 14 / 366 of the year's energy, and a quarter more at most."""
    new_year = bench.WINTER.replace(day=1)
    power = bench.member_loads(1, new_year, count=50, days=366).reshape(50, 366, 96).sum(axis=(0, 2))
    assert 1.0 < power[10:24].mean() / power.mean() < 1.25


def test_figure(factors, draws, h25, tmp_path):
    """The figure is drawn with its axes named, the same bytes each time."""
    season = bench.aggregate(draws[0], bench.WINTER, h25)
    files = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for file in files:
        bench.save(factors, factors, season, season, file)
    text = files[0].read_text(encoding="utf-8")
    assert "peak of sum / sum of peaks" in text
    assert "hour, UTC+1" in text
    assert text == files[1].read_text(encoding="utf-8")
