"""The schema for readers and editors: a Markdown reference and a JSON schema."""

from __future__ import annotations

import json
from typing import Any

from pydantic.fields import FieldInfo

from gridagora.agents.business_models.frame import BusinessModel
from gridagora.scenarios.schema import ScenarioModel
from gridagora.scenarios.schema_data import FILE_TAG
from gridagora.scenarios.schema_tree import allowed, annotation_of, by_kind, sections, walk
from gridagora.sim.plugin import Frozen, descriptions

_BASE = "Scenario to start from: a built-in name or the path of a file relative to this one."

_HEAD = "| key | allowed | default | meaning |\n|---|---|---|---|\n"
_INTRODUCTION = """# Scenario keys

Written by `gridagora schema --markdown`; do not edit.

A scenario is a YAML 1.2 mapping. Every key may be left out; then the default holds. `base:` names a scenario to
start from, and the file then holds the differences only. The later wins: default < base < file < `--set` < sweep point.
Sections merge key by key; lists, maps of names and `strategies` are replaced as a whole, and so is a tariff whose
`kind` changes. Anything not listed here is refused.

Units stand in the names of keys or in brackets; [1] is a plain number. Marks: (chk) checked against a source, (mem)
from memory of the literature, (ill) illustrative.
"""


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a scenario file, for completion and checks in editors."""
    schema = ScenarioModel.model_json_schema()
    schema["properties"] = {"base": {"type": "string", "description": _BASE}} | schema["properties"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema | {"title": "GridAgora scenario"}


def markdown() -> str:
    """Return the reference of all keys: meaning, what is allowed, default."""
    parts = [_INTRODUCTION]
    shown: dict[type[Frozen], str] = {}
    for path, section in walk():
        if issubclass(section, BusinessModel) and BusinessModel not in shown:
            parts.append(_common(BusinessModel, "business_models[]"))
            shown[BusinessModel] = "every business model"
        parents = [parent for parent in section.__mro__[1:] if parent in shown]  # of a group: the section it is like
        like = shown[parents[0]] if parents else ""
        rows = [_row(section, name) for name in section.model_fields if not _same(section, parents[:1], name)]
        if section is ScenarioModel:
            rows.insert(0, f"| `base` | text | | {_BASE} |")
        heading = f"## `{path}`" if path else "## Top level"
        if section in shown and path.startswith("business_models"):
            continue  # each kind has them all
        if section in shown:
            parts.append(f"{heading}\n\nThe same keys as {shown[section]}.\n")
            continue
        if section.model_fields and path:
            shown[section] = f"`{path}`"
        same = f"The same keys as {like}, and these.\n\n" if like else ""
        parts.append(f"{heading}\n\n{_summary(section)}\n\n{same}{_HEAD}" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _summary(section: type[Frozen]) -> str:
    return (section.__doc__ or "").strip().partition("\n")[0]


def _common(section: type[Frozen], path: str) -> str:
    """Return what all alternatives of a section share."""
    rows = (_row(section, name) for name in section.model_fields)
    return f"## `{path}`, every kind\n\n{_summary(section)}\n\n{_HEAD}" + "\n".join(rows) + "\n"


def _same(section: type[Frozen], parents: list[type[Frozen]], name: str) -> bool:
    return any(name in parent.model_fields and _row(section, name) == _row(parent, name) for parent in parents)


def _row(of: type[Frozen], name: str) -> str:
    field = of.model_fields[name]
    annotation = annotation_of(field)
    section = bool(sections(annotation)) and not by_kind(annotation)
    mixed = FILE_TAG in repr(annotation)
    what = "a section" if section and not mixed else allowed(annotation).partition(" or a mapping with keys ")[0]
    what += " or a section" if mixed else ""
    meaning = " ".join(descriptions(of).get(name, "").split())
    cells = (f"`{name}`", what, "" if section and not mixed else _default(field), meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if isinstance(value, Frozen):
        value = value.model_dump(mode="json", exclude_none=True)
        return f"`{{{', '.join(f'{key}: {part}' for key, part in value.items())}}}`"
    return f"`{json.dumps(value, default=str).strip(chr(34))}`" if value != "" else ""
