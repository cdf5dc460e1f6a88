"""Real-time prices: one part, two parts, collar."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gridagora.markets.tariffs.flat import Flat
from gridagora.markets.tariffs.metered import Context, Meter
from gridagora.markets.tariffs.real_time import RealTime
from gridagora.sim.clock import Calendar

DAY = Calendar(date(2025, 1, 31), 1, 60)
POOL = np.array([0.1, -0.3, 0.2, 0.9] + [0.0] * 20)


def meter(*kwh):
    """Return a meter of 31 January 2025 that begins with these hours."""
    return Meter(DAY, np.array([*kwh, *[0.0] * (24 - len(kwh))]))


def test_one_part_by_hand():
    """1, 2, 3, 4 kWh at 0.12, -0.28, 0.22, 0.92 cost 0.12 - 0.56 + 0.66 + 3.68 = 3.90, 0.39 on average."""
    (line,) = RealTime().bill(meter(1, 2, 3, 4), Context(pool_price=POOL))
    assert (line.line, line.account, line.quantity, line.amount) == (
        "energy at real-time prices, 2025-01",
        "retail",
        10.0,
        3.9,
    )
    assert line.price == pytest.approx(0.39)
    assert RealTime().marginal_price(meter(), Context(pool_price=POOL))[:4] == pytest.approx([0.12, -0.28, 0.22, 0.92])


def test_collar_and_losses():
    """With 10 % losses 0.13, -0.31, 0.24, 1.01, held within 0 and 0.8."""
    tariff = RealTime(loss_share=0.1, floor_per_kwh=0.0, cap_per_kwh=0.8)
    price = tariff.marginal_price(meter(), Context(pool_price=POOL))
    assert price[:4] == pytest.approx([0.13, 0.0, 0.24, 0.8])


def test_two_parts_by_hand():
    """2 kWh agreed in each of four hours at 0.3: 2.40; 1 and 2 above for 0.22 and 1.84, 1 below gives 0.12 back."""
    tariff = RealTime(contract=Flat(energy_per_kwh=0.3))
    context = Context(pool_price=POOL, baseline_kwh=np.array([2.0] * 4 + [0.0] * 20))
    bill = tariff.bill(meter(1, 2, 3, 4), context)
    assert [(line.line, line.quantity, line.amount) for line in bill] == [
        ("contracted profile, 2025-01", 8.0, 2.4),
        ("above the profile, 2025-01", 3.0, 2.06),
        ("below the profile, 2025-01", -1.0, -0.12),
    ]
    assert [line.price for line in bill] == pytest.approx([0.3, 2.06 / 3, 0.12])
    assert tariff.marginal_price(meter(1, 2), context) == pytest.approx(POOL + 0.02)


def test_refused():
    """A collar upside down, and prices that are missing, of another length or not finite."""
    with pytest.raises(ValidationError, match=r"floor_per_kwh: given 0\.5; allowed below cap_per_kwh, 0\.4"):
        RealTime(floor_per_kwh=0.5, cap_per_kwh=0.4)
    with pytest.raises(ValueError, match=r"pool_price: given none; this tariff needs it; pass Context\(pool_price="):
        RealTime().bill(meter(1))
    with pytest.raises(ValueError, match=r"pool_price: given shape \(3,\); allowed \(24,\)"):
        RealTime().bill(meter(1), Context(pool_price=np.ones(3)))
    with pytest.raises(ValueError, match="pool_price of period 1: given nan; allowed finite"):
        RealTime().bill(meter(1), Context(pool_price=np.where(np.arange(24) == 1, np.nan, POOL)))
    with pytest.raises(ValueError, match="baseline_kwh: given none"):
        RealTime(contract=Flat()).bill(meter(1), Context(pool_price=POOL))
    with pytest.raises(ValueError, match="baseline_kwh of period 0: given -1; allowed finite and at least 0"):
        RealTime(contract=Flat()).bill(meter(1), Context(pool_price=POOL, baseline_kwh=-np.ones(24)))


@given(st.lists(st.floats(0, 9), min_size=24, max_size=24), st.lists(st.floats(-1, 3), min_size=24, max_size=24))
def test_the_second_part_values_the_profile_at_both_prices(kwh, pool):
    """Two parts cost one part plus what the profile costs more under contract: they differ by a constant."""
    one, two = RealTime(), RealTime(contract=Flat(energy_per_kwh=0.3))
    agreed = np.linspace(0, 2, 24)
    context = Context(pool_price=np.array(pool), baseline_kwh=agreed)
    used = Meter(DAY, np.array(kwh))
    hedge = float((agreed * (0.3 - one.marginal_price(used, context))).sum())
    bills = [sum(line.amount for line in tariff.bill(used, context)) for tariff in (one, two)]
    assert bills[1] - bills[0] == pytest.approx(hedge, abs=1e-5)
