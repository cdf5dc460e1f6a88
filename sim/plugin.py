"""The closed base class of everything a scenario can name, and the look-up of those names."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from itertools import pairwise
from textwrap import dedent
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

T = TypeVar("T")


def _refuse_conversions(schema: Any) -> None:
    if isinstance(schema, list | tuple):
        for part in schema:
            _refuse_conversions(part)
    elif isinstance(schema, dict):
        if schema.get("type") in ("int", "float", "bool", "str"):
            schema["strict"] = True
        for key, part in schema.items():
            if key not in ("metadata", "default", "expected"):
                _refuse_conversions(part)


class Frozen(BaseModel):
    """Base of plug-ins and scenario sections: unknown keys refused, values fixed after creation.

    Numbers, texts and booleans are never converted into one another (a whole number is accepted
    where a decimal one is asked for), and numbers are finite. A docstring under a field is the
    field's description, see :func:`descriptions`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Make every plain value strict, also inside mappings and sequences."""
        # Pydantic's own `strict` setting would also refuse a YAML list where a tuple is declared.
        schema = handler(source)
        _refuse_conversions(schema)
        return schema

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the fields."""
        schema = handler(core)
        properties = handler.resolve_ref_schema(schema)["properties"] if cls.model_fields else {}
        for name, text in descriptions(cls).items():
            properties[name]["description"] = text
        return schema


@cache
def descriptions(section: type[Frozen]) -> dict[str, str]:
    """Return the description of each field of a section that has one, a parent's where there is none of its own.

    They are read when somebody asks for them: pydantic would read them whenever a section is defined, a second at each
    start for those of a scenario.
    """
    found: dict[str, str] = {}
    for each in reversed(section.__mro__):
        if issubclass(each, Frozen):
            found |= _docstrings(each)
    found |= {name: field.description for name, field in section.model_fields.items() if field.description}
    return {name: found[name] for name in section.model_fields if name in found}


def _docstrings(section: type[Frozen]) -> dict[str, str]:
    """Return the docstrings under the fields of a class by name; none where there is no source."""
    try:
        body = ast.parse(dedent(inspect.getsource(section))).body[0]
    except (OSError, TypeError):
        return {}
    lines = body.body if isinstance(body, ast.ClassDef) else []
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(lines)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the entry of `names` that is written most like `name`, or None where nothing is close.

    Upper and lower case count as equal, so do hyphens and underscores.

    Parameters
    ----------
    name : str
        The name as given by the user.
    names : iterable of str
        The valid names.
    """
    plain = {other.lower().replace("-", "_"): other for other in sorted(names)}
    match = get_close_matches(name.lower().replace("-", "_"), plain, n=1, cutoff=0.6)
    return plain[match[0]] if match else None


def resolve(kind: str, name: str, choices: Mapping[str, T]) -> T:
    """Return `choices[name]`.

    Parameters
    ----------
    kind : str
        What is chosen, for the message: "tariff", "mechanism", ...
    name : str
        The name given.
    choices : mapping of str to anything
        The registered names.

    Raises
    ------
    ValueError
        If `name` is not registered; the message lists the choices and the nearest one.

    Examples
    --------
    >>> resolve("tariff", "flat", {"flat": 1, "time_of_use": 2})
    1
    >>> resolve("tariff", "flatt", {"flat": 1, "time_of_use": 2})
    Traceback (most recent call last):
    ValueError: unknown tariff 'flatt'; choose one of: flat, time_of_use; nearest 'flat'
    """
    try:
        return choices[name]
    except KeyError:
        raise ValueError(unknown(kind, name, choices)) from None


def unknown(kind: str, name: str, choices: Iterable[str]) -> str:
    """Return the message for a name that is none of `choices`."""
    names = sorted(choices)
    close = nearest(name, names)
    hint = f"; nearest '{close}'" if close else ""
    return f"unknown {kind} '{name}'; choose one of: {', '.join(names)}{hint}"
