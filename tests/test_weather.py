"""Synthetic weather and PV output."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gridagora.agents.weather import (
    Climate,
    clear_sky,
    clearness_of,
    expected_temperature,
    hourly_normals,
    pv_power,
    sine_of_height,
    synthetic_weather,
)
from gridagora.sim.streams import Streams

NEW_YEAR = date(2016, 1, 1)
STREAMS = Streams(7)


def weather(first=NEW_YEAR, n_days=366, period=60, seed=7, **keys):
    """Draw weather of one area."""
    return synthetic_weather(Climate(**keys), Streams(seed), "area", first, n_days, period)


def lagged(x, lag=1):
    """Return the correlation of a series with itself some steps later."""
    return np.corrcoef(x[:-lag], x[lag:])[0, 1]


def test_cosines_of_temperature():
    """At 15:00 of the warmest day it is 12 + 12 + 4 degC; half a year away at 03:00, 12 - 12 - 4."""
    climate = Climate(warmest_day=182.5)
    assert expected_temperature(climate, np.array(182), np.array(15.0)) == pytest.approx(28.0, abs=1e-3)
    assert expected_temperature(climate, np.array(0), np.array(3.0)) == pytest.approx(-4.0, abs=1e-9)
    assert expected_temperature(climate, np.array(0), np.array(9.0)) == pytest.approx(0.0, abs=1e-9)


def test_height_of_the_sun():
    """At an equinox the sun is 90 less the latitude high at noon and sets six hours later; June adds 23.45."""
    sine = sine_of_height(40.0, np.array([81, 172]), np.array([0.0, 0.0]))
    np.testing.assert_allclose(np.degrees(np.arcsin(sine)), [50.0, 73.45], atol=0.01)
    assert sine_of_height(40.0, np.array(81), np.array(6.0)) == pytest.approx(0.0, abs=1e-12)
    assert sine_of_height(-40.0, np.array(355), np.array(0.0)) == pytest.approx(np.sin(np.radians(73.45)), abs=1e-4)


def test_clear_sky_by_hand():
    """Overhead 1098 e^-0.059 = 1035.09 W/m2, at 30 degrees 549 e^-0.118 = 487.90, at and below the horizon 0."""
    np.testing.assert_allclose(clear_sky(np.array([1.0, 0.5, 0.0, -0.3])), [1035.0921, 487.8934, 0.0, 0.0], atol=1e-3)
    assert clear_sky(np.array([0.0011]))[0] < 1e-20


def test_pv_by_hand():
    """5 kWp at 800 W/m2 and 20 degC: cell at 44 degC, 5 x 0.8 x 0.8 x (1 - 0.004 x 19) = 2.9568 kW."""
    light, air = np.array([800.0, 0.0, 1000.0]), np.array([20.0, 20.0, -5.0])
    np.testing.assert_allclose(pv_power(5.0, light, air), [2.9568, 0.0, 4.0], rtol=1e-14)
    assert pv_power(5.0, light, air, age_years=1)[0] == pytest.approx(2.9568 * 0.995, rel=1e-14)
    assert pv_power(1.0, light, air, performance_ratio=1.0, gamma=0.0, degradation=0.0)[0] == 0.8


def test_a_year_has_its_mean_and_its_light():
    """The mean is 12 degC, noise has 2 K and a correlation of 0.9, and 2/3 of a clear sky's light arrives."""
    year = weather()
    assert year.temperature.shape == year.irradiance.shape == (366, 24)
    assert year.temperature.mean() == pytest.approx(12.0, abs=0.3)
    noise = (year.temperature - weather(noise_sigma=0.0).temperature).ravel()
    assert noise.std() == pytest.approx(2.0, abs=0.15)
    assert lagged(noise) == pytest.approx(0.9, abs=0.01)
    assert lagged(noise, 5) == pytest.approx(0.9**5, abs=0.05)
    clear = weather(clearness_alpha=100.0, clearness_beta=1e-6).irradiance
    assert year.irradiance.sum() / clear.sum() == pytest.approx(2 / 3, abs=0.02)
    assert clear.sum() / 1000 == pytest.approx(2200, abs=50)  # kWh/m2
    assert not year.temperature.flags.writeable
    assert not year.irradiance.flags.writeable


def test_night_is_dark():
    """In December at 35 degrees north the sun is down from 17:00 to 07:00; it is highest at solar noon."""
    december = weather(date(2016, 12, 1), 31).irradiance
    assert (december[:, 17:] == 0).all()
    assert (december[:, :7] == 0).all()
    assert (december[:, 8:16] > 0).all()
    late = weather(date(2016, 12, 1), 31, solar_noon_hour=13.0, clearness_beta=1e-3).irradiance.mean(axis=0)
    assert late[12] == pytest.approx(late[13], rel=1e-3)


def test_clearness_follows_its_beta_law():
    """Beta(2.4, 1.2) has mean 2/3 and variance 2.4 x 1.2 / (3.6^2 x 4.6); rank order is that of the normal variable."""
    normal = STREAMS.normals("test", "clearness", 200_000)
    clearness = clearness_of(normal, 2.4, 1.2)
    assert clearness.mean() == pytest.approx(2 / 3, abs=2e-3)
    assert clearness.var() == pytest.approx(2.4 * 1.2 / (3.6**2 * 4.6), rel=0.01)
    assert (clearness > 0).all()
    assert (clearness < 1).all()
    assert (np.diff(clearness[np.argsort(normal)]) >= 0).all()


def test_hours_are_standard_normal_and_persistent():
    """Six years of hours have mean 0, variance 1 and the correlation asked for."""
    path = hourly_normals(STREAMS, "temperature", "area", NEW_YEAR, 2000, 0.9).ravel()
    assert path.mean() == pytest.approx(0.0, abs=0.07)
    assert path.std() == pytest.approx(1.0, abs=0.03)
    assert lagged(path) == pytest.approx(0.9, abs=0.005)


@settings(max_examples=10, deadline=None)
@given(begin=st.integers(0, 300), n_days=st.integers(1, 10), period=st.sampled_from([5, 15, 30]))
def test_a_date_keeps_its_weather(begin, n_days, period):
    """Weather of a date is the same in a run that begins later, ends earlier or has shorter periods."""
    first = date.fromordinal(NEW_YEAR.toordinal() + begin)
    part = weather(first, n_days, period)
    for short, year in ((part.temperature, YEAR.temperature), (part.irradiance, YEAR.irradiance)):
        hourly = short.reshape(n_days, 24, -1).mean(axis=2)
        np.testing.assert_allclose(hourly, year[begin : begin + n_days], rtol=0, atol=1e-9)


YEAR = weather()


@settings(max_examples=15, deadline=None)
@given(
    latitude=st.floats(-90, 90),
    alpha=st.floats(0.1, 20),
    beta=st.floats(0.1, 20),
    seed=st.integers(0, 2**31),
)
def test_light_stays_within_a_clear_sky(latitude, alpha, beta, seed):
    """Irradiance is never negative, never above a clear sky's, and PV never above its rating at these temperatures."""
    keys = {"latitude_deg": latitude, "clearness_alpha": alpha, "clearness_beta": beta}
    drawn = weather(n_days=5, seed=seed, **keys)
    clear = weather(n_days=5, latitude_deg=latitude, clearness_alpha=100.0, clearness_beta=1e-6).irradiance
    assert (drawn.irradiance >= 0).all()
    assert (drawn.irradiance <= clear + 1e-6).all()
    power = pv_power(1.0, drawn.irradiance, drawn.temperature)
    assert (power >= 0).all()
    assert (power <= 1).all()


def test_a_turn_of_the_year():
    """The days around New Year are the same whichever of them a run begins on, leap years included."""
    around = hourly_normals(STREAMS, "temperature", "a", date(2016, 12, 20), 30, 0.9)
    after = hourly_normals(STREAMS, "temperature", "a", date(2017, 1, 5), 3, 0.9)
    np.testing.assert_allclose(around[16:19], after, rtol=0, atol=1e-9)


def test_areas_and_seeds_have_their_own_weather():
    """Another area and another seed draw other weather, temperature and clearness apart from each other."""
    one = hourly_normals(STREAMS, "temperature", "a", NEW_YEAR, 300, 0.0).ravel()
    for other in (
        hourly_normals(STREAMS, "temperature", "b", NEW_YEAR, 300, 0.0),
        hourly_normals(STREAMS, "clearness", "a", NEW_YEAR, 300, 0.0),
        hourly_normals(Streams(8), "temperature", "a", NEW_YEAR, 300, 0.0),
    ):
        assert abs(np.corrcoef(one, other.ravel())[0, 1]) < 0.05


@pytest.mark.parametrize(("n_days", "period"), [(0, 60), (1, 20)])
def test_days_and_periods(n_days, period):
    """No days, and periods that no run has, are refused."""
    with pytest.raises(ValueError, match=f"given {period} and {n_days}; allowed 5, 15, 30, 60 and at least 1"):
        weather(n_days=n_days, period=period)


def test_bounds_of_a_climate():
    """A persistence of one, which would never forget its start, and impossible places and laws are refused."""
    for keys in ({"noise_rho": 1.0}, {"latitude_deg": 91.0}, {"clearness_alpha": 0.0}):
        with pytest.raises(ValidationError, match="Input should be"):
            Climate(**keys)
