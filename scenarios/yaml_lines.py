"""YAML 1.2 as plain data with the line of every key: no tags, no code, no duplicate keys.

PyYAML's own rules are YAML 1.1: ``NO`` is false, ``12:30`` is 750, ``010`` is 8 and ``1e-3`` a text. Here only the
events of its (C) parser are used, and values follow the YAML 1.2 core schema. Dates stay text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

KeyPath = tuple[str | int, ...]

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
MAX_VALUES = 100_000
MAX_DIGITS = 40

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INF_NAN = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlError(ValueError):
    """Text that is no YAML or more than data.

    Parameters
    ----------
    line : int
        Line of the fault, from 1.
    message : str
        What is wrong and the remedy.
    """

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed mapping.

    Parameters
    ----------
    value : dict
        The data: mappings with text keys, lists, texts, numbers, booleans, None.
    lines : dict
        Line (from 1) of every key and list item by its path, such as ``("firms", "count")``.
    duplicates : list
        Path, line of the repetition and line of the first one, for each repeated key; the first value was kept.
    """

    value: dict[str, Any]
    lines: dict[KeyPath, int]
    duplicates: list[tuple[KeyPath, int, int]]


def parse(data: bytes) -> Document:
    """Parse one YAML mapping.

    Parameters
    ----------
    data : bytes
        UTF-8 text of at most `MAX_BYTES`.

    Raises
    ------
    YamlError
        If the text is too long, no UTF-8, no YAML, carries tags, nests too deeply or is no mapping.
    """
    value, builder = _parse(data)
    if not isinstance(value, dict):
        raise YamlError(1, f"given {_kind(value)}; a scenario is a mapping of `key: value` lines")
    return Document(value, builder.lines, builder.duplicates)


def parse_value(text: str) -> Any:
    """Parse one value as it would stand behind a key, such as ``0.5`` or ``{truthful: 1}``.

    Raises
    ------
    YamlError
        If the text is no YAML value, or a mapping in it repeats a key.
    """
    value, builder = _parse(text.encode("utf-8", "surrogateescape"))
    for path, line, _ in builder.duplicates:
        raise YamlError(line, f"key '{path[-1]}' is given twice")
    return value


def write(data: dict[str, Any]) -> str:
    """Return YAML text that :func:`parse` reads back as `data`."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, default_flow_style=False)


class _Dumper(yaml.SafeDumper):
    """Quotes whatever YAML 1.1 or 1.2 would read as something else than text, and never writes anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # The emitter loses line breaks that are no newline unless they are escaped, as double quotes do.
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
for _tag, _pattern in (("int", _INT), ("float", _FLOAT), ("int", _OCTAL), ("int", _HEX)):
    _Dumper.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern.pattern})$"), list("-+.0123456789")
    )


def _parse(data: bytes) -> tuple[Any, _Builder]:
    if len(data) > MAX_BYTES:
        raise YamlError(1, f"the text has {len(data)} bytes; allowed {MAX_BYTES}: keep data out of the scenario")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise YamlError(line, f"byte {data[error.start]:#04x} is not UTF-8; save the file as UTF-8") from None
    builder = _Builder(yaml.parse(text, _LOADER))
    try:
        return builder.document(), builder
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise YamlError(line, f"not YAML: {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(line, f"not YAML: {error.reason}; remove the character") from None


@dataclass
class _Builder:
    """Builds values from parser events; recursion is bounded by `MAX_DEPTH`."""

    events: Any
    lines: dict[KeyPath, int] = field(default_factory=dict)
    duplicates: list[tuple[KeyPath, int, int]] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)
    values: int = 0

    def document(self) -> Any:
        """Return the value of the only document."""
        next(self.events)  # start of the stream
        event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            return None
        value = self.node(next(self.events), ())
        next(self.events)  # end of the document
        event = next(self.events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise YamlError(event.start_mark.line + 1, "a second document begins here; one file is one scenario")
        return value

    def node(self, event: Any, path: KeyPath) -> Any:
        """Return the value that begins with `event`."""
        line = event.start_mark.line + 1
        self.lines.setdefault(path, line)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, line)
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise YamlError(line, f"tag '{tag}': a scenario is data, never code; remove the tag")
        before = self.values
        self.count(1, line)
        if len(path) > MAX_DEPTH:
            raise YamlError(line, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.MappingStartEvent):
            value: Any = self.mapping(path)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self.sequence(path)
        else:
            value = scalar(event.value, line) if event.implicit[0] else event.value
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, self.values - before)
        return value

    def alias(self, event: Any, line: int) -> Any:
        """Return the value of an anchor; what it expands to counts in full."""
        if event.anchor not in self.anchors:
            raise YamlError(line, f"alias '*{event.anchor}' names no finished anchor '&{event.anchor}' above it")
        value, size = self.anchors[event.anchor]
        self.count(size, line)
        return value

    def mapping(self, path: KeyPath) -> dict[str, Any]:
        """Return the mapping up to its end event."""
        result: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent) or event.tag is not None or not event.value:
                raise YamlError(line, "a key must be a plain word")
            key = event.value
            here = (*path, key)
            if key in result:
                self.duplicates.append((here, line, self.lines[here]))
                self.node(next(self.events), here)  # for its own faults; value and line stay those of the first
            else:
                self.lines.setdefault(here, line)
                result[key] = self.node(next(self.events), here)
        return result

    def sequence(self, path: KeyPath) -> list[Any]:
        """Return the list up to its end event."""
        result: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            result.append(self.node(event, (*path, len(result))))
        return result

    def count(self, values: int, line: int) -> None:
        """Add to the number of values, aliases expanded."""
        self.values += values
        if self.values > MAX_VALUES:
            raise YamlError(line, f"more than {MAX_VALUES} values, aliases expanded; keep data out of the scenario")


def scalar(text: str, line: int = 1) -> Any:
    """Return the value of an unquoted word under YAML 1.2: None, bool, int, float or the text itself.

    Examples
    --------
    >>> [scalar(word) for word in ("NO", "12:30", "010", "1e-3", "true", "2016-06-06")]
    ['NO', '12:30', 10, 0.001, True, '2016-06-06']

    Raises
    ------
    YamlError
        If a whole number has more digits than any quantity needs.
    """
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    for pattern, base in ((_INT, 10), (_OCTAL, 8), (_HEX, 16)):
        if pattern.fullmatch(text):
            if len(text) > MAX_DIGITS:
                raise YamlError(line, f"the number {text[:10]}... has {len(text)} digits; allowed {MAX_DIGITS}")
            return int(text, base)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INF_NAN.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def _kind(value: Any) -> str:
    return {type(None): "an empty text", list: "a list"}.get(type(value), f"the value {str(value)[:40]!r}")
