"""A supplier that tries levels of its prices and learns which earns most, in the course of a run (model.md B12)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from gridagora.markets.price_learning import EpsilonGreedy, LinearBandit, PriceSetter
from gridagora.scenarios.repricing import Place, Sales, pinned, reprice, scaled

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.markets.tariffs.tariff import Tariff
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.schema_pricing import Pricing
    from gridagora.scenarios.simulation import Simulation


class PricingRound:
    """A supplier's trials, one at a time.

    It earns the energy part of what the offers sell less the mean cost of a kWh: what the books say that it paid beyond
    all energy parts, over all that its customers used.

    Parameters
    ----------
    model : Simulation
        The run, built; with the section `pricing`.
    terms : Pricing
        That section.
    """

    def __init__(self, model: Simulation, terms: Pricing) -> None:
        self.terms, self.step = terms, 0
        self.offers = [
            (population, number)
            for population in model.parts.populations
            if population.terms.tariff == terms.group
            for number, offer in enumerate(population.offers)
            if terms.offer in (None, offer.name)
        ]
        periods = model.calendar.periods_per_day
        self.base: dict[Place, Tariff] = {
            (population.name, number): pinned(population.offers[number].tariff, periods)
            for population, number in self.offers
        }
        prices = [float(tariff.energy_prices.mean()) for tariff in self.base.values()]
        self.setter = self._setter(model, np.array(terms.arms) * float(np.mean(prices)))
        self.arm = int(np.argmin(np.abs(np.array(terms.arms) - 1.0)))
        self.sales = Sales()
        self._post(model, 1)

    def _setter(self, model: Simulation, prices: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> PriceSetter:
        terms = self.terms
        if terms.kind == "linear_bandit":
            return LinearBandit(prices, terms.optimism)
        fade = math.inf if terms.fade is None else terms.fade
        return EpsilonGreedy(prices, model.parts.streams, f"supplier:{terms.group}", terms.explore, fade)

    def close(self, model: Simulation, record: DayRecord) -> None:
        """Add a day; at the end of a trial learn from it and choose the next level."""
        self.sales.note(record)
        if self.terms.every == "month" and not record.day.is_month_end:
            return
        sales, places = self.sales, list(self.base)
        sold, earned = sum(sales.kwh[p] for p in places), sum(sales.energy[p] for p in places)
        supplied = [
            (population.name, number)
            for population in model.parts.populations
            for number, offer in enumerate(population.offers)
            if offer.supplier == "supplier"
        ]
        spent = sum(sales.energy[place] for place in supplied) - sales.result(model, "supplier")
        used = sum(sales.kwh[place] for place in supplied)
        cost = spent / used if used else 0.0
        demand, profit = sold / sales.days, (earned - cost * sold) / sales.days
        if demand > 0:
            # Such a cost that the setter's price and demand make the profit that was made.
            self.setter.learn(self.arm, float(self.setter.prices[self.arm]) - profit / demand, demand)
        self._note(model, record, demand, cost, profit)
        self.step += 1
        self.arm = self.setter.choose(self.step, cost)
        self.sales = Sales()
        self._post(model, record.weight)

    def _post(self, model: Simulation, weight: int) -> None:
        """Let tomorrow's prices be those of the level that is tried; network charges stay what they are by now."""
        factor = self.terms.arms[self.arm]
        for population, number in self.offers:
            present: Population = population
            network = present.offers[number].tariff.network_per_kwh
            tariff = scaled(self.base[present.name, number], factor).model_copy(update={"network_per_kwh": network})
            if tariff != present.offers[number].tariff:
                reprice(model, present, number, tariff, weight)

    def _note(self, model: Simulation, record: DayRecord, demand: float, cost: float, profit: float) -> None:
        sold = demand * self.sales.days
        earned = sum(self.sales.energy[place] for place in self.base)
        model.recorder.append(
            "pricing",
            {
                "day": np.array([record.day.index]),
                "step": np.array([self.step]),
                "days": np.array([self.sales.days]),
                "group": [self.terms.group],
                "factor": np.array([self.terms.arms[self.arm]]),
                "price": np.array([earned / sold if sold else np.nan]),
                "sold_kwh": np.array([sold]),
                "cost_per_kwh": np.array([cost]),
                "profit": np.array([profit * self.sales.days]),
            },
            keep=True,
        )
