"""Contracts of one business model as columns, one entry a contract in the order of signing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.business_models.frame import Floats, Ints, Quantities

#: What has become of a contract.
RUNNING, ENDED, DEFAULTED, LEFT = 0, 1, 2, 3
STATUS = ("running", "ended", "defaulted", "left")
NO_DAY = 2**31 - 1


class Contracts:
    """Who is bound by a business model, from when to when, by what, and what has flowed.

    Attributes
    ----------
    row, number : ndarray of int64, shape (n,)
        Row of the customer in its population, and its number.
    first_day, last_day : ndarray of int64, shape (n,)
        Days of the run on which it holds; `NO_DAY` as long as it has no end. A bill closes one contract, and on the
        same day the next may begin.
    status : ndarray of int64, shape (n,)
        Place in `STATUS`.
    age : ndarray of int64, shape (n,)
        Full years under contract.
    elapsed : ndarray of float64, shape (n,)
        Part of the present year that is billed [a].
    agreed, true : dict of ndarray of float64, shape (n,)
        What was agreed and expected, and what really is.
    sums : dict of ndarray of float64, shape (n,)
        Realised quantities of this year, times their time.
    posted : ndarray of int64, shape (flows, n)
        Posted in this year by yearly flow [1e-6 currency].
    paid, received : ndarray of int64, shape (n,)
        By the customer under this contract since it began [1e-6 currency].
    benefit : ndarray of float64, shape (n,)
        What this year has brought the customer, bills included [currency].
    """

    def __init__(self) -> None:
        for name in ("row", "number", "first_day", "last_day", "status", "age", "paid", "received"):
            setattr(self, name, np.zeros(0, np.int64))
        self.elapsed, self.benefit = np.zeros(0), np.zeros(0)
        self.agreed: Quantities = {}
        self.true: Quantities = {}
        self.sums: Quantities = {}
        self.posted = np.zeros((0, 0), np.int64)

    row: Ints
    number: Ints
    first_day: Ints
    last_day: Ints
    status: Ints
    age: Ints
    paid: Ints
    received: Ints

    def __len__(self) -> int:
        return int(self.row.size)

    def sign(self, row: Ints, number: Ints, day: int, agreed: Quantities, true: Quantities) -> Ints:
        """Enter contracts that hold from a day on; return their places.

        Raises
        ------
        ValueError
            If a customer is bound on that day already, or named twice: two exclusive contracts on one asset.
        """
        rows, times = np.unique(np.concatenate([row, np.unique(self.row[self.last_day > day])]), return_counts=True)
        if (bound := rows[times > 1]).size:
            raise ValueError(
                f"member in row {bound[0]} is bound already on day {day}: two exclusive contracts on one asset"
            )
        new, before = row.size, len(self)
        pairs = {"agreed": (self.agreed, agreed), "true": (self.true, true)}
        for name, (store, values) in pairs.items():
            if before and set(store) != set(values):
                raise ValueError(f"{name}: given {sorted(values)}; allowed the same as before: {sorted(store)}")
        fresh = {"row": row, "number": number, "first_day": day, "last_day": NO_DAY}
        for name in ("row", "number", "first_day", "last_day", "status", "age", "paid", "received"):
            more = np.broadcast_to(np.asarray(fresh.get(name, 0), np.int64), new)
            setattr(self, name, np.concatenate([getattr(self, name), more]))
        self.elapsed, self.benefit = _longer(self.elapsed, new), _longer(self.benefit, new)
        for store, values in pairs.values():
            for key, value in values.items():
                column = np.broadcast_to(np.asarray(value, np.float64), new)
                store[key] = np.concatenate([store.get(key, np.zeros(0)), column])
        self.sums = {key: _longer(value, new) for key, value in self.sums.items()}
        self.posted = np.concatenate([self.posted, np.zeros((len(self.posted), new), np.int64)], axis=1)
        return np.arange(before, before + new)

    def valid(self, day: int) -> Ints:
        """Return the places of the contracts that hold on a day."""
        return np.flatnonzero((self.first_day <= day) & (day <= self.last_day))

    def bound(self, day: int, members: int) -> NDArray[np.bool_]:
        """Return who of a population is bound beyond a day, by row, shape (members,)."""
        held = np.zeros(members, np.bool_)
        held[self.row[self.last_day > day]] = True
        return held

    def end(self, places: Ints, day: int, status: int) -> None:
        """End contracts: the day is the last on which they hold."""
        self.last_day[places] = day
        self.status[places] = status

    def require_valid(self, places: Ints, day: int) -> None:
        """Refuse to debit customers without a contract that holds.

        Raises
        ------
        ValueError
            If one of the contracts does not hold on that day.
        """
        wrong = (self.first_day[places] > day) | (self.last_day[places] < day)
        if wrong.any():
            place = int(places[np.argmax(wrong)])
            raise ValueError(
                f"contract {place} of member {self.number[place]} does not hold on day {day}: it holds from day "
                f"{self.first_day[place]} to {self.last_day[place]}; no customer is debited without a valid contract"
            )


def _longer(column: Floats, more: int) -> Floats:
    return np.concatenate([column, np.zeros(more)])
