"""The renewable quota: certificates of a year by hand, penalties, what is left over; nothing counts twice (A8, O67)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.business_models.renewable_quota import QuotaMarket

MWH = 10**9


def quanta(*mwh):
    """Return generation of owners given in MWh [1e-6 kWh]."""
    return np.array([round(each * MWH) for each in mwh], np.int64)


def test_scarce_certificates_cost_the_penalty():
    """A tenth of 101 MWh is 11 certificates; 4.6 and 2.5 MWh are 4 and 2, at 40 each; 5 lack, which costs 200."""
    market = QuotaMarket(2, 1, 0.1, 0.04)
    year = market.settle(quanta(4.6, 2.5), np.array([10.0, 20.0]), np.array([101_000.0]), 0)
    assert year.issued.tolist() == [4, 2]
    assert year.required.tolist() == [11]
    assert year.traded.tolist() == [[4, 2]]
    assert year.price == 40.0
    assert year.missing.tolist() == [5]
    assert year.penalty.tolist() == [200.0]
    assert market.carried.tolist() == [600_000_000, 500_000_000]


def test_plenty_costs_what_owners_ask():
    """3 of 10 certificates are wanted: the cheaper owner sells at the 10 that it asks; 7 are left for later.

    A year later 6 are wanted: 5 of the first owner, and 1 of the second, who asks 20.
    """
    market = QuotaMarket(2, 1, 0.1, 0.04)
    first = market.settle(quanta(8, 2), np.array([10.0, 20.0]), np.array([30_000.0]), 0)
    assert (first.price, first.traded.tolist(), first.missing.tolist()) == (10.0, [[3, 0]], [0])
    second = market.settle(quanta(0, 0), np.array([10.0, 20.0]), np.array([60_000.0]), 1)
    assert (second.price, second.traded.tolist(), second.missing.tolist()) == (20.0, [[5, 1]], [0])
    assert market.registry.held(3).tolist() == [0, 1, 0]
    assert market.registry.retired(3).tolist() == [0, 0, 9]


def test_two_suppliers():
    """7 certificates for 4 and 8 that are wanted are shared in proportion: 2 and 5, all at the penalty."""
    year = QuotaMarket(1, 2, 0.2, 0.05).settle(quanta(7), np.array([5.0]), np.array([20_000.0, 40_000.0]), 0)
    assert year.required.tolist() == [4, 8]
    assert year.traded.sum() == 7
    assert year.traded[:, 0].tolist() == [2, 5]
    assert year.price == 50.0
    assert year.penalty.tolist() == [100.0, 150.0]


def test_nobody_generates():
    """Without owners suppliers pay for all that they owe; who asks more than the penalty sells nothing."""
    alone = QuotaMarket(0, 1, 0.1, 0.04).settle(quanta(), np.zeros(0), np.array([20_000.0]), 0)
    assert np.isnan(alone.price)
    assert (alone.missing.tolist(), alone.penalty.tolist()) == ([2], [80.0])
    dear = QuotaMarket(1, 1, 0.1, 0.04).settle(quanta(5), np.array([41.0]), np.array([20_000.0]), 0)
    assert (dear.traded.tolist(), dear.missing.tolist()) == ([[0]], [2])


@settings(max_examples=50)
@given(
    st.lists(st.floats(0, 30), min_size=3, max_size=3),
    st.lists(st.floats(0, 60), min_size=3, max_size=3),
    st.lists(st.floats(0, 200_000), min_size=2, max_size=2),
    st.floats(0.01, 1.0),
)
def test_nothing_counts_twice(made, asked, sold, quota):
    """Over three years all that was minted is held or used up, once; price and penalties keep their bounds."""
    market = QuotaMarket(3, 2, quota, 0.05)
    issued, retired = 0, 0
    for year in range(3):
        found = market.settle(quanta(*made), np.array(asked), np.array(sold), year)
        issued, retired = issued + int(found.issued.sum()), retired + int(found.traded.sum())
        assert (found.traded.sum(axis=1) + found.missing == found.required).all()
        assert not found.traded.any() or min(asked) - 1e-9 <= found.price <= 50 + 1e-9
        assert found.penalty == pytest.approx(50.0 * found.missing)
    assert market.registry.owner.size == issued
    assert int((market.registry.retired_for >= 0).sum()) == retired
    assert issued + market.carried.sum() / MWH == pytest.approx(3 * sum(made), abs=1e-6)
