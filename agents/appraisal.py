"""What a year costs a member with its devices, and would with others: the load, tariff and days that are simulated.

The meter is that of the simulation up to the errors of the area: expected load, with its answer to prices, and
generation of each simulated day with the member's own draws, and a battery that serves self-consumption. Cars and heat
pumps are left out, and so is what a tariff charges besides energy by its period, network and levy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from gridagora.agents import kernels
from gridagora.agents.columns import Members, Today
from gridagora.agents.kernels import battery
from gridagora.sim.compiled import kernel
from gridagora.sim.streams import stream_key

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.sim.clock import Calendar

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class YearOfMeter:
    """What passes the meters of a population in a year, by row.

    Attributes
    ----------
    paid : ndarray of float64, shape (n,)
        For energy withdrawn, at the retail prices of its periods [currency/a].
    withdrawn, injected : ndarray of float64, shape (n,)
        Energies [kWh/a].
    """

    paid: Floats
    withdrawn: Floats
    injected: Floats


@kernel(parallel=True)
def add_day(
    members: Members,
    today: Today,
    load: Floats,
    pv: Floats,
    load_noise: Floats,
    pv_noise: Floats,
    efficiency: float,
    price: Floats,
    weight: float,
    stored: Floats,
    sums: Floats,
    block: int,
) -> None:
    """Add one day to what members withdraw, inject and pay.

    Parameters
    ----------
    members, today : Members, Today
        Columns.
    load : ndarray of float64, shape (n_codes, periods)
        Expected load by load code [kWh per annual kWh].
    pv : ndarray of float64, shape (n_pv_profiles, periods)
        Expected generation [kWh per annual kWh].
    load_noise, pv_noise : ndarray of float64, shape (periods, rows)
        Member noise by row, mean 1.
    efficiency : float
        Of charging and of discharging, each.
    price : ndarray of float64, shape (n_offers, periods)
        Retail prices [currency/kWh].
    weight : float
        How often the day counts.
    stored : ndarray of float64, shape (n,)
        State of charge, written [kWh].
    sums : ndarray of float64, shape (3, n)
        Paid [currency], withdrawn and injected [kWh], added to.
    block : int64
        Members a block.
    """
    n, periods = stored.size, load.shape[1]
    paid, withdrawn, injected = sums[0], sums[1], sums[2]
    for b in prange((n + block - 1) // block):
        for i in range(b * block, min(n, (b + 1) * block)):
            expected, made, dear = load[today.load_code[i]], pv[members.pv_profile[i]], price[members.offer[i]]
            capacity, flow = members.battery_kwh[i], members.battery_flow[i]
            cost = taken = given = 0.0
            for t in range(periods):
                net = int(np.rint(members.annual_kwh[i] * expected[t] * load_noise[t, today.load_row[i]] * 1e6))
                if members.pv_annual_kwh[i] > 0:
                    net -= int(np.rint(members.pv_annual_kwh[i] * made[t] * pv_noise[t, today.pv_row[i]] * 1e6))
                if capacity > 0:
                    charge, discharge = battery(net, stored[i], capacity, flow, efficiency)
                    stored[i] += (charge * efficiency - discharge / efficiency) * 1e-6
                    net += charge - discharge
                cost += max(net, 0) * 1e-6 * dear[t]
                taken += max(net, 0) * 1e-6
                given += max(-net, 0) * 1e-6
            paid[i] += weight * cost
            withdrawn[i] += weight * taken
            injected[i] += weight * given


@dataclass(frozen=True, slots=True, eq=False)
class MeterDay:
    """A day by which a year is appraised, the same for all members.

    Attributes
    ----------
    number : int
        Day of its calendar.
    weight : float
        Days that it stands for [d].
    drawn : tuple of int
        Days that loads may be taken from, their displacements, load codes, and rows of noise.
    load : ndarray of float64, shape (n_codes, periods)
        Expected load by load code, with its answer to prices [kWh per annual kWh].
    pv : ndarray of float64, shape (n_pv_profiles, periods)
        Expected generation [kWh per annual kWh].
    price : ndarray of float64, shape (n_offers, periods)
        Retail prices [currency/kWh].
    """

    number: int
    weight: float
    drawn: tuple[int, int, int, int]
    load: Floats
    pv: Floats
    price: Floats

    def same(self, other: MeterDay) -> bool:
        """Return whether meters would show the same on another day, whatever it costs."""
        alike = np.array_equal(self.load, other.load) and np.array_equal(self.pv, other.pv)
        return self.drawn == other.drawn and alike


def days_of_meter(
    population: Population, calendar: Calendar, days: NDArray[np.int64], weights: Floats
) -> Iterator[MeterDay]:
    """Yield the days by which a year is appraised.

    Parameters
    ----------
    population : Population
        Whose load and tariffs they are; what its members are used to stays as it is.
    calendar, days, weights
        As :func:`years_of_meter` takes them.
    """
    population = copy(population)
    population.answers = population.answers.apart()
    tariffs = [offer.tariff for offer in population.offers]
    beside = np.array([[tariff.network_per_kwh + tariff.levy_per_kwh] for tariff in tariffs])
    for number, weight in zip(days.tolist(), weights.tolist(), strict=True):
        day = calendar.day(number)
        expected, candidates = population.tables.expected(day.date)
        drawn = (candidates, population.tables.shifts, len(expected), population.load_noise.shape[1])
        energy = population.prices_on(day)
        load, pv = population.responding(day, expected, energy), population.pv_profiles.of_day(day.date)
        yield MeterDay(number, weight, drawn, load, pv, energy + beside)


def years_of_meter(
    population: Population,
    calendar: Calendar,
    days: NDArray[np.int64],
    weights: Floats,
    cases: Sequence[Members],
) -> list[YearOfMeter]:
    """Return what a year does to meters, once for each set of devices.

    Parameters
    ----------
    population : Population
        Whose load, draws and tariffs they are.
    calendar : Calendar
        Of the run.
    days : ndarray of int64, shape (k,)
        Numbers of the simulated days of the year.
    weights : ndarray of float64, shape (k,)
        Days that each stands for, which sum to a year [d].
    cases : sequence of Members
        Columns with the devices to appraise; batteries are empty at the start.

    Returns
    -------
    list of YearOfMeter
    """
    return years_by(population, list(days_of_meter(population, calendar, days, weights)), cases)


def years_by(
    population: Population, days: Sequence[MeterDay], cases: Sequence[Members], rows: NDArray[np.int64] | None = None
) -> list[YearOfMeter]:
    """Return what a year does to meters, by days whose tables are there; no member's year depends on another's.

    Parameters
    ----------
    population : Population
        Whose load, draws and tariffs they are.
    days : sequence of MeterDay
        The days.
    cases : sequence of Members
        As :func:`years_of_meter` takes them.
    rows : ndarray of int64, shape (n,), optional
        Rows of the members whose columns these are; the whole population's by default.

    Returns
    -------
    list of YearOfMeter
    """
    of = slice(None) if rows is None else rows
    everybody: list[Any] = [column[of] for column in population.members]
    base = Members(*everybody)
    n = base.number.size
    k0, k1 = stream_key(population.streams.seed, "day", population.name)
    sums = [np.zeros((3, n)) for _ in cases]
    stored = [np.zeros(n) for _ in cases]
    today = Today(*(np.empty(n, column.dtype) for column in population.today))
    noise = population.load_noise, population.pv_noise
    for day in days:
        kernels.draw_day(k0, k1, day.number, *day.drawn, base, today, population.block)
        for members, held, total in zip(cases, stored, sums, strict=True):
            add_day(
                members, today, day.load, day.pv, *noise, population.terms.storage_efficiency, day.price, day.weight,
                held, total, population.block,
            )  # fmt: skip
    return [YearOfMeter(*total) for total in sums]
