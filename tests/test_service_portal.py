"""The service portal: visits, awareness, enrolment and cash by party."""

import numpy as np
import pytest

from gridagora.agents.business_models.life import Partners, life, net, parties, per_party, values
from gridagora.agents.business_models.service_portal import ServicePortal, awareness
from gridagora.scenarios.business_contract import some_customers
from gridagora.scenarios.testing import BusinessModelContract


class TestServicePortal(BusinessModelContract):
    """The contract of all business models, with a fee."""

    business_model = ServicePortal(fee_per_month=0.5)


def test_awareness_grows_with_visits():
    """Of offers noticed on every fifth visit a member with none, one and three visits hears 0, 0.2 and 0.488."""
    assert awareness(np.array([0.0, 1.0, 3.0]), 0.2) == pytest.approx([0.0, 0.2, 0.488])


def test_cash_by_hand():
    """24 visits a year: 0.72 from advertisers, 24 of time and 7.2 of calls spared; 3.6 for servers.

    A fifth enrols with 0.5 kW: 6 of pay, 10 of worth. The fee is 12 a year.
    """
    terms = ServicePortal(term_years=1, life_years=1, fee_per_month=1.0)
    one = some_customers(1)
    flows = life(terms, terms.expected(one), Partners())
    cash = {party: amounts[1] for party, amounts in per_party(flows).items()}
    assert cash == pytest.approx(
        {"customer": -12 + 6 + 24, "provider": 12 + 0.72 - 6 - 3.6 + 7.2 + 10, "outside": -38.32}
    )
    assert net(flows, "provider", metered=False)[0, 1] == pytest.approx(12 + 0.72 - 6 - 3.6)
    assert sum(net(flows, party) for party in parties(flows))[0] == pytest.approx([0.0, 0.0])
    assert values(terms, flows, "customer") == pytest.approx([18 / 1.1])


def test_who_enrols_is_drawn_by_member():
    """A fifth of 4,000 members enrols; their visits are two a month on average, as many as promised."""
    terms, many = ServicePortal(), some_customers(4_000)
    true = terms.truth(many, terms.expected(many))
    assert set(np.unique(true["enrolled"])) == {0.0, 1.0}
    assert true["enrolled"].mean() == pytest.approx(0.2, abs=0.02)
    assert true["visits_per_month"].mean() == pytest.approx(2.0, abs=0.05)


def test_effects_last_as_long_as_the_membership():
    """Who enrolled answers prices with enabling technology; awareness is there for all until the term ends."""
    terms = ServicePortal(term_years=2, life_years=2)
    q = {"visits_per_month": np.full(3, 2.0), "enrolled": np.array([1.0, 0.0, 1.0])}
    effect = terms.effect(q, np.array([0.0, 1.5, 2.0]))
    assert effect["awareness"] == pytest.approx([0.36, 0.36, 0.0])
    assert effect["technology"].tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("wrong", [{"enrolment_share": 1.1}, {"visits_per_month": -1.0}, {"fee_per_month": -0.1}])
def test_impossible_terms_are_refused(wrong):
    """Shares above 1, negative visits and fees are refused."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ServicePortal(**wrong)
