"""What a month would have cost members under each offer, with the load that answers to it (model.md A1.6).

Members who look around are put beside themselves: one row for each offer, with their own draws, devices and batteries,
but the answer to that offer's prices. The day runs through these rows by the same functions as through the population,
so that the present offer costs exactly what is billed, and another one what would have been.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.billing import Billing
from gridagora.agents.columns import SEGMENTS, Accounts, Today
from gridagora.agents.metering import Metering

if TYPE_CHECKING:
    from gridagora.agents.plans import DayPlan, Quotes
    from gridagora.agents.population import Population

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Marginal ticks that award nothing: who compares offers counts what the supplier would have charged.
_NO_AWARDS = (2**31 - 1, 0, 1, -1, 0, 1)


@dataclass(frozen=True, slots=True, eq=False)
class RealisedDay:
    """What a day brought, period by period.

    Parameters
    ----------
    plan, quotes : DayPlan, Quotes
        Of the population.
    forecast, errors : ndarray of float64, shape (2, periods)
        Factors of load and generation on the day-ahead forecast, and realised.
    cuts : ndarray of float64, shape (periods, 2)
        Shares of withdrawals shed and of injections curtailed.
    prices : ndarray of float64, shape (periods, 3)
        Auction price and imbalance prices of the short and the long [currency/kWh].
    withdrawal : ndarray of int64, shape (periods,)
        Of all populations [1e-6 kWh].
    least : int
        Least energy of an offer in the online auction [1e-6 kWh].
    """

    plan: DayPlan
    quotes: Quotes
    forecast: FloatArray
    errors: FloatArray
    cuts: FloatArray
    prices: FloatArray
    withdrawal: IntArray
    least: int


def beside(population: Population, rows: IntArray) -> Population:
    """Return a population of some members under each offer in turn, that shares nothing that changes.

    Parameters
    ----------
    population : Population
        Between two bills.
    rows : ndarray of int64, shape (m,)
        Rows of the members, rising.

    Returns
    -------
    Population
        Of n_offers * m members with the state of today, in the order of :func:`places_of`.
    """
    places, offer = places_of(population, rows)
    twin = copy(population)
    twin.__dict__.pop("rows", None)
    if "curtailment" in vars(twin):
        vars(twin)["curtailment"] = None  # what firms curtail is noted once
    twin.enrolled, twin.under_service, twin.twin = population.enrolled[places], population.under_service[places], None
    members = _taken(population.members, places)
    segment = members.group % SEGMENTS
    twin.members = members._replace(offer=offer, group=(offer * SEGMENTS + segment).astype(np.uint8))
    twin.today, twin.state = _taken(population.today, places), _taken(population.state, places)
    twin.devices = copy(population.devices)
    twin.devices.columns = _devices_at(population.devices.columns, places)
    twin.billing = _billing_of(population, twin.members, places)
    twin.metering = _metering_of(population, twin, places)
    return twin


def places_of(population: Population, rows: IntArray) -> tuple[IntArray, NDArray[np.uint8]]:
    """Return the row that each member under each offer comes from, and the offer, shape (n_offers * m,).

    Those who follow a plan stand first, as in a population; of these, and then of the others, all under the first
    offer, all under the second, ...
    """
    n_offers = len(population.offers)
    parts = rows[rows < population.managed], rows[rows >= population.managed]
    offer = np.arange(n_offers, dtype=np.uint8)
    return (
        np.concatenate([np.tile(part, n_offers) for part in parts]),
        np.concatenate([np.repeat(offer, part.size) for part in parts]),
    )


def _taken(columns: Any, places: IntArray) -> Any:
    """Return columns with some rows, in their order; columns that nobody has stay empty."""
    return type(columns)(*(column[places] if column.size else column.copy() for column in columns))


def _devices_at(devices: Any, places: IntArray) -> Any:
    return devices._replace(cars=_taken(devices.cars, places), rooms=_taken(devices.rooms, places))


def _billing_of(population: Population, members: Any, places: IntArray) -> Billing:
    """Return open bills of some members, with what they used earlier in the year."""
    old = population.billing
    new = copy(old)
    new.offer, new.mean_kw = members.offer, old.mean_kw[places]
    new.accounts = Accounts(old.accounts.energy[:, places], old.accounts.money[:, places])
    for name in ("bills", "billed", "last_bills"):
        setattr(new, name, np.zeros(places.size, np.int64))
    new.posted = np.zeros_like(old.posted)
    new.open_month()
    return new


def _metering_of(population: Population, twin: Population, places: IntArray) -> Metering:
    """Return meters of some members, with their past days where a rebate refers to them."""
    old = population.metering
    new = Metering(twin.billing, twin.members, old.periods, old.block)
    if old.rebates is not None and new.rebates is not None:
        new.rebates.past, new.rebates.days = old.rebates.past[..., places], list(old.rebates.days)
    return new


class Trial:
    """Some members of a population under each offer, day by day from one bill to a later one.

    Parameters
    ----------
    population : Population
        Between two bills.
    rows : ndarray of int64, shape (m,)
        Rows of the members, rising.

    Attributes
    ----------
    days : int
        Days so far [d].
    """

    def __init__(self, population: Population, rows: IntArray) -> None:
        self.population, self.rows = population, rows
        self.twin = beside(population, rows)
        self.places, self.offer = places_of(population, rows)
        self.days = 0
        n = self.places.size
        self._before = np.zeros(n, np.int64)
        self._closed = np.zeros(n, np.int64)
        self._squares = np.zeros(n)

    def day(self, day: RealisedDay) -> None:
        """Run a day through all rows and bill it.

        Parameters
        ----------
        day : RealisedDay
            A day that the population has behind it.
        """
        self._wake(day.plan)
        twin = self.twin
        load, pv = (table.T * factor for table, factor in zip((day.plan.load, day.plan.pv), day.forecast, strict=True))
        twin.manage(load, pv, twin.retail(day.plan.energy_price))
        for period in range(len(day.cuts)):
            twin.deliver(period, day.plan, (float(day.errors[0, period]), float(day.errors[1, period])))
            price, short, long = day.prices[period].tolist()
            cuts = (float(day.cuts[period, 0]), float(day.cuts[period, 1]))
            twin.settle(period, day.plan, day.quotes, _NO_AWARDS, (price, short, long), cuts, day.least)
            twin.meter(period, day.plan, int(day.withdrawal[period]))
        twin.bill_to_date(day.plan.day)
        grown = twin.bills - self._before
        self._squares += (grown / 1e6) ** 2
        self._before = twin.bills.copy()
        self.days += 1

    def _wake(self, plan: DayPlan) -> None:
        """Give each row what its member drew today, and the load of its own offer."""
        old, twin = self.population, self.twin
        if twin.offers is not old.offers:  # other prices from this month on
            twin.offers = old.offers
            twin.billing.set_offers(old.offers)
        codes = plan.load.shape[1] // (len(old.offers) * SEGMENTS)
        drawn: Today = _taken(old.today, self.places)
        other = twin.members.group.astype(np.int64) - old.members.group[self.places]
        code = drawn.load_code + other * codes
        twin.today = drawn._replace(load_code=code.astype(drawn.load_code.dtype))
        twin.enrolled, twin.under_service = old.enrolled[self.places], old.under_service[self.places]
        if twin.state.net.dtype != old.state.net.dtype:
            wide = {name: getattr(twin.state, name).astype(np.int64) for name in ("planned", "net")}
            twin.state = twin.state._replace(**wide)
        for name in old.members._fields:
            if name not in ("offer", "group"):  # who adopted something has it in every trial
                getattr(twin.members, name)[:] = getattr(old.members, name)[self.places]
        devices, own = _devices_at(old.devices.columns, self.places), twin.devices.columns
        cars, rooms = devices.cars, devices.rooms
        if own.cars.held.size:
            cars = cars._replace(held=np.where(own.cars.capacity > 0, own.cars.held, cars.held))
        if own.rooms.indoor.size:
            rooms = rooms._replace(indoor=np.where(own.rooms.size > 0, own.rooms.indoor, rooms.indoor))
        twin.devices.columns = devices._replace(cars=cars, rooms=rooms)

    def close_month(self) -> None:
        """Close the month's bills; the next day opens new ones."""
        self._closed += self.twin.bills
        self.twin.metering.open_month()
        self.twin.billing.close()
        self._before[:] = 0

    def bills(self) -> FloatArray:
        """Return what the closed months would have cost each member under each offer [currency], (m, n_offers)."""
        return self._by_member(self._closed / 1e6)

    def deviations(self) -> FloatArray:
        """Return the standard deviation of a day's cost [currency/d], shape (m, n_offers)."""
        mean = self._closed / 1e6 / self.days
        return self._by_member(np.sqrt(np.maximum(self._squares / self.days - mean**2, 0.0)))

    def _by_member(self, values: FloatArray) -> FloatArray:
        table = np.empty((self.rows.size, len(self.population.offers)))
        table[np.searchsorted(self.rows, self.places), self.offer] = values
        return table
