"""Tariffs with other prices, and what was sold at them since prices were last set."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from gridagora.agents.columns import T_RETAIL

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.markets.tariffs.tariff import Tariff
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.simulation import Simulation

#: Fields that hold energy prices, and the one that holds parts with such fields.
_PRICES, _PARTS = ("energy_per_kwh", "event_per_kwh"), "seasons"
#: An offer of a population: its name and number.
Place = tuple[str, int]


def can_scale(tariff: Tariff) -> bool:
    """Return whether a tariff has energy prices of its own that can be scaled."""
    return not tariff.follows_pool and any(name in type(tariff).model_fields for name in (*_PRICES, _PARTS))


def scaled(tariff: Any, factor: float) -> Any:
    """Return a tariff with its energy prices times a factor.

    Parameters
    ----------
    tariff : Tariff
        One that :func:`can_scale`.
    factor : float
        Above 0 [1].
    """
    changed: dict[str, Any] = {}
    for name in type(tariff).model_fields:
        value = getattr(tariff, name)
        if name in _PRICES:
            many = isinstance(value, dict)
            changed[name] = {key: price * factor for key, price in value.items()} if many else value * factor
        elif name == _PARTS:
            changed[name] = {key: scaled(part, factor) for key, part in value.items()}
    return tariff.model_copy(update=changed)


def pinned(tariff: Tariff, periods: int) -> Tariff:
    """Return a tariff whose reference price is written out: members respond to changes of it, not relative to them."""
    return tariff.model_copy(update={"reference_per_kwh": tariff.reference_price(periods)})


def reprice(model: Simulation, population: Population, offer: int, tariff: Tariff, weight: int) -> None:
    """Let an offer have other prices from tomorrow on; open bills are issued first.

    Parameters
    ----------
    model : Simulation
        The run.
    population : Population
        Whose offer it is.
    offer : int
        Its number.
    tariff : Tariff
        With the same classes and parts.
    weight : int
        Days that today stands for.
    """
    if population.billing.billed_days:
        model.recorder.bill(population, weight)
    population.set_tariff(offer, tariff)


def is_year_end(model: Simulation, record: DayRecord) -> bool:
    """Return whether a day is the last one of its year, or of the run, that is simulated."""
    days = model.calendar.simulated
    place = bisect_right(days, record.day.index)
    return place == len(days) or model.calendar.day(days[place]).year != record.day.year


class Sales:
    """What was sold since prices were last set, by offer: energy [kWh], its energy part and network charge [currency].

    Attributes
    ----------
    kwh, energy, network : dict
        By population and number of the offer.
    days : int
        Days that count [d].
    pool : ndarray, shape (2,)
        What the supplier paid in the pool [currency], and for how much energy [kWh].
    """

    def __init__(self) -> None:
        self.kwh: defaultdict[Place, float] = defaultdict(float)
        self.energy: defaultdict[Place, float] = defaultdict(float)
        self.network: defaultdict[Place, float] = defaultdict(float)
        self.days, self.first = 0, -1
        self.pool = np.zeros(2)

    def note(self, record: DayRecord) -> None:
        """Add a day."""
        self.first = record.day.index if self.first < 0 else self.first
        self.days += record.weight
        for entry in record.populations:
            for number, offer in enumerate(entry.population.offers):
                retail = entry.settled[:, number, T_RETAIL] / 1e6
                place, tariff = (entry.population.name, number), offer.tariff
                self.kwh[place] += record.weight * float(retail.sum())
                self.energy[place] += record.weight * float(retail @ entry.plan.energy_price[number])
                self.network[place] += record.weight * float(retail.sum()) * tariff.network_per_kwh
        bought = record.purchased / 1e6
        self.pool += record.weight * np.array([bought @ np.asarray(record.pool.price), bought.sum()])

    def result(self, model: Simulation, party: str) -> float:
        """Return what a party received less what it paid outside business models, as often as days count [currency]."""
        rows = model.ledger.frame()
        rows = rows[(rows["day"] >= self.first) & (rows["business_model"] == "")]
        amount = rows["amount_micro"].to_numpy() * model.parts.horizon.weight_of(rows["day"])
        received = amount[(rows["payee"] == party).to_numpy()].sum() - amount[(rows["payer"] == party).to_numpy()].sum()
        return float(received) / 1e6

    @property
    def pool_price(self) -> float:
        """Mean price of the supplier's purchases in the pool [currency/kWh]; nan without any."""
        return float(self.pool[0] / self.pool[1]) if self.pool[1] else float("nan")
