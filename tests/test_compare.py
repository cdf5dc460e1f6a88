"""Comparing runs: pairs share seeds, intervals are Student's, what cannot be compared is refused."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

import gridagora as ga
from gridagora.scenarios.cli import app
from gridagora.scenarios.compare import (
    group_folders,
    pairing,
    replications,
    scenario_key,
    worth_by_party,
)
from gridagora.scenarios.run import Result
from gridagora.sim.results import ResultWriter

NAN = float("nan")


def result(seed, bill, extra=(), unit="CNY"):
    """Build a run in memory with a bill and other key figures."""
    rows = [("bill", "system", float(bill), unit), *extra]
    return Result({"kpis": pd.DataFrame(rows, columns=["kpi", "scope", "value", "unit"])}, {"seed": seed})


def write(path, seed, bill, *, name="flat", text="households: {count: 5}\n", worth=None, **manifest):
    """Write a finished run with a bill, its scenario and what its business models are worth."""
    with ResultWriter(path) as writer:
        writer.write("kpis", result(seed, bill)["kpis"], {"value": "see column unit"})
        if worth is not None:
            writer.write("business_worth", worth, {c: "1" for c in worth if worth[c].dtype.kind == "f"})
        writer.write_text("scenario.yaml", f"name: {name}\nseed: {seed}\n{text}")
        writer.finish({"scenario": name, "seed": seed, "currency": "CNY", **manifest})
    return path


def worth_table(npv):
    """Build the worth of one business model to two parties."""
    row = {"business_model": "roof", "discount_rate": 0.1, "irr_note": "", "least_coverage": NAN}
    parties = (("customer", NAN, NAN), ("provider", 0.1, 4.0))
    return pd.DataFrame(
        [
            row | {"basis": basis, "party": party, "npv": npv + more, "irr": irr, "payback_years": years}
            for basis, more in (("agreed", 5.0), ("true", 0.0))
            for party, irr, years in parties
        ]
    )


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Write two runs each of a flat and a time-of-use tariff into results/, and work there."""
    monkeypatch.chdir(tmp_path)
    for seed, flat, tou in ((1, 10, 8), (2, 12, 11)):
        write(Path("results") / f"flat_{seed}", seed, flat)
        write(Path("results") / f"tou_{seed}", seed, tou, name="tou", text="households: {count: 6}\n")
    return [f"results/{name}_{seed}" for name in ("flat", "tou") for seed in (1, 2)]


def call(*arguments):
    """Return the outcome of a call of the command line."""
    return CliRunner().invoke(app, ["compare", *arguments])


def test_interval_of_paired_differences():
    """Differences -1, -2, -3: mean -2, standard error 1/sqrt(3), t of 2 degrees 4.302653 (Student's table)."""
    flat = [result(1, 10), result(2, 20), result(3, 30)]
    tou = [result(3, 27), result(1, 9), result(2, 18)]
    (row,) = ga.compare({"flat": flat, "tou": tou}).to_dict("records")
    assert (row["run"], row["kpi"], row["scope"], row["unit"]) == ("tou", "bill", "system", "CNY")
    assert (row["baseline_value"], row["value"], row["difference"], row["pairs"]) == (20, 18, -2, 3)
    half = 4.302652729911275 / 3**0.5
    assert (row["low"], row["high"]) == pytest.approx((-2 - half, -2 + half), rel=1e-9)


def test_only_common_seeds_count():
    """Seeds 1 and 2 are common: 100 and 200 without a partner change nothing; 2 degrees of freedom less."""
    flat = [result(1, 10), result(2, 20), result(3, 100)]
    tou = [result(1, 11), result(2, 23), result(4, 200)]
    (row,) = ga.compare({"flat": flat, "tou": tou}).to_dict("records")
    assert (row["baseline_value"], row["value"], row["difference"], row["pairs"]) == (15, 17, 2, 2)
    assert row["high"] - row["difference"] == pytest.approx(12.706204736432095)  # t of 1 degree times 1
    groups = [replications(label, runs) for label, runs in (("flat", flat), ("tou", tou))]
    assert pairing(*groups) == "2 pairs, seeds 1, 2; left out without a partner: seeds 3, 4"


@pytest.mark.parametrize(
    ("flat", "tou", "pairs", "words"),
    [
        ([result(1, 10)], [result(1, 8)], 1, "one pair, seed 1: no interval; run both with more seeds"),
        ([result(1, 10)], [result(2, 8)], 0, "unpaired, seed 1 and seed 2: a difference of means without an interval"),
    ],
)
def test_one_pair_or_none_has_no_interval(flat, tou, pairs, words):
    """A single number, and words that say so."""
    (row,) = ga.compare({"flat": flat, "tou": tou}).to_dict("records")
    assert (row["difference"], row["pairs"]) == (-2, pairs)
    assert np.isnan([row["low"], row["high"]]).all()
    assert pairing(replications("flat", flat), replications("tou", tou)).startswith(words)


def test_equal_differences_have_no_width():
    """Where every pair differs by 3, so does the interval's both ends."""
    runs = {"a": [result(s, s) for s in (1, 2)], "b": [result(s, s + 3) for s in (1, 2)]}
    row = ga.compare(runs).iloc[0]
    assert (row["low"], row["high"]) == (3, 3)


def test_figures_that_one_side_lacks():
    """What is nan in a run leaves its pair out; what one side does not have at all is shown, without a difference."""
    more = [("price", "system", 0.4, "CNY/kWh"), ("peak", "system", 5.0, "kW")]
    none = [("price", "system", NAN, "CNY/kWh"), ("peak", "system", 7.0, "kW")]
    price = [("price", "system", 0.5, "CNY/kWh")]
    runs = {"a": [result(1, 1, more), result(2, 1, none)], "b": [result(1, 1, price), result(2, 1, price)]}
    rows = ga.compare(runs).set_index("kpi")
    assert rows["pairs"].to_dict() == {"bill": 2, "price": 1, "peak": 0}
    assert rows.loc["price", ["baseline_value", "value"]].tolist() == [0.4, 0.5]
    assert rows.loc["price", "difference"] == pytest.approx(0.1)
    assert rows.loc["peak", "baseline_value"] == 6.0
    assert rows.loc["peak", ["value", "difference"]].isna().all()


def test_baseline_is_named_or_the_first():
    """Every other label is compared with it, in the order that is given."""
    runs = {"a": result(1, 1), "b": result(1, 2), "c": result(1, 4)}
    assert ga.compare(runs)["difference"].tolist() == [1, 3]
    found = ga.compare(runs, baseline="b")
    assert found["run"].tolist() == ["a", "c"]
    assert found["difference"].tolist() == [-1, 2]


@pytest.mark.parametrize(
    ("runs", "options", "error", "message"),
    [
        ({}, {}, ValueError, "runs: given none; allowed: two or more"),
        ({"a": result(1, 1)}, {}, ValueError, "runs: given a; allowed: two or more"),
        ({"a": [], "b": result(1, 1)}, {}, ValueError, "a: given no run; allowed one or more"),
        ({"a": result(1, 1), "b": result(1, 1)}, {"baseline": "c"}, KeyError, "baseline: given 'c'; allowed: a, b"),
        (
            *({"a": [result(1, 1), result(1, 1)], "b": result(1, 1)}, {}, ValueError),
            "a: given two runs of one scenario with the seed 1, a run in memory and a run in memory; give one of them",
        ),
        (
            *({"a": result(1, 1), "b": result(1, 1, unit="EUR")}, {}, ValueError),
            "bill of system: given in CNY by a and in EUR by b; allowed: one unit; run both .* the same currency",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(runs, options, error, message):
    """One label, no run, an unknown baseline, a seed twice, units that differ."""
    with pytest.raises(error, match=message):
        ga.compare(runs, **options)


def test_folders_and_results_mix(folders):
    """A path, a Result read from its folder and a list of both are the same."""
    mixed = ga.compare({"flat": [Path(folders[0]), ga.read(folders[1])], "tou": folders[2:]})
    assert mixed["difference"].tolist() == [-1.5]
    assert mixed["pairs"].tolist() == [2]


def test_replications_are_found_by_their_scenario(folders):
    """Runs that differ in seed, name and description belong together; any other key parts them."""
    grouped = group_folders([Path(folder) for folder in (*folders, folders[0])])
    assert {label: [path.name for path in paths] for label, paths in grouped.items()} == {
        "flat": ["flat_1", "flat_2"], "tou": ["tou_1", "tou_2"],
    }  # fmt: skip
    other = write(Path("other"), 9, 1, name="renamed", text="description: same\nhouseholds: {count: 5}\n")
    assert scenario_key(other) == scenario_key(Path(folders[0]))
    assert len(group_folders([*map(Path, folders), other])) == 2


def test_own_files_count_by_content(tmp_path):
    """The same data in another place is the same scenario; other data in the same place is another."""
    keys = []
    for number, (path, digest) in enumerate((("a.csv", "1"), ("b.csv", "1"), ("a.csv", "2"))):
        text = f"populations: [{{profiles: {{path: {path}, unit: kW}}}}]\n"
        files = {"populations.0.profiles": {"path": path, "sha256": digest}}
        keys.append(scenario_key(write(tmp_path / str(number), number, 1, text=text, data_files=files)))
    assert keys[0] == keys[1] != keys[2]


def test_seeds_of_real_scenarios_part_no_group(tmp_path):
    """Scenarios as runs write them: seeds belong together, another number of households does not."""
    keys = []
    for number, changes in enumerate(({"seed": 1}, {"seed": 2}, {"households.count": 7})):
        text = ga.load("quickstart").override(changes).to_yaml()
        lines = [line for line in text.splitlines() if not line.startswith(("name:", "seed:"))]
        keys.append(scenario_key(write(tmp_path / str(number), number, 1, text="\n".join(lines) + "\n")))
    assert keys[0] == keys[1] != keys[2]


def test_worth_side_by_side():
    """Means over the replications that have business models, one line a party and label."""
    flat = [result(1, 1), result(2, 1)]
    for run, npv in zip(flat, (10.0, 20.0), strict=True):
        run._tables["business_worth"] = worth_table(npv)
    tou = result(1, 1)
    tou._tables["business_worth"] = worth_table(40.0)
    groups = [replications("flat", flat), replications("tou", tou), replications("none", result(1, 1))]
    rows = worth_by_party(groups)
    assert rows[["party", "run"]].to_numpy().tolist() == [
        ["customer", "flat"], ["customer", "tou"], ["provider", "flat"], ["provider", "tou"],
    ]  # fmt: skip
    assert rows["npv"].tolist() == [15, 40, 15, 40]
    assert rows["npv_agreed"].tolist() == [20, 45, 20, 45]
    assert rows["runs"].tolist() == [2, 1, 2, 1]
    assert rows["payback_years"].tolist()[2:] == [4, 4]
    assert worth_by_party(groups[2:]).empty


def test_command_prints_and_writes(folders):
    """Differences of -2 and -1: mean -1.5, half a width of 12.7062 x 0.5; the file has the columns of the table."""
    done = call(*folders, "--out", "d.csv")
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines()]
    # The title is as wide as the table, so it may take two lines.
    assert "tou against flat: 2 pairs, seeds 1, 2" in " ".join(done.stdout.split())
    assert ["bill", "system", "11", "9.500", "-1.500", "-7.853", "to", "+4.853", "CNY"] in lines
    assert lines[-1] == ["Differences:", "d.csv"]
    assert "Business models" not in done.stdout
    written = pd.read_csv("d.csv")
    assert written.columns.tolist() == [
        "run", "kpi", "scope", "unit", "baseline_value", "value", "difference", "low", "high", "pairs",
    ]  # fmt: skip
    assert written.loc[0, "difference"] == -1.5
    again = call(*folders, "--out", "d.csv")
    assert (again.exit_code, again.stderr) == (2, "--out: d.csv exists; choose another name or remove it\n")


def test_command_takes_a_baseline(folders):
    """The scenario of the baseline run is what others are compared with, whether it is listed or not."""
    listed = call(*folders, "--baseline", folders[3])
    assert "flat against tou: 2 pairs" in " ".join(listed.stdout.split())
    alone = call(folders[0], "--baseline", folders[2])
    assert "flat against tou: one pair, seed 1" in " ".join(alone.stdout.split())


def test_command_shows_business_models(tmp_path):
    """Their worth by party stands below the differences; no interval is a dash."""
    write(tmp_path / "a", 1, 10, worth=worth_table(10.0))
    write(tmp_path / "b", 1, 10, name="tou", text="households: {count: 6}\n", worth=worth_table(-30.0))
    done = call(str(tmp_path / "a"), str(tmp_path / "b"))
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["bill", "system", "10", "10", "0", "–", "CNY"] in lines
    assert ["roof", "provider", "flat", "15", "10", "10", "%", "4", "–", "1"] in lines
    assert ["roof", "customer", "tou", "-25", "-30", "–", "–", "–", "1"] in lines


def test_command_refuses_what_is_no_finished_run(folders):
    """Another folder, an unfinished run, a run without its scenario, one scenario alone: exit code 2 and a remedy."""
    Path("empty").mkdir()
    with ResultWriter("stopped") as writer:
        writer.write("kpis", result(1, 1)["kpis"], {"value": "1"})
    bare = write(Path("bare"), 1, 1)
    (bare / "scenario.yaml").unlink()
    for given, message in (
        ("empty", "empty holds no run: neither manifest.json nor unfinished.json; give the folder of a run, such as"),
        ("nowhere", "nowhere is no folder; give the folder of a run"),
        ("stopped", "stopped holds an unfinished run .*or run it again"),
        ("bare", "bare/scenario.yaml is missing; give the folder of a run as it was written, or run it again"),
        (folders[1], "RUN: given .*: runs of one scenario, with nothing to compare; give runs of two or more"),
    ):
        done = call(folders[0], given)
        assert done.exit_code == 2
        assert re.search(message, done.stderr), done.stderr
    manifest = Path(folders[0]) / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"seed": 1', '"seed": 2'))
    done = call(*folders)
    assert done.exit_code == 2
    assert "given two runs of one scenario with the seed 2, results/flat_1 and results/flat_2" in done.stderr


def test_damaged_files_are_refused(folders):
    """A manifest that is no JSON is told, not traced back."""
    (Path(folders[0]) / "manifest.json").write_text("{")
    done = call(*folders)
    assert done.exit_code == 2
    assert "damaged or not ours" in done.stderr


def test_help_and_reference(folders):
    """The help has an example; docs/reference/cli.md names the command and its options."""
    assert "Example: gridagora compare" in call("--help").output
    page = (Path(__file__).parent.parent / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    assert "`gridagora compare RUN" in page
    command = typer.main.get_command(app).commands["compare"]
    options = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    assert options == {"--baseline", "--out"}
    assert all(f"| `compare` | `{option} " in page for option in options)
