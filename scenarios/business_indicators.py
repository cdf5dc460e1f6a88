"""Key figures that business models have of their own, such as accidents, availability and precision (model.md D)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridagora.agents.business_models.contracts import Contracts
from gridagora.scenarios.business_rounds import operations_of
from gridagora.sim.metrics import Kpi

if TYPE_CHECKING:
    from gridagora.scenarios.simulation import Simulation


def business_indicators(model: Simulation) -> list[Kpi]:
    """Return the key figures of all business models of a finished run, their scope the model's name in the books.

    Parameters
    ----------
    model : Simulation
        The run.
    """
    scenario = model.scenario
    if not scenario.business_models:
        return []
    frame, currency = model.ledger.frame(), scenario.currency
    weight = model.parts.horizon.weight_of(frame["day"])
    books = frame.assign(amount=frame["amount_micro"] / 1e6 * weight)
    contracts = {operation.name: operation.contracts for operation in operations_of(model)}
    day = model.calendar.simulated[-1]
    found = [
        kpi
        for terms in scenario.business_models
        for kpi in terms.indicators(terms.books(books), contracts.get(terms.title, Contracts()), day)
    ]
    return [kpi._replace(unit=kpi.unit.replace("currency", currency)) for kpi in found]
