"""From the folder of a sweep to sensitivity indices: designs, refusals, notes, the command, the whole chain."""

import json
import math
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import gridagora as ga
from gridagora.scenarios import run as runs
from gridagora.scenarios.cli import app
from gridagora.scenarios.quantities import CHOICES
from gridagora.scenarios.registry import REGISTERED
from gridagora.scenarios.sensitivity_values import Values, noise_variance, values_of
from gridagora.sim.kpi import SYSTEM, Kpi
from gridagora.sim.metrics import METRICS

A, B = "households.pv_share", "households.ev_share"
UNIT = {"low": 0.0, "high": 1.0}
BOTH = {B: UNIT, A: UNIT}  # not in the order of the alphabet
#: A world of two households on one day, and what of it a metric can see of three keys of its scenario.
TINY = {
    **{
        "households.count": 2,
        "households.pv_share": 0.0,
        "households.storage_share": 0.0,
        "firms": None,
        "farms": None,
    },
    **{"time.days": 1, "time.period_minutes": 60, "market.online": False, "market.method": "exact"},
    **{"generators.capacity_to_peak": 4.0, "metrics": ["ishigami_of_keys"]},
}
KEYS = {
    "market.value_of_lost_load_per_kwh": (10.0, 30.0),
    "tariffs.residential.standing_per_day": (1.0, 9.0),
    "tariffs.residential.levy_per_kwh": (0.0, 0.1),
}


def ishigami(shares):
    """Return Ishigami's function of three shares from 0 to 1."""
    x = [math.pi * (2 * share - 1) for share in shares]
    return math.sin(x[0]) + 7 * math.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * math.sin(x[0])


def ishigami_of_keys(record):
    """Ishigami's function of three keys of the scenario [-]."""
    price = record["bills"].set_index("line")["price"]
    seen = (record["meta"]["value_of_lost_load_per_kwh"], price["standing charge"], price["levy"])
    shares = [(value - low) / (high - low) for value, (low, high) in zip(seen, KEYS.values(), strict=True)]
    return [Kpi("ishigami", SYSTEM, ishigami(shares), "1")]


@pytest.fixture
def registered():
    """Let scenarios name the metric, and forget it afterwards."""
    ga.register(ishigami_of_keys)
    yield
    del METRICS["ishigami_of_keys"], REGISTERED["metric", "ishigami_of_keys"]
    CHOICES["metric"].remove("ishigami_of_keys")


def chain(tmp_path, samples):
    """Sweep Ishigami's function through real runs; return the result."""
    content = {
        "name": "ishigami", "base": "quickstart", "overrides": TINY, "design": "sobol", "samples": samples,
        "factors": {key: {"low": low, "high": high} for key, (low, high) in KEYS.items()},
    }  # fmt: skip
    return ga.sweep(content, tmp_path / "chain", workers=0)


@pytest.mark.compiled
def test_whole_chain(registered, tmp_path):
    """Scenario, run, registered metric, table, indices: as of the function at the rows itself; DuckDB reads the same.

    The three keys are not in the order of the alphabet, in which the manifest has them.
    """
    result = chain(tmp_path, 4)
    factors = [[row[key] for key in KEYS] for row in result.manifest["rows"]]
    ends = np.array(list(KEYS.values()))
    values = [ishigami(row) for row in (np.array(factors) - ends[:, 0]) / np.diff(ends).ravel()]
    assert result.wide()["ishigami"].to_numpy() == pytest.approx(values, abs=1e-4)
    found = ga.sensitivity(result, "ishigami")
    assert found.method == "sobol"
    assert found.indices["factor"].unique().tolist() == list(KEYS)
    a, first, b = (np.array(values[place::5]) for place in (0, 1, 4))
    hand = np.mean(b * (first - a)) / np.var([*a, *b])
    centred = hand - np.mean(values) * np.mean(first - a) / np.var([*a, *b])  # SALib subtracts the mean of all rows
    assert found.table().loc["market.value_of_lost_load_per_kwh", "S1"] == pytest.approx(centred, abs=1e-3)
    table = result.path / "results.parquet"
    query = f"select row, avg(value) from '{table}' where kpi = 'ishigami' group by row order by row"
    frame = result.frame
    by_row = frame[frame["kpi"] == "ishigami"].groupby("row")["value"].mean()
    assert duckdb.sql(query).fetchall() == list(zip(by_row.index, by_row, strict=True))


@pytest.mark.slow
def test_ishigami_through_the_whole_chain(registered, tmp_path):
    """64 base samples, 320 runs: indices within three standard deviations of what 64 samples give.

    Over 200 designs of the function itself these are, for S1: 0.11, 0.07, 0.11, for ST: 0.11, 0.05, 0.036.
    """
    table = ga.sensitivity(chain(tmp_path, 64), "ishigami").table().reindex(list(KEYS))
    assert (np.abs(table["S1"] - [0.313905, 0.442411, 0.0]) < [0.33, 0.20, 0.32]).all()
    assert (np.abs(table["ST"] - [0.557589, 0.442411, 0.243684]) < [0.33, 0.15, 0.107]).all()


def test_a_real_sweep(tmp_path, monkeypatch):
    """What `ga.sweep` writes is what indices are made of: with seeds that shift all rows alike as without."""
    monkeypatch.setattr(
        runs,
        "key_figures",
        lambda scenario: [
            Kpi("peak", SYSTEM, 3 * scenario.households.pv_share + scenario.households.ev_share + scenario.seed, "kW")
        ],
    )
    content = {"name": "x", "base": "quickstart", "factors": BOTH, "design": "sobol", "samples": 8}
    found = ga.sensitivity(ga.sweep(content | {"replications": 2}, tmp_path / "a", workers=0))
    one = ga.sensitivity(ga.sweep(content, tmp_path / "b", workers=0))
    assert found.indices["value"].to_numpy() == pytest.approx(one.indices["value"].to_numpy())
    assert found.table().index.tolist() == [A, B]
    assert found.figures["noise_share"].iloc[0] == pytest.approx(0.0, abs=1e-12)
    assert found.notes == ()


def linear(row, seed):
    """Return 3 a + b."""
    return 3 * row[A] + row[B]


@pytest.mark.parametrize(
    ("keys", "method", "indices"),
    [
        ({"design": "sobol", "samples": 16, "second_order": True}, "sobol", ["S1", "ST", "S2"]),
        ({"design": "morris", "samples": 4}, "morris", ["mu_star", "mu", "sigma"]),
        ({"design": "grid"}, "variance", ["S1", "ST", "S2"]),
        ({"design": "latin_hypercube", "samples": 64}, "regression", ["SRC", "rank", "S1"]),
    ],
)
def test_indices_suit_the_design(swept, keys, method, indices):
    """Each design has its own indices; the first factor of a table matters most; units are theirs."""
    found = ga.sensitivity(swept({"peak": linear}, factors=BOTH, **keys).path)
    assert found.method == method
    assert list(dict.fromkeys(found.indices["index"])) == indices
    assert found.table("peak").index.tolist() == [A, B]
    assert set(found.indices["unit"]) == ({"kW"} if method == "morris" else {"1"})
    figure = found.figures.iloc[0]
    assert (figure["kpi"], figure["unit"], figure["replications"]) == ("peak", "kW", 1)
    assert figure["rows"] == len(swept({"peak": linear}, factors=BOTH, **keys).manifest["rows"])
    assert math.isnan(figure["noise_share"])


def test_list_design(swept):
    """Rows that are given have coefficients and ranks, no S1; the numbers by hand.

    a = 0, 1, 0, 1, 0, 1 and b = 0, 0, 1, 1, 2, 2 are uncorrelated: 3a + b has variance 2.25 + 0.6667.
    """
    factors = {A: [0.0, 1.0, 0.0, 1.0, 0.0, 1.0], B: [0.0, 0.0, 0.5, 0.5, 1.0, 1.0]}
    found = ga.sensitivity(
        swept({"peak": lambda row, _: 3 * row[A] + 2 * row[B]}, factors=factors, design="list"), resamples=20
    )
    table = found.table()
    assert table.columns.tolist() == ["SRC", "rank"]
    assert table.loc[A, "SRC"] == pytest.approx(1.5 / math.sqrt(2.25 + 2 / 3))
    assert found.figures["r2"].iloc[0] == pytest.approx(1.0)


def test_figures_that_have_no_indices(swept):
    """Those that stay the same or do not exist everywhere are left out with a reason; named ones are refused."""
    result = swept(
        {"peak": linear, "flat": lambda *_: 7.0, "price": lambda row, _: math.nan if row[A] < 0.2 else row[A]},
        factors=BOTH,
        design="grid",
    )
    found = ga.sensitivity(result)
    assert found.figures["kpi"].tolist() == ["peak"]
    assert found.notes == (
        "flat is left out: it is the same in all rows",
        "price is left out: it does not exist (nan) at 4 points, and the design needs all",
    )
    with pytest.raises(ValueError, match="flat of system: it is the same in all rows"):
        ga.sensitivity(result, ["peak", "flat"])
    with pytest.raises(ValueError, match="price of system: it does not exist"):
        ga.sensitivity(result, "price")
    with pytest.raises(ValueError, match="unknown key figure 'peek'; choose one of: flat, peak, price; nearest 'peak'"):
        ga.sensitivity(result, "peek")
    with pytest.raises(ValueError, match="unknown scope 'firms'; choose one of: system"):
        ga.sensitivity(result, scope="firms")
    with pytest.raises(ValueError, match="no key figure of system has indices; the first: flat is left out"):
        ga.sensitivity(swept({"flat": lambda *_: 7.0}, factors=BOTH, design="grid"))


def test_regression_leaves_out_what_is_not_there(swept):
    """Rows without a value do not count, and that is said."""
    result = swept(
        {"price": lambda row, _: math.nan if row[A] < 0.5 else row[A]},
        factors=BOTH | {"households.count": [5]}, design="latin_hypercube", samples=20,
    )  # fmt: skip
    found = ga.sensitivity(result)
    assert found.figures["rows"].iloc[0] == 10
    assert found.notes == (
        "price: 10 of 20 rows have no value and are left out",
        "households.count has one value",
        "no S1: 20 rows; from 64 on there are first-order indices",
    )


def test_notes_on_values_without_order(swept):
    """Three texts have no direction in Morris and regression, and that is said."""
    factors = {"market.mechanism": ["u", "v", "w"], A: UNIT}
    figure = {"peak": lambda row, _: "uvw".index(row["market.mechanism"]) + row[A]}
    morris = ga.sensitivity(swept(figure, factors=factors, design="morris", samples=8, levels=6))
    assert "its effects are those of a change between any two" in morris.notes[0]
    random = ga.sensitivity(swept(figure, factors=factors, design="latin_hypercube", samples=64))
    assert "no SRC, no rank" in random.notes[0]
    assert random.table().index.tolist() == ["market.mechanism", A]


def test_noise_of_the_seeds(swept):
    """Rows 1, 2 and 3, 6: beside means and a common rise of 2, 0.5 is left in each value: 4 * 0.25 / 2 = 0.5.

    The means 1.5 and 4.5 have variance 4.5, so a ninth of it comes from the seeds, and that is said.
    """
    runs_ = np.array([[1.0, 2.0], [3.0, 6.0]])
    assert noise_variance(runs_) == pytest.approx(0.5)
    assert math.isnan(noise_variance(np.array([[1.0, 3.0], [5.0, np.nan]])))
    assert noise_variance(np.array([[1.0, 3.0, np.nan], [2.0, 4.0, 6.0]])) == pytest.approx((2 / 2 + 4 / 3) / 2)
    result = swept(
        {"peak": lambda row, seed: runs_[int(row[A] > 0.5), seed - 42]}, 2, factors={A: [0.0, 1.0]}, design="grid"
    )
    found = ga.sensitivity(result)
    assert found.figures["noise_share"].iloc[0] == pytest.approx(1 / 9)
    assert found.notes[0].startswith("peak: 11 % of the variance between rows may come from their seeds")
    (values,) = values_of(result, None, "system")
    assert values.means.tolist() == [1.5, 4.5]
    assert Values("x", "system", "kW", np.array([[0.0, 9.0], [8.0, 2.0]])).noise_share() == 1.0


def test_missing_points_are_refused(tmp_path, monkeypatch, swept):
    """Sobol needs every point: failed ones are counted with the remedy, so is a sweep that was stopped."""

    def figure(scenario):
        if scenario.households.pv_share > 0.9:
            raise ValueError("too much PV")
        return [Kpi("peak", SYSTEM, scenario.households.pv_share, "kW")]

    monkeypatch.setattr(runs, "key_figures", figure)
    content = {"name": "x", "base": "quickstart", "factors": {A: UNIT}, "design": "sobol", "samples": 8}
    result = ga.sweep(content, tmp_path / "a", workers=0)
    failed = len(result.failures)
    assert failed > 0
    with pytest.raises(ValueError, match=rf"{failed} points have no result \(0 lost, {failed} failed\).*too much PV"):
        ga.sensitivity(result)
    (result.path / "results.parquet").unlink()
    with pytest.raises(ValueError, match=rf"{24 - failed} of up to 24 points are done.*--resume"):
        ga.sensitivity(result.path)
    for point in result.path.glob("points/*/*.json"):
        point.unlink()
    with pytest.raises(ValueError, match="no point has a result"):
        ga.paired(result, "peak")


def test_designs_without_indices(swept):
    """One factor at a time is for paired differences; three samples are too few; bad numbers are refused."""
    with pytest.raises(ValueError, match=r"design one_at_a_time has no indices; ga\.paired"):
        ga.sensitivity(swept({"peak": linear}, factors=BOTH, design="one_at_a_time", base={A: 0.1, B: 0.2}))
    with pytest.raises(ValueError, match="given 2 samples; allowed 4 or more"):
        ga.sensitivity(swept({"peak": linear}, factors=BOTH, design="morris", samples=2))
    result = swept({"peak": linear}, factors=BOTH, design="grid")
    for keys in ({"confidence": 1.0}, {"resamples": 1}):
        with pytest.raises(ValueError, match="allowed 0 < confidence < 1, 2 or more"):
            ga.sensitivity(result, **keys)


def test_tables_of_several_figures(swept):
    """Of two key figures one must be named."""
    found = ga.sensitivity(swept({"peak": linear, "low": lambda row, _: row[B]}, factors=BOTH, design="grid"))
    with pytest.raises(ValueError, match="kpi: given None; allowed: peak, low"):
        found.table()
    assert found.table("low").index[0] == B


@pytest.fixture
def called(tmp_path, monkeypatch):
    """Return a function that calls ``gridagora sensitivity`` in a temporary folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["sensitivity", *map(str, arguments)])


def test_command(swept, called):
    """It prints a line a factor with intervals, pairs, notes, and writes the indices; what is there is not replaced."""
    result = swept(
        {"peak": lambda row, _: row[A] + row[B] + row[A] * row[B], "flat": lambda *_: 1.0}, 2,
        factors={B: [0.0, 1.0], A: [0.0, 1.0]}, design="grid",
    )  # fmt: skip
    found = called(result.path, "--out", "indices.csv")
    assert found.exit_code == 0
    lines = [" ".join(line.split()) for line in found.output.splitlines()]
    assert "peak of system, variance: 1.250 ± 1.258 kW over 4 rows x 2 seeds; 0 % of the variance from seeds" in lines
    assert f"{A} 0.474 ± 0 0.526 ± 0" in lines
    assert f"{B} x {A} 0.0526 ± 0" in lines
    assert "note: flat is left out: it is the same in all rows" in lines
    assert lines[-1] == "Indices: indices.csv"
    assert len(pd.read_csv("indices.csv")) == 5
    again = called(result.path, "--out", "indices.csv")
    assert (again.exit_code, "--out: indices.csv exists" in again.output) == (2, True)
    wrong = called(result.path, "--kpi", "peek")
    assert (wrong.exit_code, "nearest 'peak'" in wrong.output) == (2, True)
    assert called("nowhere").exit_code == 2


def test_command_of_other_methods(swept, called):
    """Morris has units and a dash where an effect has no sign; regression tells R2."""
    factors = {"market.mechanism": ["u", "v", "w"], A: UNIT}
    figure = {"peak": lambda row, _: 2.0 * "uvw".index(row["market.mechanism"]) + row[A]}
    text = called(swept(figure, factors=factors, design="morris", samples=8, levels=6).path, "--kpi", "peak").output
    assert "mu_star [kW]" in text
    assert "–" in text
    text = called(swept(figure, factors=factors, design="latin_hypercube", samples=64).path).output
    assert "R2 1.000" in text


def test_the_manifest_stays_json(swept):
    """The analysis reads what `sweep` wrote and changes nothing in the folder."""
    result = swept({"peak": linear}, factors=BOTH, design="grid")
    before = {path.name: path.read_bytes() for path in Path(result.path).iterdir()}
    ga.sensitivity(result)
    assert {path.name: path.read_bytes() for path in Path(result.path).iterdir()} == before
    assert json.loads(before["manifest.json"])["kind"] == "gridagora sweep"
