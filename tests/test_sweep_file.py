"""Sweep files: what they may say, and refusals with file and line."""

import pytest

from gridagora.scenarios.load import ScenarioError
from gridagora.scenarios.sweep import make_plan
from gridagora.scenarios.sweep_file import Range, Stop, builtin_sweeps, load_sweep

GOOD = {"base": "quickstart", "factors": {"households.pv_share": [0.0, 0.5]}}


def refused(content):
    """Return the message that refuses a sweep."""
    with pytest.raises(ScenarioError) as caught:
        make_plan(load_sweep(content))
    return str(caught.value)


@pytest.mark.parametrize("name", builtin_sweeps())
def test_built_in_sweeps_hold(name):
    """Each sweep of the package loads, and all its points are valid."""
    plan = make_plan(load_sweep(name))
    assert plan.sweep.name == name
    assert len({key for keys in plan.hashes for key in keys}) == len(plan.rows) * plan.sweep.replications


def test_pv_share_is_thirty_points():
    """Three shares by two mechanisms, five seeds each, the same in all rows."""
    plan = make_plan(load_sweep("pv_share"))
    assert plan.seeds == [42, 43, 44, 45, 46]
    assert plan.rows[1] == {"households.pv_share": 0.0, "market.mechanism": "pay_as_bid"}
    assert [point.scenario.seed for point in plan.points(5, 0, 5)] == plan.seeds
    assert plan.base.households.count == 200


def test_unknown_factors_name_file_line_and_nearest(tmp_path):
    """A factor that the schema does not know is refused at its line, with the nearest key."""
    file = tmp_path / "mine.yaml"
    file.write_text("base: quickstart\nfactors:\n  households.pv_shar: [0.1]\n  housholds.count: [1]\n")
    message = refused(file)
    assert f"{file}:3: factors.households.pv_shar: unknown key 'pv_shar'" in message
    assert "nearest 'pv_share'" in message
    assert f"{file}:4: factors.housholds: unknown key 'housholds'" in message
    assert "nearest 'households'" in message


def test_a_factor_outside_its_bounds_is_refused_before_any_run(tmp_path):
    """Every point is checked; the message says value, bounds and the first row."""
    file = tmp_path / "mine.yaml"
    file.write_text("base: quickstart\nfactors:\n  households.pv_share: [0.1, 1.2]\n")
    assert refused(file) == (f"{file}:3: factors.households.pv_share: given 1.2; allowed a number from 0 to 1 (row 1)")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"factors": {}}, "factors: given"),
        ({"factors": {"seed": [1, 2]}}, "factors.seed: cannot be a factor: give replications"),
        ({"factors": {"households.count": []}}, "given an empty list"),
        ({"factors": {"households.count": 3}}, "allowed a list of values, or {low:, high:}"),
        ({"factors": {"households.count": {"low": 3}}}, "missing"),
        ({"factors": {"households.count": {"low": 3, "hihg": 4}}}, "nearest 'high'"),
        ({"factors": {"households.count": {"low": 3, "high": 2}}}, "low must be below high"),
        ({"factors": {"households.pv_kwp": {"low": 0, "high": 2, "log": True}}}, "above 0 with log"),
        ({"design": "list", "factors": {"households.count": {"low": 3, "high": 4}}}, "design list takes one list"),
        ({"design": "list", "factors": {"seed": [1], "households.count": [1, 2]}}, "lists of [1, 2] values"),
        ({"design": "sobol", "samples": 6}, "allowed a power of 2"),
        ({"design": "morris", "levels": 3}, "allowed an even number"),
        ({"design": "morris", "factors": {"households.count": [3]}}, "two or more to move between"),
        ({"design": "grids"}, "design: given 'grids'; allowed one of grid, list"),
        ({"desing": "grid"}, "desing: unknown key 'desing'"),
        ({"replications": 3, "stop": {"kpi": "peak_load", "half_width": 1.0}}, "at least stop.every, 5"),
        ({"stop": {"kpi": "peak_load", "halfwidth": 1.0}}, "nearest 'half_width'"),
        ({"base": "quickstrat"}, "nearest 'quickstart'"),
        ({"base": "none/there.yaml"}, "no scenario file"),
        ({"overrides": {"households.cuont": 3}}, "overrides.households.cuont: unknown key 'cuont'"),
        ({"overrides": {"seed": 2**63 - 1}, "replications": 2}, "the last seed would be"),
    ],
)
def test_refusals(change, message):
    """What does not hold is refused with what is allowed."""
    assert message in refused(GOOD | change)


def test_files_that_are_no_sweep(tmp_path):
    """Missing files, unknown names, text that is no YAML and repeated keys are refused."""
    with pytest.raises(FileNotFoundError, match="no sweep file"):
        load_sweep("nothing/here.yaml")
    with pytest.raises(ScenarioError, match=r"unknown sweep 'pv_shar'.*nearest 'pv_share'"):
        load_sweep("pv_shar")
    file = tmp_path / "mine.yaml"
    file.write_text("base: [quickstart\n")
    with pytest.raises(ScenarioError, match=r"mine\.yaml:2: not YAML"):
        load_sweep(file)
    file.write_text("base: quickstart\nbase: tou\nfactors: {households.count: [1]}\n")
    with pytest.raises(ScenarioError, match=r"mine\.yaml:2: base: given twice, first on line 1"):
        load_sweep(file)


def test_a_base_and_its_own_files_lie_beside_the_sweep(tmp_path, monkeypatch):
    """A relative base starts from the folder of the sweep, not from the working folder."""
    monkeypatch.chdir("/")
    (tmp_path / "town.yaml").write_text("base: quickstart\nhouseholds: {count: 7}\n")
    (tmp_path / "mine.yaml").write_text("base: town.yaml\nfactors: {households.pv_share: [0.1]}\n")
    file = load_sweep(tmp_path / "mine.yaml")
    assert file.base.households.count == 7
    assert file.sweep.name == "mine"
    (tmp_path / "town.yaml").write_text("base: quickstart\nhouseholds: {cuont: 7}\n")
    with pytest.raises(ScenarioError, match=r"town\.yaml:2: households\.cuont"):
        load_sweep(tmp_path / "mine.yaml")


def test_sections():
    """Ranges and stops have the defaults of the manual."""
    assert Range(low=1, high=2).log is False
    assert (Stop(kpi="peak_load", half_width=1.0).every, Stop(kpi="x", half_width=1.0).confidence) == (5, 0.95)
