"""A supplier's demand response programme: called events, blocks that firms curtail, baselines and rebates (A2.3).

Only the periods of the window before the event, by which the baseline is adjusted, and of the event itself are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.demand_response import CurtailableBlocks, baseline, rebate
from gridagora.markets.tariffs.event_calls import call_by_threshold
from gridagora.markets.tariffs.windows import in_windows

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class EventResult:
    """What an event came to, sums over the participants but for `paid`.

    Attributes
    ----------
    baseline_kwh, metered_kwh : float
        In the event [kWh].
    curtailed_kwh : float
        What the firms really curtailed, by their plan for the day [kWh].
    paid : ndarray of float64, shape (n,)
        Rebate [currency].
    overpaid : float
        Rebates less what the curtailed energy is worth at the same price [currency].
    """

    baseline_kwh: float
    metered_kwh: float
    curtailed_kwh: float
    paid: Floats
    overpaid: float


class Curtailment:
    """The programme of one population: who is called when, what they used before, what they are paid.

    Parameters
    ----------
    terms : section of the scenario
        ``firms.demand_response``.
    participants : ndarray of int64, shape (n,)
        Rows of the members that take part.
    periods : int
        Settlement periods of the day.
    """

    def __init__(self, terms: Any, participants: NDArray[np.int64], periods: int) -> None:
        self.terms, self.participants = terms, participants
        self.before = in_windows([terms.adjustment_window], periods)
        self.event = in_windows([terms.window], periods)
        #: Periods that are kept, those before the event first.
        self.kept = np.concatenate([np.nonzero(self.before)[0], np.nonzero(self.event)[0]])
        self.place = np.full(periods, -1)
        self.place[self.kept] = np.arange(self.kept.size)
        column = {name: [getattr(block, name) for block in terms.blocks] for name in type(terms.blocks[0]).model_fields}
        self.share = np.array(column["share"])
        self.blocks = CurtailableBlocks(
            self.share, column["notice_hours"], column["duration_hours"], column["max_calls"], column["cost_per_kwh"]
        )
        self.hours = float(self.event.sum()) * 24.0 / periods
        self.calls = np.zeros(self.share.size, np.int64)
        self.days: frozenset[int] = frozenset()
        self.history = np.zeros((participants.size, 0, self.kept.size), np.float32)
        self.today = np.zeros((participants.size, self.kept.size))
        self.curtailed = 0.0
        self._full = np.zeros(0)

    def call(self, days: list[int], peaks: Floats) -> None:
        """Choose the days of events, each on the forecasts up to it alone.

        Parameters
        ----------
        days : list of int
            Numbers of the run's workdays, in order. The first ones only fill the baseline.
        peaks : ndarray of float64, shape (len(days),)
            Highest load that is forecast in the window of the event [kW].
        """
        eligible = days[self.terms.baseline_days :]
        if eligible:
            forecast = peaks[self.terms.baseline_days :]
            called = call_by_threshold(forecast, peaks, min(self.terms.calls, len(eligible)))
            self.days = frozenset(day for day, is_called in zip(eligible, called, strict=True) if is_called)

    @property
    def cut(self) -> float:
        """Share of the load that participants curtail if called now: blocks that are ready and worth the rebate [1]."""
        cheap = np.asarray(self.blocks.cost) <= self.terms.rebate_per_kwh
        return float(self.share[self._ready & cheap].sum())

    @property
    def _ready(self) -> Bools:
        return self.blocks.ready(self.calls, self.terms.lead_hours, self.hours)

    def factor(self, day: int, load: Floats) -> Floats:
        """Return the factor on participants' load: less in an event, more before it if they game.

        Parameters
        ----------
        day : int
            Number of the day.
        load : ndarray of float64, shape (n_codes, periods)
            Expected loads as they would be, by load code [kWh per annual kWh]; kept until the day is over.

        Returns
        -------
        ndarray of float64, shape (periods,)
            [1]
        """
        if day not in self.days:
            return np.ones(self.event.size)
        self._full = load.copy()
        return np.where(self.event, 1.0 - self.cut, np.where(self.before, 1.0 + self.terms.gaming_rise, 1.0))

    def observe(self, day: int, period: int, net: NDArray[Any], code: NDArray[Any], annual_kwh: NDArray[Any]) -> None:
        """Note the meters of a settled period.

        Parameters
        ----------
        day, period : int
            Number of the day and of the settlement period.
        net : ndarray of int, shape (n,)
            Withdrawal (positive) or injection of the participants [1e-6 kWh].
        code : ndarray of uint, shape (n,)
            Their load codes.
        annual_kwh : ndarray of float32, shape (n,)
            Their yearly consumption [kWh].
        """
        place = self.place[period]
        if place < 0:
            return
        if place == 0:
            self.curtailed = 0.0
        self.today[:, place] = np.maximum(net, 0) / 1e6
        if day in self.days and self.event[period]:
            self.curtailed += self.cut * float(self._full[code, period] @ annual_kwh)

    def close(self, day: int, workday: bool) -> EventResult | None:
        """Settle a day that is over: pay for an event, or keep the day for baselines to come.

        Parameters
        ----------
        day : int
            Number of the day.
        workday : bool
            Whether it is similar to the days of events.

        Returns
        -------
        EventResult or None
            None where there was no event.
        """
        if day not in self.days:
            if workday:
                most = self.terms.baseline_days
                self.history = np.concatenate([self.history, self.today[:, None].astype(np.float32)], axis=1)[:, -most:]
            return None
        window, price = slice(0, int(self.before.sum())), self.terms.rebate_per_kwh
        event = self.event[self.kept]
        base = baseline(self.history, self.today, window, self.terms.adjustment_cap)
        paid = rebate(base, self.today, event, price)
        curtailed = self.curtailed
        self.calls += (self._ready & (np.asarray(self.blocks.cost) <= price)).astype(np.int64)
        return EventResult(
            baseline_kwh=float(base[:, event].sum()),
            metered_kwh=float(self.today[:, event].sum()),
            curtailed_kwh=curtailed,
            paid=paid,
            overpaid=float(paid.sum()) - price * curtailed,
        )
