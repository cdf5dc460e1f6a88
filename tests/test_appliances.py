"""Appliances run as often as they should, and their labels are the load."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.appliance_profiles import Households, appliance_profiles, split
from gridagora.agents.appliances import (
    AIR_CONDITIONER,
    CYCLED,
    FIRST_CYCLED,
    FRIDGE,
    LABELS,
    LIGHTING,
    POWER_KW,
    POWER_RANGE,
    STANDBY,
    WATER_HEATER,
    Surroundings,
    appliance_loads,
    calibration,
    expected_cycles,
    size_factor,
)
from gridagora.agents.occupancy import SIZES, STEPS, residents_of
from gridagora.agents.weather import Climate, synthetic_weather
from gridagora.scenarios.schema import FIRST_DAY
from gridagora.sim.clock import Calendar
from gridagora.sim.streams import Streams

STREAMS = Streams(7)


def around(n_days, temperature=None, irradiance=0.0):
    """Return days of the year, dark unless said, at 20 degrees unless said."""
    calendar = Calendar(FIRST_DAY, n_days, 60)
    names = ("workday", "saturday", "sunday")
    types = np.array([names.index(calendar.day(i).day_type) for i in range(n_days)])
    full = np.full(n_days * STEPS, 20.0 if temperature is None else temperature)
    return Surroundings(types, full, np.full(n_days * STEPS, irradiance))


@pytest.fixture(scope="module")
def year():
    """Return a year of 60 households with water heaters and air conditioners, in 15 minutes, and their residents."""
    weather = synthetic_weather(Climate(), STREAMS, "system", FIRST_DAY, 366, 5)
    place = Surroundings(around(366).day_types, weather.temperature.ravel(), weather.irradiance.ravel())
    loads = appliance_loads(STREAMS, "households", 0, 60, place, 15, (1.0, 1.0))
    return loads, residents_of(STREAMS, "households", 0, 60)[:, 0]


def test_expected_cycles_by_hand():
    """Three chances of a half: cycles of one step come 1.5 times; of two steps 0.5, then 0.25, then 0.375 times."""
    chances = np.array([1.0, 1.0, 1.0])
    assert expected_cycles(chances, 0.5, 1) == pytest.approx(1.5)
    assert expected_cycles(chances, 0.5, 2) == pytest.approx(0.5 + 0.25 + 0.375)
    assert expected_cycles(chances, np.inf, 2) == 2.0
    assert expected_cycles(np.array([1.0, 0.0, 1.0]), np.inf, 1) == 2.0


@given(st.integers(1, 12), st.floats(0.05, 0.9), st.integers(0, 1000))
@settings(max_examples=30)
def test_calibration_meets_the_cycles(length, share, seed):
    """Whatever the days and the length of a cycle, the calibrated chance leads to the cycles that were wanted."""
    rng = np.random.default_rng(seed)
    active, activity = rng.integers(0, 3, 2 * STEPS).astype(np.uint8), rng.uniform(0, 2, STEPS)
    most = expected_cycles(np.where(active > 0, np.tile(activity, 2), 0.0), np.inf, length)
    wanted = share * most * 0.8
    factor = calibration(active, activity, length, wanted)
    chances = np.where(active > 0, np.tile(activity, 2), 0.0)
    assert expected_cycles(chances, factor, length) == pytest.approx(wanted, rel=2e-4)


def test_too_many_cycles_are_refused():
    """A day awake has room for 24 cycles of an hour and not for 25; a day asleep has room for none."""
    awake = np.ones(STEPS, np.uint8)
    with pytest.raises(ValueError, match=r"cycles: given 25; allowed below 24, a start whenever somebody is up"):
        calibration(awake, np.ones(STEPS), 12, 25.0)
    with pytest.raises(ValueError, match=r"cycles: given 1; allowed below 0"):
        calibration(awake * 0, np.ones(STEPS), 12, 1.0)


def test_sizes_average_to_one():
    """Weighted by the shares of households the cycles of all sizes are those of the table."""
    factor = size_factor(np.arange(1, 6, dtype=np.uint8))
    assert float(factor @ SIZES) == pytest.approx(1.0)
    assert (np.diff(factor) > 0).all()


def test_two_days_by_hand():
    """In the dark a household on its own has standby and a fridge as rated, lamps while it is up, and whole cycles."""
    loads = appliance_loads(STREAMS, "households", 0, 3, around(2), 5).astype(np.int64)
    assert loads.shape == (3, 2, 288, 9)
    assert len(LABELS) == len(POWER_KW) == 9
    for household in loads:
        assert len(np.unique(household[..., STANDBY])) == 1
        assert POWER_RANGE[0] * 2500 <= household[0, 0, STANDBY] <= POWER_RANGE[1] * 2500
        power = household[..., FRIDGE].max()
        assert set(np.unique(household[..., FRIDGE])) == {0, power}
        assert (household[..., FRIDGE] > 0).mean() == pytest.approx(0.5, abs=0.06)
        assert household[..., WATER_HEATER:].max() == 0
        assert (household[..., LIGHTING] > 0).any()
    assert appliance_loads(STREAMS, "households", 0, 3, around(2, None, 200.0), 5)[..., LIGHTING].max() == 0


def test_thermal_appliances_follow_their_need():
    """No cooling at 20 degrees, much at 38; the tank's heater covers at least what it loses in two days, 2.9 kWh."""
    mild = appliance_loads(STREAMS, "households", 0, 2, around(2), 60, (1.0, 1.0))
    hot = appliance_loads(STREAMS, "households", 0, 2, around(2, 38.0), 60, (1.0, 1.0))
    assert mild[..., AIR_CONDITIONER].max() == 0
    assert (hot[..., AIR_CONDITIONER].sum(axis=(1, 2)) > 4e6).all()
    assert (mild[..., WATER_HEATER].sum(axis=(1, 2)) > (2 * 24 * 0.06 - 1.5) * 1e6).all()
    np.testing.assert_array_equal(mild[..., :AIR_CONDITIONER], hot[..., :AIR_CONDITIONER])


def test_coarse_periods_are_sums_of_fine_ones():
    """The same day in periods of 5, 15 and 60 minutes has the same energies."""
    fine = appliance_loads(STREAMS, "households", 4, 2, around(1), 5)
    for minutes in (15, 30, 60):
        coarse = appliance_loads(STREAMS, "households", 4, 2, around(1), minutes)
        summed = fine.reshape(2, 1, 1440 // minutes, minutes // 5, 9).sum(axis=3)
        np.testing.assert_array_equal(coarse, summed)


def test_profiles_are_the_sum_of_their_labels():
    """Blocks change no byte; a profile is the sum of its labels over their sum of the year, which is 1."""
    households = Households(STREAMS, "households", around(2), 60)
    whole = appliance_profiles(households, 5, FIRST_DAY)
    for block in (1, 2, 5):
        parts = appliance_profiles(households, 5, FIRST_DAY, exchange=False, block=block)
        assert parts.values.tobytes() == whole.values.tobytes()
        assert not parts.exchange
    np.testing.assert_allclose(whole.values.sum(axis=(1, 2)), 1.0, rtol=1e-12)
    labels = households.labels(3)
    assert labels is households.labels(3)
    total = labels.sum(axis=2, dtype=np.int64)
    np.testing.assert_array_equal(whole.values[3], total / total.sum())
    assert whole.names[3] == "household_3"


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=6), st.integers(0, 1000))
def test_split_loses_nothing(load, seed):
    """Parts of any load add up to it, in proportion to within the number of labels, and none is negative."""
    load = np.array(load, np.int64)
    labels = np.random.default_rng(seed).integers(0, 2_000_000, (load.size, 9)).astype(np.int32)
    labels[:, STANDBY] = 2500
    parts = split(load, labels)
    np.testing.assert_array_equal(parts.sum(axis=1), load)
    assert parts.min() >= 0
    exact = load[:, None] * (labels / labels.sum(axis=1, keepdims=True))
    assert np.abs(parts - exact).max() <= 9


def test_split_by_hand():
    """Ten quanta in the ratio 1 : 2 are 3 and 6, and the one left goes to the larger."""
    assert split(np.array([10]), np.array([[1, 2]], np.int32)).tolist() == [[3, 7]]


@pytest.mark.compiled
def test_cycles_a_year(year):
    """Over 60 households every appliance runs as often as the table says, within 5 %."""
    loads, residents = year
    low, high = POWER_RANGE
    for place, appliance in enumerate(CYCLED):
        draws = STREAMS.uniforms("own appliances", "households", 60, draw=FIRST_CYCLED + place)
        each = appliance.cycle_kwh * (low + (high - low) * draws)
        cycles = loads[..., FIRST_CYCLED + place].sum(axis=(1, 2), dtype=np.int64) / 1e6 / each
        wanted = size_factor(residents) * appliance.cycles * 366 / 365
        assert cycles.sum() / wanted.sum() == pytest.approx(1.0, abs=0.05)
        # The year's number of each household scatters no more than a Poisson number would.
        assert (((cycles - wanted) ** 2) / wanted).mean() < 1.5


@pytest.mark.compiled
def test_energies_of_the_year(year):
    """Appliances without heat and cold take about the table's 2,400 kWh, fridges their half of rated power."""
    loads, residents = year
    energy = loads.sum(axis=(1, 2), dtype=np.int64) / 1e6
    assert energy[:, :WATER_HEATER].sum(axis=1).mean() == pytest.approx(2400, rel=0.15)
    assert energy[:, FRIDGE].mean() == pytest.approx(0.5 * 0.1 * 8784, rel=0.05)
    assert np.corrcoef(energy[:, WATER_HEATER], residents)[0, 1] > 0.9
    july, january = slice(182, 213), slice(0, 31)
    assert loads[:, january, :, AIR_CONDITIONER].max() == 0
    assert loads[:, july, :, AIR_CONDITIONER].any()
    assert loads[:, january, :, LIGHTING].sum() > 1.3 * loads[:, july, :, LIGHTING].sum()


@pytest.mark.compiled
def test_the_evening_peaks(year):
    """The mean workday is highest between 17 and 22 o'clock, at 1.5 to 3.5 times its mean, and lowest by night."""
    loads, _ = year
    workdays = around(366).day_types == 0
    day = loads[:, workdays, :, :WATER_HEATER].sum(axis=3).mean(axis=(0, 1))
    assert 17 * 4 <= day.argmax() < 22 * 4
    assert 1.5 < day.max() / day.mean() < 3.5
    assert 1 * 4 <= day.argmin() < 6 * 4


@pytest.mark.compiled
def test_coincidence_falls_with_the_number(year):
    """A household peaks with itself; 60 together at less than a third of their peaks, on the way falling."""
    loads = year[0][:, :28, :, :WATER_HEATER].sum(axis=3).reshape(60, -1)
    peaks = loads.max(axis=1)
    factors = [
        np.mean([loads[g : g + n].sum(axis=0).max() / peaks[g : g + n].sum() for g in range(0, 60, n)])
        for n in (1, 3, 10, 30, 60)
    ]
    assert factors[0] == 1.0
    assert (np.diff(factors) < 0).all()
    assert factors[-1] < 1 / 3
