"""What members earn, and which offers they may have."""

import numpy as np
import pytest

from gridagora.agents.customers import admitted, monthly_income
from gridagora.markets.tariffs.eligibility import Eligibility
from gridagora.scenarios.schema_customers import Income

INCOME = np.array([1000.0, 2000.0, 3000.0])
CAR, PUMP = np.array([True, False, False]), np.array([False, True, False])


def test_income_by_hand():
    """Twice the consumption at an elasticity of 0.5 brings the square root of 2; a standard deviation up, e^0.5."""
    terms = Income(median_per_month=1000.0, sigma=0.5, consumption_elasticity=0.5)
    income = monthly_income(terms, np.array([2400.0, 4800.0, 2400.0]), 2400.0, np.array([0.0, 0.0, 1.0]))
    assert income.tolist() == pytest.approx([1000.0, 1414.2135624, 1648.7212707])


def test_bad_income_is_refused():
    """Consumption of 0 has no income."""
    with pytest.raises(ValueError, match="annual_kwh"):
        monthly_income(Income(), np.zeros(1), 2400.0, np.zeros(1))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({}, [True, True, True]),
        ({"transport": True}, [True, False, False]),
        ({"all_electric": True}, [False, True, False]),
        ({"low_income": True}, [True, True, False]),
        ({"low_income": True, "transport": True}, [True, False, False]),
        ({"least_meters": 2}, [False, False, False]),
        ({"storage_air_conditioning": True}, [False, False, False]),
    ],
)
def test_conditions(condition, expected):
    """Cars are transport, heat pumps make a home all-electric, and low incomes lie below the line."""
    assert admitted(Eligibility(**condition), INCOME, 2500.0, CAR, PUMP).tolist() == expected
