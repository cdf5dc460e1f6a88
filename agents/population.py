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

from gridagora.agents import delivery, kernels
from gridagora.agents.columns import (
    ENERGY_ROWS,
    NO_CONSENT,
    QUANTA_PER_KWH,
    STRATEGY_NAMES,
    TRUTHFUL,
    ZI_CONSTRAINED,
    Accounts,
    Members,
    State,
    Today,
)
from gridagora.agents.demand import respond
from gridagora.agents.exogenous import noise_table
from gridagora.agents.plans import DayPlan, Quotes
from gridagora.agents.profiles import DayTables, Profiles
from gridagora.markets.settlement import PeerTerms, member_lines
from gridagora.sim.streams import Streams, stream_key

if TYPE_CHECKING:
    from gridagora.agents.member import Member
    from gridagora.markets.tariffs.tariff import Line, Tariff
    from gridagora.sim.clock import Day

#: Members a block: results do not depend on it, only speed does.
BLOCK = 65536
#: Rows of the noise tables that members share.
ROWS = 1024
#: Where all members trade at the auction's price.
NO_PRICES = np.zeros(0)


class Population(mesa.Agent):
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
    tariff : Tariff
        Tariff of all members.
    peer : PeerTerms
        Wheeling, fees and feed-in price.
    streams : Streams
        Random streams of the run.
    hours_per_period : float
        Length of a settlement period [h].
    block : int
        Members a block.
    largest_error : float
        Largest factor that an area's error may reach.
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
        tariff: Tariff,
        peer: PeerTerms,
        streams: Streams,
        hours_per_period: float,
        block: int = BLOCK,
        largest_error: float = 4.0,
    ) -> None:
        super().__init__(model)
        self.name, self.terms, self.tariff, self.peer = name, terms, tariff, peer
        self.streams, self.block, self.largest_error = streams, block, largest_error
        self.tables = DayTables(load_profiles, round(1 / hours_per_period))
        self.pv_profiles = pv_profiles
        n = annual_kwh.size
        self.members = self._own(annual_kwh, profile, hours_per_period)
        self.today = Today(*(np.zeros(n, np.uint16) for _ in Today._fields))
        half = (self.members.battery_kwh * np.float32(0.5)).astype(np.float32)
        periods = load_profiles.values.shape[2]
        noise = (terms.noise_sigma, terms.noise_rho)
        self.load_noise = noise_table(streams, "load noise", name, periods, ROWS, *noise)
        self.pv_noise = noise_table(streams, "pv noise", name, periods, ROWS, terms.pv_noise_sigma, terms.noise_rho)
        self.state = State(half, half.copy(), np.zeros(n, np.int32), np.zeros(n, np.int32))
        rows = len(tariff.classes) + ENERGY_ROWS
        self.accounts = Accounts(np.zeros((rows, n), np.int64), np.zeros((4, n)))
        self.bills, self.billed = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.lines = member_lines(tariff, peer)
        self.posted = np.zeros(len(self.lines), np.int64)
        self.billed_days = 0
        draws = (streams.uniforms("quote", name, ROWS, draw=t) for t in range(periods))
        self.quote_draws = np.stack(list(draws))

    def _own(self, annual_kwh: NDArray[np.float32], profile: NDArray[np.uint8], hours: float) -> Members:
        terms, n = self.terms, annual_kwh.size
        owns = self._draw("pv")
        spread = np.sqrt(np.log1p(terms.pv_kwp_cv**2))
        size = terms.pv_kwp * np.exp(spread * ndtri(self._draw("pv size")) - spread**2 / 2)
        battery = (owns < terms.pv_share) & (self._draw("storage") < terms.storage_share)
        takes_part = self._draw("consent") < terms.consent_share
        shares = np.cumsum([getattr(terms.strategies, each) for each in STRATEGY_NAMES])
        chosen = TRUTHFUL + np.searchsorted(shares[:-1], self._draw("strategy"), side="right")
        strategy = np.where(takes_part, chosen, NO_CONSENT)
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
        )
        order = np.lexsort((owned.strategy, owned.pv_annual_kwh == 0, owned.battery_kwh == 0))
        ordered: list[Any] = [column[order] for column in owned]
        return Members(*ordered)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Row of each member in the columns, by its number, shape (n,)."""
        return np.argsort(self.members.number)

    def _widen(self, load: NDArray[np.float64], pv: NDArray[np.float64]) -> None:
        """Keep the period's energies in 64 bits once 32 might not hold the highest meter of a day."""
        highest = float(self.members.annual_kwh.max()) * load.max() * self.load_noise.max()
        highest += float(self.members.pv_annual_kwh.max()) * pv.max() * self.pv_noise.max()
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
        kernels.draw_day(k0, k1, day.index, candidates, self.tables.shifts, ROWS, self.members, self.today, self.block)
        load = expected * respond(self.terms, self.tariff, day.day_type, expected)
        pv = self.pv_profiles.of_day(day.date)
        self._widen(load, pv)
        totals = kernels.plan_day(
            self.members,
            self.today,
            self.state,
            load * load_error,
            pv * pv_error,
            self.terms.storage_efficiency,
            least,
            self.block,
        )
        periods = load.shape[1]
        return DayPlan(
            np.ascontiguousarray(load.T),
            np.ascontiguousarray(pv.T),
            self.tariff.class_of_period(day.day_type, periods),
            self.tariff.energy_price(day.day_type, periods),
            totals,
        )

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
        # Members choose between peers and supplier: the levy is due either way and drops out.
        buy_limit = plan.energy_price + self.tariff.network_per_kwh - self.peer.wheeling - self.peer.fee_buyer
        sell_limit = np.full_like(buy_limit, max(self.peer.feed_in, 0.0) + self.peer.fee_seller)
        buy_tick = np.clip(np.floor((buy_limit - floor) / tick + 1e-9), -1, highest)[:, None]
        sell_tick = np.clip(np.ceil((sell_limit - floor) / tick - 1e-9), 0, highest + 1)[:, None]
        strategies = max(ZI_CONSTRAINED, int(self.members.strategy.max())) + 1
        shape = (buy_limit.size, strategies, ROWS)
        buy, sell = np.empty(shape, np.int32), np.empty(shape, np.int32)
        buy[:], sell[:] = buy_tick[:, :, None], sell_tick[:, :, None]
        buy[:, ZI_CONSTRAINED] = np.minimum(self.quote_draws * (buy_tick + 1), buy_tick)
        sell[:, ZI_CONSTRAINED] = sell_tick + self.quote_draws * (highest - sell_tick + 1)
        return Quotes(buy_limit, sell_limit, buy, sell)

    def quote(
        self, period: int, plan: DayPlan, quotes: Quotes, errors: tuple[float, float], ticks: int, least: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Plan a period on the gate forecast and quote it; see :func:`gridagora.agents.kernels.quote`.

        Parameters
        ----------
        period : int
            Settlement period of the day.
        plan, quotes : DayPlan, Quotes
            The day.
        errors : tuple of float
            Gate errors of load and generation.
        ticks : int
            Price ticks of the auction.
        least : int
            Least energy of an offer [1e-6 kWh].
        """
        curves, totals = kernels.quote(
            self.members,
            self.today,
            self.state,
            plan.load[period] * errors[0],
            plan.pv[period] * errors[1],
            quotes.buy[period],
            quotes.sell[period],
            ticks,
            self.terms.storage_efficiency,
            least,
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
            self.block,
        )
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
        """Split the meters of a period into their uses; see :func:`gridagora.agents.delivery.settle`.

        Parameters
        ----------
        period : int
            Settlement period of the day.
        plan, quotes : DayPlan, Quotes
            The day.
        margins, prices, cuts, least, own_price
            As the kernel takes them.
        """
        totals: NDArray[np.int64] = delivery.settle(
            self.members,
            self.today,
            self.state,
            self.accounts,
            int(plan.price_class[period]),
            quotes.buy[period],
            quotes.sell[period],
            margins,
            prices,
            cuts,
            least,
            own_price,
            self.block,
        )
        return totals

    def bill_to_date(self) -> NDArray[np.int64]:
        """Return what each bill line has grown by since it was last posted [1e-6 currency], shape (n_lines,).

        Every member's line is rounded once, to date, so that a month has one rounding however often it is posted.
        """
        self.billed_days += 1
        quantity = np.stack([line.quantity for line in self.lines])
        price = np.array([line.price for line in self.lines])
        on_money = np.stack([line.money for line in self.lines])
        fixed = np.array([line.per_day for line in self.lines]) * self.billed_days * 1e6
        sums = delivery.bill_lines(self.accounts, quantity, price, on_money, fixed, self.bills, self.block)
        grown: NDArray[np.int64] = sums - self.posted
        self.posted = sums
        return grown

    def close_month(self) -> list[tuple[Line, float, float]]:
        """Issue the bills and open new ones.

        Returns
        -------
        list of (Line, quantity [kWh or days], amount [currency])
            Sums over the members.
        """
        days = float(self.billed_days * len(self))
        issued = []
        for line, posted in zip(self.lines, self.posted, strict=True):
            quanta = sum(int(row.sum() * w) for row, w in zip(self.accounts.energy, line.quantity, strict=True) if w)
            issued.append((line, days if line.per_day else quanta / 1e6, int(posted) / 1e6))
        self.billed += self.bills
        self.accounts.energy[:] = 0
        self.accounts.money[:] = 0.0
        self.bills[:] = 0
        self.posted = np.zeros(len(self.lines), np.int64)
        self.billed_days = 0
        return issued

    @property
    def annual_quanta(self) -> NDArray[np.int64]:
        """Expected yearly consumption by base profile [1e-6 kWh], shape (n_profiles,); sums of integers."""
        sums = np.zeros(len(self.tables.profiles.names), np.int64)
        np.add.at(sums, self.members.profile, np.rint(self.members.annual_kwh * QUANTA_PER_KWH).astype(np.int64))
        return sums
