"""Contracts that a cautious provider offers: its worst 5 % of net present values are above 0 on average (D2)."""

from __future__ import annotations

import numpy as np

from gridagora.agents.business_models.frame import PROVIDER, Bools, BusinessModel, Floats, Quantities
from gridagora.agents.business_models.life import (
    Partners,
    by_year,
    discount,
    paying,
    risk_factors,
    survived_years,
)
from gridagora.sim.finance import conditional_value_at_risk
from gridagora.sim.streams import Streams

#: Draws that all contracts share; their worst twentieth is 20 of them.
DRAWS = 400
#: Share of draws that count.
WORST = 0.05
#: Draws times contracts whose cash flows are held at a time.
ROWS = 32768


def low_risk(model: BusinessModel, q: Quantities, partners: Partners, seed: int) -> Bools:
    """Return which contracts a provider that avoids risk offers, shape (n,).

    Parameters
    ----------
    model : BusinessModel
        The terms.
    q : Quantities
        Expected, shape (n,) each.
    partners : Partners
        Lender and insurer.
    seed : int
        Of the random numbers.
    """
    return np.asarray(worst_values(model, q, partners, seed) > 0)


def worst_values(
    model: BusinessModel, q: Quantities, partners: Partners, seed: int, draws: int = DRAWS, share: float = WORST
) -> Floats:
    """Return the mean of the worst share of the provider's net present values of each contract, shape (n,) [currency].

    All contracts have the draws of :func:`~gridagora.agents.business_models.life.simulate`, with the probability of
    default of the terms: prices that fall, fall for all.

    Parameters
    ----------
    model : BusinessModel
        The terms.
    q : Quantities
        Expected, shape (n,) each.
    partners : Partners
        Lender and insurer.
    seed : int
        Of the random numbers.
    draws : int
        Number of draws.
    share : float
        Share of worst draws, above 0, at most 1.
    """
    streams, n = Streams(seed), next(iter(q.values())).size
    by = risk_factors(model, streams, draws)
    alive = paying(model, survived_years(streams, draws, model.risk.default_per_year))
    found, chunk = np.zeros(n), max(1, ROWS // draws)
    for first in range(0, n, chunk):
        some = {
            name: np.outer(value[first : first + chunk], by.get(model.uncertain.get(name, ""), np.ones(draws))).ravel()
            for name, value in q.items()
        }
        values = np.zeros((len(found[first : first + chunk]), draws))
        for year, flows in by_year(model, some, partners):
            worth = (1 + discount(model, PROVIDER)) ** -float(year)
            growth = (1 + model.finance.inflation) ** year
            for flow in flows:
                sign = (flow.payee == PROVIDER) - (flow.payer == PROVIDER)
                if sign:
                    amount = np.broadcast_to(flow.amount, values.size).reshape(values.shape)
                    paid = sign * worth * (1.0 if flow.nominal else growth)
                    values += amount * (paid if flow.stays else paid * alive[:, year])
        found[first : first + chunk] = [conditional_value_at_risk(each, share) for each in values]
    return found
