"""The schema as a tree: which sections and keys exist, and what each key allows, in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import WithJsonSchema
from pydantic.fields import FieldInfo

from gridagora.scenarios.schema import ScenarioModel
from gridagora.scenarios.schema_data import FILE_TAG, NAME_TAG
from gridagora.sim.plugin import Frozen

_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
_PLAIN = {int: "a whole number", float: "a number", str: "text", bool: "true or false", date: "a date YYYY-MM-DD"}


def sections(annotation: Any) -> tuple[type[Frozen], ...]:
    """Return the section classes that a value of the annotated type may be; none for plain values."""
    if isinstance(annotation, type) and issubclass(annotation, Frozen):
        return (annotation,)
    if get_origin(annotation) is Annotated:
        return sections(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return tuple(found for part in get_args(annotation) for found in sections(part))
    return ()


def by_kind(annotation: Any) -> dict[str, type[Frozen]]:
    """Return the alternatives of a section by the value of their key `kind`; empty where there is no choice."""
    classes = sections(annotation)
    return {cls.model_fields["kind"].default: cls for cls in classes} if len(classes) > 1 else {}


def annotation_of(field: FieldInfo) -> Any:
    """Return the type of a key with its bounds."""
    return field.rebuild_annotation()


def child(annotation: Any, key: str | int) -> Any:
    """Return the type below a type: of a key of a section, of a value of a mapping, of an item of a list."""
    for section in sections(annotation):
        if key in section.model_fields:
            return annotation_of(section.model_fields[str(key)])
    for part in _parts(annotation):
        if get_origin(part) is dict:
            return get_args(part)[1]
        if get_origin(part) in (list, tuple):
            return get_args(part)[0]
    return Any


def keys(path: tuple[str | int, ...], kind: str | None) -> list[str]:
    """Return the valid keys of the section at `path`, of the alternative `kind` where it has several."""
    annotation: Any = ScenarioModel
    for part in path:
        annotation = child(annotation, part)
    alternatives = by_kind(annotation)
    classes = (alternatives[kind],) if kind in alternatives else sections(annotation)
    return list(dict.fromkeys(name for section in classes for name in section.model_fields))


def data_path(location: tuple[str | int, ...]) -> tuple[tuple[str | int, ...], Any]:
    """Return the path in the data of a location in pydantic's words, and the type there.

    Pydantic puts the kind of an alternative, or a mark, between the keys.
    """
    annotation: Any = ScenarioModel
    path: list[str | int] = []
    for part in location:
        if part in ("[key]", NAME_TAG, FILE_TAG):
            continue
        if part in by_kind(annotation):
            annotation = by_kind(annotation)[str(part)]
            continue
        path.append(part)
        annotation = child(annotation, part)
    return tuple(path), annotation


def walk(
    annotation: Any = ScenarioModel, path: str = "", seen: set[type[Frozen]] | None = None
) -> Iterator[tuple[str, type[Frozen]]]:
    """Yield every section with its dotted path, outer before inner; `(kind)` and `<name>` mark choices and maps.

    A section that was `seen` before is yielded again, but not what is inside it.
    """
    seen = set() if seen is None else seen
    for section in sections(annotation):
        kinds = {cls: kind for kind, cls in by_kind(annotation).items()}
        here = f"{path} ({kinds[section]})" if section in kinds else path
        yield here, section
        if section in seen:
            continue
        seen.add(section)
        for name, field in section.model_fields.items():
            yield from walk(annotation_of(field), f"{here}.{name}".lstrip("."), seen)
    for part in _parts(annotation):
        if get_origin(part) is dict:
            yield from walk(get_args(part)[1], f"{path}.<name>", seen)
        if get_origin(part) is tuple:
            yield from walk(get_args(part)[0], f"{path}[]", seen)


def allowed(annotation: Any) -> str:
    """Return in words what a value of the annotated type may be.

    Examples
    --------
    >>> from gridagora.scenarios.quantities import Share
    >>> allowed(Share)
    'a number from 0 to 1'
    """
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        for mark in metadata:
            if isinstance(mark, WithJsonSchema) and mark.json_schema and "enum" in mark.json_schema:
                return "one of " + ", ".join(map(str, mark.json_schema["enum"]))
        return allowed(inner) + _bounds(metadata)
    if get_origin(annotation) is Literal:
        choices = get_args(annotation)
        return ", ".join(choices) if len(choices) == 1 else "one of " + ", ".join(map(str, choices))
    if get_origin(annotation) in (Union, UnionType):
        if by_kind(annotation) and all(sections(part) for part in get_args(annotation)):
            return "a mapping of kind " + " or ".join(by_kind(annotation))
        return " or ".join(allowed(part) for part in get_args(annotation))
    if annotation is NoneType or annotation is None:
        return "null"
    if get_origin(annotation) is dict:
        return f"a mapping of name to {allowed(get_args(annotation)[1])}"
    if get_origin(annotation) in (list, tuple):
        return f"a list of {allowed(get_args(annotation)[0])}"
    if sections(annotation):
        return "a mapping with keys " + ", ".join(annotation.model_fields)
    return _PLAIN.get(annotation, "any value")


def _bounds(metadata: list[Any]) -> str:
    flat = [part for mark in metadata for part in (mark.metadata if isinstance(mark, FieldInfo) else [mark])]
    bounds = {name: getattr(mark, name) for mark in flat for name in _BOUNDS if getattr(mark, name, None) is not None}
    both = f" from {_short(bounds.pop('ge'))} to {_short(bounds.pop('le'))}" if {"ge", "le"} <= set(bounds) else ""
    text = both + " and".join(f" {_BOUNDS[name]} {_short(value)}" for name, value in bounds.items())
    pattern = next((mark.pattern for mark in flat if getattr(mark, "pattern", None)), None)
    return text + (f" like {pattern}" if pattern else "")


def _short(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"


def _parts(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from _parts(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _parts(part)
    else:
        yield annotation
