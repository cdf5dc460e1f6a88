"""Sections of a scenario that name users' own files, and the weather."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from gridagora.agents.weather import Climate
from gridagora.scenarios.data_file import DataFile
from gridagora.scenarios.quantities import Amount
from gridagora.sim.plugin import Frozen

#: Marks that pydantic puts into the place of a fault where a value is a name or a file.
NAME_TAG, FILE_TAG = "(name)", "(file)"


class LoadFile(DataFile):
    """Own load: each column is a base profile, or the meter of a member."""

    kind: Literal["load"] = "load"
    """What the series are."""
    unit: Literal["kW", "kWh", "MW", "MWh", "W", "Wh"]
    """Unit of all columns: of power, or of energy in each row."""
    use: Literal["profile", "meter"] = "profile"
    """With `profile` a column gives the shape of a year: members draw one, scale it to their yearly energy, exchange
    like days and shift it. With `meter` member i is column i, from the first again after the last, in time and energy
    as it stands; the file then needs the days of the run only, and keys of yearly consumption are not used."""


class PvFile(DataFile):
    """Own PV generation: each column is a base profile."""

    kind: Literal["pv"] = "pv"
    """What the series are."""
    unit: Literal["kW", "kWh", "MW", "MWh", "W", "Wh"]
    """Unit of all columns: of power, or of energy in each row."""
    rated_kwp: Amount | None = None
    """Rated power of the system behind each column [kWp]: a member then generates the column's energy per kWp, and the
    file needs the days of the run only. Without it a column gives the shape of a year, and `pv_yield_kwh_per_kwp` its
    energy."""


class TemperatureFile(DataFile):
    """Own air temperature: one column."""

    kind: Literal["weather"] = "weather"
    """What the series are."""
    unit: Literal["degC"] = "degC"
    """Unit of the column."""


class IrradianceFile(DataFile):
    """Own global horizontal irradiance: one column."""

    kind: Literal["weather"] = "weather"
    """What the series are."""
    unit: Literal["W/m2"] = "W/m2"
    """Unit of the column."""


class PriceFile(DataFile):
    """Own prices of the pool: one column, of any sign."""

    kind: Literal["price"] = "price"
    """What the series are."""
    unit: Literal["currency/kWh", "currency/MWh"]
    """Unit of the column, in the currency of the scenario."""


def name_or_file(names: Any, file: type[DataFile]) -> Any:
    """Return the type of a value that is one of `names`, a Literal, or a mapping that describes a file."""
    choice = Discriminator(lambda value: FILE_TAG if isinstance(value, dict | DataFile) else NAME_TAG)
    return Annotated[Annotated[names, Tag(NAME_TAG)] | Annotated[file, Tag(FILE_TAG)], choice]


class Typical(Frozen):
    """No weather of its own: it is in the package's profiles."""

    kind: Literal["typical"] = "typical"
    """Where weather comes from: `typical` is what the profiles hold; nothing can be computed from it."""


class Synthetic(Climate):
    """Weather drawn from the climate of a place (model.md A0)."""

    kind: Literal["synthetic"] = "synthetic"
    """Where weather comes from: a yearly and a daily cosine, noise, and clouds."""


class WeatherFiles(Frozen):
    """Weather of the user's own."""

    kind: Literal["file"] = "file"
    """Where weather comes from: own files, which hold the days of the run."""
    temperature: TemperatureFile
    """Air temperature."""
    irradiance: IrradianceFile
    """Global horizontal irradiance."""


def _named(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


AnyWeather = Annotated[Typical | Synthetic | WeatherFiles, Field(discriminator="kind"), BeforeValidator(_named)]
