"""The files of its own that a scenario names: found, fingerprinted, checked, and read once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any

from gridagora.scenarios.data_file import DataFile, DataFileError
from gridagora.scenarios.own_data import OwnSeries, as_profiles, read_series
from gridagora.scenarios.plausible import given_price_fault
from gridagora.scenarios.schema import FIRST_DAY, N_DAYS
from gridagora.scenarios.schema_data import IrradianceFile, LoadFile, PriceFile, PvFile, TemperatureFile
from gridagora.scenarios.schema_population import profile_names
from gridagora.scenarios.schema_tree import child, sections
from gridagora.sim.plugin import Frozen, unknown

if TYPE_CHECKING:
    from gridagora.scenarios.load import Scenario
    from gridagora.scenarios.schema import ScenarioModel, Time

_PLAIN = frozenset({float, int, str, bool, dict, NoneType})

KeyPath = tuple[str | int, ...]
Fault = tuple[KeyPath, str]

#: Package profiles that `sectors` chooses among, by section of consumers.
_SECTOR_GROUPS = {"firms": "firm", "farms": "farm"}
_BDEW_NAMES = {"firm": ["G25"], "farm": ["L25"]}


def anchored(value: Any, annotation: Any, folder: Path) -> Any:
    """Return data of a scenario in which relative paths of own files start from `folder`.

    Parameters
    ----------
    value : plain data
        What stands in a file or an override.
    annotation : type
        What the schema says it is.
    folder : Path
        Absolute.
    """
    if isinstance(value, list):
        return [anchored(part, child(annotation, number), folder) for number, part in enumerate(value)]
    if not isinstance(value, dict):
        return value
    is_file = any(issubclass(section, DataFile) for section in sections(annotation))
    made = type(value)()
    for key, part in value.items():
        is_path = is_file and key == "path" and isinstance(part, str) and part
        made[key] = str(folder / part) if is_path else anchored(part, child(annotation, key), folder)
    return made


def files_of(section: Frozen, path: KeyPath = ()) -> Iterator[tuple[KeyPath, DataFile]]:
    """Yield the own files that a section names, with the path of their key."""
    for name, value in vars(section).items():
        if type(value) in _PLAIN:  # most are; to ask pydantic's classes whether a number is theirs takes far longer
            continue
        parts: Any = enumerate(value) if isinstance(value, tuple) else ((None, value),)
        for place, part in parts:
            here = (*path, name) if place is None else (*path, name, place)
            if isinstance(part, DataFile):
                yield here, part
            elif isinstance(part, Frozen):
                yield from files_of(part, here)


def fingerprint(file: str | Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with Path(file).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def series_of(spec: DataFile, time: Time) -> OwnSeries:
    """Return what a file holds for the run: the year where its columns become profiles, else the days of the run.

    Raises
    ------
    DataFileError
        If the file is refused.
    """
    first_day, n_days = time.span
    if (isinstance(spec, LoadFile) and spec.use == "profile") or (isinstance(spec, PvFile) and spec.rated_kwp is None):
        first_day, n_days = FIRST_DAY, N_DAYS
    try:
        digest = fingerprint(spec.path)
    except OSError:
        digest = ""  # the reader says what is wrong with it
    return _read_once(spec, digest, first_day, n_days, time.period_minutes)


def require_unchanged(scenario: Scenario) -> None:
    """Refuse files that are not what they were when the scenario was loaded: its hash names their content.

    Raises
    ------
    DataFileError
        If the content of a file has changed, or it is gone.
    """
    for key, file in scenario.data_files.items():
        path = Path(file["path"])
        if not path.is_file() or fingerprint(path) != file["sha256"]:
            raise DataFileError([f"{path}: given as {key}, changed since the scenario was loaded; load it again"])


@lru_cache(maxsize=8)
def _read_once(spec: DataFile, digest: str, first_day: date, n_days: int, period_minutes: int) -> OwnSeries:
    """Return the series of a file with this fingerprint; loading checks them, building takes them from here."""
    return read_series(spec, Path(), first_day, n_days, period_minutes)


def faults(scenario: ScenarioModel, files: Sequence[tuple[KeyPath, DataFile]]) -> list[Fault]:
    """Return the key and message of each reason to refuse the scenario's own files, and of what refers to them."""
    found: list[Fault] = []
    series: dict[KeyPath, OwnSeries] = {}
    for path, spec in files:
        try:
            series[path] = series_of(spec, scenario.time)
            found += [(path, message) for message in _misfits(spec, series[path], scenario)]
        except DataFileError as error:
            found += [(path, Path(spec.path).name + text.removeprefix(spec.path)) for text in error.problems]
    for place, group in _places(scenario):
        found += _sectors(place, group, series.get((*place, "profiles")))
        if group.pv_profiles == "weather" and scenario.weather.kind == "typical":
            message = "given weather; allowed with weather of kind synthetic or file, not typical: add one of them"
            found.append(((*place, "pv_profiles"), message))
    return found


def _misfits(spec: DataFile, series: OwnSeries, scenario: ScenarioModel) -> list[str]:
    """Return why columns that are sound in themselves do not fit their use."""
    if isinstance(spec, TemperatureFile | IrradianceFile | PriceFile) and len(series.names) > 1:
        return [f"given columns {', '.join(series.names)}; allowed one; name it in columns"]
    if isinstance(spec, PriceFile):
        fault = given_price_fault(scenario, float(abs(series.values).max()))
        return [fault] if fault else []
    if isinstance(spec, TemperatureFile | IrradianceFile):
        return []
    try:
        as_profiles(series)
    except ValueError as error:
        return [str(error)]
    return []


def _places(scenario: ScenarioModel) -> Iterator[tuple[KeyPath, Any]]:
    for name in ("households", "firms", "farms"):
        group = getattr(scenario, name)
        if group is not None:
            yield (name,), group
    for number, group in enumerate(scenario.populations):
        yield ("populations", number), group


def _sectors(place: KeyPath, group: Any, series: OwnSeries | None) -> list[Fault]:
    """Refuse sectors that no profile stands for."""
    sectors = getattr(group, "sectors", None)
    kind = _SECTOR_GROUPS.get(getattr(group, "kind", str(place[0])))
    if not sectors or kind is None:
        return []
    if isinstance(group.profiles, LoadFile):
        if group.profiles.use == "meter":
            message = "given with profiles of use meter, where each member is a column; leave sectors out"
            return [((*place, "sectors"), message)]
        names = list(series.names) if series is not None else list(sectors)
    else:
        names = profile_names(kind) if group.profiles == "all" else _BDEW_NAMES[kind]
    wrong = [name for name in sectors if name not in names]
    return [((*place, "sectors", name), unknown(f"{kind} profile", name, names)) for name in wrong]
