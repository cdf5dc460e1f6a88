"""What a scenario may not say about its members as customers."""

import pytest

from gridagora.scenarios.load import ScenarioError, load
from gridagora.scenarios.plausible_customers import customer_bytes
from gridagora.scenarios.run import expected_tables

FLAT = {"kind": "flat"}
MENU = {"kind": "menu", "outside": "a", "options": {"a": FLAT, "b": FLAT}}
CHOICE = {"tariffs.residential": MENU}


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (
            {"households.choice": {}},
            r"households.choice: given with tariffs.residential of kind flat; allowed with a m",
        ),
        ({**CHOICE, "households.choice": {"default_offer": "c"}}, r"choice.default_offer: given 'c'; .*: a, b"),
        ({**CHOICE, "households.choice": {"nest": ["c"]}}, r"choice.nest: given 'c'"),
        ({**CHOICE, "households.choice": {"nest": ["a", "b"]}}, r"choice.nest: given all options"),
        ({**CHOICE, "households.choice": {"constants": {"c": 1.0}}}, r"choice.constants: given 'c'"),
        ({"households.consent": {}, "market.online": False}, r"households.consent: given with market.online false"),
        (
            {"households.consent": {}, "households.strategies": {"truthful": 0.5, "zip": 0.5}},
            r"households.consent: given with strategies that learn",
        ),
        (
            {"firms.credit": {}, "time.representative_days": {"count": 3}},
            r"firms.credit: given with time.representative_days",
        ),
        (
            {
                "tariffs.residential": {**MENU, "options": {"a": FLAT, "b": {**FLAT, "eligible": {"least_meters": 2}}}},
                "households.choice": {},
            },
            r"option 'b' no member may have",
        ),
        (
            {"tariffs.residential": {**MENU, "outside": "c"}, "households.choice": {}},
            r"outside: given 'c'; allowed one of options: a, b",
        ),
        ({"households.credit": {"unpaid_share": 1.0}}, r"unpaid_share"),
    ],
)
def test_refused(terms, message):
    """Every refusal names the key, what was given and what is allowed."""
    with pytest.raises(ScenarioError, match=message):
        load("quickstart", terms)


def test_memory_and_tables():
    """A choice needs room for those who compare, and every section has its table."""
    terms = {**CHOICE, "households.choice": {"consider_per_month": 0.5}, "firms.credit": {}}
    scenario = load("quickstart", terms)
    assert customer_bytes(scenario, scenario.households) == 24 + 0.5 * 200 * 2
    assert customer_bytes(scenario, scenario.firms) == 48
    assert customer_bytes(scenario, scenario.farms) == 0
    assert {"choices", "arrears"} <= set(expected_tables(scenario))
    assert not {"satisfaction", "consent"} & set(expected_tables(scenario))
