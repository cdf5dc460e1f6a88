"""What suppliers and a population have to do with each other: prices, answers to them, meters and bills."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.columns import SEGMENTS, Accounts, Members, State, Today
from gridagora.agents.plans import DayPlan
from gridagora.markets.tariffs.offers import Offer

if TYPE_CHECKING:
    from gridagora.agents.billing import Billing, Issued
    from gridagora.agents.metering import Metering
    from gridagora.agents.owned_devices import OwnedDevices
    from gridagora.agents.price_answers import PriceAnswers
    from gridagora.agents.profiles import DayTables
    from gridagora.markets.tariffs.tariff import Tariff
    from gridagora.sim.clock import Day


class Served:
    """Members served under the tariffs on offer; :class:`gridagora.agents.population.Population` holds the columns."""

    offers: tuple[Offer, ...]
    tables: DayTables
    answers: PriceAnswers
    devices: OwnedDevices
    billing: Billing
    metering: Metering
    members: Members
    today: Today
    state: State
    #: Expected prices of the pool on workdays and other days, once some were seen [currency/kWh].
    expected_pool: list[NDArray[np.float64] | None]

    @property
    def contracts(self) -> bool:
        """Whether some tariff refers to a contracted profile."""
        return any(getattr(offer.tariff, "contract", None) is not None for offer in self.offers)

    @property
    def follows_pool(self) -> bool:
        """Whether some tariff's prices follow the pool."""
        return any(offer.tariff.follows_pool for offer in self.offers)

    def prices_on(self, day: Day, pool_price: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return the energy part of each offer's price on a day [currency/kWh], shape (n_offers, periods).

        Parameters
        ----------
        day : Day
            The day.
        pool_price : ndarray of float64, shape (periods,), optional
            Prices of the pool; before they are known, what members have lately seen.
        """
        known = self.expected_pool[int(day.day_type != "workday")] if pool_price is None else pool_price
        periods = self.tables.profiles.values.shape[2]
        return np.stack([offer.tariff.energy_on(day, periods, known) for offer in self.offers])

    def retail(self, energy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the retail price behind the energy part of each offer's price, shape (n_offers, periods)."""
        adders = [offer.tariff.network_per_kwh + offer.tariff.levy_per_kwh for offer in self.offers]
        return np.asarray(energy + np.array(adders)[:, None])

    def responding(self, day: Day, expected: NDArray[np.float64], prices: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return loads with their answer to prices, shape (n_offers * 2 * n_codes, periods).

        Parameters
        ----------
        day : Day
            The day.
        expected : ndarray of float64, shape (n_codes, periods)
            Loads at the reference price [kWh per annual kWh].
        prices : ndarray of float64, shape (n_offers, periods)
            Energy part of the price [currency/kWh].
        """
        found = np.empty((len(self.offers), SEGMENTS, *expected.shape))
        for number, (offer, energy) in enumerate(zip(self.offers, prices, strict=True)):
            retail = energy + offer.tariff.network_per_kwh + offer.tariff.levy_per_kwh
            for technology in (False, True):
                factor = self.answers.factor(number, offer.tariff, day, expected, retail, technology)
                np.multiply(expected, factor, out=found[number, int(technology)])
        return found.reshape(-1, expected.shape[1])

    def day_plan(
        self,
        day: Day,
        load: NDArray[np.float64],
        pv: NDArray[np.float64],
        prices: NDArray[np.float64],
        totals: NDArray[np.int64],
    ) -> DayPlan:
        """Return what the population brings to a day.

        Parameters
        ----------
        day : Day
            The day.
        load, pv : ndarray of float64, shape (n_offers * 2 * n_codes, periods) and (n_pv_profiles, periods)
            Expected load (with its answer to prices) and generation [kWh per annual kWh].
        prices, totals
            Energy part of the price and planned sums, as :class:`gridagora.agents.plans.DayPlan` has them.
        """
        classes = np.stack([offer.tariff.class_on(day, load.shape[1]) for offer in self.offers])
        contracted = None
        if self.contracts:
            expected, _ = self.tables.expected(day.date)
            contracted = np.ascontiguousarray(np.tile(expected, (len(self.offers) * SEGMENTS, 1)).T)
        return DayPlan(
            day, np.ascontiguousarray(load.T), np.ascontiguousarray(pv.T), classes, prices, totals, contracted
        )

    def announce(self, plan: DayPlan, pool_price: NDArray[np.float64]) -> None:
        """Let members answer the day's real-time prices, and learn what to expect.

        Parameters
        ----------
        plan : DayPlan
            The day, which is changed.
        pool_price : ndarray of float64, shape (periods,)
            Prices of the pool [currency/kWh].
        """
        if not self.follows_pool:
            return
        expected, _ = self.tables.expected(plan.day.date)
        plan.energy_price = self.prices_on(plan.day, pool_price)
        plan.load = np.ascontiguousarray(self.responding(plan.day, expected, plan.energy_price).T)
        self.devices.follow(plan.day, self.retail(plan.energy_price))
        kind = int(plan.day.day_type != "workday")
        before = self.expected_pool[kind]
        self.expected_pool[kind] = pool_price.copy() if before is None else before + 0.3 * (pool_price - before)

    def meter(self, period: int, plan: DayPlan, system: int) -> None:
        """Note what tariffs need of a settled period besides energy by price class.

        Parameters
        ----------
        period : int
            Settlement period of the day.
        plan : DayPlan
            The day.
        system : int
            Withdrawal of all populations [1e-6 kWh].
        """
        if not self.metering.at_work:
            return
        classes = plan.price_class[:, period]
        premium = np.zeros(len(self.offers))
        for number, offer in enumerate(self.offers):
            if offer.tariff.follows_pool:
                premium[number] = plan.energy_price[number, period] - offer.tariff.energy_prices[classes[number]]
        profile = plan.load[period] if plan.contracted is None else plan.contracted[period]
        self.metering.period(plan.day, period, self.state, self.today.load_code, classes, premium, profile, system)

    def bill_to_date(self, day: Day) -> NDArray[np.int64]:
        """Return what each bill line has grown by; see :meth:`gridagora.agents.billing.Billing.to_date`."""
        return self.billing.to_date(day.date)

    def close_month(self) -> list[Issued]:
        """Issue the bills and open new ones; see :meth:`gridagora.agents.billing.Billing.close`."""
        self.metering.open_month()
        days, members = self.billing.billed_days, np.bincount(self.members.offer, minlength=len(self.offers))
        issued = self.billing.close()
        self.answers.remember([offer.name for offer in self.offers], issued, members, days)
        return issued

    def switch(self, rows: NDArray[np.intp], offer: NDArray[np.uint8]) -> None:
        """Give members other tariffs, after a bill.

        Parameters
        ----------
        rows : ndarray of int, shape (m,)
            Rows of the members.
        offer : ndarray of uint8, shape (m,)
            Numbers of their offers.
        """
        segment = self.members.group[rows] % SEGMENTS
        self.members.offer[rows] = offer
        self.members.group[rows] = offer * SEGMENTS + segment
        self.billing.open_month()

    def set_tariff(self, offer: int, tariff: Tariff) -> None:
        """Change the prices of an offer, after a bill.

        Parameters
        ----------
        offer : int
            Number of the offer.
        tariff : Tariff
            With the same classes and parts.
        """
        changed = (Offer(other.name, tariff) if at == offer else other for at, other in enumerate(self.offers))
        self.offers = tuple(changed)
        self.billing.set_offers(self.offers)

    @property
    def accounts(self) -> Accounts:
        """What bills need, since the last bill."""
        return self.billing.accounts

    @property
    def bills(self) -> NDArray[np.int64]:
        """Open bill of each member to date [1e-6 currency], shape (n,)."""
        return self.billing.bills

    @property
    def billed(self) -> NDArray[np.int64]:
        """Sum of each member's issued bills [1e-6 currency], shape (n,)."""
        return self.billing.billed
