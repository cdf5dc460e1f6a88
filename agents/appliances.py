"""Load of a household from its appliances, each with its own label (model.md A1.1).

Appliances that run in cycles start with probability ``calibration x activity`` while somebody is at home and awake,
and then run to their end. Powers, durations and cycles are those of model.md A1.1, activities by hour and everything
else illustrations of our own. Everything is counted in integers of 1e-6 kWh, so that labels add up to the load.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from gridagora.agents.occupancy import SIZES, STEP_MINUTES, occupancy, residents_of
from gridagora.sim.compiled import kernel
from gridagora.sim.streams import Streams, philox, stream_key

Floats = NDArray[np.float64]
Quanta = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cycled:
    """An appliance that runs in cycles; illustrations (model.md A1.1).

    Attributes
    ----------
    name : str
        Label.
    power_kw : float
        Power while it runs [kW].
    hours : float
        Length of a cycle [h].
    cycles : float
        Cycles a year of 365 days, mean over households.
    activity : tuple of float
        How likely it is started, by hour of the day, while somebody is at home and awake; any scale.
    """

    name: str
    power_kw: float
    hours: float
    cycles: float
    activity: tuple[float, ...]

    @property
    def cycle_kwh(self) -> float:
        """Energy of a cycle [kWh]."""
        return self.power_kw * self.hours


def _by_hour(*parts: tuple[int, float]) -> tuple[float, ...]:
    """Return values by hour from (number of hours, value)."""
    return tuple(value for hours, value in parts for _ in range(hours))


CYCLED = (
    Cycled("tv", 0.2, 3.0, 365, _by_hour((6, 0.1), (3, 0.4), (7, 0.3), (2, 0.8), (4, 2.0), (2, 0.7))),
    Cycled("cooking", 1.8, 0.7, 600, _by_hour((6, 0.0), (3, 1.0), (2, 0.2), (2, 1.6), (3, 0.2), (3, 2.0), (5, 0.2))),
    Cycled("washing_machine", 0.8, 1.0, 200, _by_hour((6, 0.0), (6, 1.2), (4, 0.8), (5, 1.0), (3, 0.2))),
    Cycled("dishwasher", 1.5, 1.2, 100, _by_hour((7, 0.0), (6, 0.5), (2, 1.0), (4, 0.4), (3, 2.0), (2, 0.8))),
)
#: Labels of the load, in the order of the last axis of all arrays here.
LABELS = (
    *("standby", "fridge", "lighting"),
    *(appliance.name for appliance in CYCLED),
    *("water_heater", "air_conditioner"),
)
STANDBY, FRIDGE, LIGHTING, FIRST_CYCLED = 0, 1, 2, 3
WATER_HEATER = FIRST_CYCLED + len(CYCLED)
AIR_CONDITIONER = WATER_HEATER + 1

#: Power of each label while it is on [kW]; lighting with all lamps (ill; model.md A1.1).
POWER_KW = (0.03, 0.10, 0.3, *(appliance.power_kw for appliance in CYCLED), 2.0, 1.5)
#: Least and largest factor of a household's own power of an appliance (ill).
POWER_RANGE = (0.85, 1.15)
#: Exponent of the number of residents in cycles a year (ill).
SIZE_EXPONENT = 0.5
#: Irradiance at which no lamp is lit [W/m2], least and largest by household (ill).
DAYLIGHT_RANGE = (60.0, 140.0)
#: Rise of a fridge's temperature in its band in a step while it is off, asleep and with somebody about (ill).
FRIDGE_WARMING = (0.19, 0.23)
FRIDGE_COOLING = 0.42
#: Tank of a water heater and where it starts again, losses [kW], use per awake resident [kW] by hour (ill).
TANK_KWH, TANK_RESTART, TANK_LOSS_KW = 5.0, 0.7, 0.06
HOT_WATER_KW = _by_hour((5, 0.02), (3, 0.5), (3, 0.2), (6, 0.1), (4, 0.25), (3, 0.15))
#: Set point and band [degC], heat moved per electricity, loss [kW/K], capacity [kWh/K], inner gains [kW] (ill).
COOL_TO, COOL_BAND, COOL_COP, COOL_LOSS, COOL_CAPACITY, COOL_GAIN = 26.0, 0.5, 3.0, 0.15, 4.0, 0.4

#: Largest relative distance of the expected cycles from those wanted.
_CLOSE = 1e-4


def calibration(active: NDArray[np.uint8], activity: Floats, length: int, wanted: float) -> float:
    """Return the factor that turns activity into the probability of a start, so that the expected cycles are `wanted`.

    Parameters
    ----------
    active : ndarray of uint8, shape (n_steps,)
        Residents at home and awake.
    activity : ndarray of float64, shape (288,)
        By step of the day.
    length : int
        Steps of a cycle, in which none starts.
    wanted : float
        Cycles in all steps, above 0.

    Raises
    ------
    ValueError
        If even a start at every chance gives fewer cycles.
    """
    chances = np.where(active > 0, np.tile(activity, active.size // activity.size), 0.0)
    factor = wanted / chances.sum() if chances.any() else np.inf
    most = expected_cycles(chances, np.inf, length)
    if not wanted < most:
        raise ValueError(
            f"cycles: given {wanted:g}; allowed below {most:.4g}, a start whenever somebody is up: lower them"
        )
    for _ in range(200):
        found = expected_cycles(chances, factor, length)
        if abs(found - wanted) <= _CLOSE * wanted:
            break
        factor *= wanted / found
    return float(factor)


@kernel()
def expected_cycles(chances: Floats, factor: float, length: int) -> float:
    """Return the expected number of cycles; exact, as starts within one length exclude one another.

    Parameters
    ----------
    chances : ndarray of float64, shape (n_steps,)
        A start has probability `factor` times this, at most 1, while no cycle runs.
    factor : float
        Calibration; inf for a start at every chance.
    length : int
        Steps of a cycle.
    """
    recent = np.zeros(length)
    running, total = 0.0, 0.0
    for t in range(chances.size):
        # The start of `length` steps ago no longer runs.
        running -= recent[t % length]
        chance = min(factor * chances[t], 1.0) if chances[t] > 0.0 else 0.0
        recent[t % length] = chance * max(1.0 - running, 0.0)
        running += recent[t % length]
        total += recent[t % length]
    return total


def size_factor(residents: NDArray[np.uint8]) -> Floats:
    """Return cycles a year over the mean of all households, by number of residents; mean 1 over `SIZES`."""
    mean = sum(share * (1 + i) ** SIZE_EXPONENT for i, share in enumerate(SIZES))
    factor: Floats = residents.astype(np.float64) ** SIZE_EXPONENT / mean
    return factor


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all households of a place share.

    Parameters
    ----------
    day_types : ndarray of int64, shape (n_days,)
        Place of each day's type among workday, saturday, sunday.
    temperature, irradiance : ndarray of float64, shape (n_days * 288,)
        Outdoors, by step of 5 minutes [degC], [W/m2].
    """

    day_types: NDArray[np.int64]
    temperature: Floats
    irradiance: Floats


def appliance_loads(
    streams: Streams,
    name: str,
    first: int,
    count: int,
    around: Surroundings,
    period_minutes: int,
    shares: tuple[float, float] = (0.0, 0.0),
) -> NDArray[np.int32]:
    """Return the load of each appliance of some households.

    Parameters
    ----------
    streams : Streams
        Random streams of the run.
    name : str
        Name of the population.
    first, count : int
        Number of the first household, and how many; each household has draws of its own.
    around : Surroundings
        Days and weather.
    period_minutes : int
        Settlement period: 5, 15, 30 or 60. [min]
    shares : tuple of float
        Share of households with an electric water heater, and with an air conditioner.

    Returns
    -------
    ndarray of int32, shape (count, n_days, periods, 9)
        By label of :data:`LABELS` [1e-6 kWh].
    """
    n_days = around.day_types.size
    residents = residents_of(streams, name, first, count)
    active, home = occupancy(streams, name, first, residents, around.day_types)
    activity = np.array([np.repeat(each.activity, 60 // STEP_MINUTES) for each in CYCLED])
    lengths = np.array([each.hours * 60 / STEP_MINUTES for each in CYCLED])
    wanted = size_factor(residents[:, 0])[:, None] * [each.cycles * n_days / 365.0 for each in CYCLED]
    blocked = np.ceil(lengths - 1e-9).astype(np.int64)
    factors = np.array(
        [
            [calibration(row, activity[a], int(blocked[a]), float(goal)) for a, goal in enumerate(goals)]
            for row, goals in zip(active, wanted, strict=True)
        ]
    )
    own = np.stack([_between(streams, name, first, count, draw, POWER_RANGE) for draw in range(len(LABELS))], axis=1)
    has = np.stack([_between(streams, name, first, count, draw, (0.0, 1.0)) for draw in (20, 21)], axis=1) < shares
    powers = own * POWER_KW
    powers[:, WATER_HEATER:] *= has
    daylight = _between(streams, name, first, count, 22, DAYLIGHT_RANGE)
    out = np.zeros((count, n_days, 24 * 60 // period_minutes, len(LABELS)), np.int32)
    k0, k1 = stream_key(streams.seed, "appliances", name)
    _run(
        *(k0, k1, first, residents[:, 0], active, home, activity * 1.0, factors, lengths, powers, daylight),
        *(np.repeat(HOT_WATER_KW, 60 // STEP_MINUTES), around.temperature, around.irradiance, out),
    )
    return out


def _between(streams: Streams, name: str, first: int, count: int, draw: int, limits: tuple[float, float]) -> Floats:
    low, high = limits
    return low + (high - low) * streams.uniforms("own appliances", name, first + count, draw=draw)[first:]


@kernel(parallel=True)
def _run(
    k0: np.uint64,
    k1: np.uint64,
    first: int,
    residents: NDArray[np.uint8],
    active: NDArray[np.uint8],
    home: NDArray[np.uint8],
    activity: Floats,
    factors: Floats,
    lengths: Floats,
    powers: Floats,
    daylight: Floats,
    hot_water: Floats,
    temperature: Floats,
    irradiance: Floats,
    out: NDArray[np.int32],
) -> None:
    """Add the energy of every step to its period; each household writes its own rows."""
    hours = 1.0 / 12.0
    quantum = 1e6 * hours
    merged = 288 // out.shape[2]
    cycled = factors.shape[1]
    for i in prange(residents.size):
        household = np.uint64(first + i)
        left = np.zeros(cycled)
        start = philox(household, np.uint64(0), np.uint64(0), np.uint64(1 << 20), k0, k1)
        cold = (start[0] + 0.5) / 4294967296.0
        cooling: Any = False
        tank, heating = TANK_KWH, False
        indoor, blowing = min(temperature[0], COOL_TO), False
        for t in range(active.shape[1]):
            day, step = t // 288, t % 288
            row = out[i, day, step // merged]
            up = active[i, t]
            row[STANDBY] += np.int32(round(powers[i, STANDBY] * quantum))
            cooling = cold >= 1.0 or (cooling and cold > 0.0)
            cold += (FRIDGE_WARMING[1] if up else FRIDGE_WARMING[0]) - (FRIDGE_COOLING if cooling else 0.0)
            if cooling:
                row[FRIDGE] += np.int32(round(powers[i, FRIDGE] * quantum))
            dark = max(1.0 - irradiance[t] / daylight[i], 0.0)
            lit = np.sqrt(up / residents[i]) * dark
            row[LIGHTING] += np.int32(round(powers[i, LIGHTING] * lit * quantum))
            w = philox(household, np.uint64(0), np.uint64(day), np.uint64(step), k0, k1)
            for a in range(cycled):
                if left[a] <= 0.0 and up and (w[a] + 0.5) / 4294967296.0 < factors[i, a] * activity[a, step]:
                    left[a] = lengths[a]
                part = min(max(left[a], 0.0), 1.0)
                row[FIRST_CYCLED + a] += np.int32(round(powers[i, FIRST_CYCLED + a] * part * quantum))
                left[a] -= 1.0
            if powers[i, WATER_HEATER] > 0.0:
                tank = max(tank - (TANK_LOSS_KW + hot_water[step] * up) * hours, 0.0)
                heating = tank < TANK_RESTART * TANK_KWH or (heating and tank < TANK_KWH)
                if heating:
                    tank += powers[i, WATER_HEATER] * hours
                    row[WATER_HEATER] += np.int32(round(powers[i, WATER_HEATER] * quantum))
            if powers[i, AIR_CONDITIONER] > 0.0:
                indoor += (COOL_LOSS * (temperature[t] - indoor) + COOL_GAIN) * hours / COOL_CAPACITY
                blowing = home[i, t] > 0 and (indoor > COOL_TO + COOL_BAND or (blowing and indoor > COOL_TO))
                if blowing:
                    indoor -= COOL_COP * powers[i, AIR_CONDITIONER] * hours / COOL_CAPACITY
                    row[AIR_CONDITIONER] += np.int32(round(powers[i, AIR_CONDITIONER] * quantum))
