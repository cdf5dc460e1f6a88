"""Firms that schedule their production by the day's prices: one plan a kind of firm and offer, for firms of any size.

A plan grows in proportion to the firm (model.md A2.1), so it is made once for the base profile at a mean load of 1 kW
and scales the loads of all firms that follow the profile. Without a price difference it is the profile itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridagora.markets.tariffs.windows import in_windows

if TYPE_CHECKING:
    from gridagora.agents.production import ProductionPlanner
    from gridagora.agents.production_plant import ProductionDay, ProductionPlan
    from gridagora.sim.clock import Day

Floats = NDArray[np.float64]


class FirmProduction:
    """Schedules of the firms of a population.

    Parameters
    ----------
    terms : section of the scenario
        ``firms.production``.
    """

    def __init__(self, terms: Any) -> None:
        self.terms = terms
        self.planners: dict[tuple[float, int], ProductionPlanner] = {}
        #: Month, and highest planned load in it by offer and profile, of a firm of 1 kW [kW].
        self.month = -1
        self.peaks: dict[tuple[int, int], float] = {}
        #: Day of the plans that `planned` holds: a day may be planned again when prices are known.
        self.day = -1
        self.planned: dict[tuple[int, int], float] = {}

    def scheduled(
        self, day: Day, offer: int, price: Floats, charge: float, expected: Floats, used: NDArray[np.bool_]
    ) -> Floats:
        """Return the loads of firms that schedule their production.

        Parameters
        ----------
        day : Day
            The day.
        offer : int
            Number of the offer whose prices they have.
        price : ndarray of float64, shape (periods,)
            Retail price [currency/kWh].
        charge : float
            Price of the month's highest load [currency/kW].
        expected : ndarray of float64, shape (profiles * n, periods)
            Loads by load code as production usually has them, any unit.
        used : ndarray of bool, shape (profiles,)
            Base profiles that some firm has; loads of the others stay.

        Returns
        -------
        ndarray of float64, shape (profiles * n, periods)
            Same unit.
        """
        self._turn(day)
        rows = expected.reshape(used.size, -1, expected.shape[1])
        made = np.empty_like(rows)
        for number, table in enumerate(rows):
            usual = table.mean(axis=0)
            if not (used[number] and usual.any()):
                made[number] = table
                continue
            usual = usual / usual.sum() * 24.0
            load = self._plan((offer, number), price, charge, usual).load_kwh
            factor = np.divide(load, usual, out=np.ones_like(load), where=usual > 0)
            # Days that firms exchange differ in shape: each keeps its own, and the plan's change of the day's energy.
            turned = table * factor
            day_sum = turned.sum(axis=1, keepdims=True)
            wanted = table.sum(axis=1, keepdims=True) * (load.sum() / 24.0)
            made[number] = turned * np.divide(wanted, day_sum, out=np.zeros_like(day_sum), where=day_sum > 0)
        return np.asarray(made.reshape(expected.shape))

    def _turn(self, day: Day) -> None:
        """Note the peaks of the day before, and begin a month without any."""
        if day.index == self.day:
            return
        for key, peak in self.planned.items():
            self.peaks[key] = max(self.peaks.get(key, 0.0), peak)
        if day.month_index != self.month:
            self.peaks = {}
        self.month, self.day, self.planned = day.month_index, day.index, {}

    def _plan(self, key: tuple[int, int], price: Floats, charge: float, usual: Floats) -> ProductionPlan:
        periods = price.size
        if (charge, periods) not in self.planners:
            self.planners[charge, periods] = planner_of(self.terms, charge, periods)
        plan = self.planners[charge, periods].plan(day_of(self.terms, price, usual, self.peaks.get(key, 0.0)))
        self.planned[key] = float(plan.load_kwh.max()) * periods / 24.0
        return plan


def planner_of(terms: Any, charge: float, periods: int) -> ProductionPlanner:
    """Return the planner of a firm of 1 kW whose unit of output is what 1 kWh makes.

    Parameters
    ----------
    terms : section of the scenario
        ``firms.production``.
    charge : float
        Price of the month's highest load [currency/kW].
    periods : int
        Settlement periods of the day.
    """
    from gridagora.agents.production import ProductionPlanner  # Pyomo, for those who need it
    from gridagora.agents.production_plant import Plant, ProductionLine

    line = ProductionLine(
        rate=24.0,  # the day's capacity limits output
        energy=1.0,
        margin=terms.margin_per_kwh,
        stock=terms.stock_hours * terms.flexible_share,
        overtime_cost=terms.overtime_per_kwh,
        holding_cost=terms.holding_per_kwh_hour,
    )
    return ProductionPlanner(Plant((line,), charge), periods)


def day_of(terms: Any, price: Floats, usual: Floats, peak_kw: float) -> ProductionDay:
    """Return the day of a firm of 1 kW: orders come as its production usually runs, its store is half full.

    Parameters
    ----------
    terms : section of the scenario
        ``firms.production``.
    price : ndarray of float64, shape (periods,)
        [currency/kWh]
    usual : ndarray of float64, shape (periods,)
        Usual load, 24 kWh in all; where there is none, the firm is closed [kWh].
    peak_kw : float
        Highest load of the month so far [kW].
    """
    from gridagora.agents.production_plant import ProductionDay

    orders = terms.flexible_share * usual
    capacity = np.where(usual > 0, (1.0 + terms.spare_capacity) * orders.max(), 0.0)
    crew = np.where(in_windows(list(terms.shift), usual.size), capacity, orders)
    base = (1.0 - terms.flexible_share) * usual
    stock = terms.stock_hours * terms.flexible_share / 2.0
    return ProductionDay(price, orders[None], capacity[None], crew[None], base, [stock], peak_kw)
