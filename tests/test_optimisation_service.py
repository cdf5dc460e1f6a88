"""A share of what optimisation saves: terms, cash by party, and who may have it."""

from dataclasses import replace

import numpy as np
import pytest

from gridagora.agents.business_models.frame import Meters
from gridagora.agents.business_models.life import Partners, life, net, parties, per_party, values, worth
from gridagora.agents.business_models.optimisation_service import OptimisationService, plannable
from gridagora.scenarios.business_contract import some_customers
from gridagora.scenarios.testing import BusinessModelContract


def homes():
    """Return homes with 10 kWh and a car, with a heat pump, with nothing, and with a battery that has a plan."""
    some = some_customers(4)
    owns = {
        "pv": np.array([True, False, False, True]),
        "storage": np.array([True, False, False, True]),
        "vehicle": np.array([True, False, False, False]),
        "heat_pump": np.array([False, True, False, False]),
        "hems": np.array([False, False, False, True]),
    }
    return replace(some, owns=owns, battery_kwh=np.array([10.0, 0.0, 0.0, 10.0]))


class TestOptimisationService(BusinessModelContract):
    """The contract of all business models, with commission and homes that own devices."""

    business_model = OptimisationService(commission_share=0.1)

    def customers(self):
        """Return homes with devices."""
        return homes()


def test_who_has_something_to_plan():
    """The home with a plan of its own and the one without devices get no offer; where nobody says, none has a plan."""
    assert plannable(homes()).tolist() == [True, True, False, False]
    owns = {name: has for name, has in homes().owns.items() if name != "hems"}
    assert plannable(replace(homes(), owns=owns)).tolist() == [True, True, False, True]
    assert OptimisationService().eligible(homes()).tolist() == [True, True, False, False]


def test_cash_by_hand():
    """10 kWh x 40 + 250 = 650 a year saved, 130 of it paid; the controller costs 300 less 30, running it 12 a year.

    Over two years the provider has -270, 118, 118: -56.65 at 7 %, and -8.52 % a year; the home 520 and 520.
    """
    terms = OptimisationService(term_years=2, life_years=2, commission_share=0.1)
    home = homes().of(np.array([0]))
    flows = life(terms, terms.expected(home), Partners())
    cash = {party: amounts.tolist() for party, amounts in per_party(flows).items() if amounts.any()}
    assert cash == {
        "customer": [0.0, 520.0, 520.0],
        "provider": [-270.0, 118.0, 118.0],
        "outside": [0.0, 12.0, 12.0],
        "supplier": [0.0, -650.0, -650.0],
        "vendor": [270.0, 0.0, 0.0],
    }
    assert sum(net(flows, party) for party in parties(flows)).tolist() == [[0.0, 0.0, 0.0]]
    assert values(terms, flows, "customer") == pytest.approx([902.479339])
    found = worth(net(flows, "provider")[0], 0.07)
    assert found.npv == pytest.approx(-56.653856)
    assert found.irr == pytest.approx(-0.085215, abs=1e-6)
    assert worth(net(flows, "customer")[0], 0.1).irr_note == "no sign change: never an outlay"


def test_no_fee_without_a_saving():
    """A plan that has cost 50 more is the home's loss, and nobody's fee; at prices 10 % higher a saving is too."""
    terms = OptimisationService()
    q = {"saving": np.array([-50.0, 100.0]), "price_factor": np.array([1.0, 1.1]), "capex": np.zeros(2)}
    saved, fee, cost = terms.yearly(q, 0)
    assert saved.metered and saved.amount == pytest.approx([-50.0, 110.0])
    assert fee.amount == pytest.approx([0.0, 22.0])
    assert cost.amount.tolist() == [12.0, 12.0]


def test_the_plan_ends_with_the_term():
    """A contract of two years plans, saves and costs nothing in its third."""
    terms = OptimisationService(term_years=2, life_years=4)
    q = terms.expected(homes())
    assert terms.effect(q, np.array([0.0, 1.9, 2.0, 3.0]))["managed"].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert not any(flow.amount.any() for flow in terms.yearly(q, 2))


def test_the_meter_says_what_was_saved():
    """The fee is due on what the twin measures, not on what was promised; without a twin it is nothing."""
    terms, q = OptimisationService(), OptimisationService().expected(homes())
    zero = np.zeros(4)
    columns = (1 / 12, zero, zero, zero, zero, zero, zero, zero, zero)
    saved = np.array([400.0, 90.0, 0.0, 0.0])
    assert terms.realised(q, Meters(*columns, saved), zero)["saving"].tolist() == saved.tolist()
    assert terms.realised(q, Meters(*columns), zero)["saving"].tolist() == zero.tolist()


def test_the_model_errs_with_mean_one():
    """Over 4,000 homes the true saving is the promised one on average, with the deviation of its logarithm."""
    some = some_customers(4_000)
    nobody = np.zeros(4_000, np.bool_)
    owns = {"pv": nobody, "storage": nobody, "vehicle": ~nobody, "heat_pump": nobody}
    terms, many = OptimisationService(model_error=0.3), replace(some, owns=owns)
    true = terms.truth(many, terms.expected(many))["saving"] / 250.0
    assert true.mean() == pytest.approx(1.0, abs=0.02)
    assert np.log(true).std() == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("wrong", [{"saving_share": 1.2}, {"controller_cost": -1.0}, {"model_error": -0.1}])
def test_impossible_terms_are_refused(wrong):
    """Shares above 1 and negative costs are refused."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        OptimisationService(**wrong)
