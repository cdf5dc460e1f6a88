"""A sweep as a file: base scenario, factors, design, replications; every refusal names file and line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from gridagora.scenarios.load import Problem, Scenario, ScenarioError, builtin, load
from gridagora.scenarios.messages import show
from gridagora.scenarios.schema_tree import allowed, child
from gridagora.scenarios.yaml_lines import KeyPath, YamlError, parse
from gridagora.sim.plugin import Frozen, unknown

FOLDER = Path(__file__).parent / "sweeps"
#: Keys of a scenario that a factor cannot be, and what to do instead.
NO_FACTORS = {
    "seed": "give replications: every row then has the same seeds",
    "name": "it changes no result",
    "description": "it changes no result",
    "base": "write one sweep for each base",
}
SAMPLED = ("latin_hypercube", "sobol", "morris")
Design = Literal["grid", "list", "one_at_a_time", "latin_hypercube", "sobol", "morris"]


class Range(Frozen):
    """Values between two ends."""

    low: int | float
    """Lower end, in the unit of the key."""
    high: int | float
    """Upper end, above `low`."""
    log: bool = False
    """Whether equal steps are equal ratios; both ends are then above 0."""

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"given low {self.low}, high {self.high}; low must be below high, and above 0 with log")
        return self


class Stop(Frozen):
    """When a row of the design has replications enough."""

    kpi: str
    """Key figure whose mean is to be known."""
    scope: str = "system"
    """Scope of the key figure."""
    half_width: Annotated[float, Field(gt=0)]
    """Half-width of the confidence interval of the mean that is enough, in the unit of the key figure."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Confidence level (Student's t) [1]."""
    every: Annotated[int, Field(ge=2)] = 5
    """Replications before the first look, and between looks [1]."""


class Sweep(Frozen):
    """A design of experiments."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")] = "sweep"
    """Short name; a file without one is named after itself."""
    description: Annotated[str, Field(max_length=200)] = ""
    """What the sweep is for, in one line."""
    base: str
    """Name of a built-in scenario, or path of a file relative to this one."""
    overrides: Annotated[dict[str, Any], Field(default_factory=dict)]
    """Values of the base by dotted key, the same in all points."""
    factors: Annotated[dict[str, list[Any] | Range], Field(min_length=1)]
    """What varies, by dotted key: a list of values, or `{low:, high:}`."""
    design: Design = "grid"
    """How points are made of the factors."""
    samples: Annotated[int, Field(ge=1, le=1_000_000)] = 64
    """Samples of a sampled design: rows (latin_hypercube), base samples (sobol), trajectories (morris) [1]."""
    levels: Annotated[int, Field(ge=2, le=1000)] = 4
    """Levels of a factor `{low:, high:}` in grid and one_at_a_time, of all factors in morris (even) [1]."""
    second_order: bool = False
    """Whether `sobol` also has the rows that indices of second order need."""
    design_seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Seed of a sampled design; results of a point do not depend on it."""
    replications: Annotated[int, Field(ge=1, le=100_000)] = 1
    """Points of each row, with the base's seed and those that follow it; with `stop` at most so many [1]."""
    stop: Stop | None = None
    """When a row has replications enough; `null` for all."""
    keep: Literal["kpis", "tables"] = "kpis"
    """What a point leaves: its key figures, or also the folder of its run."""


@dataclass(frozen=True, slots=True)
class SweepFile:
    """A checked sweep and where its keys stand.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    base : Scenario
        Its base, with the overrides.
    shown : str
        The file as the user named it.
    folder : Path
        Where relative paths of own files in factors start.
    lines : dict
        Line of every key by its path; empty for a sweep that is no file.
    """

    sweep: Sweep
    base: Scenario
    shown: str
    folder: Path
    lines: dict[KeyPath, int] = field(default_factory=dict)

    def problem(self, section: str, key: str, message: str) -> Problem:
        """Return a reason to refuse what stands in a section at a dotted key of the scenario, or around it."""
        return _problem(self.shown, self.lines, section, key, message)


def builtin_sweeps() -> dict[str, Path]:
    """Return the file of each built-in sweep by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def load_sweep(source: str | Path | Mapping[str, Any]) -> SweepFile:
    """Load a sweep and check all but its points.

    Parameters
    ----------
    source : str, Path or mapping
        Name of a built-in sweep (it goes first), path of a YAML file, or the content of one.

    Returns
    -------
    SweepFile

    Raises
    ------
    ScenarioError
        If the sweep, its base or an override is refused; lists all problems.
    FileNotFoundError
        If a path is given and no file is there.
    """
    if isinstance(source, Mapping):
        return _checked(dict(source), {}, "sweep", Path.cwd(), [])
    files = builtin_sweeps()
    path = files.get(str(source), Path(source))
    shown = path.name if str(source) in files else str(source)
    if not path.is_file():
        if path.suffix or len(path.parts) > 1:
            raise FileNotFoundError(f"no sweep file {str(path)!r}; built-in sweeps: {', '.join(files)}")
        raise ScenarioError([Problem(shown, 0, "", unknown("sweep", str(source), files))])
    try:
        document = parse(path.read_bytes())
    except YamlError as error:
        raise ScenarioError([Problem(shown, error.line, "", error.message)]) from None
    repeated = [
        Problem(shown, line, _dotted(key), f"given twice, first on line {first}; remove one")
        for key, line, first in document.duplicates
    ]
    content = {"name": path.stem.lower(), **document.value}
    return _checked(content, document.lines, shown, path.parent.resolve(), repeated)


def _checked(
    content: dict[str, Any], lines: dict[KeyPath, int], shown: str, folder: Path, problems: list[Problem]
) -> SweepFile:
    try:
        sweep = Sweep.model_validate(content)
    except ValidationError as error:
        problems += [_fault(detail, lines, shown) for detail in error.errors(include_url=False)]
        raise ScenarioError(list(dict.fromkeys(problems))) from None
    problems += [_problem(shown, lines, *fault) for fault in _misfits(sweep)]
    try:
        base = load(_base_of(sweep.base, folder), sweep.overrides, folder)
    except FileNotFoundError as error:
        problems.append(_problem(shown, lines, "base", "", str(error)))
    except ScenarioError as error:
        problems += [
            _problem(shown, lines, "overrides", p.key, p.message) if p.file == "override"
            else Problem(shown, lines.get(("base",), 0), "base", p.message) if p.file == sweep.base
            else p
            for p in error.problems
        ]  # fmt: skip
    if problems:
        raise ScenarioError(problems)
    return SweepFile(sweep, base, shown, folder, lines)


def _base_of(base: str, folder: Path) -> str:
    """Return a name as it is, and the path of a file from the folder of the sweep."""
    is_path = base not in builtin() and (Path(base).suffix or len(Path(base).parts) > 1)
    return str(folder / base) if is_path else base


def _misfits(sweep: Sweep) -> list[tuple[str, str, str]]:
    """Return section, key and message of what does not go together."""
    found = [("factors", key, f"cannot be a factor: {NO_FACTORS[key]}") for key in sweep.factors if key in NO_FACTORS]
    for key, values in sweep.factors.items():
        if isinstance(values, list) and not values:
            found.append(("factors", key, "given an empty list; allowed one value or more"))
        if isinstance(values, Range) and sweep.design == "list":
            found.append(("factors", key, "given low and high; design list takes one list of values a factor"))
        if sweep.design == "morris" and isinstance(values, list) and len(values) < 2:
            found.append(("factors", key, "given one value; morris needs two or more to move between"))
    lengths = {len(values) for values in sweep.factors.values() if isinstance(values, list)}
    if sweep.design == "list" and len(lengths) > 1:
        found.append(("factors", "", f"lists of {sorted(lengths)} values; design list takes lists of one length"))
    if sweep.design == "sobol" and sweep.samples & (sweep.samples - 1):
        found.append(("samples", "", f"given {sweep.samples}; allowed a power of 2 with design sobol"))
    if sweep.design == "morris" and sweep.levels % 2:
        found.append(("levels", "", f"given {sweep.levels}; allowed an even number with design morris"))
    if sweep.stop is not None and sweep.replications < sweep.stop.every:
        message = (
            f"given {sweep.replications}; allowed at least stop.every, {sweep.stop.every}: it is the most of a row"
        )
        found.append(("replications", "", message))
    return found


def _fault(detail: Any, lines: dict[KeyPath, int], shown: str) -> Problem:
    """Return pydantic's fault in our words."""
    path = _data_path(detail["loc"])
    annotation: Any = Sweep
    for part in path[:-1]:
        annotation = child(annotation, part)
    if detail["type"] == "extra_forbidden":
        sections: dict[str, type[Frozen]] = {"stop": Stop, "factors": Range}
        message = unknown("key", str(path[-1]), sections.get(str(path[0]) if len(path) > 1 else "", Sweep).model_fields)
    elif detail["type"] == "value_error":
        message = str(detail["ctx"]["error"])
    elif detail["type"] == "missing":
        message = "missing; a sweep has a base and factors, a factor is a list of values or {low:, high:}"
    elif path[0] == "factors":
        message = f"given {show(detail['input'])}; allowed a list of values, or {{low:, high:}} with two numbers"
    else:
        allowed_here = allowed(child(annotation, path[-1]))
        message = f"given {show(detail['input'])}; allowed {allowed_here}"
    return Problem(shown, _line(lines, path), _dotted(path), message)


def _data_path(location: tuple[str | int, ...]) -> KeyPath:
    """Return the path in the data: pydantic puts the alternative of a factor behind its key."""
    if location[0] == "factors" and len(location) > 2:
        return (*location[:2], *(part for part in location[3:]))
    return tuple(location)


def _problem(shown: str, lines: dict[KeyPath, int], section: str, key: str, message: str) -> Problem:
    """Place a fault of the scenario at the factor or override that causes it."""
    given = [path[1] for path in lines if len(path) == 2 and path[0] == section]
    near = [k for k in given if key == k or key.startswith(f"{k}.") or str(k).startswith(f"{key}.")]
    path: KeyPath = (section, near[0]) if near and key else (section,)
    return Problem(shown, _line(lines, path), f"{section}.{key}" if key else section, message)


def _line(lines: dict[KeyPath, int], path: KeyPath) -> int:
    """Return the line of a key, or of the nearest above it; 0 where there is none."""
    return next((lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in lines), 0)


def _dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path)
