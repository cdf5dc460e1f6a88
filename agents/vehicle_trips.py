"""When a car is at home, what its trips take and what it must hold when it leaves (A1.3 (4), A1.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from gridagora.agents.devices import Floats, Vehicle, refuse_outside
from gridagora.markets.orders import read_only
from gridagora.sim.streams import Streams

REACH = 3.5  # standard deviations at which draws of trips end


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay at home: plugged in from the start of period `arrive` to the start of period `depart`.

    Parameters
    ----------
    arrive, depart : int
        Settlement periods of the outlook; `depart` may be its length or later.
    required_kwh : float
        What the battery must hold at departure. [kWh]
    used_kwh : float
        What the trip before took; 0 for a stay that begins with the outlook. [kWh]

    Raises
    ------
    ValueError
        If the car departs before it arrives, or an energy is negative.
    """

    arrive: int
    depart: int
    required_kwh: float
    used_kwh: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.arrive < self.depart:
            raise ValueError(
                f"stay: arrive {self.arrive}, depart {self.depart}; must be at least 0, and depart after arrive"
            )
        refuse_outside("stay", "required_kwh", self.required_kwh)
        refuse_outside("stay", "used_kwh", self.used_kwh)


@dataclass(frozen=True, slots=True, eq=False)
class VehicleUse:
    """The use of a car by settlement period.

    Attributes
    ----------
    at_home : ndarray of bool, shape (periods,)
        Whether it can charge.
    used_kwh : ndarray, shape (periods,)
        What driving takes by the end of the period, at the period before an arrival. [kWh]
    required_kwh : ndarray, shape (periods + 1,)
        What it must hold at the start of a period, 0 where it does not leave; the last entry is the end. [kWh]
    """

    at_home: NDArray[np.bool_]
    used_kwh: Floats
    required_kwh: Floats


def vehicle_use(stays: Sequence[Stay], vehicle: Vehicle, periods: int, hours: float) -> VehicleUse:
    """Return stays as columns.

    A stay that goes on after the end must hold there what leaves just enough time to charge the rest.

    Parameters
    ----------
    stays : sequence of Stay
        In order of time, not touching one another.
    vehicle : Vehicle
        The car.
    periods : int
        Length of the outlook.
    hours : float
        Length of a settlement period. [h]

    Raises
    ------
    ValueError
        If a stay begins before the one before has ended or after the end, asks for more than the car holds, or a
        trip takes more than the car had to hold for it.
    """
    at_home = np.zeros(periods, np.bool_)
    used, required = np.zeros(periods), np.zeros(periods + 1)
    before: Stay | None = None
    for stay in stays:
        _refuse_stay(stay, before, vehicle, periods)
        at_home[stay.arrive : stay.depart] = True
        if stay.arrive:
            used[stay.arrive - 1] = stay.used_kwh
        later = max(stay.depart - periods, 0) * vehicle.charge_kw * vehicle.charge_efficiency * hours
        required[min(stay.depart, periods)] = max(stay.required_kwh - later, 0.0)
        before = stay
    return VehicleUse(*(read_only(column) for column in (at_home, used, required)))


def _refuse_stay(stay: Stay, before: Stay | None, vehicle: Vehicle, periods: int) -> None:
    first = before.depart + 1 if before else 0
    if not first <= stay.arrive < periods:
        raise ValueError(
            f"stay: arrive {stay.arrive}; must be at least {first} and below {periods}, with stays in order"
        )
    refuse_outside("stay", "required_kwh", stay.required_kwh, most=vehicle.capacity_kwh)
    if before or not stay.arrive:
        refuse_outside("stay", "used_kwh", stay.used_kwh, most=before.required_kwh if before else 0.0)


@dataclass(frozen=True, slots=True)
class Commuting:
    """Synthetic trips: away once a workday (A1.5). Draws end at 3.5 standard deviations.

    Parameters
    ----------
    departure_hour, departure_deviation : float
        Normal law of the time of departure. [h] (ill)
    arrival_hour, arrival_deviation : float
        Normal law of the time of return. [h] (ill)
    daily_km, daily_km_variation : float
        Mean and coefficient of variation of the lognormal distance. [km], [1] (ill)

    Raises
    ------
    ValueError
        If the latest departure is not before the earliest return, or either leaves the day.
    """

    departure_hour: float = 7.5
    departure_deviation: float = 1.0
    arrival_hour: float = 18.0
    arrival_deviation: float = 1.5
    daily_km: float = 35.0
    daily_km_variation: float = 0.6

    def __post_init__(self) -> None:
        for name in ("departure_deviation", "arrival_deviation", "daily_km", "daily_km_variation"):
            refuse_outside("commuting", name, getattr(self, name), above=True)
        leaving, coming = REACH * self.departure_deviation, REACH * self.arrival_deviation
        refuse_outside("commuting", "departure_hour", self.departure_hour, leaving, 24.0 - leaving)
        least = self.departure_hour + leaving + coming + 1.0
        refuse_outside("commuting", "arrival_hour", self.arrival_hour, least, 24.0 - coming)


@dataclass(frozen=True, slots=True, eq=False)
class Trips:
    """One trip a member.

    Attributes
    ----------
    departure_hour, arrival_hour : ndarray, shape (n,)
        Times of the day. [h]
    distance_km : ndarray, shape (n,)
        [km]
    """

    departure_hour: Floats
    arrival_hour: Floats
    distance_km: Floats


def draw_trips(commuting: Commuting, streams: Streams, name: str, n: int, day: int) -> Trips:
    """Draw the trips of a day (A1.5).

    Parameters
    ----------
    commuting : Commuting
        Laws.
    streams : Streams
        Random streams of the run; the draws belong to member and day.
    name : str
        Name of the population.
    n : int
        Members.
    day : int
        Day of the run.
    """
    edge = float(ndtr(-REACH))
    normal = [
        ndtri(edge + (1.0 - 2.0 * edge) * streams.uniforms("trips", name, n, day=day, draw=draw)) for draw in range(3)
    ]
    spread = np.log1p(commuting.daily_km_variation**2)
    return Trips(
        read_only(commuting.departure_hour + commuting.departure_deviation * normal[0]),
        read_only(commuting.arrival_hour + commuting.arrival_deviation * normal[1]),
        read_only(commuting.daily_km * np.exp(np.sqrt(spread) * normal[2] - spread / 2.0)),
    )


def stays_of_day(trips: Trips, member: int, vehicle: Vehicle, periods: int, reserve_kwh: float) -> tuple[Stay, Stay]:
    """Return the stays before and after a member's trip, from midnight to midnight.

    Departure is rounded to the period it falls into and return to the next one, so that the car never charges while
    it is away. At the end of the day the car must hold again what the same trip would need.

    Parameters
    ----------
    trips : Trips
        Trips of the day.
    member : int
        Place of the member.
    vehicle : Vehicle
        Its car.
    periods : int
        Settlement periods of the day.
    reserve_kwh : float
        What the battery must hold at departure beyond the trip's need. [kWh]

    Raises
    ------
    ValueError
        If the trip and the reserve take more than the car holds.
    """
    used = float(trips.distance_km[member]) * vehicle.kwh_per_km
    required = used + reserve_kwh
    refuse_outside("trip", "distance_km * kwh_per_km + reserve_kwh", required, most=vehicle.capacity_kwh)
    depart = int(trips.departure_hour[member] * periods / 24.0)
    arrive = int(np.ceil(trips.arrival_hour[member] * periods / 24.0))
    return Stay(0, depart, required), Stay(arrive, periods, required, used)
