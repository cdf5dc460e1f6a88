"""Roofs at a place: the sun at the right hour, light on the tilted plane as pvlib has it, believable yields."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pvlib import irradiance, location
from pydantic import ValidationError

from gridagora.agents.pv_place import Roofs, followed, roof_power, sun_of, tilted
from gridagora.agents.weather import clear_sky

SPRING = date(2016, 3, 20)
BERLIN = {"latitude_deg": 52.5, "longitude_deg": 13.4}


def yearly(latitude, longitude=0.0, tilt=30.0, azimuth=180.0, share=0.75):
    """Return the yield of every sixth day of a year under a sky of constant clearness [kWh/kWp]."""
    roofs = Roofs(latitude_deg=latitude, longitude_deg=longitude, tilt_deg=tilt, azimuth_deg=azimuth)
    energy = 0.0
    for day in range(0, 366, 6):
        sun = sun_of(roofs, date(2016, 1, 1) + timedelta(days=day), 1)
        energy += 6 * roof_power(roofs, share * sun.clear, np.full((1, 24), 15.0), sun).sum()
    return energy


@pytest.mark.parametrize(
    ("longitude", "clock", "noon"),
    [(15.0, 1.0, 12.0), (13.4, 1.0, 12 + 1.6 / 15), (-3.7, 1.0, 12 + 18.7 / 15), (116.4, 8.0, 12 + 3.6 / 15)],
)
def test_solar_noon(longitude, clock, noon):
    """The sun is highest at 12 on the clock's own meridian, four minutes later a degree further west, and due south."""
    roofs = Roofs(latitude_deg=45.0, longitude_deg=longitude, utc_offset_hours=clock)
    sun = sun_of(roofs, date(2016, 4, 15), 1)  # the equation of time is near 0
    top = int(sun.zenith.argmin())
    assert (top + 0.5) * 5 / 60 == pytest.approx(noon, abs=0.06)
    assert sun.azimuth[top] == pytest.approx(180.0, abs=3.0)


def test_the_clock_is_that_of_the_place():
    """Without a clock of its own a place has the whole hours nearest to its solar time; one that is given holds."""
    offsets = {13.4: 1.0, -3.7: 0.0, 116.4: 8.0, -8.0: -1.0, 180.0: 12.0, -180.0: -12.0}
    for longitude, offset in offsets.items():
        assert Roofs(latitude_deg=0.0, longitude_deg=longitude).ahead_of_utc == offset
    assert Roofs(latitude_deg=0.0, longitude_deg=80.0, utc_offset_hours=5.5).ahead_of_utc == 5.5


def test_position_is_that_of_pvlib():
    """Zenith and azimuth are those that pvlib finds for the place at the middle of each step of its local time."""
    sun = sun_of(Roofs(**BERLIN), SPRING, 2)
    times = pd.date_range("2016-03-20 00:02:30", periods=2 * 288, freq="5min", tz="Etc/GMT-1")
    found = location.Location(52.5, 13.4, altitude=0).get_solarposition(times)
    np.testing.assert_allclose(sun.zenith, found["apparent_zenith"], atol=1e-9)
    np.testing.assert_allclose(sun.azimuth, found["azimuth"], atol=1e-9)


def test_clear_sky_is_that_of_pvlib():
    """A clear sky is pvlib's by Haurwitz."""
    sun = sun_of(Roofs(**BERLIN), SPRING, 1)
    from pvlib import clearsky

    expected = clearsky.haurwitz(pd.Series(sun.zenith))["ghi"].to_numpy()
    np.testing.assert_allclose(sun.clear, expected, atol=1e-6)


def test_a_flat_roof_gets_the_horizontal_irradiance():
    """Without a tilt the plane's irradiance is the horizontal one, for as long as the sun is up."""
    roofs = Roofs(**BERLIN, tilt_deg=0.0)
    sun = sun_of(roofs, SPRING, 1)
    horizontal = 0.6 * sun.clear
    plane = tilted(horizontal, sun, roofs, 180.0)
    high = sun.zenith < 80
    np.testing.assert_allclose(plane[high], horizontal[high], rtol=1e-3)
    assert (plane[sun.zenith >= 90] == 0).all()


def test_tilted_is_that_of_pvlib():
    """Erbs and Hay-Davies, called directly on one moment, give the plane's irradiance."""
    roofs = Roofs(**BERLIN, tilt_deg=40.0)
    sun = sun_of(roofs, SPRING, 1)
    horizontal, at = 0.5 * sun.clear, 130
    parts = irradiance.erbs(horizontal[at], sun.zenith[at], sun.times[at].dayofyear)
    extra = irradiance.get_extra_radiation(sun.times[at])
    beam = irradiance.aoi(40.0, 120.0, sun.zenith[at], sun.azimuth[at])
    direct = parts["dni"] * np.cos(np.radians(beam))
    sky = irradiance.haydavies(40.0, 120.0, parts["dhi"], parts["dni"], extra, sun.zenith[at], sun.azimuth[at])
    ground = horizontal[at] * 0.25 * (1 - np.cos(np.radians(40.0))) / 2
    assert tilted(horizontal, sun, roofs, 120.0)[at] == pytest.approx(direct + sky + ground, rel=1e-4)


def test_power_by_hand():
    """A flat roof's output follows A3: 0.8 x G / 1000 x (1 - 0.004 (T + 0.03 G - 25)), as a mean of each period."""
    roofs = Roofs(**BERLIN, tilt_deg=0.0)
    sun = sun_of(roofs, SPRING, 1)
    plane = tilted(sun.clear, sun, roofs, 180.0)
    power = roof_power(roofs, sun.clear, np.full((1, 96), 10.0), sun)
    expected = (0.8 * plane / 1000 * (1 - 0.004 * (10 + 0.03 * plane - 25))).reshape(96, 3).mean(axis=1)
    assert power.shape == (1, 1, 96)
    np.testing.assert_allclose(power[0, 0], expected, rtol=1e-12)
    cold = roof_power(roofs, sun.clear, np.full((1, 96), -10.0), sun)
    assert cold.sum() > power.sum()


@settings(max_examples=15)
@given(st.sampled_from([5, 15, 30, 60]), st.floats(-60, 60), st.floats(-180, 180), st.floats(0, 1))
def test_periods_keep_their_irradiance(minutes, latitude, longitude, share):
    """Spread over its steps a period keeps its mean wherever the sun is up in it; by night nothing falls."""
    sun = sun_of(Roofs(latitude_deg=latitude, longitude_deg=longitude), SPRING, 1)
    mean = (share * sun.clear).reshape(1, 1440 // minutes, -1).mean(axis=2)
    steps = followed(mean, sun)
    np.testing.assert_allclose(steps, share * sun.clear, atol=1e-9)
    np.testing.assert_allclose(steps.reshape(mean.shape[1], -1).mean(axis=1), mean[0], atol=1e-9)
    assert (followed(np.full_like(mean, 50.0), sun)[clear_sky(np.cos(np.radians(sun.zenith))) == 0] == 0).all()


def test_yields_by_place():
    """Between 800 and 1,700 kWh/kWp from Stockholm to the Sahara, more towards the equator."""
    yields = [yearly(latitude) for latitude in (59.0, 52.0, 44.0, 30.0)]
    assert yields[0] > 800 and yields[-1] < 1700
    assert (np.diff(yields) > 0).all()


def test_directions():
    """In Berlin south beats east and west, those beat north; east earns in the morning; in Sydney north wins."""
    south, east, west, north = (yearly(52.5, 13.4, azimuth=angle) for angle in (180.0, 90.0, 270.0, 0.0))
    assert south > max(east, west) > min(east, west) > north
    assert east == pytest.approx(west, rel=0.02)
    assert yearly(-33.9, 151.2, azimuth=0.0) > yearly(-33.9, 151.2, azimuth=180.0)
    roofs = Roofs(**BERLIN, azimuth_deg=(90.0, 270.0))
    sun = sun_of(roofs, SPRING, 1)
    power = roof_power(roofs, sun.clear, np.full((1, 24), 10.0), sun)
    assert power[0, 0, :12].sum() > 2 * power[0, 0, 12:].sum()
    assert power[1, 0, 12:].sum() > 2 * power[1, 0, :12].sum()


def test_nothing_by_night():
    """Nothing is generated while the sun is down; in the polar night all day."""
    roofs = Roofs(**BERLIN)
    sun = sun_of(roofs, SPRING, 1)
    power = roof_power(roofs, sun.clear, np.full((1, 288), 10.0), sun)[0, 0]
    assert (power[sun.zenith > 90] == 0).all()
    assert (power[sun.zenith < 85] > 0).all()
    assert yearly(90.0, share=1.0) > 0
    dark = sun_of(Roofs(latitude_deg=80.0, longitude_deg=20.0), date(2016, 12, 21), 1)
    assert dark.clear.max() == 0


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("latitude_deg", 90.5, "latitude_deg"),
        ("latitude_deg", -91.0, "latitude_deg"),
        ("longitude_deg", 181.0, "longitude_deg"),
        ("tilt_deg", 90.1, "tilt_deg"),
        ("tilt_deg", -1.0, "tilt_deg"),
        ("azimuth_deg", 360.0, "azimuth_deg"),
        ("azimuth_deg", (180.0, -1.0), "azimuth_deg"),
        ("azimuth_deg", (), "azimuth_deg"),
        ("performance_ratio", 1.1, "performance_ratio"),
    ],
)
def test_places_off_the_map_are_refused(key, value, place):
    """Latitude, longitude, tilt and direction have their ranges, and 360 degrees is written 0."""
    with pytest.raises(ValidationError, match=place):
        Roofs(**{**BERLIN, key: value})
