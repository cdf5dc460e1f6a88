"""Retrofits and the contract that firms sign for them (A2.2, D1)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.retrofit import (
    CONTRACTS,
    ContractTerms,
    Measure,
    contract_chances,
    contract_values,
    true_saving,
)

SURE = Measure([1000.0], [5000.0], [0.1], [0.0], life=10)


def test_values_of_a_sure_saving():
    """Saving 500 a year for 10 years at rate 0: self 4000; shared 0.2 x 5 x 500 + 5 x 500 = 3000.

    Guaranteed: 400 + half of 100 above, less 20 of fee, for ten years less 1000 is 3300; trust 5 x 400 + 5 x 500.
    """
    mean, deviation = contract_values(SURE, ContractTerms(), 0.0)
    assert mean[0] == pytest.approx([0, 4000, 3000, 3300, 4500], abs=1e-9)
    assert (deviation == 0).all()


def test_risk_is_shared():
    """With a deviation of 100 a year: self 1000, shared 600, trust 500; the guarantee keeps less than half of it."""
    _, deviation = contract_values(Measure([1000.0], [5000.0], [0.1], [0.02]), ContractTerms(), 0.0)
    assert deviation[0, [0, 1, 2, 4]] == pytest.approx([0, 1000, 600, 500], abs=1e-9)
    assert 0 < deviation[0, 3] < 500


def test_guarantee_by_simulation():
    """Mean and deviation of G + (1 - bonus) max(0, S - G) agree with 400,000 draws of S."""
    terms, measure = ContractTerms(guarantee=0.9, bonus=0.25, fee=0.0), Measure([1000.0], [5000.0], [0.1], [0.03])
    drawn = 500 + 150 * np.random.default_rng(1).standard_normal(400_000)
    kept = 450 + 0.75 * np.maximum(drawn - 450, 0)
    mean, deviation = contract_values(measure, terms, 0.0)
    assert (mean[0, 3] + 1000) / 10 == pytest.approx(kept.mean(), abs=1)
    assert deviation[0, 3] / 10 == pytest.approx(kept.std(), abs=1)


def test_who_cannot_invest():
    """Without capital self-finance and guarantee are out; the rest keeps its odds."""
    mean, deviation = contract_values(SURE, ContractTerms(), 0.06)
    rich, poor = contract_chances(
        np.repeat(mean, 2, 0), np.repeat(deviation, 2, 0), np.repeat(1000.0, 2), [1000.0, 999.0]
    )
    assert poor[[1, 3]].tolist() == [0, 0]
    assert (rich > 0).all()
    assert poor[2] / poor[4] == pytest.approx(rich[2] / rich[4], rel=1e-9)


def test_risk_aversion_moves_firms_off_own_finance():
    """The more a firm minds risk, the more it prefers the trust, which bears it, to its own finance."""
    mean, deviation = contract_values(Measure([1000.0], [5000.0], [0.1], [0.05]), ContractTerms(), 0.06)
    odds = [
        chance[0, 4] / chance[0, 1]
        for chance in (contract_chances(mean, deviation, [1000.0], [2000.0], aversion=a) for a in (0.0, 0.5, 1.0))
    ]
    assert odds == sorted(odds)
    assert odds[2] > odds[0]


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1), st.floats(0, 0.3), st.floats(0.0, 0.2))
def test_laws(saving, deviation, rate):
    """Chances sum to 1; signing nothing is worth nothing; a higher saving is worth no less under any contract."""
    terms = ContractTerms()
    mean, spread = contract_values(Measure([1000.0], [5000.0], [saving], [deviation]), terms, rate)
    assert contract_chances(mean, spread, [1000.0], [0.0]).sum() == pytest.approx(1, abs=1e-12)
    assert mean[0, 0] == spread[0, 0] == 0
    more, _ = contract_values(Measure([1000.0], [5000.0], [min(1.0, saving + 0.1)], [deviation]), terms, rate)
    assert (more >= mean - 1e-9).all()
    assert len(CONTRACTS) == mean.shape[1]


def test_performance_gap():
    """A gap of 20 % leaves 0.08 of an estimated 0.1; a draw of 2 at 0.01 adds 0.02; no more than the bill is saved."""
    assert true_saving([0.1, 0.1, 0.9], 0.2, [0.01, 0.01, 0.5], [0.0, 2.0, 3.0]) == pytest.approx([0.08, 0.10, 1.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ContractTerms(term=0), "term: given 0"),
        (lambda: ContractTerms(bonus=2), "bonus: given 2"),
        (lambda: ContractTerms(fee=-1), "fee: given -1"),
        (lambda: contract_values(Measure([1.0], [1.0], [0.1], [0.0], life=3), ContractTerms(), 0.0), "life: given 3"),
        (lambda: contract_values(Measure([1.0], [1.0], [1.1], [0.0]), ContractTerms(), 0.0), "saving: given 1.1"),
        (lambda: contract_chances(np.zeros((1, 5)), np.zeros((1, 5)), [0.0], [0.0]), "investment: given 0"),
        (lambda: true_saving([0.1], 1.5, [0.0], [0.0]), "gap: given 1.5"),
    ],
)
def test_refusals(call, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(ValueError, match=message):
        call()
