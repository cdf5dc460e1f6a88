"""What homes under a service would have drawn by rule: beside the same day, with what their own devices would hold.

The saving that a service is paid for is the difference: what the meter would have cost at retail prices and the price
of feeding in, less what it does cost. It is rolled on from day to day, so that what is stored tonight counts tomorrow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.columns import Members, State, Today
from gridagora.agents.delivery import deliver_day
from gridagora.agents.flows import NO_FLOWS
from gridagora.agents.managed_rules import BLOCK
from gridagora.agents.thermal_kernels import Rooms
from gridagora.agents.vehicle_kernels import Cars
from gridagora.sim.compiled import kernel

if TYPE_CHECKING:
    from gridagora.agents.plans import DayPlan
    from gridagora.agents.population import Population

Ints = NDArray[np.int64]


class RuledTwin:
    """Some members of a population, as if their devices ran by rule.

    Parameters
    ----------
    population : Population
        The members, between two days.

    Attributes
    ----------
    rows : ndarray of int64, shape (m,)
        Rows of the members, rising.
    saved : ndarray of float64, shape (n,)
        What each member of the population has saved so far, by row [currency]; a day's with its last period.
    """

    def __init__(self, population: Population) -> None:
        self.population = population
        self.rows: Ints = np.zeros(0, np.int64)
        self.saved = np.zeros(len(population))
        self.errors, self.meters = np.zeros((2, 0)), np.zeros((0, 0))  # of the day's periods so far
        self._take()

    def keep(self, rows: Ints) -> None:
        """Follow these members from the next day on: who is new begins with what its devices hold.

        Parameters
        ----------
        rows : ndarray of int64, shape (m,)
            Rows, rising.
        """
        before, columns = self.rows, (self.stored, self.held, self.indoor)
        known = np.isin(rows, before)
        places = np.searchsorted(before, rows[known])
        self.rows = rows
        self._take()
        for new, old in zip((self.stored, self.held, self.indoor), columns, strict=True):
            if new.size and old.size:
                new[known] = old[places]

    def deliver(self, period: int, plan: DayPlan, errors: tuple[float, float]) -> None:
        """Note a settlement period, once the population has delivered it; with the last run the day by rule.

        Parameters
        ----------
        period : int
            Settlement period of the day.
        plan : DayPlan
            The day.
        errors : tuple of float
            Realised factors of the area's load and generation.
        """
        if period == 0:
            self._wake()
            self.errors, self.meters = np.zeros((2, len(plan.load))), np.zeros((len(plan.load), self.rows.size))
        self.errors[0, period], self.errors[1, period] = errors
        self.meters[period] = self.population.state.net[self.rows]
        if period == len(plan.load) - 1 and self.rows.size:
            self._run(plan)

    def _run(self, plan: DayPlan) -> None:
        """Run the day by rule, and add what the plan has saved."""
        old, rows = self.population, self.rows
        devices, (load_error, pv_error) = old.devices.columns, self.errors[:, :, None]
        ruled = np.zeros((rows.size, len(plan.load)), np.int64)
        deliver_day(
            self.members,
            self.today,
            self.state,
            plan.load * load_error,
            plan.pv * pv_error,
            old.load_noise,
            old.pv_noise,
            old.terms.storage_efficiency,
            self.cars,
            devices.charger,
            self.rooms,
            devices.thermostat,
            NO_FLOWS,
            ruled,
            BLOCK,
        )
        add_savings(
            self.saved, rows, ruled, self.meters, old.retail(plan.energy_price), self.members.offer, old.peer.feed_in
        )

    @property
    def stored(self) -> NDArray[np.float32]:
        """What batteries would hold, shape (m,) [kWh]."""
        return self.state.stored

    @property
    def held(self) -> NDArray[np.int32]:
        """What cars would hold, shape (m,) or (0,) [1e-6 kWh]."""
        return self.cars.held

    @property
    def indoor(self) -> NDArray[np.float32]:
        """What indoor temperatures would be, shape (m,) or (0,) [degC]."""
        return self.rooms.indoor

    def _take(self) -> None:
        """Copy the columns of the members."""
        old, rows = self.population, self.rows
        self.members: Members = _taken(old.members, rows)
        self.today: Today = _taken(old.today, rows)
        self.state: State = _taken(old.state, rows)
        self.cars: Cars = _taken(old.devices.columns.cars, rows)
        self.rooms: Rooms = _taken(old.devices.columns.rooms, rows)

    def _wake(self) -> None:
        """Copy the day's columns, but keep what devices would hold; a new device is as it came."""
        stored, cars, rooms, battery = self.stored, self.cars, self.rooms, self.members.battery_kwh
        self._take()
        self.state.stored[:] = np.where(battery > 0, stored, self.stored)
        if cars.held.size:
            self.cars.held[:] = np.where(cars.capacity > 0, cars.held, self.held)
        if rooms.indoor.size:
            self.rooms.indoor[:] = np.where(rooms.size > 0, rooms.indoor, self.indoor)


@kernel()
def add_savings(
    saved: NDArray[np.float64],
    rows: Ints,
    ruled: Ints,
    metered: NDArray[np.float64],
    prices: NDArray[np.float64],
    offers: NDArray[np.uint8],
    feed_in: float,
) -> None:
    """Add what a day by rule would have cost some members more than theirs.

    Parameters
    ----------
    saved : ndarray of float64, shape (n,)
        By row of the population; written [currency].
    rows : ndarray of int64, shape (m,)
        Their rows.
    ruled : ndarray of int64, shape (m, periods)
        Meters by rule [1e-6 kWh].
    metered : ndarray of float64, shape (periods, m)
        Meters as they were [1e-6 kWh].
    prices : ndarray of float64, shape (n_offers, periods)
        Retail prices [currency/kWh].
    offers : ndarray of uint8, shape (m,)
        Their offers.
    feed_in : float
        Price of what is fed in [currency/kWh].
    """
    for j in range(rows.size):
        price, sum_of = prices[offers[j]], saved[rows[j]]
        for t in range(price.size):
            by_rule, by_plan = float(ruled[j, t]), metered[t, j]
            cost = by_rule * (price[t] if by_rule > 0 else feed_in)
            sum_of += (cost - by_plan * (price[t] if by_plan > 0 else feed_in)) / 1e6
        saved[rows[j]] = sum_of


def _taken(columns: Any, rows: Ints) -> Any:
    return type(columns)(*(column[rows] if column.size else column.copy() for column in columns))
