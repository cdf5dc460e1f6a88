"""What meters would show in a year with other devices, remembered until something changes that it depends on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gridagora.agents.appraisal import MeterDay, days_of_meter, years_by
from gridagora.agents.business_models.frame import Floats, Ints
from gridagora.agents.columns import Members
from gridagora.scenarios.schema import FIRST_DAY, N_DAYS
from gridagora.sim.clock import Calendar

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.scenarios.simulation import Simulation

#: Days out of a year by which meters with other devices are appraised.
SAMPLE_DAYS = 12
#: Columns that change from round to round, and what a member's year depends on besides the days.
CHANGING = ("annual_kwh", "pv_annual_kwh", "battery_kwh", "battery_flow", "offer", "group")


class MeterYears:
    """What the meters of a population would show in a year.

    By a few days out of the year of the profiles, or of the run where profiles are for its days only. Business models
    about one roof ask the same in one month, and of most members in the next.

    Parameters
    ----------
    model : Simulation
        The run.
    population : Population
        The members.
    """

    def __init__(self, model: Simulation, population: Population) -> None:
        self.population = population
        whole = population.pv_profiles.values.shape[1] == population.tables.profiles.values.shape[1] == N_DAYS
        minutes = model.calendar.period_minutes
        self.calendar = Calendar(FIRST_DAY, N_DAYS, minutes) if whole else model.calendar
        self.days: list[MeterDay] = []
        self.renewed = True
        self.known: dict[bool, tuple[Floats, Floats]] = {}  # what was asked of whom and found: as they are, with more

    def renew(self) -> None:
        """Look at loads and prices again before the next question."""
        self.renewed = True

    def with_more(self, rows: Ints, more_pv: Floats, more_battery: Floats) -> tuple[Floats, Floats]:
        """Return what members would withdraw and inject in a year with more devices, shape (n,) each [kWh/a].

        Parameters
        ----------
        rows : ndarray of int64, shape (n,)
            Rows of the members.
        more_pv, more_battery : ndarray of float64, shape (n,)
            What is added: generation [kWh/a] and capacity [kWh].
        """
        if self.renewed:
            self._look()
        case, more = self._equipped(rows, more_pv, more_battery), (more_pv != 0) | (more_battery != 0)
        found = np.zeros((2, rows.size))
        for added in (False, True):
            places = np.flatnonzero(more == added)
            if places.size:
                found[:, places] = self._ask(added, rows[places], _at(case, places))
        return found[0], found[1]

    def _look(self) -> None:
        """Prepare the days, and forget all years where one of them has changed."""
        last = self.calendar.days - 1
        days = np.unique(np.linspace(0, last, SAMPLE_DAYS * 2 + 1).astype(np.int64)[1::2])
        new = days_of_meter(self.population, self.calendar, days, np.full(days.size, N_DAYS / days.size))
        for place, day in enumerate(new):
            if place == len(self.days):
                self.days.append(day)
            elif day.same(self.days[place]):  # the tables of before stay: to take new memory costs more than to compare
                self.days[place] = replace(self.days[place], price=day.price)
            else:
                self.days[place] = day
                self.known.clear()
        self.renewed = False

    def _equipped(self, rows: Ints, more_pv: Floats, more_battery: Floats) -> Members:
        """Return the columns of members with more devices; a first battery empties or fills in two hours."""
        members = _at(self.population.members, rows)
        pv, battery = members.pv_annual_kwh + more_pv, members.battery_kwh + more_battery
        usual = battery / 2 * self.calendar.hours_per_period
        return members._replace(
            pv_annual_kwh=pv.astype(np.float32),
            battery_kwh=battery.astype(np.float32),
            battery_flow=np.where(members.battery_kwh > 0, members.battery_flow, usual).astype(np.float32),
        )

    def _ask(self, added: bool, rows: Ints, case: Members) -> Floats:
        """Return what some members would withdraw and inject, shape (2, n) [kWh/a]."""
        if added not in self.known:
            n = len(self.population)
            self.known[added] = np.full((len(CHANGING), n), np.nan), np.zeros((2, n))
        asked, found = self.known[added]
        now = np.array([getattr(case, name) for name in CHANGING], np.float64)
        new = np.flatnonzero((asked[:, rows] != now).any(axis=0))
        if new.size:
            (year,) = years_by(self.population, self.days, [_at(case, new)], rows[new])
            asked[:, rows[new]] = now[:, new]
            found[:, rows[new]] = year.withdrawn, year.injected
        return np.asarray(found[:, rows])


def _at(members: Members, places: Ints) -> Members:
    columns: list[Any] = [column[places] for column in members]
    return Members(*columns)
