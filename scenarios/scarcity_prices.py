"""The pool's prices with an adder where reserves are short, for imbalances and real-time tariffs (model.md B13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.columns import P_INJECTION, P_WITHDRAWAL
from gridagora.markets.scarcity import scarcity_price

if TYPE_CHECKING:
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.simulation import Simulation


def announced_price(model: Simulation, record: DayRecord) -> NDArray[np.float64]:
    """Return the pool's price of each period, with the adder of `market.scarcity` where it has one.

    Reserves are what plants and imports can generate beyond the load forecast on the eve, losses included.

    Parameters
    ----------
    model : Simulation
        The run.
    record : DayRecord
        The day, its pool cleared.

    Returns
    -------
    ndarray of float64, shape (periods,)
        [currency/kWh]
    """
    market, price = model.scenario.market, np.asarray(record.pool.price, np.float64)
    terms = market.scarcity
    if terms is None:
        return price
    hours = model.calendar.hours_per_period
    load = (record.planned(P_WITHDRAWAL) - record.planned(P_INJECTION) + record.forecast_losses) / 1e6 / hours
    capacity = model.parts.capability / 1e6 / hours
    return scarcity_price(
        price,
        capacity - load,
        np.maximum(load, 1e-9),  # where members feed in more than they draw, reserves are all that there is
        terms.minimum_to_capacity * capacity,
        terms.deviation_to_capacity * capacity,
        margin=np.inf if terms.margin is None else terms.margin,
        value=market.value_of_lost_load_per_kwh,
    )
