"""What a year of a microgrid would be, by a few days: what members pay in it, and what its operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.business_models.frame import Quantities
from gridagora.agents.business_models.microgrid import MONTHS, Microgrid
from gridagora.agents.microgrid_site import Group, Site
from gridagora.markets.community.internal_tariff import Metered, internal_payments
from gridagora.scenarios.schema import FIRST_DAY, N_DAYS
from gridagora.sim.clock import Calendar

if TYPE_CHECKING:
    from gridagora.markets.tariffs.tariff import Tariff
    from gridagora.sim.clock import Day

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: Days on which a year is appraised.
STUDY_DAYS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """What a year of a microgrid would be.

    Attributes
    ----------
    rows : Quantities
        Of each member, in the order of the groups' rows, shape (n,) each; `charged` is what its retail tariff would
        charge, before anything is paid for feeding in [currency/a].
    total : Quantities
        Of the microgrid, shape (1,) each.
    """

    rows: Quantities
    total: Quantities


def study(terms: Microgrid, site: Site, groups: Sequence[Group], calendar: Calendar, tariff: Tariff) -> Study:
    """Appraise a year of a microgrid by a few days, on expected loads and generation.

    The charge on power is for the mean of the days' highest imports, less than that of the months'.

    Members' batteries, their answer to prices and parts of their tariffs beside energy and standing charge are left
    out.

    Parameters
    ----------
    terms, site, groups
        The microgrid.
    calendar : Calendar
        Of the run; where profiles cover the year, days are taken out of all of it.
    tariff : Tariff
        At which it buys at the point of common coupling.
    """
    profiles = [group.population.tables.profiles for group in groups]
    if all(each.values.shape[1] == N_DAYS for each in [*profiles, site.pv]):
        calendar = Calendar(FIRST_DAY, N_DAYS, calendar.period_minutes)
    days = np.unique(np.linspace(0, calendar.days - 1, STUDY_DAYS * 2 + 1).astype(np.int64)[1::2])
    weight = N_DAYS / days.size
    sizes = [group.rows.size for group in groups]
    of_group = np.repeat(np.arange(len(groups)), sizes)
    rows = Microgrid.quantities(members=np.ones(of_group.size), charged=np.zeros(of_group.size))
    total = Microgrid.quantities(operators=np.ones(1), members=np.array([float(of_group.size)]))
    for number in days.tolist():
        _study_day(terms, site, groups, calendar.day(number), tariff, of_group, (rows, total), weight)
    part = np.divide(rows["withdrawn_kwh"], rows["withdrawn_kwh"].sum())
    rows["heat_kwh"], rows["cold_kwh"] = part * total["heat_kwh"], part * total["cold_kwh"]
    for name in ("withdrawn_kwh", "market_supplier", "market_grid", "market_government", "internal"):
        total[name] = np.array([rows[name].sum()])
    total["peak_kw"] = total["peak_kw"] / weight / days.size
    total["capex"] = np.sum([flow.amount for flow in terms.upfront(total)], axis=0)
    return Study(rows, total)


def _study_day(
    terms: Microgrid,
    site: Site,
    groups: Sequence[Group],
    day: Day,
    tariff: Tariff,
    of_group: Ints,
    sums: tuple[Quantities, Quantities],
    weight: float,
) -> None:
    """Add a day to the quantities of members and of the microgrid."""
    rows, total = sums
    drawn, charged, fed = [], [], []
    for group in groups:
        net = _net_of(group, day)
        drawn.append(net)
        by_creditor, feed_in = _retail(group, day, net)
        charged.append(by_creditor)
        fed.append(feed_in)
    net, charges, feed_in = np.concatenate(drawn), np.concatenate(charged, axis=1), np.concatenate(fed)
    energy = tariff.energy_on(day, site.periods, np.full(site.periods, tariff.energy_prices.mean()))
    buy = energy + tariff.network_per_kwh + tariff.levy_per_kwh
    demand = np.stack([np.maximum(net, 0)[of_group == place].sum(axis=0) for place in range(len(groups))])
    surplus = np.maximum(-net, 0).sum(axis=0)
    outlook = site.outlook(day, demand, surplus, site.pv_kwh(day), buy, 0.0, site.peak_per_kw(MONTHS / N_DAYS))
    plan = site.dispatch.solve(outlook)
    metered = Metered(np.maximum(net, 0), np.maximum(-net, 0), plan.plant_kwh, buy, outlook.sell)
    rule = terms.tariff
    internal = internal_payments(
        rule.rule, metered, charges.sum(axis=0), feed_in, rule.discount_share, rule.feed_in_bonus_share, of_group
    )
    outside = metered.outside
    taken, left = np.maximum(outside, 0), np.maximum(-outside, 0)
    made = plan.pv_kwh + plan.wind_kwh + plan.chp_kwh
    for name, value in (
        ("withdrawn_kwh", metered.withdrawn.sum(axis=1)),
        ("charged", charges.sum(axis=0)),
        ("market_supplier", charges[0] - feed_in),
        ("market_grid", charges[1]),
        ("market_government", charges[2]),
        ("internal", internal),
    ):
        rows[name] = rows[name] + weight * value
    for name, amount in (
        ("pcc_energy", taken @ energy + tariff.standing_per_day),
        ("pcc_network", taken.sum() * tariff.network_per_kwh),
        ("pcc_levy", taken.sum() * tariff.levy_per_kwh),
        ("pcc_export", left.sum() * terms.connection.export_per_kwh),
        ("peak_kw", taken.max() / site.hours),
        ("fuel", plan.fuel_kwh(terms.equipment).sum() * terms.heat.fuel_per_kwh),
        ("own_kwh", made.sum()),
        ("heat_kwh", outlook.heat.sum()),
        ("cold_kwh", (outlook.cold - plan.cold_unserved_kwh).sum()),
    ):
        total[name] = total[name] + weight * amount


def _net_of(group: Group, day: Day) -> Floats:
    """Return expected load less generation of each member of a group, shape (n, periods) [kWh]."""
    population, members = group.population, group.population.members
    load = population.tables.profiles.of_day(day.date)[members.profile[group.rows]]
    made = population.pv_profiles.of_day(day.date)[members.pv_profile[group.rows]]
    annual = members.annual_kwh[group.rows].astype(np.float64)[:, None]
    return np.asarray(annual * load - members.pv_annual_kwh[group.rows].astype(np.float64)[:, None] * made)


def _retail(group: Group, day: Day, net: Floats) -> tuple[Floats, Floats]:
    """Return what members would be charged on a day, by creditor, and paid for feeding in, (3, n) and (n,)."""
    population = group.population
    offer = population.members.offer[group.rows]
    tariffs = [each.tariff for each in population.offers]
    energy = population.prices_on(day)[offer]
    withdrawn = np.maximum(net, 0)
    per_kwh = [np.array([getattr(t, name) for t in tariffs])[offer] for name in ("network_per_kwh", "levy_per_kwh")]
    standing = np.array([tariff.standing_per_day for tariff in tariffs])[offer]
    used = withdrawn.sum(axis=1)
    charged = np.stack([(withdrawn * energy).sum(axis=1) + standing, used * per_kwh[0], used * per_kwh[1]])
    return charged, np.asarray(np.maximum(-net, 0).sum(axis=1) * population.peer.feed_in)
