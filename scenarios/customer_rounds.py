"""What members decide as customers at month ends: pay, be content or not, choose, share data; in this order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridagora.agents.consent import strategy_codes
from gridagora.agents.firms import Firms
from gridagora.scenarios.choice_rounds import ChoiceRound
from gridagora.scenarios.consent_rounds import ConsentRound
from gridagora.scenarios.credit_rounds import CreditRound
from gridagora.scenarios.retrofit_rounds import RetrofitRound
from gridagora.scenarios.satisfaction_rounds import SatisfactionRound

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.scenarios.rounds import Round
    from gridagora.scenarios.simulation import Simulation


def customer_rounds(model: Simulation) -> list[Round]:
    """Return the rounds that populations ask for by their sections.

    Parameters
    ----------
    model : Simulation
        The run, built.
    """
    return [each for population in model.parts.populations for each in _rounds_of(model, population)]


def _rounds_of(model: Simulation, population: Population) -> list[Round]:
    terms = population.terms
    rounds: list[Round] = []
    credit = satisfaction = None
    if terms.credit is not None:
        credit = CreditRound(population)
        rounds.append(credit)
    if terms.satisfaction is not None:
        minutes, value = model.calendar.period_minutes, model.scenario.market.value_of_lost_load_per_kwh
        satisfaction = SatisfactionRound(population, minutes, value)
        rounds.append(satisfaction)
    if isinstance(population, Firms) and getattr(terms, "retrofit", None) is not None:
        rounds.append(RetrofitRound(population))  # before the choice, for which it changes what will be contracted
    if terms.choice is not None:
        rounds.append(ChoiceRound(population, satisfaction, credit))
    if terms.consent is not None:
        uniform = population.streams.uniforms("strategy", population.name, len(population))
        strategy = strategy_codes(terms.strategies, uniform)[population.members.number]
        rounds.append(ConsentRound(population, strategy))
    return rounds
