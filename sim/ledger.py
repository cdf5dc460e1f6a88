"""The money book: exact double entry in micro-units of the currency.

A posting names one payer, one payee and one account, so every party's gain is another's loss. Rows are sums per
day, payer, payee, account and business model: their number does not grow with the number of members.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

    from gridagora.sim.clock import Calendar

MICRO_PER_UNIT = 1_000_000
MAX_TURNOVER_MICRO = 2**62
Key = tuple[int, str, str, str, str]
_NAMES = ("day", "payer", "payee", "account", "business_model")


class UnbalancedBooks(RuntimeError):
    """A book does not close: the program moved money or energy outside it."""


def role_of(party: str) -> str:
    """Role of a party: ``plant:north`` plays the role ``plants``; a name without a colon is its own role."""
    kind, colon, _ = party.partition(":")
    return f"{kind}s" if colon else party


def to_micro(amount: npt.ArrayLike, what: str) -> npt.NDArray[np.int64]:
    """Return amounts as the books hold them [1e-6 currency], rounded.

    Parameters
    ----------
    amount : array_like
        Amounts [currency].
    what : str
        What is paid, for the message.

    Raises
    ------
    OverflowError
        If one is not finite, or more than the books hold.
    """
    micro = np.rint(np.asarray(amount, np.float64) * MICRO_PER_UNIT)
    held = np.abs(micro) < MAX_TURNOVER_MICRO
    if not held.all():
        raise OverflowError(
            f"{what}: given a payment of {micro[~held].flat[0] / MICRO_PER_UNIT:g}; allowed less than 2^62 "
            f"micro-units, {MAX_TURNOVER_MICRO / MICRO_PER_UNIT:.3g}: lower what makes it so large, or use a larger "
            "money unit"
        )
    return micro.astype(np.int64)


class Ledger:
    """Double-entry book of all payments of a run."""

    def __init__(self) -> None:
        self._journal: dict[Key, int] = {}  # posted since the last check
        self._rows: dict[Key, int] = {}  # checked
        self._checked: defaultdict[str, int] = defaultdict(int)
        self._balances: defaultdict[str, int] = defaultdict(int)
        self._turnover = 0

    def post(self, day: int, payer: str, payee: str, account: str, amount_micro: int, business_model: str = "") -> None:
        """Move money from one party to another.

        Parameters
        ----------
        day : int
            Day of the run.
        payer, payee : str
            Names of the parties. Paying oneself is an internal transfer: it is recorded and changes no balance.
        account : str
            What is paid for, such as ``"retail"``.
        amount_micro : int
            Amount [1e-6 currency], at least 0; an amount of 0 leaves no row. A negative price is posted the other
            way round.
        business_model : str
            Name of the business model that causes the payment; empty for the markets themselves.

        Raises
        ------
        ValueError
            If the amount is not a whole number of at least 0, or a name is empty.
        OverflowError
            If the turnover of the run passes 2^62 micro-units.
        """
        if isinstance(amount_micro, bool) or not isinstance(amount_micro, (int, np.integer)):
            raise ValueError(
                f"amount_micro: given {amount_micro!r} ({type(amount_micro).__name__}) for {payer} -> {payee}, "
                f"account {account!r}; allowed: a whole number of micro-units; round the bill once, then post it"
            )
        if amount_micro < 0:
            raise ValueError(
                f"amount_micro: given {amount_micro} for {payer} -> {payee}, account {account!r}; allowed: at least "
                "0; post a negative amount the other way round"
            )
        if not (payer and payee and account):
            raise ValueError(f"posting {payer!r} -> {payee!r}, account {account!r}: a name is empty; give all three")
        if amount_micro == 0:
            return
        amount = int(amount_micro)
        if self._turnover + amount > MAX_TURNOVER_MICRO:
            raise OverflowError(
                f"posting {amount} micro-units from {payer} to {payee}: the turnover of the run would pass 2^62 "
                "micro-units; use a larger money unit (thousands) in the scenario"
            )
        key = (int(day), payer, payee, account, business_model)
        self._turnover += amount
        self._journal[key] = self._journal.get(key, 0) + amount
        self._balances[payer] -= amount
        self._balances[payee] += amount

    def post_array(
        self,
        day: int,
        payer: str,
        payee: str,
        account: str,
        amounts: npt.NDArray[np.int64],
        business_model: str = "",
    ) -> None:
        """Post the sums of many signed amounts: what is positive to the payee, what is negative to the payer.

        Parameters
        ----------
        day, payer, payee, account, business_model
            As in `post`.
        amounts : numpy.ndarray
            Signed amounts [1e-6 currency], int64, any shape; negative amounts are paid by the payee to the payer.

        Raises
        ------
        ValueError
            If the array does not hold int64.
        OverflowError
            If the sums pass 2^62 micro-units.
        """
        if not isinstance(amounts, np.ndarray) or amounts.dtype != np.int64:
            raise ValueError(
                f"amounts: given {getattr(amounts, 'dtype', type(amounts).__name__)} for {payer} -> {payee}, account "
                f"{account!r}; allowed: an int64 array of micro-units; round each bill once, then post"
            )
        if np.abs(amounts.astype(np.float64)).sum() > MAX_TURNOVER_MICRO:
            raise OverflowError(
                f"amounts for {payer} -> {payee} pass 2^62 micro-units; use a larger money unit (thousands)"
            )
        paid = int(amounts[amounts > 0].sum())
        received = -int(amounts[amounts < 0].sum())
        self.post(day, payer, payee, account, paid, business_model)
        self.post(day, payee, payer, account, received, business_model)

    def balance(self, party: str) -> int:
        """Money received less money paid by a party [1e-6 currency]; 0 for a party without postings."""
        return self._balances.get(party, 0)

    def balances(self) -> dict[str, int]:
        """Balance of every party with a posting [1e-6 currency], by name."""
        return dict(sorted(self._balances.items()))

    def check(self) -> None:
        """Compare each balance with the sum over its rows, which sum to zero as each has a payer and a payee.

        Raises
        ------
        UnbalancedBooks
            If a balance differs, with the party and the difference.
        """
        for (_, payer, payee, _, _), amount in self._journal.items():
            self._checked[payer] -= amount
            self._checked[payee] += amount
        for key, amount in self._journal.items():
            self._rows[key] = self._rows.get(key, 0) + amount
        self._journal.clear()
        for party in sorted(self._checked.keys() | self._balances.keys()):
            difference = self._balances.get(party, 0) - self._checked.get(party, 0)
            if difference:
                raise UnbalancedBooks(
                    f"balance of {party!r} differs from its rows by {difference} micro-units; "
                    "money moves through Ledger.post only"
                )

    def _all_rows(self) -> dict[Key, int]:
        rows = dict(self._rows)
        for key, amount in self._journal.items():
            rows[key] = rows.get(key, 0) + amount
        return rows

    def frame(self) -> pd.DataFrame:
        """Rows of the book.

        Returns
        -------
        pandas.DataFrame
            Columns day, payer, payee, account, business_model, amount_micro [1e-6 currency, int64], sorted.
        """
        return _table(self._all_rows(), _NAMES)

    def columns(self) -> dict[str, Any]:
        """Columns of :meth:`frame`, without one."""
        return _columns(self._all_rows(), _NAMES)

    def monthly(self, calendar: Calendar) -> pd.DataFrame:
        """Rows summed by month of the run.

        Returns
        -------
        pandas.DataFrame
            Columns month, payer, payee, account, business_model, amount_micro [1e-6 currency, int64], sorted.
        """
        sums: defaultdict[Key, int] = defaultdict(int)
        for (day, *names), amount in self._all_rows().items():
            payer, payee, account, business_model = names
            sums[calendar.day(day).month_index, payer, payee, account, business_model] += amount
        return _table(sums, ("month", "payer", "payee", "account", "business_model"))

    def flows(self, level: Literal["role", "party"] = "role") -> pd.DataFrame:
        """Rows of the whole run summed by who paid whom for what.

        Parameters
        ----------
        level : {"role", "party"}
            With ``"role"`` all plants are one payer, and so on (`role_of`).

        Returns
        -------
        pandas.DataFrame
            Columns source, target, account, business_model, amount_micro [1e-6 currency, int64], sorted.
        """
        name = role_of if level == "role" else str
        sums: defaultdict[tuple[str, str, str, str], int] = defaultdict(int)
        for (_, payer, payee, account, business_model), amount in self._all_rows().items():
            sums[name(payer), name(payee), account, business_model] += amount
        return _table(sums, ("source", "target", "account", "business_model"))


def _columns(sums: Mapping[Any, int], names: tuple[str, ...]) -> dict[str, Any]:
    rows = sorted(sums.items())
    columns: dict[str, Any] = {name: [key[i] for key, _ in rows] for i, name in enumerate(names)}
    columns["amount_micro"] = np.array([amount for _, amount in rows], dtype=np.int64)
    return columns


def _table(sums: Mapping[Any, int], names: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd  # half a second that the command line's help does not need

    return pd.DataFrame(_columns(sums, names))
