"""The online auction as a state machine with an audit (C1)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets.online_auction import BUY, SELL, AuctionDay, AuctionState

ORDER = [AuctionState(number) for number in range(9)]


def until(state, periods=2):
    """Return a day whose auctions have reached a state."""
    day = AuctionDay(periods)
    for step in ORDER[1 : state + 1]:
        day.advance(slice(None), step)
    return day


def traded():
    """Return a day of two auctions: 2 of 3 sellers and 4 buyers trade in the first, nobody in the second."""
    day = AuctionDay(2)
    day.intend(np.array([4, 1]), np.array([9_000_000, 500_000]))
    day.publish(0, sellers=3, offers=7_000_000, buyers=5, bids=6_000_000, withdrawn=1)
    day.award(0, BUY, 4, 4_000_000)
    day.award(0, SELL, 2, 4_000_000)
    day.publish(1, sellers=0, offers=0, buyers=2, bids=1_000_000, withdrawn=1)
    day.award(1, BUY, 0, 0)
    day.award(1, SELL, 0, 0)
    day.settle(np.array([3_900_000, 0]), np.array([3_500_000, 0]))
    return day


def test_a_day_by_hand():
    """Counts and energy by state and side follow each order from intention to settlement or its end."""
    rows = traded().rows()
    found = [
        (int(period), state, side, int(count), float(energy))
        for period, state, side, count, energy in zip(*rows.values(), strict=True)
    ]
    assert list(rows) == ["period", "state", "side", "count", "energy_kwh"]
    assert found == [
        (0, "intent", "sell", 4, 9.0),
        (0, "inquiry", "sell", 4, 9.0),
        (0, "published", "sell", 3, 7.0),
        (0, "agreement", "buy", 5, 6.0),
        (0, "auction", "buy", 5, 6.0),
        (0, "auction", "sell", 3, 7.0),
        (0, "award", "buy", 4, 4.0),
        (0, "award", "sell", 2, 4.0),
        (0, "delivery", "buy", 4, 3.9),
        (0, "delivery", "sell", 2, 3.5),
        (0, "settled", "buy", 4, 3.9),
        (0, "settled", "sell", 2, 3.5),
        (0, "withdrawn", "sell", 1, 0.0),
        (0, "expired", "buy", 1, 2.0),
        (0, "expired", "sell", 1, 3.0),
        (1, "intent", "sell", 1, 0.5),
        (1, "inquiry", "sell", 1, 0.5),
        (1, "agreement", "buy", 2, 1.0),
        (1, "auction", "buy", 2, 1.0),
        (1, "withdrawn", "sell", 1, 0.0),
        (1, "expired", "buy", 2, 1.0),
    ]


def test_every_auction_ends_settled():
    """After the day each auction is in its last state, and does not leave it."""
    day = traded()
    assert day.state.tolist() == [AuctionState.SETTLED] * 2
    for state in AuctionState:
        with pytest.raises(ValueError, match=f"is in state SETTLED; {state.name} does not follow"):
            day.advance(0, state)


@pytest.mark.parametrize("now", ORDER)
@pytest.mark.parametrize("to", list(AuctionState))
def test_only_the_next_state_follows(now, to):
    """From each state exactly one is reached; skipping, repeating, going back and ending early are refused."""
    day = until(now)
    if to == now + 1 and to in ORDER:
        day.advance(0, to)
        assert day.state.tolist() == [to, now]
    else:
        with pytest.raises(
            ValueError, match=f"^auction of period 0 is in state {now.name}; {to.name} does not follow$"
        ):
            day.advance(0, to)
        assert day.state.tolist() == [now, now]


def test_several_auctions_move_together_or_not_at_all():
    """One auction that is not ready stops all, and the message is about that one."""
    day = until(AuctionState.AUCTION, 3)
    day.advance(slice(0, 2), AuctionState.AWARD)
    with pytest.raises(ValueError, match=r"^auction of period 2 is in state AUCTION; DELIVERY does not follow$"):
        day.settle(np.zeros(3, np.int64), np.zeros(3, np.int64))
    assert day.state.tolist() == [AuctionState.AWARD, AuctionState.AWARD, AuctionState.AUCTION]
    with pytest.raises(ValueError, match=r"^auction of period 1 is in state AWARD; AWARD does not follow$"):
        day.advance(slice(1, 3), AuctionState.AWARD)


@pytest.mark.parametrize("now", [state for state in ORDER if state not in (AuctionState.AUCTION, AuctionState.AWARD)])
def test_an_award_needs_an_auction(now):
    """No contract note before the auction or after delivery."""
    day = until(now)
    with pytest.raises(ValueError, match=f"^auction of period 1 is in state {now.name}; AWARD does not follow$"):
        day.award(1, SELL, 1, 1_000_000)
    assert not day.count.any()


@pytest.mark.parametrize("now", [state for state in ORDER if state != AuctionState.INQUIRY])
def test_publication_needs_an_inquiry(now):
    """Nothing is listed that the platform did not ask for."""
    day = until(now)
    with pytest.raises(ValueError, match=f"is in state {now.name}; PUBLISHED does not follow"):
        day.publish(0, 1, 1, 1, 1, 0)
    assert not day.count.any()


COUNTS = st.tuples(st.integers(0, 9), st.integers(0, 9), st.floats(0, 1), st.floats(0, 1))


@settings(deadline=None)
@given(st.lists(COUNTS, min_size=1, max_size=4))
def test_nothing_is_lost_between_the_states(periods):
    """What was auctioned is awarded or expires, what was awarded is delivered and settled, by count and energy."""
    day = AuctionDay(len(periods))
    day.intend(np.array([sellers for sellers, *_ in periods]), np.array([sellers * 1000 for sellers, *_ in periods]))
    for period, (sellers, buyers, some, part) in enumerate(periods):
        day.publish(period, sellers, sellers * 1000, buyers, buyers * 1000, 0)
        for side, orders in ((BUY, buyers), (SELL, sellers)):
            day.award(period, side, int(some * orders), int(part * some * orders * 1000))
    awarded = day.quanta[:, AuctionState.AWARD]
    day.settle(awarded[:, BUY], awarded[:, SELL])
    for table in (day.count, day.quanta):
        auctioned, award = table[:, AuctionState.AUCTION], table[:, AuctionState.AWARD]
        assert (auctioned == award + table[:, AuctionState.EXPIRED]).all()
        assert (table[:, AuctionState.DELIVERY] == award).all()
        assert (table[:, AuctionState.SETTLED] == award).all()
        assert (table >= 0).all()


def test_an_empty_day_has_no_rows():
    """Only what happened is listed."""
    assert all(len(column) == 0 for column in AuctionDay(3).rows().values())
