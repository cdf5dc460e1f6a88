"""Mediators: what may pass an effect on, recorded day by day in one run and imposed on another (model.md D17).

A mediator that is imposed no longer listens to its own causes: rounds that would change it are taken out of the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.markets.tariffs.tariff import Tariff
    from gridagora.scenarios.simulation import Simulation
    from gridagora.sim.clock import Day

#: Errors of forecasts among the paths of an area.
FORECASTS = ("gate_load", "gate_pv", "day_ahead_load", "day_ahead_pv")
#: How full batteries are at the start of a run [1].
START_FULL = np.float32(0.5)


class Mediator(Protocol):
    """What is recorded and imposed; registered with :func:`gridagora.register`, or given as an object.

    Attributes
    ----------
    before : bool
        Whether `record` is called before a day is simulated, as for a state with which it begins, or after it, as for
        what the day has brought.
    """

    before: ClassVar[bool]

    def record(self, model: Simulation, day: Day) -> Any:
        """Return the mediator's value of a day: a copy, of numbers, texts and arrays, or dicts and tuples of these.

        Parameters
        ----------
        model : Simulation
            The run; ``model.record`` is the day that was simulated last.
        day : Day
            The day.
        """

    def impose(self, model: Simulation, day: Day, value: Any) -> None:
        """Give the mediator a value before a day is simulated, whatever its own causes say.

        Parameters
        ----------
        model : Simulation
            The run.
        day : Day
            The day.
        value : Any
            What `record` returned for this day of another run.
        """


@dataclass(frozen=True, slots=True)
class PoolPrice:
    """Prices of the day-ahead pool, shape (periods,) [currency/kWh]; imposed as prices from outside would be.

    The dispatch stays that of the run; prices of imbalance and real-time tariffs follow the imposed ones.
    """

    before: ClassVar[bool] = False

    def record(self, model: Simulation, day: Day) -> NDArray[np.float64]:
        """Return the pool's prices."""
        if model.scenario.network.kind in ("dc", "transport"):
            raise ValueError(
                f"pool_price: given network {model.scenario.network.kind}, whose areas have prices of their own; "
                "allowed copperplate or lin_dist_flow"
            )
        return np.array(model.record.pool.price, np.float64)

    def impose(self, model: Simulation, day: Day, value: NDArray[np.float64]) -> None:
        """Set the prices at which the pool is paid."""
        if model.parts.given_price is None:
            model.parts.given_price = np.zeros((model.calendar.days, value.size))
        model.parts.given_price[day.index % model.calendar.days] = value


@dataclass(frozen=True, slots=True)
class RetailPrices:
    """Tariffs of every offer, by population, where tariff rounds or trials of prices change them."""

    before: ClassVar[bool] = True

    def record(self, model: Simulation, day: Day) -> dict[str, tuple[Tariff, ...]]:
        """Return the tariffs."""
        return {each.name: tuple(offer.tariff for offer in each.offers) for each in model.populations}

    def impose(self, model: Simulation, day: Day, value: dict[str, tuple[Tariff, ...]]) -> None:
        """Set the tariffs, without further rounds."""
        from gridagora.scenarios.pricing_rounds import PricingRound
        from gridagora.scenarios.repricing import reprice
        from gridagora.scenarios.tariff_rounds import TariffRound

        _end(model, PricingRound, TariffRound)
        for population in model.populations:
            for number, tariff in enumerate(value[population.name]):
                if tariff != population.offers[number].tariff:
                    reprice(model, population, number, tariff, _weight(model))


@dataclass(frozen=True, slots=True)
class TariffChoice:
    """Name of the offer that each member has, by population with a menu and by number of the member.

    Members who are moved pay no exit fees.
    """

    before: ClassVar[bool] = True

    def record(self, model: Simulation, day: Day) -> dict[str, NDArray[np.str_]]:
        """Return the offers."""
        menus = [each for each in model.populations if len(each.offers) > 1]
        return {each.name: _offers(each)[each.members.offer[each.rows]] for each in menus}

    def impose(self, model: Simulation, day: Day, value: dict[str, NDArray[np.str_]]) -> None:
        """Give members their offers, without further choices."""
        from gridagora.scenarios.choice_rounds import ChoiceRound

        _end(model, ChoiceRound)
        for population in model.populations:
            if population.name not in value:
                continue
            names = _offers(population).tolist()
            wanted = np.array([names.index(name) for name in value[population.name]], np.uint8)
            moved = wanted != population.members.offer[population.rows]
            if moved.any():
                if population.billing.billed_days:
                    model.recorder.bill(population, _weight(model))
                population.switch(population.rows[moved], wanted[moved])


@dataclass(frozen=True, slots=True)
class Ownership:
    """PV [kWh/a] and batteries [kWh] of each member, by population and number of the member.

    A battery starts half full on the first day, as in any run, and later comes empty; payments for what spreads by
    `adoption` end.
    """

    before: ClassVar[bool] = True

    def record(self, model: Simulation, day: Day) -> dict[str, NDArray[np.float32]]:
        """Return what members own, shape (2, n) each."""
        terms = model.scenario.adoption
        if terms is not None and (other := set(terms.technologies) - {"pv", "storage"}):
            raise ValueError(f"ownership: given adoption of {', '.join(sorted(other))}; allowed pv and storage only")
        if managed := [each.name for each in model.populations if each.managed]:
            raise ValueError(f"ownership: given managed homes among {', '.join(managed)}; allowed homes without hems")
        columns = ((each.name, each.members, each.rows) for each in model.populations)
        return {name: np.stack([own.pv_annual_kwh[rows], own.battery_kwh[rows]]) for name, own, rows in columns}

    def impose(self, model: Simulation, day: Day, value: dict[str, NDArray[np.float32]]) -> None:
        """Give members what they own, without further adoption."""
        from gridagora.scenarios.adoption_rounds import AdoptionRounds

        _end(model, AdoptionRounds)
        for population in model.populations:
            rows, members, state = population.rows, population.members, population.state
            members.pv_annual_kwh[rows], battery = value[population.name]
            changed = battery != members.battery_kwh[rows]
            held = START_FULL * battery[changed] if day.index == model.calendar.simulated[0] else 0.0
            state.stored[rows[changed]] = state.stored_plan[rows[changed]] = held
            members.battery_kwh[rows] = battery


@dataclass(frozen=True, slots=True)
class ForecastQuality:
    """Standard deviation of the log error of each forecast of the area's load and PV [1]; draws stay the same."""

    before: ClassVar[bool] = True

    def record(self, model: Simulation, day: Day) -> dict[str, float]:
        """Return the deviations by forecast."""
        return {path: model.parts.area.sigma[path] for path in FORECASTS}

    def impose(self, model: Simulation, day: Day, value: dict[str, float]) -> None:
        """Set the deviations."""
        model.parts.area.sigma.update(value)


#: Mediators by the name that :func:`gridagora.mediation` knows them by.
MEDIATORS: dict[str, type[Mediator]] = {
    "forecast_quality": ForecastQuality,
    "ownership": Ownership,
    "pool_price": PoolPrice,
    "retail_prices": RetailPrices,
    "tariff_choice": TariffChoice,
}


def alike(one: Any, other: Any) -> bool:
    """Return whether two values of a mediator are the same, nan counted as equal to nan."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return bool(one == other)


def _end(model: Simulation, *kinds: type) -> None:
    """Take rounds out of a run."""
    model.parts.rounds = [each for each in model.parts.rounds if not isinstance(each, kinds)]


def _offers(population: Population) -> NDArray[np.str_]:
    return np.array([offer.name for offer in population.offers])


def _weight(model: Simulation) -> int:
    """Return how many days the last one stands for; before the first no bill is open, and it does not matter."""
    return model.record.weight if hasattr(model, "record") else 1
