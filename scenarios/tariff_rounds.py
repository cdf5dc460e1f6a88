"""Tariffs set again from what the last round brought in: revenue requirement, pass-through (model.md A6, B13, D8.4).

Every round takes the sales of the round before, as regulators do: when customers generate for themselves sales fall,
the same cost is spread over fewer kWh, and prices rise. Where each rise is larger than the one before, `contraction`
above 1, they run away: the death spiral.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridagora.markets.cost_recovery import revenue_requirement
from gridagora.markets.scarcity import passed_through
from gridagora.scenarios.repricing import Place, Sales, can_scale, is_year_end, pinned, reprice, scaled

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.markets.tariffs.tariff import Tariff
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.schema_pricing import NetworkRound, SupplyRound, TariffRounds
    from gridagora.scenarios.simulation import Simulation

DAYS_A_YEAR = 365.25


class TariffRound:
    """Grid company and supplier at the end of each round.

    Parameters
    ----------
    model : Simulation
        The run, built; with the section `tariff_rounds`.
    terms : TariffRounds
        That section.
    """

    def __init__(self, model: Simulation, terms: TariffRounds) -> None:
        self.terms, self.number, self.sales = terms, 0, Sales()
        periods = model.calendar.periods_per_day
        self.populations: dict[str, Population] = {p.name: p for p in model.parts.populations}
        self.base: dict[Place, Tariff] = {}
        for name, population in self.populations.items():
            for number, offer in enumerate(population.offers):
                self.base[name, number] = pinned(offer.tariff, periods)
                population.set_tariff(number, self.base[name, number])
        #: What the first round brought in a day [currency/d], and the pool's price in it [currency/kWh].
        self.first: dict[str, float] = {}
        self.factor = 1.0
        self.changes: dict[str, float] = {}

    def close(self, model: Simulation, record: DayRecord) -> None:
        """Add a day; at the end of a round set charges and prices."""
        self.sales.note(record)
        ends = record.day.is_month_end if self.terms.every == "month" else is_year_end(model, record)
        if not ends:
            return
        if self.terms.network is not None:
            self._network(model, record, self.terms.network)
        if self.terms.supply is not None:
            self._supply(model, record, self.terms.supply)
        self.number += 1
        self.sales = Sales()

    def _kept(self, name: str, a_day: float) -> float:
        """Return what the first round brought a day."""
        return self.first.setdefault(name, a_day)

    def _network(self, model: Simulation, record: DayRecord, terms: NetworkRound) -> None:
        sales = self.sales
        result, charged = sales.result(model, "grid_company"), sum(sales.network.values())
        kept, asked = self._kept("grid_company", result / sales.days), terms.requirement
        if asked is not None:
            parts = (asked.opex_per_year, asked.depreciation_per_year, asked.asset_base, asked.return_rate)
            kept = revenue_requirement(*parts, losses=0.0) / DAYS_A_YEAR
        needed = kept * sales.days - (result - charged)
        factor = max(needed / charged, 0.0) if charged > 0 else 1.0
        if terms.most_change is not None:
            factor = float(np.clip(factor, 1 - terms.most_change, 1 + terms.most_change))
        for (name, number), kwh in sorted(sales.kwh.items()):
            population = self.populations[name]
            present = population.offers[number].tariff
            charge = min(present.network_per_kwh * factor, terms.highest_per_kwh)
            changed = present.model_copy(update={"network_per_kwh": charge})
            prices = (present.network_per_kwh, charge)
            self._note(model, record, "network", (name, number), kwh, prices, (charged, needed, result))
            reprice(model, population, number, changed, record.weight)

    def _supply(self, model: Simulation, record: DayRecord, terms: SupplyRound) -> None:
        sales = self.sales
        places = [
            (name, number)
            for name, population in sorted(self.populations.items())
            for number, offer in enumerate(population.offers)
            if offer.supplier == "supplier" and can_scale(offer.tariff)
        ]
        result, charged = sales.result(model, "supplier"), sum(sales.energy[place] for place in places)
        if terms.kind == "pass_through":
            now = sales.pool_price
            base = self._kept("pool", now) if terms.base_cost_per_kwh is None else terms.base_cost_per_kwh
            needed = charged
        else:
            kept = self._kept("supplier", result / sales.days) * sales.days
            sold = sum(sales.kwh[place] for place in places)
            needed = (kept if terms.margin_per_kwh is None else terms.margin_per_kwh * sold) - (result - charged)
            self.factor *= max(needed / charged, 0.0) if charged > 0 else 1.0
        for name, number in places:
            population, first = self.populations[name], self.base[name, number]
            present, mean = population.offers[number].tariff, float(first.energy_prices.mean())
            factor = self.factor
            if terms.kind == "pass_through" and mean > 0 and not np.isnan(now):
                factor = float(passed_through(mean, now, base, terms.share, terms.band)) / mean
            changed = scaled(first, factor).model_copy(update={"network_per_kwh": present.network_per_kwh})
            prices = (float(present.energy_prices.mean()), float(changed.energy_prices.mean()))
            kwh = sales.kwh[name, number]
            self._note(model, record, "energy", (name, number), kwh, prices, (charged, needed, result))
            reprice(model, population, number, changed, record.weight)

    def _note(
        self,
        model: Simulation,
        record: DayRecord,
        part: str,
        place: Place,
        kwh: float,
        prices: tuple[float, float],
        money: tuple[float, float, float],
    ) -> None:
        """Record an offer's price before and after, and the money of all offers that decided on it."""
        key, change = f"{part} {place}", prices[1] - prices[0]
        last = self.changes.get(key, 0.0)
        self.changes[key] = change
        row = {
            "day": record.day.index,
            "round": self.number,
            "part": part,
            "population": place[0],
            "offer": self.populations[place[0]].offers[place[1]].name,
            "sold_kwh": kwh,
            "old_price": prices[0],
            "price": prices[1],
            "revenue": money[0],
            "requirement": money[1],
            "result": money[2],
            "contraction": abs(change / last) if last else np.nan,
        }
        columns = {name: [value] if isinstance(value, str) else np.array([value]) for name, value in row.items()}
        model.recorder.append("tariff_rounds", columns, keep=True)
