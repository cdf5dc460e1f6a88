"""Scenario files that are wrong in every way, or right and strange: a valid result or a clear refusal, nothing else."""

import copy
import random
import re

import numpy as np
import pytest
import yaml

import gridagora as ga
from gridagora.scenarios.load import ScenarioError, builtin, load

SMALL = {"households.count": 20, "firms.count": 2, "time.days": 1, "outputs.members": 2}
NUMBERS = [
    *(0, -0.0, 1, -1, 2, 0.5, 1e-9, 1e-6, -1e-6, 0.001, 3.7, 42, 96, 100, 1000, 12345.678, 1e6, 1e9, 1e18, 1e300),
    *(-1e300, 2**31, 2**63, 2**64, 10**30, float("inf"), float("-inf"), float("nan"), 5e-324),
]
WORDS = [
    *("", "null", "~", "true", "no", "yes", "0x1F", "0o17", "1_000", "1,5", "1e3", "12:30", "2016-06-06", "2016-02-30"),
    *("2400 kWh", "0.5 CNY/kWh", "20 %", "5 kW", "[1, 2]", "{}", "{kind: flat}", "[]", "'1'", '"0.5"', "flat", "all"),
    *(
        "电价",
        "émission",
        "\u202e",
        "\U0001f600",
        "\u00a0",
        "'\u0000'",
        "\\u0000",
        "a" * 300,
        "-",
        "?",
        ":",
        "&a 1",
        "*a",
    ),
    *("!!python/name:os.system x", "!!int 3", "!mine 4", "!!binary aGk=", "<<", "%YAML 1.1", "@x", "`x`", "| text"),
]
UNITS = ["_kw", "_mwh", "_per_mwh", "_eur", "_pct", "_h", ""]


def mutate(text, rng):
    """Return the text of a scenario file with one to three faults of the kinds that people and machines make."""
    for _ in range(rng.choice([1, 1, 2, 3])):
        text = rng.choice(MUTATIONS)(text, rng)
    return text


def _line(lines, rng):
    """Return the number of a line with a key."""
    keyed = [number for number, line in enumerate(lines) if re.match(r"\s*[A-Za-z_]+:", line)]
    return rng.choice(keyed) if keyed else 0


def _on_line(change):
    def mutation(text, rng):
        lines = text.split("\n")
        number = _line(lines, rng)
        lines[number : number + 1] = change(lines[number], rng)
        return "\n".join(lines)

    return mutation


def _misspell(line, rng):
    key = re.search(r"[A-Za-z_]{2,}", line)
    if not key:
        return [line]
    at = rng.randrange(key.start(), key.end() - 1)
    swapped = line[:at] + line[at + 1] + line[at] + line[at + 2 :]
    return [rng.choice([swapped, line[:at] + line[at + 1 :], line[:at] + line[at].upper() + line[at + 1 :]])]


def _replace_value(choose):
    def change(line, rng):
        head, colon, rest = line.partition(":")
        if not colon:
            return [line]
        inner = list(re.finditer(r"(?<=: )[^,{}\[\]#]+(?=[,}])", rest))
        if inner:
            match = rng.choice(inner)
            return [f"{head}:{rest[: match.start()]}{choose(rng)}{rest[match.end() :]}"]
        return [f"{head}: {choose(rng)}"]

    return change


def _character(text, rng):
    at = rng.randrange(len(text)) if text else 0
    return (
        text[:at] + rng.choice(["\t", " ", ":", "'", '"', "{", "}", "#", "\x00", "\ufeff", "é", "\r", "- "]) + text[at:]
    )


MUTATIONS = [
    _on_line(lambda line, rng: []),
    _on_line(lambda line, rng: [line, line]),
    _on_line(_misspell),
    _on_line(_replace_value(lambda rng: repr(rng.choice(NUMBERS)))),
    _on_line(_replace_value(lambda rng: rng.choice(WORDS))),
    _on_line(lambda line, rng: [re.sub(r"(_\w+)?:", rng.choice(UNITS) + ":", line, count=1)]),
    _on_line(lambda line, rng: [" " * rng.randrange(6) + line.lstrip()]),
    _character,
]


#: What few built-in scenarios have, and may be added: by section and key.
EXTRAS = [
    ("", "populations", [{"kind": "households", "name": "flats", "count": 3, "pv_share": 1.0, "storage_share": 1.0}]),
    ("", "populations", [{"kind": "firms", "name": "mills", "count": 1}, {"kind": "farms", "name": "mills2"}]),
    ("", "weather", "synthetic"),
    ("", "weather", {"kind": "synthetic", "latitude_deg": -80.0, "mean_temperature": 3.0}),
    ("", "storages", [{"name": "lake", "kind": "pumped", "power_to_peak": 0.3}, {"name": "cell", "kind": "battery"}]),
    ("", "metrics", ["co2", "peak_load"]),
    ("time", "representative_days", {"count": 2, "years": 3}),
    ("generators", "ramp_per_hour", {"lignite": 0.1, "gas": 2.0}),
    ("market", "demand_response_steps", [{"share": 0.2, "price_per_kwh": 0.4}]),
    ("market", "audit", 7),
    *(("market", "mechanism", name) for name in ("pay_as_bid", "vcg", "mcafee", "muda", "continuous", "blocks")),
]


def strange(name, rng):
    """Return a built-in scenario with some keys on or beyond the edge of what is allowed, as YAML text."""
    tree = load(name).resolved()
    for section, key, value in rng.sample(EXTRAS, rng.choice([0, 0, 1, 2])):
        (tree[section] if section else tree)[key] = copy.deepcopy(value)
    leaves = []

    def walk(node):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(value, dict | list):
                walk(value)
            leaves.append((node, key))

    walk(tree)
    for node, key in rng.sample(leaves, rng.choice([1, 1, 2, 4])):
        value = node[key]
        if isinstance(value, bool):
            node[key] = not value
        elif isinstance(value, int | float):
            node[key] = rng.choice([value * factor for factor in (0, -1, 0.01, 100)] + NUMBERS[:20])
            if isinstance(value, int) and rng.random() < 0.8:
                node[key] = int(node[key])
        elif rng.random() < 0.5:
            node[key] = None
    return yaml.safe_dump(tree, allow_unicode=True)


def fuzzed(seed):
    """Return the text of the file of a seed."""
    rng = random.Random(seed)
    name = rng.choice(sorted(builtin()))
    if rng.random() < 0.5:
        return strange(name, rng)
    return mutate(builtin()[name].read_text(encoding="utf-8"), rng)


def assert_plain(error):
    """Assert that a refusal has a message on every line, and no exception of the machinery in it."""
    for line in str(error).splitlines():
        assert ": " in line, line
    assert not re.search(r"Traceback|ValidationError|object at 0x|https?://", str(error)), str(error)


def assert_valid(result):
    """Assert that a result has finite energies, money that adds up, and key figures."""
    energies = result["intervals"].filter(regex="_kwh$")
    assert np.isfinite(energies.drop(columns=[c for c in energies if "forecast" in c]).to_numpy()).all()
    assert (energies["consumption_kwh"] >= 0).all()
    assert np.isfinite(result["ledger"]["amount"]).all()
    assert not np.isinf(result.kpis["value"]).any()


def attempt(seed, folder):
    """Load a fuzzed file and run it where it is valid; return what came of it."""
    file = folder / f"fuzz_{seed}.yaml"
    file.write_text(fuzzed(seed), encoding="utf-8", newline="")
    try:
        scenario = load(file)
        small = scenario.override({key: value for key, value in SMALL.items() if _has(scenario, key)} | _few(scenario))
    except ScenarioError as error:
        assert_plain(error)
        return "refused"
    assert_valid(ga.run(small))
    return "run"


def _has(scenario, key):
    return getattr(scenario, key.split(".")[0]) is not None


def _few(scenario):
    """Return overrides that leave two representative days and at most two years, where there are any."""
    days = scenario.time.representative_days
    return {"time.representative_days": days.model_dump() | {"count": 2, "years": min(days.years, 2)}} if days else {}


def attempt_all(seeds, folder):
    """Attempt all seeds; fail with each seed that ends otherwise than it may."""
    outcomes, failures = [], []
    for seed in seeds:
        try:
            outcomes.append(attempt(seed, folder))
        except Exception as error:
            failures.append(f"seed {seed}: {type(error).__name__}: {str(error)[:300]}")
    assert not failures, "replay with attempt(seed, folder):\n" + "\n".join(failures)
    return outcomes


@pytest.mark.compiled
def test_sixty_fuzzed_files(tmp_path):
    """Sixty files: some run, most are refused, nothing else happens."""
    outcomes = attempt_all(range(60), tmp_path)
    assert outcomes.count("refused") > 20
    assert outcomes.count("run") > 5


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"generators.import_price_per_kwh": 60},
            r"import_price_per_kwh: given 60; allowed above -0.05 .* at most 1.5",
        ),
        (
            {"market.cap_per_kwh": 0.5},
            r"market.cap_per_kwh: given 0.5; allowed at least 1\.\d+, the cost of the dearest",
        ),
        (
            {"market.floor_per_kwh": 0.4},
            r"market.floor_per_kwh: given 0.4; allowed below 0\.\d+, the cost of the cheapest",
        ),
    ],
)
def test_costs_beyond_the_pool_are_refused(overrides, message):
    """Offers that the pool would not take are told when the scenario is loaded, not by the run (found by fuzzing)."""
    with pytest.raises(ScenarioError, match=message):
        load("quickstart", overrides)


def test_a_plant_without_a_tick_keeps_out():
    """Imports at the cap have no price that also covers their fee online: they offer nothing (found by fuzzing)."""
    result = ga.run(load("online_auction_uniform", SMALL | {"generators.import_price_per_kwh": 1.5}))
    assert_valid(result)
    assert "imports" not in set(result["trades"].query("side == 'sell'")["party"])


@pytest.mark.slow
def test_five_hundred_fuzzed_files(tmp_path):
    """Five hundred other files."""
    outcomes = attempt_all(range(1000, 1500), tmp_path)
    assert outcomes.count("refused") > 200
    assert outcomes.count("run") > 50
