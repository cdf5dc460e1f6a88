"""Firms and farms (model.md A2): load by sector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mesa
import numpy as np
from numpy.typing import NDArray

from gridagora.agents.billing import HOURS_A_YEAR
from gridagora.agents.columns import SEGMENTS
from gridagora.agents.curtailment import Curtailment
from gridagora.agents.firm_production import FirmProduction
from gridagora.agents.population import Population
from gridagora.sim.streams import Streams

if TYPE_CHECKING:
    from gridagora.agents.plans import DayPlan
    from gridagora.sim.clock import Day


class Firms(Population):
    """Firms: yearly consumption log-uniform between two bounds, base profile by sector."""

    def __init__(self, model: mesa.Model, name: str, terms: Any, *columns: Any, **options: Any) -> None:
        super().__init__(model, name, terms, *columns, **options)
        section = getattr(terms, "production", None)
        self.production = FirmProduction(section) if section is not None else None
        programme = getattr(terms, "demand_response", None)
        self.curtailment: Curtailment | None = None
        if programme is not None:
            able = np.nonzero(self.members.group % SEGMENTS == 1)[0]
            self.curtailment = Curtailment(programme, able, self.tables.profiles.values.shape[2])
        #: Yearly consumption as it was at first, and as it will be from the next day on, where it changes [kWh].
        self.first_kwh: NDArray[np.float32] | None = None
        self.next_kwh: NDArray[np.float32] | None = None

    def save(self, rows: NDArray[np.intp], share: NDArray[np.float64]) -> None:
        """Let firms use less from the next day on, after a bill; what they contract follows at once.

        Parameters
        ----------
        rows : ndarray of int, shape (m,)
            Rows of the firms.
        share : ndarray of float64, shape (m,)
            Shares of their consumption, at most 1; below 0 they use more.
        """
        if self.first_kwh is None:
            self.first_kwh = self.members.annual_kwh.copy()
        self.next_kwh = self.members.annual_kwh.copy()
        self.next_kwh[rows] *= (1 - share).astype(np.float32)
        self.billing.mean_kw = self.next_kwh / HOURS_A_YEAR
        self.billing.open_month()

    def forecast(self, day: Day, load_error: NDArray[np.float64], pv_error: NDArray[np.float64], least: int) -> DayPlan:
        """Draw the day and plan it; see :meth:`Population.forecast`."""
        if self.next_kwh is not None:
            self.members.annual_kwh[:], self.next_kwh = self.next_kwh, None
        return super().forecast(day, load_error, pv_error, least)

    def responding(self, day: Day, expected: NDArray[np.float64], prices: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return loads with their answer to prices; see :meth:`Population.responding`.

        Firms with enabling technology schedule their production and curtail when called, if the scenario says how.
        """
        table = super().responding(day, expected, prices)
        loads = table.reshape(len(self.offers), SEGMENTS, *expected.shape)
        able = self.members.profile[self.members.group % SEGMENTS == 1]
        used = np.bincount(able, minlength=len(self.tables.profiles.names)) > 0
        for number, (offer, energy) in enumerate(zip(self.offers, prices, strict=True)):
            if self.production is not None:
                demand = offer.tariff.demand
                charge = demand.price_per_kw_month if demand is not None and demand.basis == "own_peak" else 0.0
                retail = energy + offer.tariff.network_per_kwh + offer.tariff.levy_per_kwh
                loads[number, 1] = self.production.scheduled(day, number, retail, charge, expected, used)
        if self.curtailment is not None:
            loads[:, 1] *= self.curtailment.factor(day.index, table)
        return table

    def meter(self, period: int, plan: DayPlan, system: int) -> None:
        """Note what tariffs and a programme need of a settled period; see :meth:`Population.meter`."""
        super().meter(period, plan, system)
        if self.curtailment is not None:
            able = self.curtailment.participants
            codes, yearly = self.today.load_code[able], self.members.annual_kwh[able]
            self.curtailment.observe(plan.day.index, period, self.state.net[able], codes, yearly)

    @staticmethod
    def draw(
        terms: Any, name: str, names: tuple[str, ...], streams: Streams
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Draw yearly consumption and base profile of each firm.

        Parameters
        ----------
        terms : section of the scenario
            With ``count``, ``annual_kwh_min``, ``annual_kwh_max`` and ``sectors``.
        name : str
            Key of the random streams.
        names : tuple of str
            Names of the base profiles.
        streams : Streams
            Random streams of the run.

        Returns
        -------
        annual_kwh : ndarray of float32, shape (count,)
            [kWh]
        profile : ndarray of uint8, shape (count,)
        """
        low, high = terms.annual_kwh_min, terms.annual_kwh_max
        annual = low * (high / low) ** streams.uniforms("annual", name, terms.count)
        sectors = terms.sectors or dict.fromkeys(names, 1.0)
        edges = np.cumsum(list(sectors.values()))
        chosen = np.searchsorted(edges, streams.uniforms("profile", name, terms.count) * edges[-1])
        profile = np.array([names.index(sector) for sector in sectors], np.uint8)[chosen]
        return annual.astype(np.float32), profile


class Farms(Firms):
    """Farms: as firms, on agricultural profiles."""
