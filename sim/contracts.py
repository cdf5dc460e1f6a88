"""The contract book: who is bound to whom, by what, from which day to which day."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Contract:
    """One contract between two parties.

    Attributes
    ----------
    id : str
        Name of the contract, unique in a book.
    kind : str
        What is agreed, such as ``"supply"``.
    party, counterparty : str
        Customer and provider.
    first_day : int
        First day of the run on which it holds.
    last_day : int or None
        Last day on which it holds; None if it has no end yet.
    terms : Mapping
        Terms by name; the unit belongs to the name (``price_per_kwh``). Read-only.
    exclusive : bool
        True if the party can have only one contract of this kind on a day.

    Raises
    ------
    ValueError
        If a name is empty or the days are out of order.
    """

    id: str
    kind: str
    party: str
    counterparty: str
    first_day: int
    last_day: int | None
    terms: Mapping[str, Any]
    exclusive: bool = True

    def __post_init__(self) -> None:
        if not (self.id and self.kind and self.party and self.counterparty):
            raise ValueError(f"contract {self.id!r}: id, kind, party and counterparty must not be empty")
        if self.first_day < 0 or (self.last_day is not None and self.last_day < self.first_day):
            raise ValueError(
                f"contract {self.id!r}: given days {self.first_day} to {self.last_day}; "
                "allowed: first_day of at least 0, last_day not before it, or None for no end"
            )
        object.__setattr__(self, "terms", MappingProxyType(dict(self.terms)))

    def __reduce__(self) -> tuple[Any, ...]:  # a mapping proxy cannot be pickled
        return (
            type(self),
            tuple(dict(getattr(self, f)) if f == "terms" else getattr(self, f) for f in self.__slots__),
        )

    def holds(self, day: int) -> bool:
        """Tell whether the contract holds on a day of the run."""
        return self.first_day <= day and (self.last_day is None or day <= self.last_day)

    def days(self) -> str:
        """Days of the contract in words."""
        return f"days {self.first_day} to {'no end' if self.last_day is None else self.last_day}"


class ContractBook:
    """All contracts of a run."""

    def __init__(self, contracts: Iterable[Contract] = ()) -> None:
        self._by_id: dict[str, Contract] = {}
        self._ids: dict[tuple[str, str], list[str]] = {}
        for contract in contracts:
            self.add(contract)

    def add(self, contract: Contract) -> None:
        """Enter a contract.

        Raises
        ------
        ValueError
            If the id is taken, or the party has another contract of this kind on one of its days and one of
            the two is exclusive.
        """
        if contract.id in self._by_id:
            raise ValueError(f"contract {contract.id!r} is in the book already; give another id")
        for other in self._of(contract.party, contract.kind):
            if (contract.exclusive or other.exclusive) and _overlap(contract, other):
                raise ValueError(
                    f"contract {contract.id!r} ({contract.kind} of {contract.party!r}, {contract.days()}) "
                    f"overlaps {other.id!r} with {other.counterparty!r} ({other.days()}); end that one first"
                )
        self._by_id[contract.id] = contract
        self._ids.setdefault((contract.party, contract.kind), []).append(contract.id)

    def end(self, contract: str, day: int) -> Contract:
        """End a contract by its id: the given day is the last on which it holds.

        Raises
        ------
        KeyError
            If the book has no such contract.
        ValueError
            If it does not hold on that day.
        """
        if contract not in self._by_id:
            raise KeyError(f"no contract {contract!r}; the book has: {_listed(self._by_id)}")
        found = self._by_id[contract]
        if not found.holds(day):
            raise ValueError(f"contract {contract!r} cannot end on day {day}: it holds on {found.days()}")
        self._by_id[contract] = replace(found, last_day=day)
        return self._by_id[contract]

    def valid(
        self, day: int, party: str | None = None, kind: str | None = None, counterparty: str | None = None
    ) -> tuple[Contract, ...]:
        """Contracts that hold on a day, in the order of entry; None matches every name."""
        if party is not None and kind is not None:
            found: Iterable[Contract] = self._of(party, kind)
        else:
            found = self._by_id.values()
        return tuple(
            c
            for c in found
            if c.holds(day)
            and party in (None, c.party)
            and kind in (None, c.kind)
            and counterparty in (None, c.counterparty)
        )

    def counterparty(self, party: str, kind: str, day: int) -> str:
        """Name of the one who is bound to a party by its one contract of a kind on a day.

        Raises
        ------
        KeyError
            If no contract or more than one holds, with what exists.
        """
        found = self.valid(day, party, kind)
        if len(found) != 1:
            what = "no contract" if not found else f"{len(found)} contracts"
            known = [f"{c.id} ({c.kind}, {c.days()})" for c in self._by_id.values() if c.party == party]
            raise KeyError(f"{what} of kind {kind!r} for {party!r} on day {day}; the book has: {_listed(known)}")
        return found[0].counterparty

    def frame(self) -> pd.DataFrame:
        """Table of all contracts in the order of entry.

        Returns
        -------
        pandas.DataFrame
            Columns contract, kind, party, counterparty, first_day, last_day (missing if it has no end),
            terms (JSON).
        """
        import pandas as pd  # half a second that the command line's help does not need

        book = list(self._by_id.values())
        return pd.DataFrame(
            {
                "contract": [c.id for c in book],
                "kind": [c.kind for c in book],
                "party": [c.party for c in book],
                "counterparty": [c.counterparty for c in book],
                "first_day": np.array([c.first_day for c in book], np.int64),
                "last_day": pd.array([c.last_day for c in book], dtype="Int64"),
                "terms": [json.dumps(dict(c.terms), sort_keys=True, default=str) for c in book],
            }
        )

    def _of(self, party: str, kind: str) -> list[Contract]:
        return [self._by_id[name] for name in self._ids.get((party, kind), [])]


def _overlap(a: Contract, b: Contract) -> bool:
    return (b.last_day is None or a.first_day <= b.last_day) and (a.last_day is None or b.first_day <= a.last_day)


def _listed(names: Iterable[str]) -> str:
    shown = sorted(names)
    more = f" and {len(shown) - 8} more" if len(shown) > 8 else ""
    return (", ".join(shown[:8]) or "nothing") + more
