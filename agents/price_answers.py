"""What becomes of answers to prices over months: habits, awareness and bills that members remember (model.md A1.2)."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.demand import respond
from gridagora.agents.perception import block_price, habit, rebated_on

if TYPE_CHECKING:
    from gridagora.agents.billing import Issued
    from gridagora.markets.tariffs.tariff import Tariff
    from gridagora.sim.clock import Day

#: Weight below which an old habit is forgotten.
FORGOTTEN = 1e-6
#: Mean days of a month [d].
DAYS_A_MONTH = 365.25 / 12


@dataclass(slots=True)
class Habit:
    """How much of the answer to each tariff so far is in the habits of those under an offer.

    After m months begun under a tariff the load is (1 - share)^m d_before + (1 - (1 - share)^m) d_new, and what was
    before is such a sum itself, back to the load at the reference price. Who joins an offer has the habits of those who
    are there.

    Parameters
    ----------
    share : float
        Share of the way that each month begun covers, above 0 to 1.
    """

    share: float
    tariffs: list[Tariff | None] = field(default_factory=lambda: [None])
    weights: list[float] = field(default_factory=lambda: [1.0])
    month: int = 0

    def mix(self, tariff: Tariff, month: int) -> list[tuple[Tariff | None, float]]:
        """Return the tariffs that the load answers and their weights, which sum to 1, the present one last.

        Parameters
        ----------
        tariff : Tariff
            Present tariff of the offer.
        month : int
            Number of the month in the run; where it falls, as it may in an appraisal, habits stay.

        Returns
        -------
        list of (Tariff or None, float)
            None for the load at the reference price.
        """
        begun = max(month - self.month, 0)
        self.month += begun
        if tariff is self.tariffs[-1] or tariff == self.tariffs[-1]:
            self._go_on(begun)
        else:
            self._go_on(max(begun - 1, 0))
            self.tariffs.append(tariff)
            self.weights.append(0.0)
            self._go_on(1)
        return list(zip(self.tariffs, self.weights, strict=True))

    def _go_on(self, months: int) -> None:
        if not months or len(self.weights) == 1:
            return
        older = [float(habit(weight, 0.0, months, self.share)) for weight in self.weights[:-1]]
        kept = [number for number, weight in enumerate(older) if weight >= FORGOTTEN]
        self.tariffs = [*(self.tariffs[number] for number in kept), self.tariffs[-1]]
        self.weights = [*(older[number] for number in kept), 1.0 - sum(older[number] for number in kept)]


@dataclass(slots=True)
class Awareness:
    """Share of the response that shows, by segment; notices raise it, time brings it back (model.md A1.2, D5).

    Parameters
    ----------
    base : list of float, one a segment
        Awareness without notices [1].
    notices : section of the scenario or None
        With ``per_month``, ``rise`` and ``decay_per_month``.
    """

    base: list[float]
    notices: Any
    now: list[float] = field(init=False)
    month: int | None = None

    def __post_init__(self) -> None:
        self.now = list(self.base)

    def of_month(self, month: int) -> list[float]:
        """Return awareness in a month of the run, by segment; where it falls, as it may in an appraisal, it stays."""
        if self.notices is None or (self.month is not None and month <= self.month):
            return self.now
        first = self.month is None
        for _ in range(1 if self.month is None else month - self.month):
            kept = 1.0 if first else 1.0 - self.notices.decay_per_month
            missed = (1.0 - self.notices.rise) ** self.notices.per_month
            forgot = [base + kept * (now - base) for base, now in zip(self.base, self.now, strict=True)]
            self.now = [1.0 - (1.0 - now) * missed for now in forgot]
        self.month = month
        return self.now


class PriceAnswers:
    """Answers of a population's members to the prices of their offers.

    Members under one offer and of one segment answer alike; nothing is kept for a single member.

    Parameters
    ----------
    terms : section of the scenario
        Such as ``households``.
    offers : int
        Number of offers.
    annual_kwh : float
        Yearly consumption of the mean member [kWh].

    Attributes
    ----------
    average : list of float or None, one an offer
        Last bill over its energy [currency/kWh].
    monthly_kwh : list of float, one an offer
        Use of the mean member in a month, by the last bill [kWh].
    """

    def __init__(self, terms: Any, offers: int, annual_kwh: float) -> None:
        self.terms = terms
        app = terms.awareness if terms.technology_awareness is None else terms.technology_awareness
        self.awareness = Awareness([terms.awareness, app], terms.notices)
        self.habits = [Habit(terms.habit) for _ in range(offers)]
        self.average: list[float | None] = [None] * offers
        self.expected_kwh = annual_kwh / 12
        self.monthly_kwh = [self.expected_kwh] * offers

    def apart(self) -> PriceAnswers:
        """Return answers that begin like these and then go months of their own, for an appraisal."""
        other = copy(self)
        other.awareness = copy(self.awareness)
        other.habits = [
            replace(habit, tariffs=list(habit.tariffs), weights=list(habit.weights)) for habit in self.habits
        ]
        return other

    def factor(
        self,
        offer: int,
        tariff: Tariff,
        day: Day,
        load: NDArray[np.float64],
        prices: NDArray[np.float64],
        technology: bool,
    ) -> NDArray[np.float64]:
        """Return the load of a segment of an offer's members relative to that at the reference price.

        Parameters
        ----------
        offer : int
            Number of the offer.
        tariff : Tariff
            Its tariff.
        day : Day
            The day.
        load : ndarray of float64, shape (n_codes, periods)
            Loads at the reference price, any unit.
        prices : ndarray of float64, shape (periods,)
            Announced retail price [currency/kWh].
        technology : bool
            Whether the members have enabling technology.

        Returns
        -------
        ndarray of float64, shape (periods,) or (n_codes, periods)
        """
        mix = self.habits[offer].mix(tariff, day.month_index)
        answer = self._answer(offer, tariff, day, load, prices, technology)
        if len(mix) == 1:
            return answer
        answer = mix[-1][1] * answer
        for older, weight in mix[:-1]:
            if older is None:
                answer = answer + weight
            else:
                before = older.energy_on(day, load.shape[-1]) + older.network_per_kwh + older.levy_per_kwh
                answer = answer + weight * self._answer(offer, older, day, load, before, technology)
        return np.asarray(answer)

    def _answer(
        self,
        offer: int,
        tariff: Tariff,
        day: Day,
        load: NDArray[np.float64],
        prices: NDArray[np.float64],
        technology: bool,
    ) -> NDArray[np.float64]:
        return respond(
            self.terms,
            tariff,
            day,
            load.shape[-1],
            load,
            prices=self.believed(offer, tariff, day, prices),
            technology=technology,
            awareness=self.awareness.of_month(day.month_index)[int(technology)],
            reference=self.reference(tariff, load.shape[-1]),
        )

    def reference(self, tariff: Tariff, periods: int) -> float:
        """Return the price that responses are relative to [currency/kWh].

        That of the tariff, and unless it is given as `reference_per_kwh`, what its blocks add to a kWh on average.
        """
        reference = tariff.reference_price(periods)
        if tariff.blocks is not None and tariff.reference_per_kwh is None:
            reference += block_price("average", tariff.blocks, self.expected_kwh)
        return reference

    def believed(self, offer: int, tariff: Tariff, day: Day, prices: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the price that an offer's members believe to pay on a day [currency/kWh], shape (periods,).

        Who answers the average price believes in the reference price until the first bill comes, and then in one price
        at all times. The others add what the block of their use adds, and in events the share of the rebate that they
        count as a price: what they would forgo by using.

        Parameters
        ----------
        offer : int
            Number of the offer.
        tariff : Tariff
            Its tariff.
        day : Day
            The day.
        prices : ndarray of float64, shape (periods,)
            Announced retail price [currency/kWh].
        """
        perceived = self.terms.perceived_price
        if perceived == "average":
            average = self.average[offer]
            return np.full(prices.size, self.reference(tariff, prices.size) if average is None else average)
        if tariff.blocks is not None:
            prices = prices + block_price(perceived, tariff.blocks, self.monthly_kwh[offer], self.terms.use_uncertainty)
        event = rebated_on(tariff, day, prices.size)
        if tariff.rebate is not None and event.any():
            prices = np.where(event, prices + self.terms.rebate_salience * tariff.rebate.rebate_per_kwh, prices)
        return prices

    def remember(self, offers: Iterable[str], issued: Iterable[Issued], members: NDArray[np.intp], days: int) -> None:
        """Take note of bills: what members pay for energy from the supplier and the grid, and how much they use.

        Parameters
        ----------
        offers : iterable of str
            Names of the offers, in order.
        issued : iterable of Issued
            Lines of the bills, summed over the members of an offer.
        members : ndarray of int, shape (n_offers,)
            Members under each offer.
        days : int
            Days of the bill [d].
        """
        lines = [(each.offer, each.line, each.quantity, each.amount) for each in issued]
        for offer, name in enumerate(offers):
            theirs = [(line, quantity, amount) for of, line, quantity, amount in lines if of == name]
            # The levy is due on every kWh withdrawn, so its quantity is what they used.
            kwh = sum(quantity for line, quantity, _ in theirs if line.account == "levy")
            if kwh > 0:
                charges = ("retail", "reliability", "network", "levy")
                self.average[offer] = sum(amount for line, _, amount in theirs if line.account in charges) / kwh
                self.monthly_kwh[offer] = float(kwh / members[offer] * DAYS_A_MONTH / days)
