"""Sections of a scenario about business models: which are on offer, and with whom they deal (model.md D)."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from gridagora.agents.business_models.catalogue import BUSINESS_MODELS
from gridagora.agents.business_models.frame import BusinessModel
from gridagora.agents.business_models.lenders import Counterparties, GovernmentTerms

__all__ = ["AnyBusinessModel", "Counterparties", "GovernmentTerms", "any_business_model"]


def any_business_model() -> Any:
    """Return the type of an entry of `business_models`: one of the registered kinds."""
    kinds = list(BUSINESS_MODELS.values())
    return Annotated[reduce(or_, kinds), Field(discriminator="kind")] if len(kinds) > 1 else BusinessModel


if TYPE_CHECKING:
    AnyBusinessModel = BusinessModel
else:
    AnyBusinessModel = any_business_model()
