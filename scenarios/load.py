"""From a scenario's name or file to a checked, frozen `Scenario`.

Order of priority, the later wins: field default < ``base:`` (and its own base) < the file < ``--set`` or
:meth:`Scenario.override` < sweep point. Sections merge key by key; lists, maps of names (``sectors``, ``windows``,
...) and ``strategies`` are replaced as a whole, and so is a section whose ``kind`` changes.

Relative paths of own files start from the folder of the file that names them, in overrides from the working folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from pydantic import PrivateAttr, ValidationError

from gridagora.scenarios import plausible
from gridagora.scenarios.data_file import DataFile
from gridagora.scenarios.messages import explain
from gridagora.scenarios.own_files import anchored, files_of, fingerprint
from gridagora.scenarios.own_files import faults as own_faults
from gridagora.scenarios.schema import ScenarioModel
from gridagora.scenarios.schema_tree import child, sections
from gridagora.scenarios.yaml_lines import MAX_BYTES, KeyPath, YamlError, parse, write
from gridagora.sim.plugin import unknown

FOLDER = Path(__file__).parent
MAX_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason to refuse a scenario.

    Parameters
    ----------
    file : str
        File as the user named it, or ``"override"``.
    line : int
        Line from 1; 0 where there is none.
    key : str
        Dotted path of the key, or ``""``.
    message : str
        What was given, what is allowed, the remedy.
    """

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        """Return ``FILE:LINE: key.path: message``."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.key, self.message) if part)


class ScenarioError(ValueError):
    """A scenario that is refused, with all its problems, one a line.

    Parameters
    ----------
    problems : list of Problem
        At least one.
    """

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: (problem.file, problem.line))
        lines = [str(problem) for problem in self.problems[:MAX_SHOWN]]
        if len(problems) > MAX_SHOWN:
            lines.append(f"... and {len(problems) - MAX_SHOWN} more problems")
        super().__init__("\n".join(lines))


class Scenario(ScenarioModel):
    """A checked scenario; attributes are the sections and keys of the file.

    Created by :func:`load`; never changed, :meth:`override` makes another one.
    """

    _applied: tuple[str, ...] = PrivateAttr(default=())
    _fingerprints: dict[str, str] = PrivateAttr(default_factory=dict)

    def override(self, values: Mapping[str, Any], folder: Path | None = None) -> Scenario:
        """Return a checked copy with other values.

        Parameters
        ----------
        values : mapping
            New value by dotted key, such as ``{"households.count": 2000}``.
        folder : Path, optional
            Where relative paths of own files in `values` start; the working folder by default.

        Raises
        ------
        ScenarioError
            If a key or a value is refused.
        """
        layers = _Layers(self.resolved())
        layers.add_overrides(values, folder)
        return layers.build(self._applied + _as_texts(values))

    def with_seed(self, seed: int) -> Scenario:
        """Return the same scenario with another seed, at least 0, unchecked: for replications by the thousand."""
        other = self.model_copy(update={"seed": seed})
        other._applied = (*self._applied, f"seed={seed}")
        return other

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to other processes as plain data."""
        return _restored, (self.resolved(), self._applied, self._fingerprints)

    def resolved(self) -> dict[str, Any]:
        """Return every key with its value as plain data; :func:`load` accepts it as it is."""
        return self.model_dump(mode="json")

    def to_yaml(self) -> str:
        """Return the resolved scenario as YAML text."""
        return write(self.resolved())

    @property
    def hash(self) -> str:
        """SHA-256 of the resolved content without `name` and `description`, in hexadecimal.

        Own files count by their content, not by where they are.
        """
        content = {key: value for key, value in self.resolved().items() if key not in ("name", "description")}
        for path, _ in files_of(self) if self._fingerprints else ():
            here: Any = content
            for part in path:
                here = here[part]
            here["path"] = self._fingerprints[_dotted(path)]
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    @property
    def data_files(self) -> dict[str, dict[str, str]]:
        """Path and SHA-256 of each own file, by the key that names it."""
        if not self._fingerprints:
            return {}
        return {
            _dotted(path): {"path": spec.path, "sha256": self._fingerprints[_dotted(path)]}
            for path, spec in files_of(self)
        }

    @property
    def applied(self) -> tuple[str, ...]:
        """Overrides that were applied, as ``key=value``, in order."""
        return self._applied

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed but hardly meant."""
        return tuple(plausible.warnings(self))

    def __repr__(self) -> str:
        """Return name and hash; :meth:`to_yaml` shows everything."""
        return f"Scenario({self.name!r}, hash={self.hash[:12]})"

    __str__ = __repr__


def _restored(content: dict[str, Any], applied: tuple[str, ...], fingerprints: dict[str, str]) -> Scenario:
    """Return a scenario that was checked before it travelled."""
    scenario = Scenario.model_validate(content)
    scenario._applied, scenario._fingerprints = applied, fingerprints
    return scenario


def builtin() -> dict[str, Path]:
    """Return the file of each built-in scenario by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def load(name_or_path: str | Path, overrides: Mapping[str, Any] | None = None, folder: Path | None = None) -> Scenario:
    """Load and check a scenario.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a built-in scenario (it goes first) or path of a YAML file.
    overrides : mapping, optional
        Values by dotted key that replace those of the file.
    folder : Path, optional
        Where relative paths of own files in `overrides` start; the working folder by default.

    Raises
    ------
    ScenarioError
        If the name is unknown or anything in the files or overrides is refused; lists all problems.
    FileNotFoundError
        If a path is given and no file is there.
    """
    files = builtin()
    layers = _Layers(ScenarioModel().model_dump(mode="json"))
    if str(name_or_path) in files:
        path = files[str(name_or_path)]
        layers.add_file(path, path.name)
    else:
        path = Path(name_or_path)
        if not path.is_file():
            if path.suffix or len(path.parts) > 1:
                raise FileNotFoundError(f"no scenario file {str(path)!r}; built-in scenarios: {', '.join(files)}")
            raise ScenarioError([Problem(str(name_or_path), 0, "", unknown("scenario", str(name_or_path), files))])
        layers.add_file(path, str(name_or_path))
    layers.add_overrides(overrides or {}, folder)
    return layers.build(_as_texts(overrides or {}))


class _Dotted(dict[str, Any]):
    """Mapping made from dotted keys: it names single entries, so it merges into any mapping."""


@dataclass
class _Layers:
    """Data merged so far, where each value came from, and what was wrong."""

    tree: dict[str, Any]
    origins: dict[KeyPath, tuple[str, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    overridden: list[KeyPath] = field(default_factory=list)

    def add_file(self, path: Path, shown: str, above: tuple[Path, ...] = ()) -> None:
        """Merge a file over its base over the tree.

        Parameters
        ----------
        path : Path
            File to read.
        shown : str
            Its name in messages.
        above : tuple of Path
            Files that have this one as their base.
        """
        try:
            document = parse(_read(path))
        except YamlError as error:
            self.problems.append(Problem(shown, error.line, "", error.message))
            return
        except OSError as error:
            self.problems.append(Problem(shown, 0, "", f"cannot be read: {error.strerror}"))
            return
        for key, line, first in document.duplicates:
            message = f"given twice, first on line {first}; remove one"
            self.problems.append(Problem(shown, line, _dotted(key), message))
        base = document.value.pop("base", None)
        if base is not None:
            line = document.lines["base",]
            self._add_base(base, path, Problem(shown, line, "base", ""), (*above, path.resolve()))
        own = {"name": _slug(path.stem), "description": ""} | document.value
        own = anchored(own, ScenarioModel, path.parent.resolve())
        origins = {key: (shown, line) for key, line in document.lines.items()}
        self.tree = self._merge(self.tree, own, ScenarioModel, ())
        self.origins |= origins

    def _add_base(self, base: Any, path: Path, place: Problem, chain: tuple[Path, ...]) -> None:
        def refuse(message: str) -> None:
            self.problems.append(Problem(place.file, place.line, place.key, message))

        files = builtin()
        if not isinstance(base, str):
            refuse(f"given {base!r:.60}; allowed the name of a built-in scenario or a path")
            return
        target = files.get(base, path.parent / base)
        try:
            found = target.is_file()
        except (OSError, ValueError):
            found = False
        if not found:
            refuse(unknown("scenario", base[:60], files) + ", or the path of a file relative to this one")
        elif target.resolve() in chain:
            refuse(f"given {base!r}, which leads back to {target.name}; bases must not form a circle")
        else:
            self.add_file(target, target.name if base in files else str(target), chain)

    def add_overrides(self, values: Mapping[str, Any], folder: Path | None = None) -> None:
        """Merge values by dotted key over the tree."""
        nested = _Dotted()
        for dotted, value in values.items():
            here = nested
            *outer, last = str(dotted).split(".")
            for part in outer:
                if not isinstance(here.get(part), _Dotted):
                    here[part] = _Dotted()
                here = here[part]
            here[last] = _plain(value)
        here_files = anchored(nested, ScenarioModel, (folder or Path.cwd()).resolve())
        self.tree = self._merge(self.tree, here_files, ScenarioModel, ())
        self.overridden += [tuple(str(dotted).split(".")) for dotted in values]

    def _merge(self, lower: Any, upper: Any, annotation: Any, path: KeyPath) -> Any:
        found = sections(annotation)
        mergeable = isinstance(lower, dict) and isinstance(upper, dict) and (found or isinstance(upper, _Dotted))
        whole = any(getattr(section, "replaced_whole", False) for section in found)
        if not mergeable or whole or upper.get("kind", lower.get("kind")) != lower.get("kind"):
            if isinstance(lower, dict | list):
                self.origins = {key: place for key, place in self.origins.items() if key[: len(path)] != path}
            return upper
        return lower | {
            key: self._merge(lower[key], value, child(annotation, key), (*path, key)) if key in lower else value
            for key, value in upper.items()
        }

    def build(self, applied: tuple[str, ...]) -> Scenario:
        """Return the checked scenario, or raise all problems at once."""
        faults: list[tuple[KeyPath, str]] = []
        files: list[tuple[KeyPath, DataFile]] = []
        try:
            scenario = Scenario.model_validate(self.tree)
            faults = plausible.faults(scenario, os.cpu_count() or 1, plausible.memory_of_machine())
            files = list(files_of(scenario))
            faults += own_faults(scenario, files)
        except ValidationError as error:
            faults = [explain(detail, self.tree) for detail in error.errors(include_url=False)]
        self.problems += [Problem(*self._origin(path), _dotted(path), message) for path, message in faults]
        if self.problems:
            raise ScenarioError(self.problems)
        scenario._applied = applied
        scenario._fingerprints = {_dotted(path): fingerprint(spec.path) for path, spec in files}
        return scenario

    def _origin(self, path: KeyPath) -> tuple[str, int]:
        """Return where a value comes from: an override at, above or below it, else the nearest key of a file."""
        for key in self.overridden:
            if key[: len(path)] == path[: len(key)]:
                return "override", 0
        places = (self.origins.get(path[:length]) for length in range(len(path), -1, -1))
        return next((place for place in places if place), ("override", 0))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path)


def _slug(stem: str) -> str:
    letters = "".join(
        letter if (letter.isascii() and letter.isalnum()) or letter in "-_" else "_" for letter in stem.lower()
    )
    return letters.lstrip("-_")[:64] or "scenario"


def _plain(value: Any) -> Any:
    """Return plain data for numpy numbers, tuples and dates, which Python callers pass."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, PurePath):
        return str(value)
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else value


def _as_texts(values: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{key}={json.dumps(_plain(value), default=str)}" for key, value in values.items())
