"""Points on disk: written whole, read back the same, computed as a run of their own would be."""

import json
import math
import os
import platform

import pandas as pd
import pytest

import gridagora as ga
from gridagora.scenarios import run as runs
from gridagora.scenarios.sweep_points import Outcome, PointStore, compute
from gridagora.sim.atomic import TEMPORARY, write_file

KEY = "ab" + "0" * 62
TINY = {
    **{"households.count": 3, "firms": None, "farms": None, "time.days": 1, "time.period_minutes": 60},
    **{"market.method": "exact", "generators.capacity_to_peak": 4.0, "outputs.members": 1},
}


@pytest.fixture(scope="module")
def tiny():
    """Three households for a day."""
    return ga.load("quickstart", TINY)


def test_an_outcome_comes_back_bit_for_bit(tmp_path):
    """Numbers that are no fractions of two, not finite, or tiny are the same after reading."""
    values = (0.1, 1 / 3, 5e-324, -0.0, math.inf, -math.inf, 12345678.9)
    store = PointStore(tmp_path)
    written = Outcome(KEY, "done", tuple((f"k{i}", "system", v, "kWh") for i, v in enumerate(values)))
    store.write(written)
    assert store.read(KEY) == written
    assert store.path(KEY) == tmp_path / "points" / "ab" / f"{KEY}.json"
    other = PointStore(tmp_path / "other")
    other.write(Outcome(KEY, "done", (("none", "system", math.nan, "1"),)))
    assert math.isnan(other.read(KEY).kpis[0][2])


def test_a_finished_point_is_never_touched_again(tiny, tmp_path, monkeypatch):
    """Done and failed ones stay as they are, and are not computed; a lost one is replaced."""
    monkeypatch.setattr(runs, "key_figures", lambda _: [("peak", "system", 1.0, "kW")])
    store = PointStore(tmp_path)
    store.write(Outcome(KEY, "lost", error="killed"))
    assert store.finished(KEY) is None
    store.write(Outcome(KEY, "failed", error="ValueError: no"))
    store.write(Outcome(KEY, "done"))
    assert compute(store, KEY, tiny, "kpis") == "failed"
    assert store.read(KEY) == Outcome(KEY, "failed", error="ValueError: no")
    store.write(Outcome(tiny.hash, "lost", error="killed"))
    assert compute(store, tiny.hash, tiny, "kpis") == "done"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"hash": "x"}', '{"kpis": [[1]]}', "null"])
def test_a_damaged_point_counts_as_absent(tmp_path, content):
    """What is no point is computed again; so is one that lies in another's place."""
    store = PointStore(tmp_path)
    assert store.read(KEY) is None
    store.path(KEY).parent.mkdir(parents=True)
    store.path(KEY).write_text(content)
    assert store.read(KEY) is None
    store.path(KEY).write_text(json.dumps({"hash": "other", "status": "done", "kpis": [], "error": "", "details": ""}))
    assert list(store.outcomes([KEY])) == []


def test_two_writers_never_meet(tmp_path, monkeypatch):
    """Processes of one folder write one file under names of their own; the last to finish stands there, whole."""

    def at_once(file):
        file.write(b"half")
        monkeypatch.setattr(os, "getpid", lambda: 7)
        write_file(tmp_path / "a", lambda other: other.write(b"theirs"))
        monkeypatch.undo()
        assert (tmp_path / "a").read_bytes() == b"theirs"
        assert [path.name for path in tmp_path.glob(".*")] == [f".a.{platform.node()}-{os.getpid()}{TEMPORARY}"]
        file.write(b" ours")

    write_file(tmp_path / "a", at_once)
    assert (tmp_path / "a").read_bytes() == b"half ours"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_half_files_are_cleaned_away(tmp_path):
    """What a killed process had begun goes, points stay."""
    store = PointStore(tmp_path)
    store.write(Outcome(KEY, "done"))
    half = store.path(KEY).with_name(f".half{TEMPORARY}")
    half.write_text("{")
    store.clean()
    assert not half.exists()
    assert store.read(KEY) == Outcome(KEY, "done")


def test_a_point_has_the_key_figures_of_a_run(tiny, tmp_path):
    """What a point keeps equals what `run` finds, bit for bit; with tables the run is there too."""
    whole = ga.run(tiny)["kpis"]
    for keep in ("kpis", "tables"):
        store = PointStore(tmp_path / keep)
        assert compute(store, tiny.hash, tiny, keep) == "done"
        outcome = store.read(tiny.hash)
        for row, expected in zip(outcome.kpis, whole.itertuples(index=False), strict=True):
            assert row[:2] == (expected.kpi, expected.scope)
            assert row[2] == expected.value or (math.isnan(row[2]) and math.isnan(expected.value))
    assert ga.read(store.run_folder(tiny.hash)).manifest["scenario_hash"] == tiny.hash


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("no\nway"), "failed"), (OSError("disk full"), "lost"), (MemoryError(), "lost")]
)
def test_an_error_is_recorded(tiny, tmp_path, monkeypatch, error, status):
    """A point that fails is written with its error in one line and the traceback; the surroundings' faults are lost."""

    def fail(_scenario):
        raise error

    monkeypatch.setattr(runs, "key_figures", fail)
    store = PointStore(tmp_path)
    assert compute(store, tiny.hash, tiny, "kpis") == status
    outcome = store.read(tiny.hash)
    assert outcome.status == status
    assert outcome.error == f"{type(error).__name__}: {' '.join(str(error).split()) or 'no message'}"
    assert "Traceback" in outcome.details
    assert outcome.kpis == ()


def test_a_pool_that_was_used_before_ends_at_the_same_bits(tiny):
    """Points of like plants share one model of the pool; whatever ran before, a point finds what it finds alone."""
    from gridagora.markets import day_ahead

    first = tiny.override({"market.method": "pyomo", "time.days": 2, "households.pv_share": 0.3})
    second = first.override({"households.pv_share": 0.9})
    alone = [runs.run(scenario)["kpis"] for scenario in (first, second)]
    day_ahead._SPARE.clear()
    for scenario, expected in ((first, alone[0]), (second, alone[1]), (first, alone[0])):
        found = pd.DataFrame(runs.key_figures(scenario), columns=["kpi", "scope", "value", "unit"])
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
        assert len(day_ahead._SPARE) == 1
    for seed in range(day_ahead.MOST_SPARE + 1):
        runs.key_figures(second.override({"time.days": 1, "seed": seed}))
    assert len(day_ahead._SPARE) == day_ahead.MOST_SPARE
    day_ahead._SPARE.clear()
