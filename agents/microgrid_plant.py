"""The plant of a microgrid operator as one more meter of the area: planned on forecasts, metered afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.bill_kernels import bill_lines
from gridagora.agents.columns import (
    CHARGE,
    DELIVER_TOTALS,
    DISCHARGE,
    FED_IN,
    INJECTION,
    LOAD,
    P_INJECTION,
    P_WITHDRAWAL,
    PLAN_TOTALS,
    PV,
    QUANTA_PER_KWH,
    SEGMENTS,
    SETTLE_TOTALS,
    T_CURTAILED,
    T_FED_IN,
    T_INJECTION,
    T_RETAIL,
    T_SHED,
    T_WITHDRAWAL,
    WITHDRAWAL,
    Accounts,
)
from gridagora.agents.microgrid_kernels import read_meters
from gridagora.agents.microgrid_site import Group, Site
from gridagora.agents.plans import Quotes
from gridagora.agents.population import NO_PRICES, Population

if TYPE_CHECKING:
    from gridagora.agents.billing import Billing
    from gridagora.agents.plans import DayPlan
    from gridagora.markets.community.microgrid_day import Dispatch, MicrogridDay
    from gridagora.sim.clock import Day

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: What the plant does in a period, as columns of `flows`.
FLOWS = ("pv", "wind", "chp", "discharge", "charge", "chiller")
_PV, _WIND, _CHP = range(3)
#: Whom bills are paid to, in the order of `paid`; what is fed in comes off the first.
CREDITORS = ("supplier", "grid_company", "government")


def paid_by(billing: Billing, rows: Ints) -> tuple[Ints, int]:
    """Return what some members have been charged since their last bill.

    Parameters
    ----------
    billing : Billing
        Of their population, billed to date.
    rows : ndarray of int64, shape (n,)
        Their rows.

    Returns
    -------
    charges : ndarray of int64, shape (3,)
        By creditor, feed-in not subtracted [1e-6 currency].
    feed_in : int
        What they received for feeding in [1e-6 currency].
    """
    lines = [line for _, line in billing.lines]
    fixed = [line.per_day * billing.billed_days + line.per_month * billing.share for line in lines]
    scale = [billing.share if line.monthly else 1.0 for line in lines]
    accounts = Accounts(np.ascontiguousarray(billing.accounts.energy[:, rows]), billing.accounts.money[:, rows].copy())
    scratch = np.zeros(rows.size, np.int64)
    sums = bill_lines(
        accounts, billing.offer[rows], billing.table, np.array(fixed) * 1e6, np.array(scale), scratch, billing.block
    )
    charges, feed_in = np.zeros(len(CREDITORS), np.int64), 0
    for line, amount in zip(lines, sums.tolist(), strict=True):
        if line.account == "feed_in":
            feed_in -= amount
        elif line.counterparty in CREDITORS:
            charges[CREDITORS.index(line.counterparty)] += amount
    return charges, feed_in


def _by_population(groups: Sequence[Group]) -> Iterator[tuple[Population, Ints, Ints, slice]]:
    """Yield the populations of groups, with rows of members, where each group ends among them, and their places."""
    first = 0
    for population, some in groupby(groups, lambda group: group.population):
        rows = [group.rows for group in some]
        yield population, np.concatenate(rows), np.cumsum([each.size for each in rows]), slice(first, first + len(rows))
        first += len(rows)


class MicrogridPlant(Population):
    """One meter between a microgrid and its operator's plant.

    Parameters
    ----------
    *columns
        As :class:`Population` takes them: one member that consumes nothing by itself.
    site : Site
        The plant.
    groups : sequence of Group
        Members of the microgrid.
    month_share : callable
        Part of a month's charge on power that a day's bill is for, by day [1].

    Attributes
    ----------
    flows : ndarray of int64, shape (6, periods)
        The day's energies by `FLOWS`, as metered [1e-6 kWh].
    burnt : ndarray of int64, shape (periods,)
        Curtailed energy of the battery, which a resistor takes [1e-6 kWh].
    withdrawn, injected : ndarray of int64, shape (groups, periods)
        Of the members on the day, each by its own meter [1e-6 kWh].
    net : ndarray of int64, shape (periods,)
        Meter of the plant, positive where it withdraws [1e-6 kWh].
    charges, feed_in : ndarray of int64, shape (groups + 1, 3) and (groups + 1,)
        What each group, and last the plant, owes by creditor and receives since its last bill [1e-6 currency].
    peak_kw : float
        Highest import at the point of common coupling since the last bill [kW].
    """

    #: Kinds of generation in the energy book besides PV.
    fuels = ("wind", "chp")

    def __init__(self, *columns: Any, site: Site, groups: Sequence[Group], month_share: Any) -> None:
        super().__init__(*columns)
        self.site, self.groups, self.month_share = site, tuple(groups), month_share
        periods, n = site.periods, len(self.groups)
        equipment = site.terms.equipment
        most = equipment.battery_kw + equipment.chp_kw + equipment.chiller_kw + site.terms.pv.kwp + site.terms.wind.kw
        if most * site.hours * self.largest_error * 2 * QUANTA_PER_KWH >= 2**31:
            wide = {name: getattr(self.state, name).astype(np.int64) for name in ("planned", "net")}
            self.state = self.state._replace(**wide)
        self.flows, self.burnt = np.zeros((len(FLOWS), periods), np.int64), np.zeros(periods, np.int64)
        self.withdrawn, self.injected = np.zeros((2, n, periods), np.int64)
        self.members_of = list(_by_population(self.groups))
        self.net = np.zeros(periods, np.int64)
        self.charges, self.feed_in = np.zeros((n + 1, len(CREDITORS)), np.int64), np.zeros(n + 1, np.int64)
        self.peak_kw, self.gust = 0.0, 1.0
        # Of a day and its periods: totals at the gate and as metered, and what `deliver` reads one by one.
        self.quoted = np.zeros((periods, 1, PLAN_TOTALS), np.int64)
        self.metered = np.zeros((periods, DELIVER_TOTALS), np.int64)
        self.no_orders = np.zeros((2, 0), np.int64)

    day: MicrogridDay
    dispatch: Dispatch
    #: By period: planned sun and its forecast's error, net of all but PV [1e-6 kWh], and what the battery holds [kWh].
    steps: list[tuple[float, float, int, float]]

    def forecast(self, day: Day, load_error: Floats, pv_error: Floats, least: int) -> DayPlan:
        """Plan the plant's day at least cost on forecasts of the members and the site; see :meth:`Population.forecast`.

        The members' own answer to prices, batteries, cars and heat pumps are not foreseen.
        """
        prices = self.prices_on(day)
        totals = np.zeros((self.site.periods, PLAN_TOTALS), np.int64)
        expected, _ = self.tables.expected(day.date)
        plan = self.day_plan(
            day, self.responding(day, expected, prices), self.pv_profiles.of_day(day.date), prices, totals
        )
        load, made = (np.array(part) for part in zip(*(group.expected(day) for group in self.groups), strict=True))
        self.day = self.site.outlook(
            day,
            load * load_error,
            made.sum(axis=0) * pv_error,
            self.site.pv_kwh(day) * pv_error,
            self.retail(plan.energy_price)[0],
            self.peak_kw,
            self.site.peak_per_kw(self.month_share(day)),
        )
        self.dispatch = self.site.dispatch.solve(self.day)
        self.site.stored_kwh = float(self.dispatch.stored_kwh[-1])
        self.site.cold_stored_kwh = float(self.dispatch.cold_stored_kwh[-1])
        sigma = self.site.terms.wind.forecast_sigma
        draw = float(self.streams.normals("microgrid wind", self.name, 1, day=day.index)[0])
        self.gust = float(np.exp(sigma * draw - sigma**2 / 2))
        planned = self.dispatch
        kwh = [planned.pv_kwh, planned.wind_kwh * self.gust, planned.chp_kwh]
        kwh += [planned.discharge_kwh, planned.charge_kwh, planned.chiller_kwh]
        self.flows = np.rint(np.array(kwh) * QUANTA_PER_KWH).astype(np.int64)
        net = np.rint(planned.plant_kwh * QUANTA_PER_KWH).astype(np.int64)
        plan.totals[:, P_WITHDRAWAL], plan.totals[:, P_INJECTION] = np.maximum(net, 0), np.maximum(-net, 0)
        for column in (P_WITHDRAWAL, P_INJECTION):
            self.quoted[:, 0, column] = plan.totals[:, column]
        _, wind, chp, discharge, charge, chiller = self.flows
        self.metered[:, LOAD], self.metered[:, CHARGE], self.metered[:, DISCHARGE] = chiller, charge, discharge
        rest = charge + chiller - wind - chp - discharge
        columns = (planned.pv_kwh, pv_error, rest, planned.stored_kwh)
        self.steps = list(zip(*(column.tolist() for column in columns), strict=True))
        return plan

    def responding(self, day: Day, expected: Floats, prices: Floats) -> Floats:
        """Return loads as they are: the plant has none that answers prices. See :meth:`Population.responding`."""
        return np.tile(expected, (SEGMENTS * len(prices), 1))

    def quotes(self, plan: DayPlan, floor: float, cap: float, tick: float) -> Quotes:
        """Return its limits, and no orders: the plant does not take part. See :meth:`Population.quotes`."""
        quotes = super().quotes(plan, floor, cap, tick)
        self.no_orders = np.zeros((2, quotes.highest + 1), np.int64)
        none = np.full_like(quotes.most, -1.0), np.full_like(quotes.least, quotes.highest + 1)
        return replace(quotes, most=none[0], least=none[1])

    def quote(
        self, period: int, plan: DayPlan, quotes: Quotes, errors: tuple[float, float], least: int
    ) -> tuple[Ints, Ints]:
        """Return no orders, and the plan as it stands; see :meth:`Population.quote`."""
        return self.no_orders, self.quoted[period]

    def deliver(self, period: int, plan: DayPlan, errors: tuple[float, float]) -> Ints:
        """Follow the plan; sun and wind give what they give. See :meth:`Population.deliver`."""
        planned, error, rest, stored = self.steps[period]
        pv = round(planned * errors[1] / error * QUANTA_PER_KWH)
        net = rest - pv
        self.flows[_PV, period], self.state.net[0], self.state.stored[0] = pv, net, stored
        totals: Ints = self.metered[period]
        totals[PV], totals[WITHDRAWAL], totals[INJECTION] = pv, max(net, 0), max(-net, 0)
        return totals

    def settle(
        self,
        period: int,
        plan: DayPlan,
        quotes: Quotes,
        margins: tuple[int, int, int, int, int, int],
        prices: tuple[float, float, float],
        cuts: tuple[float, float],
        least: int,
        own_price: NDArray[np.float64] = NO_PRICES,
    ) -> Ints:
        """Settle the meter; what is curtailed comes off PV, then wind and cogeneration, and last a resistor takes it.

        As :meth:`Population.settle` does for one member without orders; only what comes off PV is in its column of
        curtailed energy.
        """
        metered, (shed_share, curtailed_share) = int(self.state.net[0]), cuts
        shed = min(metered, math.ceil(metered * shed_share)) if metered > 0 and shed_share else 0
        curtailed = min(-metered, math.ceil(-metered * curtailed_share)) if metered < 0 and curtailed_share else 0
        net = metered - shed + curtailed
        self.state.net[0] = net
        energy, totals = self.billing.accounts.energy, np.zeros((1, SETTLE_TOTALS), np.int64)
        if net > 0:
            energy[plan.price_class[0, period], 0] += net
            totals[0, T_WITHDRAWAL] = totals[0, T_RETAIL] = net
        elif net < 0:
            energy[self.billing.n_classes + FED_IN, 0] -= net
            totals[0, T_INJECTION] = totals[0, T_FED_IN] = -net
        totals[0, T_SHED] = shed
        left = curtailed
        for source in (_PV, _WIND, _CHP) if left else ():
            cut = min(left, int(self.flows[source, period]))
            self.flows[source, period] -= cut
            left -= cut
            if source == _PV:
                totals[0, T_CURTAILED] = cut
        self.burnt[period] = left
        return totals

    def meter(self, period: int, plan: DayPlan, system: int) -> None:
        """Read all meters of the microgrid once they are settled; see :meth:`Population.meter`."""
        super().meter(period, plan, system)
        outside = int(self.state.net[0])
        self.net[period] = outside
        for population, rows, ends, part in self.members_of:
            outside += read_meters(population.state.net, rows, ends, self.withdrawn[part], self.injected[part], period)
        self.peak_kw = max(self.peak_kw, outside / QUANTA_PER_KWH / self.site.hours)

    def bill_to_date(self, day: Day) -> Ints:
        """Note what members and plant owe by their bills; see :meth:`Population.bill_to_date`.

        The plant comes after all populations, whose bills are made by then.
        """
        grown = super().bill_to_date(day)
        for place, group in enumerate(self.groups):
            self.charges[place], self.feed_in[place] = paid_by(group.population.billing, group.rows)
        self.charges[-1], self.feed_in[-1] = paid_by(self.billing, np.zeros(1, np.int64))
        return grown
