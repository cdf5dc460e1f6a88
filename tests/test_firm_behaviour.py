"""Archetypes, green power demand and the credit process (P13, A2.4, A2.5)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from gridagora.agents.firm_behaviour import (
    FIRM_ARCHETYPES,
    HOUSEHOLD_ARCHETYPES,
    CreditProcess,
    emissions,
    green_bids,
    pay_bills,
)
from gridagora.markets.strategies.draws import Draws

DRAWS = Draws(42, "firms")


def test_archetypes():
    """A foundry of 8 MW at 0.75 uses 52.56 GWh a year; the households' shares add up to 1."""
    assert FIRM_ARCHETYPES["foundry"].annual_kwh == pytest.approx(52.56e6)
    assert len(FIRM_ARCHETYPES) == 7
    assert all(0 < firm.load_factor < 1 and 0 < firm.flexible_share < 1 for firm in FIRM_ARCHETYPES.values())
    assert sum(home.share for home in HOUSEHOLD_ARCHETYPES.values()) == pytest.approx(1, abs=1e-12)


def test_green_bids_by_hand():
    """40 % of 10 MWh less 1 MWh on site is 3 certificates; who has enough bids for none; without spread all pay 20."""
    count, price = green_bids([10_000, 10_000], [0.4, 0.1], [1000, 2000], np.arange(2), DRAWS, spread=0.0)
    assert count.tolist() == [3, 0]
    assert price.tolist() == [20.0, 20.0]
    _, many = green_bids(np.ones(4000), np.ones(4000), np.zeros(4000), np.arange(4000), DRAWS)
    assert (np.median(many), np.log(many).std()) == pytest.approx((20, 0.5), rel=0.05)


def test_emissions_by_hand():
    """1000 kWh at 0.5856 less 400 covered, and 10 kg of fuel: 361.36 kg; location-based 595.6 kg."""
    assert emissions([1000], 0.5856, [400], [10]) == pytest.approx([361.36])
    assert emissions([1000], 0.5856, 0, [10]) == pytest.approx([595.6])


def test_solvency_by_hand():
    """Without shocks in the sector 0.9 x 1 + 0.4 z - 0.2; z is the firm's own draw."""
    process = CreditProcess(sector_shock=0.0)
    member, sector = np.arange(3), np.zeros(3, np.int64)
    own = ndtri(DRAWS.uniforms("solvency", member, 5)[0])
    found = process.step(np.ones(3), 0.2, sector, member, DRAWS, 5)
    assert found == pytest.approx(0.9 + 0.4 * own - 0.2, abs=1e-12)


def test_firms_of_a_sector_fall_together():
    """With a large sector shock the moves of one sector correlate, those of two do not."""
    process = CreditProcess(shock=0.1, sector_shock=1.0)
    member, sector = np.arange(40), np.arange(40) % 2
    moves = np.array([process.step(np.zeros(40), 0.0, sector, member, DRAWS, month) for month in range(60)])
    related = np.corrcoef(moves.T)
    assert related[0, 2] > 0.95
    assert abs(related[0, 1]) < 0.4


def test_threshold_gives_the_share_of_unpaid_months():
    """400 firms over 60 months, bills at 0.1 of revenue: 10 % of months stay unpaid."""
    process, member, sector = CreditProcess(), np.arange(400), np.arange(400)
    threshold, solvency, unpaid = process.threshold(0.1, 0.1), np.full(400, -1.0), []
    for month in range(80):
        solvency = process.step(solvency, 0.1, sector, member, DRAWS, month)
        unpaid.append((solvency <= threshold).mean())
    assert np.mean(unpaid[20:]) == pytest.approx(0.1, abs=0.02)


def test_payments_by_hand():
    """One pays bill and arrears, one owes more, one defaults at the third month and loses 60 % of 30."""
    found = pay_bills(
        CreditProcess(), np.array([1.0, -1, -1]), np.zeros(3), [10.0, 10, 10], [5.0, 5, 20], np.array([1, 1, 2])
    )
    assert found.paid.tolist() == [15.0, 0.0, 12.0]
    assert found.arrears.tolist() == [0.0, 15.0, 0.0]
    assert found.unpaid_months.tolist() == [0, 2, 0]
    assert found.defaulted.tolist() == [False, False, True]
    assert found.loss.tolist() == [0.0, 0.0, 18.0]


@settings(max_examples=50, deadline=None)
@given(st.floats(-3, 3), st.floats(0, 1e6), st.floats(0, 1e6), st.integers(0, 5))
def test_no_debt_vanishes(solvency, bill, arrears, months):
    """Paid, owed and lost add up to bill and arrears."""
    found = pay_bills(CreditProcess(), np.array([solvency]), np.zeros(1), [bill], [arrears], np.array([months]))
    assert (found.paid + found.arrears + found.loss)[0] == pytest.approx(bill + arrears, rel=1e-12)
    assert min(found.paid[0], found.arrears[0], found.loss[0]) >= 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CreditProcess(persistence=1), "persistence: given 1"),
        (lambda: CreditProcess(shock=0), "shock: given 0"),
        (lambda: CreditProcess(default_months=0), "default_months: given 0"),
        (lambda: CreditProcess().threshold(0.0), "unpaid: given 0"),
        (lambda: emissions([1.0], 0.5, [2.0]), "covered_kwh: more than the energy"),
        (lambda: green_bids([1.0], [0.5], [0.0], np.arange(1), DRAWS, median=0), "median: given 0"),
    ],
)
def test_refusals(call, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(ValueError, match=message):
        call()
