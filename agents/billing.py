"""The bills of a population: what each line grows by day for day, and the month's close (market_day.md 4)."""

from __future__ import annotations

import calendar as months
import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.bill_kernels import LineTable, bill_lines
from gridagora.agents.columns import ENERGY_ROWS, Accounts
from gridagora.markets.settlement import PeerTerms, member_lines

if TYPE_CHECKING:
    from gridagora.markets.tariffs.lines import Line
    from gridagora.markets.tariffs.offers import Offer

#: Hours of the year that mean powers refer to [h].
HOURS_A_YEAR = 8760.0


def month_length(day: date) -> int:
    """Return the days of a calendar month [d]."""
    return months.monthrange(day.year, day.month)[1]


def _bounded(line: Line) -> bool:
    """Return whether a line's quantity may leave what is charged."""
    return line.low > 0 or line.high < math.inf or min(line.registers.values(), default=0.0) < 0


@dataclass(frozen=True, slots=True)
class Issued:
    """A line of the bills of a month, summed over the members.

    Parameters
    ----------
    offer : str
        Name of the offer.
    line : Line
        The line.
    quantity : float
        In `unit`.
    unit : str
        Unit of the quantity.
    amount : float
        [currency]
    """

    offer: str
    line: Line
    quantity: float
    unit: str
    amount: float


class Billing:
    """Accounts, lines and bills of the members of a population.

    Parameters
    ----------
    offers : tuple of Offer
        Tariffs that members may have.
    peer : PeerTerms
        Wheeling, fees and feed-in price.
    annual_kwh : ndarray of float32, shape (n,)
        Expected yearly consumption, which contracted powers follow [kWh].
    offer : ndarray of uint8, shape (n,)
        Offer of each member, read whenever bills are made.
    first_day : date
        First day of the run.
    n_days : int
        Days of the run [d].
    block : int
        Members a block.
    """

    def __init__(
        self,
        offers: tuple[Offer, ...],
        peer: PeerTerms,
        annual_kwh: NDArray[np.float32],
        offer: NDArray[np.uint8],
        first_day: date,
        n_days: int,
        block: int,
    ) -> None:
        n = annual_kwh.size
        self.peer, self.block, self.n_classes = peer, block, max(len(offer.tariff.classes) for offer in offers)
        self.registers = tuple(sorted({name for offer in offers for name in offer.tariff.registers}))
        self.offer, self.mean_kw = offer, annual_kwh / HOURS_A_YEAR
        rows, real_time = self.n_classes + ENERGY_ROWS + len(self.registers), any(o.tariff.follows_pool for o in offers)
        self.accounts = Accounts(np.zeros((rows, n), np.int64), np.zeros((4 + real_time, n)))
        self.bills, self.billed = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.last_bills = np.zeros(n, np.int64)
        self.billed_days, self.share = 0, 0.0
        #: Energies of the last bill, where somebody asks for them, shaped as the open account's [1e-6 kWh].
        self.last_energy: NDArray[np.int64] | None = None
        self.keeps_energy = False
        self.today = first_day
        dates = [first_day + timedelta(days=number) for number in range(n_days)]
        self.days_of = {(day.year, day.month): 0 for day in dates}
        for day in dates:
            self.days_of[day.year, day.month] += 1
        self.set_offers(offers)
        self.open_month()

    def set_offers(self, offers: tuple[Offer, ...]) -> None:
        """Take other prices from the next bill on; tariffs keep their classes and registers.

        Raises
        ------
        ValueError
            If a bill is open, or an offer has other classes or needs other registers than before.
        """
        if self.billed_days:
            raise ValueError(f"offers: given with {self.billed_days} days unbilled; allowed after a bill is issued")
        if max(len(offer.tariff.classes) for offer in offers) > self.n_classes or not all(
            set(offer.tariff.registers) <= set(self.registers) for offer in offers
        ):
            raise ValueError("offers: given tariffs with further price classes or parts; allowed other prices only")
        self.offers = offers
        self.lines: list[tuple[int, Line]] = [
            (number, line) for number, offer in enumerate(offers) for line in member_lines(offer.tariff, self.peer)
        ]
        self.table = self._table()
        self.posted = np.zeros(len(self.lines), np.int64)

    def row(self, register: str) -> int:
        """Return the row of a register in the energy columns; -1 where no tariff needs it."""
        if register not in self.registers:
            return -1
        return self.n_classes + ENERGY_ROWS + self.registers.index(register)

    def lines_of(self, offer: int) -> tuple[Line, ...]:
        """Return the lines of one offer."""
        return tuple(line for number, line in self.lines if number == offer)

    def _table(self) -> LineTable:
        n_lines, (n_rows, _), n_money = len(self.lines), self.accounts.energy.shape, self.accounts.money.shape[0]
        quantity, on_money = np.zeros((n_lines, n_rows)), np.zeros((n_lines, n_money))
        for at, (number, line) in enumerate(self.lines):
            classes = len(self.offers[number].tariff.classes)
            quantity[at, :classes] = line.quantity[:classes]
            quantity[at, self.n_classes : self.n_classes + ENERGY_ROWS] = line.quantity[classes:]
            for name, weight in line.registers.items():
                quantity[at, self.row(name)] = weight
            on_money[at, :4] = line.money
            if line.real_time:
                on_money[at, 4] = 1.0
        lines = [line for _, line in self.lines]
        return LineTable(
            offer=np.array([number for number, _ in self.lines]),
            quantity=quantity,
            price=np.array([line.price for line in lines]),
            on_money=on_money,
            low=np.array([line.low * 1e6 if _bounded(line) else -math.inf for line in lines]),
            high=np.array([line.high * 1e6 for line in lines]),
            before=np.array([self.row("year") if line.in_year else -1 for line in lines]),
            on_lines=np.array([line.on_lines for line in lines]),
        )

    def open_month(self) -> None:
        """Set what is contracted, which no meter counts: at the start of a month, and after members switched."""
        for name, part in (("contracted", "capacity"), ("subscribed", "service")):
            if name in self.registers:
                terms = [getattr(offer.tariff, part) for offer in self.offers]
                factors = np.array([getattr(of, f"{name}_to_mean") if of is not None else 0.0 for of in terms])
                self.accounts.energy[self.row(name)] = np.rint(self.mean_kw * factors[self.offer] * 1e6)

    def quota(self, day: date) -> NDArray[np.float64]:
        """Return what packages include in the month of a day, pro rata, shape (n_offers,) [1e-6 kWh]."""
        share = self.days_of[day.year, day.month] / month_length(day)
        packages = [offer.tariff.package for offer in self.offers]
        return np.array([of.included_kwh * share * 1e6 if of is not None else 0.0 for of in packages])

    def to_date(self, day: date) -> NDArray[np.int64]:
        """Return what each bill line has grown by since it was last posted [1e-6 currency], shape (n_lines,).

        Every member's line is rounded once, to date, so that a month has one rounding however often it is posted.

        Parameters
        ----------
        day : date
            The day that is billed.
        """
        self.today = day
        self.billed_days += 1
        self.share = self.billed_days / month_length(day)
        lines = [line for _, line in self.lines]
        fixed = [line.per_day * self.billed_days + line.per_month * self.share for line in lines]
        scale = [self.share if line.monthly else 1.0 for line in lines]
        sums = bill_lines(
            self.accounts, self.offer, self.table, np.array(fixed) * 1e6, np.array(scale), self.bills, self.block
        )
        grown: NDArray[np.int64] = sums - self.posted
        self.posted = sums
        return grown

    def close(self) -> list[Issued]:
        """Issue the bills and open new ones.

        Returns
        -------
        list of Issued
        """
        issued = [self._issue(at) for at in range(len(self.lines))]
        self.billed += self.bills
        self.last_bills = self.bills.copy()
        energy = self.accounts.energy
        if self.keeps_energy:
            self.last_energy = energy.copy()
        year, used = self.row("year"), energy[: self.n_classes].sum(axis=0)
        if self.row("included") >= 0:
            used += energy[self.row("included")]
        before = energy[year] + used if year >= 0 and self.today.month < 12 else 0
        energy[:] = 0
        if year >= 0:
            energy[year] = before
        self.accounts.money[:] = 0.0
        self.bills[:] = 0
        self.posted = np.zeros(len(self.lines), np.int64)
        self.billed_days, self.share = 0, 0.0
        self.open_month()
        return issued

    def _issue(self, at: int) -> Issued:
        number, line = self.lines[at]
        amount = int(self.posted[at]) / 1e6
        theirs = self.offer == number
        members = int(theirs.sum())
        if line.per_day:
            unit, quantity = "day", float(self.billed_days * members)
        elif line.per_month:
            unit, quantity = "month", self.share * members
        elif line.on_lines:
            unit, quantity = "currency", amount / line.on_lines
        else:
            unit, quantity = line.unit, self._quanta(at, theirs) / 1e6
            quantity *= self.share if line.monthly else 1.0
        return Issued(self.offers[number].name, line, quantity, unit, amount)

    def _quanta(self, at: int, theirs: NDArray[np.bool_]) -> float:
        """Return the quantity of a line over the members that have it [1e-6 unit]."""
        weighed = zip(self.accounts.energy, self.table.quantity[at], strict=True)
        if not _bounded(self.lines[at][1]):
            rows = [(row if len(self.offers) == 1 else row[theirs], weight) for row, weight in weighed if weight]
            return sum(int(row.sum() * weight) for row, weight in rows)
        total = sum((row[theirs] * weight for row, weight in weighed if weight), np.zeros(int(theirs.sum())))
        low, high, before = self.table.low[at], self.table.high[at], int(self.table.before[at])
        start = self.accounts.energy[before][theirs] if before >= 0 else np.zeros(total.size)
        return float((np.clip(total + start, low, high) - np.clip(start, low, high)).sum())
