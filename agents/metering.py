"""Registers of a population's meters, period by period: what some tariffs need beyond energy by price class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.billing import Billing
from gridagora.agents.columns import Members, State
from gridagora.agents.registers import Rows, Terms, rebate, register, remember
from gridagora.markets.tariffs.windows import in_windows

if TYPE_CHECKING:
    from gridagora.markets.tariffs.rebate import PeakTimeRebate
    from gridagora.sim.clock import Day


class RebateMeter:
    """Past days of members' use in the windows of a rebate, and what they stayed below in events (model.md B7).

    Parameters
    ----------
    terms : PeakTimeRebate
        Events and baseline.
    members : int
        Members of the population.
    periods : int
        Settlement periods a day.
    block : int
        Members a block.
    """

    def __init__(self, terms: PeakTimeRebate, members: int, periods: int, block: int) -> None:
        self.terms, self.block = terms, block
        self.in_event = in_windows(terms.event_windows, periods)
        self.before = in_windows(terms.baseline.adjustment_windows, periods)
        kept = np.flatnonzero(self.in_event | self.before)
        self.slot = {int(period): at for at, period in enumerate(kept)}
        # Workdays are like workdays; Saturdays, Sundays and holidays like one another.
        self.past = np.zeros((2, kept.size, terms.baseline.days, members), np.float32)
        self.days = [0, 0]
        self.shift = np.zeros(members, np.float32)
        self.today, self.usual = np.zeros(members), np.zeros(members)

    def period(
        self,
        day: Day,
        period: int,
        net: NDArray[np.int64],
        offer: NDArray[np.uint8],
        entitled: NDArray[np.bool_],
        rebated: NDArray[np.int64],
    ) -> None:
        """Note a settlement period: use on ordinary days, what is below the baseline in events."""
        if period == 0:
            self.today[:] = self.usual[:] = 0.0
        if period not in self.slot:
            return
        kind = int(day.day_type != "workday")
        past = self.past[kind, self.slot[period]]
        if day.date not in self.terms.event_days:
            remember(net, past, self.days[kind] % len(past), self.block)
            self.days[kind] += period == max(self.slot)
            return
        if self.before[period]:
            self.today += np.maximum(net, 0) / 1e6
            self.usual += past.mean(axis=0, dtype=np.float64)
        if self.in_event[period]:
            count = max(int(self.before.sum()), 1)
            most = self.terms.baseline.adjustment_cap * self.usual / count
            self.shift[:] = np.clip((self.today - self.usual) / count, -most, most)
            rebate(net, offer, entitled, past, self.shift, rebated, self.block)


class Metering:
    """What meters note for bills besides energy by price class.

    Parameters
    ----------
    billing : Billing
        Accounts and offers.
    members : Members
        Columns.
    periods : int
        Settlement periods a day.
    block : int
        Members a block.
    """

    def __init__(self, billing: Billing, members: Members, periods: int, block: int) -> None:
        self.billing, self.members, self.periods, self.block = billing, members, periods, block
        self.rows = Rows(*(billing.row(name) for name in Rows._fields))
        tariffs = [offer.tariff for offer in billing.offers]
        demands = [part for tariff in tariffs for part in (tariff.demand, tariff.capacity) if part is not None]
        minutes = max((part.window_minutes for part in demands), default=15)
        self.steps = max(1, minutes * periods // 1440)
        powers = max(self.rows.peak, self.rows.coincident) >= 0
        self.window = np.zeros(len(members.number) if powers else 0, np.int64)
        self.real_time = any(tariff.follows_pool for tariff in tariffs)
        self.needed = powers or self.real_time or self.rows.included >= 0
        rebates = [tariff.rebate for tariff in tariffs if tariff.rebate is not None]
        self.rebates = RebateMeter(rebates[0], len(members.number), periods, block) if rebates else None
        #: Whether there is anything to note.
        self.at_work = self.needed or self.rebates is not None
        self.system_window, self.system_peak = 0, -1

    def period(
        self,
        day: Day,
        period: int,
        state: State,
        load_code: NDArray[np.uint32],
        price_class: NDArray[np.uint8],
        premium: NDArray[np.float64],
        profile: NDArray[np.float64],
        system: int,
    ) -> None:
        """Note one settlement period, after settlement.

        Parameters
        ----------
        day : Day
            The day.
        period : int
            Settlement period.
        state : State
            Columns, as settlement leaves them.
        load_code : ndarray of uint, shape (n,)
            Load code of each member.
        price_class : ndarray of uint8, shape (n_offers,)
            Price class under each offer.
        premium : ndarray of float64, shape (n_offers,)
            Real-time price above that of the class [currency/kWh].
        profile : ndarray of float64, shape (n_codes,)
            Contracted profile [kWh per annual kWh].
        system : int
            Withdrawal of all populations [1e-6 kWh].
        """
        offers, accounts = self.billing.offers, self.billing.accounts
        self.system_window += system
        close = (period + 1) % self.steps == 0
        peaks = close and self.system_window > self.system_peak
        if self.needed:
            contracted = np.array([getattr(offer.tariff, "contract", None) is not None for offer in offers])
            terms = Terms(price_class, premium, contracted, self.billing.quota(day.date))
            register(
                self.members,
                load_code,
                state,
                accounts,
                self.rows,
                terms,
                profile,
                self.window,
                close,
                peaks,
                max(1, self.periods // 24 // self.steps),
                self.block,
            )
        if close:
            self.system_peak = max(self.system_peak, self.system_window)
            self.system_window = 0
        if self.rebates is not None:
            entitled = np.array([offer.tariff.rebate is not None for offer in offers])
            rebated = accounts.energy[self.rows.rebated]
            self.rebates.period(day, period, state.net, self.members.offer, entitled, rebated)

    def open_month(self) -> None:
        """Forget the system's peak of the month before."""
        self.system_window, self.system_peak = 0, -1
