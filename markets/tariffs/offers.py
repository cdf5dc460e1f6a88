"""What a group of customers may choose from: one tariff, or a menu with an outside option."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from gridagora.markets.tariffs.eligibility import Eligibility
from gridagora.sim.plugin import Frozen

if TYPE_CHECKING:
    from gridagora.markets.tariffs.tariff import Tariff


@dataclass(frozen=True, slots=True)
class Offer:
    """A tariff that members may have.

    Parameters
    ----------
    name : str
        Name in the results.
    tariff : Tariff
        Its prices and parts.
    """

    name: str
    tariff: Tariff

    @property
    def supplier(self) -> str:
        """Party that sells at it."""
        return self.tariff.supplier

    @property
    def eligible(self) -> Eligibility:
        """Who may choose it."""
        return self.tariff.eligible


def menu_of(any_tariff: Any) -> type[Frozen]:
    """Return the section of a menu whose options are any of the given tariffs.

    Parameters
    ----------
    any_tariff : type
        Union of tariff classes, told apart by their `kind`.
    """

    class Menu(Frozen):
        """Tariffs that members choose from; one of them is what those have who choose none (model.md B8, B10)."""

        kind: Literal["menu"] = "menu"
        """Tariffs to choose from."""
        options: dict[str, any_tariff] = Field(min_length=2)
        """Tariffs by name."""
        outside: str
        """The option of those who choose none: open to everybody, free to leave."""

        @model_validator(mode="after")
        def _has_an_outside_option(self) -> Self:
            if self.outside not in self.options:
                raise ValueError(f"outside: given {self.outside!r}; allowed one of options: {', '.join(self.options)}")
            free = self.options[self.outside]
            bound = free.package is not None and free.package.term_months
            if free.eligible != Eligibility() or bound:
                raise ValueError(
                    f"outside: {self.outside!r} has a term or a condition; allowed open to everybody and free to "
                    "leave; name another option"
                )
            return self

    return Menu


def offers_of(entry: Any) -> tuple[Offer, ...]:
    """Return the offers of an entry of `tariffs`: those of a menu, its outside option first, or the one tariff.

    Parameters
    ----------
    entry : Tariff or Menu
        As the scenario gives it.
    """
    if entry.kind != "menu":
        return (Offer(entry.kind, entry),)
    names = sorted(entry.options, key=lambda name: (name != entry.outside, list(entry.options).index(name)))
    return tuple(Offer(name, entry.options[name]) for name in names)
