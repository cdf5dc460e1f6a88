"""What happens after the bills of a day, in this order: whoever has a decision to take looks whether it is time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gridagora.scenarios.adoption_rounds import AdoptionRounds
from gridagora.scenarios.business_rounds import business_rounds
from gridagora.scenarios.curtailment_rounds import curtailment_rounds
from gridagora.scenarios.customer_rounds import customer_rounds
from gridagora.scenarios.green_rounds import green_rounds
from gridagora.scenarios.microgrid_rounds import microgrid_rounds
from gridagora.scenarios.pricing_rounds import PricingRound
from gridagora.scenarios.quota_rounds import quota_rounds
from gridagora.scenarios.tariff_rounds import TariffRound

if TYPE_CHECKING:
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.simulation import Simulation


class Round(Protocol):
    """A decision that comes round: at month ends, at year ends, every day."""

    def close(self, model: Simulation, record: DayRecord) -> None:
        """Look at a day that is billed, and decide if it is time.

        Parameters
        ----------
        model : Simulation
            The run.
        record : DayRecord
            The day.
        """


def rounds_of(model: Simulation) -> list[Round]:
    """Return the rounds that a scenario asks for, in the order in which they come.

    Parameters
    ----------
    model : Simulation
        The run, built.
    """
    rounds: list[Round] = [*customer_rounds(model), *green_rounds(model)]
    if model.scenario.adoption is not None:
        rounds.append(AdoptionRounds(model))
    if model.scenario.tariff_rounds is not None:
        rounds.append(TariffRound(model, model.scenario.tariff_rounds))
    if model.scenario.pricing is not None:
        rounds.append(PricingRound(model, model.scenario.pricing))
    rounds += curtailment_rounds(model)
    rounds += business_rounds(model)
    rounds += microgrid_rounds(model)
    rounds += quota_rounds(model)
    return rounds
