"""From files to scenarios: priority, refusals with file, line and key, warnings."""

import os
import pickle

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gridagora.markets.tariffs import Flat
from gridagora.scenarios.load import FOLDER, Scenario, ScenarioError, builtin, load
from gridagora.scenarios.plausible import faults, memory_needed
from gridagora.scenarios.schema import ScenarioModel

ONLINE = [f"online_auction_{name}" for name in ("continuous", "mcafee", "muda", "pay_as_bid", "uniform")]
NAMES = [
    *("baseline_traditional", "cpp", "energy_services_mix", "equipment_services", "ev_wave", "feeder_lv3", "ladder"),
    *("microgrid", "nodal_case5", "one_factory_one_price", *ONLINE, "packages", "pv_business", "pv_decade"),
    *("quickstart", "reliability_menu", "rtp", "smart_home", "state_grid_scale", "tou"),
]


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a scenario file and returns its path."""

    def write_file(text: str, name: str = "mine.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def refusal(path, overrides=None) -> list[str]:
    """Return the lines of the refusal, the folder cut off."""
    with pytest.raises(ScenarioError) as caught:
        load(path, overrides)
    return str(caught.value).replace(f"{path.parent}{os.sep}", "").split("\n")


def test_builtin_scenarios():
    """The built-in scenarios load under their own names, say what they are for, and warn of nothing."""
    assert list(builtin()) == NAMES
    for name in NAMES:
        scenario = load(name)
        assert scenario.name == name
        assert scenario.description.endswith(".")
        assert scenario.warnings == ()
        assert scenario.applied == ()


def test_quickstart_is_the_defaults():
    """The first scenario writes out defaults, so that what it shows is what a bare file means."""
    assert load("quickstart").hash == Scenario().hash


def test_builtin_differences():
    """Each built-in scenario differs from quickstart in what it is about."""
    quickstart, baseline, regulated, uniform, tou = (
        load(name)
        for name in ("quickstart", "baseline_traditional", "one_factory_one_price", "online_auction_uniform", "tou")
    )
    assert quickstart.market.online
    assert not baseline.market.online
    assert regulated.market.pool_rule == "regulated"
    assert (uniform.market.online_sellers, uniform.market.online_buyers) == ("all", "all")
    retail = tou.tariffs.residential.retail_price("workday", 96)
    assert retail[40] == pytest.approx(0.5583)
    assert retail[0] == pytest.approx(0.3583)
    firms = tou.tariffs.commercial.retail_price("workday", 96)
    assert [firms[q] / 0.70 for q in (78, 40, 50, 0)] == pytest.approx([1.92, 1.6, 1.0, 0.4])


def test_priority(write):
    """Default < base < file < override."""
    base = write("base: quickstart\nseed: 1\nthreads: 1\nhouseholds: {count: 2, pv_kwp: 7}\n", "base.yaml")
    mine = write("base: base.yaml\nseed: 2\nhouseholds: {count: 3}\n")
    assert load(base).households.pv_share == 0.2
    scenario = load(mine, {"households.count": 4})
    assert (scenario.seed, scenario.households.count, scenario.households.pv_kwp) == (2, 4, 7.0)
    assert scenario.applied == ("households.count=4",)
    assert scenario.override({"seed": 9}).applied == ("households.count=4", "seed=9")


def test_name_is_the_files_own(write):
    """Name and description are not inherited: a file without a name is called after itself."""
    scenario = load(write("base: tou\n", "My Study 2.yaml"))
    assert (scenario.name, scenario.description) == ("my_study_2", "")


def test_tariff_of_another_kind_replaces_the_whole_entry(write):
    """No key of the old kind is left over; within one kind entries merge."""
    path = write("base: tou\ntariffs:\n  residential: {kind: flat, standing_per_day: 0.5}\n")
    residential = load(path).tariffs.residential
    assert residential == Flat(standing_per_day=0.5)
    same_kind = load(write("base: quickstart\ntariffs: {residential: {energy_per_kwh: 0.4}}\n"))
    assert same_kind.tariffs.residential.standing_per_day == 0.2
    assert same_kind.tariffs.commercial.standing_per_day == 2.0


def test_maps_of_names_are_replaced_as_a_whole(write):
    """Shares by name are given completely or not at all; a dotted key names one entry."""
    assert load(write("households: {strategies: {truthful: 1}}\n")).households.strategies.zi_constrained == 0.0
    base = write("firms: {sectors: {G0-A: 0.5, G1-A: 0.5}}\n", "base.yaml")
    mine = load(write(f"base: {base.name}\nfirms: {{sectors: {{G2-A: 1}}}}\n"))
    assert mine.firms.sectors == {"G2-A": 1.0}
    tou = load("tou", {"tariffs.residential.energy_per_kwh.peak": 0.4})
    assert tou.tariffs.residential.energy_per_kwh == {"peak": 0.4, "valley": 0.1613}


def test_populations_may_be_absent_and_come_back(write):
    """`null` removes a population; a mapping over it brings it back with its defaults."""
    none = write("base: quickstart\nfirms: null\nfarms: null\n", "households_only.yaml")
    assert list(load(none).groups) == ["households"]
    assert load(none, {"firms.count": 3}).firms.annual_kwh_max == 200_000.0


@pytest.mark.parametrize("name", NAMES)
def test_resolved_scenarios_run_as_they_are(name, write):
    """The resolved text loads to the same scenario."""
    scenario = load(name, {"households.count": 123})
    again = load(write(scenario.to_yaml()))
    assert again.resolved() == scenario.resolved()
    assert again.hash == scenario.hash


def test_hash():
    """The hash depends on content alone: not on name, description or how numbers are written."""
    scenario = load("quickstart")
    assert len(scenario.hash) == 64
    assert scenario.override({"name": "other", "description": "Else."}).hash == scenario.hash
    assert scenario.override({"households.annual_kwh": 2400}).hash == scenario.hash
    assert scenario.override({"seed": 43}).hash != scenario.hash


def test_scenarios_are_values():
    """A scenario cannot be changed, can be pickled, and shows itself briefly."""
    scenario = load("quickstart", {"seed": 7})
    assert scenario.override({"seed": 8}).seed == 8
    assert scenario.seed == 7
    with pytest.raises(ValueError, match="frozen"):
        scenario.seed = 9
    copy = pickle.loads(pickle.dumps(scenario))
    assert (copy, copy.applied, copy.hash) == (scenario, ("seed=7",), scenario.hash)
    assert str(scenario) == f"Scenario('quickstart', hash={scenario.hash[:12]})"


def test_overrides_of_python():
    """Numbers of numpy, tuples and nested mappings serve as values, a later key wins over an earlier."""
    scenario = load("quickstart").override(
        {
            "households.count": np.int64(20),
            "households.pv_share": np.float64(0.5),
            "firms": {"count": 2, "sectors": {"G0-A": 1}},
            "firms.count": 3,
            "tariffs.residential": {
                "kind": "time_of_use",
                "energy_per_kwh": {"day": 0.3},
                "windows": {"day": ("00:00-24:00",)},
            },
        }
    )
    assert (scenario.households.count, scenario.households.pv_share) == (20, 0.5)
    assert scenario.firms.count == 3
    assert scenario.tariffs.residential.windows == {"day": ["00:00-24:00"]}


def test_all_problems_at_once_with_their_lines(write):
    """Every fault of a file is told at once: file, line, key, what was given, what is allowed, the nearest."""
    path = write(
        "base: quickstart\n"
        "sed: 1\n"
        "households:\n"
        "  cuont: 5\n"
        "  count: 0\n"
        "  pv_share: 1.2\n"
        "market:\n"
        "  mechanism: uniform_prices\n"
        "  k: 0.5\n"
        "  k: 0.6\n"
        "generators: {capacity_to_peak: -1,\n"
        "  fleet: germany}\n"
    )
    lines = refusal(path)
    assert [line.split(": ")[0] for line in lines] == [f"mine.yaml:{n}" for n in (2, 4, 5, 6, 8, 10, 11, 12)]
    assert lines[0].startswith("mine.yaml:2: sed: unknown key 'sed'; allowed name, description, seed, ")
    assert lines[0].endswith("; nearest 'seed'")
    assert lines[1].endswith("; nearest 'count'")
    assert lines[2] == "mine.yaml:5: households.count: given 0; allowed a whole number from 1 to 1000000000"
    assert lines[3] == "mine.yaml:6: households.pv_share: given 1.2; allowed a number from 0 to 1"
    assert lines[4].startswith("mine.yaml:8: market.mechanism: unknown mechanism 'uniform_prices'; choose one of: ")
    assert lines[4].endswith("; nearest 'uniform_price'")
    assert lines[5] == "mine.yaml:10: market.k: given twice, first on line 9; remove one"
    assert lines[6] == (
        "mine.yaml:11: generators.capacity_to_peak: given -1; allowed a number above 0 and at most 1000"
    )
    assert lines[7] == ("mine.yaml:12: generators.fleet: given 'germany'; allowed germany_simbench")


def test_faults_of_a_base_name_the_base(write):
    """A fault is reported where it stands, also in a base."""
    write("seed: -1\nfirms:\n  count: 0\n", "base.yaml")
    lines = refusal(write("base: base.yaml\nfirms:\n  annual_kwh_min: 0\n"))
    assert lines[0].startswith("base.yaml:1: seed: given -1")
    assert lines[1].startswith("base.yaml:3: firms.count: given 0")
    assert lines[2].startswith("mine.yaml:3: firms.annual_kwh_min: given 0")


REFUSALS = [
    ("seed: 1.5", "seed: given 1.5; allowed a whole number from 0 to 9223372036854775807"),
    ("seed: true", "seed: given true; allowed a whole number"),
    ("seed:", "seed: given null (nothing); allowed a whole number"),
    ("currency: cny", "currency: given 'cny'; allowed text like ^[A-Z]{3}$"),
    ("name: My Study", "name: given 'My Study'; allowed text like"),
    ("description: |\n  a\n  b", "description: given 'a\\nb'; allowed text like"),
    ("market: {online: yes}", "market.online: given 'yes'; allowed true or false; write true"),
    ("market: {online: no}", "market.online: given 'no'; allowed true or false; write false"),
    ("market: {online: maybe}", "market.online: given 'maybe'; allowed true or false"),
    ("market: {k: .nan}", "market.k: given nan; allowed a number from 0 to 1"),
    ("market: {method: exakt}", "market.method: given 'exakt'; allowed one of auto, exact, pyomo; nearest 'exact'"),
    ("market: 5", "market: given 5; allowed a mapping with keys pool_rule, pool_price, online, "),
    ("market: [1]", "market: given [1]; allowed a mapping with keys"),
    (
        "market: {floor_per_kwh: 2, cap_per_kwh: 1}",
        "market.cap_per_kwh: given 1; allowed above floor_per_kwh, which is 2",
    ),
    ("market: {tick_per_kwh: 0.00001}", "market.tick_per_kwh: given 1e-05, which makes 155000 steps between floor and"),
    ("market: {tick_per_kwh: 0}", "market.tick_per_kwh: given 0; allowed a number from 1e-06 to"),
    ("market: {imbalance_kappa: -0.1}", "market.imbalance_kappa: given -0.1; allowed a number from 0 to 1000"),
    ("market: {pool_rule: fixed}", "market.pool_rule: given 'fixed'; allowed one of uniform, regulated"),
    ("network: {loss_rate: 1}", "network.loss_rate: given 1; allowed a number from 0 to 0.5"),
    ("generators: {capacity_to_peak: -0.2}", "capacity_to_peak: given -0.2; allowed a number above 0"),
    ("generators: {blocks: 5}", "generators.blocks: given 5; allowed a whole number from 6 to 318"),
    ("generators: {import_co2_region: nort}", "unknown emission region 'nort'; choose one of: central, east, "),
    ("households: {count: 1000000000000}", "households.count: given 1000000000000; allowed a whole number from 1 to"),
    (
        "households: {count: '5'}",
        "households.count: given '5'; allowed a whole number from 1 to 1000000000; remove",
    ),
    ("households: {count: many}", "households.count: given 'many'; allowed a whole number from 1 to 1000000000"),
    (
        "households: {pv_kwp: 5 kW}",
        "given '5 kW'; allowed a number above 0 and at most 1000000000; the unit belongs to ",
    ),
    ("households: {pv_kwp: 5kWp}", "; the unit belongs to the key (pv_kwp): write 5"),
    ("households: {annual_mwh: 2.4}", "unknown key 'annual_mwh'; the unit belongs to the name: write annual_kwh"),
    ("households: {storage_mwh: 1}", "the unit belongs to the name: write storage_share or storage_kwh or storage_kw"),
    (
        "market: {wheeling_per_mwh: 80}",
        "the unit belongs to the name: write wheeling_per_kwh",
    ),
    ("market: {floor: 0}", "unknown key 'floor'; the unit belongs to the name: write floor_per_kwh"),
    ("time: {period_hours: 1}", "unknown key 'period_hours'; the unit belongs to the name: write period_minutes"),
    (
        "tariffs: {residential: {energy_kwh_per_period: 1}}",
        "unknown key 'energy_kwh_per_period'; the unit belongs to the name: write energy_per_kwh",
    ),
    ("tariffs: {feed_in: {price_per_mwh: 360}}", "the unit belongs to the name: write price_per_kwh"),
    (
        "households.count: 5",
        "unknown key 'households.count'; dotted names are for --set, in a file sections",
    ),
    ("pv_share: 0.5", "unknown key 'pv_share' here; it belongs to households.pv_share or firms.pv_share or"),
    ("zzz: 0.5", "unknown key 'zzz'; allowed name, description, seed, "),
    (
        "households: {storage_share: 1.5}",
        "storage_share: given 1.5; allowed a number from 0 to 1",
    ),
    ("households: {storage_efficiency: 0}", "storage_efficiency: given 0; allowed a number above 0 and at most 1"),
    ("households: {own_elasticity: 0.1}", "own_elasticity: given 0.1; allowed a number from -10 to 0"),
    ("households: {cross_elasticity: -0.1}", "cross_elasticity: given -0.1; allowed a number from 0 to 10"),
    ("households: {tariff: industrial}", "given 'industrial'; allowed one of residential, commercial, agricultural"),
    ("households: {strategies: {zap: 1}}", "unknown key 'zap'; allowed truthful, zi_constrained, zip, "),
    ("households: {strategies: {truthful: 0.7}}", "strategies: given shares that sum to 0.7; they must sum to 1"),
    (
        "households: {archetypes: {single: {share: 0.4, annual_kwh: 1300}}}",
        "households.archetypes: given shares that sum to 0.4; they must sum to 1",
    ),
    (
        "households: {archetypes: {single: {share: 1}}}",
        "archetypes.single.annual_kwh: missing; allowed a number",
    ),
    (
        "households: {archetypes: {a: {share: 1, annual_mwh: 1}}}",
        "archetypes.a.annual_mwh: unknown key 'annual_mwh'; the",
    ),
    ("firms: {sectors: {G0: 1.0}}", "firms.sectors.G0: unknown firm profile 'G0'; choose one of: BL-H, G0-A, "),
    ("farms: {sectors: {L0-A: 0.5}}", "farms.sectors: given shares that sum to 0.5; they must sum to 1"),
    ("firms: {annual_kwh_max: 5}", "given 5; allowed at least annual_kwh_min, which is 10000"),
    (
        "time: {period_minutes: 7}",
        "given 7; must be one of 5, 15, 30, 60 minutes: settlement periods must divide",
    ),
    ("time: {period_minutes: 10}", "given 10; must be one of 5, 15, 30, 60 minutes"),
    ("time: {period_minutes: true}", "given true; allowed one of 5, 15, 30, 60"),
    (
        "time: {start: 2017-01-01}",
        "time.start: given 2017-01-01; allowed 2016-01-01 to 2016-12-31, the days of the",
    ),
    ("time: {start: 2016-12-30, days: 7}", "time.days: given 7, which ends on 2017-01-05; allowed 1 to 2"),
    ("time: {start: 2016-02-30}", "time.start: given '2016-02-30'; allowed a date such as 2016-06-06"),
    ("time: {days: 0}", "time.days: given 0; allowed a whole number from 1 to 366"),
    ("outputs: {members: 10001}", "outputs.members: given 10001; allowed a whole number from 0 to 10000"),
    (
        "tariffs: {residential: {kind: flatt}}",
        "unknown kind of residential 'flatt'; choose one of: critical_peak, dynamic_time_of_use, flat, menu, ",
    ),
    ("tariffs: {residential: {kind: [1]}}", "tariffs.residential.kind: unknown kind of residential '[1]'; choose"),
    ("tariffs: {residential: 5}", "tariffs.residential: given 5; allowed a mapping of kind flat or time_of_use"),
    (
        "tariffs: {residential: {kind: time_of_use}}",
        "tariffs.residential.energy_per_kwh: missing; allowed a mapping",
    ),
    (
        "tariffs: {residential: {windows: {a: ['00:00-24:00']}}}",
        "key 'windows' does not belong to kind flat",
    ),
    (
        "tariffs: {residential: {kind: time_of_use, energy_per_kwh: {a: 1}, windows: {a: ['08:00-22:00']}}}",
        "tariffs.residential: windows leave a gap at 00:00",
    ),
    (
        "tariffs: {residential: {kind: time_of_use, energy_per_kwh: {a: 1}, windows: {a: [1]}}}",
        "tariffs.residential.windows.a.0: given 1; allowed text",
    ),
    (
        "households: null\nfirms: null\nfarms: null",
        "households, firms and farms are all null; give at least one",
    ),
    (
        "seed: !!python/object:os.system 1",
        "tag '!!python/object:os.system': a scenario is data, never code",
    ),
    ("seed: &a [*a]", "alias '*a' names no finished anchor"),
    ("seed: [", "not YAML: "),
    ("- 1", "given a list; a scenario is a mapping"),
    ("base: quickstrat", "base: unknown scenario 'quickstrat'; choose one of: baseline_traditional, "),
    ("base: [quickstart]", "base: given ['quickstart']; allowed the name of a built-in scenario or a path"),
    ("base: mine.yaml", "base: given 'mine.yaml', which leads back to mine.yaml; bases must not form a circle"),
    ('base: "a\\0b"', "base: unknown scenario 'a\\x00b'"),
    (f"base: {'x' * 300}", "base: unknown scenario 'xxxx"),
    ("base: ..", "base: unknown scenario '..'"),
    ("threads: 4097", "threads: given 4097; allowed 1 to "),
]


@pytest.mark.parametrize(("text", "message"), REFUSALS, ids=[text[:40] for text, _ in REFUSALS])
def test_refusals(text, message, write):
    """What is not allowed is refused in words that name key, value, bounds and remedy."""
    assert message.replace("\\x00", "\x00") in "\n".join(refusal(write(text)))


def test_window_within_a_period(write):
    """A window that changes within a settlement period is refused where the windows stand."""
    text = (
        "time: {period_minutes: 60}\n"
        "tariffs:\n"
        "  residential:\n"
        "    kind: time_of_use\n"
        "    energy_per_kwh: {day: 0.4, night: 0.2}\n"
        "    windows: {day: ['08:30-22:00'], night: ['22:00-08:30']}\n"
    )
    (line,) = refusal(write(text))
    assert line.startswith(
        "mine.yaml:6: tariffs.residential.windows: a time-of-use window changes within the settlement"
    )


def test_longer_circles_of_bases(write):
    """A circle over two files is refused."""
    write("base: mine.yaml\n", "other.yaml")
    (line,) = refusal(write("base: other.yaml\n"))
    assert "base: given 'mine.yaml', which leads back to mine.yaml" in line


def test_overrides_are_refused_like_files():
    """An override has no line; everything else is told the same way."""
    with pytest.raises(ScenarioError, match=r"^override: households\.cuont: unknown key 'cuont'; allowed count, "):
        load("quickstart", {"households.cuont": 5})
    with pytest.raises(ScenarioError, match=r"^override: households\.count: given a mapping with keys x; allowed a"):
        load("quickstart").override({"households.count.x": 5})
    with pytest.raises(ScenarioError, match=r"^override: households: given 5; allowed a mapping with keys count"):
        load("quickstart").override({"households": 5})
    with pytest.raises(ScenarioError, match=r"^override: base: unknown key 'base'"):
        load("quickstart").override({"base": "tou"})
    with pytest.raises(ScenarioError, match=r"^override: households\.archetypes: given shares that sum to 0; they"):
        load("quickstart").override({"households.archetypes": {}})


def test_unknown_scenario_lists_the_choices():
    """A name that is no scenario lists the built-in ones and the nearest."""
    with pytest.raises(ScenarioError, match=r"unknown scenario 'quickstrat'; choose one of: .*; nearest 'quickstart'"):
        load("quickstrat")
    with pytest.raises(FileNotFoundError, match=r"no scenario file 'mine\.yaml'; built-in scenarios: baseline_"):
        load("mine.yaml")


def test_unreadable_file(write, monkeypatch):
    """A file that cannot be read is refused with the reason."""

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    path = write("seed: 1\n")
    monkeypatch.setattr("gridagora.scenarios.load._read", refuse)
    assert refusal(path) == ["mine.yaml: cannot be read: Permission denied"]


def test_many_problems_are_cut(write):
    """A file full of faults shows the first fifty."""
    lines = refusal(write("".join(f"key{i}: 1\n" for i in range(60))))
    assert len(lines) == 51
    assert lines[-1] == "... and 10 more problems"


def test_threads_are_bounded_by_the_machine():
    """More threads than processors are refused with the remedy."""
    scenario = ScenarioModel(threads=3)
    assert faults(scenario, 4, 10**12) == []
    assert faults(scenario, 2, 10**12) == [
        (("threads",), "given 3; allowed 1 to 2 on this machine; results do not depend on it")
    ]


def test_a_population_that_does_not_fit_is_refused():
    """10 million households need 10^7 x (192 + 8) bytes = 2 GB; a machine with 1 GB refuses them before they exist."""
    scenario = load("state_grid_scale")
    assert memory_needed(scenario) == {"households": 2_000_000_000}
    assert faults(scenario, 2, 2_000_000_000) == []
    ((path, message),) = faults(scenario, 2, 10**9)
    assert path == ("households", "count")
    assert message == (
        "given 10000000 members; a run needs about 2 GB for all members, the machine has 1 GB; lower count, or use a "
        "larger machine"
    )


def test_ranges_of_the_books(monkeypatch):
    """What could pass 2^62 quanta or micro-units within a year is refused, with the remedy."""
    monkeypatch.setattr("gridagora.scenarios.plausible.memory_of_machine", lambda: 10**13)
    assert load("quickstart", {"households.count": 10**9}).households.count == 10**9
    with pytest.raises(ScenarioError, match=r"households: about 1\.16e\+13 kWh a year, .*; lower count, consumption"):
        load("quickstart", {"households.count": 10**9, "households.annual_kwh": 10_900})
    # 1e9 households x 366 days x 20 a day = 7.3e12 > 2^62 micro-units = 4.61e12
    with pytest.raises(ScenarioError, match=r"currency: a yearly turnover .*; choose a larger money unit, such as"):
        load("quickstart", {"households.count": 10**9, "tariffs.residential.standing_per_day": 20})


def test_warning_of_an_auction_without_trade():
    """Buyers up to 0.503 + 0.17 - 0.08 - 0.005 = 0.588 and sellers from 0.36 + 0.005 trade; with 0.6 they cannot."""
    assert load("quickstart", {"tariffs.feed_in.price_per_kwh": 0.583}).warnings == ()
    dear = load("quickstart", {"tariffs.feed_in.price_per_kwh": 0.6})
    (warning,) = dear.warnings
    assert warning.startswith("nothing will trade online: buyers pay up to 0.588 CNY/kWh (energy + network - wheeling")
    assert "sellers ask from 0.605 (feed-in + fee)" in warning
    assert dear.override({"market.online": False}).warnings == ()
    assert dear.override({"market.online_sellers": "all"}).warnings == ()
    # without firms the best buyer is a household: 0.353 + 0.17 - 0.17 - 0.005 = 0.348 (market_day.md 2)
    households = {"firms": None, "farms": None, "market.wheeling_per_kwh": 0.17}
    assert "up to 0.348 CNY/kWh" in load("quickstart", households).warnings[0]


def test_warning_of_a_microgrid_that_buys_what_it_sells():
    """A kWh costs it 0.7, by the default of commercial tariffs: paid 0.71, it would sell all that it can buy."""
    terms = {"kind": "microgrid", "connection": {"export_per_kwh": 0.7}}
    park = load("quickstart", {"counterparties.companies": ["park_operator"], "business_models": [terms]})
    assert park.warnings == ()
    terms["connection"]["export_per_kwh"] = 0.71
    (warning,) = park.override({"business_models": [terms]}).warnings
    assert warning.startswith("microgrid is paid 0.71 CNY/kWh for what it feeds in and pays 0.7 at most: it buys what")


TEXTS = [(FOLDER / f"{name}.yaml").read_text(encoding="utf-8") for name in NAMES]
PIECES = [
    *("{", "}", "[", "]", ":", "-", "#", "'", '"', "&a ", "*a", "!!str ", "!x ", "\t", "\n", " ", "~", "null", "\x00"),
    *("-1", "1e400", ".nan", "0x", "9" * 60, "true", "é", "\ud800", "<<: *a", "? ", "|", ">", "%", "@", "base: tou\n"),
    *("kind: flat", "kind: time_of_use", "2016-13-01", "[]", "{}", "G0-A: 1", "? [a]\n: b\n", "---\n", "base: ../..\n"),
]
edits = st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 40), st.sampled_from(PIECES)), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    """Return the one file that the mutations are written to."""
    return tmp_path_factory.mktemp("fuzz") / "mutated.yaml"


@settings(max_examples=250, deadline=None)
@given(text=st.sampled_from(TEXTS), edits=edits)
@example(text=TEXTS[4], edits=[(700, 5, "{"), (900, 40, "")])
def test_any_mutation_loads_or_is_refused(text, edits, fuzzed):
    """Any mutation of a valid file either loads or raises ScenarioError, never another exception."""
    for place, length, piece in edits:
        start = place % (len(text) + 1)
        text = text[:start] + piece + text[start + length :]
    fuzzed.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        assert load(fuzzed).groups
    except ScenarioError as error:
        assert all(problem.message for problem in error.problems)


@settings(max_examples=150, deadline=None)
@given(
    key=st.sampled_from(
        [
            *("seed", "time", "time.days", "households", "households.archetypes", "firms.sectors", "name", "market.k"),
            *("tariffs.residential", "tariffs.residential.windows", "tariffs.residential.kind", "market.mechanism"),
            *("a.b", "", "threads", "market.tick_per_kwh", "households.strategies"),
        ]
    ),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
        max_leaves=3,
    ),
)
def test_any_override_is_applied_or_refused(key, value):
    """Any value for any key either loads or raises ScenarioError."""
    try:
        assert len(load("tou", {key: value}).applied) == 1
    except ScenarioError as error:
        assert str(error).startswith("override")
