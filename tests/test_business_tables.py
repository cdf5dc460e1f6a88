"""The rows of business contracts in the table of contracts."""

import json
from types import SimpleNamespace

import numpy as np

from gridagora.agents.business_models.contracts import Contracts
from gridagora.scenarios.business_tables import contract_rows


def operation(agreed, name="rent", n=2):
    """Return a business model with contracts of members 4 and 7 in rows 0 and 1, signed on day 3."""
    contracts = Contracts()
    if n:
        contracts.sign(np.arange(n), np.array([4, 7])[:n], 3, agreed, agreed)
        contracts.end(np.array([0]), 9, 2)
        contracts.paid[:] = 1_500_000
    terms = SimpleNamespace(kind="rental", population="households", provider="landlord")
    return SimpleNamespace(name=name, contracts=contracts, terms=terms)


def test_a_row_a_contract():
    """Names, days, money and terms as JSON with sorted keys and six digits; who never signed has no row."""
    agreed = {"price": np.array([0.1234567, 2.0]), "kwh": np.array([1e-9, 1e22])}
    rows = contract_rows([operation({}, "empty", 0), operation(agreed)])
    assert rows["contract"] == ["rent:households:4:3", "rent:households:7:3"]
    assert (rows["party"], rows["kind"]) == (["households:4", "households:7"], ["rental", "rental"])
    assert rows["first_day"] == [3, 3]
    assert rows["last_day"] == [9, None]
    assert rows["status"] == ["defaulted", "running"]
    assert (rows["paid"], rows["received"]) == ([1.5, 1.5], [0.0, 0.0])
    assert rows["terms"] == ['{"kwh": 0.0, "price": 0.123457}', '{"kwh": 1e+22, "price": 2.0}']


def test_terms_are_what_json_writes():
    """Also where a quantity has no finite value, or there are no quantities."""
    agreed = {"b": np.array([np.inf, -0.0]), "a": np.array([1 / 3, np.nan])}
    expected = [
        json.dumps({name: round(float(column[place]), 6) for name, column in agreed.items()}, sort_keys=True)
        for place in (0, 1)
    ]
    assert contract_rows([operation(agreed)])["terms"] == expected
    assert expected[0] == '{"a": 0.333333, "b": Infinity}'
    assert contract_rows([operation({})])["terms"] == ["{}", "{}"]


def test_no_contracts_no_columns():
    """Nothing is written where nobody has signed."""
    assert contract_rows([operation({}, n=0)]) == {}
    assert contract_rows([]) == {}
