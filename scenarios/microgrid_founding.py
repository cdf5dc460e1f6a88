"""Who founds a microgrid before the first day: what members expect of it, who joins, what the operator then expects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.business_models.frame import Customers, Quantities
from gridagora.agents.business_models.life import Partners
from gridagora.agents.business_models.low_risk import low_risk
from gridagora.agents.business_models.microgrid import MONTHS, Microgrid
from gridagora.agents.customers import incomes
from gridagora.agents.microgrid_plant import MicrogridPlant
from gridagora.agents.microgrid_site import Group, Site, groups_of
from gridagora.agents.ownership import owns
from gridagora.markets.strategies.draws import Draws
from gridagora.markets.tariffs.offers import offers_of
from gridagora.scenarios.base_profiles import packaged
from gridagora.scenarios.business_offers import Offer, decide, in_segment, lend, utilities
from gridagora.scenarios.microgrid_study import Study, study
from gridagora.scenarios.schema import N_DAYS
from gridagora.scenarios.schema_population import Firms

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.scenarios.load import Scenario
    from gridagora.sim.clock import Calendar

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Founding:
    """A microgrid that somebody has joined.

    Attributes
    ----------
    terms : Microgrid
        Terms.
    groups : tuple of Group
        Its members.
    site : Site
        Its plant.
    expected : Quantities
        What the operator expects of a year, shape (1,) each.
    reached, eligible : dict
        How many were asked, and could have joined, by population.
    """

    terms: Microgrid
    groups: tuple[Group, ...]
    site: Site
    expected: Quantities
    reached: dict[str, int]
    eligible: dict[str, int]


def found_microgrids(
    scenario: Scenario, populations: Sequence[Population], calendar: Calendar, partners: Partners
) -> list[Founding]:
    """Return the microgrids of a scenario that are founded; members join at most one, and trade inside it only.

    Parameters
    ----------
    scenario : Scenario
        What is simulated.
    populations : sequence of Population
        All who may join.
    calendar : Calendar
        The days of the run.
    partners : Partners
        Lender and insurer.
    """
    named = {population.name: population for population in populations}
    free = {name: np.ones(len(population), np.bool_) for name, population in named.items()}
    found = []
    for terms in scenario.business_models:
        if isinstance(terms, Microgrid):
            founding = _found(terms, named, free, scenario, calendar, partners)
            found += [] if founding is None else [founding]
    return found


def _found(
    terms: Microgrid,
    named: dict[str, Population],
    free: dict[str, NDArray[np.bool_]],
    scenario: Scenario,
    calendar: Calendar,
    partners: Partners,
) -> Founding | None:
    """Return a microgrid with those who join, who are free no more, or None."""
    asked = {name: free[name] & _reached(terms, named[name]) for name in terms.populations}
    groups = [group for name, rows in asked.items() for group in groups_of(named[name], rows)]
    if not groups:
        return None
    tariff = offers_of(getattr(scenario.tariffs, terms.connection.tariff))[0].tariff
    site = _site(terms, groups, calendar)
    promised = study(terms, site, groups, calendar, tariff)
    joined, eligible = _joined(terms, groups, promised, asked)
    members = [group for name, rows in joined.items() for group in groups_of(named[name], rows)]
    if sum(group.rows.size for group in members) < terms.members_min:
        return None
    if [group.name for group in members] != [group.name for group in groups]:
        site = _site(terms, members, calendar)
    expected = study(terms, site, members, calendar, tariff).total
    lend(terms, expected, partners)
    if terms.finance.low_risk_only and not low_risk(terms, expected, partners, scenario.seed)[0]:
        return None
    for name, rows in joined.items():
        free[name] &= ~rows
        named[name].members.strategy[rows] = 0  # its members trade inside only
    reached = {name: int(rows.sum()) for name, rows in asked.items()}
    return Founding(terms, tuple(members), site, expected, reached, eligible)


def _reached(terms: Microgrid, population: Population) -> NDArray[np.bool_]:
    drawn = population.streams.uniforms(f"reach {terms.title}", population.name, len(population))
    return np.asarray(drawn[population.members.number] < terms.channel.reach_share)


def _site(terms: Microgrid, groups: Sequence[Group], calendar: Calendar) -> Site:
    minutes = calendar.period_minutes
    # The operator's PV is under the same sun as the members'.
    sun, wind = groups[0].population.pv_profiles, packaged("wind", "all", minutes)
    return Site(terms, groups, sun, wind, calendar.periods_per_day)


def _joined(
    terms: Microgrid, groups: Sequence[Group], promised: Study, asked: dict[str, NDArray[np.bool_]]
) -> tuple[dict[str, NDArray[np.bool_]], dict[str, int]]:
    """Return who joins, by population and row, and how many could: logit over what the microgrid is worth to each."""
    joined = {name: np.zeros_like(rows) for name, rows in asked.items()}
    eligible = dict.fromkeys(asked, 0)
    first = 0
    for group in groups:
        population, rows = group.population, group.rows
        here = slice(first, first + rows.size)
        first += rows.size
        q = {name: value[here] for name, value in promised.rows.items()}
        customers = _customers(population, rows, q)
        utility, affordable = utilities(terms, customers, q, Partners())
        may = in_segment(terms.segment, customers) & terms.eligible(customers) & affordable
        eligible[population.name] += int(may.sum())
        offer = Offer(terms, customers, may, q, utility)
        drawn = population.streams.uniforms(f"join {terms.title}", population.name, len(population))
        chosen = decide([offer], drawn[population.members.number[rows]]) == 0
        joined[population.name][rows[chosen]] = True
    return joined, eligible


def _customers(population: Population, rows: Ints, q: Quantities) -> Customers:
    """Return members as those to whom contracts are offered."""
    members = population.members
    n, number = rows.size, members.number[rows].astype(np.int64)
    withdrawn = q["withdrawn_kwh"]
    return Customers(
        population=population.name,
        row=rows,
        number=number,
        annual_kwh=members.annual_kwh[rows].astype(np.float64),
        withdrawn_kwh=withdrawn,
        price_per_kwh=np.divide(q["charged"], withdrawn, out=np.zeros(n), where=withdrawn > 0),
        feed_in_per_kwh=population.peer.feed_in,
        income=incomes(population)[rows],
        default_per_year=np.zeros(n),
        credit_score=np.zeros((n, 2)),
        profile=np.array(population.tables.profiles.names)[members.profile[rows]],
        pv_kwh=members.pv_annual_kwh[rows].astype(np.float64),
        battery_kwh=members.battery_kwh[rows].astype(np.float64),
        owns={name: owns(population, name)[number] for name in ("pv", "storage", "vehicle", "heat_pump")},
        satisfaction=np.full(n, 0.5),
        draws=Draws(population.streams.seed, population.name),
        vendor_price=1.0,
        meter=lambda pv, battery: (withdrawn, np.zeros(n)),
    )


def microgrids_with_plants(
    model: Any, scenario: Scenario, populations: Sequence[Population], calendar: Calendar, whole: bool
) -> tuple[list[Founding], list[MicrogridPlant]]:
    """Return the microgrids that are founded, and their plants as further populations, in one order.

    Parameters
    ----------
    model : mesa.Model
        The simulation that the plants join.
    scenario, populations, calendar
        As :func:`found_microgrids` takes them.
    whole : bool
        Whether all days are simulated, so that power is charged by the month.
    """
    partners = Partners(scenario.counterparties.bank, scenario.counterparties.insurer)
    found = found_microgrids(scenario, populations, calendar, partners)
    return found, [plant_of(model, founding, scenario, calendar, whole) for founding in found]


def plant_of(model: Any, founding: Founding, scenario: Scenario, calendar: Calendar, whole: bool) -> MicrogridPlant:
    """Return the plant of a microgrid as a population of one that consumes nothing by itself.

    Parameters
    ----------
    model : mesa.Model
        The simulation that it joins.
    founding : Founding
        The microgrid.
    scenario : Scenario
        What is simulated.
    calendar : Calendar
        The days of the run.
    whole : bool
        Whether all days are simulated, so that power is charged by the month.
    """
    like = founding.groups[0].population
    terms = Firms(count=1, tariff=founding.terms.connection.tariff, consent_share=0.0)
    offers = offers_of(getattr(scenario.tariffs, terms.tariff))[:1]
    name = f"{founding.terms.title}_plant"
    return MicrogridPlant(
        *(model, name, terms, np.zeros(1, np.float32), np.zeros(1, np.uint8)),
        *(like.tables.profiles, like.pv_profiles, offers, like.peer, like.streams, calendar, like.block),
        like.largest_error,
        site=founding.site,
        groups=founding.groups,
        month_share=partial(_month_share, like, whole),
    )


def _month_share(like: Population, whole: bool, day: Any) -> float:
    """Return the part of a month's charge on power that the bill of a day's month is for."""
    if not whole:
        return MONTHS / N_DAYS
    return like.billing.days_of[day.date.year, day.date.month] / (N_DAYS / MONTHS)
