"""What a population's members are drawn from: the package's profiles, own files, or the weather."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.profiles import Profiles
from gridagora.agents.pv_place import followed, roof_power, sun_of
from gridagora.agents.weather import Climate, Weather, clearness_of, hourly_normals, pv_power, synthetic_weather
from gridagora.scenarios import inputs
from gridagora.scenarios.own_data import as_profiles
from gridagora.scenarios.own_files import series_of
from gridagora.scenarios.schema import FIRST_DAY, N_DAYS
from gridagora.scenarios.schema_data import LoadFile, PvFile, Synthetic, WeatherFiles
from gridagora.scenarios.schema_pv import PvPlace
from gridagora.sim.clock import Calendar
from gridagora.sim.streams import Streams

if TYPE_CHECKING:
    from gridagora.scenarios.load import Scenario

#: The copperplate is one area.
AREA = "system"


@lru_cache(maxsize=16)
def packaged(group: str, source: str, period_minutes: int) -> Profiles:
    """Return the package's profiles of a group from one source, on settlement periods [min], read once a process."""
    loaded = inputs.load_profiles(group, source, period_minutes)  # type: ignore[arg-type]
    return Profiles(loaded.names, loaded.values, loaded.first_day)


def load_profiles(scenario: Scenario, terms: Any, group: str) -> Profiles:
    """Return the base profiles of a population's load.

    Parameters
    ----------
    scenario : Scenario
        What to simulate.
    terms : section of the scenario
        The population; without a key `profiles` it takes all of the package's.
    group : str
        Group of the package's profiles.
    """
    source = getattr(terms, "profiles", "all")
    if source == "bottom_up":
        return bottom_up(scenario, terms)
    if not isinstance(source, LoadFile):
        return packaged(group, source, scenario.time.period_minutes)
    made = as_profiles(series_of(source, scenario.time))
    return Profiles(made.names, made.values, made.first_day, exchange=source.use == "profile")


def bottom_up(scenario: Scenario, terms: Any) -> Profiles:
    """Return base profiles made of occupancy and appliances over the year of the profiles (model.md A1.1).

    Daylight and temperature are those of a synthetic weather of the run, and else of one with its default climate.
    """
    from gridagora.agents import appliance_profiles as made  # kernels, which a command's help does not need

    chosen, streams, minutes = terms.bottom_up, Streams(scenario.seed), scenario.time.period_minutes
    climate = scenario.weather if isinstance(scenario.weather, Synthetic) else Climate()
    weather = synthetic_weather(climate, streams, AREA, FIRST_DAY, N_DAYS, 5)
    calendar = Calendar(FIRST_DAY, N_DAYS, minutes)
    around = made.surroundings(weather, [calendar.day(i) for i in range(N_DAYS)])
    shares = (chosen.water_heater_share, chosen.air_conditioner_share)
    households = made.Households(streams, getattr(terms, "name", "households"), around, minutes, shares)
    return made.appliance_profiles(households, chosen.profiles, FIRST_DAY, exchange=chosen.exchange)


def metered(scenario: Scenario, terms: Any) -> tuple[NDArray[np.float32], NDArray[np.uint8]] | None:
    """Return energy over the run [kWh] and profile of members that are columns of an own file, or None.

    Returns
    -------
    energy : ndarray of float32, shape (count,)
        What the member's column holds [kWh].
    profile : ndarray of uint8, shape (count,)
        Column of member i: i, from the first again after the last.
    """
    source = getattr(terms, "profiles", "all")
    if not isinstance(source, LoadFile) or source.use != "meter":
        return None
    energy = series_of(source, scenario.time).annual_kwh
    column = np.arange(terms.count) % energy.size
    return energy[column].astype(np.float32), column.astype(np.uint8)


def pv_profiles(scenario: Scenario, terms: Any, weather: Weather | None) -> Profiles:
    """Return the base profiles of a population's PV generation, in shares of its yearly yield.

    Parameters
    ----------
    scenario : Scenario
        What to simulate.
    terms : section of the scenario
        The population.
    weather : Weather or None
        Where it is not typical.
    """
    source, minutes = terms.pv_profiles, scenario.time.period_minutes
    if isinstance(source, PvPlace):
        assert weather is not None  # the scenario is refused without one
        return placed(scenario, source, weather, terms.pv_yield_kwh_per_kwp)
    if source == "weather":
        assert weather is not None  # the scenario is refused without one
        power = pv_power(1.0, weather.irradiance, weather.temperature)
        share = power * (minutes / 60.0 / terms.pv_yield_kwh_per_kwp)
        return Profiles(("weather",), share[None], weather.first_day)
    if not isinstance(source, PvFile):
        return packaged("pv", source, minutes)
    series = series_of(source, scenario.time)
    if source.rated_kwp is None:
        return as_profiles(series)
    share = series.values / (source.rated_kwp * terms.pv_yield_kwh_per_kwp)
    return Profiles(series.names, share, series.first_day)


def placed(scenario: Scenario, roofs: PvPlace, weather: Weather, yearly: float) -> Profiles:
    """Return the generation of roofs at a place, one profile a direction, in shares of a yearly yield.

    Clouds of synthetic weather dim the clear sky of the place; the irradiance of an own file is taken as the place's.

    Parameters
    ----------
    scenario : Scenario
        What to simulate.
    roofs : PvPlace
        Place and directions.
    weather : Weather
        Of the run.
    yearly : float
        Yield that members multiply by [kWh/kWp].
    """
    n_days, periods = weather.irradiance.shape
    sun = sun_of(roofs, weather.first_day, n_days)
    if isinstance(scenario.weather, Synthetic):
        terms = scenario.weather
        normals = hourly_normals(
            Streams(scenario.seed), "clearness", AREA, weather.first_day, n_days, terms.clearness_rho
        )
        clearness = clearness_of(normals, terms.clearness_alpha, terms.clearness_beta)
        horizontal = sun.clear * np.repeat(clearness.ravel(), sun.clear.size // clearness.size)
    else:
        horizontal = followed(weather.irradiance, sun)
    power = roof_power(roofs, horizontal, weather.temperature, sun)
    names = tuple(f"{roofs.tilt_deg:g} degrees towards {azimuth:g}" for azimuth in roofs.azimuth_deg)
    return Profiles(names, power * (24.0 / periods / yearly), weather.first_day)


def weather_of(scenario: Scenario, streams: Streams, area: str) -> Weather | None:
    """Return the weather of an area on the days of the run, or None where it is typical.

    Parameters
    ----------
    scenario : Scenario
        What to simulate.
    streams : Streams
        Random streams of the run.
    area : str
        Name of the area.
    """
    chosen, time = scenario.weather, scenario.time
    first_day, n_days = time.span
    if isinstance(chosen, Synthetic):
        return synthetic_weather(chosen, streams, area, first_day, n_days, time.period_minutes)
    if isinstance(chosen, WeatherFiles):
        temperature, irradiance = (series_of(spec, time).values[0] for spec in (chosen.temperature, chosen.irradiance))
        return Weather(first_day, temperature, irradiance)
    return None
