"""Smart homes in runs: what is signed, planned, measured, posted and undone again."""

import numpy as np
import pytest

from gridagora.scenarios.business_rounds import operations_of
from gridagora.scenarios.load import load
from gridagora.scenarios.simulation import Simulation

SMALL = {
    "households.count": 18,
    "households.storage_share": 0.8,
    "firms.count": 12,
    "farms.count": 1,
    "time": {"start": "2016-03-20", "days": 42, "period_minutes": 60},
}
#: Everybody hears of it, and signs, before the first day; nobody defaults.
ALL = {
    "channel": {"first_month": 0, "reach_share": 1.0},
    "acceptance": {"trust": 100.0, "value_weight": 0.0, "risk_weight": 0.0, "capital_months": 1000.0},
    "risk": {"default_per_year": 0.0},
}


def finished(*models, **more):
    """Return the run of a few smart homes with business models, after its last day."""
    scenario = load("smart_home", {**SMALL, **more, "business_models": [{**ALL, **each} for each in models]})
    model = Simulation(scenario)
    while model.running:
        model.step()
    return model


def posted(model, account):
    """Return what households have paid on an account of business models, less what came back [currency]."""
    ledger = model.ledger.frame()
    mine = ledger[(ledger["account"] == account) & (ledger["business_model"] != "")]
    back = mine.loc[mine["payee"] == "households", "amount_micro"].sum()
    return (mine["amount_micro"].sum() - 2 * back) / 1e6


@pytest.fixture(scope="module")
def bare():
    """Return six weeks without business models."""
    return finished()


@pytest.fixture(scope="module")
def served():
    """Return six weeks in which all that own devices are planned by a service, and all have a portal."""
    return finished({"kind": "optimisation_service", "model_error": 0.0}, {"kind": "service_portal"})


def test_the_fee_is_a_share_of_what_was_measured(served):
    """A fifth of the measured savings is posted, for each contract's year so far; whoever lost pays nothing."""
    (service, _), homes = operations_of(served), served.households
    rows = service.contracts.row
    assert np.flatnonzero(homes.under_service).tolist() == np.sort(rows).tolist()
    saved = homes.optimised_saving[rows]
    assert saved.sum() > 20.0
    assert posted(served, "optimisation_fee") == pytest.approx(0.2 * np.maximum(saved, 0.0).sum(), abs=1e-4)
    own = (service.contracts.paid - service.contracts.received).sum() / 1e6
    assert own == pytest.approx(posted(served, "optimisation_fee"))


def test_the_saving_is_in_the_bills(bare, served):
    """What the twins measured is what the same homes pay less than in a run without the service."""
    (service, _), before, after = operations_of(served), bare.households, served.households
    without = {int(number): int(bill) for number, bill in zip(before.members.number, before.billed, strict=True)}
    less = [without[int(after.members.number[row])] - int(after.billed[row]) for row in service.contracts.row]
    enrolled = operations_of(served)[1].contracts
    answers = enrolled.row[enrolled.true["enrolled"] > 0]  # who answers prices uses less besides
    only = ~np.isin(service.contracts.row, answers)
    saved = after.optimised_saving[service.contracts.row]
    np.testing.assert_allclose(np.array(less)[only] / 1e6, saved[only], atol=0.02)


def test_who_enrols_in_response_answers_prices(served):
    """Those enrolled through the portal, and only they, have enabling technology; all hear of other offers."""
    portal, homes = operations_of(served)[1], served.households
    enrolled = portal.contracts.row[portal.contracts.true["enrolled"] > 0]
    assert 0 < enrolled.size < len(homes)
    assert np.flatnonzero(homes.members.group % 2).tolist() == np.sort(enrolled).tolist()
    (rounds,) = [part for part in served.parts.rounds if hasattr(part, "operations")]
    aware = rounds.effects["households"].awareness[portal.contracts.row]
    assert aware == pytest.approx(1 - 0.8 ** portal.contracts.true["visits_per_month"])


def test_a_plan_ends_with_its_contract():
    """Whoever defaults is planned no longer; what was measured until then stays."""
    model = finished({"kind": "optimisation_service", "risk": {"default_per_year": 0.9}})
    (service,) = operations_of(model)
    ended = service.contracts.row[service.contracts.status != 0]
    assert ended.size
    assert not model.households.under_service[ended].any()
    assert model.households.under_service.sum() == (service.contracts.status == 0).sum()
    assert model.households.optimised_saving[ended].any()


def test_one_plan_a_home():
    """Optimiser and energy manager compete for the same devices: no home has both."""
    manager = {"kind": "home_energy_manager", "provider": "home_services"}
    model = finished({"kind": "optimisation_service"}, manager, **{"counterparties.companies": ["home_services"]})
    first, second = operations_of(model)
    assert len(first.contracts) and len(second.contracts)
    assert not np.intersect1d(first.contracts.row, second.contracts.row).size
    planned = second.contracts.row[second.contracts.true["planned"] > 0]
    expected = np.sort(np.concatenate([first.contracts.row, planned]))
    assert np.flatnonzero(model.households.under_service).tolist() == expected.tolist()
    assert posted(model, "device_sale") == pytest.approx(400.0 * len(second.contracts))


def test_reports_save_and_fade():
    """Each home uses less by its own share as long as reports come, by exp(-decay t) of it once they have ended."""
    years = {"time": {"start": "2016-01-01", "days": 366, "period_minutes": 60}}
    years["time"]["representative_days"] = {"count": 2, "years": 3, "each_year": True}
    terms = {"kind": "norm_feedback", "term_years": 1, "life_years": 5, "decay_per_year": 0.5}
    terms["channel"] = {"first_month": 0, "reach_share": 1.0, "every_months": 120}
    model = Simulation(load("smart_home", {**SMALL, **years, "business_models": [{**ALL, **terms}]}))
    (reports,) = operations_of(model)
    ages = []
    while model.running:
        model.step()
        ages.append(reports.contracts.age + reports.contracts.elapsed - 1.0)
    contracts, homes = reports.contracts, model.households
    (rounds,) = [part for part in model.parts.rounds if hasattr(part, "operations")]
    base = rounds.effects["households"].base_kwh[contracts.row]
    since = ages[-2]  # the last bill changes nothing any more
    assert (contracts.status == 1).all() and since.min() > 1.0
    mean = (1 - np.exp(-0.5 / 12)) / (0.5 / 12)
    share = contracts.true["saved_share"] * mean * np.exp(-0.5 * since)
    np.testing.assert_allclose(homes.members.annual_kwh[contracts.row], base * (1 - share), rtol=1e-6)
    ledger = model.ledger.frame()
    sent = ledger[ledger["account"] == "report_cost"]
    weights = np.array([model.parts.horizon.weight(day) for day in sent["day"]])
    assert (weights * sent["amount_micro"]).sum() / 1e6 == pytest.approx(6.0 * len(contracts), rel=1e-6)


def test_the_books_and_the_canvas_agree(served):
    """The canvas of each model takes in what its provider booked; nothing is left over."""
    ledger = served.ledger.frame()
    ledger["amount"] = ledger["amount_micro"] / 1e6
    for operation in operations_of(served):
        sheet = operation.terms.canvas.realised(operation.terms.books(ledger), operation.terms.provider)
        mine = ledger[ledger["business_model"] == operation.name]
        sides = [mine.loc[mine[side] == operation.terms.provider, "amount"].sum() for side in ("payee", "payer")]
        revenue, cost = (sheet.loc[sheet["block"] == block, "amount"].sum() for block in ("R$", "C$"))
        assert revenue - cost == pytest.approx(sides[0] - sides[1])
