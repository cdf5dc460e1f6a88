"""Days of a demand response programme: events called, rebates paid into the books, overpayment kept (model.md A2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridagora.agents.curtailment import Curtailment
from gridagora.sim.ledger import to_micro

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.simulation import Simulation

#: Account of the rebates.
ACCOUNT = "demand_response"


def curtailment_rounds(model: Simulation) -> list[CurtailmentRound]:
    """Return the rounds of the populations whose firms take part in a programme."""
    found = [(each, getattr(each, "curtailment", None)) for each in model.parts.populations]
    return [CurtailmentRound(model, population, programme) for population, programme in found if programme is not None]


class CurtailmentRound:
    """The programme of a population.

    Parameters
    ----------
    model : Simulation
        The run, built.
    population : Population
        Firms.
    programme : Curtailment
        Theirs.
    """

    def __init__(self, model: Simulation, population: Population, programme: Curtailment) -> None:
        from gridagora.scenarios.build import expected_load

        self.population, self.programme = population, programme
        calendar = model.calendar
        load = expected_load(model.parts.populations, calendar)[:, programme.event] / 1e6 / calendar.hours_per_period
        days = [day for day in range(calendar.days) if calendar.day(day).day_type == "workday"]
        programme.call(days, load[days].max(axis=1))

    def close(self, model: Simulation, record: DayRecord) -> None:
        """Settle the day: pay for an event, or keep the day for baselines to come.

        Parameters
        ----------
        model : Simulation
            The run.
        record : DayRecord
            The day.
        """
        day, members = record.day, self.population.members
        result = self.programme.close(day.index, day.day_type == "workday")
        if result is None:
            return
        micro = to_micro(result.paid, ACCOUNT)
        offers = members.offer[self.programme.participants]
        for number, offer in enumerate(self.population.offers):
            amount = int(micro[offers == number].sum())
            if amount:
                model.ledger.post(day.index, offer.supplier, self.population.name, ACCOUNT, amount, ACCOUNT)
        columns = {
            "day": [day.index],
            "population": [self.population.name],
            "participants": [micro.size],
            "baseline_kwh": [result.baseline_kwh],
            "metered_kwh": [result.metered_kwh],
            "curtailed_kwh": [result.curtailed_kwh],
            "amount": [int(micro.sum()) / 1e6],
            "overpaid_amount": [result.overpaid],
        }
        model.recorder.append(ACCOUNT, {name: np.array(column) for name, column in columns.items()}, keep=True)
