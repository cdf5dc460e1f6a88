"""The nine-grid canvas as a machine form: every entry maps to something that a run has (model.md D0, D18)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

#: Blocks in the order of S3, and what they are called.
BLOCKS = {
    "KP": "Key partners",
    "KA": "Key activities",
    "KR": "Key resources",
    "VP": "Value proposition",
    "CR": "Customer relationships",
    "CH": "Channels",
    "CS": "Customer segments",
    "C$": "Cost structure",
    "R$": "Revenue streams",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A cost or a revenue of the provider.

    Parameters
    ----------
    name : str
        In words.
    accounts : tuple of str
        Accounts of the ledger that it is booked on, at least one.
    """

    name: str
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Canvas:
    """What a business model consists of.

    Parameters
    ----------
    partners : dict
        Key partner in words, to its party or role in the books.
    activities : tuple of str
        What the provider does.
    resources : dict
        Key resource in words, to the quantity of the contract that measures it.
    value : tuple of str
        What the customer gets.
    relationship : dict
        In words, to the key of the terms that sets it, dotted.
    channels : dict
        In words, to the key of the terms that sets their reach, dotted.
    segments : dict
        In words, to the key of the terms that tells who belongs to it, dotted.
    costs, revenues : tuple of Entry
        Of the provider.
    """

    partners: dict[str, str]
    activities: tuple[str, ...]
    resources: dict[str, str]
    value: tuple[str, ...]
    relationship: dict[str, str]
    channels: dict[str, str]
    segments: dict[str, str]
    costs: tuple[Entry, ...]
    revenues: tuple[Entry, ...]

    def faults(self, terms: Any, accounts: Iterable[str], roles: Iterable[str], quantities: Iterable[str]) -> list[str]:
        """Return what maps to nothing, one message each.

        Parameters
        ----------
        terms : BusinessModel
            With the keys that entries name.
        accounts : iterable of str
            Accounts that the business model books on.
        roles : iterable of str
            Roles and parties of its flows.
        quantities : iterable of str
            Quantities of its contracts.
        """
        known = set(accounts)
        found = [
            f"{block} {entry.name!r}: books on {', '.join(entry.accounts) or 'no account'}; allowed accounts: "
            f"{', '.join(sorted(known))}"
            for block, entries in (("C$", self.costs), ("R$", self.revenues))
            for entry in entries
            if not entry.accounts or not set(entry.accounts) <= known
        ]
        for block, booked in (("C$", self.costs), ("R$", self.revenues)):
            listed = [account for entry in booked for account in entry.accounts]
            twice = sorted({account for account in listed if listed.count(account) > 1})
            found += [f"{block}: account {account!r} stands in two entries; it would count twice" for account in twice]
        for block, entries in (("KP", self.partners), ("KR", self.resources)):
            allowed = set(roles) if block == "KP" else set(quantities)
            found += [
                f"{block} {name!r}: maps to {target!r}; allowed: {', '.join(sorted(allowed))}"
                for name, target in entries.items()
                if target not in allowed
            ]
        for block, keys in (("CR", self.relationship), ("CH", self.channels), ("CS", self.segments)):
            found += [
                f"{block} {name!r}: no key {key!r} in the terms" for name, key in keys.items() if not _has(terms, key)
            ]
        texts = (("KA", self.activities), ("VP", self.value))
        return found + [f"{block}: empty; give at least one entry" for block, words in texts if not words]

    def realised(self, books: pd.DataFrame, provider: str) -> pd.DataFrame:
        """Fill the canvas from the books.

        What comes back on an account that one side alone names, such as a tax credit, lessens the amount there.

        Parameters
        ----------
        books : pandas.DataFrame
            The business model's rows of the ledger: payer, payee, account, amount [currency].
        provider : str
            Party that pays the costs and receives the revenues.

        Returns
        -------
        pandas.DataFrame
            Columns block, label, entry, maps_to, amount [currency; missing where a block has no money].

        Raises
        ------
        ValueError
            If the provider pays or receives on an account that no entry covers.
        """
        import pandas as pd

        sides = {"C$": _by_account(books, "payer", provider), "R$": _by_account(books, "payee", provider)}
        rows: list[tuple[str, str, str, float | None]] = []
        texts = {"KP": self.partners, "KR": self.resources, "CR": self.relationship, "CH": self.channels}
        texts |= {"CS": self.segments, "KA": dict.fromkeys(self.activities, ""), "VP": dict.fromkeys(self.value, "")}
        money = {"C$": self.costs, "R$": self.revenues}
        named = {
            block: {account for entry in entries for account in entry.accounts} for block, entries in money.items()
        }
        for block in BLOCKS:
            rows += [(block, name, target, None) for name, target in texts.get(block, {}).items()]
            if block not in money:
                continue
            back = "R$" if block == "C$" else "C$"
            for entry in money[block]:
                amount = _sum(sides[block], entry.accounts) - _sum(sides[back], set(entry.accounts) - named[back])
                rows.append((block, entry.name, ", ".join(entry.accounts), amount))
            if missing := set(sides[block]) - named[block] - named[back]:
                raise ValueError(
                    f"{block} has no entry for the account {', '.join(sorted(missing))}, on which "
                    f"{provider} books; add one to the canvas"
                )
        blocks, names, targets, amounts = zip(*rows, strict=True)
        labels = [BLOCKS[block] for block in blocks]
        columns = {"block": blocks, "label": labels, "entry": names, "maps_to": targets, "amount": amounts}
        return pd.DataFrame(columns).astype({"amount": float})


def _by_account(books: pd.DataFrame, side: str, party: str) -> dict[str, float]:
    amounts = books[books[side] == party].groupby("account")["amount"].sum()
    return {str(account): float(amount) for account, amount in amounts.items()}


def _sum(amounts: dict[str, float], accounts: Iterable[str]) -> float:
    return sum((amounts.get(account, 0.0) for account in accounts), 0.0)


def _has(terms: Any, key: str) -> bool:
    for part in key.split("."):
        if not hasattr(terms, part):
            return False
        terms = getattr(terms, part)
    return True
