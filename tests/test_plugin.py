"""The closed base class and the look-up of names."""

from datetime import date

import pytest
from pydantic import Field, ValidationError

from gridagora.sim.plugin import Frozen, descriptions, nearest, resolve, unknown


class Plug(Frozen):
    """A plug-in with one key of each kind."""

    share: float = Field(default=0.5, ge=0, le=1)
    """Share of something [1]."""
    count: int | None = 3
    """Number."""
    on: bool = True
    """Switch."""
    label: str = "a"
    """Text."""
    prices: dict[str, float] = Field(default={})
    """Prices by name."""
    windows: tuple[str, ...] = ()
    """Texts."""
    start: date = date(2016, 1, 1)
    """Day."""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("share", "0.5"),
        ("share", True),
        ("share", float("nan")),
        ("share", float("inf")),
        ("count", 3.0),
        ("count", "3"),
        ("count", False),
        ("on", 1),
        ("on", "true"),
        ("label", 5),
        ("prices", {"peak": "1"}),
        ("prices", {"peak": True}),
        ("windows", [1]),
        ("unknown", 1),
    ],
)
def test_nothing_is_converted(key, value):
    """A value of another kind, a number that is not finite and an unknown key are refused."""
    with pytest.raises(ValidationError):
        Plug(**{key: value})


def test_what_reads_naturally_is_accepted():
    """A whole number serves as a decimal one, a list as a tuple, a text as a day."""
    plug = Plug.model_validate({"share": 1, "prices": {"peak": 2}, "windows": ["a"], "start": "2016-02-29"})
    assert (plug.share, plug.prices, plug.windows) == (1.0, {"peak": 2.0}, ("a",))
    assert plug.start == date(2016, 2, 29)
    assert isinstance(plug.share, float)


def test_values_stay_fixed():
    """An attribute cannot be set after creation."""
    plug = Plug()
    with pytest.raises(ValidationError, match="frozen"):
        plug.share = 0.1


def test_docstrings_become_descriptions():
    """The docstring under a field is its description, which is a parent's where a field comes again without one."""

    class Derived(Plug):
        share: float = 0.25
        count: int = Field(default=1, description="How many [1].")
        bare: int = 1

    assert descriptions(Plug)["share"] == "Share of something [1]."
    assert descriptions(Derived) == descriptions(Plug) | {"count": "How many [1]."}
    properties = Derived.model_json_schema()["properties"]
    assert properties["share"]["description"] == "Share of something [1]."
    assert "description" not in properties["bare"]


def test_what_has_no_source_and_no_fields_has_no_descriptions():
    """A class made at run time has those of its parents alone; one without fields has a schema all the same."""
    made = type(Plug)("Made", (Plug,), {"__module__": __name__, "__annotations__": {}})
    assert descriptions(made) == descriptions(Plug)
    empty = type(Frozen)("Empty", (Frozen,), {"__module__": "nowhere", "__annotations__": {}})
    assert descriptions(empty) == {}
    assert empty.model_json_schema()["type"] == "object"


def test_defaults_are_checked():
    """A default that breaks its own bound is refused."""

    class Wrong(Frozen):
        share: float = Field(default=2.0, le=1)

    with pytest.raises(ValidationError, match="less than or equal to 1"):
        Wrong()


def test_resolve_returns_the_choice():
    """A registered name gives its value."""
    assert resolve("tariff", "flat", {"flat": 1, "time_of_use": 2}) == 1


def test_resolve_lists_the_choices():
    """An unknown name is refused with all choices and the nearest one."""
    with pytest.raises(ValueError, match=r"^unknown tariff 'Time-of-use'; choose one of: flat, time_of_use; nearest "):
        resolve("tariff", "Time-of-use", {"time_of_use": 2, "flat": 1})
    assert unknown("tariff", "zzz", ["b", "a"]) == "unknown tariff 'zzz'; choose one of: a, b"


@pytest.mark.parametrize(
    ("given", "found"), [("cuont", "count"), ("PV-Share", "pv_share"), ("COUNT", "count"), ("xyz", None)]
)
def test_nearest(given, found):
    """Misspelt names find their like whatever the case or the hyphens; strange ones find nothing."""
    assert nearest(given, ["count", "pv_share", "tariff"]) == found
