"""A population is one Mesa agent with columns; its members are views of their rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import mesa
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from gridagora.agents import delivery, kernels, quoting, settling
from gridagora.agents.billing import Billing
from gridagora.agents.columns import (
    NO_CONSENT,
    QUANTA_PER_KWH,
    SEGMENTS,
    Members,
    State,
    Today,
)
from gridagora.agents.consent import strategy_codes
from gridagora.agents.exogenous import noise_once, uniforms_once
from gridagora.agents.institution import Counted
from gridagora.agents.managed import managed_members
from gridagora.agents.managed_homes import ManagedHomes
from gridagora.agents.metering import Metering
from gridagora.agents.owned_devices import OwnedDevices, owners
from gridagora.agents.plans import DayPlan, Quotes
from gridagora.agents.price_answers import PriceAnswers
from gridagora.agents.profiles import DayTables, Profiles
from gridagora.agents.served import Served
from gridagora.markets.settlement import PeerTerms
from gridagora.markets.tariffs.offers import Offer
from gridagora.sim.streams import Streams, stream_key

if TYPE_CHECKING:
    from gridagora.agents.member import Member
    from gridagora.agents.weather import Weather
    from gridagora.sim.clock import Calendar, Day

#: Members a block: results do not depend on it, only speed does.
BLOCK = 65536
#: Rows of the noise tables that members share.
ROWS = 1024
#: Where all members trade at the auction's price.
NO_PRICES = np.zeros(0)


class Population(ManagedHomes, Served, Counted):
    """Consumers with PV and batteries, held in columns and visited in blocks.

    Parameters
    ----------
    model : mesa.Model
        The simulation.
    name : str
        Name in the books and key of the random streams.
    terms : section of the scenario
        Such as ``households``; its fields say what members own and how they act.
    annual_kwh : ndarray of float32, shape (count,)
        Expected yearly consumption of each member [kWh].
    profile : ndarray of uint8, shape (count,)
        Base profile of each member.
    load_profiles, pv_profiles : Profiles
        Base profiles.
    offers : tuple of Offer
        Tariffs that members may have; they begin with the first.
    peer : PeerTerms
        Wheeling, fees and feed-in price.
    streams : Streams
        Random streams of the run.
    calendar : Calendar
        Days and settlement periods of the run.
    block : int
        Members a block.
    largest_error : float
        Largest factor that an area's error may reach.
    weather : Weather, optional
        Outdoor temperatures, which heat pumps need.
    """

    def __init__(
        self,
        model: mesa.Model,
        name: str,
        terms: Any,
        annual_kwh: NDArray[np.float32],
        profile: NDArray[np.uint8],
        load_profiles: Profiles,
        pv_profiles: Profiles,
        offers: tuple[Offer, ...],
        peer: PeerTerms,
        streams: Streams,
        calendar: Calendar,
        block: int = BLOCK,
        largest_error: float = 4.0,
        weather: Weather | None = None,
    ) -> None:
        super().__init__(model)
        self.name, self.terms, self.offers, self.peer = name, terms, offers, peer
        hours_per_period = calendar.hours_per_period
        self.streams, self.block, self.largest_error = streams, block, largest_error
        self.tables = DayTables(load_profiles, round(1 / hours_per_period))
        self.pv_profiles = pv_profiles
        n = annual_kwh.size
        self.members = self._own(annual_kwh, profile, hours_per_period)
        codes = self.tables.most_codes * len(offers) * SEGMENTS
        code = np.zeros(n, np.uint16 if codes <= 2**16 else np.uint32)
        self.today = Today(code, *(np.zeros(n, np.uint16) for _ in range(3)))
        half = (self.members.battery_kwh * np.float32(0.5)).astype(np.float32)
        periods = load_profiles.values.shape[2]
        self.devices = OwnedDevices(terms, name, streams, self._draw, self.members.number, periods, weather)
        rho = terms.noise_rho
        self.load_noise = noise_once(streams, "load noise", name, periods, ROWS, terms.noise_sigma, rho).copy()
        self.pv_noise = noise_once(streams, "pv noise", name, periods, ROWS, terms.pv_noise_sigma, rho).copy()
        self.state = State(half, half.copy(), np.zeros(n, np.int32), np.zeros(n, np.int32))
        self.answers = PriceAnswers(terms, len(offers), float(annual_kwh.mean(dtype=np.float64)))
        self.billing = Billing(
            offers, peer, self.members.annual_kwh, self.members.offer, calendar.start, calendar.days, block
        )
        self.metering = Metering(self.billing, self.members, periods, block)
        #: Expected prices of the pool on workdays and other days, once some were seen [currency/kWh].
        self.expected_pool: list[NDArray[np.float64] | None] = [None, None]
        self.quote_draws = uniforms_once(streams, "quote", name, ROWS, periods).copy()

    def _own(self, annual_kwh: NDArray[np.float32], profile: NDArray[np.uint8], hours: float) -> Members:
        terms, n = self.terms, annual_kwh.size
        owns = self._draw("pv")
        spread = np.sqrt(np.log1p(terms.pv_kwp_cv**2))
        size = terms.pv_kwp * np.exp(spread * ndtri(self._draw("pv size")) - spread**2 / 2)
        battery = (owns < terms.pv_share) & (self._draw("storage") < terms.storage_share)
        takes_part = self._draw("consent") < terms.consent_share
        strategy = np.where(takes_part, strategy_codes(terms.strategies, self._draw("strategy")), NO_CONSENT)
        owned = Members(
            number=np.arange(n, dtype=np.uint32),
            annual_kwh=annual_kwh.astype(np.float32),
            profile=profile.astype(np.uint8),
            shift=(self._draw("shift") * self.tables.shifts).astype(np.uint8),
            pv_annual_kwh=np.where(owns < terms.pv_share, size * terms.pv_yield_kwh_per_kwp, 0).astype(np.float32),
            pv_profile=(self._draw("pv profile") * len(self.pv_profiles.names)).astype(np.uint8),
            battery_kwh=np.where(battery, terms.storage_kwh, 0).astype(np.float32),
            battery_flow=np.full(n, terms.storage_kw * hours, np.float32),
            strategy=strategy.astype(np.uint8),
            offer=np.zeros(n, np.uint8),
            group=(self._draw("technology") < terms.technology_share).astype(np.uint8),
        )
        keys = [owned.strategy, owned.pv_annual_kwh == 0, owned.battery_kwh == 0]
        others = [who for who in owners(terms, self._draw) if who.size]
        owner = np.any([battery, *others], axis=0)
        managed = managed_members(terms, self._draw("hems"), owner)
        order = np.lexsort((*keys, *(~who for who in others), ~managed))
        self.enrolled, self.under_service = managed[order], np.zeros(n, np.bool_)
        ordered: list[Any] = [column[order] for column in owned]
        return Members(*ordered)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Row of each member in the columns, by its number, shape (n,)."""
        return np.argsort(self.members.number)

    def _widen(self, load: NDArray[np.float64], pv: NDArray[np.float64]) -> None:
        """Keep the period's energies in 64 bits once 32 might not hold the highest meter of a day."""
        highest = float(self.members.annual_kwh.max()) * load.max() * self.load_noise.max()
        highest += float(self.members.pv_annual_kwh.max()) * pv.max() * self.pv_noise.max() + self.devices.highest_kwh
        highest += float(self.members.battery_flow[: self.managed].max(initial=0.0))
        if highest * self.largest_error * QUANTA_PER_KWH >= 2**31:
            wide = {name: getattr(self.state, name).astype(np.int64) for name in ("planned", "net")}
            self.state = self.state._replace(**wide)

    def _draw(self, concern: str) -> NDArray[np.float64]:
        return self.streams.uniforms(concern, self.name, self.terms.count)

    def __len__(self) -> int:
        return int(self.members.annual_kwh.size)

    @overload
    def __getitem__(self, index: int) -> Member: ...
    @overload
    def __getitem__(self, index: slice) -> list[Member]: ...
    def __getitem__(self, index: int | slice) -> Member | list[Member]:
        """Return a view of one member that reads like an agent, or a list of views."""
        from gridagora.agents.member import Member

        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        number = range(len(self))[index]
        return Member(self, number, int(self.rows[number]))

    def __iter__(self) -> Iterator[Member]:
        """Visit the members in the order of their numbers."""
        return (self[number] for number in range(len(self)))

    def forecast(self, day: Day, load_error: NDArray[np.float64], pv_error: NDArray[np.float64], least: int) -> DayPlan:
        """Draw the day of each member and plan it on the day-ahead forecast.

        Parameters
        ----------
        day : Day
            Day of the run.
        load_error, pv_error : ndarray of float64, shape (periods,)
            Day-ahead errors of the area.
        least : int
            Least energy of an offer [1e-6 kWh].

        Returns
        -------
        DayPlan
        """
        k0, k1 = stream_key(self.streams.seed, "day", self.name)
        expected, candidates = self.tables.expected(day.date)
        drawn = (candidates, self.tables.shifts, len(expected), ROWS)
        kernels.draw_day(k0, k1, day.index, *drawn, self.members, self.today, self.block)
        prices = self.prices_on(day)
        load = self.responding(day, expected, prices)
        pv = self.pv_profiles.of_day(day.date)
        self._widen(load, pv)
        self.devices.draw(day, self.block)
        self.devices.follow(day, self.retail(prices))
        self.manage(load * load_error, pv * pv_error, self.retail(prices))
        totals = kernels.plan_day(
            self.members,
            self.today,
            self.state,
            load * load_error,
            pv * pv_error,
            self.terms.storage_efficiency,
            least,
            *self.devices.columns,
            self.block,
        )
        return self.day_plan(day, load, pv, prices, totals)

    def quotes(self, plan: DayPlan, floor: float, cap: float, tick: float) -> Quotes:
        """Return what members bid and ask in each period of the day (market_day.md 2, model.md A4).

        Those who learn stand at their limits here; what they quote is known at the gate only.

        Buyers never quote above, sellers never below their limit: limits are rounded inwards to the tick, and who
        has no tick within its limit gets -1 (buyers) or the number of ticks (sellers), which is no order.

        Parameters
        ----------
        plan : DayPlan
            The day.
        floor, cap, tick : float
            Price bounds and step of the auction [currency/kWh].

        Returns
        -------
        Quotes
        """
        highest = math.floor((cap - floor) / tick + 1e-9)
        buy_limit, sell_limit = self.limits(plan)
        buy_tick = np.clip(np.floor((buy_limit - floor) / tick + 1e-9), -1, highest)
        sell_tick = np.clip(np.ceil((sell_limit - floor) / tick - 1e-9), 0, highest + 1)
        return Quotes(buy_limit, sell_limit, buy_tick, sell_tick, self.quote_draws, highest)

    def limits(self, plan: DayPlan) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what members pay at most and take at least, shape (periods, n_offers) each [currency/kWh].

        Parameters
        ----------
        plan : DayPlan
            The day.
        """
        # Members choose between peers and supplier: the levy is due either way and drops out.
        network = np.array([offer.tariff.network_per_kwh for offer in self.offers])
        buy = plan.energy_price.T + network - self.peer.wheeling - self.peer.fee_buyer
        return buy, np.full_like(buy, max(self.peer.feed_in, 0.0) + self.peer.fee_seller)

    def quote(
        self, period: int, plan: DayPlan, quotes: Quotes, errors: tuple[float, float], least: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Plan a period on the gate forecast and quote it; see :func:`gridagora.agents.quoting.quote`.

        Parameters
        ----------
        period : int
            Settlement period of the day.
        plan, quotes : DayPlan, Quotes
            The day.
        errors : tuple of float
            Gate errors of load and generation.
        least : int
            Least energy of an offer [1e-6 kWh].
        """
        curves, totals = quoting.quote(
            self.members,
            self.today,
            self.state,
            plan.load[period] * errors[0],
            plan.pv[period] * errors[1],
            quotes.gate(period),
            self.terms.storage_efficiency,
            least,
            *self.devices.columns,
            period,
            self.block,
        )
        return curves, totals

    def deliver(self, period: int, plan: DayPlan, errors: tuple[float, float]) -> NDArray[np.int64]:
        """Open the realised values of a period; see :func:`gridagora.agents.delivery.deliver`.

        Parameters
        ----------
        period : int
            Settlement period of the day.
        plan : DayPlan
            The day.
        errors : tuple of float
            Realised factors of the area's load and generation.
        """
        totals: NDArray[np.int64] = delivery.deliver(
            self.members,
            self.today,
            self.state,
            plan.load[period] * errors[0],
            plan.pv[period] * errors[1],
            self.load_noise[period],
            self.pv_noise[period],
            self.terms.storage_efficiency,
            *self.devices.columns,
            period,
            self.block,
        )
        if self.twin is not None:
            self.twin.deliver(period, plan, errors)
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
    ) -> NDArray[np.int64]:
        """Split the meters of a period into their uses; see :func:`gridagora.agents.settling.settle`.

        Parameters
        ----------
        period : int
            Settlement period of the day.
        plan, quotes : DayPlan, Quotes
            The day.
        margins, prices, cuts, least, own_price
            As the kernel takes them.
        """
        totals: NDArray[np.int64] = settling.settle(
            self.members,
            self.today,
            self.state,
            self.billing.accounts,
            self.billing.n_classes,
            plan.price_class[:, period],
            quotes.gate(period),
            margins,
            prices,
            cuts,
            least,
            own_price,
            self.block,
        )
        return totals

    @property
    def annual_quanta(self) -> NDArray[np.int64]:
        """Expected yearly consumption by base profile [1e-6 kWh], shape (n_profiles,); sums of integers."""
        sums = np.zeros(len(self.tables.profiles.names), np.int64)
        np.add.at(sums, self.members.profile, np.rint(self.members.annual_kwh * QUANTA_PER_KWH).astype(np.int64))
        return sums
