"""Curtailable blocks, baselines and rebates (A2.3, B7)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.demand_response import CurtailableBlocks, baseline, gamed, rebate, split_bid

BLOCKS = CurtailableBlocks(
    power=[100.0, 50.0, 20.0],
    notice=[0.5, 4.0, 0.0],
    duration=[2.0, 4.0, 1.0],
    max_calls=[10, 5, 20],
    cost=[1.0, 0.5, 3.0],
)
#: Ten days at 10 kWh in each of four periods, five of them 2 kWh above and five below.
HISTORY = np.repeat([[8.0], [12.0]] * 5, 4, axis=1)


def test_blocks_by_hand():
    """With 1 h of notice for 2 h: the second needs 4 h, the third cannot last; after ten calls the first is used up."""
    energy, cost = BLOCKS.offers(np.zeros(3, np.int64), lead=1.0, hours=2.0)
    assert energy.tolist() == [200.0, 0.0, 0.0]
    assert cost.tolist() == [1.0, 0.5, 3.0]
    assert BLOCKS.ready(np.array([10, 0, 0]), 5.0, 1.0).tolist() == [False, True, True]


def test_bids_instead_of_offers():
    """Of 300 kWh 200 stand at their cost and the rest at the cap; more than the load is refused."""
    quantity, price = split_bid(300.0, np.array([200.0]), np.array([1.0]), 1.5)
    assert (quantity.tolist(), price.tolist()) == ([100.0, 200.0], [1.5, 1.0])
    with pytest.raises(ValueError, match="load: given 100 kWh; allowed: at least the 200 kWh"):
        split_bid(100.0, np.array([200.0]), np.array([1.0]), 1.5)
    with pytest.raises(ValueError, match="cost: given 1 at place 0"):
        split_bid(300.0, np.array([200.0]), np.array([1.0]), 0.5)


def test_baseline_by_hand():
    """Mean 10; a morning of 11 adds 1, one of 15 adds the 20 % that are allowed, one of 5 takes them."""
    window = slice(0, 2)
    assert baseline(HISTORY) == pytest.approx(np.full(4, 10.0))
    for morning, level in ((11.0, 11.0), (15.0, 12.0), (5.0, 8.0)):
        assert baseline(HISTORY, np.full(4, morning), window) == pytest.approx(np.full(4, level))
    many = baseline(np.stack([HISTORY, 2 * HISTORY]), np.full((2, 4), 11.0), window)
    assert many == pytest.approx(np.array([[11.0] * 4, [16.0] * 4]))


def test_rebate_by_hand():
    """In an event of two periods, 3 kWh below and 1 above earn 1.5 at 0.5, or 1.0 where both sides count."""
    event, load = np.array([False, False, True, True]), np.array([10.0, 10.0, 7.0, 11.0])
    base = np.full(4, 10.0)
    assert rebate(base, load, event, 0.5) == pytest.approx(1.5)
    assert rebate(base, load, event, 0.5, sides="two") == pytest.approx(1.0)


def test_gaming_pays_up_to_the_limit():
    """Who uses 10 % more in the morning is paid for 1 kWh an hour that it never would have used; at 50 % for 2."""
    window, event, plain = slice(0, 2), np.array([False, False, True, True]), np.full(4, 10.0)
    paid = [rebate(baseline(HISTORY, gamed(plain, window, s), window), plain, event, 1.0) for s in (0.0, 0.1, 0.5)]
    assert paid == pytest.approx([0.0, 2.0, 4.0])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 100), min_size=4, max_size=4), st.floats(0, 1))
def test_laws(load, limit):
    """A baseline never leaves the limit around the mean days; one-sided rebates are never below two-sided ones."""
    base = baseline(HISTORY, load, slice(0, 2), limit)
    assert ((base >= 10 * (1 - limit) - 1e-9) & (base <= 10 * (1 + limit) + 1e-9)).all()
    event = np.array([False, False, True, True])
    one, two = (rebate(base, load, event, 0.5, sides=sides) for sides in ("one", "two"))
    assert one >= max(two, 0.0) - 1e-9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CurtailableBlocks([-1.0], [0.0], [1.0], [1], [1.0]), "power: given -1"),
        (lambda: baseline(np.zeros((0, 4))), r"history: given shape \(0, 4\)"),
        (lambda: baseline(HISTORY, HISTORY[0]), "`before` and `window` belong together"),
        (lambda: baseline(HISTORY, HISTORY[0], slice(0, 2), 2.0), "limit: given 2"),
        (lambda: rebate([1.0], [1.0], np.array([True]), 1.0, sides="three"), "sides: given 'three'"),
        (lambda: gamed([1.0], slice(0, 1), -0.5), "share: given -0.5"),
    ],
)
def test_refusals(call, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(ValueError, match=message):
        call()


def test_columns_are_read_only_copies():
    """Blocks do not freeze the arrays that they were made from."""
    power = np.array([1.0])
    blocks = CurtailableBlocks(power, [0.0], [1.0], [1], [1.0])
    power[0] = 2.0
    assert np.asarray(blocks.power).tolist() == [1.0]
    assert not np.asarray(blocks.power).flags.writeable
