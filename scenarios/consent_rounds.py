"""Month ends at which members decide again whether their data may be used (model.md A1.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.columns import NO_CONSENT
from gridagora.agents.consent import Privacy, consents
from gridagora.markets.strategies.draws import Draws
from gridagora.sim.metrics import DAYS_PER_MONTH

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.simulation import Simulation

#: Business model of the postings.
CONSENT = "consent"


class ConsentRound:
    """Who of a population lets its data be used, without which nobody trades online.

    Parameters
    ----------
    population : Population
        With the section `consent`.
    strategy : ndarray of uint8, shape (n,)
        How each member bids once it consents, by row.
    """

    def __init__(self, population: Population, strategy: NDArray[np.uint8]) -> None:
        self.population, self.strategy, self.terms = population, strategy, population.terms.consent
        terms = self.terms
        privacy = Privacy(terms.privacy_median, terms.privacy_sigma, terms.sharpness)
        self.draws = Draws(population.streams.seed, population.name)
        self.number = population.members.number.astype(np.int64)
        #: What each member decides whenever it decides: costs and mood stay with it.
        self.decision = consents(privacy, np.full(self.number.size, terms.reward_per_month), self.number, self.draws)
        self.days = 0

    def close(self, model: Simulation, record: DayRecord) -> None:
        """Pay for the data of the month, then let some decide again."""
        self.days += 1
        if not record.day.is_month_end:
            return
        strategies = self.population.members.strategy
        before = strategies != NO_CONSENT
        reward = round(self.terms.reward_per_month * 1e6 * self.days / DAYS_PER_MONTH)
        paid = reward * int(before.sum())
        name = self.population.name
        model.ledger.post(record.day.index, model.parts.auctioneer, name, "data_reward", paid, CONSENT)
        uniform = self.draws.uniforms("reconsider", self.number, record.day.month_index)[0]
        asked = uniform < self.terms.reconsider_per_month
        after = np.where(asked, self.decision, before)
        strategies[:] = np.where(after, self.strategy, NO_CONSENT)
        model.recorder.append(
            "consent",
            {
                "month": np.array([record.day.month_index]),
                "population": [name],
                "members": np.array([int(after.sum())]),
                "joined": np.array([int((after & ~before).sum())]),
                "left": np.array([int((before & ~after).sum())]),
                "reward": np.array([paid / 1e6]),
            },
            keep=True,
        )
        self.days = 0
