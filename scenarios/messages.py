"""Refusals in words: what was given, what is allowed, and what to write instead."""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import ErrorDetails

from gridagora.scenarios.schema_tree import allowed, by_kind, data_path, keys, walk
from gridagora.sim.plugin import nearest, unknown

_UNIT_WORDS = re.compile(
    r"(per|[kmg]?wh?|[km]?wp|period|day|week|month|year|a|h|hours?|min|minutes?|s|seconds?|days|percent|pct|share|kg|t"
    r"|cny|eur|usd|fen|cents?|yuan|currency)"
)
_QUANTITY = re.compile(r"\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*([A-Za-z%€¥$]\S*)?\s*")

Path = tuple[str | int, ...]


def explain(error: ErrorDetails, tree: dict[str, Any]) -> tuple[Path, str]:
    """Return the path of the fault in the data and the message.

    Parameters
    ----------
    error : ErrorDetails
        One fault as pydantic reports it.
    tree : dict
        The data that were validated.
    """
    path, annotation = data_path(error["loc"])
    kind, value = error["type"], error["input"]
    if kind == "extra_forbidden":
        return path, unknown_key(path, tree)
    if kind == "value_error":
        return path, str(error["ctx"]["error"])
    if kind == "missing":
        return path, f"missing; allowed {allowed(annotation)}"
    if kind == "union_tag_invalid":
        given = str(value.get("kind"))
        return (*path, "kind"), unknown(f"kind of {_name_of(path)}", given, by_kind(annotation))
    message = f"given {show(value)}; allowed {allowed(annotation)}"
    if isinstance(value, str):
        message += _text_remedy(value, str(path[-1]) if path else "", annotation)
    return path, message


def unknown_key(path: Path, tree: dict[str, Any]) -> str:
    """Return the message for a key that its section does not know."""
    key = str(path[-1])
    kind = _kind_at(path[:-1], tree)
    valid = keys(path[:-1], kind)
    if key in keys(path[:-1], None):
        return f"key '{key}' does not belong to kind {kind}, but to another; allowed here {', '.join(valid)}"
    same = [name for name in valid if _stem(name) == _stem(key) != name]
    if same:
        return f"unknown key '{key}'; the unit belongs to the name: write {' or '.join(same)}"
    if "." in key:
        return f"unknown key '{key}'; dotted names are for --set, in a file sections are nested"
    close = nearest(key, valid)
    if close:
        return f"unknown key '{key}'; allowed {', '.join(valid)}; nearest '{close}'"
    elsewhere = [f"{place}.{key}".lstrip(".") for place, section in walk() if key in section.model_fields]
    if elsewhere:
        return f"unknown key '{key}' here; it belongs to {' or '.join(elsewhere[:3])}"
    return f"unknown key '{key}'; allowed {', '.join(valid)}"


def show(value: Any) -> str:
    """Return a value as it stands in YAML, on one line and not too long."""
    if isinstance(value, dict):
        text = f"a mapping with keys {', '.join(map(str, value))}" if value else "an empty mapping"
    elif value is None or isinstance(value, bool):
        text = {None: "null (nothing)", True: "true", False: "false"}[value]
    else:
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _text_remedy(value: str, key: str, annotation: Any) -> str:
    wanted = allowed(annotation)
    if "number" in wanted:
        match = _QUANTITY.fullmatch(value)
        if match and match[2]:
            return f"; the unit belongs to the key ({key}): write {match[1]}"
        return "; remove the quotes" if match else ""
    if wanted == "true or false" and value.lower() in ("yes", "no", "on", "off"):
        return f"; write {'true' if value.lower() in ('yes', 'on') else 'false'}"
    if wanted.startswith("one of "):
        close = nearest(value, wanted.removeprefix("one of ").split(", "))
        return f"; nearest '{close}'" if close else ""
    return ""


def _name_of(path: Path) -> str:
    return next((part for part in reversed(path) if isinstance(part, str)), "scenario")


def _kind_at(path: Path, tree: dict[str, Any]) -> str | None:
    here: Any = tree
    for part in path:
        here = here[part]
    kind = here.get("kind") if isinstance(here, dict) else None
    return kind if isinstance(kind, str) else None


def _stem(key: str) -> str:
    words = key.lower().replace("-", "_").split("_")
    while len(words) > 1 and _UNIT_WORDS.fullmatch(words[-1]):
        words.pop()
    return "_".join(words)
