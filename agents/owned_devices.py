"""The cars, heat pumps and air conditioners that a population's members own: columns, laws and the day's tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from gridagora.agents.columns import QUANTA_PER_KWH, SEGMENTS
from gridagora.agents.flows import NO_FLOWS, Flows
from gridagora.agents.thermal_kernels import Rooms, Thermostat
from gridagora.agents.vehicle_kernels import LAW_ROWS, Cars, Charger, TripLaws, cheaper_periods, draw_trips
from gridagora.agents.vehicle_trips import REACH
from gridagora.sim.clock import Calendar
from gridagora.sim.streams import stream_key

if TYPE_CHECKING:
    from datetime import date

    from gridagora.agents.weather import Weather
    from gridagora.sim.clock import Day
    from gridagora.sim.streams import Streams

#: Draws of one number of each member, by what they are for.
Draw = Callable[[str], NDArray[np.float64]]
#: Probabilities of trips are counted in parts of 2**32.
_PARTS = 2**32


class Devices(NamedTuple):
    """What the kernels need to know about devices on one day.

    Parameters
    ----------
    cars, charger : Cars, Charger
        Cars, and how they charge.
    rooms, thermostat : Rooms, Thermostat
        Buildings with a heat pump or air conditioner, and how it runs.
    flows : Flows
        Plans of the members that follow one.
    """

    cars: Cars
    charger: Charger
    rooms: Rooms
    thermostat: Thermostat
    flows: Flows = NO_FLOWS


def no_cars(n: int) -> Cars:
    """Return the columns of `n` members without a car."""
    energies: list[Any] = [np.zeros(n, np.int32) for _ in range(3)]
    times: list[Any] = [np.zeros(n, np.uint16) for _ in range(3)]
    return Cars(*energies, *times)


#: Where nobody owns any.
NO_CARS = no_cars(0)
NO_ROOMS = Rooms(*(np.zeros(0, np.float32) for _ in range(3)))
NO_CHARGER = Charger(0, 1.0, np.zeros((1, 1, 3), np.uint16))
NO_THERMOSTAT = Thermostat(np.zeros((1, 1)), np.zeros(1), np.ones(1), 0.0, 1.0, 0.0, 0.0)
NO_DEVICES = Devices(NO_CARS, NO_CHARGER, NO_ROOMS, NO_THERMOSTAT)


def owners(terms: Any, draw: Draw) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return who has a car, and who a heat pump or air conditioner, by number of the member; empty without any.

    Parameters
    ----------
    terms : section of the scenario
        With `ev_share` and `heat_pump_share`.
    draw : callable
        Uniform draws by concern.
    """
    none = np.zeros(0, np.bool_)
    car = draw("vehicle") < terms.ev_share if terms.ev_share > 0 else none
    return car, draw("heat pump") < terms.heat_pump_share if terms.heat_pump_share > 0 else none


def trip_laws(terms: Any, periods: int) -> TripLaws:
    """Return the laws of :class:`gridagora.agents.vehicle_trips.Commuting` as equally likely values.

    Departure falls into the period it happens in and return into the next one, so that nobody charges while away.

    Parameters
    ----------
    terms : section of the scenario
        A population's `vehicle`.
    periods : int
        Settlement periods of a day.
    """
    edge = float(ndtr(-REACH))
    normal = ndtri(edge + (1.0 - 2.0 * edge) * (np.arange(LAW_ROWS) + 0.5) / LAW_ROWS)
    laws = terms.commuting
    spread = np.log1p(laws.daily_km_variation**2)
    km = laws.daily_km * np.exp(np.sqrt(spread) * normal - spread / 2.0)
    hours = 24.0 / periods
    leave = np.floor((laws.departure_hour + laws.departure_deviation * normal) / hours)
    back = np.ceil((laws.arrival_hour + laws.arrival_deviation * normal) / hours)
    used = np.rint(km * terms.kwh_per_km * QUANTA_PER_KWH)
    return TripLaws(leave.astype(np.uint16), back.astype(np.uint16), used.astype(np.int32))


def setback(prices: NDArray[np.float64], kelvin: float) -> NDArray[np.float64]:
    """Return what prices add to the set points by group of members: nothing without enabling technology.

    Parameters
    ----------
    prices : ndarray of float64, shape (n_offers, periods)
        Retail prices [currency/kWh].
    kelvin : float
        What they add where the price is above the day's mean [K].

    Returns
    -------
    ndarray of float64, shape (n_offers * 2, periods)
        [K]
    """
    rounded = np.round(prices, 9)
    dear = rounded > np.round(prices.mean(axis=1, keepdims=True), 9)
    by_segment = np.zeros((len(prices), SEGMENTS, prices.shape[1]))
    by_segment[:, 1] = kelvin * dear
    return by_segment.reshape(-1, prices.shape[1])


class OwnedDevices:
    """Devices of a population.

    Parameters
    ----------
    terms : section of the scenario
        The population, with `vehicle` and `heat_pump`.
    name : str
        Name of the population, key of the random streams.
    streams : Streams
        Random streams of the run.
    draw : callable
        Uniform draws of the population by concern.
    number : ndarray of uint32, shape (n,)
        Number of each member, by row.
    periods : int
        Settlement periods of a day.
    weather : Weather or None
        Outdoor temperatures, which heat pumps need.

    Attributes
    ----------
    columns : Devices
        Columns and the tables of the day.
    """

    def __init__(
        self,
        terms: Any,
        name: str,
        streams: Streams,
        draw: Draw,
        number: NDArray[np.uint32],
        periods: int,
        weather: Weather | None,
    ) -> None:
        self.terms, self.number, self.periods, self.weather = terms, number, periods, weather
        self.draw_of, self.key = draw, stream_key(streams.seed, "trips", name)
        self.columns = NO_DEVICES
        car, pump = owners(terms, draw)
        if car.any():
            self.give_cars(np.flatnonzero(car[number]))
        if pump.any():
            self.give_pumps(np.flatnonzero(pump[number]))

    def give_cars(self, rows: NDArray[np.int64]) -> None:
        """Give full cars to some members; who has one already gets it anew.

        Parameters
        ----------
        rows : ndarray of int64, shape (n_new,)
            Rows of the members in the columns.
        """
        if not self.has_cars:
            cars = no_cars(self.number.size)
            self.columns = self.columns._replace(cars=cars)
            self.laws = trip_laws(self.terms.vehicle, self.periods)
        cars = self.columns.cars
        cars.capacity[rows] = cars.held[rows] = round(self.terms.vehicle.capacity_kwh * QUANTA_PER_KWH)

    def give_pumps(self, rows: NDArray[np.int64]) -> None:
        """Give heat pumps or air conditioners to some members, whose rooms are at their set points.

        Parameters
        ----------
        rows : ndarray of int64, shape (n_new,)
            Rows of the members in the columns.
        """
        terms, number = self.terms.heat_pump, self.number
        if not self.has_pumps:
            rooms = Rooms(*(np.zeros(number.size, np.float32) for _ in range(3)))
            self.columns = self.columns._replace(rooms=rooms)
        rooms, chosen = self.columns.rooms, number[rows]
        spread = np.sqrt(np.log1p(terms.size_cv**2))
        rooms.size[rows] = np.exp(spread * ndtri(self.draw_of("building size")[chosen]) - spread**2 / 2)
        wanted = terms.held_c + terms.set_point_deviation * ndtri(self.draw_of("set point")[chosen])
        rooms.set_point[rows] = rooms.indoor[rows] = wanted

    @property
    def has_cars(self) -> bool:
        """Whether any member has a car."""
        return self.columns.cars.capacity.size > 0

    @property
    def has_pumps(self) -> bool:
        """Whether any member has a heat pump or an air conditioner."""
        return self.columns.rooms.size.size > 0

    @property
    def hours(self) -> float:
        """Length of a settlement period [h]."""
        return 24.0 / self.periods

    @property
    def highest_kwh(self) -> float:
        """The most that the devices of one member draw in a period [kWh]."""
        most = self.terms.vehicle.charge_kw * self.hours if self.has_cars else 0.0
        if self.has_pumps:
            most += float(self.columns.rooms.size.max()) * self.terms.heat_pump.power_kw * self.hours
        return most

    def draw(self, day: Day, block: int) -> None:
        """Draw the day's trips.

        Parameters
        ----------
        day : Day
            Day of the run.
        block : int
            Members a block.
        """
        if self.has_cars:
            chances = self._chance(day.day_type), self._chance(self._day_type_after(day.date))
            draw_trips(*self.key, day.index, chances, self.laws, self.periods, self.number, self.columns.cars, block)

    def follow(self, day: Day, prices: NDArray[np.float64]) -> None:
        """Set the tables by which devices follow prices and weather.

        Parameters
        ----------
        day : Day
            Day of the run.
        prices : ndarray of float64, shape (n_offers, periods)
            Retail prices of the day, as members know them [currency/kWh].
        """
        if self.has_cars:
            self.columns = self.columns._replace(charger=self._charger(prices))
        if self.has_pumps:
            self.columns = self.columns._replace(thermostat=self._thermostat(day.date, prices))

    def _chance(self, day_type: str) -> int:
        terms = self.terms.vehicle
        share: float = terms.workday_trips if day_type == "workday" else terms.weekend_trips
        return round(share * _PARTS)

    def _day_type_after(self, today: date) -> str:
        """Return the day type of the next calendar day, which may lie behind the end of the run."""
        return Calendar(today, 2, round(60 * self.hours)).day(1).day_type

    def _charger(self, prices: NDArray[np.float64]) -> Charger:
        terms = self.terms.vehicle
        # On arrival all periods are alike.
        cheaper = cheaper_periods(prices if terms.charging == "cheapest" else np.zeros_like(prices))
        return Charger(int(terms.charge_kw * self.hours * QUANTA_PER_KWH), terms.charge_efficiency, cheaper)

    def _thermostat(self, today: date, prices: NDArray[np.float64]) -> Thermostat:
        terms, weather = self.terms.heat_pump, self.weather
        assert weather is not None  # the scenario is refused without one
        device, building = terms.device, terms.building
        outdoor = weather.temperature[(today - weather.first_day).days]
        return Thermostat(
            setback(prices, -device.sign * terms.setback_k),
            outdoor.copy(),
            device.sign * device.cop(outdoor),
            building.loss_kw_per_k * self.hours,
            building.capacity_kwh_per_k,
            building.internal_kw * self.hours,
            device.power_kw * self.hours,
        )
