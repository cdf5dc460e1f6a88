"""Every business model of the catalogue keeps the contract that own ones inherit."""

import pytest

from gridagora.agents.business_models.catalogue import BUSINESS_MODELS
from gridagora.agents.business_models.terms import Finance
from gridagora.scenarios.testing import BusinessModelContract

#: Financing that uses all that the frame offers.
FULL = {
    "debt_share": 0.5,
    "subsidy_share": 0.1,
    "insured": True,
    "damage_per_year": 0.02,
    "tax_rate": 0.25,
    "tax_exempt_years": 1,
    "tax_half_years": 1,
    "inflation": 0.02,
}


@pytest.mark.parametrize("finance", [{}, FULL], ids=["plain", "financed"])
@pytest.mark.parametrize("kind", [name for name, model in BUSINESS_MODELS.items() if model().is_offered])
class TestCatalogue(BusinessModelContract):
    """The suite for each kind, with its default terms and with full financing."""

    @pytest.fixture(autouse=True)
    def _terms(self, kind, finance):
        type(self).business_model = BUSINESS_MODELS[kind](finance=Finance(**finance))


@pytest.mark.parametrize("kind", BUSINESS_MODELS)
def test_the_kind_is_its_name(kind):
    """A business model is called in scenarios what the catalogue calls it, and bears risks that it names."""
    assert BUSINESS_MODELS[kind]().kind == kind
    assert BUSINESS_MODELS[kind].risk_bearers
