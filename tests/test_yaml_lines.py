"""YAML 1.2 as plain data, with lines."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.scenarios.yaml_lines import (
    MAX_BYTES,
    MAX_DEPTH,
    YamlError,
    parse,
    parse_value,
    scalar,
    write,
)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2016-06-06", "2016-06-06"),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("-3", -3),
        ("+4", 4),
        ("1_000", "1_000"),
        ("1e-3", 0.001),
        ("1.", 1.0),
        (".5", 0.5),
        ("6.02E23", 6.02e23),
        ("-.inf", float("-inf")),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_words_follow_yaml_1_2(word, value):
    """Unquoted words mean what the YAML 1.2 core schema says, not what YAML 1.1 said."""
    assert scalar(word) == value
    assert type(scalar(word)) is type(value)


def test_not_a_number():
    """The word .nan is the number that differs from itself."""
    assert scalar(".nan") != scalar(".nan")


def test_quoted_words_are_text():
    """Quotes and blocks keep a word as text."""
    document = parse(b"a: '5'\nb: \"true\"\nc: |\n  1\n")
    assert document.value == {"a": "5", "b": "true", "c": "1\n"}


def test_lines_of_keys_and_items():
    """Each key and each item of a list has its line, nested ones too."""
    text = b"# comment\nfirms:\n  count: 3\n  names:\n    - a\n    - {x: 1}\ntime: {days: 1,\n  start: 2}\n"
    lines = parse(text).lines
    assert lines["firms",] == 2
    assert lines["firms", "count"] == 3
    assert lines["firms", "names", 0] == 5
    assert lines["firms", "names", 1, "x"] == 6
    assert lines["time", "days"] == 7
    assert lines["time", "start"] == 8


def test_duplicate_keys_have_both_lines():
    """A key that is given twice is reported with both lines, and the first value is kept."""
    document = parse(b"a: 1\nb:\n  c: 1\n  c: {d: 2, d: 3}\na: 2\n")
    assert document.value == {"a": 1, "b": {"c": 1}}
    assert sorted((path[-1], line, first) for path, line, first in document.duplicates) == [
        ("a", 5, 1),
        ("c", 4, 3),
        ("d", 4, 4),
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (b"a: 1\nb: !!python/object/apply:os.system [ls]", 2, "tag '!!python/object/apply:os.system': a scenario is"),
        (b"a: !!python/name:os.system", 1, "a scenario is data, never code; remove the tag"),
        (b"a: 1\nb: !mine {x: 1}", 2, "tag '!mine'"),
        (b"a: !!str 5", 1, "tag '!!str'"),
        (b"!!map {a: 1}", 1, "tag '!!map'"),
        (b"? !!str a\n: 1", 1, "a key must be a plain word"),
        (b"? {a: 1}\n: 2", 1, "a key must be a plain word"),
        (b"'': 2", 1, "a key must be a plain word"),
        (b"a: 1\nb: [1\nc: 2", 3, "not YAML: "),
        (b"a: 1\n\tb: 2", 2, "not YAML: "),
        (b"a: 1\nb: \x01", 2, "not YAML: control characters are not allowed; remove the character"),
        (b"a: 1\nb: \xff", 2, "byte 0xff is not UTF-8; save the file as UTF-8"),
        (b"a: 1\n---\nb: 1", 2, "a second document begins here"),
        (b"", 1, "given an empty text; a scenario is a mapping"),
        (b"- 1\n- 2", 1, "given a list; a scenario is a mapping"),
        (b"hello", 1, "given the value 'hello'; a scenario is a mapping"),
        (b"a: " + b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), 1, f"nested deeper than {MAX_DEPTH} levels"),
        (b"a: *b", 1, "alias '*b' names no finished anchor '&b' above it"),
        (b"a: &b [1, *b]", 1, "names no finished anchor"),
        (b"a: " + b"9" * 41, 1, "has 41 digits; allowed 40"),
        (b"a: 1 #" + b"x" * MAX_BYTES, 1, f"allowed {MAX_BYTES}: keep data out"),
    ],
)
def test_refusals_have_a_line(text, line, message):
    """What is no data, or no YAML, is refused with its line and the reason."""
    with pytest.raises(YamlError) as caught:
        parse(text)
    assert caught.value.line == line
    assert message in caught.value.message
    assert str(caught.value) == f"line {line}: {caught.value.message}"


def test_aliases_repeat_values():
    """An alias stands for the value of its anchor."""
    assert parse(b"a: &x {b: 1}\nc: *x\n").value == {"a": {"b": 1}, "c": {"b": 1}}


def test_expanding_aliases_are_stopped():
    """Aliases that multiply, the billion-laughs text, are refused before they expand."""
    lines = ["a: &a [1,1,1,1,1,1,1,1,1,1]"]
    lines += [f"{new}: &{new} [{','.join(['*' + old] * 10)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)]
    with pytest.raises(YamlError, match="more than 100000 values, aliases expanded"):
        parse("\n".join(lines).encode())


def test_byte_order_mark_is_ignored():
    """A file that an editor saved with a byte order mark is read."""
    assert parse(b"\xef\xbb\xbfa: 1").value == {"a": 1}


def test_one_value():
    """A value on its own, as behind --set, is parsed by the same rules."""
    assert parse_value("0.5") == 0.5
    assert parse_value("{truthful: 1}") == {"truthful": 1}
    assert parse_value("") is None
    with pytest.raises(YamlError, match="key 'a' is given twice"):
        parse_value("{a: 1, a: 2}")
    with pytest.raises(YamlError, match="not UTF-8"):
        parse_value("a\udcff")


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=4),
    max_leaves=6,
)
words = st.sampled_from(
    ["1e3", "0o7", "010", "NO", "yes", "12:30", "2016-01-01", "null", "~", ".inf", "0x1", "1.", "-", "+", ".5e1", "<<"]
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=8) | words, plain | words, max_size=5))
def test_written_data_are_read_back(data):
    """Whatever is written is read back as the same data of the same kinds."""
    assert repr(parse(write(data).encode()).value) == repr(data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet="ab:{}[]-&*!#'\"|>?%,\n 1.~", max_size=60).map(str.encode))
def test_any_bytes_are_data_or_refused(data):
    """Any bytes give a mapping or a YamlError, never another exception."""
    try:
        assert isinstance(parse(data).value, dict)
    except YamlError as error:
        assert error.line >= 1
