"""Members that learn to bid: strategies of :mod:`gridagora.markets.strategies` in the online auction of a run (A4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.columns import LEARNING
from gridagora.markets.orders import BUY, SELL
from gridagora.markets.strategies.call_market import Bidders
from gridagora.markets.strategies.draws import Draws
from gridagora.markets.strategies.registry import strategy
from gridagora.markets.strategies.strategy import Context, Feedback, Published

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.scenarios.schema_market import Market


@dataclass(frozen=True, slots=True, eq=False)
class Quoted:
    """What the learners of one strategy and side quoted in an auction.

    Parameters
    ----------
    bidders : Bidders
        Strategy and what its members have learnt.
    at : ndarray of int64, shape (n,)
        Places of their orders among those of the population.
    context : Context
        What they knew.
    price : ndarray, shape (n,)
        Prices of their orders, on ticks [currency/kWh].
    """

    bidders: Bidders
    at: NDArray[np.int64]
    context: Context
    price: NDArray[np.float64]


class Learners:
    """The members of one population that learn; buying and selling are learnt apart.

    Parameters
    ----------
    population : Population
        Members; those with a strategy of `LEARNING` learn.
    market : section of the scenario
        Price bounds and tick.
    seed : int
        Seed of the run.
    """

    def __init__(self, population: Population, market: Market, seed: int) -> None:
        self.market = market
        self.groups: dict[tuple[int, int], Bidders] = {}
        n = len(population)
        for code in np.unique(population.members.strategy).tolist():
            if code not in LEARNING:
                continue
            rules, who = strategy(LEARNING[code]), np.flatnonzero(population.members.strategy == code)
            for side, word in ((BUY, "buying"), (SELL, "selling")):
                draws = Draws(seed, f"{population.name} {word}")
                self.groups[code, side] = Bidders(rules, who, rules.remember(n, draws), draws)

    def quote(
        self,
        member: NDArray[np.int64],
        codes: NDArray[np.uint8],
        side: NDArray[np.int8],
        tick: NDArray[np.int64],
        quanta: NDArray[np.int64],
        limits: NDArray[np.float64],
        number: int,
    ) -> list[Quoted]:
        """Replace the ticks of learners' orders by what they quote, never past their limits.

        Parameters
        ----------
        member, codes, side, tick, quanta : ndarray, shape (orders,)
            Number and strategy of the member; side, tick of the limit (written) and energy [1e-6 kWh] of its order.
        limits : ndarray of float64, shape (orders,)
            Reservation prices [currency/kWh].
        number : int
            Number of the auction in the run.
        """
        floor, step, quoted = self.market.floor_per_kwh, self.market.tick_per_kwh, []
        for (code, direction), bidders in self.groups.items():
            at = np.flatnonzero((codes == code) & (side == direction))
            limit = limits[at]
            energy = np.multiply(quanta[at], 1e-6, dtype=np.float64)
            context = Context(
                member[at],
                side[at],
                limit,
                energy,
                floor,
                self.market.cap_per_kwh,
                bidders.memory,
                bidders.draws,
                number,
            )
            wanted = (bidders.strategy.quote(context)[0] - floor) / step
            if direction == BUY:
                tick[at] = np.clip(np.floor(wanted + 1e-9), 0, tick[at])
            else:
                highest = int((self.market.cap_per_kwh - floor) / step + 1e-9)
                tick[at] = np.clip(np.ceil(wanted - 1e-9), tick[at], highest)
            rounded = floor + np.multiply(step, tick[at], dtype=np.float64)
            quoted.append(Quoted(bidders, at, context, rounded))
        return quoted


def learn(quoted: list[Quoted], award: NDArray[np.int64], price: NDArray[np.float64], published: Published) -> None:
    """Let learners hear how their orders fared.

    Parameters
    ----------
    quoted : list of Quoted
        What they quoted.
    award, price : ndarray, shape (orders,)
        Awards [1e-6 kWh] and their prices [currency/kWh] of all orders of the population.
    published : Published
        What everyone learns.
    """
    for entry in quoted:
        energy = np.multiply(award[entry.at], 1e-6, dtype=np.float64)
        paid = np.where(energy > 0, price[entry.at], np.nan)
        entry.bidders.strategy.learn(
            Feedback(entry.context, entry.price, entry.context.quantity, energy, paid, published)
        )
