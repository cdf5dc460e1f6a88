"""Every key: its description, its bounds, its reference page."""

import json
import re
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from gridagora.markets.clearing import MECHANISMS
from gridagora.markets.tariffs import TARIFFS
from gridagora.scenarios.inputs import FIRST_DAY, LAST_DAY, load_emission_factors, load_profiles
from gridagora.scenarios.quantities import Price, Share, one_of, sums_to_one
from gridagora.scenarios.schema import FIRST_DAY as SCHEMA_FIRST_DAY
from gridagora.scenarios.schema import LAST_DAY as SCHEMA_LAST_DAY
from gridagora.scenarios.schema import ScenarioModel, Time
from gridagora.scenarios.schema_market import Generators, Market
from gridagora.scenarios.schema_population import Farms, Firms, Households
from gridagora.scenarios.schema_text import json_schema, markdown
from gridagora.scenarios.schema_tree import allowed, annotation_of, by_kind, child, data_path, keys, sections, walk
from gridagora.sim.plugin import descriptions

FIELDS = [(path, name, section) for path, section in walk() for name in section.model_fields]


@pytest.mark.parametrize(("path", "name", "section"), FIELDS, ids=[f"{path}.{name}" for path, name, _ in FIELDS])
def test_every_key_is_described(path, name, section):
    """Every key has a description; a number has its unit in brackets, and its default a mark of its source."""
    field, description = section.model_fields[name], descriptions(section).get(name)
    assert description, f"{path}.{name} has no docstring"
    what = allowed(annotation_of(field))
    if what.startswith(("a number", "a mapping of name to a number")):
        assert re.search(r"\[[^\]]+\]", description), f"{path}.{name} has no unit"
        marked = re.search(r"\((chk|mem|ill)\b", description)
        assert marked or field.default is None or field.is_required(), f"{path}.{name} has no mark"


def test_defaults():
    """The defaults are those of the first scenario."""
    scenario = ScenarioModel()
    assert (scenario.seed, scenario.currency, scenario.time.period_minutes) == (42, "CNY", 15)
    assert scenario.time.start == date(2016, 6, 6)
    assert scenario.time.start.weekday() == 0
    households, firms, farms = scenario.groups.values()
    assert (households.count, firms.count, farms.count) == (1000, 20, 4)
    assert (households.own_elasticity, firms.own_elasticity) == (-0.1, -0.05)
    assert (households.tariff, firms.tariff, farms.tariff) == ("residential", "commercial", "agricultural")
    assert scenario.tariffs.commercial.retail_price("workday", 96)[0] == pytest.approx(0.70)


def test_shared_keys_keep_their_description():
    """A default of its own does not lose the description of a shared key."""
    assert descriptions(Firms)["count"] == descriptions(Households)["count"]
    assert Farms.model_fields["count"].default == 4


def test_profiles_and_dates_are_those_of_the_data():
    """Sectors, regions and days that the schema allows are what the data hold."""
    assert (SCHEMA_FIRST_DAY, SCHEMA_LAST_DAY) == (FIRST_DAY, LAST_DAY)
    for section, group in ((Firms, "firm"), (Farms, "farm")):
        for name in load_profiles(group).names:
            assert section(sectors={name: 1.0}).sectors == {name: 1.0}
    for region in load_emission_factors():
        assert Generators(import_co2_region=region).import_co2_region == region
    for source in ("all", "simbench", "synpro", "bdew"):
        assert load_profiles("household", Households(profiles=source).profiles).names


def test_names_are_those_of_the_registries():
    """Mechanisms and kinds of tariff are the registered ones."""
    for name in MECHANISMS:
        assert Market(mechanism=name).mechanism == name
    assert set(by_kind(child(child(ScenarioModel, "tariffs"), "residential"))) == {*TARIFFS, "menu"}


def test_mean_annual_consumption():
    """The mean is that of the archetypes, or of the log-uniform distribution between the bounds."""
    assert Households().mean_annual_kwh == 2400.0
    kinds = {"single": {"share": 0.25, "annual_kwh": 1200}, "family": {"share": 0.75, "annual_kwh": 2800}}
    assert Households(archetypes=kinds).mean_annual_kwh == pytest.approx(2400.0)
    assert Firms(annual_kwh_min=1000, annual_kwh_max=1000).mean_annual_kwh == 1000.0
    # (e - 1) / ln(e) = 1.71828 for bounds 1 and e
    assert Firms(annual_kwh_min=1.0, annual_kwh_max=2.718281828459045).mean_annual_kwh == pytest.approx(1.718281828)


@pytest.mark.parametrize(("start", "days"), [("2016-12-31", 1), ("2016-01-01", 366), ("2016-06-06", 209)])
def test_last_possible_days(start, days):
    """A run may end on the last day of the profiles."""
    assert Time(start=start, days=days).days == days


@pytest.mark.parametrize(
    ("start", "days", "message"),
    [
        ("2016-12-31", 2, r"given 2, which ends on 2017-01-01; allowed 1 to 1 from 2016-12-31"),
        ("2016-06-06", 210, r"given 210, which ends on 2017-01-01; allowed 1 to 209"),
        ("2015-12-31", 1, r"given 2015-12-31; allowed 2016-01-01 to 2016-12-31"),
        ("6 June", 1, r"given '6 June'; allowed a date such as 2016-06-06"),
        (20160606, 1, r"given 20160606; allowed a date such as 2016-06-06"),
    ],
)
def test_days_outside_the_profiles(start, days, message):
    """A run that leaves the profiles is refused with the days that are left."""
    with pytest.raises(ValidationError, match=message):
        Time(start=start, days=days)


def test_sums_to_one():
    """Shares sum to one within 1e-6; the refusal says the sum."""
    assert sums_to_one({"a": 0.3, "b": 0.7000001}) == {"a": 0.3, "b": 0.7000001}
    with pytest.raises(ValueError, match=r"given shares that sum to 1\.2; they must sum to 1"):
        sums_to_one({"a": 0.5, "b": 0.7})


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (Share, "a number from 0 to 1"),
        (Price, "a number from 0 to 1000000"),
        (one_of("colour", ["red", "blue"]), "one of blue, red"),
        (dict[str, Share], "a mapping of name to a number from 0 to 1"),
        (tuple[str, ...], "a list of text"),
        (int | None, "a whole number or null"),
        (Time, "a mapping with keys start, days, representative_days, period_minutes"),
        (bytes, "any value"),
    ],
)
def test_allowed_in_words(annotation, words):
    """What a key allows is told in words."""
    assert allowed(annotation) == words


def test_bounds_in_words():
    """Open and closed bounds are told apart."""
    assert allowed(annotation_of(Households.model_fields["noise_rho"])) == "a number at least 0 and below 1"
    assert allowed(annotation_of(Households.model_fields["storage_efficiency"])) == "a number above 0 and at most 1"
    assert allowed(annotation_of(ScenarioModel.model_fields["currency"])) == "text like ^[A-Z]{3}$"
    assert allowed(child(child(ScenarioModel, "tariffs"), "residential")) == (
        "a mapping of kind flat or time_of_use or seasonal_time_of_use or critical_peak or dynamic_time_of_use "
        "or real_time or menu"
    )


def test_paths_leave_the_kind_out():
    """A location of pydantic becomes the path in the file."""
    path, annotation = data_path(("tariffs", "residential", "time_of_use", "windows", "peak", 0))
    assert path == ("tariffs", "residential", "windows", "peak", 0)
    assert annotation is str
    path, _ = data_path(("firms", "sectors", "G9", "[key]"))
    assert path == ("firms", "sectors", "G9")


def test_keys_of_an_alternative():
    """The keys of a tariff are those of its kind, or of all kinds where it is not known."""
    assert "windows" not in keys(("tariffs", "residential"), "flat")
    assert "windows" in keys(("tariffs", "residential"), None)
    assert keys(("firms", "count"), None) == []
    assert sections(int) == ()


def test_json_schema():
    """The JSON schema knows `base`, closes every section and carries descriptions and choices."""
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
    assert list(schema["properties"])[:2] == ["base", "name"]
    assert schema["additionalProperties"] is False
    assert all(part.get("additionalProperties") is False for part in schema["$defs"].values())
    assert schema["$defs"]["Market"]["properties"]["mechanism"]["enum"] == sorted(MECHANISMS)
    assert schema["$defs"]["Time"]["properties"]["period_minutes"]["enum"] == [5, 15, 30, 60]


def test_reference_page_is_current():
    """docs/reference/scenario.md is what the schema says; `gridagora schema --markdown` writes it."""
    page = Path(__file__).parent.parent / "docs" / "reference" / "scenario.md"
    assert page.read_text(encoding="utf-8") == markdown().rstrip("\n") + "\n"


def test_reference_page_names_every_key():
    """Every key of every section has its row."""
    page = markdown()
    assert all(f"| `{name}` |" in page for _, name, _ in FIELDS)
    assert "The same keys as `households.strategies`." in page
