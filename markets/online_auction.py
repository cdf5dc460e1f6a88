"""The online auction of distributed power as a state machine with an audit (model.md C1).

One instance serves one area and one day; each settlement period is an auction of its own. Populations come as
curves over price ticks, so the audit counts members and kWh by state instead of keeping ten million orders.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class AuctionState(IntEnum):
    """Where an auction, or what was offered to it, stands."""

    IDLE = 0
    INTENT = 1
    INQUIRY = 2
    PUBLISHED = 3
    AGREEMENT = 4
    AUCTION = 5
    AWARD = 6
    DELIVERY = 7
    SETTLED = 8
    WITHDRAWN = 9
    EXPIRED = 10


BUY, SELL = 0, 1
#: Of one period, or of several, shape (periods,).
Amount = int | NDArray[np.int64]

#: Ends for a part of what was offered; the auction itself goes on.
_ENDS = (int(AuctionState.WITHDRAWN), int(AuctionState.EXPIRED))
# Plain numbers: with members of the class an array's index or comparison takes as long as its sum.
_PUBLISHED, _AGREEMENT, _AUCTION, _AWARD = range(AuctionState.PUBLISHED, AuctionState.DELIVERY)
_WITHDRAWN, _EXPIRED = _ENDS
_STATES, _SIDES = tuple(state.name.lower() for state in AuctionState), ("buy", "sell")


class AuctionDay:
    """The auctions of one day and their audit.

    Parameters
    ----------
    periods : int
        Settlement periods of the day.

    Attributes
    ----------
    count, quanta : ndarray of int64, shape (periods, 11, 2)
        Orders and energy [1e-6 kWh] by period, state and side.
    """

    def __init__(self, periods: int) -> None:
        self.state = np.zeros(periods, np.int8)
        self.count = np.zeros((periods, len(AuctionState), 2), np.int64)
        self.quanta = np.zeros((periods, len(AuctionState), 2), np.int64)

    def advance(self, period: int | slice, to: int) -> None:
        """Move auctions to the next state.

        Parameters
        ----------
        period : int or slice
            Settlement periods.
        to : int
            Number of the state after the present one.

        Raises
        ------
        ValueError
            If a state is left out or repeated.
        """
        states = self.state[period].tolist()
        wrong = states != to - 1 if isinstance(states, int) else any(state != to - 1 for state in states)
        if wrong or to in _ENDS:
            there = np.atleast_1d(np.arange(self.state.size)[period])
            first = there[int(np.argmax(self.state[there] != to - 1))]
            now = AuctionState(int(self.state[first])).name
            raise ValueError(f"auction of period {first} is in state {now}; {AuctionState(to).name} does not follow")
        self.state[period] = to

    def record(
        self,
        period: int | slice,
        state: int,
        side: int,
        count: Amount,
        quanta: Amount,
    ) -> None:
        """Add orders and energy to the audit.

        Parameters
        ----------
        period : int or slice
            Settlement periods.
        state : int
            Number of the state that they are in.
        side : int
            0 for buyers, 1 for sellers.
        count, quanta : int or ndarray of int64
            Orders and energy [1e-6 kWh].
        """
        self.count[period, state, side] += count
        self.quanta[period, state, side] += quanta

    def intend(self, sellers: NDArray[np.int64], offers: NDArray[np.int64]) -> None:
        """Register the offer intentions of the day's plan, and the platform's inquiry that answers each.

        Parameters
        ----------
        sellers, offers : ndarray of int64, shape (periods,)
            Members that mean to sell, and how much [1e-6 kWh].
        """
        for state in (int(AuctionState.INTENT), int(AuctionState.INQUIRY)):
            self.advance(slice(None), state)
            self.record(slice(None), state, SELL, sellers, offers)

    def publish(
        self, period: int | slice, sellers: Amount, offers: Amount, buyers: Amount, bids: Amount, withdrawn: Amount
    ) -> None:
        """List the offers of the gate forecast and register the buyers that agree to take part.

        Parameters
        ----------
        period : int or slice
            Settlement periods.
        sellers, offers, buyers, bids : int or ndarray of int64
            Orders and energy [1e-6 kWh] of both sides.
        withdrawn : int or ndarray of int64
            Members whose surplus shrank below the least offer.
        """
        for state in (_PUBLISHED, _AGREEMENT, _AUCTION):
            self.advance(period, state)
        self.record(period, _PUBLISHED, SELL, sellers, offers)
        self.record(period, _WITHDRAWN, SELL, withdrawn, 0)
        self.record(period, _AGREEMENT, BUY, buyers, bids)
        self.record(period, _AUCTION, BUY, buyers, bids)
        self.record(period, _AUCTION, SELL, sellers, offers)

    def award(self, period: int | slice, side: int, count: Amount, quanta: Amount) -> None:
        """Register the contract notes of one side; orders without one expire at the gate.

        Parameters
        ----------
        period : int or slice
            Settlement periods.
        side : int
            0 for buyers, 1 for sellers.
        count, quanta : int or ndarray of int64
            Orders with an award, and energy awarded [1e-6 kWh].
        """
        if np.any(self.state[period] != _AWARD):
            self.advance(period, _AWARD)
        self.record(period, _AWARD, side, count, quanta)
        asked = self.count[period, _AUCTION, side], self.quanta[period, _AUCTION, side]
        self.record(period, _EXPIRED, side, asked[0] - count, asked[1] - quanta)

    def settle(self, used: NDArray[np.int64], delivered: NDArray[np.int64]) -> None:
        """Register delivery and settlement of all awards of the day.

        Parameters
        ----------
        used, delivered : ndarray of int64, shape (periods,)
            Energy bought that was used, and energy sold that was delivered [1e-6 kWh].
        """
        for state in (int(AuctionState.DELIVERY), int(AuctionState.SETTLED)):
            self.advance(slice(None), state)
            for side, quanta in ((BUY, used), (SELL, delivered)):
                self.record(slice(None), state, side, self.count[:, _AWARD, side], quanta)

    def rows(self) -> dict[str, Any]:
        """Return the audit as columns period, state, side, count and energy [kWh], without empty rows."""
        period, state, side = np.nonzero(self.count | self.quanta)
        return {
            "period": period,
            "state": [_STATES[s] for s in state.tolist()],
            "side": [_SIDES[s] for s in side.tolist()],
            "count": self.count[period, state, side],
            "energy_kwh": self.quanta[period, state, side] / 1e6,
        }
