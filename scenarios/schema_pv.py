"""Section of a scenario that places roofs on the map, and how it is told from a file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Tag

from gridagora.agents.pv_place import Roofs
from gridagora.scenarios.schema_data import FILE_TAG, NAME_TAG, PvFile

#: Mark of the alternative, which is its kind.
PLACE_TAG = "place"


class PvPlace(Roofs):
    """PV at a place, by the weather of the run (model.md A3)."""

    kind: Literal["place"] = "place"
    """What the mapping is: roofs at a place. Their output follows from the run's `weather` by pvlib: a synthetic
    sky's clouds before the sun of the place, or an own file's irradiance; `pv_yield_kwh_per_kwp` is then not used."""


def _tag(value: Any) -> str:
    if isinstance(value, PvFile):
        return FILE_TAG
    if isinstance(value, PvPlace):
        return PLACE_TAG
    if not isinstance(value, dict):
        return NAME_TAG
    is_place = value.get("kind", PLACE_TAG if "latitude_deg" in value else "pv") == PLACE_TAG
    return PLACE_TAG if is_place else FILE_TAG


PvSource = Annotated[
    Annotated[Literal["all", "weather"], Tag(NAME_TAG)]
    | Annotated[PvFile, Tag(FILE_TAG)]
    | Annotated[PvPlace, Tag(PLACE_TAG)],
    Discriminator(_tag),
]
