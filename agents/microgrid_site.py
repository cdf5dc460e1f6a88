"""What a microgrid's plant may do on a day: sun, wind, heat and cold of the site, and the state of its stores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.business_models.microgrid import Microgrid
from gridagora.agents.profiles import Profiles
from gridagora.markets.community.microgrid_day import Dispatch, MicrogridDay, day_of
from gridagora.markets.community.microgrid_dispatch import MicrogridDispatch

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.sim.clock import Day

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
YEAR_DAYS = 366


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Members of one population with PV, or without: a class in the game, and in what is shed.

    Attributes
    ----------
    name : str
        The population's, with ``+pv`` for those with PV.
    population : Population
        Their population.
    rows : ndarray of int64, shape (n,)
        Their rows.
    """

    name: str
    population: Population
    rows: Ints

    def expected(self, day: Day) -> tuple[Floats, Floats]:
        """Return their load as drawn for a day, before any answer to prices, and their generation, (periods,) [kWh]."""
        population, rows = self.population, self.rows
        table, _ = population.tables.expected(day.date)
        members = population.members
        # Codes differ by offer and segment besides, which change the answer to prices only.
        code = population.today.load_code[rows].astype(np.int64) % len(table)
        load = np.bincount(code, members.annual_kwh[rows], len(table)) @ table
        pv = population.pv_profiles.of_day(day.date)
        made = np.bincount(members.pv_profile[rows], members.pv_annual_kwh[rows], len(pv)) @ pv
        return np.asarray(load), np.asarray(made)


def groups_of(population: Population, joined: NDArray[np.bool_]) -> list[Group]:
    """Return the groups of the members of a population that have joined, by row; none where nobody has."""
    has_pv = population.members.pv_annual_kwh > 0
    parts = ((population.name, joined & ~has_pv), (f"{population.name}+pv", joined & has_pv))
    return [Group(name, population, np.flatnonzero(chosen)) for name, chosen in parts if chosen.any()]


def heat_shape(day_of_year: int, periods: int) -> Floats:
    """Return a day's share of a year's demand for heat by period, shape (periods,) [1] (illustrative).

    A quarter is hot water, the same on all days; the rest follows a cosine of the year, most in mid January and none in
    summer. Within the day two thirds fall between 6 and 22 o'clock more than an even spread would have it.
    """
    season = np.maximum(np.cos(2 * np.pi * (np.arange(YEAR_DAYS) - 15) / YEAR_DAYS), 0)
    share = 0.25 / YEAR_DAYS + 0.75 * season[day_of_year] / season.sum()
    return np.asarray(share * _within(periods, 6, 22, 0.85))


def cold_shape(day_of_year: int, periods: int) -> Floats:
    """Return a day's share of a year's demand for cold by period, shape (periods,) [1] (illustrative).

    A fifth is refrigeration, the same on all days; the rest follows a cosine of the year, most in mid July and none in
    winter, most of it between 9 and 19 o'clock.
    """
    season = np.maximum(np.cos(2 * np.pi * (np.arange(YEAR_DAYS) - 197) / YEAR_DAYS), 0)
    share = 0.2 / YEAR_DAYS + 0.8 * season[day_of_year] / season.sum()
    return np.asarray(share * _within(periods, 9, 19, 0.8))


def _within(periods: int, first_hour: int, last_hour: int, part: float) -> Floats:
    """Return a day's shape with a part of it evenly between two hours and the rest evenly outside, sum 1."""
    hour = np.arange(periods) * 24 / periods
    inside = (hour >= first_hour) & (hour < last_hour)
    return np.asarray(np.where(inside, part / inside.sum(), (1 - part) / (~inside).sum()))


class Site:
    """A microgrid's plant as its dispatch sees it.

    Parameters
    ----------
    terms : Microgrid
        Terms.
    groups : sequence of Group
        Members, by group.
    pv, wind : Profiles
        Profiles of generation; PV has their mean, wind the first.
    periods : int
        Settlement periods of a day.

    Attributes
    ----------
    stored_kwh, cold_stored_kwh : float
        What battery and cold store hold: half at first [kWh].
    """

    def __init__(self, terms: Microgrid, groups: Sequence[Group], pv: Profiles, wind: Profiles, periods: int) -> None:
        self.terms, self.pv, self.wind, self.periods = terms, pv, wind, periods
        self.hours = 24 / periods
        of, usual = terms.island.lost_load_of, terms.island.lost_load_per_kwh
        self.lost_load = np.array([of.get(group.population.name, usual) for group in groups])
        self.dispatch = MicrogridDispatch(terms.equipment, len(groups), periods, self.hours)
        #: Of an outage, which begins in any period and ends with the day at the latest.
        self.outage_periods = min(max(1, round(terms.island.hours / self.hours)), periods)
        self.outage = MicrogridDispatch(terms.equipment, len(groups), self.outage_periods, self.hours)
        self.stored_kwh, self.cold_stored_kwh = terms.battery.kwh / 2, terms.cold.tank_kwh / 2

    def pv_kwh(self, day: Day) -> Floats:
        """Return the expected generation of the operator's PV, shape (periods,) [kWh]."""
        return np.asarray(self.pv.of_day(day.date).mean(axis=0) * self.terms.pv.kwp * self.terms.pv.yield_kwh_per_kwp)

    def wind_kwh(self, day: Day) -> Floats:
        """Return the expected generation of its turbines, shape (periods,) [kWh]."""
        return np.asarray(self.wind.of_day(day.date)[0] * self.terms.wind.kw * self.terms.wind.full_load_hours)

    def outlook(
        self, day: Day, demand: Floats, surplus: Floats, pv: Floats, buy: Floats, peak_kw: float, peak_per_kw: float
    ) -> MicrogridDay:
        """Return what a day's dispatch is made for.

        Parameters
        ----------
        day : Day
            The day.
        demand : ndarray of float64, shape (groups, periods)
            Load of each group [kWh].
        surplus : ndarray of float64, shape (periods,)
            Generation of the members [kWh].
        pv : ndarray of float64, shape (periods,)
            The most that the operator's PV gives [kWh].
        buy : ndarray of float64, shape (periods,)
            Price at the point of common coupling [currency/kWh].
        peak_kw : float
            Highest import of the month so far [kW].
        peak_per_kw : float
            What each kW above costs [currency/kW].
        """
        terms, battery, cold = self.terms, self.terms.battery, self.terms.cold
        return day_of(
            demand,
            buy,
            terms.connection.export_per_kwh,
            self.lost_load,
            surplus=surplus,
            pv=pv,
            wind=self.wind_kwh(day),
            heat=terms.heat.demand_kwh_per_year * heat_shape(day.day_of_year, self.periods),
            cold=cold.demand_kwh_per_year * cold_shape(day.day_of_year, self.periods),
            stored_kwh=self.stored_kwh,
            stored_end_kwh=min(self.stored_kwh, battery.kwh / 2),
            cold_stored_kwh=self.cold_stored_kwh,
            cold_end_kwh=cold.tank_kwh / 2,
            peak_kw=max(peak_kw, terms.connection.contracted_kw or 0.0),
            peak_per_kw=peak_per_kw,
        )

    def peak_per_kw(self, months: float) -> float:
        """Return what a further kW of import costs in a month, or in part of one [currency/kW]."""
        terms = self.terms.connection
        return terms.capacity_per_kw_month * (1.0 if terms.contracted_kw is None else terms.excess_factor) * months

    def island(self, day: MicrogridDay, plan: Dispatch, start: int) -> tuple[float, float]:
        """Return the value of the load of an outage that nobody foresaw, and of what is shed of it, two [currency].

        Load is shed where it is worth least.

        Parameters
        ----------
        day : MicrogridDay
            What the day was planned for.
        plan : Dispatch
            Its plan, which tells what the stores hold when the outage begins.
        start : int
            Period in which it begins; it lasts `island.hours`, at most to the end of the day.
        """
        longest = self.outage_periods
        lasts = min(longest, self.periods - start)

        def ahead(values: Floats) -> Floats:
            moved = np.zeros((*values.shape[:-1], longest))
            moved[..., :lasts] = values[..., start : start + lasts]
            return moved

        by_period = ("demand", "surplus", "pv", "wind", "heat", "cold", "buy", "sell")
        changed: dict[str, Any] = {name: ahead(getattr(day, name)) for name in by_period}
        changed |= {"connected": np.zeros(longest), "stored_end_kwh": 0.0, "cold_end_kwh": 0.0, "peak_per_kw": 0.0}
        if start:
            changed |= {name: float(getattr(plan, name)[start - 1]) for name in ("stored_kwh", "cold_stored_kwh")}
        found = self.outage.solve(replace(day, **changed))
        needed = changed["demand"]
        value = self.lost_load
        return float(value @ needed.sum(axis=1)), float(value @ found.shed_kwh.sum(axis=1))
